/* test_bitmap_words.c: words of the bitmap that look like others.
 *
 *     1 1 1 0 1 1 1 0 ...     as many marks as there can be: two units free, two in use
 *     1 1 1 ... 1 0 0 1 1     a descriptor inside a long chunk: its ones and its number are no
 * marks
 *
 * Owns: that chunks are found whatever stands around them, and that nothing inside a chunk is taken
 * for one, by a pointer or by a link that was overwritten.
 */
#include "../../src/engine/bitmap_lists.h"
#include "bitmap_heap.h"

#include <errno.h>
#include <string.h>

#define MEMORY_BYTES 131072u
#define UNITS        (MEMORY_BYTES / 8)
#define GUARD        4096u

static _Alignas(4096) uint8_t memory[MEMORY_BYTES + 2 * GUARD];
static struct smh_heap heap;

static void make(size_t bytes, size_t granule)
{
    bitmap_make(&heap, memory + GUARD, bytes, granule);
}

static uint8_t *take(size_t units)
{
    return bitmap_take(&heap, units);
}

/*     | 2 | f | 2 | f | 2 | 3 | f | 2 | ...      a block of three now and then, so that the zeros
 * of neighbouring words stand at different places
 */
Test(bitmap_words, small_chunks_among_as_many_marks_as_there_can_be_are_all_handed_out_again)
{
    for (size_t period = 8; period < 40; period++) {
        uint8_t *freed[UNITS / 4];
        size_t count = 0;

        make(8192, 0);
        for (size_t i = 0; i < 200; i++) {
            uint8_t *block = take(i % period == 0 ? 3 : 2);

            if (i % period % 2 == 1) {
                freed[count++] = block;
            }
        }
        bitmap_take_all(&heap);
        for (size_t i = 0; i < count; i++) {
            cr_assert_eq(smh_heap_free(&heap, freed[i]), 0);
        }
        cr_assert_eq(smh_heap_check(&heap, NULL), 0);
        for (size_t i = count; i > 0; i--) {
            cr_assert_eq(smh_heap_alloc(&heap, 16), (void *)freed[i - 1], "period %zu", period);
        }
        cr_assert_null(smh_heap_alloc(&heap, 16));
    }
}

/* Chunks of each kind: the long ones have three to seventy words inside. Even units: so every
 * granule has them. */
static const uint16_t many_units[] = {2,   4, 2,   220, 2,   330, 4,   4520, 340, 2,
                                      400, 2, 470, 6,   740, 2,   800, 60,   410, 2};
#define CHUNKS (sizeof(many_units) / sizeof(many_units[0]))

/* Every other block freed, from the one given on. */
static void populate(uint8_t *blocks[CHUNKS], size_t first)
{
    for (size_t i = 0; i < CHUNKS; i++) {
        blocks[i] = take(many_units[i]);
    }
    bitmap_take_all(&heap);
    for (size_t i = first; i < CHUNKS; i += 2) {
        cr_assert_eq(smh_heap_free(&heap, blocks[i]), 0);
    }
    cr_assert_eq(smh_heap_check(&heap, NULL), 0);
}

Test(bitmap_words, a_link_is_trusted_exactly_if_a_free_chunk_starts_there)
{
    uint8_t *blocks[CHUNKS];

    for (size_t first = 0; first < 2; first++) {
        const struct smh_bitmap *map = smh_bitmap_view(&heap);
        struct smh_chunk chunk = {0};
        uint32_t link = 0;

        make(MEMORY_BYTES, 0);
        populate(blocks, first);
        while (smh_heap_walk(&heap, &chunk)) {
            uint32_t at = SMH_BITMAP_FIRST + (uint32_t)(chunk.offset / 8);

            for (; link < at; link++) {
                cr_assert_eq(smh_bitmap_trusted(map, link), 0, "%u", link);
            }
            cr_assert_eq(smh_bitmap_trusted(map, link), chunk.used ? 0 : at, "%u", link);
            link++;
        }
        for (; link < 2 * UNITS; link++) {
            cr_assert_eq(smh_bitmap_trusted(map, link), 0, "%u", link);
        }
        cr_assert_eq(smh_bitmap_trusted(map, UINT32_MAX), 0);
    }
}

/* A freed block's link is led to every unit of the long blocks, in whose descriptors are the marks
 * of chunks of two units, of three and of thirty. */
Test(bitmap_words, a_link_into_a_long_block_hands_out_nothing_of_it)
{
    static const size_t units[] = {2, 3, 30};
    static const size_t longs[] = {256, 260, 768};

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        for (size_t k = 0; k < sizeof(longs) / sizeof(longs[0]); k++) {
            struct smh_bitmap *map = smh_bitmap_of(&heap);
            uint8_t *small;
            uint8_t *block;
            uint32_t at;

            make(16384, 0);
            small = take(units[i]);
            block = take(longs[k]);
            at = (uint32_t)(((uintptr_t)block - map->base) / 8);
            cr_assert_eq(smh_heap_free(&heap, small), 0);
            for (uint32_t link = at; link < at + longs[k]; link++) {
                uint8_t *other;

                ((struct smh_bitmap_links *)(void *)small)->next = link;
                cr_assert_eq(smh_heap_alloc(&heap, units[i] * 8), (void *)small);
                other = smh_heap_alloc(&heap, units[i] * 8);
                cr_assert(other + units[i] * 8 <= block || other >= block + longs[k] * 8,
                          "unit %u of %zu", link - at, longs[k]);
                cr_assert_eq(smh_heap_free(&heap, other), 0);
                cr_assert_eq(smh_heap_free(&heap, small), 0);
            }
        }
    }
}

/*     | lead |  block  | rest |      every place in a word, every length about three words */
Test(bitmap_words, a_block_of_three_words_leaves_no_descriptor_behind_wherever_it_lies)
{
    for (size_t lead = 2; lead < 66; lead++) {
        for (size_t units = 3 * 64 - 2; units < 3 * 64 + 4; units++) {
            uint8_t *block;

            make(8192, 0);
            take(lead);
            block = take(units);
            bitmap_take_all(&heap);
            cr_assert_eq(smh_heap_free(&heap, block), 0);
            cr_assert_eq(smh_heap_check(&heap, NULL), 0, "%zu behind %zu", units, lead);
            cr_assert_eq(smh_heap_alloc(&heap, units * 8), (void *)block);
        }
    }
}

/* What free says of an address that starts no block. */
static int refusal(const struct smh_chunk *chunk)
{
    return chunk->used ? -EINVAL : -EALREADY;
}

/*     |  free  |  block  | free | ...      everywhere but at the start of a block */
Test(bitmap_words, free_refuses_every_address_but_the_starts_of_blocks_and_changes_nothing)
{
    static const size_t granules[] = {0, 16, 64};
    uint8_t *blocks[CHUNKS];

    for (size_t i = 0; i < 2 * sizeof(granules) / sizeof(granules[0]); i++) {
        static uint8_t image[1 << 14];
        struct smh_chunk chunk = {0};
        size_t unit;

        make(i < 4 ? MEMORY_BYTES : 8 * 8192, granules[i / 2]);
        unit = (size_t)1 << smh_bitmap_view(&heap)->unit_shift;
        if (unit == 8) {
            populate(blocks, i % 2);
        } else {
            for (size_t k = 0; k < 10; k++) {
                blocks[k] = take(many_units[k] % 600);
            }
            for (size_t k = i % 2; k < 10; k += 2) {
                cr_assert_eq(smh_heap_free(&heap, blocks[k]), 0);
            }
        }
        cr_assert_leq(heap.metadata_size, sizeof(image));
        memcpy(image, heap.metadata, heap.metadata_size);
        while (smh_heap_walk(&heap, &chunk)) {
            for (size_t offset = chunk.used ? unit / 2 : 0; offset < chunk.size;
                 offset += unit / 2) {
                cr_assert_eq(smh_heap_free(&heap, heap.memory + chunk.offset + offset),
                             refusal(&chunk), "%zu of %zu, unit %zu", offset, chunk.size, unit);
            }
        }
        cr_assert_eq(smh_heap_free(&heap, memory), -ENOENT);
        cr_assert_eq(smh_heap_free(&heap, memory + GUARD + heap.memory_size), -ENOENT);
        cr_assert_eq(memcmp(image, heap.metadata, heap.metadata_size), 0);
        cr_assert_eq(smh_heap_check(&heap, NULL), 0);
    }
}

/*     | lead | f2 | block of about 63 | X: 70 |      the mark before X is the third of 1 1 1 */
Test(bitmap_words, a_block_behind_a_free_chunk_of_two_units_is_no_free_chunk_seen_from_behind)
{
    for (size_t lead = 2; lead < 66; lead++) {
        for (size_t units = 58; units < 68; units++) {
            uint8_t *small;
            uint8_t *last;

            make(8192, 0);
            take(lead);
            small = take(2);
            take(units);
            last = take(70);
            bitmap_take_all(&heap);
            cr_assert_eq(smh_heap_free(&heap, small), 0);
            cr_assert_eq(smh_heap_free(&heap, last), 0);
            cr_assert_eq(smh_heap_check(&heap, NULL), 0);
            cr_assert_eq(smh_heap_alloc(&heap, 70 * 8), (void *)last);
        }
    }
}
