/* full.c: what does a refusal cost?
 *
 * Owns: nanoseconds and instructions of requests that a full heap must refuse, in heaps of 64 KB
 * to 16 MB:
 *
 *     brim:  |64|64|64|64|64|64|64|...|    no room: one more of 64
 *     comb:  |64|  |64|  |64|  |64|...|    half is free, in gaps: one of 4096
 *     grow:  |64|64|64|64|64|64|64|...|    a realloc of a block to 4096
 *
 * Turns, medians, ratios and the fields of a result: harness/compare.h; every timed operation must
 * be refused. Then, where single-stepping works, one per engine and case: engine, case,
 * instructions (mean), max.
 */
#include "harness/compare.h"
#include "harness/stepper.h"

#include "../sim/error.h"

#include <stdio.h>
#include <stdlib.h>

#define SMALL          64u
#define LARGE          4096u
#define REQUESTS       2000u
#define REQUESTS_SMOKE 20u
#define STEPPED        100u
#define STEPPED_SMOKE  5u

enum kind { BRIM, COMB, GROW, KIND_COUNT };
static const char *const kind_names[KIND_COUNT] = {"brim", "comb", "grow"};

static void make(enum kind kind, size_t heap_bytes, size_t requests, struct bench_trace *fill,
                 struct bench_trace *timed)
{
    uint32_t most = (uint32_t)(heap_bytes / SMALL) + 1;

    snprintf(fill->name, sizeof(fill->name), "fill");
    snprintf(timed->name, sizeof(timed->name), "%s", kind_names[kind]);
    for (uint32_t i = 0; i < most; i++) {
        bench_trace_add(fill, BENCH_ALLOC, i, SMALL, 0);
    }
    for (uint32_t i = 0; i < most && kind == COMB; i += 2) {
        bench_trace_add(fill, BENCH_FREE, i, 0, 0);
    }
    for (size_t i = 0; i < requests; i++) {
        bench_trace_add(timed, kind == GROW ? BENCH_REALLOC : BENCH_ALLOC,
                        kind == GROW ? (uint32_t)(i % (most / 4)) : most,
                        kind == BRIM ? SMALL : LARGE, 0);
    }
}

/* Steps through refusals on one engine; false: the engine does not take the arena. */
static bool step(struct bench_contestant *contestant, const struct bench_options *options,
                 enum kind kind, size_t heap_bytes, const struct bench_trace *fill, double *mean,
                 uint32_t *max)
{
    struct bench_block *slots = smh_must_allocate(fill->slot_count + 1, sizeof(*slots));
    uint8_t *memory = bench_map(0, heap_bytes);
    unsigned count = options->smoke ? STEPPED_SMOKE : STEPPED;
    bool started = bench_contestant_start(contestant, options, memory, heap_bytes);
    size_t refused = 0;

    *mean = 0;
    *max = 0;
    if (started) {
        bench_contestant_replay(contestant, fill, slots, true, &refused);
    }
    for (unsigned i = 0; started && i < count; i++) {
        struct bench_steps steps;
        const void *block =
            kind == GROW
                ? bench_step_realloc(&contestant->heap, slots[i].block, LARGE, &steps)
                : bench_step_alloc(&contestant->heap, kind == BRIM ? SMALL : LARGE, &steps);

        if (block != NULL) {
            bench_fail("%s: %s: not refused", contestant->name, kind_names[kind]);
        }
        *mean += (double)steps.own / count;
        *max = steps.own > *max ? steps.own : *max;
    }
    bench_contestant_drain(contestant, slots, started ? fill->slot_count : 0);
    bench_unmap(memory, heap_bytes);
    free(slots);
    return started;
}

static void step_all(struct bench_compare *compare, const struct bench_case *measured,
                     enum kind kind)
{
    printf("  instructions, mean max");
    for (size_t i = 0; i < compare->count; i++) {
        struct bench_contestant *contestant = &compare->contestants[i];
        double mean;
        uint32_t max;

        if (contestant->engine == NULL ||
            !step(contestant, compare->options, kind, measured->arena_bytes, measured->fill, &mean,
                  &max)) {
            printf(" %13s", "-");
            continue;
        }
        printf(" %7.1f %5u", mean, max);
        bench_document_add(compare->document,
                           json_pack("{s:s, s:s, s:f, s:i}", "engine", contestant->name, "case",
                                     measured->name, "instructions", mean, "max", (int)max));
    }
    printf("\n");
}

int main(int argc, char **argv)
{
    static struct bench_compare compare;
    struct bench_options options;

    bench_options_read(&options, "full", "What a full heap takes to refuse a request.", argc, argv);
    options.system = false; /* they grow */
    bench_compare_open(&compare, &options);
    for (size_t bytes = 64u << 10; bytes <= (options.smoke ? 64u << 10 : 16u << 20); bytes <<= 4) {
        for (int kind = 0; kind < KIND_COUNT; kind++) {
            struct bench_trace fill = {0}, timed = {0};
            struct bench_case measured = {.may_refuse = true};

            make((enum kind)kind, bytes, options.smoke ? REQUESTS_SMOKE : REQUESTS, &fill, &timed);
            snprintf(measured.name, sizeof(measured.name), "%s_%zuK", kind_names[kind],
                     bytes >> 10);
            measured.fill = &fill;
            measured.timed = &timed;
            measured.slot_count = fill.slot_count + 1;
            measured.arena_bytes = bytes;
            measured.arena_most = bytes;
            measured.all_refused = true;
            bench_compare_case(&compare, &measured);
            if (bench_stepper_open()) {
                step_all(&compare, &measured, (enum kind)kind);
            }
            bench_trace_free(&fill);
            bench_trace_free(&timed);
        }
    }
    bench_compare_close(&compare, false);
    return 0;
}
