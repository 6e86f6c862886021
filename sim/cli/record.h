/* record.h: the entry of `smh record` (record.c). */
#ifndef SMH_SIM_CLI_RECORD_H
#define SMH_SIM_CLI_RECORD_H

/* argv[0] is "record". Returns the exit code: 0 a trace was written, 2 bad usage or nothing
 * recorded. Changes the process's signal handlers and waits for all its children. */
int smh_command_record(int argc, char **argv);

#endif
