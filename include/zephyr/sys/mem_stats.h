/* SPDX-License-Identifier: Apache-2.0 */
/* mem_stats.h: <smh/sys_heap.h> under Zephyr's path, so that Zephyr sources compile as they are.
 *
 * Owns: nothing. Invariants: needs no other header of Zephyr and defines no common macro.
 */
#ifndef SMH_ZEPHYR_SYS_MEM_STATS_H
#define SMH_ZEPHYR_SYS_MEM_STATS_H

#include <smh/sys_heap.h>

#endif
