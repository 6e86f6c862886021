/* stress.c: the stress rig, watched. See stress.h. */
#include "stress.h"

#include "stage.h"

#include <stdlib.h>
#include <string.h>

static struct {
    void *blocks[8];
    unsigned served;
    unsigned asked;
    unsigned freed;
} rig;

static void *rig_alloc(void *arg, size_t bytes)
{
    void *block = sys_heap_alloc(arg, bytes);
    rig.asked++;
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
    sys_heap_stress(rig_alloc, rig_free, heap, bytes, steps, scratch, slots * 16,
                    (int)(argument / 512 % 100), &result);
    free(scratch);
    FUZZ_REQUIRE(result.total_allocs == rig.asked && result.successful_allocs == rig.served &&
                     result.total_frees == rig.freed && rig.asked + rig.freed == steps,
                 "the rig says %u, %u, %u and did %u, %u, %u", result.total_allocs,
                 result.successful_allocs, result.total_frees, rig.asked, rig.served, rig.freed);
    for (size_t i = 0; i < 8; i++) {
        sys_heap_free(heap, rig.blocks[i]);
    }
}
