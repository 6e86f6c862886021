/* sequence.c: the shortest sequence that shows a hazard.
 *
 * Owns: shortening the events of a line, as long as a byte still goes wrong by them, and finding
 * what hardware does between them, with as few moves as possible.
 *
 *     events of the line          store B | clean A | dma_write A | ...
 *     shortened                   store B |           dma_write A
 *     with what hardware does     store B |           dma_write A | eviction
 *
 * The search for hardware's moves goes event by event: a layer holds every state that the events so
 * far can lead to, each with the fewest moves that lead there and where it came from.
 */
#include "judge_state.h"

#include "../error.h"

#include <stdlib.h>
#include <string.h>

#define EVENTS_MAX (SMH_LINE_EVENTS_MAX + 1)
#define NO_PARENT  SIZE_MAX
#define TOO_DEAR   1000000u

/* Which core has which slot, as events enter them. */
struct slots {
    uint8_t core[SMH_STATES_SLOTS];
    unsigned count;
};

static unsigned slot_of(const struct slots *slots, uint8_t core)
{
    unsigned slot = 0;
    while (slot < slots->count && slots->core[slot] != core) {
        slot++;
    }
    return slot;
}

static enum smh_event event_for(const struct smh_line_event *event,
                                const struct smh_telling *telling)
{
    bool inside = telling->byte >= event->from && telling->byte < event->to;
    enum smh_event kind = smh_line_event_for(event, inside, telling->skipped_happens);
    return kind == SMH_EVENT_INVALIDATE_OWN && telling->discarding_is_loss ? SMH_EVENT_INVALIDATE
                                                                           : kind;
}

static bool is_of_a_core(enum smh_event event)
{
    return event < SMH_EVENT_DMA_READ;
}

bool smh_sequence_goes_wrong(struct smh_states *states, const struct smh_line_event *events,
                             size_t count, const struct smh_telling *telling)
{
    struct slots slots = {.count = 0};
    struct smh_step step = {.set = SMH_STATES_INITIAL};
    uint32_t before = step.set;
    for (size_t i = 0; i < count; i++) {
        enum smh_event event = event_for(&events[i], telling);
        step.stale = false; /* of the last event alone it matters */
        if (event == SMH_EVENT_KIND_COUNT) {
            continue;
        }
        if (events[i].kind == SMH_LINE_SETTLE) {
            for (unsigned slot = 0; slot < slots.count; slot++) {
                step = smh_states_step(states, step.set, SMH_EVENT_FLUSH, slot);
            }
            continue;
        }
        unsigned slot = 0;
        if (is_of_a_core(event)) {
            slot = slot_of(&slots, events[i].core);
            if (slot == SMH_STATES_SLOTS) {
                return false;
            }
            if (slot == slots.count) {
                slots.core[slots.count++] = events[i].core;
                step = smh_states_step(states, step.set, SMH_EVENT_ENTER, slot);
            }
        }
        before = step.set;
        step = smh_states_step(states, step.set, event, slot);
    }
    bool reads = count > 0 && (events[count - 1].kind == SMH_LINE_LOAD ||
                               events[count - 1].kind == SMH_LINE_DMA_READ);
    if (telling->written_back && reads && step.stale) {
        unsigned slot = slot_of(&slots, events[count - 1].core);
        return slot < slots.count &&
               !smh_states_unwritten(states, before, slot, !events[count - 1].uncached);
    }
    return (reads && step.stale) || smh_states_lost(states, step.set);
}

/* --- shortening ----------------------------------------------------------------------------------
 */

struct story {
    struct smh_line_event events[EVENTS_MAX];
    bool pinned[EVENTS_MAX]; /* stays, as the explanation speaks of it */
    size_t count;
};

static void drop(struct story *story, size_t index)
{
    memmove(&story->events[index], &story->events[index + 1],
            (story->count - index - 1) * sizeof(story->events[0]));
    memmove(&story->pinned[index], &story->pinned[index + 1],
            (story->count - index - 1) * sizeof(story->pinned[0]));
    story->count--;
}

static bool is_maintenance(const struct smh_line_event *event)
{
    return event->kind == SMH_LINE_CLEAN || event->kind == SMH_LINE_INVALIDATE ||
           event->kind == SMH_LINE_FLUSH;
}

/* The maintenance that did not help: whoever wrote it looks for it in the sequence. Of a line
 * fetched too early, what its reader dropped last; else what came after the last store. */
static void pin_maintenance(struct story *story, const struct smh_finding *finding)
{
    bool too_early = finding->hazard_class == SMH_HAZARD_H3;
    if (!too_early && finding->hazard_class != SMH_HAZARD_H5) {
        return;
    }
    bool changed = false;
    for (size_t i = story->count - 1; i-- > 0;) {
        const struct smh_line_event *event = &story->events[i];
        changed |= event->kind == SMH_LINE_STORE || event->kind == SMH_LINE_DMA_WRITE;
        if (changed && !too_early) {
            return;
        }
        if (is_maintenance(event) && event->owner == finding->victim && !event->skipped &&
            (!too_early || event->core == finding->event.core) &&
            (!changed || event->kind != SMH_LINE_CLEAN)) {
            story->pinned[i] = true;
            return;
        }
    }
}

/* The culprit's last store, and that he was freed, are what the hazard is about. */
static void pin(struct story *story, const struct smh_finding *finding)
{
    story->pinned[story->count - 1] = true;
    pin_maintenance(story, finding);
    bool by_store = false;
    for (size_t i = story->count - 1; i-- > 0;) {
        const struct smh_line_event *event = &story->events[i];
        if (event->skipped && finding->hazard_class == SMH_HAZARD_H8) {
            story->pinned[i] = true;
        }
        if (event->owner != finding->culprit) {
            continue;
        }
        if (event->kind == SMH_LINE_STORE && !by_store && finding->culprit != finding->victim) {
            story->pinned[i] = true;
            by_store = true;
        }
        if (event->kind == SMH_LINE_FREE && finding->hazard_class == SMH_HAZARD_H6) {
            story->pinned[i] = true;
        }
    }
}

static void shorten(struct story *story, struct smh_states *states,
                    const struct smh_telling *telling)
{
    bool shorter = true;
    while (shorter) {
        shorter = false;
        for (size_t i = 0; i + 1 < story->count;) {
            struct story without = *story;
            drop(&without, i);
            if (!story->pinned[i] &&
                smh_sequence_goes_wrong(states, without.events, without.count, telling)) {
                *story = without;
                shorter = true;
            } else {
                i++;
            }
        }
    }
}

/* --- what hardware does between ------------------------------------------------------------------
 */

struct node {
    uint64_t state;
    size_t parent;
    uint32_t cost; /* moves so far */
    struct smh_move move;
    bool is_event;
    uint16_t event; /* index, when it is one */
};

struct path {
    const struct smh_regime *regime;
    struct node *nodes;
    size_t count, capacity;
    size_t layer; /* where the present layer begins */
    struct slots slots;
};

/* Whether the state was not in the layer, or dearer. */
static bool reach(struct path *path, const struct node *node)
{
    for (size_t i = path->layer; i < path->count; i++) {
        if (path->nodes[i].state == node->state) {
            if (path->nodes[i].cost <= node->cost) {
                return false;
            }
            path->nodes[i] = *node;
            return true;
        }
    }
    if (path->count == path->capacity) {
        path->capacity = path->capacity == 0 ? 256 : path->capacity * 2;
        path->nodes = smh_must_resize(path->nodes, path->capacity, sizeof(*path->nodes));
    }
    path->nodes[path->count++] = *node;
    return true;
}

static void close_layer(struct path *path)
{
    struct smh_moved moved[SMH_MOVES_MAX];
    bool changed = true;
    while (changed) {
        changed = false;
        for (size_t i = path->layer; i < path->count; i++) {
            size_t count =
                smh_states_moves(path->regime, path->nodes[i].state, path->slots.count, moved);
            for (size_t j = 0; j < count; j++) {
                struct node node = {.state = moved[j].state,
                                    .parent = i,
                                    .cost = path->nodes[i].cost + 1,
                                    .move = moved[j].move};
                changed |= reach(path, &node);
            }
        }
    }
}

static uint64_t apply(const struct path *path, uint64_t state, const struct smh_line_event *event,
                      enum smh_event kind, unsigned slot, bool enters, bool *stale)
{
    if (event->kind == SMH_LINE_SETTLE) {
        for (unsigned i = 0; i < path->slots.count; i++) {
            state = smh_states_apply(path->regime, state, SMH_EVENT_FLUSH, i, stale);
        }
        *stale = false;
        return state;
    }
    if (enters) {
        state = smh_states_apply(path->regime, state, SMH_EVENT_ENTER, slot, stale);
    }
    return smh_states_apply(path->regime, state, kind, slot, stale);
}

/* The next layer: what the event makes of the present one. With `stale`: the cheapest node of the
 * next layer whose read was stale is left in *found. */
static void advance(struct path *path, const struct smh_line_event *event, size_t index,
                    const struct smh_telling *telling, size_t *found)
{
    enum smh_event kind = event_for(event, telling);
    unsigned slot = 0;
    bool enters = false;
    if (is_of_a_core(kind) && event->kind != SMH_LINE_SETTLE) {
        slot = slot_of(&path->slots, event->core);
        enters = slot == path->slots.count;
    }
    size_t begin = path->layer;
    size_t end = path->count;
    path->layer = end;
    uint32_t best = TOO_DEAR;
    for (size_t i = begin; i < end; i++) {
        bool stale = false;
        uint64_t state = path->nodes[i].state;
        if (kind != SMH_EVENT_KIND_COUNT) {
            state = apply(path, state, event, kind, slot, enters, &stale);
        }
        struct node node = {.state = state,
                            .parent = i,
                            .cost = path->nodes[i].cost,
                            .is_event = true,
                            .event = (uint16_t)index};
        if (stale && node.cost < best) {
            best = node.cost;
            *found = i;
        }
        (void)reach(path, &node);
    }
    if (enters) {
        path->slots.core[path->slots.count++] = event->core;
    }
}

static size_t cheapest_lost(const struct path *path)
{
    size_t found = NO_PARENT;
    for (size_t i = path->layer; i < path->count; i++) {
        if (smh_state_lost(path->nodes[i].state) &&
            (found == NO_PARENT || path->nodes[i].cost < path->nodes[found].cost)) {
            found = i;
        }
    }
    return found;
}

/* The last node before the hazard shows, NO_PARENT: none. *final: the last event is still to be
 * told after it. */
static size_t search(struct path *path, const struct story *story,
                     const struct smh_telling *telling, bool *final)
{
    struct node first = {.state = smh_states_first(path->regime), .parent = NO_PARENT};
    (void)reach(path, &first);
    close_layer(path);
    size_t found = NO_PARENT;
    for (size_t i = 0; i < story->count; i++) {
        found = NO_PARENT;
        advance(path, &story->events[i], i, telling, &found);
        close_layer(path);
    }
    uint8_t last = story->events[story->count - 1].kind;
    *final = found != NO_PARENT && (last == SMH_LINE_LOAD || last == SMH_LINE_DMA_READ);
    return *final ? found : cheapest_lost(path);
}

/* --- telling -------------------------------------------------------------------------------------
 */

static void tell_event(const struct smh_judge *judge, const struct smh_line_event *event,
                       uint16_t region, struct smh_hazard_step *step)
{
    memset(step, 0, sizeof(*step));
    step->what = event->kind == SMH_LINE_HAND_OUT ? SMH_STEP_HAND_OUT
                 : event->kind == SMH_LINE_FREE   ? SMH_STEP_FREE
                                                  : SMH_STEP_ACCESS;
    step->owner = smh_owners_get(judge->owners, event->owner)->owner;
    step->skipped = event->skipped;
    step->access = (struct smh_access){
        .operation = event->operation,
        .site = event->site,
        .offset = event->from,
        .bytes = (uint64_t)(event->to - event->from),
        .region = region,
        .actor = event->actor,
        .core = event->core,
        .kind = event->kind == SMH_LINE_SETTLE ? SMH_ACCESS_FLUSH : event->kind,
        .by_allocator = event->by_allocator,
        .uncached = event->uncached,
    };
}

/* A core that had not touched the line yet is the one that does at last. */
static void tell_move(const struct path *path, const struct smh_move *move, uint16_t region,
                      uint8_t last_core, struct smh_hazard_step *step)
{
    static const uint8_t what[SMH_MOVE_KIND_COUNT] = {[SMH_MOVE_WRITE_BACK] = SMH_STEP_EVICTION,
                                                      [SMH_MOVE_DROP] = SMH_STEP_DROP,
                                                      [SMH_MOVE_FETCH] = SMH_STEP_FILL,
                                                      [SMH_MOVE_DRAIN] = SMH_STEP_DRAIN,
                                                      [SMH_MOVE_L2_WRITE_BACK] = SMH_STEP_EVICTION,
                                                      [SMH_MOVE_L2_DROP] = SMH_STEP_DROP,
                                                      [SMH_MOVE_L2_FETCH] = SMH_STEP_FILL};
    memset(step, 0, sizeof(*step));
    step->what = what[move->kind];
    step->shared = move->kind >= SMH_MOVE_L2_WRITE_BACK;
    step->access.region = region;
    step->access.core = move->slot < path->slots.count ? path->slots.core[move->slot] : last_core;
}

/* From the last node back to the first; what does not fit is the beginning. */
static void tell(const struct smh_judge *judge, const struct path *path, const struct story *story,
                 size_t node, bool final, uint16_t region, struct smh_hazard *hazard)
{
    struct smh_hazard_step steps[SMH_HAZARD_SEQUENCE_MAX];
    uint8_t last_core = story->events[story->count - 1].core;
    size_t count = 0;
    if (final) {
        tell_event(judge, &story->events[story->count - 1], region, &steps[count++]);
    }
    for (; node != NO_PARENT && count < SMH_HAZARD_SEQUENCE_MAX; node = path->nodes[node].parent) {
        const struct node *here = &path->nodes[node];
        if (here->is_event) {
            tell_event(judge, &story->events[here->event], region, &steps[count++]);
        } else if (here->parent != NO_PARENT) {
            tell_move(path, &here->move, region, last_core, &steps[count++]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        hazard->sequence[i] = steps[count - 1 - i];
    }
    hazard->sequence_count = count;
}

static unsigned first_byte(const struct smh_finding *finding)
{
    for (unsigned i = 0; i < SMH_LINE_WORDS; i++) {
        if (finding->bytes[i] != 0) {
            return i * 64 + (unsigned)__builtin_ctzll(finding->bytes[i]);
        }
    }
    return 0;
}

/* The events as they are: the search cannot explain them, as the beginning is not remembered. */
static void tell_plainly(const struct smh_judge *judge, const struct story *story, uint16_t region,
                         struct smh_hazard *hazard)
{
    size_t count = story->count < SMH_HAZARD_SEQUENCE_MAX ? story->count : SMH_HAZARD_SEQUENCE_MAX;
    for (size_t i = 0; i < count; i++) {
        tell_event(judge, &story->events[story->count - count + i], region, &hazard->sequence[i]);
    }
    hazard->sequence_count = count;
}

void smh_sequence(const struct smh_judge *judge, const struct smh_finding *finding,
                  struct smh_hazard *hazard)
{
    const struct smh_line *line = finding->line;
    struct smh_states *states = judge->regions[finding->region].states;
    struct smh_telling telling = {.byte = first_byte(finding),
                                  .discarding_is_loss = finding->discarded,
                                  .written_back = finding->hazard_class == SMH_HAZARD_H3};
    struct story story = {.count = 0};
    for (size_t i = 0; i < line->event_count; i++) {
        story.events[story.count++] = line->events[i];
    }
    story.events[story.count++] = finding->event;
    if (states == NULL || finding->hazard_class == SMH_HAZARD_H10 ||
        !smh_sequence_goes_wrong(states, story.events, story.count, &telling)) {
        tell_plainly(judge, &story, finding->region, hazard);
        return;
    }
    pin(&story, finding);
    shorten(&story, states, &telling);
    struct path path = {.regime = smh_states_regime(states)};
    bool final = false;
    size_t node = search(&path, &story, &telling, &final);
    if (node == NO_PARENT) {
        tell_plainly(judge, &story, finding->region, hazard);
    } else {
        tell(judge, &path, &story, node, final, finding->region, hazard);
    }
    free(path.nodes);
}
