/* owners.c: see owners.h. */
#include "owners.h"

#include "../error.h"

#include <stdlib.h>
#include <string.h>

#define LEVELS_MAX 9
#define CELL_BYTES 16

struct starts {
    uint32_t *cells; /* [offset / CELL_BYTES]: the first of those that begin there */
    uint64_t *levels[LEVELS_MAX];
    unsigned count;
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
        uint64_t words = sizes[i] / CELL_BYTES + 1;
        starts->cells = smh_must_allocate((size_t)words, sizeof(*starts->cells));
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

static bool is_marked(const struct starts *starts, uint64_t cell)
{
    return (starts->levels[0][cell / 64] >> cell % 64 & 1u) != 0;
}

static void mark(struct starts *starts, uint64_t cell)
{
    for (unsigned level = 0; level < starts->count; level++) {
        uint64_t *word = &starts->levels[level][cell / 64];
        uint64_t before = *word;
        *word |= (uint64_t)1 << cell % 64;
        if (before != 0) {
            return; /* the levels above know */
        }
        cell /= 64;
    }
}

static void unmark(struct starts *starts, uint64_t cell)
{
    for (unsigned level = 0; level < starts->count; level++) {
        uint64_t *word = &starts->levels[level][cell / 64];
        *word &= ~((uint64_t)1 << cell % 64);
        if (*word != 0) {
            return;
        }
        cell /= 64;
    }
}

/* The last cell at or before this one in which somebody begins; false: none. */
static bool last_cell(const struct starts *starts, uint64_t cell, uint64_t *last)
{
    for (unsigned level = 0; level < starts->count; level++) {
        uint64_t upto = cell % 64 == 63 ? UINT64_MAX : ((uint64_t)2 << cell % 64) - 1;
        uint64_t word = starts->levels[level][cell / 64] & upto;
        if (word != 0) {
            uint64_t found = cell / 64 * 64 + (63u - (unsigned)__builtin_clzll(word));
            while (level-- > 0) {
                word = starts->levels[level][found];
                found = found * 64 + (63u - (unsigned)__builtin_clzll(word));
            }
            *last = found;
            return true;
        }
        if (cell / 64 == 0) {
            return false;
        }
        cell = cell / 64 - 1;
    }
    return false;
}

/* Of those who begin in a cell, the last at or before offset. */
static uint32_t last_in_cell(const struct smh_owners *owners, const struct starts *starts,
                             uint64_t cell, uint64_t offset)
{
    const struct smh_owner_record *records = owners->table.records;
    uint32_t last = SMH_OWNERS_NONE;
    for (uint32_t number = starts->cells[cell]; number != SMH_OWNERS_NONE;
         number = records[number].next) {
        uint64_t start = records[number].owner.offset;
        if (start <= offset && (last == SMH_OWNERS_NONE || start > records[last].owner.offset)) {
            last = number;
        }
    }
    return last;
}

uint32_t smh_owners_add(struct smh_owners *owners, const struct smh_owner *owner, uint64_t reserved)
{
    struct starts *starts = &owners->starts[owner->region];
    uint64_t cell = owner->offset / CELL_BYTES;
    bool first = !is_marked(starts, cell);
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
    owners->table.records[number].next = first ? SMH_OWNERS_NONE : starts->cells[cell];
    starts->cells[cell] = number;
    mark(starts, cell);
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
    if (owners->starts[region].cells[offset / CELL_BYTES] == SMH_OWNERS_NONE) {
        unmark(&owners->starts[region], offset / CELL_BYTES);
    }
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
    const struct starts *starts = &owners->starts[region];
    uint64_t cell = offset / CELL_BYTES;
    uint32_t number = SMH_OWNERS_NONE;
    while (number == SMH_OWNERS_NONE) {
        if (!last_cell(starts, cell, &cell)) {
            return SMH_OWNERS_NONE;
        }
        number = last_in_cell(owners, starts, cell, offset);
        if (cell-- == 0 && number == SMH_OWNERS_NONE) {
            return SMH_OWNERS_NONE; /* who begins in the first cell begins behind offset */
        }
    }
    const struct smh_owner_record *record = &owners->table.records[number];
    return offset - record->owner.offset < record->reserved ? number : SMH_OWNERS_NONE;
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
