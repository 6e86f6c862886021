/* hands.c: blocks that are handed out, resized and freed. */
#include "judge_state.h"

#include "../error.h"

#include <stdlib.h>
#include <string.h>

/* --- hand-outs and frees -------------------------------------------------------------------------
 */

/* The port has written back and dropped what the allocator alone left dirty in [from, to). */
static void settle(struct smh_judge *judge, struct smh_line *line,
                   const struct smh_line_event *event)
{
    struct smh_states *states = judge->regions[line->region].states;
    if (line->dirt_count == 0 ||
        smh_line_settle_dirt(line, judge->owners, event->from, event->to) ||
        !smh_line_is_dirty(line, states, SMH_STATES_SLOTS)) {
        return;
    }
    struct smh_line_event settled = {.operation = event->operation,
                                     .owner = SMH_OWNERS_METADATA,
                                     .from = event->from,
                                     .to = event->to,
                                     .kind = SMH_LINE_SETTLE,
                                     .by_allocator = true};
    smh_touch_apply(judge, line, &settled);
}

/* What [offset, offset + bytes) holds is undefined from now on. */
static void change_hands(struct smh_judge *judge, uint16_t region_index, uint64_t offset,
                         uint64_t bytes, const struct smh_line_event *how)
{
    struct smh_judge_region *region = &judge->regions[region_index];
    if (region->states == NULL || bytes == 0 || (judge->off & SMH_RULE_UNDEFINED) != 0) {
        return;
    }
    bool settles = how->kind == SMH_LINE_HAND_OUT && !judge->scenario->machine.dirty_hand_out;
    uint64_t from = offset + region->skew;
    uint64_t to = from + bytes;
    struct smh_touch touch = {.event = *how, .region = region, .region_index = region_index};
    smh_clear_bits(region->defined, from, to);
    uint64_t last = (to - 1) >> judge->line_shift;
    for (uint64_t index = from >> judge->line_shift; index <= last; index++) {
        unsigned kind = region->words[index].tag & SMH_WORD_KIND;
        if (kind == SMH_WORD_PRIVATE && settles) {
            smh_private_settle(judge, region, index, from, to);
        } else if (kind == SMH_WORD_LINE) {
            struct smh_line *line = smh_word_line(&region->words[index]);
            smh_touch_narrow(judge, &touch, index, from, to);
            smh_touch_apply(judge, line, &touch.event);
            if (line->suspects != NULL) {
                smh_classify_suspects(judge, line, &touch);
            }
            if (settles) {
                settle(judge, line, &touch.event);
            }
            smh_touch_tidy(judge, line);
        }
    }
}

static void record(struct smh_judge *judge, int what, const struct smh_owner *owner,
                   uint64_t reserved)
{
    if (judge->program != NULL) {
        struct smh_program_event event = {.owner = *owner, .reserved = reserved};
        event.what = what == SMH_PROGRAM_HAND_OUT ? SMH_PROGRAM_HAND_OUT : SMH_PROGRAM_RESIZE;
        smh_program_add(judge->program, &event);
    }
}

static void hand_out(struct smh_judge *judge, const struct smh_owner *owner, uint64_t reserved)
{
    judge->recent.to = 0;
    uint32_t number = smh_owners_add(judge->owners, owner, reserved);
    struct smh_line_event how = {.operation = owner->operation,
                                 .site = owner->site,
                                 .owner = number,
                                 .actor = owner->actor,
                                 .kind = SMH_LINE_HAND_OUT};
    change_hands(judge, owner->region, owner->offset, reserved, &how);
}

void smh_judge_hand_out(struct smh_judge *judge, const struct smh_owner *owner, uint64_t reserved)
{
    record(judge, SMH_PROGRAM_HAND_OUT, owner, reserved);
    hand_out(judge, owner, reserved);
}

void smh_judge_free(struct smh_judge *judge, uint16_t region, uint64_t offset, uint64_t operation)
{
    if (judge->program != NULL) {
        struct smh_program_event event = {
            .what = SMH_PROGRAM_FREE,
            .access = {.operation = operation, .region = region, .offset = offset}};
        smh_program_add(judge->program, &event);
    }
    judge->recent.to = 0;
    uint32_t number = smh_owners_remove(judge->owners, region, offset, operation);
    if (number == SMH_OWNERS_NONE) {
        return;
    }
    const struct smh_owner_record *record = smh_owners_get(judge->owners, number);
    struct smh_line_event how = {.operation = operation,
                                 .owner = number,
                                 .actor = record->owner.actor,
                                 .kind = SMH_LINE_FREE};
    change_hands(judge, region, offset, record->reserved, &how);
    smh_owners_release(judge->owners, number);
}

void smh_judge_resize(struct smh_judge *judge, const struct smh_owner *owner, uint64_t reserved)
{
    record(judge, SMH_PROGRAM_RESIZE, owner, reserved);
    judge->recent.to = 0;
    uint32_t number = smh_owners_at(judge->owners, owner->region, owner->offset);
    if (number == SMH_OWNERS_NONE) {
        hand_out(judge, owner, reserved);
        return;
    }
    struct smh_owner_record before = *smh_owners_get(judge->owners, number);
    smh_owners_resize(judge->owners, number, owner, reserved);
    bool grows = owner->bytes > before.owner.bytes;
    struct smh_line_event how = {.operation = owner->operation,
                                 .owner = number,
                                 .actor = owner->actor,
                                 .kind = grows ? SMH_LINE_HAND_OUT : SMH_LINE_FREE};
    uint64_t from = grows ? before.owner.bytes : owner->bytes;
    uint64_t to = reserved < before.reserved ? before.reserved : reserved;
    change_hands(judge, owner->region, owner->offset + from, to - from, &how);
}
