/* test_cache_packed.c: packed traces say what their text says, and damaged ones are refused.
 *
 * The file of the damage tests (offsets in it; one load of 4 bytes at 0x1048, then one of 100):
 *
 *     0 magic | 8 version | 12 zero | 16 block: 2 accesses, 1 change, 1 extra, 0
 *     24 change: 0x1040, window 704 | 36 extra: 0x2000, 100 bytes | 48 places | 52 details
 *     54 end: zeroes | 62 accesses: 2 | 70
 */
#include "../../sim/machine/cache_packed.h"
#include "../../sim/machine/cache_reader.h"
#include "../../sim/machine/cache_trace.h"
#include "../../sim/random.h"
#include "temporary.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct temporary folder;
static struct smh_error error;
static struct smh_cache_block block;

static void make_folder(void)
{
    temporary_make(&folder);
}

static void remove_folder(void)
{
    temporary_remove(&folder);
}

TestSuite(cache_packed, .init = make_folder, .fini = remove_folder);

struct bytes {
    char *data;
    size_t length;
};

/* A text trace, packed. Freed by free(). */
static struct bytes packed(const char *text)
{
    struct bytes bytes;
    FILE *out = open_memstream(&bytes.data, &bytes.length);
    struct smh_cache_reader *reader =
        smh_cache_reader_open(temporary_write_text(&folder, "text", text), &error);
    uint64_t accesses = 0;
    int code;
    cr_assert_neq(reader, NULL);
    smh_cache_block_open(&block);
    smh_cache_pack_header(out);
    while ((code = smh_cache_reader_next(reader, &block, &error)) == 1) {
        smh_cache_pack(out, &block);
        accesses += block.count;
    }
    cr_assert_eq(code, 0, "%s", error.message);
    smh_cache_pack_end(out, accesses);
    smh_cache_reader_close(reader);
    fclose(out);
    return bytes;
}

/* All accesses of a trace as lines; NULL: it is refused. Freed by free(). */
static char *lines_of(const void *data, size_t length)
{
    char *text;
    size_t text_length;
    int code;
    struct smh_cache_reader *reader =
        smh_cache_reader_open(temporary_write(&folder, "packed", data, length), &error);
    if (reader == NULL) {
        return NULL;
    }
    FILE *out = open_memstream(&text, &text_length);
    smh_cache_block_open(&block);
    while ((code = smh_cache_reader_next(reader, &block, &error)) == 1) {
        uint32_t extras = 0;
        for (uint32_t i = 0; i < block.count; i++) {
            bool extra = smh_cache_window_of(&block, i) == 0;
            fprintf(out, "%c %" PRIx64 ",%" PRIu32 "\n", "LSMI"[smh_cache_kind_of(&block, i)],
                    extra ? block.extras[extras].address : smh_cache_address_of(&block, i),
                    extra ? block.extras[extras].bytes : smh_cache_bytes_of(&block, i));
            extras += extra;
        }
        cr_expect_eq(extras, block.extra_count);
    }
    fclose(out);
    smh_cache_reader_close(reader);
    if (code == 0) {
        return text;
    }
    free(text);
    return NULL;
}

static void expect_kept(const char *text)
{
    struct bytes bytes = packed(text);
    char *lines = lines_of(bytes.data, bytes.length);
    cr_assert_neq(lines, NULL, "%s", error.message);
    cr_expect(strcmp(lines, text) == 0, "another trace comes back");
    free(lines);
    free(bytes.data);
}

Test(cache_packed, kinds_sizes_and_addresses_come_back)
{
    expect_kept("I 4001090,3\nL 1ffeffe7e0,8\nS 1ffeffe7e8,16\nM 0,1\nL fffffffffffffff0,8\n"
                "I 400109e,15\nL 3f,1\nL 3f,2\nL 0,64\nL 0,65536\nS 1040,14\nL 1000,32\nL 1020,33\n"
                "L ffffffffffffffbf,64\nS 7ffffffff8,10\n");
    expect_kept("");
}

/* More windows than there are, and more in a block than a group of four has. */
Test(cache_packed, random_accesses_come_back_wherever_they_are)
{
    enum { COUNT = 30000 };
    struct smh_random random;
    smh_random_init(&random, 11, 0);
    char *text = malloc(COUNT * 32);
    cr_assert_neq(text, NULL);
    for (unsigned spread = 4; spread <= 60; spread += 8) {
        size_t used = 0;
        for (unsigned i = 0; i < COUNT; i++) {
            uint64_t address = smh_random_next(&random) >> (63 - spread);
            uint64_t bytes = 1 + smh_random_below(&random, i % 64 == 0 ? 65536 : 16);
            used += (size_t)sprintf(text + used, "%c %" PRIx64 ",%" PRIu64 "\n",
                                    "LSMI"[smh_random_below(&random, 4)], address, bytes);
        }
        expect_kept(text);
    }
    free(text);
}

Test(cache_packed, counts_are_those_of_the_text_for_all_geometries_and_replacements)
{
    enum { COUNT = 20000 };
    struct smh_random random;
    smh_random_init(&random, 12, 0);
    char *text = malloc(COUNT * 32);
    cr_assert_neq(text, NULL);
    size_t used = 0;
    for (unsigned i = 0; i < COUNT; i++) {
        uint64_t page = smh_random_below(&random, 12) * 0x1230;
        used += (size_t)sprintf(
            text + used, "%c %" PRIx64 ",%" PRIu64 "\n", "LSMI"[smh_random_below(&random, 4)],
            page + smh_random_below(&random, 900), 1 + smh_random_below(&random, 70));
    }
    struct bytes bytes = packed(text);
    static const uint32_t lines[] = {16, 32, 64, 128};
    for (unsigned i = 0; i < 4 * 3 * 2 * 2; i++) {
        uint32_t line = lines[i % 4];
        uint32_t ways = i / 24 == 0 ? 1 : 4;
        struct smh_cache_trace_config config = {.d1 = {4096, ways, line},
                                                .l2 = {16384, 4, lines[3 - i % 4]},
                                                .replacement =
                                                    (enum smh_cache_replacement)(i / 4 % 3)};
        if (i / 12 % 2 != 0) {
            config.i1 = (struct smh_cache_geometry){2048, 2, 64};
        }
        struct smh_cache_trace_result results[2];
        for (unsigned form = 0; form < 2; form++) {
            const char *path = form == 0
                                   ? temporary_write_text(&folder, "text", text)
                                   : temporary_write(&folder, "packed", bytes.data, bytes.length);
            struct smh_cache_trace *trace = smh_cache_trace_open(&config);
            cr_assert_eq(smh_cache_trace_read(trace, path, &error), 0, "%s", error.message);
            smh_cache_trace_result(trace, &results[form]);
            smh_cache_trace_close(trace);
        }
        cr_expect_arr_eq((uint8_t *)&results[0], (uint8_t *)&results[1], sizeof results[0]);
        cr_expect(results[0].loads.misses > 100, "lines of %u: %" PRIu64, line,
                  results[0].loads.misses);
    }
    free(bytes.data);
    free(text);
}

static struct bytes two_accesses(void)
{
    struct bytes bytes = packed("L 1048,4\nL 2000,100\n");
    cr_assert_eq(bytes.length, 70);
    return bytes;
}

static void expect_refused(const void *data, size_t length, const char *part)
{
    char *lines = lines_of(data, length);
    cr_expect_eq(lines, NULL, "\"%s\" expected, but it is taken", part);
    cr_expect(lines != NULL || strstr(error.message, part) != NULL, "\"%s\" expected: %s", part,
              error.message);
    free(lines);
}

Test(cache_packed, a_file_cut_anywhere_is_refused_and_the_byte_is_named)
{
    struct bytes bytes = two_accesses();
    for (size_t length = 1; length < bytes.length; length++) {
        char part[64];
        snprintf(part, sizeof part, "byte %zu: the file ends", length);
        expect_refused(bytes.data, length, part);
    }
    free(bytes.data);
}

Test(cache_packed, each_damage_is_named_where_it_is)
{
    static const struct {
        size_t at;
        unsigned width;
        uint16_t value;
        const char *part;
    } damages[] = {
        {7, 1, 0, "byte 0: neither text nor a packed trace"},
        {8, 1, 2, "byte 8: version 2 of packed traces, allowed: 1"},
        {13, 1, 1, "byte 12: 0x00000100 in the header"},
        {17, 1, 9, "byte 16: a block of 2306 accesses"},
        {19, 1, 0x10, "byte 16: a block of 2 accesses, 4097 changes"},
        {20, 1, 3, "byte 16: a block of 2 accesses, 1 changes, 3 extras"},
        {22, 1, 1, "byte 16: a block of 2 accesses, 1 changes, 1 extras, 1,"},
        {16, 1, 0, "byte 16: a block of 0 accesses, 1 changes"},
        {24, 1, 1, "byte 24: window 704 at 0x1001"},
        {32, 2, 0, "byte 24: window 0 at 0x1040"},
        {32, 2, 4096, "byte 24: window 4096 at 0x1040"},
        {44, 1, 0, "byte 36: 0 bytes at 0x2000"},
        {46, 1, 1, "byte 36: 65636 bytes at 0x2000"},
        {48, 2, 3, "byte 50: an access of window 0, allowed: as many as the block has extras, 1"},
        {50, 1, 0x10, "byte 16: a block of 1 extras, of which 0 are used"},
        {56, 1, 1, "byte 54: a block of 0 accesses, 1 changes"},
        {62, 1, 3, "byte 62: the end says 3 accesses, the blocks have 2"},
    };
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        struct bytes bytes = two_accesses();
        for (unsigned n = 0; n < damages[i].width; n++) {
            bytes.data[damages[i].at + n] = (char)(damages[i].value >> 8 * n);
        }
        expect_refused(bytes.data, bytes.length, damages[i].part);
        free(bytes.data);
    }
}

Test(cache_packed, an_extra_that_wraps_and_bytes_behind_the_end_are_refused)
{
    struct bytes bytes = two_accesses();
    memset(bytes.data + 36, 0xff, 8);
    expect_refused(bytes.data, bytes.length, "byte 36: 100 bytes at 0xffffffffffffffff");
    free(bytes.data);
    bytes = two_accesses();
    expect_refused(bytes.data, bytes.length + 1, "byte 70: bytes behind the end");
    free(bytes.data);
}

/* Offset 60, 4 bytes become 13: the 4 that are in the window. */
Test(cache_packed, an_access_is_cut_at_the_end_of_its_window)
{
    struct bytes bytes = packed("L 107c,4\n");
    cr_assert_eq(bytes.data[36] & 15, 3, "the code of 4 bytes");
    bytes.data[36] |= 12;
    char *lines = lines_of(bytes.data, bytes.length);
    cr_assert_neq(lines, NULL, "%s", error.message);
    cr_expect_str_eq(lines, "L 107c,4\n");
    free(lines);
    free(bytes.data);
}

Test(cache_packed, random_damage_is_refused_or_read_but_nothing_else)
{
    struct smh_random random;
    smh_random_init(&random, 13, 0);
    unsigned refused = 0;
    for (unsigned i = 0; i < 2000; i++) {
        struct bytes bytes = two_accesses();
        for (unsigned n = 0; n < 1 + i % 3; n++) {
            bytes.data[smh_random_below(&random, bytes.length)] =
                (char)smh_random_below(&random, 256);
        }
        char *lines = lines_of(bytes.data, bytes.length);
        refused += lines == NULL;
        free(lines);
        free(bytes.data);
    }
    cr_expect(refused > 1000 && refused < 2000, "%u", refused);
}
