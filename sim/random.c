/* random.c: xoshiro256**, and distributions that are the same to the last bit everywhere.
 *
 * Owns: the generator, ln and exp.
 * Invariants: every floating-point step is one of + - * / on doubles, each rounded once to double
 * (no libm, no fused multiply-add: -ffp-contract=off, and on x87 -mfpmath=sse), so that the
 * compiler has no freedom. ln and exp are good to a few units in the last place, which is
 * plenty for drawing sizes; what matters is that they are always the same.
 */
#include "random.h"

#include <float.h>
#include <string.h>

#if FLT_EVAL_METHOD != 0
#error "build with -msse2 -mfpmath=sse: x87 rounds differently, and seeds would differ"
#endif

#define LN2           0x1.62e42fefa39efp-1 /* nearest double to ln 2 */
#define LN2_HIGH      0x1.62e42feep-1      /* its upper half: k * LN2_HIGH is exact */
#define LN2_LOW       0x1.a39ef35793c76p-33
#define EXPONENT_MASK 0x7ffull

static uint64_t split_mix(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15ull;
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

void smh_random_init(struct smh_random *random, uint64_t seed, uint64_t stream)
{
    uint64_t from_seed = seed;
    uint64_t from_stream = ~stream;
    uint64_t state = split_mix(&from_seed) ^ (split_mix(&from_stream) << 1 | 1);
    uint64_t any = 0;
    for (int i = 0; i < 4; i++) {
        random->state[i] = split_mix(&state);
        any |= random->state[i];
    }
    if (any == 0) { /* the one state that xoshiro never leaves */
        random->state[0] = 1;
    }
}

static uint64_t rotate_left(uint64_t x, unsigned count)
{
    return (x << count) | (x >> (64 - count));
}

uint64_t smh_random_next(struct smh_random *random)
{
    uint64_t *s = random->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t smh_random_below(struct smh_random *random, uint64_t bound)
{
    uint64_t last = bound - 1;
    if (last == 0) {
        return 0;
    }
    /* Draw as many bits as the largest result has, again until it fits: no division, no bias. */
    unsigned shift = (unsigned)__builtin_clzll(last);
    uint64_t drawn;
    do {
        drawn = smh_random_next(random) >> shift;
    } while (drawn > last);
    return drawn;
}

double smh_random_unit(struct smh_random *random)
{
    return (double)(smh_random_next(random) >> 11) * 0x1p-53;
}

/* ln x for normal x > 0: x = m * 2^k with m in [sqrt(1/2), sqrt(2)), s = (m - 1) / (m + 1),
 * ln m = 2 (s + s^3/3 + s^5/5 + ...); |s| < 0.172, so eleven terms reach the last bit. */
static double natural_log(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int k = (int)((bits >> 52) & EXPONENT_MASK) - 1023;
    bits = (bits & ~(EXPONENT_MASK << 52)) | (1023ull << 52);
    double m;
    memcpy(&m, &bits, sizeof m);
    if (m >= 0x1.6a09e667f3bcdp+0) {
        m = m * 0.5;
        k++;
    }
    double s = (m - 1.0) / (m + 1.0);
    static const double terms[] = {1.0 / 21, 1.0 / 19, 1.0 / 17, 1.0 / 15, 1.0 / 13,
                                   1.0 / 11, 1.0 / 9,  1.0 / 7,  1.0 / 5,  1.0 / 3};
    double square = s * s;
    double sum = 0.0;
    for (unsigned i = 0; i < sizeof terms / sizeof terms[0]; i++) {
        sum = (sum + terms[i]) * square;
    }
    double fraction = 2.0 * s + 2.0 * s * sum;
    return (double)k * LN2_HIGH + (fraction + (double)k * LN2_LOW);
}

/* e^x: x = k ln 2 + r with |r| <= ln 2 / 2, e^r by its series. Below e^-700: 0; above e^700:
 * e^700, which every caller clamps. */
static double exponential_of(double x)
{
    if (x < -700.0) {
        return 0.0;
    }
    if (!(x <= 700.0)) {
        x = 700.0;
    }
    double scaled = x / LN2;
    int k = (int)(scaled + (scaled < 0.0 ? -0.5 : 0.5));
    double r = (x - (double)k * LN2_HIGH) - (double)k * LN2_LOW;
    static const double terms[] = {
        1.0 / 87178291200.0,
        1.0 / 6227020800.0,
        1.0 / 479001600.0,
        1.0 / 39916800.0,
        1.0 / 3628800.0,
        1.0 / 362880.0,
        1.0 / 40320.0,
        1.0 / 5040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        1.0 / 2.0,
        1.0,
        1.0,
    };
    double sum = 0.0;
    for (unsigned i = 0; i < sizeof terms / sizeof terms[0]; i++) {
        sum = sum * r + terms[i];
    }
    uint64_t bits = (uint64_t)(k + 1023) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return sum * power;
}

/* Ratio of uniforms with Leva's quadratic bounds (1992): the logarithm is needed for about one
 * draw in eighty. */
double smh_random_normal(struct smh_random *random)
{
    for (;;) {
        double u = 1.0 - smh_random_unit(random); /* (0, 1] */
        double v = 1.7156 * (smh_random_unit(random) - 0.5);
        double x = u - 0.449871;
        double y = (v < 0.0 ? -v : v) + 0.386595;
        double q = x * x + y * (0.19600 * y - 0.25472 * x);
        if (q < 0.27597) {
            return v / u;
        }
        if (q <= 0.27846 && v * v <= -4.0 * natural_log(u) * u * u) {
            return v / u;
        }
    }
}

double smh_random_exponential(struct smh_random *random, double mean)
{
    return -mean * natural_log(1.0 - smh_random_unit(random));
}

double smh_random_lognormal(struct smh_random *random, double mu, double sigma)
{
    return exponential_of(mu + sigma * smh_random_normal(random));
}
