/* bits.h: ranges of bits in an array of words. */
#ifndef SMH_SIM_HAZARD_BITS_H
#define SMH_SIM_HAZARD_BITS_H

#include <stdbool.h>
#include <stdint.h>

static inline bool smh_bit(const uint64_t *bits, uint64_t index)
{
    return (bits[index / 64] >> index % 64 & 1u) != 0;
}

/* Bits from..to of a word: the part of [from, to) that lies in it. */
static inline uint64_t smh_bits_in_word(uint64_t word, uint64_t from, uint64_t to)
{
    uint64_t mask = from / 64 == word ? UINT64_MAX << from % 64 : UINT64_MAX;
    return (to - 1) / 64 == word ? mask & UINT64_MAX >> (63 - (to - 1) % 64) : mask;
}

static inline void smh_set_bits(uint64_t *bits, uint64_t from, uint64_t to)
{
    for (uint64_t word = from / 64; from < to && word <= (to - 1) / 64; word++) {
        bits[word] |= smh_bits_in_word(word, from, to);
    }
}

static inline void smh_clear_bits(uint64_t *bits, uint64_t from, uint64_t to)
{
    if (from >= to) {
        return;
    }
    uint64_t last = (to - 1) / 64;
    uint64_t begin = UINT64_MAX << from % 64;
    uint64_t end = UINT64_MAX >> (63 - (to - 1) % 64);
    uint64_t word = from / 64;
    if (word == last) {
        bits[word] &= ~(begin & end);
        return;
    }
    bits[word] &= ~begin;
    while (++word < last) {
        bits[word] = 0;
    }
    bits[last] &= ~end;
}

/* The first bit in [from, to) that is `value`; to: none. */
static inline uint64_t smh_next_bit(const uint64_t *bits, uint64_t from, uint64_t to, bool value)
{
    while (from < to) {
        uint64_t word = (value ? bits[from / 64] : ~bits[from / 64]) >> from % 64;
        if (word != 0) {
            uint64_t found = from + (unsigned)__builtin_ctzll(word);
            return found < to ? found : to;
        }
        from = (from / 64 + 1) * 64;
    }
    return to;
}

#endif
