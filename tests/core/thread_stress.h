/* thread_stress.h: many threads on one pool.
 *
 * Owns: the stress itself, for test_threads.c and for tests/plain/threads.c.
 */
#ifndef SMH_TESTS_THREAD_STRESS_H
#define SMH_TESTS_THREAD_STRESS_H

#include <smh/pool.h>

/* Four threads on three regions under a policy, 250 regions added meanwhile. NULL, or the
 * complaint. */
const char *thread_stress_run(const struct smh_policy *policy);
/* Four threads initialise the shared pool and add the same regions, once in a process. */
const char *thread_stress_race(void);

#endif
