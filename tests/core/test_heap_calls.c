/* test_heap_calls.c: what heap.c asks of an engine, and what it does not.
 *
 *     heap.c --> spy (counts) --> first_fit      whatever is not replaced is first_fit's
 *
 * Owns: engines that count calls, and the start bitmap looked at by itself.
 */
#include "../../src/heap_private.h"

#include <criterion/criterion.h>
#include <smh/heap.h>
#include <string.h>

#define MEMORY_BYTES 65536u

static _Alignas(4096) uint8_t memory[MEMORY_BYTES];
static _Alignas(8) uint8_t metadata[8192];
static struct smh_heap heap;
static struct smh_engine spy;
static struct {
    unsigned walks, allocs, aligned_allocs, slides, acquires, releases, outside;
} calls;
static uint8_t *slid; /* what spy's slide answers */

static bool counting_walk(const struct smh_heap *of, struct smh_chunk *chunk)
{
    calls.walks++;
    return smh_engine_first_fit.walk(of, chunk);
}

static int counting_verdict(const struct smh_heap *of, const void *block)
{
    if (!smh_heap_inside(of, block)) {
        calls.outside++;
        return -EINVAL;
    }
    return smh_engine_first_fit.verdict(of, block);
}

static void *counting_alloc(struct smh_heap *of, size_t bytes)
{
    calls.allocs++;
    return smh_engine_first_fit.alloc(of, bytes);
}

static void *counting_aligned_alloc(struct smh_heap *of, size_t align, size_t bytes)
{
    calls.aligned_allocs++;
    return smh_engine_first_fit.aligned_alloc(of, align, bytes);
}

static void *counting_slide(struct smh_heap *of, void *block, size_t bytes)
{
    (void)of, (void)block, (void)bytes;
    calls.slides++;
    return slid;
}

static void *counting_acquire(struct smh_heap *of, size_t bytes)
{
    calls.acquires++;
    return bytes == 0 ? NULL : smh_engine_first_fit.alloc(of, bytes);
}

static int counting_release(struct smh_heap *of, void *block)
{
    calls.releases++;
    if (block != NULL) {
        smh_engine_first_fit.free(of, block);
    }
    return 0;
}

static void set_up(void)
{
    struct smh_heap_config config = {.memory = memory,
                                     .memory_size = sizeof(memory),
                                     .metadata = metadata,
                                     .metadata_size = sizeof(metadata),
                                     .engine = &spy};

    spy = smh_engine_first_fit;
    spy.walk = counting_walk;
    spy.verdict = counting_verdict;
    spy.alloc = counting_alloc;
    spy.aligned_alloc = counting_aligned_alloc;
    memset(&calls, 0, sizeof(calls));
    cr_assert_eq(smh_heap_init(&heap, &config), 0);
}

TestSuite(heap_calls, .init = set_up);

/*     |b0|b1|..|b99|b100| ... |b199|free    the walk begins at the nearest block below */
Test(heap_calls, why_a_pointer_is_refused_is_found_from_the_nearest_block_below)
{
    uint8_t *blocks[200];

    for (size_t i = 0; i < 200; i++) {
        blocks[i] = smh_heap_alloc(&heap, 8 + 8 * (i % 37));
    }
    for (size_t i = 1; i < 200; i += 3) {
        cr_assert_eq(smh_heap_free(&heap, blocks[i]), 0);
    }
    for (size_t i = 0; i < 200; i++) {
        size_t usable = 8 + 8 * (i % 37);

        for (size_t at = 1; at < usable; at += 7) {
            calls.walks = 0;
            cr_assert_eq(smh_heap_verdict(&heap, blocks[i] + at), i % 3 == 1 ? -EALREADY : -EINVAL);
            cr_assert_leq(calls.walks, 2);
        }
    }
    cr_assert_eq(calls.outside, 0);
}

Test(heap_calls, what_lies_below_the_first_block_is_explained_without_leaving_memory)
{
    uint8_t *first = smh_heap_alloc(&heap, 100);
    uint8_t *second = smh_heap_alloc(&heap, 100);

    cr_assert_eq(smh_heap_verdict(&heap, memory), -EINVAL);
    cr_assert_eq(smh_heap_free(&heap, first), 0);
    cr_assert_eq(smh_heap_verdict(&heap, first + 8), -EALREADY);
    cr_assert_eq(smh_heap_verdict(&heap, second + 8), -EINVAL);
    cr_assert_eq(calls.outside, 0, "an engine is asked about its own memory alone");
}

Test(heap_calls, a_start_bit_that_the_engine_denies_is_not_believed)
{
    uint8_t *block = smh_heap_alloc(&heap, 1000);

    smh_starts_set(&heap, smh_starts_index(&heap, block + 504));
    memset(block, 0xff, 1000);
    cr_assert_eq(smh_heap_verdict(&heap, block + 512), -EINVAL);
    cr_assert_eq(smh_heap_free(&heap, block), 0);
    cr_assert_eq(smh_heap_verdict(&heap, block + 512), -EALREADY);
}

Test(heap_calls, a_realloc_without_an_alignment_asks_for_none)
{
    uint8_t *block = smh_heap_alloc(&heap, 100);

    (void)smh_heap_alloc(&heap, 100);
    calls.allocs = 0;
    cr_assert_neq(smh_heap_realloc(&heap, block, 1000), block);
    cr_assert_eq(calls.allocs, 1);
    cr_assert_eq(calls.aligned_allocs, 0);
}

Test(heap_calls, what_is_slid_is_taken_as_it_is)
{
    size_t biggest = smh_engine_first_fit.largest_free(&heap);
    uint8_t *block = smh_heap_alloc(&heap, 104);
    struct smh_heap before;

    (void)smh_heap_alloc(&heap, 104);
    spy.slide = counting_slide;
    slid = block - 8;
    before = heap;
    memset(block, 5, 104);
    cr_assert_eq(smh_heap_realloc(&heap, block, biggest), slid);
    cr_assert_eq(calls.slides, 1);
    cr_assert_eq(memcmp(&before, &heap, sizeof(heap)), 0, "counted and freed by the engine");
    slid = NULL;
    cr_assert_null(smh_heap_realloc(&heap, block, biggest));
    cr_assert_eq(heap.failed_requests, before.failed_requests + 1);
    cr_assert_eq(smh_heap_verdict(&heap, block), 0);
}

Test(heap_calls, an_engine_slides_only_what_needs_no_more_than_the_natural_alignment)
{
    uint8_t *block = smh_heap_alloc(&heap, 104);

    cr_assert_eq(smh_heap_alignment(&heap), 8);
    (void)smh_heap_alloc(&heap, 104);
    spy.slide = counting_slide;
    slid = NULL;
    for (size_t align = 1; align <= 4096; align *= 2) {
        calls.slides = 0;
        cr_assert_null(smh_heap_aligned_realloc(&heap, block, align, MEMORY_BYTES));
        cr_assert_eq(calls.slides, align <= 8 ? 1 : 0, "%zu", align);
    }
}

Test(heap_calls, an_engine_that_answers_in_one_step_is_asked_in_one)
{
    struct smh_heap_config config = {.memory = memory, .memory_size = MEMORY_BYTES, .engine = &spy};
    void *block;

    spy.flags |= SMH_ENGINE_EXACT;
    spy.acquire = counting_acquire;
    spy.release = counting_release;
    cr_assert_eq(smh_heap_init(&heap, &config), 0);
    block = smh_heap_alloc(&heap, 100);
    cr_assert_not_null(block);
    cr_assert_null(smh_heap_alloc(&heap, 0));
    cr_assert_eq(calls.acquires, 2);
    cr_assert_eq(calls.allocs, 0);
    cr_assert_eq(smh_heap_free(&heap, block), 0);
    cr_assert_eq(smh_heap_free(&heap, NULL), 0);
    cr_assert_eq(calls.releases, 2);
}

/* Init: what the engine is told, and what it is not asked. */

static struct smh_heap_config told;

static int noting_init(struct smh_heap *of, const struct smh_heap_config *config)
{
    told = *config;
    of->step_shift = 3;
    of->granule_shift = 3;
    return 0;
}

static int init_with(uintptr_t at, size_t bytes, uintptr_t tables, size_t table_bytes)
{
    struct smh_heap_config config = {.memory = (void *)at,
                                     .memory_size = bytes,
                                     .metadata = (void *)tables,
                                     .metadata_size = table_bytes,
                                     .engine = &spy};

    return smh_heap_init(&heap, &config);
}

Test(heap_ranges, memory_and_tables_may_reach_the_last_address_and_not_beyond)
{
    uintptr_t low = 0x10000;
    uintptr_t high = UINTPTR_MAX - 63;

    spy = smh_engine_first_fit;
    spy.init = noting_init;
    spy.flags |= SMH_ENGINE_EXACT;
    cr_assert_eq(init_with(low, UINTPTR_MAX - low, 0, 0), 0);
    cr_assert_eq(init_with(low, UINTPTR_MAX - low + 1, 0, 0), -EINVAL);
    cr_assert_eq(init_with(high, 63, 0, 0), 0);
    cr_assert_eq(init_with(high, 64, 0, 0), -EINVAL);
    cr_assert_eq(init_with(low, 4096, high, 63), 0);
    cr_assert_eq(init_with(low, 4096, high, 64), -EINVAL, "it wraps, though it is far from memory");
    cr_assert_eq(init_with(low, 4096, high, 80), -EINVAL);
    cr_assert_eq(init_with(low, 4096, low + 4096, 64), 0, "they may touch");
    cr_assert_eq(init_with(low, 4096, low + 4095, 64), -EINVAL);
    cr_assert_eq(init_with(low, 4096, low - 64, 64), 0);
    cr_assert_eq(init_with(low, 4096, low - 64, 65), -EINVAL);
}

Test(heap_ranges, absent_metadata_has_no_size)
{
    spy = smh_engine_first_fit;
    spy.init = noting_init;
    spy.flags |= SMH_ENGINE_EXACT;
    cr_assert_eq(init_with(0x10000, 4096, 0, SIZE_MAX), 0);
}

Test(heap_ranges, memory_of_no_bytes_is_too_small_whatever_the_engine)
{
    spy = smh_engine_first_fit;
    spy.init = noting_init;
    cr_assert_eq(init_with((uintptr_t)memory, 0, 0, 0), -ENOMEM);
    cr_assert_eq(init_with((uintptr_t)memory, 1, 0, 0), 0);
}

Test(heap_ranges, metadata_is_hidden_from_an_engine_that_is_not_exact)
{
    spy = smh_engine_first_fit;
    spy.init = noting_init;
    cr_assert_eq(init_with((uintptr_t)memory, 4096, (uintptr_t)metadata, 4096), 0);
    cr_assert_null(told.metadata);
    cr_assert_eq(told.metadata_size, 0);
    cr_assert_not_null(heap.starts);
    spy.flags |= SMH_ENGINE_EXACT;
    cr_assert_eq(init_with((uintptr_t)memory, 4096, (uintptr_t)metadata, 4096), 0);
    cr_assert_eq(told.metadata, metadata);
    cr_assert_eq(told.metadata_size, 4096);
    cr_assert_null(heap.starts);
}

Test(heap_ranges, what_failed_to_initialise_is_all_zero)
{
    struct smh_heap zero;

    memset(&zero, 0, sizeof(zero));
    spy = smh_engine_first_fit;
    spy.init = noting_init;
    cr_assert_eq(init_with((uintptr_t)memory, 4096, (uintptr_t)metadata, 1), -ENOMEM);
    cr_assert_eq(memcmp(&heap, &zero, sizeof(heap)), 0);
}

Test(heap_ranges, an_engine_of_an_older_abi_is_refused)
{
    spy = smh_engine_first_fit;
    spy.abi = SMH_ENGINE_ABI - 1;
    cr_assert_eq(init_with((uintptr_t)memory, 4096, 0, 0), -EINVAL);
}

Test(heap_ranges, the_metadata_size_told_depends_on_no_metadata)
{
    for (size_t i = 0; smh_engine_at(i) != NULL; i++) {
        struct smh_heap_config config = {.engine = smh_engine_at(i), .memory_size = 5000};
        size_t bytes = smh_heap_metadata_size(&config);

        config.metadata = metadata;
        config.metadata_size = 3;
        cr_assert_eq(smh_heap_metadata_size(&config), bytes);
    }
}

/* The start bitmap: a bit for each step that memory touches, in whole words. */
Test(start_bitmap, takes_a_word_for_every_32_steps_begun_and_stays_in_what_was_given)
{
    spy = smh_engine_first_fit;
    spy.init = noting_init;
    for (size_t bytes = 1; bytes < 1600; bytes += 3) {
        for (size_t shift = 0; shift < 8; shift += 3) {
            size_t steps = (shift + bytes - 1) / 8 + 1;
            size_t words = (steps + 31) / 32;
            uintptr_t at = (uintptr_t)memory + shift;
            uint8_t *tables = metadata + 64 + shift % 4;
            size_t slack = (4 - shift % 4) % 4;

            cr_assert_eq(init_with(at, bytes, (uintptr_t)tables, slack + 4 * words - 1), -ENOMEM);
            memset(metadata, 0xee, 1024);
            cr_assert_eq(init_with(at, bytes, (uintptr_t)tables, slack + 4 * words), 0);
            cr_assert_eq(smh_starts_count(&heap), steps);
            cr_assert_eq(heap.metadata_size, 4 * words);
            cr_assert_eq((uint8_t *)heap.starts, tables + slack);
            for (size_t i = 0; i < 1024; i++) {
                bool in =
                    metadata + i >= tables + slack && metadata + i < tables + slack + 4 * words;

                cr_assert_eq(metadata[i], in ? 0 : 0xee);
            }
        }
    }
}

Test(start_bitmap, the_nearest_bit_is_found_in_either_direction_from_anywhere)
{
    static const size_t set[][4] = {
        {SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX},
        {0, SIZE_MAX, SIZE_MAX, SIZE_MAX},
        {127, SIZE_MAX, SIZE_MAX, SIZE_MAX},
        {31, 32, 63, 64},
        {0, 33, 95, 127},
        {1, 2, 70, 71},
    };

    for (size_t k = 0; k < sizeof(set) / sizeof(set[0]); k++) {
        uint32_t words[4] = {0};
        struct smh_heap of = {.starts = words, .metadata_size = sizeof(words)};

        for (size_t i = 0; i < 4 && set[k][i] != SIZE_MAX; i++) {
            smh_starts_set(&of, set[k][i]);
        }
        for (size_t from = 0; from < 128; from++) {
            size_t next = SIZE_MAX;
            size_t previous = SIZE_MAX;

            for (size_t i = 0; i < 4 && set[k][i] != SIZE_MAX; i++) {
                next = set[k][i] >= from && next == SIZE_MAX ? set[k][i] : next;
                previous = set[k][i] <= from ? set[k][i] : previous;
            }
            cr_assert_eq(smh_starts_next(&of, from), next, "%zu: %zu", k, from);
            cr_assert_eq(smh_starts_previous(&of, from), previous, "%zu: %zu", k, from);
        }
        cr_assert_eq(smh_starts_next(&of, 128), SIZE_MAX);
    }
}

Test(heap_ranges, a_heap_with_another_magic_number_is_none)
{
    set_up();
    heap.initialised = SMH_HEAP_MAGIC + 1;
    cr_assert_null(smh_heap_alloc(&heap, 8));
    heap.initialised = SMH_HEAP_MAGIC - 1;
    cr_assert_null(smh_heap_alloc(&heap, 8));
}
