#!/bin/bash -eu
# Builds every target with the flags of the fuzzing service ($CC, $CFLAGS, $LIB_FUZZING_ENGINE), and
# packs corpora and dictionaries beside them in $OUT. Libraries are linked statically, as targets run
# in another image. Of a service's flags the oracles get all but its coverage (MODE=service in the
# Makefile): the core alone counts edges. Runs by hand, too, from the top of the repository:
#     OUT=/tmp/out .clusterfuzzlite/build.sh

: "${OUT:?where the targets go}" "${CC:=clang}" "${CXX:=clang++}"
: "${CFLAGS:=-O1 -gline-tables-only -fsanitize=address -fsanitize=fuzzer-no-link}"
: "${LIB_FUZZING_ENGINE:=-fsanitize=fuzzer}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
targets=$(cd fuzz/targets && ls ./*.c | sed 's|./||; s|\.c$||')

# shellcheck disable=SC2086
make -j"$(nproc)" MODE=service BUILD="$work" CC="$CC" TRACED_CC="$CC" PACKAGES_build= \
    SERVICE_CFLAGS="$CFLAGS" SERVICE_LINK="$CXX ${CXXFLAGS:-$CFLAGS} $LIB_FUZZING_ENGINE" \
    SIM_LIBS="-Wl,-Bstatic -ljansson -lzstd -lz -Wl,-Bdynamic -ldl -lpthread -lm" \
    $(printf " $work/target_%s" $targets)

mkdir -p "$OUT"
for target in $targets; do
    cp "$work/target_$target" "$OUT/$target"
    rm -f "$OUT/${target}_seed_corpus.zip"
    (cd "fuzz/corpus/$target" && zip -q -r "$OUT/${target}_seed_corpus.zip" .)
    [ ! -f "fuzz/dictionaries/$target.dict" ] || cp "fuzz/dictionaries/$target.dict" "$OUT/"
    printf '[libfuzzer]\nmax_len = 8192\nlen_control = 10\n' > "$OUT/$target.options"
done
