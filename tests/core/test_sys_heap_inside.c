/* test_sys_heap_inside.c: what the skin of sys_heap is made of, asked directly.
 *
 * Owns: lines as long as their buffer and numbers as long as there are, which no heap prints; draws
 * and quotients that the stress rig meets once in 2^32 steps. sys_heap_info.c and sys_heap_stress.c
 * are compiled in here once more, with names of their own.
 */
#define sys_heap_print_info inside_print_info
#define sys_heap_stress     inside_stress
#include "../../src/sys_heap_info.c"
#include "../../src/sys_heap_stress.c"

#include <criterion/criterion.h>

/* --- lines ------------------------------------------------------------------------------------ */

static const char *text_of(struct line *line)
{
    line->text[line->length] = '\0';
    return line->text;
}

Test(sys_heap_line, keeps_what_its_buffer_holds_and_leaves_out_the_rest)
{
    struct {
        struct line line;
        char behind[8];
    } place = {{{0}, 0}, "behind"};
    char text[LINE_BYTES + 1];

    memset(text, 'x', sizeof(text) - 1);
    text[LINE_BYTES] = '\0';
    put(&place.line, text);
    cr_expect_eq(place.line.length, LINE_BYTES - 1, "one byte less, for the end");
    put(&place.line, "y");
    cr_expect_eq(place.line.length, LINE_BYTES - 1);
    cr_expect_eq(strlen(text_of(&place.line)), LINE_BYTES - 1);
    cr_expect_null(strchr(place.line.text, 'y'));
    cr_expect_str_eq(place.behind, "behind");
}

Test(sys_heap_line, a_text_that_just_fits_is_whole)
{
    struct line line = {{0}, LINE_BYTES - 4};

    put(&line, "abc");
    cr_expect_str_eq(text_of(&line) + LINE_BYTES - 4, "abc");
}

Test(sys_heap_line, holds_the_largest_numbers_to_the_last_digit)
{
    static const struct {
        uint64_t value;
        unsigned width;
        const char *text;
    } rows[] = {
        {0, 0, "0"},
        {0, 3, "  0"},
        {UINT32_MAX, 0, "4294967295"},
        {UINT32_MAX, 12, "  4294967295"},
        {UINT64_C(1) << 56, 0, "72057594037927936"},
        {UINT64_C(1) << 63, 0, "9223372036854775808"},
        {UINT64_C(9999999999999999999), 0, "9999999999999999999"},
        {UINT64_C(10000000000000000000), 0, "10000000000000000000"},
        {UINT64_C(15999999999999999999), 0, "15999999999999999999"},
        {UINT64_MAX, 0, "18446744073709551615"},
        {UINT64_MAX, 21, " 18446744073709551615"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct line line = {{0}, 0};

        if (rows[i].value <= SIZE_MAX) {
            put_number(&line, rows[i].width, (size_t)rows[i].value);
            cr_expect_str_eq(text_of(&line), rows[i].text);
        }
    }
}

/* --- quotients -------------------------------------------------------------------------------- */

Test(sys_heap_stress_inside, quotients_are_right_up_to_the_largest_numbers)
{
    static const size_t values[] = {1,
                                    2,
                                    3,
                                    10,
                                    SIZE_MAX / 3,
                                    SIZE_MAX / 2 - 1,
                                    SIZE_MAX / 2,
                                    SIZE_MAX / 2 + 1,
                                    SIZE_MAX / 2 + 2,
                                    SIZE_MAX / 3 * 2,
                                    SIZE_MAX - 1,
                                    SIZE_MAX};
    size_t count = sizeof(values) / sizeof(values[0]);

    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            struct quotient result = divide(values[i], values[j]);

            cr_expect_eq(result.quotient, values[i] / values[j], "%zu / %zu", values[i], values[j]);
            cr_expect_eq(result.remainder, values[i] % values[j], "%zu %% %zu", values[i],
                         values[j]);
        }
        cr_expect_eq(divide(values[i], 0).quotient, SIZE_MAX);
    }
}

/* --- draws ------------------------------------------------------------------------------------ */

/* States of the generator whose next draw is `draw`, and the one behind it `second`. */
static const struct {
    uint64_t state;
    uint32_t draw;
    uint32_t second;
} states[] = {
    {UINT64_C(0x2a656b2ed8c5699b), 0x0u, 0xfc53a1cdu},
    {UINT64_C(0x62e96ff8efb42844), 0x1u, 0xfb103dc7u},
    {UINT64_C(0x236e02900f87160f), 0x8u, 0xf073f063u},
    {UINT64_C(0x713bf32c8230cf5c), 0xfu, 0xf9845e41u},
    {UINT64_C(0xa9bff7f6991f8e05), 0x10u, 0xf840fa3bu},
    {UINT64_C(0x257ef104c1d6aaf2), 0x1fu, 0xf3ad2573u},
    {UINT64_C(0x494c83a3efb42844), 0x80000000u, 0xf35f8ccau},
    {UINT64_C(0xf1e16664c1d6aaf2), 0xffffffffu, 0xfd9705d3u},
    {UINT64_C(0x96869fe80f87160f), 0x40000000u, 0xf2ee687bu},
    {UINT64_C(0xcf0aa4b22675d4b8), 0x40000001u, 0xf1ab0476u},
    {UINT64_C(0x29889518991f8e05), 0x2aaaaaaau, 0xf815746du},
    {UINT64_C(0xdd99b9f5d8c5699b), 0x2aaaaaabu, 0xfee3dcccu},
};

static struct stress drawing(uint32_t draw)
{
    struct stress stress = {0, 100, 50, NULL, 2, 1, 0};

    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        if (states[i].draw == draw) {
            stress.random = states[i].state;
        }
    }
    cr_assert_neq(stress.random, 0);
    return stress;
}

Test(sys_heap_stress_inside, the_generator_goes_where_the_states_say)
{
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        struct stress stress = {.random = states[i].state};

        cr_expect_eq(next_random(&stress), states[i].draw);
        cr_expect_eq(next_random(&stress), states[i].second);
    }
}

/*     draw     0, 1 ... 15    16 ... 31    2^31 ...
 *     size     any 32 bits    31 bits      4 bits      of the next draw
 */
Test(sys_heap_stress_inside, the_rarest_draws_give_the_largest_sizes)
{
    static const struct {
        uint32_t draw;
        uint32_t mask;
    } rows[] = {{0, UINT32_MAX},   {1, UINT32_MAX},   {8, UINT32_MAX},   {15, UINT32_MAX},
                {16, 0x7fffffffu}, {31, 0x7fffffffu}, {0x80000000u, 15}, {UINT32_MAX, 15}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct stress stress = drawing(rows[i].draw);
        struct stress again = stress;

        (void)next_random(&again);
        cr_expect_eq(random_size(&stress), next_random(&again) & rows[i].mask, "draw %u",
                     rows[i].draw);
    }
}

static bool allocates(uint32_t draw, uint32_t target_percent, size_t bytes)
{
    struct stress stress = drawing(draw);

    stress.target_percent = target_percent;
    stress.bytes = bytes;
    return wants_alloc(&stress);
}

Test(sys_heap_stress_inside, at_the_target_no_draw_allocates_and_below_it_a_draw_above_the_chance)
{
    cr_expect_not(allocates(UINT32_MAX, 2, 2), "the largest draw");
    cr_expect(allocates(UINT32_MAX, 2, 1));
    /* 1 % of 2 %: 2^31 / 2 */
    cr_expect_not(allocates(0x40000000u, 2, 1), "as much as the chance");
    cr_expect(allocates(0x40000001u, 2, 1));
    /* 1 % of 3 %: 2^31 / 3 = 715827882 */
    cr_expect_not(allocates(715827882u, 3, 1));
    cr_expect(allocates(715827883u, 3, 1));
}
