/* full.c: no slot is left. See full.h. */
#include "full.h"

#include "../stage.h"
#include "unready.h"

#include <smh/shared_multi_heap.h>

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
    FUZZ_REQUIRE(smh_pool_init(smh_shared_pool(), NULL) == 0, "the pool is refused");
    for (size_t i = 0; i <= SMH_POOL_REGION_COUNT; i++) {
        struct shared_multi_heap_region region = {0, (uintptr_t)spare[i], sizeof(spare[i])};
        int code = shared_multi_heap_add(&region, NULL);
        FUZZ_REQUIRE(code == (i < SMH_POOL_REGION_COUNT ? 0 : -ENOMEM), "region %zu gives %d", i,
                     code);
    }
}
