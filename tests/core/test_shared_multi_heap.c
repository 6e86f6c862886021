/* test_shared_multi_heap.c: the process-wide pool under Zephyr's names. Every test is a process of
 * its own, so each begins before initialisation. */
#include "panic_hook.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <smh/port.h>
#include <smh/shared_multi_heap.h>
#include <string.h>

static _Alignas(4096) uint8_t memory[4 * 4096];

static int add(uint32_t attr, size_t offset, size_t size)
{
    struct shared_multi_heap_region region = {
        .attr = attr, .addr = (uintptr_t)memory + offset, .size = size};

    return shared_multi_heap_add(&region, NULL);
}

/*  cacheable 0x1000 | cacheable 0x2000 | non-cacheable 0x1000 */
static void set_up(void)
{
    cr_assert_eq(shared_multi_heap_pool_init(), 0);
    cr_assert_eq(add(SMH_REG_ATTR_CACHEABLE, 0, 0x1000), 0);
    cr_assert_eq(add(SMH_REG_ATTR_CACHEABLE, 0x1000, 0x2000), 0);
    cr_assert_eq(add(SMH_REG_ATTR_NON_CACHEABLE, 0x3000, 0x1000), 0);
}

static int index_of(const void *block)
{
    return smh_pool_index_of(smh_shared_pool(), block);
}

Test(shared_multi_heap, is_initialised_once)
{
    cr_assert_eq(shared_multi_heap_pool_init(), 0);
    cr_assert_eq(shared_multi_heap_pool_init(), -EALREADY);
    cr_assert_eq(shared_multi_heap_pool_init(), -EALREADY);
}

Test(shared_multi_heap, a_second_init_keeps_the_regions)
{
    void *block;

    set_up();
    block = shared_multi_heap_alloc(SMH_REG_ATTR_CACHEABLE, 64);
    cr_assert_eq(shared_multi_heap_pool_init(), -EALREADY);
    cr_assert_eq(index_of(block), 0);
    cr_assert_not_null(shared_multi_heap_alloc(SMH_REG_ATTR_CACHEABLE, 64));
}

Test(shared_multi_heap, before_init_everything_is_an_error)
{
    struct smh_stats stats;

    cr_assert_eq(add(SMH_REG_ATTR_CACHEABLE, 0, 0x1000), -EINVAL);
    cr_assert_null(shared_multi_heap_alloc(SMH_REG_ATTR_CACHEABLE, 64));
    cr_assert_null(shared_multi_heap_aligned_alloc(SMH_REG_ATTR_CACHEABLE, 32, 64));
    cr_assert_null(shared_multi_heap_realloc(SMH_REG_ATTR_CACHEABLE, NULL, 64));
    shared_multi_heap_free(NULL);
    cr_assert_eq(smh_pool_stats(smh_shared_pool(), SMH_ATTR_ANY, &stats), -EINVAL);
    cr_assert_eq(shared_multi_heap_pool_init(), 0, "and does no harm");
}

Test(shared_multi_heap, add_refuses_with_einval)
{
    struct shared_multi_heap_region wraps = {
        .attr = 0, .addr = (uintptr_t)memory, .size = SIZE_MAX};

    set_up();
    cr_assert_eq(shared_multi_heap_add(NULL, NULL), -EINVAL);
    cr_assert_eq(add(MAX_SHARED_MULTI_HEAP_ATTR, 0x4000, 0x1000), -EINVAL);
    cr_assert_eq(add(UINT32_MAX, 0x4000, 0x1000), -EINVAL);
    cr_assert_eq(add(SMH_REG_ATTR_EXTERNAL, 0x800, 0x100), -EINVAL, "overlap");
    cr_assert_eq(add(SMH_REG_ATTR_EXTERNAL, 0 - (uintptr_t)memory, 0x100), -EINVAL, "null");
    cr_assert_eq(shared_multi_heap_add(&wraps, NULL), -EINVAL);
}

Test(shared_multi_heap, add_refuses_what_is_too_small_or_misaligned)
{
    cr_assert_eq(shared_multi_heap_pool_init(), 0);
    cr_assert_eq(add(0, 0, 0), -EINVAL);
    cr_assert_eq(add(0, 0, 16), -EINVAL);
    cr_assert_eq(add(0, 4, 4096), -EINVAL);
    cr_assert_eq(add(0, 0, 4096), 0);
}

Test(shared_multi_heap, one_region_too_many_is_enomem)
{
    cr_assert_eq(shared_multi_heap_pool_init(), 0);
    for (size_t i = 0; i < SMH_POOL_REGION_COUNT; i++) {
        cr_assert_eq(add((uint32_t)(i % SMH_REG_ATTR_NUM), i * 512, 512), 0);
    }
    cr_assert_eq(add(0, SMH_POOL_REGION_COUNT * 512, 512), -ENOMEM);
}

Test(shared_multi_heap, user_data_and_region_are_read_back)
{
    struct shared_multi_heap_region region = {
        .attr = SMH_REG_ATTR_EXTERNAL, .addr = (uintptr_t)memory, .size = 0x1000};
    const struct smh_region *found;

    cr_assert_eq(shared_multi_heap_pool_init(), 0);
    cr_assert_eq(shared_multi_heap_add(&region, &region), 0);
    found =
        smh_pool_region_of(smh_shared_pool(), shared_multi_heap_alloc(SMH_REG_ATTR_EXTERNAL, 8));
    cr_assert_eq(found->user_data, &region);
    cr_assert_eq(found->attr, SMH_REG_ATTR_EXTERNAL);
}

Test(shared_multi_heap, a_request_goes_to_the_first_region_of_its_attribute_with_room)
{
    set_up();
    cr_assert_eq(index_of(shared_multi_heap_alloc(SMH_REG_ATTR_CACHEABLE, 0x40)), 0);
    cr_assert_eq(index_of(shared_multi_heap_alloc(SMH_REG_ATTR_CACHEABLE, 0x1200)), 1);
    cr_assert_eq(index_of(shared_multi_heap_alloc(SMH_REG_ATTR_CACHEABLE, 0x80)), 0);
    cr_assert_eq(index_of(shared_multi_heap_alloc(SMH_REG_ATTR_NON_CACHEABLE, 0x100)), 2);
    cr_assert_null(shared_multi_heap_alloc(SMH_REG_ATTR_CACHEABLE, 0x10000));
}

Test(shared_multi_heap, size_0_and_unknown_attributes_give_null)
{
    set_up();
    cr_assert_null(shared_multi_heap_alloc(SMH_REG_ATTR_CACHEABLE, 0));
    cr_assert_null(shared_multi_heap_alloc(SMH_REG_ATTR_EXTERNAL, 0x40), "no such region");
    cr_assert_null(
        shared_multi_heap_alloc((enum shared_multi_heap_attr)MAX_SHARED_MULTI_HEAP_ATTR, 0x40));
    cr_assert_null(shared_multi_heap_alloc((enum shared_multi_heap_attr)(-1), 0x40));
    cr_assert_null(shared_multi_heap_aligned_alloc((enum shared_multi_heap_attr)(-1), 8, 0x40));
    cr_assert_null(shared_multi_heap_realloc((enum shared_multi_heap_attr)(-1), NULL, 0x40));
}

Test(shared_multi_heap, alignment_is_0_or_a_power_of_two)
{
    set_up();
    for (size_t align = 1; align <= 1024; align *= 2) {
        void *block = shared_multi_heap_aligned_alloc(SMH_REG_ATTR_CACHEABLE, align, 8);

        cr_assert_not_null(block);
        cr_assert_eq((uintptr_t)block % align, 0);
    }
    cr_assert_not_null(shared_multi_heap_aligned_alloc(SMH_REG_ATTR_CACHEABLE, 0, 8));
    cr_assert_null(shared_multi_heap_aligned_alloc(SMH_REG_ATTR_CACHEABLE, 3, 8));
    cr_assert_null(shared_multi_heap_aligned_alloc(SMH_REG_ATTR_CACHEABLE, 48, 8));
}

Test(shared_multi_heap, realloc_copies_keeps_and_migrates)
{
    uint8_t *block;
    uint8_t *moved;

    set_up();
    block = shared_multi_heap_realloc(SMH_REG_ATTR_CACHEABLE, NULL, 100);
    memset(block, 7, 100);
    moved = shared_multi_heap_realloc(SMH_REG_ATTR_CACHEABLE, block, 0x1800);
    cr_assert_eq(index_of(moved), 1);
    cr_assert(moved[0] == 7 && moved[99] == 7);
    cr_assert_null(shared_multi_heap_realloc(SMH_REG_ATTR_CACHEABLE, moved, 0x10000));
    cr_assert(moved[0] == 7 && moved[99] == 7, "kept on failure");
    cr_assert_null(shared_multi_heap_realloc((enum shared_multi_heap_attr)7, moved, 8));
    block = shared_multi_heap_realloc(SMH_REG_ATTR_NON_CACHEABLE, moved, 50);
    cr_assert_eq(index_of(block), 2);
    cr_assert(block[0] == 7 && block[49] == 7);
    cr_assert_null(shared_multi_heap_realloc(SMH_REG_ATTR_NON_CACHEABLE, block, 0));
    cr_assert_eq(smh_pool_verdict(smh_shared_pool(), block), -EALREADY);
}

Test(shared_multi_heap, failures_of_realloc_do_not_panic)
{
    const struct panic_notes *notes = panic_hook_arm();
    void *block;

    set_up();
    block = shared_multi_heap_alloc(SMH_REG_ATTR_CACHEABLE, 100);
    cr_assert_null(shared_multi_heap_realloc(SMH_REG_ATTR_CACHEABLE, block, 0x10000));
    cr_assert_null(shared_multi_heap_realloc(SMH_REG_ATTR_EXTERNAL, block, 10));
    cr_assert_null(shared_multi_heap_realloc(SMH_REG_ATTR_CACHEABLE, NULL, 0));
    shared_multi_heap_free(NULL);
    shared_multi_heap_free(block);
    cr_assert_eq(notes->count, 0);
}

Test(shared_multi_heap, misuse_panics_with_function_reason_and_address_and_changes_nothing)
{
    const struct panic_notes *notes = panic_hook_arm();
    struct smh_stats before;
    struct smh_stats after;
    uint8_t *block;
    struct {
        void *pointer;
        const char *what;
    } misuses[] = {
        {&before, "the address lies in no region"},
        {NULL, "the address is not the start of a block"},
        {NULL, "the address lies in free space (freed before?)"},
    };

    set_up();
    block = shared_multi_heap_alloc(SMH_REG_ATTR_CACHEABLE, 100);
    misuses[1].pointer = block + 8;
    misuses[2].pointer = shared_multi_heap_alloc(SMH_REG_ATTR_CACHEABLE, 100);
    shared_multi_heap_free(misuses[2].pointer);
    cr_assert_eq(smh_pool_stats(smh_shared_pool(), SMH_ATTR_ANY, &before), 0);
    for (size_t i = 0; i < 3; i++) {
        panic_hook_arm();
        shared_multi_heap_free(misuses[i].pointer);
        cr_expect_eq(notes->count, 1);
        cr_expect_str_eq(notes->function, "shared_multi_heap_free");
        cr_expect_str_eq(notes->what, misuses[i].what);
        cr_expect_eq(notes->address, misuses[i].pointer);
        cr_expect_null(shared_multi_heap_realloc(SMH_REG_ATTR_CACHEABLE, misuses[i].pointer, 8));
        cr_expect_eq(notes->count, 2);
        cr_expect_str_eq(notes->function, "shared_multi_heap_realloc");
        cr_expect_str_eq(notes->what, misuses[i].what);
        cr_expect_eq(notes->address, misuses[i].pointer);
        cr_expect_null(shared_multi_heap_realloc(SMH_REG_ATTR_CACHEABLE, misuses[i].pointer, 0));
        cr_expect_eq(notes->count, 3);
    }
    cr_assert_eq(smh_pool_stats(smh_shared_pool(), SMH_ATTR_ANY, &after), 0);
    cr_assert_eq(memcmp(&before, &after, sizeof(before)), 0);
    cr_assert_eq(smh_pool_check(smh_shared_pool(), NULL, NULL), 0);
}

Test(shared_multi_heap, a_double_free_aborts_where_nobody_replaced_the_panic, .signal = SIGABRT)
{
    void *block;

    set_up();
    block = shared_multi_heap_alloc(SMH_REG_ATTR_CACHEABLE, 100);
    shared_multi_heap_free(block);
    shared_multi_heap_free(block);
}

Test(shared_multi_heap, an_attribute_out_of_bounds_is_a_mistake_and_no_failed_request)
{
    struct smh_stats stats;
    void *block;

    set_up();
    block = shared_multi_heap_alloc(SMH_REG_ATTR_CACHEABLE, 64);
    cr_assert_null(shared_multi_heap_alloc(SMH_REG_ATTR_NUM, 64));
    cr_assert_null(shared_multi_heap_aligned_alloc(SMH_REG_ATTR_NUM, 64, 64));
    cr_assert_null(shared_multi_heap_realloc(SMH_REG_ATTR_NUM, block, 100));
    cr_assert_null(shared_multi_heap_realloc(SMH_REG_ATTR_NUM, block, 0));
    cr_assert_eq(smh_pool_stats(smh_shared_pool(), SMH_ATTR_ANY, &stats), 0);
    cr_assert_eq(stats.failed_requests, 0);
    cr_assert_eq(stats.live_blocks, 1, "not freed either");
}

Test(shared_multi_heap, its_lock_is_taken_and_given_back_when_it_is_initialised)
{
    pthread_mutexattr_t attr;

    (void)pthread_mutexattr_init(&attr);
    (void)pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK); /* misuse is a panic */
    (void)pthread_mutex_init((pthread_mutex_t *)(void *)smh_shared_pool()->lock.words, &attr);
    cr_assert_eq(shared_multi_heap_pool_init(), 0);
    cr_assert_eq(shared_multi_heap_pool_init(), -EALREADY);
    cr_assert_eq(add(SMH_REG_ATTR_CACHEABLE, 0, 0x1000), 0);
}
