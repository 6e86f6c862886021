/* string.h: for files that say #include <string.h> where there is no C library.
 *
 * Owns: nothing; the four functions are declared by port.h and defined by memory.c.
 */
#ifndef SMH_TESTS_TARGET_STRING_H
#define SMH_TESTS_TARGET_STRING_H

#include <smh/port.h>

#endif
