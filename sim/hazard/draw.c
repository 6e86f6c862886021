/* draw.c: a picture of the line of a hazard. See explain.h.
 *
 *     line dram+0x000040, 32 bytes
 *             0       8       16      24
 *     whose   aaaaaaaabbbbbbbb........mmmm----    a: first owner, m: metadata, -: padding, .:
 * nobody dirty   ........########................    stored, and perhaps not written back wrong
 * LLLLLLLL........................    L: lost, S: stale
 */
#include "explain.h"

#include <inttypes.h>

#define ROW_BYTES 64
#define LETTERS   16

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

static void draw_row(struct picture *picture, unsigned from, unsigned to, struct smh_text *text)
{
    smh_say(text, "        ");
    for (unsigned byte = from; byte < to; byte += 8) {
        smh_say(text, "%-8u", byte - picture->cut);
    }
    while (text->used > 0 && text->bytes[text->used - 1] == ' ') {
        text->bytes[--text->used] = '\0';
    }
    smh_say(text, "\nwhose   ");
    for (unsigned byte = from; byte < to; byte++) {
        smh_say(text, "%c", whose(picture, byte));
    }
    smh_say(text, "\ndirty   ");
    for (unsigned byte = from; byte < to; byte++) {
        smh_say(text, "%c", dirty(picture, byte));
    }
    smh_say(text, "\nwrong   ");
    for (unsigned byte = from; byte < to; byte++) {
        smh_say(text, "%c", wrong(picture, byte));
    }
    smh_say(text, "\n");
}

static void draw(struct picture *picture, const char *where, struct smh_text *text)
{
    unsigned end = picture->cut + picture->hazard->line_bytes;
    smh_say(text, "line %s, %" PRIu32 " bytes\n", where, picture->hazard->line_bytes);
    for (unsigned from = picture->cut; from < end; from += ROW_BYTES) {
        draw_row(picture, from, from + ROW_BYTES < end ? from + ROW_BYTES : end, text);
    }
    for (unsigned i = 0; i < picture->owner_count; i++) {
        char called[SMH_EXPLAIN_NAME_BYTES];
        smh_explain_name(picture->judge,
                         &smh_owners_get(picture->judge->owners, picture->owners[i])->owner,
                         called);
        smh_say(text, "%c: %s\n", "abcdefghijklnopq"[i], called);
    }
    smh_say(text, "m: metadata, -: padding, .: nobody; #: perhaps dirty; L: lost, S: stale\n");
}

size_t smh_draw_line_bytes(const struct smh_judge *judge)
{
    return 512 + 6 * (size_t)judge->line_bytes + LETTERS * SMH_EXPLAIN_NAME_BYTES;
}

void smh_draw_line(const struct smh_judge *judge, const struct smh_finding *finding,
                   const struct smh_hazard *hazard, const char *where, struct smh_text *text)
{
    struct picture picture = {
        .judge = judge, .line = finding->line, .finding = finding, .hazard = hazard};
    uint64_t start = finding->line->index << judge->line_shift;
    uint64_t skew = judge->regions[finding->region].skew;
    picture.cut = (unsigned)(start < skew ? skew - start : 0);
    draw(&picture, where, text);
}
