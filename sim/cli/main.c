/* main.c: the program smh: finds the command and runs it. */
#include "cli.h"

#include <string.h>

static const struct smh_command commands[] = {
    {"run", "SCENARIO", "Replays a scenario and prints what came of it.", "epsjcVmtCHSXxqv",
     smh_command_run},
    {"compare", "SCENARIO...",
     "Replays scenarios with every engine, policy and seed; writes results.json.\n"
     "Prints a table and a verdict; plots/report.py makes a report of results.json. Exits 0 when at\n"
     "least one combination meets the expectations of each scenario.",
     "epsjocVtJCHqv", smh_command_compare},
    {"check", "SCENARIO...",
     "Validates scenarios without replaying them; traces are parsed to their end.\n"
     "Takes what `smh run` is told about engine, policy and seed, to check the same choice.",
     "epsjqv", smh_command_check},
    {"list", "engines|policies|scenarios|keys [FOLDER]",
     "Lists what can be named: engines, policies, scenarios of a folder, keys of a scenario.",
     "jqv", smh_command_list},
    {"record", "-o FILE -- PROGRAM [ARGUMENTS]",
     "Runs a program and records its allocations as a trace.", NULL, smh_command_record},
    {"from-fuzz", "[--heap] [-o SCENARIO] INPUT",
     "Writes a fuzzer's input as a scenario, to read it and to replay it.", NULL,
     smh_command_from_fuzz},
    {"cache", "[OPTIONS] [TRACE|-]",
     "Counts the cache hits and misses of an address trace, as Cachegrind does.", NULL,
     smh_command_cache},
    {NULL, NULL, NULL, NULL, NULL},
};

const struct smh_command *smh_command_find(const char *name)
{
    for (size_t i = 0; commands[i].name != NULL; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

static void print_usage(FILE *out)
{
    fputs("usage: smh COMMAND [OPTIONS] ARGUMENTS\n\n", out);
    for (size_t i = 0; commands[i].name != NULL; i++) {
        int length = (int)strcspn(commands[i].summary, "\n");
        fprintf(out, "  smh %-8s %s\n               %.*s\n", commands[i].name,
                commands[i].arguments, length, commands[i].summary);
    }
    fputs("\n`smh COMMAND --help` shows a command's options; `man smh` tells more.\n", out);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return SMH_EXIT_INPUT;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        (strcmp(argv[1], "help") == 0 && argc == 2)) {
        print_usage(stdout);
        return SMH_EXIT_PASS;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("smh %s\n", SMH_VERSION);
        return SMH_EXIT_PASS;
    }
    const struct smh_command *command = smh_command_find(argv[1]);
    if (command == NULL) {
        fprintf(stderr, "smh: no such command: %s\ntry: smh --help\n", argv[1]);
        return SMH_EXIT_INPUT;
    }
    return command->run(argc - 1, argv + 1);
}
