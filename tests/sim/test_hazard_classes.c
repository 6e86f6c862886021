/* test_hazard_classes.c: each class of hazard in its smallest form, and its repair beside it.
 *
 *     ram, lines of 32 bytes:   0       32      64      96
 */
#include "hazard_case.h"

#include <criterion/criterion.h>

static void expect(const struct hazard_case *given, const char *found)
{
    cr_assert_str_eq(hazard_found(given), found);
}

Test(hazard_h1, a_dirty_neighbour_in_the_line_clobbers_what_a_device_wrote)
{
    struct hazard_case given = hazard_case();
    hazard_open(&given);
    hazard_block(&given, 0, 0, 40, 32); /* |00000000|00111111| */
    hazard_block(&given, 1, 40, 24, 0);
    hazard_access(&given, STORE, 40, 24);
    hazard_access(&given, DMA_WRITE, 0, 40);
    expect(&given, "H1 0 1");
    cr_assert_str_eq(hazard_sequence(&given, 0), "store dma_write evict");
    cr_assert_eq(smh_judge_hazard_at(given.judge, 0)->line_offset, 32);
    cr_assert_eq(smh_judge_hazard_at(given.judge, 0)->wrong_bytes[0], 0xFF);
    hazard_close(&given);
}

Test(hazard_h1, an_invalidation_for_the_buffer_drops_the_neighbours_stores)
{
    struct hazard_case given = hazard_case();
    hazard_open(&given);
    hazard_block(&given, 0, 0, 40, 32);
    hazard_block(&given, 1, 40, 24, 0);
    hazard_access(&given, STORE, 40, 8);
    hazard_access(&given, INVALIDATE, 0, 40);
    expect(&given, "H1 1 0");
    cr_assert_str_eq(hazard_sequence(&given, 0), "store invalidate");
    hazard_close(&given);
}

Test(hazard_h1, neighbours_on_lines_of_their_own_are_safe)
{
    struct hazard_case given = hazard_case();
    hazard_open(&given);
    hazard_block(&given, 0, 0, 64, 32);
    hazard_block(&given, 1, 64, 24, 0);
    hazard_access(&given, STORE, 64, 24);
    hazard_access(&given, INVALIDATE, 0, 64);
    hazard_access(&given, DMA_WRITE, 0, 64);
    hazard_access(&given, INVALIDATE, 0, 64);
    hazard_access(&given, LOAD, 0, 64);
    hazard_access(&given, LOAD, 64, 24);
    expect(&given, "");
    hazard_close(&given);
}

Test(hazard_h1, a_neighbour_that_only_reads_costs_nobody_anything)
{
    struct hazard_case given = hazard_case();
    hazard_open(&given);
    hazard_block(&given, 0, 0, 40, 32);
    hazard_block(&given, 1, 40, 24, 0);
    hazard_access(&given, STORE, 40, 24);
    hazard_access(&given, CLEAN, 40, 24);
    hazard_access(&given, DMA_WRITE, 0, 40);
    hazard_access(&given, LOAD, 40, 24);
    hazard_access(&given, INVALIDATE, 0, 40);
    hazard_access(&given, LOAD, 0, 40);
    expect(&given, "");
    hazard_close(&given);
}

Test(hazard_h2, metadata_behind_the_buffer_is_dropped_and_read_later)
{
    struct hazard_case given = hazard_case();
    hazard_open(&given);
    hazard_block(&given, 0, 0, 40, 32);
    given.by_allocator = true;
    hazard_access(&given, STORE, 40, 8); /* header of the next chunk */
    given.by_allocator = false;
    hazard_access(&given, INVALIDATE, 0, 40);
    expect(&given, ""); /* nobody has missed it yet */
    given.by_allocator = true;
    hazard_access(&given, LOAD, 40, 8);
    expect(&given, "H2 m 0");
    cr_assert_str_eq(hazard_sequence(&given, 0), "store invalidate load");
    hazard_close(&given);
}

Test(hazard_h2, metadata_left_dirty_in_the_line_clobbers_what_a_device_wrote)
{
    struct hazard_case given = hazard_case();
    hazard_open(&given);
    given.by_allocator = true;
    hazard_access(&given, STORE, 24, 8); /* the block's own header */
    given.by_allocator = false;
    hazard_block(&given, 0, 32, 40, 0);
    hazard_block(&given, 1, 8, 16, 0);
    hazard_access(&given, DMA_WRITE, 8, 16);
    expect(&given, "H2 1 m");
    hazard_close(&given);
}

Test(hazard_h2, what_the_allocator_left_dirty_in_the_block_is_settled_at_the_hand_out)
{
    for (int as_is = 0; as_is < 2; as_is++) {
        struct hazard_case given = hazard_case();
        given.scenario.machine.dirty_hand_out = as_is != 0;
        hazard_open(&given);
        given.by_allocator = true;
        hazard_access(&given, STORE, 32, 16); /* links of a free chunk */
        given.by_allocator = false;
        hazard_block(&given, 0, 32, 64, 32);
        hazard_access(&given, DMA_WRITE, 32, 64);
        expect(&given, as_is ? "H2 0 m" : "");
        hazard_close(&given);
    }
}

Test(hazard_h3, invalidated_before_the_transfer_alone)
{
    struct hazard_case given = hazard_case();
    hazard_open(&given);
    hazard_block(&given, 0, 0, 64, 32);
    hazard_access(&given, INVALIDATE, 0, 64);
    hazard_access(&given, DMA_WRITE, 0, 64);
    hazard_access(&given, LOAD, 0, 64);
    expect(&given, "H3 0");
    cr_assert_str_eq(hazard_sequence(&given, 0), "fill dma_write load");
    hazard_close(&given);
}

Test(hazard_h3, invalidated_after_the_transfer)
{
    struct hazard_case given = hazard_case();
    hazard_open(&given);
    hazard_block(&given, 0, 0, 64, 32);
    hazard_access(&given, DMA_WRITE, 0, 64);
    hazard_access(&given, INVALIDATE, 0, 64);
    hazard_access(&given, LOAD, 0, 64);
    expect(&given, "");
    hazard_close(&given);
}

Test(hazard_h4, dirty_at_the_time_of_the_transfer)
{
    struct hazard_case given = hazard_case();
    hazard_open(&given);
    hazard_block(&given, 0, 0, 64, 32);
    hazard_access(&given, STORE, 0, 16);
    hazard_access(&given, DMA_WRITE, 0, 64);
    expect(&given, "H4 0");
    hazard_close(&given);
}

Test(hazard_h5, a_device_reads_what_was_not_cleaned)
{
    struct hazard_case given = hazard_case();
    hazard_open(&given);
    hazard_block(&given, 0, 0, 64, 32);
    hazard_access(&given, STORE, 0, 64);
    hazard_access(&given, CLEAN, 0, 32);
    hazard_access(&given, DMA_READ, 0, 64);
    expect(&given, "H5 0");
    cr_assert_eq(smh_judge_hazard_at(given.judge, 0)->line_offset, 32);
    hazard_close(&given);
}

Test(hazard_h5, cleaned_before_the_device_reads)
{
    struct hazard_case given = hazard_case();
    hazard_open(&given);
    hazard_block(&given, 0, 0, 64, 32);
    hazard_access(&given, STORE, 0, 64);
    hazard_access(&given, CLEAN, 0, 64);
    hazard_access(&given, DMA_READ, 0, 64);
    expect(&given, "");
    hazard_close(&given);
}

Test(hazard_h5, what_the_owner_discards_matters_only_when_it_is_read)
{
    struct hazard_case given = hazard_case();
    hazard_open(&given);
    hazard_block(&given, 0, 0, 64, 32);
    hazard_access(&given, STORE, 0, 64);
    hazard_access(&given, INVALIDATE, 0, 64); /* about to be received into: fine */
    hazard_access(&given, DMA_WRITE, 0, 32);
    expect(&given, "");
    hazard_access(&given, DMA_READ, 0, 64); /* the second half was meant */
    expect(&given, "H5 0");
    cr_assert_eq(smh_judge_hazard_at(given.judge, 0)->line_offset, 32);
    hazard_close(&given);
}

Test(hazard_h6, freed_dirty_and_given_to_a_device)
{
    struct hazard_case given = hazard_case();
    hazard_open(&given);
    hazard_block(&given, 0, 0, 64, 32);
    hazard_access(&given, STORE, 0, 64);
    hazard_free(&given, 0);
    hazard_block(&given, 1, 0, 64, 32);
    hazard_access(&given, DMA_WRITE, 0, 64);
    expect(&given, "H6 1 0");
    cr_assert_str_eq(hazard_sequence(&given, 0), "store free dma_write evict");
    hazard_close(&given);
}

/* |........|..000000|, freed, then |11111111|11111111|: the first eight bytes of the second line
 * are lost with the rest. */
Test(hazard_h6, the_whole_line_of_a_freed_block_goes_over_the_next_owner)
{
    struct hazard_case given = hazard_case();
    hazard_open(&given);
    hazard_block(&given, 0, 40, 24, 0);
    hazard_access(&given, STORE, 40, 24);
    hazard_free(&given, 40);
    hazard_block(&given, 1, 0, 64, 32);
    hazard_access(&given, DMA_WRITE, 0, 64);
    expect(&given, "H6 1 0");
    hazard_close(&given);
}

/* |00000000|00111111|: both lived at once, so freeing the one is not what went wrong. */
Test(hazard_h1, a_neighbour_that_was_freed_since_shared_the_line_all_the_same)
{
    struct hazard_case given = hazard_case();
    hazard_open(&given);
    hazard_block(&given, 0, 0, 40, 32);
    hazard_block(&given, 1, 40, 24, 0);
    hazard_access(&given, STORE, 40, 24);
    hazard_free(&given, 40);
    hazard_access(&given, DMA_WRITE, 0, 40);
    expect(&given, "H1 0 1");
    hazard_close(&given);
}

Test(hazard_h6, cleaned_before_it_was_freed)
{
    struct hazard_case given = hazard_case();
    hazard_open(&given);
    hazard_block(&given, 0, 0, 64, 32);
    hazard_access(&given, STORE, 0, 64);
    hazard_access(&given, FLUSH, 0, 64);
    hazard_free(&given, 0);
    hazard_block(&given, 1, 0, 64, 32);
    hazard_access(&given, DMA_WRITE, 0, 64);
    expect(&given, "");
    hazard_close(&given);
}

Test(hazard_h7, invalidating_a_part_destroys_the_rest_of_the_line)
{
    struct hazard_case given = hazard_case();
    hazard_open(&given);
    hazard_block(&given, 0, 0, 64, 32);
    hazard_access(&given, STORE, 0, 16);
    hazard_access(&given, INVALIDATE, 16, 48);
    expect(&given, "H7 0");
    hazard_close(&given);
}

Test(hazard_h8, a_driver_for_longer_lines_passes_every_other_line_over)
{
    struct hazard_case given = hazard_case();
    hazard_open(&given);
    given.step = 64;
    hazard_block(&given, 0, 0, 64, 64);
    hazard_access(&given, STORE, 0, 64);
    hazard_access(&given, CLEAN, 0, 64);
    hazard_access(&given, DMA_READ, 0, 64);
    expect(&given, "H8 0");
    hazard_close(&given);
}

Test(hazard_h8, blocks_padded_for_half_the_line_share_it)
{
    struct hazard_case given = hazard_case();
    given.scenario.machine.line_bytes = 64;
    hazard_open(&given);
    hazard_block(&given, 0, 0, 32, 32);
    hazard_block(&given, 1, 32, 32, 32);
    hazard_access(&given, STORE, 32, 32);
    hazard_access(&given, DMA_WRITE, 0, 32);
    expect(&given, "H8 0 1");
    hazard_close(&given);
}

/* |00000000 00000000|00001111 1111....|: it is the device's buffer that does not fill its lines. */
Test(hazard_h1, a_neighbour_with_care_for_a_smaller_line_does_not_make_it_another_class)
{
    struct hazard_case given = hazard_case();
    given.scenario.machine.line_bytes = 64;
    hazard_open(&given);
    hazard_block(&given, 0, 0, 80, 64);
    hazard_block(&given, 1, 96, 32, 32);
    hazard_access(&given, STORE, 96, 32);
    hazard_access(&given, DMA_WRITE, 0, 80);
    hazard_access(&given, INVALIDATE, 0, 80);
    expect(&given, "H1 0 1");
    hazard_close(&given);
}

Test(hazard_h2, a_buffer_aligned_as_heaps_do_anyway_is_not_made_for_another_line)
{
    struct hazard_case given = hazard_case();
    hazard_open(&given);
    hazard_block(&given, 0, 16, 16, 16);
    given.by_allocator = true;
    hazard_access(&given, STORE, 8, 4);
    given.by_allocator = false;
    hazard_access(&given, DMA_WRITE, 16, 16);
    expect(&given, "H2 0 m");
    hazard_close(&given);
}

/* |00000000|00000000|00000000|11111111|: 128 bytes made 96. */
Test(hazard_h6, what_a_block_made_shorter_left_dirty_hits_the_next_owner)
{
    struct hazard_case given = hazard_case();
    hazard_open(&given);
    hazard_block(&given, 0, 0, 128, 32);
    hazard_access(&given, STORE, 0, 128);
    struct smh_owner shorter = {.operation = 9, .bytes = 96, .kind = SMH_OWNER_BLOCK, .align = 32};
    smh_judge_resize(given.judge, &shorter, 96);
    hazard_block(&given, 1, 96, 32, 32);
    hazard_access(&given, DMA_WRITE, 96, 32);
    expect(&given, "H6 1 0");
    hazard_close(&given);
}

/* |00000000|00000000|00000000|00001111|: 128 bytes made 112. Both live in the line. */
Test(hazard_h1, a_block_made_shorter_within_a_line_shares_it)
{
    struct hazard_case given = hazard_case();
    hazard_open(&given);
    hazard_block(&given, 0, 0, 128, 32);
    hazard_access(&given, STORE, 0, 128);
    struct smh_owner shorter = {.operation = 9, .bytes = 112, .kind = SMH_OWNER_BLOCK, .align = 32};
    smh_judge_resize(given.judge, &shorter, 112);
    hazard_block(&given, 1, 112, 16, 0);
    hazard_access(&given, DMA_WRITE, 112, 16);
    expect(&given, "H1 1 0");
    hazard_close(&given);
}

Test(hazard_h9, stored_cached_and_read_uncached)
{
    struct hazard_case given = hazard_case();
    hazard_open(&given);
    hazard_block(&given, 0, 0, 64, 32);
    hazard_access(&given, STORE, 0, 64);
    given.uncached = true;
    hazard_access(&given, LOAD, 0, 64);
    expect(&given, "H9 0");
    hazard_close(&given);
}

Test(hazard_h9, stored_uncached_over_a_dirty_line)
{
    struct hazard_case given = hazard_case();
    hazard_open(&given);
    hazard_block(&given, 0, 0, 64, 32);
    hazard_access(&given, STORE, 0, 64);
    given.uncached = true;
    hazard_access(&given, STORE, 0, 64);
    expect(&given, "H9 0");
    hazard_close(&given);
}

Test(hazard_h9, flushed_between_the_views)
{
    struct hazard_case given = hazard_case();
    hazard_open(&given);
    hazard_block(&given, 0, 0, 64, 32);
    hazard_access(&given, STORE, 0, 64);
    hazard_access(&given, FLUSH, 0, 64);
    given.uncached = true;
    hazard_access(&given, LOAD, 0, 64);
    hazard_access(&given, STORE, 0, 64);
    given.uncached = false;
    hazard_access(&given, INVALIDATE, 0, 64);
    hazard_access(&given, LOAD, 0, 64);
    expect(&given, "");
    hazard_close(&given);
}

Test(hazard_h10, a_stack_buffer_and_memory_out_of_reach)
{
    struct hazard_case given = hazard_case();
    hazard_open(&given);
    hazard_stack(&given, 0, 4000, 64);
    hazard_access(&given, DMA_READ, 4000, 64);
    expect(&given, "H10 0");
    hazard_close(&given);

    given = hazard_case();
    given.regions[0].dma_unreachable = true;
    hazard_open(&given);
    hazard_block(&given, 1, 0, 64, 32);
    hazard_access(&given, DMA_WRITE, 0, 64);
    hazard_access(&given, DMA_WRITE, 0, 64);
    expect(&given, "H10 1");
    cr_assert_eq(smh_judge_hazard_at(given.judge, 0)->count, 2);
    hazard_close(&given);
}

Test(hazard_cores, a_block_handed_to_another_core_with_maintenance_on_both_is_safe)
{
    for (int step = 0; step < 3; step++) { /* all; no clean; no invalidation */
        struct hazard_case given = hazard_case();
        given.scenario.machine.cores = 2;
        hazard_open(&given);
        hazard_block(&given, 0, 0, 64, 32);
        hazard_access(&given, STORE, 0, 64);
        if (step != 1) {
            hazard_access(&given, FLUSH, 0, 64);
        }
        given.core = 1;
        if (step != 2) {
            hazard_access(&given, INVALIDATE, 0, 64);
        }
        hazard_access(&given, LOAD, 0, 64);
        expect(&given, step == 0 ? "" : step == 1 ? "H5 0" : "H3 0");
        hazard_close(&given);
    }
}

Test(hazard_cores, two_cores_that_store_to_one_line_lose_each_others_bytes)
{
    struct hazard_case given = hazard_case();
    given.scenario.machine.cores = 2;
    hazard_open(&given);
    hazard_block(&given, 0, 0, 16, 0);
    hazard_block(&given, 1, 16, 16, 0);
    hazard_access(&given, STORE, 0, 16);
    given.core = 1;
    hazard_access(&given, STORE, 16, 16);
    cr_assert_eq(smh_judge_hazard_at(given.judge, 0)->hazard_class, SMH_HAZARD_H1);
    hazard_close(&given);
}

Test(hazard_store_buffer, a_device_started_before_a_barrier_reads_what_was_there_before)
{
    for (int with_barrier = 0; with_barrier < 2; with_barrier++) {
        struct hazard_case given = hazard_case();
        given.scenario.machine.store_buffer = 4;
        given.regions[0].cache = SMH_CACHE_NONE;
        hazard_open(&given);
        hazard_block(&given, 0, 0, 64, 32);
        hazard_access(&given, STORE, 0, 64);
        if (with_barrier) {
            hazard_access(&given, BARRIER, 0, 0);
        }
        hazard_access(&given, DMA_READ, 0, 64);
        expect(&given, with_barrier ? "" : "H5 0");
        hazard_close(&given);
    }
}

Test(hazard_write_through, memory_is_never_stale_but_the_cache_may_be)
{
    struct hazard_case given = hazard_case();
    given.regions[0].cache = SMH_CACHE_WRITE_THROUGH;
    hazard_open(&given);
    hazard_block(&given, 0, 0, 64, 32);
    hazard_access(&given, STORE, 0, 64);
    hazard_access(&given, DMA_READ, 0, 64);
    hazard_access(&given, DMA_WRITE, 0, 64);
    expect(&given, "");
    hazard_access(&given, LOAD, 0, 64);
    expect(&given, "H3 0");
    hazard_close(&given);
}
