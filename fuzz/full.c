/* full.c: no slot is left. See full.h. */
#include "full.h"

#include "stage.h"

#include <smh/shared_multi_heap.h>

void fuzz_judge_full(sys_multi_heap_fn_t choose, unsigned *panics)
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
    FUZZ_REQUIRE(smh_pool_init(smh_shared_pool(), NULL) == 0, "the pool is refused");
    for (size_t i = 0; i <= SMH_POOL_REGION_COUNT; i++) {
        struct shared_multi_heap_region region = {0, (uintptr_t)spare[i], sizeof(spare[i])};
        int code = shared_multi_heap_add(&region, NULL);
        FUZZ_REQUIRE(code == (i < SMH_POOL_REGION_COUNT ? 0 : -ENOMEM), "region %zu gives %d", i,
                     code);
    }
}

void fuzz_judge_pool_init(void)
{
    static struct smh_pool pool;
    static struct smh_pool_slot slots[2];
    static const struct smh_policy no_rank = {.name = "none"};
    struct smh_stats stats;
    const struct smh_pool_config refused[] = {
        {.slots = slots, .slot_count = 0},
        {.slots = slots, .slot_count = 65536},
        {.slots = slots, .slot_count = SIZE_MAX},
        {.policy = &no_rank},
    };
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        FUZZ_REQUIRE(smh_pool_init(&pool, NULL) == 0, "a pool with the defaults is refused");
        FUZZ_REQUIRE(smh_pool_init(&pool, &refused[i]) == -EINVAL,
                     "configuration %zu is not refused", i);
        FUZZ_REQUIRE(smh_pool_alloc(&pool, 0, 8) == NULL && smh_pool_region_count(&pool) == 0 &&
                         smh_pool_stats(&pool, SMH_ATTR_ANY, &stats) == -EINVAL &&
                         smh_pool_check(&pool, NULL, NULL) == -EINVAL &&
                         smh_pool_free(&pool, &stats) == -ENOENT,
                     "a refused pool serves");
    }
    FUZZ_REQUIRE(smh_pool_init(NULL, NULL) == -EINVAL, "NULL is a pool");
}
