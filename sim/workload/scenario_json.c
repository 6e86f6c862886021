/* scenario_json.c: strict reading of JSON values.
 *
 * Owns: the forms of sizes and durations, the words of the messages, the nearest known key.
 */
#include "scenario_json.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_BYTES 60 /* of a value in a message */

void smh_json_init(struct smh_json *json, const char *file, const char *text,
                   struct smh_error *error)
{
    *json = (struct smh_json){
        .file = file, .error = error, .text = text, .path_length = 1, .path = "$"};
}

static size_t append(struct smh_json *json, const char *text)
{
    size_t mark = json->path_length;
    size_t room = sizeof json->path - 1 - mark;
    size_t length = strlen(text);
    length = length < room ? length : room;
    memcpy(json->path + mark, text, length);
    json->path_length = mark + length;
    json->path[json->path_length] = '\0';
    return mark;
}

static void push_step(struct smh_json *json, const char *key, size_t index)
{
    if (json->step_count < SMH_JSON_STEPS) {
        json->marks[json->step_count] = json->path_length;
        json->steps[json->step_count++] = (struct smh_json_step){key, index};
    }
}

size_t smh_json_enter(struct smh_json *json, const char *key)
{
    push_step(json, key, 0);
    size_t mark = append(json, ".");
    append(json, key);
    return mark;
}

size_t smh_json_enter_index(struct smh_json *json, size_t index)
{
    char text[32];
    snprintf(text, sizeof text, "[%zu]", index);
    push_step(json, NULL, index);
    return append(json, text);
}

void smh_json_leave(struct smh_json *json, size_t mark)
{
    json->path_length = mark;
    json->path[mark] = '\0';
    while (json->step_count > 0 && json->marks[json->step_count - 1] >= mark) {
        json->step_count--;
    }
}

bool smh_json_error(struct smh_json *json, const char *format, ...)
{
    char text[SMH_ERROR_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    smh_error_set(json->error, "%s:%zu: %s: %s", json->file,
                  smh_json_line(json->text, json->steps, json->step_count), json->path, text);
    return false;
}

/* A value as a message shows it: short, and of containers only what they are. */
static void show(const json_t *value, char *text, size_t capacity)
{
    if (value == NULL) {
        snprintf(text, capacity, "missing");
    } else if (json_is_object(value)) {
        snprintf(text, capacity, "an object of %zu keys", json_object_size(value));
    } else if (json_is_array(value)) {
        snprintf(text, capacity, "a list of %zu", json_array_size(value));
    } else {
        char *dump = json_dumps(value, JSON_ENCODE_ANY);
        snprintf(text, capacity, "%.*s%s", SHOWN_BYTES, dump != NULL ? dump : "?",
                 dump != NULL && strlen(dump) > SHOWN_BYTES ? "..." : "");
        free(dump);
    }
}

bool smh_json_refuse(struct smh_json *json, const json_t *value, const char *allowed, ...)
{
    char shown[SHOWN_BYTES + 8];
    char text[SMH_ERROR_BYTES];
    va_list arguments;
    show(value, shown, sizeof shown);
    va_start(arguments, allowed);
    vsnprintf(text, sizeof text, allowed, arguments);
    va_end(arguments);
    return smh_json_error(json, "%s, allowed: %s", shown, text);
}

/* Insertions, removals and replacements that turn a into b; long words count as far apart. */
static size_t distance(const char *a, const char *b)
{
    size_t row[33];
    size_t a_length = strlen(a);
    size_t b_length = strlen(b);
    if (a_length > 32 || b_length > 32) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= b_length; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            best = row[j] + 1 < best ? row[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            row[j] = best;
        }
    }
    return row[b_length];
}

static bool refuse_key(struct smh_json *json, const char *key, const struct smh_json_keys *keys)
{
    char list[512] = "";
    size_t used = 0;
    const char *nearest = NULL;
    size_t least = 3; /* more than two slips are no misspelling */
    for (size_t i = 0; i < keys->count; i++) {
        const char *name = keys->keys[i].name;
        int written = snprintf(list + used, sizeof list - used, "%s%s", i > 0 ? ", " : "", name);
        used += written > 0 && used + (size_t)written < sizeof list ? (size_t)written : 0;
        size_t steps = distance(key, name);
        if (steps < least && steps < strlen(name)) {
            least = steps;
            nearest = name;
        }
    }
    bool hint = nearest != NULL;
    smh_json_enter(json, key);
    return smh_json_error(json, "unknown key%s%s%s, allowed: %s", hint ? ", did you mean \"" : "",
                          hint ? nearest : "", hint ? "\"?" : "", list);
}

bool smh_json_object(struct smh_json *json, const json_t *value, const struct smh_json_keys *keys)
{
    if (!json_is_object(value)) {
        return smh_json_refuse(json, value, "an object with the keys of the schema");
    }
    void *member = json_object_iter((json_t *)(uintptr_t)value);
    for (; member != NULL; member = json_object_iter_next((json_t *)(uintptr_t)value, member)) {
        const char *key = json_object_iter_key(member);
        size_t i = 0;
        while (i < keys->count && strcmp(keys->keys[i].name, key) != 0) {
            i++;
        }
        if (i == keys->count) {
            return refuse_key(json, key, keys);
        }
    }
    for (size_t i = 0; i < keys->count; i++) {
        if (keys->keys[i].required && json_object_get(value, keys->keys[i].name) == NULL) {
            return smh_json_error(json, "key \"%s\" is missing, allowed: objects that have it",
                                  keys->keys[i].name);
        }
    }
    return true;
}

void smh_json_print_keys(const struct smh_json_keys *keys, FILE *file)
{
    for (size_t i = 0; i < keys->count; i++) {
        fprintf(file, "%s.%s%s\n", keys->pattern, keys->keys[i].name,
                keys->keys[i].required ? " required" : "");
    }
}

bool smh_json_array(struct smh_json *json, const json_t *value, size_t least, size_t most,
                    const char *of)
{
    if (!json_is_array(value) || json_array_size(value) < least || json_array_size(value) > most) {
        return smh_json_refuse(json, value, "a list of %zu to %zu %s", least, most, of);
    }
    return true;
}

bool smh_json_scan(const char *text, bool allows_0x, uint64_t *number, const char **end)
{
    unsigned base = 10;
    if (allows_0x && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        base = 16;
        text += 2;
    }
    uint64_t value = 0;
    const char *at = text;
    for (;; at++) {
        unsigned digit;
        if (*at >= '0' && *at <= '9') {
            digit = (unsigned)(*at - '0');
        } else if (base == 16 && *at >= 'a' && *at <= 'f') {
            digit = (unsigned)(*at - 'a') + 10;
        } else if (base == 16 && *at >= 'A' && *at <= 'F') {
            digit = (unsigned)(*at - 'A') + 10;
        } else {
            break;
        }
        if (value > (UINT64_MAX - digit) / base) {
            return false;
        }
        value = value * base + digit;
    }
    *number = value;
    *end = at;
    return at != text;
}

static bool scan_size(const char *text, uint64_t *bytes)
{
    const char *end;
    if (!smh_json_scan(text, true, bytes, &end)) {
        return false;
    }
    unsigned shift = 0;
    if (*end == 'K' || *end == 'M' || *end == 'G') {
        shift = *end == 'K' ? 10 : *end == 'M' ? 20 : 30;
        end++;
    }
    if (*end != '\0' || *bytes > UINT64_MAX >> shift) {
        return false;
    }
    *bytes <<= shift;
    return true;
}

static bool size_of(const json_t *value, uint64_t *bytes)
{
    if (json_is_integer(value) && json_integer_value(value) >= 0) {
        *bytes = (uint64_t)json_integer_value(value);
        return true;
    }
    return json_is_string(value) && scan_size(json_string_value(value), bytes);
}

bool smh_json_size(struct smh_json *json, const json_t *value, uint64_t least, uint64_t most,
                   uint64_t *out)
{
    uint64_t bytes = 0;
    if (!size_of(value, &bytes) || bytes < least || bytes > most) {
        if (most == SMH_JSON_BYTES_MAX) {
            return smh_json_refuse(
                json, value, "%" PRIu64 " to 2^48 bytes (65536, \"64K\", \"0x10000\")", least);
        }
        return smh_json_refuse(
            json, value, "%" PRIu64 " to %" PRIu64 " (65536, \"64K\", \"0x10000\")", least, most);
    }
    *out = bytes;
    return true;
}

/* "33ms", "1.5s": digits, with a fraction of a whole number of ns, and a unit. */
static bool scan_duration(const char *text, uint64_t *ns)
{
    static const struct {
        const char *name;
        uint64_t ns;
    } units[] = {{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}};
    const char *end;
    uint64_t whole;
    uint64_t fraction = 0;
    uint64_t scale = 1;
    if (!smh_json_scan(text, false, &whole, &end)) {
        return false;
    }
    if (*end == '.') {
        const char *digits = ++end;
        for (; *end >= '0' && *end <= '9' && end - digits < 9; end++) {
            fraction = fraction * 10 + (uint64_t)(*end - '0');
            scale *= 10;
        }
        if (end == digits) {
            return false;
        }
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].name) == 0) {
            uint64_t part = fraction * units[i].ns;
            if (whole > SMH_JSON_DURATION_MAX / units[i].ns || part % scale != 0) {
                return false;
            }
            *ns = whole * units[i].ns + part / scale;
            return true;
        }
    }
    return false;
}

bool smh_json_duration(struct smh_json *json, const json_t *value, uint64_t least, uint64_t *out)
{
    uint64_t ns = 0;
    bool valid = false;
    if (json_is_integer(value) && json_integer_value(value) >= 0) {
        ns = (uint64_t)json_integer_value(value);
        valid = true;
    } else if (json_is_string(value)) {
        valid = scan_duration(json_string_value(value), &ns);
    }
    if (!valid || ns < least || ns > SMH_JSON_DURATION_MAX) {
        return smh_json_refuse(json, value,
                               "%" PRIu64 " to 2^62 ns (1000, \"100ns\", \"20us\", \"33ms\", "
                               "\"1.5s\")",
                               least);
    }
    *out = ns;
    return true;
}

bool smh_json_number(struct smh_json *json, const json_t *value, double least, double most,
                     double *out)
{
    double number = json_number_value(value);
    if (!json_is_number(value) || !(number >= least && number <= most)) {
        return smh_json_refuse(json, value, "a number from %g to %g", least, most);
    }
    *out = number;
    return true;
}

bool smh_json_text(struct smh_json *json, const json_t *value, size_t most, char **out)
{
    const char *text = json_string_value(value);
    bool valid = text != NULL && text[0] != '\0' && strlen(text) <= most;
    for (const char *at = text; valid && *at != '\0'; at++) {
        valid = (unsigned char)*at >= 0x20 && *at != 0x7f;
    }
    if (!valid) {
        return smh_json_refuse(json, value, "a text of 1 to %zu bytes without control characters",
                               most);
    }
    free(*out);
    *out = smh_must_copy(text);
    return true;
}

bool smh_json_get_integer(struct smh_json *json, const json_t *object, const char *key,
                          uint64_t least, uint64_t most, uint64_t *out)
{
    const json_t *value = json_object_get(object, key);
    if (value == NULL) {
        return true;
    }
    size_t mark = smh_json_enter(json, key);
    bool valid = json_is_integer(value) && json_integer_value(value) >= 0 &&
                 (uint64_t)json_integer_value(value) >= least &&
                 (uint64_t)json_integer_value(value) <= most;
    if (valid) {
        *out = (uint64_t)json_integer_value(value);
    } else {
        smh_json_refuse(json, value, "an integer from %" PRIu64 " to %" PRIu64, least, most);
    }
    smh_json_leave(json, mark);
    return valid;
}

bool smh_json_get_integer32(struct smh_json *json, const json_t *object, const char *key,
                            uint32_t least, uint32_t most, uint32_t *out)
{
    uint64_t value = *out;
    bool valid = smh_json_get_integer(json, object, key, least, most, &value);
    *out = (uint32_t)value;
    return valid;
}

bool smh_json_get_size(struct smh_json *json, const json_t *object, const char *key, uint64_t least,
                       uint64_t most, uint64_t *out)
{
    const json_t *value = json_object_get(object, key);
    if (value == NULL) {
        return true;
    }
    size_t mark = smh_json_enter(json, key);
    bool valid = smh_json_size(json, value, least, most, out);
    smh_json_leave(json, mark);
    return valid;
}

bool smh_json_get_power(struct smh_json *json, const json_t *object, const char *key,
                        uint64_t least, uint64_t most, uint64_t *out)
{
    const json_t *value = json_object_get(object, key);
    if (value == NULL) {
        return true;
    }
    size_t mark = smh_json_enter(json, key);
    uint64_t number = 0;
    bool valid = size_of(value, &number) && number >= least && number <= most &&
                 (number & (number - 1)) == 0;
    if (valid) {
        *out = number;
    } else {
        smh_json_refuse(json, value, "a power of two from %" PRIu64 " to %" PRIu64, least, most);
    }
    smh_json_leave(json, mark);
    return valid;
}

bool smh_json_get_duration(struct smh_json *json, const json_t *object, const char *key,
                           uint64_t least, uint64_t *out)
{
    const json_t *value = json_object_get(object, key);
    if (value == NULL) {
        return true;
    }
    size_t mark = smh_json_enter(json, key);
    bool valid = smh_json_duration(json, value, least, out);
    smh_json_leave(json, mark);
    return valid;
}

bool smh_json_get_text(struct smh_json *json, const json_t *object, const char *key, size_t most,
                       char **out)
{
    const json_t *value = json_object_get(object, key);
    if (value == NULL) {
        return true;
    }
    size_t mark = smh_json_enter(json, key);
    bool valid = smh_json_text(json, value, most, out);
    smh_json_leave(json, mark);
    return valid;
}

bool smh_json_get_bool(struct smh_json *json, const json_t *object, const char *key, bool *out)
{
    const json_t *value = json_object_get(object, key);
    if (value == NULL || json_is_boolean(value)) {
        *out = value != NULL ? json_is_true(value) : *out;
        return true;
    }
    size_t mark = smh_json_enter(json, key);
    smh_json_refuse(json, value, "true, false");
    smh_json_leave(json, mark);
    return false;
}

bool smh_json_get_choice(struct smh_json *json, const json_t *object, const char *key,
                         const char *const *names, size_t count, unsigned *out)
{
    const json_t *value = json_object_get(object, key);
    if (value == NULL) {
        return true;
    }
    char list[512] = "";
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (json_is_string(value) && strcmp(json_string_value(value), names[i]) == 0) {
            *out = (unsigned)i;
            return true;
        }
        int written =
            snprintf(list + used, sizeof list - used, "%s\"%s\"", i > 0 ? ", " : "", names[i]);
        used += written > 0 && used + (size_t)written < sizeof list ? (size_t)written : 0;
    }
    size_t mark = smh_json_enter(json, key);
    smh_json_refuse(json, value, "%s", list);
    smh_json_leave(json, mark);
    return false;
}
