/* test_hazard_report.c: hazards as text, JSON and SARIF, and the lines that they point at.
 */
#include "../../sim/replay.h"
#include "../../sim/result_hazards.h"
#include "temporary.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const char scenario_text[] = /* lines from 1 */
    "{ \"schema\": 1, \"name\": \"shared\",\n"
    "  \"machine\": { \"line\": 32, \"l1\": { \"size\": \"4K\" }, \"regions\": [\n"
    "    { \"name\": \"dram\", \"base\": \"0x20000000\", \"size\": \"64K\",\n"
    "      \"attr\": \"cacheable\", \"cache\": \"write-back\" } ] },\n"
    "  \"workload\": [ { \"actor\": \"net\", \"ops\": [\n"
    "    { \"alloc\": \"rx\", \"bytes\": 100, \"align\": 32 },\n"
    "    { \"alloc\": \"state\", \"bytes\": 40 },\n"
    "    { \"cpu_write\": \"state\" },\n"
    "    { \"dma_write\": \"rx\" } ] } ] }\n";

static struct temporary folder;
static struct smh_scenario *scenario;
static struct smh_result result;

static void run(void)
{
    struct smh_error error = {.message = ""};
    temporary_make(&folder);
    scenario = smh_scenario_load(temporary_write_text(&folder, "shared.json", scenario_text), false,
                                 &error);
    cr_assert_not_null(scenario, "%s", error.message);
    struct smh_replay_options options = {
        .checks = SMH_CHECKS_ALL, .hazards = true, .seed = 1, .drain = true};
    cr_assert_eq(smh_replay(scenario, &options, &result, &error), 0, "%s", error.message);
    cr_assert_eq(result.hazard_count, 1);
}

static void clear(void)
{
    smh_result_free(&result);
    smh_scenario_free(scenario);
    temporary_remove(&folder);
}

Test(hazard_report, text_names_file_line_class_owners_and_what_to_do, .init = run, .fini = clear)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    smh_result_print_hazards(&result, out);
    fclose(out);
    cr_assert_not_null(strstr(text, "shared.json:9: hazard H1 of net/rx and net/state"), "%s",
                       text);
    cr_assert_not_null(strstr(text, "to mend it: round the 100 bytes of 'net/rx' up to 128"), "%s",
                       text);
    cr_assert_not_null(
        strstr(text, "align 'net/state' to 32 bytes and round its 40 bytes up to 64"), "%s", text);
    cr_assert_not_null(strstr(text, "whose   aaaa----bbbbbbbbbbbbbbbbbbbbbbbb"), "%s", text);
    cr_assert_not_null(strstr(text, "wrong   LLLL"), "%s", text);
    cr_assert_not_null(strstr(text, "hardware: core 0's cache writes its dirty line back"), "%s",
                       text);
    free(text);
}

static const char *text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

Test(hazard_report, json_has_every_field, .init = run, .fini = clear)
{
    json_t *list = smh_result_hazards_json(&result);
    cr_assert_eq(json_array_size(list), 1);
    const json_t *hazard = json_array_get(list, 0);
    static const char *const keys[] = {
        "class",      "title",    "explanation", "advice",    "region", "line_offset",
        "line_bytes", "core",     "count",       "operation", "victim", "culprit",
        "wrong",      "sequence", "drawing",     "file",      "line",   "actor"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        cr_assert_not_null(json_object_get(hazard, keys[i]), "%s", keys[i]);
    }
    cr_assert_eq(json_object_size(hazard), sizeof(keys) / sizeof(keys[0]));
    cr_assert_str_eq(text_at(hazard, "class"), "H1");
    cr_assert_str_eq(text_at(hazard, "core"), "device");
    cr_assert_str_eq(text_at(json_object_get(hazard, "victim"), "name"), "net/rx");
    cr_assert_str_eq(text_at(json_object_get(hazard, "culprit"), "name"), "net/state");
    const json_t *sequence = json_object_get(hazard, "sequence");
    static const char *const what[] = {"access", "access", "eviction"};
    cr_assert_eq(json_array_size(sequence), 3);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_str_eq(text_at(json_array_get(sequence, i), "what"), what[i]);
    }
    json_decref(list);
}

static json_int_t line_of(const json_t *location)
{
    return json_integer_value(json_object_get(
        json_object_get(json_object_get(location, "physicalLocation"), "region"), "startLine"));
}

Test(hazard_report, sarif_has_what_its_schema_requires_and_points_at_lines, .init = run,
     .fini = clear)
{
    const struct smh_result *all[] = {&result};
    json_t *document = smh_hazard_sarif(all, 1);
    cr_assert_str_eq(text_at(document, "version"), "2.1.0");
    const json_t *one = json_array_get(json_object_get(document, "runs"), 0);
    const json_t *driver = json_object_get(json_object_get(one, "tool"), "driver");
    cr_assert_str_eq(text_at(driver, "name"), "smh");
    const json_t *rules = json_object_get(driver, "rules");
    cr_assert_eq(json_array_size(rules), 10);
    for (size_t i = 0; i < 10; i++) {
        cr_assert_not_null(text_at(json_object_get(json_array_get(rules, i), "help"), "text"));
    }
    const json_t *finding = json_array_get(json_object_get(one, "results"), 0);
    size_t index = (size_t)json_integer_value(json_object_get(finding, "ruleIndex"));
    cr_assert_str_eq(text_at(finding, "ruleId"), text_at(json_array_get(rules, index), "id"));
    cr_assert_not_null(text_at(json_object_get(finding, "message"), "text"));
    cr_assert_eq(line_of(json_array_get(json_object_get(finding, "locations"), 0)), 9);
    const json_t *related = json_object_get(finding, "relatedLocations");
    cr_assert_eq(line_of(json_array_get(related, 0)), 6);
    cr_assert_eq(line_of(json_array_get(related, 1)), 7);
    json_decref(document);
}

Test(hazard_report, a_result_that_was_not_judged_prints_nothing_and_is_null)
{
    struct smh_result none;
    memset(&none, 0, sizeof(none));
    char text[64] = "";
    FILE *out = fmemopen(text, sizeof(text), "w");
    smh_result_print_hazards(&none, out);
    fclose(out);
    cr_assert_str_eq(text, "");
    json_t *json = smh_result_hazards_json(&none);
    cr_assert(json_is_null(json));
    json_decref(json);
}
