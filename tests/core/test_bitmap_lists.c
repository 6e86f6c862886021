/* test_bitmap_lists.c: the bitmap engine's free chunks by size, sound and after stray writes.
 *
 *     | A | u | B | u | C | ...      list of A's size:  A <-> B <-> C
 *       '- next | previous | size    what a user may overwrite who kept a pointer
 *
 * Owns: which free chunk is taken, and which bytes may change when links lie. Heaps are written as
 * in heap_picture.h.
 */
#include "../../src/engine/bitmap_lists.h"
#include "bitmap_heap.h"
#include "heap_picture.h"

#include <string.h>

/* All memory as blocks of these sizes, the last of what is left. */
static void fill(const size_t *bytes, uint8_t **blocks, size_t count)
{
    for (size_t i = 0; i + 1 < count; i++) {
        blocks[i] = picture_take(bytes[i]);
    }
    blocks[count - 1] = picture_take(picture_heap.engine->largest_free(&picture_heap));
}

static uint32_t unit_of(const void *block)
{
    return bitmap_bit_of(&picture_heap, block);
}

static struct smh_bitmap_links *links_of(const void *block)
{
    return smh_bitmap_links_at(smh_bitmap_view(&picture_heap), unit_of(block));
}

Test(bitmap_lists, of_a_class_the_four_chunks_freed_last_are_looked_at_and_the_smallest_is_taken)
{
    static const size_t bytes[] = {136, 16, 152, 16, 144, 16, 152, 16, 152, 16, 0};
    uint8_t *blocks[11];

    cr_assert_eq(picture_init(&smh_engine_bitmap, 0, 0, 1024), 0);
    fill(bytes, blocks, 11);
    for (size_t i = 0; i < 10; i += 2) {
        picture_give(blocks[i]);
    }
    picture_looks("f136 u16 f152 u16 f144 u16 f152 u16 f152 u16 u208");
    cr_expect_eq(picture_take(136), (void *)blocks[4], "the smallest of four");
    picture_looks("f136 u16 f152 u16 u144 u16 f152 u16 f152 u16 u208");
    cr_expect_eq(picture_take(136), (void *)blocks[0], "it is one of four now");
    picture_looks("u136 u16 f152 u16 u144 u16 f152 u16 f152 u16 u208");
}

Test(bitmap_lists, a_large_chunk_that_says_to_be_a_small_one_is_passed_over_for_the_next)
{
    static const size_t bytes[] = {136, 16, 144, 16, 0};
    uint8_t *blocks[5];

    cr_assert_eq(picture_init(&smh_engine_bitmap, 0, 0, 1024), 0);
    fill(bytes, blocks, 5);
    picture_give(blocks[0]);
    picture_give(blocks[2]);
    picture_looks("f136 u16 f144 u16 u712");
    links_of(blocks[2])->size = 5;
    cr_expect_eq(picture_take(16), (void *)blocks[0]);
}

/*     | A | u | B | u | C | u | ...      B leaves the list because a neighbour grows into it or is
 *                                        freed; its links say anything
 */
#define GUARD 256u

enum departure { FREED_RIGHT, FREED_LEFT, GROWN_INTO, DEPARTURES };

static void no_live_byte_changes(size_t size, enum departure departure, bool next, uint32_t link)
{
    const size_t bytes[] = {size, 16, size, 16, size, 16, 0};
    static uint8_t image[PICTURE_BYTES];
    struct smh_chunk chunk = {0};
    uint8_t *blocks[7];

    memset(picture_memory, 0x5a, sizeof(picture_memory));
    cr_assert_eq(picture_init(&smh_engine_bitmap, 0, GUARD, PICTURE_BYTES - 2 * GUARD), 0);
    fill(bytes, blocks, 7);
    picture_give(blocks[4]);
    picture_give(blocks[2]);
    picture_give(blocks[0]);
    *(next ? &links_of(blocks[2])->next : &links_of(blocks[2])->previous) = link;
    memcpy(image, picture_memory, sizeof(image));
    switch (departure) {
    case FREED_RIGHT:
        picture_give(blocks[3]);
        break;
    case FREED_LEFT: /* A's list loses A as well */
        picture_give(blocks[1]);
        break;
    default:
        cr_assert(smh_heap_resize(&picture_heap, blocks[1], 16 + size));
    }
    cr_expect_eq(memcmp(image, picture_memory, GUARD), 0, "in front, by %u", link);
    cr_expect_eq(
        memcmp(image + PICTURE_BYTES - GUARD, picture_memory + PICTURE_BYTES - GUARD, GUARD), 0,
        "behind, by %u", link);
    while (smh_heap_walk(&picture_heap, &chunk)) {
        cr_expect(!chunk.used || memcmp(image + GUARD + chunk.offset,
                                        picture_memory + GUARD + chunk.offset, chunk.size) == 0,
                  "a block, by %u", link);
    }
    /* What leads nowhere is not handed on either: C is the first, or says so. */
    if (departure != FREED_LEFT && !next && link != unit_of(blocks[0]) &&
        link != unit_of(blocks[2]) && link != unit_of(blocks[4])) {
        cr_expect_eq(links_of(blocks[4])->previous, 0, "by %u", link);
    }
}

Test(bitmap_lists, whatever_its_links_say_a_chunk_leaves_its_list_without_a_change_to_any_block)
{
    static const size_t sizes[] = {16, 24, 120, 128};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (unsigned departure = 0; departure < DEPARTURES; departure++) {
            for (uint32_t link = 0; link < 80; link++) {
                no_live_byte_changes(sizes[i], departure, false, link);
                no_live_byte_changes(sizes[i], departure, true, link);
            }
            no_live_byte_changes(sizes[i], departure, false, UINT32_MAX);
            no_live_byte_changes(sizes[i], departure, true, UINT32_MAX);
        }
    }
}

/* --- where a list of large chunks may lead ---------------------------------------------------- */

static struct smh_heap trapped;
static _Alignas(8) uint8_t tables[256];

/*     |traps| A, 16 units | 2 | B, 19 units | ... | 2 |traps|      A's link back to B is lost */
static void make_trapped(uint8_t *memory, size_t bytes, uint8_t *blocks[5])
{
    struct smh_heap_config config = {.engine = &smh_engine_bitmap,
                                     .memory = memory,
                                     .memory_size = bytes,
                                     .metadata = tables,
                                     .metadata_size = sizeof(tables)};
    size_t sizes[5] = {128, 16, 152, bytes - 128 - 16 - 152 - 16, 16};

    cr_assert_eq(smh_heap_init(&trapped, &config), 0);
    for (size_t i = 0; i < 5; i++) {
        blocks[i] = smh_heap_alloc(&trapped, sizes[i]);
        cr_assert_not_null(blocks[i]);
    }
    cr_assert_eq(smh_heap_free(&trapped, blocks[2]), 0);
    cr_assert_eq(smh_heap_free(&trapped, blocks[0]), 0);
}

static struct smh_bitmap_links *trapped_links(void *block)
{
    return block;
}

Test(bitmap_lists, no_link_leads_a_search_out_of_memory)
{
    uint8_t *memory_end = trap_end(4096);
    uint8_t *blocks[5];

    for (unsigned upwards = 0; upwards < 2; upwards++) {
        for (uint32_t distance = 0; distance < 520; distance++) {
            uint32_t end = SMH_BITMAP_FIRST + 64;

            make_trapped(upwards != 0 ? memory_end - 512 : memory_end - 4096, 512, blocks);
            trapped_links(blocks[0])->next =
                upwards != 0 ? end - 1 + distance : SMH_BITMAP_FIRST - 1 - distance;
            cr_expect_null(smh_heap_alloc(&trapped, 144), "%u", trapped_links(blocks[0])->next);
        }
    }
}

Test(bitmap_lists, a_link_to_the_last_place_where_links_fit_is_followed)
{
    uint8_t *memory_end = trap_end(4096);
    uint8_t *blocks[5];
    const struct smh_bitmap *map = smh_bitmap_view(&trapped);

    make_trapped(memory_end - 512, 512, blocks);
    trapped_links(blocks[4])->next = trapped_links(blocks[0])->next;
    trapped_links(blocks[4])->previous = 0;
    trapped_links(blocks[0])->next = map->end - 2;
    cr_expect_eq(smh_heap_alloc(&trapped, 144), (void *)blocks[2]);
}

/* --- maps of classes -------------------------------------------------------------------------- */

Test(bitmap_lists, the_first_class_that_is_not_empty_is_found_from_every_class_up_to_it)
{
    for (uint32_t class = 1; class < 192; class ++) {
        struct smh_bitmap map = {0};

        smh_bitmap_map_flip(&map, class);
        cr_expect_eq(map.maps[class / SMH_BITMAP_BITS] >> class % SMH_BITMAP_BITS, 1);
        for (uint32_t from = 0; from < 192; from++) {
            cr_assert_eq(smh_bitmap_first_class(&map, from), from <= class ? class : 0, "%u of %u",
                         from, class);
        }
    }
}

/* --- chunks that lie about their size --------------------------------------------------------- */

#define LIARS_BYTES ((size_t)2200000)

static struct smh_heap heap;
static uint8_t *memory;

static void set_up(void)
{
    memory = trap_end(LIARS_BYTES) - LIARS_BYTES;
}

TestSuite(bitmap_liars, .init = set_up);

/* Blocks of 384 units and one of the rest, from the low end on; the last of 384. */
static void take_in_pieces(size_t units)
{
    size_t first = units % 384;

    if (first == 1) {
        first += 384;
    }
    if (first != 0) {
        bitmap_take(&heap, first);
        units -= first;
    }
    for (; units != 0; units -= 384) {
        bitmap_take(&heap, 384);
    }
}

/*     | lead | F, free | behind | ... | behind | all the rest in use |      in so many units; F */
static uint8_t *make_one_free(size_t all, size_t lead, size_t units, size_t behind)
{
    uint8_t *block;

    bitmap_make(&heap, memory, all * 8, 0);
    take_in_pieces(lead);
    block = bitmap_take(&heap, units);
    for (size_t i = 0; i < 140; i += behind) {
        bitmap_take(&heap, behind);
    }
    bitmap_take_all(&heap);
    bitmap_give(&heap, block);
    return block;
}

/* A request of `need` units is served only if the free chunk says its size. */
static void is_believed_only_if_true(uint8_t *block, size_t units, uint32_t said, size_t need)
{
    struct smh_bitmap_links *links = (struct smh_bitmap_links *)(void *)block;

    links->size = said;
    cr_assert_eq(smh_heap_alloc(&heap, need * 8), said == units ? (void *)block : NULL,
                 "%u of %zu units at %u", said, units, bitmap_bit_of(&heap, block));
}

/*     | lead | F, 400 units | 5 | 5 | ... or 200      F's word for its size says anything near */
Test(bitmap_liars, a_long_chunk_is_taken_only_if_it_says_its_very_size)
{
    for (size_t lead = 2; lead < 66; lead++) {
        for (uint32_t said = 400 - 140; said < 400 + 140; said++) {
            uint8_t *block = make_one_free(1024, lead, 400, said % 7 == 0 ? 5 : 200);

            is_believed_only_if_true(block, 400, said, 40);
        }
    }
}

/*     | F, 400 units, says 420 | 2 | a chunk of a class above | ... */
Test(bitmap_liars, where_a_chunk_lies_the_classes_above_are_searched_all_the_same)
{
    uint8_t *liar;
    uint8_t *larger;

    bitmap_make(&heap, memory, 2000 * 8, 0);
    liar = bitmap_take(&heap, 400);
    bitmap_take(&heap, 2);
    larger = bitmap_take(&heap, 500);
    bitmap_take_all(&heap);
    bitmap_give(&heap, larger);
    bitmap_give(&heap, liar);
    ((struct smh_bitmap_links *)(void *)liar)->size = 420;
    cr_assert_eq(smh_heap_alloc(&heap, 390 * 8), (void *)larger);
}

/*     | lead | F | G, 400 units, long enough for descriptors |      F says to end where G does */
static void is_not_taken_for_both(size_t all, size_t lead, size_t units, size_t behind)
{
    uint8_t *block = make_one_free(all, lead, units, behind);

    is_believed_only_if_true(block, units, (uint32_t)(units + behind), units);
}

Test(bitmap_liars, a_chunk_that_says_to_end_with_the_long_block_behind_it_is_not_taken_for_that)
{
    for (size_t lead = 2; lead < 3 * SMH_BITMAP_BITS; lead++) {
        is_not_taken_for_both(2500, lead, SMH_BITMAP_BITS + 1, 400);
    }
    for (size_t lead = 29 * SMH_BITMAP_BITS; lead < 36 * SMH_BITMAP_BITS; lead++) {
        is_not_taken_for_both(3000, lead, 31, 400);
    }
}

/*     | long block, 384 | F, 63 units | 40 | ...      F's mark at the end of a word; F says to end
 * a word further on: as many words on as the block in front has inside */
Test(bitmap_liars, the_long_block_in_front_does_not_bear_out_what_a_chunk_says)
{
    for (size_t word = 259; word < 324; word++) {
        size_t lead = word * 64 + 62 - SMH_BITMAP_FIRST;

        is_not_taken_for_both(22000, lead, 63, 40);
    }
}

/*     | lead | F: 0 | n | milestone: 2 | 0 | n | 0 |      F says to end at the milestone's word */
Test(bitmap_liars, no_milestone_inside_bears_out_what_a_chunk_says)
{
    for (size_t lead = 3900; lead < 3970; lead++) {
        for (uint32_t end = 4094; end < 4110; end++) {
            uint8_t *block = make_one_free(5000, lead, 500, 2);

            is_believed_only_if_true(block, 500, end - bitmap_bit_of(&heap, block), 100);
        }
    }
}

/*     | F, 270335 units: its end lies 64 times as far as the one that it says |      */
Test(bitmap_liars, a_chunk_of_four_thousand_words_that_says_to_have_one_is_not_taken_for_that)
{
    static uint8_t *blocks[1024];
    uint32_t said = 63;
    uint32_t end = (SMH_BITMAP_FIRST + said) * 64 * 64 + (SMH_BITMAP_FIRST + said) % 64;
    uint32_t left = end - SMH_BITMAP_FIRST;
    size_t count = 0;

    bitmap_make(&heap, memory, LIARS_BYTES, 0);
    for (; left > 500; left -= 300) {
        blocks[count++] = bitmap_take(&heap, 300);
    }
    blocks[count++] = bitmap_take(&heap, left);
    bitmap_take(&heap, 2);
    bitmap_take_all(&heap);
    for (size_t i = 0; i < count; i++) {
        bitmap_give(&heap, blocks[i]);
    }
    cr_assert_eq(heap.engine->largest_free(&heap), (end - SMH_BITMAP_FIRST) * 8);
    is_believed_only_if_true(blocks[0], end - SMH_BITMAP_FIRST, said, said);
}

/*     | lead | F: 0 | n | ... 0 | n | 0 | ... end      the first n is damaged and bears out what F
 * says: that it ends behind all memory */
Test(bitmap_liars, nothing_behind_the_tables_is_read_whatever_a_chunk_and_its_descriptor_agree_on)
{
    for (uint32_t said = 601; said < 10000; said += 50) {
        uint8_t *block = make_one_free(3100, 2500, 400, 2);
        const struct smh_bitmap *map = smh_bitmap_view(&heap);
        uint32_t at = bitmap_bit_of(&heap, block);
        uint32_t first = (at + 1) / SMH_BITMAP_BITS + 1;

        map->words[first + 1] = SMH_BITMAP_DESCRIPTOR + ((at + said) / SMH_BITMAP_BITS - first);
        is_believed_only_if_true(block, 400, said, 40);
    }
}

/* --- the longest chunks ----------------------------------------------------------------------- */

/*     | 5 or 6 * 2^19 units: free, listed | 2 | reserve |      26 MB, hardly any of it touched
 */
Test(bitmap_lists, a_chunk_of_the_highest_classes_has_the_bit_of_its_class)
{
    size_t bytes = (size_t)26 << 20;
    uint8_t *low = trap_end(bytes) - bytes;

    for (uint32_t units = 5u << 19; units <= 6u << 19; units += 1u << 19) {
        uint8_t *block;

        bitmap_make(&heap, low, bytes, 0);
        block = smh_heap_aligned_alloc(&heap, 16, units * (size_t)8);
        cr_assert_eq((void *)block, (void *)low);
        bitmap_take(&heap, 2);
        bitmap_give(&heap, block);
        cr_assert_eq(smh_heap_check(&heap, NULL), 0);
        cr_assert_eq(smh_heap_aligned_alloc(&heap, 16, units * (size_t)8), (void *)block);
    }
}
