/* states.h: every state that one byte of a line may be in, over all legal schedules.
 *
 * Owns: struct smh_states, the sets of states and how accesses change them.
 *
 * What can go wrong with a byte depends on the copies of its line alone: where they are, which are
 * dirty, and in which of them the byte holds the last value that was written to it. That is 55 bits
 * for up to seven cores:
 *
 *     bits   0..7    core in slot 0:  L1 present, current, dirty;
 *                                     cached stores pending: none, to other bytes, to this one
 *                                     (2 bits), that one current; uncached store pending to this
 *                                     byte, that one current
 *     bits   8..55   slots 1 to 6, in the order in which cores first touch the line
 *     bits  56..58   L2 present, current, dirty
 *     bits  59..61   any core that has not touched the line: L1 present, current (never dirty)
 *     bit   62       memory current
 *
 * Between any two accesses hardware may write a dirty line back, drop a clean one, fetch one that
 * is absent, and carry out pending stores. A set is closed under these. Of two states that differ
 * only in that one has fewer current copies, the set keeps the worse: whatever goes wrong from the
 * better one goes wrong from it.
 *
 *     set --event--> set     deterministic; computed once, then looked up (this is the subset
 *                            construction, done lazily)
 *
 * A byte that nobody has written since its block was handed out is current in every copy, which no
 * move or access of other bytes changes: it is never stale nor lost.
 *
 * Invariants: sets are interned: equal sets have equal numbers. Set numbers depend on the order of
 * events and must not show in results.
 */
#ifndef SMH_SIM_HAZARD_STATES_H
#define SMH_SIM_HAZARD_STATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SMH_STATES_SLOTS    7
#define SMH_STATES_SET_MAX  4096  /* states in a set */
#define SMH_STATES_SETS_MAX 65535 /* sets */
#define SMH_STATES_GIVEN_UP UINT32_MAX

/* What the caches do with lines of one region. */
struct smh_regime {
    bool l1, l1_through, l1_allocate;
    bool l2, l2_through, l2_allocate;
    bool buffer;    /* stores may be pending */
    uint32_t cores; /* that reach the region through their caches */
    unsigned off;   /* enum smh_judge_rule, for tests of the tests */
};

/* What happens to a byte's line. IN: to the byte itself; OUT: to other bytes of the line only. */
enum smh_event {
    SMH_EVENT_LOAD_CACHED, /* of the byte */
    SMH_EVENT_LOAD_UNCACHED,
    SMH_EVENT_STORE_CACHED_IN,
    SMH_EVENT_STORE_CACHED_OUT,
    SMH_EVENT_STORE_UNCACHED_IN,
    SMH_EVENT_STORE_UNCACHED_OUT,
    SMH_EVENT_CLEAN,
    SMH_EVENT_INVALIDATE,
    SMH_EVENT_FLUSH,
    SMH_EVENT_INVALIDATE_OWN, /* by the byte's owner, who names it: where the last value is left in
                                 clean copies at most, it is discarded and counts as undefined
                                 (`stale` tells that there is such a state) */
    SMH_EVENT_BARRIER,
    SMH_EVENT_ENTER, /* the core touches the line for the first time, in the next free slot */
    /* No core: */
    SMH_EVENT_DMA_READ,
    SMH_EVENT_DMA_WRITE, /* of the byte; of others it changes nothing */
    SMH_EVENT_UNDEFINE,  /* handed out or freed */
    SMH_EVENT_KIND_COUNT
};

struct smh_states; /* of one regime */

/* What struct smh_states begins with, for smh_states_stays: of each set, what its steps lead to, as
 * far as they are known: set << 2 | lost << 1 | stale. */
struct smh_states_table {
    const uint32_t **steps; /* [set][event * SMH_STATES_SLOTS + slot] */
};

struct smh_states *smh_states_open(const struct smh_regime *regime);
/* Before any step. */
void smh_states_switch_off(struct smh_states *states, unsigned rules);
void smh_states_close(struct smh_states *states);
const struct smh_regime *smh_states_regime(const struct smh_states *states);

/* The set of a byte of which every copy is current and none dirty, before any core has touched the
 * line: number 0. */
#define SMH_STATES_INITIAL 0u

struct smh_step {
    uint32_t set;
    bool stale; /* in some state, the load or device's read does not give the last value */
    bool lost;  /* in some state of the set that comes of it, the byte is current in no copy */
};

/* What becomes of a set. slot: of the core. set is SMH_STATES_GIVEN_UP when the bounds above are
 * reached: nothing is known about the byte any more. */
struct smh_step smh_states_step(struct smh_states *states, uint32_t set, enum smh_event event,
                                unsigned slot);
/* Whether a step is known to lead to the set that it begins with, and nothing goes wrong by it. */
static inline bool smh_states_stays(const struct smh_states *states, uint32_t set,
                                    enum smh_event event, unsigned slot)
{
    const struct smh_states_table *table = (const struct smh_states_table *)states;
    return table->steps[set][(size_t)event * SMH_STATES_SLOTS + slot] == set << 2;
}
/* Whether in some state the byte is current in no copy. */
bool smh_states_lost(const struct smh_states *states, uint32_t set);
/* Whether the line may be dirty, or stores pending, of that slot's core (or in L2); slot
 * SMH_STATES_SLOTS: of any. */
bool smh_states_dirty(const struct smh_states *states, uint32_t set, unsigned slot);
/* Whether in some state in which a core's load gives a stale value, nothing behind the L1s holds
 * the last one: it was not written back. */
bool smh_states_unwritten(const struct smh_states *states, uint32_t set, unsigned slot,
                          bool cached);
/* Whether no copy can be stale or dirty: nothing of the past matters. */
bool smh_states_pristine(const struct smh_states *states, uint32_t set);
/* What lines that one core alone has loaded and stored to, since they became dirty, consist of:
 * bytes that it has stored, and bytes that are undefined. Whether loads, stores, hand-outs and
 * frees lead from one to the other, and nothing can go wrong; else: `possible` is false. */
struct smh_states_solo {
    bool possible;
    uint32_t defined, undefined;   /* sets */
    uint64_t undefined_weights[2]; /* of `undefined`, for smh_states_hash ... */
    uint64_t difference[2];        /* ... and what those of `defined` are more */
};
const struct smh_states_solo *smh_states_solo(struct smh_states *states);
/* What a set counts for in the hash of a line's sets: in its first 32 bytes, and in the next. */
static inline void smh_states_weights(uint32_t set, uint64_t weights[2])
{
    for (unsigned i = 0; i < 2; i++) {
        uint64_t mixed = ((uint64_t)set * 2 + i + 1) * 0x9e3779b97f4a7c15ull;
        mixed = (mixed ^ mixed >> 31) * 0xbf58476d1ce4e5b9ull;
        weights[i] = mixed ^ mixed >> 29;
    }
}
/* What the bytes add to the hash that have a set of these weights; the sum over sets is the hash of
 * a line of up to 64 bytes, however they are spread over segments. */
static inline uint64_t smh_states_hash(const uint64_t weights[2], uint64_t bytes)
{
    return weights[0] * (uint32_t)bytes + weights[1] * (bytes >> 32);
}

/* --- single states, for who reconstructs one schedule --------------------------------------------
 */

/* What hardware does of itself. */
enum smh_move_kind {
    SMH_MOVE_WRITE_BACK, /* L1, stays clean */
    SMH_MOVE_DROP,       /* L1 */
    SMH_MOVE_FETCH,      /* into L1 */
    SMH_MOVE_DRAIN,      /* pending stores are carried out */
    SMH_MOVE_L2_WRITE_BACK,
    SMH_MOVE_L2_DROP,
    SMH_MOVE_L2_FETCH,
    SMH_MOVE_KIND_COUNT
};
struct smh_move {
    uint8_t kind;
    uint8_t slot; /* SMH_STATES_SLOTS: a core that has not touched the line */
};
struct smh_moved {
    uint64_t state;
    struct smh_move move;
};
#define SMH_MOVES_MAX 64

/* All that hardware may do in a state; slots: cores that have touched the line. */
size_t smh_states_moves(const struct smh_regime *regime, uint64_t state, unsigned slots,
                        struct smh_moved moved[SMH_MOVES_MAX]);
uint64_t smh_states_first(const struct smh_regime *regime);
/* What an event makes of one state. *stale as above. */
uint64_t smh_states_apply(const struct smh_regime *regime, uint64_t state, enum smh_event event,
                          unsigned slot, bool *stale);
bool smh_state_lost(uint64_t state);
/* A state with its "current" bits taken out. */
uint64_t smh_state_shape(uint64_t state);
bool smh_state_pristine(uint64_t state); /* no copy stale or dirty, nothing pending */
/* Dirty, or stores pending: of a slot's core or L2; SMH_STATES_SLOTS: of any. */
bool smh_state_dirty(uint64_t state, unsigned slot);
bool smh_state_unwritten(const struct smh_regime *regime, uint64_t state, unsigned slot,
                         bool cached);

#endif
