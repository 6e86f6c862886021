/* workload.c: the actors of a scenario, merged by simulated time.
 *
 * Owns: repetition of lists and traces, and the merge.
 *
 *     actor 0: trace      -> batch |
 *     actor 1: list x 900 -> batch | -> heap by (time of the next operation, actor) -> caller
 *     actor 2: generator  -> batch |
 *
 * Invariants: operations come in order of time, ties in actor order. A generator without end is
 * read one operation at a time, so that it has not run ahead when the last other actor ends and
 * stops it. An error found while operations are waiting to be handed out is reported by the next
 * call.
 */
#include "workload.h"
#include "generator.h"
#include "scenario.h"
#include "trace.h"

#include <stdlib.h>
#include <string.h>

#define BATCH 128

struct stream {
    const struct smh_actor_config *config;
    const struct smh_scenario *scenario;
    struct smh_source *source; /* a trace or a generator; NULL: a list, or a trace that has ended */
    uint64_t repetition;       /* the one that runs, from 0 */
    uint64_t start_ns;         /* of it */
    uint64_t time_ns;          /* of the last operation */
    size_t list_index;         /* of a list: the next operation */
    bool repetition_is_empty;  /* of a trace: it has yielded nothing so far */
    bool endless;              /* a generator that another actor's end must stop */
    uint16_t actor;
    size_t next, count; /* of batch */
    struct smh_operation batch[BATCH];
};

struct workload {
    struct smh_source source; /* first: a source is a workload */
    struct stream *streams;
    size_t stream_count;
    size_t finite_count; /* of streams that have an end and have not reached it */
    size_t *heap;        /* of streams with an operation waiting */
    size_t heap_count;
    bool failed;
    struct smh_error error;
};

/* The attribute of that name; context is the scenario. */
static bool resolve_attr(void *context, const char *name, uint32_t *attr)
{
    const struct smh_scenario *scenario = context;
    for (size_t i = 0; i < scenario->attr_count; i++) {
        if (strcmp(scenario->attr_names[i], name) == 0) {
            *attr = scenario->attr_values[i];
            return true;
        }
    }
    return false;
}

void smh_actor_trace_options(const struct smh_scenario *scenario, size_t actor,
                             struct smh_trace_options *options)
{
    const struct smh_actor_config *config = &scenario->actors[actor];
    *options = (struct smh_trace_options){
        .actor = (uint16_t)actor,
        .core = (uint8_t)config->core,
        .attr = config->attr,
        .align = config->align,
        .prefer = config->prefer,
        .start_ns = config->start_ns,
        .step_ns = config->step_ns,
        .max_operations = config->max_operations,
        .resolve = resolve_attr,
        .context = (void *)(uintptr_t)scenario,
    };
}

static int open_trace(struct stream *stream, struct smh_error *error)
{
    struct smh_trace_options options;
    smh_actor_trace_options(stream->scenario, stream->actor, &options);
    options.start_ns = stream->start_ns;
    options.free_at_end = stream->repetition + 1 < stream->config->repeat;
    stream->repetition_is_empty = true;
    stream->source = smh_trace_open(stream->config->trace, &options, error);
    return stream->source == NULL ? -1 : 0;
}

/* When the next repetition starts: `every` after this one did, but not before it has ended. */
static void next_repetition(struct stream *stream)
{
    uint64_t every = stream->config->every_ns;
    uint64_t due = stream->start_ns > UINT64_MAX - every ? UINT64_MAX : stream->start_ns + every;
    stream->start_ns = due > stream->time_ns ? due : stream->time_ns;
    stream->repetition++;
}

static long next_of_list(struct stream *stream, struct smh_operation *operations, size_t capacity)
{
    const struct smh_actor_config *config = stream->config;
    size_t count = 0;
    while (count < capacity) {
        if (stream->list_index == config->operation_count) {
            if (stream->repetition + 1 >= config->repeat) {
                break;
            }
            next_repetition(stream);
            stream->list_index = 0;
        }
        operations[count] = config->operations[stream->list_index++];
        operations[count].time_ns += stream->start_ns;
        stream->time_ns = operations[count].time_ns;
        count++;
    }
    return (long)count;
}

static long next_of_trace(struct stream *stream, struct smh_operation *operations, size_t capacity,
                          struct smh_error *error)
{
    while (stream->source != NULL) {
        long count = stream->source->next(stream->source, operations, capacity, error);
        if (count < 0) {
            return -1;
        }
        if (count > 0) {
            stream->time_ns = operations[count - 1].time_ns;
            stream->repetition_is_empty = false;
            return count;
        }
        stream->source->close(stream->source);
        stream->source = NULL;
        /* A trace without operations would be opened for ever. */
        if (stream->repetition + 1 < stream->config->repeat && !stream->repetition_is_empty) {
            next_repetition(stream);
            if (open_trace(stream, error) != 0) {
                return -1;
            }
        }
    }
    return 0;
}

static long next_of_stream(struct stream *stream, struct smh_operation *operations, size_t capacity,
                           struct smh_error *error)
{
    if (stream->config->trace != NULL) {
        return next_of_trace(stream, operations, capacity, error);
    }
    if (stream->config->generator != NULL) {
        return stream->source->next(stream->source, operations, capacity, error);
    }
    return next_of_list(stream, operations, capacity);
}

/* One more stream with an end has reached it; the last one stops those without. */
static void note_end(struct workload *workload, const struct stream *ended)
{
    if (ended->endless || --workload->finite_count > 0) {
        return;
    }
    for (size_t i = 0; i < workload->stream_count; i++) {
        if (workload->streams[i].endless) {
            smh_generator_stop(workload->streams[i].source);
        }
    }
}

/* Refills the batch when it is used up. True when an operation waits. */
static bool ready(struct workload *workload, struct stream *stream)
{
    if (stream->next < stream->count) {
        return true;
    }
    size_t capacity = stream->endless && workload->finite_count > 0 ? 1 : BATCH;
    long count = next_of_stream(stream, stream->batch, capacity, &workload->error);
    stream->next = 0;
    stream->count = count > 0 ? (size_t)count : 0;
    if (count < 0) {
        workload->failed = true;
    } else if (count == 0) {
        note_end(workload, stream);
    }
    return count > 0;
}

static bool before(const struct workload *workload, size_t a, size_t b)
{
    const struct stream *left = &workload->streams[a];
    const struct stream *right = &workload->streams[b];
    uint64_t left_ns = left->batch[left->next].time_ns;
    uint64_t right_ns = right->batch[right->next].time_ns;
    return left_ns != right_ns ? left_ns < right_ns : a < b;
}

static void sift_down(struct workload *workload, size_t index)
{
    size_t *heap = workload->heap;
    for (;;) {
        size_t least = index;
        for (size_t child = 2 * index + 1; child <= 2 * index + 2; child++) {
            if (child < workload->heap_count && before(workload, heap[child], heap[least])) {
                least = child;
            }
        }
        if (least == index) {
            return;
        }
        size_t moved = heap[index];
        heap[index] = heap[least];
        heap[least] = moved;
        index = least;
    }
}

/* Hands out operations of the first stream for as long as it stays the first. */
static size_t take_run(struct workload *workload, struct smh_operation *operations, size_t capacity)
{
    size_t *heap = workload->heap;
    size_t rival = SIZE_MAX;
    if (workload->heap_count > 1) {
        rival = workload->heap_count > 2 && before(workload, heap[2], heap[1]) ? heap[2] : heap[1];
    }
    struct stream *stream = &workload->streams[heap[0]];
    size_t count = 0;
    bool waits = true;
    while (count < capacity && (rival == SIZE_MAX || before(workload, heap[0], rival))) {
        operations[count++] = stream->batch[stream->next++];
        waits = ready(workload, stream);
        if (!waits) {
            heap[0] = heap[--workload->heap_count];
            break;
        }
    }
    sift_down(workload, 0);
    return count;
}

static long workload_next(struct smh_source *source, struct smh_operation *operations,
                          size_t capacity, struct smh_error *error)
{
    struct workload *workload = (struct workload *)source;
    size_t count = 0;
    while (count < capacity && workload->heap_count > 0 && !workload->failed) {
        count += take_run(workload, operations + count, capacity - count);
    }
    if (count == 0 && workload->failed) {
        return smh_error_set(error, "%s", workload->error.message);
    }
    return (long)count;
}

static void workload_close(struct smh_source *source)
{
    struct workload *workload = (struct workload *)source;
    for (size_t i = 0; i < workload->stream_count; i++) {
        struct smh_source *part = workload->streams[i].source;
        if (part != NULL) {
            part->close(part);
        }
    }
    free(workload->heap);
    free(workload->streams);
    free(workload);
}

static int open_stream(struct workload *workload, const struct smh_scenario *scenario,
                       uint64_t seed, size_t index, struct smh_error *error)
{
    struct stream *stream = &workload->streams[index];
    const struct smh_actor_config *config = &scenario->actors[index];
    stream->scenario = scenario;
    stream->config = config;
    stream->actor = (uint16_t)index;
    stream->start_ns = config->start_ns;
    if (config->trace != NULL) {
        return open_trace(stream, error);
    }
    if (config->generator != NULL) {
        struct smh_generator_options options = {
            .prefer = config->prefer,
            .start_ns = config->start_ns,
            .attr = config->attr,
            .align = config->align,
            .actor = (uint16_t)index,
            .core = (uint8_t)config->core,
        };
        stream->source = smh_generator_open_with(config->generator, &options, seed);
        stream->endless = config->generator->count == 0 && config->generator->duration_ns == 0;
    }
    return 0;
}

struct smh_source *smh_workload_open(const struct smh_scenario *scenario, uint64_t seed,
                                     struct smh_error *error)
{
    struct workload *workload = smh_must_allocate(1, sizeof *workload);
    workload->source.next = workload_next;
    workload->source.close = workload_close;
    workload->stream_count = scenario->actor_count;
    workload->streams = smh_must_allocate(scenario->actor_count, sizeof *workload->streams);
    workload->heap = smh_must_allocate(scenario->actor_count, sizeof *workload->heap);
    for (size_t i = 0; i < workload->stream_count; i++) {
        if (open_stream(workload, scenario, seed, i, error) != 0) {
            workload_close(&workload->source);
            return NULL;
        }
        workload->finite_count += !workload->streams[i].endless;
    }
    for (size_t i = 0; i < workload->stream_count && !workload->failed; i++) {
        if (ready(workload, &workload->streams[i])) {
            workload->heap[workload->heap_count++] = i;
        }
    }
    for (size_t i = workload->heap_count; i-- > 0;) {
        sift_down(workload, i);
    }
    return &workload->source;
}
