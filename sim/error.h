/* error.h: how the simulator says that an input is bad.
 *
 * Owns: struct smh_error, the one message that a failing call leaves behind; and memory that is
 * there or ends the program, as the simulator has no use for half a scenario.
 * Invariants: a function that takes a struct smh_error * fills it exactly when it fails; the
 * message names what (value), where (file and line or JSON path) and what is allowed, on one line.
 */
#ifndef SMH_SIM_ERROR_H
#define SMH_SIM_ERROR_H

#include <stddef.h>

#define SMH_ERROR_BYTES 1024

struct smh_error {
    char message[SMH_ERROR_BYTES]; /* without newline; empty: no error */
};

/* Formats the message; control characters and bytes that are no UTF-8 become '?', and what does
 * not fit is cut with "...". Returns -1, so that a caller can `return smh_error_set(...)`. error
 * may be NULL. */
#define smh_error_set(error, ...) smh_error_minus_one(smh_error_format((error), __VA_ARGS__))
int smh_error_format(struct smh_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* In the header, so that whoever reads a caller alone (a compiler, an analyser) sees that it fails.
 */
static inline int smh_error_minus_one(int formatted)
{
    (void)formatted;
    return -1;
}

/* count * size bytes, zeroed; never NULL: says "out of memory" and aborts. Freed by free(). */
void *smh_must_allocate(size_t count, size_t size) __attribute__((returns_nonnull));
/* Resizes to count * size bytes; what is new is not zeroed. Never NULL, as above. */
void *smh_must_resize(void *memory, size_t count, size_t size) __attribute__((returns_nonnull));
/* A copy of text. Never NULL. */
char *smh_must_copy(const char *text) __attribute__((returns_nonnull));

#endif
