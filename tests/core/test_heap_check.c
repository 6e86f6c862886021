/* test_heap_check.c: the validator is shown broken heaps.
 *
 * The heap under test, first_fit at granule 8; sizes in units of 8 bytes, bits of the bitmap below:
 *
 *     unit  0        4        8             24       28        512
 *           | used 4 | free 4 |   used 16   | free 4 | used 484 |
 *     start   1                 1                      1
 */
#include "../../sim/random.h"
#include "faulty_engines.h"

#include <criterion/criterion.h>
#include <smh/engine.h>
#include <smh/heap.h>
#include <smh/port.h>
#include <stdlib.h>
#include <string.h>

static _Alignas(64) uint8_t memory[4096];
static _Alignas(64) uint8_t metadata[512];
static struct smh_heap heap;

static void set_up(void)
{
    struct smh_heap_config config = {.memory = memory,
                                     .memory_size = sizeof(memory),
                                     .metadata = metadata,
                                     .metadata_size = sizeof(metadata),
                                     .engine = &smh_engine_first_fit};
    void *freed[2];

    cr_assert_eq(smh_heap_init(&heap, &config), 0);
    cr_assert_not_null(smh_heap_alloc(&heap, 24));
    freed[0] = smh_heap_alloc(&heap, 24);
    cr_assert_not_null(smh_heap_alloc(&heap, 120));
    freed[1] = smh_heap_alloc(&heap, 24);
    cr_assert_not_null(smh_heap_alloc(&heap, 484 * 8 - 8));
    smh_heap_free(&heap, freed[0]);
    smh_heap_free(&heap, freed[1]);
    cr_assert_eq(smh_heap_check(&heap, NULL), 0);
}

TestSuite(heap_check, .init = set_up);

/* The 32-bit words of the chunk at a unit: size and flag, previous, next, last. */
static uint32_t *words_at(size_t unit)
{
    return (uint32_t *)(void *)(memory + unit * 8);
}

static void finds(const char *rule)
{
    struct smh_fault fault = {0};

    cr_assert_eq(smh_heap_check(&heap, &fault), -EINVAL);
    cr_assert_str_eq(fault.rule, rule, "found \"%s\", not \"%s\"", fault.rule, rule);
    cr_assert_eq(smh_heap_check(&heap, NULL), -EINVAL);
}

Test(heap_check, finds_a_size_that_is_impossible)
{
    static const uint32_t sizes[] = {0, 1, 2, 3, 513, UINT32_MAX >> 1};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        set_up();
        words_at(8)[0] = sizes[i] << 1 | 1;
        cr_expect_eq(smh_heap_check(&heap, NULL), -EINVAL, "size %u", sizes[i]);
    }
    set_up();
    words_at(8)[0] = 1;
    finds("a chunk's size fits its place and the granule");
}

Test(heap_check, finds_a_size_that_leads_into_a_block)
{
    words_at(8)[0] = 10 << 1 | 1;
    memset(memory + 18 * 8, 0, 8);
    finds("a chunk's size fits its place and the granule");
}

Test(heap_check, finds_a_wrong_copy_of_the_size_before)
{
    words_at(8)[1] = 5;
    finds("a header repeats the size of the chunk before it");
}

Test(heap_check, finds_a_first_chunk_that_has_one_before_it)
{
    words_at(0)[1] = 4;
    finds("a header repeats the size of the chunk before it");
}

Test(heap_check, finds_a_used_chunk_marked_free)
{
    words_at(0)[0] &= ~1u;
    finds("the free list holds every free chunk, ascending");
}

Test(heap_check, finds_a_used_chunk_beside_a_free_one_marked_free)
{
    words_at(8)[0] &= ~1u;
    finds("no two free chunks touch");
}

Test(heap_check, finds_a_free_chunk_marked_used)
{
    words_at(4)[0] |= 1;
    finds("the free list holds every free chunk, ascending");
}

Test(heap_check, finds_links_that_lead_astray)
{
    static const uint32_t astray[] = {0, 4, 5, 8, 28, 512, 100000, 0x80000000u, UINT32_MAX};

    for (size_t i = 0; i < sizeof(astray) / sizeof(astray[0]); i++) {
        set_up();
        words_at(4)[2] = astray[i];
        finds("the free list holds every free chunk, ascending");
        set_up();
        words_at(24)[2] = astray[i];
        if (astray[i] != UINT32_MAX) {
            finds("the free list ends with the last free chunk");
        }
        set_up();
        words_at(24)[3] = astray[i] == 4 ? 3 : astray[i];
        finds("a free chunk links back to the one before it");
    }
}

Test(heap_check, finds_a_wrong_head_and_a_wrong_tail)
{
    heap.state[2] = 24;
    finds("the free list holds every free chunk, ascending");
    set_up();
    heap.state[3] = 4;
    finds("the list's tail is the last free chunk");
}

Test(heap_check, finds_wrong_counters)
{
    heap.used_bytes += 8;
    finds("used bytes are the sum of the chunks in use");
    set_up();
    heap.live_blocks--;
    finds("live blocks are the chunks in use, and were allocated once");
    set_up();
    heap.allocated_blocks = 2;
    finds("live blocks are the chunks in use, and were allocated once");
    set_up();
    heap.peak_used_bytes = heap.used_bytes - 1;
    finds("the peak lies between used bytes and capacity");
    set_up();
    heap.peak_used_bytes = heap.capacity_bytes + 1;
    finds("the peak lies between used bytes and capacity");
    set_up();
    heap.capacity_bytes -= 8;
    finds("chunks in use and free chunks make up the capacity");
}

Test(heap_check, finds_a_missing_start_bit)
{
    heap.starts[0] &= ~(1u << 9);
    finds("the start bitmap marks exactly the blocks in use");
}

Test(heap_check, finds_a_start_bit_in_a_block)
{
    heap.starts[0] |= 1u << 10;
    finds("the start bitmap marks exactly the blocks in use");
}

Test(heap_check, finds_a_start_bit_in_free_space)
{
    heap.starts[0] |= 1u << 5;
    finds("the start bitmap marks exactly the blocks in use");
}

Test(heap_check, finds_a_start_bit_behind_the_last_block)
{
    heap.starts[15] |= 1u << 31;
    finds("the start bitmap marks nothing but blocks in use");
}

Test(heap_check, finds_a_promise_of_too_much_or_too_little)
{
    struct smh_engine modest = smh_engine_first_fit;

    heap.engine = smh_faulty_engine_find("faulty_largest_free");
    finds("the largest request that is promised fits a free chunk");
    modest.largest_free = smh_faulty_engine_find("faulty_largest_free")->largest_free;
    heap.engine = &modest;
    finds("the largest request that is promised fits a free chunk");
}

static size_t too_little(const struct smh_heap *any)
{
    (void)any;
    return 8;
}

Test(heap_check, finds_a_promise_of_less_than_fits)
{
    struct smh_engine modest = smh_engine_first_fit;

    modest.largest_free = too_little;
    heap.engine = &modest;
    finds("the largest request that is promised is the largest that fits");
}

Test(heap_check, finds_chunks_that_were_not_merged)
{
    struct smh_heap_config config = {.memory = memory,
                                     .memory_size = sizeof(memory),
                                     .engine = smh_faulty_engine_find("faulty_coalescing")};
    void *first;
    void *second;

    cr_assert_eq(smh_heap_init(&heap, &config), 0);
    first = smh_heap_alloc(&heap, 24);
    second = smh_heap_alloc(&heap, 24);
    cr_assert_not_null(smh_heap_alloc(&heap, 24));
    smh_heap_free(&heap, first);
    cr_assert_eq(smh_heap_check(&heap, NULL), 0);
    smh_heap_free(&heap, second);
    finds("no two free chunks touch");
}

/* The generic rules, with an engine whose walk says what the test wants. */
static struct smh_chunk told[4];
static size_t told_count;

static bool telling_walk(const struct smh_heap *any, struct smh_chunk *chunk)
{
    size_t index = chunk->next;

    (void)any;
    if (index == told_count) {
        return false;
    }
    *chunk = told[index];
    chunk->next = index + 1;
    return true;
}

static int trusting_check(const struct smh_heap *any, struct smh_fault *fault)
{
    (void)any;
    (void)fault;
    return 0;
}

static void finds_in_walk(struct smh_chunk first, struct smh_chunk second, const char *rule)
{
    struct smh_engine engine = smh_engine_first_fit;

    set_up();
    engine.walk = telling_walk;
    engine.check = trusting_check;
    heap.engine = &engine;
    heap.starts = NULL;
    told[0] = first;
    told[1] = second;
    told_count = 2;
    finds(rule);
}

Test(heap_check, finds_impossible_walks)
{
    struct smh_chunk used = {.size = 32, .used = true, .block = memory + 8, .usable = 24};
    struct smh_chunk free_space = {.offset = 32, .size = 32, .usable = 24};
    struct smh_chunk odd = free_space;

    odd.offset = 31;
    finds_in_walk(used, odd, "chunks ascend and do not overlap");
    odd = free_space;
    odd.size = 0;
    finds_in_walk(used, odd, "a chunk lies inside memory");
    odd.size = 4096 - 31;
    finds_in_walk(used, odd, "a chunk lies inside memory");
    odd.offset = SIZE_MAX;
    finds_in_walk(used, odd, "a chunk lies inside memory");
    odd = used;
    odd.usable = 25;
    finds_in_walk(odd, free_space, "a block lies inside its chunk");
    odd = used;
    odd.block = memory + 33;
    finds_in_walk(odd, free_space, "a block lies inside its chunk");
    odd.block = NULL;
    finds_in_walk(odd, free_space, "a block lies inside its chunk");
    odd = used;
    odd.block = memory + 12;
    odd.usable = 20;
    finds_in_walk(odd, free_space, "a block starts at a multiple of the alignment");
    odd = used;
    odd.usable = 16;
    finds_in_walk(odd, free_space, "a block's usable size is what the walk says");
    odd = free_space;
    odd.usable = 33;
    finds_in_walk(used, odd, "a free chunk has no block and promises no more bytes than it has");
    odd = free_space;
    odd.offset = 0;
    finds_in_walk(odd, free_space, "no two free chunks touch");
    odd = used;
    odd.offset = 4 * 8;
    odd.block = memory + 5 * 8; /* the free chunk, called used */
    finds_in_walk(used, odd, "the engine knows its own block");
}

/* Any damage: the validator ends, changes nothing and stays inside (the sanitizers see to that:
 * memory and metadata are blocks of their own). So do verdict and walk. */
static void survives(const struct smh_engine *engine, unsigned target_bits, bool with_bitmap)
{
    enum { BYTES = 2000 };
    uint8_t *own = malloc(BYTES);
    uint8_t *image = malloc(BYTES);
    struct smh_heap_config config = {
        .memory = own, .memory_size = BYTES, .engine = engine, .target_bits = target_bits};
    struct smh_random random;
    struct smh_heap damaged;
    size_t found = 0;

    config.metadata_size = smh_heap_metadata_size(&config);
    config.metadata = with_bitmap ? malloc(config.metadata_size) : NULL;
    smh_random_init(&random, target_bits, with_bitmap);
    for (size_t round = 0; round < 3000; round++) {
        void *blocks[12];
        size_t steps = 0;
        struct smh_chunk chunk = {0};

        cr_assert_eq(smh_heap_init(&damaged, &config), 0);
        for (size_t i = 0; i < 12; i++) {
            blocks[i] = smh_heap_alloc(&damaged, 1 + smh_random_below(&random, 150));
        }
        for (size_t i = 0; i < 12; i += 1 + smh_random_below(&random, 3)) {
            smh_heap_free(&damaged, blocks[i]);
        }
        for (size_t i = 1 + smh_random_below(&random, 4); i != 0; i--) {
            size_t at = smh_random_below(&random, BYTES);
            uint32_t value = (uint32_t)smh_random_next(&random) >> smh_random_below(&random, 32);

            memcpy(own + at, &value, at + 4 <= BYTES ? 1 + smh_random_below(&random, 4) : 1);
        }
        memcpy(image, own, BYTES);
        found += smh_heap_check(&damaged, NULL) != 0;
        while (smh_heap_walk(&damaged, &chunk)) {
            cr_assert_lt(steps++, (size_t)BYTES, "%s: the walk does not end", engine->name);
        }
        for (size_t at = 0; at < BYTES && !with_bitmap; at++) {
            (void)smh_heap_verdict(&damaged, own + at);
        }
        cr_assert_eq(memcmp(image, own, BYTES), 0, "%s: the validator writes", engine->name);
    }
    /* With tables elsewhere, only the links of free chunks lie where the damage is done. */
    bool links_alone = with_bitmap && (engine->flags & SMH_ENGINE_EXACT) != 0;
    cr_expect_gt(found, links_alone ? 30 : 100, "%s: found %zu", engine->name, found);
    free(config.metadata);
    free(image);
    free(own);
}

Test(heap_check, ends_and_stays_inside_whatever_is_damaged)
{
    for (size_t i = 0; smh_engine_at(i) != NULL; i++) {
        survives(smh_engine_at(i), 32, true);
        survives(smh_engine_at(i), 64, true);
        survives(smh_engine_at(i), 32, false);
        survives(smh_engine_at(i), 64, false);
    }
}
