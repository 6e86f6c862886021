/* judge_hit.h: the access of a line that stays private.
 *
 * Owns: smh_judge_hit, in a header because most accesses of a simulation end in it.
 *
 *     word   private | core | stored | tables | owner        one comparison, and two bitmaps
 */
#ifndef SMH_SIM_HAZARD_JUDGE_HIT_H
#define SMH_SIM_HAZARD_JUDGE_HIT_H

#include "judge_state.h"

/* All that is not as below. */
void smh_judge_access_further(struct smh_judge *judge, const struct smh_access *access);

/* A load or store of one core, of one line that is private to it, and of the owner who has stored
 * there before: done. false: it is none, and nothing has changed. */
static inline __attribute__((always_inline)) bool smh_judge_hit(struct smh_judge *judge,
                                                                const struct smh_access *access)
{
    struct smh_judge_region *region = &judge->regions[access->region];
    if (access->kind > SMH_ACCESS_STORE || access->uncached || region->words == NULL ||
        judge->program != NULL) {
        return false;
    }
    uint64_t from = access->offset + region->skew;
    uint64_t last = from + access->bytes - 1;
    struct smh_line_word *word = &region->words[from >> judge->line_shift];
    uint64_t tag = word->tag;
    if (((from ^ last) >> judge->line_shift) != 0 ||
        (tag & 0x3FF) != (SMH_WORD_PRIVATE | (uint64_t)access->core << 2)) {
        return false;
    }
    if (access->kind == SMH_ACCESS_STORE) {
        uint32_t owner = (uint32_t)(tag >> 32);
        if (access->by_allocator
                ? owner != SMH_OWNERS_METADATA
                : (owner != judge->recent.number || access->region != judge->recent.region ||
                   access->offset < judge->recent.from || access->offset >= judge->recent.to)) {
            return false;
        }
        if ((from ^ last) > 63) {
            return false;
        }
        uint64_t mask = UINT64_MAX >> (63 - (last - from)) << (from & 63);
        region->dirty[from / 64] |= mask;
        region->defined[from / 64] |= mask;
        word->operation = access->operation;
    }
    word->tag = tag | (access->by_allocator ? SMH_WORD_TABLES : 0);
    return true;
}

/* Whether a load by the allocator on a core of this line tells nothing new: the line is left to
 * that core, and the allocator was the last there. */
static inline bool smh_judge_knows_tables(const struct smh_line_word *word, uint8_t core)
{
    const struct smh_line *line = smh_word_line(word);
    return line != NULL && line->solo && line->slot_core[0] == core && line->allocator_core == core;
}

#endif
