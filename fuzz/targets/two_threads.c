/* two_threads.c: two threads on one pool, under a scheduler that the input decides.
 *
 * Owns: the two threads, as contexts of one thread of the host; and the port: every lock that the
 * core takes or releases is a point at which the other may go on, and so is one place a call in
 * the midst of the core, so that any order of critical sections can be had, and had again.
 *
 *     thread 0   ask -> lock [critical] unlock -> copy -> lock [critical] unlock -> judged
 *     thread 1             ^ here ^           ^ and here: one bit each, of the record's argument
 *                                 ^ or anywhere: after so many edges of the core's control flow
 *
 * Each thread executes one half of the records on blocks of its own. What the oracle says of a
 * refusal, or of the space a block takes, is asked only when the other thread did nothing
 * meanwhile; of a heap nothing is asked while the other holds its lock. Data races between
 * processors are ThreadSanitizer's business (make check-tsan).
 *
 * Invariants: no lock is held twice, no two by one thread; none is held when all is done. While
 * the core works, AddressSanitizer traps what is touched without its lock (a slot's heap; what is
 * to be the next slot's; the pool's count of failures), and the bytes of the user's that a resize
 * is to keep, while a lock is held.
 */
#include "../judges/midway.h"
#include "../stage.h"

#include <smh/port.h>
#include <smh/shared_multi_heap.h>

#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

const char fuzz_target[] = "two_threads";

#define THREADS     2
#define STACK_BYTES ((size_t)1 << 18)
#define NO_THREAD   2u
#define SPARE_ATTR  1000u
#define SPARE_BYTES ((size_t)1024)
#define LINKS_BYTES 16u

struct thread {
    ucontext_t context;
    struct smh_fuzz_input input;
    struct smh_live live[SMH_FUZZ_SLOTS];
    uint32_t schedule;      /* a bit for each lock of the step under way */
    unsigned stop;          /* where the other goes on in the midst of its calls; 0: nowhere */
    uint64_t edges;         /* of the core until then; 0: passed */
    uint64_t period;        /* and so many edges later again; 0: not in this call */
    struct smh_lock *wants; /* blocked: the lock that the other holds */
    struct smh_lock *holds;
    const uint8_t *kept; /* the user's, to be kept by the call under way */
    size_t kept_bytes;
    bool inside; /* a call of the pool is under way */
    bool taking; /* one that may take memory */
    bool adding; /* one that adds a region */
    bool done;
};

static struct fuzz_stage stage;
static struct thread threads[THREADS];
static ucontext_t scheduler;
static unsigned running = NO_THREAD;
static uint64_t switches;
static uint64_t takes; /* calls that may take memory, begun since the start */
/* Regions that serve nobody and may be added meanwhile, between the others and beside them. */
static uint8_t *spares[SMH_FUZZ_REGIONS_MAX];
static unsigned spare_count;
static unsigned spares_added;
static unsigned spares_tried;
static unsigned shared_begun; /* times that the process-wide pool was said to be made */
static _Alignas(64) uint8_t stacks[THREADS][STACK_BYTES];

/* --- the port -------------------------------------------------------------------------------- */

void __sanitizer_start_switch_fiber(void **fake_stack, const void *bottom, size_t bytes)
    __attribute__((weak));
void __sanitizer_finish_switch_fiber(void *fake_stack, const void **bottom, size_t *bytes)
    __attribute__((weak));

static const void *host_stack;
static size_t host_stack_bytes;

/* How far it is to where the other goes on; and nothing happens there until wake(). */
static uint64_t hush(void)
{
    uint64_t edges = fuzz_alarm > fuzz_steps ? fuzz_alarm - fuzz_steps : 0;
    fuzz_alarm = 0;
    return edges;
}

static void wake(uint64_t edges)
{
    fuzz_alarm = edges == 0 ? 0 : fuzz_steps + edges;
}

static void shut(const void *memory, size_t bytes, bool closed)
{
    if (closed) {
        smh_port_poison(memory, bytes);
    } else {
        smh_port_unpoison(memory, bytes);
    }
}

/* What the running thread may touch, by where it is and what it holds. */
static void guard(void)
{
    static const struct thread outside;
    const struct thread *self = running == NO_THREAD ? &outside : &threads[running];
    struct smh_pool *pool = &stage.machine.pool;
    uint64_t edges = hush(); /* the port is compiled with the core */
    for (uint32_t i = 0; i < pool->slot_count; i++) {
        struct smh_pool_slot *slot = &pool->slots[i];
        const struct smh_lock *lock = i < pool->region_count ? &slot->lock : &pool->lock;
        shut(&slot->heap, sizeof(slot->heap), self->inside && self->holds != lock);
    }
    shut(&pool->failed_requests, sizeof(pool->failed_requests),
         self->inside && self->holds != &pool->lock);
    if (self->kept_bytes != 0) {
        shut(self->kept, self->kept_bytes, self->inside && self->holds != NULL);
    }
    wake(edges);
}

/* Leaves the running thread for the scheduler, which chooses the next. */
static void leave(void)
{
    struct thread *self = &threads[running];
    void *fake_stack = NULL;
    self->edges = hush();
    if (__sanitizer_start_switch_fiber != NULL) {
        __sanitizer_start_switch_fiber(self->done ? NULL : &fake_stack, host_stack,
                                       host_stack_bytes);
    }
    swapcontext(&self->context, &scheduler);
    if (__sanitizer_finish_switch_fiber != NULL) {
        __sanitizer_finish_switch_fiber(fake_stack, NULL, NULL);
    }
    guard();
    wake(self->edges != 0 ? self->edges : self->period);
}

/* The other thread may go on here. */
static void may_switch(void)
{
    if (running == NO_THREAD) {
        return;
    }
    unsigned bit = threads[running].schedule & 1u;
    threads[running].schedule >>= 1;
    if (bit != 0) {
        leave();
    }
}

/* words[0]: 0 open, else the number of the holder + 1 (3: no thread runs yet).
 * words[1]: where it was made. */
void smh_port_lock_init(struct smh_lock *lock)
{
    memset(lock, 0, sizeof(*lock));
    lock->words[1] = (uintptr_t)lock;
}

void smh_port_lock(struct smh_lock *lock)
{
    may_switch();
    FUZZ_REQUIRE(lock->words[1] == (uintptr_t)lock, "a lock is taken that was not made there");
    while (lock->words[0] != 0) {
        FUZZ_REQUIRE(running != NO_THREAD && lock->words[0] != running + 1,
                     "a lock is taken by the thread that holds it");
        threads[running].wants = lock;
        leave();
    }
    lock->words[0] = running + 1;
    if (running != NO_THREAD) {
        threads[running].wants = NULL;
        FUZZ_REQUIRE(threads[running].holds == NULL, "a thread holds two locks");
        threads[running].holds = lock;
    }
    guard();
    may_switch();
}

void smh_port_unlock(struct smh_lock *lock)
{
    FUZZ_REQUIRE(lock->words[0] == running + 1, "a lock is released that is not held");
    lock->words[0] = 0;
    if (running != NO_THREAD) {
        threads[running].holds = NULL;
    }
    guard();
    may_switch();
}

void smh_port_panic(const char *function, const char *what, const void *address)
{
    fuzz_fail("%s(%p): %s", function, address, what);
}

/* --- a thread -------------------------------------------------------------------------------- */

/* Around each call of the pool. `bytes` of block are the user's and stay so, or 0. */
static void enter(const void *block, size_t bytes)
{
    struct thread *self = &threads[running];
    /* A free under the lock writes its links to the beginning. */
    self->kept = bytes > LINKS_BYTES ? (const uint8_t *)block + LINKS_BYTES : NULL;
    self->kept_bytes = bytes > LINKS_BYTES ? bytes - LINKS_BYTES : 0;
    self->inside = true;
    /* Near the beginning more often. */
    fuzz_alarm_rings = leave;
    guard();
    wake(self->stop == 0 ? 0 : 1 + self->stop * self->stop / 64);
}

static void come_back(void)
{
    struct thread *self = &threads[running];
    (void)hush();
    self->period = 0;
    self->inside = false;
    FUZZ_REQUIRE(self->holds == NULL, "a call ends with a lock held");
    guard();
    self->kept_bytes = 0;
}

/* The heap of this block is at rest afterwards: the other does not stand in the midst of it. */
static void wait_for(const void *block)
{
    size_t i = 0;
    while ((uintptr_t)block - (uintptr_t)stage.memory[i] >= stage.size[i]) {
        i++;
        FUZZ_REQUIRE(i < stage.machine.region_count, "a block lies in no region");
    }
    while (threads[running ^ 1u].holds == &stage.slots[i].lock) {
        leave();
    }
}

/* Whether a region that may serve has room, while nobody stands in the midst of a heap. */
static bool has_room(const struct smh_operation *operation)
{
    for (size_t i = 0; i < stage.machine.region_count; i++) {
        const struct smh_heap *heap = &stage.slots[i].heap;
        const struct smh_region_config *region = &stage.region_configs[i];
        if (operation->prefer == NULL && stage.scenario.match(region->attr, operation->attr) &&
            (region->reserve_bytes == 0 || region->attr == operation->attr) &&
            fuzz_has_room(heap, operation)) {
            return true;
        }
    }
    return false;
}

static void do_alloc(struct smh_live *live, struct smh_operation *operation)
{
    struct smh_pool *pool = &stage.machine.pool;
    uint64_t before = switches;
    const struct thread *other = &threads[running ^ 1u];
    /* What has room keeps it as long as the other gives back alone. */
    bool room =
        operation->bytes != 0 && !other->taking && other->holds == NULL && has_room(operation);
    uint64_t taken = ++takes;
    threads[running].taking = true;
    enter(NULL, 0);
    void *block =
        operation->prefer != NULL
            ? smh_pool_alloc_prefer(pool, operation->prefer->attrs, operation->prefer->count,
                                    operation->align, (size_t)operation->bytes)
            : smh_pool_aligned_alloc(pool, operation->attr, operation->align,
                                     (size_t)operation->bytes);
    come_back();
    threads[running].taking = false;
    FUZZ_REQUIRE(block != NULL || !room || taken != takes,
                 "%llu bytes are refused, though a region has had room all the time",
                 (unsigned long long)operation->bytes);
    *live = (struct smh_live){.serial = stage.serial++};
    if (block != NULL) {
        wait_for(block);
        fuzz_entered(&stage, live, operation, block, UINT64_MAX, 0);
    } else if (before == switches && threads[running ^ 1u].holds == NULL) {
        fuzz_refused(&stage, operation);
    }
}

static void do_free(struct smh_live *live)
{
    wait_for(live->block);
    fuzz_leaving(&stage, live);
    stage.free_most_before = 0; /* the other may free meanwhile, too */
    /* fuzz_left asks whether the block lies in free space: the other may have taken it since. */
    uint64_t before = switches;
    void *block = live->block;
    enter(NULL, 0);
    int code = smh_pool_free(&stage.machine.pool, block);
    come_back();
    if (before != switches) {
        FUZZ_REQUIRE(code == 0, "free of a live block gave %d", code);
        live->block = NULL;
        return;
    }
    fuzz_left(&stage, live, code);
}

static void do_realloc(struct smh_live *live, struct smh_operation *operation)
{
    uint64_t kept = live->bytes < operation->bytes ? live->bytes : operation->bytes;
    uint64_t before = switches;
    operation->prefer = NULL;
    wait_for(live->block);
    fuzz_leaving(&stage, live);
    takes++;
    threads[running].taking = true;
    enter(live->block, (size_t)kept);
    void *block = smh_pool_aligned_realloc(&stage.machine.pool, operation->attr, live->block,
                                           operation->align, (size_t)operation->bytes);
    come_back();
    threads[running].taking = false;
    if (operation->bytes == 0) {
        FUZZ_REQUIRE(block == NULL, "realloc to 0 bytes gave a block");
        live->block = NULL;
    } else if (block != NULL) {
        wait_for(block);
        fuzz_entered(&stage, live, operation, block, 0, kept);
    } else {
        wait_for(live->block);
        fuzz_stayed(&stage, live);
        if (before == switches && threads[running ^ 1u].holds == NULL) {
            fuzz_refused(&stage, operation);
        }
    }
}

/* Both threads add the same region: one of them, once, succeeds. */
static void do_add(void)
{
    unsigned number = spares_added;
    struct smh_pool *pool = &stage.machine.pool;
    /* Later on there are blocks to look up. */
    if (number == spare_count || stage.serial < 8 * (uint64_t)(number + 1)) {
        return;
    }
    const struct smh_region region = {
        .attr = SPARE_ATTR, .addr = (uintptr_t)spares[number], .size = SPARE_BYTES};
    spares_tried = number + 1;
    enter(NULL, 0);
    /* What others see of the pool meanwhile changes every few steps. */
    threads[running].period = 1 + threads[running].stop % 16;
    wake(threads[running].period);
    threads[running].adding = true;
    int code = smh_pool_add(pool, &region);
    threads[running].adding = false;
    come_back();
    FUZZ_REQUIRE(code == 0 || code == -EEXIST, "add gives %d", code);
    /* Whoever succeeded may not have come back yet. */
    spares_added += code == 0;
    FUZZ_REQUIRE(spares_added <= spares_tried, "a region is added twice");
    enter(NULL, 0);
    int index = smh_pool_index_of(pool, spares[number] + SPARE_BYTES / 2);
    come_back();
    FUZZ_REQUIRE(index == (int)(stage.machine.region_count + number),
                 "a region just added is not found");
}

/* Questions about a block, which the other thread must not disturb. */
static void do_questions(const struct smh_live *live)
{
    const struct smh_pool *pool = &stage.machine.pool;
    if (live->block == NULL) {
        return;
    }
    enter(NULL, 0);
    int index = smh_pool_index_of(pool, live->block);
    int verdict = smh_pool_verdict(pool, live->block);
    size_t usable = smh_pool_usable_size(pool, live->block);
    come_back();
    FUZZ_REQUIRE(index == live->region && verdict == 0 && usable == live->usable,
                 "a live block is in region %d, its verdict %d, its usable size %zu", index,
                 verdict, usable);
}

static const struct fuzz_calls calls = {.alloc = do_alloc, .free = do_free, .realloc = do_realloc};

static void do_operation(struct smh_live *live, struct smh_operation *operation)
{
    if (operation->kind == SMH_OPERATION_CALLOC) {
        operation->kind = SMH_OPERATION_ALLOC;
    }
    fuzz_operation(&stage, &calls, live, operation);
}

static void do_step(struct thread *self, struct smh_fuzz_step *step)
{
    struct smh_pool *pool = &stage.machine.pool;
    struct smh_live *live = &self->live[step->operation.slot];
    struct smh_stats stats;
    int code;
    switch (step->kind) {
    case SMH_FUZZ_LARGEST:
        enter(NULL, 0);
        code = smh_pool_stats(pool, SMH_ATTR_ANY, &stats);
        come_back();
        FUZZ_REQUIRE(code == 0, "statistics give %d", code);
        do_add();
        break;
    case SMH_FUZZ_CHECK:
        enter(NULL, 0);
        code = smh_pool_check(pool, NULL, NULL);
        come_back();
        FUZZ_REQUIRE(code == 0, "the check gives %d", code);
        do_add();
        break;
    case SMH_FUZZ_MISUSE:
        enter(NULL, 0);
        code = smh_pool_free(pool, &stats);
        come_back();
        FUZZ_REQUIRE(code == -ENOENT, "an address outside the pool is freed");
        do_questions(live);
        do_add();
        break;
    default:
        do_operation(live, &step->operation);
        break;
    }
    /* The pool's order of regions may be in the midst of a change. */
    for (size_t i = 0; threads[running ^ 1u].adding && i < SMH_FUZZ_SLOTS; i++) {
        do_questions(&self->live[i]);
    }
}

/* Both threads make the process-wide pool: one of them, once, does. */
static void begin_shared(struct thread *self)
{
    const struct smh_fuzz_config *config = &self->input.config;
    self->schedule = config->swarm >> (config->regions[0].priority % 8);
    self->stop = config->regions[0].priority;
    enter(NULL, 0);
    int code = shared_multi_heap_pool_init();
    come_back();
    FUZZ_REQUIRE(code == 0 || code == -EALREADY, "the process-wide pool's init gives %d", code);
    shared_begun += code == 0;
}

static void run_thread(void)
{
    struct thread *self = &threads[running];
    struct smh_fuzz_step step;
    if (__sanitizer_finish_switch_fiber != NULL) {
        __sanitizer_finish_switch_fiber(NULL, &host_stack, &host_stack_bytes);
    }
    guard(); /* the other may be in the midst of a call */
    begin_shared(self);
    while (smh_fuzz_next(&self->input, &step)) {
        /* Eight bits as they are; of the many locks of a long search each fourth, by chance. */
        uint32_t later = step.argument * UINT32_C(2654435761);
        self->schedule = step.argument % 256 | (later & later << 7 & 0xFFFFFF00);
        self->stop = step.argument < 0x4000 ? 0 : (step.argument - 0x4000u) / 256;
        stage.index = step.operation.site;
        do_step(self, &step);
        fuzz_operations++;
        self->schedule = 1;
        may_switch(); /* between two steps, always */
    }
    self->schedule = 0;
    self->stop = 0;
    for (size_t i = 0; i < SMH_FUZZ_SLOTS; i++) {
        if (self->live[i].block != NULL) {
            do_free(&self->live[i]);
        }
    }
    self->done = true;
    leave();
}

static bool can_go_on(const struct thread *thread)
{
    return !thread->done && (thread->wants == NULL || thread->wants->words[0] == 0);
}

static void resume(unsigned next)
{
    void *fake_stack = NULL;
    running = next;
    if (__sanitizer_start_switch_fiber != NULL) {
        __sanitizer_start_switch_fiber(&fake_stack, stacks[next], STACK_BYTES);
    }
    swapcontext(&scheduler, &threads[next].context);
    if (__sanitizer_finish_switch_fiber != NULL) {
        __sanitizer_finish_switch_fiber(fake_stack, NULL, NULL);
    }
    running = NO_THREAD;
    switches++;
}

static void run_threads(void)
{
    unsigned next = 0;
    while (!threads[0].done || !threads[1].done) {
        if (!can_go_on(&threads[next])) {
            next ^= 1u;
            FUZZ_REQUIRE(can_go_on(&threads[next]), "both threads wait for ever");
        }
        resume(next);
        next ^= 1u;
    }
    FUZZ_REQUIRE(threads[0].holds == NULL && threads[1].holds == NULL, "a lock is never released");
}

/* In the places that the input has no region for. */
static void open_spares(const struct smh_fuzz_config *config)
{
    uint8_t *first =
        stage.memory[0] - config->regions[0].head - config->places[0] * SMH_FUZZ_STRIDE;
    size_t room = SMH_FUZZ_REGIONS_MAX - config->region_count;
    spares_added = 0;
    spares_tried = 0;
    /* Where bits are matched, a spare region would serve. */
    spare_count = config->match == smh_match_equal ? (unsigned)room : 0;
    for (unsigned i = 0; i < spare_count; i++) {
        spares[i] = first + config->places[config->region_count + i] * SMH_FUZZ_STRIDE;
        smh_port_unpoison(spares[i], SPARE_BYTES);
        memset(spares[i], 0xA5, SPARE_BYTES);
    }
}

static void close_spares(void)
{
    for (unsigned i = 0; i < spare_count; i++) {
        smh_port_poison(spares[i], SPARE_BYTES);
    }
    FUZZ_REQUIRE(smh_pool_region_count(&stage.machine.pool) ==
                         stage.machine.region_count + spares_added &&
                     spares_added == spares_tried,
                 "the pool has another number of regions than were added");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct smh_fuzz_input input;
    smh_fuzz_open(&input, bytes, size);
    input.config.spare_slot = true;
    uint64_t seed = fuzz_seed_of(bytes, size);
    if (seed % 16 == 0) {
        fuzz_judge_midway((unsigned)(seed / 16));
    }
    if (input.record_count < THREADS || !fuzz_stage_open(&stage, &input.config, true)) {
        return 0;
    }
    stage.machine.pool.unlocked = false;
    open_spares(&input.config);
    /* The oracle's probes read free space, where the other thread may be. */
    stage.exact = false;
    for (unsigned i = 0; i < THREADS; i++) {
        struct thread *thread = &threads[i];
        size_t half = input.record_count / 2;
        memset(thread, 0, sizeof(*thread));
        smh_fuzz_open(&thread->input, bytes, size);
        thread->input.record_count = half;
        thread->input.records =
            i == 0 ? input.records : input.records + half * SMH_FUZZ_RECORD_BYTES;
        (void)getcontext(&thread->context);
        thread->context.uc_stack.ss_sp = stacks[i];
        thread->context.uc_stack.ss_size = STACK_BYTES;
        makecontext(&thread->context, run_thread, 0);
    }
    shared_begun = 0;
    memset(smh_shared_pool(), 0, sizeof(struct smh_pool));
    /* Nobody makes the process-wide pool's own lock: it begins as zeros, which are an open one. */
    smh_port_lock_init(&smh_shared_pool()->lock);
    run_threads();
    FUZZ_REQUIRE(shared_begun == 1, "the process-wide pool was made %u times", shared_begun);
    close_spares();
    fuzz_validate(&stage, true);
    fuzz_stage_close(&stage);
    return 0;
}
