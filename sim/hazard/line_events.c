/* line_events.c: what is remembered of a line: its last events, and who left it dirty. See line.h.
 *
 *     events   ... | store A | free A | hand-out B | store B |
 *                  '---- the sets are as they were there ----'   a loop: cut out
 *
 * What a report would say of who left the line dirty stays: his last store, and that he was freed.
 */
#include "line.h"

#include "../error.h"

#include <string.h>

#define RECENT 8 /* events that are kept whatever they repeat */

_Static_assert(SMH_LINE_EVENTS_MAX == 32, "a bit an event");

/* --- events --------------------------------------------------------------------------------------
 */

static inline uint32_t hash_on(uint32_t hash, uint32_t set, unsigned to)
{
    hash = (hash ^ set) * 0x9e3779b1u;
    hash = (hash ^ to) * 0x85ebca6bu;
    return hash ^ hash >> 15;
}

static uint32_t hash_of_wide(const struct smh_line *line)
{
    uint32_t hash = line->slots;
    for (size_t i = 0; i < line->segment_count; i++) {
        hash = hash_on(hash, line->segments[i].set, line->segments[i].to);
    }
    return hash;
}

/* Of the sets of all bytes. */
static inline uint32_t state_of(const struct smh_line *line)
{
    uint64_t hash = line->slots;
    if (line->solo) {
        return smh_line_solo_state(line);
    }
    if (line->bytes <= 64) {
        unsigned from = 0;
        for (size_t i = 0; i < line->segment_count; i++) {
            uint64_t weights[2];
            unsigned to = line->segments[i].to;
            smh_states_weights(line->segments[i].set, weights);
            hash += smh_states_hash(weights, UINT64_MAX >> (64 - (to - from)) << from);
            from = to;
        }
    } else {
        return hash_of_wide(line);
    }
    return smh_line_state(hash);
}

static void remove_events(struct smh_line *line, struct smh_owners *owners, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        smh_owners_release(owners, line->events[i].owner);
    }
    if (to < line->event_count) {
        memmove(&line->events[from], &line->events[to],
                (line->event_count - to) * sizeof(*line->events));
    }
    line->event_count = (uint16_t)(line->event_count - (to - from));
}

/* Who may have left the line dirty: bit owner % 64. */
static uint64_t suspected(const struct smh_line *line)
{
    uint64_t owners = 0;
    for (unsigned i = 0; i < line->dirt_count; i++) {
        owners |= (uint64_t)1 << line->dirt[i].owner % 64;
    }
    return owners;
}

/* Of a store by one of those, or of his end: a bit for him and which of the two it is; 0: of no
 * other event. */
static inline uint32_t telling_bit(const struct smh_line *line, const struct smh_line_event *event,
                                   uint64_t owners)
{
    if ((owners >> event->owner % 64 & 1) == 0 ||
        (event->kind != SMH_LINE_STORE && event->kind != SMH_LINE_FREE)) {
        return 0;
    }
    for (unsigned i = 0; i < line->dirt_count; i++) {
        if (line->dirt[i].owner == event->owner) {
            return (uint32_t)1 << (2 * i + (event->kind == SMH_LINE_FREE));
        }
    }
    return 0;
}

_Static_assert(SMH_LINE_DIRT_MAX <= 16, "two bits each");

/* The first event at which the sets were as at `end`; `end` when there is none. */
static unsigned first_like(const struct smh_line *line, unsigned end)
{
    unsigned begin = 0;
    while (line->events[begin].state != line->events[end].state) {
        begin++;
    }
    return begin;
}

/* Bit i of kept: event i stays. */
static void keep_events(struct smh_line *line, struct smh_owners *owners, uint32_t kept)
{
    if (kept == UINT32_MAX) {
        return;
    }
    for (uint32_t left = ~kept; left != 0; left &= left - 1) {
        smh_owners_release(owners, line->events[__builtin_ctz(left)].owner);
    }
    unsigned count = (unsigned)__builtin_ctz(~kept);
    for (uint32_t rest = kept & UINT32_MAX << count; rest != 0; rest &= rest - 1) {
        line->events[count++] = line->events[__builtin_ctz(rest)];
    }
    line->event_count = (uint16_t)count;
}

/* Cuts out what came back to where it had been; the most recent events stay, and of who may have
 * left the line dirty the last store and his end. */
static void cut_loops(struct smh_line *line, struct smh_owners *owners)
{
    uint32_t kept = UINT32_MAX;
    uint32_t told = 0; /* by events that come later, and are kept */
    uint64_t suspects = suspected(line);
    unsigned end = SMH_LINE_EVENTS_MAX;
    while (end-- > SMH_LINE_EVENTS_MAX - RECENT) {
        told |= telling_bit(line, &line->events[end], suspects);
    }
    while (end > 0) {
        unsigned begin = first_like(line, end);
        if (begin == end) {
            told |= telling_bit(line, &line->events[end--], suspects);
        }
        for (; end > begin; end--) {
            uint32_t bit = telling_bit(line, &line->events[end], suspects);
            kept &= (bit & ~told) != 0 ? UINT32_MAX : ~((uint32_t)1 << end);
            told |= bit;
        }
    }
    keep_events(line, owners, kept);
}

void smh_line_make_room(struct smh_line *line, struct smh_owners *owners)
{
    if (line->event_count == SMH_LINE_EVENTS_MAX) {
        cut_loops(line, owners);
        if (line->event_count > SMH_LINE_EVENTS_MAX - 4) {
            remove_events(line, owners, 0, SMH_LINE_EVENTS_MAX / 2);
            line->truncated = true;
        }
    }
    if (line->event_count == line->event_capacity) {
        line->event_capacity = (uint16_t)(line->event_capacity == 0 ? 4 : line->event_capacity * 2);
        line->events = smh_must_resize(line->events, line->event_capacity, sizeof(*line->events));
    }
}

void smh_line_remember(struct smh_line *line, struct smh_owners *owners,
                       const struct smh_line_event *event)
{
    struct smh_line_part part = {event->from, event->to};
    smh_line_remember_at(line, owners, event, part, state_of(line));
}

void smh_line_forget_events(struct smh_line *line, struct smh_owners *owners)
{
    remove_events(line, owners, 0, line->event_count);
    line->truncated = false;
}

/* --- dirt ----------------------------------------------------------------------------------------
 */

static void remove_dirt_at(struct smh_line *line, struct smh_owners *owners, size_t index)
{
    smh_owners_release(owners, line->dirt[index].owner);
    line->dirt_count--;
    for (size_t i = index; i < line->dirt_count; i++) {
        line->dirt[i] = line->dirt[i + 1];
    }
}

/* Takes [from, to) out of an extent; whether nothing of it is left. What lies on both sides stays
 * whole. */
static bool shrink(struct smh_line_dirt *dirt, uint16_t from, uint16_t to)
{
    if (from <= dirt->from && to >= dirt->to) {
        return true;
    }
    if (from <= dirt->from && to > dirt->from) {
        dirt->from = to;
    } else if (to >= dirt->to && from < dirt->to) {
        dirt->to = from;
    }
    return false;
}

static void make_room_for_dirt(struct smh_line *line)
{
    bool few = line->dirt == line->few;
    line->dirt_capacity = (uint8_t)(line->dirt_capacity * 2);
    line->dirt = smh_must_resize(few ? NULL : line->dirt, line->dirt_capacity, sizeof(*line->dirt));
    if (few) {
        memcpy(line->dirt, line->few, sizeof(line->few));
    }
}

void smh_line_add_dirt(struct smh_line *line, struct smh_owners *owners,
                       const struct smh_line_dirt *dirt)
{
    for (size_t i = line->dirt_count; i-- > 0;) {
        struct smh_line_dirt *other = &line->dirt[i];
        if (other->owner == dirt->owner && other->core == dirt->core &&
            other->uncached == dirt->uncached) {
            other->from = dirt->from < other->from ? dirt->from : other->from;
            other->to = dirt->to > other->to ? dirt->to : other->to;
            return;
        }
        if (other->core == dirt->core && other->uncached == dirt->uncached &&
            shrink(other, dirt->from, dirt->to)) {
            remove_dirt_at(line, owners, i);
        }
    }
    if (line->dirt_count == SMH_LINE_DIRT_MAX) {
        remove_dirt_at(line, owners, 0);
    }
    if (line->dirt_count == line->dirt_capacity) {
        make_room_for_dirt(line);
    }
    line->dirt[line->dirt_count++] = *dirt;
    smh_owners_hold(owners, dirt->owner);
}

void smh_line_remove_dirt(struct smh_line *line, struct smh_owners *owners, uint8_t core)
{
    for (size_t i = line->dirt_count; i-- > 0;) {
        if (core == 255 || line->dirt[i].core == core) {
            remove_dirt_at(line, owners, i);
        }
    }
}

bool smh_line_settle_dirt(struct smh_line *line, struct smh_owners *owners, uint16_t from,
                          uint16_t to)
{
    for (size_t i = line->dirt_count; i-- > 0;) {
        if (line->dirt[i].owner == SMH_OWNERS_METADATA && shrink(&line->dirt[i], from, to)) {
            remove_dirt_at(line, owners, i);
        }
    }
    return line->dirt_count > 0;
}
