/* output.h: files that the program writes.
 *
 * Owns: the temporary file beside the one that is wanted, and its renaming.
 *
 *     PATH.tmp-PID-N  -- written, closed -->  PATH         kept
 *                     -- removed                           not kept: PATH is as it was before
 *
 * Invariants: under its name a file is whole or what it was before. What is there already and is no
 * regular file (a pipe, /dev/null, a link such as /dev/stdout) is not replaced but written to.
 */
#ifndef SMH_SIM_OUTPUT_H
#define SMH_SIM_OUTPUT_H

#include "error.h"

#include <stdbool.h>
#include <stdio.h>

/* A descriptor to write to, and the name of the temporary file, or NULL where path itself is
 * written to. -1: errno says why. */
int smh_output_create(const char *path, char **temporary);
/* After the descriptor has been closed: renames or removes the temporary file (NULL: nothing) and
 * frees its name. 0, or -1: errno says why, and the file is removed. */
int smh_output_settle(const char *path, char *temporary, bool keep);

/* The same as a stream; "-" is standard output. */
struct smh_output {
    FILE *file;
    const char *path; /* the caller's */
    char *temporary;
};
/* 0, or -1 with *error set. */
int smh_output_open(struct smh_output *output, const char *path, struct smh_error *error);
/* Closes in any case. 0, or -1 with *error set where keep was wanted and something of the file
 * could not be written. */
int smh_output_close(struct smh_output *output, bool keep, struct smh_error *error);

#endif
