/* midway.h: a pool asked in the midst of an add, at every point of it.
 *
 * Owns: what readers, who take no lock, are told while the orders of the regions change: of each
 * region that is there the truth, of the new one its number or that it is not there yet.
 */
#ifndef FUZZ_MIDWAY_H
#define FUZZ_MIDWAY_H

/* Builds a pool of 1 to 9 regions, by argument, in an order by argument, too: asked about all at
 * each edge of each add; and again, each question being interrupted by an add at each of its edges.
 * Where edges are not counted, it is asked before and after. */
void fuzz_judge_midway(unsigned argument);

#endif
