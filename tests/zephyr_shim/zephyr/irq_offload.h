/* irq_offload.h: running a function as an interrupt would; here it is just called.
 *
 * Owns: nothing. Invariants: none of its own.
 */
#ifndef SMH_SHIM_ZEPHYR_IRQ_OFFLOAD_H
#define SMH_SHIM_ZEPHYR_IRQ_OFFLOAD_H

typedef void (*irq_offload_routine_t)(const void *parameter);

static inline void irq_offload(irq_offload_routine_t routine, const void *parameter)
{
    routine(parameter);
}

#endif
