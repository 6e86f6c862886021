/* world_scenario.c: a sequence of steps as a scenario. See world.h. */
#include "world_private.h"

#include <inttypes.h>

static void write_machine(FILE *out)
{
    fputs("  \"machine\": { \"regions\": [\n", out);
    for (size_t i = 0; i < WORLD_REGIONS; i++) {
        fprintf(out,
                "    { \"name\": \"r%zu\", \"base\": \"0x%zx\", \"size\": %zu, \"attr\": %" PRIu32
                ", \"engine\": \"%s\", \"target_bits\": %u",
                i, ((size_t)0x20000000 + i * 4096) | ((uintptr_t)world_memory_of(i) & 4095u),
                world_config.region_bytes[i], world_attrs[i], world_config.engine->name,
                world_config.target_bits);
        if (world_config.granule != 0) {
            fprintf(out, ", \"granule\": %zu", world_config.granule);
        }
        bool tables = world_config.engine->metadata_size != NULL;
        fprintf(out, "%s },\n", tables ? ", \"metadata_in\": \"tables\"" : "");
    }
    fputs(
        "    { \"name\": \"tables\", \"base\": \"0x30000000\", \"size\": \"64K\", \"attr\": 8 } ] "
        "},\n  \"pool\": { \"match\": \"all_bits\", \"policy\": \"add_order\" },\n",
        out);
}

/* Names follow blocks from place to place. */
struct names {
    const void *blocks[WORLD_LIVE_MAX + 1];
    size_t count;
};

static size_t name_of(const struct names *names, const void *block)
{
    size_t name = names->count;
    while (name > 0 && names->blocks[name - 1] != block) {
        name--;
    }
    return name - 1;
}

static bool is_known(const struct names *names, const void *block)
{
    return name_of(names, block) != SIZE_MAX;
}

/* The block that has appeared in this step. */
static const void *new_block(const struct names *names)
{
    for (size_t i = 0; i < world_live_count; i++) {
        const void *block = world_block(i);
        if (!is_known(names, block)) {
            return block;
        }
    }
    return NULL;
}

static void write_step(FILE *out, const struct world_step *step, struct names *names)
{
    static const char *const kinds[] = {"alloc", "free", "realloc"};
    struct smh_operation operation = world_operation_of(step);
    const void *block = step->kind == WORLD_ALLOC ? NULL : world_block(step->live);
    size_t name = step->kind == WORLD_ALLOC ? names->count : name_of(names, block);
    size_t count = world_live_count;
    fprintf(out, "    { \"%s\": \"b%zu\"", kinds[step->kind], name);
    if (step->kind != WORLD_FREE) {
        fprintf(out, ", \"bytes\": %" PRIu64 ", \"attr\": %" PRIu32, operation.bytes,
                operation.attr);
        if (operation.align != 0) {
            fprintf(out, ", \"align\": %" PRIu32, operation.align);
        }
    }
    fputs(" }", out);
    (void)world_apply(step);
    if (step->kind == WORLD_ALLOC) {
        names->blocks[names->count++] = world_live_count > count ? new_block(names) : NULL;
        return;
    }
    names->blocks[name] = NULL;
    if (step->kind == WORLD_REALLOC) {
        const void *moved = new_block(names);
        names->blocks[name] = moved != NULL ? moved : block;
    }
}

void world_write_scenario(FILE *out, const struct world_step *steps, size_t count)
{
    struct names names = {.count = 0};
    struct world_config same = world_config;
    fprintf(out, "{ \"schema\": 1, \"name\": \"exhaustive\", \"why\": \"");
    for (size_t i = 0; i < count; i++) {
        for (size_t region = 0; region < WORLD_REGIONS; region++) {
            if ((steps[i].refusing >> region & 1u) != 0) {
                fprintf(out, "In operation %zu region r%zu was made to refuse. ", i, region);
            }
        }
    }
    fputs("\",\n", out);
    (void)world_open(&same);
    write_machine(out);
    fputs("  \"workload\": [ { \"actor\": \"exhaustive\", \"ops\": [\n", out);
    for (size_t i = 0; i < count; i++) {
        write_step(out, &steps[i], &names);
        fputs(i + 1 < count ? ",\n" : " ] } ] }\n", out);
    }
}
