/* stress.h: Zephyr's stress rig, watched.
 *
 * Owns: the functions that the rig calls: what it was given, what it gave back, and what it says.
 * Invariants: afterwards every block of the rig is free again.
 */
#ifndef FUZZ_STRESS_H
#define FUZZ_STRESS_H

#include <smh/sys_heap.h>

/* Drives heap, of so many bytes, with at most 8 blocks and 63 steps; argument decides. */
void fuzz_stress(struct sys_heap *heap, size_t bytes, unsigned argument);

#endif
