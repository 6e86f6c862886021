/* test_replay_ways.c: the quick ways of a replay with hardware tell what the slow ones tell.
 *
 * Owns: random workloads of every kind of operation, most of them wrong somewhere, on random
 * machines. Each is replayed three times:
 *
 *     quick     accesses of the allocator while it runs, by the tables of hardware_hit.h
 *     timed     the same from a log, undone and redone (with the host's clock)
 *     recorded  every access by the general way (with a program to which the judge adds)
 *
 * and cycles, counters, wrong reads and every hazard must be the same, byte for byte.
 */
#include "../../sim/random.h"
#include "../../sim/replay.h"
#include "../../sim/result_hazards.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* A scenario does not own its names here, and they outlive it. */
static char region_name[] = "r";
static char attribute_name[] = "x";
static char scenario_name[] = "test";
static char no_reason[] = "";

#define SEEDS      250
#define SLOTS_MAX  60
#define OPERATIONS 2500

struct workload {
    struct smh_source source;
    struct smh_random random;
    uint64_t told, quiet; /* no device and no maintenance before `quiet` */
    uint32_t slots, cores, wild_percent, calloc_percent;
    uint64_t bytes_max;
    bool views;
    uint64_t bytes[SLOTS_MAX]; /* 0: empty */
};

static uint64_t draw(struct smh_random *random, const uint64_t *values, size_t count)
{
    return values[smh_random_below(random, count)];
}
#define DRAW(random, ...) \
    draw(random, (uint64_t[]){__VA_ARGS__}, sizeof((uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

static bool one_in(struct smh_random *random, uint64_t count)
{
    return smh_random_below(random, count) == 0;
}

static void draw_access(struct workload *workload, struct smh_operation *operation, bool wild)
{
    struct smh_random *random = &workload->random;
    uint64_t kinds = wild ? SMH_OPERATION_BARRIER - SMH_OPERATION_CPU_READ : 2;
    operation->kind = (uint8_t)(SMH_OPERATION_CPU_READ + smh_random_below(random, kinds));
    operation->offset =
        one_in(random, 2) ? 0 : smh_random_below(random, workload->bytes[operation->slot]);
    operation->bytes = one_in(random, 3) ? 0 : 1 + smh_random_below(random, 64);
    operation->uncached = wild && workload->views && operation->kind <= SMH_OPERATION_CPU_WRITE;
}

static void draw_operation(struct workload *workload, struct smh_operation *operation)
{
    struct smh_random *random = &workload->random;
    uint64_t *bytes = &workload->bytes[operation->slot];
    bool wild =
        workload->told >= workload->quiet && smh_random_below(random, 100) < workload->wild_percent;
    if (*bytes != 0 && (wild || one_in(random, 4))) {
        draw_access(workload, operation, wild);
        return;
    }
    if (*bytes != 0 && !one_in(random, 3)) {
        operation->kind = SMH_OPERATION_FREE;
        *bytes = 0;
        return;
    }
    bool zeroed = smh_random_below(random, 100) < workload->calloc_percent;
    operation->kind = *bytes != 0 ? SMH_OPERATION_REALLOC
                      : zeroed    ? SMH_OPERATION_CALLOC
                                  : SMH_OPERATION_ALLOC;
    operation->bytes = 1 + smh_random_below(random, workload->bytes_max);
    if (operation->kind == SMH_OPERATION_ALLOC && one_in(random, 4)) {
        operation->align = 1u << smh_random_below(random, 8);
    }
    *bytes = operation->bytes;
}

static long next(struct smh_source *source, struct smh_operation *operations, size_t capacity,
                 struct smh_error *error)
{
    struct workload *workload = (struct workload *)source;
    size_t count = 0;
    (void)error;
    for (; count < capacity && workload->told < OPERATIONS; count++, workload->told++) {
        struct smh_random *random = &workload->random;
        operations[count] = (struct smh_operation){
            .time_ns = workload->told * 1000,
            .site = workload->told,
            .slot = (uint32_t)smh_random_below(random, workload->slots),
            .core = one_in(random, 5) ? (uint8_t)smh_random_below(random, workload->cores) : 0};
        draw_operation(workload, &operations[count]);
    }
    return (long)count;
}

static void close_workload(struct smh_source *source)
{
    free(source);
}

static struct smh_source *open_workload(uint64_t seed, uint32_t cores)
{
    struct workload *workload = calloc(1, sizeof(*workload));
    cr_assert(workload != NULL);
    workload->source = (struct smh_source){next, close_workload};
    struct smh_random *random = &workload->random;
    smh_random_init(random, seed, 1);
    workload->cores = cores;
    workload->quiet = DRAW(random, 0, OPERATIONS / 2, OPERATIONS - 50);
    workload->slots = (uint32_t)DRAW(random, 4, 16, SLOTS_MAX);
    workload->wild_percent = (uint32_t)DRAW(random, 2, 10, 40);
    workload->calloc_percent = (uint32_t)DRAW(random, 0, 10, 50, 100);
    workload->bytes_max = DRAW(random, 16, 64, 200, 600);
    workload->views = one_in(random, 2);
    return &workload->source;
}

static struct smh_actor_config actor = {.name = (char[]){"a"}, .stack_region = -1};
static struct smh_region_config regions[2];

static void draw_region(struct smh_random *random, struct smh_region_config *region, uint64_t base)
{
    static const struct smh_engine *const engines[] = {&smh_engine_bitmap, &smh_engine_bitmap,
                                                       &smh_engine_bitmap, &smh_engine_zephyr,
                                                       &smh_engine_first_fit};
    *region = (struct smh_region_config){.name = region_name,
                                         .base = base,
                                         .size = DRAW(random, 2048, 8192, 65536),
                                         .attr_name = attribute_name,
                                         .cache = one_in(random, 8) ? SMH_CACHE_WRITE_THROUGH
                                                                    : SMH_CACHE_WRITE_BACK,
                                         .cycles = 40,
                                         .engine = engines[smh_random_below(random, 5)],
                                         .metadata_in = -1,
                                         .has_alias = true,
                                         .alias_base = base + 0x10000000};
}

/* Most are as recorded traces are replayed: one core, write-back, LRU. */
static struct smh_scenario draw_scenario(struct smh_random *random)
{
    bool plain = one_in(random, 2);
    uint64_t line = plain ? DRAW(random, 16, 32, 64) : DRAW(random, 4, 8, 16, 32, 64, 128);
    uint64_t base = 0x20000000 + (one_in(random, 3) ? smh_random_below(random, 16) * 8 : 0);
    size_t count = 1 + smh_random_below(random, plain ? 1 : 2);
    draw_region(random, &regions[0], base);
    draw_region(random, &regions[1], base + 0x1000000);
    regions[0].metadata_in = count == 2 && one_in(random, 2) ? 1 : -1;
    struct smh_cache_config l1 = {
        .size_bytes = line * DRAW(random, 4, 16, 64, 1024),
        .ways = (uint32_t)DRAW(random, 1, 2, 4),
        .policy = plain || one_in(random, 2) ? SMH_CACHE_WRITE_BACK : SMH_CACHE_WRITE_THROUGH,
        .hit_cycles = 1,
        .write_allocate = !one_in(random, 4),
        .replacement = plain ? SMH_REPLACE_LRU
                             : (enum smh_cache_replacement)DRAW(
                                   random, SMH_REPLACE_LRU, SMH_REPLACE_PLRU, SMH_REPLACE_RANDOM)};
    struct smh_cache_config l2 = {.size_bytes = line * 64,
                                  .ways = 4,
                                  .policy = SMH_CACHE_WRITE_BACK,
                                  .hit_cycles = 8,
                                  .write_allocate = true};
    return (struct smh_scenario){
        .path = scenario_name,
        .name = scenario_name,
        .why = no_reason,
        .machine = {.cores = one_in(random, 3) ? 1 + (uint32_t)smh_random_below(random, 3) : 1,
                    .line_bytes = (uint32_t)line,
                    .target_bits = one_in(random, 2) ? 32 : 64,
                    .l1 = l1,
                    .l2 = !plain && one_in(random, 3) ? l2 : (struct smh_cache_config){0},
                    .l1_shared = one_in(random, 6),
                    .dirty_hand_out = one_in(random, 3),
                    .store_buffer = plain || !one_in(random, 4) ? 0 : 4,
                    .regions = regions,
                    .region_count = count},
        .match = smh_match_equal,
        .match_name = "equal",
        .policy = &smh_policy_add_order,
        .actors = &actor,
        .actor_count = 1,
    };
}

enum way { QUICK, TIMED, RECORDED, WAY_COUNT };

/* All that the hardware came to, as text; freed by the caller. */
static char *replay(const struct smh_scenario *scenario, uint64_t seed, enum way way,
                    uint64_t *hazards)
{
    struct smh_program program = {0};
    struct smh_replay_options options = {
        .checks = seed % 2 == 0 ? SMH_CHECKS_ALL : SMH_CHECKS_NONE,
        .cycles = true,
        .hazards = true,
        .drain = true,
        .host_time = way == TIMED,
        .program = way == RECORDED ? &program : NULL,
        .source = open_workload(seed, scenario->machine.cores),
    };
    struct smh_result result;
    struct smh_error error = {0};
    cr_assert(smh_replay(scenario, &options, &result, &error) == 0, "%s", error.message);
    json_t *told =
        json_pack("{s:o, s:o, s:o, s:I, s:I}", "cycles", smh_result_cycles_json(&result),
                  "wrong reads", smh_result_wrong_reads_json(&result), "hazards",
                  smh_result_hazards_json(&result), "unlisted", (json_int_t)result.hazards_unlisted,
                  "given up", (json_int_t)result.hazard_lines_given_up);
    char *text = json_dumps(told, JSON_SORT_KEYS | JSON_INDENT(1));
    cr_assert(text != NULL);
    *hazards += result.hazard_count;
    json_decref(told);
    smh_result_free(&result);
    smh_program_free(&program);
    return text;
}

Test(replay_ways, quick_and_slow_ways_tell_the_same)
{
    uint64_t hazards[WAY_COUNT] = {0};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct smh_random random;
        smh_random_init(&random, seed, 0);
        struct smh_scenario scenario = draw_scenario(&random);
        char *quick = replay(&scenario, seed, QUICK, &hazards[QUICK]);
        for (enum way way = TIMED; way < WAY_COUNT; way++) {
            char *other = replay(&scenario, seed, way, &hazards[way]);
            cr_assert(strcmp(quick, other) == 0, "seed %llu, way %d:\n%s\n%s",
                      (unsigned long long)seed, (int)way, quick, other);
            free(other);
        }
        free(quick);
    }
    cr_assert(hazards[QUICK] > SEEDS, "%llu hazards: the workloads show too little",
              (unsigned long long)hazards[QUICK]);
}
