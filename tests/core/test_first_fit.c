/* test_first_fit.c: the layouts of the textbook allocator, as pictures.
 *
 * A heap is written as its chunks in order: u32 is a chunk in use of 32 bytes, f64 a free one.
 */
#include <criterion/criterion.h>
#include <smh/engine.h>
#include <smh/heap.h>
#include <smh/port.h>
#include <stdio.h>
#include <string.h>

static _Alignas(1024) uint8_t memory[1024];
static uint8_t metadata[64];
static struct smh_heap heap;

static int init(size_t granule, size_t shift, size_t bytes)
{
    struct smh_heap_config config = {.memory = memory + shift,
                                     .memory_size = bytes,
                                     .granule = granule,
                                     .metadata = metadata,
                                     .metadata_size = sizeof(metadata),
                                     .engine = &smh_engine_first_fit};

    return smh_heap_init(&heap, &config);
}

static void set_up(void)
{
    cr_assert_eq(init(0, 0, sizeof(memory)), 0);
}

TestSuite(first_fit, .init = set_up);

static void looks(const char *expected)
{
    char picture[512] = "";
    size_t length = 0;
    struct smh_chunk chunk = {0};
    struct smh_fault fault = {0};

    while (smh_heap_walk(&heap, &chunk)) {
        length += (size_t)snprintf(picture + length, sizeof(picture) - length, "%s%c%zu",
                                   length == 0 ? "" : " ", chunk.used ? 'u' : 'f', chunk.size);
    }
    cr_assert_str_eq(picture, expected, "looks: %s, not: %s", picture, expected);
    cr_assert_eq(smh_heap_check(&heap, &fault), 0, "%s", fault.rule);
}

static void *take(size_t bytes)
{
    void *block = smh_heap_alloc(&heap, bytes);

    cr_assert_not_null(block);
    return block;
}

static void give(void *block)
{
    cr_assert_eq(smh_heap_free(&heap, block), 0);
}

Test(first_fit, a_new_heap_is_one_free_chunk)
{
    looks("f1024");
}

Test(first_fit, a_block_takes_its_bytes_a_header_and_rounding_to_8)
{
    take(1);
    looks("u16 f1008");
    take(8);
    looks("u16 u16 f992");
    take(9);
    looks("u16 u16 u24 f968");
    take(16);
    looks("u16 u16 u24 u24 f944");
}

Test(first_fit, blocks_start_behind_their_headers_at_multiples_of_8)
{
    cr_assert_eq(take(20), memory + 8);
    cr_assert_eq(take(20), memory + 40);
    cr_assert_eq(smh_heap_alignment(&heap), 8);
}

Test(first_fit, the_first_chunk_that_is_large_enough_is_taken)
{
    void *small = take(24);
    void *large;

    take(8);
    large = take(88);
    take(8);
    give(small);
    give(large);
    looks("f32 u16 f96 u16 f864");
    cr_assert_eq(take(56), large);
    looks("f32 u16 u64 f32 u16 f864");
    cr_assert_eq(take(24), small);
    looks("u32 u16 u64 f32 u16 f864");
}

Test(first_fit, a_rest_of_8_bytes_goes_with_the_block)
{
    void *block = take(40);

    take(8);
    give(block);
    looks("f48 u16 f960");
    cr_assert_eq(take(32), block);
    looks("u48 u16 f960");
    cr_assert_eq(smh_heap_usable_size(&heap, block), 40);
}

Test(first_fit, a_heap_can_be_filled_to_the_last_byte)
{
    cr_assert_null(smh_heap_alloc(&heap, 1017));
    take(1016);
    looks("u1024");
    cr_assert_null(smh_heap_alloc(&heap, 1));
    cr_assert_eq(smh_engine_first_fit.largest_free(&heap), 0);
}

Test(first_fit, free_between_used_neighbours_merges_nothing)
{
    void *block;

    take(8);
    block = take(24);
    take(8);
    give(block);
    looks("u16 f32 u16 f960");
}

Test(first_fit, free_merges_to_the_left)
{
    void *left = take(24);
    void *block = take(24);

    take(8);
    give(left);
    give(block);
    looks("f64 u16 f944");
}

Test(first_fit, free_merges_to_the_right)
{
    void *block = take(24);
    void *right = take(24);

    take(8);
    give(right);
    give(block);
    looks("f64 u16 f944");
}

Test(first_fit, free_merges_to_both_sides)
{
    void *left = take(24);
    void *block = take(24);
    void *right = take(24);

    take(8);
    give(left);
    give(right);
    looks("f32 u32 f32 u16 f912");
    give(block);
    looks("f96 u16 f912");
}

Test(first_fit, the_last_block_merges_with_what_is_behind_it)
{
    void *block = take(24);

    give(block);
    looks("f1024");
}

Test(first_fit, the_free_list_stays_in_order_however_blocks_are_freed)
{
    static const size_t order[] = {12, 0, 6, 2, 10, 4, 8};
    void *blocks[14];

    for (size_t i = 0; i < 14; i++) {
        blocks[i] = take(24);
    }
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        give(blocks[order[i]]);
        cr_assert_eq(smh_heap_check(&heap, NULL), 0);
    }
    looks("f32 u32 f32 u32 f32 u32 f32 u32 f32 u32 f32 u32 f32 u32 f576");
}

Test(first_fit, an_aligned_block_leaves_what_it_skips_free)
{
    take(8);
    cr_assert_eq(smh_heap_aligned_alloc(&heap, 128, 24), memory + 128);
    looks("u16 f104 u32 f872");
}

Test(first_fit, an_aligned_block_that_needs_no_skip_leaves_none)
{
    take(112);
    cr_assert_eq(smh_heap_aligned_alloc(&heap, 128, 24), memory + 128);
    looks("u120 u32 f872");
}

Test(first_fit, a_gap_too_small_for_a_chunk_makes_the_block_go_one_alignment_further)
{
    take(40); /* the next header at 48, the block at 56: 8 bytes before 64 */
    cr_assert_eq(smh_heap_aligned_alloc(&heap, 64, 24), memory + 128);
    looks("u48 f72 u32 f872");
}

Test(first_fit, a_chunk_too_short_behind_the_skip_is_passed_over)
{
    void *hole;

    take(8);
    hole = take(112);
    take(8);
    give(hole);
    looks("u16 f120 u16 f872");
    cr_assert_eq(smh_heap_aligned_alloc(&heap, 128, 24), memory + 256);
    looks("u16 f120 u16 f96 u32 f744");
}

Test(first_fit, resize_grows_into_free_space)
{
    void *block = take(24);

    cr_assert(smh_heap_resize(&heap, block, 100));
    looks("u112 f912");
}

Test(first_fit, resize_grows_to_the_very_end_of_free_space)
{
    void *block = take(24);
    void *right = take(56);

    take(8);
    give(right);
    looks("u32 f64 u16 f912");
    cr_assert(smh_heap_resize(&heap, block, 88));
    looks("u96 u16 f912");
}

Test(first_fit, resize_takes_a_rest_of_8_bytes_along)
{
    void *block = take(24);
    void *right = take(56);

    take(8);
    give(right);
    cr_assert(smh_heap_resize(&heap, block, 80));
    looks("u96 u16 f912");
    cr_assert_eq(smh_heap_usable_size(&heap, block), 88);
}

Test(first_fit, resize_fails_before_a_block_and_before_too_little_space)
{
    void *block = take(24);
    void *right = take(56);

    take(8);
    cr_assert_not(smh_heap_resize(&heap, block, 25));
    give(right);
    cr_assert_not(smh_heap_resize(&heap, block, 89));
    looks("u32 f64 u16 f912");
}

Test(first_fit, resize_gives_back_what_is_no_longer_needed)
{
    void *block = take(120);

    take(8);
    cr_assert(smh_heap_resize(&heap, block, 24));
    looks("u32 f96 u16 f880");
}

Test(first_fit, resize_gives_back_to_the_free_chunk_behind)
{
    void *block = take(40);
    void *right = take(24);

    take(8);
    give(right);
    looks("u48 f32 u16 f928");
    cr_assert(smh_heap_resize(&heap, block, 32));
    looks("u40 f40 u16 f928");
}

Test(first_fit, resize_keeps_8_bytes_that_would_be_no_chunk)
{
    void *block = take(40);

    take(8);
    cr_assert(smh_heap_resize(&heap, block, 32));
    looks("u48 u16 f960");
}

Test(first_fit, granules_put_blocks_and_sizes_on_their_multiples)
{
    for (size_t granule = 8; granule <= 256; granule *= 2) {
        struct smh_chunk chunk = {0};

        cr_assert_eq(init(granule, 0, sizeof(memory)), 0);
        cr_assert_eq(smh_heap_alignment(&heap), granule);
        while (smh_heap_alloc(&heap, granule / 2) != NULL) {
        }
        while (smh_heap_walk(&heap, &chunk)) {
            cr_assert_eq(chunk.size % granule, 0);
            cr_assert_geq(chunk.size, granule);
            cr_assert(!chunk.used || (uintptr_t)chunk.block % granule == 0);
        }
        cr_assert_eq(smh_heap_check(&heap, NULL), 0);
    }
}

Test(first_fit, with_a_granule_the_first_header_lies_before_the_first_multiple)
{
    cr_assert_eq(init(64, 0, sizeof(memory)), 0);
    cr_assert_eq(take(56), memory + 64);
    cr_assert_eq(take(57), memory + 128);
    looks("u64 u128 f768"); /* 56 bytes are lost in front, 8 behind */
}

Test(first_fit, odd_memory_is_used_from_its_first_multiple_to_its_last)
{
    cr_assert_eq(init(0, 5, 100), 0);
    looks("f96"); /* from 8 to 104 of memory */
    cr_assert_eq(take(88), memory + 16);
}

Test(first_fit, sixteen_bytes_are_the_smallest_region)
{
    cr_assert_eq(init(0, 0, 15), -ENOMEM);
    cr_assert_eq(init(0, 0, 16), 0);
    looks("f16");
    cr_assert_eq(init(16, 0, 23), -ENOMEM); /* the header starts at 8 */
    cr_assert_eq(init(16, 0, 24), 0);
    cr_assert_eq(init(16, 8, 16), 0);
    looks("f16");
}

/* NULL exactly when no free chunk can hold the block: by brute force over sizes and alignments. */
Test(first_fit, the_sufficient_chunk_suffices_and_without_alignment_no_smaller_one)
{
    for (size_t align = 1; align <= 256; align *= 2) {
        for (size_t bytes = 1; bytes <= 300; bytes += 7) {
            for (size_t front = 8; front <= 128; front += 8) {
                size_t sufficient;
                size_t largest;
                void *block;

                set_up();
                take(front);
                sufficient = smh_engine_first_fit.sufficient_chunk(&heap, align, bytes);
                largest = 1024 - heap.used_bytes;
                /* Leaves exactly as much as is said to suffice. */
                if (sufficient + 16 <= largest) {
                    void *middle = take(sufficient - 8);

                    take(largest - sufficient - 8);
                    give(middle);
                    block = smh_heap_aligned_alloc(&heap, align, bytes);
                    cr_assert_not_null(block, "align %zu bytes %zu front %zu", align, bytes, front);
                    cr_assert_eq((uintptr_t)block % align, 0);
                }
            }
        }
    }
    set_up();
    cr_assert_eq(smh_engine_first_fit.sufficient_chunk(&heap, 0, 1016), 1024);
    cr_assert_eq(smh_engine_first_fit.sufficient_chunk(&heap, 0, 1017), SIZE_MAX);
    cr_assert_eq(smh_engine_first_fit.sufficient_chunk(&heap, SIZE_MAX / 2 + 1, 8),
                 SIZE_MAX / 2 + 1 + 8 + 16);
    cr_assert_eq(smh_engine_first_fit.sufficient_chunk(&heap, 0, SIZE_MAX), SIZE_MAX);
}
