/* test_shadow.c: the ownership bits of a region. */
#include "../../sim/model/shadow.h"
#include "../../sim/random.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <string.h>

Test(shadow, a_range_is_owned_once)
{
    struct smh_shadow shadow;
    cr_assert(smh_shadow_open(&shadow, 4096));
    cr_assert(smh_shadow_own(&shadow, 64, 100));
    cr_assert(!smh_shadow_own(&shadow, 160, 8));
    cr_assert(smh_shadow_own(&shadow, 164, 8));
    smh_shadow_disown(&shadow, 64, 100);
    cr_assert(smh_shadow_own(&shadow, 64, 100));
    smh_shadow_close(&shadow);
}

Test(shadow, a_refused_range_leaves_nothing_owned)
{
    struct smh_shadow shadow;
    cr_assert(smh_shadow_open(&shadow, 4096));
    cr_assert(smh_shadow_own(&shadow, 2000, 8));
    cr_assert(!smh_shadow_own(&shadow, 0, 4096));
    cr_assert(smh_shadow_own(&shadow, 0, 2000));
    cr_assert(smh_shadow_own(&shadow, 2008, 4096 - 2008));
    smh_shadow_close(&shadow);
}

Test(shadow, a_range_that_leaves_the_region_is_refused)
{
    struct smh_shadow shadow;
    cr_assert(smh_shadow_open(&shadow, 4096));
    cr_assert(!smh_shadow_own(&shadow, 4096, 4));
    cr_assert(!smh_shadow_own(&shadow, 4092, 8));
    cr_assert(!smh_shadow_own(&shadow, 8, UINT64_MAX));
    cr_assert(!smh_shadow_own(&shadow, UINT64_MAX - 7, 8));
    smh_shadow_close(&shadow);
}

Test(shadow, agrees_with_a_byte_map_over_random_ranges)
{
    enum { SIZE = 2048 };
    uint8_t owned[SIZE / SMH_SHADOW_GRANULE] = {0};
    struct smh_shadow shadow;
    struct smh_random random;
    smh_random_init(&random, 5, 0);
    cr_assert(smh_shadow_open(&shadow, SIZE));
    for (int i = 0; i < 20000; i++) {
        size_t first = smh_random_below(&random, sizeof(owned));
        size_t count = 1 + smh_random_below(&random, sizeof(owned) - first);
        count = count > 40 && i % 4 != 0 ? 40 : count;
        bool empty = memchr(owned + first, 1, count) == NULL;
        if (smh_random_below(&random, 2) == 0) {
            cr_assert(smh_shadow_own(&shadow, first * SMH_SHADOW_GRANULE,
                                     count * SMH_SHADOW_GRANULE) == empty);
            if (empty) {
                memset(owned + first, 1, count);
            }
        } else {
            smh_shadow_disown(&shadow, first * SMH_SHADOW_GRANULE, count * SMH_SHADOW_GRANULE);
            memset(owned + first, 0, count);
        }
    }
    smh_shadow_close(&shadow);
}

Test(shadow, the_last_bytes_of_a_region_of_any_size_are_owned_once_and_none_beyond)
{
    for (uint64_t size = 1; size < 600; size++) {
        struct smh_shadow shadow;
        uint64_t rounded =
            (size + SMH_SHADOW_GRANULE - 1) / SMH_SHADOW_GRANULE * SMH_SHADOW_GRANULE;
        cr_assert(smh_shadow_open(&shadow, size));
        cr_assert(smh_shadow_own(&shadow, 0, size));
        cr_assert(!smh_shadow_own(&shadow, size - 1, 1));
        cr_assert(!smh_shadow_own(&shadow, rounded, 1));
        smh_shadow_disown(&shadow, 0, size);
        cr_assert(!smh_shadow_own(&shadow, rounded - SMH_SHADOW_GRANULE, SMH_SHADOW_GRANULE + 1));
        cr_assert(!smh_shadow_own(&shadow, rounded - 1, 2));
        cr_assert(smh_shadow_own(&shadow, size - 1, 1));
        smh_shadow_close(&shadow);
        cr_assert(shadow.words == NULL && shadow.bits == 0);
    }
}

Test(shadow, a_range_that_ends_in_the_first_byte_of_a_granule_owns_it)
{
    struct smh_shadow shadow;
    cr_assert(smh_shadow_open(&shadow, 4096));
    cr_assert(smh_shadow_own(&shadow, 8, SMH_SHADOW_GRANULE + 1));
    cr_assert(!smh_shadow_own(&shadow, 8 + SMH_SHADOW_GRANULE, 1));
    smh_shadow_disown(&shadow, 8, SMH_SHADOW_GRANULE + 1);
    cr_assert(smh_shadow_own(&shadow, 8 + SMH_SHADOW_GRANULE, 1));
    smh_shadow_close(&shadow);
}

Test(shadow, nothing_at_all_is_owned_anywhere_and_changes_nothing)
{
    struct smh_shadow shadow;
    cr_assert(smh_shadow_open(&shadow, 4096));
    cr_assert(smh_shadow_own(&shadow, 0, 0));
    cr_assert(smh_shadow_own(&shadow, 4096, 0));
    cr_assert(smh_shadow_own(&shadow, UINT64_MAX, 0));
    cr_assert(smh_shadow_own(&shadow, 0, 4096));
    cr_assert(smh_shadow_own(&shadow, 8, 0));
    smh_shadow_disown(&shadow, 0, 0);
    smh_shadow_disown(&shadow, 256, 0);
    cr_assert(!smh_shadow_own(&shadow, 0, 1) && !smh_shadow_own(&shadow, 252, 8));
    smh_shadow_close(&shadow);
}

Test(shadow, has_a_bit_for_every_granule)
{
    for (uint64_t size = 1; size < 100000; size += 251) {
        struct smh_shadow shadow;
        cr_assert(smh_shadow_open(&shadow, size));
        cr_assert(malloc_usable_size(shadow.words) * 8 * SMH_SHADOW_GRANULE >= size);
        smh_shadow_close(&shadow);
    }
}

/* AddressSanitizer ends a program that asks for so much; it finds what is not given back itself. */
#ifndef __SANITIZE_ADDRESS__
Test(shadow, of_more_than_the_host_has_is_refused)
{
    struct smh_shadow shadow;
    cr_assert(!smh_shadow_open(&shadow, UINT64_C(1) << 62));
    cr_assert_null(shadow.words);
    smh_shadow_close(&shadow);
}

Test(shadow, gives_its_memory_back)
{
    size_t before = 0;
    for (int i = 0; i < 100; i++) {
        struct smh_shadow shadow;
        before = i == 50 ? mallinfo2().uordblks : before;
        cr_assert(smh_shadow_open(&shadow, 4096));
        smh_shadow_close(&shadow);
    }
    cr_assert_eq(mallinfo2().uordblks, before);
}
#endif
