/* test_oracle_rules.c: each oracle is shown what it must report, with the message to the word, and
 * what lies just on the right side of its bound.
 *
 *     region 0 "ram"    5000 bytes, attribute 1
 *     region 1 "kept"   5000 bytes, attribute 2, all of it a reserve
 *
 * Owns: nothing but the rules; the machine and the oracle over it are oracle_rig.h's.
 */
#include "../../sim/model/contents.h"
#include "../../sim/model/oracle.h"
#include "oracle_rig.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROBES 64

TestSuite(oracle_rules, .init = rig_open_all, .fini = rig_close_all);

Test(oracle_rules, a_block_entered_is_filled_owned_and_counted)
{
    struct smh_live live = rig_enter(24);

    cr_assert(live.usable == smh_heap_usable_size(rig_heap_of(0), live.block));
    cr_assert(smh_contents_verify(live.block, smh_contents_serial(7, 0), 0, 24) ==
              SMH_CONTENTS_SAME);
    cr_assert(rig.oracle.live_blocks[0] == 1 && rig.oracle.live_blocks[1] == 0);
    smh_oracle_heaps(&rig.oracle, 2);
    smh_oracle_leaving(&rig.oracle, &live, 3);
    cr_assert(smh_heap_free(rig_heap_of(0), live.block) == 0);
    smh_oracle_freed(&rig.oracle, &live, 3);
    smh_oracle_heaps(&rig.oracle, 4);
    smh_oracle_restored(&rig.oracle, 5);
    rig_nothing();
}

Test(oracle_rules, region_names_both_attributes)
{
    struct smh_operation other = {.attr = 2, .bytes = 24};
    struct smh_live live = rig_live_block(24);
    char message[200];

    rig.scenario->machine.regions[0].cycles = 77; /* is no attribute */
    smh_oracle_allocated(&rig.oracle, &live, &other, rig_heap_of(0)->used_bytes, 0, 9);
    (void)snprintf(message, sizeof(message), "ram+0x%lx: asked for attribute 2, the region has 1",
                   rig_offset_of(live.block));
    rig_found(1, "region", 9, message);
}

Test(oracle_rules, alignment_is_the_larger_of_the_natural_and_the_one_asked_for)
{
    struct smh_live live = rig_live_block(24);
    char message[200];

    live.align = 4096;
    smh_oracle_allocated(&rig.oracle, &live, &rig_ask, rig_heap_of(0)->used_bytes, 0, 9);
    (void)snprintf(message, sizeof(message), "ram+0x%lx is no multiple of 4096",
                   rig_offset_of(live.block));
    rig_found(1, "alignment", 9, message);
    live =
        (struct smh_live){.block = (uint8_t *)rig_live_block(24).block + 4, .bytes = 4, .align = 4};
    smh_oracle_allocated(&rig.oracle, &live, &rig_ask, rig_heap_of(0)->used_bytes, 0, 9);
    cr_assert_str_eq(rig.result.violations[1].oracle, "alignment");
}

/*     16 is more than the natural 8; the block lies at a larger offset, and late */
Test(oracle_rules, alignment_is_asked_of_every_block_wherever_and_whenever)
{
    for (unsigned i = 0; i < 20; i++) {
        struct smh_live live = rig_live_block(24);
        uint64_t before = rig.result.violation_count;
        char message[200];

        live.align = 16;
        smh_oracle_allocated(&rig.oracle, &live, &rig_ask, rig_heap_of(0)->used_bytes, 0, 90 + i);
        cr_assert(rig.result.violation_count - before == (uintptr_t)live.block % 16 / 8);
        if ((uintptr_t)live.block % 16 != 0) {
            (void)snprintf(message, sizeof(message), "ram+0x%lx is no multiple of 16",
                           rig_offset_of(live.block));
            rig_found(before + 1, "alignment", 90 + i, message);
        }
        live = (struct smh_live){
            .block = (uint8_t *)rig_live_block(24).block + 4, .bytes = 4, .align = 4};
        before = rig.result.violation_count;
        smh_oracle_allocated(&rig.oracle, &live, &rig_ask, rig_heap_of(0)->used_bytes, 0, i % 4);
        cr_assert(rig.result.violation_count > before);
        cr_assert_str_eq(rig.result.violations[before].oracle, "alignment");
        rig.result.violation_count = 0;
    }
}

Test(oracle_rules, size_is_what_was_asked_for_at_least)
{
    struct smh_live first = rig_enter(24);
    struct smh_live live = rig_live_block(24);
    char message[200];

    cr_assert(first.usable == 24);
    live.bytes = live.bytes + 1;
    smh_oracle_allocated(&rig.oracle, &live, &rig_ask, rig_heap_of(0)->used_bytes, 0, 9);
    (void)snprintf(message, sizeof(message), "ram+0x%lx: 25 bytes asked for, 24 usable",
                   rig_offset_of(live.block));
    rig_found(1, "size", 9, message);
}

Test(oracle_rules, space_bounds_what_a_block_takes_and_what_it_offers)
{
    struct smh_live live =
        rig_live_block(24); /* 32 bytes suffice, and two granules of 8 may stay */
    size_t used = rig_heap_of(0)->used_bytes;
    char message[200];

    cr_assert(smh_heap_alignment(rig_heap_of(0)) == 8);
    rig_heap_of(0)->used_bytes = 1000;
    smh_oracle_allocated(&rig.oracle, &live, &rig_ask, 1000 - 48, 0, 9);
    rig_nothing();
    smh_oracle_leaving(&rig.oracle, &live, 9);
    smh_oracle_allocated(&rig.oracle, &live, &rig_ask, 1001, 0, 9); /* it has shrunk: no claim */
    smh_oracle_leaving(&rig.oracle, &live, 9);
    rig_nothing();
    smh_oracle_allocated(&rig.oracle, &live, &rig_ask, 1000 - 49, 0, 9);
    (void)snprintf(message, sizeof(message),
                   "ram+0x%lx: 24 bytes took 49 (usable 24), a chunk of 48 would have sufficed",
                   rig_offset_of(live.block));
    rig_found(1, "space", 9, message);
    rig_heap_of(0)->used_bytes = used;
    live = rig_live_block(49);
    live.bytes = 24;
    cr_assert(smh_heap_usable_size(rig_heap_of(0), live.block) == 56);
    smh_oracle_allocated(&rig.oracle, &live, &rig_ask, rig_heap_of(0)->used_bytes, 0, 9);
    (void)snprintf(message, sizeof(message),
                   "ram+0x%lx: 24 bytes took 0 (usable 56), a chunk of 48 would have sufficed",
                   rig_offset_of(live.block));
    rig_found(2, "space", 9, message);
    live = rig_live_block(48); /* usable 48: at the bound */
    live.bytes = 24;
    smh_oracle_allocated(&rig.oracle, &live, &rig_ask, rig_heap_of(0)->used_bytes, 0, 9);
    cr_assert(rig.result.violation_count == 2);
}

/*     24 bytes at 64: 32, and 72 for the worst place, and two granules */
Test(oracle_rules, space_is_bounded_by_what_suffices_for_the_alignment)
{
    struct smh_live live = rig_live_block(24);
    size_t used = rig_heap_of(0)->used_bytes;

    live.block = smh_heap_aligned_alloc(rig_heap_of(0), 64, 24);
    live.align = 64;
    rig_heap_of(0)->used_bytes = 1000;
    smh_oracle_allocated(&rig.oracle, &live, &rig_ask, 1000 - 32 - 72 - 16, 0, 9);
    rig_nothing();
    smh_oracle_leaving(&rig.oracle, &live, 9);
    smh_oracle_allocated(&rig.oracle, &live, &rig_ask, 1000 - 32 - 72 - 17, 0, 9);
    cr_assert(rig.result.violation_count == 1);
    cr_assert_str_eq(rig.result.violations[0].oracle, "space");
    rig_heap_of(0)->used_bytes = used;
}

Test(oracle_rules, space_is_not_asked_of_a_realloc_nor_where_nothing_suffices)
{
    struct smh_operation again = {.kind = SMH_OPERATION_REALLOC, .attr = 1, .bytes = 24};
    struct smh_operation clear = {.kind = SMH_OPERATION_CALLOC, .attr = 1, .bytes = 24};
    struct smh_live live = rig_live_block(24);

    rig_heap_of(0)->used_bytes += 1000;
    smh_oracle_allocated(&rig.oracle, &live, &again, rig_heap_of(0)->used_bytes - 1000, 0, 9);
    rig_nothing();
    smh_oracle_leaving(&rig.oracle, &live, 9);
    memset(live.block, 0, 24);
    smh_oracle_allocated(&rig.oracle, &live, &clear, rig_heap_of(0)->used_bytes - 1000, 0, 9);
    cr_assert(rig.result.violation_count == 1);
    cr_assert_str_eq(rig.result.violations[0].oracle, "space");
}

Test(oracle_rules, overlap_is_found_over_the_usable_bytes)
{
    struct smh_live first = rig_enter(20); /* usable 24 */
    struct smh_live second = {.block = (uint8_t *)first.block + 20, .bytes = 4, .serial = 8};
    char message[200];

    cr_assert(first.usable == 24);
    second.usable = 0;
    smh_oracle_allocated(&rig.oracle, &second, &rig_ask, rig_heap_of(0)->used_bytes, 0, 9);
    cr_assert_str_eq(rig.result.violations[rig.result.violation_count - 1].oracle, "overlap");
    (void)snprintf(message, sizeof(message),
                   "the block of %" PRIu64 " bytes at ram+0x%lx covers bytes of another, or leaves "
                   "the region",
                   second.usable > 4 ? second.usable : 4, rig_offset_of(second.block));
    cr_assert_str_eq(rig.result.violations[rig.result.violation_count - 1].message, message);
    cr_assert(rig.result.violations[rig.result.violation_count - 1].operation_index == 9);
    cr_assert(smh_contents_verify(first.block, smh_contents_serial(7, 0), 0, 20) ==
              SMH_CONTENTS_SAME); /* what overlaps is not filled */
}

Test(oracle_rules, contents_names_the_byte_the_block_and_the_place)
{
    struct smh_live live = rig_enter(23); /* of 24 usable ones */
    char message[200];

    ((uint8_t *)live.block)[22] ^= 1;
    smh_oracle_contents(&rig.oracle, &live, 0, 22, 9);
    rig_nothing();
    smh_oracle_contents(&rig.oracle, &live, 0, 23, 9);
    (void)snprintf(message, sizeof(message),
                   "byte 22 of the block of 23 bytes at ram+0x%lx has "
                   "changed",
                   rig_offset_of(live.block));
    rig_found(1, "contents", 9, message);
    smh_oracle_leaving(&rig.oracle, &live, 10);
    rig_found(2, "contents", 10, message);
    smh_oracle_retake(&rig.oracle, &live, 11);
    rig_found(3, "contents", 11, message);
}

Test(oracle_rules, what_a_realloc_keeps_is_verified_and_the_rest_is_filled)
{
    struct smh_operation again = {.kind = SMH_OPERATION_REALLOC, .attr = 1, .bytes = 24};
    struct smh_live live = rig_enter(24);

    smh_oracle_leaving(&rig.oracle, &live, 2);
    ((uint8_t *)live.block)[16] ^= 1; /* not kept */
    smh_oracle_allocated(&rig.oracle, &live, &again, rig_heap_of(0)->used_bytes, 16, 3);
    rig_nothing();
    smh_oracle_leaving(&rig.oracle, &live, 4);
    ((uint8_t *)live.block)[0] ^= 1;
    smh_oracle_allocated(&rig.oracle, &live, &again, rig_heap_of(0)->used_bytes, 16, 5);
    cr_assert(rig.result.violation_count == 1);
    cr_assert(rig.result.violations[0].operation_index == 5);
    cr_assert_str_eq(rig.result.violations[0].oracle, "contents");
}

Test(oracle_rules, calloc_gives_zeroes_from_the_first_byte_to_the_last)
{
    static const size_t dirty[] = {0, 5, 23};
    struct smh_operation clear = {.kind = SMH_OPERATION_CALLOC, .attr = 1, .bytes = 24};
    char message[200];

    for (size_t i = 0; i < 3; i++) {
        struct smh_live live = rig_live_block(24);

        memset(live.block, 0, 24);
        ((uint8_t *)live.block)[dirty[i]] = 1;
        smh_oracle_allocated(&rig.oracle, &live, &clear, rig_heap_of(0)->used_bytes, 0, 9);
        (void)snprintf(message, sizeof(message),
                       "byte %zu of the zeroed block at ram+0x%lx is not zero", dirty[i],
                       rig_offset_of(live.block));
        rig_found(i + 1, "contents", 9, message);
    }
}

Test(oracle_rules, a_usable_size_that_changes_is_told_when_the_block_leaves)
{
    for (int change = -1; change <= 1; change += 2) {
        struct smh_live live = rig_live_block(24);
        uint64_t count = rig.result.violation_count;
        char message[200];

        smh_oracle_allocated(&rig.oracle, &live, &rig_ask, rig_heap_of(0)->used_bytes, 0, 1);
        live.usable = (uint64_t)((int64_t)live.usable + change);
        smh_oracle_leaving(&rig.oracle, &live, 9);
        (void)snprintf(message, sizeof(message), "ram+0x%lx: usable size was %" PRIu64 " and is 24",
                       rig_offset_of(live.block), live.usable);
        rig_found(count + 1, "size", 9, message);
    }
}

/* Leaves and is taken back so often that the next look is a probe. */
static void until_probe(const struct smh_live *live)
{
    for (int i = 0; i < PROBES / 2; i++) {
        if (i == PROBES / 2 - 1) {
            smh_oracle_leaving(&rig.oracle, live, 2);
            smh_shadow_disown(&rig.oracle.shadows[0], 0, 4000);
            return;
        }
        smh_oracle_leaving(&rig.oracle, live, 2);
        smh_oracle_retake(&rig.oracle, live, 2);
    }
}

Test(oracle_rules, every_64th_look_asks_for_the_verdict_on_block_and_inside)
{
    struct smh_live live = rig_enter(24);
    uint32_t *word;
    size_t step =
        ((uintptr_t)live.block + 8 - ((uintptr_t)rig_heap_of(0)->memory & ~(uintptr_t)7)) / 8;
    char message[200];

    cr_assert(rig_heap_of(0)->starts != NULL);
    word = &rig_heap_of(0)->starts[step / 32];
    *word |= 1u << (step % 32); /* a block starts inside it, says the bitmap */
    until_probe(&live);         /* 63 looks */
    rig_nothing();
    smh_oracle_retake(&rig.oracle, &live, 9);
    (void)snprintf(message, sizeof(message),
                   "ram+0x%lx: a live block is judged 0 (allowed: 0), its inside 0 (allowed: %d)",
                   rig_offset_of(live.block), -EINVAL);
    rig_found(1, "verdict", 9, message);
    *word &= ~(1u << (step % 32));
    smh_oracle_leaving(&rig.oracle, &live, 9);
    smh_oracle_retake(&rig.oracle, &live, 9);
    until_probe(&live);
    cr_assert(rig.result.violation_count == 1);
    cr_assert(rig.oracle.probe == PROBES - 2 - 63 + 64);
}

Test(oracle_rules, a_live_block_that_the_heap_calls_free_is_found_by_the_probe)
{
    struct smh_live live = rig_enter(8);
    char message[200];

    rig.oracle.probe = 1;
    cr_assert(smh_heap_usable_size(rig_heap_of(0), live.block) == 8);
    cr_assert(smh_heap_free(rig_heap_of(0), live.block) == 0);
    live.usable = 0; /* as the heap says now */
    live.bytes = 0;
    smh_oracle_leaving(&rig.oracle, &live, 9);
    (void)snprintf(message, sizeof(message),
                   "ram+0x%lx: a live block is judged %d (allowed: 0), its inside %d (allowed: %d)",
                   rig_offset_of(live.block), -EALREADY, -EINVAL, -EINVAL);
    rig_found(1, "verdict", 9, message);
    cr_assert(rig.oracle.probe == PROBES);
}

Test(oracle_rules, a_block_of_one_step_has_no_inside_to_ask_for)
{
    struct smh_live live = rig_enter(8); /* its inside would be the next header */

    rig.oracle.probe = 1;
    smh_oracle_leaving(&rig.oracle, &live, 9);
    rig_nothing();
    live = rig_live_block(16);
    live.serial = 9;
    smh_oracle_allocated(&rig.oracle, &live, &rig_ask, rig_heap_of(0)->used_bytes, 0, 1);
    rig.oracle.probe = 1;
    smh_oracle_leaving(&rig.oracle, &live, 9);
    rig_nothing();
}

Test(oracle_rules, the_verdict_after_a_free_is_asked_for_right_after_a_probe)
{
    struct smh_live live = rig_enter(24);
    char message[200];

    rig.oracle.probe = PROBES - 1;
    smh_oracle_freed(&rig.oracle, &live, 9);
    rig_nothing();
    rig.oracle.probe = PROBES;
    smh_oracle_freed(&rig.oracle, &live, 9);
    (void)snprintf(message, sizeof(message), "ram+0x%lx: a freed block is judged 0 (allowed: %d)",
                   rig_offset_of(live.block), -EALREADY);
    rig_found(1, "verdict", 9, message);
}

Test(oracle_rules, what_leaves_gives_up_its_bytes_and_its_count_and_a_retake_takes_them)
{
    struct smh_live live = rig_enter(24);

    smh_oracle_leaving(&rig.oracle, &live, 2);
    cr_assert(rig.oracle.live_blocks[0] == 0);
    cr_assert(smh_shadow_own(&rig.oracle.shadows[0], rig_offset_of(live.block), 24));
    smh_shadow_disown(&rig.oracle.shadows[0], rig_offset_of(live.block), 24);
    smh_oracle_retake(&rig.oracle, &live, 3);
    cr_assert(rig.oracle.live_blocks[0] == 1);
    cr_assert(!smh_shadow_own(&rig.oracle.shadows[0], rig_offset_of(live.block), 1));
    cr_assert(!smh_shadow_own(&rig.oracle.shadows[0], rig_offset_of(live.block) + 20, 1));
    rig_nothing();
}

Test(oracle_rules, null_is_judged_by_every_region_that_may_serve)
{
    struct smh_operation refused = {.attr = 1, .bytes = 100, .align = 0};
    char message[200];

    smh_oracle_null(&rig.oracle, &refused, 9);
    (void)snprintf(message, sizeof(message),
                   "100 bytes at alignment 0 were refused, though ram+0x%lx has %zu bytes free and "
                   "112 suffice",
                   (unsigned long)(5000 - rig_heap_of(0)->capacity_bytes),
                   rig_heap_of(0)->capacity_bytes);
    rig_found(1, "null", 9, message);
    rig.result.violation_count = 0;
    refused.slot = 5;
    refused.align = 8;
    smh_oracle_null(&rig.oracle, &refused, 9);
    cr_assert(strstr(rig.result.violations[0].message, "100 bytes at alignment 8 were") != NULL);
    refused.align = 0;
    refused.bytes = 0;
    smh_oracle_null(&rig.oracle, &refused, 9);
    refused.bytes = 5000;
    smh_oracle_null(&rig.oracle, &refused, 9);
    refused.bytes = 100;
    refused.attr = 3;
    smh_oracle_null(&rig.oracle, &refused, 9);
    cr_assert(rig.result.violation_count == 1);
}

Test(oracle_rules, null_is_true_to_the_byte)
{
    size_t capacity = rig_heap_of(0)->capacity_bytes;
    struct smh_operation refused = {.attr = 1, .bytes = capacity - 8};

    smh_oracle_null(&rig.oracle, &refused, 9);
    cr_assert(rig.result.violation_count == 1);
    refused.bytes = capacity - 7;
    smh_oracle_null(&rig.oracle, &refused, 9);
    cr_assert(rig.result.violation_count == 1);
    refused.bytes = capacity - 8;
    cr_assert(smh_heap_alloc(rig_heap_of(0), capacity - 8) != NULL); /* it is not free any more */
    smh_oracle_null(&rig.oracle, &refused, 9);
    cr_assert(rig.result.violation_count == 1);
}

Test(oracle_rules, a_reserve_is_open_to_requests_for_exactly_its_attribute)
{
    static const uint32_t wanted[] = {2};
    static const struct smh_attr_list list = {wanted, 1};
    struct smh_operation exact = {.attr = 2, .bytes = 100};
    struct smh_operation preferring = {.attr = 2, .bytes = 100, .prefer = &list};

    smh_oracle_null(&rig.oracle, &preferring, 9);
    rig_nothing();
    smh_oracle_null(&rig.oracle, &exact, 9);
    cr_assert(rig.result.violation_count == 1);
    cr_assert(strstr(rig.result.violations[0].message, "though kept+0x") != NULL);
}

Test(oracle_rules, the_first_256_refusals_are_judged_and_then_one_in_64)
{
    struct smh_operation refused = {.attr = 1, .bytes = 100};

    for (unsigned i = 1; i <= 600; i++) {
        uint64_t before = rig.result.violation_count;

        smh_oracle_null(&rig.oracle, &refused, i);
        cr_assert(rig.result.violation_count - before == (i <= 256 || i % 64 == 0 ? 1 : 0), "%u",
                  i);
    }
    cr_assert(rig.result.violation_count == 256 + 5);
    cr_assert(rig.result.violations[SMH_VIOLATIONS_LISTED - 1].operation_index ==
              SMH_VIOLATIONS_LISTED);
}

Test(oracle_rules, violations_beyond_those_listed_are_counted_and_not_written)
{
    struct smh_violation after = rig.result.violations[SMH_VIOLATIONS_LISTED - 1];

    cr_assert(after.oracle == NULL);
    for (unsigned i = 0; i < SMH_VIOLATIONS_LISTED; i++) {
        smh_oracle_report(&rig.oracle, "x", i, "number %u", i);
    }
    cr_assert_str_eq(rig.result.violations[SMH_VIOLATIONS_LISTED - 1].message, "number 31");
    {
        struct smh_result before = rig.result;

        smh_oracle_report(&rig.oracle, "y", 1, "one more");
        cr_assert(rig.result.violation_count == SMH_VIOLATIONS_LISTED + 1);
        before.violation_count++;
        cr_assert(memcmp(&before, &rig.result, sizeof(rig.result)) == 0);
    }
}

Test(oracle_rules, heaps_names_rule_and_place_and_compares_the_count)
{
    struct smh_live live = rig_enter(24);
    char message[200];

    /* More have been allocated than there are. */
    cr_assert(smh_heap_free(rig_heap_of(0), smh_heap_alloc(rig_heap_of(0), 24)) == 0);
    rig.oracle.live_blocks[0]++;
    smh_oracle_heaps(&rig.oracle, 9);
    rig_found(1, "heap", 9, "ram: the heap counts 1 live blocks, there are 2");
    rig.oracle.live_blocks[0] -= 2;
    smh_oracle_heaps(&rig.oracle, 9);
    rig_found(2, "heap", 9, "ram: the heap counts 1 live blocks, there are 0");
    rig.oracle.live_blocks[0]++;
    ((uint32_t *)live.block)[-1] ^= 0x100; /* "the size before" of its header */
    smh_oracle_heaps(&rig.oracle, 9);
    (void)snprintf(message, sizeof(message),
                   "ram+0x%lx: a header repeats the size of the chunk before it",
                   rig_offset_of(live.block) - 8);
    rig_found(3, "heap", 9, message);
}

Test(oracle_rules, guard_names_the_region_beside_which_a_byte_was_written)
{
    rig.machine.regions[1].memory[5000] ^= 1;
    smh_oracle_heaps(&rig.oracle, 9);
    rig_found(1, "guard", 9, "a byte beside kept was written");
    rig.machine.regions[1].memory[5000] ^= 1;
    rig.machine.regions[0].memory[5000] ^= 1;
    smh_oracle_heaps(&rig.oracle, 9);
    rig_found(2, "guard", 9, "a byte beside ram was written");
}

Test(oracle_rules, restored_compares_chunks_largest_and_use_of_every_region)
{
    void *blocks[3];
    size_t capacity = rig_heap_of(1)->capacity_bytes;
    char message[200];

    for (size_t i = 0; i < 3; i++) {
        blocks[i] = smh_heap_alloc(rig_heap_of(1), 24);
    }
    cr_assert(smh_heap_free(rig_heap_of(1), blocks[0]) == 0);
    cr_assert(smh_heap_free(rig_heap_of(1), blocks[2]) == 0);
    smh_oracle_restored(&rig.oracle, 9);
    (void)snprintf(message, sizeof(message),
                   "kept: all is freed, yet 2 free chunks (was 1), largest %zu (was %zu), used 32",
                   capacity - 72, capacity - 8);
    rig_found(1, "restored", 9, message);
    cr_assert(smh_heap_free(rig_heap_of(1), blocks[1]) == 0);
    smh_oracle_restored(&rig.oracle, 9);
    cr_assert(rig.result.violation_count == 1);
    rig.oracle.origin[0].free_chunks = 2; /* more than there are, or fewer */
    smh_oracle_restored(&rig.oracle, 9);
    rig.oracle.origin[0].free_chunks = 0;
    smh_oracle_restored(&rig.oracle, 9);
    cr_assert(rig.result.violation_count == 3);
}

/* Everything wrong that can be, under fewer checks. */
static void wrong_everywhere(void)
{
    struct smh_live live = rig_live_block(24);
    struct smh_operation other = {.attr = 2, .bytes = 24, .kind = SMH_OPERATION_CALLOC};

    live.align = 4096;
    memset(live.block, 0, 24);
    smh_oracle_allocated(&rig.oracle, &live, &other, 0, 0, 9);
    smh_oracle_null(&rig.oracle, &rig_ask, 9);
    smh_oracle_freed(&rig.oracle, &live, 9);
    rig.machine.regions[0].memory[5000] ^= 1;
    smh_oracle_heaps(&rig.oracle, 9);
    smh_oracle_restored(&rig.oracle, 9);
}

Test(oracle_modes, without_checks_nothing_is_said_nor_written, .fini = rig_close_all)
{
    struct smh_live live;
    uint8_t before[24];

    rig_open_with(SMH_CHECKS_NONE, &smh_engine_first_fit);
    live = rig_live_block(24);
    memcpy(before, live.block, 24);
    smh_oracle_allocated(&rig.oracle, &live, &rig_ask, 0, 24, 9);
    smh_oracle_contents(&rig.oracle, &live, 0, 24, 9);
    smh_oracle_leaving(&rig.oracle, &live, 9);
    cr_assert(memcmp(before, live.block, 24) == 0);
    wrong_everywhere();
    rig_nothing();
    cr_assert(rig.oracle.shadows == NULL);
}

Test(oracle_modes, with_checks_of_contents_these_alone_are_judged, .fini = rig_close_all)
{
    struct smh_live live;

    rig_open_with(SMH_CHECKS_CONTENTS, &smh_engine_first_fit);
    wrong_everywhere();
    rig_nothing();
    cr_assert(rig.oracle.shadows == NULL);
    live = rig_live_block(24);
    smh_oracle_allocated(&rig.oracle, &live, &rig_ask, 0, 0, 9);
    smh_oracle_leaving(&rig.oracle, &live, 9);
    rig_nothing();
    ((uint8_t *)live.block)[0] ^= 1;
    smh_oracle_leaving(&rig.oracle, &live, 9);
    cr_assert(rig.result.violation_count == 1);
    ((uint8_t *)live.block)[0] ^= 1;
    ((uint8_t *)live.block)[1] ^= 1;
    smh_oracle_retake(&rig.oracle, &live, 9);
    cr_assert(rig.result.violation_count == 2);
}
