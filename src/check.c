/* SPDX-License-Identifier: Apache-2.0 */
/* check.c: the validator of a whole heap.
 *
 * Owns: the rules that hold for every engine, read off the walk; the engine's own rules come first.
 *
 *     |  used  |  free  |  used  |  used  |      chunks: ascending, disjoint, inside memory
 *      1        0        1        1              start bitmap: exactly the used ones
 *      '------- used + free = capacity ----'     counters: the recount
 *
 * Invariants: changes nothing; ends on any damage (offsets must ascend) and reads only memory and
 * metadata (the engine's check, which bounds the walk, has passed before the walk begins).
 */
#include "heap_private.h"

/* What a walk adds up. */
struct recount {
    size_t used_bytes;
    size_t free_bytes;
    size_t live_blocks;
    size_t largest_request; /* that a single free chunk could hold */
    size_t largest_chunk;   /* bytes of the largest free chunk */
    size_t end;             /* offset at which the last chunk ended */
    size_t next_start;      /* bit of the start bitmap from which on nothing is accounted for */
    bool after_free;        /* the last chunk was free, and touched `end` */
};

static int broken(struct smh_fault *fault, size_t offset, const char *rule)
{
    fault->rule = rule;
    fault->offset = offset;
    return -EINVAL;
}

static int check_used(const struct smh_heap *heap, const struct smh_chunk *chunk,
                      struct recount *recount, struct smh_fault *fault)
{
    size_t start = (uintptr_t)chunk->block - (uintptr_t)heap->memory;

    if (chunk->block == NULL || start < chunk->offset || chunk->usable == 0 ||
        start - chunk->offset > chunk->size ||
        chunk->usable > chunk->size - (start - chunk->offset)) {
        return broken(fault, chunk->offset, "a block lies inside its chunk");
    }
    if (!smh_starts_aligned(heap, chunk->block)) {
        return broken(fault, start, "a block starts at a multiple of the alignment");
    }
    if (smh_engine_of(heap->engine)->usable_size(heap, chunk->block) != chunk->usable) {
        return broken(fault, start, "a block's usable size is what the walk says");
    }
    if (smh_has_starts(heap)) {
        size_t index = smh_starts_index(heap, chunk->block);

        if (smh_starts_next(heap, recount->next_start) != index) {
            return broken(fault, start, "the start bitmap marks exactly the blocks in use");
        }
        recount->next_start = index + 1;
    } else if (smh_engine_of(heap->engine)->verdict(heap, chunk->block) != 0) {
        return broken(fault, start, "the engine knows its own block");
    }
    recount->used_bytes += chunk->size;
    recount->live_blocks++;
    return 0;
}

static int check_free(const struct smh_heap *heap, const struct smh_chunk *chunk,
                      struct recount *recount, struct smh_fault *fault)
{
    if (chunk->block != NULL || chunk->usable > chunk->size) {
        return broken(fault, chunk->offset,
                      "a free chunk has no block and promises no more bytes "
                      "than it has");
    }
    if (recount->after_free && recount->end == chunk->offset &&
        (smh_engine_of(heap->engine)->flags & SMH_ENGINE_PARTIAL_COALESCE) == 0) {
        return broken(fault, chunk->offset, "no two free chunks touch");
    }
    if (chunk->usable > recount->largest_request) {
        recount->largest_request = chunk->usable;
    }
    if (chunk->size > recount->largest_chunk) {
        recount->largest_chunk = chunk->size;
    }
    recount->free_bytes += chunk->size;
    return 0;
}

static int check_chunks(const struct smh_heap *heap, struct recount *recount,
                        struct smh_fault *fault)
{
    struct smh_chunk chunk;

    memset(&chunk, 0, sizeof(chunk));
    while (smh_engine_of(heap->engine)->walk(heap, &chunk)) {
        int result;

        if (chunk.offset < recount->end) {
            return broken(fault, chunk.offset, "chunks ascend and do not overlap");
        }
        if (chunk.size == 0 || chunk.offset > heap->memory_size ||
            chunk.size > heap->memory_size - chunk.offset) {
            return broken(fault, chunk.offset, "a chunk lies inside memory");
        }
        result = chunk.used ? check_used(heap, &chunk, recount, fault)
                            : check_free(heap, &chunk, recount, fault);
        if (result != 0) {
            return result;
        }
        recount->after_free = !chunk.used;
        recount->end = chunk.offset + chunk.size;
    }
    return 0;
}

static int check_counters(const struct smh_heap *heap, const struct recount *recount,
                          struct smh_fault *fault)
{
    size_t largest = smh_engine_of(heap->engine)->largest_free(heap);

    if (recount->used_bytes != heap->used_bytes) {
        return broken(fault, 0, "used bytes are the sum of the chunks in use");
    }
    if (heap->capacity_bytes > heap->memory_size ||
        recount->used_bytes + recount->free_bytes != heap->capacity_bytes) {
        return broken(fault, recount->end, "chunks in use and free chunks make up the capacity");
    }
    if (recount->live_blocks != heap->live_blocks || heap->live_blocks > heap->allocated_blocks) {
        return broken(fault, 0, "live blocks are the chunks in use, and were allocated once");
    }
    if (heap->peak_used_bytes < heap->used_bytes || heap->peak_used_bytes > heap->capacity_bytes) {
        return broken(fault, 0, "the peak lies between used bytes and capacity");
    }
    if (smh_has_starts(heap) && smh_starts_next(heap, recount->next_start) != SIZE_MAX) {
        return broken(fault, recount->end, "the start bitmap marks nothing but blocks in use");
    }
    /* Not every engine finds its largest chunk for every request it could hold; but it must keep
     * the rule that it publishes. */
    if (largest > recount->largest_request) {
        return broken(fault, 0, "the largest request that is promised fits a free chunk");
    }
    if (smh_engine_of(heap->engine)->sufficient_chunk(heap, 0, largest + 1) <=
        recount->largest_chunk) {
        return broken(fault, 0, "the largest request that is promised is the largest that fits");
    }
    return 0;
}

int smh_heap_check(const struct smh_heap *heap, struct smh_fault *fault)
{
    struct smh_fault ignored;
    struct recount recount;
    int result;

    if (fault == NULL) {
        fault = &ignored;
    }
    fault->rule = NULL;
    fault->offset = 0;
    if (!smh_heap_ready(heap)) {
        return broken(fault, 0, "the heap is initialised");
    }
    memset(&recount, 0, sizeof(recount));
    result = smh_engine_of(heap->engine)->check(heap, fault);
    if (result == 0) {
        result = check_chunks(heap, &recount, fault);
    }
    if (result == 0) {
        result = check_counters(heap, &recount, fault);
    }
    return result == 0 ? 0 : -EINVAL;
}
