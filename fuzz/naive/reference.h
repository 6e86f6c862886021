/* reference.h: a second opinion of where an engine puts its blocks, for those that have one.
 *
 * Owns: which of naive_heap.h, naive_buddy.h and naive_bitmap.h it is; and a judge that compares an
 * engine with it over some hundred live blocks, for which inputs are too short.
 */
#ifndef FUZZ_REFERENCE_H
#define FUZZ_REFERENCE_H

#include "../../sim/workload/fuzz_input.h"

/* See naive_heap.h. */
struct fuzz_reference {
    size_t (*sufficient)(size_t align, size_t bytes);
    uintptr_t (*alloc)(size_t align, size_t bytes);
    void (*free)(uintptr_t block);
    bool (*resize)(uintptr_t block, size_t bytes);
    uintptr_t (*realloc)(uintptr_t block, size_t align, size_t bytes);
    size_t (*usable)(uintptr_t block);
    size_t (*largest)(void); /* as engine->largest_free, or NULL */
};

/* That of this heap, which is empty and was given this metadata; NULL: its engine, or its granule,
 * has none. There is one at a time. */
const struct fuzz_reference *fuzz_reference_open(const struct smh_heap *heap, const void *metadata,
                                                 size_t metadata_size);
/* What the engine put there, and says of it, against the reference; block NULL: of the heap alone.
 */
void fuzz_reference_compare(const struct fuzz_reference *reference, const struct smh_heap *heap,
                            const void *block, uintptr_t expected, size_t bytes);
/* Fills and drains a heap of the region's engine, or of bitmap, with sizes by its numbers. */
void fuzz_churn(const struct smh_fuzz_region *region);

#endif
