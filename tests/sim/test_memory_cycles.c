/* test_memory_cycles.c: what each access costs, to the cycle, computed by hand from memory.h.
 *
 * memory_rig.h draws the machine: L1 hit 1, memory 10, uncached 7; with L2: + 3 a visit. Lines a,
 * b, c, ... of 16 bytes from offset 0; a, c, e, g share a set of 2 ways.
 */
#include "memory_rig.h"

#include <criterion/criterion.h>

static struct rig rig;

static void open_default(void)
{
    rig_default(&rig);
    rig_open(&rig);
}

static void close_rig(void)
{
    rig_close(&rig);
}

enum { a = 0, b = 16, c = 32, d = 48, e = 64, f = 80, g = 96, i = 128 };

TestSuite(memory_cycles, .fini = close_rig);

Test(memory_cycles, a_load_that_misses_costs_the_look_and_memory_then_hits)
{
    open_default();
    cr_expect_eq(rig_load(&rig, a, 4), 1 + 10);
    cr_expect_eq(rig_load(&rig, a + 12, 4), 1);
    cr_expect_eq(rig_load(&rig, b, 4), 1 + 10);
}

/* |....|....|....|....|   a load of 16 bytes at a: four words, the first fetches the line */
Test(memory_cycles, each_word_of_a_wide_load_costs_a_hit)
{
    open_default();
    cr_expect_eq(rig_load(&rig, a, 16), 10 + 4 * 1);
    cr_expect_eq(rig_load(&rig, a, 16), 4 * 1);
}
