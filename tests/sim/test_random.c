/* test_random.c: the generator of random numbers.
 *
 * Golden values tie every compiler and machine to one sequence; moments show that the
 * distributions are what their names say.
 */
#include "../../sim/random.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#define DRAWS 400000

/* FNV-1a over the bytes of a value, least significant first. */
static uint64_t mix(uint64_t hash, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++) {
        hash = (hash ^ ((value >> (8 * i)) & 0xff)) * 0x100000001b3ull;
    }
    return hash;
}

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

Test(random, the_same_seed_gives_the_published_integers)
{
    /* xoshiro256** from the state 1, 2, 3, 4, worked out by hand from its definition. */
    struct smh_random random = {{1, 2, 3, 4}};
    cr_assert_eq(smh_random_next(&random), 11520u);
    cr_assert_eq(smh_random_next(&random), 0u);
    cr_assert_eq(smh_random_next(&random), 1509978240u);
    cr_assert_eq(smh_random_next(&random), 1215971899390074240u);
}

Test(random, every_distribution_gives_the_same_bits_everywhere)
{
    struct smh_random random;
    smh_random_init(&random, 7, 3);
    uint64_t hash = 0xcbf29ce484222325ull;
    for (int i = 0; i < 20000; i++) {
        hash = mix(hash, smh_random_below(&random, 1000003));
        hash = mix(hash, bits_of(smh_random_unit(&random)));
        hash = mix(hash, bits_of(smh_random_normal(&random)));
        hash = mix(hash, bits_of(smh_random_exponential(&random, 2.5e7)));
        hash = mix(hash, bits_of(smh_random_lognormal(&random, 4.1, 1.2)));
    }
    cr_assert_eq(hash, 0xd79af925bf7d4ae6ull, "0x%llx", (unsigned long long)hash);
}

Test(random, seeds_and_streams_give_different_sequences)
{
    struct smh_random a;
    struct smh_random b;
    struct smh_random c;
    smh_random_init(&a, 1, 0);
    smh_random_init(&b, 2, 0);
    smh_random_init(&c, 1, 1);
    uint64_t first = smh_random_next(&a);
    cr_assert_neq(first, smh_random_next(&b));
    cr_assert_neq(first, smh_random_next(&c));
}

Test(random, below_hits_every_value_about_equally_and_none_beyond)
{
    static const uint64_t bounds[] = {1, 2, 3, 7, 10, 64, 100};
    struct smh_random random;
    smh_random_init(&random, 11, 0);
    for (size_t k = 0; k < sizeof bounds / sizeof bounds[0]; k++) {
        uint64_t bound = bounds[k];
        uint64_t hits[100] = {0};
        for (int i = 0; i < DRAWS; i++) {
            uint64_t drawn = smh_random_below(&random, bound);
            cr_assert_lt(drawn, bound);
            hits[drawn]++;
        }
        /* Chi-squared with bound - 1 degrees of freedom: mean bound - 1, deviation
         * sqrt(2 (bound - 1)); six deviations are out of reach of a fair generator. */
        double expected = (double)DRAWS / (double)bound;
        double sum = 0.0;
        for (uint64_t v = 0; v < bound; v++) {
            double off = (double)hits[v] - expected;
            sum += off * off / expected;
        }
        double degrees = (double)(bound - 1);
        cr_assert_leq(sum, degrees + 6.0 * sqrt(2.0 * degrees) + 1e-9, "bound %d: %g", (int)bound,
                      sum);
    }
}

Test(random, below_reaches_the_largest_bound)
{
    struct smh_random random;
    smh_random_init(&random, 5, 0);
    uint64_t most = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t drawn = smh_random_below(&random, UINT64_MAX);
        cr_assert_lt(drawn, UINT64_MAX);
        most = drawn > most ? drawn : most;
    }
    cr_assert_gt(most, UINT64_MAX / 100 * 98);
}

/* Mean, variance, third and fourth standardised moments of DRAWS draws. */
struct moments {
    double mean, variance, skew, kurtosis;
};

static struct moments moments_of(const double *values)
{
    struct moments m = {0, 0, 0, 0};
    for (int i = 0; i < DRAWS; i++) {
        m.mean += values[i] / DRAWS;
    }
    double third = 0.0;
    double fourth = 0.0;
    for (int i = 0; i < DRAWS; i++) {
        double off = values[i] - m.mean;
        m.variance += off * off / DRAWS;
        third += off * off * off / DRAWS;
        fourth += off * off * off * off / DRAWS;
    }
    m.skew = third / pow(m.variance, 1.5);
    m.kurtosis = fourth / (m.variance * m.variance);
    return m;
}

static double values[DRAWS];

Test(random, unit_is_uniform)
{
    struct smh_random random;
    smh_random_init(&random, 21, 0);
    for (int i = 0; i < DRAWS; i++) {
        values[i] = smh_random_unit(&random);
        cr_assert(values[i] >= 0.0 && values[i] < 1.0);
    }
    struct moments m = moments_of(values);
    cr_assert_float_eq(m.mean, 0.5, 0.003);
    cr_assert_float_eq(m.variance, 1.0 / 12.0, 0.001);
    cr_assert_float_eq(m.kurtosis, 1.8, 0.02);
}

Test(random, normal_has_the_moments_of_the_normal_distribution)
{
    struct smh_random random;
    smh_random_init(&random, 22, 0);
    for (int i = 0; i < DRAWS; i++) {
        values[i] = smh_random_normal(&random);
    }
    struct moments m = moments_of(values);
    cr_assert_float_eq(m.mean, 0.0, 0.01);
    cr_assert_float_eq(m.variance, 1.0, 0.015);
    cr_assert_float_eq(m.skew, 0.0, 0.025);
    cr_assert_float_eq(m.kurtosis, 3.0, 0.06);
}

Test(random, exponential_has_its_mean_and_a_variance_of_its_square)
{
    struct smh_random random;
    smh_random_init(&random, 23, 0);
    for (int i = 0; i < DRAWS; i++) {
        values[i] = smh_random_exponential(&random, 20.0);
        cr_assert_geq(values[i], 0.0);
    }
    struct moments m = moments_of(values);
    cr_assert_float_eq(m.mean, 20.0, 0.2);
    cr_assert_float_eq(m.variance, 400.0, 10.0);
    cr_assert_float_eq(m.skew, 2.0, 0.15);
}

Test(random, the_logarithm_of_a_lognormal_draw_is_normal)
{
    struct smh_random random;
    smh_random_init(&random, 24, 0);
    for (int i = 0; i < DRAWS; i++) {
        values[i] = log(smh_random_lognormal(&random, 4.1, 1.2));
    }
    struct moments m = moments_of(values);
    cr_assert_float_eq(m.mean, 4.1, 0.012);
    cr_assert_float_eq(m.variance, 1.44, 0.02);
    cr_assert_float_eq(m.kurtosis, 3.0, 0.06);
}

Test(random, exponential_and_lognormal_agree_with_the_library_functions)
{
    /* Two generators in the same state: one draws the distribution, the other what it is made
     * of. */
    struct smh_random drawn;
    struct smh_random made;
    smh_random_init(&drawn, 25, 0);
    made = drawn;
    for (int i = 0; i < 100000; i++) {
        double expected = -3.0 * log(1.0 - smh_random_unit(&made));
        double got = smh_random_exponential(&drawn, 3.0);
        cr_assert_float_eq(got, expected, 1e-14 + 1e-14 * expected);
        expected = exp(-2.0 + 3.0 * smh_random_normal(&made));
        got = smh_random_lognormal(&drawn, -2.0, 3.0);
        cr_assert_float_eq(got, expected, 1e-14 * expected);
    }
}

Test(random, a_lognormal_draw_far_out_neither_overflows_nor_fails)
{
    struct smh_random random;
    smh_random_init(&random, 26, 0);
    cr_assert(isfinite(smh_random_lognormal(&random, 50000.0, 0.0)));
    cr_assert_float_eq(smh_random_lognormal(&random, -50000.0, 0.0), 0.0, 0.0);
}
