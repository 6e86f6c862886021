/* stage_memory.c: the memory of a target's regions, and heaps in it. See stage.h. */
#include "stage.h"

#include "naive/naive_tables.h"

#include <smh/port.h>

#define METADATA_MAX ((size_t)1 << 17)

_Alignas(1 << 16) static uint8_t arena[SMH_FUZZ_REGIONS_MAX * SMH_FUZZ_STRIDE];
_Alignas(64) static uint8_t metadata[SMH_FUZZ_REGIONS_MAX][METADATA_MAX];

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
