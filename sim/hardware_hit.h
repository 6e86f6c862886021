/* hardware_hit.h: the allocator's access that needs nothing but a line that is there.
 *
 * Owns: struct smh_hardware_range, and smh_hardware_hit: what hardware.c does for a word that the
 * traced core loaded or stored, at once, where that is in the line of its L1's set that was used
 * last, and private for the judge. Most accesses of a simulation end here.
 *
 *     address --> line of the region --> follow: the allocator's line, on this core
 *                        |-------------> judge:  private to this core, of the allocator
 *                        '-------------> memory: first of its set in L1; data, definedness, counts
 *
 * Invariants: the same comes of it as of smh_memory_access and smh_judge_access, to the cycle.
 */
#ifndef SMH_SIM_HARDWARE_HIT_H
#define SMH_SIM_HARDWARE_HIT_H

#include "hardware.h"
#include "hazard/judge_hit.h"
#include "machine/memory_hit.h"

#define LINE_STORED 0x80u /* by the allocator, and not dropped since */

struct smh_hardware_range {
    uintptr_t start;
    uint64_t bytes;
    uint8_t *lines; /* of each, the allocator's last access: its core + 1, and whether it has stored
                       there; NULL: nobody asks */
    uint32_t skew;  /* bytes of the first line before the region */
    uint16_t region;
};

/* What is the same for all accesses of one call to one region. */
struct smh_hit_run {
    const struct smh_hardware_range *range;
    struct smh_memory_region *region;
    struct smh_line_word *words; /* NULL: no judge */
    uint64_t *judge_dirty, *judge_defined;
    const uint64_t *tags; /* of the core's L1 */
    const uint16_t *way_of;
    uint8_t *data;
    bool *dirty;
    uint64_t set_mask, ways;
    uintptr_t start;
    uint64_t bytes; /* 0: none of these accesses is there */
    uint8_t *lines;
    uint64_t skew;
    uint64_t first_line;
    uint64_t private; /* what the words of lines are where a load is done at once */
    uint64_t operation;
    uint64_t line_mask, word_bytes;
    uint64_t cost;
    unsigned line_shift;
    uint8_t core;
};

#define SMH_HIT_WORD_MASK (UINT64_C(0x3FF) | SMH_WORD_TABLES)

/* The run of hardware->range. */
static inline __attribute__((always_inline)) struct smh_hit_run smh_hit_run(
    const struct smh_hardware *hardware)
{
    struct smh_memory *memory = hardware->memory;
    const struct smh_judge *judge = hardware->judge;
    const struct smh_hardware_range *range = hardware->range;
    struct smh_memory_region *region = &memory->regions[range->region];
    uint8_t core = hardware->access.core;
    struct smh_hit_run run = {
        .range = range,
        .region = region,
        .start = range->start,
        .lines = range->lines,
        .skew = range->skew,
        .first_line = region->line_of_region | region->base >> memory->line_shift,
        .private = SMH_WORD_PRIVATE | (uint64_t)core << 2 | SMH_WORD_TABLES,
        .operation = hardware->access.operation,
        .line_mask = memory->line_bytes - 1,
        .word_bytes = memory->word_bytes,
        .cost = memory->l1_cycles,
        .line_shift = memory->line_shift,
        .core = core,
    };
    if (!memory->plain || !region->cached || region->l1_through || hardware->access.uncached ||
        memory->line_bytes > 64) {
        return run;
    }
    const struct smh_memory_level *l1 = &memory->cores[core].l1;
    run.tags = l1->cache.tags;
    run.way_of = l1->cache.way_of;
    run.data = l1->data;
    run.dirty = l1->dirty;
    run.set_mask = l1->cache.set_mask;
    run.ways = l1->cache.ways;
    if (judge != NULL) {
        const struct smh_judge_region *judged = &judge->regions[range->region];
        run.words = judged->words;
        run.judge_dirty = judged->dirty;
        run.judge_defined = judged->defined;
        if (judge->program != NULL || run.words == NULL || !judged->private_lines) {
            return run;
        }
    }
    run.bytes = l1->cache.replacement != SMH_REPLACE_PLRU && run.cost != 0 ? range->bytes : 0;
    return run;
}

/* Whether the judge has nothing to say; a store is noted. */
static inline __attribute__((always_inline)) bool smh_hit_is_private(const struct smh_hit_run *run,
                                                                     uint64_t position,
                                                                     uint64_t bytes, bool store)
{
    struct smh_line_word *word = &run->words[position >> run->line_shift];
    uint64_t tag = word->tag;
    if (!store) {
        if ((tag & SMH_HIT_WORD_MASK) == run->private) {
            return true;
        }
        const struct smh_line *line = smh_word_line(word);
        return line != NULL && line->solo && line->slot_core[0] == run->core &&
               line->allocator_core == run->core;
    }
    if ((tag & SMH_HIT_WORD_MASK) != run->private || tag >> 32 != SMH_OWNERS_METADATA) {
        return false;
    }
    uint64_t bits = (((uint64_t)2 << (bytes - 1)) - 1) << (position & 63);
    run->judge_dirty[position / 64] |= bits;
    run->judge_defined[position / 64] |= bits;
    word->operation = run->operation;
    return true;
}

/* bytes: a constant. */
static inline __attribute__((always_inline)) bool smh_hit_word(
    const struct smh_traced_access *logged, uint8_t *data, size_t bytes)
{
    const void *truth = (const void *)logged->address;
    if (logged->store) {
        memcpy(data, truth, bytes);
        return true;
    }
    return memcmp(data, truth, bytes) == 0;
}

/* One access by the allocator, which has been redone; its cost. 0: it is none of these, and nothing
 * has changed. */
static inline __attribute__((always_inline)) uint64_t smh_hardware_hit(
    const struct smh_hit_run *run, const struct smh_traced_access *logged)
{
    uint64_t offset = logged->address - run->start;
    uint64_t position = offset + run->skew;
    uint64_t bytes = logged->bytes;
    bool store = logged->store;
    if (offset >= run->bytes || logged->bulk ||
        (position & (run->word_bytes - 1)) + bytes > run->word_bytes) {
        return 0;
    }
    uint64_t index = position >> run->line_shift;
    if (run->lines != NULL &&
        (run->lines[index] | (store ? 0 : LINE_STORED)) != (LINE_STORED | (run->core + 1u))) {
        return 0;
    }
    uint64_t line = run->first_line + index;
    size_t first = (size_t)(line & run->set_mask) * run->ways;
    if (run->tags[first] != line + 1) {
        return 0;
    }
    size_t slot = first + run->way_of[first];
    uint8_t *data = run->data + (slot << run->line_shift) + (position & run->line_mask);
    bool same = bytes == 8   ? smh_hit_word(logged, data, 8)
                : bytes == 4 ? smh_hit_word(logged, data, 4)
                : bytes == 2 ? smh_hit_word(logged, data, 2)
                             : bytes == 1 && smh_hit_word(logged, data, 1);
    if (!same || (run->words != NULL && !smh_hit_is_private(run, position, bytes, store))) {
        return 0; /* what was stored will be stored again */
    }
    if (store) {
        smh_words_define_few(run->region->defined, offset, bytes);
        run->dirty[slot] = true;
        run->region->counters[0].stores++;
    } else {
        run->region->counters[0].loads++;
    }
    return run->cost;
}

#endif
