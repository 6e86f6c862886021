/* contents.c: the pattern of a block. See contents.h.
 *
 *     word i (bytes 8i .. 8i+7, little endian on every host) = mix(serial) + i * STEP
 */
#include "contents.h"

#include <string.h>

#define STEP UINT64_C(0x9E3779B97F4A7C15) /* odd, so that no two words of a block are equal */

static uint64_t first_word(uint64_t serial)
{
    uint64_t word = (serial + 1) * UINT64_C(0xBF58476D1CE4E5B9);
    word ^= word >> 29;
    return word * UINT64_C(0x94D049BB133111EB);
}

static uint64_t little_endian(uint64_t word)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return __builtin_bswap64(word);
#else
    return word;
#endif
}

static uint8_t pattern_byte(uint64_t first, uint64_t offset)
{
    return (uint8_t)((first + offset / 8 * STEP) >> (offset % 8 * 8));
}

/* Eight bytes of the pattern, from any offset on. */
static uint64_t word_at(uint64_t first, uint64_t offset)
{
    uint64_t word = first + offset / 8 * STEP;
    unsigned shift = (unsigned)(offset % 8 * 8);
    return shift == 0 ? word : word >> shift | (word + STEP) << (64 - shift);
}

static void store(uint8_t *bytes, uint64_t word)
{
    word = little_endian(word);
    memcpy(bytes, &word, 8);
}

static uint64_t load(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, 8);
    return little_endian(word);
}

/* Ends at any offset are eight bytes as well, which lie partly over the words. */
void smh_contents_fill(void *block, uint64_t serial, uint64_t from, uint64_t to)
{
    uint8_t *bytes = block;
    uint64_t first = first_word(serial);
    if (from + 8 > to) {
        for (; from < to; from++) {
            bytes[from] = pattern_byte(first, from);
        }
        return;
    }
    store(bytes + from, word_at(first, from));
    uint64_t at = (from + 7) / 8 * 8;
    uint64_t word = first + at / 8 * STEP;
    for (; at + 8 <= to; at += 8) {
        store(bytes + at, word);
        word += STEP;
    }
    store(bytes + to - 8, word_at(first, to - 8));
}

static uint64_t first_difference(const uint8_t *bytes, uint64_t first, uint64_t from, uint64_t to)
{
    for (; from < to; from++) {
        if (bytes[from] != pattern_byte(first, from)) {
            return from;
        }
    }
    return SMH_CONTENTS_SAME;
}

uint64_t smh_contents_verify(const void *block, uint64_t serial, uint64_t from, uint64_t to)
{
    const uint8_t *bytes = block;
    uint64_t first = first_word(serial);
    if (from + 8 > to) {
        return first_difference(bytes, first, from, to);
    }
    uint64_t different = (load(bytes + from) ^ word_at(first, from)) |
                         (load(bytes + to - 8) ^ word_at(first, to - 8));
    uint64_t at = (from + 7) / 8 * 8;
    uint64_t word = first + at / 8 * STEP;
    for (; at + 8 <= to; at += 8) {
        different |= load(bytes + at) ^ word;
        word += STEP;
    }
    return different != 0 ? first_difference(bytes, first, from, to) : SMH_CONTENTS_SAME;
}

uint64_t smh_contents_verify_zero(const void *block, uint64_t from, uint64_t to)
{
    const uint8_t *bytes = block;
    uint64_t at = from;
    uint64_t different = 0;
    for (; to - at >= 8 && at < to; at += 8) {
        uint64_t stored;
        memcpy(&stored, bytes + at, 8);
        different |= stored;
    }
    for (at = different != 0 ? from : at; at < to; at++) {
        if (bytes[at] != 0) {
            return at;
        }
    }
    return SMH_CONTENTS_SAME;
}
