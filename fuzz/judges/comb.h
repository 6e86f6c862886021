/* comb.h: a heap of many free chunks of nearly one size, which steps at random seldom make.
 *
 * Owns: that the largest free block is the largest, also where an engine looks at a few of a list.
 */
#ifndef FUZZ_COMB_H
#define FUZZ_COMB_H

#include "../../sim/workload/fuzz_input.h"

/* Makes such a heap of the region's engine, sizes by its numbers, and takes it up again, the
 * largest chunk first. */
void fuzz_comb(const struct smh_fuzz_region *region);

#endif
