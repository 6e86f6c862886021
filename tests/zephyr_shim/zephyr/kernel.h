/* kernel.h: as much of Zephyr's kernel API as its tests of heaps use, on POSIX threads.
 *
 * Owns: the declarations behind <zephyr/kernel.h>; shim.c defines them. The heap headers are the
 * project's own, found under include/. To build a Zephyr test as it is:
 *
 *     cc -std=gnu11 -Itests/zephyr_shim -Iinclude test.c tests/zephyr_shim/shim.c
 *        build/libsmh.a -lpthread
 *
 * with -DCONFIG_SYS_HEAP_LISTENER=1 for the tests of listeners and
 * -DCONFIG_SYS_HEAP_RUNTIME_STATS=1 for a heap with statistics. Invariants: priorities, stacks and
 * time slices are accepted and ignored; a thread is a pthread.
 */
#ifndef SMH_SHIM_ZEPHYR_KERNEL_H
#define SMH_SHIM_ZEPHYR_KERNEL_H

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zephyr/sys/heap_listener.h>
#include <zephyr/sys/sys_heap.h>
#include <zephyr/sys/util.h>

/* --- configuration, as prj.conf would have it --- */
#define CONFIG_ARCH_POSIX            1
#define CONFIG_MULTITHREADING        1
#define CONFIG_IRQ_OFFLOAD           1
#define CONFIG_TEST_EXTRA_STACK_SIZE 0
#define CONFIG_TIMESLICE_SIZE        20
#define CONFIG_TIMESLICE_PRIORITY    0
#ifndef CONFIG_HEAP_MEM_POOL_SIZE
#define CONFIG_HEAP_MEM_POOL_SIZE 256
#endif
#define K_HEAP_MEM_POOL_SIZE CONFIG_HEAP_MEM_POOL_SIZE

/* --- time --- */
typedef int k_timeout_t;
#define K_NO_WAIT         0
#define K_FOREVER         (-1)
#define K_PRIO_PREEMPT(x) (x)
static inline void k_sched_time_slice_set(int slice_ms, int priority)
{
    (void)slice_ms;
    (void)priority;
}

/* --- threads --- */
struct k_heap {
    struct sys_heap heap;
    pthread_mutex_t lock;
};

typedef void (*k_thread_entry_t)(void *p1, void *p2, void *p3);
struct k_thread {
    pthread_t handle;
    bool joinable;
    k_thread_entry_t entry;
    void *arguments[3];
    struct k_heap *resource_pool;
};
typedef struct k_thread *k_tid_t;
typedef unsigned char k_thread_stack_t;

#define K_THREAD_STACK_DEFINE(name, size)              k_thread_stack_t name[size]
#define K_THREAD_STACK_ARRAY_DEFINE(name, count, size) k_thread_stack_t name[count][size]
#define K_THREAD_STACK_SIZEOF(name)                    sizeof(name)

k_tid_t k_thread_create(struct k_thread *thread, k_thread_stack_t *stack, size_t stack_size,
                        k_thread_entry_t entry, void *p1, void *p2, void *p3, int priority,
                        uint32_t options, k_timeout_t delay);
int k_thread_join(k_tid_t thread, k_timeout_t timeout);
/* Waits for the thread's end: the tests abort only threads that have done their work. */
void k_thread_abort(k_tid_t thread);
k_tid_t k_current_get(void);
void k_thread_system_pool_assign(k_tid_t thread);

/* --- semaphores --- */
struct k_sem {
    sem_t handle;
    bool ready;
};
#define K_SEM_DEFINE(name, initial, limit)                          \
    struct k_sem name;                                              \
    static void __attribute__((constructor)) shim_make_##name(void) \
    {                                                               \
        (void)k_sem_init(&name, initial, limit);                    \
    }
int k_sem_init(struct k_sem *sem, unsigned initial, unsigned limit);
int k_sem_take(struct k_sem *sem, k_timeout_t timeout);
void k_sem_give(struct k_sem *sem);

/* --- the kernel's heap --- */
void *k_malloc(size_t size);
void *k_aligned_alloc(size_t align, size_t size);
void *k_calloc(size_t count, size_t size);
void *k_realloc(void *ptr, size_t size);
void k_free(void *ptr);

/* --- the rest --- */
typedef int atomic_t;
static inline int atomic_inc(atomic_t *value)
{
    return __atomic_fetch_add(value, 1, __ATOMIC_SEQ_CST);
}
static inline int atomic_set(atomic_t *value, int to)
{
    return __atomic_exchange_n(value, to, __ATOMIC_SEQ_CST);
}
static inline int atomic_get(const atomic_t *value)
{
    return __atomic_load_n(value, __ATOMIC_SEQ_CST);
}
#define printk printf

/* --- devicetree: three reserved regions, as in the overlays of Zephyr's test --- */
#define SHIM_RES0_SIZE 0x1000
#define SHIM_RES1_SIZE 0x1000
#define SHIM_RES2_SIZE 0x2000
extern unsigned char shim_res0[SHIM_RES0_SIZE];
extern unsigned char shim_res1[SHIM_RES1_SIZE];
extern unsigned char shim_res2[SHIM_RES2_SIZE];
#define SHIM_SECOND_OF(first, second, ...) second
#define DT_NODELABEL(label)                shim_##label
#define DT_REG_ADDR(node)                  ((uintptr_t)(node))
#define DT_NUM_INST_STATUS_OKAY(compat)    3
#define DT_INST_FOREACH_STATUS_OKAY(make)  make(0) make(1) make(2)
#define DT_INST_REG_ADDR(n)                ((uintptr_t)shim_res##n)
#define DT_INST_REG_SIZE(n)                sizeof(shim_res##n)
#define DT_INST_PROP_OR(n, property, other) \
    ((n) == 1 ? DT_MEM_ARM_MPU_RAM_NOCACHE : DT_MEM_ARM_MPU_RAM)

#endif
