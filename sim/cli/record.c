/* record.c: `smh record`, which runs a program and writes its allocations as a trace.
 *
 * Owns: the command line, and which recorded process becomes which file.
 *
 *     smh record --- fork, exec ---> PROGRAM (libsmh_record.so preloaded) ---> its children
 *         |                              |  writes FOLDER/PID.0                 |  FOLDER/PID2.0
 *         '--- when all have ended: FOLDER/PID.0 -> FILE, FOLDER/PID2.0 -> FILE with .PID2 ---'
 *
 * Invariants: FOLDER lies beside FILE and is removed before the command returns. Traces appear
 * whole or not at all (trace.h). Standard output belongs to the program. Exit codes: 0 the trace of
 * the first process was written, whatever the program's own status, which is told on standard
 * error; 2 bad usage, or nothing could be recorded.
 */
#include "record.h"
#include "../record/record_format.h"
#include "../workload/recording.h"
#include "cli.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIBRARY    "libsmh_record.so"
#define FOLDER_MAX 1000u /* what preload.c keeps */
#define IMAGES_MAX 65536u

/* One program that one process executed. */
struct image {
    long pid;
    unsigned number;
};

static const char help_text[] =
    "usage: smh record [OPTIONS] -o FILE [--] PROGRAM [ARGUMENT...]\n"
    "\n"
    "Runs PROGRAM and writes every malloc, calloc, realloc, reallocarray, free, aligned_alloc,\n"
    "posix_memalign, memalign, valloc and pvalloc that it makes to FILE, as a trace that\n"
    "scenarios replay. FILE ending in .zst or .gz is compressed.\n"
    "\n"
    "Threads are told apart (thread=N). Every process gets a file of its own: the first process\n"
    "FILE, its children FILE with .PID before the ending (out.trace.zst: out.1234.trace.zst).\n"
    "When the program has ended and left processes behind, smh waits for them; Ctrl-C then writes\n"
    "what is recorded so far.\n"
    "\n"
    "  -o, --output FILE       where the trace goes (required)\n"
    "      --no-time           leave out the time of each operation\n"
    "      --no-threads        leave out the thread of each operation\n"
    "      --time-step TIME    round times down to this: 100ns, 1us, 1ms, ... [1ns]\n"
    "      --max-operations N  record the first N calls of each process [all]\n"
    "      --no-children       record the first process only\n"
    "      --key NAME=VALUE    add a key to the trace's header, such as version=2.0.11\n"
    "      --note TEXT         add a comment to the trace\n"
    "  -q, --quiet             say nothing but errors\n"
    "  -h, --help              show this\n"
    "\n"
    "PROGRAM must be dynamically linked and not set-user-id. The library is looked for in\n"
    "$SMH_RECORD_LIBRARY, beside smh, and in ../lib/smh from there.\n"
    "Exit codes: 0 the trace was written (the program's own status is told on standard error),\n"
    "2 bad usage or nothing was recorded.\n"
    "\n"
    "Example: smh record -o sqlite.trace.zst -- sqlite3 :memory: 'select 1'\n";

int smh_record_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("smh record: ", stderr);
    vfprintf(stderr, format, arguments);
    fputs("\ntry: smh record --help\n", stderr);
    va_end(arguments);
    return SMH_EXIT_INPUT;
}

static bool parse_number(const char *text, char **end, uint64_t *value)
{
    errno = 0;
    if (text[0] < '0' || text[0] > '9') {
        return false;
    }
    *value = strtoull(text, end, 10);
    return errno == 0;
}

static int parse_time_step(const char *text, uint64_t *step_ns)
{
    static const struct {
        const char *unit;
        uint64_t ns;
    } units[] = {{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}};
    char *end;
    uint64_t value;
    if (parse_number(text, &end, &value) && value > 0) {
        for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
            if (strcmp(end, units[i].unit) == 0 && value <= 1000000000 / units[i].ns) {
                *step_ns = value * units[i].ns;
                return 0;
            }
        }
    }
    return smh_record_fail("--time-step %s: allowed are 1ns to 1s, such as 100ns, 1us, 1ms", text);
}

static int parse_max_operations(const char *text, uint64_t *count)
{
    char *end;
    if (!parse_number(text, &end, count) || *end != '\0' || *count == 0) {
        return smh_record_fail("--max-operations %s: allowed is a whole number from 1", text);
    }
    return 0;
}

static int add_key(struct smh_record_command *command, const char *text)
{
    const char *equals = strchr(text, '=');
    bool good = equals != NULL && equals != text && equals[1] != '\0';
    for (const char *c = text; *c != '\0'; c++) {
        good = good && *c > ' ' && *c < 127;
    }
    if (!good) {
        return smh_record_fail("--key %s: allowed is NAME=VALUE without spaces", text);
    }
    size_t used = strlen(command->keys);
    int wrote = snprintf(command->keys + used, sizeof(command->keys) - used, "%s%s",
                         used != 0 ? " " : "", text);
    if (wrote < 0 || (size_t)wrote >= sizeof(command->keys) - used) {
        return smh_record_fail("--key %s: allowed are %zu characters in all", text,
                               sizeof(command->keys) - 1);
    }
    return 0;
}

/* -1: go on; otherwise the exit code. */
static int parse_option(struct smh_record_command *command, int option, char **argv)
{
    int result = 0;
    switch (option) {
    case 'o':
        command->output = optarg;
        break;
    case 't':
        command->no_time = true;
        break;
    case 'T':
        command->no_threads = true;
        break;
    case 's':
        result = parse_time_step(optarg, &command->time_step_ns);
        break;
    case 'm':
        result = parse_max_operations(optarg, &command->max_operations);
        break;
    case 'c':
        command->no_children = true;
        break;
    case 'k':
        result = add_key(command, optarg);
        break;
    case 'n':
        command->note = optarg;
        break;
    case 'q':
        command->quiet = true;
        break;
    case 'h':
        fputs(help_text, stdout);
        return 0;
    case ':':
        return smh_record_fail("%s needs a value", argv[optind - 1]);
    default:
        return smh_record_fail("%s: no such option", argv[optind - 1]);
    }
    return result == 0 ? -1 : result;
}

/* True: go on; false: end with *exit_code. */
static bool parse_arguments(struct smh_record_command *command, int argc, char **argv,
                            int *exit_code)
{
    static const struct option long_options[] = {
        {"output", required_argument, NULL, 'o'},
        {"no-time", no_argument, NULL, 't'},
        {"no-threads", no_argument, NULL, 'T'},
        {"time-step", required_argument, NULL, 's'},
        {"max-operations", required_argument, NULL, 'm'},
        {"no-children", no_argument, NULL, 'c'},
        {"key", required_argument, NULL, 'k'},
        {"note", required_argument, NULL, 'n'},
        {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    optind = 0; /* glibc: begin anew, whatever was parsed before */
    opterr = 0;
    int option;
    while ((option = getopt_long(argc, argv, "+:o:qh", long_options, NULL)) != -1) {
        int result = parse_option(command, option, argv);
        if (result >= 0) {
            *exit_code = result;
            return false;
        }
    }
    if (command->output[0] == '\0') {
        *exit_code = smh_record_fail("-o FILE is missing: where should the trace go?");
        return false;
    }
    if (optind >= argc) {
        *exit_code = smh_record_fail("no PROGRAM to record");
        return false;
    }
    command->program = argv + optind;
    return true;
}

static int find_library(struct smh_record_command *command)
{
    char beside[PATH_MAX + 64], installed[PATH_MAX + 64];
    const char *named = getenv("SMH_RECORD_LIBRARY");
    if (named != NULL && named[0] != '\0') {
        if (realpath(named, command->library) == NULL) {
            return smh_record_fail("SMH_RECORD_LIBRARY=%s: %s", named, strerror(errno));
        }
    } else {
        char folder[PATH_MAX];
        ssize_t length = readlink("/proc/self/exe", folder, sizeof(folder) - 1);
        while (length > 0 && folder[length - 1] != '/') {
            length--;
        }
        if (length <= 0) {
            return smh_record_fail("cannot tell where smh lies; set SMH_RECORD_LIBRARY to %s",
                                   LIBRARY);
        }
        snprintf(beside, sizeof(beside), "%.*s%s", (int)length, folder, LIBRARY);
        snprintf(installed, sizeof(installed), "%.*s../lib/smh/%s", (int)length, folder, LIBRARY);
        if (realpath(beside, command->library) == NULL &&
            realpath(installed, command->library) == NULL) {
            return smh_record_fail("neither %s nor %s is there; build it, or set "
                                   "SMH_RECORD_LIBRARY",
                                   beside, installed);
        }
    }
    if (strpbrk(command->library, " :") != NULL) {
        return smh_record_fail("%s: the dynamic linker takes no path with a space or a colon",
                               command->library);
    }
    return 0;
}

/* A folder for raw files, beside the output so that large recordings go to the same disk. */
static int make_folder(struct smh_record_command *command)
{
    char pattern[PATH_MAX];
    const char *slash = strrchr(command->output, '/');
    int length = slash == NULL ? 0 : (int)(slash - command->output) + 1;
    int wrote =
        snprintf(pattern, sizeof(pattern), "%.*s.smh-record-XXXXXX", length, command->output);
    if (wrote < 0 || (size_t)wrote >= sizeof(pattern) || mkdtemp(pattern) == NULL) {
        return smh_record_fail("%s: cannot write there: %s", command->output, strerror(errno));
    }
    if (realpath(pattern, command->folder) == NULL || strlen(command->folder) > FOLDER_MAX) {
        rmdir(pattern);
        command->folder[0] = '\0';
        return smh_record_fail("%s: the path is too long", command->output);
    }
    return 0;
}

static int compare_images(const void *left, const void *right)
{
    const struct image *a = left, *b = right;
    if (a->pid != b->pid) {
        return a->pid < b->pid ? -1 : 1;
    }
    return a->number < b->number ? -1 : a->number > b->number;
}

/* The raw files, by process and image. Returns how many; *images is freed by the caller. */
static size_t list_images(const char *folder, struct image **images)
{
    size_t count = 0, capacity = 0;
    *images = NULL;
    DIR *directory = opendir(folder);
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        struct image image;
        if (sscanf(entry->d_name, "%ld.%u", &image.pid, &image.number) != 2 ||
            count == IMAGES_MAX) {
            continue;
        }
        if (count == capacity) {
            capacity = capacity == 0 ? 16 : capacity * 2;
            struct image *grown = realloc(*images, capacity * sizeof(image));
            if (grown == NULL) {
                break;
            }
            *images = grown;
        }
        (*images)[count++] = image;
    }
    if (directory != NULL) {
        closedir(directory);
    }
    if (count > 1) {
        qsort(*images, count, sizeof(**images), compare_images);
    }
    return count;
}

static void raw_path(const struct smh_record_command *command, const struct image *image,
                     char *path)
{
    snprintf(path, PATH_MAX, "%.*s/%ld.%u", (int)FOLDER_MAX, command->folder, image->pid,
             image->number);
}

/* FILE with .PID (and .IMAGE, for what a process executed before its last program) inserted before
 * the ending. */
static void child_path(const char *output, const struct image *image, bool last, char *path)
{
    static const char *const endings[] = {".trace.zst", ".trace.gz", ".trace", ".zst", ".gz"};
    size_t length = strlen(output), stem = length;
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]) && stem == length; i++) {
        size_t ending = strlen(endings[i]);
        if (length > ending && strcmp(output + length - ending, endings[i]) == 0) {
            stem = length - ending;
        }
    }
    char middle[48];
    if (last) {
        snprintf(middle, sizeof(middle), ".%ld", image->pid);
    } else {
        snprintf(middle, sizeof(middle), ".%ld.%u", image->pid, image->number);
    }
    snprintf(path, PATH_MAX, "%.*s%s%s", (int)stem, output, middle, output + stem);
}

static void report(const char *path, const struct smh_recording_stats *stats)
{
    fprintf(stderr,
            "smh record: %s: %s, %" PRIu64 " operations (%" PRIu64 " allocated, %" PRIu64
            " resized, %" PRIu64 " freed), peak %" PRIu64 " bytes in %" PRIu64 " blocks, %" PRIu32
            " thread%s, %.3f s\n",
            path, stats->program, stats->operations, stats->allocations, stats->reallocations,
            stats->frees, stats->peak_bytes, stats->peak_blocks, stats->threads,
            stats->threads == 1 ? "" : "s", (double)stats->duration_ns / 1e9);
    const struct {
        uint64_t count;
        const char *what;
    } remarks[] = {
        {stats->unknown_frees, "frees or resizes of blocks allocated before the recording"},
        {stats->implied_frees, "frees that were not seen"},
        {stats->zero_sized, "allocations of 0 bytes, written as 1 byte"},
        {stats->failed, "calls that failed, left out"},
        {stats->incomplete, "calls cut short by the end of the process, left out"},
        {stats->beyond_limit, "calls beyond --max-operations, not recorded"},
        {stats->lost, "calls lost: the disk was full or the file out of reach"},
    };
    for (size_t i = 0; i < sizeof(remarks) / sizeof(remarks[0]); i++) {
        if (remarks[i].count != 0) {
            fprintf(stderr, "smh record:   %" PRIu64 " %s\n", remarks[i].count, remarks[i].what);
        }
    }
}

/* The image that FILE is for: the last of the first process that made any call. */
static size_t main_image(const struct smh_record_command *command, pid_t program_pid,
                         const struct image *images, size_t count)
{
    size_t found = count;
    for (size_t i = 0; i < count; i++) {
        char path[PATH_MAX];
        struct smh_recording_stats stats;
        struct smh_error error;
        raw_path(command, &images[i], path);
        if (images[i].pid == program_pid && smh_recording_measure(path, &stats, &error) == 0 &&
            stats.operations > 0) {
            found = i;
        }
    }
    return found;
}

static int convert_all(const struct smh_record_command *command, pid_t program_pid)
{
    struct image *images;
    size_t count = list_images(command->folder, &images);
    size_t main_index = main_image(command, program_pid, images, count);
    struct smh_recording_options options = {.times = !command->no_time,
                                            .threads = !command->no_threads,
                                            .time_step_ns = command->time_step_ns,
                                            .keys = command->keys,
                                            .note = command->note};
    int result = 0;
    uint64_t origin_ns = 0;
    for (size_t step = 0; step < count; step++) {
        /* The main image first: its start is the origin of the others. */
        size_t i = main_index == count  ? step
                   : step == 0          ? main_index
                   : step <= main_index ? step - 1
                                        : step;
        char from[PATH_MAX], to[PATH_MAX];
        struct smh_recording_stats stats;
        struct smh_error error;
        raw_path(command, &images[i], from);
        if (i == main_index) {
            snprintf(to, sizeof(to), "%s", command->output);
        } else {
            bool last = i + 1 == count || images[i + 1].pid != images[i].pid;
            child_path(command->output, &images[i], last && images[i].pid != program_pid, to);
        }
        options.origin_ns = i == main_index ? 0 : origin_ns;
        if (smh_recording_measure(from, &stats, &error) != 0) {
            result = smh_record_fail("%s", error.message);
            continue;
        }
        if (stats.operations == 0 && i != main_index) {
            continue;
        }
        if (smh_recording_convert(from, to, &options, &stats, &error) != 0) {
            result = smh_record_fail("%s", error.message);
            continue;
        }
        origin_ns = i == main_index ? stats.start_ns : origin_ns;
        if (!command->quiet) {
            report(to, &stats);
        }
    }
    if (result == 0 && main_index == count) {
        result = smh_record_fail(
            "%s recorded nothing: it made no allocation, or it is statically linked, "
            "set-user-id or of another architecture, so that %s was not loaded",
            command->program[0], LIBRARY);
    }
    free(images);
    return result;
}

static void remove_folder(const struct smh_record_command *command)
{
    struct image *images;
    size_t count = list_images(command->folder, &images);
    for (size_t i = 0; i < count; i++) {
        char path[PATH_MAX];
        raw_path(command, &images[i], path);
        unlink(path);
    }
    free(images);
    if (rmdir(command->folder) != 0) {
        smh_record_fail("%s: cannot remove it: %s", command->folder, strerror(errno));
    }
}

static void tell_status(const struct smh_record_command *command, int status)
{
    if (WIFSIGNALED(status)) {
        fprintf(stderr, "smh record: %s was killed by signal %d (%s)\n", command->program[0],
                WTERMSIG(status), strsignal(WTERMSIG(status)));
    } else if (WEXITSTATUS(status) != 0) {
        fprintf(stderr, "smh record: %s exited with status %d\n", command->program[0],
                WEXITSTATUS(status));
    }
}

int smh_command_record(int argc, char **argv)
{
    struct smh_record_command command = {.output = "", .time_step_ns = 1};
    int result = SMH_EXIT_PASS;
    if (!parse_arguments(&command, argc, argv, &result)) {
        return result;
    }
    result = find_library(&command);
    if (result == 0) {
        result = make_folder(&command);
    }
    if (result != 0) {
        return result;
    }
    pid_t program_pid = 0;
    int status = 0;
    result = smh_record_run(&command, &program_pid, &status);
    if (result == 0) {
        tell_status(&command, status);
        result = convert_all(&command, program_pid);
    }
    remove_folder(&command);
    return result;
}
