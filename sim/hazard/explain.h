/* explain.h: a hazard in words and as a picture, between the files that make them.
 *
 * Owns: struct smh_facts, what the sentences are made of; explain.c reads it from a finding and
 * tells what happened, advise.c what to do about it, draw.c draws the line.
 */
#ifndef SMH_SIM_HAZARD_EXPLAIN_H
#define SMH_SIM_HAZARD_EXPLAIN_H

#include "expect.h"
#include "judge_state.h"

#define SMH_EXPLAIN_NAME_BYTES (SMH_OWNER_NAME_BYTES + 96)

/* Text that grows up to its capacity; what does not fit is cut. */
struct smh_text {
    char *bytes;
    size_t used, capacity;
};

__attribute__((format(printf, 2, 3))) void smh_say(struct smh_text *text, const char *format, ...);

/* "block 'frame' (100 bytes)", "the allocator's metadata". */
void smh_explain_name(const struct smh_judge *judge, const struct smh_owner *owner,
                      char text[SMH_EXPLAIN_NAME_BYTES]);

struct smh_facts {
    char victim[SMH_EXPLAIN_NAME_BYTES], culprit[SMH_EXPLAIN_NAME_BYTES];
    char where[128];
    unsigned wrong; /* bytes */
    uint32_t line;
    const struct smh_hazard *hazard;
    bool by_device; /* a device's access shows it */
    /* Of the sequence: */
    bool transfer;    /* a device writes */
    bool two_cores;   /* more than one core stores, or another than the one that reads */
    bool invalidated; /* an invalidation, or a flush */
    bool cleaned;
    bool dropped; /* an invalidation where the last store's bytes may be */
    bool pending; /* the last store waits in a store buffer, not in a cache */
    bool freed;   /* the culprit, or that part of it */
};

/* What to do about it. */
void smh_advise(const struct smh_judge *judge, const struct smh_facts *facts,
                struct smh_text *text);
/* The line, which lies at where: whose its bytes are, which are dirty, which are wrong. */
void smh_draw_line(const struct smh_judge *judge, const struct smh_finding *finding,
                   const struct smh_hazard *hazard, const char *where, struct smh_text *text);
/* The most bytes of such a picture. */
size_t smh_draw_line_bytes(const struct smh_judge *judge);

#endif
