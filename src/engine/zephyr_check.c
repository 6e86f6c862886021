/* SPDX-License-Identifier: Apache-2.0 */
/* zephyr_check.c: looking at a sys_heap without changing it: the walk and the validator.
 *
 * Owns: smh_zephyr_walk and smh_zephyr_check. Zephyr's own validator marks the chunks it meets and
 * unmarks them later; this one only reads. That the free lists hold the free chunks, each once,
 * follows from three things: a list is a circle (prev(next(c)) == c all the way round, so that no
 * entry is met twice before the first is met again), each entry looks like a free chunk of that
 * list's bucket, and the entries and the free chunks of the walk agree in a sum over their
 * scrambled unit numbers.
 *
 *     walk:   first -> ... -> end      free chunks, sum s        both must be equal
 *     lists:  bucket 0, 1, 2, ...      entries,     sum s
 *
 * Invariants: reads only [memory, memory + memory_size), whatever the region holds; every loop
 * ends after as many steps as the region has units.
 */
#include "../heap_private.h"
#include "zephyr_layout.h"

/* What a pass over chunks or lists has met. */
struct tally {
    uint32_t free_sum; /* of the scrambled unit numbers of free chunks that belong in a list */
    size_t free_bytes; /* usable */
    size_t used_bytes;
    size_t live_blocks;
};

static int broken(struct smh_fault *fault, const char *rule, const struct smh_heap *heap,
                  size_t unit)
{
    if (fault != NULL) {
        fault->rule = rule;
        fault->offset = (size_t)(heap->state[ZEPHYR_STATE_BASE] - (uintptr_t)heap->memory) +
                        (unit << ZEPHYR_UNIT_SHIFT);
    }
    return -EINVAL;
}

/* A bijection that spreads unit numbers over 32 bits, so that equal sums mean equal sets. */
static uint32_t scramble(uint32_t unit)
{
    unit = (unit ^ (unit >> 16)) * 0x7feb352du;
    unit = (unit ^ (unit >> 15)) * 0x846ca68bu;
    return unit ^ (unit >> 16);
}

/* The payload that alloc returned: in a small heap only a start bitmap knows whether it begins
 * right behind the header or, for the sake of an alignment, 4 bytes later. (In a big heap both lie
 * in one step, and one bit.) */
static void *block_of(const struct smh_heap *heap, struct zephyr z, uint32_t chunk)
{
    uint8_t *block = (uint8_t *)zephyr_at(z, chunk) + zephyr_header_bytes(z.big);

    if (heap->starts != NULL && !smh_starts_test(heap, smh_starts_index(heap, block)) &&
        smh_starts_test(heap, smh_starts_index(heap, block + 4))) {
        block += 4;
    }
    return block;
}

bool smh_zephyr_walk(const struct smh_heap *heap, struct smh_chunk *chunk)
{
    bool big = zephyr_big(heap);
    struct zephyr z = zephyr_of(heap, big);
    uint32_t end = zephyr_end(heap);
    uint32_t unit = chunk->next == 0 ? zephyr_first(heap) : (uint32_t)chunk->next;
    uint32_t units;

    if (unit >= end) {
        return false;
    }
    units = zephyr_size(z, unit);
    if (units == 0 || units > end - unit) {
        return false;
    }
    chunk->offset = (size_t)((uint8_t *)zephyr_at(z, unit) - heap->memory);
    chunk->size = (size_t)units << ZEPHYR_UNIT_SHIFT;
    chunk->used = zephyr_used(z, unit);
    chunk->block = chunk->used ? block_of(heap, z, unit) : NULL;
    chunk->usable = units < zephyr_smallest(big) ? 0 : zephyr_usable(z, units);
    if (chunk->used) {
        chunk->usable -= zephyr_gap(big, (uintptr_t)chunk->block);
    }
    chunk->next = unit + units;
    return true;
}

void smh_zephyr_chunk_of(const struct smh_heap *heap, const void *block, struct smh_chunk *chunk)
{
    chunk->next = zephyr_chunk_of(zephyr_of(heap, zephyr_big(heap)), (uintptr_t)block);
    (void)smh_zephyr_walk(heap, chunk);
}

/* Chunk 0 and the end marker, against what the engine remembers. */
static int check_frame(const struct smh_heap *heap, struct zephyr z, struct smh_fault *fault)
{
    uint32_t end = zephyr_end(heap);
    uint32_t first = zephyr_first(heap);

    if (zephyr_words(z)[ZEPHYR_WORD_END] != end) {
        return broken(fault, "the heap's header states the heap's end", heap, 0);
    }
    if (zephyr_get(z, 0, ZEPHYR_LEFT) != 0 || zephyr_size(z, 0) != first || !zephyr_used(z, 0)) {
        return broken(fault, "the heap's header is a chunk in use of its own size", heap, 0);
    }
    if (zephyr_size(z, end) != 0 || !zephyr_used(z, end)) {
        return broken(fault, "the end marker is a chunk in use of size 0", heap, end);
    }
    return 0;
}

static int check_chunks(const struct smh_heap *heap, struct zephyr z, struct tally *tally,
                        struct smh_fault *fault)
{
    uint32_t end = zephyr_end(heap);
    uint32_t left = zephyr_first(heap);
    uint32_t unit = left;
    bool left_free = false;

    while (unit < end) {
        uint32_t units = zephyr_size(z, unit);
        bool used = zephyr_used(z, unit);

        if (units == 0 || units > end - unit) {
            return broken(fault, "a chunk's size leads to the next chunk or to the end", heap,
                          unit);
        }
        if (zephyr_get(z, unit, ZEPHYR_LEFT) != left) {
            return broken(fault, "a chunk knows the size of its left neighbour", heap, unit);
        }
        if (used && units < zephyr_smallest(z.big)) {
            return broken(fault, "a chunk in use has room for its header and a byte", heap, unit);
        }
        if (!used && left_free) {
            return broken(fault, "no two free chunks touch", heap, unit);
        }
        if (used) {
            tally->used_bytes += (size_t)units << ZEPHYR_UNIT_SHIFT;
            tally->live_blocks++;
        } else if (units >= zephyr_smallest(z.big)) {
            tally->free_sum += scramble(unit);
            tally->free_bytes += zephyr_usable(z, units);
        }
        left_free = !used;
        left = units;
        unit += units;
    }
    if (zephyr_get(z, end, ZEPHYR_LEFT) != left) {
        return broken(fault, "the end marker knows the size of its left neighbour", heap, end);
    }
    return 0;
}

/* One entry of a list: a free chunk of this bucket, as far as its header tells. */
static bool plausible_entry(const struct smh_heap *heap, struct zephyr z, uint32_t unit,
                            uint32_t bucket)
{
    uint32_t end = zephyr_end(heap);
    uint32_t units;

    if (unit < zephyr_first(heap) || unit >= end) {
        return false;
    }
    units = zephyr_size(z, unit);
    return !zephyr_used(z, unit) && units >= zephyr_smallest(z.big) && units <= end - unit &&
           zephyr_bucket(z.big, units) == bucket;
}

static int check_list(const struct smh_heap *heap, struct zephyr z, uint32_t bucket,
                      struct tally *tally, struct smh_fault *fault)
{
    uint32_t head = zephyr_buckets(heap, z)[bucket];
    uint32_t unit = head;

    if ((head == 0) != (((zephyr_words(z)[ZEPHYR_WORD_AVAIL] >> bucket) & 1u) == 0)) {
        return broken(fault, "a bucket is marked available when its list has an entry", heap, 0);
    }
    if (head == 0) {
        return 0;
    }
    do {
        uint32_t next;

        if (!plausible_entry(heap, z, unit, bucket)) {
            return broken(fault, "a free list leads to free chunks of its bucket", heap,
                          unit <= zephyr_end(heap) ? unit : 0);
        }
        next = zephyr_get(z, unit, ZEPHYR_NEXT);
        if (next < zephyr_first(heap) || next >= zephyr_end(heap) ||
            zephyr_get(z, next, ZEPHYR_PREV) != unit) {
            return broken(fault, "a free list is a circle linked both ways", heap, unit);
        }
        tally->free_sum += scramble(unit);
        unit = next;
    } while (unit != head);
    return 0;
}

/* The counters in chunk 0 of the layout with statistics. */
static bool counters_agree(const struct smh_heap *heap, struct zephyr z)
{
    size_t counters[3] = {heap->state[ZEPHYR_STATE_FREE], zephyr_allocated(heap, z.big),
                          heap->state[ZEPHYR_STATE_PEAK]};

    for (unsigned i = 0; i < 3; i++) {
        const void *at = z.base + ZEPHYR_HEAD_PLAIN;
        bool equal = heap->state[ZEPHYR_STATE_HEAD] == ZEPHYR_HEAD_STATS_64
                         ? ((const zephyr_double *)at)[i] == counters[i]
                         : ((const zephyr_word *)at)[i] == (uint32_t)counters[i];

        if (!equal) {
            return false;
        }
    }
    return true;
}

int smh_zephyr_check(const struct smh_heap *heap, struct smh_fault *fault)
{
    struct zephyr z = zephyr_of(heap, zephyr_big(heap));
    uint32_t buckets = zephyr_bucket(z.big, zephyr_end(heap)) + 1;
    struct tally chunks = {0};
    struct tally listed = {0};
    int result = check_frame(heap, z, fault);

    if (result == 0) {
        result = check_chunks(heap, z, &chunks, fault);
    }
    if (result == 0 && (zephyr_words(z)[ZEPHYR_WORD_AVAIL] >> buckets) != 0) {
        result = broken(fault, "no bucket beyond the last is marked available", heap, 0);
    }
    for (uint32_t i = 0; result == 0 && i < buckets; i++) {
        result = check_list(heap, z, i, &listed, fault);
    }
    if (result != 0) {
        return result;
    }
    if (listed.free_sum != chunks.free_sum) {
        return broken(fault, "every free chunk is in its bucket's list, and nothing else", heap, 0);
    }
    if (chunks.used_bytes != heap->used_bytes || chunks.live_blocks != heap->live_blocks) {
        return broken(fault, "the counters equal the sums over the blocks", heap, 0);
    }
    if (chunks.free_bytes != heap->state[ZEPHYR_STATE_FREE]) {
        return broken(fault, "the counter of free bytes equals the sum over the lists", heap, 0);
    }
    if (heap->state[ZEPHYR_STATE_STATISTICS] != 0 && !counters_agree(heap, z)) {
        return broken(fault, "the statistics in the heap's header are the engine's", heap, 0);
    }
    return 0;
}
