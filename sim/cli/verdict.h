/* verdict.h: which of several runs is best, in words and in a table.
 *
 * Owns: the order of runs: fewer violations, then fewer failed allocations, then fewer expectations
 * missed, then less peak use over all regions.
 */
#ifndef SMH_CLI_VERDICT_H
#define SMH_CLI_VERDICT_H

#include "../result.h"

#include <stdio.h>

struct smh_verdict {
    size_t best, worst;
    size_t usual; /* what a user has who chooses nothing: the default engine, the scenario's policy
                     and seed; the first run when that was not asked for */
    size_t passed;
};

struct smh_verdict smh_verdict_of(const struct smh_result *const *results, size_t count);
void smh_verdict_sentence(const struct smh_verdict *verdict,
                          const struct smh_result *const *results, size_t count, char *text,
                          size_t bytes);
/* One row per engine and policy; several seeds are added up, peak use is the largest. */
void smh_verdict_table(const struct smh_result *const *results, size_t count, FILE *out);

#endif
