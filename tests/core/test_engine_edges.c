/* test_engine_edges.c: buddies and fits at their bounds: tables that just fit, blocks of the
 * largest order, places at and around a multiple of it, and the words of a fit's state.
 */
#include "../../src/engine/boundary_tag.h"
#include "../../src/engine/buddy_layout.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <smh/engine.h>
#include <smh/heap.h>
#include <smh/pool.h>
#include <string.h>
#include <sys/mman.h>

static _Alignas(4096) uint8_t memory[4096];
static _Alignas(16) uint8_t metadata[1024];
static struct smh_heap heap;

static int make(const struct smh_engine *engine, size_t granule, size_t bytes,
                size_t metadata_shift, size_t metadata_size)
{
    struct smh_heap_config config = {.engine = engine,
                                     .memory = memory,
                                     .memory_size = bytes,
                                     .granule = granule,
                                     .metadata = metadata + metadata_shift,
                                     .metadata_size = metadata_size};

    return smh_heap_init(&heap, &config);
}

Test(buddy_edges, tables_that_fit_to_the_byte_are_taken_and_none_smaller)
{
    for (size_t units = 1; units <= 70; units++) {
        size_t orders = smh_floor_log2(units) + 1;

        for (size_t shift = 0; shift < 4; shift++) {
            size_t slack = (4 - shift) % 4;

            for (size_t size = 0; size <= slack + orders * 4 + units + 2; size++) {
                int expected = size >= slack + orders * 4 + units ? 0 : -ENOMEM;

                cr_assert_eq(make(&smh_engine_buddy, 16, units * 16 + 9, shift, size), expected,
                             "%zu units, shift %zu, %zu bytes", units, shift, size);
                if (expected == 0) {
                    cr_assert_eq(heap.metadata_size, orders * 4 + units);
                    cr_assert_eq(heap.capacity_bytes, units * 16);
                }
            }
        }
    }
}

static size_t metadata_for(size_t granule, size_t memory_size)
{
    struct smh_heap_config config = {
        .engine = &smh_engine_buddy, .granule = granule, .memory_size = memory_size};

    return smh_heap_metadata_size(&config);
}

Test(buddy_edges, tables_are_known_up_to_31_bits_of_units_and_none_beyond)
{
    size_t most = (size_t)(UINT32_MAX >> 1) * 16;

    cr_expect_eq(metadata_for(16, most), (UINT32_MAX >> 1) + 27 * 4 + 3);
    cr_expect_eq(metadata_for(16, most + 15), (UINT32_MAX >> 1) + 27 * 4 + 3);
    cr_expect_eq(metadata_for(16, most + 16), 0);
    cr_expect_eq(metadata_for((size_t)1 << 30, (size_t)1 << 30), 1 + 4 + 3);
    cr_expect_eq(metadata_for((size_t)1 << 30, (size_t)7 << 30), 7 + 4 + 3);
    cr_expect_eq(metadata_for((size_t)1 << 31, (size_t)1 << 31), 0);
    cr_expect_eq(metadata_for(4, 4096), 0);
    cr_expect_eq(metadata_for(16, 15), 0);
    cr_expect_eq(make(&smh_engine_buddy, (size_t)1 << 30, 4096, 0, 1024), -ENOMEM);
    cr_expect_eq(make(&smh_engine_buddy, (size_t)1 << 31, 4096, 0, 1024), -EINVAL);
}

/* A place in the address space of this host; NULL: it is taken. */
static uint8_t *map_at(uintptr_t address, size_t bytes)
{
    void *at = mmap((void *)address, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (at != MAP_FAILED && (uintptr_t)at != address) {
        (void)munmap(at, bytes);
        at = MAP_FAILED;
    }
    return at == MAP_FAILED ? NULL : at;
}

#define LARGEST ((uintptr_t)1 << SMH_BUDDY_LARGEST_SHIFT)
#define FAR     ((uintptr_t)1 << 40)

static size_t largest_at(uintptr_t address, size_t bytes)
{
    static _Alignas(16) uint8_t tables[1 << 20];
    uint8_t *at = map_at(address, bytes);
    size_t largest;
    struct smh_heap_config config = {.engine = &smh_engine_buddy,
                                     .memory = at,
                                     .memory_size = bytes,
                                     .granule = 4096,
                                     .metadata = tables,
                                     .metadata_size = sizeof(tables)};

    if (at == NULL) {
        return 0;
    }
    cr_assert_eq(smh_heap_init(&heap, &config), 0);
    cr_assert_eq(smh_heap_check(&heap, NULL), 0);
    largest = heap.engine->largest_free(&heap);
    cr_assert_eq((uintptr_t)smh_heap_alloc(&heap, largest) % largest, 0);
    (void)munmap(at, bytes);
    return largest;
}

Test(buddy_edges, no_block_is_larger_than_the_largest_and_each_lies_at_a_multiple_of_its_size)
{
    if (largest_at(FAR, 1 << 16) == 0) {
        cr_skip_test("the place is taken");
    }
    cr_expect_eq(largest_at(FAR, 1 << 16), 1 << 16);
    cr_expect_eq(largest_at(FAR - (1 << 15), 1 << 16), 1 << 15);
    cr_expect_eq(largest_at(FAR + 4096, 1 << 16), 1 << 15);
    cr_expect_eq(largest_at(FAR, LARGEST), LARGEST);
    cr_expect_eq(largest_at(FAR, 2 * LARGEST), LARGEST);
    cr_expect_eq(largest_at(FAR + LARGEST, LARGEST), LARGEST);
    cr_expect_eq(largest_at(FAR + LARGEST / 2, 2 * LARGEST), LARGEST);
    cr_expect_eq(largest_at(FAR + LARGEST / 2, LARGEST), LARGEST / 2);
    cr_expect_eq(largest_at(FAR + 4096, LARGEST), LARGEST / 2);
}

Test(buddy_edges, a_region_of_more_units_than_31_bits_count_is_refused)
{
    size_t bytes = ((size_t)1 << 31) * 16;
    struct smh_heap_config config = {
        .engine = &smh_engine_buddy, .memory = map_at(FAR, bytes + 4096), .memory_size = bytes};

    if (config.memory == NULL) {
        cr_skip_test("the place is taken");
    }
    cr_expect_eq(smh_heap_init(&heap, &config), -ENOMEM);
    (void)munmap(config.memory, bytes + 4096);
}

static sigjmp_buf before_trap;

static void on_trap(int number)
{
    (void)number;
    siglongjmp(before_trap, 1);
}

/* The tables, which would be two gigabytes, are a page that traps. */
Test(buddy_edges, a_region_of_as_many_units_as_31_bits_count_is_not_refused_but_its_tables_written)
{
    size_t bytes = (((size_t)1 << 31) - 1) * 16;
    struct sigaction action = {.sa_handler = on_trap};
    struct smh_heap_config config = {
        .engine = &smh_engine_buddy, .memory = map_at(FAR, bytes), .memory_size = bytes};
    size_t tables_bytes = smh_heap_metadata_size(&config);
    void *tables =
        mmap(NULL, tables_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (config.memory == NULL || tables == MAP_FAILED) {
        cr_skip_test("the place is taken");
    }
    config.metadata = tables;
    config.metadata_size = tables_bytes;
    (void)sigaction(SIGSEGV, &action, NULL);
    if (sigsetjmp(before_trap, 1) == 0) {
        cr_assert_eq(smh_heap_init(&heap, &config), 0);
        cr_assert_fail("nothing was written");
    }
    (void)munmap(tables, tables_bytes);
    (void)munmap(config.memory, bytes);
}

Test(buddy_edges, verdicts_end_with_the_last_unit)
{
    cr_assert_eq(make(&smh_engine_buddy, 16, 256, 0, 256), 0);
    for (size_t at = 256; at < 600; at += 16) {
        cr_assert_eq(heap.engine->verdict(&heap, memory + at), -EINVAL);
    }
    while (smh_heap_alloc(&heap, 16) != NULL) {
    }
    cr_assert_eq(heap.engine->verdict(&heap, memory + 240), 0);
    cr_assert_eq(heap.engine->verdict(&heap, memory + 256), -EINVAL);
}

Test(buddy_edges, what_is_broken_is_einval_and_nothing_else)
{
    struct smh_fault fault = {NULL, 0};

    cr_assert_eq(make(&smh_engine_buddy, 16, 256, 0, 256), 0);
    metadata[64] ^= 0x7f; /* somewhere in lists or table */
    memset(metadata, 0, sizeof(metadata));
    cr_expect_eq(heap.engine->check(&heap, &fault), -EINVAL);
}

/* |U 24|f 48|U 24| f ...|, memory at an offset of 8 */
static void make_fit(size_t granule)
{
    void *freed;

    cr_assert_eq(make(&smh_engine_next_fit, granule, 1000, 0, 1024), 0);
    cr_assert_not_null(smh_heap_alloc(&heap, 20));
    freed = smh_heap_alloc(&heap, 40);
    cr_assert_not_null(smh_heap_alloc(&heap, 20));
    cr_assert_eq(smh_heap_free(&heap, freed), 0);
    cr_assert_eq(smh_heap_check(&heap, NULL), 0);
}

static void fit_breaks(const char *rule, size_t unit)
{
    struct smh_fault fault = {NULL, 0};

    cr_assert_eq(heap.engine->check(&heap, &fault), -EINVAL);
    cr_assert_str_eq(fault.rule, rule);
    cr_assert_eq(fault.offset, (size_t)(heap.state[SMH_TAG_BASE] - (uintptr_t)memory) + unit * 8);
}

Test(buddy_edges, tables_of_its_own_may_leave_less_than_the_way_to_a_block)
{
    struct smh_heap_config config = {.engine = &smh_engine_buddy,
                                     .memory = memory + 13, /* tables from 16 on, blocks from 32 */
                                     .memory_size = 16,
                                     .granule = 16};

    cr_expect_eq(smh_heap_init(&heap, &config), -ENOMEM);
    config.memory_size = 36; /* to 49 */
    cr_expect_eq(smh_heap_init(&heap, &config), 0);
    cr_expect_eq(heap.capacity_bytes, 16);
}

Test(fit_edges, the_words_of_the_state_are_checked_too)
{
    static const char tail[] = "the list's tail is the last free chunk";
    static const char rover[] = "the rover stands at a free chunk";
    static const char ends[] = "the free list ends with the last free chunk";
    uintptr_t last;

    make_fit(8);
    last = heap.state[SMH_TAG_TAIL];
    cr_assert_neq(last, heap.state[SMH_TAG_HEAD]);
    heap.state[SMH_TAG_TAIL] = heap.state[SMH_TAG_HEAD];
    fit_breaks(tail, last);
    heap.state[SMH_TAG_TAIL] = SMH_TAG_NONE;
    fit_breaks(tail, last);
    heap.state[SMH_TAG_TAIL] = last;
    heap.state[SMH_TAG_ROVER] = 0;
    fit_breaks(rover, 0);
    heap.state[SMH_TAG_ROVER] = SMH_TAG_NONE;
    cr_assert_eq(heap.engine->check(&heap, &(struct smh_fault){NULL, 0}), 0);
    while (smh_heap_alloc(&heap, 1) != NULL) {
    }
    heap.state[SMH_TAG_HEAD] = 0;
    fit_breaks(ends, 0);
    heap.state[SMH_TAG_HEAD] = SMH_TAG_NONE;
    heap.state[SMH_TAG_TAIL] = 4;
    fit_breaks(tail, 0);
}

Test(fit_edges, a_new_heap_has_no_rover_and_an_empty_one_promises_nothing)
{
    memset(&heap, 0x11, sizeof(heap));
    cr_assert_eq(make(&smh_engine_next_fit, 8, 1000, 0, 1024), 0);
    cr_expect_eq(heap.state[SMH_TAG_ROVER], SMH_TAG_NONE);
    while (smh_heap_alloc(&heap, 1) != NULL) {
    }
    cr_expect_eq(heap.engine->largest_free(&heap), 0);
}

Test(fit_edges, what_suffices_for_an_alignment_is_the_worst_place_and_the_block)
{
    for (size_t granule = 8; granule <= 64; granule *= 2) {
        make_fit(granule);
        for (size_t bytes = 1; bytes < 200; bytes += 13) {
            size_t need = (bytes + 8 + granule - 1) / granule * granule;

            need = need < 16 ? 16 : need;
            for (size_t align = 0; align <= 1024; align = align == 0 ? 1 : align * 2) {
                size_t skip = align <= granule ? 0 : granule == 8 ? align + 8 : align - granule;

                cr_assert_eq(heap.engine->sufficient_chunk(&heap, align, bytes), need + skip);
            }
        }
        cr_assert_eq(heap.engine->sufficient_chunk(&heap, 0, SIZE_MAX), SIZE_MAX);
        cr_assert_eq(heap.engine->sufficient_chunk(&heap, 0, SIZE_MAX - 8), SIZE_MAX);
    }
}

Test(fit_edges, verdicts_end_with_the_last_byte)
{
    uint8_t *end;

    make_fit(8);
    end = (uint8_t *)heap.state[SMH_TAG_BASE] + heap.capacity_bytes;
    for (size_t i = 0; i < 64; i++) {
        cr_assert_eq(heap.engine->verdict(&heap, end + 8 + i), -EINVAL);
    }
}

/* Heaps ask no engine about these; an engine answers all the same. */
Test(fit_edges, between_multiples_of_the_granule_is_no_block)
{
    uint8_t *block;

    make_fit(8);
    block = smh_heap_alloc(&heap, 16);
    cr_assert_eq(heap.engine->verdict(&heap, block), 0);
    for (size_t i = 1; i < 8; i++) {
        cr_assert_eq(heap.engine->verdict(&heap, block + i), -EINVAL);
    }
}

Test(bitmap_edges, its_chunk_of_tells_what_its_walk_tells)
{
    struct smh_chunk walked = {0};

    cr_assert_eq(make(&smh_engine_bitmap, 0, 1000, 0, 1024), 0);
    cr_assert_not_null(smh_heap_alloc(&heap, 20));
    cr_assert_eq(smh_heap_free(&heap, smh_heap_alloc(&heap, 40)), 0);
    cr_assert_not_null(smh_heap_alloc(&heap, 100));
    while (smh_heap_walk(&heap, &walked)) {
        struct smh_chunk found = {0};

        if (walked.used) {
            heap.engine->chunk_of(&heap, walked.block, &found);
            cr_assert_eq(found.offset, walked.offset);
            cr_assert_eq(found.size, walked.size);
            cr_assert_eq(found.usable, walked.usable);
            cr_assert_eq(found.block, walked.block);
            cr_assert(found.used);
            cr_assert_eq(found.next, walked.next);
        }
    }
}

Test(bitmap_edges, tables_are_known_up_to_32_bits_of_units_and_none_beyond)
{
    struct smh_heap_config config = {.engine = &smh_engine_bitmap, .memory_size = 8};

    cr_expect_eq(smh_heap_metadata_size(&config), 0, "less than the smallest chunk");
    config.memory_size = 16;
    cr_expect_neq(smh_heap_metadata_size(&config), 0);
    config.memory_size = 4096;
    config.granule = 4;
    cr_expect_eq(smh_heap_metadata_size(&config), 0);
    config.granule = 8192;
    cr_expect_eq(smh_heap_metadata_size(&config), 0);
    config.granule = 4096;
    config.memory_size = 8192;
    cr_expect_neq(smh_heap_metadata_size(&config), 0);
    config.granule = 8;
    config.memory_size = (UINT32_MAX - (size_t)256) * 8 + 7;
    cr_expect_neq(smh_heap_metadata_size(&config), 0);
    config.memory_size++;
    cr_expect_eq(smh_heap_metadata_size(&config), 0);
}

Test(bitmap_edges, a_region_of_more_units_than_32_bits_count_is_refused)
{
    size_t bytes = (UINT32_MAX - (size_t)255) * 8;
    struct smh_heap_config config = {.engine = &smh_engine_bitmap,
                                     .memory = map_at(FAR, bytes + 4096),
                                     .memory_size = bytes,
                                     .granule = 8,
                                     .metadata = metadata,
                                     .metadata_size = sizeof(metadata)};

    if (config.memory == NULL) {
        cr_skip_test("the place is taken");
    }
    cr_expect_eq(smh_heap_init(&heap, &config), -ENOMEM);
    (void)munmap(config.memory, bytes + 4096);
}

Test(bitmap_edges, tables_that_fit_to_the_byte_are_taken_and_none_smaller)
{
    for (size_t bytes = 16; bytes < 600; bytes += 40) {
        for (size_t shift = 0; shift < 8; shift++) {
            struct smh_heap_config config = {.engine = &smh_engine_bitmap, .memory_size = bytes};
            size_t enough = smh_heap_metadata_size(&config);
            bool fitted = false;

            cr_assert(enough != 0 && enough < 900);
            for (size_t size = 0; size <= enough; size++) {
                int result = make(&smh_engine_bitmap, 0, bytes, shift, size);

                cr_assert(result == 0 || (result == -ENOMEM && !fitted), "refused, then taken");
                fitted = result == 0;
                if (fitted) {
                    cr_assert_eq(smh_heap_check(&heap, NULL), 0);
                }
            }
            cr_assert(fitted, "what is said to be enough is");
        }
    }
}

Test(pool_edges, a_broken_region_is_found_whether_or_not_its_number_is_asked_for)
{
    static struct smh_pool pool;
    struct smh_region region = {
        .addr = (uintptr_t)memory, .size = sizeof(memory), .engine = &smh_engine_first_fit};
    struct smh_fault fault = {NULL, 0};
    size_t index = 7;

    cr_assert_eq(smh_pool_init(&pool, NULL), 0);
    cr_assert_eq(smh_pool_add(&pool, &region), 0);
    cr_expect_eq(smh_pool_check(&pool, &fault, NULL), 0);
    memset(memory, 0xff, 64);
    cr_expect_eq(smh_pool_check(&pool, &fault, NULL), -EINVAL);
    cr_expect_not_null(fault.rule);
    cr_expect_eq(smh_pool_check(&pool, &fault, &index), -EINVAL);
    cr_expect_eq(index, 0);
}

Test(heap_edges, resizing_nothing_is_no)
{
    cr_assert_eq(make(&smh_engine_first_fit, 8, 1000, 0, 1024), 0);
    cr_expect_not(smh_heap_resize(&heap, NULL, 8));
}

Test(heap_edges, a_start_bitmap_needs_its_room_behind_what_aligns_it)
{
    for (size_t shift = 0; shift < 4; shift++) {
        size_t slack = (4 - shift) % 4;

        for (size_t size = 0; size <= 12; size++) {
            int expected = size >= slack + 4 ? 0 : -ENOMEM; /* 32 steps: a word */

            cr_assert_eq(make(&smh_engine_first_fit, 8, 256, shift, size), expected);
        }
    }
}

Test(heap_edges, engines_need_no_tables_and_no_chunk_of)
{
    struct smh_engine tableless = smh_engine_bitmap;
    struct smh_engine blind = smh_engine_first_fit;
    struct smh_heap_config config = {.engine = &tableless, .memory_size = 1000};
    uint8_t *blocks[3];

    tableless.metadata_size = NULL;
    cr_expect_eq(smh_heap_metadata_size(&config), 0);
    blind.chunk_of = NULL;
    cr_assert_eq(make(&blind, 8, 1000, 0, 1024), 0);
    for (size_t i = 0; i < 3; i++) {
        blocks[i] = smh_heap_alloc(&heap, 100);
    }
    cr_assert_eq(smh_heap_free(&heap, blocks[1]), 0);
    cr_expect_eq(smh_heap_free(&heap, blocks[0] + 8), -EINVAL);
    cr_expect_eq(smh_heap_free(&heap, blocks[1]), -EALREADY);
    cr_expect_eq(smh_heap_free(&heap, blocks[2] + 8), -EINVAL);
}
