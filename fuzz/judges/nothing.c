/* nothing.c: answers to nothing. See nothing.h. */
#include "nothing.h"

#include "../stage.h"

#include <smh/multi_heap.h>
#include <smh/pool.h>
#include <smh/sys_heap.h>

static _Alignas(64) uint8_t memory[4096];

static bool is_zero(const struct smh_stats *stats)
{
    static const struct smh_stats none;
    return memcmp(stats, &none, sizeof(none)) == 0;
}

/* No heap. */
static void judge_no_heap(struct smh_heap *heap)
{
    struct smh_stats stats = {.used_bytes = 1};
    struct smh_chunk chunk = {0};
    struct smh_fault fault = {0};
    smh_heap_reset_peak(heap);
    smh_heap_stats(heap, NULL);
    smh_heap_stats(heap, &stats);
    FUZZ_REQUIRE(smh_heap_alloc(heap, 8) == NULL && smh_heap_aligned_alloc(heap, 8, 8) == NULL &&
                     smh_heap_realloc(heap, NULL, 8) == NULL &&
                     smh_heap_aligned_realloc(heap, memory, 8, 8) == NULL &&
                     !smh_heap_resize(heap, memory, 8) && smh_heap_free(heap, NULL) == 0 &&
                     smh_heap_free(heap, memory) == -ENOENT,
                 "no heap serves");
    FUZZ_REQUIRE(smh_heap_verdict(heap, memory) == -ENOENT &&
                     smh_heap_verdict(heap, NULL) == -EINVAL &&
                     smh_heap_usable_size(heap, memory) == 0 && smh_heap_alignment(heap) == 0 &&
                     !smh_heap_contains(heap, memory) && !smh_heap_contains(heap, NULL) &&
                     !smh_heap_walk(heap, &chunk) && is_zero(&stats) &&
                     smh_heap_check(heap, &fault) == -EINVAL && fault.rule != NULL,
                 "no heap knows something");
}

/* A heap, and nothing. */
static void judge_nothing_in_heap(const struct smh_engine *engine)
{
    struct smh_heap heap;
    struct smh_heap_config config = {
        .memory = memory, .memory_size = sizeof(memory), .engine = engine};
    FUZZ_REQUIRE(smh_heap_init(&heap, &config) == 0, "4 KiB are no heap");
    uint8_t *block = smh_heap_alloc(&heap, 100);
    smh_heap_stats(&heap, NULL);
    FUZZ_REQUIRE(block != NULL && !smh_heap_walk(&heap, NULL) && smh_heap_check(&heap, NULL) == 0 &&
                     smh_heap_verdict(&heap, NULL) == -EINVAL &&
                     smh_heap_usable_size(&heap, NULL) == 0 && !smh_heap_contains(&heap, NULL) &&
                     !smh_heap_resize(&heap, NULL, 8) && !smh_heap_resize(&heap, block, 0) &&
                     smh_heap_free(&heap, NULL) == 0 && smh_heap_alloc(&heap, 0) == NULL &&
                     smh_heap_aligned_alloc(&heap, 64, 0) == NULL &&
                     smh_heap_realloc(&heap, NULL, 0) == NULL,
                 "%s takes nothing for something", engine->name);
    struct smh_stats stats;
    smh_heap_stats(&heap, &stats);
    FUZZ_REQUIRE(stats.live_blocks == 1 && stats.failed_requests == 0,
                 "%s counts requests of nothing", engine->name);
}

/* Tables of functions in which one entry that must be there is missing, or that are of another
 * time. */
static void judge_incomplete(const struct smh_engine *complete)
{
    for (unsigned missing = 0; missing < 15; missing++) {
        struct smh_engine engine = *complete;
        struct smh_heap heap;
        struct smh_heap_config config = {
            .memory = memory, .memory_size = sizeof(memory), .engine = &engine};
        engine.init = missing == 1 ? NULL : engine.init;
        engine.alloc = missing == 2 ? NULL : engine.alloc;
        engine.aligned_alloc = missing == 3 ? NULL : engine.aligned_alloc;
        engine.free = missing == 4 ? NULL : engine.free;
        engine.resize = missing == 5 ? NULL : engine.resize;
        engine.usable_size = missing == 6 ? NULL : engine.usable_size;
        engine.verdict = missing == 7 ? NULL : engine.verdict;
        engine.largest_free = missing == 8 ? NULL : engine.largest_free;
        engine.sufficient_chunk = missing == 9 ? NULL : engine.sufficient_chunk;
        engine.walk = missing == 10 ? NULL : engine.walk;
        engine.check = missing == 11 ? NULL : engine.check;
        engine.name = missing == 12 ? NULL : engine.name;
        engine.abi += missing == 13 ? 1 : 0;
        if (missing == 14) { /* tables of its own, where a start bitmap would lie */
            engine.flags &= ~SMH_ENGINE_EXACT;
            engine.metadata_size = smh_engine_buddy.metadata_size;
        }
        int code = smh_heap_init(&heap, &config);
        FUZZ_REQUIRE(code == (missing == 0 ? 0 : -EINVAL),
                     "a table of %s without entry %u is answered %d", complete->name, missing,
                     code);
    }
}

/* No pool; or one without regions, which counts what it cannot serve. */
static void judge_no_pool(struct smh_pool *pool, bool ready)
{
    static const uint32_t attrs[] = {0, 1};
    struct smh_stats stats = {.used_bytes = 1};
    struct smh_fault fault = {0};
    size_t index = 1;
    FUZZ_REQUIRE(smh_pool_alloc(pool, 0, 8) == NULL &&
                     smh_pool_aligned_alloc(pool, 0, 8, 8) == NULL &&
                     smh_pool_calloc(pool, 0, 2, 8) == NULL &&
                     smh_pool_alloc_prefer(pool, attrs, 2, 0, 8) == NULL &&
                     smh_pool_alloc_prefer(pool, NULL, 2, 0, 8) == NULL &&
                     smh_pool_realloc(pool, 0, NULL, 8) == NULL &&
                     smh_pool_aligned_realloc(pool, 0, memory, 8, 8) == NULL &&
                     smh_pool_realloc(pool, 0, memory, 0) == NULL &&
                     smh_pool_free(pool, NULL) == 0 && smh_pool_free(pool, memory) == -ENOENT,
                 "no pool serves");
    FUZZ_REQUIRE(
        smh_pool_verdict(pool, memory) == -ENOENT && smh_pool_verdict(pool, NULL) == -EINVAL &&
            smh_pool_usable_size(pool, memory) == 0 && smh_pool_region_of(pool, memory) == NULL &&
            smh_pool_region_count(pool) == 0 && smh_pool_region_at(pool, 0) == NULL &&
            smh_pool_heap_at(pool, 0) == NULL && smh_pool_index_of(pool, memory) == -ENOENT &&
            smh_pool_stats(pool, SMH_ATTR_ANY, NULL) == -EINVAL,
        "no pool knows something");
    FUZZ_REQUIRE(smh_pool_stats(pool, SMH_ATTR_ANY, &stats) == (ready ? -ENOENT : -EINVAL) &&
                     is_zero(&stats) &&
                     smh_pool_check(pool, &fault, &index) == (ready ? 0 : -EINVAL) && index == 0,
                 "no pool has statistics, or is sound");
    /* NULL attributes too are a request that was not served; a block of nobody's is misuse. */
    FUZZ_REQUIRE(!ready || pool->failed_requests == 6, "a pool of nothing counts %llu failures",
                 (unsigned long long)pool->failed_requests);
}

static void judge_no_sys_heap(void)
{
    struct sys_multi_heap multi_heap;
    struct sys_heap heap;
    memset(&heap, 0, sizeof(heap));
    smh_sys_heap_init(NULL, memory, sizeof(memory), true);
    sys_heap_free(NULL, NULL);
    FUZZ_REQUIRE(sys_heap_alloc(NULL, 8) == NULL && sys_heap_aligned_alloc(NULL, 8, 8) == NULL &&
                     sys_heap_realloc(NULL, NULL, 8) == NULL && !sys_heap_validate(NULL) &&
                     sys_heap_usable_size(NULL, memory) == 0,
                 "no sys_heap serves");
    memset(&multi_heap, 0xA5, sizeof(multi_heap));
    sys_multi_heap_init(NULL, NULL);
    sys_multi_heap_init(&multi_heap, NULL);
    sys_multi_heap_add_heap(NULL, &heap, NULL);
    sys_multi_heap_add_heap(&multi_heap, NULL, NULL);
    sys_multi_heap_add_heap(&multi_heap, &heap, NULL); /* whose init failed */
    sys_multi_heap_free(NULL, NULL);
    sys_multi_heap_free(&multi_heap, NULL);
    FUZZ_REQUIRE(multi_heap.nheaps == 0 && sys_multi_heap_alloc(NULL, NULL, 8) == NULL &&
                     sys_multi_heap_alloc(&multi_heap, NULL, 8) == NULL &&
                     sys_multi_heap_get_heap(NULL, memory) == NULL &&
                     sys_multi_heap_get_heap(&multi_heap, memory) == NULL,
                 "a multi heap of nothing serves");
}

static void *give_nothing(void *arg, size_t bytes)
{
    (void)arg;
    (void)bytes;
    return NULL;
}

static void take_nothing(void *arg, void *block)
{
    (void)arg;
    (void)block;
}

/* The rig has no room to remember a block, and asks for none. */
static void judge_no_scratch(void)
{
    struct z_heap_stress_result result;
    memset(&result, 0xA5, sizeof(result));
    sys_heap_stress(give_nothing, take_nothing, NULL, 1000, 20, memory, 7, 50, &result);
    FUZZ_REQUIRE(result.total_allocs == 0 && result.total_frees == 0 &&
                     result.accumulated_in_use_bytes == 0,
                 "the rig works without scratch memory");
}

void fuzz_judge_nothing(void)
{
    struct smh_heap heap;
    static struct smh_pool pool;
    memset(&heap, 0, sizeof(heap));
    judge_no_heap(NULL);
    judge_no_heap(&heap);
    for (size_t i = 0; smh_engine_at(i) != NULL; i++) {
        judge_nothing_in_heap(smh_engine_at(i));
        judge_incomplete(smh_engine_at(i));
    }
    memset(&pool, 0, sizeof(pool));
    judge_no_pool(NULL, false);
    judge_no_pool(&pool, false);
    FUZZ_REQUIRE(smh_pool_init(&pool, NULL) == 0, "a pool with the defaults is refused");
    judge_no_pool(&pool, true);
    judge_no_sys_heap();
    judge_no_scratch();
    FUZZ_REQUIRE(smh_heap_metadata_size(NULL) == 0 && smh_engine_find(NULL) == NULL &&
                     smh_policy_find(NULL) == NULL,
                 "NULL has a name or a size");
}
