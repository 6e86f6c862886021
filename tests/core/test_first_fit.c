/* test_first_fit.c: the layouts of the textbook allocator, as pictures.
 *
 * heap_picture.h tells how to read them.
 */
#include "heap_picture.h"

#include <criterion/criterion.h>
#include <smh/port.h>

static int init(size_t granule, size_t shift, size_t bytes)
{
    return picture_init(&smh_engine_first_fit, granule, shift, bytes);
}

static void set_up(void)
{
    cr_assert_eq(init(0, 0, PICTURE_BYTES), 0);
}

TestSuite(first_fit, .init = set_up);

Test(first_fit, a_new_heap_is_one_free_chunk)
{
    picture_looks("f1024");
}

Test(first_fit, a_block_takes_its_bytes_a_header_and_rounding_to_8)
{
    picture_take(1);
    picture_looks("u16 f1008");
    picture_take(8);
    picture_looks("u16 u16 f992");
    picture_take(9);
    picture_looks("u16 u16 u24 f968");
    picture_take(16);
    picture_looks("u16 u16 u24 u24 f944");
}

Test(first_fit, blocks_start_behind_their_headers_at_multiples_of_8)
{
    cr_assert_eq(picture_take(20), picture_memory + 8);
    cr_assert_eq(picture_take(20), picture_memory + 40);
    cr_assert_eq(smh_heap_alignment(&picture_heap), 8);
}

Test(first_fit, a_block_that_shrinks_by_16_bytes_leaves_a_chunk_and_by_8_keeps_them)
{
    void *block = picture_take(56);

    picture_take(picture_heap.engine->largest_free(&picture_heap));
    cr_assert(smh_heap_resize(&picture_heap, block, 48));
    picture_looks("u64 u960");
    cr_assert(smh_heap_resize(&picture_heap, block, 40));
    picture_looks("u48 f16 u960");
}

Test(first_fit, the_first_chunk_that_is_large_enough_is_taken)
{
    void *small = picture_take(24);
    void *large;

    picture_take(8);
    large = picture_take(88);
    picture_take(8);
    picture_give(small);
    picture_give(large);
    picture_looks("f32 u16 f96 u16 f864");
    cr_assert_eq(picture_take(56), large);
    picture_looks("f32 u16 u64 f32 u16 f864");
    cr_assert_eq(picture_take(24), small);
    picture_looks("u32 u16 u64 f32 u16 f864");
}

Test(first_fit, a_rest_of_8_bytes_goes_with_the_block)
{
    void *block = picture_take(40);

    picture_take(8);
    picture_give(block);
    picture_looks("f48 u16 f960");
    cr_assert_eq(picture_take(32), block);
    picture_looks("u48 u16 f960");
    cr_assert_eq(smh_heap_usable_size(&picture_heap, block), 40);
}

Test(first_fit, a_heap_can_be_filled_to_the_last_byte)
{
    cr_assert_null(smh_heap_alloc(&picture_heap, 1017));
    picture_take(1016);
    picture_looks("u1024");
    cr_assert_null(smh_heap_alloc(&picture_heap, 1));
    cr_assert_eq(smh_engine_first_fit.largest_free(&picture_heap), 0);
}

Test(first_fit, free_between_used_neighbours_merges_nothing)
{
    void *block;

    picture_take(8);
    block = picture_take(24);
    picture_take(8);
    picture_give(block);
    picture_looks("u16 f32 u16 f960");
}

Test(first_fit, free_merges_to_the_left)
{
    void *left = picture_take(24);
    void *block = picture_take(24);

    picture_take(8);
    picture_give(left);
    picture_give(block);
    picture_looks("f64 u16 f944");
}

Test(first_fit, free_merges_to_the_right)
{
    void *block = picture_take(24);
    void *right = picture_take(24);

    picture_take(8);
    picture_give(right);
    picture_give(block);
    picture_looks("f64 u16 f944");
}

Test(first_fit, free_merges_to_both_sides)
{
    void *left = picture_take(24);
    void *block = picture_take(24);
    void *right = picture_take(24);

    picture_take(8);
    picture_give(left);
    picture_give(right);
    picture_looks("f32 u32 f32 u16 f912");
    picture_give(block);
    picture_looks("f96 u16 f912");
}

Test(first_fit, the_last_block_merges_with_what_is_behind_it)
{
    void *block = picture_take(24);

    picture_give(block);
    picture_looks("f1024");
}

Test(first_fit, the_free_list_stays_in_order_however_blocks_are_freed)
{
    static const size_t order[] = {12, 0, 6, 2, 10, 4, 8};
    void *blocks[14];

    for (size_t i = 0; i < 14; i++) {
        blocks[i] = picture_take(24);
    }
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        picture_give(blocks[order[i]]);
        cr_assert_eq(smh_heap_check(&picture_heap, NULL), 0);
    }
    picture_looks("f32 u32 f32 u32 f32 u32 f32 u32 f32 u32 f32 u32 f32 u32 f576");
}

Test(first_fit, an_aligned_block_leaves_what_it_skips_free)
{
    picture_take(8);
    cr_assert_eq(smh_heap_aligned_alloc(&picture_heap, 128, 24), picture_memory + 128);
    picture_looks("u16 f104 u32 f872");
}

Test(first_fit, an_aligned_block_that_needs_no_skip_leaves_none)
{
    picture_take(112);
    cr_assert_eq(smh_heap_aligned_alloc(&picture_heap, 128, 24), picture_memory + 128);
    picture_looks("u120 u32 f872");
}

Test(first_fit, a_gap_too_small_for_a_chunk_makes_the_block_go_one_alignment_further)
{
    picture_take(40); /* the next header at 48, the block at 56: 8 bytes before 64 */
    cr_assert_eq(smh_heap_aligned_alloc(&picture_heap, 64, 24), picture_memory + 128);
    picture_looks("u48 f72 u32 f872");
}

Test(first_fit, a_chunk_too_short_behind_the_skip_is_passed_over)
{
    void *hole;

    picture_take(8);
    hole = picture_take(112);
    picture_take(8);
    picture_give(hole);
    picture_looks("u16 f120 u16 f872");
    cr_assert_eq(smh_heap_aligned_alloc(&picture_heap, 128, 24), picture_memory + 256);
    picture_looks("u16 f120 u16 f96 u32 f744");
}

Test(first_fit, resize_grows_into_free_space)
{
    void *block = picture_take(24);

    cr_assert(smh_heap_resize(&picture_heap, block, 100));
    picture_looks("u112 f912");
}

Test(first_fit, resize_grows_to_the_very_end_of_free_space)
{
    void *block = picture_take(24);
    void *right = picture_take(56);

    picture_take(8);
    picture_give(right);
    picture_looks("u32 f64 u16 f912");
    cr_assert(smh_heap_resize(&picture_heap, block, 88));
    picture_looks("u96 u16 f912");
}

Test(first_fit, resize_takes_a_rest_of_8_bytes_along)
{
    void *block = picture_take(24);
    void *right = picture_take(56);

    picture_take(8);
    picture_give(right);
    cr_assert(smh_heap_resize(&picture_heap, block, 80));
    picture_looks("u96 u16 f912");
    cr_assert_eq(smh_heap_usable_size(&picture_heap, block), 88);
}

Test(first_fit, resize_fails_before_a_block_and_before_too_little_space)
{
    void *block = picture_take(24);
    void *right = picture_take(56);

    picture_take(8);
    cr_assert_not(smh_heap_resize(&picture_heap, block, 25));
    picture_give(right);
    cr_assert_not(smh_heap_resize(&picture_heap, block, 89));
    picture_looks("u32 f64 u16 f912");
}

Test(first_fit, resize_gives_back_what_is_no_longer_needed)
{
    void *block = picture_take(120);

    picture_take(8);
    cr_assert(smh_heap_resize(&picture_heap, block, 24));
    picture_looks("u32 f96 u16 f880");
}

Test(first_fit, resize_gives_back_to_the_free_chunk_behind)
{
    void *block = picture_take(40);
    void *right = picture_take(24);

    picture_take(8);
    picture_give(right);
    picture_looks("u48 f32 u16 f928");
    cr_assert(smh_heap_resize(&picture_heap, block, 32));
    picture_looks("u40 f40 u16 f928");
}

Test(first_fit, resize_keeps_8_bytes_that_would_be_no_chunk)
{
    void *block = picture_take(40);

    picture_take(8);
    cr_assert(smh_heap_resize(&picture_heap, block, 32));
    picture_looks("u48 u16 f960");
}

Test(first_fit, granules_put_blocks_and_sizes_on_their_multiples)
{
    for (size_t granule = 8; granule <= 256; granule *= 2) {
        struct smh_chunk chunk = {0};

        cr_assert_eq(init(granule, 0, PICTURE_BYTES), 0);
        cr_assert_eq(smh_heap_alignment(&picture_heap), granule);
        while (smh_heap_alloc(&picture_heap, granule / 2) != NULL) {
        }
        while (smh_heap_walk(&picture_heap, &chunk)) {
            cr_assert_eq(chunk.size % granule, 0);
            cr_assert_geq(chunk.size, granule);
            cr_assert(!chunk.used || (uintptr_t)chunk.block % granule == 0);
        }
        cr_assert_eq(smh_heap_check(&picture_heap, NULL), 0);
    }
}

Test(first_fit, with_a_granule_the_first_header_lies_before_the_first_multiple)
{
    cr_assert_eq(init(64, 0, PICTURE_BYTES), 0);
    cr_assert_eq(picture_take(56), picture_memory + 64);
    cr_assert_eq(picture_take(57), picture_memory + 128);
    picture_looks("u64 u128 f768"); /* 56 bytes are lost in front, 8 behind */
}

Test(first_fit, odd_memory_is_used_from_its_first_multiple_to_its_last)
{
    cr_assert_eq(init(0, 5, 100), 0);
    picture_looks("f96"); /* from 8 to 104 of memory */
    cr_assert_eq(picture_take(88), picture_memory + 16);
}

Test(first_fit, sixteen_bytes_are_the_smallest_region)
{
    cr_assert_eq(init(0, 0, 15), -ENOMEM);
    cr_assert_eq(init(0, 0, 16), 0);
    picture_looks("f16");
    cr_assert_eq(init(16, 0, 23), -ENOMEM); /* the header starts at 8 */
    cr_assert_eq(init(16, 0, 24), 0);
    cr_assert_eq(init(16, 8, 16), 0);
    picture_looks("f16");
}

/* NULL exactly when no free chunk can hold the block: by brute force over sizes and alignments. */
Test(first_fit, the_sufficient_chunk_suffices_and_without_alignment_no_smaller_one)
{
    for (size_t align = 1; align <= 256; align *= 2) {
        for (size_t bytes = 1; bytes <= 300; bytes += 7) {
            for (size_t front = 8; front <= 128; front += 8) {
                size_t sufficient;
                size_t largest;
                void *block;

                set_up();
                picture_take(front);
                sufficient = smh_engine_first_fit.sufficient_chunk(&picture_heap, align, bytes);
                largest = 1024 - picture_heap.used_bytes;
                /* Leaves exactly as much as is said to suffice. */
                if (sufficient + 16 <= largest) {
                    void *middle = picture_take(sufficient - 8);

                    picture_take(largest - sufficient - 8);
                    picture_give(middle);
                    block = smh_heap_aligned_alloc(&picture_heap, align, bytes);
                    cr_assert_not_null(block, "align %zu bytes %zu front %zu", align, bytes, front);
                    cr_assert_eq((uintptr_t)block % align, 0);
                }
            }
        }
    }
    set_up();
    cr_assert_eq(smh_engine_first_fit.sufficient_chunk(&picture_heap, 0, 1016), 1024);
    cr_assert_eq(smh_engine_first_fit.sufficient_chunk(&picture_heap, 0, 1017), SIZE_MAX);
    cr_assert_eq(smh_engine_first_fit.sufficient_chunk(&picture_heap, SIZE_MAX / 2 + 1, 8),
                 SIZE_MAX / 2 + 1 + 8 + 16);
    cr_assert_eq(smh_engine_first_fit.sufficient_chunk(&picture_heap, 0, SIZE_MAX), SIZE_MAX);
}
