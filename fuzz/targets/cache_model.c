/* cache_model.c: random machines and accesses: the memory system against a naive second model.
 *
 * Owns: the meaning of the input: a header from which a machine is drawn (geometry, policies,
 * cores, regions, store buffer), then a record of eight bytes for each access.
 *
 *     header   seed (8 bytes) | freedom (1) | rest ignored, SMH_FUZZ_HEADER_BYTES in all
 *     record   kind, region, core and alias, step, offset (2 bytes), bytes, value
 *
 * Without freedom, after each access: the same cycles, the same first wrong byte, the same bytes
 * seen by a core and by a device near it; at the end the same counters. With freedom (evictions
 * and fills at any time) there is no second schedule to compare with: one core then runs a coherent
 * sequence, and every load, and a device's read after a flush, must see the truth.
 */
#include "../naive/naive_memory.h"
#include "../stage.h"

#include <string.h>

const char fuzz_target[] = "cache_model";

static struct smh_machine_config config;
static struct smh_region_config regions[NAIVE_REGIONS_MAX];
static uint8_t truth[NAIVE_REGIONS_MAX][NAIVE_REGION_MAX];
static struct naive_memory naive;
static struct smh_memory *memory;
static bool coherent; /* with freedom */

static uint8_t byte_at(const uint8_t *bytes, size_t size, size_t index)
{
    return index < size ? bytes[index] : 0;
}

static void open_machine(const uint8_t *bytes, size_t size)
{
    uint64_t seed = 0;
    struct smh_random random;
    struct smh_error error;
    uint8_t *pointers[NAIVE_REGIONS_MAX];
    uint64_t sizes[NAIVE_REGIONS_MAX];
    for (size_t i = 0; i < 8; i++) {
        seed = seed << 8 | byte_at(bytes, size, i);
    }
    smh_random_init(&random, seed, 0);
    naive_draw_machine(&random, &config, regions);
    memset(truth, 0, sizeof(truth));
    for (size_t i = 0; i < NAIVE_REGIONS_MAX; i++) {
        pointers[i] = truth[i];
        sizes[i] = regions[i].size;
    }
    memory = smh_memory_open(&config, pointers, sizes, &error);
    FUZZ_REQUIRE(memory != NULL, "a machine does not open: %s", error.message);
    smh_memory_set_seed(memory, seed);
    naive_open(&naive, &config, pointers, seed);
    uint8_t freedom = byte_at(bytes, size, 8);
    coherent = freedom % 4 == 3;
    if (coherent) {
        smh_memory_set_freedom(memory, &(struct smh_memory_freedom){seed, freedom * 4u, 400});
    }
}

/* The access of a record; false: it is none, but a hand-out or free, which has been made. */
static bool read_record(const uint8_t *record, struct smh_access *access)
{
    static const uint32_t steps[] = {0, 0, 0, 0, 4, 8, 16, 32, 64, 128};
    *access = (struct smh_access){.region = (uint16_t)(record[1] % config.region_count),
                                  .core = (uint8_t)(record[2] % config.cores),
                                  .uncached = record[2] >= 224,
                                  .step = steps[record[3] % 10]};
    uint64_t size = regions[access->region].size;
    access->offset = (record[4] | (uint64_t)record[5] << 8) % size;
    uint64_t bytes = record[6] < 192 ? record[6] % 9 : record[6];
    access->bytes = bytes == 0 ? 1 : bytes;
    if (access->bytes > size - access->offset) {
        access->bytes = size - access->offset;
    }
    /* Mostly loads and stores; the last of ten is a hand-out. */
    static const uint8_t kinds[] = {SMH_ACCESS_LOAD,    SMH_ACCESS_STORE,    SMH_ACCESS_LOAD,
                                    SMH_ACCESS_STORE,   SMH_ACCESS_DMA_READ, SMH_ACCESS_DMA_WRITE,
                                    SMH_ACCESS_CLEAN,   SMH_ACCESS_FLUSH,    SMH_ACCESS_INVALIDATE,
                                    SMH_ACCESS_BARRIER, SMH_ACCESS_STORE};
    unsigned kind = record[0] % 12;
    if (kind == 11) {
        smh_memory_forget(memory, access->region, access->offset, access->bytes);
        naive_forget(&naive, access->region, access->offset, access->bytes);
        return false;
    }
    access->kind = kinds[kind];
    if (coherent) {
        access->core = 0;
        access->uncached = false;
        if (access->kind == SMH_ACCESS_DMA_READ || access->kind == SMH_ACCESS_INVALIDATE) {
            access->kind = SMH_ACCESS_LOAD;
        } else if (access->kind == SMH_ACCESS_DMA_WRITE) {
            access->kind = SMH_ACCESS_STORE;
        }
    }
    if (access->kind == SMH_ACCESS_STORE || access->kind == SMH_ACCESS_DMA_WRITE) {
        for (uint64_t i = 0; i < access->bytes; i++) {
            truth[access->region][access->offset + i] = (uint8_t)(record[7] + i);
        }
    }
    return true;
}

static void compare_views(const struct smh_access *access)
{
    uint8_t who[2] = {access->core, SMH_MEMORY_DEVICE};
    uint64_t end = regions[access->region].size;
    uint64_t from = access->offset < 8 ? 0 : access->offset - 8;
    uint64_t bytes = end - from < 24 ? end - from : 24;
    uint8_t seen[24];
    for (size_t i = 0; i < 2; i++) {
        smh_memory_view(memory, who[i], access->region, from, bytes, seen);
        for (uint64_t j = 0; j < bytes; j++) {
            uint8_t expected = naive_view(&naive, who[i], access->region, from + j);
            FUZZ_REQUIRE(seen[j] == expected, "access %llu: %u sees %u at %llu, not %u",
                         (unsigned long long)fuzz_operations, who[i], seen[j],
                         (unsigned long long)(from + j), expected);
        }
    }
}

static void run_access(const struct smh_access *access)
{
    uint64_t cycles = smh_memory_access(memory, access);
    uint64_t wrong = smh_memory_wrong_offset(memory);
    fuzz_operations++;
    if (coherent) {
        FUZZ_REQUIRE(wrong == UINT64_MAX, "a coherent load reads what is not the truth at %llu",
                     (unsigned long long)wrong);
        return;
    }
    uint64_t expected = naive_access(&naive, access);
    FUZZ_REQUIRE(cycles == expected, "an access of kind %u costs %llu cycles, not %llu",
                 access->kind, (unsigned long long)cycles, (unsigned long long)expected);
    FUZZ_REQUIRE(wrong == naive.wrong_offset, "an access of kind %u is wrong at %llu, not %llu",
                 access->kind, (unsigned long long)wrong, (unsigned long long)naive.wrong_offset);
    compare_views(access);
}

static void finish(void)
{
    for (uint16_t i = 0; i < config.region_count; i++) {
        struct smh_access access = {.region = i, .bytes = regions[i].size};
        if (coherent) {
            access.kind = SMH_ACCESS_BARRIER;
            (void)smh_memory_access(memory, &access);
            access.kind = SMH_ACCESS_FLUSH;
            (void)smh_memory_access(memory, &access);
            smh_memory_set_freedom(memory, &(struct smh_memory_freedom){0, 0, 0});
            access.kind = SMH_ACCESS_FLUSH; /* what a fill brought back in between is clean */
            (void)smh_memory_access(memory, &access);
            access.kind = SMH_ACCESS_DMA_READ;
            run_access(&access);
            continue;
        }
        for (unsigned level = 0; level < 2; level++) {
            struct smh_memory_counters counters;
            smh_memory_counters(memory, level, i, &counters);
            FUZZ_REQUIRE(memcmp(&counters, &naive.counters[level][i], sizeof(counters)) == 0,
                         "the counters of level %u, region %u differ", level, i);
        }
    }
    smh_memory_close(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct smh_access access;
    open_machine(bytes, size);
    for (size_t at = SMH_FUZZ_HEADER_BYTES; at + SMH_FUZZ_RECORD_BYTES <= size;
         at += SMH_FUZZ_RECORD_BYTES) {
        if (read_record(bytes + at, &access)) {
            run_access(&access);
        }
    }
    finish();
    return 0;
}
