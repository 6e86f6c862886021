/* growth.c: what does it cost to let buffers grow by realloc?
 *
 * Owns: nanoseconds per realloc, and how many had to move, in three habits:
 *
 *     doubled:  one buffer, 16 bytes to 1 MB, twice as large each time
 *     steps:    one buffer, 64 bytes more each time, to 64 KB
 *     crowd:    64 buffers in turns, half as large again each time, among small blocks that come
 *               and go
 *
 * Turns, medians, ratios and the fields of a result: harness/compare.h (an operation may be a free
 * or a request too); then, one per contestant and habit: contestant, case, resizes, moved.
 */
#include "../sim/error.h"
#include "../sim/random.h"
#include "harness/compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPEATS       20u
#define CROWD         64u
#define CROWD_TURNS   16u
#define SMALL_BLOCKS  256u
#define DOUBLED_SHIFT 20u
#define STEP_BYTES    64u
#define STEPS_BYTES   65536u

static void make_doubled(struct bench_trace *trace)
{
    bench_trace_add(trace, BENCH_ALLOC, 0, 16, 0);
    for (unsigned shift = 5; shift <= DOUBLED_SHIFT; shift++) {
        bench_trace_add(trace, BENCH_REALLOC, 0, (uint64_t)1 << shift, 0);
    }
    bench_trace_add(trace, BENCH_FREE, 0, 0, 0);
}

static void make_steps(struct bench_trace *trace)
{
    bench_trace_add(trace, BENCH_ALLOC, 0, STEP_BYTES, 0);
    for (uint64_t bytes = 2 * STEP_BYTES; bytes <= STEPS_BYTES; bytes += STEP_BYTES) {
        bench_trace_add(trace, BENCH_REALLOC, 0, bytes, 0);
    }
    bench_trace_add(trace, BENCH_FREE, 0, 0, 0);
}

static void make_crowd(struct bench_trace *trace, uint64_t seed)
{
    bool filled[SMALL_BLOCKS] = {false};
    struct smh_random random;
    uint64_t bytes = 24;

    smh_random_init(&random, seed, 3);
    for (uint32_t i = 0; i < CROWD; i++) {
        bench_trace_add(trace, BENCH_ALLOC, i, bytes, 0);
    }
    for (unsigned turn = 0; turn < CROWD_TURNS; turn++) {
        bytes += bytes / 2;
        for (uint32_t i = 0; i < CROWD; i++) {
            uint32_t small = (uint32_t)smh_random_below(&random, SMALL_BLOCKS);

            bench_trace_add(trace, BENCH_REALLOC, i, bytes, 0);
            bench_trace_add(trace, filled[small] ? BENCH_FREE : BENCH_ALLOC, CROWD + small,
                            8 + smh_random_below(&random, 120), 0);
            filled[small] = !filled[small];
        }
    }
    for (uint32_t i = 0; i < CROWD + SMALL_BLOCKS; i++) {
        if (i < CROWD || filled[i - CROWD]) {
            bench_trace_add(trace, BENCH_FREE, i, 0, 0);
        }
    }
}

/* How many reallocs of the trace give another address. */
static size_t count_moves(struct bench_contestant *contestant, const struct bench_trace *trace,
                          size_t *resizes)
{
    struct bench_trace one = {.slot_count = trace->slot_count};
    struct bench_block *slots = smh_must_allocate(trace->slot_count + 1, sizeof(*slots));
    size_t moves = 0;

    *resizes = 0;
    snprintf(one.name, sizeof(one.name), "moves");
    for (size_t i = 0; i < trace->count; i++) {
        const uint8_t *before = slots[trace->operations[i].slot].block;

        one.operations = &trace->operations[i];
        one.count = 1;
        if (bench_contestant_replay(contestant, &one, slots, true, NULL) != 1) {
            bench_fail("%s: %s: refused", contestant->name, trace->name);
        }
        if (trace->operations[i].kind == BENCH_REALLOC) {
            (*resizes)++;
            moves += slots[trace->operations[i].slot].block != before;
        }
    }
    free(slots);
    return moves;
}

static void run(struct bench_compare *compare, const char *name, struct bench_trace *once)
{
    struct bench_case measured = {.slot_count = once->slot_count};
    struct bench_trace timed = {0};
    uint8_t *memory;

    bench_trace_measure(once);
    snprintf(timed.name, sizeof(timed.name), "%s", name);
    for (unsigned i = 0; i < REPEATS; i++) {
        for (size_t k = 0; k < once->count; k++) {
            const struct bench_operation *operation = &once->operations[k];

            bench_trace_add(&timed, (enum bench_kind)operation->kind, operation->slot,
                            operation->bytes, operation->align_shift);
        }
    }
    snprintf(measured.name, sizeof(measured.name), "%s", name);
    measured.timed = &timed;
    measured.arena_bytes = (size_t)once->peak_bytes * 3 + 65536;
    measured.arena_most = 16 * measured.arena_bytes;
    bench_compare_case(compare, &measured);
    memory = bench_map(0, measured.arena_most);
    printf("  moved, of all reallocs");
    for (size_t i = 0; i < compare->count; i++) {
        struct bench_contestant *contestant = &compare->contestants[i];
        size_t bytes = compare->timings[compare->case_count - 1][i].arena_bytes;
        size_t resizes, moves;

        if (bytes == 0 || !bench_contestant_start(contestant, compare->options, memory, bytes)) {
            printf(" %13s", "-");
            continue;
        }
        moves = count_moves(contestant, once, &resizes);
        printf(" %6zu %6zu", moves, resizes);
        bench_document_add(compare->document,
                           json_pack("{s:s, s:s, s:I, s:I}", "contestant", contestant->name, "case",
                                     name, "resizes", (json_int_t)resizes, "moved",
                                     (json_int_t)moves));
    }
    printf("\n");
    bench_unmap(memory, measured.arena_most);
    bench_trace_free(&timed);
    bench_trace_free(once);
}

int main(int argc, char **argv)
{
    static struct bench_compare compare;
    struct bench_options options;
    struct bench_trace trace = {0};

    bench_options_read(&options, "growth", "Buffers that grow by realloc.", argc, argv);
    bench_compare_open(&compare, &options);
    make_doubled(&trace);
    run(&compare, "doubled", &trace);
    make_steps(&trace);
    run(&compare, "steps", &trace);
    make_crowd(&trace, options.seed);
    run(&compare, "crowd", &trace);
    bench_compare_close(&compare, false);
    return 0;
}
