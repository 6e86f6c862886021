/* result_json.c: results.json. The format is documented in result.h. */
#include "json_write.h"
#include "output.h"
#include "result.h"
#include "result_hazards.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

static void put_string(json_t *object, const char *key, const char *value)
{
    json_object_set_new(object, key, value != NULL ? json_string(value) : json_null());
}

static const char *cache_name(enum smh_cache_kind kind)
{
    return kind == SMH_CACHE_NONE         ? "none"
           : kind == SMH_CACHE_WRITE_BACK ? "write-back"
                                          : "write-through";
}

static json_t *region_json(const struct smh_region_config *region)
{
    json_t *object = json_object();
    char base[32];
    snprintf(base, sizeof(base), "0x%08" PRIx64, region->base);
    put_string(object, "name", region->name);
    put_string(object, "base", base);
    smh_json_put_integer(object, "size_bytes", region->size);
    smh_json_put_integer(object, "attr", region->attr);
    put_string(object, "attr_name", region->attr_name);
    put_string(object, "cache", cache_name(region->cache));
    smh_json_put_integer(object, "cycles", region->cycles);
    put_string(object, "engine", region->engine != NULL ? region->engine->name : NULL);
    smh_json_put_integer(object, "granule_bytes", region->granule);
    return object;
}

/* null: no such cache. */
static json_t *cache_json(const struct smh_cache_config *cache, bool shared)
{
    if (cache->size_bytes == 0) {
        return json_null();
    }
    json_t *object = json_object();
    smh_json_put_integer(object, "size_bytes", cache->size_bytes);
    smh_json_put_integer(object, "ways", cache->ways);
    json_object_set_new(object, "write_through",
                        json_boolean(cache->policy == SMH_CACHE_WRITE_THROUGH));
    json_object_set_new(object, "write_allocate", json_boolean(cache->write_allocate));
    json_object_set_new(object, "shared", json_boolean(shared));
    return object;
}

static json_t *scenario_json(const struct smh_scenario *scenario)
{
    json_t *object = json_object();
    put_string(object, "name", scenario->name);
    put_string(object, "file", scenario->path);
    put_string(object, "why", scenario->why);
    smh_json_put_integer(object, "seed", scenario->seed);
    smh_json_put_integer(object, "target_bits", scenario->machine.target_bits);
    put_string(object, "match", scenario->match_name);
    put_string(object, "policy", scenario->policy->name);
    smh_json_put_integer(object, "line_bytes", scenario->machine.line_bytes);
    smh_json_put_integer(object, "cores", scenario->machine.cores);
    json_object_set_new(object, "l1",
                        cache_json(&scenario->machine.l1, scenario->machine.l1_shared));
    json_object_set_new(object, "l2", cache_json(&scenario->machine.l2, true));
    smh_json_put_integer(object, "store_buffer", scenario->machine.store_buffer);
    json_t *regions = json_array();
    for (size_t i = 0; i < scenario->machine.region_count; i++) {
        json_array_append_new(regions, region_json(&scenario->machine.regions[i]));
    }
    json_object_set_new(object, "regions", regions);
    json_t *actors = json_array();
    for (size_t i = 0; i < scenario->actor_count; i++) {
        json_array_append_new(actors, json_string(scenario->actors[i].name));
    }
    json_object_set_new(object, "actors", actors);
    return object;
}

static json_t *operations_json(const struct smh_result *result)
{
    json_t *object = json_object();
    smh_json_put_integer(object, "total", result->operation_count);
    for (int kind = 0; kind < SMH_OPERATION_KIND_COUNT; kind++) {
        smh_json_put_integer(object, smh_operation_name((enum smh_operation_kind)kind),
                             result->operations[kind]);
    }
    smh_json_put_integer(object, "skipped", result->skipped);
    smh_json_put_integer(object, "zero_size", result->zero_size);
    return object;
}

static json_t *failure_json(const struct smh_scenario *scenario, const struct smh_failure *failure)
{
    json_t *object = json_object();
    smh_json_put_integer(object, "time_ns", failure->time_ns);
    put_string(object, "actor",
               failure->actor < scenario->actor_count ? scenario->actors[failure->actor].name
                                                      : NULL);
    put_string(object, "operation", smh_operation_name((enum smh_operation_kind)failure->kind));
    smh_json_put_integer(object, "site", failure->site);
    smh_json_put_integer(object, "bytes", failure->bytes);
    smh_json_put_integer(object, "align", failure->align);
    smh_json_put_integer(object, "attr", failure->attr);
    put_string(object, "attr_name", smh_scenario_attr_name(scenario, failure->attr));
    put_string(object, "reason", smh_failure_name((enum smh_failure_reason)failure->reason));
    smh_json_put_integer(object, "free_bytes", failure->free_bytes);
    smh_json_put_integer(object, "largest_free_bytes", failure->largest_free_bytes);
    return object;
}

static json_t *failures_json(const struct smh_result *result)
{
    json_t *object = json_object();
    smh_json_put_integer(object, "total", smh_result_failures(result));
    for (int reason = 0; reason < SMH_FAILURE_REASON_COUNT; reason++) {
        smh_json_put_integer(object, smh_failure_name((enum smh_failure_reason)reason),
                             result->failures[reason]);
    }
    smh_json_put_integer(object, "requested_bytes", result->failed_bytes);
    json_t *list = json_array();
    for (size_t i = 0; i < result->failure_listed; i++) {
        json_array_append_new(list, failure_json(result->scenario, &result->failure_list[i]));
    }
    json_object_set_new(object, "list", list);
    return object;
}

static json_t *violations_json(const struct smh_result *result)
{
    json_t *list = json_array();
    for (uint64_t i = 0; i < result->violation_count && i < SMH_VIOLATIONS_LISTED; i++) {
        json_t *object = json_object();
        put_string(object, "oracle", result->violations[i].oracle);
        put_string(object, "message", result->violations[i].message);
        smh_json_put_integer(object, "operation_index", result->violations[i].operation_index);
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *fragmentation_json(const struct smh_region_result *region)
{
    json_t *object = json_object();
    json_object_set_new(object, "jw1", smh_json_ratio(smh_result_fragmentation(region, 1)));
    json_object_set_new(object, "jw2", smh_json_ratio(smh_result_fragmentation(region, 2)));
    json_object_set_new(object, "jw3", smh_json_ratio(smh_result_fragmentation(region, 3)));
    json_object_set_new(object, "jw4", smh_json_ratio(smh_result_fragmentation(region, 4)));
    smh_json_put_integer(object, "heap_sum", region->high_water_sum);
    smh_json_put_integer(object, "live_sum", region->live_sum);
    smh_json_put_integer(object, "heap_at_peak_live", region->high_water_at_peak_live);
    smh_json_put_integer(object, "live_at_peak_heap", region->live_at_high_water);
    return object;
}

static json_t *region_result_json(const struct smh_result *result, size_t index)
{
    const struct smh_region_result *region = &result->regions[index];
    const struct smh_stats *stats = &region->stats;
    json_t *object = json_object();
    put_string(object, "name", result->scenario->machine.regions[index].name);
    smh_json_put_integer(object, "memory_bytes", stats->memory_bytes);
    smh_json_put_integer(object, "capacity_bytes", stats->capacity_bytes);
    smh_json_put_integer(object, "metadata_bytes", region->metadata_bytes);
    smh_json_put_integer(object, "used_bytes", stats->used_bytes);
    smh_json_put_integer(object, "peak_used_bytes", stats->peak_used_bytes);
    smh_json_put_integer(object, "live_bytes", region->live_bytes);
    smh_json_put_integer(object, "peak_live_bytes", region->peak_live_bytes);
    smh_json_put_integer(object, "live_blocks", stats->live_blocks);
    smh_json_put_integer(object, "peak_live_blocks", region->peak_live_blocks);
    smh_json_put_integer(object, "high_water_bytes", region->high_water_bytes);
    smh_json_put_integer(object, "free_bytes", stats->free_bytes);
    smh_json_put_integer(object, "largest_free_bytes", stats->largest_free_bytes);
    smh_json_put_integer(object, "free_chunks", region->free_chunks);
    smh_json_put_integer(object, "allocated_blocks", stats->allocated_blocks);
    smh_json_put_integer(object, "freed_blocks", stats->freed_blocks);
    smh_json_put_integer(object, "failed_requests", region->failed_requests);
    json_object_set_new(object, "fragmentation", fragmentation_json(region));
    return object;
}

static json_t *attribute_json(const struct smh_scenario *scenario,
                              const struct smh_attribute_result *attribute)
{
    json_t *object = json_object();
    smh_json_put_integer(object, "attr", attribute->attr);
    put_string(object, "attr_name", smh_scenario_attr_name(scenario, attribute->attr));
    smh_json_put_integer(object, "allocated_blocks", attribute->allocated_blocks);
    smh_json_put_integer(object, "live_bytes", attribute->live_bytes);
    smh_json_put_integer(object, "peak_live_bytes", attribute->peak_live_bytes);
    smh_json_put_integer(object, "failed_requests", attribute->failed_requests);
    return object;
}

static json_t *integers_json(const uint64_t *values, size_t count, size_t stride)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list, json_integer((json_int_t)values[i * stride]));
    }
    return list;
}

static json_t *samples_json(const struct smh_result *result)
{
    const struct smh_samples *samples = result->samples;
    size_t regions = result->scenario->machine.region_count;
    size_t stride = regions * sizeof(struct smh_region_sample) / sizeof(uint64_t);
    json_t *object = json_object();
    json_object_set_new(object, "time_ns", integers_json(samples->time_ns, samples->count, 1));
    json_object_set_new(object, "operation_index",
                        integers_json(samples->operation_index, samples->count, 1));
    json_t *list = json_array();
    for (size_t i = 0; i < regions; i++) {
        const struct smh_region_sample *first = &samples->regions[i];
        json_t *region = json_object();
        put_string(region, "name", result->scenario->machine.regions[i].name);
        json_object_set_new(region, "used_bytes",
                            integers_json(&first->used_bytes, samples->count, stride));
        json_object_set_new(region, "live_bytes",
                            integers_json(&first->live_bytes, samples->count, stride));
        json_object_set_new(region, "free_bytes",
                            integers_json(&first->free_bytes, samples->count, stride));
        json_object_set_new(region, "largest_free_bytes",
                            integers_json(&first->largest_free_bytes, samples->count, stride));
        json_object_set_new(region, "free_chunks",
                            integers_json(&first->free_chunks, samples->count, stride));
        json_array_append_new(list, region);
    }
    json_object_set_new(object, "regions", list);
    return object;
}

/* Every step-th sample, so that a map has SMH_MAP_COLUMNS columns at most. */
static json_t *map_json(const struct smh_result *result)
{
    const struct smh_samples *samples = result->samples;
    size_t regions = result->scenario->machine.region_count;
    size_t step = (samples->count + SMH_MAP_COLUMNS - 1) / SMH_MAP_COLUMNS;
    json_t *list = json_array();
    for (size_t i = 0; i < regions; i++) {
        json_t *region = json_object();
        uint64_t size = result->regions[i].stats.memory_bytes;
        put_string(region, "name", result->scenario->machine.regions[i].name);
        smh_json_put_integer(region, "bin_bytes", (size + SMH_MAP_BINS - 1) / SMH_MAP_BINS);
        smh_json_put_integer(region, "bins", SMH_MAP_BINS);
        json_t *times = json_array();
        json_t *columns = json_array();
        for (size_t at = 0; at < samples->count; at += step) {
            const uint8_t *bins = &samples->map[(at * regions + i) * SMH_MAP_BINS];
            json_t *column = json_array();
            for (size_t bin = 0; bin < SMH_MAP_BINS; bin++) {
                json_array_append_new(column, json_integer(bins[bin]));
            }
            json_array_append_new(columns, column);
            json_array_append_new(times, json_integer((json_int_t)samples->time_ns[at]));
        }
        json_object_set_new(region, "time_ns", times);
        json_object_set_new(region, "columns", columns);
        json_array_append_new(list, region);
    }
    return list;
}

static json_t *latency_json(const struct smh_result *result)
{
    json_t *object = json_object();
    put_string(object, "source", "host");
    put_string(object, "unit", "ns");
    smh_json_put_integer(object, "clock_overhead_ns", result->clock_overhead_ns);
    json_t *operations = json_object();
    for (int kind = 0; kind < SMH_OPERATION_KIND_COUNT; kind++) {
        const struct smh_latency *latency = &result->latency[kind];
        if (latency->count == 0) {
            continue;
        }
        json_object_set_new(operations, smh_operation_name((enum smh_operation_kind)kind),
                            smh_result_latency_json(latency));
    }
    json_object_set_new(object, "operations", operations);
    return object;
}

static json_t *expectations_json(const struct smh_result *result)
{
    json_t *list = json_array();
    for (size_t i = 0; i < result->expectation_count; i++) {
        const struct smh_expectation_result *row = &result->expectations[i];
        json_t *object = json_object();
        put_string(object, "what", row->what);
        put_string(object, "allowed", row->allowed);
        put_string(object, "actual", row->actual);
        json_object_set_new(object, "passed", json_boolean(row->passed));
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *run_json(const struct smh_result *result, bool details)
{
    json_t *object = json_object();
    put_string(object, "engine", result->engine != NULL ? result->engine : "as_written");
    put_string(object, "policy", result->policy);
    smh_json_put_integer(object, "seed", result->seed);
    json_object_set_new(object, "passed", json_boolean(result->passed));
    json_object_set_new(object, "operations", operations_json(result));
    smh_json_put_integer(object, "simulated_ns", result->simulated_ns);
    json_object_set_new(object, "failures", failures_json(result));
    json_object_set_new(object, "violations", violations_json(result));
    smh_json_put_integer(object, "violation_count", result->violation_count);
    json_object_set_new(object, "stopped", json_boolean(result->stopped));
    json_t *regions = json_array();
    for (size_t i = 0; i < result->scenario->machine.region_count; i++) {
        json_array_append_new(regions, region_result_json(result, i));
    }
    json_object_set_new(object, "regions", regions);
    json_t *attributes = json_array();
    for (size_t i = 0; i < result->attribute_count; i++) {
        json_array_append_new(attributes, attribute_json(result->scenario, &result->attributes[i]));
    }
    json_object_set_new(object, "attributes", attributes);
    bool detailed = details && result->samples != NULL && result->samples->count != 0;
    json_object_set_new(object, "samples", detailed ? samples_json(result) : json_null());
    json_object_set_new(object, "heap_map", detailed ? map_json(result) : json_null());
    json_object_set_new(object, "latency",
                        result->latency != NULL ? latency_json(result) : json_null());
    json_object_set_new(object, "cycles", smh_result_cycles_json(result));
    json_object_set_new(object, "wrong_reads", smh_result_wrong_reads_json(result));
    json_object_set_new(object, "hazards", smh_result_hazards_json(result));
    smh_json_put_integer(object, "hazards_unlisted", result->hazards_unlisted);
    smh_json_put_integer(object, "hazard_lines_given_up", result->hazard_lines_given_up);
    json_object_set_new(object, "expectations", expectations_json(result));
    return object;
}

json_t *smh_result_json(const struct smh_result *const *results, const bool *details, size_t count,
                        const char *command, const char *verdict)
{
    json_t *document = json_object();
    smh_json_put_integer(document, "schema", SMH_RESULT_SCHEMA);
    put_string(document, "program", "smh");
    put_string(document, "version", SMH_VERSION);
    put_string(document, "command", command);
    json_object_set_new(document, "scenario", scenario_json(results[0]->scenario));
    json_t *runs = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(runs, run_json(results[i], details == NULL || details[i]));
    }
    json_object_set_new(document, "runs", runs);
    put_string(document, "verdict", verdict);
    return document;
}

int smh_result_write(const json_t *document, const char *path, struct smh_error *error)
{
    struct smh_output output;
    if (smh_output_open(&output, path, error) != 0) {
        return -1;
    }
    bool whole = json_dumpf(document, output.file, JSON_INDENT(1) | JSON_REAL_PRECISION(12)) == 0 &&
                 fputc('\n', output.file) != EOF;
    int reason = errno;
    int code = smh_output_close(&output, whole, error);
    return whole ? code
                 : smh_error_set(error, "%s: cannot be written (%s)", path, strerror(reason));
}
