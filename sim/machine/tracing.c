/* tracing.c: the functions that the traced core calls, and their log. See tracing.h.
 *
 *     accesses   load 8 | store 4 | store 64 (memset) | ...
 *                            '- the 4 bytes before     '- saved: the 64 bytes before
 */
#include "tracing.h"

#include "../error.h"
#include "tracing_hooks.h"

#include <stdlib.h>
#include <string.h>

struct log {
    struct smh_traced_access *next;
    struct smh_traced_access *end; /* of the room */
    struct smh_traced_access *accesses;
    uint8_t *saved; /* bytes that bulk stores replaced */
    size_t saved_bytes;
    size_t saved_capacity;
    const struct smh_tracing_takers *takers; /* NULL: accesses are noted in the log */
    const struct smh_tracing_takers *ready;  /* the same, where no store waits to be given */
    void *context;
    smh_tracing_taker *store_taker; /* to be given the store that came last; NULL: none */
    uintptr_t store;
};

_Thread_local struct smh_tracing_watch smh_tracing_watch;

/* Never freed: a thread that simulates ends with the program's work. */
static _Thread_local struct log tracing __attribute__((tls_model("local-exec")));

void smh_tracing_begin(const void *memory, size_t bytes)
{
    smh_tracing_watch.base = (uintptr_t)memory;
    smh_tracing_watch.span = bytes;
    tracing.next = tracing.accesses;
    tracing.saved_bytes = 0;
    tracing.takers = NULL;
    tracing.ready = NULL;
}

void smh_tracing_begin_taking(const void *memory, size_t bytes,
                              const struct smh_tracing_takers *takers, void *context)
{
    smh_tracing_begin(memory, bytes);
    tracing.takers = takers;
    tracing.ready = takers;
    tracing.context = context;
}

/* The store that came last is done by now. */
static inline void give_store(void)
{
    smh_tracing_taker *taker = tracing.store_taker;
    if (taker != NULL) {
        tracing.store_taker = NULL;
        tracing.ready = tracing.takers;
        taker(tracing.context, tracing.store);
    }
}

size_t smh_tracing_end(struct smh_traced_access **accesses)
{
    give_store();
    smh_tracing_watch.span = 0;
    *accesses = tracing.accesses;
    return (size_t)(tracing.next - tracing.accesses);
}

void smh_tracing_close(void)
{
    free(tracing.accesses);
    free(tracing.saved);
    memset(&tracing, 0, sizeof(tracing));
    smh_tracing_watch.span = 0;
}

static void __attribute__((noinline)) grow_accesses(void)
{
    size_t used = (size_t)(tracing.next - tracing.accesses);
    size_t capacity = used == 0 ? 1024 : used * 2;
    tracing.accesses = smh_must_resize(tracing.accesses, capacity, sizeof(*tracing.accesses));
    tracing.next = tracing.accesses + used;
    tracing.end = tracing.accesses + capacity;
}

static uint64_t save(const void *address, size_t bytes)
{
    size_t at = tracing.saved_bytes;
    size_t capacity = tracing.saved_capacity == 0 ? 4096 : tracing.saved_capacity;
    while (capacity - at < bytes) {
        capacity *= 2;
    }
    if (capacity != tracing.saved_capacity) {
        tracing.saved = smh_must_resize(tracing.saved, capacity, 1);
        tracing.saved_capacity = capacity;
    }
    memcpy(tracing.saved + at, address, bytes);
    tracing.saved_bytes += bytes;
    return at;
}

/* The next place in the log. */
static inline struct smh_traced_access *place(void)
{
    if (__builtin_expect(tracing.next == tracing.end, 0)) {
        grow_accesses();
    }
    return tracing.next++;
}

void smh_tracing_swap_bulk(struct smh_traced_access *access)
{
    uint8_t *memory = (uint8_t *)access->address;
    uint8_t *saved = tracing.saved + access->other;
    uint8_t chunk[256];
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
    struct smh_traced_access *access = tracing.next;
    while (access != tracing.accesses) {
        access--;
        if (access->store) {
            smh_tracing_swap(access);
        }
    }
}

/* Where a store waits, or there is a log. */
static inline __attribute__((always_inline)) void note_load(const void *address, uint32_t bytes,
                                                            unsigned size)
{
    if (tracing.takers != NULL) {
        give_store();
        tracing.takers->load[size](tracing.context, (uintptr_t)address);
        return;
    }
    *place() = (struct smh_traced_access){.address = (uintptr_t)address, .bytes = bytes};
}

static inline __attribute__((always_inline)) void keep_store(const void *address,
                                                             smh_tracing_taker *taker)
{
    tracing.store = (uintptr_t)address;
    tracing.store_taker = taker;
    tracing.ready = NULL;
}

static inline __attribute__((always_inline)) void note_store(const void *address, uint32_t bytes,
                                                             unsigned size)
{
    if (tracing.takers != NULL) {
        give_store();
        keep_store(address, tracing.takers->store[size]);
        return;
    }
    struct smh_traced_access *access = place();
    *access =
        (struct smh_traced_access){.address = (uintptr_t)address, .bytes = bytes, .store = true};
    memcpy(&access->other, address, bytes);
}

/* Most are to be given at once; the rest is out of their way. size: log2 of bytes. */
#define TRACED(bytes, size)                                                      \
    static void __attribute__((noinline)) note_load##bytes(const void *address)  \
    {                                                                            \
        note_load(address, (bytes), (size));                                     \
    }                                                                            \
    static void __attribute__((noinline)) note_store##bytes(const void *address) \
    {                                                                            \
        note_store(address, (bytes), (size));                                    \
    }                                                                            \
    void smh_tracing_load##bytes(const void *address)                            \
    {                                                                            \
        const struct smh_tracing_takers *ready = tracing.ready;                  \
        if (ready != NULL) {                                                     \
            ready->load[size](tracing.context, (uintptr_t)address);              \
        } else {                                                                 \
            note_load##bytes(address);                                           \
        }                                                                        \
    }                                                                            \
    void smh_tracing_store##bytes(const void *address)                           \
    {                                                                            \
        const struct smh_tracing_takers *ready = tracing.ready;                  \
        if (ready != NULL) {                                                     \
            keep_store(address, ready->store[size]);                             \
        } else {                                                                 \
            note_store##bytes(address);                                          \
        }                                                                        \
    }
TRACED(1, 0)
TRACED(2, 1)
TRACED(4, 2)
TRACED(8, 3)

static void note_bulk(const void *address, size_t bytes, bool store);

/* What the compiler calls (tracing_hooks.h has the others): the core has no data that wide; a
 * compiler may make some. */
void __sanitizer_cov_load16(const void *address);
void __sanitizer_cov_store16(const void *address);
void __sanitizer_cov_load16(const void *address)
{
    note_bulk(address, 16, false);
}

void __sanitizer_cov_store16(const void *address)
{
    note_bulk(address, 16, true);
}

/* What memcpy, memmove and memset of the traced core are renamed to. */
void *smh_tracing_memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *smh_tracing_memmove(void *to, const void *from, size_t bytes);
void *smh_tracing_memset(void *to, int value, size_t bytes);
int smh_tracing_memcmp(const void *left, const void *right, size_t bytes);

/* The log counts bytes in 32 bits. */
static void note_bulk(const void *address, size_t bytes, bool store)
{
    const uint8_t *at = address;
    give_store();
    while (bytes > 0) {
        size_t part = bytes < (UINT32_MAX / 2) ? bytes : UINT32_MAX / 2;
        if (smh_tracing_watches(at)) {
            tracing.takers = NULL; /* from now on there is a log */
            tracing.ready = NULL;
            struct smh_traced_access *access = place();
            *access = (struct smh_traced_access){
                .address = (uintptr_t)at, .bytes = (uint32_t)part, .store = store, .bulk = true};
            access->other = store ? save(at, part) : 0;
        }
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
