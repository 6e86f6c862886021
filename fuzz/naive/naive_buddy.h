/* naive_buddy.h: where engine buddy puts its blocks, said a second time.
 *
 * Owns: one heap of engine buddy, of any granule, as an array of blocks, each with the number of
 * when it was put into its list; the latest of an order is taken first.
 *
 *     blocks   | 16, used | 16, free | 32, free |  64, used  |      bytes: powers of two
 *
 * Invariants: shares no code with the engine; of a real heap it asks where its first block lies and
 * how many bytes there are (naive_heap_judge_tables says that).
 */
#ifndef FUZZ_NAIVE_BUDDY_H
#define FUZZ_NAIVE_BUDDY_H

#include <smh/heap.h>

/* Begins as this heap, which is empty. false: its engine is another. */
bool naive_buddy_open(const struct smh_heap *heap);
/* As naive_heap.h, for engine buddy. */
size_t naive_buddy_sufficient(size_t align, size_t bytes);
uintptr_t naive_buddy_alloc(size_t align, size_t bytes);
void naive_buddy_free(uintptr_t block);
bool naive_buddy_resize(uintptr_t block, size_t bytes);
size_t naive_buddy_usable(uintptr_t block);
uintptr_t naive_buddy_realloc(uintptr_t block, size_t align, size_t bytes);
/* As engine->largest_free. */
size_t naive_buddy_largest(void);

#endif
