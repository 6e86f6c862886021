/* cache_block.c: windows of a block of accesses, and what its words say in sum.
 *
 * Owns: what cache_block.h declares and does not define itself.
 */
#include "cache_block.h"

#include <string.h>

_Static_assert(SMH_CACHE_BLOCK_WINDOWS / SMH_CACHE_WINDOW_WAYS == 1u << (64 - 54), "the hash");

void smh_cache_block_open(struct smh_cache_block *block)
{
    memset(block, 0, sizeof *block);
    block->bases[0] = UINT64_MAX;
    block->number = 1;
}

void smh_cache_block_next(struct smh_cache_block *block)
{
    block->count = 0;
    block->extra_count = 0;
    block->change_count = 0;
    memset(block->kinds, 0, sizeof block->kinds);
    block->number++;
}

uint32_t smh_cache_block_window(struct smh_cache_block *block, uint64_t base)
{
    uint32_t first = smh_cache_window_group(base);
    uint32_t oldest = first == 0 ? 1 : first; /* window 0 is none */
    uint32_t window = oldest;
    while (window < first + SMH_CACHE_WINDOW_WAYS && block->bases[window] != base) {
        if (block->used_in[window] < block->used_in[oldest]) {
            oldest = window;
        }
        window++;
    }
    if (window == first + SMH_CACHE_WINDOW_WAYS) {
        if (block->used_in[oldest] == block->number) {
            return 0;
        }
        window = oldest;
        block->bases[window] = base;
        block->changes[block->change_count++] = (uint16_t)window;
    }
    block->latest[first / SMH_CACHE_WINDOW_WAYS] = (uint8_t)(window - first);
    return window;
}

/* Four words at once: a vector of the compiler's, whatever the machine has for it. */
typedef uint32_t four __attribute__((vector_size(16)));

static uint32_t sum(four x)
{
    return x[0] + x[1] + x[2] + x[3];
}

bool smh_cache_block_tally(struct smh_cache_block *block)
{
    const uint32_t harmless = 1u << 16; /* a load of a byte in window 1 */
    four low = {0};                     /* words with bit 0, bit 1, both */
    four high = {0};
    four both = {0};
    four extras = {0};
    four bad = {0}; /* bits that must be 0, and bit 6: beyond the window */
    for (uint32_t i = block->count; i % 4 != 0; i++) {
        block->words[i] = harmless;
    }
    for (uint32_t i = 0; i < block->count; i += 4) {
        four words;
        memcpy(&words, block->words + i, sizeof words);
        low += words & 1;
        high += words >> 1 & 1;
        both += words & words >> 1 & 1;
        extras -= (four)(words >> 16 == 0);
        bad |= (words & 0xf000c000) | (((words >> 2 & 63) + (words >> 8 & 63)) & 64);
    }
    block->kinds[SMH_TRACE_STORE] = sum(low) - sum(both);
    block->kinds[SMH_TRACE_MODIFY] = sum(high) - sum(both);
    block->kinds[SMH_TRACE_INSTRUCTION] = sum(both);
    block->kinds[SMH_TRACE_LOAD] = block->count - sum(low) - sum(high) + sum(both);
    return sum(extras) == block->extra_count && (bad[0] | bad[1] | bad[2] | bad[3]) == 0;
}

_Static_assert(SMH_CACHE_BLOCK_ACCESSES % 4 == 0, "words can be filled up to four");
_Static_assert(SMH_TRACE_STORE == 1 && SMH_TRACE_MODIFY == 2 && SMH_TRACE_INSTRUCTION == 3, "bits");
