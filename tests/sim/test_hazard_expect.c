/* test_hazard_expect.c: hazards that occurred against those that a scenario expects. */
#include "../../sim/hazard/expect.h"
#include "../../sim/result.h"

#include <criterion/criterion.h>
#include <string.h>

static char *names_of_camera[] = {"frame", "header"};
static char *names_of_panel[] = {"frame"};
static struct smh_actor_config actors[] = {
    {.name = "camera", .slot_names = names_of_camera, .slot_count = 2},
    {.name = "panel", .slot_names = names_of_panel, .slot_count = 1},
    {.name = "net", .trace = "net.trace"},
};
static const struct smh_owner frame = {.kind = SMH_OWNER_BLOCK, .actor = 0, .slot = 0};
static const struct smh_owner header = {.kind = SMH_OWNER_STACK, .actor = 0, .slot = 1};
static const struct smh_owner panel = {.kind = SMH_OWNER_FREED, .actor = 1, .slot = 0};
static const struct smh_owner net = {.kind = SMH_OWNER_BLOCK, .actor = 2, .slot = 77};
static const struct smh_owner metadata = {.kind = SMH_OWNER_METADATA};

static struct smh_scenario scenario_of(struct smh_hazard_expect *list, size_t count)
{
    return (struct smh_scenario){
        .name = "x",
        .actors = actors,
        .actor_count = 3,
        .expect = {.has_hazards = true,
                   .hazards = count,
                   .hazard_list = list,
                   .hazard_count = list != NULL ? count : 0},
    };
}

/* Whether a run with these hazards passes; differences are kept in text. */
static bool passes(const struct smh_scenario *scenario, const struct smh_hazard *hazards,
                   size_t count, char *text, size_t bytes)
{
    struct smh_result result = {.scenario = scenario, .hazards_judged = true};
    for (size_t i = 0; i < count; i++) {
        smh_result_add_hazard(&result, &hazards[i]);
    }
    smh_result_judge(&result);
    text[0] = '\0';
    for (size_t i = 0; i < result.hazard_difference_count; i++) {
        size_t used = strlen(text);
        snprintf(text + used, bytes - used, "%s|", result.hazard_differences[i]);
    }
    bool passed = result.passed;
    cr_assert_eq(result.expectation_count, 1);
    smh_result_free(&result);
    return passed;
}

Test(hazard_expect, an_owner_has_the_name_of_its_block_with_and_without_its_actor)
{
    struct smh_scenario scenario = scenario_of(NULL, 0);
    char text[SMH_OWNER_NAME_BYTES];
    smh_owner_name(&scenario, &frame, text);
    cr_assert_str_eq(text, "camera/frame");
    cr_assert(smh_owner_is_called(&scenario, &frame, "frame"));
    cr_assert(smh_owner_is_called(&scenario, &frame, "camera/frame"));
    cr_assert_not(smh_owner_is_called(&scenario, &frame, "panel/frame"));
    cr_assert_not(smh_owner_is_called(&scenario, &frame, "stack"));
    cr_assert(smh_owner_is_called(&scenario, &panel, "panel/frame"));
}

Test(hazard_expect, a_stack_buffer_is_also_called_stack_and_blocks_of_a_trace_as_their_actor)
{
    struct smh_scenario scenario = scenario_of(NULL, 0);
    char text[SMH_OWNER_NAME_BYTES];
    cr_assert(smh_owner_is_called(&scenario, &header, "stack"));
    cr_assert(smh_owner_is_called(&scenario, &header, "header"));
    smh_owner_name(&scenario, &net, text);
    cr_assert_str_eq(text, "net");
    cr_assert(smh_owner_is_called(&scenario, &net, "net"));
    smh_owner_name(&scenario, &metadata, text);
    cr_assert_str_eq(text, "metadata");
    cr_assert(smh_owner_is_called(&scenario, &metadata, "metadata"));
    cr_assert_not(smh_owner_is_called(&scenario, &frame, "metadata"));
}

Test(hazard_expect, owners_are_a_set)
{
    char *both[] = {"metadata", "frame"};
    char *one[] = {"frame"};
    char *twice[] = {"frame", "frame"};
    struct smh_hazard_expect pair = {.class_name = "H2", .owners = both, .owner_count = 2};
    struct smh_hazard_expect alone = {.class_name = "H2", .owners = one, .owner_count = 1};
    struct smh_hazard_expect doubled = {.class_name = "H2", .owners = twice, .owner_count = 2};
    struct smh_hazard_expect any = {.class_name = "H2"};
    struct smh_hazard_expect other = {.class_name = "H1", .owners = both, .owner_count = 2};
    struct smh_scenario scenario = scenario_of(NULL, 0);
    struct smh_hazard hazard = {.hazard_class = 2, .victim = frame, .culprit = metadata};
    cr_assert(smh_hazard_is_expected(&scenario, &hazard, &pair));
    cr_assert(smh_hazard_is_expected(&scenario, &hazard, &any));
    cr_assert_not(smh_hazard_is_expected(&scenario, &hazard, &alone));
    cr_assert_not(smh_hazard_is_expected(&scenario, &hazard, &other));
    struct smh_hazard same = {.hazard_class = 2, .victim = frame, .culprit = frame};
    cr_assert(smh_hazard_is_expected(&scenario, &same, &alone));
    cr_assert(smh_hazard_is_expected(&scenario, &same, &doubled));
    cr_assert_not(smh_hazard_is_expected(&scenario, &same, &pair));
}

Test(hazard_expect, one_name_may_stand_for_both_owners)
{
    char *one[] = {"frame"};
    struct smh_hazard_expect alone = {.class_name = "H1", .owners = one, .owner_count = 1};
    struct smh_scenario scenario = scenario_of(NULL, 0);
    struct smh_hazard hazard = {.hazard_class = 1, .victim = frame, .culprit = panel};
    cr_assert(smh_hazard_is_expected(&scenario, &hazard, &alone));
}

Test(hazard_expect, a_run_with_exactly_the_hazards_of_the_list_passes)
{
    char *both[] = {"camera/frame", "net"};
    struct smh_hazard_expect list[] = {
        {.class_name = "H1", .owners = both, .owner_count = 2},
        {.class_name = "H10"},
    };
    struct smh_scenario scenario = scenario_of(list, 2);
    const struct smh_hazard hazards[] = {
        {.hazard_class = 10, .victim = header, .culprit = header},
        {.hazard_class = 1, .victim = net, .culprit = frame},
    };
    char text[1024];
    cr_assert(passes(&scenario, hazards, 2, text, sizeof(text)), "%s", text);
    cr_assert_str_eq(text, "");
}

Test(hazard_expect, what_did_not_occur_and_what_was_not_expected_are_told)
{
    char *both[] = {"camera/frame", "net"};
    struct smh_hazard_expect list[] = {{.class_name = "H1", .owners = both, .owner_count = 2}};
    struct smh_scenario scenario = scenario_of(list, 1);
    const struct smh_hazard hazards[] = {
        {.hazard_class = 2, .victim = metadata, .culprit = frame, .operation = 5}};
    char text[1024];
    cr_assert_not(passes(&scenario, hazards, 1, text, sizeof(text)));
    cr_assert_str_eq(text, "expected and did not occur: H1 of camera/frame and net|"
                           "occurred and was not expected: H2 of metadata and camera/frame, first "
                           "at operation 5|");
}

Test(hazard_expect, a_number_is_met_by_that_many_hazards)
{
    const struct smh_hazard hazards[] = {
        {.hazard_class = 3, .victim = frame, .culprit = frame, .operation = 4},
        {.hazard_class = 5, .victim = frame, .culprit = frame, .operation = 6},
    };
    char text[1024];
    struct smh_scenario scenario = scenario_of(NULL, 2);
    cr_assert(passes(&scenario, hazards, 2, text, sizeof(text)));
    cr_assert_not(passes(&scenario, hazards, 1, text, sizeof(text)));
    cr_assert_str_eq(text, "occurred: H3 of camera/frame, first at operation 4|");
    scenario = scenario_of(NULL, 0);
    cr_assert(passes(&scenario, hazards, 0, text, sizeof(text)));
    cr_assert_not(passes(&scenario, hazards, 1, text, sizeof(text)));
    cr_assert_str_eq(text, "occurred and was not expected: H3 of camera/frame, first at operation "
                           "4|");
}
