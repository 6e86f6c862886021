/* zephyr_api.c: sys_heap, sys_multi_heap and shared_multi_heap, as Zephyr code calls them.
 *
 * Owns: how a step of an input becomes a call under Zephyr's names, one of the three families per
 * input; and the panic hook, which must be called exactly when a pointer is misused.
 *
 * One region is a sys_heap; of more the spare slot decides: a sys_multi_heap, or the shared one.
 * These heaps have no start bitmap, so misuse here is a pointer outside every heap, or one freed
 * twice in a row; what the constant-time checks may miss is not done.
 */
#include "../judges/full.h"
#include "../judges/listeners.h"
#include "../judges/stress.h"
#include "../judges/unready.h"
#include "../naive/printed.h"
#include "../stage.h"

#include <smh/multi_heap.h>
#include <smh/shared_multi_heap.h>
#include <smh/sys_heap.h>

#include <smh/port.h>

const char fuzz_target[] = "zephyr_api";

enum family { SYS_HEAP, SYS_MULTI_HEAP, SHARED_MULTI_HEAP };

static struct fuzz_stage stage;
static enum family family;
static struct sys_heap heaps[SMH_FUZZ_REGIONS_MAX];
static struct sys_multi_heap multi_heap;
static unsigned panics;
static const void *panicked; /* the last one's address, and its words */
static const char *reason;
static uint64_t refused; /* requests that the first heap has answered with NULL */
static bool unaligned;   /* the step under way asks by sys_heap_noalign_alloc */
static unsigned choice;  /* the step's argument: which of the calls that free or allocate */
static size_t peak;      /* of the first heap's allocated bytes, as sys_memory_stats counts them */

void smh_port_panic(const char *function, const char *what, const void *address)
{
    FUZZ_REQUIRE(function[0] != 0 && what[0] != 0, "a panic without words");
    panics++;
    panicked = address;
    reason = what;
    fuzz_panic_function = function;
}

/* The oracle looks at heaps through stage.slots. */
static void mirror(void)
{
    for (size_t i = 0; i < stage.machine.region_count; i++) {
        stage.slots[i].heap =
            family == SHARED_MULTI_HEAP ? *smh_pool_heap_at(smh_shared_pool(), i) : heaps[i].smh;
    }
}

/* Tries the heaps in turn from the one that cfg names. */
static void *choose(struct sys_multi_heap *mheap, void *cfg, size_t align, size_t size)
{
    for (size_t i = 0; i < mheap->nheaps; i++) {
        size_t index = ((uintptr_t)cfg + i) % mheap->nheaps;
        void *block = sys_heap_aligned_alloc(mheap->heaps[index].heap, align, size);
        if (block != NULL) {
            return block;
        }
    }
    return NULL;
}

/* Misuse is told of once, with the address and why it is no block. */
static void judge_panic(const void *wild, int truth)
{
    const char *word = truth == -ENOENT     ? family == SYS_HEAP ? "outside" : "lies in no"
                       : truth == -EALREADY ? "free space"
                                            : "not the start";
    FUZZ_REQUIRE(panics == 1, "%p, which is no block, gives %u panics", wild, panics);
    /* The checks of sys_heap tell that it is wrong; why, not in every case. */
    bool exact = family == SHARED_MULTI_HEAP || truth == -ENOENT;
    FUZZ_REQUIRE(panicked == wild && (!exact || strstr(reason, word) != NULL),
                 "%p is reported as %p: %s (in truth %d)", wild, panicked, reason, truth);
    panics = 0;
}

/* So many events since `before`; the process-wide pool tells of none. */
static void judge_events(unsigned before, unsigned expected)
{
    unsigned told = fuzz_listen_events() - before;
    FUZZ_REQUIRE(told == (family == SHARED_MULTI_HEAP ? 0 : expected),
                 "step %llu: listeners are told of %u events, there were %u",
                 (unsigned long long)stage.index, told, expected);
}

static void *cfg_of(const struct smh_operation *operation)
{
    return (void *)(uintptr_t)operation->attr;
}

static bool open_family(const struct smh_fuzz_config *config)
{
    bool whole = true;
    memset(heaps, 0, sizeof(heaps)); /* nothing of the input before */
    sys_multi_heap_init(&multi_heap, choose);
    (void)shared_multi_heap_pool_init();
    /* Once is once; the pool behind it may begin anew. */
    FUZZ_REQUIRE(shared_multi_heap_pool_init() == -EALREADY, "initialised a second time");
    FUZZ_REQUIRE(smh_pool_init(smh_shared_pool(), NULL) == 0, "the pool is refused");
    for (size_t i = 0; whole && i < stage.machine.region_count; i++) {
        if (family == SHARED_MULTI_HEAP) {
            struct shared_multi_heap_region region = {config->regions[i].attr,
                                                      (uintptr_t)stage.memory[i], stage.size[i]};
            whole = shared_multi_heap_add(&region, &heaps[i]) == 0;
        } else {
            /* With statistics or not; in any order of addresses. */
            size_t at = (config->swarm & 1u) != 0 ? stage.machine.region_count - 1 - i : i;
            smh_sys_heap_init(&heaps[at], stage.memory[at], stage.size[at],
                              config->regions[0].priority % 2 == 0);
            whole = heaps[at].heap != NULL;
            sys_multi_heap_add_heap(&multi_heap, &heaps[at], &heaps[at].smh);
        }
    }
    return whole;
}

static size_t allocated_bytes(size_t region)
{
    size_t allocated = 0;
    for (size_t i = 0; i < SMH_FUZZ_SLOTS; i++) {
        if (stage.live[i].block != NULL && stage.live[i].region == region) {
            allocated += (size_t)stage.live[i].usable;
        }
    }
    return allocated;
}

/* What is to be refused when regions are added, with Zephyr's codes; the pool stays as it was. */
static void judge_refusals(const struct smh_fuzz_config *config)
{
    struct shared_multi_heap_region region = {config->regions[0].attr, (uintptr_t)stage.memory[0],
                                              stage.size[0]};
    static _Alignas(64) uint8_t spare[4096];
    if (family != SHARED_MULTI_HEAP) {
        return;
    }
    FUZZ_REQUIRE(shared_multi_heap_add(NULL, NULL) == -EINVAL, "NULL is a region");
    FUZZ_REQUIRE(shared_multi_heap_add(&region, NULL) == -EINVAL, "a region is added twice");
    region.addr += 8;
    FUZZ_REQUIRE(shared_multi_heap_add(&region, NULL) == -EINVAL, "a region overlaps another");
    region.addr = (uintptr_t)spare;
    region.size = 8;
    FUZZ_REQUIRE(shared_multi_heap_add(&region, NULL) == -EINVAL, "8 bytes are a region");
    region.attr = MAX_SHARED_MULTI_HEAP_ATTR + (config->regions[1].attr << 30);
    region.size = sizeof(spare);
    FUZZ_REQUIRE(shared_multi_heap_add(&region, NULL) == -EINVAL, "attribute %u is accepted",
                 region.attr);
    FUZZ_REQUIRE(shared_multi_heap_alloc(region.attr, 8) == NULL &&
                     shared_multi_heap_realloc(region.attr, NULL, 8) == NULL,
                 "attribute %u is served", region.attr);
    FUZZ_REQUIRE(smh_pool_region_count(smh_shared_pool()) == stage.machine.region_count,
                 "a refused region is in the pool");
    for (size_t i = 0; i < stage.machine.region_count; i++) {
        const struct smh_region *told = smh_pool_region_of(smh_shared_pool(), stage.memory[i]);
        FUZZ_REQUIRE(told != NULL && told->user_data == &heaps[i] &&
                         told == smh_pool_region_at(smh_shared_pool(), i),
                     "the user's data of region %zu cannot be read back", i);
    }
}

/* Each heap is found by any address of it, with what its owner left there. */
static void judge_records(void)
{
    for (size_t i = 0; family != SHARED_MULTI_HEAP && i < stage.machine.region_count; i++) {
        uint8_t *last = stage.memory[i] + stage.size[i] - 1;
        const struct sys_multi_heap_rec *low =
            sys_multi_heap_get_heap(&multi_heap, stage.memory[i]);
        FUZZ_REQUIRE(low != NULL && low == sys_multi_heap_get_heap(&multi_heap, last) &&
                         low->heap == &heaps[i] && low->user_data == &heaps[i].smh,
                     "heap %zu is not found by its addresses", i);
        FUZZ_REQUIRE(sys_multi_heap_get_heap(&multi_heap, last + 1) == NULL,
                     "what lies behind heap %zu is in a heap", i);
        FUZZ_REQUIRE(i == 0 || multi_heap.heaps[i - 1].heap->heap < multi_heap.heaps[i].heap->heap,
                     "the heaps of a multi heap do not ascend");
    }
}

static void *ask_again(const struct smh_operation *operation, void *block);

static void *ask(const struct smh_operation *operation, size_t align)
{
    size_t bytes = (size_t)operation->bytes;
    if (choice % 8 == 3 && !unaligned && (align == 0 || family != SHARED_MULTI_HEAP)) {
        return ask_again(operation, NULL);
    }
    switch (family) {
    case SYS_HEAP:
        if (unaligned) {
            return sys_heap_noalign_alloc(&heaps[0], 64, bytes);
        }
        return align == 0 ? sys_heap_alloc(&heaps[0], bytes)
                          : sys_heap_aligned_alloc(&heaps[0], align, bytes);
    case SYS_MULTI_HEAP:
        return align == 0
                   ? sys_multi_heap_alloc(&multi_heap, cfg_of(operation), bytes)
                   : sys_multi_heap_aligned_alloc(&multi_heap, cfg_of(operation), align, bytes);
    default:
        return align == 0 ? shared_multi_heap_alloc(operation->attr, bytes)
                          : shared_multi_heap_aligned_alloc(operation->attr, align, bytes);
    }
}

static void *ask_again(const struct smh_operation *operation, void *block)
{
    size_t bytes = (size_t)operation->bytes;
    switch (family) {
    case SYS_HEAP:
        return operation->align == 0
                   ? sys_heap_realloc(&heaps[0], block, bytes)
                   : sys_heap_aligned_realloc(&heaps[0], block, operation->align, bytes);
    case SYS_MULTI_HEAP:
        return sys_multi_heap_aligned_realloc(&multi_heap, cfg_of(operation), block,
                                              operation->align, bytes);
    default:
        return shared_multi_heap_realloc(operation->attr, block, bytes);
    }
}

/* By the name that frees, or by a realloc to 0 bytes. */
static void give_back(void *block)
{
    static const struct smh_operation nothing;
    if (choice % 8 == 6) {
        FUZZ_REQUIRE(ask_again(&nothing, block) == NULL, "realloc to 0 bytes gives a block");
    } else if (family == SYS_HEAP) {
        sys_heap_free(&heaps[0], block);
    } else if (family == SYS_MULTI_HEAP) {
        sys_multi_heap_free(&multi_heap, block);
    } else {
        shared_multi_heap_free(block);
    }
    mirror();
}

/* Listeners have been told of what is live; sizes are what they were; what has been allocated at
 * most is known. Each region's heap is asked about its own blocks alone. */
static void judge_blocks(void)
{
    size_t count = 0;
    size_t allocated = allocated_bytes(0);
    peak = allocated > peak ? allocated : peak;
    if (family == SHARED_MULTI_HEAP) {
        return;
    }
    for (size_t i = 0; i < SMH_FUZZ_SLOTS; i++) {
        const struct smh_live *live = &stage.live[i];
        if (live->block != NULL) {
            size_t told = fuzz_listen_bytes(live->block);
            count++;
            FUZZ_REQUIRE(told == live->usable,
                         "a block has %llu usable bytes, listeners were told of %zu",
                         (unsigned long long)live->usable, told);
        }
    }
    FUZZ_REQUIRE(fuzz_listen_count() == count, "%zu blocks are live, listeners know of %zu", count,
                 fuzz_listen_count());
}

/* align with a second bit: the block lies `rewind` bytes before a multiple of align. */
static void do_rewind(struct smh_live *live, struct smh_operation *operation, unsigned shift)
{
    size_t align = operation->align;
    size_t bytes = (size_t)operation->bytes;
    size_t rewind = align >> (1 + shift % 4) < 8 ? 8 : align >> (1 + shift % 4);
    void *block = shift / 4 % 2 == 0
                      ? sys_heap_aligned_alloc(&heaps[0], align | rewind, bytes)
                      : sys_heap_aligned_realloc(&heaps[0], NULL, align | rewind, bytes);
    mirror();
    *live = (struct smh_live){.serial = stage.serial++};
    if (block != NULL) {
        FUZZ_REQUIRE(((uintptr_t)block + rewind) % align == 0,
                     "a block at %p is not %zu before a multiple of %zu", block, rewind, align);
        operation->align = 8;
        /* What the skip takes is the engine's; the bound is that of the alignment. */
        fuzz_entered(&stage, live, operation, block, heaps[0].smh.used_bytes, 0);
    } else {
        refused += operation->bytes != 0;
    }
}

static void do_alloc(struct smh_live *live, struct smh_operation *operation)
{
    uint64_t used[SMH_FUZZ_REGIONS_MAX] = {0};
    if (family == SYS_HEAP && operation->align >= 16 && choice % 4 == 0) {
        do_rewind(live, operation, choice / 4);
        return;
    }
    for (size_t i = 0; i < stage.machine.region_count; i++) {
        used[i] = stage.slots[i].heap.used_bytes;
    }
    unsigned events = fuzz_listen_events();
    void *block = ask(operation, operation->align);
    mirror();
    *live = (struct smh_live){.serial = stage.serial++};
    judge_events(events, block != NULL);
    if (block == NULL) {
        refused += operation->bytes != 0;
        fuzz_refused(&stage, operation);
        return;
    }
    /* In the region whose count has grown; fuzz_entered finds the region by itself. */
    for (size_t i = 0; i < stage.machine.region_count; i++) {
        if (fuzz_truth(&stage, i, block) != -ENOENT) {
            fuzz_entered(&stage, live, operation, block, used[i], 0);
            return;
        }
    }
    fuzz_fail("a block lies in no region");
}

static void do_free(struct smh_live *live)
{
    void *block = live->block;
    unsigned events = fuzz_listen_events();
    fuzz_leaving(&stage, live);
    give_back(block);
    judge_events(events, 1);
    FUZZ_REQUIRE(panics == 0, "free of a live block panics");
    fuzz_left(&stage, live, 0);
    if (choice % 16 == 1) {
        /* The checks follow what the header says, and it may lead into live blocks. */
        for (size_t i = 0; i < SMH_FUZZ_SLOTS; i++) {
            if (stage.live[i].block != NULL) {
                fuzz_show(&stage.live[i]);
            }
        }
        give_back(block);
        for (size_t i = 0; i < SMH_FUZZ_SLOTS; i++) {
            if (stage.live[i].block != NULL) {
                fuzz_hide(&stage.live[i]);
            }
        }
        judge_panic(block, -EALREADY);
    }
}

/* An alignment of two bits, where Zephyr asserts one: refused, and the block is as it was. */
static void judge_two_bits(struct smh_live *live, size_t align, size_t bytes)
{
    unsigned events = fuzz_listen_events();
    fuzz_leaving(&stage, live);
    FUZZ_REQUIRE(sys_heap_aligned_realloc(&heaps[0], live->block, align, bytes) == NULL,
                 "a resize to alignment %zu is served", align);
    mirror();
    judge_events(events, 0);
    fuzz_stayed(&stage, live);
}

static void do_realloc(struct smh_live *live, struct smh_operation *operation)
{
    if (family == SYS_HEAP && (operation->bytes == 0 ? choice / 64 % 2 == 0 : choice % 8 == 5)) {
        operation->align |= 3u << choice / 8 % 12; /* of no account where the block is freed */
        if (operation->bytes != 0) {
            judge_two_bits(live, operation->align, (size_t)operation->bytes);
            return;
        }
    }
    uint64_t kept = live->bytes < operation->bytes ? live->bytes : operation->bytes;
    if (family == SHARED_MULTI_HEAP) {
        operation->align = 0;
    }
    void *old = live->block;
    uint64_t usable = live->usable;
    unsigned events = fuzz_listen_events();
    fuzz_leaving(&stage, live);
    void *block = ask_again(operation, live->block);
    bool possible = family != SHARED_MULTI_HEAP || operation->attr < MAX_SHARED_MULTI_HEAP_ATTR;
    mirror();
    if (operation->bytes == 0 && possible) {
        FUZZ_REQUIRE(block == NULL, "realloc to 0 bytes gave a block");
        fuzz_left(&stage, live, 0);
        judge_events(events, 1);
    } else if (block != NULL) {
        fuzz_entered(&stage, live, operation, block, 0, kept);
        judge_events(events, block == old && live->usable == usable ? 0 : 2);
    } else {
        refused++;
        judge_events(events, 0);
        fuzz_stayed(&stage, live);
        FUZZ_REQUIRE(panics == 0, "a realloc that finds no room panics");
        fuzz_refused(&stage, operation);
        if (operation->bytes == 0) { /* refused by its attribute; the slot is empty from here on */
            do_free(live);
        }
    }
}

/* The used bit of a live block is cleared: the validator and the printer see it. */
static void judge_damage(unsigned argument)
{
    struct smh_live *live = &stage.live[argument % SMH_FUZZ_SLOTS];
    if (live->block == NULL || live->region != 0) {
        return;
    }
    uint8_t *header = (uint8_t *)live->block - 4;
    *header ^= 1u;
    FUZZ_REQUIRE(!sys_heap_validate(&heaps[0]), "a damaged heap is valid");
    fuzz_judge_print_damaged(&heaps[0]);
    *header ^= 1u;
}

static void judge_statistics(unsigned argument)
{
    struct sys_memory_stats stats;
    struct smh_chunk chunk = {0};
    size_t free_bytes = 0;
    if (family != SYS_HEAP) {
        return;
    }
    size_t allocated = allocated_bytes(0);
    while (smh_heap_walk(&heaps[0].smh, &chunk)) {
        free_bytes += chunk.used ? 0 : chunk.usable;
    }
    FUZZ_REQUIRE(sys_heap_validate(&heaps[0]), "sys_heap_validate errs");
    FUZZ_REQUIRE(sys_heap_runtime_stats_get(&heaps[0], &stats) == 0 &&
                     stats.allocated_bytes == allocated && stats.free_bytes == free_bytes,
                 "%zu bytes are allocated, %zu free, the statistics say %zu and %zu", allocated,
                 free_bytes, stats.allocated_bytes, stats.free_bytes);
    /* While a block moves, there are two of it. */
    FUZZ_REQUIRE(stats.max_allocated_bytes >= peak && stats.max_allocated_bytes <= stage.size[0],
                 "the most allocated is %zu, the statistics say %zu", peak,
                 stats.max_allocated_bytes);
    if (argument % 4 == 1) {
        FUZZ_REQUIRE(sys_heap_runtime_stats_reset_max(&heaps[0]) == 0, "the maximum stays");
        (void)sys_heap_runtime_stats_get(&heaps[0], &stats);
        peak = allocated;
        mirror();
        FUZZ_REQUIRE(stats.max_allocated_bytes == allocated, "the maximum is %zu after its reset",
                     stats.max_allocated_bytes);
    } else if (argument % 4 == 2) {
        fuzz_judge_print(&heaps[0], argument / 4 % 2 == 0);
    } else if (argument % 4 == 3) {
        judge_damage(argument / 4);
    }
}

/* The stress rig, and what it leaves in the maximum. */
static void do_stress(unsigned argument)
{
    struct sys_memory_stats stats;
    if (family == SYS_HEAP) {
        fuzz_stress(&heaps[0], stage.size[0], argument);
        (void)sys_heap_runtime_stats_get(&heaps[0], &stats);
        peak = stats.max_allocated_bytes > peak ? stats.max_allocated_bytes : peak;
        refused = heaps[0].smh.failed_requests;
        mirror();
    }
}

/* --- steps ----------------------------------------------------------------------------------- */

/* What a pointer is, in whichever region; -ENOENT in none. */
static int truth_of(const void *wild)
{
    int truth = -ENOENT;
    for (size_t i = 0; truth == -ENOENT && i < stage.machine.region_count; i++) {
        truth = fuzz_truth(&stage, i, wild);
    }
    return truth;
}

static void do_misuse(const struct smh_fuzz_step *step)
{
    void *wild = fuzz_wild_pointer(&stage, step);
    int truth = wild == NULL ? 0 : truth_of(wild);
    if (truth == 0 || (truth != -ENOENT && family != SHARED_MULTI_HEAP)) {
        give_back(NULL);
        return;
    }
    give_back(wild);
    judge_panic(wild, truth);
    struct smh_operation operation = {.bytes = 24, .attr = step->operation.attr % 3};
    FUZZ_REQUIRE(ask_again(&operation, wild) == NULL, "realloc takes %p for a block", wild);
    judge_panic(wild, truth);
    operation.bytes = 0;
    FUZZ_REQUIRE(ask_again(&operation, wild) == NULL, "realloc to 0 bytes gives a block");
    judge_panic(wild, truth);
    mirror();
    FUZZ_REQUIRE(truth != -ENOENT || sys_multi_heap_get_heap(&multi_heap, wild) == NULL,
                 "%p in a heap", wild);
    FUZZ_REQUIRE(sys_heap_usable_size(&heaps[0], wild) == 0, "%p has a usable size", wild);
}

static const struct fuzz_calls calls = {.alloc = do_alloc, .free = do_free, .realloc = do_realloc};

static void do_operation(struct smh_live *live, struct smh_fuzz_step *step)
{
    struct smh_operation *operation = &step->operation;
    choice = step->argument;
    operation->prefer = NULL;
    unaligned = family == SYS_HEAP && operation->kind == SMH_OPERATION_CALLOC;
    if (operation->kind == SMH_OPERATION_CALLOC) {
        operation->kind = SMH_OPERATION_ALLOC;
    }
    operation->align = unaligned ? 0 : operation->align;
    operation->attr = family == SHARED_MULTI_HEAP ? operation->attr % 4 : 0;
    fuzz_operation(&stage, &calls, live, operation);
}

static void do_step(struct smh_fuzz_step *step)
{
    panics = 0;
    switch (step->kind) {
    case SMH_FUZZ_OPERATION:
    case SMH_FUZZ_RESIZE:
        do_operation(&stage.live[step->operation.slot], step);
        break;
    case SMH_FUZZ_MISUSE:
        do_misuse(step);
        break;
    case SMH_FUZZ_LARGEST:
        do_stress(step->argument);
        break;
    default:
        fuzz_validate(&stage, false);
        judge_statistics(step->argument);
        break;
    }
    FUZZ_REQUIRE(panics == 0, "%u panics in one step", panics);
    FUZZ_REQUIRE(family != SYS_HEAP || heaps[0].smh.failed_requests == refused,
                 "step %llu: %llu requests have failed, the heap counts %llu",
                 (unsigned long long)stage.index, (unsigned long long)refused,
                 (unsigned long long)heaps[0].smh.failed_requests);
    judge_blocks();
    fuzz_operations++;
}

/* Zephyr's own heaps have no choice of engine, granule or tables. */
static void plain_regions(struct smh_fuzz_config *config)
{
    config->match = smh_match_equal;
    for (size_t i = 0; i < SMH_FUZZ_REGIONS_MAX; i++) {
        struct smh_fuzz_region *region = &config->regions[i];
        region->engine = SMH_ENGINE_DEFAULT;
        region->granule = 0;
        region->target_bits = sizeof(void *) * 8;
        region->reserve_bytes = 0;
        region->metadata = false;
        region->attr = family == SHARED_MULTI_HEAP ? region->attr % 3 : 0;
        if (family != SHARED_MULTI_HEAP) {
            region->engine = &smh_engine_zephyr;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct smh_fuzz_input input;
    struct smh_fuzz_step step;
    smh_fuzz_open(&input, bytes, size);
    family = input.config.spare_slot ? SYS_MULTI_HEAP : SHARED_MULTI_HEAP;
    family = input.config.region_count == 1 ? SYS_HEAP : family;
    plain_regions(&input.config);
    fuzz_stage_lay(&stage, &input.config, family != SYS_HEAP);
    if (!open_family(&input.config)) {
        fuzz_stage_close(&stage);
        return 0;
    }
    mirror();
    fuzz_stage_watch(&stage);
    uintptr_t ids[SMH_FUZZ_REGIONS_MAX];
    for (size_t i = 0; i < SMH_FUZZ_REGIONS_MAX; i++) {
        ids[i] = HEAP_ID_FROM_POINTER(&heaps[i]);
    }
    fuzz_listen_begin(ids, stage.machine.region_count);
    peak = 0;
    refused = 0;
    judge_refusals(&input.config);
    judge_records();
    while (smh_fuzz_next(&input, &step)) {
        stage.index = step.operation.site;
        do_step(&step);
    }
    panics = 0;
    choice = 0;
    fuzz_validate(&stage, false);
    judge_statistics(0);
    fuzz_drain(&stage, &calls);
    fuzz_listen_end();
    fuzz_stage_close(&stage);
    if (input.config.regions[0].priority % 8 == 0) {
        fuzz_judge_full(choose, 1 + input.config.regions[1].size % 1024, &panics);
        fuzz_judge_unready(input.config.regions[1].size, &panics);
    }
    return 0;
}
