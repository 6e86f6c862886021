/* pool_ops.c: a pool of one to four regions of any engines, all its functions.
 *
 * Owns: how a step of an input becomes a call of pool.h, and what must hold beyond the shared
 * oracle: the policy's order, sums of statistics, one verdict by all functions.
 */
#include "../stage.h"

#include <smh/port.h>

const char fuzz_target[] = "pool_ops";

static struct fuzz_stage stage;

/* The regions before a request, to judge where it was served. */
struct before {
    uint64_t used[SMH_FUZZ_REGIONS_MAX];
    uint64_t rank[SMH_FUZZ_REGIONS_MAX];
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
    return policy->rank(&stage.slots[index], operation->align, (size_t)operation->bytes);
}

static void look(struct before *before, const struct smh_operation *operation)
{
    for (size_t i = 0; i < stage.machine.region_count; i++) {
        before->used[i] = stage.slots[i].heap.used_bytes;
        before->rank[i] = rank_of(i, operation);
    }
}

static bool has_room(size_t index, const struct smh_operation *operation)
{
    const struct smh_heap *heap = &stage.slots[index].heap;
    size_t enough =
        heap->engine->sufficient_chunk(heap, operation->align, (size_t)operation->bytes);
    struct smh_chunk chunk = {0};
    while (smh_heap_walk(heap, &chunk)) {
        if (!chunk.used && chunk.size >= enough) {
            return true;
        }
    }
    return false;
}

/* Every region that the policy puts before the one that served must have been unable to. */
static void judge_order(const struct before *before, const struct smh_operation *operation,
                        size_t served)
{
    for (size_t i = 0; i < stage.machine.region_count; i++) {
        const struct smh_region_config *region = &stage.region_configs[i];
        bool first = before->rank[i] < before->rank[served] ||
                     (before->rank[i] == before->rank[served] && i < served);
        bool held_back = region->reserve_bytes != 0 && region->attr != operation->attr;
        FUZZ_REQUIRE(!first || held_back || !stage.scenario.match(region->attr, operation->attr) ||
                         !has_room(i, operation),
                     "step %llu: region %zu serves %llu bytes, though policy %s puts %zu before "
                     "it, which has room",
                     (unsigned long long)stage.index, served, (unsigned long long)operation->bytes,
                     stage.machine.policy->name, i);
    }
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

static void *ask(const struct smh_operation *operation)
{
    struct smh_pool *pool = pool_of();
    size_t bytes = (size_t)operation->bytes;
    bool zeroed = operation->kind == SMH_OPERATION_CALLOC;
    void *block;
    if (operation->prefer != NULL) {
        block = smh_pool_alloc_prefer(pool, operation->prefer->attrs, operation->prefer->count,
                                      operation->align, bytes);
    } else if (zeroed && operation->align == 0) {
        return smh_pool_calloc(pool, operation->attr, bytes, 1);
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

static void do_alloc(struct smh_live *live, const struct smh_operation *operation)
{
    struct before before = {{0}, {0}};
    look(&before, operation);
    void *block = ask(operation);
    *live = (struct smh_live){.serial = stage.serial++};
    if (block == NULL) {
        fuzz_refused(&stage, operation);
        return;
    }
    int served = smh_pool_index_of(pool_of(), block);
    FUZZ_REQUIRE(served >= 0, "the pool does not know its own block");
    fuzz_entered(&stage, live, operation, block, before.used[served], 0);
    if (operation->prefer == NULL) {
        judge_order(&before, operation, (size_t)served);
        judge_reserve(operation, (size_t)served);
    }
}

static void do_free(struct smh_live *live)
{
    fuzz_leaving(&stage, live);
    fuzz_left(&stage, live, smh_pool_free(pool_of(), live->block));
}

static void do_realloc(struct smh_live *live, struct smh_operation *operation)
{
    size_t bytes = (size_t)operation->bytes;
    uint64_t kept = live->bytes < bytes ? live->bytes : bytes;
    operation->prefer = NULL;
    fuzz_leaving(&stage, live);
    void *block = operation->align == 0
                      ? smh_pool_realloc(pool_of(), operation->attr, live->block, bytes)
                      : smh_pool_aligned_realloc(pool_of(), operation->attr, live->block,
                                                 operation->align, bytes);
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

static void judge_statistics(uint32_t attr)
{
    struct smh_stats sum = {0};
    struct smh_stats told;
    for (size_t i = 0; i < stage.machine.region_count; i++) {
        struct smh_stats one;
        if (attr != SMH_ATTR_ANY && stage.region_configs[i].attr != attr) {
            continue;
        }
        smh_heap_stats(&stage.slots[i].heap, &one);
        sum.region_count++;
        sum.used_bytes += one.used_bytes;
        sum.free_bytes += one.free_bytes;
        sum.live_blocks += one.live_blocks;
        if (one.largest_free_bytes > sum.largest_free_bytes) {
            sum.largest_free_bytes = one.largest_free_bytes;
        }
    }
    int code = smh_pool_stats(pool_of(), attr, &told);
    if (sum.region_count == 0) {
        FUZZ_REQUIRE(code == -ENOENT, "statistics of no region give %d", code);
        return;
    }
    FUZZ_REQUIRE(code == 0 && told.region_count == sum.region_count &&
                     told.used_bytes == sum.used_bytes && told.free_bytes == sum.free_bytes &&
                     told.live_blocks == sum.live_blocks &&
                     told.largest_free_bytes == sum.largest_free_bytes,
                 "the statistics of attribute %u are not the sum of its regions", attr);
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
    uint64_t failed = pool->failed_requests;
    for (uint32_t attr = 0; attr < 4; attr++) {
        FUZZ_REQUIRE(smh_pool_realloc(pool, attr, wild, 24) == NULL &&
                         smh_pool_aligned_realloc(pool, attr, wild, 64, 24) == NULL &&
                         smh_pool_realloc(pool, attr, wild, 0) == NULL &&
                         smh_pool_usable_size(pool, wild) == 0,
                     "%p is no block, yet a function takes it", wild);
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
        FUZZ_REQUIRE(smh_pool_aligned_alloc(pool, attr, odd, 8) == NULL, "align %zu served", odd);
        break;
    case SMH_FUZZ_MISUSE_ZERO:
        FUZZ_REQUIRE(smh_pool_alloc(pool, attr, 0) == NULL &&
                         smh_pool_calloc(pool, attr, 0, 8) == NULL &&
                         smh_pool_calloc(pool, attr, SIZE_MAX / odd + 1, odd) == NULL &&
                         smh_pool_alloc_prefer(pool, &attr, 0, 0, 8) == NULL,
                     "0 bytes, or more than there are, are served");
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

static void do_operation(struct smh_live *live, struct smh_operation *operation)
{
    bool new = operation->kind <= SMH_OPERATION_CALLOC;
    /* A realloc of what could not be allocated is realloc(NULL, n). */
    if (new || (live->block == NULL && operation->kind == SMH_OPERATION_REALLOC)) {
        do_alloc(live, operation);
    } else if (live->block == NULL) {
        return;
    } else if (operation->kind == SMH_OPERATION_FREE) {
        do_free(live);
    } else if (operation->kind == SMH_OPERATION_REALLOC) {
        do_realloc(live, operation);
    } else {
        fuzz_access(&stage, live, operation);
    }
}

static void do_step(struct smh_fuzz_step *step)
{
    switch (step->kind) {
    case SMH_FUZZ_OPERATION:
    case SMH_FUZZ_RESIZE:
        do_operation(&stage.live[step->operation.slot], &step->operation);
        break;
    case SMH_FUZZ_LARGEST:
        judge_statistics(step->argument % 4 == 0 ? SMH_ATTR_ANY : step->operation.attr);
        break;
    case SMH_FUZZ_CHECK:
        fuzz_validate(&stage, false);
        FUZZ_REQUIRE(smh_pool_check(pool_of(), NULL, NULL) == 0, "pool_check errs");
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
    if (!fuzz_stage_open(&stage, &input.config, true)) {
        return 0;
    }
    while (smh_fuzz_next(&input, &step)) {
        stage.index = step.operation.site;
        do_step(&step);
    }
    fuzz_validate(&stage, false);
    judge_statistics(SMH_ATTR_ANY);
    for (size_t i = 0; i < SMH_FUZZ_SLOTS; i++) {
        if (stage.live[i].block != NULL) {
            do_free(&stage.live[i]);
            fuzz_operations++;
        }
    }
    fuzz_validate(&stage, true);
    fuzz_stage_close(&stage);
    return 0;
}
