/* test_recording.c: raw recordings become traces. Each test writes the raw file by hand, record by
 * record, and compares the lines of the trace with a picture. */
#include "../../sim/record/record_format.h"
#include "../../sim/workload/recording.h"
#include "../../sim/workload/trace.h"
#include "temporary.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ALLOC   SMH_RAW_ALLOC
#define CALLOC  SMH_RAW_CALLOC
#define FREE    SMH_RAW_FREE
#define BEGIN   SMH_RAW_REALLOC_BEGIN
#define END     SMH_RAW_REALLOC_END
#define A       0x1000u
#define B       0x2000u
#define UNKNOWN 0x9000u

/* kind, thread, time, address, bytes, align_log2 */
struct given {
    enum smh_raw_kind kind;
    uint32_t thread;
    uint64_t time_ns, address, bytes;
    uint8_t align_log2;
};

static struct temporary temporary;
static char raw_path[TEMPORARY_PATH_BYTES], trace_path[TEMPORARY_PATH_BYTES];

static void make_folder(void)
{
    temporary_make(&temporary);
    strcpy(raw_path, temporary_path(&temporary, "raw"));
    strcpy(trace_path, temporary_path(&temporary, "out.trace"));
}

static void remove_folder(void)
{
    temporary_remove(&temporary);
}

TestSuite(recording, .init = make_folder, .fini = remove_folder);

/* header.next is count + more, as when more calls were claimed than written. */
static void write_raw(const struct given *given, size_t count, uint64_t more, uint64_t limit)
{
    static char page[SMH_RAW_HEADER_BYTES];
    struct smh_raw_header header;
    memset(&header, 0, sizeof(header));
    memcpy(header.magic, SMH_RAW_MAGIC, sizeof(header.magic));
    header.header_bytes = SMH_RAW_HEADER_BYTES;
    header.record_bytes = sizeof(struct smh_raw_record);
    header.limit = limit;
    atomic_init(&header.next, count + more);
    atomic_init(&header.threads, 2);
    memcpy(header.command, "/usr/bin/program\0two\twords", sizeof("/usr/bin/program\0two\twords"));
    memset(page, 0, sizeof(page));
    memcpy(page, &header, sizeof(header));
    FILE *file = fopen(raw_path, "wb");
    cr_assert_not_null(file);
    fwrite(page, 1, sizeof(page), file);
    for (size_t i = 0; i < count; i++) {
        struct smh_raw_record record = {.time = given[i].time_ns,
                                        .address = given[i].address,
                                        .bytes = given[i].bytes,
                                        .thread = given[i].thread,
                                        .align_log2 = given[i].align_log2,
                                        .kind = (uint8_t)given[i].kind};
        fwrite(&record, 1, sizeof(record), file);
    }
    cr_assert_eq(fclose(file), 0);
}

/* Converts, and gives the trace's operations: the lines that are neither header nor comment. */
static const char *converted(const struct given *given, size_t count, bool times, bool threads,
                             struct smh_recording_stats *stats)
{
    static char text[4096];
    char line[512];
    struct smh_recording_options options = {.times = times, .threads = threads};
    struct smh_error error = {""};
    write_raw(given, count, 0, 0);
    cr_assert_eq(smh_recording_convert(raw_path, trace_path, &options, stats, &error), 0, "%s",
                 error.message);
    FILE *file = fopen(trace_path, "r");
    cr_assert_not_null(file);
    text[0] = '\0';
    while (fgets(line, sizeof(line), file) != NULL) {
        if (line[0] != '#' && line[0] != 's') {
            strcat(text, line);
        }
    }
    fclose(file);
    /* Whatever was recorded, what is written can be read. */
    struct smh_source *source = smh_trace_open(trace_path, NULL, &error);
    cr_assert_not_null(source, "%s", error.message);
    size_t operation_count;
    free(all_operations(source, &operation_count));
    cr_expect_eq(operation_count, stats->operations);
    return text;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LINES(given) converted(given, COUNT(given), false, false, &stats)

Test(recording, addresses_become_ids_in_the_order_of_allocation)
{
    struct smh_recording_stats stats;
    const struct given given[] = {{ALLOC, 0, 5, A, 10, 0},
                                  {CALLOC, 0, 6, B, 20, 0},
                                  {FREE, 0, 7, A, 0, 0},
                                  {ALLOC, 0, 8, A, 30, 6},
                                  {FREE, 0, 9, B, 0, 0}};
    cr_expect_str_eq(LINES(given), "a 0 10\na 1 20 zero=1\nf 0\na 2 30 align=64\nf 1\n");
    cr_expect_eq(stats.live_blocks, 1);
    cr_expect_eq(stats.live_bytes, 30);
    cr_expect_eq(stats.peak_bytes, 50);
    cr_expect_eq(stats.largest_bytes, 30);
    cr_expect_str_eq(stats.program, "program");
}

Test(recording, times_count_from_the_first_call_and_never_go_back)
{
    struct smh_recording_stats stats;
    const struct given given[] = {
        {ALLOC, 0, 1000, A, 1, 0}, {ALLOC, 1, 990, B, 2, 0}, {FREE, 0, 1700, A, 0, 0}};
    cr_expect_str_eq(converted(given, COUNT(given), true, true, &stats),
                     "a 0 1 t=0 thread=0\na 1 2 t=0 thread=1\nf 0 t=700 thread=0\n");
    cr_expect_eq(stats.duration_ns, 700);
}

Test(recording, a_realloc_keeps_its_block_while_another_thread_takes_the_old_address)
{
    struct smh_recording_stats stats;
    const struct given given[] = {{ALLOC, 0, 0, A, 10, 0}, {BEGIN, 0, 0, A, 99, 0},
                                  {ALLOC, 1, 0, A, 7, 0},  {END, 0, 0, B, 99, 0},
                                  {FREE, 1, 0, A, 0, 0},   {FREE, 0, 0, B, 0, 0}};
    cr_expect_str_eq(LINES(given), "a 0 10\na 1 7\nr 0 99\nf 1\nf 0\n");
    cr_expect_eq(stats.implied_frees, 0);
    cr_expect_eq(stats.live_blocks, 0);
}

Test(recording, a_realloc_that_failed_leaves_the_block_as_it_was)
{
    struct smh_recording_stats stats;
    const struct given given[] = {{ALLOC, 0, 0, A, 10, 0},
                                  {BEGIN, 0, 0, A, 99, 0},
                                  {END, 0, 0, 0, 99, 0},
                                  {FREE, 0, 0, A, 0, 0}};
    cr_expect_str_eq(LINES(given), "a 0 10\nf 0\n");
    cr_expect_eq(stats.failed, 1);
}

Test(recording, a_realloc_to_nothing_is_a_free)
{
    struct smh_recording_stats stats;
    const struct given given[] = {
        {ALLOC, 0, 0, A, 10, 0}, {BEGIN, 0, 0, A, 0, 0}, {END, 0, 0, 0, 0, 0}};
    cr_expect_str_eq(LINES(given), "a 0 10\nf 0\n");
    cr_expect_eq(stats.live_blocks, 0);
}

Test(recording, a_realloc_that_never_ended_leaves_the_block_live)
{
    struct smh_recording_stats stats;
    const struct given given[] = {{ALLOC, 0, 0, A, 10, 0}, {BEGIN, 0, 0, A, 99, 0}};
    cr_expect_str_eq(LINES(given), "a 0 10\n");
    cr_expect_eq(stats.live_bytes, 10);
}

Test(recording, blocks_from_before_the_recording_are_left_out_and_counted)
{
    struct smh_recording_stats stats;
    const struct given given[] = {{FREE, 0, 0, UNKNOWN, 0, 0},
                                  {BEGIN, 0, 0, UNKNOWN, 40, 0},
                                  {END, 0, 0, B, 40, 0},
                                  {FREE, 0, 0, B, 0, 0}};
    cr_expect_str_eq(LINES(given), "a 0 40\nf 0\n");
    cr_expect_eq(stats.unknown_frees, 2);
}

Test(recording, an_address_that_comes_back_ends_the_block_that_was_there)
{
    struct smh_recording_stats stats;
    const struct given given[] = {{ALLOC, 0, 0, A, 10, 0}, {ALLOC, 0, 0, A, 20, 0}};
    cr_expect_str_eq(LINES(given), "a 0 10\nf 0\na 1 20\n");
    cr_expect_eq(stats.implied_frees, 1);
}

Test(recording, an_allocation_of_nothing_is_written_as_one_byte)
{
    struct smh_recording_stats stats;
    const struct given given[] = {{ALLOC, 0, 0, A, 0, 0}, {FREE, 0, 0, A, 0, 0}};
    cr_expect_str_eq(LINES(given), "a 0 1\nf 0\n");
    cr_expect_eq(stats.zero_sized, 1);
}

Test(recording, a_record_that_was_claimed_and_not_written_is_left_out)
{
    struct smh_recording_stats stats;
    const struct given given[] = {
        {ALLOC, 0, 0, A, 10, 0}, {SMH_RAW_NONE, 0, 0, 0, 0, 0}, {FREE, 0, 0, A, 0, 0}};
    cr_expect_str_eq(LINES(given), "a 0 10\nf 0\n");
    cr_expect_eq(stats.incomplete, 1);
}

Test(recording, calls_beyond_the_limit_and_calls_lost_are_told_apart)
{
    struct smh_recording_stats stats;
    struct smh_error error;
    const struct given given[] = {{ALLOC, 0, 0, A, 10, 0}, {ALLOC, 0, 0, B, 10, 0}};
    write_raw(given, 2, 5, 0);
    cr_assert_eq(smh_recording_measure(raw_path, &stats, &error), 0);
    cr_expect_eq(stats.lost, 5);
    cr_expect_eq(stats.beyond_limit, 0);
    write_raw(given, 2, 5, 2);
    cr_assert_eq(smh_recording_measure(raw_path, &stats, &error), 0);
    cr_expect_eq(stats.lost, 0);
    cr_expect_eq(stats.beyond_limit, 5);
    cr_expect_eq(stats.operations, 2);
}

Test(recording, the_header_and_the_comments_tell_where_the_trace_comes_from)
{
    struct smh_recording_stats stats;
    struct smh_error error;
    const struct given given[] = {{ALLOC, 0, 0, A, 10, 0}};
    struct smh_recording_options options = {.keys = "version=1.2", .note = "a note"};
    char text[512] = "";
    write_raw(given, 1, 0, 0);
    cr_assert_eq(smh_recording_convert(raw_path, trace_path, &options, &stats, &error), 0);
    FILE *file = fopen(trace_path, "r");
    cr_assert_not_null(file);
    cr_assert_gt(fread(text, 1, sizeof(text) - 1, file), 0);
    fclose(file);
    cr_expect_str_eq(text, "smh-trace 1 program=program version=1.2 operations=1 allocations=1 "
                           "peak_live_bytes=10 peak_live_blocks=1 threads=2\n"
                           "# a note\n"
                           "# recorded by smh record: /usr/bin/program two?words\n"
                           "a 0 10\n");
}

Test(recording, a_file_that_is_no_recording_is_refused_and_leaves_no_trace)
{
    struct smh_recording_stats stats;
    struct smh_recording_options options = {.times = true};
    struct smh_error error = {""};
    temporary_write_text(&temporary, "raw", "hello");
    cr_expect_eq(smh_recording_convert(raw_path, trace_path, &options, &stats, &error), -1);
    cr_expect_not_null(strstr(error.message, "5 bytes is no recording"), "%s", error.message);
    cr_expect_neq(access(trace_path, F_OK), 0);
    cr_assert_eq(truncate(raw_path, 2 * SMH_RAW_HEADER_BYTES), 0);
    cr_expect_eq(smh_recording_measure(raw_path, &stats, &error), -1);
    cr_expect_not_null(strstr(error.message, "does not begin with"), "%s", error.message);
}
