/* latency.c: climbs to the slowest operations of every engine.
 *
 * Owns: the worst cases. Time is counted in edges of the core's control flow (fuzz_steps), which
 * no host disturbs; each quarter of a power of two that an operation of an engine reaches is a
 * counter that libFuzzer sees as new coverage, so that inputs which need more steps are kept and
 * built upon. An engine that is published as bounded stays below its ceiling; the maxima are
 * printed at the end.
 *
 * Without instrumentation (the plain driver) steps are 0, and this target only replays.
 */
#include "../judges/large.h"
#include "../stage.h"

#include <smh/port.h>

#include <stdio.h>
#include <stdlib.h>

const char fuzz_target[] = "latency";

#define ENGINES 32
#define BUCKETS 96

enum kind { ALLOC, ALIGNED, FREE, REALLOC, KINDS };
static const char *const kind_names[KINDS] = {"alloc", "aligned", "free", "realloc"};

/* One counter for each engine, kind and quarter of a power of two. */
#ifdef __linux__
__attribute__((section("__libfuzzer_extra_counters")))
#endif
static uint8_t counters[ENGINES][KINDS][BUCKETS];
static uint64_t worst[ENGINES][KINDS];

/* Steps that no operation of these engines may exceed, whatever the region's size and state. */
static const struct {
    const char *engine;
    uint64_t steps[KINDS];
} ceilings[] = {
    {"zephyr", {32, 32, 48, 96}},
    {"zephyr_stats", {32, 32, 48, 96}},
    {"bitmap", {160, 240, 160, 400}},
};

static struct fuzz_stage stage;
static size_t engine_index;

static size_t bucket_of(uint64_t steps)
{
    if (steps < 4) {
        return (size_t)steps;
    }
    unsigned log = 63u - (unsigned)__builtin_clzll(steps);
    size_t bucket = log * 4 + ((steps >> (log - 2)) & 3u);
    return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

static void note(enum kind kind, uint64_t before)
{
    uint64_t steps = fuzz_steps - before;
    const char *engine = stage.slots[0].heap.engine->name;
    if (engine_index < ENGINES) {
        counters[engine_index][kind][bucket_of(steps)] = 1;
        if (steps > worst[engine_index][kind]) {
            worst[engine_index][kind] = steps;
        }
    }
    for (size_t i = 0; i < sizeof(ceilings) / sizeof(ceilings[0]); i++) {
        FUZZ_REQUIRE(strcmp(engine, ceilings[i].engine) != 0 || steps <= ceilings[i].steps[kind],
                     "engine %s: %s takes %llu steps", engine, kind_names[kind],
                     (unsigned long long)steps);
    }
}

static void do_operation(struct smh_live *live, const struct smh_operation *operation)
{
    struct smh_heap *heap = &stage.slots[0].heap;
    size_t bytes = (size_t)operation->bytes;
    uint64_t before = fuzz_steps;
    void *moved;
    switch (operation->kind) {
    case SMH_OPERATION_ALLOC:
    case SMH_OPERATION_CALLOC:
        live->block = smh_heap_aligned_alloc(heap, operation->align, bytes);
        note(operation->align == 0 ? ALLOC : ALIGNED, before);
        break;
    case SMH_OPERATION_FREE:
        if (live->block != NULL) {
            FUZZ_REQUIRE(smh_heap_free(heap, live->block) == 0, "a block cannot be freed");
            note(FREE, before);
            live->block = NULL;
        }
        break;
    case SMH_OPERATION_REALLOC:
        moved = smh_heap_aligned_realloc(heap, live->block, operation->align, bytes);
        note(REALLOC, before);
        live->block = moved != NULL || bytes == 0 ? moved : live->block;
        break;
    default:
        break;
    }
}

static void print_worst(void)
{
    for (size_t i = 0; fuzz_steps != 0 && i < ENGINES && smh_engine_at(i) != NULL; i++) {
        (void)fprintf(stderr, "latency: %-14s", smh_engine_at(i)->name);
        for (size_t kind = 0; kind < KINDS; kind++) {
            (void)fprintf(stderr, " %s %llu", kind_names[kind], (unsigned long long)worst[i][kind]);
        }
        (void)fputs(" steps at most\n", stderr);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static bool registered;
    struct smh_fuzz_input input;
    struct smh_fuzz_step step;
    if (!registered) {
        registered = true;
        (void)atexit(print_worst);
    }
    smh_fuzz_open(&input, bytes, size);
    if (!fuzz_stage_open(&stage, &input.config, false)) {
        return 0;
    }
    for (engine_index = 0; smh_engine_at(engine_index) != input.config.regions[0].engine;) {
        engine_index++;
    }
    while (smh_fuzz_next(&input, &step)) {
        if (step.kind == SMH_FUZZ_OPERATION) {
            do_operation(&stage.live[step.operation.slot], &step.operation);
            fuzz_operations++;
        }
    }
    fuzz_stage_close(&stage);
    if (fuzz_seed_of(bytes, size) % 32 == 1) {
        fuzz_large(bytes, size);
    }
    return 0;
}
