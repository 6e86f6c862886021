/* result.c: deriving, judging and freeing a result. See result.h. */
#include "result.h"

#include "hazard/expect.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *smh_failure_name(enum smh_failure_reason reason)
{
    static const char *const names[SMH_FAILURE_REASON_COUNT] = {"no_region", "fragmented", "full"};
    return names[reason];
}

uint64_t smh_result_failures(const struct smh_result *result)
{
    uint64_t total = 0;
    for (int reason = 0; reason < SMH_FAILURE_REASON_COUNT; reason++) {
        total += result->failures[reason];
    }
    return total;
}

double smh_ratio(double numerator, double denominator)
{
    return denominator == 0.0 ? (double)NAN : numerator / denominator;
}

double smh_result_fragmentation(const struct smh_region_result *region, int measure)
{
    switch (measure) {
    case 1:
        return smh_ratio((double)region->high_water_sum, (double)region->live_sum);
    case 2:
        return smh_ratio((double)region->high_water_at_peak_live, (double)region->peak_live_bytes);
    case 3:
        return smh_ratio((double)region->high_water_bytes, (double)region->live_at_high_water);
    default:
        return smh_ratio((double)region->high_water_bytes, (double)region->peak_live_bytes);
    }
}

/* Bucket b covers, with e = b / 8 and m = b % 8, [2^e * (8 + m) / 8, 2^e * (9 + m) / 8); below 8
 * each value has its own. */
size_t smh_latency_bucket(uint64_t value)
{
    if (value < 8) {
        return (size_t)value;
    }
    unsigned exponent = 63U - (unsigned)__builtin_clzll(value);
    return (size_t)((exponent - 2) * 8 + (value >> (exponent - 3) & 7));
}

void smh_latency_note(struct smh_latency *latency, uint64_t value)
{
    latency->min = latency->count == 0 || value < latency->min ? value : latency->min;
    latency->max = value > latency->max ? value : latency->max;
    latency->sum += value;
    latency->count++;
    latency->buckets[smh_latency_bucket(value)]++;
}

void smh_latency_add(struct smh_latency *latency, const struct smh_latency *others)
{
    if (others->count == 0) {
        return;
    }
    latency->min = latency->count == 0 || others->min < latency->min ? others->min : latency->min;
    latency->max = others->max > latency->max ? others->max : latency->max;
    latency->sum += others->sum;
    latency->count += others->count;
    for (size_t bucket = 0; bucket < SMH_LATENCY_BUCKETS; bucket++) {
        latency->buckets[bucket] += others->buckets[bucket];
    }
}

uint64_t smh_latency_bound(size_t bucket)
{
    if (bucket < 8) {
        return bucket;
    }
    unsigned exponent = (unsigned)(bucket / 8) + 2;
    uint64_t step = UINT64_C(1) << (exponent - 3);
    return (UINT64_C(1) << exponent) + (bucket % 8) * step + (step - 1);
}

uint64_t smh_latency_percentile(const struct smh_latency *latency, double percent)
{
    double wanted = (double)latency->count * percent / 100.0;
    uint64_t seen = 0;
    for (size_t bucket = 0; bucket < SMH_LATENCY_BUCKETS; bucket++) {
        seen += latency->buckets[bucket];
        if (seen > 0 && (double)seen >= wanted) {
            uint64_t bound = smh_latency_bound(bucket);
            return bound < latency->max ? bound : latency->max;
        }
    }
    return latency->max;
}

static void add_expectation(struct smh_result *result, bool passed, const char *what,
                            const char *allowed, const char *actual)
{
    struct smh_expectation_result *row = &result->expectations[result->expectation_count++];
    snprintf(row->what, sizeof(row->what), "%s", what);
    snprintf(row->allowed, sizeof(row->allowed), "%s", allowed);
    snprintf(row->actual, sizeof(row->actual), "%s", actual);
    row->passed = passed;
    result->passed = result->passed && passed;
}

static void judge_failures(struct smh_result *result, const struct smh_expect *expect)
{
    if (!expect->has_failed_allocations) {
        return;
    }
    char allowed[48];
    char actual[48];
    uint64_t total = smh_result_failures(result);
    if (expect->failed_allocations_min == expect->failed_allocations_max) {
        snprintf(allowed, sizeof(allowed), "%" PRIu64, expect->failed_allocations_min);
    } else {
        snprintf(allowed, sizeof(allowed), "%" PRIu64 " to %" PRIu64,
                 expect->failed_allocations_min, expect->failed_allocations_max);
    }
    snprintf(actual, sizeof(actual), "%" PRIu64, total);
    add_expectation(
        result, total >= expect->failed_allocations_min && total <= expect->failed_allocations_max,
        "failed_allocations", allowed, actual);
}

static void judge_region(struct smh_result *result, const struct smh_region_expect *expect)
{
    const char *name = result->scenario->machine.regions[expect->region].name;
    const struct smh_region_result *region = &result->regions[expect->region];
    char what[96];
    char allowed[48];
    char actual[48];
    if (expect->has_peak_used_max) {
        snprintf(what, sizeof(what), "regions.%.60s.peak_used_max", name);
        snprintf(allowed, sizeof(allowed), "%" PRIu64 " bytes", expect->peak_used_max_bytes);
        snprintf(actual, sizeof(actual), "%zu bytes", region->stats.peak_used_bytes);
        add_expectation(result, region->stats.peak_used_bytes <= expect->peak_used_max_bytes, what,
                        allowed, actual);
    }
}

static char *copy_text(const char *text)
{
    return text != NULL ? smh_must_copy(text) : NULL;
}

void smh_result_add_hazard(struct smh_result *result, const struct smh_hazard *hazard)
{
    size_t count = result->hazard_count++;
    if ((count & (count - 1)) == 0) { /* full at each power of two */
        result->hazards =
            smh_must_resize(result->hazards, count > 0 ? count * 2 : 1, sizeof(*result->hazards));
    }
    struct smh_hazard *copy = &result->hazards[count];
    *copy = *hazard;
    copy->explanation = copy_text(hazard->explanation);
    copy->advice = copy_text(hazard->advice);
    copy->drawing = copy_text(hazard->drawing);
}

/* The judge has done its work: what it found is kept, what it needed for that is not. */
static void take_hazards(struct smh_result *result)
{
    if (result->judge == NULL) {
        return;
    }
    size_t count = smh_judge_hazard_count(result->judge);
    for (size_t i = 0; i < count; i++) {
        smh_result_add_hazard(result, smh_judge_hazard_at(result->judge, i));
    }
    result->hazards_unlisted = smh_judge_unlisted(result->judge);
    result->hazard_lines_given_up = smh_judge_lines_given_up(result->judge);
    smh_judge_close(result->judge);
    result->judge = NULL;
    result->hazards_judged = true;
}

static void add_difference(struct smh_result *result, const char *text)
{
    result->hazard_differences =
        smh_must_resize(result->hazard_differences, result->hazard_difference_count + 1,
                        sizeof(*result->hazard_differences));
    result->hazard_differences[result->hazard_difference_count++] = smh_must_copy(text);
}

/* Of a list: entries that nothing agrees with. */
static void find_absent(struct smh_result *result, const struct smh_expect *expect)
{
    for (size_t i = 0; i < expect->hazard_count; i++) {
        const struct smh_hazard_expect *entry = &expect->hazard_list[i];
        bool found = false;
        for (size_t j = 0; j < result->hazard_count; j++) {
            found = found || smh_hazard_is_expected(result->scenario, &result->hazards[j], entry);
        }
        if (!found) {
            char text[1024];
            int used = snprintf(text, sizeof(text), "expected and did not occur: %s%s",
                                entry->class_name, entry->owner_count > 0 ? " of " : "");
            for (size_t j = 0; j < entry->owner_count && used < (int)sizeof(text); j++) {
                used += snprintf(text + used, sizeof(text) - (size_t)used, "%s%s",
                                 j > 0 ? " and " : "", entry->owners[j]);
            }
            add_difference(result, text);
        }
    }
}

/* Hazards that no entry of the list agrees with; of a number that is not met: all. */
static void find_unexpected(struct smh_result *result, const struct smh_expect *expect)
{
    bool number_met = expect->hazard_list == NULL && expect->hazards == result->hazard_count;
    for (size_t i = 0; i < result->hazard_count && !number_met; i++) {
        const struct smh_hazard *hazard = &result->hazards[i];
        bool found = false;
        for (size_t j = 0; j < expect->hazard_count; j++) {
            found =
                found || smh_hazard_is_expected(result->scenario, hazard, &expect->hazard_list[j]);
        }
        if (!found) {
            char title[2 * SMH_OWNER_NAME_BYTES + 16];
            char text[sizeof(title) + 128];
            smh_hazard_title(result->scenario, hazard, title, sizeof(title));
            snprintf(text, sizeof(text), "occurred%s: %s, first at operation %" PRIu64,
                     expect->hazard_list != NULL || expect->hazards == 0 ? " and was not expected"
                                                                         : "",
                     title, hazard->operation);
            add_difference(result, text);
        }
    }
}

static void judge_hazards(struct smh_result *result, const struct smh_expect *expect)
{
    if (!expect->has_hazards || !result->hazards_judged) {
        return;
    }
    char allowed[48];
    char actual[48];
    find_absent(result, expect);
    find_unexpected(result, expect);
    bool number_met = expect->hazard_list != NULL || expect->hazards == result->hazard_count;
    /* An entry of the list may stand for many. */
    if (expect->hazard_list != NULL) {
        snprintf(allowed, sizeof(allowed), "as listed");
    } else {
        snprintf(allowed, sizeof(allowed), "%" PRIu64, expect->hazards);
    }
    snprintf(actual, sizeof(actual), "%zu", result->hazard_count);
    add_expectation(result, number_met && result->hazard_difference_count == 0, "hazards", allowed,
                    actual);
}

void smh_result_judge(struct smh_result *result)
{
    const struct smh_expect *expect = &result->scenario->expect;
    result->passed = result->violation_count == 0;
    result->expectation_count = 0;
    result->expectations =
        smh_must_allocate(3 + expect->region_count, sizeof(*result->expectations));
    take_hazards(result);
    judge_failures(result, expect);
    judge_hazards(result, expect);
    for (size_t i = 0; i < expect->region_count; i++) {
        judge_region(result, &expect->regions[i]);
    }
}

void smh_result_free(struct smh_result *result)
{
    if (result->samples != NULL) {
        free(result->samples->time_ns);
        free(result->samples->operation_index);
        free(result->samples->regions);
        free(result->samples->map);
    }
    free(result->samples);
    free(result->regions);
    free(result->attributes);
    free(result->latency);
    free(result->expectations);
    smh_cycles_close(result->cycles);
    free(result->wrong_reads);
    if (result->judge != NULL) {
        smh_judge_close(result->judge);
    }
    for (size_t i = 0; i < result->hazard_count; i++) {
        free(result->hazards[i].explanation);
        free(result->hazards[i].advice);
        free(result->hazards[i].drawing);
    }
    free(result->hazards);
    for (size_t i = 0; i < result->hazard_difference_count; i++) {
        free(result->hazard_differences[i]);
    }
    free(result->hazard_differences);
    memset(result, 0, sizeof(*result));
}
