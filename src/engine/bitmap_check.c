/* bitmap_check.c: the bitmap engine's validator.
 *
 * Owns: every rule of bitmap_layout.h and of the free lists, each by name.
 * Invariants: changes nothing; reads tables, and of memory only the links of what the bitmap says
 * is a free chunk; ends on any damage, as each step moves on through the bitmap or counts down.
 */
#include "bitmap_layout.h"

static int broken(const struct smh_heap *heap, struct smh_fault *fault, uint32_t at,
                  const char *rule)
{
    fault->rule = rule;
    fault->offset =
        (size_t)(smh_bitmap_address(smh_bitmap_view(heap), at) - (uintptr_t)heap->memory);
    return -EINVAL;
}

/* The words that lie wholly inside a chunk: descriptors at the ends, milestones, else zeros. */
static bool inside_is_sound(const struct smh_bitmap *map, uint32_t mark, uint32_t end)
{
    uint32_t first = mark / SMH_BITMAP_BITS + 1;
    uint32_t after = end / SMH_BITMAP_BITS;
    uint32_t step = SMH_BITMAP_BITS;

    for (uint32_t index = first; index < after; index++) {
        smh_bitmap_word expected = 0;

        /* A milestone of this step may be one of the next steps too. */
        while (index == smh_bitmap_milestone(first, step)) {
            expected = smh_bitmap_descriptor(index - first + 1);
            step *= SMH_BITMAP_BITS;
        }
        if (index == first || index == after - 1) {
            expected = smh_bitmap_descriptor(after - first);
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

    if ((map->words[0] & 7u) != 2u) {
        return broken(heap, fault, SMH_BITMAP_FIRST, "the bitmap begins with its sentinel");
    }
    for (uint32_t at = SMH_BITMAP_FIRST; at != map->end;) {
        bool is_free = smh_bitmap_test(map, at + 1);
        uint32_t mark = is_free ? at + 1 : at;
        uint32_t end;

        if (mark >= map->end) {
            return broken(heap, fault, at, "a chunk has its smallest size at least");
        }
        end = smh_bitmap_next(map, mark);
        if (end > map->end || end - at < SMH_BITMAP_SMALLEST || (end - at) % stride != 0) {
            return broken(heap, fault, at, "a chunk ends inside memory and is whole granules");
        }
        if (!inside_is_sound(map, mark, end)) {
            return broken(heap, fault, at,
                          "a long chunk has its descriptors and milestones, else zeros");
        }
        if (is_free && after_free) {
            return broken(heap, fault, at, "no two free chunks touch");
        }
        after_free = is_free;
        *free_chunks += is_free ? 1 : 0;
        at = end;
    }
    if (!smh_bitmap_test(map, map->end) ||
        (after % SMH_BITMAP_BITS != 0 &&
         map->words[after / SMH_BITMAP_BITS] >> (after % SMH_BITMAP_BITS) != 0) ||
        (after % SMH_BITMAP_BITS == 0 && map->words[after / SMH_BITMAP_BITS] != 0)) {
        return broken(heap, fault, map->end, "the bitmap ends with its sentinel");
    }
    return 0;
}

static int check_list(const struct smh_heap *heap, uint32_t class, uint32_t *left,
                      struct smh_fault *fault)
{
    const struct smh_bitmap *map = smh_bitmap_view(heap);
    uint32_t previous = 0;

    for (uint32_t at = map->heads[class]; at != 0;) {
        const struct smh_bitmap_links *links;

        if (at < SMH_BITMAP_FIRST || at >= map->end || !smh_bitmap_is_free_start(map, at)) {
            return broken(heap, fault, previous == 0 ? SMH_BITMAP_FIRST : previous,
                          "a list leads to free chunks only");
        }
        links = smh_bitmap_links_at(map, at);
        if (smh_bitmap_class(map, smh_bitmap_next(map, at + 1) - at) != class) {
            return broken(heap, fault, at, "a free chunk is in the list of its size");
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

int smh_bitmap_check(const struct smh_heap *heap, struct smh_fault *fault)
{
    const struct smh_bitmap *map = smh_bitmap_view(heap);
    uint32_t map_count = (map->classes - 1) / SMH_BITMAP_CLASSES_PER_MAP + 1;
    uint32_t free_chunks = 0;
    int result = check_bitmap(heap, &free_chunks, fault);

    if (result != 0) {
        return result;
    }
    for (uint32_t class = 0; class < map_count * SMH_BITMAP_CLASSES_PER_MAP; class ++) {
        uint32_t bit =
            map->maps[class / SMH_BITMAP_CLASSES_PER_MAP] >> (class % SMH_BITMAP_CLASSES_PER_MAP);

        if ((bit & 1u) != (class < map->classes && map->heads[class] != 0 ? 1u : 0u)) {
            return broken(heap, fault, SMH_BITMAP_FIRST, "a class's bit says whether it is empty");
        }
        result = (bit & 1u) != 0 ? check_list(heap, class, &free_chunks, fault) : 0;
        if (result != 0) {
            return result;
        }
    }
    for (uint32_t index = 0; index < 32; index++) {
        bool any = index < map_count && map->maps[index] != 0;

        if (((map->top >> index) & 1u) != (any ? 1u : 0u)) {
            return broken(heap, fault, SMH_BITMAP_FIRST,
                          "the top map says which maps are not zero");
        }
    }
    if (free_chunks != 0) {
        return broken(heap, fault, SMH_BITMAP_FIRST, "every free chunk is in a list");
    }
    return 0;
}
