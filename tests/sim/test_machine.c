/* test_machine.c: regions are where the scenario says, and nothing leaks over their edges. */
#include "given.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

static const char two_regions[] =
    "{'schema':1,'name':'two','machine':{'regions':["
    "{'name':'high','base':'0x60000000','size':'64K','attr':'external'},"
    "{'name':'low','base':'0x20000100','size':5000,'attr':'cacheable'}]},"
    "'workload':[{'actor':'a','attr':'cacheable','ops':[{'alloc':'x','bytes':8},{'free':'x'}]}]}";

static struct smh_scenario *scenario;
static struct smh_machine machine;

static void open_machine(void)
{
    struct smh_error error = {0};
    struct smh_machine_choice choice = {.engine = &smh_engine_first_fit};
    scenario = given_scenario(two_regions);
    cr_assert(smh_machine_open(&machine, scenario, &choice, &error) == 0, "%s", error.message);
}

static void close_machine(void)
{
    smh_machine_close(&machine);
    given_clear();
}

TestSuite(machine, .init = open_machine, .fini = close_machine);

Test(machine, host_addresses_are_congruent_to_bases_and_in_their_order)
{
    cr_assert((uintptr_t)machine.regions[0].memory % SMH_MACHINE_MODULUS ==
              0x60000000 % SMH_MACHINE_MODULUS);
    cr_assert((uintptr_t)machine.regions[1].memory % SMH_MACHINE_MODULUS ==
              0x20000100 % SMH_MACHINE_MODULUS);
    cr_assert(machine.regions[1].memory < machine.regions[0].memory);
}

Test(machine, slots_are_in_the_order_of_the_scenario)
{
    cr_assert(strcmp(smh_pool_region_at(&machine.pool, 0)->name, "high") == 0);
    cr_assert(strcmp(smh_pool_region_at(&machine.pool, 1)->name, "low") == 0);
}

Test(machine_pool, what_policies_go_by_reaches_the_pool, .fini = close_machine)
{
    static const char described[] =
        "{'schema':1,'name':'d','pool':{'policy':'size_threshold','threshold':'2K'},"
        "'machine':{'regions':[{'name':'a','base':'0x20000000','size':4096,'attr':0,"
        "'priority':3,'cycles':60}]},"
        "'workload':[{'actor':'a','attr':0,'ops':[{'alloc':'x','bytes':8},{'free':'x'}]}]}";
    struct smh_error error = {0};
    struct smh_machine_choice choice = {0};
    scenario = given_scenario(described);
    cr_assert(smh_machine_open(&machine, scenario, &choice, &error) == 0, "%s", error.message);
    cr_assert_eq(machine.pool.policy, &smh_policy_size_threshold);
    cr_assert_eq(machine.pool.threshold_bytes, 2048);
    cr_assert_eq(machine.slots[0].region.cost, 60);
    cr_assert_eq(machine.slots[0].region.priority, 3);
}

Test(machine, a_byte_written_just_before_or_behind_a_region_is_noticed)
{
    cr_assert(smh_machine_check_guards(&machine) == 0);
    machine.regions[1].memory[5000] ^= 1;
    cr_assert(smh_machine_check_guards(&machine) == 2);
    machine.regions[1].memory[5000] ^= 1;
    machine.regions[1].memory[-1] ^= 1;
    cr_assert(smh_machine_check_guards(&machine) == 2);
}

Test(machine, beyond_the_pages_of_a_region_the_host_faults, .signal = SIGSEGV)
{
    signal(SIGSEGV, SIG_DFL); /* a sanitizer would report it instead */
    volatile uint8_t *memory = machine.regions[0].memory;
    memory[64 << 10] = 1;
}

Test(machine, before_the_pages_of_a_region_the_host_faults, .signal = SIGSEGV)
{
    signal(SIGSEGV, SIG_DFL); /* a sanitizer would report it instead */
    volatile uint8_t *memory = machine.regions[0].memory;
    memory[-1] = 1;
}

Test(machine_refusals, a_region_too_small_for_its_engine_is_named)
{
    struct smh_scenario *tiny =
        given_scenario("{'schema':1,'name':'tiny','machine':{'regions':["
                       "{'name':'speck','base':'0x20000000','size':8,'attr':'cacheable'}]},"
                       "'workload':[{'actor':'a','ops':[{'alloc':'x','bytes':8}]}]}");
    struct smh_machine small;
    struct smh_machine_choice choice = {.engine = &smh_engine_first_fit};
    struct smh_error error = {0};
    cr_assert(smh_machine_open(&small, tiny, &choice, &error) == -1);
    cr_assert(strstr(error.message, "speck") != NULL && strstr(error.message, "first_fit") != NULL,
              "%s", error.message);
    given_clear();
}
