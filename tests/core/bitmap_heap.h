/* bitmap_heap.h: a heap of engine bitmap whose tables lie elsewhere, for the tests of that engine.
 *
 *     memory      |             chunks, nothing else             |
 *     tables      | bitmap | heads |traps|
 *
 * Owns: room for the tables, which the next heap uses again.
 * Invariants: behind the tables, less than 8 bytes on, a page traps.
 */
#ifndef TESTS_CORE_BITMAP_HEAP_H
#define TESTS_CORE_BITMAP_HEAP_H

#include "../../src/engine/bitmap_layout.h"
#include "trap.h"

#include <criterion/criterion.h>
#include <smh/engine.h>
#include <smh/heap.h>

#define BITMAP_TABLES_MOST ((size_t)1 << 20)

/* A new heap of all `bytes` at memory; granule 0: the default. */
static inline void bitmap_make(struct smh_heap *heap, uint8_t *memory, size_t bytes, size_t granule)
{
    static uint8_t *tables_end;
    struct smh_heap_config config = {
        .engine = &smh_engine_bitmap, .memory = memory, .memory_size = bytes, .granule = granule};

    if (tables_end == NULL) {
        tables_end = trap_end(BITMAP_TABLES_MOST);
    }
    config.metadata_size = (smh_heap_metadata_size(&config) + 7) & ~(size_t)7;
    cr_assert_leq(config.metadata_size, BITMAP_TABLES_MOST);
    config.metadata = tables_end - config.metadata_size;
    cr_assert_eq(smh_heap_init(heap, &config), 0);
}

/* A block of so many units. */
static inline uint8_t *bitmap_take(struct smh_heap *heap, size_t units)
{
    uint8_t *block = smh_heap_alloc(heap, units << smh_bitmap_view(heap)->unit_shift);

    cr_assert_not_null(block);
    return block;
}

/* Until nothing is free. */
static inline void bitmap_take_all(struct smh_heap *heap)
{
    size_t bytes;

    while ((bytes = heap->engine->largest_free(heap)) != 0) {
        cr_assert_not_null(smh_heap_alloc(heap, bytes));
    }
}

static inline void bitmap_give(struct smh_heap *heap, void *block)
{
    cr_assert_eq(smh_heap_free(heap, block), 0);
}

/* Where the bitmap has it. */
static inline uint32_t bitmap_bit_of(const struct smh_heap *heap, const void *block)
{
    const struct smh_bitmap *map = smh_bitmap_view(heap);

    return (uint32_t)(((uintptr_t)block - map->base) >> map->unit_shift);
}

#endif
