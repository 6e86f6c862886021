/* scenario_ops.c: lists of operations in a scenario.
 *
 * Owns: the keys of $.workload[].ops[], and the book of names: which are live, and how large.
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
    {"after", false},
};
const struct smh_json_keys smh_keys_operation = SMH_JSON_KEYS("$.workload[].ops[]", operation_keys);

/* A name of the list. */
struct name {
    uint64_t bytes;
    const struct smh_attr_list *prefer;
    uint32_t attr;
    bool live;
};

struct book {
    json_t *slots;      /* name -> index in names, which is its slot */
    struct name *names; /* room for one a name of the list */
    size_t count;
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

/* The one key that names an operation, and the keys that go with it. */
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
                              "flush",
                              found);
    }
    bool allocates = *kind <= SMH_OPERATION_REALLOC;
    bool accesses = *kind > SMH_OPERATION_FREE;
    const struct {
        const char *key;
        bool allowed;
        const char *with;
    } rules[] = {
        {"bytes", allocates || accesses, "alloc, calloc, realloc and accesses"},
        {"offset", accesses, "accesses (cpu_read ... flush)"},
        {"attr", allocates, "alloc, calloc, realloc"},
        {"prefer", allocates && json_object_get(object, "attr") == NULL,
         "alloc, calloc, realloc, and without attr"},
        {"align", allocates, "alloc, calloc, realloc"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        const json_t *value = json_object_get(object, rules[i].key);
        if (value != NULL && !rules[i].allowed) {
            smh_json_enter(json, rules[i].key);
            return smh_json_refuse(json, value, "only with %s", rules[i].with);
        }
    }
    if (allocates && json_object_get(object, "bytes") == NULL) {
        return smh_json_error(json, "key \"bytes\" is missing, allowed: %s with 1 to 2^48 bytes",
                              smh_operation_name(*kind));
    }
    return true;
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
    bool allocates = kind == SMH_OPERATION_ALLOC || kind == SMH_OPERATION_CALLOC;
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
    operation->attr = name->attr;
    operation->prefer = name->prefer;
    operation->align = (uint32_t)align;
    return true;
}

/* offset and bytes, inside what was asked for. */
static bool load_range(struct smh_loader *loader, const json_t *object, const struct name *name,
                       struct smh_operation *operation)
{
    struct smh_json *json = &loader->json;
    return smh_json_get_size(json, object, "offset", 0, name->bytes - 1, &operation->offset) &&
           smh_json_get_size(json, object, "bytes", 1, name->bytes - operation->offset,
                             &operation->bytes);
}

static bool load_operation(struct smh_loader *loader, struct book *book, const json_t *object,
                           const struct smh_actor_config *actor, struct smh_operation *operation)
{
    struct smh_json *json = &loader->json;
    enum smh_operation_kind kind = SMH_OPERATION_KIND_COUNT;
    uint64_t after = 0;
    if (!smh_json_object(json, object, &smh_keys_operation) || !find_kind(json, object, &kind) ||
        !smh_json_get_duration(json, object, "after", 0, &after) ||
        !load_name(loader, book, object, kind, &operation->slot)) {
        return false;
    }
    operation->kind = (uint8_t)kind;
    if (after > SMH_JSON_DURATION_MAX - operation->time_ns) {
        smh_json_enter(json, "after");
        return smh_json_refuse(json, json_object_get(object, "after"),
                               "delays that add up to at most 2^62 ns");
    }
    operation->time_ns += after;
    struct name *name = &book->names[operation->slot];
    if (kind <= SMH_OPERATION_REALLOC) {
        return load_request(loader, object, actor, name, operation);
    }
    if (kind > SMH_OPERATION_FREE) {
        return load_range(loader, object, name, operation);
    }
    name->live = false;
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
                        .names = smh_must_allocate(count, sizeof(struct name))};
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
    json_decref(book.slots);
    free(book.names);
    return valid;
}
