/* hazards.c: verdicts of the judge against every schedule of small programs.
 *
 * Owns: reading bytes as a machine and a program on two or three lines (header and records as of
 * sim/workload/fuzz_input.h, whose mutations keep them whole, with a meaning of their own):
 *
 *     header   0 line | 1 cores | 2 L1 | 3 L2 | 4 store buffer | 5 cache of the region | 6 hand-out
 *     record   kind | block | core, view | part: first, length (words) | step | - | -
 *
 * What must hold: the judge tells a hazard exactly when some schedule goes wrong; each hazard has a
 * sequence of 1 to 10 steps, explanation, advice and drawing; and what a random schedule on the
 * memory system reads wrong, the judge has told.
 */
#include "../../sim/hazard/explore.h"
#include "../stage.h"

#include <stdlib.h>
#include <string.h>

const char fuzz_target[] = "hazards";

#define EVENTS_MAX 10
#define BLOCKS     4
#define SIZE       96

struct machine {
    struct smh_scenario scenario;
    struct smh_region_config region;
    uint64_t size;
};

struct block {
    uint64_t offset, bytes;
    bool live;
};

static void read_cache(struct smh_cache_config *cache, uint8_t byte, uint64_t size)
{
    cache->size_bytes = (byte & 7u) == 0 ? 0 : size;
    cache->ways = 2;
    cache->policy = (byte & 8u) != 0 ? SMH_CACHE_WRITE_THROUGH : SMH_CACHE_WRITE_BACK;
    cache->write_allocate = (byte & 48u) != 0;
    cache->hit_cycles = 1;
}

static void read_machine(struct machine *machine, const uint8_t *header)
{
    static char name[] = "ram";
    static const uint8_t caches[] = {SMH_CACHE_WRITE_BACK, SMH_CACHE_WRITE_BACK,
                                     SMH_CACHE_WRITE_THROUGH, SMH_CACHE_NONE};
    struct smh_machine_config *config = &machine->scenario.machine;
    memset(machine, 0, sizeof(*machine));
    config->line_bytes = 16u << (header[0] & 1u);
    config->cores = 1 + header[1] % 3u;
    config->target_bits = 32;
    read_cache(&config->l1, header[2] | 1u, 1024);
    read_cache(&config->l2, header[3], 4096);
    config->store_buffer = (header[4] & 3u) == 3u ? 4 : 0;
    config->dirty_hand_out = (header[6] & 1u) != 0;
    config->regions = &machine->region;
    config->region_count = 1;
    machine->region = (struct smh_region_config){.name = name,
                                                 .base = 0x20000000u + (header[7] & 1u) * 8u,
                                                 .size = SIZE,
                                                 .cache = caches[header[5] & 3u],
                                                 .cycles = 4,
                                                 .has_alias = true};
    machine->size = SIZE;
}

static void add_access(struct smh_program *program, const struct machine *machine,
                       const struct block *block, const uint8_t *record)
{
    static const uint8_t kinds[] = {SMH_ACCESS_LOAD,      SMH_ACCESS_STORE,  SMH_ACCESS_DMA_READ,
                                    SMH_ACCESS_DMA_WRITE, SMH_ACCESS_CLEAN,  SMH_ACCESS_INVALIDATE,
                                    SMH_ACCESS_FLUSH,     SMH_ACCESS_BARRIER};
    uint64_t words = block->bytes / 4;
    uint64_t first = record[3] % words;
    struct smh_access access = {.operation = program->count,
                                .offset = block->offset + 4 * first,
                                .bytes = 4 * (1 + record[4] % (words - first)),
                                .core = (uint8_t)(record[2] % machine->scenario.machine.cores),
                                .kind = kinds[record[0] & 7u]};
    bool maintains = access.kind >= SMH_ACCESS_CLEAN && access.kind <= SMH_ACCESS_FLUSH;
    access.uncached = access.kind <= SMH_ACCESS_STORE && (record[2] & 0xC0u) == 0xC0u;
    access.step = maintains && (record[5] & 7u) == 7u ? 8u << (record[5] >> 3 & 3u) : 0;
    if (access.kind == SMH_ACCESS_BARRIER) {
        access.bytes = 0;
    }
    struct smh_program_event event = {.what = SMH_PROGRAM_ACCESS, .access = access};
    smh_program_add(program, &event);
}

/* The allocator's own, in front of the block where nobody else's bytes are. */
static void add_metadata(struct smh_program *program, const struct machine *machine,
                         const struct block *block, const uint8_t *record)
{
    struct smh_program_event event = {
        .what = SMH_PROGRAM_ACCESS,
        .access = {.operation = program->count,
                   .offset = block->offset - 4,
                   .bytes = 4,
                   .core = (uint8_t)(record[2] % machine->scenario.machine.cores),
                   .kind = (record[4] & 1u) != 0 ? SMH_ACCESS_LOAD : SMH_ACCESS_STORE,
                   .by_allocator = true}};
    smh_program_add(program, &event);
}

static void read_record(struct smh_program *program, const struct machine *machine,
                        struct block blocks[BLOCKS], const uint8_t *record)
{
    struct block *block = &blocks[record[1] % BLOCKS];
    uint32_t slot = (uint32_t)(block - blocks);
    unsigned how = record[0] >> 3;
    if (!block->live) {
        smh_program_add_hand_out(program, block->offset, block->bytes,
                                 slot + (uint32_t)program->count * BLOCKS);
        block->live = true;
    }
    if (how == 1) {
        smh_program_add_free(program, block->offset);
        block->live = false;
    } else if (how == 2 || how == 3) {
        add_metadata(program, machine, block, record);
    } else {
        add_access(program, machine, block, record);
    }
}

/* The program, as a reader wants it when a rule is broken. */
static void print(const struct machine *machine, const struct smh_program *program)
{
    const struct smh_machine_config *config = &machine->scenario.machine;
    (void)fprintf(stderr, "line %u, cores %u, l1 %d%s, l2 %d%s, buffer %u, region %d, base %llx\n",
                  config->line_bytes, config->cores, (int)config->l1.policy,
                  config->l1.write_allocate ? " allocates" : "",
                  config->l2.size_bytes == 0 ? 0 : (int)config->l2.policy,
                  config->l2.write_allocate ? " allocates" : "", config->store_buffer,
                  (int)machine->region.cache, (unsigned long long)machine->region.base);
    smh_program_print(program, stderr);
}

/* Each hazard is told in full. */
static void check_told(struct smh_judge *judge)
{
    for (size_t i = 0; i < smh_judge_hazard_count(judge); i++) {
        const struct smh_hazard *hazard = smh_judge_hazard_at(judge, i);
        FUZZ_REQUIRE(hazard->hazard_class >= 1 && hazard->hazard_class <= SMH_HAZARD_CLASS_COUNT,
                     "class %u", hazard->hazard_class);
        FUZZ_REQUIRE(hazard->sequence_count > 0, "H%u without a sequence", hazard->hazard_class);
        FUZZ_REQUIRE(hazard->explanation[0] != '\0' && hazard->advice[0] != '\0' &&
                         hazard->drawing[0] != '\0',
                     "H%u without words", hazard->hazard_class);
        FUZZ_REQUIRE(hazard->line_offset < SIZE, "H%u beyond the region", hazard->hazard_class);
    }
}

/* The memory system knows nothing of what the allocator's port does: write lines back at a hand-out
 * and keep tables coherent between cores. */
static bool has_port(const struct machine *machine, const struct smh_program *program)
{
    bool allocator = false;
    for (size_t i = 0; i < program->count; i++) {
        allocator |= program->events[i].access.by_allocator;
    }
    return allocator &&
           (machine->scenario.machine.cores > 1 || !machine->scenario.machine.dirty_hand_out);
}

static void compare(const struct machine *machine, const struct smh_program *program)
{
    struct smh_error error = {{0}};
    struct smh_exploration all;
    struct smh_random_exploration random;
    struct smh_judge *judge = smh_judge_open(&machine->scenario, &machine->size, &error);
    smh_program_play(program, judge);
    bool told = smh_judge_hazard_count(judge) > 0;
    FUZZ_REQUIRE(smh_judge_lines_given_up(judge) == 0, "a line was given up");
    check_told(judge);
    FUZZ_REQUIRE(smh_explore(&machine->scenario, &machine->size, program, 0, &all, &error) == 0 &&
                     smh_explore_seeds(&machine->scenario, &machine->size, program, 1, 2, &random,
                                       &error) == 0,
                 "%s", error.message);
    bool wrong = random.wrong_seeds > 0 && !has_port(machine, program);
    if (all.goes_wrong != told || (wrong && !told)) {
        print(machine, program);
        smh_exploration_print(&machine->scenario, program, &all, stderr);
        smh_random_exploration_print(&machine->scenario, program, &random, stderr);
    }
    FUZZ_REQUIRE(told || !all.goes_wrong, "a schedule goes wrong and the judge is silent");
    FUZZ_REQUIRE(!told || all.goes_wrong, "H%u is told, and no schedule goes wrong: %s",
                 smh_judge_hazard_at(judge, 0)->hazard_class,
                 smh_judge_hazard_at(judge, 0)->explanation);
    FUZZ_REQUIRE(told || !wrong, "a random schedule reads wrong and the judge is silent");
    smh_exploration_free(&all);
    smh_judge_close(judge);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct machine machine;
    struct smh_program program = {.count = 0};
    struct block blocks[BLOCKS];
    if (size < SMH_FUZZ_HEADER_BYTES + SMH_FUZZ_RECORD_BYTES) {
        return 0;
    }
    read_machine(&machine, bytes);
    uint64_t offset = 4;
    for (unsigned i = 0; i < BLOCKS; i++) {
        blocks[i] = (struct block){.offset = offset, .bytes = 4 * (1 + (bytes[8 + i] & 3u))};
        offset += blocks[i].bytes + 4; /* a header of 4 bytes in front of each */
    }
    const uint8_t *record = bytes + SMH_FUZZ_HEADER_BYTES;
    size_t records = (size - SMH_FUZZ_HEADER_BYTES) / SMH_FUZZ_RECORD_BYTES;
    for (size_t i = 0; i < records && i < EVENTS_MAX; i++) {
        read_record(&program, &machine, blocks, record + i * SMH_FUZZ_RECORD_BYTES);
    }
    compare(&machine, &program);
    fuzz_operations += program.count;
    smh_program_free(&program);
    return 0;
}
