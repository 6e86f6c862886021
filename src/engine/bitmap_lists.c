/* bitmap_lists.c: the bitmap engine's large free chunks, and the search.
 *
 * Owns: see bitmap_lists.h.
 */
#include "bitmap_lists.h"

uint32_t smh_bitmap_trusted_far(const struct smh_bitmap *map, uint32_t link)
{
    return smh_bitmap_is_free_start(map, link) ? link : 0;
}

static void list(struct smh_bitmap *map, uint32_t at, uint32_t end)
{
    uint32_t class = smh_bitmap_class(map, end - at);
    uint32_t *head = smh_bitmap_head(map, class);
    uint32_t next = smh_bitmap_trusted(map, *head);

    smh_bitmap_links_at(map, at)->next = next;
    *head = at;
    map->maps[class / 32] |= 1u << (class % 32);
    if (next != 0) {
        smh_bitmap_links_at(map, next)->previous = at;
    }
    smh_bitmap_describe(map, at + 1, end, true);
}

/* The reserve is the smallest large chunk, as far as is known without a search. */
__attribute__((noinline)) void smh_bitmap_large_place(struct smh_bitmap *map, uint32_t at,
                                                      uint32_t end)
{
    uint32_t old = map->reserve;
    uint32_t old_end = map->reserve_end;

    if (old_end - old - 1 < end - at) { /* there is one, and it is not larger */
        list(map, at, end);
        return;
    }
    map->reserve = at;
    map->reserve_end = end;
    if (old != 0) {
        list(map, old, old_end);
    }
}

__attribute__((noinline)) void smh_bitmap_large_remove(struct smh_bitmap *map, uint32_t at,
                                                       uint32_t end)
{
    uint32_t class = smh_bitmap_class(map, end - at);
    uint32_t *head = smh_bitmap_head(map, class);
    const struct smh_bitmap_links *links = smh_bitmap_links_at(map, at);
    uint32_t next = smh_bitmap_trusted(map, links->next);
    uint32_t previous;

    smh_bitmap_describe(map, at + 1, end, false);
    if (*head == at) {
        *head = next;
        if (next == 0) {
            smh_bitmap_map_flip(map, class);
        }
        return;
    }
    previous = smh_bitmap_trusted(map, links->previous);
    if (previous != 0) {
        smh_bitmap_links_at(map, previous)->next = next;
    }
    if (next != 0) {
        smh_bitmap_links_at(map, next)->previous = previous;
    }
}

/* The first class from `class` on that is not empty, or 0. */
static uint32_t first_class(const struct smh_bitmap *map, uint32_t class)
{
    uint32_t index = class / 32;
    uint32_t bits = ~0u << (class % 32);

    while (index < SMH_BITMAP_MAPS && (bits &= map->maps[index]) == 0) {
        index++;
        bits = ~0u;
    }
    return index == SMH_BITMAP_MAPS ? 0 : index * 32 + smh_lowest_bit_u32(bits);
}

/* The smaller of the first `looks` chunks of a class that have `need` units. A list whose first
 * chunk is none, or of another class, has been led there by a stray write, and is passed over. */
static inline struct smh_bitmap_extent look_into(const struct smh_bitmap *map, uint32_t class,
                                                 uint32_t need, uint32_t looks)
{
    struct smh_bitmap_extent found = {0, UINT32_MAX};
    uint32_t at = smh_bitmap_trusted(map, *smh_bitmap_head(map, class));
    uint32_t end;

    if (at == 0) {
        return found;
    }
    end = smh_bitmap_next(map, at + 1);
    if (smh_bitmap_class(map, end - at) != class) {
        return found;
    }
    for (;;) {
        if (end - at >= need && end - at < found.end - found.at) {
            found.at = at;
            found.end = end;
        }
        if (--looks == 0) {
            break;
        }
        at = smh_bitmap_trusted(map, smh_bitmap_links_at(map, at)->next);
        if (at == 0) {
            break;
        }
        end = smh_bitmap_next(map, at + 1);
    }
    return found;
}

/* The first chunk of the smallest class from `class` on that holds any. */
static struct smh_bitmap_extent first_of(const struct smh_bitmap *map, uint32_t class)
{
    struct smh_bitmap_extent found = {0, 0};

    while (found.at == 0 && (class = first_class(map, class)) != 0) {
        found = look_into(map, class, 0, 1);
        class ++;
    }
    return found;
}

__attribute__((noinline)) void smh_bitmap_refill(struct smh_bitmap *map)
{
    struct smh_bitmap_extent found = first_of(map, SMH_BITMAP_EXACT_MAX);

    if (found.at != 0) {
        smh_bitmap_large_remove(map, found.at, found.end);
        map->reserve = found.at;
        map->reserve_end = found.end;
    }
}

struct smh_bitmap_extent smh_bitmap_find(struct smh_bitmap *map, uint32_t need)
{
    struct smh_bitmap_extent found = {map->reserve, map->reserve_end};
    uint32_t class = need;

    if (need < map->exact) {
        class = first_class(map, need);
        if (class - 1 < SMH_BITMAP_EXACT_MAX - 1) {
            found.at = map->heads[class];
            found.end = found.at + class;
        }
        return found;
    }
    if (need <= found.end - found.at) {
        return found;
    }
    if (need > map->units) {
        found.at = 0; /* an alignment may ask for more; there need be no such class */
        return found;
    }
    class = smh_bitmap_class(map, need);
    found = look_into(map, class, need, SMH_BITMAP_LOOK);
    return found.at != 0 ? found : first_of(map, class + 1);
}
