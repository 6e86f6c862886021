/* heap_picture.h: one small heap, and its layout as a picture.
 *
 * A heap is written as its chunks in order: u32 is a chunk in use of 32 bytes, f64 a free one.
 *
 * Owns: the heap, and memory that starts at a multiple of its size.
 * Invariants: exact verdicts; whoever looks at the heap has it validated, too.
 */
#ifndef SMH_TESTS_HEAP_PICTURE_H
#define SMH_TESTS_HEAP_PICTURE_H

#include <smh/engine.h>
#include <smh/heap.h>

#define PICTURE_BYTES 1024

extern uint8_t picture_memory[PICTURE_BYTES];
extern struct smh_heap picture_heap;

/* A new heap in `bytes` bytes that begin `shift` bytes behind the start of the memory; what
 * smh_heap_init says. */
int picture_init(const struct smh_engine *engine, size_t granule, size_t shift, size_t bytes);
/* Asserts that the heap is sound and looks as expected. */
void picture_looks(const char *expected);
/* Asserts that it succeeds. */
void *picture_take(size_t bytes);
void picture_give(void *block);

#endif
