/* trace.h: reading and writing recorded workloads.
 *
 * Owns: the text form, its two containers (gzip, zstd, told apart by their first bytes) and the
 * plain .rep form of malloc-lab.
 *
 *     smh-trace 1 [key=value ...]        header; a first line that starts with a, r or f is
 *     # anything                         accepted without one
 *     a ID BYTES [align=N] [attr=NAME] [t=NS] [thread=N] [zero=1]
 *     r ID BYTES [the same]
 *     f ID       [t=NS] [thread=N]
 *
 * .rep: four header lines of one number each (suggested heap size, ids, operations, weight), then
 * a, r and f lines.
 * Invariants: ids of a trace are any 64-bit numbers; the reader maps them to dense slots, so its
 * memory follows live blocks. A trace that allocates a live id, frees or resizes an unknown one,
 * goes back in time or is cut off is an error that names file and line.
 */
#ifndef SMH_SIM_TRACE_H
#define SMH_SIM_TRACE_H

#include "../operation.h"

/* How a trace becomes an actor's operations. */
struct smh_trace_options {
    uint16_t actor;
    uint8_t core;
    uint32_t attr;                      /* for lines without attr= */
    uint32_t align;                     /* for lines without align= */
    const struct smh_attr_list *prefer; /* for lines without attr=; NULL: attr */
    uint64_t start_ns;                  /* added to every time */
    uint64_t step_ns;                   /* between lines without t= */
    uint64_t speed_num, speed_den;      /* times are multiplied by num/den; 0, 0: as recorded */
    uint64_t max_operations;            /* 0: all; otherwise stops, leaving blocks live */
    /* Resolves attr=NAME (decimal numbers are resolved by the reader): false when unknown. NULL:
     * names are ignored and attr is used. */
    bool (*resolve)(void *context, const char *name, uint32_t *attr);
    void *context;
};

/* Opens a trace; options may be NULL (all zero, step 1000 ns). NULL with *error set. */
struct smh_source *smh_trace_open(const char *path, const struct smh_trace_options *options,
                                  struct smh_error *error);

/* Writes a trace to a temporary file beside path; close renames it there. The container follows
 * the name: .gz, .zst, else none. */
struct smh_trace_writer;
struct smh_trace_writer *smh_trace_create(const char *path, const char *header_keys,
                                          struct smh_error *error);
/* kind is ALLOC, CALLOC, REALLOC or FREE; id any number, thread and time as given; align 0 is left
 * out. */
int smh_trace_write(struct smh_trace_writer *writer, enum smh_operation_kind kind, uint64_t id,
                    uint64_t bytes, uint64_t align, uint64_t time_ns, unsigned thread,
                    struct smh_error *error);
/* A comment line. */
int smh_trace_comment(struct smh_trace_writer *writer, const char *text, struct smh_error *error);
/* keep false: removes the temporary file. Frees the writer either way. */
int smh_trace_finish(struct smh_trace_writer *writer, bool keep, struct smh_error *error);

#endif
