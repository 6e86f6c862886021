/* cache_block.c: windows of a block of accesses.
 *
 * Owns: what cache_block.h declares and does not define itself.
 */
#include "cache_block.h"

#include <string.h>

void smh_cache_block_open(struct smh_cache_block *block)
{
    memset(block, 0, sizeof *block);
    block->number = 1;
}

void smh_cache_block_next(struct smh_cache_block *block)
{
    block->count = 0;
    block->longs = 0;
    block->changes = 0;
    memset(block->kinds, 0, sizeof block->kinds);
    block->number++;
}

/* The window not used for longest; -1: all are used in this block. */
static int oldest_window(const struct smh_cache_block *block)
{
    uint32_t oldest = 0;
    for (uint32_t window = 1; window < SMH_CACHE_BLOCK_WINDOWS; window++) {
        if (block->used_in[window] < block->used_in[oldest]) {
            oldest = window;
        }
    }
    return block->used_in[oldest] < block->number ? (int)oldest : -1;
}

static int name_window(struct smh_cache_block *block, uint64_t base)
{
    int window =
        block->defined < SMH_CACHE_BLOCK_WINDOWS ? (int)block->defined++ : oldest_window(block);
    if (window >= 0) {
        block->bases[window] = base;
        block->changed[block->changes++] = (uint8_t)window;
    }
    return window;
}

int smh_cache_block_window(struct smh_cache_block *block, uint64_t base)
{
    int window = 0;
    while ((uint32_t)window < block->defined && block->bases[window] != base) {
        window++;
    }
    if ((uint32_t)window == block->defined) {
        window = name_window(block, base);
    }
    if (window >= 0) {
        block->recent[(base >> 16 ^ base >> 26) % SMH_CACHE_RECENT] = (uint8_t)window;
    }
    return window;
}

/* Four words at once: a vector of the compiler's, whatever the machine has for it. */
typedef uint32_t four __attribute__((vector_size(16)));
typedef int32_t four_signed __attribute__((vector_size(16)));

static uint32_t sum(four x)
{
    return x[0] + x[1] + x[2] + x[3];
}

bool smh_cache_block_tally(struct smh_cache_block *block)
{
    const uint32_t harmless = 4u << 2; /* a load of 4 bytes in window 0 */
    uint32_t last = (block->defined - 1) << 8;
    four_signed last_window = {(int32_t)last, (int32_t)last, (int32_t)last, (int32_t)last};
    four low = {0}; /* words with bit 0, bit 1, both */
    four high = {0};
    four both = {0};
    four zeroes = {0};
    four undefined = {0};
    uint32_t padding = 0;
    for (; (block->count + padding) % 4 != 0; padding++) {
        block->words[block->count + padding] = harmless;
    }
    for (uint32_t i = 0; i < block->count; i += 4) {
        four words;
        memcpy(&words, block->words + i, sizeof words);
        low += words & 1;
        high += words >> 1 & 1;
        both += words & words >> 1 & 1;
        zeroes -= (four)((words & 0xfc) == 0);
        undefined |= (four)((four_signed)(words & 0xff00) > last_window);
    }
    block->kinds[SMH_TRACE_STORE] = sum(low) - sum(both);
    block->kinds[SMH_TRACE_MODIFY] = sum(high) - sum(both);
    block->kinds[SMH_TRACE_INSTRUCTION] = sum(both);
    block->kinds[SMH_TRACE_LOAD] = block->count - sum(low) - sum(high) + sum(both);
    return sum(zeroes) == block->longs &&
           (undefined[0] | undefined[1] | undefined[2] | undefined[3]) == 0;
}

_Static_assert(SMH_CACHE_BLOCK_ACCESSES % 4 == 0, "words can be filled up to four");
_Static_assert(SMH_TRACE_STORE == 1 && SMH_TRACE_MODIFY == 2 && SMH_TRACE_INSTRUCTION == 3, "bits");
