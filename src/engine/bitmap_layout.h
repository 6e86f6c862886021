/* SPDX-License-Identifier: Apache-2.0 */
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
 * "none" in links. There is a word of zeros before the first, so that the bits on both sides of
 * any unit are had by reading three words.
 *
 * Words that lie wholly behind a chunk's mark and before its end are its inside, and zero. Where
 * there are three or more, the last but one on either side is a descriptor instead: more ones in
 * front than any other word begins with, and then the number of words inside. Thus the ends of a
 * chunk of any size are found in a constant number of steps, in either direction, while the words
 * next to one that holds a mark are always zeros or marks.
 *
 *     words      | ..1 0 0 0 |   0   | 11.. n |   0   | 11.. n |   0   | 0 0 1 1 .. |
 *                    '- mark   '-------- n words inside, here 5 ----'      '- next chunk
 *
 * One free chunk, the reserve, has its ends in the engine's state instead, and no descriptors: it
 * is what small requests are cut from, and changes with most of them.
 *
 * So that a wild pointer into a long chunk is judged in few steps too, there are milestones: of the
 * words between the descriptors, the first whose number is a multiple of 64 (of 32, where a word
 * has so many bits), the first that is one of 64 * 64, and so on, are descriptors too, and hold
 * the number of words inside that lie before them.
 *
 * A free chunk's own memory holds nothing but its two list links and, if it is large, its size; the
 * reserve's not even them.
 */
#ifndef SMH_BITMAP_LAYOUT_H
#define SMH_BITMAP_LAYOUT_H

#include "../bits.h"

#include <smh/engine.h>
#include <smh/port.h>

typedef uintptr_t smh_bitmap_word;

#define SMH_BITMAP_BITS     ((uint32_t)(sizeof(smh_bitmap_word) * 8))
#define SMH_BITMAP_FIRST    3u /* bit of the first unit */
#define SMH_BITMAP_SMALLEST 2u /* units of the smallest chunk */
/* Descriptors are the words from here on; the number is what lies above. No word of marks begins
 * with four ones. */
#define SMH_BITMAP_DESCRIPTOR ((smh_bitmap_word)0 - ((smh_bitmap_word)1 << SMH_BITMAP_COUNT_BITS))
#if UINTPTR_MAX > UINT32_MAX
#define SMH_BITMAP_COUNT_BITS 30u
#else
#define SMH_BITMAP_COUNT_BITS 28u
#endif
#define SMH_BITMAP_INSIDE 3u /* words inside from which on there are descriptors */
#define SMH_BITMAP_LONG   (SMH_BITMAP_INSIDE * SMH_BITMAP_BITS) /* longer ones may have them */
#define SMH_BITMAP_MAPS   (192u / SMH_BITMAP_BITS)
#define SMH_BITMAP_EXACT_MAX                                                                \
    64u                        /* classes of one size, at most: the lowest bits of the maps \
                                */
#define SMH_BITMAP_SUB_BITS 2u /* log2 of the other classes per power of two */
#define SMH_BITMAP_LOOK     4u /* chunks looked at in a class of large ones */

#define SMH_BITMAP_FAST_SHIFT 3u

/* Without a call, where code need not be small. */
#ifdef __OPTIMIZE_SIZE__
#define SMH_BITMAP_HOT static inline
#else
#define SMH_BITMAP_HOT static inline __attribute__((always_inline))
#endif

/* What lies in smh_heap.state. */
struct __attribute__((may_alias)) smh_bitmap {
    uintptr_t base; /* address of bit 0 */
    smh_bitmap_word *words;
    uint32_t *heads;                       /* first free chunk of each class, 0: none */
    smh_bitmap_word maps[SMH_BITMAP_MAPS]; /* bit c: class c is not empty */
    uint32_t reserve;                      /* the free chunk that is in no list; both 0: none */
    uint32_t reserve_end;
    uint32_t units; /* between the sentinels */
    uint32_t end;   /* bit of the sentinel */
    uint32_t exact; /* below so many units, a class holds one size */
#if UINTPTR_MAX > UINT32_MAX
    uintptr_t fast_units; /* the same as units, exact - 1 and odd_units, in the size of a */
    uintptr_t fast_last;  /* register; the first two are 0 where a unit is not 8 bytes */
    uintptr_t fast_odd;
#endif
    uint8_t class_shift; /* from the formula for sizes from `exact` on to their classes */
    uint8_t unit_shift;
    uint8_t odd_units; /* 1: sizes are even numbers of units, the granule being two; else 0 */
};
_Static_assert(sizeof(struct smh_bitmap) <= SMH_HEAP_STATE_WORDS * sizeof(uintptr_t),
               "the engine's state fits its place in the heap");

/* The first units of a free chunk. */
struct __attribute__((may_alias)) smh_bitmap_links {
    uint32_t next;
    uint32_t previous; /* of no meaning in its class's first */
    uint32_t size;     /* in large chunks only: so that looking at one that does not fit is cheap */
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

static inline size_t smh_bitmap_bytes(const struct smh_bitmap *map, uint32_t units)
{
    return (size_t)units << map->unit_shift;
}

/* --- bits ------------------------------------------------------------------------------------- */

static inline bool smh_bitmap_is_descriptor(smh_bitmap_word word)
{
    return word >= SMH_BITMAP_DESCRIPTOR;
}

static inline uint32_t smh_bitmap_lowest(smh_bitmap_word word)
{
#if SMH_BITS_HAVE_SCAN && UINTPTR_MAX > UINT32_MAX
    return (uint32_t)__builtin_ctzll(word);
#elif UINTPTR_MAX > UINT32_MAX
    uint32_t low = (uint32_t)word;

    return low != 0 ? smh_lowest_bit_u32(low) : 32 + smh_lowest_bit_u32((uint32_t)(word >> 32));
#else
    return smh_lowest_bit_u32(word);
#endif
}

/* Number of zeros in front of the highest set bit. */
static inline uint32_t smh_bitmap_leading(smh_bitmap_word word)
{
#if SMH_BITS_HAVE_SCAN && UINTPTR_MAX > UINT32_MAX
    return (uint32_t)__builtin_clzll(word);
#elif SMH_BITS_HAVE_SCAN
    return (uint32_t)__builtin_clz(word);
#else
    return SMH_BITMAP_BITS - 1 - smh_floor_log2(word);
#endif
}

/* The word that begins `shift` bits up in `low`, modulo its length, and goes on in `high`. */
static inline smh_bitmap_word smh_bitmap_funnel(smh_bitmap_word low, smh_bitmap_word high,
                                                uint32_t shift)
{
#if defined(__x86_64__) && !defined(__ILP32__)
    /* Compilers test for 64 first, though that cannot be. */
    __asm__("shrdq %b2, %1, %0" : "+r"(low) : "r"(high), "c"(shift) : "cc");
    return low;
#else
    shift %= SMH_BITMAP_BITS;
    return low >> shift | high << 1 << (SMH_BITMAP_BITS - 1 - shift);
#endif
}

/* The value with its lowest bits on top: so that one comparison tells whether they are zero and
 * the rest is small. shift is not 0. */
static inline uintptr_t smh_bitmap_rotate(uintptr_t value, unsigned shift)
{
    return value >> shift | value << (sizeof(value) * 8 - shift);
}

/* The first word behind `first` whose number is a multiple of step, a power of two. */
static inline uint32_t smh_bitmap_milestone(uint32_t first, uint32_t step)
{
    return (first | (step - 1)) + 1;
}

/* Writes the milestones of a chunk whose inside is the words from `first` up to `after`, or zeros
 * in their place. */
void smh_bitmap_mark_miles(struct smh_bitmap *map, uint32_t first, uint32_t after, bool present);
/* The next set bit after the mark of a chunk, whose last bit is `mark`: where the chunk ends. The
 * rest of the mark's word is zero. */
uint32_t smh_bitmap_next_far(const struct smh_bitmap *map, uint32_t mark);
/* The last set bit before the start of a chunk: the mark of the chunk on its left. What lies below
 * the start in its word is zero. */
uint32_t smh_bitmap_previous_far(const struct smh_bitmap *map, uint32_t start);

/* What is used all over the engine: without a call; once, in bitmap_lists.c, where code is to be
 * small. */
#ifdef __OPTIMIZE_SIZE__
#define SMH_BITMAP_ONCE
#else
#define SMH_BITMAP_ONCE static inline
#endif

SMH_BITMAP_ONCE bool smh_bitmap_test(const struct smh_bitmap *map, uint32_t at);
/* Inverts the bits of pattern, three at most, from `at` on. */
SMH_BITMAP_ONCE void smh_bitmap_flip(struct smh_bitmap *map, uint32_t at, smh_bitmap_word pattern);
/* next_far, wherever the chunk ends. */
SMH_BITMAP_ONCE uint32_t smh_bitmap_next(const struct smh_bitmap *map, uint32_t mark);
/* previous_far, wherever the mark is. */
SMH_BITMAP_ONCE uint32_t smh_bitmap_previous(const struct smh_bitmap *map, uint32_t start);
/* Writes the descriptors and milestones of a chunk with the last bit of its mark at `mark` that
 * ends at `end`, if it has any, or zeros in their place. */
SMH_BITMAP_ONCE void smh_bitmap_describe(struct smh_bitmap *map, uint32_t mark, uint32_t end,
                                         bool present);
/* Whether the chunk with this last bit of a mark is free: a run of two, not of one or three. */
SMH_BITMAP_ONCE bool smh_bitmap_mark_is_free(const struct smh_bitmap *map, uint32_t mark);

/* Whether a block starts at `at`, any bit from 3 to `end` - 1; exact. */
SMH_BITMAP_ONCE bool smh_bitmap_is_used_start(const struct smh_bitmap *map, uint32_t at);

#if !defined(__OPTIMIZE_SIZE__) || defined(SMH_BITMAP_ONCE_HERE)
SMH_BITMAP_ONCE bool smh_bitmap_test(const struct smh_bitmap *map, uint32_t at)
{
    return ((map->words[at / SMH_BITMAP_BITS] >> (at % SMH_BITMAP_BITS)) & 1u) != 0;
}

SMH_BITMAP_ONCE void smh_bitmap_flip(struct smh_bitmap *map, uint32_t at, smh_bitmap_word pattern)
{
    smh_bitmap_word *word = &map->words[at / SMH_BITMAP_BITS];
    uint32_t shift = at % SMH_BITMAP_BITS;

    word[0] ^= pattern << shift;
    if (SMH_BITS_UNLIKELY(shift > SMH_BITMAP_BITS - 3)) {
        word[1] ^= pattern >> (SMH_BITMAP_BITS - shift);
    }
}

SMH_BITMAP_ONCE uint32_t smh_bitmap_next(const struct smh_bitmap *map, uint32_t mark)
{
    smh_bitmap_word rest = map->words[mark / SMH_BITMAP_BITS] >> (mark % SMH_BITMAP_BITS) >> 1;

    return SMH_BITS_LIKELY(rest != 0) ? mark + 1 + smh_bitmap_lowest(rest)
                                      : smh_bitmap_next_far(map, mark);
}

SMH_BITMAP_ONCE uint32_t smh_bitmap_previous(const struct smh_bitmap *map, uint32_t start)
{
    smh_bitmap_word rest = map->words[start / SMH_BITMAP_BITS]
                           << (SMH_BITMAP_BITS - 1 - start % SMH_BITMAP_BITS) << 1;

    return SMH_BITS_LIKELY(rest != 0) ? start - 1 - smh_bitmap_leading(rest)
                                      : smh_bitmap_previous_far(map, start);
}

SMH_BITMAP_ONCE void smh_bitmap_describe(struct smh_bitmap *map, uint32_t mark, uint32_t end,
                                         bool present)
{
    uint32_t first = mark / SMH_BITMAP_BITS + 1;
    uint32_t after = end / SMH_BITMAP_BITS;

    if (after >= first + SMH_BITMAP_INSIDE) {
        smh_bitmap_word *words = map->words;
        smh_bitmap_word descriptor = present ? SMH_BITMAP_DESCRIPTOR + (after - first) : 0;

        words[first + 1] = descriptor;
        words[after - 2] = descriptor;
        if (SMH_BITS_UNLIKELY(smh_bitmap_milestone(first + 1, SMH_BITMAP_BITS) < after - 2)) {
            smh_bitmap_mark_miles(map, first, after, present);
        }
    }
}

SMH_BITMAP_ONCE bool smh_bitmap_mark_is_free(const struct smh_bitmap *map, uint32_t mark)
{
    return mark >= 2 && smh_bitmap_test(map, mark - 1) && !smh_bitmap_test(map, mark - 2);
}

SMH_BITMAP_ONCE bool smh_bitmap_is_used_start(const struct smh_bitmap *map, uint32_t at)
{
    return smh_bitmap_test(map, at) && !smh_bitmap_test(map, at + 1) &&
           !smh_bitmap_mark_is_free(map, at) &&
           !smh_bitmap_is_descriptor(map->words[at / SMH_BITMAP_BITS]);
}
#endif

/* Whether a free chunk starts at `at`, any bit from 3 to `end`; exact. */
static inline bool smh_bitmap_is_free_start(const struct smh_bitmap *map, uint32_t at)
{
    return smh_bitmap_test(map, at) && smh_bitmap_test(map, at + 1) &&
           !smh_bitmap_test(map, at - 1) &&
           !smh_bitmap_is_descriptor(map->words[at / SMH_BITMAP_BITS]);
}

/* --- sizes ------------------------------------------------------------------------------------ */

/* Size classes: one for each size below `exact`; from class 64 on, 2^SUB_BITS per power of two. */
static inline uint32_t smh_bitmap_large_class(const struct smh_bitmap *map, uint32_t size)
{
    unsigned shift = smh_floor_log2_u32(size) - SMH_BITMAP_SUB_BITS;

    return ((uint32_t)shift << SMH_BITMAP_SUB_BITS) + (size >> shift) + map->class_shift;
}

static inline uint32_t smh_bitmap_class(const struct smh_bitmap *map, uint32_t size)
{
    return size < map->exact ? size : smh_bitmap_large_class(map, size);
}

static inline uint32_t smh_bitmap_head_index(const struct smh_bitmap *map, uint32_t class)
{
    return class < SMH_BITMAP_EXACT_MAX ? class : class - SMH_BITMAP_EXACT_MAX + map->exact;
}

static inline uint32_t *smh_bitmap_head(const struct smh_bitmap *map, uint32_t class)
{
    return &map->heads[smh_bitmap_head_index(map, class)];
}

static inline uint32_t *smh_bitmap_large_head(const struct smh_bitmap *map, uint32_t class)
{
    return &map->heads[class - SMH_BITMAP_EXACT_MAX + map->exact];
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

/* Units that a block of `bytes` > 0 reserves; more than any chunk has when that is too much. */
static inline size_t smh_bitmap_units(const struct smh_bitmap *map, size_t bytes)
{
    size_t units = (((bytes - 1) >> map->unit_shift) | map->odd_units) + 1;

    return units + (units < SMH_BITMAP_SMALLEST);
}

/* --- operations, by file ---------------------------------------------------------------------- */

/* bitmap_fast.c: the vtable's acquire and release. */
void *smh_bitmap_acquire(struct smh_heap *heap, size_t bytes);
int smh_bitmap_release(struct smh_heap *heap, void *block);
/* bitmap.c: the same for every case. */
void *smh_bitmap_acquire_any(struct smh_heap *heap, size_t bytes);
int smh_bitmap_release_any(struct smh_heap *heap, void *block);
/* The same for a block that may be at `at`, a bit between the sentinels; above: the bitmap from
 * there on; below: the bits before it. */
int smh_bitmap_release_at(struct smh_heap *heap, uint32_t at, smh_bitmap_word above,
                          smh_bitmap_word below);
/* Frees the block [at, end), already counted; start: of the free chunk on its left, or at;
 * right_end: of the one on its right, 0: not looked for, or end. 0. */
int smh_bitmap_merge(struct smh_bitmap *map, uint32_t at, uint32_t end, uint32_t start,
                     uint32_t right_end);
/* bitmap.c: the rest of the table. */
void *smh_bitmap_aligned_alloc(struct smh_heap *heap, size_t align, size_t bytes);
static inline void *smh_bitmap_alloc(struct smh_heap *heap, size_t bytes)
{
    return smh_bitmap_aligned_alloc(heap, 0, bytes);
}
void smh_bitmap_free(struct smh_heap *heap, void *block);
bool smh_bitmap_resize(struct smh_heap *heap, void *block, size_t bytes);
void *smh_bitmap_slide(struct smh_heap *heap, void *block, size_t bytes);
size_t smh_bitmap_usable_size(const struct smh_heap *heap, const void *block);
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
