/* cache_text.h: accesses out of the text of an address trace.
 *
 * Owns: the parser of what `valgrind --tool=lackey --trace-mem=yes` prints:
 *
 *     I  0023C790,2        an instruction: where and how many bytes
 *      L BE80199C,4        a load
 *      S BE80199C,4        a store
 *      M 0025747C,1        a modify: a load and a store of the same bytes
 *
 * "L BE80199C,4" will do. Empty lines and lines that begin with "==", "--" (Valgrind's own) or '#'
 * are skipped. A bad line is an error, never skipped.
 */
#ifndef SMH_SIM_CACHE_TEXT_H
#define SMH_SIM_CACHE_TEXT_H

#include "../error.h"
#include "cache_block.h"

#define SMH_CACHE_TEXT_SLACK_BYTES 64u /* behind the text: may be read, whatever they are */

struct smh_cache_text {
    const char *name; /* of the file, for errors */
    uint64_t lines;   /* so far */
};

/* Adds lines of [*at, end), which ends with a newline, until there is none or the block is full;
 * *at is then behind the last one
 * taken. 0, or -1 with *error set ("FILE:LINE: ..."). */
int smh_cache_text_parse(struct smh_cache_text *text, const char **at, const char *end,
                         struct smh_cache_block *block, struct smh_error *error);

#endif
