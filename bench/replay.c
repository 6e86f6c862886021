/* replay.c: how fast is the simulator's replay?
 *
 * Owns: operations a second on each trace: `bare` (no metrics, no checks), with `contents` checked,
 * with every oracle (`all`); with caches and their data and the `cycles` of every access, and with
 * `hazards` judged as well (both without other checks; one core, 32 KiB of L1 of 4 ways, lines of
 * 32 bytes, write-back, memory of 40 cycles). And speed and memory of a generated workload of 100
 * million operations in a region of 8 MB.
 *
 *     trace --> list in memory --> replay, in each of the ways    (loading is timed apart)
 *
 * One region of 64 MB; the engine is the default, or each that
 * -e names. The ways and engines take turns within a round; medians over the rounds. A replay that
 * finds a fault or a refusal ends the program; before the bare way is timed, the same replay was
 * checked. A plug-in that does not walk its chunks has no `all`.
 *
 * Result, one per engine, trace and way: engine, trace, way, operations, rounds,
 * operations_a_second (median), loading_operations_a_second; and one, of way "generated", with
 * operations, operations_a_second and memory_bytes (the most that the process took, its region
 * included).
 */
#include "../sim/replay.h"
#include "../sim/operation_list.h"
#include "../sim/workload/trace.h"
#include "harness/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS_DEFAULT   5u
#define REGION_BYTES     ((uint64_t)64 << 20)
#define GENERATED_REGION ((uint64_t)8 << 20)
#define GENERATED        100000000u
#define GENERATED_SMOKE  1000000u

enum { BARE, CONTENTS, ALL, CYCLES, HAZARDS, WAY_COUNT };
static const struct way {
    const char *name;
    enum smh_checks checks;
    bool metrics, cycles, hazards;
} ways[WAY_COUNT] = {
    [BARE] = {"bare", SMH_CHECKS_NONE, false, false, false},
    [CONTENTS] = {"contents", SMH_CHECKS_CONTENTS, true, false, false},
    [ALL] = {"all", SMH_CHECKS_ALL, true, false, false},
    [CYCLES] = {"cycles", SMH_CHECKS_NONE, false, true, false},
    [HAZARDS] = {"hazards", SMH_CHECKS_NONE, false, true, true},
};

struct table {
    const struct bench_options *options;
    const struct smh_engine *engines[BENCH_ENGINES_MAX];
    size_t engine_count, rounds;
    double *means; /* [trace][engine][way] */
    json_t *document;
};

static struct smh_actor_config actor = {.name = (char[]){"trace"}};

/* A scenario of one region, which the next call changes. */
static struct smh_scenario one_region(const struct bench_options *options, uint64_t bytes,
                                      const struct smh_engine *engine)
{
    static struct smh_region_config region;

    region = (struct smh_region_config){.name = (char[]){"memory"},
                                        .base = 0x40000000,
                                        .size = bytes,
                                        .attr_name = (char[]){"cacheable"},
                                        .cache = SMH_CACHE_WRITE_BACK,
                                        .cycles = 40,
                                        .engine = engine,
                                        .granule = options->granule,
                                        .metadata_in = -1};
    return (struct smh_scenario){
        .path = (char[]){"bench"},
        .name = (char[]){"bench"},
        .why = (char[]){""},
        .machine = {.cores = 1,
                    .line_bytes = 32,
                    .target_bits = options->target_bits,
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

/* Operations a second of one replay of the list. */
static double replay(const struct table *table, const struct smh_operation_list *list,
                     const struct smh_engine *engine, const struct way *way)
{
    struct smh_scenario scenario = one_region(table->options, REGION_BYTES, engine);
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
    double rate;

    if (options.source == NULL || smh_replay(&scenario, &options, &result, &error) != 0) {
        bench_fail("%s", error.message);
    }
    if (result.violation_count != 0 || smh_result_failures(&result) != 0) {
        smh_result_print(&result, stderr);
        bench_fail("the replay found a fault, or a refusal");
    }
    rate = smh_ratio((double)result.operation_count, result.host_seconds);
    smh_result_free(&result);
    return rate;
}

static bool possible(const struct table *table, const struct smh_engine *engine, size_t way)
{
    return way != ALL || bench_engine_walks(table->options, engine);
}

static void report(struct table *table, const char *trace, size_t operations, size_t engine,
                   const double *medians, double loading)
{
    printf("%-20.20s %-12.12s %9zu", trace, table->engines[engine]->name, operations);
    for (int way = 0; way < WAY_COUNT; way++) {
        if (medians[way] == 0) {
            printf(" %10s", "-");
            continue;
        }
        printf(" %10.1f", medians[way] / 1e6);
        bench_document_add(table->document,
                           json_pack("{s:s, s:s, s:s, s:I, s:I, s:f, s:f}", "engine",
                                     table->engines[engine]->name, "trace", trace, "way",
                                     ways[way].name, "operations", (json_int_t)operations, "rounds",
                                     (json_int_t)table->rounds, "operations_a_second", medians[way],
                                     "loading_operations_a_second", loading));
    }
    printf(" %10.1f\n", loading / 1e6);
}

static void bench_one_trace(struct table *table, size_t index)
{
    const char *path = table->options->traces[index];
    size_t turns = table->engine_count * WAY_COUNT;
    double *rates = smh_must_allocate(turns * table->rounds, sizeof(*rates));
    double *medians = &table->means[index * turns];
    struct smh_operation_list list = {0};
    struct smh_error error = {0};
    struct smh_source *source = smh_trace_open(path, NULL, &error);
    char name[64];
    double begun = bench_seconds();
    double loading;

    if (source == NULL || smh_operation_list_collect(&list, source, &error) != 0) {
        bench_fail("%s", error.message);
    }
    snprintf(name, sizeof(name), "%s", strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path);
    name[strcspn(name, ".")] = '\0';
    loading = smh_ratio((double)list.count, bench_seconds() - begun);
    for (size_t engine = 0; engine < table->engine_count; engine++) {
        bool checked = possible(table, table->engines[engine], ALL);

        replay(table, &list, table->engines[engine], &ways[checked ? ALL : CONTENTS]);
    }
    for (size_t round = 0; round < table->rounds; round++) {
        for (size_t i = round; i < round + turns; i++) {
            size_t way = i % turns;

            if (!possible(table, table->engines[way / WAY_COUNT], way % WAY_COUNT)) {
                continue;
            }
            rates[way * table->rounds + round] =
                replay(table, &list, table->engines[way / WAY_COUNT], &ways[way % WAY_COUNT]);
        }
    }
    for (size_t way = 0; way < turns; way++) {
        medians[way] = bench_median(&rates[way * table->rounds], table->rounds);
    }
    for (size_t engine = 0; engine < table->engine_count; engine++) {
        report(table, name, list.count, engine, &medians[engine * WAY_COUNT], loading);
    }
    smh_operation_list_free(&list);
    free(rates);
}

/* What the child of bench_generated tells. */
struct generated {
    uint64_t operations;
    double rate;
};

static void run_generated(const struct bench_options *bench, struct generated *generated)
{
    struct smh_generator_config config = {
        .rate_hz = 1e6,
        .size = {.kind = SMH_DISTRIBUTION_LOGNORMAL, .a = 4.1, .b = 1.2, .max = 4096},
        .lifetime = {.kind = SMH_DISTRIBUTION_EXPONENTIAL, .a = 4e6},
        .live_max = 10000,
        .count = (bench->smoke ? GENERATED_SMOKE : GENERATED) / 2,
    };
    struct smh_scenario scenario = one_region(bench, GENERATED_REGION, NULL);
    struct smh_error error = {0};
    struct smh_replay_options options = {
        .checks = SMH_CHECKS_NONE,
        .metrics = true,
        .source = smh_generator_open(&config, 0, bench->seed, &error),
    };
    struct smh_result result;

    if (options.source == NULL || smh_replay(&scenario, &options, &result, &error) != 0) {
        bench_fail("%s", error.message);
    }
    if (smh_result_failures(&result) != 0) {
        bench_fail("the generated workload was refused something");
    }
    generated->operations = result.operation_count;
    generated->rate = smh_ratio((double)result.operation_count, result.host_seconds);
    smh_result_free(&result);
}

/* Runs a generated workload in a child and reads how much memory that took. */
static void bench_generated(const struct table *table)
{
    struct generated *generated = bench_shared(sizeof(*generated));
    pid_t child = fork();
    int status = 0;
    struct rusage usage;

    if (child == 0) {
        run_generated(table->options, generated);
        _exit(0);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) != child || status != 0) {
        bench_fail("the generated workload failed");
    }
    printf("generated: %llu operations, %.1f million a second, %.1f MB of memory at most, its "
           "region of 8.4 MB included\n",
           (unsigned long long)generated->operations, generated->rate / 1e6,
           (double)usage.ru_maxrss * 1024 / 1e6);
    bench_document_add(table->document,
                       json_pack("{s:s, s:I, s:f, s:I}", "way", "generated", "operations",
                                 (json_int_t)generated->operations, "operations_a_second",
                                 generated->rate, "memory_bytes",
                                 (json_int_t)usage.ru_maxrss * 1024));
}

static void print_means(const struct table *table)
{
    size_t turns = table->engine_count * WAY_COUNT;
    size_t traces = table->options->trace_count;
    double *rates = smh_must_allocate(traces, sizeof(*rates));

    for (size_t engine = 0; engine < table->engine_count; engine++) {
        printf("%-20s %-12.12s %9s", "geometric mean", table->engines[engine]->name, "");
        for (size_t way = 0; way < WAY_COUNT; way++) {
            for (size_t i = 0; i < traces; i++) {
                rates[i] = table->means[i * turns + engine * WAY_COUNT + way];
            }
            if (traces == 0 || rates[0] == 0) {
                printf(" %10s", "-");
                continue;
            }
            printf(" %10.1f", bench_geometric_mean(rates, traces) / 1e6);
        }
        printf("\n");
    }
    free(rates);
}

int main(int argc, char **argv)
{
    struct bench_options options;
    struct table table = {.options = &options};

    bench_options_read(&options, "replay", "Operations a second of the simulator's replay.", argc,
                       argv);
    table.rounds = options.rounds != 0 ? options.rounds : options.smoke ? 1 : ROUNDS_DEFAULT;
    table.engine_count = options.engines_named ? options.engine_count : 1;
    for (size_t i = 0; i < table.engine_count; i++) {
        table.engines[i] = options.engines_named ? options.engines[i].engine : SMH_ENGINE_DEFAULT;
    }
    table.means = smh_must_allocate(options.trace_count * table.engine_count * WAY_COUNT,
                                    sizeof(*table.means));
    table.document = bench_document(&options);
    bench_generated(&table); /* first, while this process is small */
    printf("million operations a second, medians of %zu rounds\n%-20s %-12s %9s", table.rounds,
           "trace", "engine", "ops");
    for (int way = 0; way < WAY_COUNT; way++) {
        printf(" %10s", ways[way].name);
    }
    printf(" %10s\n", "loading");
    for (size_t i = 0; i < options.trace_count; i++) {
        bench_one_trace(&table, i);
    }
    print_means(&table);
    bench_document_write(&options, table.document);
    free(table.means);
    return 0;
}
