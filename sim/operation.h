/* operation.h: the one thing that flows through the house.
 *
 * Owns: struct smh_operation, and struct smh_source, anything that yields operations in order of
 * time: a trace, a generator, a list in a scenario, the merged actors of a scenario, a fuzz input.
 * Invariants: between the operation that fills a slot and the one that frees it, no other
 * operation of the same actor fills that slot; slots are dense (one that was freed is reused before
 * a new one is taken), so that memory follows live blocks, not the length of the stream. A source
 * yields only operations that are well formed: frees and accesses name a filled slot of their
 * actor. (Whether the allocation succeeded is known only to the replay, which skips what hangs on
 * a failed one.) An allocation of a trace may have bytes 0, as recorded programs ask for: its slot
 * counts as filled, and the replay counts it apart, not as a failure.
 */
#ifndef SMH_SIM_OPERATION_H
#define SMH_SIM_OPERATION_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum smh_operation_kind {
    SMH_OPERATION_ALLOC,    /* slot, attr or prefer, align, bytes */
    SMH_OPERATION_CALLOC,   /* the same, zeroed */
    SMH_OPERATION_REALLOC,  /* slot (filled), attr, align, bytes; bytes 0 frees the slot */
    SMH_OPERATION_FREE,     /* slot */
    SMH_OPERATION_CPU_READ, /* slot, offset, bytes (0: to the end of the block) */
    SMH_OPERATION_CPU_WRITE,
    SMH_OPERATION_DMA_READ,  /* a device reads memory */
    SMH_OPERATION_DMA_WRITE, /* a device writes memory */
    SMH_OPERATION_CLEAN,
    SMH_OPERATION_INVALIDATE,
    SMH_OPERATION_FLUSH,   /* clean and invalidate */
    SMH_OPERATION_BARRIER, /* the core's stores have reached memory or its cache; no slot */
    SMH_OPERATION_STACK,   /* slot, bytes, align, offset (in the region of the actor's stack): a
                              buffer on the actor's stack; `free` leaves it */
    SMH_OPERATION_KIND_COUNT
};

/* "alloc", "calloc", "realloc", "free", "cpu_read", ... as written in a scenario. */
const char *smh_operation_name(enum smh_operation_kind kind);

/* Attributes to try in order (smh_pool_alloc_prefer). Owned by the scenario. */
struct smh_attr_list {
    const uint32_t *attrs;
    size_t count;
};

struct smh_operation {
    uint64_t time_ns; /* simulated; never before the operation that came before it */
    uint64_t bytes;
    uint64_t offset; /* of an access, within the block; of a stack buffer, in its region */
    const struct smh_attr_list *prefer; /* NULL: attr alone */
    uint64_t site; /* where it was written: line of the trace, index of the list, number of the
                      generated operation */
    uint32_t slot;
    uint32_t attr;
    uint32_t align; /* power of two, or 0 */
    uint16_t actor; /* index in the scenario */
    uint8_t kind;   /* enum smh_operation_kind */
    uint8_t core;
    bool uncached; /* an access through the region's uncached alias */
};

/* A stream of operations. */
struct smh_source {
    /* Fills operations[0..capacity) and returns how many; 0 at the end, -1 with *error set when
     * the input is bad (what was returned before stays valid). */
    long (*next)(struct smh_source *source, struct smh_operation *operations, size_t capacity,
                 struct smh_error *error);
    void (*close)(struct smh_source *source); /* frees the source; may be called at any point */
};

#endif
