/* test_fit_forged.c: the fits, without a start bitmap, are shown headers that a user's bytes forge;
 * and chunks that end where memory ends.
 *
 *     |c0 used|c1 used: a forged header in its payload|c2 used|xxx page that traps
 */
#include "../../src/engine/boundary_tag.h"
#include "trap.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <smh/engine.h>
#include <smh/heap.h>
#include <string.h>

static uint8_t *end_of_memory; /* the page behind it traps */
static struct smh_heap heap;

static void make(const struct smh_engine *engine, size_t granule, size_t bytes)
{
    struct smh_heap_config config = {.engine = engine, .memory_size = bytes, .granule = granule};

    if (end_of_memory == NULL) {
        end_of_memory = trap_end(bytes);
    }
    config.memory = end_of_memory - bytes;
    memset(config.memory, 0, bytes);
    cr_assert_eq(smh_heap_init(&heap, &config), 0);
}

/* The rule, written out once more. */
static bool genuine(uint32_t unit, uint32_t size, uint32_t before)
{
    uint32_t stride = (uint32_t)heap.state[SMH_TAG_STRIDE];
    bool reaches = size >= 2 && size % stride == 0 && size <= smh_tag_end(&heap) - unit;
    bool right_agrees = reaches && (unit + size == smh_tag_end(&heap) ||
                                    smh_tag_header_at(&heap, unit + size)->previous == size);
    bool left_agrees = before == 0 ? unit == 0
                                   : before <= unit && before % stride == 0 &&
                                         smh_tag_size_at(&heap, unit - before) == before;

    return right_agrees && left_agrees;
}

static void forge(uint32_t unit)
{
    static const uint32_t far[] = {0x40000000, 0x7ffffff8, 0x7fffffff, 0x80000000, 0xfffffff8};
    unsigned taken = 0;

    for (uint32_t i = 0; i < 100 + 5; i++) {
        for (uint32_t j = 0; j < 100 + 5; j++) {
            uint32_t size = i < 100 ? i : far[i - 100] & 0x7fffffffu;
            uint32_t before = j < 100 ? j : far[j - 100];
            bool is_block;

            smh_tag_header_at(&heap, unit)->size_in_use = size << 1 | SMH_TAG_IN_USE;
            smh_tag_header_at(&heap, unit)->previous = before;
            is_block = genuine(unit, size, before);
            cr_assert_eq(smh_tag_verdict(&heap, smh_tag_block_at(&heap, unit)),
                         is_block ? 0 : -EINVAL, "size %u, before %u", size, before);
            taken += is_block;
        }
    }
    cr_assert_gt(taken, 0, "the rule is met too");
}

Test(fit_forged, a_header_in_a_payload_is_taken_only_when_both_neighbours_agree)
{
    for (size_t granule = 8; granule <= 32; granule *= 2) {
        uint32_t stride = (uint32_t)granule / 8;
        uint8_t *payload;
        uint32_t unit;

        make(&smh_engine_first_fit, granule, 1024);
        cr_assert_not_null(smh_heap_alloc(&heap, 24));
        payload = smh_heap_alloc(&heap, 600);
        unit = smh_tag_unit_of(&heap, payload) + 4 * stride;
        smh_tag_header_at(&heap, unit - 2 * stride)->size_in_use = (2 * stride) << 1 | 1u;
        smh_tag_header_at(&heap, unit - 1)->size_in_use = 1u << 1 | 1u;
        smh_tag_header_at(&heap, unit - 3)->size_in_use = 3u << 1 | 1u;
        smh_tag_header_at(&heap, unit + 2 * stride)->previous = 2 * stride;
        smh_tag_header_at(&heap, unit + 3)->previous = 3;
        forge(unit);
    }
}

/*     |block|block|...|last block|xxx      nothing is looked at behind the last chunk */
Test(fit_forged, chunks_that_end_with_memory_have_no_right_neighbour)
{
    static const struct smh_engine *const engines[] = {&smh_engine_first_fit, &smh_engine_next_fit,
                                                       &smh_engine_best_fit, &smh_engine_worst_fit};

    for (size_t e = 0; e < 4; e++) {
        uint8_t *first;
        uint8_t *last;

        make(engines[e], 8, 512);
        first = smh_heap_alloc(&heap, 200);
        last = smh_heap_alloc(&heap, smh_tag_largest_free(&heap));
        cr_assert_not_null(last);
        cr_assert_eq(smh_tag_largest_free(&heap), 0);
        cr_assert_eq(last + smh_heap_usable_size(&heap, last), end_of_memory);
        cr_assert(!smh_heap_resize(&heap, last, 400));
        cr_assert(smh_heap_resize(&heap, last, smh_heap_usable_size(&heap, last)));
        cr_assert(smh_heap_resize(&heap, last, 100));
        cr_assert(smh_heap_resize(&heap, last, 120));
        cr_assert_eq(smh_heap_check(&heap, NULL), 0);
        cr_assert_eq(smh_heap_free(&heap, first), 0);
        cr_assert_eq(smh_heap_free(&heap, last), 0);
        cr_assert_eq(smh_heap_check(&heap, NULL), 0);
    }
}

/* A block resized to what it has: nothing moves, whether or not free space follows. */
Test(fit_forged, a_block_resized_to_its_own_size_changes_nothing)
{
    for (int rover = 0; rover < 2; rover++) {
        uint8_t *blocks[3];
        uint8_t before[512];
        struct smh_heap was;

        make(rover != 0 ? &smh_engine_next_fit : &smh_engine_first_fit, 8, 512);
        for (size_t i = 0; i < 3; i++) {
            blocks[i] = smh_heap_alloc(&heap, 40);
        }
        cr_assert_eq(smh_heap_free(&heap, blocks[1]), 0);
        was = heap;
        memcpy(before, end_of_memory - 512, 512);
        for (size_t i = 0; i < 3; i += 2) {
            cr_assert(smh_heap_resize(&heap, blocks[i], 40));
            cr_assert(smh_heap_resize(&heap, blocks[i], 33));
        }
        cr_assert_eq(memcmp(before, end_of_memory - 512, 512), 0);
        cr_assert_eq(memcmp(&was, &heap, sizeof(heap)), 0);
    }
}

/*     |8|<- base: block at the next multiple of 8 |                lead + 16 bytes are the least */
Test(fit_forged, the_least_memory_is_the_way_to_a_header_and_one_chunk)
{
    static _Alignas(256) uint8_t room[1024];

    for (size_t granule = 8; granule <= 256; granule *= 2) {
        for (size_t shift = 0; shift < granule; shift++) {
            size_t lead = (granule - (shift + 8) % granule) % granule;
            size_t least = lead + (granule < 16 ? 16 : granule);
            struct smh_heap_config config = {
                .engine = &smh_engine_first_fit, .memory = room + shift, .granule = granule};

            config.memory_size = least - 1;
            cr_assert_eq(smh_heap_init(&heap, &config), -ENOMEM, "%zu %zu", granule, shift);
            config.memory_size = least;
            cr_assert_eq(smh_heap_init(&heap, &config), 0, "%zu %zu", granule, shift);
        }
    }
}
