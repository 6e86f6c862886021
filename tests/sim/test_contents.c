/* test_contents.c: the pattern of a block tells every wrong byte. */
#include "../../sim/model/contents.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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

Test(contents, whatever_value_a_byte_should_have_another_is_told)
{
    for (uint64_t serial = 0; serial < 4000; serial++) {
        uint8_t block[8];
        smh_contents_fill(block, serial, 0, 8);
        for (size_t i = 0; i < 8; i++) {
            block[i] ^= 0xff;
            cr_assert(smh_contents_verify(block, serial, 0, 8) == i);
            block[i] ^= 0xff;
        }
    }
}

Test(contents, a_range_that_ends_before_it_begins_is_empty)
{
    cr_assert(smh_contents_verify("", 1, 9, 8) == SMH_CONTENTS_SAME);
    cr_assert(smh_contents_verify_zero("", 9, 8) == SMH_CONTENTS_SAME);
}

/* Written down once, so that a block of today verifies tomorrow, and no two serials share words. */
Test(contents, the_pattern_is_this_one)
{
    static const uint8_t expected[2][20] = {
        {
            0xdb, 0x6a, 0x7b, 0x03, 0x39, 0xd0, 0xae, 0x08, 0xf0, 0xe6,
            0xc5, 0x82, 0xf2, 0x49, 0xe6, 0xa6, 0x05, 0x63, 0x10, 0x02,
        },
        {
            0x45, 0xd4, 0x32, 0xa2, 0x9d, 0x52, 0xd3, 0x56, 0x5a, 0x50,
            0x7d, 0x21, 0x57, 0xcc, 0x0a, 0xf5, 0x6f, 0xcc, 0xc7, 0xa0,
        },
    };
    static const uint64_t serials[2] = {0, 7};
    for (size_t i = 0; i < 2; i++) {
        uint8_t block[20];
        smh_contents_fill(block, serials[i], 0, sizeof(block));
        cr_assert(memcmp(block, expected[i], sizeof(block)) == 0);
    }
}

Test(contents, every_range_is_filled_and_judged_to_the_byte)
{
    uint8_t whole[48];
    smh_contents_fill(whole, 5, 0, sizeof(whole));
    for (size_t from = 0; from <= 40; from++) {
        for (size_t to = from; to <= 40; to++) {
            uint8_t block[48];
            memset(block, 0xEE, sizeof(block));
            smh_contents_fill(block, 5, from, to);
            for (size_t i = 0; i < sizeof(block); i++) {
                cr_assert(block[i] == (i >= from && i < to ? whole[i] : 0xEE));
            }
            cr_assert(smh_contents_verify(block, 5, from, to) == SMH_CONTENTS_SAME);
            for (size_t i = from; i < to; i++) {
                for (int change = -1; change <= 1; change += 2) {
                    block[i] = (uint8_t)(block[i] + change);
                    cr_assert(smh_contents_verify(block, 5, from, to) == i);
                    block[i] = (uint8_t)(block[i] - change);
                }
            }
        }
    }
}

Test(contents, of_two_wrong_bytes_the_first_is_told)
{
    uint8_t block[40];
    smh_contents_fill(block, 5, 0, sizeof(block));
    for (size_t i = 0; i < sizeof(block); i++) {
        for (size_t j = i + 1; j < sizeof(block); j++) {
            block[i] ^= 1;
            block[j] ^= 1;
            cr_assert(smh_contents_verify(block, 5, 0, sizeof(block)) == i);
            block[i] ^= 1;
            block[j] ^= 1;
        }
    }
}

/*     | page ....|xxxxxxxx x|xxx page that traps |      x: the range ends at the border */
Test(contents, nothing_beyond_the_range_is_read)
{
    long page = sysconf(_SC_PAGESIZE);
    uint8_t *memory =
        mmap(NULL, 2 * (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert(memory != MAP_FAILED);
    cr_assert(mprotect(memory + page, (size_t)page, PROT_NONE) == 0);
    for (size_t bytes = 0; bytes <= 40; bytes++) {
        uint8_t *block = memory + page - bytes;
        for (size_t from = 0; from <= bytes; from++) {
            smh_contents_fill(block, 5, from, bytes);
            cr_assert(smh_contents_verify(block, 5, from, bytes) == SMH_CONTENTS_SAME);
            memset(block, 0, bytes);
            cr_assert(smh_contents_verify_zero(block, from, bytes) == SMH_CONTENTS_SAME);
        }
    }
    cr_assert(munmap(memory, 2 * (size_t)page) == 0);
}

/* A byte is equal by chance once in 256 times. */
Test(contents, at_every_place_a_byte_of_another_version_is_told)
{
    static const uint64_t serials[2] = {9, UINT64_MAX};
    for (size_t k = 0; k < 2; k++) {
        unsigned equal[16] = {0};
        for (unsigned version = 0; version < 255; version++) {
            uint8_t stale[16];
            uint8_t fresh[16];
            smh_contents_fill(stale, smh_contents_serial(serials[k], (uint8_t)version), 0, 16);
            smh_contents_fill(fresh, smh_contents_serial(serials[k], (uint8_t)(version + 1)), 0,
                              16);
            for (size_t i = 0; i < 16; i++) {
                equal[i] += stale[i] == fresh[i];
            }
        }
        for (size_t i = 0; i < 16; i++) {
            cr_assert(equal[i] <= 8);
        }
        cr_assert(smh_contents_serial(serials[k], 0) == serials[k]);
    }
}
