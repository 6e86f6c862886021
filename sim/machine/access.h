/* access.h: what reaches a simulated memory.
 *
 * Owns: struct smh_access, one load, store, transfer of a device or maintenance operation on a
 * range of one region. The replay makes them from operations, tracing.h from what the allocator
 * itself loads and stores; the memory system (memory.h) carries them out and tells their cost, the
 * judge of hazards (../hazard/judge.h) follows what every legal schedule would make of them.
 *
 *     operation --> replay --.                .--> memory.h: data, hits, misses, cycles
 *                             >-- access ----<
 *     core under tracing ----'                '--> judge.h: which bytes can go wrong
 *
 * Invariants: a range lies inside its region; ranges are in bytes, of any alignment: who carries
 * out an access splits it into lines.
 */
#ifndef SMH_SIM_ACCESS_H
#define SMH_SIM_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

enum smh_access_kind {
    SMH_ACCESS_LOAD, /* by a core */
    SMH_ACCESS_STORE,
    SMH_ACCESS_DMA_READ, /* by a device, from memory */
    SMH_ACCESS_DMA_WRITE,
    SMH_ACCESS_CLEAN, /* write dirty lines back, keep them */
    SMH_ACCESS_INVALIDATE,
    SMH_ACCESS_FLUSH,   /* clean and invalidate */
    SMH_ACCESS_BARRIER, /* the core's stores have reached memory or its cache; no range */
    SMH_ACCESS_KIND_COUNT
};

struct smh_access {
    uint64_t operation; /* index of the operation it belongs to */
    uint64_t site;      /* where that is written: smh_operation.site; for reports */
    uint64_t offset;    /* of the first byte, in the region */
    uint64_t bytes;     /* > 0, but for a barrier */
    uint32_t step;      /* of maintenance: the line size that the driver believes in, in bytes; one
                           line is maintained for each step of the range, rounded outwards to steps.
                           0: the machine's line */
    uint16_t region;
    uint16_t actor;
    uint8_t core;      /* that loads, stores or maintains; of DMA: of no meaning */
    uint8_t kind;      /* enum smh_access_kind */
    bool by_allocator; /* a load or store of the allocator's metadata, not of a block's owner */
    bool uncached;     /* through the region's uncached alias */
};

#endif
