/* explore.h: every schedule of a small program, with data; and random ones of any program.
 *
 * Owns: the exhaustive explorer, a second opinion that shares nothing with the judge but the rules
 * (judge.h) of what counts as wrong.
 *
 * It carries real values: each byte of each copy of a line holds the number of the write that it
 * comes from, and store buffers are queues. Between two events each line may do whatever hardware
 * may do (fetch, write back, drop, carry out the oldest pending store), any number of times; a
 * schedule is the choice, in each gap and for each line, of the state in which the next event meets
 * it. All are enumerated; schedules that have led to equal states go on together and are counted
 * apart.
 *
 *      gap          event        gap          event
 *     s0 -+-> s0 --store--> s2 -+-> s2 --dma--> ...      one line; lines do not disturb each other,
 *         '-> s1 --store--> s3  '-> s4 --dma--> ...      and their schedules multiply
 */
#ifndef SMH_SIM_HAZARD_EXPLORE_H
#define SMH_SIM_HAZARD_EXPLORE_H

#include "program.h"

#define SMH_EXPLORE_EVENTS_MAX 12 /* accesses that are not the allocator's */

struct smh_explored_step {
    bool by_hardware;
    size_t event; /* index in the program */
    struct smh_hazard_step step;
};

struct smh_exploration {
    bool goes_wrong;
    bool lost;          /* of what goes wrong: the bytes are lost; else a read is wrong */
    bool beyond;        /* more schedules than 64 bits count */
    uint64_t schedules; /* all; of one that goes wrong: until then, of its line */
    uint64_t states;    /* distinct ones that were met */
    uint16_t region;    /* of what goes wrong */
    uint64_t offset;    /* of the first byte that does */
    struct smh_explored_step *steps; /* on its line, hardware's included */
    size_t step_count;
};

/* Enumerates all schedules of program on the scenario's machine. 0; -1 with *error set: more than
 * SMH_EXPLORE_EVENTS_MAX accesses (limit 0: any number), or too many states. */
int smh_explore(const struct smh_scenario *scenario, const uint64_t sizes[],
                const struct smh_program *program, size_t limit,
                struct smh_exploration *exploration, struct smh_error *error);
void smh_exploration_free(struct smh_exploration *exploration);
/* "free of hazards in N schedules", or the counter-example. */
void smh_exploration_print(const struct smh_scenario *scenario, const struct smh_program *program,
                           const struct smh_exploration *exploration, FILE *out);

struct smh_random_exploration {
    uint64_t seeds;       /* tried */
    uint64_t wrong_seeds; /* that read something wrong */
    uint64_t first_seed;  /* of those */
    size_t event;         /* in the program, at which the first read was wrong */
    uint64_t offset;
};

/* Runs program `seeds` times on the memory system (machine/memory.h) with evictions and fills at
 * random, from first_seed on. -1 with *error set: no memory. */
int smh_explore_seeds(const struct smh_scenario *scenario, const uint64_t sizes[],
                      const struct smh_program *program, uint64_t first_seed, uint64_t seeds,
                      struct smh_random_exploration *exploration, struct smh_error *error);
void smh_random_exploration_print(const struct smh_scenario *scenario,
                                  const struct smh_program *program,
                                  const struct smh_random_exploration *exploration, FILE *out);

#endif
