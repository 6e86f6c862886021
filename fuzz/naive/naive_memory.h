/* naive_memory.h: a second model of the memory system, as plain as it can be.
 *
 * Owns: a machine of sim/machine/memory.h, written again from that header alone: it goes word by
 * word and cycle by cycle, searches whole sets, and keeps times of use instead of an order or a
 * tree. It shares no code with what it is compared with but the generator of random numbers.
 *
 * Invariants: small machines alone: what NAIVE_* bounds.
 */
#ifndef FUZZ_NAIVE_MEMORY_H
#define FUZZ_NAIVE_MEMORY_H

#include "../../sim/machine/memory.h"
#include "../../sim/random.h"

#define NAIVE_LINE_MAX    64
#define NAIVE_LINES_MAX   128 /* of a cache */
#define NAIVE_CORES_MAX   3
#define NAIVE_REGIONS_MAX 3
#define NAIVE_REGION_MAX  2048
#define NAIVE_STORES_MAX  8

struct naive_line {
    bool valid, dirty;
    unsigned region;
    uint64_t number; /* address / line */
    uint64_t used;   /* when the way was last used; stays when the line leaves */
    uint8_t data[NAIVE_LINE_MAX];
};

struct naive_cache {
    const struct smh_cache_config *config;
    unsigned sets;
    uint64_t clock;
    struct naive_line lines[NAIVE_LINES_MAX]; /* [set][way] */
    struct smh_random random;
};

struct naive_store {
    unsigned region, bytes;
    uint64_t offset;
    uint8_t data[8];
    bool uncached, last; /* of its access */
    bool begun;
    uint64_t left; /* cycles, once begun */
};

struct naive_core {
    struct naive_cache l1;
    struct naive_store stores[NAIVE_STORES_MAX];
    unsigned store_count;
    bool store_met[2], store_missed[2]; /* by the words so far of a store that is carried out */
};

struct naive_memory {
    const struct smh_machine_config *config;
    struct naive_core cores[NAIVE_CORES_MAX];
    struct naive_cache l2;
    uint8_t *truth[NAIVE_REGIONS_MAX];
    uint8_t memory[NAIVE_REGIONS_MAX][NAIVE_REGION_MAX];
    bool defined[NAIVE_REGIONS_MAX][NAIVE_REGION_MAX];
    struct smh_memory_counters counters[2][NAIVE_REGIONS_MAX];
    uint64_t wrong_offset;
    bool met[2], missed[2]; /* each level, by the access under way */
};

void naive_open(struct naive_memory *memory, const struct smh_machine_config *config,
                uint8_t *const truth[], uint64_t seed);
uint64_t naive_access(struct naive_memory *memory, const struct smh_access *access);
void naive_forget(struct naive_memory *memory, unsigned region, uint64_t offset, uint64_t bytes);
uint8_t naive_view(const struct naive_memory *memory, uint8_t core, unsigned region,
                   uint64_t offset);

/* A random machine for both, of what random draws: geometry, policies, cores, regions with and
 * without an alias, store buffer. regions has room for NAIVE_REGIONS_MAX. */
void naive_draw_machine(struct smh_random *random, struct smh_machine_config *config,
                        struct smh_region_config *regions);

#endif
