/* stage.h: what every allocator target stands on.
 *
 * Owns: memory for the regions of an input, the shared oracle (sim/model/oracle.h) over it, the
 * blocks that are live, and the ends that a broken rule or a measured run come to.
 *
 *     arena    |xx head |  region  |xxxxxxxx|xx head |  region  |xxx|     x: poisoned
 *              0                            SMH_FUZZ_STRIDE
 *     region   | live LLLLLL | free        | live LLLL |              L: poisoned, unless the
 * oracle is looking
 *
 * Invariants: while the core works, AddressSanitizer (where there is one) traps any access beside
 * a region, beside its metadata, and to the payload of a live block that is not being resized.
 */
#ifndef FUZZ_STAGE_H
#define FUZZ_STAGE_H

#include "../sim/model/oracle.h"
#include "../sim/workload/fuzz_input.h"

#define FUZZ_FREED_KEPT 16

/* What a heap's counters must say, kept by the targets that know every call. */
struct fuzz_counts {
    uint64_t allocated; /* blocks */
    uint64_t failed;
    size_t peak; /* of used bytes; while a block moves there are two of it: see peak_most */
    size_t peak_most;
};

struct fuzz_stage {
    struct smh_scenario scenario;
    struct smh_region_config region_configs[SMH_FUZZ_REGIONS_MAX];
    struct smh_machine machine;
    /* As the oracle's shadow wants it: from a multiple of 8 on. */
    struct smh_machine_region regions[SMH_FUZZ_REGIONS_MAX];
    uint8_t *memory[SMH_FUZZ_REGIONS_MAX]; /* where each region really begins */
    size_t size[SMH_FUZZ_REGIONS_MAX];
    struct smh_pool_slot slots[SMH_FUZZ_REGIONS_MAX];
    uint8_t *metadata[SMH_FUZZ_REGIONS_MAX];
    size_t metadata_bytes[SMH_FUZZ_REGIONS_MAX]; /* 0: none given */
    bool exact;                                  /* every verdict is exact */
    struct smh_oracle oracle;
    struct smh_live live[SMH_FUZZ_SLOTS];
    void *freed[FUZZ_FREED_KEPT]; /* the last addresses freed, in a ring */
    size_t freed_count;
    uint64_t serial;
    uint64_t index;                    /* of the step under way */
    size_t held[SMH_FUZZ_REGIONS_MAX]; /* usable bytes of live blocks */
    /* Per region: no free chunk is larger. 0: not known; then the next refusal asks a walk. */
    size_t free_most[SMH_FUZZ_REGIONS_MAX];
    size_t free_most_before; /* of the region of the block that was leaving last */
    size_t used_before;      /* of the same region, before it left */
};

/* Every target is one of these, and names itself. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
extern const char fuzz_target[];

/* NULL; or an engine that every region gets, whatever its input says: to test the tester. */
extern const struct smh_engine *fuzz_forced_engine;
/* Operations judged since the start, for figures. */
extern uint64_t fuzz_operations;
/* Edges of the core's control flow taken since the start: its own measure of time, free of the
 * host's. 0 for ever unless the core was compiled with -fsanitize-coverage=trace-pc. */
extern uint64_t fuzz_steps;
/* When fuzz_steps comes to fuzz_alarm, fuzz_alarm_rings is called, in the midst of the core. */
extern uint64_t fuzz_alarm;
extern void (*fuzz_alarm_rings)(void);
void __wrap___sanitizer_cov_trace_pc(void);

/* Makes heap (pool false: region 0 alone, no pool) or pool for the input's header. false: a region
 * is refused; the stage is then closed. */
bool fuzz_stage_open(struct fuzz_stage *stage, const struct smh_fuzz_config *config, bool pool);
/* The two halves of it, for targets that make their own heaps: lays out memory (all regions, or
 * the first alone); once the heaps are there, and mirrored in stage->slots, opens the oracle. */
void fuzz_stage_lay(struct fuzz_stage *stage, const struct smh_fuzz_config *config, bool all);
void fuzz_stage_watch(struct fuzz_stage *stage);
void fuzz_stage_close(struct fuzz_stage *stage);

/* What a region of a pool costs, and its priority: in the order of the input's numbers, but spread
 * over all 32 bits. */
uint32_t fuzz_cost(const struct smh_fuzz_region *region);
uint32_t fuzz_priority(const struct smh_fuzz_region *region);

/* A number that depends on every byte: what a judge of its own goes by, and whether it goes. */
uint64_t fuzz_seed_of(const uint8_t *bytes, size_t size);

/* Whether a free chunk suffices for the request, by what the engine promises and a walk. */
bool fuzz_has_room(const struct smh_heap *heap, const struct smh_operation *operation);

/* Hides the payload of a live block from the core, and shows it again. */
void fuzz_hide(const struct smh_live *live);
void fuzz_show(const struct smh_live *live);

/* A block was just returned for operation; it enters the slot. */
void fuzz_entered(struct fuzz_stage *stage, struct smh_live *live,
                  const struct smh_operation *operation, void *block, uint64_t used_before,
                  uint64_t kept);
/* Before live is freed or resized, and after it was freed with this code. */
void fuzz_leaving(struct fuzz_stage *stage, struct smh_live *live);
void fuzz_left(struct fuzz_stage *stage, struct smh_live *live, int code);
/* A resize that failed must have left live as it was. */
void fuzz_stayed(struct fuzz_stage *stage, struct smh_live *live);
/* NULL was the answer. */
void fuzz_refused(struct fuzz_stage *stage, const struct smh_operation *operation);

/* How a target asks what it drives. */
struct fuzz_calls {
    void (*alloc)(struct smh_live *live, struct smh_operation *operation);
    void (*free)(struct smh_live *live);
    void (*realloc)(struct smh_live *live, struct smh_operation *operation);
};
/* Does an operation with live as it stands: realloc of what could not be allocated is
 * realloc(NULL, n), and what else hangs on it is left out. */
void fuzz_operation(struct fuzz_stage *stage, const struct fuzz_calls *calls, struct smh_live *live,
                    struct smh_operation *operation);
/* Validates every heap; with `empty`, everything has been freed. */
void fuzz_validate(struct fuzz_stage *stage, bool empty);
/* Frees what is live, and validates. */
void fuzz_drain(struct fuzz_stage *stage, const struct fuzz_calls *calls);

/* Notes what a call on heap did: served and refused by it, used bytes before; and compares every
 * counter with what it must be by now. */
void fuzz_count(const struct fuzz_stage *stage, size_t index, struct fuzz_counts *counts,
                uint64_t served, uint64_t refused, size_t used_before);
/* Every counter of the heap against the truth: used bytes and blocks by a walk. */
void fuzz_judge_stats(const struct fuzz_stage *stage, size_t index, const struct smh_stats *stats);
/* A counter or a bit of the start bitmap is made wrong: the validator must see it. */
void fuzz_judge_validator(struct fuzz_stage *stage, size_t index, unsigned argument);

/* One bit that has a meaning, in a header, a link, a table or the engine's own words, is changed,
 * or two pieces of a table change places: the validator must see it (damage.c). */
void fuzz_judge_damage(struct fuzz_stage *stage, size_t index, unsigned argument);

/* What free should say of an address in region `index`: 0, -EINVAL, -EALREADY; of an address
 * outside it -ENOENT. */
int fuzz_truth(const struct fuzz_stage *stage, size_t index, const void *address);
/* The pointer that a step of misuse means; NULL when it means none, or one that is legal. */
void *fuzz_wild_pointer(const struct fuzz_stage *stage, const struct smh_fuzz_step *step);

/* Ends the program with a line that says which rule is broken. */
_Noreturn void fuzz_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define FUZZ_REQUIRE(condition, ...) \
    do {                             \
        if (!(condition)) {          \
            fuzz_fail(__VA_ARGS__);  \
        }                            \
    } while (0)

#endif
