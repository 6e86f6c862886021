/* hazard_program.h: random small machines and programs, on which the judge and the explorers must
 * agree.
 *
 * Owns: making a program of a seed: one region, two lines of 16 bytes, up to three blocks that
 * share them or not, one or two cores, any caches, and 3 to 9 events of any kind, most of them
 * wrong somewhere.
 */
#ifndef TESTS_SIM_HAZARD_PROGRAM_H
#define TESTS_SIM_HAZARD_PROGRAM_H

#include "../../sim/hazard/explore.h"
#include "../../sim/random.h"
#include "hazard_case.h"

/* given is not open. The program is freed by its caller. */
void hazard_program(struct smh_random *random, struct hazard_case *given,
                    struct smh_program *program);
/* One event a line, to paste into a report. */
void hazard_program_print(const struct hazard_case *given, const struct smh_program *program,
                          FILE *out);

#endif
