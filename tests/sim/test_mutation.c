/* test_mutation.c: thousands of damaged scenarios and traces, none of which may do harm.
 *
 * Each is a good file with a few changes drawn from the seed in the test: bytes flipped, spans
 * removed, repeated or swapped, numbers made extreme. It must load, or be refused with one line;
 * what loads must yield operations in order, or end with one line. Run under AddressSanitizer this
 * also shows that nothing is leaked or read out of bounds.
 */
#include "../../sim/random.h"
#include "../../sim/workload/scenario.h"
#include "../../sim/workload/trace.h"
#include "temporary.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define TEXT_BYTES ((size_t)16 * 1024)
#define ROUNDS     1500

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

/* Sanitizers reserve terabytes of addresses; elsewhere a damaged file may not take a gigabyte. */
static void limit_memory(void)
{
#ifndef SANITIZED
    struct rlimit limit = {(rlim_t)1 << 30, (rlim_t)1 << 30};
    cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
#endif
}

struct text {
    size_t length;
    char bytes[TEXT_BYTES];
};

static void read_text(const char *path, struct text *text)
{
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    text->length = fread(text->bytes, 1, TEXT_BYTES / 2, file);
    cr_assert_lt(text->length, TEXT_BYTES / 2, "%s is too long for this test", path);
    fclose(file);
}

/* Puts `length` bytes in the place of `gone` bytes at `at`, if there is room. */
static void replace(struct text *text, size_t at, size_t gone, const char *with, size_t length)
{
    char copy[256];
    gone = gone > text->length - at ? text->length - at : gone;
    if (length > sizeof copy || text->length - gone + length > TEXT_BYTES) {
        return;
    }
    memcpy(copy, with, length); /* it may lie in the text */
    memmove(text->bytes + at + length, text->bytes + at + gone, text->length - at - gone);
    memcpy(text->bytes + at, copy, length);
    text->length = text->length - gone + length;
}

/* What scenarios and traces are made of, and what they had better not contain. */
static const char *const words[] = {
    "0",
    "-1",
    "1",
    "18446744073709551616",
    "9223372036854775807",
    "1e308",
    "4294967295",
    "null",
    "[]",
    "{}",
    "\"\"",
    "true",
    "1.5",
    "\"16E\"",
    "t=",
    "\n",
    "a 1",
    "f 1",
    "r 1",
    "\"0x\"",
    "#",
    "-",
    "\"",
    "[",
    "{",
    "]",
    "}",
    ":",
    ",",
    "\\u",
    "\xff",
    "281474976710656",
    "\"100%\"",
    "\"1s\"",
    "align=",
};

static void mutate(struct text *text, struct smh_random *random)
{
    size_t at = (size_t)smh_random_below(random, text->length + 1);
    size_t span = (size_t)smh_random_below(random, 24);
    size_t from = (size_t)smh_random_below(random, text->length + 1);
    size_t room = text->length - from;
    switch (smh_random_below(random, 6)) {
    case 0: /* one bit */
        if (at < text->length) {
            text->bytes[at] = (char)(text->bytes[at] ^ (1 << smh_random_below(random, 8)));
        }
        break;
    case 1:
        replace(text, at, span, "", 0);
        break;
    case 2: /* one part copied over another */
        replace(text, at, span, text->bytes + from, span < room ? span : room);
        break;
    case 3: /* one part repeated elsewhere */
        replace(text, at, 0, text->bytes + from, span * 8 < room ? span * 8 : room);
        break;
    case 4: /* a number or a word becomes another */
        while (at < text->length && (text->bytes[at] < '0' || text->bytes[at] > '9')) {
            at++;
        }
        while (span > 0 && at + span <= text->length &&
               (text->bytes[at + span - 1] < '0' || text->bytes[at + span - 1] > '9')) {
            span--;
        }
        /* fall through */
    default: {
        const char *word = words[smh_random_below(random, sizeof words / sizeof words[0])];
        replace(text, at, span, word, strlen(word));
        break;
    }
    }
}

static void expect_one_line(const struct smh_error *error, int round)
{
    cr_assert_str_not_empty(error->message, "round %d", round);
    cr_assert_null(strpbrk(error->message, "\r\n"), "round %d: %s", round, error->message);
}

/* Takes some operations; they must be in order and name real kinds. */
static void run_a_while(struct smh_source *source, int round)
{
    struct smh_error error = {{0}};
    struct smh_operation batch[64];
    uint64_t last_ns = 0;
    long got = 1;
    for (int i = 0; i < 30 && got > 0; i++) {
        got = source->next(source, batch, 64, &error);
        for (long k = 0; k < got; k++) {
            cr_assert_geq(batch[k].time_ns, last_ns, "round %d", round);
            cr_assert_lt(batch[k].kind, SMH_OPERATION_KIND_COUNT);
            last_ns = batch[k].time_ns;
        }
    }
    if (got < 0) {
        expect_one_line(&error, round);
    }
    source->close(source);
}

/* True when it loaded. */
static bool try_scenario(const char *path, int round)
{
    struct smh_error error = {{0}};
    struct smh_scenario *scenario = smh_scenario_load(path, true, &error);
    if (scenario == NULL) {
        expect_one_line(&error, round);
        return false;
    }
    struct smh_source *source = smh_workload_open(scenario, scenario->seed, &error);
    if (source == NULL) {
        expect_one_line(&error, round);
    } else {
        run_a_while(source, round);
    }
    smh_scenario_free(scenario);
    return true;
}

static bool try_trace(const char *path, int round)
{
    struct smh_error error = {{0}};
    struct smh_source *source = smh_trace_open(path, NULL, &error);
    if (source == NULL) {
        expect_one_line(&error, round);
        return false;
    }
    run_a_while(source, round);
    return smh_trace_check(path, NULL, NULL, &error) == 0;
}

/* Damages a good file in every round; some must load and some must not, or the damage is not
 * worth its name. */
static void try_mutants(const char *path, const char *name, uint64_t seed,
                        bool (*try)(const char *path, int round))
{
    static struct text good;
    static struct text bad;
    struct temporary temporary;
    struct smh_random random;
    int loaded = 0;
    limit_memory();
    temporary_make(&temporary);
    read_text(path, &good);
    /* What the scenarios refer to. */
    temporary_write_text(&temporary, "small.trace", "smh-trace 1\na 1 8\nf 1\n");
    temporary_write_text(&temporary, "small.rep", "20\n1\n2\n1\na 0 512\nf 0\n");
    smh_random_init(&random, seed, 0);
    for (int round = 0; round < ROUNDS; round++) {
        bad = good;
        for (uint64_t changes = smh_random_below(&random, 4); changes-- > 0;) {
            mutate(&bad, &random);
        }
        loaded += try(temporary_write(&temporary, name, bad.bytes, bad.length), round);
    }
    temporary_remove(&temporary);
    cr_assert_gt(loaded, ROUNDS / 10);
    cr_assert_lt(loaded, ROUNDS * 9 / 10);
}

Test(mutation, damaged_scenarios_load_or_are_refused)
{
    try_mutants("tests/data/valid/every_key.json", "x.json", 1, try_scenario);
    try_mutants("tests/data/valid/smallest.json", "x.json", 2, try_scenario);
}

Test(mutation, damaged_traces_are_read_or_refused)
{
    try_mutants("tests/data/valid/small.trace", "x.trace", 3, try_trace);
    try_mutants("tests/data/valid/small.rep", "x.rep", 4, try_trace);
}

Test(mutation, damaged_containers_are_read_or_refused)
{
    try_mutants("tests/data/valid/small.trace.gz", "x.trace.gz", 5, try_trace);
    try_mutants("tests/data/valid/small.trace.zst", "x.trace.zst", 6, try_trace);
}
