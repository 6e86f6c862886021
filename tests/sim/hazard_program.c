/* hazard_program.c: see hazard_program.h. */
#include "hazard_program.h"

#include <inttypes.h>

#define LINE  16
#define BYTES 32

struct block {
    uint64_t offset, bytes;
    bool live;
};

static bool chance(struct smh_random *random, unsigned percent)
{
    return smh_random_below(random, 100) < percent;
}

static void draw_machine(struct smh_random *random, struct hazard_case *given)
{
    struct smh_machine_config *machine = &given->scenario.machine;
    *given = hazard_case();
    machine->line_bytes = LINE;
    machine->cores = chance(random, 40) ? 2 : 1;
    machine->dirty_hand_out = true;
    machine->l1.policy = chance(random, 20) ? SMH_CACHE_WRITE_THROUGH : SMH_CACHE_WRITE_BACK;
    machine->l1.write_allocate = chance(random, 75);
    if (chance(random, 30)) {
        machine->l2 = machine->l1;
        machine->l2.size_bytes = 4096;
        machine->l2.policy = chance(random, 30) ? SMH_CACHE_WRITE_THROUGH : SMH_CACHE_WRITE_BACK;
        machine->l2.write_allocate = chance(random, 75);
        machine->l1.size_bytes = chance(random, 80) ? 1024 : 0;
    }
    machine->store_buffer = chance(random, 25) ? 4 : 0;
    if (chance(random, 10)) {
        given->regions[0].cache = chance(random, 50) ? SMH_CACHE_WRITE_THROUGH : SMH_CACHE_NONE;
    }
}

/* Blocks of 4 to 20 bytes side by side, some with gaps. */
static unsigned draw_blocks(struct smh_random *random, struct smh_program *program,
                            struct block blocks[3])
{
    unsigned count = 1 + (unsigned)smh_random_below(random, 3);
    uint64_t offset = smh_random_below(random, 2) * 4;
    unsigned drawn = 0;
    for (; drawn < count && offset + 4 <= BYTES; drawn++) {
        uint64_t bytes = 4 + smh_random_below(random, 5) * 4;
        blocks[drawn].offset = offset;
        blocks[drawn].bytes = offset + bytes <= BYTES ? bytes : BYTES - offset;
        blocks[drawn].live = true;
        smh_program_add_hand_out(program, offset, blocks[drawn].bytes, drawn);
        offset += blocks[drawn].bytes + smh_random_below(random, 2) * 4;
    }
    return drawn;
}

static void draw_access(struct smh_random *random, const struct hazard_case *given,
                        const struct block *block, struct smh_program *program)
{
    static const uint8_t kinds[] = {SMH_ACCESS_LOAD,      SMH_ACCESS_LOAD,  SMH_ACCESS_STORE,
                                    SMH_ACCESS_STORE,     SMH_ACCESS_STORE, SMH_ACCESS_DMA_READ,
                                    SMH_ACCESS_DMA_WRITE, SMH_ACCESS_CLEAN, SMH_ACCESS_INVALIDATE,
                                    SMH_ACCESS_FLUSH,     SMH_ACCESS_FLUSH, SMH_ACCESS_BARRIER};
    struct smh_program_event event = {.what = SMH_PROGRAM_ACCESS};
    struct smh_access *access = &event.access;
    access->operation = program->count;
    access->kind = kinds[smh_random_below(random, sizeof(kinds))];
    access->core = (uint8_t)smh_random_below(random, given->scenario.machine.cores);
    access->uncached = access->kind <= SMH_ACCESS_STORE && chance(random, 15);
    access->offset = block->offset;
    access->bytes = block->bytes;
    if (access->kind == SMH_ACCESS_BARRIER) {
        access->bytes = 0;
    } else if (chance(random, 40) && block->bytes > 4) {
        access->bytes = 4 * (1 + smh_random_below(random, block->bytes / 4));
        access->offset += 4 * smh_random_below(random, (block->bytes - access->bytes) / 4 + 1);
    }
    if (access->kind >= SMH_ACCESS_CLEAN && access->kind <= SMH_ACCESS_FLUSH &&
        chance(random, 15)) {
        access->step = chance(random, 50) ? LINE * 2 : LINE / 2;
    }
    smh_program_add(program, &event);
}

void hazard_program(struct smh_random *random, struct hazard_case *given,
                    struct smh_program *program)
{
    struct block blocks[3];
    draw_machine(random, given);
    unsigned count = draw_blocks(random, program, blocks);
    unsigned events = 3 + (unsigned)smh_random_below(random, 7);
    for (unsigned i = 0; i < events; i++) {
        uint32_t slot = (uint32_t)smh_random_below(random, count);
        struct block *block = &blocks[slot];
        if (!block->live) {
            smh_program_add_hand_out(program, block->offset, block->bytes, slot + 10);
            block->live = true;
        } else if (chance(random, 6)) {
            smh_program_add_free(program, block->offset);
            block->live = false;
        } else {
            draw_access(random, given, block, program);
        }
    }
}

void hazard_program_print(const struct hazard_case *given, const struct smh_program *program,
                          FILE *out)
{
    const struct smh_machine_config *machine = &given->scenario.machine;
    fprintf(out, "cores %u, l1 %s%s%s, l2 %s%s%s, buffer %u, region %d\n", machine->cores,
            machine->l1.size_bytes != 0 ? "yes" : "no",
            machine->l1.policy == SMH_CACHE_WRITE_THROUGH ? " through" : "",
            machine->l1.write_allocate ? " allocate" : "",
            machine->l2.size_bytes != 0 ? "yes" : "no",
            machine->l2.policy == SMH_CACHE_WRITE_THROUGH ? " through" : "",
            machine->l2.write_allocate ? " allocate" : "", machine->store_buffer,
            (int)given->regions[0].cache);
    smh_program_print(program, out);
}
