/* cortex_m.c: from reset to target_main on the Cortex-M boards of QEMU (mps2-an385 and others).
 *
 * Owns: the vector table, clearing .bss, faults, and output by semihosting (BKPT 0xAB: number of
 * the call in r0, its argument in r1).
 *
 *     0x00000000  vectors, code, constants       0x20000000  .data, .bss ... stack (downwards)
 *
 * Invariants: unaligned access traps, as on an M0+, whatever core runs this; every fault ends the
 * program with exit code 2.
 */
#include "target.h"

#include <stdint.h>

#define SEMIHOSTING_WRITE_TEXT    0x04u
#define SEMIHOSTING_EXIT_EXTENDED 0x20u
#define APPLICATION_EXIT          0x20026u

#define CONFIGURATION_CONTROL (*(volatile uint32_t *)0xe000ed14u)
#define UNALIGNED_TRAP        (1u << 3)

extern uint32_t link_bss_start[];
extern uint32_t link_bss_end[];
extern uint32_t link_stack_top[];

static void semihosting(uint32_t call, const void *argument)
{
    register uint32_t r0 __asm__("r0") = call;
    register const void *r1 __asm__("r1") = argument;

    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

void target_print(const char *text)
{
    semihosting(SEMIHOSTING_WRITE_TEXT, text);
}

_Noreturn void target_exit(int code)
{
    const uint32_t reason[2] = {APPLICATION_EXIT, (uint32_t)code};

    semihosting(SEMIHOSTING_EXIT_EXTENDED, reason);
    for (;;) {
    }
}

static void fault(void)
{
    target_print("fault\n");
    target_exit(2);
}

static void reset(void)
{
    for (uint32_t *word = link_bss_start; word < link_bss_end; word++) {
        *word = 0;
    }
    CONFIGURATION_CONTROL |= UNALIGNED_TRAP;
    target_exit(target_main());
}

struct vectors {
    uint32_t *stack_top;
    void (*handlers[15])(void); /* 1 reset, 2 NMI, 3 hard fault, 4 to 6 the finer faults */
};

extern const struct vectors vectors;
__attribute__((section(".vectors"), used))
const struct vectors vectors = {link_stack_top, {reset, fault, fault, fault, fault, fault}};
