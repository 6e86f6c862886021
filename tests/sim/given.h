/* given.h: what the tests of the simulator start from.
 *
 * Owns: scenarios written in the test itself, with ' for ", replays of them, and the hardware of
 * one.
 */
#ifndef SMH_TESTS_GIVEN_H
#define SMH_TESTS_GIVEN_H

#include "../../sim/hardware.h"
#include "../../sim/replay.h"

/* Loads a scenario from its text; the test fails when it does not load. Freed by given_clear. */
struct smh_scenario *given_scenario(const char *text);
/* Replays it with every oracle on and everything counted; the test fails when it cannot run. What
 * the result points to is freed by given_clear. */
struct smh_result given_run(const struct smh_scenario *scenario, const struct smh_engine *engine);
/* A machine whose allocator is traced, with the hardware of a scenario's text behind it. */
struct given_hardware {
    struct smh_machine machine;
    struct smh_result result;
    struct smh_hardware hardware;
};
void given_hardware_open(struct given_hardware *given, const char *text);
/* Calls given_clear as well. */
void given_hardware_close(struct given_hardware *given);
/* Frees all that the first two have given; to be called when a test ends. */
void given_clear(void);

#endif
