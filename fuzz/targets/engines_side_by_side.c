/* engines_side_by_side.c: one input, every engine, and each engine in more than one guise.
 *
 * Owns: what must not depend on how an engine is looked at, and what no two engines may differ in:
 *
 *     again       after everything has been freed, the same input puts every block where it was,
 *                 when the empty heap is one free chunk (of several, an engine may take any)
 *     verdicts    with and without a start bitmap, every block is put at the same place
 *     reference   engines first_fit, best_fit and worst_fit put every block where a list of chunks
 *                 kept in order of address puts it (quadratic, and too simple to be wrong)
 */
#include "../stage.h"

#include <smh/port.h>

const char fuzz_target[] = "engines_side_by_side";

#define NOWHERE UINT32_MAX
#define STEPS   4096

static struct fuzz_stage stage;
static uint32_t places[STEPS]; /* where each step's block was put the first time */

/* --- the reference of the fits -------------------------------------------------------------- */

#define CHUNKS      512
#define HEADER      8u
#define CHUNK_LEAST 16u

struct reference_chunk {
    size_t start; /* of the header, from the first one */
    size_t size;
    bool used;
};

static struct reference_chunk chunks[CHUNKS];
static size_t chunk_count;
static bool overflowed;

static void reference_split(size_t index, size_t size)
{
    if (chunks[index].size == size) {
        return;
    }
    if (chunk_count == CHUNKS) {
        overflowed = true;
        return;
    }
    memmove(&chunks[index + 1], &chunks[index], (chunk_count - index) * sizeof(chunks[0]));
    chunk_count++;
    chunks[index].size = size;
    chunks[index + 1].start += size;
    chunks[index + 1].size -= size;
}

static void reference_join(size_t index)
{
    chunks[index].size += chunks[index + 1].size;
    chunk_count--;
    memmove(&chunks[index + 1], &chunks[index + 2], (chunk_count - index - 1) * sizeof(chunks[0]));
}

/* The chunk that an engine takes, of equals the one with the lowest address; chunk_count: none. */
static size_t reference_choose(const struct smh_engine *engine, size_t need)
{
    size_t chosen = chunk_count;
    for (size_t i = 0; i < chunk_count; i++) {
        if (chunks[i].used || chunks[i].size < need) {
            continue;
        }
        bool first = chosen == chunk_count;
        if (first || (engine == &smh_engine_best_fit && chunks[i].size < chunks[chosen].size) ||
            (engine == &smh_engine_worst_fit && chunks[i].size > chunks[chosen].size)) {
            chosen = i;
        }
    }
    return chosen;
}

/* Offset of the block from the first header, or NOWHERE. */
static uint32_t reference_alloc(const struct smh_engine *engine, size_t bytes)
{
    size_t need = bytes + HEADER < CHUNK_LEAST ? CHUNK_LEAST : (bytes + HEADER + 7) / 8 * 8;
    size_t i = reference_choose(engine, need);
    if (i == chunk_count) {
        return NOWHERE;
    }
    /* What is left over must be a chunk of its own. */
    reference_split(i, chunks[i].size - need < CHUNK_LEAST ? chunks[i].size : need);
    chunks[i].used = true;
    return (uint32_t)(chunks[i].start + HEADER);
}

static void reference_free(uint32_t block)
{
    for (size_t i = 0; i < chunk_count; i++) {
        if (chunks[i].start + HEADER != block) {
            continue;
        }
        chunks[i].used = false;
        if (i + 1 < chunk_count && !chunks[i + 1].used) {
            reference_join(i);
        }
        if (i > 0 && !chunks[i - 1].used) {
            reference_join(i - 1);
        }
        return;
    }
    fuzz_fail("the reference does not know a block");
}

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

/* A fit against the reference: natural alignment and granule, no realloc. */
static void run_reference(const uint8_t *bytes, size_t size)
{
    struct smh_fuzz_input input;
    struct smh_fuzz_step step;
    void *blocks[SMH_FUZZ_SLOTS] = {0};
    struct smh_chunk first = {0};
    struct smh_heap *heap = heap_of();
    FUZZ_REQUIRE(smh_heap_walk(heap, &first) && !first.used, "an empty heap has no free chunk");
    chunks[0] = (struct reference_chunk){0, first.size, false};
    chunk_count = 1;
    overflowed = false;
    smh_fuzz_open(&input, bytes, size);
    while (!overflowed && smh_fuzz_next(&input, &step)) {
        void **block = &blocks[step.operation.slot];
        size_t wanted = (size_t)step.operation.bytes;
        if (step.kind != SMH_FUZZ_OPERATION || wanted > SMH_FUZZ_STRIDE) {
            continue;
        }
        if (step.operation.kind <= SMH_OPERATION_CALLOC && *block == NULL) {
            *block = smh_heap_alloc(heap, wanted);
            uint32_t expected = reference_alloc(heap->engine, wanted);
            uint32_t place = *block == NULL ? NOWHERE : place_of(*block) - (uint32_t)first.offset;
            FUZZ_REQUIRE(overflowed || place == expected,
                         "step %llu: %s puts %zu bytes at 0x%x, the reference at 0x%x",
                         (unsigned long long)step.operation.site, heap->engine->name, wanted, place,
                         expected);
        } else if (step.operation.kind == SMH_OPERATION_FREE && *block != NULL) {
            reference_free(place_of(*block) - (uint32_t)first.offset);
            FUZZ_REQUIRE(smh_heap_free(heap, *block) == 0, "a block cannot be freed");
            *block = NULL;
        }
        fuzz_operations++;
    }
}

static void run_engine(const uint8_t *bytes, size_t size, const struct smh_engine *engine)
{
    struct smh_fuzz_input input;
    smh_fuzz_open(&input, bytes, size);
    struct smh_fuzz_region *region = &input.config.regions[0];
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
    if (engine == &smh_engine_first_fit || engine == &smh_engine_best_fit ||
        engine == &smh_engine_worst_fit) {
        region->granule = 0;
        if (fuzz_stage_open(&stage, &input.config, false)) {
            run_reference(bytes, size);
            fuzz_stage_close(&stage);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; smh_engine_at(i) != NULL; i++) {
        run_engine(bytes, size, smh_engine_at(i));
    }
    return 0;
}
