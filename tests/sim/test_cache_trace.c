/* test_cache_trace.c: address traces, read and counted.
 *
 * Caches of the tests: D1 of 128 bytes, 2 ways, lines of 16 (sets 4), unless a test says otherwise.
 */
#include "../../sim/machine/cache_trace.h"
#include "../../sim/random.h"
#include "temporary.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct temporary folder;
static struct smh_cache_trace_result result;
static struct smh_error error;

static void make_folder(void)
{
    temporary_make(&folder);
}

static void remove_folder(void)
{
    temporary_remove(&folder);
}

static int count(const char *text, const struct smh_cache_trace_config *config)
{
    const char *path = temporary_write_text(&folder, "trace", text);
    struct smh_cache_trace *trace = smh_cache_trace_open(config);
    int code = smh_cache_trace_read(trace, path, &error);
    smh_cache_trace_result(trace, &result);
    smh_cache_trace_close(trace);
    return code;
}

static const struct smh_cache_trace_config small = {.d1 = {128, 2, 16}};

TestSuite(cache_trace, .init = make_folder, .fini = remove_folder);

Test(cache_trace, lackeys_lines_and_plain_ones_are_read_alike)
{
    static const char *const texts[] = {
        "==7== Lackey\nI  04001090,3\n L 1ffeffe7e0,8\n S 1ffeffe7e8,8\n M 04001090,4\n",
        "# by hand\nI 4001090,3\r\nL 0x1FFEFFE7E0,8\n\nS 1ffeffe7e8,8\n--7-- hm\n  M  4001090,4"};
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(count(texts[i], &small), 0, "%s", error.message);
        cr_expect_eq(result.instructions.accesses, 1);
        cr_expect_eq(result.loads.accesses, 2);
        cr_expect_eq(result.loads.misses, 2);
        cr_expect_eq(result.stores.accesses, 1);
        cr_expect_eq(result.stores.misses, 0, "the line of the load before");
        cr_expect_eq(result.modifies, 1);
    }
}

/* Set 0: lines 0x000, 0x040, 0x080; two ways. The third load gives 0x000 up, the fourth misses. */
Test(cache_trace, the_line_not_used_for_longest_is_given_up)
{
    cr_assert_eq(count(" L 00000000,4\n L 00000040,4\n L 00000080,4\n L 00000000,4\n"
                       " L 00000080,4\n S 00000040,4\n",
                       &small),
                 0);
    cr_expect_eq(result.loads.misses, 4);
    cr_expect_eq(result.stores.misses, 1);
}

/* 8 bytes at 0x0c: lines 0x00 and 0x10, one of them there already. */
Test(cache_trace, an_access_to_two_lines_counts_once_and_misses_when_one_does)
{
    struct smh_cache_trace_config config = small;
    config.l2 = (struct smh_cache_geometry){512, 2, 16};
    cr_assert_eq(count(" L 00000000,4\n L 0000000c,8\n L 0000000c,8\n L 00000010,4\n", &config), 0);
    cr_expect_eq(result.loads.accesses, 4);
    cr_expect_eq(result.loads.misses, 2);
    cr_expect_eq(result.loads.l2_misses, 2);
}

Test(cache_trace, instructions_share_the_second_level_alone)
{
    struct smh_cache_trace_config config = small;
    config.i1 = (struct smh_cache_geometry){64, 1, 16};
    config.l2 = (struct smh_cache_geometry){512, 2, 16};
    cr_assert_eq(count("I  00000100,4\nI  00000104,4\n L 00000100,4\n", &config), 0);
    cr_expect_eq(result.instructions.misses, 1);
    cr_expect_eq(result.instructions.l2_misses, 1);
    cr_expect_eq(result.loads.misses, 1);
    cr_expect_eq(result.loads.l2_misses, 0, "the instruction has fetched it");
}

Test(cache_trace, a_long_access_is_cut_to_the_shortest_line)
{
    cr_assert_eq(count(" S 00000000,512\n L 00000010,4\n", &small), 0);
    cr_expect_eq(result.stores.misses, 1);
    cr_expect_eq(result.loads.misses, 1, "the second line was not touched");
}

Test(cache_trace, a_bad_line_is_named)
{
    static const char *const bad[] = {
        "L",           "L 10",          "L 10,",          "L ,4",         " L 0000001g,4",
        "X 10,4",      "L 10,0",        "L 10,4x",        "L 10,65537",   " L 00000010,:",
        "L10,4",       "L 10 ,4",       "L -1,4",         " L 00000010,", "I  0400109\xff,3",
        "hello world", "L 1 0000010,4", "SB 00400000",    "M 0x,4",       "L ffffffffffffffff,4",
        " L 00000010", "L 1,4 S 2,4",   " I  00000010,4x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "L 10,4\n%s\nL 10,4\n", bad[i]);
        cr_expect_eq(count(text, &small), -1, "%s is taken", bad[i]);
        cr_expect(strstr(error.message, ":2: ") != NULL, "%s: %s", bad[i], error.message);
        cr_expect_eq(result.loads.accesses, 1);
    }
}

Test(cache_trace, the_highest_addresses_are_read)
{
    cr_assert_eq(count("L fffffffffffffff0,8\n L fffffffffffff,4\n L 7ffffffffff8,8\n", &small), 0);
    cr_expect_eq(result.loads.accesses, 3);
}

/* The short way of the parser and the long one, on what Lackey might print and near it. */
Test(cache_trace, random_lines_count_the_same_in_both_forms)
{
    struct smh_random random;
    smh_random_init(&random, 5, 0);
    static char lackey[20000 * 24];
    static char plain[20000 * 24];
    size_t lackey_used = 0;
    size_t plain_used = 0;
    for (unsigned i = 0; i < 20000; i++) {
        static const char kinds[] = "ILSM";
        char kind = kinds[smh_random_below(&random, 4)];
        uint64_t address = smh_random_next(&random) >> (16 + smh_random_below(&random, 48));
        unsigned bytes = 1 + (unsigned)smh_random_below(&random, 40);
        lackey_used +=
            (size_t)sprintf(lackey + lackey_used, "%c%c %08" PRIx64 ",%u\n",
                            kind == 'I' ? 'I' : ' ', kind == 'I' ? ' ' : kind, address, bytes);
        plain_used +=
            (size_t)sprintf(plain + plain_used, "%c %" PRIX64 ",%u\n", kind, address, bytes);
    }
    struct smh_cache_trace_config config = {
        .i1 = {4096, 4, 32}, .d1 = {4096, 2, 32}, .l2 = {65536, 8, 64}};
    struct smh_cache_trace_result first;
    cr_assert_eq(count(lackey, &config), 0, "%s", error.message);
    first = result;
    cr_assert_eq(count(plain, &config), 0, "%s", error.message);
    cr_expect_arr_eq((uint8_t *)&first, (uint8_t *)&result, sizeof result);
    cr_expect(result.loads.misses > 1000 && result.loads.misses < result.loads.accesses);
}

Test(cache_trace, other_replacements_are_counted_too)
{
    /* Set 0, two ways: A B A C B: LRU gives B up, pseudo-LRU of two ways is LRU */
    const char *text = "L 0,1\nL 40,1\nL 0,1\nL 80,1\nL 40,1\n";
    struct smh_cache_trace_config config = small;
    cr_assert_eq(count(text, &config), 0);
    cr_expect_eq(result.loads.misses, 4);
    config.replacement = SMH_REPLACE_PLRU;
    cr_assert_eq(count(text, &config), 0);
    cr_expect_eq(result.loads.misses, 4);
    config.replacement = SMH_REPLACE_RANDOM;
    cr_assert_eq(count(text, &config), 0);
    cr_expect(result.loads.misses >= 3 && result.loads.misses <= 4);
}

Test(cache_trace, impossible_geometries_are_refused)
{
    static const struct smh_cache_geometry bad[] = {{0, 1, 16},     {100, 1, 16}, {96, 2, 16},
                                                    {128, 0, 16},   {128, 2, 2},  {128, 2, 24},
                                                    {128, 2, 8192}, {16, 2, 16},  {1, 1, 16}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_expect_eq(smh_cache_geometry_check(&bad[i], "D1", &error), -1, "%zu", i);
    }
    struct smh_cache_geometry three_ways = {48, 3, 16};
    cr_expect_eq(smh_cache_geometry_check(&three_ways, "D1", &error), 0);
}
