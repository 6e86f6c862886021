/* cache_block.h: accesses of an address trace, up to 2048 at a time, three bytes each.
 *
 * Owns: the form between what reads a trace (cache_text.h, cache_packed.h) and what uses it: the
 * counts (cache_trace.h) and the packer, whose file has these bytes as they are.
 *
 *     place   | window | size |    size: a code for 1 to 13, 16, 32 and 64 bytes
 *              15     4 3    0
 *     detail  | offset | kind |    address = base of the window + offset
 *              7      2 1    0
 *
 * A window is 64 bytes, aligned. There are 4096; they stay from block to block, and a new one takes
 * the place of one that no access of the block uses. So whatever is worked out for a window (its
 * line, its set in a cache) serves all accesses to it, most often thousands. Window 0 is none:
 * accesses in it are extras, which cross 64 bytes or have a size without a code; address and bytes
 * are listed.
 *
 *     base --hash--> | 4 windows |: the one used last --(not its base?)--> the others --(none?)-->
 *                                   the one not used for longest is named anew
 *
 * Invariants: as many accesses have window 0 as there are extras; no access wraps.
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
    uint16_t places[SMH_CACHE_BLOCK_ACCESSES];
    uint8_t details[SMH_CACHE_BLOCK_ACCESSES];
};

/* No accesses; all windows are at 0. */
void smh_cache_block_open(struct smh_cache_block *block);
/* No accesses; the windows stay. */
void smh_cache_block_next(struct smh_cache_block *block);
/* Counts kinds. Whether there are as many extras as accesses of window 0. */
bool smh_cache_block_tally(struct smh_cache_block *block);

static inline uint32_t smh_cache_window_group(uint64_t base)
{
    return (uint32_t)(base * UINT64_C(0x9e3779b97f4a7c15) >> 54) * SMH_CACHE_WINDOW_WAYS;
}

/* The window of a base, named if need be; 0: all that could be are used in this block. */
uint32_t smh_cache_block_window(struct smh_cache_block *block, uint64_t base);

/* By code. */
extern const uint8_t smh_cache_sizes[16];
/* By size, up to 64: its code; above 15: none. */
extern const uint8_t smh_cache_size_codes[SMH_CACHE_WINDOW_BYTES + 1];

/* Adds an access, which is allowed; false: the block is full. */
static inline bool smh_cache_block_add(struct smh_cache_block *block, enum smh_trace_kind kind,
                                       uint64_t address, uint32_t bytes)
{
    uint32_t offset = (uint32_t)address % SMH_CACHE_WINDOW_BYTES;
    uint64_t base = address / SMH_CACHE_WINDOW_BYTES;
    if (block->count == SMH_CACHE_BLOCK_ACCESSES) {
        return false;
    }
    if (offset + bytes > SMH_CACHE_WINDOW_BYTES || smh_cache_size_codes[bytes] > 15) {
        block->extras[block->extra_count++] = (struct smh_cache_extra){address, bytes};
        block->places[block->count] = 0;
        block->details[block->count++] = (uint8_t)kind;
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
    block->places[block->count] = (uint16_t)(window << 4 | smh_cache_size_codes[bytes]);
    block->details[block->count++] = (uint8_t)(offset << 2 | (uint32_t)kind);
    return true;
}

static inline uint32_t smh_cache_window_of(const struct smh_cache_block *block, uint32_t i)
{
    return block->places[i] >> 4;
}

static inline enum smh_trace_kind smh_cache_kind_of(const struct smh_cache_block *block, uint32_t i)
{
    return (enum smh_trace_kind)(block->details[i] & 3);
}

/* Of an access that is no extra. */
static inline uint64_t smh_cache_address_of(const struct smh_cache_block *block, uint32_t i)
{
    return block->bases[block->places[i] >> 4] * SMH_CACHE_WINDOW_BYTES + (block->details[i] >> 2);
}

/* Of an access that is no extra; what is beyond the window is cut. */
static inline uint32_t smh_cache_bytes_of(const struct smh_cache_block *block, uint32_t i)
{
    uint32_t most = SMH_CACHE_WINDOW_BYTES - (block->details[i] >> 2);
    uint32_t bytes = smh_cache_sizes[block->places[i] & 15];
    return bytes < most ? bytes : most;
}

#endif
