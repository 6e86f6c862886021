/* explain.c: a hazard in words: what happened, what to do about it, and a picture of the line.
 *
 * Owns: the sentences. They name blocks as the scenario does, and carry the numbers of the case.
 *
 *     line dram+0x000040, 32 bytes
 *             0       8       16      24
 *     whose   aaaaaaaabbbbbbbb........mmmm----      a: first owner, m: metadata, -: padding, .:
 * none dirty   ........########................      stored, and perhaps not written back wrong
 * LLLLLLLL........................      L: lost, S: stale
 */
#include "judge_state.h"

#include "../error.h"
#include "expect.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES (SMH_OWNER_NAME_BYTES + 96)
#define TEXT_BYTES 2048
#define ROW_BYTES  64
#define LETTERS    16

struct text {
    char *bytes;
    size_t used, capacity;
};

__attribute__((format(printf, 2, 3))) static void say(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int wanted =
        vsnprintf(text->bytes + text->used, text->capacity - text->used, format, arguments);
    va_end(arguments);
    size_t left = text->capacity - text->used - 1;
    text->used += (size_t)wanted < left ? (size_t)wanted : left;
}

static struct text new_text(size_t capacity)
{
    return (struct text){.bytes = smh_must_allocate(1, capacity), .capacity = capacity};
}

/* "block 'frame' (100 bytes)", "the allocator's metadata". */
static void name(const struct smh_judge *judge, const struct smh_owner *owner,
                 char text[NAME_BYTES])
{
    char called[SMH_OWNER_NAME_BYTES];
    smh_owner_name(judge->scenario, owner, called);
    switch (owner->kind) {
    case SMH_OWNER_METADATA:
        snprintf(text, NAME_BYTES, "the allocator's metadata");
        break;
    case SMH_OWNER_NOBODY:
        snprintf(text, NAME_BYTES, "memory of nobody");
        break;
    default:
        snprintf(text, NAME_BYTES, "%s%s '%s' (%" PRIu64 " bytes)",
                 owner->kind == SMH_OWNER_FREED ? "freed " : "",
                 owner->kind == SMH_OWNER_STACK ? "stack buffer" : "block", called, owner->bytes);
        break;
    }
}

struct facts {
    char victim[NAME_BYTES], culprit[NAME_BYTES];
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

static void read_sequence(struct facts *facts, const struct smh_machine_config *machine)
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

static void explain_sharing(const struct facts *facts, struct text *text)
{
    if (facts->invalidated) {
        say(text,
            "invalidating for %s drops the whole %" PRIu32 "-byte line at %s, and with it %u bytes "
            "of %s that were stored there and not yet written back",
            facts->culprit, facts->line, facts->where, facts->wrong, facts->victim);
        return;
    }
    say(text,
        "%s and %s share the %" PRIu32 "-byte line at %s: stores to the one leave it dirty in a "
        "cache, and its eviction writes the whole line back, over %u bytes of %s that %s",
        facts->victim, facts->culprit, facts->line, facts->where, facts->wrong, facts->victim,
        facts->transfer    ? "a device has written meanwhile"
        : facts->two_cores ? "another core has stored meanwhile"
                           : "have changed in memory meanwhile");
}

static void explain_h3(const struct facts *facts, struct text *text)
{
    say(text,
        "%u bytes of %s at %s are read from a line that was fetched before %s: ", facts->wrong,
        facts->victim, facts->where,
        facts->transfer    ? "a device wrote them"
        : facts->two_cores ? "another core's stores reached memory"
                           : "they changed in memory");
    say(text, "%s",
        facts->invalidated ? "it was invalidated too early, when a speculative fetch could still "
                             "bring it back"
        : facts->cleaned   ? "a clean line stays when it is cleaned, and it was not invalidated"
                           : "hardware may fetch a line at any time, also after an "
                             "invalidation before that, and nothing dropped it afterwards");
}

static void explain_h4(const struct facts *facts, struct text *text)
{
    bool by_store = !facts->by_device;
    if (facts->pending) {
        say(text,
            "a store to %s at %s still waited in a store buffer when %u of its bytes changed in "
            "memory: it is carried out over the new bytes",
            facts->victim, facts->where, facts->wrong);
    } else if (by_store && facts->transfer) {
        say(text,
            "the line at %s may have been fetched before a device wrote %u bytes of %s there: a "
            "store to the same line makes the old bytes dirty too, and its eviction writes them "
            "over the new",
            facts->where, facts->wrong, facts->victim);
    } else if (facts->two_cores) {
        say(text,
            "two cores have stored to the line at %s, each in its own cache: the eviction of the "
            "one writes its old bytes over what the other has stored, %u bytes of %s",
            facts->where, facts->wrong, facts->victim);
    } else {
        say(text,
            "the line at %s was dirty with stores to %s itself when %u of its bytes changed in "
            "memory: its eviction writes the old bytes over the new",
            facts->where, facts->victim, facts->wrong);
    }
}

static void explain_h5(const struct facts *facts, struct text *text)
{
    say(text,
        "%s reads %u bytes of %s at %s that a core stored and that %s: memory still holds what "
        "was there before",
        facts->by_device ? "a device" : "a core", facts->wrong, facts->victim, facts->where,
        facts->dropped   ? "an invalidation dropped before they were written back"
        : facts->pending ? "still wait in its store buffer"
                         : "were not written back");
}

static void explain_h6(const struct facts *facts, struct text *text)
{
    bool shortened = facts->hazard->culprit.kind == SMH_OWNER_BLOCK;
    const char *culprit = facts->culprit + (shortened ? 0 : strlen("freed "));
    say(text, "%s was %s while ", culprit, shortened ? "made shorter" : "freed");
    if (facts->pending) {
        say(text, "a store at %s still waited in a store buffer: it is carried out", facts->where);
    } else {
        say(text, "its line at %s was dirty in a cache: its eviction writes the old bytes",
            facts->where);
    }
    say(text, " over %u bytes of %s", facts->wrong, facts->victim);
}

static void explain_h8(const struct facts *facts, struct text *text)
{
    if (strcmp(facts->victim, facts->culprit) == 0) {
        say(text,
            "the maintenance of %s is written for lines of another size than the machine's %" PRIu32
            " bytes: at %s, %u bytes go wrong",
            facts->victim, facts->line, facts->where, facts->wrong);
        return;
    }
    say(text,
        "%s and %s are laid out for lines of another size and share the %" PRIu32
        "-byte line at %s: what is done to the one destroys %u bytes of %s",
        facts->victim, facts->culprit, facts->line, facts->where, facts->wrong, facts->victim);
}

static void explain(const struct facts *facts, struct text *text)
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
        say(text,
            "invalidating a part of %s drops the whole %" PRIu32 "-byte line at %s, and with it %u "
            "bytes beside that part which were stored and not yet written back",
            facts->victim, facts->line, facts->where, facts->wrong);
        break;
    case SMH_HAZARD_H8:
        explain_h8(facts, text);
        break;
    case SMH_HAZARD_H9:
        say(text,
            "%u bytes of %s at %s are written through one view of the memory and read or "
            "overwritten through the other, cached and uncached, without maintenance between",
            facts->wrong, facts->victim, facts->where);
        break;
    default: /* H10 */
        say(text, "a device is given %s at %s, %s", facts->victim, facts->where,
            facts->hazard->victim.kind == SMH_OWNER_STACK
                ? "which lies on a stack among whatever else is there"
                : "which it cannot reach");
        break;
    }
}

static uint64_t round_up(uint64_t value, uint64_t step)
{
    return (value + step - 1) / step * step;
}

/* "align 'rx' to 32 bytes and round its 100 bytes up to 128" */
static void advise_padding(const struct smh_judge *judge, const struct smh_hazard *hazard,
                           struct text *text)
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
        say(text, "%s", said ? "; or " : "");
        if (!aligned) {
            say(text, "align '%s' to %" PRIu32 " bytes", called, judge->line_bytes);
        }
        if (!padded) {
            if (aligned) {
                say(text, "round the %" PRIu64 " bytes of '%s' up to %" PRIu64, owner->bytes,
                    called, round_up(owner->bytes, judge->line_bytes));
            } else {
                say(text, " and round its %" PRIu64 " bytes up to %" PRIu64, owner->bytes,
                    round_up(owner->bytes, judge->line_bytes));
            }
        }
        said = true;
    }
    if (!said && hazard->hazard_class == SMH_HAZARD_H2) {
        const struct smh_owner *owner = both[both[0]->kind == SMH_OWNER_METADATA];
        char called[SMH_OWNER_NAME_BYTES];
        smh_owner_name(judge->scenario, owner, called);
        say(text,
            "invalidate '%s' (%" PRIu64 " bytes) once it is handed out, before the transfer: the "
            "allocator's own stores there may still be dirty",
            called, owner->bytes);
        said = true;
    }
    say(text, "%sput the buffer into a region that is not cached", said ? "; or " : "");
}

static void advise_freed(const struct facts *facts, const char *culprit, struct text *text)
{
    say(text, "flush or invalidate the %" PRIu32 "-byte lines of '%s'%s before it is %s",
        facts->line, culprit, facts->two_cores ? " on the core that stored to it" : "",
        facts->hazard->culprit.kind == SMH_OWNER_BLOCK ? "made shorter" : "freed");
    if (facts->transfer && !facts->two_cores) {
        say(text, ", or those of the next owner before he gives them to a device");
    }
}

static void advise_h4(const struct facts *facts, const char *called, uint64_t bytes,
                      struct text *text)
{
    if (facts->pending) {
        say(text, "a barrier after the last store to '%s', before %s", called,
            facts->by_device ? "the device is started" : "anybody else writes it");
    } else if (!facts->by_device && facts->transfer) {
        say(text,
            "invalidate '%s' (%" PRIu64 " bytes) after the transfer, before the next store to its "
            "lines; or keep what cores store and what devices write on lines of their own",
            called, bytes);
    } else if (facts->two_cores) {
        say(text,
            "flush '%s' (%" PRIu64 " bytes) on the one core before the other stores to it; or "
            "keep what each core stores on lines of its own",
            called, bytes);
    } else {
        say(text,
            "clean or invalidate '%s' (%" PRIu64 " bytes) before the transfer begins, and store "
            "nothing to its lines until it has ended",
            called, bytes);
    }
}

static void advise_h5(const struct facts *facts, const char *called, uint64_t bytes,
                      struct text *text)
{
    if (facts->dropped) {
        say(text, "clean '%s' (%" PRIu64 " bytes) instead, or before it is invalidated", called,
            bytes);
    } else if (facts->pending) {
        say(text,
            "a barrier on the core that stored '%s', before the %s reads; a clean is not needed",
            called, facts->by_device ? "device" : "other core");
    } else if (facts->by_device) {
        say(text, "clean '%s' (%" PRIu64 " bytes) after the last store, before the device reads",
            called, bytes);
    } else {
        say(text,
            "clean '%s' (%" PRIu64 " bytes) on the core that stored it, and invalidate it on the "
            "core that reads",
            called, bytes);
    }
}

static void advise_more(const struct smh_judge *judge, const struct facts *facts, struct text *text)
{
    char called[SMH_OWNER_NAME_BYTES];
    smh_owner_name(judge->scenario, &facts->hazard->victim, called);
    uint64_t bytes = round_up(facts->hazard->victim.bytes, judge->line_bytes);
    switch (facts->hazard->hazard_class) {
    case SMH_HAZARD_H3:
        say(text, "invalidate '%s' (%" PRIu64 " bytes) %s", called, bytes,
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
        say(text,
            "begin and end the range at multiples of %" PRIu32
            " bytes, or flush instead: keep what cores write and what devices write on lines of "
            "their own",
            facts->line);
        break;
    case SMH_HAZARD_H9:
        say(text,
            "use one view of '%s' only; when changing from the cached to the uncached view, flush "
            "its %" PRIu64 " bytes first",
            called, bytes);
        break;
    default: /* H10 */
        say(text,
            "take the buffer from a region with dma, aligned to %" PRIu32 " and padded to %" PRIu64
            " bytes",
            facts->line, bytes);
        break;
    }
}

static void advise(const struct smh_judge *judge, const struct facts *facts, struct text *text)
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
        say(text, "maintain in steps of %" PRIu32 " bytes, as the machine's lines are",
            facts->line);
        if (strcmp(facts->victim, facts->culprit) != 0) {
            say(text, "; ");
            advise_padding(judge, facts->hazard, text);
        }
        break;
    default:
        advise_more(judge, facts, text);
        break;
    }
}

/* --- the picture ---------------------------------------------------------------------------------
 */

struct picture {
    const struct smh_judge *judge;
    const struct smh_line *line;
    const struct smh_finding *finding;
    const struct smh_hazard *hazard;
    unsigned cut; /* bytes of the line before the region */
    uint32_t owners[LETTERS];
    unsigned owner_count;
};

static bool is_metadata(const struct picture *picture, unsigned byte)
{
    for (size_t i = picture->line->event_count; i-- > 0;) {
        const struct smh_line_event *event = &picture->line->events[i];
        if (event->kind == SMH_LINE_STORE && byte >= event->from && byte < event->to) {
            return event->by_allocator;
        }
    }
    return picture->finding->victim == SMH_OWNERS_METADATA &&
           smh_bit(picture->finding->bytes, byte);
}

static char whose(struct picture *picture, unsigned byte)
{
    uint64_t offset = picture->hazard->line_offset + byte - picture->cut;
    uint32_t number = smh_owners_at(picture->judge->owners, picture->hazard->region, offset);
    if (number == SMH_OWNERS_NONE) {
        return is_metadata(picture, byte) ? 'm' : '.';
    }
    const struct smh_owner *owner = &smh_owners_get(picture->judge->owners, number)->owner;
    if (offset - owner->offset >= owner->bytes) {
        return '-';
    }
    unsigned i = 0;
    while (i < picture->owner_count && picture->owners[i] != number) {
        i++;
    }
    if (i == picture->owner_count && i < LETTERS - 1) {
        picture->owners[picture->owner_count++] = number;
    }
    static const char letters[] = "abcdefghijklnopq"; /* m is metadata */
    return letters[i];
}

static char dirty(const struct picture *picture, unsigned byte)
{
    for (size_t i = 0; i < picture->line->dirt_count; i++) {
        if (picture->line->dirt[i].uncached &&
            picture->judge->scenario->machine.store_buffer == 0) {
            continue;
        }
        if (byte >= picture->line->dirt[i].from && byte < picture->line->dirt[i].to) {
            return '#';
        }
    }
    return '.';
}

static char wrong(const struct picture *picture, unsigned byte)
{
    bool read = picture->finding->event.kind == SMH_LINE_LOAD ||
                picture->finding->event.kind == SMH_LINE_DMA_READ;
    return !smh_bit(picture->finding->bytes, byte) ? '.' : read ? 'S' : 'L';
}

static void draw_row(struct picture *picture, unsigned from, unsigned to, struct text *text)
{
    say(text, "        ");
    for (unsigned byte = from; byte < to; byte += 8) {
        say(text, "%-8u", byte - picture->cut);
    }
    while (text->used > 0 && text->bytes[text->used - 1] == ' ') {
        text->bytes[--text->used] = '\0';
    }
    say(text, "\nwhose   ");
    for (unsigned byte = from; byte < to; byte++) {
        say(text, "%c", whose(picture, byte));
    }
    say(text, "\ndirty   ");
    for (unsigned byte = from; byte < to; byte++) {
        say(text, "%c", dirty(picture, byte));
    }
    say(text, "\nwrong   ");
    for (unsigned byte = from; byte < to; byte++) {
        say(text, "%c", wrong(picture, byte));
    }
    say(text, "\n");
}

static void draw(struct picture *picture, const char *where, struct text *text)
{
    unsigned end = picture->cut + picture->hazard->line_bytes;
    say(text, "line %s, %" PRIu32 " bytes\n", where, picture->hazard->line_bytes);
    for (unsigned from = picture->cut; from < end; from += ROW_BYTES) {
        draw_row(picture, from, from + ROW_BYTES < end ? from + ROW_BYTES : end, text);
    }
    for (unsigned i = 0; i < picture->owner_count; i++) {
        char called[NAME_BYTES];
        name(picture->judge, &smh_owners_get(picture->judge->owners, picture->owners[i])->owner,
             called);
        say(text, "%c: %s\n", "abcdefghijklnopq"[i], called);
    }
    say(text, "m: metadata, -: padding, .: nobody; #: perhaps dirty; L: lost, S: stale\n");
}

void smh_explain(const struct smh_judge *judge, const struct smh_finding *finding,
                 struct smh_hazard *hazard)
{
    struct facts facts = {.line = judge->line_bytes, .hazard = hazard};
    uint8_t kind = finding->event.kind;
    facts.by_device = kind == SMH_LINE_DMA_READ || kind == SMH_LINE_DMA_WRITE;
    read_sequence(&facts, &judge->scenario->machine);
    for (unsigned i = 0; i < SMH_LINE_WORDS; i++) {
        facts.wrong += (unsigned)__builtin_popcountll(finding->bytes[i]);
    }
    name(judge, &hazard->victim, facts.victim);
    name(judge, &hazard->culprit, facts.culprit);
    snprintf(facts.where, sizeof(facts.where), "%s+0x%06" PRIx64,
             judge->scenario->machine.regions[hazard->region].name, hazard->line_offset);

    struct text explanation = new_text(TEXT_BYTES);
    struct text advice = new_text(TEXT_BYTES);
    struct text drawing = new_text(512 + 6 * (size_t)judge->line_bytes + LETTERS * NAME_BYTES);
    explain(&facts, &explanation);
    advise(judge, &facts, &advice);
    struct picture picture = {
        .judge = judge, .line = finding->line, .finding = finding, .hazard = hazard};
    uint64_t start = finding->line->index << judge->line_shift;
    uint64_t skew = judge->regions[finding->region].skew;
    picture.cut = (unsigned)(start < skew ? skew - start : 0);
    draw(&picture, facts.where, &drawing);
    hazard->explanation = explanation.bytes;
    hazard->advice = advice.bytes;
    hazard->drawing = drawing.bytes;
}
