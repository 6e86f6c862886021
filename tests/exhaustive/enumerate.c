/* enumerate.c: breadth first over hashed images. See enumerate.h. */
#include "enumerate.h"

#include "../../sim/clock.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOBS_MAX 64u
#define NO_SLOT  UINT32_MAX

/* A state met. `high` is written last: 0 while the rest is not there yet. */
struct entry {
    _Atomic uint64_t low; /* 0: empty */
    _Atomic uint64_t high;
    uint64_t from; /* the slot of the state before << 32, the step packed below */
};

/* Shared by all processes. */
struct shared {
    _Atomic uint64_t entries;
    _Atomic uint32_t stop; /* a rule is broken, or the table full */
    struct {
        uint64_t states;
        uint64_t steps;
        uint32_t parent; /* of the step under way */
        struct world_step step;
        bool violated;
        bool full;
        char violation[320];
    } jobs[JOBS_MAX];
};

/* A frontier: states as differences from the empty world. */
struct record {
    uint32_t slot;
    uint16_t words;
    uint16_t unused;
};

struct search {
    const struct enumerate_config *config;
    struct shared *shared;
    struct entry *table;
    size_t table_size; /* a power of two */
    struct world_image root;
    size_t image_words;
    FILE *frontier[2][JOBS_MAX]; /* [level modulo 2][who wrote it] */
};

/* --- hashes ---------------------------------------------------------------------------------- */

struct hash {
    uint64_t low;
    uint64_t high;
};

static uint64_t fold(uint64_t left, uint64_t right)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)left * right;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Over the words that differ from the empty world, and where they stand: addresses do not. */
static struct hash hash_of(const struct search *search, const struct world_image *image)
{
    struct hash hash = {UINT64_C(0x243F6A8885A308D3), UINT64_C(0x13198A2E03707344)};
    for (size_t i = 0; i < search->image_words; i++) {
        uint64_t difference = image->words[i] ^ search->root.words[i];
        if (difference != 0) {
            uint64_t place = (i + 1) * UINT64_C(0x9E3779B97F4A7C15);
            hash.low = fold(hash.low ^ difference, UINT64_C(0xA0761D6478BD642F) ^ place);
            hash.high =
                fold(hash.high ^ place, UINT64_C(0xE7037ED1A0B428DB) ^ difference) + hash.low;
        }
    }
    hash.low = fold(hash.low ^ UINT64_C(0x8EBC6AF09C88C6E3), hash.high | 1);
    hash.high = fold(hash.high ^ UINT64_C(0x589965CC75374CC3), hash.low | 1);
    hash.low |= 1; /* marks of an entry that is there */
    hash.high |= 1;
    return hash;
}

/* --- the table ------------------------------------------------------------------------------- */

static uint32_t pack(const struct world_step *step)
{
    return (uint32_t)step->kind | (uint32_t)step->live << 2 | (uint32_t)step->size << 8 |
           (uint32_t)step->align << 12 | (uint32_t)step->mask << 16 |
           (uint32_t)step->refusing << 20;
}

static struct world_step unpack(uint32_t packed)
{
    return (struct world_step){
        .kind = packed & 3u,
        .live = packed >> 2 & 63u,
        .size = packed >> 8 & 15u,
        .align = packed >> 12 & 15u,
        .mask = packed >> 16 & 15u,
        .refusing = packed >> 20 & 15u,
    };
}

/* The slot of a state that was not there before, else NO_SLOT. */
static uint32_t add_state(struct search *search, struct hash hash, uint64_t from)
{
    size_t mask = search->table_size - 1;
    for (size_t slot = hash.high >> 1 & mask;; slot = (slot + 1) & mask) {
        struct entry *entry = &search->table[slot];
        uint64_t low = 0;
        if (atomic_compare_exchange_strong(&entry->low, &low, hash.low)) {
            entry->from = from;
            atomic_store(&entry->high, hash.high);
            atomic_fetch_add(&search->shared->entries, 1);
            return (uint32_t)slot;
        }
        if (low == hash.low) {
            uint64_t high;
            do {
                high = atomic_load(&entry->high);
            } while (high == 0);
            if (high == hash.high) {
                return NO_SLOT;
            }
        }
    }
}

/* --- frontiers ------------------------------------------------------------------------------- */

static bool write_record(const struct search *search, FILE *file, uint32_t slot,
                         const struct world_image *image)
{
    static uint64_t packed[2 * WORLD_IMAGE_WORDS];
    struct record record = {.slot = slot};
    for (size_t i = 0; i < search->image_words; i++) {
        uint64_t difference = image->words[i] ^ search->root.words[i];
        if (difference != 0) {
            packed[record.words++] = i;
            packed[record.words++] = difference;
        }
    }
    return fwrite(&record, sizeof(record), 1, file) == 1 &&
           fwrite(packed, 8, record.words, file) == record.words;
}

/* false: the end. */
static bool read_record(const struct search *search, FILE *file, uint32_t *slot,
                        struct world_image *image)
{
    static uint64_t packed[2 * WORLD_IMAGE_WORDS];
    struct record record;
    if (fread(&record, sizeof(record), 1, file) != 1 ||
        fread(packed, 8, record.words, file) != record.words) {
        return false;
    }
    memcpy(image->words, search->root.words, search->image_words * 8);
    for (size_t i = 0; i < record.words; i += 2) {
        image->words[packed[i]] ^= packed[i + 1];
    }
    *slot = record.slot;
    return true;
}

/* The same file with a place of its own, which processes do not share. */
static FILE *open_again(FILE *file)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fileno(file));
    return fopen(path, "rb");
}

/* --- expanding ------------------------------------------------------------------------------- */

static void note_violation(struct shared *shared, unsigned job)
{
    (void)snprintf(shared->jobs[job].violation, sizeof(shared->jobs[job].violation), "%s",
                   world_violation());
    shared->jobs[job].violated = true;
    atomic_store(&shared->stop, 1);
}

/* Every step from one state. */
static void expand(struct search *search, unsigned job, uint32_t slot,
                   const struct world_image *image, FILE *out)
{
    struct world_image next;
    struct world_step step = {0};
    struct shared *shared = search->shared;
    unsigned index = 0;
    unsigned asked = 0;
    world_restore(image);
    while (world_next_step(&index, asked, &step)) {
        shared->jobs[job].parent = slot;
        shared->jobs[job].step = step;
        unsigned now = world_apply(&step);
        asked = step.refusing == 0 ? now : asked | now;
        shared->jobs[job].steps++;
        if (world_violation() != NULL) {
            note_violation(shared, job);
            return;
        }
        world_save(&next);
        if (memcmp(next.words, image->words, search->image_words * 8) == 0) {
            continue; /* nothing was changed: a refusal */
        }
        uint32_t added =
            add_state(search, hash_of(search, &next), (uint64_t)slot << 32 | pack(&step));
        if (added != NO_SLOT) {
            shared->jobs[job].states++;
            world_judge_state();
            if (world_violation() != NULL) {
                note_violation(shared, job);
                return;
            }
            if (!write_record(search, out, added, &next) ||
                atomic_load(&shared->entries) > search->table_size / 8 * 7) {
                shared->jobs[job].full = true;
                atomic_store(&shared->stop, 1);
            }
        }
        world_restore(image);
    }
}

/* The states of this level that are job's. */
static void work(struct search *search, unsigned level, unsigned job)
{
    const unsigned jobs = search->config->jobs;
    struct world_image image;
    uint32_t slot;
    uint64_t number = 0;
    FILE *out = search->frontier[(level + 1) % 2][job];
    for (unsigned i = 0; i < jobs; i++) {
        FILE *in = open_again(search->frontier[level % 2][i]);
        while (in != NULL && atomic_load(&search->shared->stop) == 0 &&
               read_record(search, in, &slot, &image)) {
            if (number++ % jobs == job) {
                expand(search, job, slot, &image, out);
            }
        }
        if (in != NULL) {
            (void)fclose(in);
        }
    }
    (void)fflush(out);
}

/* Work by all processes; false: one of them died. */
static bool work_together(struct search *search, unsigned level)
{
    pid_t children[JOBS_MAX];
    bool whole = true;
    if (search->config->jobs == 1) {
        work(search, level, 0);
        return true;
    }
    for (unsigned job = 0; job < search->config->jobs; job++) {
        children[job] = fork();
        if (children[job] == 0) {
            work(search, level, job);
            _exit(0);
        }
    }
    for (unsigned job = 0; job < search->config->jobs; job++) {
        int status = -1;
        if (children[job] < 0 || waitpid(children[job], &status, 0) < 0 || status != 0) {
            struct shared *shared = search->shared;
            (void)snprintf(shared->jobs[job].violation, sizeof(shared->jobs[job].violation),
                           "the process that judged it has died (status %d)", status);
            shared->jobs[job].violated = true;
            whole = false;
        }
    }
    return whole;
}

/* --- the whole ------------------------------------------------------------------------------- */

static bool set_up(struct search *search)
{
    const struct enumerate_config *config = search->config;
    search->table_size = 1024;
    while (search->table_size * 2 * sizeof(struct entry) <= config->memory_bytes) {
        search->table_size *= 2;
    }
    search->table = mmap(NULL, search->table_size * sizeof(struct entry), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    search->shared = mmap(NULL, sizeof(*search->shared), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (search->table == MAP_FAILED || search->shared == MAP_FAILED || config->jobs == 0 ||
        config->jobs > JOBS_MAX || config->depth > ENUMERATE_DEPTH_MAX) {
        return false;
    }
    for (unsigned i = 0; i < 2 * config->jobs; i++) {
        search->frontier[i % 2][i / 2] = tmpfile();
        if (search->frontier[i % 2][i / 2] == NULL) {
            return false;
        }
    }
    if (!world_open(&config->world)) {
        return false;
    }
    search->image_words = world_image_words();
    world_save(&search->root);
    uint32_t slot = add_state(search, hash_of(search, &search->root), 0);
    bool written = write_record(search, search->frontier[0][0], slot, &search->root);
    return fflush(search->frontier[0][0]) == 0 && written;
}

static void tear_down(struct search *search)
{
    for (unsigned i = 0; i < 2 * JOBS_MAX; i++) {
        if (search->frontier[i % 2][i / 2] != NULL) {
            (void)fclose(search->frontier[i % 2][i / 2]);
        }
    }
    if (search->table != NULL && search->table != MAP_FAILED) {
        (void)munmap(search->table, search->table_size * sizeof(struct entry));
    }
    if (search->shared != NULL && (void *)search->shared != MAP_FAILED) {
        (void)munmap(search->shared, sizeof(*search->shared));
    }
}

/* The steps from the empty world to `slot`, and `last` behind them. */
static void trace_back(const struct search *search, uint32_t slot, struct world_step last,
                       struct enumerate_result *result)
{
    size_t count = 1;
    for (uint32_t at = slot; search->table[at].from != 0;
         at = (uint32_t)(search->table[at].from >> 32)) {
        count++;
    }
    result->step_count = count;
    result->steps[--count] = last;
    for (uint32_t at = slot; count > 0; at = (uint32_t)(search->table[at].from >> 32)) {
        result->steps[--count] = unpack((uint32_t)search->table[at].from);
    }
}

static void collect(struct search *search, unsigned level, struct enumerate_result *result)
{
    result->end = ENUMERATE_DEPTH;
    for (unsigned job = 0; job < search->config->jobs; job++) {
        result->levels[level].steps += search->shared->jobs[job].steps;
        result->levels[level + 1].states += search->shared->jobs[job].states;
        search->shared->jobs[job].steps = 0;
        search->shared->jobs[job].states = 0;
        if (search->shared->jobs[job].full && result->end == ENUMERATE_DEPTH) {
            result->end = ENUMERATE_FULL;
        }
        if (search->shared->jobs[job].violated && result->end != ENUMERATE_VIOLATION) {
            result->end = ENUMERATE_VIOLATION;
            (void)snprintf(result->violation, sizeof(result->violation), "%s",
                           search->shared->jobs[job].violation);
            trace_back(search, search->shared->jobs[job].parent, search->shared->jobs[job].step,
                       result);
        }
    }
    if (result->end == ENUMERATE_DEPTH && result->levels[level + 1].states == 0) {
        result->end = ENUMERATE_CLOSED;
    }
}

static void run_levels(struct search *search, struct enumerate_result *result)
{
    FILE *progress = search->config->progress;
    result->end = ENUMERATE_DEPTH;
    result->levels[0].states = 1;
    for (unsigned level = 0; level < search->config->depth && result->end == ENUMERATE_DEPTH;
         level++) {
        uint64_t start_ns = smh_now_ns();
        for (unsigned job = 0; job < search->config->jobs; job++) {
            FILE *next = search->frontier[(level + 1) % 2][job];
            rewind(next);
            if (ftruncate(fileno(next), 0) != 0) {
                result->end = ENUMERATE_REFUSED;
                return;
            }
        }
        (void)work_together(search, level);
        collect(search, level, result);
        result->levels[level].seconds = (double)(smh_now_ns() - start_ns) / 1e9;
        bool whole = result->end == ENUMERATE_DEPTH || result->end == ENUMERATE_CLOSED;
        result->depth = whole ? level + 1 : level;
        if (progress != NULL) {
            (void)fprintf(progress, "%5u %14llu %16llu %9.1f%s\n", level + 1,
                          (unsigned long long)result->levels[level + 1].states,
                          (unsigned long long)result->levels[level].steps,
                          result->levels[level].seconds, whole ? "" : "  (not finished)");
            (void)fflush(progress);
        }
    }
}

void enumerate(const struct enumerate_config *config, struct enumerate_result *result)
{
    struct search *search = calloc(1, sizeof(*search));
    memset(result, 0, sizeof(*result));
    result->end = ENUMERATE_REFUSED;
    if (search == NULL) {
        return;
    }
    search->config = config;
    if (set_up(search)) {
        run_levels(search, result);
    }
    tear_down(search);
    free(search);
}
