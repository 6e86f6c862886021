/* naive_tables.c: tables of buddy and of start bitmaps. See naive_tables.h. */
#include "naive_tables.h"

#include "../stage.h"
#include "chunks.h"

/* A bit for each step that memory touches; how many are touched is not known when it is asked. */
static void judge_starts(const struct smh_heap *heap, const struct smh_heap_config *config,
                         size_t asked)
{
    size_t least = config->granule >= 16 ? config->granule : config->target_bits == 32 ? 4 : 8;
    size_t step = smh_heap_alignment(heap);
    uintptr_t last = (uintptr_t)config->memory + config->memory_size - 1;
    size_t touched = last / step - (uintptr_t)config->memory / step + 1;
    size_t wanted = round_up(config->memory_size / least + 2, 32) / 8 + 3;
    FUZZ_REQUIRE(asked == wanted &&
                     (config->metadata == NULL || heap->metadata_size == round_up(touched, 32) / 8),
                 "a start bitmap for %zu bytes in steps of %zu has %zu bytes (%zu asked for), the "
                 "reference %zu (%zu)",
                 config->memory_size, step, heap->metadata_size, asked, round_up(touched, 32) / 8,
                 wanted);
}

void naive_judge_tables(const struct smh_heap *heap, const struct smh_heap_config *config,
                        size_t asked)
{
    if ((heap->engine->flags & SMH_ENGINE_EXACT) == 0) {
        judge_starts(heap, config, asked);
    }
    if (heap->engine != &smh_engine_buddy) {
        return;
    }
    size_t unit = config->granule == 0 ? 16 : config->granule;
    size_t most = config->memory_size / unit;
    size_t heads = 0;
    for (size_t units = most; units != 0 && unit << heads / 4 <= (size_t)1 << 30; units /= 2) {
        heads += 4;
    }
    uintptr_t memory = (uintptr_t)config->memory;
    uintptr_t tables = round_up(config->metadata == NULL ? memory : (uintptr_t)config->metadata, 4);
    uintptr_t first = memory;
    if (config->metadata == NULL) {
        most = (memory + config->memory_size - tables - heads) / (unit + 1);
        first = tables + heads + most;
    }
    size_t units = (memory + config->memory_size - round_up(first, unit)) / unit;
    units = units < most ? units : most;
    FUZZ_REQUIRE(heap->metadata_size == heads + units && heap->capacity_bytes == units * unit &&
                     asked == heads + 3 + config->memory_size / unit,
                 "buddies of %zu bytes in %zu: tables of %zu (%zu asked for), %zu of memory; the "
                 "reference has %zu for %zu units",
                 unit, config->memory_size, heap->metadata_size, asked, heap->capacity_bytes,
                 heads + units, units);
}
