/* sequence.h: a short sequence of calls, made to be changed and played again and again.
 *
 * Owns: sequences, the two ways of playing one on a heap, and their form as a scenario.
 *
 *     sequence --> play --> calls of a copy of the core that counts its basic blocks: fast, close
 *                       '-> smh_heap_* of this program, one call single-stepped: slow, exact
 *
 * Invariants: what makes no sense at its place (a free of an empty slot) is skipped, so every
 * sequence can be played; the first and last byte of every block are checked; when a play ends,
 * every block has been freed. Both ways place every block alike: they are the same source.
 */
#ifndef SMH_BENCH_SEQUENCE_H
#define SMH_BENCH_SEQUENCE_H

#include "harness.h"

#define BENCH_SEQUENCE_MAX 640u
#define BENCH_SLOTS_MAX    256u

enum bench_call {
    BENCH_CALL_ALLOC,
    BENCH_CALL_ALIGNED,
    BENCH_CALL_FREE,
    BENCH_CALL_RESIZE, /* a realloc that leaves the block where it is */
    BENCH_CALL_COUNT
};
extern const char *const bench_call_names[BENCH_CALL_COUNT];

struct bench_sequence {
    size_t count;
    struct bench_operation operations[BENCH_SEQUENCE_MAX];
};

/* The calls of a core, this program's or the one that counts, and a heap of it. */
struct bench_player {
    const struct bench_options *options;
    const struct smh_engine *engine;
    uint8_t *memory;
    size_t bytes;
    struct smh_heap heap;
    struct bench_block slots[BENCH_SLOTS_MAX];
    int (*init)(struct smh_heap *heap, const struct smh_heap_config *config);
    void *(*alloc)(struct smh_heap *heap, size_t bytes);
    void *(*aligned_alloc)(struct smh_heap *heap, size_t align, size_t bytes);
    void *(*realloc)(struct smh_heap *heap, void *block, size_t bytes);
    int (*free)(struct smh_heap *heap, void *block);
    size_t (*usable_size)(const struct smh_heap *heap, const void *block);
};

/* What a play found: the dearest call of a kind, or the one stepped. */
struct bench_found {
    uint32_t count;
    size_t at; /* SIZE_MAX: no such call */
};

/* This program's core on memory. False: the engine does not take it. */
bool bench_player_open(struct bench_player *player, const struct bench_options *options,
                       const struct smh_engine *engine, uint8_t *memory, size_t bytes);
/* The copy that counts; false also when there is none, or no such engine in it. */
bool bench_player_open_counting(struct bench_player *player, const struct bench_options *options,
                                const struct smh_engine *engine, uint8_t *memory, size_t bytes);

/* Counts basic blocks; the dearest call of the kind. Drops what was skipped from the sequence, and
 * what comes after the dearest call. */
struct bench_found bench_play_counting(struct bench_player *player, struct bench_sequence *sequence,
                                       enum bench_call call);
/* Steps the last operation of the sequence, if it is a call of that kind when its turn comes. Drops
 * what was skipped. */
struct bench_found bench_play_stepped(struct bench_player *player, struct bench_sequence *sequence,
                                      enum bench_call call);

/* Writes a scenario with one region, in which `smh run` makes these calls; a plug-in is left to its
 * --engine. */
void bench_sequence_write(const struct bench_sequence *sequence, const struct bench_player *player,
                          const char *name, const char *why, const char *path);

#endif
