/* scenario_line.c: a walk through JSON text that is known to be valid.
 *
 * Invariants: never reads past the terminating zero, whatever the text is; does not recurse.
 */
#include "scenario_line.h"

#include <stdbool.h>
#include <string.h>

static const char *skip_space(const char *at)
{
    while (*at != '\0' && strchr(" \t\r\n", *at) != NULL) {
        at++;
    }
    return at;
}

/* Past the string that begins at its quote. */
static const char *skip_string(const char *at)
{
    at++;
    while (*at != '\0' && *at != '"') {
        at += at[0] == '\\' && at[1] != '\0' ? 2 : 1;
    }
    return *at == '"' ? at + 1 : at;
}

static const char *skip_value(const char *at)
{
    size_t depth = 0;
    do {
        at = skip_space(at);
        if (*at == '"') {
            at = skip_string(at);
        } else if (*at == '{' || *at == '[') {
            depth++;
            at++;
        } else if (*at == '}' || *at == ']') {
            depth -= depth > 0;
            at++;
        } else if (*at == ',' || *at == ':') {
            at++;
        } else {
            at += strcspn(at, " \t\r\n,:]}");
        }
    } while (depth > 0 && *at != '\0');
    return skip_space(at);
}

/* The value that the step leads to, and in *shown where it is said to be; NULL when it is not
 * there. */
static const char *take_step(const char *at, const struct smh_json_step *step, const char **shown)
{
    bool object = *at == '{';
    if (!(object ? step->key != NULL : *at == '[' && step->key == NULL)) {
        return NULL;
    }
    at = skip_space(at + 1);
    for (size_t i = 0; *at != '\0' && *at != '}' && *at != ']'; i++) {
        const char *start = at;
        bool found = !object && i == step->index;
        if (object) {
            at = skip_string(at);
            size_t length = strlen(step->key);
            found = (size_t)(at - start) == length + 2 && memcmp(start + 1, step->key, length) == 0;
            at = skip_space(at);
            at = skip_space(at + (*at == ':'));
        }
        if (found) {
            *shown = start;
            return at;
        }
        at = skip_value(at);
        at = skip_space(at + (*at == ','));
    }
    return NULL;
}

size_t smh_json_line(const char *text, const struct smh_json_step *steps, size_t count)
{
    const char *at = skip_space(text);
    const char *shown = at;
    for (size_t i = 0; i < count && at != NULL; i++) {
        at = take_step(at, &steps[i], &shown);
    }
    size_t line = 1;
    for (const char *c = text; c < shown; c++) {
        line += *c == '\n';
    }
    return line;
}
