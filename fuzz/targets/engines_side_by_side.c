/* engines_side_by_side.c: one input, every engine, and each engine in more than one guise.
 *
 * Owns: what must not depend on how an engine is looked at, and what no two engines may differ in:
 *
 *     again       after everything has been freed, the same input puts every block where it was,
 *                 when the empty heap is one free chunk (of several, an engine may take any)
 *     verdicts    with and without a start bitmap, every block is put at the same place
 *     reference   every block is put where naive_engines.h puts it, and what that promises is
 *                 promised
 *     edges       so they do in an empty heap of a few bytes more or less than a power of two
 *                 (there layouts change)
 */
#include "../judges/comb.h"
#include "../judges/corner.h"
#include "../judges/forged.h"
#include "../judges/grid.h"
#include "../judges/large.h"
#include "../judges/nothing.h"
#include "../judges/rewind.h"
#include "../judges/stray.h"
#include "../judges/tiny.h"
#include "../naive/reference.h"
#include "../stage.h"

#include <smh/port.h>

const char fuzz_target[] = "engines_side_by_side";

#define NOWHERE UINT32_MAX
#define STEPS   4096

static struct fuzz_stage stage;
static uint32_t places[STEPS]; /* where each step's block was put the first time */

/* --- runs ------------------------------------------------------------------------------------ */

static struct smh_heap *heap_of(void)
{
    return &stage.slots[0].heap;
}

static uint32_t place_of(const void *block)
{
    return block == NULL ? NOWHERE : (uint32_t)((uintptr_t)block - (uintptr_t)stage.memory[0]);
}

static void do_step(const struct smh_fuzz_step *step, struct smh_live *live)
{
    const struct smh_operation *operation = &step->operation;
    struct smh_heap *heap = heap_of();
    uint64_t used = heap->used_bytes;
    size_t bytes = (size_t)operation->bytes;
    bool again = operation->kind == SMH_OPERATION_REALLOC && live->block != NULL;
    if (operation->kind <= SMH_OPERATION_CALLOC ||
        (operation->kind == SMH_OPERATION_REALLOC && !again)) {
        void *block = smh_heap_aligned_alloc(heap, operation->align, bytes);
        *live = (struct smh_live){.serial = stage.serial++};
        if (block == NULL) {
            fuzz_refused(&stage, operation);
        } else {
            if (operation->kind == SMH_OPERATION_CALLOC) {
                memset(block, 0, bytes);
            }
            fuzz_entered(&stage, live, operation, block, used, 0);
        }
    } else if (live->block != NULL && (operation->kind == SMH_OPERATION_FREE || bytes == 0)) {
        fuzz_leaving(&stage, live);
        fuzz_left(&stage, live, smh_heap_free(heap, live->block));
    } else if (again) {
        uint64_t kept = live->bytes < bytes ? live->bytes : bytes;
        fuzz_leaving(&stage, live);
        void *block = smh_heap_aligned_realloc(heap, live->block, operation->align, bytes);
        if (block == NULL) {
            fuzz_stayed(&stage, live);
        } else {
            fuzz_entered(&stage, live, operation, block, 0, kept);
        }
    }
}

enum pass { FIRST, AGAIN };

/* Runs the input once; FIRST notes every place, AGAIN compares. */
static void run(const uint8_t *bytes, size_t size, enum pass pass, const char *guise)
{
    struct smh_fuzz_input input;
    struct smh_fuzz_step step;
    smh_fuzz_open(&input, bytes, size);
    for (size_t i = 0; i < STEPS && smh_fuzz_next(&input, &step); i++) {
        struct smh_live *live = &stage.live[step.operation.slot];
        if (step.kind != SMH_FUZZ_OPERATION || step.operation.kind > SMH_OPERATION_FREE) {
            continue;
        }
        stage.index = step.operation.site;
        step.operation.attr = 0;
        step.operation.prefer = NULL;
        do_step(&step, live);
        uint32_t place = place_of(live->block);
        FUZZ_REQUIRE(pass == FIRST || places[i] == place,
                     "engine %s %s: step %llu puts its block at 0x%x, not at 0x%x",
                     heap_of()->engine->name, guise, (unsigned long long)stage.index, place,
                     places[i]);
        places[i] = place;
        fuzz_operations++;
    }
    fuzz_validate(&stage, false);
    for (size_t i = 0; i < SMH_FUZZ_SLOTS; i++) {
        if (stage.live[i].block != NULL) {
            fuzz_leaving(&stage, &stage.live[i]);
            fuzz_left(&stage, &stage.live[i], smh_heap_free(heap_of(), stage.live[i].block));
        }
    }
    fuzz_validate(&stage, true);
}

/* One step on heap and reference; what both give the block's slot is compared. */
static void do_twice(const struct fuzz_reference *naive, const struct smh_fuzz_step *step,
                     void **block)
{
    const struct smh_operation *operation = &step->operation;
    struct smh_heap *heap = heap_of();
    size_t bytes = (size_t)operation->bytes;
    uintptr_t expected = 0;
    uintptr_t old = (uintptr_t)*block;
    void *placed = NULL;
    if (step->kind == SMH_FUZZ_RESIZE) {
        bool done = old != 0 && naive->resize(old, bytes);
        FUZZ_REQUIRE(smh_heap_resize(heap, *block, bytes) == done,
                     "step %llu: %s resizes to %zu bytes, the reference does not, or the reverse",
                     (unsigned long long)operation->site, heap->engine->name, bytes);
        return;
    }
    if (operation->kind == SMH_OPERATION_FREE) {
        if (old != 0) {
            naive->free(old);
        }
        FUZZ_REQUIRE(smh_heap_free(heap, *block) == 0, "a block cannot be freed");
    } else if (operation->kind == SMH_OPERATION_REALLOC && old != 0) {
        expected = fuzz_reference_realloc(naive, old, operation->align, bytes);
        placed = smh_heap_aligned_realloc(heap, *block, operation->align, bytes);
    } else if (old == 0 && bytes != 0) {
        size_t enough = heap->engine->sufficient_chunk(heap, operation->align, bytes);
        FUZZ_REQUIRE(enough == naive->sufficient(operation->align, bytes),
                     "%s promises %zu bytes at alignment %u from a chunk of %zu, the reference of "
                     "%zu",
                     heap->engine->name, bytes, operation->align, enough,
                     naive->sufficient(operation->align, bytes));
        expected = naive->alloc(operation->align, bytes);
        placed = operation->align == 0 ? smh_heap_alloc(heap, bytes)
                                       : smh_heap_aligned_alloc(heap, operation->align, bytes);
    } else {
        return;
    }
    fuzz_reference_compare(naive, heap, placed, expected, bytes);
    /* A realloc that was refused keeps the block. */
    *block =
        placed != NULL || operation->kind != SMH_OPERATION_REALLOC || bytes == 0 ? placed : *block;
}

/* An engine against the reference. */
static void run_reference(const uint8_t *bytes, size_t size)
{
    struct smh_fuzz_input input;
    struct smh_fuzz_step step;
    void *blocks[SMH_FUZZ_SLOTS] = {0};
    const struct fuzz_reference *naive =
        fuzz_reference_open(heap_of(), stage.metadata_bytes[0] == 0 ? NULL : stage.metadata[0],
                            stage.metadata_bytes[0]);
    if (naive == NULL) {
        return;
    }
    smh_fuzz_open(&input, bytes, size);
    while (smh_fuzz_next(&input, &step)) {
        if (step.kind == SMH_FUZZ_RESIZE ||
            (step.kind == SMH_FUZZ_OPERATION && step.operation.kind <= SMH_OPERATION_FREE)) {
            do_twice(naive, &step, &blocks[step.operation.slot]);
            fuzz_operations++;
        }
    }
}

/* Sizes just below and above each power of two, at any address: an empty heap, its first block, and
 * one that takes all the rest. */
static void run_edges(const struct smh_engine *engine, const struct smh_fuzz_region *region)
{
    uint8_t *place = stage.memory[0] - region->odd - region->head;
    for (unsigned shift = 6; shift <= 19; shift++) {
        struct smh_heap *heap = heap_of();
        struct smh_heap_config config = {
            .memory = place + region->odd * (region->cost % 2),
            .memory_size = ((size_t)1 << shift) + region->head / 8 - 32,
            .target_bits = region->target_bits,
            .engine = engine,
        };
        smh_port_unpoison(config.memory, config.memory_size);
        const struct fuzz_reference *naive =
            smh_heap_init(heap, &config) == 0 ? fuzz_reference_open(heap, NULL, 0) : NULL;
        if (naive != NULL) {
            size_t bytes = 1 + region->size % 128;
            uintptr_t block = (uintptr_t)smh_heap_alloc(heap, bytes);
            FUZZ_REQUIRE(block == naive->alloc(0, bytes),
                         "%s puts the first block of %zu bytes of a heap of %zu elsewhere than the "
                         "reference",
                         engine->name, bytes, config.memory_size);
            size_t largest = engine->largest_free(heap);
            block = (uintptr_t)smh_heap_alloc(heap, largest);
            FUZZ_REQUIRE(largest == 0 || block == naive->alloc(0, largest),
                         "%s puts the last block of a heap of %zu bytes elsewhere than the "
                         "reference",
                         engine->name, config.memory_size);
        }
        smh_port_poison(place, config.memory_size + 16);
    }
}

static void run_engine(const uint8_t *bytes, size_t size, const struct smh_engine *engine)
{
    struct smh_fuzz_input input;
    smh_fuzz_open(&input, bytes, size);
    struct smh_fuzz_region *region = &input.config.regions[0];
    bool metadata = region->metadata;
    region->engine = engine;
    region->metadata = true;
    if (!fuzz_stage_open(&stage, &input.config, false)) {
        return;
    }
    run(bytes, size, FIRST, "");
    if (stage.oracle.origin[0].free_chunks == 1) {
        run(bytes, size, AGAIN, "when used again");
    }
    fuzz_stage_close(&stage);
    if ((engine->flags & SMH_ENGINE_EXACT) == 0) {
        region->metadata = false;
        FUZZ_REQUIRE(fuzz_stage_open(&stage, &input.config, false),
                     "engine %s takes no region without metadata", engine->name);
        run(bytes, size, AGAIN, "without a start bitmap");
        fuzz_stage_close(&stage);
    }
    /* For bitmap and buddy there is one of every layout, for the others of the natural one. */
    if ((engine->flags & SMH_ENGINE_EXACT) != 0) {
        region->metadata = metadata;
    } else {
        region->granule = 0;
    }
    if (fuzz_stage_open(&stage, &input.config, false)) {
        run_reference(bytes, size);
        fuzz_stage_close(&stage);
    }
    if (region->priority % 4 == 0) {
        run_edges(engine, region);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct smh_fuzz_input input;
    for (size_t i = 0; smh_engine_at(i) != NULL; i++) {
        run_engine(bytes, size, smh_engine_at(i));
    }
    smh_fuzz_open(&input, bytes, size);
    if (input.config.regions[1].priority % 4 == 2) {
        fuzz_comb(&input.config.regions[0]);
    }
    uint64_t seed = fuzz_seed_of(bytes, size);
    if (seed % 16 == 0) {
        fuzz_judge_grid(seed / 16);
    }
    if (seed % 16 == 4) {
        fuzz_large(bytes, size);
    }
    if (seed % 16 == 5) {
        fuzz_churn(&input.config.regions[0]);
        fuzz_judge_rewinds(input.config.regions[0].size);
        fuzz_judge_nothing();
    }
    if (seed % 16 == 6) {
        fuzz_judge_stray(seed / 16);
    }
    if (seed % 16 == 2) {
        fuzz_judge_tiny(seed / 16);
    }
    if (seed % 16 == 1) { /* of those that look at a few of a list */
        input.config.regions[0].engine =
            seed / 16 % 4 == 0 ? &smh_engine_zephyr : &smh_engine_bitmap;
        input.config.regions[0].size = (size_t)(seed / 64 % 65536);
        fuzz_comb(&input.config.regions[0]);
    }
    if (seed % 16 == 3) {
        fuzz_judge_forged(seed / 16);
        fuzz_judge_corners();
    }
    if (seed % 16 == 2) {
        input.config.regions[0].size = (size_t)(seed / 16 % 65536);
        fuzz_churn(&input.config.regions[0]);
    }
    return 0;
}
