/* corner.c: layouts at places that inputs never have. See corner.h.
 *
 *     window   |         1 GiB          |         1 GiB
 *                            |  heap  |              and each other way that it may lie
 *
 *     words    | mark | 0 | last | ... 64 | ... 4096 | ... | last | 0 | end |     a long chunk of
 *              engine bitmap: here every word behind 4096 is in turn the one of `end`
 */
#include "corner.h"

#include "../naive/reference.h"
#include "../stage.h"
#include "large.h"

#include <smh/pool.h>
#include <smh/port.h>

#define GIB        ((size_t)1 << 30)
#define UNITS_MOST 512u
#define BLOCKS     64u
#define MILES_SIZE ((size_t)5 << 20)
#define WORD_BITS  64u /* there is a window where pointers are so long only */

static _Alignas(8) uint8_t tables[(size_t)1 << 17];

/* False: the heap is refused. */
static bool open_heap(struct smh_heap *heap, struct smh_heap_config *config)
{
    size_t wanted = smh_heap_metadata_size(config);
    FUZZ_REQUIRE(wanted <= sizeof(tables), "corner: %s wants tables of %zu bytes",
                 config->engine->name, wanted);
    config->metadata = wanted == 0 ? NULL : tables;
    config->metadata_size = wanted;
    return smh_heap_init(heap, config) == 0;
}

/* The largest block, then the largest of what is left, to the end. */
static void judge_drain(struct smh_heap_config config)
{
    struct smh_heap heap;
    void *blocks[BLOCKS];
    size_t count = 0;
    if (config.memory_size < GIB) {
        smh_port_unpoison(config.memory, config.memory_size);
    }
    if (!open_heap(&heap, &config)) {
        return;
    }
    const struct fuzz_reference *naive =
        fuzz_reference_open(&heap, config.metadata, config.metadata_size);
    while (naive != NULL && count < BLOCKS) {
        size_t bytes = heap.engine->largest_free(&heap);
        if (bytes == 0) {
            break;
        }
        blocks[count] = smh_heap_alloc(&heap, bytes);
        fuzz_reference_compare(naive, &heap, blocks[count], naive->alloc(0, bytes), bytes);
        count++;
    }
    for (size_t i = 0; i < count; i++) {
        naive->free((uintptr_t)blocks[i]);
        FUZZ_REQUIRE(smh_heap_free(&heap, blocks[i]) == 0, "corner: %s: a block stays",
                     heap.engine->name);
        fuzz_reference_compare(naive, &heap, NULL, 0, 0);
    }
    FUZZ_REQUIRE(smh_heap_check(&heap, NULL) == 0, "corner: %s is broken", heap.engine->name);
}

static void judge_places(const struct smh_engine *engine)
{
    uint8_t *multiple = fuzz_window() + GIB;
    for (size_t granule = 8; granule <= 128; granule *= 4) {
        for (size_t units = 64; units <= UNITS_MOST; units *= 2) {
            const size_t before[] = {0, 1, 2, 3, units / 2, units - 1, units};
            for (size_t i = 0; i < 21; i++) {
                judge_drain((struct smh_heap_config){
                    .memory = multiple - before[i / 3] * granule,
                    .memory_size = (units + i % 3 - 1) * granule,
                    .granule = granule == 8 && engine != &smh_engine_buddy ? 0 : granule,
                    .engine = engine});
            }
        }
    }
}

/* Two of the largest blocks that buddies have, and a little less: few units, so that it costs
 * little. */
static void judge_most(void)
{
    static struct smh_pool pool;
    /* To the last address but one: too large; to the last: more than there is. */
    struct smh_region region = {.addr = GIB, .size = UINTPTR_MAX - GIB};
    FUZZ_REQUIRE(smh_pool_init(&pool, NULL) == 0 && smh_pool_add(&pool, &region) == -ENOMEM,
                 "corner: a region to the last address but one is refused otherwise");
    region.size++;
    FUZZ_REQUIRE(smh_pool_add(&pool, &region) == -EOVERFLOW,
                 "corner: a region to the last address is refused otherwise");
    for (size_t i = 0; smh_engine_at(i) != NULL; i++) {
        region.engine = smh_engine_at(i);
        for (unsigned shift = 38; shift < 64; shift++) {
            region.size = (size_t)1 << shift;
            const struct smh_heap_config config = {.memory_size = region.size,
                                                   .engine = region.engine};
            FUZZ_REQUIRE(smh_pool_add(&pool, &region) == -ENOMEM &&
                             ((region.engine->flags & SMH_ENGINE_EXACT) == 0 ||
                              smh_heap_metadata_size(&config) == 0),
                         "corner: %s is given 1 << %u bytes, and does not call them too many",
                         region.engine->name, shift);
        }
    }
    for (size_t granule = (size_t)1 << 24; granule <= GIB; granule *= 4) {
        for (size_t less = 0; less < 3 && less * granule < GIB; less++) {
            judge_drain((struct smh_heap_config){.memory = fuzz_window() + less / 2 * granule,
                                                 .memory_size = 2 * GIB - less * granule,
                                                 .granule = granule,
                                                 .engine = &smh_engine_buddy});
        }
    }
}

/* Is sound as a block, as a free chunk, and as a block again. */
static void judge_chunk(struct smh_heap *heap, uint8_t *block, size_t bytes)
{
    struct smh_fault fault = {0};
    FUZZ_REQUIRE(smh_heap_resize(heap, block, bytes), "corner: %zu bytes do not shrink", bytes);
    FUZZ_REQUIRE(smh_heap_usable_size(heap, block) == bytes && smh_heap_check(heap, &fault) == 0,
                 "corner: a block of %zu bytes: 0x%zx: %s", bytes, fault.offset, fault.rule);
    uint8_t *rest = smh_heap_alloc(heap, heap->engine->largest_free(heap));
    FUZZ_REQUIRE(rest == block + bytes && smh_heap_free(heap, block) == 0,
                 "corner: what is left of a heap lies elsewhere than at its end");
    FUZZ_REQUIRE(smh_heap_check(heap, &fault) == 0, "corner: a free chunk of %zu bytes: 0x%zx: %s",
                 bytes, fault.offset, fault.rule);
    FUZZ_REQUIRE(smh_heap_verdict(heap, block + bytes - 8) == -EALREADY &&
                     smh_heap_verdict(heap, block + bytes / 2 / 8 * 8) == -EALREADY,
                 "corner: a free chunk of %zu bytes is not free", bytes);
    FUZZ_REQUIRE(smh_heap_alloc(heap, bytes) == block && smh_heap_free(heap, rest) == 0,
                 "corner: a free chunk of %zu bytes does not serve so many", bytes);
    FUZZ_REQUIRE(smh_heap_resize(heap, block, bytes + heap->engine->largest_free(heap)),
                 "corner: a block of %zu bytes does not grow", bytes);
}

/* Long chunks of engine bitmap, ending in every word around those where there are milestones, and
 * beginning before one, in it, or behind another chunk that is long enough to be taken for it. */
static void judge_miles(void)
{
    const size_t miles[] = {64, 128, 4096, 4096 + 64, 8192};
    const size_t heads[] = {0, 62, 64, 67, 70, 126, 131}; /* words before the chunk */
    struct smh_heap heap;
    for (unsigned i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        struct smh_chunk first = {0};
        struct smh_heap_config config = {
            .memory = fuzz_window() + GIB, .memory_size = MILES_SIZE, .engine = &smh_engine_bitmap};
        smh_port_unpoison(config.memory, config.memory_size);
        FUZZ_REQUIRE(smh_heap_init(&heap, &config) == 0 && smh_heap_walk(&heap, &first),
                     "corner: 5 MiB are no heap");
        uint8_t *first_unit = heap.memory + first.offset; /* which is bit 3 */
        uint8_t *block = smh_heap_alloc(&heap, heap.engine->largest_free(&heap));
        size_t head = 8 * WORD_BITS * heads[i];
        if (head != 0) {
            FUZZ_REQUIRE(smh_heap_resize(&heap, block, head), "corner: does not shrink");
            block = smh_heap_alloc(&heap, heap.engine->largest_free(&heap));
        }
        size_t begin = 3 + (size_t)(block - first_unit) / 8;
        for (size_t look = 0; look < 5 * 9; look++) {
            size_t end = (miles[look / 9] + look % 9 - 2) * WORD_BITS + look * 7 % WORD_BITS;
            if (end > begin + 4 * WORD_BITS) {
                judge_chunk(&heap, block, (end - begin) * 8);
            }
        }
    }
}

/* Costs and priorities as small and as large as there are, in every order of three regions. */
static void judge_rank_ends(void)
{
    static _Alignas(64) uint8_t memory[3][1024];
    static struct smh_pool pool;
    const struct smh_policy *policies[] = {&smh_policy_fastest, &smh_policy_tiered,
                                           &smh_policy_size_threshold};
    const uint32_t ends[] = {0, 5, UINT32_MAX};
    for (unsigned i = 0; i < 18; i++) {
        const struct smh_pool_config config = {.policy = policies[i / 6], .threshold_bytes = 64};
        unsigned order[3] = {i % 3, (i + 1 + i / 3 % 2) % 3, (i + 2 - i / 3 % 2) % 3};
        FUZZ_REQUIRE(smh_pool_init(&pool, &config) == 0, "corner: a pool is refused");
        for (unsigned j = 0; j < 3; j++) {
            const struct smh_region region = {.addr = (uintptr_t)memory[order[j]],
                                              .size = sizeof(memory[0]),
                                              .cost = ends[order[j]],
                                              .priority = ends[order[j]]};
            FUZZ_REQUIRE(smh_pool_add(&pool, &region) == 0, "corner: a region is refused");
        }
        const struct smh_region *small = smh_pool_region_of(&pool, smh_pool_alloc(&pool, 0, 64));
        const struct smh_region *large = smh_pool_region_of(&pool, smh_pool_alloc(&pool, 0, 65));
        FUZZ_REQUIRE(small != NULL && small->addr == (uintptr_t)memory[0],
                     "corner: by %s cost 0 is not the least", config.policy->name);
        FUZZ_REQUIRE(large != NULL && large->addr == (uintptr_t)memory[i / 6 == 2 ? 2 : 0],
                     "corner: by %s a large request is served elsewhere", config.policy->name);
    }
}

void fuzz_judge_corners(void)
{
    static bool judged;
    if (judged) {
        return;
    }
    judged = true;
    judge_rank_ends();
    if (fuzz_window() == NULL) {
        return;
    }
    for (size_t i = 0; smh_engine_at(i) != NULL; i++) {
        judge_places(smh_engine_at(i));
    }
    judge_most();
    judge_miles();
}
