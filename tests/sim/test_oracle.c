/* test_oracle.c: a broken allocator is caught, and a sound one is not accused.
 *
 * Owns: one workload that asks for everything (sizes, alignments, resizing, zeroes, a region that
 * runs full), replayed on every sound engine and on every engine with a planted fault.
 */
#include "../core/faulty_engines.h"
#include "given.h"

#include <criterion/criterion.h>
#include <string.h>

static const char workload[] =
    "{'schema':1,'name':'everything','machine':{'target_bits':64,'regions':["
    "{'name':'ram','base':'0x20000000','size':'16K','attr':'cacheable'},"
    "{'name':'psram','base':'0x60000000','size':'256K','attr':'external'}]},'workload':["
    "{'actor':'small','attr':'cacheable','generate':{'rate_hz':1000,'count':3000,"
    " 'size':{'lognormal':[4.1,1.2],'max':3000},'lifetime':{'exponential':'200ms'},"
    " 'realloc_share':0.3}},"
    "{'actor':'aligned','attr':'external','align':256,'generate':{'rate_hz':500,'count':1500,"
    " 'size':{'uniform':[1,4000]},'lifetime':{'exponential':'100ms'},'realloc_share':0.3}},"
    "{'actor':'zeroes','attr':'external','repeat':200,'every':'7ms','ops':["
    " {'calloc':'z','bytes':700},{'cpu_read':'z','after':'3ms'},{'free':'z'}]}]}";

static struct smh_result judged(const struct smh_engine *engine)
{
    return given_run(given_scenario(workload), engine);
}

TestSuite(oracle, .fini = given_clear);

static bool caught_by(const struct smh_result *result, const char *oracle)
{
    for (size_t i = 0; i < result->violation_count && i < SMH_VIOLATIONS_LISTED; i++) {
        if (strcmp(result->violations[i].oracle, oracle) == 0) {
            return true;
        }
    }
    return false;
}

Test(oracle, no_sound_engine_is_accused)
{
    for (size_t i = 0; smh_engine_at(i) != NULL; i++) {
        struct smh_result result = judged(smh_engine_at(i));
        cr_expect(result.violation_count == 0, "%s: %s: %s", smh_engine_at(i)->name,
                  result.violations[0].oracle, result.violations[0].message);
        cr_expect(smh_result_failures(&result) > 0, "the region should run full");
    }
}

Test(oracle, every_faulty_engine_is_caught_by_the_oracle_made_for_its_fault)
{
    static const struct {
        const char *engine;
        const char *oracle;
    } faults[] = {
        {"faulty_overlap", "overlap"},     {"faulty_same_block", "overlap"},
        {"faulty_alignment", "alignment"}, {"faulty_content", "contents"},
        {"faulty_usable_size", "heap"},    {"faulty_coalescing", "heap"},
        {"faulty_waste", "space"},         {"faulty_leak", "heap"},
        {"faulty_free_nothing", "heap"},   {"faulty_null", "null"},
        {"faulty_resize", "size"},         {"faulty_largest_free", "heap"},
    };
    size_t count = 0;
    for (; count < sizeof(faults) / sizeof(faults[0]); count++) {
        const struct smh_engine *engine = smh_faulty_engine_find(faults[count].engine);
        cr_assert(engine != NULL, "%s", faults[count].engine);
        struct smh_result result = judged(engine);
        cr_expect(caught_by(&result, faults[count].oracle), "%s: not caught by %s; first: %s: %s",
                  engine->name, faults[count].oracle,
                  result.violation_count != 0 ? result.violations[0].oracle : "none",
                  result.violation_count != 0 ? result.violations[0].message : "");
        cr_expect(!result.passed);
    }
    cr_expect(smh_faulty_engine_at(count) == NULL, "a faulty engine is not in the table");
}

/* A machine of one region and an oracle over it, for what no engine does wrong. */
static struct smh_machine machine;
static struct smh_result result;
static struct smh_oracle oracle;

static void watch_one_region(void)
{
    static const struct smh_machine_choice choice = {.engine = &smh_engine_first_fit};
    struct smh_error error = {0};
    result.scenario =
        given_scenario("{'schema':1,'name':'g','machine':{'regions':["
                       "{'name':'ram','base':'0x20000000','size':5000,'attr':'cacheable'}]},"
                       "'workload':[{'actor':'a','ops':[{'alloc':'x','bytes':8},{'free':'x'}]}]}");
    cr_assert(smh_machine_open(&machine, result.scenario, &choice, &error) == 0);
    cr_assert(smh_oracle_open(&oracle, &machine, &result, SMH_CHECKS_ALL, &error) == 0);
}

static void stop_watching(void)
{
    smh_oracle_close(&oracle);
    smh_machine_close(&machine);
    given_clear();
}

TestSuite(watched, .init = watch_one_region, .fini = stop_watching);

Test(watched, a_write_beside_a_region_is_a_violation)
{
    smh_oracle_heaps(&oracle, 0);
    cr_assert(result.violation_count == 0);
    machine.regions[0].memory[5000] = 0;
    smh_oracle_heaps(&oracle, 0);
    cr_assert(caught_by(&result, "guard"));
}

Test(watched, a_region_that_does_not_match_is_a_violation)
{
    struct smh_operation asked_for_external = {.attr = 2, .bytes = 8};
    struct smh_live live = {.block = smh_pool_alloc(&machine.pool, 0, 8), .bytes = 8, .attr = 2};
    smh_oracle_allocated(&oracle, &live, &asked_for_external, 0, 0, 0);
    cr_assert(caught_by(&result, "region"));
}

Test(watched, a_region_that_is_not_restored_is_a_violation)
{
    cr_assert(smh_pool_alloc(&machine.pool, 0, 8) != NULL);
    smh_oracle_restored(&oracle, 0);
    cr_assert(caught_by(&result, "restored"));
}
