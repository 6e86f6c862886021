/* arithmetic.c: what src/bits.h promises, as contracts that Frama-C proves of
 * the code itself.
 *
 * Owns: contracts; the functions are those of the header, as a machine without a bit scan compiles
 * it. No operation wraps, but where the header says so (smh_distance_up). That what is rounded is a
 * multiple is left to tests/core/test_bits.c.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What WP's provers do not know of single bits; bits.smt2 proves each for values of 64 bits. The
 * lemmas follow from them, and are proved here. */
/*@ axiomatic Bits {
      axiom and_range: \forall integer x, y; 0 <= x <= SIZE_MAX && 0 <= y <= SIZE_MAX ==>
          0 <= (x & y) <= x && (x & y) <= y;
      axiom halves: \forall integer x; 0 <= x <= SIZE_MAX ==>
          (x & 0xffffffff00000000) + (x & 0xffffffff) == x;
      axiom shift: \forall integer x; 0 <= x <= SIZE_MAX ==>
          (x >> 32) * 0x100000000 == (x & 0xffffffff00000000);
      axiom mask: \forall integer x, m; 0 <= x <= SIZE_MAX && 0 <= m <= SIZE_MAX ==>
          (x & (size_t)(~m)) + (x & m) == x;
    }
    lemma low_half: \forall integer x; 0 <= x <= SIZE_MAX ==> 0 <= (x & 0xffffffff) <= 0xffffffff;
    lemma small: \forall integer x; 0 <= x <= SIZE_MAX && (x & 0xffffffff00000000) == 0 ==>
        x <= 0xffffffff;
    lemma high_half: \forall integer x; 0 <= x <= SIZE_MAX ==> 0 <= (x >> 32) <= 0xffffffff;
    lemma parts: \forall integer x; 0 <= x <= SIZE_MAX ==>
        (x >> 32) * 0x100000000 + (x & 0xffffffff) == x;
    lemma larger_factors: \forall integer a, b, c, d; 0 <= a <= c && 0 <= b <= d ==>
        0 <= a * b <= c * d;
    lemma low_product: \forall integer x, y; 0 <= x <= SIZE_MAX && 0 <= y <= 0xffffffff ==>
        0 <= y * (x & 0xffffffff) <= 0xffffffff * 0xffffffff;
    lemma high_product: \forall integer x, y; 0 <= x <= SIZE_MAX && 0 <= y <= 0xffffffff ==>
        0 <= y * (x >> 32) <= 0xffffffff * 0xffffffff;
*/

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
    ensures 0 <= \result <= value < \result + align;
*/
static inline size_t smh_round_down(size_t value, size_t align);

/*@ requires \valid(product);
    assigns *product;
    ensures \result != 0 ==> *product == left * right;
    ensures \result == 0 ==> *product == \old(*product);
*/
static inline bool smh_product(size_t left, size_t right, size_t *product);

#include "../../../src/bits.h"
