/* test_replay.c: what the replay counts, and why allocations fail. */
#include "given.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define ONE_REGION(SIZE)                              \
    "{'schema':1,'name':'one','machine':{'regions':[" \
    "{'name':'ram','base':'0x20000000','size':" SIZE ",'attr':'cacheable'}]},'workload':["

static struct smh_result run(const char *text)
{
    struct smh_scenario *scenario = given_scenario(text);
    struct smh_result result = given_run(scenario, &smh_engine_first_fit);
    cr_assert(result.violation_count == 0, "%s", result.violations[0].message);
    return result;
}

TestSuite(replay, .fini = given_clear);

Test(replay, operations_are_counted_by_kind)
{
    struct smh_result result =
        run(ONE_REGION("'16K'") "{'actor':'a','repeat':3,'ops':[{'alloc':'x','bytes':100},"
                                "{'cpu_write':'x'},{'realloc':'x','bytes':300},{'free':'x'}]}]}");
    cr_assert(result.operations[SMH_OPERATION_ALLOC] == 3);
    cr_assert(result.operations[SMH_OPERATION_CPU_WRITE] == 3);
    cr_assert(result.operations[SMH_OPERATION_REALLOC] == 3);
    cr_assert(result.operations[SMH_OPERATION_FREE] == 3);
    cr_assert(result.operation_count == 12);
    cr_assert(result.regions[0].peak_live_bytes == 300);
    cr_assert(result.regions[0].live_bytes == 0);
}

Test(replay, a_request_that_no_region_matches_fails_for_want_of_a_region)
{
    struct smh_result result = run(
        ONE_REGION("'16K'") "{'actor':'a','attr':'external','ops':[{'alloc':'x','bytes':8}]}]}");
    cr_assert(result.failures[SMH_FAILURE_NO_REGION] == 1);
}

Test(replay, a_request_above_all_free_bytes_fails_because_the_region_is_full)
{
    struct smh_result result =
        run(ONE_REGION("'16K'") "{'actor':'a','ops':[{'alloc':'x','bytes':20000}]}]}");
    cr_assert(result.failures[SMH_FAILURE_FULL] == 1);
    cr_assert(result.failure_list[0].bytes == 20000);
}

/*  | a 6000 | b 16 | c 6000 | rest |   free a and c's neighbour c:  6000 + 6000 free, none of 9000
 */
Test(replay, a_request_that_only_the_total_could_serve_fails_by_fragmentation)
{
    struct smh_result result =
        run(ONE_REGION("'16K'") "{'actor':'a','ops':[{'alloc':'a','bytes':6000},"
                                "{'alloc':'b','bytes':16},{'alloc':'c','bytes':6000},"
                                "{'alloc':'d','bytes':3000},{'free':'a'},{'free':'c'},"
                                "{'alloc':'e','bytes':9000}]}]}");
    cr_assert(result.failures[SMH_FAILURE_FRAGMENTED] == 1);
    cr_assert(result.failure_list[0].free_bytes >= 9000);
    cr_assert(result.failure_list[0].largest_free_bytes < 9000);
}

Test(replay, what_hangs_on_a_failed_allocation_is_skipped)
{
    struct smh_result result =
        run(ONE_REGION("'16K'") "{'actor':'a','ops':[{'alloc':'x','bytes':20000},"
                                "{'cpu_read':'x'},{'free':'x'}]}]}");
    cr_assert(result.skipped == 2);
}

Test(replay, a_failed_realloc_keeps_the_block)
{
    struct smh_result result =
        run(ONE_REGION("'16K'") "{'actor':'a','ops':[{'alloc':'x','bytes':100},"
                                "{'realloc':'x','bytes':20000},{'cpu_read':'x','bytes':100}]}]}");
    cr_assert(smh_result_failures(&result) == 1);
    cr_assert(result.regions[0].live_bytes == 100);
}

Test(replay, prefer_takes_the_first_attribute_that_can_serve)
{
    struct smh_result result =
        run("{'schema':1,'name':'two','machine':{'regions':["
            "{'name':'ram','base':'0x20000000','size':'1K','attr':'cacheable'},"
            "{'name':'psram','base':'0x60000000','size':'64K','attr':'external'}]},"
            "'workload':[{'actor':'a','prefer':['cacheable','external'],'ops':["
            "{'alloc':'x','bytes':100},{'alloc':'y','bytes':10000}]}]}");
    cr_assert(smh_result_failures(&result) == 0);
    cr_assert(result.regions[0].live_bytes == 100);
    cr_assert(result.regions[1].live_bytes == 10000);
}

Test(replay, expectations_are_judged_one_by_one)
{
    struct smh_result result =
        run(ONE_REGION("'16K'") "{'actor':'a','ops':[{'alloc':'x','bytes':20000},"
                                "{'alloc':'y','bytes':10000}]}],"
                                "'expect':{'failed_allocations':1,"
                                "'regions':{'ram':{'peak_used_max':'10%'}}}}");
    cr_assert(result.expectation_count == 2);
    cr_assert(result.expectations[0].passed);
    cr_assert(!result.expectations[1].passed);
    cr_assert(!result.passed);
}

Test(replay, samples_stay_bounded_and_cover_the_run)
{
    struct smh_result result =
        run(ONE_REGION("'16K'") "{'actor':'a','repeat':100000,'every':'1us','ops':["
                                "{'alloc':'x','bytes':100},{'free':'x'}]}]}");
    cr_assert(result.samples->count > SMH_SAMPLES_MAX / 4);
    cr_assert(result.samples->count <= SMH_SAMPLES_MAX);
    cr_assert(result.samples->operation_index[0] == 0);
    cr_assert(result.samples->operation_index[result.samples->count - 1] == 200000);
}

Test(replay, no_peak_between_two_samples_is_lost)
{
    struct smh_result result =
        run(ONE_REGION("'64K'") "{'actor':'steady','repeat':50000,'every':'1us','ops':["
                                "{'alloc':'x','bytes':100},{'free':'x'}]},"
                                "{'actor':'once','start':'20ms','ops':["
                                "{'alloc':'y','bytes':30000},{'free':'y'}]}]}");
    uint64_t most = 0;
    for (size_t i = 0; i < result.samples->count; i++) {
        uint64_t live = result.samples->regions[i].live_bytes;
        most = live > most ? live : most;
    }
    cr_assert(most == result.regions[0].peak_live_bytes);
    cr_assert(most >= 30000);
}

Test(replay, the_json_of_the_same_seed_is_the_same_and_of_another_is_not)
{
    struct smh_scenario *scenario = given_scenario(
        ONE_REGION("'64K'") "{'actor':'a','generate':{'rate_hz':1000,'count':500,"
                            "'size':{'uniform':[1,500]},'lifetime':{'exponential':'20ms'}}}]}");
    char *texts[3];
    for (int i = 0; i < 3; i++) {
        scenario->seed = i == 2 ? 2 : 1;
        struct smh_result result = given_run(scenario, NULL);
        const struct smh_result *list[] = {&result};
        json_t *document = smh_result_json(list, NULL, 1, "run", "");
        json_object_del(json_object_get(document, "scenario"), "seed");
        texts[i] = json_dumps(document, 0);
        json_decref(document);
    }
    cr_assert(strcmp(texts[0], texts[1]) == 0);
    cr_assert(strcmp(texts[0], texts[2]) != 0);
    for (int i = 0; i < 3; i++) {
        free(texts[i]);
    }
}
