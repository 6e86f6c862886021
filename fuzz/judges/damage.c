/* damage.c: what the validator of each engine must see. See stage.h.
 *
 * Owns: where an engine's data say each thing in one way, so that no bit of them may be otherwise:
 *
 *     bitmap   every bit of the tables; of a free chunk in the middle of a list its links; the
 *              maps; the reserve
 *     buddy    the table, the heads of lists and their links; two halves that are both free
 *     zephyr   every header, the links of free chunks, the words of chunk 0
 *     fits     every header, the links of free chunks, the list's two ends and the rover
 *
 * Invariants: all is as it was afterwards.
 */
#include "../engines.h"
#include "../stage.h"

#include <smh/port.h>

/* Changes one bit, or the bits of mask, of the word at `at`; the validator must see it. Gives where
 * it says that the fault is. */
static size_t must_see(const struct fuzz_stage *stage, const struct smh_heap *heap, void *at,
                       uint32_t mask, const char *what)
{
    uint32_t word;
    memcpy(&word, at, sizeof(word));
    uint32_t changed = word ^ mask;
    memcpy(at, &changed, sizeof(word));
    struct smh_fault fault = {.offset = SIZE_MAX};
    int code = smh_heap_check(heap, &fault);
    memcpy(at, &word, sizeof(word));
    FUZZ_REQUIRE(code != 0,
                 "step %llu: the validator of %s does not see 0x%x in %s changed by 0x%x",
                 (unsigned long long)stage->index, heap->engine->name, word, what, mask);
    return fault.offset;
}

/* The same of what no size of a chunk hangs on: the fault is at the start, or where a chunk begins
 * or ends. */
static void must_find(const struct fuzz_stage *stage, const struct smh_heap *heap, void *at,
                      uint32_t mask, const char *what)
{
    size_t told = must_see(stage, heap, at, mask, what);
    struct smh_chunk chunk = {0};
    bool found = told == 0 || told == (8 - (uintptr_t)heap->memory % 8) % 8;
    while (!found && smh_heap_walk(heap, &chunk)) {
        found = told == chunk.offset || told == chunk.offset + chunk.size;
    }
    FUZZ_REQUIRE(found, "step %llu: the validator of %s finds %s wrong, but at offset %zu",
                 (unsigned long long)stage->index, heap->engine->name, what, told);
}

static bool free_chunk_at(const struct smh_heap *heap, const uint8_t *place)
{
    struct smh_chunk chunk = {0};
    while (smh_heap_walk(heap, &chunk)) {
        if (heap->memory + chunk.offset == place) {
            return !chunk.used;
        }
    }
    return false;
}

/* The same of a link, which leads from a free chunk to another: the fault is at one of them. */
static void must_find_free(const struct fuzz_stage *stage, const struct smh_heap *heap, void *at,
                           uint32_t mask)
{
    size_t told = must_see(stage, heap, at, mask, "a link");
    FUZZ_REQUIRE(free_chunk_at(heap, heap->memory + told),
                 "step %llu: the validator of %s finds a link wrong, but at offset %zu",
                 (unsigned long long)stage->index, heap->engine->name, told);
}

/* Changes one bit of a table that begins at `table`. */
static void must_see_byte(const struct fuzz_stage *stage, const struct smh_heap *heap,
                          uint8_t *table, size_t size, unsigned argument)
{
    uint8_t *byte = &table[argument * 7u % size];
    uint8_t bit = (uint8_t)(1u << argument / 4096 % 8);
    *byte ^= bit;
    struct smh_fault fault;
    /* What is wrong in buddy's table its own check sees; bitmap leaves sums to the validator's. */
    int code = heap->engine == &smh_engine_buddy ? heap->engine->check(heap, &fault)
                                                 : smh_heap_check(heap, NULL);
    *byte ^= bit;
    FUZZ_REQUIRE(code != 0,
                 "step %llu: the validator of %s does not see 0x%x of byte %td of a table changed",
                 (unsigned long long)stage->index, heap->engine->name, bit, byte - table);
}

/* The engines' words in the heap, by number and half of them. */
static void *state_word(struct smh_heap *heap, size_t number)
{
    return (uint8_t *)heap->state + number * sizeof(uintptr_t);
}

/* Free chunks of the region from the first on, at most so many. */
static size_t list_free(const struct smh_heap *heap, struct smh_chunk *chunks, size_t most)
{
    struct smh_chunk chunk = {0};
    size_t count = 0;
    while (count < most && smh_heap_walk(heap, &chunk)) {
        if (!chunk.used) {
            chunks[count++] = chunk;
        }
    }
    return count;
}

/* --- bitmap ----------------------------------------------------------------------------------- */

#define CHUNKS 64

struct links {
    uint32_t next;
    uint32_t previous;
    uint32_t size;
};

static bool holds_word(const uint8_t *bytes, size_t size, uint32_t word)
{
    for (size_t at = 0; at + 4 <= size; at += 4) {
        if (memcmp(bytes + at, &word, 4) == 0) {
            return true;
        }
    }
    return false;
}

/* A chunk that follows another in a list and is in no table is in the middle of that list. */
static void bitmap_links(struct fuzz_stage *stage, struct smh_heap *heap, unsigned argument)
{
    struct smh_chunk chunks[CHUNKS];
    struct smh_chunk first = {0};
    unsigned unit_shift = heap->granule_shift > 3 ? heap->granule_shift - 1u : 3;
    size_t count = list_free(heap, chunks, CHUNKS);
    (void)smh_heap_walk(heap, &first);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < count; k++) {
            uint32_t before = 3 + (uint32_t)((chunks[i].offset - first.offset) >> unit_shift);
            uint32_t unit = 3 + (uint32_t)((chunks[k].offset - first.offset) >> unit_shift);
            struct links left;
            struct links right;
            uint8_t *at = heap->memory + chunks[k].offset;
            memcpy(&left, heap->memory + chunks[i].offset, sizeof(left));
            memcpy(&right, at, sizeof(right));
            if (i == k || left.next != unit || right.previous != before ||
                holds_word(heap->metadata, heap->metadata_size, unit)) {
                continue;
            }
            (void)must_see(stage, heap, at + 4 * (argument % 2), 1u << argument / 2 % 32, "a link");
            if (chunks[k].size >> unit_shift >= 64) {
                (void)must_see(stage, heap, at + 8, 1u << argument / 2 % 32,
                               "a large chunk's size");
            }
            return;
        }
    }
}

/* The first chunks of two lists change places: behind the bitmap, and a word that may be of it. */
static void bitmap_swap(const struct fuzz_stage *stage, struct smh_heap *heap, unsigned argument)
{
    unsigned unit_shift = heap->granule_shift > 3 ? heap->granule_shift - 1u : 3;
    size_t bitmap_bytes = ((heap->capacity_bytes >> unit_shift) + 5 + 63) / 64 * 8;
    size_t heads =
        heap->metadata_size - bitmap_bytes < 16 ? 0 : (heap->metadata_size - bitmap_bytes - 16) / 4;
    size_t found[2] = {SIZE_MAX, SIZE_MAX};
    uint32_t values[2] = {0, 0};
    for (size_t i = 0; i < heads && found[1] == SIZE_MAX; i++) {
        size_t place = heap->metadata_size / 4 - 1 - (i + argument) % heads;
        uint32_t value;
        memcpy(&value, heap->metadata + place * 4, 4);
        size_t which = found[0] == SIZE_MAX ? 0 : 1;
        if (value != 0) {
            found[which] = place;
            values[which] = value;
        }
    }
    if (found[1] == SIZE_MAX) {
        return;
    }
    memcpy(heap->metadata + found[0] * 4, &values[1], 4);
    memcpy(heap->metadata + found[1] * 4, &values[0], 4);
    int code = smh_heap_check(heap, NULL);
    memcpy(heap->metadata + found[0] * 4, &values[0], 4);
    memcpy(heap->metadata + found[1] * 4, &values[1], 4);
    FUZZ_REQUIRE(code != 0,
                 "step %llu: the validator does not see that two lists have changed places, of "
                 "0x%x and of 0x%x",
                 (unsigned long long)stage->index, values[0], values[1]);
}

/* Another free chunk is named the reserve, or none is. The words lie behind the maps. */
static void bitmap_reserve(struct fuzz_stage *stage, struct smh_heap *heap, unsigned argument)
{
    struct smh_chunk chunks[CHUNKS];
    struct smh_chunk first = {0};
    uint32_t named[2] = {0, 0};
    uint32_t kept[2];
    unsigned unit_shift = heap->granule_shift > 3 ? heap->granule_shift - 1u : 3;
    uint8_t *place = (uint8_t *)state_word(heap, 3) + 24;
    size_t count = list_free(heap, chunks, CHUNKS);
    (void)smh_heap_walk(heap, &first);
    memcpy(kept, place, sizeof(kept));
    if (argument % (count + 1) < count) {
        const struct smh_chunk *chunk = &chunks[argument % (count + 1)];
        named[0] = 3 + (uint32_t)((chunk->offset - first.offset) >> unit_shift);
        named[1] = named[0] + (uint32_t)(chunk->size >> unit_shift);
    }
    if (named[0] == kept[0]) {
        return;
    }
    memcpy(place, named, sizeof(named));
    int code = smh_heap_check(heap, NULL);
    memcpy(place, kept, sizeof(kept));
    FUZZ_REQUIRE(code != 0,
                 "step %llu: the validator does not see that 0x%x is named the reserve, not 0x%x",
                 (unsigned long long)stage->index, named[0], kept[0]);
}

/* The bit behind the last unit, whose number is 3 more than their count; a word lies before them.
 */
static void bitmap_sentinel(const struct fuzz_stage *stage, const struct smh_heap *heap)
{
    unsigned unit_shift = heap->granule_shift > 3 ? heap->granule_shift - 1u : 3;
    size_t bit = 64 + 3 + (heap->capacity_bytes >> unit_shift);
    uint8_t *byte = &heap->metadata[bit / 8];
    *byte ^= (uint8_t)(1u << bit % 8);
    int code = smh_heap_check(heap, NULL);
    *byte ^= (uint8_t)(1u << bit % 8);
    FUZZ_REQUIRE(code != 0, "step %llu: the validator of bitmap does not miss the sentinel",
                 (unsigned long long)stage->index);
}

static void bitmap_damage(struct fuzz_stage *stage, struct smh_heap *heap, unsigned argument)
{
    must_see_byte(stage, heap, heap->metadata, heap->metadata_size, argument);
    /* These are seen after a pass over the whole bitmap, which costs as much as ten requests: in
     * turns. */
    switch (stage->index % 4) {
    case 0:
        bitmap_swap(stage, heap, argument);
        break;
    case 1:
        bitmap_links(stage, heap, argument);
        break;
    case 2:
        bitmap_reserve(stage, heap, argument);
        break;
    default:
        bitmap_sentinel(stage, heap);
        /* 192 bits behind three words. */
        (void)must_see(stage, heap, (uint8_t *)state_word(heap, 3) + argument % 6 * 4,
                       1u << argument / 8 % 32, "the maps");
    }
}

/* --- buddy ------------------------------------------------------------------------------------ */

/* A free block that is alone in its list, and the list below is empty: it is made its two halves.
 */
static void buddy_halves(struct fuzz_stage *stage, struct smh_heap *heap, uint8_t *table,
                         unsigned argument)
{
    struct smh_chunk chunks[CHUNKS];
    struct smh_chunk first = {0};
    uint32_t lists[32];
    const uint32_t none = UINT32_MAX;
    size_t count = list_free(heap, chunks, CHUNKS);
    size_t bytes = (size_t)(table - heap->metadata);
    (void)smh_heap_walk(heap, &first);
    memcpy(lists, heap->metadata, bytes);
    for (size_t i = 0; i < count; i++) {
        const struct smh_chunk *chunk = &chunks[(i + argument) % count];
        uint32_t unit = (uint32_t)((chunk->offset - first.offset) >> heap->granule_shift);
        unsigned order = (table[unit] & 0x7Fu) - 1u;
        struct {
            uint32_t next;
            uint32_t previous;
        } links;
        memcpy(&links, heap->memory + chunk->offset, sizeof(links));
        if (order == 0 || lists[order] != unit || links.next != none || lists[order - 1] != none) {
            continue;
        }
        uint32_t half = unit + (1u << (order - 1));
        uint8_t *upper = heap->memory + chunk->offset + chunk->size / 2;
        uint8_t entry = table[unit];
        memcpy(heap->metadata + 4 * (size_t)order, &none, 4);
        memcpy(heap->metadata + 4 * (size_t)(order - 1), &unit, 4);
        memcpy(heap->memory + chunk->offset, &half, 4);
        memcpy(upper, &none, 4);
        memcpy(upper + 4, &unit, 4);
        table[unit] = (uint8_t)(entry - 1);
        table[half] = (uint8_t)(entry - 1);
        int code = smh_heap_check(heap, NULL);
        memcpy(heap->metadata, lists, bytes);
        memcpy(heap->memory + chunk->offset, &links, sizeof(links));
        table[unit] = entry;
        table[half] = 0;
        FUZZ_REQUIRE(code != 0, "step %llu: the validator lets two free halves of %zu bytes stand",
                     (unsigned long long)stage->index, chunk->size);
        return;
    }
}

/* The last block is said to be longer than what is left of the region. */
static void buddy_end(const struct fuzz_stage *stage, const struct smh_heap *heap, uint8_t *table,
                      unsigned argument)
{
    struct smh_chunk last = {0};
    struct smh_chunk first = {0};
    (void)smh_heap_walk(heap, &first);
    while (smh_heap_walk(heap, &last)) {
    }
    uint8_t *entry = &table[(last.offset - first.offset) >> heap->granule_shift];
    uint8_t kept = *entry;
    *entry = (uint8_t)(kept + 1 + argument % 4);
    int code = smh_heap_check(heap, NULL);
    *entry = kept;
    FUZZ_REQUIRE(code != 0, "step %llu: the validator lets the last block be %zu bytes << %u",
                 (unsigned long long)stage->index, last.size, 1 + argument % 4);
}

static void buddy_damage(struct fuzz_stage *stage, struct smh_heap *heap, unsigned argument)
{
    struct smh_chunk chunks[CHUNKS];
    size_t units = heap->capacity_bytes >> heap->granule_shift;
    uint8_t *table = heap->metadata + heap->metadata_size - units;
    size_t count = list_free(heap, chunks, CHUNKS);
    must_see_byte(stage, heap, table, units, argument);
    buddy_end(stage, heap, table, argument);
    if (count != 0) {
        uint8_t *links = heap->memory + chunks[argument % count].offset;
        must_find_free(stage, heap, links + argument % 2 * 4, 1u << argument / 2 % 32);
        buddy_halves(stage, heap, table, argument);
    }
}

/* --- headers ---------------------------------------------------------------------------------- */

/* A header, or the links of a free chunk behind it. */
static void header_damage(struct fuzz_stage *stage, struct smh_heap *heap, unsigned argument,
                          size_t header, size_t links)
{
    struct smh_chunk chunk = {0};
    size_t chosen = argument % (heap->live_blocks + 1);
    for (size_t i = 0; smh_heap_walk(heap, &chunk); i++) {
        if (i < chosen) {
            continue;
        }
        size_t bytes = chunk.used || chunk.size < header + links ? header : header + links;
        uint32_t mask = 1u << argument / 8 % 32;
        (void)must_see(stage, heap, heap->memory + chunk.offset + argument / 256 * 4 % bytes, mask,
                       "a header");
        return;
    }
}

/* The head of a list, up to the last that has an entry, is another number: of no chunk, or of one
 * in use. (Another of the same list would do as well.) */
static void zephyr_head(const struct fuzz_stage *stage, const struct smh_heap *heap, uint8_t *base,
                        size_t heads, unsigned argument)
{
    uint32_t available;
    uint32_t head;
    memcpy(&available, base + 12, sizeof(available));
    if (available == 0) {
        return;
    }
    unsigned last = 31u - (unsigned)__builtin_clz(available);
    uint8_t *place = base + heads + argument / 32 % (last + 1) * 4;
    uint32_t mask = 1u << argument % 32;
    memcpy(&head, place, sizeof(head));
    if (!free_chunk_at(heap, base + 8 * (size_t)(head ^ mask))) {
        (void)must_see(stage, heap, place, mask, "the head of a list");
    }
}

static void zephyr_damage(struct fuzz_stage *stage, struct smh_heap *heap, unsigned argument)
{
    /* Where chunks begin, and the count of free bytes. */
    static const size_t known[] = {2, 5};
    size_t header = smh_heap_alignment(heap);
    uint8_t *base = heap->memory + (8 - (uintptr_t)heap->memory % 8) % 8;
    uint32_t mask = 1u << argument / 8 % 32;
    header_damage(stage, heap, argument, header, header);
    must_find(stage, heap, base + argument / 2 % (header / 4) * 4, mask, "the header of chunk 0");
    must_find(stage, heap, base + 8 + argument % 2 * 4, mask, "the words of chunk 0");
    (void)must_see(stage, heap, state_word(heap, known[argument % 2]), mask, "the engine's words");
    zephyr_head(stage, heap, base, *(uintptr_t *)state_word(heap, 3), argument / 8);
    struct smh_chunk last = {0};
    while (smh_heap_walk(heap, &last)) {
    }
    must_find(stage, heap, heap->memory + last.offset + last.size + argument / 2 % (header / 4) * 4,
              mask, "the end marker");
    if (heap->engine == &smh_engine_zephyr_stats) {
        size_t counters = heap->target_bits == 64 ? 6 : 3; /* words */
        must_find(stage, heap, base + 16 + argument / 2 % counters * 4, mask, "the statistics");
    }
}

static void fit_damage(struct fuzz_stage *stage, struct smh_heap *heap, unsigned argument)
{
    /* The list's first and last chunk. */
    header_damage(stage, heap, argument, 8, 8);
    must_find(stage, heap, state_word(heap, 2 + argument % 2), 1u << argument / 8 % 32,
              "an end of the list");
    /* Where there is no chunk. */
    must_find(stage, heap, state_word(heap, 5), 1u << 30, "the rover");
}

void fuzz_judge_damage(struct fuzz_stage *stage, size_t index, unsigned argument)
{
    struct smh_heap *heap = &stage->slots[index].heap;
    const char *name = heap->engine->name;
    /* Where damage leads, there may be live blocks. */
    smh_port_unpoison(stage->memory[index], stage->size[index]);
    if (heap->engine == &smh_engine_bitmap) {
        bitmap_damage(stage, heap, argument);
    } else if (heap->engine == &smh_engine_buddy) {
        buddy_damage(stage, heap, argument);
    } else if (fuzz_engine_is_zephyr(heap->engine)) {
        zephyr_damage(stage, heap, argument);
    } else if (strstr(name, "_fit") != NULL) {
        fit_damage(stage, heap, argument);
    }
    for (size_t i = 0; i < SMH_FUZZ_SLOTS; i++) {
        if (stage->live[i].block != NULL && stage->live[i].region == index) {
            fuzz_hide(&stage->live[i]);
        }
    }
}
