/* oracle_rig.h: an oracle that is shown what it must report.
 *
 *     region 0 "ram"    5000 bytes, attribute 1
 *     region 1 "kept"   5000 bytes, attribute 2, all of it a reserve
 *
 * Owns: a machine and an oracle over it, which no allocator drives: blocks are entered by hand.
 */
#ifndef SMH_TESTS_ORACLE_RIG_H
#define SMH_TESTS_ORACLE_RIG_H

#include "../../sim/model/oracle.h"

struct oracle_rig {
    struct smh_scenario *scenario; /* of the machine; a test may change it */
    struct smh_machine machine;
    struct smh_result result;
    struct smh_oracle oracle;
};

extern struct oracle_rig rig;
/* 24 bytes of attribute 1. */
extern const struct smh_operation rig_ask;

void rig_open_with(enum smh_checks checks, const struct smh_engine *engine);
/* Every check, first fit. */
void rig_open_all(void);
void rig_close_all(void);
struct smh_heap *rig_heap_of(size_t region);
/* Of region 0, serial 7; the oracle does not know it yet. */
struct smh_live rig_live_block(size_t bytes);
/* The same, and the oracle has nothing to say. */
struct smh_live rig_enter(size_t bytes);
/* Of a block in region 0. */
unsigned long rig_offset_of(const void *block);
/* The test fails if anything was reported. */
void rig_nothing(void);
/* The test fails unless the last violation is this one, and it is the count'th. */
void rig_found(uint64_t count, const char *name, uint64_t operation_index, const char *message);

#endif
