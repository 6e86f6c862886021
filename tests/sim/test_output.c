/* test_output.c: files that the program writes are whole, or as they were. */
#include "../../sim/output.h"
#include "temporary.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct temporary temporary;

static void set_up(void)
{
    temporary_make(&temporary);
}

static void tear_down(void)
{
    temporary_remove(&temporary);
}

TestSuite(output, .init = set_up, .fini = tear_down);

static void holds(const char *path, const char *text)
{
    char read[64] = "";
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    cr_assert(fread(read, 1, sizeof(read) - 1, file) < sizeof(read));
    fclose(file);
    cr_assert_str_eq(read, text);
}

Test(output, a_file_is_as_it_was_until_it_is_closed_and_whole_from_then_on)
{
    struct smh_output output;
    struct smh_error error = {{0}};
    const char *path = temporary_write_text(&temporary, "x", "old");
    cr_assert_eq(smh_output_open(&output, path, &error), 0);
    fputs("new", output.file);
    fflush(output.file);
    holds(path, "old");
    cr_assert_eq(temporary_count(&temporary), 2);
    cr_assert_eq(smh_output_close(&output, true, &error), 0);
    holds(path, "new");
    cr_assert_eq(temporary_count(&temporary), 1);
}

Test(output, what_is_not_kept_leaves_the_file_as_it_was)
{
    struct smh_output output;
    struct smh_error error = {{0}};
    const char *path = temporary_write_text(&temporary, "x", "old");
    cr_assert_eq(smh_output_open(&output, path, &error), 0);
    fputs("new", output.file);
    cr_assert_eq(smh_output_close(&output, false, &error), 0);
    holds(path, "old");
    cr_assert_eq(temporary_count(&temporary), 1);
}

Test(output, two_at_a_time_for_one_file_do_not_meet)
{
    struct smh_output first;
    struct smh_output second;
    struct smh_error error = {{0}};
    const char *path = temporary_path(&temporary, "x");
    cr_assert_eq(smh_output_open(&first, path, &error), 0);
    cr_assert_eq(smh_output_open(&second, path, &error), 0);
    fputs("first", first.file);
    fputs("second", second.file);
    cr_assert_eq(smh_output_close(&first, true, &error), 0);
    holds(path, "first");
    cr_assert_eq(smh_output_close(&second, true, &error), 0);
    holds(path, "second");
}

Test(output, a_link_is_followed_and_stays_a_link)
{
    struct smh_output output;
    struct smh_error error = {{0}};
    struct stat there;
    const char *path = temporary_path(&temporary, "link");
    cr_assert_eq(symlink("target", path), 0);
    cr_assert_eq(smh_output_open(&output, path, &error), 0);
    fputs("text", output.file);
    cr_assert_eq(smh_output_close(&output, true, &error), 0);
    cr_assert_eq(lstat(path, &there), 0);
    cr_assert(S_ISLNK(there.st_mode));
    holds(temporary_path(&temporary, "target"), "text");
}

Test(output, a_device_is_written_to)
{
    struct smh_output output;
    struct smh_error error = {{0}};
    struct stat there;
    cr_assert_eq(smh_output_open(&output, "/dev/null", &error), 0);
    fputs("text", output.file);
    cr_assert_eq(smh_output_close(&output, true, &error), 0);
    cr_assert_eq(stat("/dev/null", &there), 0);
    cr_assert(S_ISCHR(there.st_mode));
}

Test(output, a_device_without_room_is_an_error)
{
    struct smh_output output;
    struct smh_error error = {{0}};
    cr_assert_eq(smh_output_open(&output, "/dev/full", &error), 0);
    fputs("text", output.file);
    cr_assert_eq(smh_output_close(&output, true, &error), -1);
    cr_assert_str_eq(error.message, "/dev/full: cannot be written (No space left on device)");
}

Test(output, a_folder_and_a_folder_that_is_not_there_are_errors_that_name_them)
{
    struct smh_output output;
    struct smh_error error = {{0}};
    cr_assert_eq(smh_output_open(&output, temporary.folder, &error), -1);
    cr_assert_not_null(strstr(error.message, "cannot be written (Is a directory)"), "%s",
                       error.message);
    cr_assert_eq(smh_output_open(&output, temporary_path(&temporary, "no/x"), &error), -1);
    cr_assert_not_null(strstr(error.message, "no/x: cannot be written (No such file"), "%s",
                       error.message);
    cr_assert_eq(temporary_count(&temporary), 0);
}
