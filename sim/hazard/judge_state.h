/* judge_state.h: what the parts of the judge share.
 *
 * Owns: struct smh_judge.
 *
 *     words[line]   untouched | private: one core, through its cache | struct smh_line
 *     touched       bit i: line i is one of the last two; few lines of a large block are
 *     noted         bit i: line i is the last, or private and the allocator's store the last there
 *     defined       bit i: byte i has been written since it was handed out (of private lines)
 *     dirty         bit i: byte i has been stored (of private lines)
 *
 * A line that one core alone touches, through its cache, without maintenance, is private: nothing
 * can go wrong with it, and an access costs a few instructions. Whatever else happens to it makes
 * a struct smh_line of it, from the two bitmaps and the word. When all that was dirty has been
 * written back and every copy is current, it is private again.
 *
 * Invariants: bits and lines are counted from the region's start rounded down to a line: offset +
 * skew.
 */
#ifndef SMH_SIM_HAZARD_JUDGE_STATE_H
#define SMH_SIM_HAZARD_JUDGE_STATE_H

#include "bits.h"
#include "line.h"
#include "program.h"

#define SMH_WORD_PRIVATE 1u
#define SMH_WORD_LINE    2u
#define SMH_WORD_KIND    3u
#define SMH_WORD_STORED  (1u << 10)
#define SMH_WORD_TABLES  (1u << 11) /* the allocator has touched it */

struct smh_line_word {
    uint64_t tag;       /* kind; private: core << 2, stored, tables, actor << 16, owner << 32 */
    uint64_t operation; /* private: of the last store */
};

struct smh_judge_region {
    struct smh_states *states; /* NULL: nothing can go wrong, no cache and no store buffer */
    struct smh_line_word *words;
    uint64_t *touched; /* bit i: line i is not untouched */
    uint64_t *noted;   /* bit i: what becomes of line i when it changes hands is to be looked at */
    uint64_t *defined;
    uint64_t *dirty;
    uint64_t size;
    uint64_t skew;
    uint64_t line_count;
    bool private_lines; /* no store buffer */
};

struct smh_line_list {
    struct smh_line **lines;
    size_t count, capacity;
};

struct smh_hazard_key {
    uint64_t names[2];
    uint8_t hazard_class;
    int32_t listed; /* index of the hazard; -1: not listed */
};

struct smh_judge {
    const struct smh_scenario *scenario;
    uint32_t line_bytes;
    unsigned line_shift;
    uint32_t cores;
    struct smh_judge_region *regions;
    size_t region_count;
    struct smh_states *regimes[16];
    size_t regime_count;
    struct smh_owners *owners;
    struct smh_line_list *pending; /* [cores] */
    struct smh_line_effect effect;
    struct smh_line *spare; /* lines that were full, and may be used again */
    struct smh_hazard *hazards;
    size_t hazard_count;
    struct smh_hazard_key *keys;
    size_t key_count, key_capacity;
    uint64_t unlisted;
    uint64_t given_up;
    unsigned off;                /* enum smh_judge_rule */
    struct smh_program *program; /* to which everything is added; NULL: not recorded */
    struct {                     /* the owner that was looked up last */
        uint64_t from, to;
        uint32_t number;
        uint16_t region;
    } recent;
};

/* One access as it meets one line. */
struct smh_touch {
    struct smh_line_event event;
    struct smh_judge_region *region;
    uint16_t region_index;
    uint64_t line_index;
};

/* What went wrong with bytes of one owner in one line. */
struct smh_finding {
    const struct smh_line *line; /* NULL: no line (H10) */
    struct smh_line_event event; /* at which it shows */
    uint64_t bytes[SMH_LINE_WORDS];
    uint32_t victim, culprit;
    uint16_t region;
    uint8_t hazard_class;
    bool discarded; /* by an invalidation of the victim's owner himself */
};

static inline uint8_t smh_word_core(const struct smh_line_word *word)
{
    return (uint8_t)(word->tag >> 2);
}

static inline uint32_t smh_word_owner(const struct smh_line_word *word)
{
    return (uint32_t)(word->tag >> 32);
}

static inline uint64_t smh_word_private(uint8_t core, uint16_t actor, uint32_t owner)
{
    return SMH_WORD_PRIVATE | (uint64_t)core << 2 |
           (owner != SMH_OWNERS_NONE ? SMH_WORD_STORED : 0) | (uint64_t)actor << 16 |
           (uint64_t)owner << 32;
}

static inline struct smh_line *smh_word_line(const struct smh_line_word *word)
{
    return (word->tag & SMH_WORD_KIND) == SMH_WORD_LINE
               ? (struct smh_line *)(uintptr_t)(word->tag & ~(uint64_t)SMH_WORD_KIND)
               : NULL;
}

/* The part of [from, to), which are offset + skew, that lies in line `index`. */
static inline struct smh_line_part smh_judge_part(const struct smh_judge *judge, uint64_t index,
                                                  uint64_t from, uint64_t to)
{
    uint64_t first = index << judge->line_shift;
    uint64_t end = first + judge->line_bytes;
    if (from <= first && end <= to) {
        return (struct smh_line_part){.to = (uint16_t)judge->line_bytes};
    }
    bool apart = to <= first || from >= end;
    return (struct smh_line_part){
        .from = (uint16_t)(apart || from < first ? 0 : from - first),
        .to = (uint16_t)(apart ? 0 : (to < end ? to : end) - first),
    };
}
/* The touch is one of line `index`, and of this part. */
static inline void smh_touch_narrow(struct smh_touch *touch, uint64_t index,
                                    struct smh_line_part part)
{
    touch->line_index = index;
    touch->event.from = part.from;
    touch->event.to = part.to;
}
/* A load or store of the core to which a line is left: nothing can go wrong. */
static inline void smh_touch_solo(struct smh_judge *judge, struct smh_line *line,
                                  const struct smh_line_event *event, struct smh_line_part part)
{
    line->allocator_core = event->by_allocator ? event->core : line->allocator_core;
    if (event->kind == SMH_LINE_STORE) {
        line->defined |= smh_line_mask(part);
        smh_line_add_solo_dirt(line, judge->owners, event, part);
        smh_line_remember_solo(line, judge->owners, event, part);
    }
}
/* touch.c: an access meets a line. */
void smh_touch_line(struct smh_judge *judge, const struct smh_touch *touch);
void smh_touch_apply(struct smh_judge *judge, struct smh_line *line,
                     const struct smh_line_event *event);
/* Once nothing of the past matters, the past is forgotten, and the line may be private again: it is
 * not the caller's any more. */
void smh_touch_tidy(struct smh_judge *judge, struct smh_line *line);
/* private.c: whether a core's access leaves the line private, and is thereby done. */
bool smh_private_touch(struct smh_judge *judge, const struct smh_touch *touch);
/* The line in full, whatever it was. */
struct smh_line *smh_private_full(struct smh_judge *judge, uint16_t region_index, uint64_t index);
/* A line of which nothing is remembered becomes private, when one core alone has touched it. */
void smh_private_again(struct smh_judge *judge, struct smh_line *line);
/* What the allocator alone left dirty in [from, to) is so no more. */
void smh_private_settle(struct smh_judge *judge, struct smh_judge_region *region, uint64_t index,
                        uint64_t from, uint64_t to);

/* classify.c: judges what an event did to a line. The line has taken the event; bytes that are told
 * are made undefined. */
void smh_classify(struct smh_judge *judge, struct smh_line *line, const struct smh_touch *touch);
/* Tells what suspects a read meets, and forgets those that a write meets. */
void smh_classify_suspects(struct smh_judge *judge, struct smh_line *line,
                           const struct smh_touch *touch);
/* report.c: lists a hazard, or counts it when it is known. */
void smh_report(struct smh_judge *judge, const struct smh_finding *finding);
/* sequence.c: fills hazard->sequence. */
void smh_sequence(const struct smh_judge *judge, const struct smh_finding *finding,
                  struct smh_hazard *hazard);
/* Whether a byte still goes wrong by these events, from an untouched line. */
struct smh_telling {
    unsigned byte;
    bool skipped_happens;    /* maintenance that passed the line over did maintain it */
    bool discarding_is_loss; /* what the owner invalidates himself is lost */
    bool written_back; /* what is read stale must not be for want of a write-back: H3, not H5 */
};
bool smh_sequence_goes_wrong(struct smh_states *states, const struct smh_line_event *events,
                             size_t count, const struct smh_telling *telling);
/* explain.c: fills explanation, advice and drawing. */
void smh_explain(const struct smh_judge *judge, const struct smh_finding *finding,
                 struct smh_hazard *hazard);

#endif
