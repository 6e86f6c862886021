/* naive_bitmap.c: engine bitmap, of any granule. See naive_engines.h.
 *
 * Which chunk a list gives first is a matter of when each was put in, so each has the number of
 * that:
 *
 *     chunks   | used | free, 17 | used | reserve | used | free, 12 |    sizes in units
 *     class    of 40 to 47: 12 and 17; the latest is looked at first: 17, 12
 */
#include "../stage.h"
#include "chunks.h"
#include "naive_engines.h"

/* No region is larger; what asks for more is refused just so. */
#define BYTES_MAX ((size_t)1 << 30)
/* Chunks of a class of large ones that a request looks at. */
#define LOOKS 4u
/* Large blocks come from the high end of the largest chunk from this size on. */
#define HIGH_END_UNITS 512u

/* In place of when it was listed: this chunk is the reserve, in no list. */
#define RESERVE UINT64_MAX

static uint64_t now;
static size_t unit;    /* bytes */
static size_t granule; /* bytes */
static size_t room;    /* units of all chunks together */
static size_t exact;   /* smaller sizes have a class of their own */

/* --- sizes ------------------------------------------------------------------------------------ */

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

/* --- which chunk ------------------------------------------------------------------------------ */

static size_t reserve(void)
{
    for (size_t i = 0; i < chunk_count; i++) {
        if (chunks[i].listed == RESERVE) {
            return i;
        }
    }
    return NONE;
}

static bool is_listed(size_t i)
{
    return chunks[i].listed != 0 && chunks[i].listed != RESERVE;
}

/* A free chunk goes into its list; a large one that is no larger than the reserve becomes that, and
 * what was it is listed. All there is, too, is the reserve. */
static void place(size_t i)
{
    size_t old = reserve();
    if (chunks[i].size >= exact && old != NONE && chunks[old].size >= chunks[i].size) {
        chunks[old].listed = ++now;
        chunks[i].listed = RESERVE;
    } else if (chunks[i].size >= exact && chunks[i].size == room) {
        chunks[i].listed = RESERVE;
    } else {
        chunks[i].listed = ++now;
    }
}

/* What a change leaves free; where the reserve is gone, it becomes that if it may and is large. */
static void settle(size_t i, bool may_be_reserve)
{
    if (may_be_reserve && reserve() == NONE && chunks[i].size >= exact) {
        chunks[i].listed = RESERVE;
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
        if (is_listed(i) && class >= least && (best == 0 || class < best)) {
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
        if (is_listed(i) && class_of(chunks[i].size) == class && chunks[i].listed < before &&
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
    chunks[i].listed = 0;
    if (front != 0) {
        fronted = chunk_split(i, front);
        i++;
    }
    bool rested = chunk_split(i, chunks[i].size - need < 2 ? chunks[i].size : need);
    uintptr_t block = chunks[i].start;
    chunks[i].block = block;
    if (rested) {
        settle(i + 1, may);
    }
    if (fronted) {
        settle(i - 1, may);
    }
    if (had_reserve && reserve() == NONE) {
        size_t found = find_large(exact);
        if (found != NONE) {
            chunks[found].listed = RESERVE;
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

static uintptr_t bitmap_alloc(size_t align, size_t bytes)
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

/* With free neighbours one chunk, the reserve if one of them was. */
static void bitmap_free(uintptr_t block)
{
    size_t i = chunk_of(block);
    bool kept = false;
    chunks[i].block = 0;
    if (chunk_is_free(i + 1)) {
        kept = chunks[i + 1].listed == RESERVE;
        chunk_join(i);
    }
    if (i > 0 && chunk_is_free(i - 1)) {
        kept = kept || chunks[i - 1].listed == RESERVE;
        i--;
        chunk_join(i);
    }
    chunks[i].listed = kept ? RESERVE : 0;
    if (!kept) {
        place(i);
    }
}

/* Chunk i, with its neighbours, of which `left` says whether the one on the left is taken too,
 * gives the block `need` units, and the rest is free. */
static bool share(size_t i, bool left, size_t bytes)
{
    size_t need = bytes > room * unit ? room + 1 : units_of(bytes);
    size_t total = chunks[i].size + (chunk_is_free(i + 1) ? chunks[i + 1].size : 0) +
                   (left ? chunks[i - 1].size : 0);
    bool had_reserve = reserve() != NONE;
    if (need > total) {
        return false;
    }
    need = total - need < 2 ? total : need;
    if (!left && need == chunks[i].size) {
        return true;
    }
    if (chunk_is_free(i + 1)) {
        chunk_join(i);
    }
    if (left) {
        i--;
        chunk_join(i);
    }
    chunks[i].block = chunks[i].start;
    chunks[i].listed = 0;
    if (chunk_split(i, need)) {
        settle(i + 1, had_reserve);
    }
    return true;
}

static bool bitmap_resize(uintptr_t block, size_t bytes)
{
    return share(chunk_of(block), false, bytes);
}

/* Over the free chunk on its left, and the one on its right. */
static uintptr_t bitmap_slide(uintptr_t block, size_t align, size_t bytes)
{
    size_t i = chunk_of(block);
    if (align > granule || i == 0 || !chunk_is_free(i - 1)) {
        return 0;
    }
    uintptr_t moved = chunks[i - 1].start;
    return share(i, true, bytes) ? moved : 0;
}

/* --- promises --------------------------------------------------------------------------------- */

static size_t bitmap_sufficient(size_t align, size_t bytes)
{
    size_t most = align < BYTES_MAX ? most_skipped(align) : BYTES_MAX;
    if (bytes > room * unit || units_of(bytes) + most > room) {
        return SIZE_MAX;
    }
    size_t need = units_of(bytes) + most;
    return round_up(need, class_step(need)) * unit;
}

static size_t bitmap_largest(void)
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

static const struct fuzz_reference of_bitmap = {
    .sufficient = bitmap_sufficient,
    .alloc = bitmap_alloc,
    .free = bitmap_free,
    .resize = bitmap_resize,
    .slide = bitmap_slide,
    .usable = chunk_usable,
    .largest = bitmap_largest,
};

const struct fuzz_reference *naive_bitmap_open(const struct smh_heap *heap, const void *metadata,
                                               size_t metadata_size)
{
    uintptr_t memory = (uintptr_t)heap->memory;
    uintptr_t end = memory + heap->memory_size;
    if (heap->engine != &smh_engine_bitmap) {
        return NULL;
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
    FUZZ_REQUIRE(heap->metadata_size == tables && (metadata == NULL || tables <= metadata_size),
                 "bitmap has tables of %zu bytes for %zu, the reference %zu", heap->metadata_size,
                 heap->memory_size, tables);
    struct smh_heap_config asked = {.memory_size = heap->memory_size,
                                    .engine = heap->engine,
                                    .target_bits = heap->target_bits,
                                    .granule = granule};
    FUZZ_REQUIRE(smh_heap_metadata_size(&asked) == heads_bytes(most) + bitmap_bytes(most) + 7,
                 "bitmap wants %zu bytes of metadata for %zu, the reference %zu",
                 smh_heap_metadata_size(&asked), heap->memory_size,
                 heads_bytes(most) + bitmap_bytes(most) + 7);
    chunks_open(heap, start, room, unit);
    now = 0;
    place(0);
    return &of_bitmap;
}
