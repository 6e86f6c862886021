/* tracing.c: the functions that the traced core calls, and their log. See tracing.h.
 *
 *     accesses   load 8 | store 4 | store 64 (memset) | ...
 *     saved                 ^ 8 bytes ^ 64 bytes            what stores found, in the same order;
 *                                                           undo swaps it with what they left
 */
#include "tracing.h"

#include "../error.h"

#include <string.h>

struct log {
    uintptr_t base;
    size_t span; /* bytes watched from base; 0: nothing is noted */
    struct smh_traced_access *accesses;
    size_t count;
    size_t capacity;
    uint8_t *saved;
    size_t saved_bytes; /* in use */
    size_t saved_capacity;
    size_t redone_bytes; /* of saved, by redo */
    uint64_t total;
};

/* Never freed: a thread that simulates ends with the program's work. */
static _Thread_local struct log tracing __attribute__((tls_model("initial-exec")));

void smh_tracing_begin(const void *memory, size_t bytes)
{
    tracing.base = (uintptr_t)memory;
    tracing.span = bytes;
    tracing.count = 0;
    tracing.saved_bytes = 0;
}

size_t smh_tracing_end(const struct smh_traced_access **accesses)
{
    tracing.span = 0;
    tracing.redone_bytes = 0;
    *accesses = tracing.accesses;
    return tracing.count;
}

uint64_t smh_tracing_total(void)
{
    return tracing.total;
}

static size_t saved_size(size_t bytes)
{
    return (bytes + 7) & ~(size_t)7;
}

static void __attribute__((noinline)) grow_accesses(void)
{
    tracing.capacity = tracing.capacity == 0 ? 1024 : tracing.capacity * 2;
    tracing.accesses =
        smh_must_resize(tracing.accesses, tracing.capacity, sizeof(*tracing.accesses));
}

static void __attribute__((noinline)) grow_saved(size_t bytes)
{
    size_t capacity = tracing.saved_capacity == 0 ? 4096 : tracing.saved_capacity;
    while (capacity - tracing.saved_bytes < bytes) {
        capacity *= 2;
    }
    tracing.saved = smh_must_resize(tracing.saved, capacity, 1);
    tracing.saved_capacity = capacity;
}

static inline void note(const void *address, size_t bytes, bool store, bool bulk)
{
    tracing.total++;
    if ((uintptr_t)address - tracing.base >= tracing.span) {
        return;
    }
    if (tracing.count == tracing.capacity) {
        grow_accesses();
    }
    tracing.accesses[tracing.count++] = (struct smh_traced_access){
        .address = (uintptr_t)address, .bytes = (uint32_t)bytes, .store = store, .bulk = bulk};
    if (store) {
        size_t room = saved_size(bytes);
        if (tracing.saved_capacity - tracing.saved_bytes < room) {
            grow_saved(room);
        }
        memcpy(tracing.saved + tracing.saved_bytes, address, bytes);
        tracing.saved_bytes += room;
    }
}

/* Exchanges the bytes of a store with those saved for it. */
static void swap(const struct smh_traced_access *access, uint8_t *saved)
{
    uint8_t *memory = (uint8_t *)access->address;
    uint8_t chunk[64];
    for (size_t done = 0; done < access->bytes;) {
        size_t bytes = access->bytes - done < sizeof(chunk) ? access->bytes - done : sizeof(chunk);
        memcpy(chunk, memory + done, bytes);
        memcpy(memory + done, saved + done, bytes);
        memcpy(saved + done, chunk, bytes);
        done += bytes;
    }
}

void smh_tracing_undo(void)
{
    size_t at = tracing.saved_bytes;
    for (size_t i = tracing.count; i-- > 0;) {
        const struct smh_traced_access *access = &tracing.accesses[i];
        if (access->store) {
            at -= saved_size(access->bytes);
            swap(access, tracing.saved + at);
        }
    }
    tracing.redone_bytes = 0;
}

void smh_tracing_redo(size_t index)
{
    const struct smh_traced_access *access = &tracing.accesses[index];
    if (access->store) {
        swap(access, tracing.saved + tracing.redone_bytes);
        tracing.redone_bytes += saved_size(access->bytes);
    }
}

/* What the compiler calls before each load and store; its names, not ours. */
void __sanitizer_cov_load1(const void *address);
void __sanitizer_cov_load2(const void *address);
void __sanitizer_cov_load4(const void *address);
void __sanitizer_cov_load8(const void *address);
void __sanitizer_cov_load16(const void *address);
void __sanitizer_cov_store1(const void *address);
void __sanitizer_cov_store2(const void *address);
void __sanitizer_cov_store4(const void *address);
void __sanitizer_cov_store8(const void *address);
void __sanitizer_cov_store16(const void *address);

#define TRACED(bytes)                                      \
    void __sanitizer_cov_load##bytes(const void *address)  \
    {                                                      \
        note(address, bytes, false, false);                \
    }                                                      \
    void __sanitizer_cov_store##bytes(const void *address) \
    {                                                      \
        note(address, bytes, true, false);                 \
    }
TRACED(1)
TRACED(2)
TRACED(4)
TRACED(8)
TRACED(16)

/* What memcpy, memmove and memset of the traced core are renamed to. */
void *smh_tracing_memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *smh_tracing_memmove(void *to, const void *from, size_t bytes);
void *smh_tracing_memset(void *to, int value, size_t bytes);
int smh_tracing_memcmp(const void *left, const void *right, size_t bytes);

/* The log counts bytes in 32 bits. */
static void note_bulk(const void *address, size_t bytes, bool store)
{
    const uint8_t *at = address;
    while (bytes > 0) {
        size_t part = bytes < (UINT32_MAX / 2) ? bytes : UINT32_MAX / 2;
        note(at, part, store, true);
        at += part;
        bytes -= part;
    }
}

void *smh_tracing_memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    note_bulk(from, bytes, false);
    note_bulk(to, bytes, true);
    return memcpy(to, from, bytes);
}

void *smh_tracing_memmove(void *to, const void *from, size_t bytes)
{
    note_bulk(from, bytes, false);
    note_bulk(to, bytes, true);
    return memmove(to, from, bytes);
}

void *smh_tracing_memset(void *to, int value, size_t bytes)
{
    note_bulk(to, bytes, true);
    return memset(to, value, bytes);
}

int smh_tracing_memcmp(const void *left, const void *right, size_t bytes)
{
    note_bulk(left, bytes, false);
    note_bulk(right, bytes, false);
    return memcmp(left, right, bytes);
}
