/* memory.c: the four functions that the core asks of a C library.
 *
 * Owns: memcpy, memmove, memset and memcmp, byte by byte, in a section of their own so that sizes
 * of the core are told without them.
 * Invariants: built with -fno-builtin and -fno-tree-loop-distribute-patterns, else the compiler
 * makes each of these loops a call of itself.
 */
#include <smh/port.h>

#define SUPPORT __attribute__((section(".support"), used))

SUPPORT void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    uint8_t *out = to;
    const uint8_t *in = from;

    for (size_t i = 0; i < bytes; i++) {
        out[i] = in[i];
    }
    return to;
}

SUPPORT void *memmove(void *to, const void *from, size_t bytes)
{
    uint8_t *out = to;
    const uint8_t *in = from;

    if ((uintptr_t)to - (uintptr_t)from >= bytes) {
        return memcpy(to, from, bytes);
    }
    for (size_t i = bytes; i > 0; i--) {
        out[i - 1] = in[i - 1];
    }
    return to;
}

SUPPORT void *memset(void *to, int value, size_t bytes)
{
    uint8_t *out = to;

    for (size_t i = 0; i < bytes; i++) {
        out[i] = (uint8_t)value;
    }
    return to;
}

SUPPORT int memcmp(const void *left, const void *right, size_t bytes)
{
    const uint8_t *a = left;
    const uint8_t *b = right;

    for (size_t i = 0; i < bytes; i++) {
        if (a[i] != b[i]) {
            return a[i] < b[i] ? -1 : 1;
        }
    }
    return 0;
}
