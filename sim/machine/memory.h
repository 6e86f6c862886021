/* memory.h: the memory system: caches with data, memories, store buffers, devices.
 *
 * Owns: per core an L1 and a store buffer, an L2 that the cores share, and the memory behind them,
 * each with its own copy of the bytes; hits, misses and cycles.
 *
 *      core 0          core 1            truth: the host memory of the region, in which the
 *    store buffer    store buffer        allocator and the owners of blocks live: what every
 *       L1 data         L1 data          byte is meant to be
 *          '----- L2 -----'
 *                 |                      memory: what the RAM chips hold
 *              memory <---- devices (DMA): bypass L1 and L2
 *
 * Invariants: a store takes its bytes from the truth, which its caller has updated before; a load
 * or a device's read takes them from where hardware would, and is compared with the truth. Without
 * freedom (below) nothing moves but what accesses move. Dirtiness is of whole lines: a line that is
 * evicted writes all its bytes back.
 *
 * Cycles, exact:
 *   a load or store of a core is split into words of target_bits / 8 bytes, at their multiples, and
 *   each word costs
 *     cached, L1 hit           l1.hit_cycles
 *     cached, L1 miss          l1.hit_cycles + (L2 hit: l2.hit_cycles; no L2 or L2 miss:
 * l2.hit_cycles where there is an L2, + the region's cycles), + the cost of writing a dirty victim
 * back (to L2: l2.hit_cycles; to memory: the cycles of the victim's region) write-through store
 * l1.hit_cycles + the region's cycles; a miss allocates no line unless write_allocate says so
 *     write-back store miss,   without write_allocate: l1.hit_cycles + the region's cycles, no line
 *     uncached                 the region's cycles
 *   a store that enters a store buffer with a free entry costs 1 instead; the entry is busy for
 * what the store would have cost, counted in the core's own cycles; a full buffer makes the store
 * wait for its oldest entry. Loads wait for a pending store to the same word. A barrier waits for
 * all. maintenance: l1.hit_cycles a line looked at, + the region's cycles for each line written
 * back to memory. a device's transfer costs a core nothing.
 */
#ifndef SMH_SIM_MEMORY_H
#define SMH_SIM_MEMORY_H

#include "../workload/scenario.h"
#include "access.h"

struct smh_memory;

/* How often something happens that no access asks for, but hardware may do at any time: before each
 * access, each of these with its chance. */
struct smh_memory_freedom {
    uint64_t seed;
    uint32_t evictions_per_mille; /* a valid line, drawn at random, leaves its cache */
    uint32_t fills_per_mille;     /* a line near the one accessed is fetched speculatively */
};

/* truth[i], sizes[i]: host memory and size of region i of config. NULL with *error set: no memory.
 */
struct smh_memory *smh_memory_open(const struct smh_machine_config *config, uint8_t *const truth[],
                                   const uint64_t sizes[], struct smh_error *error);
void smh_memory_close(struct smh_memory *memory);
void smh_memory_set_freedom(struct smh_memory *memory, const struct smh_memory_freedom *freedom);

/* Carries out one access; its cost in cycles. After a load or a device's read
 * smh_memory_wrong_offset() tells whether it saw the truth. */
uint64_t smh_memory_access(struct smh_memory *memory, const struct smh_access *access);
/* Offset in the region of the first byte of the last load or device's read that was not the truth;
 * UINT64_MAX: all were. Bytes of which the truth is undefined are told by smh_memory_forget(). */
uint64_t smh_memory_wrong_offset(const struct smh_memory *memory);
/* A block has been handed out or freed: what its bytes hold no longer matters until written. Sets
 * the bytes of every copy of them to those of the truth without changing which lines are where or
 * dirty. */
void smh_memory_forget(struct smh_memory *memory, uint16_t region, uint64_t offset, uint64_t bytes);
/* What core (or, with core = SMH_MEMORY_DEVICE, a device) would read now; moves nothing. */
#define SMH_MEMORY_DEVICE 255
void smh_memory_view(const struct smh_memory *memory, uint8_t core, uint16_t region,
                     uint64_t offset, uint64_t bytes, uint8_t *out);

/* Of one level and region (levels: 0 L1, 1 L2; cores together). An access that touches several
 * lines counts once, as a miss when one of them misses, as Cachegrind counts. */
struct smh_memory_counters {
    uint64_t loads, load_misses;
    uint64_t stores, store_misses;
    uint64_t write_backs; /* lines */
    uint64_t fills;       /* lines */
};
void smh_memory_counters(const struct smh_memory *memory, unsigned level, uint16_t region,
                         struct smh_memory_counters *counters);

#endif
