/* contestant.h: every allocator that a timed bench compares, behind the same five calls.
 *
 * Owns: engines through smh_heap_*, plug-ins called directly (--direct), and the system's own
 * allocators (--system, or no -e), and a timed replay over any of them.
 *
 *     engine  --> smh_heap_* --.
 *     plug-in --> direct ------+--> struct bench_direct --> one indirect call each
 *     glibc, jemalloc, mimalloc'
 *
 * Invariants: all are called through function pointers, so that none is inlined and the cost of
 * the way is the same (smh: one jump more). The system's allocators have no arena: `start` tells
 * them nothing, and they keep what earlier runs left them.
 */
#ifndef SMH_BENCH_CONTESTANT_H
#define SMH_BENCH_CONTESTANT_H

#include "harness.h"

struct bench_contestant {
    const char *name;
    struct bench_direct calls;
    const struct smh_engine *engine; /* NULL: not through smh */
    bool system;                     /* has no arena */
    struct smh_heap heap;
    void *arena; /* the calls' first argument */
};

#define BENCH_CONTESTANTS_MAX 64

/* Fills contestants[0..BENCH_CONTESTANTS_MAX) and returns how many; system allocators that are not
 * installed are left out with a line on stderr. The reference (options->reference, else the first)
 * is put in *reference. */
size_t bench_contestants(const struct bench_options *options, struct bench_contestant *contestants,
                         size_t *reference);

/* Makes memory a fresh arena. False: refused. */
bool bench_contestant_start(struct bench_contestant *contestant,
                            const struct bench_options *options, void *memory, size_t bytes);

/* Replays; the first and the last byte of every block are written. Returns the operations done
 * before the first refusal; with `refused`, goes on after refusals and counts them there. With
 * `verify`, those bytes are checked before a block is resized or freed, and a fault ends the
 * program. What lives in slots stays there at the end. */
size_t bench_contestant_replay(struct bench_contestant *contestant, const struct bench_trace *trace,
                               struct bench_block *slots, bool verify, size_t *refused);
/* Frees what lives in slots and makes them all zero. */
void bench_contestant_drain(struct bench_contestant *contestant, struct bench_block *slots,
                            size_t slot_count);

/* Keeps this thread, and those it starts, on one processor, where the host lets it. */
void bench_pin(void);
/* Keeps this thread on the which-th processor that the process may use, counted round. */
void bench_pin_thread(unsigned which);

#endif
