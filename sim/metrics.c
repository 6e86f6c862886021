/* metrics.c: counting while a replay goes by. See metrics.h. */
#include "metrics.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_INTERVAL 1

static struct smh_samples *make_samples(size_t regions)
{
    struct smh_samples *samples = smh_must_allocate(1, sizeof(*samples));
    samples->time_ns = smh_must_allocate(SMH_SAMPLES_MAX, sizeof(*samples->time_ns));
    samples->operation_index =
        smh_must_allocate(SMH_SAMPLES_MAX, sizeof(*samples->operation_index));
    samples->regions = smh_must_allocate(SMH_SAMPLES_MAX * regions, sizeof(*samples->regions));
    samples->map = smh_must_allocate(SMH_SAMPLES_MAX * regions, SMH_MAP_BINS);
    return samples;
}

void smh_metrics_open(struct smh_metrics *metrics, struct smh_result *result,
                      const struct smh_machine *machine, bool with_samples)
{
    memset(metrics, 0, sizeof(*metrics));
    metrics->result = result;
    metrics->machine = machine;
    metrics->interval = FIRST_INTERVAL;
    metrics->next_operation = with_samples ? 0 : UINT64_MAX;
    metrics->next_time_ns = with_samples ? 0 : UINT64_MAX;
    metrics->last_attribute = SIZE_MAX;
    result->regions = smh_must_allocate(machine->region_count, sizeof(*result->regions));
    result->samples = with_samples ? make_samples(machine->region_count) : NULL;
}

/* The counters of an attribute. */
static struct smh_attribute_result *find_attribute(struct smh_metrics *metrics, uint32_t attr)
{
    struct smh_result *result = metrics->result;
    if (metrics->last_attribute < result->attribute_count && metrics->last_attr == attr) {
        return &result->attributes[metrics->last_attribute];
    }
    size_t index = 0;
    while (index < result->attribute_count && result->attributes[index].attr != attr) {
        index++;
    }
    if (index == result->attribute_count) {
        result->attributes =
            smh_must_resize(result->attributes, index + 1, sizeof(*result->attributes));
        result->attribute_count++;
        result->attributes[index] = (struct smh_attribute_result){.attr = attr};
    }
    metrics->last_attr = attr;
    metrics->last_attribute = index;
    return &result->attributes[index];
}

void smh_metrics_gain(struct smh_metrics *metrics, size_t region, uint32_t attr, uint64_t offset,
                      uint64_t bytes)
{
    struct smh_region_result *counters = &metrics->result->regions[region];
    const struct smh_heap *heap = &metrics->machine->slots[region].heap;
    counters->live_bytes += bytes;
    if (offset + bytes > counters->high_water_bytes) {
        counters->high_water_bytes = offset + bytes;
        counters->live_at_high_water = counters->live_bytes;
    } else if (counters->live_bytes > counters->live_at_high_water) {
        counters->live_at_high_water = counters->live_bytes;
    }
    if (counters->live_bytes > counters->peak_live_bytes) {
        counters->peak_live_bytes = counters->live_bytes;
        counters->high_water_at_peak_live = counters->high_water_bytes;
    }
    if (heap->live_blocks > counters->peak_live_blocks) {
        counters->peak_live_blocks = heap->live_blocks;
    }
    struct smh_attribute_result *attribute = find_attribute(metrics, attr);
    attribute->allocated_blocks++;
    attribute->live_bytes += bytes;
    if (attribute->live_bytes > attribute->peak_live_bytes) {
        attribute->peak_live_bytes = attribute->live_bytes;
    }
}

void smh_metrics_lose(struct smh_metrics *metrics, size_t region, uint32_t attr, uint64_t bytes)
{
    metrics->result->regions[region].live_bytes -= bytes;
    find_attribute(metrics, attr)->live_bytes -= bytes;
}

void smh_metrics_fail(struct smh_metrics *metrics, uint32_t attr)
{
    find_attribute(metrics, attr)->failed_requests++;
}

/* Adds the bytes [from, to) of a region to the bins they fall in. */
static void map_chunk(uint64_t *bins, uint64_t bin_bytes, uint64_t from, uint64_t to)
{
    while (from < to) {
        uint64_t bin = from / bin_bytes;
        uint64_t end = (bin + 1) * bin_bytes < to ? (bin + 1) * bin_bytes : to;
        bins[bin] += end - from;
        from = end;
    }
}

static void sample_region(struct smh_metrics *metrics, size_t region,
                          struct smh_region_sample *sample, uint8_t *map)
{
    const struct smh_heap *heap = &metrics->machine->slots[region].heap;
    struct smh_stats stats;
    smh_heap_stats(heap, &stats);
    *sample = (struct smh_region_sample){
        .used_bytes = stats.used_bytes,
        .live_bytes = metrics->result->regions[region].live_bytes,
        .free_bytes = stats.free_bytes,
        .largest_free_bytes = stats.largest_free_bytes,
    };
    uint64_t bins[SMH_MAP_BINS] = {0};
    uint64_t bin_bytes = (heap->memory_size + SMH_MAP_BINS - 1) / SMH_MAP_BINS;
    struct smh_chunk chunk = {0};
    while (smh_heap_walk(heap, &chunk)) {
        if (chunk.used) {
            map_chunk(bins, bin_bytes, chunk.offset, chunk.offset + chunk.size);
        } else {
            sample->free_chunks++;
        }
    }
    for (size_t bin = 0; bin < SMH_MAP_BINS; bin++) {
        map[bin] = (uint8_t)((bins[bin] * 255 + bin_bytes / 2) / bin_bytes);
    }
}

/* Keeps samples 0, 2, 4, ... */
static void thin_out(struct smh_metrics *metrics)
{
    struct smh_samples *samples = metrics->result->samples;
    size_t regions = metrics->machine->region_count;
    for (size_t i = 0; i < samples->count / 2; i++) {
        samples->time_ns[i] = samples->time_ns[2 * i];
        samples->operation_index[i] = samples->operation_index[2 * i];
        memcpy(&samples->regions[i * regions], &samples->regions[2 * i * regions],
               regions * sizeof(*samples->regions));
        memcpy(&samples->map[i * regions * SMH_MAP_BINS],
               &samples->map[2 * i * regions * SMH_MAP_BINS], regions * SMH_MAP_BINS);
    }
    samples->count /= 2;
    metrics->interval *= 2;
}

static void take_sample(struct smh_metrics *metrics, uint64_t operation_index, uint64_t time_ns)
{
    struct smh_samples *samples = metrics->result->samples;
    size_t regions = metrics->machine->region_count;
    if (samples->count == SMH_SAMPLES_MAX) {
        thin_out(metrics);
    }
    size_t at = samples->count++;
    samples->time_ns[at] = time_ns;
    samples->operation_index[at] = operation_index;
    for (size_t region = 0; region < regions; region++) {
        sample_region(metrics, region, &samples->regions[at * regions + region],
                      &samples->map[(at * regions + region) * SMH_MAP_BINS]);
    }
}

void smh_metrics_step(struct smh_metrics *metrics, uint64_t operation_index, uint64_t time_ns)
{
    for (size_t region = 0; region < metrics->machine->region_count; region++) {
        struct smh_region_result *counters = &metrics->result->regions[region];
        counters->high_water_sum += counters->high_water_bytes;
        counters->live_sum += counters->live_bytes;
    }
    if (operation_index >= metrics->next_operation || time_ns >= metrics->next_time_ns) {
        take_sample(metrics, operation_index, time_ns);
        metrics->next_operation = operation_index + metrics->interval;
        metrics->next_time_ns = time_ns + metrics->interval * 1000;
    }
}

void smh_metrics_close(struct smh_metrics *metrics, uint64_t operation_index, uint64_t time_ns)
{
    if (metrics->result->samples != NULL) {
        take_sample(metrics, operation_index, time_ns);
    }
    for (size_t region = 0; region < metrics->machine->region_count; region++) {
        struct smh_region_result *counters = &metrics->result->regions[region];
        const struct smh_heap *heap = &metrics->machine->slots[region].heap;
        smh_heap_stats(heap, &counters->stats);
        counters->metadata_bytes = metrics->machine->regions[region].metadata_bytes;
        struct smh_chunk chunk = {0};
        while (smh_heap_walk(heap, &chunk)) {
            counters->free_chunks += chunk.used ? 0 : 1;
        }
    }
}
