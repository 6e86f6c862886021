/* program.c: see program.h. */
#include "program.h"

#include "../error.h"

#include <stdlib.h>
#include <string.h>

void smh_program_add(struct smh_program *program, const struct smh_program_event *event)
{
    if (program->count == program->capacity) {
        program->capacity = program->capacity == 0 ? 32 : program->capacity * 2;
        program->events =
            smh_must_resize(program->events, program->capacity, sizeof(*program->events));
    }
    program->events[program->count++] = *event;
}

void smh_program_free(struct smh_program *program)
{
    free(program->events);
    memset(program, 0, sizeof(*program));
}

void smh_program_play(const struct smh_program *program, struct smh_judge *judge)
{
    for (size_t i = 0; i < program->count; i++) {
        const struct smh_program_event *event = &program->events[i];
        switch (event->what) {
        case SMH_PROGRAM_HAND_OUT:
            smh_judge_hand_out(judge, &event->owner, event->reserved);
            break;
        case SMH_PROGRAM_RESIZE:
            smh_judge_resize(judge, &event->owner, event->reserved);
            break;
        case SMH_PROGRAM_FREE:
            smh_judge_free(judge, event->access.region, event->access.offset,
                           event->access.operation);
            break;
        default:
            smh_judge_access(judge, &event->access);
            break;
        }
    }
}
