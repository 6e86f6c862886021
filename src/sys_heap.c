/* SPDX-License-Identifier: Apache-2.0 */
/* sys_heap.c: Zephyr's sys_heap functions on the engine `zephyr`.
 *
 * Owns: judging pointers, telling listeners, and the order of Zephyr's steps in a realloc.
 *
 *     free:     judge -> listeners -> engine
 *     realloc:  judge -> engine in place -> listeners (alloc, then free)
 *                        '-- else alloc, copy, free, each with its own listeners
 *
 * Invariants: a pointer that is judged no block goes to smh_port_panic and nowhere else. No start
 * bitmap: an address need not be a multiple of the step here, since a rewind may shift it.
 */
#include "engine/zephyr_layout.h"
#include "heap_private.h"

#include <smh/heap_listener.h>
#include <smh/sys_heap.h>

static bool ready(const struct sys_heap *heap)
{
    return heap != NULL && heap->heap != NULL && smh_heap_ready(&heap->smh);
}

/* Why mem is no block of this heap, in words, or NULL when it is one. */
static const char *refusal(const struct sys_heap *heap, const void *mem)
{
    if (!ready(heap)) {
        return "the heap is not initialised";
    }
    if (!smh_heap_inside(&heap->smh, mem)) {
        return "the address lies outside the heap";
    }
    switch (smh_zephyr_verdict(&heap->smh, mem)) {
    case 0:
        return NULL;
    case -EALREADY:
        return "the address lies in free space (freed before?)";
    default:
        return "the address is not the start of a block, or the heap is damaged there";
    }
}

static bool refused(const char *function, const struct sys_heap *heap, const void *mem)
{
    const char *what = refusal(heap, mem);

    if (what != NULL) {
        smh_port_panic(function, what, mem);
    }
    return what != NULL;
}

/* Tells the listeners of a new block and hands it on. */
static void *announce(struct sys_heap *heap, void *mem)
{
    if (mem != NULL) {
        heap_listener_notify_alloc(HEAP_ID_FROM_POINTER(heap), mem,
                                   smh_zephyr_usable_size(&heap->smh, mem));
    } else {
        heap->smh.failed_requests++;
    }
    return mem;
}

/* Gives back what has been judged a block. */
static void give_back(struct sys_heap *heap, void *mem)
{
    heap_listener_notify_free(HEAP_ID_FROM_POINTER(heap), mem,
                              smh_zephyr_usable_size(&heap->smh, mem));
    smh_zephyr_free(&heap->smh, mem);
}

/* In place, with the listeners told when the size has changed. */
static bool resize(struct sys_heap *heap, void *mem, size_t bytes)
{
    size_t before = smh_zephyr_usable_size(&heap->smh, mem);
    size_t after;

    if (!smh_zephyr_resize(&heap->smh, mem, bytes)) {
        return false;
    }
    after = smh_zephyr_usable_size(&heap->smh, mem);
    if (after != before) {
        heap_listener_notify_alloc(HEAP_ID_FROM_POINTER(heap), mem, after);
        heap_listener_notify_free(HEAP_ID_FROM_POINTER(heap), mem, before);
    }
    return true;
}

void smh_sys_heap_init(struct sys_heap *heap, void *mem, size_t bytes, bool runtime_statistics)
{
    struct smh_heap_config config;

    if (heap == NULL) {
        return;
    }
    memset(&config, 0, sizeof(config));
    config.memory = mem;
    config.memory_size = bytes;
    config.engine = runtime_statistics ? &smh_engine_zephyr_stats : &smh_engine_zephyr;
    heap->heap = NULL;
    if (smh_heap_init(&heap->smh, &config) == 0) {
        heap->heap = (struct z_heap *)heap->smh.state[ZEPHYR_STATE_BASE];
    }
}

void *sys_heap_alloc(struct sys_heap *heap, size_t bytes)
{
    return sys_heap_aligned_alloc(heap, 0, bytes);
}

void *sys_heap_noalign_alloc(struct sys_heap *heap, size_t align, size_t bytes)
{
    (void)align;
    return sys_heap_aligned_alloc(heap, 0, bytes);
}

void *sys_heap_aligned_alloc(struct sys_heap *heap, size_t align, size_t bytes)
{
    if (!ready(heap) || bytes == 0) {
        return NULL;
    }
    return announce(heap, smh_zephyr_aligned_alloc(&heap->smh, align, bytes));
}

void sys_heap_free(struct sys_heap *heap, void *mem)
{
    if (mem != NULL && !refused(__func__, heap, mem)) {
        give_back(heap, mem);
    }
}

static void *realloc_by(const char *function, struct sys_heap *heap, void *ptr, size_t align,
                        size_t bytes)
{
    void *moved;
    size_t usable;

    if (ptr == NULL) {
        return sys_heap_aligned_alloc(heap, align, bytes);
    }
    if (refused(function, heap, ptr)) {
        return NULL;
    }
    if (bytes == 0) {
        give_back(heap, ptr);
        return NULL;
    }
    if (align != 0 && !smh_is_power_of_two(align)) {
        return NULL;
    }
    if ((align == 0 || ((uintptr_t)ptr & (align - 1)) == 0) && resize(heap, ptr, bytes)) {
        return ptr;
    }
    moved = sys_heap_aligned_alloc(heap, align, bytes);
    if (moved != NULL) {
        usable = smh_zephyr_usable_size(&heap->smh, ptr);
        memcpy(moved, ptr, usable < bytes ? usable : bytes);
        give_back(heap, ptr);
    }
    return moved;
}

void *sys_heap_realloc(struct sys_heap *heap, void *ptr, size_t bytes)
{
    return realloc_by(__func__, heap, ptr, 0, bytes);
}

void *sys_heap_aligned_realloc(struct sys_heap *heap, void *ptr, size_t align, size_t bytes)
{
    return realloc_by(__func__, heap, ptr, align, bytes);
}

size_t sys_heap_usable_size(struct sys_heap *heap, void *mem)
{
    return refusal(heap, mem) != NULL ? 0 : smh_zephyr_usable_size(&heap->smh, mem);
}

bool sys_heap_validate(struct sys_heap *heap)
{
    return ready(heap) && smh_heap_check(&heap->smh, NULL) == 0;
}

int sys_heap_runtime_stats_get(struct sys_heap *heap, struct sys_memory_stats *stats)
{
    struct smh_zephyr_counters counters;

    if (!ready(heap) || stats == NULL) {
        return -EINVAL;
    }
    counters = smh_zephyr_counters(&heap->smh);
    stats->free_bytes = counters.free_bytes;
    stats->allocated_bytes = counters.allocated_bytes;
    stats->max_allocated_bytes = counters.peak_bytes;
    return 0;
}

int sys_heap_runtime_stats_reset_max(struct sys_heap *heap)
{
    if (!ready(heap)) {
        return -EINVAL;
    }
    smh_zephyr_reset_peak(&heap->smh);
    return 0;
}

int sys_heap_array_save(struct sys_heap *heap)
{
    (void)heap;
    return -EINVAL;
}

int sys_heap_array_get(struct sys_heap ***heap)
{
    if (heap == NULL) {
        return -EINVAL;
    }
    *heap = NULL;
    return 0;
}
