/* cache.c: `smh cache`: hits and misses of an address trace, as Cachegrind counts them.
 *
 * Owns: the command's options and what it prints. machine/cache_trace.h says what is counted,
 * machine/cache_packed.h what --pack writes.
 */
#include "../machine/cache_packed.h"
#include "../machine/cache_reader.h"
#include "../machine/cache_trace.h"
#include "../output.h"
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum cache_option {
    OPTION_SIZE = 256,
    OPTION_WAYS,
    OPTION_LINE,
    OPTION_L2_SIZE,
    OPTION_L2_WAYS,
    OPTION_L2_LINE,
    OPTION_I1_SIZE,
    OPTION_I1_WAYS,
    OPTION_I1_LINE,
    OPTION_REPLACEMENT,
    OPTION_SEED,
    OPTION_JSON,
    OPTION_PACK,
    OPTION_DATA
};

static const struct option longs[] = {
    {"size", required_argument, NULL, OPTION_SIZE},
    {"ways", required_argument, NULL, OPTION_WAYS},
    {"line", required_argument, NULL, OPTION_LINE},
    {"l2-size", required_argument, NULL, OPTION_L2_SIZE},
    {"l2-ways", required_argument, NULL, OPTION_L2_WAYS},
    {"l2-line", required_argument, NULL, OPTION_L2_LINE},
    {"i1-size", required_argument, NULL, OPTION_I1_SIZE},
    {"i1-ways", required_argument, NULL, OPTION_I1_WAYS},
    {"i1-line", required_argument, NULL, OPTION_I1_LINE},
    {"replacement", required_argument, NULL, OPTION_REPLACEMENT},
    {"seed", required_argument, NULL, OPTION_SEED},
    {"json", required_argument, NULL, OPTION_JSON},
    {"pack", required_argument, NULL, OPTION_PACK},
    {"data", no_argument, NULL, OPTION_DATA},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

struct cache_command {
    struct smh_cache_trace_config config;
    const char *json; /* NULL: text alone; "-": JSON alone, on standard output */
    const char *pack; /* NULL: count */
    bool data;        /* pack no instructions */
    const char *path;
    bool help;
};

static const char *const replacements[] = {"lru", "plru", "random"};

static void print_help(FILE *out)
{
    fputs(
        "usage: smh cache [OPTIONS] [TRACE|-]\n\n"
        "Counts hits and misses of an address trace as Cachegrind does. A trace is what\n"
        "`valgrind --tool=lackey --trace-mem=yes --px-default=sp-at-mem-access --log-file=TRACE\n"
        "PROGRAM` writes, or lines \"L ADDRESS,SIZE\" (S: store, M: modify, I: instruction);\n"
        "plain, gzip or zstd. A trace that is counted more than once is packed first, by --pack: 3\n"
        "bytes an access instead of a line of text, which is most of the time.\n\n"
        "      --size BYTES           of the data cache; 32K and 1M will do [32K]\n"
        "      --ways N               of it [8]\n"
        "      --line BYTES           of it [64]\n"
        "      --l2-size BYTES        of a second level that data and instructions share [none]\n"
        "      --l2-ways N            of it [16]\n"
        "      --l2-line BYTES        of it [that of --line]\n"
        "      --i1-size BYTES        of an instruction cache [none: instructions are skipped]\n"
        "      --i1-ways N            of it [8]\n"
        "      --i1-line BYTES        of it [that of --line]\n"
        "      --replacement NAME     lru, plru or random [lru, as Cachegrind]\n"
        "      --seed N               of random replacement [0]\n"
        "      --json FILE            write the counts as JSON to FILE ('-': standard output)\n"
        "      --pack FILE            count nothing, write the trace packed to FILE ('-': standard\n"
        "                             output); smh cache tells it by its first bytes\n"
        "      --data                 with --pack: leave out the instructions\n"
        "  -h, --help                 show this help\n"
        "\nExit codes: 0 pass, 2 bad usage or bad input.\n",
        out);
}

/* A number, with K, M or G for powers of 1024. */
static int parse_size(const char *name, const char *text, uint64_t most, uint64_t *value,
                      struct smh_error *error)
{
    char *end = NULL;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    const char *units = "KMG";
    const char *unit = *end != '\0' ? strchr(units, *end) : NULL;
    unsigned shift = unit != NULL ? 10 * (unsigned)(unit - units + 1) : 0;
    bool whole = text[0] >= '0' && text[0] <= '9' && errno == 0 &&
                 (*end == '\0' || (unit != NULL && end[1] == '\0'));
    if (!whole || number > most >> shift) {
        return smh_error_set(error,
                             "--%s: \"%s\", allowed: a number up to %" PRIu64
                             " (with K, M or G: times 1024, ...)",
                             name, text, most);
    }
    *value = (uint64_t)number << shift;
    return 0;
}

static int parse_replacement(const char *text, enum smh_cache_replacement *replacement,
                             struct smh_error *error)
{
    for (unsigned i = 0; i < 3; i++) {
        if (strcmp(text, replacements[i]) == 0) {
            *replacement = (enum smh_cache_replacement)i;
            return 0;
        }
    }
    return smh_error_set(error, "--replacement: \"%s\", allowed: lru, plru, random", text);
}

static int apply(struct cache_command *command, int letter, const char *name,
                 struct smh_error *error)
{
    struct smh_cache_trace_config *config = &command->config;
    struct smh_cache_geometry *geometries[] = {&config->d1, &config->l2, &config->i1};
    uint64_t number = 0;
    switch (letter) {
    case 'h':
        command->help = true;
        return 0;
    case OPTION_JSON:
        command->json = optarg;
        return 0;
    case OPTION_PACK:
        command->pack = optarg;
        return 0;
    case OPTION_DATA:
        command->data = true;
        return 0;
    case OPTION_REPLACEMENT:
        return parse_replacement(optarg, &config->replacement, error);
    case OPTION_SEED:
        return parse_size(name, optarg, INT64_MAX, &config->seed, error);
    default:
        break;
    }
    bool size = (letter - OPTION_SIZE) % 3 == 0;
    if (parse_size(name, optarg, size ? UINT64_C(1) << 32 : 65536, &number, error) != 0) {
        return -1;
    }
    struct smh_cache_geometry *geometry = geometries[(letter - OPTION_SIZE) / 3];
    switch ((letter - OPTION_SIZE) % 3) {
    case 0:
        geometry->size_bytes = number;
        break;
    case 1:
        geometry->ways = (uint32_t)number;
        break;
    default:
        geometry->line_bytes = (uint32_t)number;
    }
    return 0;
}

static int check(struct cache_command *command, struct smh_error *error)
{
    struct smh_cache_trace_config *config = &command->config;
    struct smh_cache_geometry *geometries[] = {&config->d1, &config->l2, &config->i1};
    const char *const names[] = {"the data cache", "the second level", "the instruction cache"};
    for (size_t i = 0; i < 3; i++) {
        if (geometries[i]->line_bytes == 0) {
            geometries[i]->line_bytes = config->d1.line_bytes;
        }
        if ((i == 0 || geometries[i]->size_bytes != 0) &&
            smh_cache_geometry_check(geometries[i], names[i], error) != 0) {
            return -1;
        }
    }
    return 0;
}

static int read_options(struct cache_command *command, int argc, char **argv)
{
    struct smh_error error = {0};
    int letter;
    int index = 0;
    opterr = 0;
    optind = 1;
    while ((letter = getopt_long(argc, argv, ":h", longs, &index)) != -1) {
        if (letter == '?' || letter == ':') {
            smh_error_set(
                &error, "%s %.100s",
                letter == '?' ? "no such option:" : "a value is missing:", argv[optind - 1]);
            return smh_cli_refuse(argv[0], error.message);
        }
        if (apply(command, letter, longs[index].name, &error) != 0) {
            return smh_cli_refuse(argv[0], error.message);
        }
    }
    if (command->help) {
        return SMH_EXIT_PASS;
    }
    if (argc - optind > 1) {
        return smh_cli_refuse(argv[0], "one TRACE, or none: standard input");
    }
    if (command->data && command->pack == NULL) {
        return smh_cli_refuse(argv[0], "--data without --pack");
    }
    command->path = optind < argc ? argv[optind] : "-";
    return check(command, &error) == 0 ? SMH_EXIT_PASS : smh_cli_refuse(argv[0], error.message);
}

static void print_geometry(FILE *out, const char *name, const struct smh_cache_geometry *geometry)
{
    if (geometry->size_bytes != 0) {
        fprintf(out, "%s: %" PRIu64 " bytes, %" PRIu32 " ways, lines of %" PRIu32 " bytes\n", name,
                geometry->size_bytes, geometry->ways, geometry->line_bytes);
    }
}

static void print_row(FILE *out, const struct cache_command *command, const char *name,
                      const struct smh_cache_trace_count *count)
{
    uint64_t hits = count->accesses - count->misses;
    double rate =
        count->accesses != 0 ? 100.0 * (double)count->misses / (double)count->accesses : 0;
    fprintf(out, "%-14s %14" PRIu64 " %14" PRIu64 " %14" PRIu64 " %8.3f%%", name, count->accesses,
            hits, count->misses, rate);
    if (command->config.l2.size_bytes != 0) {
        fprintf(out, " %14" PRIu64, count->l2_misses);
    }
    fputc('\n', out);
}

static void print_text(FILE *out, const struct cache_command *command,
                       const struct smh_cache_trace_result *result)
{
    struct smh_cache_trace_count data = {result->loads.accesses + result->stores.accesses,
                                         result->loads.misses + result->stores.misses,
                                         result->loads.l2_misses + result->stores.l2_misses};
    print_geometry(out, "D1", &command->config.d1);
    print_geometry(out, "I1", &command->config.i1);
    print_geometry(out, "LL", &command->config.l2);
    fprintf(out, "\n%-14s %14s %14s %14s %9s%s\n", "", "accesses", "hits", "misses", "rate",
            command->config.l2.size_bytes != 0 ? "      LL misses" : "");
    if (command->config.i1.size_bytes != 0) {
        print_row(out, command, "instructions", &result->instructions);
    }
    print_row(out, command, "loads", &result->loads);
    print_row(out, command, "stores", &result->stores);
    print_row(out, command, "data", &data);
    fprintf(out,
            "\n%" PRIu64 " of the loads also store what they load (M): one access, as in "
            "Cachegrind.\n",
            result->modifies);
}

static void print_json_geometry(FILE *out, const char *name,
                                const struct smh_cache_geometry *geometry)
{
    if (geometry->size_bytes != 0) {
        fprintf(out,
                "  \"%s\": { \"size\": %" PRIu64 ", \"ways\": %" PRIu32 ", \"line\": %" PRIu32
                " },\n",
                name, geometry->size_bytes, geometry->ways, geometry->line_bytes);
    }
}

/* The counts have Cachegrind's own names. */
static void print_json(FILE *out, const struct cache_command *command,
                       const struct smh_cache_trace_result *result)
{
    const struct smh_cache_trace_count *counts[] = {&result->instructions, &result->loads,
                                                    &result->stores};
    bool l2 = command->config.l2.size_bytes != 0;
    fputs("{\n", out);
    print_json_geometry(out, "d1", &command->config.d1);
    print_json_geometry(out, "i1", &command->config.i1);
    print_json_geometry(out, "l2", &command->config.l2);
    fprintf(out, "  \"replacement\": \"%s\",\n", replacements[command->config.replacement]);
    for (size_t i = command->config.i1.size_bytes != 0 ? 0 : 1; i < 3; i++) {
        static const char *const keys[3][3] = {
            {"Ir", "I1mr", "ILmr"}, {"Dr", "D1mr", "DLmr"}, {"Dw", "D1mw", "DLmw"}};
        fprintf(out, "  \"%s\": %" PRIu64 ",\n  \"%s\": %" PRIu64 ",\n", keys[i][0],
                counts[i]->accesses, keys[i][1], counts[i]->misses);
        if (l2) {
            fprintf(out, "  \"%s\": %" PRIu64 ",\n", keys[i][2], counts[i]->l2_misses);
        }
    }
    fprintf(out, "  \"modifies\": %" PRIu64 "\n}\n", result->modifies);
}

static int print(const struct cache_command *command, const struct smh_cache_trace_result *result)
{
    if (command->json == NULL || strcmp(command->json, "-") != 0) {
        print_text(stdout, command, result);
    }
    if (command->json == NULL) {
        return SMH_EXIT_PASS;
    }
    struct smh_error error = {0};
    struct smh_output out;
    if (smh_output_open(&out, command->json, &error) != 0) {
        return smh_cli_refuse("cache", error.message);
    }
    print_json(out.file, command, result);
    int code = smh_output_close(&out, true, &error);
    return code == 0 ? SMH_EXIT_PASS : smh_cli_refuse("cache", error.message);
}

/* The block, written and emptied; how many accesses it had. */
static uint64_t pack_block(FILE *out, struct smh_cache_block *block)
{
    uint32_t count = block->count;
    if (count > 0) {
        smh_cache_pack(out, block);
        smh_cache_block_next(block);
    }
    return count;
}

/* Loads and stores of a block, into a block of their own, which is written when it is full. How
 * many accesses were written. */
static uint64_t pack_data(FILE *out, const struct smh_cache_block *block,
                          struct smh_cache_block *data)
{
    uint64_t written = 0;
    uint32_t extra = 0;
    for (uint32_t i = 0; i < block->count; i++) {
        struct smh_cache_extra access = {0, 0};
        if (smh_cache_window_of(block, i) == 0) {
            access = block->extras[extra++];
        } else {
            access.address = smh_cache_address_of(block, i);
            access.bytes = smh_cache_bytes_of(block, i);
        }
        enum smh_trace_kind kind = smh_cache_kind_of(block, i);
        while (kind != SMH_TRACE_INSTRUCTION &&
               !smh_cache_block_add(data, kind, access.address, access.bytes)) {
            written += pack_block(out, data);
        }
    }
    return written;
}

/* All of a trace, packed; -1: out is worthless. */
static int pack_all(const struct cache_command *command, FILE *out, struct smh_error *error)
{
    struct smh_cache_reader *reader = smh_cache_reader_open(command->path, error);
    if (reader == NULL) {
        return -1;
    }
    struct smh_cache_block *block = smh_must_allocate(1, sizeof *block);
    struct smh_cache_block *data = smh_must_allocate(1, sizeof *data);
    uint64_t accesses = 0;
    int code;
    smh_cache_block_open(block);
    smh_cache_block_open(data);
    smh_cache_pack_header(out);
    while ((code = smh_cache_reader_next(reader, block, error)) == 1) {
        if (command->data) {
            accesses += pack_data(out, block, data);
        } else if (block->count > 0) {
            smh_cache_pack(out, block);
            accesses += block->count;
        }
    }
    accesses += pack_block(out, data);
    smh_cache_pack_end(out, accesses);
    free(block);
    free(data);
    smh_cache_reader_close(reader);
    return code;
}

static int pack(const struct cache_command *command)
{
    struct smh_error error = {0};
    struct smh_output out;
    if (smh_output_open(&out, command->pack, &error) != 0) {
        return smh_cli_refuse("cache", error.message);
    }
    int code = pack_all(command, out.file, &error);
    if (smh_output_close(&out, code == 0, &error) != 0) {
        code = -1;
    }
    return code == 0 ? SMH_EXIT_PASS : smh_cli_refuse("cache", error.message);
}

static int count(const struct cache_command *command)
{
    struct smh_error error = {0};
    int code = SMH_EXIT_INPUT;
    struct smh_cache_trace *trace = smh_cache_trace_open(&command->config);
    if (smh_cache_trace_read(trace, command->path, &error) != 0) {
        code = smh_cli_refuse("cache", error.message);
    } else {
        struct smh_cache_trace_result result;
        smh_cache_trace_result(trace, &result);
        code = print(command, &result);
    }
    smh_cache_trace_close(trace);
    return code;
}

int smh_command_cache(int argc, char **argv)
{
    struct cache_command command = {
        .config = {.d1 = {32768, 8, 64}, .l2 = {0, 16, 0}, .i1 = {0, 8, 0}}};
    int code = read_options(&command, argc, argv);
    if (code != SMH_EXIT_PASS) {
        return code;
    }
    if (command.help) {
        print_help(stdout);
        return code;
    }
    return command.pack != NULL ? pack(&command) : count(&command);
}
