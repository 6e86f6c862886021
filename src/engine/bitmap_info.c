/* SPDX-License-Identifier: Apache-2.0 */
/* bitmap_info.c: what the bitmap engine tells about a heap: verdicts, sizes, the walk.
 *
 * Owns: everything that reads chunks and changes none.
 * Invariants: whatever is in the tables, nothing outside them is read, and a walk ends. Of
 * the memory itself only the links of listed chunks are read, for the largest one.
 */
#include "bitmap_lists.h"

static uint32_t count_of(smh_bitmap_word descriptor)
{
    return (uint32_t)(descriptor - SMH_BITMAP_DESCRIPTOR);
}

/* The words that are read first may be heads, past the last of the bitmap: if so, the bitmap is
 * damaged, and what is found there counts as the end. */
uint32_t smh_bitmap_next_far(const struct smh_bitmap *map, uint32_t mark)
{
    uint32_t index = mark / SMH_BITMAP_BITS + 1;
    const smh_bitmap_word *words = map->words;
    smh_bitmap_word word = words[index];
    uint32_t end;

    if (word == 0) {
        word = words[++index];
        if (smh_bitmap_is_descriptor(word)) {
            index += count_of(word) - 1;
            if (index > map->end / SMH_BITMAP_BITS) {
                return map->end;
            }
            word = words[index];
        } else if (word == 0) {
            word = words[++index];
        }
        if (word == 0) {
            return map->reserve_end > mark ? map->reserve_end : map->end;
        }
    }
    end = index * SMH_BITMAP_BITS + smh_bitmap_lowest(word);
    return end < map->end ? end : map->end;
}

/* Three words at most and what a descriptor leads to; none before the first, even in a bitmap that
 * is damaged. */
uint32_t smh_bitmap_previous_far(const struct smh_bitmap *map, uint32_t start)
{
    uint32_t index = start / SMH_BITMAP_BITS;
    const smh_bitmap_word *words = map->words;
    smh_bitmap_word word = 0;

    if (index != 0) {
        word = words[--index];
    }
    if (word == 0 && index != 0) {
        word = words[--index];
        if (smh_bitmap_is_descriptor(word)) {
            index -= count_of(word) - 1 < index ? count_of(word) - 1 : index;
            word = words[index];
        } else if (word == 0 && index != 0) {
            word = words[--index];
        }
    }
    if (word != 0) {
        return index * SMH_BITMAP_BITS + SMH_BITMAP_BITS - 1 - smh_bitmap_leading(word);
    }
    return map->reserve + 1 < start ? map->reserve + 1 : 1; /* 1 also if there is none */
}

void smh_bitmap_mark_miles(struct smh_bitmap *map, uint32_t first, uint32_t after, bool present)
{
    smh_bitmap_word *words = map->words;
    smh_bitmap_word mask = present ? ~(smh_bitmap_word)0 : 0;
    uint32_t step = SMH_BITMAP_BITS;
    uint32_t index = smh_bitmap_milestone(first + 1, step);

    do {
        words[index] = mask & (SMH_BITMAP_DESCRIPTOR + (index - first));
        step *= SMH_BITMAP_BITS;
        index = smh_bitmap_milestone(first + 1, step);
    } while (index < after - 2);
}

static bool has_marks(smh_bitmap_word word)
{
    return word != 0 && !smh_bitmap_is_descriptor(word);
}

/* The word that holds the mark of the chunk in whose inside the word `index` lies: down to the
 * nearest milestone, by steps that grow. Not for the reserve, which has none. Of a damaged bitmap
 * any word. */
static uint32_t word_of_mark(const struct smh_bitmap *map, uint32_t index)
{
    const smh_bitmap_word *words = map->words;
    uint32_t step = 1;

    while (index != 0 && !has_marks(words[index])) {
        smh_bitmap_word next = words[index - 1];
        smh_bitmap_word next_but_one =
            words[(int32_t)index - 2]; /* there is one before the first */

        if (words[index] != 0) {
            uint32_t inside = count_of(words[index]);

            /* The first descriptor and the last hold the number of all words inside. */
            if (next == 0 && has_marks(next_but_one)) {
                inside = 1;
            } else if (words[index + 1] == 0 && has_marks(words[index + 2])) {
                inside -= 2;
            }
            return inside < index ? index - inside - 1 : 0;
        }
        if ((next | next_but_one) != 0) {
            index--; /* the words next to those of the marks are never milestones */
            continue;
        }
        while ((index & (step * SMH_BITMAP_BITS - 1)) == 0) {
            step *= SMH_BITMAP_BITS;
        }
        index -= step; /* which divides it */
    }
    return index;
}

/* The last bit up to `at` that is a mark's. */
static uint32_t last_mark(const struct smh_bitmap *map, uint32_t at)
{
    uint32_t index = at / SMH_BITMAP_BITS;
    smh_bitmap_word word = map->words[index];
    smh_bitmap_word lowest;

    word =
        smh_bitmap_is_descriptor(word) ? 0 : word << (SMH_BITMAP_BITS - 1 - at % SMH_BITMAP_BITS);
    if (word == 0 && index != 0) {
        index = word_of_mark(map, index - 1);
        word = map->words[index];
        at = index * SMH_BITMAP_BITS + SMH_BITMAP_BITS - 1;
    }
    /* No mark in the word: damaged. */
    lowest = (smh_bitmap_word)1 << (SMH_BITMAP_BITS - 1 - at % SMH_BITMAP_BITS);
    return at - smh_bitmap_leading(word | lowest);
}

/* Whether bit `at`, from 3 to end - 1, is of a free chunk. */
static bool lies_in_free(const struct smh_bitmap *map, uint32_t at)
{
    uint32_t mark;

    if (at - map->reserve < map->reserve_end - map->reserve) {
        return true;
    }
    mark = last_mark(map, at);
    /* The mark's first bit or its second. */
    return smh_bitmap_test(map, mark + 1) || smh_bitmap_mark_is_free(map, mark);
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
    return lies_in_free(map, (uint32_t)at) ? -EALREADY : -EINVAL;
}

/* The reserve, or what alloc finds in the highest class that holds anything. */
size_t smh_bitmap_largest_free(const struct smh_heap *heap)
{
    const struct smh_bitmap *map = smh_bitmap_view(heap);
    uint32_t largest = map->reserve_end - map->reserve;
    uint32_t index = SMH_BITMAP_MAPS;

    while (index != 0) {
        smh_bitmap_word bits = map->maps[--index];
        uint32_t class;
        uint32_t at;

        if (bits == 0) {
            continue;
        }
        class = index * SMH_BITMAP_BITS + SMH_BITMAP_BITS - 1 - smh_bitmap_leading(bits);
        at = smh_bitmap_trusted(map, *smh_bitmap_head(map, class));
        for (uint32_t look = 0; look < SMH_BITMAP_LOOK && at != 0; look++) {
            uint32_t size = smh_bitmap_next(map, at + 1) - at;

            largest = size > largest ? size : largest;
            at = smh_bitmap_trusted(map, smh_bitmap_links_at(map, at)->next);
        }
        break;
    }
    return smh_bitmap_bytes(map, largest);
}

size_t smh_bitmap_sufficient_chunk(const struct smh_heap *heap, size_t align, size_t bytes)
{
    const struct smh_bitmap *map = smh_bitmap_view(heap);
    size_t need = smh_bitmap_units(map, bytes);
    size_t skip = align >> heap->step_shift > 1 ? smh_bitmap_worst_skip(heap, align) : 0;

    if (skip > map->units || need > map->units - skip) {
        return SIZE_MAX; /* more than there is */
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
