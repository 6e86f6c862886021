/* SPDX-License-Identifier: Apache-2.0 */
/* boundary_tag.c: everything of the four fits but their search.
 *
 * Owns: the free list in order of address, splitting, merging, resizing, walking and judging.
 * boundary_tag.h draws the layout and states the invariants.
 *
 *     | used |      free      | used |   take: the low end, what is left keeps the chunk's place
 *     | used | block |  free  | used |         in the list, and the rover, if it was there
 */
#include "boundary_tag.h"

/* The free list. */

static inline void set_next(struct smh_heap *heap, uint32_t unit, uint32_t next)
{
    if (unit == SMH_TAG_NONE) {
        heap->state[SMH_TAG_HEAD] = next;
    } else {
        smh_tag_links_at(heap, unit)->next = next;
    }
}

static inline void set_last(struct smh_heap *heap, uint32_t unit, uint32_t last)
{
    if (unit == SMH_TAG_NONE) {
        heap->state[SMH_TAG_TAIL] = last;
    } else {
        smh_tag_links_at(heap, unit)->last = last;
    }
}

/* A rover that stood at `from` goes to `to`. */
static inline void move_rover(struct smh_heap *heap, uint32_t from, uint32_t to)
{
    if (heap->state[SMH_TAG_ROVER] == from) {
        heap->state[SMH_TAG_ROVER] = to;
    }
}

void smh_tag_list_insert(struct smh_heap *heap, uint32_t unit, uint32_t last, uint32_t next)
{
    set_next(heap, last, unit);
    set_last(heap, next, unit);
    set_next(heap, unit, next);
    set_last(heap, unit, last);
}

void smh_tag_list_remove(struct smh_heap *heap, uint32_t unit)
{
    uint32_t next = smh_tag_links_at(heap, unit)->next;
    uint32_t last = smh_tag_links_at(heap, unit)->last;

    set_next(heap, last, next);
    set_last(heap, next, last);
    move_rover(heap, unit, next);
}

/* The chunk `to` takes the place of `from` in the list. The ranges of the two may overlap. */
static inline void list_replace(struct smh_heap *heap, uint32_t from, uint32_t to)
{
    uint32_t next = smh_tag_links_at(heap, from)->next;
    uint32_t last = smh_tag_links_at(heap, from)->last;

    smh_tag_list_insert(heap, to, last, next);
    move_rover(heap, from, to);
}

/* The last free chunk before unit, or none: outwards from unit, a chunk to either side a step. */
static uint32_t free_chunk_before(const struct smh_heap *heap, uint32_t unit)
{
    uint32_t below = unit;
    uint32_t above = unit;

    for (;;) {
        if (below == 0) {
            return SMH_TAG_NONE;
        }
        below -= smh_tag_header_at(heap, below)->previous;
        if (!smh_tag_in_use_at(heap, below)) {
            return below;
        }
        above += smh_tag_size_at(heap, above);
        if (above == smh_tag_end(heap)) {
            return (uint32_t)heap->state[SMH_TAG_TAIL];
        }
        if (!smh_tag_in_use_at(heap, above)) {
            return smh_tag_links_at(heap, above)->last;
        }
    }
}

/* Links a free chunk whose neighbours are both in use. */
static void list_insert_ordered(struct smh_heap *heap, uint32_t unit)
{
    uint32_t last = free_chunk_before(heap, unit);
    uint32_t next = last == SMH_TAG_NONE ? smh_tag_first(heap) : smh_tag_after(heap, last);

    smh_tag_list_insert(heap, unit, last, next);
}

int smh_tag_init(struct smh_heap *heap, const struct smh_heap_config *config)
{
    size_t granule = config->granule == 0 ? SMH_TAG_UNIT : config->granule;
    uintptr_t memory = (uintptr_t)config->memory;
    size_t skip;
    size_t size;

    if (granule < SMH_TAG_UNIT) {
        return -EINVAL;
    }
    /* The first block is the first multiple of the granule with room for a header before it. */
    skip = smh_distance_up(memory + SMH_TAG_HEADER_BYTES, granule);
    if (config->memory_size < skip) {
        return -ENOMEM;
    }
    size = smh_round_down(config->memory_size - skip, granule);
    if (size < (size_t)SMH_TAG_SMALLEST_UNITS * SMH_TAG_UNIT ||
        (size >> SMH_TAG_UNIT_SHIFT) > SMH_TAG_SIZE_UNITS_MAX) {
        return -ENOMEM;
    }
    heap->state[SMH_TAG_BASE] = memory + skip;
    heap->state[SMH_TAG_END] = size >> SMH_TAG_UNIT_SHIFT;
    heap->state[SMH_TAG_STRIDE] = granule >> SMH_TAG_UNIT_SHIFT;
    heap->state[SMH_TAG_ROVER] = SMH_TAG_NONE;
    heap->capacity_bytes = size;
    heap->granule_shift = (uint8_t)smh_floor_log2(granule);
    heap->step_shift = heap->granule_shift;
    smh_tag_set_size(heap, 0, smh_tag_end(heap), 0);
    smh_tag_header_at(heap, 0)->previous = 0;
    smh_tag_list_insert(heap, 0, SMH_TAG_NONE, SMH_TAG_NONE);
    return 0;
}

void *smh_tag_take(struct smh_heap *heap, uint32_t unit, uint32_t need)
{
    uint32_t size = smh_tag_size_at(heap, unit);
    uint32_t rest = size - need;

    if (rest < SMH_TAG_SMALLEST_UNITS) {
        need = size;
        smh_tag_list_remove(heap, unit);
    } else {
        list_replace(heap, unit, unit + need);
        smh_tag_set_size(heap, unit + need, rest, 0);
    }
    smh_tag_set_size(heap, unit, need, SMH_TAG_IN_USE);
    smh_engine_count_alloc(heap, smh_tag_bytes(need));
    return smh_tag_block_at(heap, unit);
}

/* Splits off what lies before the first aligned block of a free chunk; the chunk that holds it. */
static uint32_t split_front(struct smh_heap *heap, uint32_t unit, size_t align)
{
    uint32_t size = smh_tag_size_at(heap, unit);
    uint32_t front = (uint32_t)(smh_tag_skip(heap, unit, align) >> SMH_TAG_UNIT_SHIFT);

    if (front == 0) {
        return unit;
    }
    smh_tag_list_insert(heap, unit + front, unit, smh_tag_after(heap, unit));
    smh_tag_set_size(heap, unit, front, 0);
    smh_tag_set_size(heap, unit + front, size - front, 0);
    move_rover(heap, unit, unit + front);
    return unit + front;
}

void *smh_tag_alloc(struct smh_heap *heap, size_t align, size_t bytes, smh_tag_search search)
{
    struct smh_tag_request request = {.need = smh_tag_units_for(heap, bytes)};
    uint32_t unit;

    if (request.need == 0) {
        return NULL;
    }
    if (align > smh_tag_bytes((uint32_t)heap->state[SMH_TAG_STRIDE])) {
        request.align = align;
    }
    unit = search(heap, &request);
    if (unit == SMH_TAG_NONE) {
        return NULL;
    }
    if (request.align != 0) {
        unit = split_front(heap, unit, request.align);
    }
    return smh_tag_take(heap, unit, request.need);
}

/*     |left free|  block  |right free|      the four ways to merge; the header of what is swallowed
 *     |       one free chunk         |      is not "in use", so that a second free is noticed
 */
void smh_tag_free(struct smh_heap *heap, void *block)
{
    uint32_t unit = smh_tag_unit_of(heap, block);
    uint32_t size = smh_tag_size_at(heap, unit);
    uint32_t right = unit + size;
    uint32_t before = smh_tag_header_at(heap, unit)->previous;
    bool right_free = right != smh_tag_end(heap) && !smh_tag_in_use_at(heap, right);
    bool left_free = !smh_tag_in_use_at(heap, unit - before); /* of the first: itself */

    smh_engine_count_free(heap, smh_tag_bytes(size));
    smh_tag_header_at(heap, unit)->size_in_use = size << 1;
    if (right_free) {
        size += smh_tag_size_at(heap, right);
    }
    if (left_free) {
        if (right_free) {
            move_rover(heap, right, unit - before);
            smh_tag_list_remove(heap, right);
        }
        unit -= before;
        size += before;
    } else if (right_free) {
        list_replace(heap, right, unit);
    } else {
        list_insert_ordered(heap, unit);
    }
    smh_tag_set_size(heap, unit, size, 0);
}

/*     |  block  |right free|      a block and the free chunk behind it share their units anew:
 *     |    block    | free |      the block takes what it needs, the rest is one free chunk
 */
bool smh_tag_resize(struct smh_heap *heap, void *block, size_t bytes)
{
    uint32_t unit = smh_tag_unit_of(heap, block);
    uint32_t size = smh_tag_size_at(heap, unit);
    uint32_t need = smh_tag_units_for(heap, bytes);
    uint32_t right = unit + size;
    bool right_free = right != smh_tag_end(heap) && !smh_tag_in_use_at(heap, right);
    uint32_t total = right_free ? size + smh_tag_size_at(heap, right) : size;
    bool rest_is_chunk;

    if (need == 0 || need > total) {
        return false;
    }
    rest_is_chunk = total - need >= SMH_TAG_SMALLEST_UNITS;
    if (!rest_is_chunk) {
        need = total;
    }
    if (right_free && rest_is_chunk) {
        list_replace(heap, right, unit + need);
    } else if (right_free) {
        smh_tag_list_remove(heap, right);
    }
    if (rest_is_chunk) {
        smh_tag_set_size(heap, unit + need, total - need, 0);
    }
    smh_tag_set_size(heap, unit, need, SMH_TAG_IN_USE);
    if (!right_free && rest_is_chunk) {
        list_insert_ordered(heap, unit + need);
    }
    smh_engine_count_resize(heap, smh_tag_bytes(size), smh_tag_bytes(need));
    return true;
}

size_t smh_tag_usable_size(const struct smh_heap *heap, const void *block)
{
    return smh_tag_bytes(smh_tag_size_at(heap, smh_tag_unit_of(heap, block))) -
           SMH_TAG_HEADER_BYTES;
}

/* Whether a chunk of `size` units can start at unit. */
static bool plausible_size(const struct smh_heap *heap, uint32_t unit, uint32_t size)
{
    uint32_t stride = (uint32_t)heap->state[SMH_TAG_STRIDE];

    return size >= SMH_TAG_SMALLEST_UNITS && (size & (stride - 1)) == 0 &&
           size <= smh_tag_end(heap) - unit;
}

int smh_tag_verdict(const struct smh_heap *heap, const void *block)
{
    uintptr_t offset = (uintptr_t)block - SMH_TAG_HEADER_BYTES - heap->state[SMH_TAG_BASE];
    uint32_t unit;
    uint32_t size;
    uint32_t before;

    /* Below the first block the difference wraps. */
    if (offset >= heap->capacity_bytes ||
        (offset & (smh_tag_bytes((uint32_t)heap->state[SMH_TAG_STRIDE]) - 1)) != 0) {
        return -EINVAL;
    }
    unit = (uint32_t)(offset >> SMH_TAG_UNIT_SHIFT);
    size = smh_tag_size_at(heap, unit);
    if (!plausible_size(heap, unit, size)) {
        return -EINVAL;
    }
    if (!smh_tag_in_use_at(heap, unit)) {
        return -EALREADY;
    }
    if (unit + size != smh_tag_end(heap) &&
        smh_tag_header_at(heap, unit + size)->previous != size) {
        return -EINVAL;
    }
    before = smh_tag_header_at(heap, unit)->previous;
    if (before == 0) {
        return unit == 0 ? 0 : -EINVAL;
    }
    if (before > unit || (before & ((uint32_t)heap->state[SMH_TAG_STRIDE] - 1)) != 0) {
        return -EINVAL;
    }
    return smh_tag_size_at(heap, unit - before) == before ? 0 : -EINVAL;
}

size_t smh_tag_largest_free(const struct smh_heap *heap)
{
    uint32_t largest = 0;

    for (uint32_t unit = smh_tag_first(heap); unit != SMH_TAG_NONE;
         unit = smh_tag_links_at(heap, unit)->next) {
        if (smh_tag_size_at(heap, unit) > largest) {
            largest = smh_tag_size_at(heap, unit);
        }
    }
    return largest == 0 ? 0 : smh_tag_bytes(largest) - SMH_TAG_HEADER_BYTES;
}

size_t smh_tag_sufficient_chunk(const struct smh_heap *heap, size_t align, size_t bytes)
{
    size_t granule = smh_tag_bytes((uint32_t)heap->state[SMH_TAG_STRIDE]);
    size_t need = smh_tag_bytes(smh_tag_units_for(heap, bytes));
    size_t worst_skip = 0;

    if (align > granule) {
        /* With granule 8 a gap of 8 holds no chunk, and the block goes one alignment further. */
        worst_skip = granule == SMH_TAG_UNIT ? align + SMH_TAG_UNIT : align - granule;
    }
    /* No need is one beyond all sizes: one less, it wraps. */
    if (need - 1 >= SIZE_MAX - worst_skip) {
        return SIZE_MAX;
    }
    return need + worst_skip;
}

static void fill_chunk(const struct smh_heap *heap, uint32_t unit, struct smh_chunk *chunk)
{
    uint32_t size = smh_tag_size_at(heap, unit);

    chunk->offset =
        (size_t)(heap->state[SMH_TAG_BASE] - (uintptr_t)heap->memory) + smh_tag_bytes(unit);
    chunk->size = smh_tag_bytes(size);
    chunk->used = smh_tag_in_use_at(heap, unit);
    chunk->block = chunk->used ? smh_tag_block_at(heap, unit) : NULL;
    chunk->usable = smh_tag_bytes(size) - SMH_TAG_HEADER_BYTES;
    chunk->next = (uintptr_t)unit + size + 1; /* one more, as 0 is the start */
}

bool smh_tag_walk(const struct smh_heap *heap, struct smh_chunk *chunk)
{
    uint32_t unit;

    if (chunk->next > smh_tag_end(heap)) {
        return false;
    }
    unit = chunk->next == 0 ? 0 : (uint32_t)(chunk->next - 1);
    if (!plausible_size(heap, unit, smh_tag_size_at(heap, unit))) {
        return false; /* damaged: smh_tag_check() says where */
    }
    fill_chunk(heap, unit, chunk);
    return true;
}

void smh_tag_chunk_of(const struct smh_heap *heap, const void *block, struct smh_chunk *chunk)
{
    fill_chunk(heap, smh_tag_unit_of(heap, block), chunk);
}

static int broken(const struct smh_heap *heap, struct smh_fault *fault, uint32_t unit,
                  const char *rule)
{
    fault->rule = rule;
    fault->offset =
        (size_t)(heap->state[SMH_TAG_BASE] - (uintptr_t)heap->memory) + smh_tag_bytes(unit);
    return -EINVAL;
}

/* Walks chunks and list in step: a link is followed only as far as to compare it with the next free
 * chunk met, so that no damage leads outside the region or round in circles. */
int smh_tag_check(const struct smh_heap *heap, struct smh_fault *fault)
{
    uint32_t previous = 0;
    uint32_t last = SMH_TAG_NONE;
    uint32_t expected = smh_tag_first(heap);
    bool after_free = false;
    bool rover_met = heap->state[SMH_TAG_ROVER] == SMH_TAG_NONE;

    for (uint32_t unit = 0; unit != smh_tag_end(heap);) {
        uint32_t size = smh_tag_size_at(heap, unit);

        if (!plausible_size(heap, unit, size)) {
            return broken(heap, fault, unit, "a chunk's size fits its place and the granule");
        }
        if (smh_tag_header_at(heap, unit)->previous != previous) {
            return broken(heap, fault, unit, "a header repeats the size of the chunk before it");
        }
        if (!smh_tag_in_use_at(heap, unit)) {
            if (after_free) {
                return broken(heap, fault, unit, "no two free chunks touch");
            }
            if (unit != expected) {
                return broken(heap, fault, unit, "the free list holds every free chunk, ascending");
            }
            if (smh_tag_links_at(heap, unit)->last != last) {
                return broken(heap, fault, unit, "a free chunk links back to the one before it");
            }
            rover_met = rover_met || heap->state[SMH_TAG_ROVER] == unit;
            last = unit;
            expected = smh_tag_links_at(heap, unit)->next;
        }
        after_free = !smh_tag_in_use_at(heap, unit);
        previous = size;
        unit += size;
    }
    if (expected != SMH_TAG_NONE) {
        return broken(heap, fault, last == SMH_TAG_NONE ? 0 : last,
                      "the free list ends with the last free chunk");
    }
    if ((uint32_t)heap->state[SMH_TAG_TAIL] != last) {
        return broken(heap, fault, last == SMH_TAG_NONE ? 0 : last,
                      "the list's tail is the last free chunk");
    }
    if (!rover_met) {
        return broken(heap, fault, 0, "the rover stands at a free chunk");
    }
    return 0;
}
