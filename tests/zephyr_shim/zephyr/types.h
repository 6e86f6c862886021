/* types.h: integer types.
 *
 * Owns: nothing. Invariants: none of its own.
 */
#ifndef SMH_SHIM_ZEPHYR_TYPES_H
#define SMH_SHIM_ZEPHYR_TYPES_H

#include <stddef.h>
#include <stdint.h>

#endif
