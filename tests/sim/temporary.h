/* temporary.h: a folder of its own for a test, and files in it.
 *
 * Owns: making the folder and removing it with all that is in it.
 */
#ifndef SMH_TESTS_TEMPORARY_H
#define SMH_TESTS_TEMPORARY_H

#include "../../sim/operation.h"

#define TEMPORARY_PATH_BYTES 256

struct temporary {
    char folder[TEMPORARY_PATH_BYTES / 2];
    char path[TEMPORARY_PATH_BYTES]; /* of the file named last */
};

/* The test fails when there is none. */
void temporary_make(struct temporary *temporary);
/* FOLDER/name, valid until the next call. */
const char *temporary_path(struct temporary *temporary, const char *name);
/* The same, and the file has these bytes. */
const char *temporary_write(struct temporary *temporary, const char *name, const void *bytes,
                            size_t length);
const char *temporary_write_text(struct temporary *temporary, const char *name, const char *text);
/* How many files are in it. */
size_t temporary_count(const struct temporary *temporary);
void temporary_remove(struct temporary *temporary);

/* All operations of a source, which is closed; the test fails when it yields an error. *count says
 * how many. Freed by free(). */
struct smh_operation *all_operations(struct smh_source *source, size_t *count);

#endif
