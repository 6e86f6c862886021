/* machine.c: maps the regions of a scenario and builds the pool over them. See machine.h. */
#include "machine.h"

#include "../round.h"
#include "../workload/scenario_line.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SLACK_FILL 0xA5
/* Regions up to this size are backed before the replay begins, so that the host's page faults are
 * not taken for the allocator's time. */
#define POPULATE_BYTES_MAX ((size_t)8 << 20)

struct place {
    size_t region;
    uint64_t offset; /* of the region's first byte from the reservation's start */
};

static uint64_t page_bytes(void)
{
    return (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Regions by ascending base: insertion sort, there are few. */
static void sort_by_base(struct place *places, const struct smh_machine_config *config)
{
    for (size_t i = 0; i < config->region_count; i++) {
        size_t at = i;
        while (at > 0 && config->regions[places[at - 1].region].base > config->regions[i].base) {
            places[at] = places[at - 1];
            at--;
        }
        places[at].region = i;
    }
}

/* Gives each region the lowest offset that keeps order, guards and congruence; the reservation
 * itself starts at a multiple of the modulus. Returns the bytes needed, 0 when they overflow. */
static uint64_t lay_out(struct place *places, const struct smh_machine_config *config)
{
    uint64_t page = page_bytes();
    uint64_t cursor = page;
    for (size_t i = 0; i < config->region_count; i++) {
        const struct smh_region_config *region = &config->regions[places[i].region];
        uint64_t wanted = region->base % SMH_MACHINE_MODULUS;
        uint64_t start = cursor - cursor % SMH_MACHINE_MODULUS + wanted;
        if (start < cursor) {
            start += SMH_MACHINE_MODULUS;
        }
        places[i].offset = start;
        if (region->size > (UINT64_C(1) << 47) || start > (UINT64_C(1) << 47)) {
            return 0;
        }
        cursor = smh_round_up(start + region->size, page) + page;
    }
    return cursor;
}

/* A hint: a host that cannot do it backs the pages as they are touched. */
static void populate(uint8_t *memory, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    (void)madvise(memory, bytes, MADV_HUGEPAGE);
#endif
#ifdef MADV_POPULATE_WRITE
    (void)madvise(memory, bytes, MADV_POPULATE_WRITE);
#endif
}

static int map_regions(struct smh_machine *machine, struct smh_error *error)
{
    const struct smh_machine_config *config = &machine->scenario->machine;
    struct place places[SMH_REGIONS_MAX];
    sort_by_base(places, config);
    uint64_t needed = lay_out(places, config);
    if (needed == 0 || needed > SIZE_MAX - SMH_MACHINE_MODULUS) {
        return smh_error_set(error,
                             "%s: $.machine.regions: together they span more than this host "
                             "can map",
                             machine->scenario->path);
    }
    machine->reservation_bytes = (size_t)(needed + SMH_MACHINE_MODULUS);
    void *reserved = mmap(NULL, machine->reservation_bytes, PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (reserved == MAP_FAILED) {
        machine->reservation_bytes = 0;
        return smh_error_set(error,
                             "%s: $.machine.regions: this host refuses to map %" PRIu64
                             " bytes of address space (%s)",
                             machine->scenario->path, needed, strerror(errno));
    }
    machine->reservation = reserved;
    uint64_t page = page_bytes();
    uint64_t skew = (uint64_t)(uintptr_t)reserved % SMH_MACHINE_MODULUS;
    uint8_t *origin = machine->reservation + (skew == 0 ? 0 : (size_t)(SMH_MACHINE_MODULUS - skew));
    for (size_t i = 0; i < config->region_count; i++) {
        const struct smh_region_config *region = &config->regions[places[i].region];
        struct smh_machine_region *mapped = &machine->regions[places[i].region];
        mapped->memory = origin + places[i].offset;
        mapped->size = region->size;
        uint64_t head = places[i].offset % page;
        uint64_t whole = smh_round_up(head + region->size, page);
        if (mprotect(mapped->memory - head, (size_t)whole, PROT_READ | PROT_WRITE) != 0) {
            return smh_error_set(error,
                                 "%s: $.machine.regions[%zu]: this host refuses to map "
                                 "%" PRIu64 " bytes (%s)",
                                 machine->scenario->path, places[i].region, whole, strerror(errno));
        }
        if (whole <= POPULATE_BYTES_MAX) {
            populate(mapped->memory - head, (size_t)whole);
        }
        memset(mapped->memory - head, SLACK_FILL, (size_t)head);
        memset(mapped->memory + region->size, SLACK_FILL, (size_t)(whole - head - region->size));
    }
    return 0;
}

size_t smh_machine_check_guards(const struct smh_machine *machine)
{
    uint64_t page = page_bytes();
    for (size_t i = 0; i < machine->region_count; i++) {
        const uint8_t *memory = machine->regions[i].memory;
        uint64_t size = machine->scenario->machine.regions[i].size;
        uint64_t head = (uintptr_t)memory % page;
        uint64_t tail = smh_round_up(head + size, page) - head - size;
        for (uint64_t byte = 1; byte <= head; byte++) {
            if (*(memory - byte) != SLACK_FILL) {
                return i + 1;
            }
        }
        for (uint64_t byte = 0; byte < tail; byte++) {
            if (memory[size + byte] != SLACK_FILL) {
                return i + 1;
            }
        }
    }
    return 0;
}

static const struct smh_engine *choose_engine(const struct smh_region_config *region,
                                              const struct smh_machine_choice *choice)
{
    const struct smh_engine *engine = choice->engine != NULL   ? choice->engine
                                      : region->engine != NULL ? region->engine
                                                               : SMH_ENGINE_DEFAULT;
    if (choice->core != NULL && smh_engine_find(engine->name) == engine) {
        return choice->core->engine_find(engine->name);
    }
    return engine;
}

static const struct smh_policy *choose_policy(const struct smh_scenario *scenario,
                                              const struct smh_machine_choice *choice)
{
    const struct smh_policy *policy = choice->policy != NULL ? choice->policy : scenario->policy;
    if (choice->core != NULL && smh_policy_find(policy->name) == policy) {
        return choice->core->policy_find(policy->name);
    }
    return policy;
}

static struct smh_heap_config heap_config(const struct smh_machine *machine, size_t index,
                                          const struct smh_machine_choice *choice)
{
    const struct smh_machine_config *config = &machine->scenario->machine;
    const struct smh_region_config *region = &config->regions[index];
    return (struct smh_heap_config){
        .memory = machine->regions[index].memory,
        .memory_size = (size_t)machine->regions[index].size,
        .granule = (size_t)region->granule,
        .target_bits = region->target_bits != 0 ? region->target_bits : config->target_bits,
        .engine = choose_engine(region, choice),
    };
}

/* The heap ends where the lowest of the stacks in its region begins. */
static void cut_stacks(struct smh_machine *machine)
{
    for (size_t i = 0; i < machine->scenario->actor_count; i++) {
        const struct smh_actor_config *actor = &machine->scenario->actors[i];
        if (actor->stack_bytes == 0) {
            continue;
        }
        struct smh_machine_region *region = &machine->regions[actor->stack_region];
        if (actor->stack_offset < region->size) {
            region->size = actor->stack_offset;
        }
    }
}

/* The line of a region's key in its file; 0: not to be had (standard input, a scenario without). */
static size_t line_of(const struct smh_scenario *scenario, size_t index, const char *key)
{
    const struct smh_json_step steps[] = {{"machine", 0}, {"regions", 0}, {NULL, index}, {key, 0}};
    char *text = smh_scenario_text(scenario);
    size_t line = text == NULL ? 0 : smh_json_line(text, steps, sizeof(steps) / sizeof(steps[0]));
    free(text);
    return line;
}

/* As messages of the loader are: "file:line: $.machine.regions[0].size: " and what. */
static int refuse(const struct smh_machine *machine, size_t index, const char *key,
                  const char *what, struct smh_error *error)
{
    size_t line = line_of(machine->scenario, index, key);
    char place[24] = "";
    if (line != 0) {
        snprintf(place, sizeof(place), "%zu:", line);
    }
    return smh_error_set(error, "%s:%s $.machine.regions[%zu].%s: %s", machine->scenario->path,
                         place, index, key, what);
}

/* What the pool answered, in words. */
static int refuse_region(const struct smh_machine *machine, size_t index,
                         const struct smh_heap_config *heap, int code, struct smh_error *error)
{
    char what[320];
    const char *key = "base";
    switch (code) {
    case -ENOMEM:
        key = "size";
        snprintf(
            what, sizeof(what),
            "\"%.63s\" leaves the heap %zu bytes, allowed: room for the tables of engine \"%s\" "
            "and one block, and no more than it manages",
            machine->scenario->machine.regions[index].name, heap->memory_size, heap->engine->name);
        break;
    case -EFAULT:
        snprintf(what, sizeof(what), "null or misaligned, allowed: a multiple of 8");
        break;
    case -EEXIST:
        snprintf(what, sizeof(what), "overlaps another region, allowed: a place of its own");
        break;
    case -EOVERFLOW:
        snprintf(what, sizeof(what), "wraps around the address space, allowed: what ends within");
        break;
    default:
        key = "granule";
        snprintf(what, sizeof(what), "%zu, allowed: what engine \"%s\" takes", heap->granule,
                 heap->engine->name);
        break;
    }
    return refuse(machine, index, key, what, error);
}

/* Tables of out-of-band engines that live in another region are cut from that region's end, before
 * any heap is made. */
static int place_tables(struct smh_machine *machine, const struct smh_machine_choice *choice,
                        void **tables, struct smh_error *error)
{
    const struct smh_machine_config *config = &machine->scenario->machine;
    for (size_t i = 0; i < machine->region_count; i++) {
        struct smh_heap_config heap = heap_config(machine, i, choice);
        if ((heap.engine->flags & SMH_ENGINE_EXACT) == 0 || config->regions[i].metadata_in < 0) {
            continue;
        }
        struct smh_machine_region *host = &machine->regions[config->regions[i].metadata_in];
        uint64_t needed = smh_heap_metadata_size(&heap);
        uint64_t cut = (host->size - needed) & ~UINT64_C(63);
        if (needed > host->size || cut == 0) {
            char what[256];
            snprintf(what, sizeof(what),
                     "the tables of \"%.63s\" take %" PRIu64 " bytes, allowed: the %" PRIu64
                     " bytes that \"%.63s\" has",
                     config->regions[i].name, needed, host->size,
                     config->regions[config->regions[i].metadata_in].name);
            return refuse(machine, i, "metadata_in", what, error);
        }
        machine->regions[i].metadata_bytes = needed;
        tables[i] = host->memory + cut;
        host->size = cut;
    }
    return 0;
}

static int add_region(struct smh_machine *machine, size_t index,
                      const struct smh_machine_choice *choice, void *tables,
                      struct smh_error *error)
{
    const struct smh_region_config *config = &machine->scenario->machine.regions[index];
    struct smh_machine_region *mapped = &machine->regions[index];
    struct smh_heap_config heap = heap_config(machine, index, choice);
    size_t metadata_size = (size_t)mapped->metadata_bytes;
    if ((heap.engine->flags & SMH_ENGINE_EXACT) == 0) {
        struct smh_heap_config finest = heap;
        finest.granule = 0;
        metadata_size = smh_heap_metadata_size(&finest);
        mapped->start_bitmap = malloc(metadata_size != 0 ? metadata_size : 1);
        if (mapped->start_bitmap == NULL) {
            return smh_error_set(error, "%s: no memory for the start bitmap of \"%s\"",
                                 machine->scenario->path, config->name);
        }
        tables = mapped->start_bitmap;
    }
    struct smh_region region = {
        .attr = config->attr,
        .addr = (uintptr_t)mapped->memory,
        .size = heap.memory_size,
        .name = config->name,
        .engine = heap.engine,
        .granule = heap.granule,
        .target_bits = heap.target_bits,
        .metadata = tables,
        .metadata_size = metadata_size,
        .reserve_bytes = (size_t)config->reserve_bytes,
        .cost = config->cycles,
        .priority = config->priority,
    };
    int code = machine->core->pool_add(&machine->pool, &region);
    if (code == -EINVAL && choice->engine != NULL && region.granule != 0) {
        region.granule = 0; /* written for the region's own engine: this one has its own */
        code = machine->core->pool_add(&machine->pool, &region);
    }
    if (code != 0) {
        return refuse_region(machine, index, &heap, code, error);
    }
    return 0;
}

static int build_pool(struct smh_machine *machine, const struct smh_machine_choice *choice,
                      struct smh_error *error)
{
    uint64_t threshold = machine->scenario->threshold_bytes;
    struct smh_pool_config config = {
        .match = machine->scenario->match,
        .policy = machine->policy,
        .slots = machine->slots,
        .slot_count = machine->region_count,
        .unlocked = true,
        .threshold_bytes = (size_t)(threshold > SIZE_MAX ? SIZE_MAX : threshold),
    };
    if (machine->core->pool_init(&machine->pool, &config) != 0) {
        return smh_error_set(error, "%s: $.machine.regions: the pool takes 1 to 65535 regions",
                             machine->scenario->path);
    }
    void *tables[SMH_REGIONS_MAX] = {0};
    cut_stacks(machine);
    int code = place_tables(machine, choice, tables, error);
    for (size_t i = 0; code == 0 && i < machine->region_count; i++) {
        code = add_region(machine, i, choice, tables[i], error);
    }
    return code;
}

int smh_machine_open(struct smh_machine *machine, const struct smh_scenario *scenario,
                     const struct smh_machine_choice *choice, struct smh_error *error)
{
    memset(machine, 0, sizeof(*machine));
    machine->scenario = scenario;
    machine->core = choice->core != NULL ? choice->core : &smh_core_plain;
    machine->policy = choose_policy(scenario, choice);
    machine->region_count = scenario->machine.region_count;
    machine->regions = smh_must_allocate(machine->region_count, sizeof(*machine->regions));
    machine->slots = smh_must_allocate(machine->region_count, sizeof(*machine->slots));
    int code = map_regions(machine, error);
    if (code == 0) {
        code = build_pool(machine, choice, error);
    }
    if (code != 0) {
        smh_machine_close(machine);
    }
    return code;
}

void smh_machine_close(struct smh_machine *machine)
{
    for (size_t i = 0; machine->regions != NULL && i < machine->region_count; i++) {
        free(machine->regions[i].start_bitmap);
    }
    free(machine->regions);
    free(machine->slots);
    if (machine->reservation_bytes != 0) {
        munmap(machine->reservation, machine->reservation_bytes);
    }
    memset(machine, 0, sizeof(*machine));
}

bool smh_machine_may_serve(const struct smh_machine *machine, size_t region,
                           const struct smh_operation *operation)
{
    smh_match match = machine->scenario->match;
    uint32_t attr = machine->scenario->machine.regions[region].attr;
    if (operation->prefer == NULL) {
        return match(attr, operation->attr);
    }
    for (size_t i = 0; i < operation->prefer->count; i++) {
        if (match(attr, operation->prefer->attrs[i])) {
            return true;
        }
    }
    return false;
}
