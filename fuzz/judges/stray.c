/* stray.c: forged links. See stray.h.
 *
 *     | live | free: next previous size | live | free | ...     each of the three may become:
 *              '- the chunk's own number, another free one's, a block's, one beside them, what it
 * was
 *
 * What a block holds may look like a free chunk: two links, and its size.
 */
#include "stray.h"

#include "../../sim/random.h"
#include "../stage.h"

#define STEPS 400u
#define LIVE  32u

static _Alignas(64) uint8_t memory[(size_t)1 << 16];

struct held {
    uint8_t *block;
    size_t bytes;
    uint8_t mark;
    uint32_t links[3]; /* its first bytes */
};

/* The chunk at a random place in the walk, and its number by the engine's count: 3 is the first. */
static uint32_t draw_chunk(const struct smh_heap *heap, struct smh_random *random,
                           struct smh_chunk *drawn, bool only_free)
{
    struct smh_chunk chunk = {0};
    uint64_t met = 0;
    size_t first = SIZE_MAX;
    uint32_t number = 0;
    while (smh_heap_walk(heap, &chunk)) {
        first = first == SIZE_MAX ? chunk.offset : first;
        if ((!only_free || !chunk.used) && smh_random_below(random, ++met) == 0) {
            *drawn = chunk;
            number = 3 + (uint32_t)((chunk.offset - first) / 8);
        }
    }
    return number;
}

/* A bit of a word in the midst of a chunk, of any or of the longest block: any word, or that of the
 * first descriptor or the last; one of the lowest bits, which count, or where their ones begin. */
static uint32_t draw_in_descriptor(const struct smh_heap *heap, struct smh_random *random)
{
    struct smh_chunk chunk = {0};
    struct smh_chunk longest = {0};
    uint32_t number = draw_chunk(heap, random, &longest, false);
    size_t first = SIZE_MAX;
    bool any = smh_random_below(random, 2) == 0;
    while (!any && smh_heap_walk(heap, &chunk)) {
        first = first == SIZE_MAX ? chunk.offset : first;
        if (chunk.used && (!longest.used || chunk.size > longest.size)) {
            longest = chunk;
            number = 3 + (uint32_t)((chunk.offset - first) / 8);
        }
    }
    uint32_t units = (uint32_t)(longest.size / 8);
    uint32_t words[3] = {(number + (uint32_t)smh_random_below(random, units)) / 64, number / 64 + 2,
                         (number + units) / 64 - 2};
    uint32_t bit = (uint32_t)smh_random_below(random, 16);
    bit = bit < 8 ? bit : 28 + bit % 4;
    return words[smh_random_below(random, 3)] * 64 + bit;
}

static void forge(const struct smh_heap *heap, struct smh_random *random)
{
    struct smh_chunk chunk = {0};
    struct smh_chunk other = {0};
    uint32_t links[3];
    uint32_t own = draw_chunk(heap, random, &chunk, true);
    if (own == 0) {
        return;
    }
    memcpy(links, heap->memory + chunk.offset, sizeof(links));
    for (unsigned i = 0; i < 3; i++) {
        switch (smh_random_below(random, 7)) {
        case 0:
            links[i] = own;
            break;
        case 1:
            links[i] = draw_chunk(heap, random, &other, true);
            break;
        case 2:
            links[i] = draw_chunk(heap, random, &other, false);
            break;
        case 3:
            links[i] = draw_chunk(heap, random, &other, false) + 1;
            break;
        case 4:
            links[i] = (uint32_t)smh_random_below(random, 16);
            break;
        case 5: /* in the midst of a chunk, where its bitmap may be a descriptor */
            links[i] = draw_in_descriptor(heap, random);
            break;
        default:
            break;
        }
    }
    memcpy(heap->memory + chunk.offset, links, sizeof(links));
}

static void judge_block(const struct smh_heap *heap, const struct held *held, const uint8_t *block,
                        size_t bytes)
{
    const uint8_t *tables = heap->metadata + heap->metadata_size;
    FUZZ_REQUIRE(block >= tables && block + bytes <= memory + heap->memory_size,
                 "after a stray write bitmap gives %zu bytes at 0x%tx", bytes, block - memory);
    for (unsigned i = 0; i < LIVE; i++) {
        FUZZ_REQUIRE(held[i].block == NULL || block + bytes <= held[i].block ||
                         held[i].block + held[i].bytes <= block,
                     "after a stray write bitmap gives %zu bytes at 0x%tx, of which a block of "
                     "%zu at 0x%tx holds some",
                     bytes, block - memory, held[i].bytes, held[i].block - memory);
    }
}

/* Writes every byte: a mark, and links before it now and then. */
static void fill(const struct smh_heap *heap, struct held *held, struct smh_random *random)
{
    struct smh_chunk chunk;
    memset(held->block, held->mark, held->bytes);
    if (smh_random_below(random, 2) == 0) {
        held->links[0] = draw_chunk(heap, random, &chunk, false);
        held->links[1] = draw_chunk(heap, random, &chunk, true);
        held->links[2] = (uint32_t)(smh_heap_usable_size(heap, held->block) / 8);
        memcpy(held->block, held->links, sizeof(held->links));
    }
    memcpy(held->links, held->block, sizeof(held->links));
}

static void give_back(struct smh_heap *heap, struct held *held)
{
    FUZZ_REQUIRE(memcmp(held->links, held->block, sizeof(held->links)) == 0,
                 "after a stray write bitmap writes to the block at 0x%tx", held->block - memory);
    for (size_t i = sizeof(held->links); i < held->bytes; i++) {
        FUZZ_REQUIRE(held->block[i] == held->mark,
                     "after a stray write bitmap writes to byte %zu of the block at 0x%tx", i,
                     held->block - memory);
    }
    FUZZ_REQUIRE(smh_heap_free(heap, held->block) == 0,
                 "after a stray write bitmap refuses the block at 0x%tx", held->block - memory);
    held->block = NULL;
}

/* A list that goes on at a bit of the words in which a long block's descriptors are: whatever is
 * written there, nothing of the block may be handed out or written to. */
static void judge_descriptor(size_t bytes, unsigned bit, bool last, bool slowly)
{
    const struct smh_heap_config config = {
        .memory = memory, .memory_size = 1 << 14, .engine = &smh_engine_bitmap};
    struct smh_heap heap;
    struct smh_chunk first = {0};
    uint8_t *small[6];
    FUZZ_REQUIRE(smh_heap_init(&heap, &config) == 0 && smh_heap_walk(&heap, &first),
                 "16 KiB are no heap");
    struct held held[LIVE] = {{.block = smh_heap_alloc(&heap, 1 << 13), .bytes = 1 << 13}};
    for (unsigned i = 0; i < 6; i++) {
        small[i] = smh_heap_alloc(&heap, bytes);
    }
    memset(held[0].block, held[0].mark, held[0].bytes);
    uint32_t number = 3 + (uint32_t)((size_t)(held[0].block - heap.memory) - first.offset) / 8;
    uint32_t word = last ? (number + (1 << 10)) / 64 - 2 : number / 64 + 2;
    const uint32_t links[2] = {word * 64 + bit, word * 64 + bit};
    for (unsigned i = 0; i < 6; i += 2) {
        FUZZ_REQUIRE(smh_heap_free(&heap, small[i]) == 0, "a block stays");
    }
    for (unsigned i = 0; i < 6; i += 2) {
        memcpy(small[i], links, sizeof(links));
    }
    for (unsigned i = 0; i < 6; i++) {
        /* Two ways to the same lists. */
        uint8_t *block =
            slowly ? smh_heap_aligned_alloc(&heap, 8, bytes) : smh_heap_alloc(&heap, bytes);
        if (block != NULL) {
            judge_block(&heap, held, block, bytes);
        }
    }
    for (size_t i = 0; i < held[0].bytes; i++) {
        FUZZ_REQUIRE(held[0].block[i] == held[0].mark,
                     "after a stray write bitmap writes to byte %zu of a long block", i);
    }
}

void fuzz_judge_stray(uint64_t seed)
{
    /* What is believed there has as many units as its list: few behind the ones that it begins
     * with, more behind the number. */
    judge_descriptor(16 + (size_t)(seed % 8) * 8, (unsigned)(seed / 8 % 64), seed / 512 % 2 == 0,
                     seed / 1024 % 2 == 0);
    judge_descriptor(16, 26 + (unsigned)(seed % 7), seed / 8 % 2 == 0, seed / 16 % 2 == 0);
    struct smh_random random;
    struct smh_heap heap;
    struct held held[LIVE] = {0};
    smh_random_init(&random, seed, 1);
    const struct smh_heap_config config = {.memory = memory,
                                           .memory_size =
                                               sizeof(memory) >> smh_random_below(&random, 6),
                                           .engine = &smh_engine_bitmap};
    /* Few sizes, so that lists are long; some large ones. */
    size_t base = 16 + (size_t)smh_random_below(&random, 8) * 8;
    FUZZ_REQUIRE(smh_heap_init(&heap, &config) == 0, "2 KiB are no heap");
    for (unsigned i = 0; i < STEPS; i++) {
        struct held *one = &held[smh_random_below(&random, LIVE)];
        size_t bytes = base + (size_t)smh_random_below(&random, 3) * 8;
        bytes =
            smh_random_below(&random, 6) != 0 ? bytes : (config.memory_size >> (3 + i % 4)) + bytes;
        if (one->block != NULL) {
            give_back(&heap, one);
        } else {
            uint8_t *block =
                i % 3 == 0 ? smh_heap_aligned_alloc(&heap, 8, bytes) : smh_heap_alloc(&heap, bytes);
            if (block != NULL) {
                judge_block(&heap, held, block, bytes);
                *one = (struct held){.block = block, .bytes = bytes, .mark = (uint8_t)(i % 255)};
                fill(&heap, one, &random);
            }
        }
        if (i > STEPS / 4 && smh_random_below(&random, 4) == 0) {
            forge(&heap, &random);
        }
    }
    for (unsigned i = 0; i < LIVE; i++) {
        if (held[i].block != NULL) {
            give_back(&heap, &held[i]);
        }
    }
}
