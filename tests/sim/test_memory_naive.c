/* test_memory_naive.c: random machines and accesses against the naive second model, and with
 * faults.
 *
 * Owns: the comparison step by step, a coherent program under any freedom, and faulty memories:
 * the real one, whose state is damaged behind its back as a wrong line of code would. Each fault
 * must be noticed.
 */
#include "../../fuzz/naive/naive_memory.h"
#include "../../sim/machine/memory_state.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct smh_machine_config config;
static struct smh_region_config regions[NAIVE_REGIONS_MAX];
static uint8_t truth[NAIVE_REGIONS_MAX][NAIVE_REGION_MAX];
static struct naive_memory naive;

/* Damages the state before or after an access; NULL: none. */
typedef void (*fault)(struct smh_memory *memory, const struct smh_access *access);

static struct smh_memory *open_machine(uint64_t seed, struct smh_random *random)
{
    uint8_t *pointers[NAIVE_REGIONS_MAX] = {truth[0], truth[1], truth[2]};
    uint64_t sizes[NAIVE_REGIONS_MAX];
    struct smh_error error;
    smh_random_init(random, seed, 0);
    naive_draw_machine(random, &config, regions);
    for (size_t i = 0; i < NAIVE_REGIONS_MAX; i++) {
        sizes[i] = regions[i].size;
    }
    memset(truth, 0, sizeof truth);
    struct smh_memory *memory = smh_memory_open(&config, pointers, sizes, &error);
    cr_assert_not_null(memory, "%s", error.message);
    smh_memory_set_seed(memory, seed);
    naive_open(&naive, &config, pointers, seed);
    return memory;
}

static struct smh_access draw_access(struct smh_random *random, bool coherent)
{
    static const uint8_t kinds[] = {
        SMH_ACCESS_LOAD,      SMH_ACCESS_STORE,      SMH_ACCESS_LOAD,    SMH_ACCESS_STORE,
        SMH_ACCESS_CLEAN,     SMH_ACCESS_FLUSH,      SMH_ACCESS_BARRIER, SMH_ACCESS_DMA_READ,
        SMH_ACCESS_DMA_WRITE, SMH_ACCESS_INVALIDATE, SMH_ACCESS_STORE};
    struct smh_access access = {0};
    access.kind = kinds[smh_random_below(random, coherent ? 7 : 11)];
    access.region = (uint16_t)smh_random_below(random, config.region_count);
    access.core = coherent ? 0 : (uint8_t)smh_random_below(random, config.cores);
    access.uncached = !coherent && smh_random_below(random, 8) == 0;
    uint64_t size = regions[access.region].size;
    uint64_t near = size < 256 ? size : 256; /* often enough the same lines */
    access.offset = smh_random_below(random, smh_random_below(random, 4) == 0 ? size : near);
    access.bytes = 1 + smh_random_below(random, smh_random_below(random, 4) == 0 ? 64 : 8);
    if (access.bytes > size - access.offset) {
        access.bytes = size - access.offset;
    }
    if (access.kind == SMH_ACCESS_STORE || access.kind == SMH_ACCESS_DMA_WRITE) {
        for (uint64_t i = 0; i < access.bytes; i++) {
            truth[access.region][access.offset + i] = (uint8_t)smh_random_next(random);
        }
    }
    return access;
}

static bool views_are_equal(const struct smh_memory *memory, const struct smh_access *access)
{
    uint8_t who[2] = {access->core, SMH_MEMORY_DEVICE};
    for (size_t i = 0; i < 2; i++) {
        uint8_t seen;
        smh_memory_view(memory, who[i], access->region, access->offset, 1, &seen);
        if (seen != naive_view(&naive, who[i], access->region, access->offset)) {
            return false;
        }
    }
    return true;
}

/* How many accesses go by alike; count: all of them, counters included. */
static unsigned run_alike(uint64_t seed, unsigned count, fault before, fault after)
{
    struct smh_random random;
    struct smh_memory *memory = open_machine(seed, &random);
    unsigned done = 0;
    bool alike = true;
    for (; alike && done < count; done += alike) {
        struct smh_access access = draw_access(&random, false);
        if (before != NULL) {
            before(memory, &access);
        }
        uint64_t cycles = smh_memory_access(memory, &access);
        alike = cycles == naive_access(&naive, &access) &&
                smh_memory_wrong_offset(memory) == naive.wrong_offset &&
                views_are_equal(memory, &access);
        if (after != NULL) {
            after(memory, &access);
        }
    }
    for (unsigned level = 0; alike && level < 2; level++) {
        for (uint16_t i = 0; i < config.region_count; i++) {
            struct smh_memory_counters counters;
            smh_memory_counters(memory, level, i, &counters);
            alike &= memcmp(&counters, &naive.counters[level][i], sizeof counters) == 0;
        }
    }
    smh_memory_close(memory);
    return alike ? count : done < count ? done : count - 1;
}

Test(memory_naive, random_machines_do_what_the_second_model_does)
{
    for (uint64_t seed = 0; seed < 600; seed++) {
        unsigned done = run_alike(seed, 400, NULL, NULL);
        cr_assert_eq(done, 400, "seed %llu: differs at access %u", (unsigned long long)seed, done);
    }
}

/* The two lines used last change places. */
static void lru_wrong(struct smh_memory *memory, const struct smh_access *access)
{
    struct smh_cache *cache = &memory->cores[access->core].l1.cache;
    if (memory->has_l1 && cache->replacement == SMH_REPLACE_LRU && cache->ways > 1 &&
        cache->tags[1] != 0) {
        uint64_t tag = cache->tags[0];
        uint16_t way = cache->way_of[0];
        cache->tags[0] = cache->tags[1];
        cache->way_of[0] = cache->way_of[1];
        cache->tags[1] = tag;
        cache->way_of[1] = way;
    }
}

static void plru_not_updated(struct smh_memory *memory, const struct smh_access *access)
{
    struct smh_cache *cache = &memory->cores[access->core].l1.cache;
    if (memory->has_l1 && cache->tree != NULL) {
        memset(cache->tree, 0, (size_t)(cache->set_mask + 1) * cache->leaves);
    }
}

static void random_draws_once_too_often(struct smh_memory *memory, const struct smh_access *access)
{
    if (memory->has_l1 && access->kind == SMH_ACCESS_STORE) {
        (void)smh_random_next(&memory->cores[access->core].l1.cache.random);
    }
}

static void write_back_skipped(struct smh_memory *memory, const struct smh_access *access)
{
    if (memory->has_l1 && access->kind == SMH_ACCESS_LOAD) {
        memset(memory->cores[access->core].l1.dirty, false,
               memory->cores[access->core].l1.cache.line_count);
    }
}

static void l2_write_back_skipped(struct smh_memory *memory, const struct smh_access *access)
{
    (void)access;
    if (memory->has_l2) {
        memory->l2.dirty[0] = false;
    }
}

static void youngest_store_forgotten(struct smh_memory *memory, const struct smh_access *access)
{
    struct smh_memory_core *core = &memory->cores[access->core];
    core->pending_count -= core->pending_count > 1;
}

static void a_byte_changes(struct smh_memory *memory, const struct smh_access *access)
{
    if (memory->has_l1 && access->kind == SMH_ACCESS_CLEAN) {
        memory->cores[access->core].l1.data[5 % memory->line_bytes] ^= 1;
    }
}

static void a_count_is_missed(struct smh_memory *memory, const struct smh_access *access)
{
    struct smh_memory_counters *counters = memory->regions[access->region].counters;
    counters[0].store_misses -= counters[0].store_misses > 0 && access->kind == SMH_ACCESS_FLUSH;
}

static void definedness_is_lost(struct smh_memory *memory, const struct smh_access *access)
{
    memory->regions[access->region].defined[0] = 0;
}

Test(memory_naive, every_planted_fault_is_noticed)
{
    static const struct {
        const char *name;
        fault before, after;
    } faults[] = {
        {"LRU updated wrongly", NULL, lru_wrong},
        {"pseudo-LRU not updated", NULL, plru_not_updated},
        {"random drawn once too often", NULL, random_draws_once_too_often},
        {"a write-back of L1 skipped", write_back_skipped, NULL},
        {"a write-back of L2 skipped", NULL, l2_write_back_skipped},
        {"a store lost in the buffer", NULL, youngest_store_forgotten},
        {"a byte changed in L1", NULL, a_byte_changes},
        {"a miss not counted", NULL, a_count_is_missed},
        {"a stored byte taken as undefined", NULL, definedness_is_lost},
    };
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        unsigned noticed = 0;
        for (uint64_t seed = 0; seed < 100; seed++) {
            noticed += run_alike(seed, 400, faults[i].before, faults[i].after) < 400;
        }
        cr_expect(noticed > 0, "%s: not noticed", faults[i].name);
    }
}

/* One core, no device, no alias, no invalidate: hardware may evict and fetch as it likes, and every
 * load is the truth; flushed, so is memory. false: it is not. */
static bool run_coherent(uint64_t seed, fault after)
{
    struct smh_random random;
    struct smh_memory *memory = open_machine(seed, &random);
    struct smh_memory_freedom freedom = {seed, (uint32_t)smh_random_below(&random, 1001),
                                         (uint32_t)smh_random_below(&random, 1001)};
    smh_memory_set_freedom(memory, &freedom);
    bool good = true;
    for (unsigned i = 0; good && i < 600; i++) {
        struct smh_access access = draw_access(&random, true);
        (void)smh_memory_access(memory, &access);
        good = smh_memory_wrong_offset(memory) == UINT64_MAX;
        if (after != NULL) {
            after(memory, &access);
        }
    }
    freedom = (struct smh_memory_freedom){0, 0, 0};
    smh_memory_set_freedom(memory, &freedom);
    for (uint16_t i = 0; good && i < config.region_count; i++) {
        static const uint8_t kinds[] = {SMH_ACCESS_BARRIER, SMH_ACCESS_FLUSH, SMH_ACCESS_DMA_READ};
        for (size_t k = 0; k < 3; k++) {
            struct smh_access access = {.region = i, .bytes = regions[i].size, .kind = kinds[k]};
            (void)smh_memory_access(memory, &access);
        }
        good = smh_memory_wrong_offset(memory) == UINT64_MAX;
    }
    smh_memory_close(memory);
    return good;
}

Test(memory_naive, a_coherent_program_reads_the_truth_under_any_freedom)
{
    for (uint64_t seed = 0; seed < 600; seed++) {
        cr_assert(run_coherent(seed, NULL), "seed %llu", (unsigned long long)seed);
    }
}

Test(memory_naive, a_skipped_write_back_shows_in_a_coherent_program)
{
    unsigned noticed = 0;
    for (uint64_t seed = 0; seed < 50; seed++) {
        noticed += !run_coherent(seed, write_back_skipped);
    }
    cr_expect(noticed > 10, "noticed in %u of 50", noticed);
}
