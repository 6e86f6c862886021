/* test_scenario.c: what good scenarios become. (What the loader says to bad ones:
 * test_malformed.c.)
 */
#include "../../sim/workload/scenario.h"
#include "../../sim/workload/scenario_line.h"
#include "temporary.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct smh_scenario *load(const char *path)
{
    struct smh_error error = {{0}};
    struct smh_scenario *scenario = smh_scenario_load(path, true, &error);
    cr_assert_not_null(scenario, "%s", error.message);
    return scenario;
}

Test(scenario, the_example_of_the_format_loads_with_every_value_in_its_place)
{
    struct smh_scenario *scenario = load("tests/data/valid/design_example.json");
    const struct smh_machine_config *machine = &scenario->machine;
    cr_assert_str_eq(scenario->name, "camera_stream");
    cr_assert_str_eq(scenario->why, "VGA double buffering beside a network stack");
    cr_assert_eq(scenario->seed, 7);
    cr_assert(machine->cores == 2 && machine->line_bytes == 32 && machine->target_bits == 32);
    cr_assert(machine->l1.size_bytes == 16384 && machine->l1.ways == 4);
    cr_assert(machine->l1.policy == SMH_CACHE_WRITE_BACK && machine->l1.hit_cycles == 1);
    cr_assert_eq(machine->region_count, 3);
    const struct smh_region_config *psram = &machine->regions[2];
    cr_assert_str_eq(psram->name, "psram");
    cr_assert(psram->base == 0x60000000 && psram->size == 8388608 && psram->attr == 2);
    cr_assert_str_eq(psram->attr_name, "external");
    cr_assert(psram->cache == SMH_CACHE_WRITE_BACK && psram->cycles == 38);
    cr_assert_eq(psram->engine, smh_engine_find("bitmap"));
    cr_assert(psram->granule == 32 && psram->metadata_in == 0);
    cr_assert_eq(machine->regions[0].metadata_in, -1);
    cr_assert_eq(scenario->match, smh_match_equal);
    cr_assert_eq(scenario->policy, &smh_policy_add_order);
    const struct smh_actor_config *camera = &scenario->actors[1];
    cr_assert(camera->core == 1 && camera->repeat == 900 && camera->every_ns == 33000000);
    cr_assert_eq(camera->operation_count, 5);
    cr_assert_eq(camera->operations[0].bytes, 614400);
    cr_assert_eq(camera->operations[0].align, 32);
    cr_assert_eq(camera->operations[0].attr, 2);
    cr_assert_eq(camera->operations[1].kind, SMH_OPERATION_DMA_WRITE);
    const struct smh_generator_config *chatter = scenario->actors[2].generator;
    cr_assert_float_eq(chatter->rate_hz, 2000.0, 0.0);
    cr_assert_float_eq(chatter->lifetime.a, 20e6, 0.0);
    cr_assert(chatter->size.max == 4096 && chatter->live_max == 400);
    cr_assert(scenario->expect.has_failed_allocations && scenario->expect.has_hazards);
    cr_assert_eq(scenario->expect.failed_allocations_max, 0);
    cr_assert_eq(scenario->expect.regions[0].peak_used_max_bytes, 117964); /* 90 % of 128 KiB */
    smh_scenario_free(scenario);
}

Test(scenario, what_is_not_given_has_the_documented_default)
{
    struct smh_scenario *scenario = load("tests/data/valid/smallest.json");
    cr_assert_str_eq(scenario->why, "");
    cr_assert_eq(scenario->seed, 1);
    cr_assert(scenario->machine.cores == 1 && scenario->machine.line_bytes == 32);
    cr_assert(scenario->machine.target_bits == 32 && scenario->machine.cycles_per_second == 0);
    cr_assert(scenario->machine.l1.size_bytes == 0 && scenario->machine.l2.size_bytes == 0);
    cr_assert(scenario->machine.store_buffer == 0 && !scenario->machine.dirty_hand_out);
    const struct smh_region_config *region = &scenario->machine.regions[0];
    cr_assert(region->cache == SMH_CACHE_NONE && region->cycles == 1 && region->engine == NULL);
    cr_assert(region->granule == 0 && region->reserve_bytes == 0 && region->priority == 0);
    cr_assert(!region->dma_unreachable && !region->has_alias);
    cr_assert_str_eq(scenario->match_name, "equal");
    cr_assert_eq(scenario->policy, &smh_policy_add_order);
    cr_assert_eq(scenario->threshold_bytes, SMH_POOL_THRESHOLD_DEFAULT);
    const struct smh_actor_config *actor = &scenario->actors[0];
    cr_assert(actor->repeat == 1 && actor->every_ns == 0 && actor->start_ns == 0);
    cr_assert(actor->core == 0 && actor->attr == 0 && actor->align == 0);
    cr_assert(actor->driver_line == 0 && actor->stack_region == -1 && actor->stack_bytes == 0);
    cr_assert_not(scenario->expect.has_failed_allocations);
    cr_assert_not(scenario->expect.has_hazards);
    smh_scenario_free(scenario);
}

Test(scenario, every_key_of_the_format_is_read)
{
    struct smh_scenario *scenario = load("tests/data/valid/every_key.json");
    const struct smh_machine_config *machine = &scenario->machine;
    cr_assert(machine->line_bytes == 64 && machine->target_bits == 64);
    cr_assert_eq(machine->cycles_per_second, 600000000);
    cr_assert_eq(machine->l1.policy, SMH_CACHE_WRITE_THROUGH);
    cr_assert(machine->l1.replacement == SMH_REPLACE_PLRU && machine->l1.write_allocate);
    cr_assert(machine->l1_shared);
    cr_assert(machine->l2.size_bytes == 262144 && machine->l2.ways == 16);
    cr_assert(machine->l2.policy == SMH_CACHE_WRITE_BACK && machine->l2.write_allocate);
    cr_assert(machine->l2.replacement == SMH_REPLACE_RANDOM && machine->l2.hit_cycles == 12);
    cr_assert(machine->store_buffer == 4 && machine->dirty_hand_out);
    cr_assert(machine->regions[0].dma_unreachable && !machine->regions[0].has_alias);
    cr_assert(machine->regions[2].has_alias && machine->regions[2].alias_base == 0x2000000000);
    const struct smh_region_config *itcm = &machine->regions[0];
    cr_assert(itcm->base == 0 && itcm->size == 65536 && itcm->target_bits == 32);
    cr_assert_eq(itcm->engine, smh_engine_find("first_fit"));
    cr_assert(itcm->granule == 16 && itcm->reserve_bytes == 1024 && itcm->priority == 1);
    cr_assert(itcm->metadata_in == 1 && itcm->attr == (1 | 8));
    cr_assert_str_eq(itcm->attr_name, "cacheable+dma");
    cr_assert_eq(scenario->seed, (uint64_t)INT64_MAX);
    cr_assert_eq(scenario->policy, &smh_policy_best_fit);
    cr_assert_eq(scenario->threshold_bytes, 4096);
    const struct smh_actor_config *trace = &scenario->actors[0];
    cr_assert_str_eq(trace->trace, "tests/data/valid/small.trace");
    cr_assert(trace->align == 4096 && trace->start_ns == 1500000 && trace->step_ns == 10);
    cr_assert(trace->max_operations == 3 && trace->repeat == 2 && trace->every_ns == 1000000000);
    const struct smh_expect *expect = &scenario->expect;
    cr_assert(expect->failed_allocations_min == 0 && expect->failed_allocations_max == 1000000);
    cr_assert(expect->hazards == 2 && expect->hazard_count == 2);
    cr_assert_str_eq(expect->hazard_list[0].class_name, "H1");
    cr_assert_str_eq(expect->hazard_list[0].owners[1], "q");
    cr_assert_eq(expect->regions[0].peak_used_max_bytes, 57344); /* 87.5 % of 64 KiB */
    cr_assert_not(expect->regions[2].has_peak_used_max);
    smh_scenario_free(scenario);
}

Test(scenario, operations_of_a_list_take_what_they_ask_for_or_the_actors_default)
{
    struct smh_scenario *scenario = load("tests/data/valid/every_key.json");
    const struct smh_actor_config *actor = &scenario->actors[2];
    const struct smh_operation *o = actor->operations;
    cr_assert_eq(actor->prefer->count, 3);
    cr_assert(actor->prefer->attrs[0] == 4 && actor->prefer->attrs[1] == 9);
    cr_assert_eq(actor->prefer->attrs[2], 16);
    cr_assert(o[0].prefer == actor->prefer && o[0].attr == 4 && o[0].align == 64);
    cr_assert(o[0].time_ns == 20000 && o[0].slot == 0);
    cr_assert(o[1].prefer == NULL && o[1].attr == 8 && o[1].align == 0 && o[1].slot == 1);
    cr_assert(o[2].kind == SMH_OPERATION_REALLOC && o[2].prefer->count == 1 && o[2].slot == 0);
    cr_assert(o[3].offset == 1024 && o[3].bytes == 16);
    cr_assert(o[4].offset == 0 && o[4].bytes == 0);
    cr_assert(o[8].time_ns == 20100 && o[19].time_ns == 20100 && o[19].site == 19);
    smh_scenario_free(scenario);
}

Test(scenario, operations_name_their_core_and_their_view)
{
    struct smh_scenario *scenario = load("tests/data/valid/every_key.json");
    const struct smh_operation *o = scenario->actors[2].operations;
    cr_assert(o[4].core == 0 && o[10].core == 1 && o[10].kind == SMH_OPERATION_CPU_READ);
    cr_assert(o[14].kind == SMH_OPERATION_BARRIER && o[14].core == 1);
    o = scenario->actors[3].operations;
    cr_assert(o[2].uncached && o[2].core == 1 && !o[3].uncached);
    smh_scenario_free(scenario);
}

/* Offsets in "ram", which has 128 KiB; lines of 64.
 *
 *     0 ........ | v: 1000, from a line | o: 1 KiB |
 *                129024                 130048     131072
 */
Test(scenario, stacks_lie_at_the_end_of_their_region_and_buffers_on_them_from_the_top_down)
{
    struct smh_scenario *scenario = load("tests/data/valid/every_key.json");
    const struct smh_actor_config *actor = &scenario->actors[2];
    cr_assert(actor->driver_line == 128 && actor->stack_region == 1);
    cr_assert(actor->stack_offset == 130048 && actor->stack_bytes == 1024);
    const struct smh_operation *o = actor->operations;
    cr_assert(o[11].kind == SMH_OPERATION_STACK && o[11].align == 64 && o[11].bytes == 100);
    cr_assert_eq(o[11].offset, 130944); /* 131072 - 100, down to a multiple of 64 */
    cr_assert_eq(o[12].offset, 130936); /* 3 bytes below it, at a multiple of 8 */
    cr_assert_eq(o[13].offset, 0);
    cr_assert_eq(o[16].offset, 130928); /* s has been left, t below it has not */
    cr_assert(scenario->actors[3].stack_offset == 129024);
    cr_assert_eq(scenario->actors[3].operations[0].offset, 129024);
    smh_scenario_free(scenario);
}

Test(scenario, slots_of_a_list_keep_their_names)
{
    struct smh_scenario *scenario = load("tests/data/valid/every_key.json");
    const struct smh_actor_config *actor = &scenario->actors[2];
    cr_assert_eq(actor->slot_count, 5);
    cr_assert_str_eq(actor->slot_names[0], "p");
    cr_assert_str_eq(actor->slot_names[actor->operations[16].slot], "u");
    cr_assert_eq(scenario->actors[0].slot_count, 0);
    smh_scenario_free(scenario);
}

Test(scenario, attributes_have_names_for_reports)
{
    struct smh_scenario *scenario = load("tests/data/valid/every_key.json");
    cr_assert_str_eq(smh_scenario_attr_name(scenario, 4), "external");
    cr_assert_str_eq(smh_scenario_attr_name(scenario, 20), "fast_ext");
    cr_assert_str_eq(smh_scenario_attr_name(scenario, 0), "any");
    cr_assert_str_eq(smh_scenario_attr_name(scenario, 1 | 2 | 8), "cacheable+non_cacheable+dma");
    cr_assert_str_eq(smh_scenario_attr_name(scenario, 1 | 64), "cacheable+0x40");
    smh_scenario_free(scenario);
    scenario = load("tests/data/valid/smallest.json");
    cr_assert_str_eq(smh_scenario_attr_name(scenario, 0), "cacheable");
    cr_assert_str_eq(smh_scenario_attr_name(scenario, 2), "external");
    cr_assert_str_eq(smh_scenario_attr_name(scenario, 3), "3");
    smh_scenario_free(scenario);
}

/* A scenario of one region whose size is written as `size`; what it is read as, 0: refused. */
static uint64_t size_read_as(struct temporary *temporary, const char *size)
{
    char text[512];
    struct smh_error error = {{0}};
    snprintf(text, sizeof text,
             "{\"schema\":1,\"name\":\"x\",\"machine\":{\"target_bits\":64,\"regions\":[{\"name\":"
             "\"a\",\"base\":0,\"size\":%s,\"attr\":0}]},\"workload\":[{\"actor\":\"w\",\"ops\":[{"
             "\"alloc\":\"p\",\"bytes\":1}]}]}",
             size);
    const char *path = temporary_write_text(temporary, "x.json", text);
    struct smh_scenario *scenario = smh_scenario_load(path, true, &error);
    uint64_t bytes = scenario != NULL ? scenario->machine.regions[0].size : 0;
    smh_scenario_free(scenario);
    return bytes;
}

Test(scenario, sizes_have_the_documented_forms_and_no_others)
{
    struct temporary t;
    temporary_make(&t);
    cr_assert_eq(size_read_as(&t, "65536"), 65536u);
    cr_assert_eq(size_read_as(&t, "\"65536\""), 65536u);
    cr_assert_eq(size_read_as(&t, "\"0x10000\""), 65536u);
    cr_assert_eq(size_read_as(&t, "\"0X1fF\""), 0x1ffu);
    cr_assert_eq(size_read_as(&t, "\"3K\""), 3072u);
    cr_assert_eq(size_read_as(&t, "\"8M\""), 8u << 20);
    cr_assert_eq(size_read_as(&t, "\"2G\""), 2ull << 30);
    cr_assert_eq(size_read_as(&t, "\"262144G\""), 1ull << 48);
    static const char *const refused[] = {"\"262145G\"", "\"\"",    "\"K\"",           "\"0x\"",
                                          "\"1.5K\"",    "\" 1K\"", "\"1K \"",         "\"1k\"",
                                          "\"1KB\"",     "\"+1\"",  "\"-1\"",          "1.0",
                                          "true",        "[1]",     "\"17179869184G\"" /* 2^64 */};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        cr_assert_eq(size_read_as(&t, refused[i]), 0, "%s", refused[i]);
    }
    temporary_remove(&t);
}

/* As above, for the delay before an operation; UINT64_MAX: refused. */
static uint64_t duration_read_as(struct temporary *temporary, const char *duration)
{
    char text[512];
    struct smh_error error = {{0}};
    snprintf(text, sizeof text,
             "{\"schema\":1,\"name\":\"x\",\"machine\":{\"regions\":[{\"name\":\"a\",\"base\":0,"
             "\"size\":4096,\"attr\":0}]},\"workload\":[{\"actor\":\"w\",\"start\":%s,\"ops\":[{"
             "\"alloc\":\"p\",\"bytes\":1}]}]}",
             duration);
    const char *path = temporary_write_text(temporary, "x.json", text);
    struct smh_scenario *scenario = smh_scenario_load(path, true, &error);
    uint64_t ns = scenario != NULL ? scenario->actors[0].start_ns : UINT64_MAX;
    smh_scenario_free(scenario);
    return ns;
}

Test(scenario, durations_have_the_documented_forms_and_no_others)
{
    struct temporary t;
    temporary_make(&t);
    cr_assert_eq(duration_read_as(&t, "1500"), 1500u);
    cr_assert_eq(duration_read_as(&t, "\"100ns\""), 100u);
    cr_assert_eq(duration_read_as(&t, "\"20us\""), 20000u);
    cr_assert_eq(duration_read_as(&t, "\"33ms\""), 33000000u);
    cr_assert_eq(duration_read_as(&t, "\"1.5s\""), 1500000000u);
    cr_assert_eq(duration_read_as(&t, "\"0.000000001s\""), 1u);
    cr_assert_eq(duration_read_as(&t, "4611686018427387904"), 1ull << 62);
    static const char *const refused[] = {
        "\"1500\"",           "\"1.5ns\"", "\"1.s\"", "\".5s\"", "\"1m\"", "\"33 ms\"",
        "\"0x10s\"",          "1.5",       "-1",      "\"-1s\"", "\"s\"",  "\"4611686019s\"",
        "4611686018427387905"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        cr_assert_eq(duration_read_as(&t, refused[i]), UINT64_MAX, "%s", refused[i]);
    }
    temporary_remove(&t);
}

Test(scenario, the_line_of_a_value_is_found_in_the_text)
{
    static const char text[] =
        "\n{ \"a,\\\"}\" : [ 1,\n  { \"x\": [[], {\"b\": 3}], \"b\":\n 4 },\n"
        "  \"b\" ],\n \"b\": {\n},\n\"c\": null }";
    const struct smh_json_step root_b[] = {{"b", 0}};
    const struct smh_json_step root_c[] = {{"c", 0}};
    const struct smh_json_step missing[] = {{"b", 0}, {"no", 0}};
    const struct smh_json_step wrong[] = {{"c", 0}, {NULL, 3}};
    cr_assert_eq(smh_json_line(text, NULL, 0), 2);
    cr_assert_eq(smh_json_line(text, root_b, 1), 6);
    cr_assert_eq(smh_json_line(text, root_c, 1), 8);
    cr_assert_eq(smh_json_line(text, missing, 2), 6);
    cr_assert_eq(smh_json_line(text, wrong, 2), 8);
    static const char list[] = "[1,\n[2, {\"x\": 3,\n\"y\": [4,\n5]}]]";
    const struct smh_json_step five[] = {{NULL, 1}, {NULL, 1}, {"y", 0}, {NULL, 1}};
    cr_assert_eq(smh_json_line(list, five, 4), 4);
    cr_assert_eq(smh_json_line(list, five, 3), 3);
    cr_assert_eq(smh_json_line("", five, 4), 1);
    cr_assert_eq(smh_json_line("[\"", five, 4), 1);
}

Test(scenario, errors_are_one_line_of_clean_text)
{
    struct smh_error error;
    cr_assert_eq(smh_error_set(&error, "%s", "a\nb\x1b[31m\xff\xc3\xa9\xc0\x80\xe2\x80\xa8"), -1);
    cr_assert_str_eq(error.message, "a?b?[31m?\xc3\xa9?????");
    char text[2000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    smh_error_set(&error, "%s", text);
    cr_assert_eq(strlen(error.message), SMH_ERROR_BYTES - 1);
    cr_assert_str_eq(error.message + SMH_ERROR_BYTES - 4, "...");
}
