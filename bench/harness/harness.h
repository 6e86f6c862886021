/* harness.h: what the benches share.
 *
 * Owns: the command line of a bench, engines by name or as plug-ins, traces as compact arrays,
 * arenas at fixed addresses, medians, and the JSON and tables in which a bench answers.
 *
 *     options --> engines x traces --> replay in an arena --> figures --> table on stdout
 *                                                                    '--> JSON, when --json is
 * given
 *
 * Invariants: whatever goes wrong ends the program with one line on stderr and exit code 1 (2: bad
 * usage); a bench measures nothing whose content it does not check in the same run. Arenas lie at
 * the same addresses in every run, so that placements, and with them instruction counts, repeat.
 */
#ifndef SMH_BENCH_HARNESS_H
#define SMH_BENCH_HARNESS_H

#include <jansson.h>
#include <smh/engine.h>
#include <smh/heap.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An allocator called without smh around it: what a plug-in may export beside its engine as
 * `smh_bench_direct`, and what the system libraries are wrapped in. For the speed bench only. */
struct bench_direct {
    const char *name;
    /* Makes memory an arena and returns what the calls below get; NULL: impossible. memory is NULL
     * for allocators that find their own. */
    void *(*create)(void *memory, size_t bytes);
    void *(*alloc)(void *arena, size_t bytes);
    void *(*aligned_alloc)(void *arena, size_t align, size_t bytes);
    void *(*realloc)(void *arena, void *block, size_t bytes);
    void (*free)(void *arena, void *block);
};
#define BENCH_DIRECT_SYMBOL "smh_bench_direct"

/* An engine, and the way around smh if its plug-in has one. */
struct bench_engine {
    const char *name;
    const struct smh_engine *engine;
    const struct bench_direct *direct; /* NULL: none */
};

#define BENCH_ENGINES_MAX 32
#define BENCH_TRACES_MAX  64

struct bench_options {
    const char *bench; /* the program's name, for messages */
    bool smoke;        /* fast: shows that the bench works; its figures mean little */
    bool full;         /* all sizes, also those that take minutes */
    unsigned jobs;     /* processes at a time, where a bench can use two */
    unsigned rounds;   /* 0: the bench's own choice */
    unsigned target_bits;
    size_t granule;
    uint64_t seed;
    const char *json; /* file to write, or NULL */
    const char *reference;
    size_t sample;      /* calls to look at per trace; 0: the bench's own choice, SIZE_MAX: all */
    size_t evaluations; /* of a search; 0: the bench's own choice */
    const char *scenarios; /* folder for what a search found, or NULL: the bench's own choice */
    bool direct;           /* also call plug-ins without smh around them */
    bool system; /* also the system's allocators, where a bench can; so when no -e is given */
    struct bench_engine engines[BENCH_ENGINES_MAX];
    size_t engine_count;
    bool engines_named; /* by -e; else all of the core */
    char **arguments;   /* of main */
    const char *traces[BENCH_TRACES_MAX];
    size_t trace_count;
};

/* Reads the command line. Engines: those named by -e, or all of the core; traces: those named, or
 * scenarios/traces/ *.trace.zst (in smoke mode: the shipped small one). `about` is the first line
 * of --help. Ends the program on bad usage. */
void bench_options_read(struct bench_options *options, const char *bench, const char *about,
                        int argc, char **argv);

__attribute__((format(printf, 1, 2))) _Noreturn void bench_fail(const char *format, ...);

/* --- traces ----------------------------------------------------------------------------------- */

enum bench_kind { BENCH_ALLOC, BENCH_REALLOC, BENCH_FREE };

/* Requests of 0 bytes and what hangs on them are dropped: every operation asks for something or
 * frees a live block. */
struct bench_operation {
    uint64_t bytes; /* of ALLOC and REALLOC, at least 1 */
    uint32_t slot;
    uint8_t kind;        /* enum bench_kind */
    uint8_t align_shift; /* 0: natural alignment */
};

struct bench_trace {
    char name[64]; /* of the file, without .trace.zst and the like */
    struct bench_operation *operations;
    size_t count;
    size_t slot_count;
    uint64_t peak_bytes; /* the most bytes that were asked for and not yet freed */
    size_t peak_blocks;
};

void bench_trace_load(struct bench_trace *trace, const char *path);
void bench_trace_free(struct bench_trace *trace);
/* Appends; for sequences that a bench makes up. count and capacity as in a growing array. */
void bench_trace_add(struct bench_trace *trace, enum bench_kind kind, uint32_t slot, uint64_t bytes,
                     unsigned align_shift);
/* Fills slot_count, peak_bytes and peak_blocks. */
void bench_trace_measure(struct bench_trace *trace);

/* --- replay ----------------------------------------------------------------------------------- */

/* What a slot holds. */
struct bench_block {
    uint8_t *block;
    uint64_t bytes;
};

/* Replays through smh_heap_*, payload untouched: the number of operations done before the first
 * refusal (trace->count: all). slots: trace->slot_count of them, any content. */
size_t bench_replay(struct smh_heap *heap, const struct bench_trace *trace, void **slots);

/* The same, but every block is filled when it is given and verified before it is resized or freed;
 * alignment and bounds are checked, heap and leftover too. Ends the program on any fault, a refusal
 * included, unless may_fail. */
size_t bench_replay_checked(struct smh_heap *heap, const struct bench_trace *trace, bool may_fail);

/* Marks the first and the last byte of a block as its slot's, and tells whether they still are: the
 * check for benches that cannot afford to fill blocks. */
void bench_tag(const struct bench_block *held, uint32_t slot);
bool bench_tag_holds(const struct bench_block *held, uint64_t bytes, uint32_t slot);

/* Makes a heap of memory with the engine and the options' granule and target. 0 or -errno. */
int bench_heap_init(struct smh_heap *heap, const struct bench_options *options,
                    const struct smh_engine *engine, void *memory, size_t bytes);

/* Whether the engine answers walk: a plug-in may not. */
bool bench_engine_walks(const struct bench_options *options, const struct smh_engine *engine);

/* smh_heap_check; a plug-in that does not walk its chunks is taken at its word. */
bool bench_heap_sound(const struct smh_heap *heap);

/* --- memory, time, statistics ----------------------------------------------------------------- */

/* Zeroed pages, reserved, not yet backed, at an address that is the same in every run and differs
 * by `which` (0 to 15); a multiple of 1 GiB. Ends the program when the host refuses. */
void *bench_map(unsigned which, size_t bytes);
void bench_unmap(void *memory, size_t bytes);
/* Gives pages back to the host: they read as zero again. */
void bench_clear(void *memory, size_t bytes);

double bench_seconds(void);
/* Of this thread's own work: waiting for a processor or for a lock does not count. */
double bench_thread_seconds(void);
/* Sorts values. */
double bench_median(double *values, size_t count);
/* The value that `per_mille` of values are not above; sorts them. 0 when count is 0. */
uint32_t bench_quantile(uint32_t *values, size_t count, unsigned per_mille);
double bench_geometric_mean(const double *values, size_t count);

/* Jobs for child processes. */
struct bench_jobs {
    size_t count;
    void (*run)(void *context, size_t index);
    /* Names a job, for the message when its process dies. */
    void (*describe)(void *context, size_t index, char *text, size_t bytes);
    void *context;
};
/* Runs jobs 0..count-1 in up to `processes` child processes; results go where the parent sees them
 * when they lie in memory of bench_shared(). A job that fails ends the program. */
void bench_parallel(unsigned processes, const struct bench_jobs *jobs);
/* Zeroed memory that child processes share with their parent. */
void *bench_shared(size_t bytes);

/* --- answers ---------------------------------------------------------------------------------- */

/* A document: { "bench": ..., "schema": 1, "smoke": ..., "machine": ..., "results": [] }. */
json_t *bench_document(const struct bench_options *options);
/* Appends one result; takes it over. */
void bench_document_add(json_t *document, json_t *result);
/* Writes the document to options->json, if that is asked for, and frees it. */
void bench_document_write(const struct bench_options *options, json_t *document);

#endif
