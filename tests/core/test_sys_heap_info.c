/* test_sys_heap_info.c: what sys_heap_print_info writes.
 *
 * Owns: smh_port_print of the test program, which collects lines.
 *
 *     |H H H H H|20 bytes|free|20 bytes|   free   |M|
 */
#include <criterion/criterion.h>
#include <smh/port.h>
#include <stdio.h>
#include <string.h>
#include <zephyr/sys/sys_heap.h>

static char printed[4096];

void smh_port_print(const char *line)
{
    size_t length = strlen(printed);

    (void)snprintf(printed + length, sizeof(printed) - length, "%s\n", line);
}

static _Alignas(8) uint8_t region[256];

static void make(struct sys_heap *heap)
{
    void *freed;

    smh_sys_heap_init(heap, region, sizeof(region), false);
    cr_assert_not_null(sys_heap_alloc(heap, 20));
    freed = sys_heap_alloc(heap, 40);
    cr_assert_not_null(sys_heap_alloc(heap, 20));
    sys_heap_free(heap, freed);
    printed[0] = '\0';
}

Test(sys_heap_info, buckets_chunks_and_totals_are_printed)
{
    struct sys_heap heap;

    make(&heap);
    sys_heap_print_info(&heap, true);
    cr_expect_str_eq(printed,
                     sizeof(void *) > 4
                         ? "heap of 31 units of 8 bytes\n"
                           "bucket   least units   chunks   largest units   largest bytes\n"
                           "     2             5        1               6              40\n"
                           "     3             9        1              12              88\n"
                           "  unit   state    units     left\n"
                           "     0  header        5        0\n"
                           "     5    used        4        5\n"
                           "     9    free        6        4\n"
                           "    15    used        4        6\n"
                           "    19    free       12        4\n"
                           "128 bytes free, 48 allocated, 80 overhead\n"
                         : "heap of 31 units of 8 bytes\n"
                           "bucket   least units   chunks   largest units   largest bytes\n"
                           "     2             4        1               6              44\n"
                           "     3             8        1              14             108\n"
                           "  unit   state    units     left\n"
                           "     0  header        5        0\n"
                           "     5    used        3        5\n"
                           "     8    free        6        3\n"
                           "    14    used        3        6\n"
                           "    17    free       14        3\n"
                           "152 bytes free, 40 allocated, 60 overhead\n");
}

Test(sys_heap_info, chunks_are_left_out_unless_asked_for)
{
    struct sys_heap heap;

    make(&heap);
    sys_heap_print_info(&heap, false);
    cr_expect_null(strstr(printed, "state"));
    cr_expect_not_null(strstr(printed, "overhead"));
}

Test(sys_heap_info, a_damaged_heap_is_named_and_not_followed)
{
    struct sys_heap heap;

    make(&heap);
    memset(region + 40, 0xff, 100);
    sys_heap_print_info(&heap, true);
    cr_expect_str_eq(printed, "heap: not initialised, or damaged\n");
    printed[0] = '\0';
    sys_heap_print_info(NULL, true);
    cr_expect_str_eq(printed, "heap: not initialised, or damaged\n");
}

/* |H|20 bytes, shrunk by a unit|stray|20 bytes|free 6|20 bytes|free 7|20 bytes|free ...| */
static const char stray_printed[] =
    "heap of 63 units of 8 bytes\n"
    "bucket   least units   chunks   largest units   largest bytes\n"
    "     2             5        2               7              48\n"
    "     4            17        1              29             224\n"
    "  unit   state    units     left\n"
    "     0  header        5        0\n"
    "     5    used        3        5\n"
    "     8   stray        1        3\n"
    "     9    used        4        1\n"
    "    13    free        6        4\n"
    "    19    used        4        6\n"
    "    23    free        7        4\n"
    "    30    used        4        7\n"
    "    34    free       29        4\n"
    "312 bytes free, 88 allocated, 112 overhead\n";

static void print_stray(bool larger_first)
{
    static _Alignas(8) uint8_t wide[512];
    struct sys_heap heap;
    void *blocks[6];
    const size_t sizes[] = {24, 20, 40, 20, 48, 20};

    smh_sys_heap_init(&heap, wide, sizeof(wide), false);
    for (size_t i = 0; i < 6; i++) {
        blocks[i] = sys_heap_alloc(&heap, sizes[i]);
    }
    cr_assert_eq(sys_heap_realloc(&heap, blocks[0], 16), blocks[0]);
    sys_heap_free(&heap, blocks[larger_first ? 4 : 2]); /* the first of its list */
    sys_heap_free(&heap, blocks[larger_first ? 2 : 4]);
    printed[0] = '\0';
    sys_heap_print_info(&heap, true);
}

Test(sys_heap_info, a_stray_unit_and_two_chunks_of_a_bucket_are_printed_in_whatever_order)
{
    if (sizeof(void *) == 4) {
        return; /* a small heap has no chunk that is too small */
    }
    print_stray(false);
    cr_expect_str_eq(printed, stray_printed);
    print_stray(true);
    cr_expect_str_eq(printed, stray_printed);
}

/*     |H|24|free 24|24|free 16|24|free 24|..    the smallest that can be listed, and a list of
 * three whose order is not that of addresses */
Test(sys_heap_info, the_smallest_chunk_is_free_and_lists_are_followed_to_their_first_entry)
{
    struct sys_heap heap;
    void *blocks[8];

    smh_sys_heap_init(&heap, region, sizeof(region), false);
    for (size_t i = 0; i < 8; i++) {
        blocks[i] = sys_heap_alloc(&heap, sizeof(void *) > 4 ? 8 : 4);
        cr_assert_not_null(blocks[i]);
    }
    while (sys_heap_alloc(&heap, 1) != NULL) {
    }
    sys_heap_free(&heap, blocks[3]);
    sys_heap_free(&heap, blocks[6]);
    sys_heap_free(&heap, blocks[1]);
    printed[0] = '\0';
    sys_heap_print_info(&heap, true);
    cr_expect_not_null(strstr(printed, sizeof(void *) > 4
                                           ? "     0             2        3               2        "
                                             "       8\n  unit"
                                           : "     0             1        3               1        "
                                             "       4\n  unit"));
    cr_expect_not_null(strstr(printed, "    free        2"));
    cr_expect_null(strstr(printed, "stray"));
}

/* A new heap is one free chunk; in some sizes its bucket is the last there is. */
Test(sys_heap_info, every_bucket_is_looked_at)
{
    for (size_t bytes = 80; bytes <= sizeof(region); bytes += 8) {
        struct sys_heap heap;

        smh_sys_heap_init(&heap, region, bytes, false);
        printed[0] = '\0';
        sys_heap_print_info(&heap, false);
        cr_expect_not_null(strstr(printed, "        1        "), "%zu", bytes);
    }
}
