/* aligned.c: what do aligned DMA buffers cost, in memory and in time?
 *
 * Owns: two answers for buffers aligned to 32, 64 and 256 bytes.
 *
 * (1) How many fit in REGION_BYTES, with the metadata inside the region and elsewhere, with the
 * engine's own granule and with one of the alignment:
 *
 *     |meta|buf |buf |buf | ... |buf |      fitted <= ideal = REGION_BYTES / size rounded up
 *
 * Every buffer is filled, then all are verified and freed. Result: engine, align, bytes, granule
 * (0: the engine's own), metadata ("inside", "elsewhere"), metadata_bytes (given), fitted, ideal.
 * In-band engines use metadata elsewhere for a start bitmap, which saves them nothing.
 *
 * (2) Nanoseconds per operation while such buffers come and go; fields: harness/compare.h.
 */
#include "../sim/error.h"
#include "../sim/model/contents.h"
#include "harness/churn.h"
#include "harness/compare.h"

#include <stdio.h>
#include <stdlib.h>

#define REGION_BYTES 640000u
#define LIVE         1000u
#define PAIRS        100000u
#define PAIRS_SMOKE  100u

static const unsigned aligns[] = {32, 64, 256};
#define ALIGNS (sizeof(aligns) / sizeof(*aligns))

struct fitting {
    const struct bench_options *options;
    const struct smh_engine *engine;
    uint8_t *memory;
    size_t align, bytes, granule;
    bool elsewhere;
};

/* Allocates until refused, checks all; -1: the engine does not take this configuration. */
static long fit(const struct fitting *fitting, size_t *metadata_bytes)
{
    struct smh_heap_config config = {.memory = fitting->memory,
                                     .memory_size = REGION_BYTES,
                                     .granule = fitting->granule,
                                     .target_bits = fitting->options->target_bits,
                                     .engine = fitting->engine};
    size_t most = REGION_BYTES / fitting->bytes + 1;
    uint8_t **buffers = smh_must_allocate(most, sizeof(*buffers));
    void *metadata = NULL;
    struct smh_heap heap;
    long count = 0;

    *metadata_bytes = fitting->elsewhere ? smh_heap_metadata_size(&config) : 0;
    if (*metadata_bytes != 0) {
        metadata = smh_must_allocate(*metadata_bytes, 1);
        config.metadata = metadata;
        config.metadata_size = *metadata_bytes;
    }
    if (smh_heap_init(&heap, &config) != 0) {
        free(metadata);
        free(buffers);
        return -1;
    }
    while ((size_t)count < most) {
        uint8_t *buffer = smh_heap_aligned_alloc(&heap, fitting->align, fitting->bytes);

        if (buffer == NULL) {
            break;
        }
        if (((uintptr_t)buffer & (fitting->align - 1)) != 0) {
            bench_fail("%s: a buffer is not aligned", fitting->engine->name);
        }
        smh_contents_fill(buffer, (uint64_t)count, 0, fitting->bytes);
        buffers[count++] = buffer;
    }
    for (long i = 0; i < count; i++) {
        if (smh_contents_verify(buffers[i], (uint64_t)i, 0, fitting->bytes) != SMH_CONTENTS_SAME) {
            bench_fail("%s: a buffer lost its content", fitting->engine->name);
        }
    }
    if (!bench_heap_sound(&heap)) {
        bench_fail("%s: the full heap is not sound", fitting->engine->name);
    }
    for (long i = 0; i < count; i++) {
        if (smh_heap_free(&heap, buffers[i]) != 0) {
            bench_fail("%s: a buffer is not taken back", fitting->engine->name);
        }
    }
    free(metadata);
    free(buffers);
    return count;
}

static void fit_on_all(const struct bench_options *options, json_t *document, size_t align,
                       size_t bytes, bool granular, bool elsewhere)
{
    size_t ideal = REGION_BYTES / ((bytes + align - 1) / align * align);
    struct fitting fitting = {.options = options,
                              .memory = bench_map(1, REGION_BYTES),
                              .align = align,
                              .bytes = bytes,
                              .granule = granular ? align : 0,
                              .elsewhere = elsewhere};

    printf("%4zu of %4zu bytes, %-8s %-9s %7zu", align, bytes, granular ? "granule" : "",
           elsewhere ? "elsewhere" : "inside", ideal);
    for (size_t e = 0; e < options->engine_count; e++) {
        size_t metadata_bytes;
        long fitted;

        fitting.engine = options->engines[e].engine;
        fitted = fit(&fitting, &metadata_bytes);
        if (fitted < 0) {
            printf(" %13s", "-");
            continue;
        }
        printf(" %6ld %5.1f%%", fitted, 100.0 * (double)fitted / (double)ideal);
        bench_document_add(document,
                           json_pack("{s:s, s:I, s:I, s:I, s:s, s:I, s:I, s:I}", "engine",
                                     options->engines[e].name, "align", (json_int_t)align, "bytes",
                                     (json_int_t)bytes, "granule", (json_int_t)fitting.granule,
                                     "metadata", elsewhere ? "elsewhere" : "inside",
                                     "metadata_bytes", (json_int_t)metadata_bytes, "fitted",
                                     (json_int_t)fitted, "ideal", (json_int_t)ideal));
    }
    printf("\n");
    bench_unmap(fitting.memory, REGION_BYTES);
}

static void time_churn(struct bench_compare *compare, unsigned align)
{
    struct bench_case measured = {.arena_bytes = LIVE * align * 32};
    struct bench_churn churn = {.live = LIVE,
                                .least_shift = (unsigned)__builtin_ctz(align),
                                .most_shift = (unsigned)__builtin_ctz(align) + 3,
                                .align_shift = (unsigned)__builtin_ctz(align),
                                .pairs = compare->options->smoke ? PAIRS_SMOKE : PAIRS,
                                .seed = compare->options->seed};
    struct bench_trace fill, timed;

    bench_churn_make(&churn, &fill, &timed);
    snprintf(measured.name, sizeof(measured.name), "align_%u", align);
    measured.fill = &fill;
    measured.timed = &timed;
    measured.slot_count = fill.slot_count;
    measured.arena_most = 4 * measured.arena_bytes;
    bench_compare_case(compare, &measured);
    bench_trace_free(&fill);
    bench_trace_free(&timed);
}

int main(int argc, char **argv)
{
    static struct bench_compare compare;
    struct bench_options options;

    bench_options_read(&options, "aligned", "Aligned DMA buffers: how many fit, and how fast.",
                       argc, argv);
    bench_compare_open(&compare, &options);
    for (size_t i = 0; i < ALIGNS; i++) {
        time_churn(&compare, aligns[i]);
    }
    printf("\nbuffers that fit in a region of %u bytes\n%-37s %7s", REGION_BYTES,
           "alignment, size, granule, metadata", "ideal");
    for (size_t e = 0; e < options.engine_count; e++) {
        printf(" %13.13s", options.engines[e].name);
    }
    printf("\n");
    for (size_t i = 0; i < ALIGNS; i++) {
        for (unsigned way = 0; way < 8; way++) {
            size_t bytes = (way & 4) == 0 ? aligns[i] : 1536;

            fit_on_all(&options, compare.document, aligns[i], bytes, (way & 2) != 0,
                       (way & 1) != 0);
        }
    }
    bench_compare_close(&compare, false);
    return 0;
}
