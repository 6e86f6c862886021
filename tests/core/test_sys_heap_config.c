/* test_sys_heap_config.c: a file of a firmware that was configured with runtime statistics.
 *
 * CONFIG_SYS_HEAP_RUNTIME_STATS is this file's own; the library is built without.
 */
#define CONFIG_SYS_HEAP_RUNTIME_STATS 1
#include <zephyr/sys/mem_stats.h>
#include <zephyr/sys/sys_heap.h>

#include <criterion/criterion.h>

_Static_assert(Z_HEAP_MIN_SIZE == (sizeof(void *) > 4 ? 80 : 52), "with room for the counters");

static _Alignas(8) uint8_t region[Z_HEAP_MIN_SIZE_FOR(4096)];

Test(sys_heap_config, the_macros_and_init_of_this_file_agree_on_the_layout)
{
    struct sys_heap heap;

    for (size_t bytes = 1; bytes <= 4096; bytes++) {
        sys_heap_init(&heap, region, Z_HEAP_MIN_SIZE_FOR(bytes));
        cr_assert_not_null(sys_heap_alloc(&heap, bytes));
        sys_heap_init(&heap, region, Z_HEAP_MIN_SIZE_FOR(bytes) - 1);
        cr_assert_null(sys_heap_alloc(&heap, bytes));
    }
}

Test(sys_heap_config, the_header_holds_the_counters)
{
    struct sys_heap heap;
    size_t allocated;

    sys_heap_init(&heap, region, sizeof(region));
    cr_assert_not_null(sys_heap_alloc(&heap, 100));
    memcpy(&allocated, region + 16 + sizeof(size_t), sizeof(allocated));
    cr_expect_geq(allocated, 100);
    cr_expect_lt(allocated, 100 + 8);
}
