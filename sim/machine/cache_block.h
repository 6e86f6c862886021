/* cache_block.h: accesses of an address trace, up to 2048 at a time, a word of 32 bits each.
 *
 * Owns: the form between what reads a trace (cache_text.h, cache_packed.h) and what uses it: the
 * counts (cache_trace.h) and the packer, whose file has these words as they are.
 *
 *     word   | window | 0 | offset | bytes - 1 | kind |     address = base of the window + offset
 *             31    16     13     8 7         2 1    0      offset + bytes <= 64
 *
 * A window is 64 bytes, aligned. There are 4096; they stay from block to block, and a new one takes
 * the place of one that no word of the block uses. So whatever is worked out for a window (its
 * line, its set in a cache) serves all accesses to it, most often thousands. Window 0 is none: its
 * words are extras, accesses that cross 64 bytes or are longer, whose address and bytes are listed.
 *
 *     base --hash--> | 4 windows |: the one used last --(not its base?)--> the others --(none?)-->
 *                                   the one not used for longest is named anew
 *
 * Invariants: as many words have window 0 as there are extras; no access wraps.
 */
#ifndef SMH_SIM_CACHE_BLOCK_H
#define SMH_SIM_CACHE_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define SMH_CACHE_BLOCK_ACCESSES   2048u
#define SMH_CACHE_BLOCK_WINDOWS    4096u
#define SMH_CACHE_WINDOW_SHIFT     6u
#define SMH_CACHE_WINDOW_BYTES     64u
#define SMH_CACHE_WINDOW_WAYS      4u
#define SMH_CACHE_ACCESS_BYTES_MAX 65536u

enum smh_trace_kind { SMH_TRACE_LOAD, SMH_TRACE_STORE, SMH_TRACE_MODIFY, SMH_TRACE_INSTRUCTION };

struct smh_cache_extra {
    uint64_t address;
    uint32_t bytes;
};

struct smh_cache_block {
    uint32_t count;
    uint32_t kinds[4]; /* accesses of each kind; set by tally */
    uint32_t extra_count;
    uint32_t change_count;
    uint64_t number;                           /* of blocks begun: from 1 */
    uint64_t bases[SMH_CACHE_BLOCK_WINDOWS];   /* address / 64; of window 0 no address's */
    uint64_t used_in[SMH_CACHE_BLOCK_WINDOWS]; /* number of the block that used it last */
    uint8_t latest[SMH_CACHE_BLOCK_WINDOWS / SMH_CACHE_WINDOW_WAYS]; /* way used last */
    uint16_t changes[SMH_CACHE_BLOCK_WINDOWS]; /* windows named since the last block */
    struct smh_cache_extra extras[SMH_CACHE_BLOCK_ACCESSES];
    uint32_t words[SMH_CACHE_BLOCK_ACCESSES];
};

/* No accesses; all windows are at 0. */
void smh_cache_block_open(struct smh_cache_block *block);
/* No accesses; the windows stay. */
void smh_cache_block_next(struct smh_cache_block *block);
/* Counts kinds. Whether words are as they should be. */
bool smh_cache_block_tally(struct smh_cache_block *block);

static inline uint32_t smh_cache_window_group(uint64_t base)
{
    return (uint32_t)(base * UINT64_C(0x9e3779b97f4a7c15) >> 54) * SMH_CACHE_WINDOW_WAYS;
}

/* The window of a base, named if need be; 0: all that could be are used in this block. */
uint32_t smh_cache_block_window(struct smh_cache_block *block, uint64_t base);

/* Adds an access, which is allowed; false: the block is full. */
static inline bool smh_cache_block_add(struct smh_cache_block *block, enum smh_trace_kind kind,
                                       uint64_t address, uint32_t bytes)
{
    uint32_t offset = (uint32_t)address % SMH_CACHE_WINDOW_BYTES;
    uint64_t base = address / SMH_CACHE_WINDOW_BYTES;
    if (block->count == SMH_CACHE_BLOCK_ACCESSES) {
        return false;
    }
    if (offset + bytes > SMH_CACHE_WINDOW_BYTES) {
        block->extras[block->extra_count++] = (struct smh_cache_extra){address, bytes};
        block->words[block->count++] = (uint32_t)kind;
        return true;
    }
    uint32_t window = smh_cache_window_group(base);
    window += block->latest[window / SMH_CACHE_WINDOW_WAYS];
    if (block->bases[window] != base) {
        window = smh_cache_block_window(block, base);
        if (window == 0) {
            return false;
        }
    }
    block->used_in[window] = block->number;
    block->words[block->count++] = window << 16 | offset << 8 | (bytes - 1) << 2 | (uint32_t)kind;
    return true;
}

static inline enum smh_trace_kind smh_cache_word_kind(uint32_t word)
{
    return (enum smh_trace_kind)(word & 3);
}

static inline uint32_t smh_cache_word_window(uint32_t word)
{
    return word >> 16;
}

/* Of a word that is no extra. */
static inline uint64_t smh_cache_word_address(const struct smh_cache_block *block, uint32_t word)
{
    return block->bases[word >> 16] * SMH_CACHE_WINDOW_BYTES + (word >> 8 & 63);
}

static inline uint32_t smh_cache_word_bytes(uint32_t word)
{
    return (word >> 2 & 63) + 1;
}

#endif
