/* naive_bitmap.c: chunks in an array. See naive_bitmap.h. */
#include "naive_bitmap.h"

#include "../stage.h"

#include <string.h>

#define CHUNKS ((size_t)2048)
#define NONE   CHUNKS
/* No region is larger; what asks for more is refused just so. */
#define BYTES_MAX ((size_t)1 << 30)
/* Chunks of a class of large ones that a request looks at. */
#define LOOKS 4u
/* Large blocks come from the high end of the largest chunk from this size on. */
#define HIGH_END_UNITS 512u

enum state { USED, LISTED, RESERVE };

struct chunk {
    uintptr_t start;
    size_t size; /* units */
    enum state state;
    uint64_t listed; /* when; the latest is first in its list */
};

static struct chunk chunks[CHUNKS];
static size_t chunk_count;
static uint64_t now;
static size_t unit;    /* bytes */
static size_t granule; /* bytes */
static size_t room;    /* units of all chunks together */
static size_t exact;   /* smaller sizes have a class of their own */

/* --- sizes ------------------------------------------------------------------------------------ */

static size_t round_up(size_t value, size_t align)
{
    return (value + align - 1) / align * align;
}

/* Four classes to a power of two: what of a size its three highest bits say. */
static size_t class_step(size_t size)
{
    size_t step = 1;
    while (size >= exact && size / step >= 8) {
        step *= 2;
    }
    return step;
}

/* The least size of the class; of the first class of large ones a part is small. */
static size_t class_of(size_t size)
{
    size_t least = size / class_step(size) * class_step(size);
    return size >= exact && least < exact ? exact : least;
}

static size_t units_of(size_t bytes)
{
    size_t least = 2 * unit < granule ? granule : 2 * unit;
    return (bytes <= least ? least : round_up(bytes, granule)) / unit;
}

/* --- the array -------------------------------------------------------------------------------- */

static bool is_free(size_t i)
{
    return i < chunk_count && chunks[i].state != USED;
}

static size_t index_of(uintptr_t block)
{
    size_t i = 0;
    while (i < chunk_count && (chunks[i].start != block || chunks[i].state != USED)) {
        i++;
    }
    FUZZ_REQUIRE(i < chunk_count, "the naive heap does not know a block");
    return i;
}

static size_t reserve(void)
{
    for (size_t i = 0; i < chunk_count; i++) {
        if (chunks[i].state == RESERVE) {
            return i;
        }
    }
    return NONE;
}

/* Chunk i keeps its first `size` units; false: that is all of it. */
static bool split(size_t i, size_t size)
{
    if (chunks[i].size == size) {
        return false;
    }
    FUZZ_REQUIRE(chunk_count < CHUNKS, "the naive heap is full");
    memmove(&chunks[i + 1], &chunks[i], (chunk_count - i) * sizeof(chunks[0]));
    chunk_count++;
    chunks[i].size = size;
    chunks[i + 1].start += size * unit;
    chunks[i + 1].size -= size;
    return true;
}

/* Chunk i swallows the next. */
static void join(size_t i)
{
    chunks[i].size += chunks[i + 1].size;
    chunk_count--;
    memmove(&chunks[i + 1], &chunks[i + 2], (chunk_count - i - 1) * sizeof(chunks[0]));
}

/* --- which chunk ------------------------------------------------------------------------------ */

static void list(size_t i)
{
    chunks[i].state = LISTED;
    chunks[i].listed = ++now;
}

/* A free chunk goes into its list; a large one that is no larger than the reserve becomes that, and
 * what was it is listed. All there is, too, is the reserve. */
static void place(size_t i)
{
    size_t old = reserve();
    if (chunks[i].size >= exact && old != NONE && chunks[old].size >= chunks[i].size) {
        list(old);
        chunks[i].state = RESERVE;
    } else if (chunks[i].size >= exact && chunks[i].size == room) {
        chunks[i].state = RESERVE;
    } else {
        list(i);
    }
}

/* What a change leaves free; where the reserve is gone, it becomes that if it may and is large. */
static void settle(size_t i, bool may_be_reserve)
{
    if (may_be_reserve && reserve() == NONE && chunks[i].size >= exact) {
        chunks[i].state = RESERVE;
    } else {
        place(i);
    }
}

/* The least class from `least` on that has a listed chunk, or 0. */
static size_t first_class(size_t least)
{
    size_t best = 0;
    for (size_t i = 0; i < chunk_count; i++) {
        size_t class = class_of(chunks[i].size);
        if (chunks[i].state == LISTED && class >= least && (best == 0 || class < best)) {
            best = class;
        }
    }
    return best;
}

/* The chunk of the class that was listed last before `before`. */
static size_t listed_before(size_t class, uint64_t before)
{
    size_t latest = NONE;
    for (size_t i = 0; i < chunk_count; i++) {
        if (chunks[i].state == LISTED && class_of(chunks[i].size) == class &&
            chunks[i].listed < before &&
            (latest == NONE || chunks[i].listed > chunks[latest].listed)) {
            latest = i;
        }
    }
    return latest;
}

/* The smallest of the class's first few that has `need` units. */
static size_t look_into(size_t class, size_t need)
{
    size_t best = NONE;
    size_t at = listed_before(class, UINT64_MAX);
    for (unsigned look = 0; look < LOOKS && at != NONE; look++) {
        if (chunks[at].size >= need && (best == NONE || chunks[at].size < chunks[best].size)) {
            best = at;
        }
        at = listed_before(class, chunks[at].listed);
    }
    return best;
}

static size_t find_large(size_t need)
{
    size_t found = NONE;
    size_t class = first_class(class_of(need));
    while (class != 0 && found == NONE) {
        found = look_into(class, need);
        class = first_class(class + 1);
    }
    return found;
}

static size_t find(size_t need)
{
    if (need < exact) {
        size_t class = first_class(need);
        if (class != 0 && class < exact) {
            return listed_before(class, UINT64_MAX);
        }
        need = exact;
    }
    size_t i = reserve();
    return i != NONE && chunks[i].size >= need ? i : find_large(need);
}

/* --- requests --------------------------------------------------------------------------------- */

/* A block of `need` units behind `front` others of free chunk i. */
static uintptr_t carve(size_t i, size_t front, size_t need)
{
    bool had_reserve = reserve() != NONE;
    bool may = had_reserve || need < exact;
    bool fronted = false;
    chunks[i].state = USED;
    if (front != 0) {
        fronted = split(i, front);
        i++;
    }
    bool rested = split(i, chunks[i].size - need < 2 ? chunks[i].size : need);
    uintptr_t block = chunks[i].start;
    if (rested) {
        settle(i + 1, may);
    }
    if (fronted) {
        settle(i - 1, may);
    }
    if (had_reserve && reserve() == NONE) {
        size_t found = find_large(exact);
        if (found != NONE) {
            chunks[found].state = RESERVE;
        }
    }
    return block;
}

/* Units before a large block, which has the high end of the largest chunk. */
static size_t front_of_large(size_t i, size_t need)
{
    size_t rest = chunks[i].size - need;
    bool larger = first_class(class_of(chunks[i].size) + 1) != 0;
    return need < HIGH_END_UNITS || rest < 2 || larger ? 0 : rest;
}

/* Units to leave free before a block at a multiple of align; a single one is no chunk. */
static size_t skip(size_t i, size_t align)
{
    size_t units = (round_up(chunks[i].start, align) - chunks[i].start) / unit;
    return units == 1 ? units + align / unit : units;
}

static size_t most_skipped(size_t align)
{
    return align <= granule ? 0 : (unit == granule ? align + unit : align - granule) / unit;
}

uintptr_t naive_bitmap_alloc(size_t align, size_t bytes)
{
    if (bytes > room * unit) {
        return 0;
    }
    size_t need = units_of(bytes);
    for (size_t wanted = need; wanted <= room; wanted += most_skipped(align)) {
        size_t i = find(wanted);
        if (i == NONE) {
            break;
        }
        if (align <= granule) {
            return carve(i, front_of_large(i, need), need);
        }
        size_t front = skip(i, align);
        if (front <= chunks[i].size && chunks[i].size - front >= need) {
            return carve(i, front, need);
        }
    }
    return 0;
}

/* Chunk i has become free: with free neighbours one chunk, the reserve if one of them was. */
void naive_bitmap_free(uintptr_t block)
{
    size_t i = index_of(block);
    bool kept = false;
    if (is_free(i + 1)) {
        kept = chunks[i + 1].state == RESERVE;
        join(i);
    }
    if (i > 0 && is_free(i - 1)) {
        kept = kept || chunks[i - 1].state == RESERVE;
        i--;
        join(i);
    }
    chunks[i].state = USED;
    if (kept) {
        chunks[i].state = RESERVE;
    } else {
        place(i);
    }
}

/* Chunk i, with its neighbours, of which `left` says whether the one on the left is taken too,
 * gives the block `need` units, and the rest is free. */
static bool share(size_t i, bool left, size_t bytes)
{
    size_t need = bytes > room * unit ? room + 1 : units_of(bytes);
    size_t total = chunks[i].size + (is_free(i + 1) ? chunks[i + 1].size : 0) +
                   (left ? chunks[i - 1].size : 0);
    bool had_reserve = reserve() != NONE;
    if (need > total) {
        return false;
    }
    need = total - need < 2 ? total : need;
    if (!left && need == chunks[i].size) {
        return true;
    }
    if (is_free(i + 1)) {
        join(i);
    }
    if (left) {
        i--;
        join(i);
    }
    chunks[i].state = USED;
    if (split(i, need)) {
        settle(i + 1, had_reserve);
    }
    return true;
}

bool naive_bitmap_resize(uintptr_t block, size_t bytes)
{
    return share(index_of(block), false, bytes);
}

size_t naive_bitmap_usable(uintptr_t block)
{
    return chunks[index_of(block)].size * unit;
}

uintptr_t naive_bitmap_realloc(uintptr_t block, size_t align, size_t bytes)
{
    if (bytes == 0) {
        naive_bitmap_free(block);
        return 0;
    }
    if ((align == 0 || block % align == 0) && naive_bitmap_resize(block, bytes)) {
        return block;
    }
    uintptr_t moved = naive_bitmap_alloc(align, bytes);
    if (moved != 0) {
        naive_bitmap_free(block);
        return moved;
    }
    /* Where no other chunk has room, a block may grow to the left. */
    size_t i = index_of(block);
    if (align > granule || i == 0 || !is_free(i - 1)) {
        return 0;
    }
    moved = chunks[i - 1].start;
    return share(i, true, bytes) ? moved : 0;
}

/* --- promises --------------------------------------------------------------------------------- */

size_t naive_bitmap_sufficient(size_t align, size_t bytes)
{
    size_t most = align < BYTES_MAX ? most_skipped(align) : BYTES_MAX;
    if (bytes > room * unit || units_of(bytes) + most > room) {
        return SIZE_MAX;
    }
    size_t need = units_of(bytes) + most;
    return round_up(need, class_step(need)) * unit;
}

size_t naive_bitmap_largest(void)
{
    size_t highest = 0;
    size_t largest = reserve() == NONE ? 0 : chunks[reserve()].size;
    for (size_t class = first_class(1); class != 0; class = first_class(class + 1)) {
        highest = class;
    }
    size_t at = highest == 0 ? NONE : listed_before(highest, UINT64_MAX);
    for (unsigned look = 0; look < LOOKS && at != NONE; look++) {
        largest = chunks[at].size > largest ? chunks[at].size : largest;
        at = listed_before(highest, chunks[at].listed);
    }
    return largest * unit;
}

/* --- where the first chunk lies --------------------------------------------------------------- */

/* Bytes of the heads, in whose first two places is a word of zeros: one for each class that a chunk
 * of `most` units could be in. */
static size_t heads_bytes(size_t most)
{
    size_t heads = exact;
    size_t least = exact;
    do {
        heads++;
        least = least / class_step(least) * class_step(least) + class_step(least);
    } while (least <= most);
    return heads * 4;
}

/* A bit for each unit, two sentinels and what lies between them, in pieces of 8 bytes. */
static size_t bitmap_bytes(size_t units)
{
    return round_up(units + 5, 64) / 8;
}

static size_t whole_units(uintptr_t from, uintptr_t end)
{
    from = round_up(from, granule);
    return from > end ? 0 : (end - from) / granule * granule / unit;
}

bool naive_bitmap_open(const struct smh_heap *heap, const void *metadata, size_t metadata_size)
{
    uintptr_t memory = (uintptr_t)heap->memory;
    uintptr_t end = memory + heap->memory_size;
    struct smh_chunk first = {0};
    if (heap->engine != &smh_engine_bitmap) {
        return false;
    }
    granule = smh_heap_alignment(heap);
    unit = granule == 8 ? 8 : granule / 2;
    size_t most = heap->memory_size / unit;
    exact = most < 1024 ? 15 : most < 8192 ? 31 : 63;
    uintptr_t start = memory;
    size_t tables = bitmap_bytes(whole_units(start, end)) + heads_bytes(most);
    room = whole_units(start, end);
    if (metadata == NULL) {
        /* What tables take need not be described; they are measured twice, and no more. */
        start = round_up(memory, 8);
        tables = bitmap_bytes(whole_units(start + tables, end)) + heads_bytes(most);
        start += tables;
        room = whole_units(start, end);
        size_t described = (tables - heads_bytes(most)) * 8 - 6;
        room = room < described ? room : described;
    }
    start = round_up(start, granule);
    FUZZ_REQUIRE(smh_heap_walk(heap, &first) && !first.used && first.size == room * unit &&
                     memory + first.offset == start && heap->capacity_bytes == room * unit &&
                     heap->metadata_size == tables && (metadata == NULL || tables <= metadata_size),
                 "an empty heap of bitmap in %zu bytes has a chunk of %zu at 0x%zx and tables of "
                 "%zu, the reference one of %zu at 0x%zx and %zu",
                 heap->memory_size, first.size, first.offset, heap->metadata_size, room * unit,
                 (size_t)(start - memory), tables);
    struct smh_heap_config asked = {.memory_size = heap->memory_size,
                                    .engine = heap->engine,
                                    .target_bits = heap->target_bits,
                                    .granule = granule};
    FUZZ_REQUIRE(smh_heap_metadata_size(&asked) == heads_bytes(most) + bitmap_bytes(most) + 7,
                 "bitmap wants %zu bytes of metadata for %zu, the reference %zu",
                 smh_heap_metadata_size(&asked), heap->memory_size,
                 heads_bytes(most) + bitmap_bytes(most) + 7);
    chunks[0] = (struct chunk){.start = start, .size = room};
    chunk_count = 1;
    now = 0;
    place(0);
    return true;
}
