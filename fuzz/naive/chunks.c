/* chunks.c: chunks in an array. See chunks.h. */
#include "chunks.h"

#include "../stage.h"

#include <string.h>

struct chunk chunks[CHUNKS];
size_t chunk_count;
static size_t unit_bytes;

void chunks_open(const struct smh_heap *heap, uintptr_t start, size_t size, size_t unit)
{
    struct smh_chunk first = {0};
    FUZZ_REQUIRE(smh_heap_walk(heap, &first) && !first.used && first.size == size * unit &&
                     (uintptr_t)heap->memory + first.offset == start &&
                     heap->capacity_bytes == size * unit,
                 "an empty heap of %s in %zu bytes has a chunk of %zu at 0x%zx, the reference one "
                 "of %zu at 0x%zx",
                 heap->engine->name, heap->memory_size, first.size, first.offset, size * unit,
                 (size_t)(start - (uintptr_t)heap->memory));
    unit_bytes = unit;
    chunks[0] = (struct chunk){.start = start, .size = size};
    chunk_count = 1;
}

bool chunk_is_free(size_t i)
{
    return i < chunk_count && chunks[i].block == 0;
}

size_t chunk_of(uintptr_t block)
{
    size_t i = 0;
    while (i < chunk_count && chunks[i].block != block) {
        i++;
    }
    FUZZ_REQUIRE(i < chunk_count && block != 0, "the reference does not know a block");
    return i;
}

size_t chunk_usable(uintptr_t block)
{
    const struct chunk *chunk = &chunks[chunk_of(block)];
    return chunk->start + chunk->size * unit_bytes - block;
}

bool chunk_split(size_t i, size_t size)
{
    if (chunks[i].size == size) {
        return false;
    }
    FUZZ_REQUIRE(chunk_count < CHUNKS, "the reference has no room for another chunk");
    memmove(&chunks[i + 1], &chunks[i], (chunk_count - i) * sizeof(chunks[0]));
    chunk_count++;
    chunks[i + 1] =
        (struct chunk){.start = chunks[i].start + size * unit_bytes, .size = chunks[i].size - size};
    chunks[i].size = size;
    return true;
}

void chunk_join(size_t i)
{
    chunks[i].size += chunks[i + 1].size;
    chunk_count--;
    memmove(&chunks[i + 1], &chunks[i + 2], (chunk_count - i - 1) * sizeof(chunks[0]));
}
