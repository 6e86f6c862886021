/* mm.h: the heap tests include it and use nothing of it without an MMU.
 *
 * Owns: nothing. Invariants: none of its own.
 */
#ifndef SMH_SHIM_ZEPHYR_KERNEL_MM_H
#define SMH_SHIM_ZEPHYR_KERNEL_MM_H

#include <zephyr/kernel.h>

#endif
