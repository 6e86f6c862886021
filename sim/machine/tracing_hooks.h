/* tracing_hooks.h: what the traced core does at each of its loads and stores.
 *
 * Owns: the functions that the compiler makes it call, so that they are compiled into it. Every
 * file of the traced copy is compiled with this one before it, and twice (the Makefile): the first
 * time puts the calls in, the second puts these functions in their places.
 *
 *     load of the core's own structures   one comparison
 *     of a simulated region               the comparison, and a call of tracing.c
 *
 * Invariants: nothing else of the core changes by them.
 */
#ifndef SMH_SIM_TRACING_HOOKS_H
#define SMH_SIM_TRACING_HOOKS_H

#include <stdbool.h>
#include <stdint.h>

/* The memory whose accesses are noted. Only programs trace, no shared object does. */
struct smh_tracing_watch {
    uintptr_t base;
    uintptr_t span; /* bytes watched from base; 0: nothing is noted */
};
extern _Thread_local struct smh_tracing_watch smh_tracing_watch
    __attribute__((tls_model("local-exec")));

/* tracing.c. An access in there, which is about to be done. */
void smh_tracing_load1(const void *address);
void smh_tracing_load2(const void *address);
void smh_tracing_load4(const void *address);
void smh_tracing_load8(const void *address);
void smh_tracing_store1(const void *address);
void smh_tracing_store2(const void *address);
void smh_tracing_store4(const void *address);
void smh_tracing_store8(const void *address);

static inline __attribute__((always_inline)) bool smh_tracing_watches(const void *address)
{
    return (uintptr_t)address - smh_tracing_watch.base < smh_tracing_watch.span;
}

#ifdef SMH_TRACED /* the names are the compiler's, not ours */
#define HOOK(name, bytes, type)                                                                 \
    static inline __attribute__((always_inline, nodebug,                                        \
                                 used)) void __sanitizer_cov_##name##bytes(const type *address) \
    {                                                                                           \
        if (__builtin_expect(smh_tracing_watches(address), 0)) {                                \
            smh_tracing_##name##bytes(address);                                                 \
        }                                                                                       \
    }
HOOK(load, 1, uint8_t)
HOOK(load, 2, uint16_t)
HOOK(load, 4, uint32_t)
HOOK(load, 8, uint64_t)
HOOK(store, 1, uint8_t)
HOOK(store, 2, uint16_t)
HOOK(store, 4, uint32_t)
HOOK(store, 8, uint64_t)
#undef HOOK
#endif

#endif
