/* bitmap_fast.c: the bitmap engine's most frequent cases, without a call.
 *
 * Owns: alloc where an exact class serves, and free where all that is looked at lies within two
 * words of the bitmap and the chunk that results is of an exact class. Whatever is not so goes to
 * the general path of bitmap.c, before anything has changed.
 * Invariants: the same placements as the general path, which alone is compiled where code is to be
 * small, or a register holds less than 64 bits.
 */
#include "bitmap_lists.h"

#if UINTPTR_MAX > UINT32_MAX && !defined(__OPTIMIZE_SIZE__)

#define UNIT_SHIFT 3u /* of the granules 8 and 16, the only ones served here */

/* Behind a constant shift, and with the fields that matter in registers. */
static inline struct smh_bitmap_links *links_at(uintptr_t base, uint32_t at)
{
    return (struct smh_bitmap_links *)(base + ((uintptr_t)at << UNIT_SHIFT));
}

static inline void insert(struct smh_bitmap *map, uintptr_t base, uint32_t at, uint32_t class)
{
    uint32_t next = map->heads[class];

    links_at(base, at)->next = next;
    map->heads[class] = at;
    if (next != 0) {
        links_at(base, next)->previous = at;
    } else {
        smh_bitmap_map_set(map, class);
    }
}

static inline void take_out(struct smh_bitmap *map, uintptr_t base, uint32_t at, uint32_t class)
{
    const struct smh_bitmap_links *links = links_at(base, at);
    uint32_t next = smh_bitmap_trusted(map, links->next);

    if (map->heads[class] == at) {
        map->heads[class] = next;
        if (next == 0) {
            smh_bitmap_map_clear(map, class);
        }
    } else {
        uint32_t previous = smh_bitmap_trusted(map, links->previous);

        if (previous != 0) {
            links_at(base, previous)->next = next;
        }
        if (next != 0) {
            links_at(base, next)->previous = previous;
        }
    }
}

void *smh_bitmap_alloc(struct smh_heap *heap, size_t bytes)
{
    struct smh_bitmap *map = smh_bitmap_of(heap);
    uintptr_t base = map->base;
    uint32_t need;
    uint32_t class;
    uint32_t at;
    uint64_t bits;

    if (heap->step_shift != UNIT_SHIFT || bytes > heap->capacity_bytes) {
        need = smh_bitmap_units(heap, bytes);
        return need == 0 ? NULL : smh_bitmap_alloc_units(heap, need);
    }
    need = (uint32_t)((bytes + ((1u << UNIT_SHIFT) - 1)) >> UNIT_SHIFT);
    need = need < SMH_BITMAP_SMALLEST ? SMH_BITMAP_SMALLEST : need;
    if (need >= map->exact) {
        return smh_bitmap_alloc_units(heap, need);
    }
    /* Where there is but one map, what follows is the head of the class 0: zero. */
    bits = ((uint64_t)map->maps[0] | (uint64_t)map->maps[1] << 32) >> need;
    if (bits == 0) {
        return smh_bitmap_alloc_units(heap, need);
    }
    class = need + (uint32_t)__builtin_ctzll(bits);
    if (class >= map->exact) {
        return smh_bitmap_carve(heap, map->heads[class], class, need);
    }
    at = map->heads[class];
    map->heads[class] = smh_bitmap_trusted(map, links_at(base, at)->next);
    if (map->heads[class] == 0) {
        smh_bitmap_map_clear(map, class);
    }
    if (class - need < SMH_BITMAP_SMALLEST) {
        smh_bitmap_flip(map, at + 1, 1);
        need = class;
    } else {
        smh_bitmap_flip_pair(map, at, 2, need);
        insert(map, base, at + need, class - need);
    }
    smh_engine_count_alloc(heap, (size_t)need << UNIT_SHIFT);
    return links_at(base, at);
}

/* What lies beside the chunk at `at`, as far as two words tell. */
struct sides {
    uint32_t size;       /* of the chunk */
    uint32_t left_size;  /* of the free chunk on the left, 0: in use */
    uint32_t right_size; /* of the free chunk on the right, 0: in use, FAR: not seen whole */
};

#define FAR (1u << 31)

/* What lies above `at` in a word, and where that does not do, in the next: sizes of the chunk and
 * of the free chunk behind it. False where the general path has to look, or to refuse. */
static inline bool look_right(const smh_bitmap_word *words, uint32_t shift, struct sides *sides)
{
    uint64_t above = words[0] >> shift >> 1;
    uint64_t behind;
    uint32_t distance;

    if (above == 0) {
        if (smh_bitmap_is_descriptor(words[1])) {
            return false;
        }
        above = words[1] << (63 - shift);
        if (above == 0) {
            return false;
        }
        distance = (uint32_t)__builtin_ctzll(above);
        behind = above >> distance;
        if (distance == 63) {
            return false;
        }
    } else {
        distance = (uint32_t)__builtin_ctzll(above);
        /* In a descriptor, the only bit that counts here is 0, as it should be. */
        if (SMH_BITS_UNLIKELY(shift + distance == 62)) {
            above |= words[1] << (63 - shift);
        }
        behind = above >> distance;
    }
    sides->size = distance + 1;
    sides->right_size = 0;
    if ((behind & 2) != 0) {
        sides->right_size = behind < 4 ? FAR : 2 + (uint32_t)__builtin_ctzll(behind >> 2);
    }
    return distance != 0; /* else this was the mark of a free chunk */
}

/* The same for what lies below `at`, of which enough must be seen to tell the last mark. */
static inline bool look_left(const smh_bitmap_word *words, bool first_word, uint32_t shift,
                             struct sides *sides)
{
    uint64_t below = words[0] << (63 - shift) << 1;
    uint32_t distance = (uint32_t)__builtin_clzll(below | 1);

    if (distance + 3 > shift) {
        if (first_word || smh_bitmap_is_descriptor(words[-1])) {
            return false;
        }
        below |= words[-1] >> shift;
        distance = (uint32_t)__builtin_clzll(below | 1);
        if (distance > 61) {
            return false;
        }
    }
    below = below << distance >> 61;
    sides->left_size = below == 6 ? distance + 2 : 0;
    /* A run of two that ends here is the mark of a free chunk. */
    return below == 6 || distance != 0;
}

int smh_bitmap_release(struct smh_heap *heap, void *block)
{
    struct smh_bitmap *map = smh_bitmap_of(heap);
    uintptr_t offset = (uintptr_t)block - map->base;
    uint32_t at = (uint32_t)(offset >> UNIT_SHIFT);
    const smh_bitmap_word *words;
    struct sides sides;
    uint32_t total;

    if (heap->step_shift != UNIT_SHIFT || (offset & ((1u << UNIT_SHIFT) - 1)) != 0 ||
        (offset >> UNIT_SHIFT) - SMH_BITMAP_FIRST >= map->units) {
        return smh_bitmap_release_any(heap, block);
    }
    words = &map->words[at / 64];
    if (((words[0] >> (at % 64)) & 1) == 0 || smh_bitmap_is_descriptor(words[0]) ||
        !look_right(words, at % 64, &sides) || !look_left(words, at < 64, at % 64, &sides)) {
        return smh_bitmap_release_any(heap, block);
    }
    total = sides.size + sides.left_size + sides.right_size;
    if (total >= map->exact) {
        return smh_bitmap_merge(heap, at, at + sides.size, at - sides.left_size,
                                sides.right_size != 0);
    }
    smh_engine_count_free(heap, (size_t)sides.size << UNIT_SHIFT);
    if (sides.right_size != 0) {
        take_out(map, map->base, at + sides.size, sides.right_size);
        smh_bitmap_flip_pair(map, at, sides.left_size != 0 ? 1 : 2, sides.size);
    } else {
        smh_bitmap_flip(map, at, sides.left_size != 0 ? 1 : 2);
    }
    if (sides.left_size != 0) {
        at -= sides.left_size;
        take_out(map, map->base, at, sides.left_size);
    }
    insert(map, map->base, at, total);
    return 0;
}

#else

void *smh_bitmap_alloc(struct smh_heap *heap, size_t bytes)
{
    uint32_t need = smh_bitmap_units(heap, bytes);

    return need == 0 ? NULL : smh_bitmap_alloc_units(heap, need);
}

int smh_bitmap_release(struct smh_heap *heap, void *block)
{
    return smh_bitmap_release_any(heap, block);
}

#endif
