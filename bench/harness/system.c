/* system.c: what a bench needs of the host: memory, time, processes, and where its answers go.
 *
 * Owns: arenas, the clock, medians, child processes, JSON. Invariants: see harness.h.
 */
#include "harness.h"

#include "../../sim/clock.h"

#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

/* Far from where the host puts programs, libraries and stacks; 2^40 apart. */
#define ARENA_BASE  ((uintptr_t)0x100000000000)
#define ARENA_SHIFT 40
#define ARENA_COUNT 16u

void *bench_map(unsigned which, size_t bytes)
{
    uintptr_t address = ARENA_BASE + ((uintptr_t)(which % ARENA_COUNT) << ARENA_SHIFT);
    void *memory = mmap((void *)address, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);

    if (memory == MAP_FAILED || memory != (void *)address) {
        bench_fail("no memory of %zu bytes at %p: %s", bytes, (void *)address, strerror(errno));
    }
    return memory;
}

void bench_unmap(void *memory, size_t bytes)
{
    munmap(memory, bytes);
}

void bench_clear(void *memory, size_t bytes)
{
    if (madvise(memory, bytes, MADV_DONTNEED) != 0) {
        bench_fail("cannot clear memory: %s", strerror(errno));
    }
}

double bench_seconds(void)
{
    return (double)smh_now_ns() / 1e9;
}

double bench_thread_seconds(void)
{
    return (double)smh_thread_ns() / 1e9;
}

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return (a > b) - (a < b);
}

double bench_median(double *values, size_t count)
{
    if (count == 0) {
        return 0;
    }
    qsort(values, count, sizeof(*values), ascending);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

static int ascending_count(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;

    return (a > b) - (a < b);
}

uint32_t bench_quantile(uint32_t *values, size_t count, unsigned per_mille)
{
    size_t rank = (count * per_mille + 999) / 1000;

    if (count == 0) {
        return 0;
    }
    qsort(values, count, sizeof(*values), ascending_count);
    return values[rank == 0 ? 0 : rank - 1];
}

double bench_geometric_mean(const double *values, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++) {
        sum += log(values[i]);
    }
    return count == 0 ? 0 : exp(sum / (double)count);
}

void *bench_shared(size_t bytes)
{
    void *memory = mmap(NULL, bytes + 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED) {
        bench_fail("out of memory");
    }
    return memory;
}

#define PROCESSES_MAX 64

/* What the processes share. */
struct progress {
    atomic_size_t next;
    size_t current[PROCESSES_MAX]; /* job of each process */
};

static _Noreturn void run_jobs(const struct bench_jobs *jobs, struct progress *progress,
                               unsigned process)
{
    for (;;) {
        size_t index = atomic_fetch_add(&progress->next, 1);

        if (index >= jobs->count) {
            fflush(NULL);
            _exit(0);
        }
        progress->current[process] = index;
        jobs->run(jobs->context, index);
    }
}

void bench_parallel(unsigned processes, const struct bench_jobs *jobs)
{
    struct progress *progress = bench_shared(sizeof(*progress));
    pid_t children[PROCESSES_MAX];
    unsigned failed = PROCESSES_MAX;
    int signal_number = 0;
    char text[256];

    fflush(NULL);
    processes = processes > PROCESSES_MAX ? PROCESSES_MAX : processes;
    for (unsigned i = 0; i < processes; i++) {
        children[i] = fork();
        if (children[i] < 0) {
            bench_fail("no process: %s", strerror(errno));
        }
        if (children[i] == 0) {
            run_jobs(jobs, progress, i);
        }
    }
    for (unsigned i = 0; i < processes; i++) {
        int status;

        if (waitpid(children[i], &status, 0) < 0 || status != 0) {
            failed = i;
            signal_number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        }
    }
    if (failed < PROCESSES_MAX) {
        jobs->describe(jobs->context, progress->current[failed], text, sizeof(text));
        bench_fail("%s failed (%s)", text,
                   signal_number != 0 ? strsignal(signal_number) : "see above");
    }
    munmap(progress, sizeof(*progress) + 1);
}

/* "model name" of /proc/cpuinfo, where there is one. */
static void processor_name(char *name, size_t bytes)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");

    snprintf(name, bytes, "unknown");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        const char *colon = strchr(line, ':');

        if (strncmp(line, "model name", 10) == 0 && colon != NULL) {
            snprintf(name, bytes, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
}

json_t *bench_document(const struct bench_options *options)
{
    struct utsname host;
    char processor[128];
    json_t *document;

    uname(&host);
    processor_name(processor, sizeof(processor));
    document =
        json_pack("{s:s, s:i, s:b, s:i, s:I, s:{s:s, s:s, s:s}, s:[]}", "bench", options->bench,
                  "schema", 1, "smoke", options->smoke, "target_bits", (int)options->target_bits,
                  "seed", (json_int_t)options->seed, "machine", "processor", processor,
                  "architecture", host.machine, "compiler", __VERSION__, "results");
    if (document == NULL) {
        bench_fail("out of memory");
    }
    return document;
}

void bench_document_add(json_t *document, json_t *result)
{
    if (result == NULL ||
        json_array_append_new(json_object_get(document, "results"), result) != 0) {
        bench_fail("out of memory");
    }
}

void bench_document_write(const struct bench_options *options, json_t *document)
{
    if (options->json != NULL &&
        json_dump_file(document, options->json, JSON_INDENT(1) | JSON_REAL_PRECISION(7)) != 0) {
        bench_fail("%s: cannot be written", options->json);
    }
    json_decref(document);
}
