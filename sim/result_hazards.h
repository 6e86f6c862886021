/* result_hazards.h: hazards as text, as JSON and as SARIF.
 *
 * Owns: the three forms. All read the judge that a result holds; a result without one (hazards were
 * not judged) prints nothing, and is null in JSON.
 *
 * hazards in results.json, of each run
 * ------------------------------------
 *   hazards_unlisted        distinct hazards beyond the first 64, which are listed
 *   hazard_lines_given_up   lines that more cores met than the judge follows: 0, or the verdict is
 *                           not whole
 *   hazards [         one for each class and pair of owners
 *     class           "H1" .. "H10"
 *     title           what the class means, in a few words
 *     explanation, advice     sentences
 *     file, line, actor   where the operation is written at which it first showed, and whose it is
 *     region          name
 *     line_offset, line_bytes
 *     core            that saw or lost the bytes: number, or "device"
 *     operation       index at which it first showed
 *     count           lines and times it showed
 *     victim, culprit  name, kind ("block", "freed", "metadata", "stack", "nobody"); but for the
 *                     last but one and two: actor, operation, site, region, offset, bytes, align
 *     wrong           [ [ first byte of the line, first byte behind ] ]
 *     sequence [      what ("access", "hand_out", "free", "eviction", "fill", "drop", "drain"),
 *                     kind ("load", "store", "dma_read", "dma_write", "clean", "invalidate",
 *                     "flush", "barrier"; of what is no access null), operation, offset, bytes
 *                     (within the line), core (number, or "device"), actor, by_allocator, uncached,
 *                     shared_cache (L2), skipped (maintenance that passes the line over), owner:
 *                     name, kind ]
 *     drawing         lines of text
 *   ]
 */
#ifndef SMH_SIM_RESULT_HAZARDS_H
#define SMH_SIM_RESULT_HAZARDS_H

#include "result.h"

/* All of a result, each as a compiler prints an error, and how many. */
void smh_result_print_hazards(const struct smh_result *result, FILE *out);
/* The list above, or null. */
json_t *smh_result_hazards_json(const struct smh_result *result);
/* SARIF 2.1.0, one run of the tool with every hazard of the results. Locations are lines of the
 * scenario's file where the operation stands in a list, else of the trace. count > 0. */
json_t *smh_hazard_sarif(const struct smh_result *const *results, size_t count);
/* One step of a sequence in words. */
void smh_hazard_step_text(const struct smh_scenario *scenario, const struct smh_hazard_step *step,
                          char *text, size_t size);
/* A few words for a class: "buffer shares a line with data of a core". */
const char *smh_hazard_class_title(unsigned hazard_class);

#endif
