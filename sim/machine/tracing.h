/* tracing.h: what the traced core (core.h) loads and stores.
 *
 * Owns: the log of one operation's accesses to simulated memory, and the functions that the
 * compiler makes the traced core call.
 *
 *     begin   the core runs    end        undo          redo(0) redo(1) ...
 *       |  load, store, ...     |  the log  |  as before    |  as after each access
 *
 * The log is read after the operation, when memory already holds its last bytes. Who wants to know
 * what an access saw goes back (undo) and comes forward again (redo), one access at a time.
 *
 * Invariants: nothing is noted outside smh_tracing_begin() .. smh_tracing_end(); accesses appear
 * in program order; each thread has a log of its own.
 */
#ifndef SMH_SIM_TRACING_H
#define SMH_SIM_TRACING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct smh_traced_access {
    uintptr_t address; /* on the host */
    uint32_t bytes;
    bool store;
    bool bulk; /* by memcpy, memmove or memset: may be payload (calloc, realloc) */
};

/* Starts noting accesses in [memory, memory + bytes). */
void smh_tracing_begin(const void *memory, size_t bytes);
/* Stops; what was noted, valid until the next begin. */
size_t smh_tracing_end(const struct smh_traced_access **accesses);
/* After end: puts every byte that was stored back to what it was at begin ... */
void smh_tracing_undo(void);
/* ... and after undo, for index 0, 1, ... up to the last: stores again what that access stored
 * (nothing when it is a load). All of them must be redone before anybody else uses the memory. */
void smh_tracing_redo(size_t index);
/* Every load and store of the traced core since this thread began, wherever it went: for tests. */
uint64_t smh_tracing_total(void);

#endif
