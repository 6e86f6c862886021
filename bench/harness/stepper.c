/* stepper.c: exact instruction counts of one call, by single-stepping it.
 *
 * Owns: see stepper.h. The counters are the one global here, as a signal handler needs them.
 */
#include "stepper.h"

#include <link.h>
#include <signal.h>
#include <string.h>

#if defined(__x86_64__)

#include <ucontext.h>

static struct {
    uintptr_t libc_start, libc_end;
    uintptr_t last; /* where the last trap was */
    bool skips_libc;
    struct bench_steps steps;
} stepper;

/* Where a skipped call returns to. */
extern uintptr_t bench_resume_at;
uintptr_t bench_resume_at;

/* bench_stub(function, a, b, c, d) sets the trap flag, bench_resume sets it again when a skipped
 * call returns. */
extern void bench_resume(void);
extern uintptr_t bench_stub(void (*function)(void), uintptr_t a, uintptr_t b, uintptr_t c,
                            uintptr_t d);
extern const char bench_stub_end[];
__asm__(".text\n"
        ".globl bench_stub, bench_resume, bench_stub_end\n"
        ".hidden bench_stub, bench_resume, bench_stub_end, bench_resume_at\n"
        ".type bench_stub, @function\n"
        "bench_stub:\n"
        "    mov %rdi, %rax\n"
        "    mov %rsi, %rdi\n"
        "    mov %rdx, %rsi\n"
        "    mov %rcx, %rdx\n"
        "    mov %r8, %rcx\n"
        "    sub $8, %rsp\n" /* keeps the stack aligned to 16 at the call */
        "    pushfq\n"
        "    orq $0x100, (%rsp)\n"
        "    popfq\n"
        "    call *%rax\n"
        "    pushfq\n"
        "    andq $~0x100, (%rsp)\n"
        "    popfq\n"
        "    add $8, %rsp\n"
        "    ret\n"
        "bench_resume:\n"
        "    pushq bench_resume_at(%rip)\n"
        "    pushfq\n"
        "    orq $0x100, (%rsp)\n"
        "    popfq\n"
        "    ret\n"
        "bench_stub_end:\n"
        ".size bench_stub, . - bench_stub\n");

static void trap(int signal_number, siginfo_t *information, void *context)
{
    ucontext_t *interrupted = context;
    uintptr_t next = (uintptr_t)interrupted->uc_mcontext.gregs[REG_RIP];

    (void)signal_number;
    (void)information;
    if (next == stepper.last ||
        next - (uintptr_t)bench_stub < (uintptr_t)bench_stub_end - (uintptr_t)bench_stub) {
        return;
    }
    stepper.last = next;
    if (next - stepper.libc_start >= stepper.libc_end - stepper.libc_start) {
        stepper.steps.own++;
        return;
    }
    stepper.steps.libc++;
    if (stepper.skips_libc) {
        /* Just called: the return address is on top of the stack. */
        uintptr_t *top = (uintptr_t *)interrupted->uc_mcontext.gregs[REG_RSP];

        bench_resume_at = *top;
        *top = (uintptr_t)bench_resume;
        interrupted->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)0x100;
    }
}

/* Finds where libc's instructions lie. */
static int find_libc(struct dl_phdr_info *object, size_t size, void *context)
{
    (void)size;
    (void)context;
    if (object->dlpi_name == NULL || strstr(object->dlpi_name, "/libc.so") == NULL) {
        return 0;
    }
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];

        if (segment->p_type == PT_LOAD && (segment->p_flags & PF_X) != 0) {
            stepper.libc_start = object->dlpi_addr + segment->p_vaddr;
            stepper.libc_end = stepper.libc_start + segment->p_memsz;
        }
    }
    return 1;
}

bool bench_stepper_open(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_sigaction = trap;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    dl_iterate_phdr(find_libc, NULL);
    return sigaction(SIGTRAP, &action, NULL) == 0;
}

uintptr_t bench_step(void (*function)(void), const uintptr_t arguments[4], bool skip_libc,
                     struct bench_steps *steps)
{
    uintptr_t result;

    memset(&stepper.steps, 0, sizeof(stepper.steps));
    stepper.last = 0;
    stepper.skips_libc = skip_libc;
    result = bench_stub(function, arguments[0], arguments[1], arguments[2], arguments[3]);
    *steps = stepper.steps;
    return result;
}

#else

bool bench_stepper_open(void)
{
    return false;
}

uintptr_t bench_step(void (*function)(void), const uintptr_t arguments[4], bool skip_libc,
                     struct bench_steps *steps)
{
    (void)function;
    (void)arguments;
    (void)skip_libc;
    (void)steps;
    bench_fail("single-stepping is written for x86-64 only");
}

#endif

void *bench_step_alloc(struct smh_heap *heap, size_t bytes, struct bench_steps *steps)
{
    const uintptr_t arguments[4] = {(uintptr_t)heap, bytes};

    return (void *)bench_step((void (*)(void))smh_heap_alloc, arguments, false, steps);
}

void *bench_step_aligned_alloc(struct smh_heap *heap, size_t align, size_t bytes,
                               struct bench_steps *steps)
{
    const uintptr_t arguments[4] = {(uintptr_t)heap, align, bytes};

    return (void *)bench_step((void (*)(void))smh_heap_aligned_alloc, arguments, false, steps);
}

void *bench_step_realloc(struct smh_heap *heap, void *block, size_t bytes,
                         struct bench_steps *steps)
{
    const uintptr_t arguments[4] = {(uintptr_t)heap, (uintptr_t)block, bytes};

    return (void *)bench_step((void (*)(void))smh_heap_realloc, arguments, true, steps);
}

int bench_step_free(struct smh_heap *heap, void *block, struct bench_steps *steps)
{
    const uintptr_t arguments[4] = {(uintptr_t)heap, (uintptr_t)block};

    return (int)bench_step((void (*)(void))smh_heap_free, arguments, false, steps);
}
