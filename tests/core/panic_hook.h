/* panic_hook.h: the panic of the test program, in place of the hosted one.
 *
 * Owns: smh_port_panic. Unarmed it prints and aborts, as the hosted one; armed it takes notes and
 * returns, so that a test can see that misuse has changed nothing.
 */
#ifndef SMH_TESTS_PANIC_HOOK_H
#define SMH_TESTS_PANIC_HOOK_H

#include <stddef.h>

struct panic_notes {
    size_t count;
    const char *function; /* of the last one */
    const char *what;
    const void *address;
};

/* From now on panics are noted here; counts from 0. */
struct panic_notes *panic_hook_arm(void);

#endif
