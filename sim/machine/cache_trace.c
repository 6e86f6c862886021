/* cache_trace.c: reads traces of accesses and counts them.
 *
 * Owns: the parser and the counts. Lackey's own lines take a short way, eight digits at a time;
 * whatever is not exactly of its form takes the long one, which alone decides what is an error.
 *
 *     file -> buffer: | lines, whole | part of a line |..slack..|
 *                                      '-> moved to the front before the next read
 */
#include "cache_trace.h"

#include "../workload/input.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_BYTES   ((size_t)1 << 18)
#define SLACK_BYTES    ((size_t)64) /* zeroes behind the bytes read: the short way reads ahead */
#define SIZE_MAX_BYTES 65536u

struct level {
    struct smh_cache cache;
    unsigned line_shift;
    bool exists;
};

struct smh_cache_trace {
    struct level i1, d1, l2;
    uint64_t bytes_max;                   /* longer accesses are cut */
    struct smh_cache_trace_count data[2]; /* loads, stores */
    struct smh_cache_trace_result result; /* without them */
};

int smh_cache_geometry_check(const struct smh_cache_geometry *geometry, const char *name,
                             struct smh_error *error)
{
    uint64_t line = geometry->line_bytes;
    uint64_t ways = geometry->ways;
    if (line < 4 || line > 4096 || (line & (line - 1)) != 0) {
        return smh_error_set(error,
                             "%s: lines of %" PRIu64 " bytes, allowed: a power of two from "
                             "4 to 4096",
                             name, line);
    }
    if (ways < 1 || ways > 1024) {
        return smh_error_set(error, "%s: %" PRIu64 " ways, allowed: 1 to 1024", name, ways);
    }
    uint64_t sets = geometry->size_bytes / (line * ways);
    if (geometry->size_bytes > UINT64_C(1) << 32 || sets == 0 || (sets & (sets - 1)) != 0 ||
        sets * ways * line != geometry->size_bytes) {
        return smh_error_set(error,
                             "%s: %" PRIu64 " bytes, allowed: a power of two times %" PRIu64
                             " ways of %" PRIu64 " bytes a line, up to 4 GiB",
                             name, geometry->size_bytes, ways, line);
    }
    return 0;
}

static void open_level(struct level *level, const struct smh_cache_geometry *geometry,
                       const struct smh_cache_trace_config *config, uint64_t stream)
{
    level->exists = geometry->size_bytes != 0;
    if (!level->exists) {
        return;
    }
    uint64_t sets = geometry->size_bytes / ((uint64_t)geometry->line_bytes * geometry->ways);
    smh_cache_open(&level->cache, sets, geometry->ways, config->replacement,
                   config->replacement != SMH_REPLACE_LRU);
    smh_cache_set_seed(&level->cache, config->seed, stream);
    level->line_shift = (unsigned)__builtin_ctz(geometry->line_bytes);
}

struct smh_cache_trace *smh_cache_trace_open(const struct smh_cache_trace_config *config)
{
    const struct smh_cache_geometry *geometries[] = {&config->d1, &config->i1, &config->l2};
    struct smh_cache_trace *trace = smh_must_allocate(1, sizeof *trace);
    struct level *levels[] = {&trace->d1, &trace->i1, &trace->l2};
    trace->bytes_max = SIZE_MAX_BYTES;
    for (size_t i = 0; i < 3; i++) {
        open_level(levels[i], geometries[i], config, i);
        if (levels[i]->exists && geometries[i]->line_bytes < trace->bytes_max) {
            trace->bytes_max = geometries[i]->line_bytes;
        }
    }
    return trace;
}

void smh_cache_trace_close(struct smh_cache_trace *trace)
{
    if (trace != NULL) {
        smh_cache_close(&trace->i1.cache);
        smh_cache_close(&trace->d1.cache);
        smh_cache_close(&trace->l2.cache);
        free(trace);
    }
}

/* Whether the line was there. */
static inline bool use_line(struct smh_cache *cache, uint64_t line)
{
    uint64_t victim;
    if (cache->way_of == NULL) {
        return smh_cache_count(cache, line);
    }
    if (smh_cache_touch(cache, line) != SMH_CACHE_NO_SLOT) {
        return true;
    }
    (void)smh_cache_place(cache, line, &victim);
    return false;
}

/* Whether all lines of an access, two at most, were there. */
static inline bool use_range(struct level *level, uint64_t address, uint64_t bytes)
{
    uint64_t first = address >> level->line_shift;
    uint64_t last = (address + (bytes - 1)) >> level->line_shift;
    bool hit = use_line(&level->cache, first);
    if (first != last) {
        hit &= use_line(&level->cache, last);
    }
    return hit;
}

static inline void count_access(struct smh_cache_trace *trace, struct level *level,
                                struct smh_cache_trace_count *count, uint64_t address,
                                uint64_t bytes)
{
    bytes = bytes < trace->bytes_max ? bytes : trace->bytes_max;
    count->accesses++;
    if (use_range(level, address, bytes)) {
        return;
    }
    count->misses++;
    if (trace->l2.exists && !use_range(&trace->l2, address, bytes)) {
        count->l2_misses++;
    }
}

static inline __attribute__((always_inline)) void count_kind(struct smh_cache_trace *trace,
                                                             char kind, uint64_t address,
                                                             uint64_t bytes)
{
    if (kind != 'I') {
        trace->result.modifies += kind == 'M';
        count_access(trace, &trace->d1, &trace->data[kind == 'S'], address, bytes);
    } else if (trace->i1.exists) {
        count_access(trace, &trace->i1, &trace->result.instructions, address, bytes);
    } else {
        trace->result.instructions.accesses++;
    }
}

void smh_cache_trace_access(struct smh_cache_trace *trace, char kind, uint64_t address,
                            uint64_t bytes)
{
    count_kind(trace, kind, address, bytes);
}

/* By table: whether a digit is a letter is more than a branch predictor can tell. */
static inline unsigned hex_digit(char c)
{
    static const uint8_t digits[256] = {
        ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
        ['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
        ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
        ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16};
    return digits[(uint8_t)c] - 1u; /* above 15: none */
}

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define EACH_BYTE UINT64_C(0x0101010101010101)

/* Eight digits 0-9 a-f as a number; false when one is none. All eight bytes at once: */
static inline bool read_8_digits(const char *text, uint64_t *value)
{
    uint64_t x;
    memcpy(&x, text, 8);
    uint64_t letter = (x >> 6) & EACH_BYTE;
    uint64_t digit = (x & 0x0f * EACH_BYTE) + 9 * letter;
    uint64_t as_text = digit + 0x30 * EACH_BYTE + 0x27 * letter; /* '0' + d, or 'a' - 10 + d */
    uint64_t above_9 = ((digit + 6 * EACH_BYTE) >> 4) & EACH_BYTE;
    bool good = ((x ^ as_text) | (above_9 ^ letter) | (digit & 0xf0 * EACH_BYTE)) == 0;
    digit = (digit << 4 | digit >> 8) & UINT64_C(0x00ff00ff00ff00ff);
    digit = (digit << 8 | digit >> 16) & UINT64_C(0x0000ffff0000ffff);
    *value = (digit << 16 | digit >> 32) & UINT32_MAX;
    return good;
}

static inline uint32_t first_3_bytes(const char *text)
{
    uint32_t bytes;
    memcpy(&bytes, text, 4);
    return bytes & 0xffffff;
}

#define THREE(a, b, c) ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16)

/* By table: loads and stores follow each other as they like. */
static const bool is_data[256] = {['L'] = true, ['S'] = true, ['M'] = true};

/* A line exactly as Lackey prints it: what follows it; NULL: it is not, and nothing is counted. */
static inline const char *count_lackey_line(struct smh_cache_trace *trace, const char *line)
{
    uint32_t start = first_3_bytes(line);
    bool instruction = start == THREE('I', ' ', ' ');
    bool data = (start & THREE(0xff, 0, 0xff)) == THREE(' ', 0, ' ') && is_data[(uint8_t)line[1]];
    if (!instruction && !data) {
        return NULL;
    }
    uint64_t address;
    if (!read_8_digits(line + 3, &address)) {
        return NULL;
    }
    const char *at = line + 11;
    for (; *at != ','; at++) {
        unsigned digit = hex_digit(*at);
        if (digit > 15 || at - line > 16) { /* up to 13 digits: nothing wraps */
            return NULL;
        }
        address = address << 4 | digit;
    }
    unsigned bytes = (unsigned)(at[1] - '0');
    at += 2;
    if (bytes > 9) {
        return NULL;
    }
    if (*at != '\n') {
        unsigned second = (unsigned)(*at++ - '0');
        if (second > 9 || *at != '\n') {
            return NULL;
        }
        bytes = bytes * 10 + second;
    }
    if (bytes == 0) {
        return NULL;
    }
    count_kind(trace, instruction ? 'I' : line[1], address, bytes);
    return at + 1;
}
#else
static inline const char *count_lackey_line(struct smh_cache_trace *trace, const char *line)
{
    (void)trace;
    (void)line;
    return NULL;
}
#endif

static bool is_skipped(const char *line, const char *end)
{
    return line == end || *line == '#' ||
           (end - line >= 2 && (memcmp(line, "==", 2) == 0 || memcmp(line, "--", 2) == 0));
}

/* Any line, without its newline. false: it is bad. */
static bool count_line(struct smh_cache_trace *trace, const char *line, const char *end)
{
    uint64_t address = 0;
    uint64_t bytes = 0;
    if (end > line && end[-1] == '\r') {
        end--;
    }
    if (is_skipped(line, end)) {
        return true;
    }
    for (; line < end && *line == ' '; line++) {
    }
    if (line == end) {
        return true;
    }
    char kind = *line++;
    if (strchr("ILSM", kind) == NULL || kind == '\0' || line == end || *line != ' ') {
        return false;
    }
    for (; line < end && *line == ' '; line++) {
    }
    if (end - line > 2 && line[0] == '0' && line[1] == 'x') {
        line += 2;
    }
    const char *first = line;
    for (; line < end && hex_digit(*line) <= 15; line++) {
        if (address >> 60 != 0) {
            return false;
        }
        address = address << 4 | hex_digit(*line);
    }
    if (line == first || line == end || *line++ != ',') {
        return false;
    }
    for (; line < end && *line >= '0' && *line <= '9' && bytes <= SIZE_MAX_BYTES; line++) {
        bytes = bytes * 10 + (uint64_t)(*line - '0');
    }
    if (line != end || bytes == 0 || bytes > SIZE_MAX_BYTES || address > UINT64_MAX - bytes) {
        return false;
    }
    count_kind(trace, kind, address, bytes);
    return true;
}

static int refuse_line(const struct smh_cache_trace *trace, const char *name, const char *line,
                       const char *end, struct smh_error *error)
{
    int length = end - line > 60 ? 60 : (int)(end - line);
    return smh_error_set(error,
                         "%s:%" PRIu64
                         ": \"%.*s\" is no access, allowed: I, L, S or M, a space, an "
                         "address in hexadecimal, a comma, a size from 1 to %u",
                         name, trace->result.lines, length, line, SIZE_MAX_BYTES);
}

/* All lines of [at, end), which ends with a newline; SLACK_BYTES behind it may be read. */
static int count_lines(struct smh_cache_trace *trace, const char *name, const char *at,
                       const char *end, struct smh_error *error)
{
    while (at < end) {
        trace->result.lines++;
        const char *next = count_lackey_line(trace, at);
        if (next == NULL) {
            const char *newline = memchr(at, '\n', (size_t)(end - at));
            if (!count_line(trace, at, newline)) {
                return refuse_line(trace, name, at, newline, error);
            }
            next = newline + 1;
        }
        at = next;
    }
    return 0;
}

/* After the last newline of buffer; buffer itself when it has none. */
static char *after_last_newline(char *buffer, size_t used)
{
    while (used > 0 && buffer[used - 1] != '\n') {
        used--;
    }
    return buffer + used;
}

static int read_all(struct smh_cache_trace *trace, struct smh_input *input, const char *name,
                    char *buffer, struct smh_error *error)
{
    size_t used = 0;
    long count;
    while ((count = smh_input_read(input, buffer + used, BUFFER_BYTES - used, error)) > 0) {
        used += (size_t)count;
        char *rest = after_last_newline(buffer, used);
        if (count_lines(trace, name, buffer, rest, error) != 0) {
            return -1;
        }
        used -= (size_t)(rest - buffer);
        memmove(buffer, rest, used);
        if (used == BUFFER_BYTES) {
            return smh_error_set(error, "%s:%" PRIu64 ": a line of more than %zu bytes", name,
                                 trace->result.lines + 1, BUFFER_BYTES);
        }
    }
    if (count < 0) {
        return -1;
    }
    if (used > 0) {
        buffer[used++] = '\n'; /* a last line without one */
        return count_lines(trace, name, buffer, buffer + used, error);
    }
    return 0;
}

int smh_cache_trace_read(struct smh_cache_trace *trace, const char *path, struct smh_error *error)
{
    bool standard = strcmp(path, "-") == 0;
    struct smh_input *input = smh_input_open(standard ? "/dev/stdin" : path, error);
    if (input == NULL) {
        return -1;
    }
    char *buffer = smh_must_allocate(BUFFER_BYTES + SLACK_BYTES, 1);
    int code = read_all(trace, input, standard ? "standard input" : path, buffer, error);
    free(buffer);
    smh_input_close(input);
    return code;
}

void smh_cache_trace_result(const struct smh_cache_trace *trace,
                            struct smh_cache_trace_result *result)
{
    *result = trace->result;
    result->loads = trace->data[0];
    result->stores = trace->data[1];
}
