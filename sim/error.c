/* error.c: messages that are one line of clean text, and memory that is there.
 *
 * Owns: the formatting and cleaning of struct smh_error.
 * Invariants: whatever bytes an input smuggles into a message, the terminal sees printable UTF-8.
 */
#include "error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Length of the well-formed, printable UTF-8 sequence at text, or 0. */
static size_t clean_length(const unsigned char *text)
{
    unsigned char first = text[0];
    if (first < 0x80) {
        return first >= 0x20 && first != 0x7f ? 1 : 0;
    }
    size_t length = 0;
    uint32_t code = 0;
    if (first >= 0xc2 && first <= 0xdf) {
        length = 2;
        code = first & 0x1fu;
    } else if (first >= 0xe0 && first <= 0xef) {
        length = 3;
        code = first & 0x0fu;
    } else if (first >= 0xf0 && first <= 0xf4) {
        length = 4;
        code = first & 0x07u;
    } else {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = (code << 6) | (text[i] & 0x3fu);
    }
    bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    bool surrogate = code >= 0xd800 && code <= 0xdfff;
    bool separator = code < 0xa0 || code == 0x2028 || code == 0x2029;
    return overlong || surrogate || separator || code > 0x10ffff ? 0 : length;
}

static void clean(char *text)
{
    unsigned char *cursor = (unsigned char *)text;
    while (*cursor != 0) {
        size_t length = clean_length(cursor);
        if (length == 0) {
            *cursor = '?';
            length = 1;
        }
        cursor += length;
    }
}

int smh_error_format(struct smh_error *error, const char *format, ...)
{
    if (error == NULL) {
        return -1;
    }
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    if (length >= (int)sizeof error->message) {
        memcpy(error->message + sizeof error->message - 4, "...", 4);
    }
    clean(error->message);
    return -1;
}

static void *there(void *memory)
{
    if (memory == NULL) {
        fputs("smh: out of memory\n", stderr);
        abort();
    }
    return memory;
}

void *smh_must_allocate(size_t count, size_t size)
{
    return there(calloc(count > 0 ? count : 1, size));
}

void *smh_must_resize(void *memory, size_t count, size_t size)
{
    return there(reallocarray(memory, count > 0 ? count : 1, size));
}

char *smh_must_copy(const char *text)
{
    return there(strdup(text));
}
