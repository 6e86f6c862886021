/* test_bitmap_vtable.c: the bitmap engine called without heap.c, which asks before it calls.
 *
 * Owns: what its free, resize and slide refuse by themselves. Heaps are written as in
 * heap_picture.h.
 */
#include "heap_picture.h"

#include <criterion/criterion.h>

/*     | block |  block  | free |      resized: what starts no block */
Test(bitmap_vtable, resize_of_what_is_no_block_is_refused_and_nothing_changes)
{
    uint8_t *first;
    uint8_t *second;

    cr_assert_eq(picture_init(&smh_engine_bitmap, 0, 0, 1024), 0);
    first = picture_take(32);
    second = picture_take(64);
    cr_expect_not(smh_engine_bitmap.resize(&picture_heap, first + 8, 16), "inside a block");
    cr_expect_not(smh_engine_bitmap.resize(&picture_heap, second + 64, 16), "free memory");
    cr_expect_not(smh_engine_bitmap.resize(&picture_heap, second + 72, 16), "inside of it");
    picture_looks("u32 u64 f928");
}

/*     | block |  block  | free |      freed: what starts no block */
Test(bitmap_vtable, free_of_what_is_no_block_changes_nothing)
{
    uint8_t *first;
    uint8_t *second;

    cr_assert_eq(picture_init(&smh_engine_bitmap, 0, 0, 1024), 0);
    first = picture_take(32);
    second = picture_take(64);
    smh_engine_bitmap.free(&picture_heap, first + 8);
    smh_engine_bitmap.free(&picture_heap, second + 64);
    smh_engine_bitmap.free(&picture_heap, second + 72);
    picture_looks("u32 u64 f928");
    cr_expect_eq(picture_heap.live_blocks, 2);
    cr_expect_eq(picture_heap.used_bytes, 96);
    smh_engine_bitmap.free(&picture_heap, first);
    picture_looks("f32 u64 f928");
    smh_engine_bitmap.free(&picture_heap, first);
    picture_looks("f32 u64 f928");
    cr_expect_eq(picture_heap.live_blocks, 1);
    cr_expect_eq(picture_heap.used_bytes, 64);
}

/*     | block | block | free |      the second could grow in place, which is resize's to do */
Test(bitmap_vtable, a_block_without_a_free_chunk_on_its_left_does_not_slide)
{
    uint8_t *block;

    cr_assert_eq(picture_init(&smh_engine_bitmap, 0, 0, 1024), 0);
    picture_take(32);
    block = picture_take(64);
    cr_expect_null(smh_engine_bitmap.slide(&picture_heap, block, 80));
    picture_looks("u32 u64 f928");
    cr_expect(smh_engine_bitmap.resize(&picture_heap, block, 80));
    picture_looks("u32 u80 f912");
}

/*     | free | block | free |  ->  |   block    | free | */
Test(bitmap_vtable, a_block_slides_over_the_free_chunks_on_both_sides)
{
    uint8_t *first;
    uint8_t *block;

    cr_assert_eq(picture_init(&smh_engine_bitmap, 0, 0, 1024), 0);
    first = picture_take(32);
    block = picture_take(64);
    block[63] = 7;
    picture_give(first);
    cr_expect_null(smh_engine_bitmap.slide(&picture_heap, block, 1025));
    picture_looks("f32 u64 f928");
    cr_expect_eq(smh_engine_bitmap.slide(&picture_heap, block, 1000), (void *)first);
    cr_expect_eq(first[63], 7);
    picture_looks("u1000 f24");
}
