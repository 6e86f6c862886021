/* test_port.c: the two ports, compiled in here under names of their own. */
#define smh_port_lock_init hosted_lock_init
#define smh_port_lock      hosted_lock
#define smh_port_unlock    hosted_unlock
#define smh_port_panic     hosted_panic
#define smh_port_poison    hosted_poison
#define smh_port_unpoison  hosted_unpoison
#include "../../port/hosted.c"
#undef smh_port_lock_init
#undef smh_port_lock
#undef smh_port_unlock
#undef smh_port_panic
#undef smh_port_poison
#undef smh_port_unpoison

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <signal.h>
#include <string.h>

Test(port_hosted, an_open_mutex_is_all_zero_bytes)
{
    static const pthread_mutex_t open = PTHREAD_MUTEX_INITIALIZER;
    static const pthread_mutex_t zero;

    cr_assert_eq(memcmp(&open, &zero, sizeof(open)), 0);
}

Test(port_hosted, a_lock_of_all_zero_bytes_can_be_taken_and_released)
{
    static struct smh_lock lock;

    hosted_lock(&lock);
    cr_assert_neq(pthread_mutex_trylock(mutex_of(&lock)), 0, "it is taken");
    hosted_unlock(&lock);
    cr_assert_eq(pthread_mutex_trylock(mutex_of(&lock)), 0, "it is open");
    hosted_unlock(&lock);
}

Test(port_hosted, a_lock_is_initialised_whatever_its_bytes_were)
{
    struct smh_lock lock;

    memset(&lock, 0xff, sizeof(lock));
    hosted_lock_init(&lock);
    hosted_lock(&lock);
    hosted_unlock(&lock);
}

static void redirect(void)
{
    cr_redirect_stderr();
}

Test(port_hosted, panic_prints_one_line_and_aborts, .init = redirect, .signal = SIGABRT)
{
    hosted_panic("some_function", "some reason", NULL);
}

static void catch_abort(int signal_number)
{
    (void)signal_number;
    fflush(stderr);
    cr_assert_stderr_eq_str("smh: some_function((nil)): some reason\n");
    _Exit(0);
}

Test(port_hosted, panic_names_function_address_and_reason, .init = redirect)
{
    signal(SIGABRT, catch_abort);
    hosted_panic("some_function", "some reason", NULL);
}

Test(port_hosted, poison_may_be_called_with_and_without_a_sanitizer)
{
    static _Alignas(8) uint8_t bytes[64];

    hosted_poison(bytes, sizeof(bytes));
#if defined(__SANITIZE_ADDRESS__)
    cr_assert_not_null(__asan_poison_memory_region);
#endif
    hosted_unpoison(bytes, sizeof(bytes));
    bytes[0] = 1;
}
