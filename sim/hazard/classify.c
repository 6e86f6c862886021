/* classify.c: which of the ten classes, and who is to blame.
 *
 * Owns: the order in which classes are decided (the number is in judge.h):
 *
 *     H10 (told in judge.c) > H9 > H8 > H2 > H6 > H1 > H7 > H4 > H5 > H3
 *
 * What can happen to a byte, and the question that follows:
 *     lost by an eviction    who left the line dirty?  each owner in `dirt` is a candidate
 *     lost by invalidation   whose range was it, and does it name the byte?
 *     stale at a read        was the last value never written back, or the reader's copy too old?
 */
#include "judge_state.h"

#include "../error.h"

#include <stdlib.h>
#include <string.h>

#define FINDINGS_MAX 16

struct verdict {
    uint32_t culprit;
    uint8_t hazard_class;
    bool held; /* matters only if it is read before it is written */
};

static const struct smh_owner *owner_of(const struct smh_judge *judge, uint32_t number)
{
    return &smh_owners_get(judge->owners, number)->owner;
}

/* Smaller comes first. */
static unsigned rank(uint8_t hazard_class)
{
    static const uint8_t order[] = {
        [SMH_HAZARD_H10] = 0, [SMH_HAZARD_H9] = 1, [SMH_HAZARD_H8] = 2, [SMH_HAZARD_H2] = 3,
        [SMH_HAZARD_H6] = 4,  [SMH_HAZARD_H1] = 5, [SMH_HAZARD_H7] = 6, [SMH_HAZARD_H4] = 7,
        [SMH_HAZARD_H5] = 8,  [SMH_HAZARD_H3] = 9};
    return order[hazard_class];
}

static uint64_t region_offset(const struct smh_judge *judge, const struct smh_line *line,
                              unsigned byte)
{
    return (line->index << judge->line_shift) + byte - judge->regions[line->region].skew;
}

/* The last event but the present one that wrote the byte; NULL: not remembered. */
static const struct smh_line_event *last_writer(const struct smh_line *line, unsigned byte)
{
    for (size_t i = line->event_count; i-- > 0;) {
        const struct smh_line_event *event = &line->events[i];
        if ((event->kind == SMH_LINE_STORE || event->kind == SMH_LINE_DMA_WRITE) &&
            byte >= event->from && byte < event->to) {
            return event;
        }
    }
    return NULL;
}

static bool covers(const struct smh_line_event *event, unsigned byte)
{
    return byte >= event->from && byte < event->to;
}

static uint32_t victim_at(const struct smh_judge *judge, const struct smh_line *line,
                          const struct smh_line_event *event, unsigned byte)
{
    uint32_t live = smh_owners_at(judge->owners, line->region, region_offset(judge, line, byte));
    if (live != SMH_OWNERS_NONE) {
        return live;
    }
    const struct smh_line_event *writer =
        event->kind == SMH_LINE_STORE && covers(event, byte) ? event : last_writer(line, byte);
    if (writer != NULL) {
        return writer->by_allocator ? SMH_OWNERS_METADATA : SMH_OWNERS_NOBODY;
    }
    return event->by_allocator ? SMH_OWNERS_METADATA : SMH_OWNERS_NOBODY;
}

static bool is_power_of_two(uint64_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

/* Aligned and padded with care, but for a smaller line. Beside metadata 16 is no such sign: it is
 * what many heaps align to anyway. */
static bool is_padded_for_less(const struct smh_judge *judge, uint32_t number, bool metadata)
{
    const struct smh_owner *owner = owner_of(judge, number);
    return number >= SMH_OWNERS_FIRST && is_power_of_two(owner->align) &&
           owner->align >= (metadata ? 32 : 16) && owner->align < judge->line_bytes &&
           owner->bytes % owner->align == 0;
}

static bool drives_smaller_lines(const struct smh_judge *judge, uint32_t number)
{
    const struct smh_owner *owner = owner_of(judge, number);
    if (number < SMH_OWNERS_FIRST || owner->actor >= judge->scenario->actor_count) {
        return false;
    }
    uint32_t line = judge->scenario->actors[owner->actor].driver_line;
    return line != 0 && line < judge->line_bytes;
}

/* The culprit left the line dirty and gave it up before the victim came: his block has been freed,
 * or made shorter. Of the allocator, what it keeps where the block was came after. */
static bool is_reused(const struct smh_judge *judge, const struct smh_line *line,
                      const struct smh_line_dirt *dirt, unsigned byte, uint32_t victim)
{
    if (dirt->owner < SMH_OWNERS_FIRST) {
        return false;
    }
    const struct smh_owner_record *record = smh_owners_get(judge->owners, dirt->owner);
    uint64_t begin = record->owner.offset;
    uint64_t end = begin + record->reserved;
    if (record->owner.kind != SMH_OWNER_FREED) {
        return record->owner.kind == SMH_OWNER_BLOCK &&
               region_offset(judge, line, dirt->from) >= end;
    }
    if (victim == SMH_OWNERS_METADATA) {
        uint64_t offset = region_offset(judge, line, byte);
        return offset >= begin && offset < end;
    }
    return owner_of(judge, victim)->operation >= record->freed_by;
}

/* Two owners meet in a line: which of H8, H2, H6, H1. `buffer` is the one of them that a device or
 * another core writes, or whose range is invalidated: it is he who must fill whole lines. `reused`:
 * the culprit had given up the line before the victim came. */
static uint8_t class_of_sharing(const struct smh_judge *judge, uint32_t victim, uint32_t culprit,
                                uint32_t buffer, bool reused)
{
    bool metadata = victim == SMH_OWNERS_METADATA || culprit == SMH_OWNERS_METADATA;
    if (reused) {
        return SMH_HAZARD_H6;
    }
    if (is_padded_for_less(judge, buffer, metadata) || drives_smaller_lines(judge, buffer)) {
        return SMH_HAZARD_H8;
    }
    return metadata ? SMH_HAZARD_H2 : SMH_HAZARD_H1;
}

/* Would it have gone well if maintenance had not passed the line over? */
static bool comes_of_skipping(const struct smh_judge *judge, const struct smh_line *line,
                              const struct smh_line_event *event, unsigned byte)
{
    struct smh_line_event events[SMH_LINE_EVENTS_MAX + 1];
    bool skipped = false;
    for (size_t i = 0; i < line->event_count; i++) {
        events[i] = line->events[i];
        skipped |= events[i].skipped;
    }
    events[line->event_count] = *event;
    struct smh_states *states = judge->regions[line->region].states;
    struct smh_telling telling = {.byte = byte, .skipped_happens = true};
    return skipped && !smh_sequence_goes_wrong(states, events, line->event_count + 1u, &telling);
}

static struct verdict judge_stale(const struct smh_judge *judge, const struct smh_line *line,
                                  const struct smh_line_event *event,
                                  const struct smh_line_wrong *wrong, unsigned byte,
                                  uint32_t victim)
{
    struct verdict verdict = {.culprit = victim, .hazard_class = SMH_HAZARD_H5};
    const struct smh_line_event *writer = last_writer(line, byte);
    if (event->kind == SMH_LINE_LOAD && writer != NULL && writer->kind == SMH_LINE_STORE &&
        writer->uncached != event->uncached) {
        verdict.hazard_class = SMH_HAZARD_H9;
    } else if (comes_of_skipping(judge, line, event, byte)) {
        verdict.hazard_class = SMH_HAZARD_H8;
    } else if (victim == SMH_OWNERS_METADATA) {
        verdict.hazard_class = SMH_HAZARD_H2;
    } else if (event->kind == SMH_LINE_LOAD) {
        unsigned slot = 0;
        while (slot + 1u < line->slots && line->slot_core[slot] != event->core) {
            slot++;
        }
        /* A core that has just entered has the slot already; the set before has it too. */
        if (!smh_states_unwritten(judge->regions[line->region].states, wrong->before, slot,
                                  !event->uncached)) {
            verdict.hazard_class = SMH_HAZARD_H3;
        }
    }
    return verdict;
}

static struct verdict judge_invalidated(const struct smh_judge *judge,
                                        const struct smh_line_event *event,
                                        const struct smh_line_wrong *wrong, unsigned byte,
                                        uint32_t victim)
{
    struct verdict verdict = {.culprit = event->owner};
    if (victim == event->owner) {
        verdict.held = !wrong->lost; /* it was his to discard */
        verdict.hazard_class = covers(event, byte) ? SMH_HAZARD_H5
                               : event->wrong_step ? SMH_HAZARD_H8
                                                   : SMH_HAZARD_H7;
        return verdict;
    }
    verdict.hazard_class = event->wrong_step
                               ? SMH_HAZARD_H8
                               : class_of_sharing(judge, victim, event->owner, event->owner, false);
    verdict.held = victim == SMH_OWNERS_METADATA;
    return verdict;
}

/* Lost by the eviction of a line that one of the candidates left dirty. */
static struct verdict judge_evicted(const struct smh_judge *judge, const struct smh_line *line,
                                    const struct smh_line_event *event, unsigned byte,
                                    uint32_t victim)
{
    struct verdict best = {.culprit = victim, .hazard_class = SMH_HAZARD_H4};
    bool found = false;
    bool writes_byte = covers(event, byte);
    for (size_t i = 0; i < line->dirt_count; i++) {
        const struct smh_line_dirt *dirt = &line->dirt[i];
        bool mine = event->kind == SMH_LINE_STORE && dirt->core == event->core &&
                    dirt->uncached == event->uncached;
        if (writes_byte ? mine : !(mine && dirt->owner == event->owner)) {
            continue;
        }
        uint8_t hazard_class;
        if (dirt->owner != victim) {
            uint32_t buffer = victim < SMH_OWNERS_FIRST ? dirt->owner : victim;
            hazard_class = class_of_sharing(judge, victim, dirt->owner, buffer,
                                            is_reused(judge, line, dirt, byte, victim));
        } else if (event->kind == SMH_LINE_STORE && writes_byte &&
                   event->uncached != dirt->uncached) {
            hazard_class = SMH_HAZARD_H9;
        } else {
            const struct smh_line_event *writer = writes_byte ? event : last_writer(line, byte);
            bool views = writer != NULL && writer->kind == SMH_LINE_STORE &&
                         writer->uncached != dirt->uncached;
            hazard_class = views ? SMH_HAZARD_H9 : SMH_HAZARD_H4;
        }
        if (!found || rank(hazard_class) < rank(best.hazard_class)) {
            best.hazard_class = hazard_class;
            best.culprit = dirt->owner;
            found = true;
        }
    }
    if (rank(best.hazard_class) > rank(SMH_HAZARD_H8) &&
        comes_of_skipping(judge, line, event, byte)) {
        best.hazard_class = SMH_HAZARD_H8;
    }
    best.held = victim == SMH_OWNERS_METADATA;
    return best;
}

static void hold(struct smh_judge *judge, struct smh_line *line, uint32_t victim,
                 const struct verdict *verdict, unsigned from, unsigned to)
{
    struct smh_line_suspect *suspect = line->suspects;
    while (suspect != NULL && (suspect->victim != victim || suspect->culprit != verdict->culprit ||
                               suspect->hazard_class != verdict->hazard_class)) {
        suspect = suspect->next;
    }
    if (suspect == NULL) {
        suspect = smh_must_allocate(1, sizeof(*suspect));
        suspect->victim = victim;
        suspect->culprit = verdict->culprit;
        suspect->hazard_class = verdict->hazard_class;
        suspect->next = line->suspects;
        line->suspects = suspect;
        smh_owners_hold(judge->owners, victim);
        smh_owners_hold(judge->owners, verdict->culprit);
    }
    for (unsigned byte = from; byte < to; byte++) {
        suspect->bytes[byte / 64] |= (uint64_t)1 << byte % 64;
    }
}

struct findings {
    struct smh_finding list[FINDINGS_MAX];
    size_t count;
};

static void note(struct findings *findings, const struct smh_line *line,
                 const struct smh_line_event *event, uint32_t victim, const struct verdict *verdict,
                 unsigned from, unsigned to)
{
    struct smh_finding *finding = NULL;
    for (size_t i = 0; i < findings->count && finding == NULL; i++) {
        struct smh_finding *other = &findings->list[i];
        if (other->victim == victim && other->culprit == verdict->culprit &&
            other->hazard_class == verdict->hazard_class) {
            finding = other;
        }
    }
    if (finding == NULL) {
        if (findings->count == FINDINGS_MAX) {
            return; /* more than sixteen pairs of owners in one line at one access */
        }
        finding = &findings->list[findings->count++];
        *finding = (struct smh_finding){.line = line,
                                        .event = *event,
                                        .victim = victim,
                                        .culprit = verdict->culprit,
                                        .region = line->region,
                                        .hazard_class = verdict->hazard_class};
    }
    for (unsigned byte = from; byte < to; byte++) {
        finding->bytes[byte / 64] |= (uint64_t)1 << byte % 64;
    }
}

static struct verdict judge_run(const struct smh_judge *judge, const struct smh_line *line,
                                const struct smh_line_event *event,
                                const struct smh_line_wrong *wrong, unsigned byte, uint32_t victim)
{
    if (event->kind == SMH_LINE_LOAD || event->kind == SMH_LINE_DMA_READ) {
        return judge_stale(judge, line, event, wrong, byte, victim);
    }
    if (event->kind == SMH_LINE_INVALIDATE) {
        return judge_invalidated(judge, event, wrong, byte, victim);
    }
    return judge_evicted(judge, line, event, byte, victim);
}

/* Whether two neighbouring bytes that go wrong have the same story. */
static bool same_story(const struct smh_line *line, const struct smh_line_event *event, unsigned a,
                       unsigned b)
{
    return covers(event, a) == covers(event, b) && last_writer(line, a) == last_writer(line, b);
}

void smh_classify(struct smh_judge *judge, struct smh_line *line, const struct smh_touch *touch)
{
    const struct smh_line_event *event = &touch->event;
    struct findings findings = {.count = 0};
    for (size_t i = 0; i < judge->effect.wrong_count; i++) {
        const struct smh_line_wrong *wrong = &judge->effect.wrong[i];
        for (unsigned from = wrong->from, to; from < wrong->to; from = to) {
            uint32_t victim = victim_at(judge, line, event, from);
            to = from + 1;
            while (to < wrong->to && victim_at(judge, line, event, to) == victim &&
                   same_story(line, event, from, to)) {
                to++;
            }
            struct verdict verdict = judge_run(judge, line, event, wrong, from, victim);
            if (verdict.held) {
                hold(judge, line, victim, &verdict, from, to);
            } else {
                note(&findings, line, event, victim, &verdict, from, to);
            }
        }
    }
    for (size_t i = 0; i < findings.count; i++) {
        smh_report(judge, &findings.list[i]);
    }
    for (size_t i = 0; i < judge->effect.wrong_count; i++) {
        if (event->kind == SMH_LINE_INVALIDATE && !judge->effect.wrong[i].lost) {
            continue; /* discarded: where it was, it is undefined already */
        }
        smh_line_undefine(line, touch->region->states, judge->effect.wrong[i].from,
                          judge->effect.wrong[i].to);
    }
}

/* Takes bytes [from, to) out of a suspect; whether any was there, and *rest whether any is left. */
static bool take(struct smh_line_suspect *suspect, unsigned from, unsigned to,
                 uint64_t taken[SMH_LINE_WORDS], bool *rest)
{
    bool any = false;
    memset(taken, 0, SMH_LINE_WORDS * sizeof(*taken));
    for (unsigned byte = from; byte < to; byte++) {
        uint64_t bit = (uint64_t)1 << byte % 64;
        taken[byte / 64] |= suspect->bytes[byte / 64] & bit;
        any |= (suspect->bytes[byte / 64] & bit) != 0;
        suspect->bytes[byte / 64] &= ~bit;
    }
    *rest = false;
    for (unsigned i = 0; i < SMH_LINE_WORDS; i++) {
        *rest |= suspect->bytes[i] != 0;
    }
    return any;
}

void smh_classify_suspects(struct smh_judge *judge, struct smh_line *line,
                           const struct smh_touch *touch)
{
    const struct smh_line_event *event = &touch->event;
    bool reads = event->kind == SMH_LINE_LOAD || event->kind == SMH_LINE_DMA_READ;
    bool writes = event->kind == SMH_LINE_STORE || event->kind == SMH_LINE_DMA_WRITE ||
                  event->kind == SMH_LINE_HAND_OUT || event->kind == SMH_LINE_FREE;
    if (!reads && !writes) {
        return;
    }
    struct smh_line_suspect **link = &line->suspects;
    while (*link != NULL) {
        struct smh_line_suspect *suspect = *link;
        struct smh_finding finding = {.line = line,
                                      .event = *event,
                                      .victim = suspect->victim,
                                      .culprit = suspect->culprit,
                                      .region = line->region,
                                      .hazard_class = suspect->hazard_class,
                                      .discarded = suspect->victim == suspect->culprit};
        bool rest;
        if (take(suspect, event->from, event->to, finding.bytes, &rest) && reads) {
            smh_report(judge, &finding);
        }
        if (rest) {
            link = &suspect->next;
            continue;
        }
        *link = suspect->next;
        smh_owners_release(judge->owners, suspect->victim);
        smh_owners_release(judge->owners, suspect->culprit);
        free(suspect);
    }
}
