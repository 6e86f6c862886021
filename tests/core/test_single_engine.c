/* test_single_engine.c: a heap of a build with SMH_SINGLE_ENGINE beside one of the usual build.
 *
 * Owns: the two of them in step. heap.c is compiled in here once more, with the engine bitmap alone
 * and names of its own.
 */
#define SMH_SINGLE_ENGINE
#define smh_heap_metadata_size   single_metadata_size
#define smh_heap_init            single_init
#define smh_heap_verdict         single_verdict
#define smh_heap_alloc           single_alloc
#define smh_heap_aligned_alloc   single_aligned_alloc
#define smh_heap_realloc         single_realloc
#define smh_heap_aligned_realloc single_aligned_realloc
#define smh_heap_resize          single_resize
#define smh_heap_free            single_free
#define smh_heap_usable_size     single_usable_size
#define smh_heap_alignment       single_alignment
#define smh_heap_contains        single_contains
#define smh_heap_stats           single_stats
#define smh_heap_reset_peak      single_reset_peak
#define smh_heap_walk            single_walk
#define smh_starts_next          single_starts_next
#define smh_starts_previous      single_starts_previous
#include "../../src/heap.c"
#undef smh_heap_metadata_size
#undef smh_heap_init
#undef smh_heap_verdict
#undef smh_heap_alloc
#undef smh_heap_aligned_alloc
#undef smh_heap_aligned_realloc
#undef smh_heap_resize
#undef smh_heap_free
#undef smh_heap_usable_size
#undef smh_heap_alignment
#undef smh_heap_contains
#undef smh_heap_stats
#undef smh_heap_walk

/* The header was read under the names above. */
__typeof__(single_metadata_size) smh_heap_metadata_size;
__typeof__(single_init) smh_heap_init;
__typeof__(single_verdict) smh_heap_verdict;
__typeof__(single_alloc) smh_heap_alloc;
__typeof__(single_aligned_alloc) smh_heap_aligned_alloc;
__typeof__(single_aligned_realloc) smh_heap_aligned_realloc;
__typeof__(single_resize) smh_heap_resize;
__typeof__(single_free) smh_heap_free;
__typeof__(single_usable_size) smh_heap_usable_size;
__typeof__(single_alignment) smh_heap_alignment;
__typeof__(single_contains) smh_heap_contains;
__typeof__(single_stats) smh_heap_stats;
__typeof__(single_walk) smh_heap_walk;

#include "../../sim/random.h"

#include <criterion/criterion.h>

#define MEMORY_BYTES 20000
#define SLOTS        60

static _Alignas(4096) uint8_t memories[2][5 * 4096]; /* of the usual heap, of the single one */
static struct smh_heap usual;
static struct smh_heap single;
static uint8_t *blocks[SLOTS]; /* of the usual heap */

static struct smh_heap_config config_of(int which, const struct smh_engine *engine)
{
    return (struct smh_heap_config){
        .engine = engine, .memory = memories[which], .memory_size = MEMORY_BYTES};
}

static uint8_t *twin_of(const uint8_t *block)
{
    return block == NULL ? NULL : memories[1] + (block - memories[0]);
}

static void make(void)
{
    struct smh_heap_config config = config_of(0, &smh_engine_bitmap);
    struct smh_heap_config of_single = config_of(1, NULL);

    memset(blocks, 0, sizeof(blocks));
    cr_assert_eq(smh_heap_init(&usual, &config), 0);
    cr_assert_eq(single_init(&single, &of_single), 0);
}

Test(single_engine, takes_its_engine_named_or_not_and_no_other)
{
    struct smh_heap_config config = config_of(1, NULL);

    cr_expect_eq(single_init(&single, &config), 0);
    cr_expect_eq(single_metadata_size(&config), smh_heap_metadata_size(&config));
    for (size_t i = 0; smh_engine_at(i) != NULL; i++) {
        bool own = smh_engine_at(i) == &smh_engine_bitmap;

        config.engine = smh_engine_at(i);
        cr_expect_eq(single_init(&single, &config), own ? 0 : -EINVAL, "%s", config.engine->name);
        cr_expect_eq(single_metadata_size(&config) != 0, own, "%s", config.engine->name);
    }
}

Test(single_engine, asks_no_field_that_names_an_engine)
{
    make();
    single.engine = NULL;
    single.acquire = NULL;
    single.release = NULL;
    blocks[0] = single_alloc(&single, 100);
    cr_assert_not_null(blocks[0]);
    cr_expect_eq(single_verdict(&single, blocks[0]), 0);
    cr_expect_eq(single_free(&single, blocks[0]), 0);
    cr_expect_eq(single_free(&single, blocks[0]), -EALREADY);
}

/* One random call of both heaps. */
static void step(struct smh_random *random)
{
    uint8_t **slot = &blocks[smh_random_below(random, SLOTS)];
    uint8_t *twin = twin_of(*slot);
    uint8_t *answer;
    uint64_t what = smh_random_below(random, 6);
    size_t align = (size_t)1 << smh_random_below(random, 8);
    size_t bytes = smh_random_below(random, (uint64_t)1 << smh_random_below(random, 13));

    if (what < 3 && *slot != NULL) {
        cr_assert_eq(smh_heap_free(&usual, *slot), single_free(&single, twin));
        cr_assert_eq(smh_heap_free(&usual, *slot), single_free(&single, twin));
        *slot = NULL;
    } else if (what == 3 && *slot != NULL) {
        cr_assert_eq(smh_heap_resize(&usual, *slot, bytes), single_resize(&single, twin, bytes));
    } else if (what == 4 && *slot == NULL) {
        *slot = smh_heap_aligned_alloc(&usual, align, bytes);
        cr_assert_eq(single_aligned_alloc(&single, align, bytes), twin_of(*slot));
    } else if (*slot == NULL) {
        *slot = smh_heap_alloc(&usual, bytes);
        cr_assert_eq(single_alloc(&single, bytes), twin_of(*slot));
    } else {
        answer = smh_heap_aligned_realloc(&usual, *slot, align, bytes);
        cr_assert_eq(single_aligned_realloc(&single, twin, align, bytes), twin_of(answer));
        *slot = answer != NULL || bytes == 0 ? answer : *slot;
    }
    answer = memories[0] + smh_random_below(random, MEMORY_BYTES + 100);
    cr_assert_eq(smh_heap_verdict(&usual, answer), single_verdict(&single, twin_of(answer)));
    cr_assert_eq(smh_heap_usable_size(&usual, answer),
                 single_usable_size(&single, twin_of(answer)));
    cr_assert_eq(smh_heap_contains(&usual, answer), single_contains(&single, twin_of(answer)));
}

static void compare(void)
{
    struct smh_stats of_usual;
    struct smh_stats of_single;
    struct smh_chunk chunk = {0};
    struct smh_chunk same = {0};

    smh_heap_stats(&usual, &of_usual);
    single_stats(&single, &of_single);
    cr_assert_eq(memcmp(&of_usual, &of_single, sizeof(of_usual)), 0);
    cr_assert_eq(smh_heap_alignment(&usual), single_alignment(&single));
    while (smh_heap_walk(&usual, &chunk)) {
        cr_assert(single_walk(&single, &same));
        cr_assert_eq(chunk.offset, same.offset);
        cr_assert_eq(chunk.size, same.size);
        cr_assert_eq(chunk.used, same.used);
    }
    cr_assert_not(single_walk(&single, &same));
}

Test(single_engine, answers_every_call_as_a_build_with_the_table_does)
{
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct smh_random random;

        make();
        smh_random_init(&random, seed, 0);
        for (int i = 0; i < 3000; i++) {
            step(&random);
            if (i % 100 == 0) {
                compare();
            }
        }
    }
}
