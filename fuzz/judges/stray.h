/* stray.h: writes to freed blocks that look like links of engine bitmap.
 *
 * Owns: that whatever lies in free memory, no byte is handed out twice and no block is written to.
 * Random damage seldom writes the number of a chunk, least of all the chunk's own.
 */
#ifndef FUZZ_STRAY_H
#define FUZZ_STRAY_H

#include <stdint.h>

void fuzz_judge_stray(uint64_t seed);

#endif
