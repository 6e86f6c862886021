/* cache_block.c: windows of a block of accesses, and what its accesses are in sum.
 *
 * Owns: what cache_block.h declares and does not define itself.
 */
#include "cache_block.h"

#include <string.h>

const uint8_t smh_cache_sizes[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 32, 64};

#define NO 255
const uint8_t smh_cache_size_codes[SMH_CACHE_WINDOW_BYTES + 1] = {
    NO, 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, NO, NO, 13, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, 14, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, 15};

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

/* 16 bytes at once: a vector of the compiler's, whatever the machine has for it. */
typedef uint8_t bytes_16 __attribute__((vector_size(16)));
typedef uint16_t halves_8 __attribute__((vector_size(16)));

static uint32_t sum_of_bytes(bytes_16 x)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < 16; i++) {
        sum += x[i];
    }
    return sum;
}

static void count_kinds(struct smh_cache_block *block)
{
    bytes_16 low = {0}; /* details with bit 0, bit 1, both */
    bytes_16 high = {0};
    bytes_16 both = {0};
    for (uint32_t i = 0; i < block->count; i += 16) {
        bytes_16 details;
        memcpy(&details, block->details + i, sizeof details);
        low += details & 1;
        high += details >> 1 & 1;
        both += details & details >> 1 & 1;
    }
    uint32_t instructions = sum_of_bytes(both);
    block->kinds[SMH_TRACE_STORE] = sum_of_bytes(low) - instructions;
    block->kinds[SMH_TRACE_MODIFY] = sum_of_bytes(high) - instructions;
    block->kinds[SMH_TRACE_INSTRUCTION] = instructions;
    block->kinds[SMH_TRACE_LOAD] = block->count - instructions - block->kinds[SMH_TRACE_STORE] -
                                   block->kinds[SMH_TRACE_MODIFY];
}

static uint32_t count_extras(const struct smh_cache_block *block)
{
    halves_8 extras = {0};
    uint32_t sum = 0;
    for (uint32_t i = 0; i < block->count; i += 8) {
        halves_8 places;
        memcpy(&places, block->places + i, sizeof places);
        extras -= (halves_8)(places >> 4 == 0);
    }
    for (unsigned i = 0; i < 8; i++) {
        sum += extras[i];
    }
    return sum;
}

bool smh_cache_block_tally(struct smh_cache_block *block)
{
    for (uint32_t i = block->count; i % 16 != 0; i++) { /* up to whole vectors: loads in window 1 */
        block->places[i] = 1u << 4;
        block->details[i] = SMH_TRACE_LOAD;
    }
    count_kinds(block);
    return count_extras(block) == block->extra_count;
}

_Static_assert(SMH_CACHE_BLOCK_ACCESSES % 16 == 0 && SMH_CACHE_BLOCK_ACCESSES / 16 < 256,
               "vectors are whole, and their bytes do not overflow");
_Static_assert(SMH_TRACE_STORE == 1 && SMH_TRACE_MODIFY == 2 && SMH_TRACE_INSTRUCTION == 3, "bits");
