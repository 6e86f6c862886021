/* explore_seeds.c: random schedules, on the memory system that also counts cycles. See explore.h.
 */
#include "explore.h"

#include "../error.h"
#include "../machine/memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define EVICTIONS_PER_MILLE 300
#define FILLS_PER_MILLE     300

struct truth {
    uint8_t *bytes[SMH_REGIONS_MAX];
    size_t count;
    uint8_t value; /* of the next write */
};

/* What a block holds after it was handed out or freed is the same in every copy. */
static void forget(struct smh_memory *memory, uint16_t region, uint64_t offset, uint64_t bytes)
{
    if (bytes > 0) {
        smh_memory_forget(memory, region, offset, bytes);
    }
}

static uint64_t reserved_at(const struct smh_program *program, size_t event)
{
    const struct smh_access *freed = &program->events[event].access;
    uint64_t reserved = 0;
    for (size_t i = 0; i < event; i++) {
        const struct smh_program_event *told = &program->events[i];
        if ((told->what == SMH_PROGRAM_HAND_OUT || told->what == SMH_PROGRAM_RESIZE) &&
            told->owner.region == freed->region && told->owner.offset == freed->offset) {
            reserved = told->reserved;
        }
    }
    return reserved;
}

/* One schedule; the index of the event that reads something wrong, or the count of events. */
static size_t run(const struct smh_scenario *scenario, const struct smh_program *program,
                  struct smh_memory *memory, struct truth *truth, uint64_t *offset)
{
    (void)scenario;
    for (size_t i = 0; i < program->count; i++) {
        const struct smh_program_event *event = &program->events[i];
        const struct smh_access *access = &event->access;
        switch (event->what) {
        case SMH_PROGRAM_HAND_OUT:
            forget(memory, event->owner.region, event->owner.offset, event->reserved);
            continue;
        case SMH_PROGRAM_FREE:
            forget(memory, access->region, access->offset, reserved_at(program, i));
            continue;
        case SMH_PROGRAM_RESIZE:
            continue;
        default:
            break;
        }
        if (access->kind == SMH_ACCESS_STORE || access->kind == SMH_ACCESS_DMA_WRITE) {
            memset(truth->bytes[access->region] + access->offset, truth->value++,
                   (size_t)access->bytes);
        }
        (void)smh_memory_access(memory, access);
        bool reads = access->kind == SMH_ACCESS_LOAD || access->kind == SMH_ACCESS_DMA_READ;
        if (reads && smh_memory_wrong_offset(memory) != UINT64_MAX) {
            *offset = smh_memory_wrong_offset(memory);
            return i;
        }
    }
    return program->count;
}

int smh_explore_seeds(const struct smh_scenario *scenario, const uint64_t sizes[],
                      const struct smh_program *program, uint64_t first_seed, uint64_t seeds,
                      struct smh_random_exploration *exploration, struct smh_error *error)
{
    struct truth truth = {.count = scenario->machine.region_count};
    int code = 0;
    memset(exploration, 0, sizeof(*exploration));
    for (uint64_t i = 0; i < seeds && code == 0; i++) {
        uint64_t offset = 0;
        for (size_t region = 0; region < truth.count; region++) {
            free(truth.bytes[region]);
            truth.bytes[region] = smh_must_allocate((size_t)sizes[region], 1);
        }
        truth.value = 1;
        struct smh_memory *memory = smh_memory_open(&scenario->machine, truth.bytes, sizes, error);
        if (memory == NULL) {
            code = -1;
            break;
        }
        struct smh_memory_freedom freedom = {.seed = first_seed + i,
                                             .evictions_per_mille = EVICTIONS_PER_MILLE,
                                             .fills_per_mille = FILLS_PER_MILLE};
        smh_memory_set_freedom(memory, &freedom);
        size_t event = run(scenario, program, memory, &truth, &offset);
        smh_memory_close(memory);
        exploration->seeds++;
        if (event < program->count && exploration->wrong_seeds++ == 0) {
            exploration->first_seed = first_seed + i;
            exploration->event = event;
            exploration->offset = offset;
        }
    }
    for (size_t region = 0; region < truth.count; region++) {
        free(truth.bytes[region]);
    }
    return code;
}

void smh_random_exploration_print(const struct smh_scenario *scenario,
                                  const struct smh_program *program,
                                  const struct smh_random_exploration *exploration, FILE *out)
{
    if (exploration->wrong_seeds == 0) {
        fprintf(out, "no wrong read in %" PRIu64 " random schedules\n", exploration->seeds);
        return;
    }
    const struct smh_access *access = &program->events[exploration->event].access;
    fprintf(out,
            "wrong reads in %" PRIu64 " of %" PRIu64 " random schedules; with seed %" PRIu64
            ", operation %" PRIu64 " reads %s+0x%06" PRIx64 " wrong\n",
            exploration->wrong_seeds, exploration->seeds, exploration->first_seed,
            access->operation, scenario->machine.regions[access->region].name, exploration->offset);
}
