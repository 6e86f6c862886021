/* mutate_afl.c: gives AFL++ the mutations of mutate.h, as a library that it loads
 * (AFL_CUSTOM_MUTATOR_LIBRARY); built by itself, without sanitizers.
 *
 * Owns: one output buffer per fuzzer. Invariants: what comes out follows from the inputs and the
 * seed that AFL++ gave.
 */
#include "../../sim/random.h"
#include "mutate.h"

#include <stdlib.h>
#include <string.h>

#define OUTPUT_MAX     ((size_t)4096)
#define ONE_IN_CROSSES 8

struct mutator {
    struct smh_random random;
    uint8_t output[OUTPUT_MAX];
};

void *afl_custom_init(void *afl, unsigned seed);
size_t afl_custom_fuzz(void *data, uint8_t *input, size_t input_size, uint8_t **output,
                       uint8_t *other, size_t other_size, size_t max_size);
void afl_custom_deinit(void *data);

void *afl_custom_init(void *afl, unsigned seed)
{
    struct mutator *mutator = calloc(1, sizeof(*mutator));
    (void)afl;
    if (mutator != NULL) {
        smh_random_init(&mutator->random, seed, 0);
    }
    return mutator;
}

size_t afl_custom_fuzz(void *data, uint8_t *input, size_t input_size, uint8_t **output,
                       uint8_t *other, size_t other_size, size_t max_size)
{
    struct mutator *mutator = data;
    size_t room = max_size < OUTPUT_MAX ? max_size : OUTPUT_MAX;
    size_t size = input_size < room ? input_size : room;
    unsigned seed = (unsigned)smh_random_next(&mutator->random);
    *output = mutator->output;
    if (other != NULL && seed % ONE_IN_CROSSES == 0) {
        return fuzz_cross(input, input_size, other, other_size, mutator->output, room, seed);
    }
    memcpy(mutator->output, input, size);
    return fuzz_mutate(mutator->output, size, room, seed);
}

void afl_custom_deinit(void *data)
{
    free(data);
}
