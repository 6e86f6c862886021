/* bitmap_layout.h: how the bitmap engine writes down where chunks begin and end.
 *
 * Owns: the encoding, and the only functions that read and write it.
 *
 *     bit        0 1 2 3 4 5 6 7 8 9 ...
 *     bitmap     0 1 0 1 0 0 1 1 0 0 0 1 0 0 ... 1 0        one bit a unit of memory
 *                  '-' '-used' '-free--' '-used    '-- sentinel at `end`: in use
 *                  '-- sentinel: two units before the first, in use
 *
 * A chunk is two units or more. In use it is written 1 0 0 ... 0, free 1 1 0 ... 0. Its mark, the
 * leading one or two bits, tells which; it ends where the next 1 behind the mark stands. Read
 * without knowing where chunks start: as no two free chunks touch, a run of one 1 is a block's
 * mark, of two a free chunk's, of three both: free, two units, then a block; and there is no run of
 * four. So a pointer is the start of a block exactly when its bit ends a run of one or three; and
 * what lies left of a chunk is free exactly when the last run before it is of two. Bit 3 is the
 * first unit of the region's chunks; `base` is the address that bit 0 would have, and 0 serves as
 * "none" in links.
 *
 * A word of the bitmap that lies wholly behind a chunk's mark and before its end would be zero. The
 * first and the last such word of a chunk are its descriptors instead: the bits 0 1 1 1 1, with
 * which no other word begins, and then the number of such words. Thus the ends of a chunk of any
 * size are found in a constant number of steps, in either direction.
 *
 *     words      | ..1 0 0 0 | 01111 n |   0   |   0   | 01111 n | 0 0 1 1 .. |
 *                    '- mark   '------ n words, here 4 --------'       '- next chunk
 *
 * So that a wild pointer into a long chunk is judged in few steps too, there are milestones: of the
 * words between the descriptors, the first whose number is a multiple of 64 (of 32, where a word
 * has so many bits), the first that is one of 64 * 64, and so on, hold the same five bits and the
 * number of words from the first descriptor up to themselves.
 *
 * A free chunk's own memory holds nothing but its two list links.
 */
#ifndef SMH_BITMAP_LAYOUT_H
#define SMH_BITMAP_LAYOUT_H

#include "../bits.h"

#include <smh/engine.h>
#include <smh/port.h>

typedef uintptr_t smh_bitmap_word;

#define SMH_BITMAP_BITS            ((uint32_t)(sizeof(smh_bitmap_word) * 8))
#define SMH_BITMAP_FIRST           3u  /* bit of the first unit */
#define SMH_BITMAP_SMALLEST        2u  /* units of the smallest chunk */
#define SMH_BITMAP_DESCRIPTOR      30u /* bits 0 1 1 1 1 */
#define SMH_BITMAP_DESCRIPTOR_BITS 5u
#define SMH_BITMAP_DESCRIPTOR_MASK 31u
#define SMH_BITMAP_CLASSES_PER_MAP 32u
#define SMH_BITMAP_SUB_BITS        2u /* log2 of the classes per power of two */
#define SMH_BITMAP_LOOK            2u /* chunks looked at in a class that may hold one that fits */

/* What lies in smh_heap.state. */
struct __attribute__((may_alias)) smh_bitmap {
    uintptr_t base; /* address of bit 0 */
    smh_bitmap_word *words;
    uint32_t *heads; /* first free chunk of each class, 0: none */
    uint32_t *maps;  /* bit c: class c is not empty */
    uint32_t top;    /* bit m: maps[m] is not zero */
    uint32_t end;    /* bit of the sentinel */
    uint32_t units;  /* between the sentinels */
    uint32_t exact;  /* below so many units, a class holds one size */
    uint32_t classes;
    uint32_t class_shift; /* from the formula for sizes from `exact` on to their classes */
    uint8_t unit_shift;
};
_Static_assert(sizeof(struct smh_bitmap) <= SMH_HEAP_STATE_WORDS * sizeof(uintptr_t),
               "the engine's state fits its place in the heap");

/* The first units of a free chunk. */
struct __attribute__((may_alias)) smh_bitmap_links {
    uint32_t next;
    uint32_t previous; /* of no meaning in its class's first */
};

static inline struct smh_bitmap *smh_bitmap_of(struct smh_heap *heap)
{
    return (struct smh_bitmap *)heap->state;
}

static inline const struct smh_bitmap *smh_bitmap_view(const struct smh_heap *heap)
{
    return (const struct smh_bitmap *)heap->state;
}

static inline uintptr_t smh_bitmap_address(const struct smh_bitmap *map, uint32_t at)
{
    return map->base + ((uintptr_t)at << map->unit_shift);
}

static inline struct smh_bitmap_links *smh_bitmap_links_at(const struct smh_bitmap *map,
                                                           uint32_t at)
{
    return (struct smh_bitmap_links *)smh_bitmap_address(map, at);
}

static inline bool smh_bitmap_test(const struct smh_bitmap *map, uint32_t at)
{
    return ((map->words[at / SMH_BITMAP_BITS] >> (at % SMH_BITMAP_BITS)) & 1u) != 0;
}

static inline bool smh_bitmap_is_descriptor(smh_bitmap_word word)
{
    return (word & SMH_BITMAP_DESCRIPTOR_MASK) == SMH_BITMAP_DESCRIPTOR;
}

static inline smh_bitmap_word smh_bitmap_descriptor(uint32_t count)
{
    return (smh_bitmap_word)count << SMH_BITMAP_DESCRIPTOR_BITS | SMH_BITMAP_DESCRIPTOR;
}

static inline uint32_t smh_bitmap_lowest(smh_bitmap_word word)
{
#if SMH_BITS_HAVE_SCAN
    return sizeof(word) == 8 ? (uint32_t)__builtin_ctzll(word)
                             : (uint32_t)__builtin_ctz((uint32_t)word);
#else
    return smh_lowest_bit_u32((uint32_t)word);
#endif
}

static inline uint32_t smh_bitmap_highest(smh_bitmap_word word)
{
    return smh_floor_log2(word);
}

/* The next set bit after the mark of a chunk, whose last bit is `mark`: where the chunk ends. */
uint32_t smh_bitmap_next_far(const struct smh_bitmap *map, uint32_t mark);
/* The last set bit before the start of a chunk: the mark of the chunk on its left. */
uint32_t smh_bitmap_previous_far(const struct smh_bitmap *map, uint32_t start);

static inline uint32_t smh_bitmap_next(const struct smh_bitmap *map, uint32_t mark)
{
    smh_bitmap_word rest = map->words[mark / SMH_BITMAP_BITS] >> (mark % SMH_BITMAP_BITS) >> 1;

    if (SMH_BITS_LIKELY(rest != 0)) {
        return mark + 1 + smh_bitmap_lowest(rest);
    }
    return smh_bitmap_next_far(map, mark);
}

static inline uint32_t smh_bitmap_previous(const struct smh_bitmap *map, uint32_t start)
{
    smh_bitmap_word rest = map->words[start / SMH_BITMAP_BITS]
                           << (SMH_BITMAP_BITS - 1 - start % SMH_BITMAP_BITS) << 1;

    if (SMH_BITS_LIKELY(rest != 0)) {
        return start - SMH_BITMAP_BITS + smh_bitmap_highest(rest);
    }
    return smh_bitmap_previous_far(map, start);
}

/* Inverts the bits of pattern, three at most, from `at` on. */
static inline void smh_bitmap_flip(struct smh_bitmap *map, uint32_t at, smh_bitmap_word pattern)
{
    uint32_t index = at / SMH_BITMAP_BITS;
    uint32_t shift = at % SMH_BITMAP_BITS;

    map->words[index] ^= pattern << shift;
    if (SMH_BITS_UNLIKELY(shift > SMH_BITMAP_BITS - 3)) {
        map->words[index + 1] ^= pattern >> (SMH_BITMAP_BITS - shift);
    }
}

/* Inverts `pattern` (at most two bits) at `at`, and the two bits that are `distance` on: both marks
 * that a split or a merge changes. */
static inline void smh_bitmap_flip_pair(struct smh_bitmap *map, uint32_t at,
                                        smh_bitmap_word pattern, uint32_t distance)
{
    uint32_t shift = at % SMH_BITMAP_BITS;

    if (SMH_BITS_LIKELY(distance + 2 <= SMH_BITMAP_BITS - shift)) {
        map->words[at / SMH_BITMAP_BITS] ^= (pattern | (smh_bitmap_word)3 << distance) << shift;
    } else {
        smh_bitmap_flip(map, at, pattern);
        smh_bitmap_flip(map, at + distance, 3);
    }
}

/* The first word behind `first` whose number is a multiple of step, a power of two. */
static inline uint32_t smh_bitmap_milestone(uint32_t first, uint32_t step)
{
    return (first | (step - 1)) + 1;
}

/* Writes the descriptors of a chunk with its mark at `mark` that ends at `end`, if it has any, or
 * zeros in their place. */
static inline void smh_bitmap_write_descriptors(struct smh_bitmap *map, uint32_t mark, uint32_t end,
                                                bool present)
{
    uint32_t first = mark / SMH_BITMAP_BITS + 1;
    uint32_t after = end / SMH_BITMAP_BITS;
    smh_bitmap_word mask = present ? ~(smh_bitmap_word)0 : 0;

    if (after > first) {
        uint32_t step = SMH_BITMAP_BITS;
        uint32_t index = smh_bitmap_milestone(first, step);

        map->words[first] = mask & smh_bitmap_descriptor(after - first);
        map->words[after - 1] = map->words[first];
        while (SMH_BITS_UNLIKELY(index < after - 1)) {
            map->words[index] = mask & smh_bitmap_descriptor(index - first + 1);
            step *= SMH_BITMAP_BITS;
            index = smh_bitmap_milestone(first, step);
        }
    }
}

/* Whether a free chunk starts at `at`, any bit from 3 to `end`; exact. */
static inline bool smh_bitmap_is_free_start(const struct smh_bitmap *map, uint32_t at)
{
    return smh_bitmap_test(map, at) && smh_bitmap_test(map, at + 1) &&
           !smh_bitmap_test(map, at - 1) &&
           !smh_bitmap_is_descriptor(map->words[at / SMH_BITMAP_BITS]);
}

/* Whether the chunk with this last bit of a mark is free: a run of two, not of one or three. */
static inline bool smh_bitmap_mark_is_free(const struct smh_bitmap *map, uint32_t mark)
{
    return mark >= 2 && smh_bitmap_test(map, mark - 1) && !smh_bitmap_test(map, mark - 2);
}

/* Whether a block starts at `at`, any bit from 3 to `end` - 1; exact. */
static inline bool smh_bitmap_is_used_start(const struct smh_bitmap *map, uint32_t at)
{
    return smh_bitmap_test(map, at) && !smh_bitmap_test(map, at + 1) &&
           !smh_bitmap_mark_is_free(map, at) &&
           !smh_bitmap_is_descriptor(map->words[at / SMH_BITMAP_BITS]);
}

/* Size classes: one for each size below `exact`, then 2^SUB_BITS per power of two. */

static inline uint32_t smh_bitmap_class_far(const struct smh_bitmap *map, uint32_t size)
{
    unsigned shift = smh_floor_log2_u32(size) - SMH_BITMAP_SUB_BITS;

    return ((uint32_t)shift << SMH_BITMAP_SUB_BITS) + (size >> shift) + map->class_shift;
}

static inline uint32_t smh_bitmap_class(const struct smh_bitmap *map, uint32_t size)
{
    return size < map->exact ? size : smh_bitmap_class_far(map, size);
}

/* size rounded up to the smallest of a class: all chunks of that class and above suffice. Wraps to
 * 0 only for sizes beyond any region. */
static inline uint32_t smh_bitmap_round_to_class(const struct smh_bitmap *map, uint32_t size)
{
    uint32_t step = 1;

    if (size >= map->exact) {
        step <<= smh_floor_log2_u32(size) - SMH_BITMAP_SUB_BITS;
    }
    return (size + (step - 1)) & ~(step - 1);
}

/* Units that a block of `bytes` reserves, 0 when no chunk of this heap is so large. */
static inline uint32_t smh_bitmap_units(const struct smh_heap *heap, size_t bytes)
{
    const struct smh_bitmap *map = smh_bitmap_view(heap);
    uint32_t granules;
    uint32_t units;

    if (SMH_BITS_UNLIKELY(bytes > heap->capacity_bytes)) {
        return 0;
    }
    granules = (uint32_t)((bytes + (((size_t)1 << heap->step_shift) - 1)) >> heap->step_shift);
    units = granules << (heap->step_shift - map->unit_shift);
    return units < SMH_BITMAP_SMALLEST ? SMH_BITMAP_SMALLEST : units;
}

static inline size_t smh_bitmap_bytes(const struct smh_bitmap *map, uint32_t units)
{
    return (size_t)units << map->unit_shift;
}

/* bitmap_fast.c */
void *smh_bitmap_alloc(struct smh_heap *heap, size_t bytes);
int smh_bitmap_release(struct smh_heap *heap, void *block);
/* bitmap_info.c: what the vtable needs beside the operations. */
int smh_bitmap_verdict(const struct smh_heap *heap, const void *block);
size_t smh_bitmap_largest_free(const struct smh_heap *heap);
size_t smh_bitmap_sufficient_chunk(const struct smh_heap *heap, size_t align, size_t bytes);
bool smh_bitmap_walk(const struct smh_heap *heap, struct smh_chunk *chunk);
void smh_bitmap_chunk_of(const struct smh_heap *heap, const void *block, struct smh_chunk *chunk);
/* bitmap_check.c */
int smh_bitmap_check(const struct smh_heap *heap, struct smh_fault *fault);
/* bitmap_init.c */
int smh_bitmap_init(struct smh_heap *heap, const struct smh_heap_config *config);
size_t smh_bitmap_metadata_size(const struct smh_heap_config *config);

/* The most units that can be left unused before a block at a multiple of align, which is more than
 * the granule: with granules of one unit a gap of one is no chunk, and the block goes one further.
 */
static inline size_t smh_bitmap_worst_skip(const struct smh_heap *heap, size_t align)
{
    unsigned unit_shift = smh_bitmap_view(heap)->unit_shift;
    size_t units = align >> unit_shift;

    return heap->step_shift == unit_shift ? units + 1
                                          : units - ((size_t)1 << (heap->step_shift - unit_shift));
}

#endif
