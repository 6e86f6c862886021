/* naive_fits.c: engines first_fit, next_fit, best_fit and worst_fit, of the default granule. See
 * naive_engines.h.
 */
#include "../engines.h"
#include "../stage.h"
#include "chunks.h"
#include "naive_engines.h"

#define HEADER   ((size_t)8)
#define SMALLEST ((size_t)16)

static const struct smh_engine *engine;
static size_t room;     /* bytes of all chunks together */
static uintptr_t rover; /* next_fit: start of a free chunk; 0: none */

/* Bytes to leave free before a block at a multiple of align: none, or enough for a chunk. */
static size_t fit_skip(size_t i, size_t align)
{
    uintptr_t block = chunks[i].start + HEADER;
    size_t skip = align == 0 ? 0 : round_up(block, align) - block;
    return skip == 0 || skip >= SMALLEST ? skip : skip + align;
}

static size_t fit_choose(size_t align, size_t size)
{
    size_t chosen = NONE;
    size_t before_rover = NONE;
    for (size_t i = 0; i < chunk_count; i++) {
        if (!chunk_is_free(i) || chunks[i].size < size + fit_skip(i, align)) {
            continue;
        }
        if (engine == &smh_engine_next_fit && chunks[i].start < rover) {
            before_rover = before_rover == NONE ? i : before_rover;
        } else if (chosen == NONE ||
                   (engine == &smh_engine_best_fit && chunks[i].size < chunks[chosen].size) ||
                   (engine == &smh_engine_worst_fit && chunks[i].size > chunks[chosen].size)) {
            chosen = i;
        }
    }
    return chosen == NONE ? before_rover : chosen;
}

static size_t fit_size(size_t bytes)
{
    size_t size = round_up(bytes + HEADER, 8);
    return size < SMALLEST ? SMALLEST : size;
}

/* The start of the first free chunk behind chunk i, or 0. */
static uintptr_t free_behind(size_t i)
{
    for (i++; i < chunk_count; i++) {
        if (chunk_is_free(i)) {
            return chunks[i].start;
        }
    }
    return 0;
}

static uintptr_t fit_alloc(size_t align, size_t bytes)
{
    size_t size = fit_size(bytes);
    size_t i = bytes > room ? NONE : fit_choose(align <= 8 ? 0 : align, size);
    if (i == NONE) {
        return 0;
    }
    size_t skip = fit_skip(i, align <= 8 ? 0 : align);
    if (skip != 0) {
        chunk_split(i, skip);
        i++;
    }
    /* What is left over must be a chunk of its own. */
    chunk_split(i, chunks[i].size - size < SMALLEST ? chunks[i].size : size);
    chunks[i].block = chunks[i].start + HEADER;
    rover = free_behind(i);
    return chunks[i].block;
}

static void fit_free(uintptr_t block)
{
    size_t i = chunk_of(block);
    chunks[i].block = 0;
    if (chunk_is_free(i + 1)) {
        chunk_join(i);
    }
    if (i > 0 && chunk_is_free(i - 1)) {
        chunk_join(i - 1);
        i--;
    }
    if (rover > chunks[i].start && rover - chunks[i].start < chunks[i].size) {
        rover = chunks[i].start;
    }
}

static bool fit_resize(uintptr_t block, size_t bytes)
{
    size_t i = chunk_of(block);
    size_t size = fit_size(bytes);
    size_t total = chunks[i].size + (chunk_is_free(i + 1) ? chunks[i + 1].size : 0);
    bool had_rover = chunk_is_free(i + 1) && chunks[i + 1].start == rover;
    if (bytes > room || size > total) {
        return false;
    }
    if (size == chunks[i].size) {
        return true;
    }
    if (chunk_is_free(i + 1)) {
        chunk_join(i);
    }
    chunk_split(i, total - size < SMALLEST ? total : size);
    rover = had_rover ? free_behind(i) : rover;
    return true;
}

static size_t fit_sufficient(size_t align, size_t bytes)
{
    /* A gap of 8 holds no chunk: the block then goes one alignment further. */
    return bytes > room - HEADER ? SIZE_MAX
                                 : round_up(bytes + HEADER, 8) + (align > 8 ? align + 8 : 0);
}

static const struct fuzz_reference of_fits = {
    .sufficient = fit_sufficient,
    .alloc = fit_alloc,
    .free = fit_free,
    .resize = fit_resize,
    .usable = chunk_usable,
};

const struct fuzz_reference *naive_fits_open(const struct smh_heap *heap)
{
    if (!fuzz_engine_is_fit(heap->engine) || heap->granule_shift != 3) {
        return NULL;
    }
    uintptr_t start = round_up((uintptr_t)heap->memory, 8);
    engine = heap->engine;
    room = ((uintptr_t)heap->memory + heap->memory_size - start) / 8 * 8;
    FUZZ_REQUIRE(smh_heap_alignment(heap) == HEADER, "%s promises %zu as alignment, not %zu",
                 engine->name, smh_heap_alignment(heap), HEADER);
    chunks_open(heap, start, room, 1);
    rover = 0;
    return &of_fits;
}
