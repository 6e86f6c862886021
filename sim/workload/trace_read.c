/* trace_read.c: the reader of traces, from file to operations.
 *
 * Owns: the buffer, and how a trace ends.
 *
 *     smh_input -> buffer[64 KiB] -> line [start, end) -> smh_trace_line -> operation
 *                         ^ the part of a line at its end moves to the front before a refill
 *
 * Invariants: an error found while operations are waiting to be handed out is kept and reported
 * by the next call, so that what came before it is not lost.
 */
#include "trace_line.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The input's own message, with the line put in. */
static int fail_input(struct smh_trace *trace, const struct smh_error *cause)
{
    size_t path_length = strlen(trace->path);
    size_t length = strlen(cause->message);
    trace->failed = true;
    return smh_error_set(&trace->error, "%s:%" PRIu64 "%s", trace->path, trace->line + 1,
                         cause->message + (path_length < length ? path_length : length));
}

/* The next line, without its newline. 1, 0 at the end, -1 failed. */
static int take_line(struct smh_trace *trace, struct smh_trace_cursor *line)
{
    for (;;) {
        const char *start = trace->buffer + trace->start;
        size_t length = trace->end - trace->start;
        const char *newline = length > 0 ? memchr(start, '\n', length) : NULL;
        size_t line_length = newline != NULL ? (size_t)(newline - start) : length;
        bool whole = newline != NULL || (trace->at_end_of_input && length > 0);
        if (whole || line_length > SMH_TRACE_LINE_BYTES + 1) { /* + 1: a carriage return */
            trace->line++;
            *line = (struct smh_trace_cursor){start, start + line_length};
            if (line_length > SMH_TRACE_LINE_BYTES) {
                return smh_trace_refuse(trace, line, "lines of up to 4096 bytes");
            }
            trace->start += line_length + (newline != NULL);
            return 1;
        }
        if (trace->at_end_of_input) {
            return 0;
        }
        memmove(trace->buffer, start, length);
        trace->start = 0;
        trace->end = length;
        struct smh_error cause = {{0}};
        long count = smh_input_read(trace->input, trace->buffer + length,
                                    SMH_TRACE_BUFFER_BYTES - length, &cause);
        if (count < 0) {
            return fail_input(trace, &cause);
        }
        trace->at_end_of_input = count == 0;
        trace->end += (size_t)count;
    }
}

/* The file has ended: was it whole? */
static int finish(struct smh_trace *trace)
{
    if (trace->form == SMH_TRACE_FORM_REP && trace->rep_lines < 4) {
        trace->failed = true;
        return smh_error_set(&trace->error,
                             "%s:%" PRIu64 ": ends after %u of the four header lines of a .rep, "
                             "allowed: a whole file",
                             trace->path, trace->line, trace->rep_lines);
    }
    if (trace->form == SMH_TRACE_FORM_REP && trace->operations != trace->rep_header[2]) {
        trace->failed = true;
        return smh_error_set(&trace->error,
                             "%s:%" PRIu64 ": ends after %" PRIu64
                             " operations, allowed: the %" PRIu64 " that its header names",
                             trace->path, trace->line, trace->operations, trace->rep_header[2]);
    }
    if (trace->form == SMH_TRACE_FORM_UNKNOWN) {
        trace->failed = true;
        return smh_error_set(&trace->error,
                             "%s:%" PRIu64 ": ends without a header or an operation, allowed: a "
                             "trace (an a, r, f line, or a header)",
                             trace->path, trace->line);
    }
    return 0;
}

/* Frees of what is live, one by one; false when all are out. */
static bool drain(struct smh_trace *trace, struct smh_operation *operation)
{
    const struct smh_slot_entry *entry = smh_slot_map_walk(&trace->map, &trace->drained);
    if (entry == NULL) {
        return false;
    }
    *operation = (struct smh_operation){
        .time_ns = trace->time_ns,
        .site = trace->line,
        .slot = entry->slot_plus_one - 1,
        .actor = trace->options.actor,
        .kind = SMH_OPERATION_FREE,
        .core = trace->options.core,
    };
    return true;
}

/* 1: an operation, 0: the end, -1: failed. */
static int next_operation(struct smh_trace *trace, struct smh_operation *operation)
{
    while (!trace->drains) {
        uint64_t most = trace->options.max_operations;
        struct smh_trace_cursor line;
        int taken = most != 0 && trace->operations == most ? 0 : take_line(trace, &line);
        if (taken < 0) {
            return -1;
        }
        if (taken > 0) {
            int parsed = smh_trace_line(trace, line, operation);
            if (parsed != 0) {
                return parsed;
            }
            continue;
        }
        if ((most == 0 || trace->operations < most) && finish(trace) != 0) {
            return -1;
        }
        if (!trace->options.free_at_end) {
            return 0;
        }
        trace->drains = true;
    }
    return drain(trace, operation) ? 1 : 0;
}

static long trace_next(struct smh_source *source, struct smh_operation *operations, size_t capacity,
                       struct smh_error *error)
{
    struct smh_trace *trace = (struct smh_trace *)source;
    long count = 0;
    while ((size_t)count < capacity && !trace->ended && !trace->failed) {
        int status = next_operation(trace, &operations[count]);
        if (status > 0) {
            count++;
        } else if (status == 0) {
            trace->ended = true;
        }
    }
    if (count == 0 && trace->failed) {
        return smh_error_set(error, "%s", trace->error.message);
    }
    return count;
}

static void trace_close(struct smh_source *source)
{
    struct smh_trace *trace = (struct smh_trace *)source;
    smh_input_close(trace->input);
    smh_slot_map_free(&trace->map);
    free(trace->path);
    free(trace);
}

struct smh_source *smh_trace_open(const char *path, const struct smh_trace_options *options,
                                  struct smh_error *error)
{
    struct smh_input *input = smh_input_open(path, error);
    if (input == NULL) {
        return NULL;
    }
    struct smh_trace *trace = smh_must_allocate(1, sizeof *trace);
    trace->source.next = trace_next;
    trace->source.close = trace_close;
    trace->input = input;
    trace->path = smh_must_copy(path);
    smh_slot_map_init(&trace->map);
    if (options != NULL) {
        trace->options = *options;
    } else {
        trace->options.step_ns = SMH_TRACE_STEP_NS;
    }
    return &trace->source;
}

int smh_trace_check(const char *path, const struct smh_trace_options *options, uint64_t *operations,
                    struct smh_error *error)
{
    struct smh_source *source = smh_trace_open(path, options, error);
    if (source == NULL) {
        return -1;
    }
    struct smh_operation batch[64];
    uint64_t total = 0;
    long count;
    while ((count = source->next(source, batch, sizeof batch / sizeof batch[0], error)) > 0) {
        total += (uint64_t)count;
    }
    source->close(source);
    if (operations != NULL) {
        *operations = total;
    }
    return count < 0 ? -1 : 0;
}
