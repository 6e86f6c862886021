/* test_policy.c: matching, and the order in which policies try regions.
 *
 *     added    address   size    filled so that largest free is
 *     0 "c"    third     4096    ~1000
 *     1 "a"    first     1024    ~ 900
 *     2 "b"    second    2048    ~2000
 */
#include <criterion/criterion.h>
#include <smh/pool.h>
#include <smh/port.h>

static _Alignas(64) uint8_t memory[3 * 4096];
static struct smh_pool pool;

enum { C, A, B };

static uint8_t *const places[] = {[C] = memory + 8192, [A] = memory, [B] = memory + 4096};
static const size_t sizes[] = {[C] = 4096, [A] = 1024, [B] = 2048};

static void set_up_with(const struct smh_policy *policy)
{
    struct smh_pool_config config = {.policy = policy};

    cr_assert_eq(smh_pool_init(&pool, &config), 0);
    for (int i = C; i <= B; i++) {
        struct smh_region region = {.attr = 1,
                                    .addr = (uintptr_t)places[i],
                                    .size = sizes[i],
                                    .engine = &smh_engine_first_fit};

        cr_assert_eq(smh_pool_add(&pool, &region), 0);
    }
}

static int region_of_alloc(size_t bytes)
{
    void *block = smh_pool_alloc(&pool, 1, bytes);

    return block == NULL ? -1 : smh_pool_index_of(&pool, block);
}

static void fill(int region, size_t bytes)
{
    cr_assert_not_null(smh_heap_alloc(&pool.slots[region].heap, bytes));
}

Test(match, equal_takes_the_same_attribute_alone)
{
    cr_assert(smh_match_equal(5, 5));
    cr_assert(smh_match_equal(0, 0));
    cr_assert_not(smh_match_equal(5, 4));
    cr_assert_not(smh_match_equal(5, 7));
}

Test(match, all_bits_takes_what_has_every_bit_asked_for)
{
    cr_assert(smh_match_all_bits(7, 5));
    cr_assert(smh_match_all_bits(7, 7));
    cr_assert(smh_match_all_bits(7, 0));
    cr_assert(smh_match_all_bits(0, 0));
    cr_assert_not(smh_match_all_bits(5, 7));
    cr_assert_not(smh_match_all_bits(0, 1));
    cr_assert(smh_match_all_bits(UINT32_MAX, 0x80000001u));
}

Test(policy, all_are_found_by_position_and_by_name)
{
    static const char *const names[] = {"add_order",      "address",   "smallest_region",
                                        "best_fit",       "most_free", "round_robin",
                                        "size_threshold", "tiered",    "fastest"};
    size_t count = 0;

    for (; smh_policy_at(count) != NULL; count++) {
        cr_expect_str_eq(smh_policy_at(count)->name, names[count]);
        cr_expect_eq(smh_policy_find(names[count]), smh_policy_at(count));
        cr_expect_not_null(smh_policy_at(count)->summary);
    }
    cr_assert_eq(count, sizeof(names) / sizeof(names[0]));
    cr_assert_null(smh_policy_at(SIZE_MAX));
    cr_assert_null(smh_policy_find("best"));
    cr_assert_null(smh_policy_find(NULL));
}

Test(policy, add_order_is_the_default_and_tries_regions_as_they_were_added)
{
    set_up_with(NULL);
    cr_assert_eq(region_of_alloc(3000), C);
    cr_assert_eq(region_of_alloc(1000), C);
    cr_assert_eq(region_of_alloc(1000), A);
    cr_assert_eq(region_of_alloc(1000), B);
    cr_assert_eq(region_of_alloc(1000), B);
    cr_assert_eq(region_of_alloc(1000), -1);
}

Test(policy, address_tries_the_lowest_region_first)
{
    set_up_with(&smh_policy_address);
    cr_assert_eq(region_of_alloc(1000), A);
    cr_assert_eq(region_of_alloc(1000), B);
    cr_assert_eq(region_of_alloc(3000), C);
    cr_assert_eq(region_of_alloc(1000), B);
    cr_assert_eq(region_of_alloc(1000), C);
    cr_assert_eq(region_of_alloc(1000), -1);
}

/*     address  | 2048, added last | 1024, added first | */
Test(policy, address_goes_neither_by_size_nor_by_the_order_of_adding)
{
    struct smh_pool_config config = {.policy = &smh_policy_address};
    struct smh_region region = {.attr = 1, .engine = &smh_engine_first_fit};

    cr_assert_eq(smh_pool_init(&pool, &config), 0);
    region.addr = (uintptr_t)memory + 4096;
    region.size = 1024;
    cr_assert_eq(smh_pool_add(&pool, &region), 0);
    region.addr = (uintptr_t)memory;
    region.size = 2048;
    cr_assert_eq(smh_pool_add(&pool, &region), 0);
    cr_assert_eq(region_of_alloc(1000), 1);
    cr_assert_eq(region_of_alloc(1000), 1);
    cr_assert_eq(region_of_alloc(1000), 0);
}

Test(policy, smallest_region_keeps_the_large_ones_for_later)
{
    set_up_with(&smh_policy_smallest_region);
    cr_assert_eq(region_of_alloc(1000), A);
    cr_assert_eq(region_of_alloc(1000), B);
    cr_assert_eq(region_of_alloc(1000), B);
    cr_assert_eq(region_of_alloc(4000), C);
}

Test(policy, smallest_region_breaks_ties_by_the_order_of_adding)
{
    struct smh_pool_config config = {.policy = &smh_policy_smallest_region};
    struct smh_region region = {.attr = 1, .size = 1024, .engine = &smh_engine_first_fit};

    cr_assert_eq(smh_pool_init(&pool, &config), 0);
    for (size_t i = 0; i < 3; i++) {
        region.addr = (uintptr_t)memory + (2 - i) * 4096;
        cr_assert_eq(smh_pool_add(&pool, &region), 0);
    }
    cr_assert_eq(region_of_alloc(1000), 0);
    cr_assert_eq(region_of_alloc(1000), 1);
    cr_assert_eq(region_of_alloc(1000), 2);
}

Test(policy, best_fit_takes_the_tightest_that_suffices)
{
    set_up_with(&smh_policy_best_fit);
    fill(C, 3000); /* 1088 are left */
    cr_assert_eq(region_of_alloc(1010), A);
    cr_assert_eq(region_of_alloc(1010), C);
    cr_assert_eq(region_of_alloc(1010), B);
    cr_assert_eq(region_of_alloc(1010), B);
    cr_assert_eq(region_of_alloc(1010), -1);
}

static uint64_t rank(const struct smh_policy *policy, int region, size_t bytes)
{
    return policy->rank(&pool.slots[region], 0, bytes);
}

Test(policy, best_fit_puts_what_does_not_suffice_last_the_largest_of_it_first)
{
    set_up_with(&smh_policy_best_fit);
    cr_assert_lt(rank(&smh_policy_best_fit, A, 1016), rank(&smh_policy_best_fit, B, 1016));
    cr_assert_lt(rank(&smh_policy_best_fit, C, 3000), rank(&smh_policy_best_fit, B, 3000));
    cr_assert_lt(rank(&smh_policy_best_fit, B, 3000), rank(&smh_policy_best_fit, A, 3000));
}

Test(policy, most_free_levels_the_regions)
{
    set_up_with(&smh_policy_most_free);
    cr_assert_eq(region_of_alloc(2500), C); /* 1588 are left */
    cr_assert_eq(region_of_alloc(1000), B); /* 1040 are left */
    cr_assert_eq(region_of_alloc(600), C);  /*  980 are left */
    cr_assert_eq(region_of_alloc(100), B);
    cr_assert_eq(region_of_alloc(100), A);
}

Test(policy, a_region_that_ranks_first_and_cannot_serve_is_followed_by_the_next)
{
    set_up_with(&smh_policy_most_free);
    /* C has 2048 free bytes, 64 in a row: first in rank, and of no use to a larger request. */
    for (size_t i = 0; i < 4096 / 64; i++) {
        cr_assert_not_null(smh_heap_alloc(&pool.slots[C].heap, 56));
    }
    for (size_t i = 0; i < 4096 / 64; i += 2) {
        cr_assert_eq(smh_heap_free(&pool.slots[C].heap, places[C] + 64 * i + 8), 0);
    }
    fill(B, 1500);
    cr_assert_eq(region_of_alloc(300), A); /*  720 are left, more than in B */
    cr_assert_eq(region_of_alloc(300), A); /*  416 are left, less than in B */
    cr_assert_eq(region_of_alloc(300), B);
    cr_assert_eq(region_of_alloc(300), A);
    cr_assert_eq(region_of_alloc(300), -1);
    cr_assert_eq(smh_heap_free(&pool.slots[C].heap, places[C] + 64 + 8), 0);
    cr_assert_eq(region_of_alloc(120), C);
}
