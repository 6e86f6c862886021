/* SPDX-License-Identifier: Apache-2.0 */
/* boundary_tag.h: the layout that the four fits share, and what they share besides.
 *
 * After D. E. Knuth, The Art of Computer Programming, vol. 1 (1968; 3rd ed. 1997), section 2.5: a
 * list of free chunks kept in order of address, the low end of a chunk handed out first, and the
 * liberation with boundary tags. Owns: every byte of the region that it can align.
 *
 *     base                                                                     end
 *     |size U|prev|  payload ...  |size  |prev|next|last|  free ...  |size U|prev|  payload |
 *     '- 4 --- 4 -'               '----- header + links -----'       ^      |
 *                                              '---------------------'-prev-'
 *
 * A header is two 32-bit fields, on either target: the chunk's size in units of 8 bytes, shifted
 * left by one, with U, "in use", in bit 0; and the size of the chunk before it (0: none). A free
 * chunk holds, behind its header, the units at which the next and the last free chunk start.
 *
 * The granule g may be any power of two from 8 (the default). Blocks start at multiples of g, so
 * headers lie in the 8 bytes before one; sizes are multiples of g, and at least 16 bytes. A block
 * of n bytes thus reserves n + 8 rounded up to g: with g = 64, a buffer of 64 bytes takes 128, and
 * its last line holds the header of its neighbour. That is the price of in-band metadata.
 *
 * Invariants: chunks cover base..end without gaps; no two free chunks touch; the free list holds
 * exactly the free chunks, ascending; the rover is none or one of them. Region sizes up to 16 GiB
 * (31 bits of units).
 *
 * The engines differ in one thing, which of the free chunks a request gets: their search. It is in
 * their own files; all else is in boundary_tag.c.
 *
 * Time: largest_free reads the free list, and a search may: unbounded, as the textbook's. free and
 * resize look for the place in the list by walking outwards to the nearest free chunk: short as a
 * rule (Knuth's fifty per cent), unbounded at worst.
 *
 * NULL: exactly when no free chunk can hold the block; any chunk of sufficient_chunk() bytes can,
 * and for the natural alignment none smaller.
 *
 * Verdicts without a start bitmap are made in constant time from the header before the pointer and
 * its two neighbours. They miss a pointer into a live block whose payload looks like a header that
 * agrees with its surroundings, and a pointer that was freed and whose memory now is such a
 * payload; they call -EINVAL what lies in free space but never was a block.
 */
#ifndef SMH_BOUNDARY_TAG_H
#define SMH_BOUNDARY_TAG_H

#include "../bits.h"

#include <smh/engine.h>
#include <smh/port.h>

enum {
    SMH_TAG_UNIT_SHIFT = 3,
    SMH_TAG_UNIT = 1 << SMH_TAG_UNIT_SHIFT,
    SMH_TAG_HEADER_BYTES = 8,
    SMH_TAG_SMALLEST_UNITS = 2 /* header and links */
};

#define SMH_TAG_NONE           UINT32_MAX /* no chunk: ends the free list */
#define SMH_TAG_SIZE_UNITS_MAX (UINT32_MAX >> 1)
#define SMH_TAG_IN_USE         1u

/* Words of smh_heap.state. */
enum {
    SMH_TAG_BASE,   /* address of the first header */
    SMH_TAG_END,    /* units from base to the end */
    SMH_TAG_HEAD,   /* unit of the first free chunk, or SMH_TAG_NONE */
    SMH_TAG_TAIL,   /* unit of the last free chunk, or SMH_TAG_NONE */
    SMH_TAG_STRIDE, /* units of a granule */
    SMH_TAG_ROVER   /* unit of the free chunk at which a next fit goes on, or SMH_TAG_NONE */
};

struct __attribute__((may_alias)) smh_tag_header {
    uint32_t size_in_use; /* units << 1, and SMH_TAG_IN_USE */
    uint32_t previous;    /* units of the chunk before, 0 for the first */
};

struct __attribute__((may_alias)) smh_tag_links {
    uint32_t next; /* ascending; SMH_TAG_NONE at either end */
    uint32_t last;
};

static inline uint32_t smh_tag_end(const struct smh_heap *heap)
{
    return (uint32_t)heap->state[SMH_TAG_END];
}

static inline struct smh_tag_header *smh_tag_header_at(const struct smh_heap *heap, uint32_t unit)
{
    return (struct smh_tag_header *)(heap->state[SMH_TAG_BASE] +
                                     ((uintptr_t)unit << SMH_TAG_UNIT_SHIFT));
}

static inline struct smh_tag_links *smh_tag_links_at(const struct smh_heap *heap, uint32_t unit)
{
    return (struct smh_tag_links *)(heap->state[SMH_TAG_BASE] +
                                    ((uintptr_t)unit << SMH_TAG_UNIT_SHIFT) + SMH_TAG_HEADER_BYTES);
}

static inline void *smh_tag_block_at(const struct smh_heap *heap, uint32_t unit)
{
    return smh_tag_links_at(heap, unit);
}

/* The unit at which the chunk of a block starts. */
static inline uint32_t smh_tag_unit_of(const struct smh_heap *heap, const void *block)
{
    return (uint32_t)(((uintptr_t)block - SMH_TAG_HEADER_BYTES - heap->state[SMH_TAG_BASE]) >>
                      SMH_TAG_UNIT_SHIFT);
}

static inline uint32_t smh_tag_size_at(const struct smh_heap *heap, uint32_t unit)
{
    return smh_tag_header_at(heap, unit)->size_in_use >> 1;
}

static inline bool smh_tag_in_use_at(const struct smh_heap *heap, uint32_t unit)
{
    return (smh_tag_header_at(heap, unit)->size_in_use & SMH_TAG_IN_USE) != 0;
}

static inline size_t smh_tag_bytes(uint32_t units)
{
    return (size_t)units << SMH_TAG_UNIT_SHIFT;
}

/* Writes the size of the chunk at unit, and the neighbour's copy of it. */
static inline void smh_tag_set_size(const struct smh_heap *heap, uint32_t unit, uint32_t size,
                                    uint32_t in_use)
{
    smh_tag_header_at(heap, unit)->size_in_use = size << 1 | in_use;
    if (unit + size != smh_tag_end(heap)) {
        smh_tag_header_at(heap, unit + size)->previous = size;
    }
}

/* Units that a block of `bytes` reserves, or 0 when no chunk of this heap is so large. */
static inline uint32_t smh_tag_units_for(const struct smh_heap *heap, size_t bytes)
{
    uint32_t stride = (uint32_t)heap->state[SMH_TAG_STRIDE];
    uint32_t units;

    if (bytes > smh_tag_bytes(smh_tag_end(heap)) - SMH_TAG_HEADER_BYTES) {
        return 0;
    }
    units = (uint32_t)((bytes + SMH_TAG_HEADER_BYTES + SMH_TAG_UNIT - 1) >> SMH_TAG_UNIT_SHIFT);
    return (units + stride - 1) & ~(stride - 1);
}

static inline uint32_t smh_tag_first(const struct smh_heap *heap)
{
    return (uint32_t)heap->state[SMH_TAG_HEAD];
}

/* The next free chunk after a free chunk, or SMH_TAG_NONE. */
static inline uint32_t smh_tag_after(const struct smh_heap *heap, uint32_t unit)
{
    return smh_tag_links_at(heap, unit)->next;
}

/* What a search looks for. */
struct smh_tag_request {
    uint32_t need; /* units, header included */
    size_t align;  /* of the block; 0: the granule is enough */
};

/* Bytes to leave free at the front of a chunk so that its block is aligned: none, or enough for a
 * chunk. No alignment is above half of all numbers, so that the sum is one. */
static inline size_t smh_tag_skip(const struct smh_heap *heap, uint32_t unit, size_t align)
{
    size_t smallest = smh_tag_bytes(SMH_TAG_SMALLEST_UNITS);
    size_t skip = smh_distance_up((uintptr_t)smh_tag_block_at(heap, unit), align);

    if (skip == 0 || skip >= smallest) {
        return skip;
    }
    return skip + align;
}

/* Whether a free chunk can hold what is asked for. */
static inline bool smh_tag_fits(const struct smh_heap *heap, uint32_t unit,
                                const struct smh_tag_request *request)
{
    uint32_t size = smh_tag_size_at(heap, unit);

    return size >= request->need &&
           (request->align == 0 ||
            smh_tag_skip(heap, unit, request->align) <= smh_tag_bytes(size - request->need));
}

/* The engine's choice: a free chunk that fits, or SMH_TAG_NONE when none does. */
typedef uint32_t (*smh_tag_search)(struct smh_heap *heap, const struct smh_tag_request *request);

/* alloc (align 0) and aligned_alloc of an engine with this search. */
void *smh_tag_alloc(struct smh_heap *heap, size_t align, size_t bytes, smh_tag_search search);

/* Hands out the first `need` units of a free chunk; what is left stays free in its place in the
 * list, unless it is too small to be a chunk. */
void *smh_tag_take(struct smh_heap *heap, uint32_t unit, uint32_t need);

/* The list. `last` and `next` are the free chunks between which unit goes, or SMH_TAG_NONE. */
void smh_tag_list_insert(struct smh_heap *heap, uint32_t unit, uint32_t last, uint32_t next);
void smh_tag_list_remove(struct smh_heap *heap, uint32_t unit);

/* The rest of an engine (engine.h). */
int smh_tag_init(struct smh_heap *heap, const struct smh_heap_config *config);
void smh_tag_free(struct smh_heap *heap, void *block);
bool smh_tag_resize(struct smh_heap *heap, void *block, size_t bytes);
size_t smh_tag_usable_size(const struct smh_heap *heap, const void *block);
int smh_tag_verdict(const struct smh_heap *heap, const void *block);
size_t smh_tag_largest_free(const struct smh_heap *heap);
size_t smh_tag_sufficient_chunk(const struct smh_heap *heap, size_t align, size_t bytes);
bool smh_tag_walk(const struct smh_heap *heap, struct smh_chunk *chunk);
int smh_tag_check(const struct smh_heap *heap, struct smh_fault *fault);
void smh_tag_chunk_of(const struct smh_heap *heap, const void *block, struct smh_chunk *chunk);

/* All of struct smh_engine but its name, its summary and the two ways to allocate. */
#define SMH_TAG_ENGINE                                                                           \
    .abi = SMH_ENGINE_ABI, .init = smh_tag_init, .free = smh_tag_free, .resize = smh_tag_resize, \
    .usable_size = smh_tag_usable_size, .verdict = smh_tag_verdict,                              \
    .largest_free = smh_tag_largest_free, .sufficient_chunk = smh_tag_sufficient_chunk,          \
    .walk = smh_tag_walk, .check = smh_tag_check, .chunk_of = smh_tag_chunk_of

#endif
