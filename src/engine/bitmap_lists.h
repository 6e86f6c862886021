/* SPDX-License-Identifier: Apache-2.0 */
/* bitmap_lists.h: the bitmap engine's free chunks, by size.
 *
 * Owns: which free chunk is found for a request.
 *
 *     heads    [2]  [3]  [4] ... [exact) [64: classes of four to the power of two ...]
 *               |         '-> free chunk <-> free chunk            links in the free chunks
 *     maps      1    0    1                                        which heads are not 0
 *     reserve  one large free chunk in no list
 *
 * Invariants: every free chunk but the reserve is in the list of its class, last in, first out. A
 * list's first chunk is known by its head, and its link back has no meaning: so taking it touches
 * no other. The reserve has `exact` units or more. There may be none until a small
 * request has searched the lists for want of one, and its rest becomes it.
 *
 * Links lie in free memory, where a stray write may change them, so the bitmap is asked about each.
 * A link between small chunks counts only if it leads to a free chunk of the very size; so their
 * lists never hold anything else. Between large chunks it has to lead to a free chunk when it is
 * written behind or taken, and a chunk that is taken to have the size that it says. What is not so
 * ends the list: chunks are lost to it, and nothing else is touched.
 */
#ifndef SMH_BITMAP_LISTS_H
#define SMH_BITMAP_LISTS_H

#include "bitmap_layout.h"

/* The link, or 0 if it does not lead to a free chunk. */
#if UINTPTR_MAX > UINT32_MAX && !defined(__OPTIMIZE_SIZE__)
static inline uint32_t smh_bitmap_trusted(const struct smh_bitmap *map, uint32_t link)
{
    const smh_bitmap_word *word = &map->words[(link - 1) / 64];

    if (link - SMH_BITMAP_FIRST >= map->units ||
        (smh_bitmap_funnel(word[0], word[1], link - 1) & 7) != 6 ||
        smh_bitmap_is_descriptor(word[0]) ||
        (link % 64 == 0 && smh_bitmap_is_descriptor(word[1]))) {
        return 0;
    }
    return link;
}
#else
uint32_t smh_bitmap_trusted(const struct smh_bitmap *map, uint32_t link);
#endif

static inline void smh_bitmap_map_flip(struct smh_bitmap *map, uint32_t class)
{
    map->maps[class / SMH_BITMAP_BITS] ^= (smh_bitmap_word)1 << (class % SMH_BITMAP_BITS);
}

/* Places the marked free chunk [at, end), which is nowhere and has no descriptors. */
void smh_bitmap_place(struct smh_bitmap *map, uint32_t at, uint32_t end);
/* Takes any free chunk but the reserve out, and its descriptors from it. */
void smh_bitmap_remove(struct smh_bitmap *map, uint32_t at, uint32_t end);

/* A free chunk that a request takes; at is 0: none. */
struct smh_bitmap_extent {
    uint32_t at;
    uint32_t end;
};

/* The same as remove, and for the reserve too. */
static inline void smh_bitmap_take(struct smh_bitmap *map, struct smh_bitmap_extent found)
{
    if (found.at == map->reserve) {
        map->reserve = 0;
        map->reserve_end = 0;
    } else {
        smh_bitmap_remove(map, found.at, found.end);
    }
}

/* The first class from `class` on that is not empty, or 0. */
SMH_BITMAP_ONCE uint32_t smh_bitmap_first_class(const struct smh_bitmap *map, uint32_t class);
#if !defined(__OPTIMIZE_SIZE__) || defined(SMH_BITMAP_ONCE_HERE)
SMH_BITMAP_ONCE uint32_t smh_bitmap_first_class(const struct smh_bitmap *map, uint32_t class)
{
    uint32_t index = class / SMH_BITMAP_BITS;
    smh_bitmap_word bits = ~(smh_bitmap_word)0 << (class % SMH_BITMAP_BITS);

    for (; index < SMH_BITMAP_MAPS; index++) {
        bits &= map->maps[index];
        if (bits != 0) {
            return index * SMH_BITMAP_BITS + smh_bitmap_lowest(bits);
        }
        bits = ~(smh_bitmap_word)0;
    }
    return 0;
}
#endif

/* Makes a smallest large chunk the reserve, if there is any. */
void smh_bitmap_refill(struct smh_bitmap *map);

/* In the lists: for `exact` units at least. An alignment may ask for more than any chunk has. */
struct smh_bitmap_extent smh_bitmap_find_large(struct smh_bitmap *map, uint32_t need);

/* The free chunk for a request of `need` units, still where it was. */
SMH_BITMAP_HOT struct smh_bitmap_extent smh_bitmap_find(struct smh_bitmap *map, uint32_t need)
{
    if (need < map->exact) {
        uint32_t class = smh_bitmap_first_class(map, need);

        if (class - 1 < SMH_BITMAP_EXACT_MAX - 1) {
            return (struct smh_bitmap_extent){map->heads[class], map->heads[class] + class};
        }
        need = map->exact;
    }
    if (need <= map->reserve_end - map->reserve) {
        return (struct smh_bitmap_extent){map->reserve, map->reserve_end};
    }
    return smh_bitmap_find_large(map, need);
}

/* Whether no free chunk is larger than the one of `size` units that was found for a large request,
 * as far as the classes tell. The reserve is not: it would have been found first. */
static inline bool smh_bitmap_is_largest(const struct smh_bitmap *map, uint32_t size)
{
    return smh_bitmap_first_class(map, smh_bitmap_large_class(map, size) + 1) == 0;
}

#endif
