/* many.c: a pool of up to 800 regions. See many.h.
 *
 *     room     | 0 |.| 1 |.| 2 |.| 3 | ...      64 bytes each, a gap behind each or none at all
 *     added      2     0     3     1            slot numbers: in steps round the room
 */
#include "many.h"

#include "../stage.h"

#include <smh/port.h>

#define REGIONS_MOST 800u
#define REGION_BYTES 64u
#define GAP_BYTES    16u
#define LOOKS        64u
#define BLOCKS       24u

static _Alignas(64) uint8_t room[16 + REGIONS_MOST * (REGION_BYTES + GAP_BYTES)];
static struct smh_pool_slot slots[REGIONS_MOST];
static struct smh_pool pool;

/* The i-th region that is added lies at this place. */
static uint32_t place_of(uint32_t i, uint32_t step, uint32_t count)
{
    return i * step % count;
}

/* A step that meets every place: no divisor in common. */
static uint32_t step_for(uint32_t count, unsigned argument)
{
    uint32_t step = 1 + argument % count;
    for (;; step++) {
        uint32_t left = step;
        uint32_t right = count;
        while (right != 0) {
            uint32_t rest = left % right;
            left = right;
            right = rest;
        }
        if (left == 1) {
            return step;
        }
    }
}

/* Region number `slot` holds its bytes, and neither of its neighbours. */
static void judge_place(uint32_t slot, uint8_t *memory, bool gap)
{
    FUZZ_REQUIRE(smh_pool_index_of(&pool, memory) == (int)slot &&
                     smh_pool_index_of(&pool, memory + REGION_BYTES - 1) == (int)slot,
                 "of %zu regions %u does not hold its ends", smh_pool_region_count(&pool), slot);
    FUZZ_REQUIRE(smh_pool_region_of(&pool, memory + 8) == &slots[slot].region,
                 "of %zu regions %u is another", smh_pool_region_count(&pool), slot);
    int below = smh_pool_index_of(&pool, memory - 1);
    int above = smh_pool_index_of(&pool, memory + REGION_BYTES);
    FUZZ_REQUIRE(gap ? below == -ENOENT && above == -ENOENT
                     : below != (int)slot && above != (int)slot,
                 "of %zu regions %u holds what lies beside it", smh_pool_region_count(&pool), slot);
}

/* The next block comes from the region that has the lowest rank of those that hold none: by fixed
 * policies, as written down here. */
static bool comes_before(const struct smh_policy *policy, uint32_t left, uint32_t right)
{
    const struct smh_region *first = &slots[left].region;
    const struct smh_region *second = &slots[right].region;
    if (policy == &smh_policy_address) {
        return first->addr < second->addr;
    }
    if (policy == &smh_policy_tiered && first->priority != second->priority) {
        return first->priority < second->priority;
    }
    if (policy == &smh_policy_fastest && first->cost != second->cost) {
        return first->cost < second->cost;
    }
    return left < right;
}

/* Each region has room for one such block. */
static void judge_order(const struct smh_policy *policy)
{
    static void *blocks[BLOCKS];
    int last = -1;
    for (unsigned i = 0; i < BLOCKS && i < pool.region_count; i++) {
        blocks[i] = smh_pool_alloc(&pool, 0, REGION_BYTES - 16);
        int served = smh_pool_index_of(&pool, blocks[i]);
        FUZZ_REQUIRE(served >= 0, "of %u regions none serves", pool.region_count);
        FUZZ_REQUIRE(last < 0 || comes_before(policy, (uint32_t)last, (uint32_t)served),
                     "of %u regions %d serves after %d by policy %s", pool.region_count, served,
                     last, policy->name);
        last = served;
    }
    for (unsigned i = 0; i < BLOCKS && i < pool.region_count; i++) {
        FUZZ_REQUIRE(smh_pool_free(&pool, blocks[i]) == 0, "of %u regions none takes a block back",
                     pool.region_count);
    }
}

static void judge_pool(const struct smh_policy *policy, uint32_t count, unsigned argument)
{
    bool gap = argument % 2 == 0;
    uint32_t stride = REGION_BYTES + (gap ? GAP_BYTES : 0);
    uint32_t step = step_for(count, argument / 7);
    const struct smh_pool_config config = {
        .policy = policy, .slots = slots, .slot_count = count, .unlocked = true};
    FUZZ_REQUIRE(smh_pool_init(&pool, &config) == 0, "a pool of %u slots is refused", count);
    for (uint32_t i = 0; i < count; i++) {
        struct smh_region region = {
            .addr = (uintptr_t)room + 16 + (uintptr_t)place_of(i, step, count) * stride,
            .size = REGION_BYTES,
            .engine = &smh_engine_first_fit,
            .cost = i * 7 % 5,
            .priority = i * 5 % 7,
        };
        int code = smh_pool_add(&pool, &region);
        FUZZ_REQUIRE(code == 0, "region %u of %u gives %d", i, count, code);
        if (i + 1 == count || (i & (i + 1)) == 0 || i == argument % count) {
            judge_place(i, (uint8_t *)region.addr, gap);
        }
    }
    for (uint32_t look = 0; look < LOOKS; look++) {
        uint32_t i = (argument + look * 101u) % count;
        judge_place(i, room + 16 + (size_t)place_of(i, step, count) * stride, gap);
    }
    if (policy->fixed) {
        judge_order(policy);
    }
}

/* Turns go on in their order where their numbers are used up, and all begin anew. */
static void judge_turns(unsigned argument)
{
    const struct smh_pool_config config = {
        .policy = &smh_policy_round_robin, .slots = slots, .slot_count = 3, .unlocked = true};
    uint64_t turn = UINT32_MAX - argument % 16;
    uint64_t last[3] = {0};
    FUZZ_REQUIRE(smh_pool_init(&pool, &config) == 0, "a pool of 3 slots is refused");
    for (uint32_t i = 0; i < 3; i++) {
        struct smh_region region = {.addr = (uintptr_t)room + 16 + (uintptr_t)i * REGION_BYTES,
                                    .size = REGION_BYTES,
                                    .engine = &smh_engine_first_fit};
        FUZZ_REQUIRE(smh_pool_add(&pool, &region) == 0, "a region is refused");
    }
    pool.turn = (uint32_t)turn;
    for (unsigned i = 0; i < 40; i++) {
        int expected = last[1] < last[0] ? 1 : 0;
        expected = last[2] < last[expected] ? 2 : expected;
        void *block = smh_pool_alloc(&pool, 0, 8);
        FUZZ_REQUIRE(smh_pool_index_of(&pool, block) == expected,
                     "at turn %llu region %d serves, it is the turn of %d",
                     (unsigned long long)turn, smh_pool_index_of(&pool, block), expected);
        FUZZ_REQUIRE(smh_pool_free(&pool, block) == 0, "a block cannot be freed");
        if (turn == UINT32_MAX) {
            turn = 0;
            memset(last, 0, sizeof(last));
        }
        last[expected] = ++turn;
    }
}

/* What pool.h says of a policy: the region with the least of it comes first. */
static uint64_t rank_of(const struct smh_policy *policy, const struct smh_pool_slot *slot,
                        size_t bytes)
{
    const struct smh_heap *heap = &slot->heap;
    uint64_t largest = heap->engine->largest_free(heap);
    if (policy == &smh_policy_smallest_region) {
        return slot->region.size;
    }
    if (policy == &smh_policy_most_free) {
        return UINT64_MAX - (heap->capacity_bytes - heap->used_bytes);
    }
    return largest >= bytes ? largest : UINT64_MAX - largest;
}

/* Three regions of nearly one size, of which each engine leaves more or less: who comes first
 * serves, if it has room. */
static void judge_ranks(const struct smh_policy *policy, unsigned argument)
{
    const struct smh_pool_config config = {
        .policy = policy, .slots = slots, .slot_count = 3, .unlocked = true};
    FUZZ_REQUIRE(smh_pool_init(&pool, &config) == 0, "a pool of 3 slots is refused");
    for (unsigned i = 0; i < 3; i++) {
        struct smh_region region = {.addr = (uintptr_t)room + 16 + (uintptr_t)i * 4096,
                                    .size = 2048 + (size_t)(argument >> 3 * i) % 8 * 8};
        unsigned number = (argument >> (9 + 2 * i)) % 8;
        while (smh_engine_at(number) == NULL) {
            number--;
        }
        region.engine = smh_engine_at(number);
        FUZZ_REQUIRE(smh_pool_add(&pool, &region) == 0, "a region is refused");
    }
    for (unsigned i = 0; i < BLOCKS; i++) {
        const struct smh_heap *chosen = &slots[(argument + i) % 3].heap;
        struct smh_operation operation = {.kind = SMH_OPERATION_ALLOC,
                                          .bytes = 1 + argument / 8 * (i + 1) % 200};
        if (i % 4 == 3 && chosen->engine->largest_free(chosen) != 0) {
            operation.bytes = chosen->engine->largest_free(chosen);
        }
        unsigned first = 0;
        for (unsigned k = 1; k < 3; k++) {
            bool before = rank_of(policy, &slots[k], (size_t)operation.bytes) <
                          rank_of(policy, &slots[first], (size_t)operation.bytes);
            first = before ? k : first;
        }
        bool room_left = fuzz_has_room(&slots[first].heap, &operation);
        void *block = smh_pool_alloc(&pool, 0, (size_t)operation.bytes);
        FUZZ_REQUIRE(!room_left || smh_pool_index_of(&pool, block) == (int)first,
                     "request %u, of %llu bytes, by policy %s: region %d serves, %u comes first", i,
                     (unsigned long long)operation.bytes, policy->name,
                     smh_pool_index_of(&pool, block), first);
    }
}

void fuzz_judge_many(const struct smh_policy *policy, unsigned argument)
{
    static bool judged;
    if (!judged) { /* the largest, which take their time */
        judged = true;
        judge_pool(&smh_policy_address, 300, 2001);
        judge_pool(&smh_policy_tiered, 512, 4242);
        judge_pool(&smh_policy_fastest, REGIONS_MOST, 777);
    }
    judge_turns(argument);
    judge_ranks(&smh_policy_smallest_region, argument);
    judge_ranks(&smh_policy_most_free, argument);
    judge_ranks(&smh_policy_best_fit, argument);
    judge_pool(policy, 1 + argument / 8 % 63, argument);
}
