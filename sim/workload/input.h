/* input.h: bytes of a file, whatever container they are in.
 *
 * Owns: struct smh_input, a file opened for reading that gives plain bytes; gzip and zstd are told
 * by their first bytes.
 * Invariants: streams; its memory does not depend on the file's length. A stream that is cut off
 * or damaged is an error, never a short file.
 */
#ifndef SMH_SIM_INPUT_H
#define SMH_SIM_INPUT_H

#include "../error.h"

struct smh_input;

/* Opens path; NULL with *error set ("PATH: cannot ..., allowed: ..."). A folder is refused. */
struct smh_input *smh_input_open(const char *path, struct smh_error *error);
/* Up to capacity (> 0) plain bytes; 0 at the end, -1 with *error set. */
long smh_input_read(struct smh_input *input, void *bytes, size_t capacity, struct smh_error *error);
/* "plain", "gzip" or "zstd". */
const char *smh_input_container(const struct smh_input *input);
void smh_input_close(struct smh_input *input); /* NULL does nothing */

/* The whole of a file, plain, with a zero after it; *length without that. "-" is standard input.
 * More than limit bytes is an error. NULL with *error set; freed by free(). */
char *smh_input_whole(const char *path, size_t limit, size_t *length, struct smh_error *error);

#endif
