/* metrics.h: what is counted while a replay goes by.
 *
 * Owns: live bytes per region and attribute, high-water marks, why requests were refused, samples
 * over time and the heap map.
 * Invariants: the number of samples is bounded: when SMH_SAMPLES_MAX are there, the interval
 * doubles and those that stand closer are dropped, so that any length of run is covered evenly,
 * busy stretches and quiet ones.
 */
#ifndef SMH_SIM_METRICS_H
#define SMH_SIM_METRICS_H

#include "machine/machine.h"
#include "result.h"

struct smh_metrics {
    struct smh_result *result;
    const struct smh_machine *machine;
    uint64_t interval; /* between samples: operations, or microseconds of simulated time,
                          whichever comes first */
    struct smh_region_sample *since; /* extremes since the last sample; NULL: no samples */
    uint32_t last_attr;              /* a cache of one for find_attribute */
    size_t last_attribute;
};

/* Prepares the result's counters. with_samples false leaves samples NULL. */
void smh_metrics_open(struct smh_metrics *metrics, struct smh_result *result,
                      const struct smh_machine *machine, bool with_samples);
/* A block of `bytes` bytes, asked for with attr, now lives at region+offset. */
void smh_metrics_gain(struct smh_metrics *metrics, size_t region, uint32_t attr, uint64_t offset,
                      uint64_t bytes);
/* ... and no longer does. */
void smh_metrics_lose(struct smh_metrics *metrics, size_t region, uint32_t attr, uint64_t bytes);
/* The pool said NULL: counts why in result, and returns the record of it. Needs no open metrics. */
struct smh_failure smh_metrics_refusal(struct smh_result *result, const struct smh_machine *machine,
                                       const struct smh_operation *operation);
void smh_metrics_fail(struct smh_metrics *metrics, uint32_t attr);
/* After each operation. */
void smh_metrics_step(struct smh_metrics *metrics, uint64_t operation_index, uint64_t time_ns);
/* At the end of the workload: the last sample and the heaps' own counters. */
void smh_metrics_finish(struct smh_metrics *metrics, uint64_t operation_index, uint64_t time_ns);
void smh_metrics_close(struct smh_metrics *metrics);

#endif
