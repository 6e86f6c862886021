/* record_run.c: running the program that is recorded, and its descendants.
 *
 * Owns: the environment that makes the library load and tells it what to do, signals while the
 * program runs, and waiting for every process that it leaves behind.
 * Invariants: a program that cannot be executed is told from one that fails; Ctrl-C reaches the
 * program and never ends smh before the traces are written.
 */
#include "../record/record_format.h"
#include "cli.h"
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;
static volatile sig_atomic_t program_pid;

static void on_signal(int number)
{
    interrupted = 1;
    /* Ctrl-C and Ctrl-\ reach the program by themselves; what is sent to smh alone is passed on. */
    if ((number == SIGTERM || number == SIGHUP) && program_pid > 0) {
        kill((pid_t)program_pid, number);
    }
}

/* Whether the kernel itself trusts the processor's counter to be a clock. */
static bool counter_is_a_clock(void)
{
    char name[16] = "";
    FILE *file = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");
    if (file == NULL) {
        return false;
    }
    bool is =
        SMH_RAW_HAS_TICKS && fgets(name, sizeof(name), file) != NULL && strcmp(name, "tsc\n") == 0;
    fclose(file);
    return is;
}

static void run_program(const struct smh_record_command *command, int failure_pipe)
{
    char number[24], preload[2 * PATH_MAX];
    const char *old = getenv("LD_PRELOAD");
    snprintf(preload, sizeof(preload), "%s%s%s", command->library,
             old != NULL && old[0] != '\0' ? ":" : "", old != NULL ? old : "");
    setenv("LD_PRELOAD", preload, 1);
    setenv(SMH_RAW_ENV_FOLDER, command->folder, 1);
    snprintf(number, sizeof(number), "%" PRIu64, command->max_operations);
    setenv(SMH_RAW_ENV_LIMIT, number, 1);
    snprintf(number, sizeof(number), "%ld", command->no_children ? (long)getpid() : 0L);
    setenv(SMH_RAW_ENV_ONLY, number, 1);
    setenv(SMH_RAW_ENV_TICKS, counter_is_a_clock() ? "1" : "0", 1);
    execvp(command->program[0], command->program);
    int reason = errno;
    ssize_t ignored = write(failure_pipe, &reason, sizeof(reason));
    (void)ignored;
    _exit(127);
}

/* Starts the program; 0, or the exit code. */
static int start_program(const struct smh_record_command *command)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return smh_record_fail("cannot start %s: %s", command->program[0], strerror(errno));
    }
    struct sigaction action = {.sa_handler = on_signal};
    const int signals[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        sigaction(signals[i], &action, NULL);
    }
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* daemons that the program leaves behind become ours */
    pid_t pid = fork();
    if (pid == 0) {
        run_program(command, ends[1]);
    }
    int reason = pid < 0 ? errno : 0;
    close(ends[1]);
    program_pid = pid;
    ssize_t got = 0;
    if (pid > 0) {
        do {
            got = read(ends[0], &reason, sizeof(reason));
        } while (got < 0 && errno == EINTR);
    }
    close(ends[0]);
    if (pid < 0 || got == sizeof(reason)) {
        if (pid > 0) {
            waitpid(pid, NULL, 0);
        }
        return smh_record_fail("cannot run %s: %s", command->program[0], strerror(reason));
    }
    return 0;
}

/* Until every process has ended, or the first has and the user does not want to wait longer. */
static int wait_for_all(const struct smh_record_command *command)
{
    int status = 0;
    bool ended = false, told = command->quiet;
    while (!(ended && interrupted)) {
        int child_status;
        pid_t pid = waitpid(-1, &child_status, ended && !told ? WNOHANG : 0);
        if (pid == 0) {
            told = true;
            fprintf(stderr,
                    "smh record: %s has ended; processes that it started still run "
                    "(Ctrl-C: write what is recorded so far)\n",
                    command->program[0]);
            pid = waitpid(-1, &child_status, 0);
        }
        if (pid < 0 && errno != EINTR) {
            break;
        }
        if (pid == (pid_t)program_pid) {
            status = child_status;
            ended = true;
        }
    }
    return status;
}

int smh_record_run(const struct smh_record_command *command, pid_t *pid, int *status)
{
    int result = start_program(command);
    if (result == 0) {
        *status = wait_for_all(command);
        *pid = (pid_t)program_pid;
    }
    return result;
}
