/* advise.c: what to do about a hazard, in a sentence. See explain.h. */
#include "../round.h"
#include "explain.h"

#include <inttypes.h>
#include <string.h>

/* "align 'rx' to 32 bytes and round its 100 bytes up to 128" */
static void advise_padding(const struct smh_judge *judge, const struct smh_hazard *hazard,
                           struct smh_text *text)
{
    const struct smh_owner *both[2] = {&hazard->victim, &hazard->culprit};
    bool said = false;
    for (int i = 0; i < 2; i++) {
        const struct smh_owner *owner = both[i];
        if ((owner->kind != SMH_OWNER_BLOCK && owner->kind != SMH_OWNER_STACK &&
             owner->kind != SMH_OWNER_FREED) ||
            (i == 1 && owner->operation == both[0]->operation &&
             owner->offset == both[0]->offset)) {
            continue;
        }
        bool aligned = owner->align >= judge->line_bytes;
        bool padded = owner->bytes % judge->line_bytes == 0;
        if (aligned && padded) {
            continue;
        }
        char called[SMH_OWNER_NAME_BYTES];
        smh_owner_name(judge->scenario, owner, called);
        smh_say(text, "%s", said ? "; or " : "");
        if (!aligned) {
            smh_say(text, "align '%s' to %" PRIu32 " bytes", called, judge->line_bytes);
        }
        if (!padded) {
            if (aligned) {
                smh_say(text, "round the %" PRIu64 " bytes of '%s' up to %" PRIu64, owner->bytes,
                        called, smh_round_up(owner->bytes, judge->line_bytes));
            } else {
                smh_say(text, " and round its %" PRIu64 " bytes up to %" PRIu64, owner->bytes,
                        smh_round_up(owner->bytes, judge->line_bytes));
            }
        }
        said = true;
    }
    if (!said && hazard->hazard_class == SMH_HAZARD_H2) {
        const struct smh_owner *owner = both[both[0]->kind == SMH_OWNER_METADATA];
        char called[SMH_OWNER_NAME_BYTES];
        smh_owner_name(judge->scenario, owner, called);
        smh_say(text,
                "invalidate '%s' (%" PRIu64
                " bytes) once it is handed out, before the transfer: the "
                "allocator's own stores there may still be dirty",
                called, owner->bytes);
        said = true;
    }
    smh_say(text, "%sput the buffer into a region that is not cached", said ? "; or " : "");
}

static void advise_freed(const struct smh_facts *facts, const char *culprit, struct smh_text *text)
{
    smh_say(text, "flush or invalidate the %" PRIu32 "-byte lines of '%s'%s before it is %s",
            facts->line, culprit, facts->two_cores ? " on the core that stored to it" : "",
            facts->hazard->culprit.kind == SMH_OWNER_BLOCK ? "made shorter" : "freed");
    if (facts->transfer && !facts->two_cores) {
        smh_say(text, ", or those of the next owner before he gives them to a device");
    }
}

static void advise_h4(const struct smh_facts *facts, const char *called, uint64_t bytes,
                      struct smh_text *text)
{
    if (facts->pending) {
        smh_say(text, "a barrier after the last store to '%s', before %s", called,
                facts->by_device ? "the device is started" : "anybody else writes it");
    } else if (!facts->by_device && facts->transfer) {
        smh_say(text,
                "invalidate '%s' (%" PRIu64
                " bytes) after the transfer, before the next store to its "
                "lines; or keep what cores store and what devices write on lines of their own",
                called, bytes);
    } else if (facts->two_cores) {
        smh_say(text,
                "flush '%s' (%" PRIu64 " bytes) on the one core before the other stores to it; or "
                "keep what each core stores on lines of its own",
                called, bytes);
    } else {
        smh_say(text,
                "clean or invalidate '%s' (%" PRIu64
                " bytes) before the transfer begins, and store "
                "nothing to its lines until it has ended",
                called, bytes);
    }
}

static void advise_h5(const struct smh_facts *facts, const char *called, uint64_t bytes,
                      struct smh_text *text)
{
    if (facts->dropped) {
        smh_say(text, "clean '%s' (%" PRIu64 " bytes) instead, or before it is invalidated", called,
                bytes);
    } else if (facts->pending) {
        smh_say(
            text,
            "a barrier on the core that stored '%s', before the %s reads; a clean is not needed",
            called, facts->by_device ? "device" : "other core");
    } else if (facts->by_device) {
        smh_say(text,
                "clean '%s' (%" PRIu64 " bytes) after the last store, before the device reads",
                called, bytes);
    } else {
        smh_say(text,
                "clean '%s' (%" PRIu64
                " bytes) on the core that stored it, and invalidate it on the "
                "core that reads",
                called, bytes);
    }
}

static void advise_more(const struct smh_judge *judge, const struct smh_facts *facts,
                        struct smh_text *text)
{
    char called[SMH_OWNER_NAME_BYTES];
    smh_owner_name(judge->scenario, &facts->hazard->victim, called);
    uint64_t bytes = smh_round_up(facts->hazard->victim.bytes, judge->line_bytes);
    switch (facts->hazard->hazard_class) {
    case SMH_HAZARD_H3:
        smh_say(text, "invalidate '%s' (%" PRIu64 " bytes) %s", called, bytes,
                facts->two_cores && !facts->transfer
                    ? "on the core that reads, after the other core has cleaned it and before the "
                      "first load"
                    : "after the transfer, before the first load; once before it is not enough");
        break;
    case SMH_HAZARD_H4:
        advise_h4(facts, called, bytes, text);
        break;
    case SMH_HAZARD_H5:
        advise_h5(facts, called, bytes, text);
        break;
    case SMH_HAZARD_H6:
        smh_owner_name(judge->scenario, &facts->hazard->culprit, called);
        advise_freed(facts, called, text);
        break;
    case SMH_HAZARD_H7:
        smh_say(
            text,
            "begin and end the range at multiples of %" PRIu32
            " bytes, or flush instead: keep what cores write and what devices write on lines of "
            "their own",
            facts->line);
        break;
    case SMH_HAZARD_H9:
        smh_say(
            text,
            "use one view of '%s' only; when changing from the cached to the uncached view, flush "
            "its %" PRIu64 " bytes first",
            called, bytes);
        break;
    default: /* H10 */
        smh_say(text,
                "take the buffer from a region with dma, aligned to %" PRIu32
                " and padded to %" PRIu64 " bytes",
                facts->line, bytes);
        break;
    }
}

void smh_advise(const struct smh_judge *judge, const struct smh_facts *facts, struct smh_text *text)
{
    switch (facts->hazard->hazard_class) {
    case SMH_HAZARD_H1:
    case SMH_HAZARD_H2:
        if (facts->freed && facts->hazard->culprit.kind == SMH_OWNER_FREED) {
            char called[SMH_OWNER_NAME_BYTES];
            smh_owner_name(judge->scenario, &facts->hazard->culprit, called);
            advise_freed(facts, called, text);
            break;
        }
        advise_padding(judge, facts->hazard, text);
        break;
    case SMH_HAZARD_H8:
        smh_say(text, "maintain in steps of %" PRIu32 " bytes, as the machine's lines are",
                facts->line);
        if (strcmp(facts->victim, facts->culprit) != 0) {
            smh_say(text, "; ");
            advise_padding(judge, facts->hazard, text);
        }
        break;
    default:
        advise_more(judge, facts, text);
        break;
    }
}
