/* memory_rig.c: a small memory system under test; memory_rig.h draws it. */
#include "memory_rig.h"

#include <criterion/criterion.h>
#include <string.h>

void rig_default(struct rig *rig)
{
    memset(rig, 0, sizeof *rig);
    rig->config = (struct smh_machine_config){.cores = 1,
                                              .line_bytes = 16,
                                              .target_bits = 32,
                                              .l1 = {.size_bytes = 64,
                                                     .ways = 2,
                                                     .policy = SMH_CACHE_WRITE_BACK,
                                                     .hit_cycles = 1,
                                                     .write_allocate = true},
                                              .region_count = 2};
    static char cached[] = "cached";
    static char plain[] = "plain";
    rig->regions[0] = (struct smh_region_config){.name = cached,
                                                 .base = 0x1000,
                                                 .size = RIG_BYTES,
                                                 .cache = SMH_CACHE_WRITE_BACK,
                                                 .cycles = 10};
    rig->regions[1] = (struct smh_region_config){
        .name = plain, .base = 0x8000, .size = RIG_BYTES, .cache = SMH_CACHE_NONE, .cycles = 7};
}

void rig_add_l2(struct rig *rig)
{
    rig->config.l2 = (struct smh_cache_config){.size_bytes = 128,
                                               .ways = 2,
                                               .policy = SMH_CACHE_WRITE_BACK,
                                               .hit_cycles = 3,
                                               .write_allocate = true};
}

void rig_open(struct rig *rig)
{
    uint8_t *truth[2] = {rig->truth[0], rig->truth[1]};
    uint64_t sizes[2] = {rig->regions[0].size, rig->regions[1].size};
    struct smh_error error;
    rig->config.regions = rig->regions;
    rig->memory = smh_memory_open(&rig->config, truth, sizes, &error);
    cr_assert_not_null(rig->memory, "%s", error.message);
}

void rig_close(struct rig *rig)
{
    smh_memory_close(rig->memory);
}

uint64_t rig_do(struct rig *rig, enum smh_access_kind kind, uint64_t offset, uint64_t bytes,
                uint32_t step)
{
    struct smh_access access = {.offset = offset,
                                .bytes = bytes,
                                .step = step,
                                .region = rig->region,
                                .core = rig->core,
                                .kind = (uint8_t)kind,
                                .uncached = rig->uncached};
    return smh_memory_access(rig->memory, &access);
}

uint64_t rig_load(struct rig *rig, uint64_t offset, uint64_t bytes)
{
    return rig_do(rig, SMH_ACCESS_LOAD, offset, bytes, 0);
}

uint64_t rig_store(struct rig *rig, uint64_t offset, uint64_t bytes, uint8_t value)
{
    memset(rig->truth[rig->region] + offset, value, bytes);
    return rig_do(rig, SMH_ACCESS_STORE, offset, bytes, 0);
}

void rig_device_write(struct rig *rig, uint64_t offset, uint64_t bytes, uint8_t value)
{
    memset(rig->truth[rig->region] + offset, value, bytes);
    cr_assert_eq(rig_do(rig, SMH_ACCESS_DMA_WRITE, offset, bytes, 0), 0);
}

uint64_t rig_device_read(struct rig *rig, uint64_t offset, uint64_t bytes)
{
    cr_assert_eq(rig_do(rig, SMH_ACCESS_DMA_READ, offset, bytes, 0), 0);
    return smh_memory_wrong_offset(rig->memory);
}

static uint8_t sees(const struct rig *rig, uint8_t who, uint64_t offset)
{
    uint8_t byte;
    smh_memory_view(rig->memory, who, rig->region, offset, 1, &byte);
    return byte;
}

uint8_t rig_core_sees(const struct rig *rig, uint64_t offset)
{
    return sees(rig, rig->core, offset);
}

uint8_t rig_device_sees(const struct rig *rig, uint64_t offset)
{
    return sees(rig, SMH_MEMORY_DEVICE, offset);
}

struct smh_memory_counters rig_counters(const struct rig *rig, unsigned level)
{
    struct smh_memory_counters counters;
    smh_memory_counters(rig->memory, level, rig->region, &counters);
    return counters;
}
