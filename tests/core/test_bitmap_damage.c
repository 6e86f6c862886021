/* test_bitmap_damage.c: what users write into blocks they have freed, and tables that are damaged.
 *
 *     |xxx trap|  memory: blocks, free chunks with links  |xxx trap|  tables  |xxx trap|
 *                          ^^^ anything is written here              ^^^ or here
 *
 * Whatever stands in freed blocks: blocks handed out later lie in memory and overlap no live one,
 * live ones keep their bytes and can be freed, and every call ends. Whatever stands in the tables:
 * validator, walk and verdicts end, change nothing, stay inside, and give the answers that are
 * known.
 */
#include "../../sim/random.h"
#include "../../src/engine/bitmap_layout.h"
#include "trap.h"

#include <criterion/criterion.h>
#include <smh/engine.h>
#include <smh/heap.h>
#include <string.h>

#define MEMORY_MOST 262144u /* enough for all 64 classes of one size */
#define SLOTS       64u
#define MAP_HALVES  (192u / 32u) /* the bits of struct smh_bitmap.maps, by what is read at once */

static uint8_t *memory_end; /* traps; and so does what lies before the first page */
static uint8_t *tables_end;
static struct smh_heap heap;
static struct smh_random draw;
static size_t slots = SLOTS; /* in use by step */
static struct {
    uint8_t *block;
    size_t bytes;
    uint8_t value;
} live[SLOTS];

static size_t below(size_t bound)
{
    return (size_t)smh_random_below(&draw, bound);
}

static void set_up(void)
{
    memory_end = trap_end(MEMORY_MOST);
    tables_end = trap_end(MEMORY_MOST);
    memset(live, 0, sizeof(live));
}

TestSuite(bitmap_damage, .init = set_up);

static void make(size_t bytes, size_t granule, unsigned target_bits, bool carved)
{
    struct smh_heap_config config = {.engine = &smh_engine_bitmap,
                                     .memory = memory_end - bytes,
                                     .memory_size = bytes,
                                     .granule = granule,
                                     .target_bits = target_bits};

    if (!carved) {
        config.metadata_size = (smh_heap_metadata_size(&config) + 7) & ~(size_t)7;
        config.metadata = tables_end - config.metadata_size;
    }
    memset(memory_end - bytes, 0, bytes);
    memset(live, 0, sizeof(live));
    cr_assert_eq(smh_heap_init(&heap, &config), 0);
}

/* Mostly small; at times some hundred words of the bitmap. */
static size_t some_bytes(size_t most)
{
    size_t bound = (size_t)16 << below(12);

    return 1 + below(bound < most ? bound : most);
}

static void hold(size_t slot, uint8_t *block, size_t bytes)
{
    live[slot].block = block;
    live[slot].bytes = bytes;
    live[slot].value = (uint8_t)smh_random_next(&draw);
    memset(block, live[slot].value, bytes);
}

static void is_whole(size_t slot)
{
    const uint8_t *block = live[slot].block;

    cr_assert_eq(block[0], live[slot].value);
    cr_assert_eq(memcmp(block, block + 1, live[slot].bytes - 1), 0);
    cr_assert_eq(smh_heap_verdict(&heap, block), 0);
}

static void lies_apart(size_t slot, const uint8_t *block, size_t bytes)
{
    cr_assert(block >= heap.memory && block + bytes <= memory_end);
    for (size_t i = 0; i < SLOTS; i++) {
        cr_assert(i == slot || live[i].block == NULL || block >= live[i].block + live[i].bytes ||
                  live[i].block >= block + bytes);
    }
}

/* A step of a program: any slot is freed, resized or filled. */
static void step(void)
{
    size_t slot = below(slots);
    size_t most = heap.memory_size / 2;
    size_t bytes = some_bytes(most);
    uint8_t *block;

    if (live[slot].block == NULL) {
        block = below(8) != 0 ? smh_heap_alloc(&heap, bytes)
                              : smh_heap_aligned_alloc(&heap, (size_t)8 << below(8), bytes);
        if (block != NULL) {
            lies_apart(slot, block, bytes);
            hold(slot, block, bytes);
        }
        return;
    }
    is_whole(slot);
    if (below(4) == 0) {
        block = smh_heap_realloc(&heap, live[slot].block, bytes);
        if (block != NULL) {
            lies_apart(slot, block, bytes);
            hold(slot, block, bytes);
        }
        return;
    }
    cr_assert_eq(smh_heap_free(&heap, live[slot].block), 0);
    live[slot].block = NULL;
}

static uint32_t some_word(void)
{
    switch (below(4)) {
    case 0:
        return (uint32_t)smh_random_next(&draw);
    case 1:
        return (uint32_t)below(4);
    default:
        return (uint32_t)below(heap.memory_size / 8 + 80); /* a unit, or near one */
    }
}

/* Into the first words of a free chunk, where its links may be; or two links are exchanged. */
static void scribble(void)
{
    struct smh_chunk chunk = {0};
    struct smh_chunk chosen[2] = {0};
    size_t seen = 0;

    while (smh_heap_walk(&heap, &chunk)) {
        if (!chunk.used) {
            seen++;
            if (below(seen) == 0) {
                chosen[1] = chosen[0];
                chosen[0] = chunk;
            }
        }
    }
    if (chosen[0].size == 0) {
        return;
    }
    uint8_t *at = heap.memory + chosen[0].offset;
    if (chosen[1].size != 0 && below(3) == 0) {
        memcpy(at, heap.memory + chosen[1].offset, 8);
        return;
    }
    for (size_t i = 0; i < 16 && i + 4 <= chosen[0].size; i += 4) {
        uint32_t word = some_word();

        if (below(2) == 0) {
            memcpy(at + i, &word, 4);
        }
    }
}

static void programs_with_dangling_writes(unsigned runs, size_t bytes_most)
{
    for (unsigned run = 0; run < runs; run++) {
        smh_random_init(&draw, run, 7);
        size_t bytes = bytes_most / 2 + below(bytes_most / 2);
        size_t granule = below(3) == 0 ? (size_t)8 << below(4) : 0;

        make(bytes, granule, run % 2 == 0 ? 64 : 32, run % 3 == 0);
        for (unsigned i = 0; i < 400; i++) {
            step();
            if (below(6) == 0) {
                scribble();
            }
        }
        for (size_t slot = 0; slot < SLOTS; slot++) {
            if (live[slot].block != NULL) {
                is_whole(slot);
                cr_assert_eq(smh_heap_free(&heap, live[slot].block), 0);
            }
        }
    }
}

Test(bitmap_damage, writes_to_freed_blocks_make_no_two_blocks_overlap_in_a_small_heap)
{
    programs_with_dangling_writes(100, 4000);
}

Test(bitmap_damage, writes_to_freed_blocks_make_no_two_blocks_overlap_in_a_larger_heap)
{
    programs_with_dangling_writes(40, 60000);
    programs_with_dangling_writes(15, 250000);
}

/* --- tables ------------------------------------------------------------------------------------
 */

static uint64_t fingerprint; /* of all answers */

static void note(uint64_t value)
{
    fingerprint = (fingerprint ^ value) * UINT64_C(0x100000001b3);
    fingerprint ^= fingerprint >> 29;
}

static void note_check(void)
{
    struct smh_fault fault = {0};

    note((uint64_t)heap.engine->check(&heap, &fault));
    note((uint64_t)smh_heap_check(&heap, &fault));
    note(fault.offset);
    for (const char *at = fault.rule != NULL ? fault.rule : ""; *at != '\0'; at++) {
        note((uint8_t)*at);
    }
}

static void looks_at_everything(void)
{
    struct smh_chunk chunk = {0};
    struct smh_stats stats;
    size_t steps = 0;

    note_check();
    while (smh_heap_walk(&heap, &chunk)) {
        cr_assert_leq(steps++, heap.memory_size / 8);
        note(chunk.offset);
        note(chunk.size << 1 | (chunk.used ? 1 : 0));
        note(chunk.usable);
    }
    smh_heap_stats(&heap, &stats);
    note(stats.largest_free_bytes);
    for (size_t i = 0; i < 200; i++) {
        note((uint64_t)smh_heap_verdict(&heap, heap.memory + below(heap.memory_size)));
    }
    for (size_t slot = 0; slot < SLOTS; slot++) {
        if (live[slot].block != NULL) {
            note((uint64_t)smh_heap_verdict(&heap, live[slot].block));
            note((uint64_t)smh_heap_verdict(&heap, live[slot].block + 8));
        }
    }
}

/* Answers that are known: who changes encoding, placement or rules on purpose looks at some of them
 * and then writes the new number down. (64 bits: the fast ways are part of it.) */
#define DAMAGED_TABLES UINT64_C(0xa31bf3dec906fff4)
#define DAMAGED_WORDS  UINT64_C(0x73f38a7eaa717ab0)
#define PLACES         UINT64_C(0xb6625bb89095765d)
#define LAYOUTS        UINT64_C(0x5abc959b6fd1cf54)

static void answers_are(const char *what, uint64_t known)
{
    cr_assert(sizeof(void *) < 8 || fingerprint == known, "%s: the answers are others: 0x%llx",
              what, (unsigned long long)fingerprint);
}

/* A word of 8 bytes; often one of the first or the last. */
static uint8_t *some_place(void)
{
    size_t words = heap.metadata_size / 8;
    size_t bitmap_words = smh_bitmap_view(&heap)->end / 64 + 2;

    switch (below(4)) {
    case 0:
        return heap.metadata + 8 * below(words < 4 ? words : 4);
    case 1:
        return heap.metadata + 8 * (bitmap_words - 1 - below(bitmap_words < 4 ? bitmap_words : 4));
    default:
        return heap.metadata + 8 * below(words);
    }
}

static void damage_tables(void)
{
    uint8_t *at = some_place();
    size_t kind = below(5);
    size_t place = below(8);
    size_t value = below(8);
    size_t left = (size_t)(heap.metadata + heap.metadata_size - at) / 8;

    switch (kind) {
    case 0:
        at[place] ^= (uint8_t)(1u << value);
        break;
    case 1:
        at[place] = value < 4 ? 0 : 0xff;
        break;
    case 2: /* a word is another's, or a run of them nothing, or all ones */
        memcpy(at, heap.metadata + below(heap.metadata_size / 8) * 8, 8);
        break;
    case 3:
        memset(at, value < 4 ? 0 : 0xff, below(left + 1) * 8);
        break;
    default:
        ((uint32_t *)(void *)at)[place % 2] = some_word();
    }
}

Test(bitmap_damage, whatever_the_tables_hold_the_validator_ends_stays_inside_and_writes_nothing)
{
    static uint8_t image[2][MEMORY_MOST];
    unsigned noticed = 0;

    for (unsigned run = 0; run < 400; run++) {
        struct smh_heap before;

        smh_random_init(&draw, run, 8);
        make(run % 4 == 0 ? 400 + below(3000) : 20000 + below(40000), 0, run % 2 == 0 ? 64 : 32,
             run % 3 == 0);
        for (unsigned i = 0; i < 150; i++) {
            step();
        }
        for (size_t i = 0; i < 12; i++) {
            damage_tables();
            memcpy(image[0], heap.memory, heap.memory_size);
            memcpy(image[1], heap.metadata, heap.metadata_size);
            before = heap;
            noticed += smh_heap_check(&heap, NULL) != 0;
            looks_at_everything();
            cr_assert_eq(memcmp(image[0], heap.memory, heap.memory_size), 0);
            cr_assert_eq(memcmp(image[1], heap.metadata, heap.metadata_size), 0);
            cr_assert_eq(memcmp(&before, &heap, sizeof(heap)), 0);
        }
    }
    cr_assert_gt(noticed, 3000);
    answers_are("damaged tables", DAMAGED_TABLES);
}

/* Every bit of the maps of classes, the reserve and the tables, one at a time. */
Test(bitmap_damage, every_bit_of_the_state_and_of_the_tables_has_its_rule)
{
    struct smh_heap sound;

    for (unsigned run = 0; run < 6; run++) {
        smh_random_init(&draw, run, 9);
        make(run < 4 ? 1500 : 12000, run % 2 == 0 ? 0 : 32, 64, run % 3 == 0);
        for (unsigned i = 0; i < 300; i++) {
            step();
        }
        sound = heap;
        for (size_t word = 0; word < MAP_HALVES + 2; word++) {
            struct smh_bitmap *map = smh_bitmap_of(&heap);
            uint32_t *at = word < MAP_HALVES    ? (uint32_t *)map->maps + word
                           : word == MAP_HALVES ? &map->reserve
                                                : &map->reserve_end;

            for (unsigned bit = 0; bit < 32; bit++) {
                *at ^= 1u << bit;
                note_check();
                heap = sound;
            }
        }
        for (size_t i = 0; i < heap.metadata_size * 8; i++) {
            heap.metadata[i / 8] ^= (uint8_t)(1u << (i % 8));
            note_check();
            heap.metadata[i / 8] ^= (uint8_t)(1u << (i % 8));
        }
        for (unsigned pair = 0; pair < 4000; pair++) { /* two bits; often near the sentinel */
            size_t last = 8 + (pair % 3 == 0 ? smh_bitmap_view(&heap)->end / 8 - 1
                                             : below(heap.metadata_size - 12));
            uint8_t *at = heap.metadata + last;
            uint32_t flips = 1u << below(24) | 1u << below(24);

            for (unsigned i = 0; i < 3; i++) {
                at[i] ^= (uint8_t)(flips >> 8 * i);
            }
            note_check();
            for (unsigned i = 0; i < 3; i++) {
                at[i] ^= (uint8_t)(flips >> 8 * i);
            }
        }
        for (unsigned link = 0; link < 2000; link++) {
            static uint8_t image[MEMORY_MOST];

            memcpy(image, heap.memory, heap.memory_size);
            scribble();
            note_check();
            memcpy(heap.memory, image, heap.memory_size);
        }
        cr_assert_eq(smh_heap_check(&heap, NULL), 0);
    }
    answers_are("damaged words", DAMAGED_WORDS);
}

/* Where blocks lie, by every way to ask for them, full heaps and memory of any granule included. */
Test(bitmap_damage, where_every_block_lies_and_what_is_counted_is_known)
{
    for (unsigned run = 0; run < 60; run++) {
        smh_random_init(&draw, run, 10);
        size_t bytes = run % 3 == 0   ? 300 + below(4000)
                       : run % 3 == 1 ? 20000 + below(40000)
                                      : 150000 + below(100000);
        size_t granule = run % 4 == 0 ? (size_t)8 << below(6) : 0;

        make(bytes, granule, 64, run % 5 == 0);
        slots = run % 2 == 0 ? SLOTS : 5; /* few: large ones, which slide when they grow */
        for (unsigned i = 0; i < (run % 2 == 0 ? 500 : 2000); i++) {
            const struct smh_bitmap *map = smh_bitmap_view(&heap);
            size_t slot = below(slots);

            step();
            if (live[slot].block != NULL && below(4) == 0) {
                bool resized = smh_heap_resize(&heap, live[slot].block,
                                               live[slot].bytes = some_bytes(heap.memory_size / 2));

                live[slot].bytes =
                    resized ? live[slot].bytes : smh_heap_usable_size(&heap, live[slot].block);
                memset(live[slot].block, live[slot].value, live[slot].bytes);
            }
            note(live[slot].block == NULL ? 0 : (uint64_t)(live[slot].block - heap.memory));
            note(heap.used_bytes);
            note((uint64_t)heap.allocated_blocks << 32 | heap.failed_requests);
            note((uint64_t)map->reserve << 32 | map->reserve_end);
            note((uint64_t)smh_heap_verdict(&heap, heap.memory + below(heap.memory_size)));
            note(map->heads[below(map->exact)]);
            if (i % 50 == 0) {
                cr_assert_eq(smh_heap_check(&heap, NULL), 0);
            }
        }
        for (size_t slot = 0; slot < SLOTS; slot++) {
            if (live[slot].block != NULL) {
                cr_assert_eq(smh_heap_free(&heap, live[slot].block), 0);
                note(heap.engine->largest_free(&heap));
            }
        }
        cr_assert_eq(smh_heap_check(&heap, NULL), 0);
    }
    answers_are("places", PLACES);
}

Test(bitmap_damage, all_memory_may_be_one_block_of_any_alignment_it_has)
{
    for (size_t bytes = 64; bytes <= 200000; bytes += 8 + bytes / 10 / 8 * 8) {
        make(bytes, 0, 64, false);
        uint8_t *block = smh_heap_alloc(&heap, heap.capacity_bytes);
        cr_assert_not_null(block, "%zu", bytes);
        cr_assert_null(smh_heap_alloc(&heap, 1));
        cr_assert_eq(smh_heap_free(&heap, block), 0);
        cr_assert_null(smh_heap_alloc(&heap, heap.capacity_bytes + 1));
        cr_assert_eq(heap.failed_requests, 2);
        cr_assert_eq(smh_heap_check(&heap, NULL), 0);
        cr_assert_not_null(smh_heap_aligned_alloc(&heap, 8, heap.capacity_bytes));
    }
}

/* Sizes and places of regions and tables, to the byte. */
Test(bitmap_damage, where_everything_lies_is_known_for_every_granule_size_and_place)
{
    for (size_t granule = 4; granule <= 8192; granule *= 2) {
        for (size_t bytes = 1; bytes < 200000; bytes += 1 + bytes / 9) {
            for (size_t shift = 0; shift < 64; shift += 5) {
                struct smh_heap_config config = {.engine = &smh_engine_bitmap,
                                                 .memory = memory_end - MEMORY_MOST + shift,
                                                 .memory_size = bytes,
                                                 .granule = granule};
                size_t need = smh_heap_metadata_size(&config);

                note(need);
                for (size_t less = 0; less < 20 && (less == 0 || less <= need); less++) {
                    int result;

                    config.metadata_size = need - less;
                    config.metadata = less == 0 ? NULL : tables_end - MEMORY_MOST + shift % 8;
                    result = smh_heap_init(&heap, &config);
                    note((uint64_t)result);
                    if (result == 0) {
                        const struct smh_bitmap *map = smh_bitmap_view(&heap);

                        note(heap.capacity_bytes);
                        note(heap.metadata_size);
                        note((uint64_t)(heap.metadata - (less == 0 ? memory_end : tables_end)));
                        note((uint64_t)heap.step_shift << 8 | heap.granule_shift);
                        note(map->base - (uintptr_t)memory_end);
                        note((uintptr_t)map->words - (uintptr_t)heap.metadata);
                        note((uintptr_t)map->heads - (uintptr_t)heap.metadata);
                        note((uint64_t)map->units << 32 | map->end);
                        note((uint64_t)map->exact << 32 | map->class_shift);
                        note((uint64_t)map->reserve << 32 | map->reserve_end);
                        note(map->odd_units);
#if UINTPTR_MAX > UINT32_MAX
                        note((uint64_t)map->fast_units << 32 |
                             (map->fast_last + (map->fast_last != 0)));
#endif
                        cr_assert_eq(smh_heap_check(&heap, NULL), 0);
                    }
                }
            }
        }
    }
    answers_are("layouts", LAYOUTS);
}
