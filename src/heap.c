/* SPDX-License-Identifier: Apache-2.0 */
/* heap.c: one region, whatever its engine.
 *
 * Owns: checking arguments and pointers, the start bitmap of in-band engines, moving on realloc,
 * and the counter of refusals. Engines do the rest (engine.h).
 *
 *     alloc:  engine->alloc ---------------> set start bit
 *     free:   start bit set? -> clear it --> engine->free
 *                    '-- no -> which chunk? -> -EALREADY (free space) or -EINVAL
 *
 * Invariants: an engine is never handed a pointer that is not a live block (without a start
 * bitmap: that its own verdict does not take for one); what is refused has changed nothing.
 */
#include "heap_private.h"

#define BITS_PER_WORD  32u
#define BYTES_PER_WORD 4u

#ifdef SMH_SINGLE_ENGINE

static bool engine_is_complete(const struct smh_engine *engine)
{
    return engine == NULL || engine->init == smh_bitmap_init; /* by name it would be linked */
}

#else

static bool engine_is_complete(const struct smh_engine *engine)
{
    if (engine->abi != SMH_ENGINE_ABI || engine->name == NULL || engine->init == NULL ||
        engine->alloc == NULL || engine->aligned_alloc == NULL || engine->free == NULL ||
        engine->resize == NULL || engine->usable_size == NULL || engine->verdict == NULL) {
        return false;
    }
    if (engine->largest_free == NULL || engine->sufficient_chunk == NULL || engine->walk == NULL ||
        engine->check == NULL) {
        return false;
    }
    /* Tables of its own and a start bitmap would both want `metadata`. */
    return (engine->flags & SMH_ENGINE_EXACT) != 0 || engine->metadata_size == NULL;
}

#endif

static bool wants_start_bitmap(const struct smh_engine *engine)
{
    return (smh_engine_of(engine)->flags & SMH_ENGINE_EXACT) == 0;
}

/* Fills in the defaults. 0 or -EINVAL; looks at no address. */
static int normalise(struct smh_heap_config *config)
{
#ifndef SMH_SINGLE_ENGINE
    if (config->engine == NULL) {
        config->engine = SMH_ENGINE_DEFAULT;
    }
#endif
    if (config->target_bits == 0) {
        config->target_bits = sizeof(void *) * 8;
    }
    if (config->target_bits != 32 && config->target_bits != 64) {
        return -EINVAL;
    }
    if (config->granule != 0 && !smh_is_power_of_two(config->granule)) {
        return -EINVAL;
    }
    return engine_is_complete(config->engine) ? 0 : -EINVAL;
}

/* Memory and metadata must be ranges that do not wrap and do not touch. */
static int check_ranges(const struct smh_heap_config *config)
{
    uintptr_t memory = (uintptr_t)config->memory;
    uintptr_t metadata = (uintptr_t)config->metadata;

    if (config->memory == NULL || config->memory_size > UINTPTR_MAX - memory) {
        return -EINVAL;
    }
    if (config->metadata == NULL) {
        return 0;
    }
    if (config->metadata_size > UINTPTR_MAX - metadata || metadata - memory < config->memory_size ||
        memory - metadata < config->metadata_size) {
        return -EINVAL;
    }
    return 0;
}

/* Bytes of a start bitmap with a bit for each of `bits` steps, placed at any address. */
static size_t bitmap_size(size_t bits)
{
    size_t words = (bits - 1) / BITS_PER_WORD + 1;

    return words * BYTES_PER_WORD + (BYTES_PER_WORD - 1);
}

size_t smh_heap_metadata_size(const struct smh_heap_config *given)
{
    struct smh_heap_config config;
    unsigned step_shift;

    if (given == NULL) {
        return 0;
    }
    config = *given;
    if (normalise(&config) != 0 || config.memory_size == 0) {
        return 0;
    }
    if (!wants_start_bitmap(config.engine)) {
        return smh_engine_of(config.engine)->metadata_size == NULL
                   ? 0
                   : smh_engine_of(config.engine)->metadata_size(&config);
    }
    step_shift =
        config.target_bits == 32 ? SMH_ENGINE_STEP_SHIFT_MIN_32 : SMH_ENGINE_STEP_SHIFT_MIN_64;
    if (config.granule >= 16) {
        step_shift = smh_floor_log2(config.granule);
    }
    /* Memory that starts and ends inside a step touches one more than it has bytes for. */
    return bitmap_size((config.memory_size >> step_shift) + 2);
}

/* Lays the start bitmap into what the caller gave. */
static int place_start_bitmap(struct smh_heap *heap, const struct smh_heap_config *config)
{
    size_t slack = smh_distance_up((uintptr_t)config->metadata, BYTES_PER_WORD);
    size_t words = (smh_starts_count(heap) - 1) / BITS_PER_WORD + 1;

    if (config->metadata_size < slack || (config->metadata_size - slack) / BYTES_PER_WORD < words) {
        return -ENOMEM;
    }
    heap->metadata = (uint8_t *)config->metadata + slack;
    heap->metadata_size = words * BYTES_PER_WORD;
    heap->starts = (uint32_t *)(void *)heap->metadata;
    memset(heap->starts, 0, heap->metadata_size);
    return 0;
}

static void *alloc_in_steps(struct smh_heap *heap, size_t bytes);
static int free_in_steps(struct smh_heap *heap, void *block);

/* What alloc and free call: known since init, or since the compiler ran. */
#ifdef SMH_SINGLE_ENGINE
#define ACQUIRE(heap) \
    (smh_single_engine.acquire != NULL ? smh_single_engine.acquire : alloc_in_steps)
#define RELEASE(heap) \
    (smh_single_engine.release != NULL ? smh_single_engine.release : free_in_steps)
#else
#define ACQUIRE(heap) ((heap)->acquire)
#define RELEASE(heap) ((heap)->release)
#endif

int smh_heap_init(struct smh_heap *heap, const struct smh_heap_config *given)
{
    struct smh_heap_config config;
    bool bitmap_wanted;
    int result;

    if (heap == NULL) {
        return -EINVAL;
    }
    memset(heap, 0, sizeof(*heap));
    if (given == NULL) {
        return -EINVAL;
    }
    config = *given;
    result = normalise(&config);
    if (result == 0) {
        result = check_ranges(&config);
    }
    if (result != 0) {
        return result;
    }
    if (config.memory_size == 0) {
        return -ENOMEM;
    }
    bitmap_wanted = wants_start_bitmap(config.engine) && config.metadata != NULL;
    if (wants_start_bitmap(config.engine)) {
        config.metadata = NULL;
        config.metadata_size = 0;
    }
    heap->engine = config.engine;
    heap->memory = config.memory;
    heap->memory_size = config.memory_size;
    heap->target_bits = (uint16_t)config.target_bits;
    result = smh_engine_of(config.engine)->init(heap, &config);
    if (result == 0 && bitmap_wanted) {
        result = place_start_bitmap(heap, given);
    }
    if (result != 0) {
        memset(heap, 0, sizeof(*heap));
        return result;
    }
#ifndef SMH_SINGLE_ENGINE
    heap->acquire = config.engine->acquire != NULL ? config.engine->acquire : alloc_in_steps;
    heap->release = config.engine->release != NULL ? config.engine->release : free_in_steps;
#endif
    heap->initialised = SMH_HEAP_MAGIC;
    return 0;
}

size_t smh_starts_next(const struct smh_heap *heap, size_t from)
{
    size_t words = heap->metadata_size / BYTES_PER_WORD;
    size_t word = from / BITS_PER_WORD;
    uint32_t bits;

    if (word >= words) {
        return SIZE_MAX;
    }
    bits = heap->starts[word] & (UINT32_MAX << (from % BITS_PER_WORD));
    while (bits == 0) {
        word++;
        if (word == words) {
            return SIZE_MAX;
        }
        bits = heap->starts[word];
    }
    return word * BITS_PER_WORD + smh_lowest_bit_u32(bits);
}

size_t smh_starts_previous(const struct smh_heap *heap, size_t from)
{
    size_t word = from / BITS_PER_WORD;
    uint32_t bits = heap->starts[word] & (UINT32_MAX >> (BITS_PER_WORD - 1 - from % BITS_PER_WORD));

    while (bits == 0) {
        if (word == 0) {
            return SIZE_MAX;
        }
        word--;
        bits = heap->starts[word];
    }
    return word * BITS_PER_WORD + smh_floor_log2_u32(bits);
}

/* Why an address inside memory is not the start of a block: what lies there? The walk begins at the
 * nearest block below, where there is one and the engine can (no start bit: a step before memory,
 * which is outside). */
static int explain_refusal(const struct smh_heap *heap, const void *address)
{
    size_t offset = (uintptr_t)address - (uintptr_t)heap->memory;
    size_t start = smh_starts_previous(heap, smh_starts_index(heap, address));
    size_t step_of_memory = (uintptr_t)heap->memory >> heap->step_shift;
    const void *block = (const void *)((step_of_memory + start) << heap->step_shift);
    struct smh_chunk chunk;

    memset(&chunk, 0, sizeof(chunk));
    /* A damaged start bitmap is not believed: what it names must stand up without it. */
    if (smh_engine_of(heap->engine)->chunk_of != NULL && smh_heap_inside(heap, block) &&
        smh_engine_of(heap->engine)->verdict(heap, block) == 0) {
        smh_engine_of(heap->engine)->chunk_of(heap, block, &chunk);
    }
    while (smh_engine_of(heap->engine)->walk(heap, &chunk)) {
        if (offset < chunk.offset) {
            break; /* in the block below, or between chunks: a table */
        }
        if (offset - chunk.offset < chunk.size) {
            return chunk.used ? -EINVAL : -EALREADY;
        }
    }
    return -EINVAL;
}

/* The verdict on a pointer; NULL is in no memory. */
static inline int judge(const struct smh_heap *heap, const void *block)
{
    if (!smh_heap_ready(heap) || !smh_heap_inside(heap, block)) {
        return -ENOENT;
    }
    if (!smh_has_starts(heap)) {
        int verdict = smh_engine_of(heap->engine)->verdict(heap, block);

        /* What an engine infers from a header does not tell an address from its neighbours. */
        return verdict == 0 && !smh_starts_aligned(heap, block) ? -EINVAL : verdict;
    }
    if (smh_starts_aligned(heap, block) && smh_starts_test(heap, smh_starts_index(heap, block))) {
        return 0;
    }
    return explain_refusal(heap, block);
}

int smh_heap_verdict(const struct smh_heap *heap, const void *block)
{
    return block == NULL ? -EINVAL : judge(heap, block);
}

/* What the engine finds; align is valid. */
static inline void *obtain(struct smh_heap *heap, size_t align, size_t bytes)
{
#ifndef SMH_SINGLE_ENGINE
    if (align == 0) {
        return heap->engine->alloc(heap, bytes);
    }
#endif
    return smh_engine_of(heap->engine)->aligned_alloc(heap, align, bytes);
}

/* Book-keeping of heap.c around an engine's answer. */
static inline void *finish_alloc(struct smh_heap *heap, void *block)
{
    if (block == NULL) {
        heap->failed_requests++;
    } else if (smh_has_starts(heap)) {
        smh_starts_set(heap, smh_starts_index(heap, block));
    }
    return block;
}

static inline void release(struct smh_heap *heap, void *block)
{
    if (smh_has_starts(heap)) {
        smh_starts_clear(heap, smh_starts_index(heap, block));
    }
    smh_engine_of(heap->engine)->free(heap, block);
}

static void *alloc_in_steps(struct smh_heap *heap, size_t bytes)
{
    return bytes == 0 ? NULL : finish_alloc(heap, smh_engine_of(heap->engine)->alloc(heap, bytes));
}

void *smh_heap_alloc(struct smh_heap *heap, size_t bytes)
{
    if (SMH_BITS_UNLIKELY(!smh_heap_ready(heap))) {
        return NULL;
    }
    return ACQUIRE(heap)(heap, bytes);
}

void *smh_heap_aligned_alloc(struct smh_heap *heap, size_t align, size_t bytes)
{
    if (!smh_heap_ready(heap) || bytes == 0) {
        return NULL;
    }
    return finish_alloc(heap, smh_valid_align(align) ? obtain(heap, align, bytes) : NULL);
}

void *smh_heap_realloc(struct smh_heap *heap, void *block, size_t bytes)
{
    return smh_heap_aligned_realloc(heap, block, 0, bytes);
}

void *smh_heap_aligned_realloc(struct smh_heap *heap, void *block, size_t align, size_t bytes)
{
    void *moved;
    size_t usable;

    if (block == NULL) {
        return smh_heap_aligned_alloc(heap, align, bytes);
    }
    if (judge(heap, block) != 0) {
        return NULL;
    }
    if (bytes == 0) {
        release(heap, block);
        return NULL;
    }
    if (!smh_valid_align(align)) {
        return finish_alloc(heap, NULL);
    }
    if ((align == 0 || ((uintptr_t)block & (align - 1)) == 0) &&
        smh_engine_of(heap->engine)->resize(heap, block, bytes)) {
        return block;
    }
    moved = obtain(heap, align, bytes);
    if (moved == NULL && smh_engine_of(heap->engine)->slide != NULL &&
        align >> heap->step_shift <= 1) {
        moved = smh_engine_of(heap->engine)->slide(heap, block, bytes);
        if (moved != NULL) {
            return moved;
        }
    }
    if (finish_alloc(heap, moved) == NULL) {
        return NULL;
    }
    usable = smh_engine_of(heap->engine)->usable_size(heap, block);
    memcpy(moved, block, usable < bytes ? usable : bytes);
    release(heap, block);
    return moved;
}

bool smh_heap_resize(struct smh_heap *heap, void *block, size_t bytes)
{
    if (bytes == 0 || judge(heap, block) != 0) {
        return false;
    }
    return smh_engine_of(heap->engine)->resize(heap, block, bytes);
}

static int free_in_steps(struct smh_heap *heap, void *block)
{
    int verdict;

    if (block == NULL) {
        return 0;
    }
    verdict = judge(heap, block);
    if (verdict == 0) {
        release(heap, block);
    }
    return verdict;
}

int smh_heap_free(struct smh_heap *heap, void *block)
{
    if (SMH_BITS_UNLIKELY(!smh_heap_ready(heap))) {
        return block == NULL ? 0 : -ENOENT;
    }
    return RELEASE(heap)(heap, block);
}

size_t smh_heap_usable_size(const struct smh_heap *heap, const void *block)
{
    if (judge(heap, block) != 0) {
        return 0;
    }
    return smh_engine_of(heap->engine)->usable_size(heap, block);
}

size_t smh_heap_alignment(const struct smh_heap *heap)
{
    return smh_heap_ready(heap) ? (size_t)1 << heap->step_shift : 0;
}

bool smh_heap_contains(const struct smh_heap *heap, const void *address)
{
    return smh_heap_ready(heap) && smh_heap_inside(heap, address);
}

void smh_heap_stats(const struct smh_heap *heap, struct smh_stats *stats)
{
    if (stats == NULL) {
        return;
    }
    memset(stats, 0, sizeof(*stats));
    if (!smh_heap_ready(heap)) {
        return;
    }
    stats->region_count = 1;
    stats->memory_bytes = heap->memory_size;
    stats->capacity_bytes = heap->capacity_bytes;
    stats->used_bytes = heap->used_bytes;
    stats->peak_used_bytes = heap->peak_used_bytes;
    stats->free_bytes = heap->capacity_bytes - heap->used_bytes;
    stats->largest_free_bytes = smh_engine_of(heap->engine)->largest_free(heap);
    stats->live_blocks = heap->live_blocks;
    stats->allocated_blocks = heap->allocated_blocks;
    stats->freed_blocks = heap->allocated_blocks - heap->live_blocks;
    stats->failed_requests = heap->failed_requests;
}

void smh_heap_reset_peak(struct smh_heap *heap)
{
    if (smh_heap_ready(heap)) {
        heap->peak_used_bytes = heap->used_bytes;
    }
}

bool smh_heap_walk(const struct smh_heap *heap, struct smh_chunk *chunk)
{
    return smh_heap_ready(heap) && chunk != NULL && smh_engine_of(heap->engine)->walk(heap, chunk);
}
