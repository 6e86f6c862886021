/* cache.c: which lines a set-associative cache holds, and which one it gives up next.
 *
 * Owns: what cache.h declares and does not define itself.
 *
 * The tree of PLRU, here for 6 ways (o: a node, its number; the leaves under 7 but the first two
 * do not exist):
 *
 *                 1                  tree[node] = 1: the right half is the older one
 *            2         3             using way w sets each node above it to the other half;
 *          4   5     6   -           a node whose right half has no ways always leads left
 *         0 1 2 3   4 5
 */
#include "cache.h"

#include "../error.h"

#include <stdlib.h>

void smh_cache_open(struct smh_cache *cache, uint64_t sets, uint32_t ways,
                    enum smh_cache_replacement replacement, bool with_slots)
{
    uint32_t leaves = 1;
    while (leaves < ways) {
        leaves *= 2;
    }
    *cache = (struct smh_cache){.set_mask = sets - 1,
                                .ways = ways,
                                .leaves = leaves,
                                .line_count = (uint32_t)(sets * ways),
                                .replacement = replacement};
    cache->tags = smh_must_allocate(cache->line_count, sizeof *cache->tags);
    if (with_slots) {
        cache->way_of = smh_must_allocate(cache->line_count, sizeof *cache->way_of);
        for (uint32_t i = 0; i < cache->line_count; i++) {
            cache->way_of[i] = (uint16_t)(i % ways);
        }
    }
    if (replacement == SMH_REPLACE_PLRU) {
        cache->tree = smh_must_allocate((size_t)sets * leaves, 1);
    }
    smh_cache_set_seed(cache, 0, 0);
}

void smh_cache_close(struct smh_cache *cache)
{
    free(cache->tags);
    free(cache->way_of);
    free(cache->tree);
    *cache = (struct smh_cache){0};
}

void smh_cache_set_seed(struct smh_cache *cache, uint64_t seed, uint64_t stream)
{
    smh_random_init(&cache->random, seed, stream);
}

/* The index of the set's first position. */
static size_t first_of(const struct smh_cache *cache, uint64_t line)
{
    return (size_t)(line & cache->set_mask) * cache->ways;
}

/* The position of a tag in a set; ways when it is not there. */
static uint32_t position_of(const struct smh_cache *cache, size_t first, uint64_t tag)
{
    const uint64_t *tags = cache->tags + first;
    uint32_t position = 0;
    while (position < cache->ways && tags[position] != tag) {
        position++;
    }
    return position;
}

/* Points every node above a way away from it. */
static void tree_use(struct smh_cache *cache, size_t first, uint32_t way)
{
    uint8_t *tree = cache->tree + first / cache->ways * cache->leaves;
    for (uint32_t node = cache->leaves + way; node > 1; node /= 2) {
        tree[node / 2] = node % 2 == 0; /* used: the left half; older: the right one */
    }
}

static uint32_t tree_victim(const struct smh_cache *cache, size_t first)
{
    const uint8_t *tree = cache->tree + first / cache->ways * cache->leaves;
    uint32_t node = 1;
    uint32_t first_way = 0; /* under the node */
    for (uint32_t half = cache->leaves / 2; half > 0; half /= 2) {
        bool right = tree[node] != 0 && first_way + half < cache->ways;
        node = node * 2 + right;
        first_way += right ? half : 0;
    }
    return first_way;
}

static void use(struct smh_cache *cache, size_t first, uint32_t position)
{
    switch (cache->replacement) {
    case SMH_REPLACE_LRU:
        (void)smh_cache_to_front(cache->tags + first, cache->way_of + first, position,
                                 cache->tags[first + position]);
        break;
    case SMH_REPLACE_PLRU:
        tree_use(cache, first, position);
        break;
    case SMH_REPLACE_RANDOM:
        break;
    }
}

uint32_t smh_cache_find(const struct smh_cache *cache, uint64_t line)
{
    size_t first = first_of(cache, line);
    uint32_t position = position_of(cache, first, line + 1);
    return position == cache->ways ? SMH_CACHE_NO_SLOT
                                   : (uint32_t)first + cache->way_of[first + position];
}

uint32_t smh_cache_touch_further(struct smh_cache *cache, uint64_t line)
{
    size_t first = first_of(cache, line);
    uint32_t position = position_of(cache, first, line + 1);
    if (position == cache->ways) {
        return SMH_CACHE_NO_SLOT;
    }
    uint32_t slot = (uint32_t)first + cache->way_of[first + position];
    use(cache, first, position);
    return slot;
}

/* Where the next line of a set goes. */
static uint32_t position_to_fill(struct smh_cache *cache, size_t first)
{
    if (cache->replacement == SMH_REPLACE_LRU) {
        return cache->ways - 1;
    }
    uint32_t empty = position_of(cache, first, 0);
    if (empty < cache->ways) {
        return empty;
    }
    return cache->replacement == SMH_REPLACE_PLRU
               ? tree_victim(cache, first)
               : (uint32_t)smh_random_below(&cache->random, cache->ways);
}

uint32_t smh_cache_place(struct smh_cache *cache, uint64_t line, uint64_t *victim)
{
    size_t first = first_of(cache, line);
    uint32_t position = position_to_fill(cache, first);
    uint32_t slot = (uint32_t)first + cache->way_of[first + position];
    uint64_t tag = cache->tags[first + position];
    *victim = tag == 0 ? SMH_CACHE_NO_LINE : tag - 1;
    cache->valid_count += tag == 0;
    cache->tags[first + position] = line + 1;
    use(cache, first, position);
    return slot;
}

uint32_t smh_cache_drop(struct smh_cache *cache, uint64_t line)
{
    size_t first = first_of(cache, line);
    uint32_t position = position_of(cache, first, line + 1);
    if (position == cache->ways) {
        return SMH_CACHE_NO_SLOT;
    }
    uint64_t *tags = cache->tags + first;
    uint16_t *way_of = cache->way_of + first;
    uint16_t way = way_of[position];
    if (cache->replacement == SMH_REPLACE_LRU) {
        for (; position + 1 < cache->ways; position++) {
            tags[position] = tags[position + 1];
            way_of[position] = way_of[position + 1];
        }
        way_of[position] = way;
    }
    tags[position] = 0;
    cache->valid_count--;
    return (uint32_t)first + way;
}

uint64_t smh_cache_line_at(const struct smh_cache *cache, uint32_t place)
{
    uint64_t tag = cache->tags[place];
    return tag == 0 ? SMH_CACHE_NO_LINE : tag - 1;
}
