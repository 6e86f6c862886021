/* corpus.c: a fuzz target's inputs as tests, for mutants that every other test lets live.
 *
 * Owns: replaying fuzz/corpus/TARGET, and inputs made by chance (fuzz/input/generate.h), each in
 * the one process that runner.c forks for it. A broken rule ends the process by abort, which
 * counts.
 */
#include "criterion/criterion.h"

#include "../../fuzz/input/generate.h"
#include "../../fuzz/stage.h"

#include <dirent.h>

#define INPUT_MAX       ((size_t)1 << 20)
#define OPERATIONS_FEW  UINT64_C(30000)
#define OPERATIONS_MANY UINT64_C(100000)
#define SEED_DISTANCE   UINT64_C(1000000)

static uint8_t bytes[INPUT_MAX];

TestSuite(corpus);

Test(corpus, committed_inputs)
{
    char path[1024];
    struct dirent **entries;

    (void)snprintf(path, sizeof(path), "fuzz/corpus/%s", fuzz_target);
    int count = scandir(path, &entries, NULL, alphasort);

    cr_assert(count > 2);
    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] == '.') {
            continue;
        }
        (void)snprintf(path, sizeof(path), "fuzz/corpus/%s/%s", fuzz_target, entries[i]->d_name);
        FILE *file = fopen(path, "rb");

        cr_assert_not_null(file);
        size_t size = fread(bytes, 1, sizeof(bytes), file);

        (void)fclose(file);
        (void)LLVMFuzzerTestOneInput(bytes, size);
    }
}

static void make_anew(uint64_t seed, uint64_t operations)
{
    uint64_t first = fuzz_operations;

    for (uint64_t i = 0; fuzz_operations - first < operations && i < operations; i++) {
        size_t size = fuzz_generate(bytes, 4096, seed * SEED_DISTANCE + i);

        (void)LLVMFuzzerTestOneInput(bytes, size);
    }
}

Test(corpus, inputs_made_with_seed_1)
{
    make_anew(1, OPERATIONS_FEW);
}

Test(corpus, inputs_made_with_seed_2)
{
    make_anew(2, OPERATIONS_MANY);
}

Test(corpus, inputs_made_with_seed_3)
{
    make_anew(3, OPERATIONS_MANY);
}
