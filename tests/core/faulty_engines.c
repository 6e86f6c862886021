/* faulty_engines.c: engines with a planted fault each.
 *
 * Owns: the faults. They are planted into a copy of first_fit, compiled in here, whose parts can
 * then be called one by one. What a fault has to remember lies in words of smh_heap.state that
 * first_fit does not use.
 */
#include "faulty_engines.h"

#include <string.h>

#define smh_engine_first_fit faulty_base
#include "../../src/engine/first_fit.c"
#undef smh_engine_first_fit

enum {
    STATE_CALLS = 8, /* allocations so far */
    STATE_VICTIM,    /* address of a live block, or 0 */
    STATE_INNER,     /* address of a block inside the victim, or 0 */
    STATE_INNER_BYTES
};

/* Every eighth allocation misbehaves, so that plenty go well before. */
static bool is_due(struct smh_heap *heap)
{
    heap->state[STATE_CALLS]++;
    return heap->state[STATE_CALLS] % 8 == 0;
}

static void forget(struct smh_heap *heap, const void *block)
{
    if (heap->state[STATE_VICTIM] == (uintptr_t)block) {
        heap->state[STATE_VICTIM] = 0;
    }
}

static void forgetting_free(struct smh_heap *heap, void *block)
{
    forget(heap, block);
    first_fit_free(heap, block);
}

/* overlap: a block is handed out inside a live one. Its memory is all payload, so that the heap
 * itself stays sound. */

static void *overlap_alloc(struct smh_heap *heap, size_t bytes)
{
    uintptr_t victim = heap->state[STATE_VICTIM];

    if (is_due(heap) && victim != 0 && heap->state[STATE_INNER] == 0) {
        size_t half = smh_round_down(first_fit_usable_size(heap, (void *)victim) / 2,
                                     bytes_of((uint32_t)heap->state[STATE_STRIDE]));

        if (half >= bytes) {
            heap->state[STATE_INNER] = victim + half;
            heap->state[STATE_INNER_BYTES] = half;
            return (void *)heap->state[STATE_INNER];
        }
    }
    heap->state[STATE_VICTIM] = (uintptr_t)first_fit_alloc(heap, bytes);
    return (void *)heap->state[STATE_VICTIM];
}

static bool is_inner(const struct smh_heap *heap, const void *block)
{
    return heap->state[STATE_INNER] == (uintptr_t)block;
}

static void overlap_free(struct smh_heap *heap, void *block)
{
    if (is_inner(heap, block)) {
        heap->state[STATE_INNER] = 0;
    } else {
        forgetting_free(heap, block);
    }
}

static size_t overlap_usable_size(const struct smh_heap *heap, const void *block)
{
    return is_inner(heap, block) ? heap->state[STATE_INNER_BYTES]
                                 : first_fit_usable_size(heap, block);
}

static bool overlap_resize(struct smh_heap *heap, void *block, size_t bytes)
{
    if (is_inner(heap, block)) {
        return bytes <= heap->state[STATE_INNER_BYTES];
    }
    forget(heap, block);
    return first_fit_resize(heap, block, bytes);
}

/* same_block: hands a live block out a second time. */

static void *same_block_alloc(struct smh_heap *heap, size_t bytes)
{
    void *block;

    if (is_due(heap) && heap->state[STATE_VICTIM] != 0 &&
        first_fit_usable_size(heap, (void *)heap->state[STATE_VICTIM]) >= bytes) {
        block = (void *)heap->state[STATE_VICTIM];
        heap->state[STATE_VICTIM] = 0;
        return block;
    }
    block = first_fit_alloc(heap, bytes);
    heap->state[STATE_VICTIM] = (uintptr_t)block;
    return block;
}

/* alignment: takes no notice of it. */

static void *alignment_aligned_alloc(struct smh_heap *heap, size_t align, size_t bytes)
{
    (void)align;
    return first_fit_alloc(heap, bytes);
}

/* content: a byte of a live block changes at a later allocation. */

static void *content_alloc(struct smh_heap *heap, size_t bytes)
{
    if (is_due(heap) && heap->state[STATE_VICTIM] != 0) {
        *(uint8_t *)heap->state[STATE_VICTIM] ^= 0x10;
    }
    heap->state[STATE_VICTIM] = (uintptr_t)first_fit_alloc(heap, bytes);
    return (void *)heap->state[STATE_VICTIM];
}

/* usable_size: says eight bytes too many. */

static size_t usable_size_usable_size(const struct smh_heap *heap, const void *block)
{
    return first_fit_usable_size(heap, block) + 8;
}

/* coalescing: never merges. */

static void coalescing_free(struct smh_heap *heap, void *block)
{
    uint32_t unit = unit_of(heap, block);
    uint32_t last = NONE;
    uint32_t next = (uint32_t)heap->state[STATE_HEAD];

    while (next != NONE && next < unit) {
        last = next;
        next = links_at(heap, next)->next;
    }
    smh_engine_count_free(heap, bytes_of(size_at(heap, unit)));
    header_at(heap, unit)->size_in_use &= ~IN_USE;
    list_insert(heap, unit, last, next);
}

/* waste: never splits. */

static void *waste_alloc(struct smh_heap *heap, size_t bytes)
{
    uint32_t need = units_for(heap, bytes);
    uint32_t unit = (uint32_t)heap->state[STATE_HEAD];

    while (unit != NONE && size_at(heap, unit) < need) {
        unit = links_at(heap, unit)->next;
    }
    return need == 0 || unit == NONE ? NULL : take(heap, unit, size_at(heap, unit));
}

/* leak: what is left over by a split is lost. */

static void *leak_alloc(struct smh_heap *heap, size_t bytes)
{
    void *block = first_fit_alloc(heap, bytes);

    if (is_due(heap) && block != NULL) {
        uint32_t rest = unit_of(heap, block) + size_at(heap, unit_of(heap, block));

        if (rest != end_unit(heap) && !in_use_at(heap, rest)) {
            list_remove(heap, rest);
            header_at(heap, rest)->size_in_use |= IN_USE;
        }
    }
    return block;
}

/* free_nothing: a block given back stays in use. */

static void free_nothing_free(struct smh_heap *heap, void *block)
{
    (void)heap;
    (void)block;
}

/* null: NULL although memory is free. */

static void *null_alloc(struct smh_heap *heap, size_t bytes)
{
    return is_due(heap) ? NULL : first_fit_alloc(heap, bytes);
}

/* resize: says that a block has grown. */

static bool resize_resize(struct smh_heap *heap, void *block, size_t bytes)
{
    return bytes > first_fit_usable_size(heap, block) || first_fit_resize(heap, block, bytes);
}

/* largest_free: promises eight bytes too many. */

static size_t largest_free_largest_free(const struct smh_heap *heap)
{
    return first_fit_largest_free(heap) + 8;
}

/* The parts of first_fit, of which each engine lacks what its fault replaces. */
#define SOUND_PARTS                                                              \
    .abi = SMH_ENGINE_ABI, .init = first_fit_init, .verdict = first_fit_verdict, \
    .sufficient_chunk = first_fit_sufficient_chunk, .walk = first_fit_walk,      \
    .check = first_fit_check, .chunk_of = first_fit_chunk_of
#define SOUND_ALLOC         .alloc = first_fit_alloc
#define SOUND_ALIGNED_ALLOC .aligned_alloc = first_fit_aligned_alloc
#define SOUND_FREE          .free = first_fit_free
#define SOUND_RESIZE        .resize = first_fit_resize
#define SOUND_USABLE_SIZE   .usable_size = first_fit_usable_size
#define SOUND_LARGEST_FREE  .largest_free = first_fit_largest_free

static const struct smh_engine engines[] = {
    {SOUND_PARTS, SOUND_ALIGNED_ALLOC, SOUND_LARGEST_FREE, .name = "faulty_overlap",
     .summary = "now and then a block lies inside another", .alloc = overlap_alloc,
     .free = overlap_free, .resize = overlap_resize, .usable_size = overlap_usable_size},
    {SOUND_PARTS, SOUND_ALIGNED_ALLOC, SOUND_RESIZE, SOUND_USABLE_SIZE, SOUND_LARGEST_FREE,
     .name = "faulty_same_block", .summary = "now and then a live block is handed out again",
     .alloc = same_block_alloc, .free = forgetting_free},
    {SOUND_PARTS, SOUND_ALLOC, SOUND_FREE, SOUND_RESIZE, SOUND_USABLE_SIZE, SOUND_LARGEST_FREE,
     .name = "faulty_alignment", .summary = "takes no notice of the alignment asked for",
     .aligned_alloc = alignment_aligned_alloc},
    {SOUND_PARTS, SOUND_ALIGNED_ALLOC, SOUND_RESIZE, SOUND_USABLE_SIZE, SOUND_LARGEST_FREE,
     .name = "faulty_content", .summary = "now and then a byte of a live block changes",
     .alloc = content_alloc, .free = forgetting_free},
    {SOUND_PARTS, SOUND_ALLOC, SOUND_ALIGNED_ALLOC, SOUND_FREE, SOUND_RESIZE, SOUND_LARGEST_FREE,
     .name = "faulty_usable_size", .summary = "says eight usable bytes too many",
     .usable_size = usable_size_usable_size},
    {SOUND_PARTS, SOUND_ALLOC, SOUND_ALIGNED_ALLOC, SOUND_RESIZE, SOUND_USABLE_SIZE,
     SOUND_LARGEST_FREE, .name = "faulty_coalescing", .summary = "never merges free chunks",
     .free = coalescing_free},
    {SOUND_PARTS, SOUND_ALIGNED_ALLOC, SOUND_FREE, SOUND_RESIZE, SOUND_USABLE_SIZE,
     SOUND_LARGEST_FREE, .name = "faulty_waste", .summary = "never splits a free chunk",
     .alloc = waste_alloc},
    {SOUND_PARTS, SOUND_ALIGNED_ALLOC, SOUND_FREE, SOUND_RESIZE, SOUND_USABLE_SIZE,
     SOUND_LARGEST_FREE, .name = "faulty_leak", .summary = "now and then loses what a split leaves",
     .alloc = leak_alloc},
    {SOUND_PARTS, SOUND_ALLOC, SOUND_ALIGNED_ALLOC, SOUND_RESIZE, SOUND_USABLE_SIZE,
     SOUND_LARGEST_FREE, .name = "faulty_free_nothing", .summary = "free does nothing",
     .free = free_nothing_free},
    {SOUND_PARTS, SOUND_ALIGNED_ALLOC, SOUND_FREE, SOUND_RESIZE, SOUND_USABLE_SIZE,
     SOUND_LARGEST_FREE, .name = "faulty_null", .summary = "now and then NULL, memory or not",
     .alloc = null_alloc},
    {SOUND_PARTS, SOUND_ALLOC, SOUND_ALIGNED_ALLOC, SOUND_FREE, SOUND_USABLE_SIZE,
     SOUND_LARGEST_FREE, .name = "faulty_resize", .summary = "says that a block has grown in place",
     .resize = resize_resize},
    {SOUND_PARTS, SOUND_ALLOC, SOUND_ALIGNED_ALLOC, SOUND_FREE, SOUND_RESIZE, SOUND_USABLE_SIZE,
     .name = "faulty_largest_free", .summary = "promises eight bytes too many",
     .largest_free = largest_free_largest_free},
};

const struct smh_engine *smh_faulty_engine_at(size_t index)
{
    return index < sizeof(engines) / sizeof(engines[0]) ? &engines[index] : NULL;
}

const struct smh_engine *smh_faulty_engine_find(const char *name)
{
    for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++) {
        if (strcmp(engines[i].name, name) == 0) {
            return &engines[i];
        }
    }
    return NULL;
}
