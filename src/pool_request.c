/* SPDX-License-Identifier: Apache-2.0 */
/* pool_request.c: allocating, resizing and freeing in a pool.
 *
 * Owns: which region a request is tried in, and in which order; reserves; moving between regions.
 *
 *     fixed policy:    by_rank[0], by_rank[1], ...   each that matches, until one serves
 *     ranks change:    all ranks -> the lowest (rank, slot) is tried -> all ranks -> the next ...
 *                      who serves takes a turn, where the policy rotates
 *     realloc:         in place -> elsewhere in its region -> as a request, without that region
 *                      (from the start as a request where the region does not match)
 *
 * Invariants: a slot's heap is touched under its lock alone; user data is copied and cleared under
 * none; a request that fails leaves every block as it was.
 */
#include "heap_private.h"
#include "pool_private.h"

static void count_failure(struct smh_pool *pool)
{
    smh_pool_lock(pool);
    pool->failed_requests++;
    smh_pool_unlock(pool);
}

static size_t largest_free(const struct smh_pool_slot *slot)
{
    return smh_engine_of(slot->heap.engine)->largest_free(&slot->heap);
}

static bool reserve_applies(const struct smh_pool_slot *slot, uint32_t attr)
{
    return slot->region.reserve_bytes != 0 && slot->region.attr != attr;
}

/* For a request that may not touch the reserve. What it would leave is known only afterwards. */
static void *alloc_beside_reserve(struct smh_pool_slot *slot, size_t align, size_t bytes)
{
    struct smh_heap *heap = &slot->heap;
    size_t peak_used_bytes = heap->peak_used_bytes;
    uint64_t allocated_blocks = heap->allocated_blocks;
    void *block;

    if (largest_free(slot) < slot->region.reserve_bytes) {
        heap->failed_requests++;
        return NULL;
    }
    block = smh_heap_aligned_alloc(heap, align, bytes);
    if (block == NULL || largest_free(slot) >= slot->region.reserve_bytes) {
        return block;
    }
    smh_heap_free(heap, block);
    heap->peak_used_bytes = peak_used_bytes;
    heap->allocated_blocks = allocated_blocks;
    heap->failed_requests++;
    return NULL;
}

static void *alloc_in_slot(struct smh_pool *pool, struct smh_pool_slot *slot, uint32_t attr,
                           size_t align, size_t bytes)
{
    void *block;

    smh_pool_lock_slot(pool, slot);
    block = reserve_applies(slot, attr) ? alloc_beside_reserve(slot, align, bytes)
                                        : smh_heap_aligned_alloc(&slot->heap, align, bytes);
    smh_pool_unlock_slot(pool, slot);
    return block;
}

/* In the order of a fixed policy. The count is read anew each time: an entry that an add moves
 * upwards meanwhile stays ahead of this loop. */
void *smh_pool_allocate_in_order(struct smh_pool *pool, const struct smh_pool_slot *skip,
                                 uint32_t attr, size_t align, size_t bytes)
{
    const struct smh_pool_slot *tried = skip;

    for (uint32_t i = 0; i < smh_pool_published(pool); i++) {
        struct smh_pool_slot *slot = &pool->slots[smh_pool_order_get(pool, SMH_BY_RANK, i)];
        void *block;

        if (slot == skip || slot == tried || !smh_pool_matches(pool, slot, attr)) {
            continue;
        }
        block = alloc_in_slot(pool, slot, attr, align, bytes);
        if (block != NULL) {
            return block;
        }
        tried = slot;
    }
    return NULL;
}

/* A candidate of a policy whose ranks change. */
struct candidate {
    struct smh_pool_slot *slot;
    uint64_t rank;
    uint32_t index;
};

static uint64_t rank_of(struct smh_pool *pool, struct smh_pool_slot *slot, size_t align,
                        size_t bytes)
{
    const struct smh_policy *policy = pool->policy;
    bool large = policy->rank_large != NULL && bytes > pool->threshold_bytes;
    uint64_t rank;

    if (!policy->lockless) {
        smh_pool_lock_slot(pool, slot);
    }
    rank = (large ? policy->rank_large : policy->rank)(slot, align, bytes);
    if (!policy->lockless) {
        smh_pool_unlock_slot(pool, slot);
    }
    return rank;
}

/* The slot has served: its turn becomes the last. Two threads may draw the same number, and tie.
 * When the numbers are used up, all begin anew. */
static void take_turn(struct smh_pool *pool, struct smh_pool_slot *slot)
{
    uint32_t turn = __atomic_load_n(&pool->turn, __ATOMIC_RELAXED) + 1;

    if (turn == 0) {
        for (uint32_t i = 0; i < smh_pool_published(pool); i++) {
            __atomic_store_n(&pool->slots[i].turn, 0, __ATOMIC_RELAXED);
        }
        turn = 1;
    }
    __atomic_store_n(&pool->turn, turn, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->turn, turn, __ATOMIC_RELAXED);
}

/* The next candidate behind `last` (slot NULL: the first) in the order of (rank, index), with
 * slot NULL when there is none. *rank_sum tells whether ranks have moved since the last look. */
static struct candidate next_candidate(struct smh_pool *pool, const struct smh_pool_slot *skip,
                                       const struct candidate *last, uint32_t attr, size_t align,
                                       size_t bytes, uint64_t *rank_sum)
{
    struct candidate best = {NULL, 0, 0};

    *rank_sum = 0;
    for (uint32_t i = 0; i < smh_pool_published(pool); i++) {
        struct smh_pool_slot *slot = &pool->slots[i];
        uint64_t rank;

        if (slot == skip || !smh_pool_matches(pool, slot, attr)) {
            continue;
        }
        rank = rank_of(pool, slot, align, bytes);
        *rank_sum += rank;
        if (last->slot != NULL && (rank < last->rank || (rank == last->rank && i <= last->index))) {
            continue;
        }
        if (best.slot == NULL || rank < best.rank) {
            best = (struct candidate){slot, rank, i};
        }
    }
    return best;
}

/* By rank, asked anew for each try. Where other threads have moved ranks in between, a region may
 * have been passed over: then all are tried once more, in the order of adding. */
void *smh_pool_allocate_by_rank(struct smh_pool *pool, const struct smh_pool_slot *skip,
                                uint32_t attr, size_t align, size_t bytes)
{
    struct candidate last = {NULL, 0, 0};
    uint64_t first_sum = 0;
    bool moved = false;

    for (;;) {
        uint64_t sum;
        struct candidate next = next_candidate(pool, skip, &last, attr, align, bytes, &sum);
        void *block;

        if (last.slot == NULL) {
            first_sum = sum;
        }
        moved = moved || sum != first_sum;
        if (next.slot == NULL) {
            break;
        }
        block = alloc_in_slot(pool, next.slot, attr, align, bytes);
        if (block != NULL) {
            if (pool->policy->rotates) {
                take_turn(pool, next.slot);
            }
            return block;
        }
        last = next;
    }
    return moved ? smh_pool_allocate_in_order(pool, skip, attr, align, bytes) : NULL;
}

void *smh_pool_alloc(struct smh_pool *pool, uint32_t attr, size_t bytes)
{
    return smh_pool_aligned_alloc(pool, attr, 0, bytes);
}

void *smh_pool_aligned_alloc(struct smh_pool *pool, uint32_t attr, size_t align, size_t bytes)
{
    void *block = NULL;

    if (!smh_pool_ready(pool) || bytes == 0) {
        return NULL;
    }
    if (smh_valid_align(align)) {
        block = pool->allocate(pool, NULL, attr, align, bytes);
    }
    if (block == NULL) {
        count_failure(pool);
    }
    return block;
}

void *smh_pool_alloc_prefer(struct smh_pool *pool, const uint32_t *attrs, size_t count,
                            size_t align, size_t bytes)
{
    if (!smh_pool_ready(pool) || bytes == 0) {
        return NULL;
    }
    if (attrs != NULL && smh_valid_align(align)) {
        for (size_t i = 0; i < count; i++) {
            void *block = pool->allocate(pool, NULL, attrs[i], align, bytes);

            if (block != NULL) {
                return block;
            }
        }
    }
    count_failure(pool);
    return NULL;
}

void *smh_pool_calloc(struct smh_pool *pool, uint32_t attr, size_t count, size_t bytes)
{
    size_t total;
    void *block;

    if (!smh_pool_ready(pool)) {
        return NULL;
    }
    if (!smh_product(count, bytes, &total)) {
        count_failure(pool);
        return NULL;
    }
    block = smh_pool_aligned_alloc(pool, attr, 0, total);
    if (block != NULL) {
        memset(block, 0, total);
    }
    return block;
}

int smh_pool_free(struct smh_pool *pool, void *block)
{
    struct smh_pool_slot *slot;
    int result;

    if (block == NULL) {
        return 0;
    }
    slot = smh_pool_slot_of(pool, block);
    if (slot == NULL) {
        return -ENOENT;
    }
    smh_pool_lock_slot(pool, slot);
    result = smh_heap_free(&slot->heap, block);
    smh_pool_unlock_slot(pool, slot);
    return result;
}

/* Grows or shrinks in place, with the slot's lock held, and not into a reserve. */
static bool resize_in_slot(struct smh_pool_slot *slot, uint32_t attr, void *block, size_t usable,
                           size_t bytes)
{
    size_t peak_used_bytes = slot->heap.peak_used_bytes;

    if (!smh_heap_resize(&slot->heap, block, bytes)) {
        return false;
    }
    if (bytes <= usable || !reserve_applies(slot, attr) ||
        largest_free(slot) >= slot->region.reserve_bytes) {
        return true;
    }
    smh_heap_resize(&slot->heap, block, usable);
    slot->heap.peak_used_bytes = peak_used_bytes;
    return false;
}

void *smh_pool_realloc(struct smh_pool *pool, uint32_t attr, void *block, size_t bytes)
{
    return smh_pool_aligned_realloc(pool, attr, block, 0, bytes);
}

void *smh_pool_aligned_realloc(struct smh_pool *pool, uint32_t attr, void *block, size_t align,
                               size_t bytes)
{
    struct smh_pool_slot *slot;
    void *moved = NULL;
    size_t usable;
    bool stays;

    if (block == NULL) {
        return smh_pool_aligned_alloc(pool, attr, align, bytes);
    }
    if (bytes == 0) {
        smh_pool_free(pool, block);
        return NULL;
    }
    slot = smh_pool_slot_of(pool, block);
    if (slot == NULL) {
        return NULL;
    }
    stays = smh_valid_align(align) && smh_pool_matches(pool, slot, attr);
    smh_pool_lock_slot(pool, slot);
    usable = smh_heap_usable_size(&slot->heap, block);
    if (stays && (align == 0 || ((uintptr_t)block & (align - 1)) == 0) &&
        resize_in_slot(slot, attr, block, usable, bytes)) {
        smh_pool_unlock_slot(pool, slot);
        return block;
    }
    smh_pool_unlock_slot(pool, slot);
    if (usable == 0) {
        return NULL; /* no block */
    }
    if (stays) {
        moved = alloc_in_slot(pool, slot, attr, align, bytes);
    }
    if (moved == NULL && smh_valid_align(align)) {
        moved = pool->allocate(pool, slot, attr, align, bytes);
    }
    if (moved == NULL) {
        count_failure(pool);
        return NULL;
    }
    memcpy(moved, block, usable < bytes ? usable : bytes);
    smh_pool_free(pool, block);
    return moved;
}
