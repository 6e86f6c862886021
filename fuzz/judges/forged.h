/* forged.h: heaps that are wrong in several words at once.
 *
 * Owns: damage that leaves each count, sum and size as it was, so that one rule alone tells.
 */
#ifndef FUZZ_FORGED_H
#define FUZZ_FORGED_H

#include <stdint.h>

void fuzz_judge_forged(uint64_t seed);

#endif
