/* test_zephyr_golden.c: the placements of Zephyr's own code, kept as hashes.
 *
 * Each hash stands for 20,000 random operations (zephyr_sequence.c, seed 7): where every block
 * went, which request failed, the three runtime counters after each step, and every byte of the
 * region at the end. They were taken by running this same sequence on Zephyr's lib/heap (the
 * revision that src/engine/zephyr.c names), compiled with -m64 and -m32, with and without
 * CONFIG_SYS_HEAP_RUNTIME_STATS. A twin that differs in one block differs in the hash.
 */
#include "../../src/engine/zephyr_layout.h"
#include "zephyr_sequence.h"

#include <criterion/criterion.h>
#include <smh/engine.h>
#include <smh/heap.h>
#include <smh/sys_heap.h>

#define REGION_BYTES 300032
#define OPERATIONS   20000
#define SEED         7

static _Alignas(4096) uint8_t region[REGION_BYTES];

struct golden {
    unsigned target_bits;
    bool statistics;
    size_t memory_size;
    size_t misalignment; /* of memory */
    uint64_t hash;
};

static const struct golden goldens[] = {
    {64, false, 1000, 0, UINT64_C(0xcd0c3dbd32238e11)},
    {64, false, 4096, 0, UINT64_C(0xcfa5a00f53ee41cb)},
    {64, false, 65536, 3, UINT64_C(0xfe6563e059fef8a8)},
    {64, false, 262144, 0, UINT64_C(0x7ed4f882a6fdf141)},
    {64, false, 300000, 5, UINT64_C(0xcfebf694557ae6ad)},
    {64, true, 1000, 0, UINT64_C(0xdc5b2228c3ae84ab)},
    {64, true, 4096, 0, UINT64_C(0x5c7832817aa1b27f)},
    {64, true, 65536, 3, UINT64_C(0x6c4d08953679ea7a)},
    {64, true, 262144, 0, UINT64_C(0x0d5ef8de188562e9)},
    {64, true, 300000, 5, UINT64_C(0x44ed2b87caeda393)},
    {32, false, 1000, 0, UINT64_C(0xf11edda28419d516)},
    {32, false, 4096, 0, UINT64_C(0x85a16d889089c9c8)},
    {32, false, 65536, 3, UINT64_C(0x49b2f5dbf3cdd7bb)},
    {32, false, 262144, 0, UINT64_C(0xbe0b3456064aae36)}, /* the largest with 2-byte fields */
    {32, false, 300000, 5, UINT64_C(0xcfebf694557ae6ad)}, /* big: as on 64 bits */
    {32, true, 1000, 0, UINT64_C(0xe09a1521d91693bc)},
    {32, true, 4096, 0, UINT64_C(0x3e5ef5e8386826c6)},
    {32, true, 65536, 3, UINT64_C(0xc642dad330cd80c1)},
    {32, true, 262144, 0, UINT64_C(0x176b5061242f745b)},
    {32, true, 300000, 5, UINT64_C(0x8a266a7c5909cbd7)},
};
#define GOLDEN_COUNT (sizeof(goldens) / sizeof(goldens[0]))

static void *heap_alloc(void *context, size_t bytes)
{
    return smh_heap_alloc(context, bytes);
}

static void *heap_aligned_alloc(void *context, size_t align, size_t bytes)
{
    return smh_heap_aligned_alloc(context, align, bytes);
}

static void *heap_realloc(void *context, void *block, size_t align, size_t bytes)
{
    return smh_heap_aligned_realloc(context, block, align, bytes);
}

static void heap_free(void *context, void *block)
{
    cr_assert_eq(smh_heap_free(context, block), 0);
}

static void heap_counters(void *context, size_t counters[3])
{
    struct smh_zephyr_counters now = smh_zephyr_counters(context);

    counters[0] = now.free_bytes;
    counters[1] = now.allocated_bytes;
    counters[2] = now.peak_bytes;
}

Test(zephyr_golden, every_layout_places_every_block_where_zephyr_does)
{
    for (size_t i = 0; i < GOLDEN_COUNT; i++) {
        const struct golden *golden = &goldens[i];
        struct smh_heap heap;
        struct smh_heap_config config = {.memory = region + golden->misalignment,
                                         .memory_size = golden->memory_size,
                                         .target_bits = golden->target_bits,
                                         .engine = golden->statistics ? &smh_engine_zephyr_stats
                                                                      : &smh_engine_zephyr};
        struct zephyr_sequence_heap driven = {
            &heap,        heap_alloc, heap_aligned_alloc,
            heap_realloc, heap_free,  golden->statistics ? heap_counters : NULL};
        struct smh_fault fault = {"", 0};
        uint64_t hash;

        memset(region, 0, sizeof(region));
        cr_assert_eq(smh_heap_init(&heap, &config), 0);
        hash = zephyr_sequence_hash(&driven, region + golden->misalignment, golden->memory_size,
                                    SEED, OPERATIONS);
        cr_expect_eq(hash, golden->hash, "row %zu: 0x%016llx", i, (unsigned long long)hash);
        cr_expect_eq(smh_heap_check(&heap, &fault), 0, "row %zu: %s", i, fault.rule);
    }
}

static void *sys_alloc(void *context, size_t bytes)
{
    return sys_heap_alloc(context, bytes);
}

static void *sys_aligned_alloc(void *context, size_t align, size_t bytes)
{
    return sys_heap_aligned_alloc(context, align, bytes);
}

static void *sys_realloc(void *context, void *block, size_t align, size_t bytes)
{
    return sys_heap_aligned_realloc(context, block, align, bytes);
}

static void sys_free(void *context, void *block)
{
    sys_heap_free(context, block);
}

static void sys_counters(void *context, size_t counters[3])
{
    struct sys_memory_stats stats;

    cr_assert_eq(sys_heap_runtime_stats_get(context, &stats), 0);
    counters[0] = stats.free_bytes;
    counters[1] = stats.allocated_bytes;
    counters[2] = stats.max_allocated_bytes;
}

Test(zephyr_golden, sys_heap_functions_place_as_zephyr_does_on_this_host)
{
    for (size_t i = 0; i < GOLDEN_COUNT; i++) {
        const struct golden *golden = &goldens[i];
        struct sys_heap heap;
        struct zephyr_sequence_heap driven = {
            &heap,       sys_alloc, sys_aligned_alloc,
            sys_realloc, sys_free,  golden->statistics ? sys_counters : NULL};
        uint64_t hash;

        if (golden->target_bits != sizeof(void *) * 8) {
            continue;
        }
        memset(region, 0, sizeof(region));
        smh_sys_heap_init(&heap, region + golden->misalignment, golden->memory_size,
                          golden->statistics);
        cr_assert_not_null(heap.heap);
        hash = zephyr_sequence_hash(&driven, region + golden->misalignment, golden->memory_size,
                                    SEED, OPERATIONS);
        cr_expect_eq(hash, golden->hash, "row %zu: 0x%016llx", i, (unsigned long long)hash);
        cr_expect(sys_heap_validate(&heap), "row %zu", i);
    }
}
