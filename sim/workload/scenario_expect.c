/* scenario_expect.c: what a scenario expects of a run.
 *
 * Owns: the keys under $.expect.
 */
#include "scenario_load.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HAZARDS_MAX     1000
#define OWNERS_MAX      16
#define OWNER_BYTES_MAX 319  /* an actor, '/', a block */
#define PERCENT         1000 /* in thousandths */

static const struct smh_json_key expect_keys[] = {
    {"failed_allocations", false}, {"hazards", false}, {"regions", false}};
const struct smh_json_keys smh_keys_expect = SMH_JSON_KEYS("$.expect", expect_keys);

static const struct smh_json_key failed_keys[] = {{"min", false}, {"max", false}};
const struct smh_json_keys smh_keys_failed =
    SMH_JSON_KEYS("$.expect.failed_allocations", failed_keys);

static const struct smh_json_key hazard_keys[] = {{"class", true}, {"owners", false}};
const struct smh_json_keys smh_keys_hazard = SMH_JSON_KEYS("$.expect.hazards[]", hazard_keys);

static const struct smh_json_key region_keys[] = {{"peak_used_max", false}};
const struct smh_json_keys smh_keys_expect_region =
    SMH_JSON_KEYS("$.expect.regions.*", region_keys);

static bool load_failed(struct smh_loader *loader, const json_t *object)
{
    struct smh_json *json = &loader->json;
    struct smh_expect *expect = &loader->scenario->expect;
    const json_t *value = json_object_get(object, "failed_allocations");
    if (value == NULL) {
        return true;
    }
    expect->has_failed_allocations = true;
    expect->failed_allocations_max = UINT64_MAX;
    if (!json_is_object(value)) {
        bool valid = smh_json_get_integer(json, object, "failed_allocations", 0, INT64_MAX,
                                          &expect->failed_allocations_max);
        expect->failed_allocations_min = expect->failed_allocations_max;
        return valid;
    }
    size_t mark = smh_json_enter(json, "failed_allocations");
    if (json_object_size(value) == 0) {
        return smh_json_refuse(json, value, "a number, or {\"min\": n, \"max\": n} or one of them");
    }
    if (!smh_json_object(json, value, &smh_keys_failed) ||
        !smh_json_get_integer(json, value, "min", 0, INT64_MAX, &expect->failed_allocations_min) ||
        !smh_json_get_integer(json, value, "max", expect->failed_allocations_min, INT64_MAX,
                              &expect->failed_allocations_max)) {
        return false;
    }
    smh_json_leave(json, mark);
    return true;
}

/* Whether some actor's bytes, or the allocator's, can be called this. */
static bool names_an_owner(const struct smh_scenario *scenario, const char *text)
{
    if (strcmp(text, "metadata") == 0 || strcmp(text, "stack") == 0) {
        return true;
    }
    for (size_t i = 0; i < scenario->actor_count; i++) {
        const struct smh_actor_config *actor = &scenario->actors[i];
        size_t length = strlen(actor->name);
        if (strcmp(actor->name, text) == 0) {
            return true;
        }
        bool prefixed = strncmp(actor->name, text, length) == 0 && text[length] == '/';
        for (size_t j = 0; j < actor->slot_count; j++) {
            if (strcmp(actor->slot_names[j], text) == 0 ||
                (prefixed && strcmp(actor->slot_names[j], text + length + 1) == 0)) {
                return true;
            }
        }
    }
    return false;
}

static bool load_owners(struct smh_loader *loader, const json_t *value,
                        struct smh_hazard_expect *hazard)
{
    struct smh_json *json = &loader->json;
    if (value == NULL) {
        return true;
    }
    size_t outer = smh_json_enter(json, "owners");
    if (!smh_json_array(json, value, 1, OWNERS_MAX, "names")) {
        return false;
    }
    size_t count = json_array_size(value);
    hazard->owners = smh_must_allocate(count, sizeof *hazard->owners);
    hazard->owner_count = count;
    for (size_t i = 0; i < count; i++) {
        size_t mark = smh_json_enter_index(json, i);
        const json_t *owner = json_array_get(value, i);
        if (!smh_json_text(json, owner, OWNER_BYTES_MAX, &hazard->owners[i])) {
            return false;
        }
        if (!names_an_owner(loader->scenario, hazard->owners[i])) {
            return smh_json_refuse(json, owner,
                                   "a block of a list (\"frame\", \"camera/frame\"), an actor, "
                                   "\"metadata\", \"stack\"");
        }
        smh_json_leave(json, mark);
    }
    smh_json_leave(json, outer);
    return true;
}

static bool load_hazard(struct smh_loader *loader, const json_t *value,
                        struct smh_hazard_expect *hazard)
{
    static const char *const classes[] = {"H1", "H2", "H3", "H4", "H5",
                                          "H6", "H7", "H8", "H9", "H10"};
    unsigned index = 0;
    if (!smh_json_object(&loader->json, value, &smh_keys_hazard) ||
        !smh_json_get_choice(&loader->json, value, "class", classes, 10, &index)) {
        return false;
    }
    hazard->class_name = smh_must_copy(classes[index]);
    return load_owners(loader, json_object_get(value, "owners"), hazard);
}

static bool load_hazards(struct smh_loader *loader, const json_t *object)
{
    struct smh_json *json = &loader->json;
    struct smh_expect *expect = &loader->scenario->expect;
    const json_t *value = json_object_get(object, "hazards");
    if (value == NULL) {
        return true;
    }
    expect->has_hazards = true;
    if (!json_is_array(value)) {
        return smh_json_get_integer(json, object, "hazards", 0, INT64_MAX, &expect->hazards);
    }
    size_t outer = smh_json_enter(json, "hazards");
    if (!smh_json_array(json, value, 0, HAZARDS_MAX, "hazards")) {
        return false;
    }
    size_t count = json_array_size(value);
    expect->hazards = count;
    expect->hazard_list = smh_must_allocate(count, sizeof *expect->hazard_list);
    expect->hazard_count = count;
    for (size_t i = 0; i < count; i++) {
        size_t mark = smh_json_enter_index(json, i);
        if (!load_hazard(loader, json_array_get(value, i), &expect->hazard_list[i])) {
            return false;
        }
        smh_json_leave(json, mark);
    }
    smh_json_leave(json, outer);
    return true;
}

/* "90%", "87.5%": in thousandths of a percent. */
static bool scan_percent(const char *text, uint64_t *thousandths)
{
    const char *end;
    uint64_t whole;
    if (!smh_json_scan(text, false, &whole, &end) || whole > 100) {
        return false;
    }
    uint64_t fraction = 0;
    uint64_t unit = PERCENT;
    if (*end == '.') {
        const char *digits = ++end;
        for (; *end >= '0' && *end <= '9' && unit > 1; end++) {
            unit /= 10;
            fraction += (uint64_t)(*end - '0') * unit;
        }
        if (end == digits) {
            return false;
        }
    }
    *thousandths = whole * PERCENT + fraction;
    return strcmp(end, "%") == 0 && *thousandths <= 100 * PERCENT;
}

static bool load_peak(struct smh_loader *loader, const json_t *object,
                      struct smh_region_expect *expect)
{
    const json_t *value = json_object_get(object, "peak_used_max");
    if (value == NULL) {
        return true;
    }
    uint64_t size = loader->scenario->machine.regions[expect->region].size;
    size_t mark = smh_json_enter(&loader->json, "peak_used_max");
    const char *text = json_string_value(value);
    expect->has_peak_used_max = true;
    if (text != NULL && strchr(text, '%') != NULL) {
        uint64_t share = 0;
        const uint64_t all = 100 * PERCENT;
        if (!scan_percent(text, &share)) {
            return smh_json_refuse(&loader->json, value,
                                   "\"0%%\" to \"100%%\" (\"90%%\", \"87.5%%\"), or bytes");
        }
        expect->peak_used_max_bytes = size / all * share + size % all * share / all;
    } else if (!smh_json_size(&loader->json, value, 0, size, &expect->peak_used_max_bytes)) {
        return false;
    }
    smh_json_leave(&loader->json, mark);
    return true;
}

static bool load_region(struct smh_loader *loader, const char *name, const json_t *value,
                        struct smh_region_expect *expect)
{
    const struct smh_machine_config *machine = &loader->scenario->machine;
    size_t mark = smh_json_enter(&loader->json, name);
    size_t i = 0;
    while (i < machine->region_count && strcmp(machine->regions[i].name, name) != 0) {
        i++;
    }
    if (i == machine->region_count) {
        return smh_json_error(&loader->json,
                              "no region \"%.80s\", allowed: names of the machine's "
                              "regions (the first is \"%s\")",
                              name, machine->regions[0].name);
    }
    expect->region = i;
    if (!smh_json_object(&loader->json, value, &smh_keys_expect_region) ||
        !load_peak(loader, value, expect)) {
        return false;
    }
    smh_json_leave(&loader->json, mark);
    return true;
}

static bool load_regions(struct smh_loader *loader, const json_t *value)
{
    struct smh_expect *expect = &loader->scenario->expect;
    if (value == NULL) {
        return true;
    }
    size_t mark = smh_json_enter(&loader->json, "regions");
    if (!json_is_object(value)) {
        return smh_json_refuse(&loader->json, value, "an object of region names");
    }
    expect->regions = smh_must_allocate(json_object_size(value), sizeof *expect->regions);
    json_t *members = (json_t *)(uintptr_t)value;
    for (void *at = json_object_iter(members); at != NULL;
         at = json_object_iter_next(members, at)) {
        if (!load_region(loader, json_object_iter_key(at), json_object_iter_value(at),
                         &expect->regions[expect->region_count])) {
            return false;
        }
        expect->region_count++;
    }
    smh_json_leave(&loader->json, mark);
    return true;
}

bool smh_load_expect(struct smh_loader *loader, const json_t *object)
{
    return smh_json_object(&loader->json, object, &smh_keys_expect) &&
           load_failed(loader, object) && load_hazards(loader, object) &&
           load_regions(loader, json_object_get(object, "regions"));
}
