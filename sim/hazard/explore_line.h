/* explore_line.h: all schedules of one line.
 *
 * Owns: turning a program into the events of one line, and enumerating what hardware may do
 * between them.
 */
#ifndef SMH_SIM_HAZARD_EXPLORE_LINE_H
#define SMH_SIM_HAZARD_EXPLORE_LINE_H

#include "concrete.h"
#include "explore.h"

#define SMH_EXPLORE_STATES_MAX 400000 /* of one line */

/* One event of the line and where it stands in the program. */
struct smh_explore_event {
    struct smh_concrete_event concrete;
    size_t index;     /* in the program */
    uint32_t counted; /* units whose loss counts at once after this event: of a block's owner */
    uint8_t expected[SMH_CONCRETE_UNITS_MAX]; /* after it: number of the last write; 0: none */
};

struct smh_explore_line {
    struct smh_concrete machine;
    uint16_t region;
    uint64_t first; /* offset + skew of the line */
    uint32_t line_bytes;
    uint16_t starts[SMH_CONCRETE_UNITS_MAX + 1]; /* of each unit, in the line; the line's end */
    uint8_t cores[SMH_CONCRETE_CORES_MAX];       /* of the machine, as numbered here */
    struct smh_explore_event *events;
    size_t event_count, event_capacity;
};

/* The events of program on the line at `first` (offset + skew). -1 with *error set: too many. */
int smh_explore_line_open(struct smh_explore_line *line, const struct smh_scenario *scenario,
                          const struct smh_program *program, uint16_t region, uint64_t first,
                          struct smh_error *error);
void smh_explore_line_close(struct smh_explore_line *line);

/* What the search came to: of a line that goes wrong, the steps. */
struct smh_explore_outcome {
    bool goes_wrong;
    bool lost;
    bool beyond;
    unsigned unit;
    uint64_t schedules;
    uint64_t states;
    struct {
        bool is_event;
        size_t event; /* index of the line's events */
        struct smh_concrete_move move;
    } * steps;
    size_t step_count;
};
/* -1 with *error set: more states than SMH_EXPLORE_STATES_MAX. */
int smh_explore_line_run(const struct smh_explore_line *line, struct smh_explore_outcome *outcome,
                         struct smh_error *error);

#endif
