/* util.h: the small macros of <zephyr/sys/util.h> and its neighbours that the heap tests use.
 *
 * Owns: nothing but macros. Invariants: IS_ENABLED(X) is 1 exactly when X is defined as 1.
 */
#ifndef SMH_SHIM_ZEPHYR_SYS_UTIL_H
#define SMH_SHIM_ZEPHYR_SYS_UTIL_H

#define ARRAY_SIZE(array)           (sizeof(array) / sizeof((array)[0]))
#define MIN(left, right)            ((left) < (right) ? (left) : (right))
#define MAX(left, right)            ((left) > (right) ? (left) : (right))
#define ROUND_UP(value, align)      (((size_t)(value) + ((align)-1)) / (align) * (align))
#define ROUND_DOWN(value, align)    ((size_t)(value) / (align) * (align))
#define ARG_UNUSED(value)           (void)(value)
#define BIT(n)                      (1UL << (n))
#define POINTER_TO_INT(pointer)     ((int)(intptr_t)(pointer))
#define INT_TO_POINTER(value)       ((void *)(intptr_t)(value))
#define IS_ENABLED(option)          SHIM_ENABLED_1(option)
#define SHIM_ENABLED_1(value)       SHIM_ENABLED_2(SHIM_COMMA_##value)
#define SHIM_ENABLED_2(comma)       SHIM_ENABLED_3(comma 1, 0, 0)
#define SHIM_ENABLED_3(_, hit, ...) hit
#define SHIM_COMMA_1                0,
#ifndef __aligned
#define __aligned(bytes) __attribute__((aligned(bytes)))
#endif

#endif
