/* replay.c: a trace through smh_heap_*, bare or with its content checked.
 *
 * Owns: bench_replay and bench_replay_checked. Invariants: see harness.h; the checked replay leaves
 * the heap with every block freed.
 */
#include "../../sim/model/contents.h"
#include "harness.h"

#include <stdlib.h>

int bench_heap_init(struct smh_heap *heap, const struct bench_options *options,
                    const struct smh_engine *engine, void *memory, size_t bytes)
{
    struct smh_heap_config config = {
        .memory = memory,
        .memory_size = bytes,
        .granule = options->granule,
        .target_bits = options->target_bits,
        .engine = engine,
    };

    return smh_heap_init(heap, &config);
}

bool bench_engine_walks(const struct bench_options *options, const struct smh_engine *engine)
{
    static uint8_t memory[65536];
    struct smh_heap heap;
    struct smh_chunk chunk = {0};

    return bench_heap_init(&heap, options, engine, memory, sizeof(memory)) == 0 &&
           smh_heap_walk(&heap, &chunk);
}

bool bench_heap_sound(const struct smh_heap *heap)
{
    struct smh_chunk chunk = {0};
    bool of_core = smh_engine_find(heap->engine->name) == heap->engine;

    return (!of_core && !smh_heap_walk(heap, &chunk)) || smh_heap_check(heap, NULL) == 0;
}

size_t bench_replay(struct smh_heap *heap, const struct bench_trace *trace, void **slots)
{
    const struct bench_operation *operation = trace->operations;
    const struct bench_operation *end = operation + trace->count;

    for (; operation != end; operation++) {
        void **slot = &slots[operation->slot];
        size_t align = operation->align_shift == 0 ? 0 : (size_t)1 << operation->align_shift;
        void *block;

        if (operation->kind == BENCH_FREE) {
            if (smh_heap_free(heap, *slot) != 0) {
                break;
            }
            continue;
        }
        if (operation->kind == BENCH_ALLOC) {
            block = align == 0 ? smh_heap_alloc(heap, operation->bytes)
                               : smh_heap_aligned_alloc(heap, align, operation->bytes);
        } else {
            block = smh_heap_aligned_realloc(heap, *slot, align, operation->bytes);
        }
        if (block == NULL) {
            break;
        }
        *slot = block;
    }
    return (size_t)(operation - trace->operations);
}

void bench_tag(const struct bench_block *held, uint32_t slot)
{
    held->block[held->bytes - 1] = (uint8_t)~slot;
    held->block[0] = (uint8_t)slot;
}

bool bench_tag_holds(const struct bench_block *held, uint64_t bytes, uint32_t slot)
{
    /* After a realloc, the last byte is known only where the block was not cut. */
    return held->block[0] == (uint8_t)slot &&
           (bytes < held->bytes || bytes == 1 || held->block[held->bytes - 1] == (uint8_t)~slot);
}

struct checked {
    struct smh_heap *heap;
    const struct bench_trace *trace;
    struct bench_block *slots;
    size_t index;
};

static _Noreturn void fault(const struct checked *checked, const char *what)
{
    bench_fail("%s, engine %s: operation %zu: %s", checked->trace->name,
               checked->heap->engine->name, checked->index, what);
}

static void verify(const struct checked *checked, uint32_t slot, uint64_t bytes)
{
    const struct bench_block *held = &checked->slots[slot];

    if (smh_contents_verify(held->block, slot, 0, bytes) != SMH_CONTENTS_SAME) {
        fault(checked, "a block lost its content");
    }
}

static bool give(const struct checked *checked, const struct bench_operation *operation)
{
    struct bench_block *held = &checked->slots[operation->slot];
    size_t align = operation->align_shift == 0 ? 0 : (size_t)1 << operation->align_shift;
    size_t natural = smh_heap_alignment(checked->heap);
    uint64_t kept = 0;
    uint8_t *block;
    size_t offset;

    if (operation->kind == BENCH_ALLOC) {
        block = smh_heap_aligned_alloc(checked->heap, align, operation->bytes);
    } else {
        verify(checked, operation->slot, held->bytes);
        block = smh_heap_aligned_realloc(checked->heap, held->block, align, operation->bytes);
        kept = held->bytes < operation->bytes ? held->bytes : operation->bytes;
    }
    if (block == NULL) {
        return false;
    }
    offset = (size_t)(block - checked->heap->memory);
    if (offset >= checked->heap->memory_size ||
        operation->bytes > checked->heap->memory_size - offset) {
        fault(checked, "a block lies outside memory");
    }
    if (((uintptr_t)block & (natural - 1)) != 0 ||
        (align != 0 && ((uintptr_t)block & (align - 1)) != 0)) {
        fault(checked, "a block is not aligned");
    }
    held->block = block;
    held->bytes = operation->bytes;
    verify(checked, operation->slot, kept);
    smh_contents_fill(block, operation->slot, kept, held->bytes);
    return true;
}

static void take(const struct checked *checked, uint32_t slot)
{
    struct bench_block *held = &checked->slots[slot];

    verify(checked, slot, held->bytes);
    if (smh_heap_free(checked->heap, held->block) != 0) {
        fault(checked, "the heap does not take a live block back");
    }
    held->block = NULL;
}

size_t bench_replay_checked(struct smh_heap *heap, const struct bench_trace *trace, bool may_fail)
{
    struct checked checked = {.heap = heap, .trace = trace};
    size_t done = 0;

    checked.slots = calloc(trace->slot_count + 1, sizeof(*checked.slots));
    if (checked.slots == NULL) {
        bench_fail("out of memory");
    }
    for (size_t i = 0; i < trace->count; i++) {
        const struct bench_operation *operation = &trace->operations[i];

        checked.index = i;
        if (operation->kind == BENCH_FREE) {
            take(&checked, operation->slot);
        } else if (!give(&checked, operation)) {
            if (!may_fail) {
                fault(&checked, "NULL");
            }
            break;
        }
        done++;
    }
    if (!bench_heap_sound(heap)) {
        fault(&checked, "the heap is not sound at the end");
    }
    for (size_t i = 0; i < trace->slot_count; i++) {
        if (checked.slots[i].block != NULL) {
            take(&checked, (uint32_t)i);
        }
    }
    free(checked.slots);
    return done;
}
