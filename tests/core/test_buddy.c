/* test_buddy.c: the layouts of the binary buddy system.
 *
 * heap_picture.h tells how to read the pictures; lists and table lie outside, in metadata, and the
 * memory starts at a multiple of its size.
 */
#include "heap_picture.h"

#include <criterion/criterion.h>
#include <smh/port.h>
#include <string.h>

static void set_up(void)
{
    cr_assert_eq(picture_init(&smh_engine_buddy, 0, 0, PICTURE_BYTES), 0);
}

TestSuite(buddy, .init = set_up);

Test(buddy, a_new_heap_is_one_block)
{
    picture_looks("f1024");
}

Test(buddy, a_block_is_halved_until_it_fits_and_the_front_is_taken)
{
    cr_assert_eq(picture_take(100), picture_memory);
    picture_looks("u128 f128 f256 f512");
}

Test(buddy, bytes_are_rounded_up_to_a_power_of_two_from_16)
{
    for (size_t bytes = 1; bytes <= PICTURE_BYTES; bytes++) {
        size_t rounded = 16;
        void *block = picture_take(bytes);

        while (rounded < bytes) {
            rounded *= 2;
        }
        cr_assert_eq(smh_heap_usable_size(&picture_heap, block), rounded);
        cr_assert_eq(picture_heap.used_bytes, rounded);
        picture_give(block);
    }
}

Test(buddy, the_smallest_block_that_suffices_is_taken_before_a_larger_one_is_halved)
{
    void *block = picture_take(128);

    cr_assert_eq(picture_take(100), (uint8_t *)block + 128);
    cr_assert_eq(picture_take(200), (uint8_t *)block + 256);
    cr_assert_eq(picture_take(60), (uint8_t *)block + 512);
    picture_looks("u128 u128 u256 u64 f64 f128 f256");
}

Test(buddy, blocks_lie_at_multiples_of_their_size)
{
    for (size_t bytes = 16; bytes <= 256; bytes *= 2) {
        void *block;

        set_up();
        while ((block = smh_heap_alloc(&picture_heap, bytes)) != NULL) {
            cr_assert_eq((uintptr_t)block % bytes, 0);
        }
        cr_assert_eq(picture_heap.used_bytes, PICTURE_BYTES);
    }
}

Test(buddy, a_block_joins_its_buddy_and_so_on_upwards)
{
    void *first = picture_take(100);
    void *second = picture_take(100);

    picture_give(first);
    picture_looks("f128 u128 f256 f512");
    picture_give(second);
    picture_looks("f1024");
}

Test(buddy, a_neighbour_that_is_no_buddy_is_not_joined)
{
    void *blocks[8];

    for (size_t i = 0; i < 8; i++) {
        blocks[i] = picture_take(128);
        cr_assert_eq(blocks[i], picture_memory + 128 * i);
    }
    picture_give(blocks[1]);
    picture_give(blocks[2]);
    picture_looks("u128 f128 f128 u128 u128 u128 u128 u128");
    cr_assert_null(smh_heap_alloc(&picture_heap, 129));
    picture_give(blocks[3]);
    picture_looks("u128 f128 f256 u128 u128 u128 u128");
}

/*     | A | B | C | D | ...      A is free, and so is then C: B joins A, behind C in their list */
Test(buddy, a_block_that_joins_the_last_of_a_list_leaves_the_others_in_it)
{
    void *blocks[4];

    for (size_t i = 0; i < 4; i++) {
        blocks[i] = picture_take(16);
    }
    picture_give(blocks[0]);
    picture_give(blocks[2]);
    picture_give(blocks[1]);
    picture_looks("f32 f16 u16 f64 f128 f256 f512");
    cr_assert_eq(picture_take(16), blocks[2]);
    cr_assert_eq(picture_take(16), blocks[0]);
}

Test(buddy, a_buddy_that_is_cut_is_not_joined)
{
    void *first = picture_take(128);
    void *part = picture_take(16);

    picture_give(first);
    picture_looks("f128 u16 f16 f32 f64 f256 f512");
    picture_give(part);
    picture_looks("f1024");
}

Test(buddy, an_aligned_block_gives_back_what_its_alignment_took)
{
    picture_take(16);
    cr_assert_eq(smh_heap_aligned_alloc(&picture_heap, 256, 20), picture_memory + 256);
    picture_looks("u16 f16 f32 f64 f128 u32 f32 f64 f128 f512");
}

Test(buddy, resize_joins_free_upper_buddies)
{
    void *block = picture_take(100);

    cr_assert(smh_heap_resize(&picture_heap, block, 500));
    picture_looks("u512 f512");
    cr_assert(smh_heap_resize(&picture_heap, block, 1024));
    picture_looks("u1024");
}

/*     64 blocks of 16: each in turn, with its buddy free */
Test(buddy, wherever_a_block_lies_it_grows_into_its_upper_buddy_and_not_into_its_lower_one)
{
    void *blocks[PICTURE_BYTES / 16];

    for (size_t i = 0; i < PICTURE_BYTES / 16; i++) {
        blocks[i] = picture_take(16);
    }
    for (size_t i = 0; i < PICTURE_BYTES / 16; i++) {
        picture_give(blocks[i ^ 1]);
        cr_assert_eq(smh_heap_resize(&picture_heap, blocks[i], 32), i % 2 == 0, "block %zu", i);
        cr_assert_eq(smh_heap_check(&picture_heap, NULL), 0);
        cr_assert(smh_heap_resize(&picture_heap, blocks[i], 16));
        cr_assert_eq(picture_take(16), blocks[i ^ 1]);
    }
}

Test(buddy, resize_does_not_join_a_lower_buddy_nor_one_in_use_nor_one_cut)
{
    void *lower = picture_take(128);
    void *upper = picture_take(128);

    cr_assert_not(smh_heap_resize(&picture_heap, lower, 129));
    picture_give(lower);
    cr_assert_not(smh_heap_resize(&picture_heap, upper, 129));
    lower = picture_take(128);
    picture_give(upper);
    picture_take(8);
    cr_assert_not(smh_heap_resize(&picture_heap, lower, 129));
    picture_looks("u128 u16 f16 f32 f64 f256 f512");
}

Test(buddy, resize_cuts_off_what_is_no_longer_needed)
{
    void *block = picture_take(1000);

    cr_assert(smh_heap_resize(&picture_heap, block, 33));
    picture_looks("u64 f64 f128 f256 f512");
    picture_give(block);
    picture_looks("f1024");
}

Test(buddy, memory_of_odd_place_and_size_begins_and_ends_with_smaller_blocks)
{
    void *block;

    cr_assert_eq(picture_init(&smh_engine_buddy, 0, 200, 700), 0);
    /* from 208 to 896 */
    picture_looks("f16 f32 f256 f256 f128");
    while ((block = smh_heap_alloc(&picture_heap, 1)) != NULL) {
        cr_assert_eq(smh_heap_check(&picture_heap, NULL), 0);
    }
    for (size_t offset = 208; offset < 896; offset += 16) {
        picture_give(picture_memory + offset);
    }
    picture_looks("f16 f32 f256 f256 f128");
}

Test(buddy, granules_are_the_smallest_blocks)
{
    for (size_t granule = 8; granule <= 512; granule *= 2) {
        cr_assert_eq(picture_init(&smh_engine_buddy, granule, 0, PICTURE_BYTES), 0);
        cr_assert_eq(smh_heap_alignment(&picture_heap), granule);
        cr_assert_eq(smh_heap_usable_size(&picture_heap, picture_take(1)), granule);
    }
    cr_assert_eq(picture_init(&smh_engine_buddy, 4, 0, PICTURE_BYTES), -EINVAL);
    cr_assert_eq(picture_init(&smh_engine_buddy, 2048, 0, PICTURE_BYTES), -ENOMEM);
}

/* Carved from memory: lists, 4 bytes an order; then n entries and n units of 16. */
Test(buddy, tables_carved_from_memory_leave_as_many_units_as_can_be)
{
    static _Alignas(4096) uint8_t memory[4096];

    for (size_t size = 48; size <= sizeof(memory); size += 7) {
        struct smh_heap heap;
        struct smh_heap_config config = {
            .memory = memory, .memory_size = size, .engine = &smh_engine_buddy};
        size_t units;
        void *block;

        cr_assert_eq(smh_heap_init(&heap, &config), 0);
        units = heap.capacity_bytes / 16;
        /* At most one unit is lost to where the first begins, one to where the last ends. */
        cr_assert_geq((units + 2) * 17 + 40, size, "%zu bytes: %zu units", size, units);
        while ((block = smh_heap_alloc(&heap, 16)) != NULL) {
            memset(block, 0xff, 16);
        }
        cr_assert_eq(heap.live_blocks, units);
        cr_assert_eq(smh_heap_check(&heap, NULL), 0);
    }
}

Test(buddy, placement_is_the_same_for_either_target)
{
    static _Alignas(65536) uint8_t memory[2][65536];
    struct smh_heap heaps[2];

    for (unsigned i = 0; i < 2; i++) {
        struct smh_heap_config config = {.memory = memory[i],
                                         .memory_size = sizeof(memory[i]),
                                         .target_bits = i == 0 ? 32 : 64,
                                         .engine = &smh_engine_buddy};

        cr_assert_eq(smh_heap_init(&heaps[i], &config), 0);
    }
    for (size_t bytes = 1; bytes < 5000; bytes += bytes / 3 + 1) {
        uint8_t *first = smh_heap_alloc(&heaps[0], bytes);
        uint8_t *second = smh_heap_alloc(&heaps[1], bytes);

        cr_assert_eq(first - memory[0], second - memory[1]);
    }
}

Test(buddy, the_sufficient_chunk_suffices_and_no_smaller_one)
{
    for (size_t align = 1; align <= 1024; align *= 2) {
        for (size_t bytes = 1; bytes <= 1024; bytes += 5) {
            size_t sufficient = smh_engine_buddy.sufficient_chunk(&picture_heap, align, bytes);

            for (size_t hole = 16; hole <= 1024; hole *= 2) {
                void *block;

                set_up();
                block = picture_take(hole);
                while (smh_heap_alloc(&picture_heap, 1) != NULL) {
                }
                picture_give(block);
                block = smh_heap_aligned_alloc(&picture_heap, align, bytes);
                cr_assert_eq(block != NULL, sufficient <= hole, "align %zu bytes %zu hole %zu",
                             align, bytes, hole);
            }
        }
    }
    cr_assert_eq(smh_engine_buddy.sufficient_chunk(&picture_heap, 0, 1025), SIZE_MAX);
    cr_assert_eq(smh_engine_buddy.sufficient_chunk(&picture_heap, 2048, 8), SIZE_MAX);
    cr_assert_eq(smh_engine_buddy.sufficient_chunk(&picture_heap, SIZE_MAX / 2 + 1, 8), SIZE_MAX);
    cr_assert_eq(smh_engine_buddy.sufficient_chunk(&picture_heap, 0, SIZE_MAX), SIZE_MAX);
}

/* The validator is shown broken tables: 64 entries behind the heads of 7 lists.
 *
 *     unit  0   1   2     4       8          16            32
 *           u16 f16 f32   f64     u128       f256          f512
 */
static uint32_t *lists;
static uint8_t *table;

static void set_up_table(void)
{
    void *block;

    set_up();
    lists = (uint32_t *)(void *)picture_heap.metadata;
    table = picture_heap.metadata + 28;
    picture_take(16);
    block = picture_take(128);
    cr_assert_eq(block, picture_memory + 128);
    picture_looks("u16 f16 f32 f64 u128 f256 f512");
}

static void finds(const char *rule)
{
    struct smh_fault fault = {0};

    cr_assert_eq(smh_heap_check(&picture_heap, &fault), -EINVAL);
    cr_assert_str_eq(fault.rule, rule, "found \"%s\", not \"%s\"", fault.rule, rule);
    set_up_table();
}

TestSuite(buddy_check, .init = set_up_table);

Test(buddy_check, finds_an_impossible_entry)
{
    table[0] = 0;
    finds("a block's size fits its place");
    table[0] = 0x7f;
    finds("a block's size fits its place");
    table[1] = 0x80 | 2; /* a block of 32 at 16 */
    finds("a block's size fits its place");
    table[32] = 0x80 | 7; /* of 1024 at 512 */
    finds("a block's size fits its place");
}

Test(buddy_check, finds_a_block_inside_another)
{
    table[12] = 1;
    finds("no block starts inside another");
    table[63] = 0x80;
    finds("no block starts inside another");
}

Test(buddy_check, finds_buddies_that_were_not_joined)
{
    table[0] |= 0x80;
    finds("no two buddies are both free");
}

Test(buddy_check, finds_a_free_block_that_is_in_no_list)
{
    lists[6] = lists[5];
    lists[5] = UINT32_MAX;
    finds("a list leads to free blocks of its order only");
    lists[5] = UINT32_MAX;
    finds("every free block is in a list");
}

Test(buddy_check, finds_links_that_lead_astray)
{
    static const uint32_t astray[] = {0, 1, 3, 8, 31, 32, 64, 100000, UINT32_MAX - 1};

    for (size_t i = 0; i < sizeof(astray) / sizeof(astray[0]); i++) {
        uint32_t *links = (uint32_t *)(void *)(picture_memory + 256);

        if (astray[i] != 1) {
            lists[0] = astray[i];
            finds("a list leads to free blocks of its order only");
        }
        links[0] = astray[i];
        finds("a list leads to free blocks of its order only");
        links[1] = astray[i];
        finds("a free block links back to the one before it");
    }
}

Test(buddy_check, finds_a_list_that_goes_round)
{
    uint32_t *links = (uint32_t *)(void *)(picture_memory + 256);

    links[0] = 16;
    finds("a free block links back to the one before it");
    links[0] = 16;
    links[1] = 16;
    finds("a free block links back to the one before it");
}

/* What heap.h says of free space holds though free chunks touch. */
Test(buddy_check, accepts_free_neighbours_that_are_no_buddies)
{
    cr_assert_eq(smh_heap_check(&picture_heap, NULL), 0);
    cr_assert_neq(smh_engine_buddy.flags & SMH_ENGINE_PARTIAL_COALESCE, 0);
}
