/* test_bitmap_lists.c: the bitmap engine's free chunks by size, sound and after stray writes.
 *
 *     | A | u | B | u | C | ...      list of A's size:  A <-> B <-> C
 *       '- next | previous | size    what a user may overwrite who kept a pointer
 *
 * Owns: which free chunk is taken, and which bytes may change when links lie. Heaps are written as
 * in heap_picture.h.
 */
#include "../../src/engine/bitmap_lists.h"
#include "heap_picture.h"
#include "trap.h"

#include <criterion/criterion.h>
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
    const struct smh_bitmap *map = smh_bitmap_view(&picture_heap);

    return (uint32_t)(((uintptr_t)block - map->base) >> map->unit_shift);
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

/* --- long chunks that lie --------------------------------------------------------------------- */

/*     | lead | F, 400 units | 2 | 3 | 2 | 3 | ...      F's word for its size says anything near */
Test(bitmap_lists, a_long_chunk_is_taken_only_if_it_says_its_very_size)
{
    static _Alignas(8) uint8_t memory[8192];
    static _Alignas(8) uint8_t room[1024];
    struct smh_heap_config config = {.engine = &smh_engine_bitmap,
                                     .memory = memory,
                                     .memory_size = sizeof(memory),
                                     .metadata = room,
                                     .metadata_size = sizeof(room)};

    for (size_t lead = 2; lead < 66; lead++) {
        for (uint32_t size = 400 - 140; size < 400 + 140; size++) {
            uint8_t *block;

            cr_assert_eq(smh_heap_init(&trapped, &config), 0);
            cr_assert_not_null(smh_heap_alloc(&trapped, lead * 8));
            block = smh_heap_alloc(&trapped, 400 * 8);
            for (unsigned i = 0; i < 50; i++) {
                cr_assert_not_null(smh_heap_alloc(&trapped, i % 2 == 0 ? 16 : 24));
            }
            cr_assert_not_null(smh_heap_alloc(&trapped, trapped.engine->largest_free(&trapped)));
            cr_assert_eq(smh_heap_free(&trapped, block), 0);
            trapped_links(block)->size = size;
            cr_assert_eq(smh_heap_alloc(&trapped, 40 * 8), size == 400 ? (void *)block : NULL,
                         "%u behind %zu", size, lead);
        }
    }
}
