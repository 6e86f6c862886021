/* test_memory_cycles.c: what each access costs, to the cycle, computed by hand from memory.h.
 *
 * memory_rig.h draws the machine: L1 hit 1, memory 10, uncached 7; with L2: + 3 a visit. Sums are
 * in the order in which things happen: look at L1, at L2, memory, victims.
 *
 *     line      a  b  c  d  e  f  g  h  i ...  m
 *     L1 set    0  1  0  1  0  1  0  1  0      0      2 ways
 *     L2 set    0  1  2  3  0  1  2  3  0      0      2 ways
 */
#include "memory_rig.h"

#include <criterion/criterion.h>

static struct rig rig;

enum { a = 0, b = 16, c = 32, e = 64, f = 80, g = 96, i = 128, m = 192 };

static void prepare(void)
{
    rig_default(&rig);
}

static void close_rig(void)
{
    rig_close(&rig);
}

TestSuite(memory_cycles, .init = prepare, .fini = close_rig);

Test(memory_cycles, a_load_that_misses_costs_the_look_and_memory_then_hits)
{
    rig_open(&rig);
    cr_expect_eq(rig_load(&rig, a, 4), 1 + 10);
    cr_expect_eq(rig_load(&rig, a + 12, 4), 1);
    cr_expect_eq(rig_load(&rig, b, 4), 1 + 10);
}

/* |....|....|....|....|   16 bytes at a: four words, the first fetches the line */
Test(memory_cycles, each_word_of_a_wide_load_costs_a_hit)
{
    rig_open(&rig);
    cr_expect_eq(rig_load(&rig, a, 16), 10 + 4 * 1);
    cr_expect_eq(rig_load(&rig, a, 16), 4 * 1);
}

/* 12   14  16   18
 *  |....|..|..|....|      4 bytes at 14: the last word of a, the first of b
 *     a       b     */
Test(memory_cycles, a_load_that_straddles_two_lines_pays_for_both)
{
    rig_open(&rig);
    cr_expect_eq(rig_load(&rig, 14, 4), (1 + 10) + (1 + 10));
    cr_expect_eq(rig_load(&rig, 14, 4), 1 + 1);
    cr_expect_eq(rig_counters(&rig, 0).loads, 2, "an access counts once");
    cr_expect_eq(rig_counters(&rig, 0).load_misses, 1);
    cr_expect_eq(rig_counters(&rig, 0).fills, 2);
}

Test(memory_cycles, an_unaligned_load_inside_a_line_pays_for_each_word_it_touches)
{
    rig_open(&rig);
    cr_expect_eq(rig_load(&rig, 2, 4), (1 + 10) + 1); /* bytes 2..5: words 0 and 4 */
    cr_expect_eq(rig_load(&rig, 3, 6), 3 * 1);        /* bytes 3..8: words 0, 4 and 8 */
    cr_expect_eq(rig_load(&rig, 3, 1), 1);
}

Test(memory_cycles, a_64_bit_core_moves_8_bytes_a_word)
{
    rig.config.target_bits = 64;
    rig_open(&rig);
    cr_expect_eq(rig_load(&rig, a, 16), 10 + 2 * 1);
}

Test(memory_cycles, words_are_no_longer_than_lines)
{
    rig.config.target_bits = 64;
    rig.config.line_bytes = 4;
    rig_open(&rig);
    cr_expect_eq(rig_load(&rig, a, 8), 2 * (1 + 10));
}

/* store a   load c    load e               load g
 * [a']      [c a']    [e c]  a' leaves     [g e]  c leaves clean */
Test(memory_cycles, a_dirty_victim_costs_a_write_to_memory_a_clean_one_nothing)
{
    rig_open(&rig);
    cr_expect_eq(rig_store(&rig, a, 4, 0xa1), 1 + 10);
    cr_expect_eq(rig_store(&rig, a, 8, 0xa2), 1 + 1);
    cr_expect_eq(rig_load(&rig, c, 4), 1 + 10);
    cr_expect_eq(rig_device_sees(&rig, a), 0);
    cr_expect_eq(rig_load(&rig, e, 4), 1 + 10 + 10);
    cr_expect_eq(rig_device_sees(&rig, a), 0xa2);
    cr_expect_eq(rig_load(&rig, g, 4), 1 + 10);
    cr_expect_eq(rig_counters(&rig, 0).write_backs, 1);
}

Test(memory_cycles, a_dirty_victim_is_written_at_the_cost_of_its_own_region)
{
    rig.regions[1].cache = SMH_CACHE_WRITE_BACK;
    rig_open(&rig);
    rig.region = 1;
    cr_expect_eq(rig_store(&rig, a, 4, 1), 1 + 7);
    rig.region = 0;
    cr_expect_eq(rig_load(&rig, a, 4), 1 + 10);
    cr_expect_eq(rig_load(&rig, c, 4), 1 + 10 + 7);
}

Test(memory_cycles, a_store_that_misses_without_allocation_goes_to_memory_word_by_word)
{
    rig.config.l1.write_allocate = false;
    rig_open(&rig);
    cr_expect_eq(rig_store(&rig, a, 4, 1), 1 + 10);
    cr_expect_eq(rig_store(&rig, a, 8, 2), 2 * (1 + 10));
    cr_expect_eq(rig_device_sees(&rig, a), 2);
    cr_expect_eq(rig_load(&rig, a, 4), 1 + 10);
    cr_expect_eq(rig_store(&rig, a, 4, 3), 1);
    cr_expect_eq(rig_device_sees(&rig, a), 2);
    cr_expect_eq(rig_counters(&rig, 0).store_misses, 2);
}

Test(memory_cycles, a_written_through_store_always_pays_for_memory)
{
    rig.config.l1.policy = SMH_CACHE_WRITE_THROUGH;
    rig.config.l1.write_allocate = false;
    rig_open(&rig);
    cr_expect_eq(rig_store(&rig, a, 16, 1), 4 * (1 + 10));
    cr_expect_eq(rig_load(&rig, a, 4), 1 + 10, "no line came");
    cr_expect_eq(rig_store(&rig, a, 4, 2), 1 + 10);
    cr_expect_eq(rig_device_sees(&rig, a), 2);
    cr_expect_eq(rig_load(&rig, a, 4), 1);
    cr_expect_eq(rig_core_sees(&rig, a), 2);
}

Test(memory_cycles, a_written_through_store_that_allocates_pays_for_the_fetch_too)
{
    rig.config.l1.policy = SMH_CACHE_WRITE_THROUGH;
    rig_open(&rig);
    cr_expect_eq(rig_store(&rig, a, 4, 1), 1 + 10 + 10);
    cr_expect_eq(rig_store(&rig, a, 4, 1), 1 + 10);
    cr_expect_eq(rig_load(&rig, a, 4), 1);
}

Test(memory_cycles, a_write_through_region_of_a_write_back_cache_does_not_allocate)
{
    rig.regions[0].cache = SMH_CACHE_WRITE_THROUGH;
    rig_open(&rig);
    cr_expect_eq(rig_store(&rig, a, 4, 1), 1 + 10);
    cr_expect_eq(rig_store(&rig, a, 4, 1), 1 + 10);
    cr_expect_eq(rig_load(&rig, a, 4), 1 + 10);
}

Test(memory_cycles, an_uncached_access_costs_its_region_a_word)
{
    rig_open(&rig);
    rig.region = 1;
    cr_expect_eq(rig_load(&rig, 0, 4), 7);
    cr_expect_eq(rig_store(&rig, 0, 16, 1), 4 * 7);
    cr_expect_eq(rig_load(&rig, 3, 2), 2 * 7);
    cr_expect_eq(rig_counters(&rig, 0).loads, 0, "uncached accesses count nowhere");
}

Test(memory_cycles, an_access_through_the_uncached_alias_touches_no_cache)
{
    rig_open(&rig);
    cr_expect_eq(rig_load(&rig, a, 4), 1 + 10);
    rig.uncached = true;
    cr_expect_eq(rig_load(&rig, a, 4), 10);
    cr_expect_eq(rig_store(&rig, a, 8, 1), 2 * 10);
}

Test(memory_cycles, without_caches_all_memory_is_uncached)
{
    rig.config.l1 = (struct smh_cache_config){0};
    rig_open(&rig);
    cr_expect_eq(rig_load(&rig, a, 8), 2 * 10);
    cr_expect_eq(rig_do(&rig, SMH_ACCESS_FLUSH, a, 64, 0), 0);
}

Test(memory_cycles, each_core_has_its_own_l1)
{
    rig.config.cores = 2;
    rig_open(&rig);
    cr_expect_eq(rig_load(&rig, a, 4), 1 + 10);
    rig.core = 1;
    cr_expect_eq(rig_load(&rig, a, 4), 1 + 10);
    cr_expect_eq(rig_load(&rig, a, 4), 1);
}

/* L1 [e c], L2 set 0 [e a], set 2 [c]: a is still in L2 */
Test(memory_cycles, l2_is_looked_at_when_l1_misses)
{
    rig_add_l2(&rig);
    rig_open(&rig);
    cr_expect_eq(rig_load(&rig, a, 4), 1 + 3 + 10);
    cr_expect_eq(rig_load(&rig, c, 4), 1 + 3 + 10);
    cr_expect_eq(rig_load(&rig, e, 4), 1 + 3 + 10);
    cr_expect_eq(rig_load(&rig, a, 16), 3 + 4 * 1);
    cr_expect_eq(rig_counters(&rig, 1).loads, 4);
    cr_expect_eq(rig_counters(&rig, 1).load_misses, 3);
}

Test(memory_cycles, the_cores_share_l2)
{
    rig.config.cores = 2;
    rig_add_l2(&rig);
    rig_open(&rig);
    cr_expect_eq(rig_load(&rig, a, 4), 1 + 3 + 10);
    rig.core = 1;
    cr_expect_eq(rig_load(&rig, a, 4), 1 + 3);
}

/*              store a  load c   load e         load i          load m
 * L1 set 0     [a']     [c a']   [e c]          [i e]           [m i]
 * L2 set 0     [a]      [a]      [a' e]         [i a']          [m i]
 *                                a' over a      e leaves, clean a' leaves, to memory */
Test(memory_cycles, a_dirty_victim_of_l1_goes_to_l2_and_from_there_to_memory)
{
    rig_add_l2(&rig);
    rig_open(&rig);
    cr_expect_eq(rig_store(&rig, a, 4, 0xa1), 1 + 3 + 10);
    cr_expect_eq(rig_load(&rig, c, 4), 1 + 3 + 10);
    cr_expect_eq(rig_load(&rig, e, 4), 1 + 3 + 10 + 3);
    cr_expect_eq(rig_device_sees(&rig, a), 0);
    cr_expect_eq(rig_core_sees(&rig, a), 0xa1);
    cr_expect_eq(rig_load(&rig, i, 4), 1 + 3 + 10);
    cr_expect_eq(rig_load(&rig, m, 4), 1 + 3 + 10 + 10);
    cr_expect_eq(rig_device_sees(&rig, a), 0xa1);
    cr_expect_eq(rig_counters(&rig, 0).write_backs, 1);
    cr_expect_eq(rig_counters(&rig, 1).write_backs, 1);
}

/*              store a  load e   load a   load i          load e
 * L1 set 0     [a']     [e a']   [a' e]   [i a']          [e i]     a' leaves
 * L2 set 0     [a]      [e a]    [e a]    [i e] a leaves  [a' e] or [e i] */
static uint64_t cost_of_a_victim_that_l2_gave_up(bool allocate)
{
    rig_add_l2(&rig);
    rig.config.l2.write_allocate = allocate;
    rig_open(&rig);
    cr_expect_eq(rig_store(&rig, a, 4, 0xa1), 1 + 3 + 10);
    cr_expect_eq(rig_load(&rig, e, 4), 1 + 3 + 10);
    cr_expect_eq(rig_load(&rig, a, 4), 1);
    cr_expect_eq(rig_load(&rig, i, 4), 1 + 3 + 10);
    return rig_load(&rig, e, 4);
}

Test(memory_cycles, a_dirty_victim_that_l2_gave_up_enters_l2_without_a_fetch)
{
    cr_expect_eq(cost_of_a_victim_that_l2_gave_up(true), 1 + 3 + 3);
    cr_expect_eq(rig_device_sees(&rig, a), 0);
    cr_expect_eq(rig_core_sees(&rig, a), 0xa1);
}

Test(memory_cycles, where_l2_does_not_allocate_such_a_victim_goes_to_memory)
{
    cr_expect_eq(cost_of_a_victim_that_l2_gave_up(false), 1 + 3 + 3 + 10);
    cr_expect_eq(rig_device_sees(&rig, a), 0xa1);
}

/* As above, with i' dirty in L2 (core 1 stored and gave it up): a' displaces it. */
Test(memory_cycles, what_a_victim_of_l1_displaces_in_l2_is_written_back_too)
{
    rig.config.cores = 2;
    rig_add_l2(&rig);
    rig_open(&rig);
    cr_expect_eq(rig_store(&rig, a, 4, 0xa1), 1 + 3 + 10); /* L2 [a]   */
    cr_expect_eq(rig_load(&rig, e, 4), 1 + 3 + 10);        /* L2 [e a] */
    cr_expect_eq(rig_load(&rig, a, 4), 1);                 /* L1 [a' e] */
    rig.core = 1;
    cr_expect_eq(rig_store(&rig, i, 4, 0x11), 1 + 3 + 10); /* L2 [i e] */
    cr_expect_eq(rig_load(&rig, c, 4), 1 + 3 + 10);
    cr_expect_eq(rig_load(&rig, g, 4), 1 + 3 + 10 + 3); /* L2 [i' e] */
    rig.core = 0;
    cr_expect_eq(rig_load(&rig, i, 4), 1 + 3); /* L1 [i a'], L2 [i' e] */
    cr_expect_eq(rig_load(&rig, e, 4), 1 + 3 + 3 + 10);
    /* L1 [e i]; L2 [e i'] as e is fetched first, then [a' e]: i' leaves */
    cr_expect_eq(rig_device_sees(&rig, i), 0x11);
}

Test(memory_cycles, a_store_through_l1_stays_in_a_write_back_l2)
{
    rig_add_l2(&rig);
    rig.config.l1.policy = SMH_CACHE_WRITE_THROUGH;
    rig.config.l1.write_allocate = false;
    rig_open(&rig);
    cr_expect_eq(rig_store(&rig, a, 8, 1), (1 + 3 + 10) + (1 + 3));
    cr_expect_eq(rig_device_sees(&rig, a), 0);
    cr_expect_eq(rig_load(&rig, a, 4), 1 + 3);
    cr_expect_eq(rig_counters(&rig, 1).stores, 1);
    cr_expect_eq(rig_counters(&rig, 1).store_misses, 1);
}

Test(memory_cycles, a_store_past_both_levels_goes_to_memory)
{
    rig_add_l2(&rig);
    rig.config.l1.write_allocate = false;
    rig.config.l2.write_allocate = false;
    rig_open(&rig);
    cr_expect_eq(rig_store(&rig, a, 8, 1), 2 * (1 + 3 + 10));
    cr_expect_eq(rig_device_sees(&rig, a), 1);
}

Test(memory_cycles, a_write_through_region_is_written_through_both_levels)
{
    rig_add_l2(&rig);
    rig.regions[0].cache = SMH_CACHE_WRITE_THROUGH;
    rig_open(&rig);
    cr_expect_eq(rig_load(&rig, a, 4), 1 + 3 + 10);
    cr_expect_eq(rig_store(&rig, a, 4, 1), 1 + 3 + 10);
    cr_expect_eq(rig_device_sees(&rig, a), 1);
}

Test(memory_cycles, maintenance_pays_for_each_look_and_each_line_written)
{
    rig_open(&rig);
    cr_expect_eq(rig_store(&rig, a, 4, 1), 11);
    cr_expect_eq(rig_do(&rig, SMH_ACCESS_CLEAN, a, 64, 0), 4 * 1 + 10);
    cr_expect_eq(rig_do(&rig, SMH_ACCESS_CLEAN, a, 64, 0), 4 * 1);
    cr_expect_eq(rig_load(&rig, a, 4), 1, "clean keeps the line");
    cr_expect_eq(rig_store(&rig, a, 4, 2), 1);
    cr_expect_eq(rig_do(&rig, SMH_ACCESS_FLUSH, a + 15, 1, 0), 1 + 10);
    cr_expect_eq(rig_load(&rig, a, 4), 1 + 10, "flush does not");
    cr_expect_eq(rig_store(&rig, a, 4, 3), 1);
    cr_expect_eq(rig_do(&rig, SMH_ACCESS_INVALIDATE, a + 8, 16, 0), 2 * 1);
    cr_expect_eq(rig_load(&rig, a, 4), 1 + 10);
}

/* lines   |   a   |   b   |   c   |   d   |     driver's steps of 32 look at a and c,
 * steps   ^               ^                     of 8 twice at each                    */
Test(memory_cycles, maintenance_looks_once_a_step_of_its_driver)
{
    rig_open(&rig);
    (void)rig_store(&rig, b, 4, 1);
    cr_expect_eq(rig_do(&rig, SMH_ACCESS_CLEAN, a, 64, 32), 2 * 1);
    cr_expect_eq(rig_device_sees(&rig, b), 0, "b is skipped");
    cr_expect_eq(rig_do(&rig, SMH_ACCESS_CLEAN, b, 16, 32), 1, "rounded down to a");
    cr_expect_eq(rig_device_sees(&rig, b), 0);
    cr_expect_eq(rig_do(&rig, SMH_ACCESS_CLEAN, b, 16, 8), 2 * 1 + 10);
    cr_expect_eq(rig_device_sees(&rig, b), 1);
}

Test(memory_cycles, maintenance_reaches_through_l2_to_memory)
{
    rig_add_l2(&rig);
    rig_open(&rig);
    (void)rig_store(&rig, a, 4, 1);
    cr_expect_eq(rig_do(&rig, SMH_ACCESS_CLEAN, a, 4, 0), 1 + 3 + 10);
    (void)rig_store(&rig, a, 4, 2);
    (void)rig_load(&rig, c, 4);
    (void)rig_load(&rig, e, 4); /* a' is now in L2 alone */
    cr_expect_eq(rig_do(&rig, SMH_ACCESS_FLUSH, a, 4, 0), 1 + 3 + 10);
    cr_expect_eq(rig_device_sees(&rig, a), 2);
    cr_expect_eq(rig_load(&rig, a, 4), 1 + 3 + 10);
}

/* Evicted before each access, for nothing: each misses. */
Test(memory_cycles, freedom_costs_nothing_itself)
{
    rig_open(&rig);
    smh_memory_set_freedom(rig.memory, &(struct smh_memory_freedom){1, 1000, 0});
    for (int round = 0; round < 10; round++) {
        cr_expect_eq(rig_store(&rig, a, 4, (uint8_t)round), 1 + 10);
        cr_expect_eq(rig_load(&rig, a, 4), 1 + 10);
        cr_expect_eq(smh_memory_wrong_offset(rig.memory), UINT64_MAX);
    }
    cr_expect_eq(rig_counters(&rig, 0).write_backs, 10);
}
