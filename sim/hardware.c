/* hardware.c: accesses, from operations and from the traced core. See hardware.h. */
#include "hardware.h"

#include "hardware_hit.h"

#include <stdlib.h>
#include <string.h>

static int by_start(const void *left, const void *right)
{
    const struct smh_hardware_range *a = left;
    const struct smh_hardware_range *b = right;
    return (a->start > b->start) - (a->start < b->start);
}

/* A region in full: tables and stacks that were cut from its end lie in its memory, too. */
static void find_ranges(struct smh_hardware *hardware, bool with_hazards)
{
    const struct smh_machine *machine = hardware->machine;
    const struct smh_machine_config *config = &machine->scenario->machine;
    bool lines = config->cores > 1 || (with_hazards && !config->dirty_hand_out);
    hardware->line_shift = (unsigned)__builtin_ctz(config->line_bytes);
    hardware->range_count = machine->region_count;
    hardware->ranges = smh_must_allocate(machine->region_count, sizeof(*hardware->ranges));
    for (size_t i = 0; i < machine->region_count; i++) {
        hardware->ranges[i] = (struct smh_hardware_range){
            .start = (uintptr_t)machine->regions[i].memory,
            .bytes = config->regions[i].size,
            .skew = (uint32_t)(config->regions[i].base % config->line_bytes),
            .region = (uint16_t)i};
        if (lines && config->regions[i].cache != SMH_CACHE_NONE) {
            hardware->ranges[i].lines = smh_must_allocate(
                (size_t)(config->regions[i].size / config->line_bytes) + SMH_LINES_BEHIND, 1);
        }
    }
    qsort(hardware->ranges, hardware->range_count, sizeof(*hardware->ranges), by_start);
    hardware->range = hardware->ranges;
    hardware->run = smh_must_allocate(1, sizeof(*hardware->run));
}

static const struct smh_hardware_range *range_of(struct smh_hardware *hardware, uintptr_t address)
{
    const struct smh_hardware_range *range = hardware->range;
    if (address - range->start < range->bytes) {
        return range;
    }
    for (size_t i = 0; i < hardware->range_count; i++) {
        range = &hardware->ranges[i];
        if (address - range->start < range->bytes) {
            hardware->range = range;
            return range;
        }
    }
    return NULL; /* beside every region: the oracle's guards tell */
}

/* Whether every region is served by one of the traced core's own engines. */
static bool is_traced(const struct smh_machine *machine)
{
    for (size_t i = 0; i < machine->region_count; i++) {
        const struct smh_engine *engine = machine->slots[i].heap.engine;
        if (machine->core->engine_find(engine->name) != engine) {
            return false;
        }
    }
    return true;
}

int smh_hardware_open(struct smh_hardware *hardware, const struct smh_machine *machine,
                      struct smh_result *result, bool with_cycles, bool with_hazards,
                      struct smh_error *error)
{
    const struct smh_scenario *scenario = machine->scenario;
    memset(hardware, 0, sizeof(*hardware));
    hardware->machine = machine;
    hardware->result = result;
    find_ranges(hardware, with_hazards);
    uint8_t *truth[SMH_REGIONS_MAX];
    uint64_t sizes[SMH_REGIONS_MAX];
    for (size_t i = 0; i < machine->region_count; i++) {
        truth[i] = machine->regions[i].memory;
        sizes[i] = scenario->machine.regions[i].size;
    }
    hardware->memory = smh_memory_open(&scenario->machine, truth, sizes, error);
    if (hardware->memory != NULL && with_hazards) {
        result->judge = smh_judge_open(scenario, sizes, error);
        hardware->judge = result->judge;
    }
    if (hardware->memory == NULL || (with_hazards && hardware->judge == NULL)) {
        smh_hardware_close(hardware);
        return -1;
    }
    result->wrong_reads = smh_must_allocate(1, sizeof(*result->wrong_reads));
    if (with_cycles) {
        result->cycles = smh_cycles_open(scenario);
        result->cycles->traced = is_traced(machine);
    }
    return 0;
}

void smh_hardware_finish(struct smh_hardware *hardware)
{
    struct smh_cycles *cycles = hardware->result->cycles;
    if (cycles == NULL) {
        return;
    }
    size_t regions = hardware->machine->region_count;
    for (unsigned level = 0; level < SMH_CACHE_LEVELS; level++) {
        for (size_t i = 0; i < regions; i++) {
            smh_memory_counters(hardware->memory, level, (uint16_t)i,
                                &cycles->counters[level * regions + i]);
        }
    }
}

void smh_hardware_close(struct smh_hardware *hardware)
{
    if (hardware->memory != NULL) {
        smh_memory_close(hardware->memory);
    }
    for (size_t i = 0; i < hardware->range_count; i++) {
        free(hardware->ranges[i].lines);
    }
    free(hardware->ranges);
    free(hardware->run);
    memset(hardware, 0, sizeof(*hardware));
    smh_tracing_close();
}

/* --- one access ------------------------------------------------------------------------------ */

static void note_wrong_read(struct smh_hardware *hardware, const struct smh_access *access,
                            uint64_t offset)
{
    struct smh_wrong_reads *wrong = hardware->result->wrong_reads;
    if (wrong->count++ == 0) {
        wrong->operation = access->operation;
        wrong->offset = offset;
        wrong->region = access->region;
        wrong->core = access->kind == SMH_ACCESS_LOAD ? access->core : SMH_MEMORY_DEVICE;
        wrong->by_allocator = access->by_allocator;
    }
}

static inline __attribute__((always_inline)) void carry_out(struct smh_hardware *hardware,
                                                            const struct smh_access *access)
{
    hardware->cycles += smh_memory_access_inline(hardware->memory, access);
    if (__builtin_expect(hardware->memory->wrong_offset != UINT64_MAX, 0)) {
        note_wrong_read(hardware, access, hardware->memory->wrong_offset);
    }
    if (hardware->judge != NULL && !smh_judge_hit(hardware->judge, access)) {
        smh_judge_access_further(hardware->judge, access);
    }
}

static void share(struct smh_hardware *hardware, const struct smh_operation *operation,
                  uint64_t index)
{
    bool shared = hardware->machine->scenario->machine.l1_shared;
    hardware->access = (struct smh_access){
        .operation = index,
        .site = operation->site,
        .actor = operation->actor,
        .core = shared ? 0 : operation->core,
        .by_allocator = true,
    };
    hardware->call = operation->kind;
    smh_hit_settle(hardware->run);
    hardware->cycles = 0;
}

static uint64_t offset_of(const struct smh_hardware *hardware, const struct smh_live *live)
{
    return (uint64_t)((const uint8_t *)live->block -
                      hardware->machine->regions[live->region].memory);
}

static void forget(struct smh_hardware *hardware, const struct smh_live *live, uint64_t from,
                   uint64_t to)
{
    if (from < to) {
        smh_memory_forget(hardware->memory, live->region, offset_of(hardware, live) + from,
                          to - from);
    }
}

static void count_actor(struct smh_hardware *hardware, bool by_allocator)
{
    struct smh_cycles *cycles = hardware->result->cycles;
    uint16_t actor = hardware->access.actor;
    if (cycles != NULL && actor < cycles->actor_count) {
        cycles->actors[actor].cycles += hardware->cycles;
        cycles->actors[actor].allocator_cycles += by_allocator ? hardware->cycles : 0;
    }
}

/* The call of this kind is over. region: of the block; that past the last: none served it. */
static void count_call(struct smh_hardware *hardware, size_t region, uint8_t kind)
{
    struct smh_cycles *cycles = hardware->result->cycles;
    smh_hit_settle(hardware->run);
    if (cycles != NULL) {
        smh_latency_note(&cycles->latency[region * SMH_CALL_KINDS + kind], hardware->cycles);
    }
    count_actor(hardware, true);
}

/* --- what the core did ----------------------------------------------------------------------- */

/* Before anything else is asked of the core: its questions would be noted, too. */
static void stop_tracing(struct smh_hardware *hardware)
{
    size_t count = smh_tracing_end(&hardware->next);
    hardware->end = hardware->next + count;
}

static bool is_inside(const struct smh_traced_access *access, const struct smh_live *live)
{
    return live != NULL && access->address - (uintptr_t)live->block < live->usable &&
           access->bytes <= live->usable - (access->address - (uintptr_t)live->block);
}

/* The common case: one line, on the core where it was, and stored to before if it is now. */
static inline bool is_followed(const struct smh_hardware *hardware,
                               const struct smh_hardware_range *range,
                               const struct smh_access *access)
{
    uint64_t first = access->offset + range->skew;
    uint64_t line = first >> hardware->line_shift;
    uint8_t known = range->lines[line] | (access->kind == SMH_ACCESS_STORE ? 0 : LINE_STORED);
    return known == (LINE_STORED | (access->core + 1u)) &&
           line == (first + access->bytes - 1) >> hardware->line_shift;
}

static void carry_out_at(struct smh_hardware *hardware, uintptr_t address, uint32_t bytes,
                         bool store)
{
    const struct smh_hardware_range *range = range_of(hardware, address);
    if (range == NULL) {
        return;
    }
    struct smh_access *access = &hardware->access;
    access->kind = store ? SMH_ACCESS_STORE : SMH_ACCESS_LOAD;
    access->region = range->region;
    access->offset = address - range->start;
    access->bytes = bytes;
    if (range->lines != NULL && access->by_allocator && !is_followed(hardware, range, access)) {
        smh_hardware_follow(hardware, range, access);
    }
    carry_out(hardware, access);
}

/* Whatever the access is. */
static void take_any(struct smh_hardware *hardware, uintptr_t address, uint32_t bytes, bool store)
{
    carry_out_at(hardware, address, bytes, store);
    if (hardware->range != hardware->run->range) {
        smh_hit_find_run(hardware);
    }
}

static __attribute__((noinline)) void tell_judge(struct smh_hit_run *run, uintptr_t address,
                                                 uint32_t bytes, bool store)
{
    struct smh_hardware *hardware = run->hardware;
    uint64_t line = (address + run->bias) >> run->line_shift;
    if (!store && smh_judge_knows_tables(&run->words[line], run->core)) {
        return;
    }
    struct smh_access *access = &hardware->access;
    access->kind = store ? SMH_ACCESS_STORE : SMH_ACCESS_LOAD;
    access->region = run->range->region;
    access->offset = address - run->start;
    access->bytes = bytes;
    smh_judge_tables(hardware->judge, access);
}

static __attribute__((noinline)) void take_further(struct smh_hit_run *run, uintptr_t address,
                                                   uint32_t bytes, bool store)
{
    bool judged;
    if (!smh_hit_first(run, address, bytes, store, &judged)) {
        take_any(run->hardware, address, bytes, store);
    } else if (!judged) {
        tell_judge(run, address, bytes, store);
    }
}

/* An access of the allocator's that is no bulk one, with memory as it is after it. */
static inline __attribute__((always_inline)) void take(struct smh_hit_run *run, uintptr_t address,
                                                       uint32_t bytes, bool store)
{
    bool judged;
    if (__builtin_expect(!smh_hit_again(run, address, bytes, store, &judged), 0)) {
        take_further(run, address, bytes, store);
    } else if (__builtin_expect(!judged, 0)) {
        tell_judge(run, address, bytes, store);
    }
}

#define TAKERS(bytes)                                           \
    static void take_load##bytes(void *run, uintptr_t address)  \
    {                                                           \
        take(run, address, bytes, false);                       \
    }                                                           \
    static void take_store##bytes(void *run, uintptr_t address) \
    {                                                           \
        take(run, address, bytes, true);                        \
    }
TAKERS(1)
TAKERS(2)
TAKERS(4)
TAKERS(8)
static void take_wide_load(void *run, uintptr_t address)
{
    take_further(run, address, 8, false);
}
static void take_wide_store(void *run, uintptr_t address)
{
    take_further(run, address, 8, true);
}
/* By log2 of the target's word / 4. */
static const struct smh_tracing_takers takers[2] = {
    {.load = {take_load1, take_load2, take_load4, take_wide_load},
     .store = {take_store1, take_store2, take_store4, take_wide_store}},
    {.load = {take_load1, take_load2, take_load4, take_load8},
     .store = {take_store1, take_store2, take_store4, take_store8}},
};

void smh_hardware_begin(struct smh_hardware *hardware, const struct smh_operation *operation,
                        uint64_t index)
{
    const struct smh_machine *machine = hardware->machine;
    share(hardware, operation, index);
    hardware->run->operation = index;
    if (hardware->run->range == NULL || hardware->run->core != hardware->access.core) {
        smh_hit_find_run(hardware);
    }
    if (hardware->result->latency != NULL) { /* the call alone is timed */
        smh_tracing_begin(machine->reservation, machine->reservation_bytes);
    } else {
        smh_tracing_begin_taking(machine->reservation, machine->reservation_bytes,
                                 &takers[hardware->run->word_bytes / 8], hardware->run);
    }
}

/* Memory catches up with the log, as far as it is the allocator's: to the first bulk access inside
 * one of the two blocks (NULL: to the end). */
static void catch_up(struct smh_hardware *hardware, const struct smh_live *one,
                     const struct smh_live *other)
{
    struct smh_traced_access *logged = hardware->next;
    hardware->access.by_allocator = true;
    for (; logged < hardware->end; logged++) {
        if (logged->bulk && (is_inside(logged, one) || is_inside(logged, other))) {
            break;
        }
        smh_tracing_redo(logged);
        if (logged->bulk) {
            take_any(hardware, logged->address, logged->bytes, logged->store);
        } else {
            take_further(hardware->run, logged->address, logged->bytes, logged->store);
        }
    }
    hardware->next = logged;
}

/* The bulk accesses that come now: the owner's, or not carried out at all. */
static void catch_up_bulk(struct smh_hardware *hardware, bool carried_out)
{
    struct smh_traced_access *logged = hardware->next;
    hardware->access.by_allocator = false;
    for (; logged < hardware->end && logged->bulk; logged++) {
        smh_tracing_redo(logged);
        if (carried_out) {
            take_any(hardware, logged->address, logged->bytes, logged->store);
        }
    }
    hardware->next = logged;
}

static uint64_t usable_size(struct smh_hardware *hardware, const void *block)
{
    const struct smh_hardware_range *range = range_of(hardware, (uintptr_t)block);
    return range == NULL
               ? 0
               : smh_heap_usable_size(&hardware->machine->slots[range->region].heap, block);
}

static struct smh_owner owner_of(const struct smh_hardware *hardware,
                                 const struct smh_operation *operation, const struct smh_live *live,
                                 enum smh_owner_kind kind)
{
    return (struct smh_owner){
        .operation = hardware->access.operation,
        .site = operation->site,
        .offset = offset_of(hardware, live),
        .bytes = operation->bytes,
        .slot = operation->slot,
        .align = operation->align,
        .actor = operation->actor,
        .region = live->region,
        .kind = (uint8_t)kind,
    };
}

/* In a new block. */
static void drop_lines(struct smh_hardware *hardware, const struct smh_live *live)
{
    if (hardware->judge == NULL || hardware->machine->scenario->machine.dirty_hand_out) {
        return;
    }
    const struct smh_hardware_range *range = range_of(hardware, (uintptr_t)live->block);
    if (range != NULL && range->lines != NULL) {
        smh_hardware_drop(hardware, range, offset_of(hardware, live), live->usable);
    }
}

void smh_hardware_allocated(struct smh_hardware *hardware, const struct smh_live *live)
{
    struct smh_live block = *live;
    stop_tracing(hardware);
    if (live->block == NULL) {
        smh_tracing_undo();
        catch_up(hardware, NULL, NULL);
        count_call(hardware, hardware->machine->region_count, hardware->call);
        return;
    }
    block.usable = usable_size(hardware, live->block); /* before undo */
    hardware->usable = block.usable;
    if (hardware->end - hardware->next == 1 && hardware->next->bulk &&
        is_inside(hardware->next, &block)) {
        return; /* nothing but its zeroes, which are where they belong */
    }
    smh_tracing_undo();
    catch_up(hardware, &block, NULL);
    catch_up_bulk(hardware, false); /* told once the block has been handed out */
}

void smh_hardware_handed_out(struct smh_hardware *hardware, const struct smh_operation *operation,
                             struct smh_live *live)
{
    live->usable = hardware->usable; /* asked for in smh_hardware_allocated */
    drop_lines(hardware, live);
    forget(hardware, live, 0, live->usable);
    if (hardware->judge != NULL) {
        struct smh_owner owner = owner_of(hardware, operation, live, SMH_OWNER_BLOCK);
        smh_judge_hand_out(hardware->judge, &owner, live->usable);
    }
    if (operation->kind == SMH_OPERATION_CALLOC) {
        struct smh_access access = hardware->access;
        access.kind = SMH_ACCESS_STORE;
        access.by_allocator = false;
        access.region = live->region;
        access.offset = offset_of(hardware, live);
        access.bytes = live->bytes;
        carry_out(hardware, &access);
    }
    count_call(hardware, live->region, hardware->call);
}

/* The copy from one block to another, and what the allocator did before and behind it. */
static void move(struct smh_hardware *hardware, const struct smh_operation *operation,
                 const struct smh_live *before, const struct smh_live *live)
{
    catch_up(hardware, before, live);
    drop_lines(hardware, live);
    forget(hardware, live, 0, live->usable);
    if (hardware->judge != NULL) {
        struct smh_owner owner = owner_of(hardware, operation, live, SMH_OWNER_BLOCK);
        smh_judge_hand_out(hardware->judge, &owner, live->usable);
    }
    catch_up_bulk(hardware, true);
    smh_hardware_freeing(hardware, before, hardware->access.operation);
    catch_up(hardware, NULL, NULL);
}

void smh_hardware_resized(struct smh_hardware *hardware, const struct smh_operation *operation,
                          const struct smh_live *before, void *block)
{
    stop_tracing(hardware);
    struct smh_live live = *before;
    int region = block != NULL ? smh_pool_index_of(&hardware->machine->pool, block) : -1;
    if (region < 0) {
        smh_tracing_undo();
        catch_up(hardware, NULL, NULL);
        count_call(hardware, before->region, hardware->call);
        return;
    }
    live.block = block;
    live.region = (uint16_t)region;
    live.usable = usable_size(hardware, block); /* before undo */
    hardware->usable = live.usable;
    smh_tracing_undo();
    if (block != before->block) {
        move(hardware, operation, before, &live);
        return;
    }
    catch_up(hardware, NULL, NULL);
    if (hardware->judge != NULL) {
        struct smh_owner owner = owner_of(hardware, operation, &live, SMH_OWNER_BLOCK);
        smh_judge_resize(hardware->judge, &owner, live.usable);
    }
}

void smh_hardware_grown(struct smh_hardware *hardware, struct smh_live *live, uint64_t kept)
{
    live->usable = hardware->usable; /* asked for in smh_hardware_resized */
    forget(hardware, live, kept, live->usable);
    count_call(hardware, live->region, hardware->call);
}

void smh_hardware_foresee(const struct smh_hardware *hardware, const struct smh_live *live,
                          bool sooner)
{
    if (hardware->judge != NULL && live->block != NULL) {
        smh_judge_foresee(hardware->judge, live->region, offset_of(hardware, live), sooner);
    }
}

void smh_hardware_freeing(struct smh_hardware *hardware, const struct smh_live *live,
                          uint64_t index)
{
    if (hardware->judge != NULL) {
        smh_judge_free(hardware->judge, live->region, offset_of(hardware, live), index);
    }
    forget(hardware, live, 0, live->usable);
}

void smh_hardware_freed(struct smh_hardware *hardware, const struct smh_live *live)
{
    stop_tracing(hardware);
    smh_tracing_undo();
    catch_up(hardware, NULL, NULL);
    count_call(hardware, live->region, hardware->call);
}

/* --- what owners and devices do -------------------------------------------------------------- */

void smh_hardware_stacked(struct smh_hardware *hardware, const struct smh_operation *operation,
                          struct smh_live *live, uint64_t index)
{
    share(hardware, operation, index);
    live->usable = live->bytes;
    forget(hardware, live, 0, live->usable);
    if (hardware->judge != NULL) {
        struct smh_owner owner = owner_of(hardware, operation, live, SMH_OWNER_STACK);
        smh_judge_hand_out(hardware->judge, &owner, live->usable);
    }
}

static enum smh_access_kind access_kind(uint8_t operation)
{
    static const uint8_t kinds[SMH_OPERATION_KIND_COUNT] = {
        [SMH_OPERATION_CPU_READ] = SMH_ACCESS_LOAD,
        [SMH_OPERATION_CPU_WRITE] = SMH_ACCESS_STORE,
        [SMH_OPERATION_DMA_READ] = SMH_ACCESS_DMA_READ,
        [SMH_OPERATION_DMA_WRITE] = SMH_ACCESS_DMA_WRITE,
        [SMH_OPERATION_CLEAN] = SMH_ACCESS_CLEAN,
        [SMH_OPERATION_INVALIDATE] = SMH_ACCESS_INVALIDATE,
        [SMH_OPERATION_FLUSH] = SMH_ACCESS_FLUSH,
        [SMH_OPERATION_BARRIER] = SMH_ACCESS_BARRIER,
    };
    return (enum smh_access_kind)kinds[operation];
}

void smh_hardware_access(struct smh_hardware *hardware, const struct smh_operation *operation,
                         const struct smh_live *live, uint64_t from, uint64_t to, uint64_t index)
{
    const struct smh_scenario *scenario = hardware->machine->scenario;
    share(hardware, operation, index);
    struct smh_access *access = &hardware->access;
    access->by_allocator = false;
    access->kind = (uint8_t)access_kind(operation->kind);
    access->uncached = operation->uncached;
    if (access->kind >= SMH_ACCESS_CLEAN && access->kind <= SMH_ACCESS_FLUSH &&
        operation->actor < scenario->actor_count) {
        access->step = scenario->actors[operation->actor].driver_line;
    }
    if (live != NULL) {
        access->region = live->region;
        access->offset = offset_of(hardware, live) + from;
        access->bytes = to - from;
    }
    carry_out(hardware, access);
    count_actor(hardware, false);
}
