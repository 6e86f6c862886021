/* test_zephyr_layout.c: placements of sys_heap worked out by hand, for the three layouts.
 *
 * In the pictures a column is a unit of 8 bytes; H is chunk 0 (the heap's header), h a chunk's own
 * header, M the end marker. Big fields: h takes its whole unit. Small fields: h takes half of it.
 */
#include "../../src/engine/zephyr_layout.h"
#include "trap.h"

#include <criterion/criterion.h>
#include <smh/engine.h>
#include <smh/heap.h>

static _Alignas(4096) uint8_t region[300000];

static void make(struct smh_heap *heap, unsigned target_bits, bool statistics, size_t bytes,
                 size_t misalignment)
{
    struct smh_heap_config config = {.memory = region + misalignment,
                                     .memory_size = bytes,
                                     .target_bits = target_bits,
                                     .engine = statistics ? &smh_engine_zephyr_stats
                                                          : &smh_engine_zephyr};

    memset(region, 0, sizeof(region));
    cr_assert_eq(smh_heap_init(heap, &config), 0);
}

static size_t offset(const void *block)
{
    return (size_t)((const uint8_t *)block - region);
}

static uint32_t word(size_t at)
{
    uint32_t value;

    memcpy(&value, region + at, sizeof(value));
    return value;
}

static uint16_t half(size_t at)
{
    uint16_t value;

    memcpy(&value, region + at, sizeof(value));
    return value;
}

/* 256 bytes: marker 8, so 31 units; buckets for up to 31 - 1 -> 5; H = 16 + 5 * 4 -> 5 units.
 *
 *      0 1 2 3 4 5 6 7 8 9 10 11 12        31
 *     |H H H H H h 1 h 8 h  9  9 |  free   |M|
 */
Test(zephyr_layout, blocks_of_a_64_bit_heap_follow_8_byte_headers)
{
    struct smh_heap heap;

    make(&heap, 64, false, 256, 0);
    cr_expect_eq(heap.capacity_bytes, 26 * 8);
    cr_expect_eq(offset(smh_heap_alloc(&heap, 1)), 48);
    cr_expect_eq(offset(smh_heap_alloc(&heap, 8)), 64);
    cr_expect_eq(offset(smh_heap_alloc(&heap, 9)), 80);
    cr_expect_eq(offset(smh_heap_alloc(&heap, 1)), 104);
    cr_expect_eq(heap.used_bytes, (2 + 2 + 3 + 2) * 8);
}

Test(zephyr_layout, the_header_of_a_64_bit_heap_is_zephyrs)
{
    struct smh_heap heap;

    make(&heap, 64, false, 256, 0);
    cr_expect_eq(word(0), 0, "no left neighbour");
    cr_expect_eq(word(4), (5u << 1) | 1u, "chunk 0: 5 units, used");
    cr_expect_eq(word(8), 31, "end");
    cr_expect_eq(word(12), 1u << 4, "26 units are in bucket 4");
    cr_expect_eq(word(16 + 4 * 4), 5, "which starts with unit 5");
    cr_expect_eq(word(40), 5, "left of unit 5");
    cr_expect_eq(word(44), 26u << 1, "26 units, free");
    cr_expect_eq(word(48), 5, "previous: itself");
    cr_expect_eq(word(52), 5, "next: itself");
    cr_expect_eq(word(31 * 8), 26, "left of the marker");
    cr_expect_eq(word(31 * 8 + 4), 1, "the marker: 0 units, used");
}

/* 256 bytes: marker 4, so 31 units (4 bytes are left over); buckets for up to 31 -> 5; H = 5 units.
 *
 *      0 1 2 3 4 5  6  7  8   9  10  11        31
 *     |H H H H H h1 h4 h5 5 | h. 8. |  free    |M
 *                             aligned to 8: 4 bytes stay unused behind its header
 */
Test(zephyr_layout, blocks_of_a_small_32_bit_heap_start_at_4_modulo_8)
{
    struct smh_heap heap;
    uint8_t *aligned;

    make(&heap, 32, false, 256, 0);
    cr_expect_eq(smh_heap_alignment(&heap), 4);
    cr_expect_eq(offset(smh_heap_alloc(&heap, 1)), 44);
    cr_expect_eq(offset(smh_heap_alloc(&heap, 4)), 52);
    cr_expect_eq(offset(smh_heap_alloc(&heap, 5)), 60);
    aligned = smh_heap_aligned_alloc(&heap, 8, 8);
    cr_expect_eq(offset(aligned), 80);
    cr_expect_eq(smh_heap_usable_size(&heap, aligned), 8);
    cr_expect_eq(offset(smh_heap_alloc(&heap, 1)), 92);
}

Test(zephyr_layout, the_header_of_a_small_heap_has_2_byte_fields)
{
    struct smh_heap heap;

    make(&heap, 32, false, 256, 0);
    cr_expect_eq(half(0), 0);
    cr_expect_eq(half(2), (5u << 1) | 1u);
    cr_expect_eq(word(8), 31);
    cr_expect_eq(word(12), 1u << 4);
    cr_expect_eq(half(40), 5);
    cr_expect_eq(half(42), 26u << 1);
    cr_expect_eq(half(44), 5, "previous: itself");
    cr_expect_eq(half(46), 5, "next: itself");
    cr_expect_eq(half(31 * 8), 26);
    cr_expect_eq(half(31 * 8 + 2), 1);
}

/* 300,000 bytes: 37,499 units, 16 buckets, H = 16 + 16 * 4 = 10 units; first payload at 88. */
Test(zephyr_layout, a_big_32_bit_heap_is_laid_out_as_a_64_bit_one)
{
    struct smh_heap heap;

    make(&heap, 32, false, 300000, 0);
    cr_expect_eq(smh_heap_alignment(&heap), 8);
    cr_expect_eq(offset(smh_heap_alloc(&heap, 1)), 88);
    cr_expect_eq(offset(smh_heap_alloc(&heap, 1)), 104);
}

/* 262,144 bytes are 32,768 units, one more than 15 bits count: the marker gets 8 bytes, what
 * remains is 32,767 units, and those are small. 8 bytes more, and they are big. */
Test(zephyr_layout, two_hundred_and_fifty_six_kib_are_the_last_small_heap)
{
    struct smh_heap heap;

    make(&heap, 32, false, 262144, 0);
    cr_expect_eq(word(8), 32767);
    cr_expect_eq(smh_heap_alignment(&heap), 4);
    make(&heap, 32, false, 262144 + 8, 0);
    cr_expect_eq(word(8), 32768);
    cr_expect_eq(smh_heap_alignment(&heap), 8);
}

/* Three counters lie between `avail` and the buckets: 24 bytes on 64 bits, 12 on 32. */
Test(zephyr_layout, runtime_statistics_move_the_first_block)
{
    struct smh_heap heap;

    make(&heap, 64, true, 256, 0); /* 40 + 5 * 4 -> 8 units */
    cr_expect_eq(offset(smh_heap_alloc(&heap, 1)), 72);
    make(&heap, 32, true, 256, 0); /* 28 + 5 * 4 -> 6 units */
    cr_expect_eq(offset(smh_heap_alloc(&heap, 1)), 52);
    make(&heap, 32, true, 300000, 0); /* 28 + 16 * 4 -> 12 units */
    cr_expect_eq(offset(smh_heap_alloc(&heap, 1)), 104);
}

Test(zephyr_layout, the_counters_stand_in_the_header_in_the_targets_width)
{
    struct smh_heap heap;

    make(&heap, 64, true, 256, 0); /* 31 units, H 8: 23 units free */
    cr_expect_eq(word(16), 23 * 8 - 8);
    cr_assert_not_null(smh_heap_alloc(&heap, 10)); /* 3 units */
    cr_expect_eq(word(16), 20 * 8 - 8);
    cr_expect_eq(word(24), 3 * 8 - 8);
    cr_expect_eq(word(32), 3 * 8 - 8);
    make(&heap, 32, true, 256, 0);                 /* 31 units, H 6: 25 units free */
    cr_assert_not_null(smh_heap_alloc(&heap, 10)); /* 2 units */
    cr_expect_eq(word(16), 23 * 8 - 4);
    cr_expect_eq(word(20), 2 * 8 - 4);
    cr_expect_eq(word(24), 2 * 8 - 4);
}

/* The heap starts at the next multiple of 8 and ends at the last one:
 *
 *     ...|...xxxxx|H H ...            M|xx      memory starts at 3 modulo 8
 */
Test(zephyr_layout, unaligned_memory_is_rounded_inwards)
{
    struct smh_heap heap;

    make(&heap, 64, false, 256, 3); /* 8 .. 248: 30 units of 8 and the marker */
    cr_expect_eq(word(8 + 8), 30);
    cr_expect_eq(offset(smh_heap_alloc(&heap, 1)), 56);
}

/*     |H|h 16-aligned|...: the hole before it is a free chunk of its own, or, with one unit, lies
 * about in no list:
 *
 *      4   5   6   7              64 bits, H ends at unit 5, memory at 0 modulo 32
 *     |H | h   x   x |            alloc(1) would give 48 = 6 * 8; 64 = 8 * 8 is asked for
 *     |H |free| h  x |            -> units 5 and 6 free, h at 7
 */
Test(zephyr_layout, the_hole_before_an_aligned_block_is_free_space)
{
    struct smh_heap heap;
    struct smh_chunk chunk = {0};

    make(&heap, 64, false, 256, 0);
    cr_expect_eq(offset(smh_heap_aligned_alloc(&heap, 64, 8)), 64);
    cr_assert(smh_heap_walk(&heap, &chunk));
    cr_expect_eq(chunk.offset, 40);
    cr_expect_eq(chunk.size, 16);
    cr_expect_not(chunk.used);
    cr_expect_eq(offset(smh_heap_alloc(&heap, 1)), 48, "and serves the next request");
}

/*      5  6  7  8  9  10        64 bits: a payload at 72 = 9 * 8 would not be aligned to 16,
 *     |h  x  x |s |h  y |        80 = 10 * 8 is; s: one unit, too small for a chunk of its own
 */
Test(zephyr_layout, a_hole_of_one_unit_is_in_no_list_and_comes_back_with_its_neighbour)
{
    struct smh_heap heap;
    struct smh_chunk chunk = {0};
    uint8_t *first;

    make(&heap, 64, false, 256, 0);
    first = smh_heap_alloc(&heap, 16);
    cr_assert_eq(offset(first), 48);
    cr_assert_eq(offset(smh_heap_aligned_alloc(&heap, 16, 1)), 80);
    cr_assert(smh_heap_walk(&heap, &chunk) && smh_heap_walk(&heap, &chunk));
    cr_expect_eq(chunk.offset, 64);
    cr_expect_eq(chunk.size, 8);
    cr_expect_not(chunk.used);
    cr_expect_eq(chunk.usable, 0, "no request fits");
    cr_expect_eq(smh_heap_check(&heap, NULL), 0);
    cr_assert_eq(smh_heap_free(&heap, first), 0);
    cr_expect_eq(smh_heap_alloc(&heap, 24), first, "5 to 8 are one chunk again");
}

Test(zephyr_layout, a_rewind_puts_the_block_before_the_aligned_address)
{
    struct smh_heap heap;
    uint8_t *block;

    make(&heap, 64, false, 1024, 0);
    block = smh_zephyr_aligned_alloc(&heap, 32 | 8, 100);
    cr_expect_eq((offset(block) + 8) % 32, 0);
    block = smh_zephyr_aligned_alloc(&heap, 256 | 64, 10);
    cr_expect_eq((offset(block) + 64) % 256, 0);
    cr_expect_null(smh_zephyr_aligned_alloc(&heap, 32 | 8 | 1, 1), "two bits at most");
    cr_expect_eq(smh_heap_check(&heap, NULL), 0);
}

Test(zephyr_layout, the_smallest_heaps_are_56_and_44_bytes_and_one_byte_less_is_refused)
{
    static const struct {
        unsigned target_bits;
        bool statistics;
        size_t bytes;
    } rows[] = {{64, false, 56}, {32, false, 44}, {64, true, 80}, {32, true, 52}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct smh_heap heap;
        struct smh_heap_config config = {.memory = region,
                                         .memory_size = rows[i].bytes,
                                         .target_bits = rows[i].target_bits,
                                         .engine = rows[i].statistics ? &smh_engine_zephyr_stats
                                                                      : &smh_engine_zephyr};

        cr_expect_eq(smh_heap_init(&heap, &config), 0, "row %zu", i);
        cr_expect_not_null(smh_heap_alloc(&heap, 1), "row %zu", i);
        while (config.memory_size > 0) {
            config.memory_size--;
            cr_expect_eq(smh_heap_init(&heap, &config), -ENOMEM, "row %zu, %zu bytes", i,
                         config.memory_size);
        }
    }
}

/* A big heap has a list less there than a small one would have. */
Test(zephyr_layout, the_header_of_the_smallest_big_32_bit_heap_has_15_lists)
{
    struct smh_heap heap;

    make(&heap, 32, true, 32768 * 8 + 8, 0);
    cr_expect_eq(heap.step_shift, 3);
    cr_expect_eq(heap.capacity_bytes, (32768 - (28 + 15 * 4) / 8) * 8);
}

Test(zephyr_layout, nothing_behind_the_smallest_heaps_is_written)
{
    for (unsigned target_bits = 32; target_bits <= 64; target_bits += 32) {
        for (size_t bytes = 1; bytes < 300; bytes++) {
            struct smh_heap_config config = {.memory = trap_end(4096) - bytes,
                                             .memory_size = bytes,
                                             .target_bits = target_bits,
                                             .engine = &smh_engine_zephyr};
            struct smh_heap heap;

            if (smh_heap_init(&heap, &config) == 0) {
                cr_assert_eq(smh_heap_check(&heap, NULL), 0);
                while (smh_heap_alloc(&heap, 1) != NULL) {
                }
                cr_assert_eq(smh_heap_check(&heap, NULL), 0);
            }
        }
    }
}

Test(zephyr_layout, memory_too_large_for_its_31_bits_is_refused_unseen)
{
    struct smh_heap heap;
    struct smh_heap_config config = {
        .memory = region, .memory_size = SIZE_MAX / 2, .engine = &smh_engine_zephyr};

    if (sizeof(size_t) > 4) {
        cr_expect_eq(smh_heap_init(&heap, &config), -ENOMEM);
    }
}

Test(zephyr_layout, only_granule_8_is_accepted_and_only_where_blocks_keep_to_it)
{
    struct smh_heap heap;
    struct smh_heap_config config = {.memory = region,
                                     .memory_size = 1024,
                                     .target_bits = 64,
                                     .granule = 8,
                                     .engine = &smh_engine_zephyr};

    cr_expect_eq(smh_heap_init(&heap, &config), 0);
    config.granule = 16;
    cr_expect_eq(smh_heap_init(&heap, &config), -EINVAL);
    config.granule = 8;
    config.target_bits = 32;
    cr_expect_eq(smh_heap_init(&heap, &config), -EINVAL, "blocks start at 4 modulo 8");
}
