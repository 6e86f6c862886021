/* naive_bitmap.h: where engine bitmap puts its blocks, said a second time.
 *
 * Owns: one heap of engine bitmap, of any granule, as an array of chunks by ascending address.
 * Which chunk a list gives first is a matter of when each was put in, so each has the number of
 * that:
 *
 *     chunks   | used | free, 17 | used | reserve | used | free, 12 |    sizes in units
 *     class    of 40 to 47: 12 and 17; the latest is looked at first: 17, 12
 *
 * Invariants: shares no code with the engine; of a real heap it asks where memory and tables lie,
 * and where its first chunk does it works out.
 */
#ifndef FUZZ_NAIVE_BITMAP_H
#define FUZZ_NAIVE_BITMAP_H

#include <smh/heap.h>

/* Begins as this heap, which is empty; metadata and metadata_size: as it was given them. false: its
 * engine is another. */
bool naive_bitmap_open(const struct smh_heap *heap, const void *metadata, size_t metadata_size);
/* As naive_heap.h, for engine bitmap. */
size_t naive_bitmap_sufficient(size_t align, size_t bytes);
uintptr_t naive_bitmap_alloc(size_t align, size_t bytes);
void naive_bitmap_free(uintptr_t block);
bool naive_bitmap_resize(uintptr_t block, size_t bytes);
size_t naive_bitmap_usable(uintptr_t block);
uintptr_t naive_bitmap_realloc(uintptr_t block, size_t align, size_t bytes);
/* As engine->largest_free. */
size_t naive_bitmap_largest(void);

#endif
