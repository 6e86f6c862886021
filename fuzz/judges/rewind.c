/* rewind.c: alignments with a second bit. See rewind.h. */
#include "rewind.h"

#include "../../sim/random.h"
#include "../naive/reference.h"
#include "../stage.h"

#include <smh/sys_heap.h>

#define STEPS 256u
#define LIVE  16u

static _Alignas(8) uint8_t memory[2048];

/* A power of two up to 256, mostly with a smaller one. */
static size_t draw_align(struct smh_random *random)
{
    unsigned shift = 1 + (unsigned)smh_random_below(random, 8);
    unsigned smaller = (unsigned)smh_random_below(random, shift + 1);
    return (size_t)1 << shift | (smaller == shift ? 0 : (size_t)1 << smaller);
}

void fuzz_judge_rewinds(uint64_t seed)
{
    struct smh_random random;
    struct sys_heap heap;
    void *blocks[LIVE] = {0};
    smh_random_init(&random, seed, 0);
    size_t front = smh_random_below(&random, 8);
    smh_sys_heap_init(&heap, memory + front,
                      sizeof(memory) - front - (size_t)smh_random_below(&random, 1024),
                      seed % 2 == 0);
    const struct fuzz_reference *naive =
        heap.heap != NULL ? fuzz_reference_open(&heap.smh, NULL, 0) : NULL;
    FUZZ_REQUIRE(naive != NULL, "1 KiB is no heap");
    FUZZ_REQUIRE((void *)heap.heap == memory + (front + 7) / 8 * 8,
                 "a sys_heap begins elsewhere than its memory's first multiple of 8");
    for (unsigned i = 0; i < STEPS; i++) {
        void **block = &blocks[smh_random_below(&random, LIVE)];
        size_t bytes = 1 + (size_t)smh_random_below(&random, 120);
        if (*block == NULL) {
            size_t align = draw_align(&random);
            uintptr_t expected = naive->alloc(align, bytes);
            *block = sys_heap_aligned_alloc(&heap, align, bytes);
            FUZZ_REQUIRE((uintptr_t)*block == expected,
                         "sys_heap puts %zu bytes at alignment 0x%zx at 0x%zx, the reference at "
                         "0x%zx",
                         bytes, align, (size_t)((uintptr_t)*block - (uintptr_t)memory),
                         (size_t)(expected - (uintptr_t)memory));
        } else if (smh_random_below(&random, 4) == 0) {
            uintptr_t expected = fuzz_reference_realloc(naive, (uintptr_t)*block, 0, bytes);
            void *moved = sys_heap_realloc(&heap, *block, bytes);
            FUZZ_REQUIRE((uintptr_t)moved == expected, "sys_heap moves a block elsewhere than the "
                                                       "reference");
            *block = moved == NULL ? *block : moved;
        } else {
            naive->free((uintptr_t)*block);
            sys_heap_free(&heap, *block);
            *block = NULL;
        }
        FUZZ_REQUIRE(*block == NULL ||
                         sys_heap_usable_size(&heap, *block) == naive->usable((uintptr_t)*block),
                     "sys_heap gives other bytes than the reference");
    }
    FUZZ_REQUIRE(sys_heap_validate(&heap), "a sys_heap with rewinds is broken");
}
