/* driver.c: replays inputs through a target, or makes them by chance, without libFuzzer.
 *
 *     TARGET [--repeat=N] FILE|FOLDER...
 *     TARGET --generate=SEED --operations=N [--records=R] [--keep=FILE]
 *
 * Owns: reading the files, in order of name, and handing each to the target N times; or handing it
 * the inputs of generate.h for SEED, SEED + 1, ... until it has judged N operations; with
 * --records, a header and one to R records of random bytes instead, for targets that read them in
 * a way of their own. A broken rule ends the program by abort, an input that takes two minutes by
 * an alarm; the input under way is named, and an input made here is kept in FILE.
 * Compiled by any C compiler, so that every corpus is part of the tests.
 */
#include "../sim/random.h"
#include "input/generate.h"
#include "stage.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INPUT_MAX     ((size_t)1 << 24)
#define GENERATED_MAX ((size_t)4096)
#define SECONDS_MAX   120u

static uint64_t repeat = 1;
static size_t file_count;
static char under_way[4096]; /* the input's path */

/* An input made by chance. */
static uint8_t made[GENERATED_MAX];
static size_t made_size;
static size_t records; /* 0: as generate.h makes them */
static const char *keep = "failing-input";

static void keep_input(void)
{
    int file = made_size != 0 ? open(keep, O_WRONLY | O_CREAT | O_TRUNC, 0644) : -1;
    if (file >= 0) {
        (void)!write(file, made, made_size);
        (void)close(file);
    }
}

static void name_input(int signal_number)
{
    static const char text[] = "the input is ";
    (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
    (void)!write(STDERR_FILENO, under_way, strlen(under_way));
    (void)!write(STDERR_FILENO, "\n", 1);
    keep_input();
    (void)signal(signal_number, SIG_DFL);
    (void)raise(signal_number);
}

static void replay_file(const char *path)
{
    static uint8_t bytes[INPUT_MAX];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
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
    (void)snprintf(under_way, sizeof(under_way), "%s", path);
    for (uint64_t i = 0; i < repeat; i++) {
        (void)alarm(SECONDS_MAX);
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

static size_t make_records(uint64_t seed)
{
    struct smh_random random;
    size_t room = (sizeof(made) - SMH_FUZZ_HEADER_BYTES) / SMH_FUZZ_RECORD_BYTES;
    smh_random_init(&random, seed, 0);
    size_t count = 1 + (size_t)smh_random_below(&random, records < room ? records : room);
    size_t size = SMH_FUZZ_HEADER_BYTES + count * SMH_FUZZ_RECORD_BYTES;
    for (size_t i = 0; i < size; i += 8) {
        uint64_t word = smh_random_next(&random);
        memcpy(made + i, &word, size - i < 8 ? size - i : 8);
    }
    return size;
}

/* Text targets judge no operations but those that a text holds: inputs are counted, too. */
static void run_generated(uint64_t seed, uint64_t operations)
{
    uint64_t first = seed;
    while (fuzz_operations < operations && seed - first < operations) {
        made_size = records != 0 ? make_records(seed) : fuzz_generate(made, sizeof(made), seed);
        (void)snprintf(under_way, sizeof(under_way), "%s (--generate=%llu)", keep,
                       (unsigned long long)seed);
        (void)alarm(SECONDS_MAX);
        (void)LLVMFuzzerTestOneInput(made, made_size);
        seed++;
        file_count++;
    }
}

/* 5000000 or 5e6; exact up to 2^53. What is no number would be taken for less work than was asked.
 */
static uint64_t number_of(const char *text)
{
    char *end;
    double number = strtod(text, &end);
    if (end == text || *end != '\0' || !(number >= 0 && number <= 0x1p53)) {
        (void)fprintf(stderr, "'%s' is no number up to 2^53\n", text);
        exit(2);
    }
    return (uint64_t)number;
}

int main(int argc, char **argv)
{
    static const char *const options[] = {
        "--repeat=", "--generate=", "--operations=", "--keep=", "--records="};
    uint64_t seed = 0;
    uint64_t operations = 0;
    (void)signal(SIGABRT, name_input);
    (void)signal(SIGSEGV, name_input);
    (void)signal(SIGBUS, name_input);
    (void)signal(SIGALRM, name_input);
    for (int i = 1; i < argc; i++) {
        size_t option = 0;
        while (option < 5 && strncmp(argv[i], options[option], strlen(options[option])) != 0) {
            option++;
        }
        const char *value = option < 5 ? argv[i] + strlen(options[option]) : argv[i];
        if (option == 0) {
            repeat = number_of(value);
        } else if (option == 1) {
            seed = number_of(value);
        } else if (option == 2) {
            operations = number_of(value);
        } else if (option == 3) {
            keep = value;
        } else if (option == 4) {
            records = (size_t)number_of(value);
        } else {
            replay_path(value);
        }
    }
    run_generated(seed, operations);
    (void)fprintf(stderr, "%s: %zu inputs replayed\n", fuzz_target, file_count);
    return file_count != 0 ? 0 : 2;
}
