/* naive_memory.c: a second model of the memory system; naive_memory.h says why. */
#include "naive_memory.h"

#include <string.h>

enum { L1, L2 };

static void open_cache(struct naive_cache *cache, const struct smh_cache_config *config,
                       uint32_t line_bytes, uint64_t seed, uint64_t stream)
{
    cache->config = config;
    if (config->size_bytes != 0) {
        cache->sets = (unsigned)(config->size_bytes / line_bytes / config->ways);
    }
    smh_random_init(&cache->random, seed, stream);
}

void naive_open(struct naive_memory *memory, const struct smh_machine_config *config,
                uint8_t *const truth[], uint64_t seed)
{
    memset(memory, 0, sizeof(*memory));
    memory->config = config;
    for (size_t i = 0; i < config->region_count; i++) {
        memory->truth[i] = truth[i];
    }
    open_cache(&memory->l2, &config->l2, config->line_bytes, seed, 0);
    for (uint32_t i = 0; i < config->cores; i++) {
        open_cache(&memory->cores[i].l1, &config->l1, config->line_bytes, seed, (uint64_t)i + 1);
    }
}

static uint64_t address_of(const struct naive_memory *memory, unsigned region, uint64_t offset)
{
    return memory->config->regions[region].base + offset;
}

static uint64_t number_of(const struct naive_memory *memory, unsigned region, uint64_t offset)
{
    return address_of(memory, region, offset) / memory->config->line_bytes;
}

static bool through(const struct naive_memory *memory, const struct smh_cache_config *cache,
                    unsigned region)
{
    return cache->policy == SMH_CACHE_WRITE_THROUGH ||
           memory->config->regions[region].cache == SMH_CACHE_WRITE_THROUGH;
}

static bool allocates(const struct naive_memory *memory, const struct smh_cache_config *cache,
                      unsigned region)
{
    bool own = cache->policy == SMH_CACHE_WRITE_THROUGH ||
               memory->config->regions[region].cache == SMH_CACHE_WRITE_BACK;
    return own && cache->write_allocate;
}

static struct naive_line *find(const struct naive_cache *cache, unsigned region, uint64_t number)
{
    for (unsigned i = 0; i < cache->sets * cache->config->ways; i++) {
        const struct naive_line *line = &cache->lines[i];
        if (line->valid && line->region == region && line->number == number) {
            return (struct naive_line *)(uintptr_t)line;
        }
    }
    return NULL;
}

static uint64_t cycles_of(const struct naive_memory *memory, unsigned region)
{
    return memory->config->regions[region].cycles;
}

static unsigned ways_from(unsigned first, unsigned count, unsigned ways)
{
    return first >= ways ? 0 : first + count > ways ? ways - first : count;
}

static uint64_t last_use(const struct naive_line *set, unsigned first, unsigned count)
{
    uint64_t last = 0;
    for (unsigned i = first; i < first + count; i++) {
        last = set[i].used > last ? set[i].used : last;
    }
    return last;
}

/* Goes to the half of the ways that was not the last to be used, again and again. */
static unsigned plru_victim(const struct naive_line *set, unsigned ways)
{
    unsigned first = 0;
    unsigned count = 1;
    while (count < ways) {
        count *= 2;
    }
    while (count > 1) {
        count /= 2;
        unsigned right = ways_from(first + count, count, ways);
        uint64_t left_use = last_use(set, first, ways_from(first, count, ways));
        if (right > 0 && left_use > last_use(set, first + count, right)) {
            first += count;
        }
    }
    return first;
}

static struct naive_line *choose(struct naive_cache *cache, uint64_t number)
{
    unsigned ways = cache->config->ways;
    struct naive_line *set = &cache->lines[number % cache->sets * ways];
    for (unsigned i = 0; i < ways; i++) {
        if (!set[i].valid) {
            return &set[i];
        }
    }
    if (cache->config->replacement == SMH_REPLACE_PLRU) {
        return &set[plru_victim(set, ways)];
    }
    if (cache->config->replacement == SMH_REPLACE_RANDOM) {
        return &set[smh_random_below(&cache->random, ways)];
    }
    struct naive_line *oldest = set;
    for (unsigned i = 1; i < ways; i++) {
        oldest = set[i].used < oldest->used ? &set[i] : oldest;
    }
    return oldest;
}

static void use(struct naive_cache *cache, struct naive_line *line)
{
    line->used = ++cache->clock;
}

/* Copies between a line and memory what of it lies in the region. */
static void copy_line(struct naive_memory *memory, struct naive_line *line, bool to_memory)
{
    const struct smh_region_config *region = &memory->config->regions[line->region];
    for (uint32_t i = 0; i < memory->config->line_bytes; i++) {
        uint64_t address = line->number * memory->config->line_bytes + i;
        if (address >= region->base && address - region->base < region->size) {
            uint8_t *byte = &memory->memory[line->region][address - region->base];
            if (to_memory) {
                *byte = line->data[i];
            } else {
                line->data[i] = *byte;
            }
        }
    }
}

/* A dirty line of L2 that has to leave, or to be clean. */
static uint64_t write_back_l2(struct naive_memory *memory, struct naive_line *line)
{
    memory->counters[L2][line->region].write_backs++;
    copy_line(memory, line, true);
    line->dirty = false;
    return cycles_of(memory, line->region);
}

/* Empties a place of L2 and gives it to a line, without contents. */
static struct naive_line *enter_l2(struct naive_memory *memory, unsigned region, uint64_t number,
                                   uint64_t *cost)
{
    struct naive_line *line = choose(&memory->l2, number);
    if (line->valid && line->dirty) {
        *cost += write_back_l2(memory, line);
    }
    line->valid = true;
    line->dirty = false;
    line->region = region;
    line->number = number;
    use(&memory->l2, line);
    return line;
}

static struct naive_line *fetch_to_l2(struct naive_memory *memory, unsigned region, uint64_t number,
                                      uint64_t *cost)
{
    *cost += cycles_of(memory, region);
    struct naive_line *line = enter_l2(memory, region, number, cost);
    memory->counters[L2][region].fills++;
    copy_line(memory, line, false);
    return line;
}

/* A dirty line leaves L1. */
static uint64_t write_back_l1(struct naive_memory *memory, struct naive_line *victim)
{
    uint64_t cost = 0;
    memory->counters[L1][victim->region].write_backs++;
    if (memory->l2.sets == 0) {
        copy_line(memory, victim, true);
        return cycles_of(memory, victim->region);
    }
    cost += memory->config->l2.hit_cycles;
    struct naive_line *below = find(&memory->l2, victim->region, victim->number);
    if (below != NULL) {
        use(&memory->l2, below);
    } else if (allocates(memory, &memory->config->l2, victim->region)) {
        below = enter_l2(memory, victim->region, victim->number, &cost);
    }
    if (below != NULL) {
        memcpy(below->data, victim->data, NAIVE_LINE_MAX);
    }
    if (below == NULL || through(memory, &memory->config->l2, victim->region)) {
        copy_line(memory, victim, true);
        return cost + cycles_of(memory, victim->region);
    }
    below->dirty = true;
    return cost;
}

static struct naive_line *fetch_to_l1(struct naive_memory *memory, struct naive_core *core,
                                      unsigned region, uint64_t number, uint64_t *cost)
{
    struct naive_line fetched = {.valid = true, .region = region, .number = number};
    if (memory->l2.sets != 0) {
        *cost += memory->config->l2.hit_cycles;
        memory->met[L2] = true;
        struct naive_line *below = find(&memory->l2, region, number);
        if (below != NULL) {
            use(&memory->l2, below);
        } else {
            memory->missed[L2] = true;
            below = fetch_to_l2(memory, region, number, cost);
        }
        memcpy(fetched.data, below->data, NAIVE_LINE_MAX);
    } else {
        *cost += cycles_of(memory, region);
        copy_line(memory, &fetched, false);
    }
    memory->counters[L1][region].fills++;
    struct naive_line *line = choose(&core->l1, number);
    if (line->valid && line->dirty) {
        *cost += write_back_l1(memory, line);
    }
    *line = fetched;
    use(&core->l1, line);
    return line;
}

static void store_below(struct naive_memory *memory, unsigned region, uint64_t offset,
                        const uint8_t *from, unsigned bytes, uint64_t *cost)
{
    uint64_t number = number_of(memory, region, offset);
    if (memory->l2.sets != 0) {
        *cost += memory->config->l2.hit_cycles;
        memory->met[L2] = true;
        struct naive_line *line = find(&memory->l2, region, number);
        if (line != NULL) {
            use(&memory->l2, line);
        } else {
            memory->missed[L2] = true;
            if (allocates(memory, &memory->config->l2, region)) {
                line = fetch_to_l2(memory, region, number, cost);
            }
        }
        if (line != NULL) {
            memcpy(&line->data[address_of(memory, region, offset) % memory->config->line_bytes],
                   from, bytes);
            if (!through(memory, &memory->config->l2, region)) {
                line->dirty = true;
                return;
            }
        }
    }
    memcpy(&memory->memory[region][offset], from, bytes);
    *cost += cycles_of(memory, region);
}

static bool is_cached(const struct naive_memory *memory, unsigned region, bool uncached)
{
    return !uncached && memory->cores[0].l1.sets != 0 &&
           memory->config->regions[region].cache != SMH_CACHE_NONE;
}

/* One word or a part of it. to: what is read; from: what is written. */
static uint64_t move_word(struct naive_memory *memory, struct naive_core *core, unsigned region,
                          uint64_t offset, unsigned bytes, bool uncached, uint8_t *to,
                          const uint8_t *from)
{
    if (!is_cached(memory, region, uncached)) {
        if (to != NULL) {
            memcpy(to, &memory->memory[region][offset], bytes);
        } else {
            memcpy(&memory->memory[region][offset], from, bytes);
        }
        return cycles_of(memory, region);
    }
    uint64_t cost = memory->config->l1.hit_cycles;
    uint64_t number = number_of(memory, region, offset);
    uint64_t at = address_of(memory, region, offset) % memory->config->line_bytes;
    struct naive_line *line = find(&core->l1, region, number);
    memory->met[L1] = true;
    if (line != NULL) {
        use(&core->l1, line);
    } else {
        memory->missed[L1] = true;
        if (to != NULL || allocates(memory, &memory->config->l1, region)) {
            line = fetch_to_l1(memory, core, region, number, &cost);
        }
    }
    if (to != NULL) {
        memcpy(to, &line->data[at], bytes);
        return cost;
    }
    if (line != NULL) {
        memcpy(&line->data[at], from, bytes);
        if (!through(memory, &memory->config->l1, region)) {
            line->dirty = true;
            return cost;
        }
    }
    store_below(memory, region, offset, from, bytes, &cost);
    return cost;
}

static void count(struct naive_memory *memory, unsigned region, bool store)
{
    for (unsigned level = L1; level <= L2; level++) {
        struct smh_memory_counters *counters = &memory->counters[level][region];
        *(store ? &counters->stores : &counters->loads) += memory->met[level];
        *(store ? &counters->store_misses : &counters->load_misses) += memory->missed[level];
    }
}

static void swap_met(struct naive_memory *memory, struct naive_core *core)
{
    for (unsigned level = L1; level <= L2; level++) {
        bool met = memory->met[level];
        bool missed = memory->missed[level];
        memory->met[level] = core->store_met[level];
        memory->missed[level] = core->store_missed[level];
        core->store_met[level] = met;
        core->store_missed[level] = missed;
    }
}

/* Carries out the head, and what follows it as long as nothing costs any time. */
static void begin(struct naive_memory *memory, struct naive_core *core)
{
    while (core->store_count > 0) {
        struct naive_store *head = &core->stores[0];
        if (!head->begun) {
            swap_met(memory, core);
            head->begun = true;
            head->left = move_word(memory, core, head->region, head->offset, head->bytes,
                                   head->uncached, NULL, head->data);
            if (head->last) {
                count(memory, head->region, true);
                memset(memory->met, 0, sizeof(memory->met));
                memset(memory->missed, 0, sizeof(memory->missed));
            }
            swap_met(memory, core);
        }
        if (head->left > 0) {
            return;
        }
        core->store_count--;
        memmove(&core->stores[0], &core->stores[1], core->store_count * sizeof(core->stores[0]));
    }
}

static void pass(struct naive_memory *memory, struct naive_core *core, uint64_t cycles)
{
    for (; cycles > 0 && core->store_count > 0; cycles--) {
        core->stores[0].left--;
        begin(memory, core);
    }
}

static unsigned word_bytes(const struct naive_memory *memory)
{
    unsigned bytes = memory->config->target_bits / 8;
    return bytes > memory->config->line_bytes ? memory->config->line_bytes : bytes;
}

static bool waits_for(const struct naive_memory *memory, const struct naive_core *core,
                      unsigned region, uint64_t offset, bool uncached, bool line)
{
    uint64_t unit = line ? memory->config->line_bytes : word_bytes(memory);
    for (unsigned i = 0; i < core->store_count; i++) {
        const struct naive_store *store = &core->stores[i];
        if (store->region == region && (line || store->uncached == uncached) &&
            address_of(memory, region, store->offset) / unit ==
                address_of(memory, region, offset) / unit) {
            return true;
        }
    }
    return false;
}

static void compare(struct naive_memory *memory, unsigned region, uint64_t offset,
                    const uint8_t *read, uint64_t bytes)
{
    for (uint64_t i = 0; i < bytes; i++) {
        if (memory->defined[region][offset + i] && read[i] != memory->truth[region][offset + i] &&
            memory->wrong_offset == UINT64_MAX) {
            memory->wrong_offset = offset + i;
        }
    }
}

static uint64_t load_or_store(struct naive_memory *memory, const struct smh_access *access)
{
    struct naive_core *core = &memory->cores[access->core];
    unsigned region = access->region;
    bool store = access->kind == SMH_ACCESS_STORE;
    uint64_t total = 0;
    uint64_t end = access->offset + access->bytes;
    for (uint64_t at = access->offset; at < end;) {
        uint64_t address = address_of(memory, region, at);
        unsigned bytes = word_bytes(memory) - (unsigned)(address % word_bytes(memory));
        bytes = bytes > end - at ? (unsigned)(end - at) : bytes;
        uint64_t cost = 0;
        if (!store) {
            uint8_t read[8];
            for (; waits_for(memory, core, region, at, access->uncached, false); total++) {
                pass(memory, core, 1);
            }
            cost = move_word(memory, core, region, at, bytes, access->uncached, read, NULL);
            compare(memory, region, at, read, bytes);
        } else if (memory->config->store_buffer == 0) {
            cost = move_word(memory, core, region, at, bytes, access->uncached, NULL,
                             &memory->truth[region][at]);
        } else {
            for (; core->store_count == memory->config->store_buffer; total++) {
                pass(memory, core, 1);
            }
            struct naive_store *entry = &core->stores[core->store_count++];
            *entry = (struct naive_store){.region = region,
                                          .bytes = bytes,
                                          .offset = at,
                                          .uncached = access->uncached,
                                          .last = at + bytes == end};
            memcpy(entry->data, &memory->truth[region][at], bytes);
            begin(memory, core);
            cost = 1;
        }
        pass(memory, core, cost);
        total += cost;
        at += bytes;
    }
    if (!store || memory->config->store_buffer == 0) {
        count(memory, region, store);
    }
    return total;
}

static uint64_t maintain_line(struct naive_memory *memory, struct naive_core *core, uint8_t kind,
                              unsigned region, uint64_t number)
{
    struct naive_line *above = find(&core->l1, region, number);
    struct naive_line *below = memory->l2.sets != 0 ? find(&memory->l2, region, number) : NULL;
    uint64_t cost = 0;
    if (kind != SMH_ACCESS_INVALIDATE) {
        bool dirty = above != NULL && above->dirty;
        if (dirty) {
            memory->counters[L1][region].write_backs++;
            copy_line(memory, above, true);
            above->dirty = false;
            cost = cycles_of(memory, region);
        }
        if (below != NULL && below->dirty) {
            if (!dirty) {
                copy_line(memory, below, true);
            }
            memory->counters[L2][region].write_backs++;
            below->dirty = false;
            cost = cycles_of(memory, region);
        }
        if (dirty && below != NULL) {
            memcpy(below->data, above->data, NAIVE_LINE_MAX);
        }
    }
    if (kind != SMH_ACCESS_CLEAN) {
        if (above != NULL) {
            above->valid = false;
        }
        if (below != NULL) {
            below->valid = false;
        }
    }
    return cost;
}

static uint64_t maintain(struct naive_memory *memory, const struct smh_access *access)
{
    struct naive_core *core = &memory->cores[access->core];
    const struct smh_region_config *region = &memory->config->regions[access->region];
    uint64_t step = access->step != 0 ? access->step : memory->config->line_bytes;
    uint64_t line = memory->config->line_bytes;
    uint64_t total = 0;
    if (core->l1.sets == 0) {
        return 0;
    }
    /* Every address that is a multiple of step and whose step touches the range. */
    for (uint64_t at = 0; at < region->base + access->offset + access->bytes; at += step) {
        if (at + step <= region->base + access->offset) {
            continue;
        }
        uint64_t cost = memory->config->l1.hit_cycles;
        cost += memory->l2.sets != 0 ? memory->config->l2.hit_cycles : 0;
        if (at / line >= region->base / line) { /* not a line before the region */
            uint64_t offset = at < region->base ? 0 : at - region->base;
            for (; waits_for(memory, core, access->region, offset, false, true); total++) {
                pass(memory, core, 1);
            }
            cost += maintain_line(memory, core, access->kind, access->region, at / line);
        }
        pass(memory, core, cost);
        total += cost;
    }
    return total;
}

uint64_t naive_access(struct naive_memory *memory, const struct smh_access *access)
{
    uint8_t *bytes = &memory->memory[access->region][access->offset];
    uint64_t total = 0;
    memory->wrong_offset = UINT64_MAX;
    memset(memory->met, 0, sizeof(memory->met));
    memset(memory->missed, 0, sizeof(memory->missed));
    if (access->kind == SMH_ACCESS_STORE || access->kind == SMH_ACCESS_DMA_WRITE) {
        memset(&memory->defined[access->region][access->offset], true, access->bytes);
    }
    switch (access->kind) {
    case SMH_ACCESS_LOAD:
    case SMH_ACCESS_STORE:
        return load_or_store(memory, access);
    case SMH_ACCESS_DMA_READ:
        compare(memory, access->region, access->offset, bytes, access->bytes);
        return 0;
    case SMH_ACCESS_DMA_WRITE:
        memcpy(bytes, &memory->truth[access->region][access->offset], access->bytes);
        return 0;
    case SMH_ACCESS_BARRIER:
        for (; memory->cores[access->core].store_count > 0; total++) {
            pass(memory, &memory->cores[access->core], 1);
        }
        return total;
    default:
        return maintain(memory, access);
    }
}

void naive_forget(struct naive_memory *memory, unsigned region, uint64_t offset, uint64_t bytes)
{
    memset(&memory->defined[region][offset], false, bytes);
}

uint8_t naive_view(const struct naive_memory *memory, uint8_t core_index, unsigned region,
                   uint64_t offset)
{
    uint8_t byte = memory->memory[region][offset];
    if (core_index == SMH_MEMORY_DEVICE) {
        return byte;
    }
    const struct naive_core *core = &memory->cores[core_index];
    if (is_cached(memory, region, false)) {
        uint64_t number = number_of(memory, region, offset);
        const struct naive_line *line = find(&core->l1, region, number);
        if (line == NULL && memory->l2.sets != 0) {
            line = find(&memory->l2, region, number);
        }
        if (line != NULL) {
            byte = line->data[address_of(memory, region, offset) % memory->config->line_bytes];
        }
    }
    for (unsigned i = 0; i < core->store_count; i++) {
        const struct naive_store *store = &core->stores[i];
        if (!store->begun && store->region == region && !store->uncached &&
            offset >= store->offset && offset - store->offset < store->bytes) {
            byte = store->data[offset - store->offset];
        }
    }
    return byte;
}
