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

/* What is the same for all accesses of one call. */
struct smh_hit_run {
    struct smh_memory *memory;
    struct smh_judge *judge; /* NULL: none */
    struct smh_memory_level l1;
    uint64_t operation;
    uint64_t line_bytes, word_bytes;
    unsigned line_shift;
    uint8_t core;
    bool possible;
};

static inline struct smh_hit_run smh_hit_run(const struct smh_hardware *hardware)
{
    struct smh_memory *memory = hardware->memory;
    struct smh_hit_run run = {.memory = memory,
                              .judge = hardware->judge,
                              .operation = hardware->access.operation,
                              .line_bytes = memory->line_bytes,
                              .line_shift = memory->line_shift,
                              .word_bytes = memory->word_bytes,
                              .core = hardware->access.core};
    run.l1 = memory->cores[run.core].l1;
    run.possible = memory->plain && memory->has_l1 && !hardware->access.uncached &&
                   memory->line_bytes <= 64 && run.l1.cache.replacement != SMH_REPLACE_PLRU &&
                   (run.judge == NULL || run.judge->program == NULL);
    return run;
}

/* Whether the judge has nothing to say; a store is noted. */
static inline __attribute__((always_inline)) bool smh_hit_is_private(const struct smh_hit_run *run,
                                                                     uint16_t region_index,
                                                                     uint64_t position,
                                                                     uint64_t bytes, bool store)
{
    struct smh_judge_region *region = &run->judge->regions[region_index];
    if (region->words == NULL) {
        return false;
    }
    struct smh_line_word *word = &region->words[position >> run->line_shift];
    uint64_t private = SMH_WORD_PRIVATE | (uint64_t)run->core << 2 | SMH_WORD_TABLES;
    if (!store) {
        const uint64_t mask = 0x3FF | SMH_WORD_TABLES;
        if ((word->tag & mask) == private) {
            return true;
        }
        const struct smh_line *line = smh_word_line(word);
        return line != NULL && line->solo && region->private_lines &&
               line->slot_core[0] == run->core && line->allocator_core == run->core;
    }
    const uint64_t mask = (uint64_t)UINT32_MAX << 32 | 0x3FF | SMH_WORD_TABLES;
    if ((word->tag & mask) != (private | (uint64_t)SMH_OWNERS_METADATA << 32)) {
        return false;
    }
    uint64_t bits = (((uint64_t)2 << (bytes - 1)) - 1) << (position & 63);
    region->dirty[position / 64] |= bits;
    region->defined[position / 64] |= bits;
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
    const struct smh_hit_run *run, const struct smh_hardware_range *range,
    const struct smh_traced_access *logged)
{
    uint64_t offset = logged->address - range->start;
    uint64_t position = offset + range->skew;
    uint64_t bytes = logged->bytes;
    bool store = logged->store;
    struct smh_memory_region *region = &run->memory->regions[range->region];
    if (!run->possible || logged->bulk || offset >= range->bytes ||
        (position & (run->word_bytes - 1)) + bytes > run->word_bytes || !region->cached ||
        (store && region->l1_through)) {
        return 0;
    }
    uint64_t index = position >> run->line_shift;
    if (range->lines != NULL &&
        (range->lines[index] | (store ? 0 : LINE_STORED)) != (LINE_STORED | (run->core + 1u))) {
        return 0;
    }
    uint64_t line = region->line_of_region | ((region->base >> run->line_shift) + index);
    size_t first = (size_t)(line & run->l1.cache.set_mask) * run->l1.cache.ways;
    if (run->l1.cache.tags[first] != line + 1 ||
        (bytes != 8 && bytes != 4 && bytes != 2 && bytes != 1)) {
        return 0;
    }
    size_t slot = first + run->l1.cache.way_of[first];
    uint8_t *data = run->l1.data + (slot << run->line_shift) + (position & (run->line_bytes - 1));
    bool same = bytes == 8   ? smh_hit_word(logged, data, 8)
                : bytes == 4 ? smh_hit_word(logged, data, 4)
                : bytes == 2 ? smh_hit_word(logged, data, 2)
                             : smh_hit_word(logged, data, 1);
    if (!same ||
        (run->judge != NULL && !smh_hit_is_private(run, range->region, position, bytes, store))) {
        return 0; /* what was stored will be stored again */
    }
    if (store) {
        smh_words_define_few(region->defined, offset, bytes);
        run->l1.dirty[slot] = true;
        region->counters[0].stores++;
    } else {
        region->counters[0].loads++;
    }
    return run->memory->l1_cycles;
}

#endif
