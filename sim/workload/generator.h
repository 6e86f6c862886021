/* generator.h: what the workload needs of a generator beyond scenario.h.
 *
 * Owns: drawing from a distribution, and a generator with all that an actor says.
 */
#ifndef SMH_SIM_GENERATOR_H
#define SMH_SIM_GENERATOR_H

#include "../random.h"
#include "scenario.h"

/* No draw is above it, so that sums of a time and a draw are easy to keep in range. */
#define SMH_DRAW_MAX ((uint64_t)1 << 62)

/* A value of the distribution, clamped to min and max, at most SMH_DRAW_MAX. */
uint64_t smh_distribution_draw(const struct smh_distribution *distribution,
                               struct smh_random *random);

struct smh_generator_options {
    const struct smh_attr_list *prefer;
    uint64_t start_ns;
    uint32_t attr;
    uint32_t align;
    uint16_t actor; /* also the stream of random numbers */
    uint8_t core;
};

/* config must outlive the source. Never fails. */
struct smh_source *smh_generator_open_with(const struct smh_generator_config *config,
                                           const struct smh_generator_options *options,
                                           uint64_t seed);

/* No more allocations; what is live is freed when it is due. */
void smh_generator_stop(struct smh_source *generator);

#endif
