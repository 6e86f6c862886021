/* list.c: `smh list`: what can be named on the command line and in a scenario. */
#include "cli.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int list_engines(void)
{
    for (size_t i = 0; smh_engine_at(i) != NULL; i++) {
        const struct smh_engine *engine = smh_engine_at(i);
        printf("%-14s %s%s\n", engine->name, engine->summary,
               engine == SMH_ENGINE_DEFAULT ? " (default)" : "");
    }
    return SMH_EXIT_PASS;
}

static int list_policies(void)
{
    for (size_t i = 0; smh_policy_at(i) != NULL; i++) {
        printf("%-16s %s%s\n", smh_policy_at(i)->name, smh_policy_at(i)->summary,
               i == 0 ? " (default)" : "");
    }
    return SMH_EXIT_PASS;
}

static int is_scenario(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 5 && strcmp(entry->d_name + length - 5, ".json") == 0 &&
           strcmp(entry->d_name, "schema.json") != 0;
}

static int list_scenarios(const char *folder)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_scenario, alphasort);
    if (count < 0) {
        fprintf(stderr, "smh list: %s: %s\ntry: smh list scenarios FOLDER\n", folder,
                strerror(errno));
        return SMH_EXIT_INPUT;
    }
    int code = SMH_EXIT_PASS;
    for (int i = 0; i < count; i++) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        struct smh_error error = {0};
        struct smh_scenario *scenario = smh_scenario_load(path, false, &error);
        if (scenario == NULL) {
            fprintf(stderr, "smh list: %s\n", error.message);
            code = SMH_EXIT_INPUT;
        } else {
            printf("%s\n    %s\n", path, scenario->why);
        }
        smh_scenario_free(scenario);
        free(entries[i]);
    }
    free(entries);
    return code;
}

int smh_command_list(int argc, char **argv)
{
    struct smh_cli_options options;
    int code = smh_cli_options(&options, argc, argv);
    if (code != SMH_EXIT_PASS || options.help) {
        return code;
    }
    const char *what = options.first < argc ? argv[options.first] : "";
    if (argc - options.first > (strcmp(what, "scenarios") == 0 ? 2 : 1)) {
        return smh_cli_refuse("list", "too many arguments");
    }
    if (strcmp(what, "engines") == 0) {
        return list_engines();
    }
    if (strcmp(what, "policies") == 0) {
        return list_policies();
    }
    if (strcmp(what, "scenarios") == 0) {
        return list_scenarios(options.first + 1 < argc ? argv[options.first + 1] : "scenarios");
    }
    if (strcmp(what, "keys") == 0) {
        smh_scenario_print_keys(stdout);
        return SMH_EXIT_PASS;
    }
    return smh_cli_refuse("list", "what? allowed: engines, policies, scenarios, keys");
}
