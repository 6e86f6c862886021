/* test_heap_free.c: pointers that are no blocks.
 *
 *     |h| first |h| second |h| third |h|      free      |
 *                  ^^^^^^                 second is freed, or not, as the test says
 */
#include <criterion/criterion.h>
#include <smh/engine.h>
#include <smh/heap.h>
#include <smh/port.h>
#include <stdlib.h>
#include <string.h>

static _Alignas(64) uint8_t memory[4096];
static _Alignas(64) uint8_t metadata[512];

struct heap_of_three {
    struct smh_heap heap;
    uint8_t *first;
    uint8_t *second;
    uint8_t *third;
    struct smh_stats stats; /* after setting up, or after the last change */
    uint8_t image[sizeof(memory)];
};

static void note(struct heap_of_three *three)
{
    smh_heap_stats(&three->heap, &three->stats);
    memcpy(three->image, memory, sizeof(memory));
}

static void set_up(struct heap_of_three *three, const struct smh_engine *engine, bool with_bitmap)
{
    struct smh_heap_config config = {
        .memory = memory, .memory_size = sizeof(memory), .engine = engine};

    if (with_bitmap) {
        config.metadata = metadata;
        config.metadata_size = sizeof(metadata);
    }
    memset(memory, 0x5a, sizeof(memory));
    cr_assert_eq(smh_heap_init(&three->heap, &config), 0);
    three->first = smh_heap_alloc(&three->heap, 40);
    three->second = smh_heap_alloc(&three->heap, 100);
    three->third = smh_heap_alloc(&three->heap, 40);
    cr_assert(three->first != NULL && three->second != NULL && three->third != NULL);
    memset(three->first, 1, 40);
    memset(three->second, 2, 100);
    memset(three->third, 3, 40);
    note(three);
}

/* Every way to hand the pointer in is refused, and neither counters nor memory change. */
static void is_refused(struct heap_of_three *three, void *pointer, int verdict)
{
    struct smh_heap *heap = &three->heap;
    const char *name = heap->engine->name;
    struct smh_stats stats;

    cr_expect_eq(smh_heap_verdict(heap, pointer), verdict, "%s: verdict %d, not %d", name,
                 smh_heap_verdict(heap, pointer), verdict);
    cr_expect_eq(smh_heap_free(heap, pointer), verdict, "%s", name);
    cr_expect_eq(smh_heap_usable_size(heap, pointer), 0, "%s", name);
    cr_expect_null(smh_heap_realloc(heap, pointer, 10), "%s", name);
    cr_expect_null(smh_heap_realloc(heap, pointer, 0), "%s", name);
    cr_expect_null(smh_heap_aligned_realloc(heap, pointer, 64, 1000), "%s", name);
    cr_expect_not(smh_heap_resize(heap, pointer, 10), "%s", name);
    smh_heap_stats(heap, &stats);
    cr_expect_eq(memcmp(&stats, &three->stats, sizeof(stats)), 0, "%s: counters", name);
    cr_expect_eq(memcmp(memory, three->image, sizeof(memory)), 0, "%s: memory", name);
    cr_expect_eq(smh_heap_check(heap, NULL), 0, "%s", name);
}

#define FOR_EVERY_ENGINE(engine)                                  \
    for (size_t index = 0; smh_engine_at(index) != NULL; index++) \
        for (const struct smh_engine *engine = smh_engine_at(index); engine != NULL; engine = NULL)

Test(heap_free, null_is_accepted_and_does_nothing)
{
    FOR_EVERY_ENGINE(engine)
    {
        struct heap_of_three three;

        set_up(&three, engine, true);
        cr_assert_eq(smh_heap_free(&three.heap, NULL), 0, "%s", engine->name);
        cr_assert_eq(smh_heap_verdict(&three.heap, NULL), -EINVAL, "%s", engine->name);
        cr_assert_eq(smh_heap_usable_size(&three.heap, NULL), 0, "%s", engine->name);
        cr_assert_eq(memcmp(memory, three.image, sizeof(memory)), 0, "%s", engine->name);
    }
}

Test(heap_free, a_foreign_pointer_is_refused_and_nothing_changes)
{
    FOR_EVERY_ENGINE(engine)
    {
        struct heap_of_three three;

        set_up(&three, engine, true);
        is_refused(&three, &three, -ENOENT);
        is_refused(&three, metadata, -ENOENT);
        is_refused(&three, (void *)((uintptr_t)memory - 1), -ENOENT);
        is_refused(&three, (void *)8, -ENOENT);
        is_refused(&three, (void *)UINTPTR_MAX, -ENOENT);
        set_up(&three, engine, false);
        is_refused(&three, &three, -ENOENT);
    }
}

Test(heap_free, one_past_the_end_is_foreign)
{
    FOR_EVERY_ENGINE(engine)
    {
        struct heap_of_three three;

        set_up(&three, engine, true);
        is_refused(&three, memory + sizeof(memory), -ENOENT);
    }
}

Test(heap_free, an_interior_pointer_is_refused_and_nothing_changes)
{
    FOR_EVERY_ENGINE(engine)
    {
        struct heap_of_three three;

        set_up(&three, engine, true);
        for (size_t offset = 1; offset < 100; offset++) {
            is_refused(&three, three.second + offset, -EINVAL);
        }
    }
}

/* An engine that looks at a header alone rounds: to it the block and the seven bytes behind are
 * one. */
Test(heap_free, without_a_bitmap_too_an_address_off_the_step_is_no_block)
{
    FOR_EVERY_ENGINE(engine)
    {
        struct heap_of_three three;

        set_up(&three, engine, false);
        for (size_t offset = 1; offset < smh_heap_alignment(&three.heap); offset++) {
            is_refused(&three, three.second + offset, -EINVAL);
        }
        cr_expect_eq(smh_heap_free(&three.heap, three.second), 0, "%s", engine->name);
    }
}

enum place { IN_A_BLOCK, IN_FREE_SPACE, IN_A_HEADER_OR_TABLE };

static enum place place_of(const struct smh_heap *heap, const uint8_t *address)
{
    size_t offset = (size_t)(address - memory);
    struct smh_chunk chunk = {0};

    while (smh_heap_walk(heap, &chunk)) {
        const uint8_t *block = chunk.block;

        if (offset < chunk.offset || offset - chunk.offset >= chunk.size) {
            continue;
        }
        if (!chunk.used) {
            return IN_FREE_SPACE;
        }
        return address >= block && address < block + chunk.usable ? IN_A_BLOCK
                                                                  : IN_A_HEADER_OR_TABLE;
    }
    return IN_A_HEADER_OR_TABLE;
}

Test(heap_free, a_pointer_into_a_header_or_a_table_is_refused_and_nothing_changes)
{
    FOR_EVERY_ENGINE(engine)
    {
        bool exact = (engine->flags & SMH_ENGINE_EXACT) != 0;

        for (int carved = 0; carved <= exact; carved++) {
            struct heap_of_three three;

            set_up(&three, engine, carved == 0);
            for (uint8_t *address = memory; address < memory + sizeof(memory); address++) {
                if (place_of(&three.heap, address) == IN_A_HEADER_OR_TABLE) {
                    is_refused(&three, address, -EINVAL);
                }
            }
        }
    }
}

Test(heap_free, a_pointer_into_free_space_is_refused_as_such)
{
    FOR_EVERY_ENGINE(engine)
    {
        struct heap_of_three three;
        size_t refused = 0;

        set_up(&three, engine, true);
        for (size_t offset = 0; offset < sizeof(memory); offset += 13) {
            if (place_of(&three.heap, memory + offset) == IN_FREE_SPACE) {
                is_refused(&three, memory + offset, -EALREADY);
                refused++;
            }
        }
        cr_assert_gt(refused, sizeof(memory) / 13 / 2, "%s", engine->name);
    }
}

Test(heap_free, a_second_free_is_refused_and_nothing_changes)
{
    FOR_EVERY_ENGINE(engine)
    {
        struct heap_of_three three;

        set_up(&three, engine, true);
        cr_assert_eq(smh_heap_free(&three.heap, three.second), 0);
        note(&three);
        is_refused(&three, three.second, -EALREADY);
    }
}

Test(heap_free, a_second_free_is_refused_also_after_merging_to_either_side)
{
    FOR_EVERY_ENGINE(engine)
    {
        struct heap_of_three three;

        set_up(&three, engine, true);
        cr_assert_eq(smh_heap_free(&three.heap, three.first), 0);
        cr_assert_eq(smh_heap_free(&three.heap, three.third), 0);
        cr_assert_eq(smh_heap_free(&three.heap, three.second), 0);
        note(&three);
        is_refused(&three, three.first, -EALREADY);
        is_refused(&three, three.second, -EALREADY);
        is_refused(&three, three.third, -EALREADY);
    }
}

Test(heap_free, a_block_freed_and_covered_by_a_new_one_is_an_interior_pointer)
{
    struct heap_of_three three;

    set_up(&three, &smh_engine_first_fit, true);
    cr_assert_eq(smh_heap_free(&three.heap, three.first), 0);
    cr_assert_eq(smh_heap_free(&three.heap, three.second), 0);
    cr_assert_eq(smh_heap_alloc(&three.heap, 150), three.first);
    note(&three);
    is_refused(&three, three.second, -EINVAL);
}

Test(heap_free, a_forged_header_does_not_deceive_the_start_bitmap)
{
    FOR_EVERY_ENGINE(engine)
    {
        struct heap_of_three three;

        set_up(&three, engine, true);
        /* The true header of second, copied into its payload, makes 8 bytes later a block. */
        memcpy(three.second + 16 - 8, three.second - 8, 8);
        note(&three);
        is_refused(&three, three.second + 16, -EINVAL);
    }
}

Test(heap_free, without_a_bitmap_the_checks_of_first_fit_know_blocks_from_most_else)
{
    struct heap_of_three three;

    set_up(&three, &smh_engine_first_fit, false);
    cr_assert_eq(smh_heap_verdict(&three.heap, three.first), 0);
    cr_assert_eq(smh_heap_verdict(&three.heap, three.second), 0);
    cr_assert_eq(smh_heap_verdict(&three.heap, three.third), 0);
    for (size_t offset = 1; offset < 100; offset++) {
        is_refused(&three, three.second + offset, -EINVAL);
    }
    is_refused(&three, three.second - 8, -EINVAL);
    cr_assert_eq(smh_heap_free(&three.heap, three.third), 0);
    cr_assert_eq(smh_heap_free(&three.heap, three.second), 0);
    note(&three);
    is_refused(&three, three.second, -EALREADY);
    is_refused(&three, three.third, -EALREADY);
}

/* The start bitmap lies in memory that a stray write can reach. Whatever it says, a verdict reads
 * the region and its metadata alone: both are blocks of malloc's here, whose ends an address
 * sanitizer watches.
 *
 *     |   one step   |
 *          |memory ...            the first bit names an address before the region
 */
Test(heap_free, a_verdict_stays_inside_whatever_the_start_bitmap_says)
{
    static const uint8_t patterns[] = {0xff, 0xaa, 0x01, 0x80};
    const size_t bytes = 1024;

    for (size_t i = 0; smh_engine_at(i) != NULL; i++) {
        struct smh_heap_config config = {.memory_size = bytes, .engine = smh_engine_at(i)};
        struct smh_heap heap;
        uint8_t *region = malloc(bytes + 1);
        uint8_t *bitmap = malloc(256);

        cr_assert(region != NULL && bitmap != NULL);
        config.memory = region + 1;
        config.metadata = bitmap;
        config.metadata_size = 256;
        cr_assert_eq(smh_heap_init(&heap, &config), 0, "%s", config.engine->name);
        if (heap.starts != NULL) {
            cr_assert_not_null(smh_heap_alloc(&heap, 40));
            cr_assert_not_null(smh_heap_alloc(&heap, 500));
            for (size_t pattern = 0; pattern < sizeof(patterns); pattern++) {
                memset(heap.metadata, patterns[pattern], heap.metadata_size);
                for (size_t offset = 0; offset < bytes; offset++) {
                    int verdict = smh_heap_verdict(&heap, region + 1 + offset);

                    cr_assert(verdict == 0 || verdict == -EINVAL || verdict == -EALREADY);
                }
            }
        }
        free(region);
        free(bitmap);
    }
}
