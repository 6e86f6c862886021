/* test_zephyr_edges.c: the engine zephyr at its bounds: pointers at the frame of a heap, rewinds to
 * the byte, what suffices for every request, and damage that only sums can show.
 *
 *     |4 odd bytes|chunk 0 (header)|first chunk ...              |marker|
 *      region      base                                          end
 */
#include "../../src/engine/zephyr_layout.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <smh/engine.h>
#include <smh/heap.h>
#include <string.h>

static _Alignas(4096) uint8_t region[4096];
static struct smh_heap heap;

static int make(const struct smh_engine *engine, unsigned target_bits, size_t shift, size_t bytes)
{
    struct smh_heap_config config = {.engine = engine,
                                     .memory = region + shift,
                                     .memory_size = bytes,
                                     .target_bits = target_bits};

    memset(region, 0, sizeof(region));
    return smh_heap_init(&heap, &config);
}

Test(zephyr_edges, no_address_of_the_frame_is_a_block)
{
    for (unsigned target_bits = 32; target_bits <= 64; target_bits += 32) {
        size_t header = target_bits == 32 ? 4 : 8;
        uint8_t *first;

        cr_assert_eq(make(&smh_engine_zephyr, target_bits, 4, 500), 0);
        first = smh_heap_alloc(&heap, 20);
        cr_assert_not_null(smh_heap_alloc(&heap, 20));
        cr_expect_eq(smh_zephyr_verdict(&heap, region), -EINVAL, "below the base");
        cr_expect_eq(smh_zephyr_verdict(&heap, region + 4), -EINVAL, "below the base");
        for (uint8_t *at = region + 8; at < first; at++) {
            cr_expect_eq(smh_zephyr_verdict(&heap, at), -EINVAL, "in the header");
        }
        cr_expect_eq(smh_zephyr_verdict(&heap, first), 0);
        for (size_t i = 0; i < 24; i++) {
            uint8_t *marker = region + 8 + ((size_t)zephyr_end(&heap) << 3);

            cr_expect_eq(smh_zephyr_verdict(&heap, marker + i), -EINVAL, "at the marker");
        }
        cr_expect_eq(smh_zephyr_verdict(&heap, region + 8 + ((size_t)zephyr_end(&heap) << 3) - 1),
                     -EALREADY, "the last free byte");
        cr_expect_eq(first - region, 8 + ((ptrdiff_t)zephyr_first(&heap) << 3) + (ptrdiff_t)header);
    }
}

Test(zephyr_edges, a_request_of_no_bytes_is_none_whatever_its_alignment)
{
    cr_assert_eq(make(&smh_engine_zephyr, 64, 0, 1000), 0);
    for (size_t align = 0; align <= 80; align++) {
        cr_expect_null(smh_zephyr_aligned_alloc(&heap, align, 0));
    }
    cr_expect_eq(heap.used_bytes, 0);
}

Test(zephyr_edges, resetting_the_peak_writes_the_statistics_of_the_region_too)
{
    cr_assert_eq(make(&smh_engine_zephyr_stats, 64, 0, 1000), 0);
    cr_assert_eq(smh_heap_free(&heap, smh_heap_alloc(&heap, 100)), 0);
    smh_zephyr_reset_peak(&heap);
    cr_expect_eq(smh_zephyr_counters(&heap).peak_bytes, 0);
    cr_expect_eq(smh_heap_check(&heap, NULL), 0);
}

/* Which requests the fresh heap of each size serves, and where. */
static unsigned long rewinds_in(unsigned target_bits, unsigned *served)
{
    static const size_t aligns[] = {4, 8, 12, 16, 20, 24, 32, 36, 40, 48, 64, 68, 72, 80, 96};
    unsigned long offsets = 0;

    for (size_t bytes = 96; bytes < 280; bytes += 4) {
        for (size_t i = 0; i < sizeof(aligns) / sizeof(aligns[0]); i++) {
            for (size_t request = 1; request < 60; request += 7) {
                uint8_t *block;

                cr_assert_eq(make(&smh_engine_zephyr, target_bits, 0, bytes), 0);
                block = smh_zephyr_aligned_alloc(&heap, aligns[i], request);
                if (block != NULL) {
                    cr_assert_eq(smh_heap_check(&heap, NULL), 0);
                    cr_assert_geq(smh_zephyr_usable_size(&heap, block), request);
                    offsets += (unsigned long)(block - region);
                    ++*served;
                }
            }
        }
    }
    return offsets;
}

Test(zephyr_edges, which_rewinds_are_served_and_where_is_known)
{
    unsigned served[2] = {0, 0};
    unsigned long wide = rewinds_in(64, &served[0]);
    unsigned long small = rewinds_in(32, &served[1]);

    cr_expect_eq(served[0], 5522);
    cr_expect_eq(wide, 309240);
    cr_expect_eq(served[1], 5601);
    cr_expect_eq(small, 305048);
}

Test(zephyr_edges, what_suffices_suffices_for_every_request)
{
    static const size_t aligns[] = {0, 4, 8, 16, 64, 256};
    static const struct {
        unsigned target_bits;
        size_t bytes;
        unsigned none; /* requests for which no chunk suffices */
        unsigned long sum;
    } rows[] = {{64, 128, 432, 30912},   {32, 128, 424, 30976},     {64, 640, 576, 1157376},
                {32, 640, 568, 1181440}, {64, 4096, 576, 51014400}, {32, 4096, 568, 51014464}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned none = 0;
        unsigned long sum = 0;

        cr_assert_eq(make(&smh_engine_zephyr, rows[i].target_bits, 0, rows[i].bytes), 0);
        for (size_t j = 0; j < sizeof(aligns) / sizeof(aligns[0]); j++) {
            for (size_t bytes = 1; bytes <= rows[i].bytes + 20; bytes++) {
                size_t enough = heap.engine->sufficient_chunk(&heap, aligns[j], bytes);

                none += enough == SIZE_MAX;
                sum += enough == SIZE_MAX ? 0 : enough;
            }
        }
        cr_expect_eq(none, rows[i].none);
        cr_expect_eq(sum, rows[i].sum);
    }
}

/* Offsets of the fields of a big heap's chunk. */
enum { LEFT = 0, SIZE = 4, PREV = 8, NEXT = 12 };

static uint32_t *field(size_t unit, size_t which)
{
    return (uint32_t *)(void *)(region + unit * 8 + which);
}

Test(zephyr_edges, a_list_that_holds_a_chunk_of_payload_in_place_of_a_free_one_is_noticed)
{
    struct smh_fault fault = {NULL, 0};
    uint8_t *disguise;
    void *freed;
    size_t real;
    size_t fake;
    uint32_t *head;

    cr_assert_eq(make(&smh_engine_zephyr, 64, 0, 1000), 0);
    disguise = smh_heap_alloc(&heap, 100);
    freed = smh_heap_alloc(&heap, 40);
    cr_assert_not_null(smh_heap_alloc(&heap, 20));
    cr_assert_eq(smh_heap_free(&heap, freed), 0);
    real = (size_t)((uint8_t *)freed - region) / 8 - 1;
    fake = (size_t)(disguise - region) / 8 + 2;
    *field(fake, SIZE) = *field(real, SIZE);
    *field(fake, PREV) = (uint32_t)fake;
    *field(fake, NEXT) = (uint32_t)fake;
    head = &zephyr_buckets(&heap,
                           zephyr_of(&heap, true))[zephyr_bucket(true, *field(real, SIZE) >> 1)];
    cr_assert_eq(*head, real);
    *head = (uint32_t)fake;
    cr_expect_eq(smh_heap_check(&heap, &fault), -EINVAL);
    cr_expect_str_eq(fault.rule, "every free chunk is in its bucket's list, and nothing else");
    cr_expect_eq(fault.offset, 0);
    *head = (uint32_t)real;
    cr_expect_eq(smh_heap_check(&heap, NULL), 0);
}

Test(zephyr_edges, the_engines_own_counters_are_checked_without_a_place_for_the_rule_too)
{
    cr_assert_eq(make(&smh_engine_zephyr, 64, 0, 1000), 0);
    cr_assert_not_null(smh_heap_alloc(&heap, 100));
    for (size_t step = 1; step <= 8; step *= 8) {
        struct smh_fault fault = {NULL, 7};

        heap.state[ZEPHYR_STATE_FREE] += step;
        cr_expect_eq(smh_zephyr_check(&heap, NULL), -EINVAL);
        cr_expect_eq(smh_zephyr_check(&heap, &fault), -EINVAL);
        cr_expect_str_eq(fault.rule, "the counter of free bytes equals the sum over the lists");
        cr_expect_eq(fault.offset, 0);
        heap.state[ZEPHYR_STATE_FREE] -= 2 * step;
        cr_expect_eq(smh_zephyr_check(&heap, NULL), -EINVAL);
        heap.state[ZEPHYR_STATE_FREE] += step;
        heap.live_blocks += step;
        cr_expect_eq(smh_zephyr_check(&heap, &fault), -EINVAL);
        cr_expect_str_eq(fault.rule, "the counters equal the sums over the blocks");
        heap.live_blocks -= step;
        cr_expect_eq(smh_zephyr_check(&heap, NULL), 0);
    }
}

Test(zephyr_edges, a_rule_is_placed_from_the_start_of_memory_not_of_the_heap)
{
    struct smh_fault fault = {NULL, 0};

    cr_assert_eq(make(&smh_engine_zephyr, 64, 3, 1000), 0);
    memset(region + 8 + ((size_t)zephyr_end(&heap) << 3), 0xff, 8);
    cr_expect_eq(smh_heap_check(&heap, &fault), -EINVAL);
    cr_expect_eq(fault.offset, 5 + ((size_t)zephyr_end(&heap) << 3));
}
