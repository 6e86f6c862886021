/* drivers.h: random drivers that do everything right.
 *
 * Owns: a machine drawn from a seed, and the stream of hand-outs, accesses, maintenance and frees
 * of drivers on it that make no mistake: what devices see lies on lines of its own, is cleaned
 * before a device reads and invalidated after it wrote; blocks are handed from core to core by a
 * flush and an invalidation; views are changed by a flush; what is freed has been written back
 * where another core may get it. The judge must stay silent. With one maintenance operation left
 * out it must tell exactly when that matters.
 *
 *     small   |hdr|block |hdr|block|hdr|...   of core 0 alone, side by side with their headers
 *     rows    |hdr     ...|block, whole lines  |hdr     ...|block ...    for devices and all cores
 *     tables  bits of an allocator that keeps them elsewhere
 *
 * Invariants: depends on the seed alone.
 */
#ifndef SMH_SIM_HAZARD_DRIVERS_H
#define SMH_SIM_HAZARD_DRIVERS_H

#include "../random.h"
#include "judge.h"

#define SMH_DRIVERS_ROWS  24 /* blocks for devices */
#define SMH_DRIVERS_SMALL 32 /* blocks of core 0 */
#define SMH_DRIVERS_NEVER UINT64_MAX

struct smh_driver_block {
    uint64_t offset, bytes;
    uint8_t core; /* that has it */
    bool live;
    bool written; /* holds something */
};

struct smh_drivers {
    struct smh_scenario scenario;
    struct smh_region_config region;
    uint64_t size; /* of the region */
    struct smh_random random;
    struct smh_judge *judge;
    struct smh_driver_block rows[SMH_DRIVERS_ROWS];
    struct smh_driver_block small[SMH_DRIVERS_SMALL];
    uint64_t row_bytes;
    uint64_t tables;      /* offset of the tables */
    uint64_t operations;  /* told so far */
    uint64_t maintenance; /* of them, maintenance and barriers */
    uint64_t omit;        /* number of the one to leave out; SMH_DRIVERS_NEVER: none */
};

/* Draws the machine and opens a judge of it. */
void smh_drivers_open(struct smh_drivers *drivers, uint64_t seed);
void smh_drivers_close(struct smh_drivers *drivers);
/* Goes on until `operations` have been told since the start, or a few more. */
void smh_drivers_run(struct smh_drivers *drivers, uint64_t operations);

#endif
