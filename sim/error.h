/* error.h: how the simulator says that an input is bad.
 *
 * Owns: struct smh_error, the one message that a failing call leaves behind.
 * Invariants: a function that takes a struct smh_error * fills it exactly when it fails; the
 * message names what (value), where (file and line or JSON path) and what is allowed, on one line.
 */
#ifndef SMH_SIM_ERROR_H
#define SMH_SIM_ERROR_H

#include <stdarg.h>

#define SMH_ERROR_BYTES 1024

struct smh_error {
    char message[SMH_ERROR_BYTES]; /* without newline; empty: no error */
};

/* Formats the message; control characters and bytes that are no UTF-8 become '?', and what does
 * not fit is cut with "...". Returns -1, so that a caller can `return smh_error_set(...)`. */
int smh_error_set(struct smh_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
