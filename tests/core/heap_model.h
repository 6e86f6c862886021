/* heap_model.h: a heap's simplest truth, for random tests.
 *
 * Owns: a list of the blocks that should be live, with their contents, and the judgement on each
 * answer of a heap.
 * Invariants: the model looks at the heap through public functions and the engine's published
 * rules alone; the first broken promise is kept in `complaint`, and nothing is done after it.
 */
#ifndef SMH_TESTS_HEAP_MODEL_H
#define SMH_TESTS_HEAP_MODEL_H

#include "../../sim/random.h"

#include <smh/engine.h>
#include <smh/heap.h>

#define HEAP_MODEL_BLOCKS 256
#define HEAP_MODEL_BYTES  ((size_t)1 << 18) /* of a block, at the most */

struct heap_model_block {
    uint8_t *at;
    size_t bytes;  /* asked for */
    size_t usable; /* as reported */
    uint8_t seed;  /* of the contents */
};

struct heap_model {
    struct smh_heap *heap;
    struct smh_random random;
    struct heap_model_block blocks[HEAP_MODEL_BLOCKS];
    size_t count;
    size_t waste_max; /* usable bytes beyond those asked for that are tolerated; of buddies, as many
                         again as were asked for */
    size_t request_max;     /* bytes, up to HEAP_MODEL_BYTES; most requests are far smaller */
    size_t chunks_at_first; /* of the heap when it was empty */
    bool exact_verdicts;    /* the heap has a start bitmap, or its engine needs none */
    const char *complaint;
};

/* The heap has no block yet. */
void heap_model_init(struct heap_model *model, struct smh_heap *heap, uint64_t seed);
/* `steps` random operations, each judged; heap and blocks are validated after each `check_every`.
 * In the end all is freed, and the free space must be as it was at first. NULL, or the complaint.
 */
const char *heap_model_run(struct heap_model *model, size_t steps, size_t check_every);

#endif
