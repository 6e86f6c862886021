/* test_fuzz_finds.c: the tester tested: random inputs of the target heap_ops find every fault that
 * is planted in an engine, and none in one without.
 */
#include "../../fuzz/input/mutate.h"
#include "../../fuzz/stage.h"
#include "../../sim/random.h"
#include "../core/faulty_engines.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define INPUT_BYTES 2048

/* Runs `count` random inputs on engine in a process of its own; how it ended. */
static int run_inputs(const struct smh_engine *engine, unsigned count)
{
    pid_t child = fork();
    if (child == 0) {
        uint8_t bytes[INPUT_BYTES] = {0};
        struct smh_random random;
        (void)freopen("/dev/null", "w", stderr);
        fuzz_forced_engine = engine;
        smh_random_init(&random, 1, 0);
        for (unsigned i = 0; i < count; i++) {
            for (size_t at = 8; at < INPUT_BYTES; at++) {
                bytes[at] = (uint8_t)smh_random_next(&random);
            }
            bytes[SMH_FUZZ_HEADER_BYTES - 32 + 2] = 0; /* the engine's own granule */
            (void)LLVMFuzzerTestOneInput(bytes, INPUT_BYTES);
        }
        _exit(0);
    }
    int status = -1;
    (void)waitpid(child, &status, 0);
    return status;
}

Test(fuzz_finds, every_planted_fault)
{
    for (size_t i = 0; smh_faulty_engine_at(i) != NULL; i++) {
        const struct smh_engine *engine = smh_faulty_engine_at(i);
        int status = run_inputs(engine, 3000);
        cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "%s is not found out: %s",
                  engine->name, engine->summary);
    }
}

Test(fuzz_finds, nothing_where_nothing_is_wrong)
{
    for (size_t i = 0; smh_engine_at(i) != NULL; i++) {
        cr_expect_eq(run_inputs(smh_engine_at(i), 300), 0, "%s", smh_engine_at(i)->name);
    }
}
