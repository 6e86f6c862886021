/* live_slots.h: the blocks of a replay, by actor and slot.
 *
 * Owns: a table of struct smh_live for each actor.
 *
 *     actor 0    | live | live | empty | live |     indexed by slot; slots are dense
 *     actor 1    | empty | live |                   (operation.h), so a table that doubles serves
 *
 * Invariants: what was never filled is all zero, so its block is NULL; memory follows the most
 * slots that an actor ever had filled at once.
 */
#ifndef SMH_SIM_LIVE_SLOTS_H
#define SMH_SIM_LIVE_SLOTS_H

#include "model/oracle.h"
#include "operation.h"

struct smh_actor_slots {
    struct smh_live *live;
    size_t capacity;
};

struct smh_live_slots {
    struct smh_actor_slots *actors;
    size_t actor_count;
};

void smh_live_slots_open(struct smh_live_slots *slots, size_t actor_count);
/* Frees the tables, and the versions that blocks still have. slots may be all zero. */
void smh_live_slots_close(struct smh_live_slots *slots);
/* The slot of an operation, of an actor below actor_count; its table grows where it must. Moves the
 * actor's other slots. */
struct smh_live *smh_live_slots_grow(struct smh_live_slots *slots,
                                     const struct smh_operation *operation);

/* The slot of an operation, NULL when the table does not reach so far. */
static inline struct smh_live *smh_live_slots_find(const struct smh_live_slots *slots,
                                                   const struct smh_operation *operation)
{
    return operation->actor < slots->actor_count &&
                   operation->slot < slots->actors[operation->actor].capacity
               ? &slots->actors[operation->actor].live[operation->slot]
               : NULL;
}

#endif
