/* test_pool_locks.c: locks, slots and what lies just beyond them.
 *
 *     |slot 0|slot 1|slot 2|xxx page that traps xxx|      the slots of one's own end at a page
 *
 * Owns: pools whose locks panic when they are taken twice or given back without being held, and
 * pools whose locks are garbage, which nobody may touch.
 */
#include "../../src/heap_private.h"
#include "../../src/pool_private.h"
#include "trap.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <smh/pool.h>
#include <stdlib.h>
#include <string.h>

#define REGIONS      3u
#define REGION_BYTES 4096u

static _Alignas(4096) uint8_t memory[REGIONS * REGION_BYTES];
static struct smh_pool pool;

static struct smh_region region_at(size_t index)
{
    return (struct smh_region){.attr = (uint32_t)(index + 1),
                               .addr = (uintptr_t)memory + index * REGION_BYTES,
                               .size = REGION_BYTES,
                               .engine = &smh_engine_first_fit};
}

static void add_all(void)
{
    for (size_t i = 0; i < REGIONS; i++) {
        struct smh_region region = region_at(i);

        cr_assert_eq(smh_pool_add(&pool, &region), 0);
    }
}

static void strict_lock(struct smh_lock *lock)
{
    pthread_mutexattr_t attr;

    (void)pthread_mutexattr_init(&attr);
    (void)pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
    cr_assert_eq(pthread_mutex_init((pthread_mutex_t *)(void *)lock->words, &attr), 0);
}

/* Everything that takes a lock. */
static void do_everything(void)
{
    static const uint32_t wanted[] = {9, 2};
    struct smh_stats stats;
    void *block = smh_pool_alloc(&pool, 1, 100);

    cr_assert_not_null(block);
    cr_assert_null(smh_pool_alloc(&pool, 1, REGION_BYTES));
    cr_assert_not_null(smh_pool_alloc_prefer(&pool, wanted, 2, 0, 8));
    cr_assert_null(smh_pool_alloc_prefer(&pool, wanted, 1, 0, 8));
    cr_assert_null(smh_pool_calloc(&pool, 1, SIZE_MAX, 2));
    cr_assert_eq(smh_pool_realloc(&pool, 1, block, 50), block);
    cr_assert_null(smh_pool_realloc(&pool, 1, block, REGION_BYTES));
    cr_assert_eq(smh_pool_verdict(&pool, block), 0);
    cr_assert_eq(smh_pool_usable_size(&pool, block), 56);
    cr_assert_eq(smh_pool_check(&pool, NULL, NULL), 0);
    cr_assert_eq(smh_pool_stats(&pool, SMH_ATTR_ANY, &stats), 0);
    cr_assert_eq(stats.failed_requests % 4, 0);
    cr_assert_eq(smh_pool_stats(&pool, 1, &stats), 0);
    cr_assert_neq(block = smh_pool_realloc(&pool, 3, block, 50), NULL);
    cr_assert_eq(smh_pool_free(&pool, block), 0);
    cr_assert_eq(smh_pool_free(&pool, block), -EALREADY);
}

Test(pool_locks, every_lock_is_taken_and_given_back_in_turn_under_every_policy)
{
    for (size_t p = 0; smh_policy_at(p) != NULL; p++) {
        struct smh_pool_config config = {.policy = smh_policy_at(p)};
        struct smh_region again = region_at(1);

        cr_assert_eq(smh_pool_init(&pool, &config), 0);
        strict_lock(&pool.lock);
        add_all();
        for (size_t i = 0; i < REGIONS; i++) {
            strict_lock(&pool.slots[i].lock);
        }
        do_everything();
        cr_assert_eq(smh_pool_add(&pool, &again), -EEXIST);
        do_everything();
    }
}

Test(pool_locks, a_pool_of_one_owner_touches_no_lock)
{
    struct smh_pool_config config = {.unlocked = true};

    cr_assert_eq(smh_pool_init(&pool, &config), 0);
    memset(&pool.lock, 0xff, sizeof(pool.lock));
    add_all();
    for (size_t i = 0; i < REGIONS; i++) {
        memset(&pool.slots[i].lock, 0xff, sizeof(pool.slots[i].lock));
    }
    do_everything();
}

static bool added_under_lock;

static int look_at_lock(struct smh_heap *heap, const struct smh_heap_config *config)
{
    pthread_mutex_t *mutex = (pthread_mutex_t *)(void *)pool.lock.words;

    added_under_lock = pthread_mutex_trylock(mutex) != 0;
    return smh_engine_first_fit.init(heap, config);
}

Test(pool_locks, a_region_is_added_under_the_pools_lock)
{
    struct smh_engine engine = smh_engine_first_fit;
    struct smh_region region = region_at(0);

    engine.init = look_at_lock;
    region.engine = &engine;
    cr_assert_eq(smh_pool_init(&pool, NULL), 0);
    cr_assert_eq(smh_pool_add(&pool, &region), 0);
    cr_assert(added_under_lock);
}

/* Slots of one's own, up to a page that traps. */

static struct smh_pool_slot *slots_at_the_end(size_t count)
{
    size_t bytes = count * sizeof(struct smh_pool_slot);

    return (struct smh_pool_slot *)(void *)trap_end(bytes) - count;
}

static uint64_t no_rank(const struct smh_pool_slot *slot, size_t align, size_t bytes)
{
    (void)align, (void)bytes;
    return slot->region.attr;
}

Test(pool_slots, nothing_behind_the_last_slot_is_touched)
{
    static const struct smh_policy moving = {.name = "m", .rank = no_rank};
    struct smh_pool_config config = {.slots = slots_at_the_end(REGIONS), .slot_count = REGIONS};
    struct smh_region more = region_at(0);

    for (int round = 0; round < 2; round++) {
        config.policy = round == 0 ? NULL : &moving;
        cr_assert_eq(smh_pool_init(&pool, &config), 0);
        add_all();
        more.addr = (uintptr_t)memory + sizeof(memory);
        cr_assert_eq(smh_pool_add(&pool, &more), -ENOSPC);
        do_everything();
        cr_assert_null(smh_pool_alloc(&pool, 77, 8));
        cr_assert_null(smh_pool_region_at(&pool, REGIONS));
        pool.version++; /* as in the middle of an add: what halves do not find is sought slot by
                           slot */
        cr_assert_null(smh_pool_region_of(&pool, memory + sizeof(memory)));
        cr_assert_null(smh_pool_region_of(&pool, NULL));
    }
}

/*     small  | block: all of it |xxx traps xxx|      large  | moved: longer than the block | */
Test(pool_realloc, nothing_behind_a_block_that_moves_is_read)
{
    uint8_t *end = trap_end(REGION_BYTES);
    struct smh_region small = region_at(0);
    struct smh_region large = region_at(1);
    size_t bytes = 256;
    uint8_t *block;

    small.addr = (uintptr_t)end - 256;
    small.size = 256;
    large.attr = small.attr;
    cr_assert_eq(smh_pool_init(&pool, NULL), 0);
    cr_assert_eq(smh_pool_add(&pool, &small), 0);
    while ((block = smh_pool_alloc(&pool, 1, bytes)) == NULL) {
        bytes--;
    }
    cr_assert_eq(smh_pool_add(&pool, &large), 0);
    cr_assert_gt(block + bytes, end - 16);
    memset(block, 7, bytes);
    block = smh_pool_realloc(&pool, 1, block, 2000);
    cr_assert_eq(smh_pool_index_of(&pool, block), 1);
    cr_assert(block[0] == 7 && memcmp(block, block + 1, bytes - 1) == 0);
}

Test(pool_slots, whatever_they_held_before_they_begin_as_zeroes)
{
    struct smh_pool_slot slots[REGIONS];
    struct smh_pool_slot zeroes[REGIONS];
    struct smh_pool_config config = {.slots = slots, .slot_count = REGIONS};

    memset(slots, 0xaa, sizeof(slots));
    memset(zeroes, 0, sizeof(zeroes));
    cr_assert_eq(smh_pool_init(&pool, &config), 0);
    cr_assert_eq(memcmp(slots, zeroes, sizeof(slots)), 0);
    add_all();
    do_everything();
}

Test(pool_slots, may_be_65535)
{
    struct smh_pool_slot *slots = calloc(65535, sizeof(*slots));
    struct smh_pool_config config = {.slots = slots, .slot_count = 65535};

    cr_assert_not_null(slots);
    cr_assert_eq(smh_pool_init(&pool, &config), 0);
    config.slot_count = 65536;
    cr_assert_eq(smh_pool_init(&pool, &config), -EINVAL);
    free(slots);
}

Test(pool_slots, one_that_is_not_published_yet_owns_nothing)
{
    cr_assert_eq(smh_pool_init(&pool, NULL), 0);
    pool.slots[0].region = region_at(0); /* an add has come so far, and was interrupted */
    cr_assert_null(smh_pool_region_of(&pool, memory));
    cr_assert_null(smh_pool_region_of(&pool, NULL));
}

Test(pool_slots, owners_are_found_under_every_policy)
{
    static const size_t order[][REGIONS] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                            {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    static const size_t sizes[][REGIONS] = {
        {512, 1024, 2048}, {2048, 512, 1024}, {1024, 2048, 512}};

    for (size_t p = 0; smh_policy_at(p) != NULL; p++) {
        for (size_t k = 0; k < 18; k++) {
            struct smh_pool_config config = {.policy = smh_policy_at(p)};

            cr_assert_eq(smh_pool_init(&pool, &config), 0);
            for (size_t i = 0; i < REGIONS; i++) {
                struct smh_region region = region_at(order[k / 3][i]);

                region.size = sizes[k % 3][i];
                cr_assert_eq(smh_pool_add(&pool, &region), 0);
            }
            for (size_t i = 0; i < REGIONS; i++) {
                uint8_t *start = memory + order[k / 3][i] * REGION_BYTES;

                cr_assert_eq(smh_pool_index_of(&pool, start), (int)i);
                cr_assert_eq(smh_pool_index_of(&pool, start + sizes[k % 3][i] - 1), (int)i);
                cr_assert_eq(smh_pool_index_of(&pool, start + sizes[k % 3][i]), -ENOENT);
            }
        }
    }
}

static int take_anything(struct smh_heap *heap, const struct smh_heap_config *config)
{
    (void)config;
    heap->step_shift = 3;
    return 0;
}

Test(pool_slots, a_region_may_reach_the_last_address_and_not_wrap)
{
    struct smh_engine engine = smh_engine_first_fit;
    struct smh_region region = {.addr = 0x10000, .engine = &engine};

    engine.init = take_anything;
    cr_assert_eq(smh_pool_init(&pool, NULL), 0);
    region.size = UINTPTR_MAX - region.addr + 1;
    cr_assert_eq(smh_pool_add(&pool, &region), -EOVERFLOW);
    region.size--;
    cr_assert_eq(smh_pool_add(&pool, &region), 0);
}

Test(pool_questions, the_sums_are_sums_of_every_field)
{
    struct smh_stats all;
    struct smh_stats sum;

    cr_assert_eq(smh_pool_init(&pool, NULL), 0);
    for (size_t i = 0; i < REGIONS; i++) {
        struct smh_region region = region_at(i);

        region.engine = &smh_engine_bitmap; /* whose tables are no capacity */
        cr_assert_eq(smh_pool_add(&pool, &region), 0);
    }
    for (uint32_t attr = 1; attr <= REGIONS; attr++) { /* the last has the least left */
        void *first = smh_pool_alloc(&pool, attr, 100);

        cr_assert_not_null(smh_pool_alloc(&pool, attr, 900 * attr));
        cr_assert_not_null(smh_pool_alloc(&pool, attr, 16));
        cr_assert_eq(smh_pool_free(&pool, first), 0);
        for (unsigned i = 0; i < 2; i++) {
            cr_assert_null(smh_pool_alloc(&pool, attr, REGION_BYTES));
        }
    }
    memset(&sum, 0, sizeof(sum));
    for (size_t i = 0; i < REGIONS; i++) {
        struct smh_stats one;

        smh_heap_stats(smh_pool_heap_at(&pool, i), &one);
        cr_assert(one.failed_requests == 2 && one.freed_blocks == 1 && one.allocated_blocks == 3);
        cr_assert(one.capacity_bytes < one.memory_bytes && one.largest_free_bytes < one.free_bytes);
        sum.region_count += one.region_count;
        sum.memory_bytes += one.memory_bytes;
        sum.capacity_bytes += one.capacity_bytes;
        sum.used_bytes += one.used_bytes;
        sum.peak_used_bytes += one.peak_used_bytes;
        sum.free_bytes += one.free_bytes;
        sum.largest_free_bytes = one.largest_free_bytes > sum.largest_free_bytes
                                     ? one.largest_free_bytes
                                     : sum.largest_free_bytes;
        sum.live_blocks += one.live_blocks;
        sum.allocated_blocks += one.allocated_blocks;
        sum.freed_blocks += one.freed_blocks;
        sum.failed_requests += one.failed_requests;
    }
    cr_assert_eq(smh_pool_stats(&pool, SMH_ATTR_ANY, &all), 0);
    cr_assert_eq(memcmp(&all, &sum, sizeof(all)), 0);
}

/*     region 0  | 2000 in use | free | ...      region 1  | free | 100 in use | free |: more in all
 */
Test(pool_questions, the_largest_free_block_is_not_where_most_is_free)
{
    struct smh_stats one;
    struct smh_stats all;
    void *block;

    cr_assert_eq(smh_pool_init(&pool, NULL), 0);
    add_all();
    cr_assert_not_null(smh_pool_alloc(&pool, 1, 2000));
    block = smh_pool_alloc(&pool, 2, 1900);
    cr_assert_not_null(smh_pool_alloc(&pool, 2, 100));
    cr_assert_eq(smh_pool_free(&pool, block), 0);
    cr_assert_not_null(smh_pool_alloc(&pool, 3, 4000));
    smh_heap_stats(smh_pool_heap_at(&pool, 0), &one);
    cr_assert_eq(smh_pool_stats(&pool, SMH_ATTR_ANY, &all), 0);
    cr_assert_eq(all.largest_free_bytes, one.largest_free_bytes);
    smh_heap_stats(smh_pool_heap_at(&pool, 1), &one);
    cr_assert_gt(one.free_bytes, all.largest_free_bytes);
}

Test(pool_questions, the_check_of_no_pool_says_so)
{
    struct smh_fault fault = {.rule = "?", .offset = 77};
    size_t index = 77;

    memset(&pool, 0, sizeof(pool));
    cr_assert_eq(smh_pool_check(&pool, &fault, &index), -EINVAL);
    cr_assert_str_eq(fault.rule, "the pool is initialised");
    cr_assert(fault.offset == 0 && index == 0);
    cr_assert_eq(smh_pool_check(NULL, NULL, NULL), -EINVAL);
}

Test(pool_questions, a_pool_with_another_magic_number_is_none)
{
    cr_assert_eq(smh_pool_init(&pool, NULL), 0);
    add_all();
    pool.initialised++;
    cr_assert_null(smh_pool_alloc(&pool, 1, 8));
    pool.initialised -= 2;
    cr_assert_null(smh_pool_alloc(&pool, 1, 8));
}

Test(pool_questions, no_pool_counts_no_failure)
{
    memset(&pool, 0, sizeof(pool));
    cr_assert_null(smh_pool_calloc(&pool, 1, SIZE_MAX, 2));
    cr_assert_eq(pool.failed_requests, 0);
    cr_assert_null(smh_pool_calloc(NULL, 1, SIZE_MAX, 2));
}
