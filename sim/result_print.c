/* result_print.c: the summary on the terminal. See result.h. */
#include "result.h"
#include "result_hazards.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* "12.3 KiB"; text must hold 16 bytes. */
static const char *human(uint64_t bytes, char text[16])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    double value = (double)bytes;
    while (value >= 1024.0 && unit < 4) {
        value /= 1024.0;
        unit++;
    }
    snprintf(text, 16, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return text;
}

static const char *percent(double part, double whole, char text[16])
{
    double ratio = smh_ratio(part, whole);
    if (isfinite(ratio)) {
        snprintf(text, 16, "%.1f%%", ratio * 100.0);
    } else {
        snprintf(text, 16, "-");
    }
    return text;
}

static const char *number(double value, char text[16])
{
    if (isfinite(value)) {
        snprintf(text, 16, "%.3f", value);
    } else {
        snprintf(text, 16, "-");
    }
    return text;
}

static void print_regions(const struct smh_result *result, FILE *out)
{
    fprintf(out, "%-14s %10s %10s %7s %10s %8s %12s %6s %9s\n", "region", "size", "peak used", "%",
            "peak live", "blocks", "largest free", "chunks", "heap/live");
    for (size_t i = 0; i < result->scenario->machine.region_count; i++) {
        const struct smh_region_result *region = &result->regions[i];
        char size[16], peak[16], live[16], largest[16], share[16], measure[16];
        fprintf(out, "%-14s %10s %10s %7s %10s %8" PRIu64 " %12s %6" PRIu64 " %9s\n",
                result->scenario->machine.regions[i].name, human(region->stats.memory_bytes, size),
                human(region->stats.peak_used_bytes, peak),
                percent((double)region->stats.peak_used_bytes, (double)region->stats.capacity_bytes,
                        share),
                human(region->peak_live_bytes, live), region->peak_live_blocks,
                human(region->stats.largest_free_bytes, largest), region->free_chunks,
                number(smh_result_fragmentation(region, 4), measure));
    }
}

static void print_failures(const struct smh_result *result, FILE *out)
{
    static const char *const words[SMH_FAILURE_REASON_COUNT] = {
        "no region with that attribute",
        "no free block large enough although the total suffices",
        "full",
    };
    fprintf(out, "failed allocations: %" PRIu64 "\n", smh_result_failures(result));
    for (int reason = 0; reason < SMH_FAILURE_REASON_COUNT; reason++) {
        if (result->failures[reason] != 0) {
            fprintf(out, "  %" PRIu64 " %s\n", result->failures[reason], words[reason]);
        }
    }
    if (result->failure_listed != 0) {
        const struct smh_failure *first = &result->failure_list[0];
        const struct smh_scenario *scenario = result->scenario;
        fprintf(out,
                "  the first: %s of actor %s (at %" PRIu64 ", %.6f s): %" PRIu64
                " bytes, alignment %" PRIu32 ", attribute %s; largest free %" PRIu64 " of %" PRIu64
                " bytes\n",
                smh_operation_name((enum smh_operation_kind)first->kind),
                first->actor < scenario->actor_count ? scenario->actors[first->actor].name : "?",
                first->site, (double)first->time_ns / 1e9, first->bytes, first->align,
                smh_scenario_attr_name(scenario, first->attr), first->largest_free_bytes,
                first->free_bytes);
    }
}

static void print_latency(const struct smh_result *result, FILE *out)
{
    fprintf(out, "host time, ns (clock overhead %" PRIu64 "): %10s %8s %8s %8s %8s\n",
            result->clock_overhead_ns, "mean", "50%", "99%", "99.9%", "max");
    for (int kind = 0; kind < SMH_OPERATION_KIND_COUNT; kind++) {
        const struct smh_latency *latency = &result->latency[kind];
        if (latency->count != 0) {
            fprintf(out, "  %-34s %11.0f %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %8" PRIu64 "\n",
                    smh_operation_name((enum smh_operation_kind)kind),
                    smh_ratio((double)latency->sum, (double)latency->count),
                    smh_latency_percentile(latency, 50), smh_latency_percentile(latency, 99),
                    smh_latency_percentile(latency, 99.9), latency->max);
        }
    }
}

void smh_result_print(const struct smh_result *result, FILE *out)
{
    fprintf(out, "scenario %s: engine %s, policy %s, seed %" PRIu64 "\n", result->scenario->name,
            result->engine != NULL ? result->engine : "as written", result->policy, result->seed);
    fprintf(out, "%" PRIu64 " operations over %.3f simulated seconds", result->operation_count,
            (double)result->simulated_ns / 1e9);
    fprintf(out, " (%" PRIu64 " skipped, %" PRIu64 " of size 0)\n", result->skipped,
            result->zero_size);
    print_regions(result, out);
    print_failures(result, out);
    if (result->latency != NULL) {
        print_latency(result, out);
    }
    smh_result_print_cycles(result, out);
    for (uint64_t i = 0; i < result->violation_count && i < SMH_VIOLATIONS_LISTED; i++) {
        fprintf(out, "VIOLATION of %s at operation %" PRIu64 ": %s\n", result->violations[i].oracle,
                result->violations[i].operation_index, result->violations[i].message);
    }
    if (result->stopped) {
        fprintf(out, "the replay stopped there: what a broken heap does next means nothing\n");
    }
    smh_result_print_hazards(result, out);
    for (size_t i = 0; i < result->hazard_difference_count; i++) {
        fprintf(out, "hazard %s\n", result->hazard_differences[i]);
    }
    for (size_t i = 0; i < result->expectation_count; i++) {
        const struct smh_expectation_result *row = &result->expectations[i];
        fprintf(out, "expected %s: %s, got %s: %s\n", row->what, row->allowed, row->actual,
                row->passed ? "met" : "NOT MET");
    }
    fprintf(out, "%s\n", result->passed ? "PASS" : "FAIL");
}
