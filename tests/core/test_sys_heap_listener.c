/* test_sys_heap_listener.c: what listeners are told, in which order, and of which heap.
 *
 *     alloc -> "a 40"     realloc in place -> "a 96", "f 40"     free -> "f 96"
 */
#include <zephyr/sys/heap_listener.h>
#include <zephyr/sys/sys_heap.h>

#include <criterion/criterion.h>

struct note {
    char kind; /* a, f or r */
    uintptr_t heap_id;
    void *mem;
    size_t bytes;
};

static _Alignas(8) uint8_t region[2048];
static struct sys_heap heap;
static struct note notes[16];
static size_t note_count;

static void take_note(char kind, uintptr_t heap_id, void *mem, size_t bytes)
{
    cr_assert_lt(note_count, 16);
    notes[note_count] = (struct note){kind, heap_id, mem, bytes};
    note_count++;
}

static void on_alloc(uintptr_t heap_id, void *mem, size_t bytes)
{
    take_note('a', heap_id, mem, bytes);
}

static void on_free(uintptr_t heap_id, void *mem, size_t bytes)
{
    take_note('f', heap_id, mem, bytes);
}

static void on_resize(uintptr_t heap_id, void *old_end, void *new_end)
{
    take_note('r', heap_id, old_end, (size_t)((uintptr_t)new_end - (uintptr_t)old_end));
}

static HEAP_LISTENER_ALLOC_DEFINE(alloc_listener, HEAP_ID_FROM_POINTER(&heap), on_alloc);
static HEAP_LISTENER_FREE_DEFINE(free_listener, HEAP_ID_FROM_POINTER(&heap), on_free);
static HEAP_LISTENER_RESIZE_DEFINE(resize_listener, HEAP_ID_LIBC, on_resize);

static void listen(void)
{
    sys_heap_init(&heap, region, sizeof(region));
    heap_listener_register(&alloc_listener);
    heap_listener_register(&free_listener);
}

static void expect_note(size_t index, char kind, const void *mem, size_t bytes)
{
    cr_assert_gt(note_count, index);
    cr_expect_eq(notes[index].kind, kind, "note %zu is %c", index, notes[index].kind);
    cr_expect_eq(notes[index].heap_id, HEAP_ID_FROM_POINTER(&heap));
    cr_expect_eq(notes[index].mem, mem);
    cr_expect_eq(notes[index].bytes, bytes, "note %zu: %zu bytes", index, notes[index].bytes);
}

Test(heap_listener, alloc_and_free_are_told_with_the_usable_size)
{
    void *block;
    size_t usable;

    listen();
    block = sys_heap_aligned_alloc(&heap, 128, 33);
    usable = sys_heap_usable_size(&heap, block);
    sys_heap_free(&heap, block);
    cr_assert_eq(note_count, 2);
    expect_note(0, 'a', block, usable);
    expect_note(1, 'f', block, usable);
}

Test(heap_listener, a_realloc_in_place_is_told_as_alloc_then_free_and_only_when_the_size_changes)
{
    void *block;
    size_t before;

    listen();
    block = sys_heap_alloc(&heap, 100);
    before = sys_heap_usable_size(&heap, block);
    note_count = 0;
    cr_assert_eq(sys_heap_realloc(&heap, block, before), block);
    cr_assert_eq(sys_heap_realloc(&heap, block, before - 1), block);
    cr_expect_eq(note_count, 0, "the same chunk");
    cr_assert_eq(sys_heap_realloc(&heap, block, 400), block);
    cr_assert_eq(note_count, 2);
    expect_note(0, 'a', block, sys_heap_usable_size(&heap, block));
    expect_note(1, 'f', block, before);
    before = sys_heap_usable_size(&heap, block);
    cr_assert_eq(sys_heap_realloc(&heap, block, 10), block);
    cr_assert_eq(note_count, 4);
    expect_note(2, 'a', block, sys_heap_usable_size(&heap, block));
    expect_note(3, 'f', block, before);
}

Test(heap_listener, a_realloc_that_moves_is_told_as_alloc_of_the_new_and_free_of_the_old)
{
    void *block;
    void *moved;

    listen();
    block = sys_heap_alloc(&heap, 100);
    cr_assert_not_null(sys_heap_alloc(&heap, 8));
    note_count = 0;
    moved = sys_heap_realloc(&heap, block, 300);
    cr_assert_eq(note_count, 2);
    expect_note(0, 'a', moved, sys_heap_usable_size(&heap, moved));
    cr_expect_eq(notes[1].kind, 'f');
    cr_expect_eq(notes[1].mem, block);
}

Test(heap_listener, a_refused_request_is_not_told)
{
    listen();
    cr_expect_null(sys_heap_alloc(&heap, 1000000));
    cr_expect_null(sys_heap_alloc(&heap, 0));
    sys_heap_free(&heap, NULL);
    cr_expect_eq(note_count, 0);
}

Test(heap_listener, another_heap_is_not_heard)
{
    static _Alignas(8) uint8_t memory[512];
    struct sys_heap other;

    listen();
    sys_heap_init(&other, memory, sizeof(memory));
    sys_heap_free(&other, sys_heap_alloc(&other, 10));
    cr_expect_eq(note_count, 0);
}

Test(heap_listener, registering_twice_is_hearing_once_and_unregistering_ends_it)
{
    listen();
    heap_listener_register(&alloc_listener);
    cr_assert_not_null(sys_heap_alloc(&heap, 10));
    cr_expect_eq(note_count, 1);
    heap_listener_unregister(&alloc_listener);
    heap_listener_unregister(&alloc_listener);
    cr_assert_not_null(sys_heap_alloc(&heap, 10));
    cr_expect_eq(note_count, 1);
    heap_listener_register(NULL);
    heap_listener_unregister(NULL);
}

Test(heap_listener, a_listener_of_zero_bytes_hears_nothing)
{
    static struct heap_listener empty;

    listen();
    empty.heap_id = HEAP_ID_FROM_POINTER(&heap);
    heap_listener_register(&empty);
    sys_heap_free(&heap, sys_heap_alloc(&heap, 10));
    cr_expect_eq(note_count, 2, "the two others");
    empty.event = HEAP_ALLOC; /* and no callback */
    cr_assert_not_null(sys_heap_alloc(&heap, 10));
    cr_expect_eq(note_count, 3);
}

static struct heap_listener once;

static void once_only(uintptr_t heap_id, void *mem, size_t bytes)
{
    take_note('a', heap_id, mem, bytes);
    heap_listener_unregister(&once);
}

Test(heap_listener, a_callback_may_take_its_own_listener_out)
{
    sys_heap_init(&heap, region, sizeof(region));
    once.heap_id = HEAP_ID_FROM_POINTER(&heap);
    once.event = HEAP_ALLOC;
    once.alloc_cb = once_only;
    heap_listener_register(&once);
    heap_listener_register(&alloc_listener);
    cr_assert_not_null(sys_heap_alloc(&heap, 10));
    cr_expect_eq(note_count, 2, "the one behind it is told too");
    cr_assert_not_null(sys_heap_alloc(&heap, 10));
    cr_expect_eq(note_count, 3);
}

Test(heap_listener, a_resize_reaches_those_that_listen_for_it)
{
    heap_listener_register(&resize_listener);
    heap_listener_register(&alloc_listener);
    heap_listener_notify_resize(HEAP_ID_LIBC, region, region + 100);
    heap_listener_notify_resize(HEAP_ID_FROM_POINTER(&heap), region, region + 100);
    cr_assert_eq(note_count, 1);
    cr_expect_eq(notes[0].kind, 'r');
    cr_expect_eq(notes[0].bytes, 100);
}
