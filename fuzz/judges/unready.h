/* unready.h: heaps under Zephyr's names that are not there, or hardly.
 *
 * Owns: what sys_heap answers before init and after one that failed, the table of heaps that has no
 * entries, and the least memory that makes a heap.
 */
#ifndef FUZZ_UNREADY_H
#define FUZZ_UNREADY_H

#include <stdbool.h>
#include <stddef.h>

/* The function that the last panic named; set by the target's smh_port_panic. */
extern const char *fuzz_panic_function;
/* *panics: of the target's smh_port_panic. */
void fuzz_judge_unready(size_t bytes, unsigned *panics);
/* `least` bytes of memory, but no fewer, hold a block of so many. */
void fuzz_judge_least(size_t bytes, size_t least, bool statistics);

#endif
