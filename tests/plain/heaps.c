/* heaps.c: the heap model as a program, for machines that have no Criterion (32 bits, say).
 *
 *     cc -m32 -msse2 -mfpmath=sse tests/plain/heaps.c tests/core/heap_model.c sim/random.c libsmh.a
 *
 * Every engine, both targets, several sizes and places, with and without start bitmap; and what 32
 * bits alone can show: a sum of sizes beyond the last address. Exit code 0 when every promise was
 * kept.
 */
#include "../../src/engine/boundary_tag.h"
#include "../core/heap_model.h"

#include <stdio.h>
#include <stdlib.h>

static const char *run(struct smh_heap_config config, size_t shift, bool with_bitmap, uint64_t seed)
{
    struct smh_heap heap;
    struct heap_model model;
    uint8_t *room = malloc(config.memory_size + shift);
    const char *complaint = "init is refused";

    config.memory = room + shift;
    config.metadata_size = smh_heap_metadata_size(&config);
    config.metadata = with_bitmap ? malloc(config.metadata_size) : NULL;
    if (room != NULL && smh_heap_init(&heap, &config) == 0) {
        heap_model_init(&model, &heap, seed);
        model.exact_verdicts = with_bitmap;
        model.request_max = config.memory_size / 8;
        complaint = heap_model_run(&model, 4000, 16);
    }
    free(config.metadata);
    free(room);
    return complaint;
}

/* A fit's region of nearly all addresses, of which nothing is touched: what a block and the largest
 * alignment take together is no size of 32 bits from 2^31 - 8 bytes on. */
static int largest_sums(void)
{
    const size_t half = SIZE_MAX / 2 + 1;
    struct smh_heap heap = {.capacity_bytes = SIZE_MAX - 7};
    size_t least = half - 3 * SMH_TAG_UNIT; /* with header and gap: to the last unit */

    if (SIZE_MAX > UINT32_MAX) {
        return 0;
    }
    heap.state[SMH_TAG_END] = (SIZE_MAX >> SMH_TAG_UNIT_SHIFT);
    heap.state[SMH_TAG_STRIDE] = 1;
    if (smh_tag_sufficient_chunk(&heap, half, least) != SIZE_MAX - 7 ||
        smh_tag_sufficient_chunk(&heap, half, least + 1) != SIZE_MAX ||
        smh_tag_sufficient_chunk(&heap, half, half) != SIZE_MAX) {
        printf("fits: a sum beyond all sizes is taken for a size\n");
        return 1;
    }
    return 0;
}

int main(void)
{
    static const size_t sizes[] = {1500, 4096, 70000, 300000};
    int failures = largest_sums();

    for (size_t i = 0; smh_engine_at(i) != NULL; i++) {
        size_t runs = 0;

        for (uint64_t seed = 0; seed < 64; seed++) {
            struct smh_heap_config config = {.engine = smh_engine_at(i),
                                             .target_bits = seed % 2 == 0 ? 32 : 64,
                                             .memory_size = sizes[seed / 2 % 4]};
            const char *complaint = run(config, (size_t)(seed % 11), seed / 8 % 4 != 0, seed);

            runs++;
            if (complaint != NULL) {
                printf("%s, seed %u: %s\n", config.engine->name, (unsigned)seed, complaint);
                failures++;
            }
        }
        printf("%s: %zu runs\n", smh_engine_at(i)->name, runs);
    }
    return failures != 0;
}
