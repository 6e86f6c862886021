/* test_bitmap_heap.c: what the bitmap engine promises beside what every engine does.
 *
 *     metadata    | bitmap | maps | heads |          elsewhere, or in front of the chunks
 *     memory      | A | B |   free   | C | ...       nothing but the users' bytes
 */
#include "bitmap_heap.h"

#include <errno.h>
#include <string.h>

static _Alignas(4096) uint8_t memory[1 << 20];
static struct smh_heap heap;

/* Its tables in front of the chunks. */
static void make_carved(size_t memory_size, size_t granule)
{
    struct smh_heap_config config = {.memory = memory,
                                     .memory_size = memory_size,
                                     .granule = granule,
                                     .engine = &smh_engine_bitmap};

    cr_assert_eq(smh_heap_init(&heap, &config), 0);
}

Test(bitmap_heap, ten_thousand_lines_fill_a_region_of_ten_thousand_lines)
{
    size_t count = 0;
    uint8_t *block;

    bitmap_make(&heap, memory, 640000, 64);
    while ((block = smh_heap_aligned_alloc(&heap, 64, 64)) != NULL) {
        cr_assert_eq((uintptr_t)block % 64, 0);
        memset(block, 0xff, 64);
        count++;
    }
    cr_assert_eq(count, 10000);
    cr_assert_eq(smh_heap_check(&heap, NULL), 0);
}

Test(bitmap_heap, tables_take_at_most_six_percent_of_four_kilobytes)
{
    make_carved(4096, 0);
    cr_expect_leq((4096 - heap.capacity_bytes) * 100, 4096 * 6);
}

Test(bitmap_heap, blocks_of_lines_share_no_line_with_tables_in_the_same_memory)
{
    struct smh_chunk chunk = {0};

    make_carved(8192, 64);
    cr_assert(smh_heap_walk(&heap, &chunk));
    cr_expect_eq(((uintptr_t)heap.memory + chunk.offset) % 64, 0);
    cr_expect_geq((uintptr_t)heap.memory + chunk.offset,
                  (uintptr_t)heap.metadata + heap.metadata_size);
}

Test(bitmap_heap, granules_outside_8_to_4096_are_refused)
{
    struct smh_heap_config config = {
        .memory = memory, .memory_size = sizeof(memory), .engine = &smh_engine_bitmap};

    config.granule = 4;
    cr_expect_eq(smh_heap_init(&heap, &config), -EINVAL);
    config.granule = 8192;
    cr_expect_eq(smh_heap_init(&heap, &config), -EINVAL);
}

Test(bitmap_heap, placements_are_the_same_for_both_targets)
{
    struct smh_heap_config config = {
        .memory = memory, .memory_size = 65536, .engine = &smh_engine_bitmap};
    static size_t offsets[2][100];

    for (unsigned target = 0; target < 2; target++) {
        config.target_bits = target == 0 ? 32 : 64;
        cr_assert_eq(smh_heap_init(&heap, &config), 0);
        for (size_t i = 0; i < 100; i++) {
            uint8_t *block = smh_heap_alloc(&heap, 1 + i * 37 % 600);

            cr_assert_not_null(block);
            offsets[target][i] = (size_t)(block - memory);
            if (i % 3 == 2) {
                smh_heap_free(&heap, memory + offsets[target][i - 1]);
            }
        }
    }
    cr_expect_eq(memcmp(offsets[0], offsets[1], sizeof(offsets[0])), 0);
}

/*     |   A   | free |  B  | free, small |  C ...      B grows by more than lies on its right
 *     |   A   |     B          |f|          C ...
 */
Test(bitmap_heap, a_block_slides_to_the_left_where_nothing_else_is_free)
{
    uint8_t *hole;
    uint8_t *block;
    uint8_t *grown;

    bitmap_make(&heap, memory, 4096, 0);
    hole = smh_heap_alloc(&heap, 64);
    block = smh_heap_alloc(&heap, 64);
    for (size_t i = 0; i < 64; i++) {
        block[i] = (uint8_t)i;
    }
    cr_assert_not_null(smh_heap_alloc(&heap, 4096 - 128));
    cr_assert_eq(smh_heap_free(&heap, hole), 0);
    grown = smh_heap_realloc(&heap, block, 100);
    cr_assert_eq((void *)grown, (void *)hole);
    for (size_t i = 0; i < 64; i++) {
        cr_expect_eq(grown[i], i);
    }
    cr_expect_eq(smh_heap_check(&heap, NULL), 0);
}

static void populate(void)
{
    uint8_t *blocks[40];

    bitmap_make(&heap, memory, 8000, 0);
    for (size_t i = 0; i < 40; i++) {
        blocks[i] = smh_heap_alloc(&heap, i % 8 == 0 ? 700 : 16 + i);
    }
    for (size_t i = 0; i < 40; i += 3) {
        smh_heap_free(&heap, blocks[i]);
    }
    cr_assert_eq(smh_heap_check(&heap, NULL), 0);
}

Test(bitmap_heap, the_validator_notices_every_single_bit_of_the_tables)
{
    populate();
    for (size_t bit = 0; bit < heap.metadata_size * 8; bit++) {
        struct smh_fault fault = {0};

        heap.metadata[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        cr_assert_eq(smh_heap_check(&heap, &fault), -EINVAL, "bit %zu of %zu", bit,
                     heap.metadata_size * 8);
        cr_assert_not_null(fault.rule);
        heap.metadata[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    cr_assert_eq(smh_heap_check(&heap, NULL), 0);
}

Test(bitmap_heap, verdicts_do_not_depend_on_what_users_write_in_free_memory)
{
    struct smh_chunk chunk = {0};

    populate();
    while (smh_heap_walk(&heap, &chunk)) {
        if (!chunk.used) {
            memset(memory + chunk.offset, 0xff, chunk.size);
        }
    }
    cr_expect_eq(smh_heap_check(&heap, NULL), -EINVAL);
    memset(&chunk, 0, sizeof(chunk));
    while (smh_heap_walk(&heap, &chunk)) {
        cr_expect_eq(smh_heap_verdict(&heap, memory + chunk.offset), chunk.used ? 0 : -EALREADY);
        cr_expect_eq(smh_heap_verdict(&heap, memory + chunk.offset + 8),
                     chunk.used ? -EINVAL : -EALREADY);
    }
}

/* Free memory is overwritten by a user who kept pointers; then the heap is used on. What it hands
 * out stays inside memory, and apart. */
Test(bitmap_heap, stray_writes_into_free_memory_lead_to_no_access_outside_memory)
{
    for (unsigned value = 0; value < 256; value++) {
        struct smh_chunk chunk = {0};
        uint8_t *blocks[64];

        populate();
        while (smh_heap_walk(&heap, &chunk)) {
            if (!chunk.used) {
                memset(memory + chunk.offset, (int)value, chunk.size);
            }
        }
        for (size_t i = 0; i < 64; i++) {
            blocks[i] = smh_heap_alloc(&heap, 16 + i % 50);
            cr_assert(blocks[i] == NULL || (blocks[i] >= memory && blocks[i] < memory + 8000));
            if (i % 3 == 2) {
                smh_heap_free(&heap, blocks[i - 1]);
            }
        }
        memset(&chunk, 0, sizeof(chunk));
        while (smh_heap_walk(&heap, &chunk)) {
            cr_assert_leq(chunk.offset + chunk.size, 8000);
        }
    }
}

/* Every address of a megabyte, also those in the middle of long chunks. */
Test(bitmap_heap, every_address_gets_the_verdict_that_the_walk_explains)
{
    static const size_t sizes[] = {300000, 20, 40000, 5000, 700, 33000, 16, 100000, 1000};
    struct smh_chunk chunk = {0};
    uint8_t *blocks[9];

    bitmap_make(&heap, memory, sizeof(memory), 0);
    for (size_t i = 0; i < 9; i++) {
        blocks[i] = smh_heap_alloc(&heap, sizes[i]);
    }
    for (size_t i = 1; i < 9; i += 3) {
        smh_heap_free(&heap, blocks[i]);
    }
    cr_assert_eq(smh_heap_check(&heap, NULL), 0);
    while (smh_heap_walk(&heap, &chunk)) {
        for (size_t offset = 0; offset < chunk.size; offset += 4) {
            int verdict = !chunk.used ? -EALREADY : offset == 0 ? 0 : -EINVAL;

            cr_assert_eq(smh_heap_verdict(&heap, memory + chunk.offset + offset), verdict,
                         "%zu of %zu", offset, chunk.size);
        }
    }
}

/*     |  memory of a granule and more  |       at any place; its tables are in front
 *     '- | tables |       '- multiple of the granule: does another one follow inside?
 */
Test(bitmap_heap, a_granule_that_does_not_lie_in_memory_is_not_promised)
{
    unsigned made = 0;
    unsigned refused = 0;

    for (size_t place = 0; place < 4096; place += 8) {
        for (size_t bytes = 4096; bytes < 8192; bytes += 500) {
            struct smh_heap_config config = {
                .memory = memory + place, .memory_size = bytes, .granule = 4096};
            size_t end = (place + bytes) / 4096;

            if (smh_heap_init(&heap, &config) == 0) {
                size_t first = (place + heap.metadata_size + 4095) / 4096;

                cr_expect_eq(heap.capacity_bytes, (end - first) * 4096, "%zu+%zu", place, bytes);
                made++;
            } else {
                /* 72 bytes of tables: one piece of bitmap, 16 heads */
                cr_expect_leq(end, (place + 72 + 4095) / 4096, "%zu+%zu", place, bytes);
                refused++;
            }
        }
    }
    cr_expect_gt(made, 0);
    cr_expect_gt(refused, 0);
}
