/* test_zephyr_check.c: the validator of the zephyr engine is shown damage.
 *
 * Every bit of the heap's metadata is flipped, one at a time, in each layout:
 *
 *     |left|size|end|avail|[counters]|buckets|  left|size|payload  left|size|prev|next|  left|size|
 *      chunk 0 ------------------------------  used               free                 marker
 *
 * Each must be noticed, and none may make a query read outside the region (the suite runs under
 * AddressSanitizer too). Not metadata, and so not flipped: payloads; what rounding leaves behind
 * the buckets; and in a small heap bytes 4 to 7, which only a big one's header fills.
 */
#include "../../src/engine/zephyr_layout.h"

#include <criterion/criterion.h>
#include <smh/engine.h>
#include <smh/heap.h>
#include <stdlib.h>

struct damaged {
    struct smh_heap heap;
    uint8_t *memory; /* exactly as large as the heap, so that a stray read is caught */
    size_t bytes;
    bool metadata[4096]; /* which bytes are */
};

static void mark(struct damaged *damaged, size_t from, size_t bytes)
{
    for (size_t i = from; i < from + bytes; i++) {
        damaged->metadata[i] = true;
    }
}

/* used, free, used, used aligned, free, used, free */
static void set_up(struct damaged *damaged, unsigned target_bits, bool statistics)
{
    struct smh_heap *heap = &damaged->heap;
    struct smh_heap_config config = {.memory_size = 1000,
                                     .target_bits = target_bits,
                                     .engine = statistics ? &smh_engine_zephyr_stats
                                                          : &smh_engine_zephyr};
    struct smh_chunk chunk = {0};
    size_t field = target_bits == 64 ? 4 : 2;
    size_t head;
    size_t buckets;
    void *freed[2];

    memset(damaged, 0, sizeof(*damaged));
    damaged->bytes = config.memory_size;
    damaged->memory = aligned_alloc(8, config.memory_size);
    memset(damaged->memory, 0, config.memory_size);
    config.memory = damaged->memory;
    cr_assert_eq(smh_heap_init(heap, &config), 0);
    cr_assert_not_null(smh_heap_alloc(heap, 20));
    freed[0] = smh_heap_alloc(heap, 40);
    cr_assert_not_null(smh_heap_alloc(heap, 20));
    cr_assert_not_null(smh_heap_aligned_alloc(heap, 8, 20));
    freed[1] = smh_heap_alloc(heap, 200);
    cr_assert_not_null(smh_heap_alloc(heap, 20));
    smh_heap_free(heap, freed[0]);
    smh_heap_free(heap, freed[1]);
    cr_assert_eq(smh_heap_check(heap, NULL), 0);
    head = heap->state[ZEPHYR_STATE_HEAD];
    buckets = zephyr_bucket(target_bits == 64, zephyr_end(heap)) + 1;
    mark(damaged, 0, 2 * field);
    mark(damaged, 8, head - 8);
    mark(damaged, head, buckets * 4);
    while (smh_heap_walk(heap, &chunk)) {
        mark(damaged, chunk.offset, (chunk.used ? 2 : 4) * field);
    }
    mark(damaged, (size_t)zephyr_end(heap) * 8, 2 * field);
}

/* Asks everything that only reads. */
static void query(const struct smh_heap *heap, const uint8_t *memory, size_t bytes)
{
    struct smh_chunk chunk = {0};
    struct smh_stats stats;
    size_t chunks = 0;

    while (smh_heap_walk(heap, &chunk)) {
        chunks++;
        cr_assert_leq(chunks, bytes / 8, "the walk ends");
    }
    smh_heap_stats(heap, &stats);
    for (size_t i = 0; i < bytes; i += 4) {
        (void)smh_heap_verdict(heap, memory + i);
        (void)smh_heap_usable_size(heap, memory + i);
    }
}

static void every_flip_is_noticed(unsigned target_bits, bool statistics)
{
    struct damaged damaged;
    size_t flips = 0;

    set_up(&damaged, target_bits, statistics);
    for (size_t i = 0; i < damaged.bytes; i++) {
        for (unsigned bit = 0; damaged.metadata[i] && bit < 8; bit++) {
            struct smh_fault fault = {NULL, SIZE_MAX};

            damaged.memory[i] ^= (uint8_t)(1u << bit);
            cr_expect_eq(smh_heap_check(&damaged.heap, &fault), -EINVAL, "byte %zu, bit %u", i,
                         bit);
            cr_expect_not_null(fault.rule);
            cr_expect_lt(fault.offset, damaged.bytes);
            query(&damaged.heap, damaged.memory, damaged.bytes);
            damaged.memory[i] ^= (uint8_t)(1u << bit);
            flips++;
        }
    }
    cr_expect_gt(flips, 500);
    cr_expect_eq(smh_heap_check(&damaged.heap, NULL), 0);
    free(damaged.memory);
}

Test(zephyr_check, every_bit_of_the_metadata_counts_on_64_bits)
{
    every_flip_is_noticed(64, false);
}

Test(zephyr_check, every_bit_of_the_metadata_counts_in_a_small_heap)
{
    every_flip_is_noticed(32, false);
}

Test(zephyr_check, every_bit_of_the_statistics_counts_too)
{
    every_flip_is_noticed(64, true);
    every_flip_is_noticed(32, true);
}

Test(zephyr_check, arbitrary_bytes_over_the_whole_region_are_noticed_and_never_followed)
{
    uint32_t state = 1;

    for (unsigned round = 0; round < 300; round++) {
        struct damaged damaged;

        set_up(&damaged, round % 2 == 0 ? 64 : 32, round % 3 == 0);
        for (size_t i = 0; i < damaged.bytes; i++) {
            state = state * 1664525u + 1013904223u;
            /* Sparse or dense, small values or any: small ones look like unit numbers. */
            if (state >> 28 <= round % 16) {
                damaged.memory[i] = (uint8_t)(state >> (round % 5 == 0 ? 16 : 22));
            }
        }
        (void)smh_heap_check(&damaged.heap, NULL);
        query(&damaged.heap, damaged.memory, damaged.bytes);
        free(damaged.memory);
    }
}

Test(zephyr_check, a_free_chunk_left_out_of_its_list_is_noticed)
{
    struct damaged damaged;
    struct smh_fault fault = {"", 0};
    uint32_t avail = 0;
    size_t head;

    set_up(&damaged, 64, false);
    head = damaged.heap.state[ZEPHYR_STATE_HEAD];
    memcpy(&avail, damaged.memory + 12, sizeof(avail));
    for (unsigned bucket = 0; bucket < 32; bucket++) {
        uint32_t without = avail & ~(1u << bucket);
        uint32_t first = 0;

        if (without == avail) {
            continue;
        }
        memcpy(&first, damaged.memory + head + bucket * 4, sizeof(first));
        memset(damaged.memory + head + bucket * 4, 0, sizeof(first)); /* consistently gone */
        memcpy(damaged.memory + 12, &without, sizeof(without));
        cr_expect_eq(smh_heap_check(&damaged.heap, &fault), -EINVAL);
        cr_expect_str_eq(fault.rule, "every free chunk is in its bucket's list, and nothing else");
        memcpy(damaged.memory + head + bucket * 4, &first, sizeof(first));
        memcpy(damaged.memory + 12, &avail, sizeof(avail));
    }
    cr_expect_eq(smh_heap_check(&damaged.heap, NULL), 0);
    free(damaged.memory);
}

Test(zephyr_check, the_verdict_notices_damage_on_either_side_of_a_block)
{
    struct damaged damaged;
    struct smh_chunk chunk = {0};

    set_up(&damaged, 64, false);
    cr_assert(smh_heap_walk(&damaged.heap, &chunk)); /* the first block, 20 bytes: 4 units */
    cr_assert_eq(smh_heap_verdict(&damaged.heap, chunk.block), 0);
    damaged.memory[chunk.offset + chunk.size] ^= 1; /* an overflow: left of the next chunk */
    cr_expect_eq(smh_heap_verdict(&damaged.heap, chunk.block), -EINVAL);
    damaged.memory[chunk.offset + chunk.size] ^= 1;
    damaged.memory[chunk.offset] ^= 1; /* an underflow: its own left */
    cr_expect_eq(smh_heap_verdict(&damaged.heap, chunk.block), -EINVAL);
    damaged.memory[chunk.offset] ^= 1;
    damaged.memory[chunk.offset + 4] ^= 2; /* its size */
    cr_expect_eq(smh_heap_free(&damaged.heap, chunk.block), -EINVAL);
    damaged.memory[chunk.offset + 4] ^= 2;
    cr_expect_eq(smh_heap_free(&damaged.heap, chunk.block), 0);
    cr_expect_eq(smh_heap_free(&damaged.heap, chunk.block), -EALREADY);
    free(damaged.memory);
}

Test(zephyr_check, a_start_bitmap_tells_aligned_blocks_of_small_heaps_from_plain_ones)
{
    static _Alignas(8) uint8_t region[1024];
    static uint32_t bits[64];
    struct smh_heap heap;
    struct smh_heap_config config = {.memory = region,
                                     .memory_size = sizeof(region),
                                     .metadata = bits,
                                     .metadata_size = sizeof(bits),
                                     .target_bits = 32,
                                     .engine = &smh_engine_zephyr};
    struct smh_chunk chunk = {0};
    uint8_t *aligned;

    cr_assert_eq(smh_heap_init(&heap, &config), 0);
    aligned = smh_heap_aligned_alloc(&heap, 8, 20);
    cr_assert(smh_heap_walk(&heap, &chunk));
    cr_expect_eq(chunk.block, aligned);
    cr_expect_eq((uintptr_t)aligned % 8, 0);
    cr_expect_eq(chunk.usable, smh_heap_usable_size(&heap, aligned));
    cr_expect_eq(smh_heap_free(&heap, aligned - 4), -EINVAL, "the plain place holds no block");
    cr_expect_eq(smh_heap_free(&heap, aligned), 0);
}
