/* hazard_case.c: see hazard_case.h. */
#include "hazard_case.h"

#include <stdio.h>
#include <string.h>

struct hazard_case hazard_case(void)
{
    static char ram[] = "ram";
    static char aux[] = "aux";
    static char driver[] = "driver";
    static char other[] = "other";
    struct hazard_case given = {.operation = 0};
    given.scenario.machine = (struct smh_machine_config){
        .cores = 1,
        .line_bytes = 32,
        .target_bits = 32,
        .l1 = {.size_bytes = 1024,
               .ways = 2,
               .policy = SMH_CACHE_WRITE_BACK,
               .hit_cycles = 1,
               .write_allocate = true},
        .region_count = 2,
    };
    given.regions[0] = (struct smh_region_config){.name = ram,
                                                  .base = 0x20000000,
                                                  .size = HAZARD_REGION_BYTES,
                                                  .cache = SMH_CACHE_WRITE_BACK,
                                                  .cycles = 4,
                                                  .has_alias = true};
    given.regions[1] = given.regions[0];
    given.regions[1].name = aux;
    given.regions[1].base = 0x30000000;
    given.actors[0].name = driver;
    given.actors[1].name = other;
    given.scenario.actor_count = 2;
    given.sizes[0] = HAZARD_REGION_BYTES;
    given.sizes[1] = HAZARD_REGION_BYTES;
    return given;
}

void hazard_open(struct hazard_case *given)
{
    /* The struct may have been copied since. */
    static struct smh_operation listed;
    given->scenario.machine.regions = given->regions;
    given->scenario.actors = given->actors;
    given->actors[0].operations = &listed;
    given->actors[1].operations = &listed;
    given->judge = smh_judge_open(&given->scenario, given->sizes, NULL);
}

void hazard_close(struct hazard_case *given)
{
    smh_judge_close(given->judge);
}

static void own(struct hazard_case *given, uint8_t kind, uint32_t slot, uint64_t offset,
                uint64_t bytes, uint32_t align)
{
    struct smh_owner owner = {.operation = given->operation++,
                              .offset = offset,
                              .bytes = bytes,
                              .slot = slot,
                              .align = align,
                              .kind = kind};
    smh_judge_hand_out(given->judge, &owner, (bytes + 7) / 8 * 8);
}

void hazard_block(struct hazard_case *given, uint32_t slot, uint64_t offset, uint64_t bytes,
                  uint32_t align)
{
    own(given, SMH_OWNER_BLOCK, slot, offset, bytes, align);
}

void hazard_stack(struct hazard_case *given, uint32_t slot, uint64_t offset, uint64_t bytes)
{
    own(given, SMH_OWNER_STACK, slot, offset, bytes, 0);
}

void hazard_free(struct hazard_case *given, uint64_t offset)
{
    smh_judge_free(given->judge, 0, offset, given->operation++);
}

void hazard_access(struct hazard_case *given, enum smh_access_kind kind, uint64_t offset,
                   uint64_t bytes)
{
    struct smh_access access = {.operation = given->operation++,
                                .offset = offset,
                                .bytes = bytes,
                                .step = given->step,
                                .core = given->core,
                                .kind = (uint8_t)kind,
                                .by_allocator = given->by_allocator,
                                .uncached = given->uncached};
    smh_judge_access(given->judge, &access);
}

static int name(char *text, size_t bytes, const struct smh_owner *owner)
{
    return owner->kind == SMH_OWNER_METADATA ? snprintf(text, bytes, " m")
           : owner->kind == SMH_OWNER_NOBODY ? snprintf(text, bytes, " n")
                                             : snprintf(text, bytes, " %u", owner->slot);
}

const char *hazard_found(const struct hazard_case *given)
{
    static char text[4096];
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < smh_judge_hazard_count(given->judge); i++) {
        const struct smh_hazard *hazard = smh_judge_hazard_at(given->judge, i);
        char names[2][16];
        (void)name(names[0], sizeof(names[0]), &hazard->victim);
        (void)name(names[1], sizeof(names[1]), &hazard->culprit);
        bool same = strcmp(names[0], names[1]) == 0;
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%sH%u%s%s", i > 0 ? "; " : "",
                                 hazard->hazard_class, names[0], same ? "" : names[1]);
    }
    return text;
}

const char *hazard_sequence(const struct hazard_case *given, size_t index)
{
    static const char *const kinds[SMH_ACCESS_KIND_COUNT] = {
        "load", "store", "dma_read", "dma_write", "clean", "invalidate", "flush", "barrier"};
    static const char *const moves[] = {"", "hand_out", "free", "evict", "fill", "drop", "drain"};
    static char text[512];
    const struct smh_hazard *hazard = smh_judge_hazard_at(given->judge, index);
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < hazard->sequence_count; i++) {
        const struct smh_hazard_step *step = &hazard->sequence[i];
        const char *word =
            step->what == SMH_STEP_ACCESS ? kinds[step->access.kind] : moves[step->what];
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i > 0 ? " " : "", word);
    }
    return text;
}
