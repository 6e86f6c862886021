/* verdict.c: orders runs and says so. See verdict.h. */
#include "verdict.h"

#include <inttypes.h>
#include <string.h>

static const char *engine_of(const struct smh_result *result)
{
    return result->engine != NULL ? result->engine : "as_written";
}

static uint64_t peak_used(const struct smh_result *result)
{
    uint64_t total = 0;
    for (size_t i = 0; i < result->scenario->machine.region_count; i++) {
        total += result->regions[i].stats.peak_used_bytes;
    }
    return total;
}

/* Whether left is better than right. */
static bool better(const struct smh_result *left, const struct smh_result *right)
{
    if (left->violation_count != right->violation_count) {
        return left->violation_count < right->violation_count;
    }
    if (smh_result_failures(left) != smh_result_failures(right)) {
        return smh_result_failures(left) < smh_result_failures(right);
    }
    if (left->passed != right->passed) {
        return left->passed;
    }
    return peak_used(left) < peak_used(right);
}

static bool is_usual(const struct smh_result *result)
{
    const struct smh_scenario *scenario = result->scenario;
    return (result->engine == NULL || strcmp(result->engine, SMH_ENGINE_DEFAULT->name) == 0) &&
           strcmp(result->policy, scenario->policy->name) == 0 && result->seed == scenario->seed;
}

struct smh_verdict smh_verdict_of(const struct smh_result *const *results, size_t count)
{
    struct smh_verdict verdict = {0};
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        if (better(results[i], results[verdict.best])) {
            verdict.best = i;
        }
        if (better(results[verdict.worst], results[i])) {
            verdict.worst = i;
        }
        if (!found && is_usual(results[i])) {
            verdict.usual = i;
            found = true;
        }
        verdict.passed += results[i]->passed ? 1 : 0;
    }
    return verdict;
}

static int describe(const struct smh_result *result, char *text, size_t bytes)
{
    return snprintf(text, bytes,
                    "engine %s with policy %s (%" PRIu64 " failed allocations, peak use %.1f KiB)",
                    engine_of(result), result->policy, smh_result_failures(result),
                    (double)peak_used(result) / 1024.0);
}

void smh_verdict_sentence(const struct smh_verdict *verdict,
                          const struct smh_result *const *results, size_t count, char *text,
                          size_t bytes)
{
    char best[200];
    char usual[200];
    char worst[200];
    describe(results[verdict->best], best, sizeof(best));
    describe(results[verdict->usual], usual, sizeof(usual));
    describe(results[verdict->worst], worst, sizeof(worst));
    uint64_t violations = 0;
    for (size_t i = 0; i < count; i++) {
        violations += results[i]->violation_count;
    }
    size_t used =
        (size_t)snprintf(text, bytes, "%zu of %zu runs of %s meet what it expects; best is %s",
                         verdict->passed, count, results[0]->scenario->name, best);
    if (verdict->usual != verdict->best && used < bytes) {
        used += (size_t)snprintf(text + used, bytes - used, ", the default is %s", usual);
    }
    if (verdict->worst != verdict->best && verdict->worst != verdict->usual && used < bytes) {
        used += (size_t)snprintf(text + used, bytes - used, ", worst is %s", worst);
    }
    if (used < bytes) {
        snprintf(text + used, bytes - used,
                 violations != 0 ? "; AN ALLOCATOR BROKE ITS RULES %" PRIu64 " TIMES." : ".",
                 violations);
    }
}

static bool same_row(const struct smh_result *left, const struct smh_result *right)
{
    return strcmp(engine_of(left), engine_of(right)) == 0 &&
           strcmp(left->policy, right->policy) == 0;
}

void smh_verdict_table(const struct smh_result *const *results, size_t count, FILE *out)
{
    fprintf(out, "%-14s %-16s %9s %9s %10s %9s %6s %12s\n", "engine", "policy", "passed", "failed",
            "fragmented", "no region", "full", "peak used");
    for (size_t i = 0; i < count;) {
        uint64_t failures[SMH_FAILURE_REASON_COUNT] = {0};
        uint64_t total = 0;
        uint64_t peak = 0;
        size_t passed = 0;
        size_t end = i;
        for (; end < count && same_row(results[i], results[end]); end++) {
            for (int reason = 0; reason < SMH_FAILURE_REASON_COUNT; reason++) {
                failures[reason] += results[end]->failures[reason];
            }
            total += smh_result_failures(results[end]);
            passed += results[end]->passed ? 1 : 0;
            uint64_t used = peak_used(results[end]);
            peak = used > peak ? used : peak;
        }
        char share[32];
        snprintf(share, sizeof(share), "%zu/%zu", passed, end - i);
        fprintf(out,
                "%-14s %-16s %9s %9" PRIu64 " %10" PRIu64 " %9" PRIu64 " %6" PRIu64 " %8.1f KiB\n",
                engine_of(results[i]), results[i]->policy, share, total,
                failures[SMH_FAILURE_FRAGMENTED], failures[SMH_FAILURE_NO_REGION],
                failures[SMH_FAILURE_FULL], (double)peak / 1024.0);
        i = end;
    }
}
