/* hardware.h: what the replay's operations do to caches, memories and the judge of hazards.
 *
 * Owns: turning operations, and what the traced allocator loaded and stored while it served them,
 * into accesses (machine/access.h); carrying those out in the memory system; telling them to the
 * judge; and counting cycles.
 *
 *     before the call   smh_hardware_begin      tracing starts
 *     the call          the traced core serves it: its accesses are carried out one by one, up to
 *                       the first bulk one
 *     after it          smh_hardware_allocated  the rest of them, in their order, each with memory
 *                       ..._resized, ..._freed  as it was at that moment
 *     its contents set  smh_hardware_handed_out the owner's bytes: undefined, or zeroes
 *
 * Which loads and stores of the core are the owner's: the zeroes of calloc and the copy of realloc,
 * bulk accesses inside the block. All others are by the allocator. Their order for the judge:
 *
 *     calloc            allocator's | hand-out | the zeroes, one store
 *     realloc, moves    allocator's | hand-out | copy: load, store | free | allocator's
 *     free              free | allocator's
 *
 * The metadata that initialises a heap is taken as written back and dropped before the first
 * operation, as boot code leaves it: caches start empty.
 *
 * Where several cores share a heap, the port keeps the allocator's tables coherent, as it must: a
 * line that the allocator touched on one core is written back there and dropped on both before the
 * allocator touches it on another. That costs no cycles here.
 *
 * Invariants: nothing here changes what the allocator does, nor what a block must contain.
 */
#ifndef SMH_SIM_HARDWARE_H
#define SMH_SIM_HARDWARE_H

#include "hazard/judge.h"
#include "machine/machine.h"
#include "machine/memory.h"
#include "machine/tracing.h"
#include "model/oracle.h"
#include "result.h"

struct smh_hardware_range; /* where a region lies on the host */
struct smh_hit_run;

struct smh_hardware {
    const struct smh_machine *machine;
    struct smh_result *result;
    struct smh_memory *memory;
    struct smh_judge *judge; /* the result's; NULL: hazards are not judged */
    struct smh_hardware_range *ranges;
    const struct smh_hardware_range *range; /* of the last access */
    size_t range_count;
    struct smh_hit_run *run;             /* of the core and the range of the last access */
    struct smh_traced_access *next;      /* of the operation under way: not yet carried out ... */
    const struct smh_traced_access *end; /* ... up to here */
    unsigned line_shift;
    struct smh_access access; /* of the operation under way: what all its accesses share */
    uint64_t cycles;          /* of the operation under way */
    uint64_t usable;          /* bytes of the block that was allocated or resized last */
    uint8_t call;             /* its kind */
};

/* Machine must have been opened with smh_core_traced. Fills result->cycles when with_cycles and
 * result->judge when with_hazards. -1 with *error set: no memory. */
int smh_hardware_open(struct smh_hardware *hardware, const struct smh_machine *machine,
                      struct smh_result *result, bool with_cycles, bool with_hazards,
                      struct smh_error *error);
/* Takes the counters into the result. */
void smh_hardware_finish(struct smh_hardware *hardware);
void smh_hardware_close(struct smh_hardware *hardware);

/* Before the core is asked to serve operation, number index of the run. */
void smh_hardware_begin(struct smh_hardware *hardware, const struct smh_operation *operation,
                        uint64_t index);
/* It was an allocation: live->block, or NULL. */
void smh_hardware_allocated(struct smh_hardware *hardware, const struct smh_live *live);
/* The bytes of a new block are now what the model wants them to be. Sets live->usable. */
void smh_hardware_handed_out(struct smh_hardware *hardware, const struct smh_operation *operation,
                             struct smh_live *live);
/* It was a realloc of `before` (usable set), to `block` (NULL: failed). */
void smh_hardware_resized(struct smh_hardware *hardware, const struct smh_operation *operation,
                          const struct smh_live *before, void *block);
/* The bytes that a realloc added are now what the model wants them to be. Sets live->usable. */
void smh_hardware_grown(struct smh_hardware *hardware, struct smh_live *live, uint64_t kept);
/* live is freed a few operations later; sooner: even fewer. */
void smh_hardware_foresee(const struct smh_hardware *hardware, const struct smh_live *live,
                          bool sooner);
/* Before the core is asked to free live (and before smh_hardware_begin); and after. */
void smh_hardware_freeing(struct smh_hardware *hardware, const struct smh_live *live,
                          uint64_t index);
void smh_hardware_freed(struct smh_hardware *hardware, const struct smh_live *live);
/* A buffer on the stack of operation's actor: live->block, live->region. */
void smh_hardware_stacked(struct smh_hardware *hardware, const struct smh_operation *operation,
                          struct smh_live *live, uint64_t index);
/* An access, maintenance or a transfer of [from, to) of live; a barrier has no live. What is
 * written already has its new bytes. */
void smh_hardware_access(struct smh_hardware *hardware, const struct smh_operation *operation,
                         const struct smh_live *live, uint64_t from, uint64_t to, uint64_t index);

#endif
