/* given.h: what the tests of the simulator start from.
 *
 * Owns: scenarios written in the test itself, with ' for ", and replays of them.
 */
#ifndef SMH_TESTS_GIVEN_H
#define SMH_TESTS_GIVEN_H

#include "../../sim/replay.h"

/* Loads a scenario from its text; the test fails when it does not load. Freed by given_clear. */
struct smh_scenario *given_scenario(const char *text);
/* Replays it with every oracle on and everything counted; the test fails when it cannot run. What
 * the result points to is freed by given_clear. */
struct smh_result given_run(const struct smh_scenario *scenario, const struct smh_engine *engine);
/* Frees all that the two have given; to be called when a test ends. */
void given_clear(void);

#endif
