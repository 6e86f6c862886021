/* test_workload.c: actors side by side in simulated time.
 */
#include "../../sim/workload/scenario.h"
#include "temporary.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct temporary temporary;

static void start(void)
{
    temporary_make(&temporary);
}

static void end(void)
{
    temporary_remove(&temporary);
}

TestSuite(workload, .init = start, .fini = end);

/* A scenario of these actors, written with ' for ". */
static struct smh_scenario *with_actors(const char *actors)
{
    char text[4096];
    struct smh_error error = {{0}};
    snprintf(text, sizeof text,
             "{'schema':1,'name':'x','machine':{'regions':[{'name':'a','base':0,'size':'1M',"
             "'attr':'cacheable'}]},'workload':[%s]}",
             actors);
    for (char *at = text; *at != '\0'; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
    struct smh_scenario *scenario =
        smh_scenario_load(temporary_write_text(&temporary, "x.json", text), true, &error);
    cr_assert_not_null(scenario, "%s", error.message);
    return scenario;
}

/* The merged stream of these actors, an operation as "time.actor+slot" or "time.actor-slot". */
static void expect_stream(const char *actors, const char *expected)
{
    struct smh_error error = {{0}};
    struct smh_scenario *scenario = with_actors(actors);
    size_t count;
    struct smh_operation *o = all_operations(smh_workload_open(scenario, 1, &error), &count);
    char got[2048] = "";
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(got);
        snprintf(got + used, sizeof got - used, "%s%" PRIu64 ".%u%c%u", i > 0 ? " " : "",
                 o[i].time_ns, o[i].actor, o[i].kind == SMH_OPERATION_FREE ? '-' : '+', o[i].slot);
    }
    free(o);
    smh_scenario_free(scenario);
    cr_assert_str_eq(got, expected);
}

#define PAIR "[{'alloc':'p','bytes':8},{'free':'p','after':10}]"

Test(workload, actors_are_merged_by_time_and_ties_are_in_actor_order)
{
    expect_stream("{'actor':'a','start':10,'ops':" PAIR "},{'actor':'b','ops':" PAIR "},"
                  "{'actor':'c','start':5,'ops':" PAIR "}",
                  "0.1+0 5.2+0 10.0+0 10.1-0 15.2-0 20.0-0");
}

Test(workload, a_list_is_repeated_at_its_period)
{
    expect_stream("{'actor':'a','repeat':3,'every':100,'ops':" PAIR "}",
                  "0.0+0 10.0-0 100.0+0 110.0-0 200.0+0 210.0-0");
}

Test(workload, without_a_period_or_with_a_short_one_repetitions_follow_each_other)
{
    expect_stream("{'actor':'a','repeat':2,'ops':" PAIR "}", "0.0+0 10.0-0 10.0+0 20.0-0");
    expect_stream("{'actor':'a','repeat':2,'every':4,'ops':" PAIR "}",
                  "0.0+0 10.0-0 10.0+0 20.0-0");
}

Test(workload, a_trace_is_repeated_and_what_it_left_live_is_freed_between)
{
    temporary_write_text(&temporary, "t.trace", "a 1 8\na 2 8 t=7\nf 1 t=9\n");
    expect_stream("{'actor':'a','trace':'t.trace','repeat':3,'every':20}",
                  "0.0+0 7.0+1 9.0-0 9.0-1 20.0+0 27.0+1 29.0-0 29.0-1 40.0+0 47.0+1 49.0-0");
}

Test(workload, a_trace_without_operations_is_not_repeated_for_ever)
{
    temporary_write_text(&temporary, "t.trace", "smh-trace 1\n");
    expect_stream("{'actor':'a','trace':'t.trace','repeat':1000000000000}", "");
}

Test(workload, more_operations_than_a_batch_come_out_in_order)
{
    struct smh_error error = {{0}};
    struct smh_scenario *scenario =
        with_actors("{'actor':'a','repeat':1000,'every':7,'ops':" PAIR "},"
                    "{'actor':'b','repeat':700,'every':11,'ops':" PAIR "},"
                    "{'actor':'c','generate':{'rate_hz':1e8,'size':{'constant':8},"
                    "'lifetime':{'uniform':[1,200]},'count':900,'realloc_share':0.5}}");
    size_t count;
    struct smh_operation *o = all_operations(smh_workload_open(scenario, 1, &error), &count);
    size_t of_actor[3] = {0};
    for (size_t i = 0; i < count; i++) {
        of_actor[o[i].actor]++;
        bool ordered = i == 0 || o[i - 1].time_ns < o[i].time_ns ||
                       (o[i - 1].time_ns == o[i].time_ns && o[i - 1].actor <= o[i].actor);
        /* An actor that takes no time between two operations may stand between two of another. */
        bool tie = i > 0 && o[i - 1].time_ns == o[i].time_ns;
        cr_assert(ordered || tie);
    }
    cr_assert(of_actor[0] == 2000 && of_actor[1] == 1400 && of_actor[2] >= 1800);
    free(o);
    smh_scenario_free(scenario);
}

Test(workload, the_merged_stream_does_not_depend_on_how_it_is_read)
{
    struct smh_error error = {{0}};
    struct smh_scenario *scenario =
        with_actors("{'actor':'a','repeat':50,'every':1000,'ops':" PAIR "},"
                    "{'actor':'b','generate':{'rate_hz':1e6,'size':{'exponential':100},'lifetime':"
                    "{'exponential':'5us'}}}");
    size_t count;
    struct smh_operation *all = all_operations(smh_workload_open(scenario, 4, &error), &count);
    struct smh_source *source = smh_workload_open(scenario, 4, &error);
    struct smh_operation part[7];
    size_t at = 0;
    for (long got; (got = source->next(source, part, 1 + at % 7, &error)) > 0;) {
        for (long i = 0; i < got; i++, at++) {
            cr_assert_eq(memcmp(&part[i].time_ns, &all[at].time_ns, sizeof all[at].time_ns), 0);
            cr_assert(part[i].actor == all[at].actor && part[i].slot == all[at].slot);
            cr_assert(part[i].bytes == all[at].bytes && part[i].kind == all[at].kind);
        }
    }
    cr_assert_eq(at, count);
    source->close(source);
    free(all);
    smh_scenario_free(scenario);
}

Test(workload, a_generator_without_end_stops_when_the_last_other_actor_has_ended)
{
    struct smh_error error = {{0}};
    struct smh_scenario *scenario =
        with_actors("{'actor':'endless','generate':{'rate_hz':1e6,'size':{'constant':8},'lifetime':"
                    "{'constant':'3us'}}},{'actor':'first','ops':" PAIR "},"
                    "{'actor':'last','repeat':2,'every':'1ms','ops':" PAIR "}");
    size_t count;
    struct smh_operation *o = all_operations(smh_workload_open(scenario, 1, &error), &count);
    size_t late = 0; /* allocations after the others' end at 1,000,010 ns */
    size_t allocated = 0;
    size_t freed = 0;
    for (size_t i = 0; i < count; i++) {
        if (o[i].actor != 0) {
            continue;
        }
        allocated += o[i].kind == SMH_OPERATION_ALLOC;
        freed += o[i].kind == SMH_OPERATION_FREE;
        late += o[i].kind == SMH_OPERATION_ALLOC && o[i].time_ns > 1000010;
    }
    cr_assert_leq(late, 1, "the one that was due next when they ended");
    cr_assert_float_eq((double)allocated, 1000.0, 200.0);
    cr_assert_eq(freed, allocated);
    cr_assert_gt(o[count - 1].time_ns, 1000010u);
    free(o);
    smh_scenario_free(scenario);
}

Test(workload, a_trace_that_goes_bad_hands_out_what_is_good_and_then_the_error)
{
    struct smh_error error = {{0}};
    temporary_write_text(&temporary, "t.trace", "a 1 8\na 2 8\nf 1\n");
    struct smh_scenario *scenario = with_actors("{'actor':'a','trace':'t.trace'}");
    temporary_write_text(&temporary, "t.trace", "a 1 8\na 2 8\nf 3\n");
    struct smh_source *source = smh_workload_open(scenario, 1, &error);
    struct smh_operation o[8];
    cr_assert_eq(source->next(source, o, 8, &error), 2);
    cr_assert_eq(source->next(source, o, 8, &error), -1);
    cr_assert_not_null(strstr(error.message, "t.trace:3: id 3"), "%s", error.message);
    source->close(source);
    smh_scenario_free(scenario);
}

Test(workload, a_trace_that_has_gone_is_an_error_at_opening)
{
    struct smh_error error = {{0}};
    temporary_write_text(&temporary, "t.trace", "a 1 8\n");
    struct smh_scenario *scenario =
        with_actors("{'actor':'b','ops':" PAIR "},{'actor':'a','trace':'t.trace'}");
    remove(temporary_path(&temporary, "t.trace"));
    cr_assert_null(smh_workload_open(scenario, 1, &error));
    cr_assert_not_null(strstr(error.message, "t.trace: cannot be opened"), "%s", error.message);
    smh_scenario_free(scenario);
}
