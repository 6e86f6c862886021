/* kernel_internal.h: the kernel's allocation on behalf of a thread.
 *
 * Owns: nothing. Invariants: none of its own.
 */
#ifndef SMH_SHIM_KERNEL_INTERNAL_H
#define SMH_SHIM_KERNEL_INTERNAL_H

#include <zephyr/kernel.h>

/* From the current thread's resource pool; NULL when it has none. */
void *z_thread_malloc(size_t size);

#endif
