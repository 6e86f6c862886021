/* sequence.c: a short sequence of calls, made to be changed and played again and again.
 *
 * Owns: see sequence.h. The counter of basic blocks is the one global: the compiler calls a
 * function of a fixed name.
 */
#include "sequence.h"
#include "../../sim/error.h"
#include "stepper.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *const bench_call_names[BENCH_CALL_COUNT] = {"alloc", "aligned_alloc", "free",
                                                        "realloc_in_place"};

static uint32_t blocks_counted;

/* Called by the counting copy of the core at the start of each basic block. */
void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
    blocks_counted++;
}

static bool open_heap(struct bench_player *player)
{
    struct smh_heap_config config = {.memory = player->memory,
                                     .memory_size = player->bytes,
                                     .granule = player->options->granule,
                                     .target_bits = player->options->target_bits,
                                     .engine = player->engine};

    memset(player->slots, 0, sizeof(player->slots));
    return player->init(&player->heap, &config) == 0;
}

bool bench_player_open(struct bench_player *player, const struct bench_options *options,
                       const struct smh_engine *engine, uint8_t *memory, size_t bytes)
{
    *player = (struct bench_player){.options = options,
                                    .engine = engine,
                                    .memory = memory,
                                    .bytes = bytes,
                                    .init = smh_heap_init,
                                    .alloc = smh_heap_alloc,
                                    .aligned_alloc = smh_heap_aligned_alloc,
                                    .realloc = smh_heap_realloc,
                                    .free = smh_heap_free,
                                    .usable_size = smh_heap_usable_size};
    return open_heap(player);
}

/* The counting copy lies beside the folder of this program. */
static void *open_copy(void)
{
    char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 64);
    char *slash;

    if (length <= 0) {
        return NULL;
    }
    path[length] = '\0';
    for (int i = 0; i < 2; i++) {
        slash = strrchr(path, '/');
        if (slash == NULL) {
            return NULL;
        }
        *slash = '\0';
    }
    strcat(path, "/libsmh_blocks.so");
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

/* POSIX lets a function's address come as a void *; ISO C has no cast for it. */
static bool find(void *library, const char *name, void *function, size_t bytes)
{
    void *symbol = dlsym(library, name);

    memcpy(function, &symbol, bytes);
    return symbol != NULL;
}

bool bench_player_open_counting(struct bench_player *player, const struct bench_options *options,
                                const struct smh_engine *engine, uint8_t *memory, size_t bytes)
{
    static void *library;
    const struct smh_engine *(*find_engine)(const char *name);

    library = library == NULL ? open_copy() : library;
    *player =
        (struct bench_player){.options = options, .memory = memory, .bytes = bytes, .engine = NULL};
    if (library == NULL || smh_engine_find(engine->name) != engine ||
        !find(library, "smh_engine_find", &find_engine, sizeof(find_engine)) ||
        !find(library, "smh_heap_init", &player->init, sizeof(player->init)) ||
        !find(library, "smh_heap_alloc", &player->alloc, sizeof(player->alloc)) ||
        !find(library, "smh_heap_aligned_alloc", &player->aligned_alloc, sizeof(player->alloc)) ||
        !find(library, "smh_heap_realloc", &player->realloc, sizeof(player->realloc)) ||
        !find(library, "smh_heap_free", &player->free, sizeof(player->free)) ||
        !find(library, "smh_heap_usable_size", &player->usable_size, sizeof(player->usable_size))) {
        return false;
    }
    player->engine = find_engine(engine->name);
    return player->engine != NULL && open_heap(player);
}

/* --- playing ---------------------------------------------------------------------------------- */

static void check(const struct bench_player *player, uint32_t slot, uint64_t bytes)
{
    if (!bench_tag_holds(&player->slots[slot], bytes, slot)) {
        bench_fail("engine %s: a block lost its content", player->engine->name);
    }
}

static void keep(struct bench_player *player, uint32_t slot, uint8_t *block, uint64_t bytes)
{
    player->slots[slot] = (struct bench_block){block, bytes};
    bench_tag(&player->slots[slot], slot);
}

/* Whether an operation can be made now. */
static bool makes_sense(const struct bench_player *player, const struct bench_operation *operation)
{
    bool live = player->slots[operation->slot].block != NULL;

    return live == (operation->kind != BENCH_ALLOC);
}

/* Makes one call; *steps is filled when it is given, and the call stepped. Returns what kind of
 * call it was; BENCH_CALL_COUNT: of none (a realloc that moves, or is refused). */
static enum bench_call make(struct bench_player *player, const struct bench_operation *operation,
                            struct bench_steps *steps)
{
    struct smh_heap *heap = &player->heap;
    struct bench_block *held = &player->slots[operation->slot];
    size_t align = operation->align_shift == 0 ? 0 : (size_t)1 << operation->align_shift;
    uint64_t bytes = operation->bytes;
    uint8_t *block;

    if (operation->kind == BENCH_FREE) {
        check(player, operation->slot, held->bytes);
        if ((steps != NULL ? bench_step_free(heap, held->block, steps)
                           : player->free(heap, held->block)) != 0) {
            bench_fail("engine %s: the heap does not take a live block back", player->engine->name);
        }
        held->block = NULL;
        return BENCH_CALL_FREE;
    }
    if (operation->kind == BENCH_REALLOC) {
        uint8_t *old = held->block;
        uint64_t least = bytes < held->bytes ? bytes : held->bytes;

        check(player, operation->slot, held->bytes);
        block = steps != NULL ? bench_step_realloc(heap, old, bytes, steps)
                              : player->realloc(heap, old, bytes);
        if (block != NULL) {
            held->block = block;
            check(player, operation->slot, least);
            keep(player, operation->slot, block, bytes);
        }
        return block == old ? BENCH_CALL_RESIZE : BENCH_CALL_COUNT;
    }
    if (align == 0) {
        block = steps != NULL ? bench_step_alloc(heap, bytes, steps) : player->alloc(heap, bytes);
    } else {
        block = steps != NULL ? bench_step_aligned_alloc(heap, align, bytes, steps)
                              : player->aligned_alloc(heap, align, bytes);
    }
    if (block != NULL) {
        keep(player, operation->slot, block, bytes);
    }
    return align == 0 ? BENCH_CALL_ALLOC : BENCH_CALL_ALIGNED;
}

static void drain(struct bench_player *player)
{
    for (uint32_t slot = 0; slot < BENCH_SLOTS_MAX; slot++) {
        if (player->slots[slot].block != NULL) {
            const struct bench_operation last = {.slot = slot, .kind = BENCH_FREE};

            make(player, &last, NULL);
        }
    }
}

struct bench_found bench_play_counting(struct bench_player *player, struct bench_sequence *sequence,
                                       enum bench_call call)
{
    struct bench_found found = {0, SIZE_MAX};
    size_t kept = 0;

    for (size_t i = 0; i < sequence->count; i++) {
        const struct bench_operation operation = sequence->operations[i];
        enum bench_call made;

        if (!makes_sense(player, &operation)) {
            continue;
        }
        sequence->operations[kept] = operation;
        blocks_counted = 0;
        made = make(player, &operation, NULL);
        if (made == call && blocks_counted > found.count) {
            found = (struct bench_found){blocks_counted, kept};
        }
        kept++;
    }
    drain(player);
    sequence->count = found.at == SIZE_MAX ? kept : found.at + 1;
    return found;
}

struct bench_found bench_play_stepped(struct bench_player *player, struct bench_sequence *sequence,
                                      enum bench_call call)
{
    struct bench_found found = {0, SIZE_MAX};
    struct bench_steps steps = {0, 0};
    size_t kept = 0;

    for (size_t i = 0; i < sequence->count; i++) {
        const struct bench_operation operation = sequence->operations[i];
        bool last = i + 1 == sequence->count;

        if (!makes_sense(player, &operation)) {
            continue;
        }
        sequence->operations[kept] = operation;
        if (make(player, &operation, last ? &steps : NULL) == call && last) {
            found.count = steps.own + (call == BENCH_CALL_RESIZE ? 0 : steps.libc);
            found.at = kept;
        }
        kept++;
    }
    drain(player);
    sequence->count = kept;
    return found;
}

/* --- as a scenario ---------------------------------------------------------------------------- */

/* block: a number that no other block has, as in a scenario a refused block keeps its name. */
static json_t *operation_to_json(const struct bench_operation *operation, size_t block)
{
    char name[32];
    json_t *made;

    snprintf(name, sizeof(name), "b%zu", block);
    if (operation->kind == BENCH_FREE) {
        return json_pack("{s:s}", "free", name);
    }
    made = json_pack("{s:s, s:I}", operation->kind == BENCH_ALLOC ? "alloc" : "realloc", name,
                     "bytes", (json_int_t)operation->bytes);
    if (operation->align_shift != 0) {
        json_object_set_new(made, "align", json_integer((json_int_t)1 << operation->align_shift));
    }
    return made;
}

void bench_sequence_write(const struct bench_sequence *sequence, const struct bench_player *player,
                          const char *name, const char *why, const char *path)
{
    size_t blocks[BENCH_SLOTS_MAX] = {0}; /* the number of the operation that made each */
    json_t *operations = json_array();
    json_t *region = json_pack("{s:s, s:s, s:I, s:i}", "name", "heap", "base", "0x40000000", "size",
                               (json_int_t)player->bytes, "attr", 0);
    json_t *scenario;

    if (smh_engine_find(player->engine->name) == player->engine) {
        json_object_set_new(region, "engine", json_string(player->engine->name));
    }
    if (player->options->granule != 0) {
        json_object_set_new(region, "granule", json_integer((json_int_t)player->options->granule));
    }
    for (size_t i = 0; i < sequence->count; i++) {
        const struct bench_operation *operation = &sequence->operations[i];

        if (operation->kind == BENCH_ALLOC) {
            blocks[operation->slot] = i;
        }
        json_array_append_new(operations, operation_to_json(operation, blocks[operation->slot]));
    }
    scenario =
        json_pack("{s:i, s:s, s:s, s:{s:i, s:[o]}, s:[{s:s, s:o}]}", "schema", 1, "name", name,
                  "why", why, "machine", "target_bits", (int)player->options->target_bits,
                  "regions", region, "workload", "actor", "adversary", "ops", operations);
    if (scenario == NULL || json_dump_file(scenario, path, JSON_INDENT(1)) != 0) {
        bench_fail("%s: cannot be written", path);
    }
    json_decref(scenario);
}
