/* mutate_hooks.c: gives libFuzzer, and AFL++ by way of it, the mutations of mutate.h. Linked into
 * the targets whose inputs are operations.
 */
#include "mutate.h"

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *left, size_t left_size, const uint8_t *right,
                                 size_t right_size, uint8_t *out, size_t max_size, unsigned seed);

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t max_size, unsigned seed)
{
    return fuzz_mutate(bytes, size, max_size, seed);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *left, size_t left_size, const uint8_t *right,
                                 size_t right_size, uint8_t *out, size_t max_size, unsigned seed)
{
    return fuzz_cross(left, left_size, right, right_size, out, max_size, seed);
}
