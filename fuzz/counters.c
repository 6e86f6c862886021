/* counters.c: counters against the truth, and the validator against counters made wrong. See
 * stage.h. */
#include "stage.h"

#include <smh/port.h>

void fuzz_count(const struct fuzz_stage *stage, size_t index, struct fuzz_counts *counts,
                uint64_t served, uint64_t refused, size_t used_before)
{
    const struct smh_heap *heap = &stage->slots[index].heap;
    size_t used = heap->used_bytes;
    counts->allocated += served;
    counts->failed += refused;
    counts->peak = used > counts->peak ? used : counts->peak;
    counts->peak_most = counts->peak_most > counts->peak ? counts->peak_most : counts->peak;
    if (used_before + used > counts->peak_most && served != 0) {
        counts->peak_most = used_before + used;
    }
    FUZZ_REQUIRE(heap->failed_requests == counts->failed,
                 "step %llu: %llu requests have failed, the heap counts %llu",
                 (unsigned long long)stage->index, (unsigned long long)counts->failed,
                 (unsigned long long)heap->failed_requests);
    FUZZ_REQUIRE(heap->allocated_blocks == counts->allocated,
                 "step %llu: %llu blocks were allocated, the heap counts %llu",
                 (unsigned long long)stage->index, (unsigned long long)counts->allocated,
                 (unsigned long long)heap->allocated_blocks);
    FUZZ_REQUIRE(
        heap->peak_used_bytes >= counts->peak && heap->peak_used_bytes <= counts->peak_most,
        "step %llu: the peak is %zu, not between %zu and %zu", (unsigned long long)stage->index,
        heap->peak_used_bytes, counts->peak, counts->peak_most);
}

void fuzz_judge_stats(const struct fuzz_stage *stage, size_t index, const struct smh_stats *stats)
{
    const struct smh_heap *heap = &stage->slots[index].heap;
    struct smh_chunk chunk = {0};
    size_t used = 0;
    size_t free = 0;
    size_t blocks = 0;
    while (smh_heap_walk(heap, &chunk)) {
        used += chunk.used ? chunk.size : 0;
        free += chunk.used ? 0 : chunk.size;
        blocks += chunk.used;
    }
    FUZZ_REQUIRE(
        stats->region_count == 1 && stats->memory_bytes == stage->size[index] &&
            stats->capacity_bytes == used + free && stats->used_bytes == used &&
            stats->free_bytes == free && stats->live_blocks == blocks,
        "statistics of region %zu: %zu used, %zu free, %zu blocks; by a walk %zu, %zu, %zu", index,
        stats->used_bytes, stats->free_bytes, stats->live_blocks, used, free, blocks);
    FUZZ_REQUIRE(stats->freed_blocks + stats->live_blocks == stats->allocated_blocks,
                 "%llu blocks allocated, %llu freed, %zu live",
                 (unsigned long long)stats->allocated_blocks,
                 (unsigned long long)stats->freed_blocks, stats->live_blocks);
    FUZZ_REQUIRE(stats->peak_used_bytes >= used && stats->peak_used_bytes <= used + free,
                 "the peak is %zu of %zu bytes", stats->peak_used_bytes, used + free);
}

void fuzz_judge_validator(struct fuzz_stage *stage, size_t index, unsigned argument)
{
    struct smh_heap *heap = &stage->slots[index].heap;
    struct smh_heap sound = *heap;
    struct smh_fault fault = {0};
    uint32_t *word = NULL;
    uint32_t bit = 1u << argument / 8 % 32;
    switch (argument % 5) {
    case 0:
        heap->used_bytes += 8 + argument / 8;
        break;
    case 1:
        heap->live_blocks++;
        break;
    case 2:
        heap->peak_used_bytes = heap->used_bytes - 1 - argument / 8;
        break;
    case 3:
        heap->capacity_bytes += 8 + argument / 8;
        break;
    default:
        if (heap->starts != NULL) {
            word = &heap->starts[argument / 256 % (heap->metadata_size / 4)];
            *word ^= bit;
        }
        break;
    }
    bool wrong = word != NULL || memcmp(&sound, heap, sizeof(sound)) != 0;
    int code = smh_heap_check(heap, &fault);
    FUZZ_REQUIRE(!wrong || (code == -EINVAL && fault.rule != NULL),
                 "the validator does not see a wrong counter or mark (%u)", argument % 5);
    *heap = sound;
    if (word != NULL) {
        *word ^= bit;
    }
}
