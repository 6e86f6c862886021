/* zephyr_api.c: sys_heap, sys_multi_heap and shared_multi_heap, as Zephyr code calls them.
 *
 * Owns: how a step of an input becomes a call under Zephyr's names, one of the three families per
 * input; and the panic hook, which must be called exactly when a pointer is misused.
 *
 *     header, byte 6:  0 sys_heap   1 sys_multi_heap   2, 3 shared_multi_heap
 *
 * These heaps have no start bitmap, so misuse here is a pointer outside every heap, or one freed
 * twice in a row; what the constant-time checks may miss is not done.
 */
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

void smh_port_panic(const char *function, const char *what, const void *address)
{
    (void)address;
    FUZZ_REQUIRE(function[0] != 0 && what[0] != 0, "a panic without words");
    panics++;
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

static void *cfg_of(const struct smh_operation *operation)
{
    return (void *)(uintptr_t)operation->attr;
}

static bool open_family(const struct smh_fuzz_config *config)
{
    bool whole = true;
    sys_multi_heap_init(&multi_heap, choose);
    (void)shared_multi_heap_pool_init();
    /* Once is once; the pool behind it may begin anew. */
    FUZZ_REQUIRE(shared_multi_heap_pool_init() == -EALREADY, "initialised a second time");
    FUZZ_REQUIRE(smh_pool_init(smh_shared_pool(), NULL) == 0, "the pool is refused");
    for (size_t i = 0; whole && i < stage.machine.region_count; i++) {
        if (family == SHARED_MULTI_HEAP) {
            struct shared_multi_heap_region region = {config->regions[i].attr,
                                                      (uintptr_t)stage.memory[i], stage.size[i]};
            whole = shared_multi_heap_add(&region, NULL) == 0;
        } else {
            sys_heap_init(&heaps[i], stage.memory[i], stage.size[i]);
            whole = heaps[i].heap != NULL;
            sys_multi_heap_add_heap(&multi_heap, &heaps[i], &heaps[i]);
        }
    }
    return whole;
}

static void *ask(const struct smh_operation *operation, size_t align)
{
    size_t bytes = (size_t)operation->bytes;
    switch (family) {
    case SYS_HEAP:
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

static void give_back(void *block)
{
    switch (family) {
    case SYS_HEAP:
        sys_heap_free(&heaps[0], block);
        break;
    case SYS_MULTI_HEAP:
        sys_multi_heap_free(&multi_heap, block);
        break;
    default:
        shared_multi_heap_free(block);
        break;
    }
    mirror();
}

/* align with a second bit: the block lies `rewind` bytes before a multiple of align. */
static void do_rewind(struct smh_live *live, struct smh_operation *operation, unsigned shift)
{
    size_t align = operation->align;
    size_t rewind = align >> (1 + shift % 4);
    rewind = rewind < 8 ? 8 : rewind;
    void *block = sys_heap_aligned_alloc(&heaps[0], align | rewind, (size_t)operation->bytes);
    mirror();
    *live = (struct smh_live){.serial = stage.serial++};
    if (block != NULL) {
        FUZZ_REQUIRE(((uintptr_t)block + rewind) % align == 0,
                     "a block at %p is not %zu before a multiple of %zu", block, rewind, align);
        operation->align = 8;
        /* What the skip takes is the engine's; the bound is that of the alignment. */
        fuzz_entered(&stage, live, operation, block, heaps[0].smh.used_bytes, 0);
    }
}

static void do_alloc(struct smh_live *live, struct smh_operation *operation, unsigned argument)
{
    uint64_t used[SMH_FUZZ_REGIONS_MAX] = {0};
    if (family == SYS_HEAP && operation->align >= 16 && argument % 4 == 0) {
        do_rewind(live, operation, argument / 4);
        return;
    }
    for (size_t i = 0; i < stage.machine.region_count; i++) {
        used[i] = stage.slots[i].heap.used_bytes;
    }
    void *block = ask(operation, operation->align);
    mirror();
    *live = (struct smh_live){.serial = stage.serial++};
    if (block == NULL) {
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

static void do_free(struct smh_live *live, unsigned argument)
{
    void *block = live->block;
    fuzz_leaving(&stage, live);
    give_back(block);
    FUZZ_REQUIRE(panics == 0, "free of a live block panics");
    fuzz_left(&stage, live, 0);
    if (argument % 16 == 1) {
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
        FUZZ_REQUIRE(panics == 1, "a second free gives %u panics", panics);
    }
}

static void do_realloc(struct smh_live *live, struct smh_operation *operation)
{
    uint64_t kept = live->bytes < operation->bytes ? live->bytes : operation->bytes;
    if (family == SHARED_MULTI_HEAP) {
        operation->align = 0;
    }
    fuzz_leaving(&stage, live);
    void *block = ask_again(operation, live->block);
    bool possible = family != SHARED_MULTI_HEAP || operation->attr < MAX_SHARED_MULTI_HEAP_ATTR;
    mirror();
    if (operation->bytes == 0 && possible) {
        FUZZ_REQUIRE(block == NULL, "realloc to 0 bytes gave a block");
        fuzz_left(&stage, live, 0);
    } else if (block != NULL) {
        fuzz_entered(&stage, live, operation, block, 0, kept);
    } else {
        fuzz_stayed(&stage, live);
        fuzz_refused(&stage, operation);
        if (operation->bytes == 0) { /* refused by its attribute; the slot is empty from here on */
            do_free(live, 0);
        }
    }
}

static void judge_statistics(void)
{
    struct sys_memory_stats stats;
    size_t allocated = 0;
    if (family != SYS_HEAP) {
        return;
    }
    for (size_t i = 0; i < SMH_FUZZ_SLOTS; i++) {
        if (stage.live[i].block != NULL) {
            allocated += (size_t)stage.live[i].usable;
        }
    }
    FUZZ_REQUIRE(sys_heap_validate(&heaps[0]), "sys_heap_validate errs");
    FUZZ_REQUIRE(sys_heap_runtime_stats_get(&heaps[0], &stats) == 0 &&
                     stats.allocated_bytes == allocated && stats.max_allocated_bytes >= allocated,
                 "%zu bytes are allocated, the statistics say %zu", allocated,
                 stats.allocated_bytes);
}

static void do_misuse(const struct smh_fuzz_step *step)
{
    void *wild = step->misuse == SMH_FUZZ_MISUSE_OUTSIDE ? fuzz_wild_pointer(&stage, step) : NULL;
    if (wild == NULL) {
        give_back(NULL);
        return;
    }
    for (size_t i = 0; i < stage.machine.region_count; i++) {
        if (fuzz_truth(&stage, i, wild) != -ENOENT) {
            return;
        }
    }
    give_back(wild);
    FUZZ_REQUIRE(panics == 1, "free of %p, in no heap, gives %u panics", wild, panics);
    panics = 0;
    struct smh_operation operation = {.bytes = 24, .attr = step->operation.attr % 3};
    FUZZ_REQUIRE(ask_again(&operation, wild) == NULL && panics == 1,
                 "realloc of %p, in no heap, gives %u panics", wild, panics);
    FUZZ_REQUIRE(sys_multi_heap_get_heap(&multi_heap, wild) == NULL, "%p in a heap", wild);
}

static void do_operation(struct smh_live *live, struct smh_fuzz_step *step)
{
    struct smh_operation *operation = &step->operation;
    operation->prefer = NULL;
    if (operation->kind == SMH_OPERATION_CALLOC) {
        operation->kind = SMH_OPERATION_ALLOC;
    }
    operation->attr = family == SHARED_MULTI_HEAP ? operation->attr % 4 : 0;
    bool again = operation->kind == SMH_OPERATION_REALLOC;
    if (operation->kind == SMH_OPERATION_ALLOC || (live->block == NULL && again)) {
        do_alloc(live, operation, step->argument);
    } else if (live->block == NULL) {
        return;
    } else if (operation->kind == SMH_OPERATION_FREE) {
        do_free(live, step->argument);
    } else if (again) {
        do_realloc(live, operation);
    } else {
        fuzz_access(&stage, live, operation);
    }
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
    default:
        fuzz_validate(&stage, false);
        judge_statistics();
        break;
    }
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
    static const enum family families[] = {SYS_HEAP, SYS_MULTI_HEAP, SHARED_MULTI_HEAP,
                                           SHARED_MULTI_HEAP};
    family = families[input.config.region_count - 1];
    plain_regions(&input.config);
    fuzz_stage_lay(&stage, &input.config, family != SYS_HEAP);
    if (!open_family(&input.config)) {
        fuzz_stage_close(&stage);
        return 0;
    }
    mirror();
    fuzz_stage_watch(&stage);
    while (smh_fuzz_next(&input, &step)) {
        stage.index = step.operation.site;
        do_step(&step);
    }
    panics = 0;
    fuzz_validate(&stage, false);
    judge_statistics();
    for (size_t i = 0; i < SMH_FUZZ_SLOTS; i++) {
        if (stage.live[i].block != NULL) {
            do_free(&stage.live[i], 0);
            fuzz_operations++;
        }
    }
    fuzz_validate(&stage, true);
    fuzz_stage_close(&stage);
    return 0;
}
