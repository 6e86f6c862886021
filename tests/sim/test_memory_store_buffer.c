/* test_memory_store_buffer.c: stores that wait, to the cycle, computed by hand from memory.h.
 *
 * memory_rig.h draws the machine: L1 hit 1, memory 10; region 1 uncached, 7. Two entries.
 */
#include "memory_rig.h"

#include <criterion/criterion.h>

static struct rig rig;

static void prepare(void)
{
    rig_default(&rig);
    rig.config.store_buffer = 2;
}

static void close_rig(void)
{
    rig_close(&rig);
}

TestSuite(store_buffer, .init = prepare, .fini = close_rig);

/*          store 0   store 4   store 8           barrier
 * core     0..1      1..2      2...7 full ..8    8.....21
 * head     0 0..7              4 7..14           8 14..21  */
Test(store_buffer, a_full_buffer_waits_for_its_head_and_a_barrier_for_all)
{
    rig_open(&rig);
    rig.region = 1;
    cr_expect_eq(rig_store(&rig, 0, 4, 1), 1);
    cr_expect_eq(rig_store(&rig, 4, 4, 1), 1);
    cr_expect_eq(rig_store(&rig, 8, 4, 1), (7 - 2) + 1);
    cr_expect_eq(rig_do(&rig, SMH_ACCESS_BARRIER, 0, 0, 0), 21 - 8);
    cr_expect_eq(rig_do(&rig, SMH_ACCESS_BARRIER, 0, 0, 0), 0);
}

/* Two words each second: 0..1, 1..2, then 2..7 full, 7..8, 8..14 full, 14..15 */
Test(store_buffer, each_word_of_a_wide_store_takes_an_entry)
{
    rig_open(&rig);
    rig.region = 1;
    cr_expect_eq(rig_store(&rig, 0, 16, 1), 15);
    cr_expect_eq(rig_do(&rig, SMH_ACCESS_BARRIER, 0, 0, 0), 28 - 15);
}

Test(store_buffer, an_entry_is_free_again_once_its_cost_has_passed)
{
    rig_open(&rig);
    rig.region = 1;
    cr_expect_eq(rig_store(&rig, 0, 4, 1), 1);      /* core 0..1, head 0..7 */
    cr_expect_eq(rig_load(&rig, 32, 4), 7);         /* 1..8 */
    cr_expect_eq(rig_store(&rig, 4, 4, 1), 1);      /* 8..9, head 8..15 */
    cr_expect_eq(rig_store(&rig, 8, 4, 1), 1);      /* 9..10 */
    cr_expect_eq(rig_store(&rig, 12, 4, 1), 5 + 1); /* waits 10..15 */
}

/* store 0   0..1, head 0..7;  load 0: waits 1..7, then 7..14 */
Test(store_buffer, a_load_waits_for_a_pending_store_to_its_word)
{
    rig_open(&rig);
    rig.region = 1;
    cr_expect_eq(rig_store(&rig, 0, 4, 1), 1);
    cr_expect_eq(rig_load(&rig, 2, 1), (7 - 1) + 7);
    cr_expect_eq(smh_memory_wrong_offset(rig.memory), UINT64_MAX);
}

/* store 0   0..1, head 0..7;  store 0   1..2, head 7..14;  load 0: waits 2..14 */
Test(store_buffer, a_load_waits_for_the_youngest_of_several)
{
    rig_open(&rig);
    rig.region = 1;
    (void)rig_store(&rig, 0, 4, 1);
    (void)rig_store(&rig, 0, 4, 2);
    cr_expect_eq(rig_load(&rig, 0, 4), (14 - 2) + 7);
    cr_expect_eq(smh_memory_wrong_offset(rig.memory), UINT64_MAX);
}

Test(store_buffer, a_load_of_another_word_does_not_wait)
{
    rig_open(&rig);
    rig.region = 1;
    (void)rig_store(&rig, 0, 4, 1);
    cr_expect_eq(rig_load(&rig, 4, 4), 7);
}

/* 8 bytes at 0, of which 4..8 is pending: the first word at once, 1..8; the second waits for
 * nothing any more: the head was done at 7 */
Test(store_buffer, a_wide_load_waits_word_by_word)
{
    rig_open(&rig);
    rig.region = 1;
    (void)rig_store(&rig, 4, 4, 1);
    cr_expect_eq(rig_load(&rig, 0, 8), 7 + 7);
}

/* store a   0..1, head 0..11 (misses);  store a+4   1..2, head 11..12 (hits) */
Test(store_buffer, an_entry_costs_what_its_store_costs_when_it_is_carried_out)
{
    rig_open(&rig);
    (void)rig_store(&rig, 0, 4, 1);
    (void)rig_store(&rig, 4, 4, 1);
    cr_expect_eq(rig_do(&rig, SMH_ACCESS_BARRIER, 0, 0, 0), 12 - 2);
    struct smh_memory_counters counters = rig_counters(&rig, 0);
    cr_expect_eq(counters.stores, 2);
    cr_expect_eq(counters.store_misses, 1);
}

Test(store_buffer, a_wide_store_counts_once_when_its_last_word_is_carried_out)
{
    rig_open(&rig);
    (void)rig_store(&rig, 0, 8, 1);
    cr_expect_eq(rig_counters(&rig, 0).stores, 0);
    (void)rig_load(&rig, 64, 4);
    (void)rig_do(&rig, SMH_ACCESS_BARRIER, 0, 0, 0);
    cr_expect_eq(rig_counters(&rig, 0).stores, 1);
    cr_expect_eq(rig_counters(&rig, 0).store_misses, 1);
    cr_expect_eq(rig_counters(&rig, 0).loads, 1);
    cr_expect_eq(rig_counters(&rig, 0).load_misses, 1);
}

Test(store_buffer, maintenance_waits_for_pending_stores_to_its_line)
{
    rig_open(&rig);
    (void)rig_store(&rig, 0, 4, 1);
    (void)rig_store(&rig, 4, 4, 2); /* core 2, heads 0..11, 11..12 */
    cr_expect_eq(rig_do(&rig, SMH_ACCESS_CLEAN, 64, 4, 0), 1, "another line");
    cr_expect_eq(rig_do(&rig, SMH_ACCESS_CLEAN, 0, 4, 0), (12 - 3) + 1 + 10);
    cr_expect_eq(rig_device_sees(&rig, 0), 1);
    cr_expect_eq(rig_device_sees(&rig, 4), 2);
}

/* The head is carried out at once; what waits behind it nobody but the core sees. */
Test(store_buffer, a_device_does_not_see_what_waits_behind_the_head)
{
    rig_open(&rig);
    rig.region = 1;
    (void)rig_store(&rig, 0, 4, 1);
    (void)rig_store(&rig, 4, 4, 2);
    cr_expect_eq(rig_device_read(&rig, 0, 8), 4, "byte 4 is stale");
    cr_expect_eq(rig_device_sees(&rig, 4), 0);
    cr_expect_eq(rig_core_sees(&rig, 4), 2);
    (void)rig_do(&rig, SMH_ACCESS_BARRIER, 0, 0, 0);
    cr_expect_eq(rig_device_read(&rig, 0, 8), UINT64_MAX);
}

Test(store_buffer, a_store_keeps_the_bytes_it_was_given)
{
    rig_open(&rig);
    rig.region = 1;
    (void)rig_store(&rig, 0, 4, 1);
    (void)rig_store(&rig, 4, 4, 2);
    rig.truth[1][4] = 9; /* by a later store, not yet made */
    (void)rig_do(&rig, SMH_ACCESS_BARRIER, 0, 0, 0);
    cr_expect_eq(rig_device_sees(&rig, 4), 2);
}

/* The alias is another address: the load passes the pending store, and reads memory. */
Test(store_buffer, a_load_through_the_alias_does_not_wait)
{
    rig.config.l1.write_allocate = false;
    rig_open(&rig);
    (void)rig_store(&rig, 0, 4, 1);
    (void)rig_store(&rig, 4, 4, 2); /* waits until 11 */
    rig.uncached = true;
    cr_expect_eq(rig_load(&rig, 4, 4), 10);
    cr_expect_eq(smh_memory_wrong_offset(rig.memory), 4);
}

Test(store_buffer, time_passes_for_each_core_by_itself)
{
    rig.config.cores = 2;
    rig_open(&rig);
    rig.region = 1;
    (void)rig_store(&rig, 0, 4, 1);
    (void)rig_store(&rig, 4, 4, 2);
    rig.core = 1;
    cr_expect_eq(rig_load(&rig, 64, 64), 16 * 7);
    cr_expect_eq(rig_load(&rig, 4, 4), 7);
    cr_expect_eq(smh_memory_wrong_offset(rig.memory), 4);
    cr_expect_eq(rig_store(&rig, 8, 4, 3), 1, "its own buffer");
}
