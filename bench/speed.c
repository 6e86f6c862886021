/* speed.c: how long does an operation take?
 *
 * Owns: nanoseconds per operation of replaying recorded traces: alloc, realloc and free only, the
 * first and the last byte of every block written, no checks in the timed replays.
 *
 * All get the same arena, ROOM_PER_CENT of the peak, or as much more as they need. Turns, medians,
 * ratios and the fields of a result: harness/compare.h; `case` is the trace's name.
 */
#include "harness/compare.h"

#include <stdio.h>
#include <string.h>

#define ROOM_PER_CENT 150
#define ARENA_EXTRA   65536u
#define ARENA_FACTOR  64u

int main(int argc, char **argv)
{
    static struct bench_compare compare;
    struct bench_options options;

    bench_options_read(&options, "speed", "Nanoseconds per operation of replaying recorded traces.",
                       argc, argv);
    bench_compare_open(&compare, &options);
    for (size_t t = 0; t < options.trace_count; t++) {
        struct bench_trace trace;
        struct bench_case measured = {.timed = &trace};

        bench_trace_load(&trace, options.traces[t]);
        snprintf(measured.name, sizeof(measured.name), "%s", trace.name);
        measured.slot_count = trace.slot_count;
        measured.arena_bytes = (size_t)trace.peak_bytes * ROOM_PER_CENT / 100 + ARENA_EXTRA;
        measured.arena_most = (size_t)trace.peak_bytes * ARENA_FACTOR + ARENA_EXTRA;
        bench_compare_case(&compare, &measured);
        bench_trace_free(&trace);
    }
    bench_compare_close(&compare, true);
    return 0;
}
