/* test_heap_model.c: every engine against the simplest truth, and the faulty ones found out. */
#include "faulty_engines.h"
#include "heap_model.h"

#include <criterion/criterion.h>
#include <smh/port.h>
#include <stdlib.h>
#include <string.h>

/* Runs the model on a fresh heap in `memory_size` bytes that start `shift` bytes behind a multiple
 * of 4096. */
static const char *run_on(const struct smh_engine *engine, unsigned target_bits, size_t granule,
                          size_t memory_size, size_t shift, bool with_bitmap, uint64_t seed,
                          size_t steps)
{
    struct smh_heap heap;
    struct smh_heap_config config = {.engine = engine,
                                     .target_bits = target_bits,
                                     .granule = granule,
                                     .memory_size = memory_size};
    struct heap_model model;
    uint8_t *room = aligned_alloc(4096, 4096 + (memory_size + shift + 4095) / 4096 * 4096);
    const char *complaint;

    cr_assert_not_null(room);
    config.memory = room + shift;
    config.metadata_size = smh_heap_metadata_size(&config);
    if (with_bitmap && config.metadata_size != 0) {
        config.metadata = malloc(config.metadata_size);
    }
    cr_assert_eq(smh_heap_init(&heap, &config), 0, "%s: init refused", engine->name);
    heap_model_init(&model, &heap, seed);
    model.exact_verdicts = heap.starts != NULL || (engine->flags & SMH_ENGINE_EXACT) != 0;
    model.waste_max += 2 * granule;
    model.request_max = memory_size / 8;
    complaint = heap_model_run(&model, steps, 16);
    free(config.metadata);
    free(room);
    return complaint;
}

static void every_engine(unsigned target_bits, size_t memory_size, size_t shift, bool with_bitmap)
{
    for (size_t i = 0; smh_engine_at(i) != NULL; i++) {
        for (uint64_t seed = 1; seed <= 8; seed++) {
            const char *complaint = run_on(smh_engine_at(i), target_bits, 0, memory_size, shift,
                                           with_bitmap, seed, 3000);

            cr_expect_null(complaint, "%s, %u bits, %zu bytes, seed %u: %s", smh_engine_at(i)->name,
                           target_bits, memory_size, (unsigned)seed, complaint);
        }
    }
}

Test(heap_model, engines_keep_every_promise_on_a_small_heap)
{
    every_engine(32, 4096, 0, true);
    every_engine(64, 4096, 0, true);
}

Test(heap_model, engines_keep_every_promise_on_a_larger_heap)
{
    every_engine(32, 65536, 0, true);
    every_engine(64, 65536, 0, true);
}

Test(heap_model, engines_keep_every_promise_on_a_heap_too_large_for_four_byte_headers)
{
    every_engine(32, 300000, 0, true);
    every_engine(64, 300000, 0, true);
}

Test(heap_model, engines_keep_every_promise_on_memory_of_odd_place_and_size)
{
    every_engine(32, 10001, 3, true);
    every_engine(64, 10001, 5, true);
}

Test(heap_model, engines_keep_every_promise_without_a_start_bitmap)
{
    every_engine(32, 8192, 8, false);
    every_engine(64, 8192, 8, false);
}

Test(heap_model, fits_and_buddies_keep_every_promise_at_any_granule)
{
    static const struct smh_engine *const engines[] = {&smh_engine_first_fit, &smh_engine_next_fit,
                                                       &smh_engine_best_fit, &smh_engine_worst_fit,
                                                       &smh_engine_buddy};

    for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++) {
        for (size_t granule = 8; granule <= 4096; granule *= 2) {
            size_t memory_size = granule <= 512 ? 65536 : 262144;
            const char *complaint =
                run_on(engines[i], 0, granule, memory_size, 24, true, granule, 3000);

            cr_expect_null(complaint, "%s, granule %zu: %s", engines[i]->name, granule, complaint);
        }
    }
}

/* What finds each fault out first, in the order of faulty_engines.c. */
static const struct {
    const char *engine;
    const char *complaint;
} found_out[] = {
    {"faulty_overlap", "two blocks overlap"},
    {"faulty_same_block", "two blocks overlap"},
    {"faulty_alignment", "a block is not aligned"},
    {"faulty_content", "a block's contents have changed"},
    {"faulty_usable_size", "a block's usable size is what the walk says"},
    {"faulty_coalescing", "no two free chunks touch"},
    {"faulty_waste", "a block is far longer than asked for"},
    {"faulty_leak", "the start bitmap marks exactly the blocks in use"},
    {"faulty_free_nothing", "a second free is not noticed"},
    {"faulty_null", "NULL although a free chunk suffices"},
    {"faulty_resize", "a block is too short"},
    {"faulty_largest_free", "the largest request that is promised fits a free chunk"},
};

Test(heap_model, every_planted_fault_is_found_out)
{
    for (size_t i = 0; smh_faulty_engine_at(i) != NULL; i++) {
        const struct smh_engine *engine = smh_faulty_engine_at(i);
        bool expected = false;

        for (uint64_t seed = 1; seed <= 8; seed++) {
            const char *complaint = run_on(engine, 0, 0, 65536, 0, true, seed, 3000);

            cr_expect_not_null(complaint, "%s, seed %u: not found out", engine->name,
                               (unsigned)seed);
            expected =
                expected || (complaint != NULL && strcmp(complaint, found_out[i].complaint) == 0);
        }
        cr_expect_str_eq(engine->name, found_out[i].engine);
        cr_expect(expected, "%s: never \"%s\"", engine->name, found_out[i].complaint);
    }
    cr_expect_null(smh_faulty_engine_at(sizeof(found_out) / sizeof(found_out[0])));
}
