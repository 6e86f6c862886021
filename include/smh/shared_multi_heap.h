/* SPDX-License-Identifier: Apache-2.0 */
/* shared_multi_heap.h: the process-wide pool, under the names of Zephyr's shared_multi_heap.
 *
 * Owns: one static pool, matching *equal*, policy *add order*, engine SMH_ENGINE_DEFAULT, and the
 * attributes. Source compatible with <zephyr/multi_heap/shared_multi_heap.h>.
 * Invariants: misuse of a pointer calls smh_port_panic and changes nothing; nothing else panics.
 *
 * Attributes of your own: build with -DSMH_ATTRIBUTE_COUNT=n, n the number of attributes in all;
 * the values from SMH_REG_ATTR_NUM up to n - 1 are yours.
 */
#ifndef SMH_SHARED_MULTI_HEAP_H
#define SMH_SHARED_MULTI_HEAP_H

#include <smh/pool.h>

#ifdef __cplusplus
extern "C" {
#endif

enum shared_multi_heap_attr {
    SMH_REG_ATTR_CACHEABLE,
    SMH_REG_ATTR_NON_CACHEABLE,
    SMH_REG_ATTR_EXTERNAL,
    SMH_REG_ATTR_NUM /* how many Zephyr defines */
};

#ifndef SMH_ATTRIBUTE_COUNT
#define SMH_ATTRIBUTE_COUNT SMH_REG_ATTR_NUM
#endif
/* One past the largest attribute that is accepted. */
#define MAX_SHARED_MULTI_HEAP_ATTR SMH_ATTRIBUTE_COUNT

struct shared_multi_heap_region {
    uint32_t attr;  /* enum shared_multi_heap_attr, or the user's own */
    uintptr_t addr; /* first byte */
    size_t size;    /* bytes */
};

/* Must come first. 0; -EALREADY from the second call on. */
int shared_multi_heap_pool_init(void);
/* 0; -EINVAL: NULL, attribute out of bounds, pool not initialised, null or misaligned address,
 * wrap-around, overlap, too small; -ENOMEM: no slot (SMH_POOL_REGION_COUNT in all). */
int shared_multi_heap_add(struct shared_multi_heap_region *region, void *user_data);
/* NULL: size 0, attribute unknown or without region, no room, not initialised. */
void *shared_multi_heap_alloc(enum shared_multi_heap_attr attr, size_t bytes);
/* NULL also when align is neither 0 nor a power of two. */
void *shared_multi_heap_aligned_alloc(enum shared_multi_heap_attr attr, size_t align, size_t bytes);
/* As smh_pool_realloc. */
void *shared_multi_heap_realloc(enum shared_multi_heap_attr attr, void *ptr, size_t bytes);
/* NULL does nothing. Anything else that is no live block: smh_port_panic, nothing changed. */
void shared_multi_heap_free(void *block);

/* The pool itself, for statistics and reports. */
struct smh_pool *smh_shared_pool(void);

#ifdef __cplusplus
}
#endif

#endif
