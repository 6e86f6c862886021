/* selftest.c: the core at work where there is nothing beneath it; a line of answers for each case.
 *
 * Owns: the cases: every engine of the core on regions of several shapes, a pool under each policy,
 * the process-wide pool, sys_heap. Metadata is laid out for 32 bits, so that a host of 64 bits
 * prints the same lines.
 *
 *     heap zephyr 65536+3 granule 0, exact: answers 1f..., memory 93..., check 0
 *          engine bytes+misalignment            |             |
 *                        where each block went, verdicts      the same and every byte at the end
 *
 * An out-of-band engine's tables are made of the machine's own words: where they lie in the region,
 * `memory` is left out.
 *
 * Invariants: deterministic; nothing printed depends on where memory lies. The sequence is that of
 * test_zephyr_golden.c, so that `memory` of a plain zephyr case is a hash found there.
 *
 * SELFTEST_SEED and SELFTEST_FAULT exist for check_target.py to see that it notices both.
 * SELFTEST_BITMAP_ONLY: of the engines that one alone, as a core with SMH_SINGLE_ENGINE has it.
 */
#include "target.h"

#include "../../src/engine/zephyr_layout.h"
#include "../core/zephyr_sequence.h"

#include <smh/shared_multi_heap.h>
#include <smh/sys_heap.h>

#ifndef SELFTEST_SEED
#define SELFTEST_SEED 7
#endif
#ifndef SELFTEST_FAULT
#define SELFTEST_FAULT 0
#endif
#ifndef SELFTEST_BITMAP_ONLY
#define SELFTEST_BITMAP_ONLY 0
#endif

#define OPERATIONS        20000 /* where test_zephyr_golden.c knows the hash */
#define OPERATIONS_OTHERS 4000
#define REGION_BYTES      300032
#define METADATA_BYTES    65536
#define POOL_BYTES        102400 /* the sum of its parts */
#define POOL_PARTS        6
#define FNV_START         UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME         UINT64_C(0x100000001b3)

/* Where buddy puts a block depends on the address, up to the size of the largest block. */
static _Alignas(524288) uint8_t region[REGION_BYTES];
static _Alignas(4096) uint8_t metadata[METADATA_BYTES];
static struct smh_pool pool;
static unsigned panics;
static int faults; /* heaps that the validator found unsound, calls that answered wrongly */

/* Instead of port/bare.c's, which stops. */
void smh_port_panic(const char *function, const char *what, const void *address)
{
    (void)function;
    (void)what;
    (void)address;
    panics++;
}

/* --- lines --------------------------------------------------------------------------------- */

static void print_hash(const char *label, uint64_t hash)
{
    char text[17];

    for (unsigned i = 0; i < 16; i++) {
        text[i] = "0123456789abcdef"[(hash >> (60 - 4 * i)) & 15u];
    }
    text[16] = '\0';
    target_print(label);
    target_print(text);
}

static void print_number(const char *label, int number)
{
    char text[12];
    size_t place = sizeof(text) - 1;
    uint32_t rest = number < 0 ? 0u - (uint32_t)number : (uint32_t)number;

    text[place] = '\0';
    do {
        place--;
        text[place] = (char)('0' + (char)(rest % 10));
        rest /= 10;
    } while (rest != 0);
    target_print(label);
    target_print(number < 0 ? "-" : "");
    target_print(text + place);
}

/* --- what is driven ------------------------------------------------------------------------ */

/* A heap or a pool, and the hash of its answers so far. */
struct driven {
    struct smh_heap heap;
    struct sys_heap sys;
    uint32_t attr; /* of the next request to the pool */
    uint64_t hash;
};

static void mix(struct driven *driven, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++) {
        driven->hash = (driven->hash ^ (value & 0xff)) * FNV_PRIME;
        value >>= 8;
    }
}

static void *answer(struct driven *driven, void *block)
{
    mix(driven, block == NULL ? UINT64_MAX : (uintptr_t)block - (uintptr_t)region);
    return block;
}

static void *heap_alloc(void *context, size_t bytes)
{
    struct driven *driven = context;

    return answer(driven, smh_heap_alloc(&driven->heap, bytes));
}

static void *heap_aligned_alloc(void *context, size_t align, size_t bytes)
{
    struct driven *driven = context;

    return answer(driven, smh_heap_aligned_alloc(&driven->heap, align, bytes));
}

static void *heap_realloc(void *context, void *block, size_t align, size_t bytes)
{
    struct driven *driven = context;

    return answer(driven, smh_heap_aligned_realloc(&driven->heap, block, align, bytes));
}

/* Frees, and asks about the block and about pointers that are none, before and after. */
static void heap_free(void *context, void *block)
{
    struct driven *driven = context;
    const uint8_t *bytes = block;

    mix(driven, smh_heap_usable_size(&driven->heap, block));
    if (driven->heap.starts != NULL || (driven->heap.engine->flags & SMH_ENGINE_EXACT) != 0) {
        mix(driven, (uint64_t)(int64_t)smh_heap_verdict(&driven->heap, bytes + 8));
        mix(driven, (uint64_t)(int64_t)smh_heap_verdict(&driven->heap, bytes + 3));
    }
    faults += smh_heap_free(&driven->heap, block) != 0;
    mix(driven, (uint64_t)(int64_t)smh_heap_verdict(&driven->heap, block));
}

static void heap_counters(void *context, size_t counters[3])
{
    struct driven *driven = context;
    struct smh_zephyr_counters now = smh_zephyr_counters(&driven->heap);

    counters[0] = now.free_bytes;
    counters[1] = now.allocated_bytes;
    counters[2] = now.peak_bytes;
}

static uint32_t next_attr(struct driven *driven)
{
    driven->attr = driven->attr == 2 ? 0 : driven->attr + 1;
    return driven->attr;
}

static void *pool_alloc(void *context, size_t bytes)
{
    return answer(context, smh_pool_alloc(&pool, next_attr(context), bytes));
}

static void *pool_aligned_alloc(void *context, size_t align, size_t bytes)
{
    return answer(context, smh_pool_aligned_alloc(&pool, next_attr(context), align, bytes));
}

static void *pool_realloc(void *context, void *block, size_t align, size_t bytes)
{
    return answer(context,
                  smh_pool_aligned_realloc(&pool, next_attr(context), block, align, bytes));
}

static void pool_free(void *context, void *block)
{
    faults += smh_pool_free(&pool, block) != 0;
    mix(context, (uint64_t)(int64_t)smh_pool_verdict(&pool, block));
}

static void *sys_alloc(void *context, size_t bytes)
{
    struct driven *driven = context;

    return answer(driven, sys_heap_alloc(&driven->sys, bytes));
}

static void *sys_aligned_alloc(void *context, size_t align, size_t bytes)
{
    struct driven *driven = context;

    return answer(driven, sys_heap_aligned_alloc(&driven->sys, align, bytes));
}

static void *sys_realloc(void *context, void *block, size_t align, size_t bytes)
{
    struct driven *driven = context;

    return answer(driven, sys_heap_aligned_realloc(&driven->sys, block, align, bytes));
}

static void sys_free(void *context, void *block)
{
    struct driven *driven = context;

    sys_heap_free(&driven->sys, block);
}

static const struct smh_engine *engine_at(size_t index)
{
#if SELFTEST_BITMAP_ONLY
    return index == 0 ? &smh_engine_bitmap : NULL;
#else
    return smh_engine_at(index);
#endif
}

/* --- heaps --------------------------------------------------------------------------------- */

struct shape {
    size_t bytes;
    size_t misalignment;
    size_t granule;
    bool exact; /* tables or start bitmap in memory of their own */
};

static const struct shape shapes[] = {
    {1000, 0, 0, false},   {4096, 0, 0, false},    {65536, 3, 0, false}, {262144, 0, 0, false},
    {300000, 5, 0, false}, {4096, 0, 0, true},     {65536, 3, 0, true},  {262144, 0, 64, true},
    {65536, 8, 32, false}, {300000, 5, 512, true},
};

static void print_shape(const char *what, const char *name, const struct shape *shape)
{
    target_print(what);
    target_print(name);
    print_number(" ", (int)shape->bytes);
    print_number("+", (int)shape->misalignment);
    print_number(" granule ", (int)shape->granule);
    target_print(shape->exact ? ", exact" : "");
    target_print(": ");
}

static void run_heap(const struct smh_engine *engine, const struct shape *shape)
{
    struct driven driven = {.hash = FNV_START};
    struct smh_heap_config config = {.memory = region + shape->misalignment,
                                     .memory_size = shape->bytes,
                                     .metadata = shape->exact ? metadata : NULL,
                                     .metadata_size = shape->exact ? METADATA_BYTES : 0,
                                     .granule = shape->granule,
                                     .target_bits = 32,
                                     .engine = engine};
    struct zephyr_sequence_heap sequence = {
        &driven,      heap_alloc, heap_aligned_alloc,
        heap_realloc, heap_free,  engine == &smh_engine_zephyr_stats ? heap_counters : NULL};
    bool golden = engine == &smh_engine_zephyr || engine == &smh_engine_zephyr_stats;
    size_t operations = golden && !shape->exact ? OPERATIONS : OPERATIONS_OTHERS;
    uint64_t memory_hash;
    int refused;
    int check;

    memset(region, 0, sizeof(region));
    memset(metadata, 0, sizeof(metadata));
    print_shape("heap ", engine->name, shape);
    refused = smh_heap_init(&driven.heap, &config);
    if (refused != 0) {
        print_number("refused ", refused);
        target_print("\n");
        return;
    }
    memory_hash =
        zephyr_sequence_hash(&sequence, config.memory, shape->bytes, SELFTEST_SEED, operations);
    check = smh_heap_check(&driven.heap, NULL);
    faults += check != 0;
    print_hash("answers ", driven.hash);
    if (engine->metadata_size == NULL || shape->exact) {
        print_hash(", memory ", memory_hash);
    }
    print_number(", check ", check);
    target_print("\n");
}

/* sys_heap takes the layout of the machine: where that has 64 bits, the heap beneath it stands in
 * for the one of 32. */
static void run_sys_heap(const struct shape *shape)
{
    struct driven driven = {.hash = FNV_START};
    struct zephyr_sequence_heap sequence = {&driven,     sys_alloc, sys_aligned_alloc,
                                            sys_realloc, sys_free,  NULL};
    uint8_t *memory = region + shape->misalignment;
    uint64_t memory_hash;

    memset(region, 0, sizeof(region));
    sys_heap_init(&driven.sys, memory, shape->bytes);
    if (sizeof(void *) != 4) {
        struct smh_heap_config config = {.memory = memory,
                                         .memory_size = shape->bytes,
                                         .target_bits = 32,
                                         .engine = &smh_engine_zephyr};

        memset(region, 0, sizeof(region));
        faults += smh_heap_init(&driven.sys.smh, &config) != 0;
    }
    print_shape("sys_heap ", "zephyr", shape);
    memory_hash = zephyr_sequence_hash(&sequence, memory, shape->bytes, SELFTEST_SEED, OPERATIONS);
    faults += !sys_heap_validate(&driven.sys);
    print_hash("answers ", driven.hash);
    print_hash(", memory ", memory_hash);
    target_print("\n");
}

/* --- pools --------------------------------------------------------------------------------- */

/* Six regions, two to an attribute, in turn of the core's engines; added from the highest address
 * down, in no order of size. */
static bool fill_pool(const struct smh_policy *policy, size_t engine_count)
{
    struct smh_pool_config config = {.policy = policy};
    size_t end = POOL_BYTES;

    if (smh_pool_init(&pool, &config) != 0) {
        return false;
    }
    for (size_t i = 0; i < POOL_PARTS; i++) {
        size_t size = 4096 * (i * 5 % 7 + 1);
        struct smh_region part = {.attr = (uint32_t)(i % 3),
                                  .addr = (uintptr_t)region + end - size,
                                  .size = size,
                                  .engine = engine_at(i % engine_count),
                                  .target_bits = 32,
                                  .cost = (uint32_t)(POOL_PARTS - i),
                                  .priority = (uint32_t)(i * 5 % POOL_PARTS)};

        if (smh_pool_add(&pool, &part) != 0) {
            return false;
        }
        end -= size;
    }
    return true;
}

static void run_pool(const struct smh_policy *policy, size_t engine_count)
{
    struct driven driven = {.hash = FNV_START};
    struct zephyr_sequence_heap sequence = {&driven,      pool_alloc, pool_aligned_alloc,
                                            pool_realloc, pool_free,  NULL};
    int check;

    memset(region, 0, sizeof(region));
    faults += !fill_pool(policy, engine_count);
    target_print("pool ");
    target_print(policy->name);
    (void)zephyr_sequence_hash(&sequence, region, POOL_BYTES, SELFTEST_SEED, OPERATIONS_OTHERS);
    check = smh_pool_check(&pool, NULL, NULL);
    faults += check != 0;
    print_hash(": answers ", driven.hash);
    print_number(", check ", check);
    target_print("\n");
}

/* The six functions of Zephyr, and each of their refusals once. */
static void run_shared(void)
{
    struct shared_multi_heap_region fast = {SMH_REG_ATTR_CACHEABLE, (uintptr_t)region, 8192};
    struct shared_multi_heap_region slow = {SMH_REG_ATTR_EXTERNAL, (uintptr_t)region + 8192, 65536};
    struct shared_multi_heap_region unknown = {SMH_REG_ATTR_NUM, (uintptr_t)region + 131072, 8192};
    uint8_t *block;
    uint8_t *moved;

    memset(region, 0, sizeof(region));
    print_number("shared: init ", shared_multi_heap_pool_init());
    print_number(" ", shared_multi_heap_pool_init());
    print_number(", add ", shared_multi_heap_add(&fast, NULL));
    print_number(" ", shared_multi_heap_add(&slow, NULL));
    print_number(" ", shared_multi_heap_add(&slow, NULL));
    print_number(" ", shared_multi_heap_add(&unknown, NULL));
    block = shared_multi_heap_aligned_alloc(SMH_REG_ATTR_CACHEABLE, 64, 1000);
    print_number(", aligned ", block != NULL && ((uintptr_t)block & 63u) == 0);
    memset(block, 0x5a, 1000);
    moved = shared_multi_heap_realloc(SMH_REG_ATTR_EXTERNAL, block, 20000);
    print_number(", moved ", moved >= region + 8192 && moved < region + 8192 + 65536);
    print_number(", kept ", moved[0] == 0x5a && moved[999] == 0x5a);
    print_number(", absent ", shared_multi_heap_alloc(SMH_REG_ATTR_NON_CACHEABLE, 8) == NULL);
    shared_multi_heap_free(block);
    shared_multi_heap_free(moved + 8);
    shared_multi_heap_free(NULL);
    shared_multi_heap_free(moved);
    print_number(", panics ", (int)panics);
    print_number(", check ", smh_pool_check(smh_shared_pool(), NULL, NULL));
    target_print("\n");
}

#if SELFTEST_FAULT
/* What no machine here answers: a word at an odd address. */
static void fall(void)
{
#if defined(__arm__)
    volatile uintptr_t odd = (uintptr_t)region + 1; /* read anew: the compiler cannot tell */

    *(volatile uint32_t *)odd = 1;
#else
    __builtin_trap();
#endif
}
#endif

int target_main(void)
{
    size_t engine_count = 0;

#if SELFTEST_FAULT
    fall();
#endif
    for (; engine_at(engine_count) != NULL; engine_count++) {
        for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
            run_heap(engine_at(engine_count), &shapes[i]);
        }
    }
    for (size_t i = 0; i < 5 && !SELFTEST_BITMAP_ONLY; i++) {
        run_sys_heap(&shapes[i]);
    }
    for (size_t i = 0; smh_policy_at(i) != NULL; i++) {
        run_pool(smh_policy_at(i), engine_count);
    }
    run_shared();
    print_number("faults ", faults);
    target_print("\n");
    return faults == 0 ? 0 : 1;
}
