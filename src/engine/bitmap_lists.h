/* bitmap_lists.h: the bitmap engine's free lists.
 *
 * Owns: which free chunk is found by its size.
 *
 *     heads   [2]  [3]  [4] ... [exact) [classes of four to the power of two ...]
 *              |         '-> free chunk <-> free chunk            links in the free chunks
 *     maps     1    0    1                                        which heads are not 0
 *
 * Invariants: every free chunk is in the list of its class, last in, first out. A list's first
 * chunk is known by its head, and its link back has no meaning: so taking it touches no other.
 */
#ifndef SMH_BITMAP_LISTS_H
#define SMH_BITMAP_LISTS_H

#include "bitmap_layout.h"

static inline void smh_bitmap_map_set(struct smh_bitmap *map, uint32_t class)
{
    map->maps[class / 32] |= 1u << (class % 32);
    map->top |= 1u << (class / 32 % 32);
}

static inline void smh_bitmap_map_clear(struct smh_bitmap *map, uint32_t class)
{
    uint32_t rest = map->maps[class / 32] & ~(1u << (class % 32));

    map->maps[class / 32] = rest;
    if (rest == 0) {
        map->top &= ~(1u << (class / 32 % 32));
    }
}

static inline void smh_bitmap_list_insert(struct smh_bitmap *map, uint32_t at, uint32_t class)
{
    uint32_t next = map->heads[class];

    smh_bitmap_links_at(map, at)->next = next;
    map->heads[class] = at;
    if (next != 0) {
        smh_bitmap_links_at(map, next)->previous = at;
    } else {
        smh_bitmap_map_set(map, class);
    }
}

/* A link out of a free chunk, which a stray write may have changed: 0 unless it leads to the start
 * of a free chunk, by the bitmap. So a damaged list ends early, and nothing else is touched. */
static inline uint32_t smh_bitmap_trusted(const struct smh_bitmap *map, uint32_t link)
{
    uint32_t shift = link % SMH_BITMAP_BITS - 1;

    if (link == 0 || link >= map->end) {
        return 0;
    }
    if (SMH_BITS_LIKELY(shift < SMH_BITMAP_BITS - 2)) {
        smh_bitmap_word word = map->words[link / SMH_BITMAP_BITS];

        return (word >> shift & 7) == 6 && !smh_bitmap_is_descriptor(word) ? link : 0;
    }
    return link >= SMH_BITMAP_FIRST && smh_bitmap_is_free_start(map, link) ? link : 0;
}

/* Takes the first chunk off its class's list. */
static inline void smh_bitmap_list_pop(struct smh_bitmap *map, uint32_t at, uint32_t class)
{
    uint32_t next = smh_bitmap_trusted(map, smh_bitmap_links_at(map, at)->next);

    map->heads[class] = next;
    if (next == 0) {
        smh_bitmap_map_clear(map, class);
    }
}

static inline void smh_bitmap_list_remove(struct smh_bitmap *map, uint32_t at, uint32_t class)
{
    const struct smh_bitmap_links *links = smh_bitmap_links_at(map, at);

    if (map->heads[class] == at) {
        smh_bitmap_list_pop(map, at, class);
    } else {
        uint32_t next = smh_bitmap_trusted(map, links->next);
        uint32_t previous = smh_bitmap_trusted(map, links->previous);

        if (previous != 0) {
            smh_bitmap_links_at(map, previous)->next = next;
        }
        if (next != 0) {
            smh_bitmap_links_at(map, next)->previous = previous;
        }
    }
}

/* The chunk `to` takes the place of `from` in the list; their ranges may overlap. */
static inline void smh_bitmap_list_replace(struct smh_bitmap *map, uint32_t from, uint32_t to,
                                           uint32_t class)
{
    uint32_t next = smh_bitmap_trusted(map, smh_bitmap_links_at(map, from)->next);
    uint32_t previous = 0;

    if (map->heads[class] == from) {
        map->heads[class] = to;
    } else {
        previous = smh_bitmap_trusted(map, smh_bitmap_links_at(map, from)->previous);
        if (previous != 0) {
            smh_bitmap_links_at(map, previous)->next = to;
        }
    }
    if (next != 0) {
        smh_bitmap_links_at(map, next)->previous = to;
    }
    smh_bitmap_links_at(map, to)->next = next;
    smh_bitmap_links_at(map, to)->previous = previous;
}

static inline uint32_t smh_bitmap_free_size(const struct smh_bitmap *map, uint32_t at,
                                            uint32_t class)
{
    return class < map->exact ? class : smh_bitmap_next(map, at + 1) - at;
}

/* The paths for every case; bitmap_fast.c has those for the most frequent ones. */
void *smh_bitmap_alloc_units(struct smh_heap *heap, uint32_t need);
/* A block of `need` units from the chunk at `at`, which is large enough and in the list `class`. */
void *smh_bitmap_carve(struct smh_heap *heap, uint32_t at, uint32_t class, uint32_t need);
int smh_bitmap_release_any(struct smh_heap *heap, void *block);
/* Frees the block at `at` that ends at `right`; `start` is at, or where the free chunk on its left
 * starts. 0. */
int smh_bitmap_merge(struct smh_heap *heap, uint32_t at, uint32_t right, uint32_t start,
                     bool right_free);

#endif
