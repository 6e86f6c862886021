/* test_heap_realloc.c: resizing, in place and by moving, with every engine. */
#include <criterion/criterion.h>
#include <smh/engine.h>
#include <smh/heap.h>
#include <smh/port.h>
#include <string.h>

static _Alignas(8192) uint8_t memory[8192];
static uint8_t metadata[1024];

static void set_up(struct smh_heap *heap, const struct smh_engine *engine)
{
    struct smh_heap_config config = {.memory = memory,
                                     .memory_size = sizeof(memory),
                                     .metadata = metadata,
                                     .metadata_size = sizeof(metadata),
                                     .engine = engine};

    cr_assert_eq(smh_heap_init(heap, &config), 0);
}

static bool holds(const uint8_t *block, uint8_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (block[i] != value) {
            return false;
        }
    }
    return true;
}

#define FOR_EVERY_ENGINE(engine)                                  \
    for (size_t index = 0; smh_engine_at(index) != NULL; index++) \
        for (const struct smh_engine *engine = smh_engine_at(index); engine != NULL; engine = NULL)

Test(heap_realloc, of_null_allocates)
{
    FOR_EVERY_ENGINE(engine)
    {
        struct smh_heap heap;
        uint8_t *block;

        set_up(&heap, engine);
        block = smh_heap_realloc(&heap, NULL, 100);
        cr_assert_geq(smh_heap_usable_size(&heap, block), 100);
        block = smh_heap_aligned_realloc(&heap, NULL, 256, 100);
        cr_assert_eq((uintptr_t)block % 256, 0);
    }
}

Test(heap_realloc, to_0_bytes_frees)
{
    FOR_EVERY_ENGINE(engine)
    {
        struct smh_heap heap;
        void *block;

        set_up(&heap, engine);
        block = smh_heap_alloc(&heap, 100);
        cr_assert_null(smh_heap_realloc(&heap, block, 0));
        cr_assert_eq(smh_heap_verdict(&heap, block), -EALREADY);
        cr_assert_eq(heap.live_blocks, 0);
        cr_assert_eq(heap.failed_requests, 0);
        cr_assert_null(smh_heap_realloc(&heap, NULL, 0));
    }
}

Test(heap_realloc, grows_and_shrinks_in_place_beside_free_space)
{
    FOR_EVERY_ENGINE(engine)
    {
        struct smh_heap heap;
        uint8_t *block;

        set_up(&heap, engine);
        block = smh_heap_alloc(&heap, 100);
        memset(block, 7, 100);
        cr_assert_eq(smh_heap_realloc(&heap, block, 1000), block);
        cr_assert(holds(block, 7, 100));
        cr_assert_eq(smh_heap_realloc(&heap, block, 10), block);
        cr_assert(holds(block, 7, 10));
        cr_assert_lt(smh_heap_usable_size(&heap, block), 100);
        cr_assert_eq(smh_heap_check(&heap, NULL), 0);
    }
}

Test(heap_realloc, moves_with_its_contents_when_it_cannot_grow)
{
    FOR_EVERY_ENGINE(engine)
    {
        struct smh_heap heap;
        uint8_t *block;
        uint8_t *moved;

        set_up(&heap, engine);
        block = smh_heap_alloc(&heap, 100);
        cr_assert_not_null(smh_heap_alloc(&heap, 100)); /* stands in the way */
        memset(block, 7, 100);
        moved = smh_heap_realloc(&heap, block, 1000);
        cr_assert(moved != NULL && moved != block);
        cr_assert(holds(moved, 7, 100));
        cr_assert_eq(smh_heap_verdict(&heap, block), -EALREADY);
        cr_assert_eq(heap.live_blocks, 2);
        cr_assert_eq(heap.allocated_blocks, 3);
    }
}

Test(heap_realloc, that_fails_keeps_the_block_as_it_was)
{
    FOR_EVERY_ENGINE(engine)
    {
        struct smh_heap heap;
        uint8_t *block;
        size_t usable;

        set_up(&heap, engine);
        block = smh_heap_alloc(&heap, 100);
        memset(block, 7, 100);
        usable = smh_heap_usable_size(&heap, block);
        cr_assert_null(smh_heap_realloc(&heap, block, 1000000));
        cr_assert_null(smh_heap_realloc(&heap, block, SIZE_MAX));
        cr_assert_null(smh_heap_aligned_realloc(&heap, block, 4096, 9000));
        cr_assert_null(smh_heap_aligned_realloc(&heap, block, 24, 10), "no power of two");
        cr_assert_eq(smh_heap_usable_size(&heap, block), usable);
        cr_assert(holds(block, 7, 100));
        cr_assert_eq(heap.failed_requests, 4);
        cr_assert_eq(smh_heap_check(&heap, NULL), 0);
    }
}

Test(heap_realloc, with_an_alignment_moves_a_block_that_lacks_it)
{
    FOR_EVERY_ENGINE(engine)
    {
        struct smh_heap heap;
        uint8_t *block;
        uint8_t *moved;

        set_up(&heap, engine);
        do {
            block = smh_heap_alloc(&heap, 40);
        } while ((uintptr_t)block % 512 == 0);
        memset(block, 7, 40);
        moved = smh_heap_aligned_realloc(&heap, block, 512, 20);
        cr_assert_not_null(moved);
        cr_assert_eq((uintptr_t)moved % 512, 0);
        cr_assert(holds(moved, 7, 20));
        cr_assert_eq(smh_heap_aligned_realloc(&heap, moved, 512, 30), moved, "stays where it may");
    }
}

Test(heap_resize, does_not_move)
{
    FOR_EVERY_ENGINE(engine)
    {
        struct smh_heap heap;
        void *block;

        set_up(&heap, engine);
        block = smh_heap_alloc(&heap, 100);
        cr_assert(smh_heap_resize(&heap, block, 2000));
        cr_assert_geq(smh_heap_usable_size(&heap, block), 2000);
        cr_assert_not_null(smh_heap_alloc(&heap, 8));
        cr_assert_not(smh_heap_resize(&heap, block, 6000));
        cr_assert_not(smh_heap_resize(&heap, block, SIZE_MAX));
        cr_assert_not(smh_heap_resize(&heap, block, 0));
        cr_assert_geq(smh_heap_usable_size(&heap, block), 2000);
        cr_assert_eq(heap.failed_requests, 0, "nothing was refused with NULL");
    }
}

Test(heap_alloc, of_0_bytes_is_null_and_no_failure)
{
    FOR_EVERY_ENGINE(engine)
    {
        struct smh_heap heap;

        set_up(&heap, engine);
        cr_assert_null(smh_heap_alloc(&heap, 0));
        cr_assert_null(smh_heap_aligned_alloc(&heap, 64, 0));
        cr_assert_eq(heap.failed_requests, 0);
    }
}

Test(heap_alloc, at_an_alignment_that_is_no_power_of_two_is_null)
{
    struct smh_heap heap;

    set_up(&heap, &smh_engine_first_fit);
    cr_assert_null(smh_heap_aligned_alloc(&heap, 3, 8));
    cr_assert_null(smh_heap_aligned_alloc(&heap, 48, 8));
    cr_assert_null(smh_heap_aligned_alloc(&heap, SIZE_MAX, 8));
    cr_assert_not_null(smh_heap_aligned_alloc(&heap, 0, 8));
    cr_assert_not_null(smh_heap_aligned_alloc(&heap, 1, 8));
    cr_assert_eq(heap.failed_requests, 3);
}

Test(heap_alloc, of_absurd_sizes_and_alignments_is_null)
{
    static const size_t absurd[] = {SIZE_MAX,          SIZE_MAX - 7,    SIZE_MAX / 2,
                                    SIZE_MAX / 2 + 1,  (size_t)1 << 31, UINT32_MAX,
                                    sizeof(memory) + 1};

    FOR_EVERY_ENGINE(engine)
    {
        struct smh_heap heap;

        set_up(&heap, engine);
        for (size_t i = 0; i < sizeof(absurd) / sizeof(absurd[0]); i++) {
            cr_expect_null(smh_heap_alloc(&heap, absurd[i]), "%s %zu", engine->name, absurd[i]);
            cr_expect_null(smh_heap_aligned_alloc(&heap, 64, absurd[i]), "%s", engine->name);
        }
        for (size_t align = 65536; align != 0; align *= 2) {
            void *block = smh_heap_aligned_alloc(&heap, align, 16);

            cr_expect(block == NULL || (uintptr_t)block % align == 0, "%s", engine->name);
            smh_heap_free(&heap, block);
        }
        cr_expect_eq(smh_heap_check(&heap, NULL), 0);
    }
}

Test(heap_stats, count_blocks_bytes_and_peak)
{
    struct smh_heap heap;
    struct smh_stats stats;
    void *first;
    void *second;

    set_up(&heap, &smh_engine_first_fit);
    first = smh_heap_alloc(&heap, 24);  /* reserves 32 */
    second = smh_heap_alloc(&heap, 56); /* reserves 64 */
    smh_heap_free(&heap, first);
    smh_heap_stats(&heap, &stats);
    cr_assert_eq(stats.region_count, 1);
    cr_assert_eq(stats.memory_bytes, 8192);
    cr_assert_eq(stats.capacity_bytes, 8192);
    cr_assert_eq(stats.used_bytes, 64);
    cr_assert_eq(stats.free_bytes, 8192 - 64);
    cr_assert_eq(stats.peak_used_bytes, 96);
    cr_assert_eq(stats.largest_free_bytes, 8192 - 96 - 8);
    cr_assert_eq(stats.live_blocks, 1);
    cr_assert_eq(stats.allocated_blocks, 2);
    cr_assert_eq(stats.freed_blocks, 1);
    smh_heap_reset_peak(&heap);
    smh_heap_stats(&heap, &stats);
    cr_assert_eq(stats.peak_used_bytes, 64);
    cr_assert_eq(smh_heap_free(&heap, second), 0);
}
