/* SPDX-License-Identifier: Apache-2.0 */
/* bitmap_lists.c: the bitmap engine's large free chunks, and the search.
 *
 * Owns: see bitmap_lists.h.
 */
#define SMH_BITMAP_ONCE_HERE
#include "bitmap_lists.h"

#if UINTPTR_MAX == UINT32_MAX || defined(__OPTIMIZE_SIZE__)
uint32_t smh_bitmap_trusted(const struct smh_bitmap *map, uint32_t link)
{
    return link - SMH_BITMAP_FIRST < map->units && smh_bitmap_is_free_start(map, link) ? link : 0;
}
#endif

/* The link, or 0 if it does not lead to a free chunk, of the very size if that is small. */
static inline uint32_t trusted_in(const struct smh_bitmap *map, uint32_t link, uint32_t class)
{
    link = smh_bitmap_trusted(map, link);
    return link == 0 || class >= SMH_BITMAP_EXACT_MAX ||
                   smh_bitmap_next(map, link + 1) - link == class
               ? link
               : 0;
}

/* The reserve is the smallest large chunk, as far as is known without a search. */
__attribute__((noinline)) void smh_bitmap_place(struct smh_bitmap *map, uint32_t at, uint32_t end)
{
    uint32_t class = end - at;
    uint32_t *head = &map->heads[class];
    uint32_t next;

    if (class >= map->exact) {
        uint32_t old = map->reserve;
        uint32_t old_end = map->reserve_end;

        if (class == map->units) { /* all is free again, as it was at first */
            map->reserve = at;
            map->reserve_end = end;
            return;
        }
        if (old_end - old >= class) { /* that is listed instead */
            map->reserve = at;
            map->reserve_end = end;
            at = old;
            end = old_end;
        }
        smh_bitmap_describe(map, at + 1, end, true);
        class = smh_bitmap_large_class(map, end - at);
        head = smh_bitmap_large_head(map, class);
        *head = smh_bitmap_trusted(map, *head);
        smh_bitmap_links_at(map, at)->size = end - at;
    }
    next = *head;
    *head = at;
    smh_bitmap_links_at(map, at)->next = next;
    if (next != 0) {
        smh_bitmap_links_at(map, next)->previous = at;
    } else {
        map->maps[class / SMH_BITMAP_BITS] |= (smh_bitmap_word)1 << (class % SMH_BITMAP_BITS);
    }
}

__attribute__((noinline)) void smh_bitmap_remove(struct smh_bitmap *map, uint32_t at, uint32_t end)
{
    uint32_t class = end - at;
    uint32_t *head = &map->heads[class];
    const struct smh_bitmap_links *links = smh_bitmap_links_at(map, at);
    uint32_t next;
    uint32_t previous;

    if (class >= map->exact) {
        smh_bitmap_describe(map, at + 1, end, false);
        class = smh_bitmap_large_class(map, class);
        head = smh_bitmap_large_head(map, class);
    }
    next = links->next == at ? 0 : trusted_in(map, links->next, class);
    if (*head == at) {
        *head = next;
        if (next == 0) {
            smh_bitmap_map_flip(map, class);
        }
        return;
    }
    previous = trusted_in(map, links->previous, class);
    if (previous != 0) {
        smh_bitmap_links_at(map, previous)->next = next;
    }
    if (next != 0) {
        smh_bitmap_links_at(map, next)->previous = previous;
    }
}

/* Whether the free chunk whose mark's last bit is `mark` ends at `end`, a bit behind it. What a
 * descriptor says of it is enough for a yes. */
static inline bool ends_at(const struct smh_bitmap *map, uint32_t mark, uint32_t end)
{
#ifndef __OPTIMIZE_SIZE__
    uint32_t first = mark / SMH_BITMAP_BITS + 1;
    uint32_t after = end / SMH_BITMAP_BITS;

    if (SMH_BITS_LIKELY(map->words[first + 1] == SMH_BITMAP_DESCRIPTOR + (after - first)) &&
        map->words[first - 1] >> (mark % SMH_BITMAP_BITS) == 1 &&
        map->words[after] << (SMH_BITMAP_BITS - 1 - end % SMH_BITMAP_BITS) ==
            (smh_bitmap_word)1 << (SMH_BITMAP_BITS - 1)) {
        return true;
    }
#endif
    return smh_bitmap_next(map, mark) == end;
}

/* The smallest of the first chunks of a class that have `need` units, or none. What they say of
 * themselves is believed of the one that is taken only if the bitmap says so too: a list may have
 * been led astray by a stray write. */
static inline struct smh_bitmap_extent look_into(const struct smh_bitmap *map, uint32_t class,
                                                 uint32_t need)
{
    uint32_t at = *smh_bitmap_large_head(map, class);
    uint32_t excess = 0 - need; /* of the smallest; what is too small comes out larger */
    uint32_t found = 0;

    for (uint32_t look = SMH_BITMAP_LOOK; look != 0 && at - SMH_BITMAP_FIRST < map->units - 1;
         look--) {
        const struct smh_bitmap_links *links = smh_bitmap_links_at(map, at);

        if (links->size - need < excess) {
            found = at;
            excess = links->size - need;
        }
        at = links->next;
    }
    excess += need;
    if (smh_bitmap_trusted(map, found) == 0 || excess > map->end - found ||
        !ends_at(map, found + 1, found + excess)) {
        found = 0;
    }
    return (struct smh_bitmap_extent){found, found + excess};
}

/* The smallest seen in the class of `need`, or else in the next class that holds any. */
__attribute__((noinline)) struct smh_bitmap_extent smh_bitmap_find_large(struct smh_bitmap *map,
                                                                         uint32_t need)
{
    uint32_t class = smh_bitmap_first_class(map, smh_bitmap_large_class(map, need));

    while (class != 0) {
        struct smh_bitmap_extent found = look_into(map, class, need);

        if (SMH_BITS_LIKELY(found.at != 0)) {
            return found;
        }
        class = smh_bitmap_first_class(map, class + 1);
    }
    return (struct smh_bitmap_extent){0, 0};
}

/* Makes the smallest large chunk seen the reserve, of which there is none. */
__attribute__((noinline)) void smh_bitmap_refill(struct smh_bitmap *map)
{
    struct smh_bitmap_extent found = smh_bitmap_find_large(map, map->exact);

    if (found.at != 0) {
        smh_bitmap_remove(map, found.at, found.end);
        map->reserve = found.at;
        map->reserve_end = found.end;
    }
}
