/* full.c: no slot is left. See full.h. */
#include "full.h"

#include "../stage.h"
#include "unready.h"

#include <smh/shared_multi_heap.h>

/* An attribute that there is not, of a region that only pool.h can add: nothing of it is served,
 * resized or freed by this name, and that is a mistake, no failed request. */
static void judge_stranger(uint8_t *memory, size_t size)
{
    struct smh_region region = {
        .attr = MAX_SHARED_MULTI_HEAP_ATTR, .addr = (uintptr_t)memory, .size = size};
    struct smh_pool *pool = smh_shared_pool();
    enum shared_multi_heap_attr attr = (enum shared_multi_heap_attr)region.attr;
    FUZZ_REQUIRE(smh_pool_init(pool, NULL) == 0 && smh_pool_add(pool, &region) == 0,
                 "the pool is refused");
    void *block = smh_pool_alloc(pool, region.attr, 8);
    FUZZ_REQUIRE(block != NULL && shared_multi_heap_alloc(attr, 8) == NULL &&
                     shared_multi_heap_aligned_alloc(attr, 8, 8) == NULL &&
                     shared_multi_heap_realloc(attr, NULL, 8) == NULL &&
                     shared_multi_heap_realloc(attr, block, 16) == NULL &&
                     shared_multi_heap_realloc(attr, block, 0) == NULL &&
                     smh_pool_verdict(pool, block) == 0 && pool->failed_requests == 0,
                 "an attribute that there is not has a region");
}

void fuzz_judge_full(sys_multi_heap_fn_t choose, size_t bytes, unsigned *panics)
{
    static _Alignas(8) uint8_t spare[SMH_POOL_REGION_COUNT + 1][512];
    struct sys_multi_heap full;
    struct sys_heap heap;
    sys_multi_heap_init(&full, choose);
    *panics = 0;
    smh_sys_heap_init(&heap, spare[0], sizeof(spare[0]), false);
    unsigned room = full.capacity;
    for (unsigned i = 0; i < room; i++) {
        sys_multi_heap_add_heap(&full, &heap, &heap);
    }
    FUZZ_REQUIRE(*panics == 0 && full.nheaps == room, "a multi heap of %u heaps is full at %u",
                 room, full.nheaps);
    sys_multi_heap_add_heap(&full, &heap, &heap);
    FUZZ_REQUIRE(*panics == 1 && full.nheaps == room, "a heap is added to a full multi heap");
    *panics = 0;
    fuzz_judge_least(bytes, Z_HEAP_MIN_SIZE_FOR(bytes), false);
    judge_stranger(spare[0], sizeof(spare[0]));
    FUZZ_REQUIRE(smh_pool_init(smh_shared_pool(), NULL) == 0, "the pool is refused");
    for (size_t i = 0; i <= SMH_POOL_REGION_COUNT; i++) {
        struct shared_multi_heap_region region = {0, (uintptr_t)spare[i], sizeof(spare[i])};
        int code = shared_multi_heap_add(&region, NULL);
        FUZZ_REQUIRE(code == (i < SMH_POOL_REGION_COUNT ? 0 : -ENOMEM), "region %zu gives %d", i,
                     code);
    }
}
