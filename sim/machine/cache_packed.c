/* cache_packed.c: an address trace as a file that takes no parsing.
 *
 * Owns: what cache_packed.h declares. A block is checked as a whole; only one that is bad is looked
 * at access by access, to name the first that is.
 */
#include "cache_packed.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_HEADER_BYTES 8u
#define PAIR_BYTES         12u /* a change, an extra */

static uint32_t read_16(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
}

static inline uint32_t read_32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

static inline uint64_t read_64(const uint8_t *bytes)
{
    return (uint64_t)read_32(bytes + 4) << 32 | read_32(bytes);
}

/* --- decoder
 * ------------------------------------------------------------------------------------*/

#define refuse(unpacker, error, format, ...)                                                    \
    smh_error_set(error, "%s: byte %" PRIu64 ": " format, (unpacker)->name, (unpacker)->offset, \
                  __VA_ARGS__)

int smh_cache_unpacker_open(struct smh_cache_unpacker *unpacker, const char *name,
                            const uint8_t *header, struct smh_error *error)
{
    *unpacker = (struct smh_cache_unpacker){.name = name};
    unpacker->offset = SMH_CACHE_PACKED_MAGIC_BYTES;
    uint32_t version = read_32(header + unpacker->offset);
    if (version != SMH_CACHE_PACKED_VERSION) {
        return refuse(unpacker, error, "version %" PRIu32 " of packed traces, allowed: %u", version,
                      SMH_CACHE_PACKED_VERSION);
    }
    unpacker->offset += 4;
    uint32_t zero = read_32(header + unpacker->offset);
    if (zero != 0) {
        return refuse(unpacker, error, "0x%08" PRIx32 " in the header, allowed: 0", zero);
    }
    unpacker->offset = SMH_CACHE_PACKED_HEADER_BYTES;
    return 0;
}

/* Where the parts of a block begin. */
struct parts {
    uint32_t count, changes, extras;
    const uint8_t *change, *extra, *place, *detail;
    size_t bytes;
};

static int read_block_header(struct smh_cache_unpacker *unpacker, const uint8_t *bytes,
                             struct parts *parts, struct smh_error *error)
{
    *parts = (struct parts){
        .count = read_16(bytes), .changes = read_16(bytes + 2), .extras = read_16(bytes + 4)};
    uint32_t zero = read_16(bytes + 6);
    if (parts->count > SMH_CACHE_BLOCK_ACCESSES || parts->changes >= SMH_CACHE_BLOCK_WINDOWS ||
        parts->extras > parts->count || zero != 0 || (parts->count == 0 && parts->changes != 0)) {
        return refuse(unpacker, error,
                      "a block of %" PRIu32 " accesses, %" PRIu32 " changes, %" PRIu32
                      " extras, %" PRIu32 ", allowed: up to %u, up to %u, up to the accesses, 0",
                      parts->count, parts->changes, parts->extras, zero, SMH_CACHE_BLOCK_ACCESSES,
                      SMH_CACHE_BLOCK_WINDOWS - 1);
    }
    parts->change = bytes + BLOCK_HEADER_BYTES;
    parts->extra = parts->change + parts->changes * PAIR_BYTES;
    parts->place = parts->extra + parts->extras * PAIR_BYTES;
    parts->detail = parts->place + parts->count * 2u;
    parts->bytes = (size_t)(parts->detail - bytes) + parts->count;
    return 0;
}

static int read_changes(struct smh_cache_unpacker *unpacker, const struct parts *parts,
                        struct smh_cache_block *block, struct smh_error *error)
{
    for (uint32_t i = 0; i < parts->changes; i++) {
        uint64_t address = read_64(parts->change + i * PAIR_BYTES);
        uint32_t window = read_32(parts->change + i * PAIR_BYTES + 8);
        if (window == 0 || window >= SMH_CACHE_BLOCK_WINDOWS ||
            address % SMH_CACHE_WINDOW_BYTES != 0) {
            unpacker->offset += BLOCK_HEADER_BYTES + i * PAIR_BYTES;
            return refuse(unpacker, error,
                          "window %" PRIu32 " at 0x%" PRIx64 ", allowed: 1 to %u, a multiple of %u",
                          window, address, SMH_CACHE_BLOCK_WINDOWS - 1, SMH_CACHE_WINDOW_BYTES);
        }
        block->bases[window] = address / SMH_CACHE_WINDOW_BYTES;
        block->changes[block->change_count++] = (uint16_t)window;
    }
    return 0;
}

static int read_extras(struct smh_cache_unpacker *unpacker, const struct parts *parts,
                       struct smh_cache_block *block, struct smh_error *error)
{
    for (uint32_t i = 0; i < parts->extras; i++) {
        uint64_t address = read_64(parts->extra + i * PAIR_BYTES);
        uint32_t bytes = read_32(parts->extra + i * PAIR_BYTES + 8);
        if (bytes == 0 || bytes > SMH_CACHE_ACCESS_BYTES_MAX || address > UINT64_MAX - bytes) {
            unpacker->offset +=
                (size_t)(parts->extra - parts->change) + BLOCK_HEADER_BYTES + i * PAIR_BYTES;
            return refuse(unpacker, error,
                          "%" PRIu32 " bytes at 0x%" PRIx64
                          ", allowed: 1 to %u, before the highest address",
                          bytes, address, SMH_CACHE_ACCESS_BYTES_MAX);
        }
        block->extras[block->extra_count++] = (struct smh_cache_extra){address, bytes};
    }
    return 0;
}

/* There are not as many extras as accesses of window 0. */
static int refuse_extras(struct smh_cache_unpacker *unpacker, const struct parts *parts,
                         const struct smh_cache_block *block, struct smh_error *error)
{
    uint32_t extras = 0;
    for (uint32_t i = 0; i < block->count; i++) {
        extras += smh_cache_window_of(block, i) == 0;
        if (extras > block->extra_count) {
            unpacker->offset += parts->bytes - block->count - (block->count - i) * 2u;
            return refuse(unpacker, error,
                          "an access of window 0, allowed: as many as the block has extras, "
                          "%" PRIu32,
                          block->extra_count);
        }
    }
    return refuse(unpacker, error, "a block of %" PRIu32 " extras, of which %" PRIu32 " are used",
                  block->extra_count, extras);
}

static int read_accesses(struct smh_cache_unpacker *unpacker, const struct parts *parts,
                         struct smh_cache_block *block, struct smh_error *error)
{
    block->count = parts->count;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    memcpy(block->places, parts->place, parts->count * 2u);
#else
    for (uint32_t i = 0; i < parts->count; i++) {
        block->places[i] = (uint16_t)read_16(parts->place + i * 2u);
    }
#endif
    memcpy(block->details, parts->detail, parts->count);
    return smh_cache_block_tally(block) ? 0 : refuse_extras(unpacker, parts, block, error);
}

static long read_end(struct smh_cache_unpacker *unpacker, const uint8_t *bytes, size_t length,
                     struct smh_error *error)
{
    if (length < BLOCK_HEADER_BYTES + 8) {
        return 0;
    }
    unpacker->offset += BLOCK_HEADER_BYTES;
    uint64_t accesses = read_64(bytes + BLOCK_HEADER_BYTES);
    if (accesses != unpacker->accesses) {
        return refuse(unpacker, error,
                      "the end says %" PRIu64 " accesses, the blocks have %" PRIu64, accesses,
                      unpacker->accesses);
    }
    unpacker->offset += 8;
    unpacker->ended = true;
    return (long)(BLOCK_HEADER_BYTES + 8);
}

long smh_cache_unpack(struct smh_cache_unpacker *unpacker, const uint8_t *bytes, size_t length,
                      struct smh_cache_block *block, struct smh_error *error)
{
    struct parts parts;
    if (length < BLOCK_HEADER_BYTES) {
        return 0;
    }
    if (read_block_header(unpacker, bytes, &parts, error) != 0) {
        return -1;
    }
    if (parts.count == 0) {
        return read_end(unpacker, bytes, length, error);
    }
    if (length < parts.bytes) {
        return 0;
    }
    if (read_changes(unpacker, &parts, block, error) != 0 ||
        read_extras(unpacker, &parts, block, error) != 0 ||
        read_accesses(unpacker, &parts, block, error) != 0) {
        smh_cache_block_next(block);
        return -1;
    }
    unpacker->offset += parts.bytes;
    unpacker->accesses += parts.count;
    return (long)parts.bytes;
}

/* --- writer
 * -------------------------------------------------------------------------------------*/

static void write_number(FILE *out, uint64_t value, unsigned bytes)
{
    uint8_t text[8];
    for (unsigned i = 0; i < bytes; i++) {
        text[i] = (uint8_t)(value >> 8 * i);
    }
    (void)fwrite(text, 1, bytes, out);
}

void smh_cache_pack_header(FILE *out)
{
    (void)fwrite(SMH_CACHE_PACKED_MAGIC, 1, SMH_CACHE_PACKED_MAGIC_BYTES, out);
    write_number(out, SMH_CACHE_PACKED_VERSION, 4);
    write_number(out, 0, 4);
}

void smh_cache_pack(FILE *out, const struct smh_cache_block *block)
{
    write_number(out, block->count, 2);
    write_number(out, block->change_count, 2);
    write_number(out, block->extra_count, 2);
    write_number(out, 0, 2);
    for (uint32_t i = 0; i < block->change_count; i++) {
        uint16_t window = block->changes[i];
        write_number(out, block->bases[window] * SMH_CACHE_WINDOW_BYTES, 8);
        write_number(out, window, 4);
    }
    for (uint32_t i = 0; i < block->extra_count; i++) {
        write_number(out, block->extras[i].address, 8);
        write_number(out, block->extras[i].bytes, 4);
    }
    uint8_t places[SMH_CACHE_BLOCK_ACCESSES * 2];
    for (uint32_t i = 0; i < block->count; i++) {
        places[i * 2] = (uint8_t)block->places[i];
        places[i * 2 + 1] = (uint8_t)(block->places[i] >> 8);
    }
    (void)fwrite(places, 2, block->count, out);
    (void)fwrite(block->details, 1, block->count, out);
}

void smh_cache_pack_end(FILE *out, uint64_t accesses)
{
    write_number(out, 0, 8);
    write_number(out, accesses, 8);
}
