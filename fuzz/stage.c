/* stage.c: oracle and live blocks of a target, and its ends. See stage.h. */
#include "stage.h"

#include "../sim/clock.h"
#include "../sim/model/contents.h"
#include "../sim/model/room.h"

#include <smh/port.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static struct smh_result result;

uint64_t fuzz_operations;
const struct smh_engine *fuzz_forced_engine;
uint64_t fuzz_steps;
uint64_t fuzz_alarm;
void (*fuzz_alarm_rings)(void);

__attribute__((no_sanitize("address", "undefined"))) void __wrap___sanitizer_cov_trace_pc(void)
{
    if (++fuzz_steps == fuzz_alarm) {
        fuzz_alarm_rings();
    }
}

void fuzz_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)fprintf(stderr, "%s: ", fuzz_target);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
    va_end(arguments);
    abort();
}

static void judge(const struct fuzz_stage *stage)
{
    if (result.violation_count != 0) {
        fuzz_fail("step %llu: %s: %s", (unsigned long long)stage->index,
                  result.violations[0].oracle, result.violations[0].message);
    }
}

uint64_t fuzz_seed_of(const uint8_t *bytes, size_t size)
{
    uint64_t seed = size;
    for (size_t at = 0; at < size; at += 8) {
        uint64_t word = 0;
        memcpy(&word, bytes + at, size - at < 8 ? size - at : 8);
        seed = (seed ^ word ^ seed >> 29) * UINT64_C(0x9E3779B97F4A7C15);
    }
    return seed >> 16; /* the lowest bits are the least mixed */
}

bool fuzz_has_room(const struct smh_heap *heap, const struct smh_operation *operation)
{
    return smh_room_for(heap, operation->align, (size_t)operation->bytes);
}

void fuzz_stage_watch(struct fuzz_stage *stage)
{
    struct smh_error error;
    FUZZ_REQUIRE(
        smh_oracle_open(&stage->oracle, &stage->machine, &result, SMH_CHECKS_ALL, &error) == 0,
        "%s", error.message);
}

void fuzz_hide(const struct smh_live *live)
{
    smh_port_poison(live->block, (size_t)live->usable);
}

void fuzz_show(const struct smh_live *live)
{
    smh_port_unpoison(live->block, (size_t)live->usable);
}

static int region_of(const struct fuzz_stage *stage, const void *block)
{
    for (size_t i = 0; i < stage->machine.region_count; i++) {
        if ((uintptr_t)block - (uintptr_t)stage->memory[i] < stage->size[i]) {
            return (int)i;
        }
    }
    return -1;
}

void fuzz_entered(struct fuzz_stage *stage, struct smh_live *live,
                  const struct smh_operation *operation, void *block, uint64_t used_before,
                  uint64_t kept)
{
    int region = region_of(stage, block);
    FUZZ_REQUIRE(region >= 0, "step %llu: a block of %llu bytes lies in no region",
                 (unsigned long long)stage->index, (unsigned long long)operation->bytes);
    live->block = block;
    live->bytes = operation->bytes;
    live->attr = operation->attr;
    live->align = operation->align;
    live->region = (uint16_t)region;
    size_t offset = (uintptr_t)block - (uintptr_t)stage->memory[region];
    smh_oracle_allocated(&stage->oracle, live, operation, used_before, kept, stage->index);
    judge(stage);
    stage->held[region] += live->usable;
    FUZZ_REQUIRE(live->usable <= stage->size[region] - offset,
                 "step %llu: a block of %llu usable bytes leaves its region",
                 (unsigned long long)stage->index, (unsigned long long)live->usable);
    fuzz_hide(live);
}

void fuzz_leaving(struct fuzz_stage *stage, struct smh_live *live)
{
    fuzz_show(live);
    stage->free_most_before = stage->free_most[live->region];
    stage->used_before = stage->slots[live->region].heap.used_bytes;
    stage->free_most[live->region] = 0;
    stage->held[live->region] -= live->usable;
    /* Verdicts without a start bitmap are not promised to be exact. */
    if (!stage->exact) {
        stage->oracle.probe = UINT64_MAX;
    } else if (stage->serial % 8 == 0) {
        stage->oracle.probe = 1;
    }
    smh_oracle_leaving(&stage->oracle, live, stage->index);
    judge(stage);
}

void fuzz_left(struct fuzz_stage *stage, struct smh_live *live, int code)
{
    FUZZ_REQUIRE(code == 0, "step %llu: free of a live block of %llu bytes gave %d",
                 (unsigned long long)stage->index, (unsigned long long)live->bytes, code);
    size_t freed = stage->used_before - stage->slots[live->region].heap.used_bytes;
    if (stage->free_most_before != 0 && freed <= stage->used_before) {
        /* With a neighbour on either side; or, of buddies, twice the largest that was joined. */
        stage->free_most[live->region] = 2 * stage->free_most_before + freed;
    }
    smh_oracle_freed(&stage->oracle, live, stage->index);
    judge(stage);
    stage->freed[stage->freed_count++ % FUZZ_FREED_KEPT] = live->block;
    live->block = NULL;
}

void fuzz_stayed(struct fuzz_stage *stage, struct smh_live *live)
{
    stage->free_most[live->region] = 0;
    stage->held[live->region] += live->usable;
    smh_oracle_retake(&stage->oracle, live, stage->index);
    judge(stage);
    fuzz_hide(live);
}

/* Bytes of the largest free chunk; 1 at least. */
static size_t largest_chunk(const struct smh_heap *heap)
{
    struct smh_chunk chunk = {0};
    size_t largest = 1;
    while (smh_heap_walk(heap, &chunk)) {
        if (!chunk.used && chunk.size > largest) {
            largest = chunk.size;
        }
    }
    return largest;
}

/* Free chunks grow by frees and resizes alone, and by a free no further than its neighbours, so
 * that most refusals need no walk. */
void fuzz_refused(struct fuzz_stage *stage, const struct smh_operation *operation)
{
    for (size_t i = 0; operation->bytes != 0 && i < stage->machine.region_count; i++) {
        const struct smh_heap *heap = &stage->slots[i].heap;
        size_t enough =
            heap->engine->sufficient_chunk(heap, operation->align, (size_t)operation->bytes);
        if (enough > stage->size[i] - stage->held[i]) {
            continue;
        }
        if (stage->free_most[i] == 0 || enough <= stage->free_most[i]) {
            stage->free_most[i] = largest_chunk(heap);
        }
        if (enough <= stage->free_most[i]) {
            smh_oracle_null(&stage->oracle, operation, stage->index);
            judge(stage);
            return;
        }
    }
}

static void touch(struct fuzz_stage *stage, struct smh_live *live,
                  const struct smh_operation *operation)
{
    uint64_t from = operation->offset < live->bytes ? operation->offset : live->bytes;
    uint64_t rest = live->bytes - from;
    uint64_t to =
        operation->bytes == 0 || operation->bytes > rest ? live->bytes : from + operation->bytes;
    fuzz_show(live);
    if (operation->kind == SMH_OPERATION_CPU_WRITE) {
        smh_contents_fill(live->block, live->serial, from, to);
    } else {
        smh_oracle_contents(&stage->oracle, live, from, to, stage->index);
    }
    judge(stage);
    fuzz_hide(live);
}

void fuzz_operation(struct fuzz_stage *stage, const struct fuzz_calls *calls, struct smh_live *live,
                    struct smh_operation *operation)
{
    bool again = operation->kind == SMH_OPERATION_REALLOC;
    if (operation->kind <= SMH_OPERATION_CALLOC || (live->block == NULL && again)) {
        calls->alloc(live, operation);
    } else if (live->block == NULL) {
        return;
    } else if (operation->kind == SMH_OPERATION_FREE) {
        calls->free(live);
    } else if (again) {
        calls->realloc(live, operation);
    } else {
        touch(stage, live, operation);
    }
}

void fuzz_validate(struct fuzz_stage *stage, bool empty)
{
    for (size_t i = 0; i < stage->machine.region_count; i++) {
        const struct smh_heap *heap = &stage->slots[i].heap;
        struct smh_fault fault = {0};
        FUZZ_REQUIRE(smh_heap_check(heap, &fault) == 0, "step %llu: region %zu+0x%zx: %s",
                     (unsigned long long)stage->index, i, fault.offset, fault.rule);
        FUZZ_REQUIRE(heap->live_blocks == stage->oracle.live_blocks[i],
                     "step %llu: region %zu counts %zu live blocks, there are %llu",
                     (unsigned long long)stage->index, i, heap->live_blocks,
                     (unsigned long long)stage->oracle.live_blocks[i]);
    }
    if (empty) {
        smh_oracle_restored(&stage->oracle, stage->index);
    }
    judge(stage);
}

void fuzz_drain(struct fuzz_stage *stage, const struct fuzz_calls *calls)
{
    for (size_t i = 0; i < SMH_FUZZ_SLOTS; i++) {
        if (stage->live[i].block != NULL) {
            calls->free(&stage->live[i]);
            fuzz_operations++;
        }
    }
    fuzz_validate(stage, true);
}

static const struct smh_live *owner_of(const struct fuzz_stage *stage, const void *address)
{
    for (size_t i = 0; i < SMH_FUZZ_SLOTS; i++) {
        const struct smh_live *live = &stage->live[i];
        if (live->block != NULL && (uintptr_t)address - (uintptr_t)live->block < live->usable) {
            return live;
        }
    }
    return NULL;
}

int fuzz_truth(const struct fuzz_stage *stage, size_t index, const void *address)
{
    size_t offset = (uintptr_t)address - (uintptr_t)stage->memory[index];
    if (offset >= stage->size[index]) {
        return -ENOENT;
    }
    const struct smh_live *owner = owner_of(stage, address);
    if (owner != NULL) {
        return owner->block == address ? 0 : -EINVAL;
    }
    struct smh_chunk chunk = {0};
    while (smh_heap_walk(&stage->slots[index].heap, &chunk)) {
        if (!chunk.used && offset >= chunk.offset && offset - chunk.offset < chunk.size) {
            return -EALREADY;
        }
    }
    return -EINVAL;
}

void *fuzz_wild_pointer(const struct fuzz_stage *stage, const struct smh_fuzz_step *step)
{
    size_t index = step->operation.slot % stage->machine.region_count;
    uint8_t *memory = stage->memory[index];
    size_t size = stage->size[index];
    const struct smh_live *live = &stage->live[step->operation.slot];
    size_t far;
    switch (step->misuse) {
    case SMH_FUZZ_MISUSE_INSIDE:
        return live->block == NULL ? NULL
                                   : (uint8_t *)live->block + step->argument % (live->usable + 8);
    case SMH_FUZZ_MISUSE_AGAIN:
        return stage->freed[step->argument % FUZZ_FREED_KEPT];
    case SMH_FUZZ_MISUSE_ANYWHERE:
        return memory + (size_t)step->argument * size / 65536;
    case SMH_FUZZ_MISUSE_OUTSIDE:
        /* The nearest ones more often. */
        far = step->argument / 4 % 64;
        far = far < 32 ? far % 2 : far - 32;
        switch (step->argument % 4) {
        case 0:
            return memory - 1 - far;
        case 1:
            return memory + size + far;
        case 2:
            return (void *)(uintptr_t)(1u + step->argument);
        default:
            return (void *)(UINTPTR_MAX - step->argument);
        }
    default:
        return NULL;
    }
}

/* What a run has done, in a line, when the program ends. Processor time: the host may be busy. */
static void print_figures(void)
{
    if (fuzz_operations == 0) {
        return;
    }
    double seconds = (double)smh_clock_ns(CLOCK_PROCESS_CPUTIME_ID) / 1e9;
    (void)fprintf(stderr, "%s: %llu checked operations in %.1f s, %.2f million a second\n",
                  fuzz_target, (unsigned long long)fuzz_operations, seconds,
                  (double)fuzz_operations / seconds / 1e6);
}

__attribute__((constructor)) static void print_figures_at_exit(void)
{
    (void)atexit(print_figures);
}
