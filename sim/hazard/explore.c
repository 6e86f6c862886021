/* explore.c: all lines of a program, and what they came to. See explore.h. */
#include "explore.h"

#include "../error.h"
#include "../machine/memory.h"
#include "../result_hazards.h"
#include "expect.h"
#include "explore_line.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MAX 65536

/* A line that some event touches. */
struct place {
    uint64_t first; /* offset + skew */
    uint16_t region;
};

struct places {
    struct place *list;
    size_t count, capacity;
};

static void add_place(struct places *places, uint16_t region, uint64_t first)
{
    for (size_t i = 0; i < places->count; i++) {
        if (places->list[i].region == region && places->list[i].first == first) {
            return;
        }
    }
    if (places->count == places->capacity) {
        places->capacity = places->capacity == 0 ? 16 : places->capacity * 2;
        places->list = smh_must_resize(places->list, places->capacity, sizeof(*places->list));
    }
    places->list[places->count++] = (struct place){first, region};
}

/* The lines in which a byte is stored, loaded or transferred: elsewhere nothing can go wrong. */
static void find_places(const struct smh_scenario *scenario, const struct smh_program *program,
                        struct places *places)
{
    uint64_t line = scenario->machine.line_bytes;
    for (size_t i = 0; i < program->count; i++) {
        const struct smh_access *access = &program->events[i].access;
        if (program->events[i].what != SMH_PROGRAM_ACCESS || access->kind > SMH_ACCESS_DMA_WRITE) {
            continue;
        }
        uint64_t skew = scenario->machine.regions[access->region].base & (line - 1);
        uint64_t from = (access->offset + skew) / line * line;
        for (; from < access->offset + skew + access->bytes && places->count < LINES_MAX;
             from += line) {
            add_place(places, access->region, from);
        }
    }
}

static void multiply(struct smh_exploration *exploration, const struct smh_explore_outcome *outcome)
{
    exploration->beyond |= outcome->beyond;
    if (outcome->schedules != 0 && exploration->schedules > UINT64_MAX / outcome->schedules) {
        exploration->beyond = true;
        exploration->schedules = UINT64_MAX;
    } else {
        exploration->schedules *= outcome->schedules;
    }
}

static void keep_step(struct smh_exploration *exploration, const struct smh_explore_line *line,
                      const struct smh_program *program, const struct smh_explore_outcome *outcome,
                      size_t index)
{
    struct smh_explored_step *step = &exploration->steps[index];
    memset(step, 0, sizeof(*step));
    step->by_hardware = !outcome->steps[index].is_event;
    step->step.access.region = line->region;
    if (step->by_hardware) {
        static const uint8_t what[] = {[SMH_CONCRETE_WRITE_BACK] = SMH_STEP_EVICTION,
                                       [SMH_CONCRETE_DROP] = SMH_STEP_DROP,
                                       [SMH_CONCRETE_FETCH] = SMH_STEP_FILL,
                                       [SMH_CONCRETE_DRAIN] = SMH_STEP_DRAIN};
        const struct smh_concrete_move *move = &outcome->steps[index].move;
        step->step.what = what[move->kind];
        step->step.shared = move->core == line->machine.cores;
        step->step.access.core = step->step.shared ? 0 : line->cores[move->core];
        return;
    }
    const struct smh_explore_event *event = &line->events[outcome->steps[index].event];
    const struct smh_program_event *told = &program->events[event->index];
    step->event = event->index;
    step->step.access = told->access;
    step->step.what = told->what == SMH_PROGRAM_ACCESS ? SMH_STEP_ACCESS
                      : told->what == SMH_PROGRAM_FREE ? SMH_STEP_FREE
                                                       : SMH_STEP_HAND_OUT;
    if (step->step.what == SMH_STEP_HAND_OUT) {
        step->step.owner = told->owner;
        step->step.access.operation = told->owner.operation;
    }
}

static void keep(struct smh_exploration *exploration, const struct smh_explore_line *line,
                 const struct smh_program *program, const struct smh_explore_outcome *outcome,
                 uint64_t skew)
{
    if (exploration->goes_wrong && exploration->step_count <= outcome->step_count) {
        return;
    }
    free(exploration->steps);
    exploration->goes_wrong = true;
    exploration->lost = outcome->lost;
    exploration->region = line->region;
    exploration->offset = line->first + line->starts[outcome->unit] - skew;
    exploration->step_count = outcome->step_count;
    exploration->steps = smh_must_allocate(outcome->step_count, sizeof(*exploration->steps));
    for (size_t i = 0; i < outcome->step_count; i++) {
        keep_step(exploration, line, program, outcome, i);
    }
}

static int explore_place(const struct smh_scenario *scenario, const struct smh_program *program,
                         const struct place *place, struct smh_exploration *exploration,
                         struct smh_error *error)
{
    struct smh_explore_line line;
    struct smh_explore_outcome outcome;
    if (smh_explore_line_open(&line, scenario, program, place->region, place->first, error) != 0) {
        return -1;
    }
    int code = smh_explore_line_run(&line, &outcome, error);
    if (code == 0) {
        exploration->states += outcome.states;
        multiply(exploration, &outcome);
        if (outcome.goes_wrong) {
            const struct smh_machine_config *machine = &scenario->machine;
            keep(exploration, &line, program, &outcome,
                 machine->regions[place->region].base & (machine->line_bytes - 1));
        }
    }
    free(outcome.steps);
    smh_explore_line_close(&line);
    return code;
}

/* Memory given to a device that it cannot reach goes wrong in every schedule. */
static bool find_out_of_reach(const struct smh_scenario *scenario,
                              const struct smh_program *program,
                              struct smh_exploration *exploration)
{
    for (size_t i = 0; i < program->count; i++) {
        const struct smh_access *access = &program->events[i].access;
        if (program->events[i].what != SMH_PROGRAM_ACCESS ||
            (access->kind != SMH_ACCESS_DMA_READ && access->kind != SMH_ACCESS_DMA_WRITE)) {
            continue;
        }
        bool wrong = scenario->machine.regions[access->region].dma_unreachable;
        for (size_t j = 0; j < i; j++) {
            const struct smh_program_event *told = &program->events[j];
            wrong |= told->what == SMH_PROGRAM_HAND_OUT && told->owner.kind == SMH_OWNER_STACK &&
                     told->owner.region == access->region &&
                     access->offset - told->owner.offset < told->reserved;
        }
        if (wrong) {
            exploration->goes_wrong = true;
            exploration->region = access->region;
            exploration->offset = access->offset;
            exploration->steps = smh_must_allocate(1, sizeof(*exploration->steps));
            exploration->steps[0].event = i;
            exploration->steps[0].step.access = *access;
            exploration->step_count = 1;
            return true;
        }
    }
    return false;
}

int smh_explore(const struct smh_scenario *scenario, const uint64_t sizes[],
                const struct smh_program *program, size_t limit,
                struct smh_exploration *exploration, struct smh_error *error)
{
    (void)sizes;
    size_t accesses = 0;
    for (size_t i = 0; i < program->count; i++) {
        accesses += program->events[i].what == SMH_PROGRAM_ACCESS &&
                    !program->events[i].access.by_allocator;
    }
    memset(exploration, 0, sizeof(*exploration));
    exploration->schedules = 1;
    if (limit != 0 && accesses > limit) {
        return smh_error_set(error, "%zu accesses, allowed: at most %zu to enumerate all schedules",
                             accesses, limit);
    }
    if (find_out_of_reach(scenario, program, exploration)) {
        return 0;
    }
    struct places places = {.count = 0};
    find_places(scenario, program, &places);
    int code = 0;
    for (size_t i = 0; i < places.count && code == 0; i++) {
        code = explore_place(scenario, program, &places.list[i], exploration, error);
    }
    if (code == 0 && places.count == LINES_MAX) {
        code = smh_error_set(error, "more than %d lines: too much to enumerate", LINES_MAX);
    }
    free(places.list);
    if (code != 0) {
        smh_exploration_free(exploration);
    }
    return code;
}

void smh_exploration_free(struct smh_exploration *exploration)
{
    free(exploration->steps);
    memset(exploration, 0, sizeof(*exploration));
}

/* Who owns the bytes at an event of the program: the last that was handed out there before. */
static struct smh_owner owner_at(const struct smh_program *program, size_t event)
{
    const struct smh_access *access = &program->events[event].access;
    struct smh_owner owner = {.kind = access->by_allocator ? SMH_OWNER_METADATA : SMH_OWNER_NOBODY};
    for (size_t i = 0; i < event && !access->by_allocator; i++) {
        const struct smh_program_event *told = &program->events[i];
        if ((told->what == SMH_PROGRAM_HAND_OUT || told->what == SMH_PROGRAM_RESIZE) &&
            told->owner.region == access->region &&
            access->offset - told->owner.offset < told->reserved) {
            owner = told->owner;
        }
    }
    return owner;
}

void smh_exploration_print(const struct smh_scenario *scenario, const struct smh_program *program,
                           const struct smh_exploration *exploration, FILE *out)
{
    if (!exploration->goes_wrong) {
        fprintf(out, "free of hazards in %s%" PRIu64 " schedules (%" PRIu64 " states of lines)\n",
                exploration->beyond ? "more than " : "", exploration->schedules,
                exploration->states);
        return;
    }
    fprintf(out, "a schedule in which %s+0x%06" PRIx64 " %s:\n",
            scenario->machine.regions[exploration->region].name, exploration->offset,
            exploration->lost ? "is lost" : "goes wrong");
    for (size_t i = 0; i < exploration->step_count; i++) {
        struct smh_hazard_step step = exploration->steps[i].step;
        char text[SMH_OWNER_NAME_BYTES + 160];
        if (!exploration->steps[i].by_hardware && step.what != SMH_STEP_HAND_OUT) {
            step.owner = owner_at(program, exploration->steps[i].event);
        }
        smh_hazard_step_text(scenario, &step, text, sizeof(text));
        if (exploration->steps[i].by_hardware) {
            fprintf(out, "%5zu. %s\n", i + 1, text);
        } else {
            fprintf(out, "%5zu. operation %" PRIu64 ": %s\n", i + 1, step.access.operation, text);
        }
    }
}
