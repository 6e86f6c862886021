/* forged.c: what adds up and is wrong, and each bit of what does not. See forged.h.
 *
 *     buddy    | 4       | 2   | 1 |  ->  | 2   | 4       | 1 |      neighbours change places: the
 *                                                                   sizes are the same, no place is
 *     zephyr   | free A      | live | free B      |   the list leads to A + d and B - d, where the
 *              |   A'.. A    | live |  B' .. B    |   same headers stand
 *     bitmap   a heap of the next granule, whose last chunk is no multiple of it
 */
#include "forged.h"

#include "../../sim/random.h"
#include "../engines.h"
#include "../naive/naive_verdict.h"
#include "../stage.h"

#define BLOCKS      24u
#define HEADER_MOST 16u
#define LARGE_BYTES ((size_t)15 * 8) /* bitmap's, in a region of less than 1024 units */

static _Alignas(64) uint8_t memory[8192];

static void open_heap(struct smh_heap *heap, const struct smh_engine *engine, size_t size,
                      unsigned target_bits)
{
    const struct smh_heap_config config = {
        .memory = memory, .memory_size = size, .target_bits = target_bits, .engine = engine};
    memset(memory, 0, sizeof(memory));
    FUZZ_REQUIRE(smh_heap_init(heap, &config) == 0, "forged: %zu bytes are no heap of %s", size,
                 engine->name);
}

static void must_refuse(const struct smh_heap *heap, const char *what)
{
    FUZZ_REQUIRE(smh_heap_check(heap, NULL) != 0, "the validator of %s does not see %s",
                 heap->engine->name, what);
}

static void forge_buddy(struct smh_random *random)
{
    struct smh_heap heap;
    struct smh_chunk left = {0};
    struct smh_chunk right;
    open_heap(&heap, &smh_engine_buddy, sizeof(memory), 64);
    for (unsigned i = 0; i < BLOCKS; i++) {
        (void)smh_heap_alloc(&heap, (size_t)16 << smh_random_below(random, 4));
    }
    uint8_t *table = heap.metadata + heap.metadata_size - (heap.capacity_bytes >> heap.step_shift);
    size_t first = SIZE_MAX;
    while (smh_heap_walk(&heap, &left)) {
        first = first == SIZE_MAX ? left.offset : first;
        right = left;
        if (!smh_heap_walk(&heap, &right) || !left.used || !right.used || left.size == right.size) {
            continue;
        }
        uint8_t *at = table + ((left.offset - first) >> heap.step_shift);
        uint8_t *was = at + (left.size >> heap.step_shift);
        uint8_t *is = at + (right.size >> heap.step_shift);
        uint8_t entries[2] = {*at, *was};
        *was = 0;
        *at = entries[1];
        *is = entries[0];
        must_refuse(&heap, "two blocks that have changed places");
        *is = 0;
        *at = entries[0];
        *was = entries[1];
    }
    /* No entry says where the first block begins, and none lies before it. */
    uint8_t entry = table[0];
    table[0] = 0;
    for (size_t unit = 1; unit == 1 || table[unit - 1] == 0; unit++) {
        const uint8_t *place = heap.memory + first + ((unit - 1) << heap.step_shift);
        FUZZ_REQUIRE(smh_heap_verdict(&heap, place) == -EINVAL,
                     "forged: buddy knows a block that is in no table");
    }
    table[0] = entry;
    FUZZ_REQUIRE(smh_heap_check(&heap, NULL) == 0, "forged: a buddy heap is broken");
}

/* Where zephyr keeps a link, in words of half the header's size. */
static uint32_t get(const uint8_t *at, size_t width)
{
    uint32_t word = 0;
    memcpy(&word, at, width); /* of a small number, and lowest byte first */
    return word;
}

static void set(uint8_t *at, size_t width, uint32_t word)
{
    memcpy(at, &word, width);
}

static void forge_zephyr(struct smh_random *random, unsigned target_bits)
{
    struct smh_heap heap;
    struct smh_chunk chunk = {0};
    size_t width = target_bits == 64 ? 4 : 2;
    uint8_t *blocks[6];
    uint8_t *free_chunks[2] = {NULL, NULL};
    size_t count = 0;
    open_heap(&heap, &smh_engine_zephyr, 2048, target_bits);
    size_t bytes = 100 + (size_t)smh_random_below(random, 60);
    for (unsigned i = 0; i < 6; i++) {
        blocks[i] = smh_heap_alloc(&heap, bytes);
    }
    while (smh_heap_alloc(&heap, 1) != NULL) {
    }
    FUZZ_REQUIRE(smh_heap_free(&heap, blocks[1]) == 0 && smh_heap_free(&heap, blocks[3]) == 0,
                 "forged: a block stays");
    while (smh_heap_walk(&heap, &chunk)) {
        if (!chunk.used && chunk.size > bytes && count < 2) {
            free_chunks[count++] = heap.memory + chunk.offset;
        }
    }
    FUZZ_REQUIRE(count == 2 && smh_heap_check(&heap, NULL) == 0, "forged: zephyr is broken");
    /* Each chunk is the other's neighbour in both directions. */
    uint32_t units[2] = {get(free_chunks[1] + 2 * width, width),
                         get(free_chunks[0] + 2 * width, width)};
    uint32_t shift = 4 + (uint32_t)smh_random_below(random, 3);
    uint8_t *copies[2] = {free_chunks[0] + shift * 8, free_chunks[1] + shift * 8};
    uint32_t moved[2] = {units[0] + shift, units[1] + shift};
    if (smh_random_below(random, 2) == 0) { /* into the live block before it: sums stay */
        copies[1] = free_chunks[1] - shift * 8;
        moved[1] = units[1] - shift;
    }
    for (unsigned i = 0; i < 2; i++) {
        memcpy(copies[i], free_chunks[i], HEADER_MOST);
        set(copies[i] + 2 * width, width, moved[1 - i]);
        set(copies[i] + 3 * width, width, moved[1 - i]);
    }
    /* Bucket heads lie before the first chunk: whatever names one of the two names its copy. */
    chunk = (struct smh_chunk){0};
    (void)smh_heap_walk(&heap, &chunk);
    for (size_t at = 16; at + 4 <= chunk.offset; at += 4) {
        uint32_t head = get(memory + at, 4);
        set(memory + at, 4, head == units[0] ? moved[0] : head == units[1] ? moved[1] : head);
    }
    must_refuse(&heap, "a list of what looks like free chunks");
}

static void forge_granule(struct smh_random *random, size_t granule)
{
    struct smh_heap heap;
    const struct smh_heap_config config = {
        .memory = memory,
        .memory_size = sizeof(memory) - ((size_t)smh_random_below(random, 64)) * 8,
        .granule = granule,
        .engine = &smh_engine_bitmap};
    FUZZ_REQUIRE(smh_heap_init(&heap, &config) == 0, "forged: no heap of bitmap");
    for (uint64_t i = smh_random_below(random, 4); i != 0; i--) {
        (void)smh_heap_alloc(&heap, granule * 4); /* multiples of the larger granule */
    }
    heap.step_shift++;
    heap.granule_shift++;
    if (heap.capacity_bytes % (granule * 2) != 0) {
        must_refuse(&heap, "a chunk that is no multiple of the granule");
    }
}

/* Where the engine's words say which chunk is the reserve: at first the one that is all. */
static size_t reserve_place(const struct smh_heap *heap)
{
    struct smh_chunk chunk = {0};
    size_t place = 0;
    FUZZ_REQUIRE(smh_heap_walk(heap, &chunk), "forged: no heap of bitmap");
    const uint32_t whole[2] = {3, 3 + (uint32_t)(chunk.size / 8)}; /* as the layout counts units */
    while (memcmp((const uint8_t *)heap->state + place, whole, sizeof(whole)) != 0) {
        place += sizeof(whole[0]);
        FUZZ_REQUIRE(place + sizeof(whole) <= sizeof(heap->state), "forged: there is no reserve");
    }
    return place;
}

/* Each free chunk named the reserve, which but one are not. */
static void forge_reserves(struct smh_heap *heap, size_t place)
{
    struct smh_chunk chunk = {0};
    uint8_t *named = (uint8_t *)heap->state + place;
    uint32_t kept[2];
    size_t first = SIZE_MAX;
    memcpy(kept, named, sizeof(kept));
    while (smh_heap_walk(heap, &chunk)) {
        first = first == SIZE_MAX ? chunk.offset : first;
        uint32_t number = 3 + (uint32_t)((chunk.offset - first) / 8);
        const uint32_t ends[2] = {number, number + (uint32_t)(chunk.size / 8)};
        if (!chunk.used && number != kept[0]) {
            memcpy(named, ends, sizeof(ends));
            must_refuse(heap, "a chunk of a list that is named the reserve");
            memcpy(named, kept, sizeof(kept));
        }
    }
}

/* The links of each large free chunk of engine bitmap, and the size that it says, from the smallest
 * large one on; but for the reserve, which says none, and what the first of a list links back to.
 */
static void forge_large(struct smh_random *random)
{
    struct smh_heap heap;
    struct smh_chunk chunk = {0};
    uint8_t *blocks[BLOCKS];
    unsigned unseen[3] = {0}; /* of next, previous, size */
    size_t least = LARGE_BYTES;
    open_heap(&heap, &smh_engine_bitmap, 2048 + (size_t)smh_random_below(random, 256) * 8, 64);
    size_t place = reserve_place(&heap);
    for (unsigned i = 0; i < BLOCKS; i++) {
        blocks[i] = smh_heap_alloc(
            &heap, i % 2 == 0 ? least + (size_t)smh_random_below(random, 3) * 8 : 16);
    }
    for (unsigned i = 0; i < BLOCKS; i += 2) {
        FUZZ_REQUIRE(smh_heap_free(&heap, blocks[i]) == 0, "forged: a block stays");
    }
    while (smh_heap_walk(&heap, &chunk)) {
        if (!chunk.used && chunk.size >= least) {
            for (unsigned i = 0; i < 3; i++) {
                uint8_t *word = heap.memory + chunk.offset + (size_t)i * 4;
                *word ^= 1;
                unseen[i] += smh_heap_check(&heap, NULL) == 0;
                *word ^= 1;
            }
        }
    }
    /* Of three sizes, so three lists at most. */
    FUZZ_REQUIRE(unseen[0] <= 1 && unseen[1] <= 1 + 3 && unseen[2] <= 1,
                 "the validator of bitmap does not see %u wrong links, %u back, %u wrong sizes",
                 unseen[0], unseen[1], unseen[2]);
    forge_reserves(&heap, place);
}

/* Each bit of each header changed: the verdict on the block behind it is what headers say then. */
static void forge_headers(const struct smh_engine *engine, unsigned target_bits,
                          struct smh_random *random)
{
    struct smh_heap heap;
    uint8_t *blocks[BLOCKS];
    open_heap(&heap, engine, 2048, target_bits);
    if (!naive_verdict_knows(&heap)) {
        return;
    }
    for (unsigned i = 0; i < BLOCKS; i++) {
        blocks[i] = smh_heap_alloc(&heap, 1 + (size_t)smh_random_below(random, 60));
    }
    for (unsigned i = 0; i < BLOCKS; i += 3) {
        FUZZ_REQUIRE(smh_heap_free(&heap, blocks[i]) == 0, "forged: a block stays");
    }
    for (unsigned i = 0; i < BLOCKS * 64; i++) {
        uint8_t *block = blocks[i / 64];
        uint8_t *byte = block - 1 - i / 8 % 8;
        if (block == NULL || byte < memory) {
            continue;
        }
        *byte ^= (uint8_t)(1u << i % 8);
        int verdict = smh_heap_verdict(&heap, block);
        int expected = naive_verdict(&heap, block);
        *byte ^= (uint8_t)(1u << i % 8);
        FUZZ_REQUIRE(verdict == expected,
                     "%s: the verdict on offset %td is %d, by its header, of which bit %u is "
                     "changed, %d",
                     engine->name, block - memory, verdict, i % 64, expected);
    }
}

/* Engine bitmap's only free chunk, of `bytes`, made the reserve: its ends in the engine's words
 * where those of the whole heap stood, and in no list. */
static void forge_reserve(size_t bytes)
{
    static uint8_t tables[1024];
    struct smh_heap heap;
    struct smh_chunk chunk = {0};
    open_heap(&heap, &smh_engine_bitmap, 4096, 64);
    size_t place = reserve_place(&heap);
    FUZZ_REQUIRE(smh_heap_walk(&heap, &chunk) && heap.metadata_size <= sizeof(tables),
                 "forged: no heap of bitmap");
    const uint32_t ends[2] = {3, 3 + (uint32_t)(bytes / 8)};
    void *block = smh_heap_alloc(&heap, bytes);
    FUZZ_REQUIRE(block == heap.memory + chunk.offset &&
                     smh_heap_alloc(&heap, heap.engine->largest_free(&heap)) != NULL,
                 "forged: a heap is not filled");
    const struct smh_heap full = heap;
    memcpy(tables, heap.metadata, heap.metadata_size);
    FUZZ_REQUIRE(smh_heap_free(&heap, block) == 0 && smh_heap_check(&heap, NULL) == 0,
                 "forged: a block stays");
    memcpy(heap.state, full.state, sizeof(heap.state));
    memcpy((uint8_t *)heap.state + place, ends, sizeof(ends));
    memcpy(heap.metadata, tables, heap.metadata_size);
    heap.metadata[8] |= 1u << 4; /* the second bit of its mark, behind a word of zeros */
    FUZZ_REQUIRE((smh_heap_check(&heap, NULL) == 0) == (bytes >= LARGE_BYTES),
                 "the validator of bitmap is wrong about a reserve of %zu bytes", bytes);
}

/* Each bit of zephyr's words that say where chunks end and which lists have entries, in a heap with
 * free chunks and in a full one, of several sizes: the number of lists hangs on it. */
static void forge_available(const struct smh_engine *engine, unsigned target_bits)
{
    struct smh_heap heap;
    for (unsigned i = 0; i < 64 * 8; i++) {
        uint8_t *byte = &memory[8 + i / 8 % 8];
        if (i % 64 == 0) {
            open_heap(&heap, engine, (size_t)512 << i / 128, target_bits);
            FUZZ_REQUIRE(smh_heap_alloc(&heap, 100) != NULL, "forged: 100 bytes are refused");
            while (i % 128 == 64 && heap.engine->largest_free(&heap) != 0) {
                (void)smh_heap_alloc(&heap, heap.engine->largest_free(&heap));
            }
        }
        *byte ^= (uint8_t)(1u << i % 8);
        must_refuse(&heap, "a bit of chunk 0's words changed");
        *byte ^= (uint8_t)(1u << i % 8);
    }
}

/* A counter on the wrong side of its bound, by one. */
static void forge_counters(const struct smh_engine *engine)
{
    struct smh_heap heap;
    open_heap(&heap, engine, 2048, 64);
    FUZZ_REQUIRE(smh_heap_alloc(&heap, 100) != NULL && smh_heap_alloc(&heap, 100) != NULL,
                 "forged: 100 bytes are refused");
    const struct smh_heap sound = heap;
    heap.peak_used_bytes = heap.capacity_bytes;
    FUZZ_REQUIRE(smh_heap_check(&heap, NULL) == 0, "forged: a peak of all is refused");
    heap.peak_used_bytes = heap.capacity_bytes + 1;
    must_refuse(&heap, "a peak of more than all");
    heap.peak_used_bytes = heap.used_bytes - 1;
    must_refuse(&heap, "a peak below what is used");
    heap = sound;
    heap.allocated_blocks = 1;
    must_refuse(&heap, "more blocks than were ever allocated");
    heap = sound;
    heap.capacity_bytes++;
    must_refuse(&heap, "a byte too much of capacity");
}

/* first_fit, but for the place of a free chunk: as far behind memory as it should lie inside. */
static bool walk_outside(const struct smh_heap *heap, struct smh_chunk *chunk)
{
    bool more = smh_engine_first_fit.walk(heap, chunk);
    chunk->offset += more && !chunk->used ? heap->memory_size : 0;
    return more;
}

static void forge_walk(void)
{
    struct smh_heap heap;
    struct smh_engine liar = smh_engine_first_fit;
    liar.walk = walk_outside;
    open_heap(&heap, &liar, 2048, 64);
    FUZZ_REQUIRE(smh_heap_alloc(&heap, 100) != NULL, "forged: 100 bytes are refused");
    must_refuse(&heap, "a chunk behind memory");
}

void fuzz_judge_forged(uint64_t seed)
{
    struct smh_random random;
    forge_walk();
    for (size_t i = 0; smh_engine_at(i) != NULL; i++) {
        if (smh_engine_at(i) != &smh_engine_zephyr_stats) { /* has its own copy of the peak */
            forge_counters(smh_engine_at(i));
        }
    }
    smh_random_init(&random, seed, 2);
    for (size_t i = 0; smh_engine_at(i) != NULL; i++) {
        forge_headers(smh_engine_at(i), 32, &random);
        forge_headers(smh_engine_at(i), 64, &random);
        if (fuzz_engine_is_zephyr(smh_engine_at(i))) {
            forge_available(smh_engine_at(i), 32);
            forge_available(smh_engine_at(i), 64);
        }
    }
    forge_buddy(&random);
    forge_large(&random);
    forge_reserve(LARGE_BYTES - 8 - 8 * (size_t)smh_random_below(&random, 12));
    forge_reserve(LARGE_BYTES);
    forge_zephyr(&random, 32);
    forge_zephyr(&random, 64);
    for (size_t granule = 8; granule <= 64; granule *= 2) {
        forge_granule(&random, granule);
    }
}
