/* slot_map.c: open addressing with linear probing and backward-shift removal (no tombstones, so
 * a long trace leaves nothing behind).
 */
#include "slot_map.h"

#include "../error.h"

#include <stdlib.h>

#define PLACES_MIN ((size_t)64)

static size_t place_of(const struct smh_slot_map *map, uint64_t id)
{
    return (size_t)((id * 0x9e3779b97f4a7c15ull) >> map->shift);
}

static void make_table(struct smh_slot_map *map, size_t places)
{
    map->entries = smh_must_allocate(places, sizeof *map->entries);
    map->mask = places - 1;
    map->shift = (unsigned)__builtin_clzll((unsigned long long)places) + 1;
}

void smh_slot_map_init(struct smh_slot_map *map)
{
    *map = (struct smh_slot_map){0};
    make_table(map, PLACES_MIN);
}

void smh_slot_map_free(struct smh_slot_map *map)
{
    free(map->entries);
    free(map->free_slots);
    *map = (struct smh_slot_map){0};
}

/* The place of id, or the empty one where it would go. */
static size_t probe(const struct smh_slot_map *map, uint64_t id)
{
    size_t place = place_of(map, id);
    while (map->entries[place].slot_plus_one != 0 && map->entries[place].id != id) {
        place = (place + 1) & map->mask;
    }
    return place;
}

static void resize(struct smh_slot_map *map, size_t places)
{
    struct smh_slot_entry *old = map->entries;
    size_t old_mask = map->mask;
    make_table(map, places);
    for (size_t i = 0; i <= old_mask; i++) {
        if (old[i].slot_plus_one != 0) {
            map->entries[probe(map, old[i].id)] = old[i];
        }
    }
    free(old);
}

struct smh_slot_entry *smh_slot_map_find(const struct smh_slot_map *map, uint64_t id)
{
    struct smh_slot_entry *entry = &map->entries[probe(map, id)];
    return entry->slot_plus_one != 0 ? entry : NULL;
}

struct smh_slot_entry *smh_slot_map_add(struct smh_slot_map *map, uint64_t id)
{
    if (map->count > map->mask / 2) {
        resize(map, (map->mask + 1) * 2);
    }
    struct smh_slot_entry *entry = &map->entries[probe(map, id)];
    if (entry->slot_plus_one != 0) {
        return NULL;
    }
    uint32_t slot = map->free_count > 0 ? map->free_slots[--map->free_count] : map->next_slot++;
    *entry = (struct smh_slot_entry){.id = id, .slot_plus_one = slot + 1};
    map->count++;
    return entry;
}

static void push_free_slot(struct smh_slot_map *map, uint32_t slot)
{
    if (map->free_count == map->free_capacity) {
        map->free_capacity = map->free_capacity > 0 ? map->free_capacity * 2 : 64;
        map->free_slots =
            smh_must_resize(map->free_slots, map->free_capacity, sizeof *map->free_slots);
    }
    map->free_slots[map->free_count++] = slot;
}

bool smh_slot_map_remove(struct smh_slot_map *map, uint64_t id, uint32_t *slot)
{
    size_t hole = probe(map, id);
    if (map->entries[hole].slot_plus_one == 0) {
        return false;
    }
    *slot = map->entries[hole].slot_plus_one - 1;
    push_free_slot(map, *slot);
    map->count--;
    /* Whatever follows without a gap and could not reach its own place past the hole moves up. */
    size_t next = hole;
    for (;;) {
        next = (next + 1) & map->mask;
        if (map->entries[next].slot_plus_one == 0) {
            break;
        }
        size_t home = place_of(map, map->entries[next].id);
        if (((next - home) & map->mask) >= ((next - hole) & map->mask)) {
            map->entries[hole] = map->entries[next];
            hole = next;
        }
    }
    map->entries[hole].slot_plus_one = 0;
    if (map->mask + 1 > PLACES_MIN && map->count < (map->mask + 1) / 16) {
        resize(map, (map->mask + 1) / 4);
    }
    return true;
}

struct smh_slot_entry *smh_slot_map_walk(const struct smh_slot_map *map, size_t *cursor)
{
    while (*cursor <= map->mask) {
        struct smh_slot_entry *entry = &map->entries[(*cursor)++];
        if (entry->slot_plus_one != 0) {
            return entry;
        }
    }
    return NULL;
}
