/* bitmap_lists.c: the bitmap engine's large free chunks, and the search.
 *
 * Owns: see bitmap_lists.h.
 */
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
        map->maps[class / 32] |= 1u << (class % 32);
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

/* The smallest of the first chunks of a class that have `need` units and fewer than `size`, or 0.
 * What they say of themselves is believed of the one that is taken only if the bitmap says so too:
 * a list may have been led astray by a stray write. */
static inline uint32_t look_into(const struct smh_bitmap *map, uint32_t class, uint32_t need,
                                 uint32_t *size)
{
    uint32_t at = *smh_bitmap_large_head(map, class);
    uint32_t smallest = *size;
    uint32_t found = 0;

    for (uint32_t look = SMH_BITMAP_LOOK; look != 0 && at - SMH_BITMAP_FIRST < map->units - 1;
         look--) {
        const struct smh_bitmap_links *links = smh_bitmap_links_at(map, at);

        if (links->size >= need && links->size < smallest) {
            found = at;
            smallest = links->size;
        }
        at = links->next;
    }
    if (found == 0 || smh_bitmap_trusted(map, found) == 0 ||
        smh_bitmap_next(map, found + 1) - found != smallest) {
        return 0;
    }
    *size = smallest;
    return found;
}

/* The smallest seen in the class of `need`, or else in the next class that holds any; or the
 * reserve, if it is no larger. */
__attribute__((noinline)) struct smh_bitmap_extent smh_bitmap_find_large(struct smh_bitmap *map,
                                                                         uint32_t need)
{
    struct smh_bitmap_extent found = {map->reserve, map->reserve_end};
    uint32_t size = found.end - found.at;
    uint32_t last = SMH_BITMAP_MAPS * 32;
    uint32_t class;
    uint32_t at;

    if (size >= need) {
        last = smh_bitmap_large_class(map, size);
    } else {
        size = UINT32_MAX;
        found.at = 0;
    }
    class = smh_bitmap_first_class(map, smh_bitmap_large_class(map, need));
    while (class - 1 < last) {
        at = look_into(map, class, need, &size);
        if (SMH_BITS_LIKELY(at != 0)) {
            return (struct smh_bitmap_extent){at, at + size};
        }
        class = smh_bitmap_first_class(map, class + 1);
    }
    return found;
}
