/* record_format.h: the raw recording that a recorded process leaves behind.
 *
 * Owns: the layout of a raw file, shared by the writer (preload.c, inside the recorded process) and
 * the reader (sim/workload/recording.c, inside smh).
 *
 *     0                4096                                         file size
 *     | header ........ | record 0 | record 1 | ... | record n-1 | 0 0 0 |
 *                       |<------- segment 0 ------>|<- segment 1 ->| ...
 *
 * Invariants: a record's number is claimed by one atomic addition to header.next, so the numbers
 * are one total order over all threads. Record i lies at SMH_RAW_HEADER_BYTES + i * 32. A record is
 * complete when its kind is not 0: kind is stored last. The file is a shared mapping and grows by
 * whole segments, so whatever was stored is in it however the process ends, and what lies behind
 * the last record is zero. Both sides run on one machine: native byte order.
 */
#ifndef SMH_SIM_RECORD_FORMAT_H
#define SMH_SIM_RECORD_FORMAT_H

#include <stdatomic.h>
#include <stdint.h>

#define SMH_RAW_MAGIC           "SMHRAW01"
#define SMH_RAW_HEADER_BYTES    4096u
#define SMH_RAW_SEGMENT_RECORDS 32768u

/* How smh tells the preloaded library what to do. */
#define SMH_RAW_ENV_FOLDER "SMH_RECORD_FOLDER" /* where raw files go: PID.IMAGE */
#define SMH_RAW_ENV_LIMIT  "SMH_RECORD_LIMIT"  /* calls recorded of a process; 0: all */
#define SMH_RAW_ENV_TICKS  "SMH_RECORD_TICKS"  /* 1: the processor's counter is a clock */
#define SMH_RAW_ENV_ONLY   "SMH_RECORD_ONLY"   /* the one process id to record; 0: every process */

/* What record.time counts. Reading the counter costs less than half of reading the clock. */
#define SMH_RAW_CLOCK_NS    0u /* nanoseconds of CLOCK_MONOTONIC */
#define SMH_RAW_CLOCK_TICKS 1u /* ticks of the processor's counter; one rate on all cores */

enum smh_raw_kind {
    SMH_RAW_NONE, /* claimed, and the process ended before it was written */
    SMH_RAW_ALLOC,
    SMH_RAW_CALLOC,
    SMH_RAW_FREE,
    /* One realloc is two records of one thread: the old address and the new size before the call,
     * the new address after it (0: it failed, or bytes was 0 and the block was freed). */
    SMH_RAW_REALLOC_BEGIN,
    SMH_RAW_REALLOC_END,
    SMH_RAW_KIND_COUNT
};

struct smh_raw_record {
    uint64_t time; /* in the header's clock */
    uint64_t address;
    uint64_t bytes;
    uint32_t thread;    /* 0, 1, 2, ... in order of first call */
    uint8_t align_log2; /* 0: not asked for */
    _Atomic uint8_t kind;
    uint16_t zero; /* always 0: growing the file may store a zero byte here */
};

struct smh_raw_header {
    char magic[8];
    uint32_t header_bytes; /* SMH_RAW_HEADER_BYTES */
    uint32_t record_bytes; /* sizeof(struct smh_raw_record) */
    int64_t pid;
    int64_t parent_pid;
    uint64_t start_ns;    /* CLOCK_MONOTONIC when the file was made */
    uint64_t start_ticks; /* the counter at the same moment, when clock says so */
    uint64_t limit;       /* calls beyond are counted, not recorded; 0: none */
    _Alignas(64) _Atomic uint64_t
        next; /* records claimed; on a line of its own: every call adds to it */
    _Alignas(8) _Atomic uint64_t failed; /* calls that returned NULL for want of memory */
    _Atomic uint32_t threads;
    uint32_t clock;     /* SMH_RAW_CLOCK_* */
    char program[256];  /* path of the executable */
    char command[2048]; /* arguments, each ended by 0; cut where it does not fit */
};

#if defined(__x86_64__)
#define SMH_RAW_HAS_TICKS 1
static inline uint64_t smh_raw_ticks(void)
{
    return __builtin_ia32_rdtsc();
}
#else
#define SMH_RAW_HAS_TICKS 0
static inline uint64_t smh_raw_ticks(void)
{
    return 0;
}
#endif

_Static_assert(sizeof(struct smh_raw_record) == 32, "records are fixed-width");
_Static_assert(sizeof(struct smh_raw_header) <= SMH_RAW_HEADER_BYTES, "the header fits its page");

#endif
