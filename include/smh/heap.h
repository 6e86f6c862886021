/* SPDX-License-Identifier: Apache-2.0 */
/* heap.h: one region of memory, managed by one engine.
 *
 * Owns: the contract of smh_heap_*. The state is the caller's; nothing here is global, and nothing
 * here locks: a heap used from several threads is locked by its owner (pool.h does).
 *
 *     memory                                                   memory + memory_size
 *     |  engine's tables  |  block  |  free  |  block  |  ...  |
 *     '-- 0, if the tables live in `metadata` ---'
 *
 * Invariants: blocks are disjoint, lie inside `memory`, and start at multiples of
 * smh_heap_alignment(); every byte of `memory` is the engine's, a block's or free space.
 */
#ifndef SMH_HEAP_H
#define SMH_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct smh_engine;

/* How a heap is made. All zero but `memory` and `memory_size` is a good choice. */
struct smh_heap_config {
    void *memory;       /* the region; any address, the heap aligns within */
    size_t memory_size; /* bytes */
    /* Where an out-of-band engine keeps its tables (NULL: carved from memory). Given to an
     * in-band engine, it holds a start bitmap, and every verdict on a pointer is exact; without
     * it an in-band engine makes the constant-time checks of the real allocator, and its
     * docstring says what those miss. smh_heap_metadata_size() tells how much is needed. */
    void *metadata;
    size_t metadata_size; /* bytes */
    /* Power of two: every block's address and reserved size are multiples of it, the smallest
     * block is one granule. 0: the engine's default. An engine whose granule is fixed refuses
     * any other. */
    size_t granule;
    unsigned target_bits; /* 32 or 64: lay metadata out as that target would; 0: this host */
    const struct smh_engine *engine; /* NULL: SMH_ENGINE_DEFAULT of engine.h */
};

/* Counters of a heap or, added up, of a pool. Bytes are reserved bytes: what a block takes from
 * its region, header and rounding included. Raw counts; ratios are the reader's. */
struct smh_stats {
    size_t region_count;
    size_t memory_bytes;       /* given to init, without separate metadata */
    size_t capacity_bytes;     /* what blocks and free space share: used + free */
    size_t used_bytes;         /* reserved by live blocks */
    size_t peak_used_bytes;    /* the most used_bytes has been since init or the last reset; of a
                                  pool: the sum of its regions' peaks */
    size_t free_bytes;         /* capacity - used */
    size_t largest_free_bytes; /* the largest n for which alloc(n) would succeed now; exact */
    size_t live_blocks;
    uint64_t allocated_blocks; /* since init; a realloc that moves counts as one more */
    uint64_t freed_blocks;     /* since init */
    uint64_t failed_requests;  /* since init: requests of at least one byte answered with NULL; a
                                  realloc of what is no block is misuse and not counted */
};

/* One chunk met on a walk, used or free. */
struct smh_chunk {
    size_t offset;  /* of the chunk, from the start of memory */
    size_t size;    /* bytes reserved, header included */
    bool used;      /* false: free space */
    void *block;    /* what alloc returned; NULL when free */
    size_t usable;  /* bytes the owner may use from block; for free space: the largest request
                       that this chunk could hold, 0 when it is too small for any */
    uintptr_t next; /* the engine's own cursor; not for the caller */
};

/* What the validator found broken. */
struct smh_fault {
    const char *rule; /* a sentence: the rule that does not hold */
    size_t offset;    /* where, from the start of memory */
};

#define SMH_HEAP_STATE_WORDS 16

/* A heap. Its fields are the core's; read them through the functions below. At most 256 bytes. */
struct smh_heap {
    const struct smh_engine *engine;
    uint8_t *memory;
    size_t memory_size;
    uint8_t *metadata; /* the tables' place: inside memory, or what the caller gave */
    size_t metadata_size;
    size_t used_bytes;
    size_t peak_used_bytes;
    size_t capacity_bytes;
    size_t live_blocks;
    uint64_t allocated_blocks;
    uint64_t failed_requests;
    uint32_t *starts; /* start bitmap of an in-band engine, or NULL: bit i = a block in use
                         starts at memory + (i << step_shift) */
    uint16_t target_bits;
    uint8_t step_shift;                    /* log2 of what every block address is a multiple of */
    uint8_t granule_shift;                 /* log2 of the granule */
    uint32_t initialised;                  /* SMH_HEAP_MAGIC once init has succeeded */
    uintptr_t state[SMH_HEAP_STATE_WORDS]; /* the engine's */
    /* What smh_heap_alloc and smh_heap_free call: the engine's, or heap.c's. */
    void *(*acquire)(struct smh_heap *heap, size_t bytes);
    int (*release)(struct smh_heap *heap, void *block);
};
#ifndef __cplusplus
_Static_assert(sizeof(struct smh_heap) <= 256, "a heap's state fits 256 bytes");
#endif

/* Makes `config->memory` a heap. 0; -EINVAL: a NULL argument, memory or metadata that wraps or that
 * overlaps the other, a granule that is no power of two or that the engine refuses, target_bits
 * other than 0, 32, 64, an incomplete engine; -ENOMEM: memory or metadata is too small to hold the
 * tables and one block, or larger than the engine can manage.
 * On failure the heap is unusable and every other call on it answers as on an uninitialised one.
 * Time: the engine's tables. */
int smh_heap_init(struct smh_heap *heap, const struct smh_heap_config *config);

/* Bytes of `metadata` that are enough for exact verdicts with this configuration, wherever memory
 * and metadata lie (in-band engine: the start bitmap; out-of-band engine: its tables); 0 where
 * there is none to want, or init would refuse engine, granule or target_bits by their form (an
 * incomplete table, no power of two, a width other than 0, 32, 64). Of a granule that the engine
 * alone refuses it is 0 for its own tables; a start bitmap's size is told nevertheless.
 * `config->memory`, `metadata` and `metadata_size` are not read. */
size_t smh_heap_metadata_size(const struct smh_heap_config *config);

/* A block of at least `bytes` bytes, aligned to smh_heap_alignment(), contents undefined. NULL:
 * bytes is 0, the heap is not initialised, or the engine's published rule (engine.h,
 * sufficient_chunk) says that no free chunk can be relied on. */
void *smh_heap_alloc(struct smh_heap *heap, size_t bytes);

/* The same at a multiple of `align`: a power of two, or 0 for the natural alignment. NULL also
 * when align is neither. */
void *smh_heap_aligned_alloc(struct smh_heap *heap, size_t align, size_t bytes);

/* Resizes a block, in place where the engine can, else by moving it; contents are kept up to the
 * smaller size. realloc(NULL, n) allocates; realloc(p, 0) frees and gives NULL; a failed realloc
 * gives NULL and keeps the block as it was; a pointer that free would refuse gives NULL and
 * changes nothing. Copies at most the old usable size. */
void *smh_heap_realloc(struct smh_heap *heap, void *block, size_t bytes);

/* The same, and the result is a multiple of `align` (as for aligned_alloc): a block that is not so
 * aligned moves. */
void *smh_heap_aligned_realloc(struct smh_heap *heap, void *block, size_t align, size_t bytes);

/* Resizes in place or not at all: true when the block now holds `bytes` (> 0) bytes. A pointer
 * that free would refuse gives false and changes nothing. */
bool smh_heap_resize(struct smh_heap *heap, void *block, size_t bytes);

/* Gives a block back. 0 (NULL too); -ENOENT the address is outside this heap's memory (or the heap
 * is not initialised); -EALREADY it lies in free space (a block freed before, say); -EINVAL it lies
 * in a live block or in metadata, but is not the start of a block. When not 0 nothing has changed.
 * With a start bitmap, telling the last two apart reads at most the whole bitmap. */
int smh_heap_free(struct smh_heap *heap, void *block);

/* The verdict that free would give, and nothing changed; NULL gives -EINVAL. */
int smh_heap_verdict(const struct smh_heap *heap, const void *block);

/* Bytes the owner of `block` may use, at least what was asked for; 0 for a pointer that free would
 * refuse, NULL included. */
size_t smh_heap_usable_size(const struct smh_heap *heap, const void *block);

/* What every block's address is a multiple of: max(8, granule); 4 for Zephyr's small heaps; 0 for a
 * heap that is not initialised. */
size_t smh_heap_alignment(const struct smh_heap *heap);

/* Whether the address lies in this heap's memory. */
bool smh_heap_contains(const struct smh_heap *heap, const void *address);

/* Copies the counters out; all zero for a heap that is not initialised. Time: the engine's
 * largest_free. */
void smh_heap_stats(const struct smh_heap *heap, struct smh_stats *stats);
/* peak_used_bytes starts anew from used_bytes. Nothing for a heap that is not initialised. */
void smh_heap_reset_peak(struct smh_heap *heap);

/* Visits chunks by ascending address: set *chunk to all zero, then call until false. The heap must
 * not change between two calls. Each call is O(1). Chunks may be separated by the engine's tables
 * only, and cover the rest of memory without gaps. */
bool smh_heap_walk(const struct smh_heap *heap, struct smh_chunk *chunk);

/* Validates the whole heap and changes nothing: 0, or -EINVAL with the first broken rule in
 * *fault (which may be NULL). Reads every chunk; never loops on damaged metadata and never reads
 * outside memory and metadata. */
int smh_heap_check(const struct smh_heap *heap, struct smh_fault *fault);

#ifdef __cplusplus
}
#endif

#endif
