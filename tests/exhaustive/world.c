/* world.c: states, steps and the judgement on them. See world.h. */
#include "world_private.h"

#include "../../sim/model/contents.h"
#include "../../sim/model/oracle.h"
#include "../../sim/model/room.h"
#include "../../src/engine/zephyr_layout.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define METADATA_BYTES_MAX 2048u
#define GUARD_BYTES        64u
#define GUARD              0xC7
#define SUBSETS            4u /* of regions that are made to refuse */

const struct world_config world_defaults = {
    .target_bits = 64,
    .region_bytes = {128, 104},
    .sizes = {1, 16, 17, 24, 40, 72},
    .aligns = {0, 16, 32},
    .kept_bytes = 16,
};
const uint32_t world_attrs[WORLD_REGIONS] = {3, 5};
static const uint32_t masks[WORLD_MASKS] = {1, 2, 4, 6};

/* Both lie at fixed places of this process, as images hold addresses. */
static _Alignas(4096) uint8_t arena[WORLD_REGIONS][2 * GUARD_BYTES + WORLD_REGION_BYTES_MAX];
static _Alignas(64) uint8_t metadata[WORLD_REGIONS][METADATA_BYTES_MAX];
struct world_config world_config;
struct smh_pool_slot world_slots[WORLD_REGIONS];
struct world_live {
    uint16_t region;
    uint16_t offset;
    uint16_t usable;
    uint16_t unused;
};

static struct world_live world_lives[WORLD_LIVE_MAX];
size_t world_live_count;
static struct smh_scenario scenario;
static struct smh_region_config region_configs[WORLD_REGIONS];
static struct smh_machine_region regions[WORLD_REGIONS];
static struct smh_machine machine;
static struct smh_oracle oracle;
static struct smh_result result;
static char violation[320];

__attribute__((format(printf, 1, 2))) static void complain(const char *format, ...)
{
    if (violation[0] == 0) {
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(violation, sizeof(violation), format, arguments);
        va_end(arguments);
    }
}

const char *world_violation(void)
{
    if (violation[0] == 0 && result.violation_count != 0) {
        complain("%s: %s", result.violations[0].oracle, result.violations[0].message);
    }
    return violation[0] != 0 ? violation : NULL;
}

uint8_t *world_memory_of(size_t region)
{
    return arena[region] + GUARD_BYTES;
}

/* --- opening --------------------------------------------------------------------------------- */

static bool is_match(uint32_t region_attr, uint32_t request_attr)
{
    return (request_attr & ~region_attr) == 0;
}

static bool add_region(size_t index)
{
    static const char *const names[WORLD_REGIONS] = {"r0", "r1"};
    struct smh_heap_config heap = {
        .memory_size = world_config.region_bytes[index],
        .granule = world_config.granule,
        .target_bits = world_config.target_bits,
        .engine = world_config.engine,
    };
    struct smh_region region = {
        .attr = world_attrs[index],
        .addr = (uintptr_t)world_memory_of(index),
        .size = world_config.region_bytes[index],
        .engine = &world_engine,
        .granule = world_config.granule,
        .target_bits = world_config.target_bits,
        .metadata = metadata[index],
        .metadata_size = smh_heap_metadata_size(&heap),
    };
    memset(arena[index], GUARD, sizeof(arena[index]));
    memset(world_memory_of(index), WORLD_WIPED, world_config.region_bytes[index]);
    memset(metadata[index], WORLD_WIPED, sizeof(metadata[index]));
    regions[index].memory = world_memory_of(index);
    regions[index].size = world_config.region_bytes[index];
    regions[index].metadata_bytes = region.metadata_size;
    region_configs[index] = (struct smh_region_config){.attr = world_attrs[index]};
    memcpy(&region_configs[index].name, &names[index], sizeof(names[index]));
    return region.metadata_size <= METADATA_BYTES_MAX && smh_pool_add(&machine.pool, &region) == 0;
}

bool world_open(const struct world_config *wanted)
{
    static char name[] = "exhaustive";
    struct smh_pool_config pool = {.match = smh_match_all_bits,
                                   .slots = world_slots,
                                   .slot_count = WORLD_REGIONS,
                                   .unlocked = true};
    struct smh_error error;
    smh_oracle_close(&oracle);
    world_config = *wanted;
    world_wrap_engine(world_config.engine);
    memset(&machine, 0, sizeof(machine));
    memset(&result, 0, sizeof(result));
    memset(world_lives, 0, sizeof(world_lives));
    world_live_count = 0;
    violation[0] = 0;
    scenario.path = name;
    scenario.name = name;
    scenario.match = is_match;
    scenario.machine.regions = region_configs;
    scenario.machine.region_count = WORLD_REGIONS;
    machine.scenario = &scenario;
    machine.policy = &smh_policy_add_order;
    machine.slots = world_slots;
    machine.regions = regions;
    machine.region_count = WORLD_REGIONS;
    if (smh_pool_init(&machine.pool, &pool) != 0 || !add_region(0) || !add_region(1)) {
        return false;
    }
    return smh_oracle_open(&oracle, &machine, &result, SMH_CHECKS_ALL, &error) == 0;
}

/* --- the state ----------------------------------------------------------------------------------
 */

void world_for_each_part(world_part part, uint64_t **cursor)
{
    part(&machine.pool, offsetof(struct smh_pool, built_in), cursor);
    part(world_slots, sizeof(world_slots), cursor);
    for (size_t i = 0; i < WORLD_REGIONS; i++) {
        part(metadata[i], (size_t)regions[i].metadata_bytes, cursor);
        part(world_memory_of(i), world_config.region_bytes[i], cursor);
    }
    part(&world_live_count, sizeof(world_live_count), cursor);
    part(world_lives, sizeof(world_lives), cursor);
}

/* --- live blocks ----------------------------------------------------------------------------- */

void *world_block(size_t live)
{
    return world_memory_of(world_lives[live].region) + world_lives[live].offset;
}

static struct smh_live live_at(size_t index)
{
    const struct world_live *live = &world_lives[index];
    return (struct smh_live){
        .block = world_memory_of(live->region) + live->offset,
        .bytes = live->usable,
        .serial = (uint64_t)live->region << 16 | live->offset,
        .usable = live->usable,
        .region = live->region,
    };
}

static void remove_live(size_t index)
{
    world_live_count--;
    memmove(&world_lives[index], &world_lives[index + 1],
            (world_live_count - index) * sizeof(world_lives[0]));
    memset(&world_lives[world_live_count], 0, sizeof(world_lives[0]));
}

/* A block enters at its place in the order, and is filled with the pattern of its place. */
static void enter_live(const struct smh_live *live)
{
    struct world_live entry = {
        .region = live->region,
        .offset = (uint16_t)((uintptr_t)live->block - (uintptr_t)world_memory_of(live->region)),
        .usable = (uint16_t)live->usable,
    };
    size_t place = world_live_count;
    if (world_live_count == WORLD_LIVE_MAX) {
        complain("more than %u blocks are live", WORLD_LIVE_MAX);
        return;
    }
    while (place > 0 && (world_lives[place - 1].region > entry.region ||
                         (world_lives[place - 1].region == entry.region &&
                          world_lives[place - 1].offset > entry.offset))) {
        world_lives[place] = world_lives[place - 1];
        place--;
    }
    world_lives[place] = entry;
    world_live_count++;
    struct smh_live canonical = live_at(place);
    smh_contents_fill(canonical.block, canonical.serial, 0, canonical.usable);
}

/* Brings the shared oracle to the present state. */
static void brief_oracle(void)
{
    for (size_t i = 0; i < WORLD_REGIONS; i++) {
        memset(oracle.shadows[i].words, 0, (oracle.shadows[i].bits / 64 + 1) * sizeof(uint64_t));
        oracle.live_blocks[i] = 0;
    }
    for (size_t i = 0; i < world_live_count; i++) {
        (void)smh_shadow_own(&oracle.shadows[world_lives[i].region], world_lives[i].offset,
                             world_lives[i].usable);
        oracle.live_blocks[world_lives[i].region]++;
    }
    oracle.probe = 1;
    oracle.nulls_seen = 0;
}

/* --- judging --------------------------------------------------------------------------------- */

/* Regions that stand before `served` and could have: none. Asked before the step is executed. */
static unsigned rooms_before(const struct smh_operation *operation)
{
    unsigned rooms = 0;
    for (size_t i = 0; i < WORLD_REGIONS; i++) {
        if ((world_calls.refusing >> i & 1u) == 0 && is_match(world_attrs[i], operation->attr) &&
            smh_room_for(&world_slots[i].heap, operation->align, (size_t)operation->bytes)) {
            rooms |= 1u << i;
        }
    }
    return rooms;
}

/* Guards are in no image: each step is judged. */
static void judge_guards(void)
{
    static const uint64_t guard = UINT64_C(0x0101010101010101) * GUARD;
    uint64_t different = 0;
    for (size_t i = 0; i < WORLD_REGIONS; i++) {
        const uint8_t *before = arena[i];
        const uint8_t *behind = before + GUARD_BYTES + world_config.region_bytes[i];
        for (size_t j = 0; j < GUARD_BYTES; j += 8) {
            uint64_t words[2];
            memcpy(&words[0], before + j, 8);
            memcpy(&words[1], behind + j, 8);
            different |= (words[0] ^ guard) | (words[1] ^ guard);
        }
        if (different != 0) {
            complain("guard: a byte beside r%zu was written", i);
        }
    }
}

/* Every block is where it was, as large as it was, and holds what it held. */
static void judge_blocks(void)
{
    for (size_t i = 0; i < world_live_count; i++) {
        struct smh_live live = live_at(i);
        smh_oracle_contents(&oracle, &live, 0, live.usable, 0);
        size_t usable = smh_pool_usable_size(&machine.pool, live.block);
        if (usable != live.usable || smh_pool_index_of(&machine.pool, live.block) != live.region) {
            complain("size: r%u+0x%x: %u bytes usable, the pool says %zu", world_lives[i].region,
                     world_lives[i].offset, world_lives[i].usable, usable);
        }
    }
}

static void judge_heaps(void)
{
    for (size_t i = 0; i < WORLD_REGIONS; i++) {
        struct smh_fault fault = {0};
        if (smh_heap_check(&world_slots[i].heap, &fault) != 0) {
            complain("heap: r%zu+0x%zx: %s", i, fault.offset, fault.rule);
        }
        if (world_slots[i].heap.live_blocks != oracle.live_blocks[i]) {
            complain("heap: r%zu counts %zu live blocks, there are %" PRIu64, i,
                     world_slots[i].heap.live_blocks, oracle.live_blocks[i]);
        }
    }
}

/* The counters have grown by what the engines were asked; then they begin anew. */
static void judge_counters(const struct smh_pool_slot *before, uint64_t failed_before, bool failed)
{
    if (machine.pool.failed_requests != failed_before + failed) {
        complain("counters: the pool counts %" PRIu64 " failures, not %d",
                 machine.pool.failed_requests - failed_before, failed);
    }
    for (size_t i = 0; i < WORLD_REGIONS; i++) {
        struct smh_heap *heap = &world_slots[i].heap;
        const struct smh_heap *was = &before[i].heap;
        /* Sliding counts as one more, and is no request. */
        if (heap->failed_requests - was->failed_requests != world_calls.refused[i] ||
            (world_engine.slide == NULL &&
             heap->allocated_blocks - was->allocated_blocks != world_calls.served[i])) {
            complain("counters: r%zu counts %" PRIu64 " served and %" PRIu64
                     " refused, not %u and %u",
                     i, heap->allocated_blocks - was->allocated_blocks,
                     heap->failed_requests - was->failed_requests, world_calls.served[i],
                     world_calls.refused[i]);
        }
        if (heap->peak_used_bytes < was->peak_used_bytes ||
            heap->peak_used_bytes < heap->used_bytes) {
            complain("counters: the peak of r%zu sinks", i);
        }
        heap->failed_requests = 0;
        heap->allocated_blocks = heap->live_blocks;
        smh_heap_reset_peak(heap);
        if (world_config.engine == &smh_engine_zephyr ||
            world_config.engine == &smh_engine_zephyr_stats) {
            smh_zephyr_reset_peak(heap);
        }
    }
    machine.pool.failed_requests = 0;
}

/* Free space behind what an engine may keep there becomes equal, whatever lay there before. */
static void wipe_free_space(void)
{
    for (size_t i = 0; i < WORLD_REGIONS; i++) {
        struct smh_chunk chunk = {0};
        while (smh_heap_walk(&world_slots[i].heap, &chunk)) {
            if (!chunk.used && chunk.size > world_config.kept_bytes) {
                memset(world_memory_of(i) + chunk.offset + world_config.kept_bytes, WORLD_WIPED,
                       chunk.size - world_config.kept_bytes);
            }
        }
    }
}

/* --- steps ----------------------------------------------------------------------------------- */

bool world_next_step(unsigned *index, unsigned asked, struct world_step *step)
{
    const unsigned requests = WORLD_SIZES * WORLD_ALIGNS * WORLD_MASKS;
    unsigned forced = *index % SUBSETS;
    while (forced != 0) {
        *index += 1;
        if ((forced & ~asked) == 0) {
            step->refusing = (uint8_t)forced;
            return true;
        }
        forced = *index % SUBSETS;
    }
    unsigned number = *index / SUBSETS;
    unsigned request = number - (unsigned)world_live_count; /* wraps for a free */
    memset(step, 0, sizeof(*step));
    if (number < world_live_count) {
        step->kind = WORLD_FREE;
        step->live = (uint8_t)number;
    } else if (request >= requests * (1 + (unsigned)world_live_count)) {
        return false;
    } else {
        step->kind = request < requests ? WORLD_ALLOC : WORLD_REALLOC;
        step->live = (uint8_t)(request < requests ? 0 : request / requests - 1);
        step->mask = (uint8_t)(request % WORLD_MASKS);
        step->align = (uint8_t)(request / WORLD_MASKS % WORLD_ALIGNS);
        step->size = (uint8_t)(request / WORLD_MASKS / WORLD_ALIGNS % WORLD_SIZES);
    }
    *index += 1;
    return true;
}

struct smh_operation world_operation_of(const struct world_step *step)
{
    static const uint8_t kinds[] = {SMH_OPERATION_ALLOC, SMH_OPERATION_FREE, SMH_OPERATION_REALLOC};
    return (struct smh_operation){
        .kind = kinds[step->kind],
        .bytes = world_config.sizes[step->size],
        .align = (uint32_t)world_config.aligns[step->align],
        .attr = masks[step->mask],
    };
}

static void judge_refusal(const struct smh_operation *operation, unsigned rooms)
{
    if (world_calls.refusing == 0) {
        smh_oracle_null(&oracle, operation, 0);
    } else if (rooms != 0) {
        complain("null: %" PRIu64 " bytes are refused, and a region that could serve was not "
                 "made to refuse",
                 operation->bytes);
    }
}

/* A block was returned: kept bytes came from the block at `from` (NULL: none). */
static void judge_block(const struct smh_operation *operation, void *block, struct smh_live *live,
                        uint64_t kept, const uint64_t *used, unsigned rooms)
{
    int region = smh_pool_index_of(&machine.pool, block);
    if (region < 0) {
        complain("region: a block in no region");
        return;
    }
    bool stays = kept != 0 && region == live->region;
    live->block = block;
    live->bytes = operation->bytes;
    live->align = operation->align;
    live->attr = operation->attr;
    live->region = (uint16_t)region;
    if (!stays && (rooms & ((1u << region) - 1u)) != 0) {
        complain("order: r%d serves %" PRIu64 " bytes, r0 before it has room", region,
                 operation->bytes);
    }
    smh_oracle_allocated(&oracle, live, operation, used[region], kept, 0);
    if (world_violation() == NULL) {
        enter_live(live);
    }
}

/* Whether the answer was NULL. */
static bool do_request(const struct world_step *step, const struct smh_operation *operation)
{
    uint64_t used[WORLD_REGIONS] = {world_slots[0].heap.used_bytes, world_slots[1].heap.used_bytes};
    unsigned rooms = rooms_before(operation);
    size_t bytes = (size_t)operation->bytes;
    struct smh_live live = {0};
    uint64_t kept = 0;
    void *block;
    if (step->kind == WORLD_ALLOC) {
        block = smh_pool_aligned_alloc(&machine.pool, operation->attr, operation->align, bytes);
    } else {
        live = live_at(step->live);
        kept = live.usable < bytes ? live.usable : bytes;
        smh_oracle_leaving(&oracle, &live, 0);
        block = smh_pool_aligned_realloc(&machine.pool, operation->attr, live.block,
                                         operation->align, bytes);
    }
    if (block != NULL) {
        if (step->kind == WORLD_REALLOC) {
            remove_live(step->live);
        }
        judge_block(operation, block, &live, kept, used, rooms);
        return false;
    }
    if (step->kind == WORLD_REALLOC) {
        smh_oracle_retake(&oracle, &live, 0);
    }
    judge_refusal(operation, rooms);
    return true;
}

static void do_free(const struct world_step *step)
{
    struct smh_live live = live_at(step->live);
    smh_oracle_leaving(&oracle, &live, 0);
    int code = smh_pool_free(&machine.pool, live.block);
    if (code != 0) {
        complain("verdict: free of a live block gives %d", code);
    }
    smh_oracle_freed(&oracle, &live, 0);
    remove_live(step->live);
}

unsigned world_apply(const struct world_step *step)
{
    struct smh_operation operation = world_operation_of(step);
    struct smh_pool_slot before[WORLD_REGIONS];
    uint64_t failed_before = machine.pool.failed_requests;
    bool failed = false;
    memcpy(before, world_slots, sizeof(before));
    memset(&world_calls, 0, sizeof(world_calls));
    world_calls.refusing = step->refusing;
    brief_oracle();
    if (step->kind == WORLD_FREE) {
        do_free(step);
    } else {
        failed = do_request(step, &operation);
    }
    unsigned asked = world_calls.asked;
    world_calls.refusing = 0;
    judge_guards();
    judge_counters(before, failed_before, failed);
    wipe_free_space();
    return asked;
}

/* --- the state by itself --------------------------------------------------------------------- */

static int truth_about(size_t region, size_t offset)
{
    for (size_t i = 0; i < world_live_count; i++) {
        if (world_lives[i].region == region &&
            offset - world_lives[i].offset < world_lives[i].usable) {
            return offset == world_lives[i].offset ? 0 : -EINVAL;
        }
    }
    struct smh_chunk chunk = {0};
    while (smh_heap_walk(&world_slots[region].heap, &chunk)) {
        if (!chunk.used && offset - chunk.offset < chunk.size) {
            return -EALREADY;
        }
    }
    return -EINVAL;
}

static void judge_verdicts(void)
{
    for (size_t region = 0; region < WORLD_REGIONS; region++) {
        for (size_t offset = 0; offset < world_config.region_bytes[region]; offset++) {
            uint8_t *address = world_memory_of(region) + offset;
            int truth = truth_about(region, offset);
            int code = truth == 0 ? smh_pool_verdict(&machine.pool, address)
                                  : smh_pool_free(&machine.pool, address);
            if (code != truth) {
                complain("verdict: r%zu+0x%zx is judged %d, is %d", region, offset, code, truth);
                return;
            }
        }
        for (int beside = 0; beside < 2; beside++) {
            uint8_t *address = beside == 0
                                   ? world_memory_of(region) - 1
                                   : world_memory_of(region) + world_config.region_bytes[region];
            if (smh_pool_free(&machine.pool, address) != -ENOENT) {
                complain("verdict: an address beside r%zu is not told apart", region);
            }
        }
    }
}

/* The largest free block that is promised is served, and no larger one. */
static void judge_largest(const struct world_image *image)
{
    for (size_t i = 0; i < WORLD_REGIONS; i++) {
        struct smh_heap *heap = &world_slots[i].heap;
        struct smh_stats stats;
        smh_heap_stats(heap, &stats);
        size_t bytes = stats.largest_free_bytes;
        if (smh_heap_alloc(heap, bytes + 1) != NULL ||
            (bytes != 0 && smh_heap_alloc(heap, bytes) == NULL)) {
            complain("largest: r%zu promises %zu bytes", i, bytes);
        }
        world_restore(image);
    }
}

/* Frees everything, from the first block on or from the last: each region is as at the start. */
static void judge_restored(bool backwards)
{
    brief_oracle();
    while (world_live_count > 0 && world_violation() == NULL) {
        struct world_step step = {.kind = WORLD_FREE,
                                  .live = (uint8_t)(backwards ? world_live_count - 1 : 0)};
        do_free(&step);
    }
    judge_heaps();
    smh_oracle_restored(&oracle, 0);
}

void world_judge_state(void)
{
    static struct world_image image;
    static struct world_image after;
    world_save(&image);
    brief_oracle();
    judge_blocks();
    judge_heaps();
    judge_verdicts();
    world_save(&after);
    if (memcmp(image.words, after.words, world_image_words() * 8) != 0) {
        complain("verdict: a refused free has changed something");
    }
    judge_largest(&image);
    judge_restored(false);
    world_restore(&image);
    judge_restored(true);
    world_restore(&image);
}
