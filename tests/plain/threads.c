/* threads.c: the thread stress as a program, for ThreadSanitizer, under which Criterion cannot run.
 *
 *     cc -fsanitize=thread tests/plain/threads.c tests/core/thread_stress.c sim/random.c libsmh.a
 *
 * Exit code 0 when every promise was kept; ThreadSanitizer has its own for a race.
 */
#include "../core/thread_stress.h"

#include <stdio.h>

static int report(const char *name, const char *complaint)
{
    printf("%s: %s\n", name, complaint == NULL ? "ok" : complaint);
    return complaint != NULL;
}

int main(void)
{
    int failures = report("race", thread_stress_race());

    for (size_t i = 0; smh_policy_at(i) != NULL; i++) {
        failures += report(smh_policy_at(i)->name, thread_stress_run(smh_policy_at(i)));
    }
    return failures != 0;
}
