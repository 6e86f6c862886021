/* unready.c: heaps that are not there. See unready.h. */
/* For Z_HEAP_MIN_SIZE_FOR; full.c asks for it without. */
#define CONFIG_SYS_HEAP_RUNTIME_STATS
#include "unready.h"

#include "../stage.h"

#include <smh/multi_heap.h>
#include <smh/shared_multi_heap.h>
#include <smh/sys_heap.h>

static _Alignas(8) uint8_t memory[8192];
const char *fuzz_panic_function = "";

/* Nothing is served, and what is given is reported. */
static void judge_none(struct sys_heap *heap, size_t bytes, unsigned *panics)
{
    struct sys_memory_stats stats;
    *panics = 0;
    FUZZ_REQUIRE(heap->heap == NULL, "a heap whose init failed looks like one");
    FUZZ_REQUIRE(sys_heap_alloc(heap, bytes) == NULL &&
                     sys_heap_aligned_alloc(heap, 16, bytes) == NULL &&
                     sys_heap_noalign_alloc(heap, 16, bytes) == NULL &&
                     sys_heap_realloc(heap, NULL, bytes) == NULL && !sys_heap_validate(heap) &&
                     sys_heap_runtime_stats_get(heap, &stats) == -EINVAL &&
                     sys_heap_runtime_stats_reset_max(heap) == -EINVAL &&
                     sys_heap_usable_size(heap, memory + 64) == 0,
                 "a heap that is not initialised serves");
    sys_heap_free(heap, NULL);
    FUZZ_REQUIRE(*panics == 0, "nothing given to no heap is misuse");
    sys_heap_free(heap, memory + 64);
    (void)sys_heap_realloc(heap, memory + 64, bytes);
    FUZZ_REQUIRE(*panics == 2, "a block of no heap is taken %u times of 2", 2 - *panics);
    *panics = 0;
}

/* A panic, and one alone, names the function that was called. */
static void judge_name(const char *function, unsigned *panics)
{
    FUZZ_REQUIRE(*panics == 1 && strcmp(fuzz_panic_function, function) == 0,
                 "misuse of %s gives %u panics, the last by %s", function, *panics,
                 *panics == 0 ? "nobody" : fuzz_panic_function);
    *panics = 0;
}

/* Misuse of every function that has no other way to tell of it. */
static void judge_names(struct sys_heap *heap, unsigned *panics)
{
    struct sys_multi_heap multi_heap;
    uint8_t nowhere[8];
    smh_multi_heap_init(&multi_heap, NULL, 1);
    sys_multi_heap_add_heap(&multi_heap, heap, NULL);
    sys_heap_free(heap, nowhere);
    judge_name("sys_heap_free", panics);
    (void)sys_heap_realloc(heap, nowhere, 8);
    judge_name("sys_heap_realloc", panics);
    (void)sys_heap_realloc(heap, nowhere, 0);
    judge_name("sys_heap_realloc", panics);
    (void)sys_heap_aligned_realloc(heap, nowhere, 8, 8);
    judge_name("sys_heap_aligned_realloc", panics);
    sys_multi_heap_free(&multi_heap, nowhere);
    judge_name("sys_multi_heap_free", panics);
    (void)sys_multi_heap_aligned_realloc(&multi_heap, NULL, nowhere, 8, 8);
    judge_name("sys_multi_heap_aligned_realloc", panics);
    sys_multi_heap_add_heap(&multi_heap, heap, NULL);
    judge_name("sys_multi_heap_add_heap", panics);
    shared_multi_heap_free(nowhere);
    judge_name("shared_multi_heap_free", panics);
    (void)shared_multi_heap_realloc(SMH_REG_ATTR_CACHEABLE, nowhere, 8);
    judge_name("shared_multi_heap_realloc", panics);
    (void)shared_multi_heap_realloc(SMH_REG_ATTR_CACHEABLE, nowhere, 0);
    judge_name("shared_multi_heap_realloc", panics);
}

void fuzz_judge_unready(size_t bytes, unsigned *panics)
{
    struct sys_heap heap;
    struct sys_heap *none;
    struct sys_heap **table = &none;
    bytes = 1 + bytes % 1024;
    memset(&heap, 0, sizeof(heap));
    judge_none(&heap, bytes, panics);
    smh_sys_heap_init(&heap, memory, sizeof(memory), bytes % 2 == 0);
    FUZZ_REQUIRE(heap.heap != NULL && sys_heap_alloc(&heap, bytes) != NULL, "a heap is refused");
    judge_names(&heap, panics);
    smh_sys_heap_init(&heap, memory, bytes % 48, bytes % 2 == 0);
    judge_none(&heap, bytes, panics);
    sys_heap_init(&heap, memory, sizeof(memory));
    FUZZ_REQUIRE(heap.heap != NULL && sys_heap_alloc(&heap, bytes) != NULL, "a heap is refused");
    smh_sys_heap_init(&heap, NULL, sizeof(memory), bytes % 2 == 0);
    judge_none(&heap, bytes, panics);
    FUZZ_REQUIRE(sys_heap_runtime_stats_get(NULL, NULL) == -EINVAL &&
                     sys_heap_runtime_stats_reset_max(NULL) == -EINVAL,
                 "NULL has statistics");
    FUZZ_REQUIRE(sys_heap_array_save(&heap) == -EINVAL && sys_heap_array_get(NULL) == -EINVAL &&
                     sys_heap_array_get(&table) == 0 && table == NULL,
                 "the table of no entries has one");
    fuzz_judge_least(bytes, Z_HEAP_MIN_SIZE_FOR(bytes), true);
}

void fuzz_judge_least(size_t bytes, size_t least, bool statistics)
{
    struct sys_heap heap;
    for (size_t missing = 0; missing <= 1; missing++) {
        smh_sys_heap_init(&heap, memory, least - missing, statistics);
        FUZZ_REQUIRE((sys_heap_alloc(&heap, bytes) == NULL) == (missing == 1),
                     "%zu bytes of memory, of which %zu are missing, and a block of %zu", least,
                     missing, bytes);
    }
}
