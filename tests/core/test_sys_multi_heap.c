/* test_sys_multi_heap.c: several heaps behind one door, included by Zephyr's path alone.
 *
 *     gap | heaps[0] | gap | heaps[1] | gap | heaps[2] | gap        sorted, whatever the order of
 *                                                                   adding
 */
#include <zephyr/sys/multi_heap.h>

#include "panic_hook.h"

#include <criterion/criterion.h>
#include <string.h>

#define HEAPS      3
#define HEAP_BYTES 512
#define STRIDE     1024

static _Alignas(64) uint8_t memory[HEAPS * STRIDE + STRIDE];
static struct sys_heap heaps[HEAPS];
static struct sys_multi_heap multi;
static int user_data[HEAPS];

static uint8_t *start_of(size_t index)
{
    return memory + STRIDE / 2 + index * STRIDE;
}

/* cfg: the number of the heap to start with; the ones after it are tried too. */
static void *choose(struct sys_multi_heap *mheap, void *cfg, size_t align, size_t size)
{
    cr_assert_eq(mheap, &multi);
    for (size_t i = (size_t)(uintptr_t)cfg; i < HEAPS; i++) {
        void *block = sys_heap_aligned_alloc(&heaps[i], align, size);

        if (block != NULL) {
            return block;
        }
    }
    return NULL;
}

static void *from(size_t index)
{
    return (void *)(uintptr_t)index;
}

static void set_up(void)
{
    static const size_t order[HEAPS] = {1, 2, 0};

    sys_multi_heap_init(&multi, choose);
    for (size_t i = 0; i < HEAPS; i++) {
        sys_heap_init(&heaps[order[i]], start_of(order[i]), HEAP_BYTES);
        sys_multi_heap_add_heap(&multi, &heaps[order[i]], &user_data[order[i]]);
    }
}

Test(sys_multi_heap, before_init_everything_is_null_and_nothing_crashes)
{
    struct panic_notes *panics = panic_hook_arm();

    cr_expect_null(sys_multi_heap_alloc(&multi, NULL, 8));
    cr_expect_null(sys_multi_heap_aligned_alloc(&multi, NULL, 8, 8));
    cr_expect_null(sys_multi_heap_realloc(&multi, NULL, NULL, 8));
    cr_expect_null(sys_multi_heap_get_heap(&multi, memory));
    sys_multi_heap_free(&multi, NULL);
    cr_expect_eq(panics->count, 0);
    sys_multi_heap_free(&multi, memory);
    cr_expect_eq(panics->count, 1);
    sys_heap_init(&heaps[0], start_of(0), HEAP_BYTES);
    sys_multi_heap_add_heap(&multi, &heaps[0], NULL);
    cr_expect_eq(panics->count, 2, "no slots before init");
    cr_expect_null(sys_multi_heap_alloc(NULL, NULL, 8));
    sys_multi_heap_init(&multi, NULL);
    cr_expect_null(sys_multi_heap_alloc(&multi, NULL, 8), "no choice function");
}

Test(sys_multi_heap, heaps_are_kept_by_address_with_their_user_data)
{
    set_up();
    cr_expect_eq(multi.nheaps, HEAPS);
    for (size_t i = 0; i < HEAPS; i++) {
        cr_expect_eq(multi.heaps[i].heap, &heaps[i]);
        cr_expect_eq(multi.heaps[i].user_data, &user_data[i]);
    }
}

Test(sys_multi_heap, both_bounds_of_a_heap_are_checked)
{
    set_up();
    for (size_t i = 0; i < HEAPS; i++) {
        const struct sys_multi_heap_rec *record;

        cr_expect_null(sys_multi_heap_get_heap(&multi, start_of(i) - 1));
        record = sys_multi_heap_get_heap(&multi, start_of(i));
        cr_assert_not_null(record);
        cr_expect_eq(record->heap, &heaps[i]);
        record = sys_multi_heap_get_heap(&multi, start_of(i) + HEAP_BYTES - 1);
        cr_assert_not_null(record);
        cr_expect_eq(record->heap, &heaps[i]);
        cr_expect_null(sys_multi_heap_get_heap(&multi, start_of(i) + HEAP_BYTES));
    }
    cr_expect_null(sys_multi_heap_get_heap(&multi, NULL));
    cr_expect_null(sys_multi_heap_get_heap(&multi, (void *)UINTPTR_MAX));
    cr_expect_null(sys_multi_heap_get_heap(NULL, memory));
}

Test(sys_multi_heap, the_choice_function_decides_and_free_finds_the_way_back)
{
    void *blocks[HEAPS];

    set_up();
    for (size_t i = 0; i < HEAPS; i++) {
        blocks[i] = sys_multi_heap_alloc(&multi, from(i), 200);
        cr_expect_eq(sys_multi_heap_get_heap(&multi, blocks[i])->heap, &heaps[i]);
    }
    cr_expect_eq((uintptr_t)sys_multi_heap_aligned_alloc(&multi, from(0), 64, 8) % 64, 0);
    for (size_t i = 0; i < HEAPS; i++) {
        sys_multi_heap_free(&multi, blocks[i]);
        cr_expect_eq(sys_heap_usable_size(&heaps[i], blocks[i]), 0);
    }
}

Test(sys_multi_heap, a_foreign_pointer_panics_and_changes_nothing)
{
    struct panic_notes *panics = panic_hook_arm();
    static uint8_t image[sizeof(memory)];
    uint8_t elsewhere[8];
    uint8_t *block;

    set_up();
    block = sys_multi_heap_alloc(&multi, from(0), 40);
    memset(block, 0x22, 40);
    memcpy(image, memory, sizeof(memory));
    sys_multi_heap_free(&multi, elsewhere);
    cr_expect_eq(panics->count, 1);
    sys_multi_heap_free(&multi, start_of(2) + HEAP_BYTES + 8);
    cr_expect_eq(panics->count, 2);
    cr_expect_null(sys_multi_heap_realloc(&multi, from(0), elsewhere, 8));
    cr_expect_eq(panics->count, 3);
    cr_expect_null(sys_multi_heap_realloc(&multi, from(0), block + 16, 8));
    cr_expect_eq(panics->count, 4, "inside a heap, but no block: told once");
    cr_expect_null(sys_multi_heap_realloc(&multi, from(0), elsewhere, 0));
    cr_expect_eq(panics->count, 5);
    cr_expect_eq(memcmp(image, memory, sizeof(memory)), 0);
}

Test(sys_multi_heap, realloc_stays_in_the_heap_while_it_can_and_moves_by_choice_then)
{
    uint8_t *block;
    uint8_t *moved;

    set_up();
    block = sys_multi_heap_alloc(&multi, from(0), 100);
    for (size_t i = 0; i < 100; i++) {
        block[i] = (uint8_t)i;
    }
    cr_expect_eq(sys_multi_heap_realloc(&multi, from(2), block, 150), block,
                 "its own heap has room: the choice is not asked");
    cr_assert_not_null(sys_heap_alloc(&heaps[0], 150));
    moved = sys_multi_heap_realloc(&multi, from(1), block, 300);
    cr_assert_not_null(moved);
    cr_expect_eq(sys_multi_heap_get_heap(&multi, moved)->heap, &heaps[1]);
    for (size_t i = 0; i < 100; i++) {
        cr_assert_eq(moved[i], i);
    }
    cr_expect_eq(sys_heap_usable_size(&heaps[0], block), 0, "the old place is free");
    cr_expect_null(sys_multi_heap_realloc(&multi, from(0), moved, 100000));
    cr_expect_null(sys_multi_heap_realloc(&multi, from(1), moved, 100000));
    cr_expect_geq(sys_heap_usable_size(&heaps[1], moved), 300, "kept when nobody has room");
}

Test(sys_multi_heap, a_block_moves_by_choice_to_the_first_heap_too)
{
    uint8_t *block;
    uint8_t *moved;

    set_up();
    block = sys_heap_alloc(&heaps[1], 100);
    cr_assert_not_null(sys_heap_alloc(&heaps[1], 200));
    moved = sys_multi_heap_realloc(&multi, from(0), block, 300);
    cr_assert_eq(sys_multi_heap_get_heap(&multi, moved)->heap, &heaps[0]);
    cr_expect_eq(sys_heap_usable_size(&heaps[1], block), 0, "the old place is free");
}

Test(sys_multi_heap, realloc_keeps_an_alignment)
{
    void *block;

    set_up();
    block = sys_multi_heap_aligned_alloc(&multi, from(0), 64, 50);
    cr_assert_not_null(sys_multi_heap_alloc(&multi, from(0), 20));
    block = sys_multi_heap_aligned_realloc(&multi, from(0), block, 64, 300);
    cr_assert_not_null(block);
    cr_expect_eq((uintptr_t)block % 64, 0);
}

Test(sys_multi_heap, realloc_of_null_allocates_and_to_zero_frees)
{
    void *block;

    set_up();
    block = sys_multi_heap_aligned_realloc(&multi, from(2), NULL, 128, 40);
    cr_assert_eq(sys_multi_heap_get_heap(&multi, block)->heap, &heaps[2], "by choice");
    cr_expect_eq((uintptr_t)block % 128, 0);
    block = sys_multi_heap_realloc(&multi, from(1), NULL, 40);
    cr_assert_eq(sys_multi_heap_get_heap(&multi, block)->heap, &heaps[1], "by choice");
    cr_expect_null(sys_multi_heap_realloc(&multi, from(1), block, 0));
    cr_expect_eq(sys_heap_usable_size(&heaps[1], block), 0);
}

Test(sys_multi_heap, a_heap_that_could_not_be_made_is_not_added)
{
    struct sys_heap tiny;

    set_up();
    sys_heap_init(&tiny, memory, 16);
    sys_multi_heap_add_heap(&multi, &tiny, NULL);
    sys_multi_heap_add_heap(&multi, NULL, NULL);
    sys_multi_heap_add_heap(NULL, &heaps[0], NULL);
    cr_expect_eq(multi.nheaps, HEAPS);
}

Test(sys_multi_heap, a_heap_too_many_panics_and_is_not_added)
{
    struct panic_notes *panics = panic_hook_arm();
    static _Alignas(8) uint8_t many_memory[MAX_MULTI_HEAPS + 1][128];
    static struct sys_heap many[MAX_MULTI_HEAPS + 1];

    sys_multi_heap_init(&multi, choose);
    for (size_t i = 0; i < MAX_MULTI_HEAPS + 1; i++) {
        cr_expect_eq(panics->count, 0);
        sys_heap_init(&many[i], many_memory[i], sizeof(many_memory[i]));
        sys_multi_heap_add_heap(&multi, &many[i], NULL);
    }
    cr_expect_eq(panics->count, 1);
    cr_expect_eq(multi.nheaps, MAX_MULTI_HEAPS);
}
