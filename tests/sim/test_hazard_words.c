/* test_hazard_words.c: a hazard is explained by what happened, and the advice mends that.
 *
 *     ram, lines of 32 bytes:   0       32      64      96
 */
#include "hazard_case.h"

#include <criterion/criterion.h>
#include <string.h>

static void expect(struct hazard_case *given, const char *found, const char *explanation,
                   const char *advice)
{
    cr_assert_str_eq(hazard_found(given), found);
    const struct smh_hazard *hazard = smh_judge_hazard_at(given->judge, 0);
    cr_assert(strstr(hazard->explanation, explanation) != NULL, "%s", hazard->explanation);
    cr_assert(strstr(hazard->advice, advice) != NULL, "%s", hazard->advice);
}

/* The judge keeps where the case is. */
static void open_block(struct hazard_case *given, uint64_t bytes, uint32_t cores,
                       uint32_t store_buffer)
{
    *given = hazard_case();
    given->scenario.machine.cores = cores;
    given->scenario.machine.store_buffer = store_buffer;
    hazard_open(given);
    hazard_block(given, 0, 0, bytes, 32);
}

Test(hazard_words, an_invalidation_before_the_transfer_does_not_help)
{
    struct hazard_case given;
    open_block(&given, 32, 1, 0);
    hazard_access(&given, INVALIDATE, 0, 32);
    hazard_access(&given, DMA_WRITE, 0, 32);
    hazard_access(&given, LOAD, 0, 32);
    expect(&given, "H3 0", "also after an invalidation before that",
           "after the transfer, before the first load");
    hazard_close(&given);
}

Test(hazard_words, a_clean_where_an_invalidation_is_needed_is_in_the_sequence)
{
    struct hazard_case given;
    open_block(&given, 32, 1, 0);
    hazard_access(&given, DMA_WRITE, 0, 32);
    hazard_access(&given, CLEAN, 0, 32);
    hazard_access(&given, LOAD, 0, 32);
    expect(&given, "H3 0", "it was not invalidated", "invalidate '");
    cr_assert_str_eq(hazard_sequence(&given, 0), "fill dma_write clean load");
    hazard_close(&given);
}

Test(hazard_words, an_invalidation_where_a_clean_is_needed_is_in_the_sequence)
{
    struct hazard_case given;
    open_block(&given, 32, 1, 0);
    hazard_access(&given, STORE, 0, 32);
    hazard_access(&given, INVALIDATE, 0, 32);
    hazard_access(&given, DMA_READ, 0, 32);
    expect(&given, "H5 0", "an invalidation dropped before they were written back",
           "instead, or before it is invalidated");
    cr_assert_str_eq(hazard_sequence(&given, 0), "store invalidate dma_read");
    hazard_close(&given);
}

Test(hazard_words, a_store_after_the_transfer_to_a_line_fetched_before_it)
{
    struct hazard_case given;
    open_block(&given, 32, 1, 0);
    hazard_access(&given, DMA_WRITE, 0, 16);
    hazard_access(&given, STORE, 16, 16);
    expect(&given, "H4 0", "may have been fetched before a device wrote 16 bytes",
           "after the transfer, before the next store");
    hazard_close(&given);
}

Test(hazard_words, two_cores_that_store_to_one_line_are_not_called_a_transfer)
{
    struct hazard_case given;
    open_block(&given, 32, 2, 0);
    hazard_access(&given, STORE, 0, 16);
    given.core = 1;
    hazard_access(&given, STORE, 16, 16);
    expect(&given, "H4 0", "two cores have stored", "on the one core before the other");
    hazard_close(&given);
}

Test(hazard_words, another_core_reads_a_line_fetched_before_the_first_one_cleaned)
{
    struct hazard_case given;
    open_block(&given, 32, 2, 0);
    hazard_access(&given, STORE, 0, 32);
    given.core = 1;
    hazard_access(&given, INVALIDATE, 0, 32);
    given.core = 0;
    hazard_access(&given, CLEAN, 0, 32);
    given.core = 1;
    hazard_access(&given, LOAD, 0, 32);
    expect(&given, "H3 0", "before another core's stores reached memory: it was invalidated too",
           "on the core that reads");
    cr_assert_str_eq(hazard_sequence(&given, 0), "store invalidate fill clean load");
    hazard_close(&given);
}

Test(hazard_words, another_cores_invalidation_drops_nothing_of_a_private_cache)
{
    struct hazard_case given;
    open_block(&given, 32, 2, 0);
    hazard_access(&given, STORE, 0, 32);
    given.core = 1;
    hazard_access(&given, INVALIDATE, 0, 32);
    hazard_access(&given, LOAD, 0, 32);
    expect(&given, "H5 0", "that were not written back", "on the core that stored it");
    hazard_close(&given);
}

Test(hazard_words, a_store_that_waits_in_a_store_buffer_needs_a_barrier_and_no_clean)
{
    struct hazard_case given;
    open_block(&given, 32, 1, 4);
    given.uncached = true;
    hazard_access(&given, STORE, 0, 16);
    hazard_access(&given, DMA_READ, 0, 16);
    expect(&given, "H5 0", "still wait in its store buffer", "a barrier");
    hazard_close(&given);
}

Test(hazard_words, a_pending_store_over_what_a_device_wrote)
{
    struct hazard_case given;
    open_block(&given, 32, 1, 4);
    given.uncached = true;
    hazard_access(&given, STORE, 0, 16);
    hazard_access(&given, DMA_WRITE, 0, 16);
    expect(&given, "H4 0", "waited in a store buffer", "a barrier");
    hazard_close(&given);
}

Test(hazard_words, a_block_made_shorter_is_not_called_freed)
{
    struct hazard_case given;
    open_block(&given, 128, 1, 0);
    hazard_access(&given, STORE, 0, 128);
    struct smh_owner shorter = {.operation = 9, .bytes = 64, .kind = SMH_OWNER_BLOCK, .align = 32};
    smh_judge_resize(given.judge, &shorter, 64);
    hazard_block(&given, 1, 64, 64, 32);
    hazard_access(&given, DMA_WRITE, 64, 64);
    expect(&given, "H6 1 0", "made shorter while its line", "before it is made shorter");
    hazard_close(&given);
}

Test(hazard_words, links_left_dirty_in_a_padded_block_are_not_mended_by_padding)
{
    struct hazard_case given = hazard_case();
    given.scenario.machine.dirty_hand_out = true;
    hazard_open(&given);
    given.by_allocator = true;
    hazard_access(&given, STORE, 0, 8);
    given.by_allocator = false;
    hazard_block(&given, 0, 0, 32, 32);
    hazard_access(&given, DMA_WRITE, 0, 32);
    expect(&given, "H2 0 m", "share the 32-byte line", "once it is handed out");
    hazard_close(&given);
}

/* 16 bytes uncached, 16 beside them cached: no store buffer, so nothing uncached is dirty. */
Test(hazard_words, what_was_stored_uncached_is_not_drawn_as_dirty)
{
    struct hazard_case given;
    open_block(&given, 32, 1, 0);
    hazard_access(&given, STORE, 0, 8);
    given.uncached = true;
    hazard_access(&given, STORE, 16, 8);
    expect(&given, "H9 0", "one view", "one view");
    cr_assert(strstr(smh_judge_hazard_at(given.judge, 0)->drawing,
                     "dirty   ########........................") != NULL);
    hazard_close(&given);
}
