/* grid.h: each alignment at each place, one engine after the other.
 *
 * Owns: what depends on where a heap begins and on the alignment asked for, from a granule to
 * megabytes, tried for every pair of the two instead of by chance.
 */
#ifndef FUZZ_GRID_H
#define FUZZ_GRID_H

#include <stdint.h>

/* Heaps of an engine that begin at an odd multiple of each power of two up to 2 MiB, and
 * a little beside it; of each every alignment is asked, in new blocks and in old ones that move
 * or stay. Full heaps of all engines, where a block slides into what lies before it. A heap with
 * gaps, each address of which is given to free. Heaps of each granule that begin and end anywhere
 * inside one, with tables of the least size. */
void fuzz_judge_grid(uint64_t seed);

#endif
