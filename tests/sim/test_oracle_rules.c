/* test_oracle_rules.c: each oracle is shown what it must report, with the message to the word, and
 * what lies just on the right side of its bound.
 *
 *     region 0 "ram"    5000 bytes, attribute 1
 *     region 1 "kept"   5000 bytes, attribute 2, all of it a reserve
 *
 * Owns: a machine and an oracle over it, which no allocator drives: blocks are entered by hand.
 */
#include "../../sim/model/contents.h"
#include "../../sim/model/oracle.h"
#include "given.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROBES 64

static struct smh_machine machine;
static struct smh_result result;
static struct smh_oracle oracle;

static void open_with(enum smh_checks checks, const struct smh_engine *engine)
{
    struct smh_machine_choice choice = {.engine = engine};
    struct smh_error error = {0};

    memset(&result, 0, sizeof(result));
    memset(&oracle, 0xaa, sizeof(oracle));
    result.scenario =
        given_scenario("{'schema':1,'name':'g','pool':{'match':'equal'},'machine':{'regions':["
                       "{'name':'ram','base':'0x20000000','size':5000,'attr':1},"
                       "{'name':'kept','base':'0x30000000','size':5000,'attr':2,'reserve':5000}]},"
                       "'workload':[{'actor':'a','attr':1,'ops':[{'alloc':'x','bytes':8},"
                       "{'free':'x'}]}]}");
    cr_assert(smh_machine_open(&machine, result.scenario, &choice, &error) == 0);
    cr_assert(smh_oracle_open(&oracle, &machine, &result, checks, &error) == 0);
}

static void open_all(void)
{
    open_with(SMH_CHECKS_ALL, &smh_engine_first_fit);
}

static void close_all(void)
{
    smh_oracle_close(&oracle);
    cr_assert(oracle.shadows == NULL && oracle.origin == NULL && oracle.live_blocks == NULL);
    smh_oracle_close(&oracle); /* twice is once */
    smh_machine_close(&machine);
    given_clear();
}

TestSuite(oracle_rules, .init = open_all, .fini = close_all);

static const struct smh_operation ask = {.kind = SMH_OPERATION_ALLOC, .attr = 1, .bytes = 24};

static struct smh_heap *heap_of(size_t region)
{
    return &machine.slots[region].heap;
}

static struct smh_live live_block(size_t bytes)
{
    return (struct smh_live){
        .block = smh_heap_alloc(heap_of(0), bytes), .bytes = bytes, .serial = 7, .attr = 1};
}

static unsigned long offset_of(const void *block)
{
    return (unsigned long)((const uint8_t *)block - machine.regions[0].memory);
}

static void nothing(void)
{
    cr_assert(result.violation_count == 0, "%s: %s", result.violations[0].oracle,
              result.violations[0].message);
}

/* The last violation is this one, and it is the count'th. */
static void found(uint64_t count, const char *name, uint64_t operation_index, const char *message)
{
    const struct smh_violation *violation = &result.violations[count - 1];

    cr_assert(result.violation_count == count);
    cr_assert_str_eq(violation->oracle, name);
    cr_assert_str_eq(violation->message, message);
    cr_assert(violation->operation_index == operation_index);
}

static struct smh_live enter(size_t bytes)
{
    struct smh_live live = live_block(bytes);

    smh_oracle_allocated(&oracle, &live, &ask, heap_of(0)->used_bytes, 0, 1);
    nothing();
    return live;
}

Test(oracle_rules, a_block_entered_is_filled_owned_and_counted)
{
    struct smh_live live = enter(24);

    cr_assert(live.usable == smh_heap_usable_size(heap_of(0), live.block));
    cr_assert(smh_contents_verify(live.block, smh_contents_serial(7, 0), 0, 24) ==
              SMH_CONTENTS_SAME);
    cr_assert(oracle.live_blocks[0] == 1 && oracle.live_blocks[1] == 0);
    smh_oracle_heaps(&oracle, 2);
    smh_oracle_leaving(&oracle, &live, 3);
    cr_assert(smh_heap_free(heap_of(0), live.block) == 0);
    smh_oracle_freed(&oracle, &live, 3);
    smh_oracle_heaps(&oracle, 4);
    smh_oracle_restored(&oracle, 5);
    nothing();
}

Test(oracle_rules, region_names_both_attributes)
{
    struct smh_operation other = {.attr = 2, .bytes = 24};
    struct smh_live live = live_block(24);
    char message[200];

    smh_oracle_allocated(&oracle, &live, &other, heap_of(0)->used_bytes, 0, 9);
    (void)snprintf(message, sizeof(message), "ram+0x%lx: asked for attribute 2, the region has 1",
                   offset_of(live.block));
    found(1, "region", 9, message);
}

Test(oracle_rules, alignment_is_the_larger_of_the_natural_and_the_one_asked_for)
{
    struct smh_live live = live_block(24);
    char message[200];

    live.align = 4096;
    smh_oracle_allocated(&oracle, &live, &ask, heap_of(0)->used_bytes, 0, 9);
    (void)snprintf(message, sizeof(message), "ram+0x%lx is no multiple of 4096",
                   offset_of(live.block));
    found(1, "alignment", 9, message);
    live = (struct smh_live){.block = (uint8_t *)live_block(24).block + 4, .bytes = 4, .align = 4};
    smh_oracle_allocated(&oracle, &live, &ask, heap_of(0)->used_bytes, 0, 9);
    cr_assert_str_eq(result.violations[1].oracle, "alignment");
}

Test(oracle_rules, size_is_what_was_asked_for_at_least)
{
    struct smh_live live = live_block(24);
    char message[200];

    live.bytes = live.bytes + 1;
    smh_oracle_allocated(&oracle, &live, &ask, heap_of(0)->used_bytes, 0, 9);
    (void)snprintf(message, sizeof(message), "ram+0x%lx: 25 bytes asked for, 24 usable",
                   offset_of(live.block));
    found(1, "size", 9, message);
}

Test(oracle_rules, space_bounds_what_a_block_takes_and_what_it_offers)
{
    struct smh_live live = live_block(24); /* 32 bytes suffice, and two granules of 8 may stay */
    size_t used = heap_of(0)->used_bytes;
    char message[200];

    cr_assert(smh_heap_alignment(heap_of(0)) == 8);
    heap_of(0)->used_bytes = 1000;
    smh_oracle_allocated(&oracle, &live, &ask, 1000 - 48, 0, 9);
    nothing();
    smh_oracle_leaving(&oracle, &live, 9);
    smh_oracle_allocated(&oracle, &live, &ask, 1001, 0, 9); /* it has shrunk: no claim */
    smh_oracle_leaving(&oracle, &live, 9);
    nothing();
    smh_oracle_allocated(&oracle, &live, &ask, 1000 - 49, 0, 9);
    (void)snprintf(message, sizeof(message),
                   "ram+0x%lx: 24 bytes took 49 (usable 24), a chunk of 48 would have sufficed",
                   offset_of(live.block));
    found(1, "space", 9, message);
    heap_of(0)->used_bytes = used;
    live = live_block(49);
    live.bytes = 24;
    cr_assert(smh_heap_usable_size(heap_of(0), live.block) == 56);
    smh_oracle_allocated(&oracle, &live, &ask, heap_of(0)->used_bytes, 0, 9);
    (void)snprintf(message, sizeof(message),
                   "ram+0x%lx: 24 bytes took 0 (usable 56), a chunk of 48 would have sufficed",
                   offset_of(live.block));
    found(2, "space", 9, message);
    live = live_block(48); /* usable 48: at the bound */
    live.bytes = 24;
    smh_oracle_allocated(&oracle, &live, &ask, heap_of(0)->used_bytes, 0, 9);
    cr_assert(result.violation_count == 2);
}

Test(oracle_rules, space_is_not_asked_of_a_realloc_nor_where_nothing_suffices)
{
    struct smh_operation again = {.kind = SMH_OPERATION_REALLOC, .attr = 1, .bytes = 24};
    struct smh_operation clear = {.kind = SMH_OPERATION_CALLOC, .attr = 1, .bytes = 24};
    struct smh_live live = live_block(24);

    heap_of(0)->used_bytes += 1000;
    smh_oracle_allocated(&oracle, &live, &again, heap_of(0)->used_bytes - 1000, 0, 9);
    nothing();
    smh_oracle_leaving(&oracle, &live, 9);
    memset(live.block, 0, 24);
    smh_oracle_allocated(&oracle, &live, &clear, heap_of(0)->used_bytes - 1000, 0, 9);
    cr_assert(result.violation_count == 1);
    cr_assert_str_eq(result.violations[0].oracle, "space");
}

Test(oracle_rules, overlap_is_found_over_the_usable_bytes)
{
    struct smh_live first = enter(20); /* usable 24 */
    struct smh_live second = {.block = (uint8_t *)first.block + 20, .bytes = 4, .serial = 8};
    char message[200];

    cr_assert(first.usable == 24);
    second.usable = 0;
    smh_oracle_allocated(&oracle, &second, &ask, heap_of(0)->used_bytes, 0, 9);
    cr_assert_str_eq(result.violations[result.violation_count - 1].oracle, "overlap");
    (void)snprintf(message, sizeof(message),
                   "the block of %" PRIu64 " bytes at ram+0x%lx covers bytes of another, or leaves "
                   "the region",
                   second.usable > 4 ? second.usable : 4, offset_of(second.block));
    cr_assert_str_eq(result.violations[result.violation_count - 1].message, message);
    cr_assert(smh_contents_verify(first.block, smh_contents_serial(7, 0), 0, 20) ==
              SMH_CONTENTS_SAME); /* what overlaps is not filled */
}

Test(oracle_rules, contents_names_the_byte_the_block_and_the_place)
{
    struct smh_live live = enter(24);
    char message[200];

    ((uint8_t *)live.block)[23] ^= 1;
    smh_oracle_contents(&oracle, &live, 0, 23, 9);
    nothing();
    smh_oracle_contents(&oracle, &live, 0, 24, 9);
    (void)snprintf(message, sizeof(message),
                   "byte 23 of the block of 24 bytes at ram+0x%lx has "
                   "changed",
                   offset_of(live.block));
    found(1, "contents", 9, message);
    smh_oracle_leaving(&oracle, &live, 10);
    found(2, "contents", 10, message);
    smh_oracle_retake(&oracle, &live, 11);
    found(3, "contents", 11, message);
}

Test(oracle_rules, what_a_realloc_keeps_is_verified_and_the_rest_is_filled)
{
    struct smh_operation again = {.kind = SMH_OPERATION_REALLOC, .attr = 1, .bytes = 24};
    struct smh_live live = enter(24);

    smh_oracle_leaving(&oracle, &live, 2);
    ((uint8_t *)live.block)[16] ^= 1; /* not kept */
    smh_oracle_allocated(&oracle, &live, &again, heap_of(0)->used_bytes, 16, 3);
    nothing();
    smh_oracle_leaving(&oracle, &live, 4);
    ((uint8_t *)live.block)[0] ^= 1;
    smh_oracle_allocated(&oracle, &live, &again, heap_of(0)->used_bytes, 16, 5);
    cr_assert(result.violation_count == 1);
    cr_assert(result.violations[0].operation_index == 5);
    cr_assert_str_eq(result.violations[0].oracle, "contents");
}

Test(oracle_rules, calloc_gives_zeroes_from_the_first_byte_to_the_last)
{
    static const size_t dirty[] = {0, 5, 23};
    struct smh_operation clear = {.kind = SMH_OPERATION_CALLOC, .attr = 1, .bytes = 24};
    char message[200];

    for (size_t i = 0; i < 3; i++) {
        struct smh_live live = live_block(24);

        memset(live.block, 0, 24);
        ((uint8_t *)live.block)[dirty[i]] = 1;
        smh_oracle_allocated(&oracle, &live, &clear, heap_of(0)->used_bytes, 0, 9);
        (void)snprintf(message, sizeof(message),
                       "byte %zu of the zeroed block at ram+0x%lx is not zero", dirty[i],
                       offset_of(live.block));
        found(i + 1, "contents", 9, message);
    }
}

Test(oracle_rules, a_usable_size_that_changes_is_told_when_the_block_leaves)
{
    for (int change = -1; change <= 1; change += 2) {
        struct smh_live live = live_block(24);
        uint64_t count = result.violation_count;
        char message[200];

        smh_oracle_allocated(&oracle, &live, &ask, heap_of(0)->used_bytes, 0, 1);
        live.usable = (uint64_t)((int64_t)live.usable + change);
        smh_oracle_leaving(&oracle, &live, 9);
        (void)snprintf(message, sizeof(message), "ram+0x%lx: usable size was %" PRIu64 " and is 24",
                       offset_of(live.block), live.usable);
        found(count + 1, "size", 9, message);
    }
}

/* Leaves and is taken back so often that the next look is a probe. */
static void until_probe(const struct smh_live *live)
{
    for (int i = 0; i < PROBES / 2; i++) {
        if (i == PROBES / 2 - 1) {
            smh_oracle_leaving(&oracle, live, 2);
            smh_shadow_disown(&oracle.shadows[0], 0, 4000);
            return;
        }
        smh_oracle_leaving(&oracle, live, 2);
        smh_oracle_retake(&oracle, live, 2);
    }
}

Test(oracle_rules, every_64th_look_asks_for_the_verdict_on_block_and_inside)
{
    struct smh_live live = enter(24);
    uint32_t *word;
    size_t step = ((uintptr_t)live.block + 8 - ((uintptr_t)heap_of(0)->memory & ~(uintptr_t)7)) / 8;
    char message[200];

    cr_assert(heap_of(0)->starts != NULL);
    word = &heap_of(0)->starts[step / 32];
    *word |= 1u << (step % 32); /* a block starts inside it, says the bitmap */
    until_probe(&live);         /* 63 looks */
    nothing();
    smh_oracle_retake(&oracle, &live, 9);
    (void)snprintf(message, sizeof(message),
                   "ram+0x%lx: a live block is judged 0 (allowed: 0), its inside 0 (allowed: %d)",
                   offset_of(live.block), -EINVAL);
    found(1, "verdict", 9, message);
    *word &= ~(1u << (step % 32));
    smh_oracle_leaving(&oracle, &live, 9);
    smh_oracle_retake(&oracle, &live, 9);
    until_probe(&live);
    cr_assert(result.violation_count == 1);
    cr_assert(oracle.probe == PROBES - 2 - 63 + 64);
}

Test(oracle_rules, a_live_block_that_the_heap_calls_free_is_found_by_the_probe)
{
    struct smh_live live = enter(8);
    char message[200];

    oracle.probe = 1;
    cr_assert(smh_heap_usable_size(heap_of(0), live.block) == 8);
    cr_assert(smh_heap_free(heap_of(0), live.block) == 0);
    live.usable = 0; /* as the heap says now */
    live.bytes = 0;
    smh_oracle_leaving(&oracle, &live, 9);
    (void)snprintf(message, sizeof(message),
                   "ram+0x%lx: a live block is judged %d (allowed: 0), its inside %d (allowed: %d)",
                   offset_of(live.block), -EALREADY, -EINVAL, -EINVAL);
    found(1, "verdict", 9, message);
    cr_assert(oracle.probe == PROBES);
}

Test(oracle_rules, a_block_of_one_step_has_no_inside_to_ask_for)
{
    struct smh_live live = enter(8); /* its inside would be the next header */

    oracle.probe = 1;
    smh_oracle_leaving(&oracle, &live, 9);
    nothing();
    live = live_block(16);
    live.serial = 9;
    smh_oracle_allocated(&oracle, &live, &ask, heap_of(0)->used_bytes, 0, 1);
    oracle.probe = 1;
    smh_oracle_leaving(&oracle, &live, 9);
    nothing();
}

Test(oracle_rules, the_verdict_after_a_free_is_asked_for_right_after_a_probe)
{
    struct smh_live live = enter(24);
    char message[200];

    oracle.probe = PROBES - 1;
    smh_oracle_freed(&oracle, &live, 9);
    nothing();
    oracle.probe = PROBES;
    smh_oracle_freed(&oracle, &live, 9);
    (void)snprintf(message, sizeof(message), "ram+0x%lx: a freed block is judged 0 (allowed: %d)",
                   offset_of(live.block), -EALREADY);
    found(1, "verdict", 9, message);
}

Test(oracle_rules, what_leaves_gives_up_its_bytes_and_its_count_and_a_retake_takes_them)
{
    struct smh_live live = enter(24);

    smh_oracle_leaving(&oracle, &live, 2);
    cr_assert(oracle.live_blocks[0] == 0);
    cr_assert(smh_shadow_own(&oracle.shadows[0], offset_of(live.block), 24));
    smh_shadow_disown(&oracle.shadows[0], offset_of(live.block), 24);
    smh_oracle_retake(&oracle, &live, 3);
    cr_assert(oracle.live_blocks[0] == 1);
    cr_assert(!smh_shadow_own(&oracle.shadows[0], offset_of(live.block), 1));
    cr_assert(!smh_shadow_own(&oracle.shadows[0], offset_of(live.block) + 20, 1));
    nothing();
}

Test(oracle_rules, null_is_judged_by_every_region_that_may_serve)
{
    struct smh_operation refused = {.attr = 1, .bytes = 100, .align = 0};
    char message[200];

    smh_oracle_null(&oracle, &refused, 9);
    (void)snprintf(message, sizeof(message),
                   "100 bytes at alignment 0 were refused, though ram+0x%lx has %zu bytes free and "
                   "112 suffice",
                   (unsigned long)(5000 - heap_of(0)->capacity_bytes), heap_of(0)->capacity_bytes);
    found(1, "null", 9, message);
    refused.bytes = 0;
    smh_oracle_null(&oracle, &refused, 9);
    refused.bytes = 5000;
    smh_oracle_null(&oracle, &refused, 9);
    refused.bytes = 100;
    refused.attr = 3;
    smh_oracle_null(&oracle, &refused, 9);
    cr_assert(result.violation_count == 1);
}

Test(oracle_rules, null_is_true_to_the_byte)
{
    size_t capacity = heap_of(0)->capacity_bytes;
    struct smh_operation refused = {.attr = 1, .bytes = capacity - 8};

    smh_oracle_null(&oracle, &refused, 9);
    cr_assert(result.violation_count == 1);
    refused.bytes = capacity - 7;
    smh_oracle_null(&oracle, &refused, 9);
    cr_assert(result.violation_count == 1);
    refused.bytes = capacity - 8;
    cr_assert(smh_heap_alloc(heap_of(0), capacity - 8) != NULL); /* it is not free any more */
    smh_oracle_null(&oracle, &refused, 9);
    cr_assert(result.violation_count == 1);
}

Test(oracle_rules, a_reserve_is_open_to_requests_for_exactly_its_attribute)
{
    static const uint32_t wanted[] = {2};
    static const struct smh_attr_list list = {wanted, 1};
    struct smh_operation exact = {.attr = 2, .bytes = 100};
    struct smh_operation preferring = {.attr = 2, .bytes = 100, .prefer = &list};

    smh_oracle_null(&oracle, &preferring, 9);
    nothing();
    smh_oracle_null(&oracle, &exact, 9);
    cr_assert(result.violation_count == 1);
    cr_assert(strstr(result.violations[0].message, "though kept+0x") != NULL);
}

Test(oracle_rules, the_first_256_refusals_are_judged_and_then_one_in_64)
{
    struct smh_operation refused = {.attr = 1, .bytes = 100};

    for (unsigned i = 1; i <= 600; i++) {
        uint64_t before = result.violation_count;

        smh_oracle_null(&oracle, &refused, i);
        cr_assert(result.violation_count - before == (i <= 256 || i % 64 == 0 ? 1 : 0), "%u", i);
    }
    cr_assert(result.violation_count == 256 + 5);
    cr_assert(result.violations[SMH_VIOLATIONS_LISTED - 1].operation_index ==
              SMH_VIOLATIONS_LISTED);
}

Test(oracle_rules, violations_beyond_those_listed_are_counted_and_not_written)
{
    struct smh_violation after = result.violations[SMH_VIOLATIONS_LISTED - 1];

    cr_assert(after.oracle == NULL);
    for (unsigned i = 0; i < SMH_VIOLATIONS_LISTED; i++) {
        smh_oracle_report(&oracle, "x", i, "number %u", i);
    }
    cr_assert_str_eq(result.violations[SMH_VIOLATIONS_LISTED - 1].message, "number 31");
    {
        struct smh_result before = result;

        smh_oracle_report(&oracle, "y", 1, "one more");
        cr_assert(result.violation_count == SMH_VIOLATIONS_LISTED + 1);
        before.violation_count++;
        cr_assert(memcmp(&before, &result, sizeof(result)) == 0);
    }
}

Test(oracle_rules, heaps_names_rule_and_place_and_compares_the_count)
{
    struct smh_live live = enter(24);
    char message[200];

    oracle.live_blocks[0]++;
    smh_oracle_heaps(&oracle, 9);
    found(1, "heap", 9, "ram: the heap counts 1 live blocks, there are 2");
    oracle.live_blocks[0] -= 2;
    smh_oracle_heaps(&oracle, 9);
    found(2, "heap", 9, "ram: the heap counts 1 live blocks, there are 0");
    oracle.live_blocks[0]++;
    ((uint32_t *)live.block)[-1] ^= 0x100; /* "the size before" of its header */
    smh_oracle_heaps(&oracle, 9);
    (void)snprintf(message, sizeof(message),
                   "ram+0x%lx: a header repeats the size of the chunk before it",
                   offset_of(live.block) - 8);
    found(3, "heap", 9, message);
}

Test(oracle_rules, guard_names_the_region_beside_which_a_byte_was_written)
{
    machine.regions[1].memory[5000] ^= 1;
    smh_oracle_heaps(&oracle, 9);
    found(1, "guard", 9, "a byte beside kept was written");
    machine.regions[1].memory[5000] ^= 1;
    machine.regions[0].memory[5000] ^= 1;
    smh_oracle_heaps(&oracle, 9);
    found(2, "guard", 9, "a byte beside ram was written");
}

Test(oracle_rules, restored_compares_chunks_largest_and_use_of_every_region)
{
    void *blocks[3];
    size_t capacity = heap_of(1)->capacity_bytes;
    char message[200];

    for (size_t i = 0; i < 3; i++) {
        blocks[i] = smh_heap_alloc(heap_of(1), 24);
    }
    cr_assert(smh_heap_free(heap_of(1), blocks[0]) == 0);
    cr_assert(smh_heap_free(heap_of(1), blocks[2]) == 0);
    smh_oracle_restored(&oracle, 9);
    (void)snprintf(message, sizeof(message),
                   "kept: all is freed, yet 2 free chunks (was 1), largest %zu (was %zu), used 32",
                   capacity - 72, capacity - 8);
    found(1, "restored", 9, message);
    cr_assert(smh_heap_free(heap_of(1), blocks[1]) == 0);
    smh_oracle_restored(&oracle, 9);
    cr_assert(result.violation_count == 1);
    oracle.origin[0].free_chunks = 2; /* more than there are, or fewer */
    smh_oracle_restored(&oracle, 9);
    oracle.origin[0].free_chunks = 0;
    smh_oracle_restored(&oracle, 9);
    cr_assert(result.violation_count == 3);
}

/* Everything wrong that can be, under fewer checks. */
static void wrong_everywhere(void)
{
    struct smh_live live = live_block(24);
    struct smh_operation other = {.attr = 2, .bytes = 24, .kind = SMH_OPERATION_CALLOC};

    live.align = 4096;
    memset(live.block, 0, 24);
    smh_oracle_allocated(&oracle, &live, &other, 0, 0, 9);
    smh_oracle_null(&oracle, &ask, 9);
    smh_oracle_freed(&oracle, &live, 9);
    machine.regions[0].memory[5000] ^= 1;
    smh_oracle_heaps(&oracle, 9);
    smh_oracle_restored(&oracle, 9);
}

Test(oracle_modes, without_checks_nothing_is_said_nor_written, .fini = close_all)
{
    struct smh_live live;
    uint8_t before[24];

    open_with(SMH_CHECKS_NONE, &smh_engine_first_fit);
    live = live_block(24);
    memcpy(before, live.block, 24);
    smh_oracle_allocated(&oracle, &live, &ask, 0, 24, 9);
    smh_oracle_contents(&oracle, &live, 0, 24, 9);
    smh_oracle_leaving(&oracle, &live, 9);
    cr_assert(memcmp(before, live.block, 24) == 0);
    wrong_everywhere();
    nothing();
    cr_assert(oracle.shadows == NULL);
}

Test(oracle_modes, with_checks_of_contents_these_alone_are_judged, .fini = close_all)
{
    struct smh_live live;

    open_with(SMH_CHECKS_CONTENTS, &smh_engine_first_fit);
    wrong_everywhere();
    nothing();
    cr_assert(oracle.shadows == NULL);
    live = live_block(24);
    smh_oracle_allocated(&oracle, &live, &ask, 0, 0, 9);
    smh_oracle_leaving(&oracle, &live, 9);
    nothing();
    ((uint8_t *)live.block)[0] ^= 1;
    smh_oracle_leaving(&oracle, &live, 9);
    cr_assert(result.violation_count == 1);
    ((uint8_t *)live.block)[0] ^= 1;
    ((uint8_t *)live.block)[1] ^= 1;
    smh_oracle_retake(&oracle, &live, 9);
    cr_assert(result.violation_count == 2);
}
