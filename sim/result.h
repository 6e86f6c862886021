/* result.h: what a run came to. The one structure that every printer, plot and expectation reads.
 *
 * Owns: struct smh_result, and its two printers: JSON (results.json, version SMH_RESULT_SCHEMA)
 * and text.
 * Invariants: counters are raw; whatever is derived (percentages, the Johnstone-Wilson measures)
 * is derived by smh_ratio() and nowhere else. Positions are region+offset, never host addresses.
 * Nothing here depends on the host but latency, which is there only when it was asked for.
 *
 * results.json
 * ------------
 *   schema            1
 *   program, version, command
 *   scenario          name, file, why, seed, target_bits, match, policy, line_bytes, cores,
 *                     l1, l2 (null or size_bytes, ways, write_through, write_allocate, shared),
 *                     store_buffer (entries), regions [ name, base, size_bytes, attr,
 *                     attr_name, cache, cycles, engine, granule_bytes ], actors [ name ]
 *   runs [            one per engine, policy and seed
 *     engine          name, or "as_written" when the scenario's regions choose
 *     policy, seed, passed
 *     operations      total, one count per kind, skipped (on a block whose allocation had failed),
 *                     zero_size (requests of no bytes, answered with NULL and no failure)
 *     simulated_ns
 *     failures        total, no_region, fragmented, full, requested_bytes,
 *                     list [ time_ns, actor, operation, site, bytes, align, attr, attr_name,
 *                            reason, free_bytes, largest_free_bytes ] (the first 100)
 *     violations [    oracle, message, operation_index ] (the first 32)
 *     violation_count
 *     stopped         true when violations ended the replay early
 *     regions [       name, memory_bytes, capacity_bytes, metadata_bytes, used_bytes,
 *                     peak_used_bytes, live_bytes, peak_live_bytes, live_blocks,
 *                     peak_live_blocks, high_water_bytes, free_bytes, largest_free_bytes,
 *                     free_chunks, allocated_blocks, freed_blocks, failed_requests,
 *                     fragmentation: jw1 .. jw4 and the counters they come from ]
 *     attributes [    attr, attr_name, allocated_blocks, live_bytes, peak_live_bytes,
 *                     failed_requests ]
 *     samples         null, or time_ns [], operation_index [], regions [ name, used_bytes [],
 *                     live_bytes [], free_bytes [], largest_free_bytes [], free_chunks [] ]
 *     heap_map        null, or [ name, bin_bytes, bins, time_ns [], columns [ [ 0..255 ] ] ]
 *     latency         null, or source "host", unit "ns", clock_overhead_ns, operations { kind:
 *                     DISTRIBUTION }
 *     cycles          null, or unit "cycles", traced (false: an engine that was loaded served a
 *                     region; its own accesses are unknown and cost nothing here),
 *                     regions [ name (null: requests that no region served),
 *                               operations { kind: DISTRIBUTION } ] (what a call of the allocator
 *                               costs, the zeroes of calloc and the copy of realloc included),
 *                     actors [ name, cycles, allocator_cycles ] (of all accesses; of the calls),
 *                     levels [ level "L1" or "L2", regions [ name, loads, load_misses, stores,
 *                              store_misses, write_backs, fills, miss_rate ] ] (those there are)
 *     wrong_reads     null, or count, first: null, or operation_index, region, offset, core (null:
 *                     a device), by_allocator: what one schedule of the caches came to
 *     DISTRIBUTION is count, sum, min, max, mean, p50, p99, buckets [ [ upper bound, count ] ]
 *     hazards         null: not judged; or as result_hazards.h says
 *     hazard_differences [ sentences: which were expected and did not occur, and the other way
 *                     round ]
 *     expectations [  what, allowed, actual, passed ]
 *   ]
 *   verdict           a sentence
 *
 * Fragmentation follows Johnstone and Wilson (1998), per region: heap is the high-water mark (the
 * end of the highest byte ever handed out, from the region's start), live is the bytes asked for.
 *   jw1 = sum of heap over operations / sum of live over operations
 *   jw2 = heap at the moment of peak live / peak live
 *   jw3 = heap at its peak / most live bytes since the moment when heap reached that peak
 *   jw4 = peak heap / peak live
 */
#ifndef SMH_SIM_RESULT_H
#define SMH_SIM_RESULT_H

#include "hazard/judge.h"
#include "machine/memory.h"
#include "workload/scenario.h"

#include <jansson.h>
#include <stdio.h>

#define SMH_VERSION           "0.1.0"
#define SMH_RESULT_SCHEMA     1
#define SMH_FAILURES_LISTED   100
#define SMH_VIOLATIONS_LISTED 32
#define SMH_SAMPLES_MAX       512
#define SMH_MAP_BINS          128
#define SMH_MAP_COLUMNS       256
#define SMH_LATENCY_BUCKETS   (64 * 8)

enum smh_failure_reason {
    SMH_FAILURE_NO_REGION,  /* no region matches the attribute */
    SMH_FAILURE_FRAGMENTED, /* a matching region has the bytes free, but no chunk that serves */
    SMH_FAILURE_FULL,       /* no matching region has that many bytes free */
    SMH_FAILURE_REASON_COUNT
};

const char *smh_failure_name(enum smh_failure_reason reason);

struct smh_failure {
    uint64_t time_ns;
    uint64_t site;
    uint64_t bytes;
    uint64_t free_bytes;         /* over the matching regions */
    uint64_t largest_free_bytes; /* of the matching regions */
    uint32_t align;
    uint32_t attr;
    uint16_t actor;
    uint8_t kind;   /* enum smh_operation_kind */
    uint8_t reason; /* enum smh_failure_reason */
};

struct smh_violation {
    const char *oracle;
    uint64_t operation_index;
    char message[256];
};

struct smh_region_result {
    struct smh_stats stats;  /* at the end of the workload, before what is still live is freed */
    uint64_t metadata_bytes; /* tables outside the region */
    uint64_t free_chunks;
    uint64_t live_bytes; /* asked for, not reserved */
    uint64_t peak_live_bytes;
    uint64_t peak_live_blocks;
    uint64_t high_water_bytes;
    uint64_t high_water_at_peak_live;
    uint64_t live_at_high_water; /* most live bytes since high_water_bytes was reached */
    uint64_t high_water_sum;     /* over operations, bytes; wraps past 4 GiB x 4e9 operations */
    uint64_t live_sum;           /* the same */
    uint64_t failed_requests;    /* that matched this region first */
};

struct smh_attribute_result {
    uint32_t attr;
    uint64_t allocated_blocks;
    uint64_t live_bytes;
    uint64_t peak_live_bytes;
    uint64_t failed_requests;
};

/* One region over the time since the sample before: the most in use, the least free (of the
 * moments that were looked at); chunks at the moment itself. */
struct smh_region_sample {
    uint64_t used_bytes;
    uint64_t live_bytes;
    uint64_t free_bytes;
    uint64_t largest_free_bytes;
    uint64_t free_chunks;
};

struct smh_samples {
    size_t count;
    uint64_t *time_ns;                 /* [SMH_SAMPLES_MAX] */
    uint64_t *operation_index;         /* [SMH_SAMPLES_MAX] */
    struct smh_region_sample *regions; /* [SMH_SAMPLES_MAX][region_count] */
    uint8_t *map;                      /* [SMH_SAMPLES_MAX][region_count][SMH_MAP_BINS] */
};

/* In nanoseconds or cycles. Log-linear: eight buckets per power of two. */
struct smh_latency {
    uint64_t count, sum, min, max;
    uint64_t buckets[SMH_LATENCY_BUCKETS];
};

#define SMH_CACHE_LEVELS 2
#define SMH_CALL_KINDS                                                        \
    (SMH_OPERATION_FREE + 1) /* of enum smh_operation_kind: calls of the pool \
                              */

struct smh_actor_cycles {
    uint64_t cycles;           /* of all its accesses */
    uint64_t allocator_cycles; /* of these, of its calls of the allocator */
};

/* What the simulated caches and memories made of a run. */
struct smh_cycles {
    bool
        traced; /* false: a loaded engine served a region, and what it accesses itself is unknown */
    struct smh_latency *latency; /* [region_count + 1][SMH_CALL_KINDS], in cycles; behind the
                                    last region: requests that no region served */
    struct smh_memory_counters *counters; /* [SMH_CACHE_LEVELS][region_count] */
    struct smh_actor_cycles *actors;      /* [actor_count] */
    size_t actor_count;
};

/* Reads that did not see the last value written, in the one schedule that was carried out. */
struct smh_wrong_reads {
    uint64_t count;
    uint64_t operation; /* of the first; index in the run */
    uint64_t offset;    /* of the first wrong byte, in the region */
    uint16_t region;
    uint8_t core; /* SMH_MEMORY_DEVICE: a device */
    bool by_allocator;
};

struct smh_expectation_result {
    char what[96];
    char allowed[48];
    char actual[48];
    bool passed;
};

struct smh_result {
    const struct smh_scenario *scenario;
    const char *engine; /* forced by the command line; NULL: as written */
    const char *policy;
    uint64_t seed;
    bool passed; /* every expectation met and no violation */
    uint64_t operations[SMH_OPERATION_KIND_COUNT];
    uint64_t operation_count;
    uint64_t skipped;
    uint64_t zero_size;
    uint64_t simulated_ns;
    uint64_t failures[SMH_FAILURE_REASON_COUNT];
    uint64_t failed_bytes;
    struct smh_failure failure_list[SMH_FAILURES_LISTED];
    size_t failure_listed;
    struct smh_violation violations[SMH_VIOLATIONS_LISTED];
    uint64_t violation_count;
    bool stopped; /* by violations, before the end of the workload: counters end there */
    struct smh_region_result *regions; /* [scenario->machine.region_count] */
    struct smh_attribute_result *attributes;
    size_t attribute_count;
    struct smh_samples *samples; /* NULL: not taken */
    struct smh_latency *latency; /* [SMH_OPERATION_KIND_COUNT], in ns, NULL: not taken */
    uint64_t clock_overhead_ns;
    struct smh_cycles *cycles;           /* NULL: not taken */
    struct smh_wrong_reads *wrong_reads; /* NULL: memories were not simulated */
    struct smh_judge *judge;             /* of hazards, until smh_result_judge; NULL: none */
    bool hazards_judged;                 /* the judge of hazards followed the run */
    struct smh_hazard *hazards;          /* copies of what it found, in its order */
    size_t hazard_count;
    uint64_t hazards_unlisted;      /* distinct ones beyond those that the judge lists */
    uint64_t hazard_lines_given_up; /* lines that it could not follow to the end */
    char **hazard_differences;      /* from what is expected, a sentence each */
    size_t hazard_difference_count;
    struct smh_expectation_result *expectations;
    size_t expectation_count;
    double host_seconds; /* of the processor, for the replay; printed on the terminal only */
};

uint64_t smh_result_failures(const struct smh_result *result);
/* The one ratio: numerator / denominator, and 0 / 0 is NaN (printed as null or "-"). */
double smh_ratio(double numerator, double denominator);
/* Johnstone-Wilson measure 1 to 4 of a region. */
double smh_result_fragmentation(const struct smh_region_result *region, int measure);
/* Counts one. */
void smh_latency_note(struct smh_latency *latency, uint64_t value);
/* Counts all of those, too. */
void smh_latency_add(struct smh_latency *latency, const struct smh_latency *others);
/* Bucket of a latency, and the largest latency that falls in a bucket. */
size_t smh_latency_bucket(uint64_t value);
uint64_t smh_latency_bound(size_t bucket);
/* The p-th percentile (0 to 100), as a bucket's bound. */
uint64_t smh_latency_percentile(const struct smh_latency *latency, double percent);

struct smh_cycles *smh_cycles_open(const struct smh_scenario *scenario);
void smh_cycles_close(struct smh_cycles *cycles); /* NULL does nothing */
/* Of calls of this kind in all regions together, refused ones included. */
void smh_cycles_total(const struct smh_result *result, enum smh_operation_kind kind,
                      struct smh_latency *total);

/* Keeps a copy of a hazard that was found. */
void smh_result_add_hazard(struct smh_result *result, const struct smh_hazard *hazard);
/* Checks scenario->expect and fills expectations and passed. */
void smh_result_judge(struct smh_result *result);
void smh_result_free(struct smh_result *result);

/* The document for these runs (all of one scenario). details[i] false leaves out samples and map;
 * details NULL: all have them. count > 0. */
json_t *smh_result_json(const struct smh_result *const *results, const bool *details, size_t count,
                        const char *command, const char *verdict);
/* Writes a document to a temporary file beside path and renames it; "-" is standard output. */
int smh_result_write(const json_t *document, const char *path, struct smh_error *error);
/* The summary that `smh run` prints. */
void smh_result_print(const struct smh_result *result, FILE *out);
/* Parts of the two, of caches and cycles (result_cycles.c). */
json_t *smh_result_latency_json(const struct smh_latency *latency);
json_t *smh_result_cycles_json(const struct smh_result *result);      /* null when not taken */
json_t *smh_result_wrong_reads_json(const struct smh_result *result); /* the same */
void smh_result_print_cycles(const struct smh_result *result, FILE *out);

#endif
