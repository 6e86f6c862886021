/* test_hazard_drivers.c: correct drivers raise no alarm; drivers that leave one maintenance
 * operation out raise one exactly when it matters.
 */
#include "../../sim/hazard/drivers.h"
#include "../../sim/hazard/explore.h"

#include <criterion/criterion.h>

#define OPERATIONS 10000000u
#define PART       250000u

Test(hazard_drivers, ten_million_operations_of_correct_drivers_raise_no_alarm)
{
    uint64_t told = 0;
    for (uint64_t seed = 1000; told < OPERATIONS; seed++) {
        struct smh_drivers drivers;
        smh_drivers_open(&drivers, seed);
        smh_drivers_run(&drivers, PART);
        cr_assert_eq(smh_judge_hazard_count(drivers.judge), 0, "seed %llu: H%u, %s",
                     (unsigned long long)seed, smh_judge_hazard_at(drivers.judge, 0)->hazard_class,
                     smh_judge_hazard_at(drivers.judge, 0)->explanation);
        cr_assert_eq(smh_judge_lines_given_up(drivers.judge), 0);
        told += drivers.operations;
        smh_drivers_close(&drivers);
    }
}

struct omission {
    bool found, matters;
    uint64_t maintenance;
};

/* The drivers of a seed without their omitted-th maintenance operation. */
static struct omission omit(uint64_t seed, uint64_t omitted)
{
    struct smh_drivers drivers;
    struct smh_program program = {.count = 0};
    struct smh_exploration exploration;
    struct smh_error error = {.message = ""};
    smh_drivers_open(&drivers, seed);
    smh_judge_record(drivers.judge, &program);
    drivers.omit = omitted;
    smh_drivers_run(&drivers, 200);
    cr_assert_eq(smh_explore(&drivers.scenario, &drivers.size, &program, 0, &exploration, &error),
                 0, "%s", error.message);
    struct omission omission = {.found = smh_judge_hazard_count(drivers.judge) > 0,
                                .matters = exploration.goes_wrong,
                                .maintenance = drivers.maintenance};
    smh_exploration_free(&exploration);
    smh_program_free(&program);
    smh_drivers_close(&drivers);
    return omission;
}

Test(hazard_drivers, an_omission_is_found_exactly_when_it_matters)
{
    unsigned matter = 0;
    unsigned tried = 0;
    for (uint64_t seed = 1; seed <= 24; seed++) {
        struct omission whole = omit(seed, SMH_DRIVERS_NEVER);
        cr_assert_not(whole.found);
        cr_assert_not(whole.matters);
        for (uint64_t i = 0; i < whole.maintenance; i++) {
            struct omission omission = omit(seed, i);
            cr_assert_eq(omission.found, omission.matters, "seed %llu, omission %llu: %s",
                         (unsigned long long)seed, (unsigned long long)i,
                         omission.found ? "false alarm" : "missed");
            matter += omission.matters;
            tried++;
        }
    }
    cr_log_info("%u of %u omissions matter, each is found", matter, tried);
    cr_assert_gt(matter, tried / 20, "%u of %u", matter, tried);
}
