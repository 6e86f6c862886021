/* tracing.h: what the traced core (core.h) loads and stores.
 *
 * Owns: the log of one operation's accesses to simulated memory, and the functions that the
 * compiler makes the traced core call.
 * Invariants: nothing is noted outside smh_tracing_begin() .. smh_tracing_end(); one thread at a
 * time. Accesses appear in program order.
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
/* Every load and store of the traced core since the program began, wherever it went: for tests. */
uint64_t smh_tracing_total(void);

#endif
