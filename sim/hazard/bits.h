/* bits.h: ranges of bits in an array of words. */
#ifndef SMH_SIM_HAZARD_BITS_H
#define SMH_SIM_HAZARD_BITS_H

#include <stdbool.h>
#include <stdint.h>

static inline bool smh_bit(const uint64_t *bits, uint64_t index)
{
    return (bits[index / 64] >> index % 64 & 1u) != 0;
}

static inline void smh_set_bits(uint64_t *bits, uint64_t from, uint64_t to)
{
    while (from < to) {
        uint64_t end = (from / 64 + 1) * 64 < to ? (from / 64 + 1) * 64 : to;
        uint64_t count = end - from;
        bits[from / 64] |= (count == 64 ? UINT64_MAX : ((uint64_t)1 << count) - 1) << from % 64;
        from = end;
    }
}

static inline void smh_clear_bits(uint64_t *bits, uint64_t from, uint64_t to)
{
    while (from < to) {
        uint64_t end = (from / 64 + 1) * 64 < to ? (from / 64 + 1) * 64 : to;
        uint64_t count = end - from;
        bits[from / 64] &= ~((count == 64 ? UINT64_MAX : ((uint64_t)1 << count) - 1) << from % 64);
        from = end;
    }
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
