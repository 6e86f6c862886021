/* fuzz_input.h: any bytes at all, read as a workload.
 *
 * Owns: the meaning of a fuzzer's input: a header that describes the regions, then operation
 * records of fixed width, so that a fuzzer may insert, delete, swap and splice them without moving
 * the meaning of the others.
 *
 *     0       2        3      4       5        6         8                     40       48
 *     | swarm | policy | more | match | places | regions | 4 x region, 8 bytes | record | record |
 * ...
 *     '---------------------------- header -----------------------------------'
 *
 *     more     its top bit: policies from round_robin on, instead of those before; low bits:
 *              the threshold of small requests, 8 bytes << value, 0: the default
 *     region   engine, flags, granule, size (shift), size (fine), head, attr, reserve
 *     record   kind, slot, size (2 bytes, little endian), align, attr, argument (2 bytes)
 *
 * Swarm: bit i of the first two bytes switches group i of the kinds off (enum smh_fuzz_group), so
 * that inputs differ in what they do and not in the order alone. Bytes that are not there read as
 * zero. Every input is legal; what it does is mostly legal use, with a share of misuse.
 * Invariants: decoding depends on the bytes alone, never on an allocator's answers; the operations
 * keep the rules of operation.h, misuse apart.
 */
#ifndef SMH_SIM_FUZZ_INPUT_H
#define SMH_SIM_FUZZ_INPUT_H

#include "../operation.h"

#include <smh/pool.h>

#define SMH_FUZZ_HEADER_BYTES 40
#define SMH_FUZZ_RECORD_BYTES 8
#define SMH_FUZZ_REGIONS_MAX  4
#define SMH_FUZZ_SLOTS        64 /* live blocks at a time */
/* Regions lie this far apart, at multiples of it. */
#define SMH_FUZZ_STRIDE ((size_t)1 << 20)

enum smh_fuzz_group {
    SMH_FUZZ_GROUP_FREE,
    SMH_FUZZ_GROUP_ALIGN, /* off: every alignment is the natural one */
    SMH_FUZZ_GROUP_REALLOC,
    SMH_FUZZ_GROUP_RESIZE,
    SMH_FUZZ_GROUP_CALLOC,
    SMH_FUZZ_GROUP_ACCESS,
    SMH_FUZZ_GROUP_MISUSE,
    SMH_FUZZ_GROUP_LARGEST,
    SMH_FUZZ_GROUP_HUGE, /* off: no sizes that no region could hold */
    SMH_FUZZ_GROUP_PREFER,
    SMH_FUZZ_GROUP_CHECK
};

/* What a step does. The last four are no operations of a workload. */
enum smh_fuzz_kind {
    SMH_FUZZ_OPERATION, /* step.operation */
    SMH_FUZZ_RESIZE,    /* in place or not at all; operation is the realloc nearest to it */
    SMH_FUZZ_LARGEST,   /* ask for the largest free block (argument odd: and one byte more) */
    SMH_FUZZ_CHECK,     /* validate every heap */
    SMH_FUZZ_MISUSE     /* step.misuse, near the block in operation.slot */
};

enum smh_fuzz_misuse {
    SMH_FUZZ_MISUSE_INSIDE,   /* a pointer into a live block, `argument` bytes behind its start */
    SMH_FUZZ_MISUSE_AGAIN,    /* a pointer freed before */
    SMH_FUZZ_MISUSE_ANYWHERE, /* any address of a region */
    SMH_FUZZ_MISUSE_OUTSIDE,  /* just below or above a region, or a small number */
    SMH_FUZZ_MISUSE_ALIGN,    /* an alignment that is no power of two */
    SMH_FUZZ_MISUSE_ZERO,     /* a request of 0 bytes */
    SMH_FUZZ_MISUSE_NULL,     /* NULL where a block is due */
    SMH_FUZZ_MISUSE_COUNT
};

struct smh_fuzz_step {
    struct smh_operation operation; /* site: number of the record, from 0 */
    enum smh_fuzz_kind kind;
    enum smh_fuzz_misuse misuse;
    uint16_t argument;
};

struct smh_fuzz_region {
    const struct smh_engine *engine;
    size_t size; /* bytes */
    size_t head; /* bytes between a multiple of SMH_FUZZ_STRIDE and the region; a multiple of 8 */
    size_t granule;
    unsigned target_bits; /* 32 or 64 */
    uint32_t attr;
    size_t reserve_bytes;
    uint32_t priority;
    uint32_t cost; /* 1 to 8 */
    bool metadata; /* give it separate metadata: exact verdicts */
    uint8_t odd;   /* bytes, 0 to 7, that heap targets move the region up */
};

struct smh_fuzz_config {
    uint16_t swarm;
    const struct smh_policy *policy;
    smh_match match;
    size_t threshold_bytes; /* 0: the default */
    size_t region_count;    /* 1 to SMH_FUZZ_REGIONS_MAX */
    /* Region i lies at places[i] * SMH_FUZZ_STRIDE: not always in the order of adding. */
    uint8_t places[SMH_FUZZ_REGIONS_MAX];
    bool spare_slot; /* the pool has room for SMH_FUZZ_REGIONS_MAX regions, however few it gets */
    struct smh_fuzz_region regions[SMH_FUZZ_REGIONS_MAX];
};

/* An input under way. The bytes must outlive it; it may not be moved after smh_fuzz_open. */
struct smh_fuzz_input {
    struct smh_fuzz_config config;
    const uint8_t *records;
    size_t record_count;
    size_t next;     /* record */
    uint64_t filled; /* bit i: slot i is filled */
    uint32_t attrs[3];
    struct smh_attr_list prefer;
};

void smh_fuzz_open(struct smh_fuzz_input *input, const uint8_t *bytes, size_t size);
/* The next step, false at the end. step->operation.prefer is valid until the next call. */
bool smh_fuzz_next(struct smh_fuzz_input *input, struct smh_fuzz_step *step);

#endif
