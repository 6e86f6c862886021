/* program.h: what the judge is told, kept: hand-outs, frees and accesses in their order.
 *
 * Owns: struct smh_program. Explorers (explore.h) run it again under other schedules.
 */
#ifndef SMH_SIM_HAZARD_PROGRAM_H
#define SMH_SIM_HAZARD_PROGRAM_H

#include "judge.h"

#include <stdio.h>

struct smh_program_event {
    enum { SMH_PROGRAM_ACCESS, SMH_PROGRAM_HAND_OUT, SMH_PROGRAM_RESIZE, SMH_PROGRAM_FREE } what;
    struct smh_access access; /* of an access; of a free: region, offset, operation */
    struct smh_owner owner;   /* of a hand-out or a resize */
    uint64_t reserved;        /* the same */
};

struct smh_program {
    struct smh_program_event *events;
    size_t count, capacity;
};

void smh_program_add(struct smh_program *program, const struct smh_program_event *event);
/* Adds that block `slot`, [offset, offset + bytes) of region 0, is handed out, or freed. */
void smh_program_add_hand_out(struct smh_program *program, uint64_t offset, uint64_t bytes,
                              uint32_t slot);
void smh_program_add_free(struct smh_program *program, uint64_t offset);
void smh_program_free(struct smh_program *program);
/* A line per event, numbered from 0, for whoever has to read it. */
void smh_program_print(const struct smh_program *program, FILE *out);
/* Tells a judge all of it. */
void smh_program_play(const struct smh_program *program, struct smh_judge *judge);

/* From now on what the judge is told is added to program as well, which must outlive it. NULL:
 * no more. */
void smh_judge_record(struct smh_judge *judge, struct smh_program *program);

#endif
