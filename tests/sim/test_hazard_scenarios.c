/* test_hazard_scenarios.c: hazards of whole scenarios, with an allocator that stores for itself.
 */
#include "../../sim/hazard/expect.h"
#include "../../sim/replay.h"
#include "temporary.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define TWO_CORES      TWO_CORES_BY("64")
#define TWO_CORES_BY_8 TWO_CORES_BY("8")
#define TWO_CORES_BY(granule)                                                                  \
    "{ \"schema\": 1, \"name\": \"cores\", \"machine\": { \"cores\": 2, \"line\": 64,\n"       \
    "    \"l1\": { \"size\": \"4K\" }, \"regions\": [ { \"name\": \"ram\",\n"                  \
    "    \"base\": \"0x20000000\", \"size\": \"64K\", \"attr\": \"cacheable\",\n"              \
    "    \"cache\": \"write-back\", \"engine\": \"bitmap\", \"granule\": " granule " } ] },\n" \
    "  \"workload\": [ "

/* The titles of the hazards, each followed by "; ". */
static void expect(const char *text, const char *titles)
{
    struct temporary folder;
    struct smh_error error = {.message = ""};
    struct smh_result result;
    char found[1024] = "";
    temporary_make(&folder);
    struct smh_scenario *scenario =
        smh_scenario_load(temporary_write_text(&folder, "given.json", text), false, &error);
    cr_assert_not_null(scenario, "%s", error.message);
    struct smh_replay_options options = {
        .checks = SMH_CHECKS_ALL, .hazards = true, .seed = 1, .drain = true};
    cr_assert_eq(smh_replay(scenario, &options, &result, &error), 0, "%s", error.message);
    for (size_t i = 0; i < result.hazard_count; i++) {
        size_t used = strlen(found);
        smh_hazard_title(scenario, &result.hazards[i], found + used, sizeof(found) - used);
        strncat(found, "; ", sizeof(found) - strlen(found) - 1);
    }
    cr_assert_str_eq(found, titles);
    smh_result_free(&result);
    smh_scenario_free(scenario);
    temporary_remove(&folder);
}

/* Freed first, it would hold links of the allocator's under core 1's dirty line. */
Test(hazard_scenarios, a_block_left_live_is_no_mistake_of_another_core_that_left_it_dirty)
{
    expect(TWO_CORES "{ \"actor\": \"first\", \"attr\": \"cacheable\", \"ops\": [\n"
                     "{ \"alloc\": \"message\", \"bytes\": 64, \"align\": 64 },\n"
                     "{ \"cpu_write\": \"message\", \"core\": 1 } ] },\n"
                     "{ \"actor\": \"second\", \"attr\": \"cacheable\", \"ops\": [\n"
                     "{ \"alloc\": \"other\", \"bytes\": 64, \"align\": 64 } ] } ] }",
           "");
}

/* |firstfir|secondse|: freed by core 0 at the end, first holds links, and the line is dirty there.
 */
Test(hazard_scenarios, what_a_block_left_live_holds_is_not_lost_when_its_neighbour_is_freed)
{
    expect(TWO_CORES_BY_8 "{ \"actor\": \"first\", \"attr\": \"cacheable\", \"ops\": [\n"
                          "{ \"alloc\": \"left\", \"bytes\": 32, \"align\": 8 } ] },\n"
                          "{ \"actor\": \"second\", \"core\": 1, \"attr\": \"cacheable\",\n"
                          "\"start\": \"1ms\", \"ops\": [\n"
                          "{ \"alloc\": \"right\", \"bytes\": 32, \"align\": 8 },\n"
                          "{ \"dma_write\": \"right\" }, { \"invalidate\": \"right\" },\n"
                          "{ \"cpu_read\": \"right\" } ] } ] }",
           "");
}

Test(hazard_scenarios, a_block_freed_while_another_core_has_it_dirty_is_told)
{
    expect(TWO_CORES "{ \"actor\": \"first\", \"attr\": \"cacheable\", \"ops\": [\n"
                     "{ \"alloc\": \"message\", \"bytes\": 128, \"align\": 64 },\n"
                     "{ \"alloc\": \"wall\", \"bytes\": 64, \"align\": 64 },\n"
                     "{ \"cpu_write\": \"message\", \"core\": 1 },\n"
                     "{ \"free\": \"message\" },\n"
                     "{ \"alloc\": \"next\", \"bytes\": 128, \"align\": 64 },\n"
                     "{ \"dma_write\": \"next\" } ] } ] }",
           "H6 of metadata and first/message; H6 of first/next and first/message; ");
}
