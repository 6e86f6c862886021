/* SPDX-License-Identifier: Apache-2.0 */
/* heap_private.h: what heap.c and check.c share.
 *
 * Owns: the magic number and the start bitmap of an in-band engine.
 *
 *     memory, rounded down to a step
 *     v
 *     |step|step|step|step|step|step|      one bit a step, bit i in word i / 32:
 *       0    1    0    0    1    0         1: a block in use starts at this step
 *
 * Invariants: with a start bitmap, bit i is set exactly while a block handed out by alloc starts
 * at step i; bits past the last step of memory are zero.
 */
#ifndef SMH_HEAP_PRIVATE_H
#define SMH_HEAP_PRIVATE_H

#include "bits.h"

#include <smh/engine.h>
#include <smh/heap.h>
#include <smh/port.h>

#define SMH_HEAP_MAGIC 0x68656170u

/* A build with SMH_SINGLE_ENGINE has the engine bitmap alone, and calls its functions by name:
 * what nobody calls is not linked. */
#ifdef SMH_SINGLE_ENGINE
#include "engine/bitmap_engine.h"

static const struct smh_engine smh_single_engine = SMH_BITMAP_ENGINE;

static inline const struct smh_engine *smh_engine_of(const struct smh_engine *named)
{
    (void)named;
    return &smh_single_engine;
}

static inline bool smh_has_starts(const struct smh_heap *heap)
{
    (void)heap;
    return false;
}
#else
static inline const struct smh_engine *smh_engine_of(const struct smh_engine *named)
{
    return named;
}

/* Whether there is a start bitmap. */
static inline bool smh_has_starts(const struct smh_heap *heap)
{
    return heap->starts != NULL;
}
#endif

static inline bool smh_heap_ready(const struct smh_heap *heap)
{
    return heap != NULL && heap->initialised == SMH_HEAP_MAGIC;
}

/* Whether address lies in memory, by one comparison: below memory the difference wraps. */
static inline bool smh_heap_inside(const struct smh_heap *heap, const void *address)
{
    return (uintptr_t)address - (uintptr_t)heap->memory < heap->memory_size;
}

/* Number of the step that holds an address inside memory. */
static inline size_t smh_starts_index(const struct smh_heap *heap, const void *address)
{
    return ((uintptr_t)address >> heap->step_shift) - ((uintptr_t)heap->memory >> heap->step_shift);
}

static inline bool smh_starts_aligned(const struct smh_heap *heap, const void *address)
{
    return ((uintptr_t)address & (((uintptr_t)1 << heap->step_shift) - 1)) == 0;
}

static inline bool smh_starts_test(const struct smh_heap *heap, size_t index)
{
    return ((heap->starts[index >> 5] >> (index & 31)) & 1u) != 0;
}

static inline void smh_starts_set(struct smh_heap *heap, size_t index)
{
    heap->starts[index >> 5] |= 1u << (index & 31);
}

static inline void smh_starts_clear(struct smh_heap *heap, size_t index)
{
    heap->starts[index >> 5] &= ~(1u << (index & 31));
}

/* Bits in use: steps that memory touches. */
static inline size_t smh_starts_count(const struct smh_heap *heap)
{
    return smh_starts_index(heap, heap->memory + heap->memory_size - 1) + 1;
}

/* The first set bit at or after `from`, or SIZE_MAX. Looks at whole words, so also at the bits
 * past the last step, which are zero in a sound bitmap. */
size_t smh_starts_next(const struct smh_heap *heap, size_t from);

/* The last set bit at or before `from`, or SIZE_MAX. */
size_t smh_starts_previous(const struct smh_heap *heap, size_t from);

#endif
