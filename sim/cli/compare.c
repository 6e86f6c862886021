/* compare.c: `smh compare`: every engine, policy and seed asked for, side by side.
 *
 * Owns: the matrix of runs and the worker threads over it.
 * Invariants: a run's place in the results depends on the command line alone, not on which worker
 * finished first.
 */
#include "cli.h"

#include "verdict.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct matrix {
    const struct smh_cli_options *options;
    const struct smh_scenario *scenario;
    const struct smh_engine *engines[SMH_LIST_MAX];
    size_t engine_count;
    char
        left_out[256]; /* engines of all that have no place in the machine, "" or "buddy, zephyr" */
    const struct smh_policy *policies[SMH_LIST_MAX];
    size_t policy_count;
    struct smh_result *results; /* [engine][policy][seed] */
    size_t run_count;
    size_t seed_count;
    size_t best;          /* index of a run of the best combination, once published */
    pthread_mutex_t lock; /* guards next, done, failed, error and progress */
    size_t next;
    size_t done;
    bool failed;
    struct smh_error error;
    struct smh_progress progress;
};

/* Whether the scenario's machine has room for the engine and its tables; if not, says why. */
static bool has_place(struct matrix *matrix, const struct smh_engine *engine)
{
    struct smh_machine machine;
    const struct smh_machine_choice choice = {.engine = engine};
    if (smh_machine_open(&machine, matrix->scenario, &choice, &matrix->error) == 0) {
        smh_machine_close(&machine);
        return true;
    }
    size_t length = strlen(matrix->left_out);
    snprintf(matrix->left_out + length, sizeof(matrix->left_out) - length, "%s%s",
             length == 0 ? "" : ", ", engine->name);
    fprintf(stderr, "smh compare: %s is left out: %s\n", engine->name, matrix->error.message);
    return false;
}

/* Engines that are asked for must fit; of all, those that do. False, with the error set: none. */
static bool fill_axes(struct matrix *matrix, const struct smh_cli_options *options)
{
    matrix->engine_count = options->engine_count;
    memcpy(matrix->engines, options->engines, sizeof(matrix->engines));
    for (size_t i = 0; options->engine_count == 0 && smh_engine_at(i) != NULL; i++) {
        if (matrix->engine_count < SMH_LIST_MAX && has_place(matrix, smh_engine_at(i))) {
            matrix->engines[matrix->engine_count++] = smh_engine_at(i);
        }
    }
    matrix->policy_count = options->policy_count;
    memcpy(matrix->policies, options->policies, sizeof(matrix->policies));
    while (options->policy_count == 0 && matrix->policy_count < SMH_LIST_MAX &&
           smh_policy_at(matrix->policy_count) != NULL) {
        matrix->policies[matrix->policy_count] = smh_policy_at(matrix->policy_count);
        matrix->policy_count++;
    }
    matrix->seed_count = options->seed_count != 0 ? options->seed_count : 1;
    matrix->run_count = matrix->engine_count * matrix->policy_count * matrix->seed_count;
    return matrix->run_count != 0;
}

/* The default engine (or the scenario's own) and the scenario's policy: what a user has who chooses
 * nothing. Hazards depend on it little and take their time, so that they are judged there alone
 * unless they are asked for. */
static bool is_usual(const struct matrix *matrix, size_t engine, size_t policy, size_t seed)
{
    const struct smh_engine *chosen = matrix->engines[engine];
    return seed == 0 && (chosen == NULL || chosen == SMH_ENGINE_DEFAULT) &&
           (matrix->policies[policy] == NULL ||
            matrix->policies[policy] == matrix->scenario->policy);
}

static int run_one(struct matrix *matrix, size_t index, struct smh_error *error)
{
    size_t seed = index % matrix->seed_count;
    size_t policy = index / matrix->seed_count % matrix->policy_count;
    size_t engine = index / matrix->seed_count / matrix->policy_count;
    struct smh_replay_options replay = {
        .choice = {.engine = matrix->engines[engine], .policy = matrix->policies[policy]},
        .seed = matrix->options->seed_count != 0 ? matrix->options->seeds[seed]
                                                 : matrix->scenario->seed,
        .checks = matrix->options->checks,
        .metrics = true,
        .samples = true,
        .host_time = matrix->options->host_time,
        .cycles = matrix->options->cycles,
        .hazards = matrix->options->hazards,
        .no_hazards = !is_usual(matrix, engine, policy, seed),
        .drain = true,
        .validate_every = matrix->options->validate_every,
    };
    struct smh_result *result = &matrix->results[index];
    if (!replay.host_time || replay.hazards || replay.no_hazards) {
        return smh_replay(matrix->scenario, &replay, result, error);
    }
    /* The traced core would be slower on the host's clock than the others are. */
    struct smh_result timed = {0};
    replay.no_hazards = true;
    int code = smh_replay(matrix->scenario, &replay, &timed, error);
    replay.no_hazards = false;
    replay.host_time = false;
    code = code == 0 ? smh_replay(matrix->scenario, &replay, result, error) : code;
    if (code == 0) {
        result->latency = timed.latency;
        result->clock_overhead_ns = timed.clock_overhead_ns;
        timed.latency = NULL;
    }
    smh_result_free(&timed);
    return code;
}

static void *work(void *context)
{
    struct matrix *matrix = context;
    pthread_mutex_lock(&matrix->lock);
    while (matrix->next < matrix->run_count && !matrix->failed) {
        size_t index = matrix->next++;
        pthread_mutex_unlock(&matrix->lock);
        struct smh_error error = {0};
        int code = run_one(matrix, index, &error);
        pthread_mutex_lock(&matrix->lock);
        if (code != 0 && !matrix->failed) {
            matrix->failed = true;
            matrix->error = error;
        }
        matrix->done++;
        smh_progress_step(&matrix->progress, matrix->done);
    }
    pthread_mutex_unlock(&matrix->lock);
    return NULL;
}

static int run_all(struct matrix *matrix)
{
    pthread_t workers[1024];
    unsigned started = 0;
    smh_progress_start(&matrix->progress, matrix->scenario->name, matrix->run_count,
                       matrix->options->quiet);
    pthread_mutex_init(&matrix->lock, NULL);
    while (started + 1 < matrix->options->jobs && started + 1 < matrix->run_count &&
           pthread_create(&workers[started], NULL, work, matrix) == 0) {
        started++;
    }
    work(matrix);
    for (unsigned i = 0; i < started; i++) {
        pthread_join(workers[i], NULL);
    }
    pthread_mutex_destroy(&matrix->lock);
    smh_progress_end(&matrix->progress);
    return matrix->failed ? -1 : 0;
}

/* out/results.json for one scenario; out/NAME/results.json for several. */
static int output_path(const struct smh_cli_options *options, const struct smh_scenario *scenario,
                       bool several, char *path, size_t bytes, struct smh_error *error)
{
    if (options->json != NULL) {
        snprintf(path, bytes, "%s", options->json);
        return 0;
    }
    int length = several ? snprintf(path, bytes, "%s/%s", options->output, scenario->name)
                         : snprintf(path, bytes, "%s", options->output);
    if (length < 0 || (size_t)length + sizeof("/results.json") > bytes) {
        return smh_error_set(error, "--output: the path is too long, allowed: %zu bytes", bytes);
    }
    for (char *at = path + 1; *at != '\0'; at++) {
        if (*at == '/') {
            *at = '\0';
            mkdir(path, 0777);
            *at = '/';
        }
    }
    if (mkdir(path, 0777) != 0 && errno != EEXIST) {
        return smh_error_set(error, "%s: cannot be made (%s)", path, strerror(errno));
    }
    memcpy(path + length, "/results.json", sizeof("/results.json"));
    return 0;
}

/* Writes the results and prints the table: the best, worst and usual combination in detail. */
static int publish(struct matrix *matrix, const char *path, struct smh_error *error)
{
    const struct smh_result **list = smh_must_allocate(matrix->run_count, sizeof(*list));
    bool *details = smh_must_allocate(matrix->run_count, sizeof(*details));
    struct smh_verdict verdict;
    char sentence[1024];
    for (size_t i = 0; i < matrix->run_count; i++) {
        list[i] = &matrix->results[i];
    }
    smh_verdict_open(&verdict, list, matrix->run_count);
    smh_verdict_sentence(&verdict, sentence, sizeof(sentence));
    if (matrix->left_out[0] != '\0') {
        size_t length = strlen(sentence);
        snprintf(sentence + length, sizeof(sentence) - length, " Left out, as they do not fit: %s.",
                 matrix->left_out);
    }
    matrix->best = verdict.rows[verdict.best].first;
    details[matrix->best] = true;
    details[verdict.rows[verdict.worst].first] = true;
    if (verdict.usual != SMH_VERDICT_NONE) {
        details[verdict.rows[verdict.usual].first] = true;
    }
    json_t *document = smh_result_json(list, details, matrix->run_count, "compare", sentence);
    int code = smh_result_write(document, path, error);
    if (code == 0 && !matrix->options->quiet && strcmp(path, "-") != 0) {
        smh_verdict_table(&verdict, stdout);
        printf("%s\nresults: %s\n", sentence, path);
    }
    json_decref(document);
    smh_verdict_close(&verdict);
    free(details);
    free(list);
    return code;
}

/* 0 when a combination meets the expectations; see smh_exit. Else says how to repeat the run that
 * broke a rule, or the best of those that failed. */
static int exit_code(const struct matrix *matrix)
{
    int code = SMH_EXIT_EXPECTATION;
    size_t told = matrix->best;
    for (size_t i = 0; i < matrix->run_count && code != SMH_EXIT_INVARIANT; i++) {
        if (matrix->results[i].violation_count != 0) {
            code = SMH_EXIT_INVARIANT;
            told = i;
        } else if (matrix->results[i].passed) {
            code = SMH_EXIT_PASS;
        }
    }
    if (code != SMH_EXIT_PASS) {
        smh_cli_print_repeat(matrix->options, &matrix->results[told]);
    }
    return code;
}

static void print_speeds(const struct matrix *matrix)
{
    fflush(stdout);
    for (size_t i = 0; i < matrix->run_count; i++) {
        const struct smh_result *result = &matrix->results[i];
        fprintf(stderr, "%s, %s, seed %" PRIu64 ": ",
                result->engine != NULL ? result->engine : "as_written", result->policy,
                result->seed);
        smh_cli_print_speed(result);
    }
}

static int compare(const struct smh_cli_options *options, const char *path, bool several)
{
    struct matrix matrix = {.options = options};
    struct smh_scenario *scenario = smh_scenario_load(path, false, &matrix.error);
    int code = SMH_EXIT_INPUT;
    matrix.scenario = scenario;
    if (scenario != NULL && fill_axes(&matrix, options)) {
        matrix.results = smh_must_allocate(matrix.run_count, sizeof(*matrix.results));
        char output[4096];
        if (output_path(options, scenario, several, output, sizeof(output), &matrix.error) == 0 &&
            run_all(&matrix) == 0 && publish(&matrix, output, &matrix.error) == 0) {
            if (options->verbose) {
                print_speeds(&matrix);
            }
            code = exit_code(&matrix);
        }
    }
    if (code == SMH_EXIT_INPUT) {
        (void)smh_cli_refuse_scenario("compare", matrix.error.message, path);
    }
    for (size_t i = 0; matrix.results != NULL && i < matrix.run_count; i++) {
        smh_result_free(&matrix.results[i]);
    }
    free(matrix.results);
    smh_scenario_free(scenario);
    return code;
}

int smh_command_compare(int argc, char **argv)
{
    struct smh_cli_options options;
    int code = smh_cli_options(&options, argc, argv);
    if (code == SMH_EXIT_PASS && !options.help) {
        bool several = argc - options.first > 1;
        if (options.first == argc) {
            code = smh_cli_refuse("compare", "a SCENARIO is missing");
        } else if (several && options.json != NULL) {
            code = smh_cli_refuse("compare", "--json takes one SCENARIO; use --output for several");
        }
        for (int i = options.first; code != SMH_EXIT_INPUT && i < argc; i++) {
            int one = compare(&options, argv[i], several);
            code = one > code || one == SMH_EXIT_INPUT ? one : code;
        }
    }
    smh_cli_options_free(&options);
    return code;
}
