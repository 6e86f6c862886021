/* SPDX-License-Identifier: Apache-2.0 */
/* bitmap_fast.c: the bitmap engine's most frequent cases, without a call.
 *
 * Owns: alloc of small requests from a list of small chunks or from the reserve, and free where
 * three words of the bitmap tell all that lies around the block and what it merges with is small
 * or the reserve. Whatever is not so goes to bitmap.c, before anything has changed.
 *
 *     bit     at - 64        at          at + 63
 *     words   [-1]     |     [0]     |     [1]          two windows of 64 bits
 *                '---- below ----''---- above ----'
 *
 * Invariants: the same placements as bitmap.c, which alone serves where code is to be small, a
 * register holds less than 64 bits, or the unit is not 8 bytes.
 */
#include "bitmap_lists.h"

#if UINTPTR_MAX > UINT32_MAX && !defined(__OPTIMIZE_SIZE__)

#define UNIT_SHIFT SMH_BITMAP_FAST_SHIFT

#define HOT  static inline __attribute__((always_inline))
#define COLD static __attribute__((noinline))

/* The number of the highest set bit. Compilers that know how it is found count from the other end
 * and back. */
HOT uint32_t highest(uint64_t value)
{
    uint32_t high = 63 ^ (uint32_t)__builtin_clzll(value);

    __asm__("" : "+r"(high));
    return high;
}

/* What stays the same while links are written, in registers. */
struct view {
    uintptr_t base;
    uint64_t *words;
    uint32_t *heads;
};

HOT struct view view_of(const struct smh_bitmap *map)
{
    return (struct view){map->base, (uint64_t *)map->words, map->heads};
}

HOT struct smh_bitmap_links *links_at(struct view view, uint64_t at)
{
    return (struct smh_bitmap_links *)(view.base + (at << UNIT_SHIFT));
}

HOT void flip(struct view view, uint32_t at)
{
    view.words[at / 64] ^= (uint64_t)1 << (at % 64);
}

/* The bits at + 1, at + distance and the one behind that. */
HOT void flip_three(struct view view, uint32_t at, uint32_t distance)
{
    uint32_t shift = at % 64;

    if (SMH_BITS_LIKELY(shift + distance <= 62)) {
        view.words[at / 64] ^= (2 | (uint64_t)3 << distance) << shift;
    } else {
        flip(view, at + 1);
        flip(view, at + distance);
        flip(view, at + distance + 1);
    }
}

HOT void flip_class(struct smh_bitmap *map, uint32_t size)
{
    map->maps[0] ^= (uint64_t)1 << size;
}

/* links: of the chunk at `at`. */
HOT void insert_links(struct smh_bitmap *map, struct view view, struct smh_bitmap_links *links,
                      uint32_t at, uint32_t size)
{
    uint32_t next = view.heads[size];

    links->next = next;
    view.heads[size] = at;
    if (next != 0) {
        links_at(view, next)->previous = at;
    } else {
        flip_class(map, size);
    }
}

HOT void insert(struct smh_bitmap *map, struct view view, uint32_t at, uint32_t size)
{
    insert_links(map, view, links_at(view, at), at, size);
}

/* Whether a free chunk of a size below 63 starts at `at`, from two words at once. */
HOT bool is_free(const struct smh_bitmap *map, struct view view, uint32_t at, uint32_t size)
{
    const uint64_t *word = &view.words[(at - 1) / 64];
    uint64_t window;

    if (at - SMH_BITMAP_FIRST >= map->units) {
        return false;
    }
    window = smh_bitmap_funnel(word[0], word[1], at - 1);
    if (SMH_BITS_UNLIKELY((window ^ 6) << (62 - size) != (uint64_t)1 << 63)) {
        return false;
    }
    return SMH_BITS_LIKELY(!smh_bitmap_is_descriptor(word[0] | word[1])) ||
           (!smh_bitmap_is_descriptor(word[0]) && !smh_bitmap_is_descriptor(word[1]));
}

/* The first of a list leaves it. Its marks have changed already: a link of a chunk to itself is
 * then no link to a free chunk of that size. So it is for take_out. */
HOT void pop(struct smh_bitmap *map, struct view view, uint32_t at, uint32_t size)
{
    uint32_t next = links_at(view, at)->next;

    if (next != 0 && is_free(map, view, next, size)) {
        view.heads[size] = next;
    } else {
        view.heads[size] = 0;
        flip_class(map, size);
    }
}

HOT void take_out(struct smh_bitmap *map, struct view view, uint32_t at, uint32_t size)
{
    uint32_t next;
    uint32_t previous;

    if (view.heads[size] == at) {
        pop(map, view, at, size);
        return;
    }
    next = links_at(view, at)->next;
    if (next != 0 && !is_free(map, view, next, size)) {
        next = 0;
    }
    previous = links_at(view, at)->previous;
    if (is_free(map, view, previous, size)) {
        links_at(view, previous)->next = next;
    } else {
        previous = 0;
    }
    if (next != 0) {
        links_at(view, next)->previous = previous;
    }
}

/* --- alloc ------------------------------------------------------------------------------------ */

HOT void *finish(struct smh_heap *heap, struct view view, uint32_t at, uint64_t units)
{
    smh_engine_count_alloc(heap, units << UNIT_SHIFT);
    return links_at(view, at);
}

/* The first of a list becomes a block; the rest goes into a list. */
COLD void *take_part(struct smh_heap *heap, uint32_t at, uint32_t size, uint32_t need)
{
    struct smh_bitmap *map = smh_bitmap_of(heap);
    struct view view = view_of(map);

    flip_three(view, at, need);
    pop(map, view, at, size);
    insert(map, view, at + need, size - need);
    return finish(heap, view, at, need);
}

/* There is no small chunk. */
COLD void *take_reserved(struct smh_heap *heap, size_t bytes, uint32_t need)
{
    struct smh_bitmap *map = smh_bitmap_of(heap);
    uint32_t at = map->reserve;

    if (SMH_BITS_UNLIKELY(map->reserve_end - at < map->exact + need)) {
        return smh_bitmap_acquire_any(heap, bytes);
    }
    map->reserve = at + need;
    flip_three(view_of(map), at, need);
    return finish(heap, view_of(map), at, need);
}

void *smh_bitmap_acquire(struct smh_heap *heap, size_t bytes)
{
    struct smh_bitmap *map = smh_bitmap_of(heap);
    struct view view = view_of(map);
    uintptr_t last = ((bytes - 1) >> UNIT_SHIFT) | map->fast_odd; /* of its units */
    uint64_t bits;
    uint32_t need;
    uint32_t rest;
    uint32_t at;

    if (SMH_BITS_UNLIKELY(last >= map->fast_last)) {
        return smh_bitmap_acquire_any(heap, bytes);
    }
    need = (uint32_t)(last + (last < SMH_BITMAP_SMALLEST - 1)) + 1;
    bits = map->maps[0] >> need;
    if (bits == 0) {
        return take_reserved(heap, bytes, need);
    }
    rest = (uint32_t)__builtin_ctzll(bits);
    at = view.heads[need + rest];
    if (rest >= SMH_BITMAP_SMALLEST) {
        return take_part(heap, at, need + rest, need);
    }
    need += rest;
    flip(view, at + 1);
    pop(map, view, at, need);
    return finish(heap, view, at, need);
}

/* --- free ------------------------------------------------------------------------------------- */

/* above: the bitmap behind the block's end. */
COLD int merge_far(struct smh_heap *heap, uint32_t at, uint32_t size, uint32_t left_size,
                   uint64_t above)
{
    uint32_t right_end = (above & 1) == 0 ? at + size : 0;

    smh_engine_count_free(heap, (uint64_t)size << UNIT_SHIFT);
    return smh_bitmap_merge(smh_bitmap_of(heap), at, at + size, at - left_size, right_end);
}

/* above: the bitmap behind the first bit of the free chunk's mark. */
COLD int merge_right(struct smh_heap *heap, uint32_t at, uint32_t size, uint64_t above)
{
    struct smh_bitmap *map = smh_bitmap_of(heap);
    struct view view = view_of(map);
    uint32_t right_size;

    if (at + size == map->reserve) {
        smh_engine_count_free(heap, (uint64_t)size << UNIT_SHIFT);
        map->reserve = at;
        flip_three(view, at, size);
        return 0;
    }
    right_size = 2 + (uint32_t)__builtin_ctzll(above | (uint64_t)1 << 63);
    if (SMH_BITS_UNLIKELY(above == 0 || size + right_size >= map->exact)) {
        return merge_far(heap, at, size, 0, 1);
    }
    smh_engine_count_free(heap, (uint64_t)size << UNIT_SHIFT);
    flip_three(view, at, size);
    take_out(map, view, at + size, right_size);
    insert(map, view, at, size + right_size);
    return 0;
}

/* above: the bitmap behind the block's end. */
COLD int merge_left(struct smh_heap *heap, uint32_t at, uint32_t size, uint32_t left_size,
                    uint64_t above)
{
    struct smh_bitmap *map = smh_bitmap_of(heap);
    struct view view = view_of(map);
    uint32_t right_size = 0;

    if ((above & 1) != 0) {
        right_size = 2 + (uint32_t)__builtin_ctzll(above >> 1 | (uint64_t)1 << 63);
    } else if (at - left_size == map->reserve) {
        smh_engine_count_free(heap, (uint64_t)size << UNIT_SHIFT);
        map->reserve_end = at + size;
        flip(view, at);
        return 0;
    }
    if (SMH_BITS_UNLIKELY(size + left_size + right_size >= map->exact)) {
        return merge_far(heap, at, size, left_size, above);
    }
    smh_engine_count_free(heap, (uint64_t)size << UNIT_SHIFT);
    flip(view, at);
    take_out(map, view, at - left_size, left_size);
    if (right_size != 0) {
        flip(view, at + size);
        flip(view, at + size + 1);
        take_out(map, view, at + size, right_size);
    }
    insert(map, view, at - left_size, left_size + size + right_size);
    return 0;
}

/* The block between two others. */
HOT int free_alone(struct smh_heap *heap, struct smh_bitmap_links *links, uint32_t at,
                   uint32_t size)
{
    struct smh_bitmap *map = smh_bitmap_of(heap);

    smh_engine_count_free(heap, (uint64_t)size << UNIT_SHIFT);
    flip(view_of(map), at + 1);
    insert_links(map, view_of(map), links, at, size);
    return 0;
}

/* What lies on the block's left begins too far away. above: the bitmap from `at` on. */
COLD int release_far(struct smh_heap *heap, uint32_t at, uint64_t above, uint32_t size)
{
    struct smh_bitmap *map = smh_bitmap_of(heap);
    uint32_t mark;

    above >>= size;
    if (at == map->reserve_end) {
        if ((above & 2) != 0) {
            return merge_far(heap, at, size, at - map->reserve, 1);
        }
        smh_engine_count_free(heap, (uint64_t)size << UNIT_SHIFT);
        map->reserve_end = at + size;
        flip(view_of(map), at);
        return 0;
    }
    mark = smh_bitmap_previous(map, at);
    if (smh_bitmap_mark_is_free(map, mark)) {
        return merge_far(heap, at, size, at - mark + 1, above >> 1);
    }
    if ((above & 2) != 0) {
        return merge_right(heap, at, size, above >> 2);
    }
    if (size >= map->exact) {
        return merge_far(heap, at, size, 0, 0);
    }
    return free_alone(heap, links_at(view_of(map), at), at, size);
}

int smh_bitmap_release(struct smh_heap *heap, void *address)
{
    struct smh_bitmap *map = smh_bitmap_of(heap);
    uintptr_t place = smh_bitmap_rotate((uintptr_t)address - map->base, UNIT_SHIFT);
    const smh_bitmap_word *word = &map->words[place / 64];
    uint32_t at = (uint32_t)place;
    uint64_t above;
    uint64_t below;
    uint32_t size;
    uint32_t high;

    if (SMH_BITS_UNLIKELY(place - SMH_BITMAP_FIRST >= map->fast_units)) {
        return smh_bitmap_release_any(heap, address);
    }
    above = smh_bitmap_funnel(word[0], word[1], at);
    below = smh_bitmap_funnel(word[-1], word[0], at);
    /* 0: no mark, 1: of a free chunk, 63: ends too far away */
    size = (uint32_t)__builtin_ctzll((above - 1) | (uint64_t)1 << 63);
    if (SMH_BITS_UNLIKELY(size - 2 >= 61 || smh_bitmap_is_descriptor(word[0]))) {
        return smh_bitmap_release_at(heap, at, above, below);
    }
    if (SMH_BITS_UNLIKELY(below < 4)) {
        return release_far(heap, at, above, size);
    }
    high = highest(below);
    above >>= size;
    below >>= high - 2;
    if (below == 6) {
        return merge_left(heap, at, size, 65 - high, above >> 1);
    }
    if (SMH_BITS_UNLIKELY(high == 63)) {
        return smh_bitmap_verdict(heap, address); /* the second bit of a free mark */
    }
    if ((above & 2) != 0) {
        return merge_right(heap, at, size, above >> 2);
    }
    if (SMH_BITS_UNLIKELY(size >= map->exact)) {
        return merge_far(heap, at, size, 0, above >> 1);
    }
    return free_alone(heap, address, at, size);
}

#elif !defined(__OPTIMIZE_SIZE__)

void *smh_bitmap_acquire(struct smh_heap *heap, size_t bytes)
{
    return smh_bitmap_acquire_any(heap, bytes);
}

int smh_bitmap_release(struct smh_heap *heap, void *block)
{
    return smh_bitmap_release_any(heap, block);
}

#endif
