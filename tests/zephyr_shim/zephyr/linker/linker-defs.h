/* linker-defs.h: the heap tests include it and use nothing of it.
 *
 * Owns: nothing. Invariants: none of its own.
 */
#ifndef SMH_SHIM_ZEPHYR_LINKER_DEFS_H
#define SMH_SHIM_ZEPHYR_LINKER_DEFS_H

#include <zephyr/kernel.h>

#endif
