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
 * a, r and f lines; ids must be below the second number and as many lines follow as the third says.
 *
 * Numbers are decimal. Fields are separated by blanks or tabs; empty lines, CRLF and a last line
 * without newline are accepted; a line has at most 4096 bytes. t= counts from the start of the
 * recording. A line without t= comes step_ns after the line before it (the first: at 0). BYTES 0
 * of an `a` line is kept: the recorded program asked for 0 bytes and freed what it got; the
 * operation has bytes 0 and its slot counts as filled. BYTES 0 of an `r` line frees. An `r` line
 * without attr= asks for what the block's allocation asked for; without align=, for the default.
 * Invariants: ids of a trace are any 64-bit numbers; the reader maps them to dense slots, so its
 * memory follows live blocks. A trace that allocates a live id, frees or resizes an unknown one,
 * goes back in time, has anything else on a line or is cut off is an error that names file and
 * line.
 */
#ifndef SMH_SIM_TRACE_H
#define SMH_SIM_TRACE_H

#include "../operation.h"

#include <limits.h>

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
    bool free_at_end; /* after the last line, free what is live, at that line's time */
    /* Resolves attr=NAME (decimal numbers are resolved by the reader): false when unknown. NULL:
     * names are ignored and attr is used. */
    bool (*resolve)(void *context, const char *name, uint32_t *attr);
    void *context;
};

/* Opens a trace; options may be NULL (all zero, step 1000 ns). NULL with *error set. */
struct smh_source *smh_trace_open(const char *path, const struct smh_trace_options *options,
                                  struct smh_error *error);

#define SMH_TRACE_LINE_BYTES 4096u      /* longest line, without its end */
#define SMH_TRACE_ALIGN_MAX  (1u << 30) /* largest align= */
#define SMH_TRACE_STEP_NS    1000u      /* step_ns where nothing is said */

/* Reads a trace to its end: 0, or -1 with *error set. *operations (may be NULL): how many. */
int smh_trace_check(const char *path, const struct smh_trace_options *options, uint64_t *operations,
                    struct smh_error *error);

/* Writes a trace to a temporary file beside path; finish renames it there. The container follows
 * the name: .gz, .zst, else none. */
struct smh_trace_writer;
/* header_keys: "key=value key=value", or NULL. NULL with *error set. */
struct smh_trace_writer *smh_trace_create(const char *path, const char *header_keys,
                                          struct smh_error *error);
#define SMH_TRACE_NO_TIME   UINT64_MAX
#define SMH_TRACE_NO_THREAD UINT_MAX
/* kind is ALLOC, CALLOC, REALLOC or FREE; id any number, thread and time as given; align 0,
 * SMH_TRACE_NO_TIME and SMH_TRACE_NO_THREAD are left out. */
int smh_trace_write(struct smh_trace_writer *writer, enum smh_operation_kind kind, uint64_t id,
                    uint64_t bytes, uint64_t align, uint64_t time_ns, unsigned thread,
                    struct smh_error *error);
/* A comment line. */
int smh_trace_comment(struct smh_trace_writer *writer, const char *text, struct smh_error *error);
/* keep false: removes the temporary file. Frees the writer either way. */
int smh_trace_finish(struct smh_trace_writer *writer, bool keep, struct smh_error *error);

#endif
