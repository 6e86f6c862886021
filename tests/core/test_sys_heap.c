/* test_sys_heap.c: the functions under Zephyr's names, included by Zephyr's path and nothing else.
 *
 * What they place is in test_zephyr_golden.c; here: what they return, report and refuse.
 */
#include <zephyr/sys/sys_heap.h>

#include "panic_hook.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(Z_HEAP_MIN_SIZE == (sizeof(void *) > 4 ? 56 : 44), "Zephyr's least heap");
/* An array of it: the macro is a constant expression. */
static _Alignas(8) uint8_t region[Z_HEAP_MIN_SIZE_FOR(8192)];
static struct sys_heap heap; /* all zero until a test makes it */

#define HEADER_BYTES (sizeof(void *) > 4 ? 8u : 4u)

static size_t allocated(void)
{
    struct sys_memory_stats stats = {0, 0, 0};

    cr_assert_eq(sys_heap_runtime_stats_get(&heap, &stats), 0);
    return stats.allocated_bytes;
}

Test(sys_heap, before_init_everything_is_refused_and_nothing_crashes)
{
    struct panic_notes *panics = panic_hook_arm();
    struct sys_memory_stats stats;
    int outside;

    cr_expect_null(sys_heap_alloc(&heap, 8));
    cr_expect_null(sys_heap_aligned_alloc(&heap, 16, 8));
    cr_expect_null(sys_heap_realloc(&heap, NULL, 8));
    cr_expect_not(sys_heap_validate(&heap));
    cr_expect_eq(sys_heap_usable_size(&heap, &outside), 0);
    cr_expect_eq(sys_heap_runtime_stats_get(&heap, &stats), -EINVAL);
    cr_expect_eq(sys_heap_runtime_stats_reset_max(&heap), -EINVAL);
    sys_heap_free(&heap, NULL);
    cr_expect_eq(panics->count, 0);
    sys_heap_free(&heap, &outside);
    cr_expect_eq(panics->count, 1);
    cr_expect_null(sys_heap_alloc(NULL, 8));
    cr_expect_not(sys_heap_validate(NULL));
}

Test(sys_heap, a_heap_too_small_has_no_heap_and_serves_nothing)
{
    for (size_t bytes = 0; bytes < Z_HEAP_MIN_SIZE; bytes++) {
        sys_heap_init(&heap, region, bytes);
        cr_expect_null(heap.heap, "%zu bytes", bytes);
        cr_expect_null(sys_heap_alloc(&heap, 1));
    }
    sys_heap_init(&heap, region, Z_HEAP_MIN_SIZE);
    cr_expect_eq((void *)heap.heap, (void *)region);
    cr_expect_not_null(sys_heap_alloc(&heap, 1));
    sys_heap_init(&heap, NULL, 1024);
    cr_expect_null(heap.heap);
    sys_heap_init(NULL, region, 1024);
}

Test(sys_heap, a_heap_of_the_least_size_for_n_bytes_serves_n_and_one_unit_less_does_not)
{
    for (size_t bytes = 1; bytes <= 8192; bytes++) {
        size_t size = Z_HEAP_MIN_SIZE_FOR(bytes);

        sys_heap_init(&heap, region, size);
        cr_assert_not_null(sys_heap_alloc(&heap, bytes), "%zu bytes of %zu", bytes, size);
        sys_heap_init(&heap, region, size - 1);
        cr_assert_null(sys_heap_alloc(&heap, bytes), "%zu bytes of %zu", bytes, size - 1);
    }
}

Test(sys_heap, the_least_size_is_right_where_32_bit_headers_grow)
{
    /* On 32 bits, heaps above 32,767 units have wider headers. */
    for (size_t bytes = 261000; bytes < 263000; bytes += 4) {
        size_t size = Z_HEAP_MIN_SIZE_FOR(bytes);
        void *memory = aligned_alloc(8, (size + 7) / 8 * 8);

        sys_heap_init(&heap, memory, size);
        cr_assert_not_null(sys_heap_alloc(&heap, bytes), "%zu bytes of %zu", bytes, size);
        free(memory);
    }
}

Test(sys_heap, realloc_of_null_allocates_and_to_zero_frees)
{
    void *block;

    sys_heap_init(&heap, region, 1024);
    block = sys_heap_realloc(&heap, NULL, 40);
    cr_assert_not_null(block);
    cr_expect_null(sys_heap_realloc(&heap, block, 0));
    cr_expect_eq(allocated(), 0);
    block = sys_heap_aligned_realloc(&heap, NULL, 64, 40);
    cr_assert_not_null(block);
    cr_expect_eq((uintptr_t)block % 64, 0);
    cr_expect_null(sys_heap_aligned_realloc(&heap, block, 64, 0));
    cr_expect_eq(allocated(), 0);
    cr_expect_null(sys_heap_alloc(&heap, 0));
    cr_expect_null(sys_heap_realloc(&heap, NULL, 0));
}

Test(sys_heap, a_failed_realloc_keeps_the_block_and_its_bytes)
{
    uint8_t *block;

    sys_heap_init(&heap, region, 1024);
    block = sys_heap_alloc(&heap, 100);
    memset(block, 0x3c, 100);
    cr_expect_null(sys_heap_realloc(&heap, block, 4096));
    cr_expect_null(sys_heap_realloc(&heap, block, SIZE_MAX));
    cr_expect_null(sys_heap_aligned_realloc(&heap, block, 24, 50), "24 is no power of two");
    for (size_t i = 0; i < 100; i++) {
        cr_assert_eq(block[i], 0x3c);
    }
    cr_expect(sys_heap_validate(&heap));
    cr_expect_geq(sys_heap_usable_size(&heap, block), 100);
}

/*     |H|h first |h second|   free   |   ->   |H|   free   |h second|h first, longer|  free  | */
Test(sys_heap, a_realloc_that_cannot_grow_in_place_copies)
{
    uint8_t *first;
    uint8_t *moved;

    sys_heap_init(&heap, region, 1024);
    first = sys_heap_alloc(&heap, 64);
    cr_assert_not_null(sys_heap_alloc(&heap, 64));
    for (size_t i = 0; i < 64; i++) {
        first[i] = (uint8_t)i;
    }
    moved = sys_heap_realloc(&heap, first, 128);
    cr_expect_neq(moved, first);
    for (size_t i = 0; i < 64; i++) {
        cr_assert_eq(moved[i], i);
    }
    cr_expect_eq(sys_heap_alloc(&heap, 64), first, "its old place is free");
}

Test(sys_heap, a_realloc_to_the_same_chunk_size_touches_nothing)
{
    static uint8_t image[1024];
    uint8_t *block;

    sys_heap_init(&heap, region, sizeof(image));
    block = sys_heap_alloc(&heap, 61);
    cr_assert_not_null(sys_heap_alloc(&heap, 30));
    sys_heap_free(&heap, sys_heap_alloc(&heap, 100));
    memcpy(image, region, sizeof(image));
    cr_expect_eq(sys_heap_realloc(&heap, block, 64), block);
    cr_expect_eq(memcmp(image, region, sizeof(image)), 0);
}

Test(sys_heap, noalign_alloc_ignores_its_alignment)
{
    sys_heap_init(&heap, region, 4096);
    cr_expect_not_null(sys_heap_noalign_alloc(&heap, 12345, 10));
    cr_expect_lt((uintptr_t)sys_heap_noalign_alloc(&heap, 2048, 10) - (uintptr_t)region, 256);
}

Test(sys_heap, an_alignment_of_three_bits_is_refused)
{
    sys_heap_init(&heap, region, 4096);
    cr_expect_null(sys_heap_aligned_alloc(&heap, 32 | 8 | 2, 10));
    cr_expect_not_null(sys_heap_aligned_alloc(&heap, 32 | 8, 10));
}

Test(sys_heap, blocks_shifted_by_a_small_rewind_are_known_again)
{
    sys_heap_init(&heap, region, 4096);
    for (size_t rewind = 1; rewind < 64; rewind <<= 1) {
        uint8_t *block = sys_heap_aligned_alloc(&heap, 64 | rewind, 50);

        cr_assert_not_null(block);
        cr_expect_eq(((uintptr_t)block + rewind) % 64, 0);
        memset(block, 0xff, 50);
        cr_expect(sys_heap_validate(&heap), "rewind %zu", rewind);
        cr_expect_geq(sys_heap_usable_size(&heap, block), 50);
        cr_expect_not_null(sys_heap_realloc(&heap, block, 40));
        cr_expect(sys_heap_validate(&heap));
    }
}

Test(sys_heap, misuse_panics_once_and_changes_nothing)
{
    static uint8_t image[1024];
    struct panic_notes *panics = panic_hook_arm();
    struct sys_memory_stats stats;
    uint8_t *first;
    uint8_t *second;
    uint8_t elsewhere[16];
    size_t expected = 0;

    sys_heap_init(&heap, region, sizeof(image));
    first = sys_heap_alloc(&heap, 40);
    second = sys_heap_alloc(&heap, 40);
    cr_assert(first != NULL && second != NULL);
    memset(first, 0x11, 40);
    sys_heap_free(&heap, second);
    memcpy(image, region, sizeof(image));
    void *const wrong[] = {second, elsewhere, region, first + 16, region + sizeof(image)};

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        sys_heap_free(&heap, wrong[i]);
        cr_expect_eq(panics->count, ++expected, "free, row %zu", i);
        cr_expect_eq(panics->address, wrong[i]);
        cr_expect_str_eq(panics->function, "sys_heap_free");
        cr_expect_null(sys_heap_realloc(&heap, wrong[i], 10));
        cr_expect_eq(panics->count, ++expected, "realloc, row %zu", i);
        cr_expect_null(sys_heap_aligned_realloc(&heap, wrong[i], 32, 0));
        cr_expect_eq(panics->count, ++expected, "aligned realloc, row %zu", i);
        cr_expect_eq(sys_heap_usable_size(&heap, wrong[i]), 0);
        cr_expect_eq(panics->count, expected, "a question is no misuse");
    }
    cr_expect_eq(memcmp(image, region, sizeof(image)), 0);
    cr_expect_eq(sys_heap_runtime_stats_get(&heap, &stats), 0);
    cr_expect(sys_heap_validate(&heap));
}

/* Blocks of near the heap's size, k_malloc(n - 16) of old: none may be handed out too short. */
Test(sys_heap, every_size_around_the_heaps_own_is_served_in_full_or_refused)
{
    for (size_t bytes = 900; bytes < 1100; bytes++) {
        uint8_t *block;

        sys_heap_init(&heap, region, 1024);
        block = sys_heap_alloc(&heap, bytes);
        if (block != NULL) {
            cr_assert_leq((uintptr_t)block + bytes, (uintptr_t)region + 1024);
            memset(block, 0xff, bytes);
        }
        cr_assert(sys_heap_validate(&heap), "%zu bytes", bytes);
    }
}

Test(sys_heap, aligned_blocks_never_overlap)
{
    uint8_t *blocks[64];
    size_t count = 0;

    sys_heap_init(&heap, region, 8192);
    for (size_t i = 0; i < 64; i++) {
        size_t align = (size_t)1 << (i % 9);
        uint8_t *block = sys_heap_aligned_alloc(&heap, align, 1 + i);

        if (block != NULL) {
            cr_assert_eq((uintptr_t)block % align, 0);
            memset(block, (int)i, 1 + i);
            block[0] = (uint8_t)i;
            blocks[count] = block;
            count++;
        }
    }
    cr_assert_gt(count, 40);
    cr_assert(sys_heap_validate(&heap));
    for (size_t i = 0; i < count; i++) {
        uint8_t mark = blocks[i][0];

        for (size_t at = 0; at < 1u + mark; at++) {
            cr_assert_eq(blocks[i][at], mark);
        }
        sys_heap_free(&heap, blocks[i]);
    }
    cr_expect_eq(allocated(), 0);
}

/* --- statistics ------------------------------------------------------------------------------ */

Test(sys_heap_stats, are_in_usable_bytes_and_follow_every_operation)
{
    struct sys_memory_stats before;
    struct sys_memory_stats stats;
    void *block;
    void *other;

    sys_heap_init(&heap, region, 2048);
    sys_heap_runtime_stats_get(&heap, &before);
    cr_expect_eq(before.allocated_bytes, 0);
    cr_expect_eq(before.max_allocated_bytes, 0);
    block = sys_heap_alloc(&heap, 100);
    sys_heap_runtime_stats_get(&heap, &stats);
    cr_expect_eq(stats.allocated_bytes, sys_heap_usable_size(&heap, block));
    cr_expect_eq(before.free_bytes - stats.free_bytes, stats.allocated_bytes + HEADER_BYTES);
    other = sys_heap_alloc(&heap, 24);
    cr_expect_eq(allocated(),
                 sys_heap_usable_size(&heap, block) + sys_heap_usable_size(&heap, other));
    sys_heap_free(&heap, block);
    sys_heap_free(&heap, other);
    sys_heap_runtime_stats_get(&heap, &stats);
    cr_expect_eq(stats.free_bytes, before.free_bytes);
    cr_expect_eq(stats.allocated_bytes, 0);
    cr_expect_gt(stats.max_allocated_bytes, 124);
}

Test(sys_heap_stats, shrinking_and_growing_in_place_move_whole_units)
{
    size_t before;
    void *block;

    sys_heap_init(&heap, region, 2048);
    block = sys_heap_alloc(&heap, 100);
    before = allocated();
    cr_expect_eq(sys_heap_realloc(&heap, block, before + 1), block);
    cr_expect_eq(allocated(), before + 8);
    cr_expect_eq(sys_heap_realloc(&heap, block, before - 16), block);
    cr_expect_eq(allocated(), before - 16);
}

Test(sys_heap_stats, a_moving_realloc_counts_both_blocks_in_the_maximum)
{
    struct sys_memory_stats stats;
    void *block;
    void *moved;

    sys_heap_init(&heap, region, 2048);
    block = sys_heap_alloc(&heap, 100);
    cr_assert_not_null(sys_heap_alloc(&heap, 8));
    size_t both = allocated();

    moved = sys_heap_realloc(&heap, block, 200);
    cr_assert(moved != NULL && moved != block);
    sys_heap_runtime_stats_get(&heap, &stats);
    cr_expect_eq(stats.max_allocated_bytes, both + sys_heap_usable_size(&heap, moved));
}

Test(sys_heap_stats, resetting_the_maximum_sets_it_to_what_is_allocated)
{
    struct sys_memory_stats stats;
    void *block;

    sys_heap_init(&heap, region, 2048);
    block = sys_heap_alloc(&heap, 500);
    cr_assert_not_null(sys_heap_alloc(&heap, 50));
    sys_heap_free(&heap, block);
    cr_expect_eq(sys_heap_runtime_stats_reset_max(&heap), 0);
    sys_heap_runtime_stats_get(&heap, &stats);
    cr_expect_eq(stats.max_allocated_bytes, stats.allocated_bytes);
    cr_expect_gt(stats.max_allocated_bytes, 0);
}

Test(sys_heap_stats, null_pointers_are_einval)
{
    struct sys_memory_stats stats;

    sys_heap_init(&heap, region, 2048);
    cr_expect_eq(sys_heap_runtime_stats_get(NULL, &stats), -EINVAL);
    cr_expect_eq(sys_heap_runtime_stats_get(&heap, NULL), -EINVAL);
    cr_expect_eq(sys_heap_runtime_stats_reset_max(NULL), -EINVAL);
}

Test(sys_heap_stats, room_for_the_counters_is_made_only_when_asked_for)
{
    uintptr_t plain;

    smh_sys_heap_init(&heap, region, 1024, false);
    plain = (uintptr_t)sys_heap_alloc(&heap, 1);
    smh_sys_heap_init(&heap, region, 1024, true);
    cr_expect_eq((uintptr_t)sys_heap_alloc(&heap, 1) - plain, sizeof(size_t) == 8 ? 24 : 8,
                 "3 * 8 bytes; or 12, of which 4 were left over");
}

/* --- the rest -------------------------------------------------------------------------------- */

Test(sys_heap, the_table_of_all_heaps_is_empty_as_by_default_in_zephyr)
{
    struct sys_heap **all = (struct sys_heap **)region;

    cr_expect_eq(sys_heap_array_save(&heap), -EINVAL);
    cr_expect_eq(sys_heap_array_get(NULL), -EINVAL);
    cr_expect_eq(sys_heap_array_get(&all), 0);
    cr_expect_null(all);
}

static void *stress_alloc(void *arg, size_t bytes)
{
    return sys_heap_alloc(arg, bytes);
}

static void stress_free(void *arg, void *block)
{
    sys_heap_free(arg, block);
}

/* The figures of Zephyr's own lib/heap, run with the same arguments, compiled for both widths. */
Test(sys_heap_stress, gives_the_result_that_zephyr_gives)
{
    static _Alignas(8) uint8_t memory[60000];
    static void *scratch[4096 / sizeof(void *)];
    static const struct {
        size_t bytes;
        int target_percent;
        uint32_t wide[3];
        uint64_t wide_in_use;
        uint32_t narrow[3];
        uint64_t narrow_in_use;
    } rows[] = {
        {2048, 50, {2153, 1980, 1943}, 3654134, {2134, 1995, 1962}, 3601396},
        {2048, 100, {3370, 836, 726}, 3160851, {3148, 1107, 948}, 4140297},
        {60000, 80, {2220, 2130, 1876}, 47587477, {2355, 2251, 1741}, 95078395},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const uint32_t *expected = sizeof(void *) > 4 ? rows[i].wide : rows[i].narrow;
        struct z_heap_stress_result result;

        sys_heap_init(&heap, memory, rows[i].bytes);
        sys_heap_stress(stress_alloc, stress_free, &heap, rows[i].bytes, 4096, scratch,
                        sizeof(scratch), rows[i].target_percent, &result);
        cr_expect_eq(result.total_allocs, expected[0]);
        cr_expect_eq(result.successful_allocs, expected[1]);
        cr_expect_eq(result.total_frees, expected[2]);
        cr_expect_eq(result.accumulated_in_use_bytes,
                     sizeof(void *) > 4 ? rows[i].wide_in_use : rows[i].narrow_in_use);
        cr_expect(sys_heap_validate(&heap));
    }
}

Test(sys_heap_stress, without_scratch_memory_nothing_is_done)
{
    struct z_heap_stress_result result;
    void *scratch[1];

    sys_heap_init(&heap, region, 1024);
    sys_heap_stress(stress_alloc, stress_free, &heap, 1024, 100, scratch, 0, 50, &result);
    cr_expect_eq(result.total_allocs, 0);
    sys_heap_stress(stress_alloc, stress_free, &heap, 0, 100, scratch, 0, 50, &result);
    cr_expect_eq(result.total_frees, 0);
}

/* Targets and totals of nothing, which Zephyr would divide by. */
Test(sys_heap_stress, a_target_or_a_total_of_nothing_is_no_division)
{
    static _Alignas(8) uint8_t memory[4096];
    static void *scratch[1024 / sizeof(void *)];
    static const struct {
        size_t total_bytes;
        int target_percent;
        uint32_t figures[3];
        uint64_t in_use;
    } rows[] = {
        {0, 50, {256, 245, 244}, 7471},          {0, 0, {256, 245, 244}, 7471},
        {1, 1, {256, 245, 244}, 7471},           {4096, 0, {256, 245, 244}, 7471},
        {4096, 1, {259, 247, 241}, 28570},       {4096, 2, {259, 250, 241}, 51589},
        {SIZE_MAX, 99, {292, 271, 208}, 992195},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && sizeof(void *) > 4; i++) {
        struct z_heap_stress_result result;

        sys_heap_init(&heap, memory, sizeof(memory));
        sys_heap_stress(stress_alloc, stress_free, &heap, rows[i].total_bytes, 500, scratch,
                        sizeof(scratch), rows[i].target_percent, &result);
        cr_expect_eq(result.total_allocs, rows[i].figures[0]);
        cr_expect_eq(result.successful_allocs, rows[i].figures[1]);
        cr_expect_eq(result.total_frees, rows[i].figures[2]);
        cr_expect_eq(result.accumulated_in_use_bytes, rows[i].in_use);
    }
}
