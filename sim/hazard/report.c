/* report.c: the list of hazards, one for each class and pair of owners. */
#include "judge_state.h"

#include "../error.h"
#include "../machine/memory.h"

#include <stdlib.h>
#include <string.h>

#define KEYS_MAX 4096

/* Owners with the same name are the same: a block of a list that is allocated again, all blocks of
 * a trace or a generator. */
static uint64_t name_of(const struct smh_judge *judge, uint32_t number)
{
    const struct smh_owner *owner = &smh_owners_get(judge->owners, number)->owner;
    if (number == SMH_OWNERS_METADATA || number < SMH_OWNERS_FIRST) {
        return number;
    }
    bool listed = owner->actor < judge->scenario->actor_count &&
                  judge->scenario->actors[owner->actor].operations != NULL;
    bool actors = judge->scenario->actor_count > 0;
    return (uint64_t)(owner->actor + 1u) << 32 | (listed || !actors ? owner->slot : UINT32_MAX);
}

static struct smh_hazard_key *find_key(struct smh_judge *judge, const struct smh_hazard_key *key)
{
    for (size_t i = 0; i < judge->key_count; i++) {
        struct smh_hazard_key *other = &judge->keys[i];
        if (other->hazard_class == key->hazard_class && other->names[0] == key->names[0] &&
            other->names[1] == key->names[1]) {
            return other;
        }
    }
    return NULL;
}

static struct smh_hazard_key *add_key(struct smh_judge *judge, const struct smh_hazard_key *key)
{
    if (judge->key_count == KEYS_MAX) {
        return NULL;
    }
    if (judge->key_count == judge->key_capacity) {
        judge->key_capacity = judge->key_capacity == 0 ? 64 : judge->key_capacity * 2;
        judge->keys = smh_must_resize(judge->keys, judge->key_capacity, sizeof(*judge->keys));
    }
    judge->keys[judge->key_count] = *key;
    return &judge->keys[judge->key_count++];
}

/* Where the line lies in its region, and the bytes that go wrong, from there. */
static void place(const struct smh_judge *judge, const struct smh_finding *finding,
                  struct smh_hazard *hazard)
{
    const struct smh_judge_region *region = &judge->regions[finding->region];
    uint64_t start = finding->line->index << judge->line_shift;
    uint64_t cut = start < region->skew ? region->skew - start : 0;
    uint64_t end = start + judge->line_bytes - region->skew;
    hazard->line_offset = start + cut - region->skew;
    hazard->line_bytes =
        (uint32_t)((end < region->size ? end : region->size) - hazard->line_offset);
    for (unsigned byte = (unsigned)cut; byte < judge->line_bytes; byte++) {
        if (smh_bit(finding->bytes, byte)) {
            unsigned to = byte - (unsigned)cut;
            hazard->wrong_bytes[to / 64] |= (uint64_t)1 << to % 64;
        }
    }
}

static void list(struct smh_judge *judge, const struct smh_finding *finding)
{
    struct smh_hazard *hazard = &judge->hazards[judge->hazard_count++];
    bool device =
        finding->event.kind == SMH_LINE_DMA_READ || finding->event.kind == SMH_LINE_DMA_WRITE;
    *hazard = (struct smh_hazard){
        .hazard_class = finding->hazard_class,
        .region = finding->region,
        .core = device ? SMH_MEMORY_DEVICE : finding->event.core,
        .operation = finding->event.operation,
        .site = finding->event.site,
        .actor = finding->event.actor,
        .count = 1,
        .victim = smh_owners_get(judge->owners, finding->victim)->owner,
        .culprit = smh_owners_get(judge->owners, finding->culprit)->owner,
    };
    place(judge, finding, hazard);
    smh_sequence(judge, finding, hazard);
    smh_explain(judge, finding, hazard);
}

void smh_report(struct smh_judge *judge, const struct smh_finding *finding)
{
    struct smh_hazard_key key = {
        .names = {name_of(judge, finding->victim), name_of(judge, finding->culprit)},
        .hazard_class = finding->hazard_class,
        .listed = -1};
    if (key.names[0] > key.names[1]) {
        uint64_t swap = key.names[0];
        key.names[0] = key.names[1];
        key.names[1] = swap;
    }
    struct smh_hazard_key *known = find_key(judge, &key);
    if (known != NULL) {
        if (known->listed >= 0) {
            judge->hazards[known->listed].count++;
        }
        return;
    }
    bool fits = judge->hazard_count < SMH_HAZARDS_LISTED;
    key.listed = fits ? (int32_t)judge->hazard_count : -1;
    (void)add_key(judge, &key);
    if (fits) {
        list(judge, finding);
    } else {
        judge->unlisted++;
    }
}
