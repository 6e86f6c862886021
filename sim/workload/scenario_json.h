/* scenario_json.h: reading JSON strictly, with messages that say where.
 *
 * Owns: struct smh_json, the place in the document that is being read, and one function for each
 * form of value a scenario knows.
 * Invariants: a function answers false exactly when it has set *error; the message is
 * "FILE:LINE: $.path: value, allowed: ...". A member that is not there leaves *out as it was (its
 * default); members that must be there are checked by smh_json_object.
 */
#ifndef SMH_SIM_SCENARIO_JSON_H
#define SMH_SIM_SCENARIO_JSON_H

#include "../error.h"
#include "scenario_line.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SMH_JSON_PATH_BYTES   384
#define SMH_JSON_STEPS        16                  /* deeper than the format is */
#define SMH_JSON_BYTES_MAX    ((uint64_t)1 << 48) /* largest size of anything in a scenario */
#define SMH_JSON_DURATION_MAX ((uint64_t)1 << 62) /* ns: 146 years */

struct smh_json {
    const char *file;
    struct smh_error *error;
    const char *text; /* of the document, for the line of an error */
    size_t path_length;
    char path[SMH_JSON_PATH_BYTES];
    size_t step_count;
    struct smh_json_step steps[SMH_JSON_STEPS];
    size_t marks[SMH_JSON_STEPS]; /* of path_length before each step */
};

/* A key of an object, and the object: `pattern` is its path with [] for any element and .* for any
 * name. */
struct smh_json_key {
    const char *name;
    bool required;
};
struct smh_json_keys {
    const char *pattern;
    const struct smh_json_key *keys;
    size_t count;
};
#define SMH_JSON_KEYS(pattern_, keys_)                      \
    {                                                       \
        pattern_, keys_, sizeof(keys_) / sizeof((keys_)[0]) \
    }

void smh_json_print_keys(const struct smh_json_keys *keys, FILE *file);

void smh_json_init(struct smh_json *json, const char *file, const char *text,
                   struct smh_error *error);
/* Moves the place to a member or an element (key must live as long as it is there); returns what
 * smh_json_leave takes to move back. */
size_t smh_json_enter(struct smh_json *json, const char *key);
size_t smh_json_enter_index(struct smh_json *json, size_t index);
void smh_json_leave(struct smh_json *json, size_t mark);

/* Both answer false. */
bool smh_json_refuse(struct smh_json *json, const json_t *value, const char *allowed, ...)
    __attribute__((format(printf, 3, 4)));
bool smh_json_error(struct smh_json *json, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* value is an object, all its keys are in the table, and those required are there. */
bool smh_json_object(struct smh_json *json, const json_t *value, const struct smh_json_keys *keys);
/* value is an array of least..most elements. */
bool smh_json_array(struct smh_json *json, const json_t *value, size_t least, size_t most,
                    const char *of);

/* Values, at the current place. */
bool smh_json_size(struct smh_json *json, const json_t *value, uint64_t least, uint64_t most,
                   uint64_t *out);
bool smh_json_duration(struct smh_json *json, const json_t *value, uint64_t least, uint64_t *out);
bool smh_json_number(struct smh_json *json, const json_t *value, double least, double most,
                     double *out);
/* One line without control characters, 1 to most bytes. A copy; the old *out is freed. */
bool smh_json_text(struct smh_json *json, const json_t *value, size_t most, char **out);
/* The unsigned number that text begins with: decimal, or 0x where that is allowed; *end is what
 * follows. */
bool smh_json_scan(const char *text, bool allows_0x, uint64_t *number, const char **end);

/* Members of an object. */
bool smh_json_get_integer(struct smh_json *json, const json_t *object, const char *key,
                          uint64_t least, uint64_t most, uint64_t *out);
bool smh_json_get_integer32(struct smh_json *json, const json_t *object, const char *key,
                            uint32_t least, uint32_t most, uint32_t *out);
bool smh_json_get_size(struct smh_json *json, const json_t *object, const char *key, uint64_t least,
                       uint64_t most, uint64_t *out);
bool smh_json_get_power(struct smh_json *json, const json_t *object, const char *key,
                        uint64_t least, uint64_t most, uint64_t *out);
bool smh_json_get_duration(struct smh_json *json, const json_t *object, const char *key,
                           uint64_t least, uint64_t *out);
bool smh_json_get_text(struct smh_json *json, const json_t *object, const char *key, size_t most,
                       char **out);
bool smh_json_get_bool(struct smh_json *json, const json_t *object, const char *key, bool *out);
/* One of count names; *out is its index. */
bool smh_json_get_choice(struct smh_json *json, const json_t *object, const char *key,
                         const char *const *names, size_t count, unsigned *out);

#endif
