/* test_threads.c: many threads on one pool. Under ThreadSanitizer: tests/plain/threads.c. */
#include "thread_stress.h"

#include <criterion/criterion.h>

static void stress(const struct smh_policy *policy)
{
    const char *complaint = thread_stress_run(policy);

    cr_assert_null(complaint, "%s: %s", policy->name, complaint);
}

Test(threads, share_a_pool_in_the_order_of_adding_while_regions_are_added)
{
    stress(&smh_policy_add_order);
}

Test(threads, share_a_pool_by_address_while_regions_are_added_below)
{
    stress(&smh_policy_address);
}

Test(threads, share_a_pool_by_best_fit_while_regions_are_added)
{
    stress(&smh_policy_best_fit);
}

Test(threads, share_a_pool_by_round_robin_while_regions_are_added)
{
    stress(&smh_policy_round_robin);
}

Test(threads, share_a_pool_by_size_threshold_while_regions_are_added)
{
    stress(&smh_policy_size_threshold);
}

Test(threads, share_a_pool_by_most_free_while_regions_are_added)
{
    stress(&smh_policy_most_free);
}

Test(threads, race_to_initialise_and_to_add_and_each_is_done_once)
{
    const char *complaint = thread_stress_race();

    cr_assert_null(complaint, "%s", complaint);
}
