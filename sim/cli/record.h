/* record.h: what the two halves of `smh record` share.
 *
 * Owns: struct smh_record_command, which record.c fills from the command line and record_run.c
 * carries out.
 */
#ifndef SMH_CLI_RECORD_H
#define SMH_CLI_RECORD_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct smh_record_command {
    const char *output;
    char **program; /* NULL-terminated */
    char keys[512];
    const char *note;
    uint64_t time_step_ns;
    uint64_t max_operations;
    bool no_time, no_threads, no_children, quiet;
    char library[PATH_MAX]; /* to preload */
    char folder[PATH_MAX];  /* for raw files */
};

/* Says "smh record: message" and what to paste; returns SMH_EXIT_INPUT. */
int smh_record_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Runs the program with the library preloaded, and returns when it and every process that it
 * started have ended, or when the program has and Ctrl-C was pressed. 0, and the program's process
 * id and its status as of waitpid; or SMH_EXIT_INPUT after having said why it cannot be run.
 * Changes this process's signal handlers. */
int smh_record_run(const struct smh_record_command *command, pid_t *pid, int *status);

#endif
