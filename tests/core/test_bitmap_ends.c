/* test_bitmap_ends.c: from which end of a free chunk the bitmap engine takes a block.
 *
 *     | small block | rest ............ |      below 512 units: the low end
 *     | rest ............ | large block |      from 512 units on: the high end of the largest chunk
 *
 * Owns: this rule at its limits.
 */
#include "bitmap_heap.h"

#define LARGE_UNITS 512u

static _Alignas(8) uint8_t memory[16384];
static struct smh_heap heap;

static void make(size_t units)
{
    bitmap_make(&heap, memory, units * 8, 0);
}

static size_t place_of(size_t units)
{
    uint8_t *block = bitmap_take(&heap, units);

    cr_assert_eq(smh_heap_check(&heap, NULL), 0);
    return (size_t)(block - memory) / 8;
}

Test(bitmap_ends, blocks_of_512_units_come_from_the_high_end_if_two_units_are_left)
{
    for (size_t need = LARGE_UNITS - 2; need < LARGE_UNITS + 3; need++) {
        for (size_t rest = 0; rest < 80; rest++) {
            make(need + rest);
            cr_assert_eq(place_of(need), need < LARGE_UNITS || rest < 2 ? 0 : rest,
                         "%zu of %zu units", need, need + rest);
        }
    }
}

/*     | A | 600 units free | 2 | 900 units free | ...      A: what is tried first */
Test(bitmap_ends, large_blocks_come_from_the_low_end_of_a_chunk_that_is_not_the_largest)
{
    uint8_t *smaller;
    uint8_t *larger;

    make(600 + 2 + 900 + 2 + 60);
    smaller = memory;
    cr_assert_eq(place_of(500), 0);
    cr_assert_eq(place_of(100), 500);
    cr_assert_eq(place_of(2), 600);
    larger = memory + 602 * 8;
    cr_assert_eq(place_of(450), 602);
    cr_assert_eq(place_of(450), 602 + 450);
    cr_assert_eq(place_of(2), 602 + 900);
    cr_assert_eq(place_of(60), 602 + 902);
    bitmap_give(&heap, larger);
    bitmap_give(&heap, larger + 450 * 8);
    bitmap_give(&heap, smaller);
    bitmap_give(&heap, smaller + 500 * 8);
    cr_assert_eq(place_of(590), 0, "of the smaller, its low end");
    cr_assert_eq(place_of(590), 602 + 310, "of the largest, its high end");
}
