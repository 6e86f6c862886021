/* naive_zephyr.c: engines zephyr and zephyr_stats, with rewinds. See naive_engines.h.
 *
 *     bucket   17: 0x40 0x310 0x98        starts of free chunks; the first is the list's head
 */
#include "../engines.h"
#include "../stage.h"
#include "chunks.h"
#include "naive_engines.h"

#include <string.h>

#define BUCKETS 32
/* No region is larger; what asks for more is refused just so. */
#define BYTES_MAX ((size_t)1 << 24)
/* What 16 bits of small headers can count. */
#define SMALL_UNITS_MAX 0x7fff

static uintptr_t origin; /* address of unit 0 */
static uintptr_t end;
static size_t room; /* bytes of all chunks together */
static size_t header;
static size_t smallest; /* bytes of a chunk that can be allocated */
static uintptr_t lists[BUCKETS][CHUNKS];
static size_t list_counts[BUCKETS];

/* --- the lists -------------------------------------------------------------------------------- */

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
    if (chunks[i].size >= smallest) {
        unsigned bucket = bucket_of(chunks[i].size);
        lists[bucket][list_counts[bucket]++] = chunks[i].start;
    }
}

/* What followed it is the head afterwards, whether it was the head or not. */
static void list_drop(size_t i)
{
    if (chunks[i].size < smallest) {
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

/* --- requests --------------------------------------------------------------------------------- */

static size_t size_of(size_t bytes)
{
    size_t size = round_up(bytes + header, 8);
    return size < end - origin ? size : end - origin;
}

/* Of its bucket the first three, of which each that is too small goes to the end; else the head of
 * the next bucket that has any. */
static size_t take(size_t size)
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
    return NONE;
}

/* align may have a second bit, the rewind: the block lies so many bytes before a multiple. What a
 * header gives of either need not be asked for. */
static uintptr_t zephyr_alloc(size_t align, size_t bytes)
{
    bytes = bytes < BYTES_MAX ? bytes : BYTES_MAX;
    bool plain = align <= header && (align & (align - 1)) == 0;
    size_t rewind = (align & (align - 1)) == 0 ? 0 : align & (0 - align);
    size_t gap = rewind == 0 || rewind > header ? header : rewind;
    align -= rewind;
    size_t i = take(size_of(plain ? bytes : bytes + align - gap));
    if (i == NONE) {
        return 0;
    }
    uintptr_t block = chunks[i].start + header;
    uintptr_t last = chunks[i].start + size_of(bytes);
    if (!plain) {
        block = round_up(block + rewind, align) - rewind;
        uintptr_t start = origin + (block - header - origin) / 8 * 8;
        last = origin + round_up(block + bytes - origin, 8);
        if (start > chunks[i].start) {
            chunk_split(i, start - chunks[i].start);
            list_add(i);
            i++;
        }
    }
    if (chunk_split(i, last - chunks[i].start)) {
        list_add(i + 1);
    }
    chunks[i].block = block;
    return block;
}

/* Chunk i has become free: with free neighbours one chunk. */
static void release(size_t i)
{
    chunks[i].block = 0;
    if (chunk_is_free(i + 1)) {
        list_drop(i + 1);
        chunk_join(i);
    }
    if (i > 0 && chunk_is_free(i - 1)) {
        list_drop(i - 1);
        chunk_join(i - 1);
        i--;
    }
    list_add(i);
}

static void zephyr_free(uintptr_t block)
{
    release(chunk_of(block));
}

static bool zephyr_resize(uintptr_t block, size_t bytes)
{
    size_t i = chunk_of(block);
    size_t gap = (block - header) % 8;
    size_t wanted = size_of((bytes < BYTES_MAX ? bytes : BYTES_MAX) + gap);
    if (wanted < chunks[i].size) {
        chunk_split(i, wanted);
        release(i + 1);
    } else if (wanted > chunks[i].size) {
        if (!chunk_is_free(i + 1) || chunks[i].size + chunks[i + 1].size < wanted) {
            return false;
        }
        list_drop(i + 1);
        chunk_join(i);
        if (chunk_split(i, wanted)) {
            list_add(i + 1);
        }
    }
    return true;
}

/* Three too small chunks of its bucket may stand before one that fits, blocks between them. */
static size_t zephyr_sufficient(size_t align, size_t bytes)
{
    size_t size = round_up(bytes + header + (align > header ? align - header : 0), 8);
    if (bytes >= BYTES_MAX || bytes + align >= BYTES_MAX || size >= end - origin) {
        return SIZE_MAX;
    }
    size_t least = smallest + 8 * (((size_t)1 << bucket_of(size)) - 1);
    bool alone = size > room || 3 * (least + smallest) > room - size;
    return size == least || alone ? size : least + ((size_t)8 << bucket_of(size));
}

static const struct fuzz_reference of_zephyr = {
    .sufficient = zephyr_sufficient,
    .alloc = zephyr_alloc,
    .free = zephyr_free,
    .resize = zephyr_resize,
    .usable = chunk_usable,
};

/* A small heap has half as long headers, and so blocks at 4 modulo 8. */
const struct fuzz_reference *naive_zephyr_open(const struct smh_heap *heap)
{
    if (!fuzz_engine_is_zephyr(heap->engine)) {
        return NULL;
    }
    bool wide = heap->target_bits == 64;
    bool counters = heap->engine == &smh_engine_zephyr_stats;
    size_t marker = wide || heap->memory_size / 8 > SMALL_UNITS_MAX ? 8 : 4;
    origin = round_up((uintptr_t)heap->memory, 8);
    size_t units = ((uintptr_t)heap->memory + heap->memory_size - marker - origin) / 8;
    size_t front = 16 + (counters ? 3 * (size_t)heap->target_bits / 8 : 0);
    header = wide || units > SMALL_UNITS_MAX ? 8 : 4;
    smallest = header == 4 ? 8 : 16;
    front = round_up(front + 4 * ((size_t)bucket_of(units * 8) + 1), 8);
    end = origin + units * 8;
    room = end - origin - front;
    FUZZ_REQUIRE(smh_heap_alignment(heap) == header, "%s promises %zu as alignment, not %zu",
                 heap->engine->name, smh_heap_alignment(heap), header);
    chunks_open(heap, origin + front, room, 1);
    memset(list_counts, 0, sizeof(list_counts));
    list_add(0);
    return &of_zephyr;
}
