/* options.c: reads the options that the commands share, and prints help from the same table. */
#include "cli.h"

#include <dlfcn.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct option_row {
    char letter; /* as in smh_command.options; also the short option, if `is_short` */
    bool is_short;
    const char *name;
    const char *argument; /* NULL: none */
    const char *help;
};

static const struct option_row rows[] = {
    {'e', true, "engine", "NAMES",
     "engines: names, paths of plug-ins (./mine.so), 'as_written' or 'all', separated by commas"},
    {'p', true, "policy", "NAMES", "policies: names or 'all', separated by commas"},
    {'s', true, "seed", "NUMBERS", "seeds, separated by commas, or ranges as 1-5 [the scenario's]"},
    {'j', false, "json", "FILE", "write the results as JSON to FILE ('-': standard output)"},
    {'o', true, "output", "DIR", "folder for results.json [out]"},
    {'c', false, "checks", "LEVEL",
     "none, contents, or all: what the model checks at each operation [all]"},
    {'V', false, "validate-every", "N",
     "validate every heap after each N operations, 0: only at the end [0]"},
    {'m', false, "no-metrics", NULL, "count nothing but operations and failures (fastest)"},
    {'t', false, "host-time", NULL,
     "measure latency on the host's clock (noisy; results then differ from run to run)"},
    {'C', false, "cycles", NULL,
     "simulate caches and memories: what the allocator costs in the target's cycles"},
    {'H', false, "hazards", NULL,
     "judge hazards of caches and devices also where the scenario does not ask for it; compare: of "
     "every run, not of the default alone"},
    {'S', false, "sarif", "FILE",
     "write the hazards as SARIF 2.1.0 to FILE, for code hosts ('-': standard output)"},
    {'X', false, "exhaustive", NULL,
     "enumerate every schedule of the caches, with data (up to 12 accesses), and say what is found"},
    {'x', false, "explore", "N", "carry out N random schedules of evictions and fills, with data"},
    {'J', false, "jobs", "N", "runs side by side [the number of processors]"},
    {'q', true, "quiet", NULL, "print nothing but errors"},
    {'v', true, "verbose", NULL,
     "say more on standard error: how fast a replay was, what a scenario holds"},
    {'h', true, "help", NULL, "show this help"},
};
#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

static bool takes(const struct smh_command *command, char letter)
{
    return letter == 'h' || strchr(command->options, letter) != NULL;
}

static void print_help(const struct smh_command *command)
{
    printf("usage: smh %s [OPTIONS] %s\n\n%s\n\n", command->name, command->arguments,
           command->summary);
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (!takes(command, rows[i].letter)) {
            continue;
        }
        char left[64];
        char dash[5] = "    ";
        if (rows[i].is_short) {
            dash[0] = '-';
            dash[1] = rows[i].letter;
            dash[2] = ',';
        }
        snprintf(left, sizeof(left), "%s--%s%s%s", dash, rows[i].name,
                 rows[i].argument != NULL ? " " : "",
                 rows[i].argument != NULL ? rows[i].argument : "");
        printf("  %-28s %s\n", left, rows[i].help);
    }
    printf("\nExit codes: 0 pass, %s2 bad usage or bad input%s.\n",
           takes(command, 'c') ? "1 an expectation failed, " : "",
           takes(command, 'c') ? ", 3 the allocator broke a rule" : "");
}

int smh_cli_refuse(const char *command, const char *message)
{
    fprintf(stderr, "smh %s: %s\n", command, message);
    fprintf(stderr, "try: smh %s --help\n", command);
    return SMH_EXIT_INPUT;
}

/* One word of a command, as a shell reads it. */
static void print_word(const char *word)
{
    size_t plain = strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "_-./,:+=@%");
    if (word[0] != '\0' && word[plain] == '\0') {
        fprintf(stderr, " %s", word);
        return;
    }
    fputs(" '", stderr);
    for (const char *at = word; *at != '\0'; at++) {
        fputs(*at == '\'' ? "'\\'" : "", stderr);
        fputc(*at, stderr);
        fputs(*at == '\'' ? "'" : "", stderr);
    }
    fputc('\'', stderr);
}

int smh_cli_refuse_scenario(const char *command, const char *message, const char *path)
{
    fprintf(stderr, "smh %s: %s\ntry: smh check", command, message);
    print_word(path);
    fputc('\n', stderr);
    return SMH_EXIT_INPUT;
}

int smh_cli_write_list(const struct smh_cli_options *options, const char *command, const char *key,
                       json_t *list)
{
    struct smh_error error = {0};
    int code = 0;
    if (options->json == NULL) {
        json_decref(list);
        return 0;
    }
    json_t *document = json_pack("{s:i,s:s,s:s,s:s,s:o}", "schema", SMH_RESULT_SCHEMA, "program",
                                 "smh", "version", SMH_VERSION, "command", command, key, list);
    if (smh_result_write(document, options->json, &error) != 0) {
        code = smh_cli_refuse(command, error.message);
    }
    json_decref(document);
    return code;
}

static const char *const check_names[] = {"none", "contents", "all"};

void smh_cli_print_repeat(const struct smh_cli_options *options, const struct smh_result *result)
{
    const char *engine = result->engine;
    for (size_t i = 0; engine != NULL && i < options->engine_count; i++) {
        if (options->engines[i] != NULL && strcmp(options->engines[i]->name, engine) == 0) {
            engine = options->engine_names[i];
            break;
        }
    }
    fflush(stdout);
    fputs("repeat: smh run", stderr);
    if (engine != NULL) {
        fputs(" --engine", stderr);
        print_word(engine);
    }
    fprintf(stderr, " --policy %s --seed %" PRIu64, result->policy, result->seed);
    if (options->checks != SMH_CHECKS_ALL) {
        fprintf(stderr, " --checks %s", check_names[options->checks]);
    }
    if (options->validate_every != 0) {
        fprintf(stderr, " --validate-every %" PRIu64, options->validate_every);
    }
    print_word(result->scenario->path);
    fputc('\n', stderr);
}

static const struct smh_engine *load_plugin(const char *path, struct smh_error *error)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        smh_error_set(error, "engine %s: %s", path, dlerror());
        return NULL;
    }
    const struct smh_engine *engine = dlsym(library, SMH_ENGINE_PLUGIN_SYMBOL);
    if (engine == NULL || engine->abi != SMH_ENGINE_ABI) {
        smh_error_set(error, "engine %s: it must export struct smh_engine %s with abi %u", path,
                      SMH_ENGINE_PLUGIN_SYMBOL, SMH_ENGINE_ABI);
        dlclose(library);
        return NULL;
    }
    return engine; /* the library stays for the life of the program */
}

/* An engine of the core by name, or the plug-in in the shared object at a path that contains '/'.
 * NULL with *error set. */
static const struct smh_engine *find_engine(const char *name, struct smh_error *error)
{
    if (strchr(name, '/') != NULL) {
        return load_plugin(name, error);
    }
    const struct smh_engine *engine = smh_engine_find(name);
    if (engine == NULL) {
        char allowed[512] = "";
        for (size_t i = 0; smh_engine_at(i) != NULL; i++) {
            size_t used = strlen(allowed);
            snprintf(allowed + used, sizeof(allowed) - used, "%s, ", smh_engine_at(i)->name);
        }
        smh_error_set(error,
                      "--engine: \"%s\" is unknown, allowed: %sas_written, all, or the path "
                      "of a plug-in",
                      name, allowed);
    }
    return engine;
}

static int add_engine(struct smh_cli_options *options, const char *name, struct smh_error *error)
{
    const struct smh_engine *engine = NULL;
    if (strcmp(name, "as_written") != 0) {
        engine = find_engine(name, error);
        if (engine == NULL) {
            return -1;
        }
    }
    if (options->engine_count == SMH_LIST_MAX) {
        return smh_error_set(error, "--engine: more than %d engines", SMH_LIST_MAX);
    }
    options->engine_names[options->engine_count] = smh_must_copy(name);
    options->engines[options->engine_count++] = engine;
    return 0;
}

static int add_policy(struct smh_cli_options *options, const char *name, struct smh_error *error)
{
    const struct smh_policy *policy = smh_policy_find(name);
    if (policy == NULL) {
        char allowed[512] = "";
        for (size_t i = 0; smh_policy_at(i) != NULL; i++) {
            size_t used = strlen(allowed);
            snprintf(allowed + used, sizeof(allowed) - used, "%s, ", smh_policy_at(i)->name);
        }
        return smh_error_set(error, "--policy: \"%s\" is unknown, allowed: %sall", name, allowed);
    }
    if (options->policy_count == SMH_LIST_MAX) {
        return smh_error_set(error, "--policy: more than %d policies", SMH_LIST_MAX);
    }
    options->policies[options->policy_count++] = policy;
    return 0;
}

static int parse_number(const char *option, const char *text, uint64_t least, uint64_t most,
                        uint64_t *value, struct smh_error *error)
{
    char *end = NULL;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || number < least ||
        number > most) {
        return smh_error_set(error, "--%s: \"%s\", allowed: %" PRIu64 " to %" PRIu64, option, text,
                             least, most);
    }
    *value = number;
    return 0;
}

static int add_seeds(struct smh_cli_options *options, const char *text, struct smh_error *error)
{
    char first_text[32];
    const char *dash = text[0] != '\0' ? strchr(text + 1, '-') : NULL;
    size_t length = dash != NULL ? (size_t)(dash - text) : strlen(text);
    snprintf(first_text, sizeof(first_text), "%.*s", length < 31 ? (int)length : 31, text);
    uint64_t first = 0;
    uint64_t last = 0;
    if (parse_number("seed", first_text, 0, INT64_MAX, &first, error) != 0 ||
        parse_number("seed", dash != NULL ? dash + 1 : first_text, first, INT64_MAX, &last,
                     error) != 0) {
        return -1;
    }
    uint64_t count = last - first + 1;
    if (count > 10000 - options->seed_count) {
        return smh_error_set(error, "--seed: \"%s\" makes more than 10000 seeds", text);
    }
    options->seeds = smh_must_resize(options->seeds, options->seed_count + (size_t)count,
                                     sizeof(*options->seeds));
    for (uint64_t i = 0; i < count; i++) {
        options->seeds[options->seed_count++] = first + i;
    }
    return 0;
}

/* Calls add for each part of a list separated by commas; 'all' stands for every name. */
static int add_each(struct smh_cli_options *options, const char *list,
                    int (*add)(struct smh_cli_options *, const char *, struct smh_error *),
                    const char *(*name_at)(size_t), struct smh_error *error)
{
    char *copy = smh_must_copy(list);
    char *rest = copy;
    char *part;
    int code = 0;
    while (code == 0 && (part = strsep(&rest, ",")) != NULL) {
        if (name_at != NULL && strcmp(part, "all") == 0) {
            for (size_t i = 0; code == 0 && name_at(i) != NULL; i++) {
                code = add(options, name_at(i), error);
            }
        } else {
            code = add(options, part, error);
        }
    }
    free(copy);
    return code;
}

static const char *engine_name(size_t index)
{
    const struct smh_engine *engine = smh_engine_at(index);
    return engine != NULL ? engine->name : NULL;
}

static const char *policy_name(size_t index)
{
    const struct smh_policy *policy = smh_policy_at(index);
    return policy != NULL ? policy->name : NULL;
}

static int set_checks(struct smh_cli_options *options, const char *level, struct smh_error *error)
{
    for (int i = 0; i < 3; i++) {
        if (strcmp(level, check_names[i]) == 0) {
            options->checks = (enum smh_checks)i;
            return 0;
        }
    }
    return smh_error_set(error, "--checks: \"%s\", allowed: none, contents, all", level);
}

static int apply(struct smh_cli_options *options, char letter, const char *value,
                 struct smh_error *error)
{
    uint64_t number = 0;
    int code = 0;
    switch (letter) {
    case 'e':
        return add_each(options, value, add_engine, engine_name, error);
    case 'p':
        return add_each(options, value, add_policy, policy_name, error);
    case 's':
        return add_each(options, value, add_seeds, NULL, error);
    case 'j':
        options->json = value;
        return 0;
    case 'o':
        options->output = value;
        return 0;
    case 'c':
        return set_checks(options, value, error);
    case 'V':
        return parse_number("validate-every", value, 0, INT64_MAX, &options->validate_every, error);
    case 'J':
        code = parse_number("jobs", value, 1, 1024, &number, error);
        options->jobs = (unsigned)number;
        return code;
    case 'm':
        options->no_metrics = true;
        return 0;
    case 't':
        options->host_time = true;
        return 0;
    case 'C':
        options->cycles = true;
        return 0;
    case 'S':
        options->hazards = true;
        options->sarif = value;
        return 0;
    case 'X':
        options->hazards = true;
        options->exhaustive = true;
        return 0;
    case 'x':
        options->hazards = true;
        return parse_number("explore", value, 1, 1000000000, &options->explore, error);
    case 'H':
        options->hazards = true;
        return 0;
    case 'q':
        options->quiet = true;
        return 0;
    case 'v':
        options->verbose = true;
        return 0;
    default:
        options->help = true;
        return 0;
    }
}

/* The tables that getopt_long wants, of the rows that the command takes. */
static void fill_tables(const struct smh_command *command, struct option *longs, char *shorts)
{
    size_t at = 0;
    size_t letters = 0;
    shorts[letters++] = ':';
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (!takes(command, rows[i].letter)) {
            continue;
        }
        longs[at++] =
            (struct option){.name = rows[i].name,
                            .has_arg = rows[i].argument != NULL ? required_argument : no_argument,
                            .val = rows[i].letter};
        if (rows[i].is_short) {
            shorts[letters++] = rows[i].letter;
            if (rows[i].argument != NULL) {
                shorts[letters++] = ':';
            }
        }
    }
    longs[at] = (struct option){0};
    shorts[letters] = '\0';
}

int smh_cli_options(struct smh_cli_options *options, int argc, char **argv)
{
    const struct smh_command *command = smh_command_find(argv[0]);
    struct option longs[ROW_COUNT + 1];
    char shorts[2 * ROW_COUNT + 2];
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    *options = (struct smh_cli_options){
        .checks = SMH_CHECKS_ALL,
        .jobs = processors > 0 ? (unsigned)processors : 1,
        .output = "out",
    };
    fill_tables(command, longs, shorts);
    opterr = 0;
    optind = 1;
    int letter;
    struct smh_error error = {0};
    while ((letter = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        if (letter == '?' || letter == ':') {
            char message[160];
            snprintf(message, sizeof(message), "%s %.100s",
                     letter == '?' ? "no such option:" : "a value is missing:", argv[optind - 1]);
            return smh_cli_refuse(argv[0], message);
        }
        if (apply(options, (char)letter, optarg, &error) != 0) {
            return smh_cli_refuse(argv[0], error.message);
        }
        if (options->help) {
            print_help(command);
            return SMH_EXIT_PASS;
        }
    }
    options->first = optind;
    return SMH_EXIT_PASS;
}

void smh_cli_options_free(struct smh_cli_options *options)
{
    for (size_t i = 0; i < options->engine_count; i++) {
        free(options->engine_names[i]);
    }
    free(options->seeds);
    *options = (struct smh_cli_options){0};
}
