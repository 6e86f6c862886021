/* test_policy_described.c: the policies that go by what a region says of itself: its priority, or
 * its cost and the size of the request.
 *
 *     added        0 "far"    1 "near"    2 "mid"    3 "near too"
 *     size         8192       1024        2048       1024           (first_fit, 8 bytes a header)
 *     priority     2          0           1          0
 *     cost         60         1           9          1
 *
 * A policy is shown the one that it goes by; of the other, the opposite.
 */
#include <criterion/criterion.h>
#include <smh/pool.h>
#include <smh/port.h>

enum { FAR, NEAR, MID, NEAR_TOO, REGIONS };

static _Alignas(64) uint8_t memory[REGIONS * 8192];
static struct smh_pool pool;

static const struct smh_region regions[REGIONS] = {
    [FAR] = {.attr = 1, .size = 8192, .priority = 2, .cost = 60},
    [NEAR] = {.attr = 1, .size = 1024, .priority = 0, .cost = 1},
    [MID] = {.attr = 1, .size = 2048, .priority = 1, .cost = 9},
    [NEAR_TOO] = {.attr = 1, .size = 1024, .priority = 0, .cost = 1},
};

static void set_up_with(const struct smh_policy *policy, size_t threshold_bytes)
{
    struct smh_pool_config config = {.policy = policy, .threshold_bytes = threshold_bytes};

    cr_assert_eq(smh_pool_init(&pool, &config), 0);
    for (size_t i = 0; i < REGIONS; i++) {
        struct smh_region region = regions[i];

        region.addr = (uintptr_t)memory + i * 8192;
        region.engine = &smh_engine_first_fit;
        if (policy == &smh_policy_tiered) {
            region.cost = 100 - region.cost;
        } else {
            region.priority = 100 - region.priority;
        }
        cr_assert_eq(smh_pool_add(&pool, &region), 0);
    }
}

static int region_of_alloc_for(uint32_t attr, size_t bytes)
{
    void *block = smh_pool_alloc(&pool, attr, bytes);

    return block == NULL ? -1 : smh_pool_index_of(&pool, block);
}

static int region_of_alloc(size_t bytes)
{
    return region_of_alloc_for(1, bytes);
}

static void *fill(int region, size_t bytes)
{
    void *block = smh_heap_alloc(&pool.slots[region].heap, bytes);

    cr_assert_not_null(block);
    return block;
}

Test(policy_tiered, tries_the_lowest_priority_number_first_and_ties_as_they_were_added)
{
    set_up_with(&smh_policy_tiered, 0);
    cr_assert_eq(region_of_alloc(1000), NEAR);
    cr_assert_eq(region_of_alloc(1000), NEAR_TOO);
    cr_assert_eq(region_of_alloc(1000), MID);
    cr_assert_eq(region_of_alloc(1000), MID);
    cr_assert_eq(region_of_alloc(1000), FAR);
}

Test(policy_tiered, spills_only_while_a_tier_is_full)
{
    set_up_with(&smh_policy_tiered, 0);
    void *block = fill(NEAR, 1000);

    fill(NEAR_TOO, 1000);
    cr_assert_eq(region_of_alloc(100), MID);
    cr_assert_eq(smh_pool_free(&pool, block), 0);
    cr_assert_eq(region_of_alloc(100), NEAR);
}

Test(policy_tiered, what_no_region_of_a_tier_can_hold_passes_it_and_leaves_it_to_the_small)
{
    set_up_with(&smh_policy_tiered, 0);
    cr_assert_eq(region_of_alloc(1500), MID);
    cr_assert_eq(region_of_alloc(3000), FAR);
    cr_assert_eq(region_of_alloc(100), NEAR);
    cr_assert_eq(region_of_alloc(9000), -1);
}

Test(policy_tiered, a_block_that_its_tier_cannot_hold_any_more_moves_to_the_next_that_can)
{
    set_up_with(&smh_policy_tiered, 0);
    void *block = smh_pool_alloc(&pool, 1, 500);

    cr_assert_eq(smh_pool_index_of(&pool, block), NEAR);
    block = smh_pool_realloc(&pool, 1, block, 1500);
    cr_assert_eq(smh_pool_index_of(&pool, block), MID);
}

/* Three regions that hold one block each; the one added last serves first. */
static void serve_backwards(const struct smh_policy *policy, const struct smh_region described[3])
{
    struct smh_pool_config config = {.policy = policy, .threshold_bytes = 1};

    cr_assert_eq(smh_pool_init(&pool, &config), 0);
    for (size_t i = 0; i < 3; i++) {
        struct smh_region region = described[i];

        region.addr = (uintptr_t)memory + i * 1024;
        region.size = 1024;
        region.engine = &smh_engine_first_fit;
        cr_assert_eq(smh_pool_add(&pool, &region), 0);
    }
    for (int i = 2; i >= 0; i--) {
        cr_assert_eq(region_of_alloc_for(0, 1000), i);
    }
}

Test(policy_tiered, every_priority_is_ordered_up_to_the_largest)
{
    static const struct smh_region described[] = {
        {.priority = UINT32_MAX}, {.priority = 0x80000000u}, {.priority = 0x7fffffffu}};

    serve_backwards(&smh_policy_tiered, described);
}

Test(policy_fastest, tries_the_least_cost_first_and_ties_as_they_were_added)
{
    set_up_with(&smh_policy_fastest, 0);
    cr_assert_eq(region_of_alloc(600), NEAR);
    cr_assert_eq(region_of_alloc(600), NEAR_TOO);
    cr_assert_eq(region_of_alloc(1500), MID);
    cr_assert_eq(region_of_alloc(600), FAR);
    cr_assert_eq(region_of_alloc(300), NEAR);
}

Test(policy_size_threshold, small_requests_try_ascending_cost_and_large_ones_descending)
{
    set_up_with(&smh_policy_size_threshold, 200);
    cr_assert_eq(region_of_alloc(100), NEAR);
    cr_assert_eq(region_of_alloc(300), FAR);
    cr_assert_eq(region_of_alloc(100), NEAR);
}

Test(policy_size_threshold, the_threshold_itself_is_small_and_a_byte_more_is_large)
{
    set_up_with(&smh_policy_size_threshold, 200);
    cr_assert_eq(region_of_alloc(200), NEAR);
    cr_assert_eq(region_of_alloc(201), FAR);
}

Test(policy_size_threshold, either_kind_is_served_by_the_next_memory_when_the_first_is_full)
{
    set_up_with(&smh_policy_size_threshold, 200);
    fill(NEAR, 1000);
    cr_assert_eq(region_of_alloc(200), NEAR_TOO);
    fill(NEAR_TOO, 700);
    cr_assert_eq(region_of_alloc(200), MID);
    fill(FAR, 8000);
    cr_assert_eq(region_of_alloc(400), MID);
    fill(MID, 1300);
    cr_assert_eq(region_of_alloc(400), -1);
}

Test(policy_size_threshold, regions_of_one_cost_are_tried_as_they_were_added_by_both_kinds)
{
    set_up_with(&smh_policy_size_threshold, 200);
    fill(FAR, 8000);
    fill(MID, 1900);
    cr_assert_eq(region_of_alloc(300), NEAR);
    cr_assert_eq(region_of_alloc(200), NEAR);
}

Test(policy_size_threshold, large_requests_go_by_every_cost_and_not_by_the_order_of_adding)
{
    set_up_with(&smh_policy_size_threshold, 200);
    fill(FAR, 8000);
    cr_assert_eq(region_of_alloc(300), MID);
}

Test(policy_size_threshold, every_cost_is_ordered_from_none_up_to_the_largest)
{
    static const struct smh_region described[] = {{.cost = 0}, {.cost = 1}, {.cost = UINT32_MAX}};

    serve_backwards(&smh_policy_size_threshold, described);
}

Test(policy_size_threshold, is_16_kb_when_the_pool_does_not_say)
{
    struct smh_pool_config config = {.policy = &smh_policy_size_threshold};
    static _Alignas(64) uint8_t room[2][32768];

    cr_assert_eq(smh_pool_init(&pool, &config), 0);
    for (uint32_t i = 0; i < 2; i++) {
        struct smh_region region = {.addr = (uintptr_t)room[i], .size = sizeof(room[i]), .cost = i};

        cr_assert_eq(smh_pool_add(&pool, &region), 0);
    }
    for (size_t bytes = 16383; bytes < 16387; bytes++) { /* either would fit into either */
        void *block = smh_pool_alloc(&pool, 0, bytes);

        cr_assert_eq(smh_pool_index_of(&pool, block), bytes <= 16384 ? 0 : 1);
        cr_assert_eq(smh_pool_free(&pool, block), 0);
    }
}

Test(policy_size_threshold, with_the_largest_threshold_every_request_is_small)
{
    set_up_with(&smh_policy_size_threshold, SIZE_MAX);
    cr_assert_eq(region_of_alloc(1000), NEAR);
    cr_assert_eq(region_of_alloc(1500), MID);
    cr_assert_eq(region_of_alloc(SIZE_MAX), -1);
}

Test(policy_size_threshold, the_bytes_asked_for_count_and_neither_alignment_nor_one_element)
{
    static const uint32_t wanted[] = {7, 1};

    set_up_with(&smh_policy_size_threshold, 200);
    cr_assert_eq(smh_pool_index_of(&pool, smh_pool_aligned_alloc(&pool, 1, 512, 100)), NEAR);
    cr_assert_eq(smh_pool_index_of(&pool, smh_pool_calloc(&pool, 1, 3, 100)), FAR);
    cr_assert_eq(smh_pool_index_of(&pool, smh_pool_alloc_prefer(&pool, wanted, 2, 0, 201)), FAR);
}

Test(policy_size_threshold, a_block_grows_where_it_is_and_moves_as_a_large_request_when_it_cannot)
{
    set_up_with(&smh_policy_size_threshold, 200);
    void *block = smh_pool_alloc(&pool, 1, 100);

    cr_assert_eq(smh_pool_index_of(&pool, block), NEAR);
    block = smh_pool_realloc(&pool, 1, block, 900);
    cr_assert_eq(smh_pool_index_of(&pool, block), NEAR);
    block = smh_pool_realloc(&pool, 1, block, 1500);
    cr_assert_eq(smh_pool_index_of(&pool, block), FAR);
}

/* Policies of one's own use what the others do. */

static uint64_t rank_by_attr(const struct smh_pool_slot *slot, size_t align, size_t bytes)
{
    (void)align, (void)bytes;
    return slot->region.attr;
}

static uint64_t rank_against_attr(const struct smh_pool_slot *slot, size_t align, size_t bytes)
{
    (void)align, (void)bytes;
    return UINT32_MAX - slot->region.attr;
}

Test(policy_own, may_have_a_second_order_for_large_requests)
{
    static const struct smh_policy two_orders = {
        .name = "two", .rank = rank_by_attr, .rank_large = rank_against_attr};
    struct smh_pool_config config = {
        .policy = &two_orders, .match = smh_match_all_bits, .threshold_bytes = 64};

    cr_assert_eq(smh_pool_init(&pool, &config), 0);
    for (uint32_t i = 0; i < 3; i++) {
        struct smh_region region = {
            .attr = 3 - i, .addr = (uintptr_t)memory + i * 1024, .size = 1024};

        cr_assert_eq(smh_pool_add(&pool, &region), 0);
    }
    cr_assert_eq(region_of_alloc_for(0, 64), 2);
    cr_assert_eq(region_of_alloc_for(0, 65), 0);
}

Test(policy_own, without_a_second_order_large_requests_are_ordered_as_small_ones)
{
    static const struct smh_policy one_order = {.name = "one", .rank = rank_by_attr};
    struct smh_pool_config config = {
        .policy = &one_order, .match = smh_match_all_bits, .threshold_bytes = 64};
    struct smh_region region = {.attr = 1, .addr = (uintptr_t)memory, .size = 1024};

    cr_assert_eq(smh_pool_init(&pool, &config), 0);
    cr_assert_eq(smh_pool_add(&pool, &region), 0);
    cr_assert_eq(region_of_alloc_for(0, 65), 0);
}
