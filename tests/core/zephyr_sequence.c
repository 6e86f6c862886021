/* zephyr_sequence.c: see zephyr_sequence.h. */
#include "zephyr_sequence.h"

#include "../../sim/random.h"

#include <stdbool.h>

#define BLOCKS 300

struct sequence {
    const struct zephyr_sequence_heap *heap;
    const uint8_t *memory;
    size_t memory_size;
    struct smh_random random;
    uint64_t hash;
    void *blocks[BLOCKS];
    size_t count;
};

static void mix(struct sequence *sequence, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++) { /* FNV-1a */
        sequence->hash = (sequence->hash ^ (value & 0xff)) * UINT64_C(0x100000001b3);
        value >>= 8;
    }
}

static size_t below(struct sequence *sequence, size_t bound)
{
    return (size_t)smh_random_below(&sequence->random, bound);
}

/* Mostly small, at times up to more than there is, now and then absurd. */
static size_t some_size(struct sequence *sequence)
{
    size_t kind = below(sequence, 100);

    if (kind < 60) {
        return 1 + below(sequence, 64);
    }
    if (kind < 85) {
        return 1 + below(sequence, 600);
    }
    if (kind < 99) {
        return 1 + below(sequence, sequence->memory_size / 4);
    }
    return kind == 99 && below(sequence, 2) == 0 ? 0x7fffffff : sequence->memory_size;
}

static size_t some_alignment(struct sequence *sequence)
{
    size_t shift = below(sequence, 14);

    return shift == 13 ? 0 : (size_t)1 << shift;
}

static void note(struct sequence *sequence, unsigned kind, const void *block)
{
    size_t counters[3] = {0, 0, 0};

    mix(sequence, kind);
    mix(sequence, block == NULL ? UINT64_MAX : (uintptr_t)block - (uintptr_t)sequence->memory);
    if (sequence->heap->counters != NULL) {
        sequence->heap->counters(sequence->heap->context, counters);
        mix(sequence, counters[0]);
        mix(sequence, counters[1]);
        mix(sequence, counters[2]);
    }
}

static void make_block(struct sequence *sequence)
{
    const struct zephyr_sequence_heap *heap = sequence->heap;
    bool aligned = below(sequence, 3) == 0;
    size_t align = some_alignment(sequence);
    size_t bytes = some_size(sequence);
    void *block = aligned ? heap->aligned_alloc(heap->context, align, bytes)
                          : heap->alloc(heap->context, bytes);

    note(sequence, aligned ? 1 : 0, block);
    if (block != NULL) {
        sequence->blocks[sequence->count] = block;
        sequence->count++;
    }
}

static void step(struct sequence *sequence, bool growing)
{
    const struct zephyr_sequence_heap *heap = sequence->heap;
    size_t kind = below(sequence, 10);
    size_t choice;

    if (sequence->count == 0 || (sequence->count < BLOCKS && kind < (growing ? 6u : 4u))) {
        make_block(sequence);
        return;
    }
    choice = below(sequence, sequence->count);
    if (kind < 8) {
        heap->free(heap->context, sequence->blocks[choice]);
        sequence->count--;
        sequence->blocks[choice] = sequence->blocks[sequence->count];
        note(sequence, 2, NULL);
    } else {
        size_t align = kind == 8 ? 0 : some_alignment(sequence);
        void *block =
            heap->resize(heap->context, sequence->blocks[choice], align, some_size(sequence));

        note(sequence, 3, block);
        if (block != NULL) {
            sequence->blocks[choice] = block;
        }
    }
}

uint64_t zephyr_sequence_hash(const struct zephyr_sequence_heap *heap, const uint8_t *memory,
                              size_t memory_size, uint64_t seed, size_t operations)
{
    struct sequence sequence = {.heap = heap,
                                .memory = memory,
                                .memory_size = memory_size,
                                .hash = UINT64_C(0xcbf29ce484222325)};

    smh_random_init(&sequence.random, seed, 0);
    for (size_t i = 0; i < operations; i++) {
        step(&sequence, (i / 1000) % 2 == 0);
    }
    for (size_t i = 0; i < memory_size; i++) {
        mix(&sequence, memory[i]);
    }
    return sequence.hash;
}
