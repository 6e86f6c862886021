/* cache_trace.c: hits and misses of an address trace, counted as Cachegrind counts.
 *
 * Owns: the counts. Almost every access is to the line of its set that was used last, and such a
 * hit changes nothing: it is counted in a loop that does no more than see that. All others go
 * further.
 */
#include "cache_trace.h"

#include "cache_reader.h"

#include <inttypes.h>
#include <stdlib.h>

struct level {
    struct smh_cache cache;
    unsigned line_shift;
    bool exists;
    /* By a word's bytes and kind: where in a line an access may begin to be within it; -1: a long.
     */
    int16_t last_start[256];
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
}

static void set_last_start(struct level *level, uint32_t bytes_max)
{
    for (uint32_t word = 0; word < 256; word++) {
        uint32_t bytes = smh_cache_word_bytes(word);
        bytes = bytes < bytes_max ? bytes : bytes_max;
        level->last_start[word] =
            bytes == 0 ? -1 : (int16_t)((1 << level->line_shift) - (int)bytes);
    }
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
    set_last_start(&trace->d1, trace->bytes_max);
    set_last_start(&trace->i1, trace->bytes_max);
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

/* The access of a word; *length is that of the next long. */
static __attribute__((noinline)) const uint32_t *use_word(struct smh_cache_trace *trace,
                                                          const struct smh_cache_block *block,
                                                          uint32_t word, const uint32_t *length)
{
    uint32_t bytes = smh_cache_word_bytes(word);
    use(trace, smh_cache_word_kind(word), smh_cache_word_address(block, word),
        bytes != 0 ? bytes : *length);
    return length + (bytes == 0);
}

/* Of a level, what the first look needs, in registers. */
struct quick {
    const uint64_t *tags;
    const int16_t *last_start;
    uint64_t set_mask;
    uint64_t ways;
    unsigned line_shift;
};

static inline struct quick quick_of(const struct level *level)
{
    return (struct quick){level->cache.tags, level->last_start, level->cache.set_mask,
                          level->cache.ways, level->line_shift};
}

/* Whether an access is to the one line of its set that was used last, and to no other. */
static inline bool is_latest(struct quick quick, uint64_t address, uint32_t word)
{
    uint64_t line = address >> quick.line_shift;
    int start = (int)address & ((1 << quick.line_shift) - 1);
    return quick.tags[(line & quick.set_mask) * quick.ways] == line + 1 &&
           start <= quick.last_start[word & 0xff];
}

/* Loads and stores alone, in a cache whose hits on the line of a set that was used last change
 * nothing. */
static inline __attribute__((always_inline)) void count_data(struct smh_cache_trace *trace,
                                                             const struct smh_cache_block *block,
                                                             unsigned line_shift)
{
    struct quick d1 = quick_of(&trace->d1);
    const uint32_t *length = block->lengths;
    const uint32_t *end = block->words + block->count;
    d1.line_shift = line_shift;
    for (const uint32_t *at = block->words; at < end; at++) {
        uint32_t word = *at;
        if (!is_latest(d1, smh_cache_word_address(block, word), word)) {
            length = use_word(trace, block, word, length);
        }
    }
}

static void count_all(struct smh_cache_trace *trace, const struct smh_cache_block *block)
{
    bool quick = trace->d1.cache.replacement != SMH_REPLACE_PLRU;
    const struct quick d1 = quick_of(&trace->d1);
    const struct quick i1 = quick_of(&trace->i1);
    const uint32_t *length = block->lengths;
    const uint32_t *end = block->words + block->count;
    for (const uint32_t *at = block->words; at < end; at++) {
        uint32_t word = *at;
        uint64_t address = smh_cache_word_address(block, word);
        bool instruction = smh_cache_word_kind(word) == SMH_TRACE_INSTRUCTION;
        if (instruction && i1.tags == NULL) {
            length += smh_cache_word_bytes(word) == 0;
        } else if (!quick || !is_latest(instruction ? i1 : d1, address, word)) {
            length = use_word(trace, block, word, length);
        }
    }
}

void smh_cache_trace_count(struct smh_cache_trace *trace, const struct smh_cache_block *block)
{
    for (unsigned kind = 0; kind < 4; kind++) {
        trace->counts[kind].accesses += block->kinds[kind];
    }
    if (trace->d1.cache.replacement == SMH_REPLACE_PLRU ||
        block->kinds[SMH_TRACE_INSTRUCTION] != 0) {
        count_all(trace, block);
    } else if (trace->d1.line_shift == 6) {
        count_data(trace, block, 6); /* by far the commonest: the compiler knows the shifts */
    } else {
        count_data(trace, block, trace->d1.line_shift);
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
