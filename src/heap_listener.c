/* SPDX-License-Identifier: Apache-2.0 */
/* heap_listener.c: the list of heap listeners.
 *
 * Owns: the list, the one global here; its order is that of registration.
 * Invariants: linked through heap_listener.node, ending in NULL, no listener twice.
 */
#include <smh/heap_listener.h>

#include <stdbool.h>

static struct heap_listener *listeners;

/* The link that points to listener, or the last link, which is NULL. */
static struct heap_listener **link_to(const struct heap_listener *listener)
{
    struct heap_listener **link = &listeners;

    while (*link != NULL && *link != listener) {
        link = &(*link)->node;
    }
    return link;
}

void heap_listener_register(struct heap_listener *listener)
{
    struct heap_listener **link;

    if (listener == NULL) {
        return;
    }
    link = link_to(listener);
    if (*link == NULL) {
        listener->node = NULL;
        *link = listener;
    }
}

void heap_listener_unregister(struct heap_listener *listener)
{
    struct heap_listener **link;

    link = link_to(listener); /* to the end, for NULL */
    if (*link != NULL) {
        *link = listener->node;
        listener->node = NULL;
    }
}

static bool hears(const struct heap_listener *listener, uintptr_t heap_id,
                  enum heap_event_types event)
{
    return listener->heap_id == heap_id && listener->event == event;
}

void heap_listener_notify_alloc(uintptr_t heap_id, void *mem, size_t bytes)
{
    struct heap_listener *next;

    for (struct heap_listener *listener = listeners; listener != NULL; listener = next) {
        next = listener->node; /* the callback may unregister its listener */
        if (hears(listener, heap_id, HEAP_ALLOC) && listener->alloc_cb != NULL) {
            listener->alloc_cb(heap_id, mem, bytes);
        }
    }
}

void heap_listener_notify_free(uintptr_t heap_id, void *mem, size_t bytes)
{
    struct heap_listener *next;

    for (struct heap_listener *listener = listeners; listener != NULL; listener = next) {
        next = listener->node;
        if (hears(listener, heap_id, HEAP_FREE) && listener->free_cb != NULL) {
            listener->free_cb(heap_id, mem, bytes);
        }
    }
}

void heap_listener_notify_resize(uintptr_t heap_id, void *old_heap_end, void *new_heap_end)
{
    struct heap_listener *next;

    for (struct heap_listener *listener = listeners; listener != NULL; listener = next) {
        next = listener->node;
        if (hears(listener, heap_id, HEAP_RESIZE) && listener->resize_cb != NULL) {
            listener->resize_cb(heap_id, old_heap_end, new_heap_end);
        }
    }
}
