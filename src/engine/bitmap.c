/* SPDX-License-Identifier: Apache-2.0 */
/* bitmap.c: good fit with all metadata out of band: a block holds nothing but the user's bytes.
 *
 * Owns: allocating, freeing and resizing, for every case. The encoding is bitmap_layout.h's, the
 * free chunks by size are bitmap_lists.h's; bitmap_fast.c has the most frequent cases again.
 *
 * Good fit: for a small request a chunk of the very size, or of the nearest small size above, or
 * the reserve. For a large one, the reserve, if it is large enough; else the smallest of four of
 * the class that may hold one that fits, or of the next class that holds any. Last in, first out
 * within a class. The low end of a chunk is handed out; of the largest the high end, for large
 * blocks, which so keep away from the small.
 *
 * The granule may be any power of two from 8 to 4096. A unit is half a granule, but at least 8
 * bytes: with granule 8 (the default) blocks go in steps of 8 from 16 bytes on.
 *
 * Invariants: chunks cover the region; no two free chunks touch; each free chunk is in the list of
 * its class or is the reserve; the bitmap alone says what is a chunk, so no verdict reads memory
 * that a user can write.
 *
 * Time: every operation is bounded whatever the heap's state. What a call does at most: alloc
 * looks into two classes, takes one chunk out and places one rest, or uses the reserve up and then
 * looks for another; free finds two ends and one begin, takes two chunks out and places
 * one. Each of these is a constant number of steps; what grows with the region is one step for each
 * power of 64 (of 32) in the length of a chunk, for its milestones, and the search through six
 * words of maps.
 *
 * NULL: only when no free chunk has smh_bitmap_sufficient_chunk() bytes.
 */
#include "bitmap_engine.h"
#include "bitmap_lists.h"

/* Blocks from here on come from the end of the largest chunk: they do not cut up what small ones
 * use. */
#define LARGE_UNITS 512u

/* What is called twice: one copy where code is to be small. */
#ifdef __OPTIMIZE_SIZE__
#define SHARED static __attribute__((noinline))
#else
#define SHARED SMH_BITMAP_HOT
#endif

/* [at, end), if that is anything, is a free chunk from now on: the reserve, if that is wanted and
 * there is none. */
SHARED void settle(struct smh_bitmap *map, uint32_t at, uint32_t end, bool reserved)
{
    if (at == end) {
        return;
    }
    if (reserved && map->reserve == 0 && end - at >= map->exact) {
        map->reserve = at;
        map->reserve_end = end;
    } else {
        smh_bitmap_place(map, at, end);
    }
}

/*     |                free                 |      marked as free, but in no list
 *     | front |  block of `need`  |  rest   |      front and rest are free; either may be nothing
 *
 * need: 0 for no block, and then no front either. What the block has then. */
SMH_BITMAP_HOT uint32_t divide(struct smh_bitmap *map, struct smh_bitmap_extent free,
                               uint32_t front, uint32_t need, bool reserved)
{
    uint32_t at = free.at + front;
    uint32_t rest = at + need;

    if (need != 0) {
        smh_bitmap_flip(map, front == 0 ? at + 1 : at, 1);
        if (free.end - rest < SMH_BITMAP_SMALLEST) {
            rest = free.end;
        } else {
            smh_bitmap_flip(map, rest, 3);
        }
        smh_bitmap_describe(map, at, rest, true);
    }
    settle(map, rest, free.end, reserved);
    settle(map, free.at, at, reserved);
    return rest - at;
}

/* A block of `need` units from a free chunk, behind `front` others. */
SMH_BITMAP_HOT void *carve(struct smh_heap *heap, struct smh_bitmap_extent chunk, uint32_t front,
                           uint32_t need)
{
    struct smh_bitmap *map = smh_bitmap_of(heap);
    bool had_reserve = map->reserve != 0;

    smh_bitmap_take(map, chunk);
    need = divide(map, chunk, front, need, had_reserve || need < map->exact);
    /* It is used up. If there was none, the lists have been searched: no call does so twice, and
     * bitmap_fast.c takes small chunks without a look at the reserve. */
    if (had_reserve && map->reserve == 0) {
        smh_bitmap_refill(map);
    }
    smh_engine_count_alloc(heap, smh_bitmap_bytes(map, need));
    return (void *)smh_bitmap_address(map, chunk.at + front);
}

#ifndef __OPTIMIZE_SIZE__
/* A block of `need` units, which the reserve has, and enough to remain the reserve: what
 * alloc_listed would do, in fewer steps. */
static __attribute__((noinline)) void *cut_reserve(struct smh_heap *heap, uint32_t need)
{
    struct smh_bitmap *map = smh_bitmap_of(heap);
    uint32_t at = map->reserve;

    if (need >= LARGE_UNITS && smh_bitmap_is_largest(map, map->reserve_end - at)) {
        at = map->reserve_end - need;
        map->reserve_end = at;
        smh_bitmap_flip(map, at, 1);
    } else {
        map->reserve = at + need;
        smh_bitmap_flip(map, at + 1, 1);
        smh_bitmap_flip(map, at + need, 3);
    }
    smh_engine_count_alloc(heap, smh_bitmap_bytes(map, need));
    smh_bitmap_describe(map, at, at + need, true);
    return (void *)smh_bitmap_address(map, at);
}
#endif

/* Units to leave free before a block at a multiple of align in a chunk at `at`. */
static size_t skip_at(const struct smh_bitmap *map, uint32_t at, size_t align)
{
    size_t skip = smh_distance_up(smh_bitmap_address(map, at), align) >> map->unit_shift;

    return skip == 1 ? skip + (align >> map->unit_shift) : skip;
}

/* Units to leave free before a large block, which has the end of the largest chunk. */
SMH_BITMAP_HOT uint32_t front_of_large(const struct smh_bitmap *map, struct smh_bitmap_extent chunk,
                                       uint32_t need)
{
    uint32_t rest = chunk.end - chunk.at - need;

    return need < LARGE_UNITS || rest < SMH_BITMAP_SMALLEST ||
                   !smh_bitmap_is_largest(map, chunk.end - chunk.at)
               ? 0
               : rest;
}

#ifndef __OPTIMIZE_SIZE__

/* failed: what counts when there is no chunk. */
static __attribute__((noinline)) void *alloc_listed(struct smh_heap *heap, size_t units,
                                                    unsigned failed)
{
    struct smh_bitmap *map = smh_bitmap_of(heap);
    struct smh_bitmap_extent chunk;

    chunk.at = 0;
    if (units <= map->units) {
        chunk = smh_bitmap_find(map, (uint32_t)units);
    }
    if (chunk.at == 0) {
        heap->failed_requests += failed;
        return NULL;
    }
    return carve(heap, chunk, front_of_large(map, chunk, (uint32_t)units), (uint32_t)units);
}

/* Of the natural alignment. */
SMH_BITMAP_HOT void *alloc_any(struct smh_heap *heap, size_t bytes, unsigned failed)
{
    const struct smh_bitmap *map = smh_bitmap_view(heap);
    uint32_t reserved = map->reserve_end - map->reserve;
    size_t units = smh_bitmap_units(map, bytes);

    if (units >= map->exact && units <= reserved && reserved - units >= map->exact) {
        return cut_reserve(heap, (uint32_t)units);
    }
    return alloc_listed(heap, units, failed);
}

void *smh_bitmap_acquire_any(struct smh_heap *heap, size_t bytes)
{
    return bytes == 0 ? NULL : alloc_any(heap, bytes, 1);
}

#endif

void *smh_bitmap_aligned_alloc(struct smh_heap *heap, size_t align, size_t bytes)
{
    struct smh_bitmap *map = smh_bitmap_of(heap);
    size_t need = smh_bitmap_units(map, bytes);
    size_t wanted = need;
    bool natural = align >> heap->step_shift <= 1;

#ifndef __OPTIMIZE_SIZE__
    if (natural) {
        return alloc_any(heap, bytes, 0);
    }
#endif
    while (wanted <= map->units) {
        struct smh_bitmap_extent chunk = smh_bitmap_find(map, (uint32_t)wanted);
        size_t front;

        if (chunk.at == 0) {
            break;
        }
        front =
            natural ? front_of_large(map, chunk, (uint32_t)need) : skip_at(map, chunk.at, align);
        if (front <= chunk.end - chunk.at && chunk.end - chunk.at - front >= need) {
            return carve(heap, chunk, (uint32_t)front, (uint32_t)need);
        }
        /* The next one has room wherever it lies. */
        wanted += smh_bitmap_worst_skip(heap, align);
    }
    return NULL;
}

/* --- free ------------------------------------------------------------------------------------- */

/* What the bitmap says about a block and what lies beside it. */
struct block {
    uint32_t at;
    uint32_t end;
    uint32_t start;     /* of the free chunk on the left; at: there is none */
    uint32_t right_end; /* of the free chunk on the right; end: there is none */
};

#ifdef __OPTIMIZE_SIZE__

/* False when no block starts at `at`, a bit between the sentinels. */
static bool look_around(const struct smh_bitmap *map, uint32_t at, struct block *block)
{
    uint32_t mark;

    if (!smh_bitmap_is_used_start(map, at)) {
        return false;
    }
    mark = smh_bitmap_previous(map, at);
    block->at = at;
    block->start = smh_bitmap_mark_is_free(map, mark) ? mark - 1 : at;
    block->end = smh_bitmap_next(map, at);
    block->right_end = block->end;
    if (smh_bitmap_test(map, block->end + 1)) {
        block->right_end = smh_bitmap_next(map, block->end + 1);
    }
    return true;
}

#else

/* False when no block starts at `at`, a bit between the sentinels. Three words tell, mostly.
 * above: the bitmap from `at` on; below: the bits before it. */
SMH_BITMAP_HOT bool look_at_words(const struct smh_bitmap *map, uint32_t at, smh_bitmap_word above,
                                  smh_bitmap_word below, struct block *block)
{
    uint32_t distance;
    uint32_t mark;
    bool is_free;

    if ((above & 3) != 1 || smh_bitmap_is_descriptor(map->words[at / SMH_BITMAP_BITS])) {
        return false;
    }
    if (SMH_BITS_LIKELY(below >= 4)) {
        distance = smh_bitmap_leading(below);
        mark = at - 1 - distance;
        is_free = (below << distance) >> (SMH_BITMAP_BITS - 3) == 6;
    } else if (at == map->reserve_end) {
        mark = map->reserve + 1;
        is_free = true;
    } else {
        mark = smh_bitmap_previous(map, at);
        is_free = smh_bitmap_mark_is_free(map, mark);
    }
    block->at = at;
    block->start = is_free ? mark - 1 : at;
    if (!is_free && mark == at - 1) {
        return false; /* `at` is the second bit of a free chunk's mark */
    }
    if (SMH_BITS_LIKELY(above << 1 != 2)) {
        distance = smh_bitmap_lowest(above - 1);
        block->end = at + distance;
        block->right_end = block->end;
        above = above >> distance >> 1;
        if ((above & 1) != 0) {
            above >>= 1;
            block->right_end = above != 0 ? block->end + 2 + smh_bitmap_lowest(above)
                                          : smh_bitmap_next(map, block->end + 1);
        }
    } else {
        block->end = smh_bitmap_next(map, at);
        block->right_end = block->end;
        if (smh_bitmap_test(map, block->end + 1)) {
            block->right_end = smh_bitmap_next(map, block->end + 1);
        }
    }
    return true;
}

SMH_BITMAP_HOT bool look_around(const struct smh_bitmap *map, uint32_t at, struct block *block)
{
    const smh_bitmap_word *word = &map->words[at / SMH_BITMAP_BITS];

    return look_at_words(map, at, smh_bitmap_funnel(word[0], word[1], at),
                         smh_bitmap_funnel(word[-1], word[0], at), block);
}

#endif

/* Of the address of a block. */
static uint32_t unit_of(const struct smh_bitmap *map, const void *address)
{
    return (uint32_t)(((uintptr_t)address - map->base) >> map->unit_shift);
}

/* Takes a free chunk out, and its mark away. */
static void withdraw(struct smh_bitmap *map, uint32_t at, uint32_t end)
{
    smh_bitmap_take(map, (struct smh_bitmap_extent){at, end});
    smh_bitmap_flip(map, at, 3);
}

/*     |left free|  block  |right free|      a block and the free chunks beside it share their units
 *     |    block    |      free      |      anew, from `start` on, which is at most the block's: it
 *                                           gets `need` of them (0: it is freed), the rest is one
 *                                           free chunk
 *
 * Its bytes go with it. What it has then. */
static uint32_t share(struct smh_bitmap *map, const struct block *block, uint32_t start,
                      uint32_t need)
{
    bool had_reserve = map->reserve != 0;

    smh_bitmap_describe(map, block->at, block->end, false);
    /* The block keeps its mark till the lists are left, and what is left loses its own at once: no
     * link leads to either then. */
    if (start != block->at) {
        withdraw(map, start, block->at);
        if (need != 0) {
            memmove((void *)smh_bitmap_address(map, start),
                    (void *)smh_bitmap_address(map, block->at),
                    smh_bitmap_bytes(map, block->end - block->at));
        }
    }
    if (block->right_end != block->end) {
        withdraw(map, block->end, block->right_end);
    }
    smh_bitmap_flip(map, block->at, 1);
    smh_bitmap_flip(map, start, 3);
    return divide(map, (struct smh_bitmap_extent){start, block->right_end}, 0, need, had_reserve);
}

#ifdef __OPTIMIZE_SIZE__

void smh_bitmap_free(struct smh_heap *heap, void *address)
{
    struct smh_bitmap *map = smh_bitmap_of(heap);
    struct block block;

    if (look_around(map, unit_of(map, address), &block)) {
        smh_engine_count_free(heap, smh_bitmap_bytes(map, block.end - block.at));
        (void)share(map, &block, block.start, 0);
    }
}

#else

/*     |left free|  block  |right free|      the four ways to merge
 *      1 1 0 0 0 1 0 0 0 0 1 1 0 0 0 0
 *      1 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0
 */
int smh_bitmap_merge(struct smh_bitmap *map, uint32_t at, uint32_t end, uint32_t start,
                     uint32_t right_end)
{
    /* right_end may be 0: it was not looked for. */
    /* The reserve is part of it, and stays the reserve. */
    bool kept = false;

    if (SMH_BITS_UNLIKELY(end - at > SMH_BITMAP_LONG)) {
        smh_bitmap_describe(map, at, end, false);
    }
    /* Marks change before a chunk leaves its list: a link that leads back to it, or to the other
     * one, is then no link to a free chunk of that size. */
    smh_bitmap_flip(map, at, start != at ? 1 : 2);
    if (start != at) {
        kept = start == map->reserve;
        if (!kept) {
            smh_bitmap_remove(map, start, at);
        }
    }
    if (right_end != end) {
        if (end == map->reserve) {
            kept = true;
            right_end = map->reserve_end;
            smh_bitmap_flip(map, end, 3);
        } else {
            right_end = right_end != 0 ? right_end : smh_bitmap_next(map, end + 1);
            smh_bitmap_flip(map, end, 3);
            smh_bitmap_remove(map, end, right_end);
        }
    }
    if (kept) {
        map->reserve = start;
        map->reserve_end = right_end;
    } else {
        smh_bitmap_place(map, start, right_end);
    }
    return 0;
}

SMH_BITMAP_HOT int release_block(struct smh_heap *heap, const struct block *block)
{
    struct smh_bitmap *map = smh_bitmap_of(heap);

    smh_engine_count_free(heap, smh_bitmap_bytes(map, block->end - block->at));
    return smh_bitmap_merge(map, block->at, block->end, block->start, block->right_end);
}

__attribute__((noinline)) int smh_bitmap_release_at(struct smh_heap *heap, uint32_t at,
                                                    smh_bitmap_word above, smh_bitmap_word below)
{
    struct smh_bitmap *map = smh_bitmap_of(heap);
    struct block block;

    return look_at_words(map, at, above, below, &block)
               ? release_block(heap, &block)
               : smh_bitmap_verdict(heap, (void *)smh_bitmap_address(map, at));
}

int smh_bitmap_release_any(struct smh_heap *heap, void *address)
{
    struct smh_bitmap *map = smh_bitmap_of(heap);
    uintptr_t at = smh_bitmap_rotate((uintptr_t)address - map->base, map->unit_shift);
    struct block block;

    if (at - SMH_BITMAP_FIRST < map->units && look_around(map, (uint32_t)at, &block)) {
        return release_block(heap, &block);
    }
    if (address == NULL) {
        return 0;
    }
    return (uintptr_t)address - (uintptr_t)heap->memory < heap->memory_size
               ? smh_bitmap_verdict(heap, address)
               : -ENOENT;
}

void smh_bitmap_free(struct smh_heap *heap, void *block)
{
    (void)smh_bitmap_release(heap, block);
}

#endif

/* --- resizing --------------------------------------------------------------------------------- */

static void *reshape(struct smh_heap *heap, void *address, size_t bytes, bool to_left)
{
    struct smh_bitmap *map = smh_bitmap_of(heap);
    size_t units = smh_bitmap_units(map, bytes);
    struct block block;
    uint32_t start;
    uint32_t need;

    if (!look_around(map, unit_of(map, address), &block)) {
        return NULL; /* damaged: a live block was given */
    }
    start = to_left ? block.start : block.at;
    if (units > block.right_end - start || (to_left && start == block.at)) {
        return NULL;
    }
    need = (uint32_t)units;
    if (block.right_end - start - need < SMH_BITMAP_SMALLEST) {
        need = block.right_end - start;
    }
    if (!to_left && start + need == block.end) {
        return address;
    }
    heap->allocated_blocks += to_left;
    need = share(map, &block, start, need);
    smh_engine_count_resize(heap, smh_bitmap_bytes(map, block.end - block.at),
                            smh_bitmap_bytes(map, need));
    return (void *)smh_bitmap_address(map, start);
}

bool smh_bitmap_resize(struct smh_heap *heap, void *block, size_t bytes)
{
    return reshape(heap, block, bytes, false) != NULL;
}

void *smh_bitmap_slide(struct smh_heap *heap, void *block, size_t bytes)
{
    return reshape(heap, block, bytes, true);
}

size_t smh_bitmap_usable_size(const struct smh_heap *heap, const void *block)
{
    const struct smh_bitmap *map = smh_bitmap_view(heap);
    uint32_t at = unit_of(map, block);

    return smh_bitmap_bytes(map, smh_bitmap_next(map, at) - at);
}

const struct smh_engine smh_engine_bitmap = SMH_BITMAP_ENGINE;
