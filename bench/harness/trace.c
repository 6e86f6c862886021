/* trace.c: traces as compact arrays.
 *
 * Owns: loading a trace into bench_operation and its peak of live bytes. Invariants: see harness.h.
 */
#include "../../sim/workload/trace.h"
#include "../../sim/operation_list.h"
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void name_after(struct bench_trace *trace, const char *path)
{
    const char *slash = strrchr(path, '/');

    snprintf(trace->name, sizeof(trace->name), "%s", slash != NULL ? slash + 1 : path);
    trace->name[strcspn(trace->name, ".")] = '\0';
}

void bench_trace_add(struct bench_trace *trace, enum bench_kind kind, uint32_t slot, uint64_t bytes,
                     unsigned align_shift)
{
    /* Grows when count is 0 or a power of two. */
    if ((trace->count & (trace->count - 1)) == 0) {
        size_t capacity = trace->count == 0 ? 1 : 2 * trace->count;

        trace->operations =
            smh_must_resize(trace->operations, capacity, sizeof(*trace->operations));
    }
    trace->operations[trace->count++] = (struct bench_operation){
        .bytes = bytes, .slot = slot, .kind = (uint8_t)kind, .align_shift = (uint8_t)align_shift};
    if (slot >= trace->slot_count) {
        trace->slot_count = (size_t)slot + 1;
    }
}

/* Appends what the operation comes to, given the bytes that its slot holds. */
static void translate(struct bench_trace *trace, const struct smh_operation *operation,
                      uint64_t held)
{
    unsigned align_shift = operation->align == 0 ? 0 : (unsigned)__builtin_ctz(operation->align);

    switch (operation->kind) {
    case SMH_OPERATION_ALLOC:
    case SMH_OPERATION_CALLOC:
        if (operation->bytes != 0) {
            bench_trace_add(trace, BENCH_ALLOC, operation->slot, operation->bytes, align_shift);
        }
        break;
    case SMH_OPERATION_REALLOC:
        if (operation->bytes != 0) {
            bench_trace_add(trace, held == 0 ? BENCH_ALLOC : BENCH_REALLOC, operation->slot,
                            operation->bytes, align_shift);
        } else if (held != 0) {
            bench_trace_add(trace, BENCH_FREE, operation->slot, 0, 0);
        }
        break;
    case SMH_OPERATION_FREE:
        if (held != 0) {
            bench_trace_add(trace, BENCH_FREE, operation->slot, 0, 0);
        }
        break;
    default:
        break;
    }
}

void bench_trace_measure(struct bench_trace *trace)
{
    uint64_t *held = smh_must_allocate(trace->slot_count + 1, sizeof(*held));
    uint64_t live_bytes = 0;
    size_t live_blocks = 0;

    trace->peak_bytes = 0;
    trace->peak_blocks = 0;
    for (size_t i = 0; i < trace->count; i++) {
        const struct bench_operation *operation = &trace->operations[i];

        live_bytes -= held[operation->slot];
        live_blocks -= held[operation->slot] != 0;
        held[operation->slot] = operation->kind == BENCH_FREE ? 0 : operation->bytes;
        live_bytes += held[operation->slot];
        live_blocks += held[operation->slot] != 0;
        if (live_bytes > trace->peak_bytes) {
            trace->peak_bytes = live_bytes;
        }
        if (live_blocks > trace->peak_blocks) {
            trace->peak_blocks = live_blocks;
        }
    }
    free(held);
}

void bench_trace_load(struct bench_trace *trace, const char *path)
{
    struct smh_operation_list list = {0};
    struct smh_error error = {0};
    struct smh_source *source = smh_trace_open(path, NULL, &error);
    uint64_t *held;
    size_t slot_count = 0;

    if (source == NULL || smh_operation_list_collect(&list, source, &error) != 0) {
        bench_fail("%s", error.message);
    }
    memset(trace, 0, sizeof(*trace));
    name_after(trace, path);
    for (size_t i = 0; i < list.count; i++) {
        if (list.operations[i].slot >= slot_count) {
            slot_count = (size_t)list.operations[i].slot + 1;
        }
    }
    held = smh_must_allocate(slot_count + 1, sizeof(*held));
    for (size_t i = 0; i < list.count; i++) {
        const struct smh_operation *operation = &list.operations[i];

        translate(trace, operation, held[operation->slot]);
        held[operation->slot] = operation->kind == SMH_OPERATION_FREE ? 0 : operation->bytes;
    }
    free(held);
    smh_operation_list_free(&list);
    bench_trace_measure(trace);
    if (trace->count == 0) {
        bench_fail("%s: no operations", path);
    }
}

void bench_trace_free(struct bench_trace *trace)
{
    free(trace->operations);
    memset(trace, 0, sizeof(*trace));
}
