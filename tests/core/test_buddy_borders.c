/* test_buddy_borders.c: tables up to a page that traps, tables that are damaged, and regions with
 * more than one block of the largest order.
 *
 *     metadata  |lists|table|xxx page that traps
 */
#include "../../src/engine/buddy_layout.h"
#include "trap.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <smh/engine.h>
#include <smh/heap.h>
#include <string.h>
#include <sys/mman.h>

#define LARGEST ((size_t)1 << SMH_BUDDY_LARGEST_SHIFT)

static _Alignas(4096) uint8_t memory[4096];
static struct smh_heap heap;

/* Tables of exactly so many bytes, before a page that traps. */
static uint8_t *tables_at_the_end(size_t bytes)
{
    static uint8_t *trap;

    if (trap == NULL) {
        trap = trap_end(1);
    }
    return trap - bytes;
}

static unsigned orders(size_t units)
{
    unsigned order = 0;

    while ((size_t)2 << order <= units) {
        order++;
    }
    return order + 1;
}

/* A heap of so many units of 16 bytes, and half a unit more, whose tables end with the page. */
static void make(size_t units)
{
    size_t bytes = 4 * orders(units) + units;
    struct smh_heap_config config = {.engine = &smh_engine_buddy,
                                     .memory = memory,
                                     .memory_size = units * 16 + 8,
                                     .granule = 16};

    while ((uintptr_t)tables_at_the_end(bytes) % 4 != 0) {
        bytes++; /* the table ends before; what lies behind it is no entry */
    }
    config.metadata = tables_at_the_end(bytes);
    config.metadata_size = bytes;
    memset(config.metadata, 0xee, bytes);
    cr_assert_eq(smh_heap_init(&heap, &config), 0);
}

Test(buddy_borders, nothing_behind_the_tables_is_touched)
{
    for (size_t units = 1; units <= 40; units++) {
        struct smh_chunk chunk = {0};
        void *blocks[41];
        size_t count = 0;
        size_t walked = 0;

        make(units);
        while ((blocks[count] = smh_heap_alloc(&heap, 16)) != NULL) {
            count++;
        }
        cr_assert_eq(count, units);
        cr_assert_null(smh_heap_alloc(&heap, 1000));
        while (smh_heap_walk(&heap, &chunk)) {
            walked++;
        }
        cr_assert_eq(walked, units);
        cr_assert_eq(smh_heap_verdict(&heap, memory + units * 16), -EINVAL);
        cr_assert_eq(smh_heap_verdict(&heap, memory + units * 16 + 7), -EINVAL);
        cr_assert_eq(smh_heap_check(&heap, NULL), 0);
        while (count-- != 0) {
            cr_assert_eq(smh_heap_free(&heap, blocks[count]), 0);
        }
    }
}

/*     |      free, order 3      |  4 units, order 2, their entry lost  |     12 units */
Test(buddy_borders, a_unit_without_an_entry_is_in_no_block)
{
    struct smh_buddy *map = smh_buddy_of(&heap);

    make(12);
    cr_assert_eq(map->order_count, 4);
    cr_assert_eq(smh_heap_verdict(&heap, memory + 9 * 16), -EALREADY);
    map->table[8] = 0;
    cr_assert_eq(smh_heap_verdict(&heap, memory + 9 * 16), -EINVAL);
    cr_assert_eq(smh_heap_verdict(&heap, memory + 8 * 16), -EINVAL);
    cr_assert_eq(smh_heap_verdict(&heap, memory + 7 * 16), -EALREADY);
}

/*     |0|1|2|3|    two buddies, both free, in their lists */
Test(buddy_borders, buddies_that_were_not_joined_are_noticed_at_every_order_but_the_last)
{
    struct smh_buddy *map = smh_buddy_of(&heap);
    struct smh_fault fault = {0};

    make(4);
    cr_assert_eq(map->order_count, 3);
    smh_buddy_list_remove(map, 0, 2);
    smh_buddy_list_push(map, 2, 1);
    smh_buddy_list_push(map, 0, 1);
    cr_assert_eq(heap.engine->check(&heap, &fault), -EINVAL);
    cr_assert_str_eq(fault.rule, "no two buddies are both free");
}

/*     | 64 | 32 | ... |2^order|2^order|      128 units: the last two, both free, in their lists */
Test(buddy_borders, of_two_that_were_not_joined_the_place_of_the_lower_is_told_at_every_order)
{
    struct smh_buddy *map = smh_buddy_of(&heap);

    for (unsigned order = 0; order < 7; order++) {
        struct smh_fault fault = {0};
        uint32_t unit = 0;

        make(128);
        cr_assert_eq(map->order_count, 8);
        smh_buddy_list_remove(map, 0, 7);
        for (unsigned piece = 6; piece > order; piece--) {
            smh_buddy_list_push(map, unit, piece);
            unit += 1u << piece;
        }
        smh_buddy_list_push(map, unit + (1u << order), order);
        smh_buddy_list_push(map, unit, order);
        cr_assert_eq(heap.engine->check(&heap, &fault), -EINVAL);
        cr_assert_str_eq(fault.rule, "no two buddies are both free");
        cr_assert_eq(fault.offset, unit * 16);
    }
}

/* Tables of a word for every order and a byte for every whole unit are enough. */
Test(buddy_borders, the_least_tables_are_a_word_an_order_and_a_byte_a_unit)
{
    static _Alignas(4) uint8_t tables[512];

    for (size_t shift = 0; shift < 16; shift++) {
        for (size_t bytes = 32; bytes < 1000; bytes += 7) {
            size_t skip = (16 - shift) % 16;
            size_t units = (bytes - skip) / 16;
            size_t least = 4 * orders(bytes / 16) + units;
            struct smh_heap_config config = {.engine = &smh_engine_buddy,
                                             .memory = memory + shift,
                                             .memory_size = bytes,
                                             .granule = 16,
                                             .metadata = tables,
                                             .metadata_size = least};

            cr_assert_eq(smh_heap_init(&heap, &config), 0);
            cr_assert_eq(heap.capacity_bytes, units * 16);
            cr_assert_eq(heap.metadata_size, least);
            config.metadata_size--;
            cr_assert_eq(smh_heap_init(&heap, &config), -ENOMEM);
        }
    }
}

/*     |   largest    |   largest    |      buddies that would be one block, if it were not too
 * large
 */
Test(buddy_borders, two_blocks_of_the_largest_order_stay_two)
{
    static _Alignas(16) uint8_t tables[(2 * LARGEST >> 12) + 256];
    void *at = (void *)(0x100000000000u + 2 * LARGEST);
    struct smh_heap_config config = {.engine = &smh_engine_buddy,
                                     .memory_size = 2 * LARGEST,
                                     .granule = 4096,
                                     .metadata = tables,
                                     .metadata_size = sizeof(tables)};
    struct smh_buddy *map = smh_buddy_of(&heap);
    struct smh_fault fault = {0};
    void *low;
    void *high;

    config.memory = mmap(at, 2 * LARGEST, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (config.memory == MAP_FAILED || (uintptr_t)config.memory % (2 * LARGEST) != 0) {
        cr_skip_test("the place is taken");
    }
    cr_assert_eq(smh_heap_init(&heap, &config), 0);
    low = smh_heap_alloc(&heap, LARGEST);
    high = smh_heap_alloc(&heap, LARGEST);
    cr_assert(low != NULL && high != NULL);
    if (low > high) {
        void *other = low;

        low = high;
        high = other;
    }
    cr_assert_null(smh_heap_alloc(&heap, LARGEST + 1));
    cr_assert_eq(smh_heap_free(&heap, high), 0);
    cr_assert(!smh_heap_resize(&heap, low, LARGEST + 1), "though its buddy is free");
    cr_assert_eq(smh_heap_free(&heap, low), 0);
    cr_assert_eq(smh_heap_check(&heap, NULL), 0);
    cr_assert_eq(heap.engine->largest_free(&heap), LARGEST);
    cr_assert_null(smh_heap_alloc(&heap, 2 * LARGEST));
    map->table[0] = smh_buddy_free_entry(map->order_count);
    cr_assert_eq(heap.engine->check(&heap, &fault), -EINVAL);
    cr_assert_str_eq(fault.rule, "a block's size fits its place");
    (void)munmap(config.memory, 2 * LARGEST);
}
