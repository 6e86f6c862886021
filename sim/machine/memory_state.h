/* memory_state.h: what the parts of the memory system share.
 *
 * Owns: struct smh_memory, and the functions that its files offer each other:
 *
 *     memory.c              opening, counters, views, the kinds of access
 *     memory_lines.c        lines between the levels: fills, victims, clean and invalidate
 *     memory_hit.h          the commonest of them: one line that is there
 *     memory_words.c        loads and stores of a core, straight to the caches and past them
 *     memory_store_buffer.c stores that wait, and what waits for them
 *     memory_freedom.c      evictions and fills that nobody asked for
 *
 * A line is known by one number: the region above, the target's address / line below, so that two
 * regions never share a line, even where one ends in the line in which the next begins (hardware
 * would have given them one attribute there).
 *
 *     line = region << 56 | address >> line_shift
 *
 * Bytes of a line that lie outside its region are nobody's: they are held, and written nowhere.
 *
 * Invariants: data[slot], dirty[slot] belong to the line that the cache has in that slot; a line of
 * a region that is written through is never dirty.
 */
#ifndef SMH_SIM_MEMORY_STATE_H
#define SMH_SIM_MEMORY_STATE_H

#include "cache.h"
#include "memory.h"

#define SMH_LINE_REGION_SHIFT 56

/* One cache with its data. */
struct smh_memory_level {
    struct smh_cache cache;
    uint8_t *data;  /* [slot][line_bytes] */
    bool *dirty;    /* [slot] */
    unsigned level; /* 0: L1, 1: L2 */
};

/* What the access under way has met, for counters that count it once. */
struct smh_memory_met {
    bool l1, l1_missed;
    bool l2, l2_missed;
};

/* A word, or a part of it, on its way from a core. */
struct smh_pending_store {
    uint64_t offset;
    uint64_t enter_cycle;
    uint64_t done_cycle; /* once begun */
    uint16_t region;
    uint8_t bytes;
    bool uncached;
    bool begun;       /* carried out; busy until done_cycle */
    bool ends_access; /* the last word of its store */
    uint8_t data[8];
};

struct smh_memory_core {
    struct smh_memory_level l1;
    struct smh_pending_store *pending; /* a ring */
    uint32_t pending_first;
    uint32_t pending_count;
    struct smh_memory_met pending_met; /* by the words of a store that are carried out */
    uint64_t cycle;                    /* spent so far; where there are store buffers */
    uint64_t free_cycle;               /* when the last store that began is done */
};

struct smh_memory_region {
    uint8_t *truth;
    uint8_t *memory;
    uint8_t *defined; /* bit i: byte i has been stored since it was last forgotten */
    uint64_t base;
    uint64_t size;
    uint64_t line_of_region; /* region << SMH_LINE_REGION_SHIFT */
    uint32_t cycles;
    bool cached;
    bool l1_through, l2_through;   /* written through that level */
    bool l1_allocate, l2_allocate; /* on a store that misses there */
    struct smh_memory_counters counters[2];
};

struct smh_memory {
    struct smh_memory_region *regions;
    size_t region_count;
    struct smh_memory_core *cores;
    uint32_t core_count;
    struct smh_memory_level l2;
    bool has_l1, has_l2;
    uint32_t line_bytes;
    uint32_t line_shift;
    uint32_t word_bytes;
    uint32_t word_shift;
    uint32_t l1_cycles, l2_cycles;
    uint32_t pending_max; /* entries of each store buffer */
    bool plain;           /* no store buffers, no freedom */
    struct smh_memory_met met;
    uint64_t wrong_offset;
    uint8_t *line_buffer; /* a line between a fetch and its place */
    struct smh_memory_freedom freedom;
    struct smh_random freedom_random;
};

static inline uint64_t smh_line_of(const struct smh_memory *memory,
                                   const struct smh_memory_region *region, uint64_t offset)
{
    return region->line_of_region | (region->base + offset) >> memory->line_shift;
}

static inline struct smh_memory_region *smh_line_region(const struct smh_memory *memory,
                                                        uint64_t line)
{
    return &memory->regions[line >> SMH_LINE_REGION_SHIFT];
}

static inline uint8_t *smh_line_data(const struct smh_memory *memory,
                                     const struct smh_memory_level *level, uint32_t slot)
{
    return level->data + ((size_t)slot << memory->line_shift);
}

/* Words that [offset, offset + bytes) touches; bytes > 0. */
static inline uint64_t smh_word_count(const struct smh_memory *memory,
                                      const struct smh_memory_region *region, uint64_t offset,
                                      uint64_t bytes)
{
    uint64_t address = region->base + offset;
    return ((address + bytes - 1) >> memory->word_shift) - (address >> memory->word_shift) + 1;
}

/* memory.c: adds what was met to the counters. */
void smh_memory_count(struct smh_memory *memory, uint16_t region, bool store);

/* memory_lines.c. Those that cost return it, in cycles. */
/* Brings a line that is not there into the core's L1; *slot is where. asked false: nobody did, and
 * the counters of loads and stores stay. */
uint64_t smh_lines_fill_l1(struct smh_memory *memory, struct smh_memory_core *core, uint64_t line,
                           bool asked, uint32_t *slot);
/* Bytes of one line on their way from an L1, or past it, to what is behind. */
uint64_t smh_lines_store_below_l1(struct smh_memory *memory, uint16_t region, uint64_t offset,
                                  const uint8_t *from, uint32_t bytes);
/* Takes a line out of a level, written back if it is dirty. */
uint64_t smh_lines_evict(struct smh_memory *memory, struct smh_memory_level *level, uint64_t line);
/* Maintains one line for a core: SMH_ACCESS_CLEAN, _INVALIDATE or _FLUSH. Its cost beside the
 * look. */
uint64_t smh_lines_maintain(struct smh_memory *memory, struct smh_memory_core *core, uint8_t kind,
                            uint64_t line);

/* memory_words.c */
/* Compares what was read with the truth, and notes the first byte that is not it. */
void smh_words_compare(struct smh_memory *memory, uint16_t region, uint64_t offset,
                       const uint8_t *read, uint64_t bytes);
void smh_words_define(struct smh_memory *memory, uint16_t region, uint64_t offset, uint64_t bytes);
uint64_t smh_words_load(struct smh_memory *memory, struct smh_memory_core *core, uint16_t region,
                        uint64_t offset, uint64_t bytes, bool uncached);
/* from: the bytes to store. */
uint64_t smh_words_store(struct smh_memory *memory, struct smh_memory_core *core, uint16_t region,
                         uint64_t offset, const uint8_t *from, uint64_t bytes, bool uncached);

/* memory_store_buffer.c: a core's loads and stores where there is one, word by word. They move
 * core->cycle and return what it moved by. */
uint64_t smh_buffer_load(struct smh_memory *memory, struct smh_memory_core *core, uint16_t region,
                         uint64_t offset, uint64_t bytes, bool uncached);
uint64_t smh_buffer_store(struct smh_memory *memory, struct smh_memory_core *core, uint16_t region,
                          uint64_t offset, uint64_t bytes, bool uncached);
/* Waits until no store is pending. */
uint64_t smh_buffer_barrier(struct smh_memory *memory, struct smh_memory_core *core);
/* Waits for the pending stores to one line, by whatever address. */
uint64_t smh_buffer_wait_for_line(struct smh_memory *memory, struct smh_memory_core *core,
                                  uint64_t line);
/* Time has passed for the core: stores that begin by now are carried out. */
void smh_buffer_pass(struct smh_memory *memory, struct smh_memory_core *core, uint64_t cycles);
/* Writes over out, bytes of [offset, offset + bytes), what of it is pending. */
void smh_buffer_view(const struct smh_memory *memory, const struct smh_memory_core *core,
                     uint16_t region, bool uncached, uint64_t offset, uint64_t bytes, uint8_t *out);

/* memory_freedom.c */
void smh_freedom_move(struct smh_memory *memory, const struct smh_access *access);

#endif
