/* tiny.c: a heap for each size. See tiny.h.
 *
 *     room     |xxxxxxxx|offset|  memory, 0 bytes and on  |xxxxxxxxxxxx|
 *     tables   |xxxxxxxx|offset|  metadata, 1 byte and on |xxxxxxxxxxxx|
 *
 * Invariants: what is not a heap's own is poisoned while there is one.
 */
#include "tiny.h"

#include "../engines.h"
#include "../naive/naive_tables.h"
#include "../naive/reference.h"
#include "../stage.h"

#include <smh/port.h>

#define BEFORE      64u
#define OFFSETS     72u /* from 0 to a granule and a little more */
#define MEMORY_MOST 1024u
#define TABLES_MOST 1024u
#define ENOUGH      768u /* bytes that suffice for any engine, tables of its own included */
#define CALLS_MOST  64u  /* a process */

static _Alignas(64) uint8_t room[BEFORE + OFFSETS + MEMORY_MOST + BEFORE];
static _Alignas(64) uint8_t tables[BEFORE + OFFSETS + TABLES_MOST + BEFORE];
static struct smh_heap heap;
static struct smh_heap_config config;

static void lay(uint8_t *all, size_t bytes, const uint8_t *from, size_t size)
{
    smh_port_poison(all, bytes);
    smh_port_unpoison((void *)(uintptr_t)from, size);
}

/* All of a heap in one block, where the reference has it, and back. */
static void judge_whole(void)
{
    uint8_t *memory = config.memory;
    size_t largest = heap.engine->largest_free(&heap);
    const struct fuzz_reference *reference =
        fuzz_reference_open(&heap, config.metadata, config.metadata_size);
    FUZZ_REQUIRE(largest <= config.memory_size && smh_heap_check(&heap, NULL) == 0,
                 "tiny: %s has %zu bytes in %zu", heap.engine->name, largest, config.memory_size);
    uint8_t *block = largest == 0 ? NULL : smh_heap_alloc(&heap, largest);
    if (reference != NULL && largest != 0) {
        fuzz_reference_compare(reference, &heap, block, reference->alloc(0, largest), largest);
    }
    if (block == NULL) {
        FUZZ_REQUIRE(largest == 0, "tiny: %s refuses the %zu bytes that it has", heap.engine->name,
                     largest);
        return;
    }
    size_t usable = smh_heap_usable_size(&heap, block);
    FUZZ_REQUIRE(usable >= largest && (uintptr_t)block - (uintptr_t)memory <= config.memory_size &&
                     usable <= config.memory_size - (size_t)(block - memory),
                 "tiny: %s gives %zu bytes at offset %td of %zu", heap.engine->name, usable,
                 block - memory, config.memory_size);
    memset(block, 0xAB, usable);
    FUZZ_REQUIRE(smh_heap_check(&heap, NULL) == 0 && smh_heap_free(&heap, block) == 0 &&
                     smh_heap_check(&heap, NULL) == 0 &&
                     heap.engine->largest_free(&heap) == largest,
                 "tiny: %s of %zu bytes is not what it was", heap.engine->name, config.memory_size);
}

/* Whether there is a heap; then all that it promises holds. */
static bool judge_one(uint8_t *memory, size_t size, uint8_t *metadata, size_t metadata_size)
{
    config.memory = memory;
    config.memory_size = size;
    config.metadata = metadata;
    config.metadata_size = metadata_size;
    lay(room, sizeof(room), memory, size);
    lay(tables, sizeof(tables), metadata == NULL ? tables : metadata, metadata_size);
    size_t asked = smh_heap_metadata_size(&config);
    int code = smh_heap_init(&heap, &config);
    FUZZ_REQUIRE(code == 0 || code == -ENOMEM, "tiny: init of %zu bytes, tables of %zu, gives %d",
                 size, metadata_size, code);
    if (code == 0) {
        naive_judge_tables(&heap, &config, asked);
        judge_whole();
    }
    return code == 0;
}

static void judge_memory(size_t offset)
{
    bool served = false;
    for (size_t size = 0; size <= ENOUGH; size++) {
        served = judge_one(room + BEFORE + offset, size, NULL, 0);
    }
    FUZZ_REQUIRE(served, "tiny: %u bytes are too few for %s", ENOUGH, config.engine->name);
}

static void judge_tables(size_t offset)
{
    config.memory_size = MEMORY_MOST;
    size_t wanted = smh_heap_metadata_size(&config);
    bool served = wanted == 0 || wanted > TABLES_MOST;
    for (size_t size = 0; !served && size <= wanted; size++) {
        /* One byte less than is asked for may do, where the tables happen to lie well. */
        bool answer =
            judge_one(room + BEFORE + offset / 2, MEMORY_MOST, tables + BEFORE + offset, size);
        FUZZ_REQUIRE(answer || size < wanted, "tiny: %s asks for tables of %zu and refuses them",
                     config.engine->name, wanted);
    }
}

void fuzz_judge_tiny(uint64_t seed)
{
    static unsigned judged;
    struct smh_random random;
    if (judged == CALLS_MOST) {
        return;
    }
    judged++;
    smh_random_init(&random, seed, 0);
    config.engine = fuzz_draw_engine(&random);
    bool fixed = fuzz_engine_is_zephyr(config.engine);
    config.granule = fixed ? 0 : ((size_t)8 << smh_random_below(&random, 4)) % 64;
    config.target_bits = smh_random_below(&random, 2) == 0 ? 32 : 64;
    judge_memory((size_t)smh_random_below(&random, OFFSETS));
    judge_tables((size_t)smh_random_below(&random, OFFSETS));
    smh_port_unpoison(room, sizeof(room));
    smh_port_unpoison(tables, sizeof(tables));
}
