/* states.c: sets of states, interned, and their steps, remembered. See states.h. */
#include "states.h"

#include "../error.h"

#include <stdlib.h>
#include <string.h>

#define EVENTS (SMH_EVENT_KIND_COUNT * SMH_STATES_SLOTS)

/* A step that is not known yet; else: set << 2 | lost << 1 | stale. */
#define UNKNOWN 0xFFFFFFFFu
#define TOO_FAR 0xFFFFFFFEu

struct set {
    uint64_t *members; /* ascending */
    uint32_t count;
    uint32_t hash;
    uint8_t slots;      /* cores that have touched the line */
    uint8_t dirty_mask; /* bit i: smh_states_dirty of slot i */
    bool lost;
    bool pristine;
    uint32_t steps[EVENTS];
};

/* A set that is being built. */
struct draft {
    uint64_t *members;
    size_t count, capacity;
    size_t alive; /* members that no worse one has replaced: the others are GONE */
};
#define GONE UINT64_MAX

struct smh_states {
    struct smh_states_table table_of_steps; /* first: see states.h */
    struct smh_regime regime;
    struct set **sets;
    size_t count, capacity;
    struct smh_states_solo solo;
    bool solo_known;
    uint32_t *table; /* open addressing: number + 1 */
    size_t table_mask;
    struct draft draft;
};

/* Adds a state unless one at least as bad is there; what is less bad goes. */
static void draft_add(struct draft *draft, uint64_t state)
{
    uint64_t shape = smh_state_shape(state);
    for (size_t i = 0; i < draft->count; i++) {
        uint64_t other = draft->members[i];
        if (other == GONE || smh_state_shape(other) != shape) {
            continue;
        }
        if ((other & state) == other) {
            return;
        }
        if ((other & state) == state) {
            draft->members[i] = GONE;
            draft->alive--;
        }
    }
    if (draft->count == draft->capacity) {
        draft->capacity = draft->capacity == 0 ? 256 : draft->capacity * 2;
        draft->members = smh_must_resize(draft->members, draft->capacity, sizeof(uint64_t));
    }
    draft->members[draft->count++] = state;
    draft->alive++;
}

/* Everything that hardware may do of itself, until nothing new comes of it. false: too much. */
static bool draft_close(struct draft *draft, const struct smh_regime *regime, unsigned slots)
{
    struct smh_moved moved[SMH_MOVES_MAX];
    for (size_t i = 0; i < draft->count; i++) {
        if (draft->members[i] == GONE) {
            continue;
        }
        size_t count = smh_states_moves(regime, draft->members[i], slots, moved);
        for (size_t j = 0; j < count && draft->members[i] != GONE; j++) {
            draft_add(draft, moved[j].state);
        }
        if (draft->alive > SMH_STATES_SET_MAX || draft->count > 16u * SMH_STATES_SET_MAX) {
            return false;
        }
    }
    return true;
}

static int ascending(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static uint32_t hash_of(const uint64_t *members, size_t count, unsigned slots)
{
    uint64_t hash = 0xcbf29ce484222325ull ^ slots;
    for (size_t i = 0; i < count; i++) {
        hash = (hash ^ members[i]) * 0x9e3779b97f4a7c15ull;
        hash ^= hash >> 29;
    }
    return (uint32_t)(hash ^ hash >> 32);
}

static struct set *new_set(const struct draft *draft, uint32_t hash, unsigned slots)
{
    struct set *set = smh_must_allocate(1, sizeof(*set));
    set->members = smh_must_allocate(draft->count, sizeof(uint64_t));
    memcpy(set->members, draft->members, draft->count * sizeof(uint64_t));
    set->count = (uint32_t)draft->count;
    set->hash = hash;
    set->slots = (uint8_t)slots;
    memset(set->steps, 0xFF, sizeof(set->steps));
    set->pristine = true;
    for (size_t i = 0; i < draft->count; i++) {
        set->pristine &= smh_state_pristine(draft->members[i]);
        set->lost |= smh_state_lost(draft->members[i]);
        for (unsigned slot = 0; slot <= SMH_STATES_SLOTS; slot++) {
            set->dirty_mask |= (uint8_t)(smh_state_dirty(draft->members[i], slot) ? 1u << slot : 0);
        }
    }
    return set;
}

static void grow_table(struct smh_states *states)
{
    size_t size = states->table == NULL ? 256 : (states->table_mask + 1) * 2;
    free(states->table);
    states->table = smh_must_allocate(size, sizeof(*states->table));
    states->table_mask = size - 1;
    for (size_t i = 0; i < states->count; i++) {
        size_t place = states->sets[i]->hash & states->table_mask;
        while (states->table[place] != 0) {
            place = (place + 1) & states->table_mask;
        }
        states->table[place] = (uint32_t)i + 1;
    }
}

/* The number of the set that the draft holds. */
static uint32_t intern(struct smh_states *states, unsigned slots)
{
    struct draft *draft = &states->draft;
    size_t kept = 0;
    for (size_t i = 0; i < draft->count; i++) {
        if (draft->members[i] != GONE) {
            draft->members[kept++] = draft->members[i];
        }
    }
    draft->count = kept;
    qsort(draft->members, kept, sizeof(uint64_t), ascending);
    if (states->table == NULL || states->count * 2 > states->table_mask) {
        grow_table(states);
    }
    uint32_t hash = hash_of(draft->members, kept, slots);
    size_t place = hash & states->table_mask;
    for (; states->table[place] != 0; place = (place + 1) & states->table_mask) {
        const struct set *set = states->sets[states->table[place] - 1];
        if (set->hash == hash && set->slots == slots && set->count == kept &&
            memcmp(set->members, draft->members, kept * sizeof(uint64_t)) == 0) {
            return states->table[place] - 1;
        }
    }
    if (states->count == SMH_STATES_SETS_MAX) {
        return SMH_STATES_GIVEN_UP;
    }
    if (states->count == states->capacity) {
        states->capacity = states->capacity == 0 ? 64 : states->capacity * 2;
        states->sets = smh_must_resize(states->sets, states->capacity, sizeof(struct set *));
        states->table_of_steps.steps = smh_must_resize(states->table_of_steps.steps,
                                                       states->capacity, sizeof(const uint32_t *));
    }
    states->sets[states->count] = new_set(draft, hash, slots);
    states->table_of_steps.steps[states->count] = states->sets[states->count]->steps;
    states->table[place] = (uint32_t)++states->count;
    return (uint32_t)states->count - 1;
}

static void draft_begin(struct draft *draft)
{
    draft->count = 0;
    draft->alive = 0;
}

static void begin(struct smh_states *states)
{
    draft_begin(&states->draft);
    draft_add(&states->draft, smh_states_first(&states->regime));
    (void)draft_close(&states->draft, &states->regime, 0);
    (void)intern(states, 0);
}

static void forget(struct smh_states *states)
{
    states->solo_known = false;
    for (size_t i = 0; i < states->count; i++) {
        free(states->sets[i]->members);
        free(states->sets[i]);
    }
    states->count = 0;
    free(states->table);
    states->table = NULL;
}

struct smh_states *smh_states_open(const struct smh_regime *regime)
{
    struct smh_states *states = smh_must_allocate(1, sizeof(*states));
    states->regime = *regime;
    begin(states);
    return states;
}

void smh_states_switch_off(struct smh_states *states, unsigned rules)
{
    states->regime.off = rules;
    forget(states);
    begin(states);
}

void smh_states_close(struct smh_states *states)
{
    if (states == NULL) {
        return;
    }
    forget(states);
    free(states->sets);
    free(states->table_of_steps.steps);
    free(states->draft.members);
    free(states);
}

const struct smh_regime *smh_states_regime(const struct smh_states *states)
{
    return &states->regime;
}

static uint32_t compute(struct smh_states *states, const struct set *set, enum smh_event event,
                        unsigned slot)
{
    struct draft *draft = &states->draft;
    bool any_stale = false;
    unsigned slots = set->slots;
    if (event == SMH_EVENT_ENTER) {
        if (slot != slots || slots == SMH_STATES_SLOTS) {
            return TOO_FAR;
        }
        slots++;
    }
    draft_begin(draft);
    for (uint32_t i = 0; i < set->count; i++) {
        bool stale;
        draft_add(draft, smh_states_apply(&states->regime, set->members[i], event, slot, &stale));
        any_stale |= stale;
    }
    if (!draft_close(draft, &states->regime, slots)) {
        return TOO_FAR;
    }
    uint32_t number = intern(states, slots);
    return number == SMH_STATES_GIVEN_UP
               ? TOO_FAR
               : number << 2 | (states->sets[number]->lost ? 2u : 0u) | any_stale;
}

struct smh_step smh_states_step(struct smh_states *states, uint32_t set, enum smh_event event,
                                unsigned slot)
{
    if (set == SMH_STATES_GIVEN_UP) {
        return (struct smh_step){SMH_STATES_GIVEN_UP, false, false};
    }
    struct set *from = states->sets[set];
    size_t index = (size_t)event * SMH_STATES_SLOTS + slot;
    if (from->steps[index] == UNKNOWN) {
        from->steps[index] = compute(states, from, event, slot);
    }
    uint32_t step = from->steps[index];
    return step == TOO_FAR ? (struct smh_step){SMH_STATES_GIVEN_UP, false, false}
                           : (struct smh_step){step >> 2, (step & 1u) != 0, (step & 2u) != 0};
}

static bool leads_to(struct smh_states *states, uint32_t set, enum smh_event event, uint32_t to)
{
    struct smh_step step = smh_states_step(states, set, event, 0);
    return step.set == to && !step.stale && !step.lost;
}

const struct smh_states_solo *smh_states_solo(struct smh_states *states)
{
    struct smh_states_solo *solo = &states->solo;
    if (states->solo_known) {
        return solo;
    }
    uint32_t clean = smh_states_step(states, SMH_STATES_INITIAL, SMH_EVENT_ENTER, 0).set;
    uint32_t defined = smh_states_step(states, clean, SMH_EVENT_STORE_CACHED_IN, 0).set;
    uint32_t undefined = smh_states_step(states, clean, SMH_EVENT_STORE_CACHED_OUT, 0).set;
    solo->defined = defined;
    solo->undefined = undefined;
    solo->possible = defined != undefined && undefined != clean && defined != SMH_STATES_GIVEN_UP &&
                     undefined != SMH_STATES_GIVEN_UP &&
                     smh_states_dirty(states, defined, SMH_STATES_SLOTS) &&
                     smh_states_dirty(states, undefined, SMH_STATES_SLOTS) &&
                     leads_to(states, defined, SMH_EVENT_LOAD_CACHED, defined) &&
                     leads_to(states, defined, SMH_EVENT_STORE_CACHED_IN, defined) &&
                     leads_to(states, defined, SMH_EVENT_STORE_CACHED_OUT, defined) &&
                     leads_to(states, defined, SMH_EVENT_UNDEFINE, undefined) &&
                     leads_to(states, undefined, SMH_EVENT_LOAD_CACHED, undefined) &&
                     leads_to(states, undefined, SMH_EVENT_STORE_CACHED_IN, defined) &&
                     leads_to(states, undefined, SMH_EVENT_STORE_CACHED_OUT, undefined) &&
                     leads_to(states, undefined, SMH_EVENT_UNDEFINE, undefined);
    smh_states_weights(undefined, solo->undefined_weights);
    smh_states_weights(defined, solo->difference);
    solo->difference[0] -= solo->undefined_weights[0];
    solo->difference[1] -= solo->undefined_weights[1];
    states->solo_known = true;
    return solo;
}

bool smh_states_lost(const struct smh_states *states, uint32_t set)
{
    return set != SMH_STATES_GIVEN_UP && states->sets[set]->lost;
}

bool smh_states_dirty(const struct smh_states *states, uint32_t set, unsigned slot)
{
    return set == SMH_STATES_GIVEN_UP ||
           ((unsigned)states->sets[set]->dirty_mask >> slot & 1u) != 0;
}

bool smh_states_pristine(const struct smh_states *states, uint32_t set)
{
    return set != SMH_STATES_GIVEN_UP && states->sets[set]->pristine;
}

bool smh_states_unwritten(const struct smh_states *states, uint32_t set, unsigned slot, bool cached)
{
    if (set == SMH_STATES_GIVEN_UP) {
        return false;
    }
    const struct set *from = states->sets[set];
    for (uint32_t i = 0; i < from->count; i++) {
        if (smh_state_unwritten(&states->regime, from->members[i], slot, cached)) {
            return true;
        }
    }
    return false;
}
