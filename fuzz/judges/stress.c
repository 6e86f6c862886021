/* stress.c: the stress rig, watched. See stress.h. */
#include "stress.h"

#include "../stage.h"

#include <stdlib.h>
#include <string.h>

/* The rig a second time: Zephyr's generator, seed and odds, in plain arithmetic. Blocks in the
 * order in which the rig keeps them: what goes leaves its place to the last. */
static struct {
    uint64_t state;
    uint64_t total;
    uint32_t target;
    size_t slots;
    size_t count;
    uint64_t bytes;
    uint64_t sum;
    struct {
        void *block;
        uint32_t bytes;
    } held[8];
} twin;

static uint32_t twin_random(void)
{
    twin.state = twin.state * UINT64_C(2862933555777941757) + 3037000493u;
    return (uint32_t)(twin.state >> 32);
}

/* Below the target a free has half the chance of the share of it that is in use. */
static bool twin_allocates(void)
{
    uint32_t chance = UINT32_MAX;
    if (twin.count == 0 || twin.count == twin.slots) {
        return twin.count == 0;
    }
    uint32_t percent = (uint32_t)(100 * twin.bytes / twin.total);
    if (percent < twin.target) {
        chance = percent * (0x80000000u / twin.target);
    }
    return twin_random() > chance;
}

static uint32_t twin_size(void)
{
    uint32_t draw = twin_random();
    unsigned zeros = 0;
    while (zeros < 32 && (draw & 0x80000000u >> zeros) == 0) {
        zeros++;
    }
    uint32_t value = twin_random();
    return zeros + 4 >= 32 ? value : value % (16u << zeros);
}

static struct {
    void *blocks[8];
    unsigned served;
    unsigned asked;
    unsigned freed;
} rig;

static void *rig_alloc(void *arg, size_t bytes)
{
    FUZZ_REQUIRE(twin_allocates() && bytes == twin_size(),
                 "step %u of the rig asks for %zu bytes, its twin does not", rig.asked + rig.freed,
                 bytes);
    void *block = sys_heap_alloc(arg, bytes);
    rig.asked++;
    if (block != NULL && twin.count < twin.slots) {
        twin.held[twin.count].block = block;
        twin.held[twin.count++].bytes = (uint32_t)bytes;
        twin.bytes += bytes;
    }
    twin.sum += twin.bytes;
    for (size_t i = 0; block != NULL && i < 8; i++) {
        if (rig.blocks[i] == NULL) {
            rig.blocks[i] = block;
            rig.served++;
            return block;
        }
    }
    FUZZ_REQUIRE(block == NULL, "the rig holds more blocks than its memory has room for");
    return NULL;
}

static void rig_free(void *arg, void *block)
{
    rig.freed++;
    FUZZ_REQUIRE(!twin_allocates(), "step %u of the rig frees, its twin does not",
                 rig.asked + rig.freed - 1);
    size_t choice = twin_random() % twin.count;
    FUZZ_REQUIRE(block == twin.held[choice].block, "the rig frees another block than its twin");
    twin.bytes -= twin.held[choice].bytes;
    twin.held[choice] = twin.held[--twin.count];
    twin.sum += twin.bytes;
    for (size_t i = 0; i < 8; i++) {
        if (rig.blocks[i] == block) {
            rig.blocks[i] = NULL;
            sys_heap_free(arg, block);
            return;
        }
    }
    fuzz_fail("the rig frees what it does not hold");
}

void fuzz_stress(struct sys_heap *heap, size_t bytes, unsigned argument)
{
    struct z_heap_stress_result result;
    size_t slots = 1 + argument % 8;
    unsigned steps = argument / 8 % 64;
    void *scratch = malloc(slots * 16);
    FUZZ_REQUIRE(scratch != NULL, "no memory");
    memset(&rig, 0, sizeof(rig));
    memset(&twin, 0, sizeof(twin));
    twin.state = 123456789;
    twin.total = bytes;
    twin.target = argument / 512 % 100;
    twin.slots = slots;
    sys_heap_stress(rig_alloc, rig_free, heap, bytes, steps, scratch, slots * 16,
                    (int)(argument / 512 % 100), &result);
    free(scratch);
    FUZZ_REQUIRE(result.total_allocs == rig.asked && result.successful_allocs == rig.served &&
                     result.total_frees == rig.freed && rig.asked + rig.freed == steps,
                 "the rig says %u, %u, %u and did %u, %u, %u", result.total_allocs,
                 result.successful_allocs, result.total_frees, rig.asked, rig.served, rig.freed);
    FUZZ_REQUIRE(result.accumulated_in_use_bytes == twin.sum,
                 "the rig says that %llu bytes were in use in all, its twin %llu",
                 (unsigned long long)result.accumulated_in_use_bytes, (unsigned long long)twin.sum);
    for (size_t i = 0; i < 8; i++) {
        sys_heap_free(heap, rig.blocks[i]);
    }
}
