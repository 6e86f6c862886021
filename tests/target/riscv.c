/* riscv.c: from reset to target_main on QEMU's RISC-V board `virt`, 32 bits, no firmware below.
 *
 * Owns: the entry, clearing .bss, traps, output by the UART, and the board's exit register.
 *
 *     0x00100000  exit register      0x10000000  UART      0x80000000  code, .data, .bss ... stack
 *
 * Invariants: every trap ends the program with exit code 2.
 */
#include "target.h"

#include <stdint.h>

#define UART          (*(volatile uint8_t *)0x10000000u)
#define EXIT_REGISTER (*(volatile uint32_t *)0x00100000u)
#define EXIT_PASS     0x5555u
#define EXIT_FAIL     0x3333u

extern uint32_t link_bss_start[];
extern uint32_t link_bss_end[];

void entry(void);
void reset(void);
void trap(void);

__attribute__((naked, section(".vectors"), used)) void entry(void)
{
    __asm__ volatile(".option arch, +zicsr\n"
                     "la sp, link_stack_top\n"
                     "la t0, trap\n"
                     "csrw mtvec, t0\n"
                     "j reset\n");
}

void target_print(const char *text)
{
    for (; *text != '\0'; text++) {
        UART = (uint8_t)*text;
    }
}

_Noreturn void target_exit(int code)
{
    EXIT_REGISTER = code == 0 ? EXIT_PASS : EXIT_FAIL | (uint32_t)code << 16;
    for (;;) {
    }
}

__attribute__((aligned(4), used)) void trap(void)
{
    target_print("fault\n");
    target_exit(2);
}

__attribute__((used)) void reset(void)
{
    for (uint32_t *word = link_bss_start; word < link_bss_end; word++) {
        *word = 0;
    }
    target_exit(target_main());
}
