/* cache_packed.c: an address trace as a file of words, which take no parsing.
 *
 * Owns: what cache_packed.h declares. A block is checked as a whole, four words at once; only one
 * that is bad is looked at word by word, to name the first that is.
 */
#include "cache_packed.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_HEADER_BYTES 8u

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
    uint32_t count, changes, longs;
    const uint8_t *change, *length, *word;
    size_t bytes;
};

static int read_block_header(struct smh_cache_unpacker *unpacker, const uint8_t *bytes,
                             struct parts *parts, struct smh_error *error)
{
    *parts = (struct parts){
        .count = read_16(bytes), .changes = read_16(bytes + 2), .longs = read_16(bytes + 4)};
    uint32_t zero = read_16(bytes + 6);
    if (parts->count > SMH_CACHE_BLOCK_ACCESSES || parts->changes > SMH_CACHE_BLOCK_WINDOWS ||
        parts->longs > parts->count || zero != 0 || (parts->count == 0 && parts->changes != 0)) {
        return refuse(unpacker, error,
                      "a block of %" PRIu32 " accesses, %" PRIu32 " changes, %" PRIu32
                      " longs, %" PRIu32 ", allowed: up to %u, up to %u, up to the accesses, 0",
                      parts->count, parts->changes, parts->longs, zero, SMH_CACHE_BLOCK_ACCESSES,
                      SMH_CACHE_BLOCK_WINDOWS);
    }
    parts->change = bytes + BLOCK_HEADER_BYTES;
    parts->length = parts->change + parts->changes * 8u;
    parts->word = parts->length + parts->longs * 4u;
    parts->bytes = (size_t)(parts->word - bytes) + parts->count * 4u;
    return 0;
}

static int read_changes(struct smh_cache_unpacker *unpacker, const struct parts *parts,
                        struct smh_cache_block *block, struct smh_error *error)
{
    for (uint32_t i = 0; i < parts->changes; i++) {
        uint64_t change = read_64(parts->change + i * 8u);
        uint32_t window = (uint32_t)(change & 0xffff);
        if (window > block->defined || window >= SMH_CACHE_BLOCK_WINDOWS) {
            unpacker->offset += BLOCK_HEADER_BYTES + i * 8u;
            return refuse(unpacker, error,
                          "a change of window %" PRIu32 ", allowed: one of the %" PRIu32
                          " named so far, or the next up to %u",
                          window, block->defined, SMH_CACHE_BLOCK_WINDOWS - 1);
        }
        block->bases[window] = change & ~(SMH_CACHE_WINDOW_BYTES - 1);
        block->defined += window == block->defined;
        unpacker->highest |= block->bases[window] == 0 - SMH_CACHE_WINDOW_BYTES;
    }
    return 0;
}

static bool is_allowed(uint64_t address, uint32_t bytes)
{
    return bytes != 0 && bytes <= SMH_CACHE_ACCESS_BYTES_MAX && address <= UINT64_MAX - bytes;
}

/* The first word that is not as it should be is named. 0: all are. */
static int check_words(struct smh_cache_unpacker *unpacker, const struct parts *parts,
                       const struct smh_cache_block *block, struct smh_error *error)
{
    uint64_t begin = unpacker->offset;
    uint64_t words = begin + parts->bytes - parts->count * 4u;
    uint32_t longs = 0;
    for (uint32_t i = 0; i < block->count; i++) {
        uint32_t word = block->words[i];
        uint32_t window = word >> 8 & 0xff;
        uint32_t bytes = smh_cache_word_bytes(word);
        unpacker->offset = words + i * 4u;
        if (window >= block->defined) {
            return refuse(unpacker, error,
                          "window %" PRIu32 ", allowed: one of the %" PRIu32 " named so far",
                          window, block->defined);
        }
        if (bytes == 0 && longs == block->longs) {
            return refuse(unpacker, error,
                          "an access of 0 bytes, allowed: as many as the block has longs, %" PRIu32,
                          block->longs);
        }
        bytes = bytes == 0 ? block->lengths[longs++] : bytes;
        uint64_t address = smh_cache_word_address(block, word);
        if (!is_allowed(address, bytes)) {
            return refuse(unpacker, error,
                          "%" PRIu32 " bytes at 0x%" PRIx64
                          ", allowed: 1 to %u that end before the highest address",
                          bytes, address, SMH_CACHE_ACCESS_BYTES_MAX);
        }
    }
    if (longs < block->longs) {
        unpacker->offset = begin;
        return refuse(unpacker, error,
                      "a block of %" PRIu32 " longs, of which %" PRIu32 " are used", block->longs,
                      longs);
    }
    unpacker->offset = begin;
    return 0;
}

static int read_words(struct smh_cache_unpacker *unpacker, const struct parts *parts,
                      struct smh_cache_block *block, struct smh_error *error)
{
    block->count = parts->count;
    block->longs = parts->longs;
    for (uint32_t i = 0; i < parts->longs; i++) {
        block->lengths[i] = read_32(parts->length + i * 4u);
    }
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    memcpy(block->words, parts->word, parts->count * 4u);
#else
    for (uint32_t i = 0; i < parts->count; i++) {
        block->words[i] = read_32(parts->word + i * 4u);
    }
#endif
    bool good = smh_cache_block_tally(block) && block->longs == 0 && !unpacker->highest;
    return good ? 0 : check_words(unpacker, parts, block, error);
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
        read_words(unpacker, &parts, block, error) != 0) {
        block->count = 0;
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
    write_number(out, block->changes, 2);
    write_number(out, block->longs, 2);
    write_number(out, 0, 2);
    for (uint32_t i = 0; i < block->changes; i++) {
        write_number(out, block->bases[block->changed[i]] | block->changed[i], 8);
    }
    for (uint32_t i = 0; i < block->longs; i++) {
        write_number(out, block->lengths[i], 4);
    }
    for (uint32_t i = 0; i < block->count; i++) {
        write_number(out, block->words[i], 4);
    }
}

void smh_cache_pack_end(FILE *out, uint64_t accesses)
{
    write_number(out, 0, 8);
    write_number(out, accesses, 8);
}
