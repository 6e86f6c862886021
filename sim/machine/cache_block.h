/* cache_block.h: accesses of an address trace, up to 2048 at a time, a word of 32 bits each.
 *
 * Owns: the form between what reads a trace (cache_text.h, cache_packed.h) and what uses it: the
 * counts (cache_trace.h) and the packer, whose file has these words as they are.
 *
 *     word      | address bits 15..0 | window | bytes | kind |      bytes 0: 64 or more; how many
 *               31                16 15     8 7     2 1    0      says the next of lengths
 *     address = bases[window] + bits 15..0
 *
 * A program touches few windows of 64 KiB at a time: 256 at most in one block. They stay from block
 * to block; a new one takes the place of one that no word of the block uses:
 *
 *     base --hash--> recent[]: the window it had last --(not its base?)--> search all, or name one
 *
 * Invariants: a word's window is below defined; a word of 0 bytes has a length; no access wraps.
 */
#ifndef SMH_SIM_CACHE_BLOCK_H
#define SMH_SIM_CACHE_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define SMH_CACHE_BLOCK_ACCESSES   2048u
#define SMH_CACHE_BLOCK_WINDOWS    256u
#define SMH_CACHE_WINDOW_BYTES     UINT64_C(0x10000)
#define SMH_CACHE_ACCESS_BYTES_MAX 65536u
#define SMH_CACHE_SHORT_BYTES_MAX  63u
#define SMH_CACHE_RECENT           1024u

enum smh_trace_kind { SMH_TRACE_LOAD, SMH_TRACE_STORE, SMH_TRACE_MODIFY, SMH_TRACE_INSTRUCTION };

struct smh_cache_block {
    uint32_t count;
    uint32_t kinds[4]; /* accesses of each kind; set by tally */
    uint32_t longs;    /* of lengths */
    uint32_t changes;  /* of changed */
    uint32_t defined;  /* windows: 0 to defined - 1 */
    uint64_t number;   /* of blocks begun: from 1 */
    uint64_t bases[SMH_CACHE_BLOCK_WINDOWS];
    uint64_t used_in[SMH_CACHE_BLOCK_WINDOWS]; /* number of the block that used it last */
    uint8_t changed[SMH_CACHE_BLOCK_WINDOWS];  /* windows that got a base since the last block */
    uint8_t recent[SMH_CACHE_RECENT];
    uint32_t words[SMH_CACHE_BLOCK_ACCESSES];
    uint32_t lengths[SMH_CACHE_BLOCK_ACCESSES];
};

/* No accesses and no windows. */
void smh_cache_block_open(struct smh_cache_block *block);
/* No accesses; the windows stay. */
void smh_cache_block_next(struct smh_cache_block *block);
/* The window of a base, which becomes one if need be; -1: all are used in this block. */
int smh_cache_block_window(struct smh_cache_block *block, uint64_t base);

/* Counts kinds. Whether words are as they should be: the window of each is defined, and as many are
 * of 0 bytes as there are longs. */
bool smh_cache_block_tally(struct smh_cache_block *block);

/* Adds an access, which is allowed; false: the block is full. */
static inline bool smh_cache_block_add(struct smh_cache_block *block, enum smh_trace_kind kind,
                                       uint64_t address, uint32_t bytes)
{
    uint64_t base = address & ~(SMH_CACHE_WINDOW_BYTES - 1);
    int window = block->recent[(base >> 16 ^ base >> 26) % SMH_CACHE_RECENT];
    if (block->count == SMH_CACHE_BLOCK_ACCESSES) {
        return false;
    }
    if (block->bases[window] != base || (uint32_t)window >= block->defined) {
        window = smh_cache_block_window(block, base);
        if (window < 0) {
            return false;
        }
    }
    block->used_in[window] = block->number;
    if (bytes > SMH_CACHE_SHORT_BYTES_MAX) {
        block->lengths[block->longs++] = bytes;
        bytes = 0;
    }
    block->words[block->count++] =
        (uint32_t)(address - base) << 16 | (uint32_t)window << 8 | bytes << 2 | (uint32_t)kind;
    return true;
}

static inline enum smh_trace_kind smh_cache_word_kind(uint32_t word)
{
    return (enum smh_trace_kind)(word & 3);
}

static inline uint64_t smh_cache_word_address(const struct smh_cache_block *block, uint32_t word)
{
    return block->bases[word >> 8 & 0xff] | word >> 16;
}

/* 0: a length says. */
static inline uint32_t smh_cache_word_bytes(uint32_t word)
{
    return word >> 2 & SMH_CACHE_SHORT_BYTES_MAX;
}

#endif
