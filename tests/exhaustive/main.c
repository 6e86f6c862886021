/* main.c: `make exhaustive`: prints how many states there are, and that no rule is broken in any.
 *
 *     exhaustive [--engine=NAME] [--depth=N] [--jobs=N] [--memory=MEGABYTES] [--bits=32|64]
 *                [--region0=BYTES] [--region1=BYTES]
 *
 * Exit code: 0 no rule is broken, 1 one is (its sequence follows as a scenario), 2 bad usage, 3 the
 * table is full before the depth is reached.
 */
#include "../core/faulty_engines.h"
#include "enumerate.h"

#include <stdlib.h>
#include <string.h>

struct options {
    struct enumerate_config config;
    const char *engine;
};

static bool read_number(const char *argument, const char *name, size_t *number)
{
    size_t length = strlen(name);
    if (strncmp(argument, name, length) != 0) {
        return false;
    }
    *number = strtoul(argument + length, NULL, 10);
    return true;
}

static bool read_options(int argc, char **argv, struct options *options)
{
    struct enumerate_config *config = &options->config;
    size_t depth = config->depth;
    size_t jobs = config->jobs;
    size_t megabytes = config->memory_bytes >> 20;
    size_t kept = config->world.kept_bytes;
    size_t bits = config->world.target_bits;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--engine=", 9) == 0) {
            options->engine = argv[i] + 9;
        } else if (!read_number(argv[i], "--depth=", &depth) &&
                   !read_number(argv[i], "--jobs=", &jobs) &&
                   !read_number(argv[i], "--memory=", &megabytes) &&
                   !read_number(argv[i], "--bits=", &bits) &&
                   !read_number(argv[i], "--kept=", &kept) &&
                   !read_number(argv[i], "--region0=", &config->world.region_bytes[0]) &&
                   !read_number(argv[i], "--region1=", &config->world.region_bytes[1])) {
            (void)fprintf(stderr, "exhaustive: %s is not known\n", argv[i]);
            return false;
        }
    }
    config->world.kept_bytes = kept;
    config->depth = (unsigned)depth;
    config->jobs = (unsigned)jobs;
    config->memory_bytes = megabytes << 20;
    config->world.target_bits = (unsigned)bits;
    config->world.engine = smh_engine_find(options->engine);
    if (config->world.engine == NULL) {
        config->world.engine = smh_faulty_engine_find(options->engine);
    }
    if (config->world.engine == NULL) {
        (void)fprintf(stderr, "exhaustive: there is no engine %s\n", options->engine);
    }
    return config->world.engine != NULL;
}

static int report(const struct enumerate_config *config, const struct enumerate_result *result)
{
    uint64_t states = 0;
    uint64_t steps = 0;
    double seconds = 0;
    for (size_t i = 0; i <= ENUMERATE_DEPTH_MAX; i++) {
        states += result->levels[i].states;
        steps += result->levels[i].steps;
        seconds += result->levels[i].seconds;
    }
    printf("engine %s, depth %u: %llu states, %llu steps judged, %.1f s: %s\n",
           config->world.engine->name, result->depth, (unsigned long long)states,
           (unsigned long long)steps, seconds,
           result->end == ENUMERATE_DEPTH     ? "no rule is broken"
           : result->end == ENUMERATE_CLOSED  ? "no rule is broken, at any depth: nothing is new"
           : result->end == ENUMERATE_FULL    ? "the table is full"
           : result->end == ENUMERATE_REFUSED ? "the regions are refused"
                                              : result->violation);
    if (result->end == ENUMERATE_VIOLATION) {
        printf("after these %zu operations (smh run, from standard input or a file):\n",
               result->step_count);
        world_write_scenario(stdout, result->steps, result->step_count);
        return 1;
    }
    return result->end == ENUMERATE_FULL ? 3 : result->end == ENUMERATE_REFUSED ? 2 : 0;
}

int main(int argc, char **argv)
{
    struct options options = {
        .config = {.world = world_defaults,
                   .depth = 8,
                   .jobs = 1,
                   .memory_bytes = (size_t)1 << 30,
                   .progress = stdout},
        .engine = "bitmap",
    };
    struct enumerate_result *result = malloc(sizeof(*result));
    if (result == NULL || !read_options(argc, argv, &options)) {
        free(result);
        return 2;
    }
    printf("engine %s: regions of %zu and %zu bytes\n", options.engine,
           options.config.world.region_bytes[0], options.config.world.region_bytes[1]);
    printf("depth     new states            steps   seconds\n");
    enumerate(&options.config, result);
    int code = report(&options.config, result);
    free(result);
    return code;
}
