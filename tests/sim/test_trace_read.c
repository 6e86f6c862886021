/* test_trace_read.c: what the trace reader makes of good lines. (What it says to bad ones:
 * test_malformed.c.)
 */
#include "../../sim/workload/slot_map.h"
#include "../../sim/workload/trace.h"
#include "temporary.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct temporary temporary;

static void start(void)
{
    temporary_make(&temporary);
}

static void end(void)
{
    temporary_remove(&temporary);
}

TestSuite(trace_read, .init = start, .fini = end);

/* The operations of a trace, one a line: "time kind slot bytes align attr". */
static void expect_operations(const char *text, const struct smh_trace_options *options,
                              const char *expected)
{
    struct smh_error error = {{0}};
    const char *path = temporary_write_text(&temporary, "x.trace", text);
    struct smh_source *source = smh_trace_open(path, options, &error);
    cr_assert_not_null(source, "%s", error.message);
    size_t count;
    struct smh_operation *operations = all_operations(source, &count);
    char got[2048] = "";
    for (size_t i = 0; i < count; i++) {
        const struct smh_operation *o = &operations[i];
        size_t used = strlen(got);
        snprintf(got + used, sizeof got - used, "%" PRIu64 " %s %u %" PRIu64 " %u %u\n", o->time_ns,
                 smh_operation_name((enum smh_operation_kind)o->kind), o->slot, o->bytes, o->align,
                 o->attr);
    }
    free(operations);
    cr_assert_str_eq(got, expected);
}

Test(trace_read, lines_become_operations_and_ids_become_slots)
{
    expect_operations("smh-trace 1 program=x pid=7\n"
                      "a 4711 100 t=10 thread=2\n"
                      "a 18446744073709551615 0 t=10 zero=1 align=64\n"
                      "r 4711 300 t=20\n"
                      "f 4711 t=35\n"
                      "f 18446744073709551615 t=35\n",
                      NULL,
                      "10 alloc 0 100 0 0\n"
                      "10 calloc 1 0 64 0\n"
                      "20 realloc 0 300 0 0\n"
                      "35 free 0 0 0 0\n"
                      "35 free 1 0 0 0\n");
}

Test(trace_read, a_header_is_not_needed_and_comments_and_empty_lines_are_skipped)
{
    expect_operations("# made by hand\n\na 1 8\n# between\n\nf 1\n", NULL,
                      "0 alloc 0 8 0 0\n1000 free 0 0 0 0\n");
}

Test(trace_read, the_last_line_needs_no_newline_and_carriage_returns_are_no_part_of_a_line)
{
    expect_operations("a 1 8\r\n\r\nf 1", NULL, "0 alloc 0 8 0 0\n1000 free 0 0 0 0\n");
}

Test(trace_read, fields_may_stand_apart_by_any_blanks)
{
    expect_operations("a   1\t8   t=5  \nf\t1\n", NULL, "5 alloc 0 8 0 0\n1005 free 0 0 0 0\n");
}

Test(trace_read, a_rep_file_reads_as_it_is)
{
    expect_operations("20000\n2\n4\n1\na 0 512\na 1 128\nr 0 640\nf 1\n", NULL,
                      "0 alloc 0 512 0 0\n1000 alloc 1 128 0 0\n"
                      "2000 realloc 0 640 0 0\n3000 free 1 0 0 0\n");
}

Test(trace_read, a_freed_slot_is_used_again_and_realloc_to_0_frees)
{
    expect_operations("a 1 8\na 2 8\nf 1\na 3 8\nr 2 0\na 2 8\n", NULL,
                      "0 alloc 0 8 0 0\n1000 alloc 1 8 0 0\n2000 free 0 0 0 0\n"
                      "3000 alloc 0 8 0 0\n4000 realloc 1 0 0 0\n5000 alloc 1 8 0 0\n");
}

static bool resolve(void *context, const char *name, uint32_t *attr)
{
    (void)context;
    *attr = 9;
    return strcmp(name, "dma") == 0;
}

Test(trace_read, a_resize_asks_again_for_the_attribute_of_the_allocation)
{
    struct smh_trace_options options = {.attr = 2, .align = 16, .resolve = resolve, .step_ns = 1};
    expect_operations("a 1 8 attr=dma align=64\na 2 8\na 3 8 attr=7\nr 1 9\nr 2 9\nr 2 9 attr=5\n"
                      "r 2 9\n",
                      &options,
                      "0 alloc 0 8 64 9\n1 alloc 1 8 16 2\n2 alloc 2 8 16 7\n"
                      "3 realloc 0 9 16 9\n4 realloc 1 9 16 2\n5 realloc 1 9 16 5\n"
                      "6 realloc 1 9 16 5\n");
}

Test(trace_read, names_of_attributes_are_ignored_where_nobody_resolves_them)
{
    struct smh_trace_options options = {.attr = 2};
    expect_operations("a 1 8 attr=dma\n", &options, "0 alloc 0 8 0 2\n");
}

Test(trace_read, times_are_scaled_and_shifted)
{
    struct smh_trace_options options = {
        .start_ns = 1000, .speed_num = 1, .speed_den = 2, .step_ns = 10};
    expect_operations("a 1 8 t=100\nf 1\n", &options, "1050 alloc 0 8 0 0\n1055 free 0 0 0 0\n");
}

Test(trace_read, a_limit_stops_the_trace_and_leaves_blocks_live)
{
    struct smh_trace_options options = {.max_operations = 2};
    expect_operations("a 1 8\na 2 8\nf 1\nnonsense\n", &options,
                      "0 alloc 0 8 0 0\n0 alloc 1 8 0 0\n");
}

Test(trace_read, what_is_live_is_freed_at_the_end_when_asked)
{
    struct smh_trace_options options = {.free_at_end = true, .step_ns = 5};
    expect_operations("a 1 8\na 2 8\nf 1\n", &options,
                      "0 alloc 0 8 0 0\n5 alloc 1 8 0 0\n10 free 0 0 0 0\n10 free 1 0 0 0\n");
}

Test(trace_read, what_came_before_a_bad_line_is_handed_out_before_the_error)
{
    struct smh_error error = {{0}};
    struct smh_operation operations[8];
    const char *path = temporary_write_text(&temporary, "x.trace", "a 1 8\na 2 8\nf 3\n");
    struct smh_source *source = smh_trace_open(path, NULL, &error);
    cr_assert_not_null(source);
    cr_assert_eq(source->next(source, operations, 8, &error), 2);
    cr_assert_str_empty(error.message);
    cr_assert_eq(source->next(source, operations, 8, &error), -1);
    cr_assert_not_null(strstr(error.message, "x.trace:3: id 3 is not live"), "%s", error.message);
    source->close(source);
}

Test(trace_read, lines_that_straddle_every_buffer_boundary_read_the_same)
{
    /* 40,000 lines are some ten buffers; comment lines of every length shift the boundaries. */
    char *text = smh_must_allocate(40000 * 64, 1);
    char *at = text;
    for (unsigned i = 0; i < 40000; i++) {
        at += sprintf(at, "a %u %u t=%u\n#%*s\nf %u\n", i * 977, i, i * 2000, (int)(i % 23), "",
                      i * 977);
    }
    struct smh_trace_options options = {.step_ns = 7};
    const char *path = temporary_write_text(&temporary, "long.trace", text);
    struct smh_error error = {{0}};
    size_t count;
    struct smh_operation *operations =
        all_operations(smh_trace_open(path, &options, &error), &count);
    cr_assert_eq(count, 80000);
    for (unsigned i = 0; i < 40000; i++) {
        cr_assert_eq(operations[2 * i].bytes, i);
        cr_assert_eq(operations[2 * i].time_ns, i * 2000u);
        cr_assert_eq(operations[2 * i + 1].time_ns, i * 2000u + 7);
        cr_assert_eq(operations[2 * i + 1].slot, 0);
    }
    free(operations);
    free(text);
}

Test(slot_map, behaves_as_a_plain_table_under_random_use)
{
    enum { IDS = 997 };
    struct smh_slot_map map;
    uint32_t slot_plus_one[IDS] = {0};
    bool taken[IDS] = {false}; /* by slot */
    size_t live = 0;
    uint64_t state = 1;
    smh_slot_map_init(&map);
    for (unsigned step = 0; step < 300000; step++) {
        state = state * 6364136223846793005ull + 1442695040888963407ull;
        unsigned id = (unsigned)((state >> 33) % IDS);
        /* Fills up, and empties every now and then, so that the table grows and shrinks. */
        bool adds = (state >> 60) < ((step / 20000) % 2 == 0 ? 12u : 3u);
        uint64_t key = (uint64_t)id * 0x1000000000ull;
        struct smh_slot_entry *known = smh_slot_map_find(&map, key);
        cr_assert_eq(known != NULL, slot_plus_one[id] != 0);
        if (adds) {
            struct smh_slot_entry *added = smh_slot_map_add(&map, key);
            cr_assert_eq(added != NULL, slot_plus_one[id] == 0);
            if (added != NULL) {
                slot_plus_one[id] = added->slot_plus_one;
                cr_assert_lt(added->slot_plus_one - 1, (uint32_t)IDS);
                cr_assert_not(taken[added->slot_plus_one - 1]);
                taken[added->slot_plus_one - 1] = true;
                live++;
            }
        } else {
            uint32_t slot = 0;
            bool removed = smh_slot_map_remove(&map, key, &slot);
            cr_assert_eq(removed, slot_plus_one[id] != 0);
            if (removed) {
                cr_assert_eq(slot + 1, slot_plus_one[id]);
                taken[slot] = false;
                slot_plus_one[id] = 0;
                live--;
            }
        }
        cr_assert_eq(map.count, live);
        cr_assert_leq(map.count, map.mask / 2 + 1);
    }
    smh_slot_map_free(&map);
}

Test(slot_map, the_table_shrinks_when_little_is_live)
{
    struct smh_slot_map map;
    uint32_t slot;
    smh_slot_map_init(&map);
    for (uint64_t id = 0; id < 100000; id++) {
        smh_slot_map_add(&map, id);
    }
    cr_assert_geq(map.mask, 100000u);
    for (uint64_t id = 0; id < 100000; id++) {
        cr_assert(smh_slot_map_remove(&map, id, &slot));
    }
    cr_assert_leq(map.mask, 1023u);
    smh_slot_map_free(&map);
}
