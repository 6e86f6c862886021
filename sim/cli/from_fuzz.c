/* from_fuzz.c: `smh from-fuzz`: a fuzzer's input as a scenario that people can read and replay.
 *
 * Owns: writing what fuzz_input.h decodes as scenario JSON, one operation a line.
 * Invariants: what is written loads and replays. What a scenario cannot say (misuse, resizing in
 * place, questions to the statistics, a region at an odd address, sizes past 2^48) is left out or
 * bent, counted, and said in "why".
 */
#include "../output.h"
#include "../workload/fuzz_input.h"
#include "../workload/input.h"
#include "cli.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_BYTES_MAX     ((size_t)1 << 24)
#define OPERATION_BYTES_MAX (UINT64_C(1) << 48)
#define BASE                UINT64_C(0x20000000)

struct writer {
    struct smh_fuzz_input input;
    bool heap; /* the first region alone, no attributes: targets for a single heap */
    FILE *out;
    uint64_t live_bytes[SMH_FUZZ_SLOTS];
    size_t written;
};

/* What the input asks that no scenario can say. */
struct left_out {
    size_t operations;
    size_t misuse;
    size_t resized;
    size_t questions;
    size_t huge;
};

static struct left_out count_left_out(const uint8_t *bytes, size_t size)
{
    struct left_out count = {0};
    struct smh_fuzz_input input;
    struct smh_fuzz_step step;
    smh_fuzz_open(&input, bytes, size);
    while (smh_fuzz_next(&input, &step)) {
        count.misuse += step.kind == SMH_FUZZ_MISUSE;
        count.resized += step.kind == SMH_FUZZ_RESIZE;
        count.questions += step.kind == SMH_FUZZ_CHECK || step.kind == SMH_FUZZ_LARGEST;
        bool written = step.kind == SMH_FUZZ_OPERATION || step.kind == SMH_FUZZ_RESIZE;
        count.operations += written;
        count.huge += written && step.operation.bytes > OPERATION_BYTES_MAX;
    }
    return count;
}

static void write_region(struct writer *writer, size_t index)
{
    const struct smh_fuzz_region *region = &writer->input.config.regions[index];
    fprintf(writer->out,
            "      { \"name\": \"r%zu\", \"base\": \"0x%" PRIx64 "\", \"size\": %zu, \"attr\": %u, "
            "\"engine\": \"%s\", \"target_bits\": %u",
            index, BASE + writer->input.config.places[index] * SMH_FUZZ_STRIDE + region->head,
            region->size, writer->heap ? 0 : region->attr, region->engine->name,
            region->target_bits);
    if (region->granule != 0) {
        fprintf(writer->out, ", \"granule\": %zu", region->granule);
    }
    if (!writer->heap && region->reserve_bytes != 0) {
        fprintf(writer->out, ", \"reserve\": %zu", region->reserve_bytes);
    }
    if (!writer->heap && region->priority != 0) {
        fprintf(writer->out, ", \"priority\": %" PRIu32, region->priority);
    }
    if (!writer->heap && region->cost != 1) {
        fprintf(writer->out, ", \"cycles\": %" PRIu32, region->cost);
    }
    fputs(" }", writer->out);
}

static void write_machine(struct writer *writer, const char *path, const struct left_out *left)
{
    const struct smh_fuzz_config *config = &writer->input.config;
    size_t regions = writer->heap ? 1 : config->region_count;
    bool equal = writer->heap || config->match == smh_match_equal;
    const char *name = strrchr(path, '/');
    fprintf(writer->out, "{\n  \"schema\": 1,\n  \"name\": \"from_fuzz\",\n  \"why\": \"");
    for (name = name == NULL ? path : name + 1; *name != 0; name++) {
        /* Enough of the name to find the file, and nothing that JSON would read. */
        bool plain = *name > ' ' && *name < 127 && *name != '"' && *name != '\\';
        fputc(plain ? *name : '?', writer->out);
    }
    fprintf(writer->out,
            ": %zu operations; left out: %zu misused pointers or requests, %zu questions; %zu "
            "resizes in place are reallocs here; %zu sizes past 2^48 are 2^48.\",\n",
            left->operations, left->misuse, left->questions, left->resized, left->huge);
    fputs("  \"machine\": {\n    \"regions\": [\n", writer->out);
    for (size_t i = 0; i < regions; i++) {
        write_region(writer, i);
        fputs(i + 1 < regions ? ",\n" : "\n    ]\n  },\n", writer->out);
    }
    fprintf(writer->out, "  \"pool\": { \"match\": \"%s\", \"policy\": \"%s\"",
            equal ? "equal" : "all_bits", writer->heap ? "add_order" : config->policy->name);
    if (!writer->heap && config->threshold_bytes != 0) {
        fprintf(writer->out, ", \"threshold\": %zu", config->threshold_bytes);
    }
    fputs(" },\n", writer->out);
    fputs("  \"workload\": [\n    { \"actor\": \"fuzz\", \"ops\": [\n", writer->out);
}

static void write_request(struct writer *writer, const struct smh_operation *operation)
{
    uint64_t bytes = operation->bytes;
    fprintf(writer->out, ", \"bytes\": %" PRIu64,
            bytes > OPERATION_BYTES_MAX ? OPERATION_BYTES_MAX : bytes);
    if (operation->align != 0) {
        fprintf(writer->out, ", \"align\": %" PRIu32, operation->align);
    }
    if (writer->heap) {
        return;
    }
    if (operation->prefer == NULL || operation->kind == SMH_OPERATION_REALLOC) {
        fprintf(writer->out, ", \"attr\": %" PRIu32, operation->attr);
        return;
    }
    for (size_t i = 0; i < operation->prefer->count; i++) {
        fprintf(writer->out, "%s%" PRIu32, i == 0 ? ", \"prefer\": [" : ", ",
                operation->prefer->attrs[i]);
    }
    fputc(']', writer->out);
}

static void write_operation(struct writer *writer, const struct smh_operation *operation)
{
    uint64_t *live = &writer->live_bytes[operation->slot];
    bool frees = operation->kind == SMH_OPERATION_FREE ||
                 (operation->kind == SMH_OPERATION_REALLOC && operation->bytes == 0);
    bool asks = !frees && operation->kind <= SMH_OPERATION_REALLOC;
    if (!frees && !asks && operation->offset >= *live) {
        return; /* an access past the end is none */
    }
    fprintf(writer->out, "%s      { \"%s\": \"b%" PRIu32 "\"", writer->written++ == 0 ? "" : ",\n",
            frees ? "free" : smh_operation_name((enum smh_operation_kind)operation->kind),
            operation->slot);
    if (asks) {
        *live = operation->bytes;
        write_request(writer, operation);
    } else if (!frees) {
        uint64_t rest = *live - operation->offset;
        uint64_t bytes = operation->bytes == 0 || operation->bytes > rest ? rest : operation->bytes;
        fprintf(writer->out, ", \"offset\": %" PRIu64 ", \"bytes\": %" PRIu64, operation->offset,
                bytes);
    }
    fputs(" }", writer->out);
}

static void write_scenario(struct writer *writer, const char *path, const uint8_t *bytes,
                           size_t size)
{
    struct smh_fuzz_step step;
    struct left_out left = count_left_out(bytes, size);
    smh_fuzz_open(&writer->input, bytes, size);
    write_machine(writer, path, &left);
    while (smh_fuzz_next(&writer->input, &step)) {
        if (step.kind == SMH_FUZZ_OPERATION || step.kind == SMH_FUZZ_RESIZE) {
            write_operation(writer, &step.operation);
        }
    }
    if (writer->written == 0) { /* a list may not be empty */
        fputs("      { \"alloc\": \"b0\", \"bytes\": 1 }", writer->out);
    }
    fputs("\n    ] }\n  ]\n}\n", writer->out);
}

static int print_help(FILE *out, int code)
{
    fputs("usage: smh from-fuzz [--heap] [-o SCENARIO] INPUT\n\n"
          "Writes a fuzzer's input as a scenario, one operation a line.\n\n"
          "      --heap      the first region alone: inputs of the targets for a single heap\n"
          "  -o, --output    a file; default: standard output\n"
          "  -h, --help      show this help\n"
          "\nExit codes: 0 pass, 2 bad usage or bad input.\n",
          out);
    return code;
}

static int convert(const char *path, const char *output, bool heap)
{
    struct smh_error error = {{0}};
    struct smh_output out;
    size_t size = 0;
    char *bytes = smh_input_whole(path, INPUT_BYTES_MAX, &size, &error);
    if (bytes == NULL || smh_output_open(&out, output, &error) != 0) {
        free(bytes);
        return smh_cli_refuse("from-fuzz", error.message);
    }
    struct writer *writer = smh_must_allocate(1, sizeof(*writer));
    writer->heap = heap;
    writer->out = out.file;
    write_scenario(writer, path, (const uint8_t *)bytes, size);
    int code = SMH_EXIT_PASS;
    if (smh_output_close(&out, true, &error) != 0) {
        code = smh_cli_refuse("from-fuzz", error.message);
    } else if (strcmp(output, "-") != 0) {
        fprintf(stderr, "smh run %s\n", output);
    }
    free(writer);
    free(bytes);
    return code;
}

int smh_command_from_fuzz(int argc, char **argv)
{
    const char *input = NULL;
    const char *output = "-";
    bool heap = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return print_help(stdout, SMH_EXIT_PASS);
        }
        if (strcmp(argv[i], "--heap") == 0) {
            heap = true;
        } else if ((strcmp(argv[i], "-o") == 0 || strcmp(argv[i], "--output") == 0) &&
                   i + 1 < argc) {
            output = argv[++i];
        } else if (input != NULL || (argv[i][0] == '-' && argv[i][1] != 0)) {
            return smh_cli_refuse("from-fuzz", "one INPUT, and --heap or -o SCENARIO");
        } else {
            input = argv[i];
        }
    }
    if (input == NULL) {
        return smh_cli_refuse("from-fuzz", "an INPUT is missing");
    }
    return convert(input, output, heap);
}
