/* oracle.h: the truthful model that judges every answer of the allocator.
 *
 * Owns: the rules that hold for any allocator, checked from outside: from the promises it makes
 * (addresses, usable sizes, verdicts, statistics), never from its metadata.
 *
 *   region      the block lies in one region, and that region matches what was asked for
 *   alignment   the address is a multiple of what was asked for and of the natural alignment
 *   overlap     no byte of it belongs to another live block (shadow.h)
 *   size        usable size is at least the bytes asked for, and stays what it was
 *   space       it takes no more than a free chunk that would suffice (engine.h), so that a
 *               request of one byte cannot eat a region
 *   contents    it holds its pattern when read, resized, freed and at the end (contents.h);
 *               calloc gives zeroes
 *   verdict     a live block is free to be freed, its inside is not, and once freed it lies in free
 *               space
 *   null        NULL only when no matching region has a free chunk that suffices
 *   heap        the validator of the heap finds every rule kept, and the counters agree with what
 *               is live
 *   restored    when everything has been freed, each region is as it was before the first request
 *   guard       nothing was written beside a region
 *
 * Invariants: the oracle reports and never stops anything itself; the first SMH_VIOLATIONS_LISTED
 * violations are kept, all are counted.
 */
#ifndef SMH_SIM_ORACLE_H
#define SMH_SIM_ORACLE_H

#include "../machine/machine.h"
#include "../result.h"
#include "shadow.h"

/* A block that the replay holds. */
struct smh_live {
    void *block;     /* NULL: the slot is empty, or its allocation had failed */
    uint64_t bytes;  /* asked for */
    uint64_t serial; /* of the pattern: one per allocation or realloc that moved */
    uint64_t usable;
    uint8_t *versions; /* of each byte, when it was written in parts; NULL: `version` */
    uint32_t attr;
    uint32_t align;
    uint16_t region;
    uint8_t version; /* of what was written last; each write of a block makes new contents */
    bool on_stack;   /* no block of a heap */
};

enum smh_checks {
    SMH_CHECKS_NONE,     /* replay and nothing else */
    SMH_CHECKS_CONTENTS, /* contents alone */
    SMH_CHECKS_ALL       /* every oracle */
};

struct smh_region_origin {
    uint64_t capacity_bytes;
    uint64_t used_bytes;
    uint64_t largest_free_bytes;
    uint64_t free_chunks;
};

struct smh_oracle {
    const struct smh_machine *machine;
    struct smh_result *result;
    enum smh_checks checks;
    struct smh_shadow *shadows;       /* per region */
    struct smh_region_origin *origin; /* per region, before the first request */
    uint64_t *live_blocks;            /* per region, as the replay knows */
    uint64_t nulls_seen;
    uint64_t probe; /* counts down to the next verdict probe */
};

/* -1 with *error set: no memory. */
int smh_oracle_open(struct smh_oracle *oracle, const struct smh_machine *machine,
                    struct smh_result *result, enum smh_checks checks, struct smh_error *error);
void smh_oracle_close(struct smh_oracle *oracle);

/* Notes a violation. */
void smh_oracle_report(struct smh_oracle *oracle, const char *name, uint64_t operation_index,
                       const char *format, ...) __attribute__((format(printf, 4, 5)));

/* live->block was just returned for operation, in live->region. Fills live->usable; checks region,
 * alignment, overlap, size and space (used_before: the region's used_bytes before the call), that
 * [0, kept) still holds the pattern and that calloc gave zeroes; then fills [kept, bytes). */
void smh_oracle_allocated(struct smh_oracle *oracle, struct smh_live *live,
                          const struct smh_operation *operation, uint64_t used_before,
                          uint64_t kept, uint64_t operation_index);
/* Before live is freed or resized: contents, verdict, size; gives its bytes up in the shadow. */
void smh_oracle_leaving(struct smh_oracle *oracle, const struct smh_live *live,
                        uint64_t operation_index);
/* After a successful free of live. */
void smh_oracle_freed(struct smh_oracle *oracle, const struct smh_live *live,
                      uint64_t operation_index);
/* A realloc failed after smh_oracle_leaving: live must be as it was, and owns its bytes again. */
void smh_oracle_retake(struct smh_oracle *oracle, const struct smh_live *live,
                       uint64_t operation_index);
/* New contents for [from, to) of live, as its owner or a device writes them. */
void smh_oracle_write(struct smh_live *live, uint64_t from, uint64_t to);
/* live->bytes has changed from old_bytes: what was written in parts follows. */
void smh_oracle_resize_versions(struct smh_live *live, uint64_t old_bytes);
/* [from, to) of live still holds its pattern. */
void smh_oracle_contents(struct smh_oracle *oracle, const struct smh_live *live, uint64_t from,
                         uint64_t to, uint64_t operation_index);
/* The pool answered NULL to operation. */
void smh_oracle_null(struct smh_oracle *oracle, const struct smh_operation *operation,
                     uint64_t operation_index);
/* Validates every heap and compares its counters. */
void smh_oracle_heaps(struct smh_oracle *oracle, uint64_t operation_index);
/* Everything has been freed. */
void smh_oracle_restored(struct smh_oracle *oracle, uint64_t operation_index);

#endif
