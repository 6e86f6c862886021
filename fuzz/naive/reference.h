/* reference.h: a second opinion of where an engine puts its blocks, for those that have one.
 *
 * Owns: which of naive_engines.h it is; realloc, which is the same for all; and a judge that
 * compares an engine with it over some hundred live blocks, for which inputs are too short.
 */
#ifndef FUZZ_REFERENCE_H
#define FUZZ_REFERENCE_H

#include "../../sim/workload/fuzz_input.h"

struct fuzz_reference {
    size_t (*sufficient)(size_t align, size_t bytes); /* as engine->sufficient_chunk */
    /* The address of the new block, or 0; align as in heap.h, of zephyr as in sys_heap.h. */
    uintptr_t (*alloc)(size_t align, size_t bytes);
    void (*free)(uintptr_t block);
    bool (*resize)(uintptr_t block, size_t bytes); /* in place, or false */
    /* To the left, where no other chunk has room: the new address, or 0. NULL: never. */
    uintptr_t (*slide)(uintptr_t block, size_t align, size_t bytes);
    size_t (*usable)(uintptr_t block);
    size_t (*largest)(void); /* as engine->largest_free, or NULL */
};

/* That of this heap, which is empty and was given this metadata; NULL: its engine, or its granule,
 * has none. There is one at a time. */
const struct fuzz_reference *fuzz_reference_open(const struct smh_heap *heap, const void *metadata,
                                                 size_t metadata_size);
/* As heap.h; what it answers is the block's address, the old one's contents never matter. */
uintptr_t fuzz_reference_realloc(const struct fuzz_reference *reference, uintptr_t block,
                                 size_t align, size_t bytes);
/* What the engine put there, and says of it, against the reference; block NULL: of the heap alone.
 */
void fuzz_reference_compare(const struct fuzz_reference *reference, const struct smh_heap *heap,
                            const void *block, uintptr_t expected, size_t bytes);
/* Fills and drains a heap of the region's engine, or of bitmap, with sizes by its numbers. */
void fuzz_churn(const struct smh_fuzz_region *region);

#endif
