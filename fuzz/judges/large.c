/* large.c: heaps of 1 to 256 MiB. See large.h.
 *
 *     window   | guard |        heap, 1 to 256 MiB        | guard |      from a multiple of 1 GiB
 *                       '- anywhere: input              '- poisoned, as the one before
 */
#include "large.h"

#include "../engines.h"
#include "../naive/reference.h"
#include "../stage.h"

#include <smh/port.h>

#include <sys/mman.h>

#define WINDOW         ((size_t)1 << 30)
#define GUARD          ((size_t)1 << 12)
#define SMALLEST_SHIFT 20u
#define SHIFTS         9u
#define IN_BAND_SHIFT  21u /* start bitmaps are searched word by word */
#define BUDDY_UNITS    18u /* log2: buddies have a byte for each */
#define STEPS_MOST     64u
#define SLOTS          16u
/* Where steps are counted: 64 for each distance, by the edges of one. */
#define STEPS_VERDICT 1600u

static struct fuzz_stage stage; /* for fuzz_truth and fuzz_has_room; it has no oracle */
static const struct fuzz_reference *reference; /* NULL: none of its granule */
static _Alignas(8) uint8_t tables[((size_t)1 << 22) + 4096];

uint8_t *fuzz_window(void)
{
#if UINTPTR_MAX > UINT32_MAX
    static uint8_t *place;
    if (place == NULL) {
        void *mapped = mmap(NULL, 3 * WINDOW, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (mapped == MAP_FAILED) {
            return NULL;
        }
        place = (uint8_t *)mapped + (WINDOW - (uintptr_t)mapped % WINDOW) % WINDOW;
    }
    return place;
#else
    return NULL;
#endif
}

/* A granule that the engine takes, and the largest that is of use. */
static size_t granule_of(const struct smh_fuzz_region *region, size_t size)
{
    size_t granule = region->granule << region->odd % 3;
    if (region->engine == &smh_engine_buddy) {
        size_t least = size >> BUDDY_UNITS;
        return granule < least ? least : granule;
    }
    return fuzz_engine_is_zephyr(region->engine) ? 0 : granule;
}

/* False: the heap is refused. */
static bool open_heap(const struct smh_fuzz_region *region)
{
    bool in_band = (region->engine->flags & SMH_ENGINE_EXACT) == 0;
    unsigned shift = SMALLEST_SHIFT + (unsigned)(region->size / 64 % SHIFTS);
    shift = in_band && shift > IN_BAND_SHIFT ? IN_BAND_SHIFT : shift;
    size_t size = ((size_t)1 << shift) - region->size % 64;
    /* Anything from one unit to half a GiB, and the same for the same input. */
    size_t from = (region->size * UINT64_C(0x9E3779B97F4A7C15) >> 35) / 8 * 8;
    /* Or at a multiple of 1 GiB, or a little before it. */
    if (region->cost <= 2) {
        from = WINDOW - 2 * GUARD - (region->cost == 1 ? 0 : region->head);
    }
    struct smh_heap_config heap = {
        .memory = fuzz_window() + 2 * GUARD + from,
        .memory_size = size,
        .granule = granule_of(region, size),
        .target_bits = region->target_bits,
        .engine = region->engine,
    };
    size_t wanted = smh_heap_metadata_size(&heap);
    if ((region->metadata || in_band) && wanted <= sizeof(tables)) {
        heap.metadata = tables + sizeof(tables) - wanted;
        heap.metadata_size = wanted;
    }
    memset(&stage, 0, sizeof(stage));
    stage.memory[0] = heap.memory;
    stage.size[0] = size;
    stage.machine.region_count = 1;
    smh_port_poison(stage.memory[0] - GUARD, GUARD);
    smh_port_poison(stage.memory[0] + (size & ~(size_t)7), GUARD);
    smh_port_unpoison(stage.memory[0] + (size & ~(size_t)7), size % 8);
    if (smh_heap_init(&stage.slots[0].heap, &heap) != 0) {
        return false;
    }
    reference = fuzz_reference_open(&stage.slots[0].heap, heap.metadata, heap.metadata_size);
    return true;
}

static void close_heap(void)
{
    uintptr_t from = (uintptr_t)stage.memory[0] & ~(uintptr_t)4095;
    smh_port_unpoison(stage.memory[0] - GUARD, GUARD);
    smh_port_unpoison(stage.memory[0] + stage.size[0] / 8 * 8, GUARD);
    (void)madvise((void *)from, stage.size[0] + 4096, MADV_DONTNEED);
}

/* Enters what was returned for the operation, and judges it against all other live blocks. */
static void enter(struct smh_live *live, const struct smh_operation *operation, void *block)
{
    const struct smh_heap *heap = &stage.slots[0].heap;
    size_t align =
        operation->align > smh_heap_alignment(heap) ? operation->align : smh_heap_alignment(heap);
    size_t offset = (uintptr_t)block - (uintptr_t)stage.memory[0];
    live->block = NULL;
    size_t usable = smh_heap_usable_size(heap, block);
    FUZZ_REQUIRE(offset < stage.size[0] && usable >= operation->bytes &&
                     usable <= stage.size[0] - offset,
                 "large %s: %zu bytes at 0x%zx, of which %zu are usable", heap->engine->name,
                 (size_t)operation->bytes, offset, usable);
    FUZZ_REQUIRE((uintptr_t)block % align == 0, "large %s: 0x%zx is no multiple of %zu",
                 heap->engine->name, (size_t)(uintptr_t)block, align);
    for (size_t i = 0; i < SLOTS; i++) {
        const struct smh_live *other = &stage.live[i];
        FUZZ_REQUIRE(other->block == NULL ||
                         (uintptr_t)block - (uintptr_t)other->block >= other->usable,
                     "large %s: a block starts in another", heap->engine->name);
        FUZZ_REQUIRE(other->block == NULL || (uintptr_t)other->block - (uintptr_t)block >= usable,
                     "large %s: another block starts in this one", heap->engine->name);
    }
    live->block = block;
    live->usable = usable;
}

static void ask(struct smh_live *live, const struct smh_operation *operation)
{
    struct smh_heap *heap = &stage.slots[0].heap;
    bool room = fuzz_has_room(heap, operation);
    size_t largest = heap->engine->largest_free(heap);
    void *block = smh_heap_aligned_alloc(heap, operation->align, (size_t)operation->bytes);
    FUZZ_REQUIRE(block != NULL || !room, "large %s: %zu bytes at %u are refused, a chunk suffices",
                 heap->engine->name, (size_t)operation->bytes, (unsigned)operation->align);
    FUZZ_REQUIRE(operation->align != 0 || (block != NULL) == (operation->bytes <= largest),
                 "large %s: the largest free block is %zu, %zu bytes are given %p",
                 heap->engine->name, largest, (size_t)operation->bytes, block);
    if (reference != NULL) {
        uintptr_t expected = reference->alloc(operation->align, (size_t)operation->bytes);
        fuzz_reference_compare(reference, heap, block, expected, (size_t)operation->bytes);
    }
    if (block != NULL) {
        enter(live, operation, block);
    }
}

/* The verdict on an address is the truth, and is had in few steps. */
static void judge_address(uint8_t *at)
{
    const struct smh_heap *heap = &stage.slots[0].heap;
    uint64_t before = fuzz_steps;
    int verdict = smh_heap_verdict(heap, at);
    uint64_t steps = fuzz_steps - before;
    int truth = fuzz_truth(&stage, 0, at);
    FUZZ_REQUIRE(heap->engine != &smh_engine_bitmap || steps <= STEPS_VERDICT,
                 "large bitmap: a verdict takes %llu steps", (unsigned long long)steps);
    FUZZ_REQUIRE(verdict == truth, "large %s: verdict on offset 0x%zx is %d, is %d in truth",
                 heap->engine->name, (size_t)(at - stage.memory[0]), verdict, truth);
}

/* Addresses a power of two away from where a chunk starts, a few steps more or less. */
static void probe(const struct smh_fuzz_step *step)
{
    const struct smh_heap *heap = &stage.slots[0].heap;
    struct smh_chunk chunk = {0};
    if (heap->starts == NULL && (heap->engine->flags & SMH_ENGINE_EXACT) == 0) {
        return;
    }
    for (unsigned i = step->operation.slot % 8 + 1; i != 0 && smh_heap_walk(heap, &chunk);) {
        i--;
    }
    for (unsigned look = 0; look < 4; look++) {
        size_t far = (size_t)1 << (step->argument / 8 + look * 7) % 28;
        size_t near = (size_t)step->argument % 8 << (look * 3);
        size_t offset = chunk.offset + (look % 2 == 0 ? far + near : far - near);
        judge_address(stage.memory[0] + offset % stage.size[0]);
    }
}

static void do_step(struct smh_fuzz_step *step)
{
    struct smh_heap *heap = &stage.slots[0].heap;
    struct smh_live *live = &stage.live[step->operation.slot % SLOTS];
    struct smh_operation *operation = &step->operation;
    operation->bytes <<= operation->bytes < 8192 ? step->argument % 16 : 0;
    operation->align <<= step->argument / 16 % 16;
    if (live->block == NULL) {
        if (operation->bytes != 0) {
            ask(live, operation);
        }
    } else if (operation->kind == SMH_OPERATION_FREE || step->argument % 3 != 0) {
        if (reference != NULL) {
            reference->free((uintptr_t)live->block);
        }
        int code = smh_heap_free(heap, live->block);
        FUZZ_REQUIRE(code == 0, "large %s: free gives %d", heap->engine->name, code);
        live->block = NULL;
    } else {
        bool done = smh_heap_resize(heap, live->block, (size_t)operation->bytes);
        FUZZ_REQUIRE(reference == NULL || operation->bytes == 0 ||
                         reference->resize((uintptr_t)live->block, (size_t)operation->bytes) ==
                             done,
                     "large %s: resizes to %zu bytes, the reference does not, or the reverse",
                     heap->engine->name, (size_t)operation->bytes);
        operation->align = 0;
        if (done) {
            enter(live, operation, live->block);
        }
    }
    probe(step);
}

static void validate(void)
{
    struct smh_fault fault = {0};
    const struct smh_heap *heap = &stage.slots[0].heap;
    FUZZ_REQUIRE(smh_heap_check(heap, &fault) == 0, "large %s: 0x%zx: %s", heap->engine->name,
                 fault.offset, fault.rule);
}

void fuzz_large(const uint8_t *bytes, size_t size)
{
    struct smh_fuzz_input input;
    struct smh_fuzz_step step;
    smh_fuzz_open(&input, bytes, size);
    if (fuzz_window() == NULL) {
        return;
    }
    /* What its tables are depends on size most of all. */
    if (input.config.regions[0].odd % 2 == 0) {
        input.config.regions[0].engine = &smh_engine_bitmap;
    } else if (input.config.regions[0].cost == 1) {
        input.config.regions[0].engine = &smh_engine_buddy; /* whose blocks depend on the place */
    }
    if (open_heap(&input.config.regions[0])) {
        struct smh_heap *heap = &stage.slots[0].heap;
        size_t largest = heap->engine->largest_free(heap);
        for (unsigned i = 0; i < STEPS_MOST && smh_fuzz_next(&input, &step); i++) {
            do_step(&step);
            fuzz_operations++;
            if (i % 32 == 31) {
                validate();
            }
        }
        for (size_t i = 0; i < SLOTS; i++) {
            FUZZ_REQUIRE(smh_heap_free(heap, stage.live[i].block) == 0, "a block cannot be freed");
        }
        validate();
        FUZZ_REQUIRE(heap->used_bytes == 0 && heap->engine->largest_free(heap) == largest,
                     "large %s: all is free, and %zu bytes are the most of %zu", heap->engine->name,
                     heap->engine->largest_free(heap), largest);
    }
    close_heap();
}
