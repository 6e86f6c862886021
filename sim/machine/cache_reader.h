/* cache_reader.h: an address trace, block by block, whatever its form.
 *
 * Owns: struct smh_cache_reader: a file, plain, gzip or zstd, whose first bytes tell whether it is
 * text (cache_text.h) or packed (cache_packed.h).
 * Invariants: memory does not depend on the trace's length.
 */
#ifndef SMH_SIM_CACHE_READER_H
#define SMH_SIM_CACHE_READER_H

#include "../error.h"
#include "cache_block.h"

struct smh_cache_reader;

/* "-" is standard input. NULL with *error set. */
struct smh_cache_reader *smh_cache_reader_open(const char *path, struct smh_error *error);
/* The next accesses; block was opened before the first call, and is not touched between calls. 1,
 * or 0 at the end; -1 with *error set ("FILE:LINE: ..." or "FILE: byte N:
 * ..."), and the block has the accesses before the bad line (of text), or none. */
int smh_cache_reader_next(struct smh_cache_reader *reader, struct smh_cache_block *block,
                          struct smh_error *error);
void smh_cache_reader_close(struct smh_cache_reader *reader); /* NULL does nothing */

#endif
