/* world_private.h: what the parts of world.h share.
 *
 * Owns: the pool's slots, the blocks that are live, and what the engines were asked.
 * Invariants: live blocks are sorted by region and address.
 */
#ifndef TESTS_EXHAUSTIVE_WORLD_PRIVATE_H
#define TESTS_EXHAUSTIVE_WORLD_PRIVATE_H

#include "../../sim/operation.h"
#include "world.h"

#define WORLD_REGION_BYTES_MAX 1024u
#define WORLD_WIPED            0xA5

/* In the step under way. */
struct world_calls {
    unsigned refusing;               /* bit i: region i refuses */
    unsigned asked;                  /* bit i: region i was asked */
    unsigned refused[WORLD_REGIONS]; /* requests answered with NULL */
    unsigned served[WORLD_REGIONS];
};

extern struct smh_engine world_engine;
extern struct world_calls world_calls;
extern struct world_config world_config;
extern struct smh_pool_slot world_slots[WORLD_REGIONS];
extern size_t world_live_count;
extern const uint32_t world_attrs[WORLD_REGIONS];

/* Makes world_engine behave as this engine, but for what it is told. */
void world_wrap_engine(const struct smh_engine *engine);
/* Calls `part` for each range of memory that belongs to the state. */
typedef void (*world_part)(void *memory, size_t bytes, uint64_t **cursor);
void world_for_each_part(world_part part, uint64_t **cursor);
uint8_t *world_memory_of(size_t region);
void *world_block(size_t live);
struct smh_operation world_operation_of(const struct world_step *step);

#endif
