/* run.c: `smh run`: replays one scenario. */
#include "../hazard/explore.h"
#include "../result_hazards.h"
#include "cli.h"

#include <string.h>

static int exit_code(const struct smh_result *result)
{
    if (result->violation_count != 0) {
        return SMH_EXIT_INVARIANT;
    }
    return result->passed ? SMH_EXIT_PASS : SMH_EXIT_EXPECTATION;
}

static void on_progress(void *context, uint64_t operations, uint64_t simulated_ns)
{
    (void)simulated_ns;
    smh_progress_step(context, operations);
}

static bool is_stdout(const char *path)
{
    return path != NULL && strcmp(path, "-") == 0;
}

/* Takes the document. */
static int write_document(json_t *document, const char *path)
{
    struct smh_error error = {0};
    int code = smh_result_write(document, path, &error);
    json_decref(document);
    return code == 0 ? SMH_EXIT_PASS : smh_cli_refuse("run", error.message);
}

static int write_documents(const struct smh_cli_options *options, const struct smh_result *result)
{
    int code = SMH_EXIT_PASS;
    if (options->json != NULL) {
        code = write_document(
            smh_result_json(&result, NULL, 1, "run",
                            result->passed ? "The run meets what its scenario expects."
                                           : "The run does not meet what its scenario expects."),
            options->json);
    }
    if (options->sarif != NULL && code == SMH_EXIT_PASS) {
        code = write_document(smh_hazard_sarif(&result, 1), options->sarif);
    }
    return code;
}

static int finish(const struct smh_cli_options *options, const struct smh_result *result)
{
    if (!options->quiet && !is_stdout(options->json) && !is_stdout(options->sarif)) {
        smh_result_print(result, stdout);
    }
    if (options->verbose) {
        smh_cli_print_speed(result);
    }
    int code = write_documents(options, result);
    if (code != SMH_EXIT_PASS) {
        return code;
    }
    if (!result->passed) {
        smh_cli_print_repeat(options, result);
    }
    return exit_code(result);
}

/* A second opinion on what the judge of hazards said, with data. */
static int explore(const struct smh_cli_options *options, const struct smh_scenario *scenario,
                   const struct smh_program *program, uint64_t seed)
{
    struct smh_error error = {0};
    uint64_t sizes[SMH_REGIONS_MAX];
    FILE *out = is_stdout(options->json) || is_stdout(options->sarif) ? stderr : stdout;
    int code = 0;
    for (size_t i = 0; i < scenario->machine.region_count; i++) {
        sizes[i] = scenario->machine.regions[i].size;
    }
    if (options->exhaustive) {
        struct smh_exploration all = {0};
        code = smh_explore(scenario, sizes, program, SMH_EXPLORE_EVENTS_MAX, &all, &error);
        if (code == 0) {
            smh_exploration_print(scenario, program, &all, out);
        }
        smh_exploration_free(&all);
    }
    if (options->explore != 0 && code == 0) {
        struct smh_random_exploration some = {0};
        code = smh_explore_seeds(scenario, sizes, program, seed, options->explore, &some, &error);
        if (code == 0) {
            smh_random_exploration_print(scenario, program, &some, out);
        }
    }
    return code == 0 ? SMH_EXIT_PASS : smh_cli_refuse("run", error.message);
}

static int replay(const struct smh_cli_options *options, const struct smh_scenario *scenario)
{
    struct smh_error error = {0};
    struct smh_progress progress;
    smh_progress_start(&progress, "operations", 0, options->quiet);
    struct smh_replay_options replay = {
        .choice = {.engine = options->engine_count != 0 ? options->engines[0] : NULL,
                   .policy = options->policy_count != 0 ? options->policies[0] : NULL},
        .seed = options->seed_count != 0 ? options->seeds[0] : scenario->seed,
        .checks = options->checks,
        .metrics = !options->no_metrics,
        .samples = !options->no_metrics && options->json != NULL,
        .host_time = options->host_time,
        .cycles = options->cycles,
        .hazards = options->hazards,
        .drain = true,
        .validate_every = options->validate_every,
        .progress = on_progress,
        .context = &progress,
    };
    struct smh_program program = {0};
    replay.program = options->exhaustive || options->explore != 0 ? &program : NULL;
    struct smh_result result;
    int code = smh_replay(scenario, &replay, &result, &error);
    smh_progress_end(&progress);
    if (code != 0) {
        smh_program_free(&program);
        return smh_cli_refuse_scenario("run", error.message, scenario->path);
    }
    int explored =
        replay.program != NULL ? explore(options, scenario, &program, replay.seed) : SMH_EXIT_PASS;
    code = explored == SMH_EXIT_PASS ? finish(options, &result) : explored;
    smh_program_free(&program);
    smh_result_free(&result);
    return code;
}

int smh_command_run(int argc, char **argv)
{
    struct smh_cli_options options;
    int code = smh_cli_options(&options, argc, argv);
    if (code == SMH_EXIT_PASS && !options.help) {
        struct smh_error error = {0};
        struct smh_scenario *scenario = NULL;
        if (argc - options.first != 1) {
            code = smh_cli_refuse("run", "exactly one SCENARIO is wanted");
        } else if (is_stdout(options.json) && is_stdout(options.sarif)) {
            code = smh_cli_refuse("run", "--json and --sarif: one of them to standard output");
        } else if (options.engine_count > 1 || options.policy_count > 1 || options.seed_count > 1) {
            code = smh_cli_refuse("run", "one engine, one policy, one seed (compare takes more)");
        } else if ((scenario = smh_scenario_load(argv[options.first], false, &error)) == NULL) {
            code = smh_cli_refuse_scenario("run", error.message, argv[options.first]);
        } else {
            code = replay(&options, scenario);
        }
        smh_scenario_free(scenario);
    }
    smh_cli_options_free(&options);
    return code;
}
