/* naive_engines.h: where each engine puts its blocks, said a second time.
 *
 * Owns: one heap of each kind. A heap is an array that is searched from its beginning: quadratic,
 * and too simple to be wrong.
 * Invariants: shares no code with the engines; of a real heap it asks where memory and tables lie,
 * and where its first chunk does it works out (for buddy, naive_tables.c does).
 */
#ifndef FUZZ_NAIVE_ENGINES_H
#define FUZZ_NAIVE_ENGINES_H

#include "reference.h"

/* Each begins as this heap, which is empty. NULL: its engine, or its granule, is another. */
const struct fuzz_reference *naive_fits_open(const struct smh_heap *heap);
const struct fuzz_reference *naive_zephyr_open(const struct smh_heap *heap);
const struct fuzz_reference *naive_buddy_open(const struct smh_heap *heap);
/* metadata and metadata_size: as it was given them. */
const struct fuzz_reference *naive_bitmap_open(const struct smh_heap *heap, const void *metadata,
                                               size_t metadata_size);

#endif
