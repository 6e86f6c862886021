/* SPDX-License-Identifier: Apache-2.0 */
/* buddy_init.c: where the buddy system's tables lie, and the first cut of the region.
 *
 * Owns: sizes and places of lists and table.
 *
 *     place    13  14      16                              32              40  41
 *              | 0 |   1   |               4               |       3       | 0 |
 *              '- each the largest block that its place and the region's end allow
 *
 * Invariants: what is laid out depends on sizes and addresses alone, not on target_bits or the
 * host's word.
 */
#include "buddy_layout.h"

#define UNIT_SHIFT_MIN     3u
#define UNIT_SHIFT_DEFAULT 4u
#define UNITS_MAX          (UINT32_MAX >> 1)
#define LIST_BYTES         sizeof(uint32_t)

struct layout {
    uintptr_t tables; /* lists, then the table */
    size_t tables_bytes;
    size_t list_bytes;
    uintptr_t first; /* address of unit 0 */
    size_t units;
};

static unsigned unit_shift_for(const struct smh_heap_config *config)
{
    return config->granule == 0 ? UNIT_SHIFT_DEFAULT : smh_floor_log2(config->granule);
}

static bool is_unit_shift(unsigned unit_shift)
{
    return unit_shift >= UNIT_SHIFT_MIN && unit_shift <= SMH_BUDDY_LARGEST_SHIFT;
}

/* Orders of blocks in a region of so many units, at least 1. */
static unsigned orders_for(size_t units, unsigned unit_shift)
{
    unsigned highest = smh_floor_log2(units);
    unsigned limit = SMH_BUDDY_LARGEST_SHIFT - unit_shift;

    return (highest < limit ? highest : limit) + 1;
}

size_t smh_buddy_metadata_size(const struct smh_heap_config *config)
{
    unsigned unit_shift = unit_shift_for(config);
    size_t units;

    if (!is_unit_shift(unit_shift)) {
        return 0;
    }
    units = config->memory_size >> unit_shift;
    if (units == 0 || units > UNITS_MAX) {
        return 0;
    }
    return units + orders_for(units, unit_shift) * LIST_BYTES + (LIST_BYTES - 1);
}

/* How many units and entries of the table share so many bytes: between two bounds that close in
 * on each other by a factor of at least 64 a round. */
static size_t units_with_entries(size_t bytes, unsigned unit_shift)
{
    size_t high = bytes >> unit_shift;
    size_t low = 0;

    for (unsigned round = 0; round < 8; round++) {
        low = (bytes - high) >> unit_shift;
        high = (bytes - low) >> unit_shift;
    }
    return low;
}

/* 0 or -ENOMEM. */
static int lay_out(const struct smh_heap_config *config, unsigned unit_shift, struct layout *layout)
{
    bool carved = config->metadata == NULL;
    size_t room = carved ? config->memory_size : config->metadata_size;
    size_t bound = config->memory_size >> unit_shift;
    size_t rest = config->memory_size;
    size_t slack;
    size_t skip;

    layout->tables = carved ? (uintptr_t)config->memory : (uintptr_t)config->metadata;
    slack = smh_distance_up(layout->tables, LIST_BYTES);
    if (bound == 0 || bound > UNITS_MAX) {
        return -ENOMEM;
    }
    layout->list_bytes = orders_for(bound, unit_shift) * LIST_BYTES;
    if (room < slack + layout->list_bytes) {
        return -ENOMEM;
    }
    layout->tables += slack;
    room -= slack;
    layout->first = (uintptr_t)config->memory;
    if (carved) {
        bound = units_with_entries(room - layout->list_bytes, unit_shift);
        layout->first = layout->tables + layout->list_bytes + bound;
        rest = room - layout->list_bytes - bound;
    }
    skip = smh_distance_up(layout->first, (size_t)1 << unit_shift);
    layout->units = (rest - skip) >> unit_shift; /* bound is 0 where rest is less than skip */
    layout->units = layout->units < bound ? layout->units : bound;
    layout->first += skip;
    layout->tables_bytes = layout->list_bytes + layout->units;
    return layout->units == 0 || room < layout->tables_bytes ? -ENOMEM : 0;
}

/* The order of the largest block that can start at unit. */
static unsigned order_at(const struct smh_buddy *map, uint32_t unit)
{
    uint32_t place = unit + map->lead;
    unsigned order = smh_floor_log2_u32(map->units - unit);
    unsigned aligned = place == 0 ? order : smh_lowest_bit_u32(place);

    order = aligned < order ? aligned : order;
    return order < map->order_count ? order : map->order_count - 1u;
}

int smh_buddy_init(struct smh_heap *heap, const struct smh_heap_config *config)
{
    struct smh_buddy *map = smh_buddy_of(heap);
    unsigned unit_shift = unit_shift_for(config);
    struct layout layout;
    int result;

    if (!is_unit_shift(unit_shift)) {
        return -EINVAL;
    }
    result = lay_out(config, unit_shift, &layout);
    if (result != 0) {
        return result;
    }
    heap->metadata = (uint8_t *)layout.tables;
    heap->metadata_size = layout.tables_bytes;
    heap->capacity_bytes = layout.units << unit_shift;
    heap->step_shift = (uint8_t)unit_shift;
    heap->granule_shift = (uint8_t)unit_shift;
    map->base = layout.first;
    map->lists = (uint32_t *)layout.tables;
    map->table = (uint8_t *)(layout.tables + layout.list_bytes);
    map->units = (uint32_t)layout.units;
    map->lead =
        (uint32_t)((map->base & (((uintptr_t)1 << SMH_BUDDY_LARGEST_SHIFT) - 1)) >> unit_shift);
    map->unit_shift = (uint8_t)unit_shift;
    map->order_count = (uint8_t)orders_for(layout.units, unit_shift);
    memset(map->table, 0, layout.units);
    memset(map->lists, 0xFF, layout.list_bytes); /* SMH_BUDDY_NONE */
    for (uint32_t unit = 0; unit != map->units;) {
        unsigned order = order_at(map, unit);

        smh_buddy_list_push(map, unit, order);
        unit += (uint32_t)1 << order;
    }
    return 0;
}
