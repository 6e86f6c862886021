/* target.h: what the self-test asks of the place it runs in.
 *
 * Owns: the three functions that cortex_m.c, riscv.c and host.c each define.
 *
 *     reset -> stack, .bss -> target_main() -> target_exit(result)
 *     fault ----------------> a line -------> target_exit(2)
 */
#ifndef SMH_TESTS_TARGET_H
#define SMH_TESTS_TARGET_H

/* The self-test: 0 when every heap was sound. Differences from the host are for check_target.py to
 * find in the lines printed. */
int target_main(void);

void target_print(const char *text);
_Noreturn void target_exit(int code);

#endif
