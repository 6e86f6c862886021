/* criterion.h: as much of Criterion as the tests use, for the mutation tester.
 *
 * Owns: Test, TestSuite and the assertions as macros that end the process with SHIM_FAILED. Each
 * test leaves a pointer in the section shim_tests, each suite one in shim_suites; runner.c forks a
 * process per test, which costs a fraction of a millisecond where Criterion takes ten.
 */
#ifndef SHIM_CRITERION_H
#define SHIM_CRITERION_H

#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHIM_FAILED 99

struct shim_test {
    const char *suite;
    const char *title;
    void (*run)(void);
    void (*init)(void);
    void (*fini)(void);
    int signal;
    int exit_code;
    bool disabled;
    double timeout;
    const char *description;
};

#define SHIM_SECTION(name) __attribute__((section(name), used))
#define Test(suite_, title_, ...)                                                                 \
    static void suite_##_##title_##_test(void);                                                   \
    static const struct shim_test suite_##_##title_##_entry = {                                   \
        .suite = #suite_, .title = #title_, .run = suite_##_##title_##_test, __VA_ARGS__};        \
    static const struct shim_test *const suite_##_##title_##_pointer SHIM_SECTION("shim_tests") = \
        &suite_##_##title_##_entry;                                                               \
    static void suite_##_##title_##_test(void)
#define TestSuite(suite_, ...)                                                                \
    static const struct shim_test suite_##_suite_entry = {.suite = #suite_, __VA_ARGS__};     \
    static const struct shim_test *const suite_##_suite_pointer SHIM_SECTION("shim_suites") = \
        &suite_##_suite_entry

static inline void shim_fail(const char *file, int line, const char *what)
{
    (void)fprintf(stderr, "%s:%d: %s\n", file, line, what);
    (void)fflush(stderr);
    _exit(SHIM_FAILED);
}
#define SHIM_CHECK(condition) ((condition) ? (void)0 : shim_fail(__FILE__, __LINE__, #condition))

#define cr_assert(condition, ...)       SHIM_CHECK(condition)
#define cr_assert_not(condition, ...)   SHIM_CHECK(!(condition))
#define cr_assert_null(value, ...)      SHIM_CHECK((value) == NULL)
#define cr_assert_not_null(value, ...)  SHIM_CHECK((value) != NULL)
#define cr_assert_eq(left, right, ...)  SHIM_CHECK((left) == (right))
#define cr_assert_neq(left, right, ...) SHIM_CHECK((left) != (right))
#define cr_assert_lt(left, right, ...)  SHIM_CHECK((left) < (right))
#define cr_assert_leq(left, right, ...) SHIM_CHECK((left) <= (right))
#define cr_assert_gt(left, right, ...)  SHIM_CHECK((left) > (right))
#define cr_assert_geq(left, right, ...) SHIM_CHECK((left) >= (right))
#define cr_assert_float_eq(left, right, epsilon, ...) \
    SHIM_CHECK(fabs((left) - (right)) <= (epsilon))
#define cr_assert_str_eq(left, right, ...)    SHIM_CHECK(strcmp((left), (right)) == 0)
#define cr_assert_str_neq(left, right, ...)   SHIM_CHECK(strcmp((left), (right)) != 0)
#define cr_assert_str_empty(text, ...)        SHIM_CHECK((text)[0] == '\0')
#define cr_assert_str_not_empty(text, ...)    SHIM_CHECK((text)[0] != '\0')
#define cr_assert_arr_eq(left, right, n, ...) SHIM_CHECK(memcmp((left), (right), (n)) == 0)

#define cr_assert_arr_neq(left, right, n, ...) SHIM_CHECK(memcmp((left), (right), (n)) != 0)
#define cr_assert_float_neq(left, right, epsilon, ...) \
    SHIM_CHECK(fabs((left) - (right)) > (epsilon))
#define cr_assert_str_lt(left, right, ...) SHIM_CHECK(strcmp((left), (right)) < 0)
#define cr_assert_str_gt(left, right, ...) SHIM_CHECK(strcmp((left), (right)) > 0)
#define cr_assert_fail(...)                shim_fail(__FILE__, __LINE__, "fail")
#define cr_expect_fail                     cr_assert_fail
#define cr_log_info(...)                   ((void)0)
#define cr_log_warn(...)                   ((void)0)
#define cr_log_error(...)                  ((void)0)
#define cr_fatal                           cr_assert_fail

#define cr_expect          cr_assert
#define cr_expect_not      cr_assert_not
#define cr_expect_null     cr_assert_null
#define cr_expect_not_null cr_assert_not_null
#define cr_expect_eq       cr_assert_eq
#define cr_expect_neq      cr_assert_neq
#define cr_expect_lt       cr_assert_lt
#define cr_expect_leq      cr_assert_leq
#define cr_expect_gt       cr_assert_gt
#define cr_expect_geq      cr_assert_geq
#define cr_expect_float_eq cr_assert_float_eq
#define cr_expect_str_eq   cr_assert_str_eq
#define cr_expect_str_neq  cr_assert_str_neq
#define cr_expect_arr_eq   cr_assert_arr_eq

#define cr_skip_test(...) exit(0)

/* In runner.c. */
void cr_redirect_stderr(void);
bool shim_stderr_is(const char *text);
#define cr_assert_stderr_eq_str(text, ...) SHIM_CHECK(shim_stderr_is(text))

#endif
