/* panic_hook.c: see panic_hook.h. Stronger than the weak one of port/hosted.c. */
#include "panic_hook.h"

#include <smh/port.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static struct panic_notes notes;
static bool armed;

struct panic_notes *panic_hook_arm(void)
{
    armed = true;
    notes = (struct panic_notes){0};
    return &notes;
}

void smh_port_panic(const char *function, const char *what, const void *address)
{
    notes.count++;
    notes.function = function;
    notes.what = what;
    notes.address = address;
    if (!armed) {
        fprintf(stderr, "smh: %s(%p): %s\n", function, address, what);
        abort();
    }
}
