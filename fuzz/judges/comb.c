/* comb.c: many free chunks of nearly one size. See comb.h.
 *
 *     | block | pin | block | pin | ...        blocks of size to 5/4 size, then what is left
 *     | free  | pin | block | pin | free ...   each second of them, in any order, is free
 */
#include "comb.h"

#include "../../sim/random.h"
#include "../stage.h"

#define TEETH 48u
#define MOST  64u /* of steps that use up what is free */

static _Alignas(64) uint8_t memory[(size_t)1 << 16];

/* One byte more than the largest free block is refused, and the largest is served. False: there is
 * none. */
static bool take_largest(struct smh_heap *heap)
{
    size_t largest = heap->engine->largest_free(heap);
    FUZZ_REQUIRE(smh_heap_alloc(heap, largest + 1) == NULL,
                 "%s: more than the largest free block (%zu) of a comb was served",
                 heap->engine->name, largest);
    /* Zephyr's looks at others from then on. */
    largest = heap->engine->largest_free(heap);
    FUZZ_REQUIRE(largest == 0 || smh_heap_alloc(heap, largest) != NULL,
                 "%s: the largest free block (%zu) of a comb was not served", heap->engine->name,
                 largest);
    return largest != 0;
}

void fuzz_comb(const struct smh_fuzz_region *region)
{
    struct smh_heap heap;
    struct smh_random random;
    void *teeth[TEETH];
    const struct smh_heap_config config = {.memory = memory,
                                           .memory_size = sizeof(memory) - region->size % 4096,
                                           .target_bits = region->target_bits,
                                           .engine = region->engine};
    FUZZ_REQUIRE(smh_heap_init(&heap, &config) == 0, "60 KiB are no heap of %s",
                 region->engine->name);
    smh_random_init(&random, region->size, region->odd);
    size_t size = 16 + (size_t)smh_random_below(&random, 1000);
    for (unsigned i = 0; i < TEETH; i++) {
        teeth[i] = smh_heap_alloc(&heap, size + (size_t)smh_random_below(&random, size / 4 + 1));
        (void)smh_heap_alloc(&heap, 1);
    }
    for (unsigned i = 0; i < MOST && heap.engine->largest_free(&heap) >= size / 2; i++) {
        (void)take_largest(&heap);
    }
    for (unsigned i = 0; i < TEETH; i++) {
        unsigned tooth = (unsigned)smh_random_below(&random, TEETH / 2) * 2;
        FUZZ_REQUIRE(smh_heap_free(&heap, teeth[tooth]) == 0, "%s: a tooth of a comb stays",
                     heap.engine->name);
        teeth[tooth] = NULL;
    }
    for (unsigned i = 0; i < MOST && take_largest(&heap); i++) {
    }
    FUZZ_REQUIRE(smh_heap_check(&heap, NULL) == 0, "%s: a comb is broken", heap.engine->name);
}
