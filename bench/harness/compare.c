/* compare.c: the same operations timed on every contestant, in turns.
 *
 * Owns: see compare.h.
 */
#include "compare.h"

#include "../../sim/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS_DEFAULT 9
#define SLICE_SECONDS  0.02

/* One case while it is measured. */
struct measuring {
    struct bench_compare *compare;
    const struct bench_case *of;
    struct bench_block *slots;
    uint8_t *memory;
};

/* One replay in a fresh arena; seconds that the timed part took. False: the arena is too small. */
static bool replay(const struct measuring *measuring, struct bench_contestant *contestant,
                   size_t bytes, bool verify, double *seconds, size_t *refused)
{
    const struct bench_case *of = measuring->of;
    bool done = true;
    double start;

    if (!bench_contestant_start(contestant, measuring->compare->options, measuring->memory,
                                bytes)) {
        return false;
    }
    *refused = 0;
    if (of->fill != NULL) {
        done = bench_contestant_replay(contestant, of->fill, measuring->slots, verify,
                                       of->may_refuse ? refused : NULL) == of->fill->count;
    }
    *refused = 0;
    start = bench_seconds();
    done = done && bench_contestant_replay(contestant, of->timed, measuring->slots, verify,
                                           of->may_refuse ? refused : NULL) == of->timed->count;
    *seconds = bench_seconds() - start;
    bench_contestant_drain(contestant, measuring->slots, of->slot_count);
    return done;
}

/* Finds the arena, with the content of blocks checked. */
static void rehearse(const struct measuring *measuring, struct bench_contestant *contestant,
                     struct bench_timing *timing)
{
    size_t bytes = measuring->of->arena_bytes;
    double seconds;

    timing->arena_bytes = 0;
    while (bytes <= measuring->of->arena_most) {
        if (replay(measuring, contestant, bytes, true, &seconds, &timing->refused)) {
            timing->arena_bytes = bytes;
            break;
        }
        bytes *= 2;
    }
    if (measuring->of->all_refused && timing->arena_bytes != 0 &&
        timing->refused != measuring->of->timed->count) {
        bench_fail("%s: %s: %zu of %zu refused", contestant->name, measuring->of->name,
                   timing->refused, measuring->of->timed->count);
    }
}

/* Nanoseconds per operation of one turn. */
static double turn(const struct measuring *measuring, struct bench_contestant *contestant,
                   const struct bench_timing *timing)
{
    double sum = 0;
    size_t replays = 0;

    do {
        double seconds;
        size_t refused;

        if (!replay(measuring, contestant, timing->arena_bytes, false, &seconds, &refused) ||
            refused != timing->refused) {
            bench_fail("%s: %s: not as in the rehearsal", contestant->name, measuring->of->name);
        }
        sum += seconds;
        replays++;
    } while (sum < SLICE_SECONDS && !measuring->compare->options->smoke);
    return sum * 1e9 / (double)(replays * measuring->of->timed->count);
}

static size_t rounds_of(const struct bench_compare *compare, const struct bench_case *of)
{
    return of->rounds != 0 && of->rounds < compare->rounds ? of->rounds : compare->rounds;
}

static void measure(const struct measuring *measuring, struct bench_timing *timings)
{
    struct bench_compare *compare = measuring->compare;
    size_t rounds = rounds_of(compare, measuring->of);
    double *ns = smh_must_allocate(rounds * compare->count, sizeof(*ns)); /* [contestant][round] */
    double *ratios = smh_must_allocate(rounds, sizeof(*ratios));
    double *reference = smh_must_allocate(rounds, sizeof(*reference));

    for (size_t i = 0; i < compare->count; i++) {
        timings[i].arena_bytes = 0;
        if (measuring->of->ratio_most == 0 || compare->slowest[i] <= measuring->of->ratio_most) {
            rehearse(measuring, &compare->contestants[i], &timings[i]);
        }
    }
    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = round; i < round + compare->count; i++) {
            size_t who = i % compare->count;

            if (timings[who].arena_bytes != 0) {
                ns[who * rounds + round] =
                    turn(measuring, &compare->contestants[who], &timings[who]);
            }
        }
        reference[round] = ns[compare->reference * rounds + round];
    }
    for (size_t i = 0; i < compare->count; i++) {
        for (size_t round = 0; round < rounds; round++) {
            ratios[round] = reference[round] > 0 ? ns[i * rounds + round] / reference[round] : 0;
        }
        timings[i].ratio = bench_median(ratios, rounds);
        timings[i].median = bench_median(&ns[i * rounds], rounds);
        timings[i].least = ns[i * rounds]; /* sorted now */
        if (measuring->of->ratio_most != 0 && timings[i].ratio > compare->slowest[i]) {
            compare->slowest[i] = timings[i].ratio;
        }
    }
    free(ns);
    free(ratios);
    free(reference);
}

void bench_compare_open(struct bench_compare *compare, const struct bench_options *options)
{
    bench_pin();
    compare->options = options;
    compare->count = bench_contestants(options, compare->contestants, &compare->reference);
    compare->rounds = options->rounds != 0 ? options->rounds : options->smoke ? 1 : ROUNDS_DEFAULT;
    compare->document = bench_document(options);
    json_object_set_new(compare->document, "reference",
                        json_string(compare->contestants[compare->reference].name));
    printf("ns/operation, and ratio to %s; medians of %zu rounds\n%-24s",
           compare->contestants[compare->reference].name, compare->rounds, "");
    for (size_t i = 0; i < compare->count; i++) {
        printf(" %13.13s", compare->contestants[i].name);
    }
    printf("\n");
}

static void report(struct bench_compare *compare, const struct bench_case *measured,
                   const struct bench_timing *timings)
{
    printf("%-24.24s", measured->name);
    for (size_t i = 0; i < compare->count; i++) {
        const struct bench_timing *timing = &timings[i];
        json_t *result;

        if (timing->arena_bytes == 0) {
            printf(" %13s", "-");
            continue;
        }
        printf(" %7.2f %5.2f", timing->median, timing->ratio);
        result = json_pack(
            "{s:s, s:s, s:I, s:I, s:i, s:f, s:f, s:f}", "contestant", compare->contestants[i].name,
            "case", measured->name, "operations", (json_int_t)measured->timed->count, "arena_bytes",
            (json_int_t)timing->arena_bytes, "rounds", (int)rounds_of(compare, measured),
            "ns_median", timing->median, "ns_least", timing->least, "ratio", timing->ratio);
        if (measured->may_refuse) {
            json_object_set_new(result, "refused", json_integer((json_int_t)timing->refused));
        }
        bench_document_add(compare->document, result);
    }
    printf("\n");
    fflush(stdout);
}

void bench_compare_forgive(struct bench_compare *compare)
{
    memset(compare->slowest, 0, sizeof(compare->slowest));
}

void bench_compare_case(struct bench_compare *compare, const struct bench_case *measured)
{
    struct measuring measuring = {.compare = compare, .of = measured};

    if (compare->case_count == BENCH_CASES_MAX) {
        bench_fail("too many cases");
    }
    measuring.memory = bench_map(0, measured->arena_most);
    measuring.slots = smh_must_allocate(measured->slot_count + 1, sizeof(*measuring.slots));
    measure(&measuring, compare->timings[compare->case_count]);
    report(compare, measured, compare->timings[compare->case_count]);
    compare->case_count++;
    free(measuring.slots);
    bench_unmap(measuring.memory, measured->arena_most);
}

void bench_compare_close(struct bench_compare *compare, bool means)
{
    double medians[BENCH_CASES_MAX], ratios[BENCH_CASES_MAX];

    printf("%s", means ? "geometric mean          " : "");
    for (size_t i = 0; means && i < compare->count; i++) {
        size_t count = 0;

        for (size_t c = 0; c < compare->case_count; c++) {
            medians[count] = compare->timings[c][i].median;
            ratios[count] = compare->timings[c][i].ratio;
            count += compare->timings[c][i].arena_bytes != 0;
        }
        printf(" %7.2f %5.2f", bench_geometric_mean(medians, count),
               bench_geometric_mean(ratios, count));
    }
    printf("%s", means ? "\n" : "");
    bench_document_write(compare->options, compare->document);
}
