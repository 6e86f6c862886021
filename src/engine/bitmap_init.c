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

static size_t bitmap_bytes(size_t units)
{
    return (units + SENTINEL_BITS + PIECE_BITS - 1) / PIECE_BITS * PIECE_BYTES;
}

/* Sets the classes for chunks of up to `units`. What the heads and the word of zeros in front of
 * the bitmap take, in whose place there are no heads 0 and 1. */
static size_t set_classes(struct smh_bitmap *map, size_t units)
{
    unsigned exact_log = exact_log_for(units);
    uint32_t largest;

    map->exact = (1u << exact_log) - 1;
    map->class_shift =
        (uint8_t)(SMH_BITMAP_EXACT_MAX + 1 - ((exact_log - 1) << SMH_BITMAP_SUB_BITS));
    largest = (uint32_t)units < map->exact ? map->exact : (uint32_t)units;
    return (smh_bitmap_head_index(map, smh_bitmap_large_class(map, largest)) + 1) *
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

/* Of what memory holds at most, whether there may be so many. */
static bool units_suit(size_t units)
{
    return units - SMH_BITMAP_SMALLEST <= UNITS_MAX - SMH_BITMAP_SMALLEST;
}

size_t smh_bitmap_metadata_size(const struct smh_heap_config *config)
{
    unsigned granule_shift = granule_shift_of(config);
    size_t units = config->memory_size >> unit_shift_of(granule_shift);
    struct smh_bitmap map;

    if (granule_shift < GRANULE_SHIFT_MIN || granule_shift > GRANULE_SHIFT_MAX ||
        !units_suit(units)) {
        return 0;
    }
    return set_classes(&map, units) + bitmap_bytes(units) + (TABLE_ALIGN - 1);
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

/* Places the tables, and what they describe: *first is the address of the first unit. How many
 * there are; too few: 0. Sets in *heap where the tables lie, and in *map all but how many. */
static size_t place_tables(struct smh_heap *heap, const struct smh_heap_config *config,
                           uintptr_t *first)
{
    struct smh_bitmap *map = smh_bitmap_of(heap);
    unsigned granule_shift = heap->granule_shift;
    bool carved = config->metadata == NULL;
    uintptr_t place = carved ? (uintptr_t)config->memory : (uintptr_t)config->metadata;
    size_t room = carved ? config->memory_size : config->metadata_size;
    size_t slack = smh_distance_up(place, TABLE_ALIGN);
    size_t bound = config->memory_size >> map->unit_shift;
    size_t heads;
    size_t words;
    size_t units;

    if (!units_suit(bound) || slack > room) {
        return 0;
    }
    heads = set_classes(map, bound);
    place += slack;
    room -= slack;
    *first = (uintptr_t)config->memory;
    units = whole_units(first, config->memory_size, granule_shift);
    /* Tables in memory leave less to describe, and may shrink by that; a second look is enough. */
    for (bool again = carved;; again = false) {
        words = bitmap_bytes(units);
        if (words + heads > room) {
            return 0;
        }
        if (carved) {
            *first = place + words + heads;
            units = whole_units(first, room - words - heads, granule_shift);
        }
        if (!again) {
            break;
        }
    }
    if (carved) {
        size_t described = words * 8 - (SENTINEL_BITS + 1); /* even */

        units = units < described ? units : described;
    }
    heap->metadata = (uint8_t *)place;
    heap->metadata_size = words + heads;
    map->words = (smh_bitmap_word *)(place + PIECE_BYTES);
    map->heads = (uint32_t *)(place + words);
    return units;
}

int smh_bitmap_init(struct smh_heap *heap, const struct smh_heap_config *config)
{
    struct smh_bitmap *map = smh_bitmap_of(heap);
    unsigned granule_shift = granule_shift_of(config);
    uintptr_t first;
    size_t units;

    if (granule_shift < GRANULE_SHIFT_MIN || granule_shift > GRANULE_SHIFT_MAX) {
        return -EINVAL;
    }
    heap->step_shift = (uint8_t)granule_shift;
    heap->granule_shift = (uint8_t)granule_shift;
    map->unit_shift = (uint8_t)unit_shift_of(granule_shift);
    map->odd_units = granule_shift > map->unit_shift;
    units = place_tables(heap, config, &first);
    if (units < SMH_BITMAP_SMALLEST) {
        return -ENOMEM;
    }
    memset(heap->metadata, 0, heap->metadata_size);
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
