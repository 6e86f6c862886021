/* hazard_case.h: a machine and a judge of hazards for a test, and accesses in few words.
 *
 * Owns: a scenario of one cached region, "ram", at 0x20000000, of 4 KB, with lines of 32 bytes and
 * one core, that tests change before hazard_open(); and the count of operations.
 */
#ifndef TESTS_SIM_HAZARD_CASE_H
#define TESTS_SIM_HAZARD_CASE_H

#include "../../sim/hazard/judge.h"

#define HAZARD_REGION_BYTES 4096

/* The kinds of access, in the words of the tests. */
#define LOAD       SMH_ACCESS_LOAD
#define STORE      SMH_ACCESS_STORE
#define DMA_READ   SMH_ACCESS_DMA_READ
#define DMA_WRITE  SMH_ACCESS_DMA_WRITE
#define CLEAN      SMH_ACCESS_CLEAN
#define INVALIDATE SMH_ACCESS_INVALIDATE
#define FLUSH      SMH_ACCESS_FLUSH
#define BARRIER    SMH_ACCESS_BARRIER

struct hazard_case {
    struct smh_scenario scenario;
    struct smh_region_config regions[2];
    struct smh_actor_config actors[2];
    uint64_t sizes[2];
    struct smh_judge *judge;
    uint64_t operation;
    uint32_t step;
    uint8_t core;
    bool uncached;
    bool by_allocator;
};

/* The machine as described; not open yet. */
struct hazard_case hazard_case(void);
void hazard_open(struct hazard_case *given);
void hazard_close(struct hazard_case *given);
/* Block `slot` of actor 0 owns [offset, offset + bytes) from now on. */
void hazard_block(struct hazard_case *given, uint32_t slot, uint64_t offset, uint64_t bytes,
                  uint32_t align);
void hazard_stack(struct hazard_case *given, uint32_t slot, uint64_t offset, uint64_t bytes);
void hazard_free(struct hazard_case *given, uint64_t offset);
void hazard_access(struct hazard_case *given, enum smh_access_kind kind, uint64_t offset,
                   uint64_t bytes);
/* The hazards so far as text: "H1 0 1; H2 0 m" (class, slots of victim and culprit; m metadata,
 * n nobody; one when they are the same); "" for none. Valid until the next call. */
const char *hazard_found(const struct hazard_case *given);
/* The sequence of a hazard as text: "store clean evict dma_write read fill ...". */
const char *hazard_sequence(const struct hazard_case *given, size_t index);

#endif
