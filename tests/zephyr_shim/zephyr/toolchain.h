/* toolchain.h: attributes.
 *
 * Owns: nothing. Invariants: none of its own.
 */
#ifndef SMH_SHIM_ZEPHYR_TOOLCHAIN_H
#define SMH_SHIM_ZEPHYR_TOOLCHAIN_H

#include <zephyr/sys/util.h>

#endif
