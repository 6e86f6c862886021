/* heap_picture.c: see heap_picture.h. */
#include "heap_picture.h"

#include <criterion/criterion.h>
#include <stdio.h>

_Alignas(PICTURE_BYTES) uint8_t picture_memory[PICTURE_BYTES];
struct smh_heap picture_heap;

static _Alignas(8) uint8_t metadata[256];

int picture_init(const struct smh_engine *engine, size_t granule, size_t shift, size_t bytes)
{
    struct smh_heap_config config = {.memory = picture_memory + shift,
                                     .memory_size = bytes,
                                     .granule = granule,
                                     .metadata = metadata,
                                     .metadata_size = sizeof(metadata),
                                     .engine = engine};

    return smh_heap_init(&picture_heap, &config);
}

void picture_looks(const char *expected)
{
    char picture[1024] = "";
    size_t length = 0;
    struct smh_chunk chunk = {0};
    struct smh_fault fault = {0};

    while (smh_heap_walk(&picture_heap, &chunk)) {
        length += (size_t)snprintf(picture + length, sizeof(picture) - length, "%s%c%zu",
                                   length == 0 ? "" : " ", chunk.used ? 'u' : 'f', chunk.size);
    }
    cr_assert_str_eq(picture, expected, "looks: %s, not: %s", picture, expected);
    cr_assert_eq(smh_heap_check(&picture_heap, &fault), 0, "%s", fault.rule);
}

void *picture_take(size_t bytes)
{
    void *block = smh_heap_alloc(&picture_heap, bytes);

    cr_assert_not_null(block);
    return block;
}

void picture_give(void *block)
{
    cr_assert_eq(smh_heap_free(&picture_heap, block), 0);
}
