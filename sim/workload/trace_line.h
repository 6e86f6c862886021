/* trace_line.h: what the two halves of the trace reader share.
 *
 * Owns: the state of a trace that is being read. trace_read.c owns its buffer and its end,
 * trace_line.c what one line means.
 */
#ifndef SMH_SIM_TRACE_LINE_H
#define SMH_SIM_TRACE_LINE_H

#include "input.h"
#include "slot_map.h"
#include "trace.h"

#define SMH_TRACE_BUFFER_BYTES ((size_t)64 * 1024)

enum smh_trace_form { SMH_TRACE_FORM_UNKNOWN, SMH_TRACE_FORM_LINES, SMH_TRACE_FORM_REP };

struct smh_trace {
    struct smh_source source; /* first: a source is a trace */
    struct smh_trace_options options;
    struct smh_input *input;
    char *path;
    struct smh_slot_map map;
    enum smh_trace_form form;
    unsigned rep_lines; /* header lines of a .rep read so far */
    uint64_t rep_header[4];
    uint64_t line;       /* number of the line last taken */
    uint64_t operations; /* read from the file */
    uint64_t clock_ns;   /* of the last operation, before scaling */
    uint64_t time_ns;    /* of the last operation, as handed out */
    size_t drained;      /* cursor of free_at_end */
    bool drains, ended, failed, at_end_of_input;
    struct smh_error error; /* kept until the next call */
    size_t start, end;      /* of what is in the buffer */
    char buffer[SMH_TRACE_BUFFER_BYTES];
};

/* What is left of a line. */
struct smh_trace_cursor {
    const char *at;
    const char *end;
};

/* The meaning of one line, without its newline. 1: an operation, 0: nothing to do, -1: failed, with
 * trace->error set and trace->failed. */
int smh_trace_line(struct smh_trace *trace, struct smh_trace_cursor line,
                   struct smh_operation *operation);

/* Fails at the word that `at` begins: what is there, and what is allowed instead. Answers -1. */
int smh_trace_refuse(struct smh_trace *trace, const struct smh_trace_cursor *at,
                     const char *allowed);

#endif
