/* given.c: scenarios written in tests. See given.h. */
#include "given.h"

#include "temporary.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define GIVEN_MAX 64

static struct smh_scenario *scenarios[GIVEN_MAX];
static size_t scenario_count;
static struct smh_result results[GIVEN_MAX];
static size_t result_count;

void given_hardware_open(struct given_hardware *given, const char *text)
{
    struct smh_scenario *scenario = given_scenario(text);
    struct smh_machine_choice choice = {.core = &smh_core_traced};
    struct smh_error error = {0};
    cr_assert(smh_machine_open(&given->machine, scenario, &choice, &error) == 0, "%s",
              error.message);
    given->result = (struct smh_result){.scenario = scenario};
    cr_assert(smh_hardware_open(&given->hardware, &given->machine, &given->result, true, true,
                                &error) == 0,
              "%s", error.message);
}

void given_hardware_close(struct given_hardware *given)
{
    smh_hardware_close(&given->hardware);
    smh_result_free(&given->result);
    smh_machine_close(&given->machine);
    given_clear();
}

void given_clear(void)
{
    while (result_count > 0) {
        smh_result_free(&results[--result_count]);
    }
    while (scenario_count > 0) {
        smh_scenario_free(scenarios[--scenario_count]);
    }
}

struct smh_scenario *given_scenario(const char *text)
{
    struct temporary folder;
    struct smh_error error = {0};
    char *json = strdup(text);
    cr_assert_not_null(json);
    for (char *at = json; (at = strchr(at, '\'')) != NULL;) {
        *at = '"';
    }
    temporary_make(&folder);
    struct smh_scenario *scenario =
        smh_scenario_load(temporary_write_text(&folder, "scenario.json", json), true, &error);
    temporary_remove(&folder);
    free(json);
    cr_assert(scenario != NULL, "%s", error.message);
    cr_assert(scenario_count < GIVEN_MAX);
    scenarios[scenario_count++] = scenario;
    return scenario;
}

struct smh_result given_run(const struct smh_scenario *scenario, const struct smh_engine *engine)
{
    struct smh_replay_options options = {
        .choice = {.engine = engine},
        .seed = scenario->seed,
        .checks = SMH_CHECKS_ALL,
        .metrics = true,
        .samples = true,
        .drain = true,
        .validate_every = 64,
    };
    struct smh_result result;
    struct smh_error error = {0};
    cr_assert(smh_replay(scenario, &options, &result, &error) == 0, "%s", error.message);
    cr_assert(result_count < GIVEN_MAX);
    results[result_count++] = result;
    return result;
}
