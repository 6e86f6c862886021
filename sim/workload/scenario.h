/* scenario.h: a scenario file, read.
 *
 * Owns: the structures that a scenario's JSON becomes, and loading it. The JSON itself is
 * documented by scenarios/schema.json, which agrees with this loader key by key (a test compares).
 * Invariants: a loaded scenario is whole and consistent: every name resolved, no region overlaps
 * another, every trace file opens. Unknown keys, wrong types and impossible values do not load.
 */
#ifndef SMH_SIM_SCENARIO_H
#define SMH_SIM_SCENARIO_H

#include "../operation.h"

#include <smh/pool.h>

#include <stdio.h>

#define SMH_SCENARIO_SCHEMA 1
#define SMH_REGIONS_MAX     256
#define SMH_ACTORS_MAX      256

enum smh_cache_kind { SMH_CACHE_NONE, SMH_CACHE_WRITE_BACK, SMH_CACHE_WRITE_THROUGH };

enum smh_cache_replacement { SMH_REPLACE_LRU, SMH_REPLACE_PLRU, SMH_REPLACE_RANDOM };

struct smh_cache_config {
    uint64_t size_bytes; /* 0: no cache */
    uint32_t ways;
    enum smh_cache_kind policy;
    uint32_t hit_cycles;
    enum smh_cache_replacement replacement;
    bool write_allocate; /* default: write-back yes, write-through no */
};

struct smh_region_config {
    char *name;
    uint64_t base; /* as the target sees it */
    uint64_t size; /* bytes */
    uint32_t attr;
    char *attr_name; /* as written, for reports; of several names: joined by '+' */
    enum smh_cache_kind cache;
    uint32_t cycles;                 /* latency of an access that misses every cache */
    const struct smh_engine *engine; /* NULL: the default, or what the command line says */
    uint64_t granule;                /* 0: the engine's default */
    uint32_t target_bits;            /* 0: machine.target_bits */
    int metadata_in; /* index of the region whose memory holds the tables; -1: own memory for an
                        out-of-band engine; in-band engines always get a start bitmap outside the
                        machine */
    uint64_t reserve_bytes;
    uint32_t priority;
    bool dma_unreachable; /* key `dma`: false: no device reaches it */
    bool has_alias;       /* key `alias`: an uncached view of the same memory */
    uint64_t alias_base;
};

struct smh_machine_config {
    uint32_t cores;             /* 1.. */
    uint32_t line_bytes;        /* power of two, 4..1024 */
    uint32_t target_bits;       /* 32 or 64; default 32, as firmware is */
    uint64_t cycles_per_second; /* key `clock`; 0: not given */
    struct smh_cache_config l1;
    bool l1_shared;             /* one L1 for all cores; else one each, not kept coherent */
    struct smh_cache_config l2; /* shared by the cores; hit_cycles count on top of l1's */
    uint32_t store_buffer;      /* entries a core; 0: none */
    bool dirty_hand_out; /* key `hand_out`: "as_is": what the allocator itself wrote into memory
                            that it hands out may still be dirty in a cache. Default "clean": the
                            port has written such lines back and dropped them */
    struct smh_region_config *regions;
    size_t region_count;
};

enum smh_distribution_kind {
    SMH_DISTRIBUTION_CONSTANT,    /* a */
    SMH_DISTRIBUTION_UNIFORM,     /* a..b, both included */
    SMH_DISTRIBUTION_EXPONENTIAL, /* mean a */
    SMH_DISTRIBUTION_LOGNORMAL,   /* mu a, sigma b */
    SMH_DISTRIBUTION_CHOICE       /* of values, by weights */
};

struct smh_distribution {
    enum smh_distribution_kind kind;
    double a, b;
    uint64_t min, max; /* clamped to; max 0: none */
    uint64_t *values;
    double *weights; /* cumulative: of values[0..i] together; rising, the last > 0 */
    size_t value_count;
};

/* Allocations at a mean rate, each with a size and a lifetime. */
struct smh_generator_config {
    double rate_hz;                   /* allocations per simulated second, exponential gaps */
    struct smh_distribution size;     /* bytes */
    struct smh_distribution lifetime; /* ns */
    uint64_t live_max;                /* 0: none; when reached, the oldest is freed first */
    uint64_t count;                   /* allocations in all; 0: any number */
    uint64_t duration_ns;             /* no allocation after it; 0: any time. Whichever of the two
                                         comes first; with neither it runs until the last other
                                         actor has ended */
    double realloc_share;             /* of allocations that are resized once in mid-life, 0..1 */
};

struct smh_actor_config {
    char *name;
    uint32_t core;
    uint32_t attr; /* default for its operations */
    uint32_t align;
    struct smh_attr_list *prefer; /* NULL: attr alone */
    uint64_t start_ns;
    uint32_t driver_line; /* key `line`: the line size that the actor's maintenance is written for,
                             in bytes; 0: the machine's */
    int stack_region; /* key `stack`: where its stack buffers lie, at the region's end; -1: none */
    uint64_t stack_bytes;
    uint64_t stack_offset; /* in the region; the heap ends at the lowest of its stacks. Stacks are
                              taken from a region's end in the order of their actors, each at a
                              multiple of the line (64 bytes at least), before tables of other
                              regions are */
    /* exactly one of the three: */
    char *trace;                      /* path as resolved against the scenario's folder */
    struct smh_operation *operations; /* the list `ops`: slots as numbered by order of name; time_ns
                                         is relative to the start of a repetition (key `after`) */
    size_t operation_count;
    char **slot_names; /* of the list: name of each slot */
    size_t slot_count;
    struct smh_generator_config *generator;
    /* of a list or a trace: */
    uint64_t repeat;   /* times, at least 1. Blocks that a trace leaves live are freed before its
                          next repetition, as when a program ends and is started again */
    uint64_t every_ns; /* between starts of repetitions; one that takes longer delays the next */
    /* of a trace: */
    uint64_t step_ns;
    uint64_t max_operations;
};

struct smh_region_expect {
    size_t region;
    bool has_peak_used_max;
    uint64_t peak_used_max_bytes; /* a percentage is of the region's size, rounded down */
};

/* A hazard that must occur: its class and the owners of the bytes. */
struct smh_hazard_expect {
    char *class_name; /* "H1".."H10" */
    char **owners;
    size_t owner_count;
};

struct smh_expect {
    bool has_failed_allocations;
    uint64_t failed_allocations_min; /* a number: min = max */
    uint64_t failed_allocations_max; /* not given: UINT64_MAX */
    bool has_hazards;
    uint64_t hazards;                      /* of a list: its length */
    struct smh_hazard_expect *hazard_list; /* NULL: a number was given */
    size_t hazard_count;
    struct smh_region_expect *regions;
    size_t region_count;
};

struct smh_scenario {
    char *path; /* as given */
    char *name;
    char *why;
    uint64_t seed;
    struct smh_machine_config machine;
    smh_match match;
    const char *match_name; /* "equal", "all_bits" */
    const struct smh_policy *policy;
    uint64_t threshold_bytes; /* key `threshold` of the pool: as in smh_pool_config */
    /* The three of Zephyr, then the user's own (`attributes`: { "name": value }). Under "equal" the
     * three are 0, 1, 2 as in Zephyr; under "all_bits" they are the bits 1, 2, 4. */
    char **attr_names;
    uint32_t *attr_values;
    size_t attr_count;
    char *attr_text; /* what smh_scenario_attr_name gives for a value without a name */
    struct smh_actor_config *actors;
    size_t actor_count;
    struct smh_attr_list **attr_lists; /* every `prefer` of the workload */
    size_t attr_list_count;
    struct smh_expect expect;
};

/* No scenario file is longer. */
#define SMH_SCENARIO_BYTES_MAX ((size_t)64 << 20)

/* Loads and checks, traces included (each is opened; with parse_traces each is parsed to its end).
 * NULL with *error set. path "-" reads standard input (relative paths are then the working
 * folder's). */
struct smh_scenario *smh_scenario_load(const char *path, bool parse_traces,
                                       struct smh_error *error);
void smh_scenario_free(struct smh_scenario *scenario); /* NULL does nothing */
/* The text of its file, read again: for who names a line of it (scenario_line.h). NULL: not to be
 * had (standard input, a scenario without a file). The caller's to free. */
char *smh_scenario_text(const struct smh_scenario *scenario);
/* It expects hazards (or none), or a list has accesses. */
bool smh_scenario_is_about_hazards(const struct smh_scenario *scenario);
/* Every key that the loader accepts, one JSON path a line, as "$.machine.regions[].size". */
void smh_scenario_print_keys(FILE *file);
/* The name of an attribute value in this scenario; under "all_bits" the names of its bits joined
 * by '+'; else its number. Valid until the next call with this scenario. */
const char *smh_scenario_attr_name(const struct smh_scenario *scenario, uint32_t attr);

/* All actors of a scenario merged by simulated time; ties in actor order. Every random choice is
 * drawn from (seed, actor). The scenario must outlive the source. Slots are per actor. */
struct smh_source *smh_workload_open(const struct smh_scenario *scenario, uint64_t seed,
                                     struct smh_error *error);

/* One generator by itself, on core 0 with attr 0. It ends by count or duration_ns; with neither,
 * never. What is live then is freed when it is due. */
struct smh_source *smh_generator_open(const struct smh_generator_config *config, uint16_t actor,
                                      uint64_t seed, struct smh_error *error);

#endif
