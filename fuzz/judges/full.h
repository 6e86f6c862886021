/* full.h: Zephyr's tables of heaps and regions, filled to the last slot and one more.
 *
 * Owns: what the process-wide pool (-ENOMEM) and a multi heap (a panic) say then.
 * Invariants: afterwards both are full; the next input begins them anew.
 */
#ifndef FUZZ_FULL_H
#define FUZZ_FULL_H

#include <smh/multi_heap.h>

/* bytes: of a block for which there is just enough memory; *panics: of the target's smh_port_panic.
 */
void fuzz_judge_full(sys_multi_heap_fn_t choose, size_t bytes, unsigned *panics);

#endif
