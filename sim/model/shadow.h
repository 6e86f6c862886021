/* shadow.h: who owns which bytes of a region, kept apart from the allocator.
 *
 * Owns: one bit per SMH_SHADOW_GRANULE bytes of a region: set while a live block covers any of
 * them.
 *
 *     region   |....aaaaaaaa......bbbbb...|      a, b: usable bytes of live blocks
 *     shadow    00  1111      00  111  0
 *
 * Invariants: it is filled from what the allocator promised (address and usable size) and never
 * from its metadata, so that a wrong allocator cannot make it agree.
 */
#ifndef SMH_SIM_SHADOW_H
#define SMH_SIM_SHADOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SMH_SHADOW_GRANULE 4

struct smh_shadow {
    uint64_t *words;
    uint64_t bits;
};

/* A shadow of size bytes, nothing owned. false: no memory. */
bool smh_shadow_open(struct smh_shadow *shadow, uint64_t size);
void smh_shadow_close(struct smh_shadow *shadow);
/* Owns [offset, offset + bytes): false, and nothing changed, when part of it was owned or lies
 * outside. Nothing at all is owned anywhere. O(bytes / 256). */
bool smh_shadow_own(struct smh_shadow *shadow, uint64_t offset, uint64_t bytes);
/* Gives the range up. */
void smh_shadow_disown(struct smh_shadow *shadow, uint64_t offset, uint64_t bytes);

#endif
