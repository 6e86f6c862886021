/* explore_events.c: a program as it meets one line. See explore_line.h.
 *
 * The rules here are those that judge.h and DESIGN.md state, written again: which lines maintenance
 * reaches, what a hand-out settles, who owns bytes, what the allocator keeps coherent.
 */
#include "explore_line.h"

#include "../error.h"

#include <stdlib.h>
#include <string.h>

#define VERSIONS_MAX 250

/* Who owns each byte of the line while the program is read, and who dirtied it. */
struct reader {
    struct smh_explore_line *line;
    const struct smh_scenario *scenario;
    const struct smh_program *program;
    uint64_t skew;
    size_t cuts[2 * SMH_CONCRETE_UNITS_MAX + 2];
    size_t cut_count;
    bool too_many;
    uint8_t owner[1024];                           /* 1 + index of the block in blocks; 0: nobody */
    bool by_allocator[1024];                       /* the byte's last write */
    uint8_t dirtied[1024][SMH_CONCRETE_CORES_MAX]; /* 0; 1: by the allocator; 2: by others */
    uint8_t expected[SMH_CONCRETE_UNITS_MAX];
    uint8_t version;
    uint8_t block_count;
    int allocator_core; /* as numbered here; -1: none */
    uint64_t block_start[255];
    uint64_t block_end[255];
    bool block_live[255];
    bool block_stack[255];
};

/* The part of [offset, offset + bytes) in the line; false: none. */
static bool part_of(const struct reader *reader, uint64_t offset, uint64_t bytes, uint32_t *from,
                    uint32_t *to)
{
    uint64_t start = offset + reader->skew;
    uint64_t end = start + bytes;
    uint64_t line_end = reader->line->first + reader->line->line_bytes;
    *from = 0;
    *to = 0;
    if (end <= reader->line->first || start >= line_end) {
        return false;
    }
    *from = (uint32_t)((start > reader->line->first ? start : reader->line->first) -
                       reader->line->first);
    *to = (uint32_t)((end < line_end ? end : line_end) - reader->line->first);
    return true;
}

static void cut_at(struct reader *reader, uint32_t at)
{
    for (size_t i = 0; i < reader->cut_count; i++) {
        if (reader->cuts[i] == at) {
            return;
        }
    }
    if (reader->cut_count == SMH_CONCRETE_UNITS_MAX + 1) {
        reader->too_many = true;
        return;
    }
    size_t i = reader->cut_count++;
    for (; i > 0 && reader->cuts[i - 1] > at; i--) {
        reader->cuts[i] = reader->cuts[i - 1];
    }
    reader->cuts[i] = at;
}

static void cut_range(struct reader *reader, uint64_t offset, uint64_t bytes)
{
    uint32_t from;
    uint32_t to;
    if (part_of(reader, offset, bytes, &from, &to)) {
        cut_at(reader, from);
        cut_at(reader, to);
    }
}

/* Where events tell bytes apart. */
static void find_units(struct reader *reader)
{
    cut_at(reader, 0);
    cut_at(reader, reader->line->line_bytes);
    for (size_t i = 0; i < reader->program->count; i++) {
        const struct smh_program_event *event = &reader->program->events[i];
        if (event->what == SMH_PROGRAM_ACCESS && event->access.region == reader->line->region &&
            event->access.kind != SMH_ACCESS_BARRIER) {
            cut_range(reader, event->access.offset, event->access.bytes);
        }
        if ((event->what == SMH_PROGRAM_HAND_OUT || event->what == SMH_PROGRAM_RESIZE) &&
            event->owner.region == reader->line->region) {
            cut_range(reader, event->owner.offset, event->reserved);
            cut_range(reader, event->owner.offset, event->owner.bytes);
        }
    }
    struct smh_explore_line *line = reader->line;
    line->machine.units = (unsigned)reader->cut_count - 1;
    for (size_t i = 0; i < reader->cut_count; i++) {
        line->starts[i] = (uint16_t)reader->cuts[i];
    }
}

static uint32_t units_of(const struct reader *reader, uint32_t from, uint32_t to)
{
    uint32_t units = 0;
    for (unsigned unit = 0; unit < reader->line->machine.units; unit++) {
        if (reader->line->starts[unit] >= from && reader->line->starts[unit] < to) {
            units |= (uint32_t)1 << unit;
        }
    }
    return units;
}

static uint8_t core_of(struct reader *reader, uint8_t core)
{
    struct smh_explore_line *line = reader->line;
    for (unsigned i = 0; i < line->machine.cores; i++) {
        if (line->cores[i] == core) {
            return (uint8_t)i;
        }
    }
    if (line->machine.cores == SMH_CONCRETE_CORES_MAX) {
        reader->too_many = true;
        return 0;
    }
    line->cores[line->machine.cores] = core;
    return (uint8_t)line->machine.cores++;
}

static void emit(struct reader *reader, const struct smh_concrete_event *concrete, size_t index)
{
    struct smh_explore_line *line = reader->line;
    if (line->event_count == line->event_capacity) {
        line->event_capacity = line->event_capacity == 0 ? 16 : line->event_capacity * 2;
        line->events = smh_must_resize(line->events, line->event_capacity, sizeof(*line->events));
    }
    struct smh_explore_event *event = &line->events[line->event_count++];
    memset(event, 0, sizeof(*event));
    event->concrete = *concrete;
    event->index = index;
    for (unsigned unit = 0; unit < line->machine.units; unit++) {
        event->expected[unit] = reader->expected[unit];
        bool block = reader->owner[line->starts[unit]] != 0;
        event->counted |=
            block || !reader->by_allocator[line->starts[unit]] ? (uint32_t)1 << unit : 0;
    }
}

static void forget(struct reader *reader, uint32_t from, uint32_t to, size_t index)
{
    struct smh_concrete_event concrete = {.kind = SMH_CONCRETE_FORGET,
                                          .units = units_of(reader, from, to)};
    for (unsigned unit = 0; unit < reader->line->machine.units; unit++) {
        if ((concrete.units >> unit & 1u) != 0) {
            reader->expected[unit] = 0;
        }
    }
    emit(reader, &concrete, index);
}

static void flush_on(struct reader *reader, uint8_t core, size_t index)
{
    struct smh_concrete_event concrete = {.kind = SMH_ACCESS_FLUSH, .core = core};
    emit(reader, &concrete, index);
    for (uint32_t byte = 0; byte < reader->line->line_bytes; byte++) {
        reader->dirtied[byte][core] = 0;
    }
}

/* What the allocator alone has left dirty is settled inside the block. */
static void settle(struct reader *reader, uint32_t from, uint32_t to, size_t index)
{
    bool left = false;
    bool any = false;
    for (uint32_t byte = 0; byte < reader->line->line_bytes; byte++) {
        for (unsigned core = 0; core < reader->line->machine.cores; core++) {
            uint8_t *dirtied = &reader->dirtied[byte][core];
            any |= *dirtied != 0;
            if (*dirtied == 1 && byte >= from && byte < to) {
                *dirtied = 0;
            }
            left |= *dirtied != 0;
        }
    }
    for (unsigned core = 0; any && !left && core < reader->line->machine.cores; core++) {
        flush_on(reader, (uint8_t)core, index);
    }
}

static void read_hand_out(struct reader *reader, const struct smh_program_event *event,
                          size_t index)
{
    uint32_t from;
    uint32_t to;
    if (event->owner.region != reader->line->region ||
        !part_of(reader, event->owner.offset, event->reserved, &from, &to)) {
        return;
    }
    if (reader->block_count == 255) {
        reader->too_many = true;
        return;
    }
    uint8_t block = reader->block_count++;
    reader->block_start[block] = event->owner.offset;
    reader->block_end[block] = event->owner.offset + event->reserved;
    reader->block_live[block] = true;
    reader->block_stack[block] = event->owner.kind == SMH_OWNER_STACK;
    memset(reader->owner + from, block + 1, to - from);
    forget(reader, from, to, index);
    if (!reader->scenario->machine.dirty_hand_out) {
        settle(reader, from, to, index);
    }
}

static void read_free(struct reader *reader, const struct smh_program_event *event, size_t index)
{
    uint32_t from;
    uint32_t to;
    for (unsigned block = 0; block < reader->block_count; block++) {
        if (reader->block_live[block] && event->access.region == reader->line->region &&
            reader->block_start[block] == event->access.offset) {
            reader->block_live[block] = false;
            if (part_of(reader, reader->block_start[block],
                        reader->block_end[block] - reader->block_start[block], &from, &to)) {
                memset(reader->owner + from, 0, to - from);
                forget(reader, from, to, index);
            }
        }
    }
}

/* Whether maintenance with the driver's step reaches the line. */
static bool is_reached(const struct reader *reader, const struct smh_access *access)
{
    uint32_t from;
    uint32_t to;
    uint32_t step = access->step;
    if (step == 0 || step == reader->line->line_bytes) {
        return part_of(reader, access->offset, access->bytes, &from, &to);
    }
    uint64_t base = reader->scenario->machine.regions[access->region].base;
    uint64_t line = base - reader->skew + reader->line->first; /* its address */
    for (uint64_t at = (base + access->offset) / step * step;
         at < base + access->offset + access->bytes; at += step) {
        if (at / reader->line->line_bytes == line / reader->line->line_bytes) {
            return true;
        }
    }
    return false;
}

static void read_maintenance(struct reader *reader, const struct smh_access *access, size_t index)
{
    uint32_t from;
    uint32_t to;
    if (access->region != reader->line->region || !is_reached(reader, access)) {
        return;
    }
    bool part = part_of(reader, access->offset, access->bytes, &from, &to);
    struct smh_concrete_event concrete = {.kind = access->kind,
                                          .core = core_of(reader, access->core),
                                          .discards = access->kind == SMH_ACCESS_INVALIDATE,
                                          .units = part ? units_of(reader, from, to) : 0};
    emit(reader, &concrete, index);
    for (uint32_t byte = 0; byte < reader->line->line_bytes; byte++) {
        reader->dirtied[byte][concrete.core] = 0;
    }
}

static void hand_over(struct reader *reader, const struct smh_access *access, size_t index)
{
    int core = core_of(reader, access->core);
    if (reader->allocator_core >= 0 && reader->allocator_core != core) {
        flush_on(reader, (uint8_t)reader->allocator_core, index);
        flush_on(reader, (uint8_t)core, index);
    }
    reader->allocator_core = core;
}

static void note_write(struct reader *reader, const struct smh_access *access,
                       struct smh_concrete_event *concrete, uint32_t from, uint32_t to)
{
    if (reader->version == VERSIONS_MAX) {
        reader->too_many = true;
        return;
    }
    concrete->version = ++reader->version;
    for (unsigned unit = 0; unit < reader->line->machine.units; unit++) {
        if ((concrete->units >> unit & 1u) != 0) {
            reader->expected[unit] = concrete->version;
        }
    }
    for (uint32_t byte = from; byte < to; byte++) {
        reader->by_allocator[byte] = access->by_allocator;
        if (access->kind == SMH_ACCESS_STORE) {
            reader->dirtied[byte][concrete->core] = access->by_allocator ? 1 : 2;
        }
    }
}

/* A device that is given what it cannot reach does nothing. */
static bool is_out_of_reach(const struct reader *reader, const struct smh_access *access,
                            uint32_t from)
{
    bool device = access->kind == SMH_ACCESS_DMA_READ || access->kind == SMH_ACCESS_DMA_WRITE;
    uint8_t owner = reader->owner[from];
    return device && (reader->scenario->machine.regions[access->region].dma_unreachable ||
                      (owner != 0 && reader->block_stack[owner - 1]));
}

static void read_access(struct reader *reader, const struct smh_access *access, size_t index)
{
    uint32_t from;
    uint32_t to;
    if (access->kind == SMH_ACCESS_BARRIER) {
        struct smh_concrete_event barrier = {.kind = access->kind,
                                             .core = core_of(reader, access->core)};
        emit(reader, &barrier, index);
        return;
    }
    if (access->kind >= SMH_ACCESS_CLEAN && access->kind <= SMH_ACCESS_FLUSH) {
        read_maintenance(reader, access, index);
        return;
    }
    if (access->region != reader->line->region ||
        !part_of(reader, access->offset, access->bytes, &from, &to) ||
        is_out_of_reach(reader, access, from)) {
        return;
    }
    if (access->by_allocator) {
        hand_over(reader, access, index);
    }
    bool device = access->kind == SMH_ACCESS_DMA_READ || access->kind == SMH_ACCESS_DMA_WRITE;
    struct smh_concrete_event concrete = {.kind = access->kind,
                                          .core = device ? 0 : core_of(reader, access->core),
                                          .uncached = access->uncached,
                                          .units = units_of(reader, from, to)};
    if (access->kind == SMH_ACCESS_STORE || access->kind == SMH_ACCESS_DMA_WRITE) {
        note_write(reader, access, &concrete, from, to);
    }
    emit(reader, &concrete, index);
}

static void read_program(struct reader *reader)
{
    for (size_t i = 0; i < reader->program->count && !reader->too_many; i++) {
        const struct smh_program_event *event = &reader->program->events[i];
        switch (event->what) {
        case SMH_PROGRAM_ACCESS:
            read_access(reader, &event->access, i);
            break;
        case SMH_PROGRAM_FREE:
            read_free(reader, event, i);
            break;
        default: /* a resize in place is taken as a hand-out: small programs have none */
            read_hand_out(reader, event, i);
            break;
        }
    }
}

static void describe(struct smh_concrete *machine, const struct smh_machine_config *config,
                     const struct smh_region_config *region)
{
    bool cached = region->cache != SMH_CACHE_NONE;
    bool through = region->cache == SMH_CACHE_WRITE_THROUGH;
    machine->l1 = cached && config->l1.size_bytes > 0;
    machine->l2 = cached && config->l2.size_bytes > 0;
    machine->l1_through = through || config->l1.policy == SMH_CACHE_WRITE_THROUGH;
    machine->l2_through = through || config->l2.policy == SMH_CACHE_WRITE_THROUGH;
    machine->l1_allocate = config->l1.write_allocate;
    machine->l2_allocate = config->l2.write_allocate;
    machine->buffer = config->store_buffer > 0;
}

int smh_explore_line_open(struct smh_explore_line *line, const struct smh_scenario *scenario,
                          const struct smh_program *program, uint16_t region, uint64_t first,
                          struct smh_error *error)
{
    struct reader *reader = smh_must_allocate(1, sizeof(*reader));
    memset(line, 0, sizeof(*line));
    line->region = region;
    line->first = first;
    line->line_bytes = scenario->machine.line_bytes;
    describe(&line->machine, &scenario->machine, &scenario->machine.regions[region]);
    reader->line = line;
    reader->scenario = scenario;
    reader->program = program;
    reader->skew = scenario->machine.regions[region].base & (line->line_bytes - 1);
    reader->allocator_core = -1;
    find_units(reader);
    if (!reader->too_many) {
        read_program(reader);
    }
    bool fits = !reader->too_many && smh_concrete_layout(&line->machine);
    free(reader);
    if (!fits) {
        smh_explore_line_close(line);
        return smh_error_set(error,
                             "a line of the program has more than %d parts, %d cores or %d "
                             "writes: too much to enumerate",
                             SMH_CONCRETE_UNITS_MAX, SMH_CONCRETE_CORES_MAX, VERSIONS_MAX);
    }
    return 0;
}

void smh_explore_line_close(struct smh_explore_line *line)
{
    free(line->events);
    line->events = NULL;
}
