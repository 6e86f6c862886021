/* recording.h: from the raw file of one recorded process to a trace.
 *
 * Owns: reading raw files (../record/record_format.h) and writing them through trace.h: addresses
 * become ids, numbered in the order of allocation.
 *
 *     raw: alloc A, realloc-begin A, alloc A (another thread), realloc-end B, free A
 *     trace: a 0    ---------------- a 1 -------------------- r 0 ----------- f 1
 *
 * Invariants: every trace written is well formed, whatever the raw file holds: frees of blocks
 * whose allocation was not seen are left out and counted; blocks live at the end stay live. Time
 * never goes back (threads read the clock a little before or after they claim their record).
 */
#ifndef SMH_SIM_RECORDING_H
#define SMH_SIM_RECORDING_H

#include "../error.h"

#include <stdbool.h>
#include <stdint.h>

struct smh_recording_options {
    bool times;            /* write t= */
    bool threads;          /* write thread= */
    uint64_t time_step_ns; /* times are rounded down to it; 0 and 1: as recorded */
    uint64_t origin_ns; /* CLOCK_MONOTONIC of the first process's start, for key start=; 0: none */
    const char *keys;   /* further header keys ("version=2.0.11"), NULL: none */
    const char *note;   /* a comment after the header, NULL: none */
};

struct smh_recording_stats {
    char program[64];    /* name of the executable, without folder; characters of a key's value */
    uint64_t operations; /* lines written */
    uint64_t allocations, reallocations, frees;
    uint64_t zero_sized;    /* allocations of 0 bytes, written as 1 byte */
    uint64_t unknown_frees; /* left out: the allocation was not seen */
    uint64_t implied_frees; /* written where an address came back without its free being seen */
    uint64_t incomplete;    /* claimed by a thread that was stopped before it wrote */
    uint64_t beyond_limit;  /* not recorded: after the limit */
    uint64_t lost;          /* not recorded: the file could not grow */
    uint64_t failed;        /* calls that returned NULL */
    uint64_t live_blocks, live_bytes; /* at the end */
    uint64_t peak_blocks, peak_bytes; /* live at once */
    uint64_t largest_bytes;
    uint64_t duration_ns; /* from the first to the last record */
    uint64_t start_ns;    /* CLOCK_MONOTONIC */
    uint32_t threads;
    int64_t pid, parent_pid;
};

/* Counts what is in raw_path. 0; -1 with *error set: no raw file, or damaged. */
int smh_recording_measure(const char *raw_path, struct smh_recording_stats *stats,
                          struct smh_error *error);
/* Writes the trace (measuring first: its header has the counts). 0; -1 with *error set, and no
 * file left. */
int smh_recording_convert(const char *raw_path, const char *trace_path,
                          const struct smh_recording_options *options,
                          struct smh_recording_stats *stats, struct smh_error *error);

#endif
