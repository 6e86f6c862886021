/* naive_buddy.c: engine buddy, of any granule. See naive_engines.h.
 *
 * An array of blocks, each with the number of when it was put into its list; the latest of an order
 * is taken first:
 *
 *     blocks   | 16, used | 16, free | 32, free |  64, used  |      bytes: powers of two
 */
#include "../stage.h"
#include "naive_engines.h"

#define BLOCKS     ((size_t)4096)
#define NONE       BLOCKS
#define BYTES_MOST ((size_t)1 << 30) /* of a block */

struct block {
    uintptr_t start;
    size_t bytes;
    bool used;
    uint64_t listed; /* when; the latest is taken first */
};

static struct block blocks[BLOCKS]; /* in no order */
static size_t block_count;
static uint64_t now;
static size_t granule;
static size_t most; /* bytes of the largest block that there could be */

static size_t add(uintptr_t start, size_t bytes)
{
    FUZZ_REQUIRE(block_count < BLOCKS, "the naive heap is full");
    blocks[block_count] = (struct block){.start = start, .bytes = bytes, .listed = ++now};
    return block_count++;
}

static void drop(size_t i)
{
    block_count--;
    blocks[i] = blocks[block_count];
}

static size_t index_of(uintptr_t start)
{
    size_t i = 0;
    while (i < block_count && (blocks[i].start != start || !blocks[i].used)) {
        i++;
    }
    FUZZ_REQUIRE(i < block_count, "the naive heap does not know a block");
    return i;
}

/* The free block there of so many bytes. */
static size_t free_at(uintptr_t start, size_t bytes)
{
    size_t i = 0;
    while (i < block_count &&
           (blocks[i].used || blocks[i].start != start || blocks[i].bytes != bytes)) {
        i++;
    }
    return i < block_count ? i : NONE;
}

/* More than `most`: no block is so large. */
static size_t size_for(size_t bytes)
{
    size_t size = granule;
    while (size < bytes && size <= most) {
        size *= 2;
    }
    return size;
}

/* Of the smallest free blocks of so many bytes or more the one listed last. */
static size_t choose(size_t bytes)
{
    size_t best = NONE;
    for (size_t i = 0; i < block_count; i++) {
        if (!blocks[i].used && blocks[i].bytes >= bytes &&
            (best == NONE || blocks[i].bytes < blocks[best].bytes ||
             (blocks[i].bytes == blocks[best].bytes && blocks[i].listed > blocks[best].listed))) {
            best = i;
        }
    }
    return best;
}

/* Gives back upper halves until the block has so many bytes. */
static void halve(size_t i, size_t bytes)
{
    while (blocks[i].bytes > bytes) {
        blocks[i].bytes /= 2;
        add(blocks[i].start + blocks[i].bytes, blocks[i].bytes);
    }
}

static size_t buddy_sufficient(size_t align, size_t bytes)
{
    size_t size = size_for(align > bytes ? align : bytes);
    return size <= most ? size : SIZE_MAX;
}

static uintptr_t buddy_alloc(size_t align, size_t bytes)
{
    size_t i = choose(size_for(align > bytes ? align : bytes));
    if (i == NONE) {
        return 0;
    }
    halve(i, size_for(bytes));
    blocks[i].used = true;
    return blocks[i].start;
}

static void buddy_free(uintptr_t start)
{
    size_t bytes = blocks[index_of(start)].bytes;
    drop(index_of(start));
    while (bytes < most) {
        /* Two that are halves of one at a multiple of its size. */
        uintptr_t other = start % (bytes * 2) == 0 ? start + bytes : start - bytes;
        size_t i = free_at(other, bytes);
        if (i == NONE) {
            break;
        }
        drop(i);
        start = start < other ? start : other;
        bytes *= 2;
    }
    add(start, bytes);
}

static bool buddy_resize(uintptr_t start, size_t bytes)
{
    size_t i = index_of(start);
    size_t size = size_for(bytes);
    for (size_t at = blocks[i].bytes; at < size; at *= 2) {
        if (size > most || start % (at * 2) != 0 || free_at(start + at, at) == NONE) {
            return false;
        }
    }
    for (size_t at = blocks[i].bytes; at < size; at *= 2) {
        drop(free_at(start + at, at));
        blocks[index_of(start)].bytes = at * 2;
    }
    halve(index_of(start), size);
    return true;
}

static size_t buddy_usable(uintptr_t start)
{
    return blocks[index_of(start)].bytes;
}

static size_t buddy_largest(void)
{
    size_t largest = 0;
    for (size_t i = 0; i < block_count; i++) {
        largest = !blocks[i].used && blocks[i].bytes > largest ? blocks[i].bytes : largest;
    }
    return largest;
}

static const struct fuzz_reference of_buddy = {
    .sufficient = buddy_sufficient,
    .alloc = buddy_alloc,
    .free = buddy_free,
    .resize = buddy_resize,
    .usable = buddy_usable,
    .largest = buddy_largest,
};

const struct fuzz_reference *naive_buddy_open(const struct smh_heap *heap)
{
    struct smh_chunk first = {0};
    if (heap->engine != &smh_engine_buddy || !smh_heap_walk(heap, &first)) {
        return NULL;
    }
    granule = smh_heap_alignment(heap);
    most = granule;
    while (most <= heap->capacity_bytes / 2 && most < BYTES_MOST) {
        most *= 2;
    }
    block_count = 0;
    now = 0;
    uintptr_t from = (uintptr_t)heap->memory + first.offset;
    uintptr_t end = from + heap->capacity_bytes;
    while (from != end) {
        size_t bytes = granule;
        while (bytes < most && from % (bytes * 2) == 0 && end - from >= bytes * 2) {
            bytes *= 2;
        }
        add(from, bytes);
        from += bytes;
    }
    return &of_buddy;
}
