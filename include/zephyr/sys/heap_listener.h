/* SPDX-License-Identifier: Apache-2.0 */
/* heap_listener.h: <smh/heap_listener.h> under Zephyr's path, so that Zephyr sources compile as
 * they are.
 *
 * Owns: nothing. Invariants: needs no other header of Zephyr and defines no common macro.
 */
#ifndef SMH_ZEPHYR_SYS_HEAP_LISTENER_H
#define SMH_ZEPHYR_SYS_HEAP_LISTENER_H

#include <smh/heap_listener.h>

#endif
