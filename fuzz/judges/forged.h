/* forged.h: heaps that are wrong where one rule alone tells.
 *
 * Owns: damage in several words that leaves each count, sum and size as it was; and, in small heaps
 * made for it, each bit of headers, of zephyr's lists, of the links of bitmap's large chunks, and
 * each chunk as its reserve.
 */
#ifndef FUZZ_FORGED_H
#define FUZZ_FORGED_H

#include <stdint.h>

void fuzz_judge_forged(uint64_t seed);

#endif
