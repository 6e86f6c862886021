/* naive_heap.c: chunks in an array. See naive_heap.h. */
#include "naive_heap.h"

#include "../stage.h"

#include <string.h>

#define CHUNKS  512
#define BUCKETS 32
/* No region is larger; what asks for more is refused just so. */
#define BYTES_MAX ((size_t)1 << 24)
/* What 16 bits of Zephyr's small headers can count. */
#define SMALL_UNITS_MAX 0x7fff

struct chunk {
    uintptr_t start; /* of the header */
    size_t size;
    uintptr_t block; /* 0: free */
};

static struct chunk chunks[CHUNKS];
static size_t chunk_count;
static const struct smh_engine *engine;
static bool is_zephyr;
static uintptr_t origin; /* zephyr: address of unit 0 */
static uintptr_t end;
static size_t room; /* bytes of all chunks together */
static size_t header;
static size_t smallest; /* bytes of a chunk that can be allocated */
static uintptr_t rover; /* next_fit: start of a free chunk; 0: none */
static uintptr_t lists[BUCKETS][CHUNKS];
static size_t list_counts[BUCKETS];

/* --- the array ------------------------------------------------------------------------------- */

static size_t index_of(uintptr_t block)
{
    size_t i = 0;
    while (i < chunk_count && chunks[i].block != block) {
        i++;
    }
    FUZZ_REQUIRE(i < chunk_count && block != 0, "the naive heap does not know a block");
    return i;
}

/* Chunk i keeps its first `size` bytes; the rest, if any, is a free chunk of its own. */
static bool split(size_t i, size_t size)
{
    if (chunks[i].size == size) {
        return false;
    }
    FUZZ_REQUIRE(chunk_count < CHUNKS, "the naive heap is full");
    memmove(&chunks[i + 1], &chunks[i], (chunk_count - i) * sizeof(chunks[0]));
    chunk_count++;
    chunks[i].size = size;
    chunks[i + 1].start += size;
    chunks[i + 1].size -= size;
    chunks[i + 1].block = 0;
    return true;
}

/* Chunk i swallows the next. */
static void join(size_t i)
{
    chunks[i].size += chunks[i + 1].size;
    chunk_count--;
    memmove(&chunks[i + 1], &chunks[i + 2], (chunk_count - i - 1) * sizeof(chunks[0]));
}

static bool is_free(size_t i)
{
    return i < chunk_count && chunks[i].block == 0;
}

static uintptr_t round_up(uintptr_t value, size_t align)
{
    return (value + align - 1) / align * align;
}

/* --- the lists of zephyr --------------------------------------------------------------------- */

static unsigned bucket_of(size_t size)
{
    size_t units = (size - smallest) / 8 + 1;
    unsigned bucket = 0;
    while (units >= 2) {
        units /= 2;
        bucket++;
    }
    return bucket;
}

static void list_rotate(unsigned bucket, size_t by)
{
    uintptr_t first[CHUNKS];
    size_t count = list_counts[bucket];
    uintptr_t *list = lists[bucket];
    memcpy(first, list, by * sizeof(list[0]));
    memmove(list, list + by, (count - by) * sizeof(list[0]));
    memcpy(list + count - by, first, by * sizeof(list[0]));
}

static void list_add(size_t i)
{
    if (is_zephyr && chunks[i].size >= smallest) {
        unsigned bucket = bucket_of(chunks[i].size);
        lists[bucket][list_counts[bucket]++] = chunks[i].start;
    }
}

/* What followed it is the head afterwards, whether it was the head or not. */
static void list_drop(size_t i)
{
    if (!is_zephyr || chunks[i].size < smallest) {
        return;
    }
    unsigned bucket = bucket_of(chunks[i].size);
    size_t place = 0;
    while (place < list_counts[bucket] && lists[bucket][place] != chunks[i].start) {
        place++;
    }
    FUZZ_REQUIRE(place < list_counts[bucket], "the naive heap has lost a chunk");
    list_rotate(bucket, place);
    list_counts[bucket]--;
    memmove(lists[bucket], lists[bucket] + 1, list_counts[bucket] * sizeof(lists[0][0]));
}

static size_t chunk_at(uintptr_t start)
{
    size_t i = 0;
    while (chunks[i].start != start) {
        i++;
    }
    return i;
}

/* --- zephyr ---------------------------------------------------------------------------------- */

static size_t zephyr_size(size_t bytes)
{
    size_t size = round_up(bytes + header, 8);
    return size < end - origin ? size : end - origin;
}

/* Of its bucket the first three, of which each that is too small goes to the end; else the head of
 * the next bucket that has any. */
static size_t zephyr_take(size_t size)
{
    unsigned bucket = bucket_of(size);
    size_t count = list_counts[bucket];
    for (size_t look = 0; look < 3 && look < count; look++) {
        size_t i = chunk_at(lists[bucket][0]);
        if (chunks[i].size >= size) {
            list_drop(i);
            return i;
        }
        list_rotate(bucket, 1);
    }
    for (bucket++; bucket < BUCKETS; bucket++) {
        if (list_counts[bucket] != 0) {
            size_t i = chunk_at(lists[bucket][0]);
            list_drop(i);
            return i;
        }
    }
    return CHUNKS;
}

/* align may have a second bit, the rewind: the block lies so many bytes before a multiple. What a
 * header gives of either need not be asked for. */
static uintptr_t zephyr_alloc(size_t align, size_t bytes)
{
    bool plain = align <= header && (align & (align - 1)) == 0;
    size_t rewind = (align & (align - 1)) == 0 ? 0 : align & (0 - align);
    size_t gap = rewind == 0 || rewind > header ? header : rewind;
    align -= rewind;
    size_t i = zephyr_take(zephyr_size(plain ? bytes : bytes + align - gap));
    if (i == CHUNKS) {
        return NAIVE_NOWHERE;
    }
    uintptr_t block = chunks[i].start + header;
    uintptr_t last = chunks[i].start + zephyr_size(bytes);
    if (!plain) {
        block = round_up(block + rewind, align) - rewind;
        uintptr_t start = origin + (block - header - origin) / 8 * 8;
        last = origin + round_up(block + bytes - origin, 8);
        if (start > chunks[i].start) {
            split(i, start - chunks[i].start);
            list_add(i);
            i++;
        }
    }
    if (split(i, last - chunks[i].start)) {
        list_add(i + 1);
    }
    chunks[i].block = block;
    return block;
}

/* Chunk i has become free: with free neighbours one chunk. */
static void zephyr_release(size_t i)
{
    chunks[i].block = 0;
    if (is_free(i + 1)) {
        list_drop(i + 1);
        join(i);
    }
    if (i > 0 && is_free(i - 1)) {
        list_drop(i - 1);
        join(i - 1);
        i--;
    }
    list_add(i);
}

static bool zephyr_resize(size_t i, size_t bytes)
{
    size_t gap = (chunks[i].block - header) % 8;
    size_t wanted = zephyr_size(bytes + gap);
    if (wanted < chunks[i].size) {
        split(i, wanted);
        zephyr_release(i + 1);
    } else if (wanted > chunks[i].size) {
        if (!is_free(i + 1) || chunks[i].size + chunks[i + 1].size < wanted) {
            return false;
        }
        list_drop(i + 1);
        join(i);
        if (split(i, wanted)) {
            list_add(i + 1);
        }
    }
    return true;
}

/* --- the fits -------------------------------------------------------------------------------- */

/* Bytes to leave free before a block at a multiple of align: none, or enough for a chunk. */
static size_t fit_skip(size_t i, size_t align)
{
    uintptr_t block = chunks[i].start + header;
    size_t skip = align == 0 ? 0 : round_up(block, align) - block;
    return skip == 0 || skip >= smallest ? skip : skip + align;
}

static size_t fit_choose(size_t align, size_t size)
{
    size_t chosen = CHUNKS;
    size_t before_rover = CHUNKS;
    for (size_t i = 0; i < chunk_count; i++) {
        if (!is_free(i) || chunks[i].size < size + fit_skip(i, align)) {
            continue;
        }
        if (engine == &smh_engine_next_fit && chunks[i].start < rover) {
            before_rover = before_rover == CHUNKS ? i : before_rover;
        } else if (chosen == CHUNKS ||
                   (engine == &smh_engine_best_fit && chunks[i].size < chunks[chosen].size) ||
                   (engine == &smh_engine_worst_fit && chunks[i].size > chunks[chosen].size)) {
            chosen = i;
        }
    }
    return chosen == CHUNKS ? before_rover : chosen;
}

static size_t fit_size(size_t bytes)
{
    size_t size = round_up(bytes + header, 8);
    return size < smallest ? smallest : size;
}

/* The start of the first free chunk behind chunk i, or 0. */
static uintptr_t free_behind(size_t i)
{
    for (i++; i < chunk_count; i++) {
        if (is_free(i)) {
            return chunks[i].start;
        }
    }
    return 0;
}

static uintptr_t fit_alloc(size_t align, size_t bytes)
{
    size_t size = fit_size(bytes);
    size_t i = fit_choose(align <= 8 ? 0 : align, size);
    if (i == CHUNKS) {
        return NAIVE_NOWHERE;
    }
    size_t skip = fit_skip(i, align <= 8 ? 0 : align);
    if (skip != 0) {
        split(i, skip);
        i++;
    }
    /* What is left over must be a chunk of its own. */
    split(i, chunks[i].size - size < smallest ? chunks[i].size : size);
    chunks[i].block = chunks[i].start + header;
    rover = free_behind(i);
    return chunks[i].block;
}

static void fit_free(size_t i)
{
    chunks[i].block = 0;
    if (is_free(i + 1)) {
        join(i);
    }
    if (i > 0 && is_free(i - 1)) {
        join(i - 1);
        i--;
    }
    if (rover > chunks[i].start && rover - chunks[i].start < chunks[i].size) {
        rover = chunks[i].start;
    }
}

static bool fit_resize(size_t i, size_t bytes)
{
    size_t size = fit_size(bytes);
    size_t total = chunks[i].size + (is_free(i + 1) ? chunks[i + 1].size : 0);
    bool had_rover = is_free(i + 1) && chunks[i + 1].start == rover;
    if (size > total) {
        return false;
    }
    if (size == chunks[i].size) {
        return true;
    }
    if (is_free(i + 1)) {
        join(i);
    }
    split(i, total - size < smallest ? total : size);
    rover = had_rover ? free_behind(i) : rover;
    return true;
}

/* --- where the first chunk lies --------------------------------------------------------------- */

/* A small heap of zephyr has half as long headers, and so blocks at 4 modulo 8. */
static void zephyr_frame(const struct smh_heap *heap)
{
    bool wide = heap->target_bits == 64;
    bool counters = engine == &smh_engine_zephyr_stats;
    size_t marker = wide || heap->memory_size / 8 > SMALL_UNITS_MAX ? 8 : 4;
    size_t units = ((uintptr_t)heap->memory + heap->memory_size - marker - origin) / 8;
    size_t front = 16 + (counters ? 3 * (size_t)heap->target_bits / 8 : 0);
    header = wide || units > SMALL_UNITS_MAX ? 8 : 4;
    smallest = header == 4 ? 8 : 16;
    front += 4 * ((size_t)bucket_of(units * 8) + 1);
    chunks[0].start = origin + round_up(front, 8);
    end = origin + units * 8;
}

static void fit_frame(const struct smh_heap *heap)
{
    header = 8;
    smallest = 16;
    chunks[0].start = origin;
    end = origin + ((uintptr_t)heap->memory + heap->memory_size - origin) / 8 * 8;
}

/* --- any of them ----------------------------------------------------------------------------- */

bool naive_heap_open(const struct smh_heap *heap)
{
    struct smh_chunk first = {0};
    engine = heap->engine;
    is_zephyr = fuzz_is_zephyr(heap);
    if (!is_zephyr && engine != &smh_engine_first_fit && engine != &smh_engine_next_fit &&
        engine != &smh_engine_best_fit && engine != &smh_engine_worst_fit) {
        return false;
    }
    origin = round_up((uintptr_t)heap->memory, 8);
    if (is_zephyr) {
        zephyr_frame(heap);
    } else {
        fit_frame(heap);
    }
    room = end - chunks[0].start;
    chunks[0].size = room;
    chunks[0].block = 0;
    chunk_count = 1;
    FUZZ_REQUIRE(smh_heap_walk(heap, &first) && !first.used && first.size == room &&
                     (uintptr_t)heap->memory + first.offset == chunks[0].start &&
                     heap->capacity_bytes == room && smh_heap_alignment(heap) == header,
                 "an empty heap of %s in %zu bytes has a chunk of %zu at 0x%zx, the reference one "
                 "of %zu at 0x%zx",
                 engine->name, heap->memory_size, first.size, first.offset, room,
                 (size_t)(chunks[0].start - (uintptr_t)heap->memory));
    rover = 0;
    memset(list_counts, 0, sizeof(list_counts));
    list_add(0);
    return true;
}

/* Three too small chunks of its bucket may stand before one that fits, blocks between them. */
static size_t zephyr_sufficient(size_t align, size_t bytes)
{
    size_t size = round_up(bytes + header + (align > header ? align - header : 0), 8);
    if (bytes + align >= BYTES_MAX || size >= end - origin) {
        return SIZE_MAX;
    }
    size_t least = smallest + 8 * (((size_t)1 << bucket_of(size)) - 1);
    bool alone = size > room || 3 * (least + smallest) > room - size;
    return size == least || alone ? size : least + ((size_t)8 << bucket_of(size));
}

size_t naive_heap_sufficient(size_t align, size_t bytes)
{
    bytes = bytes < BYTES_MAX ? bytes : BYTES_MAX;
    if (is_zephyr) {
        return zephyr_sufficient(align, bytes);
    }
    /* A gap of 8 holds no chunk: the block then goes one alignment further. */
    return bytes + header > room ? SIZE_MAX
                                 : round_up(bytes + header, 8) + (align > 8 ? align + 8 : 0);
}

uintptr_t naive_heap_alloc(size_t align, size_t bytes)
{
    bytes = bytes < BYTES_MAX ? bytes : BYTES_MAX;
    return is_zephyr ? zephyr_alloc(align, bytes) : fit_alloc(align, bytes);
}

void naive_heap_free(uintptr_t block)
{
    size_t i = index_of(block);
    if (is_zephyr) {
        zephyr_release(i);
    } else {
        fit_free(i);
    }
}

bool naive_heap_resize(uintptr_t block, size_t bytes)
{
    size_t i = index_of(block);
    bytes = bytes < BYTES_MAX ? bytes : BYTES_MAX;
    return is_zephyr ? zephyr_resize(i, bytes) : fit_resize(i, bytes);
}

size_t naive_heap_usable(uintptr_t block)
{
    const struct chunk *chunk = &chunks[index_of(block)];
    return chunk->start + chunk->size - block;
}

uintptr_t naive_heap_realloc(uintptr_t block, size_t align, size_t bytes)
{
    if (bytes == 0) {
        naive_heap_free(block);
        return NAIVE_NOWHERE;
    }
    if ((align == 0 || block % align == 0) && naive_heap_resize(block, bytes)) {
        return block;
    }
    uintptr_t moved = naive_heap_alloc(align, bytes);
    if (moved != NAIVE_NOWHERE) {
        naive_heap_free(block);
    }
    return moved;
}

/* --- tables ----------------------------------------------------------------------------------- */

/* A bit for each step that memory touches; how many are touched is not known when it is asked. */
static void judge_starts(const struct smh_heap *heap, const struct smh_heap_config *config,
                         size_t asked)
{
    size_t least = config->granule >= 16 ? config->granule : config->target_bits == 32 ? 4 : 8;
    size_t step = smh_heap_alignment(heap);
    uintptr_t last = (uintptr_t)config->memory + config->memory_size - 1;
    size_t touched = last / step - (uintptr_t)config->memory / step + 1;
    size_t wanted = round_up(config->memory_size / least + 2, 32) / 8 + 3;
    FUZZ_REQUIRE(asked == wanted &&
                     (config->metadata == NULL || heap->metadata_size == round_up(touched, 32) / 8),
                 "a start bitmap for %zu bytes in steps of %zu has %zu bytes (%zu asked for), the "
                 "reference %zu (%zu)",
                 config->memory_size, step, heap->metadata_size, asked, round_up(touched, 32) / 8,
                 wanted);
}

void naive_heap_judge_tables(const struct smh_heap *heap, const struct smh_heap_config *config,
                             size_t asked)
{
    if ((heap->engine->flags & SMH_ENGINE_EXACT) == 0) {
        judge_starts(heap, config, asked);
    }
    if (heap->engine != &smh_engine_buddy) {
        return;
    }
    size_t unit = config->granule == 0 ? 16 : config->granule;
    size_t most = config->memory_size / unit;
    size_t heads = 0;
    for (size_t units = most; units != 0 && unit << heads / 4 <= (size_t)1 << 30; units /= 2) {
        heads += 4;
    }
    uintptr_t memory = (uintptr_t)config->memory;
    uintptr_t tables = round_up(config->metadata == NULL ? memory : (uintptr_t)config->metadata, 4);
    uintptr_t first = memory;
    if (config->metadata == NULL) {
        most = (memory + config->memory_size - tables - heads) / (unit + 1);
        first = tables + heads + most;
    }
    size_t units = (memory + config->memory_size - round_up(first, unit)) / unit;
    units = units < most ? units : most;
    FUZZ_REQUIRE(heap->metadata_size == heads + units && heap->capacity_bytes == units * unit &&
                     asked == heads + 3 + config->memory_size / unit,
                 "buddies of %zu bytes in %zu: tables of %zu (%zu asked for), %zu of memory; the "
                 "reference has %zu for %zu units",
                 unit, config->memory_size, heap->metadata_size, asked, heap->capacity_bytes,
                 heads + units, units);
}
