/* program.c: see program.h. */
#include "program.h"

#include "../error.h"

#include <inttypes.h>
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

void smh_program_add_hand_out(struct smh_program *program, uint64_t offset, uint64_t bytes,
                              uint32_t slot)
{
    struct smh_program_event event = {.what = SMH_PROGRAM_HAND_OUT,
                                      .owner = {.operation = program->count,
                                                .offset = offset,
                                                .bytes = bytes,
                                                .slot = slot,
                                                .kind = SMH_OWNER_BLOCK},
                                      .reserved = bytes};
    smh_program_add(program, &event);
}

void smh_program_add_free(struct smh_program *program, uint64_t offset)
{
    struct smh_program_event event = {.what = SMH_PROGRAM_FREE,
                                      .access = {.operation = program->count, .offset = offset}};
    smh_program_add(program, &event);
}

static void print_access(const struct smh_access *access, FILE *out)
{
    static const char *const kinds[] = {"load",  "store",      "dma_read", "dma_write",
                                        "clean", "invalidate", "flush",    "barrier"};
    fprintf(out, "%s %" PRIu64 ", %" PRIu64 " core %u%s%s step %u\n", kinds[access->kind],
            access->offset, access->bytes, access->core, access->uncached ? " uncached" : "",
            access->by_allocator ? " allocator" : "", access->step);
}

void smh_program_print(const struct smh_program *program, FILE *out)
{
    for (size_t i = 0; i < program->count; i++) {
        const struct smh_program_event *event = &program->events[i];
        fprintf(out, "%2zu ", i);
        if (event->what == SMH_PROGRAM_ACCESS) {
            print_access(&event->access, out);
        } else if (event->what == SMH_PROGRAM_FREE) {
            fprintf(out, "free at %" PRIu64 "\n", event->access.offset);
        } else {
            fprintf(out, "%s %u at %" PRIu64 ", %" PRIu64 "\n",
                    event->what == SMH_PROGRAM_RESIZE ? "resize" : "hand_out", event->owner.slot,
                    event->owner.offset, event->owner.bytes);
        }
    }
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
