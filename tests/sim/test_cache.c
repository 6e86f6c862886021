/* test_cache.c: which line a set gives up, against sequences worked out by hand.
 *
 * One set; lines A, B, C, ... are numbers from 0. A sequence is a word: each letter uses its line,
 * and enters it when it is not there. What comes of it is a word too: for each letter '.' for a
 * hit, '-' for a miss that found an empty way, or the letter of the line that was given up.
 */
#include "../../sim/machine/cache.h"

#include <criterion/criterion.h>
#include <string.h>

static struct smh_cache cache;

static void close_cache(void)
{
    smh_cache_close(&cache);
}

TestSuite(cache, .fini = close_cache);

static void expect(const char *uses, const char *expected)
{
    char got[64] = "";
    for (size_t i = 0; uses[i] != '\0'; i++) {
        uint64_t line = (uint64_t)(uses[i] - 'A');
        uint64_t victim;
        if (smh_cache_touch(&cache, line) != SMH_CACHE_NO_SLOT) {
            got[i] = '.';
            continue;
        }
        (void)smh_cache_place(&cache, line, &victim);
        got[i] = victim == SMH_CACHE_NO_LINE ? '-' : (char)('A' + victim);
    }
    cr_expect_str_eq(got, expected, "%s: got %s, expected %s", uses, got, expected);
}

Test(cache, lru_gives_up_the_line_not_used_for_longest)
{
    smh_cache_open(&cache, 1, 3, SMH_REPLACE_LRU, true);
    /*      order, latest first:  A, BA, CBA, ACB, DAC, BDA, ABD, CAB, EC A */
    expect("ABCADBACE", "---.BC.DB");
}

Test(cache, lru_of_one_way_gives_up_the_only_line)
{
    smh_cache_open(&cache, 1, 1, SMH_REPLACE_LRU, true);
    expect("ABBA", "-A.B");
}

/* Root 1 over 2 and 3; 2 over ways 0, 1; 3 over 2, 3. < or > points to the older half.
 *
 *              ways  A B C D
 *   A B C D    1<  2<  3<        victim A
 *   use A      1>  2>  3<        victim C; LRU would say B
 *   E over C   1<  2>  3>        victim B
 *   F over B   1>  2<  3>        victim D
 *   use A      1>  2>  3>        victim D
 *   G over D   1<  2>  3<        victim F (in B's way) */
Test(cache, plru_of_four_ways_follows_its_three_bits)
{
    smh_cache_open(&cache, 1, 4, SMH_REPLACE_PLRU, true);
    expect("ABCDAEFAGH", "----.CB.DF");
}

/* Leaves 0..5 of 8: 1 over 2 and 3; 2 over 4 (A, B) and 5 (C, D); 3 over 6 (E, F) and nothing.
 *
 *   A..F       1<  2<  4<  5<  6<   3 leads left    victim A
 *   use A      1>  2>  4>                           victim E: 3 has no right half
 *   G over E   1<  6>                               victim C (2>, 5<)
 *   H over C   1>  2<  5>                           victim F (3, 6>)
 *   I over F   1<  6<                               victim B (2<, 4>) */
Test(cache, plru_of_six_ways_never_points_where_no_way_is)
{
    smh_cache_open(&cache, 1, 6, SMH_REPLACE_PLRU, true);
    expect("ABCDEFAGHIJ", "------.ECFB");
}

Test(cache, every_policy_fills_empty_ways_before_it_gives_a_line_up)
{
    for (enum smh_cache_replacement r = SMH_REPLACE_LRU; r <= SMH_REPLACE_RANDOM; r++) {
        smh_cache_open(&cache, 1, 5, r, true);
        expect("ABCDEABCDE", "-----.....");
        cr_expect_neq(smh_cache_drop(&cache, 1), SMH_CACHE_NO_SLOT);
        cr_expect_neq(smh_cache_drop(&cache, 3), SMH_CACHE_NO_SLOT);
        cr_expect_eq(smh_cache_drop(&cache, 3), SMH_CACHE_NO_SLOT);
        cr_expect_eq(cache.valid_count, 3);
        expect("FG", "--");
        expect("ACEFG", ".....");
        smh_cache_close(&cache);
    }
    smh_cache_open(&cache, 1, 1, SMH_REPLACE_LRU, true);
}

Test(cache, a_dropped_line_leaves_the_order_of_the_others)
{
    smh_cache_open(&cache, 1, 4, SMH_REPLACE_LRU, true);
    expect("ABCD", "----");
    (void)smh_cache_drop(&cache, 1);
    expect("E", "-");
    expect("FGH", "ACD");
}

Test(cache, random_gives_up_every_way_and_depends_on_the_seed_alone)
{
    enum { COUNT = 4000 };
    static uint64_t victims[2][COUNT];
    unsigned counts[4] = {0};
    for (unsigned run = 0; run < 2; run++) {
        smh_cache_open(&cache, 1, 4, SMH_REPLACE_RANDOM, true);
        smh_cache_set_seed(&cache, 7, 1);
        uint64_t victim;
        for (uint64_t line = 0; line < COUNT + 4; line++) {
            uint32_t slot = smh_cache_place(&cache, line, &victim);
            counts[slot] += line >= 4;
            victims[run][line >= 4 ? line - 4 : 0] = victim;
        }
        smh_cache_close(&cache);
    }
    cr_expect_arr_eq(victims[0], victims[1], sizeof victims[0]);
    for (unsigned way = 0; way < 4; way++) { /* 2000 each; 200 is more than 5 deviations */
        cr_expect(counts[way] > 1800 && counts[way] < 2200, "way %u: %u", way, counts[way]);
    }
    smh_cache_open(&cache, 1, 1, SMH_REPLACE_LRU, true);
}

Test(cache, a_line_keeps_its_slot_until_it_is_dropped)
{
    smh_cache_open(&cache, 2, 3, SMH_REPLACE_LRU, true);
    uint32_t slots[6];
    uint64_t victim;
    for (uint64_t line = 0; line < 6; line++) {
        slots[line] = smh_cache_place(&cache, line, &victim);
        cr_expect_eq(slots[line] / 3, line % 2, "in its set");
    }
    for (uint64_t i = 0; i < 30; i++) {
        uint64_t line = i * 5 % 6;
        cr_expect_eq(smh_cache_touch(&cache, line), slots[line]);
        cr_expect_eq(smh_cache_find(&cache, line), slots[line]);
    }
}

Test(cache, counting_alone_gives_the_same_hits_as_lru_with_slots)
{
    struct smh_cache counting;
    struct smh_random random;
    smh_cache_open(&cache, 8, 4, SMH_REPLACE_LRU, true);
    smh_cache_open(&counting, 8, 4, SMH_REPLACE_LRU, false);
    smh_random_init(&random, 3, 0);
    unsigned hits = 0;
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t line = smh_random_below(&random, 48);
        uint64_t victim;
        bool hit = smh_cache_touch(&cache, line) != SMH_CACHE_NO_SLOT;
        if (!hit) {
            (void)smh_cache_place(&cache, line, &victim);
        }
        cr_assert_eq(smh_cache_count(&counting, line), hit);
        hits += hit;
    }
    cr_expect(hits > 5000 && hits < 19000);
    smh_cache_close(&counting);
}
