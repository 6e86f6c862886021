# The one door of smh. `make help` lists what it does.
#
# Every build is a MODE with a folder of its own: release (build/), asan, tsan, m32 (build/MODE/).
# Sources are found by room, so a new file needs no line here.

MODE ?= release
CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
PREFIX ?= /usr/local
DESTDIR ?=
SMH_ATTRIBUTE_COUNT ?=

BUILD := $(if $(filter release,$(MODE)),build,build/$(MODE))
WARNINGS := -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wundef -Wvla -Wformat=2 -Werror
BASE_FLAGS := -std=c11 -D_GNU_SOURCE -O2 -g -fPIC -ffp-contract=off $(WARNINGS) -Iinclude -MMD -MP \
	$(if $(SMH_ATTRIBUTE_COUNT),-DSMH_ATTRIBUTE_COUNT=$(SMH_ATTRIBUTE_COUNT))
MODE_FLAGS_release :=
MODE_FLAGS_asan := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
MODE_FLAGS_tsan := -fsanitize=thread
MODE_FLAGS_m32 := -m32
CFLAGS := $(BASE_FLAGS) $(MODE_FLAGS_$(MODE)) $(EXTRA_CFLAGS)
LDFLAGS := $(MODE_FLAGS_$(MODE)) $(EXTRA_LDFLAGS)
SIM_LIBS := -ljansson -lzstd -lz -ldl -lpthread -lm

CORE_SOURCES := $(sort $(shell find src -name '*.c'))
SIM_SOURCES := $(sort $(shell find sim -name '*.c' -not -path 'sim/cli/*' -not -path 'sim/record/*'))
CLI_SOURCES := $(sort $(wildcard sim/cli/*.c))
TEST_SOURCES := $(sort $(shell find tests -name 'test_*.c' -not -path 'tests/zephyr_shim/*'))

object = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
CORE_OBJECTS := $(call object,$(CORE_SOURCES) port/hosted.c)
SIM_OBJECTS := $(call object,$(SIM_SOURCES))
CLI_OBJECTS := $(call object,$(CLI_SOURCES))
TEST_OBJECTS := $(call object,$(TEST_SOURCES))

.DEFAULT_GOAL := build
.DELETE_ON_ERROR:
.SUFFIXES:

build: $(BUILD)/smh $(BUILD)/libsmh.a ## build the program and the library

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c -o $@ $<

$(BUILD)/libsmh.a: $(CORE_OBJECTS)
	@rm -f $@ && ar rcs $@ $^

$(BUILD)/libsmhsim.a: $(SIM_OBJECTS)
	@rm -f $@ && ar rcs $@ $^

$(BUILD)/smh: $(CLI_OBJECTS) $(BUILD)/libsmhsim.a $(BUILD)/libsmh.a
	$(CC) $(LDFLAGS) -rdynamic -o $@ $^ $(SIM_LIBS)

$(BUILD)/smh_tests: $(TEST_OBJECTS) $(BUILD)/libsmhsim.a $(BUILD)/libsmh.a
	$(CC) $(LDFLAGS) -rdynamic -o $@ $^ -lcriterion $(SIM_LIBS)

.PHONY: build
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
