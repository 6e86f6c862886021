/* test_worst_fit.c: worst fit looks at every free chunk and takes the largest.
 *
 * heap_picture.h tells how to read the pictures. What all the fits share is shown in
 * test_first_fit.c.
 */
#include "heap_picture.h"

#include <criterion/criterion.h>
#include <smh/port.h>

static void *holes[5];

/* Holes of 96, 64, 32, 128 and 64 bytes between blocks of 16, and no rest. */
static void set_up(void)
{
    static const size_t sizes[] = {88, 56, 24, 120, 56};
    size_t left;

    cr_assert_eq(picture_init(&smh_engine_worst_fit, 0, 0, PICTURE_BYTES), 0);
    for (size_t i = 0; i < 5; i++) {
        holes[i] = picture_take(sizes[i]);
        picture_take(8);
    }
    left = smh_engine_worst_fit.largest_free(&picture_heap);
    picture_take(left);
    for (size_t i = 0; i < 5; i++) {
        picture_give(holes[i]);
    }
    picture_looks("f96 u16 f64 u16 f32 u16 f128 u16 f64 u16 u560");
}

TestSuite(worst_fit, .init = set_up);

Test(worst_fit, the_largest_chunk_is_taken)
{
    cr_assert_eq(picture_take(16), holes[3]);
    picture_looks("f96 u16 f64 u16 f32 u16 u24 f104 u16 f64 u16 u560");
}

Test(worst_fit, also_when_another_fits_exactly)
{
    cr_assert_eq(picture_take(24), holes[3]);
    picture_looks("f96 u16 f64 u16 f32 u16 u32 f96 u16 f64 u16 u560");
}

Test(worst_fit, of_equals_the_one_with_the_lowest_address_is_taken)
{
    cr_assert_eq(picture_take(24), holes[3]);
    cr_assert_eq(picture_take(24), holes[0]); /* both have 96 now */
    cr_assert_eq(picture_take(24), (uint8_t *)holes[3] + 32);
    picture_looks("u32 f64 u16 f64 u16 f32 u16 u32 u32 f64 u16 f64 u16 u560");
}

Test(worst_fit, an_aligned_block_goes_into_the_largest_chunk_that_can_hold_it)
{
    uint8_t *block = smh_heap_aligned_alloc(&picture_heap, 64, 24);

    cr_assert_eq((uintptr_t)block % 64, 0);
    picture_looks("f96 u16 f64 u16 f32 u16 f72 u32 f24 u16 f64 u16 u560");
}

Test(worst_fit, a_largest_chunk_that_cannot_hold_an_aligned_block_is_passed_over)
{
    void *small;
    void *large;

    cr_assert_eq(picture_init(&smh_engine_worst_fit, 0, 0, PICTURE_BYTES), 0);
    picture_take(72);
    small = picture_take(56);
    picture_take(8);
    large = picture_take(88); /* ends at 256 */
    picture_take(760);
    picture_give(small);
    picture_give(large);
    picture_looks("u80 f64 u16 f96 u768");
    cr_assert_eq(smh_heap_aligned_alloc(&picture_heap, 128, 8), picture_memory + 128);
    picture_looks("u80 f40 u24 u16 f96 u768");
}

Test(worst_fit, nothing_that_suffices_is_null)
{
    cr_assert_null(smh_heap_alloc(&picture_heap, 121));
    cr_assert_null(smh_heap_aligned_alloc(&picture_heap, 512, 24));
}
