/* random.h: the one pseudo-random generator, passed explicitly.
 *
 * Owns: struct smh_random and its distributions.
 * Invariants: the sequence depends on the seed alone: integers are exact, and floating point uses
 * only operations that IEEE 754 rounds exactly (+ - * / sqrt) and no libm, so that every compiler
 * and machine yields the same bytes.
 */
#ifndef SMH_SIM_RANDOM_H
#define SMH_SIM_RANDOM_H

#include <stdint.h>

/* xoshiro256** (Blackman and Vigna, 2018). */
struct smh_random {
    uint64_t state[4];
};

/* Seeds by SplitMix64 (Steele, Lea, Flood, 2014); stream separates generators of one seed. */
void smh_random_init(struct smh_random *random, uint64_t seed, uint64_t stream);
uint64_t smh_random_next(struct smh_random *random);
/* Uniform in [0, bound), without bias; bound > 0. */
uint64_t smh_random_below(struct smh_random *random, uint64_t bound);
/* Uniform in [0, 1), 53 bits. */
double smh_random_unit(struct smh_random *random);
double smh_random_normal(struct smh_random *random);                   /* mean 0, deviation 1 */
double smh_random_exponential(struct smh_random *random, double mean); /* mean > 0 */
double smh_random_lognormal(struct smh_random *random, double mu, double sigma); /* of ln x */

#endif
