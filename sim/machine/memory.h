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
 * or a device's read takes them from where hardware would, and is compared with the truth where the
 * truth is defined. Without freedom (below) nothing moves but what accesses move. Dirtiness is of
 * whole lines: a line that is evicted writes all its bytes back.
 *
 * Policies. A region is cached when there is an L1 and its `cache` is not none. A level writes a
 * region through when its own policy or the region's is write-through. `write_allocate` of a level
 * holds for the regions of its own policy: in a write-through region of a write-back level, a store
 * that misses brings no line. L2 is neither inclusive nor exclusive: a line that misses in both
 * enters both; what L2 gives up stays in the L1s; a dirty victim of L1 goes over L2's copy, or
 * where there is none and L2 allocates, into L2 without a fetch, or else to memory. Uncached
 * accesses and devices touch no cache. Maintenance acts on the core's L1 and on L2, down to memory,
 * by whichever address of the region. cache.h tells replacement.
 *
 * Cycles, exact. Each transaction of L1 costs l1.hit_cycles; each that leaves L1, l2.hit_cycles
 * more where there is an L2; each with memory, the cycles of the line's region more.
 *   A load or store of a core is split into words of target_bits / 8 bytes (4 where lines have 4),
 *   at their multiples, and each word costs
 *     cached, L1 hit              l1.hit_cycles
 *     load that misses L1, or     l1.hit_cycles + l2.hit_cycles
 *     store that allocates          + on an L2 miss, or without L2: the region's cycles
 *                                   + for a dirty victim of L2: the cycles of its region
 *                                   + for a dirty victim of L1, after the fetch: l2.hit_cycles,
 *                                     and the cycles of its region if it reaches memory (no L2, no
 *                                     place there, or written through), and those of what it
 *                                     displaces in L2, if dirty
 *     store that goes further     l1.hit_cycles (+ the fetch as above if it allocates)
 *     (written through, or          + l2.hit_cycles + the region's cycles if it reaches memory;
 *     missing without a line)       where L2 writes back: if it misses there and L2 allocates, the
 *                                   fetch into L2 as above instead
 *     uncached                    the region's cycles
 *   Maintenance: l1.hit_cycles + l2.hit_cycles a line looked at, + the region's cycles for each
 *   line written to memory. A device's transfer costs a core nothing; freedom neither.
 *
 *   With store buffers, a word stored costs 1 cycle: it enters a free entry. An entry is carried
 *   out (caches looked up, bytes written) when it comes to the head of its core's buffer, at once
 *   if it is alone, and keeps the head busy for what the store would have cost, counted in the
 *   core's own cycles; words are not merged. With no free entry the store waits until the head is
 *   done first. A load waits for the youngest pending store to the same word by the same address
 *   (the alias is another address), maintenance for those to its line, a barrier for all. Nobody
 *   else sees a store that waits behind the head.
 *
 *     entries 2, cycles 10, uncached:  store a   store b   store c          barrier
 *     core's cycle                     0..1      1..2      2..10 waits ..11  11..30
 *     head                             a 0..10             b 10..20          c 20..30
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

/* truth[i], sizes[i]: host memory and size of region i of config, which must hold as long as the
 * machine. All bytes are undefined at first, the memories hold zeroes. NULL with *error set: the
 * host cannot map a region, an address is above 2^55 lines, an L2 without an L1. */
struct smh_memory *smh_memory_open(const struct smh_machine_config *config, uint8_t *const truth[],
                                   const uint64_t sizes[], struct smh_error *error);
void smh_memory_close(struct smh_memory *memory);
/* What random replacement is drawn from; 0 until set. */
void smh_memory_set_seed(struct smh_memory *memory, uint64_t seed);
void smh_memory_set_freedom(struct smh_memory *memory, const struct smh_memory_freedom *freedom);

/* Carries out one access; its cost in cycles. After a load or a device's read
 * smh_memory_wrong_offset() tells whether it saw the truth. */
uint64_t smh_memory_access(struct smh_memory *memory, const struct smh_access *access);
/* Offset in the region of the first byte of the last load or device's read that was not the truth;
 * UINT64_MAX: all were. Only bytes that a core or a device has stored since they were last
 * forgotten can be wrong. */
uint64_t smh_memory_wrong_offset(const struct smh_memory *memory);
/* A block has been handed out or freed: what its bytes hold does not matter until they are written.
 * Moves nothing: its dirty lines stay dirty. */
void smh_memory_forget(struct smh_memory *memory, uint16_t region, uint64_t offset, uint64_t bytes);
/* What core (or, with core = SMH_MEMORY_DEVICE, a device) would read now; moves nothing. Through
 * the region's own address: what a core sees through an uncached alias is what a device sees, but
 * for its own pending stores there. */
#define SMH_MEMORY_DEVICE 255
void smh_memory_view(const struct smh_memory *memory, uint8_t core, uint16_t region,
                     uint64_t offset, uint64_t bytes, uint8_t *out);

/* Of one level and region (levels: 0 L1, 1 L2; cores together). An access that touches several
 * lines counts once, as a miss when one of them misses, as Cachegrind counts; at L2 those accesses
 * count that reach it. Uncached accesses count nowhere. */
struct smh_memory_counters {
    uint64_t loads, load_misses;
    uint64_t stores, store_misses;
    uint64_t write_backs; /* lines that were dirty here and were written behind this level */
    uint64_t fills;       /* lines fetched from behind this level */
};
void smh_memory_counters(const struct smh_memory *memory, unsigned level, uint16_t region,
                         struct smh_memory_counters *counters);

#endif
