/* round.h: sizes in whole pages, lines, steps.
 *
 * Owns: rounding. Invariants: value + step does not overflow; step is not 0, and any number.
 */
#ifndef SMH_SIM_ROUND_H
#define SMH_SIM_ROUND_H

#include <stdint.h>

static inline uint64_t smh_round_up(uint64_t value, uint64_t step)
{
    return (value + step - 1) / step * step;
}

#endif
