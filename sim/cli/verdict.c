/* verdict.c: orders combinations and says so. See verdict.h. */
#include "verdict.h"

#include <inttypes.h>
#include <stdlib.h>
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

static bool same_row(const struct smh_result *left, const struct smh_result *right)
{
    return strcmp(engine_of(left), engine_of(right)) == 0 &&
           strcmp(left->policy, right->policy) == 0;
}

static bool better(const struct smh_verdict_row *left, const struct smh_verdict_row *right)
{
    if (left->violations != right->violations) {
        return left->violations < right->violations;
    }
    if (left->failed != right->failed) {
        return left->failed < right->failed;
    }
    if (left->passed != right->passed) {
        return left->passed > right->passed;
    }
    if (left->judged && right->judged && left->hazards != right->hazards) {
        return left->hazards < right->hazards;
    }
    return left->peak_used_bytes < right->peak_used_bytes;
}

static bool is_usual(const struct smh_result *result)
{
    return (result->engine == NULL || strcmp(result->engine, SMH_ENGINE_DEFAULT->name) == 0) &&
           strcmp(result->policy, result->scenario->policy->name) == 0;
}

static void add_cycles(struct smh_verdict_row *row, const struct smh_result *result)
{
    struct smh_latency total;
    if (row->alloc_cycles == NULL) {
        row->alloc_cycles = smh_must_allocate(1, sizeof(*row->alloc_cycles));
        row->free_cycles = smh_must_allocate(1, sizeof(*row->free_cycles));
    }
    smh_cycles_total(result, SMH_OPERATION_ALLOC, &total);
    smh_latency_add(row->alloc_cycles, &total);
    smh_cycles_total(result, SMH_OPERATION_FREE, &total);
    smh_latency_add(row->free_cycles, &total);
}

static void add_run(struct smh_verdict_row *row, const struct smh_result *result)
{
    for (int reason = 0; reason < SMH_FAILURE_REASON_COUNT; reason++) {
        row->failures[reason] += result->failures[reason];
    }
    row->failed += smh_result_failures(result);
    row->violations += result->violation_count;
    row->passed += result->passed ? 1 : 0;
    row->runs++;
    uint64_t used = peak_used(result);
    row->peak_used_bytes = used > row->peak_used_bytes ? used : row->peak_used_bytes;
    row->wrong_reads += result->wrong_reads != NULL ? result->wrong_reads->count : 0;
    row->judged = row->judged || result->hazards_judged;
    uint64_t hazards = result->hazard_count + result->hazards_unlisted;
    row->hazards = hazards > row->hazards ? hazards : row->hazards;
    if (result->cycles != NULL) {
        add_cycles(row, result);
    }
}

static double mean_of(const struct smh_latency *latency)
{
    return smh_ratio((double)latency->sum, (double)latency->count);
}

static bool faster(const struct smh_verdict_row *left, const struct smh_verdict_row *right)
{
    uint64_t left_cycles = smh_latency_percentile(left->alloc_cycles, 99);
    uint64_t right_cycles = smh_latency_percentile(right->alloc_cycles, 99);
    if (left_cycles != right_cycles) {
        return left_cycles < right_cycles;
    }
    return mean_of(left->alloc_cycles) < mean_of(right->alloc_cycles);
}

static size_t find_fastest(const struct smh_verdict *verdict)
{
    size_t fastest = SMH_VERDICT_NONE;
    for (size_t i = 0; i < verdict->row_count; i++) {
        const struct smh_verdict_row *row = &verdict->rows[i];
        if (row->alloc_cycles != NULL && row->alloc_cycles->count != 0 && row->violations == 0 &&
            row->failed <= verdict->rows[verdict->best].failed &&
            (fastest == SMH_VERDICT_NONE || faster(row, &verdict->rows[fastest]))) {
            fastest = i;
        }
    }
    return fastest;
}

void smh_verdict_open(struct smh_verdict *verdict, const struct smh_result *const *results,
                      size_t count)
{
    *verdict = (struct smh_verdict){.results = results, .result_count = count};
    verdict->rows = smh_must_allocate(count, sizeof(*verdict->rows));
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || !same_row(results[i], results[i - 1])) {
            verdict->rows[verdict->row_count++].first = i;
        }
        add_run(&verdict->rows[verdict->row_count - 1], results[i]);
    }
    verdict->usual = SMH_VERDICT_NONE;
    for (size_t i = 0; i < verdict->row_count; i++) {
        if (better(&verdict->rows[i], &verdict->rows[verdict->best])) {
            verdict->best = i;
        }
        if (better(&verdict->rows[verdict->worst], &verdict->rows[i])) {
            verdict->worst = i;
        }
        if (verdict->usual == SMH_VERDICT_NONE && is_usual(results[verdict->rows[i].first])) {
            verdict->usual = i;
        }
    }
    verdict->fastest = find_fastest(verdict);
}

void smh_verdict_close(struct smh_verdict *verdict)
{
    for (size_t i = 0; i < verdict->row_count; i++) {
        free(verdict->rows[i].alloc_cycles);
        free(verdict->rows[i].free_cycles);
    }
    free(verdict->rows);
    verdict->rows = NULL;
}

/* Appends to text, as far as there is room. */
static void __attribute__((format(printf, 3, 4)))
append(char *text, size_t bytes, const char *format, ...)
{
    size_t used = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + used, bytes - used, format, arguments);
    va_end(arguments);
}

static void describe(const struct smh_verdict *verdict, size_t index, char *text, size_t bytes)
{
    const struct smh_verdict_row *row = &verdict->rows[index];
    const struct smh_result *first = verdict->results[row->first];
    append(text, bytes, "engine %s with policy %s (%" PRIu64 " failed allocations, ",
           engine_of(first), first->policy, row->failed);
    append(text, bytes, "peak use %.1f KiB", (double)row->peak_used_bytes / 1024.0);
    if (row->judged) {
        append(text, bytes, ", %" PRIu64 " hazard%s", row->hazards, row->hazards == 1 ? "" : "s");
    }
    if (row->alloc_cycles != NULL && row->alloc_cycles->count != 0) {
        append(text, bytes, ", allocates in %" PRIu64 " cycles at the 99th percentile",
               smh_latency_percentile(row->alloc_cycles, 99));
    }
    append(text, bytes, ")");
}

void smh_verdict_sentence(const struct smh_verdict *verdict, char *text, size_t bytes)
{
    size_t passed = 0;
    uint64_t violations = 0;
    for (size_t i = 0; i < verdict->row_count; i++) {
        passed += verdict->rows[i].passed;
        violations += verdict->rows[i].violations;
    }
    text[0] = '\0';
    append(text, bytes, "%zu of %zu runs of %s meet what it expects; best is ", passed,
           verdict->result_count, verdict->results[0]->scenario->name);
    describe(verdict, verdict->best, text, bytes);
    if (verdict->usual == verdict->best) {
        append(text, bytes, ", which is the default");
    } else if (verdict->usual != SMH_VERDICT_NONE) {
        append(text, bytes, "; the default is ");
        describe(verdict, verdict->usual, text, bytes);
    }
    if (verdict->worst != verdict->best && verdict->worst != verdict->usual) {
        append(text, bytes, "; worst is ");
        describe(verdict, verdict->worst, text, bytes);
    }
    if (verdict->fastest != SMH_VERDICT_NONE && verdict->fastest != verdict->best) {
        append(text, bytes, "; fastest to allocate is ");
        describe(verdict, verdict->fastest, text, bytes);
    }
    if (violations != 0) {
        append(text, bytes, "; AN ALLOCATOR BROKE ITS RULES %" PRIu64 " TIMES", violations);
    }
    append(text, bytes, ".");
}

/* "12.3 57 800": mean, 99th percentile and worst. */
static void print_latency(const struct smh_latency *latency, FILE *out)
{
    if (latency->count == 0) {
        fprintf(out, " %9s %7s %8s", "-", "-", "-");
        return;
    }
    fprintf(out, " %9.1f %7" PRIu64 " %8" PRIu64, mean_of(latency),
            smh_latency_percentile(latency, 99), latency->max);
}

void smh_verdict_table(const struct smh_verdict *verdict, FILE *out)
{
    bool cycles = verdict->rows[0].alloc_cycles != NULL;
    bool judged = false;
    for (size_t i = 0; i < verdict->row_count; i++) {
        judged = judged || verdict->rows[i].judged;
    }
    fprintf(out, "%-14s %-16s %9s %9s %10s %9s %9s %12s", "engine", "policy", "passed", "failed",
            "fragmented", "no region", "full", "peak used");
    if (judged) {
        fprintf(out, " %8s", "hazards");
    }
    if (cycles) {
        fprintf(out, " %9s %7s %8s %9s %7s %8s  (cycles)", "alloc", "99%", "max", "free", "99%",
                "max");
    }
    fprintf(out, "\n");
    for (size_t i = 0; i < verdict->row_count; i++) {
        const struct smh_verdict_row *row = &verdict->rows[i];
        const struct smh_result *first = verdict->results[row->first];
        char share[48];
        snprintf(share, sizeof(share), "%zu/%zu", row->passed, row->runs);
        fprintf(out,
                "%-14s %-16s %9s %9" PRIu64 " %10" PRIu64 " %9" PRIu64 " %9" PRIu64 " %8.1f KiB",
                engine_of(first), first->policy, share, row->failed,
                row->failures[SMH_FAILURE_FRAGMENTED], row->failures[SMH_FAILURE_NO_REGION],
                row->failures[SMH_FAILURE_FULL], (double)row->peak_used_bytes / 1024.0);
        if (judged && row->judged) {
            fprintf(out, " %8" PRIu64, row->hazards);
        } else if (judged) {
            fprintf(out, " %8s", "-");
        }
        if (cycles) {
            print_latency(row->alloc_cycles, out);
            print_latency(row->free_cycles, out);
        }
        fprintf(out, "\n");
    }
}
