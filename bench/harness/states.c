/* states.c: states of a heap, made by hand, in which calls may be dear.
 *
 * Owns: the list below. Each ends with calls of every kind; a search goes on from there.
 *
 *     comb      |x| |x| |x| |x|       equal blocks, every second freed
 *     hole      |x|       |x|         one freed between two, each of another size
 *     ladder    | | | |  |  |   |     a hole in class after class
 *     halves    |     |  | ||         the heap halved again and again, some halves freed
 *     powers    |     xxxxxxxxxxxx|   full, but for one block of a power of two
 *     aligned   |x|..|x|...           blocks at multiples of large powers of two, with rests
 * between full      |xxxxxxxxxxxxx|       no room fresh     |             |       all room
 *
 * Invariants: a state depends on its arguments alone.
 */
#include "adversary.h"

enum state { COMB, HOLE, LADDER, HALVES, POWERS, ALIGNED, FULL, FRESH, STATE_COUNT };

#define SIZES_A_STATE 8u

size_t bench_state_count(void)
{
    return (size_t)STATE_COUNT * SIZES_A_STATE;
}

static void add(struct bench_sequence *sequence, enum bench_kind kind, uint32_t slot,
                uint64_t bytes, unsigned align_shift)
{
    if (sequence->count < BENCH_SEQUENCE_MAX && slot < BENCH_SLOTS_MAX) {
        sequence->operations[sequence->count++] =
            (struct bench_operation){.bytes = bytes == 0 ? 1 : bytes,
                                     .slot = slot,
                                     .kind = (uint8_t)kind,
                                     .align_shift = (uint8_t)align_shift};
    }
}

/* Sizes from the smallest block to most of the heap, some at the edge of a power of 64 units. */
static uint64_t size_of_state(size_t which, size_t heap_bytes)
{
    const uint64_t sizes[SIZES_A_STATE] = {
        24, 256, 512 + 16, 4096 + 24, 32768 + 520, heap_bytes / 64, heap_bytes / 7, heap_bytes / 3};

    return sizes[which] < heap_bytes / 3 ? sizes[which] : heap_bytes / 3;
}

uint64_t bench_edge_size(struct smh_random *random, size_t heap_bytes,
                         const struct bench_sequence *sequence)
{
    unsigned most = 63u - (unsigned)__builtin_clzll(heap_bytes);
    uint64_t base;
    uint64_t nudge = smh_random_below(random, 4) * 8;

    switch (smh_random_below(random, 6)) {
    case 0: /* exact classes, one by one */
        base = 8 * (1 + smh_random_below(random, 80));
        break;
    case 1: /* a power of two, and the classes between two of them */
        base = (uint64_t)1 << (3 + smh_random_below(random, most - 3));
        base += base / 32 * smh_random_below(random, 32);
        break;
    case 2: /* words of a bitmap, at 8 bytes a unit */
        base = 256 * (1 + smh_random_below(random, 64));
        break;
    case 3: /* a share of the heap */
        base = heap_bytes / (2 + smh_random_below(random, 30));
        break;
    default: /* as large as another, or as two others */
        if (sequence->count == 0) {
            return 64;
        }
        base = sequence->operations[smh_random_below(random, sequence->count)].bytes;
        if (smh_random_below(random, 2) == 0) {
            base += sequence->operations[smh_random_below(random, sequence->count)].bytes;
        }
        break;
    }
    base = smh_random_below(random, 2) == 0 ? base + nudge : base - (nudge < base ? nudge : 0);
    return base == 0 ? 1 : base < heap_bytes ? base : heap_bytes;
}

/* Blocks of `bytes` until four fifths of the heap are used, or `most` of them. */
static uint32_t fill(struct bench_sequence *sequence, size_t heap_bytes, uint64_t bytes,
                     uint32_t most)
{
    uint64_t room = heap_bytes / 5 * 4 / (bytes + 8);
    uint32_t count = room < most ? (uint32_t)room : most;

    for (uint32_t i = 0; i < count; i++) {
        add(sequence, BENCH_ALLOC, i, bytes, 0);
    }
    return count;
}

static void make_halves(struct bench_sequence *sequence, size_t heap_bytes, bool freed)
{
    uint32_t slot = 0;

    for (uint64_t bytes = heap_bytes / 2; bytes >= 16; bytes /= 2) {
        add(sequence, BENCH_ALLOC, slot++, bytes - bytes / 32, 0);
        add(sequence, BENCH_ALLOC, slot++, bytes / 64, 0);
    }
    for (uint32_t i = 0; i < slot && freed; i += 2) {
        add(sequence, BENCH_FREE, i, 0, 0);
    }
}

/* Then the smallest block, which must come from the largest; and given back. */
static void make_powers(struct bench_sequence *sequence, size_t heap_bytes, size_t left_free)
{
    uint32_t slot = 1;

    add(sequence, BENCH_ALLOC, 0, heap_bytes >> left_free, 0);
    for (uint64_t bytes = heap_bytes / 2; bytes >= 8; bytes /= 2) {
        add(sequence, BENCH_ALLOC, slot++, bytes, 0);
        add(sequence, BENCH_ALLOC, slot++, bytes, 0);
    }
    add(sequence, BENCH_FREE, 0, 0, 0);
    add(sequence, BENCH_ALLOC, 0, 8, 0);
    add(sequence, BENCH_REALLOC, 0, heap_bytes >> (left_free + 1), 0);
    add(sequence, BENCH_REALLOC, 0, 8, 0);
    add(sequence, BENCH_FREE, 0, 0, 0);
    add(sequence, BENCH_ALLOC, 0, 8, 3 + (unsigned)left_free);
    add(sequence, BENCH_FREE, 0, 0, 0);
}

static void make_ladder(struct bench_sequence *sequence, size_t heap_bytes)
{
    uint32_t slot = 0;

    for (uint64_t bytes = 16; bytes < heap_bytes / 8; bytes += 8 + bytes / 8) {
        add(sequence, BENCH_ALLOC, slot++, bytes, 0);
        add(sequence, BENCH_ALLOC, slot++, 16, 0);
    }
    for (uint32_t i = 0; i < slot; i += 2) {
        add(sequence, BENCH_FREE, i, 0, 0);
    }
}

static void make_aligned(struct bench_sequence *sequence, uint64_t bytes)
{
    for (uint32_t i = 0; i < 24; i++) {
        add(sequence, BENCH_ALLOC, 2 * i, 16 + 8 * (i % 5), 0);
        add(sequence, BENCH_ALLOC, 2 * i + 1, bytes, 5 + i % 8);
    }
    for (uint32_t i = 0; i < 24; i += 2) {
        add(sequence, BENCH_FREE, 2 * i, 0, 0);
    }
}

/* One call of every kind and then some, where the state is dear. */
static void add_calls(struct bench_sequence *sequence, size_t heap_bytes, struct smh_random *random)
{
    for (uint32_t i = 0; i < 12; i++) {
        uint32_t other = (uint32_t)smh_random_below(random, 32);
        uint64_t bytes = bench_edge_size(random, heap_bytes, sequence);

        add(sequence, BENCH_ALLOC, BENCH_SLOTS_MAX - 1 - i, bytes,
            i % 2 == 0 ? 0 : 4 + (unsigned)smh_random_below(random, 10));
        add(sequence, BENCH_REALLOC, other, bytes, 0);
        add(sequence, BENCH_FREE, other, 0, 0);
    }
}

void bench_state_make(size_t index, size_t heap_bytes, struct smh_random *random,
                      struct bench_sequence *sequence)
{
    uint64_t bytes = size_of_state(index % SIZES_A_STATE, heap_bytes);
    uint32_t count;

    sequence->count = 0;
    switch ((enum state)(index / SIZES_A_STATE % STATE_COUNT)) {
    case COMB:
        count = fill(sequence, heap_bytes, bytes, 120);
        for (uint32_t i = 1; i < count; i += 2) {
            add(sequence, BENCH_FREE, i, 0, 0);
        }
        break;
    case HOLE:
        add(sequence, BENCH_ALLOC, 0, bytes, 0);
        add(sequence, BENCH_ALLOC, 1, bytes / 2 + 8, 0);
        add(sequence, BENCH_ALLOC, 2, bytes / 3, 0);
        add(sequence, BENCH_ALLOC, 3, 16, 0);
        add(sequence, BENCH_FREE, index % 2 == 0 ? 0 : 1, 0, 0);
        add(sequence, BENCH_FREE, 2, 0, 0);
        break;
    case LADDER:
        make_ladder(sequence, heap_bytes);
        break;
    case HALVES:
        make_halves(sequence, heap_bytes, index % 2 == 0);
        break;
    case POWERS:
        make_powers(sequence, heap_bytes, index % 4 + 1);
        break;
    case ALIGNED:
        make_aligned(sequence, bytes / 8);
        break;
    case FULL:
        fill(sequence, heap_bytes, heap_bytes / 100, 90);
        make_halves(sequence, heap_bytes, false);
        break;
    default:
        break;
    }
    add_calls(sequence, heap_bytes, random);
}
