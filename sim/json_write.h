/* json_write.h: numbers of results as JSON.
 *
 * Owns: how an integer and a ratio are written, the same in every part of results.json.
 */
#ifndef SMH_SIM_JSON_WRITE_H
#define SMH_SIM_JSON_WRITE_H

#include <jansson.h>
#include <math.h>
#include <stdint.h>

static inline json_t *smh_json_integer(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static inline void smh_json_put_integer(json_t *object, const char *key, uint64_t value)
{
    json_object_set_new(object, key, smh_json_integer(value));
}

/* Six digits are what a reader can use, and they print the same everywhere; null for what is no
 * number. */
static inline json_t *smh_json_ratio(double value)
{
    return isfinite(value) ? json_real(round(value * 1e6) / 1e6) : json_null();
}

#endif
