/* desert.h: damaged heaps, their memory and their tables each alone in gigabytes of nothing.
 *
 * Owns: that what a damaged word says is not followed out of memory and tables, however far it
 * points, by what promises to stay inside: checks, verdicts, the walk; engine bitmap's look at the
 * neighbours of a block, whatever is in its tables, and all its functions, whatever is in memory.
 */
#ifndef FUZZ_DESERT_H
#define FUZZ_DESERT_H

#include <stdint.h>

/* Makes a heap of any engine (each second time of bitmap, which promises most) with blocks and free
 * chunks of many lengths; and writes into some of its words, one at a time, each of the values that
 * a mistake or a stray write may leave there. Nothing where there is no address space for it. */
void fuzz_judge_desert(uint64_t seed);

#endif
