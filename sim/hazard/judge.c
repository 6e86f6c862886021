/* judge.c: the door of the judge, and the way of an access to its lines. See judge.h. */
#include "judge.h"

#include "../error.h"
#include "judge_state.h"

#include <stdlib.h>
#include <string.h>

/* --- opening ------------------------------------------------------------------------------------- */

static struct smh_regime regime_of(const struct smh_machine_config *machine,
                                   const struct smh_region_config *region)
{
    bool cached = region->cache != SMH_CACHE_NONE;
    bool through = region->cache == SMH_CACHE_WRITE_THROUGH;
    struct smh_regime regime = {
        .l1 = cached && machine->l1.size_bytes != 0,
        .l1_through = through || machine->l1.policy == SMH_CACHE_WRITE_THROUGH,
        .l1_allocate = machine->l1.write_allocate,
        .l2 = cached && machine->l2.size_bytes != 0,
        .l2_through = through || machine->l2.policy == SMH_CACHE_WRITE_THROUGH,
        .l2_allocate = machine->l2.write_allocate,
        .buffer = machine->store_buffer != 0,
        .cores = machine->cores,
    };
    return regime;
}

static bool same_regime(const struct smh_regime *a, const struct smh_regime *b)
{
    return a->l1 == b->l1 && a->l1_through == b->l1_through && a->l1_allocate == b->l1_allocate &&
           a->l2 == b->l2 && a->l2_through == b->l2_through && a->l2_allocate == b->l2_allocate &&
           a->buffer == b->buffer && a->cores == b->cores;
}

/* Regions that caches treat alike share the sets. NULL: nothing can go wrong. */
static struct smh_states *states_for(struct smh_judge *judge, const struct smh_regime *regime)
{
    if (!regime->l1 && !regime->l2 && !regime->buffer) {
        return NULL;
    }
    for (size_t i = 0; i < judge->regime_count; i++) {
        if (same_regime(smh_states_regime(judge->regimes[i]), regime)) {
            return judge->regimes[i];
        }
    }
    judge->regimes[judge->regime_count] = smh_states_open(regime);
    return judge->regimes[judge->regime_count++];
}

static void open_region(struct smh_judge *judge, size_t index, uint64_t size)
{
    const struct smh_machine_config *machine = &judge->scenario->machine;
    struct smh_regime regime = regime_of(machine, &machine->regions[index]);
    struct smh_judge_region *region = &judge->regions[index];
    region->states = states_for(judge, &regime);
    region->size = size;
    region->skew = machine->regions[index].base & (judge->line_bytes - 1);
    region->line_count = (region->skew + size + judge->line_bytes - 1) >> judge->line_shift;
    region->private_lines = !regime.buffer;
    if (region->states != NULL) {
        size_t words = (size_t)((region->line_count << judge->line_shift) / 64 + 1);
        region->words = smh_must_allocate((size_t)region->line_count, sizeof(*region->words));
        region->defined = smh_must_allocate(words, sizeof(uint64_t));
        region->dirty = smh_must_allocate(words, sizeof(uint64_t));
    }
}

struct smh_judge *smh_judge_open(const struct smh_scenario *scenario, const uint64_t sizes[],
                                 struct smh_error *error)
{
    (void)error;
    struct smh_judge *judge = smh_must_allocate(1, sizeof(*judge));
    judge->scenario = scenario;
    judge->line_bytes = scenario->machine.line_bytes;
    judge->line_shift = (unsigned)__builtin_ctz(judge->line_bytes);
    judge->cores = scenario->machine.cores;
    judge->region_count = scenario->machine.region_count;
    judge->regions = smh_must_allocate(judge->region_count, sizeof(*judge->regions));
    judge->pending = smh_must_allocate(256, sizeof(*judge->pending));
    judge->owners = smh_owners_open(sizes, judge->region_count);
    judge->hazards = smh_must_allocate(SMH_HAZARDS_LISTED, sizeof(*judge->hazards));
    for (size_t i = 0; i < judge->region_count; i++) {
        open_region(judge, i, sizes[i]);
    }
    return judge;
}

static struct smh_line *line_of(const struct smh_line_word *word)
{
    return (word->tag & SMH_WORD_KIND) == SMH_WORD_LINE
               ? (struct smh_line *)(uintptr_t)(word->tag & ~(uint64_t)SMH_WORD_KIND)
               : NULL;
}

void smh_judge_close(struct smh_judge *judge)
{
    if (judge == NULL) {
        return;
    }
    for (size_t i = 0; i < judge->region_count; i++) {
        struct smh_judge_region *region = &judge->regions[i];
        for (uint64_t j = 0; region->states != NULL && j < region->line_count; j++) {
            struct smh_line *line = line_of(&region->words[j]);
            if (line != NULL) {
                smh_line_free(line, NULL);
            }
        }
        free(region->words);
        free(region->defined);
        free(region->dirty);
    }
    for (size_t i = 0; i < judge->regime_count; i++) {
        smh_states_close(judge->regimes[i]);
    }
    for (size_t i = 0; i < 256; i++) {
        free(judge->pending[i].lines);
    }
    for (size_t i = 0; i < judge->hazard_count; i++) {
        free(judge->hazards[i].explanation);
        free(judge->hazards[i].advice);
        free(judge->hazards[i].drawing);
    }
    smh_owners_close(judge->owners);
    free(judge->effect.wrong);
    free(judge->hazards);
    free(judge->keys);
    free(judge->pending);
    free(judge->regions);
    free(judge);
}

size_t smh_judge_hazard_count(const struct smh_judge *judge)
{
    return judge->hazard_count;
}

const struct smh_hazard *smh_judge_hazard_at(struct smh_judge *judge, size_t index)
{
    return &judge->hazards[index];
}

uint64_t smh_judge_unlisted(const struct smh_judge *judge)
{
    return judge->unlisted;
}

uint64_t smh_judge_lines_given_up(const struct smh_judge *judge)
{
    return judge->given_up;
}

void smh_judge_switch_off(struct smh_judge *judge, unsigned rules)
{
    judge->off = rules;
    for (size_t i = 0; i < judge->regime_count; i++) {
        smh_states_switch_off(judge->regimes[i], rules);
    }
}

/* --- bits ---------------------------------------------------------------------------------------- */

static void set_bits(uint64_t *bits, uint64_t from, uint64_t to)
{
    while (from < to) {
        uint64_t end = (from / 64 + 1) * 64 < to ? (from / 64 + 1) * 64 : to;
        uint64_t count = end - from;
        bits[from / 64] |= (count == 64 ? UINT64_MAX : ((uint64_t)1 << count) - 1) << from % 64;
        from = end;
    }
}

static void clear_bits(uint64_t *bits, uint64_t from, uint64_t to)
{
    while (from < to) {
        uint64_t end = (from / 64 + 1) * 64 < to ? (from / 64 + 1) * 64 : to;
        uint64_t count = end - from;
        bits[from / 64] &=
            ~((count == 64 ? UINT64_MAX : ((uint64_t)1 << count) - 1) << from % 64);
        from = end;
    }
}

/* The first bit in [from, to) that is `value`; to: none. */
static uint64_t next_bit(const uint64_t *bits, uint64_t from, uint64_t to, bool value)
{
    while (from < to) {
        uint64_t word = (value ? bits[from / 64] : ~bits[from / 64]) >> from % 64;
        if (word != 0) {
            uint64_t found = from + (unsigned)__builtin_ctzll(word);
            return found < to ? found : to;
        }
        from = (from / 64 + 1) * 64;
    }
    return to;
}

/* --- private lines ------------------------------------------------------------------------------- */

static uint8_t core_of(const struct smh_line_word *word)
{
    return (uint8_t)(word->tag >> 2);
}

static uint32_t owner_of(const struct smh_line_word *word)
{
    return (uint32_t)(word->tag >> 32);
}

static uint64_t private_tag(uint8_t core, uint16_t actor, uint32_t owner)
{
    return SMH_WORD_PRIVATE | (uint64_t)core << 2 |
           (owner != SMH_OWNERS_NONE ? SMH_WORD_STORED : 0) | (uint64_t)actor << 16 |
           (uint64_t)owner << 32;
}

static void apply_and_remember(struct smh_judge *judge, struct smh_line *line,
                               const struct smh_line_event *event)
{
    smh_line_apply(line, judge->regions[line->region].states, event, NULL);
    smh_line_remember(line, judge->owners, event);
}

/* What a private line's core has stored, as one event. */
static void replay_private(struct smh_judge *judge, struct smh_line *line,
                           const struct smh_line_word *word)
{
    struct smh_judge_region *region = &judge->regions[line->region];
    uint64_t first = line->index << judge->line_shift;
    uint64_t end = first + judge->line_bytes;
    uint64_t from = next_bit(region->dirty, first, end, true);
    uint64_t to = from;
    for (uint64_t at = from; at < end;) {
        to = next_bit(region->dirty, at, end, false);
        at = next_bit(region->dirty, to, end, true);
    }
    struct smh_line_event event = {
        .operation = word->operation,
        .owner = owner_of(word),
        .actor = (uint16_t)(word->tag >> 16),
        .kind = SMH_LINE_STORE,
        .core = core_of(word),
        .by_allocator = owner_of(word) == SMH_OWNERS_METADATA,
    };
    smh_line_apply(line, region->states, &event, NULL);
    for (uint64_t at = next_bit(region->defined, from, to, true); at < to;) {
        uint64_t stop = next_bit(region->defined, at, to, false);
        event.from = (uint16_t)(at - first);
        event.to = (uint16_t)(stop - first);
        smh_line_apply(line, region->states, &event, NULL);
        at = next_bit(region->defined, stop, to, true);
    }
    event.from = (uint16_t)(from - first);
    event.to = (uint16_t)(to - first);
    smh_line_remember(line, judge->owners, &event);
    if (smh_line_is_dirty(line, region->states, SMH_STATES_SLOTS)) {
        struct smh_line_dirt dirt = {
            .owner = event.owner, .from = event.from, .to = event.to, .core = event.core};
        smh_line_add_dirt(line, judge->owners, &dirt);
    }
    line->allocator_core = event.by_allocator ? event.core : 255;
}

/* The line in full, whatever it was. */
static struct smh_line *full_line(struct smh_judge *judge, uint16_t region_index, uint64_t index)
{
    struct smh_judge_region *region = &judge->regions[region_index];
    struct smh_line_word *word = &region->words[index];
    struct smh_line *line = line_of(word);
    if (line != NULL) {
        return line;
    }
    line = smh_line_new(region_index, index, judge->line_bytes);
    if ((word->tag & SMH_WORD_STORED) != 0) {
        replay_private(judge, line, word);
        smh_owners_release(judge->owners, owner_of(word));
    }
    word->tag = (uint64_t)(uintptr_t)line | SMH_WORD_LINE;
    return line;
}

/* A store on a private or untouched line by one core; false: it stays private no longer. */
static bool store_privately(struct smh_judge *judge, const struct smh_touch *touch)
{
    struct smh_judge_region *region = touch->region;
    struct smh_line_word *word = &region->words[touch->line_index];
    uint64_t first = touch->line_index << judge->line_shift;
    uint64_t from = first + touch->event.from;
    uint64_t to = first + touch->event.to;
    uint32_t before = owner_of(word);
    uint32_t owner = touch->event.owner;
    if (before != owner) {
        /* All that the owner before stored is stored over: nothing of his is left. */
        if (before != SMH_OWNERS_NONE &&
            (next_bit(region->dirty, first, from, true) < from ||
             next_bit(region->dirty, to, first + judge->line_bytes, true) <
                 first + judge->line_bytes)) {
            return false;
        }
        smh_owners_release(judge->owners, before);
        smh_owners_hold(judge->owners, owner);
    }
    word->tag = private_tag(touch->event.core, touch->event.actor, owner);
    word->operation = touch->event.operation;
    set_bits(region->dirty, from, to);
    set_bits(region->defined, from, to);
    return true;
}

/* Whether a core's access leaves the line private, and is thereby done. */
static bool touch_privately(struct smh_judge *judge, const struct smh_touch *touch)
{
    const struct smh_line_event *event = &touch->event;
    struct smh_line_word *word = &touch->region->words[touch->line_index];
    unsigned kind = word->tag & SMH_WORD_KIND;
    if (kind == SMH_WORD_LINE || event->uncached || event->kind > SMH_LINE_STORE ||
        !touch->region->private_lines) {
        return false;
    }
    if (kind == 0) {
        word->tag = private_tag(event->core, event->actor, SMH_OWNERS_NONE);
    } else if (core_of(word) != event->core) {
        return false;
    }
    return event->kind == SMH_LINE_LOAD || store_privately(judge, touch);
}

/* --- an access on one line ----------------------------------------------------------------------- */

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
    apply_and_remember(judge, line, &flush);
    flush.core = event->core;
    apply_and_remember(judge, line, &flush);
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
static void tidy(struct smh_judge *judge, struct smh_line *line)
{
    struct smh_states *states = judge->regions[line->region].states;
    if (line->event_count > 0 && line->suspects == NULL && smh_line_is_pristine(line, states)) {
        smh_line_forget_events(line, judge->owners);
        smh_line_remove_dirt(line, judge->owners, 255);
    }
}

static void touch_line(struct smh_judge *judge, const struct smh_touch *touch)
{
    const struct smh_line_event *event = &touch->event;
    struct smh_line_word *word = &touch->region->words[touch->line_index];
    if (touch_privately(judge, touch)) {
        return;
    }
    if ((word->tag & SMH_WORD_KIND) == 0 &&
        ((event->kind >= SMH_LINE_CLEAN && event->kind <= SMH_LINE_FLUSH) ||
         event->kind == SMH_LINE_DMA_READ)) {
        return; /* of a line that nobody has touched: nothing comes of it */
    }
    struct smh_line *line = full_line(judge, touch->region_index, touch->line_index);
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
    note_dirt(judge, line, touch);
    if (event->kind == SMH_LINE_STORE && !touch->region->private_lines) {
        list_pending(judge, line, event->core);
    }
    if (line->suspects != NULL) {
        smh_classify_suspects(judge, line, touch);
    }
    if (judge->effect.wrong_count > 0) {
        smh_classify(judge, line, touch);
    }
    if (event->kind != SMH_LINE_LOAD && event->kind != SMH_LINE_DMA_READ) {
        smh_line_remember(line, judge->owners, event);
        tidy(judge, line);
    }
}

/* --- an access on its range ---------------------------------------------------------------------- */

static uint32_t lookup(struct smh_judge *judge, uint16_t region, uint64_t offset)
{
    if (judge->recent.region == region && offset >= judge->recent.from &&
        offset < judge->recent.to) {
        return judge->recent.number;
    }
    uint32_t number = smh_owners_at(judge->owners, region, offset);
    if (number == SMH_OWNERS_NONE) {
        return SMH_OWNERS_NOBODY;
    }
    const struct smh_owner_record *record = smh_owners_get(judge->owners, number);
    judge->recent.region = region;
    judge->recent.from = record->owner.offset;
    judge->recent.to = record->owner.offset + record->reserved;
    judge->recent.number = number;
    return number;
}

static struct smh_touch touch_of(struct smh_judge *judge, const struct smh_access *access,
                                 uint32_t owner)
{
    struct smh_touch touch = {
        .event = {.operation = access->operation,
                  .owner = owner,
                  .actor = access->actor,
                  .kind = access->kind,
                  .core = access->core,
                  .uncached = access->uncached && (access->kind == SMH_ACCESS_LOAD ||
                                                   access->kind == SMH_ACCESS_STORE),
                  .by_allocator = access->by_allocator},
        .region = &judge->regions[access->region],
        .region_index = access->region,
    };
    return touch;
}

/* Narrows the touch to line `index`: its part of [from, to), which are offset + skew. */
static void narrow(const struct smh_judge *judge, struct smh_touch *touch, uint64_t index,
                   uint64_t from, uint64_t to)
{
    uint64_t first = index << judge->line_shift;
    uint64_t end = first + judge->line_bytes;
    touch->line_index = index;
    bool apart = to <= first || from >= end;
    touch->event.from = (uint16_t)(apart || from < first ? 0 : from - first);
    touch->event.to = (uint16_t)(apart ? 0 : (to < end ? to : end) - first);
}

static void touch_range(struct smh_judge *judge, struct smh_touch *touch,
                        const struct smh_access *access)
{
    uint64_t from = access->offset + touch->region->skew;
    uint64_t to = from + access->bytes;
    uint64_t last = (to - 1) >> judge->line_shift;
    for (uint64_t index = from >> judge->line_shift; index <= last; index++) {
        narrow(judge, touch, index, from, to);
        touch_line(judge, touch);
    }
}

/* Maintenance by a driver that believes in lines of another size: one line is maintained for each
 * step of the range, rounded outwards to steps; lines between are passed over. */
static void touch_steps(struct smh_judge *judge, struct smh_touch *touch,
                        const struct smh_access *access)
{
    const struct smh_region_config *config =
        &judge->scenario->machine.regions[access->region];
    uint64_t skew = touch->region->skew;
    uint64_t from = access->offset + skew;
    uint64_t to = from + access->bytes;
    /* offset + skew counts from an address that is a multiple of the line. */
    uint64_t origin = (config->base - skew) & (access->step - 1);
    uint64_t start = (from + origin) & ~(uint64_t)(access->step - 1);
    uint64_t end = to + origin;
    uint64_t done = UINT64_MAX;
    touch->event.wrong_step = true;
    for (uint64_t at = start; at < end; at += access->step) {
        uint64_t index = at < origin ? 0 : (at - origin) >> judge->line_shift;
        if (at < origin || index == done || index >= touch->region->line_count) {
            continue;
        }
        for (uint64_t skipped = done == UINT64_MAX ? from >> judge->line_shift : done + 1;
             skipped < index; skipped++) {
            narrow(judge, touch, skipped, from, to);
            touch->event.skipped = true;
            touch_line(judge, touch);
        }
        narrow(judge, touch, index, from, to);
        touch->event.skipped = false;
        touch_line(judge, touch);
        done = index;
    }
    for (uint64_t skipped = done == UINT64_MAX ? from >> judge->line_shift : done + 1;
         skipped <= (to - 1) >> judge->line_shift; skipped++) {
        narrow(judge, touch, skipped, from, to);
        touch->event.skipped = true;
        touch_line(judge, touch);
    }
}

static void barrier(struct smh_judge *judge, const struct smh_access *access)
{
    struct smh_line_list *list = &judge->pending[access->core];
    for (size_t i = 0; i < list->count; i++) {
        struct smh_line *line = list->lines[i];
        struct smh_states *states = judge->regions[line->region].states;
        struct smh_line_event event = {.operation = access->operation,
                                       .owner = SMH_OWNERS_NOBODY,
                                       .actor = access->actor,
                                       .kind = SMH_LINE_BARRIER,
                                       .core = access->core};
        line->pending_listed &= ~((uint64_t)1 << access->core);
        apply_and_remember(judge, line, &event);
        if (!line->given_up && !smh_line_is_dirty(line, states, SMH_STATES_SLOTS)) {
            smh_line_remove_dirt(line, judge->owners, 255);
        }
    }
    list->count = 0;
}

/* A device is given what it cannot reach, or a stack: nothing is known about what it then does. */
static bool is_out_of_reach(struct smh_judge *judge, const struct smh_access *access,
                            uint32_t owner)
{
    if (access->kind != SMH_ACCESS_DMA_READ && access->kind != SMH_ACCESS_DMA_WRITE) {
        return false;
    }
    if (!judge->scenario->machine.regions[access->region].dma_unreachable &&
        smh_owners_get(judge->owners, owner)->owner.kind != SMH_OWNER_STACK) {
        return false;
    }
    struct smh_judge_region *region = &judge->regions[access->region];
    struct smh_touch touch = touch_of(judge, access, owner);
    uint64_t from = access->offset + region->skew;
    narrow(judge, &touch, from >> judge->line_shift, from, from + access->bytes);
    struct smh_finding finding = {.event = touch.event,
                                  .victim = owner,
                                  .culprit = owner,
                                  .region = access->region,
                                  .hazard_class = SMH_HAZARD_H10};
    set_bits(finding.bytes, touch.event.from, touch.event.to);
    struct smh_line stand_in = {.region = access->region, .index = from >> judge->line_shift};
    finding.line = &stand_in;
    smh_report(judge, &finding);
    return true;
}

/* The common case: one core, one line, private and of the same owner. */
static bool is_done_at_once(struct smh_judge *judge, struct smh_judge_region *region,
                            const struct smh_access *access)
{
    uint64_t from = access->offset + region->skew;
    uint64_t to = from + access->bytes;
    const uint64_t index = from >> judge->line_shift;
    struct smh_line_word *word = &region->words[index];
    if (index != (to - 1) >> judge->line_shift ||
        (word->tag & 0x3FF) != (SMH_WORD_PRIVATE | (uint64_t)access->core << 2) ||
        access->uncached) {
        return false;
    }
    if (access->kind == SMH_ACCESS_LOAD) {
        return true;
    }
    if (access->kind != SMH_ACCESS_STORE || from / 64 != (to - 1) / 64) {
        return false;
    }
    uint32_t owner = access->by_allocator ? SMH_OWNERS_METADATA
                                          : lookup(judge, access->region, access->offset);
    if (owner_of(word) != owner) {
        return false;
    }
    uint64_t mask = (access->bytes == 64 ? UINT64_MAX : ((uint64_t)1 << access->bytes) - 1)
                    << from % 64;
    region->dirty[from / 64] |= mask;
    region->defined[from / 64] |= mask;
    word->operation = access->operation;
    return true;
}

void smh_judge_access(struct smh_judge *judge, const struct smh_access *access)
{
    if (access->kind == SMH_ACCESS_BARRIER) {
        barrier(judge, access);
        return;
    }
    struct smh_judge_region *region = &judge->regions[access->region];
    if (region->states != NULL && is_done_at_once(judge, region, access)) {
        return;
    }
    uint32_t owner = access->by_allocator ? SMH_OWNERS_METADATA
                                          : lookup(judge, access->region, access->offset);
    if (is_out_of_reach(judge, access, owner) || region->states == NULL) {
        return;
    }
    struct smh_touch touch = touch_of(judge, access, owner);
    bool maintains = access->kind >= SMH_ACCESS_CLEAN && access->kind <= SMH_ACCESS_FLUSH;
    if (maintains && access->step != 0 && access->step != judge->line_bytes) {
        touch_steps(judge, &touch, access);
    } else {
        touch_range(judge, &touch, access);
    }
}

/* --- hand-outs and frees ------------------------------------------------------------------------- */

/* The port has written back and dropped what the allocator alone left dirty in [from, to). */
static void settle(struct smh_judge *judge, struct smh_line *line,
                   const struct smh_line_event *event)
{
    struct smh_states *states = judge->regions[line->region].states;
    if (line->dirt_count == 0 || smh_line_settle_dirt(line, judge->owners, event->from, event->to) ||
        !smh_line_is_dirty(line, states, SMH_STATES_SLOTS)) {
        return;
    }
    struct smh_line_event settled = {.operation = event->operation,
                                     .owner = SMH_OWNERS_METADATA,
                                     .from = event->from,
                                     .to = event->to,
                                     .kind = SMH_LINE_SETTLE,
                                     .by_allocator = true};
    apply_and_remember(judge, line, &settled);
}

static void settle_private(struct smh_judge *judge, struct smh_judge_region *region,
                           uint64_t index, uint64_t from, uint64_t to)
{
    struct smh_line_word *word = &region->words[index];
    if (owner_of(word) != SMH_OWNERS_METADATA) {
        return;
    }
    uint64_t first = index << judge->line_shift;
    uint64_t end = first + judge->line_bytes;
    clear_bits(region->dirty, from > first ? from : first, to < end ? to : end);
    if (next_bit(region->dirty, first, end, true) == end) {
        word->tag = private_tag(core_of(word), 0, SMH_OWNERS_NONE);
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
    bool settles =
        how->kind == SMH_LINE_HAND_OUT && !judge->scenario->machine.dirty_hand_out;
    uint64_t from = offset + region->skew;
    uint64_t to = from + bytes;
    struct smh_touch touch = {.event = *how, .region = region, .region_index = region_index};
    clear_bits(region->defined, from, to);
    uint64_t last = (to - 1) >> judge->line_shift;
    for (uint64_t index = from >> judge->line_shift; index <= last; index++) {
        unsigned kind = region->words[index].tag & SMH_WORD_KIND;
        if (kind == SMH_WORD_PRIVATE && settles) {
            settle_private(judge, region, index, from, to);
        } else if (kind == SMH_WORD_LINE) {
            struct smh_line *line = line_of(&region->words[index]);
            narrow(judge, &touch, index, from, to);
            apply_and_remember(judge, line, &touch.event);
            if (line->suspects != NULL) {
                smh_classify_suspects(judge, line, &touch);
            }
            if (settles) {
                settle(judge, line, &touch.event);
            }
            tidy(judge, line);
        }
    }
}

void smh_judge_hand_out(struct smh_judge *judge, const struct smh_owner *owner, uint64_t reserved)
{
    judge->recent.to = 0;
    uint32_t number = smh_owners_add(judge->owners, owner, reserved);
    struct smh_line_event how = {.operation = owner->operation,
                                 .owner = number,
                                 .actor = owner->actor,
                                 .kind = SMH_LINE_HAND_OUT};
    change_hands(judge, owner->region, owner->offset, reserved, &how);
}

void smh_judge_free(struct smh_judge *judge, uint16_t region, uint64_t offset, uint64_t operation)
{
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
    judge->recent.to = 0;
    uint32_t number = smh_owners_at(judge->owners, owner->region, owner->offset);
    if (number == SMH_OWNERS_NONE) {
        smh_judge_hand_out(judge, owner, reserved);
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
