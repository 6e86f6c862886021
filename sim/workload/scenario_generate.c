/* scenario_generate.c: generators of a scenario.
 *
 * Owns: the keys under $.workload[].generate, and the form of distributions: in a size its values
 * are bytes, in a lifetime they are durations.
 */
#include "scenario_load.h"

#include <stdlib.h>

#define CHOICES_MAX 4096

static const struct smh_json_key generator_keys[] = {
    {"rate_hz", true}, {"size", true},      {"lifetime", true},       {"live_max", false},
    {"count", false},  {"duration", false}, {"realloc_share", false},
};
const struct smh_json_keys smh_keys_generator =
    SMH_JSON_KEYS("$.workload[].generate", generator_keys);

static const struct smh_json_key distribution_keys[] = {
    {"constant", false}, {"uniform", false}, {"exponential", false}, {"lognormal", false},
    {"choice", false},   {"min", false},     {"max", false},
};
const struct smh_json_keys smh_keys_size =
    SMH_JSON_KEYS("$.workload[].generate.size", distribution_keys);
const struct smh_json_keys smh_keys_lifetime =
    SMH_JSON_KEYS("$.workload[].generate.lifetime", distribution_keys);

void smh_generator_config_free(struct smh_generator_config *config)
{
    if (config == NULL) {
        return;
    }
    free(config->size.values);
    free(config->size.weights);
    free(config->lifetime.values);
    free(config->lifetime.weights);
    free(config);
}

/* Bytes of a size, ns of a lifetime. */
static bool load_value(struct smh_json *json, const json_t *value, bool durations, uint64_t least,
                       uint64_t *out)
{
    return durations ? smh_json_duration(json, value, least, out)
                     : smh_json_size(json, value, least, SMH_JSON_BYTES_MAX, out);
}

static bool load_uniform(struct smh_json *json, const json_t *value, bool durations,
                         struct smh_distribution *distribution)
{
    uint64_t bounds[2] = {0, 0};
    if (!smh_json_array(json, value, 2, 2, "values, the least and the most")) {
        return false;
    }
    for (size_t i = 0; i < 2; i++) {
        size_t mark = smh_json_enter_index(json, i);
        if (!load_value(json, json_array_get(value, i), durations, i == 0 ? 0 : bounds[0],
                        &bounds[i])) {
            return false;
        }
        smh_json_leave(json, mark);
    }
    distribution->a = (double)bounds[0];
    distribution->b = (double)bounds[1];
    return true;
}

static bool load_lognormal(struct smh_json *json, const json_t *value,
                           struct smh_distribution *distribution)
{
    if (!smh_json_array(json, value, 2, 2, "numbers, mu and sigma")) {
        return false;
    }
    size_t mark = smh_json_enter_index(json, 0);
    if (!smh_json_number(json, json_array_get(value, 0), -50, 50, &distribution->a)) {
        return false;
    }
    smh_json_leave(json, mark);
    mark = smh_json_enter_index(json, 1);
    if (!smh_json_number(json, json_array_get(value, 1), 0, 20, &distribution->b)) {
        return false;
    }
    smh_json_leave(json, mark);
    return true;
}

static bool load_choice(struct smh_json *json, const json_t *value, bool durations,
                        struct smh_distribution *distribution)
{
    if (!smh_json_array(json, value, 1, CHOICES_MAX, "pairs [value, weight]")) {
        return false;
    }
    size_t count = json_array_size(value);
    distribution->values = smh_must_allocate(count, sizeof *distribution->values);
    distribution->weights = smh_must_allocate(count, sizeof *distribution->weights);
    distribution->value_count = count;
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        size_t mark = smh_json_enter_index(json, i);
        const json_t *pair = json_array_get(value, i);
        double weight = 0.0;
        if (!smh_json_array(json, pair, 2, 2, "values, one and its weight")) {
            return false;
        }
        size_t inner = smh_json_enter_index(json, 0);
        if (!load_value(json, json_array_get(pair, 0), durations, 0, &distribution->values[i])) {
            return false;
        }
        smh_json_leave(json, inner);
        smh_json_enter_index(json, 1);
        if (!smh_json_number(json, json_array_get(pair, 1), 0, 1e12, &weight)) {
            return false;
        }
        smh_json_leave(json, mark);
        sum += weight;
        distribution->weights[i] = sum;
    }
    if (!(sum > 0.0)) {
        return smh_json_refuse(json, value, "weights of which one is above 0");
    }
    return true;
}

/* The one key that says which distribution it is. */
static bool find_kind(struct smh_json *json, const json_t *object, enum smh_distribution_kind *kind)
{
    size_t found = 0;
    for (size_t i = 0; i < 5; i++) {
        if (json_object_get(object, distribution_keys[i].name) != NULL) {
            *kind = (enum smh_distribution_kind)i;
            found++;
        }
    }
    if (found != 1) {
        return smh_json_error(json,
                              "%zu distributions, allowed: exactly one of constant, uniform, "
                              "exponential, lognormal, choice",
                              found);
    }
    return true;
}

static bool load_kind(struct smh_json *json, const json_t *object, bool durations,
                      struct smh_distribution *distribution)
{
    const char *key = distribution_keys[distribution->kind].name;
    const json_t *value = json_object_get(object, key);
    uint64_t number = 0;
    size_t mark = smh_json_enter(json, key);
    bool valid = false;
    switch (distribution->kind) {
    case SMH_DISTRIBUTION_CONSTANT:
    case SMH_DISTRIBUTION_EXPONENTIAL:
        valid = load_value(json, value, durations,
                           distribution->kind == SMH_DISTRIBUTION_EXPONENTIAL, &number);
        distribution->a = (double)number;
        break;
    case SMH_DISTRIBUTION_UNIFORM:
        valid = load_uniform(json, value, durations, distribution);
        break;
    case SMH_DISTRIBUTION_LOGNORMAL:
        valid = load_lognormal(json, value, distribution);
        break;
    case SMH_DISTRIBUTION_CHOICE:
        valid = load_choice(json, value, durations, distribution);
        break;
    }
    if (valid) {
        smh_json_leave(json, mark);
    }
    return valid;
}

static bool load_distribution(struct smh_loader *loader, const json_t *object, const char *key,
                              const struct smh_json_keys *keys,
                              struct smh_distribution *distribution)
{
    struct smh_json *json = &loader->json;
    bool durations = keys == &smh_keys_lifetime;
    const json_t *value = json_object_get(object, key);
    size_t outer = smh_json_enter(json, key);
    if (!smh_json_object(json, value, keys) || !find_kind(json, value, &distribution->kind) ||
        !load_kind(json, value, durations, distribution)) {
        return false;
    }
    const json_t *least = json_object_get(value, "min");
    const json_t *most = json_object_get(value, "max");
    size_t mark = smh_json_enter(json, "min");
    if (least != NULL && !load_value(json, least, durations, 0, &distribution->min)) {
        return false;
    }
    smh_json_leave(json, mark);
    mark = smh_json_enter(json, "max");
    uint64_t floor = distribution->min > 0 ? distribution->min : 1;
    if (most != NULL && !load_value(json, most, durations, floor, &distribution->max)) {
        return false;
    }
    smh_json_leave(json, mark);
    smh_json_leave(json, outer);
    return true;
}

bool smh_load_generator(struct smh_loader *loader, const json_t *object,
                        struct smh_generator_config *config)
{
    struct smh_json *json = &loader->json;
    if (!smh_json_object(json, object, &smh_keys_generator)) {
        return false;
    }
    size_t mark = smh_json_enter(json, "rate_hz");
    if (!smh_json_number(json, json_object_get(object, "rate_hz"), 1e-6, 1e9, &config->rate_hz)) {
        return false;
    }
    smh_json_leave(json, mark);
    mark = smh_json_enter(json, "realloc_share");
    const json_t *share = json_object_get(object, "realloc_share");
    if (share != NULL && !smh_json_number(json, share, 0, 1, &config->realloc_share)) {
        return false;
    }
    smh_json_leave(json, mark);
    return load_distribution(loader, object, "size", &smh_keys_size, &config->size) &&
           load_distribution(loader, object, "lifetime", &smh_keys_lifetime, &config->lifetime) &&
           smh_json_get_integer(json, object, "live_max", 1, UINT32_MAX - 1, &config->live_max) &&
           smh_json_get_integer(json, object, "count", 1, INT64_MAX, &config->count) &&
           smh_json_get_duration(json, object, "duration", 1, &config->duration_ns);
}
