/* driver.c: replays inputs through a target, without libFuzzer.
 *
 *     TARGET [--repeat=N] FILE|FOLDER...
 *
 * Owns: reading the files, in order of name, and handing each to the target N times. A broken rule
 * ends the program by abort; the input under way is named. Compiled by any C compiler, so that
 * every corpus is part of the tests.
 */
#include "stage.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INPUT_MAX ((size_t)1 << 24)

static unsigned long repeat = 1;
static size_t file_count;
static char under_way[4096]; /* the input's path */

static void name_input(int signal_number)
{
    static const char text[] = "the input is ";
    (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
    (void)!write(STDERR_FILENO, under_way, strlen(under_way));
    (void)!write(STDERR_FILENO, "\n", 1);
    (void)signal(signal_number, SIG_DFL);
    (void)raise(signal_number);
}

static void replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(INPUT_MAX);
    if (file == NULL || bytes == NULL) {
        (void)fprintf(stderr, "%s: cannot be read\n", path);
        exit(2);
    }
    size_t size = fread(bytes, 1, INPUT_MAX, file);
    (void)fclose(file);
    /* Of its exact size, so that a checker sees what reads past it. */
    uint8_t *exact = malloc(size != 0 ? size : 1);
    if (exact == NULL) {
        exit(2);
    }
    memcpy(exact, bytes, size);
    free(bytes);
    (void)snprintf(under_way, sizeof(under_way), "%s", path);
    for (unsigned long i = 0; i < repeat; i++) {
        (void)LLVMFuzzerTestOneInput(exact, size);
    }
    free(exact);
    file_count++;
}

static int is_input(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void replay_path(const char *path)
{
    struct stat status;
    struct dirent **entries;
    if (stat(path, &status) != 0) {
        (void)fprintf(stderr, "%s: there is no such file or folder\n", path);
        exit(2);
    }
    if (!S_ISDIR(status.st_mode)) {
        replay_file(path);
        return;
    }
    int count = scandir(path, &entries, is_input, alphasort);
    for (int i = 0; i < count; i++) {
        char name[4096];
        (void)snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
        replay_file(name);
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    (void)signal(SIGABRT, name_input);
    (void)signal(SIGSEGV, name_input);
    static const char option[] = "--repeat=";
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], option, sizeof(option) - 1) == 0) {
            repeat = strtoul(argv[i] + sizeof(option) - 1, NULL, 10);
        } else {
            replay_path(argv[i]);
        }
    }
    (void)fprintf(stderr, "%s: %zu inputs replayed\n", fuzz_target, file_count);
    return file_count != 0 ? 0 : 2;
}
