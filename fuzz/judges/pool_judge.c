/* pool_judge.c: what does not depend on the requests so far. See pool_judge.h. */
#include "pool_judge.h"

#include "../engines.h"

#include <smh/port.h>

#define DEFAULT_THRESHOLD ((size_t)16384)

/* A pool of a slow region and a fast one, in this order; where a request of these bytes is served.
 */
static int served_by(const struct smh_pool_config *config, size_t bytes)
{
    static _Alignas(64) uint8_t room[2][2 * DEFAULT_THRESHOLD];
    static struct smh_pool pool;
    FUZZ_REQUIRE(smh_pool_init(&pool, config) == 0, "a pool by its defaults is refused");
    for (size_t i = 0; i < 2; i++) {
        const struct smh_region region = {.attr = 3,
                                          .addr = (uintptr_t)room[i],
                                          .size = sizeof(room[i]),
                                          .cost = i == 0 ? 9 : 1,
                                          .priority = i == 0 ? 1 : 9};
        FUZZ_REQUIRE(smh_pool_add(&pool, &region) == 0, "a region is refused");
    }
    FUZZ_REQUIRE(config->match != NULL || smh_pool_alloc(&pool, 1, bytes) == NULL,
                 "without a match an attribute that is not equal serves");
    return smh_pool_index_of(&pool, smh_pool_alloc(&pool, 3, bytes));
}

/* What a configuration leaves out means what is documented, and what it says counts. */
static void judge_defaults(void)
{
    static const size_t thresholds[] = {0, 1, 100, DEFAULT_THRESHOLD, 20000};
    struct smh_pool_config config = {.match = NULL};
    FUZZ_REQUIRE(served_by(&config, 24) == 0, "without a policy the first region does not serve");
    config.policy = &smh_policy_size_threshold;
    for (size_t i = 0; i < sizeof(thresholds) / sizeof(thresholds[0]); i++) {
        config.threshold_bytes = thresholds[i];
        config.match = i % 2 == 0 ? NULL : smh_match_all_bits;
        size_t threshold = thresholds[i] == 0 ? DEFAULT_THRESHOLD : thresholds[i];
        FUZZ_REQUIRE(served_by(&config, threshold) == 1 && served_by(&config, threshold + 1) == 0,
                     "with a threshold of %zu bytes %zu are served by region %d, one more by %d",
                     thresholds[i], threshold, served_by(&config, threshold),
                     served_by(&config, threshold + 1));
    }
}

/* Policies and engines by number, up to the last, and by name. */
static void judge_tables(void)
{
    size_t policies = 0;
    size_t engines = 0;
    for (; smh_policy_at(policies) != NULL; policies++) {
        const struct smh_policy *policy = smh_policy_at(policies);
        FUZZ_REQUIRE(smh_policy_find(policy->name) == policy && policy->summary[0] != '\0',
                     "policy %s has no name", policy->name);
    }
    for (; smh_engine_at(engines) != NULL; engines++) {
        const struct smh_engine *engine = smh_engine_at(engines);
        FUZZ_REQUIRE(smh_engine_find(engine->name) == engine && engine->summary[0] != '\0',
                     "engine %s has no name", engine->name);
    }
    for (size_t past = 1; past != 0; past *= 2) {
        FUZZ_REQUIRE(smh_policy_at(policies - 1 + past) == NULL &&
                         smh_engine_at(engines - 1 + past) == NULL,
                     "there is a policy or an engine %zu past the last", past);
    }
    FUZZ_REQUIRE(policies == 9 && engines == 8, "%zu policies, %zu engines", policies, engines);
}

void fuzz_judge_pool_init(void)
{
    static struct smh_pool pool;
    static struct smh_pool_slot slots[2];
    static const struct smh_policy no_rank = {.name = "none"};
    struct smh_stats stats;
    const struct smh_pool_config refused[] = {
        {.slots = slots, .slot_count = 0},
        {.slots = slots, .slot_count = 65536},
        {.slots = slots, .slot_count = SIZE_MAX},
        {.policy = &no_rank},
    };
    judge_tables();
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        FUZZ_REQUIRE(smh_pool_init(&pool, NULL) == 0, "a pool with the defaults is refused");
        FUZZ_REQUIRE(smh_pool_init(&pool, &refused[i]) == -EINVAL,
                     "configuration %zu is not refused", i);
        FUZZ_REQUIRE(smh_pool_alloc(&pool, 0, 8) == NULL && smh_pool_region_count(&pool) == 0 &&
                         smh_pool_stats(&pool, SMH_ATTR_ANY, &stats) == -EINVAL &&
                         smh_pool_check(&pool, NULL, NULL) == -EINVAL &&
                         smh_pool_free(&pool, &stats) == -ENOENT,
                     "a refused pool serves");
    }
    FUZZ_REQUIRE(smh_pool_init(NULL, NULL) == -EINVAL, "NULL is a pool");
    judge_defaults();
}

void fuzz_judge_pool_refusals(struct fuzz_stage *stage, unsigned argument)
{
    static _Alignas(64) uint8_t room[2048];
    struct smh_pool *pool = &stage->machine.pool;
    struct smh_pool_slot kept[SMH_FUZZ_REGIONS_MAX];
    size_t other = argument % stage->machine.region_count;
    uintptr_t at = (uintptr_t)stage->memory[other];
    size_t size = stage->size[other];
    bool full = pool->slot_count == pool->region_count;
    const struct {
        uintptr_t addr;
        size_t size;
        size_t granule;
        int code;
    } refused[] = {
        {(uintptr_t)room, 0, 0, -EINVAL},
        /* Of two reasons the one that comes first. */
        {(uintptr_t)room + 4, 0, 0, -EINVAL},
        {UINTPTR_MAX - 126, 256, 24, -EFAULT},
        {at, UINTPTR_MAX, 24, -EOVERFLOW},
        {at, size, 24, -EEXIST},
        {0, 1024, 0, -EFAULT},
        {(uintptr_t)room + 1 + argument / 4 % 7, 1024, 0, -EFAULT},
        {UINTPTR_MAX - 127, 128, 0, -EOVERFLOW},
        {UINTPTR_MAX - 127, 128 + argument / 4, 0, -EOVERFLOW},
        {at, size, 0, -EEXIST},
        {at + 8, 8, 0, -EEXIST},
        {at - 8, size + 16, 0, -EEXIST},
        {at - 8, 9, 0, -EEXIST},
        {at + (size - 1) / 8 * 8, 64, 0, -EEXIST},
        {(uintptr_t)room, 8, 0, full ? -ENOSPC : -ENOMEM},
        {(uintptr_t)room, 1024, 24, full ? -ENOSPC : -EINVAL},
    };
    memcpy(kept, stage->slots, sizeof(kept));
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct smh_region region = {
            .addr = refused[i].addr, .size = refused[i].size, .granule = refused[i].granule};
        int code = smh_pool_add(pool, &region);
        FUZZ_REQUIRE(code == refused[i].code, "region %zu that is to be refused gives %d", i, code);
    }
    FUZZ_REQUIRE(smh_pool_add(pool, NULL) == -EINVAL && smh_pool_add(NULL, NULL) == -EINVAL,
                 "NULL is a region");
    FUZZ_REQUIRE(smh_pool_region_count(pool) == stage->machine.region_count &&
                     memcmp(kept, stage->slots, stage->machine.region_count * sizeof(kept[0])) == 0,
                 "a refused region has changed the pool");
}

void fuzz_judge_pool_lookups(struct fuzz_stage *stage)
{
    struct smh_pool *pool = &stage->machine.pool;
    size_t count = stage->machine.region_count;
    for (size_t i = 0; i < count; i++) {
        const struct smh_region *region = smh_pool_region_at(pool, i);
        FUZZ_REQUIRE(region != NULL && region->addr == (uintptr_t)stage->memory[i] &&
                         region->size == stage->size[i] &&
                         region->attr == stage->region_configs[i].attr &&
                         smh_pool_heap_at(pool, i) == &stage->slots[i].heap,
                     "region %zu is not what was added", i);
        FUZZ_REQUIRE(smh_pool_region_of(pool, stage->memory[i]) == region &&
                         smh_pool_region_of(pool, stage->memory[i] + stage->size[i] - 1) == region,
                     "the ends of region %zu are not in it", i);
        FUZZ_REQUIRE(smh_pool_index_of(pool, stage->memory[i] - 1) != (int)i &&
                         smh_pool_index_of(pool, stage->memory[i] + stage->size[i]) != (int)i,
                     "what lies beside region %zu is in it", i);
    }
    FUZZ_REQUIRE(smh_pool_region_at(pool, count) == NULL && smh_pool_heap_at(pool, count) == NULL,
                 "there is a region past the last");
    FUZZ_REQUIRE(smh_policy_find(stage->machine.policy->name) == stage->machine.policy &&
                     smh_policy_find("") == NULL && smh_policy_find(NULL) == NULL &&
                     smh_engine_find(stage->slots[0].heap.engine->name) ==
                         (fuzz_forced_engine != NULL ? NULL : stage->slots[0].heap.engine),
                 "a name is not found, or another is");
}

static void add_to(struct smh_stats *sum, const struct smh_stats *one)
{
    sum->region_count++;
    sum->memory_bytes += one->memory_bytes;
    sum->capacity_bytes += one->capacity_bytes;
    sum->used_bytes += one->used_bytes;
    sum->peak_used_bytes += one->peak_used_bytes;
    sum->free_bytes += one->free_bytes;
    sum->live_blocks += one->live_blocks;
    sum->allocated_blocks += one->allocated_blocks;
    sum->freed_blocks += one->freed_blocks;
    sum->failed_requests += one->failed_requests;
    if (one->largest_free_bytes > sum->largest_free_bytes) {
        sum->largest_free_bytes = one->largest_free_bytes;
    }
}

void fuzz_judge_pool_statistics(struct fuzz_stage *stage, uint32_t attr, uint64_t failed)
{
    struct smh_stats sum = {0};
    struct smh_stats told;
    for (size_t i = 0; i < stage->machine.region_count; i++) {
        struct smh_stats one;
        if (attr == SMH_ATTR_ANY || stage->region_configs[i].attr == attr) {
            smh_heap_stats(&stage->slots[i].heap, &one);
            fuzz_judge_stats(stage, i, &one);
            add_to(&sum, &one);
        }
    }
    if (attr == SMH_ATTR_ANY) {
        sum.failed_requests = failed;
    }
    int code = smh_pool_stats(&stage->machine.pool, attr, &told);
    FUZZ_REQUIRE(code == (sum.region_count == 0 ? -ENOENT : 0), "statistics give %d", code);
    FUZZ_REQUIRE(code != 0 || memcmp(&sum, &told, sizeof(sum)) == 0,
                 "the statistics of attribute %u are not the sum of its regions", attr);
}

void fuzz_judge_pool_check(struct fuzz_stage *stage, unsigned argument)
{
    struct smh_pool *pool = &stage->machine.pool;
    size_t wrong = argument % stage->machine.region_count;
    size_t told = SIZE_MAX;
    struct smh_fault fault = {0};
    FUZZ_REQUIRE(smh_pool_check(pool, NULL, NULL) == 0, "pool_check errs");
    stage->slots[wrong].heap.live_blocks++;
    /* Either may be NULL, or both. */
    for (unsigned given = 0; given < 4; given++) {
        bool names = given / 2 == 1;
        int code = smh_pool_check(pool, given % 2 == 1 ? &fault : NULL, names ? &told : NULL);
        FUZZ_REQUIRE(code == -EINVAL && (fault.rule != NULL) == (given % 2 == 1) &&
                         told == (names ? wrong : SIZE_MAX),
                     "region %zu is wrong, the pool's check gives %d and names %zu", wrong, code,
                     told);
        fault.rule = NULL;
        told = SIZE_MAX;
    }
    stage->slots[wrong].heap.live_blocks--;
}

/* Allocates and frees straight in the heap, which counts nothing of it: what is left meanwhile. */
static size_t try_heap(struct smh_heap *heap, size_t bytes, void **place)
{
    struct smh_heap before = *heap;
    void *block = smh_heap_alloc(heap, bytes);
    size_t left = block == NULL ? 0 : heap->engine->largest_free(heap);
    (void)smh_heap_free(heap, block);
    *place = block;
    heap->allocated_blocks = before.allocated_blocks;
    heap->peak_used_bytes = before.peak_used_bytes;
    heap->failed_requests = before.failed_requests;
    return left;
}

/* Likewise for a block that grows where it is. */
static uint64_t judge_growth_edge(struct fuzz_stage *stage, uint32_t attr, size_t bytes)
{
    struct smh_pool_slot *slot = &stage->slots[0];
    struct smh_heap *heap = &slot->heap;
    uint64_t failed = 0;
    size_t reserve = slot->region.reserve_bytes;
    size_t left[2] = {0};
    void *block = smh_heap_alloc(heap, bytes);
    size_t wanted = smh_heap_usable_size(heap, block) + 64;
    for (size_t turn = 0; turn < 2 && smh_heap_resize(heap, block, wanted); turn++) {
        left[turn] = heap->engine->largest_free(heap);
        (void)smh_heap_resize(heap, block, bytes);
    }
    bool same = left[0] == left[1] && smh_heap_usable_size(heap, block) < wanted;
    for (size_t more = 0; more <= 1 && left[0] != 0 && same; more++) {
        slot->region.reserve_bytes = left[0] + more;
        void *grown = smh_pool_realloc(&stage->machine.pool, attr, block, wanted);
        FUZZ_REQUIRE(
            (grown == block) == (more == 0),
            "a block that grows to %zu and leaves %zu is %p, then %p, beside a reserve of %zu",
            wanted, left[0], block, grown, left[0] + more);
        failed += grown == NULL;
        block = grown != NULL ? grown : block;
        (void)smh_heap_resize(heap, block, bytes);
    }
    slot->region.reserve_bytes = reserve;
    (void)smh_heap_free(heap, block);
    return failed;
}

uint64_t fuzz_judge_reserve_edge(struct fuzz_stage *stage, size_t bytes)
{
    struct smh_pool_slot *slot = &stage->slots[0];
    const struct smh_engine *engine = slot->heap.engine;
    size_t reserve = slot->region.reserve_bytes;
    uint32_t attr = slot->region.attr & (slot->region.attr - 1);
    if (stage->machine.region_count != 1 || slot->region.attr == 0 ||
        !stage->scenario.match(slot->region.attr, attr)) {
        return 0;
    }
    /* Not those that take another chunk each time, or find more in what is left than in the whole:
     * bitmap looks at the first few of its longest list. */
    void *first;
    void *second;
    size_t left = try_heap(&slot->heap, bytes, &first);
    (void)try_heap(&slot->heap, bytes, &second);
    if (left == 0 || first != second || engine->largest_free(&slot->heap) < left ||
        fuzz_engine_is_zephyr(engine) || engine == &smh_engine_next_fit) {
        return 0;
    }
    for (size_t more = 0; more <= 1; more++) {
        slot->region.reserve_bytes = left + more;
        void *block = smh_pool_alloc(&stage->machine.pool, attr, bytes);
        FUZZ_REQUIRE((block == NULL) == (more == 1),
                     "%zu bytes that leave %zu are given %p beside a reserve of %zu", bytes, left,
                     block, left + more);
        (void)smh_pool_free(&stage->machine.pool, block);
    }
    slot->region.reserve_bytes = reserve;
    return 1 + judge_growth_edge(stage, attr, bytes);
}

/* Products that do not fit, of factors of any two lengths, and the least of each length that do
 * not: what is left of those wraps to a small number. And some that 64 bits hold, and 32 do not.
 */
uint64_t fuzz_judge_pool_products(struct smh_pool *pool, const struct smh_fuzz_step *step)
{
    uint64_t failed = 0;
    for (unsigned shift = 0; shift < 56; shift++) {
        size_t left = (SIZE_MAX >> shift) - step->operation.slot;
        size_t right = (SIZE_MAX >> (shift + step->argument) % 56) - step->operation.slot;
        size_t least = SIZE_MAX / left + 1;
        size_t product;
        right = __builtin_mul_overflow(left, right, &product) ? right : least;
        FUZZ_REQUIRE(smh_pool_calloc(pool, step->operation.attr, left, right) == NULL &&
                         smh_pool_calloc(pool, step->operation.attr, least, left) == NULL,
                     "%zu * %zu bytes are served", left, right);
        failed += 2;
        /* Of all multiples of 2^32 or 2^64 one, with a factor of a few bits. */
        size_t factor = 2 + (size_t)((step->operation.slot + shift * step->argument) % 1024);
        size_t times = 1 + step->argument % (factor - 1);
        size_t other =
            times * (SIZE_MAX / factor) + (times * (SIZE_MAX % factor) + times) / factor + 1;
        FUZZ_REQUIRE(smh_pool_calloc(pool, step->operation.attr, factor, other) == NULL &&
                         smh_pool_calloc(pool, step->operation.attr, other, factor) == NULL,
                     "%zu * %zu bytes are served", factor, other);
        failed += 2;
        /* And one that fits, but not in 32 bits: more than any region has. */
        other = (size_t)((((uint64_t)times << 32) + factor - 1) / factor);
        FUZZ_REQUIRE(smh_pool_calloc(pool, step->operation.attr, factor, other) == NULL,
                     "%zu * %zu bytes are served", factor, other);
        failed++;
    }
    return failed;
}

static uint64_t rank_calls;

/* Never the same twice, as if other threads went on all the time. */
static uint64_t restless_rank(const struct smh_pool_slot *slot, size_t align, size_t bytes)
{
    (void)slot;
    (void)align;
    (void)bytes;
    return ++rank_calls * UINT64_C(0x9E3779B97F4A7C15);
}

uint64_t fuzz_judge_restless(struct fuzz_stage *stage, const struct smh_operation *operation)
{
    static const struct smh_policy restless = {
        .name = "restless", .rank = restless_rank, .lockless = true};
    struct smh_pool *pool = &stage->machine.pool;
    const struct smh_policy *kept = pool->policy;
    if (kept->fixed || operation->bytes == 0) {
        return 0;
    }
    rank_calls = operation->site;
    pool->policy = &restless;
    void *block =
        smh_pool_aligned_alloc(pool, operation->attr, operation->align, (size_t)operation->bytes);
    pool->policy = kept;
    for (size_t i = 0; block == NULL && i < stage->machine.region_count; i++) {
        const struct smh_region_config *region = &stage->region_configs[i];
        FUZZ_REQUIRE(!stage->scenario.match(region->attr, operation->attr) ||
                         (region->reserve_bytes != 0 && region->attr != operation->attr) ||
                         !fuzz_has_room(&stage->slots[i].heap, operation),
                     "step %llu: while ranks move, region %zu is passed over, which has room",
                     (unsigned long long)stage->index, i);
    }
    (void)smh_pool_free(pool, block);
    return block == NULL;
}
