/* test_bitmap_rules.c: single rules of the bitmap engine: what its validator says of the reserve,
 * the lists and the sentinels; what it promises of sizes; the smallest regions it takes.
 *
 * Heaps here have units of 8 bytes and tables of their own: bit 3 is the first unit of `memory`.
 */
#include "bitmap_heap.h"

#include <errno.h>
#include <string.h>

static _Alignas(4096) uint8_t memory[80000];
static struct smh_heap heap;
static struct smh_bitmap *map;

static void make(size_t units)
{
    memset(&heap, 0, sizeof(heap));
    memset(memory, 0, sizeof(memory));
    bitmap_make(&heap, memory, units * 8, 0);
    map = smh_bitmap_of(&heap);
    cr_assert_eq(map->units, units);
}

static uint8_t *take(size_t units)
{
    return bitmap_take(&heap, units);
}

static uint32_t bit_of(const uint8_t *block)
{
    return bitmap_bit_of(&heap, block);
}

static void is_sound(void)
{
    struct smh_fault fault = {NULL, 0};

    cr_assert_eq(smh_bitmap_check(&heap, &fault), 0, "%s", fault.rule);
}

static void breaks(const char *rule, size_t unit)
{
    struct smh_fault fault = {NULL, 0};

    cr_assert_eq(smh_bitmap_check(&heap, &fault), -EINVAL);
    cr_assert_str_eq(fault.rule, rule);
    cr_assert_eq(fault.offset, unit * 8);
}

/* --- the validator ---------------------------------------------------------------------------- */

Test(bitmap_rules, the_reserve_is_in_no_list)
{
    make(500);
    is_sound();
    uint32_t class = smh_bitmap_class(map, 500);
    *smh_bitmap_head(map, class) = map->reserve;
    map->maps[class / SMH_BITMAP_BITS] |= (smh_bitmap_word)1 << class % SMH_BITMAP_BITS;
    smh_bitmap_links_at(map, map->reserve)->size = 500;
    breaks("a list leads to free chunks only", 0);
}

/* | used 30 | free 4 | used 2 | reserve | */
Test(bitmap_rules, a_small_chunk_is_no_reserve)
{
    make(500);
    (void)take(30);
    uint8_t *small = take(4);
    (void)take(2);
    cr_assert_eq(smh_heap_free(&heap, small), 0);
    is_sound();
    map->reserve = bit_of(small);
    map->reserve_end = map->reserve + 4;
    breaks("the reserve is a large free chunk", 30);
}

/* | free 4 | used 2 | free 4 | ...: each is the next of the other, and before it */
Test(bitmap_rules, a_list_that_leads_in_a_circle_is_noticed)
{
    make(500);
    uint8_t *one = take(4);
    (void)take(2);
    uint8_t *other = take(4);
    (void)take(2);
    cr_assert_eq(smh_heap_free(&heap, one), 0);
    cr_assert_eq(smh_heap_free(&heap, other), 0);
    is_sound();
    cr_assert_eq(map->heads[4], bit_of(other));
    smh_bitmap_links_at(map, bit_of(one))->next = bit_of(other);
    smh_bitmap_links_at(map, bit_of(other))->previous = bit_of(one);
    breaks("no free chunk is met twice", 6);
}

/* | free n: listed | used 2 | free n: the reserve | used 2 | listed ... | n: the first size whose
 * class holds others too. Class 63 is of no size. */
Test(bitmap_rules, a_chunk_of_the_first_large_class_says_its_size_too)
{
    static const size_t units[] = {500, 2500, 9000};

    for (unsigned i = 0; i < 3; i++) {
        make(units[i]);
        cr_assert_eq(map->exact, 16u * (1u << i) - 1);
        uint8_t *listed = take(map->exact);
        (void)take(2);
        uint8_t *reserve = take(map->exact);
        (void)take(2);
        cr_assert_eq(smh_heap_free(&heap, listed), 0);
        cr_assert_eq(smh_heap_free(&heap, reserve), 0);
        cr_assert_eq(map->reserve, bit_of(reserve));
        cr_assert_eq(*smh_bitmap_head(map, SMH_BITMAP_EXACT_MAX), bit_of(listed));
        is_sound();
        smh_bitmap_links_at(map, bit_of(listed))->size++;
        breaks("a large free chunk says its size", 0);
    }
}

/* | words 0 ... | 1 at end, 0 0 ... | or, the sentinel being a word's last bit, | ... 1 | 0 0 ... |
 */
Test(bitmap_rules, behind_the_sentinel_all_bits_of_the_word_are_zero)
{
    static const char rule[] = "the bitmap ends with its sentinel";

    for (uint32_t units = 20; units < 4 * SMH_BITMAP_BITS; units++) {
        make(units);
        uint32_t after = map->end + 1;
        uint32_t stop = (after / SMH_BITMAP_BITS + 1) * SMH_BITMAP_BITS;

        for (uint32_t bit = map->end; bit < stop; bit++) {
            is_sound();
            smh_bitmap_flip(map, bit, 1);
            if (bit > map->end) {
                breaks(rule, units);
            } else {
                cr_assert_neq(smh_bitmap_check(&heap, &(struct smh_fault){NULL, 0}), 0);
            }
            smh_bitmap_flip(map, bit, 1);
        }
    }
}

/* --- sizes ------------------------------------------------------------------------------------ */

static size_t enough(size_t align, size_t units)
{
    size_t bytes = heap.engine->sufficient_chunk(&heap, align, units * 8);

    return bytes == SIZE_MAX ? SIZE_MAX : bytes / 8;
}

Test(bitmap_rules, what_suffices_is_the_size_or_from_15_units_on_the_next_of_four_to_a_power_of_two)
{
    make(500);
    for (size_t units = 2; units <= 15; units++) {
        cr_assert_eq(enough(0, units), units == 15 ? 16 : units);
    }
    cr_expect_eq(enough(0, 1), 2);
    cr_expect_eq(enough(0, 16), 16);
    cr_expect_eq(enough(0, 17), 20);
    cr_expect_eq(enough(0, 20), 20);
    cr_expect_eq(enough(0, 29), 32);
    cr_expect_eq(enough(0, 33), 40);
    cr_expect_eq(enough(0, 500), 512);
    cr_expect_eq(enough(0, 501), SIZE_MAX, "more than there is");
    cr_expect_eq(heap.engine->sufficient_chunk(&heap, 0, SIZE_MAX), SIZE_MAX);
}

Test(bitmap_rules, what_suffices_for_an_alignment_has_room_for_the_worst_place)
{
    make(500);
    cr_expect_eq(enough(8, 10), 10);
    cr_expect_eq(enough(16, 10), 13, "a gap of one unit is no chunk: three");
    cr_expect_eq(enough(64, 10), 20, "19 are");
    cr_expect_eq(enough(2048, 243), 512);
    cr_expect_eq(enough(2048, 244), SIZE_MAX);
    cr_expect_eq(enough(4096, 2), SIZE_MAX);
    cr_expect_eq(enough((size_t)1 << 20, 2), SIZE_MAX);
}

/* Two units and the worst place, of `units`: to the unit, and whatever is free. */
Test(bitmap_rules, what_suffices_for_an_alignment_is_told_as_long_as_memory_is_so_long)
{
    for (size_t units = 20; units < 140; units++) {
        for (size_t align = 16; align <= 1024; align *= 2) {
            make(units);
            for (unsigned used = 0; used < 2; used++) {
                cr_assert_eq(enough(align, 2) == SIZE_MAX, 2 + align / 8 + 1 > units,
                             "%zu of %zu units", align, units);
                bitmap_take_all(&heap);
            }
        }
    }
}

/* What suffices does: whatever else is taken. */
Test(bitmap_rules, a_request_that_a_free_chunk_suffices_for_succeeds)
{
    for (size_t units = 16; units < 300; units++) {
        for (size_t align = 8; align <= 128; align *= 2) {
            size_t chunk;

            make(500);
            chunk = enough(align, units);
            (void)take(3);
            if (chunk < 490) {
                uint8_t *hole = take(chunk);

                (void)take(497 - chunk);
                cr_assert_eq(smh_heap_free(&heap, hole), 0);
                cr_assert_not_null(smh_heap_aligned_alloc(&heap, align, units * 8));
            }
        }
    }
}

/* | 55 | . | 48 | . | 49 | . | 50 | . | 51 | all the rest | freed in this order: one class, the
 * last first */
Test(bitmap_rules, the_largest_told_is_what_a_request_gets_which_sees_four_of_a_class)
{
    static const uint8_t sizes[] = {55, 48, 49, 50, 51};
    uint8_t *blocks[5];

    make(2500);
    for (unsigned i = 0; i < 5; i++) {
        blocks[i] = take(sizes[i]);
        (void)take(2);
    }
    (void)take(2500 - 253 - 10);
    cr_assert_eq(heap.engine->largest_free(&heap), 0);
    for (unsigned i = 0; i < 5; i++) {
        cr_assert_eq(smh_heap_free(&heap, blocks[i]), 0);
        cr_assert_eq(heap.engine->largest_free(&heap), (i < 4 ? 55 : 51) * 8);
    }
    cr_expect_null(smh_heap_alloc(&heap, 52 * 8));
    cr_expect_not_null(smh_heap_alloc(&heap, 51 * 8));
}

Test(bitmap_rules, a_chunk_in_the_last_class_that_there_may_be_is_seen)
{
    static uint32_t heads[SMH_BITMAP_MAPS * SMH_BITMAP_BITS];
    const uint32_t last = SMH_BITMAP_MAPS * SMH_BITMAP_BITS - 1;

    make(500);
    map->heads = heads;
    map->reserve = 0;
    map->reserve_end = 0;
    map->maps[last / SMH_BITMAP_BITS] = (smh_bitmap_word)1 << last % SMH_BITMAP_BITS;
    *smh_bitmap_head(map, last) = SMH_BITMAP_FIRST;
    smh_bitmap_describe(map, SMH_BITMAP_FIRST + 1, map->end, true);
    cr_expect_eq(heap.engine->largest_free(&heap), 4000);
}

/* | free 200: listed | used 2 | free 20: listed | used: all the rest |: the head of the first is
 * lost, the bit of its class is not */
Test(bitmap_rules, of_a_highest_class_whose_head_is_lost_nothing_is_told_and_no_lower_one_is_asked)
{
    make(2500);
    uint8_t *chunk = take(200);
    (void)take(2);
    uint8_t *smaller = take(20);
    bitmap_take_all(&heap);
    cr_assert_eq(smh_heap_free(&heap, chunk), 0);
    cr_assert_eq(smh_heap_free(&heap, smaller), 0);
    cr_assert_eq(heap.engine->largest_free(&heap), 200 * 8);
    *smh_bitmap_head(map, smh_bitmap_class(map, 200)) = 0;
    cr_expect_eq(heap.engine->largest_free(&heap), 0);
}

/* --- stray writes into large chunks ------------------------------------------------------------
 */

/* | free 400, says 401 | used: all the rest | */
Test(bitmap_rules, a_chunk_that_says_to_be_a_unit_longer_than_it_is_is_not_taken_for_that)
{
    make(2500);
    uint8_t *chunk = take(400);
    (void)take(2100);
    cr_assert_eq(smh_heap_free(&heap, chunk), 0);
    smh_bitmap_links_at(map, bit_of(chunk))->size = 401;
    cr_expect_null(smh_heap_alloc(&heap, 401 * 8));
    smh_bitmap_links_at(map, bit_of(chunk))->size = 400;
    cr_expect_eq(smh_heap_alloc(&heap, 400 * 8), chunk);
}

/* | free 4 | used 2 | free 400 | used: all the rest |: the second leads to the first, which says
 * that it ends where the second does, in whose inside lies the descriptor that would bear it out */
Test(bitmap_rules, a_small_chunk_that_says_to_end_with_a_long_one_behind_it_is_not_taken_for_that)
{
    make(2500);
    uint8_t *small = take(4);
    (void)take(2);
    uint8_t *chunk = take(400);
    (void)take(2094);
    cr_assert_eq(smh_heap_free(&heap, small), 0);
    cr_assert_eq(smh_heap_free(&heap, chunk), 0);
    smh_bitmap_links_at(map, bit_of(small))->size = 406;
    smh_bitmap_links_at(map, bit_of(chunk))->next = bit_of(small);
    cr_expect_null(smh_heap_alloc(&heap, 405 * 8));
    cr_expect_eq(smh_heap_alloc(&heap, 400 * 8), chunk);
}

/* --- the smallest regions --------------------------------------------------------------------- */

/* | tables: 72 | skip | whole granules ... | what is less than one | */
Test(bitmap_rules, a_region_that_holds_no_granule_behind_its_tables_is_refused_to_the_byte)
{
    for (size_t granule = 8; granule <= 256; granule *= 2) {
        size_t most = 16 * (granule == 8 ? 8 : granule / 2); /* more units have more classes */

        for (size_t shift = 0; shift < 64; shift += 8) {
            for (size_t bytes = 0; bytes < most; bytes++) {
                struct smh_heap_config config = {.engine = &smh_engine_bitmap,
                                                 .memory = memory + shift,
                                                 .memory_size = bytes,
                                                 .granule = granule};
                size_t first = (shift + 72 + granule - 1) / granule * granule;
                size_t whole = shift + bytes < first ? 0 : (shift + bytes - first) / granule;
                size_t least = granule == 8 ? 2 : 1;

                cr_assert_eq(smh_heap_init(&heap, &config), whole < least ? -ENOMEM : 0,
                             "%zu bytes at %zu, granule %zu", bytes, shift, granule);
                if (whole >= least) {
                    cr_assert_eq(heap.capacity_bytes, whole * granule);
                    cr_assert_eq(heap.metadata_size, 72);
                }
            }
        }
    }
}

/* | granules of 64 | 32 |      a pointer to what is too little for a block */
Test(bitmap_rules, behind_the_last_granule_lies_no_block)
{
    bitmap_make(&heap, memory, 10 * 64 + 32, 64);
    cr_assert_eq(heap.capacity_bytes, 10 * 64);
    for (unsigned used = 0; used < 2; used++) {
        cr_expect_eq(smh_heap_verdict(&heap, memory + 10 * 64), -EINVAL);
        cr_expect_eq(smh_heap_free(&heap, memory + 10 * 64), -EINVAL);
        cr_assert_eq(smh_heap_alloc(&heap, 10 * 64) != NULL, used == 0);
    }
}

/* 32 GiB with room for tables of any size, none of it to be touched. */
Test(bitmap_rules,
     a_region_with_more_units_than_are_counted_is_refused_whatever_its_tables_may_take)
{
#if UINTPTR_MAX > UINT32_MAX
    size_t bytes = (UINT32_MAX - (size_t)255) * 8;
    uint8_t *all =
        mmap(NULL, 2 * bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    struct smh_heap_config config = {.engine = &smh_engine_bitmap,
                                     .memory = all,
                                     .memory_size = bytes,
                                     .metadata = all + bytes,
                                     .metadata_size = bytes};

    if (all == (uint8_t *)MAP_FAILED) {
        cr_skip_test("no room");
    }
    cr_expect_eq(smh_heap_init(&heap, &config), -ENOMEM);
    (void)munmap(all, 2 * bytes);
#else
    cr_skip_test("there are fewer addresses");
#endif
}
