/* test_generator.c: random allocations follow their configuration, and are well formed.
 */
#include "../../sim/workload/generator.h"
#include "temporary.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct smh_generator_config small_blocks(void)
{
    return (struct smh_generator_config){
        .rate_hz = 2000,
        .size = {.kind = SMH_DISTRIBUTION_LOGNORMAL, .a = 4.1, .b = 1.2, .max = 4096},
        .lifetime = {.kind = SMH_DISTRIBUTION_EXPONENTIAL, .a = 20e6},
        .count = 20000,
    };
}

static struct smh_operation *operations_of(const struct smh_generator_config *config, uint64_t seed,
                                           size_t *count)
{
    struct smh_error error = {{0}};
    struct smh_source *source = smh_generator_open(config, 3, seed, &error);
    cr_assert_not_null(source, "%s", error.message);
    return all_operations(source, count);
}

/* What a stream amounts to; the test fails when it is not well formed. */
struct tally {
    size_t allocs, reallocs, frees, live, most_live;
    uint64_t last_ns, slots;
    double bytes, lifetime_ns;
};

static struct tally tally_of(const struct smh_operation *operations, size_t count)
{
    struct tally tally = {0};
    uint64_t *born = smh_must_allocate(count, sizeof *born); /* by slot: time + 1, 0: free */
    for (size_t i = 0; i < count; i++) {
        const struct smh_operation *o = &operations[i];
        cr_assert_geq(o->time_ns, tally.last_ns);
        cr_assert_eq(o->actor, 3);
        cr_assert_eq(o->site, i + 1);
        cr_assert_lt(o->slot, count);
        tally.last_ns = o->time_ns;
        if (o->kind == SMH_OPERATION_ALLOC) {
            cr_assert_eq(born[o->slot], 0, "the slot is taken");
            cr_assert_gt(o->bytes, 0u);
            born[o->slot] = o->time_ns + 1;
            tally.allocs++;
            tally.bytes += (double)o->bytes;
            tally.slots = o->slot + 1 > tally.slots ? o->slot + 1 : tally.slots;
            tally.live++;
            tally.most_live = tally.live > tally.most_live ? tally.live : tally.most_live;
        } else {
            cr_assert_neq(born[o->slot], 0, "the slot is free");
            if (o->kind == SMH_OPERATION_REALLOC) {
                cr_assert_gt(o->bytes, 0u);
                tally.reallocs++;
                continue;
            }
            cr_assert_eq(o->kind, SMH_OPERATION_FREE);
            tally.lifetime_ns += (double)(o->time_ns + 1 - born[o->slot]);
            born[o->slot] = 0;
            tally.frees++;
            tally.live--;
        }
    }
    free(born);
    return tally;
}

Test(generator, rate_sizes_and_lifetimes_are_as_asked_and_all_is_freed_in_the_end)
{
    size_t count;
    struct smh_generator_config config = small_blocks();
    struct smh_operation *operations = operations_of(&config, 1, &count);
    struct tally tally = tally_of(operations, count);
    free(operations);
    cr_assert_eq(tally.allocs, 20000);
    cr_assert_eq(tally.frees, 20000);
    cr_assert_eq(tally.live, 0);
    cr_assert_eq(tally.slots, tally.most_live, "slots are dense");
    /* 20,000 at 2,000 a second; 40 live on average. The mean of the lognormal is
     * e^(4.1 + 0.72) = 124; cut at 4096 it is a little less. */
    cr_assert_float_eq((double)tally.last_ns / 1e9, 10.0, 0.4);
    cr_assert_float_eq(tally.lifetime_ns / 20000, 20e6, 0.6e6);
    cr_assert_float_eq(tally.bytes / 20000, 122.0, 6.0);
    cr_assert_lt(tally.most_live, 100);
}

Test(generator, the_same_seed_gives_the_same_operations_and_another_gives_others)
{
    size_t counts[3];
    struct smh_generator_config config = small_blocks();
    struct smh_operation *a = operations_of(&config, 1, &counts[0]);
    struct smh_operation *b = operations_of(&config, 1, &counts[1]);
    struct smh_operation *c = operations_of(&config, 2, &counts[2]);
    cr_assert_eq(counts[0], counts[1]);
    for (size_t i = 0; i < counts[0]; i++) {
        cr_assert_eq(a[i].time_ns, b[i].time_ns);
        cr_assert_eq(a[i].bytes, b[i].bytes);
        cr_assert_eq(a[i].slot, b[i].slot);
    }
    cr_assert_neq(a[0].time_ns, c[0].time_ns);
    free(a);
    free(b);
    free(c);
}

Test(generator, the_batch_size_does_not_change_the_stream)
{
    struct smh_error error = {{0}};
    size_t count;
    struct smh_generator_config config = small_blocks();
    config.realloc_share = 0.3;
    struct smh_operation *all = operations_of(&config, 9, &count);
    struct smh_source *source = smh_generator_open(&config, 3, 9, &error);
    struct smh_operation one;
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(source->next(source, &one, 1, &error), 1);
        cr_assert_eq(one.time_ns, all[i].time_ns);
        cr_assert_eq(one.kind, all[i].kind);
        cr_assert_eq(one.slot, all[i].slot);
    }
    cr_assert_eq(source->next(source, &one, 1, &error), 0);
    source->close(source);
    free(all);
}

Test(generator, at_the_limit_of_live_blocks_the_oldest_is_freed_first)
{
    size_t count;
    struct smh_generator_config config = {
        .rate_hz = 1e6,
        .size = {.kind = SMH_DISTRIBUTION_CONSTANT, .a = 16},
        .lifetime = {.kind = SMH_DISTRIBUTION_UNIFORM, .a = 1e12, .b = 2e12},
        .live_max = 3,
        .count = 5,
    };
    struct smh_operation *o = operations_of(&config, 1, &count);
    cr_assert_eq(count, 10);
    /* a0 a1 a2 | f0 a0 | f1 a1 | the three that are left, when they are due */
    static const unsigned kinds[] = {0, 0, 0, 3, 0, 3, 0};
    static const unsigned slots[] = {0, 1, 2, 0, 0, 1, 1};
    for (size_t i = 0; i < 7; i++) {
        cr_assert_eq(o[i].kind, kinds[i]);
        cr_assert_eq(o[i].slot, slots[i]);
    }
    cr_assert_eq(o[3].time_ns, o[4].time_ns);
    for (size_t i = 7; i < 10; i++) {
        cr_assert_eq(o[i].kind, SMH_OPERATION_FREE);
        cr_assert_gt(o[i].time_ns, 1000000000000u);
    }
    free(o);
}

Test(generator, the_share_asked_for_is_resized_once_in_mid_life)
{
    size_t count;
    struct smh_generator_config config = small_blocks();
    config.realloc_share = 0.25;
    config.lifetime = (struct smh_distribution){.kind = SMH_DISTRIBUTION_CONSTANT, .a = 1000000};
    struct smh_operation *operations = operations_of(&config, 5, &count);
    struct tally tally = tally_of(operations, count);
    cr_assert_float_eq((double)tally.reallocs, 5000.0, 250.0);
    uint64_t born[4096] = {0};
    for (size_t i = 0; i < count; i++) {
        const struct smh_operation *o = &operations[i];
        cr_assert_lt(o->slot, 4096u);
        if (o->kind == SMH_OPERATION_ALLOC) {
            born[o->slot] = o->time_ns;
        } else {
            uint64_t age = o->kind == SMH_OPERATION_REALLOC ? 500000 : 1000000;
            cr_assert_eq(o->time_ns - born[o->slot], age);
        }
    }
    free(operations);
}

Test(generator, a_duration_ends_the_allocations_and_not_the_frees)
{
    size_t count;
    struct smh_generator_config config = small_blocks();
    config.count = 0;
    config.duration_ns = 100000000;
    struct smh_operation *operations = operations_of(&config, 1, &count);
    struct tally tally = tally_of(operations, count);
    for (size_t i = 0; i < count; i++) {
        cr_assert(operations[i].kind == SMH_OPERATION_FREE || operations[i].time_ns <= 100000000);
    }
    free(operations);
    cr_assert_float_eq((double)tally.allocs, 200.0, 60.0);
    cr_assert_eq(tally.live, 0);
    cr_assert_gt(tally.last_ns, 100000000u);
}

Test(generator, a_million_operations_take_no_more_memory_than_what_is_live)
{
    /* Slots are the memory of a generator: 40 are live on average, and slots stay near it. */
    struct smh_error error = {{0}};
    struct smh_generator_config config = small_blocks();
    config.count = 500000;
    struct smh_source *source = smh_generator_open(&config, 0, 1, &error);
    struct smh_operation batch[256];
    uint32_t most = 0;
    uint64_t total = 0;
    for (long got; (got = source->next(source, batch, 256, &error)) > 0; total += (uint64_t)got) {
        for (long i = 0; i < got; i++) {
            most = batch[i].slot > most ? batch[i].slot : most;
        }
    }
    source->close(source);
    cr_assert_eq(total, 1000000u);
    cr_assert_lt(most, 100u);
}

static double mean_of(const struct smh_distribution *distribution, uint64_t *least, uint64_t *most)
{
    struct smh_random random;
    double sum = 0.0;
    smh_random_init(&random, 77, 0);
    *least = UINT64_MAX;
    *most = 0;
    for (int i = 0; i < 100000; i++) {
        uint64_t value = smh_distribution_draw(distribution, &random);
        *least = value < *least ? value : *least;
        *most = value > *most ? value : *most;
        sum += (double)value;
    }
    return sum / 100000;
}

Test(distribution, every_kind_draws_what_it_says)
{
    uint64_t least;
    uint64_t most;
    uint64_t values[] = {16, 100, 1000};
    double weights[] = {1.0, 1.0, 4.0}; /* cumulative: 100 is never drawn */
    struct smh_distribution d = {.kind = SMH_DISTRIBUTION_CONSTANT, .a = 48};
    cr_assert_float_eq(mean_of(&d, &least, &most), 48.0, 0.0);
    d = (struct smh_distribution){.kind = SMH_DISTRIBUTION_UNIFORM, .a = 5, .b = 8};
    cr_assert_float_eq(mean_of(&d, &least, &most), 6.5, 0.03);
    cr_assert(least == 5 && most == 8);
    d = (struct smh_distribution){.kind = SMH_DISTRIBUTION_EXPONENTIAL, .a = 1000};
    cr_assert_float_eq(mean_of(&d, &least, &most), 1000.0, 15.0);
    d = (struct smh_distribution){
        .kind = SMH_DISTRIBUTION_CHOICE, .values = values, .weights = weights, .value_count = 3};
    cr_assert_float_eq(mean_of(&d, &least, &most), 0.25 * 16 + 0.75 * 1000, 5.0);
    cr_assert(least == 16 && most == 1000);
}

Test(distribution, draws_are_clamped)
{
    uint64_t least;
    uint64_t most;
    struct smh_distribution d = {
        .kind = SMH_DISTRIBUTION_LOGNORMAL, .a = 4.1, .b = 3.0, .min = 30, .max = 100};
    mean_of(&d, &least, &most);
    cr_assert(least == 30 && most == 100);
    d = (struct smh_distribution){.kind = SMH_DISTRIBUTION_LOGNORMAL, .a = 50.0, .b = 0.0};
    mean_of(&d, &least, &most);
    cr_assert_eq(most, SMH_DRAW_MAX);
}
