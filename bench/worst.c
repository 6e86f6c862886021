/* worst.c: what is the worst that a call can be made to take?
 *
 * Owns: the bounds that engines state, in exact instructions of x86-64, and the verdict on them by
 * an adversary that searches for the worst state of a heap (harness/adversary.h):
 *
 *     engine x call x heap of 4 KB to 4 GB  -->  search  -->  the worst found, as a scenario
 *                                                              found > bound: exit code 1
 *
 * Calls: alloc, aligned_alloc, free, and realloc where the block stays in its place; refused
 * requests too. What a bound is made of is said beside it in the table below. Bounds are those of
 * the compiler named there: built by another, found and bound are printed and not judged.
 *
 * Result, one per engine, call and heap: engine, call, heap_bytes, found, blocks (basic blocks of
 * the same call), operations (in the sequence), scenario (its file), bound (null: unbounded),
 * judged. Repeatable: the seed decides.
 */
#include "harness/adversary.h"
#include "harness/stepper.h"

#include "../sim/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define EVALUATIONS_DEFAULT 4000u
#define EVALUATIONS_SMOKE   400u
#define SCENARIOS_DEFAULT   "out/bench/worst"
#define SCENARIOS_SMOKE     "build/bench/worst_smoke"

#define UNBOUNDED 0u

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ == 12 && defined(__x86_64__) &&      \
    defined(__OPTIMIZE__) && !defined(__OPTIMIZE_SIZE__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define BOUNDS_ARE_OF_THIS_COMPILER true
#else
#define BOUNDS_ARE_OF_THIS_COMPILER false
#endif

/* What each engine states, in heaps of up to 4 GB for targets of 64 bits, by smh_heap_*. A bound is
 * the longest way through the call, as far as the engine's rules let its parts come together; the
 * search above 90 % of it shows that it is not idle. */
static const struct {
    const char *engine;
    uint32_t bounds[BENCH_CALL_COUNT]; /* in the order of enum bench_call */
} bounds[] = {
    /* What each call does at most is in the docstring of src/engine/bitmap.c. alloc, of a large
     * block or where there is no reserve: a search of two classes, four chunks looked at in each
     * (230), the one found taken out (165), the block's and the rest's ends written and the rest
     * placed (240; the old reserve may be listed for it), the rest in between (150). Or it uses the
     * reserve up: then nothing is searched or taken out before, and the next reserve is looked for
     * (185) and taken out (120). No call searches twice, but aligned_alloc: it looks for more where
     * the first chunk has no room at the alignment, and places two chunks. free: two chunks out
     * (330), one placed (150), three far ends found (110), the ends of the block taken away (60),
     * the rest in between. realloc: verdict, as free of what follows, and alloc's rest. With each
     * end of a long chunk come its milestones, one for each power of 64, 11 instructions each.
     * Found in 20000 evaluations, run twice: 841, 1177, 848, 934; the figures are a little more. */
    {"bitmap", {900, 1270, 915, 1000}},
    /* sys_heap looks at three chunks of a bucket, then at the next bucket; splits once (twice when
     * aligned), joins at most two neighbours. Nothing grows with the heap. */
    {"zephyr", {221, 304, 278, 301}},
    {"zephyr_stats", {228, 312, 289, 307}},
    /* One step for each order between the block's and the heap's: 28 halvings from 4 GB to 16
     * bytes, at 27 to 35 instructions each, joined likewise; realloc halves or joins. */
    {"buddy", {1080, 1080, 1330, 1440}},
    /* Lists in the order of addresses are searched from their start. */
    {"first_fit", {UNBOUNDED, UNBOUNDED, UNBOUNDED, UNBOUNDED}},
    {"next_fit", {UNBOUNDED, UNBOUNDED, UNBOUNDED, UNBOUNDED}},
    {"best_fit", {UNBOUNDED, UNBOUNDED, UNBOUNDED, UNBOUNDED}},
    {"worst_fit", {UNBOUNDED, UNBOUNDED, UNBOUNDED, UNBOUNDED}},
};

static const size_t heap_sizes[] = {(size_t)4 << 10, (size_t)64 << 10, (size_t)1 << 20,
                                    (size_t)64 << 20, (size_t)4 << 30};
#define HEAP_SIZES  (sizeof(heap_sizes) / sizeof(*heap_sizes))
#define SMOKE_SIZES 1u

struct worst {
    struct bench_options options;
    const char *folder;
    size_t sizes;
    struct bench_worst *found; /* [engine][call][size] */
};

static struct bench_worst *found_at(const struct worst *all, size_t engine, size_t call,
                                    size_t size)
{
    return &all->found[(engine * BENCH_CALL_COUNT + call) * all->sizes + size];
}

static void hunt_of(const struct worst *all, size_t index, struct bench_hunt *hunt)
{
    size_t evaluations = all->options.evaluations;

    if (evaluations == 0) {
        evaluations = all->options.smoke ? EVALUATIONS_SMOKE : EVALUATIONS_DEFAULT;
    }
    *hunt = (struct bench_hunt){
        .options = &all->options,
        .engine = all->options.engines[index / all->sizes / BENCH_CALL_COUNT].engine,
        .call = (enum bench_call)(index / all->sizes % BENCH_CALL_COUNT),
        .heap_bytes = heap_sizes[index % all->sizes],
        .evaluations = evaluations};
}

static void job(void *context, size_t index)
{
    struct worst *all = context;
    struct bench_hunt hunt;

    hunt_of(all, index, &hunt);
    bench_hunt(&hunt, &all->found[index]);
}

static void describe(void *context, size_t index, char *text, size_t bytes)
{
    struct bench_hunt hunt;

    hunt_of(context, index, &hunt);
    snprintf(text, bytes, "engine %s, %s in %zu bytes", hunt.engine->name,
             bench_call_names[hunt.call], hunt.heap_bytes);
}

/* False: no bound is stated. */
static bool bound_of(const char *engine, size_t call, uint32_t *bound)
{
    for (size_t i = 0; i < sizeof(bounds) / sizeof(*bounds); i++) {
        if (strcmp(bounds[i].engine, engine) == 0) {
            *bound = bounds[i].bounds[call];
            return true;
        }
    }
    return false;
}

/* Writes the scenario of one finding and appends its result. */
static void add_result(const struct worst *all, json_t *document, size_t engine, size_t call,
                       size_t size)
{
    const struct bench_worst *found = found_at(all, engine, call, size);
    const char *name = all->options.engines[engine].name;
    struct bench_player player = {.options = &all->options,
                                  .engine = all->options.engines[engine].engine,
                                  .bytes = heap_sizes[size]};
    char file[4096], title[128], why[160];
    uint32_t bound = UNBOUNDED;
    bool stated = bound_of(name, call, &bound);

    snprintf(title, sizeof(title), "worst_%s_%s_%zuK", name, bench_call_names[call],
             heap_sizes[size] >> 10);
    snprintf(why, sizeof(why), "The last operation takes %u instructions of the core (%s).",
             found->instructions, bench_call_names[call]);
    snprintf(file, sizeof(file), "%s/%s.json", all->folder, title);
    bench_sequence_write(&found->sequence, &player, title, why, file);
    bench_document_add(
        document,
        json_pack("{s:s, s:s, s:I, s:i, s:i, s:I, s:s, s:o, s:b}", "engine", name, "call",
                  bench_call_names[call], "heap_bytes", (json_int_t)heap_sizes[size], "found",
                  (int)found->instructions, "blocks", (int)found->blocks, "operations",
                  (json_int_t)found->sequence.count, "scenario", file, "bound",
                  stated && bound != UNBOUNDED ? json_integer(bound) : json_null(), "judged",
                  stated && bound != UNBOUNDED && BOUNDS_ARE_OF_THIS_COMPILER));
}

/* One row of the table: a call of an engine; true: within its bound. */
static bool print_row(const struct worst *all, size_t engine, size_t call)
{
    const char *name = all->options.engines[engine].name;
    uint32_t bound = UNBOUNDED;
    bool stated = bound_of(name, call, &bound);
    const struct bench_worst *most = NULL;
    size_t most_size = 0;

    printf("%-16.16s %-17s", call == 0 ? name : "", bench_call_names[call]);
    for (size_t size = 0; size < all->sizes; size++) {
        const struct bench_worst *found = found_at(all, engine, call, size);

        if (!found->supported || found->instructions == 0) {
            printf(" %6s", "-");
            continue;
        }
        printf(" %6u", found->instructions);
        if (most == NULL || found->instructions > most->instructions) {
            most = found;
            most_size = size;
        }
    }
    if (most == NULL) {
        printf("\n");
        return true;
    }
    if (!stated || bound == UNBOUNDED) {
        printf("  %9s %7s", stated ? "unbounded" : "none", "");
    } else {
        printf("  %9u %6.1f%%", bound, 100.0 * most->instructions / bound);
    }
    printf("  %3zu operations, %zuK%s\n", most->sequence.count, heap_sizes[most_size] >> 10,
           most->counted ? "" : " (searched by instructions alone)");
    return !stated || bound == UNBOUNDED || most->instructions <= bound;
}

static void make_folder(const char *path)
{
    char part[4096];

    for (size_t length = 1; length <= strlen(path) && length < sizeof(part); length++) {
        if (path[length] == '/' || path[length] == '\0') {
            memcpy(part, path, length);
            part[length] = '\0';
            if (mkdir(part, 0777) != 0 && errno != EEXIST) {
                bench_fail("%s: %s", part, strerror(errno));
            }
        }
    }
}

/* How many calls exceeded their bound. */
static size_t report(const struct worst *all, json_t *document)
{
    size_t beyond = 0;

    printf("the most instructions found, by size of the heap\n%-16s %-17s", "engine", "call");
    for (size_t size = 0; size < all->sizes; size++) {
        printf(" %5zu%c", heap_sizes[size] >> (heap_sizes[size] < (1u << 20) ? 10 : 20),
               heap_sizes[size] < (1u << 20) ? 'K' : 'M');
    }
    printf("  %9s %7s  %s\n", "bound", "of it", "the worst of them");
    for (size_t engine = 0; engine < all->options.engine_count; engine++) {
        for (size_t call = 0; call < BENCH_CALL_COUNT; call++) {
            beyond += !print_row(all, engine, call);
            for (size_t size = 0; size < all->sizes; size++) {
                if (found_at(all, engine, call, size)->instructions != 0) {
                    add_result(all, document, engine, call, size);
                }
            }
        }
    }
    printf("each as a scenario: build/smh run %s/worst_ENGINE_CALL_SIZE.json\n", all->folder);
    return beyond;
}

int main(int argc, char **argv)
{
    struct worst all = {0};
    struct bench_jobs jobs = {.run = job, .describe = describe, .context = &all};
    json_t *document;
    size_t beyond;

    bench_options_read(&all.options, "worst",
                       "The most instructions that a search can make a call take, and the bounds.",
                       argc, argv);
    if (!bench_stepper_open()) {
        printf("worst: single-stepping is written for x86-64 only\n");
        return 0;
    }
    all.sizes = all.options.smoke ? SMOKE_SIZES : HEAP_SIZES;
    all.folder = all.options.scenarios != NULL ? all.options.scenarios
                 : all.options.smoke           ? SCENARIOS_SMOKE
                                               : SCENARIOS_DEFAULT;
    make_folder(all.folder);
    jobs.count = all.options.engine_count * BENCH_CALL_COUNT * all.sizes;
    all.found = bench_shared(jobs.count * sizeof(*all.found));
    bench_parallel(all.options.jobs, &jobs);
    document = bench_document(&all.options);
    beyond = report(&all, document);
    bench_document_write(&all.options, document);
    if (beyond != 0 && BOUNDS_ARE_OF_THIS_COMPILER) {
        bench_fail("%zu bounds do not hold", beyond);
    }
    return 0;
}
