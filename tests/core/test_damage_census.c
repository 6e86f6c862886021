/* test_damage_census.c: what each validator and each verdict says of every damage to a small heap.
 *
 * Each word of a region (2 bytes, and 4) is overwritten with values that look like sizes, offsets
 * and links, one at a time, and so are the words of the engine's state that tests may touch. The
 * census counts which rule is the first that is found broken, and adds up where; and, over every
 * step of the region, what the verdicts on pointers are, as long as the damage lies there.
 *
 *     |U 24|f 48|U 24|U 32|f ...|U 24|f ...|      the heap: free chunks between blocks
 *
 * Owns: the table of what was counted. A validator that forgets a rule, blames another place, or
 * looks one word aside, counts otherwise. Who changes rules on purpose takes the new numbers from
 * the test's message, after looking at what moved.
 */
#include "../../src/heap_private.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define REGION_BYTES 640
#define RULES_MOST   16

struct rule_count {
    const char *rule;
    unsigned count;
    unsigned long offset_sum;
};

struct census {
    struct rule_count rules[RULES_MOST];
    size_t rule_count;
    unsigned sound;                            /* damages that break no rule */
    unsigned fine, freed, inside, unknown;     /* verdicts 0, -EALREADY, -EINVAL, others */
    unsigned long place_sum;                   /* of the addresses judged fine */
    unsigned long walked, walked_bytes, walks; /* chunks, and bytes that they promise */
    unsigned long largest_sum;                 /* where that follows no link unbounded */
};

static _Alignas(4096) uint8_t region[REGION_BYTES + 64];
static struct smh_heap heap;
static bool largest_is_safe; /* the fits' follows their list as it is */

static void set_up(const struct smh_engine *engine, unsigned target_bits, size_t granule)
{
    struct smh_heap_config config = {.engine = engine,
                                     .memory = region,
                                     .memory_size = REGION_BYTES,
                                     .target_bits = target_bits,
                                     .granule = granule};
    void *freed[3];

    largest_is_safe = engine->alloc == smh_engine_zephyr.alloc;
    memset(region, 0, sizeof(region));
    cr_assert_eq(smh_heap_init(&heap, &config), 0);
    cr_assert_not_null(smh_heap_alloc(&heap, 20));
    freed[0] = smh_heap_alloc(&heap, 40);
    cr_assert_not_null(smh_heap_alloc(&heap, 20));
    cr_assert_not_null(smh_heap_aligned_alloc(&heap, 32, 28));
    freed[1] = smh_heap_alloc(&heap, 40);
    cr_assert_not_null(smh_heap_alloc(&heap, 20));
    freed[2] = smh_heap_alloc(&heap, 100);
    cr_assert_not_null(smh_heap_alloc(&heap, 20));
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(smh_heap_free(&heap, freed[i]), 0);
    }
    cr_assert_eq(smh_heap_check(&heap, NULL), 0);
}

static void count_rule(struct census *census, const struct smh_fault *fault)
{
    size_t i = 0;

    while (i < census->rule_count && strcmp(census->rules[i].rule, fault->rule) != 0) {
        i++;
    }
    if (i == census->rule_count) {
        cr_assert_lt(i, RULES_MOST);
        census->rules[census->rule_count++].rule = fault->rule;
    }
    census->rules[i].count++;
    census->rules[i].offset_sum += fault->offset;
}

static void look(struct census *census)
{
    struct smh_fault fault = {NULL, SIZE_MAX};
    struct smh_chunk chunk = {0};
    int result = smh_heap_check(&heap, &fault);

    cr_assert(result == 0 || result == -EINVAL);
    if (result != 0) {
        count_rule(census, &fault);
    } else {
        census->sound++;
        cr_assert_null(fault.rule);
    }
    for (size_t at = 0; at < REGION_BYTES; at += 4) {
        int verdict = smh_heap_verdict(&heap, region + at);

        census->fine += verdict == 0;
        census->freed += verdict == -EALREADY;
        census->inside += verdict == -EINVAL;
        census->unknown += verdict != 0 && verdict != -EALREADY && verdict != -EINVAL;
        census->place_sum += verdict == 0 ? at : 0;
    }
    for (size_t steps = 0; smh_heap_walk(&heap, &chunk); steps++) {
        cr_assert_lt(steps, REGION_BYTES / 4);
        census->walked++;
        census->walked_bytes += chunk.usable + (chunk.used ? 1 : 0);
    }
    census->walks++;
    census->largest_sum += largest_is_safe ? heap.engine->largest_free(&heap) : 0;
}

static void damage_word(struct census *census, void *at, size_t bytes)
{
    uint32_t old = 0;

    memcpy(&old, at, bytes);
    {
        uint32_t values[] = {0,       1,       2,          3,           5,           16,
                             40,      old + 1, old + 2,    old - 1,     old - 2,     old * 2,
                             old / 2, 0x7fff,  0x7fffffff, 0xffffffffu, 0x80000000u, old ^ 1};

        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
            if (values[i] != old && (bytes == 4 || values[i] <= 0xffff)) {
                memcpy(at, &values[i], bytes);
                look(census);
            }
        }
    }
    memcpy(at, &old, bytes);
}

static struct census take(const struct smh_engine *engine, unsigned target_bits, size_t granule)
{
    struct census census = {0};
    uint64_t *counters[] = {(uint64_t *)&heap.used_bytes, (uint64_t *)&heap.live_blocks,
                            (uint64_t *)&heap.capacity_bytes, (uint64_t *)&heap.peak_used_bytes};

    set_up(engine, target_bits, granule);
    for (size_t at = 0; at < REGION_BYTES; at += 2) {
        damage_word(&census, region + at, 2);
        if (at % 4 == 0) {
            damage_word(&census, region + at, 4);
        }
    }
    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
        for (uint64_t change = 1; change <= 16; change *= 16) {
            uint64_t old = *counters[i];
            struct smh_fault fault = {NULL, 0};

            *counters[i] = old + change;
            count_rule(&census, smh_heap_check(&heap, &fault) == 0
                                    ? &(struct smh_fault){"none", change}
                                    : &fault);
            *counters[i] = old - change;
            count_rule(&census, smh_heap_check(&heap, &fault) == 0
                                    ? &(struct smh_fault){"none", change}
                                    : &fault);
            *counters[i] = old;
        }
    }
    cr_assert_eq(smh_heap_check(&heap, NULL), 0);
    return census;
}

static void print(const char *name, const struct census *census)
{
    (void)fprintf(stderr, "    {\"%s\", {{", name);
    for (size_t i = 0; i < census->rule_count; i++) {
        (void)fprintf(stderr, "{\"%s\", %u, %lu},\n", census->rules[i].rule, census->rules[i].count,
                      census->rules[i].offset_sum);
    }
    (void)fprintf(stderr, "}, %zu, %u, %u, %u, %u, %u, %lu, %lu, %lu, %lu, %lu}},\n",
                  census->rule_count, census->sound, census->fine, census->freed, census->inside,
                  census->unknown, census->place_sum, census->walked, census->walked_bytes,
                  census->walks, census->largest_sum);
}

static bool same(const struct census *left, const struct census *right)
{
    for (size_t i = 0; i < left->rule_count; i++) {
        if (i >= right->rule_count || strcmp(left->rules[i].rule, right->rules[i].rule) != 0 ||
            left->rules[i].count != right->rules[i].count ||
            left->rules[i].offset_sum != right->rules[i].offset_sum) {
            return false;
        }
    }
    return left->rule_count == right->rule_count && left->sound == right->sound &&
           left->fine == right->fine && left->freed == right->freed &&
           left->inside == right->inside && left->unknown == right->unknown &&
           left->place_sum == right->place_sum && left->walked == right->walked &&
           left->walked_bytes == right->walked_bytes && left->walks == right->walks &&
           left->largest_sum == right->largest_sum;
}

static const struct {
    const char *name;
    struct census census;
} known[] = {
    {"buddy",
     {{
          {"a list leads to free blocks of its order only", 422, 62624},
          {"every free block is in a list", 4, 256},
          {"a block's size fits its place", 209, 63008},
          {"no block starts inside another", 154, 57520},
          {"live blocks are the chunks in use, and were allocated once", 6, 0},
          {"a free block links back to the one before it", 166, 46944},
          {"used bytes are the sum of the chunks in use", 4, 0},
          {"chunks in use and free chunks make up the capacity", 4, 2560},
          {"none", 4, 34},
      },
      9,
      4867,
      29175,
      601244,
      301421,
      0,
      8967552,
      51399,
      3312458,
      5824,
      0}},
    {"first_fit",
     {{
          {"a chunk's size fits its place and the granule", 256, 48488},
          {"the free list holds every free chunk, ascending", 132, 30240},
          {"a header repeats the size of the chunk before it", 340, 56488},
          {"a free chunk links back to the one before it", 127, 26080},
          {"no two free chunks touch", 28, 6048},
          {"the free list ends with the last free chunk", 45, 16512},
          {"used bytes are the sum of the chunks in use", 4, 0},
          {"live blocks are the chunks in use, and were allocated once", 4, 0},
          {"chunks in use and free chunks make up the capacity", 4, 2560},
          {"none", 4, 34},
      },
      10,
      4922,
      28477,
      41001,
      866522,
      0,
      4186456,
      45576,
      3276180,
      5850,
      0}},
    {"zephyr_stats 64",
     {{
          {"the heap's header is a chunk in use of its own size", 78, 0},
          {"the heap's header states the heap's end", 43, 0},
          {"a bucket is marked available when its list has an entry", 174, 0},
          {"no bucket beyond the last is marked available", 15, 0},
          {"the statistics in the heap's header are the engine's", 234, 0},
          {"a free list leads to free chunks of its bucket", 139, 18592},
          {"a chunk knows the size of its left neighbour", 417, 100096},
          {"a chunk's size leads to the next chunk or to the end", 265, 70880},
          {"a chunk in use has room for its header and a byte", 18, 4352},
          {"no two free chunks touch", 56, 14752},
          {"a free list is a circle linked both ways", 344, 92880},
          {"the end marker knows the size of its left neighbour", 43, 27176},
          {"the end marker is a chunk in use of size 0", 40, 25280},
          {"the counters equal the sums over the blocks", 8, 0},
          {"chunks in use and free chunks make up the capacity", 4, 2528},
          {"none", 4, 34},
      },
      16,
      4105,
      29033,
      715020,
      211307,
      0,
      6597040,
      52390,
      2849693,
      5971,
      42969321624}},
    {"zephyr 32",
     {{
          {"the heap's header is a chunk in use of its own size", 43, 0},
          {"the heap's header states the heap's end", 43, 0},
          {"a bucket is marked available when its list has an entry", 141, 0},
          {"no bucket beyond the last is marked available", 15, 0},
          {"a free list leads to free chunks of its bucket", 175, 18016},
          {"a chunk knows the size of its left neighbour", 212, 42072},
          {"a chunk's size leads to the next chunk or to the end", 219, 47216},
          {"no two free chunks touch", 30, 6304},
          {"a free list is a circle linked both ways", 240, 49512},
          {"the end marker knows the size of its left neighbour", 20, 12640},
          {"the end marker is a chunk in use of size 0", 26, 16432},
          {"the counters equal the sums over the blocks", 8, 0},
          {"chunks in use and free chunks make up the capacity", 4, 2528},
          {"none", 4, 34},
      },
      14,
      4742,
      58037,
      796144,
      90779,
      0,
      11120200,
      57775,
      3143169,
      5906,
      2028040}},
    {"zephyr 64",
     {{
          {"the heap's header is a chunk in use of its own size", 78, 0},
          {"the heap's header states the heap's end", 43, 0},
          {"a bucket is marked available when its list has an entry", 141, 0},
          {"no bucket beyond the last is marked available", 15, 0},
          {"a free list leads to free chunks of its bucket", 184, 22304},
          {"a chunk knows the size of its left neighbour", 454, 102152},
          {"a chunk's size leads to the next chunk or to the end", 294, 73608},
          {"a chunk in use has room for its header and a byte", 22, 4848},
          {"no two free chunks touch", 66, 15952},
          {"a free list is a circle linked both ways", 430, 104576},
          {"the end marker knows the size of its left neighbour", 43, 27176},
          {"the end marker is a chunk in use of size 0", 40, 25280},
          {"the counters equal the sums over the blocks", 8, 0},
          {"chunks in use and free chunks make up the capacity", 4, 2528},
          {"none", 4, 34},
      },
      15,
      4155,
      29013,
      797434,
      127953,
      0,
      6314048,
      57855,
      2915684,
      5965,
      42969320328}},
    {"next_fit 16",
     {{
          {"a chunk's size fits its place and the granule", 323, 62360},
          {"the free list holds every free chunk, ascending", 159, 39016},
          {"a header repeats the size of the chunk before it", 379, 70456},
          {"a free chunk links back to the one before it", 170, 36384},
          {"no two free chunks touch", 30, 6640},
          {"the free list ends with the last free chunk", 45, 17064},
          {"used bytes are the sum of the chunks in use", 4, 0},
          {"live blocks are the chunks in use, and were allocated once", 4, 0},
          {"chunks in use and free chunks make up the capacity", 4, 2528},
          {"none", 4, 34},
      },
      10,
      4750,
      28503,
      23418,
      885039,
      0,
      4736688,
      51033,
      3123426,
      5856,
      0}},
};

static void expect(const char *name, const struct smh_engine *engine, unsigned target_bits,
                   size_t granule)
{
    struct census census = take(engine, target_bits, granule);

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(known[i].name, name) == 0 && same(&known[i].census, &census)) {
            return;
        }
    }
    print(name, &census);
    cr_assert(false, "%s: the census is another (above)", name);
}

Test(damage_census, of_zephyr_on_64_bits_is_as_known)
{
    expect("zephyr 64", &smh_engine_zephyr, 64, 0);
}

Test(damage_census, of_zephyr_on_32_bits_is_as_known)
{
    expect("zephyr 32", &smh_engine_zephyr, 32, 0);
}

Test(damage_census, of_zephyr_with_statistics_is_as_known)
{
    expect("zephyr_stats 64", &smh_engine_zephyr_stats, 64, 0);
}

Test(damage_census, of_the_fits_is_as_known)
{
    expect("first_fit", &smh_engine_first_fit, 64, 0);
    expect("next_fit 16", &smh_engine_next_fit, 64, 16);
}

Test(damage_census, of_buddies_is_as_known)
{
    expect("buddy", &smh_engine_buddy, 64, 0);
}
