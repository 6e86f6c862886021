/* judge.h: which bytes can go wrong, in any legal schedule.
 *
 * Owns: following every line through all schedules at once, and turning what can go wrong into
 * hazards: class, owners, drawing, sequence, advice.
 *
 * Between any two accesses hardware may write a dirty line back, drop a clean one and fetch one
 * that nobody asked for. Lines do not disturb each other there, so for each line the judge keeps
 * the set of states it may be in (states.h): what memory holds, and what each cache holds of it. An
 * access maps the set to a set; freedom closes it. A hazard is
 *   - a load or device's read that gives, in some state, not the last value written,
 *   - a byte whose last value is nowhere any more in some state: it is lost,
 *   - a device that is given memory it cannot reach, or a stack (H10).
 * Bytes that nobody has written since their block was handed out have no value to lose. Two losses
 * count only when somebody reads the bytes before they are written again: of the allocator's
 * metadata (what has been merged away is never read), and of what the owner of a block himself
 * invalidates, inside the range that he names (he may mean to discard it).
 *
 *     accesses, hand-outs --> judge --> line states --> hazards, one per (class, owners)
 *
 * Invariants: the judge changes nothing outside itself; the same accesses give the same hazards.
 */
#ifndef SMH_SIM_JUDGE_H
#define SMH_SIM_JUDGE_H

#include "../machine/access.h"
#include "../workload/scenario.h"

/* Hazards listed in full; more are counted. */
#define SMH_HAZARDS_LISTED      64
#define SMH_HAZARD_SEQUENCE_MAX 10
#define SMH_HAZARD_CLASS_COUNT  10

enum smh_hazard_class {
    SMH_HAZARD_H1 = 1, /* a device's buffer shares a line with data of a core */
    SMH_HAZARD_H2,     /* ... with metadata of the allocator */
    SMH_HAZARD_H3, /* read from a line fetched before the device wrote: invalidated too early, or
                      never (or, between cores, before the other core wrote) */
    SMH_HAZARD_H4, /* a dirty line of the same block evicted over what a device wrote */
    SMH_HAZARD_H5, /* no clean before a device (or another core) reads */
    SMH_HAZARD_H6, /* freed while dirty: evicted over the next owner's bytes */
    SMH_HAZARD_H7, /* maintenance of a part of a line destroys the rest of it in the same block */
    SMH_HAZARD_H8, /* made for another line size */
    SMH_HAZARD_H9, /* cached and uncached aliases of one block mixed */
    SMH_HAZARD_H10 /* memory given to a device that it cannot reach, or a stack */
};

enum smh_owner_kind {
    SMH_OWNER_NOBODY,
    SMH_OWNER_BLOCK,
    SMH_OWNER_FREED, /* a block that has been freed since */
    SMH_OWNER_METADATA,
    SMH_OWNER_STACK
};

/* To whom bytes belong, or belonged when they were written. */
struct smh_owner {
    uint64_t operation; /* index of the operation that allocated it */
    uint64_t site;      /* as smh_operation.site */
    uint64_t offset;    /* in the region */
    uint64_t bytes;     /* asked for */
    uint32_t slot;      /* of its actor; a list's names: scenario.h, slot_names */
    uint32_t align;     /* asked for */
    uint16_t actor;
    uint16_t region;
    uint8_t kind; /* enum smh_owner_kind */
};

/* One step of the sequence that leads to a hazard; `moved` says what hardware did of itself. */
struct smh_hazard_step {
    struct smh_access access; /* of the line alone: offset and bytes within the line */
    struct smh_owner owner;   /* of the bytes */
    enum {
        SMH_STEP_ACCESS,
        SMH_STEP_HAND_OUT,
        SMH_STEP_FREE,
        SMH_STEP_EVICTION, /* a dirty line is written back, and may leave */
        SMH_STEP_FILL,     /* a line is fetched that nobody asked for */
        SMH_STEP_DROP,     /* a clean line leaves */
        SMH_STEP_DRAIN     /* stores that were pending in a store buffer are carried out */
    } what;
    bool shared;  /* of an eviction, fill or drop: L2, not the core's L1 */
    bool skipped; /* maintenance for another line size, that passed this line over */
};

struct smh_hazard {
    uint8_t hazard_class; /* enum smh_hazard_class */
    uint16_t region;
    uint8_t core;         /* that saw or lost the bytes; of a device: SMH_MEMORY_DEVICE */
    uint64_t line_offset; /* of the first line that showed it */
    uint32_t line_bytes;
    uint64_t operation;       /* at which it first showed */
    uint64_t site;            /* where that is written: smh_operation.site */
    uint16_t actor;           /* whose operation that is */
    uint64_t count;           /* lines and times it showed */
    struct smh_owner victim;  /* whose bytes go wrong */
    struct smh_owner culprit; /* whose access, or lack of one, does it; may be the same block */
    uint64_t wrong_bytes[16]; /* bit i: byte i of the line goes wrong (lines of up to 1024 bytes) */
    struct smh_hazard_step sequence[SMH_HAZARD_SEQUENCE_MAX]; /* shortest that still shows it */
    size_t sequence_count;
    char *explanation; /* a sentence */
    char *advice;      /* what to do about it */
    char *drawing;     /* of the line, lines of text */
};

struct smh_judge;

/* sizes[i]: of region i. NULL with *error set: no memory. */
struct smh_judge *smh_judge_open(const struct smh_scenario *scenario, const uint64_t sizes[],
                                 struct smh_error *error);
void smh_judge_close(struct smh_judge *judge);

/* owner->kind block or stack: owns [offset, offset + reserved) from now on, and what the bytes hold
 * is undefined. Called after the allocator's own accesses of the operation that allocated it, and
 * before stores into the block (calloc's zeroes, realloc's copy: accesses that are not
 * by_allocator). */
void smh_judge_hand_out(struct smh_judge *judge, const struct smh_owner *owner, uint64_t reserved);
/* The block at this offset is freed. Called before the accesses of the operation that frees it. */
void smh_judge_free(struct smh_judge *judge, uint16_t region, uint64_t offset, uint64_t operation);
/* The block at this offset will be freed soon; the second time, with sooner, it is near. */
void smh_judge_foresee(const struct smh_judge *judge, uint16_t region, uint64_t offset,
                       bool sooner);
/* The block at owner->offset has changed its size in place: its bytes below both sizes keep what
 * they are, the rest has no value. Called after the accesses of the operation that resized it. */
void smh_judge_resize(struct smh_judge *judge, const struct smh_owner *owner, uint64_t reserved);
void smh_judge_access(struct smh_judge *judge, const struct smh_access *access);
/* The same, of a load or store by_allocator within one line of a cached region. */
void smh_judge_tables(struct smh_judge *judge, const struct smh_access *access);

/* What was found, in the order in which it first showed; valid until the judge is closed. */
size_t smh_judge_hazard_count(const struct smh_judge *judge);
const struct smh_hazard *smh_judge_hazard_at(struct smh_judge *judge, size_t index);
/* Distinct hazards beyond those listed. */
uint64_t smh_judge_unlisted(const struct smh_judge *judge);
/* Lines of which nothing is known any more, because more cores or states met there than the judge
 * follows (states.h). 0: every verdict is whole. */
uint64_t smh_judge_lines_given_up(const struct smh_judge *judge);

/* For tests of the tests: rules that a broken judge would lack. Bits of `rules` switch one off. */
enum smh_judge_rule {
    SMH_RULE_EVICTION = 1 << 0,     /* a dirty line may be written back at any time */
    SMH_RULE_FETCH = 1 << 1,        /* a line may be fetched at any time */
    SMH_RULE_STALE_DEVICE = 1 << 2, /* a device's read is checked */
    SMH_RULE_STALE_CORE = 1 << 3,   /* a core's load is checked */
    SMH_RULE_INVALIDATE = 1 << 4,   /* invalidation drops what is dirty */
    SMH_RULE_NEIGHBOURS = 1 << 5,   /* a store makes the whole line dirty */
    SMH_RULE_UNDEFINED = 1 << 6,    /* a hand-out and a free make bytes undefined */
    SMH_RULE_STORE_BUFFER = 1 << 7, /* stores may be pending */
    SMH_RULE_OTHER_CORES = 1 << 8   /* a core's store leaves other cores' copies stale */
};
void smh_judge_switch_off(struct smh_judge *judge, unsigned rules);

#endif
