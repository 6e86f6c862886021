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

__attribute__((noinline)) void smh_bitmap_small_remove(struct smh_bitmap *map, uint32_t at,
                                                       uint32_t size)
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

/* The reserve is the smallest large chunk, as far as is known without a search. */
__attribute__((noinline)) void smh_bitmap_large_place(struct smh_bitmap *map, uint32_t at,
                                                      uint32_t end)
{
    uint32_t old = map->reserve;
    uint32_t old_end = map->reserve_end;
    uint32_t class;
    uint32_t *head;
    uint32_t next;

    if (old_end - old - 1 >= end - at) { /* there is none, or it is larger: it is listed instead */
        map->reserve = at;
        map->reserve_end = end;
        if (old == 0) {
            return;
        }
        at = old;
        end = old_end;
    }
    class = smh_bitmap_large_class(map, end - at);
    head = smh_bitmap_large_head(map, class);
    next = smh_bitmap_trusted(map, *head);
    *head = at;
    smh_bitmap_links_at(map, at)->next = next;
    map->maps[class / 32] |= 1u << (class % 32);
    if (next != 0) {
        smh_bitmap_links_at(map, next)->previous = at;
    }
    smh_bitmap_describe(map, at + 1, end, true);
}

__attribute__((noinline)) void smh_bitmap_large_remove(struct smh_bitmap *map, uint32_t at,
                                                       uint32_t end)
{
    uint32_t class = smh_bitmap_large_class(map, end - at);
    uint32_t *head = smh_bitmap_large_head(map, class);
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

/* The first chunk of a class of large ones, or none: a list whose first is no free chunk, or of
 * another class, has been led there by a stray write. */
static inline struct smh_bitmap_extent look_into(const struct smh_bitmap *map, uint32_t class)
{
    uint32_t at = smh_bitmap_trusted(map, *smh_bitmap_large_head(map, class));
    uint32_t end;

    if (at != 0) {
        end = smh_bitmap_next(map, at + 1);
        if (SMH_BITS_LIKELY(smh_bitmap_class(map, end - at) == class)) {
            return (struct smh_bitmap_extent){at, end, class};
        }
    }
    return (struct smh_bitmap_extent){0, 0, 0};
}

/* The first chunk of the smallest class from `class` on that holds any. */
static struct smh_bitmap_extent first_of(const struct smh_bitmap *map, uint32_t class)
{
    struct smh_bitmap_extent found = {0, 0, 0};

    while (found.at == 0 && (class = smh_bitmap_first_class(map, class)) != 0) {
        found = look_into(map, class);
        class ++;
    }
    return found;
}

__attribute__((noinline)) void smh_bitmap_refill(struct smh_bitmap *map)
{
    struct smh_bitmap_extent found = first_of(map, SMH_BITMAP_EXACT_MAX);

    if (found.at != 0) {
        smh_bitmap_take(map, found);
        map->reserve = found.at;
        map->reserve_end = found.end;
    }
}

/* The smaller of the first two chunks of the class of `need` that have so many units, or one of the
 * next class that holds any. */
_Static_assert(SMH_BITMAP_LOOK == 2, "two are looked at");
__attribute__((noinline)) struct smh_bitmap_extent smh_bitmap_find_large(struct smh_bitmap *map,
                                                                         uint32_t need)
{
    uint32_t class = smh_bitmap_large_class(map, need);
    struct smh_bitmap_extent first = look_into(map, class);
    uint32_t size = first.end - first.at;
    uint32_t at;

    if (first.at == 0) {
        return first_of(map, class + 1);
    }
    at = smh_bitmap_trusted(map, smh_bitmap_links_at(map, first.at)->next);
    if (at != 0) {
        uint32_t end = smh_bitmap_next(map, at + 1);

        if (end - at >= need && (end - at < size || size < need)) {
            return (struct smh_bitmap_extent){at, end, 0};
        }
    }
    return size >= need ? first : first_of(map, class + 1);
}
