/* cache.h: which lines a set-associative cache holds, and which one it gives up next.
 *
 * Owns: the tags of one cache and its replacement. Contents, dirtiness and cycles are of whoever
 * uses it: the memory system keeps data by slot (memory_state.h), `smh cache` counts alone.
 *
 *     line number --> set = its low bits
 *                     set:  position 0 | 1 | ... | ways - 1     tags, [set][position]
 *                           way      2 | 0 | ... | 3            LRU alone: where it lies
 *     slot = set * ways + way: stays the line's from place to drop
 *
 * Replacement:
 *   LRU     positions are in order of use, the latest first, empty ones last. A hit on the first
 *           changes nothing; the victim is the last.
 *   PLRU    a binary tree over the ways, a bit a node that points to the half used longer ago. Ways
 *           that are no power of two take the left leaves of the next larger tree; a half without
 *           ways is never taken.
 *   random  one draw from the cache's own generator for each victim.
 * In all three an empty way is taken before any line is given up: under LRU the one emptied last,
 * otherwise the first.
 *
 * Invariants: a line is in at most one position of its set. Line numbers are below UINT64_MAX.
 */
#ifndef SMH_SIM_CACHE_H
#define SMH_SIM_CACHE_H

#include "../random.h"
#include "../workload/scenario.h"

#define SMH_CACHE_NO_SLOT  UINT32_MAX
#define SMH_CACHE_NO_LINE  UINT64_MAX
#define SMH_CACHE_WAYS_MAX 32768u

struct smh_cache {
    uint64_t *tags;    /* line + 1; 0: empty */
    uint16_t *way_of;  /* [set][position]; NULL: a cache that only counts has no slots */
    uint8_t *tree;     /* PLRU: [set][leaves], node 1 is the root; 1: the right half is older */
    uint64_t set_mask; /* sets - 1 */
    uint32_t ways;
    uint32_t leaves;     /* the power of two at or above ways */
    uint32_t line_count; /* sets * ways */
    uint32_t valid_count;
    enum smh_cache_replacement replacement;
    struct smh_random random;
};

/* An empty cache of sets * ways lines. sets is a power of two, 1 <= ways <= SMH_CACHE_WAYS_MAX,
 * sets * ways < 2^32 - 1. with_slots false: LRU only, and only
 * smh_cache_count() may be called. */
void smh_cache_open(struct smh_cache *cache, uint64_t sets, uint32_t ways,
                    enum smh_cache_replacement replacement, bool with_slots);
void smh_cache_close(struct smh_cache *cache);
/* What random replacement draws from; 0 until set. */
void smh_cache_set_seed(struct smh_cache *cache, uint64_t seed, uint64_t stream);

/* The slot of a line, SMH_CACHE_NO_SLOT when it is not there. Uses nothing. */
uint32_t smh_cache_find(const struct smh_cache *cache, uint64_t line);
/* Enters a line that is not there as the one used last; its slot. *victim: the line that left the
 * slot for it, or SMH_CACHE_NO_LINE. */
uint32_t smh_cache_place(struct smh_cache *cache, uint64_t line, uint64_t *victim);
/* Takes a line out; its slot, SMH_CACHE_NO_SLOT when it is not there. */
uint32_t smh_cache_drop(struct smh_cache *cache, uint64_t line);
/* The line at one of line_count places, in any order but each once; SMH_CACHE_NO_LINE: empty. */
uint64_t smh_cache_line_at(const struct smh_cache *cache, uint32_t place);

/* As smh_cache_touch, where the line is not simply the one used last. */
uint32_t smh_cache_touch_further(struct smh_cache *cache, uint64_t line);

/* Uses a line: its slot, SMH_CACHE_NO_SLOT when it is not there. */
static inline uint32_t smh_cache_touch(struct smh_cache *cache, uint64_t line)
{
    size_t first = (size_t)(line & cache->set_mask) * cache->ways;
    if (cache->tags[first] == line + 1 && cache->replacement != SMH_REPLACE_PLRU) {
        return (uint32_t)first + cache->way_of[first];
    }
    return smh_cache_touch_further(cache, line);
}

/* LRU: position of a set, or its last position when the line is not there, becomes the first, and
 * all before it move down by one. way_of may be NULL. The tag that was at the position. */
static inline uint64_t smh_cache_to_front(uint64_t *tags, uint16_t *way_of, uint32_t position,
                                          uint64_t tag)
{
    uint64_t was = tags[position];
    for (uint32_t i = position; i > 0; i--) {
        tags[i] = tags[i - 1];
    }
    tags[0] = tag;
    if (way_of != NULL) {
        uint16_t way = way_of[position];
        for (uint32_t i = position; i > 0; i--) {
            way_of[i] = way_of[i - 1];
        }
        way_of[0] = way;
    }
    return was;
}

/* Of an LRU cache without slots: uses a line, and enters it when it is not there. Whether it was
 * there. */
static inline bool smh_cache_count(struct smh_cache *cache, uint64_t line)
{
    uint64_t *tags = cache->tags + (size_t)(line & cache->set_mask) * cache->ways;
    uint64_t tag = line + 1;
    uint64_t moved = tags[0];
    uint32_t position = 0;
    /* each tag moves one down, until the line's own place, or the last one, takes one */
    for (tags[0] = tag; moved != tag && ++position < cache->ways;) {
        uint64_t next = tags[position];
        tags[position] = moved;
        moved = next;
    }
    return moved == tag;
}

#endif
