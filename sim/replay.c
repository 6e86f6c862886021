/* replay.c: executes operations on the pool. See replay.h. */
#include "replay.h"

#include "clock.h"
#include "hardware.h"
#include "live_slots.h"
#include "metrics.h"
#include "model/contents.h"

#include <stdlib.h>
#include <string.h>

#define BATCH         512
#define PROGRESS_MASK 0xFFFF

struct replay {
    const struct smh_replay_options *options;
    struct smh_machine machine;
    struct smh_metrics metrics;
    struct smh_oracle oracle;
    struct smh_result *result;
    struct smh_hardware *hardware; /* NULL: memory is the only view */
    struct smh_live_slots slots;
    uint64_t index; /* of the operation under way */
    uint64_t serial;
    uint64_t next_validation;
    uint64_t time_ns;
    bool settles; /* somebody wants to know where a block lies */
};

static void note_latency(struct replay *replay, uint8_t kind, uint64_t start)
{
    smh_latency_note(&replay->result->latency[kind], smh_now_ns() - start);
}

static struct smh_live *slot_of(struct replay *replay, const struct smh_operation *operation,
                                struct smh_error *error)
{
    struct smh_live *live = smh_live_slots_find(&replay->slots, operation);
    if (live != NULL) {
        return live;
    }
    if (operation->actor >= replay->slots.actor_count) {
        smh_error_set(error, "operation %llu names actor %u of %zu",
                      (unsigned long long)replay->index, operation->actor,
                      replay->slots.actor_count);
        return NULL;
    }
    return smh_live_slots_grow(&replay->slots, operation);
}

static void note_failure(struct replay *replay, const struct smh_operation *operation)
{
    struct smh_failure failure = smh_metrics_refusal(replay->result, &replay->machine, operation);
    if (replay->options->metrics) {
        smh_metrics_fail(&replay->metrics, failure.attr);
    }
    smh_oracle_null(&replay->oracle, operation, replay->index);
}

static void *ask_pool(struct replay *replay, const struct smh_operation *operation)
{
    const struct smh_core *core = replay->machine.core;
    struct smh_pool *pool = &replay->machine.pool;
    size_t bytes = (size_t)operation->bytes;
    if (operation->kind == SMH_OPERATION_CALLOC && operation->align == 0 &&
        operation->prefer == NULL) {
        return core->pool_calloc(pool, operation->attr, 1, bytes);
    }
    void *block = operation->prefer != NULL
                      ? core->pool_alloc_prefer(pool, operation->prefer->attrs,
                                                operation->prefer->count, operation->align, bytes)
                      : core->pool_aligned_alloc(pool, operation->attr, operation->align, bytes);
    if (block != NULL && operation->kind == SMH_OPERATION_CALLOC) {
        memset(block, 0, bytes);
    }
    return block;
}

/* Books live->block, which the pool returned for operation. kept: contents it brings along. */
static void settle(struct replay *replay, struct smh_live *live,
                   const struct smh_operation *operation, const uint64_t *used_before,
                   uint64_t kept)
{
    int region = smh_pool_index_of(&replay->machine.pool, live->block);
    if (region < 0) {
        smh_oracle_report(&replay->oracle, "region", replay->index,
                          "a block of %llu bytes lies in no region",
                          (unsigned long long)live->bytes);
        live->block = NULL;
        return;
    }
    live->region = (uint16_t)region;
    if (replay->options->metrics) {
        uint64_t offset =
            (uint64_t)((uint8_t *)live->block - replay->machine.regions[region].memory);
        smh_metrics_gain(&replay->metrics, live->region, live->attr, offset, live->bytes);
    }
    smh_oracle_allocated(&replay->oracle, live, operation,
                         used_before != NULL ? used_before[region] : 0, kept, replay->index);
}

static void note_used(const struct replay *replay, uint64_t *used)
{
    for (size_t i = 0; i < replay->machine.region_count; i++) {
        used[i] = replay->machine.slots[i].heap.used_bytes;
    }
}

static void do_alloc(struct replay *replay, struct smh_live *live,
                     const struct smh_operation *operation)
{
    *live = (struct smh_live){.bytes = operation->bytes,
                              .attr = operation->attr,
                              .align = operation->align,
                              .serial = replay->serial++};
    if (operation->bytes == 0) {
        replay->result->zero_size++;
        return;
    }
    uint64_t used[SMH_REGIONS_MAX];
    bool judged = replay->options->checks == SMH_CHECKS_ALL;
    if (judged) {
        note_used(replay, used);
    }
    uint64_t start = replay->result->latency != NULL ? smh_now_ns() : 0;
    if (replay->hardware != NULL) {
        smh_hardware_begin(replay->hardware, operation, replay->index);
    }
    live->block = ask_pool(replay, operation);
    if (replay->result->latency != NULL) {
        note_latency(replay, operation->kind, start);
    }
    if (replay->hardware != NULL) {
        smh_hardware_allocated(replay->hardware, live);
    }
    if (live->block == NULL) {
        note_failure(replay, operation);
        return;
    }
    if (replay->settles) {
        settle(replay, live, operation, judged ? used : NULL, 0);
    }
    if (replay->hardware != NULL && live->block != NULL) {
        smh_hardware_handed_out(replay->hardware, operation, live);
    }
}

/* A buffer on the stack is left; the slot is empty either way. */
static void empty_slot(struct replay *replay, struct smh_live *live)
{
    if (live->on_stack && replay->hardware != NULL) {
        smh_hardware_freeing(replay->hardware, live, replay->index);
    }
    if (live->versions != NULL) {
        free(live->versions);
    }
    *live = (struct smh_live){0};
}

static void do_free(struct replay *replay, struct smh_live *live,
                    const struct smh_operation *operation)
{
    struct smh_hardware *hardware = replay->hardware;
    if (live->on_stack) {
        empty_slot(replay, live);
        return;
    }
    smh_oracle_leaving(&replay->oracle, live, replay->index);
    if (hardware != NULL) {
        smh_hardware_freeing(hardware, live, replay->index);
        smh_hardware_begin(hardware, operation, replay->index);
    }
    uint64_t start = replay->result->latency != NULL ? smh_now_ns() : 0;
    int code = replay->machine.core->pool_free(&replay->machine.pool, live->block);
    if (replay->result->latency != NULL) {
        note_latency(replay, operation->kind, start);
    }
    if (hardware != NULL) {
        smh_hardware_freed(hardware, live);
    }
    if (code != 0) {
        smh_oracle_report(&replay->oracle, "verdict", replay->index,
                          "free of a live block of %llu bytes gave %d",
                          (unsigned long long)live->bytes, code);
    } else {
        smh_oracle_freed(&replay->oracle, live, replay->index);
    }
    if (replay->options->metrics) {
        smh_metrics_lose(&replay->metrics, live->region, live->attr, live->bytes);
    }
    empty_slot(replay, live);
}

/* The block moved or changed size in place. */
static void resized(struct replay *replay, struct smh_live *live, void *block,
                    const struct smh_operation *operation)
{
    uint64_t kept = live->bytes < operation->bytes ? live->bytes : operation->bytes;
    if (replay->options->metrics) {
        smh_metrics_lose(&replay->metrics, live->region, live->attr, live->bytes);
    }
    uint64_t old_bytes = live->bytes;
    live->block = block;
    live->bytes = operation->bytes;
    live->attr = operation->attr;
    live->align = operation->align;
    smh_oracle_resize_versions(live, old_bytes);
    if (replay->settles) {
        settle(replay, live, operation, NULL, kept);
    }
    if (replay->hardware != NULL && live->block != NULL) {
        smh_hardware_grown(replay->hardware, live, kept);
    }
}

static void *realloc_as(struct smh_machine *machine, uint32_t attr, void *block,
                        const struct smh_operation *operation)
{
    size_t bytes = (size_t)operation->bytes;
    return operation->align == 0 ? machine->core->pool_realloc(&machine->pool, attr, block, bytes)
                                 : machine->core->pool_aligned_realloc(&machine->pool, attr, block,
                                                                       operation->align, bytes);
}

/* With a list of attributes: the one that the block lives under first, then the list's order. */
static void *ask_realloc(struct replay *replay, const struct smh_live *live,
                         const struct smh_operation *operation)
{
    struct smh_machine *machine = &replay->machine;
    const struct smh_attr_list *prefer = operation->prefer;
    if (prefer == NULL) {
        return realloc_as(machine, operation->attr, live->block, operation);
    }
    int region = smh_pool_index_of(&machine->pool, live->block);
    const struct smh_scenario *scenario = replay->machine.scenario;
    size_t first = 0;
    for (size_t i = prefer->count; region >= 0 && i-- > 0;) {
        if (scenario->match(scenario->machine.regions[region].attr, prefer->attrs[i])) {
            first = i;
        }
    }
    void *block = realloc_as(machine, prefer->attrs[first], live->block, operation);
    for (size_t i = 0; block == NULL && i < prefer->count; i++) {
        block = i == first ? NULL : realloc_as(machine, prefer->attrs[i], live->block, operation);
    }
    return block;
}

static void do_realloc(struct replay *replay, struct smh_live *live,
                       const struct smh_operation *operation)
{
    if (operation->bytes == 0) {
        do_free(replay, live, operation);
        return;
    }
    struct smh_live before = *live;
    smh_oracle_leaving(&replay->oracle, live, replay->index);
    uint64_t start = replay->result->latency != NULL ? smh_now_ns() : 0;
    if (replay->hardware != NULL) {
        smh_hardware_begin(replay->hardware, operation, replay->index);
    }
    void *block = ask_realloc(replay, live, operation);
    if (replay->result->latency != NULL) {
        note_latency(replay, operation->kind, start);
    }
    if (replay->hardware != NULL) {
        smh_hardware_resized(replay->hardware, operation, &before, block);
    }
    if (block != NULL) {
        resized(replay, live, block, operation);
        return;
    }
    smh_oracle_retake(&replay->oracle, &before, replay->index);
    note_failure(replay, operation);
}

static void do_access(struct replay *replay, struct smh_live *live,
                      const struct smh_operation *operation)
{
    uint64_t from = operation->offset < live->bytes ? operation->offset : live->bytes;
    uint64_t rest = live->bytes - from;
    uint64_t to =
        operation->bytes == 0 || operation->bytes > rest ? live->bytes : from + operation->bytes;
    if (!replay->settles || from == to) {
        return;
    }
    if (operation->kind == SMH_OPERATION_CPU_READ || operation->kind == SMH_OPERATION_DMA_READ) {
        smh_oracle_contents(&replay->oracle, live, from, to, replay->index);
    }
    if (operation->kind == SMH_OPERATION_CPU_WRITE || operation->kind == SMH_OPERATION_DMA_WRITE) {
        smh_oracle_write(live, from, to);
    }
    if (replay->hardware != NULL) {
        smh_hardware_access(replay->hardware, operation, live, from, to, replay->index);
    }
}

static int do_stack(struct replay *replay, struct smh_live *live,
                    const struct smh_operation *operation, struct smh_error *error)
{
    const struct smh_scenario *scenario = replay->machine.scenario;
    const struct smh_actor_config *actor =
        operation->actor < scenario->actor_count ? &scenario->actors[operation->actor] : NULL;
    if (actor == NULL || operation->bytes == 0 || operation->offset < actor->stack_offset ||
        operation->offset - actor->stack_offset > actor->stack_bytes ||
        operation->bytes > actor->stack_offset + actor->stack_bytes - operation->offset) {
        return smh_error_set(error, "operation %llu: a buffer beside the stack of its actor",
                             (unsigned long long)replay->index);
    }
    *live = (struct smh_live){
        .block = replay->machine.regions[actor->stack_region].memory + operation->offset,
        .bytes = operation->bytes,
        .align = operation->align,
        .serial = replay->serial++,
        .region = (uint16_t)actor->stack_region,
        .on_stack = true,
    };
    smh_contents_fill(live->block, live->serial, 0, live->bytes);
    if (replay->hardware != NULL) {
        smh_hardware_stacked(replay->hardware, operation, live, replay->index);
    }
    return 0;
}

static int execute(struct replay *replay, const struct smh_operation *operation,
                   struct smh_error *error)
{
    struct smh_live *live = slot_of(replay, operation, error);
    if (live == NULL) {
        return -1;
    }
    replay->result->operations[operation->kind]++;
    /* A realloc of what could not be allocated is realloc(NULL, n). */
    bool first_try =
        live->block == NULL && operation->kind == SMH_OPERATION_REALLOC && operation->bytes != 0;
    if (operation->kind <= SMH_OPERATION_CALLOC || first_try) {
        do_alloc(replay, live, operation);
    } else if (operation->kind == SMH_OPERATION_FREE && live->block != NULL) {
        do_free(replay, live, operation);
    } else if (operation->kind == SMH_OPERATION_STACK) {
        return do_stack(replay, live, operation, error);
    } else if (operation->kind == SMH_OPERATION_BARRIER) {
        if (replay->hardware != NULL) {
            smh_hardware_access(replay->hardware, operation, NULL, 0, 0, replay->index);
        }
    } else if (live->block == NULL) {
        replay->result->skipped++;
    } else if (operation->kind == SMH_OPERATION_REALLOC) {
        do_realloc(replay, live, operation);
    } else {
        do_access(replay, live, operation);
    }
    return 0;
}

static void after(struct replay *replay, const struct smh_operation *operation)
{
    const struct smh_replay_options *options = replay->options;
    replay->time_ns = operation->time_ns;
    if (options->metrics) {
        smh_metrics_step(&replay->metrics, replay->index, operation->time_ns);
    }
    replay->index++;
    if (replay->index == replay->next_validation) {
        smh_oracle_heaps(&replay->oracle, replay->index);
        replay->next_validation += options->validate_every;
    }
    if ((replay->index & PROGRESS_MASK) == 0 && options->progress != NULL) {
        options->progress(options->context, replay->index, operation->time_ns);
    }
}

#define SOON 4 /* operations */

/* Fetches into the host's cache what the operations that come soon will need. */
static inline void foresee(const struct replay *replay, const struct smh_operation *batch, long at,
                           long count)
{
    if (replay->hardware == NULL || at + 3 * SOON >= count) {
        return;
    }
    const struct smh_live *live = smh_live_slots_find(&replay->slots, &batch[at + 3 * SOON]);
    if (live != NULL) {
        __builtin_prefetch(live);
    }
    for (int stage = 2; stage > 0; stage--) {
        const struct smh_operation *operation = &batch[at + stage * SOON];
        live = smh_live_slots_find(&replay->slots, operation);
        if (operation->kind == SMH_OPERATION_FREE && live != NULL) {
            smh_hardware_foresee(replay->hardware, live, stage == 1);
        }
    }
}

static int stream(struct replay *replay, struct smh_source *source, struct smh_error *error)
{
    struct smh_operation batch[BATCH];
    long count;
    while ((count = source->next(source, batch, BATCH, error)) > 0) {
        for (long i = 0; i < count; i++) {
            foresee(replay, batch, i, count);
            if (execute(replay, &batch[i], error) != 0) {
                return -1;
            }
            after(replay, &batch[i]);
            if (replay->result->violation_count > replay->options->violations_max) {
                replay->result->stopped = true;
                return 0;
            }
        }
    }
    return count < 0 ? -1 : 0;
}

/* The scenario does not free this block: what it holds has no value any more, and that another core
 * has left it dirty is no mistake. */
static void leave(struct replay *replay, struct smh_live *live,
                  const struct smh_operation *operation)
{
    struct smh_operation flush = {.kind = SMH_OPERATION_FLUSH, .actor = UINT16_MAX};
    for (; flush.core < replay->machine.scenario->machine.cores && !live->on_stack; flush.core++) {
        if (flush.core != operation->core) {
            smh_hardware_access(replay->hardware, &flush, live, 0, live->usable, replay->index);
        }
    }
    if (!live->on_stack) {
        smh_hardware_freeing(replay->hardware, live, replay->index);
    }
}

static void each_live(struct replay *replay,
                      void (*act)(struct replay *, struct smh_live *, const struct smh_operation *))
{
    const struct smh_scenario *scenario = replay->machine.scenario;
    for (size_t actor = 0; actor < replay->slots.actor_count; actor++) {
        struct smh_operation operation = {
            .kind = SMH_OPERATION_FREE, .time_ns = replay->time_ns, .actor = (uint16_t)actor};
        if (actor < scenario->actor_count) {
            operation.core = (uint8_t)scenario->actors[actor].core;
        }
        const struct smh_actor_slots *table = &replay->slots.actors[actor];
        for (size_t slot = 0; slot < table->capacity; slot++) {
            struct smh_live *live = &table->live[slot];
            operation.slot = (uint32_t)slot;
            if (live->block != NULL) {
                act(replay, live, &operation);
            }
        }
    }
}

/* Each actor frees what it still has. All is left before any is freed, since the allocator may
 * store beside the others. */
static void drain(struct replay *replay)
{
    if (replay->hardware != NULL) {
        each_live(replay, leave);
    }
    each_live(replay, do_free);
    smh_oracle_heaps(&replay->oracle, replay->index);
    smh_oracle_restored(&replay->oracle, replay->index);
}

/* The end of the workload: counters first, then what is still live is freed and judged, hazards
 * included: metadata that is lost may show only now. Of a heap that is known to be broken nothing
 * more is asked. */
static void conclude(struct replay *replay)
{
    struct smh_result *result = replay->result;
    result->operation_count = replay->index;
    result->simulated_ns = replay->time_ns;
    if (replay->hardware != NULL) {
        smh_hardware_finish(replay->hardware);
    }
    if (result->stopped) {
        return;
    }
    smh_oracle_heaps(&replay->oracle, replay->index);
    smh_metrics_finish(&replay->metrics, replay->index, replay->time_ns);
    if (replay->options->drain) {
        const struct smh_replay_options *usual = replay->options;
        struct smh_replay_options quiet = *usual;
        struct smh_latency *latency = result->latency;
        struct smh_cycles *cycles = result->cycles;
        quiet.metrics = false;
        replay->options = &quiet;
        result->latency = NULL;
        result->cycles = NULL;
        drain(replay);
        replay->options = usual;
        result->latency = latency;
        result->cycles = cycles;
    }
}

static void prepare(struct replay *replay, const struct smh_scenario *scenario)
{
    const struct smh_replay_options *options = replay->options;
    struct smh_result *result = replay->result;
    result->scenario = scenario;
    result->engine = options->choice.engine != NULL ? options->choice.engine->name : NULL;
    result->policy = replay->machine.policy->name;
    result->seed = options->seed;
    smh_live_slots_open(&replay->slots, scenario->actor_count != 0 ? scenario->actor_count : 1);
    if (options->host_time) {
        result->latency = smh_must_allocate(SMH_OPERATION_KIND_COUNT, sizeof(*result->latency));
        result->clock_overhead_ns = smh_now_overhead_ns();
    }
    replay->next_validation = options->validate_every;
    replay->settles =
        options->metrics || options->checks != SMH_CHECKS_NONE || replay->hardware != NULL;
    smh_metrics_open(&replay->metrics, result, &replay->machine,
                     options->metrics && options->samples);
}

static int run(struct replay *replay, const struct smh_scenario *scenario,
               struct smh_source *source, struct smh_error *error)
{
    prepare(replay, scenario);
    if (smh_oracle_open(&replay->oracle, &replay->machine, replay->result, replay->options->checks,
                        error) != 0) {
        smh_metrics_close(&replay->metrics);
        return -1;
    }
    uint64_t start_ns = smh_thread_ns();
    int code = stream(replay, source, error);
    replay->result->host_seconds = (double)(smh_thread_ns() - start_ns) / 1e9;
    if (code == 0) {
        conclude(replay);
        smh_result_judge(replay->result);
    }
    smh_oracle_close(&replay->oracle);
    smh_metrics_close(&replay->metrics);
    return code;
}

/* On a machine with caches, or on one where memory is the only view. */
static int run_on_machine(struct replay *replay, const struct smh_scenario *scenario,
                          struct smh_source *source, struct smh_error *error)
{
    const struct smh_replay_options *options = replay->options;
    struct smh_machine_choice choice = options->choice;
    struct smh_hardware hardware;
    bool hazards = options->hazards || (options->source == NULL && !options->no_hazards &&
                                        smh_scenario_is_about_hazards(scenario));
    bool simulated = options->cycles || hazards;
    if (simulated) {
        choice.core = &smh_core_traced;
    }
    if (smh_machine_open(&replay->machine, scenario, &choice, error) != 0) {
        return -1;
    }
    int code = 0;
    if (simulated) {
        code = smh_hardware_open(&hardware, &replay->machine, replay->result, options->cycles,
                                 hazards, error);
        replay->hardware = code == 0 ? &hardware : NULL;
        if (code == 0 && hazards && options->program != NULL) {
            smh_judge_record(replay->result->judge, options->program);
        }
    }
    if (code == 0) {
        code = run(replay, scenario, source, error);
        if (simulated) {
            smh_hardware_close(&hardware);
        }
    }
    smh_machine_close(&replay->machine);
    return code;
}

int smh_replay(const struct smh_scenario *scenario, const struct smh_replay_options *options,
               struct smh_result *result, struct smh_error *error)
{
    struct replay replay = {.options = options, .result = result};
    memset(result, 0, sizeof(*result));
    struct smh_source *source = options->source != NULL
                                    ? options->source
                                    : smh_workload_open(scenario, options->seed, error);
    int code = source == NULL ? -1 : run_on_machine(&replay, scenario, source, error);
    smh_live_slots_close(&replay.slots);
    if (source != NULL) {
        source->close(source);
    }
    if (code != 0) {
        smh_result_free(result);
        memset(result, 0, sizeof(*result));
    }
    return code;
}
