/* thread_stress.c: see thread_stress.h.
 *
 *     thread 0..3    alloc, realloc, free, questions; contents of a thread's own are checked
 *     main thread    adds regions meanwhile, each below all others, so that every order shifts
 *
 * What fails in a thread is noted there and judged in the main thread. Nothing here needs
 * Criterion, which cannot run under ThreadSanitizer.
 */
#include "thread_stress.h"

#include "../../sim/random.h"

#include <pthread.h>
#include <smh/pool.h>
#include <smh/port.h>
#include <smh/shared_multi_heap.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    THREADS = 4,
    STEPS = 20000,
    HELD = 24,
    REGIONS = 3,
    REGION_BYTES = 256 * 1024,
    ADDED = 250,
    ADDED_BYTES = 64
};

/* Regions of attribute 1 and 2 behind a room for the regions added later, of attribute 3. */
static _Alignas(4096) uint8_t memory[ADDED * ADDED_BYTES + REGIONS * REGION_BYTES];
static struct smh_pool_slot slots[REGIONS + ADDED];
static struct smh_pool pool;

struct held {
    uint8_t *at;
    size_t bytes;
    uint8_t value;
};

struct worker {
    pthread_t thread;
    struct smh_random random;
    struct held held[HELD];
    const char *complaint;
};

static void complain(struct worker *worker, const char *complaint)
{
    if (worker->complaint == NULL) {
        worker->complaint = complaint;
    }
}

static void verify(struct worker *worker, const struct held *held, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (held->at[i] != held->value) {
            complain(worker, "contents have changed");
            return;
        }
    }
}

/* Whatever is added meanwhile, regions that were there are found, and found to be what they are. */
static void ask(struct worker *worker, const struct held *held, uint32_t attr)
{
    const struct smh_region *region = smh_pool_region_of(&pool, held->at);
    struct smh_stats stats;

    if (region == NULL || region->attr != attr) {
        complain(worker, "a block's region is not found");
    }
    if (smh_pool_region_of(&pool, worker) != NULL) {
        complain(worker, "a stranger's region is found");
    }
    if (smh_pool_usable_size(&pool, held->at) < held->bytes) {
        complain(worker, "a block is too short");
    }
    if (smh_pool_verdict(&pool, held->at + 8) != -EINVAL) {
        complain(worker, "an interior pointer is not refused");
    }
    if (smh_pool_stats(&pool, attr, &stats) != 0 || stats.live_blocks == 0) {
        complain(worker, "the counters forget a block");
    }
}

/* The regions are large enough for all that is held, so a NULL is a region passed over. */
static void step(struct worker *worker)
{
    struct held *held = &worker->held[smh_random_below(&worker->random, HELD)];
    uint32_t attr = 1 + (uint32_t)smh_random_below(&worker->random, 2);
    size_t bytes = 16 + (size_t)smh_random_below(&worker->random, 1000);
    size_t kept = held->bytes < bytes ? held->bytes : bytes;
    uint8_t *at;

    if (held->at != NULL && smh_random_below(&worker->random, 2) == 0) {
        verify(worker, held, held->bytes);
        if (smh_pool_free(&pool, held->at) != 0) {
            complain(worker, "a live block cannot be freed");
        }
        held->at = NULL;
        return;
    }
    if (held->at == NULL) {
        kept = 0;
    }
    at = smh_pool_realloc(&pool, attr, held->at, bytes);
    if (at == NULL) {
        complain(worker, "NULL although there is room");
        return;
    }
    held->at = at;
    verify(worker, held, kept);
    held->bytes = bytes;
    held->value = (uint8_t)smh_random_next(&worker->random);
    memset(at, held->value, bytes);
    ask(worker, held, attr);
}

static void *work(void *argument)
{
    struct worker *worker = argument;

    for (size_t i = 0; i < STEPS && worker->complaint == NULL; i++) {
        step(worker);
    }
    for (size_t i = 0; i < HELD; i++) {
        if (worker->held[i].at != NULL) {
            verify(worker, &worker->held[i], worker->held[i].bytes);
            if (smh_pool_free(&pool, worker->held[i].at) != 0) {
                complain(worker, "a live block cannot be freed");
            }
        }
    }
    return NULL;
}

static int add(uint32_t attr, size_t offset, size_t size)
{
    struct smh_region region = {.attr = attr,
                                .addr = (uintptr_t)memory + offset,
                                .size = size,
                                .engine = &smh_engine_first_fit};

    return smh_pool_add(&pool, &region);
}

static const char *set_up(const struct smh_policy *policy)
{
    struct smh_pool_config config = {
        .policy = policy, .slots = slots, .slot_count = REGIONS + ADDED};

    if (smh_pool_init(&pool, &config) != 0) {
        return "the pool is refused";
    }
    for (uint32_t i = 0; i < REGIONS; i++) {
        if (add(i == 1 ? 2 : 1, ADDED * ADDED_BYTES + i * REGION_BYTES, REGION_BYTES) != 0) {
            return "a region is refused";
        }
    }
    return NULL;
}

static const char *judge_the_end(void)
{
    struct smh_stats stats;

    if (smh_pool_check(&pool, NULL, NULL) != 0) {
        return "the validator says no";
    }
    if (smh_pool_stats(&pool, SMH_ATTR_ANY, &stats) != 0 || stats.live_blocks != 0 ||
        stats.used_bytes != 0 || stats.failed_requests != 0) {
        return "the counters do not come back to zero";
    }
    return NULL;
}

const char *thread_stress_run(const struct smh_policy *policy)
{
    static struct worker workers[THREADS];
    const char *complaint = set_up(policy);

    if (complaint != NULL) {
        return complaint;
    }
    memset(workers, 0, sizeof(workers));
    for (size_t i = 0; i < THREADS; i++) {
        smh_random_init(&workers[i].random, 1, i);
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0) {
            abort(); /* others may run already: nothing to return to */
        }
    }
    for (size_t i = ADDED; i-- > 0;) {
        static const struct timespec a_while = {.tv_nsec = 50000};

        nanosleep(&a_while, NULL); /* so that the adding lasts as long as the requests */
        if (add(3, i * ADDED_BYTES, ADDED_BYTES) != 0 ||
            smh_pool_index_of(&pool, memory + i * ADDED_BYTES) != (int)(REGIONS + ADDED - 1 - i)) {
            complaint = "a region is not added, or not found";
        }
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        if (workers[i].complaint != NULL) {
            complaint = workers[i].complaint;
        }
    }
    return complaint != NULL ? complaint : judge_the_end();
}

/* All initialise, all add the same three regions, all count who was first. */
static struct {
    pthread_barrier_t barrier;
    int initialised[THREADS];
    int added[THREADS];
} race;

static void *initialise(void *argument)
{
    size_t self = (size_t)(uintptr_t)argument;

    pthread_barrier_wait(&race.barrier);
    (void)shared_multi_heap_alloc(SMH_REG_ATTR_CACHEABLE, 8);
    race.initialised[self] = shared_multi_heap_pool_init() == 0;
    for (size_t i = 0; i < REGIONS; i++) {
        struct shared_multi_heap_region region = {
            .attr = SMH_REG_ATTR_CACHEABLE, .addr = (uintptr_t)memory + i * 8192, .size = 8192};

        race.added[self] += shared_multi_heap_add(&region, NULL) == 0;
    }
    shared_multi_heap_free(shared_multi_heap_alloc(SMH_REG_ATTR_CACHEABLE, 100));
    return NULL;
}

const char *thread_stress_race(void)
{
    pthread_t threads[THREADS];
    int initialised = 0;
    int added = 0;

    pthread_barrier_init(&race.barrier, NULL, THREADS);
    for (size_t i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, initialise, (void *)(uintptr_t)i) != 0) {
            abort(); /* the others wait for it */
        }
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        initialised += race.initialised[i];
        added += race.added[i];
    }
    if (initialised != 1) {
        return "the shared pool is initialised other than once";
    }
    if (added != REGIONS || smh_pool_region_count(smh_shared_pool()) != REGIONS) {
        return "a region is added other than once";
    }
    return smh_pool_check(smh_shared_pool(), NULL, NULL) == 0 ? NULL : "the validator says no";
}
