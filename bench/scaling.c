/* scaling.c: does an operation cost the same in small and large heaps, with few and many blocks?
 *
 * Owns: nanoseconds per operation while blocks come and go at random (harness/churn.h), along two
 * axes: `live_N`, 10 to 10 million live blocks of 16 to 127 bytes; `heap_N`, heaps of 4 KB to 4 GB
 * with the same number of blocks at most, whose sizes grow with the heap.
 *
 *     live: [][][]  [][][][][][]  ...        heap: [ ][  ]   [    ][        ]   ...
 *
 * Turns, medians, ratios and the fields of a result: harness/compare.h. What grows with the number
 * of live blocks is for the most part the host's caches, which all contestants share: compare
 * ratios; instructions.c tells what the calls themselves take. Of 1 million blocks on, three rounds
 * are made. Who takes more than RATIO_MOST times the reference (searches that grow with the heap)
 * sits out the larger cases of the axis. Without --full the axes end at 1 million blocks and 256
 * MB.
 */
#include "harness/churn.h"
#include "harness/compare.h"

#include <stdio.h>

#define PAIRS        200000u
#define PAIRS_SMOKE  100u
#define HEAP_BLOCKS  2048u
#define LIVE_MOST    1000000u
#define LIVE_FULL    10000000u
#define LIVE_SMOKE   100u
#define HEAP_MOST    28 /* shift */
#define HEAP_FULL    32
#define HEAP_SMOKE   14
#define MANY         1000000u
#define MANY_ROUNDS  3
#define ARENA_FACTOR 16u
#define RATIO_MOST   10.0

static void run(struct bench_compare *compare, struct bench_case *measured,
                struct bench_churn churn)
{
    struct bench_trace fill, timed;

    churn.seed = compare->options->seed;
    churn.pairs = compare->options->smoke ? PAIRS_SMOKE : PAIRS;
    bench_churn_make(&churn, &fill, &timed);
    measured->ratio_most = RATIO_MOST;
    measured->fill = &fill;
    measured->timed = &timed;
    measured->slot_count = fill.slot_count;
    if (measured->arena_bytes == 0) {
        measured->arena_bytes = (size_t)bench_churn_peak(&fill, &timed) * 3 / 2 + 65536;
    }
    measured->arena_most = measured->arena_bytes * ARENA_FACTOR;
    bench_compare_case(compare, measured);
    bench_trace_free(&fill);
    bench_trace_free(&timed);
}

int main(int argc, char **argv)
{
    static struct bench_compare compare;
    struct bench_options options;
    size_t live_most;
    unsigned heap_most;

    bench_options_read(&options, "scaling",
                       "Nanoseconds per operation from 10 to 10 million blocks and 4 KB to 4 GB.",
                       argc, argv);
    live_most = options.smoke ? LIVE_SMOKE : options.full ? LIVE_FULL : LIVE_MOST;
    heap_most = options.smoke ? HEAP_SMOKE : options.full ? HEAP_FULL : HEAP_MOST;
    bench_compare_open(&compare, &options);
    for (size_t live = 10; live <= live_most; live *= 10) {
        struct bench_case measured = {.rounds = live < MANY ? 0 : MANY_ROUNDS};

        snprintf(measured.name, sizeof(measured.name), "live_%zu", live);
        run(&compare, &measured,
            (struct bench_churn){.live = live, .least_shift = 4, .most_shift = 7});
    }
    bench_compare_forgive(&compare);
    for (unsigned shift = 12; shift <= heap_most; shift += 2) {
        struct bench_case measured = {.arena_bytes = (size_t)1 << shift};
        uint64_t bytes = measured.arena_bytes;

        snprintf(measured.name, sizeof(measured.name), "heap_%zuK", measured.arena_bytes >> 10);
        run(&compare, &measured,
            (struct bench_churn){.live = HEAP_BLOCKS,
                                 .fill_bytes = bytes / 2,
                                 .least_shift = shift < 18 ? 4 : shift - 14,
                                 .most_shift = shift < 18 ? 7 : shift - 9});
    }
    bench_compare_close(&compare, false);
    return 0;
}
