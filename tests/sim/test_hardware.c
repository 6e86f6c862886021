/* test_hardware.c: what of the traced core's bulk stores counts when a block has been allocated.
 *
 *     region   | ... | block ........ | ... elsewhere ... |
 *                        zeroes: the      a bulk store: the allocator's,
 *                        owner's          carried out at once
 */
#include "given.h"

#include <criterion/criterion.h>
#include <string.h>

/* What memset of the traced core is renamed to (tracing.c). */
void *smh_tracing_memset(void *to, int value, size_t bytes);

#define BLOCK_BYTES 96
#define CALLOC      ((struct smh_operation){.kind = SMH_OPERATION_CALLOC, .bytes = BLOCK_BYTES})

static struct given_hardware given;
static struct smh_live live;

/* A block that nobody has touched; its call is under way. */
static void begin_call(void)
{
    given_hardware_open(
        &given,
        "{'schema':1,'name':'one','machine':{'line':32,"
        "'l1':{'size':'1K','ways':2,'policy':'write-back','hit_cycles':1},'regions':["
        "{'name':'ram','base':'0x20000000','size':'16K','attr':'cacheable','cycles':10,"
        "'cache':'write-back'}]},'workload':[{'actor':'a','ops':[{'calloc':'x','bytes':96}]}]}");
    live = (struct smh_live){.bytes = BLOCK_BYTES};
    live.block = given.machine.core->pool_aligned_alloc(&given.machine.pool, 0, 0, BLOCK_BYTES);
    cr_assert(live.block != NULL);
    smh_hardware_begin(&given.hardware, &CALLOC, 0);
}

static uint64_t stores(void)
{
    struct smh_memory_counters counters;
    smh_memory_counters(given.hardware.memory, 0, 0, &counters);
    return counters.stores;
}

static void end_call(void)
{
    given_hardware_close(&given);
}

Test(hardware, a_bulk_store_beside_the_block_is_the_allocators_even_if_it_is_all_that_is_logged)
{
    begin_call();
    uint8_t *elsewhere = given.machine.regions[0].memory + 8192;
    smh_tracing_memset(elsewhere, 0x5a, 64);
    smh_hardware_allocated(&given.hardware, &live);
    cr_assert(stores() == 1, "%llu", (unsigned long long)stores());
    cr_assert(elsewhere[0] == 0x5a && elsewhere[63] == 0x5a);
    end_call();
}

Test(hardware, a_bulk_store_that_begins_in_the_block_and_ends_beside_it_is_the_allocators)
{
    begin_call();
    smh_tracing_memset(live.block, 0, 4096);
    smh_hardware_allocated(&given.hardware, &live);
    cr_assert(stores() == 1, "%llu", (unsigned long long)stores());
    end_call();
}

Test(hardware, the_zeroes_of_a_block_wait_until_it_has_been_handed_out)
{
    begin_call();
    smh_tracing_memset(live.block, 0, BLOCK_BYTES);
    smh_hardware_allocated(&given.hardware, &live);
    cr_assert(stores() == 0);
    smh_hardware_handed_out(&given.hardware, &CALLOC, &live);
    cr_assert(stores() == 1, "%llu", (unsigned long long)stores());
    end_call();
}
