/* line.c: the sets of a line. See line.h. */
#include "line.h"

#include "../error.h"
#include "bits.h"

#include <stdlib.h>
#include <string.h>

struct smh_line *smh_line_new(uint16_t region, uint64_t index, uint32_t line_bytes)
{
    struct smh_line *line = smh_must_allocate(1, sizeof(*line));
    line->segment_capacity = 4;
    line->segments = smh_must_allocate(line->segment_capacity, sizeof(*line->segments));
    line->dirt = line->few;
    line->dirt_capacity = (uint8_t)(sizeof(line->few) / sizeof(line->few[0]));
    smh_line_renew(line, region, index, line_bytes);
    return line;
}

void smh_line_renew(struct smh_line *line, uint16_t region, uint64_t index, uint32_t line_bytes)
{
    line->segments[0] =
        (struct smh_line_segment){.set = SMH_STATES_INITIAL, .to = (uint16_t)line_bytes};
    line->segment_count = 1;
    line->slots = 0;
    line->region = region;
    line->index = index;
    line->allocator_core = 255;
    line->truncated = false;
    line->solo = false;
    line->bytes = (uint16_t)line_bytes;
}

void smh_line_free(struct smh_line *line, struct smh_owners *owners)
{
    if (owners != NULL) {
        smh_line_forget_events(line, owners);
        smh_line_remove_dirt(line, owners, 255);
    }
    while (line->suspects != NULL) {
        struct smh_line_suspect *next = line->suspects->next;
        if (owners != NULL) {
            smh_owners_release(owners, line->suspects->victim);
            smh_owners_release(owners, line->suspects->culprit);
        }
        free(line->suspects);
        line->suspects = next;
    }
    free(line->segments);
    free(line->events);
    if (line->dirt != line->few) {
        free(line->dirt);
    }
    free(line);
}

enum smh_event smh_line_event_for(const struct smh_line_event *event, bool inside,
                                  bool skipped_happens)
{
    if (event->skipped && !skipped_happens) {
        return SMH_EVENT_KIND_COUNT;
    }
    switch (event->kind) {
    case SMH_LINE_LOAD:
        return !inside           ? SMH_EVENT_KIND_COUNT
               : event->uncached ? SMH_EVENT_LOAD_UNCACHED
                                 : SMH_EVENT_LOAD_CACHED;
    case SMH_LINE_STORE:
        if (event->uncached) {
            return inside ? SMH_EVENT_STORE_UNCACHED_IN : SMH_EVENT_STORE_UNCACHED_OUT;
        }
        return inside ? SMH_EVENT_STORE_CACHED_IN : SMH_EVENT_STORE_CACHED_OUT;
    case SMH_LINE_DMA_READ:
        return inside ? SMH_EVENT_DMA_READ : SMH_EVENT_KIND_COUNT;
    case SMH_LINE_DMA_WRITE:
        return inside ? SMH_EVENT_DMA_WRITE : SMH_EVENT_KIND_COUNT;
    case SMH_LINE_CLEAN:
        return SMH_EVENT_CLEAN;
    case SMH_LINE_INVALIDATE:
        return inside ? SMH_EVENT_INVALIDATE_OWN : SMH_EVENT_INVALIDATE;
    case SMH_LINE_FLUSH:
    case SMH_LINE_SETTLE:
        return SMH_EVENT_FLUSH;
    case SMH_LINE_BARRIER:
        return SMH_EVENT_BARRIER;
    case SMH_LINE_HAND_OUT:
    case SMH_LINE_FREE:
        return inside ? SMH_EVENT_UNDEFINE : SMH_EVENT_KIND_COUNT;
    default:
        return SMH_EVENT_KIND_COUNT;
    }
}

/* --- segments ------------------------------------------------------------------------------------
 */

static uint16_t start_of(const struct smh_line *line, size_t index)
{
    return index == 0 ? 0 : line->segments[index - 1].to;
}

/* A segment ends at `at`; the index of the one that begins there. */
static size_t split(struct smh_line *line, uint16_t at)
{
    size_t index = 0;
    while (index < line->segment_count && line->segments[index].to <= at) {
        index++;
    }
    if (index == line->segment_count || start_of(line, index) == at) {
        return index;
    }
    if (line->segment_count == line->segment_capacity) {
        line->segment_capacity = (uint16_t)(line->segment_capacity * 2);
        line->segments =
            smh_must_resize(line->segments, line->segment_capacity, sizeof(*line->segments));
    }
    memmove(&line->segments[index + 1], &line->segments[index],
            (line->segment_count - index) * sizeof(*line->segments));
    line->segments[index].to = at;
    line->segment_count++;
    return index + 1;
}

static void merge(struct smh_line *line)
{
    size_t kept = 0;
    for (size_t i = 1; i < line->segment_count; i++) {
        if (line->segments[i].set == line->segments[kept].set) {
            line->segments[kept].to = line->segments[i].to;
        } else {
            line->segments[++kept] = line->segments[i];
        }
    }
    line->segment_count = (uint16_t)(kept + 1);
}

static void give_up(struct smh_line *line)
{
    line->given_up = true;
    line->segments[0].to = line->segments[line->segment_count - 1].to;
    line->segments[0].set = SMH_STATES_GIVEN_UP;
    line->segment_count = 1;
}

static void note_wrong(struct smh_line_effect *effect, uint16_t from, uint16_t to,
                       struct smh_step step, uint32_t before)
{
    if (effect->wrong_count == effect->wrong_capacity) {
        effect->wrong_capacity = effect->wrong_capacity == 0 ? 16 : effect->wrong_capacity * 2;
        effect->wrong =
            smh_must_resize(effect->wrong, effect->wrong_capacity, sizeof(*effect->wrong));
    }
    effect->wrong[effect->wrong_count++] = (struct smh_line_wrong){
        .from = from, .to = to, .stale = step.stale, .lost = step.lost, .before = before};
}

/* One event on every segment: `in` for those in [first, last), `out` for the others. */
static void step_segments(struct smh_line *line, struct smh_states *states, size_t first,
                          size_t last, enum smh_event in, enum smh_event out, unsigned slot,
                          struct smh_line_effect *effect)
{
    for (size_t i = 0; i < line->segment_count; i++) {
        enum smh_event event = i >= first && i < last ? in : out;
        if (event == SMH_EVENT_KIND_COUNT) {
            continue;
        }
        uint32_t before = line->segments[i].set;
        struct smh_step step = smh_states_step(states, before, event, slot);
        if (step.set == SMH_STATES_GIVEN_UP) {
            give_up(line);
            return;
        }
        if (effect != NULL && (step.stale || step.lost)) {
            note_wrong(effect, start_of(line, i), line->segments[i].to, step, before);
        }
        line->segments[i].set = step.set;
    }
}

/* The slot of a core, which enters when it has none; SMH_STATES_SLOTS: there are no more. */
static unsigned enter(struct smh_line *line, struct smh_states *states, uint8_t core)
{
    for (unsigned slot = 0; slot < line->slots; slot++) {
        if (line->slot_core[slot] == core) {
            return slot;
        }
    }
    if (line->slots == SMH_STATES_SLOTS) {
        give_up(line);
        return SMH_STATES_SLOTS;
    }
    unsigned slot = line->slots++;
    line->slot_core[slot] = core;
    step_segments(line, states, 0, 0, SMH_EVENT_ENTER, SMH_EVENT_ENTER, slot, NULL);
    return slot;
}

static bool is_of_a_core(enum smh_event event)
{
    return event < SMH_EVENT_DMA_READ;
}

/* The commonest case: whether a load, a store, a hand-out or a free is known to leave every set as
 * it is, without anything going wrong. */
static bool stays(const struct smh_line *line, const struct smh_states *states,
                  const struct smh_line_event *event)
{
    enum smh_event in = SMH_EVENT_UNDEFINE;
    enum smh_event out = SMH_EVENT_KIND_COUNT;
    unsigned slot = 0;
    if (event->kind <= SMH_LINE_STORE) {
        if (event->uncached) {
            return false;
        }
        while (slot < line->slots && line->slot_core[slot] != event->core) {
            slot++;
        }
        if (slot == line->slots) {
            return false;
        }
        in = event->kind == SMH_LINE_LOAD ? SMH_EVENT_LOAD_CACHED : SMH_EVENT_STORE_CACHED_IN;
        out = event->kind == SMH_LINE_LOAD ? out : SMH_EVENT_STORE_CACHED_OUT;
    } else if (event->kind != SMH_LINE_HAND_OUT && event->kind != SMH_LINE_FREE) {
        return false;
    }
    uint16_t from = 0;
    for (size_t i = 0; i < line->segment_count; i++) {
        uint32_t set = line->segments[i].set;
        uint16_t to = line->segments[i].to;
        bool met = from < event->to && event->from < to;
        bool beside = from < event->from || event->to < to;
        if ((met && !smh_states_stays(states, set, in, slot)) ||
            (beside && out != SMH_EVENT_KIND_COUNT && !smh_states_stays(states, set, out, slot))) {
            return false;
        }
        from = to;
    }
    return true;
}

/* --- lines of one core ---------------------------------------------------------------------------
 */

/* The segment that begins at `from`: its set; *to: where it ends. */
static uint32_t solo_segment(const struct smh_line *line, unsigned from, unsigned *to)
{
    bool defined = (line->defined >> from & 1u) != 0;
    *to = (unsigned)smh_next_bit(&line->defined, from, line->bytes, !defined);
    return defined ? line->sets->defined : line->sets->undefined;
}

static void unfold(struct smh_line *line)
{
    line->solo = false;
    line->segment_count = 0;
    for (unsigned from = 0; from < line->bytes;) {
        if (line->segment_count == line->segment_capacity) {
            line->segment_capacity = (uint16_t)(line->segment_capacity * 2);
            line->segments =
                smh_must_resize(line->segments, line->segment_capacity, sizeof(*line->segments));
        }
        struct smh_line_segment *segment = &line->segments[line->segment_count++];
        segment->set = solo_segment(line, from, &from);
        segment->to = (uint16_t)from;
    }
}

void smh_line_fold(struct smh_line *line, struct smh_states *states)
{
    if (line->solo || line->given_up || line->slots != 1 || line->suspects != NULL ||
        line->bytes > 64 || line->segment_count == 0) {
        return;
    }
    const struct smh_states_solo *sets = smh_states_solo(states);
    uint64_t defined = 0;
    unsigned from = 0;
    for (size_t i = 0; i < line->segment_count; i++) {
        unsigned to = line->segments[i].to;
        if (line->segments[i].set == sets->defined) {
            smh_set_bits(&defined, from, to);
        } else if (line->segments[i].set != sets->undefined) {
            return;
        }
        from = to;
    }
    line->solo = sets->possible;
    line->sets = sets;
    line->undefined_hash =
        smh_states_hash(sets->undefined_weights, UINT64_MAX >> (64 - line->bytes));
    line->defined = defined;
}

/* false: it is so no longer, and the event is still to come. */
static bool apply_solo(struct smh_line *line, const struct smh_line_event *event)
{
    struct smh_line_part part = {event->from, event->to};
    if (smh_line_is_solo_of(line, event)) {
        line->defined |= event->kind == SMH_LINE_STORE ? smh_line_mask(part) : 0;
        return true;
    }
    if (event->kind == SMH_LINE_HAND_OUT || event->kind == SMH_LINE_FREE) {
        line->defined &= ~smh_line_mask(part);
        return true;
    }
    unfold(line);
    return false;
}

void smh_line_apply(struct smh_line *line, struct smh_states *states,
                    const struct smh_line_event *event, struct smh_line_effect *effect)
{
    if (line->given_up) {
        return;
    }
    if (line->solo && apply_solo(line, event)) {
        return;
    }
    if (stays(line, states, event)) {
        return;
    }
    if (event->kind == SMH_LINE_SETTLE) {
        for (unsigned slot = 0; slot < line->slots && !line->given_up; slot++) {
            step_segments(line, states, 0, 0, SMH_EVENT_FLUSH, SMH_EVENT_FLUSH, slot, effect);
        }
        merge(line);
        return;
    }
    enum smh_event in = smh_line_event_for(event, true, false);
    enum smh_event out = smh_line_event_for(event, false, false);
    if (in == SMH_EVENT_KIND_COUNT && out == SMH_EVENT_KIND_COUNT) {
        return;
    }
    unsigned slot = 0;
    if (is_of_a_core(in)) {
        slot = enter(line, states, event->core);
        if (line->given_up) {
            return;
        }
    }
    size_t first = 0;
    size_t last = line->segment_count;
    if (in != out && event->from == event->to) {
        last = 0;
    } else if (in != out) {
        first = split(line, event->from);
        last = split(line, event->to);
    }
    step_segments(line, states, first, last, in, out, slot, effect);
    if (line->segment_count > 1) {
        merge(line);
    }
}

void smh_line_undefine(struct smh_line *line, struct smh_states *states, uint16_t from, uint16_t to)
{
    struct smh_line_event event = {.kind = SMH_LINE_FREE, .from = from, .to = to};
    if (from < to) {
        smh_line_apply(line, states, &event, NULL);
    }
}

bool smh_line_is_pristine(const struct smh_line *line, const struct smh_states *states)
{
    if (line->solo || line->given_up || line->segment_count != 1) {
        return false;
    }
    return smh_states_pristine(states, line->segments[0].set);
}

bool smh_line_is_dirty(const struct smh_line *line, const struct smh_states *states, unsigned slot)
{
    /* Whether the line is dirty does not depend on the byte. */
    return smh_states_dirty(states, line->solo ? line->sets->undefined : line->segments[0].set,
                            slot);
}
