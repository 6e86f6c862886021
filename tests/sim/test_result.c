/* test_result.c: what is derived from raw counters. */
#include "../../sim/result.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

Test(ratio, of_nothing_to_nothing_is_no_number)
{
    cr_assert(isnan(smh_ratio(0, 0)));
    cr_assert(isnan(smh_ratio(5, 0)));
    cr_assert(smh_ratio(6, 4) == 1.5);
}

Test(latency, a_value_falls_in_the_bucket_whose_bound_is_the_first_not_below_it)
{
    for (uint64_t value = 0; value < 100000; value++) {
        size_t bucket = smh_latency_bucket(value);
        cr_assert(smh_latency_bound(bucket) >= value);
        cr_assert(bucket == 0 || smh_latency_bound(bucket - 1) < value);
    }
}

Test(latency, the_largest_value_has_a_bucket)
{
    size_t bucket = smh_latency_bucket(UINT64_MAX);
    cr_assert(bucket < SMH_LATENCY_BUCKETS);
    cr_assert(smh_latency_bound(bucket) == UINT64_MAX);
}

Test(latency, percentiles_are_bounds_of_buckets_and_never_above_the_maximum)
{
    struct smh_latency latency = {0};
    for (uint64_t value = 1; value <= 1000; value++) {
        latency.buckets[smh_latency_bucket(value)]++;
        latency.count++;
    }
    latency.max = 1000;
    uint64_t median = smh_latency_percentile(&latency, 50);
    cr_assert(median >= 500 && median < 500 * 9 / 8);
    cr_assert(smh_latency_percentile(&latency, 100) == 1000);
    cr_assert(smh_latency_percentile(&latency, 0) == 1);
}

Test(latency, knows_its_least_and_its_most)
{
    struct smh_latency latency = {0};
    smh_latency_note(&latency, 40);
    smh_latency_note(&latency, 7);
    smh_latency_note(&latency, 300);
    cr_assert(latency.count == 3 && latency.sum == 347);
    cr_assert(latency.min == 7 && latency.max == 300);
    cr_assert(smh_latency_percentile(&latency, 100) == 300);
}

Test(latency, those_added_are_as_if_noted_together)
{
    struct smh_latency left = {0};
    struct smh_latency right = {0};
    struct smh_latency both = {0};
    struct smh_latency nothing = {0};
    for (uint64_t value = 5; value < 3000; value = value * 3 / 2) {
        smh_latency_note(value % 2 == 0 ? &left : &right, value);
        smh_latency_note(&both, value);
    }
    smh_latency_add(&left, &right);
    smh_latency_add(&left, &nothing);
    smh_latency_add(&nothing, &both);
    cr_assert(memcmp(&left, &both, sizeof(both)) == 0);
    cr_assert(memcmp(&nothing, &both, sizeof(both)) == 0);
}

Test(fragmentation, the_four_measures_come_from_their_counters)
{
    struct smh_region_result region = {
        .high_water_sum = 300,
        .live_sum = 200,
        .high_water_at_peak_live = 90,
        .peak_live_bytes = 60,
        .high_water_bytes = 120,
        .live_at_high_water = 40,
    };
    cr_assert(smh_result_fragmentation(&region, 1) == 1.5);
    cr_assert(smh_result_fragmentation(&region, 2) == 1.5);
    cr_assert(smh_result_fragmentation(&region, 3) == 3.0);
    cr_assert(smh_result_fragmentation(&region, 4) == 2.0);
}
