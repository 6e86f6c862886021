/* SPDX-License-Identifier: Apache-2.0 */
/* hosted.c: the hooks of port.h on a POSIX host.
 *
 * Owns: locks as pthread mutexes, the panic that prints one line and aborts, and the way to
 * AddressSanitizer where the program has it.
 * Invariants: a pthread mutex of all zero bytes is an open one (true of glibc and musl; a test
 * says so), so a static lock needs no call before its first use.
 */
#include <smh/port.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

_Static_assert(sizeof(pthread_mutex_t) <= sizeof(struct smh_lock), "a mutex fits into a lock");
_Static_assert(_Alignof(pthread_mutex_t) <= _Alignof(struct smh_lock), "and is aligned in it");

/* What is weak here a program may bring itself. */

static pthread_mutex_t *mutex_of(struct smh_lock *lock)
{
    return (pthread_mutex_t *)(void *)lock->words;
}

__attribute__((weak)) void smh_port_lock_init(struct smh_lock *lock)
{
    memset(lock, 0, sizeof(*lock));
    (void)pthread_mutex_init(mutex_of(lock), NULL);
}

__attribute__((weak)) void smh_port_lock(struct smh_lock *lock)
{
    if (pthread_mutex_lock(mutex_of(lock)) != 0) {
        smh_port_panic(__func__, "the mutex cannot be taken", lock);
    }
}

__attribute__((weak)) void smh_port_unlock(struct smh_lock *lock)
{
    if (pthread_mutex_unlock(mutex_of(lock)) != 0) {
        smh_port_panic(__func__, "the mutex cannot be released", lock);
    }
}

__attribute__((weak)) void smh_port_panic(const char *function, const char *what,
                                          const void *address)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "smh: %s(%p): %s\n", function, address, what);
    abort();
}

__attribute__((weak)) void smh_port_print(const char *line)
{
    (void)puts(line);
}

void __asan_poison_memory_region(void const volatile *address, size_t bytes) __attribute__((weak));
void __asan_unpoison_memory_region(void const volatile *address, size_t bytes)
    __attribute__((weak));

void smh_port_poison(const void *memory, size_t bytes)
{
    if (__asan_poison_memory_region != NULL) {
        __asan_poison_memory_region(memory, bytes);
    }
}

void smh_port_unpoison(const void *memory, size_t bytes)
{
    if (__asan_unpoison_memory_region != NULL) {
        __asan_unpoison_memory_region(memory, bytes);
    }
}
