/* faulty_engines.c: engines with a planted fault each.
 *
 * Owns: the faults. They are planted into first_fit, of whose parts each takes the place of some
 * and calls others. What a fault has to remember lies in words of smh_heap.state that first_fit
 * does not use.
 */
#include "faulty_engines.h"

#include "../../src/engine/boundary_tag.h"

#include <string.h>

enum {
    STATE_CALLS = 8, /* allocations so far */
    STATE_VICTIM,    /* address of a live block, or 0 */
    STATE_INNER,     /* address of a block inside the victim, or 0 */
    STATE_INNER_BYTES
};

static void *sound_alloc(struct smh_heap *heap, size_t bytes)
{
    return smh_engine_first_fit.alloc(heap, bytes);
}

static void *sound_aligned_alloc(struct smh_heap *heap, size_t align, size_t bytes)
{
    return smh_engine_first_fit.aligned_alloc(heap, align, bytes);
}

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
    smh_tag_free(heap, block);
}

/* overlap: a block is handed out inside a live one. Its memory is all payload, so that the heap
 * itself stays sound. */

static void *overlap_alloc(struct smh_heap *heap, size_t bytes)
{
    uintptr_t victim = heap->state[STATE_VICTIM];

    if (is_due(heap) && victim != 0 && heap->state[STATE_INNER] == 0) {
        size_t half = smh_round_down(smh_tag_usable_size(heap, (void *)victim) / 2,
                                     smh_tag_bytes((uint32_t)heap->state[SMH_TAG_STRIDE]));

        if (half >= bytes) {
            heap->state[STATE_INNER] = victim + half;
            heap->state[STATE_INNER_BYTES] = half;
            return (void *)heap->state[STATE_INNER];
        }
    }
    heap->state[STATE_VICTIM] = (uintptr_t)sound_alloc(heap, bytes);
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
                                 : smh_tag_usable_size(heap, block);
}

static bool overlap_resize(struct smh_heap *heap, void *block, size_t bytes)
{
    if (is_inner(heap, block)) {
        return bytes <= heap->state[STATE_INNER_BYTES];
    }
    forget(heap, block);
    return smh_tag_resize(heap, block, bytes);
}

/* same_block: hands a live block out a second time. */

static void *same_block_alloc(struct smh_heap *heap, size_t bytes)
{
    void *block;

    if (is_due(heap) && heap->state[STATE_VICTIM] != 0 &&
        smh_tag_usable_size(heap, (void *)heap->state[STATE_VICTIM]) >= bytes) {
        block = (void *)heap->state[STATE_VICTIM];
        heap->state[STATE_VICTIM] = 0;
        return block;
    }
    block = sound_alloc(heap, bytes);
    heap->state[STATE_VICTIM] = (uintptr_t)block;
    return block;
}

/* alignment: takes no notice of it. */

static void *alignment_aligned_alloc(struct smh_heap *heap, size_t align, size_t bytes)
{
    (void)align;
    return sound_alloc(heap, bytes);
}

/* content: a byte of a live block changes at a later allocation. */

static void *content_alloc(struct smh_heap *heap, size_t bytes)
{
    if (is_due(heap) && heap->state[STATE_VICTIM] != 0) {
        *(uint8_t *)heap->state[STATE_VICTIM] ^= 0x10;
    }
    heap->state[STATE_VICTIM] = (uintptr_t)sound_alloc(heap, bytes);
    return (void *)heap->state[STATE_VICTIM];
}

/* usable_size: says eight bytes too many. */

static size_t usable_size_usable_size(const struct smh_heap *heap, const void *block)
{
    return smh_tag_usable_size(heap, block) + 8;
}

/* coalescing: never merges. */

static void coalescing_free(struct smh_heap *heap, void *block)
{
    uint32_t unit = smh_tag_unit_of(heap, block);
    uint32_t last = SMH_TAG_NONE;
    uint32_t next = smh_tag_first(heap);

    while (next != SMH_TAG_NONE && next < unit) {
        last = next;
        next = smh_tag_after(heap, next);
    }
    smh_engine_count_free(heap, smh_tag_bytes(smh_tag_size_at(heap, unit)));
    smh_tag_header_at(heap, unit)->size_in_use &= ~SMH_TAG_IN_USE;
    smh_tag_list_insert(heap, unit, last, next);
}

/* waste: never splits. */

static void *waste_alloc(struct smh_heap *heap, size_t bytes)
{
    uint32_t need = smh_tag_units_for(heap, bytes);
    uint32_t unit = smh_tag_first(heap);

    while (unit != SMH_TAG_NONE && smh_tag_size_at(heap, unit) < need) {
        unit = smh_tag_after(heap, unit);
    }
    return need == 0 || unit == SMH_TAG_NONE
               ? NULL
               : smh_tag_take(heap, unit, smh_tag_size_at(heap, unit));
}

/* leak: what is left over by a split is lost. */

static void *leak_alloc(struct smh_heap *heap, size_t bytes)
{
    void *block = sound_alloc(heap, bytes);

    if (is_due(heap) && block != NULL) {
        uint32_t rest =
            smh_tag_unit_of(heap, block) + smh_tag_size_at(heap, smh_tag_unit_of(heap, block));

        if (rest != smh_tag_end(heap) && !smh_tag_in_use_at(heap, rest)) {
            smh_tag_list_remove(heap, rest);
            smh_tag_header_at(heap, rest)->size_in_use |= SMH_TAG_IN_USE;
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
    return is_due(heap) ? NULL : sound_alloc(heap, bytes);
}

/* resize: says that a block has grown. */

static bool resize_resize(struct smh_heap *heap, void *block, size_t bytes)
{
    return bytes > smh_tag_usable_size(heap, block) || smh_tag_resize(heap, block, bytes);
}

/* largest_free: promises eight bytes too many. */

static size_t largest_free_largest_free(const struct smh_heap *heap)
{
    return smh_tag_largest_free(heap) + 8;
}

/* The parts of first_fit, of which each engine lacks what its fault replaces. */
#define SOUND_PARTS                                                                             \
    .abi = SMH_ENGINE_ABI, .init = smh_tag_init, .verdict = smh_tag_verdict,                    \
    .sufficient_chunk = smh_tag_sufficient_chunk, .walk = smh_tag_walk, .check = smh_tag_check, \
    .chunk_of = smh_tag_chunk_of
#define SOUND_ALLOC         .alloc = sound_alloc
#define SOUND_ALIGNED_ALLOC .aligned_alloc = sound_aligned_alloc
#define SOUND_FREE          .free = smh_tag_free
#define SOUND_RESIZE        .resize = smh_tag_resize
#define SOUND_USABLE_SIZE   .usable_size = smh_tag_usable_size
#define SOUND_LARGEST_FREE  .largest_free = smh_tag_largest_free

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
