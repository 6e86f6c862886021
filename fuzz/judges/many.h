/* many.h: a pool of up to 800 regions, where those of an input are at most four.
 *
 * Owns: that a pool of many regions finds the one of an address, and asks them in the policy's
 * order; and of three regions of nearly one size, whose engines leave more or less of it, which
 * comes first. Invariants: what is added and in which order depends on the arguments alone.
 */
#ifndef FUZZ_MANY_H
#define FUZZ_MANY_H

#include <smh/pool.h>

/* Makes a pool of small regions and judges it; argument: how many, in which order, how far apart.
 * At its first call, of hundreds, too. */
void fuzz_judge_many(const struct smh_policy *policy, unsigned argument);

#endif
