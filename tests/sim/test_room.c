/* test_room.c: what a judge takes for room enough.
 *
 *     |  64  | 200 free |  64  |   the rest, in use   |      of a fit with headers of 8 bytes
 */
#include "../../sim/model/room.h"

#include <criterion/criterion.h>

static _Alignas(4096) uint8_t memory[1024];
static struct smh_heap heap;
static uint8_t *hole;

static void make(void)
{
    struct smh_heap_config config = {
        .engine = &smh_engine_first_fit, .memory = memory, .memory_size = sizeof(memory)};

    cr_assert_eq(smh_heap_init(&heap, &config), 0);
    cr_assert_not_null(smh_heap_alloc(&heap, 56));
    hole = smh_heap_alloc(&heap, 192);
    cr_assert_not_null(smh_heap_alloc(&heap, 56));
    while (smh_heap_alloc(&heap, 8) != NULL) {
    }
    cr_assert_eq(smh_heap_free(&heap, hole), 0);
}

Test(room, is_what_the_engines_rule_says_to_the_byte)
{
    make();
    cr_expect(smh_room_for(&heap, 0, 1));
    cr_expect(smh_room_for(&heap, 0, 192));
    cr_expect_not(smh_room_for(&heap, 0, 193));
    /* an alignment may cost itself and a unit: 200 = 8 + 120 + 64 + 8 */
    cr_expect(smh_room_for(&heap, 64, 120));
    cr_expect_not(smh_room_for(&heap, 64, 121));
    cr_expect_not(smh_room_for(&heap, 128, 64), "which the other way round would be");
}

Test(room, is_found_where_it_lies_and_nowhere_in_a_full_heap)
{
    struct smh_chunk chunk;

    make();
    cr_assert(smh_room_find(&heap, 200, &chunk));
    cr_expect_eq(chunk.offset, (size_t)(hole - memory) - 8);
    cr_expect_eq(chunk.size, 200);
    cr_expect_not(smh_room_find(&heap, 201, &chunk));
    cr_assert_not_null(smh_heap_alloc(&heap, 192));
    cr_expect_not(smh_room_find(&heap, 1, &chunk));
}
