/* SPDX-License-Identifier: Apache-2.0 */
/* buddy_layout.h: the binary buddy system: blocks of powers of two, halved and joined again.
 *
 * After K. C. Knowlton, A fast storage allocator, CACM 8 (10), 1965, 623-625, and D. E. Knuth, The
 * Art of Computer Programming, vol. 1, section 2.5, algorithms R and S. Knuth's tags and sizes are
 * kept out of the blocks, so that a block of 2^k bytes starts at a multiple of 2^k and holds 2^k
 * bytes; his list heads AVAIL are `lists`, his links lie in the free blocks.
 *
 *     memory                                                          1 granule = 1 unit
 *     | lists | table |.| 0 | 1     | 2              | 3                            | ... |.|
 *             '       '   '- free, free, used ...: blocks of order 0, 1, 2, 3, ...
 *             '-------'- a byte per unit: 0: no block starts here; k + 1: one of order k that is
 *                        in use; with SMH_BUDDY_FREE: a free one
 *
 * The place of a unit is its address modulo 1 GiB, in units. The region is cut into the largest
 * blocks that lie at multiples of their size, from its start on; a region whose start and size are
 * no power of two thus begins and ends with smaller ones. A block's buddy is the one whose place
 * differs in bit k; only buddies are joined, so that free blocks may touch.
 *
 * Lists and table lie in `metadata`, or at the start of memory: a byte per granule, 6 % with the
 * granule of 16 that is the default. Granules: powers of two from 8 to 1 GiB. Largest block: 1 GiB.
 * Where blocks lie depends on the addresses modulo 1 GiB, not on target_bits.
 *
 * Invariants: blocks cover the region without gaps and lie at multiples of their size; no two free
 * buddies of one size; a list holds exactly the free blocks of its order.
 *
 * Time: a step per order and call, 28 at most. Verdicts are exact.
 *
 * NULL: exactly when no free block is of the order of both the request and its alignment, or
 * larger. An aligned block is the front of one; what lies behind it is given back.
 */
#ifndef SMH_BUDDY_LAYOUT_H
#define SMH_BUDDY_LAYOUT_H

#include "../bits.h"

#include <smh/engine.h>
#include <smh/port.h>

#define SMH_BUDDY_LARGEST_SHIFT 30u        /* log2 of the bytes of the largest block */
#define SMH_BUDDY_NONE          UINT32_MAX /* no unit: ends a list */
#define SMH_BUDDY_FREE          0x80u      /* in an entry of the table */

/* What lies in smh_heap.state. */
struct __attribute__((may_alias)) smh_buddy {
    uintptr_t base;  /* address of unit 0 */
    uint8_t *table;  /* an entry per unit */
    uint32_t *lists; /* first free block of each order, or SMH_BUDDY_NONE */
    uint32_t units;
    uint32_t lead; /* place of unit 0 */
    uint8_t order_count;
    uint8_t unit_shift;
};
_Static_assert(sizeof(struct smh_buddy) <= SMH_HEAP_STATE_WORDS * sizeof(uintptr_t),
               "the engine's state fits its place in the heap");

/* In a free block. */
struct __attribute__((may_alias)) smh_buddy_links {
    uint32_t next; /* SMH_BUDDY_NONE at either end */
    uint32_t previous;
};

static inline struct smh_buddy *smh_buddy_of(struct smh_heap *heap)
{
    return (struct smh_buddy *)heap->state;
}

static inline const struct smh_buddy *smh_buddy_view(const struct smh_heap *heap)
{
    return (const struct smh_buddy *)heap->state;
}

static inline void *smh_buddy_block_at(const struct smh_buddy *map, uint32_t unit)
{
    return (void *)(map->base + ((uintptr_t)unit << map->unit_shift));
}

static inline struct smh_buddy_links *smh_buddy_links_at(const struct smh_buddy *map, uint32_t unit)
{
    return smh_buddy_block_at(map, unit);
}

static inline uint32_t smh_buddy_unit_of(const struct smh_buddy *map, const void *block)
{
    return (uint32_t)(((uintptr_t)block - map->base) >> map->unit_shift);
}

static inline size_t smh_buddy_bytes_of(const struct smh_buddy *map, unsigned order)
{
    return (size_t)1 << (order + map->unit_shift);
}

static inline uint8_t smh_buddy_used_entry(unsigned order)
{
    return (uint8_t)(order + 1);
}

static inline uint8_t smh_buddy_free_entry(unsigned order)
{
    return (uint8_t)(SMH_BUDDY_FREE | (order + 1));
}

static inline bool smh_buddy_is_free_entry(uint8_t entry)
{
    return (entry & SMH_BUDDY_FREE) != 0;
}

/* Of an entry that is not 0. */
static inline unsigned smh_buddy_order_of(uint8_t entry)
{
    return (entry & ~SMH_BUDDY_FREE) - 1u;
}

/* The unit at which the buddy of a block starts; map->units or more when that is outside. */
static inline uint32_t smh_buddy_other(const struct smh_buddy *map, uint32_t unit, unsigned order)
{
    return ((unit + map->lead) ^ ((uint32_t)1 << order)) - map->lead;
}

/* The order of the smallest block for so many bytes; order_count or more when there is none. */
static inline unsigned smh_buddy_order_for(const struct smh_buddy *map, size_t bytes)
{
    return bytes <= smh_buddy_bytes_of(map, 0) ? 0
                                               : smh_floor_log2(bytes - 1) + 1 - map->unit_shift;
}

/* The order of the smallest block that holds so many bytes and lies at a multiple of align. */
static inline unsigned smh_buddy_order_aligned(const struct smh_buddy *map, size_t align,
                                               size_t bytes)
{
    return smh_buddy_order_for(map, align > bytes ? align : bytes);
}

/* The lists. */

static inline void smh_buddy_list_push(struct smh_buddy *map, uint32_t unit, unsigned order)
{
    uint32_t next = map->lists[order];

    smh_buddy_links_at(map, unit)->next = next;
    smh_buddy_links_at(map, unit)->previous = SMH_BUDDY_NONE;
    if (next != SMH_BUDDY_NONE) {
        smh_buddy_links_at(map, next)->previous = unit;
    }
    map->lists[order] = unit;
    map->table[unit] = smh_buddy_free_entry(order);
}

/* The block's entry becomes that of a unit inside a block. */
static inline void smh_buddy_list_remove(struct smh_buddy *map, uint32_t unit, unsigned order)
{
    uint32_t next = smh_buddy_links_at(map, unit)->next;
    uint32_t previous = smh_buddy_links_at(map, unit)->previous;

    if (previous == SMH_BUDDY_NONE) {
        map->lists[order] = next;
    } else {
        smh_buddy_links_at(map, previous)->next = next;
    }
    if (next != SMH_BUDDY_NONE) {
        smh_buddy_links_at(map, next)->previous = previous;
    }
    map->table[unit] = 0;
}

/* buddy_init.c */
int smh_buddy_init(struct smh_heap *heap, const struct smh_heap_config *config);
size_t smh_buddy_metadata_size(const struct smh_heap_config *config);

#endif
