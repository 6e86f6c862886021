/* test_contents.c: the pattern of a block tells every wrong byte. */
#include "../../sim/model/contents.h"

#include <criterion/criterion.h>
#include <string.h>

Test(contents, what_is_filled_verifies)
{
    uint8_t block[100];
    smh_contents_fill(block, 7, 0, sizeof(block));
    cr_assert(smh_contents_verify(block, 7, 0, sizeof(block)) == SMH_CONTENTS_SAME);
}

Test(contents, every_single_changed_byte_is_found_where_it_is)
{
    uint8_t block[100];
    smh_contents_fill(block, 7, 0, sizeof(block));
    for (size_t i = 0; i < sizeof(block); i++) {
        block[i] ^= 0x10;
        cr_assert(smh_contents_verify(block, 7, 0, sizeof(block)) == i);
        block[i] ^= 0x10;
    }
}

Test(contents, a_block_filled_in_parts_equals_one_filled_at_once)
{
    uint8_t whole[64];
    uint8_t parts[64];
    smh_contents_fill(whole, 3, 0, 64);
    smh_contents_fill(parts, 3, 0, 5);
    smh_contents_fill(parts, 3, 5, 21);
    smh_contents_fill(parts, 3, 21, 64);
    cr_assert(memcmp(whole, parts, 64) == 0);
}

Test(contents, the_block_of_another_serial_does_not_verify)
{
    uint8_t block[16];
    smh_contents_fill(block, 1, 0, 16);
    cr_assert(smh_contents_verify(block, 2, 0, 16) != SMH_CONTENTS_SAME);
}

Test(contents, a_block_shifted_by_a_word_does_not_verify)
{
    uint8_t block[72];
    smh_contents_fill(block, 1, 0, 72);
    cr_assert(smh_contents_verify(block + 8, 1, 0, 64) == 0);
}

Test(contents, nothing_outside_the_range_is_written_or_judged)
{
    uint8_t block[32];
    memset(block, 0xEE, sizeof(block));
    smh_contents_fill(block, 1, 9, 23);
    cr_assert(block[8] == 0xEE && block[23] == 0xEE);
    cr_assert(smh_contents_verify(block, 1, 9, 23) == SMH_CONTENTS_SAME);
    cr_assert(smh_contents_verify(block, 1, 8, 23) == 8);
    cr_assert(smh_contents_verify(block, 1, 9, 24) == 23);
}

Test(contents, an_empty_range_verifies)
{
    cr_assert(smh_contents_verify("", 1, 0, 0) == SMH_CONTENTS_SAME);
}

Test(contents, the_first_byte_that_is_not_zero_is_found)
{
    uint8_t block[9] = {0, 0, 0, 0, 0, 0, 0, 0, 1};
    cr_assert(smh_contents_verify_zero(block, 0, 8) == SMH_CONTENTS_SAME);
    cr_assert(smh_contents_verify_zero(block, 0, 9) == 8);
}
