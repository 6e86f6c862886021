/* enumerate.h: every state of a world (world.h) that some sequence of steps reaches.
 *
 * Owns: the set of states met, by a 128-bit hash of their images; the frontier, in unnamed files;
 * and the processes that expand it.
 *
 *     depth d     frontier ---- every step of each state ---> new hashes ---> frontier of d + 1
 *                 '- state i goes to process i modulo jobs -'   '- one table, in shared memory
 *
 * Two states with equal hashes are taken for one. By chance this happens with a probability of
 * about n * n / 2^125 (two of the 128 bits mark an entry): for 10^8 states 10^-22.
 * Invariants: what is counted depends on the configuration alone, not on `jobs`; breadth first, so
 * that a sequence that breaks a rule is as short as any that does; memory is that of the table,
 * allotted at the start: when it is full the enumeration ends, and says so.
 */
#ifndef TESTS_EXHAUSTIVE_ENUMERATE_H
#define TESTS_EXHAUSTIVE_ENUMERATE_H

#include "world.h"

#define ENUMERATE_DEPTH_MAX 64

struct enumerate_level {
    uint64_t states; /* that no shorter sequence reaches */
    uint64_t steps;  /* executed and judged from the states of this depth */
    double seconds;
};

enum enumerate_end {
    ENUMERATE_DEPTH,     /* to the depth asked for */
    ENUMERATE_CLOSED,    /* no step leads to a new state: complete to any depth */
    ENUMERATE_VIOLATION, /* a rule was broken */
    ENUMERATE_FULL,      /* of the table */
    ENUMERATE_REFUSED    /* the world cannot be opened, or the host has no memory */
};

struct enumerate_result {
    enum enumerate_end end;
    unsigned depth; /* deepest level whose states are all known */
    struct enumerate_level levels[ENUMERATE_DEPTH_MAX + 1];
    char violation[320];
    struct world_step steps[ENUMERATE_DEPTH_MAX + 1]; /* that break the rule */
    size_t step_count;
};

struct enumerate_config {
    struct world_config world;
    unsigned depth;      /* steps of a sequence */
    unsigned jobs;       /* processes; 1: this one */
    size_t memory_bytes; /* for the table */
    FILE *progress;      /* a line a level, or NULL */
};

/* The result is large: the caller's. */
void enumerate(const struct enumerate_config *config, struct enumerate_result *result);

#endif
