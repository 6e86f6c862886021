/* SPDX-License-Identifier: Apache-2.0 */
/* zephyr_layout.h: the bytes of a Zephyr sys_heap, as zephyr.c and zephyr_check.c read and write
 * them.
 *
 * Owns: where every field of the heap lies, for the three layouts, and the few words that the
 * engine keeps outside the region. The image in memory is the target's, byte for byte:
 *
 *     unit of 8 bytes  0 1    2                         first                        end
 *     |left|size| end_chunk | avail | [counters] | bucket heads | chunk | chunk | ... |left|size|
 *     '---------------- chunk 0, always in use ----------------'                     '- marker -'
 *
 *     a chunk:  |left|size.used| payload ...            left: units of the left neighbour
 *     when free |left|size.used|prev|next| ...          size: units of this chunk, times two
 *
 * A field is 4 bytes (64-bit targets, and 32-bit ones above 32,767 units: "big", header 8 bytes)
 * or 2 bytes (smaller heaps of 32-bit targets: "small", header 4 bytes, so that payloads start at
 * 4 modulo 8). The counters are three size_t of the target. The used bit is bit 0 of the size.
 *
 * Invariants: chunks tile [first, end) without gaps; no two free chunks touch; a free chunk of at
 * least the smallest size is in exactly one circular list, that of bucket
 * floor(log2(size - smallest + 1)); a free chunk below it (one unit of a big heap) is in none.
 */
#ifndef SMH_ENGINE_ZEPHYR_LAYOUT_H
#define SMH_ENGINE_ZEPHYR_LAYOUT_H

#include "../bits.h"

#include <smh/engine.h>
#include <smh/heap.h>
#include <smh/port.h>

#define ZEPHYR_UNIT_SHIFT 3u
#define ZEPHYR_UNIT       8u
/* Free chunks looked at in the bucket that may hold too small ones: CONFIG_SYS_HEAP_ALLOC_LOOPS. */
#define ZEPHYR_ALLOC_LOOPS 3u
/* Most units that 16-bit fields can count. */
#define ZEPHYR_SMALL_UNITS_MAX 0x7fffu
/* Most units of any heap. */
#define ZEPHYR_UNITS_MAX 0x7fffffffu

/* Inlined, so that each layout has code without questions; where code is to be small, shared. */
#ifdef __OPTIMIZE_SIZE__
#define ZEPHYR_INLINE static inline
#else
#define ZEPHYR_INLINE static inline __attribute__((always_inline))
#endif

/* The payload has whatever type its owner gave it; these may look at it all the same. */
typedef uint16_t __attribute__((may_alias)) zephyr_half;
typedef uint32_t __attribute__((may_alias)) zephyr_word;
typedef uint64_t __attribute__((may_alias)) zephyr_double;

/* Fields of a chunk's header. */
enum zephyr_field { ZEPHYR_LEFT, ZEPHYR_SIZE, ZEPHYR_PREV, ZEPHYR_NEXT };

/* Words of chunk 0 behind its header. */
enum { ZEPHYR_WORD_END = 2, ZEPHYR_WORD_AVAIL = 3 };
/* Bytes of chunk 0 before the bucket heads. */
enum { ZEPHYR_HEAD_PLAIN = 16, ZEPHYR_HEAD_STATS_32 = 28, ZEPHYR_HEAD_STATS_64 = 40 };

/* heap->state. */
enum {
    ZEPHYR_STATE_BASE,       /* address of chunk 0 */
    ZEPHYR_STATE_END,        /* unit number of the end marker */
    ZEPHYR_STATE_FIRST,      /* unit number of the first chunk behind chunk 0 */
    ZEPHYR_STATE_HEAD,       /* bytes of chunk 0 before the bucket heads */
    ZEPHYR_STATE_BIG,        /* 1: fields of 4 bytes */
    ZEPHYR_STATE_FREE,       /* usable bytes of the chunks in the free lists */
    ZEPHYR_STATE_PEAK,       /* the most usable bytes that were ever allocated at a time */
    ZEPHYR_STATE_STATISTICS, /* 1: the layout with counters in chunk 0 */
    ZEPHYR_STATE_COUNT
};
_Static_assert(ZEPHYR_STATE_COUNT <= SMH_HEAP_STATE_WORDS, "the engine's words fit the heap");

/* What the accessors need; passed by value, and `big` is a constant wherever speed counts. */
struct zephyr {
    uint8_t *base;
    bool big;
};

ZEPHYR_INLINE struct zephyr zephyr_of(const struct smh_heap *heap, bool big)
{
    struct zephyr z = {(uint8_t *)heap->state[ZEPHYR_STATE_BASE], big};

    return z;
}

ZEPHYR_INLINE bool zephyr_big(const struct smh_heap *heap)
{
    return heap->state[ZEPHYR_STATE_BIG] != 0;
}

ZEPHYR_INLINE uint32_t zephyr_end(const struct smh_heap *heap)
{
    return (uint32_t)heap->state[ZEPHYR_STATE_END];
}

ZEPHYR_INLINE uint32_t zephyr_first(const struct smh_heap *heap)
{
    return (uint32_t)heap->state[ZEPHYR_STATE_FIRST];
}

ZEPHYR_INLINE uint32_t zephyr_header_bytes(bool big)
{
    return big ? 8 : 4;
}

/* Units of the smallest chunk that a request can have: a header and one byte. */
ZEPHYR_INLINE uint32_t zephyr_smallest(bool big)
{
    return big ? 2 : 1;
}

ZEPHYR_INLINE void *zephyr_at(struct zephyr z, uint32_t chunk)
{
    return z.base + ((size_t)chunk << ZEPHYR_UNIT_SHIFT);
}

ZEPHYR_INLINE uint32_t zephyr_get(struct zephyr z, uint32_t chunk, enum zephyr_field field)
{
    const void *at = zephyr_at(z, chunk);

    return z.big ? ((const zephyr_word *)at)[field] : ((const zephyr_half *)at)[field];
}

ZEPHYR_INLINE void zephyr_set(struct zephyr z, uint32_t chunk, enum zephyr_field field,
                              uint32_t value)
{
    void *at = zephyr_at(z, chunk);

    if (z.big) {
        ((zephyr_word *)at)[field] = value;
    } else {
        ((zephyr_half *)at)[field] = (uint16_t)value;
    }
}

ZEPHYR_INLINE uint32_t zephyr_size(struct zephyr z, uint32_t chunk)
{
    return zephyr_get(z, chunk, ZEPHYR_SIZE) >> 1;
}

ZEPHYR_INLINE bool zephyr_used(struct zephyr z, uint32_t chunk)
{
    return (zephyr_get(z, chunk, ZEPHYR_SIZE) & 1u) != 0;
}

ZEPHYR_INLINE void zephyr_set_size(struct zephyr z, uint32_t chunk, uint32_t units, bool used)
{
    zephyr_set(z, chunk, ZEPHYR_SIZE, (units << 1) | (used ? 1u : 0u));
}

/* Bytes that the owner of a chunk of so many units may use at most. */
ZEPHYR_INLINE size_t zephyr_usable(struct zephyr z, uint32_t units)
{
    return ((size_t)units << ZEPHYR_UNIT_SHIFT) - zephyr_header_bytes(z.big);
}

ZEPHYR_INLINE zephyr_word *zephyr_words(struct zephyr z)
{
    return (void *)z.base;
}

ZEPHYR_INLINE zephyr_word *zephyr_buckets(const struct smh_heap *heap, struct zephyr z)
{
    return (void *)(z.base + heap->state[ZEPHYR_STATE_HEAD]);
}

/* The bucket for chunks of so many units, at least the smallest size. */
ZEPHYR_INLINE uint32_t zephyr_bucket(bool big, uint32_t units)
{
    return smh_floor_log2_u32(units - zephyr_smallest(big) + 1);
}

/* The chunk that a payload address belongs to; the address is not below the first payload. */
ZEPHYR_INLINE uint32_t zephyr_chunk_of(struct zephyr z, uintptr_t address)
{
    return (uint32_t)((address - zephyr_header_bytes(z.big) - (uintptr_t)z.base) >>
                      ZEPHYR_UNIT_SHIFT);
}

/* What an alignment leaves unused between header and payload: less than a unit, and but for odd
 * rewinds 0 or, in a small heap, 4. Nothing in the heap records it; it follows from the address. */
ZEPHYR_INLINE uint32_t zephyr_gap(bool big, uintptr_t address)
{
    return (uint32_t)((address - zephyr_header_bytes(big)) & (ZEPHYR_UNIT - 1u));
}

/* Usable bytes of all live blocks. */
ZEPHYR_INLINE size_t zephyr_allocated(const struct smh_heap *heap, bool big)
{
    return heap->used_bytes - (heap->live_blocks << (big ? 3 : 2));
}

/* zephyr_check.c. */
bool smh_zephyr_walk(const struct smh_heap *heap, struct smh_chunk *chunk);
void smh_zephyr_chunk_of(const struct smh_heap *heap, const void *block, struct smh_chunk *chunk);
int smh_zephyr_check(const struct smh_heap *heap, struct smh_fault *fault);

/* zephyr.c, for sys_heap.c. As the engine's functions, but `align` may also be an alignment plus
 * one smaller power of two, the rewind: the block then starts that many bytes before a multiple of
 * the alignment. NULL when align has more than two bits set. */
void *smh_zephyr_aligned_alloc(struct smh_heap *heap, size_t align, size_t bytes);
int smh_zephyr_verdict(const struct smh_heap *heap, const void *block);
void smh_zephyr_free(struct smh_heap *heap, void *block);
bool smh_zephyr_resize(struct smh_heap *heap, void *block, size_t bytes);
size_t smh_zephyr_usable_size(const struct smh_heap *heap, const void *block);

/* What sys_heap_runtime_stats_get tells, in usable bytes. */
struct smh_zephyr_counters {
    size_t free_bytes;
    size_t allocated_bytes;
    size_t peak_bytes;
};
struct smh_zephyr_counters smh_zephyr_counters(const struct smh_heap *heap);
void smh_zephyr_reset_peak(struct smh_heap *heap);

#endif
