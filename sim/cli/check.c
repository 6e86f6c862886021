/* check.c: `smh check`: validates scenarios without replaying them. */
#include "cli.h"

int smh_command_check(int argc, char **argv)
{
    struct smh_cli_options options;
    int code = smh_cli_options(&options, argc, argv);
    if (code != SMH_EXIT_PASS || options.help) {
        return code;
    }
    if (options.first == argc) {
        return smh_cli_refuse("check", "a SCENARIO is missing");
    }
    for (int i = options.first; i < argc; i++) {
        struct smh_error error = {0};
        struct smh_scenario *scenario = smh_scenario_load(argv[i], true, &error);
        if (scenario == NULL) {
            fprintf(stderr, "smh check: %s\n", error.message);
            code = SMH_EXIT_INPUT;
        } else if (!options.quiet) {
            printf("%s: ok (%zu regions, %zu actors)\n", argv[i], scenario->machine.region_count,
                   scenario->actor_count);
        }
        smh_scenario_free(scenario);
    }
    if (code != SMH_EXIT_PASS) {
        fputs("try: smh list keys\n", stderr);
    }
    return code;
}
