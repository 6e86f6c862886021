/* result_cycles.c: the target's cycles and caches in results: memory, JSON, text. See result.h. */
#include "json_write.h"
#include "result.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

struct smh_cycles *smh_cycles_open(const struct smh_scenario *scenario)
{
    struct smh_cycles *cycles = smh_must_allocate(1, sizeof(*cycles));
    size_t regions = scenario->machine.region_count;
    cycles->latency = smh_must_allocate((regions + 1) * SMH_CALL_KINDS, sizeof(*cycles->latency));
    cycles->counters = smh_must_allocate(SMH_CACHE_LEVELS * regions, sizeof(*cycles->counters));
    cycles->actor_count = scenario->actor_count;
    cycles->actors = smh_must_allocate(scenario->actor_count + 1, sizeof(*cycles->actors));
    return cycles;
}

void smh_cycles_close(struct smh_cycles *cycles)
{
    if (cycles != NULL) {
        free(cycles->latency);
        free(cycles->counters);
        free(cycles->actors);
        free(cycles);
    }
}

void smh_cycles_total(const struct smh_result *result, enum smh_operation_kind kind,
                      struct smh_latency *total)
{
    *total = (struct smh_latency){0};
    for (size_t i = 0; i <= result->scenario->machine.region_count; i++) {
        smh_latency_add(total, &result->cycles->latency[i * SMH_CALL_KINDS + (size_t)kind]);
    }
}

/* --- JSON ------------------------------------------------------------------------------------ */

static json_t *ratio_json(double numerator, double denominator)
{
    return smh_json_ratio(smh_ratio(numerator, denominator));
}

json_t *smh_result_latency_json(const struct smh_latency *latency)
{
    json_t *object = json_object();
    smh_json_put_integer(object, "count", latency->count);
    smh_json_put_integer(object, "sum", latency->sum);
    smh_json_put_integer(object, "min", latency->min);
    smh_json_put_integer(object, "max", latency->max);
    json_object_set_new(object, "mean", ratio_json((double)latency->sum, (double)latency->count));
    smh_json_put_integer(object, "p50", smh_latency_percentile(latency, 50));
    smh_json_put_integer(object, "p99", smh_latency_percentile(latency, 99));
    json_t *buckets = json_array();
    for (size_t bucket = 0; bucket < SMH_LATENCY_BUCKETS; bucket++) {
        if (latency->buckets[bucket] != 0) {
            json_t *pair = json_array();
            json_array_append_new(pair, json_integer((json_int_t)smh_latency_bound(bucket)));
            json_array_append_new(pair, json_integer((json_int_t)latency->buckets[bucket]));
            json_array_append_new(buckets, pair);
        }
    }
    json_object_set_new(object, "buckets", buckets);
    return object;
}

/* NULL: behind the last. */
static const char *region_name(const struct smh_result *result, size_t region)
{
    const struct smh_machine_config *machine = &result->scenario->machine;
    return region < machine->region_count ? machine->regions[region].name : NULL;
}

static json_t *name_json(const char *name)
{
    return name != NULL ? json_string(name) : json_null();
}

static json_t *calls_json(const struct smh_result *result)
{
    json_t *list = json_array();
    for (size_t i = 0; i <= result->scenario->machine.region_count; i++) {
        json_t *operations = json_object();
        for (size_t kind = 0; kind < SMH_CALL_KINDS; kind++) {
            const struct smh_latency *latency = &result->cycles->latency[i * SMH_CALL_KINDS + kind];
            if (latency->count != 0) {
                json_object_set_new(operations, smh_operation_name((enum smh_operation_kind)kind),
                                    smh_result_latency_json(latency));
            }
        }
        json_t *region = json_object();
        json_object_set_new(region, "name", name_json(region_name(result, i)));
        json_object_set_new(region, "operations", operations);
        json_array_append_new(list, region);
    }
    return list;
}

static json_t *actors_json(const struct smh_result *result)
{
    json_t *list = json_array();
    for (size_t i = 0; i < result->cycles->actor_count; i++) {
        json_t *actor = json_object();
        json_object_set_new(actor, "name", json_string(result->scenario->actors[i].name));
        smh_json_put_integer(actor, "cycles", result->cycles->actors[i].cycles);
        smh_json_put_integer(actor, "allocator_cycles", result->cycles->actors[i].allocator_cycles);
        json_array_append_new(list, actor);
    }
    return list;
}

static const struct smh_memory_counters *counters_of(const struct smh_result *result, size_t level,
                                                     size_t region)
{
    size_t regions = result->scenario->machine.region_count;
    return &result->cycles->counters[level * regions + region];
}

static bool has_level(const struct smh_result *result, size_t level)
{
    const struct smh_machine_config *machine = &result->scenario->machine;
    return (level == 0 ? machine->l1 : machine->l2).size_bytes != 0;
}

static double misses(const struct smh_memory_counters *counters)
{
    return (double)(counters->load_misses + counters->store_misses);
}

static double accesses(const struct smh_memory_counters *counters)
{
    return (double)(counters->loads + counters->stores);
}

static json_t *level_json(const struct smh_result *result, size_t level)
{
    json_t *list = json_array();
    for (size_t i = 0; i < result->scenario->machine.region_count; i++) {
        const struct smh_memory_counters *counters = counters_of(result, level, i);
        json_t *region = json_object();
        json_object_set_new(region, "name", json_string(region_name(result, i)));
        smh_json_put_integer(region, "loads", counters->loads);
        smh_json_put_integer(region, "load_misses", counters->load_misses);
        smh_json_put_integer(region, "stores", counters->stores);
        smh_json_put_integer(region, "store_misses", counters->store_misses);
        smh_json_put_integer(region, "write_backs", counters->write_backs);
        smh_json_put_integer(region, "fills", counters->fills);
        json_object_set_new(region, "miss_rate", ratio_json(misses(counters), accesses(counters)));
        json_array_append_new(list, region);
    }
    json_t *object = json_object();
    json_object_set_new(object, "level", json_string(level == 0 ? "L1" : "L2"));
    json_object_set_new(object, "regions", list);
    return object;
}

json_t *smh_result_cycles_json(const struct smh_result *result)
{
    if (result->cycles == NULL) {
        return json_null();
    }
    json_t *object = json_object();
    json_object_set_new(object, "unit", json_string("cycles"));
    json_object_set_new(object, "traced", json_boolean(result->cycles->traced));
    json_object_set_new(object, "regions", calls_json(result));
    json_object_set_new(object, "actors", actors_json(result));
    json_t *levels = json_array();
    for (size_t level = 0; level < SMH_CACHE_LEVELS; level++) {
        if (has_level(result, level)) {
            json_array_append_new(levels, level_json(result, level));
        }
    }
    json_object_set_new(object, "levels", levels);
    return object;
}

json_t *smh_result_wrong_reads_json(const struct smh_result *result)
{
    const struct smh_wrong_reads *wrong = result->wrong_reads;
    if (wrong == NULL) {
        return json_null();
    }
    json_t *first = json_null();
    if (wrong->count != 0) {
        first = json_object();
        smh_json_put_integer(first, "operation_index", wrong->operation);
        json_object_set_new(first, "region", json_string(region_name(result, wrong->region)));
        smh_json_put_integer(first, "offset", wrong->offset);
        json_object_set_new(first, "core",
                            wrong->core == SMH_MEMORY_DEVICE ? json_null()
                                                             : json_integer(wrong->core));
        json_object_set_new(first, "by_allocator", json_boolean(wrong->by_allocator));
    }
    json_t *object = json_object();
    smh_json_put_integer(object, "count", wrong->count);
    json_object_set_new(object, "first", first);
    return object;
}

/* --- text ------------------------------------------------------------------------------------ */

static void print_calls(const struct smh_result *result, FILE *out)
{
    fprintf(out, "%-36s %9s %8s %8s %8s %8s %8s\n", "cycles of the allocator", "calls", "min",
            "mean", "50%", "99%", "max");
    for (size_t i = 0; i <= result->scenario->machine.region_count; i++) {
        for (size_t kind = 0; kind < SMH_CALL_KINDS; kind++) {
            const struct smh_latency *latency = &result->cycles->latency[i * SMH_CALL_KINDS + kind];
            const char *name = region_name(result, i);
            if (latency->count == 0) {
                continue;
            }
            fprintf(out,
                    "  %-24.24s %-9s %9" PRIu64 " %8" PRIu64 " %8.1f %8" PRIu64 " %8" PRIu64
                    " %8" PRIu64 "\n",
                    name != NULL ? name : "(no region)",
                    smh_operation_name((enum smh_operation_kind)kind), latency->count, latency->min,
                    smh_ratio((double)latency->sum, (double)latency->count),
                    smh_latency_percentile(latency, 50), smh_latency_percentile(latency, 99),
                    latency->max);
        }
    }
}

static void print_levels(const struct smh_result *result, FILE *out)
{
    fprintf(out, "%-36s %9s %9s %9s %9s %9s %8s\n", "caches", "loads", "misses", "stores", "misses",
            "written", "miss %");
    for (size_t level = 0; level < SMH_CACHE_LEVELS; level++) {
        for (size_t i = 0; has_level(result, level) && i < result->scenario->machine.region_count;
             i++) {
            const struct smh_memory_counters *counters = counters_of(result, level, i);
            if (counters->loads + counters->stores == 0) {
                continue;
            }
            fprintf(out,
                    "  %-24.24s %-9s %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64
                    " %8.2f\n",
                    region_name(result, i), level == 0 ? "L1" : "L2", counters->loads,
                    counters->load_misses, counters->stores, counters->store_misses,
                    counters->write_backs, 100.0 * smh_ratio(misses(counters), accesses(counters)));
        }
    }
}

void smh_result_print_cycles(const struct smh_result *result, FILE *out)
{
    if (result->cycles != NULL) {
        if (!result->cycles->traced) {
            fprintf(out, "an engine was loaded: what it accesses itself is not traced, and missing "
                         "from the cycles\n");
        }
        print_calls(result, out);
        if (has_level(result, 0) || has_level(result, 1)) {
            print_levels(result, out);
        }
        for (size_t i = 0; i < result->cycles->actor_count; i++) {
            fprintf(out,
                    "actor %s: %" PRIu64 " cycles of memory, %" PRIu64
                    " of them by the allocator\n",
                    result->scenario->actors[i].name, result->cycles->actors[i].cycles,
                    result->cycles->actors[i].allocator_cycles);
        }
    }
    if (result->wrong_reads != NULL && result->wrong_reads->count != 0) {
        const struct smh_wrong_reads *wrong = result->wrong_reads;
        fprintf(out,
                "wrong reads: %" PRIu64 ", the first at operation %" PRIu64 ", %s+0x%" PRIx64
                " (in the one schedule that was carried out)\n",
                wrong->count, wrong->operation, region_name(result, wrong->region), wrong->offset);
    }
}
