/* test_pool_calls.c: which engines, ranks and locks a pool asks, and which it leaves alone.
 *
 *     region 0 "a"   attr 1 ---.
 *     region 1 "b"   attr 3 ----+--> spy: an engine that counts, serves or refuses as told
 *     region 2 "c"   attr 5 ---'
 *
 * Every lock is made one that panics when it is taken twice or given back without being held.
 */
#include "../../src/heap_private.h"
#include "../../src/pool_private.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <smh/pool.h>
#include <string.h>

#define REGIONS      3u
#define REGION_BYTES 4096u

static _Alignas(4096) uint8_t memory[REGIONS * REGION_BYTES];
static struct smh_pool pool;
static struct smh_engine spy;
static bool refuses[REGIONS];
static unsigned asked[REGIONS];
static unsigned aligned[REGIONS];
static unsigned looked; /* largest_free */
static size_t align_seen;
static size_t largest;        /* SIZE_MAX: first_fit's answer */
static bool after_alloc_only; /* of region 1 */
static bool allocated;

static size_t region_of(const struct smh_heap *heap)
{
    return (size_t)(heap->memory - memory) / REGION_BYTES;
}

static void *spy_alloc(struct smh_heap *heap, size_t bytes)
{
    asked[region_of(heap)]++;
    allocated = allocated || region_of(heap) == 1;
    return refuses[region_of(heap)] ? NULL : smh_engine_first_fit.alloc(heap, bytes);
}

static void *spy_aligned_alloc(struct smh_heap *heap, size_t align, size_t bytes)
{
    asked[region_of(heap)]++;
    aligned[region_of(heap)]++;
    align_seen = align;
    allocated = allocated || region_of(heap) == 1;
    return refuses[region_of(heap)] ? NULL : smh_engine_first_fit.aligned_alloc(heap, align, bytes);
}

static size_t spy_largest_free(const struct smh_heap *heap)
{
    looked++;
    if (largest == SIZE_MAX || (after_alloc_only && !allocated)) {
        return smh_engine_first_fit.largest_free(heap);
    }
    return largest;
}

static void strict_lock(struct smh_lock *lock)
{
    pthread_mutexattr_t attr;

    (void)pthread_mutexattr_init(&attr);
    (void)pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
    cr_assert_eq(pthread_mutex_init((pthread_mutex_t *)(void *)lock->words, &attr), 0);
}

static bool is_held(struct smh_lock *lock)
{
    pthread_mutex_t *mutex = (pthread_mutex_t *)(void *)lock->words;

    if (pthread_mutex_trylock(mutex) != 0) {
        return true;
    }
    (void)pthread_mutex_unlock(mutex);
    return false;
}

static bool match_anything(uint32_t region_attr, uint32_t request_attr)
{
    (void)region_attr, (void)request_attr;
    return true;
}

static struct smh_region region_at(size_t index)
{
    return (struct smh_region){.attr = (uint32_t)(2 * index + 1),
                               .addr = (uintptr_t)memory + index * REGION_BYTES,
                               .size = REGION_BYTES,
                               .engine = &spy};
}

static void forget(void)
{
    memset(refuses, 0, sizeof(refuses));
    memset(asked, 0, sizeof(asked));
    memset(aligned, 0, sizeof(aligned));
    looked = 0;
    largest = SIZE_MAX;
    after_alloc_only = false;
    allocated = false;
}

/* Region 1 has this reserve. */
static void set_up_with(const struct smh_pool_config *config, size_t reserve_bytes)
{
    forget();
    spy = smh_engine_first_fit;
    spy.alloc = spy_alloc;
    spy.aligned_alloc = spy_aligned_alloc;
    spy.largest_free = spy_largest_free;
    cr_assert_eq(smh_pool_init(&pool, config), 0);
    strict_lock(&pool.lock);
    for (size_t i = 0; i < REGIONS; i++) {
        struct smh_region region = region_at(i);

        region.reserve_bytes = i == 1 ? reserve_bytes : 0;
        cr_assert_eq(smh_pool_add(&pool, &region), 0);
        strict_lock(&pool.slots[i].lock);
    }
    forget();
}

static void set_up(void)
{
    struct smh_pool_config config = {.match = match_anything};

    set_up_with(&config, 0);
}

TestSuite(pool_calls, .init = set_up);

static void refuse_all(void)
{
    memset(refuses, 1, sizeof(refuses));
}

static void were_asked(unsigned a, unsigned b, unsigned c)
{
    cr_assert(asked[0] == a && asked[1] == b && asked[2] == c, "%u %u %u", asked[0], asked[1],
              asked[2]);
}

Test(pool_calls, a_request_that_fails_has_asked_every_region_once)
{
    refuse_all();
    cr_assert_null(smh_pool_alloc(&pool, 1, 8));
    were_asked(1, 1, 1);
    cr_assert_eq(pool.failed_requests, 1);
}

Test(pool_calls, an_alignment_that_is_no_power_of_two_is_refused_before_any_region_is_asked)
{
    static const uint32_t wanted[] = {1};
    void *block = smh_pool_alloc(&pool, 1, 8);
    struct smh_stats stats;

    cr_assert_null(smh_pool_aligned_alloc(&pool, 1, 24, 8));
    cr_assert_null(smh_pool_alloc_prefer(&pool, wanted, 1, 24, 8));
    cr_assert_null(smh_pool_aligned_realloc(&pool, 1, block, 24, 800));
    for (size_t i = 0; i < REGIONS; i++) {
        smh_heap_stats(smh_pool_heap_at(&pool, i), &stats);
        cr_assert_eq(stats.failed_requests, 0);
    }
    cr_assert_eq(pool.failed_requests, 3);
}

Test(pool_calls, what_needs_no_alignment_asks_for_none)
{
    void *block = smh_pool_alloc(&pool, 1, 8);

    cr_assert_not_null(block);
    cr_assert_not_null(smh_pool_calloc(&pool, 1, 2, 8));
    cr_assert_not_null(smh_pool_realloc(&pool, 1, block, 3000));
    were_asked(3, 0, 0);
    cr_assert_eq(aligned[0], 0);
    cr_assert_not_null(smh_pool_aligned_alloc(&pool, 1, 64, 8));
    cr_assert_eq(aligned[0], 1);
}

Test(pool_calls, a_realloc_that_moves_asks_its_own_region_once)
{
    void *block = smh_pool_alloc(&pool, 1, 8);

    forget();
    refuse_all();
    cr_assert_null(smh_pool_realloc(&pool, 1, block, REGION_BYTES));
    were_asked(1, 1, 1);
}

Test(pool_calls, a_realloc_asks_its_own_region_once_wherever_that_stands)
{
    void *block;

    refuses[0] = true;
    block = smh_pool_alloc(&pool, 1, 8);
    cr_assert_eq(smh_pool_index_of(&pool, block), 1);
    forget();
    refuse_all();
    cr_assert_null(smh_pool_realloc(&pool, 1, block, REGION_BYTES));
    were_asked(1, 1, 1);
}

Test(pool_calls, a_block_that_has_the_alignment_already_is_resized_in_place)
{
    void *block = smh_pool_aligned_alloc(&pool, 1, 64, 100);

    cr_assert_eq(smh_pool_aligned_realloc(&pool, 1, block, 64, 50), block);
    cr_assert_eq(smh_pool_aligned_realloc(&pool, 1, block, 1, 60), block);
    cr_assert_eq(smh_pool_aligned_realloc(&pool, 1, block, 0, 70), block);
    were_asked(1, 0, 0);
}

Test(pool_calls, an_entry_that_an_add_is_moving_is_not_asked_twice)
{
    pool.slots[2].by_rank = 1; /* 0 1 1: the newest is on its way down */
    pool.slots[1].by_rank = 1;
    refuse_all();
    cr_assert_null(smh_pool_alloc(&pool, 1, 8));
    were_asked(1, 1, 0);
}

Test(pool_calls, matching_is_the_callers_where_he_brings_one)
{
    cr_assert_eq(smh_pool_index_of(&pool, smh_pool_alloc(&pool, 77, 8)), 0);
    pool.match = smh_match_all_bits;
    cr_assert_null(smh_pool_alloc(&pool, 77, 8));
    cr_assert_eq(smh_pool_index_of(&pool, smh_pool_alloc(&pool, 2, 8)), 1);
}

static bool match_reversed(uint32_t region_attr, uint32_t request_attr)
{
    return region_attr == 5 && request_attr == 77;
}

Test(pool_calls, a_matching_function_gets_the_regions_attribute_first)
{
    pool.match = match_reversed;
    cr_assert_eq(smh_pool_index_of(&pool, smh_pool_alloc(&pool, 77, 8)), 2);
    cr_assert_null(smh_pool_alloc(&pool, 5, 8));
}

/* Reserves: of region 1, attribute 3. */

static void set_up_reserve(void)
{
    struct smh_pool_config config = {.match = match_anything};

    set_up_with(&config, 1000);
    refuses[0] = true;
    refuses[2] = true;
}

Test(pool_calls, without_a_reserve_nobody_looks_for_the_largest_chunk)
{
    cr_assert_not_null(smh_pool_alloc(&pool, 1, 8));
    cr_assert_not_null(smh_pool_alloc(&pool, 99, 8));
    cr_assert_eq(looked, 0);
}

Test(pool_reserve_calls, a_reserve_is_kept_from_lower_and_from_higher_attributes,
     .init = set_up_reserve)
{
    cr_assert_null(smh_pool_alloc(&pool, 2, 3500));
    cr_assert_null(smh_pool_alloc(&pool, 4, 3500));
    cr_assert_eq(smh_pool_index_of(&pool, smh_pool_alloc(&pool, 3, 3500)), 1);
}

Test(pool_reserve_calls, a_region_with_no_more_than_its_reserve_is_not_asked,
     .init = set_up_reserve)
{
    struct smh_stats stats;

    largest = 999;
    cr_assert_null(smh_pool_alloc(&pool, 2, 8));
    were_asked(1, 0, 1);
    smh_heap_stats(smh_pool_heap_at(&pool, 1), &stats);
    cr_assert_eq(stats.failed_requests, 1, "it counts as refused all the same");
    largest = 1000;
    cr_assert_eq(smh_pool_index_of(&pool, smh_pool_alloc(&pool, 2, 8)), 1, "from another chunk");
}

Test(pool_reserve_calls, a_block_that_would_leave_too_little_is_given_back, .init = set_up_reserve)
{
    struct smh_stats stats;

    largest = 999;
    after_alloc_only = true;
    cr_assert_null(smh_pool_alloc(&pool, 2, 8));
    cr_assert_eq(asked[1], 1);
    largest = SIZE_MAX;
    smh_heap_stats(smh_pool_heap_at(&pool, 1), &stats);
    cr_assert_eq(stats.failed_requests, 1);
    cr_assert_eq(stats.used_bytes + stats.live_blocks + stats.allocated_blocks, 0);
    cr_assert_eq(stats.peak_used_bytes, 0);
}

Test(pool_reserve_calls, what_does_not_fit_is_counted_once, .init = set_up_reserve)
{
    struct smh_stats stats;

    refuses[1] = true;
    cr_assert_null(smh_pool_alloc(&pool, 2, 8));
    smh_heap_stats(smh_pool_heap_at(&pool, 1), &stats);
    cr_assert_eq(stats.failed_requests, 1);
}

Test(pool_reserve_calls, a_block_may_grow_down_to_the_reserve_and_shrink_or_stay_below_it,
     .init = set_up_reserve)
{
    void *block = smh_pool_alloc(&pool, 2, 100);

    cr_assert_eq(smh_pool_index_of(&pool, block), 1);
    largest = 1000;
    cr_assert_eq(smh_pool_realloc(&pool, 2, block, 200), block);
    largest = 999;
    cr_assert_null(smh_pool_realloc(&pool, 2, block, 300));
    cr_assert_eq(smh_pool_usable_size(&pool, block), 200);
    cr_assert_eq(smh_pool_realloc(&pool, 2, block, 200), block);
    cr_assert_eq(smh_pool_realloc(&pool, 2, block, 100), block);
    cr_assert_eq(smh_pool_usable_size(&pool, block), 104);
}

/* Policies whose ranks change. */

static uint64_t ranks[8][REGIONS]; /* look by look; the last one stays */
static unsigned looks;
static unsigned looks_known;
static size_t rank_align;
static size_t rank_bytes;

static uint64_t listed_rank(const struct smh_pool_slot *slot, size_t align, size_t bytes)
{
    size_t index = (size_t)(slot - pool.slots);
    uint64_t rank = ranks[looks < looks_known ? looks : looks_known - 1][index];

    cr_assert(is_held(&pool.slots[index].lock));
    looks += index == REGIONS - 1;
    rank_align = align;
    rank_bytes = bytes;
    return rank;
}

static const struct smh_policy listed = {.name = "listed", .rank = listed_rank};

static void set_up_ranks(void)
{
    struct smh_pool_config config = {.match = match_anything, .policy = &listed};

    set_up_with(&config, 0);
    looks = 0;
    looks_known = 0;
}

static void then_ranks_are(uint64_t a, uint64_t b, uint64_t c)
{
    ranks[looks_known][0] = a;
    ranks[looks_known][1] = b;
    ranks[looks_known][2] = c;
    looks_known++;
}

static int served_by(size_t align)
{
    looks = 0;
    memset(asked, 0, sizeof(asked));
    return smh_pool_index_of(&pool, smh_pool_aligned_alloc(&pool, 77, align, 8));
}

Test(pool_ranks, the_lowest_rank_is_tried_first_and_ties_by_the_order_of_adding,
     .init = set_up_ranks)
{
    then_ranks_are(2, 1, 3);
    cr_assert_eq(served_by(0), 1);
    ranks[0][0] = 1;
    cr_assert_eq(served_by(0), 0);
    refuses[0] = true;
    cr_assert_eq(served_by(0), 1);
    refuses[1] = true;
    cr_assert_eq(served_by(0), 2);
    were_asked(1, 1, 1);
}

Test(pool_ranks, a_region_behind_in_rank_may_be_before_in_the_order_of_adding, .init = set_up_ranks)
{
    then_ranks_are(3, 2, 1);
    refuses[2] = true;
    cr_assert_eq(served_by(0), 1);
    refuses[1] = true;
    cr_assert_eq(served_by(0), 0);
    were_asked(1, 1, 1);
}

Test(pool_ranks, rank_0_of_region_0_is_tried_like_any_other, .init = set_up_ranks)
{
    then_ranks_are(0, 1, 2);
    cr_assert_eq(served_by(0), 0);
    were_asked(1, 0, 0);
}

Test(pool_ranks, where_ranks_rest_every_region_is_asked_once, .init = set_up_ranks)
{
    refuse_all();
    then_ranks_are(5, 5, 7);
    cr_assert_eq(served_by(0), -ENOENT);
    were_asked(1, 1, 1);
    ranks[0][1] = 4;
    ranks[0][2] = 3;
    cr_assert_eq(served_by(0), -ENOENT);
    were_asked(1, 1, 1);
}

Test(pool_ranks, a_region_that_is_passed_over_while_ranks_move_is_tried_at_the_end,
     .init = set_up_ranks)
{
    refuses[0] = true;
    refuses[2] = true;
    for (uint64_t rise = 0; rise <= 10; rise += 10) { /* their sum falls, or rises */
        looks_known = 0;
        then_ranks_are(2, 3, 4);
        then_ranks_are(2, 1, 4 + rise); /* 1 is below what was tried last */
        cr_assert_eq(served_by(64), 1);
        cr_assert_eq(pool.slots[1].heap.used_bytes, (rise / 10 + 1) * 16, "8 bytes and a header");
        cr_assert_eq(align_seen, 64);
        cr_assert_eq(rank_align, 64);
        cr_assert_eq(rank_bytes, 8);
    }
}

Test(pool_ranks, ranks_that_moved_and_came_back_are_remembered, .init = set_up_ranks)
{
    refuses[0] = true;
    refuses[2] = true;
    then_ranks_are(2, 3, 4);
    then_ranks_are(2, 1, 4);
    then_ranks_are(2, 3, 4);
    cr_assert_eq(served_by(0), 1);
    looks_known = 0;
    then_ranks_are(2, 9, 4);
    then_ranks_are(2, 1, 4); /* 2 is tried next; 1 has been passed over */
    then_ranks_are(2, 1, 12);
    then_ranks_are(2, 3, 10);
    cr_assert_eq(served_by(0), 1);
}

/* What was passed over is tried in the order of adding; each of the others once more. */
Test(pool_ranks, the_end_goes_by_the_order_of_adding, .init = set_up_ranks)
{
    refuse_all();
    then_ranks_are(4, 3, 2);
    then_ranks_are(1, 1, 9);
    cr_assert_eq(served_by(0), -ENOENT);
    cr_assert(asked[0] == 1 && asked[1] == 1 && asked[2] >= 2);
    memset(refuses, 0, sizeof(refuses));
    refuses[2] = true;
    cr_assert_eq(served_by(0), 0);
}

Test(pool_ranks, a_realloc_by_rank_asks_its_own_region_once, .init = set_up_ranks)
{
    void *block;

    then_ranks_are(1, 2, 3);
    block = smh_pool_alloc(&pool, 1, 8);
    cr_assert_eq(smh_pool_index_of(&pool, block), 0);
    forget();
    refuse_all();
    looks = 0;
    cr_assert_null(smh_pool_realloc(&pool, 1, block, REGION_BYTES));
    were_asked(1, 1, 1);
}

Test(pool_ranks, alignment_and_attribute_reach_the_engine_and_the_reserve, .init = set_up_ranks)
{
    pool.slots[1].region.reserve_bytes = 1000;
    then_ranks_are(2, 1, 3);
    cr_assert_eq(smh_pool_index_of(&pool, smh_pool_aligned_alloc(&pool, 3, 64, 3500)), 1);
    cr_assert_eq(align_seen, 64);
    looks = 0;
    cr_assert_eq(smh_pool_index_of(&pool, smh_pool_aligned_alloc(&pool, 64, 64, 8)), 0);
}

static unsigned fixed_ranks;

static uint64_t fixed_rank(const struct smh_pool_slot *slot, size_t align, size_t bytes)
{
    fixed_ranks++;
    cr_assert_eq(pool.version % 2, 1, "who reads meanwhile is warned");
    cr_assert(align == 0 && bytes == 0, "a fixed rank is of no request");
    return UINT64_MAX - slot->region.attr;
}

Test(pool_ranks, fixed_ranks_are_asked_for_while_adding_alone)
{
    static const struct smh_policy policy = {.name = "f", .fixed = true, .rank = fixed_rank};
    struct smh_pool_config config = {.match = match_anything, .policy = &policy};

    set_up_with(&config, 0);
    cr_assert_gt(fixed_ranks, 0);
    fixed_ranks = 0;
    cr_assert_eq(smh_pool_index_of(&pool, smh_pool_alloc(&pool, 1, 8)), 2);
    cr_assert_eq(fixed_ranks, 0);
}
