/* compare.h: the same operations timed on every contestant, in turns.
 *
 * Owns: the order of turns, arenas, medians and ratios, and how timings are printed and reported.
 *
 *     round 1:  A B C D      each: a fresh arena, `fill` untimed, then `timed`, again and again
 *     round 2:    B C D A    until SLICE_SECONDS are measured; ratios are taken within a round,
 *     ...                    medians over the rounds
 *
 * Invariants: a rehearsal before the first round checks the content of every block and warms the
 * pages; every timed replay must get as far as the rehearsal. What a timing says depends on the
 * machine and on what else runs there; the ratios less so.
 *
 * Result, one per contestant and case: contestant, case, operations, arena_bytes, rounds,
 * ns_median, ns_least (per operation), ratio (median of the ratios to `reference`), and refused,
 * where a case is about refusals.
 */
#ifndef SMH_BENCH_COMPARE_H
#define SMH_BENCH_COMPARE_H

#include "contestant.h"

#define BENCH_CASES_MAX 64

/* What is timed. Both traces use the same slots. */
struct bench_case {
    char name[64];
    const struct bench_trace *fill; /* or NULL */
    const struct bench_trace *timed;
    size_t slot_count;
    size_t arena_bytes; /* for a start; who refuses anything there gets twice as much, and so on */
    size_t arena_most;  /* ... up to this; else the contestant has no figure */
    size_t rounds;      /* 0: as asked for; else at most that many */
    double ratio_most;  /* who took more in an earlier case with such a limit has no figure in this
                           one; 0: no limit */
    bool all_refused;   /* ... and every timed operation must be refused */
    bool may_refuse;    /* refusals are what the case is about; arenas do not grow */
};

struct bench_timing {
    size_t arena_bytes; /* 0: no figure */
    size_t refused;
    double median, least, ratio; /* nanoseconds per operation; ratio to the reference */
};

struct bench_compare {
    const struct bench_options *options;
    struct bench_contestant contestants[BENCH_CONTESTANTS_MAX];
    size_t count, reference, rounds;
    struct bench_timing timings[BENCH_CASES_MAX][BENCH_CONTESTANTS_MAX];
    double slowest[BENCH_CONTESTANTS_MAX]; /* largest ratio in cases with a limit, since forgiven */
    size_t case_count;
    json_t *document;
};

/* Opens the contestants and prints the head of the table. */
void bench_compare_open(struct bench_compare *compare, const struct bench_options *options);
/* Lets those that were too slow take part again. */
void bench_compare_forgive(struct bench_compare *compare);
/* Times one case on all, prints its row and adds it to the document. */
void bench_compare_case(struct bench_compare *compare, const struct bench_case *measured);
/* Prints geometric means over the cases, when asked to, and writes the document. */
void bench_compare_close(struct bench_compare *compare, bool means);

#endif
