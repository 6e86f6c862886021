/* test_replay_cycles.c: what operations cost on the target, and what caches make of their bytes. */
#include "given.h"

#include <criterion/criterion.h>
#include <string.h>

static struct smh_result run_as(const char *text, const struct smh_engine *engine, bool cycles)
{
    struct smh_scenario *scenario = given_scenario(text);
    struct smh_result result;
    struct smh_error error = {0};
    struct smh_replay_options options = {.choice = {.engine = engine},
                                         .seed = scenario->seed,
                                         .checks = SMH_CHECKS_ALL,
                                         .metrics = true,
                                         .cycles = cycles,
                                         .drain = true,
                                         .validate_every = 16};
    cr_assert(smh_replay(scenario, &options, &result, &error) == 0, "%s", error.message);
    cr_assert(result.violation_count == 0, "%s", result.violations[0].message);
    return result;
}

static struct smh_result run(const char *text)
{
    return run_as(text, &smh_engine_first_fit, true);
}

static const struct smh_latency *calls(const struct smh_result *result, size_t region, int kind)
{
    return &result->cycles->latency[region * SMH_CALL_KINDS + (size_t)kind];
}

/* Every call of this kind cost exactly so much. */
static void assert_cost(const struct smh_result *result, size_t region, int kind, uint64_t count,
                        uint64_t cycles)
{
    const struct smh_latency *latency = calls(result, region, kind);
    cr_assert(latency->count == count, "%llu calls", (unsigned long long)latency->count);
    cr_assert(latency->min == cycles && latency->max == cycles && latency->sum == count * cycles,
              "%llu to %llu cycles", (unsigned long long)latency->min,
              (unsigned long long)latency->max);
}

#define UNCACHED                                                                       \
    "{'schema':1,'name':'one','machine':{'target_bits':32,'regions':["                 \
    "{'name':'ram','base':'0x20000000','size':'16K','attr':'cacheable','cycles':5}]}," \
    "'workload':[{'actor':'a','ops':["
#define CACHED                                                                       \
    "{'schema':1,'name':'one','machine':{'cores':2,'line':32,'target_bits':32,"      \
    "'l1':{'size':'1K','ways':2,'policy':'write-back','hit_cycles':1},'regions':["   \
    "{'name':'ram','base':'0x20000000','size':'16K','attr':'cacheable','cycles':10," \
    "'cache':'write-back'}]},'workload':[{'actor':'a','ops':["
#define END "]}]}"

TestSuite(replay_cycles, .fini = given_clear);

/* The nine accesses that test_tracing.c pictures, of a word each. */
Test(replay_cycles, an_allocation_costs_the_cycles_of_its_accesses)
{
    struct smh_result result = run(UNCACHED "{'alloc':'x','bytes':100}" END);
    assert_cost(&result, 0, SMH_OPERATION_ALLOC, 1, 9 * 5);
    cr_assert(result.cycles->actors[0].cycles == 45);
    cr_assert(result.cycles->actors[0].allocator_cycles == 45);
    smh_result_free(&result);
}

Test(replay_cycles, the_zeroes_of_calloc_count_word_by_word)
{
    struct smh_result result = run(UNCACHED "{'calloc':'x','bytes':100}" END);
    assert_cost(&result, 0, SMH_OPERATION_CALLOC, 1, (9 + 25) * 5);
    smh_result_free(&result);
}

/* Aligned allocations are zeroed by the replay itself; the target would do it all the same. */
Test(replay_cycles, the_zeroes_of_an_aligned_calloc_count_too)
{
    struct smh_result plain = run(UNCACHED "{'alloc':'x','bytes':100,'align':64}" END);
    struct smh_result zeroed = run(UNCACHED "{'calloc':'x','bytes':100,'align':64}" END);
    cr_assert(calls(&zeroed, 0, SMH_OPERATION_CALLOC)->sum ==
              calls(&plain, 0, SMH_OPERATION_ALLOC)->sum + 25 * 5);
    smh_result_free(&plain);
    smh_result_free(&zeroed);
}

/*  line 0: | tags, links .. |  line 3 (0x60): | remainder at 0x70: tags, links |
 *
 *  loads 0 0 8 C: a miss (1 + 10), three hits; stores 78 7C 70 in line 3: a miss (1 + 10), two
 *  hits; 0 and 74: hits */
Test(replay_cycles, caches_make_of_nine_accesses_two_misses_and_seven_hits)
{
    struct smh_result result = run(CACHED "{'alloc':'x','bytes':100}" END);
    assert_cost(&result, 0, SMH_OPERATION_ALLOC, 1, 2 * 11 + 7);
    const struct smh_memory_counters *l1 = &result.cycles->counters[0];
    cr_assert(l1->loads == 4 && l1->load_misses == 1);
    cr_assert(l1->stores == 5 && l1->store_misses == 1);
    cr_assert(l1->fills == 2 && l1->write_backs == 0);
    smh_result_free(&result);
}

Test(replay_cycles, an_owner_pays_for_its_own_accesses)
{
    struct smh_result result = run(UNCACHED "{'alloc':'x','bytes':100},{'cpu_write':'x'},"
                                            "{'cpu_read':'x','bytes':10},{'dma_read':'x'}" END);
    cr_assert(result.cycles->actors[0].allocator_cycles == 45);
    /* 100 bytes are 25 words, 10 bytes are 3; the device costs the core nothing */
    cr_assert(result.cycles->actors[0].cycles == 45 + 28 * 5);
    smh_result_free(&result);
}

Test(replay_cycles, a_request_that_no_region_serves_is_counted_apart)
{
    struct smh_result result = run(UNCACHED "{'alloc':'x','bytes':100000}" END);
    cr_assert(calls(&result, 0, SMH_OPERATION_ALLOC)->count == 0);
    cr_assert(calls(&result, 1, SMH_OPERATION_ALLOC)->count == 1);
    smh_result_free(&result);
}

/* | a | b | rest |: a cannot grow; 104 usable bytes are copied: 26 words loaded, 26 stored */
Test(replay_cycles, a_realloc_that_moves_pays_for_the_copy)
{
    struct smh_result result = run(UNCACHED "{'alloc':'a','bytes':100},{'alloc':'b','bytes':8},"
                                            "{'realloc':'a','bytes':200}" END);
    struct smh_result shorter = run(UNCACHED "{'alloc':'a','bytes':4},{'alloc':'b','bytes':8},"
                                             "{'realloc':'a','bytes':200}" END);
    cr_assert(calls(&result, 0, SMH_OPERATION_REALLOC)->sum -
                  calls(&shorter, 0, SMH_OPERATION_REALLOC)->sum ==
              2 * 5 * (26 - 2));
    smh_result_free(&result);
    smh_result_free(&shorter);
}

Test(replay_cycles, an_engine_that_was_loaded_is_said_not_to_be_traced)
{
    struct smh_engine loaded = smh_engine_first_fit;
    loaded.name = "loaded";
    struct smh_result other = run_as(UNCACHED "{'alloc':'x','bytes':100}" END, &loaded, true);
    struct smh_result own = run(UNCACHED "{'alloc':'x','bytes':100}" END);
    cr_assert(!other.cycles->traced && own.cycles->traced);
    smh_result_free(&other);
    smh_result_free(&own);
}

Test(replay_cycles, metadata_in_another_region_costs_that_regions_cycles)
{
    static const char text[] =
        "{'schema':1,'name':'two','machine':{'target_bits':32,'regions':["
        "{'name':'slow','base':'0x60000000','size':'64K','attr':'external','cycles':1000,"
        "'metadata_in':'fast'},"
        "{'name':'fast','base':'0x20000000','size':'64K','attr':'cacheable','cycles':1}]},"
        "'workload':[{'actor':'a','attr':'external','ops':[{'alloc':'x','bytes':100}]}]}";
    struct smh_result apart = run_as(text, &smh_engine_bitmap, true);
    uint64_t cycles = calls(&apart, 0, SMH_OPERATION_ALLOC)->sum;
    /* No access of slow is left: what a small block is cut from first is in no list. */
    cr_assert(cycles < 1000 && cycles >= 3, "%llu cycles", (unsigned long long)cycles);
    smh_result_free(&apart);
}

Test(replay_cycles, blocks_lie_where_they_lie_without_caches)
{
    static const char text[] =
        CACHED "{'alloc':'x','bytes':8},{'free':'x'}]},{'actor':'g','core':1,'generate':{"
               "'rate_hz':1000,'size':{'uniform':[1,700]},'lifetime':{'exponential':'9ms'},"
               "'count':3000,'realloc_share':0.3}"
               "}]}";
    for (size_t i = 0; smh_engine_at(i) != NULL; i++) {
        struct smh_result with = run_as(text, smh_engine_at(i), true);
        struct smh_result without = run_as(text, smh_engine_at(i), false);
        cr_assert(with.cycles != NULL && without.cycles == NULL);
        cr_assert(memcmp(&with.regions[0], &without.regions[0], sizeof(with.regions[0])) == 0);
        cr_assert(smh_result_failures(&with) == smh_result_failures(&without));
        smh_result_free(&with);
        smh_result_free(&without);
    }
}

Test(replay_cycles, an_allocator_that_one_core_alone_uses_reads_what_it_wrote)
{
    static const char text[] =
        CACHED "{'alloc':'x','bytes':8},{'free':'x'}]},{'actor':'g','generate':{"
               "'rate_hz':1000,'size':{'uniform':[1,700]},'lifetime':{'exponential':'9ms'},"
               "'count':5000,'realloc_share':0.3}"
               "}]}";
    for (size_t i = 0; smh_engine_at(i) != NULL; i++) {
        struct smh_result result = run_as(text, smh_engine_at(i), true);
        cr_assert(result.cycles->counters[0].write_backs > 1000);
        cr_assert(result.wrong_reads->count == 0, "engine %s", smh_engine_at(i)->name);
        smh_result_free(&result);
    }
}

/* A second core uses the same heap; nobody stores into blocks, which would share lines with it. */
Test(replay_cycles, the_tables_of_an_allocator_that_cores_share_are_kept_coherent)
{
    static const char text[] =
        CACHED "{'alloc':'x','bytes':8},{'free':'x'}]},"
               "{'actor':'g','generate':{'rate_hz':1000,'size':{'uniform':[1,700]},"
               "'lifetime':{'exponential':'9ms'},'count':3000}},"
               "{'actor':'h','core':1,'generate':{'rate_hz':1000,'size':{'uniform':[1,700]},"
               "'lifetime':{'exponential':'9ms'},'count':3000}"
               "}]}";
    for (size_t i = 0; smh_engine_at(i) != NULL; i++) {
        struct smh_result result = run_as(text, smh_engine_at(i), true);
        cr_assert(result.cycles->actors[2].cycles > 3000);
        cr_assert(result.wrong_reads->count == 0, "engine %s: %llu", smh_engine_at(i)->name,
                  (unsigned long long)result.wrong_reads->count);
        smh_result_free(&result);
    }
}

static uint64_t wrong_reads(const char *text)
{
    struct smh_result result = run(text);
    uint64_t count = result.wrong_reads->count;
    smh_result_free(&result);
    return count;
}

#define BUFFER "{'alloc':'x','bytes':256,'align':32},"

Test(replay_cycles, a_device_that_reads_before_the_clean_reads_wrongly)
{
    cr_assert(wrong_reads(CACHED BUFFER "{'cpu_write':'x'},{'dma_read':'x'}" END) == 1);
    cr_assert(wrong_reads(CACHED BUFFER "{'cpu_write':'x'},{'clean':'x'},{'dma_read':'x'}" END) ==
              0);
}

Test(replay_cycles, a_core_that_reads_without_an_invalidate_reads_what_was_there_before)
{
    cr_assert(wrong_reads(CACHED BUFFER "{'cpu_write':'x'},{'clean':'x'},{'dma_write':'x'},"
                                        "{'cpu_read':'x'}" END) == 1);
    cr_assert(wrong_reads(CACHED BUFFER "{'cpu_write':'x'},{'clean':'x'},{'dma_write':'x'},"
                                        "{'invalidate':'x'},{'cpu_read':'x'}" END) == 0);
}

/* Each write of the same bytes is new to who reads them. */
Test(replay_cycles, the_second_frame_is_told_from_the_first)
{
    cr_assert(wrong_reads(CACHED BUFFER
                          "{'invalidate':'x'},{'dma_write':'x','bytes':64},{'invalidate':'x'},"
                          "{'cpu_read':'x','bytes':64},{'dma_write':'x','bytes':64},"
                          "{'cpu_read':'x','bytes':64}" END) == 1);
}

Test(replay_cycles, a_core_reads_what_another_has_cleaned_and_it_has_not_cached)
{
    cr_assert(wrong_reads(CACHED BUFFER "{'cpu_write':'x'},{'cpu_read':'x','core':1}" END) == 1);
    cr_assert(wrong_reads(CACHED BUFFER "{'cpu_write':'x'},{'clean':'x'},"
                                        "{'cpu_read':'x','core':1}" END) == 0);
}

Test(replay_cycles, blocks_that_were_written_in_parts_keep_their_contents_through_realloc)
{
    cr_assert(wrong_reads(CACHED
                          "{'alloc':'x','bytes':300},{'alloc':'y','bytes':8},"
                          "{'cpu_write':'x','offset':10,'bytes':50},"
                          "{'cpu_write':'x','offset':40,'bytes':100},"
                          "{'realloc':'x','bytes':900},{'cpu_read':'x'},"
                          "{'cpu_write':'x','offset':800,'bytes':50},"
                          "{'realloc':'x','bytes':120},{'cpu_read':'x'},{'free':'x'}" END) == 0);
}

Test(replay_cycles, a_buffer_on_the_stack_is_memory_of_its_actor)
{
    static const char text[] =
        "{'schema':1,'name':'one','machine':{'target_bits':32,'regions':["
        "{'name':'ram','base':'0x20000000','size':'16K','attr':'cacheable','cycles':5}]},"
        "'workload':[{'actor':'a','stack':{'region':'ram','size':1024},'ops':["
        "{'stack':'s','bytes':64},{'cpu_write':'s'},{'cpu_read':'s'},{'free':'s'},"
        "{'alloc':'x','bytes':100}]}]}";
    struct smh_result result = run(text);
    cr_assert(result.regions[0].stats.memory_bytes <= 15 << 10);
    cr_assert(result.cycles->actors[0].cycles == (16 + 16 + 9) * 5);
    cr_assert(result.operations[SMH_OPERATION_STACK] == 1);
    cr_assert(result.wrong_reads->count == 0);
    smh_result_free(&result);
}

Test(replay_cycles, scenarios_with_accesses_are_judged_and_others_are_not)
{
    struct smh_result with = run_as(UNCACHED "{'alloc':'x','bytes':100},{'cpu_write':'x'}" END,
                                    &smh_engine_first_fit, false);
    struct smh_result without =
        run_as(UNCACHED "{'alloc':'x','bytes':100}" END, &smh_engine_first_fit, false);
    cr_assert(with.wrong_reads != NULL && with.cycles == NULL);
    cr_assert(without.judge == NULL && without.wrong_reads == NULL);
    smh_result_free(&with);
    smh_result_free(&without);
}
