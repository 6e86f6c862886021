/* test_pool_reserve_turning.c: a reserve in a heap whose refusals change what it finds.
 *
 * Owns: engine zephyr looks at the first three chunks of its highest list, and a search that fails
 * turns that list by three:
 *
 *     6 4 4 4 4 4    units; the largest of the first three has 6
 *           4 4 4 6 4 4    the same, turned: 4
 */
#include <criterion/criterion.h>
#include <smh/pool.h>

#define LARGE ((size_t)44) /* bytes in 6 units, and in 4: a header takes 4 */
#define SMALL ((size_t)28)
#define FREED 6

static _Alignas(64) uint8_t memory[640];

Test(pool_reserve, counts_a_refusal_once_though_it_turns_a_list)
{
    const struct smh_pool_config config = {.match = smh_match_all_bits};
    const struct smh_region region = {.attr = 1,
                                      .addr = (uintptr_t)memory,
                                      .size = sizeof(memory),
                                      .engine = &smh_engine_zephyr,
                                      .target_bits = 32,
                                      .reserve_bytes = LARGE - 4};
    struct smh_pool pool;
    struct smh_stats stats;
    void *blocks[FREED];
    size_t count = 0;

    cr_assert_eq(smh_pool_init(&pool, &config), 0);
    cr_assert_eq(smh_pool_add(&pool, &region), 0);
    for (size_t i = 0; i < FREED; i++) {
        blocks[i] = smh_pool_alloc(&pool, 1, i == 0 ? LARGE : SMALL);
        cr_assert_not_null(smh_pool_alloc(&pool, 1, 4), "what keeps it from its neighbour");
    }
    while (smh_pool_alloc(&pool, 1, 4) != NULL) {
        count++;
    }
    cr_assert_gt(count, 0);
    for (size_t i = 0; i < FREED; i++) {
        cr_assert_eq(smh_pool_free(&pool, blocks[i]), 0);
    }
    cr_assert_eq(smh_pool_stats(&pool, 1, &stats), 0);
    cr_assert_eq(stats.largest_free_bytes, LARGE);
    cr_assert_eq(stats.failed_requests, 1);
    cr_assert_null(smh_pool_alloc(&pool, 0, LARGE + 8));
    cr_assert_eq(smh_pool_stats(&pool, 1, &stats), 0);
    cr_assert_eq(stats.largest_free_bytes, SMALL);
    cr_assert_eq(stats.failed_requests, 2);
}
