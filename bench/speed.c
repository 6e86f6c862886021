/* speed.c: how long does an operation take?
 *
 * Owns: nanoseconds per operation of replaying recorded traces: alloc, realloc and free only, the
 * first and the last byte of every block written, no checks in the timed replays.
 *
 *     round 1:  A B C D      each: a fresh arena, then the trace, again and again for SLICE_SECONDS
 *     round 2:    B C D A    ratios are taken within a round, medians over the rounds
 *     ...
 *
 * All get the same arena, ROOM_PER_CENT of the peak; who cannot complete the trace there gets one
 * twice as large, and so on. A rehearsal before the first round checks the content of every block
 * and warms the pages; every timed replay must complete.
 *
 * Result, one per contestant and trace: contestant, trace, operations, arena_bytes, rounds,
 * ns_median, ns_least, ratio (median of the ratios to `reference`). Depends on the machine and on
 * what else runs on it; the ratios less so.
 */
#include "harness/contestant.h"

#include "../sim/error.h"

#include <stdio.h>
#include <stdlib.h>

#define ROUNDS_DEFAULT 9
#define ROUNDS_MAX     10000
#define SLICE_SECONDS  0.02
#define ROOM_PER_CENT  150
#define ARENA_EXTRA    65536u
#define ARENA_FACTOR   64u

struct measured {
    size_t arena_bytes; /* 0: could not complete the trace */
    double *ns;         /* [round] */
    double *ratios;
    double median, least, ratio;
};

struct speed {
    struct bench_options options;
    struct bench_contestant contestants[BENCH_CONTESTANTS_MAX];
    size_t count, reference, rounds;
    struct bench_trace trace;
    struct measured *measured; /* [trace][contestant] */
    struct bench_block *slots;
    uint8_t *memory;
};

/* One replay in a fresh arena; seconds. */
static double replay(struct speed *speed, struct bench_contestant *contestant, size_t arena_bytes)
{
    double start, end;
    size_t done;

    if (!bench_contestant_start(contestant, &speed->options, speed->memory, arena_bytes)) {
        bench_fail("%s: no arena of %zu bytes", contestant->name, arena_bytes);
    }
    start = bench_seconds();
    done = bench_contestant_replay(contestant, &speed->trace, speed->slots, false);
    end = bench_seconds();
    if (done != speed->trace.count) {
        bench_fail("%s: %s: refused, where the rehearsal was not", contestant->name,
                   speed->trace.name);
    }
    bench_contestant_drain(contestant, speed->slots, speed->trace.slot_count);
    return end - start;
}

static double nanoseconds(struct speed *speed, struct bench_contestant *contestant,
                          size_t arena_bytes)
{
    double sum = 0;
    size_t replays = 0;

    do {
        sum += replay(speed, contestant, arena_bytes);
        replays++;
    } while (sum < SLICE_SECONDS && !speed->options.smoke);
    return sum * 1e9 / (double)(replays * speed->trace.count);
}

/* Finds the arena, with the content of blocks checked. */
static size_t rehearse(struct speed *speed, struct bench_contestant *contestant, size_t most)
{
    size_t bytes = (size_t)speed->trace.peak_bytes * ROOM_PER_CENT / 100 + ARENA_EXTRA;
    size_t done = 0;

    for (; done != speed->trace.count && bytes <= most; bytes *= 2) {
        if (bench_contestant_start(contestant, &speed->options, speed->memory, bytes)) {
            done = bench_contestant_replay(contestant, &speed->trace, speed->slots, true);
            bench_contestant_drain(contestant, speed->slots, speed->trace.slot_count);
        }
    }
    return done == speed->trace.count ? bytes / 2 : 0;
}

static void measure_trace(struct speed *speed, struct measured *row)
{
    size_t most = (size_t)speed->trace.peak_bytes * ARENA_FACTOR + ARENA_EXTRA;

    speed->memory = bench_map(0, most);
    speed->slots = smh_must_allocate(speed->trace.slot_count + 1, sizeof(*speed->slots));
    for (size_t i = 0; i < speed->count; i++) {
        row[i].arena_bytes = rehearse(speed, &speed->contestants[i], most);
        row[i].ns = smh_must_allocate(speed->rounds, sizeof(double));
        row[i].ratios = smh_must_allocate(speed->rounds, sizeof(double));
    }
    for (size_t round = 0; round < speed->rounds; round++) {
        for (size_t turn = 0; turn < speed->count; turn++) {
            size_t i = (round + turn) % speed->count;

            if (row[i].arena_bytes != 0) {
                row[i].ns[round] = nanoseconds(speed, &speed->contestants[i], row[i].arena_bytes);
            }
        }
        for (size_t i = 0; i < speed->count; i++) {
            double reference = row[speed->reference].ns[round];

            row[i].ratios[round] = reference > 0 ? row[i].ns[round] / reference : 0;
        }
    }
    for (size_t i = 0; i < speed->count; i++) {
        row[i].median = bench_median(row[i].ns, speed->rounds);
        row[i].least = row[i].ns[0]; /* sorted now */
        row[i].ratio = bench_median(row[i].ratios, speed->rounds);
        free(row[i].ns);
        free(row[i].ratios);
    }
    free(speed->slots);
    bench_unmap(speed->memory, most);
}

static void print_row(const struct speed *speed, const struct measured *row)
{
    printf("%-16.16s %8zu", speed->trace.name, speed->trace.count);
    for (size_t i = 0; i < speed->count; i++) {
        printf(row[i].arena_bytes != 0 ? " %7.2f %5.2f" : "       -     -", row[i].median,
               row[i].ratio);
    }
    printf("\n");
    fflush(stdout);
}

static void print_means(const struct speed *speed)
{
    double values[BENCH_TRACES_MAX], ratios[BENCH_TRACES_MAX];

    printf("%-25s", "geometric mean");
    for (size_t i = 0; i < speed->count; i++) {
        size_t count = 0;

        for (size_t t = 0; t < speed->options.trace_count; t++) {
            const struct measured *measured = &speed->measured[t * speed->count + i];

            values[count] = measured->median;
            ratios[count] = measured->ratio;
            count += measured->arena_bytes != 0;
        }
        printf(" %7.2f %5.2f", bench_geometric_mean(values, count),
               bench_geometric_mean(ratios, count));
    }
    printf("\n");
}

static void report_row(const struct speed *speed, const struct measured *row, json_t *document)
{
    for (size_t i = 0; i < speed->count; i++) {
        if (row[i].arena_bytes != 0) {
            bench_document_add(document,
                               json_pack("{s:s, s:s, s:I, s:I, s:i, s:f, s:f, s:f}", "contestant",
                                         speed->contestants[i].name, "trace", speed->trace.name,
                                         "operations", (json_int_t)speed->trace.count,
                                         "arena_bytes", (json_int_t)row[i].arena_bytes, "rounds",
                                         (int)speed->rounds, "ns_median", row[i].median, "ns_least",
                                         row[i].least, "ratio", row[i].ratio));
        }
    }
}

int main(int argc, char **argv)
{
    static struct speed speed;
    json_t *document;

    bench_options_read(&speed.options, "speed",
                       "Nanoseconds per operation of replaying recorded traces.", argc, argv);
    bench_pin();
    speed.count = bench_contestants(&speed.options, speed.contestants, &speed.reference);
    speed.rounds = speed.options.rounds != 0 ? speed.options.rounds
                   : speed.options.smoke     ? 1
                                             : ROUNDS_DEFAULT;
    speed.measured =
        smh_must_allocate(speed.options.trace_count * speed.count, sizeof(*speed.measured));
    document = bench_document(&speed.options);
    json_object_set_new(document, "reference",
                        json_string(speed.contestants[speed.reference].name));
    printf("ns/operation, and ratio to %s; medians of %zu rounds\n%-16s %8s",
           speed.contestants[speed.reference].name, speed.rounds, "trace", "ops");
    for (size_t i = 0; i < speed.count; i++) {
        printf(" %13.13s", speed.contestants[i].name);
    }
    printf("\n");
    for (size_t t = 0; t < speed.options.trace_count; t++) {
        struct measured *row = &speed.measured[t * speed.count];

        bench_trace_load(&speed.trace, speed.options.traces[t]);
        measure_trace(&speed, row);
        print_row(&speed, row);
        report_row(&speed, row, document);
        bench_trace_free(&speed.trace);
    }
    print_means(&speed);
    bench_document_write(&speed.options, document);
    free(speed.measured);
    return 0;
}
