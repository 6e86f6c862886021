/* cache_packed.h: an address trace as a file that takes no parsing.
 *
 * Owns: the format, its writer and its reader. All numbers are little-endian.
 *
 *     file    | 93 's' 'm' 'h' 'a' 'c' 'c' 0a | version 1, u32 | 0, u32 | block ... | end |
 *
 *     block   | accesses, u16 | changes, u16 | extras, u16 | 0, u16 |      1 to 2048 accesses
 *             | address, a multiple of 64, u64 | window, u32 |   ...       for each change
 *             | address, u64 | bytes, u32 |                      ...       for each extra
 *             | place, u16 | ... | detail, u8 | ...                        for each access
 *     end     | 0, u16 | 0, u16 | 0, u16 | 0, u16 | accesses of the file, u64 |
 *
 *     place   | window | size |     size: 0 to 12: 1 to 13 bytes, 13: 16, 14: 32, 15: 64
 *              15     4 3    0
 *     detail  | offset | kind |     kind: 0 load, 1 store, 2 modify, 3 instruction
 *              7      2 1    0
 *
 * An access is at the address of its window plus offset, and is cut at the end of its 64 bytes.
 * Windows are 1 to 4095; each is at 0 until a change says otherwise, which holds until the next
 * one. Changes of a block come before its accesses. One of window 0 is the next of the extras: of
 * the rest, its kind alone is read. A trace has little more than 3 bytes an access. Addresses and
 * sizes are as in the text; what is no access (a comment) is not kept.
 *
 * Invariants: a cut or damaged file is an error that names the byte, never a shorter trace.
 */
#ifndef SMH_SIM_CACHE_PACKED_H
#define SMH_SIM_CACHE_PACKED_H

#include "../error.h"
#include "cache_block.h"

#include <stddef.h>
#include <stdio.h>

#define SMH_CACHE_PACKED_MAGIC        "\x93smhacc\n"
#define SMH_CACHE_PACKED_MAGIC_BYTES  8u
#define SMH_CACHE_PACKED_HEADER_BYTES 16u
#define SMH_CACHE_PACKED_VERSION      1u
/* No block is longer. */
#define SMH_CACHE_PACKED_BLOCK_BYTES \
    (8u + SMH_CACHE_BLOCK_WINDOWS * 12u + SMH_CACHE_BLOCK_ACCESSES * 15u)

struct smh_cache_unpacker {
    const char *name;  /* of the file, for errors */
    uint64_t offset;   /* of the next byte in the file, out of its container */
    uint64_t accesses; /* so far */
    bool ended;        /* the end has been read */
};

/* header: SMH_CACHE_PACKED_HEADER_BYTES that begin with the magic. 0, or -1 with *error set. */
int smh_cache_unpacker_open(struct smh_cache_unpacker *unpacker, const char *name,
                            const uint8_t *header, struct smh_error *error);
/* Reads the block or the end at bytes; block is empty and has the windows of the one before. How
 * many bytes it has; 0: more than length; -1 with *error set, and block is empty. */
long smh_cache_unpack(struct smh_cache_unpacker *unpacker, const uint8_t *bytes, size_t length,
                      struct smh_cache_block *block, struct smh_error *error);

/* ferror(out) tells whether all was written. */
void smh_cache_pack_header(FILE *out);
/* block was filled by smh_cache_block_add. */
void smh_cache_pack(FILE *out, const struct smh_cache_block *block);
void smh_cache_pack_end(FILE *out, uint64_t accesses);

#endif
