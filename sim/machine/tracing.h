/* tracing.h: what the traced core (core.h) loads and stores.
 *
 * Owns: the log of one operation's accesses to simulated memory, and the functions that the
 * compiler makes the traced core call.
 *
 *     begin   the core runs    end        undo          redo(0) redo(1) ...
 *       |  load, store, ...     |  the log  |  as before    |  as after each access
 *
 * The log is read after the operation, when memory already holds its last bytes. Who wants to know
 * what an access saw goes back (undo) and comes forward again (redo), one access at a time. Who
 * needs no more than one access after the other gives takers, which have each of them at its time,
 * up to the first bulk one: whether that is payload only the operation's answer tells.
 *
 *     begin   load         store     load               bulk ...      end   undo ...
 *       |     '- taker               '- taker, twice      '- the log from here on
 *
 * Invariants: nothing is noted outside smh_tracing_begin() .. smh_tracing_end(); accesses appear
 * in program order; each thread has a log of its own.
 */
#ifndef SMH_SIM_TRACING_H
#define SMH_SIM_TRACING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct smh_traced_access {
    uintptr_t address; /* on the host */
    uint32_t bytes;
    bool store;
    bool bulk; /* by memcpy, memmove or memset: may be payload (calloc, realloc) */
    /* Of a store: what it replaced (after undo: what it stored); of a bulk one, where those bytes
     * are kept. The log's own. */
    uint64_t other;
};

/* Starts noting accesses in [memory, memory + bytes). */
void smh_tracing_begin(const void *memory, size_t bytes);
/* Is given a load before it is done and a store after it, with memory as both left it. */
typedef void smh_tracing_taker(void *context, uintptr_t address);
/* Of 1, 2, 4 and 8 bytes. */
struct smh_tracing_takers {
    smh_tracing_taker *load[4], *store[4];
};
/* As smh_tracing_begin; takers get all accesses before the first bulk one, and none of them is in
 * the log. The last of the calls may come from smh_tracing_end. */
void smh_tracing_begin_taking(const void *memory, size_t bytes,
                              const struct smh_tracing_takers *takers, void *context);
/* Stops; what was noted, valid until the next begin. */
size_t smh_tracing_end(struct smh_traced_access **accesses);
/* After end: puts every byte that was stored back to what it was before the log ... */
void smh_tracing_undo(void);
/* ... and after undo, for the first access, the second, ... up to the last: stores again what that
 * access stored (nothing when it is a load). All of them must be redone before anybody else uses
 * the memory. */
static inline void smh_tracing_redo(struct smh_traced_access *access);

/* --- implementation -------------------------------------------------------------------------- */

/* Exchanges the bytes of a store with those noted for it. */
void smh_tracing_swap_bulk(struct smh_traced_access *access);

/* bytes: a constant, so that this is a load and a store. */
static inline __attribute__((always_inline)) void smh_tracing_swap_word(
    struct smh_traced_access *access, size_t bytes)
{
    uint64_t was = 0;
    memcpy(&was, (const void *)access->address, bytes);
    memcpy((void *)access->address, &access->other, bytes);
    access->other = was;
}

static inline void smh_tracing_swap(struct smh_traced_access *access)
{
    switch (access->bulk ? 0 : access->bytes) {
    case 8:
        smh_tracing_swap_word(access, 8);
        break;
    case 4:
        smh_tracing_swap_word(access, 4);
        break;
    case 2:
        smh_tracing_swap_word(access, 2);
        break;
    case 1:
        smh_tracing_swap_word(access, 1);
        break;
    default:
        smh_tracing_swap_bulk(access);
    }
}

static inline void smh_tracing_redo(struct smh_traced_access *access)
{
    if (access->store) {
        smh_tracing_swap(access);
    }
}

/* Gives back what this thread's log holds; the next begin starts a new one. */
void smh_tracing_close(void);

#endif
