/* test_check_rules.c: the rules of check.c, one by one, by an engine that says what it is told.
 *
 *     walk:  0 |used 64| 64 |free 64| 128 |used 32| 160 ... 192      the script, before it is bent
 *
 * Owns: that engine. Each test bends one answer and requires the rule, and the place, that check.c
 * names; where a bound allows equality, the answer at the bound is required to pass.
 */
#include "../../src/heap_private.h"

#include <criterion/criterion.h>
#include <string.h>

#define CHUNKS_MOST 4

static _Alignas(64) uint8_t memory[192];
static struct smh_heap heap;
static struct smh_chunk script[CHUNKS_MOST];
static size_t chunk_count;
static size_t usable[CHUNKS_MOST]; /* what usable_size says */
static int verdicts[CHUNKS_MOST];
static size_t largest;
static size_t sufficient_for_more;

static size_t index_of(const void *block)
{
    size_t i = 0;

    while (i < chunk_count && script[i].block != block) {
        i++;
    }
    return i;
}

static size_t told_usable_size(const struct smh_heap *ignored, const void *block)
{
    (void)ignored;
    return index_of(block) < chunk_count ? usable[index_of(block)] : 0;
}

static int told_verdict(const struct smh_heap *ignored, const void *block)
{
    (void)ignored;
    return index_of(block) < chunk_count ? verdicts[index_of(block)] : -EINVAL;
}

static size_t told_largest_free(const struct smh_heap *ignored)
{
    (void)ignored;
    return largest;
}

static size_t told_sufficient_chunk(const struct smh_heap *ignored, size_t align, size_t bytes)
{
    (void)ignored;
    /* Anything else would be another question. */
    return align == 0 && bytes == largest + 1 ? sufficient_for_more : 0;
}

static bool told_walk(const struct smh_heap *ignored, struct smh_chunk *chunk)
{
    uintptr_t at = chunk->next;

    (void)ignored;
    if (at >= chunk_count) {
        return false;
    }
    *chunk = script[at];
    chunk->next = at + 1;
    return true;
}

static int told_check(const struct smh_heap *ignored, struct smh_fault *fault)
{
    (void)ignored;
    cr_assert_null(fault->rule, "the engine is asked before any rule is found broken");
    cr_assert_eq(fault->offset, 0);
    return 0;
}

static struct smh_engine engine;

static void set_up(void)
{
    struct smh_chunk chunks[] = {
        {.offset = 0, .size = 64, .used = true, .block = memory + 8, .usable = 56},
        {.offset = 64, .size = 64, .used = false, .block = NULL, .usable = 56},
        {.offset = 128, .size = 32, .used = true, .block = memory + 136, .usable = 24},
    };

    memset(&heap, 0, sizeof(heap));
    memset(script, 0, sizeof(script));
    memcpy(script, chunks, sizeof(chunks));
    chunk_count = 3;
    usable[0] = 56;
    usable[2] = 24;
    memset(verdicts, 0, sizeof(verdicts));
    largest = 56;
    sufficient_for_more = 72;
    engine = (struct smh_engine){.usable_size = told_usable_size,
                                 .verdict = told_verdict,
                                 .largest_free = told_largest_free,
                                 .sufficient_chunk = told_sufficient_chunk,
                                 .walk = told_walk,
                                 .check = told_check};
    heap.engine = &engine;
    heap.memory = memory;
    heap.memory_size = sizeof(memory);
    heap.step_shift = 3;
    heap.capacity_bytes = 160;
    heap.used_bytes = 96;
    heap.peak_used_bytes = 100;
    heap.live_blocks = 2;
    heap.allocated_blocks = 2;
    heap.initialised = SMH_HEAP_MAGIC;
    cr_assert_eq(smh_heap_check(&heap, NULL), 0);
}

TestSuite(check_rules, .init = set_up);

static void finds(const char *rule, size_t offset)
{
    struct smh_fault fault = {"?", 99999};

    cr_assert_eq(smh_heap_check(&heap, &fault), -EINVAL);
    cr_assert_str_eq(fault.rule, rule);
    cr_assert_eq(fault.offset, offset);
    set_up();
}

static void passes(void)
{
    struct smh_fault fault = {"?", 99999};

    cr_assert_eq(smh_heap_check(&heap, &fault), 0);
    cr_assert_null(fault.rule);
    cr_assert_eq(fault.offset, 0);
    set_up();
}

Test(check_rules, a_heap_that_is_none_breaks_a_rule_too)
{
    struct smh_fault fault = {"?", 99999};

    heap.initialised = 0;
    finds("the heap is initialised", 0);
    cr_assert_eq(smh_heap_check(NULL, &fault), -EINVAL);
    cr_assert_eq(fault.offset, 0);
}

Test(check_rules, a_block_lies_inside_its_chunk)
{
    static const char rule[] = "a block lies inside its chunk";

    script[0].block = NULL;
    finds(rule, 0);
    script[2].block = memory + 120; /* before its chunk */
    finds(rule, 128);
    script[2].usable = 0;
    finds(rule, 128);
    script[2].block = memory + 168; /* behind its chunk */
    finds(rule, 128);
    script[2].block = memory + 160; /* at its end, with no room */
    script[2].usable = usable[2] = 8;
    finds(rule, 128);
    script[2].usable = 25;
    finds(rule, 128);
    script[2].block = memory + 128; /* its first byte, all of it */
    script[2].usable = usable[2] = 32;
    passes();
    script[2].block = memory + 152;
    script[2].usable = usable[2] = 1; /* one byte is a block */
    passes();
}

Test(check_rules, a_block_starts_at_a_step_and_is_known_by_its_size)
{
    script[2].block = memory + 132;
    finds("a block starts at a multiple of the alignment", 132);
    usable[2] = 23;
    finds("a block's usable size is what the walk says", 136);
    usable[2] = 25;
    finds("a block's usable size is what the walk says", 136);
    verdicts[2] = -EALREADY;
    finds("the engine knows its own block", 136);
    verdicts[0] = 1;
    finds("the engine knows its own block", 8);
}

Test(check_rules, a_free_chunk_has_no_block_and_promises_no_more_than_it_has)
{
    static const char rule[] = "a free chunk has no block and promises no more bytes than it has";

    script[1].block = memory + 72;
    finds(rule, 64);
    script[1].block = memory + 72;
    script[1].size = 56; /* it is the place that is told */
    finds(rule, 64);
    script[1].usable = 65;
    finds(rule, 64);
    script[1].usable = 64;
    largest = 64;
    passes();
}

static void two_free_chunks(size_t second)
{
    script[2] = (struct smh_chunk){.offset = second, .size = 32, .used = false, .usable = 24};
    heap.used_bytes = 64;
    heap.live_blocks = 1;
}

Test(check_rules, free_chunks_may_touch_only_where_the_engine_says_so)
{
    two_free_chunks(128);
    finds("no two free chunks touch", 128);
    two_free_chunks(136); /* a table between them */
    passes();
    engine.flags = SMH_ENGINE_PARTIAL_COALESCE;
    two_free_chunks(128);
    passes();
    engine.flags = ~(uint32_t)SMH_ENGINE_PARTIAL_COALESCE;
    two_free_chunks(128);
    finds("no two free chunks touch", 128);
}

Test(check_rules, chunks_ascend_and_lie_inside_memory)
{
    script[1].offset = 63;
    finds("chunks ascend and do not overlap", 63);
    script[2].offset = 192;
    finds("a chunk lies inside memory", 192);
    script[2].offset = 193;
    finds("a chunk lies inside memory", 193);
    script[2].size = 65;
    finds("a chunk lies inside memory", 128);
    script[2].size = 0;
    finds("a chunk lies inside memory", 128);
    script[2].size = 64; /* to the last byte */
    heap.used_bytes = 128;
    heap.peak_used_bytes = 128;
    heap.capacity_bytes = 192;
    passes();
}

Test(check_rules, counters_are_the_sums)
{
    heap.used_bytes = 95;
    finds("used bytes are the sum of the chunks in use", 0);
    heap.used_bytes = 97;
    finds("used bytes are the sum of the chunks in use", 0);
    heap.capacity_bytes = 159;
    finds("chunks in use and free chunks make up the capacity", 160);
    heap.capacity_bytes = 161;
    finds("chunks in use and free chunks make up the capacity", 160);
    heap.live_blocks = 1;
    finds("live blocks are the chunks in use, and were allocated once", 0);
    heap.live_blocks = 3;
    finds("live blocks are the chunks in use, and were allocated once", 0);
    heap.allocated_blocks = 1;
    finds("live blocks are the chunks in use, and were allocated once", 0);
}

Test(check_rules, the_capacity_is_at_most_the_memory)
{
    /* Chunks that overlap nothing, in memory of which the heap was told less. */
    heap.memory_size = 160;
    passes();
    script[1].size = SIZE_MAX; /* as no sum may be: refused where the chunk is */
    finds("a chunk lies inside memory", 64);
}

Test(check_rules, the_peak_lies_between_use_and_capacity)
{
    heap.peak_used_bytes = 95;
    finds("the peak lies between used bytes and capacity", 0);
    heap.peak_used_bytes = 161;
    finds("the peak lies between used bytes and capacity", 0);
    heap.peak_used_bytes = 96;
    passes();
    heap.peak_used_bytes = 160;
    passes();
}

Test(check_rules, the_largest_request_promised_fits_and_is_the_largest)
{
    largest = 57;
    finds("the largest request that is promised fits a free chunk", 0);
    sufficient_for_more = 64;
    finds("the largest request that is promised is the largest that fits", 0);
    sufficient_for_more = 63;
    finds("the largest request that is promised is the largest that fits", 0);
    sufficient_for_more = 65;
    passes();
    two_free_chunks(136); /* the first is the larger one: the last does not count */
    sufficient_for_more = 65;
    passes();
    two_free_chunks(136);
    sufficient_for_more = 64;
    finds("the largest request that is promised is the largest that fits", 0);
}

/*     | used 64 | free 40 | 8 | free 32 |      or the other way round; either may promise more */
Test(check_rules, the_longest_free_chunk_and_the_one_that_promises_most_may_be_two)
{
    for (unsigned i = 0; i < 2; i++) {
        static const size_t sizes[2] = {40, 32};
        static const size_t promises[2] = {24, 30};

        for (unsigned k = 0; k < 2; k++) {
            script[1 + k] = (struct smh_chunk){.offset = k == 0 ? 64 : 112,
                                               .size = sizes[i ^ k],
                                               .used = false,
                                               .usable = promises[i ^ k]};
        }
        heap.used_bytes = 64;
        heap.live_blocks = 1;
        heap.capacity_bytes = 64 + 40 + 32;
        largest = 30;
        sufficient_for_more = 41;
        cr_assert_eq(smh_heap_check(&heap, NULL), 0);
        sufficient_for_more = 40;
        cr_assert_neq(smh_heap_check(&heap, NULL), 0);
        sufficient_for_more = 41;
        largest = 31;
        cr_assert_neq(smh_heap_check(&heap, NULL), 0);
    }
}

Test(check_rules, the_start_bitmap_marks_the_blocks_and_nothing_else)
{
    uint32_t starts[1];

    heap.metadata_size = sizeof(starts);
    starts[0] = 1u << 1 | 1u << 17;
    heap.starts = starts;
    cr_assert_eq(smh_heap_check(&heap, NULL), 0);
    starts[0] |= 1u << 23;
    finds("the start bitmap marks nothing but blocks in use", 160);
    heap.metadata_size = sizeof(starts);
    heap.starts = starts;
    starts[0] = 1u << 1 | 1u << 2 | 1u << 17;
    finds("the start bitmap marks exactly the blocks in use", 136);
}
