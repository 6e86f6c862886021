/* churn.c: made-up sequences for timed benches.
 *
 * Owns: see churn.h.
 */
#include "churn.h"

#include "../../sim/error.h"
#include "../../sim/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t pick_size(struct smh_random *random, const struct bench_churn *churn)
{
    uint64_t power;

    if (churn->least_shift >= churn->most_shift) {
        return (uint64_t)1 << churn->least_shift;
    }
    power = (uint64_t)1 << (churn->least_shift +
                            smh_random_below(random, churn->most_shift - churn->least_shift));
    return power + smh_random_below(random, power);
}

void bench_churn_make(const struct bench_churn *churn, struct bench_trace *fill,
                      struct bench_trace *timed)
{
    struct smh_random random;
    uint64_t bytes = 0;

    smh_random_init(&random, churn->seed, 2);
    memset(fill, 0, sizeof(*fill));
    memset(timed, 0, sizeof(*timed));
    snprintf(fill->name, sizeof(fill->name), "fill");
    snprintf(timed->name, sizeof(timed->name), "churn");
    for (size_t i = 0; i < churn->live && (churn->fill_bytes == 0 || bytes < churn->fill_bytes);
         i++) {
        uint64_t size = pick_size(&random, churn);

        bench_trace_add(fill, BENCH_ALLOC, (uint32_t)i, size, churn->align_shift);
        bytes += size;
    }
    for (size_t i = 0; i < churn->pairs; i++) {
        uint32_t slot = (uint32_t)smh_random_below(&random, fill->count);

        bench_trace_add(timed, BENCH_FREE, slot, 0, 0);
        bench_trace_add(timed, BENCH_ALLOC, slot, pick_size(&random, churn), churn->align_shift);
    }
    bench_trace_measure(fill);
}

uint64_t bench_churn_peak(const struct bench_trace *fill, const struct bench_trace *timed)
{
    uint64_t *held = smh_must_allocate(fill->slot_count + 1, sizeof(*held));
    uint64_t live = 0;
    uint64_t peak = 0;

    for (size_t i = 0; i < fill->count + timed->count; i++) {
        const struct bench_operation *operation =
            i < fill->count ? &fill->operations[i] : &timed->operations[i - fill->count];

        live -= held[operation->slot];
        held[operation->slot] = operation->kind == BENCH_FREE ? 0 : operation->bytes;
        live += held[operation->slot];
        peak = live > peak ? live : peak;
    }
    free(held);
    return peak;
}
