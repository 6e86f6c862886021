/* footprint.c: how small may memory be?
 *
 * Owns: for each engine and trace, the smallest arena in which one region completes the trace
 * without a refusal, tables included, over the peak of live bytes (what was asked for, the ideal).
 *
 *     0 ......... peak ......... low |step| high ......... arena
 *       cannot fit       fails        gap      completes
 *
 * By bisection to a step of 64 bytes or 0.05 % of the peak, whichever is more; a size is tried by
 * replaying the trace, payload untouched. Then NEAR sizes on either side are tried too: an
 * allocator need not be monotonic, and `passes_below` and `fails_above` count what contradicts the
 * bisection. The last replay, at the found size, checks the content of every block.
 *
 * Result, one per engine and trace: engine, trace, operations, peak_bytes, arena_bytes, ratio,
 * step_bytes, passes_below, fails_above, checked (true). Engines that refuse the configuration
 * have "unsupported": true instead. Exact and repeatable: no clock is read.
 */
#include "harness/harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define NEAR        8
#define STEP_LEAST  64u
#define SIZE_FACTOR 64 /* no engine is given more than that many times the peak */

struct measured {
    bool unsupported;
    bool never; /* does not complete in the largest arena */
    uint64_t arena_bytes;
    uint64_t step_bytes;
    unsigned passes_below;
    unsigned fails_above;
};

struct footprint {
    const struct bench_options *options;
    struct bench_trace *traces;
    struct measured *measured; /* [trace][engine], shared between processes */
};

/* Where one trace is tried with one engine. */
struct trial {
    const struct bench_options *options;
    const struct smh_engine *engine;
    const struct bench_trace *trace;
    uint8_t *memory;
    void **slots;
};

static bool completes(const struct trial *trial, uint64_t bytes)
{
    struct smh_heap heap;

    if (bench_heap_init(&heap, trial->options, trial->engine, trial->memory, bytes) != 0) {
        return false;
    }
    return bench_replay(&heap, trial->trace, trial->slots) == trial->trace->count;
}

/* Whether the engine takes this target and granule at all. */
static bool supported(const struct trial *trial, size_t bytes)
{
    struct smh_heap heap;

    return bench_heap_init(&heap, trial->options, trial->engine, trial->memory, bytes) != -EINVAL;
}

static uint64_t bisect(const struct trial *trial, uint64_t step, uint64_t most)
{
    uint64_t low = trial->trace->peak_bytes / step; /* in steps; taken to fail */
    uint64_t high = low + low / 8 + 1;

    while (!completes(trial, high * step)) {
        low = high;
        high = high + high / 4 + 1;
        if (high * step > most) {
            return 0;
        }
    }
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;

        if (completes(trial, middle * step)) {
            high = middle;
        } else {
            low = middle;
        }
    }
    return high * step;
}

static void measure(const struct trial *trial, struct measured *measured, size_t most)
{
    uint64_t step = trial->trace->peak_bytes / 2000 / STEP_LEAST * STEP_LEAST;
    struct smh_heap heap;

    measured->step_bytes = step < STEP_LEAST ? STEP_LEAST : step;
    if (!supported(trial, most)) {
        measured->unsupported = true;
        return;
    }
    measured->arena_bytes = bisect(trial, measured->step_bytes, most);
    if (measured->arena_bytes == 0) {
        measured->never = true;
        return;
    }
    for (uint64_t i = 1; i <= NEAR; i++) {
        uint64_t distance = i * measured->step_bytes;

        if (measured->arena_bytes > distance &&
            completes(trial, measured->arena_bytes - distance)) {
            measured->passes_below++;
        }
        if (!completes(trial, measured->arena_bytes + distance)) {
            measured->fails_above++;
        }
    }
    bench_heap_init(&heap, trial->options, trial->engine, trial->memory, measured->arena_bytes);
    bench_replay_checked(&heap, trial->trace, false);
}

static void job(void *context, size_t index)
{
    struct footprint *footprint = context;
    const struct bench_options *options = footprint->options;
    struct bench_trace *trace = &footprint->traces[index / options->engine_count];
    size_t most = (size_t)trace->peak_bytes * SIZE_FACTOR + (1u << 20);
    struct trial trial = {
        .options = options,
        .engine = options->engines[index % options->engine_count].engine,
        .trace = trace,
        .memory = bench_map(0, most),
        .slots = calloc(trace->slot_count + 1, sizeof(void *)),
    };

    if (trial.slots == NULL) {
        bench_fail("out of memory");
    }
    measure(&trial, &footprint->measured[index], most);
    free(trial.slots);
    bench_unmap(trial.memory, most);
}

static void describe(void *context, size_t index, char *text, size_t bytes)
{
    const struct footprint *footprint = context;
    const struct bench_options *options = footprint->options;

    snprintf(text, bytes, "engine %s, trace %s",
             options->engines[index % options->engine_count].name,
             footprint->traces[index / options->engine_count].name);
}

static double ratio(const struct footprint *footprint, size_t trace, size_t engine)
{
    const struct measured *measured =
        &footprint->measured[trace * footprint->options->engine_count + engine];

    return (double)measured->arena_bytes / (double)footprint->traces[trace].peak_bytes;
}

static void report(const struct footprint *footprint, json_t *document)
{
    const struct bench_options *options = footprint->options;

    for (size_t t = 0; t < options->trace_count; t++) {
        for (size_t e = 0; e < options->engine_count; e++) {
            const struct measured *measured = &footprint->measured[t * options->engine_count + e];
            const struct bench_trace *trace = &footprint->traces[t];
            json_t *result = json_pack("{s:s, s:s, s:I, s:I}", "engine", options->engines[e].name,
                                       "trace", trace->name, "operations", (json_int_t)trace->count,
                                       "peak_bytes", (json_int_t)trace->peak_bytes);

            if (measured->unsupported || measured->never) {
                json_object_set_new(result, measured->never ? "never" : "unsupported", json_true());
            } else {
                json_t *more =
                    json_pack("{s:I, s:f, s:I, s:i, s:i, s:b}", "arena_bytes",
                              (json_int_t)measured->arena_bytes, "ratio", ratio(footprint, t, e),
                              "step_bytes", (json_int_t)measured->step_bytes, "passes_below",
                              (int)measured->passes_below, "fails_above",
                              (int)measured->fails_above, "checked", 1);

                json_object_update(result, more);
                json_decref(more);
            }
            bench_document_add(document, result);
        }
    }
}

static void print_table(const struct footprint *footprint)
{
    const struct bench_options *options = footprint->options;
    double values[BENCH_TRACES_MAX];

    printf("arena / peak live bytes, target_bits %u\n%-16s %8s %11s", options->target_bits, "trace",
           "ops", "peak bytes");
    for (size_t e = 0; e < options->engine_count; e++) {
        printf(" %12.12s", options->engines[e].name);
    }
    for (size_t t = 0; t < options->trace_count; t++) {
        const struct bench_trace *trace = &footprint->traces[t];

        printf("\n%-16.16s %8zu %11llu", trace->name, trace->count,
               (unsigned long long)trace->peak_bytes);
        for (size_t e = 0; e < options->engine_count; e++) {
            const struct measured *measured = &footprint->measured[t * options->engine_count + e];

            if (measured->arena_bytes == 0) {
                printf(" %12s", measured->never ? "never" : "-");
            } else {
                printf(" %11.4f%s", ratio(footprint, t, e),
                       measured->passes_below + measured->fails_above != 0 ? "~" : " ");
            }
        }
    }
    for (int row = 0; row < 2; row++) {
        printf("\n%-37s", row == 0 ? "geometric mean" : "worst");
        for (size_t e = 0; e < options->engine_count; e++) {
            size_t count = 0;
            double worst = 0;

            for (size_t t = 0; t < options->trace_count; t++) {
                values[count] = ratio(footprint, t, e);
                worst = values[count] > worst ? values[count] : worst;
                count += values[count] > 0;
            }
            printf(" %11.4f%s", row == 0 ? bench_geometric_mean(values, count) : worst,
                   count != options->trace_count ? "!" : " ");
        }
    }
    printf("\n(~ not monotonic within %d steps; ! over the traces that completed)\n", NEAR);
}

int main(int argc, char **argv)
{
    struct bench_options options;
    struct footprint footprint = {.options = &options};
    struct bench_jobs jobs = {.run = job, .describe = describe, .context = &footprint};
    json_t *document;

    bench_options_read(&options, "footprint",
                       "The smallest arena that completes a trace, over its peak of live bytes.",
                       argc, argv);
    footprint.traces = calloc(options.trace_count + 1, sizeof(*footprint.traces));
    if (footprint.traces == NULL) {
        bench_fail("out of memory");
    }
    footprint.measured =
        bench_shared(options.trace_count * options.engine_count * sizeof(*footprint.measured));
    for (size_t t = 0; t < options.trace_count; t++) {
        bench_trace_load(&footprint.traces[t], options.traces[t]);
    }
    jobs.count = options.trace_count * options.engine_count;
    bench_parallel(options.jobs, &jobs);
    print_table(&footprint);
    document = bench_document(&options);
    report(&footprint, document);
    bench_document_write(&options, document);
    for (size_t t = 0; t < options.trace_count; t++) {
        bench_trace_free(&footprint.traces[t]);
    }
    free(footprint.traces);
    return 0;
}
