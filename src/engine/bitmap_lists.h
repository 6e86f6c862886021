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
 * no other. The reserve has `exact` units or more; between operations there is none only if no
 * list of large chunks holds any.
 *
 * Links lie in free memory, where a stray write may change them, so the bitmap is asked about each.
 * A link between small chunks counts only if it leads to a free chunk of the very size; so their
 * lists never hold anything else. Between large chunks it has to lead to a free chunk when it is
 * followed or written behind, and the first of a list to have the right class when it is taken.
 * What is not so ends the list: chunks are lost to it, and nothing else is touched.
 */
#ifndef SMH_BITMAP_LISTS_H
#define SMH_BITMAP_LISTS_H

#include "bitmap_layout.h"

/* The link, or 0 if it does not lead to a free chunk; so not to a free chunk of `size` units. */
uint32_t smh_bitmap_trusted_far(const struct smh_bitmap *map, uint32_t link);

static inline uint32_t smh_bitmap_trusted(const struct smh_bitmap *map, uint32_t link)
{
    smh_bitmap_word word;

    if (link - SMH_BITMAP_FIRST >= map->units) {
        return 0;
    }
    word = map->words[link / SMH_BITMAP_BITS];
    if (SMH_BITS_LIKELY((word >> ((link - 1) % SMH_BITMAP_BITS) & 7) == 6 &&
                        !smh_bitmap_is_descriptor(word))) {
        return link;
    }
    return smh_bitmap_trusted_far(map, link); /* the bits may lie in two words */
}

/* size: of a small chunk. */
static inline uint32_t smh_bitmap_trusted_of(const struct smh_bitmap *map, uint32_t link,
                                             uint32_t size)
{
#if UINTPTR_MAX > UINT32_MAX && !defined(__OPTIMIZE_SIZE__)
    /* The bits from the one before the link on, which begin with 0 1 1, up to the one at its end.
     */
    const smh_bitmap_word *word = &map->words[(link - 1) / 64];
    smh_bitmap_word window;

    if (link - SMH_BITMAP_FIRST >= map->units) {
        return 0;
    }
    window = smh_bitmap_funnel(word[0], word[1], link - 1);
    if ((window ^ 6) << (62 - size) != (uint64_t)1 << 63 || smh_bitmap_is_descriptor(word[0]) ||
        smh_bitmap_is_descriptor(word[1])) {
        return 0;
    }
    return link;
#else
    return smh_bitmap_trusted(map, link) != 0 && smh_bitmap_next(map, link + 1) - link == size
               ? link
               : 0;
#endif
}

static inline void smh_bitmap_map_flip(struct smh_bitmap *map, uint32_t class)
{
    map->maps[class / 32] ^= 1u << (class % 32);
}

/* Small lists: a class is a size. */

static inline void smh_bitmap_small_insert(struct smh_bitmap *map, uint32_t at, uint32_t size)
{
    uint32_t next = map->heads[size];

    smh_bitmap_links_at(map, at)->next = next;
    map->heads[size] = at;
    if (next != 0) {
        smh_bitmap_links_at(map, next)->previous = at;
    } else {
        smh_bitmap_map_flip(map, size);
    }
}

/* Takes the first, at `at`, off its list. */
static inline void smh_bitmap_small_pop(struct smh_bitmap *map, uint32_t at, uint32_t size)
{
    uint32_t next = smh_bitmap_links_at(map, at)->next;

    if (next != 0) {
        next = smh_bitmap_trusted_of(map, next, size);
    }
    map->heads[size] = next;
    if (next == 0) {
        smh_bitmap_map_flip(map, size);
    }
}

static inline void smh_bitmap_small_remove(struct smh_bitmap *map, uint32_t at, uint32_t size)
{
    const struct smh_bitmap_links *links = smh_bitmap_links_at(map, at);
    uint32_t next;
    uint32_t previous;

    if (map->heads[size] == at) {
        smh_bitmap_small_pop(map, at, size);
        return;
    }
    next = links->next;
    if (next != 0) {
        next = smh_bitmap_trusted_of(map, next, size);
    }
    previous = smh_bitmap_trusted_of(map, links->previous, size);
    if (previous != 0) {
        smh_bitmap_links_at(map, previous)->next = next;
    }
    if (next != 0) {
        smh_bitmap_links_at(map, next)->previous = previous;
    }
}

/* Places the marked free chunk [at, end), which is nowhere, has no descriptors, and is large. */
void smh_bitmap_large_place(struct smh_bitmap *map, uint32_t at, uint32_t end);
/* Takes a listed large chunk out, and its descriptors from it. */
void smh_bitmap_large_remove(struct smh_bitmap *map, uint32_t at, uint32_t end);

/* Makes the smallest listed large chunk the reserve, of which there is none. */
void smh_bitmap_refill(struct smh_bitmap *map);

static inline void smh_bitmap_place(struct smh_bitmap *map, uint32_t at, uint32_t end)
{
    uint32_t size = end - at;

    if (SMH_BITS_LIKELY(size < map->exact)) {
        smh_bitmap_small_insert(map, at, size);
    } else {
        smh_bitmap_large_place(map, at, end);
    }
}

/* For any free chunk but the reserve. */
static inline void smh_bitmap_remove(struct smh_bitmap *map, uint32_t at, uint32_t end)
{
    uint32_t size = end - at;

    if (SMH_BITS_LIKELY(size < map->exact)) {
        smh_bitmap_small_remove(map, at, size);
    } else {
        smh_bitmap_large_remove(map, at, end);
    }
}

/* A free chunk that a request takes; at is 0: none. */
struct smh_bitmap_extent {
    uint32_t at;
    uint32_t end;
};

/* The free chunk for a request of `need` units, still where it was. */
struct smh_bitmap_extent smh_bitmap_find(struct smh_bitmap *map, uint32_t need);

#endif
