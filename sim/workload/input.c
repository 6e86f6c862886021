/* input.c: reads plain, gzip and zstd files through one function.
 *
 *     file -> raw[64 KiB] -> (inflate | ZSTD_decompressStream | copy) -> caller's bytes
 *
 * Invariants: `raw` holds what was read and not yet used; `boundary` is true where a compressed
 * stream may end: before its first byte and after each whole member or frame.
 */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define RAW_BYTES ((size_t)64 * 1024)

enum container { CONTAINER_PLAIN, CONTAINER_GZIP, CONTAINER_ZSTD };

struct smh_input {
    char *path;
    int file;
    enum container container;
    bool at_end;   /* of the file */
    bool boundary; /* of a member or frame */
    size_t raw_start, raw_end;
    z_stream gzip;
    ZSTD_DStream *zstd;
    unsigned char raw[RAW_BYTES];
};

/* Bytes of the file itself; 0 at its end, -1 with *error set. */
static long read_file(struct smh_input *input, void *bytes, size_t capacity,
                      struct smh_error *error)
{
    ssize_t count;
    do {
        count = read(input->file, bytes, capacity);
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        return smh_error_set(error, "%s: cannot be read (%s), allowed: a readable file",
                             input->path, strerror(errno));
    }
    input->at_end = count == 0;
    return count;
}

/* Refills raw when it is empty. 0, or -1 with *error set. */
static int refill(struct smh_input *input, struct smh_error *error)
{
    while (input->raw_start == input->raw_end && !input->at_end) {
        long count = read_file(input, input->raw, RAW_BYTES, error);
        if (count < 0) {
            return -1;
        }
        input->raw_start = 0;
        input->raw_end = (size_t)count;
    }
    return 0;
}

/* At least four bytes of a file that has them, so that its container shows. */
static int read_start(struct smh_input *input, struct smh_error *error)
{
    while (input->raw_end < 4 && !input->at_end) {
        long count =
            read_file(input, input->raw + input->raw_end, RAW_BYTES - input->raw_end, error);
        if (count < 0) {
            return -1;
        }
        input->raw_end += (size_t)count;
    }
    return 0;
}

static enum container container_of(const unsigned char *raw, size_t length)
{
    if (length >= 2 && raw[0] == 0x1f && raw[1] == 0x8b) {
        return CONTAINER_GZIP;
    }
    if (length >= 4 && memcmp(raw, "\x28\xb5\x2f\xfd", 4) == 0) {
        return CONTAINER_ZSTD;
    }
    bool skippable = length >= 4 && (raw[0] & 0xf0) == 0x50 && raw[1] == 0x2a && raw[2] == 0x4d &&
                     raw[3] == 0x18;
    return skippable ? CONTAINER_ZSTD : CONTAINER_PLAIN;
}

static struct smh_input *input_of(int file, const char *path, struct smh_error *error)
{
    struct smh_input *input = smh_must_allocate(1, sizeof *input);
    input->path = smh_must_copy(path);
    input->file = file;
    input->boundary = true;
    if (read_start(input, error) != 0) {
        smh_input_close(input);
        return NULL;
    }
    input->container = container_of(input->raw, input->raw_end);
    bool ready = true;
    if (input->container == CONTAINER_GZIP) {
        ready = inflateInit2(&input->gzip, 15 + 16) == Z_OK; /* + 16: gzip's header and check */
        if (!ready) {
            input->container = CONTAINER_PLAIN; /* nothing to end at close */
        }
    } else if (input->container == CONTAINER_ZSTD) {
        input->zstd = ZSTD_createDStream();
        ready = input->zstd != NULL;
    }
    if (!ready) {
        smh_error_set(error, "%s: out of memory while opening it", path);
        smh_input_close(input);
        return NULL;
    }
    return input;
}

struct smh_input *smh_input_open(const char *path, struct smh_error *error)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (file < 0 || fstat(file, &status) != 0) {
        smh_error_set(error, "%s: cannot be opened (%s), allowed: a readable file", path,
                      strerror(errno));
        if (file >= 0) {
            close(file);
        }
        return NULL;
    }
    if (S_ISDIR(status.st_mode)) {
        smh_error_set(error, "%s: is a folder, allowed: a readable file", path);
        close(file);
        return NULL;
    }
    return input_of(file, path, error);
}

static int damaged(const struct smh_input *input, const char *what, struct smh_error *error)
{
    return smh_error_set(error, "%s: damaged %s data (%s), allowed: a whole %s stream", input->path,
                         smh_input_container(input), what, smh_input_container(input));
}

static long read_plain(struct smh_input *input, unsigned char *bytes, size_t capacity)
{
    size_t count = input->raw_end - input->raw_start;
    if (count > capacity) {
        count = capacity;
    }
    memcpy(bytes, input->raw + input->raw_start, count);
    input->raw_start += count;
    return (long)count;
}

static long read_gzip(struct smh_input *input, unsigned char *bytes, size_t capacity,
                      struct smh_error *error)
{
    if (input->boundary) {
        inflateReset(&input->gzip); /* the next member of several */
        input->boundary = false;
    }
    z_stream *stream = &input->gzip;
    stream->next_in = input->raw + input->raw_start;
    stream->avail_in = (uInt)(input->raw_end - input->raw_start);
    stream->next_out = bytes;
    stream->avail_out = (uInt)capacity;
    int status = inflate(stream, Z_NO_FLUSH);
    input->raw_start = input->raw_end - stream->avail_in;
    if (status == Z_STREAM_END) {
        input->boundary = true;
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
        return damaged(input, stream->msg != NULL ? stream->msg : "not inflatable", error);
    }
    return (long)(capacity - stream->avail_out);
}

static long read_zstd(struct smh_input *input, unsigned char *bytes, size_t capacity,
                      struct smh_error *error)
{
    ZSTD_inBuffer in = {input->raw, input->raw_end, input->raw_start};
    ZSTD_outBuffer out = {bytes, capacity, 0};
    size_t status = ZSTD_decompressStream(input->zstd, &out, &in);
    if (ZSTD_isError(status)) {
        return damaged(input, ZSTD_getErrorName(status), error);
    }
    /* A call that uses and yields nothing says nothing new about where the stream stands. */
    if (in.pos != input->raw_start || out.pos != 0) {
        input->boundary = status == 0;
    }
    input->raw_start = in.pos;
    return (long)out.pos;
}

long smh_input_read(struct smh_input *input, void *bytes, size_t capacity, struct smh_error *error)
{
    if (capacity > (1u << 30)) {
        capacity = 1u << 30;
    }
    if (input->container == CONTAINER_PLAIN && input->raw_start == input->raw_end &&
        !input->at_end && capacity >= RAW_BYTES) {
        return read_file(input, bytes, capacity, error); /* straight, without a copy */
    }
    for (;;) {
        if (refill(input, error) != 0) {
            return -1;
        }
        bool empty = input->raw_start == input->raw_end;
        if (input->container == CONTAINER_PLAIN) {
            return read_plain(input, bytes, capacity);
        }
        if (empty && input->boundary) {
            return 0;
        }
        long count = input->container == CONTAINER_GZIP ? read_gzip(input, bytes, capacity, error)
                                                        : read_zstd(input, bytes, capacity, error);
        if (count != 0) {
            return count;
        }
        if (empty && !input->boundary) {
            return damaged(input, "cut off", error);
        }
    }
}

const char *smh_input_container(const struct smh_input *input)
{
    static const char *const names[] = {"plain", "gzip", "zstd"};
    return names[input->container];
}

void smh_input_close(struct smh_input *input)
{
    if (input == NULL) {
        return;
    }
    if (input->container == CONTAINER_GZIP) {
        inflateEnd(&input->gzip);
    }
    ZSTD_freeDStream(input->zstd);
    if (input->file != STDIN_FILENO) {
        close(input->file);
    }
    free(input->path);
    free(input);
}

char *smh_input_whole(const char *path, size_t limit, size_t *length, struct smh_error *error)
{
    struct smh_input *input = strcmp(path, "-") == 0
                                  ? input_of(STDIN_FILENO, "standard input", error)
                                  : smh_input_open(path, error);
    if (input == NULL) {
        return NULL;
    }
    size_t capacity = 4096;
    size_t used = 0;
    char *text = smh_must_resize(NULL, capacity, 1);
    long count;
    while ((count = smh_input_read(input, text + used, capacity - used - 1, error)) > 0) {
        used += (size_t)count;
        if (used > limit) {
            count = smh_error_set(error, "%s: more than %zu bytes, allowed: up to %zu bytes",
                                  input->path, limit, limit);
            break;
        }
        if (capacity - used < capacity / 2) {
            capacity *= 2;
            text = smh_must_resize(text, capacity, 1);
        }
    }
    smh_input_close(input);
    if (count < 0) {
        free(text);
        return NULL;
    }
    text[used] = '\0';
    *length = used;
    return text;
}
