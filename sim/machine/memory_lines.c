/* memory_lines.c: lines between the levels.
 *
 * Owns: what happens when a line is fetched, given up, or maintained.
 *
 *     fill of L1:   L2 hit?  no --> memory --> L2 (its victim to memory)
 *                   a place in L1: its victim, when dirty, goes down; the line fetched waits in
 *                   line_buffer meanwhile
 *     line down:    L2 holds it: over its copy; L2 allocates: a place without a fetch; else memory
 *
 * Every transaction that leaves L1 costs l2.hit_cycles where there is an L2, every one with memory
 * the cycles of the line's region. L2 is neither inclusive nor exclusive: what it gives up stays in
 * the L1s. The line is fetched before the victim goes down, as through a victim buffer.
 */
#include "memory_state.h"

#include <string.h>

/* The part of a line that lies in its region. */
struct range {
    uint64_t offset; /* of its first byte, in the region */
    uint32_t skip;   /* bytes of the line before it */
    uint32_t bytes;
};

static struct range range_of(const struct smh_memory *memory, uint64_t line)
{
    const struct smh_memory_region *region = smh_line_region(memory, line);
    uint64_t address = (line & (((uint64_t)1 << SMH_LINE_REGION_SHIFT) - 1)) << memory->line_shift;
    struct range range = {0, 0, memory->line_bytes};
    if (address < region->base) {
        range.skip = (uint32_t)(region->base - address);
        range.bytes -= range.skip;
    } else {
        range.offset = address - region->base;
    }
    if (range.bytes > region->size - range.offset) {
        range.bytes = (uint32_t)(region->size - range.offset);
    }
    return range;
}

static void read_memory_line(const struct smh_memory *memory, uint64_t line, uint8_t *data)
{
    struct range range = range_of(memory, line);
    if (range.bytes != memory->line_bytes) {
        memset(data, 0, memory->line_bytes);
    }
    memcpy(data + range.skip, smh_line_region(memory, line)->memory + range.offset, range.bytes);
}

static uint64_t write_memory_line(struct smh_memory *memory, uint64_t line, const uint8_t *data)
{
    struct range range = range_of(memory, line);
    struct smh_memory_region *region = smh_line_region(memory, line);
    memcpy(region->memory + range.offset, data + range.skip, range.bytes);
    return region->cycles;
}

/* A place for a line in L2, what had it before written back; the slot holds nothing yet. */
static uint64_t place_in_l2(struct smh_memory *memory, uint64_t line, uint32_t *slot)
{
    struct smh_memory_level *l2 = &memory->l2;
    uint64_t cost = 0;
    uint64_t victim;
    *slot = smh_cache_place(&l2->cache, line, &victim);
    if (l2->dirty[*slot]) {
        smh_line_region(memory, victim)->counters[1].write_backs++;
        cost = write_memory_line(memory, victim, smh_line_data(memory, l2, *slot));
        l2->dirty[*slot] = false;
    }
    return cost;
}

static uint64_t fill_l2(struct smh_memory *memory, uint64_t line, uint32_t *slot)
{
    struct smh_memory_region *region = smh_line_region(memory, line);
    uint64_t cost = region->cycles + place_in_l2(memory, line, slot);
    read_memory_line(memory, line, smh_line_data(memory, &memory->l2, *slot));
    region->counters[1].fills++;
    return cost;
}

/* A whole dirty line leaves L1 for what is behind. */
static uint64_t write_line_below_l1(struct smh_memory *memory, uint64_t line, const uint8_t *data)
{
    struct smh_memory_region *region = smh_line_region(memory, line);
    struct smh_memory_level *l2 = &memory->l2;
    region->counters[0].write_backs++;
    if (!memory->has_l2) {
        return write_memory_line(memory, line, data);
    }
    uint64_t cost = memory->l2_cycles;
    uint32_t slot = smh_cache_touch(&l2->cache, line);
    if (slot == SMH_CACHE_NO_SLOT) {
        if (!region->l2_allocate) {
            return cost + write_memory_line(memory, line, data);
        }
        cost += place_in_l2(memory, line, &slot);
    }
    memcpy(smh_line_data(memory, l2, slot), data, memory->line_bytes);
    if (region->l2_through) {
        return cost + write_memory_line(memory, line, data);
    }
    l2->dirty[slot] = true;
    return cost;
}

/* The line as L2 gives it, brought there when it is not. */
static uint64_t look_in_l2(struct smh_memory *memory, uint64_t line, bool asked, uint32_t *slot)
{
    uint64_t cost = memory->l2_cycles;
    *slot = smh_cache_touch(&memory->l2.cache, line);
    bool missed = *slot == SMH_CACHE_NO_SLOT;
    if (missed) {
        cost += fill_l2(memory, line, slot);
    }
    if (asked) {
        memory->met.l2 = true;
        memory->met.l2_missed |= missed;
    }
    return cost;
}

uint64_t smh_lines_fill_l1(struct smh_memory *memory, struct smh_memory_core *core, uint64_t line,
                           bool asked, uint32_t *slot)
{
    struct smh_memory_region *region = smh_line_region(memory, line);
    struct smh_memory_level *l1 = &core->l1;
    uint64_t cost = region->cycles;
    uint64_t victim;
    uint32_t l2_slot = SMH_CACHE_NO_SLOT;
    if (memory->has_l2) {
        cost = look_in_l2(memory, line, asked, &l2_slot);
    }
    region->counters[0].fills++;
    *slot = smh_cache_place(&l1->cache, line, &victim);
    uint8_t *data = smh_line_data(memory, l1, *slot);
    const uint8_t *fetched = memory->has_l2 ? smh_line_data(memory, &memory->l2, l2_slot) : NULL;
    if (l1->dirty[*slot]) {
        if (memory->has_l2) { /* the victim may take the place of what was fetched */
            fetched = memcpy(memory->line_buffer, fetched, memory->line_bytes);
        }
        cost += write_line_below_l1(memory, victim, data);
        l1->dirty[*slot] = false;
    }
    if (memory->has_l2) {
        memcpy(data, fetched, memory->line_bytes);
    } else {
        read_memory_line(memory, line, data);
    }
    return cost;
}

uint64_t smh_lines_store_below_l1(struct smh_memory *memory, uint16_t region_index, uint64_t offset,
                                  const uint8_t *from, uint32_t bytes)
{
    struct smh_memory_region *region = &memory->regions[region_index];
    uint64_t cost = 0;
    if (memory->has_l2) {
        struct smh_memory_level *l2 = &memory->l2;
        uint64_t line = smh_line_of(memory, region, offset);
        cost += memory->l2_cycles;
        memory->met.l2 = true;
        uint32_t slot = smh_cache_touch(&l2->cache, line);
        if (slot == SMH_CACHE_NO_SLOT) {
            memory->met.l2_missed = true;
            if (region->l2_allocate) {
                cost += fill_l2(memory, line, &slot);
            }
        }
        if (slot != SMH_CACHE_NO_SLOT) {
            size_t in_line = (size_t)(region->base + offset) & (memory->line_bytes - 1);
            memcpy(smh_line_data(memory, l2, slot) + in_line, from, bytes);
            if (!region->l2_through) {
                l2->dirty[slot] = true;
                return cost;
            }
        }
    }
    memcpy(region->memory + offset, from, bytes);
    return cost + region->cycles;
}

uint64_t smh_lines_evict(struct smh_memory *memory, struct smh_memory_level *level, uint64_t line)
{
    uint32_t slot = smh_cache_drop(&level->cache, line);
    if (slot == SMH_CACHE_NO_SLOT || !level->dirty[slot]) {
        return 0;
    }
    level->dirty[slot] = false;
    const uint8_t *data = smh_line_data(memory, level, slot);
    if (level->level == 0) {
        return write_line_below_l1(memory, line, data);
    }
    smh_line_region(memory, line)->counters[1].write_backs++;
    return write_memory_line(memory, line, data);
}

/* Writes a line that is dirty in either level to memory, both copies then clean and alike: the
 * L1's, when it is dirty, is the newer one. */
static uint64_t clean_line(struct smh_memory *memory, struct smh_memory_core *core, uint64_t line)
{
    struct smh_memory_level *l1 = &core->l1;
    struct smh_memory_level *l2 = &memory->l2;
    struct smh_memory_region *region = smh_line_region(memory, line);
    uint32_t slot1 = smh_cache_find(&l1->cache, line);
    uint32_t slot2 = memory->has_l2 ? smh_cache_find(&l2->cache, line) : SMH_CACHE_NO_SLOT;
    bool dirty1 = slot1 != SMH_CACHE_NO_SLOT && l1->dirty[slot1];
    bool dirty2 = slot2 != SMH_CACHE_NO_SLOT && l2->dirty[slot2];
    if (dirty1) {
        const uint8_t *data = smh_line_data(memory, l1, slot1);
        region->counters[0].write_backs++;
        l1->dirty[slot1] = false;
        if (slot2 != SMH_CACHE_NO_SLOT) {
            memcpy(smh_line_data(memory, l2, slot2), data, memory->line_bytes);
            region->counters[1].write_backs += dirty2;
            l2->dirty[slot2] = false;
        }
        return write_memory_line(memory, line, data);
    }
    if (dirty2) {
        region->counters[1].write_backs++;
        l2->dirty[slot2] = false;
        return write_memory_line(memory, line, smh_line_data(memory, l2, slot2));
    }
    return 0;
}

/* Takes a line out of a level, dirty or not. */
static void invalidate_line(struct smh_memory_level *level, uint64_t line)
{
    uint32_t slot = smh_cache_drop(&level->cache, line);
    if (slot != SMH_CACHE_NO_SLOT) {
        level->dirty[slot] = false;
    }
}

uint64_t smh_lines_maintain(struct smh_memory *memory, struct smh_memory_core *core, uint8_t kind,
                            uint64_t line)
{
    uint64_t cost = kind == SMH_ACCESS_INVALIDATE ? 0 : clean_line(memory, core, line);
    if (kind != SMH_ACCESS_CLEAN) {
        invalidate_line(&core->l1, line);
        if (memory->has_l2) {
            invalidate_line(&memory->l2, line);
        }
    }
    return cost;
}
