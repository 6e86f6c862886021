/* test_sys_heap_edges.c: Zephyr's heap functions where their callers are careless: listeners twice
 * registered or unknown, heaps half initialised, copies between heaps that must not overflow.
 */
#include "panic_hook.h"

#include <criterion/criterion.h>
#include <smh/engine.h>
#include <smh/heap.h>
#include <smh/pool.h>
#include <string.h>
#include <zephyr/sys/heap_listener.h>
#include <zephyr/sys/multi_heap.h>
#include <zephyr/sys/sys_heap.h>

static int heard[4];

static void hear_alloc(uintptr_t heap_id, void *mem, size_t bytes)
{
    (void)mem;
    (void)bytes;
    heard[heap_id % 4]++;
}

static void hear_other(uintptr_t heap_id, void *mem, size_t bytes)
{
    (void)heap_id;
    (void)mem;
    (void)bytes;
    heard[3]++;
}

static HEAP_LISTENER_ALLOC_DEFINE(one, 1, hear_alloc);
static HEAP_LISTENER_ALLOC_DEFINE(two, 2, hear_alloc);
static HEAP_LISTENER_FREE_DEFINE(deaf_free, 1, NULL);
static HEAP_LISTENER_RESIZE_DEFINE(deaf_resize, 1, NULL);
static HEAP_LISTENER_ALLOC_DEFINE(deaf_alloc, 1, NULL);
static HEAP_LISTENER_FREE_DEFINE(other, 1, hear_other);

Test(listener_edges, one_registered_again_keeps_its_place_and_those_behind_it)
{
    heap_listener_register(&one);
    heap_listener_register(&two);
    heap_listener_register(&one);
    heap_listener_notify_alloc(1, NULL, 0);
    heap_listener_notify_alloc(2, NULL, 0);
    cr_expect_eq(heard[1], 1);
    cr_expect_eq(heard[2], 1);
    cr_expect_eq(one.node, &two);
    cr_expect_null(two.node);
}

Test(listener_edges, whatever_its_link_held_a_listener_is_the_last)
{
    two.node = &other;
    heap_listener_register(&two);
    cr_expect_null(two.node);
    heap_listener_notify_free(1, NULL, 0);
    cr_expect_eq(heard[3], 0);
}

Test(listener_edges, an_unknown_one_is_not_taken_out_and_brings_nothing_in)
{
    heap_listener_register(&one);
    two.node = &other;
    heap_listener_unregister(&two);
    heap_listener_notify_free(1, NULL, 0);
    cr_expect_eq(heard[3], 0);
    cr_expect_eq(two.node, &other, "it is not touched");
    cr_expect_null(one.node);
}

Test(listener_edges, one_taken_out_is_linked_to_nothing)
{
    heap_listener_register(&one);
    heap_listener_register(&two);
    heap_listener_unregister(&one);
    cr_expect_null(one.node);
    heap_listener_notify_alloc(1, NULL, 0);
    heap_listener_notify_alloc(2, NULL, 0);
    cr_expect_eq(heard[1], 0);
    cr_expect_eq(heard[2], 1);
}

Test(listener_edges, none_is_heard_of_another_heap_and_one_without_callback_is_deaf)
{
    heap_listener_register(&one);
    heap_listener_register(&deaf_alloc);
    heap_listener_register(&deaf_free);
    heap_listener_register(&deaf_resize);
    heap_listener_notify_alloc(0, NULL, 0);
    heap_listener_notify_alloc(2, NULL, 0);
    cr_expect_eq(heard[1], 0);
    heap_listener_notify_alloc(1, NULL, 0);
    heap_listener_notify_free(1, NULL, 0);
    heap_listener_notify_resize(1, NULL, NULL);
    cr_expect_eq(heard[1], 1);
}

Test(tables, nothing_is_found_behind_their_ends)
{
    size_t engines = 0;
    size_t policies = 0;

    while (smh_engine_at(engines) != NULL) {
        engines++;
    }
    while (smh_policy_at(policies) != NULL) {
        policies++;
    }
    cr_assert(engines >= 8 && policies >= 5);
    for (size_t i = 0; i < 200; i++) {
        cr_assert_null(smh_engine_at(engines + i));
        cr_assert_null(smh_policy_at(policies + i));
    }
    cr_assert_null(smh_engine_at(SIZE_MAX));
    cr_assert_null(smh_policy_at(SIZE_MAX / 8));
}

static _Alignas(64) uint8_t region[2][1024];
static struct sys_heap heaps[2];

static void make_heaps(void)
{
    sys_heap_init(&heaps[0], region[0], sizeof(region[0]));
    sys_heap_init(&heaps[1], region[1], sizeof(region[1]));
}

Test(sys_heap_edges, half_a_heap_is_none, .init = make_heaps)
{
    struct sys_heap half = heaps[0];
    struct panic_notes *notes = panic_hook_arm();
    void *block = sys_heap_alloc(&heaps[0], 20);

    half.heap = NULL;
    cr_expect_null(sys_heap_alloc(&half, 20));
    memset(&half, 0, sizeof(half));
    half.heap = heaps[0].heap;
    cr_expect_null(sys_heap_alloc(&half, 20));
    sys_heap_free(&half, block);
    cr_expect_eq(notes->count, 1);
    cr_expect_str_eq(notes->what, "the heap is not initialised");
    cr_expect_not(sys_heap_validate(&half));
    sys_heap_free(&heaps[0], region[1] + 512);
    cr_expect_str_eq(notes->what, "the address lies outside the heap");
    sys_heap_free(&heaps[0], region[0] + sizeof(region[0]));
    cr_expect_str_eq(notes->what, "the address lies outside the heap");
    cr_expect_eq(notes->count, 3);
}

static uint64_t failures(const struct sys_heap *heap)
{
    struct smh_stats stats;

    smh_heap_stats(&heap->smh, &stats);
    return stats.failed_requests;
}

Test(sys_heap_edges, what_is_refused_for_want_of_memory_is_counted, .init = make_heaps)
{
    cr_expect_null(sys_heap_alloc(&heaps[0], 5000));
    cr_expect_eq(failures(&heaps[0]), 1);
    cr_expect_null(sys_heap_aligned_alloc(&heaps[0], 512, 1000));
    cr_expect_eq(failures(&heaps[0]), 2);
    cr_expect_null(sys_heap_alloc(&heaps[0], 0));
    cr_expect_eq(failures(&heaps[0]), 2, "no bytes, no request");
}

static void *choose(struct sys_multi_heap *mheap, void *cfg, size_t align, size_t size)
{
    (void)mheap;
    return sys_heap_aligned_alloc(cfg, align, size);
}

Test(multi_heap_edges, a_block_that_moves_to_another_heap_takes_its_bytes_and_no_more,
     .init = make_heaps)
{
    for (size_t wanted = 1; wanted < 600; wanted += 37) {
        static struct sys_multi_heap multi;
        uint8_t *blocks[2];
        uint8_t *moved;
        size_t kept;

        make_heaps();
        memset(&multi, 0xff, sizeof(multi));
        sys_multi_heap_init(&multi, choose);
        sys_multi_heap_add_heap(&multi, &heaps[1], NULL);
        sys_multi_heap_add_heap(&multi, &heaps[0], NULL);
        cr_assert_eq(sys_multi_heap_get_heap(&multi, region[0] + 512)->heap, &heaps[0]);
        blocks[0] = sys_heap_alloc(&heaps[0], 20); /* so that the next is at no multiple of 256 */
        blocks[1] = sys_heap_alloc(&heaps[0], 300);
        while (sys_heap_alloc(&heaps[0], 1) != NULL) {
        }
        memset(blocks[1], 0x5a, 300);
        cr_assert_not_null(blocks[0]);
        moved = sys_multi_heap_aligned_realloc(&multi, &heaps[1], blocks[1], 256, wanted);
        cr_assert_not_null(moved);
        cr_assert(moved >= region[1] && moved < region[1] + sizeof(region[1]));
        kept = wanted < 300 ? wanted : 300;
        for (size_t i = 0; i < kept; i++) {
            cr_assert_eq(moved[i], 0x5a);
        }
        cr_assert(sys_heap_validate(&heaps[0]));
        cr_assert(sys_heap_validate(&heaps[1]));
        cr_assert_eq(sys_heap_usable_size(&heaps[0], blocks[1]), 0, "it was given back");
    }
}

Test(multi_heap_edges, reallocating_to_one_byte_is_no_free_and_to_none_is, .init = make_heaps)
{
    static struct sys_multi_heap multi;
    void *block;

    sys_multi_heap_init(&multi, choose);
    sys_multi_heap_add_heap(&multi, &heaps[0], NULL);
    block = sys_multi_heap_alloc(&multi, &heaps[0], 20);
    cr_expect_eq(sys_multi_heap_realloc(&multi, &heaps[0], block, 1), block);
    cr_expect_null(sys_multi_heap_realloc(&multi, &heaps[0], block, 0));
    cr_expect_eq(heaps[0].smh.live_blocks, 0);
}

Test(multi_heap_edges, misuse_names_the_function_and_the_reason_in_this_order, .init = make_heaps)
{
    static struct sys_multi_heap multi;
    struct panic_notes *notes = panic_hook_arm();
    int nowhere;

    smh_multi_heap_init(NULL, choose, 1);
    sys_multi_heap_init(&multi, choose);
    sys_multi_heap_free(&multi, &nowhere);
    cr_expect_str_eq(notes->function, "sys_multi_heap_free");
    cr_expect_str_eq(notes->what, "the address lies in no heap");
    multi.capacity = 0;
    sys_multi_heap_add_heap(&multi, &heaps[0], NULL);
    cr_expect_str_eq(notes->function, "sys_multi_heap_add_heap");
    cr_expect_str_eq(notes->what, "no slot is left, or the multi heap is not initialised");
    cr_expect_eq(notes->count, 2);
}

static size_t align_asked_for;

static void *note_alignment(struct sys_multi_heap *mheap, void *cfg, size_t align, size_t size)
{
    (void)mheap;
    align_asked_for = align;
    return sys_heap_aligned_alloc(cfg, align, size);
}

Test(multi_heap_edges, who_asks_for_no_alignment_has_none_passed_on, .init = make_heaps)
{
    static struct sys_multi_heap multi;

    sys_multi_heap_init(&multi, note_alignment);
    sys_multi_heap_add_heap(&multi, &heaps[0], NULL);
    align_asked_for = 77;
    cr_assert_not_null(sys_multi_heap_alloc(&multi, &heaps[0], 8));
    cr_assert_eq(align_asked_for, 0);
}

/* What a larger block has beyond the old one is not written. */
Test(multi_heap_edges, no_byte_beyond_the_old_block_is_copied, .init = make_heaps)
{
    static struct sys_multi_heap multi;
    uint8_t *block;
    uint8_t *moved;

    memset(region[0], 0x11, sizeof(region[0]));
    memset(region[1], 0x22, sizeof(region[1]));
    make_heaps();
    sys_multi_heap_init(&multi, choose);
    sys_multi_heap_add_heap(&multi, &heaps[0], NULL);
    sys_multi_heap_add_heap(&multi, &heaps[1], NULL);
    block = sys_heap_alloc(&heaps[0], 40);
    while (sys_heap_alloc(&heaps[0], 1) != NULL) {
    }
    memset(block, 0x5a, 40);
    moved = sys_multi_heap_aligned_realloc(&multi, &heaps[1], block, 0, 200);
    cr_assert_not_null(moved);
    for (size_t i = 0; i < 200; i++) {
        cr_assert(i < 8 || moved[i] == (i < 40 ? 0x5a : 0x22), "%zu", i);
    }
}
