/* tiny.h: heaps of no room, of little, of just enough.
 *
 * Owns: every size of memory from nothing on, and every size of tables from nothing to what is
 * asked for, each wherever it begins within a granule; inputs have a few of them.
 */
#ifndef FUZZ_TINY_H
#define FUZZ_TINY_H

#include <stdint.h>

/* An engine and a granule by the seed. */
void fuzz_judge_tiny(uint64_t seed);

#endif
