/* arithmetic.c: what src/bits.h promises, as contracts that Frama-C proves of
 * the code itself.
 *
 * Owns: contracts; the functions are those of the header, as a machine without a bit scan compiles
 * it. No operation wraps, but where the header says so (smh_distance_up).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*@ assigns \nothing;
    ensures \result != 0 ==> value != 0;
*/
static inline bool smh_is_power_of_two(size_t value);

/*@ requires align > 0;
    requires value <= SIZE_MAX - (align - 1);
    assigns \nothing;
    ensures 0 <= \result <= value + (align - 1);
*/
static inline size_t smh_round_up(size_t value, size_t align);

/*@ requires align > 0;
    assigns \nothing;
    ensures 0 <= \result <= value;
*/
static inline size_t smh_round_down(size_t value, size_t align);

/*@ requires \valid(product);
    assigns *product;
    ensures \result != 0 ==> *product == left * right;
    ensures \result == 0 ==> *product == \old(*product);
*/
static inline bool smh_product(size_t left, size_t right, size_t *product);

#include "../../../src/bits.h"
