/* runner.c: runs tests against mutants, each in a process of its own.
 *
 *     runner list                          the tests: number, suite.title
 *     runner time | reach [TEST...]        each test once: number, status, microseconds of
 * processor time; with reach, also the mutants whose place it reached runner serve lines "MUTANT
 * TEST:MICROSECONDS ..." on standard input; answers "MUTANT TEST HOW" at the first test that fails,
 *                                          or "MUTANT -1 survived"
 *
 * Owns: forking, limits of time, and the verdict of a process. A test fails when an assertion does,
 * when it dies, or when it exceeds its limit of processor time (or, asleep, of wall-clock time).
 */
#include "criterion/criterion.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <fcntl.h>

#define MUTANTS_MAX     65536
#define WALL_EXTRA_US   3000000
#define FILE_BYTES_MOST ((rlim_t)1 << 28)

extern const struct shim_test *const __start_shim_tests[];
extern const struct shim_test *const __stop_shim_tests[];
extern const struct shim_test *const __start_shim_suites[];
extern const struct shim_test *const __stop_shim_suites[];

int smh_mutant;
unsigned char *smh_mutant_reached;
static int captured = -1;

void cr_redirect_stderr(void)
{
    captured = memfd_create("stderr", 0);
    (void)dup2(captured, STDERR_FILENO);
}

bool shim_stderr_is(const char *text)
{
    char bytes[4096] = {0};

    (void)fflush(stderr);
    (void)!pread(captured, bytes, sizeof(bytes) - 1, 0);
    return strcmp(bytes, text) == 0;
}

static size_t test_count(void)
{
    return (size_t)(__stop_shim_tests - __start_shim_tests);
}

static const struct shim_test *suite_of(const struct shim_test *test)
{
    static const struct shim_test none;

    for (const struct shim_test *const *at = __start_shim_suites; at != __stop_shim_suites; at++) {
        if (strcmp((*at)->suite, test->suite) == 0) {
            return *at;
        }
    }
    return &none;
}

static void limit(long microseconds)
{
    struct itimerval cpu = {{0, 0}, {microseconds / 1000000, microseconds % 1000000}};
    long wall_us = 4 * microseconds + WALL_EXTRA_US;
    struct itimerval wall = {{0, 0}, {wall_us / 1000000, wall_us % 1000000}};
    struct rlimit bytes = {FILE_BYTES_MOST, FILE_BYTES_MOST};
    struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_FSIZE, &bytes);
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)setitimer(ITIMER_PROF, &cpu, NULL);
    (void)setitimer(ITIMER_REAL, &wall, NULL);
}

static void run(const struct shim_test *test)
{
    const struct shim_test *suite = suite_of(test);
    void (*init)(void) = test->init != NULL ? test->init : suite->init;
    void (*fini)(void) = test->fini != NULL ? test->fini : suite->fini;

    if (init != NULL) {
        init();
    }
    test->run();
    if (fini != NULL) {
        fini();
    }
    exit(0);
}

/* NULL: passed; or how it failed. */
static const char *try(const struct shim_test *test, int mutant, long limit_us, long *used_us)
{
    struct rusage usage;
    int status;
    pid_t child;

    (void)fflush(stdout);
    child = fork();
    if (child == 0) {
        smh_mutant = mutant;
        limit(limit_us);
        run(test);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) != child) {
        return "fork";
    }
    if (used_us != NULL) {
        *used_us = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
                   usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
    }
    if (WIFSIGNALED(status)) {
        int number = WTERMSIG(status);

        if (number == test->signal) {
            return NULL;
        }
        return number == SIGPROF || number == SIGALRM ? "time" : "signal";
    }
    if (test->signal != 0) {
        return "no-signal";
    }
    return WEXITSTATUS(status) == test->exit_code ? NULL : "assertion";
}

static void quiet(void)
{
    int null = open("/dev/null", O_RDWR);

    (void)dup2(null, STDIN_FILENO);
    (void)dup2(null, STDERR_FILENO);
}

static bool chosen(size_t test, int argc, char **argv)
{
    for (int i = 2; i < argc; i++) {
        if (strtoul(argv[i], NULL, 10) == test) {
            return true;
        }
    }
    return argc == 2;
}

static void once(FILE *answers, bool reach, int argc, char **argv)
{
    const char *limit_us = getenv("LIMIT_US"); /* of each test */

    for (size_t i = 0; i < test_count(); i++) {
        if (!chosen(i, argc, argv)) {
            continue;
        }
        long used_us = 0;
        const char *how;

        memset(smh_mutant_reached, 0, MUTANTS_MAX);
        how = try(__start_shim_tests[i], 0,
                  limit_us != NULL ? strtol(limit_us, NULL, 10) : 120000000, &used_us);
        (void)fprintf(answers, "%zu %s %ld", i, how == NULL ? "passed" : how, used_us);
        for (int k = 1; reach && k < MUTANTS_MAX; k++) {
            if (smh_mutant_reached[k] != 0) {
                (void)fprintf(answers, " %d", k);
            }
        }
        (void)fprintf(answers, "\n");
        (void)fflush(answers);
    }
}

static void serve(FILE *requests, FILE *answers)
{
    static char line[1 << 16];

    while (fgets(line, sizeof(line), requests) != NULL) {
        char *at = line;
        int mutant = (int)strtol(at, &at, 10);
        long failed = -1;
        const char *how = NULL;

        while (how == NULL && *at == ' ') {
            long test = strtol(at, &at, 10);
            long limit_us = *at == ':' ? strtol(at + 1, &at, 10) : 0;

            if (test < 0 || (size_t)test >= test_count() || limit_us <= 0) {
                break;
            }
            how = try(__start_shim_tests[test], mutant, limit_us, NULL);
            failed = how == NULL ? -1 : test;
        }
        (void)fprintf(answers, "%d %ld %s\n", mutant, failed, how == NULL ? "survived" : how);
        (void)fflush(answers);
    }
}

int main(int argc, char **argv)
{
    const char *what = argc >= 2 ? argv[1] : "";
    FILE *requests = fdopen(dup(STDIN_FILENO), "r");
    FILE *answers = fdopen(dup(STDOUT_FILENO), "w");

    smh_mutant_reached =
        mmap(NULL, MUTANTS_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (requests == NULL || answers == NULL || smh_mutant_reached == MAP_FAILED) {
        return 2;
    }
    if (getenv("LOUD") == NULL) {
        quiet();
    }
    (void)dup2(STDERR_FILENO, STDOUT_FILENO);
    if (strcmp(what, "list") == 0) {
        for (size_t i = 0; i < test_count(); i++) {
            (void)fprintf(answers, "%zu %s.%s\n", i, __start_shim_tests[i]->suite,
                          __start_shim_tests[i]->title);
        }
    } else if (strcmp(what, "time") == 0) {
        once(answers, false, argc, argv);
    } else if (strcmp(what, "reach") == 0) {
        once(answers, true, argc, argv);
    } else if (strcmp(what, "serve") == 0) {
        serve(requests, answers);
    } else {
        return 2;
    }
    (void)fclose(answers);
    return 0;
}
