/* replay.h: the one replay.
 *
 * Owns: executing a stream of operations on the pool of a machine, judged by the oracle, counted
 * by the metrics; with caches and devices simulated where asked for (hardware.h).
 * Invariants: operations are executed one after the other in the order of the source; memory
 * grows with live blocks, not with the length of the stream; the result depends on the scenario,
 * the choice and the seed alone (host time apart).
 */
#ifndef SMH_SIM_REPLAY_H
#define SMH_SIM_REPLAY_H

#include "hazard/program.h"
#include "machine/machine.h"
#include "model/oracle.h"
#include "result.h"

struct smh_replay_options {
    struct smh_machine_choice choice;
    uint64_t seed;
    enum smh_checks checks;
    bool metrics;    /* live bytes, high-water marks and attributes; false: only the heaps' own
                        counters */
    bool samples;    /* and samples over time (needs metrics) */
    bool host_time;  /* and latency on the host's clock */
    bool cycles;     /* and what accesses cost on the target, cache by cache */
    bool hazards;    /* and judge hazards of caches and devices; without it they are judged where a
                        list of the scenario has accesses or the scenario expects hazards, not where
                        a source is given */
    bool no_hazards; /* not even there */
    struct smh_program *program; /* with hazards: what the judge was told; NULL: not kept */
    bool drain; /* free what is still live at the end, and check that regions are restored */
    uint64_t violations_max;   /* stop at one more than that many: what a broken heap does next is
                                  noise, and may be a crash */
    uint64_t validate_every;   /* operations between two validations of every heap; 0: at the end */
    struct smh_source *source; /* instead of the scenario's workload; closed by the replay */
    /* Called every 2^16 operations; NULL: never. */
    void (*progress)(void *context, uint64_t operations, uint64_t simulated_ns);
    void *context;
};

/* Runs scenario and fills *result, which is judged and must be freed; 0. -1 with *error set when
 * the input or the host fails; *result is then empty. */
int smh_replay(const struct smh_scenario *scenario, const struct smh_replay_options *options,
               struct smh_result *result, struct smh_error *error);

#endif
