/* cache_trace.h: hits and misses of an address trace, counted as Cachegrind counts.
 *
 * Owns: counting the accesses of a trace against one or two levels of cache. cache_text.h and
 * cache_packed.h say what a trace is.
 *
 * As in Cachegrind, an access counts once: as a miss of the first level when any line of it misses,
 * and then all of its lines are looked up in the second level, which loads, stores and instructions
 * share. An access longer than the shortest line is cut to it. A trace without instructions, or
 * without an I1, gives the second level less to do than Cachegrind's.
 *
 * Invariants: memory does not depend on the trace's length.
 */
#ifndef SMH_SIM_CACHE_TRACE_H
#define SMH_SIM_CACHE_TRACE_H

#include "../error.h"
#include "cache.h"
#include "cache_block.h"

/* A cache; size_bytes 0: none. */
struct smh_cache_geometry {
    uint64_t size_bytes;
    uint32_t ways;
    uint32_t line_bytes;
};

struct smh_cache_trace_config {
    struct smh_cache_geometry i1; /* may be none */
    struct smh_cache_geometry d1;
    struct smh_cache_geometry l2; /* may be none; shared */
    enum smh_cache_replacement replacement;
    uint64_t seed; /* of random replacement */
};

struct smh_cache_trace_count {
    uint64_t accesses;
    uint64_t misses;    /* of the first level */
    uint64_t l2_misses; /* of the second, among these */
};

struct smh_cache_trace_result {
    struct smh_cache_trace_count instructions, loads, stores;
    uint64_t modifies; /* among the loads */
};

/* Whether a cache can be: a power of two of sets, 1 to 1024 ways, lines of 4 to 4096 bytes. 0, or
 * -1 with *error naming it. */
int smh_cache_geometry_check(const struct smh_cache_geometry *geometry, const char *name,
                             struct smh_error *error);

struct smh_cache_trace;

/* Empty caches. The geometries have been checked, d1 is there. */
struct smh_cache_trace *smh_cache_trace_open(const struct smh_cache_trace_config *config);
void smh_cache_trace_close(struct smh_cache_trace *trace);
void smh_cache_trace_count(struct smh_cache_trace *trace, const struct smh_cache_block *batch);
/* Counts a file's accesses; "-" is standard input. 0, or -1 with *error set, and what came before
 * the error is counted. */
int smh_cache_trace_read(struct smh_cache_trace *trace, const char *path, struct smh_error *error);
void smh_cache_trace_result(const struct smh_cache_trace *trace,
                            struct smh_cache_trace_result *result);

#endif
