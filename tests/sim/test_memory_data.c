/* test_memory_data.c: which bytes are read, coherent and not.
 *
 * memory_rig.h draws the machine. Each sequence that goes wrong reads exactly the stale byte that
 * hardware would give; its repair reads the truth.
 */
#include "memory_rig.h"

#include <criterion/criterion.h>
#include <string.h>

#define ALL_TRUE UINT64_MAX

static struct rig rig;

enum { a = 0, b = 16, c = 32, e = 64, g = 96 };

static void prepare(void)
{
    rig_default(&rig);
}

static void close_rig(void)
{
    rig_close(&rig);
}

TestSuite(memory_data, .init = prepare, .fini = close_rig);

static uint64_t wrong_of_load(uint64_t offset, uint64_t bytes)
{
    (void)rig_load(&rig, offset, bytes);
    return smh_memory_wrong_offset(rig.memory);
}

Test(memory_data, a_device_reads_what_was_there_before_a_store_that_is_not_cleaned)
{
    rig_open(&rig);
    rig_device_write(&rig, a, 16, 0x11);
    (void)rig_store(&rig, a + 4, 4, 0x22);
    cr_expect_eq(rig_device_read(&rig, a, 16), 4);
    cr_expect_eq(rig_device_sees(&rig, a + 4), 0x11);
    (void)rig_do(&rig, SMH_ACCESS_CLEAN, a, 16, 0);
    cr_expect_eq(rig_device_read(&rig, a, 16), ALL_TRUE);
}

Test(memory_data, a_core_reads_a_line_fetched_before_the_device_wrote_until_it_is_invalidated)
{
    rig_open(&rig);
    rig_device_write(&rig, a, 16, 0x11);
    cr_expect_eq(wrong_of_load(a, 16), ALL_TRUE);
    rig_device_write(&rig, a + 8, 8, 0x22);
    cr_expect_eq(wrong_of_load(a, 16), 8);
    cr_expect_eq(rig_core_sees(&rig, a + 8), 0x11);
    (void)rig_do(&rig, SMH_ACCESS_INVALIDATE, a, 16, 0);
    cr_expect_eq(wrong_of_load(a, 16), ALL_TRUE);
}

/* The line is dirty in byte 0; its eviction writes all 16 over what the device wrote. */
Test(memory_data, a_dirty_line_that_leaves_clobbers_what_a_device_wrote_beside)
{
    rig_open(&rig);
    (void)rig_store(&rig, a, 1, 0x11);
    rig_device_write(&rig, a + 8, 8, 0x22);
    cr_expect_eq(rig_device_read(&rig, a + 8, 8), ALL_TRUE);
    (void)rig_load(&rig, c, 4);
    (void)rig_load(&rig, e, 4); /* a leaves */
    cr_expect_eq(rig_device_read(&rig, a + 8, 8), a + 8);
    cr_expect_eq(rig_device_sees(&rig, a + 8), 0);
    cr_expect_eq(rig_device_sees(&rig, a), 0x11);
}

Test(memory_data, an_invalidate_loses_what_was_dirty_beside)
{
    rig_open(&rig);
    (void)rig_store(&rig, a, 4, 0x11);
    (void)rig_do(&rig, SMH_ACCESS_INVALIDATE, a + 8, 8, 0);
    cr_expect_eq(wrong_of_load(a, 4), a);
    cr_expect_eq(rig_core_sees(&rig, a), 0);
}

Test(memory_data, the_alias_sees_memory_and_the_cache_does_not_see_the_alias)
{
    rig_open(&rig);
    (void)rig_store(&rig, a, 4, 0x11);
    rig.uncached = true;
    cr_expect_eq(wrong_of_load(a, 4), a);
    (void)rig_store(&rig, a + 4, 4, 0x22);
    rig.uncached = false;
    cr_expect_eq(wrong_of_load(a, 8), a + 4);
    cr_expect_eq(rig_core_sees(&rig, a + 4), 0);
}

Test(memory_data, private_caches_do_not_see_each_other)
{
    rig.config.cores = 2;
    rig_open(&rig);
    (void)rig_store(&rig, a, 4, 0x11);
    rig.core = 1;
    cr_expect_eq(wrong_of_load(a, 4), a);
    rig.core = 0;
    (void)rig_do(&rig, SMH_ACCESS_CLEAN, a, 4, 0);
    rig.core = 1;
    cr_expect_eq(wrong_of_load(a, 4), a, "fetched too early");
    (void)rig_do(&rig, SMH_ACCESS_INVALIDATE, a, 4, 0);
    cr_expect_eq(wrong_of_load(a, 4), ALL_TRUE);
}

Test(memory_data, the_other_core_sees_what_has_reached_the_shared_l2)
{
    rig.config.cores = 2;
    rig_add_l2(&rig);
    rig_open(&rig);
    (void)rig_store(&rig, a, 4, 0x11);
    (void)rig_load(&rig, c, 4);
    (void)rig_load(&rig, e, 4); /* a leaves L1 for L2 */
    rig.core = 1;
    cr_expect_eq(wrong_of_load(a, 4), ALL_TRUE);
    cr_expect_eq(rig_device_read(&rig, a, 4), a, "a device does not");
}

Test(memory_data, a_driver_made_for_shorter_lines_still_reaches_all_lines)
{
    rig_open(&rig);
    (void)rig_store(&rig, a, 64, 0x11);
    (void)rig_do(&rig, SMH_ACCESS_FLUSH, a, 64, 8);
    cr_expect_eq(rig_device_read(&rig, a, 64), ALL_TRUE);
}

Test(memory_data, a_driver_made_for_longer_lines_skips_every_second_line)
{
    rig_open(&rig);
    (void)rig_store(&rig, a, 64, 0x11);
    (void)rig_do(&rig, SMH_ACCESS_FLUSH, a, 64, 32);
    cr_expect_eq(rig_device_read(&rig, a, 16), ALL_TRUE);
    cr_expect_eq(rig_device_read(&rig, a, 64), b);
}

Test(memory_data, bytes_that_nobody_has_stored_are_never_wrong)
{
    rig_open(&rig);
    memset(rig.truth[0], 0x77, sizeof rig.truth[0]);
    cr_expect_eq(wrong_of_load(a, 64), ALL_TRUE);
    cr_expect_eq(rig_device_read(&rig, a, 64), ALL_TRUE);
}

Test(memory_data, forgotten_bytes_are_not_wrong_until_they_are_stored_again)
{
    rig_open(&rig);
    (void)rig_store(&rig, a, 64, 0x11);
    smh_memory_forget(rig.memory, 0, 3, 50); /* 3..52 */
    cr_expect_eq(rig_device_read(&rig, 3, 50), ALL_TRUE);
    cr_expect_eq(rig_device_read(&rig, 0, 64), 0);
    cr_expect_eq(rig_device_read(&rig, 3, 61), 53);
    (void)rig_store(&rig, 20, 1, 0x22);
    cr_expect_eq(rig_device_read(&rig, 3, 50), 20);
}

Test(memory_data, forgetting_moves_nothing)
{
    rig_open(&rig);
    (void)rig_store(&rig, a, 4, 0x11);
    smh_memory_forget(rig.memory, 0, 0, RIG_BYTES);
    rig_device_write(&rig, a, 4, 0x22);
    (void)rig_load(&rig, c, 4);
    (void)rig_load(&rig, e, 4); /* the dirty line still leaves over it */
    cr_expect_eq(rig_device_read(&rig, a, 4), a);
    cr_expect_eq(rig_device_sees(&rig, a), 0x11);
}

/* 0x1000   0x1008                       0x1010
 *    |  other   |  region 0, base 0x1008   |        the line begins before the region */
Test(memory_data, a_line_that_crosses_a_regions_edge_holds_the_regions_bytes_alone)
{
    rig.regions[0].base = 0x1008;
    rig.regions[0].size = 20; /* 8 bytes of one line, 12 of the next */
    rig.regions[1].base = 0x1008 + 20;
    rig.regions[1].cache = SMH_CACHE_WRITE_BACK;
    rig_open(&rig);
    cr_expect_eq(rig_store(&rig, 0, 20, 0x11), 5 + 2 * 10);
    (void)rig_do(&rig, SMH_ACCESS_FLUSH, 0, 20, 64);
    cr_expect_eq(rig_device_read(&rig, 0, 20), 8, "a step that begins before the region");
    rig.region = 1;
    (void)rig_store(&rig, 0, 4, 0x22);
    rig.region = 0;
    (void)rig_do(&rig, SMH_ACCESS_FLUSH, 0, 20, 0);
    cr_expect_eq(rig_device_read(&rig, 0, 20), ALL_TRUE);
    rig.region = 1;
    cr_expect_eq(rig_device_read(&rig, 0, 4), 0, "the other region's line is another");
}

Test(memory_data, a_view_moves_nothing)
{
    rig_open(&rig);
    (void)rig_store(&rig, a, 4, 0x11);
    (void)rig_core_sees(&rig, g);
    cr_expect_eq(rig_load(&rig, g, 4), 11);
    cr_expect_eq(rig_counters(&rig, 0).loads, 1);
}

Test(memory_data, an_l2_without_an_l1_is_refused)
{
    struct rig other;
    uint8_t *truth[2] = {other.truth[0], other.truth[1]};
    uint64_t sizes[2] = {RIG_BYTES, RIG_BYTES};
    struct smh_error error = {""};
    rig_open(&rig);
    rig_default(&other);
    rig_add_l2(&other);
    other.config.l1.size_bytes = 0;
    other.config.regions = other.regions;
    cr_expect_null(smh_memory_open(&other.config, truth, sizes, &error));
    cr_expect(strstr(error.message, "L2") != NULL);
}

Test(memory_data, big_regions_cost_nothing_until_they_are_used)
{
    rig_open(&rig);
    struct smh_region_config big = rig.regions[0];
    struct smh_machine_config config = rig.config;
    uint64_t size = (uint64_t)1 << 36;
    uint8_t *truth = rig.truth[0]; /* its first page alone is used */
    struct smh_error error;
    big.size = size;
    truth[0] = 0x11;
    config.regions = &big;
    config.region_count = 1;
    struct smh_memory *memory = smh_memory_open(&config, &truth, &size, &error);
    cr_assert_not_null(memory, "%s", error.message);
    struct smh_access access = {.bytes = 4, .kind = SMH_ACCESS_STORE};
    cr_expect_eq(smh_memory_access(memory, &access), 11);
    smh_memory_forget(memory, 0, 1, size - 1);
    access.kind = SMH_ACCESS_DMA_READ;
    (void)smh_memory_access(memory, &access);
    cr_expect_eq(smh_memory_wrong_offset(memory), 0, "still dirty in the cache");
    smh_memory_close(memory);
}
