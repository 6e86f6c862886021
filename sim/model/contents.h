/* contents.h: what every live block must contain.
 *
 * Owns: the pattern of a block, a function of its serial number and of the offset within it, so
 * that bytes of one block found in another, stale bytes and shifted copies are all told apart.
 * Who writes a block anew writes the next version of its pattern, so that what was there before is
 * told from what is there now.
 *
 * Invariants: bytes [0, bytes) of a block hold the pattern from the moment of allocation until it
 * is freed; a realloc keeps the first min(old, new) and the rest is filled anew.
 */
#ifndef SMH_SIM_CONTENTS_H
#define SMH_SIM_CONTENTS_H

#include <stdint.h>

#define SMH_CONTENTS_SAME UINT64_MAX

/* The serial of a later version of a block's contents: version 0 is the block's own. Every bit of
 * it depends on the version, so that even one stale byte at any place is told (but for 1 in 256).
 */
static inline uint64_t smh_contents_serial(uint64_t serial, uint8_t version)
{
    return serial ^ (uint64_t)version * UINT64_C(0x9E3779B97F4A7C15);
}

/* Writes the pattern of `serial` to [from, to) of block. */
void smh_contents_fill(void *block, uint64_t serial, uint64_t from, uint64_t to);
/* The offset of the first byte in [from, to) that differs, or SMH_CONTENTS_SAME. */
uint64_t smh_contents_verify(const void *block, uint64_t serial, uint64_t from, uint64_t to);
/* The offset of the first byte in [from, to) that is not zero, or SMH_CONTENTS_SAME. */
uint64_t smh_contents_verify_zero(const void *block, uint64_t from, uint64_t to);

#endif
