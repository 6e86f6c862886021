/* mutate.c: mutations that keep records whole. See mutate.h. */
#include "mutate.h"

#include "generate.h"

#include "../../sim/random.h"
#include "../../sim/workload/fuzz_input.h"

#include <string.h>

#define HEADER SMH_FUZZ_HEADER_BYTES
#define RECORD ((size_t)SMH_FUZZ_RECORD_BYTES)
/* Bytes of a record. */
enum { KIND, SLOT, SIZE_LOW, SIZE_HIGH, ALIGN, ATTR, ARGUMENT_LOW, ARGUMENT_HIGH };
/* How often an input is not changed but made anew. */
#define FRESH_ONE_IN 8

#define KIND_ALLOC 0
#define KIND_FREE  13

struct input {
    uint8_t *bytes;
    size_t count; /* records */
    size_t room;  /* records that fit */
    struct smh_random random;
};

static size_t below(struct input *input, size_t bound)
{
    return (size_t)smh_random_below(&input->random, bound);
}

static uint8_t *record_at(const struct input *input, size_t index)
{
    return input->bytes + HEADER + index * RECORD;
}

/* Makes room for n records at index; false: there is none. */
static bool open_gap(struct input *input, size_t index, size_t n)
{
    if (n > input->room - input->count) {
        return false;
    }
    memmove(record_at(input, index + n), record_at(input, index), (input->count - index) * RECORD);
    input->count += n;
    return true;
}

static void random_bytes(struct input *input, uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)smh_random_next(&input->random);
    }
}

static void insert(struct input *input)
{
    size_t n = 1 + below(input, below(input, 8) == 0 ? 64 : 4);
    size_t index = below(input, input->count + 1);
    if (!open_gap(input, index, n)) {
        return;
    }
    random_bytes(input, record_at(input, index), n * RECORD);
    bool burst = below(input, 4) == 0; /* of allocations, or of frees */
    uint8_t kind = below(input, 2) == 0 ? KIND_ALLOC : KIND_FREE;
    for (size_t i = 0; burst && i < n; i++) {
        record_at(input, index + i)[KIND] = kind;
    }
}

static void delete (struct input *input)
{
    if (input->count == 0) {
        return;
    }
    size_t index = below(input, input->count);
    size_t most = input->count - index;
    size_t n = 1 + below(input, below(input, 4) == 0 ? most : (most < 4 ? most : 4));
    memmove(record_at(input, index), record_at(input, index + n), (most - n) * RECORD);
    input->count -= n;
}

static void swap(struct input *input)
{
    if (input->count < 2) {
        return;
    }
    uint8_t *left = record_at(input, below(input, input->count));
    uint8_t *right = record_at(input, below(input, input->count));
    uint8_t kept[SMH_FUZZ_RECORD_BYTES];
    memcpy(kept, left, RECORD);
    memmove(left, right, RECORD);
    memcpy(right, kept, RECORD);
}

static void duplicate(struct input *input)
{
    if (input->count == 0) {
        return;
    }
    size_t from = below(input, input->count);
    size_t most = input->count - from < 32 ? input->count - from : 32;
    size_t n = 1 + below(input, most);
    size_t times = 1 + below(input, 4);
    for (size_t i = 0; i < times; i++) {
        if (!open_gap(input, from + n, n)) {
            return;
        }
        memcpy(record_at(input, from + n), record_at(input, from), n * RECORD);
    }
}

static uint8_t *any_record(struct input *input)
{
    return record_at(input, below(input, input->count));
}

static void retarget(struct input *input)
{
    if (input->count == 0) {
        return;
    }
    uint8_t *record = any_record(input);
    if (below(input, 2) == 0) {
        record[KIND] = KIND_FREE;
    }
    record[SLOT] =
        below(input, 2) == 0 ? any_record(input)[SLOT] : (uint8_t)below(input, SMH_FUZZ_SLOTS);
}

/* A size on the edge of a class, or that of another record, or one beside it. */
static void resize(struct input *input)
{
    if (input->count == 0) {
        return;
    }
    uint8_t *record = any_record(input);
    const uint8_t *other = any_record(input);
    unsigned code = (unsigned)(other[SIZE_LOW] | other[SIZE_HIGH] << 8);
    switch (below(input, 4)) {
    case 0: /* class 5 of fuzz_input.c */
        code = (unsigned)(5u << 13 | below(input, 1u << 13));
        break;
    case 1:
        code += (unsigned)below(input, 33) - 16u;
        break;
    case 2:
        code = (unsigned)below(input, 65536);
        break;
    default:
        break;
    }
    record[SIZE_LOW] = (uint8_t)code;
    record[SIZE_HIGH] = (uint8_t)(code >> 8);
}

static void change_byte(struct input *input)
{
    if (input->count == 0) {
        return;
    }
    uint8_t *byte = any_record(input) + below(input, RECORD);
    switch (below(input, 3)) {
    case 0:
        *byte = (uint8_t)(*byte ^ 1u << below(input, 8));
        break;
    case 1:
        *byte = (uint8_t)(*byte + below(input, 9) - 4);
        break;
    default:
        *byte = (uint8_t)below(input, 256);
        break;
    }
}

static void change_header(struct input *input)
{
    size_t index = below(input, 4) == 0 ? below(input, 8) : 8 + below(input, HEADER - 8);
    if (below(input, 8) == 0) {
        index = below(input, 2);
        input->bytes[index] = 0; /* all kinds on again */
    } else if (below(input, 2) == 0) {
        input->bytes[index] = (uint8_t)(input->bytes[index] ^ 1u << below(input, 8));
    } else {
        input->bytes[index] = (uint8_t)below(input, 256);
    }
}

/* How often each is drawn. */
static void (*const mutations[16])(struct input *) = {
    insert,   insert, insert,   delete,   delete, delete,      swap,        duplicate,
    retarget, resize, retarget, retarget, resize, change_byte, change_byte, change_header,
};

size_t fuzz_mutate(uint8_t *bytes, size_t size, size_t max_size, unsigned seed)
{
    struct input input = {.bytes = bytes};
    if (max_size < HEADER) {
        return size < max_size ? size : max_size;
    }
    if (size < HEADER) {
        memset(bytes + size, 0, HEADER - size);
        size = HEADER;
    }
    smh_random_init(&input.random, seed, 0);
    if (below(&input, FRESH_ONE_IN) == 0) {
        return fuzz_generate(bytes, max_size, smh_random_next(&input.random));
    }
    input.count = (size - HEADER) / RECORD;
    input.room = (max_size - HEADER) / RECORD;
    input.count = input.count < input.room ? input.count : input.room;
    size_t times = 1 + below(&input, below(&input, 4) == 0 ? 16 : 4);
    for (size_t i = 0; i < times; i++) {
        mutations[below(&input, 16)](&input);
    }
    return HEADER + input.count * RECORD;
}

size_t fuzz_cross(const uint8_t *left, size_t left_size, const uint8_t *right, size_t right_size,
                  uint8_t *out, size_t max_size, unsigned seed)
{
    struct input input = {.bytes = out};
    if (max_size < HEADER || left_size < HEADER || right_size < HEADER) {
        size_t size = left_size < max_size ? left_size : max_size;
        memcpy(out, left, size);
        return size;
    }
    smh_random_init(&input.random, seed, 1);
    input.room = (max_size - HEADER) / RECORD;
    memcpy(out, below(&input, 2) == 0 ? left : right, HEADER);
    size_t counts[2] = {(left_size - HEADER) / RECORD, (right_size - HEADER) / RECORD};
    const uint8_t *from[2] = {left + HEADER, right + HEADER};
    size_t at[2] = {0, 0};
    bool takes_turns = below(&input, 2) == 0; /* else: a head of one, a tail of the other */
    for (size_t turn = 0; input.count < input.room; turn ^= 1) {
        if (at[0] == counts[0] && at[1] == counts[1]) {
            break;
        }
        size_t rest = counts[turn] - at[turn];
        size_t n = rest == 0 ? 0 : below(&input, rest + 1);
        if (n > input.room - input.count) {
            n = input.room - input.count;
        }
        memcpy(record_at(&input, input.count), from[turn] + at[turn] * RECORD, n * RECORD);
        input.count += n;
        at[turn] += n;
        if (!takes_turns) {
            size_t cut = below(&input, counts[1] + 1);
            size_t tail = counts[1] - cut;
            tail = tail < input.room - input.count ? tail : input.room - input.count;
            memcpy(record_at(&input, input.count), from[1] + cut * RECORD, tail * RECORD);
            input.count += tail;
            break;
        }
    }
    return HEADER + input.count * RECORD;
}
