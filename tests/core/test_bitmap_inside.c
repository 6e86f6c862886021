/* test_bitmap_inside.c: the bitmap's words: what stands inside long chunks, and what is read of
 * words that no chunk writes.
 *
 * Owns: a bitmap between pages that trap, longer than the second milestones are apart.
 *
 *     |traps| 0 | word 0 | word 1 | ...                                       | heads |traps|
 *             '- the word of zeros in front of the first
 */
#include "../../src/engine/bitmap_layout.h"
#include "trap.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <smh/heap.h>
#include <string.h>

#define BITS   SMH_BITMAP_BITS
#define SECOND (BITS * BITS) /* words between milestones of the second kind */
#define WORDS  (2 * SECOND + 256)
#define ALL    (~(smh_bitmap_word)0)

static struct smh_heap heap;
static struct smh_bitmap *map;
static smh_bitmap_word *words;
static uint32_t no_lists[15]; /* a head for each size of a class of its own */

static void set_up(void)
{
    size_t bytes = ((WORDS + 1) * sizeof(*words) + 4095) / 4096 * 4096;

    memset(&heap, 0, sizeof(heap));
    words = (smh_bitmap_word *)(void *)(trap_end(bytes) - bytes) + 1;
    map = smh_bitmap_of(&heap);
    map->words = words;
    map->base = 0x10000;
    map->unit_shift = 3;
    map->exact = 15;
    map->heads = no_lists;
    heap.metadata = (uint8_t *)no_lists;
    heap.metadata_size = sizeof(no_lists);
    heap.step_shift = 3;
}

TestSuite(bitmap_inside, .init = set_up);

static void clear(void)
{
    memset(words - 1, 0, (WORDS + 1) * sizeof(*words));
    map->reserve = 0;
    map->reserve_end = 0;
    map->end = WORDS * BITS - 2;
    map->units = map->end - SMH_BITMAP_FIRST;
}

/* --- inside ----------------------------------------------------------------------------------- */

static bool is_milestone(uint32_t index, uint32_t first)
{
    for (uint32_t step = BITS; step <= SECOND; step *= BITS) {
        if (index % step == 0 && index - step <= first + 1) {
            return true; /* the first behind the descriptor */
        }
    }
    return false;
}

/* | mark | 0 | n | 0 ... | milestone | 0 ... | n | 0 | next | */
static smh_bitmap_word expected_word(uint32_t index, uint32_t first, uint32_t after)
{
    if (after < first + 3 || index <= first || index + 1 >= after) {
        return 0;
    }
    if (index == first + 1 || index + 2 == after) {
        return SMH_BITMAP_DESCRIPTOR + (after - first);
    }
    return is_milestone(index, first) ? SMH_BITMAP_DESCRIPTOR + (index - first) : 0;
}

static const uint32_t firsts[] = {1,          2,        BITS - 2,   BITS - 1,
                                  BITS,       BITS + 1, SECOND - 3, SECOND - 2,
                                  SECOND - 1, SECOND,   SECOND + 1, SECOND + 60};
static const uint32_t afters[] = {2,
                                  3,
                                  4,
                                  5,
                                  6,
                                  BITS,
                                  BITS + 1,
                                  BITS + 2,
                                  BITS + 3,
                                  BITS + 4,
                                  2 * BITS,
                                  SECOND - 1,
                                  SECOND,
                                  SECOND + 1,
                                  SECOND + 2,
                                  SECOND + 3,
                                  SECOND + 4,
                                  SECOND + 5,
                                  SECOND + 6,
                                  SECOND + 90,
                                  2 * SECOND,
                                  2 * SECOND + 2,
                                  2 * SECOND + 3,
                                  WORDS - 1};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

Test(bitmap_inside, descriptors_and_milestones_stand_where_the_picture_says_and_go_again)
{
    for (size_t i = 0; i < COUNT(firsts); i++) {
        for (size_t k = 0; k < COUNT(afters); k++) {
            uint32_t first = firsts[i];
            uint32_t after = afters[k];
            uint32_t mark = first * BITS - 1 - (uint32_t)k;
            uint32_t end = after * BITS + (uint32_t)i;

            if (after < first) {
                continue;
            }
            smh_bitmap_describe(map, mark, end, true);
            for (uint32_t index = 0; index < WORDS; index++) {
                if (words[index] != expected_word(index, first, after)) {
                    cr_assert_fail("word %u of the inside from %u to %u", index, first, after);
                }
            }
            smh_bitmap_describe(map, mark, end, false);
            cr_assert_eq(memcmp(words, words - 1, WORDS * sizeof(*words)), 0, "all are zero again");
        }
    }
}

/* | sentinel, a block | the chunk: its marks in word first - 1, its end in word after | a block |
 */
static void write_long(uint32_t first, uint32_t after, bool is_free)
{
    uint32_t at = first * BITS - 7;
    uint32_t end = after * BITS + 5;

    clear();
    map->end = end + 2;
    map->units = map->end - SMH_BITMAP_FIRST;
    words[0] = 2 | (smh_bitmap_word)1 << SMH_BITMAP_FIRST;
    smh_bitmap_describe(map, SMH_BITMAP_FIRST, at, true);
    smh_bitmap_flip(map, at, is_free ? 3 : 1);
    smh_bitmap_describe(map, is_free ? at + 1 : at, end, true);
    smh_bitmap_flip(map, end, 1);
    smh_bitmap_flip(map, map->end, 1);
}

static int verdict_at(uint32_t bit)
{
    return smh_bitmap_verdict(&heap, (const void *)(map->base + (uintptr_t)bit * 8));
}

/* Every word of the lead and of the chunk, or, of many, those around milestones. */
static void judge_long(uint32_t first, uint32_t after, bool is_free)
{
    uint32_t at = first * BITS - 7;
    uint32_t end = after * BITS + 5;

    cr_assert_eq(verdict_at(SMH_BITMAP_FIRST), 0);
    cr_assert_eq(verdict_at(at), is_free ? -EALREADY : 0);
    cr_assert_eq(verdict_at(end), 0);
    cr_assert_eq(smh_bitmap_is_free_start(map, at), is_free);
    cr_assert_eq(smh_bitmap_is_used_start(map, at), !is_free);
    cr_assert_eq(smh_bitmap_next(map, is_free ? at + 1 : at), end);
    cr_assert_eq(smh_bitmap_previous(map, end), is_free ? at + 1 : at);
    for (uint32_t bit = SMH_BITMAP_FIRST + 1; bit < end; bit += 3) {
        uint32_t index = bit / BITS;
        bool near =
            index % BITS < 3 || index % BITS > BITS - 3 || index - first < 4 || after - index < 4;

        if (bit != at && (near || index % 29 == 0)) {
            cr_assert_eq(verdict_at(bit), bit > at && is_free ? -EALREADY : -EINVAL,
                         "bit %u of word %u, inside from %u to %u", bit, index, first, after);
        }
    }
}

Test(bitmap_inside, every_unit_of_the_longest_chunks_gets_its_verdict_and_both_ends_are_found)
{
    static const uint32_t pairs[][2] = {{1, 4},
                                        {2, 2 * BITS + 1},
                                        {BITS - 1, 3 * BITS},
                                        {100, 109},
                                        {BITS, BITS + 2}, /* two words, the second no descriptor */
                                        {BITS - 1, BITS + 1},
                                        {BITS, SECOND + 2 * BITS + 2},
                                        {5, 2 * SECOND + 70},
                                        {SECOND - 1, 2 * SECOND + 3},
                                        {2 * SECOND, 2 * SECOND + 9}};

    for (size_t i = 0; i < COUNT(pairs); i++) {
        for (unsigned is_free = 0; is_free < 2; is_free++) {
            write_long(pairs[i][0], pairs[i][1], is_free != 0);
            judge_long(pairs[i][0], pairs[i][1], is_free != 0);
        }
    }
}

/* The validator knows them by other means than those that write them. */
Test(bitmap_inside, the_validator_wants_each_descriptor_and_milestone_and_no_other_word)
{
    static const uint32_t pairs[][2] = {{BITS - 1, 3 * BITS},
                                        {BITS - 2, 2 * BITS},
                                        {5, SECOND + 2 * BITS},
                                        {SECOND - 1, 2 * SECOND + 3},
                                        {3, 2 * SECOND + 90}};
    struct smh_fault fault;

    for (size_t i = 0; i < COUNT(pairs); i++) {
        uint32_t first = pairs[i][0];

        write_long(first, pairs[i][1], false);
        cr_assert_eq(smh_bitmap_check(&heap, &fault), 0, "%s", fault.rule);
        for (uint32_t index = first; index < pairs[i][1]; index++) {
            smh_bitmap_word sound = words[index];

            if (sound == 0 && index % 61 != 0) {
                continue;
            }
            words[index] = sound == 0 ? SMH_BITMAP_DESCRIPTOR + (index - first) : 0;
            cr_assert_eq(smh_bitmap_check(&heap, &fault), -EINVAL);
            cr_assert_str_eq(fault.rule,
                             "a long chunk has its descriptors and milestones, else zeros");
            words[index] = sound;
        }
    }
}

/* --- words that are damaged ------------------------------------------------------------------- */

Test(bitmap_inside, a_descriptor_that_leads_past_the_last_word_counts_as_the_end)
{
    for (uint32_t last = 3; last < 4 * BITS; last += 31) {
        clear();
        map->end = last * BITS + 7;
        smh_bitmap_flip(map, map->end, 1);
        map->reserve = 2 * BITS; /* not to be taken for the end */
        map->reserve_end = 3 * BITS;
        for (uint32_t count = 2; count < 5 * BITS; count++) {
            words[2] = SMH_BITMAP_DESCRIPTOR + count;
            cr_assert_eq(smh_bitmap_next(map, 5), 1 + count >= last ? map->end : 3 * BITS,
                         "a count of %u, %u words", count, last);
        }
        words[2] = ALL;
        cr_assert_eq(smh_bitmap_next(map, 5), map->end);
    }
}

/* | ... 1 0 0, the sentinel lost | heads: zeros, ones, some bits | */
Test(bitmap_inside,
     a_last_chunk_whose_sentinel_is_lost_ends_where_memory_does_whatever_the_heads_are)
{
    static const smh_bitmap_word heads[][3] = {{0, 0, 0}, {0, 0, 8},   {0, 8, 0},  {8, 0, 0},
                                               {1, 0, 0}, {0, ALL, 0}, {0, ALL, 8}};

    for (uint32_t bit = 3; bit + 2 < 3 * BITS; bit++) {
        uint32_t last = bit / BITS;

        for (size_t i = 0; i < COUNT(heads); i++) {
            clear();
            map->end = bit + 2 < (last + 1) * BITS ? bit + 2 : (last + 1) * BITS - 1;
            memcpy(&words[last + 1], heads[i], sizeof(heads[i]));
            cr_assert_eq(smh_bitmap_next(map, bit), map->end, "bit %u, heads %zu", bit, i);
        }
    }
}

/* | reserve | 1 0 0 0, the next mark lost | 0 | 0 | ... */
Test(bitmap_inside, a_block_behind_the_reserve_whose_end_is_lost_ends_where_memory_does)
{
    clear();
    map->reserve = SMH_BITMAP_FIRST;
    for (uint32_t bit = 20; bit < 3 * BITS; bit++) {
        map->reserve_end = bit;
        cr_assert_eq(smh_bitmap_next(map, bit), map->end);
        cr_assert_eq(smh_bitmap_next(map, SMH_BITMAP_FIRST + 1), bit, "that of the reserve is not");
    }
}

Test(bitmap_inside, where_all_words_below_are_zero_lies_the_reserve_if_it_starts_there_or_nothing)
{
    for (unsigned front = 0; front < 2; front++) {
        clear();
        words[-1] = front == 0 ? 0 : ALL; /* no word of the bitmap */
        for (uint32_t start = SMH_BITMAP_FIRST; start < 3 * BITS; start++) {
            map->reserve = 0;
            cr_assert_eq(smh_bitmap_previous(map, start), 1, "the sentinel is there");
            for (uint32_t reserve = start - 3; reserve < start + 3; reserve++) {
                map->reserve = reserve;
                cr_assert_eq(smh_bitmap_previous(map, start),
                             reserve + 1 < start ? reserve + 1 : 1);
            }
        }
    }
}

/* | 1 at 3 | 1 at B + 5 | count | 0 | start */
Test(bitmap_inside, a_descriptor_that_leads_before_the_first_word_leads_to_the_first)
{
    clear();
    words[-1] = ALL;
    words[0] = 8;
    words[1] = 32;
    for (uint32_t count = 2; count < 500; count++) {
        words[2] = SMH_BITMAP_DESCRIPTOR + count;
        cr_assert_eq(smh_bitmap_previous(map, 4 * BITS), count == 2 ? BITS + 5 : 3);
    }
    words[2] = SMH_BITMAP_DESCRIPTOR + 1; /* to itself */
    cr_assert_eq(smh_bitmap_previous(map, 4 * BITS), 3 * BITS - 1);
    words[2] = SMH_BITMAP_DESCRIPTOR;
    cr_assert_eq(smh_bitmap_previous(map, 4 * BITS), 3);
    words[2] = ALL;
    cr_assert_eq(smh_bitmap_previous(map, 4 * BITS), 3);
}

/* | free chunk at 3 | block at B + 5 | count | 0 | 0, here */
Test(bitmap_inside,
     a_pointer_behind_a_descriptor_that_leads_before_the_first_word_is_judged_by_that)
{
    clear();
    words[0] = 0x18;
    words[1] = 32;
    for (uint32_t count = 0; count < 500; count++) {
        words[2] = SMH_BITMAP_DESCRIPTOR + count;
        cr_assert_eq(verdict_at(4 * BITS + 9), count == 0 ? -EINVAL : -EALREADY, "count %u", count);
    }
    words[2] = ALL;
    cr_assert_eq(verdict_at(4 * BITS + 9), -EALREADY);
}

/* | 0 | 0 | ... or no mark in the first word */
Test(bitmap_inside, a_pointer_with_no_mark_in_any_word_below_is_in_no_free_chunk)
{
    clear();
    for (uint32_t bit = SMH_BITMAP_FIRST; bit < 70 * BITS; bit++) {
        cr_assert_eq(verdict_at(bit), -EINVAL, "bit %u", bit);
    }
}

/* | 4: a block | 5: a free chunk | other marks | 2 | 0 | 0, here */
Test(bitmap_inside, a_descriptor_next_to_marks_counts_for_as_many_words_as_it_says)
{
    clear();
    words[4] = 8;
    words[5] = 8 + 16;
    words[6] = 2;
    words[7] = SMH_BITMAP_DESCRIPTOR + 2;
    cr_assert_eq(verdict_at(9 * BITS + 9), -EINVAL, "by word 4");
    words[6] = 0; /* next to it, as it should be: then it is the first of its chunk */
    cr_assert_eq(verdict_at(9 * BITS + 9), -EALREADY, "by word 5");
}

/* | 3: a free chunk | 0 | 0 | 0 | 3 | another, here | marks */
Test(bitmap_inside, a_descriptor_next_to_another_counts_for_as_many_words_as_it_says)
{
    clear();
    words[3] = 8 + 16;
    words[7] = SMH_BITMAP_DESCRIPTOR + 3;
    words[8] = SMH_BITMAP_DESCRIPTOR + 3;
    words[9] = 8;
    cr_assert_eq(verdict_at(8 * BITS + 9), -EALREADY, "by word 3");
}

/* Bits 0 to 2 are the sentinel's; those from `end` on the other's. */
Test(bitmap_inside, no_block_starts_at_a_sentinel_whatever_its_bits_are)
{
    for (smh_bitmap_word bits = 0; bits < 16; bits++) {
        clear();
        map->end = BITS + 9;
        words[0] = bits;
        words[1] = bits << 7;
        for (uint32_t bit = 0; bit < SMH_BITMAP_FIRST; bit++) {
            cr_assert_eq(verdict_at(bit), -EINVAL);
            cr_assert_eq(verdict_at(map->end + bit), -EINVAL);
        }
    }
}

/* Bits 0 to 2 are 0 1 0, but damaged may be anything; nothing before them is asked for. */
Test(bitmap_inside, with_no_mark_in_the_first_word_the_bits_before_the_first_chunk_decide)
{
    clear();
    for (smh_bitmap_word bits = 0; bits < 8; bits++) {
        bool run_of_two = bits == 6; /* 0 1 1 */

        words[0] = bits;
        for (uint32_t bit = SMH_BITMAP_FIRST + 1; bit < BITS; bit++) {
            cr_assert_eq(verdict_at(bit), run_of_two ? -EALREADY : -EINVAL, "bits %u",
                         (unsigned)bits);
        }
        cr_assert_eq(smh_bitmap_mark_is_free(map, 0), false);
        cr_assert_eq(smh_bitmap_mark_is_free(map, 1), false);
        cr_assert_eq(smh_bitmap_mark_is_free(map, 2), (bits & 3) == 2);
    }
    words[0] = ALL; /* a descriptor holds no marks: the word's begin counts as one */
    cr_assert_eq(verdict_at(BITS - 1), -EALREADY);
}

/* --- one word --------------------------------------------------------------------------------- */

Test(bitmap_inside, up_to_three_bits_are_inverted_at_any_place_and_none_beside_them)
{
    for (uint32_t at = 0; at < 2 * BITS; at++) {
        for (smh_bitmap_word pattern = 0; pattern < 8; pattern++) {
            clear();
            words[at / BITS + 1] = 0x50; /* stays but for the bits */
            smh_bitmap_flip(map, at, pattern);
            for (uint32_t bit = 0; bit < 3 * BITS + 9; bit++) {
                bool before = bit / BITS == at / BITS + 1 &&
                              ((0x50u >> bit % BITS % 32) & 1) != 0 && bit % BITS < 8;
                bool inverted = bit >= at && bit < at + 3 && ((pattern >> (bit - at)) & 1) != 0;

                cr_assert_eq(smh_bitmap_test(map, bit), before != inverted);
            }
        }
    }
}

Test(bitmap_inside, descriptors_are_the_words_that_begin_with_ones_down_to_the_count)
{
    smh_bitmap_word least = ALL << SMH_BITMAP_COUNT_BITS;

    cr_expect(smh_bitmap_is_descriptor(ALL));
    cr_expect(smh_bitmap_is_descriptor(least));
    cr_expect_not(smh_bitmap_is_descriptor(least - 1));
    cr_expect_not(smh_bitmap_is_descriptor(0));
}
