/* churn.h: made-up sequences for timed benches: fill, then blocks that come and go.
 *
 * Owns: two traces over the same slots: `fill` fills them all, `timed` frees a random block and
 * asks for another, again and again.
 * Invariants: sizes are spread evenly over powers of two and within each; the same seed gives the
 * same traces; at every point between two pairs all slots are filled.
 */
#ifndef SMH_BENCH_CHURN_H
#define SMH_BENCH_CHURN_H

#include "harness.h"

struct bench_churn {
    size_t live;          /* slots, at most; at least 1 */
    uint64_t fill_bytes;  /* stop filling at that many bytes; 0: no limit */
    unsigned least_shift; /* sizes from 1 << least_shift ... */
    unsigned most_shift;  /* ... to below 1 << most_shift; equal: exactly that size */
    unsigned align_shift; /* of every request */
    size_t pairs;         /* of free and request */
    uint64_t seed;
};

void bench_churn_make(const struct bench_churn *churn, struct bench_trace *fill,
                      struct bench_trace *timed);
/* The peak of live bytes of both together: no request of `timed` is larger than its share. */
uint64_t bench_churn_peak(const struct bench_trace *fill, const struct bench_trace *timed);

#endif
