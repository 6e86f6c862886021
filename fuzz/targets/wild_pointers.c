/* wild_pointers.c: heaps whose metadata is damaged, and pointers from nowhere.
 *
 * Owns: what is promised of a damaged heap: smh_heap_check ends, within a bound that follows from
 * the region's size, and reads nothing outside memory and metadata; so do the verdicts on any
 * pointer; and where the check finds nothing broken, the heap can be used on without a crash.
 *
 *     step        an operation, or: damage a byte or a word -> check -> verdicts -> repair, or go
 * on while the check is content
 *
 * Engine bitmap promises more, as its tables say all and free memory holds nothing but links: after
 * damage to memory, found by the check or not, it is used on, touches nothing else, and hands no
 * byte out twice.
 *
 * Of zephyr and the fits a second opinion tells each verdict (naive_verdict.h), damaged or not.
 *
 * Contents and ownership are not judged otherwise: damage may change both.
 */
#include "../judges/desert.h"
#include "../naive/naive_verdict.h"
#include "../stage.h"

#include <smh/port.h>

const char fuzz_target[] = "wild_pointers";

static struct fuzz_stage stage;
static bool forgiven; /* memory is damaged, and the engine is used on */
static bool misled;   /* tables are damaged so that they are sound, and tell of other blocks */

static struct smh_heap *heap_of(void)
{
    return &stage.slots[0].heap;
}

static void fill(void *block, size_t bytes, unsigned seed)
{
    if (block != NULL) {
        memset(block, (int)seed, bytes);
    }
}

/* A new block of an engine that forgives damage lies apart from all others. */
static void enter(struct smh_live *live, const void *block)
{
    size_t usable = smh_heap_usable_size(heap_of(), block);
    for (size_t i = 0; forgiven && !misled && block != NULL && i < SMH_FUZZ_SLOTS; i++) {
        const struct smh_live *other = &stage.live[i];
        FUZZ_REQUIRE(other == live || other->block == NULL ||
                         ((uintptr_t)other->block - (uintptr_t)block >= usable &&
                          (uintptr_t)block - (uintptr_t)other->block >= other->usable),
                     "a damaged heap hands out %p, which is live", block);
    }
    live->usable = usable;
}

static void do_operation(struct smh_live *live, const struct smh_operation *operation,
                         unsigned argument)
{
    struct smh_heap *heap = heap_of();
    size_t bytes = (size_t)operation->bytes;
    void *moved;
    switch (operation->kind) {
    case SMH_OPERATION_ALLOC:
    case SMH_OPERATION_CALLOC:
        live->block = smh_heap_aligned_alloc(heap, operation->align, bytes);
        enter(live, live->block);
        fill(live->block, bytes, argument);
        break;
    case SMH_OPERATION_FREE:
        if (live->block != NULL) {
            stage.freed[stage.freed_count++ % FUZZ_FREED_KEPT] = live->block;
        }
        (void)smh_heap_free(heap, live->block);
        live->block = NULL;
        break;
    case SMH_OPERATION_REALLOC:
        moved = smh_heap_aligned_realloc(heap, live->block, operation->align, bytes);
        if (moved != NULL || bytes == 0) {
            live->block = moved;
            enter(live, moved);
            fill(moved, bytes, argument);
        }
        break;
    default:
        break;
    }
}

/* Steps that reading a region of this size may take. */
static uint64_t ceiling(void)
{
    return 20000 + 64 * (uint64_t)stage.size[0];
}

static int check(void)
{
    struct smh_fault fault = {0};
    uint64_t before = fuzz_steps;
    int code = smh_heap_check(heap_of(), &fault);
    FUZZ_REQUIRE(fuzz_steps - before <= ceiling(), "the check of %zu bytes takes %llu steps",
                 stage.size[0], (unsigned long long)(fuzz_steps - before));
    FUZZ_REQUIRE(code == 0 || (code == -EINVAL && fault.rule != NULL), "a fault without a rule");
    return code;
}

static void judge_pointer(void *wild)
{
    uint64_t before = fuzz_steps;
    int code = smh_heap_verdict(heap_of(), wild);
    FUZZ_REQUIRE(fuzz_steps - before <= ceiling(), "a verdict takes %llu steps",
                 (unsigned long long)(fuzz_steps - before));
    FUZZ_REQUIRE(code == 0 || code == -EINVAL || code == -EALREADY || code == -ENOENT,
                 "the verdict is %d", code);
    if (wild != NULL && naive_verdict_knows(heap_of())) {
        int expected = naive_verdict(heap_of(), wild);
        FUZZ_REQUIRE(code == expected, "the verdict on %p (offset %td) is %d, by its header %d",
                     wild, (uint8_t *)wild - heap_of()->memory, code, expected);
    }
    if (code != 0) {
        FUZZ_REQUIRE(smh_heap_usable_size(heap_of(), wild) == 0, "%p is no block, but has a size",
                     wild);
    }
}

/* Verdicts all over the region, and on what was and is live. */
static void judge_pointers(unsigned argument)
{
    for (size_t i = 0; i < 8; i++) {
        judge_pointer(stage.memory[0] + (argument * 31 + i * 4099) % stage.size[0]);
        judge_pointer((void *)((uintptr_t)(stage.memory[0] + (argument * 8 + i * 1024)) & ~7u));
        judge_pointer(stage.freed[i]);
        judge_pointer(stage.live[(argument + i) % SMH_FUZZ_SLOTS].block);
    }
    /* Where the first chunk begins, there is none to the left. */
    size_t granule = (size_t)1 << heap_of()->granule_shift;
    uint8_t *first = stage.memory[0] + (0 - (uintptr_t)stage.memory[0]) % granule;
    judge_pointer(first);
    judge_pointer(first + granule);
}

/* Marks of a start bitmap are damaged: what lies right behind each is refused all the same, and why
 * is looked for from there, though nothing may start there. */
static void judge_marks(const uint8_t *at, size_t width)
{
    const struct smh_heap *heap = heap_of();
    uintptr_t first = (uintptr_t)heap->memory >> heap->step_shift;
    for (size_t i = 0; heap->starts != NULL && i < width * 8; i++) {
        uintptr_t mark = ((uintptr_t)at - (uintptr_t)heap->starts) * 8 + i;
        void *wild = (void *)(((first + mark) << heap->step_shift) + 1);
        judge_pointer(wild);
        FUZZ_REQUIRE(smh_heap_verdict(heap, wild) != 0, "%p, aligned to nothing, is a block", wild);
    }
}

/* A block that is to have more than there is looks at all that lies around it, and stays; in
 * damaged tables of engine bitmap that leads nowhere else. */
static void judge_neighbours(unsigned argument)
{
    /* What words of marks behind a damaged end may add to it is less than this. */
    size_t beyond = (size_t)512 << heap_of()->step_shift;
    for (size_t i = 0; i < 8; i++) {
        void *block = stage.live[(argument + i) % SMH_FUZZ_SLOTS].block;
        FUZZ_REQUIRE(block == NULL ||
                         !smh_heap_resize(heap_of(), block, 2 * stage.size[0] + beyond),
                     "a block of a damaged heap grows to more than there is");
    }
}

/* Buddies say something only of units at which blocks begin: the entry of one of the first four. */
static uint8_t *buddy_entry(unsigned argument)
{
    const struct smh_heap *heap = heap_of();
    struct smh_chunk first = {0};
    struct smh_chunk chunk = {0};
    (void)smh_heap_walk(heap, &first);
    for (unsigned i = 0; i <= argument % 4 && smh_heap_walk(heap, &chunk); i++) {
    }
    return heap->metadata + heap->metadata_size - (heap->capacity_bytes >> heap->granule_shift) +
           ((chunk.offset - first.offset) >> heap->granule_shift);
}

/* One damaged place: most often the header beside a block, else anywhere, tables included. */
static uint8_t *aim(const struct smh_fuzz_step *step)
{
    size_t tables = stage.metadata_bytes[0];
    uint8_t *block = stage.live[step->operation.slot].block;
    if (heap_of()->engine == &smh_engine_buddy && step->misuse == SMH_FUZZ_MISUSE_OUTSIDE &&
        step->operation.slot % 2 == 0) {
        return buddy_entry(step->argument);
    }
    if (tables != 0 && step->misuse == SMH_FUZZ_MISUSE_OUTSIDE) {
        return stage.metadata[0] + step->argument % tables;
    }
    if (step->misuse == SMH_FUZZ_MISUSE_ALIGN) {
        return stage.memory[0] + step->argument % (stage.size[0] < 128 ? stage.size[0] : 128);
    }
    if (block == NULL && (step->argument & 0x2000u) != 0) { /* links lie in what is free */
        block = stage.freed[step->operation.bytes % FUZZ_FREED_KEPT];
        return block == NULL ? stage.memory[0] : block + step->argument % 16;
    }
    if (block == NULL || step->misuse == SMH_FUZZ_MISUSE_ANYWHERE) {
        return stage.memory[0] + (size_t)step->argument * stage.size[0] / 65536;
    }
    return block - 16 + step->argument % 32;
}

/* false: the heap is broken, and not to be used on. */
static bool do_damage(const struct smh_fuzz_step *step)
{
    uint8_t *at = aim(step);
    bool in_tables = step->misuse == SMH_FUZZ_MISUSE_OUTSIDE && stage.metadata_bytes[0] != 0;
    uint8_t *end =
        in_tables ? stage.metadata[0] + stage.metadata_bytes[0] : stage.memory[0] + stage.size[0];
    uint8_t *begin = in_tables ? stage.metadata[0] : stage.memory[0];
    size_t width = (step->argument & 0x100u) != 0 ? 4 : 1;
    uint8_t kept[4];
    if (at < begin || at >= end || (size_t)(end - at) < width) {
        return true;
    }
    memcpy(kept, at, width);
    uint32_t value = (uint32_t)step->operation.bytes * (step->operation.align + 1);
    value = step->operation.slot % 8 == 0 ? 0 : value; /* seldom by itself, and seldom thought of */
    if ((step->argument & 0x200u) != 0) {
        *at = (uint8_t)(*at ^ 1u << (step->argument >> 10) % 8);
    } else {
        memcpy(at, &value, width);
    }
    int code = check();
    /* A start bitmap is where nothing of the heap can write to: verdicts believe it. */
    if (!in_tables || (heap_of()->engine->flags & SMH_ENGINE_EXACT) != 0) {
        judge_pointers(step->argument);
        judge_pointer(stage.live[step->operation.slot].block); /* whose header it may be */
    }
    if (in_tables) {
        judge_marks(at, width);
    }
    if (in_tables && heap_of()->engine == &smh_engine_bitmap && !forgiven) {
        judge_neighbours(step->operation.slot);
    }
    uintptr_t tables = (uintptr_t)heap_of()->metadata;
    bool beside_tables =
        (uintptr_t)at + width <= tables || (uintptr_t)at >= tables + heap_of()->metadata_size;
    if (heap_of()->engine == &smh_engine_bitmap && beside_tables &&
        (step->argument & 0x4000u) != 0) {
        forgiven = true;
        return true;
    }
    if (code == 0 && (step->argument & 0x8000u) != 0) {
        misled = misled || !beside_tables;
        return true;
    }
    memcpy(at, kept, width);
    return check() == 0 || forgiven;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct smh_fuzz_input input;
    struct smh_fuzz_step step;
    bool sound = true;
    forgiven = false;
    misled = false;
    smh_fuzz_open(&input, bytes, size);
    input.config.swarm &= (uint16_t) ~(1u << SMH_FUZZ_GROUP_MISUSE);
    uint64_t seed = fuzz_seed_of(bytes, size);
    if (seed % 16 == 0) {
        fuzz_judge_desert(seed / 16);
    }
    if (!fuzz_stage_open(&stage, &input.config, false)) {
        return 0;
    }
    while (sound && smh_fuzz_next(&input, &step)) {
        struct smh_live *live = &stage.live[step.operation.slot];
        if (step.kind == SMH_FUZZ_MISUSE) {
            sound = do_damage(&step);
        } else if (step.kind == SMH_FUZZ_OPERATION) {
            do_operation(live, &step.operation, step.argument);
        } else {
            sound = check() == 0 || forgiven;
        }
        fuzz_operations++;
    }
    fuzz_stage_close(&stage);
    return 0;
}
