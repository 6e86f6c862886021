/* SPDX-License-Identifier: Apache-2.0 */
/* sys_heap.h: one heap under the names of Zephyr's sys_heap.
 *
 * Owns: struct sys_heap and its functions, source compatible with <zephyr/sys/sys_heap.h>, on the
 * engine `zephyr` laid out as on this machine: the same calls put the same blocks at the same
 * offsets as Zephyr's own code compiled here.
 *
 *     struct sys_heap (the caller's)        memory (the caller's)
 *     | heap | init_mem | init_bytes | smh |   | chunk 0 | chunk | chunk | ... |
 *         '-----------------------------------> here, or NULL while unusable
 *
 * Invariants: nothing is allocated, nothing is locked (the owner serialises, as in Zephyr);
 * misuse of a pointer calls smh_port_panic and changes nothing; a heap that is all zero bytes, or
 * whose init failed, gives NULL for every request. Pointers are judged in constant time by what
 * lies around them; src/engine/zephyr.c says what that can miss.
 *
 * Runtime statistics take room in the heap's header in Zephyr, so CONFIG_SYS_HEAP_RUNTIME_STATS of
 * the file that calls sys_heap_init decides on that room. The figures are there either way.
 */
#ifndef SMH_SYS_HEAP_H
#define SMH_SYS_HEAP_H

#include <smh/heap.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Under the guard of Zephyr's own <zephyr/sys/mem_stats.h>, so that either may come first. */
#ifndef ZEPHYR_INCLUDE_SYS_MEM_STATS_H_
#define ZEPHYR_INCLUDE_SYS_MEM_STATS_H_
struct sys_memory_stats {
    size_t free_bytes;          /* usable in the free chunks */
    size_t allocated_bytes;     /* usable in the blocks */
    size_t max_allocated_bytes; /* the most allocated_bytes has been */
};
#endif

struct z_heap; /* never defined: the start of the heap's memory */

struct sys_heap {
    struct z_heap *heap; /* NULL: not initialised, or init refused the memory */
    void *init_mem;      /* the caller's, as in Zephyr; not read */
    size_t init_bytes;
    struct smh_heap smh;
};

struct z_heap_stress_result {
    uint32_t total_allocs;
    uint32_t successful_allocs;
    uint32_t total_frees;
    uint64_t accumulated_in_use_bytes;
};

/* sys_heap_init with the layout spelled out. */
void smh_sys_heap_init(struct sys_heap *heap, void *mem, size_t bytes, bool runtime_statistics);

/* Makes [mem, mem + bytes) a heap. Where Zephyr asserts (too small, too large, NULL), heap->heap is
 * NULL afterwards. */
static inline void sys_heap_init(struct sys_heap *heap, void *mem, size_t bytes)
{
#ifdef CONFIG_SYS_HEAP_RUNTIME_STATS
    smh_sys_heap_init(heap, mem, bytes, true);
#else
    smh_sys_heap_init(heap, mem, bytes, false);
#endif
}

/* A block, aligned to sizeof(void *); NULL: bytes is 0 or there is no room. */
void *sys_heap_alloc(struct sys_heap *heap, size_t bytes);
/* align: 0, a power of two, or a power of two plus one smaller one, the rewind: 0x28 is 8 bytes
 * before a multiple of 32. NULL for anything else. */
void *sys_heap_aligned_alloc(struct sys_heap *heap, size_t align, size_t bytes);
/* sys_heap_alloc with the signature of sys_heap_aligned_alloc; align is not looked at. */
void *sys_heap_noalign_alloc(struct sys_heap *heap, size_t align, size_t bytes);
/* NULL does nothing. */
void sys_heap_free(struct sys_heap *heap, void *mem);
/* ptr NULL: alloc; bytes 0: free, and NULL; else in place where possible, or moved; NULL with the
 * block as it was when there is no room. */
void *sys_heap_realloc(struct sys_heap *heap, void *ptr, size_t bytes);
/* The same; the result is a multiple of align, 0 or a power of two (else NULL). */
void *sys_heap_aligned_realloc(struct sys_heap *heap, void *ptr, size_t align, size_t bytes);
/* Bytes the owner may use; 0 for what is no block. */
size_t sys_heap_usable_size(struct sys_heap *heap, void *mem);

/* Whether the heap is sound. Changes nothing (Zephyr's marks chunks on the way). */
bool sys_heap_validate(struct sys_heap *heap);

/* 0; -EINVAL: NULL, or the heap is not initialised. */
int sys_heap_runtime_stats_get(struct sys_heap *heap, struct sys_memory_stats *stats);
int sys_heap_runtime_stats_reset_max(struct sys_heap *heap);

/* Drives alloc_fn and free_fn op_count times at random (power-law sizes), so that about
 * target_percent of total_bytes are in use, with scratch_mem as the table of blocks. The same
 * sequence at every call, Zephyr's at its first. */
void sys_heap_stress(void *(*alloc_fn)(void *arg, size_t bytes),
                     void (*free_fn)(void *arg, void *p), void *arg, size_t total_bytes,
                     uint32_t op_count, void *scratch_mem, size_t scratch_bytes, int target_percent,
                     struct z_heap_stress_result *result);

/* Writes buckets, chunks (when asked) and totals by smh_port_print, a line a call. */
void sys_heap_print_info(struct sys_heap *heap, bool dump_chunks);

/* Zephyr's table of all heaps has CONFIG_SYS_HEAP_ARRAY_SIZE entries, 0 by default, and the core
 * keeps none: save gives -EINVAL ("full"), get gives 0 and a NULL table; -EINVAL for NULL. */
int sys_heap_array_save(struct sys_heap *heap);
int sys_heap_array_get(struct sys_heap ***heap);

/* Sizes of memory, aligned to 8, as constant expressions: the least that makes a heap, and the
 * least from which one block of `bytes` bytes can be had. They follow from the layout in
 * src/engine/zephyr_layout.h: chunk 0 has a head, then 4 bytes a bucket, and bucket k > 0 exists
 * when the heap has 2^k + smallest - 1 units, with the k buckets below it counted in. */
#ifdef CONFIG_SYS_HEAP_RUNTIME_STATS
#define SMH_Z_HEAP_HEAD_BYTES (16u + 3u * sizeof(size_t))
#else
#define SMH_Z_HEAP_HEAD_BYTES 16u
#endif
#define SMH_Z_HEAP_CHUNK0_UNITS(buckets) ((SMH_Z_HEAP_HEAD_BYTES + 4u * (buckets) + 7u) / 8u)
#define SMH_Z_HEAP_HAS(k, units, smallest) \
    (SMH_Z_HEAP_CHUNK0_UNITS((size_t)(k)) + (units) >= ((size_t)1 << (k)) + (smallest)-1u)
#define SMH_Z_HEAP_HAS_4(k, units, smallest)                                         \
    (SMH_Z_HEAP_HAS(k, units, smallest) + SMH_Z_HEAP_HAS((k) + 1, units, smallest) + \
     SMH_Z_HEAP_HAS((k) + 2, units, smallest) + SMH_Z_HEAP_HAS((k) + 3, units, smallest))
#define SMH_Z_HEAP_BUCKETS(units, smallest)                                                   \
    ((size_t)1 +                                                                              \
     (size_t)(SMH_Z_HEAP_HAS_4(1, units, smallest) + SMH_Z_HEAP_HAS_4(5, units, smallest) +   \
              SMH_Z_HEAP_HAS_4(9, units, smallest) + SMH_Z_HEAP_HAS_4(13, units, smallest) +  \
              SMH_Z_HEAP_HAS_4(17, units, smallest) + SMH_Z_HEAP_HAS_4(21, units, smallest) + \
              SMH_Z_HEAP_HAS_4(25, units, smallest) + SMH_Z_HEAP_HAS(29, units, smallest) +   \
              SMH_Z_HEAP_HAS(30, units, smallest)))
/* Units of the whole heap, and its bytes with the end marker, for a first chunk of `units`. */
#define SMH_Z_HEAP_UNITS(units, smallest) \
    (SMH_Z_HEAP_CHUNK0_UNITS(SMH_Z_HEAP_BUCKETS(units, smallest)) + (units))
#define SMH_Z_HEAP_BYTES(units, header)       (SMH_Z_HEAP_UNITS(units, (header) / 4u) * 8u + (header))
#define SMH_Z_HEAP_FIRST_UNITS(bytes, header) (((size_t)(bytes) + (header) + 7u) / 8u)
#define SMH_Z_HEAP_IS_SMALL(bytes) \
    (sizeof(void *) == 4 && SMH_Z_HEAP_UNITS(SMH_Z_HEAP_FIRST_UNITS(bytes, 4u), 1u) <= 0x7fffu)

#ifndef Z_HEAP_MIN_SIZE_FOR
#define Z_HEAP_MIN_SIZE_FOR(bytes)                                                        \
    (SMH_Z_HEAP_IS_SMALL(bytes) ? SMH_Z_HEAP_BYTES(SMH_Z_HEAP_FIRST_UNITS(bytes, 4u), 4u) \
                                : SMH_Z_HEAP_BYTES(SMH_Z_HEAP_FIRST_UNITS(bytes, 8u), 8u))
#endif
#ifndef Z_HEAP_MIN_SIZE
#define Z_HEAP_MIN_SIZE Z_HEAP_MIN_SIZE_FOR(1)
#endif

#ifdef __cplusplus
}
#endif

#endif
