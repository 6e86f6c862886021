/* slot_map.h: ids of a trace, as dense slots.
 *
 * Owns: the map from live 64-bit ids to slot numbers, and the stack of slots that are free.
 *
 *     ids      7 -> 0   99 -> 1   12 -> 2        (open addressing, linear probing)
 *     slots    0 1 2 | 3                         slot 3 was used and is free: next to be taken
 *
 * Invariants: slots in use are distinct and below the most that were ever in use at once; the
 * table is at most half full and shrinks when it is nearly empty, so memory follows live ids.
 */
#ifndef SMH_SIM_SLOT_MAP_H
#define SMH_SIM_SLOT_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the map keeps about a live id. */
struct smh_slot_entry {
    uint64_t id;
    const void *prefer; /* what the allocation asked for, so that a resize can ask again */
    uint32_t attr;
    uint32_t slot_plus_one; /* 0: the place is empty */
};

struct smh_slot_map {
    struct smh_slot_entry *entries;
    size_t mask; /* number of places - 1 */
    size_t count;
    unsigned shift;
    uint32_t *free_slots; /* stack */
    size_t free_count, free_capacity;
    uint32_t next_slot; /* never used so far */
};

void smh_slot_map_init(struct smh_slot_map *map);
void smh_slot_map_free(struct smh_slot_map *map);
/* The entry of a live id, NULL when it is not live. Valid until the map changes. */
struct smh_slot_entry *smh_slot_map_find(const struct smh_slot_map *map, uint64_t id);
/* Makes id live in a free slot; NULL when it is live already. */
struct smh_slot_entry *smh_slot_map_add(struct smh_slot_map *map, uint64_t id);
/* Ends id and gives its slot in *slot; false when it is not live. */
bool smh_slot_map_remove(struct smh_slot_map *map, uint64_t id, uint32_t *slot);
/* The live entry at or after place *cursor (start with 0), which moves past it; NULL after the
 * last. The map must not change between calls. */
struct smh_slot_entry *smh_slot_map_walk(const struct smh_slot_map *map, size_t *cursor);

#endif
