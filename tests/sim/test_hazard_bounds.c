/* test_hazard_bounds.c: what the judge does at its bounds, and who owns which bytes.
 */
#include "../../sim/hazard/owners.h"
#include "../../sim/random.h"
#include "hazard_case.h"

#include <criterion/criterion.h>

Test(hazard_bounds, more_cores_on_a_line_than_are_followed_are_told_not_guessed)
{
    struct hazard_case given = hazard_case();
    given.scenario.machine.cores = 9;
    hazard_open(&given);
    hazard_block(&given, 0, 0, 32, 32);
    /* A core that is the only one so far needs no place of its own yet. */
    for (given.core = 0; given.core < 8; given.core++) {
        hazard_access(&given, SMH_ACCESS_LOAD, 0, 32);
    }
    cr_assert_eq(smh_judge_lines_given_up(given.judge), 0);
    hazard_access(&given, SMH_ACCESS_LOAD, 0, 32);
    cr_assert_eq(smh_judge_lines_given_up(given.judge), 1);
    hazard_access(&given, SMH_ACCESS_LOAD, 0, 32);
    cr_assert_eq(smh_judge_lines_given_up(given.judge), 1);
    hazard_close(&given);
}

Test(hazard_bounds, hazards_beyond_the_list_are_counted)
{
    struct hazard_case given = hazard_case();
    hazard_open(&given);
    for (uint32_t slot = 0; slot < SMH_HAZARDS_LISTED + 3; slot++) {
        hazard_block(&given, slot, (uint64_t)slot * 32, 32, 32);
        hazard_access(&given, SMH_ACCESS_STORE, (uint64_t)slot * 32, 32);
        hazard_access(&given, SMH_ACCESS_DMA_READ, (uint64_t)slot * 32, 32);
    }
    cr_assert_eq(smh_judge_hazard_count(given.judge), SMH_HAZARDS_LISTED);
    cr_assert_eq(smh_judge_unlisted(given.judge), 3);
    hazard_close(&given);
}

Test(hazard_bounds, the_same_hazard_again_is_counted_not_listed)
{
    struct hazard_case given = hazard_case();
    hazard_open(&given);
    for (int i = 0; i < 5; i++) {
        hazard_block(&given, 7, 64, 32, 32);
        hazard_access(&given, SMH_ACCESS_STORE, 64, 32);
        hazard_access(&given, SMH_ACCESS_DMA_READ, 64, 32);
        hazard_access(&given, SMH_ACCESS_FLUSH, 64, 32);
        hazard_free(&given, 64);
    }
    cr_assert_str_eq(hazard_found(&given), "H5 7");
    cr_assert_eq(smh_judge_hazard_at(given.judge, 0)->count, 5);
    hazard_close(&given);
}

Test(hazard_bounds, a_long_history_still_ends_in_a_short_sequence)
{
    struct hazard_case given = hazard_case();
    hazard_open(&given);
    hazard_block(&given, 0, 0, 40, 32);
    hazard_block(&given, 1, 40, 24, 0);
    for (int i = 0; i < 1000; i++) {
        hazard_access(&given, SMH_ACCESS_STORE, 40 + (uint64_t)(i % 5) * 4, 4);
        hazard_access(&given, i % 3 == 0 ? SMH_ACCESS_FLUSH : SMH_ACCESS_CLEAN, 40, 24);
        hazard_access(&given, SMH_ACCESS_DMA_READ, 40, 24);
        hazard_access(&given, SMH_ACCESS_LOAD, 32, 32);
    }
    cr_assert_str_eq(hazard_found(&given), "");
    hazard_access(&given, SMH_ACCESS_STORE, 40, 4);
    hazard_access(&given, SMH_ACCESS_DMA_WRITE, 0, 40);
    cr_assert_str_eq(hazard_found(&given), "H1 0 1");
    cr_assert_str_eq(hazard_sequence(&given, 0), "store dma_write evict");
    hazard_close(&given);
}

Test(hazard_bounds, a_long_history_keeps_who_left_the_line_dirty_and_that_he_was_freed)
{
    struct hazard_case given = hazard_case();
    hazard_open(&given);
    hazard_block(&given, 0, 0, 8, 0);
    hazard_access(&given, SMH_ACCESS_STORE, 0, 8);
    hazard_block(&given, 1, 8, 8, 0);
    hazard_access(&given, SMH_ACCESS_STORE, 8, 8);
    hazard_free(&given, 8); /* the line is as it was before his store */
    for (uint32_t slot = 2; slot < 100; slot++) {
        hazard_block(&given, slot, 16, 8, 0);
        hazard_access(&given, SMH_ACCESS_STORE, 16, 8);
        hazard_free(&given, 16);
    }
    hazard_block(&given, 100, 8, 8, 0);
    hazard_access(&given, SMH_ACCESS_DMA_WRITE, 8, 8);
    cr_assert_str_eq(hazard_found(&given), "H6 100 1");
    cr_assert_str_eq(hazard_sequence(&given, 0), "store free dma_write evict");
    hazard_close(&given);
}

/* The port writes the line back when its tables move to core 1, whoever has left it dirty. */
Test(hazard_bounds, tables_move_to_a_core_that_has_left_their_line_dirty)
{
    struct hazard_case given = hazard_case();
    given.scenario.machine.cores = 2;
    hazard_open(&given);
    given.by_allocator = true;
    hazard_access(&given, SMH_ACCESS_LOAD, 0, 4);
    given.by_allocator = false;
    hazard_block(&given, 0, 8, 8, 0);
    given.core = 1;
    hazard_access(&given, SMH_ACCESS_STORE, 8, 8);
    given.by_allocator = true;
    hazard_access(&given, SMH_ACCESS_LOAD, 4, 4);
    given.by_allocator = false;
    hazard_access(&given, SMH_ACCESS_DMA_READ, 8, 8);
    cr_assert_str_eq(hazard_found(&given), "");
    hazard_close(&given);
}

Test(hazard_bounds, a_region_that_begins_within_a_line_is_counted_from_its_start)
{
    struct hazard_case given = hazard_case();
    given.regions[0].base = 0x20000008;
    hazard_open(&given);
    hazard_block(&given, 0, 0, 8, 8);
    hazard_access(&given, SMH_ACCESS_STORE, 0, 8);
    hazard_access(&given, SMH_ACCESS_DMA_READ, 0, 8);
    const struct smh_hazard *hazard = smh_judge_hazard_at(given.judge, 0);
    cr_assert_str_eq(hazard_found(&given), "H5 0");
    cr_assert_eq(hazard->line_offset, 0);
    cr_assert_eq(hazard->line_bytes, 24);
    cr_assert_eq(hazard->wrong_bytes[0], 0xFF);
    hazard_close(&given);
}

Test(hazard_bounds, a_store_that_is_still_pending_when_its_block_is_freed_hits_the_next_owner)
{
    struct hazard_case given = hazard_case();
    given.scenario.machine.store_buffer = 4;
    given.regions[0].cache = SMH_CACHE_NONE;
    hazard_open(&given);
    hazard_block(&given, 0, 0, 32, 32);
    hazard_access(&given, SMH_ACCESS_STORE, 0, 32);
    hazard_free(&given, 0);
    hazard_block(&given, 1, 0, 32, 32);
    hazard_access(&given, SMH_ACCESS_DMA_WRITE, 0, 32);
    cr_assert_str_eq(hazard_found(&given), "H6 1 0");
    hazard_close(&given);
}

Test(hazard_bounds, a_resize_in_place_keeps_what_was_written)
{
    struct hazard_case given = hazard_case();
    hazard_open(&given);
    hazard_block(&given, 0, 0, 32, 32);
    hazard_access(&given, SMH_ACCESS_STORE, 0, 32);
    struct smh_owner grown = {.operation = 9, .bytes = 64, .kind = SMH_OWNER_BLOCK};
    smh_judge_resize(given.judge, &grown, 64);
    hazard_access(&given, SMH_ACCESS_DMA_READ, 32, 32); /* nobody has written that */
    cr_assert_str_eq(hazard_found(&given), "");
    hazard_access(&given, SMH_ACCESS_DMA_READ, 0, 32);
    cr_assert_str_eq(hazard_found(&given), "H5 0");
    hazard_close(&given);
}

/* A table of bytes tells the truth. */
Test(hazard_owners, the_owner_of_an_offset_is_who_was_put_there_last)
{
    enum { BYTES = 20000 };
    static uint32_t truth[BYTES];
    static uint64_t ends[BYTES];
    const uint64_t size = BYTES;
    struct smh_owners *owners = smh_owners_open(&size, 1);
    struct smh_random random;
    smh_random_init(&random, 1, 0);
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t offset = smh_random_below(&random, BYTES);
        if (truth[offset] != 0) {
            uint64_t start = smh_owners_get(owners, truth[offset])->owner.offset;
            cr_assert_eq(smh_owners_at(owners, 0, offset), truth[offset]);
            smh_owners_release(owners, smh_owners_remove(owners, 0, start, i));
            for (uint64_t at = start; at < ends[start]; at++) {
                truth[at] = 0;
            }
            continue;
        }
        cr_assert_eq(smh_owners_at(owners, 0, offset), SMH_OWNERS_NONE);
        uint64_t end = offset;
        uint64_t wanted = offset + 1 + smh_random_below(&random, i % 7 == 0 ? 3000 : 40);
        while (end < BYTES && end < wanted && truth[end] == 0) {
            end++;
        }
        struct smh_owner owner = {.offset = offset, .bytes = end - offset};
        uint32_t number = smh_owners_add(owners, &owner, end - offset);
        ends[offset] = end;
        for (uint64_t at = offset; at < end; at++) {
            truth[at] = number;
        }
    }
    for (uint64_t at = 0; at < BYTES; at++) {
        cr_assert_eq(smh_owners_at(owners, 0, at), truth[at]);
    }
    smh_owners_close(owners);
}

/*     32              48              64
 *     | block 0       | block 1       |    stored to, freed; then the allocator's alone, dirty
 *     | block 2                       |    for a device: the port has written the line back */
Test(hazard_bounds, what_the_allocator_alone_left_dirty_is_written_back_at_a_hand_out)
{
    struct hazard_case given = hazard_case();
    hazard_open(&given);
    for (uint32_t slot = 0; slot < 2; slot++) {
        hazard_block(&given, slot, 32 + slot * 16, 16, 0);
        hazard_access(&given, SMH_ACCESS_STORE, 32 + slot * 16, 16);
    }
    hazard_free(&given, 32);
    hazard_free(&given, 48);
    given.by_allocator = true;
    hazard_access(&given, SMH_ACCESS_STORE, 32, 32);
    given.by_allocator = false;
    hazard_block(&given, 2, 32, 32, 32);
    hazard_access(&given, SMH_ACCESS_DMA_WRITE, 32, 32);
    hazard_access(&given, SMH_ACCESS_INVALIDATE, 32, 32);
    hazard_access(&given, SMH_ACCESS_LOAD, 32, 32);
    cr_assert_str_eq(hazard_found(&given), "");
    hazard_close(&given);
}

/*     | block 0       | block 1       |    stored to, freed; the allocator stores to the second
 *     |               | block 2       |    for a device: what is left dirty is block 0's doing */
Test(hazard_bounds, what_others_left_dirty_beside_the_allocator_is_not_written_back_at_a_hand_out)
{
    struct hazard_case given = hazard_case();
    hazard_open(&given);
    for (uint32_t slot = 0; slot < 2; slot++) {
        hazard_block(&given, slot, 32 + slot * 16, 16, 0);
        hazard_access(&given, SMH_ACCESS_STORE, 32 + slot * 16, 16);
    }
    hazard_free(&given, 48);
    given.by_allocator = true;
    hazard_access(&given, SMH_ACCESS_STORE, 48, 16);
    given.by_allocator = false;
    hazard_block(&given, 2, 48, 16, 0);
    hazard_access(&given, SMH_ACCESS_DMA_WRITE, 48, 16);
    cr_assert_str_eq(hazard_found(&given), "H1 2 0");
    hazard_close(&given);
}

/*     0               64              128     a word of the judge's bits is 64 bytes
 *     |       | block 0       | block 1 |     block 0 is freed: block 1's bytes keep their value */
Test(hazard_bounds, a_free_leaves_the_bytes_of_neighbours_defined)
{
    struct hazard_case given = hazard_case();
    hazard_open(&given);
    hazard_block(&given, 2, 0, 32, 32);
    hazard_block(&given, 0, 32, 64, 32);
    hazard_block(&given, 1, 96, 32, 32);
    hazard_access(&given, SMH_ACCESS_STORE, 0, 32);
    hazard_access(&given, SMH_ACCESS_STORE, 96, 32);
    hazard_access(&given, SMH_ACCESS_LOAD, 32, 64);
    hazard_free(&given, 32);
    hazard_access(&given, SMH_ACCESS_DMA_READ, 0, 32);
    hazard_access(&given, SMH_ACCESS_DMA_READ, 96, 32);
    cr_assert_str_eq(hazard_found(&given), "H5 2; H5 1");
    hazard_close(&given);
}

/* Of a line that two blocks share, one of them handed out again and again. */
Test(hazard_bounds, what_is_cut_out_of_a_history_leads_back_to_where_it_began)
{
    struct hazard_case given = hazard_case();
    hazard_open(&given);
    hazard_block(&given, 0, 0, 16, 0);
    hazard_block(&given, 1, 16, 16, 0);
    hazard_access(&given, SMH_ACCESS_STORE, 16, 16);
    hazard_access(&given, SMH_ACCESS_STORE, 0, 16);
    for (int i = 0; i < 40; i++) {
        hazard_free(&given, 16);
        hazard_block(&given, 1, 16, 16, 0);
        hazard_access(&given, SMH_ACCESS_STORE, 16, 16);
    }
    hazard_access(&given, SMH_ACCESS_DMA_WRITE, 16, 16);
    cr_assert_str_eq(hazard_found(&given), "H1 1 0");
    const struct smh_hazard *hazard = smh_judge_hazard_at(given.judge, 0);
    cr_assert_str_eq(hazard_sequence(&given, 0), "store dma_write evict");
    cr_assert_eq(hazard->sequence[0].owner.slot, 0);
    hazard_close(&given);
}
