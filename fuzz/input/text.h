/* text.h: what the targets for text share: bytes as a file, and the rules of a source.
 *
 * Owns: one file in memory, overwritten by each input; the judgement on a stream of operations
 * (operation.h): time never goes back, an allocation fills an empty slot, everything else names a
 * filled one.
 */
#ifndef FUZZ_TEXT_H
#define FUZZ_TEXT_H

#include "../../sim/operation.h"

/* The path of a file that holds these bytes, until the next call. */
const char *fuzz_file_of(const uint8_t *bytes, size_t size);
/* A failing call left a message, on one line. */
void fuzz_judge_error(const struct smh_error *error);
/* Reads at most `most` operations, judges them, closes the source. */
void fuzz_judge_source(struct smh_source *source, size_t most);

#endif
