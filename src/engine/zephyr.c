/* SPDX-License-Identifier: Apache-2.0 */
/* zephyr.c: engines `zephyr` and `zephyr_stats`, a twin of Zephyr's sys_heap.
 *
 * Owns: allocation, freeing and resizing in the very layout of sys_heap (zephyr_layout.h), so that
 * a replay on this machine tells where the firmware will put each block and which request fails.
 * Written anew from the algorithm and compared with Zephyr's lib/heap, block by block and byte by
 * byte of the region: heap.c of 2026 as in aescolar/zephyr
 * 8a734d372581b33462d254805d71266f9f6061e1, heap.h as in zephyrproject-rtos/zephyr
 * 00cdac66c422f7bf524b6e8f4144802466adb51d, with CONFIG_SYS_HEAP_ALLOC_LOOPS 3, hardening, canaries
 * and sanitizers off. (Older ones, as read, place the same, but count a block's header in their
 * statistics, and read past their buckets when an aligned request exceeds the heap.) `zephyr_stats`
 * is the same with CONFIG_SYS_HEAP_RUNTIME_STATS: chunk 0 holds three counters more.
 *
 *     request -> units -> its bucket: the first three that are there, the first that fits
 *                      -> else the head of the next non-empty bucket above, which always fits
 *                      -> split; the rest goes to the end of its bucket's list
 *
 * Every operation is O(1): at most three chunks looked at, at most two neighbours merged.
 *
 * When NULL is given although memory is free: a chunk that would fit may be fourth or later in
 * its bucket. A request of u units never fails while a free chunk of u' units exists, u' the least
 * size of the next bucket up (of its own, when u is that least size; u itself, when the region is
 * too small for four such chunks). An aligned request asks for align minus header bytes more.
 *
 * Without a start bitmap the verdict on a pointer rests on what is at the header before it: its
 * used bit, left(right(c)) == c and right(left(c)) == c, bounds first. A pointer into a block whose
 * bytes imitate a header passes; a clear bit inside a block reads as "already free"; and a small
 * heap cannot tell the first payload address of a block from the one 4 bytes later, since an
 * aligned block may start there.
 */
#include "zephyr_layout.h"

/* --- free lists ------------------------------------------------------------------------------ */

ZEPHYR_INLINE void list_remove(struct smh_heap *heap, struct zephyr z, uint32_t chunk,
                               uint32_t bucket)
{
    uint32_t next = zephyr_get(z, chunk, ZEPHYR_NEXT);

    if (next == chunk) {
        zephyr_words(z)[ZEPHYR_WORD_AVAIL] &= ~(1u << bucket);
        zephyr_buckets(heap, z)[bucket] = 0;
    } else {
        uint32_t prev = zephyr_get(z, chunk, ZEPHYR_PREV);

        zephyr_buckets(heap, z)[bucket] = next;
        zephyr_set(z, prev, ZEPHYR_NEXT, next);
        zephyr_set(z, next, ZEPHYR_PREV, prev);
    }
    heap->state[ZEPHYR_STATE_FREE] -= zephyr_usable(z, zephyr_size(z, chunk));
}

/* Behind all others: before the head of the circle. */
ZEPHYR_INLINE void list_add(struct smh_heap *heap, struct zephyr z, uint32_t chunk)
{
    uint32_t units = zephyr_size(z, chunk);
    uint32_t bucket;
    uint32_t head;

    if (units < zephyr_smallest(z.big)) {
        return;
    }
    bucket = zephyr_bucket(z.big, units);
    head = zephyr_buckets(heap, z)[bucket];
    if (head == 0) {
        zephyr_words(z)[ZEPHYR_WORD_AVAIL] |= 1u << bucket;
        zephyr_buckets(heap, z)[bucket] = chunk;
        zephyr_set(z, chunk, ZEPHYR_PREV, chunk);
        zephyr_set(z, chunk, ZEPHYR_NEXT, chunk);
    } else {
        uint32_t last = zephyr_get(z, head, ZEPHYR_PREV);

        zephyr_set(z, chunk, ZEPHYR_PREV, last);
        zephyr_set(z, chunk, ZEPHYR_NEXT, head);
        zephyr_set(z, last, ZEPHYR_NEXT, chunk);
        zephyr_set(z, head, ZEPHYR_PREV, chunk);
    }
    heap->state[ZEPHYR_STATE_FREE] += zephyr_usable(z, units);
}

/* Takes a free chunk out of its list, if it is large enough to be in one. */
ZEPHYR_INLINE void list_drop(struct smh_heap *heap, struct zephyr z, uint32_t chunk)
{
    uint32_t units = zephyr_size(z, chunk);

    if (units >= zephyr_smallest(z.big)) {
        list_remove(heap, z, chunk, zephyr_bucket(z.big, units));
    }
}

/* A free chunk of at least `units`, out of its list, or 0. Every chunk found too small moves the
 * head of the circle on, also when the search fails: the next one starts behind it. */
ZEPHYR_INLINE uint32_t take_chunk(struct smh_heap *heap, struct zephyr z, uint32_t units)
{
    uint32_t bucket = zephyr_bucket(z.big, units);
    zephyr_word *head = &zephyr_buckets(heap, z)[bucket];
    uint32_t above;

    if (*head != 0) {
        uint32_t first = *head;
        uint32_t looks = ZEPHYR_ALLOC_LOOPS;

        do {
            uint32_t chunk = *head;

            if (zephyr_size(z, chunk) >= units) {
                list_remove(heap, z, chunk, bucket);
                return chunk;
            }
            *head = zephyr_get(z, chunk, ZEPHYR_NEXT);
            looks--;
        } while (looks != 0 && *head != first);
    }
    above = zephyr_words(z)[ZEPHYR_WORD_AVAIL] & ~((2u << bucket) - 1u);
    if (above != 0) {
        uint32_t larger = smh_lowest_bit_u32(above);
        uint32_t chunk = zephyr_buckets(heap, z)[larger];

        list_remove(heap, z, chunk, larger);
        return chunk;
    }
    return 0;
}

/* --- chunks ---------------------------------------------------------------------------------- */

/* Cuts the chunk `left` at `right`; both are free and in no list afterwards. */
ZEPHYR_INLINE void split(struct zephyr z, uint32_t left, uint32_t right)
{
    uint32_t left_units = right - left;
    uint32_t right_units = zephyr_size(z, left) - left_units;

    zephyr_set_size(z, left, left_units, false);
    zephyr_set_size(z, right, right_units, false);
    zephyr_set(z, right, ZEPHYR_LEFT, left_units);
    zephyr_set(z, right + right_units, ZEPHYR_LEFT, right_units);
}

/* Joins two neighbours, neither in a list; the result is free and in none. */
ZEPHYR_INLINE void merge(struct zephyr z, uint32_t left, uint32_t right)
{
    uint32_t units = zephyr_size(z, left) + zephyr_size(z, right);

    zephyr_set_size(z, left, units, false);
    zephyr_set(z, left + units, ZEPHYR_LEFT, units);
}

/* Units of a chunk for bytes + extra and a header, never more than the whole heap, which no chunk
 * reaches. Cannot overflow. */
ZEPHYR_INLINE uint32_t units_for(const struct smh_heap *heap, bool big, size_t bytes, size_t extra)
{
    size_t whole = (bytes >> ZEPHYR_UNIT_SHIFT) + (extra >> ZEPHYR_UNIT_SHIFT);
    size_t odd = (bytes & (ZEPHYR_UNIT - 1)) + (extra & (ZEPHYR_UNIT - 1)) +
                 zephyr_header_bytes(big) + (ZEPHYR_UNIT - 1);
    size_t units = whole + (odd >> ZEPHYR_UNIT_SHIFT);

    return units < zephyr_end(heap) ? (uint32_t)units : zephyr_end(heap);
}

/* --- statistics ------------------------------------------------------------------------------ */

/* Keeps the counters in chunk 0 as the target would have them. */
ZEPHYR_INLINE void publish(const struct smh_heap *heap, struct zephyr z)
{
    uintptr_t head = heap->state[ZEPHYR_STATE_HEAD];
    size_t counters[3] = {heap->state[ZEPHYR_STATE_FREE], zephyr_allocated(heap, z.big),
                          heap->state[ZEPHYR_STATE_PEAK]};

    if (SMH_BITS_LIKELY(heap->state[ZEPHYR_STATE_STATISTICS] == 0)) {
        return;
    }
    for (unsigned i = 0; i < 3; i++) {
        void *at = z.base + ZEPHYR_HEAD_PLAIN;

        if (head == ZEPHYR_HEAD_STATS_64) {
            ((zephyr_double *)at)[i] = counters[i];
        } else {
            ((zephyr_word *)at)[i] = (uint32_t)counters[i];
        }
    }
}

ZEPHYR_INLINE void raise_peak(struct smh_heap *heap, bool big)
{
    size_t allocated = zephyr_allocated(heap, big);

    if (allocated > heap->state[ZEPHYR_STATE_PEAK]) {
        heap->state[ZEPHYR_STATE_PEAK] = allocated;
    }
}

struct smh_zephyr_counters smh_zephyr_counters(const struct smh_heap *heap)
{
    struct smh_zephyr_counters counters = {heap->state[ZEPHYR_STATE_FREE],
                                           zephyr_allocated(heap, zephyr_big(heap)),
                                           heap->state[ZEPHYR_STATE_PEAK]};

    return counters;
}

void smh_zephyr_reset_peak(struct smh_heap *heap)
{
    bool big = zephyr_big(heap);

    heap->state[ZEPHYR_STATE_PEAK] = zephyr_allocated(heap, big);
    publish(heap, zephyr_of(heap, big));
}

/* --- the engine's functions, written once for both widths of fields -------------------------- */

/* Marks a chunk that take_chunk found, cut to size, as a block. */
ZEPHYR_INLINE void hand_out(struct smh_heap *heap, struct zephyr z, uint32_t chunk)
{
    uint32_t units = zephyr_size(z, chunk);

    zephyr_set_size(z, chunk, units, true);
    smh_engine_count_alloc(heap, (size_t)units << ZEPHYR_UNIT_SHIFT);
    raise_peak(heap, z.big);
    publish(heap, z);
}

ZEPHYR_INLINE void *alloc_in(struct smh_heap *heap, struct zephyr z, size_t bytes)
{
    uint32_t units = units_for(heap, z.big, bytes, 0);
    uint32_t chunk = take_chunk(heap, z, units);

    if (chunk == 0) {
        return NULL;
    }
    if (zephyr_size(z, chunk) > units) {
        split(z, chunk, chunk + units);
        list_add(heap, z, chunk + units);
    }
    hand_out(heap, z, chunk);
    return (uint8_t *)zephyr_at(z, chunk) + zephyr_header_bytes(z.big);
}

static void *zephyr_alloc(struct smh_heap *heap, size_t bytes)
{
    return zephyr_big(heap) ? alloc_in(heap, zephyr_of(heap, true), bytes)
                            : alloc_in(heap, zephyr_of(heap, false), bytes);
}

/* align is a power of two and `gap` what a chunk's own header already gives of it. Asks for so much
 * that an aligned place lies in any chunk found, and gives both ends back. */
ZEPHYR_INLINE void *aligned_alloc_in(struct smh_heap *heap, struct zephyr z, size_t align,
                                     size_t rewind, size_t gap, size_t bytes)
{
    uint32_t chunk = take_chunk(heap, z, units_for(heap, z.big, bytes, align - gap));
    uintptr_t block;
    uint32_t start;
    uint32_t end;

    if (chunk == 0) {
        return NULL;
    }
    block = (uintptr_t)zephyr_at(z, chunk) + zephyr_header_bytes(z.big) + rewind;
    block = ((block + (align - 1)) & ~(uintptr_t)(align - 1)) - rewind;
    start = zephyr_chunk_of(z, block);
    end = (uint32_t)((block + bytes + (ZEPHYR_UNIT - 1) - (uintptr_t)z.base) >> ZEPHYR_UNIT_SHIFT);
    if (start > chunk) {
        split(z, chunk, start);
        list_add(heap, z, chunk);
    }
    if (start + zephyr_size(z, start) > end) {
        split(z, start, end);
        list_add(heap, z, end);
    }
    hand_out(heap, z, start);
    return (void *)block;
}

void *smh_zephyr_aligned_alloc(struct smh_heap *heap, size_t align, size_t bytes)
{
    bool big = zephyr_big(heap);
    size_t header = zephyr_header_bytes(big);
    size_t rewind = align & (0u - align);
    size_t gap;

    if (bytes == 0) {
        return NULL;
    }
    if (align == rewind) { /* a power of two, or 0 */
        if (align <= header) {
            return zephyr_alloc(heap, bytes);
        }
        rewind = 0;
        gap = header;
    } else {
        align -= rewind;
        gap = rewind < header ? rewind : header;
        if (!smh_is_power_of_two(align)) {
            return NULL;
        }
    }
    return big ? aligned_alloc_in(heap, zephyr_of(heap, true), align, rewind, gap, bytes)
               : aligned_alloc_in(heap, zephyr_of(heap, false), align, rewind, gap, bytes);
}

/* Joins a chunk just freed with its free neighbours and lists the result. */
ZEPHYR_INLINE void release(struct smh_heap *heap, struct zephyr z, uint32_t chunk)
{
    uint32_t right = chunk + zephyr_size(z, chunk);
    uint32_t left = chunk - zephyr_get(z, chunk, ZEPHYR_LEFT);

    if (!zephyr_used(z, right)) {
        list_drop(heap, z, right);
        merge(z, chunk, right);
    }
    if (!zephyr_used(z, left)) {
        list_drop(heap, z, left);
        merge(z, left, chunk);
        chunk = left;
    }
    list_add(heap, z, chunk);
}

ZEPHYR_INLINE void free_in(struct smh_heap *heap, struct zephyr z, void *block)
{
    uint32_t chunk = zephyr_chunk_of(z, (uintptr_t)block);
    uint32_t units = zephyr_size(z, chunk);

    zephyr_set_size(z, chunk, units, false);
    smh_engine_count_free(heap, (size_t)units << ZEPHYR_UNIT_SHIFT);
    release(heap, z, chunk);
    publish(heap, z);
}

void smh_zephyr_free(struct smh_heap *heap, void *block)
{
    if (zephyr_big(heap)) {
        free_in(heap, zephyr_of(heap, true), block);
    } else {
        free_in(heap, zephyr_of(heap, false), block);
    }
}

ZEPHYR_INLINE bool resize_in(struct smh_heap *heap, struct zephyr z, void *block, size_t bytes)
{
    uint32_t chunk = zephyr_chunk_of(z, (uintptr_t)block);
    uint32_t units = zephyr_size(z, chunk);
    uint32_t wanted = units_for(heap, z.big, bytes, zephyr_gap(z.big, (uintptr_t)block));
    uint32_t right = chunk + units;

    if (units == wanted) {
        return true;
    }
    if (units > wanted) {
        split(z, chunk, chunk + wanted);
        zephyr_set_size(z, chunk, wanted, true);
        release(heap, z, chunk + wanted);
    } else {
        uint32_t more = wanted - units;

        if (zephyr_used(z, right) || zephyr_size(z, right) < more) {
            return false;
        }
        list_drop(heap, z, right);
        if (zephyr_size(z, right) > more) {
            split(z, right, right + more);
            list_add(heap, z, right + more);
        }
        merge(z, chunk, right);
        zephyr_set_size(z, chunk, wanted, true);
    }
    smh_engine_count_resize(heap, (size_t)units << ZEPHYR_UNIT_SHIFT,
                            (size_t)wanted << ZEPHYR_UNIT_SHIFT);
    raise_peak(heap, z.big);
    publish(heap, z);
    return true;
}

bool smh_zephyr_resize(struct smh_heap *heap, void *block, size_t bytes)
{
    return zephyr_big(heap) ? resize_in(heap, zephyr_of(heap, true), block, bytes)
                            : resize_in(heap, zephyr_of(heap, false), block, bytes);
}

size_t smh_zephyr_usable_size(const struct smh_heap *heap, const void *block)
{
    bool big = zephyr_big(heap);
    struct zephyr z = zephyr_of(heap, big);
    uint32_t chunk = zephyr_chunk_of(z, (uintptr_t)block);

    return zephyr_usable(z, zephyr_size(z, chunk)) - zephyr_gap(big, (uintptr_t)block);
}

int smh_zephyr_verdict(const struct smh_heap *heap, const void *block)
{
    bool big = zephyr_big(heap);
    struct zephyr z = zephyr_of(heap, big);
    uintptr_t offset = (uintptr_t)block - (uintptr_t)z.base;
    uint32_t first = zephyr_first(heap);
    uint32_t end = zephyr_end(heap);
    uint32_t chunk;
    uint32_t units;
    uint32_t left;

    if ((uintptr_t)block < (uintptr_t)z.base ||
        offset < ((uintptr_t)first << ZEPHYR_UNIT_SHIFT) + zephyr_header_bytes(big) ||
        offset >= (uintptr_t)end << ZEPHYR_UNIT_SHIFT) {
        return -EINVAL;
    }
    chunk = zephyr_chunk_of(z, (uintptr_t)block);
    units = zephyr_size(z, chunk);
    left = zephyr_get(z, chunk, ZEPHYR_LEFT);
    if (!zephyr_used(z, chunk)) {
        return -EALREADY;
    }
    if (units < zephyr_smallest(big) || units > end - chunk ||
        zephyr_usable(z, units) <= zephyr_gap(big, (uintptr_t)block) ||
        zephyr_get(z, chunk + units, ZEPHYR_LEFT) != units) {
        return -EINVAL;
    }
    if ((left > chunk - first && left != chunk) || zephyr_size(z, chunk - left) != left) {
        return -EINVAL;
    }
    return 0;
}

/* The head of the highest bucket in use and its followers are all that a request of that bucket
 * would look at; a request of a lower one is always served. */
static size_t zephyr_largest_free(const struct smh_heap *heap)
{
    bool big = zephyr_big(heap);
    struct zephyr z = zephyr_of(heap, big);
    uint32_t avail = zephyr_words(z)[ZEPHYR_WORD_AVAIL];
    uint32_t largest = 0;
    uint32_t bucket;
    uint32_t chunk;

    if (avail == 0) {
        return 0;
    }
    bucket = smh_floor_log2_u32(avail);
    if (bucket > zephyr_bucket(big, zephyr_end(heap))) {
        return 0;
    }
    chunk = zephyr_buckets(heap, z)[bucket];
    for (uint32_t looks = ZEPHYR_ALLOC_LOOPS; looks != 0; looks--) {
        uint32_t units;

        if (chunk < zephyr_first(heap) || chunk >= zephyr_end(heap)) {
            break;
        }
        units = zephyr_size(z, chunk);
        largest = units > largest ? units : largest;
        chunk = zephyr_get(z, chunk, ZEPHYR_NEXT);
    }
    return largest < zephyr_smallest(big) ? 0 : zephyr_usable(z, largest);
}

static size_t zephyr_sufficient_chunk(const struct smh_heap *heap, size_t align, size_t bytes)
{
    bool big = zephyr_big(heap);
    uint32_t header = zephyr_header_bytes(big);
    uint32_t smallest = zephyr_smallest(big);
    uint32_t units = units_for(heap, big, bytes, align > header ? align - header : 0);
    uint32_t room = zephyr_end(heap) - zephyr_first(heap);
    uint32_t bucket = zephyr_bucket(big, units);
    uint32_t least = (1u << bucket) + smallest - 1u;

    if (units >= zephyr_end(heap)) {
        return SIZE_MAX;
    }
    /* Three too small ones may stand before the one that fits, blocks between them. */
    if (units != least && units <= room && 3u * (least + smallest) <= room - units) {
        units = least + (1u << bucket);
    }
    return (size_t)units << ZEPHYR_UNIT_SHIFT;
}

/* --- init ------------------------------------------------------------------------------------ */

/* Fills chunk 0, one free chunk and the end marker. */
static void lay_out(struct smh_heap *heap, uint32_t buckets)
{
    struct zephyr z = zephyr_of(heap, zephyr_big(heap));
    uint32_t first = zephyr_first(heap);
    uint32_t end = zephyr_end(heap);

    zephyr_words(z)[ZEPHYR_WORD_END] = end;
    zephyr_words(z)[ZEPHYR_WORD_AVAIL] = 0;
    for (uint32_t i = 0; i < buckets; i++) {
        zephyr_buckets(heap, z)[i] = 0;
    }
    zephyr_set_size(z, 0, first, true);
    zephyr_set(z, 0, ZEPHYR_LEFT, 0);
    zephyr_set_size(z, first, end - first, false);
    zephyr_set(z, first, ZEPHYR_LEFT, first);
    zephyr_set_size(z, end, 0, true);
    zephyr_set(z, end, ZEPHYR_LEFT, end - first);
    list_add(heap, z, first);
    publish(heap, z);
}

static int init(struct smh_heap *heap, const struct smh_heap_config *config, bool statistics)
{
    bool wide = config->target_bits == 64;
    uintptr_t memory = (uintptr_t)config->memory;
    size_t bytes = config->memory_size;
    size_t lead = smh_distance_up(memory, ZEPHYR_UNIT);
    size_t footer;
    size_t units;
    uint32_t head;
    uint32_t buckets;
    uint32_t first;
    bool big;

    if ((bytes >> ZEPHYR_UNIT_SHIFT) > ZEPHYR_UNITS_MAX) {
        return -ENOMEM;
    }
    /* The marker's width is decided by the bytes given, the others' by what remains of them. */
    footer = wide || (bytes >> ZEPHYR_UNIT_SHIFT) > ZEPHYR_SMALL_UNITS_MAX ? 8 : 4;
    if (bytes <= footer + lead) {
        return -ENOMEM;
    }
    units = (bytes - footer - lead) >> ZEPHYR_UNIT_SHIFT;
    big = wide || units > ZEPHYR_SMALL_UNITS_MAX;
    if (config->granule != 0 && (config->granule != ZEPHYR_UNIT || !big)) {
        return -EINVAL;
    }
    head = !statistics ? ZEPHYR_HEAD_PLAIN : wide ? ZEPHYR_HEAD_STATS_64 : ZEPHYR_HEAD_STATS_32;
    if (units <= (head + ZEPHYR_UNIT - 1) >> ZEPHYR_UNIT_SHIFT) {
        return -ENOMEM;
    }
    buckets = zephyr_bucket(big, (uint32_t)units) + 1;
    first = (head + buckets * 4 + ZEPHYR_UNIT - 1) >> ZEPHYR_UNIT_SHIFT;
    if (first + zephyr_smallest(big) > units) {
        return -ENOMEM;
    }
    heap->state[ZEPHYR_STATE_BASE] = memory + lead;
    heap->state[ZEPHYR_STATE_END] = units;
    heap->state[ZEPHYR_STATE_FIRST] = first;
    heap->state[ZEPHYR_STATE_HEAD] = head;
    heap->state[ZEPHYR_STATE_BIG] = big;
    heap->state[ZEPHYR_STATE_FREE] = 0;
    heap->state[ZEPHYR_STATE_PEAK] = 0;
    heap->state[ZEPHYR_STATE_STATISTICS] = statistics;
    heap->capacity_bytes = (units - first) << ZEPHYR_UNIT_SHIFT;
    heap->step_shift = big ? 3 : 2;
    heap->granule_shift = ZEPHYR_UNIT_SHIFT;
    lay_out(heap, buckets);
    return 0;
}

static int zephyr_init(struct smh_heap *heap, const struct smh_heap_config *config)
{
    return init(heap, config, false);
}

static int zephyr_stats_init(struct smh_heap *heap, const struct smh_heap_config *config)
{
    return init(heap, config, true);
}

const struct smh_engine smh_engine_zephyr = {
    .abi = SMH_ENGINE_ABI,
    .name = "zephyr",
    .summary = "Zephyr's sys_heap, placement for placement (runtime statistics off)",
    .init = zephyr_init,
    .alloc = zephyr_alloc,
    .aligned_alloc = smh_zephyr_aligned_alloc,
    .free = smh_zephyr_free,
    .resize = smh_zephyr_resize,
    .usable_size = smh_zephyr_usable_size,
    .verdict = smh_zephyr_verdict,
    .largest_free = zephyr_largest_free,
    .sufficient_chunk = zephyr_sufficient_chunk,
    .walk = smh_zephyr_walk,
    .check = smh_zephyr_check,
    .chunk_of = smh_zephyr_chunk_of,
};

const struct smh_engine smh_engine_zephyr_stats = {
    .abi = SMH_ENGINE_ABI,
    .name = "zephyr_stats",
    .summary = "Zephyr's sys_heap with runtime statistics on: a larger header",
    .init = zephyr_stats_init,
    .alloc = zephyr_alloc,
    .aligned_alloc = smh_zephyr_aligned_alloc,
    .free = smh_zephyr_free,
    .resize = smh_zephyr_resize,
    .usable_size = smh_zephyr_usable_size,
    .verdict = smh_zephyr_verdict,
    .largest_free = zephyr_largest_free,
    .sufficient_chunk = zephyr_sufficient_chunk,
    .walk = smh_zephyr_walk,
    .check = smh_zephyr_check,
    .chunk_of = smh_zephyr_chunk_of,
};
