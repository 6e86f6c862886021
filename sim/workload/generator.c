/* generator.c: random allocations with sizes and lifetimes.
 *
 * Owns: the live blocks of one generator and the order in which they come due.
 *
 *     events   4-ary heap by (due, order):  one event a live block: its resize, else its free
 *     blocks   by slot: place in `events`, neighbours by age:  oldest <-> ... <-> newest
 *
 * Invariants: memory follows live blocks. What is drawn for an allocation (gap, size, lifetime,
 * whether it is resized) is drawn in one order, so the stream depends on (config, seed, actor)
 * alone. At equal times frees and resizes come before the allocation.
 */
#include "generator.h"

#include <stdlib.h>

#define NONE UINT32_MAX

struct event {
    uint64_t due_ns;
    uint64_t order; /* of ties */
    uint32_t slot;
};

struct block {
    uint64_t free_ns;      /* when it is to be freed, if it is resized before */
    uint32_t event;        /* index in events */
    uint32_t older, newer; /* of a free slot: newer is the next free slot */
    bool resizes;          /* its event is the resize */
};

struct generator {
    struct smh_source source; /* first: a source is a generator */
    const struct smh_generator_config *config;
    struct smh_generator_options options;
    struct smh_random random;
    uint64_t next_ns;   /* of the next allocation */
    double gap_left;    /* the fraction of a nanosecond that next_ns leaves out */
    uint64_t allocated; /* so far */
    uint64_t order;
    uint64_t emitted;
    bool stopped;
    struct event *events;
    struct block *blocks;
    uint32_t live, block_count, capacity;
    uint32_t free_slot, oldest, newest;
};

static uint64_t whole_part(double value)
{
    if (!(value > 0.0)) {
        return 0;
    }
    return value >= (double)SMH_DRAW_MAX ? SMH_DRAW_MAX : (uint64_t)value;
}

uint64_t smh_distribution_draw(const struct smh_distribution *distribution,
                               struct smh_random *random)
{
    uint64_t value = 0;
    switch (distribution->kind) {
    case SMH_DISTRIBUTION_CONSTANT:
        value = whole_part(distribution->a);
        break;
    case SMH_DISTRIBUTION_UNIFORM: {
        uint64_t first = whole_part(distribution->a);
        value = first + smh_random_below(random, whole_part(distribution->b) - first + 1);
        break;
    }
    case SMH_DISTRIBUTION_EXPONENTIAL:
        value = whole_part(smh_random_exponential(random, distribution->a) + 0.5);
        break;
    case SMH_DISTRIBUTION_LOGNORMAL:
        value = whole_part(smh_random_lognormal(random, distribution->a, distribution->b) + 0.5);
        break;
    case SMH_DISTRIBUTION_CHOICE: {
        size_t last = distribution->value_count - 1;
        double drawn = smh_random_unit(random) * distribution->weights[last];
        size_t i = 0;
        while (i < last && drawn >= distribution->weights[i]) {
            i++;
        }
        value = distribution->values[i];
        break;
    }
    }
    if (distribution->max != 0 && value > distribution->max) {
        value = distribution->max;
    }
    value = value < distribution->min ? distribution->min : value;
    return value < SMH_DRAW_MAX ? value : SMH_DRAW_MAX;
}

/* a + b, or the last nanosecond there is. */
static uint64_t later(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static bool before(const struct event *a, const struct event *b)
{
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

static void place(struct generator *generator, uint32_t index, struct event event)
{
    generator->events[index] = event;
    generator->blocks[event.slot].event = index;
}

static void sift_up(struct generator *generator, uint32_t index, struct event event)
{
    while (index > 0) {
        uint32_t parent = (index - 1) / 4;
        if (!before(&event, &generator->events[parent])) {
            break;
        }
        place(generator, index, generator->events[parent]);
        index = parent;
    }
    place(generator, index, event);
}

/* Among the first `count` events. */
static void sift_down(struct generator *generator, uint32_t index, struct event event,
                      uint32_t count)
{
    for (;;) {
        uint64_t first = (uint64_t)index * 4 + 1;
        if (first >= count) {
            break;
        }
        uint32_t least = (uint32_t)first;
        uint32_t end = count - least > 4 ? least + 4 : count;
        for (uint32_t child = least + 1; child < end; child++) {
            if (before(&generator->events[child], &generator->events[least])) {
                least = child;
            }
        }
        if (!before(&generator->events[least], &event)) {
            break;
        }
        place(generator, index, generator->events[least]);
        index = least;
    }
    place(generator, index, event);
}

static void draw_next_time(struct generator *generator)
{
    double gap = smh_random_exponential(&generator->random, 1e9 / generator->config->rate_hz) +
                 generator->gap_left;
    uint64_t whole = whole_part(gap);
    generator->gap_left = whole < SMH_DRAW_MAX ? gap - (double)whole : 0.0;
    generator->next_ns = later(generator->next_ns, whole);
}

static uint32_t take_slot(struct generator *generator)
{
    if (generator->free_slot != NONE) {
        uint32_t slot = generator->free_slot;
        generator->free_slot = generator->blocks[slot].newer;
        return slot;
    }
    if (generator->block_count == generator->capacity) {
        generator->capacity = generator->capacity > 0 ? generator->capacity * 2 : 64;
        generator->blocks =
            smh_must_resize(generator->blocks, generator->capacity, sizeof *generator->blocks);
        generator->events =
            smh_must_resize(generator->events, generator->capacity, sizeof *generator->events);
    }
    return generator->block_count++;
}

/* Takes slot's block out of the events, the ages and the slots in use. */
static void end_block(struct generator *generator, uint32_t slot)
{
    struct block *block = &generator->blocks[slot];
    uint32_t hole = block->event;
    struct event last = generator->events[generator->live - 1];
    if (last.slot != slot) {
        if (hole > 0 && before(&last, &generator->events[(hole - 1) / 4])) {
            sift_up(generator, hole, last);
        } else {
            sift_down(generator, hole, last, generator->live - 1);
        }
    }
    if (block->older != NONE) {
        generator->blocks[block->older].newer = block->newer;
    } else {
        generator->oldest = block->newer;
    }
    if (block->newer != NONE) {
        generator->blocks[block->newer].older = block->older;
    } else {
        generator->newest = block->older;
    }
    block->newer = generator->free_slot;
    generator->free_slot = slot;
    generator->live--;
}

static uint64_t draw_size(struct generator *generator)
{
    uint64_t bytes = smh_distribution_draw(&generator->config->size, &generator->random);
    return bytes > 0 ? bytes : 1;
}

static void emit_alloc(struct generator *generator, struct smh_operation *operation)
{
    const struct smh_generator_config *config = generator->config;
    uint64_t now = generator->next_ns;
    uint32_t slot = take_slot(generator);
    operation->kind = SMH_OPERATION_ALLOC;
    operation->time_ns = now;
    operation->slot = slot;
    operation->bytes = draw_size(generator);
    uint64_t lifetime = smh_distribution_draw(&config->lifetime, &generator->random);
    struct block *block = &generator->blocks[slot];
    block->resizes =
        config->realloc_share > 0.0 && smh_random_unit(&generator->random) < config->realloc_share;
    block->free_ns = later(now, lifetime);
    block->older = generator->newest;
    block->newer = NONE;
    if (generator->newest != NONE) {
        generator->blocks[generator->newest].newer = slot;
    } else {
        generator->oldest = slot;
    }
    generator->newest = slot;
    struct event event = {block->resizes ? later(now, lifetime / 2) : block->free_ns,
                          generator->order++, slot};
    sift_up(generator, generator->live++, event);
    generator->allocated++;
    if (config->count != 0 && generator->allocated == config->count) {
        generator->stopped = true;
    } else {
        draw_next_time(generator);
    }
}

/* The event at the top: a resize, which sets the free, or the free. */
static void emit_event(struct generator *generator, struct smh_operation *operation)
{
    struct event event = generator->events[0];
    struct block *block = &generator->blocks[event.slot];
    operation->time_ns = event.due_ns;
    operation->slot = event.slot;
    if (!block->resizes) {
        operation->kind = SMH_OPERATION_FREE;
        end_block(generator, event.slot);
        return;
    }
    block->resizes = false;
    operation->kind = SMH_OPERATION_REALLOC;
    operation->bytes = draw_size(generator);
    event.due_ns = block->free_ns;
    event.order = generator->order++;
    sift_down(generator, 0, event, generator->live);
}

static bool emit(struct generator *generator, struct smh_operation *operation)
{
    const struct smh_generator_config *config = generator->config;
    if (!generator->stopped && config->duration_ns != 0 &&
        generator->next_ns > later(generator->options.start_ns, config->duration_ns)) {
        generator->stopped = true;
    }
    if (generator->stopped && generator->live == 0) {
        return false;
    }
    *operation = (struct smh_operation){
        .site = ++generator->emitted,
        .attr = generator->options.attr,
        .prefer = generator->options.prefer,
        .align = generator->options.align,
        .actor = generator->options.actor,
        .core = generator->options.core,
    };
    if (generator->live > 0 &&
        (generator->stopped || generator->events[0].due_ns <= generator->next_ns)) {
        emit_event(generator, operation);
    } else if (config->live_max != 0 && generator->live >= config->live_max) {
        operation->kind = SMH_OPERATION_FREE;
        operation->time_ns = generator->next_ns;
        operation->slot = generator->oldest;
        end_block(generator, generator->oldest);
    } else {
        emit_alloc(generator, operation);
    }
    if (operation->kind == SMH_OPERATION_FREE) {
        operation->attr = 0;
        operation->prefer = NULL;
        operation->align = 0;
    }
    return true;
}

static long generator_next(struct smh_source *source, struct smh_operation *operations,
                           size_t capacity, struct smh_error *error)
{
    struct generator *generator = (struct generator *)source;
    (void)error;
    size_t count = 0;
    while (count < capacity && emit(generator, &operations[count])) {
        count++;
    }
    return (long)count;
}

static void generator_close(struct smh_source *source)
{
    struct generator *generator = (struct generator *)source;
    free(generator->events);
    free(generator->blocks);
    free(generator);
}

void smh_generator_stop(struct smh_source *source)
{
    ((struct generator *)source)->stopped = true;
}

struct smh_source *smh_generator_open_with(const struct smh_generator_config *config,
                                           const struct smh_generator_options *options,
                                           uint64_t seed)
{
    struct generator *generator = smh_must_allocate(1, sizeof *generator);
    generator->source.next = generator_next;
    generator->source.close = generator_close;
    generator->config = config;
    generator->options = *options;
    generator->free_slot = NONE;
    generator->oldest = NONE;
    generator->newest = NONE;
    generator->next_ns = options->start_ns;
    smh_random_init(&generator->random, seed, options->actor);
    draw_next_time(generator);
    return &generator->source;
}

struct smh_source *smh_generator_open(const struct smh_generator_config *config, uint16_t actor,
                                      uint64_t seed, struct smh_error *error)
{
    if (!(config->rate_hz > 0.0)) {
        smh_error_set(error, "rate_hz: %g, allowed: a number above 0", config->rate_hz);
        return NULL;
    }
    struct smh_generator_options options = {.actor = actor};
    return smh_generator_open_with(config, &options, seed);
}
