/* counters.c: counters against the truth, and the validator against counters made wrong. See
 * stage.h. */
#include "../engines.h"
#include "../stage.h"

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

/* Engines that lie about one thing: the validator is to compare what it is told. */
enum lie {
    TWO_HALVES,
    PAST_THE_END,
    LONGER,
    OVER_THE_LAST,
    FREE_BLOCK,
    NO_BLOCK,
    /* Told by other functions, too, so that no comparison of two answers sees them. */
    INTO_THE_NEXT, /* a block's usable size */
    NO_BYTES,
    PROMISES_MORE, /* the largest request */
    PROMISES_LESS,
    STRANGER,          /* the verdict on a block */
    EMPTY,             /* a free chunk of no bytes behind a block */
    FREE_HAS_MORE,     /* than its bytes */
    PROMISES_ONE_MORE, /* than the largest free chunk has */
    LIES
};

static struct {
    const struct smh_engine *engine;
    enum lie lie;
    bool told;
    bool half; /* the upper half of `chunk`, or nothing behind it, is next */
    struct smh_chunk chunk;
    const void *block; /* INTO_THE_NEXT, NO_BYTES: whose */
    size_t usable;
} liar;

static bool can_lie_about(const struct smh_chunk *chunk)
{
    switch (liar.lie) {
    case TWO_HALVES:
        return !chunk->used && chunk->size >= 16;
    case LONGER:
    case NO_BLOCK:
    case INTO_THE_NEXT:
    case NO_BYTES:
    case EMPTY:
        return chunk->used;
    case PROMISES_MORE:
    case PROMISES_ONE_MORE:
    case PROMISES_LESS:
    case STRANGER:
        return false;
    case FREE_BLOCK:
    case FREE_HAS_MORE:
        return !chunk->used;
    case OVER_THE_LAST:
        return chunk->offset >= 8 && chunk->size >= 8 && chunk->used;
    default:
        return true;
    }
}

static bool lying_walk(const struct smh_heap *heap, struct smh_chunk *chunk)
{
    if (liar.half) {
        liar.half = false;
        *chunk = liar.chunk;
        return true;
    }
    size_t before = chunk->offset;
    if (!liar.engine->walk(heap, chunk)) {
        return false;
    }
    if (liar.told || !can_lie_about(chunk) || (liar.lie == OVER_THE_LAST && before == 0)) {
        return true;
    }
    liar.told = true;
    switch (liar.lie) {
    case TWO_HALVES:
        liar.chunk = *chunk;
        liar.half = true;
        chunk->size /= 2;
        chunk->usable = 0;
        liar.chunk.usable = 0;
        liar.chunk.offset += chunk->size;
        liar.chunk.size -= chunk->size;
        break;
    case EMPTY:
        liar.chunk = (struct smh_chunk){.offset = chunk->offset + chunk->size, .next = chunk->next};
        liar.half = true;
        break;
    case FREE_HAS_MORE:
        chunk->usable = chunk->size + 1;
        break;
    case PAST_THE_END:
        chunk->size = heap->memory_size - chunk->offset + 8;
        break;
    case LONGER:
        chunk->usable++;
        break;
    case OVER_THE_LAST:
        chunk->offset = before;
        break;
    case FREE_BLOCK:
        chunk->block = heap->memory + chunk->offset;
        break;
    case INTO_THE_NEXT:
        chunk->usable =
            chunk->size - ((uintptr_t)chunk->block - (uintptr_t)heap->memory - chunk->offset) + 1;
        liar.block = chunk->block;
        liar.usable = chunk->usable;
        break;
    case NO_BYTES:
        chunk->usable = 0;
        liar.block = chunk->block;
        break;
    default:
        chunk->block = NULL;
        break;
    }
    return true;
}

static size_t lying_usable_size(const struct smh_heap *heap, const void *block)
{
    return block == liar.block ? liar.usable : liar.engine->usable_size(heap, block);
}

static size_t lying_largest_free(const struct smh_heap *heap)
{
    size_t largest = liar.engine->largest_free(heap);
    if (liar.lie == PROMISES_MORE) {
        liar.told = true;
        return heap->capacity_bytes + 1;
    }
    struct smh_chunk chunk = {0};
    size_t most = 0;
    while (liar.lie == PROMISES_ONE_MORE && liar.engine->walk(heap, &chunk)) {
        most = !chunk.used && chunk.usable > most ? chunk.usable : most;
    }
    if (most != 0) {
        liar.told = true;
        return most + 1;
    }
    if (liar.lie == PROMISES_LESS && largest != 0) {
        liar.told = true;
        return 0;
    }
    return largest;
}

static int lying_verdict(const struct smh_heap *heap, const void *block)
{
    if (liar.lie == STRANGER) {
        liar.told = true;
        return -EINVAL;
    }
    return liar.engine->verdict(heap, block);
}

/* Its tables and headers have just been found sound, and are as they were. */
static int nothing_to_check(const struct smh_heap *heap, struct smh_fault *fault)
{
    (void)heap;
    (void)fault;
    return 0;
}

/* An engine that lies is not believed. */
static void judge_liar(const struct smh_heap *heap, unsigned argument)
{
    struct smh_engine lying = *heap->engine;
    struct smh_heap copy = *heap;
    struct smh_fault fault = {0};
    lying.check = nothing_to_check;
    lying.walk = lying_walk;
    lying.usable_size = lying_usable_size;
    lying.largest_free = lying_largest_free;
    lying.verdict = lying_verdict;
    copy.engine = &lying;
    memset(&liar, 0, sizeof(liar));
    liar.engine = heap->engine;
    liar.lie = (enum lie)(argument % LIES);
    bool may_touch = (lying.flags & SMH_ENGINE_PARTIAL_COALESCE) != 0 && liar.lie == TWO_HALVES;
    int code = smh_heap_check(&copy, &fault);
    FUZZ_REQUIRE(!liar.told || may_touch || (code == -EINVAL && fault.rule != NULL),
                 "the validator believes an engine that lies (%u)", liar.lie);
}

void fuzz_judge_validator(struct fuzz_stage *stage, size_t index, unsigned argument)
{
    struct smh_heap *heap = &stage->slots[index].heap;
    struct smh_heap sound = *heap;
    struct smh_engine checked = *heap->engine;
    fuzz_judge_damage(stage, index, argument);
    if (argument / 64 % 4 == 0) {
        judge_liar(heap, argument / 256);
    }
    struct smh_fault fault = {0};
    uint32_t *word = NULL;
    uint32_t bit = 1u << argument / 8 % 32;
    bool less = argument / 8 % 2 == 1; /* too little, or too much, by one step or by more */
    size_t off = argument / 16 % 2 == 0 ? 8 : 8 + argument / 8;
    switch (argument % 6) {
    case 5:
        heap->allocated_blocks = heap->live_blocks - (heap->live_blocks != 0);
        break;
    case 0:
        heap->used_bytes += less ? 0 - off : off;
        break;
    case 1:
        heap->live_blocks += less ? SIZE_MAX : 1;
        break;
    case 2:
        heap->peak_used_bytes = heap->used_bytes - 1 - argument / 8;
        break;
    case 3:
        heap->capacity_bytes += off;
        break;
    default:
        if (heap->starts != NULL) {
            word = &heap->starts[argument / 256 % (heap->metadata_size / 4)];
            *word ^= bit;
        }
        break;
    }
    bool wrong = word != NULL || (argument % 6 == 5 ? heap->allocated_blocks < heap->live_blocks
                                                    : memcmp(&sound, heap, sizeof(sound)) != 0);
    /* An engine's check may read the capacity, so that its walk may rely on it. */
    checked.check = argument % 6 == 3 ? checked.check : nothing_to_check;
    heap->engine = &checked;
    FUZZ_REQUIRE(!wrong || (smh_heap_check(heap, &fault) == -EINVAL && fault.rule != NULL),
                 "the validator does not see a wrong counter or mark (%u)", argument % 6);
    /* What zephyr counts by blocks it checks by itself, too, before anything else reads them. */
    FUZZ_REQUIRE(argument % 6 > 1 || !fuzz_engine_is_zephyr(sound.engine) ||
                     sound.engine->check(heap, &fault) == -EINVAL,
                 "the engine's own check does not see a wrong counter (%u)", argument % 6);
    *heap = sound;
    if (word != NULL) {
        *word ^= bit;
    }
}
