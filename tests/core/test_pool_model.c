/* test_pool_model.c: random requests over several regions, against the simplest truth.
 *
 * The truth: blocks that should be live with their contents; a NULL is right when no region that
 * matches has a free chunk of the engine's published size.
 */
#include "../../sim/random.h"

#include <criterion/criterion.h>
#include <smh/pool.h>
#include <smh/port.h>
#include <stdlib.h>
#include <string.h>

enum { REGIONS = 5, REGION_BYTES = 6000, BLOCKS = 200 };

struct block {
    uint8_t *at;
    size_t bytes;
    uint8_t seed;
};

struct model {
    struct smh_pool pool;
    struct smh_random random;
    uint8_t *memory[REGIONS];
    struct block blocks[BLOCKS];
    size_t count;
    const char *complaint;
    uint64_t failures;
};

static size_t below(struct model *model, size_t bound)
{
    return (size_t)smh_random_below(&model->random, bound);
}

static void complain(struct model *model, const char *complaint)
{
    if (model->complaint == NULL) {
        model->complaint = complaint;
    }
}

static uint8_t content(const struct block *block, size_t index)
{
    return (uint8_t)(block->seed + index * 7);
}

static void verify(struct model *model, const struct block *block, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (block->at[i] != content(block, i)) {
            complain(model, "contents have changed");
            return;
        }
    }
}

static bool any_matches(const struct model *model, uint32_t attr, size_t align, size_t bytes)
{
    for (size_t i = 0; i < REGIONS; i++) {
        const struct smh_heap *heap = smh_pool_heap_at(&model->pool, i);
        struct smh_chunk chunk = {0};

        if (!model->pool.match(smh_pool_region_at(&model->pool, i)->attr, attr)) {
            continue;
        }
        while (smh_heap_walk(heap, &chunk)) {
            if (!chunk.used && chunk.size >= heap->engine->sufficient_chunk(heap, align, bytes)) {
                return true;
            }
        }
    }
    return false;
}

static void enter(struct model *model, struct block block, uint32_t attr, size_t align, size_t kept)
{
    const struct smh_region *region = smh_pool_region_of(&model->pool, block.at);

    if (region == NULL || !model->pool.match(region->attr, attr)) {
        complain(model, "a block of the wrong attribute");
        return;
    }
    if (align != 0 && (uintptr_t)block.at % align != 0) {
        complain(model, "a block is not aligned");
    }
    if (smh_pool_usable_size(&model->pool, block.at) < block.bytes) {
        complain(model, "a block is too short");
    }
    for (size_t i = 0; i < model->count; i++) {
        if (block.at < model->blocks[i].at + model->blocks[i].bytes &&
            model->blocks[i].at < block.at + block.bytes) {
            complain(model, "two blocks overlap");
        }
    }
    verify(model, &block, kept);
    for (size_t i = 0; i < block.bytes; i++) {
        block.at[i] = content(&block, i);
    }
    model->blocks[model->count++] = block;
}

static struct block take_out(struct model *model)
{
    size_t index = below(model, model->count);
    struct block block = model->blocks[index];

    model->blocks[index] = model->blocks[--model->count];
    return block;
}

static void step(struct model *model)
{
    uint32_t attr = (uint32_t)below(model, 4);
    size_t align = below(model, 3) == 0 ? (size_t)1 << below(model, 9) : 0;
    size_t bytes = 1 + below(model, below(model, 6) == 0 ? 1500 : 100);
    size_t choice = below(model, 10);
    struct block block = {.bytes = bytes, .seed = (uint8_t)smh_random_next(&model->random)};
    size_t kept = 0;

    if (choice >= 7 && model->count != 0) {
        block = take_out(model);
        verify(model, &block, block.bytes);
        if (smh_pool_free(&model->pool, block.at) != 0 ||
            smh_pool_free(&model->pool, block.at) != -EALREADY) {
            complain(model, "a block is freed once, and not twice");
        }
        return;
    }
    if (choice >= 5 && model->count != 0) {
        struct block old = take_out(model);

        block = old;
        block.bytes = bytes;
        block.at = smh_pool_aligned_realloc(&model->pool, attr, old.at, align, bytes);
        kept = old.bytes < bytes ? old.bytes : bytes;
        if (block.at == NULL) {
            verify(model, &old, old.bytes);
            model->blocks[model->count++] = old;
        }
    } else if (model->count < BLOCKS) {
        block.at = smh_pool_aligned_alloc(&model->pool, attr, align, bytes);
    } else {
        return;
    }
    if (block.at != NULL) {
        enter(model, block, attr, align, kept);
        return;
    }
    model->failures++;
    if (any_matches(model, attr, align, bytes)) {
        complain(model, "NULL although a region that matches suffices");
    }
}

static void run(const struct smh_policy *policy, smh_match match, uint64_t seed)
{
    struct model *model = calloc(1, sizeof(*model));
    struct smh_pool_config config = {.policy = policy, .match = match, .threshold_bytes = 80};
    struct smh_stats stats;

    cr_assert_not_null(model);
    smh_random_init(&model->random, seed, 0);
    cr_assert_eq(smh_pool_init(&model->pool, &config), 0);
    for (uint32_t i = 0; i < REGIONS; i++) {
        struct smh_region region = {.attr = i % 4,
                                    .size = REGION_BYTES - 1000 * i,
                                    .engine = smh_engine_at(i % 3),
                                    .metadata_size = 256,
                                    .priority = i * 3 % 4,
                                    .cost = i * 2 % 5};

        model->memory[i] = malloc(REGION_BYTES + 256);
        region.addr = (uintptr_t)model->memory[i];
        region.metadata = model->memory[i] + REGION_BYTES;
        cr_assert_eq(smh_pool_add(&model->pool, &region), 0);
    }
    for (size_t i = 0; i < 4000 && model->complaint == NULL; i++) {
        step(model);
        if (i % 64 == 0 && smh_pool_check(&model->pool, NULL, NULL) != 0) {
            complain(model, "the validator says no");
        }
    }
    cr_assert_eq(smh_pool_stats(&model->pool, SMH_ATTR_ANY, &stats), 0);
    cr_expect_null(model->complaint, "%s, seed %u: %s", policy->name, (unsigned)seed,
                   model->complaint);
    cr_expect(model->complaint != NULL ||
                  (stats.live_blocks == model->count && stats.failed_requests == model->failures),
              "%s, seed %u: counters", policy->name, (unsigned)seed);
    cr_expect_gt(model->failures, 0, "the regions were never full");
    for (size_t i = 0; i < REGIONS; i++) {
        free(model->memory[i]);
    }
    free(model);
}

Test(pool_model, every_policy_and_either_matching_keep_every_promise)
{
    for (size_t i = 0; smh_policy_at(i) != NULL; i++) {
        for (uint64_t seed = 1; seed <= 4; seed++) {
            run(smh_policy_at(i), smh_match_equal, seed);
            run(smh_policy_at(i), smh_match_all_bits, seed);
        }
    }
}
