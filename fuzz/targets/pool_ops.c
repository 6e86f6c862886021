/* pool_ops.c: a pool of one to four regions of any engines, all its functions.
 *
 * Owns: how a step of an input becomes a call of pool.h, and what must hold beyond the shared
 * oracle: the policy's order, sums of statistics, one verdict by all functions.
 */
#include "../engines.h"
#include "../judges/many.h"
#include "../judges/pool_judge.h"
#include "../stage.h"

#include <smh/port.h>

const char fuzz_target[] = "pool_ops";

static struct fuzz_stage stage;
static uint64_t failed; /* requests that the pool has answered with NULL */
static const struct smh_fuzz_config *config;
/* When each region served last, as this target saw it: for round_robin. */
static uint64_t turns[SMH_FUZZ_REGIONS_MAX];
static uint64_t turn;
static bool last_turn;   /* the pool's numbers are used up: all begin anew */
static size_t threshold; /* bytes of the largest small request */

/* The regions before a request, to judge where it was served. */
struct before {
    uint64_t allocated[SMH_FUZZ_REGIONS_MAX];
    uint64_t peak[SMH_FUZZ_REGIONS_MAX];
    uint64_t used[SMH_FUZZ_REGIONS_MAX];
    uint64_t rank[SMH_FUZZ_REGIONS_MAX];
    uint64_t failed[SMH_FUZZ_REGIONS_MAX];
    uint64_t largest[SMH_FUZZ_REGIONS_MAX];
};

static struct smh_pool *pool_of(void)
{
    return &stage.machine.pool;
}

/* What the policies promise, written down a second time. */
static uint64_t rank_of(size_t index, const struct smh_operation *operation)
{
    const struct smh_policy *policy = stage.machine.policy;
    const struct smh_heap *heap = &stage.slots[index].heap;
    const struct smh_fuzz_region *region = &config->regions[index];
    if (policy == &smh_policy_add_order) {
        return 0;
    }
    if (policy == &smh_policy_address) {
        return (uintptr_t)stage.memory[index];
    }
    if (policy == &smh_policy_smallest_region) {
        return stage.size[index];
    }
    if (policy == &smh_policy_best_fit) {
        uint64_t largest = heap->engine->largest_free(heap);
        return largest >= operation->bytes ? largest : UINT64_MAX - largest;
    }
    if (policy == &smh_policy_most_free) {
        return UINT64_MAX - (heap->capacity_bytes - heap->used_bytes);
    }
    if (policy == &smh_policy_round_robin) {
        return turns[index];
    }
    if (policy == &smh_policy_tiered) {
        return fuzz_priority(region);
    }
    if (policy == &smh_policy_fastest) {
        return fuzz_cost(region);
    }
    if (policy == &smh_policy_size_threshold) {
        return operation->bytes <= threshold ? fuzz_cost(region) : UINT32_MAX - fuzz_cost(region);
    }
    return policy->rank(&stage.slots[index], operation->align, (size_t)operation->bytes);
}

static void look(struct before *before, const struct smh_operation *operation)
{
    for (size_t i = 0; i < stage.machine.region_count; i++) {
        before->used[i] = stage.slots[i].heap.used_bytes;
        before->allocated[i] = stage.slots[i].heap.allocated_blocks;
        before->peak[i] = stage.slots[i].heap.peak_used_bytes;
        before->rank[i] = rank_of(i, operation);
        before->failed[i] = stage.slots[i].heap.failed_requests;
        before->largest[i] = stage.slots[i].heap.engine->largest_free(&stage.slots[i].heap);
    }
}

/* Whether a region keeps its reserve from the request. */
static bool is_held_back(size_t index, const struct smh_operation *operation)
{
    const struct smh_region_config *region = &stage.region_configs[index];
    return region->reserve_bytes != 0 && region->attr != operation->attr;
}

/* Every region that the policy puts before the one that served must have been unable to; but for
 * `tried`, which a block that moves has left (-1: none). */
static void judge_order(const struct before *before, const struct smh_operation *operation,
                        size_t served, int tried)
{
    for (size_t i = 0; i < stage.machine.region_count; i++) {
        const struct smh_region_config *region = &stage.region_configs[i];
        bool first = before->rank[i] < before->rank[served] ||
                     (before->rank[i] == before->rank[served] && i < served);
        FUZZ_REQUIRE(!first || is_held_back(i, operation) || (int)i == tried ||
                         !stage.scenario.match(region->attr, operation->attr) ||
                         !fuzz_has_room(&stage.slots[i].heap, operation),
                     "step %llu: region %zu serves %llu bytes, though policy %s puts %zu before "
                     "it, which has room",
                     (unsigned long long)stage.index, served, (unsigned long long)operation->bytes,
                     stage.machine.policy->name, i);
    }
}

/* Whether a try in vain may change ranks: best_fit asks for the largest chunk, and a refusal by
 * Zephyr's heap turns the list that it looks at. Then all that match are tried once more. */
static bool tries_move_ranks(const struct smh_operation *operation)
{
    for (size_t i = 0; i < stage.machine.region_count; i++) {
        if (fuzz_engine_is_zephyr(stage.slots[i].heap.engine) &&
            stage.scenario.match(stage.region_configs[i].attr, operation->attr)) {
            return stage.machine.policy == &smh_policy_best_fit;
        }
    }
    return false;
}

/* Each region that was tried in vain counts that, and no other: those that match and come before
 * the one that served; all, when none did (-1). Not `left`, which a block that moves has left (-1:
 * none). */
static void judge_tries(const struct before *before, const struct smh_operation *operation,
                        int served, int left)
{
    bool moving = tries_move_ranks(operation);
    for (size_t i = 0; i < stage.machine.region_count; i++) {
        if ((int)i == left) {
            continue;
        }
        bool first = served < 0 || before->rank[i] < before->rank[served] ||
                     (before->rank[i] == before->rank[served] && i < (size_t)served);
        bool may = operation->bytes != 0 &&
                   stage.scenario.match(stage.region_configs[i].attr, operation->attr);
        bool tried = first && may && (int)i != served;
        uint64_t count = stage.slots[i].heap.failed_requests - before->failed[i];
        FUZZ_REQUIRE(count == tried || (moving && may),
                     "step %llu: region %zu counts %llu refusals of one request",
                     (unsigned long long)stage.index, i, (unsigned long long)count);
        /* The largest free block of each is the largest: neither more nor less is served. */
        bool fits = operation->bytes <= before->largest[i];
        FUZZ_REQUIRE(moving || operation->align != 0 || is_held_back(i, operation) ||
                         ((int)i == served ? fits : !tried || !fits),
                     "step %llu: region %zu has said that %llu bytes are its largest free block, "
                     "and is asked for %llu",
                     (unsigned long long)stage.index, i, (unsigned long long)before->largest[i],
                     (unsigned long long)operation->bytes);
    }
}

/* Whether the regions have counted what they count when the first `vain` attributes found no room,
 * and the next one was served by this region (-1: there is no next). */
static bool preferred(const struct before *before, const struct smh_operation *operation,
                      size_t vain, int served)
{
    const uint32_t *attrs = operation->prefer->attrs;
    for (size_t i = 0; i < stage.machine.region_count; i++) {
        uint32_t attr = stage.region_configs[i].attr;
        uint64_t expected = before->failed[i];
        for (size_t j = 0; j < vain; j++) {
            expected += stage.scenario.match(attr, attrs[j]);
        }
        if (served >= 0 && stage.scenario.match(attr, attrs[vain])) {
            expected += before->rank[i] < before->rank[served] ||
                        (before->rank[i] == before->rank[served] && (int)i < served);
        } else if (served == (int)i) {
            return false; /* which does not match */
        }
        if (stage.slots[i].heap.failed_requests != expected) {
            return false;
        }
    }
    return true;
}

/* Attributes are tried in the order of the list, each in all its regions. */
static void judge_preference(const struct before *before, const struct smh_operation *operation,
                             int served)
{
    size_t count = operation->prefer->count;
    size_t vain = served < 0 ? count : 0;
    if (operation->bytes == 0 || stage.machine.policy == &smh_policy_best_fit) {
        return; /* whose ranks may move from one try to the next */
    }
    while (vain < count && !preferred(before, operation, vain, served)) {
        vain++;
    }
    FUZZ_REQUIRE(served < 0 ? preferred(before, operation, count, -1) : vain < count,
                 "step %llu: region %d serves, which is not how %zu attributes are tried in turn",
                 (unsigned long long)stage.index, served, count);
}

/* What exact requests hold back is still there after one that was not exact. */
static void judge_reserve(const struct smh_operation *operation, size_t served)
{
    const struct smh_region_config *region = &stage.region_configs[served];
    const struct smh_heap *heap = &stage.slots[served].heap;
    FUZZ_REQUIRE(operation->attr == region->attr || region->reserve_bytes == 0 ||
                     heap->engine->largest_free(heap) >= region->reserve_bytes,
                 "step %llu: a request for attribute %u took of the reserve of region %zu",
                 (unsigned long long)stage.index, operation->attr, served);
}

/* What was tried and undone leaves no trace in the counters: `served` is the region of a new block,
 * or -1; `touched` one whose peak may have risen. */
static void judge_counts(const struct before *before, int served, int touched)
{
    for (size_t i = 0; i < stage.machine.region_count; i++) {
        const struct smh_heap *heap = &stage.slots[i].heap;
        FUZZ_REQUIRE(heap->allocated_blocks == before->allocated[i] + ((int)i == served),
                     "step %llu: region %zu counts %llu new blocks",
                     (unsigned long long)stage.index, i,
                     (unsigned long long)(heap->allocated_blocks - before->allocated[i]));
        FUZZ_REQUIRE((int)i == served || (int)i == touched ||
                         heap->peak_used_bytes == before->peak[i],
                     "step %llu: the peak of region %zu has changed, which serves nothing",
                     (unsigned long long)stage.index, i);
    }
    FUZZ_REQUIRE(pool_of()->failed_requests == failed,
                 "step %llu: %llu requests have failed, the pool counts %llu",
                 (unsigned long long)stage.index, (unsigned long long)failed,
                 (unsigned long long)pool_of()->failed_requests);
}

/* Region `served` has given a new block. */
static void note_turn(int served)
{
    if (last_turn) {
        memset(turns, 0, sizeof(turns));
        turn = 0;
        last_turn = false;
    }
    turns[served] = ++turn;
}

static void *ask(const struct smh_operation *operation)
{
    struct smh_pool *pool = pool_of();
    size_t bytes = (size_t)operation->bytes;
    bool zeroed = operation->kind == SMH_OPERATION_CALLOC;
    void *block;
    if (operation->prefer != NULL) {
        block = smh_pool_alloc_prefer(pool, operation->prefer->attrs, operation->prefer->count,
                                      operation->align, bytes);
    } else if (operation->kind == SMH_OPERATION_REALLOC) {
        block = operation->align == 0 ? smh_pool_realloc(pool, operation->attr, NULL, bytes)
                                      : smh_pool_aligned_realloc(pool, operation->attr, NULL,
                                                                 operation->align, bytes);
    } else if (zeroed && operation->align == 0) {
        size_t each = 1 + (size_t)operation->site % 8;
        return bytes % each == 0 ? smh_pool_calloc(pool, operation->attr, bytes / each, each)
                                 : smh_pool_calloc(pool, operation->attr, bytes, 1);
    } else if (operation->align == 0) {
        block = smh_pool_alloc(pool, operation->attr, bytes);
    } else {
        block = smh_pool_aligned_alloc(pool, operation->attr, operation->align, bytes);
    }
    if (block != NULL && zeroed) {
        memset(block, 0, bytes);
    }
    return block;
}

static void do_alloc(struct smh_live *live, struct smh_operation *operation)
{
    struct before before = {{0}, {0}, {0}, {0}, {0}, {0}};
    look(&before, operation);
    void *block = ask(operation);
    *live = (struct smh_live){.serial = stage.serial++};
    int server = block == NULL ? -1 : smh_pool_index_of(pool_of(), block);
    if (operation->prefer == NULL) {
        judge_tries(&before, operation, server, -1);
    } else {
        judge_preference(&before, operation, server);
    }
    if (block == NULL) {
        failed += operation->bytes != 0;
        judge_counts(&before, -1, -1);
        fuzz_refused(&stage, operation);
        return;
    }
    int served = smh_pool_index_of(pool_of(), block);
    FUZZ_REQUIRE(served >= 0, "the pool does not know its own block");
    judge_counts(&before, served, -1);
    note_turn(served);
    fuzz_entered(&stage, live, operation, block, before.used[served], 0);
    if (operation->prefer == NULL) {
        judge_order(&before, operation, (size_t)served, -1);
        judge_reserve(operation, (size_t)served);
    }
}

static void do_free(struct smh_live *live)
{
    fuzz_leaving(&stage, live);
    fuzz_left(&stage, live, smh_pool_free(pool_of(), live->block));
}

/* Whether a free never makes the largest request smaller that the region's engine would serve. */
static bool finds_largest(int region)
{
    const struct smh_heap *heap = &stage.slots[region].heap;
    return !fuzz_engine_is_zephyr(heap->engine) && heap->engine != &smh_engine_bitmap;
}

/* Whether a block whose region matches may stay: it holds the bytes, or the heap can make it do so
 * where it is, which is tried and undone. Not known of growth beside a reserve. */
static bool can_stay(const struct smh_live *live, const struct smh_operation *operation)
{
    struct smh_heap *heap = &stage.slots[live->region].heap;
    size_t bytes = (size_t)operation->bytes;
    if (bytes == 0 || (operation->align != 0 && (uintptr_t)live->block % operation->align != 0) ||
        !stage.scenario.match(stage.region_configs[live->region].attr, operation->attr)) {
        return false;
    }
    if (bytes <= live->usable) {
        return true;
    }
    return !is_held_back((size_t)live->region, operation) &&
           smh_heap_resize(heap, live->block, bytes) &&
           smh_heap_resize(heap, live->block, (size_t)live->usable);
}

/* The block's region comes first where it matches, and counts it when it is tried in vain; then the
 * others in the policy's order, as for a request. */
static void judge_move(const struct before *before, const struct smh_operation *operation,
                       int region, int served, bool stayed)
{
    bool first = operation->bytes != 0 && !stayed &&
                 stage.scenario.match(stage.region_configs[region].attr, operation->attr);
    bool tried = first && served != region;
    uint64_t count = stage.slots[region].heap.failed_requests - before->failed[region];
    FUZZ_REQUIRE(count == tried,
                 "step %llu: region %d, whose block is resized, counts %llu refusals",
                 (unsigned long long)stage.index, region, (unsigned long long)count);
    FUZZ_REQUIRE(!tried || operation->align != 0 || is_held_back((size_t)region, operation) ||
                     operation->bytes > before->largest[region],
                 "step %llu: region %d has room for its block, which leaves it",
                 (unsigned long long)stage.index, region);
    if (operation->bytes != 0 && !stayed && served != region) {
        judge_tries(before, operation, served, region);
        return;
    }
    for (size_t i = 0; i < stage.machine.region_count; i++) {
        FUZZ_REQUIRE(stage.slots[i].heap.failed_requests == before->failed[i],
                     "step %llu: region %zu is asked, though a block finds its place before",
                     (unsigned long long)stage.index, i);
    }
}

static void do_realloc(struct smh_live *live, struct smh_operation *operation)
{
    size_t bytes = (size_t)operation->bytes;
    uint64_t kept = live->bytes < bytes ? live->bytes : bytes;
    struct before before = {{0}, {0}, {0}, {0}, {0}, {0}};
    void *old = live->block;
    int region = live->region;
    uint64_t usable = live->usable;
    operation->prefer = NULL;
    if (bytes == 0 && operation->site % 2 == 0) {
        operation->align |= 3; /* of no account where the block is freed */
    }
    fuzz_leaving(&stage, live);
    bool stays = can_stay(live, operation);
    look(&before, operation);
    void *block = operation->align == 0
                      ? smh_pool_realloc(pool_of(), operation->attr, live->block, bytes)
                      : smh_pool_aligned_realloc(pool_of(), operation->attr, live->block,
                                                 operation->align, bytes);
    int served = block == NULL || block == old ? -1 : smh_pool_index_of(pool_of(), block);
    failed += block == NULL && bytes != 0;
    judge_counts(&before, served, block == old ? region : -1);
    FUZZ_REQUIRE(!stays || block == old, "step %llu: a block moves that could have stayed",
                 (unsigned long long)stage.index);
    judge_move(&before, operation, region, served, block == old);
    if (served >= 0 && served != region) {
        judge_order(&before, operation, (size_t)served, region);
        note_turn(served);
    }
    /* The old block's end may take from what zephyr and bitmap find: chunks change places in lists
     * of which they look at the first few. */
    if (block != NULL && bytes > usable && (served != region || finds_largest(served))) {
        judge_reserve(operation, (size_t)(served >= 0 ? served : region));
    }
    if (bytes == 0) {
        FUZZ_REQUIRE(block == NULL, "realloc to 0 bytes gave a block");
        fuzz_left(&stage, live, 0);
    } else if (block != NULL) {
        fuzz_entered(&stage, live, operation, block, 0, kept);
    } else {
        fuzz_stayed(&stage, live);
        fuzz_refused(&stage, operation);
    }
}

/* The threshold is made just the request, and a byte less: small, and large. */
static void judge_threshold_edge(const struct smh_operation *asked)
{
    struct smh_operation operation = *asked;
    size_t kept = threshold;
    if (stage.machine.policy != &smh_policy_size_threshold) {
        return;
    }
    for (size_t less = 0; less <= 1; less++) {
        struct before before = {{0}, {0}, {0}, {0}, {0}, {0}};
        threshold = (size_t)operation.bytes - less;
        pool_of()->threshold_bytes = threshold;
        operation.align = 0;
        look(&before, &operation);
        void *block = smh_pool_alloc(pool_of(), operation.attr, (size_t)operation.bytes);
        if (block == NULL) {
            failed++;
            continue;
        }
        judge_order(&before, &operation, (size_t)smh_pool_index_of(pool_of(), block), -1);
        (void)smh_pool_free(pool_of(), block);
    }
    threshold = kept;
    pool_of()->threshold_bytes = kept;
}

/* So many bytes by the policy's order; NULL: refused. */
static void *ask_in_order(const struct smh_operation *asked, size_t bytes)
{
    struct smh_operation operation = *asked;
    struct before before = {{0}, {0}, {0}, {0}, {0}, {0}};
    operation.align = 0;
    operation.bytes = bytes;
    look(&before, &operation);
    void *block = smh_pool_alloc(pool_of(), operation.attr, bytes);
    if (block == NULL) {
        failed += bytes != 0;
        return NULL;
    }
    int served = smh_pool_index_of(pool_of(), block);
    note_turn(served);
    judge_order(&before, &operation, (size_t)served, -1);
    return block;
}

/* For each region just its largest free block, and a byte more, which it is asked for in vain; and
 * what comes after that, which every region has room for. */
static void judge_largest_edge(const struct smh_operation *operation)
{
    for (size_t i = 0; i < 2 * stage.machine.region_count; i++) {
        const struct smh_heap *heap = &stage.slots[i / 2].heap;
        void *block = ask_in_order(operation, heap->engine->largest_free(heap) + i % 2);
        void *next = ask_in_order(operation, 1);
        (void)smh_pool_free(pool_of(), next);
        (void)smh_pool_free(pool_of(), block);
    }
}

static void misuse_pointer(void *wild)
{
    struct smh_pool *pool = pool_of();
    int index = smh_pool_index_of(pool, wild);
    int truth = -ENOENT;
    for (size_t i = 0; truth == -ENOENT && i < stage.machine.region_count; i++) {
        truth = fuzz_truth(&stage, i, wild);
        FUZZ_REQUIRE((index == (int)i) == (truth != -ENOENT), "%p is in region %zu, not %d", wild,
                     i, index);
    }
    if (truth == 0 || (truth != -ENOENT && !stage.exact)) {
        return;
    }
    FUZZ_REQUIRE((smh_pool_region_of(pool, wild) == NULL) == (truth == -ENOENT),
                 "region_of errs about %p", wild);
    FUZZ_REQUIRE(smh_pool_verdict(pool, wild) == truth && smh_pool_free(pool, wild) == truth,
                 "verdict on %p is %d, is %d in truth", wild, smh_pool_verdict(pool, wild), truth);
    for (uint32_t attr = 0; attr < 4; attr++) {
        FUZZ_REQUIRE(smh_pool_realloc(pool, attr, wild, 24) == NULL &&
                         smh_pool_aligned_realloc(pool, attr, wild, 64, 24) == NULL &&
                         smh_pool_realloc(pool, attr, wild, 0) == NULL &&
                         smh_pool_usable_size(pool, wild) == 0,
                     "%p is no block, yet a function takes it", wild);
        FUZZ_REQUIRE(smh_pool_aligned_realloc(pool, attr, wild, 24, 24) == NULL &&
                         smh_pool_aligned_realloc(pool, attr, wild, 24, 0) == NULL,
                     "%p is no block, and 24 no alignment, yet a function takes it", wild);
    }
    FUZZ_REQUIRE(pool->failed_requests == failed, "misuse is counted as a failure");
}

static void do_misuse(const struct smh_fuzz_step *step)
{
    struct smh_pool *pool = pool_of();
    uint32_t attr = step->operation.attr;
    size_t odd = (size_t)step->argument | 3u;
    switch (step->misuse) {
    case SMH_FUZZ_MISUSE_ALIGN:
        FUZZ_REQUIRE(smh_pool_aligned_alloc(pool, attr, odd, 8) == NULL &&
                         smh_pool_alloc_prefer(pool, &attr, 1, odd, 8) == NULL &&
                         smh_pool_alloc_prefer(pool, NULL, 1, 0, 8) == NULL,
                     "align %zu served, or a list that is not there", odd);
        failed += 3;
        fuzz_judge_pool_refusals(&stage, step->argument);
        break;
    case SMH_FUZZ_MISUSE_ZERO:
        FUZZ_REQUIRE(smh_pool_alloc(pool, attr, 0) == NULL &&
                         smh_pool_calloc(pool, attr, 0, 8) == NULL &&
                         smh_pool_calloc(pool, attr, SIZE_MAX / odd + 1, odd) == NULL &&
                         smh_pool_alloc_prefer(pool, &attr, 0, 0, 8) == NULL,
                     "0 bytes, or more than there are, are served");
        failed += 2;
        failed += fuzz_judge_pool_products(pool, step);
        break;
    case SMH_FUZZ_MISUSE_NULL:
        FUZZ_REQUIRE(smh_pool_free(pool, NULL) == 0 && smh_pool_verdict(pool, NULL) == -EINVAL &&
                         smh_pool_usable_size(pool, NULL) == 0 &&
                         smh_pool_realloc(pool, attr, NULL, 0) == NULL,
                     "NULL is taken for a block");
        break;
    default: {
        void *wild = fuzz_wild_pointer(&stage, step);
        if (wild != NULL) {
            misuse_pointer(wild);
        }
    }
    }
}

static const struct fuzz_calls calls = {.alloc = do_alloc, .free = do_free, .realloc = do_realloc};

static void do_step(struct smh_fuzz_step *step)
{
    switch (step->kind) {
    case SMH_FUZZ_OPERATION:
    case SMH_FUZZ_RESIZE:
        fuzz_operation(&stage, &calls, &stage.live[step->operation.slot], &step->operation);
        break;
    case SMH_FUZZ_LARGEST:
        fuzz_judge_pool_statistics(
            &stage, step->argument % 4 == 0 ? SMH_ATTR_ANY : step->operation.attr, failed);
        break;
    case SMH_FUZZ_CHECK:
        fuzz_validate(&stage, false);
        fuzz_judge_pool_check(&stage, step->argument);
        failed += fuzz_judge_reserve_edge(&stage, (size_t)step->operation.bytes);
        judge_threshold_edge(&step->operation);
        if (step->argument % 4 == 1) {
            judge_largest_edge(&step->operation);
        }
        failed += fuzz_judge_restless(&stage, &step->operation);
        if (stage.machine.policy == &smh_policy_round_robin && step->argument % 4 == 0) {
            pool_of()->turn = UINT32_MAX;
            last_turn = true;
        }
        break;
    default:
        do_misuse(step);
        break;
    }
    fuzz_operations++;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct smh_fuzz_input input;
    struct smh_fuzz_step step;
    smh_fuzz_open(&input, bytes, size);
    config = &input.config;
    if (!fuzz_stage_open(&stage, &input.config, true)) {
        return 0;
    }
    failed = 0;
    threshold = config->threshold_bytes != 0 ? config->threshold_bytes : 16384;
    memset(turns, 0, sizeof(turns));
    turn = 0;
    last_turn = false;
    if (input.config.regions[0].priority % 8 == 0) {
        fuzz_judge_pool_init();
    }
    uint64_t seed = fuzz_seed_of(bytes, size);
    if (seed % 8 == 1) {
        fuzz_judge_many(config->policy, (unsigned)(seed / 8));
    }
    fuzz_judge_pool_lookups(&stage);
    while (smh_fuzz_next(&input, &step)) {
        stage.index = step.operation.site;
        do_step(&step);
    }
    fuzz_validate(&stage, false);
    fuzz_judge_pool_statistics(&stage, SMH_ATTR_ANY, failed);
    fuzz_drain(&stage, &calls);
    fuzz_stage_close(&stage);
    return 0;
}
