/* naive_verdict.c: headers read byte by byte. See naive_verdict.h. */
#include "naive_verdict.h"

#include "../engines.h"
#include "../stage.h"

#include <smh/engine.h>
#include <smh/port.h>

bool naive_verdict_knows(const struct smh_heap *heap)
{
    return heap->starts == NULL && heap->granule_shift == 3 &&
           (fuzz_engine_is_zephyr(heap->engine) || fuzz_engine_is_fit(heap->engine));
}

static uint32_t field(const uint8_t *at, unsigned number, bool narrow)
{
    uint16_t half;
    uint32_t word;
    if (narrow) {
        memcpy(&half, at + (size_t)number * 2, sizeof(half));
        return half;
    }
    memcpy(&word, at + (size_t)number * 4, sizeof(word));
    return word;
}

/* The region in units of 8 bytes from an address that divides by 8; chunks from `first` to `end`.
 */
static int zephyr_verdict(const struct smh_heap *heap, uintptr_t block)
{
    uintptr_t origin = ((uintptr_t)heap->memory + 7) / 8 * 8;
    uintptr_t past = (uintptr_t)heap->memory + heap->memory_size;
    bool narrow = smh_heap_alignment(heap) == 4;
    size_t header = narrow ? 4 : 8;
    /* What is left of the last unit is the end marker's. */
    size_t marker = heap->target_bits == 64 || heap->memory_size / 8 > 0x7fff ? 8 : 4;
    size_t end = (past - origin - marker) / 8;
    size_t first = end - heap->capacity_bytes / 8;
    if (block < origin + first * 8 + header || block >= origin + end * 8) {
        return -EINVAL;
    }
    size_t chunk = (block - header - origin) / 8;
    const uint8_t *at = (const uint8_t *)origin + chunk * 8;
    size_t left = field(at, 0, narrow);
    size_t size = field(at, 1, narrow) / 2;
    if (field(at, 1, narrow) % 2 == 0) {
        return -EALREADY;
    }
    size_t gap = (block - header - origin) % 8;
    if (size == 0 || size * 8 <= header + gap || size > end - chunk ||
        field(at + size * 8, 0, narrow) != size) {
        return -EINVAL;
    }
    /* The first chunk's left neighbour is what lies before it all. */
    bool inside = left <= chunk && (left == chunk || left <= chunk - first);
    return inside && field(at - left * 8, 1, narrow) / 2 == left ? 0 : -EINVAL;
}

static int fit_verdict(const struct smh_heap *heap, uintptr_t block)
{
    uintptr_t origin = ((uintptr_t)heap->memory + 7) / 8 * 8;
    size_t end = ((uintptr_t)heap->memory + heap->memory_size - origin) / 8;
    if (block % 8 != 0 || block < origin + 8 || block - 8 >= origin + end * 8) {
        return -EINVAL;
    }
    size_t chunk = (block - 8 - origin) / 8;
    const uint8_t *at = (const uint8_t *)origin + chunk * 8;
    size_t size = field(at, 0, false) / 2;
    size_t before = field(at, 1, false);
    if (size < 2 || size > end - chunk) {
        return -EINVAL;
    }
    if (field(at, 0, false) % 2 == 0) {
        return -EALREADY;
    }
    if ((chunk + size != end && field(at + size * 8, 1, false) != size) || before > chunk ||
        (before == 0) != (chunk == 0)) {
        return -EINVAL;
    }
    return before == 0 || field(at - before * 8, 0, false) / 2 == before ? 0 : -EINVAL;
}

int naive_verdict(const struct smh_heap *heap, const void *block)
{
    uintptr_t address = (uintptr_t)block;
    uintptr_t memory = (uintptr_t)heap->memory;
    if (address < memory || address - memory >= heap->memory_size) {
        return -ENOENT;
    }
    int verdict = fuzz_engine_is_zephyr(heap->engine) ? zephyr_verdict(heap, address)
                                                      : fit_verdict(heap, address);
    /* Between two steps there is no block, whatever the header. */
    return verdict == 0 && address % smh_heap_alignment(heap) != 0 ? -EINVAL : verdict;
}
