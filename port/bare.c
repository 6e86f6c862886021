/* SPDX-License-Identifier: Apache-2.0 */
/* bare.c: the hooks of port.h with nothing beneath: no libc, no kernel.
 *
 * Owns: the weakest answers that are right for one thread without interrupts that allocate: locks
 * that do nothing, a panic that stops. Every hook is weak: a firmware defines its own with the
 * same name, say a lock that masks interrupts and keeps the old mask in lock->words[0], or a panic
 * that writes to its console and resets.
 * Invariants: calls nothing.
 */
#include <smh/port.h>

#define REPLACEABLE __attribute__((weak))

REPLACEABLE void smh_port_lock_init(struct smh_lock *lock)
{
    for (size_t i = 0; i < SMH_LOCK_WORDS; i++) {
        lock->words[i] = 0;
    }
}

REPLACEABLE void smh_port_lock(struct smh_lock *lock)
{
    (void)lock;
}

REPLACEABLE void smh_port_unlock(struct smh_lock *lock)
{
    (void)lock;
}

REPLACEABLE void smh_port_panic(const char *function, const char *what, const void *address)
{
    (void)function;
    (void)what;
    (void)address;
    for (;;) {
        __asm__ volatile("" ::: "memory"); /* a loop that may not be optimised away */
    }
}

REPLACEABLE void smh_port_print(const char *line)
{
    (void)line;
}

REPLACEABLE void smh_port_poison(const void *memory, size_t bytes)
{
    (void)memory;
    (void)bytes;
}

REPLACEABLE void smh_port_unpoison(const void *memory, size_t bytes)
{
    (void)memory;
    (void)bytes;
}
