/* memory.c: the memory system, from outside.
 *
 * Owns: opening and closing it, the kinds of access, counters, views. What each region's memory
 * holds, and which of its bytes are defined, is mapped from the host when it is first written.
 */
#include "memory_hit.h"
#include "memory_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Beyond it, clearing definedness gives pages back instead of writing them. */
#define FORGET_PAGES_BYTES ((uint64_t)1 << 20)
#define PAGE_BYTES         ((uint64_t)4096)

static unsigned log2_of(uint64_t power)
{
    return (unsigned)__builtin_ctzll(power);
}

static uint8_t *map_zeroes(uint64_t bytes)
{
    void *memory = bytes > SIZE_MAX ? MAP_FAILED
                                    : mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE,
                                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void open_level(struct smh_memory_level *level, unsigned number,
                       const struct smh_cache_config *config, uint32_t line_bytes)
{
    uint64_t sets = config->size_bytes / ((uint64_t)config->ways * line_bytes);
    level->level = number;
    smh_cache_open(&level->cache, sets, config->ways, config->replacement, true);
    level->data = smh_must_allocate(level->cache.line_count, line_bytes);
    level->dirty = smh_must_allocate(level->cache.line_count, sizeof *level->dirty);
}

static void close_level(struct smh_memory_level *level)
{
    smh_cache_close(&level->cache);
    free(level->data);
    free(level->dirty);
}

static int open_region(struct smh_memory *memory, size_t index, uint8_t *truth, uint64_t size,
                       const struct smh_machine_config *machine, struct smh_error *error)
{
    const struct smh_region_config *config = &machine->regions[index];
    struct smh_memory_region *region = &memory->regions[index];
    bool through = config->cache == SMH_CACHE_WRITE_THROUGH;
    *region = (struct smh_memory_region){
        .truth = truth,
        .base = config->base,
        .size = size,
        .line_of_region = (uint64_t)index << SMH_LINE_REGION_SHIFT,
        .cycles = config->cycles,
        .cached = memory->has_l1 && config->cache != SMH_CACHE_NONE,
        .l1_through = through || machine->l1.policy == SMH_CACHE_WRITE_THROUGH,
        .l2_through = through || machine->l2.policy == SMH_CACHE_WRITE_THROUGH};
    region->l1_allocate =
        machine->l1.write_allocate && (!through || machine->l1.policy == SMH_CACHE_WRITE_THROUGH);
    region->l2_allocate =
        machine->l2.write_allocate && (!through || machine->l2.policy == SMH_CACHE_WRITE_THROUGH);
    if (size > 0 &&
        (config->base + (size - 1)) >> memory->line_shift >> (SMH_LINE_REGION_SHIFT - 1) != 0) {
        return smh_error_set(error, "region \"%s\": too high an address for the cache simulator",
                             config->name);
    }
    region->memory = map_zeroes(size + 1); /* an empty region is mapped, too */
    region->defined = map_zeroes(size / 8 + 1);
    if (region->memory == NULL || region->defined == NULL) {
        return smh_error_set(error, "region \"%s\": the host cannot map %llu bytes (%s)",
                             config->name, (unsigned long long)size, strerror(errno));
    }
    return 0;
}

static void open_core(struct smh_memory *memory, uint32_t index,
                      const struct smh_machine_config *config)
{
    struct smh_memory_core *core = &memory->cores[index];
    if (memory->has_l1) {
        open_level(&core->l1, 0, &config->l1, memory->line_bytes);
    }
    if (memory->pending_max > 0) {
        core->pending = smh_must_allocate(memory->pending_max, sizeof *core->pending);
    }
}

struct smh_memory *smh_memory_open(const struct smh_machine_config *config, uint8_t *const truth[],
                                   const uint64_t sizes[], struct smh_error *error)
{
    if (config->l2.size_bytes != 0 && config->l1.size_bytes == 0) {
        (void)smh_error_set(error, "an L2 without an L1 is not simulated, allowed: both, or no L2");
        return NULL;
    }
    struct smh_memory *memory = smh_must_allocate(1, sizeof *memory);
    memory->has_l1 = config->l1.size_bytes != 0;
    memory->has_l2 = config->l2.size_bytes != 0;
    memory->line_bytes = config->line_bytes;
    memory->line_shift = log2_of(config->line_bytes);
    memory->word_bytes = config->target_bits == 64 && config->line_bytes >= 8 ? 8 : 4;
    memory->word_shift = log2_of(memory->word_bytes);
    memory->l1_cycles = memory->has_l1 ? config->l1.hit_cycles : 0;
    memory->l2_cycles = memory->has_l2 ? config->l2.hit_cycles : 0;
    memory->pending_max = config->store_buffer;
    memory->plain = config->store_buffer == 0;
    memory->wrong_offset = UINT64_MAX;
    memory->line_buffer = smh_must_allocate(1, config->line_bytes);
    memory->core_count = config->cores;
    memory->cores = smh_must_allocate(config->cores, sizeof *memory->cores);
    memory->region_count = config->region_count;
    memory->regions = smh_must_allocate(config->region_count, sizeof *memory->regions);
    if (memory->has_l2) {
        open_level(&memory->l2, 1, &config->l2, memory->line_bytes);
    }
    for (uint32_t i = 0; i < config->cores; i++) {
        open_core(memory, i, config);
    }
    smh_memory_set_seed(memory, 0);
    for (size_t i = 0; i < config->region_count; i++) {
        if (open_region(memory, i, truth[i], sizes[i], config, error) != 0) {
            smh_memory_close(memory);
            return NULL;
        }
    }
    return memory;
}

void smh_memory_close(struct smh_memory *memory)
{
    if (memory == NULL) {
        return;
    }
    for (size_t i = 0; i < memory->region_count; i++) {
        struct smh_memory_region *region = &memory->regions[i];
        if (region->memory != NULL) {
            munmap(region->memory, (size_t)region->size + 1);
        }
        if (region->defined != NULL) {
            munmap(region->defined, (size_t)(region->size / 8 + 1));
        }
    }
    for (uint32_t i = 0; i < memory->core_count; i++) {
        close_level(&memory->cores[i].l1);
        free(memory->cores[i].pending);
    }
    close_level(&memory->l2);
    free(memory->cores);
    free(memory->regions);
    free(memory->line_buffer);
    free(memory);
}

void smh_memory_set_seed(struct smh_memory *memory, uint64_t seed)
{
    if (memory->has_l2) {
        smh_cache_set_seed(&memory->l2.cache, seed, 0);
    }
    for (uint32_t i = 0; memory->has_l1 && i < memory->core_count; i++) {
        smh_cache_set_seed(&memory->cores[i].l1.cache, seed, (uint64_t)i + 1);
    }
}

void smh_memory_set_freedom(struct smh_memory *memory, const struct smh_memory_freedom *freedom)
{
    memory->freedom = *freedom;
    smh_random_init(&memory->freedom_random, freedom->seed, 0);
    memory->plain = memory->pending_max == 0 && freedom->evictions_per_mille == 0 &&
                    freedom->fills_per_mille == 0;
}

void smh_memory_count(struct smh_memory *memory, uint16_t region, bool store)
{
    const struct smh_memory_met *met = &memory->met;
    struct smh_memory_counters *counters = memory->regions[region].counters;
    if (store) {
        counters[0].stores += met->l1;
        counters[0].store_misses += met->l1_missed;
        counters[1].stores += met->l2;
        counters[1].store_misses += met->l2_missed;
    } else {
        counters[0].loads += met->l1;
        counters[0].load_misses += met->l1_missed;
        counters[1].loads += met->l2;
        counters[1].load_misses += met->l2_missed;
    }
}

/* Looks at the line of each step of a range, rounded outwards to steps of the target's addresses:
 *
 *     range            .....[.........)......
 *     steps of 8     |       |       |          two looks,
 *     lines of 16            |               |  at one line
 *
 * A step may begin before the region: at a line that no cache has as the region's.
 */
static uint64_t maintain(struct smh_memory *memory, struct smh_memory_core *core,
                         const struct smh_access *access)
{
    const struct smh_memory_region *region = &memory->regions[access->region];
    uint64_t step = access->step != 0 ? access->step : memory->line_bytes;
    uint64_t at = (region->base + access->offset) / step * step;
    uint64_t end = region->base + access->offset + access->bytes;
    uint64_t cost = 0;
    if (!memory->has_l1) {
        return 0;
    }
    for (; at < end; at += step) {
        uint64_t look = memory->l1_cycles + memory->l2_cycles;
        uint64_t line = region->line_of_region | at >> memory->line_shift;
        if (memory->pending_max > 0) {
            cost += smh_buffer_wait_for_line(memory, core, line);
        }
        look += smh_lines_maintain(memory, core, access->kind, line);
        if (memory->pending_max > 0) {
            smh_buffer_pass(memory, core, look);
        }
        cost += look;
    }
    return cost;
}

/* A load or store of a core. */
static uint64_t access_by_core(struct smh_memory *memory, const struct smh_access *access)
{
    struct smh_memory_core *core = &memory->cores[access->core];
    const uint8_t *truth = memory->regions[access->region].truth + access->offset;
    bool store = access->kind == SMH_ACCESS_STORE;
    uint64_t cost;
    memory->met = (struct smh_memory_met){0};
    if (store) {
        smh_words_define(memory, access->region, access->offset, access->bytes);
    }
    if (memory->pending_max > 0) {
        cost = store ? smh_buffer_store(memory, core, access->region, access->offset, access->bytes,
                                        access->uncached)
                     : smh_buffer_load(memory, core, access->region, access->offset, access->bytes,
                                       access->uncached);
        if (store) {
            return cost; /* counted when it is carried out */
        }
    } else {
        cost = store ? smh_words_store(memory, core, access->region, access->offset, truth,
                                       access->bytes, access->uncached)
                     : smh_words_load(memory, core, access->region, access->offset, access->bytes,
                                      access->uncached);
    }
    smh_memory_count(memory, access->region, store);
    return cost;
}

uint64_t smh_memory_access_further(struct smh_memory *memory, const struct smh_access *access)
{
    const struct smh_memory_region *region = &memory->regions[access->region];
    if (!memory->plain) {
        smh_freedom_move(memory, access);
    }
    switch ((enum smh_access_kind)access->kind) {
    case SMH_ACCESS_LOAD:
    case SMH_ACCESS_STORE:
        return access_by_core(memory, access);
    case SMH_ACCESS_DMA_READ:
        smh_words_compare(memory, access->region, access->offset, region->memory + access->offset,
                          access->bytes);
        return 0;
    case SMH_ACCESS_DMA_WRITE:
        smh_words_define(memory, access->region, access->offset, access->bytes);
        memcpy(region->memory + access->offset, region->truth + access->offset, access->bytes);
        return 0;
    case SMH_ACCESS_CLEAN:
    case SMH_ACCESS_INVALIDATE:
    case SMH_ACCESS_FLUSH:
        return maintain(memory, &memory->cores[access->core], access);
    case SMH_ACCESS_BARRIER:
        return smh_buffer_barrier(memory, &memory->cores[access->core]);
    case SMH_ACCESS_KIND_COUNT:
        break;
    }
    return 0;
}

uint64_t smh_memory_access(struct smh_memory *memory, const struct smh_access *access)
{
    return smh_memory_access_inline(memory, access);
}

uint64_t smh_memory_wrong_offset(const struct smh_memory *memory)
{
    return memory->wrong_offset;
}

void smh_memory_forget(struct smh_memory *memory, uint16_t region_index, uint64_t offset,
                       uint64_t bytes)
{
    uint8_t *defined = memory->regions[region_index].defined;
    uint64_t end = offset + bytes;
    for (; offset < end && offset % 8 != 0; offset++) {
        defined[offset / 8] &= (uint8_t) ~(1u << (offset % 8));
    }
    for (; end > offset && end % 8 != 0; end--) {
        defined[(end - 1) / 8] &= (uint8_t) ~(1u << ((end - 1) % 8));
    }
    uint64_t first = offset / 8;
    uint64_t past = end / 8;
    if (past - first >= FORGET_PAGES_BYTES) {
        uint64_t page = (first + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
        uint64_t page_end = past / PAGE_BYTES * PAGE_BYTES;
        if (madvise(defined + page, (size_t)(page_end - page), MADV_DONTNEED) == 0) {
            memset(defined + first, 0, (size_t)(page - first));
            first = page_end;
        }
    }
    memset(defined + first, 0, (size_t)(past - first));
}

void smh_memory_view(const struct smh_memory *memory, uint8_t core_index, uint16_t region_index,
                     uint64_t offset, uint64_t bytes, uint8_t *out)
{
    const struct smh_memory_region *region = &memory->regions[region_index];
    memcpy(out, region->memory + offset, bytes);
    if (core_index == SMH_MEMORY_DEVICE) {
        return;
    }
    const struct smh_memory_core *core = &memory->cores[core_index];
    for (uint64_t i = 0; region->cached && i < bytes; i++) {
        uint64_t line = smh_line_of(memory, region, offset + i);
        const struct smh_memory_level *level = &core->l1;
        uint32_t slot = smh_cache_find(&level->cache, line);
        if (slot == SMH_CACHE_NO_SLOT && memory->has_l2) {
            level = &memory->l2;
            slot = smh_cache_find(&level->cache, line);
        }
        if (slot != SMH_CACHE_NO_SLOT) {
            size_t in_line = (size_t)(region->base + offset + i) & (memory->line_bytes - 1);
            out[i] = smh_line_data(memory, level, slot)[in_line];
        }
    }
    smh_buffer_view(memory, core, region_index, false, offset, bytes, out);
}

void smh_memory_counters(const struct smh_memory *memory, unsigned level, uint16_t region,
                         struct smh_memory_counters *counters)
{
    *counters = memory->regions[region].counters[level];
}
