/* zephyr_sizes.c: the arithmetic of sizes of engine `zephyr`, as contracts that Frama-C proves of the
 * code itself.
 *
 * Owns: contracts; the functions are those of zephyr_layout.h and zephyr.c. What a request of any
 * size, up to SIZE_MAX, does before the first chunk is looked at wraps nowhere.
 */
#include <smh/engine.h>

#include "../../../src/engine/zephyr_layout.h"

/*@ assigns \nothing;
    ensures \result == (big ? 8 : 4);
*/
static uint32_t header_bytes(bool big)
{
    return zephyr_header_bytes(big);
}

/*@ assigns \nothing;
    ensures \result == (big ? 2 : 1);
    ensures \result * 8 > (big ? 8 : 4);
*/
static uint32_t smallest(bool big)
{
    return zephyr_smallest(big);
}

/*@ requires 1 <= units <= 0x7fffffff;
    assigns \nothing;
    ensures \result == units * 8 - (z.big ? 8 : 4);
    ensures 0 <= \result < units * 8;
*/
static size_t usable(struct zephyr z, uint32_t units)
{
    return zephyr_usable(z, units);
}

/* The least number of units that hold bytes + extra and a header, or the end, which is no size. */
/*@ requires end <= 0x7fffffff;
    requires big == 0 || big == 1;
    assigns \nothing;
    ensures \result <= end;
    ensures \result < end ==> \result * 8 >= bytes + extra + (big ? 8 : 4);
    ensures \result < end ==> \result * 8 < bytes + extra + (big ? 8 : 4) + 8;
    ensures \result == end ==> bytes + extra + (big ? 8 : 4) + 7 >= end * 8;
*/
static uint32_t units_for(uint32_t end, bool big, size_t bytes, size_t extra)
{
    /* As in zephyr.c; tests/static/proofs.py compares the text. */
    size_t whole = (bytes >> ZEPHYR_UNIT_SHIFT) + (extra >> ZEPHYR_UNIT_SHIFT);
    size_t odd = (bytes & (ZEPHYR_UNIT - 1)) + (extra & (ZEPHYR_UNIT - 1)) +
                 zephyr_header_bytes(big) + (ZEPHYR_UNIT - 1);
    size_t units = whole + (odd >> ZEPHYR_UNIT_SHIFT);

    return units < end ? (uint32_t)units : end;
}
