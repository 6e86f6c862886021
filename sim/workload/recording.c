/* recording.c: raw recordings to traces. See recording.h. */
#include "recording.h"

#include "../clock.h"
#include "../record/record_format.h"
#include "slot_map.h"
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEYS_BYTES    1024u
#define COMMAND_BYTES 900u
#define THREADS_MAX   (1u << 20)

/* The raw file, mapped. */
struct raw {
    const char *path;
    const struct smh_raw_header *header;
    const struct smh_raw_record *records;
    double ns_per_tick;    /* 0: records count nanoseconds */
    uint64_t record_count; /* claimed, within the limit and within the file */
    size_t mapped_bytes;
};

struct block {
    uint64_t id;
    uint64_t bytes;
};

/* Between the two records of a realloc. */
struct pending {
    bool begun;
    bool known;
    uint64_t address, bytes;
    struct block block;
};

struct converter {
    const struct smh_recording_options *options; /* NULL: only count */
    struct smh_recording_stats *stats;
    struct smh_trace_writer *writer; /* NULL: only count */
    struct smh_error *error;
    struct smh_slot_map live; /* by address */
    struct block *blocks;     /* by slot */
    size_t block_capacity;
    struct pending *pending; /* by thread */
    size_t pending_capacity;
    uint64_t next_id;
    uint64_t live_blocks, live_bytes;
    uint64_t time_ns;  /* of the operation being written */
    uint64_t first_ns; /* of the first record */
    bool started;
};

/* Room for index in an array of element_bytes each, the new part zeroed. False: no memory. */
static bool make_room(void **array, size_t *capacity, size_t index, size_t element_bytes)
{
    if (index < *capacity) {
        return true;
    }
    size_t grown = *capacity == 0 ? 64 : *capacity;
    while (grown <= index) {
        if (grown > SIZE_MAX / 2 / element_bytes) {
            return false;
        }
        grown *= 2;
    }
    void *memory = realloc(*array, grown * element_bytes);
    if (memory == NULL) {
        return false;
    }
    memset((char *)memory + *capacity * element_bytes, 0, (grown - *capacity) * element_bytes);
    *array = memory;
    *capacity = grown;
    return true;
}

static int no_memory(struct converter *converter)
{
    return smh_error_set(converter->error, "no memory to convert a recording of %" PRIu64 " blocks",
                         converter->live_blocks);
}

static int emit(struct converter *converter, enum smh_operation_kind kind, uint64_t id,
                uint64_t bytes, uint64_t align, uint32_t thread)
{
    struct smh_recording_stats *stats = converter->stats;
    stats->operations++;
    if (kind == SMH_OPERATION_FREE) {
        stats->frees++;
    } else if (kind == SMH_OPERATION_REALLOC) {
        stats->reallocations++;
    } else {
        stats->allocations++;
    }
    if (converter->writer == NULL) {
        return 0;
    }
    const struct smh_recording_options *options = converter->options;
    uint64_t step = options->time_step_ns > 1 ? options->time_step_ns : 1;
    uint64_t time = (converter->time_ns - converter->first_ns) / step * step;
    return smh_trace_write(converter->writer, kind, id, bytes, align,
                           options->times ? time : SMH_TRACE_NO_TIME,
                           options->threads ? thread : SMH_TRACE_NO_THREAD, converter->error);
}

static void gain(struct converter *converter, uint64_t bytes)
{
    struct smh_recording_stats *stats = converter->stats;
    converter->live_blocks++;
    converter->live_bytes += bytes;
    if (bytes > stats->largest_bytes) {
        stats->largest_bytes = bytes;
    }
    if (converter->live_blocks > stats->peak_blocks) {
        stats->peak_blocks = converter->live_blocks;
    }
    if (converter->live_bytes > stats->peak_bytes) {
        stats->peak_bytes = converter->live_bytes;
    }
}

static void lose(struct converter *converter, uint64_t bytes)
{
    converter->live_blocks--;
    converter->live_bytes -= bytes;
}

/* Takes the block at address out of the map. False: none is known there. */
static bool take(struct converter *converter, uint64_t address, struct block *block)
{
    uint32_t slot;
    if (!smh_slot_map_remove(&converter->live, address, &slot)) {
        return false;
    }
    *block = converter->blocks[slot];
    return true;
}

/* Puts a block at an address. One that is still there must have gone unseen: it is freed. */
static int put(struct converter *converter, uint64_t address, struct block block, uint32_t thread)
{
    struct block forgotten;
    if (take(converter, address, &forgotten)) {
        converter->stats->implied_frees++;
        lose(converter, forgotten.bytes);
        if (emit(converter, SMH_OPERATION_FREE, forgotten.id, 0, 0, thread) != 0) {
            return -1;
        }
    }
    struct smh_slot_entry *entry = smh_slot_map_add(&converter->live, address);
    if (entry == NULL) {
        return no_memory(converter);
    }
    size_t slot = entry->slot_plus_one - 1;
    void *blocks = converter->blocks;
    if (!make_room(&blocks, &converter->block_capacity, slot, sizeof(struct block))) {
        return no_memory(converter);
    }
    converter->blocks = blocks;
    converter->blocks[slot] = block;
    return 0;
}

/* malloc(0) gives a block of its own; a trace says that with one byte. */
static uint64_t at_least_one(struct converter *converter, uint64_t bytes)
{
    if (bytes == 0) {
        converter->stats->zero_sized++;
        return 1;
    }
    return bytes;
}

static int allocated(struct converter *converter, const struct smh_raw_record *record,
                     enum smh_operation_kind kind)
{
    struct block block = {converter->next_id, at_least_one(converter, record->bytes)};
    uint64_t align = record->align_log2 == 0 ? 0 : (uint64_t)1 << (record->align_log2 & 63);
    if (put(converter, record->address, block, record->thread) != 0) {
        return -1;
    }
    converter->next_id++;
    gain(converter, block.bytes);
    return emit(converter, kind, block.id, block.bytes, align, record->thread);
}

static int freed(struct converter *converter, const struct smh_raw_record *record)
{
    struct block block;
    if (!take(converter, record->address, &block)) {
        converter->stats->unknown_frees++;
        return 0;
    }
    lose(converter, block.bytes);
    return emit(converter, SMH_OPERATION_FREE, block.id, 0, 0, record->thread);
}

static struct pending *pending_of(struct converter *converter, uint32_t thread)
{
    void *pending = converter->pending;
    if (!make_room(&pending, &converter->pending_capacity, thread, sizeof(struct pending))) {
        no_memory(converter);
        return NULL;
    }
    converter->pending = pending;
    return &converter->pending[thread];
}

/* From here on the old address may belong to another thread's block. */
static int realloc_begun(struct converter *converter, const struct smh_raw_record *record)
{
    struct pending *pending = pending_of(converter, record->thread);
    if (pending == NULL) {
        return -1;
    }
    pending->begun = true;
    pending->address = record->address;
    pending->bytes = record->bytes;
    pending->known = take(converter, record->address, &pending->block);
    return 0;
}

static int realloc_ended(struct converter *converter, const struct smh_raw_record *record)
{
    struct pending *pending = pending_of(converter, record->thread);
    if (pending == NULL) {
        return -1;
    }
    if (!pending->begun) {
        converter->stats->incomplete++;
        return 0;
    }
    pending->begun = false;
    struct block block = pending->block;
    if (!pending->known) {
        converter->stats->unknown_frees++;
        return record->address == 0 ? 0 : allocated(converter, record, SMH_OPERATION_ALLOC);
    }
    if (record->address == 0 && pending->bytes != 0) {
        converter->stats->failed++;
        return put(converter, pending->address, block, record->thread);
    }
    lose(converter, block.bytes);
    if (record->address == 0) {
        return emit(converter, SMH_OPERATION_FREE, block.id, 0, 0, record->thread);
    }
    block.bytes = at_least_one(converter, record->bytes);
    gain(converter, block.bytes);
    if (put(converter, record->address, block, record->thread) != 0) {
        return -1;
    }
    return emit(converter, SMH_OPERATION_REALLOC, block.id, block.bytes, 0, record->thread);
}

static uint64_t time_of(const struct raw *raw, const struct smh_raw_record *record)
{
    const struct smh_raw_header *header = raw->header;
    if (raw->ns_per_tick <= 0 || record->time < header->start_ticks) {
        return record->time;
    }
    double elapsed_ns = (double)(record->time - header->start_ticks) * raw->ns_per_tick;
    return header->start_ns + (uint64_t)elapsed_ns;
}

static int convert_record(struct converter *converter, const struct raw *raw,
                          const struct smh_raw_record *record)
{
    uint8_t kind = atomic_load_explicit(&record->kind, memory_order_acquire);
    if (kind == SMH_RAW_NONE || kind >= SMH_RAW_KIND_COUNT || record->thread >= THREADS_MAX) {
        converter->stats->incomplete++;
        return 0;
    }
    uint64_t time_ns = time_of(raw, record);
    if (!converter->started) {
        converter->started = true;
        converter->first_ns = time_ns;
        converter->time_ns = time_ns;
    }
    if (time_ns > converter->time_ns) {
        converter->time_ns = time_ns;
    }
    switch (kind) {
    case SMH_RAW_ALLOC:
        return allocated(converter, record, SMH_OPERATION_ALLOC);
    case SMH_RAW_CALLOC:
        return allocated(converter, record, SMH_OPERATION_CALLOC);
    case SMH_RAW_FREE:
        return freed(converter, record);
    case SMH_RAW_REALLOC_BEGIN:
        return realloc_begun(converter, record);
    default:
        return realloc_ended(converter, record);
    }
}

/* The last part of the name it was started by (else of the executable's path), as the value of a
 * header key. */
static void name_program(char *name, size_t capacity, const struct smh_raw_header *header)
{
    bool started_by = header->command[0] != '\0';
    const char *path = started_by ? header->command : header->program;
    size_t room = started_by ? sizeof(header->command) : sizeof(header->program);
    size_t length = strnlen(path, room), start = length;
    while (start > 0 && path[start - 1] != '/') {
        start--;
    }
    size_t out = 0;
    for (size_t i = start; i < length && out + 1 < capacity; i++) {
        unsigned char c = (unsigned char)path[i];
        name[out++] = c > ' ' && c < 127 && c != '=' ? (char)c : '_';
    }
    name[out] = '\0';
    if (out == 0) {
        snprintf(name, capacity, "unknown");
    }
}

static int run_converter(const struct raw *raw, const struct smh_recording_options *options,
                         struct smh_trace_writer *writer, struct smh_recording_stats *stats,
                         struct smh_error *error)
{
    memset(stats, 0, sizeof(*stats));
    struct converter converter = {
        .options = options, .writer = writer, .stats = stats, .error = error};
    smh_slot_map_init(&converter.live);
    int result = 0;
    for (uint64_t i = 0; i < raw->record_count && result == 0; i++) {
        result = convert_record(&converter, raw, &raw->records[i]);
    }
    /* A realloc whose end was never written: the block is still there, as it was. */
    stats->live_blocks = converter.live_blocks;
    stats->live_bytes = converter.live_bytes;
    stats->duration_ns = converter.time_ns - converter.first_ns;
    stats->start_ns = raw->header->start_ns;
    stats->threads = atomic_load(&raw->header->threads);
    stats->failed += atomic_load(&raw->header->failed);
    stats->pid = raw->header->pid;
    stats->parent_pid = raw->header->parent_pid;
    uint64_t claimed = atomic_load(&raw->header->next);
    uint64_t limit = raw->header->limit;
    stats->beyond_limit = limit != 0 && claimed > limit ? claimed - limit : 0;
    stats->lost = claimed - stats->beyond_limit - raw->record_count;
    name_program(stats->program, sizeof(stats->program), raw->header);
    smh_slot_map_free(&converter.live);
    free(converter.blocks);
    free(converter.pending);
    return result;
}

/* How long a tick is: both clocks now, against both when the recording began. */
static double measure_tick(const struct smh_raw_header *header)
{
    uint64_t now_ns = smh_now_ns();
    uint64_t ticks = smh_raw_ticks();
    if (ticks <= header->start_ticks || now_ns <= header->start_ns) {
        return 0;
    }
    return (double)(now_ns - header->start_ns) / (double)(ticks - header->start_ticks);
}

static int open_raw(struct raw *raw, const char *path, struct smh_error *error)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (descriptor < 0 || fstat(descriptor, &status) != 0) {
        int reason = errno;
        if (descriptor >= 0) {
            close(descriptor);
        }
        return smh_error_set(error, "%s: cannot read the recording: %s", path, strerror(reason));
    }
    size_t bytes = status.st_size < 0 ? 0 : (size_t)status.st_size;
    void *memory = MAP_FAILED;
    if (bytes >= SMH_RAW_HEADER_BYTES) {
        memory = mmap(NULL, bytes, PROT_READ, MAP_SHARED, descriptor, 0);
    }
    close(descriptor);
    if (memory == MAP_FAILED) {
        return smh_error_set(error, "%s: %zu bytes is no recording: at least %u are needed", path,
                             bytes, SMH_RAW_HEADER_BYTES);
    }
    const struct smh_raw_header *header = memory;
    if (memcmp(header->magic, SMH_RAW_MAGIC, sizeof(header->magic)) != 0 ||
        header->header_bytes != SMH_RAW_HEADER_BYTES ||
        header->record_bytes != sizeof(struct smh_raw_record)) {
        munmap(memory, bytes);
        return smh_error_set(error, "%s: no recording: it does not begin with %s", path,
                             SMH_RAW_MAGIC);
    }
    uint64_t room = (bytes - SMH_RAW_HEADER_BYTES) / sizeof(struct smh_raw_record);
    uint64_t count = atomic_load(&header->next);
    if (header->limit != 0 && count > header->limit) {
        count = header->limit;
    }
    raw->path = path;
    raw->header = header;
    raw->ns_per_tick = header->clock == SMH_RAW_CLOCK_TICKS ? measure_tick(header) : 0;
    raw->records = (const void *)((const char *)memory + SMH_RAW_HEADER_BYTES);
    raw->record_count = count < room ? count : room;
    raw->mapped_bytes = bytes;
    return 0;
}

static void close_raw(struct raw *raw)
{
    union {
        const void *read_only;
        void *memory;
    } address = {.read_only = raw->header};
    munmap(address.memory, raw->mapped_bytes);
}

int smh_recording_measure(const char *raw_path, struct smh_recording_stats *stats,
                          struct smh_error *error)
{
    struct raw raw;
    if (open_raw(&raw, raw_path, error) != 0) {
        return -1;
    }
    int result = run_converter(&raw, NULL, NULL, stats, error);
    close_raw(&raw);
    return result;
}

/* The arguments, one space between, and what would break the line as '?'. */
static void quote_command(char *text, size_t capacity, const struct smh_raw_header *header)
{
    size_t end = sizeof(header->command);
    while (end > 0 && header->command[end - 1] == '\0') {
        end--;
    }
    size_t out = 0;
    for (size_t i = 0; i < end && out + 1 < capacity; i++) {
        unsigned char c = (unsigned char)header->command[i];
        text[out++] = c == '\0' ? ' ' : c < ' ' || c > 126 ? '?' : (char)c;
    }
    text[out] = '\0';
}

static int write_comments(struct smh_trace_writer *writer, const struct raw *raw,
                          const struct smh_recording_options *options, struct smh_error *error)
{
    char command[COMMAND_BYTES], line[COMMAND_BYTES + 64];
    if (options->note != NULL && smh_trace_comment(writer, options->note, error) != 0) {
        return -1;
    }
    quote_command(command, sizeof(command), raw->header);
    snprintf(line, sizeof(line), "recorded by smh record: %s", command);
    return smh_trace_comment(writer, line, error);
}

int smh_recording_convert(const char *raw_path, const char *trace_path,
                          const struct smh_recording_options *options,
                          struct smh_recording_stats *stats, struct smh_error *error)
{
    struct raw raw;
    if (open_raw(&raw, raw_path, error) != 0) {
        return -1;
    }
    struct smh_trace_writer *writer = NULL;
    int result = run_converter(&raw, NULL, NULL, stats, error);
    if (result == 0) {
        char keys[KEYS_BYTES];
        char start[48] = "";
        if (options->origin_ns != 0 && stats->start_ns >= options->origin_ns) {
            snprintf(start, sizeof(start), " start=%" PRIu64, stats->start_ns - options->origin_ns);
        }
        snprintf(keys, sizeof(keys),
                 "program=%s%s%s operations=%" PRIu64 " allocations=%" PRIu64
                 " peak_live_bytes=%" PRIu64 " peak_live_blocks=%" PRIu64 " threads=%" PRIu32 "%s",
                 stats->program, options->keys != NULL && options->keys[0] != '\0' ? " " : "",
                 options->keys != NULL ? options->keys : "", stats->operations, stats->allocations,
                 stats->peak_bytes, stats->peak_blocks, stats->threads, start);
        writer = smh_trace_create(trace_path, keys, error);
        result = writer == NULL ? -1 : write_comments(writer, &raw, options, error);
    }
    if (result == 0) {
        result = run_converter(&raw, options, writer, stats, error);
    }
    if (writer != NULL) {
        struct smh_error unused;
        if (smh_trace_finish(writer, result == 0, result == 0 ? error : &unused) != 0) {
            result = -1;
        }
    }
    close_raw(&raw);
    return result;
}
