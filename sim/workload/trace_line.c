/* trace_line.c: what a line of a trace means.
 *
 * Owns: the integer scanner, the grammar of trace.h, and the clock and the live ids it moves.
 * Invariants: no allocation per line but for the growth of the map; a line is used to its last
 * byte or refused.
 */
#include "trace_line.h"

#include <inttypes.h>
#include <string.h>

#define NAME_BYTES 64

enum field {
    FIELD_ALIGN = 1,
    FIELD_ATTR = 2,
    FIELD_TIME = 4,
    FIELD_THREAD = 8,
    FIELD_ZERO = 16,
};

/* What a line asks for. */
struct fields {
    unsigned seen; /* enum field */
    uint64_t align, time_ns;
    uint32_t attr;
    bool zero;
};

int smh_trace_refuse(struct smh_trace *trace, const struct smh_trace_cursor *at,
                     const char *allowed)
{
    const char *end = at->at;
    while (end < at->end && *end != ' ' && *end != '\t' && end - at->at < 40) {
        end++;
    }
    trace->failed = true;
    int length = (int)(end - at->at);
    return smh_error_set(&trace->error, "%s:%" PRIu64 ": %s%.*s%s, allowed: %s", trace->path,
                         trace->line, length > 0 ? "'" : "", length > 0 ? length : 11,
                         length > 0 ? at->at : "end of line", length > 0 ? "'" : "", allowed);
}

static int fail_id(struct smh_trace *trace, uint64_t id, const char *what, const char *allowed)
{
    trace->failed = true;
    return smh_error_set(&trace->error, "%s:%" PRIu64 ": id %" PRIu64 " %s, allowed: %s",
                         trace->path, trace->line, id, what, allowed);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A decimal number that ends at a blank or at the end of the line. */
static bool take_number(struct smh_trace_cursor *cursor, uint64_t *value)
{
    const char *at = cursor->at;
    uint64_t number = 0;
    while (at < cursor->end && is_digit(*at)) {
        unsigned digit = (unsigned)(*at - '0');
        if (number > (UINT64_MAX - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
        at++;
    }
    if (at == cursor->at || (at < cursor->end && !is_blank(*at))) {
        return false;
    }
    cursor->at = at;
    *value = number;
    return true;
}

static void skip_blanks(struct smh_trace_cursor *cursor)
{
    while (cursor->at < cursor->end && is_blank(*cursor->at)) {
        cursor->at++;
    }
}

/* Takes `key` when it is next. */
static bool take_key(struct smh_trace_cursor *cursor, const char *key)
{
    size_t length = strlen(key);
    if ((size_t)(cursor->end - cursor->at) < length || memcmp(cursor->at, key, length) != 0) {
        return false;
    }
    cursor->at += length;
    return true;
}

static const char number_rule[] = "a decimal number, 0 to 18446744073709551615";

static int take_attr(struct smh_trace *trace, struct smh_trace_cursor *cursor,
                     struct fields *fields)
{
    struct smh_trace_cursor word = *cursor;
    uint64_t number;
    if (word.at < word.end && is_digit(*word.at)) {
        if (!take_number(cursor, &number) || number >= UINT32_MAX) {
            return smh_trace_refuse(trace, &word,
                                    "an attribute's name, or its number from 0 to 4294967294");
        }
        fields->attr = (uint32_t)number;
        return 0;
    }
    char name[NAME_BYTES];
    size_t length = 0;
    while (cursor->at < cursor->end && !is_blank(*cursor->at) && length < NAME_BYTES - 1) {
        name[length++] = *cursor->at++;
    }
    name[length] = '\0';
    if (length == 0 || (cursor->at < cursor->end && !is_blank(*cursor->at))) {
        return smh_trace_refuse(trace, &word, "an attribute's name of 1 to 63 bytes");
    }
    if (trace->options.resolve == NULL) {
        fields->seen &= ~(unsigned)FIELD_ATTR;
        return 0;
    }
    if (memchr(name, 0, length) != NULL ||
        !trace->options.resolve(trace->options.context, name, &fields->attr)) {
        return smh_trace_refuse(trace, &word, "an attribute that the scenario knows");
    }
    return 0;
}

static int take_field(struct smh_trace *trace, struct smh_trace_cursor *cursor, unsigned allowed,
                      struct fields *fields)
{
    const struct smh_trace_cursor word = *cursor;
    unsigned field = 0;
    uint64_t number = 0;
    if (take_key(cursor, "t=")) {
        field = FIELD_TIME;
    } else if (take_key(cursor, "thread=")) {
        field = FIELD_THREAD;
    } else if (take_key(cursor, "align=")) {
        field = FIELD_ALIGN;
    } else if (take_key(cursor, "attr=")) {
        field = FIELD_ATTR;
    } else if (take_key(cursor, "zero=")) {
        field = FIELD_ZERO;
    }
    if ((field & allowed) == 0 || (field & fields->seen) != 0) {
        return smh_trace_refuse(
            trace, &word,
            allowed & FIELD_ALIGN ? "t=NS, thread=N, align=N, attr=NAME, zero=1, each at most once"
                                  : "t=NS, thread=N, each at most once");
    }
    fields->seen |= field;
    if (field == FIELD_ATTR) {
        return take_attr(trace, cursor, fields);
    }
    if (!take_number(cursor, &number)) {
        return smh_trace_refuse(trace, &word, number_rule);
    }
    if (field == FIELD_TIME) {
        fields->time_ns = number;
    } else if (field == FIELD_ALIGN) {
        if (number > SMH_TRACE_ALIGN_MAX || (number & (number - 1)) != 0) {
            return smh_trace_refuse(trace, &word, "align=0 or a power of two up to 1073741824");
        }
        fields->align = number;
    } else if (field == FIELD_ZERO) {
        if (number > 1) {
            return smh_trace_refuse(trace, &word, "zero=0, zero=1");
        }
        fields->zero = number == 1;
    }
    return 0;
}

/* value * num / den, without overflow on the way; false when the result has no room. */
static bool scale(uint64_t value, uint64_t num, uint64_t den, uint64_t *scaled)
{
    if (den == 0 || num == den) {
        *scaled = value;
        return true;
    }
    uint64_t whole = value / den;
    uint64_t rest = value % den;
    if (num != 0 && (whole > UINT64_MAX / num || rest > UINT64_MAX / num)) {
        return false;
    }
    uint64_t part = rest * num / den;
    *scaled = whole * num + part;
    return *scaled >= part;
}

static int set_time(struct smh_trace *trace, const struct fields *fields,
                    const struct smh_trace_cursor *line)
{
    uint64_t clock = fields->time_ns;
    if (!(fields->seen & FIELD_TIME)) {
        uint64_t step = trace->operations > 0 ? trace->options.step_ns : 0;
        if (trace->clock_ns > UINT64_MAX - step) {
            return smh_trace_refuse(trace, line, "times below 2^64 ns");
        }
        clock = trace->clock_ns + step;
    }
    if (clock < trace->clock_ns) {
        trace->failed = true;
        return smh_error_set(&trace->error,
                             "%s:%" PRIu64 ": t=%" PRIu64 " goes back in time, allowed: %" PRIu64
                             " (the line before) or later",
                             trace->path, trace->line, clock, trace->clock_ns);
    }
    uint64_t scaled;
    if (!scale(clock, trace->options.speed_num, trace->options.speed_den, &scaled) ||
        scaled > UINT64_MAX - trace->options.start_ns) {
        return smh_trace_refuse(trace, line, "times that stay below 2^64 ns, start included");
    }
    trace->clock_ns = clock;
    trace->time_ns = trace->options.start_ns + scaled;
    return 0;
}

/* Allocates, resizes or frees id in the map; fills slot, attr and prefer of the operation. */
static int apply(struct smh_trace *trace, uint64_t id, const struct fields *fields,
                 struct smh_operation *operation)
{
    if (operation->kind == SMH_OPERATION_FREE) {
        if (!smh_slot_map_remove(&trace->map, id, &operation->slot)) {
            return fail_id(trace, id, "is not live",
                           "an id that an earlier line allocated and none has freed since");
        }
        return 0;
    }
    bool has_attr = (fields->seen & FIELD_ATTR) != 0;
    struct smh_slot_entry *entry;
    if (operation->kind == SMH_OPERATION_REALLOC) {
        entry = smh_slot_map_find(&trace->map, id);
        if (entry == NULL) {
            return fail_id(trace, id, "is not live",
                           "an id that an earlier line allocated and none has freed since");
        }
    } else {
        entry = smh_slot_map_add(&trace->map, id);
        if (entry == NULL) {
            return fail_id(trace, id, "is live already", "an id that is new or has been freed");
        }
        entry->attr = trace->options.attr;
        entry->prefer = trace->options.prefer;
    }
    if (has_attr) {
        entry->attr = fields->attr;
        entry->prefer = NULL;
    }
    operation->attr = entry->attr;
    operation->prefer = entry->prefer;
    operation->slot = entry->slot_plus_one - 1;
    if (operation->kind == SMH_OPERATION_REALLOC && operation->bytes == 0) {
        uint32_t slot;
        smh_slot_map_remove(&trace->map, id, &slot);
    }
    return 0;
}

/* An a, r or f line. */
static int parse_operation(struct smh_trace *trace, struct smh_trace_cursor cursor,
                           struct smh_operation *operation)
{
    const struct smh_trace_cursor line = cursor;
    unsigned allowed = FIELD_TIME | FIELD_THREAD;
    struct fields fields = {0};
    uint64_t id = 0;
    uint64_t bytes = 0;
    char kind = *cursor.at++;
    if ((kind != 'a' && kind != 'r' && kind != 'f') || cursor.at == cursor.end ||
        !is_blank(*cursor.at)) {
        return smh_trace_refuse(trace, &line, "a, r or f and an id; # and a comment");
    }
    skip_blanks(&cursor);
    if (!take_number(&cursor, &id)) {
        return smh_trace_refuse(trace, &cursor, number_rule);
    }
    if (trace->form == SMH_TRACE_FORM_REP && id >= trace->rep_header[1]) {
        return fail_id(trace, id, "is more than the header says", "ids below its second line");
    }
    if (kind != 'f') {
        allowed |= FIELD_ALIGN | FIELD_ATTR | FIELD_ZERO;
        skip_blanks(&cursor);
        if (!take_number(&cursor, &bytes)) {
            return smh_trace_refuse(trace, &cursor, number_rule);
        }
    }
    for (skip_blanks(&cursor); cursor.at < cursor.end; skip_blanks(&cursor)) {
        if (take_field(trace, &cursor, allowed, &fields) != 0) {
            return -1;
        }
    }
    if (set_time(trace, &fields, &line) != 0) {
        return -1;
    }
    enum smh_operation_kind operation_kind = SMH_OPERATION_ALLOC;
    if (kind != 'a') {
        operation_kind = kind == 'r' ? SMH_OPERATION_REALLOC : SMH_OPERATION_FREE;
    } else if (fields.zero) {
        operation_kind = SMH_OPERATION_CALLOC;
    }
    *operation = (struct smh_operation){
        .time_ns = trace->time_ns,
        .bytes = bytes,
        .site = trace->line,
        .align = fields.seen & FIELD_ALIGN ? (uint32_t)fields.align : trace->options.align,
        .actor = trace->options.actor,
        .kind = (uint8_t)operation_kind,
        .core = trace->options.core,
    };
    if (kind == 'f') {
        operation->align = 0;
    }
    if (apply(trace, id, &fields, operation) != 0) {
        return -1;
    }
    trace->operations++;
    return 1;
}

/* "smh-trace 1 key=value ..." */
static int parse_header(struct smh_trace *trace, struct smh_trace_cursor cursor)
{
    uint64_t version = 0;
    skip_blanks(&cursor);
    struct smh_trace_cursor word = cursor;
    if (!take_number(&cursor, &version) || version != 1) {
        return smh_trace_refuse(trace, &word, "smh-trace version 1");
    }
    for (skip_blanks(&cursor); cursor.at < cursor.end; skip_blanks(&cursor)) {
        word = cursor;
        const char *equals = NULL;
        while (cursor.at < cursor.end && !is_blank(*cursor.at)) {
            if (*cursor.at == '=' && equals == NULL) {
                equals = cursor.at;
            }
            cursor.at++;
        }
        if (equals == NULL || equals == word.at) {
            return smh_trace_refuse(trace, &word, "key=value");
        }
    }
    trace->form = SMH_TRACE_FORM_LINES;
    return 0;
}

static int parse_rep_header(struct smh_trace *trace, struct smh_trace_cursor cursor)
{
    const struct smh_trace_cursor line = cursor;
    if (!take_number(&cursor, &trace->rep_header[trace->rep_lines])) {
        return smh_trace_refuse(trace, &line,
                                "one decimal number: heap size, ids, operations, weight (.rep)");
    }
    skip_blanks(&cursor);
    if (cursor.at != cursor.end) {
        return smh_trace_refuse(trace, &cursor, "nothing after the number of a .rep header line");
    }
    trace->rep_lines++;
    trace->form = SMH_TRACE_FORM_REP;
    return 0;
}

int smh_trace_line(struct smh_trace *trace, struct smh_trace_cursor cursor,
                   struct smh_operation *operation)
{
    if (cursor.end > cursor.at && cursor.end[-1] == '\r') {
        cursor.end--;
    }
    if (cursor.at == cursor.end || *cursor.at == '#') {
        return 0;
    }
    if (trace->form == SMH_TRACE_FORM_LINES ||
        (trace->form == SMH_TRACE_FORM_REP && trace->rep_lines == 4)) {
        return parse_operation(trace, cursor, operation);
    }
    if (trace->form == SMH_TRACE_FORM_REP || is_digit(*cursor.at)) {
        return parse_rep_header(trace, cursor);
    }
    struct smh_trace_cursor header = cursor;
    if (take_key(&header, "smh-trace") && header.at < header.end && is_blank(*header.at)) {
        return parse_header(trace, header);
    }
    if (*cursor.at != 'a' && *cursor.at != 'r' && *cursor.at != 'f') {
        return smh_trace_refuse(
            trace, &cursor,
            "a trace: 'smh-trace 1', the four numbers of a .rep, or an a, r, f line");
    }
    trace->form = SMH_TRACE_FORM_LINES;
    return parse_operation(trace, cursor, operation);
}
