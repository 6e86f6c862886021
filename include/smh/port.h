/* SPDX-License-Identifier: Apache-2.0 */
/* port.h: everything the core asks of the place it runs in.
 *
 * Owns: the declarations of the hooks. One file of port/ defines them (hosted.c: pthread and
 * abort; bare.c: no locks and an endless loop, all weak); a firmware may bring its own.
 * Invariants: the core calls nothing outside this file but memcpy, memmove, memset and memcmp,
 * and takes locks nowhere but through it (one per region and one for adding, all taken in
 * pool_private.h; shared_multi_heap.c takes that of its pool to initialise it once).
 */
#ifndef SMH_PORT_H
#define SMH_PORT_H

#include <stddef.h>
#include <stdint.h>

#if defined(__STDC_HOSTED__) && __STDC_HOSTED__
#include <errno.h>
#include <string.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

#if !defined(__STDC_HOSTED__) || !__STDC_HOSTED__
void *memcpy(void *__restrict to, const void *__restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *left, const void *right, size_t bytes);
#endif

/* The values of Linux and of Zephyr's minimal libc, for where there is no errno.h. */
#ifndef ENOENT
#define ENOENT 2
#endif
#ifndef ENOMEM
#define ENOMEM 12
#endif
#ifndef EFAULT
#define EFAULT 14
#endif
#ifndef EEXIST
#define EEXIST 17
#endif
#ifndef EINVAL
#define EINVAL 22
#endif
#ifndef ENOSPC
#define ENOSPC 28
#endif
#ifndef EOVERFLOW
#define EOVERFLOW 75
#endif
#ifndef EALREADY
#define EALREADY 114
#endif

/* Room for one lock of the port: a pthread mutex on a host, a saved interrupt mask on bare metal.
 * The port checks at compile time that its own type fits. All zero bytes is a valid, open lock
 * (so that the process-wide pool needs no constructor). */
#define SMH_LOCK_WORDS 8
struct smh_lock {
    uintptr_t words[SMH_LOCK_WORDS];
};

/* Prepares a lock; its bytes may be anything before. Never fails. */
void smh_port_lock_init(struct smh_lock *lock);
/* Takes and releases a lock. Not recursive. The core holds at most one at a time and never calls
 * out (hooks, listeners, memcpy of a payload) while it holds one. */
void smh_port_lock(struct smh_lock *lock);
void smh_port_unlock(struct smh_lock *lock);

/* Misuse through a function under Zephyr's names, which has no return value to report it by:
 * `what` names the misuse in words ("free of an address in free space"), `function` the function
 * called, `address` the pointer given. The hosted port prints one line and aborts; whatever
 * replaces it may return, and then the call changes nothing. The core holds no lock then. The
 * hosted port's own mutexes report here, too, that they cannot be taken or released (a lock that is
 * no lock: memory was overwritten); of that no call comes back as it should. */
void smh_port_panic(const char *function, const char *what, const void *address);

/* Writes one line, given without its end, to where a person reads (sys_heap_print_info). The
 * hosted port writes to standard output, the bare one nowhere. */
void smh_port_print(const char *line);

/* Tell a memory checker that [memory, memory + bytes) must not (may) be touched by the user. The
 * hosted port speaks to AddressSanitizer where the program has it, else does nothing. */
void smh_port_poison(const void *memory, size_t bytes);
void smh_port_unpoison(const void *memory, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
