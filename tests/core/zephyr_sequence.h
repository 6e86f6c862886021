/* zephyr_sequence.h: one random sequence of heap operations, hashed, whatever heap performs it.
 *
 * Owns: the sequence and the hash. A heap that places every block where another one does, and
 * fails where it fails, gets the same hash; test_zephyr_golden.c keeps those of Zephyr's own code.
 *
 *     hash <- kind, offset of the block from memory or ~0, counters;   at the end: all of memory
 *
 * Invariants: what is asked for depends on the seed, on memory_size and on the answers alone.
 */
#ifndef SMH_TESTS_ZEPHYR_SEQUENCE_H
#define SMH_TESTS_ZEPHYR_SEQUENCE_H

#include <stddef.h>
#include <stdint.h>

struct zephyr_sequence_heap {
    void *context;
    void *(*alloc)(void *context, size_t bytes);
    void *(*aligned_alloc)(void *context, size_t align, size_t bytes);
    void *(*resize)(void *context, void *block, size_t align, size_t bytes); /* realloc */
    void (*free)(void *context, void *block);
    void (*counters)(void *context, size_t counters[3]); /* free, allocated, most; may be NULL */
};

uint64_t zephyr_sequence_hash(const struct zephyr_sequence_heap *heap, const uint8_t *memory,
                              size_t memory_size, uint64_t seed, size_t operations);

#endif
