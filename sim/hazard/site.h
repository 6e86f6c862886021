/* site.h: which line of which file an operation is written on.
 *
 * Owns: the way from (actor, site) to a file and a line: of an operation in a scenario's list, its
 * line of the scenario; of a trace, the trace's line; of a generator, the line of its actor.
 */
#ifndef SMH_SIM_HAZARD_SITE_H
#define SMH_SIM_HAZARD_SITE_H

#include "../workload/scenario.h"

struct smh_place {
    const char *file; /* valid as long as the sites are open */
    size_t line;      /* from 1 */
};

struct smh_sites;

/* Reads the scenario's file; where it cannot be read again ("-"), lines are 1. */
struct smh_sites *smh_sites_open(const struct smh_scenario *scenario);
void smh_sites_close(struct smh_sites *sites);
void smh_sites_find(const struct smh_sites *sites, uint16_t actor, uint64_t site,
                    struct smh_place *place);

#endif
