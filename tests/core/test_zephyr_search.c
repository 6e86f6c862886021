/* test_zephyr_search.c: which free chunk serves a request, and when none does.
 *
 * The heaps here are 64-bit and filled to the last unit, so that nothing but the freed blocks is
 * free:
 *
 *     |H|A    |x|B    |x|C    |x|D      |M|      A, B, C: 5 units, D: 8 units, x: 2 units
 *
 * 5 to 8 units share bucket 2. A list begins with the chunk freed first.
 */
#include <criterion/criterion.h>
#include <smh/engine.h>
#include <smh/heap.h>
#include <string.h>

#include "../../sim/random.h"

static _Alignas(64) uint8_t region[8192];

static void make(struct smh_heap *heap, unsigned target_bits, size_t bytes)
{
    struct smh_heap_config config = {.memory = region,
                                     .memory_size = bytes,
                                     .target_bits = target_bits,
                                     .engine = &smh_engine_zephyr};

    cr_assert_eq(smh_heap_init(heap, &config), 0);
}

static size_t bytes_of(size_t units)
{
    return units * 8 - 8;
}

/* Three chunks of `small` units, then one of `large`, all freed in this order; everything else is
 * in use. */
static void four_in_a_list(struct smh_heap *heap, size_t small, size_t large)
{
    size_t units = 3 * (small + 2) + large; /* behind chunk 0, which takes 5 units or 6 */
    void *freed[4];

    make(heap, 64, (units + 5) * 8 + 8);
    if (heap->capacity_bytes != units * 8) {
        make(heap, 64, (units + 6) * 8 + 8);
    }
    cr_assert_eq(heap->capacity_bytes, units * 8);
    for (size_t i = 0; i < 3; i++) {
        freed[i] = smh_heap_alloc(heap, bytes_of(small));
        cr_assert_not_null(smh_heap_alloc(heap, bytes_of(2)));
    }
    freed[3] = smh_heap_alloc(heap, bytes_of(large));
    cr_assert_not_null(freed[3]);
    cr_assert_eq(heap->used_bytes, heap->capacity_bytes);
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(smh_heap_free(heap, freed[i]), 0);
    }
}

Test(zephyr_search, a_chunk_that_fits_is_missed_when_it_is_fourth_in_its_bucket)
{
    struct smh_heap heap;
    struct smh_stats stats;

    four_in_a_list(&heap, 5, 8);
    smh_heap_stats(&heap, &stats);
    cr_expect_eq(stats.largest_free_bytes, bytes_of(5), "the largest that can be had now");
    cr_expect_null(smh_heap_alloc(&heap, bytes_of(8)), "though 8 units are free");
}

Test(zephyr_search, a_failed_search_moves_the_list_on_so_that_the_next_one_succeeds)
{
    struct smh_heap heap;
    struct smh_stats stats;

    four_in_a_list(&heap, 5, 8);
    cr_assert_null(smh_heap_alloc(&heap, bytes_of(8)));
    smh_heap_stats(&heap, &stats);
    cr_expect_eq(stats.largest_free_bytes, bytes_of(8));
    cr_expect_not_null(smh_heap_alloc(&heap, bytes_of(8)));
}

Test(zephyr_search, the_third_in_its_bucket_is_still_found)
{
    struct smh_heap heap;
    void *blocks[3];

    make(&heap, 64, (5 + 5 + 2 + 5 + 2 + 8) * 8 + 8);
    blocks[0] = smh_heap_alloc(&heap, bytes_of(5));
    cr_assert_not_null(smh_heap_alloc(&heap, bytes_of(2)));
    blocks[1] = smh_heap_alloc(&heap, bytes_of(5));
    cr_assert_not_null(smh_heap_alloc(&heap, bytes_of(2)));
    blocks[2] = smh_heap_alloc(&heap, bytes_of(8));
    cr_assert_eq(heap.used_bytes, heap.capacity_bytes);
    for (size_t i = 0; i < 3; i++) {
        smh_heap_free(&heap, blocks[i]);
    }
    cr_expect_eq(smh_heap_alloc(&heap, bytes_of(8)), blocks[2]);
}

Test(zephyr_search, a_chunk_of_the_next_bucket_always_serves)
{
    struct smh_heap heap;

    four_in_a_list(&heap, 5, 9); /* 9 units are in bucket 3 */
    cr_expect_not_null(smh_heap_alloc(&heap, bytes_of(8)));
}

Test(zephyr_search, the_published_rule_names_the_least_chunk_that_cannot_be_missed)
{
    struct smh_heap heap;

    four_in_a_list(&heap, 5, 8);
    /* 8 units may be missed (above), 9 not; 5 units are the least of their bucket. */
    cr_expect_eq(heap.engine->sufficient_chunk(&heap, 0, bytes_of(8)), 9 * 8);
    cr_expect_eq(heap.engine->sufficient_chunk(&heap, 0, bytes_of(5)), 5 * 8);
    /* Where four chunks of the bucket cannot exist, the size itself does. */
    make(&heap, 64, (5 + 20) * 8 + 8);
    cr_expect_eq(heap.engine->sufficient_chunk(&heap, 0, bytes_of(8)), 8 * 8);
    cr_expect_eq(heap.engine->sufficient_chunk(&heap, 0, SIZE_MAX), SIZE_MAX);
    /* An alignment of 64 may need 56 bytes more: 2 + 7 units. */
    make(&heap, 64, 8000);
    cr_expect_eq(heap.engine->sufficient_chunk(&heap, 64, 8), 9 * 8);
}

/* The size of the largest free chunk. */
static size_t largest_chunk(const struct smh_heap *heap)
{
    struct smh_chunk chunk = {0};
    size_t largest = 0;

    while (smh_heap_walk(heap, &chunk)) {
        if (!chunk.used && chunk.size > largest) {
            largest = chunk.size;
        }
    }
    return largest;
}

Test(zephyr_search, null_is_never_given_against_the_published_rule)
{
    static const struct {
        unsigned target_bits;
        size_t bytes;
    } rows[] = {{64, 300}, {64, 8000}, {32, 200}, {32, 8000}};

    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        struct smh_heap heap;
        struct smh_random random;
        void *blocks[64] = {NULL};
        size_t refusals = 0;

        smh_random_init(&random, row, 0);
        make(&heap, rows[row].target_bits, rows[row].bytes);
        for (size_t i = 0; i < 20000; i++) {
            void **slot = &blocks[smh_random_below(&random, 64)];
            size_t bytes = 1 + (size_t)smh_random_below(&random, rows[row].bytes / 4);
            size_t align = (size_t)1 << smh_random_below(&random, 7);
            size_t largest = largest_chunk(&heap);
            struct smh_stats stats;

            if (*slot != NULL) {
                cr_assert_eq(smh_heap_free(&heap, *slot), 0);
                *slot = NULL;
                continue;
            }
            smh_heap_stats(&heap, &stats);
            *slot = smh_heap_aligned_alloc(&heap, align, bytes);
            if (*slot == NULL) {
                refusals++;
                cr_assert_lt(largest, heap.engine->sufficient_chunk(&heap, align, bytes));
            } else if (align <= 4) {
                cr_assert_leq(bytes, stats.largest_free_bytes);
            }
            if (align <= 4 && bytes <= stats.largest_free_bytes) {
                cr_assert_not_null(*slot, "largest_free promised it");
            }
        }
        cr_expect_gt(refusals, 0, "row %zu never refused", row);
    }
}

Test(zephyr_search, an_absurd_size_or_alignment_is_refused_and_changes_nothing)
{
    struct smh_heap heap;
    uint8_t image[4096];

    make(&heap, 32, sizeof(image));
    cr_assert_not_null(smh_heap_alloc(&heap, 100));
    memcpy(image, region, sizeof(image));
    cr_expect_null(smh_heap_alloc(&heap, SIZE_MAX));
    cr_expect_null(smh_heap_alloc(&heap, SIZE_MAX - 7));
    cr_expect_null(smh_heap_aligned_alloc(&heap, (SIZE_MAX >> 1) + 1, 1));
    cr_expect_null(smh_heap_aligned_alloc(&heap, (SIZE_MAX >> 1) + 1, SIZE_MAX));
    cr_expect_eq(memcmp(image, region, sizeof(image)), 0);
}
