/* test_next_fit.c: next fit goes round.
 *
 * heap_picture.h tells how to read the pictures. What all the fits share is shown in
 * test_first_fit.c.
 */
#include "heap_picture.h"

#include <criterion/criterion.h>
#include <smh/port.h>

static void *holes[4];

/* Holes of 32, 96, 64 and 96 bytes between blocks of 16, and a rest of 672. */
static void set_up(void)
{
    static const size_t sizes[] = {24, 88, 56, 88};

    cr_assert_eq(picture_init(&smh_engine_next_fit, 0, 0, PICTURE_BYTES), 0);
    for (size_t i = 0; i < 4; i++) {
        holes[i] = picture_take(sizes[i]);
        picture_take(8);
    }
    for (size_t i = 0; i < 4; i++) {
        picture_give(holes[i]);
    }
    picture_looks("f32 u16 f96 u16 f64 u16 f96 u16 f672");
}

TestSuite(next_fit, .init = set_up);

/* The rover, which stands at the rest, goes back to the first hole. */
static void go_round(void)
{
    picture_take(664);
    picture_looks("f32 u16 f96 u16 f64 u16 f96 u16 u672");
}

Test(next_fit, the_search_goes_on_where_the_last_one_ended)
{
    picture_take(8);
    picture_looks("f32 u16 f96 u16 f64 u16 f96 u16 u16 f656");
    picture_take(8);
    picture_looks("f32 u16 f96 u16 f64 u16 f96 u16 u16 u16 f640");
}

Test(next_fit, behind_the_last_free_chunk_it_begins_at_the_first)
{
    go_round();
    cr_assert_eq(picture_take(24), holes[0]);
    picture_looks("u32 u16 f96 u16 f64 u16 f96 u16 u672");
}

Test(next_fit, what_is_left_of_a_chunk_comes_next)
{
    go_round();
    cr_assert_eq(picture_take(40), holes[1]);
    cr_assert_eq(picture_take(24), (uint8_t *)holes[1] + 48);
    picture_looks("f32 u16 u48 u32 f16 u16 f64 u16 f96 u16 u672");
}

Test(next_fit, a_chunk_before_the_rover_is_found_last)
{
    go_round();
    cr_assert_eq(picture_take(88), holes[1]);
    cr_assert_eq(picture_take(88), holes[3]);
    cr_assert_eq(picture_take(24), holes[0]);
    cr_assert_eq(picture_take(40), holes[2]);
    picture_looks("u32 u16 u96 u16 u48 f16 u16 u96 u16 u672");
}

Test(next_fit, a_search_that_fails_leaves_the_rover)
{
    go_round();
    cr_assert_eq(picture_take(88), holes[1]);
    cr_assert_null(smh_heap_alloc(&picture_heap, 89));
    cr_assert_eq(picture_take(24), holes[2]);
}

Test(next_fit, a_rover_whose_chunk_grows_to_the_left_stays_with_it)
{
    void *block;

    go_round();
    block = picture_take(40); /* of the hole of 96; the rover stands at what is left */
    cr_assert_eq(block, holes[1]);
    picture_give(block);
    cr_assert_eq(picture_take(24), block);
    picture_looks("f32 u16 u32 f64 u16 f64 u16 f96 u16 u672");
}

Test(next_fit, a_rover_whose_chunk_is_merged_from_both_sides_stays_with_it)
{
    void *left;
    void *block;

    go_round();
    left = picture_take(40);
    block = picture_take(8);
    picture_looks("f32 u16 u48 u16 f32 u16 f64 u16 f96 u16 u672");
    picture_give(left);
    picture_give(block);
    cr_assert_eq(picture_take(24), left);
    picture_looks("f32 u16 u32 f64 u16 f64 u16 f96 u16 u672");
}

Test(next_fit, a_rover_whose_chunk_a_resize_swallows_goes_to_the_next)
{
    void *block;

    go_round();
    block = picture_take(40);
    cr_assert(smh_heap_resize(&picture_heap, block, 88));
    cr_assert_eq(picture_take(24), holes[2]);
    picture_looks("f32 u16 u96 u16 u32 f32 u16 f96 u16 u672");
}

Test(next_fit, a_rover_whose_chunk_a_resize_shortens_stays_with_it)
{
    void *block;

    go_round();
    block = picture_take(40);
    cr_assert(smh_heap_resize(&picture_heap, block, 56));
    cr_assert_eq(picture_take(24), (uint8_t *)block + 64);
    picture_looks("f32 u16 u64 u32 u16 f64 u16 f96 u16 u672");
}

Test(next_fit, an_aligned_block_leaves_the_rover_behind_it)
{
    uint8_t *block;

    go_round();
    block = smh_heap_aligned_alloc(&picture_heap, 128, 8);
    cr_assert_eq(block, picture_memory + 128);
    picture_looks("f32 u16 f72 u24 u16 f64 u16 f96 u16 u672");
    cr_assert_eq(picture_take(8), holes[2]);
}

Test(next_fit, the_validator_finds_a_rover_that_stands_at_no_free_chunk)
{
    struct smh_fault fault = {0};

    picture_heap.state[5] = 4;
    cr_assert_eq(smh_heap_check(&picture_heap, &fault), -EINVAL);
    cr_assert_str_eq(fault.rule, "the rover stands at a free chunk");
}
