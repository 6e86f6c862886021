/* SPDX-License-Identifier: Apache-2.0 */
/* engine.h: what a heap engine is, for those who write one.
 *
 * Owns: the table of functions by which heap.c reaches an engine, and the few helpers an engine
 * may use. An engine manages the bytes of one region: heap.c has checked arguments, answers
 * misuse, keeps the start bitmap and copies for realloc; pool.c locks.
 *
 *     smh_heap_free -> (start bitmap: is this a block?) -> engine->free -> count_free
 *
 * Invariants: an engine keeps all its state in heap->state and in its tables; it reads and writes
 * no other memory than the tables and free chunks (in-band: and headers). It has no globals, does
 * not recurse, and states in its docstring what is not bounded in time.
 */
#ifndef SMH_ENGINE_H
#define SMH_ENGINE_H

#include <smh/heap.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Raised when a field of struct smh_engine or struct smh_heap comes, goes or moves: plug-ins that
 * were compiled before are then refused by `smh`, not called through the wrong field. */
#define SMH_ENGINE_ABI 3u

/* The finest step that an engine may lay blocks on, by target_bits. */
#define SMH_ENGINE_STEP_SHIFT_MIN_32 2u
#define SMH_ENGINE_STEP_SHIFT_MIN_64 3u

/* Flags of an engine. */
#define SMH_ENGINE_EXACT            1u /* answers exactly for every pointer: no start bitmap */
#define SMH_ENGINE_PARTIAL_COALESCE 2u /* free chunks may touch: not any two are joined */

struct smh_engine {
    unsigned abi;        /* SMH_ENGINE_ABI; anything else is refused */
    unsigned flags;      /* SMH_ENGINE_* */
    const char *name;    /* as written in a scenario: lower case, digits, underscore */
    const char *summary; /* one line for `smh list engines` */

    /* Takes config (memory set, target_bits 32 or 64, granule 0 or a power of two) and lays out
     * the tables and one free chunk. Sets heap->capacity_bytes, step_shift (at least
     * SMH_ENGINE_STEP_SHIFT_MIN_32 or _64, by target_bits, and log2 of any granule from 16 on) and
     * granule_shift; heap is all zero but for engine, memory, memory_size and target_bits.
     * 0, -EINVAL (granule refused), -ENOMEM (too small or too large). For an engine that is not
     * SMH_ENGINE_EXACT `metadata` is hidden: heap.c keeps its start bitmap there. */
    int (*init)(struct smh_heap *heap, const struct smh_heap_config *config);
    /* What out-of-band tables take for config; NULL for an in-band engine, and then every engine
     * that is not SMH_ENGINE_EXACT is one. */
    size_t (*metadata_size)(const struct smh_heap_config *config);

    /* bytes > 0; align is a power of two or 0. Calls smh_engine_count_alloc when it succeeds. */
    void *(*alloc)(struct smh_heap *heap, size_t bytes);
    void *(*aligned_alloc)(struct smh_heap *heap, size_t align, size_t bytes);
    /* The block lies in memory at a multiple of the step. When a start bitmap vouches for it,
     * `verdict` is not asked; else heap.c asks it first, and calls free only when it says 0.
     * Calls smh_engine_count_free. */
    void (*free)(struct smh_heap *heap, void *block);
    /* In place: true when the block now holds bytes (> 0). May not change the block's address.
     * Calls smh_engine_count_resize. */
    bool (*resize)(struct smh_heap *heap, void *block, size_t bytes);
    size_t (*usable_size)(const struct smh_heap *heap, const void *block);
    /* 0, -EALREADY, -EINVAL as smh_heap_free, for an address inside memory: exact for
     * SMH_ENGINE_EXACT, else the constant-time checks that the real allocator makes. Must not
     * read outside memory and tables, whatever is in them. */
    int (*verdict)(const struct smh_heap *heap, const void *block);

    /* The largest n for which alloc(n) succeeds now; 0 when none does. */
    size_t (*largest_free)(const struct smh_heap *heap);
    /* The published rule for NULL: aligned_alloc(align, bytes) never gives NULL while a free
     * chunk exists with smh_chunk.size >= this. SIZE_MAX when no such size exists. */
    size_t (*sufficient_chunk)(const struct smh_heap *heap, size_t align, size_t bytes);
    /* As smh_heap_walk; chunk->next is its cursor (0 at the start). */
    bool (*walk)(const struct smh_heap *heap, struct smh_chunk *chunk);
    /* The engine's own rules (links, tables, neighbours); 0 or -EINVAL with *fault set. Bounded
     * by the size of the region on any damage. */
    int (*check)(const struct smh_heap *heap, struct smh_fault *fault);
    /* Optional, may be NULL: fills *chunk, cursor included, with the chunk of a live block, so
     * that a walk can go on from there. Spares heap.c a walk from the start of memory when it
     * explains why a pointer is refused. */
    void (*chunk_of)(const struct smh_heap *heap, const void *block, struct smh_chunk *chunk);
    /* Optional, may be NULL; SMH_ENGINE_EXACT only: smh_heap_free in one step, for any pointer,
     * NULL included: the verdict (-ENOENT outside memory) and, when it is 0, what free does. */
    int (*release)(struct smh_heap *heap, void *block);
    /* Optional, may be NULL: for a realloc that found no place. Grows a live block into the free
     * space on both its sides and moves its contents there: the new address, or NULL and nothing
     * has changed. Counts as resize, and one more in allocated_blocks. Only blocks of the natural
     * alignment are given. */
    void *(*slide)(struct smh_heap *heap, void *block, size_t bytes);
    /* Optional, may be NULL; SMH_ENGINE_EXACT only: smh_heap_alloc in one step, for any size, 0
     * included: counts a refusal in failed_requests too, but for 0 bytes. */
    void *(*acquire)(struct smh_heap *heap, size_t bytes);
};

/* The engines of the core. */
extern const struct smh_engine smh_engine_bitmap;       /* good fit, metadata out of band */
extern const struct smh_engine smh_engine_zephyr;       /* sys_heap, without runtime statistics */
extern const struct smh_engine smh_engine_zephyr_stats; /* sys_heap, with them: a larger header */
extern const struct smh_engine smh_engine_first_fit;    /* address-ordered, boundary tags */
extern const struct smh_engine smh_engine_next_fit;     /* the same, from where the last ended */
extern const struct smh_engine smh_engine_best_fit;     /* the same, the smallest that suffices */
extern const struct smh_engine smh_engine_worst_fit;    /* the same, the largest */
extern const struct smh_engine smh_engine_buddy;        /* powers of two, sizes out of band */

/* What a NULL engine means. A firmware that builds the core itself may name another, so that only
 * that one is linked. */
#ifndef SMH_ENGINE_DEFAULT
#define SMH_ENGINE_DEFAULT (&smh_engine_bitmap)
#endif

/* SMH_SINGLE_ENGINE, defined when the core is compiled, makes `bitmap` the only engine: its
 * functions are called by name instead of through a table, so that a firmware links those alone
 * that it needs (no walk and no validator, unless it calls them). Every block lies where it would
 * lie otherwise. What differs: init refuses any other engine with -EINVAL, so also sys_heap's, and
 * fields `engine`, `acquire` and `release` of a heap mean nothing. */

/* The i-th engine of the core, in the order in which `smh list engines` shows them; NULL past the
 * last. */
const struct smh_engine *smh_engine_at(size_t index);
/* By name; NULL when there is none. */
const struct smh_engine *smh_engine_find(const char *name);

/* A plug-in is a shared object that exports this. */
#define SMH_ENGINE_PLUGIN_SYMBOL "smh_engine_plugin"

/* Book-keeping of an engine's successes, in reserved bytes. */
static inline void smh_engine_count_alloc(struct smh_heap *heap, size_t reserved_bytes)
{
    heap->used_bytes += reserved_bytes;
    if (heap->used_bytes > heap->peak_used_bytes) {
        heap->peak_used_bytes = heap->used_bytes;
    }
    heap->live_blocks++;
    heap->allocated_blocks++;
}

static inline void smh_engine_count_free(struct smh_heap *heap, size_t reserved_bytes)
{
    heap->used_bytes -= reserved_bytes;
    heap->live_blocks--;
}

static inline void smh_engine_count_resize(struct smh_heap *heap, size_t old_bytes,
                                           size_t new_bytes)
{
    heap->used_bytes = heap->used_bytes - old_bytes + new_bytes;
    if (heap->used_bytes > heap->peak_used_bytes) {
        heap->peak_used_bytes = heap->used_bytes;
    }
}

#ifdef __cplusplus
}
#endif

#endif
