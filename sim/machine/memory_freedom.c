/* memory_freedom.c: evictions and fills that nobody asked for.
 *
 * Owns: what hardware may do at any time, drawn from a seed: a valid line leaves its cache (written
 * back if it is dirty), a line near an access is fetched into the L1 of some core. Neither costs a
 * core anything; both are counted as write-backs and fills.
 */
#include "memory_state.h"

#define NEAR_LINES 8

static struct smh_memory_level *draw_level(struct smh_memory *memory)
{
    uint64_t levels = (uint64_t)memory->core_count + (memory->has_l2 ? 1 : 0);
    uint64_t drawn = smh_random_below(&memory->freedom_random, levels);
    return drawn < memory->core_count ? &memory->cores[drawn].l1 : &memory->l2;
}

/* From a place drawn at random the first valid line. */
static void evict_one(struct smh_memory *memory)
{
    struct smh_memory_level *level = draw_level(memory);
    const struct smh_cache *cache = &level->cache;
    uint32_t place = (uint32_t)smh_random_below(&memory->freedom_random, cache->line_count);
    if (cache->valid_count == 0) {
        return;
    }
    while (smh_cache_line_at(cache, place) == SMH_CACHE_NO_LINE) {
        place = place + 1 == cache->line_count ? 0 : place + 1;
    }
    (void)smh_lines_evict(memory, level, smh_cache_line_at(cache, place));
}

/* A line at most NEAR_LINES before or behind the first byte accessed. */
static void fill_one(struct smh_memory *memory, const struct smh_access *access)
{
    const struct smh_memory_region *region = &memory->regions[access->region];
    uint64_t core = smh_random_below(&memory->freedom_random, memory->core_count);
    uint64_t distance = smh_random_below(&memory->freedom_random, 2 * NEAR_LINES + 1);
    uint64_t offset = access->offset + distance * memory->line_bytes;
    uint64_t back = (uint64_t)NEAR_LINES * memory->line_bytes;
    if (!region->cached || offset < back || offset - back >= region->size) {
        return;
    }
    uint64_t line = smh_line_of(memory, region, offset - back);
    struct smh_memory_core *to = &memory->cores[core];
    if (smh_cache_find(&to->l1.cache, line) == SMH_CACHE_NO_SLOT) {
        uint32_t slot;
        (void)smh_lines_fill_l1(memory, to, line, false, &slot);
    }
}

void smh_freedom_move(struct smh_memory *memory, const struct smh_access *access)
{
    const struct smh_memory_freedom *freedom = &memory->freedom;
    if (!memory->has_l1) {
        return;
    }
    if (smh_random_below(&memory->freedom_random, 1000) < freedom->evictions_per_mille) {
        evict_one(memory);
    }
    if (access->kind != SMH_ACCESS_BARRIER &&
        smh_random_below(&memory->freedom_random, 1000) < freedom->fills_per_mille) {
        fill_one(memory, access);
    }
}
