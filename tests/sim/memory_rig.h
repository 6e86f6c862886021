/* memory_rig.h: a small memory system under test.
 *
 * Owns: a machine of two regions, their truth, and accesses in short words. As it stands:
 *
 *     L1: 64 bytes, 2 ways, lines of 16, so 2 sets; hit 1 cycle     words of 4 bytes
 *
 *     region 0, base 0x1000, 4096 bytes, write-back, 10 cycles
 *       lines a  b  c  d  e  f  ...      a, c, e fall into set 0, b, d, f into set 1
 *             0  16 32 48 64 80
 *     region 1, base 0x8000, 4096 bytes, uncached, 7 cycles
 *
 * A test changes rig.config or rig.regions before it opens the rig.
 */
#ifndef TESTS_MEMORY_RIG_H
#define TESTS_MEMORY_RIG_H

#include "../../sim/machine/memory.h"

#define RIG_BYTES 4096

struct rig {
    struct smh_machine_config config;
    struct smh_region_config regions[2];
    uint8_t truth[2][RIG_BYTES];
    struct smh_memory *memory;
    uint8_t core;    /* that accesses */
    uint16_t region; /* that is accessed */
    bool uncached;   /* through the alias */
};

void rig_default(struct rig *rig);
/* Adds a shared L2: 128 bytes, 2 ways, 4 sets, 3 cycles, write-back, allocating. */
void rig_add_l2(struct rig *rig);
void rig_open(struct rig *rig);
void rig_close(struct rig *rig);

/* Each returns the cycles. A store and a device's write put value into every byte. */
uint64_t rig_load(struct rig *rig, uint64_t offset, uint64_t bytes);
uint64_t rig_store(struct rig *rig, uint64_t offset, uint64_t bytes, uint8_t value);
uint64_t rig_do(struct rig *rig, enum smh_access_kind kind, uint64_t offset, uint64_t bytes,
                uint32_t step);
void rig_device_write(struct rig *rig, uint64_t offset, uint64_t bytes, uint8_t value);
/* Offset of the first wrong byte of the device's read. */
uint64_t rig_device_read(struct rig *rig, uint64_t offset, uint64_t bytes);
/* One byte as the core, or as a device, would read it. */
uint8_t rig_core_sees(const struct rig *rig, uint64_t offset);
uint8_t rig_device_sees(const struct rig *rig, uint64_t offset);
struct smh_memory_counters rig_counters(const struct rig *rig, unsigned level);

#endif
