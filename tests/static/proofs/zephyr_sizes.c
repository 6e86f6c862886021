/* zephyr_sizes.c: the arithmetic of sizes of engine `zephyr`, as contracts that Frama-C proves
 * of the code itself.
 *
 * Owns: contracts; the functions are those of src/engine/zephyr_layout.h.
 */
#include <smh/engine.h>

struct zephyr;

/*@ assigns \nothing;
    ensures \result == (big ? 8 : 4);
*/
static inline uint32_t zephyr_header_bytes(bool big);

/*@ assigns \nothing;
    ensures \result == (big ? 2 : 1);
*/
static inline uint32_t zephyr_smallest(bool big);

/* Never as much as a unit. */
/*@ requires address >= (big ? 8 : 4);
    assigns \nothing;
    ensures 0 <= \result <= 7;
*/
static inline uint32_t zephyr_gap(bool big, uintptr_t address);

#define __OPTIMIZE_SIZE__ /* plain functions */
#include "../../../src/engine/zephyr_layout.h"

/*@ requires 1 <= units <= 0x7fffffff;
    assigns \nothing;
    ensures \result == units * 8 - (z.big ? 8 : 4);
    ensures 0 <= \result < units * 8;
*/
static inline size_t zephyr_usable(struct zephyr z, uint32_t units);
