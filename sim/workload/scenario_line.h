/* scenario_line.h: which line of a JSON text a value is on.
 *
 * Owns: the walk from the root to a value. jansson keeps no positions, so this reads the text a
 * second time, when there is an error to report.
 */
#ifndef SMH_SIM_SCENARIO_LINE_H
#define SMH_SIM_SCENARIO_LINE_H

#include <stddef.h>

/* One step from a value to a member (key) or an element (key NULL, index). */
struct smh_json_step {
    const char *key;
    size_t index;
};

/* The line, from 1, of what the steps lead to in a text that is valid JSON; where they lead
 * nowhere, of the last value that is there. A member's line is its key's. */
size_t smh_json_line(const char *text, const struct smh_json_step *steps, size_t count);

#endif
