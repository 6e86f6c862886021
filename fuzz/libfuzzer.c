/* libfuzzer.c: how libFuzzer is set where inputs are operations. Linked into the targets of
 * MODE=fuzz whose inputs are; what a command line or ASAN_OPTIONS says comes later and holds.
 *
 *     TARGET -runs=9 FOLDER    becomes    TARGET (defaults) -runs=9 FOLDER
 *
 * The core takes no memory from the host, so that blocks freed by the judges need not be kept long
 * to be told from live ones: pages taken anew for each would cost a tenth of the speed.
 */
#include <stddef.h>

#define MOST 4096

int LLVMFuzzerInitialize(int *count, char ***arguments);
const char *__asan_default_options(void);

__attribute__((no_sanitize("address", "undefined"))) const char *__asan_default_options(void)
{
    return "quarantine_size_mb=1:thread_local_quarantine_size_kb=64:malloc_context_size=2";
}

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    /* The book-keeping of the first would cost a third of the speed of inputs as fast as these;
     * names of functions that are reached first are asked of a program that must be started. What
     * libFuzzer does for each input, a quarter of the time at first, is spread over twice as many
     * operations; others' finds are looked for every ten seconds. */
    static char defaults[][16] = {"-entropic=0", "-print_funcs=0", "-max_len=8192", "-reload=10"};
    static char *with_defaults[MOST];
    size_t added = sizeof(defaults) / sizeof(defaults[0]);
    size_t given = (size_t)*count;
    if (given == 0 || given + added >= MOST) {
        return 0;
    }
    with_defaults[0] = (*arguments)[0];
    for (size_t i = 0; i < added; i++) {
        with_defaults[1 + i] = defaults[i];
    }
    for (size_t i = 1; i < given; i++) {
        with_defaults[added + i] = (*arguments)[i];
    }
    *arguments = with_defaults;
    *count += (int)added;
    return 0;
}
