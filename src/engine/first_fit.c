/* first_fit.c: the textbook allocator: address-ordered first fit with boundary tags.
 *
 * After D. E. Knuth, The Art of Computer Programming, vol. 1 (1968; 3rd ed. 1997), section 2.5:
 * algorithm A (first fit) and the liberation with boundary tags, on a list kept in order of
 * address, low end of a chunk handed out first. Owns: every byte of the region that it can align.
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
 * exactly the free chunks, ascending. Region sizes up to 16 GiB (31 bits of units).
 *
 * Time: alloc, aligned_alloc and largest_free read the free list: unbounded, as the textbook's.
 * free and resize look for the place in the list by walking outwards to the nearest free chunk:
 * short as a rule (Knuth's fifty per cent), unbounded at worst.
 *
 * NULL: exactly when no free chunk can hold the block; any chunk of first_fit_sufficient_chunk()
 * bytes can, and for the natural alignment none smaller.
 *
 * Verdicts without a start bitmap are made in constant time from the header before the pointer and
 * its two neighbours. They miss a pointer into a live block whose payload looks like a header that
 * agrees with its surroundings, and a pointer that was freed and whose memory now is such a
 * payload; they call -EINVAL what lies in free space but never was a block.
 */
#include "../bits.h"

#include <smh/engine.h>
#include <smh/port.h>

enum {
    UNIT_SHIFT = 3,
    UNIT = 1 << UNIT_SHIFT,
    HEADER_BYTES = 8,
    SMALLEST_UNITS = 2 /* header and links */
};

#define NONE           UINT32_MAX /* no chunk: ends the free list */
#define SIZE_UNITS_MAX (UINT32_MAX >> 1)
#define IN_USE         1u

/* Words of smh_heap.state. */
enum {
    STATE_BASE,  /* address of the first header */
    STATE_END,   /* units from base to the end */
    STATE_HEAD,  /* unit of the first free chunk, or NONE */
    STATE_TAIL,  /* unit of the last free chunk, or NONE */
    STATE_STRIDE /* units of a granule */
};

struct header {
    uint32_t size_in_use; /* units << 1, and IN_USE */
    uint32_t previous;    /* units of the chunk before, 0 for the first */
};

struct links {
    uint32_t next; /* ascending; NONE at either end */
    uint32_t last;
};

static inline uint32_t end_unit(const struct smh_heap *heap)
{
    return (uint32_t)heap->state[STATE_END];
}

static inline uint32_t smallest_units(const struct smh_heap *heap)
{
    uint32_t stride = (uint32_t)heap->state[STATE_STRIDE];

    return stride < SMALLEST_UNITS ? SMALLEST_UNITS : stride;
}

static inline struct header *header_at(const struct smh_heap *heap, uint32_t unit)
{
    return (struct header *)(heap->state[STATE_BASE] + ((uintptr_t)unit << UNIT_SHIFT));
}

static inline struct links *links_at(const struct smh_heap *heap, uint32_t unit)
{
    return (struct links *)(heap->state[STATE_BASE] + ((uintptr_t)unit << UNIT_SHIFT) +
                            HEADER_BYTES);
}

static inline void *block_at(const struct smh_heap *heap, uint32_t unit)
{
    return links_at(heap, unit);
}

/* The unit at which the chunk of a block starts. */
static inline uint32_t unit_of(const struct smh_heap *heap, const void *block)
{
    return (uint32_t)(((uintptr_t)block - HEADER_BYTES - heap->state[STATE_BASE]) >> UNIT_SHIFT);
}

static inline uint32_t size_at(const struct smh_heap *heap, uint32_t unit)
{
    return header_at(heap, unit)->size_in_use >> 1;
}

static inline bool in_use_at(const struct smh_heap *heap, uint32_t unit)
{
    return (header_at(heap, unit)->size_in_use & IN_USE) != 0;
}

static inline size_t bytes_of(uint32_t units)
{
    return (size_t)units << UNIT_SHIFT;
}

/* Writes the size of the chunk at unit, and the neighbour's copy of it. */
static inline void set_size(const struct smh_heap *heap, uint32_t unit, uint32_t size,
                            uint32_t in_use)
{
    header_at(heap, unit)->size_in_use = size << 1 | in_use;
    if (unit + size != end_unit(heap)) {
        header_at(heap, unit + size)->previous = size;
    }
}

/* Units that a block of `bytes` reserves, or 0 when no chunk of this heap is so large. */
static inline uint32_t units_for(const struct smh_heap *heap, size_t bytes)
{
    uint32_t stride = (uint32_t)heap->state[STATE_STRIDE];
    uint32_t units;

    if (bytes > bytes_of(end_unit(heap)) - HEADER_BYTES) {
        return 0;
    }
    units = (uint32_t)((bytes + HEADER_BYTES + UNIT - 1) >> UNIT_SHIFT);
    units = (units + stride - 1) & ~(stride - 1);
    return units < SMALLEST_UNITS ? SMALLEST_UNITS : units;
}

/* The free list. */

static inline void set_next(struct smh_heap *heap, uint32_t unit, uint32_t next)
{
    if (unit == NONE) {
        heap->state[STATE_HEAD] = next;
    } else {
        links_at(heap, unit)->next = next;
    }
}

static inline void set_last(struct smh_heap *heap, uint32_t unit, uint32_t last)
{
    if (unit == NONE) {
        heap->state[STATE_TAIL] = last;
    } else {
        links_at(heap, unit)->last = last;
    }
}

static inline void list_insert(struct smh_heap *heap, uint32_t unit, uint32_t last, uint32_t next)
{
    set_next(heap, last, unit);
    set_last(heap, next, unit);
    set_next(heap, unit, next);
    set_last(heap, unit, last);
}

static inline void list_remove(struct smh_heap *heap, uint32_t unit)
{
    uint32_t next = links_at(heap, unit)->next;
    uint32_t last = links_at(heap, unit)->last;

    set_next(heap, last, next);
    set_last(heap, next, last);
}

/* The chunk `to` takes the place of `from` in the list. The ranges of the two may overlap. */
static inline void list_replace(struct smh_heap *heap, uint32_t from, uint32_t to)
{
    uint32_t next = links_at(heap, from)->next;
    uint32_t last = links_at(heap, from)->last;

    list_insert(heap, to, last, next);
}

/* The last free chunk before unit, or NONE: outwards from unit, a chunk to either side a step. */
static uint32_t free_chunk_before(const struct smh_heap *heap, uint32_t unit)
{
    uint32_t below = unit;
    uint32_t above = unit;

    for (;;) {
        if (below == 0) {
            return NONE;
        }
        below -= header_at(heap, below)->previous;
        if (!in_use_at(heap, below)) {
            return below;
        }
        above += size_at(heap, above);
        if (above == end_unit(heap)) {
            return (uint32_t)heap->state[STATE_TAIL];
        }
        if (!in_use_at(heap, above)) {
            return links_at(heap, above)->last;
        }
    }
}

/* Links a free chunk whose neighbours are both in use. */
static void list_insert_ordered(struct smh_heap *heap, uint32_t unit)
{
    uint32_t last = free_chunk_before(heap, unit);
    uint32_t next = last == NONE ? (uint32_t)heap->state[STATE_HEAD] : links_at(heap, last)->next;

    list_insert(heap, unit, last, next);
}

static int first_fit_init(struct smh_heap *heap, const struct smh_heap_config *config)
{
    size_t granule = config->granule == 0 ? UNIT : config->granule;
    uintptr_t memory = (uintptr_t)config->memory;
    size_t skip;
    size_t size;

    if (granule < UNIT) {
        return -EINVAL;
    }
    /* The first block is the first multiple of the granule with room for a header before it. */
    if (config->memory_size < HEADER_BYTES || memory > UINTPTR_MAX - HEADER_BYTES) {
        return -ENOMEM;
    }
    skip = smh_distance_up(memory + HEADER_BYTES, granule);
    if (config->memory_size < skip) {
        return -ENOMEM;
    }
    size = smh_round_down(config->memory_size - skip, granule);
    if (size < (size_t)SMALLEST_UNITS * UNIT || (size >> UNIT_SHIFT) > SIZE_UNITS_MAX) {
        return -ENOMEM;
    }
    heap->state[STATE_BASE] = memory + skip;
    heap->state[STATE_END] = size >> UNIT_SHIFT;
    heap->state[STATE_STRIDE] = granule >> UNIT_SHIFT;
    heap->capacity_bytes = size;
    heap->granule_shift = (uint8_t)smh_floor_log2(granule);
    heap->step_shift = heap->granule_shift;
    set_size(heap, 0, end_unit(heap), 0);
    header_at(heap, 0)->previous = 0;
    list_insert(heap, 0, NONE, NONE);
    return 0;
}

/* Hands out the first `need` units of a free chunk that is in the list; what is left stays in its
 * place in the list, unless it is too small to be a chunk. */
static void *take(struct smh_heap *heap, uint32_t unit, uint32_t need)
{
    uint32_t size = size_at(heap, unit);
    uint32_t rest = size - need;

    if (rest < smallest_units(heap)) {
        need = size;
        list_remove(heap, unit);
    } else {
        list_replace(heap, unit, unit + need);
        set_size(heap, unit + need, rest, 0);
    }
    set_size(heap, unit, need, IN_USE);
    smh_engine_count_alloc(heap, bytes_of(need));
    return block_at(heap, unit);
}

static void *first_fit_alloc(struct smh_heap *heap, size_t bytes)
{
    uint32_t need = units_for(heap, bytes);
    uint32_t unit = (uint32_t)heap->state[STATE_HEAD];

    if (need == 0) {
        return NULL;
    }
    while (unit != NONE) {
        if (size_at(heap, unit) >= need) {
            return take(heap, unit, need);
        }
        unit = links_at(heap, unit)->next;
    }
    return NULL;
}

/* Bytes to leave free at the front of a chunk so that its block is aligned: none, or enough for a
 * chunk. SIZE_MAX when there is no such number. */
static size_t aligned_skip(const struct smh_heap *heap, uint32_t unit, size_t align)
{
    size_t smallest = bytes_of(smallest_units(heap));
    size_t skip = smh_distance_up((uintptr_t)block_at(heap, unit), align);

    if (skip == 0 || skip >= smallest) {
        return skip;
    }
    return align > SIZE_MAX - skip ? SIZE_MAX : skip + align;
}

static void *first_fit_aligned_alloc(struct smh_heap *heap, size_t align, size_t bytes)
{
    uint32_t need = units_for(heap, bytes);
    uint32_t unit = (uint32_t)heap->state[STATE_HEAD];

    if (align <= bytes_of((uint32_t)heap->state[STATE_STRIDE])) {
        return first_fit_alloc(heap, bytes);
    }
    if (need == 0) {
        return NULL;
    }
    while (unit != NONE) {
        uint32_t size = size_at(heap, unit);
        size_t skip = aligned_skip(heap, unit, align);

        if (size >= need && skip <= bytes_of(size - need)) {
            if (skip != 0) {
                uint32_t front = (uint32_t)(skip >> UNIT_SHIFT);
                uint32_t next = links_at(heap, unit)->next;

                set_size(heap, unit, front, 0);
                set_size(heap, unit + front, size - front, 0);
                list_insert(heap, unit + front, unit, next);
                unit += front;
            }
            return take(heap, unit, need);
        }
        unit = links_at(heap, unit)->next;
    }
    return NULL;
}

/*     |left free|  block  |right free|      the four ways to merge; the header of what is swallowed
 *     |       one free chunk         |      keeps no IN_USE, so that a second free is noticed
 */
static void first_fit_free(struct smh_heap *heap, void *block)
{
    uint32_t unit = unit_of(heap, block);
    uint32_t size = size_at(heap, unit);
    uint32_t right = unit + size;
    uint32_t before = header_at(heap, unit)->previous;
    bool right_free = right != end_unit(heap) && !in_use_at(heap, right);
    bool left_free = unit != 0 && !in_use_at(heap, unit - before);

    smh_engine_count_free(heap, bytes_of(size));
    header_at(heap, unit)->size_in_use = size << 1;
    if (right_free) {
        size += size_at(heap, right);
    }
    if (left_free) {
        if (right_free) {
            list_remove(heap, right);
        }
        unit -= before;
        size += before;
    } else if (right_free) {
        list_replace(heap, right, unit);
    } else {
        list_insert_ordered(heap, unit);
    }
    set_size(heap, unit, size, 0);
}

/*     |  block  |right free|      a block and the free chunk behind it share their units anew:
 *     |    block    | free |      the block takes what it needs, the rest is one free chunk
 */
static bool first_fit_resize(struct smh_heap *heap, void *block, size_t bytes)
{
    uint32_t unit = unit_of(heap, block);
    uint32_t size = size_at(heap, unit);
    uint32_t need = units_for(heap, bytes);
    uint32_t right = unit + size;
    bool right_free = right != end_unit(heap) && !in_use_at(heap, right);
    uint32_t total = right_free ? size + size_at(heap, right) : size;
    bool rest_is_chunk;

    if (need == 0 || need > total) {
        return false;
    }
    if (need == size) {
        return true;
    }
    rest_is_chunk = total - need >= smallest_units(heap);
    if (!rest_is_chunk) {
        need = total;
    }
    if (right_free && rest_is_chunk) {
        list_replace(heap, right, unit + need);
    } else if (right_free) {
        list_remove(heap, right);
    }
    if (rest_is_chunk) {
        set_size(heap, unit + need, total - need, 0);
    }
    set_size(heap, unit, need, IN_USE);
    if (!right_free && rest_is_chunk) {
        list_insert_ordered(heap, unit + need);
    }
    smh_engine_count_resize(heap, bytes_of(size), bytes_of(need));
    return true;
}

static size_t first_fit_usable_size(const struct smh_heap *heap, const void *block)
{
    return bytes_of(size_at(heap, unit_of(heap, block))) - HEADER_BYTES;
}

/* Whether a chunk of `size` units can start at unit. */
static bool plausible_size(const struct smh_heap *heap, uint32_t unit, uint32_t size)
{
    uint32_t stride = (uint32_t)heap->state[STATE_STRIDE];

    return size >= smallest_units(heap) && (size & (stride - 1)) == 0 &&
           size <= end_unit(heap) - unit;
}

static int first_fit_verdict(const struct smh_heap *heap, const void *block)
{
    uintptr_t offset = (uintptr_t)block - HEADER_BYTES - heap->state[STATE_BASE];
    uint32_t unit;
    uint32_t size;
    uint32_t before;

    /* Below the first block the difference wraps. */
    if (offset >= heap->capacity_bytes ||
        (offset & (bytes_of((uint32_t)heap->state[STATE_STRIDE]) - 1)) != 0) {
        return -EINVAL;
    }
    unit = (uint32_t)(offset >> UNIT_SHIFT);
    size = size_at(heap, unit);
    if (!plausible_size(heap, unit, size)) {
        return -EINVAL;
    }
    if (!in_use_at(heap, unit)) {
        return -EALREADY;
    }
    if (unit + size != end_unit(heap) && header_at(heap, unit + size)->previous != size) {
        return -EINVAL;
    }
    before = header_at(heap, unit)->previous;
    if (before == 0) {
        return unit == 0 ? 0 : -EINVAL;
    }
    if (before > unit || (before & ((uint32_t)heap->state[STATE_STRIDE] - 1)) != 0) {
        return -EINVAL;
    }
    return size_at(heap, unit - before) == before ? 0 : -EINVAL;
}

static size_t first_fit_largest_free(const struct smh_heap *heap)
{
    uint32_t largest = 0;

    for (uint32_t unit = (uint32_t)heap->state[STATE_HEAD]; unit != NONE;
         unit = links_at(heap, unit)->next) {
        if (size_at(heap, unit) > largest) {
            largest = size_at(heap, unit);
        }
    }
    return largest == 0 ? 0 : bytes_of(largest) - HEADER_BYTES;
}

static size_t first_fit_sufficient_chunk(const struct smh_heap *heap, size_t align, size_t bytes)
{
    size_t granule = bytes_of((uint32_t)heap->state[STATE_STRIDE]);
    size_t need = bytes_of(units_for(heap, bytes));
    size_t worst_skip = 0;

    if (align > granule) {
        /* With granule 8 a gap of 8 holds no chunk, and the block goes one alignment further. */
        worst_skip = granule == UNIT ? align + UNIT : align - granule;
    }
    if (need == 0 || worst_skip > SIZE_MAX - need) {
        return SIZE_MAX;
    }
    return need + worst_skip;
}

static void fill_chunk(const struct smh_heap *heap, uint32_t unit, struct smh_chunk *chunk)
{
    uint32_t size = size_at(heap, unit);

    chunk->offset = (size_t)(heap->state[STATE_BASE] - (uintptr_t)heap->memory) + bytes_of(unit);
    chunk->size = bytes_of(size);
    chunk->used = in_use_at(heap, unit);
    chunk->block = chunk->used ? block_at(heap, unit) : NULL;
    chunk->usable = bytes_of(size) - HEADER_BYTES;
    chunk->next = (uintptr_t)unit + size + 1; /* one more, as 0 is the start */
}

static bool first_fit_walk(const struct smh_heap *heap, struct smh_chunk *chunk)
{
    uint32_t unit;

    if (chunk->next > end_unit(heap)) {
        return false;
    }
    unit = chunk->next == 0 ? 0 : (uint32_t)(chunk->next - 1);
    if (!plausible_size(heap, unit, size_at(heap, unit))) {
        return false; /* damaged: first_fit_check() says where */
    }
    fill_chunk(heap, unit, chunk);
    return true;
}

static void first_fit_chunk_of(const struct smh_heap *heap, const void *block,
                               struct smh_chunk *chunk)
{
    fill_chunk(heap, unit_of(heap, block), chunk);
}

static int broken(const struct smh_heap *heap, struct smh_fault *fault, uint32_t unit,
                  const char *rule)
{
    fault->rule = rule;
    fault->offset = (size_t)(heap->state[STATE_BASE] - (uintptr_t)heap->memory) + bytes_of(unit);
    return -EINVAL;
}

/* Walks chunks and list in step: a link is followed only as far as to compare it with the next free
 * chunk met, so that no damage leads outside the region or round in circles. */
static int first_fit_check(const struct smh_heap *heap, struct smh_fault *fault)
{
    uint32_t previous = 0;
    uint32_t last = NONE;
    uint32_t expected = (uint32_t)heap->state[STATE_HEAD];
    bool after_free = false;

    for (uint32_t unit = 0; unit != end_unit(heap);) {
        uint32_t size = size_at(heap, unit);

        if (!plausible_size(heap, unit, size)) {
            return broken(heap, fault, unit, "a chunk's size fits its place and the granule");
        }
        if (header_at(heap, unit)->previous != previous) {
            return broken(heap, fault, unit, "a header repeats the size of the chunk before it");
        }
        if (!in_use_at(heap, unit)) {
            if (after_free) {
                return broken(heap, fault, unit, "no two free chunks touch");
            }
            if (unit != expected) {
                return broken(heap, fault, unit, "the free list holds every free chunk, ascending");
            }
            if (links_at(heap, unit)->last != last) {
                return broken(heap, fault, unit, "a free chunk links back to the one before it");
            }
            last = unit;
            expected = links_at(heap, unit)->next;
        }
        after_free = !in_use_at(heap, unit);
        previous = size;
        unit += size;
    }
    if (expected != NONE) {
        return broken(heap, fault, last == NONE ? 0 : last,
                      "the free list ends with the last free chunk");
    }
    if ((uint32_t)heap->state[STATE_TAIL] != last) {
        return broken(heap, fault, last == NONE ? 0 : last,
                      "the list's tail is the last free chunk");
    }
    return 0;
}

const struct smh_engine smh_engine_first_fit = {
    .abi = SMH_ENGINE_ABI,
    .name = "first_fit",
    .summary = "address-ordered first fit with boundary tags, 8-byte headers (Knuth)",
    .init = first_fit_init,
    .alloc = first_fit_alloc,
    .aligned_alloc = first_fit_aligned_alloc,
    .free = first_fit_free,
    .resize = first_fit_resize,
    .usable_size = first_fit_usable_size,
    .verdict = first_fit_verdict,
    .largest_free = first_fit_largest_free,
    .sufficient_chunk = first_fit_sufficient_chunk,
    .walk = first_fit_walk,
    .check = first_fit_check,
    .chunk_of = first_fit_chunk_of,
};
