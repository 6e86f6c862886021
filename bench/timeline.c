/* timeline.c: how full and how broken up is the heap while a trace runs?
 *
 * Owns: occupancy and fragmentation over time, per engine and trace:
 *
 *     arena of 1.5 x peak     |xx|  |xxxxx| |x|          |x|
 *                                 ..       .  largest free       dots: scattered
 *
 * A sample after every count / SAMPLES operations: bytes asked for, bytes reserved, free chunks,
 * free bytes and the largest free chunk; scattered is what is free outside the largest. Taken by
 * walking the heap, so plug-ins that do not walk take no part. An engine that refuses gets an arena
 * twice as large. Tables are in none of the figures (footprint.c has them). Every block's first and
 * last byte is checked when it is freed.
 *
 * Result, one per engine and trace: engine, trace, operations, peak_bytes, arena_bytes,
 * peak_reserved_bytes, most_scattered_bytes (of the samples), and samples: a list of [operation,
 * asked_bytes, reserved_bytes, free_chunks, free_bytes, largest_free_bytes]. Exact and repeatable.
 */
#include "../sim/error.h"
#include "harness/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES    200u
#define ARENA_MOST 16u /* times the first arena */

struct line {
    const struct bench_trace *trace;
    struct smh_heap heap;
    struct bench_block *slots;
    uint64_t asked, most_scattered;
    json_t *samples;
};

static void sample(struct line *line, size_t operation)
{
    struct smh_chunk chunk = {0};
    size_t free_chunks = 0;
    size_t free_bytes = 0;
    size_t largest = 0;

    while (smh_heap_walk(&line->heap, &chunk)) {
        if (!chunk.used) {
            free_chunks++;
            free_bytes += chunk.size;
            largest = chunk.size > largest ? chunk.size : largest;
        }
    }
    if (free_bytes - largest > line->most_scattered) {
        line->most_scattered = free_bytes - largest;
    }
    json_array_append_new(line->samples,
                          json_pack("[I, I, I, I, I, I]", (json_int_t)operation,
                                    (json_int_t)line->asked, (json_int_t)line->heap.used_bytes,
                                    (json_int_t)free_chunks, (json_int_t)free_bytes,
                                    (json_int_t)largest));
}

static void check(const struct line *line, uint32_t slot, uint64_t bytes)
{
    if (!bench_tag_holds(&line->slots[slot], bytes, slot)) {
        bench_fail("engine %s: %s: a block lost its content", line->heap.engine->name,
                   line->trace->name);
    }
}

/* False: refused. */
static bool make(struct line *line, const struct bench_operation *operation)
{
    struct bench_block *held = &line->slots[operation->slot];
    size_t align = operation->align_shift == 0 ? 0 : (size_t)1 << operation->align_shift;
    uint64_t old = operation->kind == BENCH_ALLOC ? 0 : held->bytes;
    uint8_t *block;

    if (operation->kind != BENCH_ALLOC) {
        check(line, operation->slot, old);
    }
    if (operation->kind == BENCH_FREE) {
        line->asked -= old;
        return smh_heap_free(&line->heap, held->block) == 0;
    }
    block = operation->kind == BENCH_ALLOC
                ? smh_heap_aligned_alloc(&line->heap, align, operation->bytes)
                : smh_heap_aligned_realloc(&line->heap, held->block, align, operation->bytes);
    if (block == NULL) {
        return false;
    }
    held->block = block;
    if (operation->kind == BENCH_REALLOC) {
        check(line, operation->slot, operation->bytes < old ? operation->bytes : old);
    }
    held->bytes = operation->bytes;
    line->asked += operation->bytes - old;
    bench_tag(held, operation->slot);
    return true;
}

/* False: a refusal came. */
static bool run(struct line *line, const struct bench_options *options,
                const struct smh_engine *engine, uint8_t *memory, size_t bytes)
{
    size_t stride = line->trace->count / SAMPLES + 1;

    line->asked = 0;
    line->most_scattered = 0;
    if (bench_heap_init(&line->heap, options, engine, memory, bytes) != 0) {
        return false;
    }
    for (size_t i = 0; i < line->trace->count; i++) {
        if (i % stride == 0) {
            sample(line, i);
        }
        if (!make(line, &line->trace->operations[i])) {
            return false;
        }
    }
    sample(line, line->trace->count);
    if (!bench_heap_sound(&line->heap)) {
        bench_fail("engine %s: %s: the heap is not sound at the end", engine->name,
                   line->trace->name);
    }
    return true;
}

static void draw_line(const struct bench_options *options, const struct bench_engine *engine,
                      const struct bench_trace *trace, json_t *document)
{
    size_t first = (size_t)trace->peak_bytes / 2 * 3 + 4096;
    uint8_t *memory = bench_map(0, ARENA_MOST * first);
    struct line line = {.trace = trace,
                        .slots = smh_must_allocate(trace->slot_count + 1, sizeof(*line.slots))};
    size_t bytes = first;
    bool done = false;

    for (; !done && bytes <= ARENA_MOST * first; bytes *= 2) {
        json_decref(line.samples);
        line.samples = json_array();
        done = run(&line, options, engine->engine, memory, bytes);
    }
    if (done) {
        printf("%-18.18s %-12.12s %12.4f %12.4f\n", trace->name, engine->name,
               (double)line.heap.peak_used_bytes / (double)trace->peak_bytes,
               (double)line.most_scattered / (double)trace->peak_bytes);
        bench_document_add(
            document, json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:o}", "engine", engine->name,
                                "trace", trace->name, "operations", (json_int_t)trace->count,
                                "peak_bytes", (json_int_t)trace->peak_bytes, "arena_bytes",
                                (json_int_t)(bytes / 2), "peak_reserved_bytes",
                                (json_int_t)line.heap.peak_used_bytes, "most_scattered_bytes",
                                (json_int_t)line.most_scattered, "samples", line.samples));
    } else {
        printf("%-18.18s %-12.12s %12s %12s\n", trace->name, engine->name, "-", "-");
        json_decref(line.samples);
    }
    free(line.slots);
    bench_unmap(memory, ARENA_MOST * first);
}

int main(int argc, char **argv)
{
    struct bench_options options;
    json_t *document;

    bench_options_read(&options, "timeline", "Occupancy and fragmentation over time.", argc, argv);
    document = bench_document(&options);
    printf("the most over the peak of bytes asked for\n%-18s %-12s %12s %12s\n", "trace", "engine",
           "reserved", "scattered");
    for (size_t t = 0; t < options.trace_count; t++) {
        struct bench_trace trace;

        bench_trace_load(&trace, options.traces[t]);
        for (size_t e = 0; e < options.engine_count; e++) {
            if (bench_engine_walks(&options, options.engines[e].engine)) {
                draw_line(&options, &options.engines[e], &trace, document);
            }
        }
        bench_trace_free(&trace);
    }
    bench_document_write(&options, document);
    return 0;
}
