/* owners.c: see owners.h. */
#include "owners.h"

#include "../error.h"

#include <stdlib.h>
#include <string.h>

#define LEVELS_MAX 9
#define CELL_BYTES 8

struct starts {
    uint32_t *cells; /* [offset / CELL_BYTES]: the first of those that begin there */
    uint64_t *levels[LEVELS_MAX];
    unsigned count;
    uint64_t size;
};

struct smh_owners {
    struct smh_owners_table table; /* first: see owners.h */
    size_t count, capacity;
    uint32_t first_free;
    struct starts *starts;
    size_t region_count;
};

/* The link to the live owner that begins at offset, or to nobody. */
static uint32_t *find(const struct smh_owners *owners, uint16_t region, uint64_t offset)
{
    uint32_t *link = &owners->starts[region].cells[offset / CELL_BYTES];
    while (*link != SMH_OWNERS_NONE && owners->table.records[*link].owner.offset != offset) {
        link = &owners->table.records[*link].next;
    }
    return link;
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
        starts->cells =
            smh_must_allocate((size_t)(sizes[i] / CELL_BYTES + 1), sizeof(*starts->cells));
        uint64_t words = sizes[i];
        do {
            words = words / 64 + 1;
            starts->levels[starts->count++] = smh_must_allocate((size_t)words, sizeof(uint64_t));
        } while (words > 1 && starts->count < LEVELS_MAX);
    }
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
        free(owners->starts[i].cells);
    }
    free(owners->starts);
    free(owners->table.records);
    free(owners);
}

static void mark(struct starts *starts, uint64_t offset)
{
    for (unsigned level = 0; level < starts->count; level++) {
        uint64_t *word = &starts->levels[level][offset / 64];
        uint64_t before = *word;
        *word |= (uint64_t)1 << offset % 64;
        if (before != 0) {
            return; /* the levels above know */
        }
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

/* Whether nobody begins in the cell of offset: told by the marks, which are denser than cells. */
static bool is_empty(const struct starts *starts, uint64_t offset)
{
    return (starts->levels[0][offset / 64] >> offset % 64 / CELL_BYTES * CELL_BYTES & 0xff) == 0;
}

_Static_assert(CELL_BYTES == 8, "a byte of marks each");

uint32_t smh_owners_add(struct smh_owners *owners, const struct smh_owner *owner, uint64_t reserved)
{
    struct starts *starts = &owners->starts[owner->region];
    uint32_t *cell = &starts->cells[owner->offset / CELL_BYTES];
    bool first = is_empty(starts, owner->offset);
    if (!first) {
        smh_owners_release(
            owners, smh_owners_remove(owners, owner->region, owner->offset, owner->operation));
    }
    uint32_t number = owners->first_free;
    if (number != 0) {
        owners->first_free = owners->table.records[number].next;
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
    owners->table.records[number].next = first ? SMH_OWNERS_NONE : *cell;
    *cell = number;
    mark(starts, owner->offset);
    return number;
}

uint32_t smh_owners_remove(struct smh_owners *owners, uint16_t region, uint64_t offset,
                           uint64_t operation)
{
    uint32_t *link = find(owners, region, offset);
    uint32_t number = *link;
    if (number == SMH_OWNERS_NONE) {
        return SMH_OWNERS_NONE;
    }
    *link = owners->table.records[number].next;
    unmark(&owners->starts[region], offset);
    owners->table.records[number].owner.kind = SMH_OWNER_FREED;
    owners->table.records[number].freed_by = operation;
    return number; /* what being live held is the caller's now */
}

void smh_owners_foresee(const struct smh_owners *owners, uint16_t region, uint64_t offset,
                        bool sooner)
{
    const uint32_t *cell = &owners->starts[region].cells[offset / CELL_BYTES];
    if (!sooner) {
        __builtin_prefetch(cell);
        return;
    }
    const struct smh_owner_record *record = &owners->table.records[*cell];
    __builtin_prefetch(record);
    __builtin_prefetch(&record->holds);
}

uint32_t smh_owners_at(const struct smh_owners *owners, uint16_t region, uint64_t offset)
{
    uint64_t start;
    if (!last_start(&owners->starts[region], offset, &start)) {
        return SMH_OWNERS_NONE;
    }
    uint32_t number = *find(owners, region, start);
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
    owners->table.records[number].next = owners->first_free;
    owners->first_free = number;
}
