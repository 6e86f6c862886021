/* concrete.h: one line of a machine, with values; for the exhaustive explorer.
 *
 * Owns: the layout of a state, and what accesses and hardware do to it. Bytes of the line that no
 * event tells apart are one unit; a unit's value is the number of the write that it comes from.
 *
 *     | memory[units] | L2 flags, [units] | core 0: flags, [units], queue | core 1: ... | given up
 * |
 *
 * Invariants: what is absent is zero, so that equal states are equal bytes.
 */
#ifndef SMH_SIM_HAZARD_CONCRETE_H
#define SMH_SIM_HAZARD_CONCRETE_H

#include "../machine/access.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SMH_CONCRETE_UNITS_MAX 32
#define SMH_CONCRETE_CORES_MAX 8
#define SMH_CONCRETE_QUEUE_MAX 12
#define SMH_CONCRETE_BYTES_MAX 2048

struct smh_concrete {
    bool l1, l1_through, l1_allocate;
    bool l2, l2_through, l2_allocate;
    bool buffer;
    unsigned cores;
    unsigned units;
    size_t bytes; /* of a state; set by smh_concrete_layout */
};

/* An event on the line. */
struct smh_concrete_event {
    uint8_t kind;    /* enum smh_access_kind; or one of the two below */
    uint8_t core;    /* as counted on this line */
    uint8_t version; /* of a write: its number, from 1 */
    bool uncached;
    bool discards;  /* maintenance: units is the range; what is lost of it is given up */
    uint32_t units; /* bit i: unit i; of what is read, written, forgotten; of maintenance: that its
                       owner discards */
};
#define SMH_CONCRETE_FORGET ((uint8_t)SMH_ACCESS_KIND_COUNT) /* units hold nothing from now on */

enum smh_concrete_move_kind {
    SMH_CONCRETE_WRITE_BACK,
    SMH_CONCRETE_DROP,
    SMH_CONCRETE_FETCH,
    SMH_CONCRETE_DRAIN
};
struct smh_concrete_move {
    uint8_t kind;
    uint8_t core; /* == cores: L2 */
};

/* Computes bytes; false: too many units or cores. */
bool smh_concrete_layout(struct smh_concrete *machine);
/* Carries out an event on state. For a read: values[i] becomes what unit i reads as. */
void smh_concrete_apply(const struct smh_concrete *machine, uint8_t *state,
                        const struct smh_concrete_event *event, uint8_t values[]);
/* The number-th thing that hardware may do, on state; false: there is none. */
bool smh_concrete_move(const struct smh_concrete *machine, uint8_t *state, unsigned number,
                       struct smh_concrete_move *move);
/* Units of which no copy holds the expected value and that were not given up. expected 0: any. */
uint32_t smh_concrete_lost(const struct smh_concrete *machine, const uint8_t *state,
                           const uint8_t expected[]);
/* Gives up what of `units` is left in clean copies at most; written again, they count again. */
void smh_concrete_give_up(const struct smh_concrete *machine, uint8_t *state, uint32_t units,
                          const uint8_t expected[]);

#endif
