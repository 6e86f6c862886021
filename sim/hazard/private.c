/* private.c: lines that one core alone touches, through its cache. See judge_state.h. */
#include "judge_state.h"

#include "../error.h"

#include <stdlib.h>
#include <string.h>

/* --- private lines -------------------------------------------------------------------------------
 */

/* What a private line's core has stored, as one event. */
static void replay_private(struct smh_judge *judge, struct smh_line *line,
                           const struct smh_line_word *word)
{
    struct smh_judge_region *region = &judge->regions[line->region];
    uint64_t first = line->index << judge->line_shift;
    uint64_t end = first + judge->line_bytes;
    uint64_t from = smh_next_bit(region->dirty, first, end, true);
    uint64_t to = from;
    for (uint64_t at = from; at < end;) {
        to = smh_next_bit(region->dirty, at, end, false);
        at = smh_next_bit(region->dirty, to, end, true);
    }
    struct smh_line_event event = {
        .operation = word->operation,
        .owner = smh_word_owner(word),
        .actor = (uint16_t)(word->tag >> 16),
        .kind = SMH_LINE_STORE,
        .core = smh_word_core(word),
        .by_allocator = smh_word_owner(word) == SMH_OWNERS_METADATA,
    };
    smh_line_apply(line, region->states, &event, NULL);
    for (uint64_t at = smh_next_bit(region->defined, from, to, true); at < to;) {
        uint64_t stop = smh_next_bit(region->defined, at, to, false);
        event.from = (uint16_t)(at - first);
        event.to = (uint16_t)(stop - first);
        smh_line_apply(line, region->states, &event, NULL);
        at = smh_next_bit(region->defined, stop, to, true);
    }
    event.from = (uint16_t)(from - first);
    event.to = (uint16_t)(to - first);
    smh_line_remember(line, judge->owners, &event);
    if (smh_line_is_dirty(line, region->states, SMH_STATES_SLOTS)) {
        struct smh_line_dirt dirt = {
            .owner = event.owner, .from = event.from, .to = event.to, .core = event.core};
        smh_line_add_dirt(line, judge->owners, &dirt);
    }
    const struct smh_owner_record *record = smh_owners_get(judge->owners, event.owner);
    if (record->owner.kind == SMH_OWNER_FREED) {
        event.kind = SMH_LINE_FREE;
        event.operation = record->freed_by;
        smh_line_remember(line, judge->owners, &event);
    }
}

/* The line in full, whatever it was. */
struct smh_line *smh_private_full(struct smh_judge *judge, uint16_t region_index, uint64_t index)
{
    struct smh_judge_region *region = &judge->regions[region_index];
    struct smh_line_word *word = &region->words[index];
    struct smh_line *line = smh_word_line(word);
    if (line != NULL) {
        return line;
    }
    if (judge->spare != NULL) {
        line = judge->spare;
        judge->spare = line->next_spare;
        smh_line_renew(line, region_index, index, judge->line_bytes);
    } else {
        line = smh_line_new(region_index, index, judge->line_bytes);
    }
    if ((word->tag & SMH_WORD_TABLES) != 0) {
        line->allocator_core = smh_word_core(word);
    }
    if ((word->tag & SMH_WORD_STORED) != 0) {
        replay_private(judge, line, word);
        smh_owners_release(judge->owners, smh_word_owner(word));
    }
    word->tag = (uint64_t)(uintptr_t)line | SMH_WORD_LINE;
    smh_set_bits(region->touched, index, index + 1);
    smh_set_bits(region->noted, index, index + 1);
    return line;
}

void smh_private_again(struct smh_judge *judge, struct smh_line *line)
{
    struct smh_judge_region *region = &judge->regions[line->region];
    if (!region->private_lines || line->slots != 1 ||
        (line->allocator_core != 255 && line->allocator_core != line->slot_core[0])) {
        return;
    }
    uint64_t first = line->index << judge->line_shift;
    smh_clear_bits(region->dirty, first, first + judge->line_bytes);
    smh_clear_bits(region->defined, first, first + judge->line_bytes);
    smh_clear_bits(region->noted, line->index, line->index + 1);
    struct smh_line_word *word = &region->words[line->index];
    word->tag = smh_word_private(line->slot_core[0], 0, SMH_OWNERS_NONE) |
                (line->allocator_core != 255 ? SMH_WORD_TABLES : 0);
    line->next_spare = judge->spare;
    judge->spare = line;
}

/* A store on a private or untouched line by one core; false: it stays private no longer. */
static bool store_privately(struct smh_judge *judge, const struct smh_touch *touch)
{
    struct smh_judge_region *region = touch->region;
    struct smh_line_word *word = &region->words[touch->line_index];
    uint64_t first = touch->line_index << judge->line_shift;
    uint64_t from = first + touch->event.from;
    uint64_t to = first + touch->event.to;
    uint32_t before = smh_word_owner(word);
    uint32_t owner = touch->event.owner;
    if (before != owner) {
        /* All that the owner before stored is stored over: nothing of his is left. */
        if (before != SMH_OWNERS_NONE && (smh_next_bit(region->dirty, first, from, true) < from ||
                                          smh_next_bit(region->dirty, to, first + judge->line_bytes,
                                                       true) < first + judge->line_bytes)) {
            return false;
        }
        smh_owners_release(judge->owners, before);
        smh_owners_hold(judge->owners, owner);
        if (owner == SMH_OWNERS_METADATA) {
            smh_set_bits(region->noted, touch->line_index, touch->line_index + 1);
        } else if (before == SMH_OWNERS_METADATA) {
            smh_clear_bits(region->noted, touch->line_index, touch->line_index + 1);
        }
    }
    word->tag = smh_word_private(touch->event.core, touch->event.actor, owner) |
                (word->tag & SMH_WORD_TABLES);
    word->operation = touch->event.operation;
    smh_set_bits(region->dirty, from, to);
    smh_set_bits(region->defined, from, to);
    return true;
}

/* Whether a core's access leaves the line private, and is thereby done. */
bool smh_private_touch(struct smh_judge *judge, const struct smh_touch *touch)
{
    const struct smh_line_event *event = &touch->event;
    struct smh_line_word *word = &touch->region->words[touch->line_index];
    unsigned kind = word->tag & SMH_WORD_KIND;
    if (kind == SMH_WORD_LINE || event->uncached || event->kind > SMH_LINE_STORE ||
        !touch->region->private_lines) {
        return false;
    }
    if (kind == 0) {
        word->tag = smh_word_private(event->core, event->actor, SMH_OWNERS_NONE);
        smh_set_bits(touch->region->touched, touch->line_index, touch->line_index + 1);
    } else if (smh_word_core(word) != event->core) {
        return false;
    }
    word->tag |= event->by_allocator ? SMH_WORD_TABLES : 0;
    return event->kind == SMH_LINE_LOAD || store_privately(judge, touch);
}

void smh_private_settle(struct smh_judge *judge, struct smh_judge_region *region, uint64_t index,
                        uint64_t from, uint64_t to)
{
    struct smh_line_word *word = &region->words[index];
    if (smh_word_owner(word) != SMH_OWNERS_METADATA) {
        return;
    }
    uint64_t first = index << judge->line_shift;
    uint64_t end = first + judge->line_bytes;
    smh_clear_bits(region->dirty, from > first ? from : first, to < end ? to : end);
    if (smh_next_bit(region->dirty, first, end, true) == end) {
        word->tag = smh_word_private(smh_word_core(word), 0, SMH_OWNERS_NONE) |
                    (word->tag & SMH_WORD_TABLES);
        smh_clear_bits(region->noted, index, index + 1);
    }
}
