/* machine.h: the simulated memories, and the pool over them.
 *
 * Owns: the mapped regions of one run, the start bitmaps of in-band engines, and the pool whose
 * slot i is the scenario's region i.
 *
 *      PROT_NONE | slack | region: size bytes | slack | PROT_NONE | ... | region | ... | PROT_NONE
 *                '------ whole pages --------'
 *
 * Invariants: host addresses are congruent to the scenario's bases modulo SMH_MACHINE_MODULUS and
 * in the same order, so that padding, placement and the policy `address` depend on the scenario
 * alone. The slack between a region and its pages holds a fill that smh_machine_check_guards()
 * compares; beyond the pages the host faults.
 */
#ifndef SMH_SIM_MACHINE_H
#define SMH_SIM_MACHINE_H

#include "../workload/scenario.h"
#include "core.h"

#if UINTPTR_MAX > UINT32_MAX
#define SMH_MACHINE_MODULUS ((uint64_t)1 << 30)
#else
#define SMH_MACHINE_MODULUS ((uint64_t)1 << 24)
#endif

struct smh_machine_region {
    uint8_t *memory; /* host address of the region's first byte */
    uint64_t size;   /* bytes, without the stacks and other regions' tables that took of its end */
    uint64_t metadata_bytes; /* tables of this region that lie in another */
    void *start_bitmap;      /* of an in-band engine; outside the machine */
};

struct smh_machine {
    const struct smh_scenario *scenario;
    const struct smh_core *core;
    const struct smh_policy *policy; /* the one in force; of a traced core: its own copy of it */
    struct smh_pool pool;
    struct smh_pool_slot *slots;
    struct smh_machine_region *regions;
    size_t region_count;
    uint8_t *reservation; /* all regions and guards */
    size_t reservation_bytes;
};

/* What the command line says against the scenario. */
struct smh_machine_choice {
    const struct smh_engine *engine; /* NULL: each region's own, or the default. One that does not
                                        take a region's granule lays it out on its own */
    const struct smh_policy *policy; /* NULL: the scenario's */
    const struct smh_core *core;     /* NULL: smh_core_plain. A traced one brings its own copies of
                                        the core's engines and policies; others stay as they are */
};

/* Maps the regions and fills the pool. 0, or -1 with *error set: the host refuses the mapping, or
 * a region is refused by its engine (too small, wrong granule). The machine is then closed. */
int smh_machine_open(struct smh_machine *machine, const struct smh_scenario *scenario,
                     const struct smh_machine_choice *choice, struct smh_error *error);
void smh_machine_close(struct smh_machine *machine);

/* 0, or the index + 1 of a region beside which a byte has changed. */
size_t smh_machine_check_guards(const struct smh_machine *machine);

/* Whether region i matches what the operation asks for: its attribute, or one of its list. */
bool smh_machine_may_serve(const struct smh_machine *machine, size_t region,
                           const struct smh_operation *operation);

#endif
