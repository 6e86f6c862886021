/* trace_write.c: the writer of traces.
 *
 * Owns: the three containers that a trace may be in.
 *
 *     line -> text[64 KiB] -> (deflate | ZSTD_compressStream | as it is) -> file
 *
 * Invariants: the target appears whole or not at all. The same calls write the same bytes: no time
 * of day and no name goes into a container. After the first failure nothing more is written.
 */
#include "../output.h"
#include "trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define TEXT_BYTES ((size_t)64 * 1024)
#define LINE_BYTES ((size_t)160) /* more than the longest line of five numbers */

enum container { CONTAINER_PLAIN, CONTAINER_GZIP, CONTAINER_ZSTD };

struct smh_trace_writer {
    char *path;
    char *temporary;
    int file;
    bool failed;
    enum container container;
    z_stream gzip;
    ZSTD_CStream *zstd;
    size_t used; /* of text */
    char text[TEXT_BYTES];
    unsigned char packed[TEXT_BYTES];
};

static int fail(struct smh_trace_writer *writer, const char *what, struct smh_error *error)
{
    writer->failed = true;
    return smh_error_set(error, "%s: cannot be written (%s), allowed: a file in a writable folder",
                         writer->path, what);
}

static int write_all(struct smh_trace_writer *writer, const void *bytes, size_t length,
                     struct smh_error *error)
{
    const char *at = bytes;
    while (length > 0) {
        ssize_t count = write(writer->file, at, length);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return fail(writer, strerror(errno), error);
        }
        at += count;
        length -= (size_t)count;
    }
    return 0;
}

static int deflate_text(struct smh_trace_writer *writer, bool last, struct smh_error *error)
{
    z_stream *stream = &writer->gzip;
    stream->next_in = (unsigned char *)writer->text;
    stream->avail_in = (uInt)writer->used;
    int status;
    do {
        stream->next_out = writer->packed;
        stream->avail_out = (uInt)sizeof writer->packed;
        status = deflate(stream, last ? Z_FINISH : Z_NO_FLUSH);
        if (status == Z_STREAM_ERROR) {
            return fail(writer, "deflate failed", error);
        }
        if (write_all(writer, writer->packed, sizeof writer->packed - stream->avail_out, error) !=
            0) {
            return -1;
        }
    } while (stream->avail_out == 0 || (last && status != Z_STREAM_END));
    return 0;
}

static int zstd_text(struct smh_trace_writer *writer, bool last, struct smh_error *error)
{
    ZSTD_inBuffer in = {writer->text, writer->used, 0};
    size_t left;
    do {
        ZSTD_outBuffer out = {writer->packed, sizeof writer->packed, 0};
        left = ZSTD_compressStream2(writer->zstd, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left)) {
            return fail(writer, ZSTD_getErrorName(left), error);
        }
        if (write_all(writer, writer->packed, out.pos, error) != 0) {
            return -1;
        }
    } while (in.pos < in.size || (last && left != 0));
    return 0;
}

static int flush_text(struct smh_trace_writer *writer, bool last, struct smh_error *error)
{
    int status;
    if (writer->container == CONTAINER_GZIP) {
        status = deflate_text(writer, last, error);
    } else if (writer->container == CONTAINER_ZSTD) {
        status = zstd_text(writer, last, error);
    } else {
        status = write_all(writer, writer->text, writer->used, error);
    }
    writer->used = 0;
    return status;
}

static bool ends_with(const char *text, const char *suffix)
{
    size_t length = strlen(text);
    size_t suffix_length = strlen(suffix);
    return length >= suffix_length && strcmp(text + length - suffix_length, suffix) == 0;
}

static bool start_container(struct smh_trace_writer *writer)
{
    if (ends_with(writer->path, ".gz")) {
        writer->container = CONTAINER_GZIP;
        /* 15 + 16: gzip's header, whose time zlib leaves at 0 */
        return deflateInit2(&writer->gzip, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) == Z_OK;
    }
    if (ends_with(writer->path, ".zst")) {
        writer->container = CONTAINER_ZSTD;
        writer->zstd = ZSTD_createCStream();
        return writer->zstd != NULL &&
               !ZSTD_isError(ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_compressionLevel, 19)) &&
               !ZSTD_isError(ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_checksumFlag, 1));
    }
    return true;
}

struct smh_trace_writer *smh_trace_create(const char *path, const char *header_keys,
                                          struct smh_error *error)
{
    struct smh_trace_writer *writer = smh_must_allocate(1, sizeof *writer);
    writer->path = smh_must_copy(path);
    writer->file = smh_output_create(path, &writer->temporary);
    if (writer->file < 0) {
        fail(writer, strerror(errno), error);
        smh_trace_finish(writer, false, NULL);
        return NULL;
    }
    if (!start_container(writer)) {
        fail(writer, "no memory for its compression", error);
        smh_trace_finish(writer, false, NULL);
        return NULL;
    }
    bool has_keys = header_keys != NULL && header_keys[0] != '\0';
    size_t length = has_keys ? strlen(header_keys) : 0;
    if (length > SMH_TRACE_LINE_BYTES - 16 || (has_keys && strpbrk(header_keys, "\r\n") != NULL)) {
        smh_error_set(error, "%s: header of %zu bytes, allowed: one line of up to %u bytes", path,
                      length, SMH_TRACE_LINE_BYTES - 16);
        smh_trace_finish(writer, false, NULL);
        return NULL;
    }
    writer->used = (size_t)snprintf(writer->text, TEXT_BYTES, "smh-trace 1%s%s\n",
                                    has_keys ? " " : "", has_keys ? header_keys : "");
    return writer;
}

/* Appends key and number; returns where the next byte goes. */
static char *put(char *at, const char *key, uint64_t number)
{
    char digits[20];
    size_t count = 0;
    while (*key != '\0') {
        *at++ = *key++;
    }
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (count > 0) {
        *at++ = digits[--count];
    }
    return at;
}

int smh_trace_write(struct smh_trace_writer *writer, enum smh_operation_kind kind, uint64_t id,
                    uint64_t bytes, uint64_t align, uint64_t time_ns, unsigned thread,
                    struct smh_error *error)
{
    if (writer->failed) {
        return fail(writer, "an earlier write failed", error);
    }
    if (kind > SMH_OPERATION_FREE) {
        return smh_error_set(error, "%s: %s, allowed: alloc, calloc, realloc, free", writer->path,
                             smh_operation_name(kind));
    }
    if (writer->used > TEXT_BYTES - LINE_BYTES && flush_text(writer, false, error) != 0) {
        return -1;
    }
    char *start = writer->text + writer->used;
    char *at = start;
    const char *letter = kind == SMH_OPERATION_REALLOC ? "r " : "a ";
    if (kind == SMH_OPERATION_FREE) {
        at = put(at, "f ", id);
    } else {
        at = put(at, letter, id);
        at = put(at, " ", bytes);
        at = align != 0 ? put(at, " align=", align) : at;
        at = kind == SMH_OPERATION_CALLOC ? put(at, " zero=", 1) : at;
    }
    at = time_ns != SMH_TRACE_NO_TIME ? put(at, " t=", time_ns) : at;
    at = thread != SMH_TRACE_NO_THREAD ? put(at, " thread=", thread) : at;
    *at++ = '\n';
    writer->used += (size_t)(at - start);
    return 0;
}

int smh_trace_comment(struct smh_trace_writer *writer, const char *text, struct smh_error *error)
{
    if (writer->failed) {
        return fail(writer, "an earlier write failed", error);
    }
    size_t length = strlen(text);
    if (length > SMH_TRACE_LINE_BYTES - 2 || strpbrk(text, "\r\n") != NULL) {
        return smh_error_set(error, "%s: comment of %zu bytes, allowed: one line of up to %u bytes",
                             writer->path, length, SMH_TRACE_LINE_BYTES - 2);
    }
    if (writer->used + length + 3 > TEXT_BYTES && flush_text(writer, false, error) != 0) {
        return -1;
    }
    writer->text[writer->used++] = '#';
    writer->text[writer->used++] = ' ';
    memcpy(writer->text + writer->used, text, length);
    writer->used += length;
    writer->text[writer->used++] = '\n';
    return 0;
}

int smh_trace_finish(struct smh_trace_writer *writer, bool keep, struct smh_error *error)
{
    int status = 0;
    if (keep) {
        status = writer->failed ? fail(writer, "an earlier write failed", error)
                                : flush_text(writer, true, error);
    }
    if (writer->file >= 0 && close(writer->file) != 0 && keep && status == 0) {
        status = fail(writer, strerror(errno), error);
    }
    if (smh_output_settle(writer->path, writer->temporary, keep && status == 0) != 0) {
        status = fail(writer, strerror(errno), error);
    }
    if (writer->container == CONTAINER_GZIP) {
        deflateEnd(&writer->gzip);
    }
    ZSTD_freeCStream(writer->zstd);
    free(writer->path);
    free(writer);
    return status;
}
