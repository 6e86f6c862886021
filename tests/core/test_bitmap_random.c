/* test_bitmap_random.c: the bitmap engine against a model of a heap, at many sizes and granules.
 *
 * Owns: random sequences of every operation, validated after each at small sizes.
 */
#include "../../src/engine/bitmap_layout.h"
#include "heap_model.h"

#include <criterion/criterion.h>
#include <string.h>

struct place {
    size_t memory_size;
    size_t granule;
    bool separate; /* metadata elsewhere */
};

static const struct place places[] = {
    {512, 0, false},      {1024, 8, true},     {4096, 0, false},    {4096, 8, true},
    {4096, 16, false},    {4096, 64, true},    {20000, 0, false},   {20011, 32, false},
    {65536, 0, true},     {65536, 128, false}, {262144, 0, false},  {262144, 64, true},
    {1000000, 16, false}, {1000000, 0, true},  {300000, 4096, true}};

static _Alignas(4096) uint8_t memory[1 << 20];
static _Alignas(8) uint8_t metadata[1 << 16];

static const char *run(const struct place *place, uint64_t seed, size_t steps, size_t shift)
{
    struct smh_heap_config config = {.memory = memory + shift,
                                     .memory_size = place->memory_size,
                                     .granule = place->granule,
                                     .engine = &smh_engine_bitmap};
    struct heap_model model;
    struct smh_heap heap;

    if (place->separate) {
        config.metadata = metadata + shift % 8;
        config.metadata_size = smh_heap_metadata_size(&config);
        cr_assert_leq(config.metadata_size, sizeof(metadata) - 8);
    }
    memset(memory, 0xa5, sizeof(memory));
    cr_assert_eq(smh_heap_init(&heap, &config), 0, "%zu bytes, granule %zu", place->memory_size,
                 place->granule);
    heap_model_init(&model, &heap, seed);
    model.exact_verdicts = true;
    model.waste_max = place->granule < 16 ? 24 : place->granule;
    model.request_max = place->memory_size / 4;
    return heap_model_run(&model, steps, 1);
}

Test(bitmap_random, every_answer_agrees_with_the_model_at_every_size_and_granule)
{
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        for (uint64_t seed = 1; seed <= 4; seed++) {
            size_t steps = places[i].memory_size <= 4096 ? 6000 : 2500;
            const char *complaint = run(&places[i], seed, steps, seed % 2 == 0 ? 0 : seed * 8);

            cr_assert_null(complaint, "%zu bytes, granule %zu, seed %llu: %s",
                           places[i].memory_size, places[i].granule, (unsigned long long)seed,
                           complaint);
        }
    }
}

Test(bitmap_random, memory_at_odd_addresses_is_managed_all_the_same)
{
    const struct place place = {5003, 0, false};

    for (size_t shift = 1; shift < 24; shift += 5) {
        cr_assert_null(run(&place, shift, 3000, shift));
    }
}

/* Built for size, the engine has no other ways than the general ones. */
#ifndef __OPTIMIZE_SIZE__

/* The same operation on both heaps, of which the second goes the general ways alone. */
struct twins {
    struct smh_heap heap[2];
    uint8_t *blocks[2][200];
    struct smh_random random;
};

static void init_twins(struct twins *twins, size_t memory_size, uint64_t seed)
{
    memset(twins, 0, sizeof(*twins));
    smh_random_init(&twins->random, seed, 0);
    for (int i = 0; i < 2; i++) {
        struct smh_heap_config config = {.memory = memory + (size_t)i * (sizeof(memory) / 2),
                                         .memory_size = memory_size,
                                         .engine = &smh_engine_bitmap};

        cr_assert_eq(smh_heap_init(&twins->heap[i], &config), 0);
    }
    twins->heap[1].acquire = smh_bitmap_acquire_any;
    twins->heap[1].release = smh_bitmap_release_any;
}

/* The slot that has another block than before, perhaps. */
static uint64_t step_twins(struct twins *twins)
{
    uint64_t slot = smh_random_below(&twins->random, 200);
    bool resized = smh_random_below(&twins->random, 2) == 0;
    size_t bytes =
        1 + smh_random_below(&twins->random, (uint64_t)16 << smh_random_below(&twins->random, 9));

    for (int i = 0; i < 2; i++) {
        uint8_t **block = &twins->blocks[i][slot];

        if (*block != NULL && !resized) {
            cr_assert_eq(smh_heap_free(&twins->heap[i], *block), 0);
            *block = NULL;
        } else if (*block == NULL) {
            *block = smh_heap_alloc(&twins->heap[i], bytes);
        } else {
            uint8_t *moved = smh_heap_realloc(&twins->heap[i], *block, bytes);

            *block = moved != NULL ? moved : *block;
        }
    }
    return slot;
}

Test(bitmap_random, the_fast_ways_place_every_block_where_the_general_ones_do)
{
    static struct twins twins;

    for (uint64_t seed = 1; seed <= 64; seed++) {
        init_twins(&twins, (size_t)20000 << seed % 4, seed);
        for (size_t step = 0; step < 20000; step++) {
            uint64_t slot = step_twins(&twins);
            const uint8_t *first = twins.blocks[0][slot];
            const uint8_t *second = twins.blocks[1][slot];

            cr_assert(second == (first == NULL ? NULL : first + sizeof(memory) / 2),
                      "seed %llu, step %zu", (unsigned long long)seed, step);
        }
    }
}

#endif
