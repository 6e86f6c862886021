/* scenario_machine.c: pool, attributes and machine of a scenario.
 *
 * Owns: the keys under $.pool, $.attributes and $.machine.
 * Invariants: names are resolved here and nowhere else: attributes to values, engines, policies
 * and metadata_in to what they name.
 */
#include "scenario_load.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ATTR_TEXT_BYTES  256
#define ATTRIBUTES_MAX   256
#define LISTED_NAMES_MAX 64
#define GRANULE_MAX      ((uint64_t)1 << 20)
#define STAND_IN_BYTES   ((size_t)4 << 20) /* room for a few of the largest granule */

static const struct smh_json_key pool_keys[] = {
    {"match", false}, {"policy", false}, {"threshold", false}};
const struct smh_json_keys smh_keys_pool = SMH_JSON_KEYS("$.pool", pool_keys);

static const struct smh_json_key machine_keys[] = {
    {"cores", false},        {"line", false},     {"target_bits", false},
    {"clock", false},        {"l1", false},       {"l2", false},
    {"store_buffer", false}, {"hand_out", false}, {"regions", true},
};
const struct smh_json_keys smh_keys_machine = SMH_JSON_KEYS("$.machine", machine_keys);

static const struct smh_json_key region_keys[] = {
    {"name", true},         {"base", true},     {"size", true},      {"attr", true},
    {"cache", false},       {"cycles", false},  {"engine", false},   {"granule", false},
    {"metadata_in", false}, {"reserve", false}, {"priority", false}, {"target_bits", false},
    {"dma", false},         {"alias", false},
};
const struct smh_json_keys smh_keys_region = SMH_JSON_KEYS("$.machine.regions[]", region_keys);

static const struct smh_json_key alias_keys[] = {{"base", true}};
const struct smh_json_keys smh_keys_alias = SMH_JSON_KEYS("$.machine.regions[].alias", alias_keys);

bool smh_load_pool(struct smh_loader *loader, const json_t *object)
{
    static const char *const matches[] = {"equal", "all_bits"};
    struct smh_scenario *scenario = loader->scenario;
    const char *policies[LISTED_NAMES_MAX];
    size_t policy_count = 0;
    while (policy_count < LISTED_NAMES_MAX && smh_policy_at(policy_count) != NULL) {
        policies[policy_count] = smh_policy_at(policy_count)->name;
        policy_count++;
    }
    unsigned match = 0;
    unsigned policy = 0;
    scenario->policy = &smh_policy_add_order;
    scenario->threshold_bytes = SMH_POOL_THRESHOLD_DEFAULT;
    if (!smh_json_object(&loader->json, object, &smh_keys_pool) ||
        !smh_json_get_choice(&loader->json, object, "match", matches, 2, &match) ||
        !smh_json_get_choice(&loader->json, object, "policy", policies, policy_count, &policy) ||
        !smh_json_get_size(&loader->json, object, "threshold", 1, SMH_JSON_BYTES_MAX,
                           &scenario->threshold_bytes)) {
        return false;
    }
    scenario->match = match == 0 ? smh_match_equal : smh_match_all_bits;
    scenario->match_name = matches[match];
    if (json_object_get(object, "policy") != NULL) {
        scenario->policy = smh_policy_at(policy);
    }
    return true;
}

static void add_attribute(struct smh_scenario *scenario, const char *name, uint32_t value)
{
    scenario->attr_names[scenario->attr_count] = smh_must_copy(name);
    scenario->attr_values[scenario->attr_count++] = value;
}

static bool is_attribute_name(const char *name)
{
    static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
    static const char rest[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789.-";
    return name[0] != '\0' && strchr(first, name[0]) != NULL &&
           strspn(name, rest) == strlen(name) && strlen(name) <= SMH_NAME_BYTES_MAX;
}

static bool load_attribute(struct smh_loader *loader, const char *name, const json_t *value)
{
    struct smh_scenario *scenario = loader->scenario;
    size_t mark = smh_json_enter(&loader->json, name);
    if (!is_attribute_name(name)) {
        return smh_json_error(&loader->json,
                              "\"%.80s\", allowed: names of 1 to %d letters, digits, "
                              "'_', '.', '-' that start with a letter or '_'",
                              name, SMH_NAME_BYTES_MAX);
    }
    if (!json_is_integer(value) || json_integer_value(value) < 1 ||
        json_integer_value(value) >= (json_int_t)UINT32_MAX) {
        return smh_json_refuse(&loader->json, value, "an integer from 1 to 4294967294");
    }
    uint32_t number = (uint32_t)json_integer_value(value);
    for (size_t i = 0; i < scenario->attr_count; i++) {
        if (strcmp(scenario->attr_names[i], name) == 0) {
            return smh_json_refuse(&loader->json, value, "a name that Zephyr does not define");
        }
        if (scenario->attr_values[i] == number) {
            return smh_json_refuse(&loader->json, value,
                                   "a value that no other attribute has (%s has it)",
                                   scenario->attr_names[i]);
        }
    }
    add_attribute(scenario, name, number);
    smh_json_leave(&loader->json, mark);
    return true;
}

bool smh_load_attributes(struct smh_loader *loader, const json_t *object)
{
    struct smh_scenario *scenario = loader->scenario;
    struct smh_json *json = &loader->json;
    if (!json_is_object(object) || json_object_size(object) > ATTRIBUTES_MAX) {
        return smh_json_refuse(json, object, "an object of up to %d names and values",
                               ATTRIBUTES_MAX);
    }
    size_t count = json_object_size(object) + 3;
    scenario->attr_names = smh_must_allocate(count, sizeof *scenario->attr_names);
    scenario->attr_values = smh_must_allocate(count, sizeof *scenario->attr_values);
    scenario->attr_text = smh_must_allocate(ATTR_TEXT_BYTES, 1);
    /* As bits, Zephyr's 0, 1, 2 become 1, 2, 4: a demand for value 0 would ask for nothing. */
    bool bits = scenario->match == smh_match_all_bits;
    add_attribute(scenario, "cacheable", bits ? 1 : 0);
    add_attribute(scenario, "non_cacheable", bits ? 2 : 1);
    add_attribute(scenario, "external", bits ? 4 : 2);
    json_t *members = (json_t *)(uintptr_t)object;
    for (void *at = json_object_iter(members); at != NULL;
         at = json_object_iter_next(members, at)) {
        if (!load_attribute(loader, json_object_iter_key(at), json_object_iter_value(at))) {
            return false;
        }
    }
    return true;
}

static bool refuse_attr(struct smh_loader *loader, const json_t *value)
{
    const struct smh_scenario *scenario = loader->scenario;
    char list[512] = "";
    size_t used = 0;
    for (size_t i = 0; i < scenario->attr_count; i++) {
        int written =
            snprintf(list + used, sizeof list - used, "\"%s\", ", scenario->attr_names[i]);
        used += written > 0 && used + (size_t)written < sizeof list ? (size_t)written : 0;
    }
    list[used] = '\0';
    return smh_json_refuse(
        &loader->json, value, "%sa name from $.attributes, an integer from 0 to 4294967294%s", list,
        scenario->match == smh_match_all_bits ? ", a list of these"
                                              : "; a list only with \"match\": \"all_bits\"");
}

/* A name or an integer. */
static bool load_attr_word(struct smh_loader *loader, const json_t *value, uint32_t *attr)
{
    const struct smh_scenario *scenario = loader->scenario;
    if (json_is_integer(value) && json_integer_value(value) >= 0 &&
        json_integer_value(value) < (json_int_t)UINT32_MAX) {
        *attr = (uint32_t)json_integer_value(value);
        return true;
    }
    const char *name = json_string_value(value);
    for (size_t i = 0; name != NULL && i < scenario->attr_count; i++) {
        if (strcmp(scenario->attr_names[i], name) == 0) {
            *attr = scenario->attr_values[i];
            return true;
        }
    }
    return refuse_attr(loader, value);
}

bool smh_load_attr(struct smh_loader *loader, const json_t *value, uint32_t *attr, char **text)
{
    char joined[ATTR_TEXT_BYTES] = "";
    size_t used = 0;
    bool list = json_is_array(value);
    if (list && (loader->scenario->match != smh_match_all_bits || json_array_size(value) == 0)) {
        return refuse_attr(loader, value);
    }
    size_t count = list ? json_array_size(value) : 1;
    uint32_t bits = 0;
    for (size_t i = 0; i < count; i++) {
        const json_t *word = list ? json_array_get(value, i) : value;
        size_t mark = list ? smh_json_enter_index(&loader->json, i) : loader->json.path_length;
        uint32_t bit = 0;
        if (!load_attr_word(loader, word, &bit)) {
            return false;
        }
        smh_json_leave(&loader->json, mark);
        bits |= bit;
        char number[16];
        snprintf(number, sizeof number, "%" PRIu32, bit);
        const char *name = json_is_string(word) ? json_string_value(word) : number;
        int written = snprintf(joined + used, sizeof joined - used, "%s%s", i > 0 ? "+" : "", name);
        used += written > 0 && used + (size_t)written < sizeof joined ? (size_t)written : 0;
    }
    if (bits == UINT32_MAX) {
        return refuse_attr(loader, value);
    }
    *attr = bits;
    joined[used] = '\0';
    if (text != NULL) {
        free(*text);
        *text = smh_must_copy(joined);
    }
    return true;
}

/* 600000000, "600MHz", "32768Hz" */
static bool load_clock(struct smh_loader *loader, const json_t *value, uint64_t *hz)
{
    static const struct {
        const char *name;
        uint64_t hz;
    } units[] = {{"Hz", 1}, {"kHz", 1000}, {"MHz", 1000000}, {"GHz", 1000000000}};
    const uint64_t most = 100000000000ull;
    uint64_t number = 0;
    bool valid = false;
    if (json_is_integer(value) && json_integer_value(value) > 0) {
        number = (uint64_t)json_integer_value(value);
        valid = true;
    } else if (json_is_string(value)) {
        const char *end = "";
        bool scanned = smh_json_scan(json_string_value(value), false, &number, &end);
        for (size_t i = 0; scanned && i < sizeof units / sizeof units[0]; i++) {
            if (strcmp(end, units[i].name) == 0 && number <= most / units[i].hz) {
                number *= units[i].hz;
                valid = true;
                break;
            }
        }
    }
    if (!valid || number < 1 || number > most) {
        return smh_json_refuse(&loader->json, value,
                               "1 to 10^11 Hz (600000000, \"600MHz\", \"32768Hz\")");
    }
    *hz = number;
    return true;
}

static bool are_apart(const struct smh_region_config *a, const struct smh_region_config *b)
{
    return a->base > b->base ? a->base - b->base >= b->size : b->base - a->base >= a->size;
}

/* Name, base, size and what follows from them. */
static bool load_region_place(struct smh_loader *loader, const json_t *object,
                              struct smh_region_config *region)
{
    struct smh_json *json = &loader->json;
    if (!smh_json_get_text(json, object, "name", SMH_NAME_BYTES_MAX, &region->name) ||
        !smh_json_get_size(json, object, "base", 0, UINT64_MAX, &region->base) ||
        !smh_json_get_size(json, object, "size", 1, SMH_JSON_BYTES_MAX, &region->size)) {
        return false;
    }
    if (region->base % 8 != 0) {
        smh_json_enter(json, "base");
        return smh_json_refuse(json, json_object_get(object, "base"), "a multiple of 8");
    }
    unsigned bits =
        region->target_bits != 0 ? region->target_bits : loader->scenario->machine.target_bits;
    uint64_t last = bits == 32 ? UINT32_MAX : UINT64_MAX;
    if (region->base > last || region->size - 1 > last - region->base) {
        smh_json_enter(json, "size");
        return smh_json_refuse(json, json_object_get(object, "size"),
                               "regions that end at or below 0x%" PRIx64 " (target_bits %u), base "
                               "is 0x%" PRIx64,
                               last, bits, region->base);
    }
    return true;
}

static bool load_engine(struct smh_loader *loader, const json_t *object,
                        struct smh_region_config *region)
{
    const char *engines[LISTED_NAMES_MAX];
    size_t count = 0;
    unsigned index = 0;
    while (count < LISTED_NAMES_MAX && smh_engine_at(count) != NULL) {
        engines[count] = smh_engine_at(count)->name;
        count++;
    }
    if (!smh_json_get_choice(&loader->json, object, "engine", engines, count, &index)) {
        return false;
    }
    region->engine = json_object_get(object, "engine") != NULL ? smh_engine_at(index) : NULL;
    return true;
}

/* Whether the engine takes the granule for a region like this: asked of the engine itself, over
 * memory that stands in for the region's. */
static bool engine_takes(const struct smh_engine *engine, uint64_t granule, unsigned target_bits)
{
    struct smh_heap heap;
    struct smh_heap_config config = {
        .memory_size = STAND_IN_BYTES,
        .granule = (size_t)granule,
        .target_bits = target_bits,
        .engine = engine,
    };
    config.memory = smh_must_allocate(STAND_IN_BYTES, 1);
    config.metadata_size = smh_heap_metadata_size(&config);
    config.metadata = smh_must_allocate(config.metadata_size, 1);
    bool takes = smh_heap_init(&heap, &config) == 0;
    free(config.metadata);
    free(config.memory);
    return takes;
}

static bool check_granule(struct smh_loader *loader, const json_t *object,
                          const struct smh_region_config *region)
{
    unsigned bits =
        region->target_bits != 0 ? region->target_bits : loader->scenario->machine.target_bits;
    if (region->granule == 0 || region->engine == NULL ||
        engine_takes(region->engine, region->granule, bits)) {
        return true;
    }
    char list[256] = "";
    size_t used = 0;
    for (uint64_t granule = 8; granule <= GRANULE_MAX; granule *= 2) {
        if (engine_takes(region->engine, granule, bits)) {
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%" PRIu64,
                                     used > 0 ? ", " : "", granule);
        }
    }
    smh_json_enter(&loader->json, "granule");
    return smh_json_refuse(&loader->json, json_object_get(object, "granule"),
                           "what engine \"%s\" takes: %s", region->engine->name,
                           used > 0 ? list : "none");
}

static bool get_target_bits(struct smh_json *json, const json_t *object, uint32_t *bits)
{
    const json_t *value = json_object_get(object, "target_bits");
    if (value == NULL) {
        return true;
    }
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || (number != 32 && number != 64)) {
        smh_json_enter(json, "target_bits");
        return smh_json_refuse(json, value, "32, 64");
    }
    *bits = (uint32_t)number;
    return true;
}

/* The uncached view: as large as the region, somewhere else. */
static bool load_alias(struct smh_loader *loader, const json_t *object,
                       struct smh_region_config *region)
{
    struct smh_json *json = &loader->json;
    const json_t *alias = json_object_get(object, "alias");
    if (alias == NULL) {
        return true;
    }
    size_t mark = smh_json_enter(json, "alias");
    if (region->cache == SMH_CACHE_NONE) {
        return smh_json_refuse(json, alias, "only with \"cache\" write-back or write-through");
    }
    struct smh_region_config view = {.size = region->size, .target_bits = region->target_bits};
    if (!smh_json_object(json, alias, &smh_keys_alias) ||
        !smh_json_get_size(json, alias, "base", 0, UINT64_MAX, &view.base)) {
        return false;
    }
    unsigned bits =
        region->target_bits != 0 ? region->target_bits : loader->scenario->machine.target_bits;
    uint64_t last = bits == 32 ? UINT32_MAX : UINT64_MAX;
    if (view.base % 8 != 0 || view.base > last || view.size - 1 > last - view.base ||
        !are_apart(&view, region)) {
        smh_json_enter(json, "base");
        return smh_json_refuse(json, json_object_get(alias, "base"),
                               "a multiple of 8 from which %" PRIu64
                               " bytes neither overlap the region nor end beyond 0x%" PRIx64,
                               region->size, last);
    }
    region->has_alias = true;
    region->alias_base = view.base;
    smh_json_leave(json, mark);
    return true;
}

static bool load_region(struct smh_loader *loader, const json_t *object,
                        struct smh_region_config *region)
{
    static const char *const caches[] = {"none", "write-back", "write-through"};
    struct smh_json *json = &loader->json;
    unsigned cache = 0;
    bool reachable = true;
    region->cycles = 1;
    region->metadata_in = -1;
    if (!smh_json_object(json, object, &smh_keys_region) ||
        !get_target_bits(json, object, &region->target_bits) ||
        !load_region_place(loader, object, region)) {
        return false;
    }
    size_t mark = smh_json_enter(json, "attr");
    if (!smh_load_attr(loader, json_object_get(object, "attr"), &region->attr,
                       &region->attr_name)) {
        return false;
    }
    smh_json_leave(json, mark);
    if (!smh_json_get_choice(json, object, "cache", caches, 3, &cache) ||
        !smh_json_get_integer32(json, object, "cycles", 1, 1000000, &region->cycles) ||
        !load_engine(loader, object, region) ||
        !smh_json_get_power(json, object, "granule", 8, GRANULE_MAX, &region->granule) ||
        !check_granule(loader, object, region) ||
        !smh_json_get_size(json, object, "reserve", 0, region->size, &region->reserve_bytes) ||
        !smh_json_get_integer32(json, object, "priority", 0, UINT32_MAX, &region->priority) ||
        !smh_json_get_bool(json, object, "dma", &reachable)) {
        return false;
    }
    region->cache = (enum smh_cache_kind)cache;
    region->dma_unreachable = !reachable;
    return load_alias(loader, object, region);
}

/* Uncached views against all regions and the views before them. */
static bool check_alias(struct smh_loader *loader, const json_t *object, size_t index)
{
    const struct smh_machine_config *machine = &loader->scenario->machine;
    const struct smh_region_config *region = &machine->regions[index];
    struct smh_region_config view = {.base = region->alias_base, .size = region->size};
    for (size_t i = 0; region->has_alias && i < machine->region_count; i++) {
        const struct smh_region_config *other = &machine->regions[i];
        struct smh_region_config others_view = {.base = other->alias_base, .size = other->size};
        if (!are_apart(&view, other) ||
            (i < index && other->has_alias && !are_apart(&view, &others_view))) {
            smh_json_enter(&loader->json, "alias");
            smh_json_enter(&loader->json, "base");
            return smh_json_refuse(
                &loader->json, json_object_get(json_object_get(object, "alias"), "base"),
                "a place where it does not overlap \"%s\" or its alias", other->name);
        }
    }
    return true;
}

/* Against the regions before it: names differ, memory is disjoint. */
static bool check_region(struct smh_loader *loader, const json_t *object, size_t index)
{
    const struct smh_machine_config *machine = &loader->scenario->machine;
    const struct smh_region_config *region = &machine->regions[index];
    for (size_t i = 0; i < index; i++) {
        const struct smh_region_config *other = &machine->regions[i];
        if (strcmp(other->name, region->name) == 0) {
            smh_json_enter(&loader->json, "name");
            return smh_json_refuse(&loader->json, json_object_get(object, "name"),
                                   "a name that no other region has (regions[%zu] has it)", i);
        }
        if (!are_apart(region, other)) {
            smh_json_enter(&loader->json, "base");
            return smh_json_refuse(&loader->json, json_object_get(object, "base"),
                                   "a place where it does not overlap \"%s\" (0x%" PRIx64
                                   " to 0x%" PRIx64 ")",
                                   other->name, other->base, other->base + (other->size - 1));
        }
    }
    return true;
}

static bool load_metadata_in(struct smh_loader *loader, const json_t *object, size_t index)
{
    struct smh_machine_config *machine = &loader->scenario->machine;
    const json_t *value = json_object_get(object, "metadata_in");
    if (value == NULL) {
        return true;
    }
    size_t mark = smh_json_enter(&loader->json, "metadata_in");
    size_t target = 0;
    const char *name = json_string_value(value);
    while (name != NULL && target < machine->region_count &&
           strcmp(machine->regions[target].name, name) != 0) {
        target++;
    }
    if (name == NULL || target == machine->region_count || target == index) {
        return smh_json_refuse(&loader->json, value, "the name of another region");
    }
    machine->regions[index].metadata_in = (int)target;
    /* Each region names at most one, so a way that comes back does so within region_count steps. */
    size_t at = target;
    for (size_t steps = 0; machine->regions[at].metadata_in >= 0; steps++) {
        at = (size_t)machine->regions[at].metadata_in;
        if (at == index || steps > machine->region_count) {
            return smh_json_refuse(&loader->json, value,
                                   "a region whose own metadata does not end up here");
        }
    }
    smh_json_leave(&loader->json, mark);
    return true;
}

static bool load_regions(struct smh_loader *loader, const json_t *array)
{
    struct smh_machine_config *machine = &loader->scenario->machine;
    size_t array_mark = smh_json_enter(&loader->json, "regions");
    if (!smh_json_array(&loader->json, array, 1, SMH_REGIONS_MAX, "regions")) {
        return false;
    }
    size_t count = json_array_size(array);
    machine->regions = smh_must_allocate(count, sizeof *machine->regions);
    for (size_t i = 0; i < count; i++) {
        size_t mark = smh_json_enter_index(&loader->json, i);
        const json_t *object = json_array_get(array, i);
        machine->region_count = i + 1;
        if (!load_region(loader, object, &machine->regions[i]) ||
            !check_region(loader, object, i)) {
            return false;
        }
        smh_json_leave(&loader->json, mark);
    }
    for (size_t i = 0; i < count; i++) {
        size_t mark = smh_json_enter_index(&loader->json, i);
        if (!load_metadata_in(loader, json_array_get(array, i), i) ||
            !check_alias(loader, json_array_get(array, i), i)) {
            return false;
        }
        smh_json_leave(&loader->json, mark);
    }
    smh_json_leave(&loader->json, array_mark);
    return true;
}

bool smh_load_machine(struct smh_loader *loader, const json_t *object)
{
    static const char *const hand_outs[] = {"clean", "as_is"};
    struct smh_json *json = &loader->json;
    struct smh_machine_config *machine = &loader->scenario->machine;
    uint64_t line = 32;
    unsigned hand_out = 0;
    machine->cores = 1;
    machine->target_bits = 32;
    if (!smh_json_object(json, object, &smh_keys_machine) ||
        !smh_json_get_integer32(json, object, "cores", 1, SMH_CORES_MAX, &machine->cores) ||
        !smh_json_get_power(json, object, "line", 4, 1024, &line) ||
        !get_target_bits(json, object, &machine->target_bits) ||
        !smh_json_get_integer32(json, object, "store_buffer", 0, SMH_STORE_BUFFER_MAX,
                                &machine->store_buffer) ||
        !smh_json_get_choice(json, object, "hand_out", hand_outs, 2, &hand_out)) {
        return false;
    }
    machine->line_bytes = (uint32_t)line;
    machine->dirty_hand_out = hand_out == 1;
    const json_t *clock = json_object_get(object, "clock");
    size_t mark = smh_json_enter(json, "clock");
    if (clock != NULL && !load_clock(loader, clock, &machine->cycles_per_second)) {
        return false;
    }
    smh_json_leave(json, mark);
    return smh_load_caches(loader, object) &&
           load_regions(loader, json_object_get(object, "regions"));
}
