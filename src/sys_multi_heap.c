/* SPDX-License-Identifier: Apache-2.0 */
/* sys_multi_heap.c: Zephyr's sys_multi_heap: several heaps, one door.
 *
 * Owns: the table of heaps, sorted by address, and finding the heap of a block by both bounds.
 * Invariants: nheaps <= capacity; heaps[0 .. nheaps) are initialised heaps by ascending address.
 */
#include "heap_private.h"

#include <smh/multi_heap.h>

void smh_multi_heap_init(struct sys_multi_heap *mheap, sys_multi_heap_fn_t choice_fn,
                         unsigned int capacity)
{
    if (mheap != NULL) {
        mheap->nheaps = 0;
        mheap->capacity = capacity;
        mheap->choice = choice_fn;
    }
}

void sys_multi_heap_add_heap(struct sys_multi_heap *mheap, struct sys_heap *heap, void *user_data)
{
    unsigned int place;

    if (mheap == NULL || heap == NULL || heap->heap == NULL) {
        return;
    }
    if (mheap->nheaps >= mheap->capacity) {
        smh_port_panic(__func__, "no slot is left, or the multi heap is not initialised", heap);
        return;
    }
    place = mheap->nheaps;
    while (place > 0 && (uintptr_t)mheap->heaps[place - 1].heap->heap > (uintptr_t)heap->heap) {
        mheap->heaps[place] = mheap->heaps[place - 1];
        place--;
    }
    mheap->heaps[place].heap = heap;
    mheap->heaps[place].user_data = user_data;
    mheap->nheaps++;
}

void *sys_multi_heap_alloc(struct sys_multi_heap *mheap, void *cfg, size_t bytes)
{
    return sys_multi_heap_aligned_alloc(mheap, cfg, 0, bytes);
}

void *sys_multi_heap_aligned_alloc(struct sys_multi_heap *mheap, void *cfg, size_t align,
                                   size_t bytes)
{
    if (mheap == NULL || mheap->choice == NULL) {
        return NULL;
    }
    return mheap->choice(mheap, cfg, align, bytes);
}

const struct sys_multi_heap_rec *sys_multi_heap_get_heap(const struct sys_multi_heap *mheap,
                                                         void *addr)
{
    if (mheap == NULL) {
        return NULL;
    }
    for (unsigned int i = 0; i < mheap->nheaps; i++) {
        if (smh_heap_contains(&mheap->heaps[i].heap->smh, addr)) {
            return &mheap->heaps[i];
        }
    }
    return NULL;
}

/* The heap of a block that must be in one; NULL, and misuse, when it is in none. */
static struct sys_heap *heap_of(const char *function, const struct sys_multi_heap *mheap,
                                void *block)
{
    const struct sys_multi_heap_rec *record = sys_multi_heap_get_heap(mheap, block);

    if (record == NULL) {
        smh_port_panic(function, "the address lies in no heap", block);
        return NULL;
    }
    return record->heap;
}

void sys_multi_heap_free(struct sys_multi_heap *mheap, void *block)
{
    struct sys_heap *heap;

    if (block == NULL) {
        return;
    }
    heap = heap_of(__func__, mheap, block);
    if (heap != NULL) {
        sys_heap_free(heap, block);
    }
}

void *sys_multi_heap_aligned_realloc(struct sys_multi_heap *mheap, void *cfg, void *ptr,
                                     size_t align, size_t bytes)
{
    struct sys_heap *heap;
    void *moved;
    size_t usable;

    if (ptr == NULL) {
        return sys_multi_heap_aligned_alloc(mheap, cfg, align, bytes);
    }
    if (bytes == 0) {
        sys_multi_heap_free(mheap, ptr);
        return NULL;
    }
    heap = heap_of(__func__, mheap, ptr);
    if (heap == NULL) {
        return NULL;
    }
    moved = sys_heap_aligned_realloc(heap, ptr, align, bytes);
    usable = moved == NULL ? sys_heap_usable_size(heap, ptr) : 0;
    if (usable == 0) {
        return moved; /* served, or no block and reported already */
    }
    moved = sys_multi_heap_aligned_alloc(mheap, cfg, align, bytes);
    if (moved != NULL) {
        memcpy(moved, ptr, usable < bytes ? usable : bytes);
        sys_heap_free(heap, ptr);
    }
    return moved;
}
