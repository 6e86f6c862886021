/* grid.c: each alignment at each place. See grid.h.
 *
 *     window   0           2^k                      3 * 2^k
 *              |            |+head|   heap   |          |      k from 6 to 21: aligned to 2^k and
 *                                                              no more, as seen from its base
 */
#include "grid.h"

#include "../engines.h"
#include "../naive/naive_verdict.h"
#include "../stage.h"
#include "large.h"

#include <smh/port.h>

#define SHIFT_LEAST 6u
#define SHIFT_MOST  21u
#define BLOCKS      64u
#define GUARD       64u
#define CALLS_MOST  32u /* a process */

static _Alignas(8) uint8_t tables[(size_t)1 << 20];
static struct smh_heap heap;
static struct smh_heap_config config;
static struct {
    uint8_t *at;
    size_t usable;
} blocks[BLOCKS];
static size_t block_count;

/* What the seed says. */
struct plan {
    const struct smh_engine *engine;
    unsigned target_bits;
    bool metadata;
    size_t head;  /* bytes from an aligned place to the heap, a multiple of 8 */
    size_t bytes; /* of a small block */
    size_t turn;
};

/* With tables of the least size, if with any: that suffices wherever the heap begins and ends. */
static void open_heap(uint8_t *memory, size_t size, size_t granule, const struct plan *plan)
{
    config = (struct smh_heap_config){.memory = memory,
                                      .memory_size = size,
                                      .granule = granule,
                                      .target_bits = plan->target_bits,
                                      .engine = plan->engine};
    size_t wanted = plan->metadata ? smh_heap_metadata_size(&config) : 0;
    FUZZ_REQUIRE(wanted <= sizeof(tables), "grid: %s wants tables of %zu bytes", plan->engine->name,
                 wanted);
    config.metadata = wanted == 0 ? NULL : tables + sizeof(tables) - wanted;
    config.metadata_size = wanted;
    smh_port_poison(memory - GUARD, GUARD);
    smh_port_poison(memory + (size + 7) / 8 * 8, GUARD);
    int code = smh_heap_init(&heap, &config);
    FUZZ_REQUIRE(code == 0, "grid: %s refuses %zu bytes at 0x%zx, granule %zu, tables of %zu: %d",
                 plan->engine->name, size, (size_t)(uintptr_t)memory, granule, wanted, code);
    block_count = 0;
}

/* All is free again, and what it was at first. */
static void close_heap(size_t largest)
{
    struct smh_fault fault = {0};
    for (size_t i = 0; i < block_count; i++) {
        FUZZ_REQUIRE(smh_heap_free(&heap, blocks[i].at) == 0, "grid: %s: a block stays",
                     config.engine->name);
    }
    FUZZ_REQUIRE(smh_heap_check(&heap, &fault) == 0, "grid: %s: 0x%zx: %s", config.engine->name,
                 fault.offset, fault.rule);
    FUZZ_REQUIRE(heap.used_bytes == 0 && heap.engine->largest_free(&heap) == largest,
                 "grid: %s: all is free, and %zu bytes are the most of %zu", config.engine->name,
                 heap.engine->largest_free(&heap), largest);
    smh_port_unpoison((uint8_t *)config.memory - GUARD, GUARD);
    smh_port_unpoison((uint8_t *)config.memory + (config.memory_size + 7) / 8 * 8, GUARD);
}

/* Where it must, apart from all others but number `own`. */
static void judge(uint8_t *block, size_t align, size_t bytes, size_t own)
{
    size_t usable = smh_heap_usable_size(&heap, block);
    uintptr_t offset = (uintptr_t)block - (uintptr_t)config.memory;
    FUZZ_REQUIRE(usable >= bytes && usable <= config.memory_size &&
                     offset <= config.memory_size - usable && smh_heap_verdict(&heap, block) == 0,
                 "grid: %s gives %zu bytes at 0x%zx, of which %zu are usable", config.engine->name,
                 bytes, (size_t)offset, usable);
    FUZZ_REQUIRE(align == 0 || (uintptr_t)block % align == 0,
                 "grid: %s gives %zu bytes at 0x%zx, which is no multiple of %zu",
                 config.engine->name, bytes, (size_t)(uintptr_t)block, align);
    /* Powers of two at their multiples. */
    FUZZ_REQUIRE(config.engine != &smh_engine_buddy || (uintptr_t)block % usable == 0,
                 "grid: a buddy of %zu bytes lies at 0x%zx", usable, (size_t)(uintptr_t)block);
    for (size_t i = 0; i < block_count; i++) {
        FUZZ_REQUIRE(i == own || ((uintptr_t)block - (uintptr_t)blocks[i].at >= blocks[i].usable &&
                                  (uintptr_t)blocks[i].at - (uintptr_t)block >= usable),
                     "grid: %s gives %zu bytes at 0x%zx, where a block is", config.engine->name,
                     bytes, (size_t)offset);
    }
    blocks[own].at = block;
    blocks[own].usable = usable;
    block_count += own == block_count;
}

static void ask(size_t align, size_t bytes)
{
    const struct smh_operation operation = {
        .kind = SMH_OPERATION_ALLOC, .align = (uint32_t)align, .bytes = bytes};
    bool room = fuzz_has_room(&heap, &operation);
    uint8_t *block = block_count == BLOCKS ? NULL : smh_heap_aligned_alloc(&heap, align, bytes);
    FUZZ_REQUIRE(block != NULL || !room || block_count == BLOCKS,
                 "grid: %s refuses %zu bytes at a multiple of %zu, a chunk suffices",
                 config.engine->name, bytes, align);
    if (block != NULL) {
        judge(block, align, bytes, block_count);
        memset(block, (int)block_count, bytes < 16 ? bytes : 16);
    }
}

/* A block wherever it is, of so many bytes then. */
static void move(size_t own, size_t align, size_t bytes)
{
    uint8_t kept[16];
    uint8_t *old = blocks[own].at;
    memset(old, (int)(own + 1), sizeof(kept) < blocks[own].usable ? 16 : blocks[own].usable);
    size_t same = bytes < blocks[own].usable ? bytes : blocks[own].usable;
    same = same < sizeof(kept) ? same : sizeof(kept);
    memcpy(kept, old, same);
    uint8_t *block = smh_heap_aligned_realloc(&heap, old, align, bytes);
    if (block == NULL) {
        judge(old, 0, 1, own);
        return;
    }
    judge(block, align, bytes, own);
    FUZZ_REQUIRE(memcmp(block, kept, same) == 0, "grid: %s loses the contents of a block",
                 config.engine->name);
}

static void judge_place(uint8_t *memory, size_t size, const struct plan *plan)
{
    open_heap(memory, size, 0, plan);
    size_t largest = heap.engine->largest_free(&heap);
    for (size_t align = 8; align <= size; align *= 2) {
        ask(align, plan->bytes);
        ask(align, align);
    }
    ask(0, size / 4);
    ask(0, size / 8);
    for (size_t i = 0; i < block_count; i++) {
        size_t align = (size_t)8 << (i * 5 + plan->turn) % 20;
        size_t bytes = blocks[i].usable;
        move(i, align <= size ? align : 0, i % 3 == 0 ? bytes : i % 3 == 1 ? bytes + 1 : bytes / 2);
    }
    close_heap(largest);
}

/* A heap that is full but for what lies before one block, which grows into it. */
static void judge_slides(const struct plan *plan)
{
    uint8_t *memory = fuzz_window() + 4096 + plan->head;
    for (size_t gap = 16; gap <= 48; gap += 8) {
        for (size_t align = 8; align <= 64; align *= 2) {
            open_heap(memory, 1024 + gap, 0, plan);
            size_t largest = heap.engine->largest_free(&heap);
            ask(0, plan->bytes);
            ask(0, gap);
            ask(0, 40);
            for (size_t rest; (rest = heap.engine->largest_free(&heap)) != 0;) {
                ask(0, rest);
                if (block_count == BLOCKS) {
                    break;
                }
            }
            FUZZ_REQUIRE(block_count > 2 && smh_heap_free(&heap, blocks[1].at) == 0,
                         "grid: %s has no room for three blocks", config.engine->name);
            blocks[1] = blocks[--block_count];
            move(2 < block_count ? 2 : 1, align, 48);
            close_heap(largest);
        }
    }
}

/* Of all addresses near the ends of memory the block's own is the only one that is a block. */
static void judge_ends(size_t granule)
{
    uint8_t *memory = config.memory;
    bool exact = heap.starts != NULL || (heap.engine->flags & SMH_ENGINE_EXACT) != 0;
    for (size_t i = 0; exact && i < 4 * 24; i++) {
        size_t distance = i / 4 * (granule / 8) + i % 2;
        uint8_t *at = i % 4 < 2 ? memory + distance : memory + config.memory_size - distance;
        int code = smh_heap_verdict(&heap, at);
        FUZZ_REQUIRE((code == 0) == (at == blocks[0].at), "grid: %s: verdict on offset %td is %d",
                     config.engine->name, at - memory, code);
    }
}

/* Tables of the least size suffice, wherever memory begins and ends within a granule. */
static void judge_tables(const struct plan *plan)
{
    uint8_t *memory = fuzz_window() + 8192;
    for (size_t granule = 8;
         granule <= 4096 && (granule == 8 || !fuzz_engine_is_zephyr(plan->engine)); granule *= 2) {
        const size_t odd[] = {0, 1, 7, 8, granule / 2 + 1, granule - 8, granule - 1};
        for (size_t i = 0; i < 49; i++) {
            size_t size = (granule < 64 ? 1024 : 16 * granule) + odd[i / 7];
            open_heap(memory + odd[i % 7], size, fuzz_engine_is_zephyr(plan->engine) ? 0 : granule,
                      plan);
            size_t largest = heap.engine->largest_free(&heap);
            ask(0, largest);
            judge_ends(granule);
            close_heap(largest);
        }
    }
}

/* The verdict on an address: block or no block where that is known, or what headers say. */
static void judge_address(size_t offset, int verdict, bool exact, bool own)
{
    uint8_t *at = (uint8_t *)config.memory + offset;
    FUZZ_REQUIRE(!exact || (verdict == 0) == own, "grid: %s: verdict on offset %zu is %d",
                 config.engine->name, offset, verdict);
    if (!exact && naive_verdict_knows(&heap)) {
        int expected = naive_verdict(&heap, at);
        FUZZ_REQUIRE(verdict == expected, "grid: %s: verdict on offset %zu is %d, by its header %d",
                     config.engine->name, offset, verdict, expected);
    }
    FUZZ_REQUIRE(
        !exact || verdict == 0 ||
            (smh_heap_free(&heap, at) == verdict && smh_heap_realloc(&heap, at, 24) == NULL &&
             !smh_heap_resize(&heap, at, 24)),
        "grid: %s: free or realloc judges offset %zu otherwise than the verdict, which is %d",
        config.engine->name, offset, verdict);
}

/* Whatever is no block is neither freed nor resized, and free says of it what the verdict does: all
 * addresses of a heap with gaps and long blocks, inside which bitmap keeps words of its own. */
static void judge_strangers(const struct plan *plan)
{
    uint8_t *memory = fuzz_window() + 4096 + plan->head;
    open_heap(memory, 40960 + plan->turn, 0, plan); /* and a place behind the last unit */
    size_t largest = heap.engine->largest_free(&heap);
    bool exact = heap.starts != NULL || (heap.engine->flags & SMH_ENGINE_EXACT) != 0;
    for (size_t i = 0; i < BLOCKS; i++) {
        ask(0, 1 + (i * 7 + i * i * plan->turn) % (i % 4 < 2 ? 32 : 2 * plan->bytes));
    }
    size_t kept = 0;
    for (size_t i = 0; i < block_count; i++) {
        if (i % 2 == 0) {
            blocks[kept++] = blocks[i];
        } else {
            FUZZ_REQUIRE(smh_heap_free(&heap, blocks[i].at) == 0, "grid: %s: a block stays",
                         config.engine->name);
        }
    }
    block_count = kept;
    ask(0, 4096 + plan->turn * 512);
    ask(0, 8192 + plan->head);
    for (size_t offset = 0; offset < config.memory_size; offset += 4) {
        size_t own = 0;
        while (own < block_count && blocks[own].at != memory + offset) {
            own++;
        }
        judge_address(offset, smh_heap_verdict(&heap, memory + offset), exact, own < block_count);
    }
    close_heap(largest);
}

/* More than there is, up to the most that a number says, and what wraps to little when something is
 * added to it or it is rounded up. */
static void judge_most(const struct plan *plan)
{
    open_heap(fuzz_window() + 4096, 1024 + plan->head, 0, plan);
    size_t largest = heap.engine->largest_free(&heap);
    ask(0, plan->bytes);
    for (unsigned i = 0; i < 128; i++) {
        size_t bytes = i < 64 ? SIZE_MAX - i : SIZE_MAX >> (i - 64) % 48;
        size_t align = (size_t)8 << (i + plan->turn) % 24;
        FUZZ_REQUIRE(smh_heap_alloc(&heap, bytes) == NULL &&
                         smh_heap_aligned_alloc(&heap, align, bytes) == NULL &&
                         !smh_heap_resize(&heap, blocks[0].at, bytes) &&
                         smh_heap_aligned_realloc(&heap, blocks[0].at, align, bytes) == NULL,
                     "grid: %s serves %zu bytes", config.engine->name, bytes);
    }
    close_heap(largest);
}

void fuzz_judge_grid(uint64_t seed)
{
    static unsigned judged;
    struct smh_random random;
    if (judged == CALLS_MOST || fuzz_window() == NULL) {
        return;
    }
    judged++;
    smh_random_init(&random, seed, 0);
    const struct plan plan = {
        .engine = fuzz_draw_engine(&random),
        .target_bits = smh_random_below(&random, 2) == 0 ? 32 : 64,
        .metadata = smh_random_below(&random, 4) != 0,
        .head = (size_t)smh_random_below(&random, 2) * (size_t)smh_random_below(&random, 64) * 8,
        .bytes = 1 + (size_t)smh_random_below(&random, 100),
        .turn = (size_t)smh_random_below(&random, 8),
    };
    for (unsigned shift = SHIFT_LEAST; shift <= SHIFT_MOST; shift++) {
        size_t base = (size_t)1 << shift;
        size_t size = base * 2 < 1024 ? 1024 : base * 2;
        judge_place(fuzz_window() + base * 3 + plan.head, size, &plan);
    }
    judge_most(&plan);
    judge_strangers(&plan);
    struct plan bare = plan; /* with the least of headers, which alone tell what is a block */
    bare.target_bits = 32;
    bare.metadata = (plan.engine->flags & SMH_ENGINE_EXACT) != 0;
    judge_strangers(&bare);
    for (size_t i = 0; smh_engine_at(i) != NULL; i++) {
        struct plan other = plan;
        other.engine = smh_engine_at(i);
        judge_slides(&other);
    }
    judge_tables(&plan);
}
