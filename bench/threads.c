/* threads.c: what do two threads cost each other?
 *
 * Owns: throughput of 1 and 2 threads that let blocks of 16 to 255 bytes come and go:
 *
 *     shared: both on the one region of a pool     own: each on its region of one pool
 *     |  r0  |<-- thread 0, thread 1               |  r0  |<-- thread 0   |  r1  |<-- thread 1
 *
 * Engines through smh_pool_* with the hosted port's locks; the system's allocators as they are
 * (`shared`). Every block carries its slot's tag, checked when it is freed. Contestants take turns
 * within a round; medians over the rounds, of times and of the ratios to
 * one thread in the same round. Each thread stays on a processor of its own. Wall time is the same
 * for 1 and 2 threads when they do not hinder each other and nothing else runs on the machine; the
 * processor time of the threads, which waiting does not count towards, tells what they cost each
 * other on a busy machine too: cache lines that travel, though not locks that are waited for.
 *
 * Result, one per contestant and way: contestant, way, threads, operations (of each thread),
 * rounds, ns_median and ratio (wall time per operation of one thread), cpu_ns_median and cpu_ratio
 * (processor time per operation).
 */
#include "../sim/error.h"
#include "../sim/random.h"
#include "harness/contestant.h"

#include <pthread.h>
#include <smh/pool.h>
#include <stdio.h>
#include <stdlib.h>

#define LIVE           256u
#define PAIRS          25000u /* short: a busy machine interrupts fewer of the rounds */
#define PAIRS_SMOKE    200u
#define REGION_BYTES   (1u << 20)
#define ROUNDS_DEFAULT 61
#define THREADS_MAX    2u

enum way { SHARED_1, SHARED_2, OWN_2, WAY_COUNT };
static const char *const way_names[WAY_COUNT] = {"shared", "shared", "own"};
static const unsigned way_threads[WAY_COUNT] = {1, 2, 2};

struct worker {
    pthread_t thread;
    pthread_barrier_t *start;
    struct bench_contestant *contestant;
    struct smh_pool *pool; /* NULL: the contestant itself */
    uint32_t attr;
    unsigned number;
    uint64_t seed;
    size_t pairs;
    double begun, done, cpu_seconds;
};

/* Of one run, in nanoseconds per operation. */
struct figures {
    double wall, cpu;
};

static void *ask(const struct worker *worker, size_t bytes)
{
    void *block = worker->pool != NULL
                      ? smh_pool_alloc(worker->pool, worker->attr, bytes)
                      : worker->contestant->calls.alloc(worker->contestant->arena, bytes);

    if (block == NULL) {
        bench_fail("%s: refused", worker->contestant->name);
    }
    return block;
}

static void give_back(const struct worker *worker, struct bench_block *held, uint32_t slot)
{
    if (!bench_tag_holds(held, held->bytes, slot)) {
        bench_fail("%s: a block lost its content", worker->contestant->name);
    }
    if (worker->pool == NULL) {
        worker->contestant->calls.free(worker->contestant->arena, held->block);
    } else if (smh_pool_free(worker->pool, held->block) != 0) {
        bench_fail("%s: the pool does not take a block back", worker->contestant->name);
    }
}

static void *work(void *context)
{
    struct worker *worker = context;
    struct bench_block held[LIVE] = {{0}};
    struct smh_random random;

    smh_random_init(&random, worker->seed, 4);
    bench_pin_thread(worker->number);
    pthread_barrier_wait(worker->start);
    worker->begun = bench_seconds();
    worker->cpu_seconds = -bench_thread_seconds();
    for (size_t i = 0; i < worker->pairs + LIVE; i++) {
        uint32_t slot = i < LIVE ? (uint32_t)i : (uint32_t)smh_random_below(&random, LIVE);

        if (held[slot].block != NULL) {
            give_back(worker, &held[slot], slot);
        }
        held[slot].bytes = 16 + smh_random_below(&random, 240);
        held[slot].block = ask(worker, held[slot].bytes);
        bench_tag(&held[slot], slot);
    }
    for (uint32_t slot = 0; slot < LIVE; slot++) {
        give_back(worker, &held[slot], slot);
    }
    worker->cpu_seconds += bench_thread_seconds();
    worker->done = bench_seconds();
    return NULL;
}

static void make_pool(struct smh_pool *pool, const struct bench_options *options,
                      const struct smh_engine *engine, uint8_t *memory, unsigned regions)
{
    smh_pool_init(pool, NULL);
    for (unsigned i = 0; i < regions; i++) {
        struct smh_region region = {.attr = i,
                                    .addr = (uintptr_t)memory + i * REGION_BYTES,
                                    .size = REGION_BYTES,
                                    .engine = engine,
                                    .granule = options->granule,
                                    .target_bits = options->target_bits};

        if (smh_pool_add(pool, &region) != 0) {
            bench_fail("%s: a region is refused", engine->name);
        }
    }
}

static struct figures run(const struct bench_options *options, struct bench_contestant *contestant,
                          enum way way, uint8_t *memory)
{
    static struct smh_pool pool;
    struct worker workers[THREADS_MAX] = {{0}};
    size_t pairs = options->smoke ? PAIRS_SMOKE : PAIRS;
    double per_operation = 1e9 / (double)(2 * (pairs + LIVE));
    double begun, done, cpu_seconds;
    pthread_barrier_t start;

    if (!contestant->system) {
        make_pool(&pool, options, contestant->engine, memory, way == OWN_2 ? 2 : 1);
    }
    pthread_barrier_init(&start, NULL, way_threads[way]);
    for (unsigned i = 0; i < way_threads[way]; i++) {
        workers[i] = (struct worker){.start = &start,
                                     .contestant = contestant,
                                     .pool = contestant->system ? NULL : &pool,
                                     .attr = way == OWN_2 ? i : 0,
                                     .number = i,
                                     .seed = options->seed + i,
                                     .pairs = pairs};
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0) {
            bench_fail("no thread");
        }
    }
    for (unsigned i = 0; i < way_threads[way]; i++) {
        pthread_join(workers[i].thread, NULL);
    }
    begun = workers[0].begun;
    done = workers[0].done;
    cpu_seconds = workers[0].cpu_seconds;
    for (unsigned i = 1; i < way_threads[way]; i++) {
        begun = workers[i].begun < begun ? workers[i].begun : begun;
        done = workers[i].done > done ? workers[i].done : done;
        cpu_seconds += workers[i].cpu_seconds;
    }
    pthread_barrier_destroy(&start);
    if (!contestant->system && smh_engine_find(contestant->name) == contestant->engine &&
        smh_pool_check(&pool, NULL, NULL) != 0) {
        bench_fail("%s: the pool is not sound at the end", contestant->name);
    }
    return (struct figures){(done - begun) * per_operation,
                            cpu_seconds / way_threads[way] * per_operation};
}

/* The median over the rounds of one figure of `way`, or of its ratio to one thread. */
static double median(const struct figures *runs, enum way way, size_t rounds, bool cpu, bool ratio)
{
    double *values = smh_must_allocate(rounds, sizeof(*values));
    double result;

    for (size_t round = 0; round < rounds; round++) {
        const struct figures *one = &runs[round];
        const struct figures *this = &runs[(size_t)way * rounds + round];

        values[round] = cpu ? this->cpu : this->wall;
        if (ratio) {
            values[round] /= cpu ? one->cpu : one->wall;
        }
    }
    result = bench_median(values, rounds);
    free(values);
    return result;
}

static void report(const struct bench_options *options, struct bench_contestant *contestant,
                   const struct figures *runs, size_t rounds, json_t *document)
{
    printf("%-16.16s", contestant->name);
    for (enum way way = 0; way < WAY_COUNT; way++) {
        double wall = median(runs, way, rounds, false, false);
        double wall_ratio = median(runs, way, rounds, false, true);
        double cpu = median(runs, way, rounds, true, false);
        double cpu_ratio = median(runs, way, rounds, true, true);

        if (contestant->system && way == OWN_2) {
            printf(" %23s", "-");
            continue;
        }
        printf(" %6.1f %4.2f %6.1f %4.2f", wall, wall_ratio, cpu, cpu_ratio);
        bench_document_add(
            document, json_pack("{s:s, s:s, s:i, s:I, s:i, s:f, s:f, s:f, s:f}", "contestant",
                                contestant->name, "way", way_names[way], "threads",
                                (int)way_threads[way], "operations",
                                (json_int_t)(2 * ((options->smoke ? PAIRS_SMOKE : PAIRS) + LIVE)),
                                "rounds", (int)rounds, "ns_median", wall, "ratio", wall_ratio,
                                "cpu_ns_median", cpu, "cpu_ratio", cpu_ratio));
    }
    printf("\n");
}

int main(int argc, char **argv)
{
    static struct bench_contestant contestants[BENCH_CONTESTANTS_MAX];
    struct bench_options options;
    size_t reference, count, rounds;
    uint8_t *memory;
    json_t *document;
    struct figures *runs; /* [contestant][way][round] */

    bench_options_read(&options, "threads", "One and two threads on one pool.", argc, argv);
    options.direct = false; /* without smh they have no lock */
    count = bench_contestants(&options, contestants, &reference);
    rounds = options.rounds != 0 ? options.rounds : options.smoke ? 1 : ROUNDS_DEFAULT;
    memory = bench_map(0, THREADS_MAX * REGION_BYTES);
    document = bench_document(&options);
    runs = smh_must_allocate(count * WAY_COUNT * rounds, sizeof(*runs));
    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = round; i < round + count; i++) {
            for (int way = 0; way < WAY_COUNT; way++) {
                size_t who = i % count;

                runs[(who * WAY_COUNT + (size_t)way) * rounds + round] =
                    run(&options, &contestants[who], (enum way)way, memory);
            }
        }
    }
    printf("ns per operation of one thread: wall time, processor time, each with its ratio to one "
           "thread; medians of %zu rounds\n%-16s %23s %23s %23s\n",
           rounds, "", "1 thread", "2, one region", "2, a region each");
    for (size_t i = 0; i < count; i++) {
        report(&options, &contestants[i], &runs[i * WAY_COUNT * rounds], rounds, document);
    }
    bench_document_write(&options, document);
    bench_unmap(memory, THREADS_MAX * REGION_BYTES);
    free(runs);
    return 0;
}
