/* explain.c: what happened, in a sentence. See explain.h.
 *
 * Owns: the sentences. They name blocks as the scenario does, and carry the numbers of the case.
 */
#include "explain.h"

#include "../error.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_BYTES 2048

void smh_say(struct smh_text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int wanted =
        vsnprintf(text->bytes + text->used, text->capacity - text->used, format, arguments);
    va_end(arguments);
    size_t left = text->capacity - text->used - 1;
    text->used += (size_t)wanted < left ? (size_t)wanted : left;
}

static struct smh_text new_text(size_t capacity)
{
    return (struct smh_text){.bytes = smh_must_allocate(1, capacity), .capacity = capacity};
}

void smh_explain_name(const struct smh_judge *judge, const struct smh_owner *owner,
                      char text[SMH_EXPLAIN_NAME_BYTES])
{
    char called[SMH_OWNER_NAME_BYTES];
    smh_owner_name(judge->scenario, owner, called);
    switch (owner->kind) {
    case SMH_OWNER_METADATA:
        snprintf(text, SMH_EXPLAIN_NAME_BYTES, "the allocator's metadata");
        break;
    case SMH_OWNER_NOBODY:
        snprintf(text, SMH_EXPLAIN_NAME_BYTES, "memory of nobody");
        break;
    default:
        snprintf(text, SMH_EXPLAIN_NAME_BYTES, "%s%s '%s' (%" PRIu64 " bytes)",
                 owner->kind == SMH_OWNER_FREED ? "freed " : "",
                 owner->kind == SMH_OWNER_STACK ? "stack buffer" : "block", called, owner->bytes);
        break;
    }
}

/* Whether an invalidation drops what the store left dirty. */
static bool drops(const struct smh_machine_config *machine, const struct smh_access *store,
                  const struct smh_access *invalidation)
{
    return store->core == invalidation->core || machine->l1_shared ||
           machine->l1.policy == SMH_CACHE_WRITE_THROUGH;
}

/* A store that no cache keeps dirty. */
static bool is_written_through(const struct smh_machine_config *machine,
                               const struct smh_access *store)
{
    enum smh_cache_kind kind = machine->regions[store->region].cache;
    bool levels = machine->l1.policy == SMH_CACHE_WRITE_THROUGH &&
                  (machine->l2.size_bytes == 0 || machine->l2.policy == SMH_CACHE_WRITE_THROUGH);
    return store->uncached || kind != SMH_CACHE_WRITE_BACK || machine->l1.size_bytes == 0 || levels;
}

static void read_sequence(struct smh_facts *facts, const struct smh_machine_config *machine)
{
    const struct smh_access *store = NULL;
    const struct smh_hazard *hazard = facts->hazard;
    bool evicted = false;
    bool drained = false;
    for (size_t i = 0; i < hazard->sequence_count; i++) {
        const struct smh_hazard_step *step = &hazard->sequence[i];
        const struct smh_access *access = &step->access;
        evicted |= step->what == SMH_STEP_EVICTION;
        drained |= step->what == SMH_STEP_DRAIN;
        facts->freed |= step->what == SMH_STEP_FREE;
        if (step->what != SMH_STEP_ACCESS) {
            continue;
        }
        facts->transfer |= access->kind == SMH_ACCESS_DMA_WRITE;
        facts->cleaned |= access->kind == SMH_ACCESS_CLEAN;
        facts->invalidated |=
            access->kind == SMH_ACCESS_INVALIDATE || access->kind == SMH_ACCESS_FLUSH;
        facts->dropped |=
            access->kind == SMH_ACCESS_INVALIDATE && store != NULL && drops(machine, store, access);
        if (access->kind == SMH_ACCESS_STORE) {
            facts->two_cores |= store != NULL && store->core != access->core;
            facts->dropped = false;
            store = access;
        }
        facts->two_cores |=
            access->kind == SMH_ACCESS_LOAD && store != NULL && store->core != access->core;
    }
    facts->pending =
        (drained && !evicted) || (store != NULL && !evicted && is_written_through(machine, store));
}

static void explain_sharing(const struct smh_facts *facts, struct smh_text *text)
{
    if (facts->invalidated) {
        smh_say(text,
                "invalidating for %s drops the whole %" PRIu32
                "-byte line at %s, and with it %u bytes "
                "of %s that were stored there and not yet written back",
                facts->culprit, facts->line, facts->where, facts->wrong, facts->victim);
        return;
    }
    smh_say(text,
            "%s and %s share the %" PRIu32
            "-byte line at %s: stores to the one leave it dirty in a "
            "cache, and its eviction writes the whole line back, over %u bytes of %s that %s",
            facts->victim, facts->culprit, facts->line, facts->where, facts->wrong, facts->victim,
            facts->transfer    ? "a device has written meanwhile"
            : facts->two_cores ? "another core has stored meanwhile"
                               : "have changed in memory meanwhile");
}

static void explain_h3(const struct smh_facts *facts, struct smh_text *text)
{
    smh_say(text,
            "%u bytes of %s at %s are read from a line that was fetched before %s: ", facts->wrong,
            facts->victim, facts->where,
            facts->transfer    ? "a device wrote them"
            : facts->two_cores ? "another core's stores reached memory"
                               : "they changed in memory");
    smh_say(text, "%s",
            facts->invalidated
                ? "it was invalidated too early, when a speculative fetch could still "
                  "bring it back"
            : facts->cleaned ? "a clean line stays when it is cleaned, and it was not invalidated"
                             : "hardware may fetch a line at any time, also after an "
                               "invalidation before that, and nothing dropped it afterwards");
}

static void explain_h4(const struct smh_facts *facts, struct smh_text *text)
{
    bool by_store = !facts->by_device;
    if (facts->pending) {
        smh_say(
            text,
            "a store to %s at %s still waited in a store buffer when %u of its bytes changed in "
            "memory: it is carried out over the new bytes",
            facts->victim, facts->where, facts->wrong);
    } else if (by_store && facts->transfer) {
        smh_say(
            text,
            "the line at %s may have been fetched before a device wrote %u bytes of %s there: a "
            "store to the same line makes the old bytes dirty too, and its eviction writes them "
            "over the new",
            facts->where, facts->wrong, facts->victim);
    } else if (facts->two_cores) {
        smh_say(
            text,
            "two cores have stored to the line at %s, each in its own cache: the eviction of the "
            "one writes its old bytes over what the other has stored, %u bytes of %s",
            facts->where, facts->wrong, facts->victim);
    } else {
        smh_say(text,
                "the line at %s was dirty with stores to %s itself when %u of its bytes changed in "
                "memory: its eviction writes the old bytes over the new",
                facts->where, facts->victim, facts->wrong);
    }
}

static void explain_h5(const struct smh_facts *facts, struct smh_text *text)
{
    smh_say(text,
            "%s reads %u bytes of %s at %s that a core stored and that %s: memory still holds what "
            "was there before",
            facts->by_device ? "a device" : "a core", facts->wrong, facts->victim, facts->where,
            facts->dropped   ? "an invalidation dropped before they were written back"
            : facts->pending ? "still wait in its store buffer"
                             : "were not written back");
}

static void explain_h6(const struct smh_facts *facts, struct smh_text *text)
{
    bool shortened = facts->hazard->culprit.kind == SMH_OWNER_BLOCK;
    const char *culprit = facts->culprit + (shortened ? 0 : strlen("freed "));
    smh_say(text, "%s was %s while ", culprit, shortened ? "made shorter" : "freed");
    if (facts->pending) {
        smh_say(text, "a store at %s still waited in a store buffer: it is carried out",
                facts->where);
    } else {
        smh_say(text, "its line at %s was dirty in a cache: its eviction writes the old bytes",
                facts->where);
    }
    smh_say(text, " over %u bytes of %s", facts->wrong, facts->victim);
}

static void explain_h8(const struct smh_facts *facts, struct smh_text *text)
{
    if (strcmp(facts->victim, facts->culprit) == 0) {
        smh_say(
            text,
            "the maintenance of %s is written for lines of another size than the machine's %" PRIu32
            " bytes: at %s, %u bytes go wrong",
            facts->victim, facts->line, facts->where, facts->wrong);
        return;
    }
    smh_say(text,
            "%s and %s are laid out for lines of another size and share the %" PRIu32
            "-byte line at %s: what is done to the one destroys %u bytes of %s",
            facts->victim, facts->culprit, facts->line, facts->where, facts->wrong, facts->victim);
}

static void explain(const struct smh_facts *facts, struct smh_text *text)
{
    switch (facts->hazard->hazard_class) {
    case SMH_HAZARD_H1:
    case SMH_HAZARD_H2:
        explain_sharing(facts, text);
        break;
    case SMH_HAZARD_H3:
        explain_h3(facts, text);
        break;
    case SMH_HAZARD_H4:
        explain_h4(facts, text);
        break;
    case SMH_HAZARD_H5:
        explain_h5(facts, text);
        break;
    case SMH_HAZARD_H6:
        explain_h6(facts, text);
        break;
    case SMH_HAZARD_H7:
        smh_say(text,
                "invalidating a part of %s drops the whole %" PRIu32
                "-byte line at %s, and with it %u "
                "bytes beside that part which were stored and not yet written back",
                facts->victim, facts->line, facts->where, facts->wrong);
        break;
    case SMH_HAZARD_H8:
        explain_h8(facts, text);
        break;
    case SMH_HAZARD_H9:
        smh_say(text,
                "%u bytes of %s at %s are written through one view of the memory and read or "
                "overwritten through the other, cached and uncached, without maintenance between",
                facts->wrong, facts->victim, facts->where);
        break;
    default: /* H10 */
        smh_say(text, "a device is given %s at %s, %s", facts->victim, facts->where,
                facts->hazard->victim.kind == SMH_OWNER_STACK
                    ? "which lies on a stack among whatever else is there"
                    : "which it cannot reach");
        break;
    }
}

void smh_explain(const struct smh_judge *judge, const struct smh_finding *finding,
                 struct smh_hazard *hazard)
{
    struct smh_facts facts = {.line = judge->line_bytes, .hazard = hazard};
    uint8_t kind = finding->event.kind;
    facts.by_device = kind == SMH_LINE_DMA_READ || kind == SMH_LINE_DMA_WRITE;
    read_sequence(&facts, &judge->scenario->machine);
    for (unsigned i = 0; i < SMH_LINE_WORDS; i++) {
        facts.wrong += (unsigned)__builtin_popcountll(finding->bytes[i]);
    }
    smh_explain_name(judge, &hazard->victim, facts.victim);
    smh_explain_name(judge, &hazard->culprit, facts.culprit);
    snprintf(facts.where, sizeof(facts.where), "%s+0x%06" PRIx64,
             judge->scenario->machine.regions[hazard->region].name, hazard->line_offset);

    struct smh_text explanation = new_text(TEXT_BYTES);
    struct smh_text advice = new_text(TEXT_BYTES);
    struct smh_text drawing = new_text(smh_draw_line_bytes(judge));
    explain(&facts, &explanation);
    smh_advise(judge, &facts, &advice);
    smh_draw_line(judge, finding, hazard, facts.where, &drawing);
    hazard->explanation = explanation.bytes;
    hazard->advice = advice.bytes;
    hazard->drawing = drawing.bytes;
}
