/* desert.c: damaged heaps in the desert. See desert.h.
 *
 *     | nothing | xx | memory | nothing, 33 GiB | xx | tables | nothing, 33 GiB |
 *      '- no page '- poisoned  '- 32 bits of index, of words of 8 bytes, lead no further
 *
 * One word is damaged at a time: of the tables or of memory (headers, links); then all is asked
 * that promises to stay inside, and all is put back as it was.
 *
 * Invariants: what the heap is, and what is damaged, depends on the seed alone.
 */
#include "desert.h"

#include "../engines.h"
#include "../naive/naive_verdict.h"
#include "../stage.h"

#include <smh/port.h>

#include <sys/mman.h>

#define PAGE        ((size_t)4096)
#define NOTHING     ((size_t)33 << 30)
#define MEMORY_MOST ((size_t)1 << 16)
#define TABLES_MOST ((size_t)1 << 16)
#define BLOCKS      20u
#define WORDS       6u /* damaged in one call, of tables and of memory */
#define USES        5u
#define CALLS_MOST  24u /* a process */

static uint8_t *memory_end; /* a page begins there that is not there */
static uint8_t *tables_end;
static struct smh_heap heap;
static struct smh_heap_config config;
static void *blocks[BLOCKS]; /* NULL: free again */
static void *freed[BLOCKS];
static size_t usable[BLOCKS];
/* As it was before the damage. */
static uint8_t kept_memory[MEMORY_MOST];
static uint8_t kept_tables[TABLES_MOST];
static struct smh_heap kept_heap;

static uint8_t *oasis(size_t bytes)
{
#if UINTPTR_MAX > UINT32_MAX
    uint8_t *mapped = (uint8_t *)mmap(NULL, 2 * NOTHING, PROT_NONE,
                                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED ||
        mprotect(mapped + NOTHING - bytes, bytes, PROT_READ | PROT_WRITE) != 0) {
        return NULL;
    }
    return mapped + NOTHING;
#else
    (void)bytes;
    return NULL;
#endif
}

static bool find_desert(void)
{
    static bool searched;
    if (!searched) {
        searched = true;
        memory_end = oasis(MEMORY_MOST + PAGE);
        tables_end = oasis(TABLES_MOST + PAGE);
    }
    return memory_end != NULL && tables_end != NULL;
}

/* [end - bytes, end), rounded down to a multiple of 8, is there; the page before it is not. */
static uint8_t *place(uint8_t *end, size_t bytes)
{
    uint8_t *begin = end - (bytes + 7) / 8 * 8;
    uint8_t *first = end - MEMORY_MOST - PAGE;
    smh_port_poison(first, (size_t)(begin - first));
    smh_port_unpoison(begin, (size_t)(end - begin));
    smh_port_poison(begin + bytes, (size_t)(end - begin) - bytes);
    return begin;
}

static const struct smh_engine *choose_engine(struct smh_random *random)
{
    return smh_random_below(random, 2) == 0 ? &smh_engine_bitmap : fuzz_draw_engine(random);
}

static bool open_heap(struct smh_random *random)
{
    const struct smh_engine *engine = choose_engine(random);
    bool exact = (engine->flags & SMH_ENGINE_EXACT) != 0;
    bool fixed = fuzz_engine_is_zephyr(engine);
    config = (struct smh_heap_config){
        .memory_size = (size_t)2048 << smh_random_below(random, 5),
        .granule = fixed || smh_random_below(random, 2) == 0
                       ? 0
                       : (size_t)8 << smh_random_below(random, 4),
        .target_bits = smh_random_below(random, 2) == 0 ? 32 : 64,
        .engine = engine,
    };
    config.memory_size += (size_t)smh_random_below(random, 512);
    config.memory = place(memory_end, config.memory_size);
    size_t wanted = exact || smh_random_below(random, 2) == 0 ? smh_heap_metadata_size(&config) : 0;
    if (wanted != 0 && wanted <= TABLES_MOST) {
        config.metadata = place(tables_end, wanted);
        config.metadata_size = wanted;
    }
    memset(config.memory, 0, config.memory_size);
    return smh_heap_init(&heap, &config) == 0;
}

/* Blocks of all lengths, two of three live, the others free; most neighbours differ. */
static void fill(struct smh_random *random)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        size_t bytes = 1 + (size_t)smh_random_below(random, 96);
        if (i % 4 == 3) {
            bytes = 1 + (size_t)smh_random_below(random, config.memory_size / 4);
        }
        blocks[i] = smh_heap_alloc(&heap, bytes);
        if (blocks[i] != NULL) {
            memset(blocks[i], (int)(0x80 + i), bytes);
        }
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        freed[i] = blocks[i];
        if (smh_random_below(random, 3) == 0) {
            (void)smh_heap_free(&heap, blocks[i]);
            blocks[i] = NULL;
        }
        usable[i] = smh_heap_usable_size(&heap, blocks[i]);
    }
}

static void keep(void)
{
    memcpy(kept_memory, config.memory, config.memory_size);
    memcpy(&kept_heap, &heap, sizeof(heap));
    if (config.metadata != NULL) {
        memcpy(kept_tables, config.metadata, config.metadata_size);
    }
}

static void put_back(void)
{
    memcpy(config.memory, kept_memory, config.memory_size);
    memcpy(&heap, &kept_heap, sizeof(heap));
    if (config.metadata != NULL) {
        memcpy(config.metadata, kept_tables, config.metadata_size);
    }
}

/* --- what is asked ---------------------------------------------------------------------------- */

/* Steps that reading a region of this size may take. */
static void judge_steps(uint64_t before, const char *what)
{
    FUZZ_REQUIRE(fuzz_steps - before <= 20000 + 64 * (uint64_t)config.memory_size,
                 "%s: %s takes %llu steps in a damaged heap of %zu bytes", config.engine->name,
                 what, (unsigned long long)(fuzz_steps - before), config.memory_size);
}

static void judge_verdict(uint8_t *address)
{
    int code = smh_heap_verdict(&heap, address);
    FUZZ_REQUIRE(code == 0 || code == -EINVAL || code == -EALREADY || code == -ENOENT,
                 "%s: a verdict is %d", config.engine->name, code);
    if (address != NULL && naive_verdict_knows(&heap)) {
        int expected = naive_verdict(&heap, address);
        FUZZ_REQUIRE(code == expected, "%s: the verdict on offset %td is %d, by its header %d",
                     config.engine->name, address - (uint8_t *)config.memory, code, expected);
    }
}

static void judge_verdicts(unsigned turn)
{
    uint64_t before = fuzz_steps;
    for (size_t i = 0; i < BLOCKS; i++) {
        judge_verdict(freed[i]);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        judge_verdict((uint8_t *)config.memory + (turn * 61 + i * 509) * 8 % config.memory_size);
    }
    judge_steps(before, "a round of verdicts");
}

/* A block that is to have more than there is looks at all that lies around it, and stays. */
static void look_around(void)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        FUZZ_REQUIRE(blocks[i] == NULL || !smh_heap_resize(&heap, blocks[i], MEMORY_MOST * 2),
                     "%s: a block in a damaged heap grows to %zu bytes", config.engine->name,
                     MEMORY_MOST * 2);
    }
}

static void walk(void)
{
    struct smh_chunk chunk = {0};
    uint64_t before = fuzz_steps;
    size_t count = 0;
    while (smh_heap_walk(&heap, &chunk)) {
        count++;
        FUZZ_REQUIRE(count <= config.memory_size / 8, "%s: the walk of a damaged heap never ends",
                     config.engine->name);
        /* What bitmap reads from its damaged tables may end a word behind memory. */
        FUZZ_REQUIRE(config.engine == &smh_engine_bitmap ||
                         (chunk.offset <= config.memory_size &&
                          chunk.size <= config.memory_size - chunk.offset),
                     "%s: the walk of a damaged heap leads outside", config.engine->name);
    }
    judge_steps(before, "a walk");
}

/* A few calls of each kind, beginning with another each time. strict: no live block may be handed
 * out, and none may change. */
static void use(unsigned turn, bool strict)
{
    for (unsigned i = 0; i < USES * 2; i++) {
        size_t chosen = (turn / USES + i * 7) % BLOCKS;
        size_t grown = usable[chosen] + usable[chosen] / 2 + 8;
        void *got = NULL;
        switch ((turn + i) % USES) {
        case 0:
            got = smh_heap_alloc(&heap, 1 + (turn * 24 + i * 40) % 240);
            break;
        case 1:
            got = smh_heap_aligned_alloc(&heap, (size_t)16 << turn % 5, config.memory_size / 8);
            break;
        case 2:
            if (smh_heap_free(&heap, blocks[chosen]) == 0) {
                usable[chosen] = 0;
            }
            break;
        case 3:
            if (usable[chosen] != 0 && smh_heap_resize(&heap, blocks[chosen], grown)) {
                memset((uint8_t *)blocks[chosen] + usable[chosen], 0, grown - usable[chosen]);
            }
            break;
        default:
            if (usable[chosen] != 0) {
                (void)smh_heap_resize(&heap, blocks[chosen], 1 + usable[chosen] / 3);
            }
        }
        FUZZ_REQUIRE(!strict || got == NULL ||
                         (uintptr_t)got - (uintptr_t)config.memory < config.memory_size,
                     "%s: a damaged heap hands out %p, which is not its own", config.engine->name,
                     got);
        if (strict && got != NULL) {
            memset(got, 0xEE, smh_heap_usable_size(&heap, got));
        }
    }
}

/* What was not asked for is as it was; the damage itself lies elsewhere. */
static void judge_contents(const uint8_t *damaged)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        uintptr_t offset = (uintptr_t)blocks[i] - (uintptr_t)config.memory;
        if (blocks[i] == NULL || usable[i] == 0 ||
            (uintptr_t)damaged + 8 - (uintptr_t)blocks[i] < usable[i] + 8) {
            continue;
        }
        FUZZ_REQUIRE(memcmp(blocks[i], kept_memory + offset, 1 + usable[i] / 3) == 0,
                     "%s: after damage at offset %td the bytes of a block at %zu change",
                     config.engine->name, damaged - (uint8_t *)config.memory, (size_t)offset);
    }
}

static void ask(const uint8_t *damaged, bool in_tables, unsigned turn)
{
    bool exact = (config.engine->flags & SMH_ENGINE_EXACT) != 0;
    bool bitmap = config.engine == &smh_engine_bitmap;
    uint64_t before = fuzz_steps;
    int code = smh_heap_check(&heap, NULL);
    judge_steps(before, "the check");
    if (!in_tables || exact) { /* a start bitmap is believed */
        judge_verdicts(turn);
    }
    if (exact) {
        walk();
    }
    if (bitmap) {
        look_around();
        (void)config.engine->largest_free(&heap);
    }
    bool forgives = bitmap && !in_tables;
    if (forgives || code == 0) {
        size_t sizes[BLOCKS];
        memcpy(sizes, usable, sizeof(sizes));
        use(turn, forgives);
        if (forgives) {
            judge_contents(damaged);
        }
        memcpy(usable, sizes, sizeof(sizes));
    }
}

/* --- what is damaged -------------------------------------------------------------------------- */

/* Number `which` of the values that may stand in a word of 4 or 8 bytes: near what it says, the
 * ends of everything, the powers of two and their neighbours; little less than nothing, in all of
 * the word or in half of it; and what begins with many ones and ends with a number of words near
 * its own place or far from it, as descriptors of engine bitmap do. */
#define NEAR   8u
#define POWERS 32u
#define KINDS  (NEAR + 3 * POWERS + 4 * POWERS)

static uint64_t value_at(unsigned which, uint64_t old, size_t width, size_t index)
{
    static const uint64_t long_ones[] = {UINT64_C(0xFFFFFFFFC0000000), UINT64_C(0xC000000000000000),
                                         UINT64_C(0xF000000000000000), 0};
    static const uint64_t short_ones[] = {0xFFFFFFE8, 0xFFFF0000, 0xF0000000, 0xFFE8};
    if (which < NEAR) {
        const uint64_t near[NEAR] = {0,       UINT64_MAX, ~old,    old + 1,
                                     old - 1, old * 2,    old / 2, (uint64_t)config.memory_size};
        return near[which];
    }
    which -= NEAR;
    if (which < 3 * POWERS) {
        return ((uint64_t)1 << which / 3) + which % 3 - 1;
    }
    which -= 3 * POWERS;
    uint64_t prefix = width == 8 ? long_ones[which % 4] : short_ones[which % 4];
    uint64_t count = which / 4;
    uint64_t near = width == 8 ? index - 8 : 0;
    return prefix + (count < 16 ? near + count : (uint64_t)1 << (count - 2));
}

static void damage(uint8_t *word, size_t width, size_t index, bool in_tables)
{
    uint64_t old = 0;
    memcpy(&old, word, width);
    for (unsigned which = 0; which < KINDS; which++) {
        uint64_t value = value_at(which, old, width, index);
        memcpy(word, &value, width);
        ask(word, in_tables, which + (unsigned)index);
        put_back();
        fuzz_operations++;
    }
}

/* Words of the tables: descriptors, if there are such, rather than others. */
static void damage_tables(struct smh_random *random)
{
    size_t words = config.metadata_size / 8;
    for (unsigned i = 0; words != 0 && i < WORDS; i++) {
        size_t index = (size_t)smh_random_below(random, words);
        for (size_t look = 0; look < words && i % 2 == 0; look++) {
            if (((uint8_t *)config.metadata)[(index + look) % words * 8 + 7] == 0xFF) {
                index = (index + look) % words;
                break;
            }
        }
        uint8_t *base = config.metadata; /* a multiple of 8 */
        if (base + index * 8 + 8 <= (uint8_t *)config.metadata + config.metadata_size) {
            damage(base + index * 8, 8, index, true);
        }
    }
}

/* Words where chunks begin, free ones rather than blocks: headers on one side, links on the other.
 */
static void damage_memory(struct smh_random *random)
{
    for (unsigned i = 0; i < WORDS; i++) {
        size_t chosen = (size_t)smh_random_below(random, BLOCKS);
        for (size_t look = 0; look < BLOCKS && i % 3 != 0 && blocks[chosen] != NULL; look++) {
            chosen = (chosen + 1) % BLOCKS;
        }
        uint8_t *from = freed[chosen];
        size_t offset = (uintptr_t)from - (uintptr_t)config.memory + i % 6 * 4 - 8;
        if (from != NULL && offset < config.memory_size - 4) {
            damage((uint8_t *)config.memory + offset, 4, offset / 8, false);
        }
    }
}

void fuzz_judge_desert(uint64_t seed)
{
    static unsigned judged;
    struct smh_random random;
    smh_random_init(&random, seed, 0);
    if (judged == CALLS_MOST || !find_desert() || !open_heap(&random)) {
        return;
    }
    judged++;
    fill(&random);
    FUZZ_REQUIRE(smh_heap_check(&heap, NULL) == 0, "%s: a heap in the desert is broken",
                 config.engine->name);
    keep();
    damage_tables(&random);
    damage_memory(&random);
}
