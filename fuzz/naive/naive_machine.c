/* naive_machine.c: random machines, small enough for the naive memory.
 *
 * Owns: what a machine may be: sets of 1 to 8, ways of 1 to 7, lines of 4 to 64 bytes, any policy
 * and replacement, up to three regions that begin and end anywhere, even in one line.
 */
#include "naive_memory.h"

#include <string.h>

static uint32_t draw(struct smh_random *random, uint32_t least, uint32_t most)
{
    return least + (uint32_t)smh_random_below(random, (uint64_t)most - least + 1);
}

static void draw_cache(struct smh_random *random, struct smh_cache_config *cache,
                       uint32_t line_bytes)
{
    uint32_t sets = 1u << draw(random, 0, 3);
    cache->ways = draw(random, 1, 7);
    cache->size_bytes = (uint64_t)sets * cache->ways * line_bytes;
    cache->policy = draw(random, 0, 2) != 0 ? SMH_CACHE_WRITE_BACK : SMH_CACHE_WRITE_THROUGH;
    cache->replacement = (enum smh_cache_replacement)draw(random, 0, 2);
    cache->write_allocate = draw(random, 0, 2) != 0;
    cache->hit_cycles = draw(random, 1, 5);
}

void naive_draw_machine(struct smh_random *random, struct smh_machine_config *config,
                        struct smh_region_config *regions)
{
    static char name[] = "r";
    memset(config, 0, sizeof(*config));
    memset(regions, 0, NAIVE_REGIONS_MAX * sizeof(*regions));
    config->cores = draw(random, 1, NAIVE_CORES_MAX);
    config->line_bytes = 4u << draw(random, 0, 4);
    config->target_bits = draw(random, 0, 1) != 0 ? 64 : 32;
    config->store_buffer = draw(random, 0, 1) != 0 ? draw(random, 1, NAIVE_STORES_MAX) : 0;
    if (draw(random, 0, 7) != 0) {
        draw_cache(random, &config->l1, config->line_bytes);
        if (draw(random, 0, 1) != 0) {
            draw_cache(random, &config->l2, config->line_bytes);
        }
    }
    config->regions = regions;
    config->region_count = draw(random, 1, NAIVE_REGIONS_MAX);
    uint64_t base = draw(random, 0, 4096);
    for (size_t i = 0; i < config->region_count; i++) {
        regions[i].name = name;
        regions[i].base = base;
        regions[i].size = draw(random, 1, NAIVE_REGION_MAX);
        regions[i].cache = (enum smh_cache_kind)draw(random, 0, 4);
        if (regions[i].cache > SMH_CACHE_WRITE_THROUGH) {
            regions[i].cache = SMH_CACHE_WRITE_BACK;
        }
        regions[i].cycles = draw(random, 0, 20);
        base += regions[i].size + draw(random, 0, 100);
    }
}
