/* naive_heap.h: where an engine puts its blocks, said a second time.
 *
 * Owns: one heap of engine first_fit, next_fit, best_fit, worst_fit, zephyr or zephyr_stats, as an
 * array of chunks by ascending address that is searched from its beginning, and lists as arrays.
 *
 *     chunks   | used | free | used | used | free |        moved by memmove for each split and join
 *     bucket   17: 0x40 0x310 0x98                         (zephyr) the first is the list's head
 *     rover    0x310                                       (next_fit) where the next search begins
 *
 * Invariants: shares no code with the engines; knows of a real heap where its memory lies, and
 * where its first chunk does it works out. Sizes are those of the default granule.
 */
#ifndef FUZZ_NAIVE_HEAP_H
#define FUZZ_NAIVE_HEAP_H

#include <smh/heap.h>

#define NAIVE_NOWHERE ((uintptr_t)0)

/* Begins as this heap, which is empty, of natural granule: one free chunk, at the place and of the
 * size that follow from memory and target. false: its engine is none of these. */
bool naive_heap_open(const struct smh_heap *heap);
/* As engine->sufficient_chunk. */
size_t naive_heap_sufficient(size_t align, size_t bytes);
/* The address of the new block, or NAIVE_NOWHERE. align as in heap.h, of zephyr as in
 * sys_heap.h. */
uintptr_t naive_heap_alloc(size_t align, size_t bytes);
void naive_heap_free(uintptr_t block);
/* In place, or false. */
bool naive_heap_resize(uintptr_t block, size_t bytes);
/* Engine buddy takes for tables what its units need and no more: an entry for each, a list for each
 * order that memory of this size could have, from a multiple of 4 on; and what they leave of memory
 * is units, as many as fit. A start bitmap has a bit for each step that memory touches. asked is
 * what smh_heap_metadata_size says. */
void naive_heap_judge_tables(const struct smh_heap *heap, const struct smh_heap_config *config,
                             size_t asked);
/* Bytes from the block's start to its chunk's end. */
size_t naive_heap_usable(uintptr_t block);
/* As heap.h; what it answers is the block's address, the old one's contents never matter. */
uintptr_t naive_heap_realloc(uintptr_t block, size_t align, size_t bytes);

#endif
