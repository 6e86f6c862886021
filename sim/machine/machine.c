/* machine.c: maps the regions of a scenario and builds the pool over them. See machine.h. */
#include "machine.h"

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

static uint64_t round_up(uint64_t value, uint64_t step)
{
    return (value + step - 1) / step * step;
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
        cursor = round_up(start + region->size, page) + page;
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
        uint64_t whole = round_up(head + region->size, page);
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
        uint64_t tail = round_up(head + size, page) - head - size;
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
            return smh_error_set(error,
                                 "%s: $.machine.regions[%zu].metadata_in: the tables of "
                                 "\"%s\" take %" PRIu64 " bytes, \"%s\" has %" PRIu64,
                                 machine->scenario->path, i, config->regions[i].name, needed,
                                 config->regions[config->regions[i].metadata_in].name, host->size);
        }
        machine->regions[i].metadata_bytes = needed;
        tables[i] = host->memory + cut;
        host->size = cut;
    }
    return 0;
}

static const char *refusal(int code)
{
    switch (code) {
    case -ENOMEM:
        return "too small (or too large) for the engine";
    case -EFAULT:
        return "its base is null or no multiple of 8";
    case -EEXIST:
        return "it overlaps another region";
    case -EOVERFLOW:
        return "it wraps around the address space";
    default:
        return "the engine does not take this granule";
    }
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
        metadata_size = smh_heap_metadata_size(&heap);
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
    if (code != 0) {
        return smh_error_set(error,
                             "%s: $.machine.regions[%zu]: \"%s\" (%" PRIu64
                             " bytes) is refused by engine \"%s\": %s",
                             machine->scenario->path, index, config->name, config->size,
                             heap.engine->name, refusal(code));
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
