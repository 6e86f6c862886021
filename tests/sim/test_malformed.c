/* test_malformed.c: bad scenarios and traces do not load, and the message helps.
 *
 * The files are in tests/data/malformed, and `expected` there says what each message must contain:
 * where, what, and what is allowed. Inputs too large to keep are made here.
 */
#include "../../sim/workload/scenario.h"
#include "../../sim/workload/trace.h"
#include "temporary.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER    "tests/data/malformed"
#define ROWS_MAX  400
#define ROW_BYTES 512

static bool ends_with(const char *text, const char *suffix)
{
    size_t length = strlen(text);
    return length >= strlen(suffix) && strcmp(text + length - strlen(suffix), suffix) == 0;
}

/* Loads a scenario (.json) or reads a trace to its end. */
static bool loads(const char *path, struct smh_error *error)
{
    *error = (struct smh_error){{0}};
    if (!ends_with(path, ".json")) {
        return smh_trace_check(path, NULL, NULL, error) == 0;
    }
    struct smh_scenario *scenario = smh_scenario_load(path, true, error);
    smh_scenario_free(scenario);
    return scenario != NULL;
}

/* What is wrong with how an input was refused; NULL: nothing. */
static const char *fault_of(const char *path, const char *const *parts, size_t count,
                            struct smh_error *error)
{
    if (loads(path, error)) {
        return "it loads";
    }
    if (strncmp(error->message, path, strlen(path)) != 0) {
        return "the message does not begin with the file";
    }
    if (strpbrk(error->message, "\r\n\t") != NULL) {
        return "the message is not one line";
    }
    for (size_t i = 0; i < count; i++) {
        if (strstr(error->message, parts[i]) == NULL) {
            return parts[i];
        }
    }
    return strstr(error->message, "allowed: ") == NULL ? "it does not say what is allowed" : NULL;
}

static size_t split(char *row, char **words, size_t most)
{
    size_t count = 0;
    row[strcspn(row, "\n")] = '\0';
    for (char *word = strtok(row, "\t"); word != NULL && count < most; word = strtok(NULL, "\t")) {
        words[count++] = word;
    }
    return count;
}

static size_t files_in(const char *folder)
{
    size_t count = 0;
    DIR *stream = opendir(folder);
    cr_assert_not_null(stream, "%s (run the tests from the root of the repository)", folder);
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        count += entry->d_name[0] != '.';
    }
    closedir(stream);
    return count;
}

Test(malformed, every_file_is_refused_with_a_message_that_says_where_what_and_what_is_allowed)
{
    char row[ROW_BYTES];
    char *words[16];
    size_t rows = 0;
    FILE *table = fopen(FOLDER "/expected", "r");
    cr_assert_not_null(table);
    while (fgets(row, sizeof row, table) != NULL) {
        size_t count = row[0] == '#' ? 0 : split(row, words, 16);
        if (count == 0) {
            continue;
        }
        char path[ROW_BYTES];
        struct smh_error error;
        snprintf(path, sizeof path, FOLDER "/%s", words[0]);
        cr_assert_geq(count, 3, "%s: too little is expected", path);
        const char *const *parts = (const char *const *)(words + 1);
        const char *fault = fault_of(path, parts, count - 1, &error);
        cr_expect_null(fault, "%s: %s\nin: %s", path, fault, error.message);
        const char *line = error.message + strlen(path);
        cr_expect(line[0] == ':' && line[1] >= '0' && line[1] <= '9', "no line in: %s",
                  error.message);
        rows++;
    }
    fclose(table);
    cr_assert_geq(rows, 45);
    /* One trace among the scenarios belongs to one of them. */
    cr_assert_eq(rows,
                 files_in(FOLDER "/schema") + files_in(FOLDER "/beyond") - 1 +
                     files_in(FOLDER "/not_json") + files_in(FOLDER "/traces"),
                 "a file is missing from the table");
}

Test(malformed, the_check_notices_a_file_that_loads_and_a_message_that_lacks_something)
{
    struct smh_error error;
    static const char *const part[] = {"what no message contains"};
    cr_assert_str_eq(fault_of("tests/data/valid/smallest.json", part, 0, &error), "it loads");
    cr_assert_str_eq(fault_of("tests/data/valid/small.trace", part, 0, &error), "it loads");
    cr_assert_str_eq(fault_of(FOLDER "/not_json/nan.json", part, 1, &error), part[0]);
}

/* A scenario of `bytes` bytes of one pattern, which must be refused. */
static void expect_refused(const char *name, const char *pattern, size_t bytes)
{
    struct temporary temporary;
    struct smh_error error;
    temporary_make(&temporary);
    char *text = smh_must_allocate(bytes + 1, 1);
    size_t length = strlen(pattern);
    for (size_t i = 0; i < bytes; i++) {
        text[i] = pattern[i % length];
    }
    const char *path = temporary_write(&temporary, name, text, bytes);
    const char *fault = fault_of(path, NULL, 0, &error);
    free(text);
    temporary_remove(&temporary);
    cr_assert_null(fault, "%s\nin: %s", fault, error.message);
}

Test(malformed, ten_megabytes_of_nesting_are_refused)
{
    expect_refused("lists.json", "[", (size_t)10 << 20);
    expect_refused("objects.json", "{\"a\":", (size_t)10 << 20);
}

Test(malformed, one_line_of_ten_megabytes_is_no_trace)
{
    expect_refused("line.trace", "a 1 16 ", (size_t)10 << 20);
}

Test(malformed, a_scenario_of_more_than_64_megabytes_is_refused)
{
    expect_refused("blanks.json", " ", ((size_t)64 << 20) + 1);
}

Test(malformed, folders_and_files_that_are_not_there_are_refused)
{
    struct smh_error error;
    static const char *const folder[] = {"is a folder"};
    static const char *const missing[] = {"cannot be opened", "No such file"};
    struct temporary temporary;
    temporary_make(&temporary);
    cr_assert_null(fault_of(temporary.folder, folder, 1, &error), "%s", error.message);
    cr_assert_null(fault_of(temporary_path(&temporary, "no.json"), missing, 2, &error));
    cr_assert_null(fault_of(temporary_path(&temporary, "no.trace"), missing, 2, &error));
    temporary_remove(&temporary);
}

Test(malformed, a_trace_that_would_be_loaded_without_being_read_is_still_opened)
{
    /* Without parse_traces only the first operation is read. */
    struct smh_error error = {{0}};
    cr_assert_null(smh_scenario_load(FOLDER "/beyond/trace_missing.json", false, &error));
    cr_assert_null(smh_scenario_load(FOLDER "/beyond/trace_unknown_attribute.json", false, &error));
    struct smh_scenario *scenario =
        smh_scenario_load(FOLDER "/beyond/trace_bad_line.json", false, &error);
    cr_assert_not_null(scenario);
    smh_scenario_free(scenario);
}
