/* SPDX-License-Identifier: Apache-2.0 */
/* engines.c: the table of the core's engines.
 *
 * Owns: their order, which is the order of `smh list engines`.
 * Invariants: names are distinct; the table ends with NULL. A new engine is a file in engine/, a
 * declaration in engine.h and a line here.
 */
#include "text.h"

#include <smh/engine.h>

_Static_assert(SMH_ENGINE_ABI == 3u &&
                   sizeof(struct smh_engine) == 2 * sizeof(unsigned) + 18 * sizeof(void *),
               "another struct smh_engine is another SMH_ENGINE_ABI");

static const struct smh_engine *const engines[] = {
    &smh_engine_zephyr,   &smh_engine_zephyr_stats, &smh_engine_first_fit,
    &smh_engine_next_fit, &smh_engine_best_fit,     &smh_engine_worst_fit,
    &smh_engine_buddy,    &smh_engine_bitmap,       NULL,
};

const struct smh_engine *smh_engine_at(size_t index)
{
    size_t i = 0;

    while (engines[i] != NULL && i != index) {
        i++;
    }
    return engines[i];
}

const struct smh_engine *smh_engine_find(const char *name)
{
    if (name == NULL) {
        return NULL;
    }
    for (size_t i = 0; engines[i] != NULL; i++) {
        if (smh_same_text(engines[i]->name, name)) {
            return engines[i];
        }
    }
    return NULL;
}
