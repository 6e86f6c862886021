/* SPDX-License-Identifier: Apache-2.0 */
/* multi_heap.h: several sys_heaps behind one door, under the names of Zephyr's sys_multi_heap.
 *
 * Owns: struct sys_multi_heap and its functions, source compatible with
 * <zephyr/sys/multi_heap.h>. Which heap serves a request is up to the caller's choice function;
 * whose block an address is follows from both bounds of each heap.
 *
 *     heaps[0]        heaps[1]                 heaps[2]          sorted by address
 *     |-------|       |-----------|            |----|
 *         ^ block -> heaps[0]           ^ in none -> NULL
 *
 * Invariants: nothing is allocated or locked; a struct of all zero bytes, and one without heaps,
 * gives NULL to everything; misuse of a pointer calls smh_port_panic and changes nothing.
 */
#ifndef SMH_MULTI_HEAP_H
#define SMH_MULTI_HEAP_H

#include <smh/sys_heap.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Heaps in one struct sys_multi_heap; define it before the first include for another number. */
#ifndef MAX_MULTI_HEAPS
#define MAX_MULTI_HEAPS 8
#endif

struct sys_multi_heap;

/* Chooses a heap by the opaque cfg and allocates from it; NULL when it finds none. align is 0 when
 * the caller asked for none. */
typedef void *(*sys_multi_heap_fn_t)(struct sys_multi_heap *mheap, void *cfg, size_t align,
                                     size_t size);

struct sys_multi_heap_rec {
    struct sys_heap *heap;
    void *user_data;
};

struct sys_multi_heap {
    unsigned int nheaps;
    unsigned int capacity; /* of heaps, as the file that called init has it */
    sys_multi_heap_fn_t choice;
    struct sys_multi_heap_rec heaps[MAX_MULTI_HEAPS];
};

/* sys_multi_heap_init with the number of slots spelled out. */
void smh_multi_heap_init(struct sys_multi_heap *mheap, sys_multi_heap_fn_t choice_fn,
                         unsigned int capacity);

/* No heaps yet; requests go to choice_fn. */
static inline void sys_multi_heap_init(struct sys_multi_heap *mheap, sys_multi_heap_fn_t choice_fn)
{
    smh_multi_heap_init(mheap, choice_fn, MAX_MULTI_HEAPS);
}

/* Adds an initialised heap. A heap whose init failed (heap->heap is NULL) holds no block and is not
 * added; no slot left (Zephyr asserts) is misuse: smh_port_panic. */
void sys_multi_heap_add_heap(struct sys_multi_heap *mheap, struct sys_heap *heap, void *user_data);

/* What the choice function gives; NULL without one. */
void *sys_multi_heap_alloc(struct sys_multi_heap *mheap, void *cfg, size_t bytes);
void *sys_multi_heap_aligned_alloc(struct sys_multi_heap *mheap, void *cfg, size_t align,
                                   size_t bytes);

/* The heap in whose memory the address lies, and its user data; NULL: in none. O(heaps). */
const struct sys_multi_heap_rec *sys_multi_heap_get_heap(const struct sys_multi_heap *mheap,
                                                         void *addr);

/* NULL does nothing. */
void sys_multi_heap_free(struct sys_multi_heap *mheap, void *block);

/* ptr NULL: aligned alloc; bytes 0: free, and NULL. Else first by the heap the block lives in, and
 * when that has no room, by the choice function, with a copy. NULL with the block as it was when
 * neither can. */
void *sys_multi_heap_aligned_realloc(struct sys_multi_heap *mheap, void *cfg, void *ptr,
                                     size_t align, size_t bytes);

#define sys_multi_heap_realloc(mheap, cfg, ptr, bytes) \
    sys_multi_heap_aligned_realloc(mheap, cfg, ptr, 0, bytes)

#ifdef __cplusplus
}
#endif

#endif
