/* adversary.c: searches for the state of a heap in which a call takes most instructions.
 *
 * Owns: see adversary.h.
 */
#include "adversary.h"
#include "../../sim/error.h"

#include <stdlib.h>
#include <string.h>

#define STUCK_AFTER  400u /* changes that were no better: begin anew */
#define BEST_KEPT    6u
#define STEPPED_PART 40u /* a play by instructions for so many by basic blocks */
#define EDITS_MOST   4u

struct candidate {
    uint32_t score; /* basic blocks, or instructions */
    struct bench_sequence sequence;
};

struct climb {
    const struct bench_hunt *hunt;
    struct smh_random random;
    struct bench_player counting, exact;
    bool counted;
    size_t states_begun;
    struct candidate best[BEST_KEPT]; /* by falling score */
    struct candidate current, changed;
};

/* Copies what is used. */
static void copy(struct candidate *to, const struct candidate *from)
{
    to->score = from->score;
    to->sequence.count = from->sequence.count;
    memcpy(to->sequence.operations, from->sequence.operations,
           from->sequence.count * sizeof(from->sequence.operations[0]));
}

/* --- changes ---------------------------------------------------------------------------------- */

static size_t pick(struct climb *climb, size_t count)
{
    return count == 0 ? 0 : (size_t)smh_random_below(&climb->random, count);
}

static struct bench_operation random_operation(struct climb *climb,
                                               const struct bench_sequence *sequence)
{
    struct bench_operation made = {.kind = (uint8_t)pick(climb, 3)};

    made.slot = (uint32_t)pick(climb, pick(climb, 2) == 0 ? 16 : BENCH_SLOTS_MAX);
    made.bytes = bench_edge_size(&climb->random, climb->hunt->heap_bytes, sequence);
    if (made.kind == BENCH_ALLOC &&
        (climb->hunt->call == BENCH_CALL_ALIGNED || pick(climb, 4) == 0)) {
        made.align_shift = (uint8_t)(3 + pick(climb, 11));
    }
    return made;
}

static void insert(struct climb *climb, struct bench_sequence *sequence)
{
    size_t at = pick(climb, sequence->count + 1);
    struct bench_operation made = random_operation(climb, sequence);

    if (sequence->count == BENCH_SEQUENCE_MAX) {
        return;
    }
    memmove(&sequence->operations[at + 1], &sequence->operations[at],
            (sequence->count - at) * sizeof(made));
    sequence->operations[at] = made;
    sequence->count++;
}

static void remove_some(struct climb *climb, struct bench_sequence *sequence)
{
    size_t at = pick(climb, sequence->count);
    size_t length = pick(climb, 4) == 0 ? 1 + pick(climb, 8) : 1;

    length = length < sequence->count - at ? length : sequence->count - at;
    memmove(&sequence->operations[at], &sequence->operations[at + length],
            (sequence->count - at - length) * sizeof(sequence->operations[0]));
    sequence->count -= length;
}

static void swap(struct climb *climb, struct bench_sequence *sequence)
{
    struct bench_operation *left = &sequence->operations[pick(climb, sequence->count)];
    struct bench_operation *right = &sequence->operations[pick(climb, sequence->count)];
    struct bench_operation kept = *left;

    *left = *right;
    *right = kept;
}

/* A stretch once more, on other slots. */
static void repeat(struct climb *climb, struct bench_sequence *sequence)
{
    size_t from = pick(climb, sequence->count);
    size_t length = 1 + pick(climb, 12);
    uint32_t shift = 1 + (uint32_t)pick(climb, BENCH_SLOTS_MAX - 1);

    for (size_t i = 0;
         i < length && from + i < sequence->count && sequence->count < BENCH_SEQUENCE_MAX; i++) {
        struct bench_operation copy = sequence->operations[from + i];

        copy.slot = (copy.slot + shift) % BENCH_SLOTS_MAX;
        sequence->operations[sequence->count++] = copy;
    }
}

/* The beginning of this one, the end of another. */
static void splice(struct climb *climb, struct bench_sequence *sequence)
{
    const struct bench_sequence *other = &climb->best[pick(climb, BEST_KEPT)].sequence;
    size_t from = pick(climb, other->count);
    size_t at = pick(climb, sequence->count + 1);

    for (; from < other->count && at < BENCH_SEQUENCE_MAX; from++, at++) {
        sequence->operations[at] = other->operations[from];
    }
    sequence->count = at > sequence->count ? at : sequence->count;
}

static void edit_one(struct climb *climb, struct bench_sequence *sequence)
{
    struct bench_operation *operation = &sequence->operations[pick(climb, sequence->count)];
    uint64_t nudge = (uint64_t)8 << pick(climb, 8);

    switch (pick(climb, 4)) {
    case 0:
        operation->bytes = bench_edge_size(&climb->random, climb->hunt->heap_bytes, sequence);
        break;
    case 1:
        operation->bytes += operation->bytes < climb->hunt->heap_bytes ? nudge : 0;
        break;
    case 2:
        operation->bytes -= operation->bytes > nudge ? nudge : 0;
        break;
    default:
        if (operation->kind == BENCH_ALLOC && pick(climb, 2) == 0) {
            operation->align_shift = (uint8_t)(pick(climb, 3) == 0 ? 0 : 3 + pick(climb, 11));
        } else {
            operation->slot = (uint32_t)pick(climb, pick(climb, 2) == 0 ? 16 : BENCH_SLOTS_MAX);
        }
        break;
    }
}

static void change(struct climb *climb, struct bench_sequence *sequence)
{
    size_t edits = 1 + pick(climb, EDITS_MOST);

    for (size_t i = 0; i < edits; i++) {
        size_t what = pick(climb, 100);

        if (sequence->count == 0 || what < 20) {
            insert(climb, sequence);
        } else if (what < 32) {
            remove_some(climb, sequence);
        } else if (what < 40) {
            swap(climb, sequence);
        } else if (what < 46) {
            repeat(climb, sequence);
        } else if (what < 49) {
            splice(climb, sequence);
        } else {
            edit_one(climb, sequence);
        }
    }
}

/* --- the climb -------------------------------------------------------------------------------- */

/* Keeps a candidate among the best; of equal scores the shorter, so that all differ in score. */
static void keep(struct climb *climb, const struct candidate *found)
{
    size_t place = 0;

    while (place < BEST_KEPT && climb->best[place].score > found->score) {
        place++;
    }
    if (place == BEST_KEPT) {
        return;
    }
    if (climb->best[place].score != found->score) {
        memmove(&climb->best[place + 1], &climb->best[place],
                (BEST_KEPT - 1 - place) * sizeof(*found));
    } else if (climb->best[place].sequence.count <= found->sequence.count) {
        return;
    }
    copy(&climb->best[place], found);
}

static uint32_t score(struct climb *climb, struct bench_sequence *sequence)
{
    return bench_play_counting(&climb->counting, sequence, climb->hunt->call).count;
}

/* A state made by hand; the first ones in turn. */
static void begin_with_state(struct climb *climb)
{
    size_t states = bench_state_count();
    size_t index = climb->states_begun < states ? climb->states_begun : pick(climb, states);

    bench_state_make(index, climb->hunt->heap_bytes, &climb->random, &climb->current.sequence);
    climb->states_begun++;
    climb->current.score = score(climb, &climb->current.sequence);
    keep(climb, &climb->current);
}

/* One of the best so far, changed a little. */
static void begin_with_best(struct climb *climb)
{
    copy(&climb->current, &climb->best[pick(climb, BEST_KEPT)]);
    for (int i = 0; i < 3; i++) {
        change(climb, &climb->current.sequence);
    }
    climb->current.score = score(climb, &climb->current.sequence);
    keep(climb, &climb->current);
}

static void climb_by_blocks(struct climb *climb)
{
    size_t stuck = STUCK_AFTER;

    for (size_t i = 0; i < climb->hunt->evaluations; i++) {
        if (climb->states_begun < bench_state_count()) {
            begin_with_state(climb); /* each once, before the first climb */
            continue;
        }
        if (stuck >= STUCK_AFTER) {
            if (pick(climb, 3) == 0) {
                begin_with_state(climb);
            } else {
                begin_with_best(climb);
            }
            stuck = 0;
            continue;
        }
        copy(&climb->changed, &climb->current);
        change(climb, &climb->changed.sequence);
        climb->changed.score = score(climb, &climb->changed.sequence);
        stuck++;
        if (climb->changed.score >= climb->current.score) {
            stuck = climb->changed.score > climb->current.score ? 0 : stuck;
            copy(&climb->current, &climb->changed);
            keep(climb, &climb->current);
        }
    }
}

static uint32_t instructions(struct climb *climb, struct bench_sequence *sequence)
{
    return bench_play_stepped(&climb->exact, sequence, climb->hunt->call).count;
}

/* Cuts the sequence behind its last call of the kind; false: there is none. */
static bool cut(struct bench_sequence *sequence, enum bench_call call)
{
    while (sequence->count != 0) {
        const struct bench_operation *last = &sequence->operations[sequence->count - 1];

        if ((call == BENCH_CALL_ALLOC && last->kind == BENCH_ALLOC && last->align_shift == 0) ||
            (call == BENCH_CALL_ALIGNED && last->kind == BENCH_ALLOC && last->align_shift != 0) ||
            (call == BENCH_CALL_FREE && last->kind == BENCH_FREE) ||
            (call == BENCH_CALL_RESIZE && last->kind == BENCH_REALLOC)) {
            return true;
        }
        sequence->count--;
    }
    return false;
}

/* From each of the best, by exact counts. What is far worse by basic blocks is not stepped. */
static void climb_by_instructions(struct climb *climb, struct bench_worst *worst)
{
    size_t plays = climb->hunt->evaluations / STEPPED_PART + BEST_KEPT;
    size_t share = plays / BEST_KEPT;

    for (size_t from = 0; from < BEST_KEPT; from++) {
        copy(&climb->current, &climb->best[from]);
        climb->current.score = 0;
        for (size_t i = 0; i < share; i++) {
            copy(&climb->changed, &climb->current);
            if (i != 0 && (!climb->counted || i % 32 != 0)) {
                change(climb, &climb->changed.sequence);
            } else if (!climb->counted) {
                bench_state_make(from + pick(climb, bench_state_count()), climb->hunt->heap_bytes,
                                 &climb->random, &climb->changed.sequence);
            }
            if (climb->counted) {
                uint32_t blocks = score(climb, &climb->changed.sequence);

                if (blocks + blocks / 16 < climb->best[from].score) {
                    continue;
                }
            } else if (!cut(&climb->changed.sequence, climb->hunt->call)) {
                continue;
            }
            climb->changed.score = instructions(climb, &climb->changed.sequence);
            if (climb->changed.score >= climb->current.score) {
                copy(&climb->current, &climb->changed);
            }
            if (climb->current.score > worst->instructions) {
                worst->instructions = climb->current.score;
                worst->sequence = climb->current.sequence;
            }
        }
    }
}

/* Once more, on a fresh heap: that is what is reported. */
static void confirm(struct climb *climb, uint8_t *memory, struct bench_worst *worst)
{
    const struct bench_hunt *hunt = climb->hunt;

    if (!bench_heap_sound(&climb->exact.heap)) {
        bench_fail("engine %s: the heap is not sound after the search", hunt->engine->name);
    }
    bench_clear(memory, hunt->heap_bytes);
    bench_player_open(&climb->exact, hunt->options, hunt->engine, memory, hunt->heap_bytes);
    worst->instructions = instructions(climb, &worst->sequence);
    worst->blocks = climb->counted ? score(climb, &worst->sequence) : 0;
}

void bench_hunt(const struct bench_hunt *hunt, struct bench_worst *worst)
{
    struct climb *climb = smh_must_allocate(1, sizeof(*climb));
    uint8_t *memory = bench_map(0, hunt->heap_bytes);
    uint8_t *second = bench_map(1, hunt->heap_bytes);

    climb->hunt = hunt;
    smh_random_init(&climb->random, hunt->options->seed, 5 + (uint64_t)hunt->call);
    worst->supported =
        bench_player_open(&climb->exact, hunt->options, hunt->engine, memory, hunt->heap_bytes);
    climb->counted =
        worst->supported && bench_player_open_counting(&climb->counting, hunt->options,
                                                       hunt->engine, second, hunt->heap_bytes);
    worst->counted = climb->counted;
    if (worst->supported) {
        if (climb->counted) {
            climb_by_blocks(climb);
        }
        climb_by_instructions(climb, worst);
        confirm(climb, memory, worst);
    }
    bench_unmap(memory, hunt->heap_bytes);
    bench_unmap(second, hunt->heap_bytes);
    free(climb);
}
