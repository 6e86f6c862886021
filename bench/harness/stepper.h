/* stepper.h: exact instruction counts of one call, by single-stepping it.
 *
 * Owns: the trap flag of the processor and the SIGTRAP handler that counts.
 *
 *     bench_step(f) --> stub: set trap flag, call f, clear it
 *                               |  a trap before each instruction of f and of what f calls
 *                               '--> handler: counts, unless the instruction is the stub's
 *
 * Invariants: the first instruction of f and its return are counted, the call and its arguments are
 * not; a repeated string instruction counts once. No sampling, no clock: the same call on the same
 * state gives the same count. x86-64 only; one thread. Programs are linked with -z now, else the
 * first call of memcpy would count the dynamic linker's work.
 */
#ifndef SMH_BENCH_STEPPER_H
#define SMH_BENCH_STEPPER_H

#include "harness.h"

struct bench_steps {
    uint32_t own;  /* instructions outside libc */
    uint32_t libc; /* and within: copying and clearing; when skipped, one per call */
};

/* Installs the handler. False: not on this kind of machine. */
bool bench_stepper_open(void);

/* The calls of smh, stepped. */
void *bench_step_alloc(struct smh_heap *heap, size_t bytes, struct bench_steps *steps);
void *bench_step_aligned_alloc(struct smh_heap *heap, size_t align, size_t bytes,
                               struct bench_steps *steps);
void *bench_step_realloc(struct smh_heap *heap, void *block, size_t bytes,
                         struct bench_steps *steps);
int bench_step_free(struct smh_heap *heap, void *block, struct bench_steps *steps);

/* Any function of up to four integers or pointers, cast to void (*)(void). With skip_libc, calls
 * into libc run at full speed and count one instruction: for realloc, whose copying may take
 * millions. */
uintptr_t bench_step(void (*function)(void), const uintptr_t arguments[4], bool skip_libc,
                     struct bench_steps *steps);

#endif
