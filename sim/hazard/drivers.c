/* drivers.c: see drivers.h. */
#include "drivers.h"

#include <string.h>

#define HEADER_BYTES  8
#define SMALL_STRIDE  40 /* header and up to 32 bytes */
#define ROW_LINES_MAX 4

static uint64_t below(struct smh_drivers *drivers, uint64_t bound)
{
    return smh_random_below(&drivers->random, bound);
}

static bool chance(struct smh_drivers *drivers, unsigned percent)
{
    return below(drivers, 100) < percent;
}

static uint32_t line_of(const struct smh_drivers *drivers)
{
    return drivers->scenario.machine.line_bytes;
}

static void draw_cache(struct smh_drivers *drivers, struct smh_cache_config *cache, uint64_t size)
{
    cache->size_bytes = size;
    cache->ways = 4;
    cache->policy = chance(drivers, 20) ? SMH_CACHE_WRITE_THROUGH : SMH_CACHE_WRITE_BACK;
    cache->write_allocate = chance(drivers, 80);
    cache->hit_cycles = 1;
}

void smh_drivers_open(struct smh_drivers *drivers, uint64_t seed)
{
    static char name[] = "ram";
    memset(drivers, 0, sizeof(*drivers));
    smh_random_init(&drivers->random, seed, 0);
    struct smh_machine_config *machine = &drivers->scenario.machine;
    machine->line_bytes = 16u << below(drivers, 4);
    machine->cores = 1 + (uint32_t)below(drivers, 3);
    machine->target_bits = 32;
    machine->store_buffer = chance(drivers, 25) ? 4 : 0;
    machine->dirty_hand_out = chance(drivers, 50);
    draw_cache(drivers, &machine->l1, 4096);
    if (chance(drivers, 30)) {
        draw_cache(drivers, &machine->l2, 65536);
    }
    machine->regions = &drivers->region;
    machine->region_count = 1;
    drivers->region = (struct smh_region_config){
        .name = name, .base = 0x20000000, .cache = SMH_CACHE_WRITE_BACK, .has_alias = true};
    drivers->row_bytes = (uint64_t)(1 + ROW_LINES_MAX) * line_of(drivers);
    uint64_t rows = (SMALL_STRIDE * SMH_DRIVERS_SMALL + 1023) / 1024 * 1024;
    for (unsigned i = 0; i < SMH_DRIVERS_ROWS; i++) {
        drivers->rows[i].offset = rows + i * drivers->row_bytes + line_of(drivers);
    }
    for (unsigned i = 0; i < SMH_DRIVERS_SMALL; i++) {
        drivers->small[i].offset = i * SMALL_STRIDE + HEADER_BYTES;
    }
    drivers->tables = rows + SMH_DRIVERS_ROWS * drivers->row_bytes;
    drivers->size = drivers->tables + 1024;
    drivers->region.size = drivers->size;
    drivers->omit = SMH_DRIVERS_NEVER;
    drivers->judge = smh_judge_open(&drivers->scenario, &drivers->size, NULL);
}

void smh_drivers_close(struct smh_drivers *drivers)
{
    smh_judge_close(drivers->judge);
}

/* --- one operation -------------------------------------------------------------------------------
 */

static void act_through(struct smh_drivers *drivers, enum smh_access_kind kind, uint8_t core,
                        uint64_t offset, uint64_t bytes, bool uncached)
{
    struct smh_access access = {.operation = drivers->operations++,
                                .offset = offset,
                                .bytes = bytes,
                                .core = core,
                                .kind = (uint8_t)kind,
                                .uncached = uncached};
    if (kind >= SMH_ACCESS_CLEAN && drivers->maintenance++ == drivers->omit) {
        return;
    }
    smh_judge_access(drivers->judge, &access);
}

static void act(struct smh_drivers *drivers, enum smh_access_kind kind, uint8_t core,
                uint64_t offset, uint64_t bytes)
{
    act_through(drivers, kind, core, offset, bytes, false);
}

/* The allocator reads and writes a header beside the block, or its table. */
static void allocate_metadata(struct smh_drivers *drivers, uint8_t core, uint64_t header)
{
    struct smh_access access = {.operation = drivers->operations++,
                                .offset = header,
                                .bytes = HEADER_BYTES,
                                .core = core,
                                .by_allocator = true};
    if (chance(drivers, 50)) {
        access.offset = drivers->tables + 4 * below(drivers, 64);
        access.bytes = 4;
    }
    access.kind = SMH_ACCESS_LOAD;
    smh_judge_access(drivers->judge, &access);
    access.kind = SMH_ACCESS_STORE;
    access.operation = drivers->operations++;
    smh_judge_access(drivers->judge, &access);
}

static void hand_out(struct smh_drivers *drivers, struct smh_driver_block *block, uint32_t slot,
                     uint8_t core, uint64_t bytes, uint32_t align)
{
    allocate_metadata(drivers, core, block->offset - HEADER_BYTES);
    struct smh_owner owner = {.operation = drivers->operations++,
                              .offset = block->offset,
                              .bytes = bytes,
                              .slot = slot,
                              .align = align,
                              .kind = SMH_OWNER_BLOCK};
    smh_judge_hand_out(drivers->judge, &owner, bytes);
    block->bytes = bytes;
    block->core = core;
    block->live = true;
    block->written = false;
}

static void give_back(struct smh_drivers *drivers, struct smh_driver_block *block, uint8_t core)
{
    smh_judge_free(drivers->judge, 0, block->offset, drivers->operations++);
    allocate_metadata(drivers, core, block->offset - HEADER_BYTES);
    block->live = false;
}

/* A part of the block, in steps of 4 bytes. */
static void draw_part(struct smh_drivers *drivers, const struct smh_driver_block *block,
                      uint64_t *offset, uint64_t *bytes)
{
    uint64_t words = block->bytes / 4;
    uint64_t first = below(drivers, words);
    *offset = block->offset + 4 * first;
    *bytes = 4 * (1 + below(drivers, words - first));
}

static void maintain(struct smh_drivers *drivers, enum smh_access_kind kind,
                     const struct smh_driver_block *block)
{
    act(drivers, kind, block->core, block->offset, block->bytes);
}

static void store_part(struct smh_drivers *drivers, struct smh_driver_block *block)
{
    uint64_t offset;
    uint64_t bytes;
    draw_part(drivers, block, &offset, &bytes);
    act(drivers, SMH_ACCESS_STORE, block->core, offset, bytes);
    block->written = true;
}

static void load_part(struct smh_drivers *drivers, const struct smh_driver_block *block)
{
    uint64_t offset;
    uint64_t bytes;
    draw_part(drivers, block, &offset, &bytes);
    act(drivers, SMH_ACCESS_LOAD, block->core, offset, bytes);
}

/* --- what drivers do -----------------------------------------------------------------------------
 */

/* A device writes the whole block. */
static void receive(struct smh_drivers *drivers, struct smh_driver_block *block)
{
    /* What stores have left dirty may be discarded as well as written back. */
    maintain(drivers, chance(drivers, 50) ? SMH_ACCESS_INVALIDATE : SMH_ACCESS_FLUSH, block);
    act(drivers, SMH_ACCESS_DMA_WRITE, 0, block->offset, block->bytes);
    if (chance(drivers, 20)) {
        act(drivers, SMH_ACCESS_DMA_WRITE, 0, block->offset, block->bytes);
    }
    maintain(drivers, SMH_ACCESS_INVALIDATE, block);
    block->written = true;
    load_part(drivers, block);
}

static void send(struct smh_drivers *drivers, struct smh_driver_block *block)
{
    store_part(drivers, block);
    maintain(drivers, chance(drivers, 70) ? SMH_ACCESS_CLEAN : SMH_ACCESS_FLUSH, block);
    act(drivers, SMH_ACCESS_DMA_READ, 0, block->offset, block->bytes);
}

/* Written by the core, then by a device in a part, and read by both. */
static void exchange(struct smh_drivers *drivers, struct smh_driver_block *block)
{
    uint64_t offset;
    uint64_t bytes;
    store_part(drivers, block);
    maintain(drivers, SMH_ACCESS_FLUSH, block);
    draw_part(drivers, block, &offset, &bytes);
    act(drivers, SMH_ACCESS_DMA_READ, 0, block->offset, block->bytes);
    act(drivers, SMH_ACCESS_DMA_WRITE, 0, offset, bytes);
    maintain(drivers, SMH_ACCESS_INVALIDATE, block);
    load_part(drivers, block);
}

static void move_to(struct smh_drivers *drivers, struct smh_driver_block *block, uint8_t core)
{
    maintain(drivers, SMH_ACCESS_FLUSH, block);
    block->core = core;
    maintain(drivers, SMH_ACCESS_INVALIDATE, block);
    load_part(drivers, block);
}

/* Through the uncached view and back. */
static void bypass(struct smh_drivers *drivers, struct smh_driver_block *block)
{
    uint64_t offset;
    uint64_t bytes;
    maintain(drivers, SMH_ACCESS_FLUSH, block);
    draw_part(drivers, block, &offset, &bytes);
    act_through(drivers, SMH_ACCESS_LOAD, block->core, offset, bytes, true);
    act_through(drivers, SMH_ACCESS_STORE, block->core, offset, bytes, true);
    act(drivers, SMH_ACCESS_BARRIER, block->core, 0, 0);
    act(drivers, SMH_ACCESS_DMA_READ, 0, block->offset, block->bytes);
    maintain(drivers, SMH_ACCESS_INVALIDATE, block);
    load_part(drivers, block);
}

static void use_row(struct smh_drivers *drivers, unsigned index)
{
    struct smh_driver_block *block = &drivers->rows[index];
    uint8_t core = (uint8_t)below(drivers, drivers->scenario.machine.cores);
    if (!block->live) {
        uint32_t line = line_of(drivers);
        hand_out(drivers, block, index, core, line * (1 + below(drivers, ROW_LINES_MAX)), line);
        /* The allocator, or whoever had the memory before on another core, may have left lines of
         * it in this core's cache. */
        maintain(drivers, SMH_ACCESS_INVALIDATE, block);
        return;
    }
    switch (below(drivers, 8)) {
    case 0:
        receive(drivers, block);
        break;
    case 1:
        send(drivers, block);
        break;
    case 2:
        exchange(drivers, block);
        break;
    case 3:
        move_to(drivers, block, core);
        break;
    case 4:
        bypass(drivers, block);
        break;
    case 5:
        maintain(drivers, SMH_ACCESS_FLUSH, block);
        give_back(drivers, block, core);
        break;
    case 6:
        load_part(drivers, block);
        break;
    default:
        store_part(drivers, block);
        break;
    }
}

/* Blocks that never leave core 0 need no maintenance, however they lie. */
static void use_small(struct smh_drivers *drivers, unsigned index)
{
    struct smh_driver_block *block = &drivers->small[index];
    if (!block->live) {
        hand_out(drivers, block, SMH_DRIVERS_ROWS + index, 0, 4 * (1 + below(drivers, 8)), 0);
    } else if (chance(drivers, 20)) {
        give_back(drivers, block, 0);
    } else if (chance(drivers, 50)) {
        store_part(drivers, block);
    } else {
        load_part(drivers, block);
    }
}

void smh_drivers_run(struct smh_drivers *drivers, uint64_t operations)
{
    while (drivers->operations < operations) {
        if (chance(drivers, 70)) {
            use_row(drivers, (unsigned)below(drivers, SMH_DRIVERS_ROWS));
        } else {
            use_small(drivers, (unsigned)below(drivers, SMH_DRIVERS_SMALL));
        }
    }
}
