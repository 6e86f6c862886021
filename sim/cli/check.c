/* check.c: `smh check`: validates scenarios without replaying them.
 *
 * Owns: the JSON of `smh check --json`:
 *
 *     { "schema", "program", "version", "command": "check",
 *       "scenarios": [ { "file", "valid", "regions", "actors", "error" } ] }
 *
 * Invariants: the machine is built as a run with the same engine builds it, so that what an engine
 * refuses is told here; nothing is replayed.
 */
#include "../json_write.h"
#include "../machine/machine.h"
#include "cli.h"

#include <inttypes.h>

/* Builds the machine with each engine that is asked for. 0, or -1 with *error set. */
static int build(const struct smh_scenario *scenario, const struct smh_cli_options *options,
                 struct smh_error *error)
{
    size_t count = options->engine_count != 0 ? options->engine_count : 1;
    for (size_t i = 0; i < count; i++) {
        struct smh_machine_choice choice = {
            .engine = options->engine_count != 0 ? options->engines[i] : NULL};
        struct smh_machine machine;
        if (smh_machine_open(&machine, scenario, &choice, error) != 0) {
            return -1;
        }
        smh_machine_close(&machine);
    }
    return 0;
}

/* What a valid scenario holds, region by region and actor by actor. */
static void describe(const struct smh_scenario *scenario)
{
    for (size_t i = 0; i < scenario->machine.region_count; i++) {
        const struct smh_region_config *region = &scenario->machine.regions[i];
        fprintf(stderr, "    region %s: %" PRIu64 " bytes at 0x%08" PRIx64 ", %s\n", region->name,
                region->size, region->base, region->attr_name);
    }
    for (size_t i = 0; i < scenario->actor_count; i++) {
        const struct smh_actor_config *actor = &scenario->actors[i];
        const char *work = actor->trace != NULL       ? actor->trace
                           : actor->generator != NULL ? "generated"
                                                      : "a list";
        fprintf(stderr, "    actor %s: %s\n", actor->name, work);
    }
}

static json_t *scenario_json(const char *path, const struct smh_scenario *scenario,
                             const char *message)
{
    json_t *object = json_object();
    json_object_set_new(object, "file", json_string(path));
    json_object_set_new(object, "valid", json_boolean(scenario != NULL));
    if (scenario != NULL) {
        smh_json_put_integer(object, "regions", scenario->machine.region_count);
        smh_json_put_integer(object, "actors", scenario->actor_count);
    }
    json_object_set_new(object, "error", scenario != NULL ? json_null() : json_string(message));
    return object;
}

/* Checks one; appends what came of it to list. */
static int check(const struct smh_cli_options *options, const char *path, json_t *list)
{
    struct smh_error error = {0};
    struct smh_scenario *scenario = smh_scenario_load(path, true, &error);
    bool to_stdout = options->json != NULL && strcmp(options->json, "-") == 0;
    if (scenario != NULL && build(scenario, options, &error) != 0) {
        smh_scenario_free(scenario);
        scenario = NULL;
    }
    if (scenario == NULL) {
        fprintf(stderr, "smh check: %s\n", error.message);
    } else if (!options->quiet && !to_stdout) {
        printf("%s: ok (%zu regions, %zu actors)\n", path, scenario->machine.region_count,
               scenario->actor_count);
    }
    if (scenario != NULL && options->verbose) {
        fflush(stdout);
        describe(scenario);
    }
    json_array_append_new(list, scenario_json(path, scenario, error.message));
    int code = scenario != NULL ? SMH_EXIT_PASS : SMH_EXIT_INPUT;
    smh_scenario_free(scenario);
    return code;
}

static int check_all(const struct smh_cli_options *options, int argc, char **argv)
{
    int code = SMH_EXIT_PASS;
    json_t *list = json_array();
    for (int i = options->first; i < argc; i++) {
        int one = check(options, argv[i], list);
        code = one != SMH_EXIT_PASS ? one : code;
    }
    if (code != SMH_EXIT_PASS) {
        fputs("try: smh list keys\n", stderr);
    }
    return smh_cli_write_list(options, "check", "scenarios", list) == 0 ? code : SMH_EXIT_INPUT;
}

int smh_command_check(int argc, char **argv)
{
    struct smh_cli_options options;
    int code = smh_cli_options(&options, argc, argv);
    if (code == SMH_EXIT_PASS && !options.help) {
        code = options.first == argc ? smh_cli_refuse("check", "a SCENARIO is missing")
                                     : check_all(&options, argc, argv);
    }
    smh_cli_options_free(&options);
    return code;
}
