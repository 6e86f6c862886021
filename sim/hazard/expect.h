/* expect.h: what owners of bytes are called, and whether the hazards that occurred are those that a
 * scenario expects.
 *
 * Owns: names. A block of a list is "frame" or "camera/frame"; a block of a trace or a generator is
 * called as its actor is; a buffer on a stack also "stack"; the allocator's tables "metadata".
 * Invariants: an expectation and a hazard agree when their classes do and each name that is
 * expected is the name of an owner and each owner has one of the names; without `owners` the class
 * alone is asked for. A run meets a list when each hazard agrees with an entry and each entry
 * with a hazard.
 */
#ifndef SMH_SIM_HAZARD_EXPECT_H
#define SMH_SIM_HAZARD_EXPECT_H

#include "judge.h"

#define SMH_OWNER_NAME_BYTES 320

/* The name by which reports call the owner: "camera/frame", "net", "metadata", "nobody". */
void smh_owner_name(const struct smh_scenario *scenario, const struct smh_owner *owner,
                    char text[SMH_OWNER_NAME_BYTES]);
bool smh_owner_is_called(const struct smh_scenario *scenario, const struct smh_owner *owner,
                         const char *name);
bool smh_hazard_is_expected(const struct smh_scenario *scenario, const struct smh_hazard *hazard,
                            const struct smh_hazard_expect *expect);
/* "H2 of camera/frame and metadata" into text. */
void smh_hazard_title(const struct smh_scenario *scenario, const struct smh_hazard *hazard,
                      char *text, size_t bytes);

#endif
