/* memory_hit.h: the access that needs nothing but a line that is there.
 *
 * Owns: smh_words_hit, in a header because most accesses of a simulation end in it.
 */
#ifndef SMH_SIM_MEMORY_HIT_H
#define SMH_SIM_MEMORY_HIT_H

#include "memory_state.h"

#include <string.h>

/* Bits [offset, offset + bytes) of a region's `defined`, at most 8. */
static inline void smh_words_define_few(uint8_t *defined, uint64_t offset, uint64_t bytes)
{
    uint32_t bits = ((1u << bytes) - 1) << (offset % 8);
    defined[offset / 8] |= (uint8_t)bits;
    if (bits > 0xff) {
        defined[offset / 8 + 1] |= (uint8_t)(bits >> 8);
    }
}

static inline void smh_words_hit_store(struct smh_memory *memory, const struct smh_access *access,
                                       struct smh_memory_region *region, uint8_t *data)
{
    const uint8_t *truth = region->truth + access->offset;
    if (access->bytes == 4) {
        memcpy(data, truth, 4);
        smh_words_define_few(region->defined, access->offset, 4);
    } else if (access->bytes == 8) {
        memcpy(data, truth, 8);
        smh_words_define_few(region->defined, access->offset, 8);
    } else {
        memcpy(data, truth, access->bytes);
        smh_words_define(memory, access->region, access->offset, access->bytes);
    }
    region->counters[0].stores++;
}

static inline void smh_words_hit_load(struct smh_memory *memory, const struct smh_access *access,
                                      struct smh_memory_region *region, const uint8_t *data)
{
    const uint8_t *truth = region->truth + access->offset;
    bool same = access->bytes == 4   ? memcmp(data, truth, 4) == 0
                : access->bytes == 8 ? memcmp(data, truth, 8) == 0
                                     : memcmp(data, truth, access->bytes) == 0;
    if (__builtin_expect(!same, 0)) {
        smh_words_compare(memory, access->region, access->offset, data, access->bytes);
    }
    region->counters[0].loads++;
}

/* Where nothing but accesses moves anything: a load or store of one line that hits L1 and goes no
 * further, whole; its cost. 0: it is none, and nothing has changed. */
static inline __attribute__((always_inline)) uint64_t smh_words_hit(struct smh_memory *memory,
                                                                    const struct smh_access *access)
{
    struct smh_memory_region *region = &memory->regions[access->region];
    if (access->kind > SMH_ACCESS_STORE || !region->cached || access->uncached ||
        (access->kind == SMH_ACCESS_STORE && region->l1_through)) {
        return 0;
    }
    size_t at = (size_t)(region->base + access->offset) & (memory->line_bytes - 1);
    if (access->bytes > memory->line_bytes - at) {
        return 0;
    }
    struct smh_memory_level *l1 = &memory->cores[access->core].l1;
    uint32_t slot = smh_cache_touch(&l1->cache, smh_line_of(memory, region, access->offset));
    if (slot == SMH_CACHE_NO_SLOT) {
        return 0;
    }
    uint8_t *data = smh_line_data(memory, l1, slot) + at;
    if (access->kind == SMH_ACCESS_STORE) {
        smh_words_hit_store(memory, access, region, data);
        l1->dirty[slot] = true;
    } else {
        smh_words_hit_load(memory, access, region, data);
    }
    return smh_word_count(memory, region, access->offset, access->bytes) * memory->l1_cycles;
}

/* memory.c: one that is more than a hit. */
uint64_t smh_memory_access_further(struct smh_memory *memory, const struct smh_access *access);

/* smh_memory_access, to be inlined. */
static inline __attribute__((always_inline)) uint64_t smh_memory_access_inline(
    struct smh_memory *memory, const struct smh_access *access)
{
    memory->wrong_offset = UINT64_MAX;
    uint64_t cost = memory->plain ? smh_words_hit(memory, access) : 0;
    return cost != 0 ? cost : smh_memory_access_further(memory, access);
}

#endif
