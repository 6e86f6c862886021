/* naive_verdict.h: what a heap without a start bitmap says of a pointer, said a second time.
 *
 * Owns: the published constant-time checks of zephyr and of the four fits (zephyr.c,
 * boundary_tag.h), read off the bytes of a region that may be damaged in any way.
 *
 *     |left|size U| payload     zephyr: the used bit, left(right(c)) == c, right(left(c)) == c
 *     |size U|prev| payload     the fits: the size repeated by both neighbours
 *
 * Invariants: shares no code with the engines; reads nothing but the region.
 */
#ifndef FUZZ_NAIVE_VERDICT_H
#define FUZZ_NAIVE_VERDICT_H

#include <smh/heap.h>

/* Whether this is such a heap, of natural granule. */
bool naive_verdict_knows(const struct smh_heap *heap);
/* 0, -ENOENT, -EALREADY or -EINVAL; block is not NULL. */
int naive_verdict(const struct smh_heap *heap, const void *block);

#endif
