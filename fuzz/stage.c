/* stage.c: memory, oracle and live blocks of a target. See stage.h. */
#include "stage.h"

#include "naive/naive_tables.h"

#include "../sim/clock.h"
#include "../sim/model/contents.h"
#include "../sim/model/room.h"

#include <smh/port.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define METADATA_MAX ((size_t)1 << 17)

_Alignas(1 << 16) static uint8_t arena[SMH_FUZZ_REGIONS_MAX * SMH_FUZZ_STRIDE];
_Alignas(64) static uint8_t metadata[SMH_FUZZ_REGIONS_MAX][METADATA_MAX];
static struct smh_result result;

uint64_t fuzz_operations;
const struct smh_engine *fuzz_forced_engine;
uint64_t fuzz_steps;
uint64_t fuzz_alarm;
void (*fuzz_alarm_rings)(void);

__attribute__((no_sanitize("address", "undefined"))) void __wrap___sanitizer_cov_trace_pc(void)
{
    if (++fuzz_steps == fuzz_alarm) {
        fuzz_alarm_rings();
    }
}

void fuzz_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)fprintf(stderr, "%s: ", fuzz_target);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
    va_end(arguments);
    abort();
}

static void judge(const struct fuzz_stage *stage)
{
    if (result.violation_count != 0) {
        fuzz_fail("step %llu: %s: %s", (unsigned long long)stage->index,
                  result.violations[0].oracle, result.violations[0].message);
    }
}

int __asan_address_is_poisoned(const volatile void *address) __attribute__((weak));

/* Whether AddressSanitizer, where there is one, lets each end of the arena be touched. */
static void judge_poison(bool poisoned)
{
    const uint8_t *last = arena + sizeof(arena) - 1;
    FUZZ_REQUIRE(__asan_address_is_poisoned == NULL ||
                     (!__asan_address_is_poisoned(arena) == !poisoned &&
                      !__asan_address_is_poisoned(last) == !poisoned),
                 "the port's hooks poison nothing, or do not undo it");
}

/* Once: all of it is out of bounds until a region is laid into it. */
static void close_arena(void)
{
    static bool closed;
    if (!closed) {
        closed = true;
        smh_port_poison(arena, sizeof(arena));
        judge_poison(true);
        smh_port_unpoison(arena, sizeof(arena));
        judge_poison(false);
        smh_port_poison(arena, sizeof(arena));
        smh_port_poison(metadata, sizeof(metadata));
    }
}

static const struct smh_engine *engine_of(const struct smh_fuzz_region *region)
{
    return fuzz_forced_engine != NULL ? fuzz_forced_engine : region->engine;
}

static struct smh_heap_config heap_config(const struct fuzz_stage *stage,
                                          const struct smh_fuzz_config *config, size_t index)
{
    const struct smh_fuzz_region *region = &config->regions[index];
    return (struct smh_heap_config){
        .memory = stage->memory[index],
        .memory_size = stage->size[index],
        .granule = region->granule,
        .target_bits = region->target_bits,
        .engine = engine_of(region),
    };
}

/* Lays region `index` into the arena, and its metadata beside. */
static void lay_out(struct fuzz_stage *stage, const struct smh_fuzz_config *config, size_t index,
                    bool pool)
{
    static const char *const names[SMH_FUZZ_REGIONS_MAX] = {"r0", "r1", "r2", "r3"};
    const struct smh_fuzz_region *region = &config->regions[index];
    struct smh_machine_region *placed = &stage->regions[index];
    struct smh_region_config *described = &stage->region_configs[index];
    size_t odd = pool ? 0 : region->odd;
    placed->memory = arena + config->places[index] * SMH_FUZZ_STRIDE + region->head;
    placed->size = odd + region->size;
    stage->memory[index] = placed->memory + odd;
    stage->size[index] = region->size;
    smh_port_unpoison(stage->memory[index], region->size);
    /* Nothing of the input before, so that a failure repeats. */
    memset(stage->memory[index], 0xA5, region->size);
    *described =
        (struct smh_region_config){.attr = region->attr, .reserve_bytes = region->reserve_bytes};
    memcpy(&described->name, &names[index], sizeof(described->name));
    struct smh_heap_config heap = heap_config(stage, config, index);
    size_t wanted = smh_heap_metadata_size(&heap);
    bool given = region->metadata && wanted <= METADATA_MAX;
    /* At any address, and its end is the end of what may be touched. */
    stage->metadata[index] = metadata[index] + (8 - wanted % 8) % 8;
    stage->metadata_bytes[index] = given ? wanted : 0;
    smh_port_unpoison(metadata[index], 8);
    smh_port_unpoison(stage->metadata[index], stage->metadata_bytes[index]);
    memset(stage->metadata[index], 0xA5, stage->metadata_bytes[index]);
    if (stage->metadata_bytes[index] == 0 && (engine_of(region)->flags & SMH_ENGINE_EXACT) == 0) {
        stage->exact = false;
    }
}

/* Tables of fewer bytes than asked for, which begin later or end sooner: refused, or laid within
 * these bytes. */
static void try_less_metadata(struct fuzz_stage *stage, const struct smh_fuzz_config *config)
{
    struct smh_heap_config heap = heap_config(stage, config, 0);
    size_t less = 1 + (size_t)config->regions[0].odd;
    if (stage->metadata_bytes[0] > less) {
        bool behind = config->regions[0].cost % 2 == 0;
        heap.metadata = (uint8_t *)stage->metadata[0] + (behind ? 0 : less);
        heap.metadata_size = stage->metadata_bytes[0] - less;
        int code = smh_heap_init(&stage->slots[0].heap, &heap);
        FUZZ_REQUIRE(code == 0 || code == -ENOMEM || code == -EINVAL,
                     "metadata of %zu bytes is answered by %d", heap.metadata_size, code);
        const struct smh_heap *made = &stage->slots[0].heap;
        FUZZ_REQUIRE(code != 0 || (size_t)(made->metadata - (uint8_t *)heap.metadata) +
                                          made->metadata_size <=
                                      heap.metadata_size,
                     "tables of %zu bytes leave their %zu bytes", made->metadata_size,
                     heap.metadata_size);
    }
}

/* Of metadata that is not given the size is of no account. */
static size_t metadata_size_of(const struct fuzz_stage *stage, const struct smh_fuzz_config *config,
                               size_t index)
{
    return stage->metadata_bytes[index] != 0 ? stage->metadata_bytes[index]
                                             : config->regions[index].size % 4096;
}

static int open_heap(struct fuzz_stage *stage, const struct smh_fuzz_config *config)
{
    try_less_metadata(stage, config);
    struct smh_heap_config heap = heap_config(stage, config, 0);
    heap.metadata = stage->metadata_bytes[0] != 0 ? stage->metadata[0] : NULL;
    heap.metadata_size = metadata_size_of(stage, config, 0);
    int code = smh_heap_init(&stage->slots[0].heap, &heap);
    if (code != 0 && heap.metadata != NULL) {
        /* What is refused with tables of the size that was asked for is refused without, too. */
        heap.metadata = NULL;
        heap.metadata_size = 0;
        FUZZ_REQUIRE(smh_heap_init(&stage->slots[0].heap, &heap) != 0,
                     "metadata of %zu bytes, as smh_heap_metadata_size says, is refused (%d)",
                     stage->metadata_bytes[0], code);
    }
    if (code == 0) {
        naive_judge_tables(&stage->slots[0].heap, &heap, smh_heap_metadata_size(&heap));
    }
    return code;
}

static size_t slot_count_of(const struct smh_fuzz_config *config)
{
    return config->spare_slot ? SMH_FUZZ_REGIONS_MAX : config->region_count;
}

/* Written down a second time: the oracle does not ask the core what matches. */
static bool is_equal(uint32_t region_attr, uint32_t request_attr)
{
    return region_attr == request_attr;
}

static bool has_all_bits(uint32_t region_attr, uint32_t request_attr)
{
    return (request_attr & ~region_attr) == 0;
}

/* The core's match function, or one that it does not know, which says the same. */
static smh_match match_of(const struct smh_fuzz_config *config)
{
    if (config->regions[SMH_FUZZ_REGIONS_MAX - 1].priority % 4 != 0) {
        return config->match;
    }
    return config->match == smh_match_equal ? is_equal : has_all_bits;
}

uint32_t fuzz_cost(const struct smh_fuzz_region *region)
{
    static const uint32_t costs[] = {1, 2, 127, 256, 257, 65536, 65793, UINT32_MAX};
    return costs[(region->cost - 1) % 8];
}

uint32_t fuzz_priority(const struct smh_fuzz_region *region)
{
    return region->priority < 16 ? region->priority : UINT32_C(1) << region->priority;
}

uint64_t fuzz_seed_of(const uint8_t *bytes, size_t size)
{
    uint64_t seed = size;
    for (size_t at = 0; at < size; at += 8) {
        uint64_t word = 0;
        memcpy(&word, bytes + at, size - at < 8 ? size - at : 8);
        seed = (seed ^ word ^ seed >> 29) * UINT64_C(0x9E3779B97F4A7C15);
    }
    return seed >> 16; /* the lowest bits are the least mixed */
}

bool fuzz_has_room(const struct smh_heap *heap, const struct smh_operation *operation)
{
    return smh_room_for(heap, operation->align, (size_t)operation->bytes);
}

static int open_pool(struct fuzz_stage *stage, const struct smh_fuzz_config *config)
{
    struct smh_pool_config pool = {
        .match = match_of(config),
        .policy = config->policy,
        .slots = stage->slots,
        .slot_count = slot_count_of(config),
        .unlocked = true,
        .threshold_bytes = config->threshold_bytes,
    };
    /* What lay there before is of no account, not even an address below all regions. */
    memset(stage->slots, 0xA5, pool.slot_count * sizeof(stage->slots[0]));
    for (size_t i = 0; i < pool.slot_count; i++) {
        stage->slots[i].address_at = 8;
    }
    int code = smh_pool_init(&stage->machine.pool, &pool);
    for (size_t i = 0; code == 0 && i < config->region_count; i++) {
        const struct smh_fuzz_region *from = &config->regions[i];
        struct smh_region region = {
            .attr = from->attr,
            .addr = (uintptr_t)stage->memory[i],
            .size = from->size,
            .engine = engine_of(from),
            .granule = from->granule,
            .target_bits = from->target_bits,
            .metadata = stage->metadata_bytes[i] != 0 ? stage->metadata[i] : NULL,
            .metadata_size = metadata_size_of(stage, config, i),
            .reserve_bytes = from->reserve_bytes,
            .cost = fuzz_cost(from),
            .priority = fuzz_priority(from),
        };
        code = smh_pool_add(&stage->machine.pool, &region);
    }
    return code;
}

static void hide_regions(const struct fuzz_stage *stage)
{
    for (size_t i = 0; i < stage->machine.region_count; i++) {
        smh_port_poison(stage->memory[i], stage->size[i] + 8);
        smh_port_poison(metadata[i], stage->metadata_bytes[i] + 16);
    }
}

/* What a pool knows by heart, its match functions say as well; always the same, so once. */
static void judge_matches(void)
{
    static bool judged;
    if (judged) {
        return;
    }
    judged = true;
    for (uint32_t pair = 0; pair < 64; pair++) {
        uint32_t region_attr = pair / 8;
        uint32_t request_attr = pair % 8;
        FUZZ_REQUIRE(smh_match_equal(region_attr, request_attr) ==
                             is_equal(region_attr, request_attr) &&
                         smh_match_all_bits(region_attr, request_attr) ==
                             has_all_bits(region_attr, request_attr),
                     "a region of attribute %u and a request for %u: the match errs", region_attr,
                     request_attr);
    }
}

void fuzz_stage_lay(struct fuzz_stage *stage, const struct smh_fuzz_config *config, bool all)
{
    static char name[] = "fuzz";
    close_arena();
    judge_matches();
    memset(stage, 0, sizeof(*stage));
    stage->exact = true;
    stage->scenario.path = name;
    stage->scenario.name = name;
    stage->scenario.match = all && config->match == smh_match_all_bits ? has_all_bits : is_equal;
    stage->scenario.policy = config->policy;
    stage->scenario.machine.regions = stage->region_configs;
    stage->machine.scenario = &stage->scenario;
    stage->machine.policy = config->policy;
    stage->machine.slots = stage->slots;
    stage->machine.regions = stage->regions;
    stage->machine.region_count = all ? config->region_count : 1;
    stage->scenario.machine.region_count = stage->machine.region_count;
    for (size_t i = 0; i < stage->machine.region_count; i++) {
        lay_out(stage, config, i, all);
    }
    if (!all) {
        stage->region_configs[0].attr = 0;
        stage->region_configs[0].reserve_bytes = 0;
    }
}

void fuzz_stage_watch(struct fuzz_stage *stage)
{
    struct smh_error error;
    FUZZ_REQUIRE(
        smh_oracle_open(&stage->oracle, &stage->machine, &result, SMH_CHECKS_ALL, &error) == 0,
        "%s", error.message);
}

bool fuzz_stage_open(struct fuzz_stage *stage, const struct smh_fuzz_config *config, bool pool)
{
    fuzz_stage_lay(stage, config, pool);
    if ((pool ? open_pool(stage, config) : open_heap(stage, config)) != 0) {
        hide_regions(stage);
        return false;
    }
    fuzz_stage_watch(stage);
    return true;
}

void fuzz_stage_close(struct fuzz_stage *stage)
{
    smh_oracle_close(&stage->oracle);
    hide_regions(stage);
}

void fuzz_hide(const struct smh_live *live)
{
    smh_port_poison(live->block, (size_t)live->usable);
}

void fuzz_show(const struct smh_live *live)
{
    smh_port_unpoison(live->block, (size_t)live->usable);
}

static int region_of(const struct fuzz_stage *stage, const void *block)
{
    for (size_t i = 0; i < stage->machine.region_count; i++) {
        if ((uintptr_t)block - (uintptr_t)stage->memory[i] < stage->size[i]) {
            return (int)i;
        }
    }
    return -1;
}

void fuzz_entered(struct fuzz_stage *stage, struct smh_live *live,
                  const struct smh_operation *operation, void *block, uint64_t used_before,
                  uint64_t kept)
{
    int region = region_of(stage, block);
    FUZZ_REQUIRE(region >= 0, "step %llu: a block of %llu bytes lies in no region",
                 (unsigned long long)stage->index, (unsigned long long)operation->bytes);
    live->block = block;
    live->bytes = operation->bytes;
    live->attr = operation->attr;
    live->align = operation->align;
    live->region = (uint16_t)region;
    size_t offset = (uintptr_t)block - (uintptr_t)stage->memory[region];
    smh_oracle_allocated(&stage->oracle, live, operation, used_before, kept, stage->index);
    judge(stage);
    stage->held[region] += live->usable;
    FUZZ_REQUIRE(live->usable <= stage->size[region] - offset,
                 "step %llu: a block of %llu usable bytes leaves its region",
                 (unsigned long long)stage->index, (unsigned long long)live->usable);
    fuzz_hide(live);
}

void fuzz_leaving(struct fuzz_stage *stage, struct smh_live *live)
{
    fuzz_show(live);
    stage->free_most_before = stage->free_most[live->region];
    stage->used_before = stage->slots[live->region].heap.used_bytes;
    stage->free_most[live->region] = 0;
    stage->held[live->region] -= live->usable;
    /* Verdicts without a start bitmap are not promised to be exact. */
    if (!stage->exact) {
        stage->oracle.probe = UINT64_MAX;
    } else if (stage->serial % 8 == 0) {
        stage->oracle.probe = 1;
    }
    smh_oracle_leaving(&stage->oracle, live, stage->index);
    judge(stage);
}

void fuzz_left(struct fuzz_stage *stage, struct smh_live *live, int code)
{
    FUZZ_REQUIRE(code == 0, "step %llu: free of a live block of %llu bytes gave %d",
                 (unsigned long long)stage->index, (unsigned long long)live->bytes, code);
    size_t freed = stage->used_before - stage->slots[live->region].heap.used_bytes;
    if (stage->free_most_before != 0 && freed <= stage->used_before) {
        /* With a neighbour on either side; or, of buddies, twice the largest that was joined. */
        stage->free_most[live->region] = 2 * stage->free_most_before + freed;
    }
    smh_oracle_freed(&stage->oracle, live, stage->index);
    judge(stage);
    stage->freed[stage->freed_count++ % FUZZ_FREED_KEPT] = live->block;
    live->block = NULL;
}

void fuzz_stayed(struct fuzz_stage *stage, struct smh_live *live)
{
    stage->free_most[live->region] = 0;
    stage->held[live->region] += live->usable;
    smh_oracle_retake(&stage->oracle, live, stage->index);
    judge(stage);
    fuzz_hide(live);
}

/* Bytes of the largest free chunk; 1 at least. */
static size_t largest_chunk(const struct smh_heap *heap)
{
    struct smh_chunk chunk = {0};
    size_t largest = 1;
    while (smh_heap_walk(heap, &chunk)) {
        if (!chunk.used && chunk.size > largest) {
            largest = chunk.size;
        }
    }
    return largest;
}

/* Free chunks grow by frees and resizes alone, and by a free no further than its neighbours, so
 * that most refusals need no walk. */
void fuzz_refused(struct fuzz_stage *stage, const struct smh_operation *operation)
{
    for (size_t i = 0; operation->bytes != 0 && i < stage->machine.region_count; i++) {
        const struct smh_heap *heap = &stage->slots[i].heap;
        size_t enough =
            heap->engine->sufficient_chunk(heap, operation->align, (size_t)operation->bytes);
        if (enough > stage->size[i] - stage->held[i]) {
            continue;
        }
        if (stage->free_most[i] == 0 || enough <= stage->free_most[i]) {
            stage->free_most[i] = largest_chunk(heap);
        }
        if (enough <= stage->free_most[i]) {
            smh_oracle_null(&stage->oracle, operation, stage->index);
            judge(stage);
            return;
        }
    }
}

static void touch(struct fuzz_stage *stage, struct smh_live *live,
                  const struct smh_operation *operation)
{
    uint64_t from = operation->offset < live->bytes ? operation->offset : live->bytes;
    uint64_t rest = live->bytes - from;
    uint64_t to =
        operation->bytes == 0 || operation->bytes > rest ? live->bytes : from + operation->bytes;
    fuzz_show(live);
    if (operation->kind == SMH_OPERATION_CPU_WRITE) {
        smh_contents_fill(live->block, live->serial, from, to);
    } else {
        smh_oracle_contents(&stage->oracle, live, from, to, stage->index);
    }
    judge(stage);
    fuzz_hide(live);
}

void fuzz_operation(struct fuzz_stage *stage, const struct fuzz_calls *calls, struct smh_live *live,
                    struct smh_operation *operation)
{
    bool again = operation->kind == SMH_OPERATION_REALLOC;
    if (operation->kind <= SMH_OPERATION_CALLOC || (live->block == NULL && again)) {
        calls->alloc(live, operation);
    } else if (live->block == NULL) {
        return;
    } else if (operation->kind == SMH_OPERATION_FREE) {
        calls->free(live);
    } else if (again) {
        calls->realloc(live, operation);
    } else {
        touch(stage, live, operation);
    }
}

void fuzz_validate(struct fuzz_stage *stage, bool empty)
{
    for (size_t i = 0; i < stage->machine.region_count; i++) {
        const struct smh_heap *heap = &stage->slots[i].heap;
        struct smh_fault fault = {0};
        FUZZ_REQUIRE(smh_heap_check(heap, &fault) == 0, "step %llu: region %zu+0x%zx: %s",
                     (unsigned long long)stage->index, i, fault.offset, fault.rule);
        FUZZ_REQUIRE(heap->live_blocks == stage->oracle.live_blocks[i],
                     "step %llu: region %zu counts %zu live blocks, there are %llu",
                     (unsigned long long)stage->index, i, heap->live_blocks,
                     (unsigned long long)stage->oracle.live_blocks[i]);
    }
    if (empty) {
        smh_oracle_restored(&stage->oracle, stage->index);
    }
    judge(stage);
}

static const struct smh_live *owner_of(const struct fuzz_stage *stage, const void *address)
{
    for (size_t i = 0; i < SMH_FUZZ_SLOTS; i++) {
        const struct smh_live *live = &stage->live[i];
        if (live->block != NULL && (uintptr_t)address - (uintptr_t)live->block < live->usable) {
            return live;
        }
    }
    return NULL;
}

int fuzz_truth(const struct fuzz_stage *stage, size_t index, const void *address)
{
    size_t offset = (uintptr_t)address - (uintptr_t)stage->memory[index];
    if (offset >= stage->size[index]) {
        return -ENOENT;
    }
    const struct smh_live *owner = owner_of(stage, address);
    if (owner != NULL) {
        return owner->block == address ? 0 : -EINVAL;
    }
    struct smh_chunk chunk = {0};
    while (smh_heap_walk(&stage->slots[index].heap, &chunk)) {
        if (!chunk.used && offset >= chunk.offset && offset - chunk.offset < chunk.size) {
            return -EALREADY;
        }
    }
    return -EINVAL;
}

void *fuzz_wild_pointer(const struct fuzz_stage *stage, const struct smh_fuzz_step *step)
{
    size_t index = step->operation.slot % stage->machine.region_count;
    uint8_t *memory = stage->memory[index];
    size_t size = stage->size[index];
    const struct smh_live *live = &stage->live[step->operation.slot];
    size_t far;
    switch (step->misuse) {
    case SMH_FUZZ_MISUSE_INSIDE:
        return live->block == NULL ? NULL
                                   : (uint8_t *)live->block + step->argument % (live->usable + 8);
    case SMH_FUZZ_MISUSE_AGAIN:
        return stage->freed[step->argument % FUZZ_FREED_KEPT];
    case SMH_FUZZ_MISUSE_ANYWHERE:
        return memory + (size_t)step->argument * size / 65536;
    case SMH_FUZZ_MISUSE_OUTSIDE:
        /* The nearest ones more often. */
        far = step->argument / 4 % 64;
        far = far < 32 ? far % 2 : far - 32;
        switch (step->argument % 4) {
        case 0:
            return memory - 1 - far;
        case 1:
            return memory + size + far;
        case 2:
            return (void *)(uintptr_t)(1u + step->argument);
        default:
            return (void *)(UINTPTR_MAX - step->argument);
        }
    default:
        return NULL;
    }
}

/* What a run has done, in a line, when the program ends. Processor time: the host may be busy. */
static void print_figures(void)
{
    if (fuzz_operations == 0) {
        return;
    }
    double seconds = (double)smh_clock_ns(CLOCK_PROCESS_CPUTIME_ID) / 1e9;
    (void)fprintf(stderr, "%s: %llu checked operations in %.1f s, %.2f million a second\n",
                  fuzz_target, (unsigned long long)fuzz_operations, seconds,
                  (double)fuzz_operations / seconds / 1e6);
}

__attribute__((constructor)) static void print_figures_at_exit(void)
{
    (void)atexit(print_figures);
}
