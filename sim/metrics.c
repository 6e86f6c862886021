/* metrics.c: counting while a replay goes by. See metrics.h. */
#include "metrics.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_INTERVAL 1

/* What folds into a sample and changes nothing. */
static const struct smh_region_sample nothing_yet = {.free_bytes = UINT64_MAX,
                                                     .largest_free_bytes = UINT64_MAX};

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
    metrics->last_attribute = SIZE_MAX;
    result->regions = smh_must_allocate(machine->region_count, sizeof(*result->regions));
    if (with_samples) {
        result->samples = make_samples(machine->region_count);
        metrics->since = smh_must_allocate(machine->region_count, sizeof(*metrics->since));
        for (size_t i = 0; i < machine->region_count; i++) {
            metrics->since[i] = nothing_yet;
        }
    }
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

/* Takes the extremes of an earlier moment into a later sample: most in use, least free. */
static void fold(struct smh_region_sample *later, const struct smh_region_sample *earlier)
{
    if (earlier->used_bytes > later->used_bytes) {
        later->used_bytes = earlier->used_bytes;
    }
    if (earlier->live_bytes > later->live_bytes) {
        later->live_bytes = earlier->live_bytes;
    }
    if (earlier->free_bytes < later->free_bytes) {
        later->free_bytes = earlier->free_bytes;
    }
    if (earlier->largest_free_bytes < later->largest_free_bytes) {
        later->largest_free_bytes = earlier->largest_free_bytes;
    }
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
    if (metrics->since != NULL) {
        const struct smh_region_sample now = {.used_bytes = heap->used_bytes,
                                              .live_bytes = counters->live_bytes,
                                              .free_bytes = UINT64_MAX,
                                              .largest_free_bytes = UINT64_MAX};
        fold(&metrics->since[region], &now);
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

struct smh_failure smh_metrics_refusal(struct smh_result *result, const struct smh_machine *machine,
                                       const struct smh_operation *operation)
{
    struct smh_failure failure = {
        .time_ns = operation->time_ns,
        .site = operation->site,
        .bytes = operation->bytes,
        .align = operation->align,
        .attr = operation->prefer != NULL ? operation->prefer->attrs[0] : operation->attr,
        .actor = operation->actor,
        .kind = operation->kind,
        .reason = SMH_FAILURE_NO_REGION,
    };
    bool first = true;
    for (size_t i = 0; i < machine->region_count; i++) {
        if (!smh_machine_may_serve(machine, i, operation)) {
            continue;
        }
        struct smh_stats stats;
        smh_heap_stats(&machine->slots[i].heap, &stats);
        failure.free_bytes += stats.free_bytes;
        if (stats.largest_free_bytes > failure.largest_free_bytes) {
            failure.largest_free_bytes = stats.largest_free_bytes;
        }
        if (stats.free_bytes >= operation->bytes) {
            failure.reason = SMH_FAILURE_FRAGMENTED;
        } else if (failure.reason == SMH_FAILURE_NO_REGION) {
            failure.reason = SMH_FAILURE_FULL;
        }
        if (first && result->regions != NULL) {
            result->regions[i].failed_requests++;
        }
        first = false;
    }
    result->failures[failure.reason]++;
    result->failed_bytes += operation->bytes;
    if (result->failure_listed < SMH_FAILURES_LISTED) {
        result->failure_list[result->failure_listed++] = failure;
    }
    return failure;
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
    fold(sample, &metrics->since[region]);
    metrics->since[region] = nothing_yet;
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

static bool is_due(const struct smh_metrics *metrics, size_t from, uint64_t operation_index,
                   uint64_t time_ns)
{
    const struct smh_samples *samples = metrics->result->samples;
    return operation_index - samples->operation_index[from] >= metrics->interval ||
           time_ns - samples->time_ns[from] >= metrics->interval * 1000;
}

static void copy_sample(struct smh_samples *samples, size_t regions, size_t to, size_t from)
{
    samples->time_ns[to] = samples->time_ns[from];
    samples->operation_index[to] = samples->operation_index[from];
    memmove(&samples->regions[to * regions], &samples->regions[from * regions],
            regions * sizeof(*samples->regions));
    memmove(&samples->map[to * regions * SMH_MAP_BINS],
            &samples->map[from * regions * SMH_MAP_BINS], regions * SMH_MAP_BINS);
}

/* What sample `from` has seen goes into the next one, or, of the last, into the one to come. */
static void hand_on(struct smh_metrics *metrics, size_t from)
{
    struct smh_samples *samples = metrics->result->samples;
    size_t regions = metrics->machine->region_count;
    struct smh_region_sample *later =
        from + 1 < samples->count ? &samples->regions[(from + 1) * regions] : metrics->since;
    for (size_t region = 0; region < regions; region++) {
        fold(&later[region], &samples->regions[from * regions + region]);
    }
}

/* Doubles the interval until half of the samples, or fewer, are that far apart. */
static void thin_out(struct smh_metrics *metrics)
{
    struct smh_samples *samples = metrics->result->samples;
    while (samples->count > SMH_SAMPLES_MAX / 2) {
        metrics->interval *= 2;
        size_t kept = 0;
        for (size_t i = 1; i < samples->count; i++) {
            if (is_due(metrics, kept, samples->operation_index[i], samples->time_ns[i])) {
                copy_sample(samples, metrics->machine->region_count, ++kept, i);
            } else {
                hand_on(metrics, i);
            }
        }
        samples->count = kept + 1;
    }
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
    const struct smh_samples *samples = metrics->result->samples;
    if (samples != NULL &&
        (samples->count == 0 || is_due(metrics, samples->count - 1, operation_index, time_ns))) {
        take_sample(metrics, operation_index, time_ns);
    }
}

void smh_metrics_finish(struct smh_metrics *metrics, uint64_t operation_index, uint64_t time_ns)
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

void smh_metrics_close(struct smh_metrics *metrics)
{
    free(metrics->since);
    metrics->since = NULL;
}
