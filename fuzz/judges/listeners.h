/* listeners.h: what heap listeners are told, kept as a book that must agree with what is live.
 *
 * Owns: two listeners for each heap (allocations, frees), and three that try the list itself: one
 * registered twice, one of a heap that does not exist, one that unregisters itself when called.
 *
 *     alloc event (mem, bytes) -> an entry          free event (mem, bytes) -> that entry goes
 *     after each step: the entries of a heap are its live blocks with their usable sizes
 *
 * Invariants: between fuzz_listen_end and fuzz_listen_begin no listener is registered.
 */
#ifndef FUZZ_LISTENERS_H
#define FUZZ_LISTENERS_H

#include <smh/heap_listener.h>

/* Listens to these heaps (HEAP_ID_FROM_POINTER). */
void fuzz_listen_begin(const uintptr_t *heap_ids, size_t count);
/* What the book says of a block: its bytes, or 0; and how many blocks it has in all. */
size_t fuzz_listen_bytes(const void *mem);
size_t fuzz_listen_count(void);
/* Events of which the book has been told since fuzz_listen_begin. */
unsigned fuzz_listen_events(void);
void fuzz_listen_end(void);

#endif
