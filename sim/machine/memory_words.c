/* memory_words.c: loads and stores of a core, straight to the caches and past them.
 *
 * Owns: splitting a range into lines and words, and what each costs.
 *
 *     range   |..wwww|wwww wwww wwww wwww|wwww w...|     w: a byte, words of 4, lines of 16
 *              line a|       line b      | line c
 *
 * Words of a line that hit change nothing for each other, so a line is looked up once for all of
 * its words, but where each word goes further: written through, or missing without a line to come.
 */
#include "memory_state.h"

#include <string.h>

/* Bytes of [offset, ...) up to the next multiple of unit (a power of two) of the address. */
static uint64_t bytes_up_to(const struct smh_memory_region *region, uint64_t offset, uint64_t bytes,
                            uint64_t unit)
{
    uint64_t left = unit - ((region->base + offset) & (unit - 1));
    return bytes < left ? bytes : left;
}

static uint8_t *in_line(struct smh_memory *memory, struct smh_memory_level *level, uint32_t slot,
                        const struct smh_memory_region *region, uint64_t offset)
{
    return smh_line_data(memory, level, slot) +
           ((size_t)(region->base + offset) & (memory->line_bytes - 1));
}

void smh_words_compare(struct smh_memory *memory, uint16_t region_index, uint64_t offset,
                       const uint8_t *read, uint64_t bytes)
{
    const struct smh_memory_region *region = &memory->regions[region_index];
    const uint8_t *truth = region->truth + offset;
    if (memcmp(read, truth, bytes) == 0) {
        return;
    }
    for (uint64_t i = 0; i < bytes; i++) {
        uint64_t at = offset + i;
        bool defined = ((unsigned)region->defined[at / 8] >> (at % 8) & 1u) != 0;
        if (defined && read[i] != truth[i] && at < memory->wrong_offset) {
            memory->wrong_offset = at;
            return;
        }
    }
}

void smh_words_define(struct smh_memory *memory, uint16_t region_index, uint64_t offset,
                      uint64_t bytes)
{
    uint8_t *defined = memory->regions[region_index].defined;
    uint64_t end = offset + bytes;
    if (bytes <= 8) {
        uint32_t bits = ((1u << bytes) - 1) << (offset % 8);
        defined[offset / 8] |= (uint8_t)bits;
        if (bits > 0xff) {
            defined[offset / 8 + 1] |= (uint8_t)(bits >> 8);
        }
        return;
    }
    for (; offset < end && offset % 8 != 0; offset++) {
        defined[offset / 8] |= (uint8_t)(1u << (offset % 8));
    }
    uint64_t whole = (end - offset) / 8;
    memset(defined + offset / 8, 0xff, whole);
    for (offset += whole * 8; offset < end; offset++) {
        defined[offset / 8] |= (uint8_t)(1u << (offset % 8));
    }
}

uint64_t smh_words_load(struct smh_memory *memory, struct smh_memory_core *core,
                        uint16_t region_index, uint64_t offset, uint64_t bytes, bool uncached)
{
    const struct smh_memory_region *region = &memory->regions[region_index];
    uint64_t cost = 0;
    if (uncached || !region->cached) {
        smh_words_compare(memory, region_index, offset, region->memory + offset, bytes);
        return smh_word_count(memory, region, offset, bytes) * region->cycles;
    }
    memory->met.l1 = true;
    while (bytes > 0) {
        uint64_t part = bytes_up_to(region, offset, bytes, memory->line_bytes);
        uint64_t line = smh_line_of(memory, region, offset);
        uint32_t slot = smh_cache_touch(&core->l1.cache, line);
        cost += smh_word_count(memory, region, offset, part) * memory->l1_cycles;
        if (slot == SMH_CACHE_NO_SLOT) {
            memory->met.l1_missed = true;
            cost += smh_lines_fill_l1(memory, core, line, true, &slot);
        }
        smh_words_compare(memory, region_index, offset,
                          in_line(memory, &core->l1, slot, region, offset), part);
        offset += part;
        bytes -= part;
    }
    return cost;
}

/* One word, or part of one, through the caches. */
static uint64_t store_word(struct smh_memory *memory, struct smh_memory_core *core,
                           uint16_t region_index, uint64_t offset, const uint8_t *from,
                           uint32_t bytes)
{
    const struct smh_memory_region *region = &memory->regions[region_index];
    uint64_t line = smh_line_of(memory, region, offset);
    uint64_t cost = memory->l1_cycles;
    uint32_t slot = smh_cache_touch(&core->l1.cache, line);
    if (slot == SMH_CACHE_NO_SLOT) {
        memory->met.l1_missed = true;
        if (region->l1_allocate) {
            cost += smh_lines_fill_l1(memory, core, line, true, &slot);
        }
    }
    if (slot != SMH_CACHE_NO_SLOT) {
        memcpy(in_line(memory, &core->l1, slot, region, offset), from, bytes);
        if (!region->l1_through) {
            core->l1.dirty[slot] = true;
            return cost;
        }
    }
    return cost + smh_lines_store_below_l1(memory, region_index, offset, from, bytes);
}

/* A line's share, mostly the whole of it. */
static inline void copy_part(uint8_t *to, const uint8_t *from, uint64_t bytes)
{
    if (bytes == 32) {
        memcpy(to, from, 32);
    } else if (bytes == 64) {
        memcpy(to, from, 64);
    } else {
        memcpy(to, from, bytes);
    }
}

/* Bytes of one line. */
static uint64_t store_in_line(struct smh_memory *memory, struct smh_memory_core *core,
                              uint16_t region_index, uint64_t offset, const uint8_t *from,
                              uint64_t bytes)
{
    const struct smh_memory_region *region = &memory->regions[region_index];
    uint64_t cost = 0;
    while (bytes > 0) {
        uint32_t slot = region->l1_through
                            ? SMH_CACHE_NO_SLOT
                            : smh_cache_touch(&core->l1.cache, smh_line_of(memory, region, offset));
        if (slot != SMH_CACHE_NO_SLOT) { /* all the rest hits, and goes no further */
            memcpy(in_line(memory, &core->l1, slot, region, offset), from, bytes);
            core->l1.dirty[slot] = true;
            return cost + smh_word_count(memory, region, offset, bytes) * memory->l1_cycles;
        }
        uint64_t part = bytes_up_to(region, offset, bytes, memory->word_bytes);
        cost += store_word(memory, core, region_index, offset, from, (uint32_t)part);
        offset += part;
        from += part;
        bytes -= part;
    }
    return cost;
}

uint64_t smh_words_store(struct smh_memory *memory, struct smh_memory_core *core,
                         uint16_t region_index, uint64_t offset, const uint8_t *from,
                         uint64_t bytes, bool uncached)
{
    const struct smh_memory_region *region = &memory->regions[region_index];
    if (uncached || !region->cached) {
        memcpy(region->memory + offset, from, bytes);
        return smh_word_count(memory, region, offset, bytes) * region->cycles;
    }
    memory->met.l1 = true;
    uint64_t cost = 0;
    uint64_t words = 0; /* of lines that are there */
    while (bytes > 0) {
        uint64_t at = (region->base + offset) & (memory->line_bytes - 1);
        uint64_t part = bytes < memory->line_bytes - at ? bytes : memory->line_bytes - at;
        uint32_t slot = region->l1_through
                            ? SMH_CACHE_NO_SLOT
                            : smh_cache_touch(&core->l1.cache, smh_line_of(memory, region, offset));
        if (slot == SMH_CACHE_NO_SLOT) {
            cost += store_in_line(memory, core, region_index, offset, from, part);
        } else {
            copy_part(smh_line_data(memory, &core->l1, slot) + at, from, part);
            core->l1.dirty[slot] = true;
            words += ((at + part - 1) >> memory->word_shift) - (at >> memory->word_shift) + 1;
        }
        offset += part;
        from += part;
        bytes -= part;
    }
    return cost + words * memory->l1_cycles;
}
