/* test_heap_init.c: what smh_heap_init takes, what it refuses, and heaps that never were one. */
#include <criterion/criterion.h>
#include <smh/engine.h>
#include <smh/heap.h>
#include <smh/port.h>
#include <stdlib.h>
#include <string.h>

static _Alignas(64) uint8_t memory[4096];
static _Alignas(64) uint8_t metadata[512];

static struct smh_heap_config plain(void)
{
    return (struct smh_heap_config){
        .memory = memory, .memory_size = sizeof(memory), .engine = &smh_engine_first_fit};
}

static int init_with(const struct smh_heap_config *config)
{
    struct smh_heap heap;

    return smh_heap_init(&heap, config);
}

Test(heap_init, memory_alone_is_enough_and_the_default_engine_is_taken)
{
    struct smh_heap_config config = {.memory = memory, .memory_size = sizeof(memory)};
    struct smh_heap heap;

    cr_assert_eq(smh_heap_init(&heap, &config), 0);
    cr_assert_eq(heap.engine, SMH_ENGINE_DEFAULT);
    cr_assert_eq(heap.target_bits, sizeof(void *) * 8);
    cr_assert_not_null(smh_heap_alloc(&heap, 100));
}

Test(heap_init, null_arguments_are_refused)
{
    struct smh_heap_config config = plain();
    struct smh_heap heap;

    cr_assert_eq(smh_heap_init(NULL, &config), -EINVAL);
    cr_assert_eq(smh_heap_init(&heap, NULL), -EINVAL);
    config.memory = NULL;
    cr_assert_eq(smh_heap_init(&heap, &config), -EINVAL);
}

Test(heap_init, memory_and_metadata_that_wrap_are_refused)
{
    struct smh_heap_config config = plain();

    config.memory_size = SIZE_MAX;
    cr_assert_eq(init_with(&config), -EINVAL);
    config = plain();
    config.metadata = metadata;
    config.metadata_size = SIZE_MAX;
    cr_assert_eq(init_with(&config), -EINVAL);
}

Test(heap_init, metadata_inside_memory_or_around_it_is_refused)
{
    struct smh_heap_config config = plain();

    config.metadata = memory + 4000;
    config.metadata_size = 96;
    cr_assert_eq(init_with(&config), -EINVAL);
    config.memory = memory + 512;
    config.memory_size = 1024;
    config.metadata = memory;
    config.metadata_size = 513;
    cr_assert_eq(init_with(&config), -EINVAL);
    config.metadata_size = 512;
    cr_assert_eq(init_with(&config), 0, "side by side is fine");
}

Test(heap_init, granules_that_are_no_power_of_two_or_below_eight_are_refused)
{
    static const size_t refused[] = {1, 2, 3, 4, 6, 12, 24, 100, SIZE_MAX};

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct smh_heap_config config = plain();

        config.granule = refused[i];
        cr_expect_eq(init_with(&config), -EINVAL, "granule %zu", refused[i]);
    }
}

Test(heap_init, a_granule_larger_than_memory_leaves_no_room)
{
    struct smh_heap_config config = plain();

    config.granule = 8192;
    cr_assert_eq(init_with(&config), -ENOMEM);
    config.granule = SIZE_MAX / 2 + 1;
    cr_assert_eq(init_with(&config), -ENOMEM);
}

Test(heap_init, target_bits_are_0_32_or_64)
{
    static const unsigned refused[] = {1, 16, 31, 33, 63, 65, 128, 65536 + 32};
    struct smh_heap_config config = plain();

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        config.target_bits = refused[i];
        cr_expect_eq(init_with(&config), -EINVAL, "target_bits %u", refused[i]);
    }
    config.target_bits = 32;
    cr_assert_eq(init_with(&config), 0);
    config.target_bits = 64;
    cr_assert_eq(init_with(&config), 0);
}

/* Bytes of the pointer at `offset` in an engine that are cleared for a test. */
static const size_t required[] = {
    offsetof(struct smh_engine, name),         offsetof(struct smh_engine, init),
    offsetof(struct smh_engine, alloc),        offsetof(struct smh_engine, aligned_alloc),
    offsetof(struct smh_engine, free),         offsetof(struct smh_engine, resize),
    offsetof(struct smh_engine, usable_size),  offsetof(struct smh_engine, verdict),
    offsetof(struct smh_engine, largest_free), offsetof(struct smh_engine, sufficient_chunk),
    offsetof(struct smh_engine, walk),         offsetof(struct smh_engine, check),
};

Test(heap_init, an_engine_that_lacks_a_function_or_its_name_is_refused)
{
    for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++) {
        struct smh_engine engine = smh_engine_first_fit;
        struct smh_heap_config config = plain();

        memset((uint8_t *)&engine + required[i], 0, sizeof(void *));
        config.engine = &engine;
        cr_expect_eq(init_with(&config), -EINVAL, "without the pointer at %zu", required[i]);
    }
}

Test(heap_init, an_engine_of_another_abi_is_refused)
{
    struct smh_engine engine = smh_engine_first_fit;
    struct smh_heap_config config = plain();

    engine.abi++;
    config.engine = &engine;
    cr_assert_eq(init_with(&config), -EINVAL);
}

static size_t some_metadata(const struct smh_heap_config *config)
{
    return config->memory_size / 32;
}

Test(heap_init, tables_of_its_own_go_with_exact_verdicts_only)
{
    struct smh_engine engine = smh_engine_first_fit;
    struct smh_heap_config config = plain();

    engine.metadata_size = some_metadata;
    config.engine = &engine;
    cr_assert_eq(init_with(&config), -EINVAL);
    engine.flags = SMH_ENGINE_EXACT;
    cr_assert_eq(init_with(&config), 0);
    cr_assert_eq(smh_heap_metadata_size(&config), 128);
}

Test(heap_init, memory_that_cannot_hold_a_block_is_too_small)
{
    for (size_t i = 0; smh_engine_at(i) != NULL; i++) {
        size_t size = 0;
        int result;

        for (;; size++) {
            struct smh_heap_config config = plain();
            struct smh_heap heap;

            config.engine = smh_engine_at(i);
            config.memory_size = size;
            result = smh_heap_init(&heap, &config);
            if (result == 0) {
                cr_assert_not_null(smh_heap_alloc(&heap, 1), "%s at %zu bytes", config.engine->name,
                                   size);
                break;
            }
            cr_assert_eq(result, -ENOMEM);
            cr_assert_lt(size, 256);
        }
        cr_assert_geq(size, 16);
    }
}

Test(heap_init, a_byte_less_metadata_than_the_bitmap_needs_is_too_small)
{
    struct smh_heap_config config = plain();
    struct smh_heap heap;

    config.metadata = metadata;
    config.metadata_size = sizeof(memory) / 8 / 8; /* a bit for eight bytes */
    cr_assert_eq(smh_heap_init(&heap, &config), 0);
    config.metadata_size--;
    cr_assert_eq(smh_heap_init(&heap, &config), -ENOMEM);
    config.metadata_size = 0;
    cr_assert_eq(smh_heap_init(&heap, &config), -ENOMEM);
    config.metadata = metadata + 1; /* three bytes are lost to alignment */
    config.metadata_size = sizeof(memory) / 8 / 8 + 2;
    cr_assert_eq(smh_heap_init(&heap, &config), -ENOMEM);
    config.metadata_size++;
    cr_assert_eq(smh_heap_init(&heap, &config), 0);
}

Test(heap_init, the_metadata_size_told_is_enough_wherever_memory_and_metadata_lie)
{
    for (size_t i = 0; smh_engine_at(i) != NULL; i++) {
        for (size_t shift = 0; shift < 64; shift++) {
            struct smh_heap_config config = {.engine = smh_engine_at(i),
                                             .memory = memory + shift % 8,
                                             .memory_size = 1000 + shift,
                                             .target_bits = shift % 2 == 0 ? 32 : 64};

            config.metadata_size = smh_heap_metadata_size(&config);
            config.metadata = metadata + shift % 4;
            cr_assert_gt(config.metadata_size, 0);
            cr_assert_leq(config.metadata_size, sizeof(metadata) - 4);
            cr_assert(config.engine->metadata_size != NULL ||
                      config.metadata_size <= 1064 / 32 + 8);
            cr_expect_eq(init_with(&config), 0, "%s, shift %zu", config.engine->name, shift);
        }
    }
}

Test(heap_init, the_metadata_size_of_what_would_be_refused_is_0)
{
    struct smh_heap_config config = plain();

    cr_assert_eq(smh_heap_metadata_size(NULL), 0);
    config.granule = 3;
    cr_assert_eq(smh_heap_metadata_size(&config), 0);
    config = plain();
    config.target_bits = 16;
    cr_assert_eq(smh_heap_metadata_size(&config), 0);
    config = plain();
    config.memory_size = 0;
    cr_assert_eq(smh_heap_metadata_size(&config), 0);
}

/* Everything that can be asked of a heap, on one that is none. */
static void is_no_heap(struct smh_heap *heap)
{
    struct smh_stats stats;
    struct smh_stats zero;
    struct smh_chunk chunk = {0};
    struct smh_fault fault = {0};

    memset(&zero, 0, sizeof(zero));
    memset(&stats, 0xff, sizeof(stats));
    cr_expect_null(smh_heap_alloc(heap, 8));
    cr_expect_null(smh_heap_aligned_alloc(heap, 16, 8));
    cr_expect_null(smh_heap_realloc(heap, NULL, 8));
    cr_expect_null(smh_heap_realloc(heap, memory, 8));
    cr_expect_null(smh_heap_aligned_realloc(heap, memory, 16, 8));
    cr_expect_not(smh_heap_resize(heap, memory, 8));
    cr_expect_eq(smh_heap_free(heap, memory), -ENOENT);
    cr_expect_eq(smh_heap_free(heap, NULL), 0);
    cr_expect_eq(smh_heap_verdict(heap, memory), -ENOENT);
    cr_expect_eq(smh_heap_usable_size(heap, memory), 0);
    cr_expect_eq(smh_heap_alignment(heap), 0);
    cr_expect_not(smh_heap_contains(heap, memory));
    smh_heap_stats(heap, &stats);
    cr_expect_eq(memcmp(&stats, &zero, sizeof(zero)), 0);
    smh_heap_reset_peak(heap);
    cr_expect_not(smh_heap_walk(heap, &chunk));
    cr_expect_eq(smh_heap_check(heap, &fault), -EINVAL);
    cr_expect_str_eq(fault.rule, "the heap is initialised");
    cr_expect_eq(smh_heap_check(heap, NULL), -EINVAL);
}

Test(heap_init, an_all_zero_heap_answers_everything_and_serves_nothing)
{
    struct smh_heap heap;

    memset(&heap, 0, sizeof(heap));
    is_no_heap(&heap);
}

Test(heap_init, a_null_heap_answers_everything_and_serves_nothing)
{
    is_no_heap(NULL);
}

Test(heap_init, a_heap_whose_init_failed_answers_as_one_that_never_was)
{
    struct smh_heap_config config = plain();
    struct smh_heap heap;

    cr_assert_eq(smh_heap_init(&heap, &config), 0);
    config.metadata = metadata;
    config.metadata_size = 1;
    cr_assert_eq(smh_heap_init(&heap, &config), -ENOMEM);
    is_no_heap(&heap);
}

Test(heap_init, stats_and_walk_take_null)
{
    struct smh_heap_config config = plain();
    struct smh_heap heap;

    cr_assert_eq(smh_heap_init(&heap, &config), 0);
    smh_heap_stats(&heap, NULL);
    cr_assert_not(smh_heap_walk(&heap, NULL));
}

Test(engines, are_found_by_position_and_by_name)
{
    size_t count = 0;

    for (; smh_engine_at(count) != NULL; count++) {
        cr_expect_eq(smh_engine_find(smh_engine_at(count)->name), smh_engine_at(count));
        cr_expect_not_null(smh_engine_at(count)->summary);
    }
    cr_assert_geq(count, 3);
    cr_assert_null(smh_engine_at(SIZE_MAX));
    cr_assert_null(smh_engine_find("first"));
    cr_assert_null(smh_engine_find("first_fitt"));
    cr_assert_null(smh_engine_find(""));
    cr_assert_null(smh_engine_find(NULL));
}
