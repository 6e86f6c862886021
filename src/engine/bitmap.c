/* bitmap.c: good fit with all metadata out of band: a block holds nothing but the user's bytes.
 *
 * Owns: allocating, freeing and resizing. The encoding is bitmap_layout.h's, tables are laid out in
 * bitmap_init.c.
 *
 * Good fit: an exact class if it is not empty, else the first class whose every chunk is large
 * enough; last in, first out within a class. The low end of a chunk is handed out; the high end for
 * large blocks, which so keep away from the small.
 *
 * The granule may be any power of two from 8 to 4096. A unit is half a granule, but at least 8
 * bytes: with granule 8 (the default) blocks go in steps of 8 from 16 bytes on.
 *
 * Invariants: chunks cover the region; no two free chunks touch; each free chunk is in the list of
 * its class; the bitmap alone says what is a chunk, so no verdict reads memory that a user can
 * write.
 *
 * Time: every operation is bounded whatever the heap's state; what grows with the region is one
 * step for each power of 64 (of 32) in the length of a chunk, for its milestones.
 *
 * NULL: only when no free chunk has smh_bitmap_sufficient_chunk() bytes.
 */
#include "bitmap_lists.h"

/* Blocks from here on come from the end of their chunk: they do not cut up what small ones use. */
#define LARGE_UNITS 512u

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

/* The same for sizes whose classes hold several: the first few chunks of the class that may hold
 * one that fits, the smallest of those, then a class whose every chunk is large enough. Two to look
 * at save as much memory as eight times as many classes do. */
static __attribute__((noinline)) uint32_t find_far(const struct smh_bitmap *map, uint32_t need,
                                                   uint32_t *class)
{
    uint32_t own = smh_bitmap_class(map, need);
    uint32_t found = 0;
    uint32_t found_size = UINT32_MAX;
    /* An alignment may ask for more than any chunk has, and then for a class past the last. */
    uint32_t at = own < map->classes ? map->heads[own] : 0;

    *class = own;
    for (uint32_t look = 0; look < SMH_BITMAP_LOOK && at != 0; look++) {
        uint32_t size = smh_bitmap_free_size(map, at, own);

        if (size >= need && size < found_size) {
            found = at;
            found_size = size;
        }
        at = smh_bitmap_trusted(map, smh_bitmap_links_at(map, at)->next);
    }
    if (found != 0 || own + 1 >= map->classes) {
        return found;
    }
    *class = first_class(map, own + 1);
    return *class == 0 ? 0 : map->heads[*class];
}

/* The listed chunk that a request of `need` units takes, and its class; 0: none. */
static inline uint32_t find(const struct smh_bitmap *map, uint32_t need, uint32_t *class)
{
    if (SMH_BITS_UNLIKELY(need >= map->exact)) {
        return find_far(map, need, class);
    }
    *class = first_class(map, need);
    return *class == 0 ? 0 : map->heads[*class];
}

/* The descriptors of a chunk with its mark at `mark`, when a chunk before or behind is split off or
 * joined: before the change, then after it. */
static __attribute__((noinline)) void clear_descriptors(struct smh_bitmap *map, uint32_t mark,
                                                        uint32_t end)
{
    smh_bitmap_write_descriptors(map, mark, end, false);
}

static __attribute__((noinline)) void set_descriptors(struct smh_bitmap *map, uint32_t mark,
                                                      uint32_t end)
{
    smh_bitmap_write_descriptors(map, mark, end, true);
}

static inline bool same_word(uint32_t left, uint32_t right)
{
    return (left ^ right) < SMH_BITMAP_BITS;
}

/* The free chunk of `size` units at `at`, in no list, becomes a block of all of it. */
static inline void *take_whole(struct smh_heap *heap, struct smh_bitmap *map, uint32_t at,
                               uint32_t size)
{
    bool moves = !same_word(at, at + 1) && size > SMH_BITMAP_BITS;

    if (SMH_BITS_UNLIKELY(moves)) {
        clear_descriptors(map, at + 1, at + size);
    }
    smh_bitmap_flip(map, at + 1, 1);
    if (SMH_BITS_UNLIKELY(moves)) {
        set_descriptors(map, at, at + size);
    }
    smh_engine_count_alloc(heap, smh_bitmap_bytes(map, size));
    return (void *)smh_bitmap_address(map, at);
}

/* Its first `need` units become a block; the rest, in no list either, is a free chunk. */
static inline void *take_part(struct smh_heap *heap, struct smh_bitmap *map, uint32_t at,
                              uint32_t size, uint32_t need)
{
    bool moves = !same_word(at + 1, at + need + 1) && size > SMH_BITMAP_BITS;

    if (SMH_BITS_UNLIKELY(moves)) {
        clear_descriptors(map, at + 1, at + size);
    }
    smh_bitmap_flip_pair(map, at, 2, need);
    if (SMH_BITS_UNLIKELY(moves)) {
        if (need > SMH_BITMAP_BITS) {
            set_descriptors(map, at, at + need);
        }
        if (size - need > SMH_BITMAP_BITS) {
            set_descriptors(map, at + need + 1, at + size);
        }
    }
    smh_engine_count_alloc(heap, smh_bitmap_bytes(map, need));
    return (void *)smh_bitmap_address(map, at);
}

/* Its last `need` units become a block; what is before stays a free chunk. */
static inline void *take_end(struct smh_heap *heap, struct smh_bitmap *map, uint32_t at,
                             uint32_t size, uint32_t need)
{
    uint32_t block = at + size - need;

    clear_descriptors(map, at + 1, at + size);
    smh_bitmap_flip(map, block, 1);
    set_descriptors(map, at + 1, block);
    set_descriptors(map, block, at + size);
    smh_engine_count_alloc(heap, smh_bitmap_bytes(map, need));
    return (void *)smh_bitmap_address(map, block);
}

void *smh_bitmap_carve(struct smh_heap *heap, uint32_t at, uint32_t class, uint32_t need)
{
    struct smh_bitmap *map = smh_bitmap_of(heap);
    uint32_t rest_class;
    uint32_t size;

    size = smh_bitmap_free_size(map, at, class);
    if (size - need < SMH_BITMAP_SMALLEST) {
        smh_bitmap_list_remove(map, at, class);
        return take_whole(heap, map, at, size);
    }
    rest_class = smh_bitmap_class(map, size - need);
    if (SMH_BITS_UNLIKELY(need >= LARGE_UNITS)) {
        if (rest_class != class) {
            smh_bitmap_list_remove(map, at, class);
            smh_bitmap_list_insert(map, at, rest_class);
        }
        return take_end(heap, map, at, size, need);
    }
    if (rest_class == class) {
        smh_bitmap_list_replace(map, at, at + need, class);
    } else {
        smh_bitmap_list_remove(map, at, class);
        smh_bitmap_list_insert(map, at + need, rest_class);
    }
    return take_part(heap, map, at, size, need);
}

void *smh_bitmap_alloc_units(struct smh_heap *heap, uint32_t need)
{
    uint32_t class;
    uint32_t at = find(smh_bitmap_of(heap), need, &class);

    return at == 0 ? NULL : smh_bitmap_carve(heap, at, class, need);
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
        return smh_bitmap_alloc(heap, bytes);
    }
    at = need == 0 ? 0 : find(map, need, &class);
    if (at == 0) {
        return NULL;
    }
    size = smh_bitmap_free_size(map, at, class);
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
        size = smh_bitmap_free_size(map, at, class);
        skip = skip_at(heap, at, align);
    }
    smh_bitmap_list_remove(map, at, class);
    if (skip != 0) {
        uint32_t front = (uint32_t)skip;

        clear_descriptors(map, at + 1, at + size);
        smh_bitmap_flip(map, at + front, 3);
        set_descriptors(map, at + 1, at + front);
        set_descriptors(map, at + front + 1, at + size);
        smh_bitmap_list_insert(map, at, smh_bitmap_class(map, front));
        at += front;
        size -= front;
    }
    if (size - need < SMH_BITMAP_SMALLEST) {
        return take_whole(heap, map, at, size);
    }
    smh_bitmap_list_insert(map, at + need, smh_bitmap_class(map, size - need));
    return take_part(heap, map, at, size, need);
}

/* What free reads off the bitmap about the chunk at `at`. */
struct surroundings {
    uint32_t mark; /* last bit of the mark of the chunk on the left */
    uint32_t right;
    bool left_free;
    bool right_free;
};

/* False when no block starts at `at`. One word tells, mostly. */
static inline bool look_around(const struct smh_bitmap *map, uint32_t at,
                               struct surroundings *around)
{
    smh_bitmap_word word = map->words[at / SMH_BITMAP_BITS];
    uint32_t shift = at % SMH_BITMAP_BITS;
    smh_bitmap_word above = word >> shift;
    smh_bitmap_word below = word << (SMH_BITMAP_BITS - 1 - shift) << 1;

    if ((above & 1) == 0 || smh_bitmap_is_descriptor(word)) {
        return false;
    }
    above >>= 1;
    if (SMH_BITS_LIKELY(above != 0)) {
        uint32_t skipped = smh_bitmap_lowest(above);

        around->right = at + 1 + skipped;
        around->right_free = ((above >> skipped) & 2) != 0;
        if (skipped == 0) {
            return false; /* the mark of a free chunk */
        }
        if (SMH_BITS_UNLIKELY(around->right % SMH_BITMAP_BITS == SMH_BITMAP_BITS - 1)) {
            around->right_free = (map->words[at / SMH_BITMAP_BITS + 1] & 1) != 0;
        }
    } else {
        around->right = smh_bitmap_next_far(map, at);
        if (around->right == at + 1) {
            return false;
        }
        around->right_free = smh_bitmap_test(map, around->right + 1);
    }
    around->mark = SMH_BITS_LIKELY(below != 0) ? at - SMH_BITMAP_BITS + smh_bitmap_highest(below)
                                               : smh_bitmap_previous_far(map, at);
    if (SMH_BITS_LIKELY(below != 0 && around->mark % SMH_BITMAP_BITS >= 2)) {
        around->left_free = ((word >> (around->mark % SMH_BITMAP_BITS - 2)) & 7) == 6;
    } else {
        around->left_free = smh_bitmap_mark_is_free(map, around->mark);
    }
    /* A run of two that ends here is a free chunk's mark. */
    return around->left_free || around->mark != at - 1;
}

/*     |left free|  block  |right free|      the four ways to merge
 *      1 1 0 0 0 1 0 0 0 0 1 1 0 0 0 0
 *      1 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0
 */
int smh_bitmap_merge(struct smh_heap *heap, uint32_t at, uint32_t right, uint32_t start,
                     bool right_free)
{
    struct smh_bitmap *map = smh_bitmap_of(heap);
    bool left_free = start != at;
    uint32_t end = right_free ? smh_bitmap_next(map, right + 1) : right;
    uint32_t class = smh_bitmap_class(map, end - start);
    /* Whether the marks of long chunks, or their ends, change words. */
    bool moves = end - start > SMH_BITMAP_BITS &&
                 !(left_free ? !right_free && same_word(at, right)
                             : same_word(at + 1, right_free ? right + 1 : at));

    smh_engine_count_free(heap, smh_bitmap_bytes(map, right - at));
    if (SMH_BITS_UNLIKELY(moves)) {
        if (right - at > SMH_BITMAP_BITS) {
            clear_descriptors(map, at, right);
        }
        if (left_free && at - start > SMH_BITMAP_BITS) {
            clear_descriptors(map, start + 1, at);
        }
        if (end - right > SMH_BITMAP_BITS) {
            clear_descriptors(map, right + 1, end);
        }
    }
    if (right_free) {
        uint32_t before = smh_bitmap_class(map, end - right);

        smh_bitmap_flip_pair(map, at, left_free ? 1 : 2, right - at);
        if (!left_free && before == class) {
            smh_bitmap_list_replace(map, right, at, class);
        } else {
            smh_bitmap_list_remove(map, right, before);
        }
        if (!left_free && before != class) {
            smh_bitmap_list_insert(map, at, class);
        }
    } else {
        smh_bitmap_flip(map, at, left_free ? 1 : 2);
        if (!left_free) {
            smh_bitmap_list_insert(map, at, class);
        }
    }
    if (left_free) {
        uint32_t before = smh_bitmap_class(map, at - start);

        if (before != class) {
            smh_bitmap_list_remove(map, start, before);
            smh_bitmap_list_insert(map, start, class);
        }
    }
    if (SMH_BITS_UNLIKELY(moves)) {
        set_descriptors(map, start + 1, end);
    }
    return 0;
}

int smh_bitmap_release_any(struct smh_heap *heap, void *block)
{
    const struct smh_bitmap *map = smh_bitmap_view(heap);
    uintptr_t offset = (uintptr_t)block - map->base;
    size_t at = offset >> map->unit_shift;
    struct surroundings around;

    if (SMH_BITS_LIKELY(at - SMH_BITMAP_FIRST < map->units && at << map->unit_shift == offset &&
                        look_around(map, (uint32_t)at, &around))) {
        return smh_bitmap_merge(heap, (uint32_t)at, around.right,
                                around.left_free ? around.mark - 1 : (uint32_t)at,
                                around.right_free);
    }
    return (uintptr_t)block - (uintptr_t)heap->memory < heap->memory_size
               ? smh_bitmap_verdict(heap, block)
               : -ENOENT;
}

static void bitmap_free(struct smh_heap *heap, void *block)
{
    (void)smh_bitmap_release(heap, block);
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
        smh_bitmap_list_remove(map, right, smh_bitmap_class(map, end - right));
        smh_bitmap_flip(map, right, 3);
    }
    if (need != end - at) {
        smh_bitmap_flip(map, at + need, 3);
        smh_bitmap_write_descriptors(map, at + need + 1, end, true);
        smh_bitmap_list_insert(map, at + need, smh_bitmap_class(map, end - at - need));
    }
    smh_bitmap_write_descriptors(map, at, at + need, true);
    smh_engine_count_resize(heap, smh_bitmap_bytes(map, right - at), smh_bitmap_bytes(map, need));
    return true;
}

/*     |left free|  block  |right free|      where there is no other place for a block that grows:
 *     |      block       |    free   |      its bytes move to the left, over themselves
 */
static void *bitmap_slide(struct smh_heap *heap, void *block, size_t bytes)
{
    struct smh_bitmap *map = smh_bitmap_of(heap);
    uint32_t at = (uint32_t)(((uintptr_t)block - map->base) >> map->unit_shift);
    uint32_t need = smh_bitmap_units(heap, bytes);
    struct surroundings around;
    uint32_t start;
    uint32_t end;
    void *moved;

    if (need == 0 || !look_around(map, at, &around) || !around.left_free) {
        return NULL;
    }
    start = around.mark - 1;
    end = around.right_free ? smh_bitmap_next(map, around.right + 1) : around.right;
    if (need > end - start) {
        return NULL;
    }
    moved = (void *)smh_bitmap_address(map, start);
    smh_bitmap_list_remove(map, start, smh_bitmap_class(map, at - start));
    clear_descriptors(map, start + 1, at);
    clear_descriptors(map, at, around.right);
    smh_bitmap_flip(map, start + 1, 1);
    smh_bitmap_flip(map, at, 1);
    if (around.right_free) {
        smh_bitmap_list_remove(map, around.right, smh_bitmap_class(map, end - around.right));
        clear_descriptors(map, around.right + 1, end);
        smh_bitmap_flip(map, around.right, 3);
    }
    memmove(moved, block, smh_bitmap_bytes(map, around.right - at));
    if (end - start - need < SMH_BITMAP_SMALLEST) {
        need = end - start;
    } else {
        smh_bitmap_flip(map, start + need, 3);
        set_descriptors(map, start + need + 1, end);
        smh_bitmap_list_insert(map, start + need, smh_bitmap_class(map, end - start - need));
    }
    set_descriptors(map, start, start + need);
    smh_engine_count_resize(heap, smh_bitmap_bytes(map, around.right - at),
                            smh_bitmap_bytes(map, need));
    heap->allocated_blocks++;
    return moved;
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
    .alloc = smh_bitmap_alloc,
    .aligned_alloc = bitmap_aligned_alloc,
    .free = bitmap_free,
    .release = smh_bitmap_release,
    .slide = bitmap_slide,
    .resize = bitmap_resize,
    .usable_size = bitmap_usable_size,
    .verdict = smh_bitmap_verdict,
    .largest_free = smh_bitmap_largest_free,
    .sufficient_chunk = smh_bitmap_sufficient_chunk,
    .walk = smh_bitmap_walk,
    .check = smh_bitmap_check,
    .chunk_of = smh_bitmap_chunk_of,
};
