/* touch.c: an access as it meets one line. */
#include "judge_state.h"

#include "../error.h"

#include <stdlib.h>
#include <string.h>

/* --- an access on one line -----------------------------------------------------------------------
 */

void smh_touch_apply(struct smh_judge *judge, struct smh_line *line,
                     const struct smh_line_event *event)
{
    smh_line_apply(line, judge->regions[line->region].states, event, NULL);
    smh_line_remember(line, judge->owners, event);
}

static void list_pending(struct smh_judge *judge, struct smh_line *line, uint8_t core)
{
    if (core >= 64 || (line->pending_listed >> core & 1u) != 0) {
        return;
    }
    line->pending_listed |= (uint64_t)1 << core;
    struct smh_line_list *list = &judge->pending[core];
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 64 : list->capacity * 2;
        list->lines = smh_must_resize(list->lines, list->capacity, sizeof(struct smh_line *));
    }
    list->lines[list->count++] = line;
}

/* Between cores the port keeps the allocator's tables coherent: what an allocator on another core
 * touched has been written back there and is dropped here (DESIGN.md). Both are things that
 * hardware may do anyway, so that nothing goes wrong by them. */
static void hand_over_allocator(struct smh_judge *judge, struct smh_line *line,
                                const struct smh_line_event *event)
{
    if (!event->by_allocator) {
        return;
    }
    uint8_t before = line->allocator_core;
    line->allocator_core = event->core;
    if (before == 255 || before == event->core) {
        return;
    }
    struct smh_line_event flush = {
        .operation = event->operation,
        .owner = SMH_OWNERS_METADATA,
        .to = (uint16_t)judge->line_bytes,
        .kind = SMH_LINE_FLUSH,
        .core = before,
        .by_allocator = true,
    };
    smh_touch_apply(judge, line, &flush);
    flush.core = event->core;
    smh_touch_apply(judge, line, &flush);
    smh_line_remove_dirt(line, judge->owners, before);
    smh_line_remove_dirt(line, judge->owners, event->core);
}

static void note_dirt(struct smh_judge *judge, struct smh_line *line, const struct smh_touch *touch)
{
    const struct smh_line_event *event = &touch->event;
    if (event->kind == SMH_LINE_STORE) {
        if (smh_line_is_dirty(line, touch->region->states, SMH_STATES_SLOTS)) {
            struct smh_line_dirt dirt = {.owner = event->owner,
                                         .from = event->from,
                                         .to = event->to,
                                         .core = event->core,
                                         .uncached = event->uncached};
            smh_line_add_dirt(line, judge->owners, &dirt);
        }
    } else if (event->kind >= SMH_LINE_CLEAN && event->kind <= SMH_LINE_FLUSH && !event->skipped) {
        smh_line_remove_dirt(line, judge->owners, event->core);
    }
}

/* Once nothing of the past matters, the past is forgotten. */
void smh_touch_tidy(struct smh_judge *judge, struct smh_line *line)
{
    struct smh_states *states = judge->regions[line->region].states;
    if (line->event_count > 0 && line->suspects == NULL && smh_line_is_pristine(line, states)) {
        smh_line_forget_events(line, judge->owners);
        smh_line_remove_dirt(line, judge->owners, 255);
        smh_private_again(judge, line);
    }
}

void smh_touch_line(struct smh_judge *judge, const struct smh_touch *touch)
{
    const struct smh_line_event *event = &touch->event;
    struct smh_line_word *word = &touch->region->words[touch->line_index];
    struct smh_line *line = smh_word_line(word);
    if (line != NULL && smh_line_is_solo_of(line, event) && touch->region->private_lines) {
        struct smh_line_part part = {event->from, event->to};
        smh_touch_solo(judge, line, event, part);
        return;
    }
    if (smh_private_touch(judge, touch)) {
        return;
    }
    if ((word->tag & SMH_WORD_KIND) == 0 &&
        ((event->kind >= SMH_LINE_CLEAN && event->kind <= SMH_LINE_FLUSH) ||
         event->kind == SMH_LINE_DMA_READ)) {
        return; /* of a line that nobody has touched: nothing comes of it */
    }
    line = smh_private_full(judge, touch->region_index, touch->line_index);
    if (line->given_up) {
        return;
    }
    hand_over_allocator(judge, line, event);
    judge->effect.wrong_count = 0;
    smh_line_apply(line, touch->region->states, event, &judge->effect);
    if (line->given_up) {
        judge->given_up++;
        return;
    }
    bool stores = event->kind == SMH_LINE_STORE;
    if (stores) {
        note_dirt(judge, line, touch);
    }
    if (event->kind == SMH_LINE_STORE && !touch->region->private_lines) {
        list_pending(judge, line, event->core);
    }
    if (line->suspects != NULL) {
        smh_classify_suspects(judge, line, touch);
    }
    if (judge->effect.wrong_count > 0) {
        smh_classify(judge, line, touch);
    }
    if (!stores) {
        note_dirt(judge, line, touch);
    }
    if (event->kind != SMH_LINE_LOAD && event->kind != SMH_LINE_DMA_READ) {
        smh_line_remember(line, judge->owners, event);
        if (stores && touch->region->private_lines) {
            smh_line_fold(line, touch->region->states);
        }
        smh_touch_tidy(judge, line);
    }
}
