/* world.h: two tiny regions, everything that may be asked of them, and every oracle.
 *
 * Owns: the one world of this process, its snapshots, the steps that lead from one state to the
 * next, and the judgement on each.
 *
 *     |guard| region 0, attributes 1 and 2 |guard|      requests for 1 (both), 2 (region 0),
 *     |guard| region 1, attributes 1 and 4 |guard|                   4 (region 1), 6 (none)
 *
 * A state is the image: both heaps and all of the pool, the tables, every byte of the two regions,
 * and the blocks that are live. Block identities are canonical: a live block is named by its place,
 * it holds the pattern of its place over its whole usable size, and what it held is wiped before it
 * becomes free space, so that nothing in an image tells when or how often a block was allocated.
 * Counters that only grow (allocated blocks, failed requests, the peak) are compared with what the
 * step must have added, then set back: the core never decides by them.
 *
 * Free space behind the first bytes of a chunk (kept_bytes), where engines keep their links, is
 * wiped after each step, since else every state would stand there once for each past: an engine
 * that relied on what is wiped would break rules at once, one that is merely misled by what a dead
 * block left there is looked for with kept_bytes SIZE_MAX, and by the fuzzers.
 *
 * Equal images are equal futures: the core keeps nothing outside the image (src/ has no other
 * state than what callers give it), is deterministic, and does not look into live blocks, whose
 * bytes follow from their places anyway. So of any two sequences that end in one image, all
 * continuations can be told apart by no oracle, and one of them is enough.
 *
 * Invariants: world_restore after any number of steps gives the state that was saved.
 */
#ifndef TESTS_EXHAUSTIVE_WORLD_H
#define TESTS_EXHAUSTIVE_WORLD_H

#include <smh/engine.h>
#include <smh/pool.h>

#include <stdio.h>

#define WORLD_REGIONS     2
#define WORLD_SIZES       6
#define WORLD_ALIGNS      3
#define WORLD_MASKS       4
#define WORLD_LIVE_MAX    32
#define WORLD_IMAGE_BYTES ((size_t)8192)
#define WORLD_IMAGE_WORDS (WORLD_IMAGE_BYTES / 8)

struct world_config {
    const struct smh_engine *engine;
    size_t region_bytes[WORLD_REGIONS]; /* at most 1024 each */
    unsigned target_bits;               /* 32 or 64 */
    size_t granule;                     /* 0: the engine's */
    size_t sizes[WORLD_SIZES];
    size_t aligns[WORLD_ALIGNS];
    /* Bytes at the start of a free chunk that are left as they are; what is behind them is wiped
     * after each step. SIZE_MAX: nothing is. */
    size_t kept_bytes;
};

/* All but the engine: every engine has room for two or three blocks a region. */
extern const struct world_config world_defaults;

enum world_kind { WORLD_ALLOC, WORLD_FREE, WORLD_REALLOC };

/* One step; `live` counts the live blocks by region and address. */
struct world_step {
    uint8_t kind; /* enum world_kind */
    uint8_t live;
    uint8_t size;
    uint8_t align;
    uint8_t mask;
    uint8_t refusing; /* bit i: the engine of region i is made to refuse */
};

struct world_image {
    uint64_t words[WORLD_IMAGE_WORDS];
};

/* false: a region is refused. Called once per process, or again after another config. */
bool world_open(const struct world_config *config);
/* Words of an image that are in use. */
size_t world_image_words(void);
void world_save(struct world_image *image);
void world_restore(const struct world_image *image);

/* Puts step number *index of the present state into *step and moves *index on; false: there are no
 * more. `asked` is what world_apply said of the step before. Steps that force a refusal come behind
 * the step that does not, and only for regions whose engine it had asked: elsewhere there is
 * nothing to refuse. */
bool world_next_step(unsigned *index, unsigned asked, struct world_step *step);
/* Executes a step and judges what the state behind it does not tell: the answer, the counters that
 * only grow, the guards. Bit i of the result: the engine of region i was asked. */
unsigned world_apply(const struct world_step *step);
/* Judges the present state by itself, which is enough once per state: the validator of each heap,
 * place, size and contents of every block, verdicts on every address, the largest free blocks, and
 * that everything can be freed. Leaves it as it was. */
void world_judge_state(void);

/* The first broken rule since world_open, or NULL. */
const char *world_violation(void);

/* Executes `count` steps from the empty world and writes them as a scenario (smh run), with what
 * was forced in "why". The last step may break a rule. */
void world_write_scenario(FILE *out, const struct world_step *steps, size_t count);

#endif
