/* SPDX-License-Identifier: Apache-2.0 */
/* shared_multi_heap.c: the process-wide pool, under Zephyr's names.
 *
 * Owns: the one static pool. Its own lock, open while it is all zero, makes its initialisation
 * happen once. Invariants: an attribute out of bounds reaches no region; misuse of a pointer is
 * reported by smh_port_panic, with no lock held, and has changed nothing.
 */
#include "pool_private.h"

#include <smh/shared_multi_heap.h>

static struct smh_pool shared_pool;

struct smh_pool *smh_shared_pool(void)
{
    return &shared_pool;
}

static bool attr_in_bounds(uint32_t attr)
{
    return attr < (uint32_t)MAX_SHARED_MULTI_HEAP_ATTR;
}

static void report_misuse(const char *function, int verdict, const void *block)
{
    const char *what = "the address is not the start of a block";

    if (verdict == -ENOENT) {
        what = "the address lies in no region";
    } else if (verdict == -EALREADY) {
        what = "the address lies in free space (freed before?)";
    }
    smh_port_panic(function, what, block);
}

int shared_multi_heap_pool_init(void)
{
    int result = -EALREADY;

    smh_port_lock(&shared_pool.lock);
    if (!smh_pool_ready(&shared_pool)) {
        smh_pool_begin(&shared_pool);
        result = 0;
    }
    smh_port_unlock(&shared_pool.lock);
    return result;
}

int shared_multi_heap_add(struct shared_multi_heap_region *region, void *user_data)
{
    struct smh_region added = {0};
    int result;

    if (region == NULL || !attr_in_bounds(region->attr)) {
        return -EINVAL;
    }
    added.attr = region->attr;
    added.addr = region->addr;
    added.size = region->size;
    added.user_data = user_data;
    result = smh_pool_add(&shared_pool, &added);
    if (result == 0) {
        return 0;
    }
    return result == -ENOSPC ? -ENOMEM : -EINVAL;
}

void *shared_multi_heap_alloc(enum shared_multi_heap_attr attr, size_t bytes)
{
    return shared_multi_heap_aligned_alloc(attr, 0, bytes);
}

void *shared_multi_heap_aligned_alloc(enum shared_multi_heap_attr attr, size_t align, size_t bytes)
{
    if (!attr_in_bounds((uint32_t)attr)) {
        return NULL;
    }
    return smh_pool_aligned_alloc(&shared_pool, (uint32_t)attr, align, bytes);
}

void *shared_multi_heap_realloc(enum shared_multi_heap_attr attr, void *ptr, size_t bytes)
{
    void *block;
    int verdict;

    if (!attr_in_bounds((uint32_t)attr)) {
        return NULL;
    }
    if (bytes == 0) {
        verdict = smh_pool_free(&shared_pool, ptr);
        if (verdict != 0) {
            report_misuse(__func__, verdict, ptr);
        }
        return NULL;
    }
    block = smh_pool_realloc(&shared_pool, (uint32_t)attr, ptr, bytes);
    if (block == NULL && ptr != NULL) {
        /* No room, or no block? A block is still there, as it was. */
        verdict = smh_pool_verdict(&shared_pool, ptr);
        if (verdict != 0) {
            report_misuse(__func__, verdict, ptr);
        }
    }
    return block;
}

void shared_multi_heap_free(void *block)
{
    int verdict = smh_pool_free(&shared_pool, block);

    if (verdict != 0) {
        report_misuse(__func__, verdict, block);
    }
}
