/* host.c: the self-test as a program of the host, whose lines are what the targets must print. */
#include "target.h"

#include <stdio.h>
#include <stdlib.h>

void target_print(const char *text)
{
    if (fputs(text, stdout) == EOF) {
        exit(2);
    }
}

_Noreturn void target_exit(int code)
{
    exit(fflush(stdout) == 0 ? code : 2);
}

int main(void)
{
    target_exit(target_main());
}
