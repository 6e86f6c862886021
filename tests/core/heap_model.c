/* heap_model.c: see heap_model.h.
 *
 *     heap      | A A A A |       | B B |           |       what the heap says
 *     model       A              B                          blocks[], contents by seed
 *                 '- disjoint, aligned, long enough, unchanged -'
 */
#include "heap_model.h"

#include <errno.h>
#include <string.h>

#define SEED_STRIDE ((size_t)67)

static void complain(struct heap_model *model, const char *complaint)
{
    if (model->complaint == NULL) {
        model->complaint = complaint;
    }
}

/* What blocks hold is a piece of this, from another place for each seed, and not worked out byte by
 * byte: all live blocks are compared with it after each step. */
static uint8_t noise[HEAP_MODEL_BYTES + 256 * SEED_STRIDE];

static const uint8_t *content(const struct heap_model_block *block)
{
    return noise + (size_t)block->seed * SEED_STRIDE;
}

static void make_noise(void)
{
    static bool made;
    struct smh_random random;

    smh_random_init(&random, 1, 0);
    for (size_t i = 0; !made && i < sizeof(noise); i++) {
        noise[i] = (uint8_t)smh_random_next(&random);
    }
    made = true;
}

static void verify(struct heap_model *model, const struct heap_model_block *block, size_t bytes)
{
    if (memcmp(block->at, content(block), bytes) != 0) {
        complain(model, "a block's contents have changed");
    }
}

/* Chunks of a heap in which nothing is in use; 0 when something is, or free bytes are missing. */
static size_t count_free_chunks(const struct smh_heap *heap)
{
    struct smh_chunk chunk = {0};
    size_t bytes = 0;
    size_t count = 0;

    while (smh_heap_walk(heap, &chunk)) {
        if (chunk.used) {
            return 0;
        }
        bytes += chunk.size;
        count++;
    }
    return bytes == heap->capacity_bytes ? count : 0;
}

void heap_model_init(struct heap_model *model, struct smh_heap *heap, uint64_t seed)
{
    memset(model, 0, sizeof(*model));
    model->heap = heap;
    model->waste_max = 48;
    model->request_max = 4096;
    model->chunks_at_first = count_free_chunks(heap);
    make_noise();
    smh_random_init(&model->random, seed, 0);
}

static size_t random_below(struct heap_model *model, size_t bound)
{
    return (size_t)smh_random_below(&model->random, bound);
}

static size_t random_bytes(struct heap_model *model)
{
    switch (random_below(model, 8)) {
    case 0:
        return 1 + random_below(model, model->request_max);
    case 1:
    case 2:
        return 1 + random_below(model, 512);
    default:
        return 1 + random_below(model, 64);
    }
}

static size_t random_align(struct heap_model *model)
{
    return random_below(model, 2) == 0 ? 0 : (size_t)1 << random_below(model, 10);
}

/* NULL is allowed when no free chunk reaches the engine's published size. */
static void judge_refusal(struct heap_model *model, size_t align, size_t bytes)
{
    size_t sufficient = model->heap->engine->sufficient_chunk(model->heap, align, bytes);
    struct smh_chunk chunk = {0};

    while (smh_heap_walk(model->heap, &chunk)) {
        if (!chunk.used && chunk.size >= sufficient) {
            complain(model, "NULL although a free chunk suffices");
            return;
        }
    }
}

static void judge_block(struct heap_model *model, const uint8_t *at, size_t align, size_t bytes,
                        size_t usable)
{
    size_t natural = smh_heap_alignment(model->heap);
    bool buddies = (model->heap->engine->flags & SMH_ENGINE_PARTIAL_COALESCE) != 0;
    size_t waste_max = model->waste_max + (buddies ? bytes : 0);

    if (!smh_heap_contains(model->heap, at) || !smh_heap_contains(model->heap, at + usable - 1)) {
        complain(model, "a block lies outside the heap");
    } else if ((uintptr_t)at % natural != 0 || (align > 1 && (uintptr_t)at % align != 0)) {
        complain(model, "a block is not aligned");
    } else if (usable < bytes) {
        complain(model, "a block is too short");
    } else if (usable - bytes > waste_max) {
        complain(model, "a block is far longer than asked for");
    }
    for (size_t i = 0; i < model->count; i++) {
        const struct heap_model_block *other = &model->blocks[i];

        if (at < other->at + other->usable && other->at < at + usable) {
            complain(model, "two blocks overlap");
        }
    }
}

/* A new or moved block enters the model; contents up to `kept` are already there. */
static void enter(struct heap_model *model, uint8_t *at, size_t align, size_t bytes, size_t kept,
                  uint8_t seed)
{
    struct heap_model_block block = {at, bytes, smh_heap_usable_size(model->heap, at), seed};

    judge_block(model, at, align, bytes, block.usable);
    if (model->complaint != NULL) {
        return;
    }
    verify(model, &block, kept);
    memcpy(at, content(&block), bytes);
    model->blocks[model->count++] = block;
}

static void step_alloc(struct heap_model *model)
{
    size_t bytes = random_bytes(model);
    size_t align = random_align(model);
    void *at;

    if (model->count == HEAP_MODEL_BLOCKS) {
        return;
    }
    at = align == 0 ? smh_heap_alloc(model->heap, bytes)
                    : smh_heap_aligned_alloc(model->heap, align, bytes);
    if (at == NULL) {
        judge_refusal(model, align, bytes);
    } else {
        enter(model, at, align, bytes, 0, (uint8_t)smh_random_next(&model->random));
    }
}

static struct heap_model_block take_out(struct heap_model *model)
{
    size_t index = random_below(model, model->count);
    struct heap_model_block block = model->blocks[index];

    model->blocks[index] = model->blocks[--model->count];
    return block;
}

static void step_free(struct heap_model *model)
{
    struct heap_model_block block = take_out(model);

    verify(model, &block, block.bytes);
    if (smh_heap_free(model->heap, block.at) != 0) {
        complain(model, "a live block cannot be freed");
    }
    if (model->exact_verdicts && smh_heap_free(model->heap, block.at) != -EALREADY) {
        complain(model, "a second free is not noticed");
    }
}

static void step_realloc(struct heap_model *model)
{
    struct heap_model_block block = take_out(model);
    size_t bytes = random_bytes(model);
    size_t align = random_align(model);
    uint8_t *at = smh_heap_aligned_realloc(model->heap, block.at, align, bytes);

    if (at != NULL) {
        enter(model, at, align, bytes, bytes < block.bytes ? bytes : block.bytes, block.seed);
        return;
    }
    judge_refusal(model, align, bytes);
    if (smh_heap_usable_size(model->heap, block.at) != block.usable) {
        complain(model, "a failed realloc has changed the block");
    }
    model->blocks[model->count++] = block;
}

static void step_resize(struct heap_model *model)
{
    struct heap_model_block block = take_out(model);
    size_t bytes = random_bytes(model);

    if (smh_heap_resize(model->heap, block.at, bytes)) {
        enter(model, block.at, 0, bytes, bytes < block.bytes ? bytes : block.bytes, block.seed);
    } else {
        model->blocks[model->count++] = block;
    }
}

/* What free should say of an address inside the heap. */
static int true_verdict(const struct heap_model *model, const uint8_t *at)
{
    size_t offset = (size_t)(at - model->heap->memory);
    struct smh_chunk chunk = {0};

    for (size_t i = 0; i < model->count; i++) {
        if (at >= model->blocks[i].at && at < model->blocks[i].at + model->blocks[i].usable) {
            return at == model->blocks[i].at ? 0 : -EINVAL;
        }
    }
    while (smh_heap_walk(model->heap, &chunk)) {
        if (!chunk.used && offset >= chunk.offset && offset - chunk.offset < chunk.size) {
            return -EALREADY;
        }
    }
    return -EINVAL;
}

static void step_misuse(struct heap_model *model)
{
    struct smh_heap *heap = model->heap;
    uint8_t *at = heap->memory + random_below(model, heap->memory_size);
    struct smh_stats before;
    struct smh_stats after;
    int truth;

    if (model->count != 0 && random_below(model, 2) == 0) {
        const struct heap_model_block *near = &model->blocks[random_below(model, model->count)];

        at = near->at + (random_below(model, near->usable + 32)) - 16;
    }
    if (!smh_heap_contains(heap, at)) {
        truth = -ENOENT;
    } else if (!model->exact_verdicts) {
        return;
    } else {
        truth = true_verdict(model, at);
    }
    if (truth == 0) {
        return;
    }
    smh_heap_stats(heap, &before);
    if (smh_heap_verdict(heap, at) != truth || smh_heap_free(heap, at) != truth ||
        smh_heap_usable_size(heap, at) != 0 || smh_heap_realloc(heap, at, 8) != NULL ||
        smh_heap_resize(heap, at, 8)) {
        complain(model, "a pointer that is no block is not refused as it should be");
    }
    smh_heap_stats(heap, &after);
    if (memcmp(&before, &after, sizeof(before)) != 0) {
        complain(model, "a refusal has changed the heap");
    }
}

/* What is promised to be the largest request is served, or nothing larger: one of the two, as a
 * request that fails may change what an engine finds next. */
static void step_largest(struct heap_model *model)
{
    size_t largest = model->heap->engine->largest_free(model->heap);
    bool exceed = random_below(model, 2) == 0;
    void *block;

    if (largest == 0 && !exceed) {
        return;
    }
    block = smh_heap_alloc(model->heap, exceed ? largest + 1 : largest);
    if (exceed && block != NULL) {
        complain(model, "more than the largest free block was served");
    } else if (!exceed && block == NULL) {
        complain(model, "the largest free block was not served");
    } else if (smh_heap_free(model->heap, block) != 0) {
        complain(model, "the largest free block cannot be freed");
    }
}

static void step(struct heap_model *model)
{
    size_t choice = random_below(model, 100);

    if (model->complaint != NULL) {
        return;
    }
    if (choice < 45 || model->count == 0) {
        step_alloc(model);
    } else if (choice < 70) {
        step_free(model);
    } else if (choice < 82) {
        step_realloc(model);
    } else if (choice < 90) {
        step_resize(model);
    } else if (choice < 98) {
        step_misuse(model);
    } else {
        step_largest(model);
    }
}

static void check(struct heap_model *model)
{
    struct smh_fault fault = {0};
    struct smh_stats stats;
    size_t asked = 0;

    if (model->complaint != NULL) {
        return;
    }
    if (smh_heap_check(model->heap, &fault) != 0) {
        complain(model, fault.rule);
        return;
    }
    for (size_t i = 0; i < model->count; i++) {
        verify(model, &model->blocks[i], model->blocks[i].bytes);
        asked += model->blocks[i].bytes;
    }
    smh_heap_stats(model->heap, &stats);
    if (stats.live_blocks != model->count || stats.used_bytes < asked ||
        stats.used_bytes + stats.free_bytes != stats.capacity_bytes ||
        stats.allocated_blocks - stats.freed_blocks != stats.live_blocks) {
        complain(model, "the counters are not those of the model");
    }
}

static void drain(struct heap_model *model)
{
    while (model->count != 0 && model->complaint == NULL) {
        step_free(model);
    }
    check(model);
    if (model->complaint != NULL) {
        return;
    }
    if (model->chunks_at_first == 0 || count_free_chunks(model->heap) != model->chunks_at_first) {
        complain(model, "an empty heap is not as it was at first");
    }
}

const char *heap_model_run(struct heap_model *model, size_t steps, size_t check_every)
{
    for (size_t i = 1; i <= steps && model->complaint == NULL; i++) {
        step(model);
        if (i % check_every == 0) {
            check(model);
        }
    }
    drain(model);
    return model->complaint;
}
