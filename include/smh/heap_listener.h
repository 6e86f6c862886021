/* SPDX-License-Identifier: Apache-2.0 */
/* heap_listener.h: being told of what heaps do, under the names of Zephyr's heap_listener.
 *
 * Owns: the process-wide list of listeners (the one global of the core besides the shared pool).
 * sys_heap notifies: alloc after a block is handed out, free before it is given back, both with
 * the block's usable size; a realloc in place that changed the size: alloc with the new size, then
 * free with the old one, as in Zephyr.
 * Invariants: a listener is the caller's memory, in the list at most once; callbacks come in the
 * order of registration. Not locked: registering, unregistering and operations on listened heaps
 * are the caller's to serialise. A callback may unregister its own listener.
 */
#ifndef SMH_HEAP_LISTENER_H
#define SMH_HEAP_LISTENER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum heap_event_types {
    HEAP_EVT_UNKNOWN = 0, /* a listener of all zero bytes hears nothing */
    HEAP_RESIZE,
    HEAP_ALLOC,
    HEAP_FREE,
    HEAP_REALLOC,
    HEAP_MAX_EVENTS
};

typedef void (*heap_listener_resize_cb_t)(uintptr_t heap_id, void *old_heap_end,
                                          void *new_heap_end);
typedef void (*heap_listener_alloc_cb_t)(uintptr_t heap_id, void *mem, size_t bytes);
typedef void (*heap_listener_free_cb_t)(uintptr_t heap_id, void *mem, size_t bytes);

struct heap_listener {
    struct heap_listener *node; /* the next one; the list's */
    uintptr_t heap_id;          /* whose events: HEAP_ID_FROM_POINTER of a heap, or HEAP_ID_LIBC */
    enum heap_event_types event;
    union {
        heap_listener_alloc_cb_t alloc_cb;
        heap_listener_free_cb_t free_cb;
        heap_listener_resize_cb_t resize_cb;
    };
};

/* To the end of the list; nothing when it is there already, or NULL. */
void heap_listener_register(struct heap_listener *listener);
/* Out of the list; nothing when it is not there. */
void heap_listener_unregister(struct heap_listener *listener);

/* Call every listener of this heap and event. */
void heap_listener_notify_alloc(uintptr_t heap_id, void *mem, size_t bytes);
void heap_listener_notify_free(uintptr_t heap_id, void *mem, size_t bytes);
void heap_listener_notify_resize(uintptr_t heap_id, void *old_heap_end, void *new_heap_end);

#define HEAP_ID_FROM_POINTER(heap_pointer) ((uintptr_t)(heap_pointer))
#define HEAP_ID_LIBC                       ((uintptr_t)0)

#define SMH_HEAP_LISTENER_DEFINE(name, _heap_id, _event, _field, _callback) \
    struct heap_listener name = {NULL, (_heap_id), (_event), {._field = (_callback)}}
#define HEAP_LISTENER_ALLOC_DEFINE(name, _heap_id, _alloc_cb) \
    SMH_HEAP_LISTENER_DEFINE(name, _heap_id, HEAP_ALLOC, alloc_cb, _alloc_cb)
#define HEAP_LISTENER_FREE_DEFINE(name, _heap_id, _free_cb) \
    SMH_HEAP_LISTENER_DEFINE(name, _heap_id, HEAP_FREE, free_cb, _free_cb)
#define HEAP_LISTENER_RESIZE_DEFINE(name, _heap_id, _resize_cb) \
    SMH_HEAP_LISTENER_DEFINE(name, _heap_id, HEAP_RESIZE, resize_cb, _resize_cb)

#ifdef __cplusplus
}
#endif

#endif
