/* SPDX-License-Identifier: Apache-2.0 */
/* bitmap_init.c: the bitmap engine's tables, and where they lie.
 *
 * Owns: sizes and places of the tables.
 *
 *     | 0 | bitmap: words, 1 bit a unit | heads from [2] | . |  chunks ...           |.|
 *     '- tables, 8-aligned; in `memory` or, all of them, in `metadata` ---'
 *
 * Invariants: what is laid out depends on sizes and alignments alone, not on target_bits or the
 * host's word: tables are counted in pieces of 64 bits of bitmap and in 32-bit fields.
 */
#include "bitmap_lists.h"

#define UNIT_SHIFT_MIN    3u
#define GRANULE_SHIFT_MIN 3u
#define GRANULE_SHIFT_MAX 12u
#define TABLE_ALIGN       8u
#define PIECE_BYTES       8u /* the bitmap's size is a multiple */
#define PIECE_BITS        (PIECE_BYTES * 8u)
#define SENTINEL_BITS     (SMH_BITMAP_FIRST + 2u)
#define UNITS_MAX         (UINT32_MAX - 4u * PIECE_BITS)

struct tables {
    size_t bitmap_bytes;
    uint32_t exact;
    uint8_t class_shift;
    size_t bytes; /* all together */
};

/* log2 of the sizes that have a class of their own: fewer in a small region, so that the heads stay
 * within a small part of it. */
static unsigned exact_log_for(size_t units)
{
    unsigned log = smh_floor_log2(units);

    if (log < 10) {
        return 4;
    }
    return log < 13 ? 5 : 6;
}

/* Bitmap for `units`, classes for chunks of up to `class_units`. */
static void size_tables(size_t units, size_t class_units, struct tables *tables)
{
    unsigned exact_log = exact_log_for(class_units);
    struct smh_bitmap formula = {
        .exact = (1u << exact_log) - 1,
        .class_shift =
            (uint8_t)(SMH_BITMAP_EXACT_MAX + 1 - ((exact_log - 1) << SMH_BITMAP_SUB_BITS))};

    tables->bitmap_bytes = (units + SENTINEL_BITS + PIECE_BITS - 1) / PIECE_BITS * PIECE_BYTES;
    tables->exact = formula.exact;
    tables->class_shift = formula.class_shift;
    class_units = class_units < formula.exact ? formula.exact : class_units;
    /* A word of zeros in front, in whose place there are no heads 0 and 1. */
    tables->bytes =
        tables->bitmap_bytes +
        smh_bitmap_head_index(&formula, smh_bitmap_class(&formula, (uint32_t)class_units)) *
            sizeof(uint32_t) +
        sizeof(uint32_t);
}

static unsigned granule_shift_of(const struct smh_heap_config *config)
{
    return config->granule == 0 ? GRANULE_SHIFT_MIN : smh_floor_log2(config->granule);
}

static unsigned unit_shift_of(unsigned granule_shift)
{
    return granule_shift - (granule_shift > UNIT_SHIFT_MIN ? 1 : 0);
}

size_t smh_bitmap_metadata_size(const struct smh_heap_config *config)
{
    unsigned granule_shift = granule_shift_of(config);
    size_t units = config->memory_size >> unit_shift_of(granule_shift);
    struct tables tables;

    if (granule_shift < GRANULE_SHIFT_MIN || granule_shift > GRANULE_SHIFT_MAX ||
        units < SMH_BITMAP_SMALLEST || units > UNITS_MAX) {
        return 0;
    }
    size_tables(units, units, &tables);
    return tables.bytes + (TABLE_ALIGN - 1);
}

/* Units, a multiple of the granule, that lie in [from, from + bytes) at multiples of the granule;
 * *from is moved up to the first. */
static size_t whole_units(uintptr_t *from, size_t bytes, unsigned granule_shift)
{
    size_t skip = smh_distance_up(*from, (size_t)1 << granule_shift);

    if (skip > bytes) {
        return 0;
    }
    *from += skip;
    return ((bytes - skip) >> granule_shift) << (granule_shift - unit_shift_of(granule_shift));
}

/* What the tables leave of the `room` in which they lie: the same as whole_units. */
static size_t units_behind(const struct tables *tables, uintptr_t place, size_t room,
                           unsigned granule_shift, uintptr_t *first)
{
    *first = place + tables->bytes;
    return whole_units(first, room - tables->bytes, granule_shift);
}

/* Places the tables: 0 with *tables, *place, *first (address of the first unit) and *units. */
static int place_tables(const struct smh_heap_config *config, struct tables *tables,
                        uintptr_t *place, uintptr_t *first, size_t *units)
{
    unsigned granule_shift = granule_shift_of(config);
    bool carved = config->metadata == NULL;
    size_t bound = config->memory_size >> unit_shift_of(granule_shift);
    size_t room = carved ? config->memory_size : config->metadata_size;
    size_t slack;

    *place = carved ? (uintptr_t)config->memory : (uintptr_t)config->metadata;
    slack = smh_distance_up(*place, TABLE_ALIGN);
    if (smh_bitmap_metadata_size(config) == 0 || slack > room) {
        return -ENOMEM;
    }
    *place += slack;
    room -= slack;
    *first = (uintptr_t)config->memory;
    *units = whole_units(first, config->memory_size, granule_shift);
    size_tables(*units, bound, tables);
    if (tables->bytes > room) {
        return -ENOMEM;
    }
    if (carved) {
        size_t described;

        /* Tables leave less to describe, and may shrink by that; a second look is enough. */
        *units = units_behind(tables, *place, room, granule_shift, first);
        size_tables(*units, bound, tables);
        *units = units_behind(tables, *place, room, granule_shift, first);
        described = tables->bitmap_bytes * 8 - (SENTINEL_BITS + 1);
        *units = *units < described ? *units : described; /* even */
    }
    return *units < SMH_BITMAP_SMALLEST ? -ENOMEM : 0;
}

int smh_bitmap_init(struct smh_heap *heap, const struct smh_heap_config *config)
{
    struct smh_bitmap *map = smh_bitmap_of(heap);
    unsigned granule_shift = granule_shift_of(config);
    struct tables tables;
    uintptr_t place;
    uintptr_t first;
    size_t units;
    int result;

    if (granule_shift < GRANULE_SHIFT_MIN || granule_shift > GRANULE_SHIFT_MAX) {
        return -EINVAL;
    }
    result = place_tables(config, &tables, &place, &first, &units);
    if (result != 0) {
        return result;
    }
    memset((void *)place, 0, tables.bytes);
    heap->metadata = (uint8_t *)place;
    heap->metadata_size = tables.bytes;
    heap->step_shift = (uint8_t)granule_shift;
    heap->granule_shift = (uint8_t)granule_shift;
    map->unit_shift = (uint8_t)unit_shift_of(granule_shift);
    map->odd_units = granule_shift > map->unit_shift;
    map->exact = tables.exact;
    map->class_shift = tables.class_shift;
    map->words = (smh_bitmap_word *)(place + PIECE_BYTES);
    map->heads = (uint32_t *)(place + tables.bitmap_bytes);
    map->base = first - ((uintptr_t)SMH_BITMAP_FIRST << map->unit_shift);
    map->units = (uint32_t)units;
#if UINTPTR_MAX > UINT32_MAX
    map->fast_units = map->unit_shift == SMH_BITMAP_FAST_SHIFT ? map->units : 0;
    map->fast_last = map->unit_shift == SMH_BITMAP_FAST_SHIFT ? map->exact - 1 : 0;
    map->fast_odd = map->odd_units;
#endif
    map->end = SMH_BITMAP_FIRST + (uint32_t)units;
    heap->capacity_bytes = smh_bitmap_bytes(map, (uint32_t)units);
    map->words[0] = 2 | (smh_bitmap_word)3 << SMH_BITMAP_FIRST; /* sentinel, a free chunk */
    smh_bitmap_flip(map, map->end, 1);
    smh_bitmap_place(map, SMH_BITMAP_FIRST, map->end);
    return 0;
}
