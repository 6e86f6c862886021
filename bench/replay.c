/* replay.c: how fast is the replay itself?
 *
 * Owns: three questions. (1) Operations a second on each recorded trace: bare (no metrics, no
 * checks), with contents checked, with every oracle; with caches and their data and the cycles of
 * every access, and with hazards judged as well (both without other checks; one core, 32 KiB of L1
 * of 4 ways, lines of 32 bytes, write-back, memory of 40 cycles). Loading and decompression are
 * done before and shown apart. (2) The same, geometric mean over the traces. (3) Memory of a
 * generated workload of 100 million operations, beyond its region.
 *
 * usage: replay [--smoke] [TRACE...]     (default: scenarios/traces)
 *
 * Each figure is the median of ROUNDS rounds; the ways take turns within a round, so that a slow
 * minute of the machine slows all of them. --smoke does one round and a short generated workload.
 */
#include "../sim/replay.h"
#include "../sim/operation_list.h"
#include "../sim/random.h"
#include "../sim/workload/trace.h"

#include <glob.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS       5
#define WAYS         5
#define REGION_BYTES (64U << 20)

static const struct way {
    const char *name;
    enum smh_checks checks;
    bool metrics;
    bool cycles;
    bool hazards;
} ways[WAYS] = {
    {"bare", SMH_CHECKS_NONE, false, false, false},
    {"contents", SMH_CHECKS_CONTENTS, true, false, false},
    {"all checks", SMH_CHECKS_ALL, true, false, false},
    {"cycles", SMH_CHECKS_NONE, false, true, false},
    {"+ hazards", SMH_CHECKS_NONE, false, true, true},
};

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* One region, large enough for any trace. */
static struct smh_region_config region = {
    .name = (char[]){"memory"},
    .base = 0x20000000,
    .size = REGION_BYTES,
    .attr_name = (char[]){"cacheable"},
    .cache = SMH_CACHE_WRITE_BACK,
    .cycles = 40,
    .metadata_in = -1,
};
static struct smh_actor_config actor = {.name = (char[]){"trace"}};

static struct smh_scenario one_region(void)
{
    return (struct smh_scenario){
        .path = (char[]){"bench"},
        .name = (char[]){"bench"},
        .why = (char[]){""},
        .machine = {.cores = 1,
                    .line_bytes = 32,
                    .target_bits = 64,
                    .l1 = {.size_bytes = 32 << 10,
                           .ways = 4,
                           .policy = SMH_CACHE_WRITE_BACK,
                           .hit_cycles = 1,
                           .write_allocate = true},
                    .regions = &region,
                    .region_count = 1},
        .match = smh_match_equal,
        .match_name = "equal",
        .policy = &smh_policy_add_order,
        .actors = &actor,
        .actor_count = 1,
    };
}

static void fail(const char *what)
{
    fprintf(stderr, "bench replay: %s\n", what);
    exit(1);
}

/* Operations a second of one replay of the list; its content is judged by the replay itself. */
static double speed(const struct smh_operation_list *list, const struct way *way)
{
    struct smh_scenario scenario = one_region();
    struct smh_replay_options options = {
        .checks = way->checks,
        .metrics = way->metrics,
        .cycles = way->cycles,
        .hazards = way->hazards,
        .drain = true,
        .source = smh_operation_list_open(list),
    };
    struct smh_result result;
    struct smh_error error = {0};
    if (options.source == NULL || smh_replay(&scenario, &options, &result, &error) != 0) {
        fail(error.message);
    }
    if (result.violation_count != 0 || smh_result_failures(&result) != 0) {
        smh_result_print(&result, stderr);
        fail("the replay found a fault");
    }
    double rate = smh_ratio((double)result.operation_count, result.host_seconds);
    smh_result_free(&result);
    return rate;
}

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

static void bench_trace(const char *path, int rounds, double *log_sums)
{
    struct smh_operation_list list = {0};
    struct smh_error error = {0};
    double start = seconds_now();
    struct smh_source *source = smh_trace_open(path, NULL, &error);
    if (source == NULL || smh_operation_list_collect(&list, source, &error) != 0) {
        fail(error.message);
    }
    double loading = seconds_now() - start;
    double rates[WAYS][ROUNDS];
    for (int round = 0; round < rounds; round++) {
        for (int way = 0; way < WAYS; way++) {
            rates[way][round] = speed(&list, &ways[way]);
        }
    }
    const char *slash = strrchr(path, '/');
    printf("%-28s %9zu", slash != NULL ? slash + 1 : path, list.count);
    for (int way = 0; way < WAYS; way++) {
        qsort(rates[way], (size_t)rounds, sizeof(double), ascending);
        double median = rates[way][rounds / 2];
        log_sums[way] += log(median);
        printf(" %10.1f", median / 1e6);
    }
    printf(" %10.1f\n", smh_ratio((double)list.count, loading) / 1e6);
    smh_operation_list_free(&list);
}

/* Runs a generated workload in a child and reads how much memory that took. */
static void bench_memory(uint64_t operations)
{
    pid_t child = fork();
    if (child == 0) {
        struct smh_generator_config config = {
            .rate_hz = 1e6,
            .size = {.kind = SMH_DISTRIBUTION_LOGNORMAL, .a = 4.1, .b = 1.2, .max = 4096},
            .lifetime = {.kind = SMH_DISTRIBUTION_EXPONENTIAL, .a = 4e6},
            .live_max = 10000,
            .count = operations / 2,
        };
        struct smh_scenario scenario = one_region();
        struct smh_error error = {0};
        region.size = 8U << 20;
        struct smh_replay_options options = {
            .checks = SMH_CHECKS_NONE,
            .metrics = true,
            .source = smh_generator_open(&config, 0, 1, &error),
        };
        struct smh_result result;
        if (options.source == NULL || smh_replay(&scenario, &options, &result, &error) != 0) {
            fail(error.message);
        }
        printf("generated: %llu operations, %.1f million a second",
               (unsigned long long)result.operation_count,
               smh_ratio((double)result.operation_count, result.host_seconds) / 1e6);
        fflush(stdout);
        smh_result_free(&result);
        _exit(0);
    }
    int status = 0;
    struct rusage usage;
    if (child < 0 || wait4(child, &status, 0, &usage) != child || status != 0) {
        fail("the generated workload failed");
    }
    printf(", %.1f MB of memory at most, of which the region takes 8.4 MB or less\n",
           (double)usage.ru_maxrss * 1024 / 1e6);
}

int main(int argc, char **argv)
{
    bool smoke = argc > 1 && strcmp(argv[1], "--smoke") == 0;
    glob_t found = {0};
    char **paths = argv + (smoke ? 2 : 1);
    size_t count = (size_t)(argc - (smoke ? 2 : 1));
    if (count == 0) {
        glob("scenarios/traces/*.trace.*", 0, NULL, &found);
        paths = found.gl_pathv;
        count = found.gl_pathc;
    }
    if (count == 0) {
        fail("no traces: run it from the repository, or name some");
    }
    bench_memory(smoke ? 1000000 : 100000000); /* first, while this process is small */
    double log_sums[WAYS] = {0};
    printf("million operations a second, median of %d\n%-28s %9s", smoke ? 1 : ROUNDS, "trace",
           "ops");
    for (int way = 0; way < WAYS; way++) {
        printf(" %10s", ways[way].name);
    }
    printf(" %10s\n", "loading");
    for (size_t i = 0; i < count; i++) {
        bench_trace(paths[i], smoke ? 1 : ROUNDS, log_sums);
    }
    printf("%-28s %9s", "geometric mean", "");
    for (int way = 0; way < WAYS; way++) {
        printf(" %10.1f", exp(log_sums[way] / (double)count) / 1e6);
    }
    printf("\n");
    globfree(&found);
    return 0;
}
