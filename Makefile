# The one door of smh. `make help` lists what it does.
#
# Every build is a MODE with a folder of its own: release (build/); asan, tsan, m32, clang, coverage,
# fuzz, afl, service (a fuzzing service's flags), mutants; size, and coverage and mutants of that,
# coverage-size and mutants-size (build/MODE/).
# Sources are found by room, so a new file needs no line here.

MODE ?= release
ifeq ($(origin CC),default)
CC := gcc
endif
PREFIX ?= /usr/local
DESTDIR ?=
SMH_ATTRIBUTE_COUNT ?=
VERSION := $(shell sed -n 's/^.define SMH_VERSION *"\(.*\)"/\1/p' sim/result.h)

BUILD := $(if $(filter release,$(MODE)),build,build/$(MODE))
WARNINGS := -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wundef -Wvla -Wformat=2 -Werror
MODE_CC_clang := clang
MODE_FLAGS_asan := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
MODE_FLAGS_tsan := -fsanitize=thread
MODE_CC_coverage := clang-19
MODE_FLAGS_coverage := -O1 -w -Itests/mutants -fprofile-instr-generate -fcoverage-mapping -fcoverage-mcdc
MODE_CC_coverage-size := $(MODE_CC_coverage)
MODE_FLAGS_coverage-size := $(MODE_FLAGS_coverage)
MODE_FLAGS_m32 := -m32 -msse2 -mfpmath=sse
MODE_FLAGS_mutants := -O1 -g0 -w -Itests/mutants
MODE_FLAGS_mutants-size := $(MODE_FLAGS_mutants)
MODE_CC_fuzz := clang
# The check for returned frames is off when it runs, unless asked for; programs alone are built.
MODE_FLAGS_fuzz := $(MODE_FLAGS_asan) -fsanitize-address-use-after-return=never -fPIE
MODE_CC_afl := clang
MODE_FLAGS_afl := $(MODE_FLAGS_asan)
# What a fuzzing service gives: .clusterfuzzlite/build.sh.
SERVICE_CFLAGS ?=
MODE_FLAGS_service := -w $(filter-out -fsanitize=fuzzer-no-link,$(SERVICE_CFLAGS))
COMPILER := $(or $(MODE_CC_$(MODE)),$(CC))
CFLAGS = -std=c11 -D_GNU_SOURCE -O2 -g -fPIC -ffp-contract=off $(WARNINGS) -Iinclude -MMD -MP \
	$(if $(SMH_ATTRIBUTE_COUNT),-DSMH_ATTRIBUTE_COUNT=$(SMH_ATTRIBUTE_COUNT)) \
	$(MODE_FLAGS_$(MODE)) $(EXTRA_CFLAGS)
LDFLAGS = $(MODE_FLAGS_$(MODE)) $(EXTRA_LDFLAGS)
WHOLE_FLAGS := -O3 -flto -fPIE
FLAGS_NOW := $(COMPILER) $(CFLAGS) $(WHOLE_FLAGS)
SIM_LIBS := -ljansson -lzstd -lz -ldl -lpthread -lm

CORE_SOURCES := $(sort $(shell find src -name '*.c'))
SIM_SOURCES := $(sort $(shell find sim -name '*.c' -not -path 'sim/cli/*' -not -path 'sim/record/*'))
CLI_SOURCES := $(sort $(wildcard sim/cli/*.c))
TEST_SOURCES := $(sort $(shell find tests/core tests/sim -name '*.c'))
BENCH_SOURCES := $(sort $(wildcard bench/*.c))
BENCH_SHARED_SOURCES := $(sort $(wildcard bench/harness/*.c))
FUZZ_SHARED_SOURCES := fuzz/stage.c fuzz/stage_memory.c $(filter-out %/mutate_hooks.c %/mutate_afl.c,\
	$(sort $(wildcard fuzz/input/*.c fuzz/naive/*.c fuzz/judges/*.c)))
FUZZ_TARGETS := $(sort $(notdir $(basename $(wildcard fuzz/targets/*.c))))
# Inputs are text: libFuzzer's own mutations, and a dictionary.
FUZZ_TEXT_TARGETS := scenario_json trace_text

object = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
CORE_OBJECTS := $(call object,$(CORE_SOURCES) port/hosted.c)
SIM_OBJECTS := $(call object,$(SIM_SOURCES))
CLI_OBJECTS := $(call object,$(CLI_SOURCES))
TEST_OBJECTS := $(call object,$(TEST_SOURCES))
BENCH_OBJECTS := $(call object,$(BENCH_SOURCES))
BENCH_SHARED_OBJECTS := $(call object,$(BENCH_SHARED_SOURCES))
BENCHES := $(BENCH_SOURCES:bench/%.c=%)
FUZZ_SHARED_OBJECTS := $(call object,$(FUZZ_SHARED_SOURCES))

# --- packages: what is missing is installed, or named in one line to paste -----------------------

PACKAGES_build := gcc libc6-dev libjansson-dev libzstd-dev zlib1g-dev clang binutils
PACKAGES_bench := libjemalloc2 libmimalloc2.0
PACKAGES_report := python3 python3-matplotlib python3-jinja2
PACKAGES_test := libcriterion-dev gcc g++ clang valgrind zstd python3 python3-jsonschema python3-matplotlib python3-jinja2
PACKAGES_cachegrind := mawk gzip sqlite3 python3 coreutils perl
PACKAGES_check := clang clang-format clang-tidy libclang-rt-dev gcc-multilib gcc-arm-none-eabi \
	libnewlib-arm-none-eabi binutils git
PACKAGES_cortex-m := gcc libc6-dev python3 gcc-arm-none-eabi gcc-riscv64-unknown-elf \
	qemu-system-arm qemu-system-misc
PACKAGES_fuzz := $(PACKAGES_build) clang libclang-rt-dev python3
PACKAGES_afl := $(PACKAGES_fuzz) afl++
PACKAGES_static := gcc libc6-dev libjansson-dev libzstd-dev zlib1g-dev cppcheck frama-c-base why3 z3 cvc4 \
	git python3 clang-tidy
PACKAGES_mutants := $(PACKAGES_build) zstd python3 python3-clang-14 libclang1-14
PACKAGES_coverage := $(PACKAGES_build) zstd python3 clang-19 llvm-19 libclang-rt-19-dev
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

build/.packages-%:
	@mkdir -p build
	@command -v dpkg-query > /dev/null || { touch $@; exit 0; }; \
	missing=; for package in $(PACKAGES_$*); do \
	    dpkg-query -W -f='$${Status}' $$package 2> /dev/null | grep -q 'ok installed' \
	        || missing="$$missing $$package"; \
	done; \
	if [ -n "$$missing" ]; then \
	    echo "installing:$$missing"; \
	    { $(SUDO) apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	      $(SUDO) apt-get install -y -qq --no-install-recommends $$missing; } > build/packages.log 2>&1 \
	    || { echo "packages are missing; install them with: sudo apt-get install$$missing"; exit 1; }; \
	fi; touch $@

# --- building ------------------------------------------------------------------------------------

.DEFAULT_GOAL := build
.DELETE_ON_ERROR:
.SUFFIXES:

build: $(BUILD)/smh $(BUILD)/libsmh.a $(BUILD)/libsmh_record.so ## build the program and the library

# Other flags, SMH_ATTRIBUTE_COUNT for one, make other objects.
$(BUILD)/.flags: FORCE
	@mkdir -p $(@D)
	@echo '$(FLAGS_NOW)' | cmp -s - $@ || echo '$(FLAGS_NOW)' > $@
FORCE:

$(BUILD)/obj/%.o: %.c $(BUILD)/.flags | build/.packages-build
	@mkdir -p $(@D)
	@echo "  CC $(MODE) $<"
	@$(COMPILER) $(CFLAGS) -c -o $@ $<

$(TEST_OBJECTS): | build/.packages-test

$(BUILD)/libsmh.a: $(CORE_OBJECTS)
	@rm -f $@ && ar rcs $@ $^

# The core a second time, for the simulator: its loads and stores are traced (sim/machine/core.h).
# The same compiler, flags and code in every MODE: what is counted is the allocator's accesses, not a
# sanitizer's. Wider than 8 bytes nothing is loaded or stored, as on the targets. The first compilation
# makes each of them call tracing_hooks.h, the second inlines that.
TRACED_CC := clang
TRACED_CFLAGS := -std=c11 -D_GNU_SOURCE -O2 -gdwarf-4 -gline-tables-only -fPIC -fno-builtin -fno-vectorize -fno-slp-vectorize \
	-Iinclude $(filter -m32,$(MODE_FLAGS_$(MODE))) \
	$(if $(SMH_ATTRIBUTE_COUNT),-DSMH_ATTRIBUTE_COUNT=$(SMH_ATTRIBUTE_COUNT))
TRACING := -fsanitize-coverage=func,trace-loads,trace-stores -DSMH_TRACED -include sim/machine/tracing_hooks.h
TRACED_OBJECTS := $(CORE_SOURCES:%.c=$(BUILD)/obj/traced/%.o)

$(BUILD)/obj/traced/%.o: %.c sim/machine/tracing_hooks.h $(BUILD)/.flags | build/.packages-build
	@mkdir -p $(@D)
	@echo "  CC $(MODE) traced $<"
	@$(TRACED_CC) $(TRACED_CFLAGS) $(TRACING) -MMD -MP -MQ $@ -MF $(@:.o=.d) -emit-llvm -c -o $(@:.o=.bc) $<
	@$(TRACED_CC) $(filter-out -I% -D% -std=%,$(TRACED_CFLAGS)) -c -o $@ $(@:.o=.bc)

# Every name that the traced copy defines gets a prefix; of libc it calls the traced mem*.
$(BUILD)/obj/traced.o: $(TRACED_OBJECTS)
	@$(TRACED_CC) $(filter -m32,$(MODE_FLAGS_$(MODE))) -r -nostdlib -o $(@:.o=.linked.o) $^
	@{ nm -g --defined-only $(@:.o=.linked.o) | awk '{ print $$3, "smh_traced_" $$3 }'; \
	    for name in memcpy memmove memset memcmp; do echo $$name smh_tracing_$$name; done; } > $(@:.o=.names)
	@objcopy --redefine-syms=$(@:.o=.names) $(@:.o=.linked.o) $@

# MODE=size, coverage-size, mutants-size: the core as small machines get it, and the tests that see
# inside it; and once more with the one engine alone. What simulates is built for speed as ever, its
# traced copy of the core too, so that the two ways to build the core are held against each other.
SIM_LIBRARY := $(BUILD)/libsmhsim.a
ifneq ($(filter size %-size,$(MODE)),)
SIM_LIBRARY := build/libsmhsim.a
$(SIM_LIBRARY): FORCE
	@$(MAKE) --no-print-directory MODE=release $@
$(CORE_OBJECTS) $(TEST_OBJECTS): CFLAGS += -Os
endif
SINGLE_OBJECTS := $(CORE_SOURCES:%.c=$(BUILD)/obj/single/%.o)

$(BUILD)/obj/single/%.o: %.c $(BUILD)/.flags | build/.packages-build
	@mkdir -p $(@D)
	@echo "  CC $(MODE) single $<"
	@$(COMPILER) $(CFLAGS) -Os -DSMH_SINGLE_ENGINE -c -o $@ $<

# Where a replay spends its time: gcc compiles it as one, for programs alone (PIE), so that calls
# between the files are inlined.
WHOLE_SOURCES := $(filter sim/replay.c sim/result.c sim/live_slots.c sim/hardware% sim/machine/% sim/hazard/%,$(SIM_SOURCES))
WHOLE_OBJECTS := $(if $(filter release/gcc%,$(MODE)/$(notdir $(firstword $(COMPILER)))),$(call object,$(WHOLE_SOURCES)))
$(WHOLE_OBJECTS): CFLAGS += $(WHOLE_FLAGS)

$(BUILD)/obj/whole.o: $(WHOLE_OBJECTS)
	@echo "  LD $(MODE) $@"
	@$(COMPILER) $(filter-out -MMD -MP,$(CFLAGS)) -flto=2 -fPIE -r -nostdlib -flinker-output=nolto-rel -o $@ $^

$(BUILD)/libsmhsim.a: $(filter-out $(WHOLE_OBJECTS),$(SIM_OBJECTS)) $(if $(WHOLE_OBJECTS),$(BUILD)/obj/whole.o) $(BUILD)/obj/traced.o
	@rm -f $@ && ar rcs $@ $^

$(BUILD)/smh: $(CLI_OBJECTS) $(BUILD)/libsmhsim.a $(BUILD)/libsmh.a
	@echo "  LD $(MODE) $@"
	@$(COMPILER) $(LDFLAGS) -rdynamic -o $@ $^ $(SIM_LIBS)

# Never sanitized: it is loaded into programs that are not.
$(BUILD)/libsmh_record.so: sim/record/preload.c sim/record/record_format.h | build/.packages-build
	@mkdir -p $(@D)
	@echo "  LD $(MODE) $@"
	@$(COMPILER) -std=c11 -D_GNU_SOURCE -O2 -g -fPIC -shared $(WARNINGS) -Iinclude -o $@ $< -ldl -lpthread

# What tests use of other rooms.
TEST_SHARED_OBJECTS := $(call object,fuzz/stage.c fuzz/stage_memory.c fuzz/targets/heap_ops.c \
    $(addprefix fuzz/,input/generate.c input/mutate.c judges/counters.c judges/damage.c \
    naive/naive_machine.c naive/naive_memory.c naive/naive_tables.c)) \
    $(call object,$(filter-out %/main.c,$(wildcard tests/exhaustive/*.c)))

$(BUILD)/smh_tests_single: $(SINGLE_OBJECTS)
$(BUILD)/smh_tests $(BUILD)/smh_tests_single: $(TEST_OBJECTS) $(TEST_SHARED_OBJECTS) $(SIM_LIBRARY) $(BUILD)/libsmh.a \
    | $(BUILD)/libsmh_record.so
	@echo "  LD $(MODE) $@"
	@$(COMPILER) $(LDFLAGS) -rdynamic -o $@ $(filter %.o,$^) $(filter %.a,$^) -lcriterion $(SIM_LIBS)

# The core once more, telling each basic block: what bench/worst searches by.
$(BUILD)/libsmh_blocks.so: $(CORE_SOURCES) port/hosted.c $(wildcard src/*.h src/engine/*.h include/smh/*.h)
	@mkdir -p $(@D)
	@echo "  LD $(MODE) $@"
	@$(COMPILER) $(filter-out -MMD -MP,$(CFLAGS)) -fsanitize-coverage=trace-pc -shared -Wl,-Bsymbolic \
	    -o $@ $(filter %.c,$^) -lpthread

$(BUILD)/bench/worst: | $(BUILD)/libsmh_blocks.so

$(BUILD)/bench/%: $(BUILD)/obj/bench/%.o $(BENCH_SHARED_OBJECTS) $(BUILD)/libsmhsim.a $(BUILD)/libsmh.a
	@mkdir -p $(@D)
	@echo "  LD $(MODE) $@"
	@$(COMPILER) $(LDFLAGS) -rdynamic -Wl,-z,now -o $@ $^ $(SIM_LIBS)

# Replays inputs through a target, by any compiler: no libFuzzer.
$(BUILD)/fuzz_replay/%: $(BUILD)/obj/fuzz/targets/%.o $(BUILD)/obj/fuzz/driver.o $(FUZZ_SHARED_OBJECTS) \
    $(SIM_LIBRARY) $(BUILD)/libsmh.a
	@mkdir -p $(@D)
	@echo "  LD $(MODE) $@"
	@$(COMPILER) $(LDFLAGS) -o $@ $^ $(SIM_LIBS)

# MODE=fuzz: the core counts edges; where inputs are text, comparisons too. Comparisons of the core
# would cost two thirds of the speed and tell nothing that the mutations of fuzz/input/mutate.c do not know.
# Targets with ceilings, or with threads that change in the midst of the core, get a core that counts
# its steps as well, which costs a fifth of the speed.
# What judges is not instrumented: only the core is on trial, and its memory is poisoned for it; the
# judges are under sanitizers in MODE=asan. The same files are instrumented for AFL++.
COVERAGE_edges := -fsanitize-coverage=inline-8bit-counters,pc-table
COVERAGE_core := $(COVERAGE_edges),trace-pc
STEP_TARGETS := latency two_threads wild_pointers
STEP_OBJECTS := $(CORE_SOURCES:%.c=$(BUILD)/obj/steps/%.o)
JUDGES := $(call object,$(wildcard sim/model/*.c) sim/workload/fuzz_input.c sim/random.c \
	$(filter-out %/text.c,$(FUZZ_SHARED_SOURCES)))
COVERAGE_text := -fsanitize=fuzzer-no-link
COVERED_text := $(call object,$(filter sim/hazard/%,$(SIM_SOURCES)) \
	$(filter-out %/fuzz_input.c,$(filter sim/workload/%,$(SIM_SOURCES))))
COVERED_memory := $(call object,$(filter sim/machine/memory% sim/machine/cache%,$(SIM_SOURCES)))
ifneq ($(or $(filter fuzz,$(MODE)),$(and $(filter service,$(MODE)),$(filter -fsanitize=fuzzer-no-link,$(SERVICE_CFLAGS)))),)
$(CORE_OBJECTS): CFLAGS += $(COVERAGE_edges)
$(STEP_OBJECTS): CFLAGS += $(COVERAGE_core)
$(JUDGES): CFLAGS += -fno-sanitize=all
$(COVERED_text): CFLAGS += $(COVERAGE_text)
$(COVERED_memory): CFLAGS += $(COVERAGE_edges)
endif
ifeq ($(MODE),afl)
export AFL_QUIET := 1
# AFL++ 4.04's own instrumentation of selects writes beside its map.
export AFL_LLVM_INSTRUMENT := LLVM-NATIVE
$(CORE_OBJECTS) $(STEP_OBJECTS) $(COVERED_text) $(COVERED_memory): COMPILER := afl-clang-fast
endif
FUZZ_LINK_afl := afl-clang-fast $(LDFLAGS) -fsanitize=fuzzer
FUZZ_LINK_service = $(SERVICE_LINK)
FUZZ_LINK := $(or $(FUZZ_LINK_$(MODE)),$(COMPILER) $(LDFLAGS) -fsanitize=fuzzer)
# libFuzzer takes mutations from the program, AFL++ from a library beside it.
UNHOOKED_TARGETS := $(if $(filter afl,$(MODE)),$(FUZZ_TARGETS),$(FUZZ_TEXT_TARGETS))

$(BUILD)/obj/steps/%.o: %.c $(BUILD)/.flags | build/.packages-build
	@mkdir -p $(@D)
	@echo "  CC $(MODE) steps $<"
	@$(COMPILER) $(CFLAGS) -c -o $@ $<

$(STEP_TARGETS:%=$(BUILD)/target_%): $(STEP_OBJECTS)
ifeq ($(MODE),fuzz)
$(addprefix $(BUILD)/target_,$(filter-out $(FUZZ_TEXT_TARGETS),$(FUZZ_TARGETS))): $(call object,fuzz/libfuzzer.c)
endif

# The objects of a core with steps come before the library, which then adds nothing but the rest.
$(BUILD)/target_%: $(BUILD)/obj/fuzz/targets/%.o $(BUILD)/obj/fuzz/input/mutate_hooks.o $(FUZZ_SHARED_OBJECTS) \
    $(BUILD)/libsmhsim.a $(BUILD)/libsmh.a
	@echo "  LD $(MODE) $@"
	@$(FUZZ_LINK) -Wl,--wrap=__sanitizer_cov_trace_pc -o $@ \
	    $(filter-out $(if $(filter $*,$(UNHOOKED_TARGETS)),%/mutate_hooks.o),$(filter %.o,$^)) $(filter %.a,$^) $(SIM_LIBS)

build/afl/mutate.so: fuzz/input/mutate_afl.c fuzz/input/mutate.c fuzz/input/generate.c sim/random.c
	@mkdir -p $(@D)
	@$(CC) -std=c11 -D_GNU_SOURCE -O2 -g -fPIC -shared $(WARNINGS) -Iinclude -o $@ $^

$(BUILD)/exhaustive: $(call object,$(wildcard tests/exhaustive/*.c) tests/core/faulty_engines.c) \
    $(BUILD)/libsmhsim.a $(BUILD)/libsmh.a
	@echo "  LD $(MODE) $@"
	@$(COMPILER) $(LDFLAGS) -o $@ $^ $(SIM_LIBS)

# --- the main job --------------------------------------------------------------------------------

SCENARIO ?= scenarios/gateway.json

run: build build/.packages-report ## replay a recorded workload, compare engines and policies, write out/report.html
	build/smh compare --host-time --output out $(SCENARIO)
	/usr/bin/python3 plots/report.py out/results.json -o out
	@echo "report: out/report.html"

# --- testing -------------------------------------------------------------------------------------

test: build $(BUILD)/smh_tests $(BENCHES:%=build/bench/%) build/.packages-test ## Criterion suites, golden command-line tests, plots, a smoke run of the benches
	$(BUILD)/smh_tests
	/usr/bin/python3 tests/cli/run.py build/smh
	/usr/bin/python3 tests/check_schema.py build/smh
	/usr/bin/python3 tests/check_library.py
	/usr/bin/python3 tests/check_hazards.py build/smh
	/usr/bin/python3 tests/cachegrind/compare.py build/smh
	/usr/bin/python3 -m unittest discover -q -s tests/plots
	set -e; for bench in $(BENCHES); do echo "build/bench/$$bench --smoke"; build/bench/$$bench --smoke > build/bench/smoke.log; done
	$(MAKE) fuzz-replay

cachegrind: build build/.packages-test build/.packages-cachegrind ## hits and misses of seven real programs are Cachegrind's, to the last one; time per access
	/usr/bin/python3 tests/cachegrind/compare.py build/smh --all --speed

check: check-format check-layers check-freestanding check-tidy check-asan check-tsan check-32 check-size check-same check-mutants check-faults ## test under sanitizers and on 32 bits, freestanding, layering, format, clang-tidy

C_FILES = $(shell git ls-files '*.c' '*.h')

check-format: build/.packages-check ## clang-format has nothing to say
	@clang-format --dry-run -Werror $(C_FILES)

check-layers: ## no file includes across the room table of DESIGN.md, none is too long
	/usr/bin/python3 tests/check_layers.py

check-freestanding: build/.packages-check ## src/ compiles without libc for this machine, 32 bits and Arm
	/usr/bin/python3 tests/check_freestanding.py

check-tidy: build/.packages-check build/.packages-build ## clang-tidy
	@clang-tidy --quiet $(CORE_SOURCES) $(SIM_SOURCES) $(CLI_SOURCES) port/hosted.c -- -std=c11 -D_GNU_SOURCE -Iinclude

check-asan: build/.packages-check ## the whole test suite under AddressSanitizer and UndefinedBehaviorSanitizer
	$(MAKE) MODE=asan build/asan/smh_tests build/asan/smh build/asan/libsmh_record.so
	ASAN_OPTIONS=abort_on_error=1 build/asan/smh_tests 2>&1 | tee build/asan/tests.log | grep -v '^\[PASS\]'
	@! grep -q '\[FAIL\]\|Sanitizer' build/asan/tests.log # Criterion lets leaks pass
	@grep -q 'Synthesis: Tested: [1-9]' build/asan/tests.log
	/usr/bin/python3 tests/cli/run.py build/asan/smh

# Criterion runs neither under ThreadSanitizer nor, on Debian, with 32 bits: these are plain programs.
build/tsan/threads: $(call object,tests/plain/threads.c tests/core/thread_stress.c sim/random.c) $(BUILD)/libsmh.a
	@$(COMPILER) $(LDFLAGS) -o $@ $^ -lpthread

build/m32/heaps: $(call object,tests/plain/heaps.c tests/core/heap_model.c sim/random.c) $(BUILD)/libsmh.a
	@$(COMPILER) $(LDFLAGS) -o $@ $^ -lpthread

build/hazards_clean: $(call object,tests/plain/hazards_clean.c) $(BUILD)/libsmhsim.a $(BUILD)/libsmh.a
	@$(COMPILER) $(LDFLAGS) -o $@ $^ $(SIM_LIBS)

SEED ?= 1
hazards-clean: OPERATIONS ?= 1e9
hazards-clean: build/hazards_clean ## OPERATIONS (1e9) of random correct drivers, from SEED on: the judge of hazards stays silent
	build/hazards_clean $(OPERATIONS) $(SEED)

check-tsan: build/.packages-check ## four threads on three regions under ThreadSanitizer
	$(MAKE) MODE=tsan build/tsan/threads
	build/tsan/threads

check-32: build/.packages-check ## the heap model on 32 bits, where the compiler can
	@if echo 'int main(void){return 0;}' | $(CC) -m32 -x c -o /dev/null - 2> /dev/null; then \
	    $(MAKE) MODE=m32 build/m32/heaps && build/m32/heaps; \
	else echo "32 bits: this compiler cannot"; fi

check-size: build build/.packages-test ## all tests and corpora on the core as small machines get it (-Os), its engine's own tests with SMH_SINGLE_ENGINE
	$(MAKE) MODE=size build/size/smh_tests build/size/smh_tests_single
	build/size/smh_tests
	build/size/smh_tests_single --filter 'bitmap_*/*'
	$(MAKE) MODE=size fuzz-replay

check-same: build/.packages-check build ## gcc and clang, and with and without address randomisation: the same bytes of result
	$(MAKE) MODE=clang build/clang/smh
	/usr/bin/python3 tests/check_same.py build/smh build/clang/smh

# --- more ----------------------------------------------------------------------------------------

BENCH ?= $(BENCHES)
BENCH_FLAGS ?=

bench: $(BENCHES:%=build/bench/%) build/.packages-bench build/.packages-report ## every bench, with JSON and figures in out/bench (BENCH="footprint speed", BENCH_FLAGS="-e bitmap -e ./mine.so")
	@mkdir -p out/bench
	@set -e; for bench in $(BENCH); do \
	    echo; echo "== $$bench"; \
	    build/bench/$$bench --json out/bench/$$bench.json $(BENCH_FLAGS); \
	done
	/usr/bin/python3 plots/bench.py out/bench -o out/bench

cortex-m: build/.packages-cortex-m ## build the core for Cortex-M0+, M4, M7 and RV32, tell its sizes, run it there under QEMU
	/usr/bin/python3 tests/target/check_target.py

T ?= 60
TARGET ?=
JOBS ?= 1

fuzz: build/.packages-fuzz ## fuzz every target (or TARGET) for T seconds each with JOBS processes; a table at the end
	$(MAKE) MODE=fuzz $(addprefix build/fuzz/target_,$(or $(TARGET),$(FUZZ_TARGETS)))
	/usr/bin/python3 fuzz/run.py --seconds $(T) --jobs $(JOBS) $(or $(TARGET),$(FUZZ_TARGETS))

fuzz-replay: $(addprefix $(BUILD)/fuzz_replay/,$(FUZZ_TARGETS)) ## replay the committed corpora, without libFuzzer
	@for target in $(FUZZ_TARGETS); do $(BUILD)/fuzz_replay/$$target fuzz/corpus/$$target || exit 1; done

fuzz-merge: build/.packages-fuzz ## keep in fuzz/corpus what make fuzz has found, as few inputs as cover it
	$(MAKE) MODE=fuzz $(addprefix build/fuzz/target_,$(or $(TARGET),$(FUZZ_TARGETS)))
	/usr/bin/python3 fuzz/run.py --merge $(or $(TARGET),$(FUZZ_TARGETS))

afl: build/.packages-afl build/afl/mutate.so ## AFL++ on every target (or TARGET) for T seconds each with JOBS processes; a table at the end
	$(MAKE) MODE=afl $(addprefix build/afl/target_,$(or $(TARGET),$(FUZZ_TARGETS)))
	/usr/bin/python3 fuzz/afl.py --seconds $(T) --jobs $(JOBS) $(or $(TARGET),$(FUZZ_TARGETS))

fuzz-min: build/.packages-fuzz ## make an input that fails smaller: TARGET=name CRASH=file
	$(MAKE) MODE=fuzz build/fuzz/target_$(TARGET)
	build/fuzz/target_$(TARGET) -minimize_crash=1 -runs=100000 -exact_artifact_path=$(CRASH).min $(CRASH)

DEPTH ?= 8
ENGINES ?= bitmap zephyr
MEMORY ?= 4000

exhaustive: $(BUILD)/exhaustive ## every state of two tiny regions that DEPTH operations reach, every oracle on (ENGINES, JOBS, MEMORY in MB)
	@set -e; for engine in $(ENGINES); do \
	    $(BUILD)/exhaustive --engine=$$engine --depth=$(DEPTH) --jobs=$(JOBS) --memory=$(MEMORY); \
	done

MARATHON_FLAGS ?=

marathon: OPERATIONS ?= 1e10
marathon: build/.packages-fuzz ## OPERATIONS operations over all fuzz targets, recorded in out/marathon, resumable (JOBS, MARATHON_FLAGS=--minutes=30)
	$(MAKE) $(addprefix build/fuzz_replay/,$(filter-out $(FUZZ_TEXT_TARGETS),$(FUZZ_TARGETS)))
	$(MAKE) MODE=asan $(addprefix build/asan/fuzz_replay/,$(filter-out $(FUZZ_TEXT_TARGETS),$(FUZZ_TARGETS)))
	$(MAKE) MODE=fuzz $(addprefix build/fuzz/target_,$(FUZZ_TEXT_TARGETS))
	/usr/bin/python3 fuzz/marathon.py --operations $(OPERATIONS) --jobs $(JOBS) $(MARATHON_FLAGS)

SEEDS ?= 5
FAULTS ?=
FAULTS_FLAGS ?=
# Those that drive the allocator by records of operations.
OPERATION_TARGETS := engines_side_by_side heap_ops latency pool_ops two_threads wild_pointers zephyr_api

faults: build/.packages-fuzz $(if $(findstring --mutants,$(FAULTS_FLAGS)),build/.packages-mutants) ## plant faults into the core and measure how soon the fuzz targets find each (SEEDS=5, JOBS=1, FAULTS="names")
	$(MAKE) MODE=fuzz $(addprefix build/fuzz/target_,$(OPERATION_TARGETS))
	@$(MAKE) -s MODE=fuzz faults-hunt

# The flags of MODE=fuzz are known only there.
faults-hunt:
	@/usr/bin/python3 fuzz/faults.py --seeds $(SEEDS) --jobs $(JOBS) $(FAULTS_FLAGS) --compiler="$(COMPILER)" --flags="$(CFLAGS)" \
	    --core-flags="$(COVERAGE_core)" --libraries="$(SIM_LIBS)" --steps="$(STEP_TARGETS)" \
	    --link="$(COMPILER) $(LDFLAGS) -fsanitize=fuzzer -Wl,--wrap=__sanitizer_cov_trace_pc" $(FAULTS)

check-faults: build/.packages-fuzz ## each planted fault has its place in the code and compiles, and one of twelve is found
	$(MAKE) faults FAULTS_FLAGS=--compile
	$(MAKE) faults SEEDS=1 JOBS=2 FAULTS_FLAGS="--every=12"

static: build/.packages-static ## the gcc analyzer, cppcheck and clang-tidy, and Frama-C's proofs, against what is explained in tests/static
	/usr/bin/python3 tests/static/analyze.py
	$(MAKE) check-tidy
	/usr/bin/python3 tests/static/proofs.py --list

# The tests without Criterion, in MODE=mutants and MODE=coverage: tests/mutants/criterion stands in.
$(BUILD)/runner: $(call object,tests/mutants/runner.c) $(TEST_OBJECTS) $(TEST_SHARED_OBJECTS) \
    $(SIM_LIBRARY) $(BUILD)/libsmh.a
	@echo $^ > $@.objects
	@$(COMPILER) $(LDFLAGS) -rdynamic -o $@ $^ $(SIM_LIBS)

# A fuzz target's corpus as tests: what mutants meet that all other tests let live.
$(BUILD)/corpus_%: $(call object,tests/mutants/runner.c tests/mutants/corpus.c) $(BUILD)/obj/fuzz/targets/%.o \
    $(FUZZ_SHARED_OBJECTS) $(SIM_LIBRARY) $(BUILD)/libsmh.a
	@echo $^ > $@.objects
	@$(COMPILER) $(LDFLAGS) -rdynamic -o $@ $^ $(SIM_LIBS)

FILE ?=
MUTANTS_PROGRAMS = build/$(1)/runner build/$(1)/libsmh_record.so $(OPERATION_TARGETS:%=build/$(1)/corpus_%)

mutants: build build/.packages-mutants ## change the code in some ten thousand places and see whether tests notice (FILE="src/heap.c", JOBS=2); out/mutants.json
	$(MAKE) MODE=mutants $(call MUTANTS_PROGRAMS,mutants)
	$(MAKE) MODE=mutants-size $(call MUTANTS_PROGRAMS,mutants-size)
	/usr/bin/python3 tests/mutants/run.py --jobs $(JOBS) $(FILE)

check-mutants: build/.packages-mutants ## some mutants of some files, each killed or argued for
	$(MAKE) MODE=mutants build/mutants/runner build/mutants/libsmh_record.so
	/usr/bin/python3 tests/mutants/run.py --light --sample 60

coverage: build build/.packages-coverage ## lines, branches and MC/DC of src/ that the tests reach, built for speed or for size, against the gaps argued for; out/coverage/index.html
	set -e; for mode in coverage coverage-size; do \
	    $(MAKE) MODE=$$mode build/$$mode/runner build/$$mode/libsmh_record.so; \
	    rm -f build/$$mode/*.profraw; \
	    LLVM_PROFILE_FILE=$(CURDIR)/build/$$mode/tests-%m.profraw build/$$mode/runner time > build/$$mode/tests.log; \
	done
	/usr/bin/python3 tests/static/coverage.py

install: build ## program, library, headers, recorder, pkg-config file, manual page (PREFIX, DESTDIR)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/lib/smh $(DESTDIR)$(PREFIX)/lib/pkgconfig \
	    $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 755 build/smh $(DESTDIR)$(PREFIX)/bin/smh
	install -m 644 build/libsmh.a $(DESTDIR)$(PREFIX)/lib/libsmh.a
	install -m 755 build/libsmh_record.so $(DESTDIR)$(PREFIX)/lib/smh/libsmh_record.so
	cp -R include/smh include/zephyr $(DESTDIR)$(PREFIX)/include/
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' sim/cli/smh.pc.in > $(DESTDIR)$(PREFIX)/lib/pkgconfig/smh.pc
	sed -e 's|@VERSION@|$(VERSION)|' sim/cli/smh.1 > $(DESTDIR)$(PREFIX)/share/man/man1/smh.1
	install -m 644 sim/cli/completion.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/smh

format: ## let clang-format decide
	clang-format -i $(C_FILES)

clean: ## remove build/ and out/
	rm -rf build out

help: ## this list
	@sed -n 's/^\([a-z][a-z0-9 -]*\):[^#]*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | \
	    while IFS='|' read -r target what; do printf '%-26s %s\n' "$$target" "$$what"; done

.PHONY: FORCE hazards-clean build run test cachegrind check check-format check-layers check-freestanding check-tidy check-asan \
	check-tsan check-32 check-size check-same bench cortex-m afl fuzz fuzz-replay fuzz-merge fuzz-min exhaustive faults faults-hunt check-faults marathon mutants check-mutants coverage static install format clean help
.SECONDARY:
-include $(shell find $(BUILD)/obj -name '*.d' 2> /dev/null)
