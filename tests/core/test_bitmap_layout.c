/* test_bitmap_layout.c: the encoding of chunks in bits, over every short sequence of chunks.
 *
 * Owns: a bitmap written chunk by chunk, and what should be read from it.
 *
 *     | sentinel | lead: a block | four chunks of 2 to 5 units each | tail: a block |
 *
 * The lead's length is varied, so that each sequence meets word borders at each of its bits.
 */
#include "../../src/engine/bitmap_layout.h"

#include <criterion/criterion.h>
#include <string.h>

#define WORDS 16u

struct bench {
    smh_bitmap_word words[WORDS]; /* a zero in front */
    struct smh_bitmap map;
    uint32_t starts[64];
    bool frees[64];
    uint32_t count;
    unsigned long sequences;
};

static struct bench bench;

static void write_chunk(uint32_t at, uint32_t end, bool is_free)
{
    smh_bitmap_flip(&bench.map, at, is_free ? 3 : 1);
    smh_bitmap_describe(&bench.map, is_free ? at + 1 : at, end, true);
}

static void judge_bit(uint32_t at, bool used_start, bool free_start)
{
    cr_assert_eq(smh_bitmap_is_used_start(&bench.map, at), used_start, "bit %u", at);
    cr_assert_eq(smh_bitmap_is_free_start(&bench.map, at), free_start, "bit %u", at);
}

/* Writes the chunks noted, reads everything back. */
static void judge_sequence(void)
{
    uint32_t end = bench.starts[bench.count];

    memset(bench.words, 0, sizeof(bench.words));
    bench.words[1] = 2;
    bench.map.words = bench.words + 1;
    bench.map.end = end;
    smh_bitmap_flip(&bench.map, end, 1);
    for (uint32_t i = 0; i < bench.count; i++) {
        write_chunk(bench.starts[i], bench.starts[i + 1], bench.frees[i]);
    }
    for (uint32_t i = 0; i < bench.count; i++) {
        uint32_t at = bench.starts[i];
        uint32_t mark = bench.frees[i] ? at + 1 : at;
        uint32_t next = bench.starts[i + 1];

        cr_assert_eq(smh_bitmap_next(&bench.map, mark), next);
        cr_assert_eq(smh_bitmap_previous(&bench.map, next), mark);
        cr_assert_eq(smh_bitmap_mark_is_free(&bench.map, mark), bench.frees[i]);
        cr_assert_eq(smh_bitmap_test(&bench.map, at + 1), bench.frees[i]);
        judge_bit(at, !bench.frees[i], bench.frees[i]);
        for (uint32_t bit = at + 1; bit < next; bit++) {
            judge_bit(bit, false, false);
        }
    }
    bench.sequences++;
}

/* Every four chunks between the lead and a tail: the digits of a counter choose them. */
static void judge_all(uint32_t lead, uint32_t tail)
{
    /* A digit: size 2 to 5, used or free. */
    for (uint32_t code = 0; code < 8u * 8u * 8u * 8u; code++) {
        uint32_t at = SMH_BITMAP_FIRST + lead;
        bool sound = true;

        bench.count = 0;
        bench.starts[bench.count] = SMH_BITMAP_FIRST;
        bench.frees[bench.count++] = false;
        for (uint32_t digits = code, k = 0; k < 4; k++, digits /= 8) {
            bool is_free = (digits & 4) != 0;

            sound = sound && !(is_free && bench.frees[bench.count - 1]);
            bench.starts[bench.count] = at;
            bench.frees[bench.count++] = is_free;
            at += 2 + (digits & 3);
        }
        bench.starts[bench.count] = at;
        bench.frees[bench.count++] = false;
        bench.starts[bench.count] = at + tail;
        if (sound) {
            judge_sequence();
        }
    }
}

Test(bitmap_layout, every_sequence_of_chunks_reads_as_it_was_written_at_every_word_border)
{
    for (uint32_t lead = 2; lead < 2 + SMH_BITMAP_BITS; lead++) {
        judge_all(lead, 2);
    }
    cr_assert_gt(bench.sequences, 100000);
}

Test(bitmap_layout, long_chunks_of_every_length_and_place_are_found_from_both_ends)
{
    for (uint32_t lead = 2; lead < 2 + SMH_BITMAP_BITS; lead++) {
        for (uint32_t size = 2; size < 5 * SMH_BITMAP_BITS; size++) {
            for (unsigned is_free = 0; is_free < 2; is_free++) {
                bench.starts[0] = SMH_BITMAP_FIRST;
                bench.starts[1] = SMH_BITMAP_FIRST + lead;
                bench.starts[2] = bench.starts[1] + size;
                bench.starts[3] = bench.starts[2] + 2;
                bench.frees[0] = false;
                bench.frees[1] = is_free != 0;
                bench.frees[2] = false;
                bench.count = 3;
                judge_sequence();
            }
        }
    }
}
