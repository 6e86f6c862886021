/* SPDX-License-Identifier: Apache-2.0 */
/* sys_heap_stress.c: Zephyr's stress rig for any pair of alloc and free.
 *
 * Owns: the random choices. They are Zephyr's, from the same generator and seed, so that a first
 * run gives the same result there and here; but the generator's state is local, so that every run
 * is the first.
 *
 *     fill < target: free with a chance of (fill / target) / 2      fill >= target: free
 *
 * Invariants: at most as many blocks as the scratch memory has room for; no division and no wide
 * multiplication, which a Cortex-M0 would take from a library.
 */
#include "bits.h"

#include <smh/port.h>
#include <smh/sys_heap.h>

struct stress_block {
    void *mem;
    size_t bytes;
};

struct stress {
    uint64_t random;
    size_t total_bytes;
    uint32_t target_percent;
    struct stress_block *blocks;
    size_t slots;
    size_t count;
    size_t bytes;
};

struct quotient {
    size_t quotient;
    size_t remainder;
};

/* By shift and subtraction; by 0: the largest quotient. */
static struct quotient divide(size_t dividend, size_t divisor)
{
    struct quotient result = {0, 0};

    /* The remainder is at most what was read of the dividend: shifting it loses no bit. */
    for (size_t bit = (size_t)1 << (sizeof(size_t) * 8 - 1); bit != 0; bit >>= 1) {
        result.remainder = (result.remainder << 1) | ((dividend & bit) != 0 ? 1u : 0u);
        if (result.remainder >= divisor) {
            result.remainder -= divisor;
            result.quotient |= bit;
        }
    }
    return result;
}

/* left * right modulo 2^64, by shift and addition. */
static uint64_t multiply(uint64_t left, uint64_t right)
{
    uint64_t product = 0;

    for (; right != 0; right >>= 1) {
        product += (right & 1u) != 0 ? left : 0;
        left <<= 1;
    }
    return product;
}

static uint32_t next_random(struct stress *stress)
{
    stress->random = multiply(stress->random, UINT64_C(2862933555777941757)) + 3037000493u;
    return (uint32_t)(stress->random >> 32);
}

/* Whether the next step allocates. */
static bool wants_alloc(struct stress *stress)
{
    uint32_t free_chance = UINT32_MAX;
    uint32_t percent;

    if (stress->count == 0) {
        return true;
    }
    if (stress->count >= stress->slots) {
        return false;
    }
    percent = (uint32_t)divide(100 * stress->bytes, stress->total_bytes).quotient;
    if (percent < stress->target_percent) {
        free_chance = percent * (uint32_t)divide(0x80000000u, stress->target_percent).quotient;
    }
    return next_random(stress) > free_chance;
}

/* Twice as large, half as often; half of the requests are below 16 bytes. */
static size_t random_size(struct stress *stress)
{
    uint32_t draw = next_random(stress);
    unsigned bits = 35 - smh_floor_log2_u32(draw | 1u);
    uint32_t mask = bits < 32 ? (1u << bits) - 1u : UINT32_MAX;

    return next_random(stress) & mask;
}

void sys_heap_stress(void *(*alloc_fn)(void *arg, size_t bytes),
                     void (*free_fn)(void *arg, void *p), void *arg, size_t total_bytes,
                     uint32_t op_count, void *scratch_mem, size_t scratch_bytes, int target_percent,
                     struct z_heap_stress_result *result)
{
    struct stress stress = {123456789u, total_bytes, (uint32_t)target_percent, scratch_mem, 0, 0,
                            0};

    stress.slots = divide(scratch_bytes, sizeof(struct stress_block)).quotient;
    memset(result, 0, sizeof(*result));
    for (uint32_t i = 0; i < op_count && stress.slots != 0; i++) {
        if (wants_alloc(&stress)) {
            size_t bytes = random_size(&stress);
            void *mem = alloc_fn(arg, bytes);

            result->total_allocs++;
            if (mem != NULL) {
                struct stress_block block = {mem, bytes};

                result->successful_allocs++;
                stress.blocks[stress.count] = block;
                stress.count++;
                stress.bytes += bytes;
            }
        } else {
            size_t choice = divide(next_random(&stress), stress.count).remainder;
            struct stress_block block = stress.blocks[choice];

            result->total_frees++;
            stress.count--;
            stress.blocks[choice] = stress.blocks[stress.count];
            stress.bytes -= block.bytes;
            free_fn(arg, block.mem);
        }
        result->accumulated_in_use_bytes += stress.bytes;
    }
}
