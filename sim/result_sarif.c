/* result_sarif.c: hazards as SARIF 2.1.0, for code hosts that show findings beside the lines.
 *
 * Owns: the document. Rules are the ten classes; a result's location is the operation at which the
 * hazard first shows, related locations are where the blocks are allocated, and its code flow is
 * the sequence that leads there.
 */
#include "result_hazards.h"

#include "hazard/expect.h"
#include "hazard/site.h"

#include <inttypes.h>
#include <string.h>

static const char *const rule_help[SMH_HAZARD_CLASS_COUNT + 1] = {
    [SMH_HAZARD_H1] =
        "Give whatever a device writes lines of its own: align the buffer to the line "
        "and round its size up to a multiple of it, or use memory that is not cached.",
    [SMH_HAZARD_H2] =
        "Align the buffer to the line and round its size up to a multiple of it, so "
        "that no header of the allocator stands in its lines, or use an allocator that "
        "keeps its tables elsewhere.",
    [SMH_HAZARD_H3] =
        "Invalidate after the transfer, before the first load: between an invalidation "
        "before the transfer and its end the line may be fetched again.",
    [SMH_HAZARD_H4] = "Clean or invalidate the buffer before a device writes to it, and store "
                      "nothing to its lines until the transfer has ended.",
    [SMH_HAZARD_H5] = "Clean the range after the last store and before a device or another core "
                      "reads it; where stores are buffered, after a barrier.",
    [SMH_HAZARD_H6] = "Clean or invalidate a block before it is freed, or the memory before it is "
                      "given to a device.",
    [SMH_HAZARD_H7] = "Let ranges of maintenance begin and end at lines, or flush instead of "
                      "invalidating.",
    [SMH_HAZARD_H8] = "Ask the machine for its line size; align, pad and step by that.",
    [SMH_HAZARD_H9] = "Use one view of a block only, or flush when changing from one to the other.",
    [SMH_HAZARD_H10] = "Give devices memory that they reach, from a pool, not from a stack."};

static json_t *text_json(const char *text)
{
    json_t *object = json_object();
    json_object_set_new(object, "text", json_string(text));
    return object;
}

static json_t *rules_json(void)
{
    json_t *rules = json_array();
    for (unsigned i = 1; i <= SMH_HAZARD_CLASS_COUNT; i++) {
        char id[8];
        snprintf(id, sizeof(id), "H%u", i);
        json_t *rule = json_object();
        json_t *configuration = json_object();
        json_object_set_new(configuration, "level", json_string("error"));
        json_object_set_new(rule, "id", json_string(id));
        json_object_set_new(rule, "shortDescription", text_json(smh_hazard_class_title(i)));
        json_object_set_new(rule, "help", text_json(rule_help[i]));
        json_object_set_new(rule, "defaultConfiguration", configuration);
        json_array_append_new(rules, rule);
    }
    return rules;
}

/* A path as a relative URI. */
static json_t *uri_json(const char *path)
{
    char uri[4096];
    size_t used = 0;
    while (strncmp(path, "./", 2) == 0) {
        path += 2;
    }
    for (const char *c = path; *c != '\0' && used + 4 < sizeof(uri); c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                     (*c >= '0' && *c <= '9') || strchr("/-_.~", *c) != NULL;
        if (plain) {
            uri[used++] = *c;
        } else {
            used += (size_t)snprintf(uri + used, sizeof(uri) - used, "%%%02X",
                                     (unsigned)(unsigned char)*c);
        }
    }
    uri[used] = '\0';
    return json_string(uri);
}

static json_t *location_json(const struct smh_sites *sites, uint16_t actor, uint64_t site,
                             const char *message)
{
    struct smh_place place;
    smh_sites_find(sites, actor, site, &place);
    json_t *artifact = json_object();
    json_object_set_new(artifact, "uri", uri_json(place.file));
    json_t *region = json_object();
    json_object_set_new(region, "startLine", json_integer((json_int_t)place.line));
    json_t *physical = json_object();
    json_object_set_new(physical, "artifactLocation", artifact);
    json_object_set_new(physical, "region", region);
    json_t *location = json_object();
    json_object_set_new(location, "physicalLocation", physical);
    if (message != NULL) {
        json_object_set_new(location, "message", text_json(message));
    }
    return location;
}

static void add_owner(json_t *related, const struct smh_scenario *scenario,
                      const struct smh_sites *sites, const struct smh_owner *owner)
{
    if (owner->kind == SMH_OWNER_METADATA || owner->kind == SMH_OWNER_NOBODY) {
        return;
    }
    char name[SMH_OWNER_NAME_BYTES];
    char message[SMH_OWNER_NAME_BYTES + 64];
    smh_owner_name(scenario, owner, name);
    snprintf(message, sizeof(message), "'%s' is allocated here", name);
    json_t *location = location_json(sites, owner->actor, owner->site, message);
    json_object_set_new(location, "id", json_integer((json_int_t)json_array_size(related)));
    json_array_append_new(related, location);
}

static json_t *flow_json(const struct smh_scenario *scenario, const struct smh_sites *sites,
                         const struct smh_hazard *hazard)
{
    json_t *steps = json_array();
    uint16_t actor = hazard->actor;
    uint64_t site = hazard->site;
    for (size_t i = 0; i < hazard->sequence_count; i++) {
        const struct smh_hazard_step *step = &hazard->sequence[i];
        char message[SMH_OWNER_NAME_BYTES + 160];
        smh_hazard_step_text(scenario, step, message, sizeof(message));
        if (step->what < SMH_STEP_EVICTION) { /* what hardware does stands with what came before */
            actor = step->access.actor;
            site = step->access.site;
        }
        json_t *place = json_object();
        json_object_set_new(place, "location", location_json(sites, actor, site, message));
        json_array_append_new(steps, place);
    }
    json_t *thread = json_object();
    json_object_set_new(thread, "locations", steps);
    json_t *threads = json_array();
    json_array_append_new(threads, thread);
    json_t *flow = json_object();
    json_object_set_new(flow, "threadFlows", threads);
    json_t *flows = json_array();
    json_array_append_new(flows, flow);
    return flows;
}

/* The same hazard of another run, engine or commit has the same fingerprint. */
static json_t *fingerprint_json(const struct smh_scenario *scenario,
                                const struct smh_hazard *hazard)
{
    char title[2 * SMH_OWNER_NAME_BYTES + 32];
    char text[sizeof(title) + 128];
    smh_hazard_title(scenario, hazard, title, sizeof(title));
    snprintf(text, sizeof(text), "%s: %s", scenario->name, title);
    json_t *object = json_object();
    json_object_set_new(object, "smhHazard/v1", json_string(text));
    return object;
}

static json_t *result_json(const struct smh_scenario *scenario, const struct smh_sites *sites,
                           const struct smh_hazard *hazard)
{
    char id[8];
    char title[2 * SMH_OWNER_NAME_BYTES + 32];
    char message[8192];
    snprintf(id, sizeof(id), "H%u", hazard->hazard_class);
    smh_hazard_title(scenario, hazard, title, sizeof(title));
    snprintf(message, sizeof(message), "%s: %s. To mend it: %s.\n\n%s", title, hazard->explanation,
             hazard->advice, hazard->drawing);
    json_t *result = json_object();
    json_object_set_new(result, "ruleId", json_string(id));
    json_object_set_new(result, "ruleIndex", json_integer(hazard->hazard_class - 1));
    json_object_set_new(result, "level", json_string("error"));
    json_object_set_new(result, "message", text_json(message));
    json_t *locations = json_array();
    json_array_append_new(locations, location_json(sites, hazard->actor, hazard->site, NULL));
    json_object_set_new(result, "locations", locations);
    json_t *related = json_array();
    add_owner(related, scenario, sites, &hazard->victim);
    if (hazard->culprit.operation != hazard->victim.operation) {
        add_owner(related, scenario, sites, &hazard->culprit);
    }
    json_object_set_new(result, "relatedLocations", related);
    if (hazard->sequence_count > 0) {
        json_object_set_new(result, "codeFlows", flow_json(scenario, sites, hazard));
    }
    json_object_set_new(result, "partialFingerprints", fingerprint_json(scenario, hazard));
    json_object_set_new(result, "occurrenceCount",
                        json_integer((json_int_t)(hazard->count > 0 ? hazard->count : 1)));
    return result;
}

static json_t *tool_json(void)
{
    json_t *driver = json_object();
    json_object_set_new(driver, "name", json_string("smh"));
    json_object_set_new(driver, "version", json_string(SMH_VERSION));
    json_object_set_new(driver, "rules", rules_json());
    json_t *tool = json_object();
    json_object_set_new(tool, "driver", driver);
    return tool;
}

json_t *smh_hazard_sarif(const struct smh_result *const *results, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        struct smh_sites *sites = smh_sites_open(results[i]->scenario);
        for (size_t j = 0; j < results[i]->hazard_count; j++) {
            json_array_append_new(
                list, result_json(results[i]->scenario, sites, &results[i]->hazards[j]));
        }
        smh_sites_close(sites);
    }
    json_t *run = json_object();
    json_object_set_new(run, "tool", tool_json());
    json_object_set_new(run, "columnKind", json_string("utf16CodeUnits"));
    json_object_set_new(run, "results", list);
    json_t *runs = json_array();
    json_array_append_new(runs, run);
    json_t *document = json_object();
    json_object_set_new(document, "$schema",
                        json_string("https://json.schemastore.org/sarif-2.1.0.json"));
    json_object_set_new(document, "version", json_string("2.1.0"));
    json_object_set_new(document, "runs", runs);
    return document;
}
