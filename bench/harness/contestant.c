/* contestant.c: every allocator that a timed bench compares, behind the same five calls.
 *
 * Owns: see contestant.h.
 */
#include "contestant.h"

#include <dlfcn.h>
#include <malloc.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- engines ---------------------------------------------------------------------------------- */

static void *heap_alloc(void *arena, size_t bytes)
{
    return smh_heap_alloc(arena, bytes);
}

static void *heap_aligned_alloc(void *arena, size_t align, size_t bytes)
{
    return smh_heap_aligned_alloc(arena, align, bytes);
}

static void *heap_realloc(void *arena, void *block, size_t bytes)
{
    return smh_heap_realloc(arena, block, bytes);
}

static void heap_free(void *arena, void *block)
{
    smh_heap_free(arena, block);
}

/* --- the system's ----------------------------------------------------------------------------- */

struct library {
    const char *name;
    const char *file; /* NULL: what this program uses, glibc as a rule */
    void *(*alloc)(size_t bytes);
    void *(*aligned)(size_t align, size_t bytes);
    void *(*resize)(void *block, size_t bytes);
    void (*release)(void *block);
};

static struct library libraries[] = {
    {.name = "glibc"},
    {.name = "jemalloc", .file = "libjemalloc.so.2"},
    {.name = "mimalloc", .file = "libmimalloc.so.2"},
};
#define LIBRARY_COUNT (sizeof(libraries) / sizeof(*libraries))

static void *library_alloc(void *arena, size_t bytes)
{
    return ((struct library *)arena)->alloc(bytes);
}

static void *library_aligned_alloc(void *arena, size_t align, size_t bytes)
{
    return ((struct library *)arena)->aligned(align, bytes);
}

static void *library_realloc(void *arena, void *block, size_t bytes)
{
    return ((struct library *)arena)->resize(block, bytes);
}

static void library_free(void *arena, void *block)
{
    ((struct library *)arena)->release(block);
}

/* A library that wants room in the static block of thread-local storage gets it only when the
 * program starts with more of it. */
static void restart_with_room(char **arguments)
{
    if (getenv("GLIBC_TUNABLES") == NULL) {
        setenv("GLIBC_TUNABLES", "glibc.rtld.optional_static_tls=16384", 1);
        fflush(NULL);
        execv("/proc/self/exe", arguments);
    }
}

static bool open_library(struct library *library, char **arguments)
{
    void *opened = NULL;

    if (library->file == NULL) {
        library->alloc = malloc;
        library->aligned = memalign;
        library->resize = realloc;
        library->release = free;
        return true;
    }
    /* In a namespace of its own its calls of malloc, and its threads' clean-up, are its own. */
    opened = dlopen(library->file, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    if (opened == NULL) {
        const char *why = dlerror();

        if (strstr(why, "static TLS") != NULL) {
            restart_with_room(arguments);
        }
        fprintf(stderr, "left out: %s\n", why);
        return false;
    }
    library->alloc = (void *(*)(size_t))dlsym(opened, "malloc");
    library->aligned = (void *(*)(size_t, size_t))dlsym(opened, "memalign");
    library->resize = (void *(*)(void *, size_t))dlsym(opened, "realloc");
    library->release = (void (*)(void *))dlsym(opened, "free");
    return library->alloc != NULL && library->aligned != NULL && library->resize != NULL &&
           library->release != NULL;
}

/* --- contestants ------------------------------------------------------------------------------ */

static void add_engine(struct bench_contestant *added, const struct bench_engine *engine)
{
    memset(added, 0, sizeof(*added));
    added->name = engine->name;
    added->engine = engine->engine;
    added->calls = (struct bench_direct){.name = engine->name,
                                         .alloc = heap_alloc,
                                         .aligned_alloc = heap_aligned_alloc,
                                         .realloc = heap_realloc,
                                         .free = heap_free};
}

static void add_library(struct bench_contestant *added, struct library *library)
{
    memset(added, 0, sizeof(*added));
    added->name = library->name;
    added->system = true;
    added->arena = library;
    added->calls = (struct bench_direct){.name = library->name,
                                         .alloc = library_alloc,
                                         .aligned_alloc = library_aligned_alloc,
                                         .realloc = library_realloc,
                                         .free = library_free};
}

size_t bench_contestants(const struct bench_options *options, struct bench_contestant *contestants,
                         size_t *reference)
{
    size_t count = 0;

    for (size_t i = 0; i < options->engine_count; i++) {
        add_engine(&contestants[count++], &options->engines[i]);
        if (options->direct && options->engines[i].direct != NULL) {
            memset(&contestants[count], 0, sizeof(*contestants));
            contestants[count].calls = *options->engines[i].direct;
            contestants[count].name = contestants[count].calls.name;
            count++;
        }
    }
    for (size_t i = 0; options->system && i < LIBRARY_COUNT; i++) {
        if (open_library(&libraries[i], options->arguments)) {
            add_library(&contestants[count++], &libraries[i]);
        }
    }
    *reference = 0;
    for (size_t i = 0; options->reference != NULL && i <= count; i++) {
        if (i == count) {
            bench_fail("--reference: '%s' does not take part", options->reference);
        }
        if (strcmp(contestants[i].name, options->reference) == 0) {
            *reference = i;
            break;
        }
    }
    return count;
}

bool bench_contestant_start(struct bench_contestant *contestant,
                            const struct bench_options *options, void *memory, size_t bytes)
{
    if (contestant->system) {
        return true;
    }
    if (contestant->engine == NULL) {
        contestant->arena = contestant->calls.create(memory, bytes);
        return contestant->arena != NULL;
    }
    contestant->arena = &contestant->heap;
    return bench_heap_init(&contestant->heap, options, contestant->engine, memory, bytes) == 0;
}

static void verify_block(const struct bench_contestant *contestant, const struct bench_trace *trace,
                         const struct bench_block *held, uint64_t bytes, uint32_t slot)
{
    if (held->block != NULL && !bench_tag_holds(held, bytes, slot)) {
        bench_fail("%s: %s: a block lost its content", contestant->name, trace->name);
    }
}

/* A request; NULL: refused. */
static inline uint8_t *request(const struct bench_direct *calls, void *arena,
                               const struct bench_operation *operation, uint8_t *held)
{
    if (operation->kind == BENCH_REALLOC && held != NULL) {
        return calls->realloc(arena, held, operation->bytes);
    }
    if (operation->align_shift == 0) {
        return calls->alloc(arena, operation->bytes);
    }
    return calls->aligned_alloc(arena, (size_t)1 << operation->align_shift, operation->bytes);
}

size_t bench_contestant_replay(struct bench_contestant *contestant, const struct bench_trace *trace,
                               struct bench_block *slots, bool verify, size_t *refused)
{
    const struct bench_direct calls = contestant->calls;
    const struct bench_operation *operation = trace->operations;
    const struct bench_operation *end = operation + trace->count;
    void *arena = contestant->arena;

    for (; operation != end; operation++) {
        struct bench_block *held = &slots[operation->slot];
        uint64_t bytes = operation->bytes;
        uint8_t *block;

        if (verify && operation->kind != BENCH_ALLOC) {
            verify_block(contestant, trace, held, held->bytes, operation->slot);
        }
        if (operation->kind == BENCH_FREE) {
            if (held->block != NULL) {
                calls.free(arena, held->block);
            }
            held->block = NULL;
            continue;
        }
        block = request(&calls, arena, operation, held->block);
        if (block == NULL) {
            if (refused == NULL) {
                break;
            }
            (*refused)++;
            continue;
        }
        if (verify && operation->kind == BENCH_REALLOC && held->block != NULL) {
            held->block = block;
            verify_block(contestant, trace, held, bytes < held->bytes ? bytes : held->bytes,
                         operation->slot);
        }
        held->block = block;
        held->bytes = bytes;
        bench_tag(held, operation->slot);
    }
    return (size_t)(operation - trace->operations);
}

void bench_contestant_drain(struct bench_contestant *contestant, struct bench_block *slots,
                            size_t slot_count)
{
    for (size_t i = 0; i < slot_count; i++) {
        if (slots[i].block != NULL) {
            contestant->calls.free(contestant->arena, slots[i].block);
        }
        slots[i] = (struct bench_block){0};
    }
}

void bench_pin(void)
{
    cpu_set_t one;
    int processor = sched_getcpu();

    CPU_ZERO(&one);
    if (processor >= 0) {
        CPU_SET((unsigned)processor, &one);
        sched_setaffinity(0, sizeof(one), &one);
    }
}

void bench_pin_thread(unsigned which)
{
    cpu_set_t allowed, one;

    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0 || CPU_COUNT(&allowed) == 0) {
        return;
    }
    which %= (unsigned)CPU_COUNT(&allowed);
    for (unsigned processor = 0; processor < CPU_SETSIZE; processor++) {
        if (CPU_ISSET(processor, &allowed) && which-- == 0) {
            CPU_ZERO(&one);
            CPU_SET(processor, &one);
            sched_setaffinity(0, sizeof(one), &one);
            return;
        }
    }
}
