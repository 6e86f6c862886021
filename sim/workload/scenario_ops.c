/* scenario_ops.c: lists of operations in a scenario.
 *
 * Owns: the keys of $.workload[].ops[], the book of names (which are live, and how large), and
 * where buffers lie on the actor's stack, which grows downwards from its end:
 *
 *     region | heap ...            | free | last buffer | first buffer |
 *                                  '------------ stack_bytes ----------'
 *
 * Invariants: a list that loads is well formed as operation.h demands, in every repetition.
 */
#include "scenario_load.h"
#include "trace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct smh_json_key operation_keys[] = {
    {"alloc", false},    {"calloc", false},     {"realloc", false},  {"free", false},
    {"cpu_read", false}, {"cpu_write", false},  {"dma_read", false}, {"dma_write", false},
    {"clean", false},    {"invalidate", false}, {"flush", false},    {"bytes", false},
    {"offset", false},   {"attr", false},       {"prefer", false},   {"align", false},
    {"after", false},    {"barrier", false},    {"stack", false},    {"core", false},
    {"alias", false},
};
const struct smh_json_keys smh_keys_operation = SMH_JSON_KEYS("$.workload[].ops[]", operation_keys);

/* A name of the list. */
struct name {
    uint64_t bytes;
    const struct smh_attr_list *prefer;
    uint32_t attr;
    uint32_t frame; /* on_stack: index in frames */
    bool live;
    bool on_stack;
};

/* A buffer on the actor's stack. */
struct frame {
    uint64_t offset; /* in the region */
    bool live;
};

struct book {
    json_t *slots;      /* name -> index in names, which is its slot */
    struct name *names; /* room for one a name of the list */
    size_t count;
    struct frame *frames; /* from the stack's end downwards; the last is live */
    size_t depth;
};

static size_t slot_of(struct book *book, const char *text, bool *is_new)
{
    const json_t *known = json_object_get(book->slots, text);
    *is_new = known == NULL;
    if (known != NULL) {
        return (size_t)json_integer_value(known);
    }
    json_object_set_new(book->slots, text, json_integer((json_int_t)book->count));
    return book->count++;
}

/* No key that does not go with the operation. */
static bool check_keys(struct smh_json *json, const json_t *object, enum smh_operation_kind kind)
{
    bool allocates = kind <= SMH_OPERATION_REALLOC;
    bool accesses = kind >= SMH_OPERATION_CPU_READ && kind <= SMH_OPERATION_FLUSH;
    bool by_cpu = kind == SMH_OPERATION_CPU_READ || kind == SMH_OPERATION_CPU_WRITE;
    bool by_core = by_cpu || (kind >= SMH_OPERATION_CLEAN && kind <= SMH_OPERATION_BARRIER);
    bool sized = allocates || kind == SMH_OPERATION_STACK;
    const struct {
        const char *key;
        bool allowed;
        const char *with;
    } rules[] = {
        {"bytes", sized || accesses, "alloc, calloc, realloc, stack and accesses"},
        {"offset", accesses, "accesses (cpu_read ... flush)"},
        {"attr", allocates, "alloc, calloc, realloc"},
        {"prefer", allocates && json_object_get(object, "attr") == NULL,
         "alloc, calloc, realloc, and without attr"},
        {"align", sized, "alloc, calloc, realloc, stack"},
        {"core", by_core, "cpu_read, cpu_write, clean, invalidate, flush, barrier"},
        {"alias", by_cpu, "cpu_read, cpu_write"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        const json_t *value = json_object_get(object, rules[i].key);
        if (value != NULL && !rules[i].allowed) {
            smh_json_enter(json, rules[i].key);
            return smh_json_refuse(json, value, "only with %s", rules[i].with);
        }
    }
    if (sized && json_object_get(object, "bytes") == NULL) {
        return smh_json_error(json, "key \"bytes\" is missing, allowed: %s with 1 to 2^48 bytes",
                              smh_operation_name(kind));
    }
    return true;
}

/* The one key that names an operation. */
static bool find_kind(struct smh_json *json, const json_t *object, enum smh_operation_kind *kind)
{
    size_t found = 0;
    for (size_t i = 0; i < SMH_OPERATION_KIND_COUNT; i++) {
        if (json_object_get(object, smh_operation_name((enum smh_operation_kind)i)) != NULL) {
            *kind = (enum smh_operation_kind)i;
            found++;
        }
    }
    if (found != 1) {
        return smh_json_error(json,
                              "%zu operations, allowed: exactly one of alloc, calloc, realloc, "
                              "free, cpu_read, cpu_write, dma_read, dma_write, clean, invalidate, "
                              "flush, barrier, stack",
                              found);
    }
    return check_keys(json, object, *kind);
}

/* The name, which must be live or must not be. */
static bool load_name(struct smh_loader *loader, struct book *book, const json_t *object,
                      enum smh_operation_kind kind, uint32_t *slot)
{
    struct smh_json *json = &loader->json;
    const char *key = smh_operation_name(kind);
    const json_t *value = json_object_get(object, key);
    const char *text = json_string_value(value);
    size_t mark = smh_json_enter(json, key);
    if (text == NULL || text[0] == '\0' || strlen(text) > 255) {
        return smh_json_refuse(json, value, "a block's name of 1 to 255 bytes");
    }
    bool is_new;
    size_t index = slot_of(book, text, &is_new);
    bool allocates =
        kind == SMH_OPERATION_ALLOC || kind == SMH_OPERATION_CALLOC || kind == SMH_OPERATION_STACK;
    if (kind == SMH_OPERATION_REALLOC && book->names[index].on_stack) {
        return smh_json_refuse(json, value, "a block: this is a buffer on the stack");
    }
    if (allocates && book->names[index].live) {
        return smh_json_refuse(json, value, "a name that is not live here");
    }
    if (!allocates && !book->names[index].live) {
        return smh_json_refuse(json, value, "a name that is live here (%s)",
                               is_new ? "nothing has allocated it" : "it has been freed");
    }
    smh_json_leave(json, mark);
    *slot = (uint32_t)index;
    return true;
}

static bool load_request(struct smh_loader *loader, const json_t *object,
                         const struct smh_actor_config *actor, struct name *name,
                         struct smh_operation *operation)
{
    struct smh_json *json = &loader->json;
    const json_t *attr = json_object_get(object, "attr");
    const json_t *prefer = json_object_get(object, "prefer");
    uint64_t align = actor->align;
    if (operation->kind != SMH_OPERATION_REALLOC) {
        name->attr = actor->attr;
        name->prefer = actor->prefer;
    }
    if (attr != NULL) {
        size_t mark = smh_json_enter(json, "attr");
        if (!smh_load_attr(loader, attr, &name->attr, NULL)) {
            return false;
        }
        smh_json_leave(json, mark);
        name->prefer = NULL;
    }
    if (prefer != NULL) {
        struct smh_attr_list *list = NULL;
        if (!smh_load_prefer(loader, prefer, &list)) {
            return false;
        }
        name->prefer = list;
        name->attr = list->attrs[0];
    }
    if (!smh_json_get_size(json, object, "bytes", 1, SMH_JSON_BYTES_MAX, &operation->bytes) ||
        !smh_json_get_power(json, object, "align", 1, SMH_TRACE_ALIGN_MAX, &align)) {
        return false;
    }
    name->bytes = operation->bytes;
    name->live = true;
    name->on_stack = false;
    operation->attr = name->attr;
    operation->prefer = name->prefer;
    operation->align = (uint32_t)align;
    return true;
}

/* A buffer below those that the actor's stack holds already. */
static bool load_frame(struct smh_loader *loader, struct book *book, const json_t *object,
                       const struct smh_actor_config *actor, struct smh_operation *operation)
{
    struct smh_json *json = &loader->json;
    uint64_t align = 0;
    if (actor->stack_region < 0) {
        return smh_json_error(json, "the actor has no stack, allowed: \"stack\": { \"region\": "
                                    "NAME, \"size\": SIZE } beside \"ops\"");
    }
    if (!smh_json_get_size(json, object, "bytes", 1, SMH_JSON_BYTES_MAX, &operation->bytes) ||
        !smh_json_get_power(json, object, "align", 1, SMH_TRACE_ALIGN_MAX, &align)) {
        return false;
    }
    uint64_t base = loader->scenario->machine.regions[actor->stack_region].base;
    uint64_t mask = (align != 0 ? align : SMH_STACK_ALIGN) - 1;
    uint64_t top = book->depth > 0 ? book->frames[book->depth - 1].offset
                                   : actor->stack_offset + actor->stack_bytes;
    uint64_t room = top - actor->stack_offset;
    uint64_t begin = operation->bytes <= room ? ((base + top - operation->bytes) & ~mask) : 0;
    if (begin < base + actor->stack_offset || operation->bytes > room) {
        smh_json_enter(json, "bytes");
        return smh_json_refuse(json, json_object_get(object, "bytes"),
                               "what fits on the stack, of whose %" PRIu64 " bytes %" PRIu64
                               " are left",
                               actor->stack_bytes, room);
    }
    operation->offset = begin - base;
    operation->align = (uint32_t)align;
    struct name *name = &book->names[operation->slot];
    *name = (struct name){
        .bytes = operation->bytes, .frame = (uint32_t)book->depth, .live = true, .on_stack = true};
    book->frames[book->depth++] = (struct frame){.offset = operation->offset, .live = true};
    return true;
}

static void leave(struct book *book, struct name *name)
{
    name->live = false;
    if (!name->on_stack) {
        return;
    }
    book->frames[name->frame].live = false;
    while (book->depth > 0 && !book->frames[book->depth - 1].live) {
        book->depth--;
    }
}

/* Whether every cached region that the name may lie in has an uncached view. */
static bool check_alias(struct smh_loader *loader, const json_t *object, const struct name *name,
                        const struct smh_actor_config *actor)
{
    const struct smh_scenario *scenario = loader->scenario;
    const struct smh_machine_config *machine = &scenario->machine;
    const char *without = NULL;
    size_t with = 0;
    for (size_t i = 0; i < machine->region_count; i++) {
        const struct smh_region_config *region = &machine->regions[i];
        size_t choices = name->prefer != NULL ? name->prefer->count : 1;
        bool serves = name->on_stack && actor->stack_region == (int)i;
        for (size_t j = 0; !name->on_stack && j < choices; j++) {
            serves = serves ||
                     scenario->match(region->attr,
                                     name->prefer != NULL ? name->prefer->attrs[j] : name->attr);
        }
        with += serves && region->has_alias;
        if (serves && !region->has_alias && region->cache != SMH_CACHE_NONE) {
            without = region->name;
        }
    }
    if (without == NULL && with > 0) {
        return true;
    }
    smh_json_enter(&loader->json, "alias");
    return smh_json_refuse(&loader->json, json_object_get(object, "alias"),
                           "only where each cached region that the block may lie in has an "
                           "\"alias\" (\"%s\" has none)",
                           without != NULL ? without : machine->regions[0].name);
}

/* offset and bytes, inside what was asked for; by which core and through which view. */
static bool load_range(struct smh_loader *loader, const json_t *object, const struct name *name,
                       const struct smh_actor_config *actor, struct smh_operation *operation)
{
    struct smh_json *json = &loader->json;
    return smh_json_get_size(json, object, "offset", 0, name->bytes - 1, &operation->offset) &&
           smh_json_get_size(json, object, "bytes", 1, name->bytes - operation->offset,
                             &operation->bytes) &&
           smh_json_get_bool(json, object, "alias", &operation->uncached) &&
           (!operation->uncached || check_alias(loader, object, name, actor));
}

static bool load_barrier(struct smh_json *json, const json_t *object)
{
    const json_t *value = json_object_get(object, "barrier");
    if (!json_is_true(value)) {
        smh_json_enter(json, "barrier");
        return smh_json_refuse(json, value, "true");
    }
    return true;
}

static bool load_timing(struct smh_loader *loader, const json_t *object,
                        struct smh_operation *operation)
{
    struct smh_json *json = &loader->json;
    uint64_t after = 0;
    uint32_t core = operation->core;
    if (!smh_json_get_duration(json, object, "after", 0, &after) ||
        !smh_json_get_integer32(json, object, "core", 0, loader->scenario->machine.cores - 1,
                                &core)) {
        return false;
    }
    if (after > SMH_JSON_DURATION_MAX - operation->time_ns) {
        smh_json_enter(json, "after");
        return smh_json_refuse(json, json_object_get(object, "after"),
                               "delays that add up to at most 2^62 ns");
    }
    operation->time_ns += after;
    operation->core = (uint8_t)core;
    return true;
}

static bool load_operation(struct smh_loader *loader, struct book *book, const json_t *object,
                           const struct smh_actor_config *actor, struct smh_operation *operation)
{
    struct smh_json *json = &loader->json;
    enum smh_operation_kind kind = SMH_OPERATION_KIND_COUNT;
    if (!smh_json_object(json, object, &smh_keys_operation) || !find_kind(json, object, &kind) ||
        !load_timing(loader, object, operation)) {
        return false;
    }
    operation->kind = (uint8_t)kind;
    if (kind == SMH_OPERATION_BARRIER) {
        return load_barrier(json, object);
    }
    if (!load_name(loader, book, object, kind, &operation->slot)) {
        return false;
    }
    struct name *name = &book->names[operation->slot];
    if (kind <= SMH_OPERATION_REALLOC) {
        return load_request(loader, object, actor, name, operation);
    }
    if (kind == SMH_OPERATION_STACK) {
        return load_frame(loader, book, object, actor, operation);
    }
    if (kind > SMH_OPERATION_FREE) {
        return load_range(loader, object, name, actor, operation);
    }
    leave(book, name);
    return true;
}

/* What is live at the end would be allocated again; and the last repetition must end in time. */
static bool check_repeat(struct smh_loader *loader, const struct book *book,
                         const struct smh_actor_config *actor)
{
    struct smh_json *json = &loader->json;
    if (actor->repeat == 1) {
        return true;
    }
    for (void *at = json_object_iter(book->slots); at != NULL;
         at = json_object_iter_next(book->slots, at)) {
        if (book->names[json_integer_value(json_object_iter_value(at))].live) {
            return smh_json_error(json,
                                  "\"%.80s\" is live at the end and \"repeat\" is %" PRIu64
                                  ", allowed: lists that free what they allocate",
                                  json_object_iter_key(at), actor->repeat);
        }
    }
    uint64_t span = actor->operations[actor->operation_count - 1].time_ns;
    uint64_t period = span > actor->every_ns ? span : actor->every_ns;
    if (period > SMH_JSON_DURATION_MAX / actor->repeat) {
        return smh_json_error(json,
                              "%" PRIu64 " repetitions of %" PRIu64 " ns, allowed: up to "
                              "2^62 ns together",
                              actor->repeat, period);
    }
    return true;
}

/* The names by slot, for reports. */
static void keep_names(const struct book *book, struct smh_actor_config *actor)
{
    actor->slot_count = book->count;
    actor->slot_names = smh_must_allocate(book->count, sizeof *actor->slot_names);
    for (void *at = json_object_iter(book->slots); at != NULL;
         at = json_object_iter_next(book->slots, at)) {
        actor->slot_names[json_integer_value(json_object_iter_value(at))] =
            smh_must_copy(json_object_iter_key(at));
    }
}

bool smh_load_ops(struct smh_loader *loader, const json_t *array, size_t index)
{
    struct smh_json *json = &loader->json;
    struct smh_actor_config *actor = &loader->scenario->actors[index];
    size_t outer = smh_json_enter(json, "ops");
    if (!smh_json_array(json, array, 1, SMH_OPS_MAX, "operations")) {
        return false;
    }
    size_t count = json_array_size(array);
    struct book book = {.slots = json_object(),
                        .names = smh_must_allocate(count, sizeof(struct name)),
                        .frames = smh_must_allocate(count, sizeof(struct frame))};
    actor->operations = smh_must_allocate(count, sizeof *actor->operations);
    actor->operation_count = count;
    uint64_t time_ns = 0;
    bool valid = true;
    for (size_t i = 0; valid && i < count; i++) {
        size_t mark = smh_json_enter_index(json, i);
        actor->operations[i] = (struct smh_operation){
            .time_ns = time_ns,
            .site = i,
            .actor = (uint16_t)index,
            .core = (uint8_t)actor->core,
        };
        valid =
            load_operation(loader, &book, json_array_get(array, i), actor, &actor->operations[i]);
        if (valid) {
            time_ns = actor->operations[i].time_ns;
            smh_json_leave(json, mark);
        }
    }
    valid = valid && check_repeat(loader, &book, actor);
    if (valid) {
        smh_json_leave(json, outer);
    }
    keep_names(&book, actor);
    json_decref(book.slots);
    free(book.names);
    free(book.frames);
    return valid;
}
