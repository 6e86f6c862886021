/* test_pool_search.c: the way from an address to its region, for any number of regions.
 *
 *     slots       0     1     2     3    ...     added in an order that is not that of addresses
 *     memory      |r2|  |r0|  |r3|  |r1|  ...    with gaps between
 */
#include <criterion/criterion.h>
#include <smh/pool.h>
#include <stdlib.h>

#define REGIONS_MOST 600u
#define REGION_BYTES 512u
#define PITCH        1024u /* of one region's address to the next; the rest is a gap */
#define STRIDE       7u    /* coprime to the prime below */

static uint8_t *memory;

/* The order of adding: 0, STRIDE, 2 * STRIDE, ... modulo the prime above REGIONS_MOST. */
static size_t place_of(size_t added)
{
    return added * STRIDE % 601;
}

static void names_exactly(const struct smh_pool *pool, size_t count, uintptr_t address,
                          size_t place)
{
    const struct smh_region *region = smh_pool_region_of(pool, (const void *)address);

    cr_assert_not_null(region, "%zu regions, place %zu", count, place);
    cr_assert_eq(region->addr, (uintptr_t)memory + place * PITCH, "%zu regions, place %zu", count,
                 place);
}

static void every_address_has_its_owner(const struct smh_pool *pool, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t place = place_of(i);
        uintptr_t start = (uintptr_t)memory + place * PITCH;

        names_exactly(pool, count, start, place);
        names_exactly(pool, count, start + REGION_BYTES - 1, place);
        cr_assert_null(smh_pool_region_of(pool, (const void *)(start - 1)), "%zu regions", count);
        cr_assert_null(smh_pool_region_of(pool, (const void *)(start + REGION_BYTES)));
    }
    cr_assert_null(smh_pool_region_of(pool, (const void *)8));
    cr_assert_null(smh_pool_region_of(pool, (const void *)UINTPTR_MAX));
}

Test(pool_search, every_owner_is_found_among_any_number_of_regions)
{
    struct smh_pool_slot *slots = calloc(REGIONS_MOST, sizeof(*slots));
    struct smh_pool_config config = {.slots = slots, .slot_count = REGIONS_MOST};
    uint8_t *raw = calloc(602, PITCH);
    struct smh_pool pool;

    cr_assert(slots != NULL && raw != NULL);
    memory = (uint8_t *)(((uintptr_t)raw + PITCH - 1) & ~(uintptr_t)(PITCH - 1));
    cr_assert_eq(smh_pool_init(&pool, &config), 0);
    for (size_t i = 0; i < REGIONS_MOST; i++) {
        struct smh_region region = {.addr = (uintptr_t)memory + place_of(i) * PITCH,
                                    .size = REGION_BYTES,
                                    .engine = &smh_engine_first_fit};

        cr_assert_eq(smh_pool_add(&pool, &region), 0);
        every_address_has_its_owner(&pool, i + 1);
    }
    free(raw);
    free(slots);
}

/* A search that sees the orders while an add shifts them: as after a processor was interrupted
 * between two of its stores. What it cannot find by halves, it finds slot by slot. */
Test(pool_search, an_owner_is_found_in_the_middle_of_an_add)
{
    static _Alignas(1024) uint8_t four[4 * PITCH];
    struct smh_pool pool;

    memory = four;
    cr_assert_eq(smh_pool_init(&pool, NULL), 0);
    for (size_t i = 4; i-- > 0;) {
        struct smh_region region = {.addr = (uintptr_t)memory + i * PITCH,
                                    .size = REGION_BYTES,
                                    .engine = &smh_engine_first_fit};

        cr_assert_eq(smh_pool_add(&pool, &region), 0);
    }
    for (uint32_t entry = 0; entry < 4; entry++) { /* each entry still as its neighbour above */
        struct smh_pool middle = pool;
        uint32_t from = entry + 1 < 4 ? entry + 1 : entry;

        middle.slots = middle.built_in;
        middle.version++;
        middle.slots[entry].address_at = pool.slots[from].address_at;
        middle.slots[entry].by_address = pool.slots[from].by_address;
        for (size_t place = 0; place < 4; place++) {
            names_exactly(&middle, 4, (uintptr_t)memory + place * PITCH + 5, place);
        }
    }
}
