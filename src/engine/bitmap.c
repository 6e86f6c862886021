/* bitmap.c: good fit with all metadata out of band: a block holds nothing but the user's bytes.
 *
 * Owns: allocating, freeing and resizing. The encoding is bitmap_layout.h's, tables are laid out in
 * bitmap_init.c.
 *
 *     heads   [2]  [3]  [4] ... [exact) [classes of 2^sub_bits per power of two ...]
 *              |         '-> free chunk <-> free chunk            links in the free chunks
 *     maps     1    0    1                                         which heads are not 0
 *
 * Good fit: an exact class if it is not empty, else the first class whose every chunk is large
 * enough; last in, first out within a class. The low end of a chunk is handed out.
 *
 * The granule may be any power of two from 8 to 4096. A unit is half a granule, but at least 8
 * bytes: with granule 8 (the default) blocks go in steps of 8 from 16 bytes on.
 *
 * Invariants: chunks cover the region; no two free chunks touch; each free chunk is in the list of
 * its class; the bitmap alone says what is a chunk, so no verdict reads memory that a user can
 * write.
 *
 * Time: every operation is bounded by a constant, whatever the region's size and state.
 *
 * NULL: only when no free chunk has smh_bitmap_sufficient_chunk() bytes.
 */
#include "bitmap_layout.h"

/* Free lists. */

static inline void map_set(struct smh_bitmap *map, uint32_t class)
{
    map->maps[class / 32] |= 1u << (class % 32);
    map->top |= 1u << (class / 32);
}

static inline void map_clear(struct smh_bitmap *map, uint32_t class)
{
    uint32_t rest = map->maps[class / 32] & ~(1u << (class % 32));

    map->maps[class / 32] = rest;
    if (rest == 0) {
        map->top &= ~(1u << (class / 32));
    }
}

static inline void list_insert(struct smh_bitmap *map, uint32_t at, uint32_t class)
{
    struct smh_bitmap_links *links = smh_bitmap_links_at(map, at);
    uint32_t next = map->heads[class];

    links->next = next;
    links->previous = 0;
    map->heads[class] = at;
    if (next != 0) {
        smh_bitmap_links_at(map, next)->previous = at;
    } else {
        map_set(map, class);
    }
}

static inline void list_remove(struct smh_bitmap *map, uint32_t at, uint32_t class)
{
    const struct smh_bitmap_links *links = smh_bitmap_links_at(map, at);
    uint32_t next = links->next;
    uint32_t previous = links->previous;

    if (next != 0) {
        smh_bitmap_links_at(map, next)->previous = previous;
    }
    if (previous != 0) {
        smh_bitmap_links_at(map, previous)->next = next;
    } else {
        map->heads[class] = next;
        if (next == 0) {
            map_clear(map, class);
        }
    }
}

/* The first class from `class` on that is not empty, or 0. */
static inline uint32_t first_class(const struct smh_bitmap *map, uint32_t class)
{
    uint32_t index = class / 32;
    uint32_t bits = map->maps[index] >> (class % 32);
    uint32_t above;

    if (SMH_BITS_LIKELY(bits != 0)) {
        return class + smh_lowest_bit_u32(bits);
    }
    above = map->top & (~1u << index);
    if (above == 0) {
        return 0;
    }
    index = smh_lowest_bit_u32(above);
    return index * 32 + smh_lowest_bit_u32(map->maps[index]);
}

static inline uint32_t size_of_free(const struct smh_bitmap *map, uint32_t at, uint32_t class)
{
    return class < map->exact ? class : smh_bitmap_next(map, at + 1) - at;
}

/* The listed chunk that a request of `need` units takes, or 0. */
static inline uint32_t find(const struct smh_bitmap *map, uint32_t need, uint32_t *class)
{
    uint32_t rounded = need;

    if (SMH_BITS_UNLIKELY(need >= map->exact)) {
        rounded = smh_bitmap_round_to_class(map, need);
    }
    *class = smh_bitmap_class(map, rounded);
    if (*class >= map->classes) {
        return 0;
    }
    *class = first_class(map, *class);
    if (*class != 0) {
        return map->heads[*class];
    }
    return 0;
}

/* The free chunk of `size` units at `at`, in no list, becomes a block of `need` units and a free
 * chunk of what is left over. */
static inline void *place(struct smh_heap *heap, struct smh_bitmap *map, uint32_t at, uint32_t size,
                          uint32_t need)
{
    uint32_t rest = size - need;
    bool far = size > SMH_BITMAP_BITS;

    if (far) {
        smh_bitmap_write_descriptors(map, at + 1, at + size, false);
    }
    if (rest < SMH_BITMAP_SMALLEST) {
        need = size;
        smh_bitmap_flip(map, at, 2);
    } else {
        smh_bitmap_flip_pair(map, at, 2, need);
        list_insert(map, at + need, smh_bitmap_class(map, rest));
    }
    if (far) {
        smh_bitmap_write_descriptors(map, at, at + need, true);
        if (need != size) {
            smh_bitmap_write_descriptors(map, at + need + 1, at + size, true);
        }
    }
    smh_engine_count_alloc(heap, smh_bitmap_bytes(map, need));
    return (void *)smh_bitmap_address(map, at);
}

static void *bitmap_alloc(struct smh_heap *heap, size_t bytes)
{
    struct smh_bitmap *map = smh_bitmap_of(heap);
    uint32_t need = smh_bitmap_units(heap, bytes);
    uint32_t class;
    uint32_t at;
    uint32_t size;

    if (need == 0) {
        return NULL;
    }
    at = find(map, need, &class);
    if (at == 0) {
        /* The class that may hold larger ones: its first. */
        if (need < map->exact) {
            return NULL;
        }
        class = smh_bitmap_class(map, need);
        at = map->heads[class];
        if (at == 0 || size_of_free(map, at, class) < need) {
            return NULL;
        }
    }
    size = size_of_free(map, at, class);
    list_remove(map, at, class);
    return place(heap, map, at, size, need);
}

/* Units to leave free before a block at a multiple of align in a chunk at `at`. */
static inline size_t skip_at(const struct smh_heap *heap, uint32_t at, size_t align)
{
    const struct smh_bitmap *map = smh_bitmap_view(heap);
    size_t skip = smh_distance_up(smh_bitmap_address(map, at), align) >> map->unit_shift;

    return skip == 1 ? skip + (align >> map->unit_shift) : skip;
}

static void *bitmap_aligned_alloc(struct smh_heap *heap, size_t align, size_t bytes)
{
    struct smh_bitmap *map = smh_bitmap_of(heap);
    uint32_t need = smh_bitmap_units(heap, bytes);
    uint32_t class;
    uint32_t at;
    uint32_t size;
    size_t skip;

    if (align >> heap->step_shift <= 1) {
        return bitmap_alloc(heap, bytes);
    }
    if (need == 0) {
        return NULL;
    }
    at = find(map, need, &class);
    if (at == 0) {
        return NULL;
    }
    size = size_of_free(map, at, class);
    skip = skip_at(heap, at, align);
    if (skip > size || size - skip < need) {
        size_t worst = smh_bitmap_worst_skip(heap, align);

        if (worst >= map->end || need >= map->end - worst) {
            return NULL;
        }
        at = find(map, need + (uint32_t)worst, &class);
        if (at == 0) {
            return NULL;
        }
        size = size_of_free(map, at, class);
        skip = skip_at(heap, at, align);
    }
    list_remove(map, at, class);
    if (skip != 0) {
        uint32_t front = (uint32_t)skip;

        smh_bitmap_write_descriptors(map, at + 1, at + size, false);
        smh_bitmap_flip(map, at + front, 3);
        smh_bitmap_write_descriptors(map, at + 1, at + front, true);
        smh_bitmap_write_descriptors(map, at + front + 1, at + size, true);
        list_insert(map, at, smh_bitmap_class(map, front));
        at += front;
        size -= front;
    }
    return place(heap, map, at, size, need);
}

/*     |left free|  block  |right free|      the four ways to merge
 *      1 1 0 0 0 1 0 0 0 0 1 1 0 0 0 0
 *      1 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0
 */
static void bitmap_free(struct smh_heap *heap, void *block)
{
    struct smh_bitmap *map = smh_bitmap_of(heap);
    uint32_t at = (uint32_t)(((uintptr_t)block - map->base) >> map->unit_shift);
    uint32_t right = smh_bitmap_next(map, at);
    uint32_t mark = smh_bitmap_previous(map, at);
    uint32_t start = at;
    uint32_t end = right;
    bool left_free = smh_bitmap_mark_is_free(map, mark);
    bool right_free = smh_bitmap_test(map, right + 1);
    bool far;

    smh_engine_count_free(heap, smh_bitmap_bytes(map, right - at));
    if (left_free) {
        start = mark - 1;
    }
    if (right_free) {
        end = smh_bitmap_next(map, right + 1);
        list_remove(map, right, smh_bitmap_class(map, end - right));
    }
    far = end - start > SMH_BITMAP_BITS;
    if (SMH_BITS_UNLIKELY(far)) {
        smh_bitmap_write_descriptors(map, at, right, false);
        if (left_free) {
            smh_bitmap_write_descriptors(map, mark, at, false);
        }
        if (right_free) {
            smh_bitmap_write_descriptors(map, right + 1, end, false);
        }
    }
    if (right_free) {
        smh_bitmap_flip_pair(map, at, left_free ? 1 : 2, right - at);
    } else {
        smh_bitmap_flip(map, at, left_free ? 1 : 2);
    }
    if (SMH_BITS_UNLIKELY(far)) {
        smh_bitmap_write_descriptors(map, start + 1, end, true);
    }
    if (left_free) {
        uint32_t before = smh_bitmap_class(map, at - start);
        uint32_t after = smh_bitmap_class(map, end - start);

        if (before != after) {
            list_remove(map, start, before);
            list_insert(map, start, after);
        }
    } else {
        list_insert(map, start, smh_bitmap_class(map, end - start));
    }
}

/*     |  block  |right free|      a block and the free chunk behind it share their units anew:
 *     |    block    | free |      the block takes what it needs, the rest is one free chunk
 */
static bool bitmap_resize(struct smh_heap *heap, void *block, size_t bytes)
{
    struct smh_bitmap *map = smh_bitmap_of(heap);
    uint32_t at = (uint32_t)(((uintptr_t)block - map->base) >> map->unit_shift);
    uint32_t right = smh_bitmap_next(map, at);
    bool right_free = smh_bitmap_test(map, right + 1);
    uint32_t end = right_free ? smh_bitmap_next(map, right + 1) : right;
    uint32_t need = smh_bitmap_units(heap, bytes);

    if (need == 0 || need > end - at) {
        return false;
    }
    if (end - at - need < SMH_BITMAP_SMALLEST) {
        need = end - at;
    }
    if (need == right - at) {
        return true;
    }
    smh_bitmap_write_descriptors(map, at, right, false);
    if (right_free) {
        smh_bitmap_write_descriptors(map, right + 1, end, false);
        list_remove(map, right, smh_bitmap_class(map, end - right));
        smh_bitmap_flip(map, right, 3);
    }
    if (need != end - at) {
        smh_bitmap_flip(map, at + need, 3);
        smh_bitmap_write_descriptors(map, at + need + 1, end, true);
        list_insert(map, at + need, smh_bitmap_class(map, end - at - need));
    }
    smh_bitmap_write_descriptors(map, at, at + need, true);
    smh_engine_count_resize(heap, smh_bitmap_bytes(map, right - at), smh_bitmap_bytes(map, need));
    return true;
}

static size_t bitmap_usable_size(const struct smh_heap *heap, const void *block)
{
    const struct smh_bitmap *map = smh_bitmap_view(heap);
    uint32_t at = (uint32_t)(((uintptr_t)block - map->base) >> map->unit_shift);

    return smh_bitmap_bytes(map, smh_bitmap_next(map, at) - at);
}

const struct smh_engine smh_engine_bitmap = {
    .abi = SMH_ENGINE_ABI,
    .flags = SMH_ENGINE_EXACT,
    .name = "bitmap",
    .summary = "good fit, no headers: boundaries in a bitmap out of band, exact verdicts",
    .init = smh_bitmap_init,
    .metadata_size = smh_bitmap_metadata_size,
    .alloc = bitmap_alloc,
    .aligned_alloc = bitmap_aligned_alloc,
    .free = bitmap_free,
    .resize = bitmap_resize,
    .usable_size = bitmap_usable_size,
    .verdict = smh_bitmap_verdict,
    .largest_free = smh_bitmap_largest_free,
    .sufficient_chunk = smh_bitmap_sufficient_chunk,
    .walk = smh_bitmap_walk,
    .check = smh_bitmap_check,
    .chunk_of = smh_bitmap_chunk_of,
};
