/* test_hardware_ranges.c: accesses and blocks in different regions.
 *
 *     region 0, ram     | block |          handed out between two calls
 *     region 1, fast    | word  |          stored by the allocator on either core: no quick access
 */
#include "../../sim/hazard/judge_state.h"
#include "../../sim/machine/tracing_hooks.h"

#include "given.h"

#include <criterion/criterion.h>

#define WORD_OFFSET 4096

static struct given_hardware given;

/* An allocation on a core that stores `stores` times to the word in region 1. */
static void call(uint8_t core, unsigned stores, uint64_t index)
{
    struct smh_operation operation = {.kind = SMH_OPERATION_ALLOC, .bytes = 64, .core = core};
    struct smh_live live = {.bytes = operation.bytes};
    live.block = given.machine.core->pool_aligned_alloc(&given.machine.pool, 0, 0, operation.bytes);
    cr_assert(live.block != NULL);
    smh_hardware_begin(&given.hardware, &operation, index);
    for (unsigned i = 0; i < stores; i++) {
        smh_tracing_store4(given.machine.regions[1].memory + WORD_OFFSET);
    }
    smh_hardware_allocated(&given.hardware, &live);
    smh_hardware_handed_out(&given.hardware, &operation, &live);
}

static uint64_t tag_of(size_t region)
{
    const struct smh_judge *judge = given.hardware.judge;
    return judge->regions[region].words[WORD_OFFSET >> judge->line_shift].tag;
}

Test(hardware_ranges, the_judge_is_told_the_region_of_the_access_after_a_hand_out_in_another)
{
    given_hardware_open(
        &given,
        "{'schema':1,'name':'two','machine':{'cores':2,'line':32,"
        "'l1':{'size':'1K','ways':2,'policy':'write-back','hit_cycles':1},'regions':["
        "{'name':'ram','base':'0x20000000','size':'16K','attr':'cacheable','cycles':10,"
        "'cache':'write-back'},"
        "{'name':'fast','base':'0x30000000','size':'16K','attr':'external','cycles':10,"
        "'cache':'write-back'}]},'workload':[{'actor':'a','ops':[{'alloc':'x','bytes':64}]}]}");
    call(0, 1, 0);
    call(1, 2, 1);
    cr_assert_eq(tag_of(1) & SMH_WORD_KIND, SMH_WORD_LINE);
    call(1, 1, 2);
    cr_assert_eq(tag_of(0), 0);
    cr_assert_eq(tag_of(1) & SMH_WORD_KIND, SMH_WORD_LINE);
    given_hardware_close(&given);
}
