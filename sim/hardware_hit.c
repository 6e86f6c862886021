/* hardware_hit.c: what quick accesses need. See hardware_hit.h. */
#include "hardware_hit.h"

void smh_hit_find_run(struct smh_hardware *hardware)
{
    struct smh_memory *memory = hardware->memory;
    const struct smh_judge *judge = hardware->judge;
    const struct smh_hardware_range *range = hardware->range;
    struct smh_memory_region *region = &memory->regions[range->region];
    uint8_t core = hardware->access.core;
    struct smh_hit_run *run = hardware->run;
    run->hardware = hardware;
    smh_hit_settle(run);
    run->range = range;
    run->region = region;
    run->start = range->start;
    run->bytes = 0;
    run->bias = range->skew - (uint64_t)range->start;
    run->lines = range->lines;
    run->skew = range->skew;
    run->first_line = region->line_of_region | region->base >> memory->line_shift;
    run->key = (uint64_t)(range->region + 1u) << 48 | (uint64_t)core << 40;
    run->private = SMH_WORD_PRIVATE | (uint64_t)core << 2 | SMH_WORD_TABLES;
    run->none.tag = run->private | (uint64_t)SMH_OWNERS_METADATA << 32;
    run->words = NULL;
    run->line_mask = memory->line_bytes - 1;
    run->word_bytes = memory->word_bytes;
    run->cost = memory->l1_cycles;
    run->line_shift = memory->line_shift;
    run->core = core;
    run->stored = (uint8_t)(LINE_STORED | (core + 1u));
    if (!memory->plain || !region->cached || region->l1_through || memory->line_bytes > 64) {
        return;
    }
    struct smh_memory_level *l1 = &memory->cores[core].l1;
    run->cache = &l1->cache;
    run->data = l1->data;
    run->dirty = l1->dirty;
    if (judge != NULL) {
        const struct smh_judge_region *judged = &judge->regions[range->region];
        run->words = judged->words;
        run->judge_dirty = judged->dirty;
        run->judge_defined = judged->defined;
        if (judge->program != NULL || run->words == NULL || !judged->private_lines) {
            return;
        }
    }
    run->bytes = l1->cache.replacement != SMH_REPLACE_PLRU && run->cost != 0 ? range->bytes : 0;
}
