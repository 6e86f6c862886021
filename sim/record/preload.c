/* preload.c: the library that `smh record` preloads into a program to record its allocations.
 *
 * Owns: the interposed malloc family, and the raw file of this process (record_format.h).
 *
 *     program -> malloc here -> the next malloc (libc's, jemalloc's, ...) -> record -> program
 *     program -> free here   -> record -> the next free
 *
 * Invariants:
 * - The order of records is a possible order of the calls. An allocation is recorded after the
 *   allocator returned it and before the program sees it; a free is recorded before the allocator
 *   gets the block back. So for one address: the record of its free is claimed before the allocator
 *   can hand it out again, which is before the record of its next allocation is claimed; and a
 *   block cannot be freed before its own record is claimed. Claims are additions to one atomic
 *   counter, which all threads see in one order that agrees with "happens before". A realloc both
 *   frees and allocates, so it leaves a record on either side of the call.
 * - Nothing is buffered: a record is stored into a shared mapping of the file, which the kernel
 *   keeps whether the process returns from main, calls _exit, executes another program or is
 *   killed.
 * - A forked child finds its `process` page wiped (MADV_WIPEONFORK) and starts a file of its own
 *   at its first call. A vfork child shares the parent's memory, and its calls act on the parent's
 *   heap: they rightly go to the parent's file.
 * - No allocation is made here. What dlsym allocates while the next malloc is being looked up comes
 *   from `early`, is never recorded and never freed. errno is left as the next malloc left it.
 * - The descriptor of the file may be closed, or its number reused, by a program that closes all
 *   descriptors: it is used only after fstat has confirmed it.
 */
#include "record_format.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define EXPORT               __attribute__((visibility("default")))
#define SEGMENT_BYTES        (SMH_RAW_SEGMENT_RECORDS * sizeof(struct smh_raw_record))
#define SEGMENT_COUNT        65536u /* 64 GiB of records */
#define FOLDER_BYTES         1024u
#define PATH_BYTES           (FOLDER_BYTES + 64u)
#define EARLY_BYTES          65536u
#define IMAGE_COUNT          1000u /* programs that one process id may execute one after another */
#define HIGH_DESCRIPTOR      200   /* out of the way of programs that expect low numbers */
#define MILLIARD             1000000000u
#define STATE_UNATTACHED     0u
#define STATE_ATTACHING      1u
#define STATE_RECORDING      2u
#define STATE_OFF            3u
#define NEXT_UNKNOWN         0u
#define NEXT_BEING_LOOKED_UP 1u
#define NEXT_KNOWN           2u

/* What belongs to one process and not to its forked children. */
struct process {
    _Atomic(struct smh_raw_header *) header;
    _Atomic uint32_t state;
    int descriptor;
    dev_t device;
    ino_t inode;
    char path[PATH_BYTES];
    _Atomic(struct smh_raw_record *) segments[SEGMENT_COUNT];
};

/* The allocator that the program would use without this library. */
static struct {
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void (*free)(void *);
    void *(*aligned_alloc)(size_t, size_t);
    void *(*memalign)(size_t, size_t);
    int (*posix_memalign)(void **, size_t, size_t);
} next;

static _Atomic uint32_t next_state;
static _Atomic(struct process *) process_page;
static _Alignas(16) unsigned char early[EARLY_BYTES];
static _Atomic size_t early_used;

/* Read from the environment once: a program may clear it before it forks. */
static char folder[FOLDER_BYTES];
static uint64_t limit;
static uint64_t only_pid;
static uint32_t clock_kind;

/* Initial-exec: the general model may allocate at first use. */
#define THREAD_LOCAL static __thread __attribute__((tls_model("initial-exec")))
THREAD_LOCAL bool inside; /* in here or below: calls that come back are the allocator's own */
THREAD_LOCAL uint32_t thread_number;
THREAD_LOCAL struct smh_raw_header *thread_numbered_in;

/* The system's clock. */
static uint64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * MILLIARD + (uint64_t)time.tv_nsec;
}

static inline uint64_t now(void)
{
    return clock_kind == SMH_RAW_CLOCK_TICKS ? smh_raw_ticks() : now_ns();
}

static bool is_early(const void *block)
{
    uintptr_t address = (uintptr_t)block, start = (uintptr_t)early;
    return address >= start && address - start < EARLY_BYTES;
}

static void *early_alloc(size_t align, size_t bytes)
{
    if (bytes > EARLY_BYTES || align > EARLY_BYTES) {
        errno = ENOMEM;
        return NULL;
    }
    size_t step = align > 16 ? align : 16;
    size_t used = atomic_load_explicit(&early_used, memory_order_relaxed), start, end;
    do {
        uintptr_t base = (uintptr_t)early;
        start = (size_t)(((base + used + step - 1) & ~(uintptr_t)(step - 1)) - base);
        end = start + ((bytes + 15) & ~(size_t)15);
        if (end > EARLY_BYTES) {
            errno = ENOMEM;
            return NULL;
        }
    } while (!atomic_compare_exchange_weak(&early_used, &used, end));
    return early + start;
}

static void look_up(void *function, const char *name)
{
    void *symbol = dlsym(RTLD_NEXT, name);
    memcpy(function, &symbol, sizeof(symbol));
}

/* False while this thread is looking the functions up: it must be served from `early`. */
static bool next_known(void)
{
    uint32_t state = atomic_load_explicit(&next_state, memory_order_acquire);
    if (__builtin_expect(state == NEXT_KNOWN, 1)) {
        return true;
    }
    if (inside) {
        return false;
    }
    uint32_t expected = NEXT_UNKNOWN;
    if (!atomic_compare_exchange_strong(&next_state, &expected, NEXT_BEING_LOOKED_UP)) {
        while (atomic_load_explicit(&next_state, memory_order_acquire) != NEXT_KNOWN) {
            sched_yield();
        }
        return true;
    }
    inside = true;
    look_up(&next.malloc, "malloc");
    look_up(&next.calloc, "calloc");
    look_up(&next.realloc, "realloc");
    look_up(&next.free, "free");
    look_up(&next.aligned_alloc, "aligned_alloc");
    look_up(&next.memalign, "memalign");
    look_up(&next.posix_memalign, "posix_memalign");
    inside = false;
    atomic_store_explicit(&next_state, NEXT_KNOWN, memory_order_release);
    return true;
}

/* Decimal digits of value at text; returns how many. (snprintf may allocate.) */
static size_t put_number(char *text, uint64_t value)
{
    char digits[20];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + (int)(value % 10));
        value /= 10;
    } while (value != 0);
    for (size_t i = 0; i < count; i++) {
        text[i] = digits[count - 1 - i];
    }
    text[count] = '\0';
    return count;
}

static uint64_t number_from(const char *text)
{
    uint64_t value = 0;
    for (; text != NULL && *text >= '0' && *text <= '9'; text++) {
        value = value * 10 + (uint64_t)(*text - '0');
    }
    return value;
}

/* Once per program. False: the environment is not there yet, or asks for nothing. */
static bool read_environment(void)
{
    const char *text = getenv(SMH_RAW_ENV_FOLDER);
    if (text == NULL || text[0] == '\0' || strlen(text) >= FOLDER_BYTES) {
        return false;
    }
    memcpy(folder, text, strlen(text) + 1);
    limit = number_from(getenv(SMH_RAW_ENV_LIMIT));
    only_pid = number_from(getenv(SMH_RAW_ENV_ONLY));
    clock_kind = SMH_RAW_HAS_TICKS && number_from(getenv(SMH_RAW_ENV_TICKS)) == 1
                     ? SMH_RAW_CLOCK_TICKS
                     : SMH_RAW_CLOCK_NS;
    return true;
}

static void fill_header(struct smh_raw_header *header)
{
    header->header_bytes = SMH_RAW_HEADER_BYTES;
    header->record_bytes = sizeof(struct smh_raw_record);
    header->pid = getpid();
    header->parent_pid = getppid();
    header->clock = clock_kind;
    header->start_ns = now_ns();
    header->start_ticks = smh_raw_ticks();
    header->limit = limit;
    if (readlink("/proc/self/exe", header->program, sizeof(header->program) - 1) < 0) {
        header->program[0] = '\0';
    }
    int arguments = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    if (arguments >= 0 && read(arguments, header->command, sizeof(header->command)) < 0) {
        header->command[0] = '\0';
    }
    close(arguments);
    memcpy(header->magic, SMH_RAW_MAGIC, sizeof(header->magic));
}

/* Grows the file to hold [offset, offset + bytes); never shrinks it, so that threads may race. */
static bool grow(int descriptor, off_t offset, size_t bytes)
{
    if (fallocate(descriptor, 0, offset, (off_t)bytes) == 0) {
        return true;
    }
    /* A file system without fallocate: the last byte is one that records leave at zero. */
    return errno == EOPNOTSUPP && pwrite(descriptor, "", 1, offset + (off_t)bytes - 1) == 1;
}

static int create_file(struct process *process)
{
    size_t length = strlen(folder);
    memcpy(process->path, folder, length);
    process->path[length++] = '/';
    length += put_number(process->path + length, (uint64_t)getpid());
    process->path[length++] = '.';
    for (uint64_t image = 0; image < IMAGE_COUNT; image++) {
        put_number(process->path + length, image);
        int low = open(process->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (low >= 0) {
            int high = fcntl(low, F_DUPFD_CLOEXEC, HIGH_DESCRIPTOR);
            if (high >= 0) {
                close(low);
            }
            return high >= 0 ? high : low;
        }
        if (errno != EEXIST) {
            break;
        }
    }
    return -1;
}

/* Starts this process's file. NULL: it cannot be recorded. */
static struct smh_raw_header *start_file(struct process *process)
{
    if (only_pid != 0 && only_pid != (uint64_t)getpid()) {
        return NULL;
    }
    struct stat status;
    process->descriptor = create_file(process);
    if (process->descriptor < 0 || fstat(process->descriptor, &status) != 0 ||
        !grow(process->descriptor, 0, SMH_RAW_HEADER_BYTES)) {
        return NULL;
    }
    process->device = status.st_dev;
    process->inode = status.st_ino;
    void *memory = mmap(NULL, SMH_RAW_HEADER_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
                        process->descriptor, 0);
    if (memory == MAP_FAILED) {
        return NULL;
    }
    fill_header(memory);
    return memory;
}

/* The page that a forked child finds zeroed. NULL also before Linux 4.14, which cannot do that. */
static struct process *map_process_page(void)
{
    void *memory = mmap(NULL, sizeof(struct process), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        return NULL;
    }
    struct process *expected = NULL;
    if (madvise(memory, sizeof(struct process), MADV_WIPEONFORK) != 0 ||
        !atomic_compare_exchange_strong(&process_page, &expected, memory)) {
        munmap(memory, sizeof(struct process));
        return expected;
    }
    return memory;
}

/* The slow path of attached(): first call of a process, or of a forked child. */
static __attribute__((noinline)) struct smh_raw_header *attach(void)
{
    if (environ == NULL) {
        return NULL; /* the dynamic linker calls malloc before libc knows its environment */
    }
    int saved = errno;
    inside = true;
    struct process *process = atomic_load(&process_page);
    if (process == NULL) {
        process = map_process_page();
    }
    struct smh_raw_header *header = NULL;
    uint32_t expected = STATE_UNATTACHED;
    if (process == NULL) {
        /* not recorded */
    } else if (atomic_compare_exchange_strong(&process->state, &expected, STATE_ATTACHING)) {
        header = folder[0] != '\0' || read_environment() ? start_file(process) : NULL;
        atomic_store(&process->header, header);
        atomic_store(&process->state, header != NULL ? STATE_RECORDING : STATE_OFF);
    } else {
        while (atomic_load(&process->state) == STATE_ATTACHING) {
            sched_yield();
        }
        header = atomic_load(&process->header);
    }
    inside = false;
    errno = saved;
    return header;
}

static inline struct smh_raw_header *attached(void)
{
    struct process *process = atomic_load_explicit(&process_page, memory_order_acquire);
    if (__builtin_expect(process != NULL, 1)) {
        struct smh_raw_header *header =
            atomic_load_explicit(&process->header, memory_order_acquire);
        if (__builtin_expect(header != NULL, 1)) {
            return header;
        }
        if (atomic_load_explicit(&process->state, memory_order_relaxed) == STATE_OFF) {
            return NULL;
        }
    }
    return attach();
}

/* The file again, even if the program has closed or reused our descriptor. -1: out of reach. */
static int confirmed_descriptor(const struct process *process, bool *reopened)
{
    struct stat status;
    *reopened = false;
    if (fstat(process->descriptor, &status) == 0 && status.st_dev == process->device &&
        status.st_ino == process->inode) {
        return process->descriptor;
    }
    int descriptor = open(process->path, O_RDWR | O_CLOEXEC);
    if (descriptor >= 0 && fstat(descriptor, &status) == 0 && status.st_dev == process->device &&
        status.st_ino == process->inode) {
        *reopened = true;
        return descriptor;
    }
    if (descriptor >= 0) {
        close(descriptor);
    }
    return -1;
}

/* Maps one more segment. Threads that need it at once each map it; one mapping stays. */
static __attribute__((noinline)) struct smh_raw_record *map_segment(struct process *process,
                                                                    uint64_t segment)
{
    if (segment >= SEGMENT_COUNT) {
        return NULL;
    }
    int saved = errno;
    bool reopened;
    int descriptor = confirmed_descriptor(process, &reopened);
    off_t offset = (off_t)(SMH_RAW_HEADER_BYTES + segment * SEGMENT_BYTES);
    void *memory = MAP_FAILED;
    if (descriptor >= 0 && grow(descriptor, offset, SEGMENT_BYTES)) {
        /* Touched ahead at once, which costs less than one fault a page; but short programs, of
         * which a shell script starts many, shall not pay for pages that they never reach. */
        memory = mmap(NULL, SEGMENT_BYTES, PROT_READ | PROT_WRITE,
                      MAP_SHARED | (segment > 0 ? MAP_POPULATE : 0), descriptor, offset);
    }
    if (reopened) {
        close(descriptor);
    }
    errno = saved;
    if (memory == MAP_FAILED) {
        return NULL;
    }
    struct smh_raw_record *expected = NULL;
    if (!atomic_compare_exchange_strong(&process->segments[segment], &expected, memory)) {
        munmap(memory, SEGMENT_BYTES);
        return expected;
    }
    return memory;
}

static void record(enum smh_raw_kind kind, const void *address, size_t bytes, size_t align)
{
    struct smh_raw_header *header = attached();
    if (header == NULL) {
        return;
    }
    struct process *process = atomic_load_explicit(&process_page, memory_order_relaxed);
    if (__builtin_expect(thread_numbered_in != header, 0)) {
        thread_number = atomic_fetch_add(&header->threads, 1);
        thread_numbered_in = header;
    }
    uint64_t index = atomic_fetch_add(&header->next, 1);
    if (header->limit != 0 && index >= header->limit) {
        return;
    }
    uint64_t segment = index / SMH_RAW_SEGMENT_RECORDS;
    struct smh_raw_record *records =
        segment < SEGMENT_COUNT
            ? atomic_load_explicit(&process->segments[segment], memory_order_acquire)
            : NULL;
    if (__builtin_expect(records == NULL, 0)) {
        records = map_segment(process, segment);
        if (records == NULL) {
            return; /* the reader sees that header.next counts more than the file holds */
        }
    }
    struct smh_raw_record *slot = &records[index % SMH_RAW_SEGMENT_RECORDS];
    slot->time = now();
    slot->address = (uintptr_t)address;
    slot->bytes = bytes;
    slot->thread = thread_number;
    slot->align_log2 = align == 0 ? 0 : (uint8_t)__builtin_ctzl(align);
    atomic_store_explicit(&slot->kind, (uint8_t)kind, memory_order_release);
}

static void record_result(enum smh_raw_kind kind, const void *address, size_t bytes, size_t align)
{
    if (address != NULL) {
        record(kind, address, bytes, align);
        return;
    }
    struct smh_raw_header *header = attached();
    if (header != NULL) {
        atomic_fetch_add(&header->failed, 1);
    }
}

EXPORT void *malloc(size_t bytes)
{
    if (!next_known()) {
        return early_alloc(0, bytes);
    }
    if (inside) {
        return next.malloc(bytes);
    }
    inside = true;
    void *block = next.malloc(bytes);
    inside = false;
    record_result(SMH_RAW_ALLOC, block, bytes, 0);
    return block;
}

EXPORT void *calloc(size_t count, size_t bytes)
{
    if (!next_known()) {
        size_t product;
        return __builtin_mul_overflow(count, bytes, &product) ? NULL : early_alloc(0, product);
    }
    if (inside) {
        return next.calloc(count, bytes);
    }
    inside = true;
    void *block = next.calloc(count, bytes);
    inside = false;
    record_result(SMH_RAW_CALLOC, block, count * bytes, 0);
    return block;
}

EXPORT void free(void *block)
{
    /* While looking up, only early blocks exist. */
    if (block == NULL || is_early(block) || !next_known()) {
        return;
    }
    if (inside) {
        next.free(block);
        return;
    }
    record(SMH_RAW_FREE, block, 0, 0);
    inside = true;
    next.free(block);
    inside = false;
}

/* An early block moves out; its size is not kept, so as much is copied as can be its own. */
static void *move_early(void *block, size_t bytes)
{
    size_t behind = (size_t)(early + EARLY_BYTES - (unsigned char *)block);
    void *moved = malloc(bytes);
    if (moved != NULL) {
        memcpy(moved, block, bytes < behind ? bytes : behind);
    }
    return moved;
}

EXPORT void *realloc(void *block, size_t bytes)
{
    if (block == NULL) {
        return malloc(bytes);
    }
    if (is_early(block)) {
        return move_early(block, bytes);
    }
    if (!next_known()) {
        return NULL;
    }
    if (inside) {
        return next.realloc(block, bytes);
    }
    record(SMH_RAW_REALLOC_BEGIN, block, bytes, 0);
    inside = true;
    void *moved = next.realloc(block, bytes);
    inside = false;
    record(SMH_RAW_REALLOC_END, moved, bytes, 0);
    return moved;
}

EXPORT void *reallocarray(void *block, size_t count, size_t bytes)
{
    size_t product;
    if (__builtin_mul_overflow(count, bytes, &product)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(block, product);
}

static void *allocate_aligned(void *(*const *function)(size_t, size_t), size_t align, size_t bytes)
{
    if (!next_known()) {
        return early_alloc(align, bytes);
    }
    if (inside) {
        return (*function)(align, bytes);
    }
    inside = true;
    void *block = (*function)(align, bytes);
    inside = false;
    record_result(SMH_RAW_ALLOC, block, bytes, align);
    return block;
}

EXPORT void *aligned_alloc(size_t align, size_t bytes)
{
    return allocate_aligned(&next.aligned_alloc, align, bytes);
}

EXPORT void *memalign(size_t align, size_t bytes)
{
    return allocate_aligned(&next.memalign, align, bytes);
}

EXPORT int posix_memalign(void **block, size_t align, size_t bytes)
{
    if (!next_known()) {
        *block = early_alloc(align, bytes);
        return *block == NULL ? ENOMEM : 0;
    }
    if (inside) {
        return next.posix_memalign(block, align, bytes);
    }
    inside = true;
    int failure = next.posix_memalign(block, align, bytes);
    inside = false;
    record_result(SMH_RAW_ALLOC, failure == 0 ? *block : NULL, bytes, align);
    return failure;
}

EXPORT void *valloc(size_t bytes)
{
    return memalign((size_t)sysconf(_SC_PAGESIZE), bytes);
}

EXPORT void *pvalloc(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), up = page - 1;
    return memalign(page, bytes > SIZE_MAX - up ? SIZE_MAX : (bytes + up) & ~up);
}
