/* matching.c: which region may serve a request, as contracts that Frama-C proves of
 * the code itself.
 *
 * Owns: contracts of the two matching functions of src/policy.c and of smh_same_text.
 */
#include <smh/pool.h>

/*@ assigns \nothing;
    ensures \result != 0 <==> region_attr == request_attr;
*/
bool smh_match_equal(uint32_t region_attr, uint32_t request_attr);

/* Every bit asked for is there, and no more is asked of a region. */
/*@ assigns \nothing;
    ensures \result != 0 <==> (region_attr & request_attr) == request_attr;
    ensures region_attr == request_attr ==> \result != 0;
    ensures request_attr == 0 ==> \result != 0;
*/
bool smh_match_all_bits(uint32_t region_attr, uint32_t request_attr);

#include "../../../src/policy.c"
