/* test_bits.c: the arithmetic under everything, against a plain truth: 128 bits, or a loop. */
#include "../../src/bits.h"

#include <criterion/criterion.h>

__extension__ typedef unsigned __int128 wide;

/* Around every power of two, both ends included. */
static size_t edge(unsigned i)
{
    size_t power = (size_t)1 << (i / 5 % 64);

    return i >= 320 ? SIZE_MAX - (i - 320) : power + (i % 5) - 2;
}
#define EDGES 326

static unsigned slow_log2(size_t value)
{
    unsigned log = 0;

    for (; value > 1; value /= 2) {
        log++;
    }
    return log;
}

Test(bits, powers_of_two_have_one_bit_and_zero_is_none)
{
    for (unsigned i = 0; i < EDGES; i++) {
        size_t value = edge(i);

        cr_assert_eq(smh_is_power_of_two(value),
                     value != 0 && ((size_t)1 << slow_log2(value)) == value);
    }
    cr_assert_not(smh_is_power_of_two(0));
}

Test(bits, the_logarithm_is_rounded_down)
{
    for (unsigned i = 0; i < EDGES; i++) {
        size_t value = edge(i);

        if (value != 0) {
            cr_assert_eq(smh_floor_log2(value), slow_log2(value));
        }
        if ((uint32_t)value != 0) {
            cr_assert_eq(smh_floor_log2_u32((uint32_t)value), slow_log2((uint32_t)value));
        }
    }
}

Test(bits, the_lowest_bit_divides_and_the_next_does_not)
{
    for (unsigned i = 0; i < EDGES; i++) {
        uint32_t value = (uint32_t)edge(i);

        if (value != 0) {
            unsigned low = smh_lowest_bit_u32(value);

            cr_assert_eq(value % (UINT64_C(1) << low), 0);
            cr_assert_neq(value % (UINT64_C(2) << low), 0);
        }
    }
}

Test(bits, rounding_goes_to_the_nearest_multiple_on_its_side)
{
    for (size_t align = 1; align <= 4096; align *= 2) {
        for (size_t value = 0; value < 3 * align + 3; value += align < 64 ? 1 : 13) {
            cr_assert_eq(smh_round_down(value, align), value / align * align);
            cr_assert_eq(smh_round_up(value, align), (value + align - 1) / align * align);
            cr_assert_eq(smh_distance_up(value, align), smh_round_up(value, align) - value);
        }
        cr_assert_eq(smh_round_up(SIZE_MAX - (align - 1), align), SIZE_MAX - (align - 1));
        cr_assert_eq(smh_round_down(SIZE_MAX, align), SIZE_MAX - (align - 1));
        cr_assert_eq(smh_distance_up(UINTPTR_MAX, align), align == 1 ? 0 : 1);
    }
}

Test(bits, a_product_is_exact_or_refused_and_then_not_written)
{
    for (unsigned i = 0; i < EDGES; i++) {
        for (unsigned j = 0; j < EDGES; j++) {
            size_t left = edge(i);
            size_t right = edge(j);
            wide truth = (wide)left * right;
            size_t product = 77;
            bool fits = smh_product(left, right, &product);

            cr_assert_eq(fits, truth <= SIZE_MAX);
            cr_assert_eq(product, fits ? (size_t)truth : 77);
        }
    }
}

Test(bits, a_product_of_the_largest_size_is_not_refused)
{
    size_t product = 0;

    cr_assert(smh_product(SIZE_MAX, 1, &product));
    cr_assert_eq(product, SIZE_MAX);
    cr_assert(smh_product(SIZE_MAX / 3, 3, &product)); /* 2^64 - 1 is a multiple of 3 */
    cr_assert_eq(product, SIZE_MAX);
    cr_assert(smh_product(SIZE_MAX / 5, 5, &product));
    cr_assert_eq(product, SIZE_MAX);
    cr_assert_not(smh_product(SIZE_MAX / 3 + 1, 3, &product));
}
