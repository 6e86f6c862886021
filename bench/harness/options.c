/* options.c: the command line of every bench.
 *
 * Owns: struct bench_options, and finding engines and traces. Invariants: see harness.h.
 */
#include "harness.h"

#include <dlfcn.h>
#include <errno.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRACES      "scenarios/traces/*.trace.zst"
#define SMOKE_TRACE "tests/data/small/small.trace"

static const char *running = "bench";

static const char help_text[] =
    "\n"
    "usage: %s [OPTION...] [TRACE...]          (default: " TRACES ")\n"
    "  -e, --engine ENGINE   by name, or a shared object that exports smh_engine_plugin (a path\n"
    "                        with a '/'); may be repeated; default: every engine of the core\n"
    "  --reference NAME      the engine to which ratios are taken\n"
    "  --bits 32|64          lay metadata out as that target would (default: 64)\n"
    "  --granule BYTES       a power of two (default: the engine's)\n"
    "  --rounds N            rounds of a timed bench\n"
    "  --sample N            calls to look at per trace; 'all' for every one\n"
    "  --evaluations N       plays of each search of 'worst' (default: 4000)\n"
    "  --scenarios FOLDER    where 'worst' writes what it found (default: out/bench/worst)\n"
    "  --jobs N              processes at a time (default: 2; timed benches use one)\n"
    "  --seed N              of made-up sequences (default: 1)\n"
    "  --direct              also call plug-ins that export smh_bench_direct without smh around\n"
    "  --system              also glibc, jemalloc and mimalloc, where they make sense (so without "
    "-e)\n"
    "  --json FILE           write the figures there\n"
    "  --full                'scaling': up to 10 million blocks and 4 GB, not 1 million and 256 MB\n"
    "  --smoke               fast: shows that the bench works; its figures mean little\n";

void bench_fail(const char *format, ...)
{
    va_list arguments;

    fflush(stdout);
    fprintf(stderr, "bench %s: ", running);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\n");
    exit(1);
}

static _Noreturn void bad_usage(const char *what, const char *value)
{
    fprintf(stderr, "bench %s: %s: '%s' (--help tells more)\n", running, what, value);
    exit(2);
}

static void add_engine(struct bench_options *options, const char *name)
{
    struct bench_engine *added = &options->engines[options->engine_count];
    void *library;

    if (options->engine_count == BENCH_ENGINES_MAX) {
        bad_usage("too many engines", name);
    }
    if (strchr(name, '/') == NULL) {
        added->engine = smh_engine_find(name);
        if (added->engine == NULL) {
            bad_usage("no engine of that name, nor a path with a '/'", name);
        }
    } else {
        library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
        if (library == NULL) {
            bad_usage("cannot be loaded", dlerror());
        }
        added->engine = dlsym(library, SMH_ENGINE_PLUGIN_SYMBOL);
        added->direct = dlsym(library, BENCH_DIRECT_SYMBOL);
        if (added->engine == NULL) {
            bad_usage("exports no " SMH_ENGINE_PLUGIN_SYMBOL, name);
        }
    }
    added->name = added->engine->name;
    options->engine_count++;
}

static void add_trace(struct bench_options *options, const char *path)
{
    if (options->trace_count == BENCH_TRACES_MAX) {
        bad_usage("too many traces", path);
    }
    options->traces[options->trace_count++] = path;
}

static uint64_t number(const char *option, const char *text, uint64_t most)
{
    char *end;
    unsigned long long value;

    errno = 0;
    value = strtoull(text, &end, 0);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || value > most) {
        bad_usage(option, text);
    }
    return value;
}

/* Options with a value. False: there is none of that name. */
static bool read_valued(struct bench_options *options, const char *option, const char *value)
{
    if (strcmp(option, "-e") == 0 || strcmp(option, "--engine") == 0) {
        add_engine(options, value);
    } else if (strcmp(option, "--reference") == 0) {
        options->reference = value;
    } else if (strcmp(option, "--bits") == 0) {
        options->target_bits = (unsigned)number(option, value, 64);
    } else if (strcmp(option, "--granule") == 0) {
        options->granule = number(option, value, SIZE_MAX);
    } else if (strcmp(option, "--rounds") == 0) {
        options->rounds = (unsigned)number(option, value, 10000);
    } else if (strcmp(option, "--sample") == 0) {
        options->sample = strcmp(value, "all") == 0 ? SIZE_MAX : number(option, value, SIZE_MAX);
    } else if (strcmp(option, "--evaluations") == 0) {
        options->evaluations = number(option, value, UINT32_MAX);
    } else if (strcmp(option, "--scenarios") == 0) {
        options->scenarios = value;
    } else if (strcmp(option, "--jobs") == 0) {
        options->jobs = (unsigned)number(option, value, 64);
    } else if (strcmp(option, "--seed") == 0) {
        options->seed = number(option, value, UINT64_MAX);
    } else if (strcmp(option, "--json") == 0) {
        options->json = value;
    } else {
        return false;
    }
    return true;
}

static void use_defaults(struct bench_options *options)
{
    static glob_t found; /* its strings live as long as the program */

    options->engines_named = options->engine_count != 0;
    options->system |= !options->engines_named;
    for (size_t i = 0; options->engine_count == 0 || i != 0; i++) {
        const struct smh_engine *engine = smh_engine_at(i);

        if (engine == NULL) {
            break;
        }
        add_engine(options, engine->name);
    }
    if (options->trace_count == 0 && options->smoke) {
        add_trace(options, SMOKE_TRACE);
    } else if (options->trace_count == 0) {
        glob(TRACES, 0, NULL, &found);
        for (size_t i = 0; i < found.gl_pathc; i++) {
            add_trace(options, found.gl_pathv[i]);
        }
    }
    if (options->target_bits != 32 && options->target_bits != 64) {
        bad_usage("--bits", "neither 32 nor 64");
    }
    if (options->jobs == 0) {
        options->jobs = 1;
    }
}

void bench_options_read(struct bench_options *options, const char *bench, const char *about,
                        int argc, char **argv)
{
    memset(options, 0, sizeof(*options));
    running = bench;
    options->bench = bench;
    options->arguments = argv;
    options->target_bits = 64;
    options->jobs = 2;
    options->seed = 1;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            printf("%s\n", about);
            printf(help_text, bench);
            exit(0);
        } else if (strcmp(argv[i], "--smoke") == 0) {
            options->smoke = true;
        } else if (strcmp(argv[i], "--full") == 0) {
            options->full = true;
        } else if (strcmp(argv[i], "--direct") == 0) {
            options->direct = true;
        } else if (strcmp(argv[i], "--system") == 0) {
            options->system = true;
        } else if (argv[i][0] != '-') {
            add_trace(options, argv[i]);
        } else if (i + 1 == argc || !read_valued(options, argv[i], argv[i + 1])) {
            bad_usage("unknown option, or its value is missing", argv[i]);
        } else {
            i++;
        }
    }
    use_defaults(options);
}
