/* result_hazards.h: hazards as text, as JSON and as SARIF.
 *
 * Owns: the three forms. All read the judge that a result holds; a result without one (hazards were
 * not judged) prints nothing, and is null in JSON.
 *
 * hazards in results.json
 * -----------------------
 *   count             distinct hazards: one for each class and pair of owners
 *   unlisted          how many of them are not in the list (the first 64 are)
 *   lines_given_up    lines that more cores met than the judge follows: 0, or the verdict is not
 *                     whole
 *   list [
 *     class           "H1" .. "H10"
 *     title           what the class means, in a few words
 *     explanation, advice     sentences
 *     region, line_offset, line_bytes
 *     core            that saw or lost the bytes; null: a device
 *     operation_index at which it first showed
 *     count           lines and times it showed
 *     wrong           [ [ first byte of the line, how many ] ]
 *     victim, culprit  kind ("block", "freed", "metadata", "stack", "nobody"), name, actor,
 *                     operation_index, site, offset, bytes, align
 *     sequence [      what ("access", "hand_out", "free", "eviction", "fill", "drop", "drain"),
 *                     access ("load" ...; null), core, offset, bytes (within the line), owner
 *                     (name), operation_index, by_allocator, uncached, shared_cache ]
 *     drawing         lines of text
 *   ]
 */
#ifndef SMH_SIM_RESULT_HAZARDS_H
#define SMH_SIM_RESULT_HAZARDS_H

#include "result.h"

void smh_result_print_hazards(const struct smh_result *result, FILE *out);
json_t *smh_result_hazards_json(const struct smh_result *result);
/* SARIF 2.1.0, one run of the tool with every hazard of the results. Locations are lines of the
 * scenario's file where the operation stands in a list, else of the trace. count > 0. */
json_t *smh_result_hazards_sarif(const struct smh_result *const *results, size_t count);
/* A few words for a class: "buffer shares a line with data of a core". */
const char *smh_hazard_class_title(unsigned hazard_class);

#endif
