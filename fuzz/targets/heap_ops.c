/* heap_ops.c: one heap of any engine, all its functions, legal use and misuse.
 *
 * Owns: how a step of an input becomes a call of heap.h, and what must hold after it beyond what
 * the shared oracle checks: refusals change nothing, the largest free block is the largest, and
 * constant-time engines stay below a ceiling of steps.
 */
#include "../engines.h"
#include "../stage.h"

#include <smh/port.h>

const char fuzz_target[] = "heap_ops";

static struct fuzz_stage stage;
static struct fuzz_counts counts;
/* The validator has passed, and what was called since then looks and changes nothing. */
static bool known_sound;

static struct smh_heap *heap_of(void)
{
    return &stage.slots[0].heap;
}

static void do_alloc(struct smh_live *live, struct smh_operation *operation)
{
    struct smh_heap *heap = heap_of();
    uint64_t used = heap->used_bytes;
    size_t bytes = (size_t)operation->bytes;
    void *block;
    if (operation->kind == SMH_OPERATION_REALLOC) {
        block = operation->align == 0
                    ? smh_heap_realloc(heap, NULL, bytes)
                    : smh_heap_aligned_realloc(heap, NULL, operation->align, bytes);
    } else {
        block = operation->align == 0 ? smh_heap_alloc(heap, bytes)
                                      : smh_heap_aligned_alloc(heap, operation->align, bytes);
    }
    *live = (struct smh_live){.serial = stage.serial++};
    if (block == NULL) {
        fuzz_count(&stage, 0, &counts, 0, bytes != 0, (size_t)used);
        fuzz_refused(&stage, operation);
        return;
    }
    fuzz_count(&stage, 0, &counts, 1, 0, 0);
    if (operation->kind == SMH_OPERATION_CALLOC) {
        /* Written by the target itself: that it then reads zeroes says nothing. */
        memset(block, 0, bytes);
        operation->kind = SMH_OPERATION_ALLOC;
    }
    fuzz_entered(&stage, live, operation, block, used, 0);
}

/* What has just been freed is known as such, also where not every address is; but in zephyr a chunk
 * of one unit, which it joins, may have its links where the header was. */
static void do_free(struct smh_live *live)
{
    const struct smh_heap *heap = heap_of();
    const void *freed = live->block;
    fuzz_leaving(&stage, live);
    fuzz_left(&stage, live, smh_heap_free(heap_of(), live->block));
    FUZZ_REQUIRE(heap->starts != NULL || fuzz_engine_is_zephyr(heap->engine) ||
                     smh_heap_verdict(heap, freed) == -EALREADY,
                 "step %llu: the verdict on a block that was just freed is %d",
                 (unsigned long long)stage.index, smh_heap_verdict(heap, freed));
}

static void do_realloc(struct smh_live *live, struct smh_operation *operation)
{
    size_t bytes = (size_t)operation->bytes;
    uint64_t kept = live->bytes < bytes ? live->bytes : bytes;
    size_t used = heap_of()->used_bytes;
    void *old = live->block;
    if (bytes == 0 && operation->site % 2 == 0) {
        operation->align |= 3; /* of no account where the block is freed */
    }
    fuzz_leaving(&stage, live);
    void *block = operation->align == 0
                      ? smh_heap_realloc(heap_of(), live->block, bytes)
                      : smh_heap_aligned_realloc(heap_of(), live->block, operation->align, bytes);
    bool served = block != NULL && block != old;
    fuzz_count(&stage, 0, &counts, served, block == NULL && bytes != 0, used);
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

static void do_resize(struct smh_live *live, const struct smh_operation *operation)
{
    uint64_t kept = live->bytes < operation->bytes ? live->bytes : operation->bytes;
    if (live->block == NULL) {
        return;
    }
    fuzz_leaving(&stage, live);
    bool done = smh_heap_resize(heap_of(), live->block, (size_t)operation->bytes);
    fuzz_count(&stage, 0, &counts, 0, 0, 0);
    if (done) {
        fuzz_entered(&stage, live, operation, live->block, 0, kept);
    } else {
        fuzz_stayed(&stage, live);
        FUZZ_REQUIRE(operation->bytes > live->usable || operation->bytes == 0,
                     "resize to %llu bytes fails in a block of %llu",
                     (unsigned long long)operation->bytes, (unsigned long long)live->usable);
    }
}

/* The largest request that is promised is served, and no larger one. */
static void do_largest(uint16_t argument)
{
    struct smh_heap *heap = heap_of();
    struct smh_stats stats;
    smh_heap_stats(heap, &stats);
    size_t bytes = stats.largest_free_bytes;
    fuzz_judge_stats(&stage, 0, &stats);
    if (argument % 8 == 7) {
        smh_heap_reset_peak(heap);
        counts.peak = heap->used_bytes;
        counts.peak_most = counts.peak;
    }
    if (argument % 2 == 1) {
        FUZZ_REQUIRE(smh_heap_alloc(heap, bytes + 1 + argument / 256) == NULL,
                     "more than the largest free block (%zu) was served", bytes);
        fuzz_count(&stage, 0, &counts, 0, 1, 0);
    } else if (bytes != 0) {
        uint8_t *block = smh_heap_alloc(heap, bytes);
        FUZZ_REQUIRE(block != NULL, "the largest free block (%zu) was not served", bytes);
        fuzz_count(&stage, 0, &counts, 1, 0, 0);
        memset(block, 0x5A, bytes);
        FUZZ_REQUIRE(smh_heap_usable_size(heap, block) >= bytes, "a block is too short");
        FUZZ_REQUIRE(smh_heap_free(heap, block) == 0, "the largest block cannot be freed");
    }
}

/* A pointer that is no block: every function refuses it, and nothing changes. */
static void misuse_pointer(void *wild)
{
    struct smh_heap *heap = heap_of();
    int truth = fuzz_truth(&stage, 0, wild);
    if (truth == 0 || (truth != -ENOENT && !stage.exact)) {
        /* heap.c refuses what is off the step, but asks the engine first: zephyr's verdict reads a
         * header before the pointer, which may lie in a live block, and is poisoned then. */
        FUZZ_REQUIRE(truth == 0 || (uintptr_t)wild % 4 == 0 ||
                         fuzz_engine_is_zephyr(heap->engine) ||
                         smh_heap_verdict(heap, wild) == -EINVAL,
                     "%p, aligned to nothing, is not refused as such", wild);
        return;
    }
    struct smh_heap before = *heap;
    int verdict = smh_heap_verdict(heap, wild);
    FUZZ_REQUIRE(verdict == truth, "verdict on %p (offset %td) is %d, is %d in truth", wild,
                 (uint8_t *)wild - heap->memory, verdict, truth);
    FUZZ_REQUIRE(smh_heap_free(heap, wild) == truth, "free judges otherwise than verdict");
    FUZZ_REQUIRE(smh_heap_realloc(heap, wild, 24) == NULL &&
                     smh_heap_aligned_realloc(heap, wild, 64, 24) == NULL &&
                     smh_heap_realloc(heap, wild, 0) == NULL && !smh_heap_resize(heap, wild, 24) &&
                     smh_heap_usable_size(heap, wild) == 0,
                 "%p is no block, yet a function takes it", wild);
    /* Of two things that are wrong the pointer counts: no request has failed. */
    FUZZ_REQUIRE(smh_heap_aligned_realloc(heap, wild, 24, 24) == NULL &&
                     smh_heap_aligned_realloc(heap, wild, 24, 0) == NULL &&
                     !smh_heap_resize(heap, wild, 0),
                 "%p is no block, and 24 no alignment, yet a function takes it", wild);
    FUZZ_REQUIRE(smh_heap_contains(heap, wild) == (truth != -ENOENT), "contains errs");
    FUZZ_REQUIRE(memcmp(&before, heap, sizeof(before)) == 0, "a refusal has changed the heap");
}

/* A live block, and an alignment or a size that is none: refused, and the block is as it was. */
static void misuse_live(struct smh_live *live, size_t align)
{
    struct smh_heap *heap = heap_of();
    if (live->block == NULL) {
        return;
    }
    size_t used = heap->used_bytes;
    fuzz_leaving(&stage, live);
    FUZZ_REQUIRE(smh_heap_aligned_realloc(heap, live->block, align, 24) == NULL,
                 "a resize to alignment %zu is served", align);
    fuzz_count(&stage, 0, &counts, 0, 1, used);
    FUZZ_REQUIRE(!smh_heap_resize(heap, live->block, 0), "a resize to 0 bytes is served");
    fuzz_count(&stage, 0, &counts, 0, 0, used);
    fuzz_stayed(&stage, live);
}

static void do_misuse(const struct smh_fuzz_step *step)
{
    struct smh_heap *heap = heap_of();
    struct smh_heap before;
    size_t odd = (size_t)step->argument | 3u;
    if (step->misuse == SMH_FUZZ_MISUSE_ALIGN) {
        misuse_live(&stage.live[step->operation.slot], odd);
    }
    before = *heap;
    switch (step->misuse) {
    case SMH_FUZZ_MISUSE_ALIGN:
        /* Three bits or more, or two. */
        odd = step->operation.slot % 2 == 0
                  ? odd
                  : (size_t)2 << odd / 4 % 40 | (size_t)1 << odd / 256 % (1 + odd / 4 % 40);
        FUZZ_REQUIRE(smh_heap_aligned_alloc(heap, odd, 8) == NULL, "alignment %zu is served", odd);
        before.failed_requests++;
        counts.failed++;
        break;
    case SMH_FUZZ_MISUSE_ZERO:
        FUZZ_REQUIRE(smh_heap_alloc(heap, 0) == NULL && smh_heap_aligned_alloc(heap, 64, 0) == NULL,
                     "0 bytes are served");
        break;
    case SMH_FUZZ_MISUSE_NULL:
        FUZZ_REQUIRE(smh_heap_free(heap, NULL) == 0 && smh_heap_verdict(heap, NULL) == -EINVAL &&
                         smh_heap_usable_size(heap, NULL) == 0 && !smh_heap_resize(heap, NULL, 8) &&
                         smh_heap_realloc(heap, NULL, 0) == NULL,
                     "NULL is taken for a block");
        break;
    default: {
        void *wild = fuzz_wild_pointer(&stage, step);
        if (wild != NULL) {
            misuse_pointer(wild);
        }
    }
    }
    FUZZ_REQUIRE(memcmp(&before, heap, sizeof(before)) == 0, "misuse has changed the heap");
}

static const struct fuzz_calls calls = {.alloc = do_alloc, .free = do_free, .realloc = do_realloc};

static void validate(void)
{
    if (!known_sound) {
        fuzz_validate(&stage, false);
    }
    known_sound = true;
}

static void do_step(struct smh_fuzz_step *step)
{
    struct smh_live *live = &stage.live[step->operation.slot];
    known_sound =
        known_sound &&
        (step->kind == SMH_FUZZ_CHECK ||
         (step->kind == SMH_FUZZ_OPERATION && step->operation.kind == SMH_OPERATION_CPU_READ));
    step->operation.attr = 0;
    step->operation.prefer = NULL;
    switch (step->kind) {
    case SMH_FUZZ_OPERATION:
        fuzz_operation(&stage, &calls, live, &step->operation);
        break;
    case SMH_FUZZ_RESIZE:
        do_resize(live, &step->operation);
        break;
    case SMH_FUZZ_LARGEST:
        do_largest(step->argument);
        break;
    case SMH_FUZZ_CHECK:
        validate();
        fuzz_judge_validator(&stage, 0, step->argument);
        break;
    default:
        do_misuse(step);
        break;
    }
    fuzz_operations++;
}

/* A heap that init refused, or that was never made, answers every question, and serves nothing. */
static void judge_refused(struct smh_heap *heap)
{
    struct smh_stats stats;
    struct smh_stats none = {0};
    struct smh_chunk chunk = {0};
    uint8_t *somewhere = stage.memory[0];
    memset(&stats, 0xA5, sizeof(stats));
    smh_heap_stats(heap, &stats);
    smh_heap_reset_peak(heap);
    FUZZ_REQUIRE(memcmp(&stats, &none, sizeof(stats)) == 0, "a refused heap has statistics");
    FUZZ_REQUIRE(smh_heap_alloc(heap, 1) == NULL && smh_heap_aligned_alloc(heap, 8, 1) == NULL &&
                     smh_heap_realloc(heap, NULL, 1) == NULL &&
                     smh_heap_realloc(heap, somewhere, 8) == NULL &&
                     !smh_heap_resize(heap, somewhere, 8),
                 "a refused heap serves");
    FUZZ_REQUIRE(smh_heap_free(heap, somewhere) == -ENOENT && smh_heap_free(heap, NULL) == 0 &&
                     smh_heap_verdict(heap, somewhere) == -ENOENT &&
                     smh_heap_usable_size(heap, somewhere) == 0 && smh_heap_alignment(heap) == 0 &&
                     !smh_heap_contains(heap, somewhere) && !smh_heap_walk(heap, &chunk) &&
                     smh_heap_check(heap, NULL) == -EINVAL,
                 "a refused heap knows an address");
}

#define MARGIN 256u /* beside the memory of what is refused */

/* Which granules of those that are powers of two an engine takes, as it is documented to. */
static bool takes_granule(const struct smh_engine *engine, size_t granule, unsigned target_bits)
{
    if (fuzz_engine_is_zephyr(engine)) {
        return granule == 8 && target_bits == 64; /* payloads of small heaps lie at 4 modulo 8 */
    }
    if (engine == &smh_engine_bitmap) {
        return granule >= 8 && granule <= 4096;
    }
    return granule >= 8 && (engine != &smh_engine_buddy || granule <= (size_t)1 << 30);
}

static void judge_granules(const struct smh_heap_config *good, unsigned target_bits)
{
    struct smh_heap heap;
    struct smh_heap_config config = *good;
    config.target_bits = target_bits;
    for (config.granule = 1; config.granule != 0; config.granule <<= 1) {
        int code = smh_heap_init(&heap, &config);
        size_t tables = smh_heap_metadata_size(&config);
        bool taken = takes_granule(config.engine, config.granule, target_bits);
        FUZZ_REQUIRE(taken ? code == 0 || code == -ENOMEM : code == -EINVAL,
                     "%s answers granule %zu with %d", config.engine->name, config.granule, code);
        /* Of engines with tables of their own, and none for less than a block; a start bitmap is
         * for whatever the engine takes. */
        FUZZ_REQUIRE((taken && config.granule <= config.memory_size) == (tables != 0) ||
                         (config.engine->flags & SMH_ENGINE_EXACT) == 0,
                     "%s with granule %zu is said to want %zu bytes of metadata",
                     config.engine->name, config.granule, tables);
    }
}

static void must_refuse(const struct smh_heap_config *config, size_t number)
{
    struct smh_heap heap;
    memset(&heap, 0xA5, sizeof(heap));
    int code = smh_heap_init(&heap, config);
    FUZZ_REQUIRE(code == -EINVAL, "configuration %zu is not refused (%d)", number, code);
    judge_refused(&heap);
}

/* Of address and size of the tables each counts: a size without an address is nothing, and an
 * address without a size too little. */
static void judge_half_given(const struct smh_heap_config *good)
{
    struct smh_heap heap;
    struct smh_heap_config config = *good;
    config.metadata_size = good->memory_size;
    int code = smh_heap_init(&heap, &config);
    FUZZ_REQUIRE(code == 0 && heap.starts == NULL, "tables at no address are answered by %d", code);
    config.metadata = (uint8_t *)good->memory - 64;
    config.metadata_size = 0;
    code = smh_heap_init(&heap, &config);
    FUZZ_REQUIRE(code == -ENOMEM, "tables of no bytes are answered by %d", code);
}

/* Metadata up to memory and from its end on, and a byte further: beside it, and in it. What ends
 * with the last address, the next being 0, wraps. */
static void judge_ranges(const struct smh_heap_config *good)
{
    uint8_t *end = (uint8_t *)good->memory + good->memory_size;
    for (size_t i = 0; i < 4; i++) {
        struct smh_heap heap;
        struct smh_heap_config config = *good;
        config.metadata_size = MARGIN;
        config.metadata = i < 2 ? end - i : (uint8_t *)good->memory - MARGIN + i % 2;
        int code = smh_heap_init(&heap, &config);
        FUZZ_REQUIRE((code == -EINVAL) == (i % 2 == 1), "metadata beside memory (%zu): %d", i,
                     code);
    }
    struct smh_heap_config bad = *good;
    bad.metadata = end;
    bad.metadata_size = 0 - (uintptr_t)end;
    must_refuse(&bad, 10);
    bad = *good;
    bad.memory_size = 0 - (uintptr_t)good->memory;
    must_refuse(&bad, 11);
}

/* What init refuses, by its form: of each engine once, as the answers hang on nothing else. */
static void judge_forms(const struct smh_heap_config *good)
{
    uint8_t *memory = good->memory;
    struct smh_heap heap;
    struct smh_heap_config bad[8];
    for (size_t i = 0; i < 8; i++) {
        bad[i] = *good;
    }
    bad[0].memory = NULL;
    bad[1].memory_size = UINTPTR_MAX - 64;
    bad[2].granule = 24;
    bad[3].target_bits = 16;
    bad[4].metadata = memory + 512;
    bad[4].metadata_size = 512;
    bad[5].metadata = memory - 8;
    bad[5].metadata_size = 16;
    bad[6].memory = memory + 256;
    bad[6].memory_size = 256;
    bad[6].metadata = memory;
    bad[6].metadata_size = 1024;
    bad[7].metadata = memory + 1024;
    bad[7].metadata_size = SIZE_MAX - 64;
    FUZZ_REQUIRE(smh_heap_metadata_size(&bad[2]) == 0 && smh_heap_metadata_size(&bad[3]) == 0,
                 "%s is said to want metadata for granule 24, or for 16 bits", good->engine->name);
    for (size_t i = 0; i < 8; i++) {
        must_refuse(&bad[i], i);
    }
    judge_granules(good, 32);
    judge_granules(good, 64);
    judge_half_given(good);
    judge_ranges(good);
    bad[0] = *good;
    bad[0].memory_size = 0;
    FUZZ_REQUIRE(smh_heap_init(&heap, NULL) == -EINVAL && smh_heap_init(NULL, good) == -EINVAL &&
                     smh_heap_init(&heap, &bad[0]) == -ENOMEM,
                 "NULL or 0 bytes are a heap");
}

static void judge_init(const struct smh_fuzz_region *region)
{
    static _Alignas(64) uint8_t room[MARGIN + 1024 + MARGIN];
    static const struct smh_engine *judged[16];
    struct smh_heap_config config = {
        .memory = room + MARGIN, .memory_size = 1024, .engine = region->engine};
    size_t known = 0;
    while (known < 16 && judged[known] != NULL && judged[known] != region->engine) {
        known++;
    }
    if (known < 16 && judged[known] == NULL) {
        judged[known] = region->engine;
        judge_forms(&config);
    }
    if (region->priority % 8 == 0) {
        config.granule = (size_t)3 << region->size % 60;
        must_refuse(&config, 8);
        config.granule = 0;
        config.target_bits = (unsigned)(1 + region->size / 64 % 31 + region->size % 3 * 32);
        must_refuse(&config, 9);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct smh_fuzz_input input;
    struct smh_fuzz_step step;
    smh_fuzz_open(&input, bytes, size);
    if (!fuzz_stage_open(&stage, &input.config, false)) {
        judge_refused(heap_of());
        return 0;
    }
    memset(&counts, 0, sizeof(counts));
    known_sound = false;
    judge_init(&input.config.regions[0]);
    while (smh_fuzz_next(&input, &step)) {
        stage.index = step.operation.site;
        do_step(&step);
    }
    validate();
    fuzz_drain(&stage, &calls);
    fuzz_stage_close(&stage);
    return 0;
}
