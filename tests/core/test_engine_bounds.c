/* test_engine_bounds.c: which memory an engine accepts, to the byte, and what it makes of it.
 *
 * Every size from 0 to 420 bytes at seven places behind a multiple of 4096 is offered to each
 * engine, target and granule. A row of the table counts the refusals by reason and adds up
 * capacity, largest request, metadata and steps of what was accepted, so that a bound that is one
 * too high or too low shows in it.
 *
 * Owns: that table; the bounds at the far end (regions of many GiB, of which only both ends are
 * touched); the byte at which a heap of 4-byte headers becomes one of 8-byte headers.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <smh/engine.h>
#include <smh/heap.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define SIZES 420

struct bounds {
    const char *engine;
    unsigned target_bits;
    size_t granule;
    unsigned accepted, no_memory, invalid;
    unsigned long capacity_sum, largest_sum, metadata_sum, step_sum;
    unsigned long smallest_sum; /* of the least size accepted at each place */
};

static _Alignas(4096) uint8_t memory[1024];

static struct bounds measure(const struct smh_engine *engine, unsigned target_bits, size_t granule)
{
    static const size_t places[] = {0, 1, 4, 7, 8, 12, 60};
    struct bounds bounds = {.engine = engine->name, .target_bits = target_bits, .granule = granule};

    for (size_t place = 0; place < sizeof(places) / sizeof(places[0]); place++) {
        bool accepted_any = false;

        for (size_t size = 0; size < SIZES; size++) {
            struct smh_heap heap;
            struct smh_heap_config config = {.engine = engine,
                                             .memory = memory + places[place],
                                             .memory_size = size,
                                             .target_bits = target_bits,
                                             .granule = granule};
            int result = smh_heap_init(&heap, &config);

            bounds.metadata_sum += smh_heap_metadata_size(&config);
            bounds.no_memory += result == -ENOMEM;
            bounds.invalid += result == -EINVAL;
            if (result != 0) {
                continue;
            }
            if (!accepted_any) {
                bounds.smallest_sum += size;
            }
            accepted_any = true;
            bounds.accepted++;
            bounds.capacity_sum += heap.capacity_bytes;
            bounds.largest_sum += engine->largest_free(&heap);
            bounds.step_sum += smh_heap_alignment(&heap) * 8 + heap.granule_shift;
            cr_assert_eq(smh_heap_check(&heap, NULL), 0);
        }
    }
    return bounds;
}

static bool same(const struct bounds *left, const struct bounds *right)
{
    return left->accepted == right->accepted && left->no_memory == right->no_memory &&
           left->invalid == right->invalid && left->capacity_sum == right->capacity_sum &&
           left->largest_sum == right->largest_sum && left->metadata_sum == right->metadata_sum &&
           left->step_sum == right->step_sum && left->smallest_sum == right->smallest_sum;
}

static const struct bounds known[] = {
    {"zephyr", 64, 0, 2528, 412, 0, 471576, 451352, 25347, 169376, 412},
    {"zephyr", 32, 0, 2612, 328, 0, 481856, 471408, 34643, 91420, 328},
    {"zephyr", 64, 4, 0, 83, 2857, 0, 0, 25347, 0, 0},
    {"zephyr", 32, 4, 0, 55, 2885, 0, 0, 34643, 0, 0},
    {"zephyr", 64, 8, 2528, 412, 0, 471576, 451352, 25347, 169376, 412},
    {"zephyr", 32, 8, 0, 55, 2885, 0, 0, 34643, 0, 0},
    {"zephyr", 64, 16, 0, 83, 2857, 0, 0, 20531, 0, 0},
    {"zephyr", 32, 16, 0, 55, 2885, 0, 0, 20531, 0, 0},
    {"zephyr", 64, 64, 0, 83, 2857, 0, 0, 20531, 0, 0},
    {"zephyr", 32, 64, 0, 55, 2885, 0, 0, 20531, 0, 0},
    {"zephyr", 64, 4096, 0, 83, 2857, 0, 0, 20531, 0, 0},
    {"zephyr", 32, 4096, 0, 55, 2885, 0, 0, 20531, 0, 0},
    {"zephyr_stats", 64, 0, 2360, 580, 0, 410904, 392024, 25347, 158120, 580},
    {"zephyr_stats", 32, 0, 2556, 384, 0, 448576, 438352, 34643, 89460, 384},
    {"zephyr_stats", 64, 4, 0, 83, 2857, 0, 0, 25347, 0, 0},
    {"zephyr_stats", 32, 4, 0, 55, 2885, 0, 0, 34643, 0, 0},
    {"zephyr_stats", 64, 8, 2360, 580, 0, 410904, 392024, 25347, 158120, 580},
    {"zephyr_stats", 32, 8, 0, 55, 2885, 0, 0, 34643, 0, 0},
    {"zephyr_stats", 64, 16, 0, 83, 2857, 0, 0, 20531, 0, 0},
    {"zephyr_stats", 32, 16, 0, 55, 2885, 0, 0, 20531, 0, 0},
    {"zephyr_stats", 64, 64, 0, 83, 2857, 0, 0, 20531, 0, 0},
    {"zephyr_stats", 32, 64, 0, 55, 2885, 0, 0, 20531, 0, 0},
    {"zephyr_stats", 64, 4096, 0, 83, 2857, 0, 0, 20531, 0, 0},
    {"zephyr_stats", 32, 4096, 0, 55, 2885, 0, 0, 20531, 0, 0},
    {"first_fit", 64, 0, 2808, 132, 0, 596952, 574488, 25347, 188136, 132},
    {"first_fit", 32, 0, 2808, 132, 0, 596952, 574488, 34643, 188136, 132},
    {"first_fit", 64, 4, 0, 7, 2933, 0, 0, 25347, 0, 0},
    {"first_fit", 32, 4, 0, 7, 2933, 0, 0, 34643, 0, 0},
    {"first_fit", 64, 8, 2808, 132, 0, 596952, 574488, 25347, 188136, 132},
    {"first_fit", 32, 8, 2808, 132, 0, 596952, 574488, 34643, 188136, 132},
    {"first_fit", 64, 16, 2784, 156, 0, 576112, 553840, 20531, 367488, 156},
    {"first_fit", 32, 16, 2784, 156, 0, 576112, 553840, 20531, 367488, 156},
    {"first_fit", 64, 64, 2128, 812, 0, 394240, 377216, 20531, 1102304, 812},
    {"first_fit", 32, 64, 2128, 812, 0, 394240, 377216, 20531, 1102304, 812},
    {"first_fit", 64, 4096, 0, 2940, 0, 0, 0, 20531, 0, 0},
    {"first_fit", 32, 4096, 0, 2940, 0, 0, 0, 20531, 0, 0},
    {"buddy", 64, 0, 2711, 229, 0, 493776, 229360, 90524, 357852, 212},
    {"buddy", 32, 0, 2711, 229, 0, 493776, 229360, 90524, 357852, 212},
    {"buddy", 64, 4, 0, 7, 2933, 0, 0, 0, 0, 0},
    {"buddy", 32, 4, 0, 7, 2933, 0, 0, 0, 0, 0},
    {"buddy", 64, 8, 2784, 156, 0, 476400, 229192, 140812, 186528, 156},
    {"buddy", 32, 8, 2784, 156, 0, 476400, 229192, 140812, 186528, 156},
    {"buddy", 64, 16, 2711, 229, 0, 493776, 229360, 90524, 357852, 212},
    {"buddy", 32, 16, 2711, 229, 0, 493776, 229360, 90524, 357852, 212},
    {"buddy", 64, 64, 2072, 868, 0, 376320, 211968, 38444, 1073296, 868},
    {"buddy", 32, 64, 2072, 868, 0, 376320, 211968, 38444, 1073296, 868},
    {"buddy", 64, 4096, 0, 2940, 0, 0, 0, 0, 0, 0},
    {"buddy", 32, 4096, 0, 2940, 0, 0, 0, 0, 0, 0},
};

Test(engine_bounds, what_is_accepted_is_known_to_the_byte)
{
    static const struct smh_engine *const engines[] = {
        &smh_engine_zephyr,
        &smh_engine_zephyr_stats,
        &smh_engine_first_fit,
        &smh_engine_buddy,
        NULL,
    };
    size_t wrong = 0;

    for (size_t i = 0; engines[i] != NULL; i++) {
        static const size_t granules[] = {0, 4, 8, 16, 64, 4096};

        for (size_t j = 0; j < 2 * sizeof(granules) / sizeof(granules[0]); j++) {
            unsigned target_bits = j % 2 == 0 ? 64 : 32;
            struct bounds now = measure(engines[i], target_bits, granules[j / 2]);
            bool found = false;

            for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
                found = found || (strcmp(known[k].engine, now.engine) == 0 &&
                                  known[k].target_bits == now.target_bits &&
                                  known[k].granule == now.granule && same(&known[k], &now));
            }
            if (!found) {
                wrong++;
                (void)fprintf(stderr,
                              "        {\"%s\", %u, %zu, %u, %u, %u, %lu, %lu, %lu, %lu, %lu},\n",
                              now.engine, now.target_bits, now.granule, now.accepted, now.no_memory,
                              now.invalid, now.capacity_sum, now.largest_sum, now.metadata_sum,
                              now.step_sum, now.smallest_sum);
            }
        }
    }
    cr_assert_eq(wrong, 0, "%zu rows are others (above)", wrong);
}

/* 40 GiB of addresses, of which a page here and there is used. NULL: this host gives none. */
static uint8_t *wide_memory(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return at == MAP_FAILED ? NULL : at;
}

static int init_wide(const struct smh_engine *engine, uint8_t *at, size_t bytes)
{
    struct smh_heap heap;
    struct smh_heap_config config = {.engine = engine, .memory = at, .memory_size = bytes};

    return smh_heap_init(&heap, &config);
}

Test(engine_bounds, zephyr_takes_regions_of_31_bits_of_units_and_none_larger)
{
    size_t most = ((size_t)0x7fffffff << 3) + 7;
    uint8_t *at = wide_memory(most + 8);

    if (at == NULL) {
        cr_skip_test("no addresses");
    }
    cr_expect_eq(init_wide(&smh_engine_zephyr, at, most), 0);
    cr_expect_eq(init_wide(&smh_engine_zephyr, at, most + 1), -ENOMEM);
    (void)munmap(at, most + 8);
}

Test(engine_bounds, fits_take_regions_of_31_bits_of_units_and_none_larger)
{
    size_t most = (size_t)0x7fffffff << 3;
    uint8_t *at = wide_memory(most + 64);

    if (at == NULL) {
        cr_skip_test("no addresses");
    }
    cr_expect_eq(init_wide(&smh_engine_first_fit, at, most), 0);
    cr_expect_eq(init_wide(&smh_engine_first_fit, at, most + 7), 0);
    cr_expect_eq(init_wide(&smh_engine_first_fit, at, most + 8), -ENOMEM);
    (void)munmap(at, most + 64);
}

Test(engine_bounds, zephyr_on_32_bits_leaves_four_byte_headers_beyond_32767_units)
{
    static const struct {
        size_t memory_size;
        size_t step;
        size_t capacity_bytes;
        size_t largest_free_bytes;
    } rows[] = {
        {262136, 4, 262048, 262044}, {262139, 4, 262048, 262044}, {262140, 4, 262056, 262052},
        {262143, 4, 262056, 262052}, {262144, 4, 262056, 262052}, {262151, 4, 262056, 262052},
        {262152, 8, 262064, 262056}, {262160, 8, 262072, 262064},
    };
    uint8_t *at = wide_memory(1 << 20);

    cr_assert_not_null(at);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct smh_heap heap;
        struct smh_heap_config config = {.engine = &smh_engine_zephyr,
                                         .memory = at,
                                         .memory_size = rows[i].memory_size,
                                         .target_bits = 32};

        cr_assert_eq(smh_heap_init(&heap, &config), 0);
        cr_assert_eq(smh_heap_check(&heap, NULL), 0);
        cr_expect_eq(smh_heap_alignment(&heap), rows[i].step);
        cr_expect_eq(heap.capacity_bytes, rows[i].capacity_bytes);
        cr_expect_eq(heap.engine->largest_free(&heap), rows[i].largest_free_bytes);
    }
    (void)munmap(at, 1 << 20);
}
