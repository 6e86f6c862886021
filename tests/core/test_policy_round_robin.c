/* test_policy_round_robin.c: regions that match take turns.
 *
 *     regions      0     1     2     3          4096 bytes each, first_fit
 *     attr         1     1     1     2
 *     turn         0     0     0     0          who has served last holds the largest number
 */
#include "../../src/pool_private.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <smh/pool.h>
#include <smh/port.h>

enum { REGIONS = 4, REGION_BYTES = 4096 };

static _Alignas(64) uint8_t memory[(REGIONS + 1) * REGION_BYTES];
static struct smh_pool pool;

static void add(uint32_t attr, size_t place)
{
    struct smh_region region = {.attr = attr,
                                .addr = (uintptr_t)memory + place * REGION_BYTES,
                                .size = REGION_BYTES,
                                .engine = &smh_engine_first_fit};

    cr_assert_eq(smh_pool_add(&pool, &region), 0);
}

static void set_up_with(smh_match match)
{
    struct smh_pool_config config = {.policy = &smh_policy_round_robin, .match = match};

    cr_assert_eq(smh_pool_init(&pool, &config), 0);
    for (size_t i = 0; i < REGIONS; i++) {
        add(i < 3 ? 1 : 2, i);
    }
}

static void set_up(void)
{
    set_up_with(NULL);
}

TestSuite(round_robin, .init = set_up);

static int region_of(const void *block)
{
    return block == NULL ? -1 : smh_pool_index_of(&pool, block);
}

static int region_of_alloc(uint32_t attr)
{
    return region_of(smh_pool_alloc(&pool, attr, 100));
}

static void *fill(int region)
{
    void *block = smh_heap_alloc(&pool.slots[region].heap, REGION_BYTES - 8);

    cr_assert_not_null(block);
    return block;
}

Test(round_robin, regions_serve_in_turn_from_the_first_added_on)
{
    for (int i = 0; i < 9; i++) {
        cr_assert_eq(region_of_alloc(1), i % 3);
    }
}

Test(round_robin, requests_for_another_attribute_do_not_disturb_the_turns)
{
    for (int i = 0; i < 9; i++) {
        cr_assert_eq(region_of_alloc(1), i % 3);
        cr_assert_eq(region_of_alloc(2), 3);
    }
}

Test(round_robin, freeing_takes_no_turn)
{
    for (int i = 0; i < 9; i++) {
        void *block = smh_pool_alloc(&pool, 1, 100);

        cr_assert_eq(region_of(block), i % 3);
        cr_assert_eq(smh_pool_free(&pool, block), 0);
    }
}

Test(round_robin, a_full_region_is_passed_over_and_keeps_its_turn)
{
    void *block = fill(1);

    cr_assert_eq(region_of_alloc(1), 0);
    cr_assert_eq(region_of_alloc(1), 2);
    cr_assert_eq(region_of_alloc(1), 0);
    cr_assert_eq(smh_pool_free(&pool, block), 0);
    cr_assert_eq(region_of_alloc(1), 1);
    cr_assert_eq(region_of_alloc(1), 2);
}

Test(round_robin, a_request_that_nobody_can_serve_takes_no_turn)
{
    cr_assert_eq(region_of_alloc(1), 0);
    cr_assert_null(smh_pool_alloc(&pool, 1, REGION_BYTES));
    cr_assert_eq(region_of_alloc(1), 1);
    cr_assert_eq(pool.turn, 2);
}

Test(round_robin, aligned_cleared_and_preferring_requests_take_turns_like_any_other)
{
    static const uint32_t wanted[] = {9, 1, 2};

    cr_assert_eq(region_of(smh_pool_aligned_alloc(&pool, 1, 64, 100)), 0);
    cr_assert_eq(region_of(smh_pool_calloc(&pool, 1, 10, 10)), 1);
    cr_assert_eq(region_of(smh_pool_alloc_prefer(&pool, wanted, 3, 0, 100)), 2);
    cr_assert_eq(region_of(smh_pool_realloc(&pool, 1, NULL, 100)), 0);
}

Test(round_robin, a_block_that_stays_in_its_region_takes_no_turn_and_one_that_leaves_it_takes_one)
{
    void *block = smh_pool_alloc(&pool, 1, 100);

    cr_assert_not_null(smh_heap_alloc(&pool.slots[0].heap, 100));
    block = smh_pool_realloc(&pool, 1, block, 200); /* moves within region 0 */
    cr_assert_eq(region_of(block), 0);
    cr_assert_eq(pool.turn, 1);
    block = smh_pool_realloc(&pool, 1, block, 4000);
    cr_assert_eq(region_of(block), 1);
    cr_assert_eq(region_of_alloc(1), 2);
    cr_assert_eq(region_of_alloc(1), 0);
}

Test(round_robin, a_region_added_later_serves_next_as_it_never_has)
{
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(region_of_alloc(1), i % 3);
    }
    add(1, REGIONS);
    cr_assert_eq(region_of_alloc(1), REGIONS);
    cr_assert_eq(region_of_alloc(1), 1);
}

Test(round_robin, of_sets_that_overlap_the_one_that_has_waited_longest_serves)
{
    struct smh_pool_config config = {.policy = &smh_policy_round_robin,
                                     .match = smh_match_all_bits};

    cr_assert_eq(smh_pool_init(&pool, &config), 0);
    add(1, 0);
    add(3, 1);
    add(2, 2);
    cr_assert_eq(region_of_alloc(1), 0); /* of 0, 1 */
    cr_assert_eq(region_of_alloc(2), 1); /* of 1, 2 */
    cr_assert_eq(region_of_alloc(1), 0);
    cr_assert_eq(region_of_alloc(0), 2); /* of all */
    cr_assert_eq(region_of_alloc(0), 1);
    cr_assert_eq(region_of_alloc(0), 0);
}

Test(round_robin, when_the_numbers_are_used_up_all_turns_begin_anew)
{
    pool.turn = UINT32_MAX - 2;
    cr_assert_eq(region_of_alloc(1), 0); /* UINT32_MAX - 1 */
    cr_assert_eq(region_of_alloc(1), 1); /* UINT32_MAX */
    cr_assert_eq(region_of_alloc(1), 2); /* 1: all others are 0 */
    cr_assert_eq(pool.turn, 1);
    for (int i = 0; i < 9; i++) {
        cr_assert_eq(region_of_alloc(1), i % 3);
    }
}

Test(round_robin, who_serves_when_the_numbers_are_used_up_comes_last_then)
{
    pool.turn = UINT32_MAX;
    pool.slots[REGIONS].turn = 77; /* no region there */
    cr_assert_eq(region_of_alloc(1), 0);
    cr_assert_eq(region_of_alloc(1), 1);
    cr_assert_eq(pool.slots[REGIONS].turn, 77);
}

Test(round_robin, other_policies_keep_no_turns)
{
    struct smh_pool_config config = {.policy = &smh_policy_most_free};

    cr_assert_eq(smh_pool_init(&pool, &config), 0);
    add(1, 0);
    cr_assert_eq(region_of_alloc(1), 0);
    cr_assert(pool.turn == 0 && pool.slots[0].turn == 0);
}

/* What a rank may find locked. */

static bool locked[2]; /* by whether the policy is lockless */

static uint64_t rank_that_looks(const struct smh_pool_slot *slot, size_t align, size_t bytes)
{
    pthread_mutex_t *mutex = (pthread_mutex_t *)(void *)(uintptr_t)slot->lock.words;
    bool taken = pthread_mutex_trylock(mutex) != 0;

    (void)align, (void)bytes;
    locked[pool.policy->lockless] = taken;
    if (!taken) {
        cr_assert_eq(pthread_mutex_unlock(mutex), 0);
    }
    return 0;
}

static uint64_t rank_by_turn(const struct smh_pool_slot *slot, size_t align, size_t bytes)
{
    (void)align, (void)bytes;
    return slot->turn;
}

Test(policy_own, takes_turns_if_it_says_so_and_whether_it_is_lockless_does_not_matter)
{
    for (int i = 0; i < 4; i++) {
        struct smh_policy policy = {.name = "own", .rank = rank_by_turn};
        struct smh_pool_config config = {.policy = &policy};

        policy.rotates = i / 2 == 1;
        policy.lockless = i % 2 == 1;
        cr_assert_eq(smh_pool_init(&pool, &config), 0);
        add(1, 0);
        add(1, 1);
        cr_assert_eq(region_of_alloc(1), 0);
        cr_assert_eq(region_of_alloc(1), policy.rotates ? 1 : 0);
    }
}

Test(policy_locks, ranks_are_asked_under_the_slots_lock_unless_lockless)
{
    struct smh_policy policy = {.name = "looks", .rank = rank_that_looks};
    struct smh_pool_config config = {.policy = &policy};

    for (int i = 0; i < 2; i++) {
        policy.lockless = i == 1;
        locked[i] = i == 1;
        cr_assert_eq(smh_pool_init(&pool, &config), 0);
        add(1, 0);
        cr_assert_eq(region_of_alloc(1), 0);
        cr_assert_eq(locked[i], i == 0);
    }
}
