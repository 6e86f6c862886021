/* SPDX-License-Identifier: Apache-2.0 */
/* bitmap_check.c: the bitmap engine's validator.
 *
 * Owns: every rule of bitmap_layout.h and of the free lists, each by name.
 * Invariants: changes nothing; reads tables, and of memory only the links of what the bitmap says
 * is a free chunk; ends on any damage, as each step moves on through the bitmap or counts down.
 */
#include "bitmap_lists.h"

/* Heads that the tables have, those of no class included. */
static uint32_t head_count(const struct smh_heap *heap)
{
    const uint8_t *heads = (const uint8_t *)smh_bitmap_view(heap)->heads;

    return (uint32_t)((size_t)(heap->metadata + heap->metadata_size - heads) / sizeof(uint32_t));
}

static int broken(const struct smh_heap *heap, struct smh_fault *fault, uint32_t at,
                  const char *rule)
{
    fault->rule = rule;
    fault->offset =
        (size_t)(smh_bitmap_address(smh_bitmap_view(heap), at) - (uintptr_t)heap->memory);
    return -EINVAL;
}

/* The next set bit behind `mark` in words of marks, without help of descriptors; `end` at most. */
static uint32_t next_mark(const struct smh_bitmap *map, uint32_t mark)
{
    uint32_t index = mark / SMH_BITMAP_BITS;
    smh_bitmap_word word = map->words[index] >> (mark % SMH_BITMAP_BITS) >> 1;

    if (word != 0) {
        return mark + 1 + smh_bitmap_lowest(word);
    }
    do {
        index++;
        if (index > map->end / SMH_BITMAP_BITS) {
            return map->end;
        }
        word = map->words[index];
    } while (word == 0 || smh_bitmap_is_descriptor(word));
    return index * SMH_BITMAP_BITS + smh_bitmap_lowest(word);
}

/* The words that lie wholly inside a chunk: descriptors, milestones, else zeros. */
static bool inside_is_sound(const struct smh_bitmap *map, uint32_t mark, uint32_t end,
                            bool described)
{
    uint32_t first = mark / SMH_BITMAP_BITS + 1;
    uint32_t after = end / SMH_BITMAP_BITS;
    uint32_t step = SMH_BITMAP_BITS;
    uint32_t next = after; /* the next word that is no zero */

    if (described && after - first >= SMH_BITMAP_INSIDE) {
        next = first + 1;
    }
    for (uint32_t index = first; index < after; index++) {
        smh_bitmap_word expected = 0;

        if (index == next) {
            bool is_end = index == first + 1 || index == after - 2;

            expected = SMH_BITMAP_DESCRIPTOR + ((is_end ? after : index) - first);
            /* A milestone of this step may be one of the next steps too. */
            while (smh_bitmap_milestone(first + 1, step) <= index) {
                step *= SMH_BITMAP_BITS;
            }
            next = smh_bitmap_milestone(first + 1, step);
            next = next < after - 2 ? next : after - 2;
        }
        if (map->words[index] != expected) {
            return false;
        }
    }
    return true;
}

/* Chunk by chunk; *free_chunks is how many are free. */
static int check_bitmap(const struct smh_heap *heap, uint32_t *free_chunks, struct smh_fault *fault)
{
    const struct smh_bitmap *map = smh_bitmap_view(heap);
    uint32_t stride = 1u << (heap->step_shift - map->unit_shift);
    uint32_t after = map->end + 1;
    bool after_free = false;
    bool reserve_met = map->reserve == 0;

    if (map->words[-1] != 0 || (map->words[0] & 15u) != 10u) {
        return broken(heap, fault, SMH_BITMAP_FIRST, "the bitmap begins with its sentinel");
    }
    for (uint32_t at = SMH_BITMAP_FIRST; at != map->end;) {
        bool is_free = smh_bitmap_test(map, at + 1);
        uint32_t mark = is_free ? at + 1 : at;
        uint32_t end;

        if (mark >= map->end) {
            return broken(heap, fault, at, "a chunk has its smallest size at least");
        }
        end = next_mark(map, mark);
        if (end > map->end || end - at < SMH_BITMAP_SMALLEST || (end - at) % stride != 0) {
            return broken(heap, fault, at, "a chunk ends inside memory and is whole granules");
        }
        if (at == map->reserve && (!is_free || end != map->reserve_end || end - at < map->exact)) {
            return broken(heap, fault, at, "the reserve is a large free chunk");
        }
        if (!inside_is_sound(map, mark, end, at != map->reserve)) {
            return broken(heap, fault, at,
                          "a long chunk has its descriptors and milestones, else zeros");
        }
        if (is_free && after_free) {
            return broken(heap, fault, at, "no two free chunks touch");
        }
        after_free = is_free;
        *free_chunks += is_free && at != map->reserve ? 1 : 0;
        reserve_met = reserve_met || at == map->reserve;
        at = end;
    }
    if (!reserve_met) {
        return broken(heap, fault, SMH_BITMAP_FIRST, "the reserve is a large free chunk");
    }
    if (!smh_bitmap_test(map, map->end) ||
        map->words[after / SMH_BITMAP_BITS] >> (after % SMH_BITMAP_BITS) != 0) {
        return broken(heap, fault, map->end, "the bitmap ends with its sentinel");
    }
    return 0;
}

static int check_list(const struct smh_heap *heap, uint32_t class, uint32_t *left,
                      struct smh_fault *fault)
{
    const struct smh_bitmap *map = smh_bitmap_view(heap);
    uint32_t previous = 0;

    for (uint32_t at = *smh_bitmap_head(map, class); at != 0;) {
        const struct smh_bitmap_links *links;
        uint32_t size;

        if (smh_bitmap_trusted(map, at) == 0 || at == map->reserve) {
            return broken(heap, fault, previous == 0 ? SMH_BITMAP_FIRST : previous,
                          "a list leads to free chunks only");
        }
        links = smh_bitmap_links_at(map, at);
        size = smh_bitmap_next(map, at + 1) - at;
        if (smh_bitmap_class(map, size) != class) {
            return broken(heap, fault, at, "a free chunk is in the list of its size");
        }
        if (class >= SMH_BITMAP_EXACT_MAX && links->size != size) {
            return broken(heap, fault, at, "a large free chunk says its size");
        }
        if (previous != 0 && links->previous != previous) {
            return broken(heap, fault, at, "a free chunk links back to the one before it");
        }
        if (*left == 0) {
            return broken(heap, fault, at, "no free chunk is met twice");
        }
        (*left)--;
        previous = at;
        at = links->next;
    }
    return 0;
}

/* The classes from `class` up to `after`, which all have heads. */
static int check_classes(const struct smh_heap *heap, uint32_t class, uint32_t after,
                         uint32_t *left, struct smh_fault *fault)
{
    const struct smh_bitmap *map = smh_bitmap_view(heap);

    for (; class < after; class ++) {
        bool any = ((map->maps[class / SMH_BITMAP_BITS] >> (class % SMH_BITMAP_BITS)) & 1u) != 0;
        int result;

        if (any != (*smh_bitmap_head(map, class) != 0)) {
            return broken(heap, fault, SMH_BITMAP_FIRST, "a class's bit says whether it is empty");
        }
        result = check_list(heap, class, left, fault);
        if (result != 0) {
            return result;
        }
    }
    return 0;
}

int smh_bitmap_check(const struct smh_heap *heap, struct smh_fault *fault)
{
    const struct smh_bitmap *map = smh_bitmap_view(heap);
    uint32_t after = SMH_BITMAP_EXACT_MAX + head_count(heap) - map->exact;
    uint32_t free_chunks = 0;
    int result = check_bitmap(heap, &free_chunks, fault);

    if (result != 0) {
        return result;
    }
    /* Those of no class: below the smallest, between the two runs of classes, above. */
    if ((map->maps[0] & ((1u << SMH_BITMAP_SMALLEST) - 1)) != 0 ||
        smh_bitmap_first_class(map, map->exact) - 1 < SMH_BITMAP_EXACT_MAX - 1 ||
        smh_bitmap_first_class(map, after) != 0) {
        return broken(heap, fault, SMH_BITMAP_FIRST, "a class's bit says whether it is empty");
    }
    result = check_classes(heap, SMH_BITMAP_SMALLEST, map->exact, &free_chunks, fault);
    if (result == 0) {
        result = check_classes(heap, SMH_BITMAP_EXACT_MAX, after, &free_chunks, fault);
    }
    if (result == 0 && free_chunks != 0) {
        return broken(heap, fault, SMH_BITMAP_FIRST, "every free chunk is in a list");
    }
    return result;
}
