/* core.h: the allocator under simulation, plain or traced.
 *
 * Owns: the two copies of the core that the program carries, as tables of the functions that the
 * simulator calls. The plain one is libsmh.a. The traced one is the same source, compiled with the
 * compiler's own load and store tracing (clang, -fsanitize-coverage=func,trace-loads,trace-stores)
 * and with its symbols renamed: every load and store that it makes in a simulated region, those of
 * memcpy, memmove and memset included, is noted by tracing.h.
 *
 *     src/ --gcc or clang--> libsmh.a ------------------> smh_core_plain
 *       '----clang, traced, symbols renamed --> traced.o -> smh_core_traced --> tracing.h
 *
 * Invariants: both copies place every block alike. What lives in struct smh_pool and its slots is
 * outside the regions and costs nothing. An engine loaded as a plug-in is not traced.
 */
#ifndef SMH_SIM_CORE_H
#define SMH_SIM_CORE_H

#include <smh/engine.h>
#include <smh/pool.h>

struct smh_core {
    bool traced;
    int (*pool_init)(struct smh_pool *, const struct smh_pool_config *);
    int (*pool_add)(struct smh_pool *, const struct smh_region *);
    void *(*pool_aligned_alloc)(struct smh_pool *, uint32_t attr, size_t align, size_t bytes);
    void *(*pool_calloc)(struct smh_pool *, uint32_t attr, size_t count, size_t bytes);
    void *(*pool_alloc_prefer)(struct smh_pool *, const uint32_t *attrs, size_t count, size_t align,
                               size_t bytes);
    void *(*pool_realloc)(struct smh_pool *, uint32_t attr, void *block, size_t bytes);
    void *(*pool_aligned_realloc)(struct smh_pool *, uint32_t attr, void *block, size_t align,
                                  size_t bytes);
    int (*pool_free)(struct smh_pool *, void *block);
    /* The copy's own engine or policy of that name; NULL when it has none. */
    const struct smh_engine *(*engine_find)(const char *name);
    const struct smh_policy *(*policy_find)(const char *name);
};

extern const struct smh_core smh_core_plain;
extern const struct smh_core smh_core_traced;

#endif
