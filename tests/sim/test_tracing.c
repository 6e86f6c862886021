/* test_tracing.c: the traced core is the plain one, and what it loads and stores is noted. */
#include "given.h"

#include "../../sim/machine/tracing.h"
#include "../../sim/operation_list.h"
#include "../../sim/random.h"
#include "../../sim/workload/trace.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

static const char two_regions[] =
    "{'schema':1,'name':'two','machine':{'target_bits':32,'regions':["
    "{'name':'fast','base':'0x20000000','size':'24K','attr':'cacheable'},"
    "{'name':'large','base':'0x60000000','size':'96K','attr':'cacheable'}]},"
    "'workload':[{'actor':'a','attr':'cacheable','ops':[{'alloc':'x','bytes':8},{'free':'x'}]}]}";

static struct smh_machine plain;
static struct smh_machine traced;

static void open_one(struct smh_machine *machine, const struct smh_scenario *scenario,
                     const struct smh_engine *engine, const struct smh_policy *policy,
                     const struct smh_core *core)
{
    struct smh_error error = {0};
    struct smh_machine_choice choice = {.engine = engine, .policy = policy, .core = core};
    cr_assert(smh_machine_open(machine, scenario, &choice, &error) == 0, "%s", error.message);
}

static void open_both(const struct smh_scenario *scenario, const struct smh_engine *engine,
                      const struct smh_policy *policy)
{
    open_one(&plain, scenario, engine, policy, &smh_core_plain);
    open_one(&traced, scenario, engine, policy, &smh_core_traced);
}

static void close_both(void)
{
    smh_machine_close(&plain);
    smh_machine_close(&traced);
    given_clear();
}

/* Region and offset of a block, as one number. */
static uint64_t place(const struct smh_machine *machine, const void *block)
{
    int region = block == NULL ? -1 : smh_pool_index_of(&machine->pool, block);
    return region < 0 ? UINT64_MAX
                      : ((uint64_t)region << 48) +
                            (uint64_t)((const uint8_t *)block - machine->regions[region].memory);
}

#define SLOTS 200

/* One random request of both pools; false when they answer differently. */
static bool same_answer(struct smh_random *random, void *left[SLOTS], void *right[SLOTS])
{
    size_t slot = (size_t)smh_random_below(random, SLOTS);
    size_t bytes =
        1 + (size_t)smh_random_below(random, smh_random_below(random, 8) == 0 ? 3000 : 200);
    size_t align = (size_t)1 << smh_random_below(random, 8);
    uint32_t attrs[2] = {2, 0};
    bool empty = left[slot] == NULL;
    switch (smh_random_below(random, empty ? 3 : 4)) {
    case 0:
        if (empty) {
            left[slot] = smh_core_plain.pool_aligned_alloc(&plain.pool, 0, align, bytes);
            right[slot] = smh_core_traced.pool_aligned_alloc(&traced.pool, 0, align, bytes);
            break;
        }
        /* fall through */
    case 1: {
        void *moved = smh_core_plain.pool_aligned_realloc(&plain.pool, 0, left[slot], align, bytes);
        void *other =
            smh_core_traced.pool_aligned_realloc(&traced.pool, 0, right[slot], align, bytes);
        left[slot] = moved != NULL ? moved : left[slot];
        right[slot] = other != NULL ? other : right[slot];
        break;
    }
    case 2:
        if (empty) {
            left[slot] = smh_core_plain.pool_calloc(&plain.pool, 0, 1, bytes);
            right[slot] = smh_core_traced.pool_calloc(&traced.pool, 0, 1, bytes);
            break;
        }
        /* fall through */
    default:
        if (smh_core_plain.pool_free(&plain.pool, left[slot]) != 0 ||
            smh_core_traced.pool_free(&traced.pool, right[slot]) != 0) {
            return false;
        }
        left[slot] = smh_core_plain.pool_alloc_prefer(&plain.pool, attrs, 2, 0, bytes);
        right[slot] = smh_core_traced.pool_alloc_prefer(&traced.pool, attrs, 2, 0, bytes);
        break;
    }
    return place(&plain, left[slot]) == place(&traced, right[slot]);
}

TestSuite(tracing, .fini = close_both);

Test(tracing, both_copies_place_every_block_of_a_random_workload_alike)
{
    struct smh_scenario *scenario = given_scenario(two_regions);
    for (size_t engine = 0; smh_engine_at(engine) != NULL; engine++) {
        for (size_t policy = 0; smh_policy_at(policy) != NULL; policy++) {
            struct smh_random random;
            void *left[SLOTS] = {0};
            void *right[SLOTS] = {0};
            open_both(scenario, smh_engine_at(engine), smh_policy_at(policy));
            smh_random_init(&random, 7, engine * 16 + policy);
            for (int i = 0; i < 3000; i++) {
                cr_assert(same_answer(&random, left, right), "engine %s, policy %s, request %d",
                          smh_engine_at(engine)->name, smh_policy_at(policy)->name, i);
            }
            cr_assert(plain.pool.failed_requests == traced.pool.failed_requests);
            smh_machine_close(&plain);
            smh_machine_close(&traced);
        }
    }
}

static void *ask(const struct smh_core *core, struct smh_machine *machine, void *block,
                 const struct smh_operation *operation)
{
    if (operation->kind == SMH_OPERATION_FREE) {
        core->pool_free(&machine->pool, block);
        return NULL;
    }
    if (operation->kind == SMH_OPERATION_CALLOC) {
        return core->pool_calloc(&machine->pool, 0, 1, (size_t)operation->bytes);
    }
    return core->pool_aligned_realloc(&machine->pool, 0, block, operation->align,
                                      (size_t)operation->bytes);
}

#define TRACE_OPERATIONS 4000

/* The first operations of a trace on both copies. */
static void compare_on_trace(const struct smh_operation_list *list, const char *engine)
{
    void **left = calloc(TRACE_OPERATIONS, sizeof(*left));
    void **right = calloc(TRACE_OPERATIONS, sizeof(*right));
    for (size_t i = 0; i < list->count && i < TRACE_OPERATIONS; i++) {
        const struct smh_operation *operation = &list->operations[i];
        cr_assert(operation->slot < TRACE_OPERATIONS);
        left[operation->slot] = ask(&smh_core_plain, &plain, left[operation->slot], operation);
        right[operation->slot] = ask(&smh_core_traced, &traced, right[operation->slot], operation);
        cr_assert(place(&plain, left[operation->slot]) == place(&traced, right[operation->slot]),
                  "engine %s, operation %zu", engine, i);
    }
    free(left);
    free(right);
}

Test(tracing, both_copies_place_every_block_of_the_recorded_traces_alike)
{
    struct smh_scenario *scenario =
        given_scenario("{'schema':1,'name':'one','machine':{'target_bits':64,'regions':["
                       "{'name':'ram','base':'0x20000000','size':'4M','attr':'cacheable'}]},"
                       "'workload':[{'actor':'a','ops':[{'alloc':'x','bytes':8},{'free':'x'}]}]}");
    glob_t found = {0};
    glob("scenarios/traces/*.trace.*", 0, NULL, &found);
    cr_assert(found.gl_pathc >= 14);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct smh_error error = {0};
        struct smh_operation_list list = {0};
        struct smh_source *source = smh_trace_open(found.gl_pathv[i], NULL, &error);
        cr_assert(source != NULL, "%s", error.message);
        cr_assert(smh_operation_list_collect(&list, source, &error) == 0, "%s", error.message);
        for (size_t engine = 0; smh_engine_at(engine) != NULL; engine++) {
            open_both(scenario, smh_engine_at(engine), NULL);
            compare_on_trace(&list, smh_engine_at(engine)->name);
            smh_machine_close(&plain);
            smh_machine_close(&traced);
        }
        smh_operation_list_free(&list);
    }
    globfree(&found);
}

/* One region for the traced copy alone. */
static uint8_t *open_traced(const char *engine)
{
    struct smh_scenario *scenario =
        given_scenario("{'schema':1,'name':'one','machine':{'target_bits':32,'regions':["
                       "{'name':'ram','base':'0x20000000','size':'64K','attr':'cacheable'}]},"
                       "'workload':[{'actor':'a','ops':[{'alloc':'x','bytes':8},{'free':'x'}]}]}");
    open_one(&traced, scenario, smh_engine_find(engine), NULL, &smh_core_traced);
    return traced.regions[0].memory;
}

static void begin(void)
{
    smh_tracing_begin(traced.reservation, traced.reservation_bytes);
}

Test(tracing, a_traced_machine_runs_the_traced_engines_and_policies)
{
    open_traced("buddy");
    cr_assert(traced.slots[0].heap.engine != &smh_engine_buddy);
    cr_assert(strcmp(traced.slots[0].heap.engine->name, "buddy") == 0);
    cr_assert(traced.policy != smh_policy_find(traced.policy->name));
}

Test(tracing, the_plain_copy_is_not_traced)
{
    struct smh_scenario *scenario = given_scenario(two_regions);
    open_both(scenario, &smh_engine_bitmap, NULL);
    struct smh_traced_access *accesses;
    smh_tracing_begin(NULL, SIZE_MAX);
    cr_assert(smh_core_plain.pool_aligned_alloc(&plain.pool, 0, 0, 100) != NULL);
    cr_assert(smh_tracing_end(&accesses) == 0);
    smh_tracing_begin(NULL, SIZE_MAX);
    cr_assert(smh_core_traced.pool_aligned_alloc(&traced.pool, 0, 0, 100) != NULL);
    cr_assert(smh_tracing_end(&accesses) > 0);
}

Test(tracing, nothing_is_noted_outside_begin_and_end)
{
    open_traced("bitmap");
    struct smh_traced_access *accesses;
    begin();
    cr_assert(smh_tracing_end(&accesses) == 0);
    cr_assert(smh_core_traced.pool_aligned_alloc(&traced.pool, 0, 0, 100) != NULL);
    cr_assert(smh_tracing_end(&accesses) == 0);
}

Test(tracing, accesses_beside_the_watched_range_are_not_noted)
{
    open_traced("bitmap");
    struct smh_traced_access *accesses;
    uint8_t elsewhere[64];
    smh_tracing_begin(elsewhere, sizeof(elsewhere));
    cr_assert(smh_core_traced.pool_aligned_alloc(&traced.pool, 0, 0, 100) != NULL);
    cr_assert(smh_tracing_end(&accesses) == 0);
}

Test(tracing, the_zeroes_of_calloc_are_one_store_of_as_many_bytes)
{
    open_traced("zephyr");
    struct smh_traced_access *accesses;
    begin();
    void *block = smh_core_traced.pool_calloc(&traced.pool, 0, 3, 100);
    size_t count = smh_tracing_end(&accesses);
    size_t bulk = 0;
    for (size_t i = 0; i < count; i++) {
        if (accesses[i].bulk) {
            cr_assert(accesses[i].store && accesses[i].bytes == 300);
            cr_assert(accesses[i].address == (uintptr_t)block);
            bulk++;
        }
    }
    cr_assert(bulk == 1);
}

/* | a 100 | b | rest |   a cannot grow: its usable bytes are loaded and stored once each */
Test(tracing, the_copy_of_a_realloc_that_moves_is_one_load_and_one_store)
{
    open_traced("first_fit");
    struct smh_traced_access *accesses;
    void *first = smh_core_traced.pool_aligned_alloc(&traced.pool, 0, 0, 100);
    size_t usable = smh_pool_usable_size(&traced.pool, first);
    cr_assert(smh_core_traced.pool_aligned_alloc(&traced.pool, 0, 0, 16) != NULL);
    begin();
    void *moved = smh_core_traced.pool_realloc(&traced.pool, 0, first, 500);
    size_t count = smh_tracing_end(&accesses);
    cr_assert(moved != NULL && moved != first);
    size_t bulk = 0;
    for (size_t i = 0; i < count; i++) {
        if (accesses[i].bulk) {
            cr_assert(accesses[i].bytes == usable);
            cr_assert(accesses[i].store == (bulk == 1));
            cr_assert(accesses[i].address == (uintptr_t)(bulk == 0 ? first : moved));
            bulk++;
        }
    }
    cr_assert(bulk == 2);
}

/* Of a new heap, with tags of 4 + 4 bytes (size and use; the size before it) and links of 4 + 4:
 *
 *     0      8          70     78                         0      8     70     78
 *     | tags | links    .      .        free | ->         | tags | block | tags | links    free |
 *
 * looked at: the tag (does it fit? how much is left?) and both links; written: the links and the
 * size of the remainder, the size of the block and, behind it, the size before the remainder. */
Test(tracing, an_allocation_that_splits_a_chunk_makes_exactly_these_accesses)
{
    static const struct {
        size_t offset;
        bool store;
    } expected[] = {{0x00, false}, {0x00, false}, {0x08, false}, {0x0C, false}, {0x78, true},
                    {0x7C, true},  {0x70, true},  {0x00, true},  {0x74, true}};
    uint8_t *memory = open_traced("first_fit");
    struct smh_traced_access *accesses;
    begin();
    void *block = smh_core_traced.pool_aligned_alloc(&traced.pool, 0, 0, 100);
    size_t count = smh_tracing_end(&accesses);
    cr_assert(block == memory + 8);
    cr_assert(count == sizeof(expected) / sizeof(expected[0]), "%zu", count);
    for (size_t i = 0; i < count; i++) {
        cr_assert(accesses[i].address == (uintptr_t)memory + expected[i].offset);
        cr_assert(accesses[i].store == expected[i].store);
        cr_assert(accesses[i].bytes == 4 && !accesses[i].bulk);
    }
}

Test(tracing, undo_brings_back_what_was_and_redo_step_by_step_what_came)
{
    uint8_t *memory = open_traced("zephyr");
    const size_t size = 64 << 10;
    uint8_t *before = malloc(size);
    uint8_t *after = malloc(size);
    void *block = smh_core_traced.pool_aligned_alloc(&traced.pool, 0, 0, 100);
    memcpy(before, memory, size);
    begin();
    block = smh_core_traced.pool_aligned_realloc(&traced.pool, 0, block, 4096, 5000);
    struct smh_traced_access *accesses;
    size_t count = smh_tracing_end(&accesses);
    cr_assert(block != NULL);
    memcpy(after, memory, size);
    cr_assert(memcmp(before, after, size) != 0);
    smh_tracing_undo();
    cr_assert(memcmp(memory, before, size) == 0);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *at = (const uint8_t *)accesses[i].address;
        uint8_t found[8] = {0};
        size_t bytes = accesses[i].bytes < 8 ? accesses[i].bytes : 8;
        memcpy(found, at, bytes);
        smh_tracing_redo(&accesses[i]);
        cr_assert(accesses[i].store || memcmp(found, at, bytes) == 0);
    }
    cr_assert(memcmp(memory, after, size) == 0);
    free(before);
    free(after);
}

/* One access, with memory as it is after it. */
struct seen {
    uint64_t offset, value;
    size_t bytes;
    bool store, bulk;
};
static struct seen taken[1024];
static size_t taken_count;

static struct seen seen_now(const struct smh_machine *machine, uintptr_t address, size_t bytes,
                            bool store)
{
    struct seen seen = {.offset = (uint64_t)(address - (uintptr_t)machine->regions[0].memory),
                        .bytes = bytes,
                        .store = store};
    memcpy(&seen.value, (const void *)address, bytes < 8 ? bytes : 8);
    return seen;
}

#define TAKERS(bytes)                                                    \
    static void seen_load##bytes(void *machine, uintptr_t address)       \
    {                                                                    \
        taken[taken_count++] = seen_now(machine, address, bytes, false); \
    }                                                                    \
    static void seen_store##bytes(void *machine, uintptr_t address)      \
    {                                                                    \
        taken[taken_count++] = seen_now(machine, address, bytes, true);  \
    }
TAKERS(1)
TAKERS(2)
TAKERS(4)
TAKERS(8)
static const struct smh_tracing_takers takers = {
    .load = {seen_load1, seen_load2, seen_load4, seen_load8},
    .store = {seen_store1, seen_store2, seen_store4, seen_store8},
};

/* Appends what the log holds, step by step. */
static size_t read_log(const struct smh_machine *machine, struct seen *list, size_t count)
{
    struct smh_traced_access *accesses;
    size_t logged = smh_tracing_end(&accesses);
    smh_tracing_undo();
    for (size_t i = 0; i < logged; i++) {
        struct smh_traced_access *access = &accesses[i];
        smh_tracing_redo(access);
        list[count] = seen_now(machine, access->address, access->bytes, access->store);
        list[count++].bulk = access->bulk;
    }
    return count;
}

static void request(struct smh_machine *machine, void **block, size_t bytes)
{
    if (bytes == 0) {
        cr_assert(smh_core_traced.pool_free(&machine->pool, *block) == 0);
        *block = NULL;
        return;
    }
    *block = *block == NULL ? smh_core_traced.pool_calloc(&machine->pool, 0, 1, bytes)
                            : smh_core_traced.pool_realloc(&machine->pool, 0, *block, bytes);
    cr_assert(*block != NULL);
}

/* Two machines are asked the same; of one there is a log, the other's accesses are taken. */
Test(tracing, takers_are_given_what_a_log_would_begin_with_and_the_log_holds_the_rest)
{
    static struct seen logged[1024];
    static const size_t sizes[] = {100, 40, 0, 8, 600, 2000, 0, 300, 900, 0};
    size_t with_rest = 0;
    struct smh_scenario *scenario = given_scenario(two_regions);
    open_one(&traced, scenario, smh_engine_find("bitmap"), NULL, &smh_core_traced);
    open_one(&plain, scenario, smh_engine_find("bitmap"), NULL, &smh_core_traced);
    void *blocks[2] = {NULL, NULL};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        begin();
        request(&traced, &blocks[0], sizes[i]);
        size_t count = read_log(&traced, logged, 0);
        taken_count = 0;
        smh_tracing_begin_taking(plain.reservation, plain.reservation_bytes, &takers, &plain);
        request(&plain, &blocks[1], sizes[i]);
        struct smh_traced_access *accesses;
        size_t rest = smh_tracing_end(&accesses);
        cr_assert(rest == 0 || accesses[0].bulk);
        with_rest += rest != 0;
        taken_count = read_log(&plain, taken, taken_count);
        cr_assert(taken_count == count && count > 0, "%zu, not %zu", taken_count, count);
        for (size_t j = 0; j < count; j++) {
            cr_assert(taken[j].offset == logged[j].offset && taken[j].value == logged[j].value &&
                          taken[j].bytes == logged[j].bytes && taken[j].store == logged[j].store &&
                          taken[j].bulk == logged[j].bulk,
                      "request %zu, access %zu: %llx %llx", i, j,
                      (unsigned long long)taken[j].value, (unsigned long long)logged[j].value);
        }
    }
    cr_assert(with_rest > 0 && with_rest < sizeof(sizes) / sizeof(sizes[0]));
}
