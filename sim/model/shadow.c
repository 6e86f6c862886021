/* shadow.c: ownership bits. See shadow.h. */
#include "shadow.h"

#include <stdlib.h>

/* The bits of word `index` that the range [first, last] of bits covers. */
static uint64_t mask_of(uint64_t index, uint64_t first, uint64_t last)
{
    uint64_t mask = ~UINT64_C(0);
    if (index == first / 64) {
        mask &= ~UINT64_C(0) << (first % 64);
    }
    if (index == last / 64) {
        mask &= ~UINT64_C(0) >> (63 - last % 64);
    }
    return mask;
}

bool smh_shadow_open(struct smh_shadow *shadow, uint64_t size)
{
    shadow->bits = (size + SMH_SHADOW_GRANULE - 1) / SMH_SHADOW_GRANULE;
    shadow->words = calloc((size_t)(shadow->bits / 64 + 1), sizeof(uint64_t));
    return shadow->words != NULL;
}

void smh_shadow_close(struct smh_shadow *shadow)
{
    free(shadow->words);
    shadow->words = NULL;
    shadow->bits = 0;
}

bool smh_shadow_own(struct smh_shadow *shadow, uint64_t offset, uint64_t bytes)
{
    uint64_t end = shadow->bits * SMH_SHADOW_GRANULE;
    if (bytes == 0 || offset > end || bytes > end - offset) {
        return bytes == 0;
    }
    uint64_t first = offset / SMH_SHADOW_GRANULE;
    uint64_t last = (offset + bytes - 1) / SMH_SHADOW_GRANULE;
    for (uint64_t index = first / 64; index <= last / 64; index++) {
        uint64_t mask = mask_of(index, first, last);
        if ((shadow->words[index] & mask) != 0) {
            while (index > first / 64) {
                index--;
                shadow->words[index] &= ~mask_of(index, first, last);
            }
            return false;
        }
        shadow->words[index] |= mask;
    }
    return true;
}

void smh_shadow_disown(struct smh_shadow *shadow, uint64_t offset, uint64_t bytes)
{
    if (bytes == 0) {
        return;
    }
    uint64_t first = offset / SMH_SHADOW_GRANULE;
    uint64_t last = (offset + bytes - 1) / SMH_SHADOW_GRANULE;
    for (uint64_t index = first / 64; index <= last / 64; index++) {
        shadow->words[index] &= ~mask_of(index, first, last);
    }
}
