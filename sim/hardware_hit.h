/* hardware_hit.h: the allocator's access that needs nothing but a line that is there.
 *
 * Owns: struct smh_hardware_range, and smh_hit_again and smh_hit_first: what hardware.c does for a
 * word that the traced core loaded or stored, at once, where that is in the line of its L1's set
 * that was used last, and private for the judge. Most accesses of a simulation end here.
 *
 *     address --> line of the region --> follow: the allocator's line, on this core
 *                        |-------------> memory: there in L1; data, definedness, counts
 *                        '-------------> judge:  private to this core, of the allocator
 *
 * Invariants: the same comes of it as of smh_memory_access and smh_judge_access, to the cycle.
 */
#ifndef SMH_SIM_HARDWARE_HIT_H
#define SMH_SIM_HARDWARE_HIT_H

#include "hardware.h"
#include "hazard/judge_hit.h"
#include "machine/memory_hit.h"

#define LINE_STORED 0x80u /* by the allocator, and not dropped since */
/* Lines beyond those of a whole region: one that it only begins; and eight, to read eight at a
 * time. */
#define SMH_LINES_BEHIND 9

struct smh_hardware_range {
    uintptr_t start;
    uint64_t bytes;
    uint8_t *lines; /* of each, the allocator's last access: its core + 1, and whether it has stored
                       there; NULL: nobody asks */
    uint32_t skew;  /* bytes of the first line before the region */
    uint16_t region;
};

/* hardware_lines.c. Notes whose lines the allocator's access meets; those that it met on another
 * core before are dropped first. */
void smh_hardware_follow(struct smh_hardware *hardware, const struct smh_hardware_range *range,
                         const struct smh_access *access);
/* The port has written back and dropped the lines that lie wholly in [offset, offset + bytes) and
 * that the allocator has stored to. */
void smh_hardware_drop(struct smh_hardware *hardware, const struct smh_hardware_range *range,
                       uint64_t offset, uint64_t bytes);

#define SMH_HIT_PLACES 256

/* Where all that belongs to a line is to be found; none of it moves. While there is one, the
 * allocator's last access to the line was on this core: smh_hit_forget where that ends. */
struct smh_hit_place {
    uint64_t key;          /* run->key + the line's index in its region; 0: empty */
    const uint64_t *first; /* tag of its set that was used last ... */
    const uint16_t *way;   /* ... and its way */
    uint64_t tag;          /* the line's */
    struct smh_line_word *word;
    uint8_t *data;
    bool *dirty;
    uint16_t in_way; /* data and dirty are of that way */
    bool stored;     /* by the allocator, on this core */
};
_Static_assert(sizeof(struct smh_hit_place) == 64 || sizeof(void *) != 8, "found by a shift");

/* What is the same for all accesses of one call to one region. */
struct smh_hit_run {
    struct smh_hardware *hardware;
    const struct smh_hardware_range *range; /* NULL: to be found out */
    struct smh_memory_region *region;
    struct smh_cache *cache;     /* the core's L1 */
    struct smh_line_word *words; /* NULL: no judge */
    uint64_t *judge_dirty, *judge_defined;
    uint8_t *data;
    bool *dirty;
    uintptr_t start;
    uint64_t bytes; /* 0: none of these accesses is there */
    uint64_t bias;  /* added to an address on the host: skew + offset */
    uint8_t *lines;
    uint64_t skew;
    uint64_t first_line;
    uint64_t key;
    uint64_t private; /* what the words of lines are where a load is done at once */
    uint64_t operation;
    uint64_t line_mask, word_bytes;
    uint64_t cost;
    uint64_t loads, stores; /* hits that are not counted yet */
    unsigned line_shift;
    uint8_t core;
    uint8_t stored;            /* what a line's byte of range->lines is after a store here */
    struct smh_line_word none; /* of lines that no judge follows */
    struct smh_hit_place places[SMH_HIT_PLACES];
};

/* hardware_hit.c. Fills hardware->run for the range and the core of the last access. */
void smh_hit_find_run(struct smh_hardware *hardware);

#define SMH_HIT_WORD_MASK (UINT64_C(0x3FF) | SMH_WORD_TABLES)

/* Whether a load by the allocator tells the judge nothing new; of a store, all there is to say is
 * said. */
static inline __attribute__((always_inline)) bool smh_hit_is_private(const struct smh_hit_run *run,
                                                                     struct smh_line_word *word,
                                                                     uint64_t position,
                                                                     uint64_t bytes, bool store)
{
    uint64_t tag = word->tag;
    if ((tag & SMH_HIT_WORD_MASK) != run->private || (store && tag >> 32 != SMH_OWNERS_METADATA)) {
        return false;
    }
    if (store && run->words != NULL) {
        uint64_t bits = (((uint64_t)2 << (bytes - 1)) - 1) << (position & 63);
        run->judge_dirty[position / 64] |= bits;
        run->judge_defined[position / 64] |= bits;
        word->operation = run->operation;
    }
    return true;
}

/* bytes: a constant. */
static inline __attribute__((always_inline)) bool smh_hit_word(uintptr_t address, uint8_t *data,
                                                               size_t bytes, bool store)
{
    const void *truth = (const void *)address;
    if (store) {
        memcpy(data, truth, bytes);
        return true;
    }
    return memcmp(data, truth, bytes) == 0;
}

/* Whether the line that is in L1 has the bytes now, or had them already. */
static inline __attribute__((always_inline)) bool smh_hit_bytes(uintptr_t address, uint8_t *data,
                                                                uint64_t bytes, bool store)
{
    return bytes == 8   ? smh_hit_word(address, data, 8, store)
           : bytes == 4 ? smh_hit_word(address, data, 4, store)
           : bytes == 2 ? smh_hit_word(address, data, 2, store)
                        : bytes == 1 && smh_hit_word(address, data, 1, store);
}

static inline __attribute__((always_inline)) void smh_hit_count(struct smh_hit_run *run,
                                                                bool *dirty, uint64_t position,
                                                                uint64_t bytes, bool store)
{
    if (store) {
        smh_words_define_few(run->region->defined, position - run->skew, bytes);
        *dirty = true;
        run->stores++;
    } else {
        run->loads++;
    }
}

/* Counts the hits since the last time. */
static inline void smh_hit_settle(struct smh_hit_run *run)
{
    uint64_t hits = run->loads + run->stores;
    if (hits != 0) {
        run->region->counters[0].loads += run->loads;
        run->region->counters[0].stores += run->stores;
        run->hardware->cycles += hits * run->cost;
        run->loads = 0;
        run->stores = 0;
    }
}

/* The allocator has left a line of its range, or what it stored there was dropped. */
static inline void smh_hit_forget(struct smh_hit_run *run, uint64_t line)
{
    run->places[line % SMH_HIT_PLACES].key = 0;
}

/* One access by the allocator, with memory as it is after it, to a line whose place is known and
 * that was used last in its set; of a word at most (bytes <= run->word_bytes). false: it is none of
 * these, and nothing has changed. The judge is still to be told, unless *judged. */
static inline __attribute__((always_inline)) bool smh_hit_again(struct smh_hit_run *run,
                                                                uintptr_t address, uint64_t bytes,
                                                                bool store, bool *judged)
{
    uint64_t position = address + run->bias;
    uint64_t index = position >> run->line_shift;
    struct smh_hit_place *place = &run->places[index % SMH_HIT_PLACES];
    if (place->key != run->key + index || *place->first != place->tag ||
        *place->way != place->in_way || (store && !place->stored) || position % bytes != 0 ||
        !smh_hit_bytes(address, place->data + (position & run->line_mask), bytes, store)) {
        return false;
    }
    *judged = smh_hit_is_private(run, place->word, position, bytes, store);
    smh_hit_count(run, place->dirty, position, bytes, store);
    return true;
}

/* The same of any line that hits L1 and goes no further. */
static inline bool smh_hit_first(struct smh_hit_run *run, uintptr_t address, uint64_t bytes,
                                 bool store, bool *judged)
{
    uint64_t offset = address - run->start;
    uint64_t position = offset + run->skew;
    uint64_t index = position >> run->line_shift;
    if (offset >= run->bytes || (position & (run->word_bytes - 1)) + bytes > run->word_bytes ||
        (run->lines != NULL && (run->lines[index] | (store ? 0 : LINE_STORED)) != run->stored)) {
        return false;
    }
    uint64_t line = run->first_line + index;
    uint32_t slot = smh_cache_touch(run->cache, line);
    if (slot == SMH_CACHE_NO_SLOT) {
        return false;
    }
    uint8_t *data = run->data + ((size_t)slot << run->line_shift);
    if (!smh_hit_bytes(address, data + (position & run->line_mask), bytes, store)) {
        return false;
    }
    struct smh_line_word *word = run->words != NULL ? &run->words[index] : &run->none;
    *judged = smh_hit_is_private(run, word, position, bytes, store);
    smh_hit_count(run, &run->dirty[slot], position, bytes, store);
    size_t first = (size_t)(line & run->cache->set_mask) * run->cache->ways;
    uint64_t begin = index << run->line_shift;
    struct smh_hit_place *place = &run->places[index % SMH_HIT_PLACES];
    bool stored = run->lines == NULL || run->lines[index] == run->stored;
    if (place->key == run->key + index && first + place->in_way == slot) {
        place->stored = stored;
        return true; /* it is known already */
    }
    if (run->cache->replacement == SMH_REPLACE_LRU && begin >= run->skew &&
        begin - run->skew + run->line_mask < run->bytes) {
        *place = (struct smh_hit_place){
            .key = run->key + index,
            .first = &run->cache->tags[first],
            .way = &run->cache->way_of[first],
            .tag = line + 1,
            .word = word,
            .data = data,
            .dirty = &run->dirty[slot],
            .in_way = run->cache->way_of[first],
            .stored = stored,
        };
    }
    return true;
}

#endif
