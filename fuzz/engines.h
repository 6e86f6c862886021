/* engines.h: one of all engines, and those that take no granule.
 *
 * Owns: the drawing of an engine by chance; which engines are Zephyr's, and which the four fits.
 */
#ifndef FUZZ_ENGINES_H
#define FUZZ_ENGINES_H

#include "../sim/random.h"

#include <smh/engine.h>

static inline const struct smh_engine *fuzz_draw_engine(struct smh_random *random)
{
    size_t count = 0;
    while (smh_engine_at(count) != NULL) {
        count++;
    }
    return smh_engine_at((size_t)smh_random_below(random, count));
}

/* With runtime statistics or without. */
static inline bool fuzz_engine_is_zephyr(const struct smh_engine *engine)
{
    return engine == &smh_engine_zephyr || engine == &smh_engine_zephyr_stats;
}

static inline bool fuzz_engine_is_fit(const struct smh_engine *engine)
{
    return engine == &smh_engine_first_fit || engine == &smh_engine_next_fit ||
           engine == &smh_engine_best_fit || engine == &smh_engine_worst_fit;
}

#endif
