/* mutate.h: changes inputs of the form of sim/workload/fuzz_input.h into others.
 *
 * Owns: the mutations that keep records whole: insert, delete, swap, move, duplicate a burst,
 * retarget (another slot, so that a free meets another block), sizes to the edges of classes,
 * change a byte of a record, change the header, or make all of it anew (generate.h); and the
 * crossover that splices two inputs. Invariants: the result depends on the bytes and the seed
 * alone; it is a header and whole records (or shorter than a header), and never longer than
 * max_size.
 */
#ifndef FUZZ_MUTATE_H
#define FUZZ_MUTATE_H

#include <stddef.h>
#include <stdint.h>

/* Changes bytes[0..size) in place; room for max_size bytes. Returns the new size. */
size_t fuzz_mutate(uint8_t *bytes, size_t size, size_t max_size, unsigned seed);
/* Writes a crossover of two inputs to out (room for max_size bytes). Returns its size. */
size_t fuzz_cross(const uint8_t *left, size_t left_size, const uint8_t *right, size_t right_size,
                  uint8_t *out, size_t max_size, unsigned seed);

#endif
