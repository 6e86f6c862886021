/* listeners.c: the book of events. See listeners.h. */
#include "listeners.h"

#include "../stage.h"

#include <smh/sys_heap.h>

#define ENTRIES 256
#define HEAPS   SMH_FUZZ_REGIONS_MAX

static struct {
    uintptr_t heap_id;
    const void *mem;
    size_t bytes;
} book[ENTRIES];
static size_t entry_count;
static unsigned twice_calls;
static unsigned once_calls;
static unsigned first_calls; /* of the book, for the heap that `twice` hears, too */
static unsigned alloc_calls;
static unsigned free_calls;

static struct heap_listener twice;

/* A listener may look at the block: it is there already, or still. */
static size_t usable_of(uintptr_t heap_id, void *mem)
{
    return sys_heap_usable_size((struct sys_heap *)heap_id, mem);
}

static void note_alloc(uintptr_t heap_id, void *mem, size_t bytes)
{
    alloc_calls++;
    FUZZ_REQUIRE(usable_of(heap_id, mem) == bytes,
                 "listeners are told of %zu bytes at %p, which have %zu", bytes, mem,
                 usable_of(heap_id, mem));
    first_calls += heap_id == twice.heap_id;
    FUZZ_REQUIRE(twice_calls == first_calls,
                 "of two listeners of one heap the first is not called first, and once");
    FUZZ_REQUIRE(entry_count < ENTRIES, "listeners are told of more blocks than there can be");
    book[entry_count].heap_id = heap_id;
    book[entry_count].mem = mem;
    book[entry_count].bytes = bytes;
    entry_count++;
}

/* The entry of the book; entry_count: there is none. */
static size_t find(uintptr_t heap_id, const void *mem, size_t bytes)
{
    size_t i = 0;
    while (i < entry_count &&
           (book[i].mem != mem || book[i].bytes != bytes || book[i].heap_id != heap_id)) {
        i++;
    }
    return i;
}

static void note_free(uintptr_t heap_id, void *mem, size_t bytes)
{
    size_t i = find(heap_id, mem, bytes);
    size_t usable = usable_of(heap_id, mem);
    free_calls++;
    FUZZ_REQUIRE(usable != 0, "listeners are told of the end of %p when it has gone", mem);
    FUZZ_REQUIRE(
        find(heap_id, mem, usable) < entry_count,
        "listeners are told of the end of %zu bytes at %p before they know of the %zu that "
        "are there now",
        bytes, mem, usable);
    FUZZ_REQUIRE(i < entry_count,
                 "listeners are told of the end of %zu bytes at %p, which were "
                 "never begun",
                 bytes, mem);
    book[i] = book[--entry_count];
}

static void note_twice(uintptr_t heap_id, void *mem, size_t bytes)
{
    (void)heap_id;
    (void)mem;
    (void)bytes;
    twice_calls++;
}

static void note_nobody(uintptr_t heap_id, void *mem, size_t bytes)
{
    fuzz_fail("a listener of no heap hears of heap %zx, %p, %zu bytes", (size_t)heap_id, mem,
              bytes);
}

static void note_resize(uintptr_t heap_id, void *old_end, void *new_end)
{
    fuzz_fail("a heap that is never resized tells of it: %zx, %p, %p", (size_t)heap_id, old_end,
              new_end);
}

static void note_once(uintptr_t heap_id, void *mem, size_t bytes);
static void note_once_alloc(uintptr_t heap_id, void *mem, size_t bytes);
static void note_old_end(uintptr_t heap_id, void *old_end, void *new_end);
static void note_new_end(uintptr_t heap_id, void *old_end, void *new_end);

static HEAP_LISTENER_ALLOC_DEFINE(twice, 0, note_twice);
static HEAP_LISTENER_ALLOC_DEFINE(nobody, HEAP_ID_LIBC, note_nobody);
static HEAP_LISTENER_FREE_DEFINE(nobody_frees, 1, note_nobody);
static HEAP_LISTENER_RESIZE_DEFINE(resized, 0, note_resize);
static HEAP_LISTENER_FREE_DEFINE(once, 0, note_once);
static HEAP_LISTENER_ALLOC_DEFINE(once_alloc, 0, note_once_alloc);
static HEAP_LISTENER_RESIZE_DEFINE(old_end_once, 0, note_old_end);
static HEAP_LISTENER_RESIZE_DEFINE(new_end_kept, 0, note_new_end);
static unsigned once_alloc_calls;
static unsigned ends[2]; /* calls of the two */
static struct heap_listener allocs[HEAPS];
static struct heap_listener frees[HEAPS];
static size_t heap_count;

static void note_once(uintptr_t heap_id, void *mem, size_t bytes)
{
    (void)heap_id;
    (void)mem;
    (void)bytes;
    FUZZ_REQUIRE(once_calls++ == 0, "a listener is called after it has left");
    heap_listener_unregister(&once);
}

static void note_once_alloc(uintptr_t heap_id, void *mem, size_t bytes)
{
    (void)heap_id;
    (void)mem;
    (void)bytes;
    FUZZ_REQUIRE(once_alloc_calls++ == 0, "a listener is called after it has left");
    heap_listener_unregister(&once_alloc);
}

static void note_old_end(uintptr_t heap_id, void *old_end, void *new_end)
{
    FUZZ_REQUIRE(heap_id == old_end_once.heap_id && old_end == &ends[0] && new_end == &ends[1],
                 "a resize is told of with other ends");
    ends[0]++;
    heap_listener_unregister(&old_end_once);
}

static void note_new_end(uintptr_t heap_id, void *old_end, void *new_end)
{
    FUZZ_REQUIRE(heap_id == new_end_kept.heap_id && old_end == &ends[0] && new_end == &ends[1],
                 "a resize is told of with other ends");
    ends[1]++;
}

/* Told twice, of which the first listener, who leaves, hears once. */
static void judge_resizes(uintptr_t heap_id)
{
    static struct heap_listener mute; /* it has no function */
    ends[0] = 0;
    ends[1] = 0;
    old_end_once.heap_id = heap_id;
    new_end_kept.heap_id = heap_id;
    mute.heap_id = heap_id;
    heap_listener_register(&old_end_once);
    heap_listener_register(&mute);
    heap_listener_register(&new_end_kept);
    for (int event = HEAP_EVT_UNKNOWN; event <= HEAP_FREE; event++) {
        mute.event = (enum heap_event_types)event;
        heap_listener_notify_resize(heap_id, &ends[0], &ends[1]);
        heap_listener_notify_alloc(heap_id, &ends[0], 8);
        heap_listener_notify_free(heap_id, &ends[0], 8);
    }
    heap_listener_notify_resize(heap_id + 1, &ends[0], &ends[1]);
    heap_listener_notify_resize(HEAP_ID_LIBC, &ends[0], &ends[1]);
    heap_listener_notify_resize(UINTPTR_MAX, &ends[0], &ends[1]);
    heap_listener_unregister(&mute);
    heap_listener_unregister(&new_end_kept);
    FUZZ_REQUIRE(ends[0] == 1 && ends[1] == HEAP_FREE - HEAP_EVT_UNKNOWN + 1,
                 "of resizes one listener hears %u times, one %u times", ends[0], ends[1]);
}

void fuzz_listen_begin(const uintptr_t *heap_ids, size_t count)
{
    heap_count = count;
    entry_count = 0;
    twice_calls = 0;
    once_calls = 0;
    once_alloc_calls = 0;
    first_calls = 0;
    alloc_calls = 0;
    free_calls = 0;
    twice.heap_id = heap_ids[0];
    once.heap_id = heap_ids[0];
    once_alloc.heap_id = heap_ids[0];
    judge_resizes(heap_ids[0]);
    resized.heap_id = heap_ids[0];
    /* Those that try the list stand before, between and behind the others. */
    heap_listener_register(&nobody);
    heap_listener_register(&twice);
    heap_listener_register(&once);
    heap_listener_register(&once_alloc);
    heap_listener_register(NULL);
    for (size_t i = 0; i < count; i++) {
        /* Whatever is in a node before. */
        allocs[i] = (struct heap_listener){
            .node = &twice, .heap_id = heap_ids[i], .event = HEAP_ALLOC, {.alloc_cb = note_alloc}};
        frees[i] = (struct heap_listener){
            .heap_id = heap_ids[i], .event = HEAP_FREE, {.free_cb = note_free}};
        heap_listener_register(&allocs[i]);
        heap_listener_register(&frees[i]);
    }
    /* Each keeps its place: in the order of registering again they would be exchanged. */
    heap_listener_register(&allocs[0]);
    heap_listener_register(&twice);
    heap_listener_register(&nobody_frees);
    heap_listener_register(&resized);
    heap_listener_unregister(&nobody_frees);
    heap_listener_unregister(&nobody_frees);
    heap_listener_register(&nobody_frees);
}

size_t fuzz_listen_bytes(const void *mem)
{
    for (size_t i = 0; i < entry_count; i++) {
        if (book[i].mem == mem) {
            return book[i].bytes;
        }
    }
    return 0;
}

size_t fuzz_listen_count(void)
{
    return entry_count;
}

unsigned fuzz_listen_events(void)
{
    return alloc_calls + free_calls;
}

void fuzz_listen_end(void)
{
    heap_listener_unregister(&twice);
    heap_listener_unregister(&once);
    heap_listener_unregister(&once_alloc);
    heap_listener_unregister(&resized);
    heap_listener_unregister(&nobody);
    for (size_t i = 0; i < heap_count; i++) {
        heap_listener_unregister(&frees[i]);
        heap_listener_unregister(&allocs[heap_count - 1 - i]);
    }
    heap_listener_unregister(&nobody_frees);
    unsigned before = alloc_calls + twice_calls;
    heap_listener_notify_alloc(twice.heap_id, &before, 8);
    heap_listener_notify_free(twice.heap_id, &before, 8);
    heap_listener_notify_resize(twice.heap_id, &before, &before);
    FUZZ_REQUIRE(alloc_calls + twice_calls == before, "a listener is called after all have left");
}
