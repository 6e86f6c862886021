/* generate.h: whole inputs of the form of sim/workload/fuzz_input.h, by chance.
 *
 * Owns: the habits of a workload that random bytes do not have: few sizes and alignments that
 * recur, phases that fill and drain, frees in order, in reverse or of every other block, kinds
 * of operation that are missing altogether, regions that are small against their blocks.
 *
 *     input   = header, phase, phase, ...
 *     phase   = 4 to 60 records of one mood (fill, churn, drain, resize, misuse) and one palette
 *
 * Invariants: the result depends on the seed alone; it is a header and whole records.
 */
#ifndef FUZZ_GENERATE_H
#define FUZZ_GENERATE_H

#include <stddef.h>
#include <stdint.h>

/* Writes an input of at most max_size bytes; its size (0: not even a header fits). */
size_t fuzz_generate(uint8_t *bytes, size_t max_size, uint64_t seed);

#endif
