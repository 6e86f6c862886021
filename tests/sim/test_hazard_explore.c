/* test_hazard_explore.c: the judge against every schedule, enumerated with data.
 */
#include "hazard_program.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAMS 20000

struct verdicts {
    bool judge, explorer;
};

static struct verdicts verdicts_on(struct hazard_case *given, const struct smh_program *program,
                                   unsigned rules_off)
{
    struct smh_error error = {.message = ""};
    struct smh_exploration exploration;
    hazard_open(given);
    smh_judge_switch_off(given->judge, rules_off);
    smh_program_play(program, given->judge);
    cr_assert_eq(smh_explore(&given->scenario, given->sizes, program, 0, &exploration, &error), 0,
                 "%s", error.message);
    cr_assert_eq(smh_judge_lines_given_up(given->judge), 0);
    struct verdicts verdicts = {smh_judge_hazard_count(given->judge) > 0, exploration.goes_wrong};
    if (rules_off == 0 && verdicts.judge != verdicts.explorer) {
        smh_exploration_print(&given->scenario, program, &exploration, stderr);
    }
    smh_exploration_free(&exploration);
    return verdicts;
}

Test(hazard_explore, the_judge_finds_a_hazard_exactly_when_some_schedule_goes_wrong)
{
    struct smh_random random;
    unsigned wrong = 0;
    smh_random_init(&random, 1, 0);
    for (unsigned i = 0; i < PROGRAMS; i++) {
        struct hazard_case given;
        struct smh_program program = {.count = 0};
        hazard_program(&random, &given, &program);
        struct verdicts verdicts = verdicts_on(&given, &program, 0);
        wrong += verdicts.judge;
        if (verdicts.judge != verdicts.explorer) {
            hazard_program_print(&given, &program, stderr);
            cr_assert_fail("program %u: judge '%s', explorer %s", i, hazard_found(&given),
                           verdicts.explorer ? "wrong" : "right");
        }
        hazard_close(&given);
        smh_program_free(&program);
    }
    cr_assert_gt(wrong, PROGRAMS / 5);
    cr_assert_lt(wrong, PROGRAMS - PROGRAMS / 5);
}

Test(hazard_explore, a_judge_with_one_rule_off_is_caught)
{
    static const unsigned rules[] = {
        SMH_RULE_EVICTION,   SMH_RULE_FETCH,        SMH_RULE_STALE_DEVICE,
        SMH_RULE_STALE_CORE, SMH_RULE_INVALIDATE,   SMH_RULE_NEIGHBOURS,
        SMH_RULE_UNDEFINED,  SMH_RULE_STORE_BUFFER, SMH_RULE_OTHER_CORES};
    for (size_t rule = 0; rule < sizeof(rules) / sizeof(rules[0]); rule++) {
        struct smh_random random;
        unsigned differ = 0;
        smh_random_init(&random, 2, 0);
        for (unsigned i = 0; i < 4000; i++) {
            struct hazard_case given;
            struct smh_program program = {.count = 0};
            hazard_program(&random, &given, &program);
            struct verdicts verdicts = verdicts_on(&given, &program, rules[rule]);
            differ += verdicts.judge != verdicts.explorer;
            hazard_close(&given);
            smh_program_free(&program);
        }
        cr_assert_gt(differ, 0, "rule %#x", rules[rule]);
    }
}

Test(hazard_explore, what_a_random_schedule_reads_wrong_the_judge_has_told)
{
    struct smh_random random;
    unsigned wrong = 0;
    smh_random_init(&random, 3, 0);
    for (unsigned i = 0; i < 1500; i++) {
        struct smh_error error = {.message = ""};
        struct smh_random_exploration exploration;
        struct hazard_case given;
        struct smh_program program = {.count = 0};
        hazard_program(&random, &given, &program);
        if (given.scenario.machine.l1.size_bytes == 0) {
            given.scenario.machine.l2.size_bytes = 0; /* the memory system has no L2 alone */
        }
        hazard_open(&given);
        smh_program_play(&program, given.judge);
        cr_assert_eq(
            smh_explore_seeds(&given.scenario, given.sizes, &program, 1, 8, &exploration, &error),
            0, "%s", error.message);
        if (exploration.wrong_seeds > 0 && smh_judge_hazard_count(given.judge) == 0) {
            hazard_program_print(&given, &program, stderr);
            smh_random_exploration_print(&given.scenario, &program, &exploration, stderr);
            cr_assert_fail("program %u", i);
        }
        wrong += exploration.wrong_seeds > 0;
        hazard_close(&given);
        smh_program_free(&program);
    }
    cr_assert_gt(wrong, 100);
}

static struct smh_exploration explore(struct hazard_case *given, struct smh_program *program)
{
    struct smh_exploration exploration;
    struct smh_error error = {.message = ""};
    cr_assert_eq(smh_explore(&given->scenario, given->sizes, program, SMH_EXPLORE_EVENTS_MAX,
                             &exploration, &error),
                 0, "%s", error.message);
    return exploration;
}

Test(hazard_explore, schedules_are_counted)
{
    /* One core, one line. Before the load the cache is empty or has the line: 2 schedules. The load
     * may leave it or not, or hardware may bring it back: again 2 of each. */
    struct hazard_case given = hazard_case();
    struct smh_program program = {.count = 0};
    hazard_open(&given);
    smh_judge_record(given.judge, &program);
    hazard_block(&given, 0, 0, 32, 32);
    struct smh_exploration exploration = explore(&given, &program);
    cr_assert_eq(exploration.schedules, 1);
    smh_exploration_free(&exploration);
    hazard_access(&given, SMH_ACCESS_DMA_WRITE, 0, 32);
    hazard_access(&given, SMH_ACCESS_DMA_READ, 0, 32);
    exploration = explore(&given, &program);
    cr_assert_not(exploration.goes_wrong);
    /* Nobody's cache takes part: one way through each of the gaps. */
    cr_assert_eq(exploration.schedules, 1);
    smh_exploration_free(&exploration);
    hazard_access(&given, SMH_ACCESS_INVALIDATE, 0, 32);
    exploration = explore(&given, &program);
    /* The hand-out, the write, the read and the invalidation meet the line absent or fetched, and
     * what comes after is again free. A copy from before the write can go, and come back new:
     *   gaps before the hand-out and the write: 2 and 2; after the write a line fetched before it
     *   may be the old one, absent or new (3), others absent or new (2): 2 * (3 + 2) = 10 ways to
     *   the read, of which 2 end old; before the invalidation from old 3, from others 2: 22; then 2
     */
    cr_assert_eq(exploration.schedules, 44);
    smh_exploration_free(&exploration);
    smh_program_free(&program);
    hazard_close(&given);
}

Test(hazard_explore, the_counter_example_is_the_shortest)
{
    struct hazard_case given = hazard_case();
    struct smh_program program = {.count = 0};
    hazard_open(&given);
    smh_judge_record(given.judge, &program);
    hazard_block(&given, 0, 0, 40, 32);
    hazard_block(&given, 1, 40, 24, 0);
    hazard_access(&given, SMH_ACCESS_STORE, 40, 24);
    hazard_access(&given, SMH_ACCESS_DMA_WRITE, 0, 40);
    struct smh_exploration exploration = explore(&given, &program);
    cr_assert(exploration.goes_wrong);
    cr_assert(exploration.lost);
    cr_assert_eq(exploration.offset, 32);
    char text[2048] = "";
    FILE *out = fmemopen(text, sizeof(text), "w");
    smh_exploration_print(&given.scenario, &program, &exploration, out);
    fclose(out);
    cr_assert_not_null(strstr(text, "writes its dirty line back"), "%s", text);
    smh_exploration_free(&exploration);
    smh_program_free(&program);
    hazard_close(&given);
}

Test(hazard_explore, too_many_accesses_are_refused)
{
    struct hazard_case given = hazard_case();
    struct smh_program program = {.count = 0};
    struct smh_exploration exploration;
    struct smh_error error = {.message = ""};
    hazard_open(&given);
    smh_judge_record(given.judge, &program);
    for (int i = 0; i < 13; i++) {
        hazard_access(&given, SMH_ACCESS_LOAD, 0, 8);
    }
    cr_assert_eq(smh_explore(&given.scenario, given.sizes, &program, SMH_EXPLORE_EVENTS_MAX,
                             &exploration, &error),
                 -1);
    cr_assert_str_eq(error.message, "13 accesses, allowed: at most 12 to enumerate all schedules");
    smh_program_free(&program);
    hazard_close(&given);
}
