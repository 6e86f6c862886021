#!/bin/bash -eu
# Builds every target with the flags of the fuzzing service ($CC, $CFLAGS, $LIB_FUZZING_ENGINE), and
# packs corpora and dictionaries beside them in $OUT. Libraries are linked statically, as targets run
# in another image. Runs by hand, too: OUT=/tmp/out .clusterfuzzlite/build.sh

: "${OUT:?where the targets go}" "${CC:=clang}" "${CXX:=clang++}" "${CFLAGS:=}"
: "${LIB_FUZZING_ENGINE:=-fsanitize=fuzzer}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
flags="-std=c11 -D_GNU_SOURCE -O2 -g -Iinclude"
text_targets=" scenario_json trace_text "

objects=()
compile() { # SOURCE
    local object="$work/${1//\//_}.o"
    # shellcheck disable=SC2086
    $CC $CFLAGS $flags -c "$1" -o "$object"
    objects+=("$object")
}
for source in $(find src sim fuzz -name '*.c' -not -path 'sim/cli/*' -not -path 'sim/record/*' \
    -not -path 'fuzz/targets/*' -not -name driver.c -not -name mutate_hooks.c) port/hosted.c; do
    compile "$source"
done
# shellcheck disable=SC2086
$CC $CFLAGS $flags -c fuzz/mutate_hooks.c -o "$work/hooks.o"

for source in fuzz/targets/*.c; do
    target=$(basename "$source" .c)
    # shellcheck disable=SC2086
    $CC $CFLAGS $flags -c "$source" -o "$work/target.o"
    hooks=$work/hooks.o
    [[ $text_targets == *" $target "* ]] && hooks=
    # shellcheck disable=SC2086
    $CXX $CFLAGS "$work/target.o" $hooks "${objects[@]}" $LIB_FUZZING_ENGINE \
        -Wl,-Bstatic -ljansson -lzstd -lz -Wl,-Bdynamic -ldl -lpthread -lm -o "$OUT/$target"
    (cd "fuzz/corpus/$target" && zip -q -r "$OUT/${target}_seed_corpus.zip" .)
    [ ! -f "fuzz/dictionaries/$target.dict" ] || cp "fuzz/dictionaries/$target.dict" "$OUT/"
    printf '[libfuzzer]\nmax_len = 4096\nlen_control = 10\n' > "$OUT/$target.options"
done
