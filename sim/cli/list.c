/* list.c: `smh list`: what can be named on the command line and in a scenario.
 *
 * Owns: the JSON of `smh list --json`: { ..., "command": "list", "engines": [ { "name", "summary",
 * "default" } ] }, and so "policies"; "scenarios": [ { "file", "why" } ]; "keys": [ path ].
 */
#include "cli.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct listing {
    bool silent; /* nothing on standard output but JSON */
    json_t *list;
};

static void put_named(const struct listing *listing, int width, const char *name,
                      const char *summary, bool is_default)
{
    if (!listing->silent) {
        printf("%-*s %s%s\n", width, name, summary, is_default ? " (default)" : "");
    }
    json_array_append_new(listing->list, json_pack("{s:s,s:s,s:b}", "name", name, "summary",
                                                   summary, "default", is_default));
}

static int list_engines(const struct listing *listing)
{
    for (size_t i = 0; smh_engine_at(i) != NULL; i++) {
        const struct smh_engine *engine = smh_engine_at(i);
        put_named(listing, 14, engine->name, engine->summary, engine == SMH_ENGINE_DEFAULT);
    }
    return SMH_EXIT_PASS;
}

static int list_policies(const struct listing *listing)
{
    for (size_t i = 0; smh_policy_at(i) != NULL; i++) {
        put_named(listing, 16, smh_policy_at(i)->name, smh_policy_at(i)->summary, i == 0);
    }
    return SMH_EXIT_PASS;
}

static int is_scenario(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 5 && strcmp(entry->d_name + length - 5, ".json") == 0 &&
           strcmp(entry->d_name, "schema.json") != 0;
}

static int list_scenarios(const struct listing *listing, const char *folder)
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
            if (!listing->silent) {
                printf("%s\n    %s\n", path, scenario->why);
            }
            json_array_append_new(listing->list,
                                  json_pack("{s:s,s:s}", "file", path, "why", scenario->why));
        }
        smh_scenario_free(scenario);
        free(entries[i]);
    }
    free(entries);
    return code;
}

static int list_keys(const struct listing *listing)
{
    char *text = NULL;
    size_t length = 0;
    FILE *memory = open_memstream(&text, &length);
    if (memory == NULL) {
        return smh_cli_refuse("list", strerror(errno));
    }
    smh_scenario_print_keys(memory);
    fclose(memory);
    if (!listing->silent) {
        fputs(text, stdout);
    }
    char *rest = text;
    char *line;
    while ((line = strsep(&rest, "\n")) != NULL) {
        if (line[0] != '\0') {
            json_array_append_new(listing->list, json_string(line));
        }
    }
    free(text);
    return SMH_EXIT_PASS;
}

static int list(const struct smh_cli_options *options, const char *what, const char *folder)
{
    struct listing listing = {.list = json_array()};
    listing.silent = options->quiet || (options->json != NULL && strcmp(options->json, "-") == 0);
    int code;
    if (strcmp(what, "engines") == 0) {
        code = list_engines(&listing);
    } else if (strcmp(what, "policies") == 0) {
        code = list_policies(&listing);
    } else if (strcmp(what, "scenarios") == 0) {
        code = list_scenarios(&listing, folder != NULL ? folder : "scenarios");
    } else if (strcmp(what, "keys") == 0) {
        code = list_keys(&listing);
    } else {
        json_decref(listing.list);
        return smh_cli_refuse("list", "what? allowed: engines, policies, scenarios, keys");
    }
    if (options->verbose) {
        fflush(stdout);
        fprintf(stderr, "%zu %s\n", json_array_size(listing.list), what);
    }
    return smh_cli_write_list(options, "list", what, listing.list) == 0 ? code : SMH_EXIT_INPUT;
}

int smh_command_list(int argc, char **argv)
{
    struct smh_cli_options options;
    int code = smh_cli_options(&options, argc, argv);
    if (code == SMH_EXIT_PASS && !options.help) {
        const char *what = options.first < argc ? argv[options.first] : "";
        const char *folder = options.first + 1 < argc ? argv[options.first + 1] : NULL;
        if (argc - options.first > (strcmp(what, "scenarios") == 0 ? 2 : 1)) {
            code = smh_cli_refuse("list", "too many arguments");
        } else {
            code = list(&options, what, folder);
        }
    }
    smh_cli_options_free(&options);
    return code;
}
