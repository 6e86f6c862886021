/* state.c: one state of a byte, and what accesses and hardware make of it. See states.h. */
#include "judge.h"
#include "states.h"

#define PRESENT 1u
#define CURRENT 2u
#define DIRTY   4u

#define PENDING_SHIFT   3 /* cached stores pending: 2 bits of kind, 1 bit current */
#define PENDING_OTHER   1u
#define PENDING_BYTE    2u
#define PENDING_CURRENT 4u
#define UNCACHED_SHIFT  6 /* uncached store pending to the byte; current */

#define L2_SHIFT       56
#define STRANGER_SHIFT 59
#define MEMORY_CURRENT (1ull << 62)

/* Every bit that says "current". */
#define SLOT_CURRENT \
    (CURRENT | (uint64_t)PENDING_CURRENT << PENDING_SHIFT | (uint64_t)2 << UNCACHED_SHIFT)
#define SLOTS_CURRENT (SLOT_CURRENT * 0x01010101010101ull)
#define ALL_CURRENT                                                                        \
    (SLOTS_CURRENT | (uint64_t)CURRENT << L2_SHIFT | (uint64_t)CURRENT << STRANGER_SHIFT | \
     MEMORY_CURRENT)

static unsigned get(uint64_t state, unsigned shift, unsigned mask)
{
    return (unsigned)(state >> shift) & mask;
}

static uint64_t set(uint64_t state, unsigned shift, unsigned mask, unsigned value)
{
    return (state & ~((uint64_t)mask << shift)) | (uint64_t)value << shift;
}

/* Only bits of slots' L1 copies. */
static uint64_t other_copies(unsigned slot)
{
    uint64_t mask = 0;
    for (unsigned i = 0; i <= SMH_STATES_SLOTS; i++) {
        mask |=
            i == slot ? 0 : (uint64_t)CURRENT << (i < SMH_STATES_SLOTS ? i * 8 : STRANGER_SHIFT);
    }
    return mask;
}

static unsigned l1_shift(unsigned slot)
{
    return slot < SMH_STATES_SLOTS ? slot * 8 : STRANGER_SHIFT;
}

static unsigned l1_of(uint64_t state, unsigned slot)
{
    return get(state, l1_shift(slot), 7);
}

static uint64_t with_l1(uint64_t state, unsigned slot, unsigned value)
{
    return set(state, l1_shift(slot), 7, value);
}

static unsigned l2_of(uint64_t state)
{
    return get(state, L2_SHIFT, 7);
}

static uint64_t with_l2(uint64_t state, unsigned value)
{
    return set(state, L2_SHIFT, 7, value);
}

static uint64_t with_memory(uint64_t state, bool current)
{
    return current ? state | MEMORY_CURRENT : state & ~MEMORY_CURRENT;
}

static unsigned copy(bool current)
{
    return PRESENT | (current ? CURRENT : 0);
}

bool smh_state_lost(uint64_t state)
{
    return (state & ALL_CURRENT) == 0;
}

uint64_t smh_states_first(const struct smh_regime *regime)
{
    (void)regime;
    return MEMORY_CURRENT;
}

/* L2 has the line afterwards, where there is an L2. */
static uint64_t fetch_l2(const struct smh_regime *regime, uint64_t state)
{
    if (!regime->l2 || (l2_of(state) & PRESENT) != 0) {
        return state;
    }
    return with_l2(state, copy((state & MEMORY_CURRENT) != 0));
}

static uint64_t fetch(const struct smh_regime *regime, uint64_t state, unsigned slot)
{
    state = fetch_l2(regime, state);
    bool current = regime->l2 ? (l2_of(state) & CURRENT) != 0 : (state & MEMORY_CURRENT) != 0;
    return with_l1(state, slot, copy(current));
}

/* A store's bytes arrive behind L1; `in`: the byte is one of them, current or not. */
static uint64_t store_behind(const struct smh_regime *regime, uint64_t state, bool in, bool current)
{
    if (regime->l2) {
        if (regime->l2_allocate) {
            state = fetch_l2(regime, state);
        }
        unsigned l2 = l2_of(state);
        if ((l2 & PRESENT) != 0) {
            l2 = in ? (l2 & ~CURRENT) | copy(current) : l2;
            if (regime->l2_through) {
                return in ? with_memory(with_l2(state, l2), current) : with_l2(state, l2);
            }
            return with_l2(state, l2 | DIRTY);
        }
    }
    return in ? with_memory(state, current) : state;
}

/* A core's store is carried out on its cache. */
static uint64_t store_cached(const struct smh_regime *regime, uint64_t state, unsigned slot,
                             bool in, bool current)
{
    if (!regime->l1) {
        return store_behind(regime, state, in, current);
    }
    if ((l1_of(state, slot) & PRESENT) == 0 && regime->l1_allocate) {
        state = fetch(regime, state, slot);
    }
    unsigned l1 = l1_of(state, slot);
    if ((l1 & PRESENT) == 0) {
        return store_behind(regime, state, in, current);
    }
    l1 = in ? (l1 & ~CURRENT) | copy(current) : l1;
    if (regime->l1_through) {
        return store_behind(regime, with_l1(state, slot, l1), in, current);
    }
    bool dirties = in || (regime->off & SMH_RULE_NEIGHBOURS) == 0;
    return with_l1(state, slot, l1 | (dirties ? DIRTY : 0));
}

static uint64_t write_back_l1(const struct smh_regime *regime, uint64_t state, unsigned slot)
{
    unsigned l1 = l1_of(state, slot);
    if ((l1 & DIRTY) == 0) {
        return state;
    }
    bool current = (l1 & CURRENT) != 0;
    state = with_l1(state, slot, l1 & ~DIRTY);
    if (!regime->l2) {
        return with_memory(state, current);
    }
    if (regime->l2_through) {
        return with_memory(with_l2(state, copy(current)), current);
    }
    return with_l2(state, copy(current) | DIRTY);
}

static uint64_t write_back_l2(uint64_t state)
{
    unsigned l2 = l2_of(state);
    if ((l2 & DIRTY) == 0) {
        return state;
    }
    return with_l2(with_memory(state, (l2 & CURRENT) != 0), l2 & ~DIRTY);
}

static unsigned pending_of(uint64_t state, unsigned slot)
{
    return get(state, slot * 8 + PENDING_SHIFT, 7);
}

static unsigned uncached_of(uint64_t state, unsigned slot)
{
    return get(state, slot * 8 + UNCACHED_SHIFT, 3);
}

static uint64_t drain_cached(const struct smh_regime *regime, uint64_t state, unsigned slot)
{
    unsigned pending = pending_of(state, slot);
    state = set(state, slot * 8 + PENDING_SHIFT, 7, 0);
    return pending == 0 ? state
                        : store_cached(regime, state, slot, (pending & PENDING_BYTE) != 0,
                                       (pending & PENDING_CURRENT) != 0);
}

static uint64_t drain_uncached(uint64_t state, unsigned slot)
{
    unsigned pending = uncached_of(state, slot);
    state = set(state, slot * 8 + UNCACHED_SHIFT, 3, 0);
    return pending == 0 ? state : with_memory(state, (pending & 2u) != 0);
}

/* Both; the store that is current is the younger and comes second. */
static uint64_t drain(const struct smh_regime *regime, uint64_t state, unsigned slot)
{
    if ((pending_of(state, slot) & PENDING_CURRENT) != 0) {
        return drain_cached(regime, drain_uncached(state, slot), slot);
    }
    return drain_uncached(drain_cached(regime, state, slot), slot);
}

static uint64_t maintain(const struct smh_regime *regime, uint64_t state, unsigned slot, bool clean,
                         bool invalidate)
{
    state = drain(regime, state, slot);
    if (clean) {
        state = write_back_l2(write_back_l1(regime, state, slot));
    }
    if ((regime->off & SMH_RULE_INVALIDATE) != 0 && smh_state_dirty(state, slot)) {
        return state;
    }
    return invalidate ? with_l2(with_l1(state, slot, 0), 0) : state;
}

/* Every copy is current, absent ones apart. */
static uint64_t undefine(uint64_t state)
{
    for (unsigned slot = 0; slot <= SMH_STATES_SLOTS; slot++) {
        unsigned l1 = l1_of(state, slot);
        state = with_l1(state, slot, (l1 & PRESENT) != 0 ? l1 | CURRENT : l1);
    }
    for (unsigned slot = 0; slot < SMH_STATES_SLOTS; slot++) {
        unsigned pending = pending_of(state, slot);
        if ((pending & PENDING_BYTE) != 0) {
            state = set(state, slot * 8 + PENDING_SHIFT, 7, pending | PENDING_CURRENT);
        }
        if (uncached_of(state, slot) != 0) {
            state = set(state, slot * 8 + UNCACHED_SHIFT, 3, 3);
        }
    }
    unsigned l2 = l2_of(state);
    state = with_l2(state, (l2 & PRESENT) != 0 ? l2 | CURRENT : l2);
    return state | MEMORY_CURRENT;
}

static bool behind_is_stale(const struct smh_regime *regime, uint64_t state, bool cached)
{
    unsigned l2 = l2_of(state);
    if (cached && regime->l2 && (l2 & PRESENT) != 0) {
        return (l2 & CURRENT) == 0;
    }
    return (state & MEMORY_CURRENT) == 0;
}

/* Whether a copy is current that hardware may not just drop. */
static bool is_kept(uint64_t state)
{
    bool kept =
        (state & MEMORY_CURRENT) != 0 || (l2_of(state) & (CURRENT | DIRTY)) == (CURRENT | DIRTY);
    for (unsigned slot = 0; slot < SMH_STATES_SLOTS && !kept; slot++) {
        kept = (l1_of(state, slot) & (CURRENT | DIRTY)) == (CURRENT | DIRTY) ||
               (pending_of(state, slot) & PENDING_CURRENT) != 0 ||
               (uncached_of(state, slot) & 2u) != 0;
    }
    return kept;
}

/* A core's own pending stores through the same view are seen by it. */
static bool load_is_stale(const struct smh_regime *regime, uint64_t state, unsigned slot,
                          bool cached)
{
    unsigned pending = pending_of(state, slot);
    if (cached && (pending & PENDING_BYTE) != 0) {
        return (pending & PENDING_CURRENT) == 0;
    }
    if (!cached && uncached_of(state, slot) != 0) {
        return (uncached_of(state, slot) & 2u) == 0;
    }
    unsigned l1 = l1_of(state, slot);
    if (cached && regime->l1 && (l1 & PRESENT) != 0) {
        return (l1 & CURRENT) == 0;
    }
    return behind_is_stale(regime, state, cached);
}

static uint64_t store(const struct smh_regime *regime, uint64_t state, unsigned slot, bool cached,
                      bool in)
{
    if (in) {
        uint64_t kept = (regime->off & SMH_RULE_OTHER_CORES) != 0 ? state & other_copies(slot) : 0;
        state = (state & ~ALL_CURRENT) | kept;
    }
    if (!regime->buffer || (regime->off & SMH_RULE_STORE_BUFFER) != 0) {
        if (cached) {
            return store_cached(regime, state, slot, in, true);
        }
        return in ? with_memory(state, true) : state;
    }
    if (cached) {
        unsigned pending = pending_of(state, slot);
        pending = in                              ? PENDING_BYTE | PENDING_CURRENT
                  : (pending & PENDING_BYTE) != 0 ? pending
                                                  : PENDING_OTHER;
        return set(state, slot * 8 + PENDING_SHIFT, 7, pending);
    }
    return in ? set(state, slot * 8 + UNCACHED_SHIFT, 3, 3) : state;
}

uint64_t smh_states_apply(const struct smh_regime *regime, uint64_t state, enum smh_event event,
                          unsigned slot, bool *stale)
{
    *stale = false;
    switch (event) {
    case SMH_EVENT_LOAD_CACHED:
    case SMH_EVENT_LOAD_UNCACHED:
        *stale = (regime->off & SMH_RULE_STALE_CORE) == 0 &&
                 load_is_stale(regime, state, slot, event == SMH_EVENT_LOAD_CACHED);
        return state; /* that it may fetch the line is freedom's to say */
    case SMH_EVENT_STORE_CACHED_IN:
        return store(regime, state, slot, true, true);
    case SMH_EVENT_STORE_CACHED_OUT:
        return store(regime, state, slot, true, false);
    case SMH_EVENT_STORE_UNCACHED_IN:
        return store(regime, state, slot, false, true);
    case SMH_EVENT_STORE_UNCACHED_OUT:
        return store(regime, state, slot, false, false);
    case SMH_EVENT_CLEAN:
        return maintain(regime, state, slot, true, false);
    case SMH_EVENT_INVALIDATE:
        return maintain(regime, state, slot, false, true);
    case SMH_EVENT_INVALIDATE_OWN:
        state = maintain(regime, state, slot, false, true);
        *stale = !is_kept(state);
        return *stale ? undefine(state) : state;
    case SMH_EVENT_FLUSH:
        return maintain(regime, state, slot, true, true);
    case SMH_EVENT_BARRIER:
        return drain(regime, state, slot);
    case SMH_EVENT_ENTER: {
        state = with_l1(state, slot, l1_of(state, SMH_STATES_SLOTS));
        return slot + 1 < regime->cores ? state : with_l1(state, SMH_STATES_SLOTS, 0);
    }
    case SMH_EVENT_DMA_READ:
        *stale = (regime->off & SMH_RULE_STALE_DEVICE) == 0 && (state & MEMORY_CURRENT) == 0;
        return state;
    case SMH_EVENT_DMA_WRITE:
        return (state & ~ALL_CURRENT) | MEMORY_CURRENT;
    case SMH_EVENT_UNDEFINE:
        return undefine(state);
    default:
        return state;
    }
}

uint64_t smh_state_shape(uint64_t state)
{
    return state & ~ALL_CURRENT;
}

bool smh_state_dirty(uint64_t state, unsigned slot)
{
    const uint64_t one = DIRTY | 7u << PENDING_SHIFT | 3u << UNCACHED_SHIFT;
    uint64_t mask = (uint64_t)DIRTY << L2_SHIFT;
    for (unsigned i = 0; i < SMH_STATES_SLOTS; i++) {
        mask |= i == slot || slot == SMH_STATES_SLOTS ? one << (i * 8) : 0;
    }
    return (state & mask) != 0;
}

bool smh_state_pristine(uint64_t state)
{
    return !smh_state_dirty(state, SMH_STATES_SLOTS) && undefine(state) == state;
}

bool smh_state_unwritten(const struct smh_regime *regime, uint64_t state, unsigned slot,
                         bool cached)
{
    return load_is_stale(regime, state, slot, cached) && (state & MEMORY_CURRENT) == 0 &&
           (l2_of(state) & CURRENT) == 0;
}

struct moves {
    struct smh_moved *moved;
    size_t count;
};

static void add(struct moves *moves, uint64_t state, enum smh_move_kind kind, unsigned slot)
{
    moves->moved[moves->count++] =
        (struct smh_moved){state, {.kind = (uint8_t)kind, .slot = (uint8_t)slot}};
}

static void l1_moves(const struct smh_regime *regime, uint64_t state, unsigned slot,
                     struct moves *moves)
{
    unsigned l1 = l1_of(state, slot);
    if ((l1 & DIRTY) != 0) {
        if ((regime->off & SMH_RULE_EVICTION) == 0) {
            add(moves, write_back_l1(regime, state, slot), SMH_MOVE_WRITE_BACK, slot);
        }
    } else if ((l1 & PRESENT) != 0) {
        add(moves, with_l1(state, slot, 0), SMH_MOVE_DROP, slot);
    } else if ((regime->off & SMH_RULE_FETCH) == 0) {
        add(moves, fetch(regime, state, slot), SMH_MOVE_FETCH, slot);
    }
}

static void drain_moves(const struct smh_regime *regime, uint64_t state, unsigned slot,
                        struct moves *moves)
{
    unsigned cached = pending_of(state, slot);
    unsigned uncached = uncached_of(state, slot);
    if (cached != 0) {
        /* A younger store to the byte waits for the older through the other view. */
        uint64_t next = (cached & PENDING_CURRENT) != 0 ? drain_uncached(state, slot) : state;
        add(moves, drain_cached(regime, next, slot), SMH_MOVE_DRAIN, slot);
    }
    if (uncached != 0) {
        uint64_t next = (uncached & 2u) != 0 && (cached & PENDING_BYTE) != 0
                            ? drain_cached(regime, state, slot)
                            : state;
        add(moves, drain_uncached(next, slot), SMH_MOVE_DRAIN, slot);
    }
}

size_t smh_states_moves(const struct smh_regime *regime, uint64_t state, unsigned slots,
                        struct smh_moved moved[SMH_MOVES_MAX])
{
    struct moves moves = {.moved = moved};
    for (unsigned slot = 0; slot < slots; slot++) {
        if (regime->l1) {
            l1_moves(regime, state, slot, &moves);
        }
        if (regime->buffer) {
            drain_moves(regime, state, slot, &moves);
        }
    }
    if (regime->l1 && slots < regime->cores) {
        l1_moves(regime, state, SMH_STATES_SLOTS, &moves);
    }
    if (regime->l2) {
        unsigned l2 = l2_of(state);
        if ((l2 & DIRTY) != 0) {
            add(&moves, write_back_l2(state), SMH_MOVE_L2_WRITE_BACK, 0);
        } else if ((l2 & PRESENT) != 0) {
            add(&moves, with_l2(state, 0), SMH_MOVE_L2_DROP, 0);
        } else {
            add(&moves, fetch_l2(regime, state), SMH_MOVE_L2_FETCH, 0);
        }
    }
    return moves.count;
}
