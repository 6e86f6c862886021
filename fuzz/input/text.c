/* text.c: bytes as a file, and the rules of a source. See text.h. */
#include "text.h"

#include "../stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define ACTORS_MAX 256
#define SLOTS_MAX  1024
#define BATCH      256

const char *fuzz_file_of(const uint8_t *bytes, size_t size)
{
    static int file = -1;
    static char path[64];
    if (file < 0) {
        file = memfd_create("input", 0);
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    }
    if (file < 0 || ftruncate(file, 0) != 0 || pwrite(file, bytes, size, 0) != (ssize_t)size) {
        fuzz_fail("this host has no file for the input");
    }
    return path;
}

void fuzz_judge_error(const struct smh_error *error)
{
    size_t length = strnlen(error->message, sizeof(error->message));
    FUZZ_REQUIRE(length != 0, "a call fails without a message");
    FUZZ_REQUIRE(length < sizeof(error->message), "a message has no end");
    for (size_t i = 0; i < length; i++) {
        FUZZ_REQUIRE((unsigned char)error->message[i] >= ' ', "a message has control characters");
    }
}

/* Which slots are filled. Those past the table are not judged. */
static uint8_t *filled_slot(const struct smh_operation *operation)
{
    static uint8_t filled[ACTORS_MAX][SLOTS_MAX];
    return operation->actor < ACTORS_MAX && operation->slot < SLOTS_MAX
               ? &filled[operation->actor][operation->slot]
               : NULL;
}

static void judge_operation(const struct smh_operation *operation, uint64_t before_ns)
{
    uint8_t *filled = filled_slot(operation);
    FUZZ_REQUIRE(operation->kind < SMH_OPERATION_KIND_COUNT, "kind %u", operation->kind);
    FUZZ_REQUIRE(operation->time_ns >= before_ns, "time goes back to %llu",
                 (unsigned long long)operation->time_ns);
    FUZZ_REQUIRE((operation->align & (operation->align - 1)) == 0, "alignment %u",
                 operation->align);
    if (filled == NULL) {
        return;
    }
    bool fills = operation->kind <= SMH_OPERATION_CALLOC;
    FUZZ_REQUIRE(*filled == (fills ? 0 : 1), "operation %llu (%s) names slot %u, which is %s",
                 (unsigned long long)operation->site, smh_operation_name(operation->kind),
                 operation->slot, *filled != 0 ? "filled" : "empty");
    if (fills) {
        *filled = 1;
    } else if (operation->kind == SMH_OPERATION_FREE ||
               (operation->kind == SMH_OPERATION_REALLOC && operation->bytes == 0)) {
        *filled = 0;
    }
}

static void forget_slots(void)
{
    for (unsigned actor = 0; actor < ACTORS_MAX; actor++) {
        struct smh_operation first = {.actor = (uint16_t)actor};
        memset(filled_slot(&first), 0, SLOTS_MAX);
    }
}

void fuzz_judge_source(struct smh_source *source, size_t most)
{
    struct smh_operation batch[BATCH];
    struct smh_error error = {{0}};
    uint64_t time_ns = 0;
    long count = 1;
    forget_slots();
    for (size_t read = 0; read < most && count > 0; read += (size_t)count) {
        count = source->next(source, batch, BATCH, &error);
        FUZZ_REQUIRE(count <= BATCH, "a source yields more than there is room for");
        for (long i = 0; i < count; i++) {
            judge_operation(&batch[i], time_ns);
            time_ns = batch[i].time_ns;
            fuzz_operations++;
        }
        if (count < 0) {
            fuzz_judge_error(&error);
            break;
        }
    }
    source->close(source);
}
