/* explore_line.c: the search through one line's schedules. See explore_line.h.
 *
 *     layer i     states in which event i may meet the line, each once
 *     starts      how many schedules have led to a state right after the event before
 *     ends        ... and to a state when event i comes: starts of all states from which hardware
 *                 can get there, added up
 */
#include "explore_line.h"

#include "../error.h"

#include <stdlib.h>
#include <string.h>

#define NO_PARENT UINT32_MAX
#define MOVES_MAX (2 * SMH_CONCRETE_CORES_MAX + 1)

struct node {
    uint32_t parent;
    uint32_t moves; /* fewest that lead here */
    uint16_t event; /* when is_event: that leads here */
    bool is_event;
    struct smh_concrete_move move;
    uint64_t starts, ends;
    uint32_t next[MOVES_MAX]; /* what hardware makes of it */
    uint8_t next_count;
};

struct search {
    const struct smh_explore_line *line;
    uint8_t *states; /* [count][machine.bytes] */
    struct node *nodes;
    size_t count, capacity;
    size_t layer;
    uint32_t *table; /* of the layer; number + 1 */
    size_t table_mask;
    bool beyond;
    bool too_many;
};

static uint8_t *state_of(const struct search *search, size_t node)
{
    return search->states + node * search->line->machine.bytes;
}

static void grow(struct search *search)
{
    search->capacity = search->capacity == 0 ? 256 : search->capacity * 2;
    search->nodes = smh_must_resize(search->nodes, search->capacity, sizeof(*search->nodes));
    search->states = smh_must_resize(search->states, search->capacity, search->line->machine.bytes);
}

static size_t hash_of(const struct search *search, const uint8_t *state)
{
    size_t bytes = search->line->machine.bytes;
    uint64_t hash = 0;
    for (size_t at = 0; at < bytes; at += 8) {
        uint64_t word = 0;
        memcpy(&word, state + at, bytes - at < 8 ? bytes - at : 8);
        hash = (hash ^ word ^ hash >> 29) * 0x9e3779b97f4a7c15ull;
    }
    return (size_t)(hash ^ hash >> 32);
}

static void rehash(struct search *search, size_t size)
{
    free(search->table);
    search->table = smh_must_allocate(size, sizeof(*search->table));
    search->table_mask = size - 1;
    for (size_t i = search->layer; i < search->count; i++) {
        size_t place = hash_of(search, state_of(search, i)) & search->table_mask;
        while (search->table[place] != 0) {
            place = (place + 1) & search->table_mask;
        }
        search->table[place] = (uint32_t)i + 1;
    }
}

/* The layer's node of that state; *added: it is new. */
static uint32_t find_or_add(struct search *search, const uint8_t *state, const struct node *as,
                            bool *added)
{
    size_t bytes = search->line->machine.bytes;
    if ((search->count - search->layer + 1) * 2 > search->table_mask) {
        rehash(search, (search->table_mask + 1) * 2);
    }
    size_t place = hash_of(search, state) & search->table_mask;
    for (; search->table[place] != 0; place = (place + 1) & search->table_mask) {
        uint32_t number = search->table[place] - 1;
        if (memcmp(state_of(search, number), state, bytes) == 0) {
            *added = false;
            return number;
        }
    }
    if (search->count == search->capacity) {
        grow(search);
    }
    memcpy(state_of(search, search->count), state, bytes);
    search->nodes[search->count] = *as;
    search->table[place] = (uint32_t)++search->count;
    *added = true;
    return (uint32_t)search->count - 1;
}

/* Fewest moves first: nodes with few are expanded before those with more. */
static bool relax(struct search *search, uint32_t number, const struct node *as)
{
    struct node *node = &search->nodes[number];
    if (node->moves <= as->moves) {
        return false;
    }
    node->moves = as->moves;
    node->parent = as->parent;
    node->is_event = as->is_event;
    node->event = as->event;
    node->move = as->move;
    return true;
}

static void close_layer(struct search *search)
{
    uint8_t state[SMH_CONCRETE_BYTES_MAX];
    const struct smh_concrete *machine = &search->line->machine;
    bool changed = true;
    while (changed) {
        changed = false;
        for (size_t i = search->layer; i < search->count; i++) {
            if (search->count > SMH_EXPLORE_STATES_MAX) {
                search->too_many = true;
                return;
            }
            search->nodes[i].next_count = 0;
            for (unsigned number = 0; number < MOVES_MAX; number++) {
                struct node as = {.parent = (uint32_t)i, .moves = search->nodes[i].moves + 1};
                memcpy(state, state_of(search, i), machine->bytes);
                if (!smh_concrete_move(machine, state, number, &as.move)) {
                    break;
                }
                bool added;
                uint32_t next = find_or_add(search, state, &as, &added);
                changed |= added ? next < i : relax(search, next, &as);
                search->nodes[i].next[search->nodes[i].next_count++] = next;
            }
        }
    }
}

static uint64_t add(struct search *search, uint64_t a, uint64_t b)
{
    if (a > UINT64_MAX - b) {
        search->beyond = true;
        return UINT64_MAX;
    }
    return a + b;
}

/* Adds the starts of each state to the ends of all that hardware can make of it. */
static void count_schedules(struct search *search)
{
    size_t size = search->count - search->layer;
    uint32_t *stack = smh_must_allocate(size, sizeof(*stack));
    uint32_t *seen = smh_must_allocate(size, sizeof(*seen));
    for (size_t i = search->layer; i < search->count; i++) {
        if (search->nodes[i].starts == 0) {
            continue;
        }
        size_t depth = 0;
        stack[depth++] = (uint32_t)i;
        seen[i - search->layer] = (uint32_t)i + 1;
        while (depth > 0) {
            struct node *node = &search->nodes[stack[--depth]];
            node->ends = add(search, node->ends, search->nodes[i].starts);
            for (unsigned j = 0; j < node->next_count; j++) {
                uint32_t next = node->next[j];
                if (seen[next - search->layer] != (uint32_t)i + 1) {
                    seen[next - search->layer] = (uint32_t)i + 1;
                    stack[depth++] = next;
                }
            }
        }
    }
    free(stack);
    free(seen);
}

struct wrong {
    uint32_t node;
    uint32_t moves;
    unsigned unit;
    bool lost;
    bool found;
};

static void note_wrong(struct wrong *wrong, const struct search *search, size_t node,
                       uint32_t units, bool lost)
{
    if (units != 0 && (!wrong->found || search->nodes[node].moves < wrong->moves)) {
        *wrong = (struct wrong){.node = (uint32_t)node,
                                .moves = search->nodes[node].moves,
                                .unit = (unsigned)__builtin_ctz(units),
                                .lost = lost,
                                .found = true};
    }
}

/* Units of a read that do not give what was last written. */
static uint32_t misread(const struct smh_explore_line *line, const struct smh_explore_event *event,
                        const uint8_t values[])
{
    uint32_t units = 0;
    if (event->concrete.kind != SMH_ACCESS_LOAD && event->concrete.kind != SMH_ACCESS_DMA_READ) {
        return 0;
    }
    for (unsigned unit = 0; unit < line->machine.units; unit++) {
        bool asked = (event->concrete.units >> unit & 1u) != 0;
        if (asked && event->expected[unit] != 0 && values[unit] != event->expected[unit]) {
            units |= (uint32_t)1 << unit;
        }
    }
    return units;
}

/* The next layer. *wrong: a read that is wrong, before the event (its node is of this layer). */
static void advance(struct search *search, size_t index, struct wrong *wrong)
{
    const struct smh_explore_line *line = search->line;
    const struct smh_explore_event *event = &line->events[index];
    uint8_t state[SMH_CONCRETE_BYTES_MAX];
    uint8_t values[SMH_CONCRETE_UNITS_MAX];
    size_t begin = search->layer;
    size_t end = search->count;
    search->layer = end;
    rehash(search, 256);
    for (size_t i = begin; i < end; i++) {
        memcpy(state, state_of(search, i), line->machine.bytes);
        smh_concrete_apply(&line->machine, state, &event->concrete, values);
        if (event->concrete.discards) {
            smh_concrete_give_up(&line->machine, state, event->concrete.units, event->expected);
        }
        note_wrong(wrong, search, i, misread(line, event, values), false);
        struct node as = {.parent = (uint32_t)i,
                          .moves = search->nodes[i].moves,
                          .event = (uint16_t)index,
                          .is_event = true};
        bool added;
        uint32_t next = find_or_add(search, state, &as, &added);
        if (!added) {
            (void)relax(search, next, &as);
        }
        search->nodes[next].starts = add(search, search->nodes[next].starts, search->nodes[i].ends);
    }
}

static void find_lost(const struct search *search, const struct smh_explore_event *event,
                      struct wrong *wrong)
{
    for (size_t i = search->layer; i < search->count; i++) {
        uint32_t lost =
            smh_concrete_lost(&search->line->machine, state_of(search, i), event->expected);
        note_wrong(wrong, search, i, lost & event->counted, true);
    }
}

static void add_step(struct smh_explore_outcome *outcome, const struct node *node)
{
    outcome->steps[outcome->step_count].is_event = node->is_event;
    outcome->steps[outcome->step_count].event = node->event;
    outcome->steps[outcome->step_count].move = node->move;
    outcome->step_count++;
}

/* The way to what goes wrong. index: of the event that shows it. */
static void retrace(const struct search *search, const struct wrong *wrong, size_t index,
                    struct smh_explore_outcome *outcome)
{
    size_t length = 1;
    for (uint32_t at = wrong->node; at != NO_PARENT; at = search->nodes[at].parent) {
        length++;
    }
    outcome->goes_wrong = true;
    outcome->lost = wrong->lost;
    outcome->unit = wrong->unit;
    outcome->steps = smh_must_allocate(length, sizeof(*outcome->steps));
    if (!wrong->lost) {
        struct node last = {.is_event = true, .event = (uint16_t)index};
        add_step(outcome, &last);
    }
    for (uint32_t at = wrong->node; search->nodes[at].parent != NO_PARENT;
         at = search->nodes[at].parent) {
        add_step(outcome, &search->nodes[at]);
    }
    for (size_t i = 0; i < outcome->step_count / 2; i++) {
        size_t j = outcome->step_count - 1 - i;
        __typeof__(outcome->steps[0]) swap = outcome->steps[i];
        outcome->steps[i] = outcome->steps[j];
        outcome->steps[j] = swap;
    }
}

int smh_explore_line_run(const struct smh_explore_line *line, struct smh_explore_outcome *outcome,
                         struct smh_error *error)
{
    struct search search = {.line = line};
    uint8_t first[SMH_CONCRETE_BYTES_MAX] = {0};
    struct node root = {.parent = NO_PARENT, .starts = 1};
    bool added;
    memset(outcome, 0, sizeof(*outcome));
    rehash(&search, 256);
    (void)find_or_add(&search, first, &root, &added);
    close_layer(&search);
    for (size_t i = 0; i < line->event_count && !outcome->goes_wrong && !search.too_many; i++) {
        struct wrong wrong = {.found = false};
        count_schedules(&search);
        advance(&search, i, &wrong);
        close_layer(&search);
        if (!wrong.found) {
            find_lost(&search, &line->events[i], &wrong);
        }
        if (wrong.found) {
            retrace(&search, &wrong, i, outcome);
        }
    }
    if (!search.too_many) {
        count_schedules(&search);
    }
    for (size_t i = search.layer; i < search.count; i++) {
        outcome->schedules = add(&search, outcome->schedules, search.nodes[i].ends);
    }
    outcome->states = search.count;
    outcome->beyond = search.beyond;
    free(search.states);
    free(search.nodes);
    free(search.table);
    return !search.too_many ? 0
                            : smh_error_set(error,
                                            "a line can be in more than %d states: too much "
                                            "to enumerate",
                                            SMH_EXPLORE_STATES_MAX);
}
