/* test_bitmap_aligned.c: aligned requests to the bitmap engine, at the limits of size.
 *
 * Owns: what an aligned request takes of the largest chunk there can be, and when it is refused.
 */
#include "../../src/engine/bitmap_lists.h"
#include "bitmap_heap.h"
#include "heap_picture.h"

static _Alignas(4096) uint8_t memory[65536];
static struct smh_heap heap;

static void make(size_t shift)
{
    bitmap_make(&heap, memory + shift, sizeof(memory) - shift, 0);
}

/*     | all memory |      starts at a multiple of 4096 */
Test(bitmap_aligned, all_memory_is_one_block_of_the_alignment_of_its_start)
{
    for (size_t align = 16; align <= 4096; align *= 2) {
        make(0);
        cr_assert_eq(smh_heap_aligned_alloc(&heap, align, sizeof(memory)), (void *)memory, "%zu",
                     align);
        cr_assert_eq(smh_heap_check(&heap, NULL), 0);
    }
}

/*     | gap | all that is left |      starts 64 bytes behind a multiple of 4096 */
Test(bitmap_aligned, all_behind_the_first_multiple_is_one_block_and_one_byte_more_is_refused)
{
    for (size_t align = 128; align <= 4096; align *= 2) {
        size_t room = sizeof(memory) - align;

        make(64);
        cr_assert_null(smh_heap_aligned_alloc(&heap, align, room + 1), "%zu", align);
        cr_assert_eq(smh_heap_aligned_alloc(&heap, align, room), (void *)(memory + align), "%zu",
                     align);
        cr_assert_eq(smh_heap_check(&heap, NULL), 0);
    }
}

Test(bitmap_aligned, sizes_beyond_all_addresses_of_units_are_refused_for_any_alignment)
{
    for (unsigned shift = 31; sizeof(size_t) > 4 && shift < 64; shift++) {
        for (size_t align = 16; align <= (size_t)1 << 63 >> 1; align *= 2) {
            make(0);
            cr_assert_null(smh_heap_aligned_alloc(&heap, align, ((size_t)1 << shift) + 64));
            cr_assert_null(smh_heap_aligned_alloc(&heap, align, ((size_t)1 << shift) - 64));
        }
        cr_assert_eq(smh_heap_check(&heap, NULL), 0);
    }
}

/*     | gap: 2^31 - 1 units | block: 0x90000000 units |      in 0xf0000000 units; sum: over 2^32
 *
 * A heap that says to be so large, in which nothing is written as long as nothing is placed.
 */
Test(bitmap_aligned, a_gap_and_a_block_that_are_2_to_the_32_units_together_are_refused)
{
#if UINTPTR_MAX > UINT32_MAX
    struct smh_bitmap *map = smh_bitmap_of(&heap);

    make(0);
    map->units = 0xf0000000u;
    map->end = SMH_BITMAP_FIRST + map->units;
    map->reserve_end = map->end;
    map->base = ((uintptr_t)1 << 40) + 8 - SMH_BITMAP_FIRST * 8;
    cr_expect_null(heap.engine->aligned_alloc(&heap, (size_t)1 << 34, (size_t)0x90000000 * 8));
    cr_expect_eq(map->reserve, SMH_BITMAP_FIRST);
#endif
}

/*     | gap: 8 units | all but 4 units |      the multiple lies 8 units in, of 2^32 units and more:
 * the gap and an alignment, in 32 bits, are next to nothing */
Test(bitmap_aligned, behind_a_multiple_of_more_than_2_to_the_32_units_too_little_is_refused)
{
#if UINTPTR_MAX > UINT32_MAX
    for (unsigned shift = 20; shift <= 40; shift++) {
        struct smh_bitmap *map = smh_bitmap_of(&heap);
        struct smh_heap before;

        make(0);
        map->base = ((uintptr_t)1 << 40) - 8 * 8 - SMH_BITMAP_FIRST * 8;
        before = heap;
        cr_expect_null(
            heap.engine->aligned_alloc(&heap, (size_t)1 << shift, (map->units - 4) * (size_t)8));
        cr_expect_eq(memcmp(&before, &heap, sizeof(heap)), 0);
    }
#endif
}

/* A block of 15 units, which are a large one here, leaves 28 units, which are not what small
 * requests are cut from then: that is the smallest large chunk there is. */
Test(bitmap_aligned, after_a_large_block_small_requests_are_cut_from_the_smallest_large_chunk)
{
    void *hole;
    void *room;

    cr_assert_eq(picture_init(&smh_engine_bitmap, 0, 0, 1024), 0);
    picture_take(16);
    hole = picture_take(120);
    picture_take(16);
    room = picture_take(448);
    picture_take(424);
    picture_give(hole);
    picture_give(room);
    picture_looks("u16 f120 u16 f448 u424");
    cr_expect_eq(smh_heap_aligned_alloc(&picture_heap, 256, 120), (void *)(picture_memory + 256));
    picture_looks("u16 f120 u16 f104 u120 f224 u424");
    cr_expect_eq(picture_take(112), hole);
    picture_looks("u16 u120 u16 f104 u120 f224 u424");
}
