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

/* Whether the allocator left nothing dirty there, and others did. */
static inline bool is_settled(const struct smh_line *line)
{
    bool settled = line->dirt_count > 0;
    for (size_t i = 0; i < line->dirt_count; i++) {
        settled &= line->dirt[i].owner != SMH_OWNERS_METADATA;
    }
    return settled;
}

/* The same of a line that several cores may have touched, or that may be settled. */
static __attribute__((noinline)) void change_further(struct smh_judge *judge, struct smh_line *line,
                                                     const struct smh_line_event *how,
                                                     struct smh_line_part part, bool settles)
{
    struct smh_touch touch = {
        .event = *how, .region = &judge->regions[line->region], .region_index = line->region};
    smh_touch_narrow(&touch, line->index, part);
    if (!line->solo) {
        smh_touch_apply(judge, line, &touch.event);
        if (line->suspects != NULL) {
            smh_classify_suspects(judge, line, &touch);
        }
    }
    if (settles) {
        settle(judge, line, &touch.event);
    }
    smh_touch_tidy(judge, line);
}

/* What this part of a line in full holds is undefined from now on. */
static inline void change_line(struct smh_judge *judge, struct smh_line *line,
                               const struct smh_line_event *how, struct smh_line_part part,
                               bool settles)
{
    if (line->solo) {
        line->defined &= ~smh_line_mask(part);
        smh_line_remember_solo(line, judge->owners, how, part);
        if (!settles || is_settled(line)) {
            return;
        }
    }
    change_further(judge, line, how, part, settles);
}

/* Lines `lines` of those that begin with first_line: `noted` tells of them. */
static inline void change_lines(struct smh_judge *judge, struct smh_judge_region *region,
                                const struct smh_line_event *how, uint64_t lines,
                                uint64_t first_line, uint64_t from, uint64_t to, bool settles)
{
    for (; lines != 0; lines &= lines - 1) {
        uint64_t index = first_line + (unsigned)__builtin_ctzll(lines);
        struct smh_line *line = smh_word_line(&region->words[index]);
        uint64_t rest = lines & (lines - 1);
        if (rest != 0) {
            uint64_t next = first_line + (unsigned)__builtin_ctzll(rest);
            __builtin_prefetch(smh_word_line(&region->words[next]));
        }
        if (line != NULL) {
            change_line(judge, line, how, smh_judge_part(judge, index, from, to), settles);
        } else if (settles && smh_word_owner(&region->words[index]) == SMH_OWNERS_METADATA) {
            smh_private_settle(judge, region, index, from, to);
        }
    }
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
    uint64_t first = from >> judge->line_shift;
    uint64_t last = (to - 1) >> judge->line_shift;
    for (uint64_t word = first / 64; word <= last / 64; word++) {
        uint64_t lines = region->touched[word] & smh_bits_in_word(word, first, last + 1);
        if (lines != 0) {
            uint64_t begin = word * 64 << judge->line_shift;
            uint64_t end = (word + 1) * 64 << judge->line_shift;
            smh_clear_bits(region->defined, from > begin ? from : begin, to < end ? to : end);
            change_lines(judge, region, how, lines & region->noted[word], word * 64, from, to,
                         settles);
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

void smh_judge_foresee(const struct smh_judge *judge, uint16_t region, uint64_t offset, bool sooner)
{
    const struct smh_judge_region *judged = &judge->regions[region];
    if (judged->words == NULL) {
        return;
    }
    const struct smh_line_word *word = &judged->words[(offset + judged->skew) >> judge->line_shift];
    smh_owners_foresee(judge->owners, region, offset, sooner);
    if (sooner) {
        const struct smh_line *line = smh_word_line(word);
        __builtin_prefetch(line);
    } else {
        __builtin_prefetch(word);
    }
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
