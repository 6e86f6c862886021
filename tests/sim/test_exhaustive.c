/* test_exhaustive.c: the enumeration of small worlds, and that it would see a fault.
 *
 * Owns: a shallow run for every engine; planted faults that must be found, with the shortest
 * sequence; that counts do not depend on how many processes count.
 */
#include "../core/faulty_engines.h"
#include "../exhaustive/enumerate.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct enumerate_result result;

static void run(const struct smh_engine *engine, unsigned depth, unsigned jobs)
{
    struct enumerate_config config = {
        .world = world_defaults, .depth = depth, .jobs = jobs, .memory_bytes = (size_t)1 << 24};
    config.world.engine = engine;
    enumerate(&config, &result);
}

Test(exhaustive, every_sequence_of_three_operations_keeps_every_rule_on_every_engine)
{
    for (size_t i = 0; smh_engine_at(i) != NULL; i++) {
        run(smh_engine_at(i), 3, 1);
        cr_expect(result.end == ENUMERATE_DEPTH, "%s: %s", smh_engine_at(i)->name,
                  result.violation);
        cr_expect(result.levels[3].states > 30, "%s: %llu states", smh_engine_at(i)->name,
                  (unsigned long long)result.levels[3].states);
    }
}

Test(exhaustive, two_processes_count_what_one_counts)
{
    struct enumerate_level alone[4];
    run(&smh_engine_zephyr, 3, 1);
    memcpy(alone, result.levels, sizeof(alone));
    run(&smh_engine_zephyr, 3, 2);
    for (size_t i = 0; i < 4; i++) {
        cr_expect(result.levels[i].states == alone[i].states, "depth %zu", i);
        cr_expect(result.levels[i].steps == alone[i].steps, "depth %zu", i);
    }
}

Test(exhaustive, planted_faults_are_found_by_the_shortest_sequence)
{
    static const struct {
        const char *engine;
        const char *oracle;
        size_t steps;
    } faults[] = {
        {"faulty_alignment", "alignment", 1}, {"faulty_usable_size", "heap", 1},
        {"faulty_coalescing", "heap", 2},     {"faulty_waste", "space", 1},
        {"faulty_free_nothing", "heap", 2},   {"faulty_resize", "size", 2},
        {"faulty_largest_free", "heap", 1},
    };
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        run(smh_faulty_engine_find(faults[i].engine), 3, 1);
        cr_expect(result.end == ENUMERATE_VIOLATION, "%s is not found", faults[i].engine);
        cr_expect(strncmp(result.violation, faults[i].oracle, strlen(faults[i].oracle)) == 0,
                  "%s: %s", faults[i].engine, result.violation);
        cr_expect(result.step_count <= faults[i].steps, "%s: %zu steps", faults[i].engine,
                  result.step_count);
    }
}

Test(exhaustive, a_sequence_is_written_as_a_scenario_with_what_was_forced)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    /* Region 0 refuses the first request, which region 1 then serves; the block moves. */
    const struct world_step steps[] = {
        {.kind = WORLD_ALLOC, .size = 3, .refusing = 1},
        {.kind = WORLD_REALLOC, .size = 4, .mask = 1},
        {.kind = WORLD_FREE},
    };
    run(&smh_engine_first_fit, 1, 1);
    world_write_scenario(out, steps, 3);
    (void)fclose(out);
    cr_expect(world_violation() == NULL);
    cr_expect(strstr(text, "In operation 0 region r0 was made to refuse.") != NULL, "%s", text);
    cr_expect(strstr(text, "{ \"alloc\": \"b0\", \"bytes\": 24, \"attr\": 1 },\n"
                           "    { \"realloc\": \"b0\", \"bytes\": 40, \"attr\": 2 },\n"
                           "    { \"free\": \"b0\" } ] } ] }\n") != NULL,
              "%s", text);
    free(text);
}
