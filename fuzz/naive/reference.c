/* reference.c: the references, and many blocks at a time. See reference.h. */
#include "reference.h"

#include "../../sim/random.h"
#include "../stage.h"
#include "naive_engines.h"

#define LIVE  192u
#define STEPS 1024u

static _Alignas(64) uint8_t memory[(size_t)1 << 18];

const struct fuzz_reference *fuzz_reference_open(const struct smh_heap *heap, const void *metadata,
                                                 size_t metadata_size)
{
    const struct fuzz_reference *found = naive_fits_open(heap);
    found = found != NULL ? found : naive_zephyr_open(heap);
    found = found != NULL ? found : naive_buddy_open(heap);
    return found != NULL ? found : naive_bitmap_open(heap, metadata, metadata_size);
}

uintptr_t fuzz_reference_realloc(const struct fuzz_reference *reference, uintptr_t block,
                                 size_t align, size_t bytes)
{
    if (bytes == 0) {
        reference->free(block);
        return 0;
    }
    if ((align == 0 || block % align == 0) && reference->resize(block, bytes)) {
        return block;
    }
    uintptr_t moved = reference->alloc(align, bytes);
    if (moved != 0) {
        reference->free(block);
        return moved;
    }
    return reference->slide != NULL ? reference->slide(block, align, bytes) : 0;
}

void fuzz_reference_compare(const struct fuzz_reference *reference, const struct smh_heap *heap,
                            const void *block, uintptr_t expected, size_t bytes)
{
    FUZZ_REQUIRE((uintptr_t)block == expected, "%s puts %zu bytes at 0x%zx, the reference at 0x%zx",
                 heap->engine->name, bytes, (size_t)((uintptr_t)block - (uintptr_t)heap->memory),
                 (size_t)(expected - (uintptr_t)heap->memory));
    FUZZ_REQUIRE(block == NULL || smh_heap_usable_size(heap, block) == reference->usable(expected),
                 "%s gives %zu bytes for %zu, the reference %zu", heap->engine->name,
                 smh_heap_usable_size(heap, block), bytes, reference->usable(expected));
    FUZZ_REQUIRE(reference->largest == NULL ||
                     heap->engine->largest_free(heap) == reference->largest(),
                 "%s says that its largest free block is %zu, the reference %zu",
                 heap->engine->name, heap->engine->largest_free(heap), reference->largest());
}

/* A few sizes that recur, of one kind each: small, any, of one class, about to be large. */
static size_t draw_size(struct smh_random *random, size_t capacity, size_t base)
{
    switch (smh_random_below(random, 8)) {
    case 0:
    case 1:
        return 1 + (size_t)smh_random_below(random, 128);
    case 2:
        return 1 + (size_t)smh_random_below(random, 600);
    case 3:
        return ((size_t)16 << smh_random_below(random, 10)) - (size_t)smh_random_below(random, 16);
    case 4:
        return 1 + (size_t)smh_random_below(random, capacity / 16);
    default:
        return base + (size_t)smh_random_below(random, base / 4 + 1);
    }
}

static void step(struct smh_heap *heap, const struct fuzz_reference *reference,
                 struct smh_random *random, void **block, size_t bytes, bool grows)
{
    uintptr_t old = (uintptr_t)*block;
    size_t align = smh_random_below(random, 16) != 0 ? 0 : (size_t)8 << smh_random_below(random, 7);
    uintptr_t expected = 0;
    bool again = false;
    void *placed = NULL;
    if (old == 0) {
        expected = reference->alloc(align, bytes);
        placed =
            align == 0 ? smh_heap_alloc(heap, bytes) : smh_heap_aligned_alloc(heap, align, bytes);
    } else if (!grows && smh_random_below(random, 8) != 0) {
        reference->free(old);
        FUZZ_REQUIRE(smh_heap_free(heap, *block) == 0, "churn: a block cannot be freed");
    } else if (smh_random_below(random, 4) == 0) {
        again = true;
        expected = fuzz_reference_realloc(reference, old, align, bytes);
        placed = smh_heap_aligned_realloc(heap, *block, align, bytes);
    } else {
        return;
    }
    fuzz_reference_compare(reference, heap, placed, expected, bytes);
    /* A realloc that was refused keeps the block. */
    *block = placed != NULL || !again ? placed : *block;
}

void fuzz_churn(const struct smh_fuzz_region *region)
{
    struct smh_random random;
    struct smh_heap heap;
    void *blocks[LIVE] = {0};
    smh_random_init(&random, region->size, region->head + region->odd);
    const struct smh_heap_config config = {
        .memory = memory,
        .memory_size = (sizeof(memory) >> smh_random_below(&random, 6)) - region->size % 512,
        .target_bits = region->target_bits,
        .engine = region->odd % 2 == 0 ? &smh_engine_bitmap : region->engine};
    if (smh_heap_init(&heap, &config) != 0) {
        return;
    }
    const struct fuzz_reference *reference = fuzz_reference_open(&heap, NULL, 0);
    size_t base = 0;
    for (unsigned i = 0; i < STEPS && reference != NULL; i++) {
        if (i % 128 == 0) {
            base = (size_t)64 << smh_random_below(&random, 8);
            base += base / 4 * (size_t)smh_random_below(&random, 4);
        }
        /* Fills, then drains a part. */
        bool grows = i / 64 % 2 == 0 || i % 4 == 0;
        step(&heap, reference, &random, &blocks[smh_random_below(&random, LIVE)],
             draw_size(&random, heap.capacity_bytes, base), grows);
    }
    FUZZ_REQUIRE(smh_heap_check(&heap, NULL) == 0, "churn: %s is broken", heap.engine->name);
}
