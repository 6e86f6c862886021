/* SPDX-License-Identifier: Apache-2.0 */
/* bits.h: arithmetic on powers of two, written once for the whole core.
 *
 * Owns: rounding, logarithms, bit scans and the overflow-checked product.
 * Invariants: pure; nothing here needs a helper function of the compiler's run-time library, not
 * even on a target without division, multiplication to double width or count-leading-zeros
 * (Cortex-M0), where __builtin_clz would be a call.
 */
#ifndef SMH_BITS_H
#define SMH_BITS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether the machine scans bits by itself. */
#if defined(__x86_64__) || defined(__i386__) || defined(__aarch64__) || \
    (defined(__ARM_FEATURE_CLZ) && __ARM_FEATURE_CLZ) || defined(__riscv_zbb)
#define SMH_BITS_HAVE_SCAN 1
#else
#define SMH_BITS_HAVE_SCAN 0
#endif

#define SMH_BITS_LIKELY(condition)   __builtin_expect(!!(condition), 1)
#define SMH_BITS_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

static inline bool smh_is_power_of_two(size_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

/* 0 too: the natural one. */
static inline bool smh_valid_align(size_t align)
{
    return (align & (align - 1)) == 0;
}

/* log2, rounded down; value > 0. */
static inline unsigned smh_floor_log2_u32(uint32_t value)
{
#if SMH_BITS_HAVE_SCAN
    return 31u - (unsigned)__builtin_clz(value);
#else
    unsigned log = 0;

    for (unsigned step = 16; step != 0; step >>= 1) {
        if ((value >> step) != 0) {
            value >>= step;
            log += step;
        }
    }
    return log;
#endif
}

static inline unsigned smh_floor_log2(size_t value)
{
#if SIZE_MAX > UINT32_MAX
    uint32_t high = (uint32_t)(value >> 32);

    return high != 0 ? 32 + smh_floor_log2_u32(high) : smh_floor_log2_u32((uint32_t)value);
#else
    return smh_floor_log2_u32(value);
#endif
}

/* Number of the lowest set bit; value > 0. */
static inline unsigned smh_lowest_bit_u32(uint32_t value)
{
#if SMH_BITS_HAVE_SCAN
    return (unsigned)__builtin_ctz(value);
#else
    return smh_floor_log2_u32(value & (0u - value));
#endif
}

/* value rounded to a multiple of align, a power of two. The caller has made sure that rounding up
 * does not wrap: value <= SIZE_MAX - (align - 1). */
static inline size_t smh_round_up(size_t value, size_t align)
{
    return (value + (align - 1)) & ~(align - 1);
}

static inline size_t smh_round_down(size_t value, size_t align)
{
    return value & ~(align - 1);
}

/* What is missing from address to the next multiple of align, a power of two; cannot wrap. */
static inline size_t smh_distance_up(uintptr_t address, size_t align)
{
    return (size_t)((0u - address) & (align - 1));
}

/* left * right in *product, or false when that does not fit. By halves, so that neither a division
 * nor a wider product is needed. */
static inline bool smh_product(size_t left, size_t right, size_t *product)
{
    const unsigned half = (unsigned)(sizeof(size_t) * CHAR_BIT / 2);
    const size_t low_mask = SIZE_MAX >> half;
    size_t larger = left > right ? left : right;
    size_t smaller = left > right ? right : left;
    size_t high;
    size_t low;

    if ((smaller >> half) != 0) {
        return false; /* both factors reach the upper half */
    }
    high = (larger >> half) * smaller;
    low = (larger & low_mask) * smaller;
    if ((high >> half) != 0 || low > SIZE_MAX - (high << half)) {
        return false;
    }
    *product = (high << half) + low;
    return true;
}

#endif
