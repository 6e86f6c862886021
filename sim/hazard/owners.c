/* owners.c: see owners.h. */
#include "owners.h"

#include "../error.h"

#include <stdlib.h>
#include <string.h>

#define LEVELS_MAX 9

struct place {
    uint64_t key;    /* region << 48 | offset */
    uint32_t number; /* 0: empty */
};

struct starts {
    uint64_t *levels[LEVELS_MAX];
    unsigned count;
    uint64_t size;
};

struct smh_owners {
    struct smh_owners_table table; /* first: see owners.h */
    size_t count, capacity;
    uint32_t first_free;
    size_t in_use;
    struct starts *starts;
    size_t region_count;
    struct place *places;
    size_t place_mask, place_count;
};

static uint64_t key_of(uint16_t region, uint64_t offset)
{
    return (uint64_t)region << 48 | offset;
}

static size_t place_of(const struct smh_owners *owners, uint64_t key)
{
    return (size_t)((key * 0x9e3779b97f4a7c15ull) >> 24) & owners->place_mask;
}

static struct place *find(const struct smh_owners *owners, uint64_t key)
{
    size_t place = place_of(owners, key);
    while (owners->places[place].number != 0 && owners->places[place].key != key) {
        place = (place + 1) & owners->place_mask;
    }
    return &owners->places[place];
}

static void grow_places(struct smh_owners *owners)
{
    struct place *old = owners->places;
    size_t size = old == NULL ? 256 : (owners->place_mask + 1) * 2;
    size_t old_size = old == NULL ? 0 : owners->place_mask + 1;
    owners->places = smh_must_allocate(size, sizeof(*owners->places));
    owners->place_mask = size - 1;
    for (size_t i = 0; i < old_size; i++) {
        if (old[i].number != 0) {
            *find(owners, old[i].key) = old[i];
        }
    }
    free(old);
}

/* Takes a place out and closes the gap behind it. */
static void remove_place(struct smh_owners *owners, struct place *place)
{
    size_t gap = (size_t)(place - owners->places);
    size_t next = gap;
    owners->place_count--;
    for (;;) {
        next = (next + 1) & owners->place_mask;
        if (owners->places[next].number == 0) {
            break;
        }
        size_t home = place_of(owners, owners->places[next].key);
        if (((next - home) & owners->place_mask) >= ((next - gap) & owners->place_mask)) {
            owners->places[gap] = owners->places[next];
            gap = next;
        }
    }
    owners->places[gap].number = 0;
}

struct smh_owners *smh_owners_open(const uint64_t sizes[], size_t region_count)
{
    struct smh_owners *owners = smh_must_allocate(1, sizeof(*owners));
    owners->capacity = 64;
    owners->table.records = smh_must_allocate(owners->capacity, sizeof(*owners->table.records));
    owners->count = SMH_OWNERS_FIRST;
    for (uint32_t i = 0; i < SMH_OWNERS_FIRST; i++) {
        owners->table.records[i].holds = 1;
    }
    owners->table.records[SMH_OWNERS_METADATA].owner.kind = SMH_OWNER_METADATA;
    owners->starts = smh_must_allocate(region_count, sizeof(*owners->starts));
    owners->region_count = region_count;
    for (size_t i = 0; i < region_count; i++) {
        struct starts *starts = &owners->starts[i];
        starts->size = sizes[i];
        uint64_t words = sizes[i];
        do {
            words = words / 64 + 1;
            starts->levels[starts->count++] = smh_must_allocate((size_t)words, sizeof(uint64_t));
        } while (words > 1 && starts->count < LEVELS_MAX);
    }
    grow_places(owners);
    return owners;
}

void smh_owners_close(struct smh_owners *owners)
{
    if (owners == NULL) {
        return;
    }
    for (size_t i = 0; i < owners->region_count; i++) {
        for (unsigned level = 0; level < owners->starts[i].count; level++) {
            free(owners->starts[i].levels[level]);
        }
    }
    free(owners->starts);
    free(owners->places);
    free(owners->table.records);
    free(owners);
}

static void mark(struct starts *starts, uint64_t offset)
{
    for (unsigned level = 0; level < starts->count; level++) {
        starts->levels[level][offset / 64] |= (uint64_t)1 << offset % 64;
        offset /= 64;
    }
}

static void unmark(struct starts *starts, uint64_t offset)
{
    for (unsigned level = 0; level < starts->count; level++) {
        uint64_t *word = &starts->levels[level][offset / 64];
        *word &= ~((uint64_t)1 << offset % 64);
        if (*word != 0) {
            return;
        }
        offset /= 64;
    }
}

/* The last start at or before offset; false: none. */
static bool last_start(const struct starts *starts, uint64_t offset, uint64_t *start)
{
    for (unsigned level = 0; level < starts->count; level++) {
        uint64_t upto = offset % 64 == 63 ? UINT64_MAX : ((uint64_t)2 << offset % 64) - 1;
        uint64_t word = starts->levels[level][offset / 64] & upto;
        if (word != 0) {
            uint64_t found = offset / 64 * 64 + (63u - (unsigned)__builtin_clzll(word));
            while (level-- > 0) {
                word = starts->levels[level][found];
                found = found * 64 + (63u - (unsigned)__builtin_clzll(word));
            }
            *start = found;
            return true;
        }
        if (offset / 64 == 0) {
            return false;
        }
        offset = offset / 64 - 1;
    }
    return false;
}

uint32_t smh_owners_add(struct smh_owners *owners, const struct smh_owner *owner, uint64_t reserved)
{
    smh_owners_release(owners,
                       smh_owners_remove(owners, owner->region, owner->offset, owner->operation));
    uint32_t number = owners->first_free;
    if (number != 0) {
        owners->first_free = owners->table.records[number].next_free;
    } else {
        if (owners->count == owners->capacity) {
            owners->capacity *= 2;
            owners->table.records = smh_must_resize(owners->table.records, owners->capacity,
                                                    sizeof(*owners->table.records));
        }
        number = (uint32_t)owners->count++;
    }
    owners->table.records[number] =
        (struct smh_owner_record){.owner = *owner, .reserved = reserved, .holds = 1};
    owners->in_use++;
    if (owners->place_count * 2 > owners->place_mask) {
        grow_places(owners);
    }
    uint64_t key = key_of(owner->region, owner->offset);
    *find(owners, key) = (struct place){key, number};
    owners->place_count++;
    mark(&owners->starts[owner->region], owner->offset);
    return number;
}

uint32_t smh_owners_remove(struct smh_owners *owners, uint16_t region, uint64_t offset,
                           uint64_t operation)
{
    struct place *place = find(owners, key_of(region, offset));
    uint32_t number = place->number;
    if (number == SMH_OWNERS_NONE) {
        return SMH_OWNERS_NONE;
    }
    remove_place(owners, place);
    unmark(&owners->starts[region], offset);
    owners->table.records[number].owner.kind = SMH_OWNER_FREED;
    owners->table.records[number].freed_by = operation;
    return number; /* what being live held is the caller's now */
}

uint32_t smh_owners_at(const struct smh_owners *owners, uint16_t region, uint64_t offset)
{
    uint64_t start;
    if (!last_start(&owners->starts[region], offset, &start)) {
        return SMH_OWNERS_NONE;
    }
    uint32_t number = find(owners, key_of(region, start))->number;
    return offset - start < owners->table.records[number].reserved ? number : SMH_OWNERS_NONE;
}

void smh_owners_resize(struct smh_owners *owners, uint32_t number, const struct smh_owner *owner,
                       uint64_t reserved)
{
    owners->table.records[number].owner = *owner;
    owners->table.records[number].reserved = reserved;
}

void smh_owners_reuse(struct smh_owners *owners, uint32_t number)
{
    owners->table.records[number].next_free = owners->first_free;
    owners->first_free = number;
    owners->in_use--;
}

size_t smh_owners_count(const struct smh_owners *owners)
{
    return owners->in_use;
}
