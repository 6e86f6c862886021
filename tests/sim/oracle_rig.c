/* oracle_rig.c: see oracle_rig.h. */
#include "oracle_rig.h"

#include "given.h"

#include <criterion/criterion.h>
#include <string.h>

struct oracle_rig rig;

void rig_open_with(enum smh_checks checks, const struct smh_engine *engine)
{
    struct smh_machine_choice choice = {.engine = engine};
    struct smh_error error = {0};

    memset(&rig.result, 0, sizeof(rig.result));
    memset(&rig.oracle, 0xaa, sizeof(rig.oracle));
    rig.scenario =
        given_scenario("{'schema':1,'name':'g','pool':{'match':'equal'},'machine':{'regions':["
                       "{'name':'ram','base':'0x20000000','size':5000,'attr':1},"
                       "{'name':'kept','base':'0x30000000','size':5000,'attr':2,'reserve':5000}]},"
                       "'workload':[{'actor':'a','attr':1,'ops':[{'alloc':'x','bytes':8},"
                       "{'free':'x'}]}]}");
    rig.result.scenario = rig.scenario;
    cr_assert(smh_machine_open(&rig.machine, rig.result.scenario, &choice, &error) == 0);
    cr_assert(smh_oracle_open(&rig.oracle, &rig.machine, &rig.result, checks, &error) == 0);
}

void rig_open_all(void)
{
    rig_open_with(SMH_CHECKS_ALL, &smh_engine_first_fit);
}

void rig_close_all(void)
{
    smh_oracle_close(&rig.oracle);
    cr_assert(rig.oracle.shadows == NULL && rig.oracle.origin == NULL &&
              rig.oracle.live_blocks == NULL);
    smh_oracle_close(&rig.oracle); /* twice is once */
    smh_machine_close(&rig.machine);
    given_clear();
}

const struct smh_operation rig_ask = {.kind = SMH_OPERATION_ALLOC, .attr = 1, .bytes = 24};

struct smh_heap *rig_heap_of(size_t region)
{
    return &rig.machine.slots[region].heap;
}

struct smh_live rig_live_block(size_t bytes)
{
    return (struct smh_live){
        .block = smh_heap_alloc(rig_heap_of(0), bytes), .bytes = bytes, .serial = 7, .attr = 1};
}

unsigned long rig_offset_of(const void *block)
{
    return (unsigned long)((const uint8_t *)block - rig.machine.regions[0].memory);
}

void rig_nothing(void)
{
    cr_assert(rig.result.violation_count == 0, "%s: %s", rig.result.violations[0].oracle,
              rig.result.violations[0].message);
}

/* The last violation is this one, and it is the count'th. */
void rig_found(uint64_t count, const char *name, uint64_t operation_index, const char *message)
{
    const struct smh_violation *violation = &rig.result.violations[count - 1];

    cr_assert(rig.result.violation_count == count);
    cr_assert_str_eq(violation->oracle, name);
    cr_assert_str_eq(violation->message, message);
    cr_assert(violation->operation_index == operation_index);
}

struct smh_live rig_enter(size_t bytes)
{
    struct smh_live live = rig_live_block(bytes);

    smh_oracle_allocated(&rig.oracle, &live, &rig_ask, rig_heap_of(0)->used_bytes, 0, 1);
    rig_nothing();
    return live;
}
