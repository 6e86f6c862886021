/* test_pool_request.c: allocating, resizing and freeing over several regions.
 *
 *     fast    attr 1    1024 bytes       base + 0
 *     slow    attr 1    4096 bytes       base + 4096
 *     dma     attr 2    2048 bytes       base + 8192
 */
#include <criterion/criterion.h>
#include <smh/pool.h>
#include <smh/port.h>
#include <string.h>

static _Alignas(4096) uint8_t memory[3 * 4096];
static uint8_t metadata[3][256];
static struct smh_pool pool;

enum { FAST, SLOW, DMA };

static const struct smh_region regions[] = {
    [FAST] = {.attr = 1, .size = 1024, .name = "fast"},
    [SLOW] = {.attr = 1, .size = 4096, .name = "slow"},
    [DMA] = {.attr = 2, .size = 2048, .name = "dma"},
};

static void set_up_with(const struct smh_pool_config *config, size_t slow_reserve_bytes)
{
    cr_assert_eq(smh_pool_init(&pool, config), 0);
    for (size_t i = FAST; i <= DMA; i++) {
        struct smh_region region = regions[i];

        region.addr = (uintptr_t)memory + i * 4096;
        region.engine = &smh_engine_first_fit;
        region.metadata = metadata[i];
        region.metadata_size = sizeof(metadata[i]);
        region.reserve_bytes = i == SLOW ? slow_reserve_bytes : 0;
        cr_assert_eq(smh_pool_add(&pool, &region), 0);
    }
}

static void set_up(void)
{
    set_up_with(NULL, 0);
}

TestSuite(pool_request, .init = set_up);

static int index_of(const void *block)
{
    return smh_pool_index_of(&pool, block);
}

static struct smh_stats stats_of(uint32_t attr)
{
    struct smh_stats stats;

    cr_assert_eq(smh_pool_stats(&pool, attr, &stats), 0);
    cr_assert_eq(smh_pool_check(&pool, NULL, NULL), 0);
    return stats;
}

static bool holds(const uint8_t *block, uint8_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (block[i] != value) {
            return false;
        }
    }
    return true;
}

Test(pool_request, regions_of_one_attribute_are_tried_in_the_order_of_adding)
{
    cr_assert_eq(index_of(smh_pool_alloc(&pool, 1, 900)), FAST);
    cr_assert_eq(index_of(smh_pool_alloc(&pool, 1, 900)), SLOW);
    cr_assert_eq(index_of(smh_pool_alloc(&pool, 1, 90)), FAST);
    cr_assert_eq(index_of(smh_pool_alloc(&pool, 2, 90)), DMA);
}

Test(pool_request, size_0_unknown_attributes_and_odd_alignments_give_null)
{
    cr_assert_null(smh_pool_alloc(&pool, 1, 0));
    cr_assert_null(smh_pool_alloc(&pool, 3, 8));
    cr_assert_null(smh_pool_alloc(&pool, SMH_ATTR_ANY, 8));
    cr_assert_null(smh_pool_aligned_alloc(&pool, 1, 3, 8));
    cr_assert_null(smh_pool_aligned_alloc(&pool, 1, SIZE_MAX, 8));
    cr_assert_null(smh_pool_alloc(&pool, 1, SIZE_MAX));
    cr_assert_null(smh_pool_aligned_alloc(&pool, 1, SIZE_MAX / 2 + 1, 8));
    cr_assert_eq(stats_of(SMH_ATTR_ANY).failed_requests, 6, "all but size 0");
}

Test(pool_request, aligned_blocks_are_aligned_and_counted)
{
    for (size_t align = 1; align <= 1024; align *= 2) {
        void *block = smh_pool_aligned_alloc(&pool, 1, align, 24);

        cr_assert_not_null(block);
        cr_assert_eq((uintptr_t)block % align, 0);
    }
    cr_assert_eq(stats_of(1).live_blocks, 11);
}

Test(pool_request, all_bits_matching_serves_from_what_has_more)
{
    struct smh_pool_config config = {.match = smh_match_all_bits};

    cr_assert_eq(smh_pool_init(&pool, &config), 0);
    for (uint32_t i = 0; i < 3; i++) {
        struct smh_region region = {.attr = i == 2 ? 7 : 1 + i,
                                    .addr = (uintptr_t)memory + i * 4096,
                                    .size = 1024,
                                    .engine = &smh_engine_first_fit};

        cr_assert_eq(smh_pool_add(&pool, &region), 0);
    }
    cr_assert_eq(index_of(smh_pool_alloc(&pool, 1, 1000)), 0);
    cr_assert_eq(index_of(smh_pool_alloc(&pool, 3, 100)), 2);
    cr_assert_eq(index_of(smh_pool_alloc(&pool, 2, 100)), 1);
    cr_assert_eq(index_of(smh_pool_alloc(&pool, 0, 100)), 1, "0 asks for nothing");
    cr_assert_eq(index_of(smh_pool_alloc(&pool, 1, 100)), 2);
    cr_assert_null(smh_pool_alloc(&pool, 8, 8));
}

Test(pool_request, misuse_is_refused_by_its_verdict_and_changes_nothing)
{
    uint8_t *block = smh_pool_alloc(&pool, 1, 100);
    struct smh_stats before = stats_of(SMH_ATTR_ANY);
    const struct {
        void *pointer;
        int verdict;
    } misuses[] = {
        {&pool, -ENOENT},          {memory + 1024, -ENOENT},
        {memory + 4095, -ENOENT},  {memory + sizeof(memory), -ENOENT},
        {block + 8, -EINVAL},      {block - 4, -EINVAL},
        {memory + 512, -EALREADY}, {memory + 4096 + 8, -EALREADY},
    };

    for (size_t i = 0; i < sizeof(misuses) / sizeof(misuses[0]); i++) {
        struct smh_stats after;

        cr_expect_eq(smh_pool_verdict(&pool, misuses[i].pointer), misuses[i].verdict, "%zu", i);
        cr_expect_eq(smh_pool_free(&pool, misuses[i].pointer), misuses[i].verdict, "%zu", i);
        cr_expect_null(smh_pool_realloc(&pool, 1, misuses[i].pointer, 10));
        cr_expect_null(smh_pool_realloc(&pool, 2, misuses[i].pointer, 0));
        cr_expect_eq(smh_pool_usable_size(&pool, misuses[i].pointer), 0);
        after = stats_of(SMH_ATTR_ANY);
        cr_expect_eq(memcmp(&before, &after, sizeof(before)), 0, "%zu", i);
    }
    cr_assert_eq(smh_pool_free(&pool, block), 0);
    cr_assert_eq(smh_pool_free(&pool, block), -EALREADY);
    cr_assert_eq(smh_pool_free(&pool, NULL), 0);
    cr_assert_eq(smh_pool_verdict(&pool, NULL), -EINVAL);
}

Test(pool_calloc, gives_zeroes, .init = set_up)
{
    uint8_t *block;

    block = smh_pool_alloc(&pool, 2, 800);
    memset(block, 0xff, 800);
    cr_assert_eq(smh_pool_free(&pool, block), 0);
    block = smh_pool_calloc(&pool, 2, 100, 8);
    cr_assert(holds(block, 0, 800));
}

Test(pool_calloc, refuses_products_that_overflow, .init = set_up)
{
    static const size_t factors[][2] = {
        {SIZE_MAX, 2},
        {2, SIZE_MAX},
        {SIZE_MAX, SIZE_MAX},
        {SIZE_MAX / 2 + 1, 2},
        {(size_t)1 << (sizeof(size_t) * 4), (size_t)1 << (sizeof(size_t) * 4)},
        {((size_t)1 << (sizeof(size_t) * 4)) + 1, SIZE_MAX >> (sizeof(size_t) * 4)},
        {SIZE_MAX / 3 + 2, 3},
    };

    for (size_t i = 0; i < sizeof(factors) / sizeof(factors[0]); i++) {
        cr_expect_null(smh_pool_calloc(&pool, 1, factors[i][0], factors[i][1]), "%zu", i);
    }
    cr_assert_null(smh_pool_calloc(&pool, 1, 0, 8));
    cr_assert_null(smh_pool_calloc(&pool, 1, 8, 0));
    cr_assert_null(smh_pool_calloc(&pool, 1, 0, SIZE_MAX));
    cr_assert_eq(stats_of(SMH_ATTR_ANY).failed_requests, sizeof(factors) / sizeof(factors[0]));
    cr_assert_eq(stats_of(SMH_ATTR_ANY).live_blocks, 0);
}

Test(pool_realloc, follows_the_rules_of_realloc, .init = set_up)
{
    uint8_t *block = smh_pool_realloc(&pool, 1, NULL, 100);

    cr_assert_not_null(block);
    memset(block, 7, 100);
    cr_assert_eq(smh_pool_realloc(&pool, 1, block, 200), block);
    cr_assert(holds(block, 7, 100));
    cr_assert_null(smh_pool_realloc(&pool, 1, block, 0));
    cr_assert_eq(smh_pool_verdict(&pool, block), -EALREADY);
    cr_assert_null(smh_pool_realloc(&pool, 1, NULL, 0));
}

Test(pool_realloc, moves_to_the_next_region_when_its_own_is_full, .init = set_up)
{
    uint8_t *block = smh_pool_alloc(&pool, 1, 500);
    uint8_t *moved;

    memset(block, 7, 500);
    moved = smh_pool_realloc(&pool, 1, block, 2000);
    cr_assert_eq(index_of(moved), SLOW);
    cr_assert(holds(moved, 7, 500));
    cr_assert_eq(smh_pool_verdict(&pool, block), -EALREADY);
    cr_assert_eq(stats_of(SMH_ATTR_ANY).live_blocks, 1);
}

Test(pool_realloc, stays_in_its_region_where_that_has_room, .init = set_up)
{
    void *filler = smh_pool_alloc(&pool, 1, 1000);
    uint8_t *block = smh_pool_alloc(&pool, 1, 100);
    uint8_t *moved;

    cr_assert_eq(index_of(block), SLOW);
    cr_assert_not_null(smh_pool_alloc(&pool, 1, 100)); /* in the way */
    cr_assert_eq(smh_pool_free(&pool, filler), 0);
    memset(block, 7, 100);
    moved = smh_pool_realloc(&pool, 1, block, 300);
    cr_assert(moved != NULL && moved != block);
    cr_assert_eq(index_of(moved), SLOW);
    cr_assert(holds(moved, 7, 100));
}

Test(pool_realloc, migrates_when_its_region_does_not_match, .init = set_up)
{
    uint8_t *block = smh_pool_alloc(&pool, 1, 100);
    uint8_t *moved;

    memset(block, 7, 100);
    moved = smh_pool_realloc(&pool, 2, block, 50);
    cr_assert_eq(index_of(moved), DMA);
    cr_assert(holds(moved, 7, 50));
    cr_assert_eq(stats_of(1).live_blocks, 0);
    cr_assert_eq(stats_of(2).live_blocks, 1);
}

Test(pool_realloc, that_fails_keeps_the_block_as_it_was, .init = set_up)
{
    uint8_t *block = smh_pool_alloc(&pool, 1, 100);

    memset(block, 7, 100);
    cr_assert_null(smh_pool_realloc(&pool, 1, block, 5000));
    cr_assert_null(smh_pool_realloc(&pool, 2, block, 5000));
    cr_assert_null(smh_pool_realloc(&pool, 3, block, 10), "no such region");
    cr_assert_null(smh_pool_aligned_realloc(&pool, 1, block, 3, 10));
    cr_assert_null(smh_pool_realloc(&pool, 1, block, SIZE_MAX));
    cr_assert(holds(block, 7, 100));
    cr_assert_eq(smh_pool_verdict(&pool, block), 0);
    cr_assert_eq(stats_of(SMH_ATTR_ANY).live_blocks, 1);
    cr_assert_eq(stats_of(SMH_ATTR_ANY).failed_requests, 5);
}

Test(pool_realloc, keeps_the_alignment_asked_for, .init = set_up)
{
    uint8_t *block = smh_pool_aligned_alloc(&pool, 1, 8, 40);
    uint8_t *moved;

    memset(block, 7, 40);
    moved = smh_pool_aligned_realloc(&pool, 1, block, 512, 80);
    cr_assert_eq((uintptr_t)moved % 512, 0);
    cr_assert(holds(moved, 7, 40));
    moved = smh_pool_aligned_realloc(&pool, 2, moved, 1024, 80);
    cr_assert_eq((uintptr_t)moved % 1024, 0);
    cr_assert_eq(index_of(moved), DMA);
    cr_assert(holds(moved, 7, 40));
}

Test(pool_prefer, takes_the_first_attribute_that_can_serve, .init = set_up)
{
    static const uint32_t attrs[] = {3, 2, 1};
    void *aligned;

    cr_assert_eq(index_of(smh_pool_alloc_prefer(&pool, attrs, 3, 0, 2000)), DMA);
    cr_assert_eq(index_of(smh_pool_alloc_prefer(&pool, attrs, 3, 0, 2000)), SLOW);
    aligned = smh_pool_alloc_prefer(&pool, attrs, 3, 64, 100);
    cr_assert_eq(index_of(aligned), FAST);
    cr_assert_eq((uintptr_t)aligned % 64, 0);
    cr_assert_eq(stats_of(SMH_ATTR_ANY).failed_requests, 0);
    cr_assert_null(smh_pool_alloc_prefer(&pool, attrs, 3, 0, 0));
    cr_assert_eq(stats_of(SMH_ATTR_ANY).failed_requests, 0, "nothing was asked for");
    cr_assert_null(smh_pool_alloc_prefer(&pool, attrs, 2, 0, 2000));
    cr_assert_null(smh_pool_alloc_prefer(&pool, attrs, 3, 24, 8));
    cr_assert_null(smh_pool_alloc_prefer(&pool, NULL, 3, 0, 8));
    cr_assert_eq(stats_of(SMH_ATTR_ANY).failed_requests, 3);
    cr_assert_null(smh_pool_alloc_prefer(&pool, attrs, 0, 0, 8));
    cr_assert_eq(stats_of(SMH_ATTR_ANY).failed_requests, 4, "no attribute is none that serves");
}

Test(pool_stats, add_up_by_attribute_and_over_all, .init = set_up)
{
    struct smh_stats stats;

    cr_assert_not_null(smh_pool_alloc(&pool, 1, 1000)); /* fills fast */
    cr_assert_not_null(smh_pool_alloc(&pool, 1, 56));   /* refused by fast */
    cr_assert_not_null(smh_pool_alloc(&pool, 2, 56));
    stats = stats_of(1);
    cr_assert_eq(stats.region_count, 2);
    cr_assert_eq(stats.memory_bytes, 1024 + 4096);
    cr_assert_eq(stats.used_bytes, 1008 + 64);
    cr_assert_eq(stats.live_blocks, 2);
    cr_assert_eq(stats.largest_free_bytes, 4096 - 64 - 8);
    cr_assert_eq(stats.failed_requests, 1, "a region's refusal");
    stats = stats_of(SMH_ATTR_ANY);
    cr_assert_eq(stats.region_count, 3);
    cr_assert_eq(stats.live_blocks, 3);
    cr_assert_eq(stats.used_bytes, 1008 + 64 + 64);
    cr_assert_eq(stats.failed_requests, 0, "nobody was answered with NULL");
    cr_assert_eq(smh_pool_stats(&pool, 3, &stats), -ENOENT);
    cr_assert_eq(smh_pool_stats(&pool, 1, NULL), -EINVAL);
}

Test(pool_check, names_the_region_and_the_rule, .init = set_up)
{
    struct smh_fault fault;
    size_t index = 99;

    cr_assert_eq(smh_pool_check(&pool, &fault, &index), 0);
    pool.slots[SLOW].heap.used_bytes += 8;
    cr_assert_eq(smh_pool_check(&pool, &fault, &index), -EINVAL);
    cr_assert_eq(index, SLOW);
    cr_assert_str_eq(fault.rule, "used bytes are the sum of the chunks in use");
}

/* Reserves. Requests for attribute 1 match exactly; with all bits, requests for 0 match too. */

static void set_up_reserve(void)
{
    struct smh_pool_config config = {.match = smh_match_all_bits};

    set_up_with(&config, 2000);
}

Test(pool_reserve, is_kept_from_requests_that_match_otherwise, .init = set_up_reserve)
{
    struct smh_stats before;
    struct smh_stats after;

    cr_assert_eq(index_of(smh_pool_alloc(&pool, 0, 1000)), FAST);
    cr_assert_eq(index_of(smh_pool_alloc(&pool, 0, 1600)), SLOW);
    before = stats_of(1);
    cr_assert_eq(index_of(smh_pool_alloc(&pool, 0, 1000)), DMA, "slow would fall below 2000");
    after = stats_of(1);
    cr_assert_eq(after.used_bytes, before.used_bytes);
    cr_assert_eq(after.peak_used_bytes, before.peak_used_bytes);
    cr_assert_eq(after.allocated_blocks, before.allocated_blocks);
    cr_assert_eq(after.largest_free_bytes, before.largest_free_bytes);
    cr_assert_eq(after.failed_requests, before.failed_requests + 2);
    cr_assert_eq(index_of(smh_pool_alloc(&pool, 0, 400)), SLOW, "2000 are left");
}

Test(pool_reserve, what_is_kept_leaves_no_trace_in_a_region_of_some_past, .init = set_up_reserve)
{
    void *past = smh_pool_alloc(&pool, 1, 3000);
    void *lives[3];
    struct smh_stats before;
    struct smh_stats after;

    cr_assert_eq(index_of(past), SLOW);
    cr_assert_eq(smh_pool_free(&pool, past),
                 0); /* the peak, and an alloc more than there are blocks */
    for (size_t i = 0; i < 3; i++) {
        lives[i] = smh_heap_alloc(&pool.slots[SLOW].heap, 100);
    }
    cr_assert_eq(smh_pool_free(&pool, lives[2]), 0);
    smh_heap_stats(&pool.slots[SLOW].heap, &before);
    cr_assert_eq(index_of(smh_pool_alloc(&pool, 0, 1900)), DMA, "slow would fall below 2000");
    smh_heap_stats(&pool.slots[SLOW].heap, &after);
    before.failed_requests++;
    cr_assert_eq(memcmp(&before, &after, sizeof(after)), 0);
}

Test(pool_reserve, is_beside_aligned_blocks_too, .init = set_up_reserve)
{
    uint8_t *block;

    cr_assert_not_null(smh_pool_alloc(&pool, 0, 1000)); /* fills fast */
    for (size_t align = 8; align <= 256; align *= 2) {
        block = smh_pool_aligned_alloc(&pool, 0, align, 40);
        cr_assert_eq(index_of(block), SLOW);
        cr_assert_eq((uintptr_t)block % align, 0);
    }
}

Test(pool_reserve, serves_requests_for_exactly_its_attribute, .init = set_up_reserve)
{
    cr_assert_eq(index_of(smh_pool_alloc(&pool, 1, 4000)), SLOW);
    cr_assert_eq(index_of(smh_pool_alloc(&pool, 0, 1010)), FAST);
    cr_assert_eq(index_of(smh_pool_alloc(&pool, 0, 10)), DMA, "less than the reserve is left");
}

Test(pool_reserve, is_not_grown_into, .init = set_up_reserve)
{
    void *filler = smh_pool_alloc(&pool, 0, 1000);
    uint8_t *block = smh_pool_alloc(&pool, 0, 1200);
    size_t peak = stats_of(1).peak_used_bytes;

    cr_assert_eq(index_of(filler), FAST);
    cr_assert_eq(index_of(block), SLOW);
    memset(block, 7, 1200);
    cr_assert_eq(smh_pool_realloc(&pool, 0, block, 1600), block);
    cr_assert_eq(index_of(smh_pool_alloc(&pool, 2, 1900)), DMA);
    cr_assert_null(smh_pool_realloc(&pool, 0, block, 2500), "dma is full, slow reserved");
    cr_assert(holds(block, 7, 1200));
    cr_assert_eq(smh_pool_usable_size(&pool, block), 1600);
    cr_assert_eq(stats_of(1).peak_used_bytes, peak + 400);
    cr_assert_eq(smh_pool_realloc(&pool, 1, block, 2500), block, "exactly its attribute");
}

/* The peak is of the past, and more than what the block would grow to. */
Test(pool_reserve, is_not_grown_into_below_the_peak_either, .init = set_up_reserve)
{
    void *filler = smh_pool_alloc(&pool, 0, 1000);
    void *past = smh_pool_alloc(&pool, 1, 4000);
    size_t peak = stats_of(1).peak_used_bytes;
    uint8_t *block;

    cr_assert_eq(index_of(filler), FAST);
    cr_assert_eq(index_of(past), SLOW);
    cr_assert_eq(smh_pool_free(&pool, past), 0);
    cr_assert_eq(index_of(smh_pool_alloc(&pool, 2, 1900)), DMA);
    block = smh_pool_alloc(&pool, 0, 1200);
    cr_assert_eq(index_of(block), SLOW);
    cr_assert_null(smh_pool_realloc(&pool, 0, block, 2500));
    cr_assert_eq(smh_pool_usable_size(&pool, block), 1200);
    cr_assert_eq(stats_of(1).peak_used_bytes, peak);
}
