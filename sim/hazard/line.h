/* line.h: one line that more than one party touches.
 *
 * Owns: struct smh_line: the sets of states of its bytes, who may have left it dirty, and the last
 * events, from which a hazard's class and shortest sequence are found.
 *
 *     segments   | set 4     | set 9         | set 4 |      bytes of equal history share a set
 *                0           8              24      32
 *     dirt       owner of stores since the line was last surely written back, with their extent
 *     events     store 0..8 | clean | dma_write 8..24 | ...
 *
 *     solo       a line of up to 64 bytes that one core alone stores to: segments as bits
 *
 * Invariants: segments cover the line, and no two neighbours have the same set. Replaying the
 * events on an untouched line leads to the present sets (but where hazards have been told: there
 * the bytes count as undefined until they are written again), unless `truncated`.
 */
#ifndef SMH_SIM_HAZARD_LINE_H
#define SMH_SIM_HAZARD_LINE_H

#include "owners.h"
#include "states.h"

#define SMH_LINE_BYTES_MAX  1024
#define SMH_LINE_EVENTS_MAX 32 /* kept */
#define SMH_LINE_WORDS      (SMH_LINE_BYTES_MAX / 64)
#define SMH_LINE_DIRT_MAX   16

enum smh_line_event_kind {
    SMH_LINE_LOAD = SMH_ACCESS_LOAD,
    SMH_LINE_STORE = SMH_ACCESS_STORE,
    SMH_LINE_DMA_READ = SMH_ACCESS_DMA_READ,
    SMH_LINE_DMA_WRITE = SMH_ACCESS_DMA_WRITE,
    SMH_LINE_CLEAN = SMH_ACCESS_CLEAN,
    SMH_LINE_INVALIDATE = SMH_ACCESS_INVALIDATE,
    SMH_LINE_FLUSH = SMH_ACCESS_FLUSH,
    SMH_LINE_BARRIER = SMH_ACCESS_BARRIER,
    SMH_LINE_HAND_OUT = SMH_ACCESS_KIND_COUNT,
    SMH_LINE_FREE,
    SMH_LINE_SETTLE, /* all cores: written back and dropped, as the port does at a hand-out */
    SMH_LINE_NOTHING
};

struct smh_line_event {
    uint64_t operation;
    uint64_t site;
    uint32_t owner;    /* number, held */
    uint16_t from, to; /* bytes of the line; of maintenance: of its range, may be empty */
    uint16_t actor;
    uint8_t kind; /* enum smh_line_event_kind */
    uint8_t core;
    bool uncached;
    bool by_allocator;
    bool wrong_step; /* maintenance made for another line size */
    bool skipped;    /* ... that passed this line over for it */
    uint32_t state;  /* hash of the line's sets after it */
};

/* Bytes [from, to) of a line. Where one event meets many lines, its own from and to are not used:
 * it is copied as it is, and the host need not wait for them. */
struct smh_line_part {
    uint16_t from, to;
};

struct smh_line_segment {
    uint32_t set;
    uint16_t to; /* from: where the one before ends */
};

struct smh_line_dirt {
    uint32_t owner; /* number, held */
    uint16_t from, to;
    uint8_t core;
    bool uncached; /* pending in a store buffer through the uncached view */
};

/* Bytes whose last value is gone, which matters only if somebody reads them before they are
 * written again. */
struct smh_line_suspect {
    uint64_t bytes[SMH_LINE_WORDS];
    uint32_t victim, culprit; /* numbers, held */
    uint8_t hazard_class;
    struct smh_line_suspect *next;
};

/* What every hand-out, free and store of one core needs comes first. */
struct smh_line {
    struct smh_line_event *events;
    struct smh_line_dirt *dirt;         /* `few`, as long as they suffice */
    const struct smh_states_solo *sets; /* where it is solo */
    uint64_t defined;                   /* bit i: byte i is of sets->defined, else of ->undefined */
    uint64_t undefined_hash;            /* of the line's sets where no byte is defined */
    uint16_t event_count, event_capacity;
    uint8_t dirt_count, dirt_capacity;
    uint8_t slots;
    uint8_t allocator_core; /* whose allocator touched it last; 255: none */
    uint8_t slot_core[SMH_STATES_SLOTS];
    bool solo; /* one core, dirty: the segments are those of `defined`, and not kept */
    bool truncated;
    bool given_up;
    uint16_t region;
    struct smh_line_dirt few[2];
    uint64_t index; /* of the line in its region */
    struct smh_line_segment *segments;
    struct smh_line_suspect *suspects;
    uint64_t pending_listed; /* bit i: stands in the judge's list of lines with stores pending of
                                core i */
    struct smh_line *next_spare;
    uint16_t segment_count, segment_capacity;
    uint16_t bytes; /* of the line */
};

/* What an event did to some bytes. */
struct smh_line_wrong {
    uint16_t from, to;
    bool stale, lost;
    uint32_t before; /* set before the event */
};

struct smh_line_effect {
    struct smh_line_wrong *wrong;
    size_t wrong_count, wrong_capacity;
};

struct smh_line *smh_line_new(uint16_t region, uint64_t index, uint32_t line_bytes);
/* As new, of a line of which nothing is remembered: no events, dirt or suspects. */
void smh_line_renew(struct smh_line *line, uint16_t region, uint64_t index, uint32_t line_bytes);
void smh_line_free(struct smh_line *line, struct smh_owners *owners);

/* The event that a line event is for a byte of it: SMH_EVENT_KIND_COUNT: none. */
enum smh_event smh_line_event_for(const struct smh_line_event *event, bool inside,
                                  bool skipped_happens);
/* Applies an event to the sets. effect (may be NULL): the bytes that go wrong by it are added. */
void smh_line_apply(struct smh_line *line, struct smh_states *states,
                    const struct smh_line_event *event, struct smh_line_effect *effect);
/* Where one core alone has made the line dirty and nothing else happened, a bit a byte says what
 * the segments say. */
void smh_line_fold(struct smh_line *line, struct smh_states *states);
/* A load or store of the core whose line it is. */
static inline bool smh_line_is_solo_of(const struct smh_line *line,
                                       const struct smh_line_event *event)
{
    bool hands_over =
        event->by_allocator && line->allocator_core != 255 && line->allocator_core != event->core;
    return line->solo && event->kind <= SMH_LINE_STORE && !event->uncached && !hands_over &&
           event->core == line->slot_core[0];
}
static inline uint64_t smh_line_mask(struct smh_line_part part)
{
    return part.from == part.to ? 0 : UINT64_MAX >> (64 - (part.to - part.from)) << part.from;
}
/* Bytes [from, to) count as undefined. */
void smh_line_undefine(struct smh_line *line, struct smh_states *states, uint16_t from,
                       uint16_t to);
/* line_events.c. Remembers an event that has been applied. */
void smh_line_remember(struct smh_line *line, struct smh_owners *owners,
                       const struct smh_line_event *event);
/* Afterwards there is room for another event. */
void smh_line_make_room(struct smh_line *line, struct smh_owners *owners);
/* The short form of a hash, for events. */
static inline uint32_t smh_line_state(uint64_t hash)
{
    return (uint32_t)((hash * 0x9e3779b97f4a7c15ull) >> 32);
}
static inline uint32_t smh_line_solo_state(const struct smh_line *line)
{
    return smh_line_state(line->slots + line->undefined_hash +
                          smh_states_hash(line->sets->difference, line->defined));
}
/* The event goes on where the last one ended: one event. */
static inline bool smh_line_extends(const struct smh_line_event *last,
                                    const struct smh_line_event *event, struct smh_line_part part)
{
    return (event->kind == SMH_LINE_STORE || event->kind == SMH_LINE_DMA_WRITE) &&
           last->kind == event->kind && last->owner == event->owner && last->core == event->core &&
           last->uncached == event->uncached && last->by_allocator == event->by_allocator &&
           part.from <= last->to && last->from <= part.to;
}
/* Remembers an event of this part that led to sets of this hash. */
static inline void smh_line_remember_at(struct smh_line *line, struct smh_owners *owners,
                                        const struct smh_line_event *event,
                                        struct smh_line_part part, uint32_t state)
{
    if (line->event_count > 0) {
        struct smh_line_event *last = &line->events[line->event_count - 1];
        if (smh_line_extends(last, event, part)) {
            last->from = part.from < last->from ? part.from : last->from;
            last->to = part.to > last->to ? part.to : last->to;
            last->operation = event->operation;
            last->site = event->site;
            last->state = state;
            return;
        }
    }
    if (line->event_count == line->event_capacity) {
        smh_line_make_room(line, owners);
    }
    struct smh_line_event *added = &line->events[line->event_count++];
    *added = *event;
    added->from = part.from;
    added->to = part.to;
    added->state = state;
    smh_owners_hold(owners, event->owner);
}
/* What follows is of a solo line. */
static inline void smh_line_remember_solo(struct smh_line *line, struct smh_owners *owners,
                                          const struct smh_line_event *event,
                                          struct smh_line_part part)
{
    smh_line_remember_at(line, owners, event, part, smh_line_solo_state(line));
}
void smh_line_forget_events(struct smh_line *line, struct smh_owners *owners);
/* Whether all bytes are as in a line that nobody has touched, whatever cores have entered. */
bool smh_line_is_pristine(const struct smh_line *line, const struct smh_states *states);
/* Whether it may be dirty, or stores pending, anywhere (slot SMH_STATES_SLOTS) or in a core's. */
bool smh_line_is_dirty(const struct smh_line *line, const struct smh_states *states, unsigned slot);

void smh_line_add_dirt(struct smh_line *line, struct smh_owners *owners,
                       const struct smh_line_dirt *dirt);
/* The same of a store by the core of a solo line. */
static inline void smh_line_add_solo_dirt(struct smh_line *line, struct smh_owners *owners,
                                          const struct smh_line_event *event,
                                          struct smh_line_part part)
{
    struct smh_line_dirt *only = line->dirt;
    if (line->dirt_count == 1 && only->core == event->core && !only->uncached &&
        part.from <= only->from && only->to <= part.to) {
        smh_owners_hold(owners, event->owner);
        smh_owners_release(owners, only->owner);
        only->owner = event->owner;
        only->from = part.from;
        only->to = part.to;
        return;
    }
    struct smh_line_dirt dirt = {
        .owner = event->owner, .from = part.from, .to = part.to, .core = event->core};
    smh_line_add_dirt(line, owners, &dirt);
}
/* Of a core; 255: of all. */
void smh_line_remove_dirt(struct smh_line *line, struct smh_owners *owners, uint8_t core);
/* What the allocator left dirty in [from, to) is so no more; whether any other dirt is left. */
bool smh_line_settle_dirt(struct smh_line *line, struct smh_owners *owners, uint16_t from,
                          uint16_t to);

#endif
