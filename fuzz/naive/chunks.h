/* chunks.h: a heap as chunks by ascending address, for the references of zephyr, fits and bitmap.
 *
 * Owns: the chunks of the one heap that is open.
 *
 *     chunks   | used | free | used | used | free |        moved by memmove for each split and join
 *
 * Invariants: shares no code with the engines; there are no gaps. Sizes are in units of the engine.
 */
#ifndef FUZZ_CHUNKS_H
#define FUZZ_CHUNKS_H

#include <smh/heap.h>

#define CHUNKS ((size_t)2048)
#define NONE   CHUNKS

struct chunk {
    uintptr_t start; /* of the header, if there is one */
    size_t size;
    uintptr_t block; /* 0: free */
    uint64_t listed; /* bitmap: when it was put into its list */
};

extern struct chunk chunks[CHUNKS];
extern size_t chunk_count;

static inline size_t round_up(size_t value, size_t align)
{
    return (value + align - 1) / align * align;
}

/* Begins as this heap, which is empty: one free chunk of so many units of so many bytes, where the
 * real one must have one, too. */
void chunks_open(const struct smh_heap *heap, uintptr_t start, size_t size, size_t unit);
bool chunk_is_free(size_t i);
size_t chunk_of(uintptr_t block);
/* Bytes from the block's start to its chunk's end. */
size_t chunk_usable(uintptr_t block);
/* Chunk i keeps its first `size` units; the rest, if any, is a free chunk of its own, in no list.
 */
bool chunk_split(size_t i, size_t size);
/* Chunk i swallows the next. */
void chunk_join(size_t i);

#endif
