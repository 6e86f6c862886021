/* test_zephyr_forged.c: headers that a user's bytes forge, and links that lead to the very end.
 *
 *     |chunk 0|c0 used|c1 used: a forged header in its payload|c2 used|marker|xxx page that traps
 *
 * Every verdict on a forged header is compared with the rule written out once more, here.
 */
#include "../../src/engine/zephyr_layout.h"
#include "../../src/heap_private.h"
#include "trap.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <smh/engine.h>
#include <smh/heap.h>
#include <string.h>

#define REGION_BYTES 600u

static uint8_t *region; /* ends at a page that traps */
static struct smh_heap heap;
static struct zephyr z;

static void make(unsigned target_bits)
{
    struct smh_heap_config config = {
        .engine = &smh_engine_zephyr, .memory_size = REGION_BYTES, .target_bits = target_bits};

    if (region == NULL) {
        region = trap_end(REGION_BYTES) - REGION_BYTES;
    }
    memset(region, 0, REGION_BYTES);
    config.memory = region;
    cr_assert_eq(smh_heap_init(&heap, &config), 0);
    z = zephyr_of(&heap, zephyr_big(&heap));
}

static bool genuine(uint32_t chunk, uint32_t units, uint32_t left)
{
    uint32_t end = zephyr_end(&heap);
    uint32_t first = zephyr_first(&heap);
    bool reaches = units >= zephyr_smallest(z.big) && units <= end - chunk;
    bool right_agrees = reaches && zephyr_get(z, chunk + units, ZEPHYR_LEFT) == units;
    bool left_lies_inside = left == chunk || (left <= chunk && chunk - left >= first);

    return right_agrees && left_lies_inside && zephyr_size(z, chunk - left) == left;
}

/* Sizes and left sizes of the forged chunk: all that are near, and what wraps. */
static void forge(uint32_t chunk)
{
    static const uint32_t far[] = {0x7fff, 0x8000, 0xffff, 0x7ffffff0, 0x7fffffff, 0xfffffff0};
    uint8_t *block = (uint8_t *)zephyr_at(z, chunk) + zephyr_header_bytes(z.big);
    unsigned taken = 0;

    for (uint32_t i = 0; i < 100 + 6; i++) {
        for (uint32_t j = 0; j < 100 + 6; j++) {
            uint32_t units = i < 100 ? i : far[i - 100] & (z.big ? 0x7fffffffu : 0x7fffu);
            uint32_t left = j < 100 ? j : far[j - 100] & (z.big ? 0xffffffffu : 0xffffu);

            zephyr_set_size(z, chunk, units, true);
            zephyr_set(z, chunk, ZEPHYR_LEFT, left);
            cr_assert_eq(smh_zephyr_verdict(&heap, block),
                         genuine(chunk, units, left) ? 0 : -EINVAL, "%u units, %u left", units,
                         left);
            taken += genuine(chunk, units, left) ? 1 : 0;
        }
    }
    cr_assert_gt(taken, 0, "the rule is met too");
}

Test(zephyr_forged, a_header_in_a_payload_is_taken_only_when_both_neighbours_agree)
{
    for (unsigned target_bits = 32; target_bits <= 64; target_bits += 32) {
        uint8_t *payload;
        uint32_t inside;
        uint32_t first;

        make(target_bits);
        first = zephyr_first(&heap);
        cr_assert_not_null(smh_heap_alloc(&heap, 20));
        payload = smh_heap_alloc(&heap, 200);
        cr_assert_not_null(smh_heap_alloc(&heap, 20));
        inside = zephyr_chunk_of(z, (uintptr_t)payload) + 8;
        zephyr_set_size(z, inside - 4, 4, true);                 /* a left neighbour that agrees */
        zephyr_set(z, inside + 5, ZEPHYR_LEFT, 5);               /* a right one */
        zephyr_set_size(z, first - 1, inside - first + 1, true); /* one in chunk 0: no neighbour */
        zephyr_set_size(z, 0, inside, true); /* chunk 0, made larger: it would be one */
        forge(inside);
        zephyr_set_size(z, 0, first, true);
        forge(inside);
    }
}

Test(zephyr_forged, a_link_to_the_end_is_broken_and_not_followed)
{
    for (unsigned target_bits = 32; target_bits <= 64; target_bits += 32) {
        struct smh_fault fault = {0};
        size_t largest;
        void *block;
        uint32_t chunk;

        make(target_bits);
        block = smh_heap_alloc(&heap, 40);
        cr_assert_not_null(smh_heap_alloc(&heap, 40));
        cr_assert_eq(smh_heap_free(&heap, block), 0);
        chunk = zephyr_chunk_of(z, (uintptr_t)block);
        zephyr_set(z, chunk, ZEPHYR_NEXT, zephyr_end(&heap));
        cr_assert_eq(smh_heap_check(&heap, &fault), -EINVAL);
        cr_assert_str_eq(fault.rule, "a free list is a circle linked both ways");
        make(target_bits);
        largest = smh_engine_zephyr.largest_free(&heap);
        zephyr_buckets(&heap, z)[zephyr_bucket(z.big, zephyr_end(&heap) - zephyr_first(&heap))] =
            zephyr_end(&heap);
        cr_assert_gt(largest, 0);
        cr_assert_eq(smh_engine_zephyr.largest_free(&heap), 0);
        cr_assert_eq(smh_heap_check(&heap, &fault), -EINVAL);
        cr_assert_str_eq(fault.rule, "a free list leads to free chunks of its bucket");
        cr_assert_eq(fault.offset, (size_t)(z.base - region) + 8 * (size_t)zephyr_end(&heap));
    }
}

Test(zephyr_forged, lists_that_lost_all_their_entries_are_noticed)
{
    struct smh_fault fault = {0};
    uint32_t buckets;

    make(64);
    buckets = zephyr_bucket(z.big, zephyr_end(&heap)) + 1;
    memset(zephyr_buckets(&heap, z), 0, 4 * buckets);
    zephyr_words(z)[ZEPHYR_WORD_AVAIL] = 0;
    cr_assert_eq(smh_heap_check(&heap, &fault), -EINVAL);
    cr_assert_str_eq(fault.rule, "every free chunk is in its bucket's list, and nothing else");
}

Test(zephyr_forged, of_several_broken_rules_the_first_is_told)
{
    struct smh_fault fault = {0};

    make(64);
    zephyr_words(z)[ZEPHYR_WORD_AVAIL] |= 0x80000000u;
    cr_assert_eq(smh_heap_check(&heap, &fault), -EINVAL);
    cr_assert_str_eq(fault.rule, "no bucket beyond the last is marked available");
    zephyr_set(z, zephyr_end(&heap), ZEPHYR_LEFT, 1);
    cr_assert_eq(smh_heap_check(&heap, &fault), -EINVAL);
    cr_assert_str_eq(fault.rule, "the end marker knows the size of its left neighbour");
}

/*     |header|....|block ......|next header      wherever an alignment puts the block */
Test(zephyr_forged, a_block_at_any_alignment_and_rewind_may_be_used_to_the_end_of_its_chunk)
{
    for (unsigned target_bits = 32; target_bits <= 64; target_bits += 32) {
        for (size_t align = 2; align <= 64; align *= 2) {
            for (size_t rewind = 0; rewind < align; rewind = rewind == 0 ? 1 : 2 * rewind) {
                struct smh_chunk chunk = {0};
                size_t usable;
                uint8_t *block;

                make(target_bits);
                (void)smh_heap_alloc(&heap, align % 24 + 1);
                block = smh_zephyr_aligned_alloc(&heap, align | rewind, 21);
                cr_assert_not_null(block);
                cr_assert_eq(((uintptr_t)block + rewind) % align, 0);
                usable = smh_engine_zephyr.usable_size(&heap, block);
                cr_assert_geq(usable, 21);
                do {
                    cr_assert(smh_heap_walk(&heap, &chunk));
                } while (region + chunk.offset + chunk.size <= block);
                cr_assert_geq(block - (region + chunk.offset), z.big ? 8 : 4, "behind its header");
                cr_assert_eq(block + usable, region + chunk.offset + chunk.size, "%u %zu|%zu: %td",
                             target_bits, align, rewind,
                             block + usable - (region + chunk.offset + chunk.size));
            }
        }
    }
}

/* The first block of a heap that keeps a bit for where each begins. */
static uint8_t *first_with_start_bits(void)
{
    static _Alignas(8) uint8_t bitmap[256];
    struct smh_heap_config config = {.engine = &smh_engine_zephyr,
                                     .memory_size = REGION_BYTES,
                                     .metadata = bitmap,
                                     .metadata_size = sizeof(bitmap),
                                     .target_bits = 32};

    make(32);
    config.memory = region;
    cr_assert_eq(smh_heap_init(&heap, &config), 0);
    return smh_heap_alloc(&heap, 20);
}

Test(zephyr_forged, a_second_start_bit_does_not_move_a_block)
{
    struct smh_chunk chunk = {0};
    uint8_t *block = first_with_start_bits();

    smh_starts_set(&heap, smh_starts_index(&heap, block + 4));
    cr_assert(smh_heap_walk(&heap, &chunk));
    cr_assert_eq(chunk.block, block);
}

Test(zephyr_forged, a_block_without_a_start_bit_is_told_where_a_plain_one_begins)
{
    struct smh_chunk chunk = {0};
    uint8_t *block = first_with_start_bits();

    smh_starts_clear(&heap, smh_starts_index(&heap, block));
    cr_assert(smh_heap_walk(&heap, &chunk));
    cr_assert_eq(chunk.block, block);
}
