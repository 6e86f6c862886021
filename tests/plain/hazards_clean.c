/* hazards_clean.c: correct drivers by the billion; the judge must stay silent.
 *
 * usage: hazards_clean [OPERATIONS [SEED]]      1e9 and 1
 * Each million operations runs on a machine of its own, drawn from the seed. Exit code 1 and the
 * hazards, when there is one.
 */
#include "../../sim/hazard/drivers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PART 1000000u

static int report(const struct smh_drivers *drivers, uint64_t seed)
{
    for (size_t i = 0; i < smh_judge_hazard_count(drivers->judge); i++) {
        const struct smh_hazard *hazard = smh_judge_hazard_at(drivers->judge, i);
        printf("seed %" PRIu64 ": H%u at operation %" PRIu64 ": %s\n%s", seed, hazard->hazard_class,
               hazard->operation, hazard->explanation, hazard->drawing);
    }
    if (smh_judge_lines_given_up(drivers->judge) != 0) {
        printf("seed %" PRIu64 ": %" PRIu64 " lines given up\n", seed,
               smh_judge_lines_given_up(drivers->judge));
        return 1;
    }
    return smh_judge_hazard_count(drivers->judge) != 0;
}

int main(int argc, char **argv)
{
    uint64_t operations = argc > 1 ? (uint64_t)strtod(argv[1], NULL) : 1000000000u;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    uint64_t told = 0;
    uint64_t maintenance = 0;
    uint64_t machines = 0;
    while (told < operations) {
        struct smh_drivers drivers;
        uint64_t part = operations - told < PART ? operations - told : PART;
        smh_drivers_open(&drivers, seed + machines);
        smh_drivers_run(&drivers, part);
        int code = report(&drivers, seed + machines);
        told += drivers.operations;
        maintenance += drivers.maintenance;
        machines++;
        smh_drivers_close(&drivers);
        if (code != 0) {
            return 1;
        }
    }
    printf("no hazard in %" PRIu64 " operations (%" PRIu64 " of maintenance) on %" PRIu64
           " machines, seeds %" PRIu64 "..%" PRIu64 "\n",
           told, maintenance, machines, seed, seed + machines - 1);
    return 0;
}
