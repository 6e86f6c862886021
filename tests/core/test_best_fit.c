/* test_best_fit.c: best fit looks at every free chunk and takes the smallest that suffices.
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

    cr_assert_eq(picture_init(&smh_engine_best_fit, 0, 0, PICTURE_BYTES), 0);
    for (size_t i = 0; i < 5; i++) {
        holes[i] = picture_take(sizes[i]);
        picture_take(8);
    }
    left = smh_engine_best_fit.largest_free(&picture_heap);
    picture_take(left);
    for (size_t i = 0; i < 5; i++) {
        picture_give(holes[i]);
    }
    picture_looks("f96 u16 f64 u16 f32 u16 f128 u16 f64 u16 u560");
}

TestSuite(best_fit, .init = set_up);

Test(best_fit, the_smallest_chunk_that_suffices_is_taken)
{
    cr_assert_eq(picture_take(57), holes[0]);
    picture_looks("u72 f24 u16 f64 u16 f32 u16 f128 u16 f64 u16 u560");
}

Test(best_fit, a_chunk_that_fits_exactly_is_taken)
{
    cr_assert_eq(picture_take(24), holes[2]);
    cr_assert_eq(picture_take(120), holes[3]);
    picture_looks("f96 u16 f64 u16 u32 u16 u128 u16 f64 u16 u560");
}

/*     | lead | free 80 | 16 | free 32 | ...      whatever number the first one's place has */
Test(best_fit, an_exact_fit_is_taken_wherever_a_larger_chunk_lies_before_it)
{
    for (size_t lead = 8; lead < 200; lead += 8) {
        void *larger;
        void *exact;

        cr_assert_eq(picture_init(&smh_engine_best_fit, 0, 0, PICTURE_BYTES), 0);
        picture_take(lead);
        larger = picture_take(72);
        picture_take(8);
        exact = picture_take(24);
        picture_take(8);
        picture_give(larger);
        picture_give(exact);
        cr_assert_eq(picture_take(24), exact, "%zu", lead);
    }
}

Test(best_fit, of_equals_the_one_with_the_lowest_address_is_taken)
{
    cr_assert_eq(picture_take(40), holes[1]);
    cr_assert_eq(picture_take(40), holes[4]);
    picture_looks("f96 u16 u48 f16 u16 f32 u16 f128 u16 u48 f16 u16 u560");
}

Test(best_fit, what_a_split_leaves_is_the_smallest_next)
{
    cr_assert_eq(picture_take(64), holes[0]);
    cr_assert_eq(picture_take(16), (uint8_t *)holes[0] + 72);
    picture_looks("u72 u24 u16 f64 u16 f32 u16 f128 u16 f64 u16 u560");
}

Test(best_fit, an_aligned_block_goes_into_the_smallest_chunk_that_can_hold_it)
{
    /* In each of the smaller ones the next multiple of 64 lies too far in, or leaves a gap of 8. */
    uint8_t *block = smh_heap_aligned_alloc(&picture_heap, 64, 24);

    cr_assert_eq((uintptr_t)block % 64, 0);
    picture_looks("f56 u40 u16 f64 u16 f32 u16 f128 u16 f64 u16 u560");
}

Test(best_fit, nothing_that_suffices_is_null)
{
    cr_assert_null(smh_heap_alloc(&picture_heap, 121));
    cr_assert_null(smh_heap_aligned_alloc(&picture_heap, 512, 24));
}
