/* test_shared_multi_heap_attributes.c: a build with attributes of the user's own.
 *
 * shared_multi_heap.c is compiled in here once more, with five attributes and names of its own.
 */
#undef SMH_ATTRIBUTE_COUNT
#define SMH_ATTRIBUTE_COUNT             5
#define shared_multi_heap_attr          five_attr
#define shared_multi_heap_region        five_region
#define shared_multi_heap_pool_init     five_pool_init
#define shared_multi_heap_add           five_add
#define shared_multi_heap_alloc         five_alloc
#define shared_multi_heap_aligned_alloc five_aligned_alloc
#define shared_multi_heap_realloc       five_realloc
#define shared_multi_heap_free          five_free
#define smh_shared_pool                 five_shared_pool
#include "../../src/shared_multi_heap.c"

#include <criterion/criterion.h>

enum {
    FAST_SRAM = SMH_REG_ATTR_NUM, /* the first value that is the user's */
    RETENTION
};

static _Alignas(64) uint8_t memory[8192];

Test(shared_multi_heap_attributes, of_the_users_own_are_accepted_up_to_the_count)
{
    struct five_region region = {
        .attr = RETENTION, .addr = (uintptr_t)memory, .size = sizeof(memory) / 2};

    cr_assert_eq(MAX_SHARED_MULTI_HEAP_ATTR, 5);
    cr_assert_eq(five_pool_init(), 0);
    cr_assert_eq(five_add(&region, NULL), 0);
    cr_assert_not_null(five_alloc((enum five_attr)RETENTION, 100));
    cr_assert_null(five_alloc((enum five_attr)FAST_SRAM, 100), "no region yet");
    region.attr = 5;
    region.addr += sizeof(memory) / 2;
    cr_assert_eq(five_add(&region, NULL), -EINVAL);
    region.attr = FAST_SRAM;
    cr_assert_eq(five_add(&region, NULL), 0);
    cr_assert_not_null(five_alloc((enum five_attr)FAST_SRAM, 100));
    cr_assert_null(five_alloc((enum five_attr)5, 100));
}
