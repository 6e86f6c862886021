/* workload.h: what loading and replaying a scenario's actors share.
 *
 * Owns: how an actor of a scenario reads its trace.
 */
#ifndef SMH_SIM_WORKLOAD_H
#define SMH_SIM_WORKLOAD_H

#include "scenario.h"
#include "trace.h"

/* The options of an actor's first repetition; the scenario must outlive them. */
void smh_actor_trace_options(const struct smh_scenario *scenario, size_t actor,
                             struct smh_trace_options *options);

#endif
