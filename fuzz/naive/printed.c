/* printed.c: lines as they are to be. See printed.h. */
#include "printed.h"

#include "../stage.h"

#include <smh/port.h>

#include <stdio.h>

#define LINES    8192
#define LINE_MAX 80
#define HEADER   8u
#define UNIT     8u
#define BUCKETS  32
#define LEAST    2u /* units of a chunk that can be allocated */

static char printed[LINES][LINE_MAX];
static size_t printed_count;
static size_t next; /* line to be compared */

void smh_port_print(const char *line)
{
    size_t length = strlen(line);
    FUZZ_REQUIRE(length < LINE_MAX, "a line of %zu characters", length);
    if (printed_count < LINES) {
        memcpy(printed[printed_count], line, length + 1);
    }
    printed_count++;
}

static void expect(const char *line)
{
    FUZZ_REQUIRE(next >= LINES || (next < printed_count && strcmp(printed[next], line) == 0),
                 "line %zu is \"%s\", not \"%s\"", next, next < printed_count ? printed[next] : "",
                 line);
    next++;
}

static unsigned bucket_of(size_t units)
{
    unsigned bucket = 0;
    while (((size_t)2 << bucket) + LEAST - 1 <= units) {
        bucket++;
    }
    return bucket;
}

static void expect_buckets(const struct smh_heap *heap)
{
    struct {
        size_t count;
        size_t largest;
    } buckets[BUCKETS] = {{0, 0}};
    struct smh_chunk chunk = {0};
    char line[LINE_MAX];
    while (smh_heap_walk(heap, &chunk)) {
        size_t units = chunk.size / UNIT;
        if (!chunk.used && units >= LEAST) {
            unsigned bucket = bucket_of(units);
            buckets[bucket].count++;
            buckets[bucket].largest =
                units > buckets[bucket].largest ? units : buckets[bucket].largest;
        }
    }
    expect("bucket   least units   chunks   largest units   largest bytes");
    for (unsigned i = 0; i < BUCKETS; i++) {
        if (buckets[i].count != 0) {
            (void)snprintf(line, sizeof(line), "%6u%14zu%9zu%16zu%16zu", i,
                           ((size_t)1 << i) + LEAST - 1, buckets[i].count, buckets[i].largest,
                           buckets[i].largest * UNIT - HEADER);
            expect(line);
        }
    }
}

static void expect_chunks(const struct smh_heap *heap, size_t skew)
{
    struct smh_chunk chunk = {0};
    char line[LINE_MAX];
    size_t left = 0;
    expect("  unit   state    units     left");
    for (bool first = true; smh_heap_walk(heap, &chunk); first = false) {
        size_t units = chunk.size / UNIT;
        size_t unit = (chunk.offset - skew) / UNIT;
        const char *state = chunk.used ? "    used" : units < LEAST ? "   stray" : "    free";
        if (first) {
            (void)snprintf(line, sizeof(line), "%6u  header%9zu%9u", 0u, unit, 0u);
            expect(line);
            left = unit;
        }
        (void)snprintf(line, sizeof(line), "%6zu%s%9zu%9zu", unit, state, units, left);
        expect(line);
        left = units;
    }
}

void fuzz_judge_print(struct sys_heap *heap, bool chunks)
{
    const struct smh_heap *smh = &heap->smh;
    struct smh_chunk chunk = {0};
    size_t skew = (UNIT - (uintptr_t)smh->memory % UNIT) % UNIT;
    size_t units = (smh->memory_size - skew - HEADER) / UNIT;
    size_t free_bytes = 0;
    size_t allocated = 0;
    char line[LINE_MAX];
    while (smh_heap_walk(smh, &chunk)) {
        free_bytes += chunk.used ? 0 : chunk.usable;
        /* What an alignment leaves before a block counts as the block's. */
        allocated += chunk.used ? chunk.size - HEADER : 0;
    }
    printed_count = 0;
    next = 0;
    sys_heap_print_info(heap, chunks);
    (void)snprintf(line, sizeof(line), "heap of %zu units of 8 bytes", units);
    expect(line);
    expect_buckets(smh);
    if (chunks) {
        expect_chunks(smh, skew);
    }
    (void)snprintf(line, sizeof(line), "%zu bytes free, %zu allocated, %zu overhead", free_bytes,
                   allocated, units * UNIT + HEADER - free_bytes - allocated);
    expect(line);
    FUZZ_REQUIRE(next == printed_count, "%zu lines are printed, not %zu", printed_count, next);
}

void fuzz_judge_print_damaged(struct sys_heap *heap)
{
    printed_count = 0;
    next = 0;
    sys_heap_print_info(heap, true);
    expect("heap: not initialised, or damaged");
    FUZZ_REQUIRE(printed_count == 1, "%zu lines are printed of a damaged heap", printed_count);
}
