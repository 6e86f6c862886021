/* faulty_engines.h: engines with a planted fault each, to test the testers.
 *
 * Owns: the table of them. Each is first_fit but for one thing, which its name and summary say.
 * Invariants: a fault never touches memory outside the heap's, so that a test that catches it can
 * go on; an engine without its fault would be first_fit, byte for byte.
 */
#ifndef SMH_TESTS_FAULTY_ENGINES_H
#define SMH_TESTS_FAULTY_ENGINES_H

#include <smh/engine.h>

/* The i-th faulty engine; NULL past the last. */
const struct smh_engine *smh_faulty_engine_at(size_t index);
/* By name; NULL when there is none. */
const struct smh_engine *smh_faulty_engine_find(const char *name);

#endif
