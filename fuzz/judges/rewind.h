/* rewind.h: blocks of a sys_heap that lie before a multiple of their alignment.
 *
 * Owns: where they lie, by the reference of zephyr; inputs have few of them, and no rewind below a
 * header.
 */
#ifndef FUZZ_REWIND_H
#define FUZZ_REWIND_H

#include <stdint.h>

void fuzz_judge_rewinds(uint64_t seed);

#endif
