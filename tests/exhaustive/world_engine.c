/* world_engine.c: the engine around the engine: refuses when told to, notes what it is asked, and
 * wipes what is given back, so that free space tells nothing of the past. See world.h. */
#include "world_private.h"

#include <string.h>

struct smh_engine world_engine;
struct world_calls world_calls;
static const struct smh_engine *wrapped;

static size_t region_of_heap(const struct smh_heap *heap)
{
    return heap == &world_slots[1].heap ? 1 : 0;
}

static bool must_refuse(const struct smh_heap *heap)
{
    size_t region = region_of_heap(heap);
    world_calls.asked |= 1u << region;
    return (world_calls.refusing >> region & 1u) != 0;
}

static void *note_answer(const struct smh_heap *heap, void *block)
{
    size_t region = region_of_heap(heap);
    world_calls.refused[region] += block == NULL;
    world_calls.served[region] += block != NULL;
    return block;
}

static void *wrapped_alloc(struct smh_heap *heap, size_t bytes)
{
    return note_answer(heap, must_refuse(heap) ? NULL : wrapped->alloc(heap, bytes));
}

static void *wrapped_aligned_alloc(struct smh_heap *heap, size_t align, size_t bytes)
{
    return note_answer(heap, must_refuse(heap) ? NULL : wrapped->aligned_alloc(heap, align, bytes));
}

static void wrapped_free(struct smh_heap *heap, void *block)
{
    memset(block, WORLD_WIPED, wrapped->usable_size(heap, block));
    wrapped->free(heap, block);
}

static int wrapped_release(struct smh_heap *heap, void *block)
{
    if (smh_heap_contains(heap, block) && wrapped->verdict(heap, block) == 0) {
        memset(block, WORLD_WIPED, wrapped->usable_size(heap, block));
    }
    return wrapped->release(heap, block);
}

/* Growing may be refused; shrinking wipes the end that is given up. */
static bool wrapped_resize(struct smh_heap *heap, void *block, size_t bytes)
{
    uint8_t kept[WORLD_REGION_BYTES_MAX];
    size_t usable = wrapped->usable_size(heap, block);
    bool refuse = must_refuse(heap);
    size_t end = bytes < usable ? usable - bytes : 0;
    if (bytes > usable && refuse) {
        return false;
    }
    memcpy(kept, (uint8_t *)block + usable - end, end);
    memset((uint8_t *)block + usable - end, WORLD_WIPED, end);
    if (wrapped->resize(heap, block, bytes)) {
        return true;
    }
    memcpy((uint8_t *)block + usable - end, kept, end);
    return false;
}

static void *wrapped_slide(struct smh_heap *heap, void *block, size_t bytes)
{
    return must_refuse(heap) ? NULL : wrapped->slide(heap, block, bytes);
}

void world_wrap_engine(const struct smh_engine *engine)
{
    wrapped = engine;
    world_engine = *engine;
    world_engine.alloc = wrapped_alloc;
    world_engine.aligned_alloc = wrapped_aligned_alloc;
    world_engine.free = wrapped_free;
    world_engine.resize = wrapped_resize;
    world_engine.release = wrapped->release != NULL ? wrapped_release : NULL;
    world_engine.slide = wrapped->slide != NULL ? wrapped_slide : NULL;
}
