/* owners.h: to whom the bytes of the regions belong.
 *
 * Owns: a record for each block or stack buffer that is live, or that a line remembers, and the
 * search for the one that holds an offset.
 *
 *     cells    of 16 bytes: first record that begins there, and by `next` the others
 *     marks    bit i: an owner begins in cell i            ....1......1.........1...
 *     above    bit i: word i of the level below is not 0   (six bits of the cell a level)
 *
 * Invariants: live owners do not overlap. A record is kept while it is live or held; numbers are
 * used again afterwards, so that memory follows what is live and remembered.
 */
#ifndef SMH_SIM_HAZARD_OWNERS_H
#define SMH_SIM_HAZARD_OWNERS_H

#include "judge.h"

/* Numbers of records that are always there. */
#define SMH_OWNERS_NONE     0u
#define SMH_OWNERS_METADATA 1u
#define SMH_OWNERS_NOBODY   2u
#define SMH_OWNERS_FIRST    3u

struct smh_owner_record {
    struct smh_owner owner; /* kind SMH_OWNER_FREED once it is freed */
    uint64_t reserved;      /* bytes that it owns */
    uint64_t freed_by;      /* operation, once it is freed */
    uint32_t holds;         /* + 1 while it is live */
    uint32_t next;          /* of those that begin in the same cell; or of the free ones */
};

struct smh_owners;

/* What struct smh_owners begins with, for the functions below. */
struct smh_owners_table {
    struct smh_owner_record *records;
};

struct smh_owners *smh_owners_open(const uint64_t sizes[], size_t region_count);
void smh_owners_close(struct smh_owners *owners);
/* A new live owner of [owner->offset, + reserved); whatever began there before is freed first. */
uint32_t smh_owners_add(struct smh_owners *owners, const struct smh_owner *owner,
                        uint64_t reserved);
/* The live owner that begins at offset is live no more; its number, held once for the caller, or
 * SMH_OWNERS_NONE. */
uint32_t smh_owners_remove(struct smh_owners *owners, uint16_t region, uint64_t offset,
                           uint64_t operation);
/* Fetches into the host's cache where the owner that begins at offset is found; sooner: him. */
void smh_owners_foresee(const struct smh_owners *owners, uint16_t region, uint64_t offset,
                        bool sooner);
/* The live owner that holds offset; SMH_OWNERS_NONE: nobody. */
uint32_t smh_owners_at(const struct smh_owners *owners, uint16_t region, uint64_t offset);
static inline const struct smh_owner_record *smh_owners_get(const struct smh_owners *owners,
                                                            uint32_t number)
{
    return &((const struct smh_owners_table *)owners)->records[number];
}
/* The same block in place, with another size. */
void smh_owners_resize(struct smh_owners *owners, uint32_t number, const struct smh_owner *owner,
                       uint64_t reserved);
static inline void smh_owners_hold(struct smh_owners *owners, uint32_t number)
{
    ((struct smh_owners_table *)owners)->records[number].holds++;
}
/* Nobody holds it any more: the number may be used again. */
void smh_owners_reuse(struct smh_owners *owners, uint32_t number);
static inline void smh_owners_release(struct smh_owners *owners, uint32_t number)
{
    if (number >= SMH_OWNERS_FIRST &&
        --((struct smh_owners_table *)owners)->records[number].holds == 0) {
        smh_owners_reuse(owners, number);
    }
}

#endif
