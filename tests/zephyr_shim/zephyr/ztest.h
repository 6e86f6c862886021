/* ztest.h: Zephyr's test framework, as far as the heap tests use it.
 *
 * Owns: registration of tests and suites by constructors, and assertions; shim.c holds main, which
 * runs every suite (setup, then per test before, test, after, then teardown) and exits with 1 when
 * an assertion failed.
 * Invariants: a failed assertion prints where and why and ends the program at once, so that it
 * cannot be lost, whichever thread it is in.
 */
#ifndef SMH_SHIM_ZEPHYR_ZTEST_H
#define SMH_SHIM_ZEPHYR_ZTEST_H

#include <zephyr/kernel.h>

struct shim_test {
    const char *suite;
    const char *name;
    void (*run)(void);
    struct shim_test *next;
};

struct shim_suite {
    const char *name;
    void *(*setup)(void);
    void (*before)(void *fixture);
    void (*after)(void *fixture);
    void (*teardown)(void *fixture);
    struct shim_suite *next;
};

void shim_add_test(struct shim_test *test);
void shim_add_suite(struct shim_suite *suite);
/* After `what`: a printf format (or NULL) and its arguments, then NULL. */
void shim_fail(const char *file, int line, const char *what, ...) __attribute__((noreturn));
void shim_skip(void) __attribute__((noreturn));

#define ZTEST(suite_name, test_name)                                               \
    static void test_name(void);                                                   \
    static void __attribute__((constructor)) shim_add_##test_name(void)            \
    {                                                                              \
        static struct shim_test test = {#suite_name, #test_name, test_name, NULL}; \
        shim_add_test(&test);                                                      \
    }                                                                              \
    static void test_name(void)

#define ZTEST_SUITE(suite_name, predicate, setup, before, after, teardown)                    \
    static void __attribute__((constructor)) shim_add_suite_##suite_name(void)                \
    {                                                                                         \
        static struct shim_suite suite = {#suite_name, setup, before, after, teardown, NULL}; \
        shim_add_suite(&suite);                                                               \
    }

#define SHIM_ASSERT(condition, ...)                                                 \
    do {                                                                            \
        if (!(condition)) {                                                         \
            shim_fail(__FILE__, __LINE__, #condition, ##__VA_ARGS__, (char *)NULL); \
        }                                                                           \
    } while (0)

#define zassert_true(condition, ...)        SHIM_ASSERT(condition, ##__VA_ARGS__)
#define zassert_false(condition, ...)       SHIM_ASSERT(!(condition), ##__VA_ARGS__)
#define zassert_is_null(pointer, ...)       SHIM_ASSERT((pointer) == NULL, ##__VA_ARGS__)
#define zassert_not_null(pointer, ...)      SHIM_ASSERT((pointer) != NULL, ##__VA_ARGS__)
#define zassert_equal(left, right, ...)     SHIM_ASSERT((left) == (right), ##__VA_ARGS__)
#define zassert_not_equal(left, right, ...) SHIM_ASSERT((left) != (right), ##__VA_ARGS__)
#define zassert_between_inclusive(value, low, high, ...) \
    SHIM_ASSERT((value) >= (low) && (value) <= (high), ##__VA_ARGS__)

#define ztest_test_fail() shim_fail(__FILE__, __LINE__, "ztest_test_fail", (char *)NULL)
#define ztest_test_skip() shim_skip()
#define TC_PRINT          printf

#endif
