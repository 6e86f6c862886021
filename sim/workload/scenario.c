/* scenario.c: a scenario file, from its bytes to the structures and back to nothing.
 *
 * Owns: the top level of the format, and the life of struct smh_scenario.
 */
#include "scenario.h"

#include "input.h"
#include "scenario_load.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ATTR_TEXT_BYTES 256

static const struct smh_json_key root_keys[] = {
    {"schema", true}, {"name", true},     {"why", false},
    {"seed", false},  {"machine", true},  {"attributes", false},
    {"pool", false},  {"workload", true}, {"expect", false},
};
static const struct smh_json_keys keys_root = SMH_JSON_KEYS("$", root_keys);

void smh_scenario_print_keys(FILE *file)
{
    static const struct smh_json_keys *const all[] = {
        &keys_root,
        &smh_keys_pool,
        &smh_keys_machine,
        &smh_keys_l1,
        &smh_keys_l2,
        &smh_keys_region,
        &smh_keys_alias,
        &smh_keys_actor,
        &smh_keys_stack,
        &smh_keys_operation,
        &smh_keys_generator,
        &smh_keys_size,
        &smh_keys_lifetime,
        &smh_keys_expect,
        &smh_keys_failed,
        &smh_keys_hazard,
        &smh_keys_expect_region,
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        smh_json_print_keys(all[i], file);
    }
}

static bool load_name(struct smh_loader *loader, const json_t *root)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.";
    const json_t *value = json_object_get(root, "name");
    const char *name = json_string_value(value);
    size_t mark = smh_json_enter(&loader->json, "name");
    if (name == NULL || name[0] == '\0' || strlen(name) > SMH_NAME_BYTES_MAX ||
        strspn(name, letters) != strlen(name)) {
        return smh_json_refuse(&loader->json, value, "1 to %d letters, digits, '_', '-', '.'",
                               SMH_NAME_BYTES_MAX);
    }
    smh_json_leave(&loader->json, mark);
    loader->scenario->name = smh_must_copy(name);
    return true;
}

static bool load_why(struct smh_loader *loader, const json_t *root)
{
    const json_t *value = json_object_get(root, "why");
    if (value != NULL && !json_is_string(value)) {
        smh_json_enter(&loader->json, "why");
        return smh_json_refuse(&loader->json, value, "a text");
    }
    loader->scenario->why = smh_must_copy(value != NULL ? json_string_value(value) : "");
    return true;
}

/* A part that need not be there: absent, it is loaded as if it were {}. */
static bool load_part(struct smh_loader *loader, const json_t *root, const char *key,
                      bool (*load)(struct smh_loader *, const json_t *))
{
    const json_t *value = json_object_get(root, key);
    json_t *empty = value == NULL ? json_object() : NULL;
    size_t mark = smh_json_enter(&loader->json, key);
    bool valid = load(loader, value != NULL ? value : empty);
    if (valid) {
        smh_json_leave(&loader->json, mark);
    }
    json_decref(empty);
    return valid;
}

static bool load_root(struct smh_loader *loader, const json_t *root)
{
    struct smh_scenario *scenario = loader->scenario;
    uint64_t schema = 0;
    scenario->seed = 1;
    return smh_json_object(&loader->json, root, &keys_root) &&
           smh_json_get_integer(&loader->json, root, "schema", SMH_SCENARIO_SCHEMA,
                                SMH_SCENARIO_SCHEMA, &schema) &&
           load_name(loader, root) && load_why(loader, root) &&
           smh_json_get_integer(&loader->json, root, "seed", 0, INT64_MAX, &scenario->seed) &&
           load_part(loader, root, "pool", smh_load_pool) &&
           load_part(loader, root, "attributes", smh_load_attributes) &&
           load_part(loader, root, "machine", smh_load_machine) &&
           load_part(loader, root, "workload", smh_load_workload) &&
           load_part(loader, root, "expect", smh_load_expect);
}

struct smh_scenario *smh_scenario_load(const char *path, bool parse_traces, struct smh_error *error)
{
    size_t length;
    char *text = smh_input_whole(path, SMH_SCENARIO_BYTES_MAX, &length, error);
    if (text == NULL) {
        return NULL;
    }
    const char *shown = strcmp(path, "-") == 0 ? "standard input" : path;
    json_error_t problem;
    json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &problem);
    if (root == NULL) {
        free(text);
        smh_error_set(error, "%s:%d:%d: %s, allowed: one JSON object as scenarios/schema.json says",
                      shown, problem.line, problem.column, problem.text);
        return NULL;
    }
    struct smh_scenario *scenario = smh_must_allocate(1, sizeof *scenario);
    scenario->path = smh_must_copy(path);
    struct smh_loader loader = {.scenario = scenario, .parse_traces = parse_traces};
    smh_json_init(&loader.json, shown, text, error);
    bool valid = load_root(&loader, root);
    json_decref(root);
    free(text);
    if (!valid) {
        smh_scenario_free(scenario);
        return NULL;
    }
    return scenario;
}

char *smh_scenario_text(const struct smh_scenario *scenario)
{
    size_t length = 0;
    return scenario->path == NULL || strcmp(scenario->path, "-") == 0
               ? NULL
               : smh_input_whole(scenario->path, SMH_SCENARIO_BYTES_MAX, &length, NULL);
}

static void free_actor(struct smh_actor_config *actor)
{
    free(actor->name);
    free(actor->trace);
    free(actor->operations);
    for (size_t i = 0; i < actor->slot_count; i++) {
        free(actor->slot_names[i]);
    }
    free(actor->slot_names);
    smh_generator_config_free(actor->generator);
}

static void free_expect(struct smh_expect *expect)
{
    for (size_t i = 0; i < expect->hazard_count; i++) {
        struct smh_hazard_expect *hazard = &expect->hazard_list[i];
        for (size_t j = 0; j < hazard->owner_count; j++) {
            free(hazard->owners[j]);
        }
        free(hazard->owners);
        free(hazard->class_name);
    }
    free(expect->hazard_list);
    free(expect->regions);
}

void smh_scenario_free(struct smh_scenario *scenario)
{
    if (scenario == NULL) {
        return;
    }
    for (size_t i = 0; i < scenario->machine.region_count; i++) {
        free(scenario->machine.regions[i].name);
        free(scenario->machine.regions[i].attr_name);
    }
    free(scenario->machine.regions);
    for (size_t i = 0; i < scenario->attr_count; i++) {
        free(scenario->attr_names[i]);
    }
    free(scenario->attr_names);
    free(scenario->attr_values);
    free(scenario->attr_text);
    for (size_t i = 0; i < scenario->actor_count; i++) {
        free_actor(&scenario->actors[i]);
    }
    free(scenario->actors);
    for (size_t i = 0; i < scenario->attr_list_count; i++) {
        free(scenario->attr_lists[i]);
    }
    free(scenario->attr_lists);
    free_expect(&scenario->expect);
    free(scenario->path);
    free(scenario->name);
    free(scenario->why);
    free(scenario);
}

bool smh_scenario_is_about_hazards(const struct smh_scenario *scenario)
{
    for (size_t i = 0; i < scenario->actor_count; i++) {
        for (size_t j = 0; j < scenario->actors[i].operation_count; j++) {
            if (scenario->actors[i].operations[j].kind > SMH_OPERATION_FREE) {
                return true;
            }
        }
    }
    return scenario->expect.has_hazards;
}

/* The names of the bits in attr, joined by '+', and what no name covers as a number. */
static void join_bit_names(const struct smh_scenario *scenario, uint32_t attr, char *text)
{
    size_t used = 0;
    uint32_t left = attr;
    for (size_t i = 0; i < scenario->attr_count; i++) {
        uint32_t value = scenario->attr_values[i];
        const char *name = scenario->attr_names[i];
        size_t length = strlen(name);
        bool single = (value & (value - 1)) == 0;
        if (!single || (left & value) == 0 || used + length + 16 > ATTR_TEXT_BYTES) {
            continue;
        }
        text[used] = '+';
        used += used > 0;
        memcpy(text + used, name, length + 1);
        used += length;
        left &= ~value;
    }
    if (left != 0 || used == 0) {
        snprintf(text + used, ATTR_TEXT_BYTES - used, "%s0x%" PRIx32, used > 0 ? "+" : "", left);
    }
}

const char *smh_scenario_attr_name(const struct smh_scenario *scenario, uint32_t attr)
{
    for (size_t i = 0; i < scenario->attr_count; i++) {
        if (scenario->attr_values[i] == attr) {
            return scenario->attr_names[i];
        }
    }
    if (scenario->match == smh_match_all_bits) {
        if (attr == 0) {
            return "any";
        }
        join_bit_names(scenario, attr, scenario->attr_text);
    } else {
        snprintf(scenario->attr_text, ATTR_TEXT_BYTES, "%" PRIu32, attr);
    }
    return scenario->attr_text;
}
