/* cache_text.c: accesses out of the text of an address trace.
 *
 * Owns: the parser. Lackey's own lines take a short way, eight digits at a time; whatever is not
 * exactly of its form takes the long one, which alone decides what is an error.
 */
#include "cache_text.h"

#include <inttypes.h>
#include <string.h>

struct access {
    enum smh_trace_kind kind;
    uint64_t address;
    uint32_t bytes;
};

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

/* By table: loads and stores follow each other as they like. 0: none. */
static const uint8_t kind_plus_1[256] = {['L'] = SMH_TRACE_LOAD + 1,
                                         ['S'] = SMH_TRACE_STORE + 1,
                                         ['M'] = SMH_TRACE_MODIFY + 1,
                                         ['I'] = SMH_TRACE_INSTRUCTION + 1};

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

/* A line exactly as Lackey prints it: what follows it; NULL: it is not, and *access is void. */
static inline const char *read_lackey_line(const char *line, struct access *access)
{
    uint32_t start = first_3_bytes(line);
    bool instruction = start == THREE('I', ' ', ' ');
    unsigned kind = instruction ? SMH_TRACE_INSTRUCTION + 1 : kind_plus_1[(uint8_t)line[1]];
    if (!instruction &&
        ((start & THREE(0xff, 0, 0xff)) != THREE(' ', 0, ' ') || kind == 0 || line[1] == 'I')) {
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
    *access = (struct access){(enum smh_trace_kind)(kind - 1), address, bytes};
    return at + 1;
}
#else
static inline const char *read_lackey_line(const char *line, struct access *access)
{
    (void)access;
    (void)line;
    return NULL;
}
#endif

static bool is_skipped(const char *line, const char *end)
{
    return line == end || *line == '#' ||
           (end - line >= 2 && (memcmp(line, "==", 2) == 0 || memcmp(line, "--", 2) == 0));
}

/* Any line, without its newline; one that is skipped has 0 bytes. false: it is bad. */
static bool read_line(const char *line, const char *end, struct access *access)
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
    unsigned kind = kind_plus_1[(uint8_t)*line++];
    if (kind == 0 || line == end || *line != ' ') {
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
    for (; line < end && *line >= '0' && *line <= '9' && bytes <= SMH_CACHE_ACCESS_BYTES_MAX;
         line++) {
        bytes = bytes * 10 + (uint64_t)(*line - '0');
    }
    if (line != end || bytes == 0 || bytes > SMH_CACHE_ACCESS_BYTES_MAX ||
        address > UINT64_MAX - bytes) {
        return false;
    }
    *access = (struct access){(enum smh_trace_kind)(kind - 1), address, (uint32_t)bytes};
    return true;
}

static int refuse_line(const struct smh_cache_text *text, const char *line, const char *end,
                       struct smh_error *error)
{
    int length = end - line > 60 ? 60 : (int)(end - line);
    return smh_error_set(error,
                         "%s:%" PRIu64
                         ": \"%.*s\" is no access, allowed: I, L, S or M, a space, an "
                         "address in hexadecimal, a comma, a size from 1 to %u",
                         text->name, text->lines, length, line, SMH_CACHE_ACCESS_BYTES_MAX);
}

int smh_cache_text_parse(struct smh_cache_text *text, const char **at, const char *end,
                         struct smh_cache_block *block, struct smh_error *error)
{
    const char *line = *at;
    while (line < end) {
        struct access access = {0};
        const char *next = read_lackey_line(line, &access);
        if (next == NULL) {
            const char *newline = memchr(line, '\n', (size_t)(end - line));
            if (!read_line(line, newline, &access)) {
                text->lines++;
                return refuse_line(text, line, newline, error);
            }
            next = newline + 1;
        }
        if (access.bytes != 0 &&
            !smh_cache_block_add(block, access.kind, access.address, access.bytes)) {
            break; /* read again into the next block */
        }
        text->lines++;
        line = next;
    }
    *at = line;
    return 0;
}
