/* cache_trace.c: hits and misses of an address trace, counted as Cachegrind counts.
 *
 * Owns: the counts. The line and the set of a window of the trace (cache_block.h) are worked out
 * once. Almost every access is then to the line of its set that was used last, where a hit changes
 * nothing, or to the one before that; the others go further.
 *
 *     window --> window_tags, window_sets --> tags of the set: | latest | before | ... |
 */
#include "cache_trace.h"

#include "cache_reader.h"

#include <inttypes.h>
#include <stdlib.h>

#define NEVER UINT64_MAX /* the tag of no line */

struct level {
    struct smh_cache cache;
    unsigned line_shift;
    bool exists;
    bool quick;     /* LRU, and a window is within a line: what follows is of use */
    uint64_t block; /* the last one whose windows are placed */
    uint32_t window_sets[SMH_CACHE_BLOCK_WINDOWS]; /* index of the first tag of its line's set */
    uint64_t window_tags[SMH_CACHE_BLOCK_WINDOWS];
};

struct smh_cache_trace {
    struct level i1, d1, l2;
    uint32_t bytes_max;                     /* longer accesses are cut */
    struct smh_cache_trace_count counts[4]; /* by enum smh_trace_kind */
};

int smh_cache_geometry_check(const struct smh_cache_geometry *geometry, const char *name,
                             struct smh_error *error)
{
    uint64_t line = geometry->line_bytes;
    uint64_t ways = geometry->ways;
    if (line < 4 || line > 4096 || (line & (line - 1)) != 0) {
        return smh_error_set(error,
                             "%s: lines of %" PRIu64 " bytes, allowed: a power of two from "
                             "4 to 4096",
                             name, line);
    }
    if (ways < 1 || ways > 1024) {
        return smh_error_set(error, "%s: %" PRIu64 " ways, allowed: 1 to 1024", name, ways);
    }
    uint64_t sets = geometry->size_bytes / (line * ways);
    if (geometry->size_bytes > UINT64_C(1) << 32 || sets == 0 || (sets & (sets - 1)) != 0 ||
        sets * ways * line != geometry->size_bytes) {
        return smh_error_set(error,
                             "%s: %" PRIu64 " bytes, allowed: a power of two times %" PRIu64
                             " ways of %" PRIu64 " bytes a line, up to 4 GiB",
                             name, geometry->size_bytes, ways, line);
    }
    return 0;
}

static void open_level(struct level *level, const struct smh_cache_geometry *geometry,
                       const struct smh_cache_trace_config *config, uint64_t stream)
{
    level->exists = geometry->size_bytes != 0;
    if (!level->exists) {
        return;
    }
    uint64_t sets = geometry->size_bytes / ((uint64_t)geometry->line_bytes * geometry->ways);
    smh_cache_open(&level->cache, sets, geometry->ways, config->replacement,
                   config->replacement != SMH_REPLACE_LRU);
    smh_cache_set_seed(&level->cache, config->seed, stream);
    level->line_shift = (unsigned)__builtin_ctz(geometry->line_bytes);
    level->quick =
        config->replacement == SMH_REPLACE_LRU && level->line_shift >= SMH_CACHE_WINDOW_SHIFT;
}

struct smh_cache_trace *smh_cache_trace_open(const struct smh_cache_trace_config *config)
{
    const struct smh_cache_geometry *geometries[] = {&config->d1, &config->i1, &config->l2};
    struct smh_cache_trace *trace = smh_must_allocate(1, sizeof *trace);
    struct level *levels[] = {&trace->d1, &trace->i1, &trace->l2};
    trace->bytes_max = SMH_CACHE_ACCESS_BYTES_MAX;
    for (size_t i = 0; i < 3; i++) {
        open_level(levels[i], geometries[i], config, i);
        if (levels[i]->exists && geometries[i]->line_bytes < trace->bytes_max) {
            trace->bytes_max = geometries[i]->line_bytes;
        }
    }
    return trace;
}

void smh_cache_trace_close(struct smh_cache_trace *trace)
{
    if (trace != NULL) {
        smh_cache_close(&trace->i1.cache);
        smh_cache_close(&trace->d1.cache);
        smh_cache_close(&trace->l2.cache);
        free(trace);
    }
}

/* Whether the line was there. */
static inline bool use_line(struct smh_cache *cache, uint64_t line)
{
    uint64_t victim;
    if (cache->way_of == NULL) {
        return smh_cache_count(cache, line);
    }
    if (smh_cache_touch(cache, line) != SMH_CACHE_NO_SLOT) {
        return true;
    }
    (void)smh_cache_place(cache, line, &victim);
    return false;
}

/* Whether all lines of an access, two at most, were there. */
static inline bool use_range(struct level *level, uint64_t address, uint64_t bytes)
{
    uint64_t first = address >> level->line_shift;
    uint64_t last = (address + (bytes - 1)) >> level->line_shift;
    bool hit = use_line(&level->cache, first);
    if (first != last) {
        hit &= use_line(&level->cache, last);
    }
    return hit;
}

/* One access, but for its number. */
static void use(struct smh_cache_trace *trace, enum smh_trace_kind kind, uint64_t address,
                uint32_t bytes)
{
    struct level *level = kind == SMH_TRACE_INSTRUCTION ? &trace->i1 : &trace->d1;
    bytes = bytes < trace->bytes_max ? bytes : trace->bytes_max;
    if (!level->exists || use_range(level, address, bytes)) {
        return;
    }
    trace->counts[kind].misses++;
    if (trace->l2.exists && !use_range(&trace->l2, address, bytes)) {
        trace->counts[kind].l2_misses++;
    }
}

/* Access i of a block; *extra is the next one. Behind the extra that was used, if one was. */
static __attribute__((noinline)) const struct smh_cache_extra *use_access(
    struct smh_cache_trace *trace, const struct smh_cache_block *block, uint32_t i,
    const struct smh_cache_extra *extra)
{
    enum smh_trace_kind kind = smh_cache_kind_of(block, i);
    if (smh_cache_window_of(block, i) == 0) {
        use(trace, kind, extra->address, extra->bytes);
        return extra + 1;
    }
    use(trace, kind, smh_cache_address_of(block, i), smh_cache_bytes_of(block, i));
    return extra;
}

static void place_window(struct level *level, const struct smh_cache_block *block, uint32_t window)
{
    uint64_t line = block->bases[window] >> (level->line_shift - SMH_CACHE_WINDOW_SHIFT);
    level->window_tags[window] = window == 0 ? NEVER : line + 1;
    level->window_sets[window] = (uint32_t)(line & level->cache.set_mask) * level->cache.ways;
}

/* Where the windows of the block are in a level; those of the block before are known. */
static void place_windows(struct level *level, const struct smh_cache_block *block)
{
    if (!level->quick) {
        return;
    }
    if (block->number != level->block + 1) {
        for (uint32_t window = 0; window < SMH_CACHE_BLOCK_WINDOWS; window++) {
            place_window(level, block, window);
        }
    }
    for (uint32_t i = 0; i < block->change_count; i++) {
        place_window(level, block, block->changes[i]);
    }
    level->block = block->number;
}

/* Whether the line of a window is one of the two of its set that were used last; it is then the
 * last.
 */
static inline bool use_late(uint64_t *tags, uint64_t second, const struct level *level,
                            uint32_t window)
{
    uint64_t tag = level->window_tags[window];
    uint64_t *set = tags + level->window_sets[window];
    uint64_t latest = set[0];
    if (__builtin_expect(latest == tag, 1)) {
        return true;
    }
    if (set[second] != tag) {
        return false;
    }
    set[0] = tag;
    set[second] = latest;
    return true;
}

/* Loads and stores alone. */
static void count_data(struct smh_cache_trace *trace, const struct smh_cache_block *block)
{
    uint64_t *tags = trace->d1.cache.tags;
    uint64_t second = trace->d1.cache.ways > 1;
    const struct smh_cache_extra *extra = block->extras;
    uint32_t count = block->count;
    for (uint32_t i = 0; i < count; i++) {
        if (!use_late(tags, second, &trace->d1, smh_cache_window_of(block, i))) {
            extra = use_access(trace, block, i, extra);
        }
    }
}

static void count_all(struct smh_cache_trace *trace, const struct smh_cache_block *block)
{
    const struct smh_cache_extra *extra = block->extras;
    for (uint32_t i = 0; i < block->count; i++) {
        uint32_t window = smh_cache_window_of(block, i);
        bool instruction = smh_cache_kind_of(block, i) == SMH_TRACE_INSTRUCTION;
        struct level *level = instruction ? &trace->i1 : &trace->d1;
        if (!level->exists) {
            extra += window == 0;
        } else if (!level->quick ||
                   !use_late(level->cache.tags, level->cache.ways > 1, level, window)) {
            extra = use_access(trace, block, i, extra);
        }
    }
}

void smh_cache_trace_count(struct smh_cache_trace *trace, const struct smh_cache_block *block)
{
    for (unsigned kind = 0; kind < 4; kind++) {
        trace->counts[kind].accesses += block->kinds[kind];
    }
    place_windows(&trace->d1, block);
    place_windows(&trace->i1, block);
    if (trace->d1.quick && block->kinds[SMH_TRACE_INSTRUCTION] == 0) {
        count_data(trace, block);
    } else {
        count_all(trace, block);
    }
}

int smh_cache_trace_read(struct smh_cache_trace *trace, const char *path, struct smh_error *error)
{
    struct smh_cache_reader *reader = smh_cache_reader_open(path, error);
    if (reader == NULL) {
        return -1;
    }
    struct smh_cache_block *block = smh_must_allocate(1, sizeof *block);
    smh_cache_block_open(block);
    int code;
    do {
        code = smh_cache_reader_next(reader, block, error);
        smh_cache_trace_count(trace, block);
    } while (code == 1);
    free(block);
    smh_cache_reader_close(reader);
    return code;
}

static void add(struct smh_cache_trace_count *sum, const struct smh_cache_trace_count *count)
{
    sum->accesses += count->accesses;
    sum->misses += count->misses;
    sum->l2_misses += count->l2_misses;
}

void smh_cache_trace_result(const struct smh_cache_trace *trace,
                            struct smh_cache_trace_result *result)
{
    *result = (struct smh_cache_trace_result){.instructions = trace->counts[SMH_TRACE_INSTRUCTION],
                                              .loads = trace->counts[SMH_TRACE_LOAD],
                                              .stores = trace->counts[SMH_TRACE_STORE],
                                              .modifies = trace->counts[SMH_TRACE_MODIFY].accesses};
    add(&result->loads, &trace->counts[SMH_TRACE_MODIFY]);
}
