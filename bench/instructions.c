/* instructions.c: how many instructions does a call take?
 *
 * Owns: exact counts of alloc, aligned_alloc, realloc and free through smh_heap_*, by
 * single-stepping a sample of calls (harness/stepper.h), on the traces and on made-up sequences in
 * heaps of 4 KB to 4 GB.
 *
 *     for each engine, for each workload:   sequence of calls --+--> not sampled: at full speed
 *                                                               '--> sampled: stepped and counted
 *
 * Made-up sequences hold their heap nearly full: `mixed` (sizes over all powers of two), `small`
 * (8 to 256 bytes), `comb` (small blocks, every second freed, then what does not fit the gaps),
 * `aligned` (alignments to 4096), `resized`, and `full` (most requests are refused). Live blocks
 * are at most 2^16, so the largest heaps fill with blocks that are larger.
 *
 * Result, one per engine, workload and call: engine, workload, heap_bytes, call, calls (looked at),
 * refused (of these), mean, p99, max, and histogram: a list of [instructions, calls], the first
 * rounded down to HISTOGRAM_STEP, so that distributions of workloads can be added up. The
 * instructions with which realloc copies are left out.
 * Exact and repeatable: the sample comes from the seed.
 */
#include "../sim/error.h"
#include "../sim/random.h"
#include "harness/stepper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIVE_MOST      (1u << 16)
#define SAMPLE_DEFAULT 2000u
#define SAMPLE_SMOKE   100u
#define MADE_UP_SHARE  4 /* of the sample of a trace, as there are many sequences */
#define WARM_CALLS_MAX 1500000u
#define TRACE_ROOM     5 /* quarters: a trace runs in the least 5/4, 10/4, ... of its peak */

#define HISTOGRAM_STEP  8u
#define HISTOGRAM_STEPS 512u /* what is more falls into the last */

enum call { CALL_ALLOC, CALL_ALIGNED, CALL_REALLOC, CALL_FREE, CALL_COUNT };
static const char *const call_names[CALL_COUNT] = {"alloc", "aligned_alloc", "realloc", "free"};

enum flavour { MIXED, SMALL, COMB, ALIGNED, RESIZED, FULL, FLAVOUR_COUNT };
static const char *const flavour_names[FLAVOUR_COUNT] = {"mixed",   "small",   "comb",
                                                         "aligned", "resized", "full"};

static const uint64_t heap_sizes[] = {4u << 10,  64u << 10,  1u << 20,
                                      16u << 20, 256u << 20, (uint64_t)4 << 30};
#define HEAP_SIZES (sizeof(heap_sizes) / sizeof(*heap_sizes))

/* Counts of one kind of call; the values themselves are kept until the quantile is known. */
struct figures {
    size_t calls, refused;
    double mean;
    uint32_t p99, max;
    uint32_t histogram[HISTOGRAM_STEPS];
};

struct workload {
    const struct bench_trace *trace; /* or NULL: */
    enum flavour flavour;
    uint64_t heap_bytes;
};

struct measured {
    bool unsupported;
    uint64_t heap_bytes;
    struct figures figures[CALL_COUNT];
};

struct instructions {
    struct bench_options options;
    struct bench_trace *traces;
    struct workload *workloads;
    size_t workload_count;
    struct measured *measured; /* [workload][engine] */
};

/* A run of one workload on one heap. */
struct run {
    struct smh_heap heap;
    const char *engine;
    struct smh_random random;
    uint64_t sample_below; /* a call is looked at when a random number of 32 bits is below */
    struct bench_block *slots;
    uint32_t *order; /* made-up sequences: slots, the first `live` of them filled */
    size_t live;
    uint64_t live_bytes;
    uint32_t *counts[CALL_COUNT];
    size_t room[CALL_COUNT];
    double sums[CALL_COUNT];
    struct figures *figures;
};

static void record(struct run *run, enum call call, const struct bench_steps *steps, bool refused)
{
    struct figures *figures = &run->figures[call];
    uint32_t count = steps->own + (call == CALL_REALLOC ? 0 : steps->libc);

    if (figures->calls == run->room[call]) {
        run->room[call] = 2 * run->room[call] + 64;
        run->counts[call] = smh_must_resize(run->counts[call], run->room[call], sizeof(uint32_t));
    }
    run->counts[call][figures->calls++] = count;
    figures->refused += refused;
    figures->histogram[count / HISTOGRAM_STEP < HISTOGRAM_STEPS ? count / HISTOGRAM_STEP
                                                                : HISTOGRAM_STEPS - 1]++;
    run->sums[call] += count;
    if (count > figures->max) {
        figures->max = count;
    }
}

static bool sampled(struct run *run)
{
    return (smh_random_next(&run->random) >> 32) < run->sample_below;
}

static void check_tag(const struct run *run, uint32_t slot, uint64_t bytes)
{
    if (!bench_tag_holds(&run->slots[slot], bytes, slot)) {
        bench_fail("engine %s: a block lost its content", run->engine);
    }
}

/* alloc or aligned_alloc into an empty slot; false: refused. */
static bool give(struct run *run, uint32_t slot, size_t align, uint64_t bytes)
{
    struct bench_block *held = &run->slots[slot];
    struct bench_steps steps;

    held->bytes = bytes;
    if (!sampled(run)) {
        held->block = align == 0 ? smh_heap_alloc(&run->heap, bytes)
                                 : smh_heap_aligned_alloc(&run->heap, align, bytes);
    } else if (align == 0) {
        held->block = bench_step_alloc(&run->heap, bytes, &steps);
        record(run, CALL_ALLOC, &steps, held->block == NULL);
    } else {
        held->block = bench_step_aligned_alloc(&run->heap, align, bytes, &steps);
        record(run, CALL_ALIGNED, &steps, held->block == NULL);
    }
    if (held->block == NULL) {
        return false;
    }
    if (align != 0 && ((uintptr_t)held->block & (align - 1)) != 0) {
        bench_fail("engine %s: a block is not aligned to %zu", run->engine, align);
    }
    run->live_bytes += bytes;
    bench_tag(held, slot);
    return true;
}

static bool resize(struct run *run, uint32_t slot, uint64_t bytes)
{
    struct bench_block *held = &run->slots[slot];
    struct bench_steps steps;
    uint8_t *block;
    uint64_t old = held->bytes;

    check_tag(run, slot, old);
    if (sampled(run)) {
        block = bench_step_realloc(&run->heap, held->block, bytes, &steps);
        record(run, CALL_REALLOC, &steps, block == NULL);
    } else {
        block = smh_heap_realloc(&run->heap, held->block, bytes);
    }
    if (block == NULL) {
        return false;
    }
    held->block = block;
    check_tag(run, slot, bytes < old ? bytes : old);
    held->bytes = bytes;
    run->live_bytes = run->live_bytes - old + bytes;
    bench_tag(held, slot);
    return true;
}

static void take(struct run *run, uint32_t slot)
{
    struct bench_block *held = &run->slots[slot];
    struct bench_steps steps;
    int verdict;

    check_tag(run, slot, held->bytes);
    if (sampled(run)) {
        verdict = bench_step_free(&run->heap, held->block, &steps);
        record(run, CALL_FREE, &steps, verdict != 0);
    } else {
        verdict = smh_heap_free(&run->heap, held->block);
    }
    if (verdict != 0) {
        bench_fail("engine %s: the heap does not take a live block back", run->engine);
    }
    run->live_bytes -= held->bytes;
    held->block = NULL;
}

/* --- traces ----------------------------------------------------------------------------------- */

static void run_trace(struct run *run, const struct bench_trace *trace)
{
    for (size_t i = 0; i < trace->count; i++) {
        const struct bench_operation *operation = &trace->operations[i];
        size_t align = operation->align_shift == 0 ? 0 : (size_t)1 << operation->align_shift;
        bool done = true;

        if (operation->kind == BENCH_FREE) {
            take(run, operation->slot);
        } else if (operation->kind == BENCH_ALLOC) {
            done = give(run, operation->slot, align, operation->bytes);
        } else {
            done = resize(run, operation->slot, operation->bytes);
        }
        if (!done) {
            bench_fail("engine %s: %s: refused, where the rehearsal was not", run->engine,
                       trace->name);
        }
    }
}

/* Finds an arena in which the trace completes; leaves a fresh heap. */
static bool prepare_trace(struct run *run, const struct bench_options *options,
                          const struct smh_engine *engine, const struct bench_trace *trace,
                          uint8_t *memory, size_t most)
{
    void **slots = smh_must_allocate(trace->slot_count + 1, sizeof(*slots));
    size_t bytes = (size_t)trace->peak_bytes / 4 * TRACE_ROOM + 4096;
    bool completed = false;

    while (!completed && bytes <= most) {
        completed = bench_heap_init(&run->heap, options, engine, memory, bytes) == 0 &&
                    bench_replay(&run->heap, trace, slots) == trace->count;
        bytes = completed ? bytes : 2 * bytes;
    }
    free(slots);
    return completed && bench_heap_init(&run->heap, options, engine, memory, bytes) == 0;
}

/* --- made-up sequences ------------------------------------------------------------------------ */

static uint64_t log_uniform(struct smh_random *random, unsigned from_shift, unsigned to_shift)
{
    uint64_t power =
        (uint64_t)1 << (from_shift + smh_random_below(random, to_shift - from_shift + 1));

    return power + smh_random_below(random, power);
}

static unsigned floor_log2(uint64_t value)
{
    return 63u - (unsigned)__builtin_clzll(value);
}

/* Sizes such that LIVE_MOST / 4 blocks fill the heap, and up to a sixteenth of it. */
static uint64_t random_size(struct run *run, enum flavour flavour)
{
    unsigned heap_shift = floor_log2(run->heap.memory_size);
    unsigned least = heap_shift > 18 ? heap_shift - 15 : 3;

    if (flavour == SMALL || flavour == COMB) {
        return log_uniform(&run->random, 3, 7);
    }
    return log_uniform(&run->random, least, heap_shift - 5);
}

static void drop_random(struct run *run)
{
    size_t index = smh_random_below(&run->random, run->live);
    uint32_t slot = run->order[index];

    take(run, slot);
    run->live--;
    run->order[index] = run->order[run->live];
    run->order[run->live] = slot;
}

static bool add_random(struct run *run, enum flavour flavour)
{
    size_t align = 0;
    uint64_t bytes = random_size(run, flavour);

    if (run->live == LIVE_MOST) {
        return false;
    }
    if (flavour == ALIGNED || smh_random_below(&run->random, 16) == 0) {
        align = (size_t)1 << smh_random_below(&run->random, 13);
    }
    if (!give(run, run->order[run->live], align, bytes)) {
        return false;
    }
    run->live++;
    return true;
}

/* Blocks until the heap refuses or the table is full; every second one freed. */
static void make_comb(struct run *run)
{
    size_t kept = 0;

    while (add_random(run, COMB)) {
    }
    for (size_t i = 0; i < run->live; i++) {
        uint32_t slot = run->order[i];

        if (i % 2 == 0) {
            take(run, slot);
        } else {
            run->order[i] = run->order[kept];
            run->order[kept++] = slot;
        }
    }
    run->live = kept;
}

/* One step: near the brim, as many frees as requests. */
static void step_random(struct run *run, enum flavour flavour)
{
    uint64_t what = smh_random_below(&run->random, 100);
    unsigned resizes = flavour == RESIZED ? 50 : 4;
    unsigned brim = flavour == FULL ? 100 : 88;

    if (run->live != 0 && what < resizes) {
        uint32_t slot = run->order[smh_random_below(&run->random, run->live)];

        resize(run, slot, random_size(run, flavour));
    } else if (run->live != 0 && (run->live_bytes > run->heap.memory_size / 100 * brim ||
                                  what < (flavour == FULL ? 20 : 50))) {
        drop_random(run);
    } else {
        add_random(run, flavour == COMB && what % 2 != 0 ? SMALL : flavour);
    }
}

static void run_made_up(struct run *run, enum flavour flavour, size_t calls)
{
    uint64_t sample = run->sample_below;
    uint64_t enough = run->heap.memory_size / 100 * 85;
    size_t refused = 0;

    run->sample_below = 0;
    if (flavour == COMB) {
        make_comb(run);
    }
    for (size_t i = 0; i < WARM_CALLS_MAX && refused < 64 && run->live_bytes < enough; i++) {
        if (run->live == LIVE_MOST) {
            break;
        }
        refused += !add_random(run, flavour == COMB ? MIXED : flavour);
    }
    for (size_t i = 0; i < 4 * calls; i++) {
        step_random(run, flavour);
    }
    run->sample_below = sample;
    for (size_t i = 0; i < calls; i++) {
        step_random(run, flavour);
    }
}

/* --- the bench -------------------------------------------------------------------------------- */

static void open_run(struct run *run, size_t slot_count, uint64_t seed)
{
    smh_random_init(&run->random, seed, 1);
    run->slots = smh_must_allocate(slot_count + 1, sizeof(*run->slots));
    run->order = smh_must_allocate(slot_count + 1, sizeof(*run->order));
    for (size_t i = 0; i < slot_count; i++) {
        run->order[i] = (uint32_t)i;
    }
}

static void close_run(struct run *run)
{
    for (int call = 0; call < CALL_COUNT; call++) {
        struct figures *figures = &run->figures[call];

        if (figures->calls != 0) {
            figures->mean = run->sums[call] / (double)figures->calls;
            figures->p99 = bench_quantile(run->counts[call], figures->calls, 990);
        }
        free(run->counts[call]);
    }
    free(run->slots);
    free(run->order);
}

static void job(void *context, size_t index)
{
    struct instructions *all = context;
    const struct bench_options *options = &all->options;
    const struct workload *workload = &all->workloads[index / options->engine_count];
    const struct bench_engine *engine = &options->engines[index % options->engine_count];
    const struct bench_trace *trace = workload->trace;
    struct measured *measured = &all->measured[index];
    size_t most = trace == NULL ? (size_t)workload->heap_bytes : 64 * trace->peak_bytes + (1 << 20);
    uint8_t *memory = bench_map(0, most);
    struct run run = {.engine = engine->name, .figures = measured->figures};
    size_t sample = options->sample != 0 ? options->sample
                    : options->smoke     ? SAMPLE_SMOKE
                                         : SAMPLE_DEFAULT;

    open_run(&run, trace == NULL ? LIVE_MOST : trace->slot_count, options->seed);
    if (trace != NULL) {
        measured->unsupported = !prepare_trace(&run, options, engine->engine, trace, memory, most);
        run.sample_below = sample >= trace->count ? UINT64_MAX : (sample << 32) / trace->count;
    } else {
        measured->unsupported =
            bench_heap_init(&run.heap, options, engine->engine, memory, most) != 0;
        run.sample_below = UINT64_MAX;
    }
    if (!measured->unsupported) {
        measured->heap_bytes = run.heap.memory_size;
        if (trace != NULL) {
            run_trace(&run, trace);
        } else {
            run_made_up(&run, workload->flavour,
                        sample == SIZE_MAX ? 100000 : sample / MADE_UP_SHARE);
        }
        if (!bench_heap_sound(&run.heap)) {
            bench_fail("engine %s: the heap is not sound at the end", engine->name);
        }
    }
    close_run(&run);
    bench_unmap(memory, most);
}

static void workload_name(const struct workload *workload, char *name, size_t bytes)
{
    if (workload->trace != NULL) {
        snprintf(name, bytes, "%s", workload->trace->name);
    } else {
        unsigned unit = 0;
        uint64_t size = workload->heap_bytes >> 10;

        for (; size >= 1024; size >>= 10) {
            unit++;
        }
        snprintf(name, bytes, "%s_%llu%c", flavour_names[workload->flavour],
                 (unsigned long long)size, "KMG"[unit]);
    }
}

static void describe(void *context, size_t index, char *text, size_t bytes)
{
    const struct instructions *all = context;
    size_t count = all->options.engine_count;
    char name[80];

    workload_name(&all->workloads[index / count], name, sizeof(name));
    snprintf(text, bytes, "engine %s, workload %s", all->options.engines[index % count].name, name);
}

static json_t *histogram_to_json(const struct figures *figures)
{
    json_t *made = json_array();

    for (unsigned i = 0; i < HISTOGRAM_STEPS; i++) {
        if (figures->histogram[i] != 0) {
            json_array_append_new(
                made, json_pack("[i, i]", (int)(i * HISTOGRAM_STEP), (int)figures->histogram[i]));
        }
    }
    return made;
}

static void report(const struct instructions *all, json_t *document)
{
    char name[80];

    for (size_t w = 0; w < all->workload_count; w++) {
        workload_name(&all->workloads[w], name, sizeof(name));
        for (size_t e = 0; e < all->options.engine_count; e++) {
            const struct measured *measured = &all->measured[w * all->options.engine_count + e];

            for (int call = 0; call < CALL_COUNT; call++) {
                const struct figures *figures = &measured->figures[call];

                if (figures->calls == 0) {
                    continue;
                }
                bench_document_add(
                    document,
                    json_pack("{s:s, s:s, s:I, s:s, s:I, s:I, s:f, s:i, s:i, s:o}", "engine",
                              all->options.engines[e].name, "workload", name, "heap_bytes",
                              (json_int_t)measured->heap_bytes, "call", call_names[call], "calls",
                              (json_int_t)figures->calls, "refused", (json_int_t)figures->refused,
                              "mean", figures->mean, "p99", (int)figures->p99, "max",
                              (int)figures->max, "histogram", histogram_to_json(figures)));
            }
        }
    }
}

/* One engine: a row per workload, mean/p99/max of each call. */
static void print_engine(const struct instructions *all, size_t e)
{
    struct figures total[2][CALL_COUNT]; /* traces, made-up */
    char name[80];

    memset(total, 0, sizeof(total));
    printf("\n%-20s %19s %19s %19s %19s   (mean p99 max)\n", all->options.engines[e].name, "alloc",
           "free", "aligned_alloc", "realloc");
    for (size_t w = 0; w < all->workload_count + 2; w++) {
        bool sum = w >= all->workload_count;
        const struct figures *row = sum ? total[w - all->workload_count]
                                        : all->measured[w * all->options.engine_count + e].figures;
        static const enum call order[CALL_COUNT] = {CALL_ALLOC, CALL_FREE, CALL_ALIGNED,
                                                    CALL_REALLOC};

        if (sum) {
            snprintf(name, sizeof(name), "%s", w == all->workload_count ? "= traces" : "= made up");
        } else {
            workload_name(&all->workloads[w], name, sizeof(name));
        }
        printf("%-20.20s", name);
        for (int i = 0; i < CALL_COUNT; i++) {
            const struct figures *figures = &row[order[i]];
            struct figures *into =
                &total[w < all->workload_count && all->workloads[w].trace == NULL][order[i]];

            if (figures->calls == 0) {
                printf(" %19s", "-");
                continue;
            }
            printf(" %7.1f %5u %5u", figures->mean, figures->p99, figures->max);
            if (!sum) { /* mean of all calls, worst p99, worst max */
                into->mean =
                    (into->mean * (double)into->calls + figures->mean * (double)figures->calls) /
                    (double)(into->calls + figures->calls);
                into->calls += figures->calls;
                into->p99 = figures->p99 > into->p99 ? figures->p99 : into->p99;
                into->max = figures->max > into->max ? figures->max : into->max;
            }
        }
        printf("\n");
    }
}

static void list_workloads(struct instructions *all)
{
    const struct bench_options *options = &all->options;

    all->workloads = smh_must_allocate(options->trace_count + FLAVOUR_COUNT * HEAP_SIZES,
                                       sizeof(struct workload));
    all->traces = smh_must_allocate(options->trace_count + 1, sizeof(*all->traces));
    for (size_t t = 0; t < options->trace_count; t++) {
        bench_trace_load(&all->traces[t], options->traces[t]);
        all->workloads[all->workload_count++].trace = &all->traces[t];
    }
    for (size_t size = 0; size < HEAP_SIZES; size += options->smoke ? HEAP_SIZES : 1) {
        for (int flavour = 0; flavour < FLAVOUR_COUNT; flavour++) {
            all->workloads[all->workload_count++] =
                (struct workload){.flavour = (enum flavour)flavour, .heap_bytes = heap_sizes[size]};
        }
    }
}

int main(int argc, char **argv)
{
    struct instructions all = {0};
    struct bench_jobs jobs = {.run = job, .describe = describe, .context = &all};
    json_t *document;

    bench_options_read(&all.options, "instructions",
                       "Exact instructions per call, by single-stepping a sample of calls.", argc,
                       argv);
    if (!bench_stepper_open()) {
        printf("instructions: single-stepping is written for x86-64 only\n");
        return 0;
    }
    list_workloads(&all);
    all.measured =
        bench_shared(all.workload_count * all.options.engine_count * sizeof(*all.measured));
    jobs.count = all.workload_count * all.options.engine_count;
    bench_parallel(all.options.jobs, &jobs);
    for (size_t e = 0; e < all.options.engine_count; e++) {
        print_engine(&all, e);
    }
    document = bench_document(&all.options);
    report(&all, document);
    bench_document_write(&all.options, document);
    for (size_t t = 0; t < all.options.trace_count; t++) {
        bench_trace_free(&all.traces[t]);
    }
    free(all.traces);
    free(all.workloads);
    return 0;
}
