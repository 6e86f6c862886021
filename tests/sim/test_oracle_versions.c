/* test_oracle_versions.c: what the oracle keeps: contents written in parts, and memory of its own.
 *
 *     bytes      |aaaaaaaa|bbbb|cccccc|      written at first, then in parts
 *     versions    00000000 1111 222222       one for each byte; none while all have the same
 */
#include "../../sim/model/contents.h"
#include "oracle_rig.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(oracle_versions, .init = rig_open_all, .fini = rig_close_all);

static bool versions_are(const struct smh_live *live, const char *digits)
{
    for (size_t i = 0; i < live->bytes; i++) {
        if (live->versions[i] != digits[i] - '0') {
            return false;
        }
    }
    return true;
}

Test(oracle_versions, what_is_written_whole_is_of_the_next_version_and_needs_no_list)
{
    struct smh_live live = rig_enter(24);

    smh_oracle_write(&live, 0, 24);
    cr_assert(live.version == 1);
    cr_assert_null(live.versions);
    cr_assert(smh_contents_verify(live.block, smh_contents_serial(7, 1), 0, 24) ==
              SMH_CONTENTS_SAME);
    smh_oracle_write(&live, 0, 8);
    cr_assert_not_null(live.versions);
    smh_oracle_write(&live, 0, 24);
    cr_assert(live.version == 3);
    cr_assert_null(live.versions);
    smh_oracle_contents(&rig.oracle, &live, 0, 24, 2);
    rig_nothing();
}

Test(oracle_versions, what_is_written_in_parts_has_a_version_for_each_byte)
{
    struct smh_live live = rig_enter(16);

    smh_oracle_write(&live, 0, 16);
    smh_oracle_write(&live, 4, 8);
    cr_assert(versions_are(&live, "1111222211111111"));
    smh_oracle_write(&live, 0, 6);
    cr_assert(versions_are(&live, "3333332211111111"));
    smh_oracle_write(&live, 9, 16);
    cr_assert(versions_are(&live, "3333332214444444"));
    smh_oracle_contents(&rig.oracle, &live, 0, 16, 2);
    rig_nothing();
    free(live.versions);
}

Test(oracle_versions, every_wrong_byte_of_what_was_written_in_parts_is_told)
{
    struct smh_live live = rig_enter(16);
    uint64_t count = 0;
    char message[200];

    smh_oracle_write(&live, 4, 8);
    smh_oracle_write(&live, 0, 6);
    smh_oracle_write(&live, 9, 16);
    for (unsigned i = 0; i < 16; i++) {
        ((uint8_t *)live.block)[i] ^= 1;
        smh_oracle_contents(&rig.oracle, &live, 0, 16, 5);
        (void)snprintf(message, sizeof(message),
                       "byte %u of the block of 16 bytes at ram+0x%lx has changed", i,
                       rig_offset_of(live.block));
        count++;
        rig_found(count, "contents", 5, message);
        ((uint8_t *)live.block)[i] ^= 1;
    }
    free(live.versions);
}

Test(oracle_versions, a_part_that_was_not_written_again_is_told_from_one_that_was)
{
    struct smh_live live = rig_enter(16);
    uint8_t stale[16];

    memcpy(stale, live.block, 16);
    smh_oracle_write(&live, 8, 16);
    memcpy((uint8_t *)live.block + 8, stale + 8, 8); /* the write was lost */
    smh_oracle_contents(&rig.oracle, &live, 0, 16, 5);
    cr_assert(rig.result.violation_count == 1);
    cr_assert(strncmp(rig.result.violations[0].message, "byte 8 ", 7) == 0);
    free(live.versions);
}

Test(oracle_versions, what_a_block_gains_has_the_version_written_last)
{
    struct smh_live live = rig_enter(8);

    smh_oracle_write(&live, 0, 4);
    smh_oracle_write(&live, 2, 6);
    cr_assert(versions_are(&live, "11222200"));
    live.bytes = 12;
    smh_oracle_resize_versions(&live, 8);
    cr_assert(versions_are(&live, "112222002222"));
    live.bytes = 4;
    smh_oracle_resize_versions(&live, 12);
    cr_assert(versions_are(&live, "1122"));
    free(live.versions);
    live.versions = NULL;
    smh_oracle_resize_versions(&live, 4);
    cr_assert_null(live.versions);
}

Test(oracle_versions, take_a_byte_for_a_byte)
{
    struct smh_live live = rig_enter(3000);

    smh_oracle_write(&live, 0, 8);
    cr_assert(malloc_usable_size(live.versions) < 4000);
    live.bytes = 4000;
    smh_oracle_resize_versions(&live, 3000);
    cr_assert(malloc_usable_size(live.versions) < 5000);
    free(live.versions);
}

Test(oracle_versions, a_block_that_leaves_gives_up_what_it_was_asked_for_even_beyond_what_is_usable)
{
    struct smh_live live = rig_live_block(24);

    live.bytes = 28; /* told as a violation of size */
    smh_oracle_allocated(&rig.oracle, &live, &rig_ask, rig_heap_of(0)->used_bytes, 0, 1);
    cr_assert(rig.result.violation_count == 1);
    cr_assert(!smh_shadow_own(&rig.oracle.shadows[0], rig_offset_of(live.block) + 24, 4));
    smh_oracle_leaving(&rig.oracle, &live, 2);
    cr_assert(smh_shadow_own(&rig.oracle.shadows[0], rig_offset_of(live.block), 28));
}

Test(oracle_versions, a_retake_judges_the_first_byte_too)
{
    struct smh_live live = rig_enter(24);

    smh_oracle_leaving(&rig.oracle, &live, 2);
    ((uint8_t *)live.block)[0] ^= 1;
    smh_oracle_retake(&rig.oracle, &live, 3);
    cr_assert(rig.result.violation_count == 1);
    cr_assert(strncmp(rig.result.violations[0].message, "byte 0 ", 7) == 0);
}

Test(oracle_versions, free_space_inside_a_live_block_is_found_by_the_probe)
{
    struct smh_live live = rig_enter(8); /* behind it lies all that is free */

    live.usable = 16;
    rig.oracle.probe = 1;
    smh_oracle_leaving(&rig.oracle, &live, 9);
    cr_assert(rig.result.violation_count == 2); /* the first: usable size has changed */
    char message[200];
    (void)snprintf(message, sizeof(message),
                   "ram+0x%lx: a live block is judged 0 (allowed: 0), its inside %d (allowed: %d)",
                   rig_offset_of(live.block), -EALREADY, -EINVAL);
    rig_found(2, "verdict", 9, message);
}

Test(oracle_versions, a_null_is_told_once_for_a_region)
{
    struct smh_operation refused = {.attr = 1, .bytes = 24};
    void *blocks[3];

    for (size_t i = 0; i < 3; i++) {
        blocks[i] = smh_heap_alloc(rig_heap_of(0), 100);
    }
    cr_assert(smh_heap_free(rig_heap_of(0), blocks[1]) == 0);
    smh_oracle_null(&rig.oracle, &refused, 9);
    cr_assert(rig.result.violation_count == 1);
}

Test(oracle_versions, a_region_without_a_reserve_is_open_to_requests_that_prefer)
{
    static const uint32_t wanted[] = {1};
    static const struct smh_attr_list list = {wanted, 1};
    struct smh_operation preferring = {.attr = 1, .bytes = 24, .prefer = &list};

    smh_oracle_null(&rig.oracle, &preferring, 9);
    cr_assert(rig.result.violation_count == 1);
}

static bool match_anything(uint32_t region_attr, uint32_t request_attr)
{
    (void)region_attr, (void)request_attr;
    return true;
}

Test(oracle_versions, a_reserve_is_closed_to_other_attributes_that_match)
{
    struct smh_operation refused = {.bytes = 24};

    rig.scenario->match = match_anything;
    for (uint32_t attr = 0; attr < 4; attr++) {
        uint64_t before = rig.result.violation_count;

        refused.attr = attr;
        smh_oracle_null(&rig.oracle, &refused, 9);
        cr_assert(rig.result.violation_count == before + (attr == 2 ? 2 : 1));
    }
}

Test(oracle_versions, heaps_looks_at_every_region)
{
    rig.oracle.live_blocks[1] = 1;
    smh_oracle_heaps(&rig.oracle, 9);
    rig_found(1, "heap", 9, "kept: the heap counts 0 live blocks, there are 1");
}

Test(oracle_modes, without_checks_a_new_block_is_not_written, .fini = rig_close_all)
{
    struct smh_live live;

    rig_open_with(SMH_CHECKS_NONE, &smh_engine_first_fit);
    live = rig_live_block(24);
    memset(live.block, 0, 24);
    smh_oracle_allocated(&rig.oracle, &live, &rig_ask, 0, 0, 9);
    for (size_t i = 0; i < 24; i++) {
        cr_assert(((uint8_t *)live.block)[i] == 0);
    }
}

/* AddressSanitizer ends a program that asks for so much; it finds what is not given back itself. */
#ifndef __SANITIZE_ADDRESS__
Test(oracle_memory, a_region_too_large_for_a_shadow_is_an_error_and_nothing_is_kept,
     .init = rig_open_all, .fini = rig_close_all)
{
    struct smh_machine_region real = rig.machine.regions[0];
    struct smh_oracle other;
    struct smh_error error = {0};
    size_t before = 0;

    rig.machine.regions[0].size = UINT64_C(1) << 62;
    for (int i = 0; i < 100; i++) {
        before = i == 50 ? mallinfo2().uordblks : before;
        cr_assert(smh_oracle_open(&other, &rig.machine, &rig.result, SMH_CHECKS_ALL, &error) == -1);
        cr_assert_not_null(strstr(error.message, "no memory for the model of 2 regions"));
        cr_assert(other.shadows == NULL && other.origin == NULL && other.live_blocks == NULL);
    }
    cr_assert_eq(mallinfo2().uordblks, before);
    rig.machine.regions[0] = real;
}

Test(oracle_memory, an_oracle_gives_its_memory_back, .init = rig_open_all, .fini = rig_close_all)
{
    struct smh_oracle other;
    struct smh_error error = {0};
    size_t before = 0;

    for (int i = 0; i < 100; i++) {
        struct smh_live live = {.block = &(uint64_t[2]){0}, .bytes = 16};

        before = i == 50 ? mallinfo2().uordblks : before;
        cr_assert(smh_oracle_open(&other, &rig.machine, &rig.result, SMH_CHECKS_ALL, &error) == 0);
        smh_oracle_write(&live, 0, 8);
        smh_oracle_write(&live, 0, 16);
        smh_oracle_close(&other);
    }
    cr_assert_eq(mallinfo2().uordblks, before);
}
#endif
