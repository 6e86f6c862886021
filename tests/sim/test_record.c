/* test_record.c: the preloaded library, in real processes. The recorded program is this test binary
 * itself: started with RECORDED set, it plays one of the programs below and never reaches main.
 * Under a sanitizer, which brings a malloc of its own, there is nothing to preload: skipped. */
#include "../../sim/record/record_format.h"
#include "../../sim/workload/recording.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define RECORDED     "SMH_TEST_RECORDED"
#define MARK         12345u /* a size that nothing else asks for */
#define THREADS      4
#define ROUNDS       100000
#define IMAGES_MAX   8
#define LIBRARY_NAME "libsmh_record.so"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

static void *volatile sink; /* keeps the compiler from removing malloc and free in pairs */

static void take(size_t bytes)
{
    sink = malloc(bytes);
}

/* Threads pass blocks to each other through shared places, so addresses wander between them; with
 * two sizes, what one thread frees is what another gets next. */
static void *_Atomic places[64];

static void *churn(void *argument)
{
    unsigned seed = (unsigned)(size_t)argument;
    for (int i = 0; i < ROUNDS; i++) {
        size_t place = (size_t)rand_r(&seed) % 64, bytes = rand_r(&seed) % 2 == 0 ? 200 : 3000;
        void *old = atomic_exchange(&places[place], NULL);
        void *block = rand_r(&seed) % 2 == 0 ? realloc(old, bytes) : malloc(bytes);
        void *other = atomic_exchange(&places[(place + 7) % 64], block);
        free(other);
        if (old != NULL && rand_r(&seed) % 1000 == 0) {
            sched_yield();
        }
    }
    return NULL;
}

static void play_threads(void)
{
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, churn, (void *)(i + 1));
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
}

static void play_many(void)
{
    for (unsigned i = 0; i < 3 * SMH_RAW_SEGMENT_RECORDS; i++) {
        take(i % 100 + 1);
        free(sink);
    }
}

static void play_aligned(void)
{
    void *block = NULL;
    sink = aligned_alloc(64, 128);
    if (posix_memalign(&block, 256, 1000) == 0) {
        free(block);
    }
    free(sink);
    sink = reallocarray(NULL, 10, 10);
    sink = realloc(sink, MARK);
    sink = calloc(3, 5);
}

/* One recorded program per name; returns through _exit, so that nothing is flushed at exit. */
static __attribute__((constructor)) void play(void)
{
    const char *name = getenv(RECORDED);
    if (name == NULL) {
        return;
    }
    take(MARK);
    if (strcmp(name, "threads") == 0) {
        play_threads();
    } else if (strcmp(name, "many") == 0) {
        play_many();
    } else if (strcmp(name, "killed") == 0) {
        play_many();
        take(MARK);
        kill(getpid(), SIGKILL);
    } else if (strcmp(name, "aligned") == 0) {
        play_aligned();
    } else if (strcmp(name, "fork") == 0 || strcmp(name, "clone") == 0) {
        void *mine = sink;
        long child = strcmp(name, "fork") == 0 ? fork() : syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
        if (child == 0) {
            free(mine); /* the parent's block: not seen by the child's recording */
            take(MARK + 1);
            _exit(0);
        }
        waitpid((pid_t)child, NULL, 0);
        free(mine);
    } else if (strcmp(name, "closes_everything") == 0) {
        syscall(SYS_close_range, 3, ~0U, 0);
        for (int i = 0; i < 300; i++) {
            dup(0); /* the number of the recording's descriptor is someone else's now */
        }
        play_many();
    }
    _exit(0);
}

static char folder[64];
static struct smh_recording_stats images[IMAGES_MAX];
static size_t image_count;

/* Plays a program under the library, and measures what it left. Returns its wait status. */
static int record_play(const char *name, const char *limit)
{
    char library[4096], path[512];
    ssize_t length = readlink("/proc/self/exe", library, sizeof(library) - 64);
    cr_assert_gt(length, 0);
    library[length] = '\0';
    strcpy(strrchr(library, '/') + 1, LIBRARY_NAME);
    cr_assert_eq(access(library, R_OK), 0, "%s is not built", library);
    snprintf(folder, sizeof(folder), "/tmp/smh-record-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    pid_t pid = fork();
    if (pid == 0) {
        setenv("LD_PRELOAD", library, 1);
        setenv(SMH_RAW_ENV_FOLDER, folder, 1);
        setenv(SMH_RAW_ENV_LIMIT, limit, 1);
        setenv(RECORDED, name, 1);
        /* One arena and no caches of threads: a freed block is any thread's next block. */
        setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0:glibc.malloc.arena_max=1", 1);
        execl("/proc/self/exe", "smh_tests", (char *)NULL);
        _exit(127);
    }
    int status = 0;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    image_count = 0;
    DIR *directory = opendir(folder);
    cr_assert_not_null(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        struct smh_error error;
        if (entry->d_name[0] == '.' || image_count == IMAGES_MAX) {
            continue;
        }
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        cr_assert_eq(smh_recording_measure(path, &images[image_count], &error), 0, "%s",
                     error.message);
        unlink(path);
        /* The program's own process first. */
        if (images[image_count].pid == pid && image_count > 0) {
            struct smh_recording_stats other = images[0];
            images[0] = images[image_count];
            images[image_count] = other;
        }
        image_count++;
    }
    closedir(directory);
    rmdir(folder);
    return status;
}

#define SKIP_WHEN_SANITIZED()                                            \
    if (SANITIZED) {                                                     \
        cr_skip_test("the sanitizer's malloc cannot be preloaded over"); \
    }

Test(record, every_call_is_recorded_across_segments_although_the_program_ends_by_exit)
{
    SKIP_WHEN_SANITIZED();
    cr_assert_eq(record_play("many", "0"), 0);
    cr_assert_eq(image_count, 1);
    cr_expect_geq(images[0].allocations, 3 * SMH_RAW_SEGMENT_RECORDS + 1);
    cr_expect_geq(images[0].frees, 3 * SMH_RAW_SEGMENT_RECORDS);
    cr_expect_eq(images[0].unknown_frees, 0);
    cr_expect_eq(images[0].implied_frees, 0);
    cr_expect_eq(images[0].incomplete + images[0].lost + images[0].beyond_limit, 0);
}

Test(record, nothing_is_lost_when_the_program_is_killed)
{
    SKIP_WHEN_SANITIZED();
    int status = record_play("killed", "0");
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    cr_assert_eq(image_count, 1);
    cr_expect_geq(images[0].frees, 3 * SMH_RAW_SEGMENT_RECORDS);
    cr_expect_geq(images[0].live_bytes, 2 * MARK);
    cr_expect_eq(images[0].lost + images[0].incomplete, 0);
}

Test(record, blocks_that_wander_between_threads_are_freed_where_they_were_allocated)
{
    SKIP_WHEN_SANITIZED();
    cr_assert_eq(record_play("threads", "0"), 0);
    cr_assert_eq(image_count, 1);
    cr_expect_eq(images[0].threads, THREADS + 1);
    cr_expect_gt(images[0].reallocations, THREADS * ROUNDS / 20);
    /* One call out of order would show as one of these. */
    cr_expect_eq(images[0].unknown_frees, 0);
    cr_expect_eq(images[0].implied_frees, 0);
    cr_expect_eq(images[0].incomplete, 0);
}

Test(record, a_forked_child_has_a_recording_of_its_own)
{
    SKIP_WHEN_SANITIZED();
    cr_assert_eq(record_play("fork", "0"), 0);
    cr_assert_eq(image_count, 2);
    cr_expect_eq(images[1].parent_pid, images[0].pid);
    cr_expect_eq(images[1].unknown_frees, 1);
    cr_expect_eq(images[1].largest_bytes, MARK + 1);
    cr_expect_eq(images[0].unknown_frees, 0);
    cr_expect_eq(images[0].largest_bytes >= MARK, true);
}

Test(record, a_child_of_a_bare_clone_has_a_recording_of_its_own)
{
    SKIP_WHEN_SANITIZED();
    cr_assert_eq(record_play("clone", "0"), 0);
    cr_assert_eq(image_count, 2);
    cr_expect_eq(images[1].unknown_frees, 1);
    cr_expect_eq(images[0].unknown_frees, 0);
}

Test(record, a_program_that_closes_every_descriptor_is_recorded_on)
{
    SKIP_WHEN_SANITIZED();
    cr_assert_eq(record_play("closes_everything", "0"), 0);
    cr_assert_eq(image_count, 1);
    cr_expect_geq(images[0].frees, 3 * SMH_RAW_SEGMENT_RECORDS);
    cr_expect_eq(images[0].lost, 0);
}

Test(record, aligned_and_resized_blocks_are_recorded)
{
    SKIP_WHEN_SANITIZED();
    cr_assert_eq(record_play("aligned", "0"), 0);
    cr_assert_eq(image_count, 1);
    cr_expect_geq(images[0].allocations, 5);
    cr_expect_geq(images[0].reallocations, 1);
    cr_expect_geq(images[0].live_bytes, 2 * MARK + 15);
    cr_expect_eq(images[0].unknown_frees, 0);
}

Test(record, a_limit_stops_the_recording_and_counts_the_rest)
{
    SKIP_WHEN_SANITIZED();
    cr_assert_eq(record_play("many", "1000"), 0);
    cr_assert_eq(image_count, 1);
    cr_expect_leq(images[0].operations, 1000);
    cr_expect_gt(images[0].beyond_limit, 6 * SMH_RAW_SEGMENT_RECORDS - 2000);
    cr_expect_eq(images[0].lost, 0);
}
