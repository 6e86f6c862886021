/* test_trace_write.c: what the trace writer leaves behind, in every container.
 */
#include "../../sim/workload/input.h"
#include "../../sim/workload/trace.h"
#include "temporary.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct temporary temporary;

static void start(void)
{
    temporary_make(&temporary);
}

static void end(void)
{
    temporary_remove(&temporary);
}

TestSuite(trace_write, .init = start, .fini = end);

static const char *const names[] = {"x.trace", "x.trace.gz", "x.trace.zst"};
static const char *const containers[] = {"plain", "gzip", "zstd"};

static void write_small(const char *path)
{
    struct smh_error error = {{0}};
    struct smh_trace_writer *writer = smh_trace_create(path, "program=x pid=7", &error);
    cr_assert_not_null(writer, "%s", error.message);
    cr_assert_eq(smh_trace_comment(writer, "recorded by hand", &error), 0);
    cr_assert_eq(smh_trace_write(writer, SMH_OPERATION_ALLOC, 1, 0, 0, 0, 1, &error), 0);
    cr_assert_eq(
        smh_trace_write(writer, SMH_OPERATION_CALLOC, UINT64_MAX, UINT64_MAX, 4096, 5, 2, &error),
        0);
    cr_assert_eq(smh_trace_write(writer, SMH_OPERATION_REALLOC, 1, 64, 0, 6, 1, &error), 0);
    cr_assert_eq(smh_trace_write(writer, SMH_OPERATION_FREE, 1, 0, 0, 7, 1, &error), 0);
    cr_assert_eq(smh_trace_finish(writer, true, &error), 0, "%s", error.message);
}

Test(trace_write, every_container_holds_the_same_text)
{
    for (size_t i = 0; i < 3; i++) {
        struct smh_error error = {{0}};
        const char *path = temporary_path(&temporary, names[i]);
        write_small(path);
        struct smh_input *input = smh_input_open(path, &error);
        cr_assert_str_eq(smh_input_container(input), containers[i]);
        smh_input_close(input);
        size_t length;
        char *text = smh_input_whole(path, 4096, &length, &error);
        cr_assert_str_eq(
            text, "smh-trace 1 program=x pid=7\n"
                  "# recorded by hand\n"
                  "a 1 0 t=0 thread=1\n"
                  "a 18446744073709551615 18446744073709551615 align=4096 zero=1 t=5 thread=2\n"
                  "r 1 64 t=6 thread=1\n"
                  "f 1 t=7 thread=1\n");
        free(text);
    }
    cr_assert_eq(temporary_count(&temporary), 3); /* and no temporary file is left */
}

Test(trace_write, the_same_calls_leave_the_same_bytes)
{
    for (size_t i = 0; i < 3; i++) {
        char bytes[2][512];
        size_t lengths[2];
        for (int run = 0; run < 2; run++) {
            write_small(temporary_path(&temporary, names[i]));
            FILE *file = fopen(temporary.path, "rb");
            lengths[run] = fread(bytes[run], 1, sizeof bytes[run], file);
            fclose(file);
        }
        cr_assert_eq(lengths[0], lengths[1]);
        cr_assert_arr_eq(bytes[0], bytes[1], lengths[0]);
    }
}

Test(trace_write, a_long_trace_reads_back_as_it_was_written)
{
    for (size_t k = 0; k < 3; k++) {
        struct smh_error error = {{0}};
        const char *path = temporary_path(&temporary, names[k]);
        struct smh_trace_writer *writer = smh_trace_create(path, NULL, &error);
        for (uint64_t i = 0; i < 50000; i++) {
            smh_trace_write(writer, SMH_OPERATION_ALLOC, i, i * i, i % 3 == 0 ? 64 : 0, i, 1,
                            &error);
        }
        cr_assert_eq(smh_trace_finish(writer, true, &error), 0);
        size_t count;
        struct smh_operation *operations =
            all_operations(smh_trace_open(path, NULL, &error), &count);
        cr_assert_eq(count, 50000);
        for (size_t i = 0; i < count; i++) {
            cr_assert_eq(operations[i].bytes, i * i);
            cr_assert_eq(operations[i].align, i % 3 == 0 ? 64 : 0);
            cr_assert_eq(operations[i].time_ns, i);
            cr_assert_eq(operations[i].slot, i);
        }
        free(operations);
    }
}

Test(trace_write, nothing_is_left_of_a_trace_that_is_not_kept)
{
    struct smh_error error = {{0}};
    struct smh_trace_writer *writer =
        smh_trace_create(temporary_path(&temporary, "x.trace.zst"), NULL, &error);
    cr_assert_eq(temporary_count(&temporary), 1);
    cr_assert_eq(smh_trace_finish(writer, false, &error), 0);
    cr_assert_eq(temporary_count(&temporary), 0);
}

Test(trace_write, the_target_stays_as_it_was_until_the_end)
{
    struct smh_error error = {{0}};
    size_t length;
    const char *path = temporary_write_text(&temporary, "x.trace", "a 1 8\n");
    struct smh_trace_writer *writer = smh_trace_create(path, NULL, &error);
    cr_assert_eq(smh_trace_write(writer, SMH_OPERATION_ALLOC, 1, 16, 0, 0, 1, &error), 0);
    char *before = smh_input_whole(path, 4096, &length, &error);
    cr_assert_str_eq(before, "a 1 8\n");
    cr_assert_eq(smh_trace_finish(writer, true, &error), 0);
    char *after = smh_input_whole(path, 4096, &length, &error);
    cr_assert_str_eq(after, "smh-trace 1\na 1 16 t=0 thread=1\n");
    free(before);
    free(after);
}

Test(trace_write, a_folder_that_is_not_there_is_an_error_that_names_the_file)
{
    struct smh_error error = {{0}};
    cr_assert_null(smh_trace_create(temporary_path(&temporary, "no/x.trace"), NULL, &error));
    cr_assert_not_null(strstr(error.message, "no/x.trace: cannot be written (No such file"), "%s",
                       error.message);
}

Test(trace_write, a_target_that_cannot_be_replaced_is_an_error)
{
    /* Its name is taken by a folder before the end, so the rename fails. */
    struct smh_error error = {{0}};
    const char *path = temporary_path(&temporary, "x.trace");
    struct smh_trace_writer *writer = smh_trace_create(path, NULL, &error);
    cr_assert_not_null(writer);
    cr_assert_eq(mkdir(path, 0777), 0);
    cr_assert_eq(smh_trace_finish(writer, true, &error), -1);
    cr_assert_not_null(strstr(error.message, "cannot be written"), "%s", error.message);
    cr_assert_eq(rmdir(path), 0);
    cr_assert_eq(temporary_count(&temporary), 0);
    cr_assert_null(smh_trace_create(temporary.folder, NULL, &error), "a folder from the start");
}

Test(trace_write, comments_and_headers_of_two_lines_are_refused)
{
    struct smh_error error = {{0}};
    const char *path = temporary_path(&temporary, "x.trace");
    cr_assert_null(smh_trace_create(path, "a=1\nf 1", &error));
    struct smh_trace_writer *writer = smh_trace_create(path, "a=1", &error);
    cr_assert_eq(smh_trace_comment(writer, "one\ntwo", &error), -1);
    cr_assert_eq(smh_trace_write(writer, SMH_OPERATION_CLEAN, 1, 1, 0, 0, 0, &error), -1);
    smh_trace_finish(writer, false, &error);
    cr_assert_eq(temporary_count(&temporary), 0);
}

Test(trace_write, several_members_and_frames_read_as_one_file)
{
    for (size_t i = 1; i < 3; i++) {
        struct smh_error error = {{0}};
        char one[512];
        write_small(temporary_path(&temporary, names[i]));
        FILE *file = fopen(temporary.path, "rb");
        size_t length = fread(one, 1, sizeof one / 2, file);
        fclose(file);
        memcpy(one + length, one, length);
        const char *path = temporary_write(&temporary, "twice", one, 2 * length);
        char *text = smh_input_whole(path, 4096, &length, &error);
        cr_assert_not_null(text, "%s", error.message);
        char *again = strstr(text + 1, "smh-trace 1");
        cr_assert_not_null(again);
        cr_assert_eq((size_t)(again - text) * 2, length);
        free(text);
    }
}

Test(trace_write, a_file_beyond_the_limit_is_refused)
{
    struct smh_error error = {{0}};
    size_t length;
    const char *path = temporary_write_text(&temporary, "x", "12345678");
    char *text = smh_input_whole(path, 8, &length, &error);
    cr_assert_str_eq(text, "12345678");
    free(text);
    cr_assert_null(smh_input_whole(path, 7, &length, &error));
    cr_assert_not_null(strstr(error.message, "allowed: up to 7 bytes"), "%s", error.message);
}
