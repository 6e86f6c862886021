/* verdict.h: which combination of engine and policy is best, in words and in a table.
 *
 * Owns: the rows (all seeds of an engine and a policy together) and their order: fewer violations,
 * then fewer failed allocations, then more runs that meet the expectations, then fewer hazards,
 * then less peak use over all regions, then the order of the command line.
 */
#ifndef SMH_CLI_VERDICT_H
#define SMH_CLI_VERDICT_H

#include "../result.h"

#include <stdio.h>

/* The runs of one engine and policy, which stand side by side in the results. */
struct smh_verdict_row {
    size_t first; /* index of its first run */
    size_t runs;
    size_t passed;
    uint64_t violations;
    uint64_t failed;
    uint64_t failures[SMH_FAILURE_REASON_COUNT];
    uint64_t peak_used_bytes; /* over all regions; the largest of its runs */
    /* In the target's cycles, over all its runs; NULL: not simulated. */
    struct smh_latency *alloc_cycles;
    struct smh_latency *free_cycles;
    uint64_t wrong_reads;
    bool judged;      /* hazards were */
    uint64_t hazards; /* distinct ones; the most of its runs */
};

#define SMH_VERDICT_NONE SIZE_MAX

struct smh_verdict {
    const struct smh_result *const *results;
    size_t result_count;
    struct smh_verdict_row *rows;
    size_t row_count;
    size_t best, worst;
    size_t usual; /* what a user has who chooses nothing: the default engine (or the scenario's own)
                     and the scenario's policy; SMH_VERDICT_NONE when that was not asked for */
    size_t fastest; /* the least cycles of alloc at the 99th percentile, then on average, of those
                       that fail as rarely as the best; SMH_VERDICT_NONE: not simulated */
};

/* Reads the results, which must outlive the verdict. count > 0. */
void smh_verdict_open(struct smh_verdict *verdict, const struct smh_result *const *results,
                      size_t count);
void smh_verdict_close(struct smh_verdict *verdict);
void smh_verdict_sentence(const struct smh_verdict *verdict, char *text, size_t bytes);
void smh_verdict_table(const struct smh_verdict *verdict, FILE *out);

#endif
