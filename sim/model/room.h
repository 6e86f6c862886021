/* room.h: whether a heap has what it says suffices.
 *
 * Owns: the walk for a free chunk of the engine's published size (sufficient_chunk).
 */
#ifndef SMH_SIM_MODEL_ROOM_H
#define SMH_SIM_MODEL_ROOM_H

#include <smh/engine.h>
#include <smh/heap.h>

/* The first free chunk of so many bytes goes into *chunk; false: there is none. */
static inline bool smh_room_find(const struct smh_heap *heap, size_t enough,
                                 struct smh_chunk *chunk)
{
    *chunk = (struct smh_chunk){0};
    while (smh_heap_walk(heap, chunk)) {
        if (!chunk->used && chunk->size >= enough) {
            return true;
        }
    }
    return false;
}

/* Whether a request cannot be refused. */
static inline bool smh_room_for(const struct smh_heap *heap, size_t align, size_t bytes)
{
    struct smh_chunk chunk;
    return smh_room_find(heap, heap->engine->sufficient_chunk(heap, align, bytes), &chunk);
}

#endif
