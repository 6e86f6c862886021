/* judge.c: the door of the judge, and the way of an access to its lines. See judge.h. */
#include "judge.h"

#include "../error.h"
#include "judge_hit.h"
#include "judge_state.h"

#include <stdlib.h>
#include <string.h>

/* --- opening -------------------------------------------------------------------------------------
 */

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
        region->touched =
            smh_must_allocate((size_t)(region->line_count / 64 + 1), sizeof(uint64_t));
        region->noted = smh_must_allocate((size_t)(region->line_count / 64 + 1), sizeof(uint64_t));
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

void smh_judge_close(struct smh_judge *judge)
{
    if (judge == NULL) {
        return;
    }
    for (size_t i = 0; i < judge->region_count; i++) {
        struct smh_judge_region *region = &judge->regions[i];
        uint64_t end = region->states != NULL ? region->line_count : 0;
        for (uint64_t j = smh_next_bit(region->noted, 0, end, true); j < end;
             j = smh_next_bit(region->noted, j + 1, end, true)) {
            struct smh_line *line = smh_word_line(&region->words[j]);
            if (line != NULL) {
                smh_line_free(line, NULL);
            }
        }
        free(region->words);
        free(region->touched);
        free(region->noted);
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
    while (judge->spare != NULL) {
        struct smh_line *line = judge->spare;
        judge->spare = line->next_spare;
        smh_line_free(line, NULL);
    }
    smh_owners_close(judge->owners);
    free(judge->effect.wrong);
    free(judge->hazards);
    free(judge->keys);
    free(judge->pending);
    free(judge->regions);
    free(judge);
}

void smh_judge_record(struct smh_judge *judge, struct smh_program *program)
{
    judge->program = program;
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

/* --- an access on its range ----------------------------------------------------------------------
 */

static __attribute__((noinline)) uint32_t look_up_further(struct smh_judge *judge, uint16_t region,
                                                          uint64_t offset)
{
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

static inline uint32_t lookup(struct smh_judge *judge, uint16_t region, uint64_t offset)
{
    if (judge->recent.region == region && offset >= judge->recent.from &&
        offset < judge->recent.to) {
        return judge->recent.number;
    }
    return look_up_further(judge, region, offset);
}

static struct smh_touch touch_of(struct smh_judge *judge, const struct smh_access *access,
                                 uint32_t owner)
{
    struct smh_touch touch = {
        .event = {.operation = access->operation,
                  .site = access->site,
                  .owner = owner,
                  .actor = access->actor,
                  .kind = access->kind,
                  .core = access->core,
                  .uncached = access->uncached &&
                              (access->kind == SMH_ACCESS_LOAD || access->kind == SMH_ACCESS_STORE),
                  .by_allocator = access->by_allocator},
        .region = &judge->regions[access->region],
        .region_index = access->region,
    };
    return touch;
}

static void touch_range(struct smh_judge *judge, struct smh_touch *touch,
                        const struct smh_access *access)
{
    uint64_t from = access->offset + touch->region->skew;
    uint64_t to = from + access->bytes;
    uint64_t last = (to - 1) >> judge->line_shift;
    for (uint64_t index = from >> judge->line_shift; index <= last; index++) {
        struct smh_line *line = smh_word_line(&touch->region->words[index]);
        struct smh_line_part part = smh_judge_part(judge, index, from, to);
        if (line != NULL && smh_line_is_solo_of(line, &touch->event)) {
            smh_touch_solo(judge, line, &touch->event, part);
        } else {
            smh_touch_narrow(touch, index, part);
            smh_touch_line(judge, touch);
        }
    }
}

/* Maintenance by a driver that believes in lines of another size: one line is maintained for each
 * step of the range, rounded outwards to steps; lines between are passed over. */
static void touch_steps(struct smh_judge *judge, struct smh_touch *touch,
                        const struct smh_access *access)
{
    const struct smh_region_config *config = &judge->scenario->machine.regions[access->region];
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
            smh_touch_narrow(touch, skipped, smh_judge_part(judge, skipped, from, to));
            touch->event.skipped = true;
            smh_touch_line(judge, touch);
        }
        smh_touch_narrow(touch, index, smh_judge_part(judge, index, from, to));
        touch->event.skipped = false;
        smh_touch_line(judge, touch);
        done = index;
    }
    for (uint64_t skipped = done == UINT64_MAX ? from >> judge->line_shift : done + 1;
         skipped <= (to - 1) >> judge->line_shift; skipped++) {
        smh_touch_narrow(touch, skipped, smh_judge_part(judge, skipped, from, to));
        touch->event.skipped = true;
        smh_touch_line(judge, touch);
    }
}

static void barrier(struct smh_judge *judge, const struct smh_access *access)
{
    struct smh_line_list *list = &judge->pending[access->core];
    for (size_t i = 0; i < list->count; i++) {
        struct smh_line *line = list->lines[i];
        struct smh_states *states = judge->regions[line->region].states;
        struct smh_line_event event = {.operation = access->operation,
                                       .site = access->site,
                                       .owner = SMH_OWNERS_NOBODY,
                                       .actor = access->actor,
                                       .kind = SMH_LINE_BARRIER,
                                       .core = access->core};
        line->pending_listed &= ~((uint64_t)1 << access->core);
        smh_touch_apply(judge, line, &event);
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
    uint64_t index = from >> judge->line_shift;
    smh_touch_narrow(&touch, index, smh_judge_part(judge, index, from, from + access->bytes));
    struct smh_finding finding = {.event = touch.event,
                                  .victim = owner,
                                  .culprit = owner,
                                  .region = access->region,
                                  .hazard_class = SMH_HAZARD_H10};
    smh_set_bits(finding.bytes, touch.event.from, touch.event.to);
    struct smh_line stand_in = {.region = access->region, .index = index};
    finding.line = &stand_in;
    smh_report(judge, &finding);
    return true;
}

void smh_judge_access_further(struct smh_judge *judge, const struct smh_access *access)
{
    if (judge->program != NULL) {
        struct smh_program_event event = {.what = SMH_PROGRAM_ACCESS, .access = *access};
        smh_program_add(judge->program, &event);
    }
    if (access->kind == SMH_ACCESS_BARRIER) {
        barrier(judge, access);
        return;
    }
    struct smh_judge_region *region = &judge->regions[access->region];
    uint32_t owner =
        access->by_allocator ? SMH_OWNERS_METADATA : lookup(judge, access->region, access->offset);
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

void smh_judge_tables(struct smh_judge *judge, const struct smh_access *access)
{
    struct smh_judge_region *region = &judge->regions[access->region];
    uint64_t index = (access->offset + region->skew) >> judge->line_shift;
    struct smh_line *line = smh_word_line(&region->words[index]);
    struct smh_line_part part;
    part.from = (uint16_t)((access->offset + region->skew) & (judge->line_bytes - 1));
    part.to = (uint16_t)(part.from + access->bytes);
    struct smh_line_event event = {
        .operation = access->operation,
        .site = access->site,
        .owner = SMH_OWNERS_METADATA,
        .from = part.from,
        .to = part.to,
        .actor = access->actor,
        .kind = access->kind,
        .core = access->core,
        .by_allocator = true,
    };
    if (line != NULL && smh_line_is_solo_of(line, &event)) {
        smh_touch_solo(judge, line, &event, part);
        return;
    }
    struct smh_touch touch = {
        .event = event, .region = region, .region_index = access->region, .line_index = index};
    smh_touch_line(judge, &touch);
}

void smh_judge_access(struct smh_judge *judge, const struct smh_access *access)
{
    if (!smh_judge_hit(judge, access)) {
        smh_judge_access_further(judge, access);
    }
}
