/* adversary.h: searches for the state of a heap in which a call takes most instructions.
 *
 * Owns: states made by hand, the changes that a search makes, and the climb.
 *
 *     states by hand --> climb: change, play counting basic blocks, keep what is no better, too
 *     or random           | stuck: begin anew, from another state or from the best so far
 *                         '--> the best few --> climb again, by exact instructions --> the worst
 *
 * Invariants: the seed decides everything; what is reported was counted exactly, on a fresh heap.
 */
#ifndef SMH_BENCH_ADVERSARY_H
#define SMH_BENCH_ADVERSARY_H

#include "../../sim/random.h"
#include "sequence.h"

/* The search for one engine, one call, one size of heap. */
struct bench_hunt {
    const struct bench_options *options;
    const struct smh_engine *engine;
    enum bench_call call;
    size_t heap_bytes;
    size_t evaluations; /* plays by basic blocks; a fortieth of them is added by instructions */
};

struct bench_worst {
    bool supported;        /* false: the engine does not take a heap of this size */
    bool counted;          /* false: no basic blocks were counted (a plug-in): a weaker search */
    uint32_t instructions; /* 0: no such call was ever made */
    uint32_t blocks;
    struct bench_sequence sequence; /* the last operation is the call */
};

void bench_hunt(const struct bench_hunt *hunt, struct bench_worst *worst);

/* How many states are made by hand, and the index-th of them. Its operations fit the heap. */
size_t bench_state_count(void);
void bench_state_make(size_t index, size_t heap_bytes, struct smh_random *random,
                      struct bench_sequence *sequence);
/* A size that is likely to lie at an edge of something. */
uint64_t bench_edge_size(struct smh_random *random, size_t heap_bytes,
                         const struct bench_sequence *sequence);

#endif
