/* large.h: heaps of 1 to 256 MiB, which the regions of an input are too small to show.
 *
 * Owns: what depends on size alone: tables for long distances, alignments above a page, granules up
 * to 4096. Most of such a heap is never touched.
 * Invariants: where the heap lies modulo 1 GiB depends on the input alone.
 */
#ifndef FUZZ_LARGE_H
#define FUZZ_LARGE_H

#include <stddef.h>
#include <stdint.h>

/* Lays a large heap of the engine and granule of the input's first region, and leads the first
 * steps of the input through it, sizes and alignments scaled up. Nothing where there is no room for
 * it. */
void fuzz_large(const uint8_t *bytes, size_t size);

/* 2 GiB of address space from a multiple of 1 GiB on; NULL where there is not so much. */
uint8_t *fuzz_window(void);

#endif
