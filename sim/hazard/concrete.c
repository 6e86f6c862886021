/* concrete.c: see concrete.h. */
#include "concrete.h"

#include <string.h>

#define VALID 1u
#define DIRTY 2u

/* A store that waits: which units, which number, through which view. */
struct waiting {
    uint32_t units;
    uint32_t forgotten; /* of them, those that hold nothing any more, but will be written */
    uint8_t version;
    uint8_t uncached;
    uint8_t used;
    uint8_t spare;
};

static uint8_t *memory_of(uint8_t *state)
{
    return state;
}

/* Flags, then values. */
static uint8_t *l2_of(const struct smh_concrete *machine, uint8_t *state)
{
    return state + machine->units;
}

static size_t core_bytes(const struct smh_concrete *machine)
{
    return 1 + machine->units +
           (machine->buffer ? SMH_CONCRETE_QUEUE_MAX * sizeof(struct waiting) : 0);
}

static uint8_t *l1_of(const struct smh_concrete *machine, uint8_t *state, unsigned core)
{
    return state + machine->units + 1 + machine->units + core * core_bytes(machine);
}

static uint8_t *given_up_of(const struct smh_concrete *machine, uint8_t *state)
{
    return state + machine->bytes - sizeof(uint32_t);
}

bool smh_concrete_layout(struct smh_concrete *machine)
{
    if (machine->units > SMH_CONCRETE_UNITS_MAX || machine->cores > SMH_CONCRETE_CORES_MAX) {
        return false;
    }
    machine->bytes =
        2 * machine->units + 1 + machine->cores * core_bytes(machine) + sizeof(uint32_t);
    return machine->bytes <= SMH_CONCRETE_BYTES_MAX;
}

static struct waiting queue_at(const struct smh_concrete *machine, uint8_t *state, unsigned core,
                               unsigned index)
{
    struct waiting waiting;
    memcpy(&waiting, l1_of(machine, state, core) + 1 + machine->units + index * sizeof(waiting),
           sizeof(waiting));
    return waiting;
}

static void queue_set(const struct smh_concrete *machine, uint8_t *state, unsigned core,
                      unsigned index, const struct waiting *waiting)
{
    memcpy(l1_of(machine, state, core) + 1 + machine->units + index * sizeof(*waiting), waiting,
           sizeof(*waiting));
}

static unsigned queue_length(const struct smh_concrete *machine, uint8_t *state, unsigned core)
{
    unsigned length = 0;
    while (machine->buffer && length < SMH_CONCRETE_QUEUE_MAX &&
           queue_at(machine, state, core, length).used != 0) {
        length++;
    }
    return length;
}

static void put(const struct smh_concrete *machine, uint8_t *values, uint32_t units,
                uint8_t version)
{
    for (unsigned unit = 0; unit < machine->units; unit++) {
        if ((units >> unit & 1u) != 0) {
            values[unit] = version;
        }
    }
}

/* L2 gets the line from memory. */
static void fill_l2(const struct smh_concrete *machine, uint8_t *state)
{
    uint8_t *l2 = l2_of(machine, state);
    if ((l2[0] & VALID) == 0) {
        l2[0] = VALID;
        memcpy(l2 + 1, memory_of(state), machine->units);
    }
}

static void fill_l1(const struct smh_concrete *machine, uint8_t *state, unsigned core)
{
    uint8_t *l1 = l1_of(machine, state, core);
    const uint8_t *from = memory_of(state);
    if (machine->l2) {
        fill_l2(machine, state);
        from = l2_of(machine, state) + 1;
    }
    l1[0] = VALID;
    memcpy(l1 + 1, from, machine->units);
}

/* A core's stores arrive behind its L1. */
static void write_behind(const struct smh_concrete *machine, uint8_t *state, uint32_t units,
                         uint8_t version)
{
    uint8_t *l2 = l2_of(machine, state);
    if (machine->l2 && machine->l2_allocate) {
        fill_l2(machine, state);
    }
    bool in_l2 = machine->l2 && (l2[0] & VALID) != 0;
    if (in_l2) {
        put(machine, l2 + 1, units, version);
        if (!machine->l2_through) {
            l2[0] |= DIRTY;
            return;
        }
    }
    put(machine, memory_of(state), units, version);
}

/* Bytes of a queued store, or of one that goes straight through. */
static void carry_out(const struct smh_concrete *machine, uint8_t *state, unsigned core,
                      uint32_t units, uint8_t version, bool uncached)
{
    if (uncached) {
        put(machine, memory_of(state), units, version);
        return;
    }
    uint8_t *l1 = l1_of(machine, state, core);
    if (machine->l1 && (l1[0] & VALID) == 0 && machine->l1_allocate) {
        fill_l1(machine, state, core);
    }
    if (!machine->l1 || (l1[0] & VALID) == 0) {
        write_behind(machine, state, units, version);
        return;
    }
    put(machine, l1 + 1, units, version);
    if (machine->l1_through) {
        write_behind(machine, state, units, version);
    } else {
        l1[0] |= DIRTY;
    }
}

static void drain_oldest(const struct smh_concrete *machine, uint8_t *state, unsigned core)
{
    struct waiting oldest = queue_at(machine, state, core, 0);
    struct waiting none;
    memset(&none, 0, sizeof(none));
    for (unsigned i = 0; i + 1 < SMH_CONCRETE_QUEUE_MAX; i++) {
        struct waiting next = queue_at(machine, state, core, i + 1);
        queue_set(machine, state, core, i, &next);
    }
    queue_set(machine, state, core, SMH_CONCRETE_QUEUE_MAX - 1, &none);
    carry_out(machine, state, core, oldest.units & ~oldest.forgotten, oldest.version,
              oldest.uncached != 0);
    if (oldest.forgotten != 0) {
        carry_out(machine, state, core, oldest.forgotten, 0, oldest.uncached != 0);
    }
}

static void drain_all(const struct smh_concrete *machine, uint8_t *state, unsigned core)
{
    while (queue_length(machine, state, core) > 0) {
        drain_oldest(machine, state, core);
    }
}

static void store(const struct smh_concrete *machine, uint8_t *state,
                  const struct smh_concrete_event *event)
{
    uint8_t *given_up = given_up_of(machine, state);
    uint32_t bits;
    memcpy(&bits, given_up, sizeof(bits));
    bits &= ~event->units;
    memcpy(given_up, &bits, sizeof(bits));
    if (event->kind == SMH_ACCESS_DMA_WRITE) {
        put(machine, memory_of(state), event->units, event->version);
        return;
    }
    if (!machine->buffer) {
        carry_out(machine, state, event->core, event->units, event->version, event->uncached);
        return;
    }
    if (queue_length(machine, state, event->core) == SMH_CONCRETE_QUEUE_MAX) {
        drain_oldest(machine, state, event->core);
    }
    struct waiting waiting;
    memset(&waiting, 0, sizeof(waiting));
    waiting.units = event->units;
    waiting.version = event->version;
    waiting.uncached = event->uncached;
    waiting.used = 1;
    queue_set(machine, state, event->core, queue_length(machine, state, event->core), &waiting);
}

static void load(const struct smh_concrete *machine, uint8_t *state,
                 const struct smh_concrete_event *event, uint8_t values[])
{
    const uint8_t *from = memory_of(state);
    if (event->kind == SMH_ACCESS_LOAD && !event->uncached) {
        const uint8_t *l1 = l1_of(machine, state, event->core);
        const uint8_t *l2 = l2_of(machine, state);
        if (machine->l1 && (l1[0] & VALID) != 0) {
            from = l1 + 1;
        } else if (machine->l2 && (l2[0] & VALID) != 0) {
            from = l2 + 1;
        }
    }
    memcpy(values, from, machine->units);
    if (event->kind == SMH_ACCESS_LOAD) {
        unsigned length = queue_length(machine, state, event->core);
        for (unsigned i = 0; i < length; i++) {
            struct waiting waiting = queue_at(machine, state, event->core, i);
            if ((waiting.uncached != 0) == event->uncached) {
                put(machine, values, waiting.units & ~waiting.forgotten, waiting.version);
                put(machine, values, waiting.forgotten, 0);
            }
        }
    }
}

static void write_back(const struct smh_concrete *machine, uint8_t *state, unsigned core)
{
    uint8_t *l1 = l1_of(machine, state, core);
    uint8_t *l2 = l2_of(machine, state);
    if ((l1[0] & DIRTY) == 0) {
        return;
    }
    l1[0] = VALID;
    if (machine->l2) {
        memcpy(l2 + 1, l1 + 1, machine->units);
        l2[0] = machine->l2_through ? VALID : VALID | DIRTY;
    }
    if (!machine->l2 || machine->l2_through) {
        memcpy(memory_of(state), l1 + 1, machine->units);
    }
}

static void write_back_l2(const struct smh_concrete *machine, uint8_t *state)
{
    uint8_t *l2 = l2_of(machine, state);
    if ((l2[0] & DIRTY) != 0) {
        memcpy(memory_of(state), l2 + 1, machine->units);
        l2[0] = VALID;
    }
}

static void maintain(const struct smh_concrete *machine, uint8_t *state,
                     const struct smh_concrete_event *event)
{
    drain_all(machine, state, event->core);
    if (event->kind != SMH_ACCESS_INVALIDATE) {
        write_back(machine, state, event->core);
        write_back_l2(machine, state);
    }
    if (event->kind != SMH_ACCESS_CLEAN) {
        memset(l1_of(machine, state, event->core), 0, 1 + machine->units);
        memset(l2_of(machine, state), 0, 1 + machine->units);
    }
}

/* The units hold nothing: every copy of them is the same. */
static void forget(const struct smh_concrete *machine, uint8_t *state, uint32_t units)
{
    put(machine, memory_of(state), units, 0);
    put(machine, l2_of(machine, state) + 1, units, 0);
    for (unsigned core = 0; core < machine->cores; core++) {
        put(machine, l1_of(machine, state, core) + 1, units, 0);
        unsigned length = queue_length(machine, state, core);
        for (unsigned i = 0; i < length; i++) {
            struct waiting waiting = queue_at(machine, state, core, i);
            waiting.forgotten |= waiting.units & units;
            queue_set(machine, state, core, i, &waiting);
        }
    }
    uint32_t bits;
    memcpy(&bits, given_up_of(machine, state), sizeof(bits));
    bits &= ~units;
    memcpy(given_up_of(machine, state), &bits, sizeof(bits));
}

void smh_concrete_apply(const struct smh_concrete *machine, uint8_t *state,
                        const struct smh_concrete_event *event, uint8_t values[])
{
    switch (event->kind) {
    case SMH_ACCESS_LOAD:
    case SMH_ACCESS_DMA_READ:
        load(machine, state, event, values);
        break;
    case SMH_ACCESS_STORE:
    case SMH_ACCESS_DMA_WRITE:
        store(machine, state, event);
        break;
    case SMH_ACCESS_CLEAN:
    case SMH_ACCESS_INVALIDATE:
    case SMH_ACCESS_FLUSH:
        maintain(machine, state, event);
        break;
    case SMH_ACCESS_BARRIER:
        drain_all(machine, state, event->core);
        break;
    default:
        forget(machine, state, event->units);
        break;
    }
}

static bool move_l1(const struct smh_concrete *machine, uint8_t *state, unsigned core,
                    struct smh_concrete_move *move)
{
    uint8_t *l1 = l1_of(machine, state, core);
    move->core = (uint8_t)core;
    if ((l1[0] & DIRTY) != 0) {
        move->kind = SMH_CONCRETE_WRITE_BACK;
        write_back(machine, state, core);
    } else if ((l1[0] & VALID) != 0) {
        move->kind = SMH_CONCRETE_DROP;
        memset(l1, 0, 1 + machine->units);
    } else {
        move->kind = SMH_CONCRETE_FETCH;
        fill_l1(machine, state, core);
    }
    return true;
}

static bool move_l2(const struct smh_concrete *machine, uint8_t *state,
                    struct smh_concrete_move *move)
{
    uint8_t *l2 = l2_of(machine, state);
    move->core = (uint8_t)machine->cores;
    if ((l2[0] & DIRTY) != 0) {
        move->kind = SMH_CONCRETE_WRITE_BACK;
        write_back_l2(machine, state);
    } else if ((l2[0] & VALID) != 0) {
        move->kind = SMH_CONCRETE_DROP;
        memset(l2, 0, 1 + machine->units);
    } else {
        move->kind = SMH_CONCRETE_FETCH;
        fill_l2(machine, state);
    }
    return true;
}

bool smh_concrete_move(const struct smh_concrete *machine, uint8_t *state, unsigned number,
                       struct smh_concrete_move *move)
{
    for (unsigned core = 0; core < machine->cores; core++) {
        if (machine->l1 && number-- == 0) {
            return move_l1(machine, state, core, move);
        }
        if (queue_length(machine, state, core) > 0 && number-- == 0) {
            move->kind = SMH_CONCRETE_DRAIN;
            move->core = (uint8_t)core;
            drain_oldest(machine, state, core);
            return true;
        }
    }
    return machine->l2 && number == 0 && move_l2(machine, state, move);
}

/* Units whose expected value is nowhere, or with firm: in clean copies at most. */
static uint32_t missing(const struct smh_concrete *machine, const uint8_t *state,
                        const uint8_t expected[], bool firm)
{
    uint8_t needed = firm ? VALID | DIRTY : VALID;
    uint8_t copy[SMH_CONCRETE_BYTES_MAX];
    memcpy(copy, state, machine->bytes);
    uint32_t lost;
    memcpy(&lost, given_up_of(machine, copy), sizeof(lost));
    lost = ~lost;
    for (unsigned unit = 0; unit < machine->units; unit++) {
        bool found = expected[unit] == 0 || memory_of(copy)[unit] == expected[unit];
        const uint8_t *l2 = l2_of(machine, copy);
        found = found || ((l2[0] & needed) == needed && l2[1 + unit] == expected[unit]);
        for (unsigned core = 0; core < machine->cores && !found; core++) {
            const uint8_t *l1 = l1_of(machine, copy, core);
            found = (l1[0] & needed) == needed && l1[1 + unit] == expected[unit];
            unsigned length = queue_length(machine, copy, core);
            for (unsigned i = 0; i < length && !found; i++) {
                struct waiting waiting = queue_at(machine, copy, core, i);
                found = ((waiting.units & ~waiting.forgotten) >> unit & 1u) != 0 &&
                        waiting.version == expected[unit];
            }
        }
        lost &= found ? ~((uint32_t)1 << unit) : UINT32_MAX;
    }
    return machine->units == 32 ? lost : lost & (((uint32_t)1 << machine->units) - 1);
}

uint32_t smh_concrete_lost(const struct smh_concrete *machine, const uint8_t *state,
                           const uint8_t expected[])
{
    return missing(machine, state, expected, false);
}

void smh_concrete_give_up(const struct smh_concrete *machine, uint8_t *state, uint32_t units,
                          const uint8_t expected[])
{
    uint32_t bits;
    memcpy(&bits, given_up_of(machine, state), sizeof(bits));
    bits |= missing(machine, state, expected, true) & units;
    memcpy(given_up_of(machine, state), &bits, sizeof(bits));
}
