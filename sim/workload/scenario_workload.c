/* scenario_workload.c: the actors of a scenario.
 *
 * Owns: the keys of $.workload[].
 */
#include "scenario_load.h"
#include "workload.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define REPEAT_MAX ((uint64_t)1000000000000)
#define STACK_STEP ((uint64_t)64)

static const struct smh_json_key actor_keys[] = {
    {"actor", true},           {"core", false},   {"attr", false},  {"prefer", false},
    {"align", false},          {"start", false},  {"trace", false}, {"ops", false},
    {"generate", false},       {"repeat", false}, {"every", false}, {"step", false},
    {"max_operations", false}, {"line", false},   {"stack", false},
};
const struct smh_json_keys smh_keys_actor = SMH_JSON_KEYS("$.workload[]", actor_keys);

static const struct smh_json_key stack_keys[] = {{"region", true}, {"size", true}};
const struct smh_json_keys smh_keys_stack = SMH_JSON_KEYS("$.workload[].stack", stack_keys);

bool smh_load_prefer(struct smh_loader *loader, const json_t *array, struct smh_attr_list **list)
{
    struct smh_scenario *scenario = loader->scenario;
    size_t outer = smh_json_enter(&loader->json, "prefer");
    if (!smh_json_array(&loader->json, array, 1, SMH_PREFER_MAX, "attributes, tried in order")) {
        return false;
    }
    size_t count = json_array_size(array);
    uint32_t attrs[SMH_PREFER_MAX];
    for (size_t i = 0; i < count; i++) {
        size_t mark = smh_json_enter_index(&loader->json, i);
        if (!smh_load_attr(loader, json_array_get(array, i), &attrs[i], NULL)) {
            return false;
        }
        smh_json_leave(&loader->json, mark);
    }
    smh_json_leave(&loader->json, outer);
    /* The values lie behind the list, so that one free ends both. */
    struct smh_attr_list *made = smh_must_allocate(1, sizeof *made + count * sizeof attrs[0]);
    uint32_t *values = (uint32_t *)(made + 1);
    memcpy(values, attrs, count * sizeof attrs[0]);
    made->attrs = values;
    made->count = count;
    size_t used = scenario->attr_list_count++;
    if ((used & (used - 1)) == 0) { /* full at each power of two */
        scenario->attr_lists = smh_must_resize(scenario->attr_lists, used > 0 ? used * 2 : 1,
                                               sizeof *scenario->attr_lists);
    }
    scenario->attr_lists[used] = made;
    *list = made;
    return true;
}

/* The trace's path against the scenario's folder. */
static char *resolve_path(const char *scenario_path, const char *trace)
{
    const char *slash = strrchr(scenario_path, '/');
    if (trace[0] == '/' || slash == NULL || strcmp(scenario_path, "-") == 0) {
        return smh_must_copy(trace);
    }
    size_t folder = (size_t)(slash - scenario_path) + 1;
    size_t length = strlen(trace);
    char *path = smh_must_allocate(folder + length + 1, 1);
    memcpy(path, scenario_path, folder);
    memcpy(path + folder, trace, length);
    return path;
}

static bool load_trace(struct smh_loader *loader, const json_t *object, size_t index)
{
    struct smh_json *json = &loader->json;
    struct smh_actor_config *actor = &loader->scenario->actors[index];
    char *written = NULL;
    size_t mark = smh_json_enter(json, "trace");
    if (!smh_json_text(json, json_object_get(object, "trace"), 4095, &written)) {
        return false;
    }
    actor->trace = resolve_path(loader->scenario->path, written);
    free(written);
    smh_json_leave(json, mark);
    actor->step_ns = SMH_TRACE_STEP_NS;
    if (!smh_json_get_duration(json, object, "step", 0, &actor->step_ns) ||
        !smh_json_get_integer(json, object, "max_operations", 1, INT64_MAX,
                              &actor->max_operations)) {
        return false;
    }
    struct smh_trace_options options;
    struct smh_error cause = {{0}};
    smh_actor_trace_options(loader->scenario, index, &options);
    if (!loader->parse_traces) {
        options.max_operations = 1;
    }
    if (smh_trace_check(actor->trace, &options, NULL, &cause) != 0) {
        smh_json_enter(json, "trace");
        return smh_json_error(json, "%s", cause.message);
    }
    return true;
}

/* Exactly one of the three, and no key that goes with another. */
static bool find_kind(struct smh_json *json, const json_t *object)
{
    static const struct {
        const char *key;
        bool trace, ops, generate; /* goes with */
    } rules[] = {
        {"repeat", true, true, false}, {"every", true, true, false},
        {"step", true, false, false},  {"max_operations", true, false, false},
        {"stack", false, true, false},
    };
    bool trace = json_object_get(object, "trace") != NULL;
    bool ops = json_object_get(object, "ops") != NULL;
    bool generate = json_object_get(object, "generate") != NULL;
    if (trace + ops + generate != 1) {
        return smh_json_error(json, "%d of trace, ops, generate, allowed: exactly one of them",
                              trace + ops + generate);
    }
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        const json_t *value = json_object_get(object, rules[i].key);
        if (value != NULL && !((trace && rules[i].trace) || (ops && rules[i].ops))) {
            smh_json_enter(json, rules[i].key);
            return smh_json_refuse(
                json, value, "only with %s%s%s", rules[i].trace ? "\"trace\"" : "",
                rules[i].trace && rules[i].ops ? " or " : "", rules[i].ops ? "\"ops\"" : "");
        }
    }
    return true;
}

static bool load_actor_attr(struct smh_loader *loader, const json_t *object,
                            struct smh_actor_config *actor)
{
    struct smh_json *json = &loader->json;
    const json_t *attr = json_object_get(object, "attr");
    const json_t *prefer = json_object_get(object, "prefer");
    if (attr != NULL && prefer != NULL) {
        smh_json_enter(json, "prefer");
        return smh_json_refuse(json, prefer, "one of \"attr\" and \"prefer\"");
    }
    if (prefer != NULL) {
        if (!smh_load_prefer(loader, prefer, &actor->prefer)) {
            return false;
        }
        actor->attr = actor->prefer->attrs[0];
    }
    if (attr != NULL) {
        size_t mark = smh_json_enter(json, "attr");
        if (!smh_load_attr(loader, attr, &actor->attr, NULL)) {
            return false;
        }
        smh_json_leave(json, mark);
    }
    return true;
}

/* Taken from the region's end, or from where another actor's stack begins. */
static bool place_stack(struct smh_loader *loader, const json_t *object, size_t index)
{
    const struct smh_scenario *scenario = loader->scenario;
    struct smh_actor_config *actor = &scenario->actors[index];
    const struct smh_region_config *region = &scenario->machine.regions[actor->stack_region];
    uint64_t line = scenario->machine.line_bytes;
    uint64_t step = line > STACK_STEP ? line : STACK_STEP;
    uint64_t end = region->size;
    for (size_t i = 0; i < index; i++) {
        const struct smh_actor_config *other = &scenario->actors[i];
        if (other->stack_region == actor->stack_region && other->stack_offset < end) {
            end = other->stack_offset;
        }
    }
    uint64_t begin =
        actor->stack_bytes < end ? (region->base + end - actor->stack_bytes) & ~(step - 1) : 0;
    if (begin <= region->base) {
        smh_json_enter(&loader->json, "size");
        return smh_json_refuse(&loader->json, json_object_get(object, "size"),
                               "less than \"%s\" has left, %" PRIu64 " bytes", region->name, end);
    }
    actor->stack_offset = begin - region->base;
    return true;
}

static bool load_stack(struct smh_loader *loader, const json_t *value, size_t index)
{
    struct smh_json *json = &loader->json;
    const struct smh_machine_config *machine = &loader->scenario->machine;
    struct smh_actor_config *actor = &loader->scenario->actors[index];
    actor->stack_region = -1;
    if (value == NULL) {
        return true;
    }
    size_t mark = smh_json_enter(json, "stack");
    if (!smh_json_object(json, value, &smh_keys_stack) ||
        !smh_json_get_size(json, value, "size", 8, SMH_JSON_BYTES_MAX, &actor->stack_bytes)) {
        return false;
    }
    const json_t *name = json_object_get(value, "region");
    for (size_t i = 0; json_is_string(name) && i < machine->region_count; i++) {
        if (strcmp(machine->regions[i].name, json_string_value(name)) == 0) {
            actor->stack_region = (int)i;
        }
    }
    if (actor->stack_region < 0) {
        smh_json_enter(json, "region");
        return smh_json_refuse(json, name, "the name of a region (the first is \"%s\")",
                               machine->regions[0].name);
    }
    if (!place_stack(loader, value, index)) {
        return false;
    }
    smh_json_leave(json, mark);
    return true;
}

static bool load_actor(struct smh_loader *loader, const json_t *object, size_t index)
{
    struct smh_json *json = &loader->json;
    struct smh_scenario *scenario = loader->scenario;
    struct smh_actor_config *actor = &scenario->actors[index];
    uint64_t align = 0;
    uint64_t line = 0;
    actor->repeat = 1;
    if (!smh_json_object(json, object, &smh_keys_actor) ||
        !smh_json_get_text(json, object, "actor", SMH_NAME_BYTES_MAX, &actor->name)) {
        return false;
    }
    for (size_t i = 0; i < index; i++) {
        if (strcmp(scenario->actors[i].name, actor->name) == 0) {
            smh_json_enter(json, "actor");
            return smh_json_refuse(json, json_object_get(object, "actor"),
                                   "a name that no other actor has (workload[%zu] has it)", i);
        }
    }
    if (!smh_json_get_integer32(json, object, "core", 0, scenario->machine.cores - 1,
                                &actor->core) ||
        !load_actor_attr(loader, object, actor) ||
        !smh_json_get_power(json, object, "align", 1, SMH_TRACE_ALIGN_MAX, &align) ||
        !smh_json_get_duration(json, object, "start", 0, &actor->start_ns) ||
        !smh_json_get_power(json, object, "line", 4, 1024, &line) ||
        !load_stack(loader, json_object_get(object, "stack"), index) || !find_kind(json, object) ||
        !smh_json_get_integer(json, object, "repeat", 1, REPEAT_MAX, &actor->repeat) ||
        !smh_json_get_duration(json, object, "every", 0, &actor->every_ns)) {
        return false;
    }
    actor->align = (uint32_t)align;
    actor->driver_line = (uint32_t)line;
    const json_t *ops = json_object_get(object, "ops");
    const json_t *generate = json_object_get(object, "generate");
    if (ops != NULL) {
        return smh_load_ops(loader, ops, index);
    }
    if (generate == NULL) {
        return load_trace(loader, object, index);
    }
    actor->generator = smh_must_allocate(1, sizeof *actor->generator);
    smh_json_enter(json, "generate");
    return smh_load_generator(loader, generate, actor->generator);
}

/* A generator without end needs another actor whose end stops it. */
static bool check_ends(struct smh_loader *loader)
{
    const struct smh_scenario *scenario = loader->scenario;
    for (size_t i = 0; i < scenario->actor_count; i++) {
        const struct smh_generator_config *generator = scenario->actors[i].generator;
        if (generator == NULL || generator->count != 0 || generator->duration_ns != 0) {
            return true;
        }
    }
    smh_json_enter_index(&loader->json, 0);
    smh_json_enter(&loader->json, "generate");
    return smh_json_error(&loader->json, "no actor ends, allowed: \"count\" or \"duration\" here, "
                                         "or another actor that ends");
}

bool smh_load_workload(struct smh_loader *loader, const json_t *array)
{
    struct smh_scenario *scenario = loader->scenario;
    if (!smh_json_array(&loader->json, array, 1, SMH_ACTORS_MAX, "actors")) {
        return false;
    }
    size_t count = json_array_size(array);
    scenario->actors = smh_must_allocate(count, sizeof *scenario->actors);
    for (size_t i = 0; i < count; i++) {
        size_t mark = smh_json_enter_index(&loader->json, i);
        scenario->actor_count = i + 1;
        if (!load_actor(loader, json_array_get(array, i), i)) {
            return false;
        }
        smh_json_leave(&loader->json, mark);
    }
    return check_ends(loader);
}
