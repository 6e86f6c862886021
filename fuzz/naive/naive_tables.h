/* naive_tables.h: how many bytes the tables of a heap take, said a second time.
 *
 * Owns: those of engine buddy, and start bitmaps; engine bitmap's are naive_bitmap.c's to judge.
 * Invariants: shares no code with the core.
 */
#ifndef FUZZ_NAIVE_TABLES_H
#define FUZZ_NAIVE_TABLES_H

#include <smh/heap.h>

/* Engine buddy takes for tables what its units need and no more: an entry for each, a list for each
 * order that memory of this size could have, from a multiple of 4 on; and what they leave of memory
 * is units, as many as fit. A start bitmap has a bit for each step that memory touches. asked is
 * what smh_heap_metadata_size says. */
void naive_judge_tables(const struct smh_heap *heap, const struct smh_heap_config *config,
                        size_t asked);

#endif
