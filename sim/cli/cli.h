/* cli.h: what the commands of the program share.
 *
 * Owns: exit codes, the options common to all commands, and the list of commands.
 * Invariants: results go to standard output, diagnostics to standard error; help asked for goes to
 * standard output and exits 0, help for bad usage goes to standard error and exits 2; every
 * failure ends with a command to paste.
 */
#ifndef SMH_CLI_H
#define SMH_CLI_H

#include "../replay.h"
#include "../result.h"

#include <stdbool.h>

enum smh_exit {
    SMH_EXIT_PASS = 0,
    SMH_EXIT_EXPECTATION = 1, /* an expectation of the scenario is not met */
    SMH_EXIT_INPUT = 2,       /* bad usage or bad input */
    SMH_EXIT_INVARIANT = 3    /* the allocator under test broke a rule */
};

#define SMH_LIST_MAX 64

struct smh_cli_options {
    const struct smh_engine *engines[SMH_LIST_MAX]; /* an entry may be NULL: "as_written" */
    char *engine_names[SMH_LIST_MAX]; /* as written on the command line: a plug-in's path */
    size_t engine_count;
    const struct smh_policy *policies[SMH_LIST_MAX];
    size_t policy_count;
    uint64_t *seeds;
    size_t seed_count;
    const char *json;   /* NULL: none; "-": standard output */
    const char *sarif;  /* the same */
    const char *output; /* folder of compare; NULL: out */
    enum smh_checks checks;
    uint64_t validate_every;
    unsigned jobs;
    bool host_time;
    bool cycles;
    bool hazards;
    bool exhaustive;  /* every schedule of the caches */
    uint64_t explore; /* random schedules; 0: none */
    bool no_metrics;
    bool quiet;
    bool verbose;
    bool help;
    int first; /* index in argv of the first argument that is no option */
};

/* One command. */
struct smh_command {
    const char *name;
    const char *arguments; /* "SCENARIO" */
    const char *summary;
    const char *options; /* the letters of the options that it takes, see options.c; NULL: the
                            command reads its own */
    int (*run)(int argc, char **argv);
};

const struct smh_command *smh_command_find(const char *name);

int smh_command_run(int argc, char **argv);
int smh_command_compare(int argc, char **argv);
int smh_command_check(int argc, char **argv);
int smh_command_list(int argc, char **argv);
int smh_command_record(int argc, char **argv);    /* reads its own options */
int smh_command_from_fuzz(int argc, char **argv); /* reads its own options */
int smh_command_cache(int argc, char **argv);     /* reads its own options */

/* With --json: writes { "schema", "program", "version", "command", key: list }. Takes the list. 0,
 * or SMH_EXIT_INPUT after having said why. */
int smh_cli_write_list(const struct smh_cli_options *options, const char *command, const char *key,
                       json_t *list);
/* Says on standard error how fast a replay was. */
void smh_cli_print_speed(const struct smh_result *result);

/* Reads the options of the command argv[0] names. SMH_EXIT_PASS, or SMH_EXIT_INPUT after having
 * said why; options->help when help was asked for and printed. */
int smh_cli_options(struct smh_cli_options *options, int argc, char **argv);
void smh_cli_options_free(struct smh_cli_options *options);
/* Prints "smh COMMAND: message" and the command that judges the scenario at path; returns
 * SMH_EXIT_INPUT. */
int smh_cli_refuse_scenario(const char *command, const char *message, const char *path);
/* Prints the command that repeats a run, with nothing left to defaults that may change. */
void smh_cli_print_repeat(const struct smh_cli_options *options, const struct smh_result *result);
/* Prints "smh COMMAND: message" and the line to paste; returns SMH_EXIT_INPUT. */
int smh_cli_refuse(const char *command, const char *message);

/* A progress line on standard error, when that is a terminal and not quiet. */
struct smh_progress {
    const char *what;
    uint64_t total; /* 0: unknown */
    uint64_t start_ns;
    uint64_t shown_ns;
    bool shown;
    bool enabled;
};
void smh_progress_start(struct smh_progress *progress, const char *what, uint64_t total,
                        bool quiet);
void smh_progress_step(struct smh_progress *progress, uint64_t done);
void smh_progress_end(struct smh_progress *progress);

#endif
