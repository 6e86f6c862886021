/* SPDX-License-Identifier: Apache-2.0 */
/* buddy.c: the operations of the binary buddy system.
 *
 * Owns: halving, joining, judging and walking. buddy_layout.h names the sources, draws the layout
 * and states the invariants.
 */
#include "buddy_layout.h"

/* Knuth's algorithm R:
 *
 *     |              free, order 3              |
 *     | block, 1 |  free, 1  |     free, 2      |      the front is halved until it is the block
 */
static void *buddy_aligned_alloc(struct smh_heap *heap, size_t align, size_t bytes)
{
    struct smh_buddy *map = smh_buddy_of(heap);
    unsigned order = smh_buddy_order_for(map, bytes);
    unsigned from = smh_buddy_order_aligned(map, align, bytes);
    uint32_t unit;

    while (from < map->order_count && map->lists[from] == SMH_BUDDY_NONE) {
        from++;
    }
    if (from >= map->order_count) {
        return NULL;
    }
    unit = map->lists[from];
    smh_buddy_list_remove(map, unit, from);
    while (from != order) {
        from--;
        smh_buddy_list_push(map, unit + ((uint32_t)1 << from), from);
    }
    map->table[unit] = smh_buddy_used_entry(order);
    smh_engine_count_alloc(heap, smh_buddy_bytes_of(map, order));
    return smh_buddy_block_at(map, unit);
}

static void *buddy_alloc(struct smh_heap *heap, size_t bytes)
{
    return buddy_aligned_alloc(heap, 0, bytes);
}

static bool is_free_block(const struct smh_buddy *map, uint32_t unit, unsigned order)
{
    return unit < map->units && map->table[unit] == smh_buddy_free_entry(order);
}

/* Knuth's algorithm S:
 *
 *     |  block, 1  |  free, 1  |     free, 2     |      as long as the buddy is free and whole, the
 *     |               free, order 3              |      two are one block of the next order
 */
static void buddy_free(struct smh_heap *heap, void *block)
{
    struct smh_buddy *map = smh_buddy_of(heap);
    uint32_t unit = smh_buddy_unit_of(map, block);
    unsigned order = smh_buddy_order_of(map->table[unit]);

    smh_engine_count_free(heap, smh_buddy_bytes_of(map, order));
    map->table[unit] = 0;
    while (order + 1 < map->order_count) {
        uint32_t other = smh_buddy_other(map, unit, order);

        if (!is_free_block(map, other, order)) {
            break;
        }
        smh_buddy_list_remove(map, other, order);
        unit = other < unit ? other : unit;
        order++;
    }
    smh_buddy_list_push(map, unit, order);
}

/* Whether the block at unit is the lower half at each order up to `order`, and the upper is free.
 */
static bool can_grow(const struct smh_buddy *map, uint32_t unit, unsigned from, unsigned order)
{
    for (; from < order; from++) {
        uint32_t other = smh_buddy_other(map, unit, from);

        if (other < unit || !is_free_block(map, other, from)) {
            return false;
        }
    }
    return true;
}

static bool buddy_resize(struct smh_heap *heap, void *block, size_t bytes)
{
    struct smh_buddy *map = smh_buddy_of(heap);
    uint32_t unit = smh_buddy_unit_of(map, block);
    unsigned from = smh_buddy_order_of(map->table[unit]);
    unsigned order = smh_buddy_order_for(map, bytes);

    if (order >= map->order_count || !can_grow(map, unit, from, order)) {
        return false;
    }
    smh_engine_count_resize(heap, smh_buddy_bytes_of(map, from), smh_buddy_bytes_of(map, order));
    for (; from < order; from++) {
        smh_buddy_list_remove(map, unit + ((uint32_t)1 << from), from);
    }
    while (from > order) {
        from--;
        smh_buddy_list_push(map, unit + ((uint32_t)1 << from), from);
    }
    map->table[unit] = smh_buddy_used_entry(order);
    return true;
}

static size_t buddy_usable_size(const struct smh_heap *heap, const void *block)
{
    const struct smh_buddy *map = smh_buddy_view(heap);

    return smh_buddy_bytes_of(map, smh_buddy_order_of(map->table[smh_buddy_unit_of(map, block)]));
}

/* The start of the block that holds unit, or SMH_BUDDY_NONE when the table is damaged: of the
 * places that are unit's rounded down to each order, the first that has an entry. */
static uint32_t start_of(const struct smh_buddy *map, uint32_t unit)
{
    for (unsigned order = 0; order < map->order_count; order++) {
        uint32_t place = (unit + map->lead) >> order << order;

        if (place < map->lead) {
            break;
        }
        if (map->table[place - map->lead] != 0) {
            return place - map->lead;
        }
    }
    return SMH_BUDDY_NONE;
}

static int buddy_verdict(const struct smh_heap *heap, const void *block)
{
    const struct smh_buddy *map = smh_buddy_view(heap);
    uintptr_t offset = (uintptr_t)block - map->base; /* below unit 0 it wraps */
    uint32_t start;

    if (offset >= heap->capacity_bytes) {
        return -EINVAL;
    }
    start = start_of(map, (uint32_t)(offset >> map->unit_shift));
    if (start == SMH_BUDDY_NONE || smh_buddy_order_of(map->table[start]) >= map->order_count) {
        return -EINVAL;
    }
    if (smh_buddy_is_free_entry(map->table[start])) {
        return -EALREADY;
    }
    return block == smh_buddy_block_at(map, start) ? 0 : -EINVAL;
}

static size_t buddy_largest_free(const struct smh_heap *heap)
{
    const struct smh_buddy *map = smh_buddy_view(heap);

    for (unsigned order = map->order_count; order-- != 0;) {
        if (map->lists[order] != SMH_BUDDY_NONE) {
            return smh_buddy_bytes_of(map, order);
        }
    }
    return 0;
}

static size_t buddy_sufficient_chunk(const struct smh_heap *heap, size_t align, size_t bytes)
{
    const struct smh_buddy *map = smh_buddy_view(heap);
    unsigned order = smh_buddy_order_aligned(map, align, bytes);

    return order < map->order_count ? smh_buddy_bytes_of(map, order) : SIZE_MAX;
}

/* Whether a block with this entry can start at unit. */
static bool plausible(const struct smh_buddy *map, uint32_t unit, uint8_t entry)
{
    unsigned order = smh_buddy_order_of(entry); /* of 0 it wraps */
    uint32_t length;

    if (order >= map->order_count) {
        return false;
    }
    length = (uint32_t)1 << order;
    return length <= map->units - unit && ((unit + map->lead) & (length - 1)) == 0;
}

static size_t offset_of(const struct smh_heap *heap, uint32_t unit)
{
    return (uintptr_t)smh_buddy_block_at(smh_buddy_view(heap), unit) - (uintptr_t)heap->memory;
}

static bool buddy_walk(const struct smh_heap *heap, struct smh_chunk *chunk)
{
    const struct smh_buddy *map = smh_buddy_view(heap);
    uint32_t unit = (uint32_t)chunk->next;

    if (unit >= map->units || !plausible(map, unit, map->table[unit])) {
        return false; /* the end, or damaged: buddy_check() says where */
    }
    chunk->offset = offset_of(heap, unit);
    chunk->size = smh_buddy_bytes_of(map, smh_buddy_order_of(map->table[unit]));
    chunk->used = !smh_buddy_is_free_entry(map->table[unit]);
    chunk->block = chunk->used ? smh_buddy_block_at(map, unit) : NULL;
    chunk->usable = chunk->size;
    chunk->next = unit + ((uint32_t)1 << smh_buddy_order_of(map->table[unit]));
    return true;
}

static int broken(const struct smh_heap *heap, struct smh_fault *fault, uint32_t unit,
                  const char *rule)
{
    fault->rule = rule;
    fault->offset = offset_of(heap, unit);
    return -EINVAL;
}

/* Block by block; *free_blocks is how many are free. */
static int check_table(const struct smh_heap *heap, uint32_t *free_blocks, struct smh_fault *fault)
{
    const struct smh_buddy *map = smh_buddy_view(heap);

    for (uint32_t unit = 0; unit != map->units;) {
        uint8_t entry = map->table[unit];
        uint32_t end;

        if (!plausible(map, unit, entry)) {
            return broken(heap, fault, unit, "a block's size fits its place");
        }
        end = unit + ((uint32_t)1 << smh_buddy_order_of(entry));
        for (uint32_t inside = unit + 1; inside != end; inside++) {
            if (map->table[inside] != 0) {
                return broken(heap, fault, inside, "no block starts inside another");
            }
        }
        if (smh_buddy_is_free_entry(entry)) {
            unsigned order = smh_buddy_order_of(entry);

            if (order + 1 < map->order_count &&
                is_free_block(map, smh_buddy_other(map, unit, order), order)) {
                return broken(heap, fault, unit, "no two buddies are both free");
            }
            (*free_blocks)++;
        }
        unit = end;
    }
    return 0;
}

/* A list whose links back are right meets no block twice, and so ends. */
static int check_list(const struct smh_heap *heap, unsigned order, uint32_t *free_blocks,
                      struct smh_fault *fault)
{
    const struct smh_buddy *map = smh_buddy_view(heap);
    uint32_t previous = SMH_BUDDY_NONE;

    for (uint32_t unit = map->lists[order]; unit != SMH_BUDDY_NONE;
         unit = smh_buddy_links_at(map, unit)->next) {
        if (!is_free_block(map, unit, order)) {
            return broken(heap, fault, previous == SMH_BUDDY_NONE ? 0 : previous,
                          "a list leads to free blocks of its order only");
        }
        if (smh_buddy_links_at(map, unit)->previous != previous) {
            return broken(heap, fault, unit, "a free block links back to the one before it");
        }
        (*free_blocks)--;
        previous = unit;
    }
    return 0;
}

static int buddy_check(const struct smh_heap *heap, struct smh_fault *fault)
{
    const struct smh_buddy *map = smh_buddy_view(heap);
    uint32_t free_blocks = 0;
    int result = check_table(heap, &free_blocks, fault);

    for (unsigned order = 0; result == 0 && order < map->order_count; order++) {
        result = check_list(heap, order, &free_blocks, fault);
    }
    if (result == 0 && free_blocks != 0) {
        return broken(heap, fault, 0, "every free block is in a list");
    }
    return result;
}

const struct smh_engine smh_engine_buddy = {
    .abi = SMH_ENGINE_ABI,
    .flags = SMH_ENGINE_EXACT | SMH_ENGINE_PARTIAL_COALESCE,
    .name = "buddy",
    .summary = "binary buddies: powers of two at their multiples, sizes out of band (Knowlton)",
    .init = smh_buddy_init,
    .metadata_size = smh_buddy_metadata_size,
    .alloc = buddy_alloc,
    .aligned_alloc = buddy_aligned_alloc,
    .free = buddy_free,
    .resize = buddy_resize,
    .usable_size = buddy_usable_size,
    .verdict = buddy_verdict,
    .largest_free = buddy_largest_free,
    .sufficient_chunk = buddy_sufficient_chunk,
    .walk = buddy_walk,
    .check = buddy_check,
};
