/* regions.c: does a pool of many regions cost more than a pool of one?
 *
 * Owns: exact instructions of pool calls with 1 to 256 regions, by single-stepping:
 *
 *     one pool:  | r0 | r1 | r2 | ... | rN |     region i has attribute i, and all have ANY_BIT
 *                  '-- alloc by ANY_BIT: the first candidate always fits
 *                  blocks in every region: region_of and free of each
 *
 * first: smh_pool_alloc of 64 bytes which the first candidate serves, and the free of it; last: of
 * the attribute that only the last region has; owner: smh_pool_region_of over blocks of all
 * regions, mean and max. Every block's content is checked before it is freed.
 *
 * Result, one per engine and number of regions: engine, regions, alloc_first, free_first,
 * alloc_last, owner_mean, owner_max. Exact and repeatable. The pool is `unlocked`: what a lock
 * takes is the port's, and threads.c measures it.
 */
#include "../sim/error.h"
#include "../sim/model/contents.h"
#include "harness/stepper.h"

#include <smh/pool.h>
#include <stdio.h>
#include <stdlib.h>

#define REGION_BYTES   65536u
#define REGIONS_MOST   256u
#define REGIONS_SMOKE  4u
#define OWNERS_STEPPED 64u
#define ANY_BIT        0x10000u
#define BLOCK_BYTES    64u
#define REPEATS        8u

struct counts {
    double alloc_first, free_first, alloc_last, owner_mean;
    uint32_t owner_max;
};

struct pool {
    struct smh_pool pool;
    struct smh_pool_slot *slots;
    uint8_t *memory;
    size_t regions;
    const char *engine;
};

static void open_pool(struct pool *pool, const struct bench_options *options,
                      const struct smh_engine *engine, size_t regions)
{
    struct smh_pool_config config = {.match = smh_match_all_bits, .unlocked = true};

    pool->engine = engine->name;
    pool->regions = regions;
    pool->slots = smh_must_allocate(regions, sizeof(*pool->slots));
    pool->memory = bench_map(0, regions * REGION_BYTES);
    config.slots = pool->slots;
    config.slot_count = regions;
    smh_pool_init(&pool->pool, &config);
    for (size_t i = 0; i < regions; i++) {
        struct smh_region region = {.attr = ANY_BIT | (uint32_t)(i + 1) << 20,
                                    .addr = (uintptr_t)pool->memory + i * REGION_BYTES,
                                    .size = REGION_BYTES,
                                    .engine = engine,
                                    .granule = options->granule,
                                    .target_bits = options->target_bits};

        if (smh_pool_add(&pool->pool, &region) != 0) {
            bench_fail("%s: region %zu is refused", engine->name, i);
        }
    }
}

static void close_pool(struct pool *pool)
{
    bench_unmap(pool->memory, pool->regions * REGION_BYTES);
    free(pool->slots);
}

static uint32_t step_alloc(struct pool *pool, uint32_t attr, uint8_t **block)
{
    const uintptr_t arguments[4] = {(uintptr_t)&pool->pool, attr, BLOCK_BYTES};
    struct bench_steps steps;

    *block = (uint8_t *)bench_step((void (*)(void))smh_pool_alloc, arguments, false, &steps);
    if (*block == NULL) {
        bench_fail("%s: the pool refuses", pool->engine);
    }
    smh_contents_fill(*block, attr, 0, BLOCK_BYTES);
    return steps.own + steps.libc;
}

static uint32_t step_free(struct pool *pool, uint8_t *block, uint32_t attr)
{
    const uintptr_t arguments[4] = {(uintptr_t)&pool->pool, (uintptr_t)block};
    struct bench_steps steps;

    if (smh_contents_verify(block, attr, 0, BLOCK_BYTES) != SMH_CONTENTS_SAME) {
        bench_fail("%s: a block lost its content", pool->engine);
    }
    if ((int)bench_step((void (*)(void))smh_pool_free, arguments, false, &steps) != 0) {
        bench_fail("%s: the pool does not take a block back", pool->engine);
    }
    return steps.own + steps.libc;
}

static void step_owners(struct pool *pool, struct counts *counts)
{
    size_t stride = (pool->regions + OWNERS_STEPPED - 1) / OWNERS_STEPPED;
    size_t looked_at = 0;

    for (size_t i = 0; i < pool->regions; i += stride, looked_at++) {
        uintptr_t address = (uintptr_t)pool->memory + i * REGION_BYTES + 4096;
        const uintptr_t arguments[4] = {(uintptr_t)&pool->pool, address};
        struct bench_steps steps;
        const struct smh_region *region = (const struct smh_region *)bench_step(
            (void (*)(void))smh_pool_region_of, arguments, false, &steps);

        if (region == NULL || address - region->addr >= region->size) {
            bench_fail("region_of names the wrong region");
        }
        counts->owner_mean += steps.own;
        counts->owner_max = steps.own > counts->owner_max ? steps.own : counts->owner_max;
    }
    counts->owner_mean /= (double)looked_at;
}

static void measure(const struct bench_options *options, const struct smh_engine *engine,
                    size_t regions, struct counts *counts)
{
    struct pool pool;
    uint8_t *blocks[REPEATS];

    open_pool(&pool, options, engine, regions);
    for (unsigned i = 0; i < REPEATS; i++) {
        counts->alloc_first += (double)step_alloc(&pool, ANY_BIT, &blocks[i]) / REPEATS;
    }
    for (unsigned i = 0; i < REPEATS; i++) {
        counts->free_first += (double)step_free(&pool, blocks[i], ANY_BIT) / REPEATS;
    }
    for (unsigned i = 0; i < REPEATS; i++) {
        uint32_t last = ANY_BIT | (uint32_t)regions << 20;

        counts->alloc_last += (double)step_alloc(&pool, last, &blocks[i]) / REPEATS;
        step_free(&pool, blocks[i], last);
    }
    step_owners(&pool, counts);
    if (smh_engine_find(engine->name) == engine && smh_pool_check(&pool.pool, NULL, NULL) != 0) {
        bench_fail("%s: the pool is not sound at the end", engine->name);
    }
    close_pool(&pool);
}

int main(int argc, char **argv)
{
    struct bench_options options;
    json_t *document;

    bench_options_read(&options, "regions", "Exact instructions of pool calls, 1 to 256 regions.",
                       argc, argv);
    if (!bench_stepper_open()) {
        printf("regions: single-stepping is written for x86-64 only\n");
        return 0;
    }
    document = bench_document(&options);
    for (size_t e = 0; e < options.engine_count; e++) {
        printf("%-16s %12s %12s %12s %12s %12s\nregions\n", options.engines[e].name, "alloc first",
               "free first", "alloc last", "owner mean", "owner max");
        for (size_t regions = 1; regions <= (options.smoke ? REGIONS_SMOKE : REGIONS_MOST);
             regions *= 2) {
            struct counts counts = {0};

            measure(&options, options.engines[e].engine, regions, &counts);
            printf("%-16zu %12.1f %12.1f %12.1f %12.1f %12u\n", regions, counts.alloc_first,
                   counts.free_first, counts.alloc_last, counts.owner_mean, counts.owner_max);
            bench_document_add(
                document,
                json_pack("{s:s, s:I, s:f, s:f, s:f, s:f, s:i}", "engine", options.engines[e].name,
                          "regions", (json_int_t)regions, "alloc_first", counts.alloc_first,
                          "free_first", counts.free_first, "alloc_last", counts.alloc_last,
                          "owner_mean", counts.owner_mean, "owner_max", (int)counts.owner_max));
        }
    }
    bench_document_write(&options, document);
    return 0;
}
