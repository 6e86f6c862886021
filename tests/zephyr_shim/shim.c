/* shim.c: the kernel calls and the test runner behind the shim's headers.
 *
 * Owns: main, the list of tests, threads and semaphores on POSIX, and the kernel's heap: a sys_heap
 * under a mutex, each block preceded by a pointer to its heap, as Zephyr's k_malloc has it.
 *
 *     sys_heap_aligned_alloc(align | sizeof(void *), size + sizeof(void *))
 *     | heap pointer | the caller's bytes, aligned |
 *
 * Invariants: tests run in the order of registration of their files; the first failure ends the
 * program with exit status 1.
 */
#include <kernel_internal.h>
#include <zephyr/kernel.h>
#include <zephyr/ztest.h>

#include <setjmp.h>
#include <stdarg.h>

unsigned char shim_res0[SHIM_RES0_SIZE] __attribute__((aligned(64)));
unsigned char shim_res1[SHIM_RES1_SIZE] __attribute__((aligned(64)));
unsigned char shim_res2[SHIM_RES2_SIZE] __attribute__((aligned(64)));

/* --- threads --- */

static struct k_thread main_thread;
static __thread struct k_thread *current;

static void *run_thread(void *argument)
{
    struct k_thread *thread = argument;

    current = thread;
    thread->entry(thread->arguments[0], thread->arguments[1], thread->arguments[2]);
    return NULL;
}

k_tid_t k_thread_create(struct k_thread *thread, k_thread_stack_t *stack, size_t stack_size,
                        k_thread_entry_t entry, void *p1, void *p2, void *p3, int priority,
                        uint32_t options, k_timeout_t delay)
{
    (void)stack;
    (void)stack_size;
    (void)priority;
    (void)options;
    (void)delay;
    thread->entry = entry;
    thread->arguments[0] = p1;
    thread->arguments[1] = p2;
    thread->arguments[2] = p3;
    thread->resource_pool = k_current_get()->resource_pool;
    if (pthread_create(&thread->handle, NULL, run_thread, thread) != 0) {
        shim_fail(__FILE__, __LINE__, "pthread_create", (char *)NULL);
    }
    thread->joinable = true;
    return thread;
}

int k_thread_join(k_tid_t thread, k_timeout_t timeout)
{
    (void)timeout;
    if (thread->joinable) {
        thread->joinable = false;
        return pthread_join(thread->handle, NULL) == 0 ? 0 : -EINVAL;
    }
    return 0;
}

void k_thread_abort(k_tid_t thread)
{
    (void)k_thread_join(thread, K_FOREVER);
}

k_tid_t k_current_get(void)
{
    return current != NULL ? current : &main_thread;
}

/* --- semaphores --- */

int k_sem_init(struct k_sem *sem, unsigned initial, unsigned limit)
{
    (void)limit;
    return sem_init(&sem->handle, 0, initial);
}

int k_sem_take(struct k_sem *sem, k_timeout_t timeout)
{
    (void)timeout;
    while (sem_wait(&sem->handle) != 0) {
        if (errno != EINTR) {
            return -EINVAL;
        }
    }
    return 0;
}

void k_sem_give(struct k_sem *sem)
{
    (void)sem_post(&sem->handle);
}

/* --- the kernel's heap --- */

static unsigned char pool[Z_HEAP_MIN_SIZE_FOR(K_HEAP_MEM_POOL_SIZE)] __attribute__((aligned(8)));
static struct k_heap system_heap = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void __attribute__((constructor)) make_system_heap(void)
{
    sys_heap_init(&system_heap.heap, pool, sizeof(pool));
}

static void *alloc_from(struct k_heap *heap, size_t align, size_t size)
{
    struct k_heap **block;

    if (size > SIZE_MAX - sizeof(heap)) {
        return NULL;
    }
    (void)pthread_mutex_lock(&heap->lock);
    block = sys_heap_aligned_alloc(&heap->heap, align | sizeof(heap), size + sizeof(heap));
    (void)pthread_mutex_unlock(&heap->lock);
    if (block == NULL) {
        return NULL;
    }
    *block = heap;
    return block + 1;
}

void *k_aligned_alloc(size_t align, size_t size)
{
    return alloc_from(&system_heap, align, size);
}

void *k_malloc(size_t size)
{
    return alloc_from(&system_heap, 0, size);
}

void *k_calloc(size_t count, size_t size)
{
    void *block = NULL;

    if (size == 0 || count <= SIZE_MAX / size) {
        block = k_malloc(count * size);
    }
    return block == NULL ? NULL : memset(block, 0, count * size);
}

void k_free(void *ptr)
{
    struct k_heap **block = ptr;

    if (ptr != NULL) {
        struct k_heap *heap = block[-1];

        (void)pthread_mutex_lock(&heap->lock);
        sys_heap_free(&heap->heap, block - 1);
        (void)pthread_mutex_unlock(&heap->lock);
    }
}

void *k_realloc(void *ptr, size_t size)
{
    struct k_heap **block = ptr;
    struct k_heap *heap;

    if (ptr == NULL) {
        return k_malloc(size);
    }
    if (size == 0) {
        k_free(ptr);
        return NULL;
    }
    if (size > SIZE_MAX - sizeof(heap)) {
        return NULL;
    }
    heap = block[-1];
    (void)pthread_mutex_lock(&heap->lock);
    block = sys_heap_realloc(&heap->heap, block - 1, size + sizeof(heap));
    (void)pthread_mutex_unlock(&heap->lock);
    return block == NULL ? NULL : block + 1;
}

void k_thread_system_pool_assign(k_tid_t thread)
{
    thread->resource_pool = &system_heap;
}

void *z_thread_malloc(size_t size)
{
    struct k_heap *heap = k_current_get()->resource_pool;

    /* An interrupt has no pool of its own and takes the system's; the shim's interrupts run on the
     * main thread. */
    if (heap == NULL && k_current_get() == &main_thread) {
        heap = &system_heap;
    }
    return heap == NULL ? NULL : alloc_from(heap, 0, size);
}

/* --- tests --- */

static struct shim_test *tests;
static struct shim_suite *suites;
static jmp_buf leave_test;

void shim_add_test(struct shim_test *test)
{
    struct shim_test **link = &tests;

    while (*link != NULL) {
        link = &(*link)->next;
    }
    *link = test;
}

void shim_add_suite(struct shim_suite *suite)
{
    suite->next = suites;
    suites = suite;
}

void shim_fail(const char *file, int line, const char *what, ...)
{
    va_list arguments;
    const char *format;

    (void)printf("\n%s:%d: FAIL: %s", file, line, what);
    va_start(arguments, what);
    format = va_arg(arguments, const char *);
    if (format != NULL) {
        (void)printf(": ");
        (void)vprintf(format, arguments);
    }
    va_end(arguments);
    (void)printf("\n");
    (void)fflush(stdout);
    _Exit(1);
}

void shim_skip(void)
{
    longjmp(leave_test, 1);
}

static void run_suite(const struct shim_suite *suite, unsigned *passed, unsigned *skipped)
{
    void *fixture = suite->setup != NULL ? suite->setup() : NULL;

    for (struct shim_test *test = tests; test != NULL; test = test->next) {
        if (strcmp(test->suite, suite->name) != 0) {
            continue;
        }
        if (suite->before != NULL) {
            suite->before(fixture);
        }
        if (setjmp(leave_test) == 0) {
            test->run();
            (*passed)++;
            (void)printf("PASS %s.%s\n", suite->name, test->name);
        } else {
            (*skipped)++;
            (void)printf("SKIP %s.%s\n", suite->name, test->name);
        }
        if (suite->after != NULL) {
            suite->after(fixture);
        }
    }
    if (suite->teardown != NULL) {
        suite->teardown(fixture);
    }
}

int main(void)
{
    unsigned passed = 0;
    unsigned skipped = 0;

    for (struct shim_suite *suite = suites; suite != NULL; suite = suite->next) {
        run_suite(suite, &passed, &skipped);
    }
    (void)printf("%u passed, %u skipped\n", passed, skipped);
    return passed == 0;
}
