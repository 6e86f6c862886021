/* world_image.c: saving and restoring the state of the world. See world.h. */
#include "world_private.h"

#include <string.h>

static void save_part(void *memory, size_t bytes, uint64_t **cursor)
{
    (*cursor)[bytes / 8] = 0; /* of a last word that is not full */
    memcpy(*cursor, memory, bytes);
    *cursor += (bytes + 7) / 8;
}

static void restore_part(void *memory, size_t bytes, uint64_t **cursor)
{
    memcpy(memory, *cursor, bytes);
    *cursor += (bytes + 7) / 8;
}

static void count_part(void *memory, size_t bytes, uint64_t **cursor)
{
    (void)memory;
    *cursor += (bytes + 7) / 8;
}

size_t world_image_words(void)
{
    static uint64_t words[WORLD_IMAGE_WORDS];
    uint64_t *cursor = words;
    world_for_each_part(count_part, &cursor);
    return (size_t)(cursor - words);
}

void world_save(struct world_image *image)
{
    uint64_t *cursor = image->words;
    world_for_each_part(save_part, &cursor);
}

void world_restore(const struct world_image *image)
{
    uint64_t *cursor = (uint64_t *)(uintptr_t)image->words; /* read only, by restore_part */
    world_for_each_part(restore_part, &cursor);
}
