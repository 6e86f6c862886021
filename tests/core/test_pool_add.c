/* test_pool_add.c: regions that are taken, regions that are refused, and why. */
#include <criterion/criterion.h>
#include <smh/pool.h>
#include <smh/port.h>
#include <stdlib.h>
#include <string.h>

static _Alignas(4096) uint8_t memory[8 * 4096];
static struct smh_pool pool;

static void set_up(void)
{
    cr_assert_eq(smh_pool_init(&pool, NULL), 0);
}

TestSuite(pool_add, .init = set_up);

static struct smh_region region_at(size_t offset, size_t size)
{
    return (struct smh_region){.attr = 1,
                               .addr = (uintptr_t)memory + offset,
                               .size = size,
                               .engine = &smh_engine_first_fit};
}

static int add(size_t offset, size_t size)
{
    struct smh_region region = region_at(offset, size);

    return smh_pool_add(&pool, &region);
}

static void is_refused(const struct smh_region *region, int why)
{
    size_t count = smh_pool_region_count(&pool);

    cr_expect_eq(smh_pool_add(&pool, region), why, "%d", smh_pool_add(&pool, region));
    cr_expect_eq(smh_pool_region_count(&pool), count);
    cr_expect_eq(smh_pool_check(&pool, NULL, NULL), 0);
}

Test(pool_add, a_region_is_copied_and_read_back)
{
    struct smh_region region = region_at(4096, 4096);
    const struct smh_region *added;

    region.name = "sram";
    region.user_data = &pool;
    region.cost = 7;
    cr_assert_eq(smh_pool_add(&pool, &region), 0);
    region.attr = 99;
    added = smh_pool_region_at(&pool, 0);
    cr_assert_eq(added->attr, 1);
    cr_assert_eq(added->addr, (uintptr_t)memory + 4096);
    cr_assert_eq(added->size, 4096);
    cr_assert_str_eq(added->name, "sram");
    cr_assert_eq(added->user_data, &pool);
    cr_assert_eq(added->cost, 7);
    cr_assert_eq(smh_pool_region_of(&pool, memory + 5000), added);
    cr_assert_eq(smh_pool_heap_at(&pool, 0)->memory, memory + 4096);
}

Test(pool_add, null_and_size_0_are_invalid)
{
    struct smh_region region = region_at(0, 0);

    is_refused(&region, -EINVAL);
    is_refused(NULL, -EINVAL);
    region = region_at(0, 4096);
    cr_assert_eq(smh_pool_add(NULL, &region), -EINVAL);
}

Test(pool_add, a_null_or_misaligned_address_is_a_fault)
{
    struct smh_region region = region_at(0, 4096);

    region.addr = 0;
    is_refused(&region, -EFAULT);
    for (size_t shift = 1; shift < 8; shift++) {
        region = region_at(shift, 4096);
        is_refused(&region, -EFAULT);
    }
    cr_assert_eq(add(8, 4096), 0);
}

Test(pool_add, a_region_that_wraps_is_refused)
{
    struct smh_region region = region_at(0, SIZE_MAX);

    is_refused(&region, -EOVERFLOW);
    region.addr = UINTPTR_MAX - 4095;
    region.size = 4096;
    is_refused(&region, -EOVERFLOW);
}

Test(pool_add, overlap_is_refused_however_regions_overlap)
{
    static const struct {
        size_t offset;
        size_t size;
    } overlapping[] = {
        {8192, 4096},  /* the same */
        {8192, 8},     /* its first bytes */
        {12280, 8},    /* its last bytes */
        {9000, 104},   /* inside */
        {4096, 4104},  /* into its front */
        {12280, 4096}, /* out of its back */
        {4096, 16384}, /* around it */
    };

    cr_assert_eq(add(8192, 4096), 0);
    for (size_t i = 0; i < sizeof(overlapping) / sizeof(overlapping[0]); i++) {
        struct smh_region region = region_at(overlapping[i].offset, overlapping[i].size);

        is_refused(&region, -EEXIST);
    }
    cr_assert_eq(add(4096, 4096), 0, "side by side is fine");
    cr_assert_eq(add(12288, 4096), 0);
    cr_assert_eq(add(16384, 4096), 0);
}

Test(pool_add, a_refused_region_does_not_touch_the_memory_of_others)
{
    void *block;

    cr_assert_eq(add(8192, 4096), 0);
    block = smh_pool_alloc(&pool, 1, 4000);
    memset(block, 0xab, 4000);
    cr_assert_eq(add(4096, 8192), -EEXIST);
    for (size_t i = 0; i < 4000; i++) {
        cr_assert_eq(((uint8_t *)block)[i], 0xab);
    }
}

Test(pool_add, the_limit_is_the_number_of_slots)
{
    for (size_t i = 0; i < SMH_POOL_REGION_COUNT; i++) {
        cr_assert_eq(add(i * 64, 64), 0);
    }
    cr_assert_eq(add(4096, 64), -ENOSPC);
    cr_assert_eq(smh_pool_region_count(&pool), SMH_POOL_REGION_COUNT);
}

Test(pool_add, slots_of_ones_own_set_the_limit)
{
    struct smh_pool_slot slots[100];
    struct smh_pool_config config = {.slots = slots, .slot_count = 100};

    cr_assert_eq(smh_pool_init(&pool, &config), 0);
    for (size_t i = 0; i < 100; i++) {
        cr_assert_eq(add(i * 64, 64), 0);
    }
    cr_assert_eq(add(100 * 64, 64), -ENOSPC);
    for (size_t i = 0; i < 6400; i++) {
        cr_assert_eq(smh_pool_index_of(&pool, memory + i), (int)(i / 64));
    }
    cr_assert_eq(smh_pool_index_of(&pool, memory + 6400), -ENOENT);
}

Test(pool_add, what_the_heap_refuses_the_pool_refuses)
{
    struct smh_region region = region_at(0, 8);

    is_refused(&region, -ENOMEM);
    region = region_at(0, 4096);
    region.granule = 24;
    is_refused(&region, -EINVAL);
    region.granule = 0;
    region.target_bits = 16;
    is_refused(&region, -EINVAL);
    region.target_bits = 0;
    region.metadata = memory + 8192;
    region.metadata_size = 3;
    is_refused(&region, -ENOMEM);
    region.metadata = memory + 8;
    region.metadata_size = 1024;
    is_refused(&region, -EINVAL);
}

Test(pool_add, reasons_are_told_in_the_order_documented)
{
    struct smh_region region = region_at(0, 0);

    for (size_t i = 0; i < SMH_POOL_REGION_COUNT; i++) {
        cr_assert_eq(add(i * 64, 64), 0);
    }
    region.addr = 1; /* size 0, misaligned, ... */
    region.granule = 3;
    is_refused(&region, -EINVAL);
    region.size = SIZE_MAX; /* misaligned, wraps, ... */
    is_refused(&region, -EFAULT);
    region.addr = (uintptr_t)memory; /* wraps, overlaps, ... */
    is_refused(&region, -EOVERFLOW);
    region.size = 8; /* overlaps, no slot, ... */
    is_refused(&region, -EEXIST);
    region.addr = (uintptr_t)memory + 4096; /* no slot, bad granule, too small */
    is_refused(&region, -ENOSPC);
}

Test(pool_add, metadata_may_lie_in_another_region)
{
    struct smh_region region = region_at(4096, 4096);

    cr_assert_eq(add(0, 4096), 0);
    region.metadata = smh_pool_alloc(&pool, 1, 256);
    region.metadata_size = 256;
    region.attr = 2;
    cr_assert_eq(smh_pool_add(&pool, &region), 0);
    cr_assert_not_null(smh_pool_alloc(&pool, 2, 1000));
    cr_assert_eq(smh_pool_check(&pool, NULL, NULL), 0);
}

Test(pool_init, bad_configurations_are_refused)
{
    struct smh_pool_slot slot;
    struct smh_policy policy = {.name = "none"};
    struct smh_pool_config config = {.slots = &slot};

    cr_assert_eq(smh_pool_init(NULL, NULL), -EINVAL);
    cr_assert_eq(smh_pool_init(&pool, &config), -EINVAL);
    config.slot_count = 65536;
    cr_assert_eq(smh_pool_init(&pool, &config), -EINVAL);
    config.slot_count = 1;
    config.policy = &policy;
    cr_assert_eq(smh_pool_init(&pool, &config), -EINVAL);
    cr_assert_eq(smh_pool_region_count(&pool), 0);
    config.policy = NULL;
    cr_assert_eq(smh_pool_init(&pool, &config), 0);
}

static void is_no_pool(struct smh_pool *none)
{
    struct smh_region region = region_at(0, 4096);
    struct smh_stats stats;
    uint32_t attr = 1;

    cr_expect_eq(smh_pool_add(none, &region), -EINVAL);
    cr_expect_null(smh_pool_alloc(none, 1, 8));
    cr_expect_null(smh_pool_aligned_alloc(none, 1, 16, 8));
    cr_expect_null(smh_pool_calloc(none, 1, 8, 8));
    cr_expect_null(smh_pool_realloc(none, 1, NULL, 8));
    cr_expect_null(smh_pool_realloc(none, 1, memory, 8));
    cr_expect_null(smh_pool_realloc(none, 1, memory, 0));
    cr_expect_null(smh_pool_aligned_realloc(none, 1, memory, 16, 8));
    cr_expect_null(smh_pool_alloc_prefer(none, &attr, 1, 0, 8));
    cr_expect_eq(smh_pool_free(none, memory), -ENOENT);
    cr_expect_eq(smh_pool_free(none, NULL), 0);
    cr_expect_eq(smh_pool_verdict(none, memory), -ENOENT);
    cr_expect_eq(smh_pool_usable_size(none, memory), 0);
    cr_expect_null(smh_pool_region_of(none, memory));
    cr_expect_eq(smh_pool_index_of(none, memory), -ENOENT);
    cr_expect_eq(smh_pool_stats(none, SMH_ATTR_ANY, &stats), -EINVAL);
    cr_expect_eq(smh_pool_region_count(none), 0);
    cr_expect_null(smh_pool_region_at(none, 0));
    cr_expect_null(smh_pool_heap_at(none, 0));
    cr_expect_eq(smh_pool_check(none, NULL, NULL), -EINVAL);
}

Test(pool_init, an_all_zero_pool_answers_everything_and_serves_nothing)
{
    memset(&pool, 0, sizeof(pool));
    is_no_pool(&pool);
}

Test(pool_init, a_null_pool_answers_everything_and_serves_nothing)
{
    is_no_pool(NULL);
}
