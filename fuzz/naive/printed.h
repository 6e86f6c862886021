/* printed.h: what sys_heap_print_info prints, compared with what a walk tells.
 *
 * Owns: smh_port_print for the targets that link it, and the expected text.
 * Invariants: every line is compared whole: buckets, chunks, totals.
 */
#ifndef FUZZ_PRINTED_H
#define FUZZ_PRINTED_H

#include <smh/sys_heap.h>

/* Prints a sound heap, of a 64-bit target, with its chunks or without. */
void fuzz_judge_print(struct sys_heap *heap, bool chunks);
/* Prints a damaged one: it says so, and no more. */
void fuzz_judge_print_damaged(struct sys_heap *heap);

#endif
