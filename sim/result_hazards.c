/* result_hazards.c: hazards as text and as JSON. See result_hazards.h. */
#include "result_hazards.h"

#include "hazard/expect.h"
#include "hazard/site.h"
#include "json_write.h"
#include "machine/memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *smh_hazard_class_title(unsigned hazard_class)
{
    static const char *const titles[SMH_HAZARD_CLASS_COUNT + 1] = {
        [SMH_HAZARD_H1] = "a buffer shares a line with other data",
        [SMH_HAZARD_H2] = "a buffer shares a line with the allocator's metadata",
        [SMH_HAZARD_H3] = "a line fetched too early is read",
        [SMH_HAZARD_H4] = "a dirty line is evicted over new bytes",
        [SMH_HAZARD_H5] = "stores were not written back",
        [SMH_HAZARD_H6] = "a block was freed while dirty",
        [SMH_HAZARD_H7] = "a part of a line was invalidated",
        [SMH_HAZARD_H8] = "made for another line size",
        [SMH_HAZARD_H9] = "cached and uncached views are mixed",
        [SMH_HAZARD_H10] = "memory that a device must not be given",
    };
    return hazard_class <= SMH_HAZARD_CLASS_COUNT && titles[hazard_class] != NULL
               ? titles[hazard_class]
               : "?";
}

static const char *owner_kind(uint8_t kind)
{
    static const char *const kinds[] = {[SMH_OWNER_NOBODY] = "nobody",
                                        [SMH_OWNER_BLOCK] = "block",
                                        [SMH_OWNER_FREED] = "freed",
                                        [SMH_OWNER_METADATA] = "metadata",
                                        [SMH_OWNER_STACK] = "stack"};
    return kinds[kind];
}

/* As in a scenario's operations, where there is such a word. */
static const char *access_word(const struct smh_access *access)
{
    static const char *const words[SMH_ACCESS_KIND_COUNT] = {
        [SMH_ACCESS_LOAD] = "cpu_read",     [SMH_ACCESS_STORE] = "cpu_write",
        [SMH_ACCESS_DMA_READ] = "dma_read", [SMH_ACCESS_DMA_WRITE] = "dma_write",
        [SMH_ACCESS_CLEAN] = "clean",       [SMH_ACCESS_INVALIDATE] = "invalidate",
        [SMH_ACCESS_FLUSH] = "flush",       [SMH_ACCESS_BARRIER] = "barrier"};
    return words[access->kind];
}

static const char *step_word(const struct smh_hazard_step *step)
{
    static const char *const words[] = {
        [SMH_STEP_ACCESS] = "access", [SMH_STEP_HAND_OUT] = "hand_out",
        [SMH_STEP_FREE] = "free",     [SMH_STEP_EVICTION] = "eviction",
        [SMH_STEP_FILL] = "fill",     [SMH_STEP_DROP] = "drop",
        [SMH_STEP_DRAIN] = "drain"};
    return words[step->what];
}

/* --- text ----------------------------------------------------------------------------------------
 */

static void say_access(const struct smh_scenario *scenario, const struct smh_hazard_step *step,
                       char *text, size_t size)
{
    char name[SMH_OWNER_NAME_BYTES];
    const struct smh_access *access = &step->access;
    smh_owner_name(scenario, &step->owner, name);
    bool device = access->kind == SMH_ACCESS_DMA_READ || access->kind == SMH_ACCESS_DMA_WRITE;
    char who[32];
    if (device) {
        snprintf(who, sizeof(who), "a device");
    } else {
        snprintf(who, sizeof(who), "core %u%s", access->core,
                 access->by_allocator ? ", allocator" : "");
    }
    char range[64] = "";
    if (access->bytes > 0) {
        snprintf(range, sizeof(range), ", bytes %" PRIu64 "..%" PRIu64, access->offset,
                 access->offset + access->bytes - 1);
    }
    snprintf(text, size, "%s %s (%s%s%s)%s", access_word(access), name, who,
             access->uncached ? ", uncached view" : "", range,
             step->skipped ? ", which passes this line over" : "");
}

void smh_hazard_step_text(const struct smh_scenario *scenario, const struct smh_hazard_step *step,
                          char *text, size_t size)
{
    char name[SMH_OWNER_NAME_BYTES];
    char cache[32];
    smh_owner_name(scenario, &step->owner, name);
    if (step->shared) {
        snprintf(cache, sizeof(cache), "the shared cache");
    } else {
        snprintf(cache, sizeof(cache), "core %u's cache", step->access.core);
    }
    switch (step->what) {
    case SMH_STEP_HAND_OUT:
        snprintf(text, size, "%s is handed out", name);
        break;
    case SMH_STEP_FREE:
        snprintf(text, size, "%s is freed", name);
        break;
    case SMH_STEP_EVICTION:
        snprintf(text, size, "hardware: %s writes its dirty line back", cache);
        break;
    case SMH_STEP_FILL:
        snprintf(text, size, "hardware: %s fetches the line", cache);
        break;
    case SMH_STEP_DROP:
        snprintf(text, size, "hardware: %s drops its clean line", cache);
        break;
    case SMH_STEP_DRAIN:
        snprintf(text, size, "hardware: the pending stores of core %u are carried out",
                 step->access.core);
        break;
    default:
        say_access(scenario, step, text, size);
        break;
    }
}

static bool is_by_hardware(const struct smh_hazard_step *step)
{
    return step->what >= SMH_STEP_EVICTION;
}

static void print_indented(const char *text, FILE *out)
{
    for (const char *line = text; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        fprintf(out, "    %.*s\n", (int)length, line);
        line += length + (line[length] == '\n');
    }
}

static void print_hazard(const struct smh_scenario *scenario, const struct smh_hazard *hazard,
                         FILE *out)
{
    struct smh_sites *sites = smh_sites_open(scenario);
    struct smh_place place;
    char title[2 * SMH_OWNER_NAME_BYTES + 32];
    smh_sites_find(sites, hazard->actor, hazard->site, &place);
    smh_hazard_title(scenario, hazard, title, sizeof(title));
    fprintf(out, "%s:%zu: hazard %s: %s\n", place.file, place.line, title,
            smh_hazard_class_title(hazard->hazard_class));
    fprintf(out, "  %s.\n", hazard->explanation);
    print_indented(hazard->drawing, out);
    fprintf(out, "  how it comes about, in bytes of the line:\n");
    for (size_t i = 0; i < hazard->sequence_count; i++) {
        const struct smh_hazard_step *step = &hazard->sequence[i];
        char text[SMH_OWNER_NAME_BYTES + 160];
        smh_hazard_step_text(scenario, step, text, sizeof(text));
        fprintf(out, "  %3zu. ", i + 1);
        if (is_by_hardware(step)) {
            fprintf(out, "%s\n", text);
        } else {
            fprintf(out, "operation %" PRIu64 ": %s\n", step->access.operation, text);
        }
    }
    fprintf(out, "  to mend it: %s.\n", hazard->advice);
    fprintf(out, "  first at operation %" PRIu64 ", seen %" PRIu64 " time%s\n", hazard->operation,
            hazard->count, hazard->count == 1 ? "" : "s");
    smh_sites_close(sites);
}

void smh_result_print_hazards(const struct smh_result *result, FILE *out)
{
    if (!result->hazards_judged) {
        return;
    }
    for (size_t i = 0; i < result->hazard_count; i++) {
        print_hazard(result->scenario, &result->hazards[i], out);
    }
    fprintf(out, "hazards: %" PRIu64, (uint64_t)result->hazard_count + result->hazards_unlisted);
    if (result->hazards_unlisted != 0) {
        fprintf(out, " (%" PRIu64 " not listed)", result->hazards_unlisted);
    }
    fprintf(out, "\n");
    if (result->hazard_lines_given_up != 0) {
        fprintf(out,
                "%" PRIu64 " lines were not followed to the end: more than 7 cores or too many "
                "states met there\n",
                result->hazard_lines_given_up);
    }
}

/* --- JSON ----------------------------------------------------------------------------------------
 */

static json_t *core_json(uint8_t core, bool device)
{
    return device ? json_string("device") : smh_json_integer(core);
}

static json_t *actor_json(const struct smh_scenario *scenario, uint16_t actor)
{
    return actor < scenario->actor_count ? json_string(scenario->actors[actor].name) : json_null();
}

/* Name and kind. */
static json_t *owner_name_json(const struct smh_scenario *scenario, const struct smh_owner *owner)
{
    char name[SMH_OWNER_NAME_BYTES];
    smh_owner_name(scenario, owner, name);
    json_t *object = json_object();
    json_object_set_new(object, "name", json_string(name));
    json_object_set_new(object, "kind", json_string(owner_kind(owner->kind)));
    return object;
}

static json_t *owner_json(const struct smh_scenario *scenario, const struct smh_owner *owner)
{
    json_t *object = owner_name_json(scenario, owner);
    if (owner->kind == SMH_OWNER_METADATA || owner->kind == SMH_OWNER_NOBODY) {
        return object;
    }
    json_object_set_new(object, "actor", actor_json(scenario, owner->actor));
    json_object_set_new(object, "operation", smh_json_integer(owner->operation));
    json_object_set_new(object, "site", smh_json_integer(owner->site));
    json_object_set_new(object, "region",
                        json_string(scenario->machine.regions[owner->region].name));
    json_object_set_new(object, "offset", smh_json_integer(owner->offset));
    json_object_set_new(object, "bytes", smh_json_integer(owner->bytes));
    json_object_set_new(object, "align", smh_json_integer(owner->align));
    return object;
}

static json_t *wrong_json(const struct smh_hazard *hazard)
{
    json_t *runs = json_array();
    unsigned count = sizeof(hazard->wrong_bytes) * 8;
    for (unsigned from = 0; from < count;) {
        unsigned to = from;
        while (to < count && (hazard->wrong_bytes[to / 64] >> to % 64 & 1u) != 0) {
            to++;
        }
        if (to > from) {
            json_t *run = json_array();
            json_array_append_new(run, smh_json_integer(from));
            json_array_append_new(run, smh_json_integer(to));
            json_array_append_new(runs, run);
        }
        from = to + 1;
    }
    return runs;
}

static json_t *step_json(const struct smh_scenario *scenario, const struct smh_hazard_step *step)
{
    static const char *const kinds[SMH_ACCESS_KIND_COUNT] = {
        [SMH_ACCESS_LOAD] = "load",         [SMH_ACCESS_STORE] = "store",
        [SMH_ACCESS_DMA_READ] = "dma_read", [SMH_ACCESS_DMA_WRITE] = "dma_write",
        [SMH_ACCESS_CLEAN] = "clean",       [SMH_ACCESS_INVALIDATE] = "invalidate",
        [SMH_ACCESS_FLUSH] = "flush",       [SMH_ACCESS_BARRIER] = "barrier"};
    json_t *object = json_object();
    const struct smh_access *access = &step->access;
    bool is_access = step->what == SMH_STEP_ACCESS;
    bool device =
        is_access && (access->kind == SMH_ACCESS_DMA_READ || access->kind == SMH_ACCESS_DMA_WRITE);
    json_object_set_new(object, "what", json_string(step_word(step)));
    json_object_set_new(object, "kind", is_access ? json_string(kinds[access->kind]) : json_null());
    json_object_set_new(object, "core", core_json(access->core, device));
    json_object_set_new(object, "shared_cache", json_boolean(step->shared));
    if (is_by_hardware(step)) {
        return object;
    }
    json_object_set_new(object, "owner", owner_name_json(scenario, &step->owner));
    json_object_set_new(object, "actor", actor_json(scenario, access->actor));
    json_object_set_new(object, "operation", smh_json_integer(access->operation));
    json_object_set_new(object, "offset", smh_json_integer(access->offset));
    json_object_set_new(object, "bytes", smh_json_integer(access->bytes));
    json_object_set_new(object, "by_allocator", json_boolean(access->by_allocator));
    json_object_set_new(object, "uncached", json_boolean(access->uncached));
    json_object_set_new(object, "skipped", json_boolean(step->skipped));
    return object;
}

static json_t *hazard_json(const struct smh_scenario *scenario, const struct smh_hazard *hazard)
{
    char class_name[8];
    snprintf(class_name, sizeof(class_name), "H%u", hazard->hazard_class);
    json_t *object = json_object();
    json_object_set_new(object, "class", json_string(class_name));
    json_object_set_new(object, "title", json_string(smh_hazard_class_title(hazard->hazard_class)));
    json_object_set_new(object, "explanation", json_string(hazard->explanation));
    json_object_set_new(object, "advice", json_string(hazard->advice));
    struct smh_sites *sites = smh_sites_open(scenario);
    struct smh_place place;
    smh_sites_find(sites, hazard->actor, hazard->site, &place);
    json_object_set_new(object, "file", json_string(place.file));
    json_object_set_new(object, "line", smh_json_integer(place.line));
    smh_sites_close(sites);
    json_object_set_new(object, "actor", actor_json(scenario, hazard->actor));
    json_object_set_new(object, "region",
                        json_string(scenario->machine.regions[hazard->region].name));
    json_object_set_new(object, "line_offset", smh_json_integer(hazard->line_offset));
    json_object_set_new(object, "line_bytes", smh_json_integer(hazard->line_bytes));
    json_object_set_new(object, "core", core_json(hazard->core, hazard->core == SMH_MEMORY_DEVICE));
    json_object_set_new(object, "operation", smh_json_integer(hazard->operation));
    json_object_set_new(object, "count", smh_json_integer(hazard->count));
    json_object_set_new(object, "wrong", wrong_json(hazard));
    json_object_set_new(object, "victim", owner_json(scenario, &hazard->victim));
    json_object_set_new(object, "culprit", owner_json(scenario, &hazard->culprit));
    json_t *sequence = json_array();
    for (size_t i = 0; i < hazard->sequence_count; i++) {
        json_array_append_new(sequence, step_json(scenario, &hazard->sequence[i]));
    }
    json_object_set_new(object, "sequence", sequence);
    json_object_set_new(object, "drawing", json_string(hazard->drawing));
    return object;
}

json_t *smh_result_hazards_json(const struct smh_result *result)
{
    if (!result->hazards_judged) {
        return json_null();
    }
    json_t *list = json_array();
    for (size_t i = 0; i < result->hazard_count; i++) {
        json_array_append_new(list, hazard_json(result->scenario, &result->hazards[i]));
    }
    return list;
}
