/* bitmap_info.c: what the bitmap engine tells about a heap: verdicts, sizes, the walk.
 *
 * Owns: everything that reads chunks and changes none.
 * Invariants: whatever is in the tables, nothing outside them is read, and a walk ends. Of
 * the memory itself only the links of listed chunks are read, for the largest one.
 */
#include "bitmap_lists.h"

static uint32_t last_word(const struct smh_bitmap *map)
{
    return (map->end + 1) / SMH_BITMAP_BITS;
}

uint32_t smh_bitmap_next_far(const struct smh_bitmap *map, uint32_t mark)
{
    uint32_t index = mark / SMH_BITMAP_BITS + 1;
    smh_bitmap_word word;

    if (index > last_word(map)) {
        return map->end;
    }
    word = map->words[index];
    if (smh_bitmap_is_descriptor(word)) {
        word >>= SMH_BITMAP_DESCRIPTOR_BITS;
        if (word > last_word(map) - index) {
            return map->end;
        }
        index += (uint32_t)word;
        word = map->words[index];
    }
    return word == 0 ? map->end : index * SMH_BITMAP_BITS + smh_bitmap_lowest(word);
}

uint32_t smh_bitmap_previous_far(const struct smh_bitmap *map, uint32_t start)
{
    uint32_t index = start / SMH_BITMAP_BITS;
    smh_bitmap_word word;

    if (index == 0) {
        return 1;
    }
    word = map->words[--index];
    if (smh_bitmap_is_descriptor(word)) {
        word >>= SMH_BITMAP_DESCRIPTOR_BITS;
        if (word > index) {
            return 1;
        }
        index -= (uint32_t)word;
        word = map->words[index];
    }
    return word == 0 ? 1 : index * SMH_BITMAP_BITS + smh_bitmap_highest(word);
}

/* The first descriptor of the chunk in whose inside the word `index` lies: down to the nearest
 * milestone, by steps that grow, or to the word before, which holds the chunk's mark. */
static uint32_t first_inside(const struct smh_bitmap *map, uint32_t index)
{
    uint32_t step = 1;

    while (index != 0) {
        smh_bitmap_word word = map->words[index];
        smh_bitmap_word before = map->words[index - 1];

        if (before != 0 && !smh_bitmap_is_descriptor(before)) {
            break;
        }
        if (word != 0) {
            word >>= SMH_BITMAP_DESCRIPTOR_BITS;
            return word <= index ? index - (uint32_t)word + 1 : 0;
        }
        while ((index & (step * SMH_BITMAP_BITS - 1)) == 0) {
            step *= SMH_BITMAP_BITS;
        }
        index -= step;
    }
    return index;
}

/* The chunk that holds bit `at`, from 3 to end - 1: where it starts. */
static uint32_t chunk_holding(const struct smh_bitmap *map, uint32_t at)
{
    uint32_t index = at / SMH_BITMAP_BITS;
    uint32_t mark = at;

    if (map->words[index] == 0 || smh_bitmap_is_descriptor(map->words[index])) {
        mark = smh_bitmap_previous(map, first_inside(map, index) * SMH_BITMAP_BITS);
    } else if (!smh_bitmap_test(map, at)) {
        mark = smh_bitmap_previous(map, at);
    }
    if (mark < SMH_BITMAP_FIRST) {
        return SMH_BITMAP_FIRST; /* damaged: no chunk starts before it */
    }
    return smh_bitmap_mark_is_free(map, mark) ? mark - 1 : mark;
}

/* Also for a pointer that heap.c would refuse at once. */
int smh_bitmap_verdict(const struct smh_heap *heap, const void *block)
{
    const struct smh_bitmap *map = smh_bitmap_view(heap);
    uintptr_t offset = (uintptr_t)block - map->base;
    size_t at = offset >> map->unit_shift;

    if (at < SMH_BITMAP_FIRST || at >= map->end) {
        return -EINVAL; /* tables, or too little at either end for a block */
    }
    if (at << map->unit_shift == offset && smh_bitmap_is_used_start(map, (uint32_t)at)) {
        return 0;
    }
    at = chunk_holding(map, (uint32_t)at);
    return smh_bitmap_test(map, (uint32_t)at + 1) ? -EALREADY : -EINVAL;
}

/* What alloc finds in the highest class that holds anything. */
size_t smh_bitmap_largest_free(const struct smh_heap *heap)
{
    const struct smh_bitmap *map = smh_bitmap_view(heap);
    uint32_t largest = 0;
    uint32_t index;
    uint32_t at;

    if (map->top == 0) {
        return 0;
    }
    index = smh_floor_log2_u32(map->top);
    at = map->heads[index * SMH_BITMAP_CLASSES_PER_MAP + smh_floor_log2_u32(map->maps[index])];
    for (uint32_t look = 0; look < SMH_BITMAP_LOOK && at != 0; look++) {
        uint32_t size = smh_bitmap_next(map, at + 1) - at;

        largest = size > largest ? size : largest;
        at = smh_bitmap_trusted(map, smh_bitmap_links_at(map, at)->next);
    }
    return smh_bitmap_bytes(map, largest);
}

size_t smh_bitmap_sufficient_chunk(const struct smh_heap *heap, size_t align, size_t bytes)
{
    const struct smh_bitmap *map = smh_bitmap_view(heap);
    size_t need = smh_bitmap_units(heap, bytes);
    size_t skip = align >> heap->step_shift > 1 ? smh_bitmap_worst_skip(heap, align) : 0;

    if (need == 0 || skip >= map->end || need >= map->end - skip) {
        return SIZE_MAX;
    }
    return smh_bitmap_bytes(map, smh_bitmap_round_to_class(map, (uint32_t)(need + skip)));
}

static void fill_chunk(const struct smh_heap *heap, uint32_t at, struct smh_chunk *chunk)
{
    const struct smh_bitmap *map = smh_bitmap_view(heap);
    bool used = !smh_bitmap_test(map, at + 1);
    uint32_t end = smh_bitmap_next(map, used ? at : at + 1);

    chunk->offset = (size_t)(smh_bitmap_address(map, at) - (uintptr_t)heap->memory);
    chunk->size = smh_bitmap_bytes(map, end - at);
    chunk->used = used;
    chunk->block = used ? (void *)smh_bitmap_address(map, at) : NULL;
    chunk->usable = chunk->size;
    chunk->next = end;
}

bool smh_bitmap_walk(const struct smh_heap *heap, struct smh_chunk *chunk)
{
    const struct smh_bitmap *map = smh_bitmap_view(heap);

    if (chunk->next >= map->end) {
        return false;
    }
    fill_chunk(heap, chunk->next == 0 ? SMH_BITMAP_FIRST : (uint32_t)chunk->next, chunk);
    return true;
}

void smh_bitmap_chunk_of(const struct smh_heap *heap, const void *block, struct smh_chunk *chunk)
{
    const struct smh_bitmap *map = smh_bitmap_view(heap);

    fill_chunk(heap, (uint32_t)(((uintptr_t)block - map->base) >> map->unit_shift), chunk);
}
