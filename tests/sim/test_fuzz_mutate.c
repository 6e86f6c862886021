/* test_fuzz_mutate.c: mutations keep records whole. */
#include "../../fuzz/input/mutate.h"
#include "../../sim/workload/fuzz_input.h"

#include <criterion/criterion.h>
#include <string.h>

#define HEADER   SMH_FUZZ_HEADER_BYTES
#define RECORD   SMH_FUZZ_RECORD_BYTES
#define ROOM     1024
#define SENTINEL 0xEE

/* count records, the i-th of bytes i + 1. */
static size_t given_input(uint8_t *bytes, size_t count, uint8_t header)
{
    memset(bytes, header, HEADER);
    for (size_t i = 0; i < count; i++) {
        memset(bytes + HEADER + i * RECORD, (int)(i + 1), RECORD);
    }
    return HEADER + count * RECORD;
}

Test(fuzz_mutate, the_result_is_a_header_and_whole_records_within_the_room)
{
    for (unsigned seed = 0; seed < 2000; seed++) {
        uint8_t bytes[ROOM + 8];
        size_t max_size = HEADER + seed % (ROOM - HEADER);
        size_t size = given_input(bytes, (max_size - HEADER) / RECORD / 2, 0);
        memset(bytes + max_size, SENTINEL, 8);
        size = fuzz_mutate(bytes, size, max_size, seed);
        cr_assert_leq(size, max_size);
        cr_assert_eq((size - HEADER) % RECORD, 0);
        for (size_t i = 0; i < 8; i++) {
            cr_assert_eq(bytes[max_size + i], SENTINEL, "written past the room");
        }
    }
}

Test(fuzz_mutate, the_seed_decides)
{
    size_t different = 0;
    for (unsigned seed = 0; seed < 200; seed++) {
        uint8_t once[ROOM];
        uint8_t again[ROOM];
        uint8_t other[ROOM];
        size_t size = given_input(once, 20, 0);
        memcpy(again, once, ROOM > size ? size : ROOM);
        memcpy(other, once, size);
        size_t once_size = fuzz_mutate(once, size, ROOM, seed);
        size_t again_size = fuzz_mutate(again, size, ROOM, seed);
        size_t other_size = fuzz_mutate(other, size, ROOM, seed + 1000);
        cr_assert_eq(once_size, again_size);
        cr_assert_eq(memcmp(once, again, once_size), 0);
        different += once_size != other_size || memcmp(once, other, once_size) != 0;
    }
    cr_assert_gt(different, 190);
}

Test(fuzz_mutate, what_is_shorter_than_a_header_becomes_one)
{
    uint8_t bytes[ROOM] = {1, 2, 3};
    size_t size = fuzz_mutate(bytes, 3, ROOM, 1);
    cr_assert_geq(size, HEADER);
    cr_assert_eq(fuzz_mutate(bytes, 3, 16, 1), 3);
}

/* Every record of a crossover is a record of one of the two. */
Test(fuzz_mutate, a_crossover_has_whole_records_of_both)
{
    size_t of_left = 0;
    size_t of_right = 0;
    for (unsigned seed = 0; seed < 500; seed++) {
        uint8_t left[ROOM];
        uint8_t right[ROOM];
        uint8_t out[ROOM];
        size_t left_size = given_input(left, 10, 0x11);
        size_t right_size = given_input(right, 20, 0x22);
        memset(right + HEADER, 0x80, 20 * RECORD);
        size_t size =
            fuzz_cross(left, left_size, right, right_size, out, HEADER + 25 * RECORD, seed);
        cr_assert_leq(size, HEADER + 25 * RECORD);
        cr_assert_eq((size - HEADER) % RECORD, 0);
        cr_assert(out[0] == 0x11 || out[0] == 0x22);
        for (size_t at = HEADER; at < size; at += RECORD) {
            for (size_t i = 1; i < RECORD; i++) {
                cr_assert_eq(out[at], out[at + i], "a record is torn");
            }
            of_left += out[at] <= 10;
            of_right += out[at] == 0x80;
        }
    }
    cr_assert_gt(of_left, 500);
    cr_assert_gt(of_right, 500);
}
