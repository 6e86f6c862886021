/* cache_reader.c: an address trace, block by block, whatever its form.
 *
 * Owns: the buffer, and which form the file has.
 *
 *     buffer: | used up | at: whole lines or blocks, part of one | free | slack |
 *                         '-> moved to the front before more is read
 */
#include "cache_reader.h"

#include "../workload/input.h"
#include "cache_packed.h"
#include "cache_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_BYTES ((size_t)1 << 18)

_Static_assert(SMH_CACHE_PACKED_BLOCK_BYTES < BUFFER_BYTES, "a block fits");

struct smh_cache_reader {
    struct smh_input *input;
    bool at_end; /* nothing more to read */
    bool packed;
    struct smh_cache_text text;
    struct smh_cache_unpacker unpacker;
    size_t at, whole, end;                                      /* whole: lines end here */
    char buffer[BUFFER_BYTES + 1 + SMH_CACHE_TEXT_SLACK_BYTES]; /* 1: a newline that is missing */
};

/* More bytes behind what is left, until the buffer is full or the file ends. */
static int fill(struct smh_cache_reader *reader, struct smh_error *error)
{
    size_t left = reader->end - reader->at;
    memmove(reader->buffer, reader->buffer + reader->at, left);
    reader->at = 0;
    reader->end = left;
    while (!reader->at_end && reader->end < BUFFER_BYTES) {
        long count = smh_input_read(reader->input, reader->buffer + reader->end,
                                    BUFFER_BYTES - reader->end, error);
        if (count < 0) {
            return -1;
        }
        reader->end += (size_t)count;
        reader->at_end = count == 0;
    }
    return 0;
}

static int open_form(struct smh_cache_reader *reader, const char *name, struct smh_error *error)
{
    reader->text.name = name;
    if (fill(reader, error) != 0) {
        return -1;
    }
    reader->packed =
        reader->end > 0 && (uint8_t)reader->buffer[0] == (uint8_t)SMH_CACHE_PACKED_MAGIC[0];
    if (!reader->packed) {
        return 0;
    }
    if (reader->end < SMH_CACHE_PACKED_HEADER_BYTES) {
        return smh_error_set(error, "%s: byte %zu: the file ends within its header", name,
                             reader->end);
    }
    if (memcmp(reader->buffer, SMH_CACHE_PACKED_MAGIC, SMH_CACHE_PACKED_MAGIC_BYTES) != 0) {
        return smh_error_set(error,
                             "%s: byte 0: neither text nor a packed trace, allowed: lines of an "
                             "address trace, or what smh cache --pack writes",
                             name);
    }
    reader->at = SMH_CACHE_PACKED_HEADER_BYTES;
    return smh_cache_unpacker_open(&reader->unpacker, name, (const uint8_t *)reader->buffer, error);
}

struct smh_cache_reader *smh_cache_reader_open(const char *path, struct smh_error *error)
{
    bool standard = strcmp(path, "-") == 0;
    struct smh_input *input = smh_input_open(standard ? "/dev/stdin" : path, error);
    if (input == NULL) {
        return NULL;
    }
    struct smh_cache_reader *reader = smh_must_allocate(1, sizeof *reader);
    reader->input = input;
    if (open_form(reader, standard ? "standard input" : path, error) != 0) {
        smh_cache_reader_close(reader);
        return NULL;
    }
    return reader;
}

static int next_packed(struct smh_cache_reader *reader, struct smh_cache_block *block,
                       struct smh_error *error)
{
    struct smh_cache_unpacker *unpacker = &reader->unpacker;
    for (;;) {
        long used = smh_cache_unpack(unpacker, (const uint8_t *)reader->buffer + reader->at,
                                     reader->end - reader->at, block, error);
        if (used != 0) {
            reader->at += used > 0 ? (size_t)used : 0;
            return used < 0 ? -1 : 1;
        }
        if (reader->at_end) {
            return smh_error_set(error, "%s: byte %" PRIu64 ": the file ends within a block",
                                 unpacker->name, unpacker->offset + (reader->end - reader->at));
        }
        if (fill(reader, error) != 0) {
            return -1;
        }
    }
}

/* Nothing follows the end of a packed trace. */
static int check_end(struct smh_cache_reader *reader, struct smh_error *error)
{
    if (reader->at == reader->end && fill(reader, error) != 0) {
        return -1;
    }
    if (reader->at == reader->end) {
        return 0;
    }
    return smh_error_set(error, "%s: byte %" PRIu64 ": bytes behind the end of the trace",
                         reader->unpacker.name, reader->unpacker.offset);
}

/* Fills the buffer so that it has a whole line, if there is one. */
static int fill_lines(struct smh_cache_reader *reader, struct smh_error *error)
{
    if (fill(reader, error) != 0) {
        return -1;
    }
    if (reader->at_end && reader->end > 0 && reader->buffer[reader->end - 1] != '\n') {
        reader->buffer[reader->end++] = '\n'; /* a last line without one */
    }
    reader->whole = reader->end;
    while (reader->whole > 0 && reader->buffer[reader->whole - 1] != '\n') {
        reader->whole--;
    }
    if (reader->whole == 0 && reader->end > 0) {
        return smh_error_set(error, "%s:%" PRIu64 ": a line of more than %zu bytes",
                             reader->text.name, reader->text.lines + 1, BUFFER_BYTES);
    }
    return 0;
}

static int next_text(struct smh_cache_reader *reader, struct smh_cache_block *block,
                     struct smh_error *error)
{
    if (reader->at == reader->whole && fill_lines(reader, error) != 0) {
        return -1;
    }
    if (reader->at == reader->whole) {
        return 0;
    }
    const char *at = reader->buffer + reader->at;
    int code =
        smh_cache_text_parse(&reader->text, &at, reader->buffer + reader->whole, block, error);
    reader->at = (size_t)(at - reader->buffer);
    (void)smh_cache_block_tally(block);
    return code == 0 ? 1 : -1;
}

int smh_cache_reader_next(struct smh_cache_reader *reader, struct smh_cache_block *block,
                          struct smh_error *error)
{
    smh_cache_block_next(block);
    if (!reader->packed) {
        return next_text(reader, block, error);
    }
    if (reader->unpacker.ended) {
        return check_end(reader, error);
    }
    return next_packed(reader, block, error);
}

void smh_cache_reader_close(struct smh_cache_reader *reader)
{
    if (reader != NULL) {
        smh_input_close(reader->input);
        free(reader);
    }
}
