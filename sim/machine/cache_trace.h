/* cache_trace.h: hits and misses of an address trace, counted as Cachegrind counts.
 *
 * Owns: reading traces of accesses and counting them against one or two levels of cache.
 *
 *     I  0023C790,2        an instruction: where and how many bytes; counted against I1, if any
 *      L BE80199C,4        a load
 *      S BE80199C,4        a store; allocates a line as a load does
 *      M 0025747C,1        a modify: a load and a store of the same bytes; one load
 *
 * as `valgrind --tool=lackey --trace-mem=yes` prints; "L BE80199C,4" will do. Empty lines and lines
 * that begin with "==", "--" (Valgrind's own) or '#' are skipped. Plain, gzip or zstd.
 *
 * As in Cachegrind, an access counts once: as a miss of the first level when any line of it misses,
 * and then all of its lines are looked up in the second level, which loads, stores and instructions
 * share. An access longer than the shortest line is cut to it. A trace without instructions, or
 * without an I1, gives the second level less to do than Cachegrind's.
 *
 * Invariants: memory does not depend on the trace's length; a bad line is an error, never skipped.
 */
#ifndef SMH_SIM_CACHE_TRACE_H
#define SMH_SIM_CACHE_TRACE_H

#include "../error.h"
#include "cache.h"

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
    uint64_t lines;    /* of the file */
};

/* Whether a cache can be: a power of two of sets, 1 to 1024 ways, lines of 4 to 4096 bytes. 0, or
 * -1 with *error naming it. */
int smh_cache_geometry_check(const struct smh_cache_geometry *geometry, const char *name,
                             struct smh_error *error);

struct smh_cache_trace;

/* Empty caches. The geometries have been checked, d1 is there. */
struct smh_cache_trace *smh_cache_trace_open(const struct smh_cache_trace_config *config);
void smh_cache_trace_close(struct smh_cache_trace *trace);
/* Counts one access; kind is 'I', 'L', 'S' or 'M', bytes > 0, and the range does not wrap. */
void smh_cache_trace_access(struct smh_cache_trace *trace, char kind, uint64_t address,
                            uint64_t bytes);
/* Counts a file's accesses; "-" is standard input. 0, or -1 with *error set ("FILE:LINE: ..."). */
int smh_cache_trace_read(struct smh_cache_trace *trace, const char *path, struct smh_error *error);
void smh_cache_trace_result(const struct smh_cache_trace *trace,
                            struct smh_cache_trace_result *result);

#endif
